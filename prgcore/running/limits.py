"""The limits of an agent: what others may take of its ports, and how long its logs may grow.

Law: pure, except for `room`, which asks the system for open files. The table `[limits]` of a group file
sets them for both nodes. No limit is a term of the record: each node may have others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import evolve, field, fields, frozen

from prgcore.errors import BadInput
from prgcore.running.fields import number, only, whole
from prgcore.running.rotation import MOST
from prgcore.words import counted

__all__ = ["LIMIT_KEYS", "Limits", "room"]

OTHERS = 100
"""How many files an agent has open beside the connections to its two ports, or fewer."""
LEAST = 4
"""How many connections a port lets in at least."""
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)


@frozen
class Limits:
    """The most that others may take of the two ports of an agent, and the length of its logs.

    Attributes:
        connections: how many connections one port has at once. A further one takes the place of
            another, first of one that has not said anything whole.
        per_address: how many of them one address has at once.
        whole: within how many seconds a line or a request must be whole.
        idle: after how many seconds of silence a connection ends.
        line: how many bytes a line has at most, and a quarter of it the head of a request.
        lines: how many lines a connection may bring in a second; further ones wait.
        log: how many bytes a file of the decision log, or of a service, has at most; 0: no limit.
        logs: how many older files of each are kept.
        hosts: the names by which browsers may ask for the page, beside addresses.
    """

    connections: int = 200
    per_address: int = 100
    whole: float = 5.0
    idle: float = 60.0
    line: int = 1 << 16
    lines: float = 100.0
    log: int = 10_000_000
    logs: int = 4
    hosts: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, found: Mapping[str, Any], at: str = "limits.") -> Limits:
        """The limits in a table; a key that is not there keeps its default.

        Raises:
            BadInput: one is not a number within its bounds, or not a list of names.
        """
        only(found, LIMIT_KEYS, at)
        usual = cls()
        most = whole(found, "connections", at, usual.connections, least=LEAST, most=100_000)
        return cls(
            most, whole(found, "per_address", at, min(usual.per_address, most), least=2, most=most),
            number(found, "whole", at, usual.whole, least=0.1, most=3600),
            number(found, "idle", at, usual.idle, least=1, most=86_400),
            whole(found, "line", at, usual.line, least=1024, most=1 << 24),
            number(found, "lines", at, usual.lines, least=1),
            _bytes(found, at, usual.log),
            whole(found, "logs", at, usual.logs, least=1, most=MOST),
            _hosts(found, at))


LIMIT_KEYS = tuple(one.name for one in fields(Limits))


def _bytes(found: Mapping[str, Any], at: str, default: int) -> int:
    found_log = whole(found, "log", at, default, most=1 << 50)
    if 0 < found_log < 10_000:
        raise BadInput(f"{at}log: {found_log} bytes are too few; write 10000 or more, or 0 for no "
                       "limit")
    return found_log


def _hosts(found: Mapping[str, Any], at: str) -> tuple[str, ...]:
    value = found.get("hosts", [])
    if not isinstance(value, list) or len(value) > 100 or not all(
            isinstance(name, str) and _HOST.fullmatch(name.lower()) for name in value):
        raise BadInput(f'{at}hosts: expected a list of names of hosts without ports, as '
                       f'["db.example.org"], not {value!r:.60}')
    return tuple(name.lower() for name in value)


def room(limits: Limits) -> tuple[Limits, str]:
    """Let this process open as many files as both ports may need.

    Returns:
        The limits that hold, and a warning if the system does not allow so many files. Then there
        are fewer connections, so that the agent has files for its store.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return limits, ""
    needed = 2 * limits.connections + OTHERS
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if now == unlimited or now >= needed:
        return limits, ""
    enough = most == unlimited or most >= needed
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed if enough else most, most))
        now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if now >= needed:
        return limits, ""
    fewer = max(LEAST, (now - OTHERS) // 2)
    return evolve(limits, connections=fewer, per_address=min(fewer, limits.per_address)), (
        f"limits.connections: both ports may need {counted(needed, 'open file')}, and the system "
        f"allows {now}, so each port lets in {fewer}: raise it (ulimit -n, LimitNOFILE=), or write "
        "fewer connections")
