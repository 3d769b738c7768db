"""Records and terms in the simulated world: real turns, restarts in any order, other stores.

An agent here is the real one; `tests/test_rollout.py` searches every order in a smaller model.
"""

from __future__ import annotations

import random
from heapq import heapify

import pytest
from attrs import evolve

from prgcore.running import terms
from prgcore.running.lease import Lease, lease_text
from prgcore.running.state import AgentState
from prgcore.seats import NODES
from prgcore.world.happen import HAPPENS
from prgcore.world.judge import Judge, Wrong
from prgcore.world.play import at_home, standard
from prgcore.world.pump import ask, begin_agent
from prgcore.world.stores import Arbiter, Store
from prgcore.world.world import World

STANDARD = standard()


class Files:
    """What the group file of each node says, and with which options its agent starts next."""

    def __init__(self) -> None:
        self.lease = dict.fromkeys(NODES, STANDARD.lease)
        self.machine = dict.fromkeys(NODES, STANDARD.terms["machine"])
        self.options: dict[str, dict[str, bool]] = {n: {} for n in NODES}

    def start(self, charter, parameters, now, memory):
        node = charter.node
        charter = evolve(
            charter, lease=self.lease[node], **{"new": False, **self.options[node]},
            terms={**charter.terms, "lease": lease_text(self.lease[node]),
                   "machine": self.machine[node]})
        return AgentState.start(charter, parameters, now, memory)


@pytest.fixture
def world():
    """A pair at home, and the group files of its nodes."""
    one = at_home(STANDARD)
    files = Files()
    one.setting = evolve(STANDARD, start=files.start)
    one.story = []
    return one, files


class Users(Judge):
    """A judge of users only: in these worlds there are two stores, and each may be the right one."""

    def kept(self, world, node, entry) -> None:
        pass

    def written(self, world, node, store, before, write) -> None:
        pass


class Anybody(Arbiter):
    """An arbiter on each host: each gives its grant to the node there."""

    def hold(self, *_) -> bool:
        return True


def trouble(one: World, node: str) -> str:
    return one.hosts[node].agent.state.trouble


def happen(one: World, what: str, node: str, value=None) -> None:
    HAPPENS[what](one, node, value)


def restart(one: World, node: str, *, clean: bool, after: float = 0.5) -> None:
    stop(one, node, clean=clean)
    one.run(one.now + after)
    begin_agent(one, node)


def stop(one: World, node: str, *, clean: bool) -> None:
    happen(one, "stop" if clean else "kill", node)
    for _ in range(200):
        if one.hosts[node].agent is None:
            break
        one.run(one.now + 0.1)
    assert one.hosts[node].agent is None, "\n".join(one.story[-20:])


def serves(one: World, node: str) -> bool:
    """Whether a node serves anybody."""
    return any(one.hosts[node].serves(home, one.now, one.late) for home in NODES)


def somebody_serves(one: World, home: str) -> bool:
    return any(host.serves(home, one.now, one.late) for host in one.hosts.values())


def still(one: World) -> None:
    """Let the operator ask for nothing any more."""
    one.queue = [event for event in one.queue if event[2] != "operate"]
    heapify(one.queue)


def until(one: World, true, seconds: float = 60) -> None:
    """Let the world go on until something is true."""
    end = one.now + seconds
    while not true():
        assert one.now < end, "\n".join(one.story[-30:])
        one.run(one.now + 0.25)


def record(one: World):
    return one.stores["main"].record


LEASES = {"longer": Lease(8, 12, 0.3, 0.3), "shorter": Lease(0.5, 1.2, 0.3, 0.3),
          "a longer wait": Lease(2, 9, 0.3, 0.3)}


def isolated(one: World, node: str) -> None:
    """A node reaches neither its peer nor the store for a while. It serves until its lease ends."""
    for what, seconds in (("cut_all", 0), ("refuse", 25), ("answer", 0), ("join_all", 8)):
        happen(one, what, node)
        one.run(one.now + seconds)


