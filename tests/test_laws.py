"""The laws of the machine: a table without code, whose rows may stand in any order."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import pytest

import prgcore
from prgcore import model as shapes
from prgcore.engine import Engine
from prgcore.errors import ImpossibleEvent
from prgcore.form.telling import serving
from prgcore.form.wellformed import findings, knowledge, overlaps
from prgcore.machine import prg
from prgcore.model import Cube, Model, Rule, cube
from prgcore.prove.relation import Relation
from prgcore.seats import NODES
from prgcore.tables import machine as table_module
from prgcore.tables.actions import ACTIONS
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.policies import POLICIES
from prgcore.tables.situations import SITUATIONS
from prgcore.vocabulary import Evidence, Outcome

PACKAGE = Path(prgcore.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
TABLE = table_module.TABLE
RULES = [rule for _, rules in TABLE.phases for rule in rules]
SOURCE = re.compile(r"(?:towards )?table2:(\w+)")


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every value in a record that is no record, with its place."""
    if attrs.has(type(value)):
        assert type(value).__module__ == shapes.__name__, f"{place}: {type(value)}"
        for field in attrs.fields(type(value)):
            yield from _leaves(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield place, key
            yield from _leaves(item, f"{place}[{key}]")
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{place}[{i}]")
    else:
        yield place, value


# --------------------------------------------------- law 1: the machine is a table


@pytest.mark.parametrize("record", [
    TABLE, prg().model, DECISIONS, POLICIES, ACTIONS,
], ids=["table", "model", "decisions", "policies", "actions"])
def test_the_tables_are_words_and_numbers_and_hold_no_code(record: Any) -> None:
    leaves = list(_leaves(record, "table"))
    assert len(leaves) >= 10
    wrong = [
        (place, value) for place, value in leaves
        if type(value) not in (str, bool, int, float, type(None)) and not isinstance(value, StrEnum)
    ]
    assert wrong == []
    assert not any(callable(value) for _, value in leaves)


def test_a_row_cannot_change() -> None:
    rule: Any = RULES[0]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        rule.id = "Z100"


def test_modules_of_tables_define_no_class_and_import_nothing_foreign() -> None:
    for path in (PACKAGE / "tables").rglob("*.py"):
        if path.name == "facts.py":
            continue  # the shapes of what the tables hold beside the machine
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(n, ast.ClassDef | ast.Lambda) for n in ast.walk(tree)), path
        homes = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        foreign = {h.split(".")[0] for h in homes} - {
            "__future__", "prgcore", "typing", "collections", "itertools"}
        assert foreign == set(), path


# ------------------------------------------------ laws 2, 3 and 7: form, order, knowledge


def test_the_form_is_right_and_no_two_rules_overlap() -> None:
    model = prg().model
    assert findings(model) == ()
    assert {a.do for rule in model.rules for a in rule.actions} <= {a.name for a in ACTIONS}
    assert overlaps(model, anywhere=True) == ()
    assert knowledge(model) == ()


def test_an_ignored_rule_has_no_effect_and_a_done_rule_has_one() -> None:
    for rule in RULES:
        assert bool(rule.then or rule.actions) == (rule.outcome is Outcome.DONE), rule.id
        assert rule.outcome is not Outcome.REFUSED, rule.id


def _all_answers(engine: Engine, pairs: list[dict[str, str]]) -> list[object]:
    answers: list[object] = []
    for pair in pairs:
        for event in sorted(e.name for e in engine.model.events):
            try:
                d = engine.step(pair, event)
            except ImpossibleEvent as error:
                answers.append(str(error))
            else:
                answers.append((d.outcome, d.rule, dict(d.pair), d.actions, d.why, d.failed))
    return answers


def _some_pairs(count: int) -> list[dict[str, str]]:
    chance = random.Random(7)
    engine, pairs = prg(), []
    pair = engine.initial[0]
    for _ in range(count):
        pairs.append(dict(pair))
        able = [e.name for e in engine.model.events if engine.possible(pair, e.name)]
        pair = engine.step(pair, chance.choice(able)).pair
    return pairs


