"""A rate that is a range: what is simulated of it is said, on a terminal, a page and in JSON."""

from __future__ import annotations

import json

import pytest

from prgcore.machine import prg
from prgcore.outage.page import page
from prgcore.outage.rates import default
from prgcore.outage.report import Middle
from prgcore.outage.summary import middles
from prgcore.outage.wording import middle_says
from tests.reports import made_up

DAY = 86_400.0
GIVEN = "services_down=every 30 to 120 days"
SAYS = ("services_down: every 30 to 120 days is a range; 75 days, its middle, is simulated. "
        "prgcore availability gives ranges.")


def said(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("words", "least", "most", "middle"), [
    ("every 30 to 120 days", 30 * DAY, 120 * DAY, "75 days"),
    ("every 1 to 2 weeks", 7 * DAY, 14 * DAY, "10.5 days"),
    ("every 1 to 2 years", 365 * DAY, 730 * DAY, "548 days"),
    ("2 to 4 per year", 365 * DAY / 4, 365 * DAY / 2, "137 days"),
    ("1 to 2 per day", DAY / 2, DAY, "18 h"),
    ("takes 10 to 60 min", 600.0, 3_600.0, "35 min"),
    ("takes 20 to 40 s", 20.0, 40.0, "30 s"),
    ("takes 30 s to 2 min", 30.0, 120.0, "75 s"),
    ("takes 2 to 4 h in working hours", 7_200.0, 14_400.0, "3 h"),
    ("takes 1 to 3 h", 3_600.0, 10_800.0, "2 h"),
])
def test_the_middle_of_a_range_is_named(words, least, most, middle):
    only, = middles([default(prg(), {"services_up": words})])
    assert (only.event, only.words) == ("services_up", words)
    assert (only.least, only.most) == pytest.approx((least, most))
    assert only.simulated == pytest.approx((least + most) / 2)
    assert middle_says(only) == (
        f"services_up: {words} is a range; {middle}, its middle, is simulated. "
        "prgcore availability gives ranges.")


def test_a_range_is_named_once_and_for_its_node():
    engine = prg()
    assert middles([default(engine)]) == ()
    assert middles([default(engine, {"services_down": "every 30 days"})]) == ()
    both = default(engine, {"services_down": "every 30 to 120 days"})
    assert [m.event for m in middles([both, both])] == ["services_down"]
    one = default(engine, {"services_down(node1)": "every 30 to 120 days"})
    assert [m.event for m in middles([one])] == ["services_down(node1)"]
    missed = default(engine, {"heartbeats_missed": "every 30 to 60 days"})
    assert [m.event for m in middles([missed])] == ["heartbeats_missed"]
    assert [m.event for m in middles([both, missed])] == ["services_down", "heartbeats_missed"]


def test_a_simulated_year_says_which_middle_it_has(run):
    words = ("simulate-fleet", "--groups", 20, "--alone", "--rate", GIVEN)
    shown = run(*words).out
    assert SAYS in said(shown)
    assert max(map(len, shown.splitlines())) <= 80
    assert json.loads(run(*words, "--json").out)["ranges"] == [{
        "event": "services_down", "words": "every 30 to 120 days", "least": 30 * DAY,
        "most": 120 * DAY, "simulated": 75 * DAY}]


def test_a_range_to_compare_with_is_said_too(run):
    shown = run("simulate-fleet", "--groups", 20, "--alone", "--against", GIVEN).out
    assert SAYS in said(shown)


def test_hours_of_a_fleet_say_it(run):
    words = ("fleet", "simulate", "--pairs", 100, "--hours", 2, "--rate", GIVEN)
    assert SAYS in said(run(*words).out)
    assert [r["simulated"] for r in json.loads(run(*words, "--json").out)["ranges"]] == [75 * DAY]


def test_the_page_says_it_and_escapes_what_was_given():
    one = Middle("services_down", "every 30 to 120 days", 30 * DAY, 120 * DAY, 75 * DAY)
    assert f"<p>{SAYS}</p>" in page(made_up(ranges=(one,)))
    bad = Middle("<b>", "<script>", 1.0, 3.0, 2.0)
    assert "<script" not in page(made_up(ranges=(bad,)))
    assert "is a range" not in page(made_up())
