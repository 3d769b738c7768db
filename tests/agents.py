"""Two agents, each a process, on a group file with free ports."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from prgcore.errors import Unavailable
from prgcore.running.asking import ask_of
from prgcore.running.group import read_group
from prgcore.running.keyfile import write_key
from prgcore.running.processes import alive

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
keep_alive_timeout = 1.5
initialization_keep_alive_timeout = 3
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


def group_file(folder, *, service=None, admin=None, more="", security=OPEN):
    free = ports(4)  # at once, so that none is given twice
    service, admin = service or free[:2], admin or free[2:]
    file = folder / "group.toml"
    file.write_text(more + GROUP.format(security=security) + "".join(
        NODE.format(n=n, service=service[n - 1], admin=admin[n - 1], python=sys.executable)
        for n in (1, 2)))
    return file


class Group:
    """Two agents, each a process, in a folder."""

    def __init__(self, folder, security=KEYED):
        self.folder, self.file = folder, group_file(folder, security=security)
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
        for node in ("node1", "node2"):
            with suppress(OSError, ValueError):
                if alive(pid := self.service(node)):
                    subprocess.run(["kill", "-9", str(pid)], check=False)
