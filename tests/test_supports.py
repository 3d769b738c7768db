"""Supports: what the proof of a promise needs, and that it needs all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest
import z3
from attrs import evolve

from prgcore.engine import Engine
from prgcore.machine import PRG
from prgcore.model import Cell, Column, Cube, Event, Invariant, Model, Possible, Rule
from prgcore.prove.induction import induct
from prgcore.prove.relation import Relation
from prgcore.prove.report import prove
from prgcore.prove.supports import Supports
from prgcore.vocabulary import Kind
from tests import toys

CHAIN = Model(
    name="chain",
    columns=tuple(Column(name, ("off", "on")) for name in "abcd"),
    initial=(tuple((name, "off") for name in "abcd"),),
    events=(Event("go", Kind.COMMAND, "administrator"),
            Event("slip", Kind.FAULT, "environment", seated=False)),
    possible=(Possible("slip", {"a": "on", "b": "on"}),),
    rules=(
        Rule("R1", "go", {"c": "on"}, {"d": "on"}),
        Rule("R2", "go", {"b": "on", "c": "off"}, {"c": "on"}),
        Rule("R3", "slip", {}, {"d": "on"}),
    ),
    invariants=(
        Invariant("S1", "d stays off", {"d": "on"}),
        Invariant("X1", "c stays off", {"c": "on"}, auxiliary=True),
        Invariant("X2", "b stays off", {"b": "on"}, auxiliary=True),
        Invariant("X3", "a stays off", {"a": "on"}, auxiliary=True),
    ),
)
"""S1 needs X1 (for R1), and X2 or X3 (for R3); X1 needs X2."""


def _of(model: Model) -> Supports:
    return Supports(model, induct(model).proved)


def test_a_chain_is_followed_to_its_end() -> None:
    found = _of(CHAIN).of("S1")
    assert found is not None
    assert (found.invariants, found.closure) == (("X1", "X2"), ("X1", "X2"))
    assert found.world == ("slip: b = on",)


def test_what_stands_alone_needs_nothing() -> None:
    found = _of(CHAIN).of("X2")
    assert found is not None
    assert (found.invariants, found.world, found.closure) == ((), (), ())


def test_only_what_is_left_out_is_not_needed() -> None:
    narrow = evolve(CHAIN, possible=(Possible("slip", {"a": "on"}),))
    found = _of(narrow).of("S1")
    assert found is not None
    assert found.invariants == ("X1", "X3")
    assert found.world == ("slip: a = on",)


@pytest.fixture(scope="module")
def supports() -> Supports:
    return _of(PRG.model)


@pytest.fixture(scope="module")
def relation() -> Relation:
    return Relation(PRG.model)


@pytest.mark.parametrize("id_", ["S3", "S4", "S17", "X14"])
def test_the_induction_works_with_its_support_and_fails_without_any_of_it(
    id_: str, supports: Supports, relation: Relation
) -> None:
    """A reading of its own: all rules of both seats, their events possible as the table says."""
    found = supports.of(id_)
    assert found is not None
    assert found.invariants
    assert not _breaks(relation, id_, found.invariants)
    for one in found.invariants:
        assert _breaks(relation, id_, [i for i in found.invariants if i != one]), one


def _breaks(relation: Relation, id_: str, others: Iterable[str]) -> bool:
    known = {i.id: i for i in relation.model.invariants}
    broken = relation.broken(known[id_])
    solver = relation.solver()
    solver.add(*(z3.Not(relation.broken(known[i])) for i in (id_, *others)))
    steps = [z3.And(relation.fires(rule), relation.after(rule, broken))
             for rule in relation.model.rules if rule.then]
    solver.add(z3.Or(steps))
    return bool(solver.check() != z3.unsat)


def test_totality_and_exact_guards_are_explained_too(supports: Supports) -> None:
    assert supports.of("F2") is not None
    assert supports.of("S5") is not None
    assert supports.of("L1") is None
    assert supports.of("S9") is None


def test_a_promise_by_search_needs_none() -> None:
    model = evolve(toys.TURNSTILE, invariants=(Invariant("S1", "so", (Cube((Cell("arm", "open"),)),)),))
    assert _of(model).of("S1") is None


def test_the_answer_does_not_depend_on_the_order_of_rules() -> None:
    other = evolve(CHAIN, rules=CHAIN.rules[::-1])
    assert _of(other).of("S1") == _of(CHAIN).of("S1")


def test_the_report_has_it_where_it_is_asked_for() -> None:
    report = prove(Engine(CHAIN), why=["S1"])
    result, = report.to_json()["obligations"]
    assert result["support"] == {
        "invariants": ["X1", "X2"], "closure": ["X1", "X2"], "world": ["slip: b = on"]}
    both = prove(Engine(CHAIN), only=["X1"], why=["S1"]).to_json()["obligations"]
    assert ["support" in r for r in both] == [True, False]


def _prgcore(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "prgcore", *words],
                          capture_output=True, text=True, check=False)


def test_the_command_line_says_why() -> None:
    run = _prgcore("prove", "--why", "S4")
    assert run.returncode == 0
    assert "S4 needs S16: a node Running in Backup Mode is assigned both groups" in run.stdout
    whose = " ".join(_prgcore("prove", "--why", "F2").stdout.split())
    assert "S3, S10, S16, S17, X1, X3, X6, X9, X10, X12, X15 and X17 need S2, X2, " in whose
    answer = json.loads(_prgcore("prove", "--why", "S4", "--json").stdout)
    assert answer["obligations"][0]["support"]["invariants"] == ["S16", "X5"]


@pytest.mark.parametrize(("words", "says"), [
    (["--why", "S99"], "unknown obligation"), (["--why", "S1", "proofs"], "theorem files"),
    (["--why", "S1", "--list"], "--why")])
def test_a_question_that_has_no_answer_is_one_line(words: list[str], says: str) -> None:
    run = _prgcore("prove", *words)
    assert (run.returncode, run.stdout) == (2, "")
    assert len(run.stderr.strip().splitlines()) == 1
    assert says in run.stderr
