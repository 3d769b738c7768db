"""The machine of `prgcore init` runs as two agents: real processes, its own timers, its own users."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from prgcore.errors import Unavailable
from prgcore.running.asking import ask
from prgcore.running.group import read_group
from prgcore.seats import NODES
from prgcore.template.pair import MACHINE
from prgcore.wire.machine_file import dumps
from tests.agents import ports

SERVICE = Path(__file__).parent.parent / "examples" / "two_nodes" / "service.py"

GROUP = """
group = "Mine"
store = "sqlite:pair.db"
security = {off = true}
machine = "mine.json"

[parameters]
keep_alive_interval = 0.2
keep_alive_timeout = 2
take_over_after = 0.5
lease_lasts = 1

[lease]
lasts = 1
waits = 2
pause = 0.3
stopping = 0.3
"""
NODE = """
[{node}]
service = "127.0.0.1:{service}"
admin = "127.0.0.1:{admin}"
serving = "web"
services = {{ web = ["{python}", "{program}", "{node}"] }}
"""


@pytest.fixture
def pair(tmp_path):
    """The group, and its two agents; whatever runs in the end is killed."""
    (tmp_path / "mine.json").write_text(dumps(MACHINE))
    one, two, three, four = ports(4)
    file = tmp_path / "group.toml"
    file.write_text(GROUP + "".join(
        NODE.format(node=node, service=service, admin=admin, python=sys.executable, program=SERVICE)
        for node, service, admin in (("node1", one, two), ("node2", three, four))))
    logs = {node: (tmp_path / f"{node}.out").open("wb") for node in NODES}
    agents = {node: subprocess.Popen(
        [sys.executable, "-m", "prgcore", "agent", str(file), node, *(["--new"] * (node == "node1"))],
        stdout=logs[node], stderr=subprocess.STDOUT, cwd=tmp_path) for node in NODES}
    group = read_group(file)
    yield group, agents
    for agent in agents.values():
        agent.kill()
        agent.wait()
    for log in logs.values():
        log.close()
    for node in group.nodes.values():
        with suppress(OSError, ValueError):  # not by kill(1): some take -1234 for -1, everybody
            os.killpg(int((node.directory / "web.pid").read_text()), signal.SIGKILL)


def until(group, node, true, seconds=60):
    """The status of an agent, once it is so."""
    end, status = time.monotonic() + seconds, {}
    while time.monotonic() < end:
        with suppress(Unavailable):
            status = asyncio.run(ask(group.member(node).admin, {"do": "status"}))
            if "error" not in status and true(status):
                return status
        time.sleep(0.05)
    said = "".join((group.file.parent / f"{n}.out").read_text() for n in NODES)
    raise AssertionError(json.dumps(status, indent=1) + said)


def test_two_agents_of_your_own_pair_fail_over_by_its_timers_and_serve_its_users(pair):
    group, agents = pair
    for node in NODES:
        until(group, node, lambda s, node=node: s["known"].get(f"{node}.hears") == "yes")

    def promoted(status):  # it counts what is so: the answer to the command that did it may be lost
        if status["known"].get("node1.state") == "active":
            return True
        asyncio.run(ask(group.member("node1").admin, {"do": "tell", "event": "promote(node1)"}))
        return False

    until(group, "node1", promoted)
    status = until(group, "node1", lambda s: s["serving"])
    assert list(status["serving"]) == ["users"]
    assert status["known"]["node1.state"] == "active"
    agents["node1"].send_signal(signal.SIGKILL)
    status = until(group, "node2", lambda s: s["serving"])
    assert list(status["serving"]) == ["users"]
    assert (status["known"]["node1.state"], status["known"]["node2.state"]) == ("failed", "active")
