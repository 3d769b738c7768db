"""The right time-out: settings with few false failovers, under a bound on how long users are out.

Law: pure; it searches, and calculates nothing itself. When a crash is noticed, and what a time-out
survives, is `prgcore.timers.arithmetic`, of which T1 to T12 are proved. How often a live peer is
declared lost is `prgcore.timers.losses`. ADR 0063.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor, inf
from typing import Any

from attrs import asdict, field, frozen

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.tables.sanity import SHORTEST_INTERVAL
from prgcore.timers.arithmetic import judged, noticed_latest, outage, soon_enough, survives
from prgcore.timers.losses import Losses, alarms
from prgcore.timers.noticed import survived, true_least, true_most
from prgcore.timers.parameters import Parameters, seconds, share
from prgcore.timers.restarts import (
    Delay,
    Restarts,
    advised_delay,
    longest_within,
    multiple,
    shortest_time,
)

__all__ = [
    "ALIKE", "NEGLIGIBLE", "NODES", "Advice", "Point", "Wish", "World", "advise", "grid", "point",
    "rows", "unit_of",
]

NODES = 2
"""Each node of a pair listens to the other one, so a pair has twice the false alarms of a node."""
NEGLIGIBLE = 0.001
"""False failovers a year that count as none: one in a thousand years."""
ALIKE = 0.1
"""Settings whose false failovers differ by less than this share count as equal: no share of losses
is known better."""
MOST_ROWS = 12
"""The most settings of the curve that a page shows, beside now and the advised one."""
_ROOM = 2
"""A time-out that survives fewer losses in a row breaks a rule of sanity (`two-losses`)."""
_DAY = int(Parameters.records["keep_alive_timeout"].most)
"""The longest time-out that may be set."""
_UNITS = (1, 0.1, 0.01, 0.001)
_LONGEST = 60
"""Of a longer present interval the seconds between are not tried."""
_EVERY = 300
"""The curve has each of so many time-outs; beyond, it has ever fewer."""


# ------------------------------------------------------------------- wishes and points


@frozen
class World:
    """The world of the settings, as in `prgcore.timers.monitor.bounds`; times in seconds."""

    latency: Number = 0
    polling: Number = 0
    jitter: Number = 0
    store_call: Number = 0
    take_over: Number = 0
    multiple_device_messaging: bool = False
    dual_connections: bool = False
    drift: Number = 0

    def __attrs_post_init__(self) -> None:
        for name in ("latency", "polling", "jitter", "store_call", "take_over"):
            seconds(getattr(self, name), name)
        share(self.drift, "drift")

    def out(self, counted: Number, latency: Number, wait: Number) -> Number:
        """How long users are out at most where a timer counts so long (T3, T9, T12)."""
        noticed = noticed_latest(
            true_most(counted, self.drift), latency, judged(self.polling, self.store_call))
        found: Number = outage(
            noticed, 2 if self.multiple_device_messaging else 1, self.take_over, wait)
        return found


@frozen
class Wish:
    """The bound on an outage, and how short an interval may be.

    Attributes:
        target: how long users may be out after a crash or a service failure, at most, in seconds.
        including_login: whether the wait before a client logs in again counts. It does not depend
            on the time-out, so by default the bound is on noticing and moving.
        shortest: the shortest interval of heartbeats, in seconds: heartbeats cost traffic. By
            default 1 s, or the present one if that is shorter.
    """

    target: Number
    including_login: bool = False
    shortest: Number | None = None

    def __attrs_post_init__(self) -> None:
        if not seconds(self.target, "target outage"):
            raise BadInput("target outage: expected more than 0 s; no crash is noticed at once")
        if self.shortest is not None and (
                seconds(self.shortest, "shortest interval") < SHORTEST_INTERVAL):
            raise BadInput(f"shortest interval: expected {SHORTEST_INTERVAL} s or more")

    def wait(self, parameters: Parameters, world: World) -> Number:
        """How long of the wait before a log-in counts as outage, at most."""
        if not self.including_login or world.dual_connections:
            return 0
        return true_most(parameters.relogin_wait.most, world.drift)


@frozen
class Point:
    """A setting on the curve: what it costs, and what it buys.

    Attributes:
        survived: how many heartbeats in a row a live peer may lose (T6); None: it is suspected
            even if it loses none.
        outage: how long users are out after a crash, at most, as far as it is bounded (T3, T9).
        false_failovers: how often the nodes of the pair declare a live peer lost in a year, at
            most (T6).
        expected: the mean, if each heartbeat is late by any time up to the jitter. None: not known.
    """

    interval: Number
    timeout: Number
    survived: int | None
    outage: Number
    false_failovers: float
    expected: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields by name; a number that is not finite is null."""
        return {name: None if value == inf else value for name, value in asdict(self).items()}


