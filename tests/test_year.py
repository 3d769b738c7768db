"""A year of many pairs: against plain Python, against closed forms, and against itself."""

from math import exp

import numpy as np
import pytest
from attrs import evolve

from prgcore.errors import BadInput, BudgetExhausted
from prgcore.machine import prg
from prgcore.model import cube
from prgcore.outage.clocks import Week
from prgcore.outage.draws import Draws, philox, stream
from prgcore.outage.moves import moves
from prgcore.outage.outcome import CAUSES, EDGES, FIGURES, WHOLE, Outcome
from prgcore.outage.rates import Week as Shift
from prgcore.outage.rates import read
from prgcore.outage.seen import waited
from prgcore.outage.year import CHUNK, YEAR, simulate
from prgcore.prove.space import search
from prgcore.timers.monitor import bounds
from tests.plain_years import DAY, Lane, Shifts

NEVER = dict.fromkeys((
    "services_down", "database_down", "manager_stop", "power_off", "link_cut", "internal_error",
    "takeover_failed", "takeback_failed", "start_failed", "autorecovery_failed"), "never")


@pytest.fixture(scope="session")
def world():
    """Moves of the machine in a world, by the sections of its file; one search for all."""
    engine = prg()
    space, made = search(engine.model), {}

    def get(**sections):
        key = repr(sections)
        if key not in made:
            made[key] = moves(engine, read(engine, sections), space)
        return made[key]

    return get


def only(**rates):
    """Rates with no fault but these."""
    return {**NEVER, **rates}


def same(one, other):
    """Whether two outcomes are equal to the last digit."""
    mine, theirs = one.columns(), other.columns()
    return mine.keys() == theirs.keys() and all((mine[n] == theirs[n]).all() for n in mine) and (
        one.to_json() == other.to_json()) and (one.lengths == other.lengths).all() and (
        one.dark == other.dark).all()


# ------------------------------------------------------------------- against plain Python

STORMY = {
    "services_down": "every 1 day", "power_off": "every 2 days", "database_down": "every 3 days",
    "link_cut": "every 1 day", "manager_stop": "every 1 day", "heartbeats_missed": "every 2 days",
    "internal_error": "every 5 days", "failover": "every 4 days", "manager_start": "takes 100 s",
    "takeover_failed": "1 in 5 of takeover_done", "takeback_failed": "1 in 5 of takeback_done"}

