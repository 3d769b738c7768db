"""A pair of agents with real servers, and clients that write to each server all the time.

A client writes numbered rows to one server, whatever its role is, and remembers which of them were
acknowledged and under which term: PostgreSQL's timeline, the replication id of Redis. A new term
begins with each promotion. So a row that a server took after another one had begun a newer term
shows two primaries.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path

from prgcore.cli import main
from prgcore.running.group import read_group
from prgcore.template.active_standby import MACHINE
from prgcore.wire.machine_file import dumps
from tests.agents import Gate, ports
from tests.databases import NODES

LONG = 120
MUCH = 10.0
"""In how many percent of a minute somebody waits for a processor or a disk of a busy computer."""
PROMOTION = 3.0
"""How many seconds a promotion may take, with what a quiet computer needs besides."""


@dataclass(frozen=True)
class Row:
    """A row that a server took: when it was asked and answered, and whether it is safe."""

    name: str
    node: str
    term: str
    asked: float
    answered: float
    safe: bool = True


@dataclass
class Clients:
    """One client for each server.

    Args:
        servers: their `session(node)` yields a function that writes a row; it returns the term, and
            whether the row was acknowledged as safe. It raises an error if it was not written.
    """

    servers: object
    rows: list[Row] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def start(self):
        self.threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in NODES]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopped.set()
        for thread in getattr(self, "threads", ()):
            thread.join(5)

    def _write(self, node):
        number = 0
        while not self.stopped.wait(0.05):
            with suppress(self.servers.errors), self.servers.session(node) as write:
                while not self.stopped.wait(0.02):
                    number += 1
                    name, asked = f"{node}-{number}", time.monotonic()
                    term, safe = write(name)
                    self.rows.append(Row(name, node, term, asked, time.monotonic(), safe))

    def since(self, moment, node=None):
        """The rows that a server took, or any server, and that were asked for after a moment."""
        return [r for r in tuple(self.rows) if r.asked > moment and node in (None, r.node)]

    def twice(self):
        """Rows that a server took after another one had begun a newer term, each with the first of that."""
        first = {}
        for row in sorted(self.rows, key=lambda r: r.answered):
            first.setdefault((row.term, row.node), row)
        begun = list(first.values())
        order = {(row.term, row.node): number for number, row in enumerate(begun)}
        return [(row, newer) for row in tuple(self.rows) for newer in begun
                if newer.node != row.node and row.asked > newer.answered
                and order[newer.term, newer.node] > order[row.term, row.node]]


class Pair:
    """Two agents on the group file of an example, with two servers and their clients."""

    def __init__(self, servers):
        self.servers, self.folder = servers, servers.folder
        free = ports(4)
        changes = dict(zip((22001, 20075, 22002, 20076), free, strict=True))
        servers.replaces("group.toml", changes)
        self.links = Gate(free[2]), Gate(free[0])
        servers.replaces("group.toml", {
            f'admin = "127.0.0.1:{admin}"': f'admin = "127.0.0.1:{admin}"\npeer = "127.0.0.1:{to}"'
            for admin, to in ((free[1], self.links[0].port), (free[3], self.links[1].port))})
        (self.folder / "machine.json").write_text(dumps(MACHINE))
        self.file = self.folder / "group.toml"
        self.does("key", str(self.folder / "pair.key"))
        self.group = read_group(self.file)
        self.agents, self.clients = {}, Clients(servers)

    # ---------------------------------------------------------------- what is done

    def does(self, *words):
        """Run a command line in this process; return its exit code and what it printed."""
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            code = main([*words])
        return code, out.getvalue()

    def begin(self):
        """Start both agents; node1 becomes active and node2 its current standby; clients write."""
        for node in NODES:
            self.start(node, "--new")
        self.tells("force_promote(node1)", "node1")
        self.home()
        self.servers.prepares("node1")
        self.clients.start()
        self.writes("node1", 0)

    def start(self, node, *options):
        """Start an agent, in a session of its own."""
        if node in self.agents:
            self.agents[node].wait()
        with (self.folder / f"{node}.out").open("ab") as out:
            self.agents[node] = subprocess.Popen(
                [sys.executable, "-m", "prgcore", "agent", str(self.file), node, *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def command(self, event):
        """Give a command to the first agent that answers; return whether it was done."""
        code, _ = self.does("ha", "event", event, "-s", str(self.file), "--strict")
        return code == 0

    def tells(self, event, node):
        """Give a command that makes a node active, until that is seen: its answer may be lost."""
        self.until(lambda: self.command(event) or self.known().get(f"{node}.state") in ("promoting", "active"))

    def cut(self):
        """Let no heartbeat through."""
        for link in self.links:
            link.set("cut")

    def repair(self):
        for link in self.links:
            link.set("open")

    # ---------------------------------------------------------------- what is seen

    def known(self):
        """The columns that the agents know; empty: none answers."""
        code, said = self.does("ha", "status", "-s", str(self.file), "--json")
        if code:
            return {}
        with suppress(ValueError):
            return json.loads(said[said.index("{"):said.rindex("}") + 1])["pair"]
        return {}

    def until(self, condition, seconds=LONG):
        """Wait until a condition holds; say what is known if it does not."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.report()
            time.sleep(0.1)

    def home(self, active="node1", standby="node2"):
        """Wait until one node is active and the other one its current standby."""
        self.until(lambda: self._is_home(active, standby))

    def stays(self):
        """Wait until the pair is home, with node1 active, and return the standby.

        On a busy computer a heartbeat may have been too late, and node2 may be active, honestly.
        """
        home = []
        self.until(lambda: home.extend(
            standby for active, standby in (NODES, NODES[::-1]) if self._is_home(active, standby)) or home)
        assert home[0] == "node2" or load(), self.report()
        return home[0]

    def _is_home(self, active, standby):
        want = {f"{active}.state": "active", f"{standby}.state": "standby",
                f"{standby}.data": "current", f"{active}.service": "up", f"{standby}.service": "up",
                f"{active}.hears": "yes", f"{standby}.hears": "yes"}
        known = self.known()
        return bool(known) and all(known.get(c) == v for c, v in want.items())

    def writes(self, node, since):
        """Wait until a server has taken a row that was asked for after a moment."""
        self.until(lambda: self.clients.since(since, node))

    def rests(self, node, rows=200):
        """Wait until a server has taken so many rows more."""
        since = time.monotonic()
        self.until(lambda: len(self.clients.since(since, node)) >= rows)

    def terms(self):
        """The node of each term in which a row was written, in their order."""
        found = {(r.term, r.node): r.node for r in sorted(self.clients.rows, key=lambda r: r.answered)}
        return list(found.values())

    def report(self):
        """What a failed test shows."""
        found = [str(self.known()), f"twice: {self.clients.twice()[:2]}"]
        for node in NODES:
            for file in (self.folder / f"{node}.out", *self.servers.logs(node)):
                if file.exists():
                    found += [f"--- {file.name} of {node}", file.read_text(errors="replace")[-3000:]]
        return "\n".join(found)

    def bound(self, counted):
        """The seconds until a promotion begins: those of `prgcore timing` after what was counted."""
        _, said = self.does("timing", "--group", str(self.file), "--json")
        most = {one["event"]: one["after"]["most"] for one in json.loads(said)["timers"]}
        return counted(most)

    def judges(self, *, since=None, bound=0.0, node="node2"):
        """Check what was promised; print the pause in writing, if it is asked for.

        Args:
            since: the moment of a fault; its users wait until `node` acknowledges a row.
            bound: how many seconds that may take, without the promotion and the busy computer.

        Returns:
            The rows that are lost.
        """
        self.clients.stop()
        assert self.clients.twice() == []
        rows, active = tuple(self.clients.rows), []
        self.until(lambda: active.extend(
            n for n in NODES if self.known().get(f"{n}.state") == "active") or active)
        kept = self.servers.rows(active[0])
        lost = [row for row in rows if row.name not in kept]
        assert [row for row in lost if row.safe] == []
        print(f"{len(rows)} rows were written, {len(lost)} of them are lost, and "
              f"{sum(row.safe for row in lost)} of those had been acknowledged by both servers")
        if since is not None:
            took = min(r.answered for r in self.clients.since(since, node)) - since
            print(f"nobody could write for {took:.2f} s; at most {bound:g} s, and the promotion")
            assert took < bound + PROMOTION or load(), self.report()
        return lost

    def close(self):
        self.clients.stop()
        for link in self.links:
            link.close()
        for agent in self.agents.values():
            agent.send_signal(signal.SIGCONT)
            agent.terminate()
        for agent in self.agents.values():
            try:
                agent.wait(20)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()
        self.servers.close()


def load():
    """Whether this computer is, or just was, too busy for a bound of time to mean anything.

    A load average rises slowly; Linux also tells how long programs have waited for a processor or a disk.
    """
    waited = 0.0
    for what in ("cpu", "io"):
        with suppress(OSError):
            (some,) = re.findall(r"^some .*avg60=([\d.]+)", Path(f"/proc/pressure/{what}").read_text(), re.MULTILINE)
            waited = max(waited, float(some))
    return waited > MUCH or os.getloadavg()[0] > (os.cpu_count() or 1)
