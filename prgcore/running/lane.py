"""A lane: a thread of a pump that makes one blocking call at a time.

Law: a lane decides nothing. A call that never ends holds up its own lane alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from math import inf
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from prgcore.errors import PrgError, Unavailable

__all__ = ["ENDING", "REST", "Lane"]

REST = (0.02, 0.5)
"""How many seconds a lane rests after a failure, and at most; each rest is twice as long."""
ENDING = 2.0
"""How many seconds the calls under way have to end when a pump stops."""

T = TypeVar("T")
_Jobs: TypeAlias = "SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None]"
_log = logging.getLogger("prgcore")


class Lane:
    """A thread that makes one blocking call at a time, and brings its answer into the event loop.

    Attributes:
        busy: whether a call is under way.
        rests: the moment until which it rests, by the clock of its pump.
        patient: whether an answer that is True may wait until somebody takes it.
        kept: an answer that waits, and who gets it; None: there is none.
    """

    def __init__(self, name: str) -> None:
        self.name, self.busy, self.rests, self._failures = name, False, -inf, 0
        self.kept: tuple[Callable[[Any], None], object] | None = None
        self.patient = False
        self._logged = False
        self._jobs: _Jobs = SimpleQueue()
        self._ended: asyncio.Future[None] | None = None
        self._thread: Thread | None = None

    def call(self, work: Callable[[], T], then: Callable[[T | PrgError], None]) -> None:
        """Begin a call; `then` gets its answer, or its error, in the event loop.

        Any other exception is a fault of somebody else's code. It counts as `Unavailable`.
        """
        assert not self.busy, f"BUG: two calls in the lane {self.name}"
        self.busy = True
        if self._ended is None:
            loop = asyncio.get_running_loop()
            self._ended = loop.create_future()
            self._thread = Thread(target=self._work, args=(self._jobs, loop, self._ended),
                                  name=f"prgcore {self.name}", daemon=True)
            self._thread.start()
        self._jobs.put((work, then))

    def _work(
        self, jobs: _Jobs, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]
    ) -> None:
        try:
            while (job := jobs.get()) is not None:
                answer = self._answer(job[0])
                self.kept = job[1], answer
                if not (self.patient and answer is True):
                    loop.call_soon_threadsafe(self.take)
            loop.call_soon_threadsafe(_end, ended)
        except RuntimeError:  # the loop is closed, and nobody waits any more
            return

    def _answer(self, work: Callable[[], T]) -> T | PrgError:
        try:
            answer = work()
        except PrgError as error:
            return error
        except Exception as error:  # noqa: BLE001, somebody else's code
            if not self._logged:
                _log.exception("BUG: this exception was not expected; the call is made again")
            self._logged = True
            return Unavailable(f"{type(error).__name__}: {error}")
        self._logged = False
        return answer

    def take(self) -> None:
        """Take the answer of the call that has ended, if nobody has taken it."""
        if self.kept is not None:
            (then, answer), self.kept, self.busy = self.kept, None, False
            then(answer)

    def went(self, now: float, *, well: bool) -> None:
        """Note how a call went. After failures in a row the lane rests for longer and longer."""
        self._failures = 0 if well else min(self._failures + 1, 9)
        self.rests = -inf if well else now + min(REST[0] * 2 ** (self._failures - 1), REST[1])

    def end(self) -> asyncio.Future[None] | None:
        """Let the thread end after its call; return what is done then. None: there is none."""
        ended, self._ended = self._ended, None
        if ended is not None:
            self._jobs.put(None)
            self._jobs = SimpleQueue()
        return ended

    def rest(self) -> None:
        """End the thread if no call is under way; the next call begins another."""
        if not self.busy:
            self.end()

    def gone(self) -> None:
        """Wait for the last step of a thread whose calls have ended."""
        if self._thread is not None and not self.busy:
            self._thread.join()


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
