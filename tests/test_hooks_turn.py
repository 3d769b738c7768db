"""Hooks in the turns of an agent: when the hands have a part, and who is served until it is done."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve

from prgcore.machine import PRG, Machine
from prgcore.running.acting import hands_of
from prgcore.running.charter import Charter
from prgcore.running.hooks import Hook, Hooks
from prgcore.running.node import own
from prgcore.running.shapes import Did, Granted, Obeyed, Reading, Seen, Wrote
from prgcore.running.state import AgentState
from prgcore.running.turn import turn
from prgcore.seats import NODES
from prgcore.stores.record import Claim, Order, Record, begin, let_go, taken
from prgcore.template import active_standby
from prgcore.timers.parameters import parameters_of
from tests.test_turn import LEASE, Host, Pair, record

HANDS = frozenset({"move", "disconnect"})
HOOKS = ("move_users", "disconnect_users")


class Hooked(Host):
    """A host whose hooks take their time, and end when a test says so."""

    def __init__(self, *given):
        self.open, self.done, self.promotes = None, [], False
        super().__init__(*given)

    def start(self, **more):
        super().start(**{"hands": HANDS, **more})
        self.open = None

    def does(self, wanted):
        if wanted.write is None and wanted.serve is not None:
            self.promotes = wanted.serve.promotes
        if wanted.write is None and wanted.serve is None and wanted.hold is None \
                and wanted.do is not None and wanted.do.do in HOOKS:
            if self.open is None:
                self.done.append((wanted.do.do, wanted.do.node))
            self.open = wanted.do
            return self.reads() if wanted.read else None
        return super().does(wanted)

    def ends(self, outcome="done"):
        """The hook that runs ends."""
        did, self.open = Did(self.open, outcome, "it exited with 1"), None
        return self.takes(Seen(did=did))


@pytest.fixture
def pair(monkeypatch):
    monkeypatch.setattr("tests.test_turn.Host", Hooked)
    pair = Pair().passes(6)
    assert pair.hosts["node1"].command("enable_ha").entry.outcome == "done"
    passes(pair, 10)
    assert pair.states() == ["normal", "normal"]
    return pair


def passes(pair, seconds, *waits):
    """Time passes; every hook ends well, except those of these nodes."""
    for _ in range(round(seconds / 0.05)):
        pair.passes(0.05)
        for node, host in pair.hosts.items():
            if host.open is not None and node not in waits:
                host.ends()


def test_a_machine_says_which_deeds_have_a_part_for_the_hands():
    hook = Hook(("x",))
    assert hands_of(PRG, Hooks()) == frozenset()
    assert hands_of(PRG, Hooks(promote=hook, notify=hook)) == {"move"}
    assert hands_of(PRG, Hooks(promote=hook, demote=hook)) == HANDS


def test_users_are_served_only_after_the_promotion(pair):
    one, two = pair.hosts.values()
    one.dead = True
    passes(pair, 14, "node2")
    assert two.open is not None
    assert pair.states()[1] == "taking_over"
    assert two.promotes
    assert record(pair).claims["node1"].node == "node2"
    assert pair.serve()["node2"] == ["node2"]  # those it served before are served on
    two.ends()
    passes(pair, 2)
    assert pair.states()[1] == "running_in_backup_mode"
    assert pair.serve()["node2"] == ["node1", "node2"]
    assert not two.promotes


def test_a_promotion_begins_only_when_the_services_obey(pair):
    """A guard that does not know of the promotion would fence it."""
    one, two = pair.hosts.values()
    one.dead = True
    two.done.clear()
    while "taking_over" not in pair.states():
        passes(pair, 0.05)
    two.deaf = True
    passes(pair, 8)
    assert two.done == []
    two.deaf = False
    passes(pair, 4)
    assert two.done == [("move_users", "node2")]
    assert pair.serve()["node2"] == ["node1", "node2"]


def test_a_promotion_that_failed_fails_the_take_over(pair):
    one, two = pair.hosts.values()
    one.dead = True
    passes(pair, 14, "node2")
    two.ends("failed")
    passes(pair, 2)
    assert pair.states()[1] == "running_in_failed_mode"
    assert pair.serve()["node2"] == []
    assert any(e.event == "takeover_failed(node2)" for t in two.turns for e in t.entries)


def test_a_new_agent_promotes_once_more_and_serves_nobody_before(pair):
    one, two = pair.hosts.values()
    one.dead = True
    passes(pair, 14, "node2")
    two.start()
    two.groups = {}
    passes(pair, 14, "node2")
    assert two.open is not None
    assert "node1" not in pair.serve()["node2"]
    passes(pair, 4)
    assert pair.serve()["node2"] == ["node1", "node2"]


def test_a_failure_that_no_event_reports_is_tried_again_and_nobody_is_served_before(pair, monkeypatch):
    one, two = pair.hosts.values()
    one.dead = True
    passes(pair, 14, "node2")
    order, first = two.open, len(two.done)
    monkeypatch.setattr(type(PRG.habits), "fails", lambda *_: ())
    two.ends("failed")
    passes(pair, 0.5, "node2")
    assert len(two.done) == first
    assert any("it is tried again" in says for t in two.turns for says in t.says)
    passes(pair, 2, "node2")
    assert (two.open, len(two.done)) == (order, first + 1)
    assert "node1" not in pair.serve()["node2"]
    passes(pair, 2)
    assert pair.serve()["node2"] == ["node1", "node2"]


def test_users_go_to_the_other_node_only_after_the_demotion(pair):
    one, _ = pair.hosts.values()
    assert one.command("failover(node1)").entry.outcome == "done"
    passes(pair, 3.5, "node1")  # less than the wait that follows without an answer
    assert one.done[-1] == ("disconnect_users", "node1")
    assert pair.serve()["node1"] == []
    assert record(pair).claims["node1"].node == "node1"
    assert pair.serve()["node2"] == ["node2"]
    one.ends()
    passes(pair, 3)
    assert pair.serve()["node2"] == ["node1", "node2"]


def test_a_demotion_runs_beside_the_withdrawal_and_the_order_needs_both(pair):
    """A guard answers that nobody is served once the resource is a replica: it waits for the hook."""
    one, _ = pair.hosts.values()
    one.deaf = True
    assert one.command("failover(node1)").entry.outcome == "done"
    passes(pair, 0.3, "node1")
    assert one.open is not None
    one.ends()
    passes(pair, 0.3)
    order = record(pair).orders_of("node1")[0]
    assert order.do == "disconnect_users"
    one.deaf = False
    passes(pair, 1)
    assert order not in record(pair).orders


def test_a_demotion_that_failed_is_reported(pair):
    one, _ = pair.hosts.values()
    one.command("failover(node1)")
    passes(pair, 1, "node1")
    one.ends("failed")
    passes(pair, 1)
    assert any(e.event == "internal_error(node1)" for t in one.turns for e in t.entries)


@pytest.mark.parametrize("slow", ["node1", "node2", ""])
def test_there_and_back_nobody_is_served_twice(pair, slow):
    """`passes` looks at every moment; slow hooks end after some seconds."""
    one, two = pair.hosts.values()
    for host, event in ((one, "failover(node1)"), (two, "fallback(node1)")):
        assert host.command(event).entry.outcome == "done"
        passes(pair, 7, slow)
        passes(pair, 8)
    assert pair.states() == ["normal", "normal"]
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


def test_without_hooks_nothing_waits(monkeypatch):
    monkeypatch.setattr("tests.test_turn.Host", Hooked)
    pair = Pair()
    for host in pair.hosts.values():
        host.start(hands=frozenset())
    passes(pair, 8)
    assert all(host.done == [] for host in pair.hosts.values())


def test_a_claim_that_is_kept_is_taken_again_where_a_decision_frees_it():
    """Else the other node could take it after its wait, while the resource here is the primary."""
    columns = dict(PRG.initial[0])
    kept = Record(9, columns, claims={"node1": Claim("node2", 3, freed=9), "node2": Claim("node2", 1)})
    nobody = SimpleNamespace(assigned=lambda _, home: "" if home == "node1" else "node2")
    after = taken(kept, "node2", nobody, lambda *_: False, {"node1"})
    assert after.claims["node1"] == Claim("node2", 4)
    assert let_go(kept, "node2", nobody, {"node1"}) == kept
    assert let_go(kept, "node2", nobody).claims["node1"] == Claim("", 4)
    assert taken(kept, "node1", nobody, lambda *_: False) == kept
    free = taken(kept, "node1", nobody, lambda *_: True)
    assert free.claims["node1"] == Claim("", 4)
    assert taken(free, "node2", nobody, lambda *_: False, {"node1"}).claims["node1"] == Claim("node2", 5)


def test_a_machine_that_assigns_users_before_the_promotion_serves_them_after_it():
    """In active and standby, `promoting` has the users; the node serves nobody until it is done."""
    engine, now = Machine(active_standby.MACHINE), 100.0
    drawers = {node: own(engine, node) for node in NODES}
    first = begin(dict(engine.initial[0]), drawers, engine.habits)
    order = Order(1, 3, "node1", "promote", ("users",), "promoting")
    record = evolve(
        first, epoch=1, orders=(order,), claims={"users": Claim("node1", 4)},
        seats=dict.fromkeys(NODES, "a start"),
        columns={**first.columns, "node1.state": "promoting"},
        own={n: {**cells, f"{n}.host": "on"} for n, cells in first.own.items()})
    state = AgentState.start(Charter(engine, "node1", {}, LEASE, 3.0), parameters_of(
        engine.model).of({}), now)

    def sees(state, seen, record, version):
        """A turn, and those after each write that follows."""
        state, wanted = turn(state, seen, now)
        while wanted.write is not None:
            record, version = wanted.write.record, version + 1
            state, wanted = turn(state, Seen(wrote=Wrote("done", now, version)), now)
            if wanted.read:
                state, wanted = turn(state, Seen(reading=Reading(record, version, now)), now)
        return state, wanted, record, version

    state, wanted, *kept = sees(state, Seen(
        reading=Reading(record, 1, now), granted=Granted(yes=True, begun=now)), record, 1)
    assert (wanted.serve.groups, wanted.serve.promotes, wanted.do) == ({}, True, None)
    state, wanted, *kept = sees(state, Seen(obeyed=Obeyed(wanted.serve, yes=True)), *kept)
    assert wanted.do == order
    state, wanted, *kept = sees(state, Seen(did=Did(order)), *kept)
    assert order not in kept[0].orders
    assert kept[0].columns["node1.state"] == "active"
    assert wanted.do.do == "serve_alone", "which makes nobody wait"
    assert (wanted.serve.groups, wanted.serve.promotes) == ({"users": 4}, True)


def test_a_node_that_returns_after_its_users_were_taken_over_is_not_promoted(pair):
    """Its order to promote is still open, and the other node is the primary now."""
    one, two = pair.hosts.values()
    assert two.command("failover(node2)").entry.outcome == "done"
    passes(pair, 6, "node1")
    assert one.open.do == "move_users"
    one.dead, one.open = True, None
    passes(pair, 15)
    two.takes(Seen(host_lost="node2"))
    passes(pair, 12)
    assert pair.states()[1] == "running_in_backup_mode"
    assert [o.do for o in record(pair).orders] == ["move_users"]
    one.dead = False
    one.start()
    one.done.clear()
    one.groups = {}
    passes(pair, 8)
    assert ("move_users", "node1") not in one.done
    assert pair.states() == ["failed_over", "running_in_backup_mode"]
    assert record(pair).orders == ()


@pytest.mark.parametrize("columns", [{"node1.state": "promoting"}, {"node1.state": "active"}])
def test_nothing_is_promoted_once_the_permission_is_over(columns):
    """The store does not answer any more, and the other node may be the primary by now."""
    engine, now, until = Machine(active_standby.MACHINE), 100.0, 0.0
    do = "promote" if columns["node1.state"] == "promoting" else "serve_alone"
    drawers = {node: own(engine, node) for node in NODES}
    first = begin({**engine.initial[0], "node1.data": "current"}, drawers, engine.habits)
    order = Order(1, 3, "node1", do, ("users",), columns["node1.state"])
    held = evolve(
        first, epoch=1, orders=(order,), claims={"users": Claim("node1", 4)},
        seats=dict.fromkeys(NODES, "a start"), columns={
            **first.columns, "node1.data": "current", "node2.state": "failed", **columns})
    state = AgentState.start(Charter(engine, "node1", {}, LEASE, 3.0), parameters_of(
        engine.model).of({}), now)
    seen = Seen(reading=Reading(held, 1, now), granted=Granted(yes=True, begun=now))
    for _ in range(9):
        state, wanted = turn(state, seen, now)
        until = wanted.serve.until if wanted.serve is not None else until
        if wanted.do == order:
            break
        if wanted.write is not None:
            held = wanted.write.record
            seen = Seen(wrote=Wrote("done", now, held.epoch + 9))
        elif wanted.serve is not None:
            seen = Seen(obeyed=Obeyed(wanted.serve, yes=True))
        else:
            seen = Seen(reading=Reading(held, 99, now))
    assert wanted.do == order
    assert turn(state, Seen(unread="away"), until - 0.1)[1].do == order
    assert turn(state, Seen(unread="away"), until)[1].do is None
