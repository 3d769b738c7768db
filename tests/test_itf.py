"""Traces in ITF: what is written is read by another library, and what others write is checked."""

from __future__ import annotations

import json
from typing import Any

import itf_py
import pytest

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.machine import PRG
from prgcore.model import Column, Const, Event, Model, Rule
from prgcore.story import itf
from prgcore.story.conformance import Conformance, Report
from prgcore.story.script import parse, run
from prgcore.vocabulary import Kind
from tests.odd import NAMES
from tests.planted import LAMPS
from tests.toys import TURNSTILE

LAMP = Engine(LAMPS)
WAY = ("light(node1)", "warm(node1)", "rest(node1)")


def _trace(engine: Engine, *events: str) -> dict[str, Any]:
    pair = engine.initial[0]
    states = [("", pair)]
    for event in events:
        pair = engine.step(pair, event).pair
        states.append((event, pair))
    return itf.dump(engine, states, "a way")


def _check(trace: Any, engine: Engine = LAMP) -> Report:
    return itf.check(Conformance(engine), trace)


def _quint(trace: dict[str, Any], event: str = "mbt::actionTaken") -> dict[str, Any]:
    """The same as Quint writes it: a map of records of variants, flags and big integers."""
    states = []
    for state in trace["states"]:
        nodes = [[node, {
            "state": {"tag": state[f"{node}_state"].capitalize(), "value": {"#tup": []}},
            "bulb": state[f"{node}_bulb"],
        }] for node in ("node1", "node2")]
        states.append({
            "#meta": state["#meta"], "lamps": 3, event: state["action_taken"] or "init",
            "mains": state["mains"], "count": {"#bigint": "7"}, "seen": {"#set": ["a"]},
            "nodes": {"#map": nodes}})
    return {"#meta": {"format": "ITF"}, "vars": ["nodes", "mains", event], "states": states}


# ------------------------------------------------------------------------- written


def test_another_library_reads_what_is_written() -> None:
    trace = itf_py.trace_from_json(_trace(LAMP, *WAY))
    assert len(trace.states) == 4
    values = [s.values for s in trace.states]
    assert [v["action_taken"] for v in values] == ["", *WAY]
    assert [v["node1_state"] for v in values] == ["dark", "warming", "lit", "dark"]


def test_every_story_of_the_machine_is_a_trace_of_the_machine() -> None:
    files = export(PRG.model, "itf")
    assert len(files) == len(PRG.model.stories)
    for name, text in files.items():
        trace = json.loads(text)
        given = any(not s["action_taken"] for s in trace["states"][1:])
        assert given or _check(trace, PRG).ok, name
        assert len(itf_py.trace_from_json(trace).states) == len(trace["states"])


def test_one_story_by_name_and_none_by_a_wrong_name() -> None:
    first = PRG.model.stories[0].id
    assert len(export(PRG.model, "itf", [first])) == 1
    with pytest.raises(BadInput, match="unknown story"):
        export(PRG.model, "itf", ["no such story"])
    with pytest.raises(BadInput, match="simulate"):
        export(TURNSTILE, "itf")


def test_refused_events_are_no_states_and_changes_by_hand_are() -> None:
    text = "refused light(node1)\ngiven mains = off\nmains_return\n"
    script = parse("light(node2)\n" + text)
    trace = itf.of_run(run(LAMP, script))
    assert [s["action_taken"] for s in trace["states"]] == ["", "light(node2)", "", "mains_return"]
    assert trace["states"][1]["node2_state"] == "warming"


def test_names_are_no_keywords_and_no_two_are_alike() -> None:
    names = itf.variables(["is", "a.b", "a_b", "a b", "event", "node1.state", "é", *NAMES])
    assert names["is"] == "is_"
    assert names["event"] == "event_"
    assert names["node1.state"] == "node1_state"
    assert len(set(names.values())) == len(names)
    assert all(v.isidentifier() and v.isascii() for v in names.values())


# ------------------------------------------------------------------------- read


def test_what_is_written_is_allowed() -> None:
    report = _check(_trace(LAMP, *WAY))
    assert report.ok
    assert (report.lines, report.done) == (3, 3)


@pytest.mark.parametrize("event", ["mbt::actionTaken", "event", "action_taken"])
def test_what_quint_writes_is_allowed(event: str) -> None:
    report = _check(_quint(_trace(LAMP, *WAY), event))
    assert report.ok
    assert report.done == 3


def test_without_events_they_are_found() -> None:
    trace = _trace(LAMP, *WAY, "mains_fail")
    for state in trace["states"]:
        del state["action_taken"]
    report = _check(trace)
    assert report.ok
    assert report.done == 4


def test_the_first_state_that_no_event_leads_to_is_found() -> None:
    trace = _trace(LAMP, *WAY)
    for state in trace["states"]:
        state["action_taken"] = ""
    trace["states"][2]["node2_state"] = "lit"
    report = _check(trace)
    assert report.finding is not None
    assert report.finding.place == "state 2"
    assert "node2.state from dark to lit" in report.finding.says


def test_a_named_event_that_does_something_else_is_found() -> None:
    trace = _trace(LAMP, *WAY)
    trace["states"][1]["action_taken"] = "light(node2)"
    report = _check(trace)
    assert report.finding is not None
    assert (report.finding.place, report.finding.event) == ("state 1", "light(node2)")


