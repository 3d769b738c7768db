"""The service manager: an agent says to systemd that it is ready, alive, reloading, or stopping.

Law: a message is one datagram, and nothing waits for it. Without NOTIFY_SOCKET nobody listens, and
nothing is sent. Children of the agent do not inherit the words that systemd means for it.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

__all__ = ["SIGNS", "Manager"]

WORDS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
SIGNS = 4
"""How many signs of life the manager gets within its patience."""


class Manager:
    """The service manager of this process.

    Args:
        environ: the environment; the words of systemd are taken out of it.

    Attributes:
        patience: after how many seconds without a sign the manager ends this process; 0: never.
    """

    def __init__(self, environ: dict[str, str] | os._Environ[str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        found = {word: environ.pop(word, "") for word in WORDS}
        self._where = found["NOTIFY_SOCKET"]
        mine = found["WATCHDOG_PID"] in ("", str(os.getpid()))
        number = found["WATCHDOG_USEC"]
        self.patience = int(number) / 1e6 if mine and number.isdecimal() and len(number) < 16 else 0.0
        self._fed, self._status, self._ready = 0.0, "", False

    def __bool__(self) -> bool:
        return bool(self._where)

    def says(self, *lines: str) -> None:
        """Send a message, such as `READY=1`; whether it arrives is not known."""
        if not self._where:
            return
        address = "\0" + self._where[1:] if self._where.startswith("@") else self._where
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            end.sendto("\n".join(lines).encode(), address)

    def lives(self, now: float) -> None:
        """A turn has happened at this moment: the first makes it ready, all feed the watchdog."""
        if not self._ready:
            self._ready = True
            self.says("READY=1")
        if self.patience and now - self._fed >= self.patience / SIGNS / 2:
            self._fed = now
            self.says("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show one line as the status of the service, if it is another one than before."""
        line = " ".join(text.split())[:200]
        if line != self._status:
            self._status = line
            self.says(f"STATUS={line}")

    def reloading(self) -> None:
        """The group file is being read again; `READY=1` ends it."""
        self.says("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
