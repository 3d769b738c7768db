"""A lapse of time: a fleet goes through many steps, and what it shows is written down.

Law: pairs that are alike are counted, or every pair is followed; both return the same record, and
records of parts add up. Nothing is printed, and nothing is read but plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from prgcore.errors import BadInput
from prgcore.fleet.chances import Plan
from prgcore.fleet.counts import Counts
from prgcore.fleet.fleet import Fleet
from prgcore.fleet.histogram import Histogram
from prgcore.fleet.passing import let_pass
from prgcore.fleet.table import Table

__all__ = ["PART", "Lapse", "counted_alike", "lapse_of_part"]

Ticks = Callable[[int, int], None]
"""Told how many steps or pairs are done, and of how many."""

PART = 1 << 16
"""So many pairs of a fleet go their way together."""


@frozen(eq=False)
class Lapse:
    """Displays of a fleet, step by step, and the decisions.

    Attributes:
        shown: `shown[step, display]`: how many pairs showed each of the table's `displays` before
            the first step and after each. int64. One column of all pairs, without displays.
        counts: the decisions that moved a pair.
    """

    shown: npt.NDArray[np.int64] = field(repr=False)
    counts: Counts

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return int(self.shown[0].sum())


def counted_alike(
    table: Table, code: int, pairs: int, plans: Sequence[Plan], seed: int,
    ticks: Ticks | None = None,
) -> Lapse:
    """A lapse of so many pairs that begin with one code, counted where they are alike.

    Raises:
        BadInput: too many pairs, or a plan is of another table.
    """
    counters = np.zeros(len(table), np.int64)
    counters[code] = pairs
    start, chance = Histogram(table, counters), np.random.default_rng(seed)
    counts = Counts(table)
    shown = np.zeros((len(plans) + 1, _displays(table)), np.int64)
    shown[0] = start.shown
    for number, plan in enumerate(plans, 1):
        start.step_all(plan, chance, counts)
        shown[number] = start.shown
        if ticks is not None:
            ticks(number, len(plans))
    return Lapse(shown, counts)


def lapse_of_part(part: Fleet, plans: Sequence[Plan], rng: np.random.Generator) -> Lapse:
    """A lapse of some pairs of a fleet, in place; best no more than `PART`.

    Raises:
        BadInput: a plan is of another table.
    """
    table, counts = part.table, Counts(part.table)
    if any(plan.table is not table for plan in plans):
        raise BadInput("a plan is of another table; make it with Plan.of(fleet.table, …)")
    width = _displays(table)
    shown = np.zeros((len(plans) + 1, width), np.int64)
    shown[0] = np.bincount(table.shown.take(part.codes), minlength=width)
    for number, plan in enumerate(plans, 1):
        let_pass(part.codes, plan, rng, counts)
        shown[number] = np.bincount(table.shown.take(part.codes), minlength=width)
    return Lapse(shown, counts)


def _displays(table: Table) -> int:
    return max(1, len(table.displays))
