"""Two real nodes to play with: started, broken, healed, commanded, and watched by users.

Everything is done to them from outside. Processes are killed and stopped. The link between them is
a proxy that can be cut. Users ask the services which node serves them.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from prgcore.errors import PrgError, Unavailable
from prgcore.running.asking import ask_of
from prgcore.running.group import Group, read_group
from prgcore.running.log import read as read_log
from prgcore.running.processes import alive

HERE = Path(__file__).parent
NODES = ("node1", "node2")
HOME = {f"{node}.{column}": value for node in NODES for column, value in (
    ("state", "normal"), ("services", "up"), ("database", "up"), ("hears_peer", "yes"))}


PATIENT = {"keep_alive_timeout": 1.0, "initialization_keep_alive_timeout": 2.0}
"""Time-outs for a busy computer, on which heartbeats may be late."""


HELD = 100
"""How many ports a program holds."""
_held: deque[socket.socket] = deque()


@atexit.register
def _let_go() -> None:
    while _held:
        _held.pop().close()


def free_ports(count: int) -> list[int]:
    """Ports that are free, below those that a system gives to connections.

    So no connection takes the port of an agent while that one is down. Nor does another program of
    this example: this one holds the newest ports in UDP too, which no agent uses.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(10_000, 32_768)
        held = socket.socket(type=socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            held.close()
        else:
            _held.append(held)
            ports.append(port)
    while len(_held) > HELD:
        _held.popleft().close()
    return ports


class Link:
    """The network of the heartbeats, one way: a proxy that can be cut."""

    def __init__(self, listen: int, to: int) -> None:
        self.cut, self.to = False, to
        self._ends: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", listen))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._server.accept()
                threading.Thread(target=self._carry, args=(end,), daemon=True).start()

    def _carry(self, end: socket.socket) -> None:
        self._ends.add(end)
        try:
            with end, socket.create_connection(("127.0.0.1", self.to), 1) as out:
                out.settimeout(None)
                while (data := end.recv(65536)) and not self.cut:
                    out.sendall(data)
        except OSError:
            pass
        finally:
            self._ends.discard(end)

    def close(self) -> None:
        for end in (self._server, *tuple(self._ends)):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass(frozen=True)
class Answer:
    """One answer to a user: the times of question and answer, the node, the token, and which record."""

    home: str
    node: str
    token: int
    asked: float
    answered: float
    record: int = 0


@dataclass
class Users:
    """Users of both groups who ask both nodes, many times a second.

    `record` counts the records that were begun or accepted anew.
    """

    directory: Path
    answers: list[Answer] = field(default_factory=list)
    asked: dict[str, list[tuple[float, bool]]] = field(
        default_factory=lambda: {node: [] for node in NODES})
    every: float = 0.01
    record: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._ask, args=(node,), daemon=True)
                         for node in NODES]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, node: str) -> None:
        while not self._stopped.wait(self.every):
            now = time.monotonic()
            heard = self._heard(node)
            self.asked[node].append((now, heard))
            if not heard:
                self._stopped.wait(0.02)

    def _heard(self, node: str) -> bool:
        """Ask for both groups, and return whether the service answers at all."""
        try:
            with socket.socket(socket.AF_UNIX) as end:
                end.settimeout(0.3)
                end.connect(str(self.directory / node / "serving.sock"))
                with end.makefile("rwb") as lines:
                    for home in NODES:
                        asked, record = time.monotonic(), self.record
                        lines.write(json.dumps({"ask": home}).encode() + b"\n")
                        lines.flush()
                        said = json.loads(lines.readline())
                        if said["served"]:
                            self.answers.append(Answer(
                                home, node, said["token"], asked, time.monotonic(), record))
        except (OSError, ValueError):
            return False
        return True

    def sample(self, node: str) -> tuple[float, float]:
        """Questions per second to a node while its service lived, and the longest pause."""
        between = [(later - earlier, before and after) for (earlier, before), (later, after)
                   in pairwise(self.asked[node])]
        lived = [seconds for seconds, lives in between if lives]
        return (len(lived) / sum(lived) if lived else 0.0,
                max((seconds for seconds, _ in between), default=float("inf")))

    def twice(self) -> list[tuple[Answer, Answer, float]]:
        """Users served by two nodes: both answers, and how long the later one was asked after.

        Either a node served after another one, with a newer token, had begun to serve. Or both served
        with the same token, which is only ever given to one of them. Tokens of two records are not
        compared: an agent that missed the last hand-over begins lower, until the other one joins.
        """
        first: dict[tuple[int, str, str, int], Answer] = {}
        for one in sorted(self.answers, key=lambda a: a.answered):
            first.setdefault((one.record, one.home, one.node, one.token), one)
        found = []
        for one in self.answers:
            late = [f for (record, home, node, token), f in first.items()
                    if (record, home) == (one.record, one.home) and node != one.node and (
                        one.asked > f.answered if token > one.token
                        else token == one.token and one.answered >= f.answered)]
            if late:
                other = min(late, key=lambda f: f.answered)
                found.append((one, other, max(0.0, one.asked - other.answered)))
        return found

    def served(self, home: str, since: float) -> str | None:
        """The node that served a group last since a moment; None if none did."""
        seen = [a for a in self.answers if a.home == home and a.asked >= since]
        return max(seen, key=lambda a: a.answered).node if seen else None

    def outage(self, home: str, since: float) -> float | None:
        """The seconds from a moment until another node than before served a group; None if none did."""
        before = [a for a in self.answers if a.home == home and a.answered <= since]
        if not before:
            return None
        was = before[-1].node
        after = [a.answered for a in self.answers if a.home == home and a.asked > since
                 and a.node != was]
        return min(after) - since if after else None


