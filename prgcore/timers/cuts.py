"""A cut between two nodes without an arbiter: how long users may be served twice, by D5.

Law: pure; the arithmetic is `prgcore.timers.arithmetic`, of which D5 is proved.
"""

from __future__ import annotations

from math import floor
from typing import Any

from attrs import asdict, frozen

from prgcore.model import Number
from prgcore.timers.arithmetic import (
    cut_loses,
    next_heard,
    served_twice,
    silence_of_cut,
)
from prgcore.timers.noticed import survived, true_least, true_most
from prgcore.timers.parameters import Settings, seconds, share

__all__ = ["Cut", "cut_of"]


@frozen
class Cut:
    """The harm of a cut of both directions without an arbiter.

    Attributes:
        lasts: how long the link is cut, in seconds.
        lost: how many heartbeats in a row it can lose.
        silence: the longest time between two heartbeats that arrive.
        served_twice: how long users may be served twice; the time that services need to
            stop comes in addition.
        one_way: the same of a cut of one direction, however long it is.
        harmless: every shorter cut makes no node declare its peer lost.
    """

    lasts: Number
    lost: int
    silence: Number
    served_twice: Number
    one_way: Number
    harmless: Number

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def cut_of(
    parameters: Settings, lasts: Number, *, latency: Number = 0, jitter: Number = 0,
    drift: Number = 0,
) -> Cut:
    """The harm of a cut. All of the jitter counts as lateness of sending, which is the worst.

    Args:
        latency, jitter, drift: as in `prgcore.timers.monitor.bounds`.

    Raises:
        BadInput: an argument is not a number of seconds, the drift not a share, or there is no
            interval.
    """
    for name, value in (("cut", lasts), ("latency", latency), ("jitter", jitter)):
        seconds(value, name)
    share(drift, "drift")
    counted, timeout = parameters.keep_alive_interval, true_least(parameters.keep_alive_timeout, drift)
    shortest, longest = true_least(counted, drift), true_most(counted, drift)
    lost = max(1, floor((lasts + jitter) / shortest))
    while cut_loses(lost + 1, lasts, shortest, jitter):
        lost += 1
    silence = silence_of_cut(lost, lasts, longest, jitter, jitter)
    lives = survived(longest, timeout, jitter) or 0
    twice = served_twice(silence, timeout)
    return Cut(
        lasts, lost, silence, twice, min(twice, next_heard(longest, jitter, latency)),
        max(0, lives * shortest - jitter, timeout - 2 * (longest + jitter)))
