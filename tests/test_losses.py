"""Runs of losses: the closed form, exact chains, and a simulation, which share nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from math import inf, isclose, log

import numpy as np
import pytest

from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.outage.losses import Seen, _declared, simulate
from prgcore.timers.losses import YEAR, Losses, alarms
from prgcore.timers.monitor import Monitor
from prgcore.timers.noticed import survived
from prgcore.timers.parameters import Parameters

BURSTS = Losses.of(0.01, burst=3, interval=15)

# -------------------------------------------------------------------- the chain


@pytest.mark.parametrize(("share", "burst", "interval"), [
    (0.01, 3, 15), (0.01, 1.5, 15), (0.2, 4, 1), (0.5, 2.5, 0.2), (1e-6, 40, 7), (0.9, 30, 60),
])
def test_a_burst_is_the_mean_run_at_its_own_interval(share: float, burst: float, interval: float) -> None:
    losses = Losses.of(share, burst=burst, interval=interval)
    assert isclose(losses.run(interval), burst, rel_tol=1e-9)
    # down for `lasts`, up for the rest: the share of time is the share of heartbeats
    up = losses.lasts * (1 - share) / share
    assert isclose(losses.lasts / (up + losses.lasts), share)
    # an interval half as long sees more of the same outage, one twice as long sees fewer
    assert losses.run(interval / 2) > burst > losses.run(2 * interval) >= 1 / (1 - share)


def test_a_burst_of_three_at_15_seconds_is_a_network_down_for_37() -> None:
    # 1 - stays = 1/3 = 0.99 * (1 - exp(-15 r)), so r = -ln(1 - 1 / 2.97) / 15; down for 1 / (0.99 r)
    assert isclose(BURSTS.decay, -log(1 - 1 / 2.97) / 15)
    assert isclose(BURSTS.lasts, 1 / (0.99 * BURSTS.decay))
    assert round(BURSTS.lasts, 2) == 36.91
    assert isclose(Losses.of(0.01, lasts=BURSTS.lasts).run(15), 3)


def test_independent_losses_have_the_shortest_burst_and_no_memory() -> None:
    for losses in (Losses.of(0.2), Losses.of(0.2, burst=1.25, interval=9)):
        assert losses.decay == inf
        assert losses.lasts == 0
        assert losses.stays(0.001) == pytest.approx(0.2, abs=1e-15)
        assert losses.run(1) == losses.run(100) == pytest.approx(1.25)


def test_a_very_short_interval_sees_a_run_as_long_as_the_outage() -> None:
    losses = Losses.of(0.01, lasts=45)
    assert losses.run(0.001) * 0.001 == pytest.approx(45, rel=1e-3)


@pytest.mark.parametrize(("given", "says"), [
    ({"lost": 1}, "loss: 1 is not a share of time from 0, below 1"),
    ({"lost": -1}, "loss: -1 is not a share"), ({"lost": float("nan")}, "loss: nan is not a share"),
    ({"lost": True}, "loss: True"), ({"lost": "1"}, "loss: '1'"),
    ({"lost": 0.01, "burst": 0.5}, "burst: 0.5 heartbeats are fewer than the 1.0101"),
    ({"lost": 0.01, "burst": 1}, "burst: 1 heartbeats are fewer than the 1.0101"),
    ({"lost": 0.01, "burst": -3}, "burst: -3 heartbeats are fewer"),
    ({"lost": 0.01, "burst": float("nan")}, "burst: expected a mean number of heartbeats, not nan"),
    ({"lost": 0.01, "burst": inf}, "not inf"), ({"lost": 0.01, "burst": True}, "not True"),
    ({"lost": 1e-300}, "loss: 1e-300 is a heartbeat in 1e+12 or fewer; write 0"),
    ({"lost": 0.01, "burst": 1e300}, "burst: the network would be down for"),
    ({"lost": 0.01, "lasts": 1e9}, "burst: the network would be down for 1e+09 s on average; expected a"),
    ({"lost": 0.01, "lasts": 0}, "burst: the network is down for some time"),
    ({"lost": 0.01, "lasts": -1}, "burst: expected seconds"),
    ({"lost": 0.01, "lasts": inf}, "burst: expected seconds"),
    ({"lost": 0.01, "lasts": 5, "burst": 3}, "burst: give heartbeats or a time"),
])
def test_wrong_losses_are_one_line(given: dict[str, float], says: str) -> None:
    lost = given.pop("lost")
    with pytest.raises(BadInput) as error:
        Losses.of(lost, **given)
    assert str(error.value).startswith(says) or says in str(error.value)
    assert "\n" not in str(error.value)


# ----------------------------------------------- the closed form and exact chains


def _exact(lost: Fraction, stays: Fraction, least: int) -> Fraction:
    """How many runs of at least so many losses begin with each heartbeat, from the chain itself.

    Its states: the last heartbeat was heard, or so many were lost in a row (the last state: `least`
    or more). The stationary distribution is solved exactly, and the flow into the last state counted.
    """
    begins = lost * (1 - stays) / (1 - lost)
    size = least + 1
    moves = [[Fraction(0)] * size for _ in range(size)]
    moves[0][0], moves[0][1] = 1 - begins, begins
    for n in range(1, size):
        moves[n][0] = 1 - stays
        moves[n][min(n + 1, least)] += stays
    rows = [[moves[j][i] - (i == j) for j in range(size)] + [Fraction(0)] for i in range(size)]
    rows[-1] = [Fraction(1)] * size + [Fraction(1)]
    for i in range(size):
        pivot = next(r for r in range(i, size) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(size):
            if r != i and rows[r][i]:
                rows[r] = [x - rows[r][i] * y for x, y in zip(rows[r], rows[i], strict=True)]
    stationary = [row[-1] for row in rows]
    assert sum(stationary) == 1
    assert 1 - stationary[0] == lost
    return stationary[least - 1] * moves[least - 1][least]


@pytest.mark.parametrize(("lost", "stays", "least"), [
    (Fraction(a, 20), Fraction(b, 20), least)
    for (a, b), least in product([(1, 1), (1, 10), (5, 8), (10, 13), (18, 19)], range(1, 7))])
def test_the_closed_form_is_the_flow_of_the_exact_chain(
    lost: Fraction, stays: Fraction, least: int,
) -> None:
    assert _exact(lost, stays, least) == lost * (1 - stays) * stays ** (least - 1)
    burst, interval = float(1 / (1 - stays)), 4
    losses = Losses.of(float(lost), burst=burst, interval=interval)
    exact = float(_exact(lost, stays, least)) * YEAR / interval
    assert losses.runs_a_year(interval, least) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("lost", "stays"), [(0.3, 0.3), (0.3, 0.6), (0.5, 0.8)])
@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_closed_form_is_the_count_of_every_sequence(lost: float, stays: float, least: int) -> None:
    # all 2**10 sequences of ten heartbeats, each with its chance: runs that reach `least` in them
    begins, mean = lost * (1 - stays) / (1 - lost), 0.0
    for one in product((0, 1), repeat=10):
        chance = lost if one[0] else 1 - lost
        for before, now in pairwise(one):
            again = stays if before else begins
            chance *= again if now else 1 - again
        text = "".join(map(str, one))
        reached = sum(text[i:i + least + 1] == "0" + "1" * least for i in range(10 - least))
        mean += chance * reached
    losses = Losses.of(lost, burst=1 / (1 - stays), interval=1)
    assert losses.runs_a_year(1, least) / YEAR * (10 - least) == pytest.approx(mean, rel=1e-9)


# ------------------------------------------------------------------ false alarms


def test_a_time_out_counts_the_runs_that_it_does_not_survive() -> None:
    # 15 s and 60 s survive two losses (T6), so runs of three count: pi (1 - s) s^2 of each heartbeat
    most, mean = alarms(BURSTS, 15, 60)
    assert most == mean == pytest.approx(YEAR / 15 * 0.01 / 3 * (2 / 3) ** 2)
    # with 61 s three losses are survived
    assert alarms(BURSTS, 15, 61)[0] == pytest.approx(YEAR / 15 * 0.01 / 3 * (2 / 3) ** 3)
    # independent losses of 1 %: three in a row, and 60 / 15
    assert alarms(Losses.of(0.01), 15, 60)[0] == pytest.approx(YEAR / 15 * 0.99 * 1e-6)


def test_nothing_lost_is_no_alarm_and_a_broken_rule_is_one_at_every_heartbeat() -> None:
    assert alarms(Losses.of(0), 15, 60) == (0, 0)
    assert alarms(Losses.of(0), 60, 60) == (YEAR / 60, None)
    assert alarms(Losses.of(0.01), 59, 60, jitter=1)[0] == YEAR / 59
    assert alarms(Losses.of(0.01), 0, 60)[0] == inf


@pytest.mark.parametrize("jitter", [1e-300, 1e-17, 9e-7])
def test_a_jitter_below_a_microsecond_counts_as_none(jitter: float) -> None:
    assert alarms(BURSTS, 15, 60, jitter=jitter) == alarms(BURSTS, 15, 60)
    assert simulate(BURSTS, [(15, 60)], jitter=jitter, runs=500) == simulate(
        BURSTS, [(15, 60)], runs=500)


def test_jitter_that_reaches_the_interval_has_a_bound_and_no_mean() -> None:
    most, mean = alarms(BURSTS, 2, 60, jitter=2)
    assert mean is None
    assert most == BURSTS.runs_a_year(2, (survived(2, 60, 2) or 0) + 1)


@pytest.mark.parametrize("losses", [BURSTS, Losses.of(0.05), Losses.of(0.3, lasts=45)])
@pytest.mark.parametrize(("jitter", "drift"), [(0, 0), (0.5, 0), (0.9, 0.01)])
def test_a_longer_time_out_has_never_more_false_alarms(
    losses: Losses, jitter: float, drift: float,
) -> None:
    for interval in (1, 2, 7, 15):
        found = [alarms(losses, interval, t, jitter=jitter, drift=drift) for t in range(3 * interval + 3, 90)]
        for (most, mean), (less, fewer) in pairwise(found):
            assert less <= most
            assert mean is not None
            assert fewer is not None
            assert fewer <= mean * (1 + 1e-12)
            assert mean <= most * (1 + 1e-12)


@pytest.mark.parametrize("losses", [BURSTS, Losses.of(0.05), Losses.of(0.3, lasts=45)])
def test_of_intervals_that_survive_equally_many_losses_the_longest_is_best(losses: Losses) -> None:
    for timeout in (20, 59, 61, 90):
        by: dict[int, list[float]] = {}
        for tenths in range(5, 10 * timeout // 3):
            lives = survived(tenths / 10, timeout, 0)
            if lives is not None:
                by.setdefault(lives, []).append(alarms(losses, tenths / 10, timeout)[0])
        assert len(by) > 8
        for some in by.values():
            assert all(b <= a * (1 + 1e-12) for a, b in pairwise(some))


def test_the_mean_with_jitter_is_the_sum_over_two_late_heartbeats() -> None:
    # 3 lost of 15 s, time-out 60 s: 4 * 15 + late - late >= 60 for half of the pairs of heartbeats
    most, mean = alarms(BURSTS, 15, 60, jitter=2)
    runs = BURSTS.runs_a_year(15)
    assert most == pytest.approx(runs * (2 / 3) ** 2)
    assert mean == pytest.approx(runs * ((2 / 3) ** 2 / 3 / 2 + (2 / 3) ** 3))
    # one second shorter: late - late >= -1 has the chance 1 - (1/2)^2 / 2
    assert alarms(BURSTS, 15, 59, jitter=2)[1] == pytest.approx(
        runs * ((2 / 3) ** 2 / 3 * 7 / 8 + (2 / 3) ** 3))


# ---------------------------------------------------------------- the simulation

NORMAL = PRG.run(
    PRG.initial[0], "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)", "initialized(node1)",
    "initialized(node2)").end
SETTINGS = ((15, 60), (15, 61), (10, 59), (3, 58), (7, 30.5), (5, 40), (1, 12), (0.5, 4))


@pytest.mark.parametrize("losses", [
    BURSTS, Losses.of(0.05), Losses.of(0.5), Losses.of(0.01, lasts=45), Losses.of(0.3, burst=5, interval=10),
    Losses.of(0.6, lasts=2), Losses.of(0.001, lasts=0.7),
])
@pytest.mark.parametrize(("jitter", "drift"), [(0, 0), (0.4, 0), (0.3, 0.02)])
def test_the_simulation_sees_what_the_closed_form_expects(
    losses: Losses, jitter: float, drift: float,
) -> None:
    some = [s for s in SETTINGS if s[0] > 2 * jitter]
    found = simulate(losses, some, jitter=jitter, drift=drift, runs=40_000)
    assert [(s.interval, s.timeout) for s in found] == some
    for seen in found:
        most, mean = alarms(losses, seen.interval, seen.timeout, jitter=jitter, drift=drift)
        assert mean is not None
        assert seen.fits(mean)
        assert seen.least <= seen.rate <= seen.most
        assert mean <= most * (1 + 1e-12)


@pytest.mark.parametrize("losses", [BURSTS, Losses.of(0.1)])
def test_the_interval_holds_the_mean_as_often_as_it_says(losses: Losses) -> None:
    mean = alarms(losses, 15, 60)[1]
    assert mean is not None
    found = [simulate(losses, [(15, 60)], runs=2000, seed=seed)[0] for seed in range(100)]
    assert 93 <= sum(s.least <= mean <= s.most for s in found) <= 100  # 95 % or a little more
    assert sum(s.rate for s in found) / 100 == pytest.approx(mean, rel=0.06)


def test_a_wrong_figure_does_not_fit() -> None:
    seen = simulate(BURSTS, [(15, 60)], runs=40_000)[0]
    expected = alarms(BURSTS, 15, 60)[0]
    assert seen.fits(expected)
    assert not seen.fits(expected * 1.1)
    assert not seen.fits(expected * 0.9)
    assert not seen.fits(0)


def test_the_simulation_is_the_same_for_one_seed() -> None:
    first, again, other = (simulate(BURSTS, [(15, 60)], runs=1000, seed=s) for s in (5, 5, 6))
    assert first == again != other


def test_a_simulation_of_no_losses_sees_none() -> None:
    assert simulate(Losses.of(0), [(15, 60)]) == (Seen(15, 60, inf, 0, 0, 0, 0, 0),)


def test_too_few_outages_to_see_any_is_a_wide_interval() -> None:
    seen, = simulate(Losses.of(0.01), [(1, 59)], runs=1000)
    assert (seen.alarms, seen.rate, seen.least) == (0, 0, 0)
    assert seen.most > 100
    assert seen.fits(alarms(Losses.of(0.01), 1, 59)[0])


@pytest.mark.parametrize("setting", [(60, 60), (59, 60), (2, 60), (1, 60)])
def test_settings_that_cannot_be_simulated_are_refused(setting: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match="expected an interval longer than the jitter"):
        simulate(BURSTS, [setting], jitter=2)


@pytest.mark.parametrize(("interval", "timeout", "jitter"), [
    (15, 60, 0.0), (15, 60, 2.0), (4, 13, 1.0), (7, 30.5, 3.0), (1, 4, 0.5)])
def test_the_monitor_of_a_node_decides_each_run_as_the_simulation_does(
    interval: float, timeout: float, jitter: float,
) -> None:
    lost = np.random.default_rng(8).integers(1, 9, 120)
    given = _declared(lost, interval, timeout, jitter, np.random.default_rng(4))
    again = np.random.default_rng(4)
    late, later = again.uniform(0, 1, 120) * jitter, again.uniform(0, 1, 120) * jitter
    pair, parameters = NORMAL, Parameters(
        keep_alive_interval=interval, keep_alive_timeout=timeout)
    for run, before, after, declared in zip(lost, late, later, given, strict=True):
        heard, ends = float(before), float((run + 1) * interval + after)
        monitor = Monitor.start(PRG, "node1", 0, parameters)
        monitor, _ = monitor.observe(0, pair)
        monitor, event = monitor.observe(heard, pair, heartbeat=True)
        assert event is None
        events = []
        while (due := monitor.next_deadline) is not None and due <= ends:
            monitor, event = monitor.observe(due, pair)
            events.append(event)
            break
        monitor, event = monitor.observe(max(ends, monitor.now), pair, heartbeat=True)
        assert ("heartbeat_lost(node1)" in events) == declared
    assert 0 < given.sum() < 120


def test_the_simulation_agrees_with_one_that_goes_heartbeat_by_heartbeat() -> None:
    """The plainest program: a clock, one heartbeat after another, and a count of silence."""
    chance, losses, interval, timeout, jitter = (
        np.random.default_rng(3), Losses.of(0.2, burst=2, interval=4), 4, 13, 1.0)
    number = 200_000
    lost = np.empty(number, dtype=bool)
    lost[0], draws = False, chance.uniform(size=number)
    stays, begins = 0.5, 0.2 * 0.5 / 0.8
    for n in range(1, number):
        lost[n] = draws[n] < (stays if lost[n - 1] else begins)
    late = chance.uniform(0, jitter, number)
    heard, given = 0.0, 0
    for n in range(number):
        if lost[n]:
            continue
        arrives = n * interval + late[n]
        given += arrives - heard >= timeout
        heard = arrives
    plain = given / (number * interval / YEAR)
    most, mean = alarms(losses, interval, timeout, jitter=jitter)
    assert mean is not None
    assert plain == pytest.approx(mean, rel=0.03)
    seen, = simulate(losses, [(interval, timeout)], jitter=jitter)
    assert plain == pytest.approx(seen.rate, rel=0.03)
    assert mean < most
