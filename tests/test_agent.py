"""Agents in trouble: they live on, say why once, and go on where they can."""

from __future__ import annotations

import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from prgcore.machine import PRG
from prgcore.running.group import read_group
from prgcore.running.heartbeat import line
from prgcore.running.node import reported
from prgcore.running.shapes import Heard
from tests.agents import BUSY, CALM, Group, ports
from tests.stores import LONG


@pytest.fixture
def group(tmp_path):
    made = Group(tmp_path, silence=CALM)
    yield made
    made.close()


def until(true, seconds=LONG):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def status(group, node="node1"):
    return group.ask(node, do="status")


def trouble(group, node="node1"):
    return status(group, node).get("trouble", "")


def well(group, node="node1"):
    found = status(group, node)
    return found.get("known") and found["trouble"] == ""


def page(group, node="node1"):
    host, port = read_group(group.file).nodes[node].admin
    with urlopen(f"http://{host}:{port}/", timeout=10) as answer:
        assert answer.status == 200
        return answer.read().decode()


def named(group, store):
    group.file.write_text(group.file.read_text().replace("sqlite:pair.db", store))


# ------------------------------------------------------------- no store at the start


def test_who_proposes_terms_says_what_to_do_next_and_when_they_hold(group):
    group.start("cup1")
    group.start("cup2")
    until(lambda: well(group, "node1") and well(group, "node2"))
    group.file.write_text(group.file.read_text().replace("waits = 0.8", "waits = 1.2"))
    group.agents["cup1"].send_signal(signal.SIGINT)
    group.start("cup1", "--adopt")
    until(lambda: "the terms of group.toml are proposed; stop cup2, and start it with the same file\n"
          in group.said("cup1"))
    assert "in force" not in group.said("cup1")
    group.agents["cup2"].send_signal(signal.SIGINT)
    until(lambda: "the terms of group.toml are in force\n" in group.said("cup1"))
    group.start("cup2", "--verbose")
    until(lambda: well(group, "node2"))
    assert group.said("cup1").count("the terms of group.toml") == 2
    assert "the terms of group.toml" not in group.said("cup2")


def test_an_agent_without_its_folder_waits_for_it(group, run):
    named(group, "sqlite:no/such/pair.db")
    group.start("cup1")
    assert "cannot open" in until(lambda: trouble(group))
    said = page(group)
    assert "cup1 is in trouble" in said
    assert "cannot open" in said
    assert "It has read nothing yet" in said
    answer = run("ha", "status", "--state", group.file)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("prgcore: no node of Sales shows a status: cup1: cannot open")
    assert answer.err.endswith("; start cup2 with prgcore agent group.toml cup2\n")
    refused = group.ask("node1", do="tell", event="enable_ha")
    assert (refused["error"], "cannot open" in refused["message"]) == ("unavailable", True)
    assert "no node answers" in run("ha", "watch", "--seconds", "0", "-s", group.file).out
    assert group.agents["cup1"].poll() is None
    (group.folder / "no" / "such").mkdir(parents=True)
    until(lambda: well(group))
    assert group.said("cup1").count("cannot open") == 1, "once, however often it was tried"


@pytest.mark.parametrize("error", ["2>/dev/full", "2>&-", "2>&- <&-"])
def test_an_agent_needs_no_standard_error(group, error):
    """A disk without space must not end the agent that tells of it there."""
    words = [sys.executable, "-m", "prgcore", "agent", str(group.file), "cup1", "--new"]
    agent = group.agents["cup1"] = subprocess.Popen(
        ["sh", "-c", f"exec {shlex.join(words)} {error}"], stdout=subprocess.DEVNULL)
    until(lambda: well(group))
    agent.terminate()
    assert agent.wait(LONG) == 0


def test_a_file_that_is_no_store_is_left_alone_and_said(group):
    named(group, "sqlite:group.toml")
    text = group.file.read_text()
    group.start("cup1")
    assert "is not a store" in until(lambda: trouble(group))
    assert group.file.read_text() == text


def test_an_agent_without_etcd_says_so_and_stops_when_it_is_told_to(group):
    pytest.importorskip("etcd3gw")
    named(group, f"etcd:http://127.0.0.1:{ports(1)[0]}")
    group.start("cup1")
    assert "no etcd answers" in until(lambda: trouble(group))
    group.agents["cup1"].send_signal(signal.SIGTERM)
    assert group.agents["cup1"].wait(timeout=LONG) == 0


def test_a_store_that_is_locked_at_the_start_is_waited_for(group):
    path = group.folder / "pair.db"
    with sqlite3.connect(path, isolation_level=None) as lock:
        lock.execute("CREATE TABLE other (a)")
        lock.execute("DROP TABLE other")
        lock.execute("BEGIN EXCLUSIVE")
        group.start("cup1")
        assert until(lambda: trouble(group))
        lock.execute("ROLLBACK")
    until(lambda: well(group))


