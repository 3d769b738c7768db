"""What is kept is bounded: the orders of a node that is away, and the history."""

from __future__ import annotations

import json
import random
import time
from itertools import groupby
from pathlib import Path

import pytest
from attrs import evolve, frozen

from prgcore.machine import PRG
from prgcore.running.node import own
from prgcore.seats import NODES
from prgcore.stores.keeping import settle
from prgcore.stores.record import (
    Order,
    acknowledged,
    away,
    begin,
    decided,
    not_asked_again,
)
from prgcore.stores.sqlite import SQLiteStore
from prgcore.vocabulary import Outcome
from tests import stores

DRAWERS = {node: own(PRG, node) for node in NODES}
MOST = 100
"""More orders are never open: some decisions for each node, of at most three orders each."""


def walked(seed, length, *, agent="", carries=0.0):
    """A walk: each record, and all orders that would be open if none were ever left out.

    Args:
        agent: the node whose agent keeps the record; empty: a controller does.
        carries: how often a node that is there carries out its orders before the next decision.
    """
    dice, pair = random.Random(seed), PRG.initial[0]
    start = {c: v for c, v in pair.items() if c != "link"} if agent else pair
    record, all_of_them = begin(start, DRAWERS if agent else None), ()
    here = agent or "controller"
    for _ in range(length):
        events = [e.name for e in PRG.model.events if PRG.possible(pair, e.name)]
        done = [e for e in events if PRG.step(pair, e).outcome is Outcome.DONE]
        if not done:
            return
        decision, before = PRG.step(pair, dice.choice(done)), record
        record, _ = decided(before, {c: pair[c] for c in start}, decision, by=here, time=1.0)
        all_of_them += tuple(o for o in record.orders if o.epoch == record.epoch)
        pair = decision.pair
        yield before, record, all_of_them
        for node in (*NODES, here):
            if node == here or (not away(record, node, here, PRG.habits) and dice.random() < carries):
                record = acknowledged(record, record.orders_of(node))
                all_of_them = tuple(o for o in all_of_them if o.node != node)


@pytest.mark.parametrize("agent", ["", "node1"])
@pytest.mark.parametrize("carries", [0.0, 0.5, 1.0])
def test_the_orders_of_a_node_that_is_away_do_not_grow_without_end(carries, agent):
    """Six more with every cycle reached etcd's 1.5 MB after some 3,400 cycles."""
    most = 0
    for _, record, _ in walked(3, 1_200, agent=agent, carries=carries):
        most = max(most, len(record.orders))
        assert len(json.dumps(record.to_json())) < 20_000
    assert 2 < most < MOST


def test_the_page_about_stores_says_how_many_orders_are_open():
    *_, (_, record, all_of_them) = walked(3, 1_200)
    page = " ".join((Path(__file__).parent.parent / "docs" / "stores.md").read_text("utf-8").split())
    assert (f"may decide 1,200 random events while no node carries out anything. Then "
            f"{len(record.orders)} orders are open, and {len(all_of_them)} without this rule") in page


@frozen
class World:
    """What a node has done: whether its services run, whom it serves, whether it has the grant."""

    services: bool
    serves: frozenset
    grant: bool
    restarted: bool = False

    def after(self, order, record):
        """The world after the node has carried out an order as its `duty` says."""
        mine = {g for g, n in PRG.habits.assignment(record.columns).items() if n == order.node}
        return {
            "start_critical_services": lambda: evolve(self, services=True),
            "stop_critical_services": lambda: evolve(self, services=False),
            "disconnect_users": lambda: evolve(self, serves=self.serves & mine),
            "move_users": lambda: evolve(self, serves=self.serves | mine),
            "acquire_grant": lambda: evolve(self, grant=True),
            "release_grant": lambda: evolve(self, grant=False),
            "restart_recovery_manager": lambda: evolve(self, restarted=True),
            "assign_users": lambda: self,
        }[order.do]()


def carried_out(orders, world, record):
    for order in orders:
        world = world.after(order, record)
    return world