def test_some_columns_are_enough_where_the_event_is_named() -> None:
    trace = _trace(LAMP, *WAY)
    for state in trace["states"]:
        del state["node2_bulb"], state["mains"]
    assert _check(trace).ok


def test_flags_are_yes_and_no_and_a_state_may_repeat() -> None:
    model = Model("flag", (Column("a.up", ("yes", "no")), Column("many", ("0", "1"))),
                  ((("a.up", "no"), ("many", "0")),), (Event("go", Kind.COMMAND, "administrator"),), (),
                  (Rule("R1", "go", {"a.up": "no"}, {"a.up": "yes"}),))
    assert isinstance(model.rules[0].then[0].value, Const)
    states = [{"a": {"up": False}, "many": {"#bigint": "0"}}] * 2 + [
        {"a": {"up": True}, "many": 0}]
    assert _check({"vars": [], "states": states}, Engine(model)).done == 1


@pytest.mark.parametrize(("trace", "says"), [
    ([], "an object with vars and states"), ({}, "an object with vars and states"),
    ({"states": {}}, "an object with vars and states"),
    ({"states": [1]}, "state 0: an object of variables, not int"),
    ({"states": [{}]}, "state 0: no variable is a column"),
    ({"states": [{"x": "y"}]}, "no variable is a column"),
    ({"states": [{"mains": "of"}]}, "state 0: mains is 'of'; it is on or off"),
    ({"states": [{"mains": None}]}, "mains is"),
    ({"states": [{"mains": {"#set": ["on"]}}]}, "mains is"),
    ({"states": [{"mains": {"#unserializable": "x"}}]}, "mains is"),
    ({"states": [{"mains": {"tag": "Half", "value": {}}}]}, "mains is 'Half'"),
    ({"states": [{"mains": "on", "event": "lihgt(node1)"}]}, "did you mean light(node1)"),
    ({"states": [{"mains": "on"}, {"mains": "off"}]}, "name the event, or all columns"),
    ({"states": [{"mains": "on"}] * 100_001}, "at most 100,000"),
])
def test_what_is_no_trace_is_one_line(trace: Any, says: str) -> None:
    with pytest.raises(BadInput) as error:
        _check(trace)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_records_in_records_end_somewhere() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"a": deep}
    with pytest.raises(BadInput, match="8 deep"):
        _check({"states": [{"mains": deep}]})


# ------------------------------------------------------------------------- command line


def test_a_story_goes_out_and_in_again(run: Any, tmp_path: Any) -> None:
    story, trace = tmp_path / "story.txt", tmp_path / "way.itf.json"
    story.write_text("start normal\nfailover(node1)\ntakeover_done(node2)\n", "utf-8")
    assert run("simulate", str(story), "--itf", str(trace)).code == 0
    answer = run("conform", str(trace))
    assert answer.code == 0
    assert "all allowed" in answer.out
    changed = json.loads(trace.read_text("utf-8"))
    changed["states"][-1]["node1_state"] = "normal"
    trace.write_text(json.dumps(changed), "utf-8")
    answer = run("conform", str(trace), "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["finding"]["place"].startswith("state ")


def test_steps_that_change_nothing_are_counted(run: Any, tmp_path: Any) -> None:
    story, trace = tmp_path / "story.txt", tmp_path / "way.itf.json"
    lines = ["start normal", "expect node1 Normal", "refused recover", "failover(node1)"]
    story.write_text("\n".join(lines), "utf-8")
    answer = run("simulate", str(story), "--itf", str(trace))
    assert (answer.code, answer.err) == (0, "prgcore: 1 step changes nothing and is not in the trace\n")
    story.write_text("\n".join([*lines, "refused recover", "given ha = on"]), "utf-8")
    assert run("simulate", str(story), "--itf", str(trace)).err == (
        "prgcore: 2 steps change nothing and are not in the trace\n")
    story.write_text("start normal\nfailover(node1)\n", "utf-8")
    assert run("simulate", str(story), "--itf", str(trace)).err == ""


def test_a_trace_of_another_machine_says_so(run: Any, tmp_path: Any) -> None:
    trace, machine = tmp_path / "x.itf.json", tmp_path / "machine.json"
    hint = "; a trace of another machine? name it with --machine"
    for state in ({"bulb": "on"}, {"ha": "on", "action_taken": "press"}, {"ha": "blue"}):
        trace.write_text(json.dumps({"states": [state]}), "utf-8")
        answer = run("conform", str(trace))
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.strip().endswith(hint)
        machine.write_text(run("machine", "--json").out, "utf-8")
        answer = run("conform", str(trace), "--machine", str(machine))
        assert answer.code == 2
        assert hint not in answer.err
    trace.write_text("{}", "utf-8")
    assert hint not in run("conform", str(trace)).err


@pytest.mark.parametrize("data", [b"", b"\0\xff", b"[1", b'{"states": [', b"null"])
def test_a_broken_file_is_one_line(run: Any, tmp_path: Any, data: bytes) -> None:
    (tmp_path / "x.itf.json").write_bytes(data)
    answer = run("conform", str(tmp_path / "x.itf.json"))
    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.strip().splitlines()) == 1