# ---------------------------------------------------------------------- in its life


def test_an_agent_whose_store_goes_away_says_so_and_goes_on(group, run):
    group.start("cup1")
    group.start("cup2")
    until(lambda: well(group) and well(group, "node2"))
    path = group.folder / "pair.db"
    kept = group.folder / "kept.db"
    for name in ("", "-wal", "-shm"):
        if Path(f"{path}{name}").exists():
            Path(f"{path}{name}").rename(f"{kept}{name}")
    (group.folder / "pair.db").mkdir()
    assert until(lambda: trouble(group))
    assert until(lambda: trouble(group, "node2"))
    said = page(group)
    assert "cup1 is in trouble" in said
    assert "What follows is what it read last" in said
    answer = run("ha", "status", "-s", group.file)
    assert answer.code == 0
    assert answer.err.count("pair.db") == 2
    refused = run("ha", "enable", "-s", group.file)
    assert refused.code == 3
    assert "pair.db" in refused.err
    waited = run("ha", "wait", "--seconds", "0", "-s", group.file)
    assert "cup1 is in trouble" in " ".join(waited.out.split())
    watched = run("ha", "watch", "--seconds", "0", "-s", group.file)
    assert "in trouble: " in watched.out
    (group.folder / "pair.db").rmdir()
    for name in ("", "-wal", "-shm"):
        if Path(f"{kept}{name}").exists():
            Path(f"{kept}{name}").rename(f"{path}{name}")
    until(lambda: well(group) and well(group, "node2"))
    until(lambda: run("ha", "enable", "-s", group.file).code == 0)
    assert all(agent.poll() is None for agent in group.agents.values())
    assert "Traceback" not in group.said("cup1") + group.said("cup2")


# ------------------------------------------------------------------- what is no heartbeat


def test_what_is_no_heartbeat_ends_its_connection_with_one_warning(group):
    group.start("cup1")
    until(lambda: well(group))
    address = read_group(group.file).nodes["node1"].service
    beat = line("node2", Heard({c: PRG.initial[0][c] for c in reported(PRG, "node2")}, 0))
    strange = (b"GET / HTTP/1.1\r\n", b"\xff\n", beat.replace(b"node2", b"node1"), b"x" * (1 << 17),
               beat.replace(b'"changes": 0', b'"changes": ' + b"9" * 5_000), b"[" * 9_000 + b"\n")
    for data in strange:
        with socket.create_connection(address, 5) as end:
            end.settimeout(LONG)
            end.sendall(data)
            with suppress(ConnectionError):
                while end.recv(1 << 16):  # the challenge of a group with a key, and then the end
                    pass
    group.says_seldom("cup1", "something other than a heartbeat")
    until(lambda: well(group))
    assert "Traceback" not in group.said("cup1")


# ------------------------------------------------------------------ a machine of one's own


def test_a_machine_of_ones_own_runs_as_two_agents(tmp_path, run):
    """What `prgcore init` writes: one node serves, the other takes over when it dies."""
    assert run("init", tmp_path).code == 0
    group = Group(tmp_path, silence=BUSY)
    text = group.file.read_text().replace("[parameters]", 'machine = "machine.json"\n[parameters]')
    text = text.replace("initialization_keep_alive_timeout = 6\n", "take_over_after = 0.5\n")
    group.file.write_text(text.replace("critical_service_delay = 0.6\n", "lease_lasts = 1\n"))
    try:
        group.start("cup1")
        until(lambda: well(group))
        group.start("cup2")
        until(lambda: well(group, "node2"))

        def active():
            known = status(group).get("known", {}) or status(group, "node2").get("known", {})
            return [n for n in ("node1", "node2") if known.get(f"{n}.state") == "active"]

        def serves(node):
            return status(group, node).get("serving", {}).get("users") is not None

        if not active():
            until(lambda: all(status(group).get("known", {}).get(f"{n}.hears") == "yes"
                              for n in ("node1", "node2")))
            until(lambda: active() or (
                run("ha", "event", "promote(cup1)", "-s", group.file).code == 0 and active()))
        (one,) = until(active)
        other = "node2" if one == "node1" else "node1"
        until(lambda: serves(one) and not serves(other))
        until(lambda: "State: Active" in run("ha", "status", "-s", group.file).out)
        until(lambda: "Active" in page(group, other))
        group.agents[f"cup{one[-1]}"].kill()
        until(lambda: serves(other))
        group.start(f"cup{one[-1]}", "--verbose")
        until(lambda: well(group, one))
        until(lambda: active() == [other])
        assert "Traceback" not in group.said("cup1") + group.said("cup2")
    finally:
        group.close()
