"""The right time-out: no setting of the grid is better, the theorems bound it, and ties have rules."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, exp, inf

import pytest
from attrs import evolve

from prgcore.errors import BadInput
from prgcore.timers.advice import (
    ALIKE,
    NEGLIGIBLE,
    Advice,
    Wish,
    World,
    advise,
    grid,
    point,
)
from prgcore.timers.losses import Losses
from prgcore.timers.monitor import bounds
from prgcore.timers.parameters import Parameters
from prgcore.timers.restarts import Restarts, longest_within
from prgcore.timers.sanity import check

NOW = Parameters()
LAN = Losses.of(0.0001)
WAN = Losses.of(0.01, burst=3, interval=15)
BAD = Losses.of(0.05, lasts=45)
WORLDS = {
    "plain": World(), "late": World(latency=0.08, jitter=0.3, polling=0.5),
    "store": World(latency=0.08, store_call=2.5), "drift": World(latency=0.08, drift=0.01),
    "twice": World(latency=0.04, multiple_device_messaging=True, take_over=3),
    "dual": World(dual_connections=True, take_over=7.5),
}
LOSSES = {"lan": LAN, "wan": WAN, "bad": BAD, "none": Losses.of(0), "alone": Losses.of(0.05)}


def _grave(p: Parameters, world: World) -> list[str]:
    return [v.rule.id for v in check(p, world.jitter) if v.wrong]


def _every(losses: Losses, target: float, world: World, wait: float = 0) -> list[tuple[float, int, int]]:
    """Every setting of whole seconds that is sane and within the target, by brute force."""
    found = []
    for timeout in range(1, int(target) + 1):
        p = evolve(NOW, keep_alive_timeout=timeout)
        out = bounds(p, latency=world.latency, polling=world.polling, jitter=world.jitter,
                     store_call=world.store_call, take_over=world.take_over, drift=world.drift,
                     multiple_device_messaging=world.multiple_device_messaging,
                     dual_connections=True).after_crash.most
        if out + wait > target or timeout < 2 * world.store_call:
            continue
        for interval in range(1, 16):
            one = point(losses, interval, timeout, world)
            if one.survived is not None and one.survived >= 2:
                found.append((one.false_failovers, interval, timeout))
    return found


# ------------------------------------------------------------- no setting is better


@pytest.mark.parametrize("target", [5, 17, 31, 60, 61.5, 76, 90])
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
def test_no_setting_of_the_grid_is_better(losses: Losses, world: World, target: float) -> None:
    found, grid_ = advise(NOW, losses, Wish(target), world), _every(losses, target, world)
    if not grid_:
        assert found.advised is None
        assert found.impossible
        return
    best = found.advised
    assert best is not None
    assert best.outage <= target
    least = min(grid_)[0]
    enough = max(NEGLIGIBLE, least * (1 + ALIKE))
    assert best.false_failovers <= enough
    if found.kept:
        return
    # no longer time-out of this interval is better
    assert best.false_failovers <= max(NEGLIGIBLE, min(
        bad for bad, interval, _ in grid_ if interval == best.interval))
    # no longer interval is as good, and no shorter time-out of this interval loses nothing
    assert all(bad > enough for bad, interval, _ in grid_ if interval > best.interval)
    assert all(bad > max(NEGLIGIBLE, best.false_failovers) for bad, interval, timeout in grid_
               if interval == best.interval and timeout < best.timeout)


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
def test_what_is_advised_breaks_no_rule_and_is_what_timing_promises(
    losses: Losses, world: World,
) -> None:
    for target in (30, 60, 130, 900):
        found = advise(NOW, losses, Wish(target), world, Restarts(30, 52))
        if found.advised is None:
            continue
        then = found.parameters_then
        assert _grave(then, world) == []
        said = bounds(then, latency=world.latency, polling=world.polling, jitter=world.jitter,
                      store_call=world.store_call, take_over=world.take_over, drift=world.drift,
                      multiple_device_messaging=world.multiple_device_messaging,
                      dual_connections=True)
        assert said.after_crash.most == found.advised.outage <= target
        assert said.after_service.most == found.delay.out(then.critical_service_delay) <= target
        assert said.survived == found.advised.survived
        assert (then.keep_alive_interval, then.keep_alive_timeout) == (
            found.advised.interval, found.advised.timeout)


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
def test_more_outage_never_costs_more_false_failovers(losses: Losses) -> None:
    found = [advise(NOW, losses, Wish(t)).advised for t in range(4, 200, 3)]
    for shorter, longer in pairwise(found):
        assert shorter is not None
        assert longer is not None
        assert longer.false_failovers <= max(NEGLIGIBLE, shorter.false_failovers * (1 + ALIKE))


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("target", [20, 60, 300, 5000])
def test_the_curve_falls_and_nothing_lies_below_it(losses: Losses, target: float) -> None:
    world = World(latency=0.08)
    front = advise(NOW, losses, Wish(target), world).front
    assert front
    for one, other in pairwise(front):
        assert one.outage < other.outage
        assert one.false_failovers > other.false_failovers
    for one in front[:40]:
        best = min(point(losses, i, one.timeout, world).false_failovers
                   for i in range(1, 16) if 3 * i < one.timeout)
        assert one.false_failovers <= max(NEGLIGIBLE, best * (1 + ALIKE))


# ------------------------------------------------------------------ figures by hand


def test_a_wan_with_bursts_of_three() -> None:
    found = advise(NOW, WAN, Wish(60), World(latency=0.08), Restarts(30, 365 / 7))
    # now: 60.08 s is over the bound; (1/3) (2/3)^2 of 1 % of 2,102,400 heartbeats, for two nodes
    assert (found.now.survived, found.now.outage) == (2, 60.08)
    assert found.now.false_failovers == pytest.approx(2 * 2_102_400 * 0.01 / 3 * 4 / 9)
    assert found.advised is not None
    assert (found.advised.interval, found.advised.timeout, found.advised.survived) == (3, 58, 18)
    assert found.advised.outage == 58.08
    assert round(found.advised.false_failovers) == 3801
    assert found.changes == {"keep_alive_interval": 3, "keep_alive_timeout": 58, "critical_service_delay": 60}
    assert found.delay.before == pytest.approx(2 * 365 / 7 * exp(-3))
    assert found.delay.after == pytest.approx(2 * 365 / 7 * exp(-2))
    # the trap: the same 3 heartbeats at 3 s would be an outage of 7.4 s, and 80 times rarer
    assert found.naive == pytest.approx(2 * 10_512_000 * 0.01 / 3 * (2 / 3) ** 18)
    assert found.rare is not None
    assert found.rare.false_failovers <= 1 < point(WAN, 1, found.rare.timeout - 1, World()).false_failovers


def test_a_good_network_needs_no_change() -> None:
    found = advise(NOW, LAN, Wish(90))
    # three of 1e-4 in a row: 4e-6 a year
    assert found.now.false_failovers == pytest.approx(2 * 2_102_400 * 0.9999 * 1e-12)
    assert found.kept
    assert found.changes == {}
    assert found.rare is None
    assert found.naive is None


def test_independent_losses_raise_the_time_out_until_none_matters() -> None:
    # 5 of 1 % in a row at 15 s: 4e-4 a year; the shortest time-out that survives 4 is 76
    found = advise(NOW, Losses.of(0.01), Wish(600))
    assert found.changes == {"keep_alive_timeout": 76}
    assert found.advised is not None
    assert found.advised.survived == 4
    assert found.advised.false_failovers == pytest.approx(2 * 2_102_400 * 0.99 * 1e-10)


def test_a_time_out_over_the_one_of_initialization_raises_that_too() -> None:
    found = advise(NOW, WAN, Wish(300))
    assert found.advised is not None
    assert found.changes["initialization_keep_alive_timeout"] == found.advised.timeout > 120
    low = evolve(NOW, initialization_keep_alive_timeout=45, keep_alive_timeout=46)
    assert advise(low, WAN, Wish(80)).changes["initialization_keep_alive_timeout"] == 120


def test_multiple_device_messaging_halves_what_a_time_out_may_be() -> None:
    found = advise(NOW, WAN, Wish(60), WORLDS["twice"])
    assert found.advised is not None
    assert found.advised.timeout <= 28  # 2 * (28 + 0.04) + 3 = 59.08
    assert found.delay.advised == 28


def test_a_store_call_is_counted_twice_and_asks_for_half_a_time_out() -> None:
    found = advise(NOW, WAN, Wish(60), World(store_call=10))
    assert found.advised is not None
    assert 20 <= found.advised.timeout <= 40
    assert found.advised.outage == found.advised.timeout + 20
    none = advise(NOW, WAN, Wish(39), World(store_call=10))
    assert none.advised is None
    assert "T6, T12: at an interval of 1 s the time-out is 20 s or more" in none.impossible[0]
    assert none.impossible[0].endswith("40 s")


def test_a_drift_leaves_less_of_the_time_out() -> None:
    sharp, loose = (advise(NOW, WAN, Wish(60), World(drift=d)).advised for d in (0, 0.05))
    assert sharp is not None
    assert loose is not None
    assert loose.timeout <= 57  # 57 / 0.95 = 60
    assert loose.false_failovers > sharp.false_failovers


# ---------------------------------------------------------------- the bound and its ends


def test_the_wait_before_a_log_in_is_bounded_only_if_asked() -> None:
    without = advise(NOW, LAN, Wish(60))
    assert without.login == 537
    with_it = advise(NOW, LAN, Wish(60, including_login=True))
    assert with_it.advised is None
    says, = with_it.impossible
    assert says == ("T9: clients wait up to 537 s before they log in again; lower "
                    "client_relogin_upper_limit, or leave out --including-login")
    far = advise(NOW, LAN, Wish(597, including_login=True))
    assert far.now.outage == 597
    assert far.advised == far.now
    assert (far.login, far.changes) == (0, {"critical_service_delay": 60})
    dual = advise(NOW, LAN, Wish(60, including_login=True), World(dual_connections=True))
    assert dual.advised is not None
    assert dual.login == 0


@pytest.mark.parametrize(("target", "world", "says"), [
    (3, World(), "T6: at an interval of 1 s the time-out is 4 s or more"),
    (4, World(latency=0.08), "users are moved in up to 4.08 s"),
    (30, World(take_over=27), "up to 31 s"),
    (0.5, World(), "T1: a critical service delay is 1 s or more; then users are out for up to 1 s"),
])
def test_a_bound_that_no_setting_meets_names_its_theorem(target: float, world: World, says: str) -> None:
    found = advise(NOW, WAN, Wish(target), world)
    assert any(says in one for one in found.impossible)
    assert found.changes == {}


def test_a_jitter_makes_the_shortest_time_out_longer() -> None:
    assert advise(NOW, WAN, Wish(15), World(jitter=12)).advised is None
    found = advise(NOW, WAN, Wish(16), World(jitter=12)).advised
    assert found is not None
    assert (found.interval, found.timeout, found.expected) == (1, 16, None)  # 3 + 12 < 16


def test_a_bound_that_is_just_met_is_met() -> None:
    found = advise(NOW, WAN, Wish(4))
    assert found.advised is not None
    assert (found.advised.interval, found.advised.timeout) == (1, 4)
    assert found.delay.advised == 4
    assert found.impossible == ()


def test_a_shorter_shortest_interval_opens_the_left_end() -> None:
    found = advise(NOW, WAN, Wish(2), World(latency=0.08))
    assert found.advised is None
    found = advise(NOW, WAN, Wish(2, shortest=0.1), World(latency=0.08))
    assert found.advised is not None
    assert (found.advised.interval, found.advised.timeout) == (0.5, 1.6)  # in tenths of a second
    assert found.delay.advised == 2
    slow = advise(NOW, WAN, Wish(60, shortest=10))
    assert slow.advised is not None
    assert slow.advised.interval >= 10


def test_an_interval_is_never_longer_than_now_or_by_default() -> None:
    for losses in (*LOSSES.values(),):
        for target in (60, 600, 6000):
            found = advise(NOW, losses, Wish(target)).advised
            assert found is not None
            assert found.interval <= 15
    often = advise(evolve(NOW, keep_alive_interval=2, keep_alive_timeout=59), LAN, Wish(300))
    assert often.kept


def test_a_present_setting_that_is_broken_is_mended() -> None:
    broken = evolve(NOW, keep_alive_interval=60)
    found = advise(broken, LAN, Wish(90))
    assert found.now.survived is None
    assert not found.kept
    assert _grave(found.parameters_then, World()) == []
    flood = advise(evolve(NOW, keep_alive_interval=0), LAN, Wish(90))
    assert flood.now.false_failovers == inf
    assert flood.now.to_json()["false_failovers"] is None
    assert flood.changes["keep_alive_interval"] >= 1


@pytest.mark.parametrize(("shortest", "longest", "first", "last"), [
    (1, 15, 15, 1), (5, 15, 15, 5), (0.2, 3, 3, 0.2), (0.25, 3, 3, 0.25), (0.001, 2, 2, 0.001), (20, 20, 20, 20), (2.5, 6, 6, 2.5),
])
def test_the_grid_is_whole_seconds_and_parts_of_one(
    shortest: float, longest: float, first: float, last: float,
) -> None:
    found = grid(shortest, longest)
    assert (found[0], found[-1]) == (first, last)
    assert list(found) == sorted(set(found), reverse=True)
    assert all(i == ceil(i) for i in found if i > 1 and i != shortest)


# -------------------------------------------------------------------------- restarts


def _delay(restarts: Restarts | None, target: float, **set_: float) -> Advice:
    return advise(evolve(NOW, **set_), LAN, Wish(target), None, restarts)


@pytest.mark.parametrize(("restarts", "target", "advised", "after"), [
    (None, 300, 90, None),                            # nothing known: as it is
    (None, 60, 60, None),                             # as long as the bound allows
    (Restarts(30, 52, fixed=True), 300, 90, 0),       # 90 s is enough
    (Restarts(100, 52, fixed=True), 300, 101, 0),     # T2: back before the delay is over
    (Restarts(100.5, 52, fixed=True), 300, 101, 0),
    (Restarts(59.5, 52, fixed=True), 60, 60, 0),
    (Restarts(60, 52, fixed=True), 60, 60, 104),      # T1: at the same moment it is due
    (Restarts(200, 52, fixed=True), 300, 90, 104),    # no delay up to the re-login limit helps
    (Restarts(30, 52), 300, 120, 104 * exp(-4)),      # never above client_relogin_lower_limit
    (Restarts(5, 52), 300, 90, 104 * exp(-18)),       # negligible already
    (Restarts(5, 52), 60, 58, 104 * exp(-58 / 5)),    # the shortest that is negligible
    (Restarts(30, 0), 300, 90, 0),
])
def test_the_delay_lets_restarts_end(
    restarts: Restarts | None, target: float, advised: int, after: float | None,
) -> None:
    found = _delay(restarts, target).delay
    assert found.advised == advised
    assert found.after == (None if after is None else pytest.approx(after))


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("lasts", [0.5, 7, 29.5, 30, 61, 500])
@pytest.mark.parametrize("target", [4, 30, 60, 119, 400])
def test_no_delay_is_better(lasts: float, target: float, *, fixed: bool) -> None:
    restarts = Restarts(lasts, 12, fixed)
    found = _delay(restarts, target).delay
    assert found.advised is not None
    assert found.after is not None
    every = {d: restarts.false_failovers(d) for d in range(1, 121) if d <= target}
    assert found.after <= max(NEGLIGIBLE, min(every.values()) * (1 + ALIKE))
    assert found.out(found.advised) <= target


def test_a_fast_clock_needs_a_longer_delay() -> None:
    found = advise(NOW, LAN, Wish(300), World(drift=0.01), Restarts(100, 52, fixed=True)).delay
    assert found.advised == 102  # 101 / 1.01 = 100


def test_a_delay_above_the_log_in_limit_is_lowered_to_it() -> None:
    assert _delay(None, 300, critical_service_delay=200).delay.advised == 120
    assert _delay(None, 300, client_relogin_lower_limit=50).delay.advised == 50


@pytest.mark.parametrize(("out", "target", "most", "found"), [
    (lambda t: t, 60, 100, 60), (lambda t: t, 59.99, 100, 59), (lambda t: t, 500, 100, 100),
    (lambda t: t + 61, 60, 100, 0), (lambda t: 2 * t + 1, 60, 100, 29), (lambda t: t, 5, 0, 0),
])
def test_the_longest_time_within_a_target(out, target: float, most: float, found: int) -> None:
    assert longest_within(target, out, most) == found


# ------------------------------------------------------------------------ wrong input


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Wish(0), "target outage: expected more than 0 s"),
    (lambda: Wish(-1), "target outage: expected seconds"),
    (lambda: Wish(float("nan")), "target outage: expected seconds"),
    (lambda: Wish(inf), "target outage: expected seconds"),
    (lambda: Wish(1 << 41), "target outage: expected seconds"),
    (lambda: Wish(60, shortest=0), "shortest interval: expected 0.001 s or more"),
    (lambda: Wish(60, shortest=float("nan")), "shortest interval: expected seconds"),
    (lambda: World(latency=-1), "latency: expected seconds"),
    (lambda: World(jitter=float("nan")), "jitter: expected seconds"),
    (lambda: World(drift=1), "drift: 1 is not a share"),
    (lambda: Restarts(0, 1), "restart: expected more than 0 s"),
    (lambda: Restarts(-3, 1), "restart: expected seconds"),
    (lambda: Restarts(3, -1), "restarts: expected how many"),
    (lambda: Restarts(3, float("nan")), "restarts: expected how many"),
    (lambda: Restarts(3, inf), "restarts: expected how many"),
])
def test_wrong_wishes_are_one_line(make, says: str) -> None:
    with pytest.raises(BadInput) as error:
        make()
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_a_huge_target_is_answered_at_once() -> None:
    for target in (86_400, 1e6, 1 << 40):
        found = advise(NOW, WAN, Wish(target), World(latency=0.08))
        assert found.advised is not None
        assert found.advised.timeout < 1000
        assert found.advised.false_failovers <= NEGLIGIBLE
        assert len(found.front) < 2000
    worst = advise(NOW, Losses.of(0.99, lasts=86_400), Wish(1 << 40))
    assert worst.advised is not None
    assert worst.rare is None
