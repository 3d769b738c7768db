"""Two real nodes on a store that is broken: they live on, say so, serve nobody twice, and come home."""

from __future__ import annotations

import importlib
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from prgcore.errors import Unavailable
from prgcore.seats import NODES
from tests.stores import LONG

EXAMPLES = Path(__file__).parent.parent / "examples" / "two_nodes"
TIMES = {"keep_alive_timeout": 3.0, "initialization_keep_alive_timeout": 4.0}
"""Time-outs for a busy computer: hardly a heartbeat of a node that lives is later."""
HELD = 5.0
"""How many seconds a fault lasts: longer than every lease and time-out."""
LOCKED = 12.0
"""How many seconds a foreign program keeps its lock: longer than a write waits for it, twice."""
ASKS = 200
FLIPPED = 100


class Broken:
    """The pair of the example and its store, home, with users."""

    def __init__(self, campaign, faults, store, pair):
        self.campaign, self.faults, self.store, self.pair = campaign, faults, store, pair
        pair.up()
        store.ready(pair)
        self.until(lambda: {a.home for a in pair.users.answers} == {*NODES})

    def until(self, true):
        end = time.monotonic() + LONG
        while not (found := true()):
            assert time.monotonic() < end, (self.pair.troubles(), self.pair.status())
            time.sleep(0.05)
        return found

    def asked(self):
        """Wait until users have asked each node some times more; the moment when that began."""
        began = time.monotonic()
        enough = {n: len(self.pair.users.asked[n]) + ASKS for n in NODES}
        self.until(lambda: all(len(self.pair.users.asked[n]) >= enough[n] for n in NODES))
        return began

    def answers(self, home, node, since):
        return [a for a in self.pair.users.answers
                if (a.home, a.node) == (home, node) and a.asked >= since]

    def page(self, node):
        host, port = self.pair.group.nodes[node].admin
        with urlopen(f"http://{host}:{port}/", timeout=LONG) as answer:
            assert answer.status == 200
            return answer.read().decode()

    def said(self, node):
        """What an agent has written on standard error."""
        return (self.pair.directory / f"{node}.out").read_text()

    def says(self, run, nodes=NODES, word=""):
        """Every face says the trouble: the answer of an agent, its page, `ha status`, its output."""
        found = self.until(lambda: self.troubled(nodes, word))
        for node in nodes:
            assert f"{self.pair.group.nodes[node].name} is in trouble:" in self.page(node)
        answer = run("ha", "status", "--state", self.pair.file)
        for node in nodes:
            assert f"{self.pair.group.nodes[node].name}: " in answer.err
        self.until(lambda: all(word in self.said(n) for n in nodes))
        return found

    def troubled(self, nodes, word):
        found = self.pair.troubles()
        return found if all(word in found.get(n, "") and found.get(n) for n in nodes) else None

    def tells(self, node):
        """Whether an agent answers."""
        with suppress(Unavailable):
            return self.pair.ask(node, do="status")["node"] == node
        return False

    def lives(self):
        assert all(self.pair.running(n) for n in NODES)
        assert self.pair.ended == []

    def home(self, cures=0):
        """Both come home and serve their own users again; then everything is judged."""
        assert self.pair.home(LONG), self.pair.status()
        result = self.campaign.Result(0, "", kinds=("lost",) if cures else ())
        self.campaign.settle(self.pair, result)
        self.campaign.judge(self.pair, result)
        assert result.wrong == []
        assert self.pair.cures == cures


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """Make a pair whose store can be broken."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    campaign, faults, pairs = (importlib.import_module(n) for n in ("campaign", "faults", "pair"))
    made = SimpleNamespace(store=None, pair=None)

    def make(kind, members=1, **times):
        folder = tmp_path / "Sales"
        made.store = faults.SQLite(folder) if kind == "sqlite" else faults.Etcd(
            folder / "etcd", members)
        made.pair = pairs.TwoNodes(folder, made.store.address, made.store.addresses, **(TIMES | times))
        return Broken(campaign, faults, made.store, made.pair)

    yield make
    if made.pair:
        made.pair.down()
    if made.store:
        made.store.close()


def etcd(*values):
    return pytest.param(*values, marks=pytest.mark.etcd)


# -------------------------------------------------------------- what ends by itself


@pytest.mark.parametrize(("store", "kind", "nodes", "word"), [
    ("sqlite", "deleted", NODES, "put it back, or"),
    etcd("etcd", "killed", NODES, "etcd at http"),
    etcd("etcd", "stopped", NODES, "does not answer within"),
    etcd("etcd", "cut", NODES[:1], "etcd at http"),
    etcd("etcd", "deaf", NODES[1:], "does not answer within"),
])
def test_a_store_that_is_away_is_said_and_the_pair_comes_home(broken, run, store, kind, nodes, word):
    it = broken(store)
    it.store.begin(it.pair, kind, nodes[0])
    began = time.monotonic()
    said = it.says(run, nodes, word)
    while time.monotonic() < began + HELD:
        time.sleep(0.05)
    it.lives()
    assert not any("--new" in text for text in said.values()) or kind == "deleted"
    it.store.mend(it.pair)
    it.home()
    assert it.pair.ended == []


@pytest.mark.parametrize(("store", "word"), [("sqlite", "disk"), etcd("etcd", "NOSPACE")])
def test_a_full_store_is_said_once_something_is_to_be_written(broken, run, store, word):
    it = broken(store)
    it.store.begin(it.pair, "full", "node1")
    for node in NODES:
        it.pair.kill(node, "presence")
    found = it.until(lambda: it.troubled(NODES, word))
    assert len(found) == len(NODES)
    for node in NODES:
        assert "is in trouble:" in it.page(node)
    assert word in run("ha", "status", "--state", it.pair.file).err
    it.lives()
    it.store.mend(it.pair)
    it.home()


def test_a_foreign_lock_and_a_dead_service_do_not_stop_the_healthy_node(broken, run):
    """It stopped for 27 seconds: its readings waited behind its write."""
    it = broken("sqlite")
    it.store.begin(it.pair, "locked", "node1")
    began = time.monotonic()
    it.pair.kill("node1", "presence")
    it.says(run, NODES[:1], "locked")
    while time.monotonic() < began + LOCKED:
        time.sleep(0.05)
    served = [a for a in it.answers("node2", "node2", began + LOCKED / 2) if a.asked < began + LOCKED]
    assert len(served) > ASKS / 20, "in the second half of the fault too"
    it.lives()
    it.store.mend(it.pair)
    it.home()


@pytest.mark.etcd
@pytest.mark.parametrize("node", NODES)
def test_one_server_of_three_is_lost_and_nothing_is_decided(broken, node):
    it = broken("etcd", 3, keep_alive_timeout=30.0, initialization_keep_alive_timeout=60.0)
    before = it.pair.history()
    it.store.begin(it.pair, "member_killed", node)
    began = it.asked()
    it.until(lambda: all(it.answers(n, n, began + 1) for n in NODES))
    assert it.pair.history() == before
    it.lives()
    it.store.mend(it.pair)
    it.home()
    assert it.pair.history() == before


@pytest.mark.parametrize("store", ["sqlite", etcd("etcd")])
def test_two_agents_that_are_stopped_lose_nobody(broken, store):
    it = broken(store)
    before = len(it.pair.history())
    for node in NODES:
        it.pair.pause(node, "agent")
    time.sleep(10)
    resumed = time.time()
    for node in NODES:
        it.pair.resume(node, "agent")
    began = time.monotonic()
    it.until(lambda: all(it.answers(n, n, began) for n in NODES))
    it.asked()
    at_once = resumed, resumed + TIMES["keep_alive_timeout"]  # a real silence is noticed later
    assert [entry for entry in it.pair.history()[before:] if at_once[0] <= entry["time"] < at_once[1]] == [], (
        "neither takes its own stall for the silence of the other")
    it.home()


@pytest.mark.etcd
def test_a_flipped_byte_in_each_answer_ends_no_agent(broken):
    it = broken("etcd")
    for node in NODES:
        it.store.begin(it.pair, "damaged", node)
    gates = [gate for gates in it.store.gates.values() for gate in gates]
    it.until(lambda: all(gate.damaged >= FLIPPED for gate in gates))
    it.lives()
    it.store.mend(it.pair)
    it.until(lambda: all(it.tells(n) for n in NODES))
    it.lives()
    for node in NODES:
        assert "Traceback" not in it.said(node), it.said(node)
        assert "BUG" not in it.said(node)
    assert it.pair.users.twice() == []


# ------------------------------------------------------------- what a person must end


@pytest.mark.parametrize(("store", "members", "kind", "word"), [
    ("sqlite", 1, "lost", "put it back, or"),
    ("sqlite", 1, "replaced", "another copy of the record"),
    etcd("etcd", 1, "wiped", "the store is empty"),
    etcd("etcd", 3, "wiped", "the store is empty"),
])
def test_a_record_that_is_lost_serves_nobody_until_a_person_says_so(
        broken, run, store, members, kind, word):
    it = broken(store, members)
    it.store.begin(it.pair, kind, "node1")
    said = it.says(run, NODES, word)
    assert all("both agents, and start them with --new" in text for text in said.values())
    time.sleep(it.pair.group.lease.waits)
    began = it.asked()
    assert [a for a in it.pair.users.answers if a.asked >= began] == []
    it.lives()
    for node in NODES:
        lines = [line.partition(",")[2][4:] for line in it.said(node).splitlines()]
        assert any(word in line for line in lines)
        assert all(one != two for one, two in pairwise(lines)), "it says each thing once, until it changes"
    it.home(cures=1)


def test_an_agent_is_told_to_stop_while_the_store_is_away(broken):
    it = broken("sqlite")
    it.store.begin(it.pair, "locked", "node1")
    it.pair.stop_both(LONG)
    assert [agent.returncode for agent in it.pair.agents.values()] == [0, 0]
    it.store.mend(it.pair)
    it.home()
