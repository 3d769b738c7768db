"""Intervals of simulated figures: known values, and how often they hold."""

from functools import reduce
from math import isinf
from operator import add

import numpy as np
import pytest

from prgcore.outage.intervals import MANY, mean, of_mean, paired, share
from prgcore.outage.outcome import Tally
from prgcore.outage.wording import between


@pytest.mark.parametrize(("count", "low", "high"), [
    # Garwood's exact limits of a Poisson count, as tables print them
    (0, 0.0, 3.6889), (1, 0.0253, 5.5716), (2, 0.2422, 7.2247), (3, 0.6187, 8.7673),
    (5, 1.6235, 11.6683), (10, 4.7954, 18.3904), (20, 12.2165, 30.8884), (50, 37.1110, 65.9188),
])
def test_rare_counts_have_the_exact_poisson_interval(count, low, high):
    found = of_mean(count, count, 1000, seen=count, most=1)
    assert found.by == "gamma"
    assert (found.value, found.low * 1000, found.high * 1000) == pytest.approx(
        (count / 1000, low, high), abs=1e-4)


@pytest.mark.parametrize(("some", "lanes", "low", "high"), [
    (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 100, 0.0018, 0.0545),
    (50, 100, 0.4038, 0.5962), (81, 263, 0.2553, 0.3662),
])
def test_shares_have_wilson_s_interval(some, lanes, low, high):
    found = share(some, lanes)
    assert found.by == "wilson"
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_many_lanes_have_the_interval_of_student():
    values = np.arange(1.0, 202.0)
    found = mean(values, most=1)
    half = 1.971896 * values.std(ddof=1) / 201**0.5
    assert found.by == "t"
    assert (found.value, found.low, found.high) == pytest.approx((101, 101 - half, 101 + half), rel=1e-5)


def test_a_difference_of_pairs_leaves_out_what_both_have():
    chance = np.random.default_rng(1)
    common = chance.exponential(1000, 400)
    found = paired(common, common + chance.normal(5, 1, 400))
    assert found.low < 5 < found.high
    assert found.high - found.low < 0.3
    assert found.by == "t"
    assert isinf(paired(common[:1], common[:1]).high)


def test_no_difference_seen_is_no_certainty():
    common = np.random.default_rng(1).exponential(1000, 400)
    same = paired(common, common)
    assert (same.value, same.low, same.high, same.by) == (0, 0, 0, "none seen")
    assert not same.sure
    assert between(same, 60) == between(same.scaled(0.5)) == "none seen"
    assert same.to_json() == {"value": 0.0, "low": 0.0, "high": 0.0, "by": "none seen"}
    counted = paired(common, common, most=1.0)
    assert (counted.value, counted.by) == (0, "gamma")
    assert (counted.low * 400, counted.high * 400) == pytest.approx((-3.6889, 3.6889), abs=1e-4)


@pytest.mark.parametrize(("more", "less", "sure"), [
    (1, 0, False), (3, 0, False), (5, 0, False), (6, 0, True), (0, 5, False), (0, 6, True),
    (10, 1, True), (7, 3, False), (12, 0, True), (10, 10, False),
])
def test_a_few_lanes_that_differ_are_sure_as_in_a_test_of_signs(more, less, sure):
    found = paired(np.zeros(500), np.repeat([1.0, -1.0, 0.0], [more, less, 500 - more - less]))
    assert (found.by, found.sure) == ("sum", sure)
    assert found.value == pytest.approx((more - less) / 500)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("less", [0.0, 0.5])
@pytest.mark.parametrize("expected", [1, 3, 6, 20, 60])
def test_differences_of_a_few_lanes_hold_as_often_as_they_say(expected, less):
    """Of 300 lanes a few differ, by single events; by costs that vary, the last ones."""
    chance, holds, costly = np.random.default_rng(11), 0, 0
    mean_ = expected * (1 - less) / 300
    for _ in range(300):
        more, fewer = chance.poisson(expected / 300, 300), chance.poisson(expected * less / 300, 300)
        found = paired(fewer.astype(float), more.astype(float), most=1.0)
        holds += found.low <= mean_ <= found.high
        costs = [np.where(c, chance.gamma(np.maximum(c, 1)), 0.0) for c in (fewer, more)]
        found = paired(*costs, most=1.0)
        costly += found.low <= mean_ <= found.high
    assert holds >= 0.93 * 300
    assert costly >= (0.92 if expected > 10 else 0.86) * 300


