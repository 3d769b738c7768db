"""A histogram: how many pairs have each code, where it does not matter which pair is which.

Law: whole numbers, and exact. A counter for every reachable pair is enough for any number of
pairs. Only counters that are occupied are touched. What comes by chance is drawn from the same
distribution as for a fleet pair by pair: binomial counts, seeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BadInput
from prgcore.fleet.chances import ROUNDS, Chance, Entry, Plan
from prgcore.fleet.counts import Counts
from prgcore.fleet.fleet import Fleet
from prgcore.fleet.table import Codes, Table

__all__ = ["Histogram"]

Counters = npt.NDArray[np.int64]

MOST = 1 << 53
"""So many pairs at most: sums of weights are exact below."""
CROWD = 4.0
"""A counter from which at least so many pairs are expected to move is drawn by itself."""


@define(eq=False, repr=False)
class Histogram:
    """Counters by code. `Histogram.home(table, 10**9)`, `Histogram.of(fleet)`.

    Attributes:
        table: the table of the machine.
        counters: int64, how many pairs have each code.

    Raises:
        BadInput: not one counter for each code, one is below zero, or the sum is too large.
    """

    table: Table
    counters: Counters = field()

    def __attrs_post_init__(self) -> None:
        given = np.asarray(self.counters)
        if given.shape != (len(self.table),) or given.dtype.kind not in "iu":
            raise BadInput(f"counters are {given.dtype} of shape {given.shape}; expected whole "
                           f"numbers, one for each of {len(self.table):,} codes")
        if len(given) and given.min() < 0:
            raise BadInput(f"code {int(given.argmin())} counts {given.min()} pairs; expected 0 or more")
        if given.sum(dtype=np.float64) >= MOST:
            raise BadInput(f"a histogram counts fewer than {MOST:,} pairs; divide the fleet")
        self.counters = given.astype(np.int64)

    def __repr__(self) -> str:
        return f"<Histogram of {self.pairs:,} pairs with {len(self.occupied):,} codes>"

    @classmethod
    def home(cls, table: Table, pairs: int) -> Histogram:
        """So many pairs, all of them at home.

        Raises:
            BadInput: the number is below zero, or too large.
        """
        if not 0 <= pairs < MOST:
            raise BadInput(f"a histogram of {pairs} pairs: expected a number from 0, below {MOST:,}")
        counters = np.zeros(len(table), np.int64)
        counters[table.home] = pairs
        return cls(table, counters)

    @classmethod
    def of(cls, fleet: Fleet) -> Histogram:
        """The histogram of a fleet."""
        return cls(fleet.table, np.bincount(fleet.codes, minlength=len(fleet.table)))

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return int(self.counters.sum())

    @property
    def occupied(self) -> Codes:
        """The codes that some pair has, ascending."""
        return np.flatnonzero(self.counters).astype(np.uint32)

    @property
    def shown(self) -> Counters:
        """How many pairs show each of the table's `displays`."""
        at = self.occupied
        return _weighed(self.table.shown.take(at), self.counters.take(at), len(self.table.displays))

    def step(self, event: str | int, counts: Counts | None = None) -> None:
        """Give one event to every pair, in place.

        Raises:
            BadInput: no such event, or counts of another table. Nothing is changed.
        """
        number = self.table.event(event)
        self._checked(counts)
        at = self.occupied
        some = self.counters.take(at)
        if counts is not None:
            counts.add(number, _weighed(
                self.table.answer[number].take(at), some, len(self.table.answers[number])))
        after = self.table.next[number].take(at)
        moved = after != at
        self._move(at[moved], after[moved], some[moved])

    def step_all(
        self, chances: Plan | Mapping[str, float] | Iterable[Chance], rng: np.random.Generator,
        counts: Counts | None = None,
    ) -> int:
        """Let one step of time pass, in place: every event of a plan comes to its share of pairs.

        An event that cannot happen in a pair does not come to it, and is not counted. What is
        quick is counted only where it moves a pair.

        Args:
            chances: a plan; or chances, of which a plan is made: make it once for many steps.
            rng: the source of chance.
            counts: counts the decisions, if given.

        Returns:
            How often a pair has moved.

        Raises:
            BadInput: as `Plan.of`, or a plan or counts of another table. Nothing is changed.
        """
        plan = chances if isinstance(chances, Plan) else Plan.of(self.table, chances)
        if plan.table is not self.table:
            raise BadInput("the plan is of another table; make it with Plan.of(histogram.table, …)")
        self._checked(counts)
        at = _Occupied(plan, self.occupied)
        total = sum(self._come(plan, e, at, rng, counts, still=True) for e in plan.once)
        for _ in range(ROUNDS):
            moved = sum(self._come(plan, e, at, rng, counts, still=False) for e in plan.quick)
            total += moved
            if not moved:
                break
        return total

    def _checked(self, counts: Counts | None) -> None:
        if counts is not None and counts.table is not self.table:
            raise BadInput("the counts are of another table; make them with Counts(histogram.table)")

    def _come(
        self, plan: Plan, entry: Entry, at: _Occupied, rng: np.random.Generator,
        counts: Counts | None, *, still: bool,
    ) -> int:
        """Let one event come; how many pairs it has moved."""
        codes = at.moved_by(entry)
        if still and counts is not None:
            self._unmoved(plan, entry, at.codes, rng, counts)
        if not len(codes):
            return 0
        some = self.counters.take(codes)
        moved = some if entry.chance == 1 else _thinned(some, entry.chance, rng)
        hit = np.flatnonzero(moved)
        if not len(hit):
            return 0
        codes, moved = codes.take(hit), moved.take(hit)
        if counts is not None:
            counts.add(entry.event, _weighed(self.table.answer[entry.event].take(codes), moved,
                                             len(self.table.answers[entry.event])))
        after = self.table.next[entry.event].take(codes)
        fresh = after[self.counters.take(after) == 0]
        self._move(codes, after, moved)
        at.add(fresh)
        return int(moved.sum())

    def _unmoved(
        self, plan: Plan, entry: Entry, codes: Codes, rng: np.random.Generator, counts: Counts
    ) -> None:
        """Count the decisions that move no pair: they are drawn by rule, not by code."""
        calm = codes[(plan.bits[entry.word].take(codes) & entry.bit) == 0]
        if entry.where is not None:
            calm = calm[entry.where.take(calm)]
        answers = self.table.answers[entry.event]
        some = _weighed(self.table.answer[entry.event].take(calm), self.counters.take(calm),
                        len(answers))
        some[self.table.cannot[entry.event]] = 0
        counts.add(entry.event, rng.binomial(some, entry.chance))

    def _move(self, codes: Codes, after: Codes, moved: Counters) -> None:
        """Move pairs from codes, each of which is named once, to other codes."""
        self.counters[codes] -= moved
        np.add.at(self.counters, after, moved)


