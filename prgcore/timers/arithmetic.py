"""The arithmetic of timers: the few lines that decide, written once for numbers and a solver.

Law: operators only, no numbers of its own, and every choice through `choose`. Called with numbers,
these lines run the monitor (`prgcore.timers.monitor`). Called with the terms of a solver, they are
what the theorems T1 to T10, T12 to T16 and D5 are about (`prgcore.prove.timing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, TypeAlias

from attrs import frozen

__all__ = [
    "Choose", "Count", "at_least", "at_most", "begun", "both_end", "counted_to", "cut_loses",
    "due", "earliest", "fenced", "judged", "kept", "late", "longer", "looks_alive_until",
    "margin", "next_deadline", "next_heard", "not_before", "noticed_earliest", "noticed_latest",
    "outage", "poll", "ready", "served_twice", "serves_from", "serves_until", "shorter",
    "shortest_wait", "silence_of_cut", "soon_enough", "survives", "tolerates", "unread",
]

Choose: TypeAlias = Callable[[Any, Any, Any], Any]


def _choose(condition: Any, then: Any, otherwise: Any) -> Any:
    return then if condition else otherwise


@frozen
class Count:
    """A timer that counts: whether it runs and since when, whether it gave its event and when.

    It remembers moments only. No parameter is in it, so the parameters may change at any time.
    """

    runs: Any
    since: Any
    gave: Any
    gave_at: Any


def begun(now: Any, *, runs: Any) -> Count:
    """A count before its first observation."""
    return Count(runs, now, False, now)


def kept(value: Any, new: Any, *, runs: Any, again: Any, choose: Choose = _choose) -> Any:
    """The memory of a count: the old value while it continues, the new one where it begins."""
    return choose(again, new, choose(runs, value, new))


def ready(count: Count, after: Any, interval: Any, choose: Choose = _choose) -> Any:
    """The moment from which a count is due: its deadline, or the end of its quiet time.

    Args:
        count: the count.
        after: how long it counts.
        interval: how long it is quiet after its event was given.
    """
    deadline = count.since + after
    quiet = choose(count.gave, count.gave_at + interval, deadline)
    return choose(quiet > deadline, quiet, deadline)


def due(now: Any, moment: Any) -> Any:
    """Whether the moment has come."""
    return now >= moment


def earliest(moments: Iterable[Any], choose: Choose = _choose) -> Any:
    """The first of these moments; there is at least one."""
    return reduce(lambda one, other: choose(other < one, other, one), moments)


def not_before(now: Any, moment: Any, choose: Choose = _choose) -> Any:
    """A moment, or `now` if it has passed: a count that waits for another event is due at once."""
    return choose(moment < now, now, moment)


def next_deadline(
    now: Any, waiting: Iterable[tuple[Count, Any]], interval: Any, choose: Choose = _choose,
) -> Any:
    """The first moment from now on at which one of these counts is due; there is at least one.

    Args:
        now: the time.
        waiting: the counts that run and whose events are possible, and how long each counts.
        interval: how long each is quiet after its event was given.
    """
    moments = [ready(count, after, interval, choose) for count, after in waiting]
    return not_before(now, earliest(moments, choose), choose)


def poll(
    count: Count, now: Any, *, goes_on: Any, again: Any, possible: Any, after: Any,
    interval: Any, free: Any = True, choose: Choose = _choose,
) -> tuple[Count, Any]:
    """One observation of a count: the count afterwards, and whether its event is given.

    Args:
        goes_on: whether the condition that it counts holds.
        again: whether it begins again now.
        possible: whether the event can happen.
        after: how long it counts.
        interval: how long it is quiet after its event was given.
        free: whether this observation has given no other event. If it has, the count waits.
    """
    since = kept(count.since, now, runs=count.runs, again=again, choose=choose)
    gave = kept(count.gave, False, runs=count.runs, again=again, choose=choose)
    count = Count(goes_on, since, gave, count.gave_at)
    is_due = due(now, ready(count, after, interval, choose))
    given = choose(goes_on, choose(possible, choose(free, is_due, False), False), False)
    return Count(goes_on, since, choose(given, True, gave),
                 choose(given, now, count.gave_at)), given


def late(now: Any, promised: Any, timeout: Any) -> Any:
    """Whether a turn came too late: more than half a time-out after the promised moment (T12)."""
    return 2 * (now - promised) > timeout


def looks_alive_until(ended: Any, timeout: Any) -> Any:
    """Until when a node sends heartbeats: a time-out after its last reading has ended (T13).

    At this moment it sends no more.
    """
    return ended + timeout


def unread(now: Any, ended: Any, timeout: Any) -> Any:
    """Whether the store was silent: no reading has ended within the time-out (T12, T13).

    It is so exactly when a node must not look alive. `ended` is the end of the reading before
    this moment, or the start of the node.
    """
    return due(now, looks_alive_until(ended, timeout))


def counted_to(begun: Any, now: Any, *, stalled: Any, choose: Choose = _choose) -> Any:
    """The moment to which silence is counted when a reading has ended (T12).

    A heartbeat that arrived before the reading began was handed in before its end, so silence is
    counted to its beginning. After a stall it is counted from `now`: heartbeats may be lost.

    Args:
        begun: a moment before the reading began.
        now: the time of the turn that takes the reading.
        stalled: whether this turn or an earlier one since the last observation was stalled.
    """
    return choose(stalled, now, begun)


def at_least(counted: Any, drift: Any) -> Any:
    """The shortest true time that a counted time takes: the clock is fast by the drift."""
    return counted / (1 + drift)


def at_most(counted: Any, drift: Any) -> Any:
    """The longest true time that a counted time takes: the clock is slow by the drift, below 1."""
    return counted / (1 - drift)


def survives(lost: Any, interval: Any, jitter: Any, timeout: Any) -> Any:
    """Whether a live peer still counts as alive after so many heartbeats lost in a row (T6).

    Times are true ones. Where clocks drift, an interval takes `at_most` so long, and a time-out
    `at_least`.
    """
    return (lost + 1) * interval + jitter < timeout


def noticed_earliest(lost: Any, interval: Any, jitter: Any, timeout: Any) -> Any:
    """How soon a crash can be noticed if so many heartbeats before it were lost (T4).

    Times are true ones, as in `survives`.
    """
    return timeout - (lost + 1) * interval - jitter


def noticed_latest(timeout: Any, latency: Any, polling: Any) -> Any:
    """How late a crash can be noticed (T3). Times are true ones: a time-out takes `at_most` so long."""
    return timeout + latency + polling


def cut_loses(lost: Any, cut: Any, interval: Any, late: Any) -> Any:
    """Whether a cut of this length can lose so many heartbeats in a row (D5).

    Times are true ones: the interval is the shortest. A heartbeat is sent `late` at most.
    """
    return (lost - 1) * interval <= cut + late


def silence_of_cut(
    lost: Any, cut: Any, interval: Any, late: Any, jitter: Any, choose: Choose = _choose,
) -> Any:
    """The longest silence around a cut that loses so many heartbeats in a row, at most (D5).

    Times are true ones: the interval is the longest.
    """
    return shorter((lost + 1) * interval, cut + late + 2 * interval, choose) + jitter


def served_twice(silence: Any, timeout: Any, choose: Choose = _choose) -> Any:
    """How long users may be served twice without an arbiter, after so long a silence (D5)."""
    return choose(silence > timeout, silence - timeout, 0)


def next_heard(interval: Any, late: Any, latency: Any) -> Any:
    """Within how long a node hears the next heartbeat of a peer that is not cut off (D5).

    Times are true ones: the interval is the longest.
    """
    return interval + late + latency


def judged(lateness: Any, call: Any) -> Any:
    """How long after its deadline a reading of the record judges a silence (T12).

    A turn comes `lateness` after the deadline. It waits for the store call that is under way, and
    then for its own.
    """
    return lateness + 2 * call


def soon_enough(call: Any, timeout: Any) -> Any:
    """Whether a store call of this length lets agents notice a dead peer in time (T12)."""
    return 2 * call <= timeout


def outage(noticed: Any, times: Any, moving: Any, wait: Any) -> Any:
    """How long a moved user is out: noticing, moving, logging in again (T9)."""
    return times * noticed + moving + wait


def serves_until(read: Any, lasts: Any, pause: Any, stopping: Any) -> Any:
    """The last moment at which a node may serve users that a reading of the record gave it (T10).

    The lease counts from before the reading. `pause` passes between a look at the lease and the
    next act, and `stopping` until the services do nothing more.
    """
    return read + lasts + pause + stopping


def serves_from(lost: Any, waits: Any) -> Any:
    """The first moment at which the other node may serve users that it saw taken away at `lost`."""
    return lost + waits


def fenced(lasts: Any, pause: Any, stopping: Any, waits: Any) -> Any:
    """Whether nobody is served twice: the waiting node waits longer than the lease lasts (T10)."""
    return lasts + pause + stopping <= waits


def shorter(one: Any, other: Any, choose: Choose = _choose) -> Any:
    """The shorter of two times."""
    return choose(other < one, other, one)


def longer(one: Any, other: Any, choose: Choose = _choose) -> Any:
    """The longer of two times."""
    return choose(other > one, other, one)


def shortest_wait(lasts: Any, pause: Any, stopping: Any, drift: Any) -> Any:
    """The shortest wait of the other node that tolerates a drift; the numbers are exact (T14)."""
    return lasts * (1 + drift) / (1 - drift) + (pause + stopping) * (1 + drift)


def tolerates(lasts: Any, pause: Any, stopping: Any, waits: Any, drift: Any) -> Any:
    """Whether nobody is served twice though both clocks drift (T10).

    It is `fenced` with a lease of lasts / (1 - drift) and a wait of waits / (1 + drift), without a
    division. `drift` is the share by which each clock may be fast or slow: from 0, below 1.
    """
    fast, slow = 1 + drift, 1 - drift
    return fenced(lasts * fast, pause * fast * slow, stopping * fast * slow, waits * slow)


def margin(
    stops: Any, late: Any, pause: Any, stopping: Any, starts: Any, drift: Any,
) -> Any:
    """How long after a holder has stopped its successor starts; below 0, how long both serve (T10).

    Args:
        stops: after how long by its own clock the holder orders its services to stop.
        late: how much later than the successor the holder begins to count.
        pause: what passes between a look at the clock and the next act.
        stopping: what passes until the services do nothing more.
        starts: after how long by its own clock the successor serves.
        drift: the share by which each clock may be fast or slow, below 1.
    """
    return at_least(starts, drift) - at_most(stops, drift) - late - pause - stopping


def both_end(one: Any, other: Any, latency: Any, apart: Any, choose: Choose = _choose) -> Any:
    """Whether two nodes that fence each other can both end (T15).

    Args:
        one, other: how long each waits before it fences the other.
        latency: how long a fence takes to end a node.
        apart: how far apart the two may notice that they do not hear each other.
    """
    return longer(one, other, choose) - shorter(one, other, choose) < latency + apart
