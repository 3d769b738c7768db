"""Commands: a program of the user is run once, for a check or a hook, and waited for.

Law: no rule lives here. A command runs in a session of its own, and its output is cut. One that
takes too long is killed with its process group. The end of the command itself counts: what it has
left running may keep its output open.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

__all__ = ["Ended", "Output", "run_command"]

LOOK = 0.01
"""How many seconds pass between two looks at a command that runs."""
PIPE = 65_536
"""How many bytes a pipe holds."""
KILLED = 1.0
"""How many seconds a killed command has to be gone."""


class Output:
    """The beginning and the end of an output.

    Args:
        first, last: how many bytes of each are kept.
    """

    def __init__(self, first: int, last: int) -> None:
        self._most = first, last
        self._first, self._last, self._left_out = b"", b"", 0

    def take(self, part: bytes) -> None:
        """Take the next bytes."""
        first, last = self._most
        room = first - len(self._first)
        self._first += part[:room]
        self._last += part[room:]
        more = max(0, len(self._last) - last)
        self._left_out += more
        self._last = self._last[more:]

    def __str__(self) -> str:
        gap = b""
        if self._left_out and self._first:
            gap = f"\n… {self._left_out:,} bytes …\n".encode()
        return (self._first + gap + self._last).decode(errors="replace")


@frozen
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; negative: the signal that ended it; None: it did not end, and was killed.
        output: what it printed, on both standard streams, cut, as text.
        halted: whether it was killed because it was not wanted any more, and not because of its time.
    """

    code: int | None
    output: str = ""
    halted: bool = False


def run_command(
    command: tuple[str, ...], seconds: float, *, home: Path | None, environment: Mapping[str, str],
    output: Output, line: bytes = b"", daemons: bool = False,
    ends: Callable[[], bool] = lambda: False, begun: Callable[[int], None] = lambda _: None,
) -> Ended:
    """Run a command once, and wait for it.

    Args:
        command: the program and its options.
        seconds: after how many seconds it is killed.
        home: the folder in which it runs; None: that of this process.
        environment: its whole environment.
        output: takes what it prints.
        line: what it can read from its standard input, at most as much as fits into a pipe.
        daemons: whether what it leaves running lives on, if it exits with 0.
        ends: whether it must be killed now, before its time is over.
        begun: takes its process number when it has begun.

    Raises:
        OSError, ValueError: it cannot be begun.
    """
    end = time.monotonic() + seconds
    child = subprocess.Popen(  # noqa: S603, the command is the user's own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=home, env=dict(environment), start_new_session=True)
    code, halted = None, False
    try:
        begun(child.pid)
        _tells(child, line)
        code, halted = _waits(child, output, end, ends)
    finally:
        if code != 0 or not daemons:
            with suppress(OSError):  # it may be gone, or be no longer ours
                os.killpg(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a process in a call that does not end
            child.wait(KILLED)
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()
    return Ended(code, str(output), halted)


def _tells(child: subprocess.Popen[bytes], line: bytes) -> None:
    """Write a line into the pipe of a command, and close it. It need not read it; nobody waits."""
    assert child.stdin is not None
    with suppress(OSError):
        os.set_blocking(child.stdin.fileno(), False)
        os.write(child.stdin.fileno(), line)
    child.stdin.close()


def _waits(
    child: subprocess.Popen[bytes], output: Output, end: float, ends: Callable[[], bool],
) -> tuple[int | None, bool]:
    """Wait for a command: its exit code, or None and whether it is not wanted any more."""
    assert child.stdout is not None
    out, opened = child.stdout.fileno(), True
    os.set_blocking(out, False)
    with selectors.PollSelector() as selector:  # needs no file of its own, of which there may be many
        selector.register(out, selectors.EVENT_READ)
        while True:
            code = _code(child)  # once it has ended, all that it printed is in its pipe
            rest = LOOK if code is None else 0
            if not opened:
                time.sleep(rest / 4)  # most close it as they end
            elif selector.select(rest):
                part = b""
                with suppress(OSError):
                    part = os.read(out, PIPE)
                output.take(part)
                if not part:
                    opened = False
                    selector.unregister(out)
            if code is not None:
                return code, False
            if (halted := ends()) or time.monotonic() >= end:
                return None, halted


def _code(child: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a command; None: it runs.

    Its number stays taken, so that no other group can be killed in place of its own.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return child.poll()
    try:
        found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return child.poll()
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
