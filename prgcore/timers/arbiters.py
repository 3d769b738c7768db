"""Arbiters by numbers: what each costs, and the margin between a holder and its successor.

Law: pure. The arbiters are data (`prgcore.tables.arbiters`); the arithmetic is
`prgcore.timers.arithmetic`, of which the theorems T3, T9, T10, T14 and T15 are about. Decimals are
taken as they are written, so 0.4 + 0.1 + 0.1 is 0.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from attrs import evolve, fields, frozen

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.tables.facts import Arbiter, RealSystem
from prgcore.timers import arithmetic
from prgcore.timers.cuts import cut_of
from prgcore.timers.parameters import Settings, seconds, share
from prgcore.timers.sanity import total

__all__ = ["Delays", "Fences", "HandOver", "clocks", "served_after", "twice_for"]


_FINE = 1_000_000
"""The tolerated drift is found in parts of a million."""


def _exact(value: Number) -> Fraction:
    return Fraction(repr(value))


@frozen
class HandOver:
    """A hand-over by two clocks: after how long the holder stops, and the successor starts.

    Both count from the last moment at which the holder was in touch. Times are in seconds.

    Attributes:
        stops: when the holder orders its services to stop, by its own clock.
        starts: when the successor serves, by its own clock.
        late: how much later than the successor the holder begins to count.
        pause: what passes between a look at the clock and the next act.
        stopping: what passes until the services do nothing more.
        drift: the share by which each clock may be fast or slow.

    Raises:
        BadInput: a time is not a number of seconds, or the drift is not a share of time.
    """

    stops: Number
    starts: Number
    late: Number = 0
    pause: Number = 0
    stopping: Number = 0
    drift: Number = 0

    def __attrs_post_init__(self) -> None:
        for name in ("stops", "starts", "late", "pause", "stopping"):
            whole = {"stops": "holder stops", "starts": "successor starts"}.get(name, name)
            seconds(getattr(self, name), whole)
        share(self.drift, "drift")

    @property
    def margin(self) -> Number:
        """How long after the holder the successor serves; below 0, how long both may serve (T10)."""
        return _rounded(self.exact)

    @property
    def holds(self) -> bool:
        """Whether nobody is served twice."""
        return self.exact >= 0

    @property
    def shortest(self) -> Number:
        """The shortest `starts` with which nobody is served twice (T10, T14)."""
        stops, _, late, pause, stopping, drift = self._numbers
        return _rounded(arithmetic.shortest_wait(stops, late + pause, stopping, drift))

    @property
    def tolerated(self) -> Number:
        """The greatest drift with which nobody is served twice, rounded down to a millionth (T10).

        Less drift is tolerated too. Where even clocks without drift are not enough, it is 0.
        """
        stops, starts, late, pause, stopping, _ = self._numbers
        least, most = 0, _FINE
        while most - least > 1:
            middle = (least + most) // 2
            enough = arithmetic.tolerates(
                stops, late + pause, stopping, starts, Fraction(middle, _FINE))
            least, most = (middle, most) if enough else (least, middle)
        return _rounded(Fraction(least, _FINE))

    @property
    def _numbers(self) -> tuple[Fraction, ...]:
        return tuple(_exact(getattr(self, a.name)) for a in fields(HandOver))

    @property
    def exact(self) -> Fraction:
        """The margin, exactly."""
        stops, starts, late, pause, stopping, drift = self._numbers
        return Fraction(arithmetic.margin(stops, late, pause, stopping, starts, drift))

    @property
    def serves_from(self) -> Number:
        """The true moment from which the successor serves, at the soonest."""
        return _rounded(arithmetic.at_least(_exact(self.starts), _exact(self.drift)))

    @property
    def serves_until(self) -> Number:
        """The true moment until which the holder serves, at the latest."""
        starts: Fraction = arithmetic.at_least(_exact(self.starts), _exact(self.drift))
        return _rounded(starts - self.exact)

    def exceeded(self, what: str) -> HandOver:
        """The same where one of the times, or the drift, is so much longer that both serve."""
        if what == "drift":
            return evolve(self, drift=min(2 * self.tolerated or 0.01, 0.99))
        return evolve(self, **{what: getattr(self, what) + (2 * self.margin or 1)})

    def eaten(self) -> Iterator[tuple[str, Number]]:
        """Each thing that eats the margin and how much of it, in the order in which it is subtracted."""
        whole = HandOver(self.stops, self.starts)
        for name in ("late", "drift", "pause", "stopping"):
            less = evolve(whole, **{name: getattr(self, name)})
            yield name, _rounded(whole.exact - less.exact)
            whole = less


def _rounded(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)


@frozen
class Delays:
    """What a network and a watch add: the longest delay, the polling, the jitter of sending."""

    latency: Number = 0
    polling: Number = 0
    jitter: Number = 0

    def __attrs_post_init__(self) -> None:
        for a in fields(Delays):
            seconds(getattr(self, a.name), a.name)

    def apart(self, parameters: Settings) -> Number:
        """How far apart two nodes may notice one cut: the least and the most of T4 and T3."""
        return self.noticed(parameters) - self.soonest(parameters)

    def soonest(self, parameters: Settings) -> Number:
        """After how long a loss is noticed at the soonest, if no heartbeat before it was lost (T4)."""
        first: Number = arithmetic.noticed_earliest(
            0, parameters.keep_alive_interval, self.jitter, parameters.keep_alive_timeout)
        return max(0, first)

    def noticed(self, parameters: Settings) -> Number:
        """After how long the loss of a peer is noticed at the latest (T3)."""
        latest: Number = arithmetic.noticed_latest(
            parameters.keep_alive_timeout, self.latency, self.polling)
        return latest


@frozen
class Fences:
    """How two nodes fence each other.

    Attributes:
        latency: how long a fence takes, until the other node has ended.
        delays: how long each node waits before it fences.
        apart: how far apart the two may notice that they do not hear each other.
    """

    latency: Number
    delays: tuple[Number, Number] = (0, 0)
    apart: Number = 0

    def __attrs_post_init__(self) -> None:
        for name, value in (("fencing", self.latency), ("delays", self.delays[0]),
                            ("delays", self.delays[1]), ("apart", self.apart)):
            seconds(value, name)
        if not self.latency:
            raise BadInput("fencing: a fence takes time: expected more than 0 seconds")

    @property
    def both_end(self) -> bool:
        """Whether both nodes can end each other (T15)."""
        one, other = map(_exact, self.delays)
        return bool(arithmetic.both_end(one, other, _exact(self.latency), _exact(self.apart)))

    @property
    def needed(self) -> Number:
        """The least difference of the delays with which one node is left for certain."""
        return _rounded(_exact(self.latency) + _exact(self.apart))


def served_after(
    arbiter: Arbiter, noticed: Number, waits: Number, fences: Fences | None,
) -> Number | None:
    """After how long the users of a dead node are served, at the latest, without the move itself.

    Args:
        noticed: after how long the loss is noticed.
        waits: how long the successor waits for a lease to end.
        fences: how the nodes fence each other, if known.

    Returns:
        None if nobody serves them until somebody mends it, or if nothing is known of fences.
    """
    if arbiter.adds is None or (arbiter.kills and fences is None):
        return None
    values = {"waits": waits}
    if fences is not None:
        values |= {"delay": max(fences.delays), "fencing": fences.latency}
    return noticed + total(arbiter.adds, values)


def twice_for(cut: Number, parameters: Settings, network: Delays) -> Number:
    """How long users may be served twice in a cut of this length, without an arbiter (D5)."""
    return cut_of(parameters, cut, jitter=network.jitter).served_twice


def clocks(system: RealSystem) -> tuple[Number | None, Number | None]:
    """When the holder of a real system stops, and when its successor starts, by its defaults."""
    values = dict(system.settings)
    stops, starts = (None if s is None else total(s, values) for s in (system.stops, system.starts))
    return stops, starts
