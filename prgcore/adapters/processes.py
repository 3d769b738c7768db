"""Services as child processes: started, stopped, watched, and told whom they may serve.

Law: no rule lives here. A service that an earlier agent left running is found by its file and
taken over. The one that serves users listens on a socket of its node: one JSON object a line, told
`{"serve": {"node1": TOKEN}, "until": SECONDS}` it serves these groups until then, by the monotonic
clock of the computer, and answers `{}` when it serves nobody else. What it is told with an earlier
`until` than before comes too late: it answers anything else, and goes on.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from prgcore.adapters.group import Member
from prgcore.errors import ActionFailed

__all__ = ["Services", "alive"]

PATIENCE = 2.0
"""Seconds that a service has to start, to stop, or to answer."""


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not buried does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except ProcessLookupError:
        return False
    except OSError:  # no such files on this system
        return True
    return status.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


class Services:
    """The critical services of a node, as child processes."""

    def __init__(self, member: Member) -> None:
        self.member, self.directory = member, member.directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def socket(self) -> Path:
        """Where the service listens that serves users."""
        return self.directory / "serving.sock"

    def pid(self, name: str) -> int | None:
        """The process of a service, if it runs."""
        child = self._children.get(name)
        if child is not None:
            return child.pid if child.poll() is None else None
        try:
            pid = int((self.directory / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if alive(pid) else None

    def up(self) -> bool:
        """Whether every critical service runs; the database is none."""
        return all(self.pid(n) is not None for n in self.member.services
                   if n != self.member.database)

    def database_up(self) -> bool:
        """Whether the database runs; without one, it does."""
        return not self.member.database or self.pid(self.member.database) is not None

    def start(self, names: tuple[str, ...] = ()) -> None:
        """Start what does not run: these services, or all.

        Raises:
            ActionFailed: one does not start.
        """
        for name in names or tuple(self.member.services):
            if self.pid(name) is None:
                self._start(name)
        if self.member.serving and self.member.serving in (names or self.member.services):
            self._answers()

    def _start(self, name: str) -> None:
        if name == self.member.serving:
            self.socket.unlink(missing_ok=True)
        command = self.member.services[name]
        with (self.directory / f"{name}.log").open("ab") as log:
            try:
                child = subprocess.Popen(  # noqa: S603, the command is the user's own
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.member.home,
                    env=os.environ | {"PRGCORE_NODE": self.member.seat,
                                      "PRGCORE_SOCKET": str(self.socket.resolve())})
            except OSError as error:
                raise ActionFailed(f"{name}: {command[0]}: {error.strerror}") from None
        self._children[name] = child
        (self.directory / f"{name}.pid").write_text(str(child.pid))

    def _answers(self) -> None:
        """Wait until the service that serves users answers."""
        end = time.monotonic() + PATIENCE
        while not self._told({"ask": ""}):
            if time.monotonic() > end or self.pid(self.member.serving) is None:
                raise ActionFailed(f"{self.member.serving} does not answer at {self.socket}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the critical services; the database runs on.

        Raises:
            ActionFailed: one does not stop.
        """
        running = [n for n in self.member.services if n != self.member.database]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for name in running:
                if (pid := self.pid(name)) is not None:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
            end = time.monotonic() + PATIENCE / 2
            while time.monotonic() < end:
                if not any(self.pid(n) for n in running):
                    return
                time.sleep(0.01)
        raise ActionFailed("services do not stop: " + ", ".join(n for n in running if self.pid(n)))

    def serve(self, groups: Mapping[str, int], until: float) -> bool:
        """Tell whom to serve, and until when; whether that was heard, and heeded.

        A service that cannot be told serves by what it was told before, until then.
        """
        if not self.member.serving:
            return True
        return self._told({"serve": dict(groups), "until": until}) == b"{}\n"

    def _told(self, what: Mapping[str, object]) -> bytes:
        """What the service that serves users answers; nothing where it does not."""
        try:
            with socket.socket(socket.AF_UNIX) as end:
                end.settimeout(PATIENCE / 4)
                end.connect(str(self.socket))
                end.sendall(json.dumps(what).encode() + b"\n")
                with end.makefile("rb") as lines:
                    return lines.readline()
        except OSError:
            return b""
