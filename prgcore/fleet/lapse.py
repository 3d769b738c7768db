"""A lapse of time: a fleet goes through many steps, and what it shows is written down.

Law: one function for a histogram, one for a part of a fleet; both return the same record, and records
of parts add up. Nothing is printed, and nothing is read but plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from prgcore.fleet.chances import Plan
from prgcore.fleet.counts import Counts
from prgcore.fleet.fleet import Fleet
from prgcore.fleet.histogram import Histogram
from prgcore.fleet.passing import let_pass
from prgcore.fleet.table import Table

__all__ = ["PART", "Lapse", "lapse_of", "lapse_of_part"]

Ticks = Callable[[int], None]
"""Told how many steps are done."""

PART = 1 << 16
"""So many pairs of a fleet go their way together."""


@frozen(eq=False)
class Lapse:
    """What a fleet showed, step by step, and what was decided.

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

    def plus(self, other: Lapse) -> Lapse:
        """The lapse of two parts together.

        Raises:
            BadInput: they are of two machines.
        """
        counts = self.counts.plus(other.counts)
        return Lapse(self.shown + other.shown, counts)


def lapse_of(
    start: Histogram, plans: Sequence[Plan], rng: np.random.Generator, ticks: Ticks | None = None
) -> Lapse:
    """A lapse of a histogram, in place: one step for each plan.

    Raises:
        BadInput: a plan is of another table.
    """
    counts = Counts(start.table)
    shown = np.zeros((len(plans) + 1, _displays(start.table)), np.int64)
    shown[0] = start.shown
    for number, plan in enumerate(plans, 1):
        start.step_all(plan, rng, counts)
        shown[number] = start.shown
        if ticks is not None:
            ticks(number)
    return Lapse(shown, counts)


def lapse_of_part(
    part: Fleet, plans: Sequence[Plan], rng: np.random.Generator, ticks: Ticks | None = None
) -> Lapse:
    """A lapse of some pairs of a fleet, in place; best no more than `PART`."""
    table, counts = part.table, Counts(part.table)
    width = _displays(table)
    shown = np.zeros((len(plans) + 1, width), np.int64)
    shown[0] = np.bincount(table.shown.take(part.codes), minlength=width)
    for number, plan in enumerate(plans, 1):
        let_pass(part.codes, plan, rng, counts)
        shown[number] = np.bincount(table.shown.take(part.codes), minlength=width)
        if ticks is not None:
            ticks(number)
    return Lapse(shown, counts)


def _displays(table: Table) -> int:
    return max(1, len(table.displays))
