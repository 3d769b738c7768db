"""Two agents under a crowd at their ports: they go on as before, and say so in a few lines."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from prgcore.machine import PRG
from prgcore.running.group import read_group
from prgcore.running.heartbeat import line
from prgcore.running.node import reported
from prgcore.running.shapes import Heard
from tests.agents import Group
from tests.stores import LONG

TIMEOUT = 6
"""How many seconds a node may be silent."""
HOLDS = 8
"""How many seconds a crowd stays: a heartbeat that it keeps out would be missed by then."""
MANY = "too many connections"
BEAT = line("node2", Heard({c: PRG.initial[0][c] for c in reported(PRG, "node2")}, 0))


def until(true, seconds=LONG):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def group(tmp_path):
    """Two nodes that are Normal and hear each other; how often they decided is in `epoch`."""
    made = Group(tmp_path, silence=TIMEOUT)
    made.file.write_text(made.file.read_text() + "[limits]\nconnections = 40\nper_address = 30\nwhole = 1\nidle = 5\n")
    made.start("cup1")
    made.start("cup2")
    try:
        until(lambda: "entry" in made.ask("node1", do="tell", event="enable_ha"))
        until(lambda: normal(made), 3 * LONG)
        made.epoch = epoch(made)
        yield made
    finally:
        made.close()


def normal(group):
    """Whether both nodes are Normal and hear each other."""
    known = [group.ask(node, do="status").get("known", {}) for node in ("node1", "node2")]
    return all(one.get(f"{node}.state") == "normal" and one.get(f"{node}.hears_peer") == "yes"
               for one in known for node in ("node1", "node2"))


def epoch(group):
    """How many decisions there were, as node1 knows."""
    return until(lambda: group.ask("node1", do="status").get("epoch"))


def goes_on(group):
    """Check that nothing was decided, and that each agent logged a few lines and no traceback."""
    until(lambda: normal(group))
    assert epoch(group) == group.epoch, "nobody was failed over"
    for name in ("cup1", "cup2"):
        said = group.said(name)
        assert "Traceback" not in said
        assert "exception" not in said.lower()
        assert len(said.splitlines()) < 20, said
    assert all(agent.poll() is None for agent in group.agents.values())


def addresses(group):
    return [address for member in read_group(group.file).nodes.values()
            for address in (member.service, member.admin)]


def crowd(addresses, number, data=b""):
    """So many connections, spread over the addresses, that say no more than this."""
    with ExitStack() as files:
        ends = []
        for count in range(number):
            end = files.enter_context(socket.socket())
            end.settimeout(5)
            with suppress(OSError):
                end.connect(addresses[count % len(addresses)])
                if data:
                    end.sendall(data)
            ends.append(end)
        return files.pop_all(), ends


@pytest.fixture
def files():
    """This process may open as many files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("number", [1_100, 5_000])
def test_a_crowd_of_silent_connections_changes_nothing(group, files, number):
    held, _ = crowd(addresses(group), min(number, files - 200))
    with held:
        time.sleep(HOLDS)
        goes_on(group)
    goes_on(group)
    lines = [line for line in group.said("cup1").splitlines() if MANY in line]
    ports = {line[24:].partition(MANY)[0] for line in lines}
    assert len(ports) == 2, lines
    for port in ports:
        group.says_seldom("cup1", port + MANY)


@pytest.mark.parametrize("drop", [b"G", b"{", b"GET / HTTP/1.1\r\nX: ", b'{"do": "st', b"\x16\x03\x01", b" "])
def test_slow_clients_change_nothing(group, drop):
    """Each says a byte now and then, and never ends a line or a request."""
    held, ends = crowd(addresses(group), 200, drop)
    with held:
        for _ in range(HOLDS):
            for end in ends:
                with suppress(OSError):
                    end.sendall(b"x")
            time.sleep(1)
        goes_on(group)
        for end in ends:
            end.settimeout(0.1)
            with suppress(OSError):
                while end.recv(1 << 12):
                    pass


@pytest.mark.parametrize("data", [
    b'{"do": "status"}\n' * 50, b"\n" * 5_000, b"[" * 5_000 + b"\n", BEAT * 20, BEAT.replace(b"node2", b"node1") * 20,
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50, b"GET /status.json HTTP/1.0\r\n\r\n", b"x" * 300_000, b"\x00" * 9_000,
], ids=["questions", "newlines", "brackets", "beats", "own beats", "requests", "status", "long", "zeros"])
def test_a_flood_changes_nothing(group, data):
    ended = threading.Event()

    def floods(address):
        while not ended.is_set():
            with suppress(OSError), socket.create_connection(address, 5) as end:
                end.settimeout(0.2)
                end.sendall(data)
                with suppress(TimeoutError):
                    while end.recv(1 << 16):
                        pass

    crowd = [threading.Thread(target=floods, args=(address,)) for address in addresses(group) * 2]
    for one in crowd:
        one.start()
    try:
        time.sleep(HOLDS)
        goes_on(group)
    finally:
        ended.set()
        for one in crowd:
            one.join()
    goes_on(group)


def test_clients_that_went_away_without_a_word_leave_their_places(group):
    """They have asked once, read nothing, and stay open."""
    held, ends = crowd(addresses(group)[1::2], 50, b'{"do": "own"}\n')
    with held:
        until(lambda: _ended(ends))
        goes_on(group)


def _ended(ends):
    for end in ends:
        end.settimeout(0.01)
        try:
            while end.recv(1 << 12):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
    return True


def test_an_agent_with_few_files_says_so_and_goes_on(tmp_path):
    """The system allows it fewer files than its ports may need, and a crowd takes them all."""
    group = Group(tmp_path)
    with (tmp_path / "cup1.out").open("ab") as out:
        group.agents["cup1"] = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -n 80; exec "{sys.executable}" -m prgcore agent {group.file} cup1 --new'],
            stdout=out, stderr=out)
    try:
        until(lambda: group.ask("node1", do="status").get("known"))
        assert "the system allows 80, so each port lets in 4: raise it" in group.said("cup1")
        held, _ = crowd([read_group(group.file).nodes["node1"].admin], 200)
        with held:
            time.sleep(1)
        until(lambda: group.ask("node1", do="status").get("known"))
        assert "Traceback" not in group.said("cup1")
        assert len(group.said("cup1").splitlines()) < 12
    finally:
        group.close()
