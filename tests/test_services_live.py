"""Two real agents: a service that hangs is failed over, and a guard ends what an agent left."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from tests import waits
from tests.agents import BUSY, CALM, Group
from tests.test_agent import status, until, well

GUARD = """
guard = true
[node{n}.services.data]
command = ["sleep", "86410"]
[node{n}.hooks]
role = ["cat", "role{n}"]
promote = ["sh", "-c", "echo primary >new{n}; mv new{n} role{n}"]
demote = ["sh", "-c", "echo replica >new{n}; mv new{n} role{n}"]
self_fence = {{ command = ["sh", "-c", "echo x >>fenced{n}; echo replica >new{n}; mv new{n} role{n}"], timeout = 2 }}
"""
"""A role that is being written is read by nobody: a guard fences a role that it does not know."""


def served(group, node):
    return status(group, node).get("serving", {})


def test_a_service_that_hangs_is_failed_over(tmp_path):
    group = Group(tmp_path, silence=CALM)
    try:
        group.start("cup1")
        until(lambda: well(group))
        group.start("cup2")
        until(lambda: well(group, "node2"))
        pid = group.service("node1")
        waits.stop(pid, group=True)
        until(lambda: "cup1: the services are down: presence: " in group.said("cup1"))
        os.killpg(pid, signal.SIGCONT)
        until(lambda: "the services are up again" in group.said("cup1"))
        assert "Traceback" not in group.said("cup1") + group.said("cup2")
    finally:
        group.close()


def test_an_agent_that_is_killed_leaves_no_primary_behind(tmp_path):
    """PostgreSQL and Redis know no lease: their guard ends the primary that its agent left."""
    group = Group(tmp_path, silence=BUSY)
    text = group.file.read_text()
    for n in (1, 2):
        line = f'services = {{ presence = ["{sys.executable}", "service.py"] }}\nserving = "presence"\n'
        assert line in text
        head, _, tail = text.partition(line)
        text = head + GUARD.format(n=n).lstrip("\n") + tail
        (tmp_path / f"role{n}").write_text("replica\n")
    for old, new in (("lasts = 0.6", "lasts = 5"), ("pause = 0.1", "pause = 2"), ("grant = 2", "grant = 5"),
                     ("stopping = 0.1", "stopping = 2"), ("waits = 0.8", "waits = 9.5")):
        assert old in text
        text = text.replace(old, new)
    group.file.write_text(text)

    def role(n):
        return (tmp_path / f"role{n}").read_text().strip()

    try:
        group.start("cup1")
        until(lambda: well(group))
        group.start("cup2")
        until(lambda: well(group, "node2"))
        until(lambda: (role(1), role(2)) == ("primary", "primary"))  # each for its own users
        assert not (tmp_path / "fenced1").exists()
        group.agents["cup1"].kill()
        group.agents["cup1"].wait()
        until((tmp_path / "fenced1").exists)
        until(lambda: role(1) == "replica")
        assert role(2) == "primary"
        (tmp_path / "role1").write_text("primary\n")  # somebody starts the old primary by hand
        until(lambda: (tmp_path / "fenced1").read_text().count("x") > 1)
        assert not (tmp_path / "fenced2").exists()
        assert "Traceback" not in group.said("cup1") + group.said("cup2")
    finally:
        for node in ("node1", "node2"):
            for name in ("guard", "data"):
                file = tmp_path / node / f"{name}.pid"
                with suppress(OSError, ValueError):
                    os.killpg(int(file.read_text()), signal.SIGKILL)
        group.close()
