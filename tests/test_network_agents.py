"""The bridge from model D to the code that runs: what its nodes decide and serve, agents do too."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from prgcore.errors import ImpossibleEvent, OutsideInvariant, Undecided
from prgcore.machine import PRG, Machine
from prgcore.network.interpreter import Network
from prgcore.network.setting import ADVERSARIES, Setting
from prgcore.running.charter import Charter
from prgcore.running.deciding import decision, known_of, outcome
from prgcore.running.lease import Lease
from prgcore.running.node import own, reported, shared
from prgcore.running.serving import permission
from prgcore.running.shapes import Heard
from prgcore.seats import NODES, seat
from prgcore.stores.record import Claim, Record, let_go, taken
from prgcore.template.active_standby import MACHINE
from prgcore.vocabulary import Outcome
from prgcore.world.faults import SPLITS
from prgcore.world.play import failure, shortest, standard
from prgcore.world.schedule import of_seed

STANDBY = Machine(MACHINE)
ENGINES = {"prg": PRG, "standby": STANDBY}


def walks(network, count, steps):
    """Random walks of a network: each step with the network before it."""
    for number in range(count):
        dice, at = Random(number), network.starts[0]
        for _ in range(steps):
            moves = network.moves(at)
            if not moves:
                break
            verb = dice.choice(sorted({move.verb for move, _ in moves}))
            move, after = dice.choice([one for one in moves if one[0].verb == verb])
            yield at, move, after
            at = after


def columns_of(engine, at, i):
    return dict(zip(engine.stored, at.copies[i], strict=True))


def record_of(engine, at, changes=0):
    """The record of the store of agents, as a network with a record has it."""
    drawers = {node: {c: columns_of(engine, at, i)[c] for c in own(engine, node)}
               for i, node in enumerate(NODES)}
    claims = {group: Claim(node, 1) for group, node in zip(
        engine.habits.groups, at.claims, strict=False)}
    return Record(7, dict(zip(shared(engine), at.record, strict=True)), drawers,
                  dict.fromkeys(NODES, changes), claims=claims, seats=dict.fromkeys(NODES, "seat"))


def known_by(engine, at, i):
    """What the agent of a node knows, and its charter, when its reading is the newest."""
    node, peer = NODES[i], NODES[1 - i]
    heard = Heard({c: columns_of(engine, at, i)[c] for c in reported(engine, peer)},
                  5 if at.timely[i] else 4)
    charter, record = Charter(engine, node), record_of(engine, at, changes=5)
    return charter, record, known_of(charter, record, heard)


def written_by(charter, record, known, event):
    """The record after the shipped agent decided an event; None: it decides nothing."""
    with suppress(ImpossibleEvent, Undecided, OutsideInvariant):
        made = decision(charter, known, event)
        if made.outcome is Outcome.DONE:
            return outcome(charter, record, known, made, wall=0.0, mark="x")[0]
    return None


def same(engine, after, at):
    """Whether the record of an agent has what a network has."""
    other = record_of(engine, at)
    return (after.columns, after.own) == (other.columns, other.own)


# ---------------------------------------------------------------------- what nodes decide


@pytest.mark.parametrize("name", ENGINES)
def test_a_node_of_model_d_decides_and_writes_what_its_agent_decides_and_writes(name):
    engine = ENGINES[name]
    network = Network(engine, Setting("cas", ADVERSARIES))
    deciders = {e.name: e.decider for e in engine.model.events if e.decider in NODES}
    compared = refrained = 0
    for at, _, _ in walks(network, 12, 25):
        made = {str(move): after for move, after in network.moves(at)}
        for event, node in deciders.items():
            i = NODES.index(node)
            if not at.current[i] or not engine.habits.runs(columns_of(engine, at, i), node):
                assert event not in made, "who cannot act, or has not read, decides nothing"
                continue
            after = written_by(*known_by(engine, at, i), event)
            if event in made:
                assert after is not None, event
                assert same(engine, after, made[event]), event
                compared += 1
            elif after is not None and not event.startswith(("heartbeat_heard", "peer_heard")):
                truth = engine.pair({**network.pair(at), "link": "cut" if at.cuts[1 - i] else "up"})
                assert same(engine, after, at) or not engine.possible(truth, event), event
            refrained += event not in made and after is None
    assert compared > 100
    assert refrained > 100


@pytest.mark.parametrize("name", ENGINES)
def test_a_manager_of_model_d_starts_as_its_agent_starts(name):
    """The agent knows that it has not run, and that it hears nobody; it reads, and then writes."""
    engine = ENGINES[name]
    network = Network(engine, Setting("cas", ADVERSARIES))
    started = 0
    for at, move, after in walks(network, 12, 25):
        node = next((n for n in NODES if engine.habits.starts(n)[0] == str(move)), None)
        if node is None:
            continue
        charter, record, known = known_by(engine, at, NODES.index(node))
        known |= {**record.columns, **engine.habits.starts(node)[1]}
        assert same(engine, written_by(charter, record, known, move.event), after)
        started += 1
    assert started >= 5


def test_a_heartbeat_of_model_d_that_is_heard_is_decided_as_the_agent_decides_it():
    network = Network(PRG, Setting("cas", ADVERSARIES))
    heard = 0
    for at, move, after in walks(network, 60, 40):
        if move.verb != "beat":
            continue
        i = NODES.index(seat("peer", move.node))
        if not at.current[i] or not PRG.habits.runs(columns_of(PRG, at, i), NODES[i]):
            continue
        charter, record, known = known_by(PRG, at, i)
        drawer = record.own[move.node]
        said = {c: drawer[c] for c in reported(PRG, move.node)}
        known = known_of(charter, record, Heard(said, 5))
        wrote = written_by(charter, record, known, f"heartbeat_heard({NODES[i]})")
        assert same(PRG, wrote or record, after)
        heard += wrote is not None
    assert heard >= 5


# ------------------------------------------------------------------------- whom they serve

LEASE = Lease(lasts=2.0, pause=0.3, stopping=0.3, waits=2.7)


@pytest.mark.parametrize("name", ENGINES)
def test_model_d_permits_and_claims_what_agents_permit_and_claim(name):
    """What `permit`, `read` and `expire` do to claims and services, the shipped functions do."""
    engine = ENGINES[name]
    network = Network(engine, Setting("cas+lease", ADVERSARIES))
    counts = dict.fromkeys(("permit", "read", "expire"), 0)
    for at, move, after in walks(network, 60, 30):
        if move.verb not in counts:
            continue
        i = NODES.index(move.node)
        record, now = record_of(engine, at), record_of(engine, after)
        if move.verb == "permit":
            claimed = taken(record, move.node, engine.habits, lambda *_: False)
            serve = permission(claimed, move.node, engine.habits, LEASE, 0.0, may=True)
            assert set(after.permits[i]) == set(serve.groups)
        else:
            claimed = let_go(record, move.node, engine.habits)
            serve = permission(claimed, move.node, engine.habits, LEASE, 0.0, may=True)
            assert set(after.permits[i]) <= set(serve.groups), "it begins to serve nobody by that"
        assert {g: c.node for g, c in claimed.claims.items()} == {
            g: c.node for g, c in now.claims.items()}
        counts[move.verb] += 1
    assert min(counts.values()) > 10, counts


# -------------------------------------------------- what the simulated world finds, model D has


def followed(network, steps):
    """The networks along a story of the simulated world, as model D takes each line.

    A node reads before it decides, which the world does not note. What a heartbeat lets a node
    decide is one step with its arrival, and two lines of the world.
    """
    at = network.starts[0]
    found = [at]
    for line in steps:
        moves = {str(move): after for move, after in network.moves(at)}
        node = line.rpartition("(")[2].rstrip(")")
        if line not in moves and f"read {node}" in moves:
            at = moves[f"read {node}"]
            moves = {str(move): after for move, after in network.moves(at)}
        if line in moves:
            at = moves[line]
        else:
            assert line.startswith(("beat ", "heartbeat_heard(")), (line, steps)
        found.append(at)
    return found


@pytest.mark.parametrize("arbiter", ["none", "cas"])
def test_every_story_of_the_world_is_a_story_of_model_d_that_serves_twice(arbiter):
    network = Network(PRG, Setting(arbiter, ADVERSARIES))
    setting = standard(arbiter=arbiter)
    runs = [(seed, failure(setting, of_seed(seed, 4, SPLITS, ()), seed=seed)) for seed in range(1, 41)]
    stories = {shortest(setting, run, seed=seed).steps for seed, run in runs if run.wrong is not None}
    assert len(stories) > 3
    for steps in stories:  # services obey a little later than the copy of their node changes
        assert any(map(network.twice, followed(network, steps))), steps


def test_every_story_of_the_world_to_both_in_backup_mode_is_one_of_model_d():
    network = Network(PRG, Setting("none", ADVERSARIES))
    setting = standard(arbiter="none", seeks="S1")
    kinds = ("cut", "deaf", "delay", "loss", "echo")
    runs = [(seed, failure(setting, of_seed(seed, 4, kinds, ()), seed=seed)) for seed in range(1, 41)]
    stories = {shortest(setting, run, seed=seed).steps for seed, run in runs if run.wrong is not None}
    assert stories
    for steps in stories:
        shown = network.shown(followed(network, steps)[-1])
        assert {one.state for one in (shown.node1, shown.node2)} == {"running_in_backup_mode"}, steps
