"""A Markov chain of a world: its moves, times the stages of the clocks that run.

Law: states and rates only; what is solved of them is `prgcore.outage.markov`. Nothing is drawn by
chance.

A clock that counts to its limit passes stages of one mean length, so that its age is a number of
stages. A clock that begins within an interval, as silence does after the last heartbeat, begins in one
of several stages: each age is shared between its two neighbours, which keeps the mean. A stage that
nothing can depend on any more is left out. The clocks of both nodes for one event pass their stages
together, so that two that began together end together.

The states are found best first, from home: a state is expanded when the chance to meet it between
two visits of home exceeds `least`. A way into a state that is not expanded strays to the most likely
one of the same pair; where there is none, it leaves the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen
from scipy.sparse import csr_matrix

from prgcore.errors import BadInput, BudgetExhausted
from prgcore.outage.moves import Mask, Moves, Times
from prgcore.outage.served import COUNTS, Following, Steps

__all__ = ["CUT", "Chain", "Ground", "Stages", "chain", "ground", "leaders", "paces"]

Numbers: TypeAlias = npt.NDArray[np.int64]

CUT = -1
"""In `Chain.to`: out of the chain."""
MOST = 3_000_000
"""The most transitions that are kept."""
MOST_AT_ONCE = 40
"""The most timers in a row that fire at one moment."""
FEWEST = 2
"""The fewest stages of a clock."""


@frozen(eq=False)
class Stages:
    """A clock in stages. Arrays have one entry for each pair of the moves.

    Attributes:
        event: the index of the event that it makes due.
        name: the event without its seat.
        needed: the stage in which it is due, by pair.
        pace: how many stages it passes in a second, by pair.
        matters: the pairs in which it runs and its age matters.
        again: where it begins again.
        begins: the stages that it begins in, each with its share.
        fresh: the stage after its event was given, by pair.
        after: the pair that its event leads to; -1: it moves nothing.
    """

    event: int
    name: str
    needed: npt.NDArray[np.int64]
    pace: Times
    matters: Mask
    again: Mask
    begins: tuple[tuple[int, float], ...]
    fresh: npt.NDArray[np.int64]
    after: npt.NDArray[np.int32]

    @property
    def most(self) -> int:
        """The greatest stage."""
        return int(self.needed.max())


@frozen(eq=False)
class Chain:
    """The states that were expanded, and their transitions; state 0 is home.

    Attributes:
        moves, stages: what it was made of.
        pair: for each state its pair.
        ages: for each clock, the stage in each state.
        start, to: for each transition the state it leaves and the one it reaches, or `CUT`.
        strays: which transitions lead to another state of the pair than they should.
        event: for each transition the index of the event whose rate it has.
        clock: for each transition the number of the clock whose stage it passes, the first one
            where several pass theirs together; -1: of none.
        share: for each transition the share of the rate of its event that it has.
        counts: for each transition and each of `COUNTS`, by group: how often it counts. int8.
    """

    moves: Moves = field(repr=False)
    stages: tuple[Stages, ...] = field(repr=False)
    pair: Numbers = field(repr=False)
    ages: tuple[Numbers, ...] = field(repr=False)
    start: Numbers = field(repr=False)
    to: Numbers = field(repr=False)
    strays: Mask = field(repr=False)
    event: Numbers = field(repr=False)
    clock: Numbers = field(repr=False)
    share: Times = field(repr=False)
    counts: npt.NDArray[np.int8] = field(repr=False)

    def __len__(self) -> int:
        return len(self.pair)


def paces(chain: Chain, moves: Moves | None = None) -> Times:
    """The rate of every transition, per second.

    Args:
        moves: moves of the same pairs in a world with other rates.
    """
    moves = chain.moves if moves is None else moves
    table = _rates(moves)
    place = chain.pair[chain.start]
    found = table[chain.event, place] * chain.share
    for number, one in enumerate(chain.stages):
        mine = chain.clock == number
        found[mine] = one.pace[place[mine]] * chain.share[mine]
    return found


def _rates(moves: Moves) -> Times:
    """By event and pair: rates per second of all time.

    An event in working hours has the rate with which it takes as long on average, from any moment.
    """
    found = []
    for name, rate in zip(moves.events, moves.rates, strict=True):
        asked = moves.world.rate(name)
        slower = asked.mean / moves.world.week.wait(asked.mean) if asked.working else 1.0
        found.append(rate * slower)
    return np.array(found)


# --------------------------------------------------------------------------- the clocks


@frozen(eq=False)
class Ground:
    """The parts that all chains of the same moves share, with any stages.

    Attributes:
        rates: by event and pair, per second.
        begin, events, leads: for each pair from `begin[pair]` on the events that have a rate and
            move it, each with the pair that it leads to.
        matters: for each clock, by its event, where it runs and its age matters.
    """

    moves: Moves
    rates: Times
    begin: Numbers
    events: Numbers
    leads: Numbers
    matters: dict[int, Mask]


def ground(moves: Moves) -> Ground:
    """The parts that all chains of these moves share.

    Raises:
        BadInput: nothing ever happens, or from some pair no way leads home, so an outage never ends.
    """
    if not moves.events:
        raise BadInput("nothing happens in this world: no event that moves the pair has a rate; give "
                       'one, as in --rate "power_off=every 1 year"')
    rates = _rates(moves)
    next_ = np.array(moves.next)
    place, events = np.nonzero((next_ >= 0).T)
    leads = next_[events, place].astype(np.int64)
    leads[moves.at_home[leads]] = 0  # they differ in reasons only
    whole = csr_matrix(
        (np.ones(len(leads), np.float32), leads, np.searchsorted(place, np.arange(len(moves) + 1))),
        shape=(len(moves), len(moves)))
    _check_ends(moves, whole)
    matters = {e: _matters(moves, e, whole) for e in moves.clocks}
    moving = rates[events, place] > 0
    place, events, leads = place[moving], events[moving], leads[moving]
    return Ground(moves, rates, np.searchsorted(place, np.arange(len(moves) + 1)), events, leads, matters)


def _check_ends(moves: Moves, whole: csr_matrix) -> None:
    found = fresh = np.arange(len(moves)) == 0
    while fresh.any():
        fresh = (whole @ fresh.astype(np.float32) > 0) & ~found
        found = found | fresh
    if not found.all():
        ill, first = moves.pair(int(np.flatnonzero(~found)[0])), moves.pair(0)
        told = ", ".join(f"{n}={v}" for n, v in ill.items() if v != first[n])
        raise BadInput(f"some outage of this world never ends, as nothing leads home from {told:.200}; "
                       "give each repair and command on the way a time")


def _matters(moves: Moves, e: int, whole: csr_matrix) -> Mask:
    """Where a clock runs, and may move a pair before it begins again."""
    clock, able = moves.clocks[e], moves.next[e] >= 0
    if clock.hears:
        return able
    found = fresh = clock.runs & able
    while fresh.any():
        fresh = (whole @ fresh.astype(np.float32) > 0) & clock.runs & ~found
        found = found | fresh
    return found


def _stages(base: Ground, number: int) -> tuple[Stages, ...]:
    return tuple(_stage(base, e, number) for e, mask in base.matters.items() if mask.any())


def _stage(base: Ground, e: int, number: int) -> Stages:
    moves, runs = base.moves, base.matters[e]
    clock, after = moves.clocks[e], moves.next[e]
    limits = clock.limit[runs]
    least = float(limits.min()) if limits.size else 1.0
    wanted = max(FEWEST, number // 2 if clock.hears else number)
    width = max(least, 1e-3) / wanted
    needed = np.maximum(1, np.rint(clock.limit / width)).astype(np.int64)
    interval = float(moves.world.parameters.keep_alive_interval)
    begins = _spread(interval, width, int(needed.max())) if clock.quiet or clock.hears else ((0, 1.0),)
    fresh = np.zeros(len(moves), np.int64) if clock.hears else np.maximum(
        0, needed - max(1, round(interval / width)))
    return Stages(
        e, moves.events[e].partition("(")[0], needed, needed / np.maximum(clock.limit, 1e-3), runs, clock.again, begins, fresh,
        after)


def _spread(interval: float, width: float, most: int) -> tuple[tuple[int, float], ...]:
    """An age that is spread evenly from 0 to the interval, as shares of whole stages."""
    if interval <= 0:
        return ((0, 1.0),)
    edge = interval / width
    found = np.zeros(most + 2)
    for stage in range(int(edge) + 1):
        low, high = float(stage), min(stage + 1.0, edge)
        if high <= low:
            continue
        part, middle = (high - low) / edge, (high + low) / 2 - stage
        found[min(stage, most)] += part * (1 - middle)
        found[min(stage + 1, most)] += part * middle
    return tuple((s, float(w)) for s, w in enumerate(found) if w > 0)


def leaders(
    stages: tuple[Stages, ...], pair: Numbers, ages: Sequence[Numbers]
) -> tuple[Numbers, ...]:
    """For each clock, in each state: the first of the clocks that pass a stage with it.

    It is -1 where the clock does not run, or has passed all of its stages. The clocks of both
    nodes for one event pass their stages together where their pace is the same.
    """
    runs = [one.matters[pair] & (age < one.needed[pair])
            for one, age in zip(stages, ages, strict=True)]
    paces_ = [one.pace[pair] for one in stages]
    found = [np.full(len(pair), -1, np.int64) for _ in stages]
    for number, mine in enumerate(runs):
        first = mine & (found[number] < 0)
        for other in range(number, len(stages)):
            if stages[other].name == stages[number].name:
                with_it = first & runs[other] & (found[other] < 0) & np.isclose(
                    paces_[other], paces_[number], rtol=1e-9, atol=0)
                found[other][with_it] = number
    return tuple(found)


# --------------------------------------------------------------------------- the states


@define
class _Rows:
    """Transitions under way: where they start, where they lead, and what they have counted."""

    start: Numbers
    event: Numbers
    clock: Numbers
    share: Times
    old: Numbers
    pair: Numbers
    ages: list[Numbers]
    kept: list[Numbers]
    counts: npt.NDArray[np.int8]
    fired: Numbers

    def take(self, rows: Numbers | Mask) -> _Rows:
        return _Rows(
            self.start[rows], self.event[rows], self.clock[rows], self.share[rows], self.old[rows],
            self.pair[rows], [a[rows] for a in self.ages], [k[rows] for k in self.kept],
            self.counts[rows], self.fired[rows])

    @staticmethod
    def joined(parts: list[_Rows]) -> _Rows:
        if len(parts) == 1:
            return parts[0]
        one: dict[str, Any] = {
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in ("start", "event", "clock", "share", "old", "pair", "counts", "fired")}
        return _Rows(
            **one, ages=[np.concatenate(a) for a in zip(*(p.ages for p in parts), strict=True)],
            kept=[np.concatenate(k) for k in zip(*(p.kept for p in parts), strict=True)])


@define
class _Making:
    """States and transitions as they are found."""

    base: Ground
    stages: tuple[Stages, ...]
    following: Following
    sizes: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sizes = [s.most + 1 for s in self.stages] + [self.following.size] * len(
            self.moves.groups)

    @property
    def moves(self) -> Moves:
        """The moves of the chain."""
        return self.base.moves

    def key(self, pair: Numbers, ages: list[Numbers], kept: list[Numbers]) -> Numbers:
        found = pair.astype(np.int64)
        for size, one in zip(self.sizes, [*ages, *kept], strict=True):
            found = found * size + one
        return found

    def open(self, key: Numbers) -> tuple[Numbers, list[Numbers], list[Numbers]]:
        parts: list[Numbers] = []
        for size in reversed(self.sizes):
            key, one = np.divmod(key, size)
            parts.append(one)
        parts.reverse()
        return key, parts[:len(self.stages)], parts[len(self.stages):]

    def first(self) -> int:
        """The key of home."""
        if any(s.matters[0] for s in self.stages):
            names = [self.moves.events[s.event] for s in self.stages if s.matters[0]]
            raise BadInput(f"{names[0]} is a timer that runs while everything is well, so no moment "
                           f"begins the world anew; write '{names[0]} = \"takes 60 s\"'")
        return 0

    def expand(self, keys: Numbers) -> _Rows:
        """The transitions of some states; `start` counts within `keys`."""
        pair, ages, kept = self.open(keys)
        size = self.base.begin[pair + 1] - self.base.begin[pair]
        start = np.repeat(np.arange(len(keys)), size)
        at = np.arange(len(start)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(
            self.base.begin[pair], size)
        nothing = np.full(len(start), -1, np.int64)
        width = len(COUNTS) * len(self.moves.groups)
        rows = _Rows(
            start, self.base.events[at], nothing, np.ones(len(start)), pair[start], self.base.leads[at],
            [a[start] for a in ages], [k[start] for k in kept],
            np.zeros((len(start), width), np.int8), self.base.events[at])
        parts = []
        leads = leaders(self.stages, pair, ages)
        for number, one in enumerate(self.stages):
            here = np.flatnonzero(leads[number] == number)
            grown = [a[here] + (lead[here] == number) for a, lead in zip(ages, leads, strict=True)]
            passed = _Rows(
                here, np.full(len(here), one.event, np.int64), np.full(len(here), number, np.int64),
                np.ones(len(here)), pair[here], pair[here], grown, [k[here] for k in kept],
                np.zeros((len(here), width), np.int8), np.full(len(here), -1, np.int64))
            parts.append(passed)
        return self._settled(_Rows.joined([self._moved(rows), *parts]))

    def _moved(self, rows: _Rows) -> _Rows:
        """After a move: groups followed, clocks begun, ended or kept."""
        self.following.follow(Steps(rows.old, rows.pair, rows.kept, rows.counts))
        for number, one in enumerate(self.stages):
            runs = one.matters[rows.pair]
            ran = one.matters[rows.old]
            age = rows.ages[number]
            anew = one.again[rows.pair] & ~one.again[rows.old]
            given = rows.fired == one.event
            age = np.where(given, one.fresh[rows.pair], age)
            age = np.where(runs & ~anew & ran, np.minimum(age, one.most), 0)
            rows.ages[number] = age
            if len(one.begins) > 1 or one.begins[0][0]:
                new = runs & ~ran & ~anew
                if new.any():
                    rows = self._begun(rows, number, np.flatnonzero(new))
        return rows

    def _begun(self, rows: _Rows, number: int, new: Numbers) -> _Rows:
        begins = self.stages[number].begins
        others = np.ones(len(rows.start), np.bool_)
        others[new] = False
        parts = [rows.take(others)]
        for stage, share in begins:
            part = rows.take(new)
            part.ages[number] = np.full(len(new), stage, np.int64)
            part.share = part.share * share
            parts.append(part)
        return _Rows.joined(parts)

    def _settled(self, rows: _Rows) -> _Rows:
        """After timers that are due have moved the pair, at once; each of several may be the first."""
        done: list[_Rows] = []
        for _ in range(MOST_AT_ONCE):
            due = np.array([
                one.matters[rows.pair] & (age >= one.needed[rows.pair]) & (one.after[rows.pair] >= 0)
                for one, age in zip(self.stages, rows.ages, strict=True)], np.bool_).reshape(
                    len(self.stages), len(rows.start))
            several = due.sum(axis=0)
            done.append(rows.take(several == 0))
            if not several.any():
                return _Rows.joined(done)
            which, at = np.nonzero(due)
            rows = rows.take(at)
            rows.share = rows.share / several[at]
            rows.old = rows.pair
            rows.fired = np.array([s.event for s in self.stages])[which]
            rows.pair = np.array([s.after for s in self.stages])[which, rows.old].astype(np.int64)
            rows.pair[self.moves.at_home[rows.pair]] = 0
            rows = self._moved(rows)
        raise BadInput("timers move the pair for ever at one moment; give one of them a time, as in "
                       f"'{self.moves.events[self.stages[0].event]} = \"takes 60 s\"'")


def chain(
    base: Ground, number: int = 8, least: float = 1e-7, *, most: int = MOST,
    progress: Callable[[int], None] | None = None,
) -> Chain:
    """The chain of some moves.

    Args:
        base: the `ground` of the moves.
        number: how many stages the shortest limit of a clock has.
        least: states that are met less often between two visits of home are left out; 0: none.
        most: the most transitions.
        progress: called with the number of states, from time to time.

    Raises:
        BadInput: a timer runs at home, or timers move the pair for ever at one moment.
        BudgetExhausted: more transitions are needed.
    """
    making = _Making(base, _stages(base, number), Following(base.moves))
    search = _Search(making, least, most)
    search.run(progress)
    return search.made()


@define
class _Search:
    """Best first: mass is pushed from home along transitions, and states with enough are expanded."""

    making: _Making
    least: float
    most: int
    keys: Numbers = field(init=False)  # sorted, of every state that was met
    place: Numbers = field(init=False)  # of each of them its number
    size: int = 0
    mass: Times = field(init=False)  # by number: what is still to be pushed
    met: Times = field(init=False)  # by number: what ever came
    opened: Numbers = field(init=False)  # by number: where its transitions begin; -1: not yet
    ended: Numbers = field(init=False)
    own: list[Numbers] = field(factory=list)  # keys by number
    parts: list[tuple[_Rows, Numbers, Numbers]] = field(factory=list)
    to: Numbers = field(init=False)
    chance: Times = field(init=False)
    used: int = 0

    def __attrs_post_init__(self) -> None:
        self.keys, self.place = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.mass, self.met = np.zeros(0), np.zeros(0)
        self.opened, self.ended = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.to, self.chance = np.zeros(1 << 16, np.int64), np.zeros(1 << 16)

    def number(self, keys: Numbers) -> Numbers:
        """The numbers of states; new ones get the next."""
        at = np.searchsorted(self.keys, keys)
        known = at < len(self.keys)
        known[known] = self.keys[at[known]] == keys[known]
        new = np.unique(keys[~known])
        if len(new):
            numbers = np.arange(self.size, self.size + len(new))
            self.size += len(new)
            self.own.append(new)
            where = np.searchsorted(self.keys, new)
            self.keys = np.insert(self.keys, where, new)
            self.place = np.insert(self.place, where, numbers)
            grown = len(new)
            self.mass = np.concatenate([self.mass, np.zeros(grown)])
            self.met = np.concatenate([self.met, np.zeros(grown)])
            self.opened = np.concatenate([self.opened, np.full(grown, -1, np.int64)])
            self.ended = np.concatenate([self.ended, np.full(grown, -1, np.int64)])
        return self.place[np.searchsorted(self.keys, keys)]

    def run(self, progress: Callable[[int], None] | None) -> None:
        """Expand until nothing has enough mass."""
        home = self.number(np.array([self.making.first()]))
        if not self.least:
            while len(unopened := np.flatnonzero(self.opened < 0)):
                self.open(unopened)
            return
        self.mass[home] = self.met[home] = 1.0
        begun = True
        while True:
            ready = np.flatnonzero(self.mass > self.least)
            unopened = ready[self.opened[ready] < 0]
            if len(unopened):
                self.open(unopened)
                if progress is not None:
                    progress(self.size)
            if not begun:
                ready = ready[ready != 0]
            begun = False
            if not len(ready):
                return
            self.push(ready)

    def open(self, numbers: Numbers) -> None:
        """Expand states, and keep their transitions."""
        keys = np.concatenate(self.own)
        self.own = [keys]
        rows = self.making.expand(keys[numbers])
        order = np.argsort(rows.start, kind="stable")
        rows = rows.take(order)
        to = self.number(self.making.key(rows.pair, rows.ages, rows.kept))
        pace = self._pace(rows, numbers, keys)
        whole = np.bincount(rows.start, pace, len(numbers))
        count = np.bincount(rows.start, minlength=len(numbers))
        end = self.used + np.cumsum(count)
        self.opened[numbers], self.ended[numbers] = end - count, end
        while self.used + len(to) > len(self.to):
            self.to = np.concatenate([self.to, np.zeros_like(self.to)])
            self.chance = np.concatenate([self.chance, np.zeros_like(self.chance)])
        self.to[self.used:self.used + len(to)] = to
        self.chance[self.used:self.used + len(to)] = pace / whole[rows.start]
        self.used += len(to)
        if self.used > self.most:
            raise BudgetExhausted(
                f"the chain has more than {self.most:,} transitions; take fewer stages with --stages, "
                "or leave out more with --least")
        self.parts.append((rows, numbers, to))

    def _pace(self, rows: _Rows, numbers: Numbers, keys: Numbers) -> Times:
        pair, _, _ = self.making.open(keys[numbers])
        place = pair[rows.start]
        found = self.making.base.rates[rows.event, place] * rows.share
        for number, one in enumerate(self.making.stages):
            mine = rows.clock == number
            found[mine] = one.pace[place[mine]] * rows.share[mine]
        return found

    def push(self, ready: Numbers) -> None:
        """Push the mass of some states, all expanded, along their transitions."""
        mass = self.mass[ready]
        self.mass[ready] = 0.0
        size = self.ended[ready] - self.opened[ready]
        at = np.arange(int(size.sum())) + np.repeat(
            self.opened[ready] - (np.cumsum(size) - size), size)
        came = np.bincount(self.to[at], self.chance[at] * np.repeat(mass, size), self.size)
        came[0] = 0.0
        self.mass += came
        self.met += came

    def made(self) -> Chain:
        """The chain of the states that were expanded, in the order in which they were."""
        making = self.making
        keys = np.concatenate(self.own)
        order = np.concatenate([numbers for _, numbers, _ in self.parts])
        new = np.full(self.size, CUT, np.int64)
        new[order] = np.arange(len(order))
        pair, ages, _ = making.open(keys[order])
        rows = _Rows.joined([rows for rows, _, _ in self.parts])
        to = np.concatenate([new[to] for _, _, to in self.parts])
        likely = np.full(len(making.moves), CUT, np.int64)
        rising = np.argsort(self.met[order], kind="stable")
        likely[pair[rising]] = rising
        strays = to == CUT
        to[strays] = likely[rows.pair[strays]]
        return Chain(
            making.moves, making.stages, pair, tuple(ages),
            np.concatenate([new[numbers[rows.start]] for rows, numbers, _ in self.parts]), to,
            strays & (to >= 0), rows.event, rows.clock, rows.share, rows.counts)
