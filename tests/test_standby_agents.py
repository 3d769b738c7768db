"""Two agents run the machine of `prgcore init --from active-standby`, with hooks and checks."""

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
from prgcore.template.active_standby import MACHINE
from prgcore.wire.machine_file import dumps
from tests.agents import ports

SERVICE = Path(__file__).parent.parent / "examples" / "two_nodes" / "service.py"

GROUP = """
group = "Mine"
store = "sqlite:pair.db"
machine = "mine.json"

[security]
off = true

[parameters]
keep_alive_interval = 0.2
keep_alive_timeout = 4
take_over_after = 0.5

[lease]
lasts = 1
waits = 2
pause = 0.3
stopping = 0.3

[hooks]
promote = { command = ["sh", "hook.sh", "primary"], tries = 2, pause = 0.1 }
demote = ["sh", "hook.sh", "replica"]
fence = ["sh", "hook.sh", "fence"]
"""
NODE = """
[{node}]
service = "127.0.0.1:{service}"
admin = "127.0.0.1:{admin}"
serving = "web"
services = {{ web = ["{python}", "{program}", "{node}"] }}
watch = {{ current = {{ command = ["test", "-e", "current"], interval = 1, timeout = 1, rise = 1, fall = 3 }} }}
"""
HOOK = """\
# Notes what it is asked for; it fails while a file says so.
echo "$PRGCORE_NODE $1 $PRGCORE_STATE" >> asked
[ ! -e "no-$1-$PRGCORE_NODE" ] || exit 1
case $1 in primary|replica) echo "$1" > "$PRGCORE_NODE.new" && mv "$PRGCORE_NODE.new" "$PRGCORE_NODE.role" ;; esac
"""


class Pair:
    """The group, and its two agents.

    Attributes:
        group: the group.
        folder: where its files are.
        agents: the process of each agent.
    """

    def __init__(self, folder):
        self.folder = folder
        (folder / "mine.json").write_text(dumps(MACHINE))
        (folder / "hook.sh").write_text(HOOK)
        one, two, three, four = ports(4)
        file = folder / "group.toml"
        file.write_text(GROUP + "".join(
            NODE.format(node=node, service=service, admin=admin, python=sys.executable,
                        program=SERVICE)
            for node, service, admin in (("node1", one, two), ("node2", three, four))))
        self.group, self.agents = read_group(file), {}
        for node in NODES:
            self.starts(node, *(["--new"] * (node == "node1")))

    def starts(self, node, *options):
        with (self.folder / f"{node}.out").open("ab") as log:
            self.agents[node] = subprocess.Popen(
                [sys.executable, "-m", "prgcore", "agent", "group.toml", node, *options],
                stdout=log, stderr=log, cwd=self.folder)

    def dies(self, node):
        self.agents[node].send_signal(signal.SIGKILL)
        self.agents[node].wait()

    def ends(self):
        for agent in self.agents.values():
            agent.kill()
            agent.wait()
        for node in self.group.nodes.values():
            with suppress(OSError, ValueError):
                os.killpg(int((node.directory / "web.pid").read_text()), signal.SIGKILL)

    def asks(self, node, question):
        return asyncio.run(ask(self.group.member(node).admin, question))

    def until(self, node, true, seconds=60):
        """The columns that an agent knows, once they are so."""
        end, status = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            with suppress(Unavailable):
                status = self.asks(node, {"do": "status"})
                if "error" not in status and true(status):
                    return status["known"]
            time.sleep(0.05)
        said = "".join((self.folder / f"{n}.out").read_text() for n in NODES)
        raise AssertionError(json.dumps(status, indent=1) + said)

    def is_so(self, node, **columns):
        """Wait until an agent knows these columns; `node1_state` is `node1.state`."""
        wanted = {name.replace("_", ".", 1): value for name, value in columns.items()}
        return self.until(node, lambda s: all(s["known"].get(c) == v for c, v in wanted.items()))

    def commands(self, node, event, **columns):
        """Ask for a command until these columns show that it was done: its answer may be lost."""
        wanted = {name.replace("_", ".", 1): value for name, value in columns.items()}

        def done(status):
            if all(status["known"].get(c) == v for c, v in wanted.items()):
                return True
            self.asks(node, {"do": "tell", "event": event})
            return False

        return self.until(node, done)

    def role(self, node):
        return (self.folder / f"{node}.role").read_text().strip()

    def asked(self):
        """What the hooks were asked for: node, what, and its state then."""
        return [tuple(line.split()) for line in (self.folder / "asked").read_text().splitlines()]

    def normal(self):
        """Bring both nodes to their goal: node1 active, node2 a current standby."""
        for node in NODES:
            self.until(node, lambda s, node=node: s["known"].get(f"{node}.hears") == "yes")
        self.commands("node1", "force_promote(node1)", node1_state="active")
        self.is_so("node1", node2_state="standby", node2_data="behind")
        (self.folder / "current").touch()
        self.is_so("node2", node2_data="current", node1_service="up", node2_service="up",
                   node2_hears="yes")
        self.until("node1", lambda s: s["serving"])