def test_student_s_t_needs_25_times_the_squared_skewness():
    values = np.zeros(1000)
    values[:150] = 1.0  # a skewness of 1.96: 96 lanes would do
    assert mean(values, most=1).by == "t"
    values[0] = 20.0  # of 17
    assert mean(values, most=1).by == "gamma"
    much = np.random.default_rng(2).poisson(14.3, 200).astype(float)
    assert mean(much, most=1).by == "t"  # frequent, with little skew
    for one, by in ((values, "gamma"), (much, "t")):
        assert tallied(one).by == by


def test_what_all_lanes_have_widens_no_interval_of_skewed_totals():
    few = np.where(np.arange(400) < 4, 50.0, np.random.default_rng(3).random(400))
    one, other = (mean(few + base, most=1) for base in (1.0, 1000.0))
    assert one.by == other.by == "gamma"
    assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.03)
    one, other = (paired(few, 2 * few + base) for base in (1.0, 1000.0))
    assert one.by == other.by == "sum"
    assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.05)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e4, 1e7])
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 1.5])
def test_sums_of_lanes_give_the_interval_of_their_values(scale, spread):
    values = np.rint(scale * np.exp(spread * np.random.default_rng(4).normal(size=700)) * 1024) / 1024
    one, other = mean(values, most=1), tallied(values[:300], values[300:])
    assert one.by == other.by
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def tallied(*parts):
    """The estimate of the lanes of all parts, added up in whole numbers."""
    tally = reduce(add, [Tally.of(one[:, None], 1024) for one in parts])
    return tally.estimate((0,), sum(map(len, parts)), 1.0)


@pytest.mark.parametrize(("lanes", "often", "cost"), [
    (lanes, often, cost) for often, cost in (
        (0.2, ("log-normal", 1.0)),  # the skewness of a lane is 10
        (1.0, ("log-normal", 1.2)),  # 9
        (2.0, ("log-normal", 1.3)),  # 9
        (0.5, ("log-normal", 1.2)),  # 12
        (0.05, ("log-normal", 0.5)),  # 7
        (1.0, ("two", 0.01, 100.0)),  # 10
        (3.0, ("two", 0.005, 300.0)),  # 8
        (1.0, ("two", 0.02, 30.0)),  # 7
        (0.3, ("two", 0.05, 20.0)),  # 8
    ) for lanes in (100, 400, 1000, 4000) if lanes > 100 or cost[0] == "log-normal"
])
def test_skewed_totals_hold_as_often_as_they_say(lanes, often, cost):
    """Lanes with a Poisson number of faults, of which few cost most of all.

    A hundred lanes have often seen none of the costly faults of two kinds: nothing can know them.
    """
    times, chance = 600 if lanes < 1000 else 300, np.random.default_rng(17)
    counts = chance.poisson(often, (times, lanes)).ravel()
    faults = int(counts.sum())
    if cost[0] == "two":
        _, rare, much = cost
        costs, expected = np.where(chance.random(faults) < rare, much, 1.0), 1 + rare * (much - 1)
    else:
        costs, expected = np.exp(cost[1] * chance.normal(size=faults)), np.exp(cost[1] ** 2 / 2)
    totals = np.bincount(np.repeat(np.arange(times * lanes), counts), costs, times * lanes)
    found = [mean(one, most=1) for one in totals.reshape(times, lanes)]
    assert sum(e.low <= often * expected <= e.high for e in found) >= 0.92 * times


@pytest.mark.parametrize("often", [0.003, 0.02, 0.1, 0.6, 4.0])
def test_intervals_hold_as_often_as_they_say(often):
    """500 lanes with Poisson counts of exponential costs, 600 times; 95 % should cover the mean."""
    chance, holds = np.random.default_rng(7), 0
    for _ in range(600):
        counts = chance.poisson(often, 500)
        costs = np.array([chance.exponential(60, c).sum() for c in counts])
        found = mean(costs, most=600.0)
        holds += found.low <= 60 * often <= found.high
    assert holds >= (0.925 if often * 500 > 5 else 0.89) * 600


def test_nothing_seen_is_bounded_by_the_most_that_could_be():
    found = mean(np.zeros(100), most=50.0)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(50 * 3.6889 / 100, rel=1e-4)
    assert mean(np.full(MANY, 2.0), most=1).high == 2


def test_levels_widen_an_interval():
    values = np.random.default_rng(1).exponential(1, 300)
    narrow, wide = (mean(values, most=1, level=level) for level in (0.9, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
