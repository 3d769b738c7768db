"""Rates in words, worlds, and the moves of a world as arrays."""

import numpy as np
import pytest

from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.outage.moves import moves
from prgcore.outage.rates import EVERY, NEVER, SHARE, TAKES, TIMER, Week, default, parse, read
from prgcore.prove.space import search
from prgcore.vocabulary import Outcome

DAY, YEAR = 86_400, 31_536_000

RIGHT = [
    ("every 30 days", EVERY, 30 * DAY, None), ("every year", EVERY, YEAR, None),
    ("every 1 year", EVERY, YEAR, None), ("2 per year", EVERY, YEAR / 2, None),
    ("4 a year", EVERY, YEAR / 4, None), ("2/year", EVERY, YEAR / 2, None),
    ("3 times per week", EVERY, 7 * DAY / 3, None), ("takes 20 min", TAKES, 1200, None),
    ("takes 1h", TAKES, 3600, None), ("takes  90 S", TAKES, 90, None),
    ("every 30 to 90 days", EVERY, 60 * DAY, (30 * DAY, 90 * DAY)),
    ("takes 10 min to 1 h", TAKES, 2100, (600, 3600)), ("takes 0.5 s", TAKES, 0.5, None),
    ("1 to 4 per year", EVERY, (YEAR / 4 + YEAR) / 2, (YEAR / 4, YEAR)),
    ("never", NEVER, 0, None), ("timer", TIMER, 0, None), ("every century", EVERY, 100 * YEAR, None),
]


@pytest.mark.parametrize(("words", "kind", "mean", "between"), RIGHT)
def test_words_mean_a_rate(words, kind, mean, between):
    rate = parse("x", words)
    assert (rate.kind, rate.between, rate.working) == (kind, between, False)
    assert rate.mean == pytest.approx(mean)


def test_an_attempt_fails_by_a_share_and_people_work_in_hours():
    for words in ("1 in 1000 of done", "0.001 of done", "0.1 % of done", "0.1% of done"):
        assert parse("x", words) == parse("x", "2 in 2000 of done")
        assert (parse("x", words).kind, parse("x", words).share) == (SHARE, pytest.approx(0.001))
    assert parse("x", "takes 4 h in working hours").working


@pytest.mark.parametrize("words", [
    "", "often", "every", "takes", "every 0 s", "takes -3 s", "every 5", "every 5 parsecs",
    "1 in 0 of x", "1 in 1 of x", "200 % of x", "every 9 to 3 days", "takes 1e99 years", "nan per year",
    "0 per year", 7, None, True, ["every 3 days"], "every 30 days " * 50,
])
def test_other_words_are_refused_in_one_line(words):
    with pytest.raises(BadInput) as error:
        parse("services_down", words)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("services_down: ")
    assert "every 90 days" in str(error.value)


def test_a_world_has_a_rate_for_every_event():
    world = default(prg(), {"services_down(node2)": "every 10 days", "power_off": "never"})
    assert list(world.rates) == [e.name for e in prg().model.events]
    assert world.rates["services_down(node2)"].mean == 10 * DAY
    assert world.rates["services_down(node1)"].mean == 120 * DAY
    assert world.rates["power_off(node1)"].kind == world.rates["power_off(node2)"].kind == NEVER
    assert world.rates["takeover_failed(node2)"].of == "takeover_done(node2)"
    assert world.begins == {"auto_fallback": "off"}
    assert read(prg(), {"parameters": {"enable_automatic_fallback": True}}).begins == {
        "auto_fallback": "on"}


@pytest.mark.parametrize(("told", "says"), [
    ({"rates": {"service_down": "never"}}, "services_down"),
    ({"rates": {"recover": "timer"}}, "no timer"), ({"rate": {}}, "rates"),
    ({"rates": {"takeover_failed": "1 in 9 of nothing"}}, "nothing"), ({"rates": 3}, "section"),
    ({"rates": {"takeover_failed": "1 in 9 of takeover_failed"}}, "share of itself"),
    ({"rates": {"heartbeats_missed": "timer"}}, "no timer"),
    ({"rates": {"heartbeats_missed": "1 in 9 of takeover_done"}}, "several events at once"),
    ({"users": {"node3": 5}}, "node1"), ({"users": {"node1": -5}}, "not a number"),
    ({"week": {"days": 9}}, "1 to 7"), ({"week": {"begins": 20}}, "hours"),
    ({"clients": {"logins_per_second": float("nan")}}, "number"),
    ({"clients": {"dual_connections": 1}}, "true or false"),
    ({"parameters": {"keep_alive_timeout": "x"}}, "keep_alive_timeout"),
])
def test_a_wrong_world_is_refused_in_one_line(told, says):
    with pytest.raises(BadInput) as error:
        read(prg(), told)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    for number, data in enumerate([b"\xff\xfe", b"[rates", b"a = " + b"[" * 5000, b"\x00"]):
        file = tmp_path / f"{number}.toml"
        file.write_bytes(data)
        with pytest.raises(BadInput) as error:
            read(prg(), file)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match="No such file"):
        read(prg(), tmp_path / "missing.toml")