WORLDS = {
    "as shipped": ({}, 60, 0.25),
    "automatic fallback": ({"parameters": {"enable_automatic_fallback": True}}, 40, 0.2),
    "dual connections": ({
        "clients": {"dual_connections": True}, "rates": {
            "services_down": "every 20 days", "heartbeats_missed": "4 per year",
            "services_up": "takes 90 s", "failover": "every 60 days"}}, 40, 0.12),
    "stormy": ({
        "rates": STORMY, "clients": {"dual_connections": True},
        "parameters": {"enable_automatic_fallback": True, "automatic_fallback_after": 600}}, 100, 0.001),
    "other time-outs, a short week": ({
        "rates": {**STORMY, "fallback": "takes 40 min in working hours",
                  "recover": "takes 5 min in working hours"},
        "week": {"days": 2, "begins": 6.5, "ends": 9},
        "parameters": {"keep_alive_interval": 7, "keep_alive_timeout": 31,
                       "critical_service_delay": 400}}, 60, 0.0012),
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_lane_is_the_walk_of_engine_and_monitors(world, name):
    sections, lanes, years = WORLDS[name]
    made, horizon = world(**sections), years * YEAR
    seen = [[] for _ in range(lanes)]

    def follow(numbers, times, events, _):
        for lane, time, event in zip(numbers.tolist(), times.tolist(), events.tolist(), strict=True):
            seen[lane].append((time, made.events[event]))

    outcome = simulate(made, lanes, 7, horizon=horizon, samples=lanes, follow=follow)
    steps, known = 0, {}
    for lane in range(lanes):
        plain = Lane(made, 7, lane, known).run(horizon)
        steps += len(plain.history)
        assert [e for _, e in plain.history] == [e for _, e in seen[lane]]
        assert [t for t, _ in plain.history] == pytest.approx([t for t, _ in seen[lane]], abs=1e-3)
        mine = sorted(
            (home, begun, (horizon if served is None else served) - begun, *rest)
            for home, begun, served, *rest in plain.outages)
        theirs = sorted(_sampled(made, outcome, lane))
        assert [(o[0], *o[3:]) for o in mine] == [(o[0], *o[3:]) for o in theirs]
        assert [o[1:3] for o in mine] == [pytest.approx(o[1:3], abs=1e-3) for o in theirs]
    assert steps == outcome.moved.sum() > 700


def _sampled(made, outcome, lane):
    some = outcome.samples
    nodes = ("node1", "node2", None)
    for i in np.nonzero(some.lane == lane)[0]:
        yield (made.groups[some.group[i]], some.begun[i], some.unserved[i],
               made.events[some.cause[i]], nodes[some.last[i]], nodes[some.by[i]],
               bool(some.at_once[i]))


# -------------------------------------------------------------------- against itself


@pytest.fixture(scope="module")
def busy(world):
    return world(
        rates={"services_down": "every 10 days", "power_off": "every 30 days",
               "heartbeats_missed": "6 per year", "failover": "every 60 days"},
        users={"node1": 3000, "node2": 5000},
        clients={"logins_per_second": 7.5, "dual_connections": False})


def test_blocks_of_any_size_give_the_same_to_the_last_digit(busy):
    whole = simulate(busy, 40, 3, horizon=YEAR / 12)
    assert same(whole, simulate(busy, 40, 3, horizon=YEAR / 12))
    for size in (3, 7, 39):
        parts = [simulate(busy, range(first, min(first + size, 40)), 3, horizon=YEAR / 12)
                 for first in range(0, 40, size)]
        assert same(whole, Outcome.merged(parts))
    some = simulate(busy, range(20, 25), 3, horizon=YEAR / 12)
    assert (some.outage == whole.outage[20:25]).all()
    assert not same(whole, simulate(busy, 40, 4, horizon=YEAR / 12))


def test_lanes_beyond_a_chunk_are_the_same_alone(busy):
    calls = []
    many = simulate(busy, CHUNK + 3, 5, horizon=5 * DAY, progress=calls.append)
    assert calls == [CHUNK, 3]
    last = simulate(busy, range(CHUNK, CHUNK + 3), 5, horizon=5 * DAY)
    assert (many.spent[CHUNK:] == last.spent).all()
    assert len(many.samples.lane) < many.interruptions.sum()
    assert many.samples.lane.max() < 64


def test_figures_add_up(busy):
    made = simulate(busy, 200, 1)
    assert made.spent.sum(1) == pytest.approx([YEAR] * 200)
    assert made.interruptions.sum() > 8000
    assert (made.lengths.sum(1) == made.interruptions.sum(0) * WHOLE).all()
    assert (made.dark.sum(1) == made.interruptions.sum(0)).all()
    for figure in CAUSES:
        values = made.login + made.queue if figure == "login" else getattr(made, figure)
        sums = made.by_cause[figure].sums / made.by_cause[figure].ticks
        assert sums[:2].sum(1).astype(float) == pytest.approx(values.sum(0), rel=1e-6)
        assert float(sums[2].sum()) == pytest.approx(float((values @ made.weights).sum()), rel=1e-6)
    assert made.weights.tolist() == [3 / 8, 5 / 8]
    assert (made.false_failovers <= made.failovers).all()
    assert (abs(made.failovers - made.fallbacks) <= 1).all()
    assert (made.failovers + made.fallbacks <= made.interruptions).all()
    edges = np.append(EDGES, EDGES[-1])
    middle = float((made.lengths.sum(0) * (edges[1:] + edges[:-1]) / 2).sum() / WHOLE)
    assert middle == pytest.approx(float(made.outage.sum()), rel=0.01)


def test_every_figure_has_an_interval_around_it(busy):
    made = simulate(busy, 150, 1)
    for figure in FIGURES:
        for group in (None, "node1", "node2"):
            found = made.estimate(figure, group)
            assert 0 <= found.low < found.value < found.high
    for event in (made.events[e] for e in made.causes):
        for figure in CAUSES:
            found = made.cause(figure, event)
            assert 0 <= found.low <= found.value <= found.high
    several = sum(made.cause("outage", made.events[e], "node2").value for e in made.causes)
    assert several == pytest.approx(made.estimate("outage", "node2").value, rel=1e-6)
    for wrong in (lambda: made.estimate("outages"), lambda: made.of("outage", "node3"),
                  lambda: made.cause("outage", "recover")):
        with pytest.raises(BadInput):
            wrong()


def test_merging_wants_the_blocks_of_one_simulation_in_order(busy):
    one, two, three = (simulate(busy, range(i, i + 2), s, horizon=DAY) for i, s in (
        (0, 1), (2, 1), (4, 2)))
    for parts in ([], [two, one], [one, one], [two, three]):
        with pytest.raises(BadInput):
            Outcome.merged(parts)
    assert len(Outcome.merged([one, two])) == 4


@pytest.mark.parametrize(("lanes", "seed", "settings"), [
    (0, 1, {}), (-3, 1, {}), (range(0, 9, 2), 1, {}), (range(-1, 3), 1, {}), (5, -1, {}),
    (5, 1.5, {}), (5, True, {}), (5, 1, {"horizon": 0}), (5, 1, {"horizon": float("nan")}),
    (5, 1, {"horizon": float("inf")}), (5, 1, {"begin": -1}), (5, 1, {"begin": float("nan")}),
])
def test_wrong_arguments_are_refused_in_one_line(busy, lanes, seed, settings):
    with pytest.raises(BadInput) as error:
        simulate(busy, lanes, seed, **settings)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- against closed forms


def test_nothing_breaks_where_nothing_may(world):
    made = simulate(world(rates=NEVER), 50, 1)
    assert not made.moved.sum()
    assert not made.outage.any()
    assert (made.spent == [0, 0, YEAR]).all()
    assert made.estimate("unserved").value == 0
    assert made.estimate("interruptions").high == pytest.approx(3.6889 / 50, rel=1e-4)
    assert made.to_json()["serving"]["both"] == 1


def test_a_crash_is_out_within_the_bounds_of_the_timers(world):
    made = world(rates=only(**{
        "power_off(node1)": "every 60 days", "power_on": "takes 20 days",
        "takeover_done": "takes 1 ms", "fallback": "takes 1 h"}))
    some = simulate(made, 300, 2, samples=300)
    crash = (some.samples.last == 0) & (some.samples.by == 1) & (some.samples.group == 0)
    out = some.samples.unserved[crash]
    promised = bounds(made.world.parameters)
    assert len(out) > 700
    assert promised.crash.least == 45 <= out.min() < 45.1
    assert 59.9 < out.max() < 60.1
    assert out.mean() == pytest.approx(52.5, abs=4 * 15 / 12**0.5 / len(out) ** 0.5)
    users = out + some.samples.login[crash]
    assert promised.after_crash.least <= users.min()
    assert users.max() <= promised.after_crash.most
    assert users.mean() == pytest.approx(promised.after_crash.mean, abs=1)


def test_a_service_failure_fails_over_if_it_outlasts_the_delay(world):
    for delay, mean in ((90, 1800), (300, 600), (20, 45)):
        made = world(rates=only(services_down="every 30 days", services_up=f"takes {mean} s",
                                fallback="takes 1 min"),
                     parameters={"critical_service_delay": delay})
        some = simulate(made, 400, 4, samples=400)
        lost = (some.samples.last == 0) & (some.samples.group == 0)
        broken, away = lost.sum(), (lost & (some.samples.by == 1)).sum()
        chance = exp(-delay / mean)
        assert broken > 4000
        assert away == pytest.approx(broken * chance, abs=4.5 * (broken * chance * (1 - chance)) ** 0.5)
        # false, by the first event alone: a second service failed before the pair was home again
        assert some.false_failovers.sum() < 0.005 * some.failovers.sum()


def test_a_cut_is_a_false_failover_if_it_outlasts_the_silence_of_one_node(world):
    made = world(rates=only(link_cut="every 20 days", link_repair="takes 1 min"))
    some = simulate(made, 300, 5)
    cuts = some.moved[made.events.index("link_cut")]
    # the first of two nodes that count from U(0, 15) before is due at 60 - the greater of both
    later = np.linspace(0, 1, 20_001)
    chance = float(np.trapezoid(2 * later * np.exp(-(60 - 15 * later) / 60), later))
    away = int(some.failovers.sum())
    assert away == some.false_failovers.sum()
    assert away == pytest.approx(cuts * chance, abs=4.5 * (cuts * chance * (1 - chance)) ** 0.5 + 30)


def test_a_longer_delay_means_fewer_failovers_and_longer_outages_without_one(world):
    counts = []
    for delay in (30, 600, 3600):
        some = simulate(world(parameters={"critical_service_delay": delay}), 100, 6)
        counts.append(some.failovers.sum())
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1.3 * counts[-1]


def test_faults_come_as_often_as_the_world_says(world):
    some = simulate(world(), 60, 8, horizon=10 * YEAR)
    # a node can lose its power wherever it has any: 1 a year, but for an hour of each
    for node in ("node1", "node2"):
        seen = some.moved[some.events.index(f"power_off({node})")]
        expected = 60 * 10 * YEAR / (YEAR + 3600)
        assert seen == pytest.approx(expected, abs=4.5 * expected**0.5)
    assert some.years == 10
    one = simulate(world(), 200, 8)
    assert one.estimate("outage").value == pytest.approx(some.estimate("outage").value, rel=0.1)


def test_people_work_in_working_hours_only(world):
    made, times = world(rates={"services_down": "every 5 days"}), []

    def follow(_, at, events, __):
        times.extend(at[events == made.events.index("fallback(node1)")].tolist())

    simulate(made, 60, 9, horizon=YEAR / 4, follow=follow)
    hours = np.array(times)
    assert len(hours) > 300
    assert ((hours % (7 * DAY)) // DAY).max() == 4
    assert 8 <= (hours % DAY / 3600).min() < 8.5
    assert 17.5 < (hours % DAY / 3600).max() <= 18
    times.clear()
    simulate(made, 60, 9, horizon=YEAR / 4, begin=5 * DAY, follow=follow)  # it begins on Saturday
    assert set(((np.array(times) % (7 * DAY)) // DAY).tolist()) == {2, 3, 4, 5, 6}


def test_users_queue_where_more_come_than_a_node_can_take(world):
    rates = only(**{"power_off(node1)": "every 60 days", "power_on": "takes 2 days"})
    free = simulate(world(rates=rates, users={"node1": 5000, "node2": 5000}), 50, 1, samples=50)
    tight = simulate(world(rates=rates, users={"node1": 5000, "node2": 5000},
                           clients={"logins_per_second": 5.0}), 50, 1, samples=50)
    assert (free.queue == 0).all()
    assert (free.unserved == tight.unserved).all()
    assert free.estimate("queue").by == "exact"
    alone = (tight.samples.by == 1) & (tight.samples.begun < 0.9 * YEAR)
    assert tight.samples.login[alone].max() == pytest.approx(120 + 1000 / 2)
    assert free.samples.login[alone].max() == pytest.approx(328.5)
    assert tight.peak.max() == pytest.approx(5000 / 417)
    assert tight.last_in.max() == 1120
    assert free.last_in.max() == 537
    assert (tight.above == tight.storms).all()
    assert not free.above.any()


def test_dual_connections_spare_the_log_in_after_a_failover_alone(world):
    rates = only(**{"power_off(node1)": "every 60 days", "power_on": "takes 1 h"})
    plain = simulate(world(rates=rates), 60, 1, samples=60)
    dual = simulate(world(rates=rates, clients={"dual_connections": True}), 60, 1, samples=60)
    assert (plain.samples.begun == dual.samples.begun).all()
    assert (dual.samples.at_once == ((dual.samples.by == 1) & (dual.samples.group == 0))).mean() > 0.95
    assert (dual.samples.login[dual.samples.at_once] == 0).all()
    home = (dual.samples.by == 0) & (dual.samples.last == 1)
    assert home.sum() > 100
    assert not dual.samples.at_once[home].any()
    assert (dual.login <= plain.login).all()


def test_a_world_that_never_rests_ends_with_one_line(world, monkeypatch):
    monkeypatch.setattr("prgcore.outage.year.STEPS", 300)
    with pytest.raises(BudgetExhausted, match="300 events") as error:
        simulate(world(rates={"services_down": "every 1 s", "services_up": "takes 1 s"}), 3, 1)
    assert "\n" not in str(error.value)


# --------------------------------------------------------- the same faults in other worlds


def test_another_choice_meets_the_same_faults(world):
    one = simulate(world(), 300, 1)
    other = simulate(world(parameters={"enable_automatic_fallback": True}), 300, 1)
    more = simulate(world(parameters={"enable_automatic_fallback": True}), 300, 2)
    paired = np.std(one.of("interruptions") - other.of("interruptions"))
    apart = np.std(one.of("interruptions") - more.of("interruptions"))
    assert paired < 0.5 * apart
    assert np.corrcoef(one.of("outage"), other.of("outage"))[0, 1] > 0.5


def test_a_rate_that_changes_leaves_the_first_faults_alone(world):
    first = {}
    for sections in ({}, {"rates": {"services_up": "takes 1 h"}}):
        times = first.setdefault(str(sections), {})

        def follow(lanes, at, events, _, times=times):
            for lane, time, event in zip(lanes.tolist(), at.tolist(), events.tolist(), strict=True):
                times.setdefault(lane, (time, event))

        simulate(world(**sections), 40, 1, follow=follow)
    one, two = first.values()
    assert one == two
    assert len(one) == 40


# ------------------------------------------------------------------------- the small parts


def test_philox_gives_its_known_answers():
    """Known answers of Random123, kat_vectors: philox4x32 with 10 rounds."""
    for key, counter, words in (
        ((0, 0), (0,) * 4, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ):
        made = philox(key, tuple(np.array([c], np.uint64) for c in counter))
        assert " ".join(f"{int(w[0]):08x}" for w in made) == words


def test_draws_are_uniform_and_apart():
    draws = Draws.of(1)
    lanes, counts = np.arange(300)[:, None], np.arange(200)[None]
    one = draws.uniform(lanes, np.uint64(stream("power_off(node1)")), counts)
    other = draws.uniform(lanes, np.uint64(stream("power_off(node2)")), counts)
    assert 0 < one.min() < one.max() < 1
    assert len(np.unique(one)) == one.size
    assert np.histogram(one, 10, (0, 1))[0] == pytest.approx([6000] * 10, abs=330)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(one[:, 1:].ravel(), one[:, :-1].ravel())[0, 1]) < 0.02
    waits = draws.exponential(lanes, np.uint64(7), counts)
    assert waits.min() > 0
    assert waits.mean() == pytest.approx(1, abs=0.02)
    assert len({stream(e.name) for e in prg().model.events}) == len(prg().model.events)


@pytest.mark.parametrize("week", [Shift(), Shift(1, 0, 24), Shift(7, 0, 24), Shift(3, 6.5, 9)])
@pytest.mark.parametrize("start", [0.0, 3 * DAY + 5000.0, 6 * DAY + 80_000.0])
def test_the_working_clock_stands_still_outside_of_the_week(week, start):
    clock, plain = Week(week.days, week.begins, week.ends, start), Shifts(week)
    times = np.random.default_rng(1).uniform(0, 40 * DAY, 200)
    for time, worked in zip(times.tolist(), clock.worked(times).tolist(), strict=True):
        assert worked == pytest.approx(plain.worked(start, start + time), abs=1e-5)
    work = np.random.default_rng(2).uniform(1, 20 * 3600, 200)
    for some, until in zip(work.tolist(), clock.until(work).tolist(), strict=True):
        assert until + start == pytest.approx(plain.until(start, some), abs=1e-5)
    assert clock.worked(clock.until(work)) == pytest.approx(work)


def test_waits_that_are_cut_off():
    chance = np.random.default_rng(1).uniform(120, 537, 200_000)
    for cut in (0.0, 60.0, 120.0, 200.0, 400.0, 537.0, 9999.0):
        found = waited(120.0, 537.0, np.array([cut]))[0]
        assert found == pytest.approx(np.minimum(chance, cut).mean(), abs=0.5)
    assert waited(50.0, 50.0, np.array([20.0, 50.0, 90.0])).tolist() == [20, 50, 50]



# --------------------------------------------------------------- machines of one's own


def test_a_machine_of_one_s_own_has_years_too():
    from prgcore.engine import Engine
    from prgcore.template.pair import MACHINE

    engine = Engine(MACHINE)
    made = moves(engine, read(engine, {"rates": {
        "promoted": "takes 1 ms", "promotion_failed": "never", "crash": "every 5 days",
        "boot": "takes 1 h", "recover": "takes 1 h", "link_cut": "never"}}))
    some = simulate(made, 100, 1, samples=100)
    lost = (some.samples.last == 0) & (some.samples.by == 1)
    out = some.samples.unserved[lost]
    # silence of 5 s from a heartbeat in the last second, and a lease of 10 s
    assert lost.sum() > 2000
    assert ((out >= 14) & (out < 15.1)).mean() > 0.95
    assert some.estimate("login") == some.estimate("queue")
    assert some.estimate("login").by == "exact"
    assert some.groups == ("users",)
    assert {made.events[e] for e in some.causes} == {"crash(node1)", "crash(node2)"}


def test_a_world_that_begins_without_a_server_is_refused():
    from prgcore.engine import Engine
    from prgcore.template.pair import MACHINE

    engine = Engine(evolve(MACHINE, goal=(cube({"node1.state": "standby", "node2.state": "standby"}),)))
    with pytest.raises(BadInput, match="nobody serves users"):
        simulate(moves(engine, read(engine, {"rates": {
            "promoted": "takes 1 s", "promotion_failed": "never", "crash": "every 5 days",
            "boot": "takes 1 h"}})), 1, 1)