def point(
    losses: Losses, interval: Number, timeout: Number, world: World, wait: Number = 0,
) -> Point:
    """The point of a setting, by the closed form."""
    most, mean = alarms(losses, interval, timeout, jitter=world.jitter, drift=world.drift)
    lives = survived(
        true_most(interval, world.drift), true_least(timeout, world.drift), world.jitter)
    return Point(interval, timeout, lives, world.out(timeout, world.latency, wait),
                 NODES * most, None if mean is None else NODES * mean)


def unit_of(shortest: Number) -> Number:
    """The unit of settings: whole seconds, or tenths, hundredths, thousandths below one."""
    return next(u for u in _UNITS if u <= shortest)


def grid(shortest: Number, longest: Number) -> tuple[Number, ...]:
    """The intervals that are tried, the longest first: whole seconds, and parts of one.

    Parts are 1, 2, 3, 4, 5, 7 tenths, hundredths, thousandths.
    """
    whole = range(max(1, ceil(shortest)), floor(longest) + 1)
    parts = (multiple(n, u) for u in _UNITS if u < 1 for n in (1, 2, 3, 4, 5, 7))
    return tuple(sorted(
        {shortest, *whole, *(p for p in parts if shortest <= p <= longest)}, reverse=True))


# ------------------------------------------------------------------------- the advice


