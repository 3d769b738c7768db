"""The example with two servers of Redis: what its script does to them, and a pair of agents."""

from __future__ import annotations

import signal

import pytest

from tests.databases import Redis
from tests.waits import once

pytestmark = pytest.mark.redis


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
    with servers.connect("node1") as one:
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
    assert servers.started["node1"].wait(20)
    servers.does("node1", "self_fence")
    servers.does("node1", "demote")
