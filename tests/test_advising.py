"""`prgcore timing --advise`: the page, JSON, the drawing, and one line for each wrong word."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from prgcore.cli import advising, inputs
from prgcore.errors import BadInput
from prgcore.outage import losses as simulated
from prgcore.timers import Parameters, Settings
from tests.pages import ROOT

WAN = ("timing", "--advise", "--loss", "0.01", "--burst", "3", "--latency", "80ms",
       "--target-outage", "60")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(simulated, "RUNS", 20_000)
    monkeypatch.setattr(simulated.simulate, "__kwdefaults__",
                        {**simulated.simulate.__kwdefaults__, "runs": 20_000})


def _json(run, *words):
    answer = run(*words, "--json")
    return answer.code, json.loads(answer.out)


def test_the_page_shows_now_and_the_advised_setting(run):
    answer = run(*WAN, "--restart", "30s", "--restarts", "1 per week")
    assert (answer.code, answer.err) == (0, "")
    assert all(len(line) <= 80 for line in answer.out.splitlines())
    lines = [" ".join(x.split()) for x in answer.out.splitlines()]
    for line in ("keep_alive_interval, in seconds 15 3", "keep_alive_timeout, in seconds 60 58",
                 "critical_service_delay, in seconds 90 60",
                 "heartbeats lost in a row that are survived 2 18",
                 "out after a crash, at most, in seconds 60.08 58.08",
                 "false failovers a year, by losses 6,229 3,801", "and by restarts 5.19 14.1",
                 "heartbeats a minute, of each node 4 20"):
        assert line in lines
    assert any(line.startswith("58.08 3 58 18 3,801 ") and line.endswith("advised") for line in lines)
    assert any(line.startswith("60.08 15 60 2 6,229 ") and line.endswith("now") for line in lines)
    text = " ".join(lines)
    assert "3 in a row at an interval of 15 s: the network is down for 36.9 s" in text
    assert "it would be 47.4 a year, not 3,801" in text
    assert "--set keep_alive_interval=3 --set keep_alive_timeout=58" in text
    for theorem in ("T3 T9", "T6", "T5", "T1 T2"):
        assert any(line.startswith(theorem + " ") for line in lines)


def test_what_is_advised_is_accepted_by_the_same_command(run):
    code, found = _json(run, *WAN)
    assert code == 0
    sets = [word for name, value in found["changes"].items() for word in ("--set", f"{name}={value}")]
    checked = run("timing", *sets, "--latency", "80ms", "--json")
    assert checked.code == 0
    bounds = json.loads(checked.out)["bounds"]
    assert bounds["crash"]["most"] == found["advised"]["outage"] == 58.08
    # 3 heartbeats at the new interval would be another network: the time is the same one
    same = (*WAN[:4], "--burst", f"{found['losses']['down_for']}s", *WAN[6:])
    assert _json(run, *same, *sets)[1]["changes"] == {}
    assert "Nothing need change" in run(*same, *sets).out


def test_json_has_every_figure_of_the_page(run):
    code, found = _json(run, *WAN, "--restart", "30s", "--restarts", "every week", "--jitter", "0.5")
    assert code == 0
    assert found["ok"] is True
    assert (found["target"], found["including_login"], found["login"]) == (60, False, 537)
    assert found["losses"]["share"] == 0.01
    assert found["losses"]["down_for"] == pytest.approx(36.91, abs=0.01)
    for one in (found["now"], found["advised"], *found["simulated"]):
        seen = one["simulated"]
        assert seen["least"] <= seen["mean"] <= seen["most"]
        assert one["expected"] <= one["false_failovers"]
        assert seen["least"] * 0.9 <= one["expected"] <= seen["most"] * 1.1
    assert found["delay"]["advised"] == 60
    assert [t["theorem"] for t in found["theorems"]] == ["T3 T9", "T6", "T5", "T1 T2"]
    outages = [p["outage"] for p in found["curve"]]
    assert outages == sorted(outages)
    assert found["one_a_year"]["false_failovers"] <= 1


def test_a_seed_changes_the_simulation_alone(run):
    one, same, other = (_json(run, *WAN, "--seed", str(s))[1] for s in (1, 1, 2))
    assert one == same
    assert one["now"]["simulated"] != other["now"]["simulated"]
    assert one["advised"]["timeout"] == other["advised"]["timeout"]


@pytest.mark.parametrize("burst", ["3", "3.0", "36.9133s"])
def test_a_bare_burst_is_heartbeats_and_one_with_a_unit_a_time(run, burst):
    words = [burst if w == "3" else w for w in WAN]
    assert _json(run, *words)[1]["losses"]["down_for"] == pytest.approx(36.913, abs=0.01)


@pytest.mark.parametrize(("loss", "share"), [("0.01", 0.01), ("1%", 0.01), ("0.5 %", 0.005), ("1e-3", 0.001)])
def test_a_share_may_be_per_cent(run, loss, share):
    assert _json(run, "timing", "--advise", "--loss", loss, "--target-outage", "60")[1][
        "losses"]["share"] == pytest.approx(share)


@pytest.mark.parametrize("target", ["60", "60s", "1 min", "60000 ms"])
def test_times_may_have_a_unit(run, target):
    assert _json(run, *WAN[:-1], target)[1]["target"] == 60


def test_no_losses_are_no_false_failovers(run):
    answer = run("timing", "--advise", "--loss", "0", "--target-outage", "90")
    assert answer.code == 0
    assert "No heartbeat is lost, so no live peer is declared lost (T5)." in answer.out
    assert "Nothing need change" in answer.out
    code, found = _json(run, "timing", "--advise", "--loss", "0", "--target-outage", "50")
    assert code == 0
    assert found["changes"] == {"keep_alive_timeout": 46, "critical_service_delay": 50}
    assert found["advised"]["false_failovers"] == 0


def test_a_bound_that_is_not_met_exits_with_1_and_names_the_end(run):
    answer = run(*WAN[:-1], "3")
    assert answer.code == 1
    assert "error T6: at an interval of 1 s the time-out is 4 s or more" in answer.out
    assert "No setting meets the bound." in answer.out
    code, found = _json(run, *WAN[:-1], "3")
    assert (code, found["ok"], found["changes"]) == (1, False, {})
    answer = run(*WAN, "--including-login")
    assert answer.code == 1
    assert "error T9: clients wait up to 537 s" in answer.out


def test_traffic_bounds_the_interval(run):
    for words in (("--shortest-interval", "10s"), ("--heartbeats-per-minute", "6")):
        found = _json(run, *WAN, *words)[1]
        assert found["advised"]["interval"] >= 10
    assert _json(run, *WAN[:-1], "2", "--shortest-interval", "200ms")[0] == 0


@pytest.mark.parametrize(("most", "shortest"), [("13", 5), ("7", 9), ("6", 10), ("99", 0.7), ("0.5", 120)])
def test_the_most_heartbeats_a_minute_are_an_interval_that_can_be_set(run, most, shortest):
    found = _json(run, *WAN, "--heartbeats-per-minute", most)[1]
    every = [p["interval"] for p in found["curve"]]
    assert min(every) == shortest
    assert all(60 / one <= float(most) for one in every)
    assert all(one == round(one, 1) for one in every)


def test_the_least_burst_that_is_named_is_one_that_is_accepted(run):
    words = [("1.01010101" if w == "3" else w) for w in WAN]
    assert _json(run, *words)[1]["losses"]["independent"] is True


def test_a_deployment_and_a_group_are_the_present_settings(run):
    found = _json(run, *WAN, "--deployment", ROOT / "examples" / "deployment.toml")[1]
    assert (found["now"]["interval"], found["now"]["timeout"]) == (15, 60)
    group = ("--group", ROOT / "examples" / "two_nodes" / "group.toml")
    found = _json(run, "timing", "--advise", "--loss", "0.01", "--target-outage", "0.5s", *group)[1]
    assert (found["now"]["interval"], found["now"]["timeout"]) == (0.1, 0.6)
    assert found["changes"] == {"keep_alive_timeout": 0.5, "critical_service_delay": 0.5}
    assert found["advised"]["survived"] == 3  # the fifth heartbeat would come at 0.5 s
    found = _json(run, *WAN, "--set", "Keep Alive (Heartbeat) Timeout=75")[1]
    assert found["now"]["timeout"] == 75


def test_nodes_with_other_log_in_limits_share_one_recommendation():
    low, high = Parameters(client_relogin_lower_limit=50, client_relogin_upper_limit=400), Parameters(
        client_relogin_lower_limit=200)
    one = advising._strictest([low, high])
    assert (one.client_relogin_lower_limit, one.client_relogin_upper_limit) == (50, 537)
    with pytest.raises(BadInput, match="the parameters of a presence redundancy group"):
        advising._strictest([Settings()])


# ------------------------------------------------------------------------- the drawing


@pytest.mark.parametrize("more", [(), ("--burst", "45s"), ("--target-outage", "600"),
                                  ("--set", "keep_alive_interval=60"), ("--target-outage", "3"),
                                  ("--loss", "0"), ("--loss", "0.0001")])
def test_the_curve_is_drawn(run, tmp_path, more):
    file = tmp_path / "curve.svg"
    words = ["timing", "--advise", "--loss", "0.01", "--target-outage", "60", "-o", file]
    run(*words, *more)
    root = ET.fromstring(file.read_text("utf-8"))
    texts = ["".join(t.itertext()) for t in root.iter() if t.tag.endswith("}text")]
    assert "Outage against false failovers" in texts
    assert any(t.startswith("now") for t in texts)
    view = [float(x) for x in root.get("viewBox").split()]
    for circle in (e for e in root.iter() if e.tag.endswith("}circle")):
        assert 0 <= float(circle.get("cx")) <= view[2]
        assert 0 <= float(circle.get("cy")) <= view[3]
    for place in (e for e in root.iter() if e.tag.endswith("}text")):
        assert 0 <= float(place.get("x")) <= view[2]
    first = file.read_bytes()
    run(*words, *more)
    assert file.read_bytes() == first


def test_the_curve_as_a_page_and_as_a_bitmap(run, tmp_path):
    assert run(*WAN, "-o", tmp_path / "curve.html").code == 0
    page = (tmp_path / "curve.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "keep_alive_timeout=58" in page
    assert "http://www.w3.org" in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")  # no network
    assert page.count("<tr>") > 50
    assert run(*WAN, "-o", tmp_path / "curve.png").code == 0
    assert (tmp_path / "curve.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


# -------------------------------------------------------------------------- wrong words


@pytest.mark.parametrize(("words", "says"), [
    (("--advise",), "--advise needs --target-outage"),
    (("--advise", "--target-outage", "60"), "--advise needs --loss"),
    (("--advise", "--loss", "1", "--target-outage", "60"), "--loss: 1.0 is not a share"),
    (("--advise", "--loss", "-1", "--target-outage", "60"), "--loss: -1.0 is not a share"),
    (("--advise", "--loss", "nan", "--target-outage", "60"), "--loss: nan is not a share"),
    (("--advise", "--loss", "101%", "--target-outage", "60"), "is not a share"),
    (("--advise", "--loss", "many", "--target-outage", "60"), "'many' is not a share; write 0.01 or 1%"),
    ((*WAN[1:], "--burst", "1"), "fewer than the 1.01010101 of independent losses"),
    ((*WAN[1:], "--burst", "0.5"), "fewer than the 1.01010101 of independent losses"),
    ((*WAN[1:], "--burst", "1.0101"), "1.0101 heartbeats are fewer than the 1.01010101 of"),
    ((*WAN[1:], "--burst", "nan"), "expected a mean number of heartbeats"),
    ((*WAN[1:], "--burst", "0s"), "the network is down for some time"),
    ((*WAN[1:], "--burst", "3 parsecs"), "'3 parsecs' is not a time"),
    ((*WAN[1:], "--target-outage", "0"), "target outage: expected more than 0 s"),
    ((*WAN[1:], "--target-outage", "-5"), "target outage: expected seconds"),
    ((*WAN[1:], "--target-outage", "nan"), "target outage: expected seconds"),
    ((*WAN[1:], "--target-outage", "1e300"), "target outage: expected seconds"),
    ((*WAN[1:], "--target-outage", "soon"), "'soon' is not a time; write seconds or a unit"),
    ((*WAN[1:], "--shortest-interval", "0"), "shortest interval: expected 0.001 s or more"),
    ((*WAN[1:], "--shortest-interval", "2", "--heartbeats-per-minute", "2"), "say the same; give one"),
    ((*WAN[1:], "--heartbeats-per-minute", "0"), "expected a number above 0"),
    ((*WAN[1:], "--restart", "30s"), "--restart 30s and --restarts '1 per week' go together"),
    ((*WAN[1:], "--restarts", "1 per week"), "go together"),
    ((*WAN[1:], "--restart", "30s", "--restarts", "often"), "'often' is not a rate"),
    ((*WAN[1:], "--restart", "30s", "--restarts", "takes 20 min"), "write how often"),
    ((*WAN[1:], "--restart", "0", "--restarts", "1 per week"), "restart: expected more than 0 s"),
    ((*WAN[1:], "--fixed-restart"), "--fixed-restart needs --restart and --restarts"),
    ((*WAN[1:], "--drift", "2"), "drift: 2.0 is not a share"),
    ((*WAN[1:], "--latency", "-1"), "latency: expected seconds"),
    ((*WAN[1:], "--transitions"), "--advise does not go with --transitions"),
    ((*WAN[1:], "--cut", "3", "--pause", "1"), "--advise does not go with --pause and --cut"),
    ((*WAN[1:], "--machine", "x.json"), "--advise does not go with --machine"),
    ((*WAN[1:], "-o", "curve.bmp"), "says no format: end it with .svg, .png or .html"),
    ((*WAN[1:], "-o", "no/such/place.svg"), "cannot write"),
    ((*WAN[1:], "--set", "keep_alive_interval=0"), "write a time: 45s"),
    (("--loss", "0.01"), "--loss: only with --advise"),
    (("--burst", "3", "--including-login", "--seed", "4"), "only with --advise; add it"),
    (("-o", "curve.svg"), "--output: only with --advise"),
    (("--latency", "soon"), "'soon' is not a time; write seconds or a unit: 0.08, 80ms, 2 min"),
])
def test_wrong_words_are_one_line(bad, words, says):
    assert says in bad("timing", *words)


def test_a_simulation_that_disagrees_is_exit_code_4(run, monkeypatch):
    monkeypatch.setattr(simulated.Seen, "fits", lambda *_: False)
    answer = run(*WAN)
    assert (answer.code, answer.out) == (4, "")
    assert "the closed form expects" in answer.err


def test_a_share_is_read_as_people_write_it():
    assert inputs.share_of(" 12.5 % ") == 0.125