def rolled_out(world: tuple[World, Files], lease: Lease, *, clean: bool) -> None:
    """One node after the other gets another lease; before, between and after it, each is isolated."""
    one, files = world
    files.lease = dict.fromkeys(NODES, lease)
    files.options["node1"] = {"adopt": True}
    restart(one, "node1", clean=clean)
    until(one, lambda: record(one).proposed)
    assert record(one).proposed["lease"] == lease_text(lease)
    assert record(one).terms == STANDARD.terms
    for node in NODES:
        isolated(one, node)
    restart(one, "node2", clean=clean)
    until(one, lambda: not record(one).proposed)
    assert record(one).terms["lease"] == lease_text(lease)
    for node in NODES:
        isolated(one, node)
        assert not trouble(one, node)


@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
@pytest.mark.parametrize("lease", LEASES.values(), ids=LEASES)
def test_a_lease_is_rolled_out_node_by_node(world, lease, clean):
    rolled_out(world, lease, clean=clean)


def test_without_the_lease_of_both_a_longer_one_serves_twice(world, monkeypatch):
    """As in the build before, where each agent kept the lease of its own file."""
    monkeypatch.setattr(terms, "in_force", lambda charter, _: charter.lease)
    with pytest.raises(Wrong, match=r"^twice: "):
        rolled_out(world, LEASES["longer"], clean=True)


def walk(seed: int) -> World:
    """Restarts under any of three leases and two machines, and cuts, at random; then the same."""
    dice = random.Random(seed)
    one, files = at_home(STANDARD, seed % 8 / 8), Files()
    one.setting, one.story = evolve(STANDARD, start=files.start), []
    leases = [STANDARD.lease, *dice.sample(list(LEASES.values()), 2)]
    machines = [STANDARD.terms["machine"], dice.choice([STANDARD.terms["machine"], "another"])]
    for _ in range(12):
        node = dice.choice(NODES)
        files.lease[node], files.machine[node] = dice.choice(leases), dice.choice(machines)
        files.options[node] = {"adopt": dice.random() < 0.7}
        restart(one, node, clean=dice.random() < 0.5, after=dice.choice((0.1, 0.5, 3)))
        one.run(one.now + dice.choice((0.3, 2, 9)))
        if dice.random() < 0.5:
            happen(one, "cut_all", node)
            one.run(one.now + dice.choice((1, 6, 15)))
            happen(one, "join_all", node)
            one.run(one.now + dice.choice((0.5, 3)))
    for node in NODES:
        files.lease[node], files.machine[node] = leases[1], machines[0]
        files.options[node] = {"adopt": True}
        stop(one, node, clean=True)
    for node in NODES:
        begin_agent(one, node)
    until(one, lambda: record(one).terms["lease"] == lease_text(leases[1])
          and not record(one).proposed)
    one.run(one.now + 2)
    assert not [node for node in NODES if trouble(one, node)]
    return one


@pytest.mark.parametrize("seed", range(6))
def test_no_walk_of_restarts_under_other_terms_serves_twice(seed):
    walk(seed)


# --------------------------------------------------------------- other records, and copies


def apart(*, new: bool = True) -> tuple[World, Files]:
    """Two hosts with one group file and a store on each, as SQLite's `pair.db` would be."""
    one, files = World(STANDARD), Files()
    one.setting, one.story = evolve(STANDARD, start=files.start), []
    one.judge, one.stores["here"] = Users(), Store("here")
    one.arbiter = Anybody(STANDARD.grant)
    one.hosts["node2"].store = "here"
    files.options = {node: {"new": new} for node in NODES}
    return one, files


def test_two_records_of_one_group_file_are_noticed_and_never_serve_twice():
    one, _ = apart()
    for node in NODES:
        begin_agent(one, node)
    until(one, lambda: all(trouble(one, node) for node in NODES))
    for node in NODES:
        assert trouble(one, node).startswith("the other node keeps the record ")
    one.run(one.now + 10)
    assert not any(serves(one, node) for node in NODES)
    happen(one, "cut_all", "node1")
    one.run(one.now + 60)
    assert not any(serves(one, node) for node in NODES), "they know it still"


