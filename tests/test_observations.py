"""Observations and convergences: reached or never, by name, and what does not last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import MalformedMachine
from prgcore.form.wellformed import findings
from prgcore.model import Column, Convergence, Cube, Event, Model, Observation, Possible, Rule, cube
from prgcore.prove.report import Result, listing, prove
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dumps, load

MASTER = ("master", "backup")
BOTH = cube({"node1.state": "master", "node2.state": "master"})
TOGETHER = cube({"node1.state": "master", "node2.state": "master", "link": "up"})

ROUTERS = Model(
    name="routers",
    columns=(
        Column("node1.state", MASTER), Column("node2.state", MASTER),
        Column("node1.priority", ("high", "low"), "node1"),
        Column("link", ("up", "cut"), "environment"),
    ),
    initial=((("node1.state", "master"), ("node2.state", "backup"), ("node1.priority", "high"),
              ("link", "up")),),
    events=(
        Event("silence(node2)", Kind.TIMER, "node2"), Event("advert(node2)", Kind.TIMER, "node2"),
        Event("lowered(node1)", Kind.TIMER, "node1"),
        Event("link_cut", Kind.FAULT, "environment", seated=False),
        Event("link_repair", Kind.REPAIR, "environment", seated=False),
    ),
    possible=(
        Possible("silence(node2)", {"link": "cut"}),
        Possible("advert(node2)", {"link": "up", "node1.state": "master"}),
        Possible("lowered(node1)", {"node1.priority": "low"}),
        Possible("link_cut", {"link": "up"}), Possible("link_repair", {"link": "cut"}),
    ),
    rules=(
        Rule("R1", "silence(node2)", {"node2.state": "backup"}, {"node2.state": "master"}),
        Rule("R2", "silence(node2)", {"node2.state": "master"}, outcome=Outcome.IGNORED),
        Rule("R3", "advert(node2)", {"node2.state": "master"}, {"node2.state": "backup"}),
        Rule("R4", "advert(node2)", {"node2.state": "backup"}, outcome=Outcome.IGNORED),
        Rule("R5", "lowered(node1)", {}, {"node1.priority": "high"}),
        Rule("R6", "link_cut", {}, {"link": "cut"}),
        Rule("R7", "link_repair", {}, {"link": "up"}),
    ),
    assumptions=("A-ROUTERS: these two alone",),
)
"""Two routers as VRRP has them: not safe while the link is cut, and well again soon after."""


def _result(model: Model, id_: str) -> Result:
    result, = prove(Engine(model), only=[id_]).results
    return result


def _observed(*cubes: Cube, expect: str = "", model: Model = ROUTERS) -> Result:
    return _result(evolve(model, observations=(Observation("W1", "both", cubes, expect),)), "W1")


def _leaves(*cubes: Cube, within: int = 0, model: Model = ROUTERS) -> Result:
    return _result(evolve(model, converges=(Convergence("V1", "heals", cubes, within),)), "V1")


# ------------------------------------------------------------------------ observations


@pytest.mark.parametrize(("expect", "verdict"), [
    ("", "reported"), ("reached", "proved"), ("never", "refuted")])
def test_what_is_reached_has_its_shortest_trace(expect: str, verdict: str) -> None:
    found = _observed(BOTH, expect=expect)
    assert found.verdict == verdict
    assert found.detail["observed"] == "reached"
    assert found.detail["trace"] == ["link_cut", "silence(node2)"]
    assert found.detail["steps"] == 2
    assert bool(found.counterexample) == (verdict == "refuted")


@pytest.mark.parametrize(("expect", "verdict"), [
    ("", "reported"), ("reached", "refuted"), ("never", "proved")])
def test_what_is_never_reached_has_its_proof(expect: str, verdict: str) -> None:
    found = _observed(cube({"node1.state": "backup"}), expect=expect)
    assert (found.verdict, found.method, found.detail["observed"]) == (verdict, "induction", "never")


def test_what_no_induction_proves_is_searched() -> None:
    lost = cube({"node1.priority": "low"})
    model = evolve(ROUTERS, rules=(*(r for r in ROUTERS.rules if r.id != "R6"), Rule(
        "R6", "link_cut", {"node1.state": "master"}, {"link": "cut"}), Rule(
        "R8", "link_cut", {"node1.state": "backup"}, {"node1.priority": "low"})))
    found = _observed(lost, expect="never", model=model)
    assert (found.verdict, found.method, found.detail["pairs"]) == ("proved", "search", 4)


def test_any_of_several_cubes_is_enough_and_the_nearest_is_shown() -> None:
    found = _observed(cube({"node1.state": "backup"}), BOTH, cube({"link": "cut"}))
    assert found.detail["trace"] == ["link_cut"]


def test_the_initial_pair_is_reached_in_no_step() -> None:
    found = _observed(cube({"link": "up"}), expect="reached")
    assert (found.verdict, found.detail["steps"], found.detail["trace"]) == ("proved", 0, [])


# ------------------------------------------------------------------------ convergences


@pytest.mark.parametrize(("within", "verdict"), [(0, "proved"), (2, "proved"), (1, "proved")])
def test_two_masters_that_hear_each_other_do_not_last(within: int, verdict: str) -> None:
    found = _leaves(TOGETHER, within=within)
    assert (found.verdict, found.detail["steps at most"], found.detail["pairs"]) == (verdict, 1, 1)
    assert "strong fairness" in found.assumptions[-1]


def test_where_nothing_leads_out_the_promise_is_refuted_with_the_way_there() -> None:
    found = _leaves(BOTH)
    assert found.verdict == "refuted"
    assert "nothing leads out by itself (1 such pair)" in found.story
    assert found.counterexample is not None
    assert found.counterexample.trace == ("link_cut", "silence(node2)")


SLOW = evolve(ROUTERS, rules=(
    *(r for r in ROUTERS.rules if r.id not in {"R3", "R7"}),
    Rule("R3", "advert(node2)", {"node2.state": "master", "node1.priority": "high"},
         {"node2.state": "backup"}),
    Rule("R9", "advert(node2)", {"node2.state": "master", "node1.priority": "low"},
         outcome=Outcome.IGNORED),
    Rule("R7", "link_repair", {}, {"link": "up", "node1.priority": "low"}),
))
"""After a repair the first node must raise its priority before the other one yields."""


@pytest.mark.parametrize(("within", "verdict"), [(0, "proved"), (2, "proved"), (1, "refuted")])
def test_the_longest_stay_counts(within: int, verdict: str) -> None:
    found = _leaves(TOGETHER, within=within, model=SLOW)
    assert found.verdict == verdict
    if verdict == "proved":
        assert found.detail["steps at most"] == 2
        assert found.detail["longest stay"] == ["R5"]
    else:
        assert found.detail["says"] == "2 steps can pass, and 1 at most are promised"
        assert found.counterexample is not None
        assert found.counterexample.trace[-1] == "link_repair"


def test_a_circle_inside_is_refuted_with_its_rules() -> None:
    dither = evolve(SLOW, events=(*SLOW.events, Event("lower(node1)", Kind.TIMER, "node1")),
                    possible=(*SLOW.possible, Possible("lower(node1)", {"node1.priority": "high"})),
                    rules=(*SLOW.rules, Rule("R10", "lower(node1)", {}, {"node1.priority": "low"})))
    found = _leaves(TOGETHER, within=9, model=dither)
    assert found.verdict == "refuted"
    assert sorted(found.detail["rules"]) == ["R10", "R5"]
    assert "for ever" in found.story


def test_steps_of_the_environment_and_commands_do_not_count() -> None:
    commanded = evolve(ROUTERS, events=(
        *(evolve(e, kind=Kind.COMMAND) if e.name == "advert(node2)" else e for e in ROUTERS.events),
    ), possible=tuple(p for p in ROUTERS.possible if p.event != "advert(node2)"))
    assert _leaves(TOGETHER, model=commanded).verdict == "refuted"


def test_what_is_never_broken_is_vacuous() -> None:
    found = _leaves(cube({"node1.state": "backup"}))
    assert found.verdict == "vacuous"
    assert "from[0]: no reachable pair is in it: node1.state in backup" in found.story


def test_cubes_that_lead_to_one_another_are_one_place() -> None:
    low = cube({"node2.state": "master", "link": "up", "node1.priority": "low"})
    high = cube({"node2.state": "master", "link": "up", "node1.priority": "high"})
    assert _leaves(low, model=SLOW).detail["steps at most"] == 1
    assert _leaves(low, high, model=SLOW).detail["steps at most"] == 2


# ------------------------------------------------------------------------ the file


FULL = evolve(
    ROUTERS, observations=(Observation("W1", "both are masters", BOTH, "reached"),
                           Observation("W2", "the first yields", cube({"node1.state": "backup"}))),
    converges=(Convergence("V1", "two masters that hear each other do not last", TOGETHER, 1),))


def test_the_file_keeps_both_sections() -> None:
    again = load(dumps(FULL))
    assert again.observations == FULL.observations
    assert again.converges == FULL.converges
    assert [id_ for id_, _ in listing(Engine(again)) if id_ in {"W1", "W2", "V1"}] == [
        "W1", "W2", "V1"]


@pytest.mark.parametrize(("section", "entry", "says"), [
    ("converges", {"id": "V1", "from": [], "within": 1}, "no cube"),
    ("converges", {"id": "V1", "from": [{"link": ["up"]}], "within": 0}, "from 1 to 1000000, not 0"),
    ("converges", {"id": "V1", "from": [{"link": ["up"]}], "within": True}, "not flag True"),
    ("converges", {"id": "V1", "from": [{"link": ["up"]}], "within": 1.5}, "not number 1.5"),
    ("converges", {"id": "V1", "from": [{"link": ["up"]}], "within": 10**30}, "not 1000000000"),
    ("converges", {"id": "V1", "from": [{"lnk": ["up"]}]}, "did you mean link"),
    ("observations", {"id": "W1", "when": []}, "no cube"),
    ("observations", {"id": "W1", "when": [{"link": ["up"]}], "expect": "always"}, "always"),
    ("observations", {"id": "W1", "when": [{"link": ["down"]}]}, "down"),
    ("observations", {"when": [{"link": ["up"]}]}, "no 'id'"),
])
def test_a_wrong_entry_is_one_line(section: str, entry: dict[str, Any], says: str) -> None:
    raw = {**json.loads(dumps(ROUTERS)), section: [{"says": "so", **entry}]}
    with pytest.raises(MalformedMachine) as error:
        load(json.dumps(raw))
    assert len(error.value.findings) == 1
    assert says in error.value.findings[0]


def test_one_name_means_one_thing() -> None:
    twice = evolve(FULL, observations=(*FULL.observations, Observation("V1", "again", BOTH)))
    assert any("'V1' is the name of another promise" in f for f in findings(twice))


# ------------------------------------------------------------------------ by name


@pytest.fixture(scope="module")
def report() -> Any:
    wrong = evolve(FULL, observations=(Observation("W1", "both are masters", BOTH, "never"),))
    return prove(Engine(wrong), only=["W1", "V1"])


def test_junit_names_them(report: Any) -> None:
    cases = {c.get("name"): c for c in ET.fromstring(report.junit()).iter("testcase")}
    failed = cases["W1 both are masters"].find("failure")
    assert failed is not None
    assert "link_cut" in (failed.text or "")
    assert cases["V1 two masters that hear each other do not last"].find("failure") is None


def test_the_command_line_the_plugin_and_sarif_name_them(tmp_path: Path) -> None:
    wrong = evolve(FULL, observations=(
        *FULL.observations, Observation("W3", "never so", BOTH, "never")))
    (tmp_path / "machine.json").write_text(dumps(wrong), "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nprgcore_machine = machine.json\n", "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "prgcore", "prove", "--machine", "machine.json", "--only", "W1",
         "--only", "W2", "--only", "V1", "--only", "W3", "--sarif", "out.sarif"],
        cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "observed reached; steps 2; trace link_cut, silence(node2)" in " ".join(run.stdout.split())
    assert "observed never" in run.stdout
    results = json.loads((tmp_path / "out.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == ["W3"]
    plugin = subprocess.run(
        [sys.executable, "-m", "pytest", "--prgcore", "-q", "-p", "no:cacheprovider", "-rA",
         "-k", "W1 or W2 or V1 or W3"],
        cwd=tmp_path, capture_output=True, text=True, check=False)
    assert plugin.returncode == 1
    assert "1 failed, 3 passed" in plugin.stdout
