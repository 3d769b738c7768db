"""Heartbeats that are lost: how long their runs are, and how often a run outlasts a time-out.

Law: pure; which runs a time-out survives is `prgcore.timers.arithmetic` (T5, T6). The formula of
its own counts long runs. Tests compare it with exact chains, and with a simulation that shares
nothing with it (`prgcore.outage.losses`).
"""

from __future__ import annotations

from math import expm1, inf, log1p
from typing import Any

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.tables.sanity import SHORTEST_INTERVAL
from prgcore.timers.noticed import survived, true_least, true_most
from prgcore.timers.parameters import seconds, share

__all__ = ["FINEST", "LEAST", "YEAR", "Losses", "alarms"]

YEAR = 365 * 86_400
"""The seconds of a year."""
LEAST = 1e-12
"""The smallest share of losses that is not 0."""
FINEST = 1e-6
"""A jitter below a microsecond counts as none."""


@frozen
class Losses:
    """A network that is up or down for exponential times; a heartbeat is lost while it is down.

    Heartbeats see it at each interval. So their losses are the chain of Gilbert and Elliott, of
    which the bad state loses everything, and the interval decides how long its runs are.

    Attributes:
        share: the share of heartbeats that are lost, from 0, below 1.
        decay: how fast the network forgets its state, per second. `inf`: losses are independent.
    """

    share: float
    decay: float = inf

    @classmethod
    def of(
        cls, lost: Number, *, burst: Number | None = None, interval: Number = 1,
        lasts: Number | None = None,
    ) -> Losses:
        """The losses with this share.

        Args:
            lost: the share of heartbeats that are lost.
            burst: the mean length of a run, in heartbeats that come at each `interval`. By default
                losses are independent: 1 / (1 - share).
            interval: the interval at which runs of this length were seen, in seconds.
            lasts: the mean time for which the network is down, in seconds, instead of a burst.

        Raises:
            BadInput: the share is not from 0, below 1; the burst is shorter than that of
                independent losses; a time is not above 0; or both are given.
        """
        lost = share(lost, "loss")
        if 0 < lost < LEAST:
            raise BadInput(f"loss: {lost:g} is a heartbeat in {1 / LEAST:g} or fewer; write 0")
        if burst is not None and lasts is not None:
            raise BadInput("burst: give heartbeats or a time, not both")
        if lasts is not None:
            if not seconds(lasts, "burst"):
                raise BadInput("burst: the network is down for some time; expected more than 0 s")
            return _checked(cls(lost, 1 / (lasts * (1 - lost))))
        if burst is None:
            return cls(lost)
        if isinstance(burst, bool) or not isinstance(burst, int | float) or not burst < inf:
            raise BadInput(f"burst: expected a mean number of heartbeats, not {burst!r:.60}")
        alone = 1 / (1 - lost)
        if burst < alone * (1 - 1e-9):
            raise BadInput(
                f"burst: {burst:.10g} heartbeats are fewer than the {alone:.10g} of independent "
                "losses; leave it out for those, or expect more")
        seconds(interval, "interval")
        if burst <= alone * (1 + 1e-9):
            return cls(lost)
        return _checked(cls(lost, -log1p(-alone / burst) / interval))

    @property
    def lasts(self) -> float:
        """How long the network is down on average, in seconds; 0 where losses are independent."""
        return 1 / (self.decay * (1 - self.share))

    def stays(self, interval: Number) -> float:
        """The chance that the heartbeat after a lost one is lost too."""
        return 1 + (1 - self.share) * expm1(-self.decay * interval)

    def run(self, interval: Number) -> float:
        """The mean length of a run of losses, in heartbeats at this interval."""
        return 1 / (1 - self.stays(interval))

    def runs_a_year(self, interval: Number, least: int = 1) -> float:
        """How many runs of at least so many losses a node sees in a year, on average.

        A heartbeat begins a run if it is lost and the one before it was not: `share * (1 - stays)`.
        Each further loss has the chance `stays`.
        """
        again = self.stays(interval)
        return float(YEAR / interval * self.share * (1 - again) * again ** (least - 1))

    def to_json(self) -> dict[str, Any]:
        """The share, and how long the network is down on average."""
        return {"share": self.share, "down_for": self.lasts, "independent": self.decay == inf}


def _checked(losses: Losses) -> Losses:
    if not 0 < losses.lasts <= YEAR:
        raise BadInput(f"burst: the network would be down for {losses.lasts:g} s on average; expected "
                       "a year at most")
    return losses


def alarms(
    losses: Losses, interval: Number, timeout: Number, *, jitter: Number = 0, drift: Number = 0,
) -> tuple[float, float | None]:
    """How often a node declares a live peer lost, per year.

    Clocks are those of the worst case: that of the sender is slow, that of the watcher fast. A run
    of losses is one false alarm, however long it is: the first one fails users over.

    Returns:
        By T6, every run counts that the time-out may not survive. Then the mean if each heartbeat
        is late by any time up to the jitter, all equally likely; None if the jitter is not shorter
        than the interval, because heartbeats then overtake each other.
    """
    every, limit = true_most(interval, drift), true_least(timeout, drift)
    lives = survived(every, limit, jitter)
    if lives is None:  # T5 does not hold: it may happen without any loss
        return (inf if every < SHORTEST_INTERVAL else YEAR / every), None
    most = losses.runs_a_year(every, lives + 1)
    if jitter < FINEST:
        return most, most
    if jitter >= every:
        return most, None
    lost, mean, sure = lives + 1, 0.0, False
    while not sure:
        chance = _later(float(limit - (lost + 1) * every), float(jitter))
        sure = chance >= 1
        runs = losses.runs_a_year(every, lost)
        mean += runs if sure else runs * chance * (1 - losses.stays(every))
        lost += 1
    return most, mean


def _later(than: float, jitter: float) -> float:
    """The chance that one of two heartbeats is late by at least so much more than the other."""
    part = than / jitter
    if part <= -1:
        return 1.0
    if part >= 1:
        return 0.0
    return (1 - part) ** 2 / 2 if part >= 0 else 1 - (1 + part) ** 2 / 2