class TwoNodes:
    """A group in a directory of its own, with free ports and a link that can be cut."""

    def __init__(
        self, directory: Path, store: str = "sqlite:pair.db",
        apart: Mapping[str, str] | None = None, **changed: float,
    ) -> None:
        """Make its files.

        Args:
            directory: where everything of it is; its name is the group's.
            store: as in a group file.
            apart: for each node, the address by which it reaches the store, if that differs.
            changed: other values of the group file.
        """
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "service.py", directory)
        ports = dict(zip(("s1", "s2", "a1", "a2", "p1", "p2"), free_ports(6), strict=True))
        text = (HERE / "group.toml").read_text().replace('"sqlite:pair.db"', f'"{store}"')
        text = text.replace('group = "Sales"', f'group = "{directory.name}"')
        new = {"22001": "s1", "22002": "s2", "20075": "a1", "20076": "a2"}

        def moved(found: re.Match[str]) -> str:
            """An address with a free port; all at once, for a free port may be another's old one."""
            at = new[found["port"]]
            line = f'{found["name"]} = "127.0.0.1:{ports[at]}"'
            return line + (f'\npeer = "127.0.0.1:{ports["p" + at[1]]}"' if at[0] == "s" else "")

        text = re.sub(
            rf'(?P<name>service|admin) = "127\.0\.0\.1:(?P<port>{"|".join(new)})"', moved, text)
        for name, value in changed.items():
            text = "\n".join(f"{name} = {value}" if line.startswith(f"{name} =") else line
                             for line in text.splitlines())
        self.file = directory / "group.toml"
        self.file.write_text(text + "\n")
        self.files = dict.fromkeys(NODES, self.file)
        for node, address in (apart or {}).items():
            self.files[node] = directory / f"{node}.toml"
            self.files[node].write_text(text.replace(f'"{store}"', f'"{address}"') + "\n")
        self.group: Group = read_group(self.file)
        self.links = {"node1": Link(ports["p1"], ports["s2"]), "node2": Link(ports["p2"], ports["s1"])}
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.ended: list[str] = []
        self.cures = 0
        self.since = dict.fromkeys(NODES, 0)
        self._told: set[int] = set()
        self.users = Users(directory)
        self.users.start()

    # ------------------------------------------------------------------ what can be done

    def start(self, node: str, *, new: bool = False) -> None:
        """Start an agent; it takes up what it finds, and begins the record if it is the first."""
        if self.running(node):
            return
        first = new or not (self.directory / node / "memory.json").exists()
        with (self.directory / f"{node}.out").open("ab") as out:
            self.agents[node] = subprocess.Popen(
                [sys.executable, "-m", "prgcore", "agent", str(self.files[node]), node,
                 *("--new",) * first],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def running(self, node: str) -> bool:
        """Whether an agent runs; one that ended though nobody told it to is noted in `ended`."""
        agent = self.agents.get(node)
        if agent is None or agent.poll() is None:
            return agent is not None
        if agent.pid not in self._told:
            self._told.add(agent.pid)
            said = (self.directory / f"{node}.out").read_text(errors="replace").splitlines()
            self.ended.append(f"the agent of {node} ended by itself with {agent.returncode}: "
                              f"{said[-1] if said else 'it said nothing'}")
        return False

    def pids(self, node: str) -> dict[str, int]:
        """The processes of a node, the agent among them."""
        found = {"agent": self.agents[node].pid} if self.running(node) else {}
        for name in self.group.nodes[node].services:
            with suppress(OSError, ValueError):
                pid = int((self.directory / node / f"{name}.pid").read_text())
                if alive(pid):
                    found[name] = pid
        return found

    def signal(self, node: str, names: tuple[str, ...], number: int) -> None:
        for name, pid in self.pids(node).items():
            if not names or name in names:
                if number == signal.SIGKILL:
                    self._told.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        if number == signal.SIGKILL and node in self.agents and (not names or "agent" in names):
            self.agents[node].wait()

    def kill(self, node: str, *names: str) -> None:
        """kill -9: a service, the agent, or without names the whole host."""
        self.signal(node, names, signal.SIGKILL)

    def pause(self, node: str, *names: str) -> None:
        self.signal(node, names, signal.SIGSTOP)

    def resume(self, node: str, *names: str) -> None:
        self.signal(node, names, signal.SIGCONT)

    def stop_agent(self, node: str) -> None:
        """Stop an agent as an administrator does.

        Raises:
            Unavailable: it does not answer.
        """
        if self.running(node):
            self._told.add(self.agents[node].pid)
        self.ask(node, do="stop")

    def stop_both(self, seconds: float = 30) -> None:
        """Stop both agents with a signal, and wait until they have ended."""
        for node in NODES:
            if self.running(node):
                self._told.add(self.agents[node].pid)
                self.agents[node].send_signal(signal.SIGCONT)
                self.agents[node].terminate()
        for node, agent in self.agents.items():
            try:
                agent.wait(seconds)
            except subprocess.TimeoutExpired:
                self.ended.append(f"the agent of {node} does not end when it is told to")
                self.kill(node, "agent")

    def cure(self) -> None:
        """Go on with the record that is there, or begin one: what agents ask for by `--new`."""
        self.stop_both()
        time.sleep(self.group.lease.waits)  # what services were permitted is over
        self.users.record += 1
        self.cures += 1
        for node in NODES:
            log = self.directory / node / "log.jsonl"
            self.since[node] = len(list(read_log(log))) if log.exists() else 0
            self.start(node, new=True)

    def troubles(self) -> dict[str, str]:
        """The trouble of each node that answers and has some."""
        found = {}
        for node in NODES:
            with suppress(Unavailable):
                if trouble := self.ask(node, do="status").get("trouble"):
                    found[node] = str(trouble)
        return found

    def cut(self, *nodes: str) -> None:
        """Cut the link: of these nodes to their peer, or both ways."""
        for node in nodes or NODES:
            self.links[node].cut = True

    def repair(self) -> None:
        for link in self.links.values():
            link.cut = False

    def ask(self, node: str, **question: object) -> dict[str, object]:
        """Ask an agent.

        Raises:
            Unavailable: it does not answer.
        """
        return asyncio.run(ask_of(self.group, node, question, 3.0))

    def command(self, event: str) -> str:
        """A command, at whichever agent answers: its outcome and rule, or why not."""
        for node in NODES:
            with suppress(Unavailable):
                answer = self.ask(node, do="tell", event=event)
                entry = answer.get("entry")
                if isinstance(entry, dict):
                    return f"{entry['outcome']} {entry['rule'] or entry['why']}"
                return str(answer.get("message"))
        return "nobody answers"

    def status(self) -> dict[str, object]:
        """The status from any agent that answers; empty if none does."""
        for node in NODES:
            with suppress(Unavailable):
                return self.ask(node, do="status")
        return {}

    def states(self) -> tuple[str, str] | None:
        known = self.status().get("known")
        return (known["node1.state"], known["node2.state"]) if isinstance(known, dict) else None

    def wait_for(self, states: tuple[str, str], seconds: float = 10) -> bool:
        """Wait until the nodes are in these states."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.states() == states:
                return True
            time.sleep(0.05)
        return False

    def hear(self, seconds: float = 10) -> bool:
        """Wait until both hear each other."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            known = self.status().get("known")
            if isinstance(known, dict) and all(
                    known.get(f"{node}.hears_peer") == "yes" for node in NODES):
                return True
            time.sleep(0.05)
        return False

    def up(self) -> None:
        """Start both, and switch high availability on."""
        for node in NODES:
            self.start(node)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if all(self._answers(node) for node in NODES):
                break
            time.sleep(0.05)
        self.command("enable_ha")
        if not self.home():
            raise RuntimeError(f"the pair does not start: {self.status()}")

    def _answers(self, node: str) -> bool:
        with suppress(Unavailable):
            return bool(self.ask(node, do="own").get("columns"))
        return False

    def home(self, seconds: float = 120) -> bool:
        """Heal everything, then follow the machine's own plan until both are Normal.

        Agents that ask to be started with `--new` are started with it.
        """
        self.repair()
        for node in NODES:
            self.resume(node)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for node in NODES:
                if not self.running(node):
                    self.start(node)
            if any("--new" in trouble for trouble in self.troubles().values()):
                self.cure()
            known = self.status().get("known")
            if isinstance(known, dict) and all(
                    c in known or c == "link" for c in self.group.engine.stored):
                if all(known[column] == value for column, value in HOME.items()):
                    return True
                self._goes_home(known)
            time.sleep(0.1)
        return False

    def _goes_home(self, known: dict[str, str]) -> None:
        """The next step on the way home that an administrator takes."""
        for node in NODES:
            if "down" in (known[f"{node}.services"], known[f"{node}.database"]):
                with suppress(Unavailable):
                    self.ask(node, do="start_services")
        if command := self._homeward(known):
            self.command(command)

    def _homeward(self, known: dict[str, str]) -> str:
        """The next command on the way home; empty if the next step is not a command."""
        if known["auto_fallback"] == "on":  # otherwise it waits for half an hour
            return "disable_auto_fallback"
        engine = self.group.engine
        with suppress(PrgError):
            steps = engine.plan(engine.pair({**known, "link": "up"})).steps
            if steps and engine.kind(steps[0].event) == "command":
                return steps[0].event
        return ""

    def history(self) -> list[dict[str, object]]:
        """Every decision, from the store; the next server is asked where one does not answer."""
        store, _ = self.group.open_store()
        try:
            for _ in range(self.group.store.count(",")):
                with suppress(Unavailable):
                    return list(store.history())
            return list(store.history())
        finally:
            store.close()

    def down(self) -> None:
        """Kill everything."""
        self.users.stop()
        for node in NODES:
            self.resume(node)
            self.kill(node)
        for link in self.links.values():
            link.close()
