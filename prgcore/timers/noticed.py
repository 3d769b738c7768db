"""How soon the timers of any machine notice what they wait for, by its parameters.

Law: pure; the arithmetic is `prgcore.timers.arithmetic`, of which T1 to T6 are proved. A timer that
begins again at each heartbeat notices a crash of the peer; any other one notices that its condition
lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from attrs import asdict, frozen

from prgcore.engine import Engine
from prgcore.model import Cube, Number, Timer
from prgcore.tables.sanity import SHORTEST_INTERVAL
from prgcore.timers.arithmetic import (
    at_least,
    at_most,
    noticed_earliest,
    noticed_latest,
    survives,
)
from prgcore.timers.parameters import Range, Settings, seconds, share, spread

__all__ = ["Noticed", "noticed", "silence", "survived", "true_least", "true_most"]


@frozen
class Noticed:
    """When a timer gives its event.

    Attributes:
        event: the event.
        where: the cells where this limit counts; without cells, everywhere.
        limit: the parameter that it counts, or its seconds.
        after: when the event is given: after a crash, or after its condition began.
        survived: for a timer of silence, how many heartbeats in a row a live peer may lose. None:
            for other timers, and where it is suspected even if it loses none.
        theorems: the theorems that say so.
    """

    event: str
    where: Cube
    limit: str | Number
    after: Range
    survived: int | None
    theorems: str

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {**asdict(self), "where": {c.column: [*c.values] for c in self.where}}


def silence(timer: Timer) -> bool:
    """Whether a timer counts the silence of the peer."""
    return "heartbeat" in timer.again and not timer.told


def noticed(
    engine: Engine, node: str, parameters: Settings, *, latency: Number = 0, polling: Number = 0,
    jitter: Number = 0, drift: Number = 0,
) -> Iterator[Noticed]:
    """Yield when the timers of a node give their events, one for every limit.

    Args:
        latency, polling, jitter, drift: as in `prgcore.timers.monitor.bounds`.

    Raises:
        BadInput: one of them is not a number of seconds, or the drift not a share.
    """
    share(drift, "drift")
    for name, value in (("latency", latency), ("polling", polling), ("jitter", jitter)):
        seconds(value, name)
    interval = true_most(parameters.keep_alive_interval, drift)
    for timer in engine.habits.timers(node):
        for cells, limit in timer.limits:
            counted: Number = getattr(parameters, limit) if isinstance(limit, str) else limit
            least, most = true_least(counted, drift), true_most(counted, drift)
            if silence(timer):
                first = max(0, noticed_earliest(0, interval, jitter, least))
                yield Noticed(
                    timer.event, cells, limit, spread(first, noticed_latest(most, latency, polling)),
                    survived(interval, least, jitter), "T3 T4 T6")
            else:
                yield Noticed(timer.event, cells, limit,
                              spread(least, noticed_latest(most, 0, polling)), None, "T1 T2 T7")


def true_least(counted: Number, drift: Number) -> Number:
    """The shortest true time of a counted one; without drift it is the same number."""
    return at_least(counted, drift) if drift else counted


def true_most(counted: Number, drift: Number) -> Number:
    """The longest true time of a counted one; without drift it is the same number."""
    return at_most(counted, drift) if drift else counted


def survived(interval: Number, timeout: Number, jitter: Number) -> int | None:
    """The largest number of lost heartbeats in a row that a live peer survives (T6).

    Times are true ones.

    None: it survives none, or the interval is too short to be kept (rule `interval`).
    """
    if interval < SHORTEST_INTERVAL:
        return None
    lost = max(0, ceil((timeout - jitter) / interval) - 2)
    while survives(lost + 1, interval, jitter, timeout):
        lost += 1
    while lost >= 0 and not survives(lost, interval, jitter, timeout):
        lost -= 1
    return lost if lost >= 0 else None
