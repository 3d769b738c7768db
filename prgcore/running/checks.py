"""Checks: how a look at a service is made, and what it finds.

Law: a look asks and waits, at most for its time-out, and is therefore made in a thread. It decides
nothing: `prgcore.running.health` knows what a row of looks means. A command that outlasts its
time-out is killed with all that it started in its process group.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from prgcore.running.service import Check

__all__ = ["Asked", "Looked", "look"]

TAIL = 400
"""How many of the last bytes of a command are kept, to say why it failed."""
HEADERS = 1 << 16
"""How many bytes the headers of an answer may have."""
STEP = 0.02
"""How many seconds pass between two looks at a command that runs."""
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
            return _command(check, home, environment, end)
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


def _command(check: Check, home: Path, environment: Mapping[str, str], end: float) -> Looked:
    child = subprocess.Popen(  # noqa: S603, the command is the user's own
        check.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=home, env=dict(environment), start_new_session=True)
    assert child.stdout is not None
    try:
        said, ended = _said(child, child.stdout.fileno(), end)
    finally:
        with suppress(ProcessLookupError, PermissionError):  # also whatever it left behind
            os.killpg(child.pid, signal.SIGKILL)
        child.stdout.close()
        with suppress(subprocess.TimeoutExpired):  # a process in a call that does not end
            child.wait(max(0.5, end - time.monotonic()))
    words = _printable(said)
    if not ended:
        return Looked(False, f"killed after {check.timeout:g} s" + (f": {words}" if words else ""))
    if child.returncode == 0:
        return Looked(well=True)
    what = f"exit code {child.returncode}" if (child.returncode or 0) > 0 else (
        f"ended by signal {-(child.returncode or 0)}")
    return Looked(False, what + (f": {words}" if words else ""))


def _said(child: subprocess.Popen[bytes], out: int, end: float) -> tuple[bytes, bool]:
    """The last bytes of a command, and whether it has ended in time. It is not waited for yet.

    A process that it left behind may keep the pipe open: its own end counts.
    """
    said, opened = b"", True
    os.set_blocking(out, False)
    while True:
        ended = _has_ended(child)
        while opened and select.select([out], [], [], 0)[0]:
            part = os.read(out, 1 << 16)
            said, opened = (said + part)[-TAIL:], bool(part)
            if time.monotonic() >= end:
                break
        left = end - time.monotonic()
        if ended or left <= 0:
            return said, ended
        if opened:
            select.select([out], [], [], min(left, STEP))
        else:
            time.sleep(min(left, STEP / 4))


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended. Its number stays taken, so that its group can be killed safely."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return child.poll() is not None
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return True


def _printable(said: bytes) -> str:
    """The last line with words, as one line for a log."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
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
        return Looked(False, f"not an answer of HTTP: {_printable(said[:TAIL])[:80]!r}")
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
