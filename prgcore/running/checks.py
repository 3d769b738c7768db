"""Checks: how a look at a service is made, and what it finds.

Law: a look asks and waits, at most for its time-out, and is therefore made in a thread. It decides
nothing: `prgcore.running.health` knows what a row of looks means. A command
(`prgcore.running.commands`) is killed at its time-out, and whatever it leaves running at its end.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from prgcore.running.commands import Output, run_command
from prgcore.running.service import Check

__all__ = ["Asked", "Looked", "look"]

TAIL = 400
"""How many of the last bytes of a command are kept, to say why it failed."""
HEADERS = 1 << 16
"""How many bytes the headers of an answer may have."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\r?")


@frozen
class Looked:
    """What a look found: whether all is well, and if not, why."""

    well: bool
    why: str = ""


@frozen
class Asked:
    """A check that is asked again and again.

    Attributes:
        name: the service, or the fact.
        check: the check.
        look: looks once, in a thread; None: there is nothing to ask.
        note: takes what a look found, after a turn of the service, or after none (`Conditions`);
            returns whether that changes anything.
    """

    name: str
    check: Check
    look: Callable[[], tuple[int, Looked] | None]
    note: Callable[[int | None, Looked], bool]


def look(
    check: Check, home: Path, environment: Mapping[str, str], answers: Callable[[float], bool],
) -> Looked:
    """Look once. It takes at most the time-out of the check, apart from the look-up of a host.

    Args:
        home: where a command is started.
        environment: the environment of a command.
        answers: whether the service answers at its socket within so many seconds.
    """
    end = time.monotonic() + check.timeout
    try:
        if check.command:
            return _command(check, home, environment)
        if check.tcp:
            with socket.create_connection(check.tcp, timeout=check.timeout):
                return Looked(well=True)
        if check.http:
            return _http(check, end)
        well = answers(check.timeout)
        return Looked(well, "" if well else f"no answer at its socket within {check.timeout:g} s")
    except TimeoutError:
        return Looked(False, f"no answer within {check.timeout:g} s")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Looked(False, f"{check.command[0]}: {why}"[:TAIL] if check.command else why)


# ---------------------------------------------------------------------------- commands


def _command(check: Check, home: Path, environment: Mapping[str, str]) -> Looked:
    ended = run_command(check.command, check.timeout, home=home, environment=environment,
                        output=Output(0, TAIL))
    if ended.code == 0:
        return Looked(well=True)
    why, words = f"killed after {check.timeout:g} s", _printable(ended.output)
    if ended.code is not None:
        why = f"exit code {ended.code}" if ended.code > 0 else f"ended by signal {-ended.code}"
    return Looked(False, f"{why}: {words}" if words else why)


def _printable(said: str) -> str:
    """The last line with words, as one line for a log."""
    lines = [line for line in said.splitlines() if line.strip()]
    return "".join(c if c.isprintable() else " " for c in (lines[-1] if lines else "")).strip()[-200:]


# -------------------------------------------------------------------------------- http


def _http(check: Check, end: float) -> Looked:
    url = urlsplit(check.http)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    said = b""
    with socket.create_connection((url.hostname, url.port or 80), timeout=check.timeout) as talk:
        talk.settimeout(_left(end))
        talk.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: prgcore\r\n"
                     "Accept: */*\r\nConnection: close\r\n\r\n".encode())
        while not _whole(said) and len(said) < HEADERS:
            talk.settimeout(_left(end))
            part = talk.recv(1 << 14)
            if not part:
                break
            said += part
    status = _STATUS.fullmatch(said.partition(b"\n")[0])
    if status is None or not _whole(said):
        words = _printable(said[:TAIL].decode(errors="replace"))
        return Looked(False, f"not an answer of HTTP: {words[:80]!r}")
    number = int(status[1])
    return Looked(well=True) if 200 <= number < 400 else Looked(False, f"status {number}")


def _whole(said: bytes) -> bool:
    """Whether all headers have come."""
    return b"\r\n\r\n" in said or b"\n\n" in said


def _left(end: float) -> float:
    """How many seconds are left; raises TimeoutError if none are."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