@frozen
class Advice:
    """The settings now and those that are advised, and the curve between them.

    Attributes:
        now, advised: the heartbeats; `advised` is None where no setting meets the bound.
        delay: the critical service delay.
        changes: what to set, by the name of the parameter; empty: nothing need change.
        front: the settings of which none other has both less outage and fewer false failovers, by
            outage, as far as they matter.
        impossible: why no setting meets the bound: a sentence for each end that is too high.
        choices: by interval, the longest first, the best setting within the bound, where a shorter
            interval has fewer false failovers.
        rare: the setting with the shortest outage and at most one false failover a year, if the
            advised one has more. None: there is none within a day, or it is not needed.
        naive: the false failovers of the advised setting, if bursts kept their number of
            heartbeats at every interval. None where nothing is different.
    """

    parameters: Parameters
    losses: Losses
    world: World
    wish: Wish
    now: Point
    advised: Point | None
    delay: Delay
    changes: Mapping[str, Number]
    front: tuple[Point, ...]
    impossible: tuple[str, ...] = field(default=())
    choices: tuple[Point, ...] = field(default=())
    rare: Point | None = None
    naive: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the interval and the time-out are already right."""
        return self.advised == self.now

    @property
    def parameters_then(self) -> Parameters:
        """The parameters with the changes."""
        return Parameters.of(self.changes, self.parameters)

    @property
    def login(self) -> Number:
        """How long a client waits at most before it logs in again, in addition to the outage."""
        if self.wish.including_login or self.world.dual_connections:
            return 0
        return true_most(self.parameters.relogin_wait.most, self.world.drift)


@frozen
class _Search:
    """The settings of the grid, and how good each is."""

    losses: Losses
    world: World
    intervals: tuple[Number, ...]
    wait: Number
    unit: Number

    def at(self, interval: Number, timeout: Number) -> Point:
        return point(self.losses, interval, timeout, self.world, self.wait)

    def sane(self, interval: Number, timeout: Number) -> bool:
        """Whether a setting survives two losses, and notices a dead peer in spite of its store."""
        every, limit = true_most(interval, self.world.drift), true_least(timeout, self.world.drift)
        return bool(survives(_ROOM, every, self.world.jitter, limit)
                    and soon_enough(self.world.store_call, timeout))

    def every(self, timeout: Number) -> list[Point]:
        """Every setting of this time-out, the longest interval first."""
        return [self.at(i, timeout) for i in self.intervals if self.sane(i, timeout)]

    def pick(self, timeout: Number) -> Point | None:
        """The longest interval of this time-out that is as good as the best; None: none is sane."""
        found = self.every(timeout)
        if not found:
            return None
        enough = _enough(min(p.false_failovers for p in found))
        return next(p for p in found if p.false_failovers <= enough)

    def shortest(self, interval: Number, longest: Number, most: float) -> Number:
        """The shortest time-out of this interval with so few false failovers."""
        return shortest_time(
            lambda t: self.sane(interval, t) and self.at(interval, t).false_failovers <= most,
            longest, self.unit)

    def least(self) -> Number | None:
        """The shortest sane time-out; None: there is none within a day."""
        shortest = self.intervals[-1]
        return self.shortest(shortest, _DAY, inf) if self.sane(shortest, _DAY) else None


def _enough(best: float) -> float:
    """How many false failovers are as good as the best."""
    return max(NEGLIGIBLE, best * (1 + ALIKE))


def advise(
    parameters: Parameters, losses: Losses, wish: Wish, world: World | None = None,
    restarts: Restarts | None = None,
) -> Advice:
    """The interval, time-out and delay with the fewest false failovers under a bound on outage.

    False failovers below `NEGLIGIBLE` count as none, and those within `ALIKE` of the best as equal.
    The present setting is kept if it is as good. Otherwise the interval is the longest that is as
    good, and never longer than now or by default. Its time-out is the shortest that loses nothing.

    Args:
        parameters: the present settings.
        losses: how heartbeats are lost.
        wish: the bound.
        world: latency, jitter, drift and so on.
        restarts: how services restart. None: the delay stays if it meets the bound.
    """
    world = world or World()
    record = Parameters.records["keep_alive_interval"]
    wait = wish.wait(parameters, world)
    p = parameters
    present = p.keep_alive_interval if p.keep_alive_interval >= SHORTEST_INTERVAL else 1
    shortest = min(1, present) if wish.shortest is None else wish.shortest
    unit = unit_of(shortest)
    longest = max(min(p.keep_alive_interval, _LONGEST), record.default, shortest)
    kept = {p.keep_alive_interval} if shortest <= p.keep_alive_interval else set()
    intervals = tuple(sorted({*grid(shortest, longest), *kept}, reverse=True))
    search = _Search(losses, world, intervals, wait, unit)
    within = longest_within(wish.target, lambda t: world.out(t, world.latency, wait), _DAY, unit)
    now = search.at(p.keep_alive_interval, p.keep_alive_timeout)
    advised = _advised(search, now, within, wish.target)
    delay = advised_delay(
        p, restarts, lambda d: world.out(d, 0, wait), wish.target, world.drift, _enough, NEGLIGIBLE,
        unit)
    impossible = tuple(_impossible(search, wish, advised, delay, p))
    return Advice(
        p, losses, world, wish, now, advised, delay,
        {} if impossible or advised is None else _changes(p, advised, delay, unit),
        tuple(_front(search, now, within)), impossible, tuple(_choices(search, within)),
        _rare(search, advised, now), _naive(losses, advised, p, world))


def _advised(search: _Search, now: Point, within: Number, target: Number) -> Point | None:
    best = search.pick(within) if within else None
    if best is None:
        return None
    every = search.every(within)
    enough = _enough(min(p.false_failovers for p in every))
    if (search.sane(now.interval, now.timeout) and now.outage <= target
            and now.interval >= search.intervals[-1] and now.false_failovers <= enough):
        return now
    lowest = max(NEGLIGIBLE, best.false_failovers)
    return search.at(best.interval, search.shortest(best.interval, within, lowest))


def _choices(search: _Search, within: Number) -> Iterator[Point]:
    """Yield the intervals that buy something, the longest first."""
    best = inf
    for one in search.every(within) if within else ():
        if one.false_failovers < best:
            yield one
            best = one.false_failovers


def _rare(search: _Search, advised: Point | None, now: Point) -> Point | None:
    """The setting with the least outage and at most one false failover a year."""
    if (advised or now).false_failovers <= 1:
        return None
    found = [search.at(i, search.shortest(i, _DAY, 1)) for i in search.intervals]
    good = [p for p in found if p.false_failovers <= 1 and search.sane(p.interval, p.timeout)]
    return min(good, key=lambda p: (p.timeout, -p.interval), default=None)


def _changes(
    p: Parameters, advised: Point, delay: Delay, unit: Number,
) -> dict[str, Number]:
    """The parameters to set. A node that starts waits at least as long as one that runs (`patient-start`)."""
    starting, usual = p.initialization_keep_alive_timeout, 0
    if unit == 1:
        usual = int(Parameters.records["initialization_keep_alive_timeout"].default)
    wanted = {
        "keep_alive_interval": advised.interval, "keep_alive_timeout": advised.timeout,
        "initialization_keep_alive_timeout": starting if starting >= advised.timeout else max(
            advised.timeout, usual),
        "critical_service_delay": delay.advised,
    }
    now = p.to_json()
    return {n: v for n, v in wanted.items() if v is not None and v != now[n]}


def _impossible(
    search: _Search, wish: Wish, advised: Point | None, delay: Delay, p: Parameters,
) -> Iterator[str]:
    """Which end of the curve is above the bound, and the theorem that puts it there."""
    if search.wait > wish.target:
        yield (f"T9: clients wait up to {search.wait:.10g} s before they log in again; lower "
               "client_relogin_upper_limit, or leave out --including-login")
        return
    if advised is None:
        least = search.least()
        shortest = search.intervals[-1]
        if least is None:
            yield (f"T6: no time-out survives two losses at an interval of {shortest:.10g} s and a "
                   f"jitter of {search.world.jitter:.10g} s, or T12: a store call takes too long")
        else:
            out = search.at(shortest, least)
            calls = bool(search.world.store_call)
            yield (f"T6{', T12' * calls}: at an interval of {shortest:.10g} s the time-out is "
                   f"{least:.10g} s or more, to survive two losses{' and two store calls' * calls}; T3: a crash "
                   f"is then noticed and users are moved in up to {round(out.outage, 3):.10g} s")
    if delay.advised is None:
        yield (f"T1: a critical service delay is {search.unit} s or more; then users are out for up "
               f"to {round(delay.out(search.unit), 3):.10g} s after a service failure"
               if p.client_relogin_lower_limit >= search.unit else
               "D28: the critical service delay is not above client_relogin_lower_limit; raise it")


def _front(search: _Search, now: Point, within: Number) -> Iterator[Point]:
    """Yield the curve from its left end, as far as false failovers matter."""
    least = search.least()
    if least is None:
        return
    far = min(max(2 * max(within, now.timeout), 16 * least), _DAY)
    best = inf
    for timeout in _timeouts(least, far, search.unit):
        found = search.pick(timeout)
        if found is None or found.false_failovers >= best:
            continue
        yield found
        best = found.false_failovers
        if best <= NEGLIGIBLE:
            return


def _timeouts(least: Number, most: Number, unit: Number) -> Iterable[Number]:
    """Yield time-outs: each of the first, then some one per cent apart."""
    first, last = round(least / unit), floor(most / unit + 1e-9)
    at = first
    while at <= last:
        yield multiple(at, unit)
        at += max(1, (at - first) // _EVERY * 3)


def _naive(
    losses: Losses, advised: Point | None, p: Parameters, world: World,
) -> float | None:
    """The false failovers, if bursts had as many heartbeats as at the present interval."""
    if advised is None or losses.decay == inf or advised.interval == p.keep_alive_interval:
        return None
    same = Losses.of(losses.share, burst=losses.run(p.keep_alive_interval),
                     interval=advised.interval)
    return point(same, advised.interval, advised.timeout, world).false_failovers


def rows(found: Advice) -> tuple[Point, ...]:
    """The settings that a page shows: some of the curve, evenly apart, now, and the advised one."""
    front = found.front
    take = {round(i * (len(front) - 1) / (MOST_ROWS - 1)) for i in range(MOST_ROWS)}
    some = {front[i] for i in take if front}
    some |= {p for p in (found.now, found.advised) if p is not None}
    return tuple(sorted(some, key=lambda p: (p.outage, p.interval)))
