"""Waiting for what threads do, in an event loop, and for what signals do to processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

LONG = 60


async def until(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110, threads change it
            await asyncio.sleep(0.002)


def once(condition):
    """Wait until a condition holds, where no event loop runs."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def text(path):
    """The text of a file; empty while nobody has written it."""
    return path.read_text() if path.exists() else ""


def threads(name=""):
    """The threads that are alive now, of this name if one is given.

    A test compares them with those before it: other tests of the same process may have left some.
    """
    return {t for t in threading.enumerate() if name in ("", t.name)}


def stop(pid, *, group=False):
    """Send SIGSTOP to a process, or to its whole group, and wait until every thread has stopped.

    The signal is sent long before: on a busy computer a thread may go on until it is scheduled.
    """
    (os.killpg if group else os.kill)(pid, signal.SIGSTOP)
    once(lambda: all(_rests(thread) for one in _processes(pid, group=group)
                     for thread in Path(f"/proc/{one}/task").glob("*/stat")))


def _processes(pid, *, group):
    """The process, or all that are in its group now."""
    if not group:
        return [pid]
    found = ((one.parent.name, _stat(one)) for one in Path("/proc").glob("[0-9]*/stat"))
    return [one for one, stat in found if stat and stat[2] == str(pid)]


def _rests(thread):
    """Whether a thread is stopped, has ended, or will stop with the call in which it is (D).

    A shell that starts a program is in such a call until the program goes on (vfork).
    """
    found = _stat(thread)
    return not found or found[0] in "TtDZX"


def _stat(file):
    """What follows the name in a `stat` of /proc: state, parent, group; nothing if it is gone."""
    try:
        return file.read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
