"""Histograms: exact where an event comes to all, the right distribution where it comes by chance."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from prgcore.errors import BadInput
from prgcore.fleet import Chance, Counts, Fleet, Histogram, Plan, Table
from prgcore.fleet.histogram import ALONE, _thinned
from prgcore.fleet.lapse import PART, counted_alike, lapse_of_part
from prgcore.fleet.passing import let_pass
from prgcore.machine import PRG
from prgcore.vocabulary import Kind
from tests.planted import LAMPS
from tests.toys import TURNSTILE

FAULTS = {"power_off(node1)": 0.001, "services_down(node2)": 0.002, "link_cut": 0.0005}
REPAIRS = {"power_on(node1)": 0.5, "services_up(node2)": 0.3, "link_repair": 0.9, "manager_start(node1)": 1.0}


@cache
def table() -> Table:
    return Table.of(PRG)


def followed(plans: list[Plan], pairs: int, seed: int):
    """A lapse of every pair of a fleet, in parts."""
    made = table()
    fleet, shown, counts = Fleet.home(made, pairs), 0, Counts(made)
    for number, low in enumerate(range(0, pairs, PART)):
        part = Fleet(made, fleet.codes[low:low + PART])
        chance = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        lapse = lapse_of_part(part, plans, chance)
        shown, counts = shown + lapse.shown, counts.plus(lapse.counts)
    return shown, counts, fleet


def within(some: float, mean: float, variance: float) -> bool:
    """Whether a number is within six standard deviations of what is expected."""
    return abs(some - mean) <= 6 * max(variance, 1e-9) ** 0.5 + 1e-6


def test_every_event_moves_a_histogram_as_it_moves_each_pair():
    made = table()
    chance = np.random.default_rng(1)
    fleet = Fleet(made, chance.integers(0, len(made), 100_000, np.uint32))
    histogram = Histogram.of(fleet)
    for event in chance.permutation(len(made.events)).tolist():
        one, two = Counts(made), Counts(made)
        fleet.step(event, one, out=fleet)
        histogram.step(event, two)
        assert (np.bincount(fleet.codes, minlength=len(made)) == histogram.counters).all()
        assert (one.numbers == two.numbers).all()
    assert histogram.pairs == len(fleet)
    assert (np.bincount(fleet.shown, minlength=len(made.displays)) == histogram.shown).all()


def test_a_thousand_million_million_pairs_are_counted_exactly():
    made = table()
    histogram, counts = Histogram.home(made, 10**15 + 1), Counts(made)
    histogram.step("power_off(node1)", counts)
    assert histogram.pairs == counts.total == 10**15 + 1
    assert len(histogram.occupied) == 1
    assert histogram.counters[histogram.occupied[0]] == 10**15 + 1


def test_a_lamp_is_warmed_by_hand():
    made = Table.of(LAMPS)
    histogram, counts = Histogram.home(made, 7), Counts(made)
    histogram.step("light(node1)", counts)
    histogram.step("warm(node1)", counts)
    histogram.step("light(node2)", counts)
    assert made.pair(int(histogram.occupied[0]))["node1.state"] == "lit"
    assert counts.rules == {"A100@node1": 7, "A102@node1": 7}
    assert counts.refused == {"light(node2)": 7}
    assert counts.outcomes == {"done": 14, "ignored": 0, "refused": 7, "impossible": 0}


def test_a_certain_event_comes_to_every_pair_that_it_moves():
    made = table()
    histogram, counts = Histogram.home(made, 1000), Counts(made)
    moved = histogram.step_all({"link_cut": 1.0, "link_repair": 1}, np.random.default_rng(0), counts)
    assert moved == 2000
    assert counts.outcomes == {"done": 2000, "ignored": 0, "refused": 0, "impossible": 0}
    assert histogram.pairs == 1000


def test_what_never_comes_or_moves_nothing_is_not_counted():
    made = table()
    histogram, counts = Histogram.home(made, 1000), Counts(made)
    chances = {"link_cut": 0.0, "recover": 1.0, "power_on(node1)": 1.0, "heartbeat_heard(node1)": 1.0}
    assert histogram.step_all(chances, np.random.default_rng(0), counts) == 0
    assert counts.total == 0
    assert histogram.occupied.tolist() == [0]


def test_one_fault_comes_to_its_share():
    made = table()
    pairs = 10**9
    histogram = Histogram.home(made, pairs)
    moved = histogram.step_all({"power_off(node1)": 0.25}, np.random.default_rng(2))
    assert within(moved, pairs * 0.25, pairs * 0.25 * 0.75)
    assert histogram.counters[0] == pairs - moved
    assert histogram.pairs == pairs


@pytest.mark.parametrize("chance", [1e-6, 1e-3, 0.1, 0.24, 0.26, 0.9])
@pytest.mark.parametrize("kind", ["few", "small", "mixed", "large"])
def test_thinning_draws_every_pair_with_the_same_chance(chance, kind):
    draw = np.random.default_rng(3)
    size = 10 if kind == "few" else 4 * ALONE
    some = {"few": draw.integers(0, 10**6, size), "small": draw.integers(0, 5, size),
            "large": draw.integers(10**7, 10**9, size),
            "mixed": np.where(draw.random(size) < 0.1, 10**6, draw.integers(0, 9, size))}[kind]
    rounds = 60
    total = np.zeros(size, np.int64)
    squares = 0.0
    for _ in range(rounds):
        moved = _thinned(some, chance, draw)
        assert (moved >= 0).all()
        assert (moved <= some).all()
        total += moved
        squares += float(((moved - some * chance) ** 2).sum())
    variance = some.sum() * chance * (1 - chance)
    assert within(total.sum(), rounds * some.sum() * chance, rounds * variance)
    wide = (total - rounds * some * chance) ** 2 > 36 * np.maximum(rounds * some * chance * (1 - chance), 1)
    assert wide.mean() < 0.01  # rare small counts are no normal distribution
    if variance > 100:  # the variance is that of independent pairs
        assert 0.5 < squares / (rounds * variance) < 1.5


def test_events_of_one_step_follow_one_another():
    """Both faults come to one pair as often as chance says, not as if one excluded the other."""
    made = table()
    pairs = 10**8
    histogram = Histogram.home(made, pairs)
    histogram.step_all({"services_down(node1)": 0.1, "services_down(node2)": 0.1}, np.random.default_rng(4))
    both = histogram.counters[made.where({"node1.services": "down", "node2.services": "down"})].sum()
    assert within(both, pairs * 0.01, pairs * 0.01 * 0.99)


def test_a_mask_says_where_an_event_can_come():
    made = table()
    mask = np.zeros(len(made), bool)
    mask[made.where({"link": "cut"})] = True
    histogram = Histogram.home(made, 1000)
    chances = [Chance("power_off(node1)", 1.0, mask), Chance("link_cut", 1.0),
               Chance("power_off(node2)", 1.0, mask)]
    histogram.step_all(chances, np.random.default_rng(0))
    end = made.pair(int(histogram.occupied[0]))
    assert (end["node1.process"], end["node2.process"], end["link"]) == ("running", "off", "cut")


def test_what_is_quick_ends_in_its_step():
    made = table()
    quick = [Chance(e.name, 1.0, quick=True) for e in made.model.events
             if e.kind is Kind.COMPLETION and e.success]
    histogram = Histogram.home(made, 1000)
    histogram.step_all([Chance("failover(node1)", 1.0), *quick], np.random.default_rng(0))
    end = made.pair(int(histogram.occupied[0]))
    assert (end["node1.state"], end["node2.state"]) == ("idle", "running_in_backup_mode")


def test_quick_events_that_never_end_are_cut_off():
    made = Table.of(TURNSTILE)
    histogram = Histogram.home(made, 5)
    chances = [Chance("coin", 1.0, quick=True), Chance("push", 1.0, quick=True)]
    assert histogram.step_all(chances, np.random.default_rng(0)) == 5 * 2 * 16


def test_a_seed_gives_the_same_histogram_counted_or_not_and_a_plan_is_kept():
    made = table()
    plan = Plan.of(made, FAULTS | REPAIRS)
    ends = []
    for counts, chances in ((None, plan), (Counts(made), plan), (None, FAULTS | REPAIRS)):
        histogram, draw = Histogram.home(made, 10**7), np.random.default_rng(9)
        for _ in range(20):
            histogram.step_all(chances, draw, counts)
        ends.append(histogram.counters.copy())
    assert (ends[0] == ends[1]).all()
    assert (ends[0] == ends[2]).all()
    other = Histogram.home(made, 10**7)
    other.step_all(plan, np.random.default_rng(10))
    assert (other.counters != ends[0]).any()


def test_pairs_followed_one_by_one_are_where_the_histogram_has_them():
    """Both are drawn from the same distribution: means of displays, six standard errors wide."""
    made = table()
    plan = Plan.of(made, FAULTS | REPAIRS)
    pairs, hours = 3 * PART + 17, 12
    one = counted_alike(made, 0, pairs, [plan] * hours, 1)
    shown, counts, end = followed([plan] * hours, pairs, 1)
    assert (one.shown.sum(axis=1) == pairs).all()
    assert (shown.sum(axis=1) == pairs).all()
    assert (np.bincount(end.shown, minlength=len(made.displays)) == shown[-1]).all()
    share = (one.shown + shown) / (2 * pairs)
    wide = 6 * np.sqrt(2 * pairs * share * (1 - share)) + 6
    assert (abs(one.shown - shown) <= wide).all()
    for rule in {**one.counts.rules, **counts.rules}:
        mine, other = one.counts.rules.get(rule, 0), counts.rules.get(rule, 0)
        assert abs(mine - other) <= 6 * (mine + other) ** 0.5 + 6, rule


def test_and_large_plans_have_more_words_than_one():
    made = table()
    chances = [Chance("link_cut", 0.0001)] * 70 + [Chance("link_repair", 1.0, quick=True)] * 70
    plan = Plan.of(made, chances)
    assert len(plan.bits) == 3
    histogram = Histogram.home(made, 10**6)
    moved = histogram.step_all(plan, np.random.default_rng(5))
    assert within(moved / 2, 7000, 7000)
    codes = np.zeros(50_000, np.uint32)
    counts = Counts(made)
    moved = let_pass(codes, plan, np.random.default_rng(5), counts)
    assert within(moved / 2, 350, 350)
    assert moved == counts.total
    assert set(codes.tolist()) == set(histogram.occupied.tolist())


def test_parts_of_a_fleet_do_not_hang_on_the_pairs_after_them():
    made = table()
    plan = Plan.of(made, FAULTS | REPAIRS)
    large = followed([plan] * 5, 2 * PART + 5, 3)[2]
    small = followed([plan] * 5, 2 * PART, 3)[2]
    assert (large.codes[:2 * PART] == small.codes).all()
    assert (large.codes[:PART] != large.codes[PART:2 * PART]).any()


def test_counters_cannot_be_written_to():
    histogram = Histogram.home(table(), 3)
    with pytest.raises(ValueError, match="read-only"):
        histogram.counters[0] = 4


def test_codes_that_are_empty_again_are_forgotten_in_time():
    made = table()
    codes = np.arange(0, len(made), 9)
    counters = np.zeros(len(made), np.int64)
    counters[codes] = 1
    histogram = Histogram(made, counters)
    plan = Plan.of(made, dict.fromkeys(("disable_ha", "link_repair", "power_on(node1)", "power_on(node2)"), 1.0))
    for _ in range(4):
        histogram.step_all(plan, np.random.default_rng(0))
        assert histogram.pairs == len(codes)
    again = Histogram(made, histogram.counters)
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    other = Plan.of(made, {"link_cut": 0.5})
    histogram.step_all(other, one)
    again.step_all(other, two)
    assert histogram.pairs == again.pairs


@pytest.mark.parametrize(("counters", "says"), [
    (np.zeros(3, np.int64), "one for each of 825,920 codes"),
    (np.zeros(825_920), "float64"), (np.full(825_920, -1), "counts -1 pairs"),
    (np.full(825_920, 2**40), "divide the fleet"), (None, "expected whole numbers"),
])
def test_counters_that_count_nothing_are_refused(counters, says):
    with pytest.raises(BadInput) as error:
        Histogram(table(), counters)
    assert says in str(error.value)


@pytest.mark.parametrize("pairs", [-1, 2**53, 10**30])
def test_a_histogram_of_too_many_pairs_is_refused(pairs):
    with pytest.raises(BadInput, match="a histogram of"):
        Histogram.home(table(), pairs)


@pytest.mark.parametrize(("chances", "says"), [
    ({"power_of(node1)": 0.1}, "did you mean power_off(node1)"), ({"link_cut": 1.5}, "from 0 to 1"),
    ({"link_cut": -0.1}, "from 0 to 1"), ({"link_cut": float("nan")}, "from 0 to 1"),
    ({"link_cut": "often"}, "'often' is not a number"), ({"link_cut": True}, "from 0 to 1"),
    ([Chance("link_cut", 0.1, np.ones(3, bool))], "true or false for each of 825,920"),
    ([Chance(99, 0.1)], "59 events"),
])
def test_chances_that_are_none_change_nothing(chances, says):
    histogram = Histogram.home(table(), 10)
    with pytest.raises(BadInput) as error:
        histogram.step_all(chances, np.random.default_rng(0))
    assert says in str(error.value)
    assert histogram.counters[0] == 10


def test_plans_and_counts_of_another_table_are_refused():
    histogram, other = Histogram.home(table(), 10), Table.of(LAMPS)
    with pytest.raises(BadInput, match="plan is of another table"):
        histogram.step_all(Plan.of(other, {"light(node1)": 1.0}), np.random.default_rng(0))
    with pytest.raises(BadInput, match="counts are of another table"):
        histogram.step("link_cut", Counts(other))
    with pytest.raises(BadInput, match="counts are of another table"):
        histogram.step_all({"link_cut": 1.0}, np.random.default_rng(0), Counts(other))
    with pytest.raises(BadInput, match="plan is of another table"):
        followed([Plan.of(other, {"light(node1)": 1.0})], 10, 0)


def test_the_page_of_each_step_begins_with_home():
    made = table()
    told = []
    lapse = counted_alike(made, 0, 10, [Plan.of(made, {"link_cut": 1.0})] * 3, 0, lambda *n: told.append(n))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert lapse.pairs == 10
    assert lapse.shown[0, 0] == 10
    assert len(lapse.shown) == 4
    assert all(a.sum() == b.sum() for a, b in pairwise(lapse.shown))
