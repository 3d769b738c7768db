"""Faults of the store of two real nodes: what is done to it, and how a person repairs it.

A store belongs to one pair. In etcd, one server or three run on this computer, and each node reaches
them through a gate of its own, a proxy that can be cut, slow, deaf, or damage an answer. In SQLite it
is a file. `begin` begins a fault and `mend` ends all of them. A fault of `LOSING` takes the record
away: no repair brings it back, so both agents must say so until they are started with `--new`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pair import NODES, TwoNodes, free_ports

LOSING = ("wiped", "lost", "replaced")
"""Faults after which the record is another one."""
MAYBE = ("log_removed",)
"""Faults after which it may be."""
QUOTA = 16 << 20
"""How many bytes a server of etcd may keep; it is the smallest that leaves room for a pair."""
SLOW = 0.7
"""How many seconds a slow answer takes."""
READY = 60
"""How many seconds a server may take until it answers."""
SOON = 3.0
"""How many seconds a server has that is only looked at."""


class Faults(Protocol):
    """A store that can be broken."""

    kinds: tuple[str, ...]
    address: str
    addresses: dict[str, str]

    def ready(self, pair: TwoNodes) -> None:
        """Called once the pair is home for the first time."""

    def begin(self, pair: TwoNodes, kind: str, node: str) -> None:
        """Begin a fault; some concern one node only."""

    def mend(self, pair: TwoNodes) -> None:
        """Repair the store."""

    def close(self) -> None:
        """End whatever runs."""


class Gate:
    """The network between a node and a server: a proxy whose `how` says what it does.

    `open` carries all, `slow` delays each answer, `deaf` loses all answers, `cut` ends each
    connection, and `damaged` changes one byte of each answer.
    """

    def __init__(self, to: int, seed: int = 0) -> None:
        self.how, self.delay, self.to = "open", 0.0, to
        self.damaged = 0
        self._dice, self._ends = random.Random(seed), set[socket.socket]()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, how: str, delay: float = 0.0) -> None:
        self.how, self.delay = how, delay
        if how == "cut":
            self._hang_up()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._server.accept()
                threading.Thread(target=self._join, args=(end,), daemon=True).start()

    def _join(self, end: socket.socket) -> None:
        with end, suppress(OSError):
            if self.how == "cut":
                return
            with socket.create_connection(("127.0.0.1", self.to), 1) as out:
                out.settimeout(None)
                self._ends |= {end, out}
                try:
                    threading.Thread(target=self._carry, args=(end, out, False), daemon=True).start()
                    self._carry(out, end, True)
                finally:
                    self._ends -= {end, out}

    def _carry(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        """Carry data one way until an end is closed; then close both."""
        with suppress(OSError):
            while (data := one.recv(65536)) and self.how != "cut":
                if answers and self.how == "slow":
                    time.sleep(self.delay)
                if answers and self.how == "deaf":
                    continue
                other.sendall(self._changed(data) if answers and self.how == "damaged" else data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _changed(self, data: bytes) -> bytes:
        """The data with another byte at one place."""
        self.damaged += 1
        place = self._dice.randrange(len(data))
        return data[:place] + bytes([data[place] ^ self._dice.randrange(1, 256)]) + data[place + 1:]

    def _hang_up(self) -> None:
        for end in tuple(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._hang_up()


class Etcd:
    """One server of etcd or three, and the gates of both nodes."""

    def __init__(self, directory: Path, members: int = 1, seed: int = 0) -> None:
        self.directory, self.members = directory, range(members)
        directory.mkdir(parents=True, exist_ok=True)
        self._clients, self._peers = free_ports(members), free_ports(members)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.gates = {node: [Gate(port, seed + n) for n, port in enumerate(self._clients)]
                      for node in NODES}
        self.kinds: tuple[str, ...] = ("killed", "stopped", "slow", "deaf", "cut", "wiped", "full")
        if members > 1:
            self.kinds = ("killed", "stopped", "cut", "wiped", "member_killed", "member_stopped")
        self.address = self._address(self._clients)
        self.addresses = {node: self._address([g.port for g in gates])
                          for node, gates in self.gates.items()}
        self._full = False
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _address(self, ports: list[int]) -> str:
        return "etcd:" + ",".join(f"http://127.0.0.1:{port}" for port in ports)

    def _launch(self, member: int) -> None:
        client, peer = (f"http://127.0.0.1:{ports[member]}" for ports in (self._clients, self._peers))
        cluster = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(self._peers))
        with (self.directory / "etcd.out").open("ab") as out:
            self._processes[member] = subprocess.Popen(
                ["etcd", "--name", f"m{member}", "--data-dir", str(self._data(member)),
                 "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", cluster, "--log-level", "error",
                 "--quota-backend-bytes", str(QUOTA)], stdout=out, stderr=out)

    def _data(self, member: int) -> Path:
        return self.directory / f"m{member}"

    def _start(self) -> None:
        """Start the servers that do not run, and wait until each answers."""
        for member in self.members:
            if member not in self._processes:
                self._launch(member)
        end = time.monotonic() + READY
        for member in self.members:
            while True:
                with suppress(OSError):
                    self._looks(member)
                    break
                if time.monotonic() > end:
                    raise RuntimeError("etcd does not answer")
                time.sleep(0.05)

    def _looks(self, member: int = 0) -> None:
        """Read something; raises OSError if the server does not answer soon."""
        self._post("kv/range", {"key": "AA=="}, member, SOON)

    def _post(
        self, path: str, request: dict[str, object], member: int = 0, within: float = READY
    ) -> dict[str, object]:
        """The answer of a server to a request of the JSON gateway."""
        url = f"http://127.0.0.1:{self._clients[member]}/v3/{path}"
        with urlopen(Request(url, json.dumps(request).encode()), timeout=within) as answer:
            found: dict[str, object] = json.loads(answer.read())
            return found

    def _kill(self, member: int) -> None:
        if process := self._processes.pop(member, None):
            process.kill()
            process.wait()

    def _gate(self, node: str, how: str, delay: float = 0.0) -> None:
        for gate in self.gates[node]:
            gate.set(how, delay)

    def begin(self, pair: TwoNodes, kind: str, node: str) -> None:  # noqa: ARG002, as of a file
        """Begin a fault. `slow` is for both nodes; `deaf`, `cut` and `damaged` are for one."""
        some = (NODES.index(node),) if kind.startswith("member_") else tuple(self.members)
        match kind.removeprefix("member_"):
            case "killed":
                for member in some:
                    self._kill(member)
            case "stopped":
                self._signal(some, signal.SIGSTOP)
            case "wiped":
                for member in some:
                    self._kill(member)
                    shutil.rmtree(self._data(member), ignore_errors=True)
                self._start()
            case "full":
                self._fill()
            case "slow":
                for one in NODES:
                    self._gate(one, "slow", SLOW)
            case how:
                self._gate(node, how)

    def _signal(self, members: Iterable[int], number: int) -> None:
        for member in members:
            if member in self._processes:
                self._processes[member].send_signal(number)

    def ready(self, pair: TwoNodes) -> None:
        """Nothing is needed."""

    def _fill(self) -> None:
        """Use up the space of the server: values of one megabyte, until it refuses one.

        A server that was killed or stopped before takes none.
        """
        try:
            self._looks()
        except OSError:
            return
        self._full = True
        for _ in range(100):
            try:
                self._post("kv/put", {"key": "ZmlsbA==", "value": "QUFB" * 330_000})
            except HTTPError as error:
                if b"space exceeded" in error.read():
                    return

    def _empty(self) -> None:
        """Make room again, as docs/stores.md says."""
        key: dict[str, object] = {"key": "ZmlsbA=="}
        header = self._post("kv/deleterange", key)["header"]
        assert isinstance(header, dict)
        with suppress(HTTPError):  # it was compacted to here before
            self._post("kv/compaction", {"revision": header["revision"], "physical": True})
        self._post("maintenance/defragment", {})
        alarms = self._post("maintenance/alarm", {"action": "GET"}).get("alarms", [])
        assert isinstance(alarms, list)
        for alarm in alarms:
            self._post("maintenance/alarm", {"action": "DEACTIVATE", **alarm})
        self._full = False

    def mend(self, pair: TwoNodes) -> None:  # noqa: ARG002, as of a file
        """Start whatever does not run, open all gates, make room."""
        for node in NODES:
            self._gate(node, "open")
        self._signal(self.members, signal.SIGCONT)
        self._start()
        if self._full:
            self._empty()

    def close(self) -> None:
        for member in tuple(self._processes):
            self._kill(member)
        for gates in self.gates.values():
            for gate in gates:
                gate.close()


class SQLite:
    """A file. `full` lets no file of the agents grow, as on a disk without space."""

    kinds: tuple[str, ...] = ("locked", "deleted", "lost", "replaced", "log_removed", "full")

    def __init__(self, directory: Path) -> None:
        self.path, self.address = directory / "pair.db", "sqlite:pair.db"
        self._old = Path(f"{self.path}.old")
        self.addresses: dict[str, str] = {}
        self._lock: sqlite3.Connection | None = None
        self._limited: dict[int, tuple[int, int]] = {}
        self._aside: Path | None = None
        if os.geteuid():
            self.kinds += ("read_only",)

    def _files(self, path: Path) -> tuple[Path, ...]:
        return path, Path(f"{path}-wal"), Path(f"{path}-shm")

    def ready(self, pair: TwoNodes) -> None:
        """Keep a copy of the store, and let there be a decision that the copy does not have."""
        with closing(sqlite3.connect(self.path)) as now, closing(sqlite3.connect(self._old)) as copy:
            now.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        for event in ("enable_auto_fallback", "disable_auto_fallback"):
            pair.command(event)

    def begin(self, pair: TwoNodes, kind: str, node: str) -> None:  # noqa: ARG002, as of a server
        """Begin a fault."""
        files = self._files(self.path)
        if kind in LOSING and self._aside is not None:  # what was moved away is lost too
            self._remove(*self._files(self._aside))
            self._aside = None
        match kind:
            case "locked":
                self._locks()
            case "deleted":
                if self._aside is None:
                    self._aside = Path(f"{self.path}.aside")
                    self._moves(files, self._files(self._aside))
            case "lost":
                self._remove(*files)
            case "replaced":
                shutil.copy(self._old, f"{self._old}.copy")
                Path(f"{self._old}.copy").replace(self.path)
                self._remove(*files[1:])
            case "log_removed":
                self._remove(*files[1:])
            case "read_only":
                self.path.chmod(0o400)
            case "full":
                self._limits(pair)

    def _locks(self) -> None:
        """Lock the file as another program does."""
        if self._lock is None and self.path.exists():
            lock = sqlite3.connect(self.path, timeout=20, isolation_level=None,
                                   check_same_thread=False)
            try:
                lock.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:  # another fault was before it
                lock.close()
            else:
                self._lock = lock

    def _limits(self, pair: TwoNodes) -> None:
        for agent in pair.agents.values():
            if agent.poll() is None:
                was = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)
                self._limited.setdefault(agent.pid, was)
                resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, was[1]))

    def _moves(self, here: Iterable[Path], there: Iterable[Path]) -> None:
        for one, other in zip(here, there, strict=True):
            with suppress(FileNotFoundError):
                one.rename(other)

    def _remove(self, *paths: Path) -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    def mend(self, pair: TwoNodes) -> None:
        """End the lock, make room; put the file back while both agents are stopped."""
        if self._lock is not None:
            with suppress(sqlite3.Error):
                self._lock.execute("ROLLBACK")
            self._lock.close()
            self._lock = None
        for pid, was in self._limited.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, was)
        self._limited = {}
        if self.path.exists():
            self.path.chmod(0o600)
        if self._aside is not None:
            pair.stop_both()
            self._remove(*self._files(self.path))
            self._moves(self._files(self._aside), self._files(self.path))
            self._aside = None

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
