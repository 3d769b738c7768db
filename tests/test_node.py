"""Nodes that decide alone, by what they know: as the machine does, and together safely."""

from __future__ import annotations

import random
from functools import cache

import pytest

from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent, OutsideInvariant, Undecided
from prgcore.form.knowledge import ENVIRONMENT, RECORD
from prgcore.machine import PRG, prg
from prgcore.running.driver import Heard, Keeper
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
from prgcore.stores.ports import heard
from prgcore.stores.record import begin, decided
from prgcore.story.conformance import check
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind, Outcome
from tests.planted import reachable
from tests.simulated import Twice, World, fails, printed, schedule, shrunk
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


def test_a_stale_heartbeat_waits_for_a_new_one():
    """What hangs on the peer is not decided by what it was before; the timer tries again."""
    world = World()
    world.take("command", "node1", "enable_ha")
    world.fair(6)
    keeper = world.nodes["node1"].keeper
    assert keeper.known(world.record)["node2.services"] == "up"
    world.nodes["node2"].keeper.tell("services_down(node2)")
    assert "node2.services" not in keeper.known(world.record)
    old = {"node2.services": "up", "node2.database": "up", "node2.hears_peer": "yes"}
    changes = world.record.changes["node2"]
    keeper.observe(heard("node1"), Heard(old, changes - 1))
    assert "node2.services" not in keeper.known(world.record)
    keeper.observe(heard("node1"), Heard({**old, "node2.services": "down"}, changes))
    assert keeper.known(world.record)["node2.services"] == "down"


def test_a_drawer_is_written_although_its_node_cannot_be_asked():
    """Its services are started again by whoever disables high availability."""
    world = World()
    world.run([("command", "node1", "enable_ha")])
    world.fair(6)
    world.run([("command", "node1", "failover(node2)"), ("off", "node2")])
    assert world.record.own["node2"]["node2.services"] == "stopped"
    changes = world.record.changes["node2"]
    world.run([("command", "node1", "disable_ha")])
    assert world.record.own["node2"]["node2.services"] == "up"
    assert world.record.changes["node2"] == changes + 1
    world.run([("start", "node2")])
    assert world.record.columns["node2.state"] == "unknown"


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


def told_of(error, steps, **world):
    """What is needed to see it again."""
    def again(fewer):
        return type(fails(fewer, **world)) is type(error)

    return f"{error}; replay: World().run({printed(shrunk(steps, again))})"


@pytest.mark.parametrize("block", range(4))
def test_two_nodes_never_serve_anybody_twice(block):
    """Random faults, commands, losses, delays, duplicates, with services that outlive agents."""
    for seed in range(block * 6, block * 6 + 6):
        steps = schedule(seed, 250, wild=(0.03, 0.06, 0.12)[seed % 3])
        error = fails(steps)
        assert error is None, f"seed {seed}: {told_of(error, steps)}"


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_they_do_not_under_other_policies(policy):
    machine = prg(**{policy.name: policy.choices[-1]})
    for seed in range(5):
        steps = schedule(seed, 250)
        error = fails(steps, machine=machine)
        assert error is None, f"seed {seed}: {told_of(error, steps, machine=machine)}"


def test_with_a_wait_that_is_too_short_they_do():
    """The check can fail: what T10 asks for is needed."""
    world = {"waits": 0.5}
    seed = next(s for s in range(8, 200)
                if isinstance(fails(schedule(s, 300, wild=0.1), **world), Twice))
    steps = shrunk(schedule(seed, 300, wild=0.1),
                   lambda fewer: isinstance(fails(fewer, **world), Twice))
    assert len(steps) < 40
    assert isinstance(fails(steps, **world), Twice)
    assert fails(steps) is None, "and with one that is long enough they do not"


@pytest.mark.parametrize("seed", range(3))
def test_the_log_of_both_is_allowed_and_the_history_is_whole(seed):
    world = World().run(schedule(seed, 120))
    log = [e.to_json() for e in world.log]
    report = check(world.machine, log)
    assert report.ok, report.finding.text()
    assert [e["epoch"] for e in world.store.entries] == [
        e["epoch"] for e in log if e["outcome"] == "done"]
    assert world.record.epoch == len(world.store.entries) > 4


@pytest.mark.parametrize("seed", range(4))
def test_after_everything_is_repaired_they_come_to_rest_and_can_be_brought_home(seed):
    world = World().run(schedule(seed, 200, wild=0.1))
    world.heal(30)
    for _ in range(4):
        record = world.record
        assert record.orders == ()
        for home, claim in record.claims.items():
            assert claim.node == PRG.habits.assigned(record.columns, home)
            assert claim.freed == 0
        if states(world) == ["normal", "normal"]:
            break
        for command in ("enable_ha", "recover", "fallback(node1)", "fallback(node2)"):
            world.run([("command", "node1", command)])
            world.fair(12)
    assert states(world) == ["normal", "normal"]
    now = world.clock.now()
    assert all(world.nodes[n].serves(n, now) for n in NODES)


def states(world):
    return [world.record.columns[f"{node}.state"] for node in NODES]


def test_an_agent_that_is_first_and_one_that_is_second_begin_with_one_record():
    store = Memory()
    one, other = (Keeper(PRG, store, node, clock=Clock()) for node in NODES)
    assert store.version == 1
    assert one.read()[0] == other.read()[0]
    assert set(one.known(one.read()[0])) == {*shared(PRG), *own(PRG, "node1")}
