"""The timers of many lanes at once, by the arithmetic of which the theorems are about.

Law: every moment is made by `prgcore.timers.arithmetic`, with `numpy.where` as its choice. A lane
is one pair of nodes; a row of these arrays.

A count runs while its condition holds. Silence is counted from the last heartbeat, which came at
most an interval before the silence. A heartbeat comes within an interval after it can move the pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from prgcore.outage.course import Course
from prgcore.outage.draws import Draws, Whole, stream
from prgcore.outage.moves import Mask, Times
from prgcore.timers.arithmetic import Count, kept, not_before, ready

__all__ = ["Clocks", "Week", "remaining", "worked"]


def _choose(condition: Any, then: Any, otherwise: Any) -> Any:
    return np.where(condition, then, otherwise)


def remaining(rows: Whole, stays: Mask) -> Whole:
    """The rows that stay, in another order: the last ones take the places of those that go."""
    size = int(np.count_nonzero(stays))
    rows[np.nonzero(~stays[:size])[0]] = rows[size + np.nonzero(stays[size:])[0]]
    return rows[:size]


class Clocks:
    """The clocks of some lanes.

    Attributes:
        since, gave, gave_at: (lanes, C) the memory of the counts.
        count: (lanes, C) how many draws each clock has taken.
    """

    def __init__(self, course: Course, lanes: int) -> None:
        self._course = course
        self._quiet = np.array([c.quiet for c in course.clocks], np.bool_)
        self._hears = np.array([c.hears for c in course.clocks], np.bool_)
        self._drawn = self._quiet | self._hears
        self._streams = np.array([stream(c.event) for c in course.clocks], np.uint64)
        self._interval = float(course.moves.world.parameters.keep_alive_interval) if len(
            course.clocks) else 0.0
        shape = (lanes, len(course.clocks))
        self.since: Times = np.zeros(shape)
        self.gave: Mask = np.zeros(shape, np.bool_)
        self.gave_at: Times = np.zeros(shape)
        self.count: npt.NDArray[np.int64] = np.zeros(shape, np.int64)

    def keep(self, lanes: Mask) -> None:
        """Forget the other lanes, as `remaining` does."""
        self.since, self.gave = remaining(self.since, lanes), remaining(self.gave, lanes)
        self.gave_at, self.count = remaining(self.gave_at, lanes), remaining(self.count, lanes)

    def due(self, kind: Whole, now: Times) -> Times:
        """(lanes, C) The moment at which each clock moves its lane, from now on; inf for never."""
        course = self._course
        runs = course.runs[kind]
        count = Count(runs, self.since, self.gave, self.gave_at)
        moment = not_before(
            now[:, None], ready(count, course.limit[kind], self._interval, _choose), _choose)
        return np.where(runs & course.possible[kind], moment, np.inf)

    def given(self, rows: Whole, clock: Whole, now: Times) -> None:
        """These lanes were moved by these clocks at these moments."""
        self.gave[rows, clock] = True
        self.gave_at[rows, clock] = now

    def follow(self, old: Whole | None, kind: Whole, now: Times, lanes: Whole, draws: Draws) -> None:
        """The pairs of the lanes are of this kind from now on; before they were of an old one."""
        course = self._course
        runs, again = course.runs[kind], course.again[kind]
        if old is None:
            ran, was = np.zeros_like(runs), np.zeros_like(again)
        else:
            ran, was = course.runs[old], course.again[old]
        again = again & ~was
        begins = runs & ~ran & ~again & self._drawn
        start = np.broadcast_to(now[:, None], runs.shape)
        if begins.any():
            start = start.copy()
            row, clock = np.nonzero(begins)
            part = draws.uniform(lanes[row], self._streams[clock], self.count[row, clock])
            self.count[row, clock] += 1
            part *= self._interval
            start[row, clock] += np.where(self._quiet[clock], -part, part)
        self.since = kept(self.since, start, runs=ran, again=again, choose=_choose)
        self.gave = kept(self.gave, False, runs=ran, again=again, choose=_choose)


class Week:
    """The working week as a clock that stands still outside of it.

    Args:
        days, begins, ends: as in `prgcore.outage.rates.Week`.
        start: seconds from Monday, 0 o'clock, to the moment 0 of the lanes.
    """

    def __init__(self, days: int, begins: float, ends: float, start: float = 0.0) -> None:
        self._days, self._begins = days, begins * 3600.0
        self._day = (ends - begins) * 3600.0
        self._start = start
        self._before = float(worked(np.array([start]), days, self._begins, self._day)[0])

    def worked(self, now: Times) -> Times:
        """How many working seconds have passed from moment 0 to `now`."""
        return worked(now + self._start, self._days, self._begins, self._day) - self._before

    def until(self, passed: Times) -> Times:
        """The first moment at which so many working seconds have passed since moment 0."""
        passed = passed + self._before
        week = self._days * self._day
        weeks = np.ceil(passed / week) - 1
        rest = passed - weeks * week
        days = np.clip(np.ceil(rest / self._day) - 1, 0, self._days - 1)
        rest -= days * self._day
        found: Times = weeks * _WEEK + days * _DAY + self._begins + rest - self._start
        return found


_DAY, _WEEK = 86_400.0, 604_800.0


def worked(at: Times, days: int, begins: float, day: float) -> Times:
    """Working seconds from a Monday, 0 o'clock, to so many seconds after it."""
    weeks = np.floor(at / _WEEK)
    rest = at - weeks * _WEEK
    whole = np.floor(rest / _DAY)
    part = np.clip(rest - whole * _DAY - begins, 0.0, day)
    found: Times = (weeks * days + np.minimum(whole, days)) * day + np.where(whole < days, part, 0.0)
    return found
