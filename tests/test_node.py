"""Nodes that decide alone, by what they know: as the machine does, and together safely."""

from __future__ import annotations

import random
from functools import cache

import pytest

from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent, OutsideInvariant, Undecided
from prgcore.form.knowledge import ENVIRONMENT, RECORD
from prgcore.machine import PRG
from prgcore.running.driver import Keeper
from prgcore.running.node import (
    any_pair,
    decide,
    explanation,
    own,
    pairs,
    reported,
    shared,
    view,
    written,
)
from prgcore.seats import NODES, seat
from prgcore.stores.record import begin, decided
from prgcore.vocabulary import Kind, Outcome
from tests.planted import reachable
from tests.stored import Clock, Memory
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

OBSERVED = {c.name: c.observed_by for c in PRG.model.columns}
SECRET = {c for c in PRG.stored if OBSERVED[c] == ENVIRONMENT}


@cache
def sampled(count=70, seed=1):
    """Reachable pairs, the same ones every time."""
    space = reachable()
    dice = random.Random(seed)
    return [PRG.pair(dict(space.pair(dice.randrange(len(space))))) for _ in range(count)]


def known_by(pair, node):
    """What a node's agent knows of a pair."""
    names = {*shared(PRG), *own(PRG, node)}
    if pair[f"{node}.hears_peer"] == "yes":
        names |= set(reported(PRG, seat("peer", node)))
    return {c: pair[c] for c in PRG.stored if c in names}


# ------------------------------------------------------------------------- one node


@pytest.mark.parametrize("node", NODES)
def test_a_node_decides_from_what_it_knows_as_the_machine_does_of_the_whole_pair(node):
    """F8, through the interpreter."""
    events = [e.name for e in PRG.model.events
              if e.name.endswith(f"({node})") and e.kind is not Kind.COMMAND]
    decided_ = 0
    for pair in sampled():
        known = known_by(pair, node)
        for event in events:
            if not PRG.possible(pair, event):
                continue
            whole, alone = PRG.step(pair, event), decide(PRG, known, event)
            assert (alone.rule, alone.outcome) == (whole.rule, whole.outcome), (event, dict(pair))
            assert {c: alone.pair[c] for c in known} == {c: whole.pair[c] for c in known}
            changed = {c for c in pair if pair[c] != whole.pair[c]}
            assert changed <= set(known), "it writes what it knows"
            decided_ += 1
    assert decided_ > 200


def test_what_an_administrator_cannot_ask_is_named():
    pair = after()
    known = known_by(pair, "node1")
    assert decide(PRG, known, "failover(node2)").outcome is Outcome.DONE
    alone = {c: v for c, v in known.items() if c not in reported(PRG, "node2")}
    with pytest.raises(Undecided) as error:
        decide(PRG, alone, "failover(node2)")
    assert set(error.value.columns) <= set(PRG.stored) - set(alone)
    assert {"node2.hears_peer"} <= set(error.value.columns)
    assert all(c in str(error.value) for c in error.value.columns)
    assert decide(PRG, alone, "disable_ha").rule.id == "A102"


def test_where_all_answers_are_alike_nothing_needs_to_be_known():
    pair = after("link_cut", "heartbeat_lost(node1)")
    known = known_by(pair, "node1")
    assert decide(PRG, known, "recover").outcome is Outcome.REFUSED
    refusal = decide(PRG, known, "recover")
    assert refusal.failed


def test_what_cannot_be_is_said_and_nothing_is_guessed():
    known = known_by(after(), "node1")
    with pytest.raises(ImpossibleEvent, match="takeover_done"):
        decide(PRG, known, "takeover_done(node1)")
    with pytest.raises(BadInput, match="unknown event"):
        decide(PRG, known, "nonsense")
    with pytest.raises(BadInput, match="unknown column"):
        decide(PRG, {**known, "node3.state": "normal"}, "recover")
    with pytest.raises(BadInput, match="unknown value"):
        decide(PRG, {**known, "node1.state": "normall"}, "recover")
    with pytest.raises(BadInput, match="0 columns of 19 are known; more than 100,000 pairs"):
        decide(PRG, {}, "recover")
    both = {**known, "node2.assigned_peer": "yes"}
    with pytest.raises(OutsideInvariant) as error:
        decide(PRG, both, "recover")
    assert error.value.broken
    assert list(pairs(PRG, both)) == []
    with pytest.raises(OutsideInvariant):
        any_pair(PRG, both)
    with pytest.raises(BadInput, match="unknown node"):
        own(PRG, "node3")


def test_every_column_is_in_the_record_in_a_drawer_or_the_worlds():
    places = [set(shared(PRG)), set(own(PRG, "node1")), set(own(PRG, "node2")), {"link"}]
    assert set().union(*places) == set(PRG.stored)
    assert sum(map(len, places)) == len(PRG.stored)
    for node in NODES:
        assert set(reported(PRG, node)) == set(own(PRG, node)) - SECRET
    assert own(Engine(TURNSTILE), "node1") == ()
    assert own(Engine(LAMPS), "node1") == ("node1.lamp", "node1.hears")


def test_what_was_heard_before_the_last_change_is_not_used():
    record = begin({c: v for c, v in after().items() if c != "link"},
                   {node: own(PRG, node) for node in NODES})
    said = {"node2.services": "down", "node2.database": "up", "node2.hears_peer": "yes"}
    assert view(record, "node1", said, 0)["node2.services"] == "down"
    for changes in (-1, 1):
        assert "node2.services" not in view(record, "node1", said, changes)
    assert "node2.services" not in view(record, "node1")


def test_a_controller_has_no_drawers():
    record = begin(after())
    decision = PRG.step(after(), "disable_ha")
    assert written(PRG, record, decision) == {}
    refused = PRG.step(after(), "recover")
    assert decided(record, after(), refused, by="controller", time=0.0)[0] is record


# ------------------------------------------------------------- what explains an event


def test_what_explains_a_timer_is_the_fewest_faults_and_makes_it_possible():
    kinds = {e.name: e.kind for e in PRG.model.events}
    explained = 0
    for pair in sampled(80):
        for event in (n for n, kind in kinds.items() if kind is Kind.TIMER):
            chain = explanation(PRG, pair, event)
            if PRG.possible(pair, event):
                assert chain == ()
                continue
            at = PRG.run(pair, *chain).end
            explained += len(chain)
            if chain:
                assert PRG.possible(at, event)
                assert {c for c in pair if OBSERVED[c] == RECORD and at[c] != pair[c]} == set()
    assert explained > 20
    assert explanation(PRG, after(), "heartbeat_lost(node1)") == ("link_cut",)
    assert explanation(PRG, after(), "takeover_done(node1)") == ()


# ---------------------------------------------------------------- two nodes together


def test_an_agent_that_is_first_and_one_that_is_second_begin_with_one_record():
    store = Memory()
    one, other = (Keeper(PRG, store, node, clock=Clock()) for node in NODES)
    assert store.version == 1
    assert one.read()[0] == other.read()[0]
    assert set(one.known(one.read()[0])) == {*shared(PRG), *own(PRG, "node1")}
