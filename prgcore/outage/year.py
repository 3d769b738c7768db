"""A year of many pairs: faults, repairs, people and the real timers, drawn by chance.

Law: a lane is one pair. Its chance is a function of seed, lane, event and count
(`prgcore.outage.draws`), so a lane is the same in every block, on every worker, and next to every
other choice of the same faults. Only the machine's own steps move a pair.

Every event has a store of hazard: an exponential number of mean 1. While the event can happen, the
store sinks by its rate; at 0 it happens, and a new store is drawn. In working hours it sinks by the
working clock. So each lane jumps from one event to the next, whatever lies between them (ADR 0061).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from prgcore.errors import BadInput, BudgetExhausted
from prgcore.outage.clocks import Clocks, Week, remaining
from prgcore.outage.course import Course, course
from prgcore.outage.draws import Draws, Whole, stream
from prgcore.outage.moves import NOBODY, Mask, Moves, Times
from prgcore.outage.outcome import Outcome
from prgcore.outage.seen import Sight, outcome

__all__ = ["CHUNK", "STEPS", "YEAR", "Follow", "simulate"]

YEAR = 365 * 86_400.0
CHUNK = 4096
"""How many lanes step together."""

STEPS = 1_000_000
"""How many events a lane may have; a world as it is shipped has about 120 a year."""

_LEAST = 1e-300
_MOST = 1_000 * YEAR

Follow: TypeAlias = Callable[[Whole, Times, Whole, Whole], None]
"""Called at each step with lanes, times, indices of events, and the pairs afterwards."""


class Block(Protocol):
    """Some lanes: `count` of them from `first`, as `prgcore.fleet.blocks.Block` has them."""

    @property
    def first(self) -> int: ...
    @property
    def count(self) -> int: ...


def simulate(
    moves: Moves, lanes: int | range | Block, seed: int, *, horizon: float = YEAR, begin: float = 0.0,
    samples: int = 64, progress: Callable[[int], object] | None = None,
    follow: Follow | None = None,
) -> Outcome:
    """The figures of some pairs until the horizon; each begins healthy, in pair 0.

    Args:
        moves: the world's moves.
        lanes: how many pairs, or their numbers: a range with step 1, or a block of lanes. The same
            lane of the same seed has the same year in every range.
        seed: a whole number; the same for all blocks of one run.
        horizon: how long, in seconds.
        begin: seconds from Monday, 0 o'clock, to the beginning.
        samples: the outages of lanes below this number are kept one by one.
        progress: called with the number of lanes that were finished since the last call.
        follow: see `Follow`; for tests.

    Raises:
        BadInput: no lanes, or a number is out of its range; nobody serves a group at first.
        BudgetExhausted: a lane has more than STEPS events.
    """
    first, count = _lanes(lanes)
    for name, value, least, most in (("horizon", horizon, 1.0, _MOST), ("begin", begin, 0.0, _MOST)):
        if not least <= value <= most:
            raise BadInput(f"{name}: {value!r:.40} is not a number of seconds from {least:g} to "
                           f"{most:g}")
    draws, made = Draws.of(seed), course(moves)
    parts = []
    for start in range(first, first + count, CHUNK):
        number = min(CHUNK, first + count - start)
        run = _Run(made, np.arange(start, start + number, dtype=np.int64), draws, horizon, begin)
        for _ in range(STEPS):
            if not len(run.lanes):
                break
            run.step(follow)
        if len(run.lanes):
            raise BudgetExhausted(
                f"lane {run.lanes[0]} had {STEPS:,} events in {run.reached:.4g} s: something happens "
                "too often; name fewer years, or slower rates (--rate)")
        parts.append(outcome(made, run.sight(start, number), seed=seed, horizon=horizon,
                             samples=samples))
        if progress is not None:
            progress(number)
    return Outcome.merged(parts)


def _lanes(lanes: int | range | Block) -> tuple[int, int]:
    if isinstance(lanes, int):
        lanes = range(lanes)
    if isinstance(lanes, range):
        if lanes.step != 1:
            raise BadInput(f"{lanes!r:.60}: expected lanes one after another")
        first, count = lanes.start, len(lanes)
    else:
        first, count = lanes.first, lanes.count
    if count < 1 or first < 0 or first + count > 2**48:
        raise BadInput(f"{count} lanes from {first}: expected at least one lane, from number 0")
    return first, count


class _Run:
    """The lanes that have not reached the horizon yet; a row is a lane."""

    def __init__(
        self, made: Course, lanes: Whole, draws: Draws, horizon: float, begin: float
    ) -> None:
        self._course, self._draws, self._horizon = made, draws, horizon
        world = made.moves.world
        self._week = Week(world.week.days, world.week.begins, world.week.ends, begin)
        self._dual = world.dual
        self._first = int(lanes[0])
        size, clocks = len(lanes), len(made.clocks)
        self._streams = np.array(
            [stream(made.moves.events[e]) for e in made.event[clocks:]], np.uint64)
        names = {stream(n) for n in made.moves.events}
        if len(names) < len(made.moves.events):
            raise AssertionError("BUG: two events have one stream")
        self.lanes = lanes
        self._now: Times = np.zeros(size)
        self._pair: Whole = np.zeros(size, np.int32)
        self._kind: Whole = made.kind[self._pair]
        self._left: Times = draws.exponential(lanes[:, None], self._streams[None], np.zeros((), np.uint64))
        self._count: Whole = np.ones(self._left.shape, np.int32)
        self._clocks = Clocks(made, size)
        self._clocks.follow(None, self._kind, self._now, lanes, draws)
        groups = made.served.shape[1]
        self._cause: Whole = np.full(size, -1, np.int16)
        self._sound: Mask = np.ones((size, 2), np.bool_)
        self._last: Whole = np.repeat(made.home[None], size, 0)
        self._begun: Times = np.zeros((size, groups))
        self._why: Whole = np.full((size, groups), -1, np.int16)
        self._false: Mask = np.zeros((size, groups), np.bool_)
        self._spare: Mask = made.spare[self._kind]
        self._spent: Times = np.zeros((size, 3))
        self._moved: npt.NDArray[np.int64] = np.zeros(len(made.moves.events), np.int64)
        self._rows: list[tuple[Whole, ...]] = []
        self._done: list[tuple[Whole, Times]] = []

    @property
    def reached(self) -> float:
        """How far the first of the lanes has come, in seconds."""
        return float(self._now[0])

    # ------------------------------------------------------------------------- one step

    def step(self, follow: Follow | None) -> None:
        """Every lane jumps to its next event; those that have none before the horizon end."""
        made, clocks = self._course, len(self._course.clocks)
        at = np.full((len(self.lanes), max(len(made.event), 1)), np.inf)
        at[:, :clocks] = self._clocks.due(self._kind, self._now)
        pace, split = made.pace[self._kind], made.working
        with np.errstate(divide="ignore"):
            np.divide(self._left, pace, out=at[:, clocks:len(made.event)])
        at[:, clocks:clocks + split] += self._now[:, None]
        passed = self._worked(at[:, clocks + split:len(made.event)])
        column = np.argmin(at, 1)
        then = np.take_along_axis(at, column[:, None], 1)[:, 0]
        goes = then < self._horizon
        if not goes.all():
            self._end(~goes)
            column, then, pace = (remaining(a, goes) for a in (column, then, pace))
            passed = None if passed is None else remaining(passed, goes)
            self._keep(goes)
            if not len(self.lanes):
                return
        self._sink(pace, then, passed)
        rows = np.arange(len(self.lanes))
        drawn = np.nonzero(column >= clocks)[0]
        some = column[drawn] - clocks
        self._left[drawn, some] = self._draws.exponential(
            self.lanes[drawn], self._streams[some], self._count[drawn, some])
        self._count[drawn, some] += 1
        timed = np.nonzero(column < clocks)[0]
        self._clocks.given(timed, column[timed], then[timed])
        event = made.event[column]
        self._spent[rows, made.serving[self._kind]] += then - self._now
        self._move(event, then)
        if follow is not None:
            follow(self.lanes, then, event, self._pair)

    def _worked(self, at: Times) -> Times | None:
        """Turn working seconds from now into moments, in place; the working time until now."""
        if not at.shape[1]:
            return None
        passed = self._week.worked(self._now)
        row, some = np.nonzero(np.isfinite(at))
        at[row, some] = np.maximum(self._week.until(at[row, some] + passed[row]), self._now[row])
        return passed

    def _sink(self, pace: Times, then: Times, passed: Times | None) -> None:
        """The stores of hazard sink until then, each by its pace."""
        split = self._course.working
        pace[:, :split] *= (then - self._now)[:, None]
        if passed is not None:
            pace[:, split:] *= (self._week.worked(then) - passed)[:, None]
        self._left -= pace
        np.maximum(self._left, _LEAST, out=self._left)

    def _move(self, event: Whole, then: Times) -> None:
        """These events move the lanes at these moments."""
        made, old = self._course, self._kind
        pair = made.next[event, self._pair]
        if (pair < 0).any():
            raise AssertionError("BUG: an event that moves nothing was due")
        kind = made.kind[pair]
        self._moved += np.bincount(event, minlength=len(self._moved))
        leaves = made.at_home[old] & ~made.at_home[kind]
        self._cause[leaves] = event[leaves]
        self._sound[leaves] = made.sound[kind[leaves]]
        self._follow(old, kind, then)
        self._cause[made.at_home[kind]] = -1
        self._clocks.follow(old, kind, then, self.lanes, self._draws)
        self._pair, self._kind, self._now = pair, kind, then

    def _follow(self, old: Whole, kind: Whole, then: Times) -> None:
        """The users: who is lost, and who is served again."""
        made = self._course
        before, after = made.served[old], made.served[kind]
        changed = before != after
        if changed.any():
            row, group = np.nonzero(changed & (before != NOBODY))
            self._begun[row, group] = then[row]
            self._why[row, group] = self._cause[row]
            row, group = np.nonzero(changed & (after != NOBODY))
            by, last = after[row, group], self._last[row, group]
            at_once = (self._spare[row, group] & (by != last) & ~made.sent[kind[row], group]
                       if self._dual else np.zeros(len(row), np.bool_))
            self._rows.append((
                self.lanes[row], group, self._begun[row, group], then[row], self._why[row, group],
                last, by, at_once, self._sound[row, last]))
        if self._dual:
            held = np.take_along_axis(made.keeps[kind], 1 - self._last, 1)
            held &= ~(changed & made.back[kind])
            self._spare = np.where(after == NOBODY, self._spare & held, made.spare[kind])
        self._last = np.where(after == NOBODY, self._last, after)

    # --------------------------------------------------------------------- the horizon

    def _end(self, ends: Mask) -> None:
        """These lanes reach the horizon as they are."""
        made = self._course
        row = np.nonzero(ends)[0]
        kind = self._kind[row]
        self._spent[row, made.serving[kind]] += self._horizon - self._now[row]
        self._done.append((self.lanes[row], self._spent[row]))
        out, group = np.nonzero(made.served[kind] == NOBODY)
        row = row[out]
        last = self._last[row, group]
        size = len(row)
        self._rows.append((
            self.lanes[row], group, self._begun[row, group], np.full(size, self._horizon),
            self._why[row, group], last, np.full(size, NOBODY, np.int8), np.zeros(size, np.bool_),
            self._sound[row, last]))

    def _keep(self, goes: Mask) -> None:
        """Forget the lanes that have ended."""
        self._clocks.keep(goes)
        for name in ("lanes", "_now", "_pair", "_kind", "_left", "_count", "_cause", "_sound",
                     "_last", "_begun", "_why", "_spare", "_spent"):
            setattr(self, name, remaining(getattr(self, name), goes))

    def sight(self, first: int, count: int) -> Sight:
        """The interruptions and times that were seen, in the order of lanes."""
        spent = np.zeros((count, 3))
        for lanes, times in self._done:
            spent[lanes - first] = times
        columns: list[Any] = [np.concatenate(c) for c in zip(*self._rows, strict=True)]
        return Sight(first, count, spent, self._moved, *columns)
