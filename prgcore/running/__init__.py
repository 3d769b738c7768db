"""Running: what keeps a pair alive, from one driver in a program to an agent on each node.

Law: each of them decides from what it knows, then writes, then acts, in this order only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.running.asynchronous import AsyncDriver
    from prgcore.running.desired import Desired
    from prgcore.running.driver import Driver
    from prgcore.running.keeper import Keeper
    from prgcore.running.shapes import Heard

__all__ = ["AsyncDriver", "Desired", "Driver", "Heard", "Keeper"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "asynchronous": ("AsyncDriver",),
        "desired": ("Desired",),
        "driver": ("Driver",),
        "keeper": ("Keeper",),
        "shapes": ("Heard",),
    })
