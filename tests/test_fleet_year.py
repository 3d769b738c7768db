"""`simulate-fleet`: what it prints and writes, how worlds are compared, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from attrs import evolve

from prgcore.cli import fleet_year
from prgcore.errors import BadInput
from prgcore.machine import Machine, prg
from prgcore.outage.choices import changed, usual
from prgcore.outage.fleets import Worlds
from prgcore.outage.intervals import paired
from prgcore.outage.lost import with_losses
from prgcore.outage.rates import NEVER, default, read
from prgcore.outage.report import Estimate
from prgcore.outage.summary import _together, report
from prgcore.outage.year import YEAR, simulate
from prgcore.template.active_standby import MACHINE
from prgcore.timers.losses import Losses, alarms
from prgcore.wire import machine_file

USERS = {"node1": 2_500, "node2": 2_500}


@pytest.fixture(scope="module")
def world():
    return evolve(default(prg()), users=USERS, logins=6.0)


@pytest.fixture(scope="module")
def worlds(world):
    return Worlds(prg(), world)


@pytest.fixture(scope="module")
def outcome(worlds):
    return simulate(worlds.moves, 150, 1)


@pytest.fixture(scope="module")
def made(worlds, world, outcome):
    choices = [*usual(prg(), world), changed(prg(), world, "keep_alive_timeout", "600")]
    return report(worlds.moves, outcome, [
        (choice, simulate(worlds.other(choice), 150, 1)) for choice in choices],
        profile=(5_000, "balanced"))


# ----------------------------------------------------------------------------- figures


def test_a_report_adds_up(made, outcome):
    every, *homes = made.users
    assert every.outage.value == pytest.approx(every.unserved.value + every.login.value)
    assert every.outage.value == pytest.approx(sum(u.outage.value for u in homes) / 2)
    assert every.served.value == pytest.approx(1 - every.unserved.value / YEAR)
    assert every.available.low <= every.available.value <= every.available.high
    assert sum(c.outage.value for c in made.causes) == pytest.approx(every.outage.value, rel=1e-4)
    assert sum(c.share for c in made.causes) == pytest.approx(1, rel=1e-4)
    assert sum(c.interruptions.value for c in made.causes) == pytest.approx(every.interruptions.value)
    assert [c.outage.value for c in made.causes] == sorted(
        (c.outage.value for c in made.causes), reverse=True)
    assert made.failovers.value == pytest.approx(outcome.failovers.sum() / 150)
    assert made.pairs == 150
    assert {c.event for c in made.causes} >= {"services_down", "power_off", "link_cut"}


def test_every_figure_is_within_its_interval(made):
    def estimates(value):
        if isinstance(value, dict):
            if {"value", "low", "high", "by"} <= set(value):
                yield value
            for inner in value.values():
                yield from estimates(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                yield from estimates(inner)

    found = list(estimates(made.to_json()))
    assert len(found) > 70
    assert [e for e in found if not e["low"] <= e["value"] <= e["high"]] == []


def test_lengths_are_a_distribution(made):
    curve = made.curve
    assert (np.diff(curve.seconds) > 0).all()
    assert (np.diff(curve.share) >= 0).all()
    assert (np.diff(curve.unserved) >= 0).all()
    assert all(u >= s for s, u in zip(curve.share, curve.unserved, strict=True))
    assert curve.median < curve.ninth < curve.last
    assert 120 < curve.median < 900


def test_the_storm_is_arithmetic(made):
    storm = made.storm
    assert (storm.lower, storm.upper, storm.users) == (120, 537, 2_500)
    assert storm.arrivals == pytest.approx(2_500 / 417)
    assert storm.last == 537
    assert storm.advised == pytest.approx(120 + 2_500 / 6)
    assert storm.printed == 537
    assert storm.over.value < storm.storms.value


def test_a_crowd_above_the_capacity_waits_in_a_queue(world):
    crowd = evolve(world, users={"node1": 9_000, "node2": 0})
    moves = Worlds(prg(), crowd).moves
    told = report(moves, simulate(moves, 60, 1), profile=(15_000, "active_standby"))
    assert told.storm.last == pytest.approx(120 + 9_000 / 6)
    assert told.storm.printed == 1_620
    assert told.storm.over.value > 5
    assert told.storm.queue.value > 0


def test_the_strip_is_one_of_the_lanes(made, outcome):
    strip = made.strip
    spans = strip.spans
    assert [s.begins for s in spans] == sorted(s.begins for s in spans)
    total = sum(s.unserved + s.login for s in spans)
    assert total == pytest.approx(outcome.outage[strip.lane].sum())
    assert all(0 <= s.begins <= YEAR for s in spans)


def test_causes_of_both_nodes_are_joined_as_independent_figures():
    one = Estimate(10.0, 7.0, 14.0)
    both = _together([one, one])
    assert both.value == 20
    assert both.low == pytest.approx(20 - 3 * 2**0.5)
    assert both.high == pytest.approx(20 + 4 * 2**0.5)
    assert _together([one]) is one


# ------------------------------------------------------------------------- comparisons


def test_two_worlds_are_compared_lane_by_lane(made, worlds, world, outcome):
    automatic, dual, patient = made.against
    assert [a.name for a in made.against] == [
        "enable_automatic_fallback=true", "dual_connections=true", "keep_alive_timeout=600"]
    rows = {r.name: r for r in dual.rows}
    assert "failovers of a pair" not in rows
    assert rows["outage"].difference.high < 0
    assert rows["interruptions"].difference.value == 0
    assert {r.name: r for r in automatic.rows}["outage"].this == made.users[0].outage
    without = {r.name: r for r in patient.rows}["without a server"]
    assert without.difference.low > 0
    assert without.difference.value == pytest.approx(without.other.value - without.this.value)
    other = simulate(worlds.other(changed(prg(), world, "keep_alive_timeout", "600")), 150, 1)
    alone = without.this.high - without.this.low + without.other.high - without.other.low
    assert without.difference.high - without.difference.low < alone
    assert paired(outcome.of("unserved"), other.of("unserved")).value == pytest.approx(
        without.difference.value)


def test_a_choice_is_a_parameter_a_rate_or_a_kind_of_client(world):
    engine = prg()

    def choose(name, value):
        return changed(engine, world, name, value)

    assert choose("dual_connections", "on").world.dual
    assert choose("logins_per_second", "15").world.logins == 15
    assert choose("Keep Alive (Heartbeat) Timeout", "2 minutes").name == "keep_alive_timeout=120"
    assert choose("critical_service_delay", "30").world.parameters.critical_service_delay == 30
    assert choose("enable_automatic_fallback", "true").world.begins == {"auto_fallback": "on"}
    slow = choose("services_up", "takes 2 h").world
    assert {slow.rates[f"services_up({n})"].mean for n in USERS} == {7_200}
    one = choose("power_off(node2)", "never").world
    assert [one.rates[f"power_off({n})"].kind == NEVER for n in USERS] == [False, True]
    assert choose("takeover_failed", "1 in 10 of takeover_done").world.rates[
        "takeover_failed(node1)"].share == pytest.approx(0.1)
    assert choose("heartbeats_missed", "2 per year").world.episodes[1].rate.mean == YEAR / 2
    assert [c.name for c in usual(engine, choose("dual_connections", "yes").world)] == [
        "enable_automatic_fallback=true", "dual_connections=false"]


@pytest.mark.parametrize(("name", "value", "says"), [
    ("dual_connections", "maybe", "true or false"), ("logins_per_second", "-1", "log-ins a second"),
    ("logins_per_second", "x", "log-ins a second"), ("nothing", "1", "unknown choice"),
    ("keep_alive_timeout", "x", "a number of seconds"), ("power_off", "often", "not a rate"),
    ("power_off", "timer", "cannot be compared"), ("keep_alive_timout", "3", "keep_alive_timeout"),
    ("recover", "1 in 3 of fallback", "cannot be compared"), ("power_off(node3)", "never", "unknown"),
    ("takeover_failed", "1 in 2 of takeback_done", "a share of takeover_done(node1)"),
])
def test_a_choice_that_is_none_is_one_line(world, name, value, says):
    with pytest.raises(BadInput) as error:
        changed(prg(), world, name, value)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_lost_heartbeats_follow_the_time_out(world):
    losses = Losses.of(0.01, burst=2, interval=15)
    often, _ = alarms(losses, 15, 60, jitter=0.08)
    lost = with_losses(world, losses, 0.08)
    assert [e.rate.mean for e in lost.episodes] == pytest.approx([YEAR / often] * 2)
    longer = with_losses(changed(prg(), world, "keep_alive_timeout", "120").world, losses, 0.08)
    assert longer.episodes[0].rate.mean > 5 * lost.episodes[0].rate.mean
    assert with_losses(world, Losses.of(0)).episodes[0].rate.kind == NEVER
    with pytest.raises(BadInput, match="more than once an hour"):
        with_losses(world, Losses.of(0.5))
    with pytest.raises(BadInput, match="no heartbeats are lost"):
        with_losses(evolve(world, episodes=()), losses)


# ------------------------------------------------------------------------ command line


def test_the_page_of_a_terminal_and_json_have_the_same_figures(run):
    shown = run("simulate-fleet", "--groups", 120, "--alone")
    told = json.loads(run("simulate-fleet", "--groups", 120, "--alone", "--json").out)
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 80
    every = told["users"][0]
    assert f"{every['outage']['value'] / 60:.1f}" in shown.out
    assert f"{told['failovers']['value']:.1f}" in shown.out
    assert (told["pairs"], told["years"], told["seed"], told["confidence"]) == (120, 1.0, 1, 0.95)
    assert set(told) == {
        "confidence", "unit", "machine", "pairs", "years", "seed", "setting", "users", "causes",
        "failovers", "false", "fallbacks", "curve", "storm", "push", "strip", "against", "rates",
        "ranges", "limits"}
    assert told["against"] == told["ranges"] == []
    assert told["setting"]["users"] == USERS
    assert told["storm"]["capacity"] == 6
    assert all(r["assumed"] for r in told["rates"])
    assert run("simulate-fleet", "--groups", 120, "--alone").out == shown.out


@pytest.fixture
def instant(monkeypatch, made, outcome):
    """Commands that simulate nothing: the worlds that they would have simulated, and the choices."""
    asked = []

    def simulated(engine, world, choices, groups, *_):
        asked.append((world, choices, groups))
        return made, outcome

    monkeypatch.setattr(fleet_year, "_simulated", simulated)
    return asked


@pytest.mark.parametrize("end", ["html", "HTM", "svg", "png", "json", "parquet"])
def test_every_format_is_written(run, tmp_path, instant, made, end):
    file = tmp_path / f"report.{end}"
    answer = run("simulate-fleet", "-o", file)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    data = file.read_bytes()
    if end in {"html", "HTM"}:
        assert data.startswith(b"<!DOCTYPE html>")
        assert data.endswith(b"</html>\n")
    elif end == "svg":
        assert ET.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
    elif end == "png":
        assert data.startswith(b"\x89PNG")
    elif end == "json":
        assert json.loads(data) == json.loads(json.dumps(made.to_json()))
    else:
        from pyarrow import parquet

        table = parquet.read_table(BytesIO(data))
        assert table.num_rows == 150
        assert {"lane", "unserved.node1", "interruptions.node2", "storms"} <= set(
            table.column_names)


def test_what_is_simulated_is_what_was_asked(run, instant):
    run("simulate-fleet", "--groups", 77)
    run("simulate-fleet", "--alone", "--dual-connections", "--automatic-fallback", "--logins", 4,
        "--loss", "1%", "--burst", 2, "--latency", "80ms", "--against", "keep_alive_timeout=120")
    (first, usually, groups), (second, named, _) = instant
    assert groups == 77
    assert (first.users, first.logins, first.dual) == (USERS, 6, False)
    assert [c.name for c in usually] == ["enable_automatic_fallback=true", "dual_connections=true"]
    assert (second.users, second.logins, second.dual) == ({}, 4, True)
    assert second.begins == {"auto_fallback": "on"}
    assert [c.name for c in named] == ["keep_alive_timeout=120"]
    often = alarms(Losses.of(0.01, burst=2, interval=15), 15, 60, jitter=0.08)[0]
    assert second.episodes[0].rate.mean == pytest.approx(YEAR / often)
    assert named[0].world.episodes[0].rate.mean > second.episodes[0].rate.mean


def test_a_profile_gives_users_and_their_log_ins(run, instant):
    run("simulate-fleet", "--profile", "15,000/active-standby", "--users", "node1=900", "--users",
        "node2=0")
    run("simulate-fleet", "--profile", "25000 balanced")
    run("simulate-fleet", "--profile", "500")
    run("simulate-fleet", "--profile", "500", "--logins", "0")
    assert [(w.users, w.logins) for w, _, _ in instant] == [
        ({"node1": 900, "node2": 0}, 6), (dict.fromkeys(USERS, 12_500), 9),
        (dict.fromkeys(USERS, 250), 1.5), (dict.fromkeys(USERS, 250), 0)]


def test_a_world_file_of_the_example_is_the_shipped_world(run, tmp_path):
    written = run("simulate-fleet", "--example")
    assert written.code == 0
    file = tmp_path / "world.toml"
    file.write_text(written.out, "utf-8")
    mine, shipped = read(prg(), file), default(prg())
    assert mine.rates == shipped.rates
    assert mine.parameters == shipped.parameters
    again = run("simulate-fleet", "-", "--groups", 40, "--alone", "--json", "--rate",
                "power_off=never", "--years", 0.5, stdin=written.out)
    told = json.loads(again.out)
    assert (told["years"], told["setting"]["users"]) == (0.5, {"node1": 5_000, "node2": 5_000})
    assert "power_off" not in {c["event"] for c in told["causes"]}
    assert told["storm"]["capacity"] == 0


def test_a_machine_of_your_own(run, tmp_path, bad):
    file, rates = tmp_path / "mine.json", tmp_path / "world.toml"
    file.write_text(machine_file.dumps(MACHINE), "utf-8")
    assert "no rate for promoted" in bad("simulate-fleet", "--machine", file)
    rates.write_text("""
