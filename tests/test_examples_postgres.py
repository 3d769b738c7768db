"""The example with two servers of PostgreSQL: what its script does to them, and a pair of agents."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.databases import Disk, Postgres, lines
from tests.pairs import Pair, load
from tests.waits import once, stop

pytestmark = pytest.mark.postgres

ALONE = "set synchronous_commit = local; "
"""A row that does not wait for the standby."""

HANGS = 5.0
"""After how many seconds a server that does not obey is killed."""


@pytest.fixture
def servers():
    """A primary and a standby, without agents."""
    both = Postgres()
    try:
        both.does("node1", "start")
        both.does("node1", "promote")
        both.asks("node1", f"{ALONE}create table rows (row text primary key)")
        both.does("node2", "demote")
        both.does("node2", "start")
        once(lambda: current(both, "node1"))
        yield both
    finally:
        both.close()


def current(servers, node):
    """Whether the primary says that its standby is current."""
    return servers.act(node, "current").returncode == 0


def synchronous(servers, node):
    return servers.asks(node, "show synchronous_standby_names") == [("*",)]


def test_a_server_starts_as_a_standby_however_it_is_started(servers):
    assert [servers.does(n, "role") for n in ("node1", "node2")] == ["primary", "replica"]
    servers.does("node1", "promote")
    for node in ("node1", "node2"):
        servers.does(node, "check")
    servers.kill("node1")
    once(lambda: servers.act("node1", "check").returncode != 0)
    assert servers.act("node1", "role").returncode != 0
    servers.does("node1", "start")
    assert servers.does("node1", "role") == "replica"


def test_an_old_primary_is_rewound_and_follows_the_new_one(servers):
    servers.asks("node1", "insert into rows values ('kept')")
    servers.kill("node2")
    servers.asks("node1", f"{ALONE}insert into rows values ('lost')")
    servers.kill("node1")
    servers.does("node2", "start")
    servers.does("node2", "promote")
    servers.asks("node2", f"{ALONE}insert into rows values ('new')")
    servers.does("node1", "demote")
    servers.does("node1", "start")
    once(lambda: current(servers, "node2"))
    assert servers.rows("node1") == servers.rows("node2") == {"kept", "new"}


def test_a_standby_that_crashed_is_not_rewound(servers):
    """pg_rewind would end its recovery, write to its log, and report that there is nothing to do."""
    servers.kill("node2")
    servers.asks("node1", f"{ALONE}insert into rows select 'x' || n from generate_series(1, 2000) n")
    servers.does("node2", "demote")
    servers.does("node2", "start")
    once(lambda: current(servers, "node1"))
    assert len(servers.rows("node2")) == 2000


def test_half_a_copy_is_never_taken_for_a_whole_one(servers):
    """pg_rewind would end its recovery and keep it: a standby with holes, for ever."""
    servers.kill("node2")
    folder = servers.folder / "node2"
    subprocess.run(["rm", "-rf", folder / "data"], check=True)
    hook = subprocess.Popen(
        ["sh", servers.script, "demote"], cwd=servers.folder, start_new_session=True,
        env=os.environ | {"PRGCORE_NODE": "node2"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    once(lambda: [*folder.glob("data*/base")])
    os.killpg(hook.pid, signal.SIGKILL)
    hook.wait()
    assert not (folder / "data").exists()
    servers.does("node2", "demote")
    servers.does("node2", "start")
    once(lambda: current(servers, "node1"))
    assert not (folder / "data.new").exists()


def test_a_standby_that_was_promoted_by_mistake_loses_only_what_it_wrote_alone(servers):
    servers.does("node2", "promote")
    assert synchronous(servers, "node2"), "so nobody's row is acknowledged there"
    servers.asks("node2", f"{ALONE}insert into rows values ('mistake')")
    servers.asks("node1", f"{ALONE}insert into rows values ('right')")
    servers.does("node2", "demote")
    servers.does("node2", "start")
    once(lambda: current(servers, "node1"))
    assert servers.rows("node2") == {"right"}


def test_a_primary_waits_for_its_standby_until_the_record_says_that_it_is_behind(servers):
    assert synchronous(servers, "node1")
    servers.kill("node2")
    once(lambda: not current(servers, "node1"))
    for action in ("promote", ""):
        servers.does("node1", "promote", PRGCORE_ACTION=action)
        assert synchronous(servers, "node1")
    servers.does("node1", "promote", PRGCORE_ACTION="serve_alone")
    once(lambda: not synchronous(servers, "node1"))
    servers.does("node2", "start")
    once(lambda: current(servers, "node1"))
    assert synchronous(servers, "node1"), "before it is current"


def test_a_fence_kills_a_server_that_is_stopped(servers):
    servers.signal("node1", signal.SIGSTOP)
    assert servers.act("node1", "check").returncode != 0
    assert servers.act("node1", "role").returncode != 0
    servers.does("node1", "self_fence")
    assert servers.pids("node1") == []
    servers.does("node1", "self_fence")


def test_a_newcomer_writes_less_than_80_lines():
    assert lines("postgres", "group.toml", "pg.sh") < 80


# ------------------------------------------------------------------------ two agents


@pytest.fixture
def pair():
    """Both agents, node1 active, node2 a current standby, and a client at each server."""
    both = Pair(Postgres())
    try:
        both.begin()
        yield both
    finally:
        both.close()


@pytest.fixture
def small():
    """A pair whose node1 has a small disk, and that disk."""
    servers = Postgres()
    try:
        disk = Disk(servers, "node1")
        both = Pair(servers)
    except BaseException:
        servers.close()
        raise
    try:
        both.begin()
        yield both, disk
    finally:
        both.close()


@pytest.fixture
def asynchronous():
    """A pair of which the primary never waits for its standby: one line of the script."""
    servers = Postgres()
    text = (servers.folder / "pg.sh").read_text()
    (other,) = re.findall(r"^# Asynchronous: (.*)  \(bytes\)$", text, re.MULTILINE)
    (usual,) = re.findall(r"^all=.*$", text, re.MULTILINE)
    servers.replaces("pg.sh", {f"\n{usual}": f"\n{other}"})
    both = Pair(servers)
    try:
        both.begin()
        yield both
    finally:
        both.close()


def of_service(pair):
    """The bound for a server that does not answer: its check, then the timer of the standby."""
    return pair.group.nodes["node1"].services["postgres"].check.bound + pair.bound(
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


def test_a_primary_that_hangs_is_killed_before_the_standby_is_promoted(pair):
    now = time.monotonic()
    pair.servers.signal("node1", signal.SIGSTOP)
    pair.writes("node2", now)
    pair.home("node2", "node1")
    pair.judges(since=now, bound=of_service(pair) + HANGS)


def of_node(pair):
    """The bound for a node that is not heard: a time-out, the timer, and the wait for its lease."""
    return pair.group.lease.waits + pair.bound(
        lambda most: most["heartbeat_lost(node1)"] + most["take_over(node1)"])


def test_a_server_whose_agent_is_killed_is_fenced_before_its_peer_is_promoted(pair):
    now = time.monotonic()
    pair.agents["node1"].kill()
    pair.writes("node2", now)
    assert pair.clients.since(pair.clients.since(now, "node2")[0].answered, "node1") == []
    pair.start("node1")
    pair.home("node2", "node1")
    pair.judges(since=now, bound=of_node(pair))


def test_writes_go_on_without_a_standby_and_wait_for_it_again(pair):
    now = time.monotonic()
    pair.servers.kill("node2")
    pair.until(lambda: pair.known().get("node2.data") == "behind")
    pair.writes("node1", time.monotonic())
    if pair.stays() == "node2":
        assert synchronous(pair.servers, "node1")
        assert pair.clients.since(now, "node2") == [] or load()
    pair.judges()


def test_a_server_that_somebody_starts_by_hand_is_a_standby_until_it_is_promoted_again(pair):
    """The desired state promotes it, or its peer was faster."""
    now = time.monotonic()
    pair.servers.kill("node1")
    pair.servers.act("node1", "start")
    pair.until(lambda: pair.clients.since(now + 1))
    pair.until(lambda: sorted(v for c, v in pair.known().items() if c.endswith(".state"))
               == ["active", "standby"] and "behind" not in pair.known().values())
    pair.judges()


def test_a_standby_that_somebody_promotes_by_hand_is_made_anew(pair):
    """pg_rewind reads only the last checkpoint: it reports that there is nothing to do."""
    pair.servers.does("node2", "promote")
    with suppress(pair.servers.errors):
        pair.servers.asks("node2", f"{ALONE}insert into rows values ('mistake')")
    pair.until(lambda: pair.known().get("node2.data") == "behind")
    pair.until(lambda: pair.servers.act("node2", "role").stdout.strip() == "replica")
    pair.command("recover(node2)")  # not needed if its agent was faster than its guard
    standby = pair.stays()
    assert "mistake" not in pair.servers.rows(standby)
    assert set(pair.terms()) == {"node1"} or load()
    pair.judges()


def test_a_full_disk_is_one_failover_and_its_node_comes_back(small):
    pair, disk = small
    now = time.monotonic()
    disk.fill()
    pair.writes("node2", now)
    pair.until(lambda: pair.known().get("node1.state") in ("standby", "failed"))
    pair.rests("node2")
    assert pair.terms() == ["node1", "node2"]
    disk.empty()
    pair.command("recover(node1)")  # not needed if it follows
    pair.home("node2", "node1")
    assert pair.terms() == ["node1", "node2"]
    pair.judges(since=now, bound=of_service(pair))


def test_what_an_asynchronous_pair_loses_is_said(asynchronous, capsys):
    """Its client cannot know which rows the standby has."""
    pair = asynchronous
    ((sender,),) = pair.servers.asks("node1", "select pid from pg_stat_replication")
    stop(sender)
    now = time.monotonic()
    pair.rests("node1", rows=20)
    pair.servers.kill("node1")
    pair.writes("node2", now)
    pair.home("node2", "node1")
    lost = pair.judges()
    never_sent = {row.name for row in pair.clients.since(now, "node1")}
    assert len(never_sent) >= 20
    assert never_sent <= {row.name for row in lost}
    assert f"{len(lost)} of them are lost, and 0 of those" in capsys.readouterr().out


def test_a_cut_promotes_one_and_fences_the_other(pair):
    """Both agents reach the store, and do not hear each other."""
    now = time.monotonic()
    pair.cut()
    pair.writes("node2", now)
    pair.until(lambda: pair.known().get("node1.state") == "standby")
    pair.rests("node2")
    assert pair.terms() == ["node1", "node2"]
    pair.repair()
    pair.home("node2", "node1")
    assert pair.terms() == ["node1", "node2"]
    pair.judges(since=now, bound=of_node(pair))
