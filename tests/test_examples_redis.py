"""The example with two servers of Redis: what its script does to them, and a pair of agents."""

from __future__ import annotations

import signal
import time

import pytest

from tests.databases import LONG, Redis, lines
from tests.pairs import Pair
from tests.waits import once

pytestmark = pytest.mark.redis

HANGS = 5.0
"""After how many seconds a server that does not obey is killed."""


@pytest.fixture
def servers():
    """A primary and a replica, without agents."""
    both = Redis()
    try:
        for node in ("node1", "node2"):
            both.start(node)
            once(lambda node=node: both.act(node, "check").returncode == 0)
        both.does("node1", "promote")
        once(lambda: both.act("node1", "current").returncode == 0)
        yield both
    finally:
        both.close()


def test_a_server_starts_as_a_replica_however_it_is_started(servers):
    assert [servers.does(n, "role") for n in ("node1", "node2")] == ["master", "slave"]
    servers.does("node1", "promote")
    with servers.connect("node1", socket_timeout=LONG) as one:
        one.set("row", 1)
        assert one.wait(1, 20_000) == 1
    servers.kill("node1")
    once(lambda: servers.act("node1", "check").returncode != 0)
    assert servers.act("node1", "role").stdout.strip() not in ("master", "slave")
    servers.does("node2", "promote")
    servers.start("node1")
    once(lambda: servers.act("node2", "current").returncode == 0)
    assert [servers.does(n, "role") for n in ("node1", "node2")] == ["slave", "master"]
    with servers.connect("node1") as one, pytest.raises(Exception, match="read only replica"):
        one.set("row", 2)


def test_a_replica_that_was_promoted_by_mistake_loses_only_what_it_wrote_alone(servers):
    servers.does("node2", "promote")
    with servers.connect("node1") as one, servers.connect("node2") as two:
        two.set("mistake", 1)
        assert two.wait(1, 100) == 0
        one.set("right", 1)
        servers.does("node2", "demote")
        once(lambda: servers.act("node1", "current").returncode == 0)
        once(lambda: two.keys() == ["right"])


def test_a_fence_kills_a_server_that_is_stopped(servers):
    servers.signal("node1", signal.SIGSTOP)
    assert servers.act("node1", "check").returncode != 0
    servers.does("node1", "self_fence")
    assert servers.started["node1"].wait(LONG)
    servers.does("node1", "self_fence")
    servers.does("node1", "demote")



def test_a_newcomer_writes_less_than_80_lines():
    assert lines("redis", "group.toml", "redis.sh") < 80


# ------------------------------------------------------------------------ two agents


@pytest.fixture
def pair():
    """Both agents, node1 active, node2 a current standby, and a client at each server."""
    both = Pair(Redis())
    try:
        both.begin()
        yield both
    finally:
        both.close()


def of_service(pair):
    """The bound for a server that does not answer: its check, then the timer of the standby."""
    return pair.group.nodes["node1"].services["redis"].check.bound + pair.bound(
        lambda most: most["take_over(node1)"])


def test_the_primary_is_killed_then_a_switchover_brings_it_home(pair):
    now = time.monotonic()
    pair.servers.kill("node1")
    pair.writes("node2", now)
    pair.home("node2", "node1")
    later = time.monotonic()
    pair.tells("switchover(node1)", "node1")
    pair.writes("node1", later)
    pair.home()
    pair.judges(since=now, bound=of_service(pair))


def test_a_primary_that_hangs_is_killed_before_the_replica_is_promoted(pair):
    now = time.monotonic()
    pair.servers.signal("node1", signal.SIGSTOP)
    pair.writes("node2", now)
    pair.home("node2", "node1")
    pair.judges(since=now, bound=of_service(pair) + HANGS)


def test_a_server_whose_agent_is_killed_is_fenced_before_its_peer_is_promoted(pair):
    now = time.monotonic()
    pair.agents["node1"].kill()
    pair.writes("node2", now)
    pair.start("node1")
    pair.home("node2", "node1")
    pair.judges()


def test_a_replica_that_somebody_promotes_by_hand_is_a_replica_soon(pair):
    pair.servers.does("node2", "promote")
    pair.until(lambda: pair.servers.act("node2", "role").stdout.strip() == "slave")
    pair.stays()