@pytest.fixture(scope="module")
def made():
    engine = prg()
    return moves(engine, default(engine), search(engine.model))


def test_moves_are_the_steps_of_the_engine(made):
    engine, chance = made.engine, np.random.default_rng(3)
    for number in chance.integers(0, len(made), 400).tolist():
        pair = engine.pair(made.pair(number))
        for e, event in enumerate(made.events):
            after = int(made.next[e][number])
            if not engine.possible(pair, event):
                assert after == -1
                continue
            step = engine.step(pair, event)
            moved = step.outcome is Outcome.DONE and step.pair != pair
            assert (dict(step.pair) == made.pair(after)) if moved else after == -1


def test_the_rates_of_an_attempt_are_shared(made):
    at = {name: e for e, name in enumerate(made.events)}
    good = made.next[at["takeover_done(node1)"]] >= 0
    bad = (made.next[at["takeover_failed(node1)"]] >= 0) & ~good
    assert good.any()
    assert bad.any()
    assert np.allclose(made.rates[at["takeover_done(node1)"]][good], 0.999 / 20)
    assert np.allclose(made.rates[at["takeover_failed(node1)"]][good], 0.001 / 20)
    assert np.allclose(made.rates[at["takeover_failed(node1)"]][bad], 1 / 20)
    back = (made.next[at["start_failed(node1)"]] >= 0) & (made.next[at["takeback_done(node1)"]] < 0)
    both = made.rates[at["start_failed(node1)"]] + made.rates[at["takeback_failed(node1)"]]
    assert np.allclose(both[back], 1 / 60)


def test_home_is_healthy_and_serves_everybody(made):
    assert made.at_home[0]
    assert made.pair(0)["auto_fallback"] == "off"
    assert [int(s[0]) for s in made.served] == [0, 1]
    lost = {c.event: c for c in made.clocks.values()}["heartbeat_lost(node1)"]
    assert lost.quiet
    assert not lost.runs[0]
    assert set(np.unique(lost.limit)) == {60, 120}


def test_an_episode_goes_through_its_events():
    engine = prg()
    made = moves(engine, default(engine, {"heartbeats_missed": "4 per year"}))
    e = made.events.index("heartbeats_missed(node1)")
    walk = engine.run(made.pair(0), "link_cut", "heartbeat_lost(node1)", "link_repair")
    assert made.pair(int(made.next[e][0])) == dict(walk.steps[-1].pair)
    assert made.pair(int(made.next[e][0]))["node1.state"] == "taking_over"


@pytest.mark.parametrize(("week", "mean", "wait"), [
    (Week(7, 0, 24), 500.0, 500.0),
    (Week(7, 0, 12), 1e-6, 6 * 3600 / 2),  # half of all moments, and then 6 hours on average
    (Week(7, 8, 18), 1e-6, 14 * 7 / 24 * 3600),
    (Week(5, 8, 18), 1e-6, (4 * 14**2 / 2 + 62**2 / 2) / 168 * 3600),
])
def test_a_wait_in_working_hours_begins_at_any_moment(week, mean, wait):
    assert week.wait(mean) == pytest.approx(wait)


@pytest.mark.parametrize("mean", [60.0, 14_400.0, 1e6, 1e12])
def test_a_wait_in_working_hours_is_what_a_clock_says_that_stands_still(mean):
    week, chance = Week(5, 8, 18), np.random.default_rng(1)
    starts = chance.uniform(0, 7 * DAY, 20_000)
    hours = np.arange(0, 7 * DAY + 1, 3600)
    works = [day < 5 and 8 <= hour < 18 for day in range(7) for hour in range(24)]
    worked = np.concatenate([[0.0], np.cumsum(3600.0 * np.array(works))])
    whole, rest = np.divmod(
        np.interp(starts, hours, worked) + chance.exponential(mean, len(starts)), worked[-1])
    place = np.minimum(np.searchsorted(worked, rest, "left"), 168)  # the hour in which it ends
    ends = 7 * DAY * whole + hours[np.maximum(place - 1, 0)] + rest - worked[np.maximum(place - 1, 0)]
    waits = ends - starts
    assert week.wait(mean) == pytest.approx(waits.mean(), abs=4 * waits.std() / 20_000**0.5)
