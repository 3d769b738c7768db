"""No order of restarts under other terms serves users twice, and each precaution is needed for that."""

from __future__ import annotations

import random

import pytest
from attrs import evolve

from prgcore.running import terms
from prgcore.running.lease import Lease
from tests.rollout import Kept, Node, World

SHAPES = {
    "a longer lease": (Lease(1, 1, 0, 0), Lease(2, 2, 0, 0)),
    "a shorter lease": (Lease(2, 2, 0, 0), Lease(1, 1, 0, 0)),
    "a longer pause": (Lease(1, 1, 0, 0), Lease(1, 2, 1, 0)),
    "services that stop later": (Lease(2, 2, 0, 0), Lease(1, 2, 0, 1)),
    "a shorter lease, a longer pause": (Lease(2, 3, 0, 1), Lease(1, 2, 1, 0)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("machines", [("m", "m"), ("m", "n")], ids=["lease", "lease and machine"])
def test_no_order_of_restarts_serves_twice_or_decides_by_two_machines(shape, machines):
    states, story = World(*zip(SHAPES[shape], machines, strict=True)).search()
    assert story == []
    assert states > 15_000


def test_no_order_of_restarts_under_three_kinds_of_terms_serves_twice():
    kinds = ((Lease(1, 1, 0, 0), "m"), (Lease(2, 2, 0, 0), "m"), (Lease(1, 2, 1, 0), "m"))
    states, story = World(*kinds).search()
    assert story == []
    assert states > 80_000


def _own(charter, record):
    return charter.lease


def _at_once(charter, memory, record):
    return 0.0


def _agreed_at_once(record):
    return evolve(record, terms=record.proposed, proposed={}) if record.proposed else record


def _shorter(charter, record):
    lease = terms.in_force(charter, record)
    return lease.lasts + lease.pause + lease.stopping


@pytest.mark.parametrize(("name", "instead", "shape"), [
    ("in_force", _own, "a longer lease"), ("in_force", _own, "a shorter lease"),
    ("waits", _at_once, "a longer lease"), ("waits", _at_once, "a shorter lease"),
    ("earlier", _shorter, "a longer lease"), ("earlier", _shorter, "a shorter lease"),
    ("_agreed", _agreed_at_once, "a longer lease"), ("_agreed", _agreed_at_once, "a shorter lease"),
])
def test_without_one_of_the_precautions_users_are_served_twice(monkeypatch, name, instead, shape):
    monkeypatch.setattr(terms, name, instead)
    _, story = World(*((lease, "m") for lease in SHAPES[shape])).search()
    assert story[-1].endswith("serves")
    assert any("--adopt" in step for step in story)


def test_without_the_machine_of_the_record_two_machines_decide(monkeypatch):
    monkeypatch.setattr(terms, "may_decide", lambda charter, record: (
        "" if terms.has_signed(charter, record) else "not yet"))
    _, story = World((Lease(1, 1, 0, 0), "m"), (Lease(1, 1, 0, 0), "n")).search()
    assert story[-1].endswith("signs")


@pytest.mark.parametrize("seed", range(6))
def test_no_walk_through_roll_outs_of_three_terms_serves_twice(seed):
    dice = random.Random(seed)

    def lease():
        lasts, pause, stopping = dice.randint(1, 5), dice.randint(0, 3), dice.randint(0, 3)
        return Lease(lasts, lasts + pause + stopping + dice.randint(0, 2), pause, stopping)

    world = World(*((lease(), dice.choice("mn")) for _ in range(3)))
    state, adopted, taken = (Kept(0, -1, (-1, -1), "node1", "node1", False), Node(), Node()), 0, 0
    for _ in range(6_000):
        steps = list(world.steps(state))
        some = [s for s in steps if "crash" not in s[0] and "stops" not in s[0]]
        step, after = dice.choice(some if dice.random() < 0.9 else steps)
        adopted += after[0].terms != state[0].terms
        taken += step.endswith("takes over")
        state = after
        assert not (state[1].serves and state[2].serves), step
    assert adopted > 3
    assert taken > 20
