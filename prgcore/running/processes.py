"""Services as child processes: how they are started, stopped and watched, and whom they may serve.

Law: no rule lives here. A service holds the lock on `NAME.lock`, which it inherits, for as long as
it runs. So a later agent finds it and takes it over, and mistakes no other process for it. It
writes its own process number to `NAME.pid`. It leads a session of its own, so processes that it
starts are stopped with it, and it outlives its agent. If a service closes inherited descriptors,
only the agent that started it knows that it runs.

The service that serves users listens on the socket that PRGCORE_SOCKET names. The agent sends JSON
objects, one per line, and the service answers each with one:

    {"serve": {"node1": TOKEN}, "until": SECONDS}

It then serves these groups, and nobody else, and answers `{}`. It stops at `until`, by the boot
clock of the computer (`prgcore.stores.ports.boot_clock`), even if its agent is gone. A line with an
earlier `until` than before comes too late: the service continues as before, and gives any other
answer, such as `{"late": true}`. A line without `"serve"` changes nothing, and any answer is
accepted. The service has half a second to answer. `"promotes": true` in a line says that the
resource that it serves may be the primary until then, and users are served once it is.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from prgcore.errors import ActionFailed, BadInput
from prgcore.running.member import LONGEST_SOCKET, Member

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Services", "alive"]

PATIENCE = 2.0
"""How many seconds a service has to start, to stop, or to answer."""

NUMBERED = 'echo $$ >"$0" && exec "$@"'
"""The shell command that becomes a service: it writes its number, then executes the service."""


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except ProcessLookupError:
        return False
    except OSError:  # this system has no such files
        return True
    return status.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


class Services:
    """The critical services of a node, as child processes. Threads may share it.

    Args:
        member: the node.
        patience: for some services, how many seconds each may be down before a look shows it
            (`Group.patience`). It is for a service that ran and was not stopped on request.

    Attributes:
        changes: grows whenever services begin or end to be started or stopped.

    Raises:
        BadInput: the directory cannot be made, the name of its socket is too long, or this system
            has no locks that a child inherits.
    """

    def __init__(self, member: Member, patience: Mapping[str, float] | None = None) -> None:
        if fcntl is None:
            raise BadInput("services as child processes need flock, which this system does not "
                           "have; run the agent on Linux, BSD or macOS")
        self.member, self.directory = member, member.directory
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{member.seat}.directory: {str(self.directory)[-120:]!r} cannot be "
                           f"made: {error.strerror}; give a folder that may be written") from None
        self._near = _short(self.socket, Path.cwd())
        if member.serving and len(os.fsencode(self._near)) > LONGEST_SOCKET:
            raise BadInput(f"{member.seat}.directory: a socket in it has a name of more than "
                           f"{LONGEST_SOCKET} bytes from here; start the agent in "
                           f"{str(member.home.absolute())[-120:]!r}")
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._changing, self._looking, self.changes = Lock(), Lock(), 0
        self._patience, self._ran = dict(patience or {}), dict[str, float]()

    @property
    def socket(self) -> Path:
        """The socket of the service that serves users."""
        return self.directory / "serving.sock"

    def pid(self, name: str) -> int | None:
        """The process of a service. None: it does not run. 0: it runs, but its number is not known.

        Raises:
            ActionFailed: it is not known whether it runs.
        """
        with self._looking:
            child = self._child(name)
            if child:
                return child
            with self._lock(name) as lock:
                return self._written(name) if lock is None else None

    def up(self) -> bool:
        """Whether every critical service runs, without the database. Raises as `pid` does."""
        return all(self.pid(n) is not None for n in self.member.services
                   if n != self.member.database)

    def database_up(self) -> bool:
        """Whether the database runs, or there is none. Raises as `pid` does."""
        return not self.member.database or self.pid(self.member.database) is not None

    def look(self) -> tuple[dict[str, bool], frozenset[int]]:
        """Whether the critical services run, and the database; and the known process numbers.

        Raises:
            ActionFailed: it is not known whether one of them runs.
        """
        found = {name: self.pid(name) for name in self.member.services}
        now, database = time.monotonic(), self.member.database
        with self._looking:
            self._ran |= {name: now for name, number in found.items() if number is not None}
            runs = {name: number is not None or self._held(name, now)
                    for name, number in found.items()}
        return {
            "services": all(is_up for name, is_up in runs.items() if name != database),
            "database": not database or runs[database],
        }, frozenset(filter(None, found.values()))

    def _held(self, name: str, now: float) -> bool:
        """Whether a look does not yet show that a service is down: it ran a moment ago."""
        return now - self._ran.get(name, -math.inf) < self._patience.get(name, 0)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """The time of a change, one after another."""
        with self._changing:
            self.changes += 1
            try:
                yield
            finally:
                self.changes += 1

    def start(self, names: tuple[str, ...] = ()) -> None:
        """Start these services, or all, if they do not run.

        Raises:
            ActionFailed: a service does not start.
        """
        with self._change():
            for name in names or tuple(self.member.services):
                self._start(name)
            if self.member.serving and self.member.serving in (names or self.member.services):
                self._answers()

    def _start(self, name: str) -> None:
        with self._looking:
            if self._child(name):
                return
            with self._lock(name) as lock:
                if lock is None:
                    return
                child = self._children[name] = self._begun(name, lock)
        end = time.monotonic() + PATIENCE
        while not self._written(name):
            if child.poll() is not None or time.monotonic() > end:
                raise ActionFailed(f"{name} does not start; see {name}.log, and check that "
                                   f"{name}.pid can be written")
            time.sleep(0.001)

    def _begun(self, name: str, lock: int) -> subprocess.Popen[bytes]:
        """The process of a new service, which inherits its lock."""
        command = self.member.services[name].command
        program = str(self.member.home / command[0]) if os.sep in command[0] else command[0]
        if shutil.which(program) is None:
            raise ActionFailed(f"{name}: {command[0]}: no such program")
        number = self.directory / f"{name}.pid"
        with _failing(name):
            number.unlink(missing_ok=True)
            if name == self.member.serving:
                self.socket.unlink(missing_ok=True)
            with (self.directory / f"{name}.log").open("ab") as log:
                return subprocess.Popen(  # noqa: S603, the command is the user's own
                    ["/bin/sh", "-c", NUMBERED, str(number.absolute()), *command],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.member.home, start_new_session=True, pass_fds=(lock,),
                    env=os.environ | {"PRGCORE_NODE": self.member.seat,
                                      "PRGCORE_SOCKET": _short(self.socket, self.member.home)})

    def _child(self, name: str) -> int:
        """The process of a service that this agent has started; 0 if it does not run."""
        child = self._children.get(name)
        return child.pid if child is not None and child.poll() is None else 0

    @contextmanager
    def _lock(self, name: str) -> Iterator[int | None]:
        """The lock of a service; None: the service runs and holds it."""
        with _failing(name):
            file = os.open(self.directory / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with _failing(name):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    free = True
                except BlockingIOError:
                    free = False
            yield file if free else None
        finally:
            os.close(file)

    def _written(self, name: str) -> int:
        """The process number that a service has written; 0 if it has not written one."""
        try:
            text = (self.directory / f"{name}.pid").read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return 0
        fits = text.endswith("\n") and text[:-1].isdecimal() and len(text) < 12
        return int(text) if fits and int(text) > 1 else 0

    def _answers(self) -> None:
        """Wait until the service that serves users answers."""
        end = time.monotonic() + PATIENCE
        while not self._answer({"ask": ""}):
            if time.monotonic() > end or self.pid(self.member.serving) is None:
                raise ActionFailed(f"{self.member.serving} does not answer at {self.socket}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the critical services, without the database.

        Raises:
            ActionFailed: a service does not stop.
        """
        with self._change():
            trouble: dict[str, str] = {}
            try:
                for number in (signal.SIGTERM, signal.SIGKILL):
                    trouble = self._signal(number)
                    if not trouble:
                        return
            finally:
                self._ran.clear()
        raise ActionFailed("services do not stop: " + ", ".join(
            f"{name} ({why})" for name, why in sorted(trouble.items())))

    def _signal(self, number: int) -> dict[str, str]:
        """The services that still run some time after this signal, each with the reason."""
        said: dict[str, str] = {}
        end = time.monotonic() + PATIENCE / 2
        while True:
            left = {n: pid for n in self.member.services if n != self.member.database
                    and (pid := self.pid(n)) is not None}
            if not left or time.monotonic() > end:
                return {n: said.get(n) or "its process is not known" for n in left}
            for name, pid in left.items():
                if pid and name not in said:
                    said[name] = f"process {pid}"
                    try:
                        os.killpg(pid, number)
                    except OSError as error:
                        said[name] += f": {error.strerror}"
            time.sleep(0.01)

    def serve(self, groups: Mapping[str, int], until: float, *, promotes: bool = False) -> bool:
        """Permit the service to serve these groups until then; return whether it obeys.

        A service that does not answer serves by its last permission, until that ends.

        Args:
            groups: for each home that is served, its token.
            until: seconds of `prgcore.stores.ports.boot_clock`.
            promotes: whether the resource may become the primary, though users wait until it is.
        """
        if not self.member.serving:
            return True
        also = {"promotes": True} if promotes else {}
        return self._answer({"serve": dict(groups), "until": until, **also}).startswith(b"{}\n")

    def _answer(self, what: Mapping[str, object]) -> bytes:
        """The answer of the service that serves users; empty if there is none."""
        said = b""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as end:
            end.settimeout(PATIENCE / 4)
            end.connect(self._near)
            end.sendall(json.dumps(what).encode() + b"\n")
            while b"\n" not in said and (part := end.recv(4096)):
                said += part
            return said
        return b""


def _short(path: Path, here: Path) -> str:
    """The whole path if it is short enough for a socket; else the path from here."""
    whole = str(path.resolve())
    return whole if len(os.fsencode(whole)) <= LONGEST_SOCKET else os.path.relpath(whole, here.resolve())


@contextmanager
def _failing(name: str) -> Iterator[None]:
    """Turn an error of the system into an ActionFailed of this service."""
    try:
        yield
    except OSError as error:
        file = f"{Path(str(error.filename)).name}: " if error.filename else ""
        raise ActionFailed(f"{name}: {file}{error.strerror or error}") from None
