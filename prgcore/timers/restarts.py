"""Restarts of services, and the critical service delay that most of them fit into.

Law: pure. T1 and T2 decide: a service that is back before the delay is over fails nobody over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from math import exp, floor, inf
from typing import Any

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.timers.noticed import true_least
from prgcore.timers.parameters import Parameters, seconds

__all__ = ["Delay", "Restarts", "advised_delay", "longest_within", "multiple", "shortest_time"]

_NODES = 2


@frozen
class Restarts:
    """How often the critical services of a node restart, and how long that takes.

    Attributes:
        lasts: how long a restart takes, in seconds; on average, unless it is fixed.
        a_year: how many there are in a year, for each node.
        fixed: whether each takes exactly so long. Otherwise times are exponential: many short
            ones, a few long ones.
    """

    lasts: Number
    a_year: float
    fixed: bool = False

    def __attrs_post_init__(self) -> None:
        if not seconds(self.lasts, "restart"):
            raise BadInput("restart: expected more than 0 s; a restart takes some time")
        if isinstance(self.a_year, bool) or not 0 <= self.a_year < inf:
            raise BadInput(f"restarts: expected how many there are, not {self.a_year!r:.60}")

    def longer(self, delay: Number, drift: Number = 0) -> float:
        """The share of restarts that are not back before the delay is over (T1, T2)."""
        counted = true_least(delay, drift)
        if self.fixed:
            return float(self.lasts >= counted)
        return exp(-counted / self.lasts)

    def false_failovers(self, delay: Number, drift: Number = 0) -> float:
        """How many restarts a year fail users over, for both nodes together."""
        return _NODES * self.a_year * self.longer(delay, drift)


@frozen(eq=False)
class Delay:
    """The critical service delay now and as it is advised.

    Attributes:
        now, advised: seconds; `advised` is None where none meets the bound.
        before, after: false failovers a year by restarts; None where no restarts are given.
        longest: the longest delay that meets the bound and the rule `re-login-delay`.
        out: how long users are out after a service failure, at most, by the delay.
    """

    now: Number
    advised: Number | None
    before: float | None
    after: float | None
    longest: Number
    out: Callable[[Number], Number]
    restarts: Restarts | None

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {
            "now": self.now, "advised": self.advised, "longest": self.longest,
            "outage_now": self.out(self.now),
            "outage": None if self.advised is None else self.out(self.advised),
            "false_failovers_now": self.before, "false_failovers": self.after,
        }


def longest_within(
    target: Number, out: Callable[[Number], Number], most: Number, unit: Number = 1,
) -> Number:
    """The longest time whose outage is within a target; 0: none.

    Args:
        out: the outage of a time; it grows with the time.
        most: the longest time that may be set.
        unit: times are multiples of it.
    """
    units = range(1, floor(most / unit + 1e-9) + 1)
    return multiple(
        bisect_left(units, True, key=lambda n: out(multiple(n, unit)) > target), unit)


def multiple(count: int, unit: Number) -> Number:
    """So many units: a whole number where the unit is one, else rounded to the nanosecond."""
    return count if unit == 1 else round(count * unit, 9)


def shortest_time(good: Callable[[Number], bool], longest: Number, unit: Number = 1) -> Number:
    """The shortest time, a multiple of the unit, that is good, as all longer ones are.

    Args:
        good: whether a time is good.
        longest: a time that is good.
        unit: times are multiples of it.
    """
    units = range(1, round(longest / unit))
    return multiple(1 + bisect_left(units, True, key=lambda n: good(multiple(n, unit))), unit)


def advised_delay(
    p: Parameters, restarts: Restarts | None, out: Callable[[Number], Number], target: Number,
    drift: Number, enough: Callable[[float], float], negligible: float, unit: Number = 1,
) -> Delay:
    """The delay with the fewest false failovers within the target.

    The present one is kept if it is as good. Otherwise it is the shortest that loses nothing.
    Clients wait at least as long as the delay (`re-login-delay`).

    Args:
        p: the present settings.
        restarts: how services restart; None: the present delay is kept if it meets the bound.
        out: how long users are out at most by the delay, growing with it.
        target: the bound on that, in seconds.
        drift: the share by which the clock may be fast.
        enough: how many false failovers are as good as the best.
        negligible: how many count as none.
        unit: delays are multiples of it.
    """
    now, most = p.critical_service_delay, int(p.records["critical_service_delay"].most)
    longest = longest_within(target, out, min(most, p.client_relogin_lower_limit), unit)

    def false(delay: Number | None) -> float | None:
        return None if restarts is None or delay is None else restarts.false_failovers(delay, drift)

    def made(advised: Number | None) -> Delay:
        return Delay(now, advised, false(now), false(advised), longest, out, restarts)

    if not longest:
        return made(None)
    fits = 0 < now <= p.client_relogin_lower_limit and out(now) <= target
    if restarts is None:
        return made(now if fits else longest)
    best = restarts.false_failovers(longest, drift)
    if fits and restarts.false_failovers(now, drift) <= enough(best):
        return made(now)
    wanted = max(negligible, best)
    if restarts.fixed and best > negligible:  # no delay within the bound is long enough
        return made(longest)
    return made(shortest_time(
        lambda d: restarts.false_failovers(d, drift) <= wanted, longest, unit))
