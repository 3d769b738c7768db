"""Time: when the timer events of a node are due, and what the service parameters promise.

Law: pure; there is no clock here, `now` is an argument. The machine says where an event can happen,
as far as a node can know it. The arithmetic is `prgcore.timers.arithmetic`, for which the theorems
T1 to T16 are proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import asdict, evolve, field, frozen

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, unknown_name
from prgcore.model import Column, Cube, Number, Timer
from prgcore.seats import NODES
from prgcore.tables.sanity import SHORTEST_INTERVAL
from prgcore.timers.arithmetic import (
    Count,
    begun,
    judged,
    next_deadline,
    noticed_earliest,
    noticed_latest,
    outage,
    poll,
)
from prgcore.timers.noticed import survived, true_least, true_most
from prgcore.timers.parameters import (
    AT_MOST,
    LATEST,
    Parameters,
    Range,
    Settings,
    parameters_of,
    seconds,
    share,
    spread,
)
from prgcore.timers.sanity import check

__all__ = ["Bounds", "Monitor", "Range", "Watch", "bounds", "knowable", "watches"]

_HEARTBEAT = "heartbeat"

# ---------------------------------------------------------- what a node knows of an event


def knowable(engine: Engine, event: str, node: str) -> tuple[Cube, ...]:
    """The cubes in which an event is possible, as far as a node can know.

    They are the machine's own cubes, without the cells of columns that the node does not observe:
    the link, the processes, the peer's services. So no event that can happen is withheld.
    """
    columns = {c.name: c for c in engine.model.columns}

    def known(column: Column) -> bool:
        stored = [columns[s] for s in column.sources] or [column]
        return all(s.observed_by in (node, "record") for s in stored)

    return tuple(dict.fromkeys(
        Cube(tuple(c for c in entry.when if known(columns[c.column])))
        for entry in engine.model.possible if entry.event == event
    ))


@frozen
class Watch:
    """A timer of one node, and the cubes where its event is possible, as far as the node knows."""

    timer: Timer
    possible: tuple[Cube, ...]

    @property
    def event(self) -> str:
        """The event that it makes due."""
        return self.timer.event

    @property
    def counts(self) -> bool:
        """Whether it lasts. A heartbeat has no duration; other news holds until one arrives."""
        return self.timer.told != _HEARTBEAT


def watches(engine: Engine, node: str) -> tuple[Watch, ...]:
    """The timers of a node of this machine, in the order in which events are given.

    Raises:
        BadInput: no such node.
    """
    if node not in NODES:
        raise BadInput(unknown_name("node", node, NODES))
    return _watches(engine, node)


@lru_cache(maxsize=32)
def _watches(engine: Engine, node: str) -> tuple[Watch, ...]:
    """The same, cached: a node asks for them at every turn."""
    return tuple(Watch(timer, knowable(engine, timer.event, node))
                 for timer in engine.habits.timers(node))


# ------------------------------------------------------------------------ the monitor


def _time(now: object, name: str) -> Number:
    """A time, checked.

    Raises:
        BadInput: it is not a number of seconds.
    """
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise BadInput(f"{name}: expected seconds of a monotonic clock, not {now!r:.60}")
    if not -LATEST <= now <= LATEST:
        raise BadInput(f"{name}: {now!r:.60} is not a time; expected seconds of a monotonic clock, "
                       f"at most {AT_MOST}")
    return now


def _timed(monitor: Monitor, _: object, parameters: Settings) -> None:
    """Check what a monitor needs of its parameters: its limits, and the rule `interval`."""
    limits = [limit for t in monitor.engine.habits.timers(monitor.node) for _, limit in t.limits]
    for name in (limit for limit in limits if isinstance(limit, str)):
        if name not in parameters.records:
            raise BadInput(f"the machine {monitor.engine.model.name!r} counts by {name}, which these "
                           "parameters do not have; make them with parameters_of(model)")
    if parameters.keep_alive_interval < SHORTEST_INTERVAL:
        broken = next(v for v in check(parameters) if v.rule.id == "interval")
        raise BadInput(f"keep_alive_interval: {parameters.keep_alive_interval}: "
                       f"{broken.rule.otherwise}; {broken.advice}")


@frozen
class Monitor:
    """One node's watch over time, a value; make one with `Monitor.start`.

    It remembers moments and the names of limits, and no number that follows from the parameters.

    Attributes:
        parameters: the service parameters; `with_parameters` changes them.
        now: the time of the last observation or change of parameters, in seconds.
        counts: the counts, in the order of the timers that count.
        inside: for each count, whether the node was where it begins again.
        waiting: for each count its limit, as the last observation found it: a parameter, or a
            number of seconds. None for a count that does not run, or whose event is not possible.
            None instead of the tuple: nothing was observed yet.
    """

    engine: Engine
    node: str
    parameters: Settings = field(validator=_timed)
    now: Number
    counts: tuple[Count, ...]
    inside: tuple[bool, ...]
    waiting: tuple[str | Number | None, ...] | None
    _watches: tuple[Watch, ...] = field(repr=False)

    @staticmethod
    def start(
        engine: Engine, node: str, now: Number, parameters: Settings | None = None
    ) -> Monitor:
        """The monitor of a manager that starts now; observe at once, and then at each deadline.

        Raises:
            BadInput: no such node, no time, or an interval of heartbeats below a millisecond (rule
                `interval`).
        """
        now = _time(now, "now")
        all_ = watches(engine, node)
        counting = [w for w in all_ if w.counts]
        counts = tuple(
            begun(now, runs=not w.timer.runs.cells and not w.timer.told) for w in counting)
        parameters = parameters_of(engine.model)() if parameters is None else parameters
        return Monitor(engine, node, parameters, now,
                       counts, (True,) * len(counting), None, all_)

    @property
    def next_deadline(self) -> Number | None:
        """The latest time of the next observation if nothing arrives.

        `now` means at once: another event waits its turn, or nothing was observed yet. None means
        never. A change of parameters moves it.
        """
        if self.waiting is None:
            return self.now
        waiting = [(count, self._seconds(limit))
                   for count, limit in zip(self.counts, self.waiting, strict=True)
                   if limit is not None]
        interval = self.parameters.keep_alive_interval
        found: Number | None = next_deadline(self.now, waiting, interval) if waiting else None
        return found

    def with_parameters(self, parameters: Settings, now: Number) -> Monitor:
        """The same monitor with other parameters from now on; its counts go on (T1, T8).

        A timer whose new limit is already over is due at once. One that gave its event is quiet
        for the new interval since then.

        Raises:
            BadInput: no time, a time before the last one, or an interval of heartbeats below a
                millisecond (rule `interval`).
        """
        return evolve(self, parameters=parameters, now=self._later(now))

    def _later(self, now: Number) -> Number:
        """A time, checked: it is not before the last one."""
        now = _time(now, "now")
        if now < self.now:
            raise BadInput(f"now: {now} is before {self.now}, the time of the last observation; "
                           "expected a clock that never steps back (time.monotonic)")
        return now

    def observe(
        self, now: Number, pair: Mapping[str, str], *, heartbeat: bool = False,
        peer_host_lost: bool = False, stalled: bool = False,
    ) -> tuple[Monitor, str | None]:
        """The monitor after this observation, and the event that is due for the machine, or None.

        Each observation gives one event, the first in the order of the timers. It changes the pair,
        and the pair decides whether the others can still happen. They wait, and `next_deadline` is
        `now`.

        Args:
            now: seconds of a monotonic clock.
            pair: the pair as this node knows it; its own columns and the record are read.
            heartbeat: whether a heartbeat of the peer arrives now.
            peer_host_lost: whether somebody reports that the peer's host is down. The monitor
                remembers it until a heartbeat arrives.
            stalled: whether this node itself was late, paused, or without a reading of its record
                since the last observation. The counts of silence begin again: its own stall is
                never the peer's silence (T12).

        Raises:
            BadInput: it is not a time, it is before the last one, or the pair is not the machine's.
        """
        now = self._later(now)
        here = self.engine.pair(pair)
        told = {_HEARTBEAT: heartbeat, "peer_host_lost": peer_host_lost, "stall": stalled}
        before = iter(zip(self.counts, self.inside, strict=True))
        event: str | None = None
        counts: list[Count] = []
        inside: list[bool] = []
        waiting: list[str | Number | None] = []
        for watch in self._watches:
            possible = any(self.engine.holds(c, here) for c in watch.possible)
            if not watch.counts:
                given = heartbeat and possible
            else:
                old, was_inside = next(before)
                again_in = watch.timer.again_in
                begins = again_in is not None and self.engine.holds(again_in, here)
                goes_on, again = self.engine.holds(watch.timer.runs, here), begins and not was_inside
                if watch.timer.told:
                    goes_on, again = told[watch.timer.told] or (old.runs and not heartbeat), heartbeat
                limit = self._limit(watch, here)
                count, given = poll(
                    old, now, goes_on=goes_on,
                    again=again or any(told[name] for name in watch.timer.again),
                    possible=possible, after=self._seconds(limit),
                    interval=self.parameters.keep_alive_interval, free=event is None,
                )
                counts.append(count)
                inside.append(begins)
                waiting.append(limit if count.runs and possible else None)
            if given:
                event = watch.event
        following = evolve(self, now=now, counts=tuple(counts), inside=tuple(inside),
                           waiting=tuple(waiting))
        return following, event

    def _limit(self, watch: Watch, pair: Pair) -> str | Number:
        """The limit of this count in this pair; an event that somebody reports is due at once."""
        return next((limit for cells, limit in watch.timer.limits if self.engine.holds(cells, pair)), 0)

    def _seconds(self, limit: str | Number) -> Number:
        if not isinstance(limit, str):
            return limit
        after: Number = getattr(self.parameters, limit)
        return after


# ------------------------------------------------------------ what parameters promise


@frozen
class Bounds:
    """The times that the parameters promise, in seconds; see `bounds`.

    Attributes:
        survived: how many heartbeats in a row a live peer may lose. None: it is suspected even
            if it loses none, or the interval is too short (rule `interval`).
        crash, crash_at_start, service: when each is noticed.
        automatic_fallback: when an automatic fallback begins, after the return of health.
        after_crash, after_service, after_failover, after_fallback, after_automatic_fallback: how
            long a moved user is out: after a crash, a service failure, a manual failover, a manual
            fallback, and the beginning of an automatic one. The least time of a crash assumes that
            no heartbeat was lost before it, and is never below 0.
        if_waits_double: the outage after a crash, after a service failure and after a manual
            failover, in the other reading of D47: multiple device messaging doubles the re-login
            limits too. None where the two readings agree: without such messaging, or with a
            standing dual connection.
    """

    survived: int | None
    crash: Range
    crash_at_start: Range
    service: Range
    automatic_fallback: Range
    after_crash: Range
    after_service: Range
    after_failover: Range
    after_fallback: Range
    after_automatic_fallback: Range
    if_waits_double: tuple[Range, Range, Range] | None = None

    def to_json(self) -> dict[str, Any]:
        """The bounds by name."""
        return asdict(self)


def bounds(
    parameters: Parameters, *, latency: Number = 0, polling: Number = 0, jitter: Number = 0,
    store_call: Number = 0, take_over: Number = 0, multiple_device_messaging: bool = False,
    dual_connections: bool = False, drift: Number = 0,
) -> Bounds:
    """The times that the parameters promise, by the theorems T3 to T7, T9 and T12.

    A crash comes at any time between two heartbeats. A client waits for any time between the
    re-login limits. So the mean is the middle. The outage of a moved user is noticing (twice with
    multiple device messaging, D47), moving, and waiting. A dual connection spares the wait after a
    failover. A fallback disconnects every user who had been failed over, and each logs in again
    (D54).

    Args:
        latency: the longest delay of a heartbeat, one way, in seconds.
        polling: how long after its deadline a timer may be asked.
        jitter: how much sending varies, and the delay.
        store_call: (agents) how long a call to the store takes. A silence is judged when a
            reading ends that began after the deadline, so it counts twice.
        take_over: how long moving the users takes.
        drift: the share by which each clock may be fast or slow, those of clients too. The
            parameters are counted by clocks, and the bounds are true times.

    Raises:
        BadInput: an argument is not a number of seconds, or the drift not a share.
    """
    for name, value in (("latency", latency), ("polling", polling), ("jitter", jitter),
                        ("store_call", store_call), ("take_over", take_over)):
        seconds(value, name)
    share(drift, "drift")
    p, interval = parameters, true_most(parameters.keep_alive_interval, drift)
    polling = judged(polling, store_call)

    def noticed(timeout: Number) -> Range:
        first = noticed_earliest(0, interval, jitter, true_least(timeout, drift))
        return spread(max(0, first), noticed_latest(true_most(timeout, drift), latency, polling))

    def counted(delay: Number) -> Range:
        return spread(
            true_least(delay, drift), noticed_latest(true_most(delay, drift), 0, polling))

    crash, service = noticed(p.keep_alive_timeout), counted(p.critical_service_delay)
    at_once = Range(0, 0, 0)
    relogin = spread(true_least(p.relogin_wait.least, drift), true_most(p.relogin_wait.most, drift))
    wait = at_once if dual_connections else relogin
    times = 2 if multiple_device_messaging else 1

    def out(seen: Range, times: int = times, waits: int = 1, wait: Range = wait) -> Range:
        return Range(*(
            outage(getattr(seen, at), times, take_over, waits * getattr(wait, at))
            for at in ("least", "mean", "most")
        ))

    home = out(at_once, wait=relogin)
    return Bounds(
        survived(interval, true_least(p.keep_alive_timeout, drift), jitter),
        crash, noticed(p.initialization_keep_alive_timeout), service,
        counted(p.automatic_fallback_after),
        out(crash), out(service), out(at_once), home, home,
        (out(crash, 2, 2), out(service, 2, 2), out(at_once, 2, 2))
        if multiple_device_messaging and not dual_connections else None,
    )
