"""Every decision that anything cites exists, says everything, and none is there twice."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve

import prgcore
from prgcore.machine import prg
from prgcore.model import DecisionRecord, Possible
from prgcore.prove.space import search
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.families import FAMILIES
from prgcore.tables.policies import POLICIES
from prgcore.tables.rules import PHASES
from prgcore.tables.situations import SITUATIONS
from prgcore.vocabulary import Evidence, State
from tests.planted import reachable

KNOWN = {d.id for d in DECISIONS}
RULES = [rule for _, rules in PHASES for rule in rules]


def test_ids_are_consecutive() -> None:
    numbers = [int(d.id[1:]) for d in DECISIONS]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert all(re.fullmatch(r"D\d\d", d.id) for d in DECISIONS)


@pytest.mark.parametrize("record", DECISIONS, ids=lambda d: d.id)
def test_a_record_says_everything(record: DecisionRecord) -> None:
    assert record.evidence in set(Evidence)
    assert record.title == record.title.strip()
    assert not record.title.endswith(".")
    for sentence in (record.text, record.choice, record.alternatives, record.changes):
        assert sentence.endswith("."), sentence
    assert set(re.findall(r"\bD\d\d\b", record.text + record.choice)) <= KNOWN


def test_titles_are_not_repeated() -> None:
    assert len({d.title for d in DECISIONS}) == len(DECISIONS)


def test_every_cited_decision_exists() -> None:
    cited = {d for rule in RULES for d in rule.decisions}
    cited |= {p.decision for p in POLICIES} | {f.decision for f in FAMILIES}
    assert cited <= KNOWN
    assert {f"D{n:02}" for n in range(1, 16)} <= cited


def test_every_id_in_the_source_text_exists() -> None:
    package = Path(prgcore.__file__).parent
    named = {
        id_ for path in sorted(package.rglob("*.py"))
        for id_ in re.findall(r"\bD\d\d\b", path.read_text(encoding="utf-8"))
    }
    assert "D16" in named
    assert named <= KNOWN


@pytest.mark.parametrize(("decision", "events", "asked", "more"), [
    ("D16", ("services_", "database_"), "hears_peer", ()),
    ("D61", ("internal_error",), "state", (State.INITIALIZING,)),
])
def test_the_pairs_that_an_alternative_would_reach_are_counted(decision, events, asked, more):
    """Where the events of an alternative could happen too: without a cell, or with a value more."""
    def wider(entry: Possible) -> Possible:
        if not entry.event.startswith(events):
            return entry
        return evolve(entry, when={
            c.column: (*c.values, *more) if c.column.endswith(asked) else c.values
            for c in entry.when if more or not c.column.endswith(asked)})

    model = prg().model
    pairs = len(search(evolve(model, possible=tuple(map(wider, model.possible)))))
    (record,) = (d for d in DECISIONS if d.id == decision)
    said = re.findall(r"[0-9,]{7}", record.changes)
    assert said == [f"{pairs:,}", f"{len(reachable()):,}"]


def test_a_rule_that_is_a_policy_names_its_decision() -> None:
    policy = [rule for rule in RULES if rule.evidence is Evidence.POLICY]
    assert policy
    assert [rule.id for rule in policy if not rule.decisions] == []


def test_every_policy_choice_is_named_in_its_record() -> None:
    records = {d.id: d for d in DECISIONS}
    for policy in POLICIES:
        record = records[policy.decision]
        assert record.evidence is Evidence.POLICY
        assert all(f"`{word}`" in record.choice for word in (policy.name, *policy.choices))


def test_every_family_names_a_documented_row_and_is_told_without_seats() -> None:
    rows = {s.row for s in SITUATIONS}
    assert len({f.id for f in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family.nearest in rows, family.id
        assert not re.search(r"node ?[12]", f"{family.says} {family.advice}"), family.id
        assert family.says.endswith(".")
        assert family.advice.endswith(".")
