"""Acting: a hook that makes a primary runs under a permission only, and ends with it."""

from __future__ import annotations

import sys
from threading import Thread
from types import SimpleNamespace

import pytest
from attrs import evolve

from prgcore.errors import ActionFailed, Unavailable
from prgcore.machine import PRG
from prgcore.running.acting import Acting
from prgcore.running.agent import Agent
from prgcore.running.desired import Desired
from prgcore.running.group import read_group
from prgcore.running.hooks import Hook, Hooks
from prgcore.running.processes import Services as Watched
from prgcore.running.serving import Serving
from prgcore.running.shapes import Reading, Serve
from prgcore.stores.ports import boot_clock
from prgcore.stores.record import Order, Record, begin
from tests.agents import group_file
from tests.waits import once

WAITS = "import pathlib, time; pathlib.Path('began').touch(); time.sleep(60)"
ORDER = Order(1, 0, "node1", "move_users", ("node1",))


@pytest.fixture
def acting(tmp_path):
    """The hooks of a node, whose permission lasts until `lasts` has no more items."""
    group = read_group(group_file(tmp_path))
    one = Acting(group, group.member("node1"), None, lambda _: False, lambda: bool(one.lasts))
    one.hooks = Hooks(promote=Hook((sys.executable, "-c", WAITS), 50.0, 3, name="promote"),
                      role=Hook(("/bin/echo", "replica"), name="role"))
    one.lasts, one.began = [True], tmp_path / "began"
    one.entry = lambda _: None
    one.member.directory.mkdir(parents=True, exist_ok=True)
    return one


def record():
    return begin(PRG.initial[0])


def test_nothing_is_promoted_without_a_permission(acting):
    acting.lasts.clear()
    with pytest.raises(Unavailable, match="this node has no permission now"):
        acting.promote(record(), ORDER)
    assert not acting.become("primary", acting.facts)
    assert not acting.began.exists()


def test_a_promotion_ends_with_its_permission(acting):
    acting._may = lambda: not acting.began.exists()
    with pytest.raises(Unavailable, match="promote was ended: the permission of this node is over"):
        acting.promote(record(), ORDER)
    assert acting.began.exists()


def test_a_promotion_that_no_order_asks_for_ends_with_its_permission_too(acting):
    acting._may = lambda: not acting.began.exists()
    assert not acting.become("primary", acting.facts)
    assert acting.began.exists()


# ------------------------------------------------------------------ orders to stop


class Services:
    """Services that say what was asked of them."""

    def __init__(self):
        self.did = []

    def halt(self):
        self.did.append("halt")

    def stop(self):
        self.did.append("stop")

    def start(self):
        self.did.append("start")

    def look(self):
        raise ActionFailed("nobody looks")


@pytest.fixture
def agent(tmp_path):
    one = Agent(read_group(group_file(tmp_path)), "node1")
    one.services, one._read = Services(), lambda: None
    yield one
    one.directory.release()


def test_what_starts_services_by_an_older_wish_does_so_before_they_are_stopped(agent):
    """Else a thread that was held up would start an old primary beside the new one."""
    order = Order(1, 0, "node1", "stop_critical_services")
    stops = Thread(target=agent._carry_out, args=(order,))
    with agent.tending.orders:  # the services are being mended
        stops.start()
        once(lambda: agent.services.did.count("halt") > 1)
        assert "stop" not in agent.services.did
        agent.services.start()
    stops.join()
    assert agent.services.did[-1] == "stop"
    assert not agent.tending.orders.locked()


@pytest.mark.parametrize("wish", ["up", "stopped", ""])
def test_services_that_should_be_stopped_by_now_are_not_started(agent, wish):
    agent.keeper.state = evolve(agent.keeper.state, desired=(record(), Desired(services=wish)))
    agent._starts()
    assert agent.services.did == ([] if wish == "stopped" else ["start"])


@pytest.mark.parametrize(("state", "lasts", "may"), [
    ("normal", 1.0, True), ("normal", -1.0, False), ("failed_over", -1.0, True)])
def test_a_primary_that_was_fenced_is_not_started_again_without_a_permission(agent, state, lasts, may):
    """Its guard fenced it because the store is away: the other node may be the primary by now."""
    own = "yes" if state == "normal" else "no"
    columns = {**PRG.initial[0], "node1.state": state, "node1.assigned_own": own}
    agent.keeper.state = evolve(
        agent.keeper.state, reading=Reading(Record(1, columns), 1, boot_clock()),
        serving=Serving(sent=Serve({"node1": 1}, boot_clock() + lasts)))
    assert agent._may_restart() is may


def test_services_that_may_not_be_started_again_are_not_due(tmp_path):
    services = Watched(read_group(group_file(tmp_path)).nodes["node1"])
    services._wanted, services._known = "up", SimpleNamespace(due=lambda _: ("web",))
    assert services.due() == ("web",)
    services.may = lambda: False
    assert services.due() == ()