def test_two_records_that_never_hear_each_other_serve_no_user_twice():
    one, _ = apart()
    happen(one, "cut_all", "node1")
    for node in NODES:
        begin_agent(one, node)
        one.run(one.now + 3)
        ask(one, node, "enable_ha")
    one.run(one.now + 60)
    for node in NODES:
        assert not trouble(one, node)
        assert serves(one, node)
        assert [*one.hosts[node].services.groups] == [node], "not those of the node that never sat"
    happen(one, "join_all", "node1")
    until(one, lambda: any(trouble(one, node) for node in NODES))


def test_nobody_begins_a_record_unasked():
    one, files = apart(new=False)
    for node in NODES:
        begin_agent(one, node)
    one.run(one.now + 20)
    for node in NODES:
        assert trouble(one, node).startswith("the store has no record yet: ")
    assert all(store.record is None for store in one.stores.values())
    one.hosts["node2"].store = "main"
    files.options["node1"] = {"new": True}
    restart(one, "node1", clean=True)
    until(one, lambda: all(serves(one, node) for node in NODES))


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("what", ["old", "other", "empty_all"])
def test_a_restart_on_another_record_is_noticed_and_heals(world, what, node):
    """An old copy, a foreign record, or nothing lies where the store was; one agent restarts."""
    one, _ = world
    ask(one, "node1", "disable_ha")
    one.run(one.now + 5)
    happen(one, what, node)
    assert one.hosts[node].store != "main"
    restart(one, node, clean=False)
    until(one, lambda: trouble(one, node))
    assert trouble(one, node).startswith({
        "old": ("the store has another copy of the record: ", "the other node keeps another copy"),
        "other": "the store has the record ",
        "empty_all": "the store is empty, but it had the record "}[what])
    happen(one, "cut_all", node)
    one.run(one.now + 60)
    assert not serves(one, node)
    assert one.hosts[node].agent is not None, "it stays up to say it"
    happen(one, "join_all", node)
    happen(one, "main_all", node)
    until(one, lambda: not trouble(one, node) and all(somebody_serves(one, n) for n in NODES))


def test_two_copies_of_one_record_are_noticed_also_after_a_restart(world):
    one, _ = world
    still(one)
    ask(one, "node1", "disable_ha")  # so that no node takes users over before they hear each other
    one.run(one.now + 5)
    happen(one, "kill", "node2")
    main = one.stores["main"]
    one.judge, one.stores["copy"] = Users(), Store("copy", main.record, main.version, [*main.history])
    one.hosts["node2"].store = "copy"
    ask(one, "node1", "enable_auto_fallback")
    one.run(one.now + 5)
    assert main.record.epoch > one.stores["copy"].record.epoch
    begin_agent(one, "node2")
    copies = "the other node keeps another copy of the record: "
    until(one, lambda: any(trouble(one, n).startswith(copies) for n in NODES))
    (first, *_) = [n for n in NODES if trouble(one, n).startswith(copies)]
    happen(one, "cut_all", "node1")
    restart(one, first, clean=False)
    until(one, lambda: trouble(one, first))
    one.run(one.now + 60)
    assert trouble(one, first).startswith("the store has another copy of the record: ")


def test_new_goes_on_with_an_old_copy_and_higher_tokens(world):
    one, files = world
    ask(one, "node1", "failover(node1)")
    one.run(one.now + 20)
    before = max(c.token for c in record(one).claims.values())
    old = next(kept for kept in one.stores["main"].past if kept[0] and kept[0].epoch > 1)
    for node in NODES:
        happen(one, "kill", node)
    one.stores["main"] = Store("main", *old, one.stores["main"].history[:old[0].epoch])
    files.options = {node: {"new": True} for node in NODES}
    for node in NODES:
        begin_agent(one, node)
    until(one, lambda: len(record(one).seats) == 2 and record(one).epoch >= old[0].epoch + 2)
    assert record(one).id != old[0].id
    assert not any(trouble(one, node) for node in NODES)
    assert min(c.token for c in record(one).claims.values()) > before