[rates]
promoted = "takes 2 s"
promotion_failed = "never"
demoted = "takes 1 s"
demotion_failed = "never"
alone_failed = "never"
fell_behind = "never"
caught_up = "takes 10 s"
service_down = "every 10 days"
service_up = "takes 10 min"
crash = "every 30 days"
boot = "takes 10 min"
""", "utf-8")
    answer = run("simulate-fleet", rates, "--machine", file, "--groups", 50)
    assert (answer.code, answer.err) == (0, "")
    assert "crash" in answer.out
    assert "log in at the other" not in answer.out
    assert "notifications" not in answer.out
    assert "second connection" not in answer.out
    assert Machine(MACHINE).habits.groups == ("users",)


WRONG = [
    (["--groups", "1"], "2 to 1,000,000"), (["--groups", "2000000"], "2 to 1,000,000"),
    (["--groups", "x"], "--groups"), (["--years", "0"], "--years 0"), (["--years", "nan"], "--years"),
    (["--years", "2000"], "--years"), (["--groups", "1000000", "--years", "20"], "years in all"),
    (["--seed", "-1"], "--seed -1"), (["--profile", "x"], "size of a server"),
    (["--profile", "15000/both"], "mode"), (["--profile", "77"], "no login profile"),
    (["--logins", "-3"], "logins_per_second"), (["--users", "node1=-3"], "whole number"),
    (["--users", "node9=3"], "node1"), (["--burst", "2"], "give --loss"),
    (["--latency", "80ms"], "give --loss"), (["--latency", "soon", "--loss", "0.1"], "not a time"),
    (["--loss", "2"], "share"), (["--loss", "x"], "share"), (["--loss", "0.9"], "once an hour"),
    (["--against", "x"], "NAME=VALUE"), (["--against", "x=1"], "unknown choice"),
    (["--against", "dual_connections=maybe"], "true or false"), (["--rate", "x=never"], "unknown"),
    (["--rate", "power_off=often"], "not a rate"), (["--set", "x=1"], "unknown parameter"),
    (["-o", "report.pdf"], ".html"), (["-o", "/nowhere/r.html"], "cannot write"),
    (["--json", "-o", "r.json"], "does not go with"), (["nowhere.toml"], "No such file"),
    (["--policy", "x=1"], "policy"), (["--machine", "nowhere.json"], "cannot read"),
    (["--set", "client_relogin_lower_limit=900"], "upper limit"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=lambda w: " ".join(w) if type(w) is list else "")
def test_what_is_wrong_is_one_line(bad, words, says):
    assert says in bad("simulate-fleet", *words)


def test_a_reader_that_goes_away_is_no_fault():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m prgcore simulate-fleet --example | head -1; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in {"0", "141"}