class _Occupied:
    """The codes that are occupied, with the bits of a plan; codes are added as pairs reach them."""

    def __init__(self, plan: Plan, codes: Codes) -> None:
        self._plan = plan
        self._parts = [codes]
        self._bits = [[bits.take(codes)] for bits in plan.bits]

    @property
    def codes(self) -> Codes:
        """All of them, once each."""
        self._join()
        return self._parts[0]

    def moved_by(self, entry: Entry) -> Codes:
        """Those that an event moves."""
        self._join()
        found: Codes = self._parts[0][(self._bits[entry.word][0] & entry.bit) != 0]
        return found

    def add(self, fresh: Codes) -> None:
        """Add codes that were not occupied before."""
        if len(fresh):
            self._parts.append(fresh)

    def _join(self) -> None:
        if len(self._parts) == 1:
            return
        old, *new = self._parts
        fresh = np.setdiff1d(np.concatenate(new), old)
        self._parts = [np.concatenate([old, fresh])]
        for bits, mine in zip(self._plan.bits, self._bits, strict=True):
            mine[:] = [np.concatenate([mine[0], bits.take(fresh)])]


def _weighed(kinds: npt.NDArray[Any], some: Counters, length: int) -> Counters:
    """The sums of some counters by kind; exact, because all of them are below 2**53."""
    return np.bincount(kinds, weights=some, minlength=length).astype(np.int64)


def _thinned(some: Counters, chance: float, rng: np.random.Generator) -> Counters:
    """How many of each counter's pairs are hit, each pair with the same chance.

    Large counters are drawn one by one. Of the others, the number of pairs that are hit is drawn
    as one, and then which pairs these are: the distribution is the same.
    """
    crowded = some * chance >= CROWD
    if chance > 1 / CROWD or crowded.all():
        return rng.binomial(some, chance)
    moved = np.zeros_like(some)
    large = np.flatnonzero(crowded)
    moved[large] = rng.binomial(some.take(large), chance)
    small = np.flatnonzero(~crowded)
    ends = np.cumsum(some.take(small))
    hits = rng.binomial(ends[-1], chance)
    if hits:
        places = rng.choice(int(ends[-1]), int(hits), replace=False, shuffle=False)
        at = np.searchsorted(ends, places, side="right")
        np.add.at(moved, small.take(at), 1)
    return moved

