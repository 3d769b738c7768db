"""Tending: what is not as desired is mended, orders go first, and nothing is mended too often."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest

from prgcore.errors import ActionFailed, BadInput
from prgcore.running.desired import Desired
from prgcore.running.group import read_group
from prgcore.running.processes import alive
from prgcore.running.shapes import Turn
from prgcore.running.tended import FIRST, LONGEST, Tended, looked, noted
from prgcore.running.tending import Tending
from tests.agents import BUSY, Group, group_file
from tests.waits import once, until

UP = {"services": True, "database": True}
DOWN = {"services": False, "database": True}


BOTH = "services", "role"


def wish(services="up", role="", epoch=1, *, tends=BOTH):
    return Turn(desired=Desired({}, services, role, "free", epoch), tends=tends)


# ----------------------------------------------------------------------- when it looks


def test_a_change_of_the_wish_or_of_what_is_seen_is_looked_at_at_once():
    at = looked(noted(Tended(), wish().desired, UP, 10.0), 10.0, 5.0, mended=False)
    assert at.due == 15.0
    assert noted(at, wish(epoch=7).desired, UP, 11.0) == at, "the same wish of a later epoch"
    assert noted(at, wish().desired, DOWN, 11.0).due == 11.0
    assert noted(at, wish("stopped").desired, UP, 11.0).due == 11.0
    assert noted(at, wish(role="replica").desired, UP, 11.0).due == 11.0


def test_what_is_mended_again_and_again_is_mended_more_and_more_seldom():
    at, now, pauses = Tended(), 0.0, []
    for _ in range(12):
        at = looked(at, now, 5.0, mended=True)
        pauses.append(at.pause)
        assert noted(at, wish().desired, DOWN, now + 0.01).due >= at.rests == now + at.pause
        now = at.due
    assert pauses[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert pauses[-1] == LONGEST
    assert looked(at, now + 1, 5.0, mended=False).pause == LONGEST, "it may come back"
    assert looked(at, now + 100, 5.0, mended=False).pause == 0.0


# ----------------------------------------------------------------------------- the lane


class Node:
    """What a tending lane does to a node."""

    def __init__(self, *, role=None, every=0.02):
        self.did, self.fails, self.runs, self.is_ = [], "", True, role
        self.clock = asyncio.get_running_loop().time
        self.tending = Tending("cup1", every, self.clock, self.reconcile,
                               None if role is None else self.become)

    def reconcile(self, state):
        self.did.append(state)
        if self.fails:
            raise ActionFailed(self.fails)
        if (state == "up") == self.runs:
            return ()
        self.runs = state == "up"
        return (f"brought web {state}",)

    def become(self, role):
        self.did.append(role)
        changed, self.is_ = self.is_ != role, role
        return changed


def lane(test):
    """Run a test in an event loop, with a node that ends."""
    async def run():
        node = Node(role="primary") if "role" in test.__name__ else Node()
        try:
            await test(node)
        finally:
            node.tending.end()
    return asyncio.run(run())


def test_services_that_come_back_are_stopped_and_one_line_says_so(caplog):
    async def one(node):
        node.tending.turned(wish("stopped", epoch=12), UP)
        await until(lambda: not node.runs)
        await until(lambda: len(node.did) > 2)  # it looks again, and finds nothing

    with caplog.at_level(logging.WARNING):
        lane(one)
    assert [r.getMessage() for r in caplog.records] == [
        "cup1 was not as the record of epoch 12 desires: it brought web stopped"]


def test_nothing_is_mended_while_an_order_is_open():
    async def one(node):
        node.tending.turned(wish("stopped", tends=()), UP)
        await asyncio.sleep(0.1)
        assert node.did == []
        node.tending.turned(wish("stopped"), UP)
        await until(lambda: node.did)
        node.tending.turned(Turn(), UP)  # trouble: nothing is known to be desired
        await until(lambda: not node.tending._lane.busy)
        count = len(node.did)
        await asyncio.sleep(0.1)
        assert len(node.did) == count

    lane(one)


def test_an_order_that_comes_meanwhile_is_not_undone():
    async def one(node):
        node.tending.orders.acquire()  # an order starts the services
        node.tending.turned(wish("stopped"), UP)
        await until(lambda: node.tending._lane.busy)
        node.tending.turned(wish("up", tends=()), UP)  # the decision that asked for it
        node.tending.orders.release()
        await until(lambda: not node.tending._lane.busy)
        assert node.did == []

    lane(one)


def test_a_role_that_differs_is_mended():
    async def role(node):
        node.tending.turned(wish("up", "replica"), UP)
        await until(lambda: node.is_ == "replica")
        assert node.did[:2] == ["up", "replica"]
        node.tending.turned(wish("stopped", ""), UP)
        await until(lambda: node.did[-1] == "stopped")

    lane(role)


def test_what_cannot_be_mended_is_said_once_and_tried_again(caplog):
    async def one(node):
        node.fails = "web does not stop"
        node.tending.turned(wish("stopped"), UP)
        await until(lambda: len(node.did) > 2)
        node.fails = ""
        await until(lambda: not node.runs)

    with caplog.at_level(logging.WARNING):
        lane(one)
    assert [r.getMessage() for r in caplog.records] == [
        "cup1 is not as the record of epoch 1 desires: web does not stop",
        "cup1 was not as the record of epoch 1 desires: it brought web stopped"]


def test_a_wish_for_nothing_mends_nothing():
    async def one(node):
        node.tending.turned(wish(""), UP)
        await asyncio.sleep(0.1)
        assert node.did == []

    lane(one)


@pytest.mark.parametrize("value", ["0", "-1", "'soon'", "true", "nan", "1e9", "[5]"])
def test_an_interval_that_is_none_is_refused_with_its_place(tmp_path, value):
    file = group_file(tmp_path, more=f"reconcile = {value}\n")
    with pytest.raises(BadInput, match=r": reconcile: .* is not a number from 0\.05 to 3600$"):
        read_group(file)


# ------------------------------------------------------------------------ a real agent


@pytest.fixture
def group(tmp_path):
    made = Group(tmp_path, silence=BUSY)
    made.file.write_text("reconcile = 0.2\n" + made.file.read_text())
    yield made
    made.close()


def state(group, node="node1"):
    return group.ask(node, do="status").get("known", {}).get(f"{node}.state")


def told(group, event, done):
    """Ask for a command until it is seen to be done: it may be refused, and its answer may be lost."""
    once(lambda: done() or (group.ask("node1", do="tell", event=event) and done()))


def settled(group, *states):
    once(lambda: [state(group, n) for n in ("node1", "node2")] == list(states))


def runs(group):
    """Whether the service of node1 runs; one that was ended at once may not have written its number."""
    with suppress(FileNotFoundError, ValueError):
        return alive(group.service("node1"))
    return False


def test_services_of_an_idle_node_that_return_by_themselves_are_stopped(group):
    for node in ("node1", "node2"):
        group.start(node)
    once(lambda: group.ask("node1", do="tell", event="enable_ha").get("entry"))
    settled(group, "normal", "normal")
    told(group, "failover(node1)", lambda: state(group) not in ("normal", None))
    settled(group, "idle", "running_in_backup_mode")
    once(lambda: group.ask("node1", do="start_services"))  # as systemd does, or somebody at a keyboard
    once(lambda: "was not as the record" in group.said("node1"))
    assert "cup1 was not as the record of epoch" in group.said("node1")
    assert "stopped presence" in group.said("node1")
    once(lambda: not runs(group))
    settled(group, "idle", "running_in_backup_mode")
    group.agents["node1"].kill()
    group.agents["node1"].wait()
    group.start("node1", "--verbose")  # it leaves them stopped
    settled(group, "idle", "running_in_backup_mode")
    told(group, "fallback(node1)", lambda: state(group) not in ("idle", None))
    settled(group, "normal", "normal")
    once(lambda: runs(group))


HOOKS = """
[hooks]
role = ["sh", "role.sh", "role"]
promote = ["sh", "role.sh", "primary"]
demote = ["sh", "role.sh", "replica"]
"""
ROLE = """\
# The role of a node is the content of a file.
file="$PRGCORE_NODE.role"
case $1 in
    role) cat "$file" 2>/dev/null || echo replica ;;
    *) echo "${PRGCORE_ROLE:-$1}" > "$file.new" && mv "$file.new" "$file" ;;
esac
"""
"""A node that lets some of its users go is told so by `demote`, and is still the primary of others."""


def test_an_old_primary_that_comes_back_by_itself_becomes_a_replica(group):
    group.file.write_text(group.file.read_text() + HOOKS)
    (group.folder / "role.sh").write_text(ROLE)
    mine = group.folder / "node1.role"

    def role():
        return mine.read_text().strip() if mine.exists() else ""

    for node in ("node1", "node2"):
        group.start(node)
    once(lambda: group.ask("node1", do="tell", event="enable_ha").get("entry"))
    settled(group, "normal", "normal")
    once(lambda: role() == "primary")
    group.agents["node1"].kill()
    group.agents["node1"].wait()
    once(lambda: state(group, "node2") == "running_in_backup_mode")
    assert role() == "primary", "nobody was left to demote it"
    group.start("node1", "--verbose")
    settled(group, "failed_over", "running_in_backup_mode")
    once(lambda: role() == "replica")
    mine.write_text("primary\n")  # somebody promotes it by hand
    once(lambda: role() == "replica")
    once(lambda: "made its resource replica" in group.said("node1"))
    assert "primary" in (group.folder / "node2.role").read_text()
