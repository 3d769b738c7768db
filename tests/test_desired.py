"""The desired state: what the record wants of a node, in every turn, and for who embeds a driver."""

from __future__ import annotations

from math import inf

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, Unavailable
from prgcore.form.wishes import EFFECTS, PARTS, World, differs, done, toward, wished
from prgcore.machine import PRG
from prgcore.model import DEEDS
from prgcore.running import AsyncDriver, Desired, Driver, Keeper
from prgcore.running.desired import desired
from prgcore.running.shapes import Seen
from prgcore.running.turn import turn
from prgcore.stores.record import Order, begin
from tests.stored import Memory
from tests.test_turn import normal, record
from tests.toys import TURNSTILE

NODES = ("node1", "node2")


class Nothing:
    """A performer to which every order is a success."""

    def perform(self, order):
        pass


def wishes(pair):
    return [wished(PRG.habits, pair, node) for node in NODES]


def after(*events):
    pair = PRG.initial[0]
    for event in events:
        pair = PRG.step(pair, event).pair
    return pair


UP = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)", "initialized(node1)",
      "initialized(node2)")
OVER = (*UP, "failover(node1)", "takeover_done(node2)", "taken_over(node1)")


def test_what_each_pair_wants_of_its_nodes():
    own = [World("up", "primary", "free", frozenset({n})) for n in NODES]
    both = World("up", "primary", "held", frozenset(NODES))
    assert wishes(after(*UP)) == own
    assert wishes(after(*UP, "failover(node1)")) == [
        World("stopped", "", "free"), evolve(own[1], grant="held")]
    assert wishes(after(*OVER)) == [World("stopped", "", "free"), both]
    dead = after(*UP, "services_down(node1)", "critical_service_delay(node1)",
                 "takeover_done(node2)", "taken_over(node1)")
    assert wishes(dead) == [World("up", "", "free"), both]  # it cannot be a replica either
    assert wishes(PRG.step(dead, "services_up(node1)").pair) == [
        World("up", "replica", "free"), both]


def test_a_machine_without_agents_wishes_only_that_services_run():
    engine = Engine(TURNSTILE)
    assert wished(engine.habits, engine.initial[0], "node1") == World("up", "", "free")


def test_a_driver_says_what_is_desired_of_each_node():
    driver = Driver(PRG, Memory(), Nothing())
    for event in (*UP[:3], "failover(node1)"):
        driver.send(event)  # it decides the completions itself
    epoch = driver.read()[0].epoch
    assert driver.desired("node1") == Desired({}, "stopped", "", "free", epoch, inf)
    two = driver.desired("node2")
    assert (two.services, two.role, two.grant, two.epoch) == ("up", "primary", "held", epoch)
    assert two.to_json()["until"] is None
    assert evolve(two, until=2.5).to_json()["until"] == 2.5
    with pytest.raises(BadInput, match="name a node: node1 or node2"):
        driver.desired()
    with pytest.raises(BadInput, match="node3"):
        driver.desired("node3")


def test_no_role_is_desired_before_nobody_else_can_be_serving():
    pair = after(*UP)
    first = begin(pair)
    assert desired(first, "node1", PRG.habits).role == "primary"
    claims = {home: evolve(claim, node="node2") for home, claim in first.claims.items()}
    waiting = desired(evolve(first, claims=claims), "node1", PRG.habits)
    assert (waiting.serve, waiting.role, waiting.services) == ({}, "", "up")


def test_an_agent_is_desired_to_do_what_its_own_record_says():
    keeper = Keeper(PRG, Memory(), "node2")
    assert keeper.desired() == keeper.desired("node2")
    driver = AsyncDriver(Keeper(PRG, Memory()), Nothing())
    assert driver.desired("node1").services == "up"
    with pytest.raises(Unavailable, match="not read yet"):
        driver.keeper.desired_of(None, "node1")


# ------------------------------------------------------------------------- in every turn


def test_every_turn_says_what_is_desired_and_permits_the_same():
    pair = normal()
    assert pair.hosts["node1"].command("failover(node1)").entry.outcome == "done"
    pair.passes(8)
    for node, host in pair.hosts.items():
        now = host.takes()
        assert now.desired is not None
        assert (dict(now.desired.serve), now.desired.until) == (host.groups, host.until)
        assert now.desired == desired(
            record(pair), node, PRG.habits, until=now.desired.until)
        stated = [t for t in host.turns if t.desired is not None]
        assert {t.desired.services for t in stated} == (
            {"up", "stopped"} if node == "node1" else {"up"})
        assert not any(t.tends for t in host.turns if t.do is not None or t.write is not None)
        assert any(t.tends for t in stated)


def test_nothing_is_desired_before_the_start_is_decided_nor_in_trouble():
    pair = normal()
    host = pair.hosts["node1"]
    assert host.takes().tends
    host.away = True
    pair.passes(1)
    assert not host.takes(Seen(unread="away")).tends
    host.away = False
    pair.passes(1)
    assert host.takes().tends
    host.start()
    host.turns.clear()
    pair.passes(1)
    begun = next(n for n, t in enumerate(host.turns) if any(
        e.event == "manager_start(node1)" for e in t.entries))
    assert all(t.desired is None for t in host.turns[:begun])
    pair.passes(5)
    assert host.takes().tends


# ----------------------------------------------------------------------------- the deeds


def test_what_a_deed_changes_is_data_and_every_value_has_its_deed():
    assert {*EFFECTS} < {*DEEDS}
    assert {part for part, _ in EFFECTS.values()} == set(PARTS)
    for part in PARTS:
        assert len({value for p, value in EFFECTS.values() if p == part}) == 2
    served = World(serve=frozenset(NODES))
    assert done("disconnect", served, World(serve=frozenset({"node2"}))).serve == {"node2"}
    assert done("move", served, World()) == served


def test_reconciling_goes_from_any_world_to_any_wish_and_does_nothing_then():
    worlds = [World(s, r, g) for s in ("up", "stopped") for r in ("primary", "replica")
              for g in ("held", "free")]
    for world in worlds:
        for wish in [*worlds, World(), World("up"), World("", "replica")]:
            now = world
            for deed in toward(world, wish):
                now = done(deed, now, wish)
            assert differs(now, wish) == () == toward(now, wish)
    assert toward(World("up"), World("up", "replica")) == ()  # its role is not known
    assert toward(World("stopped", "replica", "free"), World("up", "primary", "held")) == (
        "acquire", "start", "promote")


@pytest.mark.parametrize(("do", "parts"), [
    ("", ("services", "role")), ("move_users", ("services",)), ("start_critical_services", ()),
    ("stop_critical_services", ()), ("acquire_grant", ())])
def test_an_order_that_waits_for_services_does_not_keep_them_down(do, parts):
    """The active node's service died, and an order waited for it: nobody ever started it again."""
    host = normal().hosts["node1"]
    reading = host.reads().reading
    claims = {home: evolve(claim, node="node2") for home, claim in reading.record.claims.items()}
    orders = (Order(reading.record.epoch, 0, "node1", do),) if do else ()
    reading = evolve(reading, begun=host.pair.now + 1, record=evolve(
        reading.record, orders=orders, claims=claims if do else reading.record.claims))
    _, wanted = turn(host.state, Seen(wall=1.0, reading=reading), host.pair.now + 1)
    assert wanted.desired.services == "up"
    assert wanted.tends == parts