@pytest.fixture
def pair(tmp_path):
    """The group, and its two agents; whatever runs in the end is killed."""
    found = Pair(tmp_path)
    yield found
    found.ends()


def test_a_lost_primary_is_replaced_and_becomes_a_standby_when_it_is_back(pair):
    pair.normal()
    assert (pair.role("node1"), pair.role("node2")) == ("primary", "replica")
    pair.dies("node1")
    known = pair.is_so("node2", node1_state="demoting", node2_state="active", node1_data="behind")
    assert known["node1.state"] == "demoting"
    pair.until("node2", lambda s: list(s["serving"]) == ["users"])
    assert pair.role("node2") == "primary"
    assert ("node2", "fence", "promoting") in pair.asked()
    (pair.folder / "current").unlink()
    pair.starts("node1")
    pair.is_so("node2", node1_state="standby", node1_data="behind", node1_service="up")
    assert pair.role("node1") == "replica"
    (pair.folder / "current").touch()
    pair.is_so("node1", node1_data="current", node1_hears="yes", node2_service="up")
    pair.commands("node1", "switchover(node1)", node1_state="active")
    pair.is_so("node1", node2_state="standby")
    assert (pair.role("node1"), pair.role("node2")) == ("primary", "replica")


def test_a_standby_that_was_behind_is_not_promoted(pair):
    pair.normal()
    (pair.folder / "current").unlink()
    pair.is_so("node2", node2_data="behind")
    pair.is_so("node1", node2_data="behind")
    pair.until("node1", lambda s: not s["orders"])
    assert pair.asked()[-1] == ("node1", "primary", "active"), "it goes on alone"
    pair.dies("node1")
    pair.is_so("node2", node2_hears="no")
    refused = pair.asks("node2", {"do": "tell", "event": "switchover(node2)"})
    assert "node2.data" in json.dumps(refused)
    known = pair.is_so("node2", node2_state="standby", node1_state="active")
    assert known["node2.data"] == "behind", "no timer takes over"
    pair.commands("node2", "force_promote(node2)", node2_state="active")
    pair.until("node2", lambda s: s["serving"])


def test_a_promotion_that_fails_is_tried_again_and_keeps_the_other_node(pair):
    pair.normal()
    (pair.folder / "no-primary-node2").touch()
    pair.commands("node1", "switchover(node2)", node2_state="failed")
    pair.is_so("node1", node1_state="active", node2_state="failed")
    pair.until("node1", lambda s: s["serving"])
    assert pair.asked().count(("node2", "primary", "promoting")) == 2
    assert pair.role("node1") == "primary"
    (pair.folder / "no-primary-node2").unlink()
    pair.commands("node1", "recover(node2)", node2_state="standby")
