"""What is proved of the presence redundancy group, and that breaking it by hand is noticed."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import Machine, prg
from prgcore.model import Column, Cube, Event, Model, Possible, Rule, Table
from prgcore.prove import induction
from prgcore.prove.induction import Proof, breaks, induct
from prgcore.prove.obligations import obligations
from prgcore.prove.relation import Relation
from prgcore.prove.report import EXIT, Report, Result, listing, prove
from prgcore.prove.work import Work
from prgcore.seats import instantiate
from prgcore.story.script import parse, run
from prgcore.tables.machine import TABLE
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind
from tests.planted import rewritten, row

PRG = prg()
CHOICES = [
    dict(zip([p.name for p in POLICIES], chosen, strict=True))
    for chosen in product(*(p.choices for p in POLICIES))
]
DEFAULT = {p.name: p.choices[0] for p in POLICIES}


@cache
def report() -> Report:
    """Everything, once a process."""
    return prove(PRG)


def result(id_: str) -> Result:
    return next(r for r in report().results if r.id == id_)


# --------------------------------------------------------------- everything holds


def test_every_obligation_is_proved() -> None:
    assert {r.id: r.detail for r in report().results if r.verdict not in ("proved", "reported")
            } == {}
    assert [r.id for r in report().results if r.verdict == "reported"] == ["L3"]
    assert report().exit_code == 0
    assert report().ok


def test_every_obligation_of_the_design_is_there() -> None:
    wanted = [
        *(f"F{n}" for n in range(1, 8)), *(f"S{n}" for n in range(1, 20)),
        *(f"C{n}" for n in range(1, 5)), "L1", "L2", "L3", "E1", "E2", "E3",
    ]
    ids = [r.id for r in report().results]
    assert set(wanted) <= set(ids)
    assert [*ids, "M1"] == [id_ for id_, _ in listing(PRG)]
    assert len(set(ids)) == len(ids)


def test_safety_is_proved_by_induction_or_by_the_table_never_by_search() -> None:
    safety = [r for r in report().results if r.id[0] in "SX"]
    assert {r.method for r in safety} <= {"induction", "table"}
    invariants = {i.id for i in PRG.model.invariants}
    assert {r.id for r in safety if r.method == "induction"} == {*invariants, "S18"}


def test_a_claim_names_its_model_and_its_assumptions() -> None:
    for r in report().results:
        assert r.model == ("T" if r.id[0] == "T" else "P")
        if r.id in {"F1", "F3", "F6"}:
            assert r.assumptions == (), "it says nothing of any pair"
        elif r.id[0] in "FSXCL":
            assert any(a.startswith("A-LIN: ") for a in r.assumptions), r.id
        if r.id in {"L1", "L3"}:
            assert any(a.startswith("A-FAIR: ") for a in r.assumptions), r.id


def test_the_figures_of_the_search_are_pinned() -> None:
    figures = result("F4").detail
    assert (figures["pairs"], figures["depth"], figures["edges"]) == (825_920, 29, 8_554_224)
    assert result("E1").detail["edges"] == 8_554_224
    assert result("E2").detail["traces replayed"] == len(PRG.model.rules)


def test_no_truthful_failure_detector_is_needed() -> None:
    assert result("S18").verdict == "proved"
    assert result("S18").method == "induction"
    assert result("S18").detail["invariants"] == len(PRG.model.invariants)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(c.values()))
def test_safety_is_inductive_under_every_policy(choice: dict[str, str]) -> None:
    model = prg(**choice).model
    proof = induct(model)
    assert set(proof.proved) == {i.id for i in model.invariants}
    assert proof.steps == {}
    assert proof.unknown == ()
    assert proof.initial == ()


def test_where_the_solver_gives_up_the_search_decides_about_failure_detectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(induction, "RLIMIT", 1)
    said = prove(PRG, only=["S18"])
    assert [(r.verdict, r.method) for r in said.results] == [("proved", "search")]
    assert said.exit_code == 0


# -------------------------------------------------------------------- the shapes


def test_the_json_has_the_shape_of_the_contract() -> None:
    said = json.loads(json.dumps(report().to_json()))
    assert said["ok"] is True
    assert len(said["machine"]) == 64
    assert said["policy"] == DEFAULT
    keys = {"id", "title", "verdict", "method", "model", "assumptions", "seconds", "detail"}
    for obligation in said["obligations"]:
        assert keys <= set(obligation) <= {*keys, "counterexample"}
        assert obligation["verdict"] in EXIT
        assert obligation["method"] in ("induction", "search", "table")
        assert obligation["title"]
        assert obligation["seconds"] >= 0


def test_a_counterexample_has_the_shape_of_the_contract() -> None:
    said = broken_recover().to_json()
    found = next(o for o in said["obligations"] if o["id"] == "S5")["counterexample"]
    assert {"before", "event", "rule", "after", "reachable", "trace"} <= set(found)
    assert set(found["before"]) == set(found["after"]) == set(PRG.stored)
    assert json.loads(json.dumps(said)) is not None


def test_junit_is_one_case_an_obligation() -> None:
    suite = ET.fromstring(report().junit())
    assert suite.tag == "testsuite"
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"]) == len(report().results)
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    assert not suite.findall(".//failure")
    failed = ET.fromstring(broken_recover().junit())
    texts = [f.text or "" for f in failed.findall(".//failure")]
    assert len(texts) == int(failed.attrib["failures"]) > 0
    assert any("recover is done outside what S5 allows" in " ".join(t.split()) for t in texts)


def test_only_some_obligations_and_the_progress_that_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    said = prove(PRG, only=["F6", "F1"], progress=lambda *at: told.append(at))
    assert [r.id for r in said.results] == ["F1", "F6"]
    assert told == [("F1", 0, 2), ("F6", 1, 2), ("", 2, 2)]


def test_an_unknown_obligation_names_the_nearest() -> None:
    with pytest.raises(BadInput) as error:
        prove(PRG, only=["S99"])
    assert str(error.value).startswith("unknown obligation 'S99'; did you mean S9")


# ------------------------------------------------------------------ the induction


@cache
def without_x5() -> tuple[Model, Proof]:
    """The machine without an auxiliary invariant, and what induction makes of it."""
    model = evolve(PRG.model, invariants=tuple(i for i in PRG.model.invariants if i.id != "X5"))
    return model, induct(model)


def test_what_needs_an_auxiliary_invariant_falls_without_it() -> None:
    model = PRG.model
    without, proof = without_x5()[0].invariants, without_x5()[1]
    lost = {i.id for i in without} - set(proof.proved)
    assert lost
    assert lost <= set(proof.steps)
    invariants = {i.id: i for i in model.invariants}
    for id_ in sorted(lost):
        step = proof.steps[id_]
        assert not breaks(invariants[id_], step.before, model)
        after = Engine(evolve(model, invariants=())).step(step.before, step.event)
        assert after.rule is not None
        assert after.rule.id == step.rule
        assert breaks(invariants[id_], dict(after.pair), model)


def test_what_falls_out_of_the_induction_is_proved_by_search() -> None:
    model, proof = without_x5()
    lost = sorted({i.id for i in model.invariants} - set(proof.proved))
    work = Work(Engine(model), known=proof)
    said = prove(Machine(model), only=lost[:1], work=work)
    assert [(r.verdict, r.method) for r in said.results] == [("proved", "search")]
    assert said.results[0].detail["pairs"] == 825_920
    found = said.results[0].counterexample
    assert found is not None
    assert not found.reachable
    assert said.exit_code == 0


def test_one_grant_is_inductive_alone_and_carries_never_both_in_backup_mode() -> None:
    by_id = {i.id: i for i in PRG.model.invariants}
    assert induct(PRG.model, [by_id["S2"]]).proved == ("S2",)
    assert induct(PRG.model, [by_id["S1"], by_id["S2"]]).proved == ("S1", "S2")


# ----------------------------------------------------------------- broken by hand


def broken(*rules: Rule, without: str = "") -> Model:
    """The group under its default policies with rules changed by hand."""
    table: Table = rewritten(TABLE, *rules, without=without)
    return instantiate(table, DEFAULT)


def _without_effects(id_: str, *targets: str) -> Rule:
    rule = row(TABLE, id_)
    assert set(targets) <= {e.target for e in rule.then}, f"{id_} has no such effects"
    return evolve(rule, then=tuple(e for e in rule.then if e.target not in targets))


def _without_cells(id_: str, *columns: str) -> Rule:
    rule = row(TABLE, id_)
    assert set(columns) <= {c.column for c in rule.when}, f"{id_} has no such cells"
    return evolve(rule, when=Cube(tuple(c for c in rule.when if c.column not in columns)))


@cache
def broken_recover() -> Report:
    """Recovery that does not ask whether the nodes hear each other."""
    model = broken(_without_cells("M120", "me.hears_peer", "peer.hears_peer"))
    return prove(Machine(model), only=["S5"])


def _refuted(model: Model, id_: str) -> Result:
    said = prove(Machine(model), only=[id_])
    assert said.exit_code == 1
    found = said.results[0]
    assert found.verdict == "refuted"
    assert found.counterexample is not None
    return found


def _replays(model: Model, found: Result) -> None:
    """The trace is a story that holds, and is told in the failure."""
    assert found.counterexample is not None
    assert found.counterexample.reachable
    told = run(Engine(evolve(model, invariants=())), parse("\n".join(found.counterexample.trace)))
    assert told.ok
    assert dict(told.end) == found.counterexample.after
    assert all(event in found.story for event in found.counterexample.trace)
    assert "Broken: " in found.story


def test_recovery_of_nodes_that_do_not_hear_each_other_is_found() -> None:
    found = broken_recover().results[0]
    assert broken_recover().exit_code == 1
    assert found.verdict == "refuted"
    assert found.detail["says"] == "recover is done outside what S5 allows"
    assert found.counterexample is not None
    assert found.counterexample.event == "recover"
    assert "Broken: recover is done outside what S5 allows." in found.story


@pytest.mark.parametrize(("rule", "columns", "promise", "event"), [
    ("F112", ("me.assigned_own", "me.assigned_peer"), "S19", "takeover_failed("),
    ("L110", ("peer.assigned_own", "peer.assigned_peer"), "S17", "heartbeat_lost("),
])
def test_users_that_are_kept_by_a_failed_node_or_by_the_peer_of_a_takeover_are_found(
    rule: str, columns: tuple[str, ...], promise: str, event: str,
) -> None:
    """Each mistake stands alone, so that neither is found because of the other."""
    model = broken(_without_effects(rule, *columns))
    found = _refuted(model, promise)
    _replays(model, found)
    assert found.counterexample is not None
    assert found.counterexample.event.startswith(event)
    assert found.counterexample.rule.startswith(f"{rule}@")
    assert found.method == "search"


def test_a_fallback_on_a_belief_of_one_node_alone_runs_in_circles() -> None:
    """Each of two rules keeps the pair out of the circle: D15 and D62."""
    forgets = _without_effects("F114", "me.hears_peer")
    alone = evolve(row(TABLE, "B100"), when=Cube(
        tuple(c for c in row(TABLE, "B100").when if c.column != "me.hearing")))
    assert prove(Machine(broken(forgets)), only=["L1"]).exit_code == 0
    assert prove(Machine(broken(alone, without="B108")), only=["L1"]).exit_code == 0
    model = broken(forgets, alone, without="B108")
    found = _refuted(model, "L1")
    _replays(model, found)
    assert found.detail["says"].startswith("these rules follow one another for ever: ")
    assert "F114@" in found.detail["says"]


@pytest.mark.parametrize("ways", [
    {"a": "be", "b": "a"}, {"a": "be", "b": "ae"}, {"a": "bc", "b": "ace", "c": "e"},
    {"a": "b", "b": "cd", "c": "b", "d": "e"}, {"a": "b", "b": "c", "c": "abe"},
])
def test_a_way_that_can_end_and_go_round_is_found(ways):
    """Each letter is a value, and timers lead from it to some others; nothing follows e."""
    steps = [(one, other) for one, others in ways.items() for other in others]
    model = Model(
        name="ways", columns=(Column("at", tuple("abcde")),), initial=((("at", "a"),),),
        events=tuple(Event(f"{a}{b}", Kind.TIMER, "environment") for a, b in steps),
        possible=tuple(Possible(f"{a}{b}", {"at": a}) for a, b in steps),
        rules=tuple(Rule(f"R{a}{b}", f"{a}{b}", {}, {"at": b}) for a, b in steps))
    found = next(o for o in obligations(model) if o.id == "L1").run(Work(Engine(model)))
    assert found.verdict == "refuted"
    round_ = [rule[1:] for rule in found.detail["cycle"]]
    assert all(one[1] == then[0] for one, then in zip(round_, (*round_[1:], round_[0]), strict=True))



def test_a_cell_that_is_dropped_where_another_rule_answers_is_an_overlap() -> None:
    said = prove(Machine(broken(_without_cells("B108", "me.hearing"))), only=["F1"])
    assert said.exit_code == 1
    assert "B108@node1" in said.results[0].story


def test_a_rule_that_is_removed_leaves_a_hole() -> None:
    model = broken(without="F106")
    found = _refuted(model, "F2")
    assert "critical_service_delay(node" in found.detail["says"]
    assert found.counterexample is not None
    assert found.counterexample.trace


def test_a_junction_keeps_its_terms_alive_even_if_nobody_else_does() -> None:
    relation = Relation(PRG.model)
    names = [i.id for i in PRG.model.invariants]
    for _ in range(20):
        solver = relation.solver()
        solver.add(relation.both(
            relation.either(relation.holds(c) for c in i.never) for i in PRG.model.invariants
            if i.id in names
        ))
        assert str(solver.check()) == "unsat"
        assert relation.inside(names).num_args() == len(names)
