"""The line to the service that serves users: permissions go out, answers come back.

Law: no rule lives here. Each line has a connection of its own, and waits half a second at most.

The service that serves users listens on the socket that PRGCORE_SOCKET names. The agent sends JSON
objects, one per line, and the service answers each with one:

    {"serve": {"node1": TOKEN}, "until": SECONDS}

It then serves these groups, and nobody else, and answers `{}`. It stops at `until`, by the boot
clock of the computer (`prgcore.stores.ports.boot_clock`), even if its agent is gone. Whatever
`until` says, it serves no longer than PRGCORE_LEASE seconds from now. A line with an earlier `until`
than before comes too late: the service continues as before, and gives any other answer, such as
`{"late": true}`. A line without `"serve"` changes nothing, and any answer is accepted. The service
has half a second to answer. `"promotes": true` in a line says that the resource that it serves may
be the primary until then, and users are served once it is.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from prgcore.running.member import LONGEST_SOCKET

__all__ = ["Line", "short"]

ANSWER = 0.5
"""How many seconds a service has to answer."""
LONGEST = 1 << 16
"""How many bytes an answer has at most."""


class Line:
    """The socket of the service that serves users. Threads may share it."""

    def __init__(self, socket: str) -> None:
        self.socket = socket

    def serve(self, groups: Mapping[str, int], until: float, *, promotes: bool) -> bool:
        """Send a permission; return whether the service obeys (`Services.serve`)."""
        also = {"promotes": True} if promotes else {}
        return self.says({"serve": dict(groups), "until": until, **also}).startswith(b"{}\n")

    def answers(self, within: float | None = None) -> bool:
        """Whether the service answers within so many seconds."""
        return bool(self.says({"ask": ""}, within))

    def says(self, what: Mapping[str, object], within: float | None = None) -> bytes:
        """The answer of the service; empty if there is none in time."""
        within = ANSWER if within is None else within
        said, late = b"", time.monotonic() + within
        with suppress(OSError), socket.socket(socket.AF_UNIX) as end:
            end.settimeout(within)
            end.connect(self.socket)
            end.sendall(json.dumps(what).encode() + b"\n")
            while b"\n" not in said and (part := end.recv(4096)):
                said += part
                if (left := late - time.monotonic()) <= 0 or len(said) > LONGEST:
                    return b""  # it says something again and again, and never a whole line
                end.settimeout(left)
            return said
        return b""


def short(path: Path, here: Path) -> str:
    """The whole path if it is short enough for a socket; else the path from here."""
    whole = str(path.resolve())
    return whole if len(os.fsencode(whole)) <= LONGEST_SOCKET else os.path.relpath(
        whole, here.resolve())
