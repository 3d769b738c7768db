"""The prover finds every planted fault, by the right obligation, and tells it as a story."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

from prgcore.engine import Decision, Engine, Pair
from prgcore.form.wellformed import findings
from prgcore.machine import Machine
from prgcore.prove import index, induction, table
from prgcore.prove.report import Report, Result, prove
from prgcore.story.script import parse, run
from prgcore.vocabulary import Outcome
from tests.planted import FAULTS, HARMLESS, LAMPS, NOT_INDUCTIVE, Fault, report

GOOD = {"proved", "reported", "not_applicable"}


def _found(said: Report) -> dict[str, str]:
    return {r.id: r.verdict for r in said.results if r.verdict not in GOOD}


def _result(said: Report, id_: str) -> Result:
    return next(r for r in said.results if r.id == id_)


def unfolded(story: str) -> str:
    """A story whose lines do not end at 80 columns."""
    return " ".join(story.split())


@pytest.fixture
def patience() -> Iterator[pytest.MonkeyPatch]:
    """A solver that gives up at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(induction, "RLIMIT", 1)
        patch.setattr(table, "RLIMIT", 1)
        yield patch


def test_the_lamps_prove_completely() -> None:
    said = report(LAMPS)
    assert findings(LAMPS) == ()
    assert _found(said) == {}
    assert said.exit_code == 0
    assert said.ok
    assert {r.id for r in said.results if r.method == "induction" and r.verdict == "proved"} == {
        "F2", "F8", "S1", "X1", "X2"}
    assert _result(said, "F4").detail["pairs"] == 24
    assert _result(said, "L1").detail["chain"] == ["A102@node1", "A104@node1"]


def test_sections_that_the_lamps_lack_are_said_and_not_left_out() -> None:
    missing = {
        r.id: r.detail["says"] for r in report(LAMPS).results if r.verdict == "not_applicable"}
    assert missing == {
        **dict.fromkeys(["C1", "C2", "C3", "C4"],
                        "the nodes of this machine show no state and reason"),
        "C5": "the machine has no stories section",
        "E3": "the machine has no agents section, which says what the record wishes",
        "F10": "the machine has no adversary and no decides section",
        "F9": "the machine has no duties, which say what its actions are for",
        "S18": "no timer depends on the environment elsewhere",
        **dict.fromkeys(
            ["T3", "T4", "T5", "T6", "T12", "T13"],
            "the machine 'lamps' has no timers that begin again at a heartbeat"),
        **dict.fromkeys(
            ["T2", "T7"], "the machine 'lamps' has no timers that count while a condition holds"),
        "T1": "the machine 'lamps' has no timers",
        "T8": "the machine 'lamps' has no timers that count",
        "T9": "says how long users of the document's system are out, by parameters of clients",
        **dict.fromkeys(["T10", "T14", "T15", "T16"], "the machine 'lamps' has no agents that serve users"),
        "T11": "says which parameters the document prints",
    }


def test_sections_that_a_bare_machine_lacks_are_said_and_not_left_out() -> None:
    bare = evolve(
        LAMPS, mirror=(), goal=(), transient=(), accepted_only=(), exclusive=(), invariants=(),
        events=tuple(e for e in LAMPS.events if not e.name.startswith(("warm", "rest"))),
        possible=tuple(p for p in LAMPS.possible if not p.event.startswith(("warm", "rest"))),
        rules=tuple(r for r in LAMPS.rules if not r.event.startswith(("warm", "rest", "burn"))),
    )
    missing = {
        r.id: r.detail["says"] for r in prove(Machine(bare), only=["F3", "F5", "L1", "L2", "L3"]
                                              ).results if r.verdict == "not_applicable"}
    assert missing == {
        "F3": "the machine has no mirror section",
        "F5": "the machine has no guard checks",
        "L1": "no timers, no completions",
        "L2": "the machine has no goal section",
        "L3": "the machine has no goal section",
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name.replace(" ", "-"))
def test_a_planted_fault_is_found_by_its_obligations_and_by_no_other(fault: Fault) -> None:
    assert findings(fault.model) == ()
    said = report(fault.model)
    assert _found(said) == fault.finds
    assert said.exit_code == fault.exit_code
    assert not said.ok


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name.replace(" ", "-"))
def test_a_planted_fault_is_told(fault: Fault) -> None:
    said = prove(Machine(fault.model), only=[fault.main])
    assert said.exit_code == fault.exit_code
    assert fault.says in unfolded(said.results[0].story)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.main in ("F7", "S1", "L1", "L2")], ids=lambda f: f.name)
def test_a_counterexample_is_a_shortest_trace_that_the_interpreter_replays(fault: Fault) -> None:
    found = prove(Machine(fault.model), only=[fault.main]).results[0].counterexample
    assert found is not None
    assert found.reachable
    assert found.agrees
    engine = Engine(evolve(fault.model, invariants=()))
    pair = engine.initial[0]
    for event in found.trace:
        before, pair = pair, engine.step(pair, event).pair
    assert dict(before) == found.before
    assert dict(pair) == found.after
    assert found.event == found.trace[-1]
    assert all(event in found.story for event in found.trace)
    assert "\nBroken: " in found.story


