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
FEW = 4096
"""So few codes are never forgotten."""
PLANS = 16
"""So many plans are kept ready."""
ALONE = 512
"""Fewer counters are drawn one by one."""
CROWD = 4.0
"""A counter from which at least so many pairs are expected to move is drawn by itself."""


@define(eq=False, repr=False)
class Histogram:
    """Counters by code. `Histogram.home(table, 10**9)`, `Histogram.of(fleet)`.

    Attributes:
        table: the table of the machine.

    Raises:
        BadInput: not one counter for each code, one is below zero, or the sum is too large.
    """

    table: Table
    _counters: Counters = field()
    _known: _Known = field(init=False)

    def __attrs_post_init__(self) -> None:
        given = np.asarray(self._counters)
        if given.shape != (len(self.table),) or given.dtype.kind not in "iu":
            raise BadInput(f"counters are {given.dtype} of shape {given.shape}; expected whole "
                           f"numbers, one for each of {len(self.table):,} codes")
        if len(given) and given.min() < 0:
            raise BadInput(f"code {int(given.argmin())} counts {given.min()} pairs; expected 0 or more")
        if given.sum(dtype=np.float64) >= MOST:
            raise BadInput(f"a histogram counts fewer than {MOST:,} pairs; divide the fleet")
        self._counters = given.astype(np.int64)
        self._known = _Known(self._counters)

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
    def counters(self) -> Counters:
        """How many pairs have each code; int64, not to be written to."""
        view = self._counters.view()
        view.flags.writeable = False
        return view

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return int(self._counters.sum())

    @property
    def occupied(self) -> Codes:
        """The codes that some pair has, ascending."""
        codes = self._known.codes
        return np.sort(codes[self._counters.take(codes) > 0])

    @property
    def shown(self) -> Counters:
        """How many pairs show each of the table's `displays`."""
        at = self.occupied
        return _weighed(self.table.shown.take(at), self._counters.take(at), len(self.table.displays))

    def step(self, event: str | int, counts: Counts | None = None) -> None:
        """Give one event to every pair, in place.

        Raises:
            BadInput: no such event, or counts of another table. Nothing is changed.
        """
        number = self.table.event(event)
        self._checked(counts)
        at = self.occupied
        some = self._counters.take(at)
        if counts is not None:
            counts.add(number, _weighed(
                self.table.answer[number].take(at), some, len(self.table.answers[number])))
        after = self.table.next[number].take(at)
        moved = after != at
        self._move(at[moved], after[moved], some[moved], some[moved])

    def step_all(
        self, chances: Plan | Mapping[str, float] | Iterable[Chance], rng: np.random.Generator,
        counts: Counts | None = None,
    ) -> int:
        """Let one step of time pass, in place: every event of a plan comes to its share of pairs.

        An event that would not move a pair does not come to it, and is not counted.

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
        if self._known.stale(self._counters):
            self._known = _Known(self._counters)
        shares = self._known.shares(plan)
        total = sum(self._come(shares[e], rng, counts, None) for e in plan.once)
        waits = [int(bits) for bits in plan.lively]
        for _ in range(ROUNDS):
            if not any(waits):
                break
            for entry in plan.quick:
                bit = int(entry.bit)
                if waits[entry.word] & bit:
                    waits[entry.word] ^= bit
                    total += self._come(shares[entry], rng, counts, waits)
        return total

    def _checked(self, counts: Counts | None) -> None:
        if counts is not None and counts.table is not self.table:
            raise BadInput("the counts are of another table; make them with Counts(histogram.table)")

    def _come(
        self, share: _Share, rng: np.random.Generator, counts: Counts | None,
        waits: list[int] | None,
    ) -> int:
        """Let one event come; how many pairs it has moved.

        Args:
            waits: by word, the bits of the quick events for which a pair may wait. Those of the
                codes that are reached are added, and its own where it did not come to all.
        """
        some: Counters = self._counters.take(share.codes)
        hit = some.nonzero()[0]
        if not len(hit):
            return 0
        here = moved = some.take(hit)
        if share.chance < 1:
            moved = _thinned(here, share.chance, rng)
            some = moved.nonzero()[0]
            hit, here, moved = hit.take(some), here.take(some), moved.take(some)
            if waits is not None:
                waits[share.word] |= share.bit
            if not len(hit):
                return 0
        codes, after = share.codes.take(hit), share.after.take(hit)
        total = int(moved.sum())
        if counts is not None:
            counts.add(share.event, share.answered(hit, moved, total))
        self._move(codes, after, moved, here)
        if waits is not None:
            share.wake(after, waits)
        return total

    def _move(self, codes: Codes, after: Codes, moved: Counters, here: Counters) -> None:
        """Move pairs from codes, each of which is named once and has so many, to other codes."""
        self._counters[codes] = here - moved
        np.add.at(self._counters, after, moved)
        self._known.add(after)


class _Known:
    """The codes that are occupied, or have been, in the order in which pairs reached them."""

    def __init__(self, counters: Counters) -> None:
        self._codes = np.flatnonzero(counters).astype(np.uint32)
        self.size = len(self._codes)
        self._begun = self.size
        self._listed = np.zeros(len(counters), np.bool_)
        self._listed[self._codes] = True
        self._shares: dict[int, _Shares] = {}

    @property
    def codes(self) -> Codes:
        """All of them, once each."""
        return self._codes[:self.size]

    def stale(self, counters: Counters) -> bool:
        """Whether most of them are empty again, so that it is better to begin anew."""
        if self.size < 2 * self._begun + FEW:
            return False
        self._begun = self.size
        return 4 * int(np.count_nonzero(counters.take(self.codes))) < self.size

    def add(self, codes: Codes) -> None:
        """Add those of these codes that are not listed."""
        listed = self._listed.take(codes)
        if listed.all():
            return
        fresh = np.unique(codes[~listed])
        self._listed[fresh] = True
        high = self.size + len(fresh)
        if high > len(self._codes):
            self._codes = np.concatenate([self._codes, np.zeros(high, np.uint32)])
        self._codes[self.size:high] = fresh
        self.size = high

    def shares(self, plan: Plan) -> _Shares:
        """The shares of a plan."""
        if id(plan) not in self._shares:
            if len(self._shares) >= PLANS:
                self._shares.clear()
            self._shares[id(plan)] = _Shares(plan, self)
        return self._shares[id(plan)]


class _Shares:
    """For each entry of a plan, the known codes that it moves."""

    def __init__(self, plan: Plan, known: _Known) -> None:
        self._plan, self._known, self._seen = plan, known, 0
        self._shares = {entry: _Share(plan, entry) for entry in (*plan.once, *plan.quick)}
        self._news = [0] * len(plan.bits)

    def __getitem__(self, entry: Entry) -> _Share:
        """The share of an entry, with the codes that are new since the last time."""
        known, share = self._known, self._shares[entry]
        if self._seen < known.size:
            fresh = known.codes[self._seen:]
            self._seen = known.size
            for word, bits in enumerate(self._plan.bits):
                self._news[word] |= int(np.bitwise_or.reduce(bits.take(fresh)))
        if self._news[share.word] & share.bit:
            self._news[share.word] ^= share.bit
            share.catch_up(known)
        return share


class _Share:
    """The known codes that an entry of a plan moves, and the codes after."""

    def __init__(self, plan: Plan, entry: Entry) -> None:
        self.event, self.chance = entry.event, entry.chance
        self.word, self.bit = entry.word, int(entry.bit)
        self.codes = self.after = np.zeros(0, np.uint32)
        self._plan, self._bits, self._bit = plan, plan.bits[entry.word], entry.bit
        self._said = np.zeros(0, plan.table.answer.dtype)
        self._one = np.zeros(0, np.int64)
        self._seen = 0

    def catch_up(self, known: _Known) -> None:
        """Look at the codes that are new since the last time."""
        codes = known.codes
        fresh = codes[self._seen:]
        self._seen = len(codes)
        fresh = fresh[(self._bits.take(fresh) & self._bit) != 0]
        if len(fresh):
            self.codes = np.concatenate([self.codes, fresh])
            self.after = np.concatenate([self.after, self._plan.table.next[self.event].take(fresh)])
            self._said = np.concatenate([self._said, self._plan.table.answer[self.event].take(fresh)])
            alike = (self._said == self._said[0]).all()
            self._one = np.zeros(int(self._said[0]) + 1 if alike else 0, np.int64)

    def wake(self, after: Codes, waits: list[int]) -> None:
        """Add the quick events that move pairs of these codes."""
        for word, bits in enumerate(self._plan.bits):
            reached = np.bitwise_or.reduce(bits.take(after)) & self._plan.lively[word]
            waits[word] |= int(reached)

    def answered(self, hit: npt.NDArray[np.intp], moved: Counters, total: int) -> Counters:
        """How often each answer was given where pairs were hit; one answer needs no counting."""
        if not len(self._one):
            return _weighed(self._said.take(hit), moved, 0)
        self._one[-1] = total
        return self._one


def _weighed(kinds: npt.NDArray[Any], some: Counters, length: int) -> Counters:
    """The sums of some counters by kind; exact, because all of them are below 2**53."""
    return np.bincount(kinds, weights=some, minlength=length).astype(np.int64)


def _thinned(some: Counters, chance: float, rng: np.random.Generator) -> Counters:
    """How many of each counter's pairs are hit, each pair with the same chance.

    Large counters are drawn one by one. Of the others, the number of pairs that are hit is drawn
    as one, and then which pairs these are: the distribution is the same.
    """
    if len(some) < ALONE or chance > 1 / CROWD:
        return rng.binomial(some, chance)
    crowded = some * chance >= CROWD
    moved = np.zeros_like(some)
    large = np.flatnonzero(crowded)
    moved[large] = rng.binomial(some.take(large), chance)
    small = np.flatnonzero(~crowded)
    ends = np.cumsum(some.take(small))
    hits = rng.binomial(ends[-1], chance) if len(ends) else 0
    if hits:
        places = rng.choice(int(ends[-1]), int(hits), replace=False, shuffle=False)
        at = np.searchsorted(ends, places, side="right")
        np.add.at(moved, small.take(at), 1)
    return moved

