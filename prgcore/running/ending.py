"""How services end: by their own command or SIGTERM, and by SIGKILL when they take too long.

Law: no rule lives here. Several services end at the same time, each with a time-out of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from prgcore.errors import ActionFailed
from prgcore.running.process import Process, failing, found_program

__all__ = ["Ending", "Run", "ended"]

STEP = 0.01
"""How many seconds pass between two looks at a process that ends."""


class Run:
    """A command of a service that runs: its output goes into the log of the service.

    Raises:
        ActionFailed: it cannot be begun.
    """

    def __init__(self, process: Process, what: str, environment: Mapping[str, str]) -> None:
        self.what, self.name = what, process.name
        command: tuple[str, ...] = getattr(process.service, what)
        found_program(process.name, command, process.home)
        with failing(process.name), (process.directory / f"{process.name}.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603, the command is the user's own
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=process.home,
                start_new_session=True, env=dict(environment))

    def code(self) -> int | None:
        """Its exit code; None: it runs."""
        return self._child.poll()

    def kill(self) -> None:
        """Kill it with its process group."""
        with suppress(OSError):
            os.killpg(self._child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(0.5)

    def wait(self, timeout: float, halts: Callable[[], bool]) -> None:
        """Wait until it has ended well.

        Raises:
            ActionFailed: it fails, takes longer than so many seconds, or is not wanted any more.
        """
        end = time.monotonic() + timeout
        while (code := self.code()) is None:
            if halts() or time.monotonic() > end:
                self.kill()
                why = "it is not wanted any more" if halts() else (
                    f"its command was killed after {timeout:g} s ({self.what}_timeout)")
                raise ActionFailed(f"{self.name} does not {self.what}: {why}")
            time.sleep(STEP)
        if code:
            raise ActionFailed(f"{self.name} does not {self.what}: its command ends with "
                               f"{shown(code)}; see {self.name}.log")


def shown(code: int) -> str:
    """An exit code, for people."""
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


class Ending:
    """One service that is asked to end.

    Args:
        process: the service.
        environment: that of its own command.
        timeout: seconds until it is killed.
        killed: seconds that it has then.

    Attributes:
        why: why it has not ended; empty: it has.
        hung: whether its own command for stopping was killed. Then nobody knows what it has done,
            and a check that fails may be one that hangs with the service.
    """

    def __init__(
        self, process: Process, environment: Mapping[str, str], timeout: float, killed: float
    ) -> None:
        self.process, self.why, self._kills = process, "", False
        self._orphans = self.hung = False
        self._killed, self.timeout = killed, timeout
        self._run: Run | None = None
        self._end = time.monotonic() + timeout
        if process.service.stop and (process.service.start or process.pid() is not None):
            try:
                self._run = Run(process, "stop", environment)
            except ActionFailed as error:
                self.why = str(error)
        if self._run is None and process.service.command:
            self.why = process.signal(signal.SIGTERM) or self.why

    def over(self) -> bool:
        """Whether it has ended, or nothing more can be done; `why` is empty if it has ended."""
        late = time.monotonic() > self._end
        if self.process.service.start:
            return self._elsewhere(late=late)
        ended = self.process.pid() is None
        if ended and not self.process.left():
            self.why = ""
            return True
        if ended and not self._orphans:  # what it left in other groups has not got the signal
            self._orphans = True
            self.why = self.process.signal(signal.SIGTERM)
        if not late:
            return False
        if self._kills:
            self.why = self.why or "it outlives SIGKILL"
            return True
        self._kills, self._end = True, time.monotonic() + self._killed
        self.why = self.process.signal(signal.SIGKILL)
        return False

    def _elsewhere(self, *, late: bool) -> bool:
        """Whether the command has ended that stops a service elsewhere."""
        code = None if self._run is None else self._run.code()
        if code is None and self._run is not None and not late:
            return False
        if self._run is not None and code is None:
            self.hung = True
            self.why = f"its command was killed after {self.timeout:g} s (stop_timeout)"
        elif code:
            self.why = f"its command ends with {shown(code)}; see {self.process.name}.log"
        return True

    def close(self) -> None:
        """End its command, if that still runs."""
        if self._run is not None and self._run.code() is None:
            self._run.kill()


def ended(endings: Mapping[str, Ending]) -> dict[str, str]:
    """Wait until all have ended; return those that still run, each with the reason."""
    left = dict(endings)
    try:
        while left:
            left = {name: one for name, one in left.items() if not one.over()}
            if left:
                time.sleep(STEP)
    finally:
        for one in endings.values():
            one.close()
    return {name: one.why for name, one in endings.items() if one.why}