def test_a_broken_invariant_is_a_story_that_can_be_committed() -> None:
    fault = next(f for f in FAULTS if f.name == "broken invariant")
    found = prove(Machine(fault.model), only=["S1"]).results[0].counterexample
    assert found is not None
    assert found.trace == ("light(node1)", "warm(node1)")
    assert found.rule == "A102@node1"
    assert found.story == """\
   1  start initial
      node1.state dark, node1.bulb good, node2.state dark, node2.bulb good,
        mains on

   2  light(node1)                                           command, A100@node1
      one at a time
      node1.state dark -> warming

   3  warm(node1)                                         completion, A102@node1
      it is warm
      node1.state warming -> lit
      node2.state dark -> lit

Broken: never both lamps lit."""
    told = run(Engine(evolve(fault.model, invariants=())), parse("light(node1)\nwarm(node1)"))
    assert told.end["node2.state"] == "lit"


def test_rules_that_share_only_impossible_pairs_do_not_overlap() -> None:
    """A rule applies where its cells hold and its event is possible: both checkers say so."""
    assert [(r.id, r.verdict) for r in prove(Machine(HARMLESS), only=["F1", "F2"]).results] == [
        ("F1", "proved"), ("F2", "proved")]


def test_what_is_true_and_not_inductive_is_proved_by_search() -> None:
    said = report(NOT_INDUCTIVE)
    proved = _result(said, "S1")
    assert said.exit_code == 0
    assert (proved.verdict, proved.method) == ("proved", "search")
    assert proved.detail["says"] == "not inductive; no reachable pair breaks it"
    found = proved.counterexample
    assert found is not None
    assert not found.reachable
    assert {found.before["node1.state"], found.before["node2.state"]} == {"warming", "lit"}
    assert "(S1 is not inductive.)" in found.story
    assert "a clause that would exclude it: never node1.state" in unfolded(found.story)


def test_an_interpreter_that_differs_from_the_search_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Engine._decide

    def lies(self: Engine, pair: Pair, event: str) -> Decision:
        said = real(self, pair, event)
        wrong = said.rule is not None and said.rule.id == "A102@node1"
        return evolve(said, pair=pair) if wrong else said

    monkeypatch.setattr(Engine, "_decide", lies)
    said = prove(Machine(LAMPS), only=["E1", "E2"])
    assert _found(said) == {"E1": "disagree", "E2": "disagree"}
    assert said.exit_code == 4
    assert _result(said, "E1").story.startswith("A102@node1: the interpreter differs in ")
    assert _result(said, "E2").story.startswith("trace of A104@node1: A104@node1 does not fire")


def test_a_counterexample_that_does_not_replay_is_a_disagreement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = next(f for f in FAULTS if f.name == "broken invariant")

    def lies(self: Engine, pair: Pair, event: str) -> Decision:
        return Decision(Outcome.IGNORED, self.pair(pair), event)

    monkeypatch.setattr(Engine, "step", lies)
    said = prove(Machine(fault.model), only=["S1"])
    assert _found(said) == {"S1": "disagree"}
    assert said.exit_code == 4


@pytest.mark.usefixtures("patience")
def test_a_solver_that_gives_up_is_unknown_and_never_a_pass() -> None:
    said = prove(Machine(LAMPS), only=["F1", "F5", "S2"])
    assert _found(said) == dict.fromkeys(["F1", "F5", "S2"], "unknown")
    assert {r.story for r in said.results} == {"the solver gave up"}
    assert said.exit_code == 3


@pytest.mark.usefixtures("patience")
def test_where_the_solver_gives_up_an_invariant_is_searched() -> None:
    said = prove(Machine(LAMPS), only=["S1"])
    assert [(r.verdict, r.method) for r in said.results] == [("proved", "search")]


def test_a_budget_that_is_exhausted_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "LARGEST_KEY", 5)
    said = prove(Machine(LAMPS))
    searched = {"F4", "F7", "F11", "L1", "L2", "L3", "E1", "E2"}
    assert _found(said) == dict.fromkeys(searched, "unknown")
    assert {r.story for r in said.results if r.id in searched} == {
        "the reachable values of the columns form too many groups to search"}
    assert _result(said, "S1").verdict == "proved"
    assert said.exit_code == 3


def test_without_search_what_is_not_inductive_is_unknown_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index, "LARGEST_KEY", 5)
    said = prove(Machine(NOT_INDUCTIVE), only=["S1"])
    assert _found(said) == {"S1": "unknown"}
    assert "(S1 is not inductive.)" in said.results[0].story


def test_the_worst_verdict_decides_the_exit_code() -> None:
    faults = {f.name: f.model for f in FAULTS}
    vacuous, broken = faults["vacuous invariant"], faults["no way home"]
    both = evolve(broken, invariants=vacuous.invariants)
    assert report(broken).exit_code == 1
    assert report(both).exit_code == 4
