"""Two agents, each a process, on a group file with free ports."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from prgcore.errors import Unavailable
from prgcore.running.asking import ask_of
from prgcore.running.group import read_group
from prgcore.running.keyfile import write_key
from prgcore.running.processes import alive
from prgcore.running.seldom import WHILE

EXAMPLE = Path(__file__).parent.parent / "examples" / "two_nodes"
SERVICE = EXAMPLE / "service.py"
NODE = """
[node{n}]
name = "cup{n}"
service = "127.0.0.1:{service}"
admin = "127.0.0.1:{admin}"
services = {{ presence = ["{python}", "service.py"] }}
serving = "presence"
"""
GROUP = """
group = "Sales"
store = "sqlite:pair.db"
grant = 2
security = {security}
[parameters]
keep_alive_interval = 0.1
keep_alive_timeout = {silence:g}
initialization_keep_alive_timeout = {doubled:g}
critical_service_delay = 0.6
[lease]
lasts = 0.6
pause = 0.1
stopping = 0.1
waits = 0.8
"""

sys.path.append(str(EXAMPLE))  # its modules import each other by their names
ports = importlib.import_module("pair").free_ports
Gate = importlib.import_module("faults").Gate


OPEN = "{ off = true }"
"""The security of a group on one computer that trusts everybody there."""
KEYED = '{ key = "pair.key" }'


QUICK, BUSY, CALM = 1.5, 3.0, 30.0
"""How many seconds a node may be silent: usually; where a heartbeat that is late on a busy computer would
change what is tested, and the silence is waited for; and where nothing waits for it."""


def group_file(folder, *, service=None, admin=None, more="", security=OPEN, silence=QUICK):
    free = ports(4)  # at once, so that none is given twice
    service, admin = service or free[:2], admin or free[2:]
    file = folder / "group.toml"
    file.write_text(more + GROUP.format(
        security=security, silence=silence, doubled=2 * silence) + "".join(
        NODE.format(n=n, service=service[n - 1], admin=admin[n - 1], python=sys.executable)
        for n in (1, 2)))
    return file


class Group:
    """Two agents, each a process, in a folder."""

    def __init__(self, folder, security=KEYED, silence=QUICK):
        self.folder, self.file = folder, group_file(folder, security=security, silence=silence)
        if security == KEYED:
            write_key(folder / "pair.key")
        shutil.copy(SERVICE, folder)
        self.agents = {}

    def start(self, name, *options):
        if name in self.agents:
            self.agents[name].wait()
        out = (self.folder / f"{name}.out").open("ab")
        with out:
            self.agents[name] = subprocess.Popen(
                [sys.executable, "-m", "prgcore", "agent", str(self.file), name, *(options or ("--new",))],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self, name):
        """What an agent has written on standard error."""
        return (self.folder / f"{name}.out").read_text()

    def says_seldom(self, name, remark):
        """Check that an agent has logged a remark, and once a minute at most."""
        lines = [line for line in self.said(name).splitlines() if remark in line]
        at = [datetime.strptime(f"{line[:23]}+0000", "%Y-%m-%d %H:%M:%S,%f%z") for line in lines]
        assert lines
        assert all(later - earlier > timedelta(seconds=WHILE - 1) for earlier, later in pairwise(at)), lines

    def ask(self, node, **question):
        """The answer of an agent, or an empty one if it does not answer."""
        try:
            return asyncio.run(ask_of(read_group(self.file), node, question, 5.0))
        except Unavailable:
            return {}

    def service(self, node):
        return int((self.folder / node / "presence.pid").read_text())

    def close(self):
        for agent in self.agents.values():
            with suppress(ProcessLookupError):
                agent.send_signal(signal.SIGCONT)
                agent.kill()
            agent.wait()
        for process in Path("/proc").glob("[0-9]*"):  # a service may have begun without a number yet
            with suppress(OSError):
                if process.name != str(os.getpid()) and (process / "cwd").readlink() == self.folder.resolve():
                    os.kill(int(process.name), signal.SIGKILL)
        for node in ("node1", "node2"):
            with suppress(OSError, ValueError):
                if alive(pid := self.service(node)):
                    subprocess.run(["kill", "-9", str(pid)], check=False)
