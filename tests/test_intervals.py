"""Intervals of simulated figures: known values, and how often they hold."""

from math import isinf

import numpy as np
import pytest

from prgcore.outage.intervals import MANY, mean, of_mean, paired, share


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
    same = paired(common, common)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert isinf(paired(common[:1], common[:1]).high)


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