def test_the_order_of_rules_events_and_possible_cubes_decides_nothing() -> None:
    pairs = _some_pairs(60)
    model: Model = prg().model
    expected = _all_answers(prg(), pairs)
    for seed in range(3):
        chance = random.Random(seed)
        rules, events = list(model.rules), list(model.events)
        chance.shuffle(rules)
        chance.shuffle(events)
        other = Engine(attrs.evolve(model, rules=tuple(rules), events=tuple(events)))
        assert _all_answers(other, pairs) == expected


# ----------------------------------------------------------- ids, citations, decisions


def test_a_rule_has_an_id_in_the_hundred_block_of_its_phase() -> None:
    assert [i for i, n in Counter(r.id for r in RULES).items() if n > 1] == []
    letters: dict[str, set[str]] = {}
    for phase, rules in TABLE.phases:
        for rule in rules:
            assert re.fullmatch(r"[A-Z]\d{3}", rule.id), rule.id
            letters.setdefault(phase, set()).add(rule.id[0])
    assert all(rules for _, rules in TABLE.phases)
    assert len(letters) == len(TABLE.phases)


def test_an_absolute_rule_names_its_seat() -> None:
    for rule in prg().model.rules:
        seat = rule.event.partition("(")[2].rstrip(")")
        assert rule.id.partition("@")[2] == seat
    assert len({r.id for r in prg().model.rules}) == len(prg().model.rules)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_rule_says_why_and_where_from(rule: Rule) -> None:
    assert rule.why
    assert not rule.why.endswith(".")
    assert rule.cite
    assert rule.evidence in set(Evidence)
    assert set(rule.decisions) <= {d.id for d in DECISIONS}
    if rule.evidence is Evidence.POLICY:
        assert rule.decisions, "a policy is a decision"


def test_every_cited_row_exists_and_every_row_is_cited() -> None:
    rows = {s.row for s in SITUATIONS}
    cited = {m[1] for r in RULES for c in r.cite if (m := SOURCE.fullmatch(c))}
    assert cited == rows
    odd = [c for r in RULES for c in r.cite if "table2" in c and not SOURCE.fullmatch(c)]
    assert odd == []


# ------------------------------------------------------------------- habits of the code


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_opens_with_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert (ast.get_docstring(tree) or "").strip().endswith(".")

def test_no_module_is_named_for_nothing() -> None:
    assert {p.stem for p in MODULES} & {"utils", "helpers", "manager", "handler", "base"} == set()


def test_solver_and_arrays_are_named_only_where_they_live() -> None:
    for path in MODULES:
        rooms = {"z3": ("prove",), "numpy": ("prove", "fleet", "outage")}
        room = path.relative_to(PACKAGE).parts[0]
        named = {
            alias.name.partition(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import) for alias in node.names
        }
        assert [name for name, where in rooms.items() if name in named and room not in where] == [], path


# ------------------------------------------------ what an agent reads agrees with the promises


def _both(model: Model, some: tuple[Cube, ...], others: tuple[Cube, ...]) -> bool:
    """Whether a pair inside the invariants has one of some cubes and one of the others."""
    relation = Relation(model)
    solver = relation.solver()
    solver.add(relation.inside(i.id for i in model.invariants))
    solver.add(*(relation.either([relation.holds(c) for c in cubes]) for cubes in (some, others)))
    return str(solver.check()) == "sat"


def test_two_nodes_never_hold_the_grant_and_no_group_has_two_nodes() -> None:
    model = prg().model
    one, other = model.agents
    assert not _both(model, one.holds, other.holds)
    where = serving(model)
    assert {*where} == {*product(NODES, NODES)}
    assert not any(_both(model, where["node1", group], where["node2", group]) for group in NODES)


@pytest.mark.parametrize("state", ["failing_over", "initializing", "idle"])
def test_a_wider_grant_would_be_held_twice(state: str) -> None:
    one, other = prg().model.agents
    assert _both(prg().model, (cube({"node1.state": state}), *one.holds), other.holds)