@pytest.mark.parametrize("agent", ["", "node1", "node2"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_out_changes_nothing_that_a_node_does_in_the_end(seed, agent):
    dice, shorter = random.Random(seed), 0
    for before, record, all_of_them in walked(seed, 500, agent=agent, carries=0.4):
        shorter += len(record.orders) < len(all_of_them)
        kept = set(record.orders)
        assert kept <= set(all_of_them)
        assert list(record.orders) == [o for o in all_of_them if o in kept], "in their order"
        for node in NODES:
            long = [o for o in all_of_them if o.node == node]
            short = record.orders_of(node)
            world = World(dice.random() < 0.5, frozenset(dice.sample(NODES, dice.randrange(3))),
                          dice.random() < 0.5)
            assert carried_out(short, world, record) == carried_out(long, world, record)
            assert bool(short) == bool(long), "a completion waits for the same orders"
            assert all(any(k.do == o.do and set(o.users) <= set(k.users) and k.epoch > o.epoch
                           for k in short) for o in set(long) - set(short)), "for the same users"
            for epoch, whole in groupby(short, lambda o: o.epoch):
                assert list(whole) == [o for o in long if o.epoch == epoch], "a decision's part is whole"
            if not away(record, node, agent or "controller", PRG.habits):
                assert set(before.orders_of(node)) <= set(short), "a node that is there loses none"
    assert shorter > 30, "a walk in which nothing is left out shows nothing"


def orders(node, *decisions):
    return tuple(Order(epoch, number, node, do) for epoch, asked in enumerate(decisions, 1)
                 for number, do in enumerate(asked))


@pytest.mark.parametrize(("asked", "left"), [
    ((["disconnect", "release"], ["disconnect"]), {1, 2}),  # else it gives back before it lets go
    ((["disconnect"], ["disconnect", "release"]), {2}),
    ((["disconnect", "release"], ["release", "disconnect"]), {1, 2}),
    ((["start"], ["stop"], ["start"]), {2, 3}),
    ((["start"], ["stop"], ["move"]), {1, 2, 3}),
    ((["a", "b"], ["a", "b"], ["b"], ["a", "b"]), {4}),
    ((["a"], ["b"], []), {1, 2}),
])
def test_a_decision_gives_way_only_to_one_that_asks_for_all_of_it_in_its_order(asked, left):
    before = orders("node1", *asked[:-1])
    newer = tuple(evolve(o, epoch=len(asked)) for o in orders("node1", asked[-1]))
    other = (Order(1, 9, "node2", "disconnect"),)
    kept = (*not_asked_again((*before, *other), newer, ["node1"]), *newer)
    assert {o.epoch for o in kept if o.node == "node1"} == left - ({len(asked)} if not newer else set())
    assert other[0] in kept
    assert not_asked_again(before, newer, ["node2"]) == before


# ------------------------------------------------------------------------ the history


@pytest.fixture
def full(tmp_path):
    """A store of 3,000 decisions, one a minute until now, and its group file."""
    now = time.time()
    with SQLiteStore(tmp_path / "pair.db") as store:
        store.write({"epoch": 3000}, 0)
        with store._file.changing() as file:
            file.executemany("INSERT INTO history VALUES (?, ?)", [
                (n, json.dumps({"epoch": n, "time": now - 60 * (3000 - n)})) for n in range(1, 3001)])
    (tmp_path / "group.toml").write_text(
        'group = "A"\nstore = "sqlite:pair.db"\nsecurity = {off = true}\n[node1]\n[node2]\nservice = "127.0.0.1:22002"\n'
        'admin = "127.0.0.1:20076"\n')
    return tmp_path


@pytest.mark.parametrize("file", ["pair.db", "group.toml"])
@pytest.mark.parametrize(("keep", "first"), [
    ((), 1), (("--keep", "1500"), 1501), (("--keep", "0"), 2001), (("--keep", "24h"), 1560),
    (("--keep", "1h"), 2001), (("--keep", "9w"), 1), (("--keep", "3000"), 1), (("--keep", "2999"), 2)])
def test_the_history_is_dropped_but_for_what_is_kept(run, full, file, keep, first):
    """The newest thousand stay, whatever is asked: a late writer must be able to settle."""
    answer = run("log", "--compact", full / file, *keep)
    assert answer.code == 0, answer.err
    with SQLiteStore(full / "pair.db") as store:
        epochs = [e["epoch"] for e in store.history()]
    assert abs(epochs[0] - first) <= (1 if "24h" in keep else 0)
    assert epochs == list(range(epochs[0], 3001))
    assert f"{epochs[0] - 1:,} entr" in answer.out
    assert f"epochs {epochs[0]:,} to 3,000 are kept" in answer.out
    again = json.loads(run("log", "--compact", full / file, "--keep", "9w", "--json").out)
    assert again == {"file": str(full / file), "dropped": 0, "first": epochs[0], "last": 3000}
    with SQLiteStore(full / "pair.db") as store:
        kept = store.read()
        store.write({"epoch": 3001}, kept.version, {"epoch": 3001})
        settle(store, {"epoch": 3001}, kept.version, {"epoch": 3001})


def test_what_has_no_history_to_drop_is_refused(bad, full):
    (full / "log.jsonl").write_text("{}\n")
    assert "is not a store; --compact needs" in bad("log", "--compact", full / "log.jsonl")
    assert "cannot read" in bad("log", "--compact", full / "nowhere.db")
    assert "- is not a store" in bad("log", "--compact", "-")
    for keep in ("", "x", "-1", "1.5", "30y", "9" * 400):
        assert "expected a number of entries" in bad(
            "log", "--compact", full / "pair.db", f"--keep={keep}")
    assert "for a group whose store is etcd" in bad(
        "log", "--compact", full / "group.toml", "--revisions")
    assert "--since" in bad("log", "--compact", full / "pair.db", "--since", "1d")


def test_the_history_of_a_group_is_read_by_its_file(run, full):
    (full / "pair.db").rename(full / "old.db")
    (full / "pair.db-wal").unlink(missing_ok=True)
    with SQLiteStore(full / "pair.db") as store:
        stores.first(store)
        stores.steps("", 5, 1, store)
    by_group, by_file = (run("log", full / name, "--json") for name in ("group.toml", "pair.db"))
    assert by_group.out == by_file.out
    assert json.loads(by_group.out)["entries"] == 5
