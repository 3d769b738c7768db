"""Fleets: many pairs at once, from the compiled table: stepped, counted, read, explained.

Law: numbers in arrays, each a pair of the table; a command of one pair answers the same.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from prgcore.errors import MissingExtra
from prgcore.lazily import lazily

if not find_spec("numpy"):
    raise MissingExtra("a fleet", "fleet")

if TYPE_CHECKING:
    from prgcore.fleet.chances import Chance, Plan
    from prgcore.fleet.counts import Counts
    from prgcore.fleet.fleet import Fleet, step
    from prgcore.fleet.histogram import Histogram
    from prgcore.fleet.table import Table

__all__ = ["Chance", "Counts", "Fleet", "Histogram", "Plan", "Table", "step"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "chances": ("Chance", "Plan"),
        "counts": ("Counts",),
        "fleet": ("Fleet", "step"),
        "histogram": ("Histogram",),
        "table": ("Table",),
    })
