"""A high-availability pair engine whose every rule is data and whose every promise is proved.

    >>> from prgcore import PRG
    >>> pair = PRG.initial[0]
    >>> PRG.step(pair, "enable_ha").pair["node1.state"]
    'initializing'

The machine is a table (`prgcore.tables`); `PRG` reads it.

Law: nothing here touches a clock, a disk, a socket or randomness. Importing it loads no solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.engine import Decision, Engine, Pair, Walk
    from prgcore.errors import (
        BadInput,
        ImpossibleEvent,
        MalformedMachine,
        NotTotal,
        OutsideInvariant,
        PrgError,
    )
    from prgcore.machine import PRG, Machine, prg
    from prgcore.model import Model
    from prgcore.vocabulary import Evidence, Kind, Outcome, Reason, State

__all__ = [
    "PRG", "BadInput", "Decision", "Engine", "Evidence", "ImpossibleEvent", "Kind", "Machine",
    "MalformedMachine", "Model", "NotTotal", "Outcome", "OutsideInvariant", "Pair", "PrgError",
    "Reason", "State", "Walk", "__version__", "prg",
]

__version__ = "0.1.0"

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "engine": ("Decision", "Engine", "Pair", "Walk"),
        "errors": (
            "BadInput", "ImpossibleEvent", "MalformedMachine", "NotTotal", "OutsideInvariant",
            "PrgError",
        ),
        "machine": ("PRG", "Machine", "prg"),
        "model": ("Model",),
        "vocabulary": ("Evidence", "Kind", "Outcome", "Reason", "State"),
    })


def __dir__() -> list[str]:
    return sorted(__all__)
