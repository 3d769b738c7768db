"""Watching the services of a node: at once when a process ends, and now and then.

Law: no rule lives here. A look is made in a thread, because a lock is a file. The system says when
a process ends, where it can (pidfd); a slow look finds whatever it does not say. A look that began
before services were started or stopped, and ended after, says nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from prgcore.errors import PrgError
from prgcore.running.lane import Lane
from prgcore.running.processes import Services

__all__ = ["Watching"]

OPENED: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
LOOK = 0.5 if OPENED else 0.05
"""How many seconds pass between two looks if no process ends."""

_log = logging.getLogger("prgcore")


class Watching:
    """Looks at services from an event loop.

    Args:
        services: the services.
        found: gets, in the event loop, what every look finds: whether the critical services run,
            and whether the database does.
    """

    def __init__(self, services: Services, found: Callable[[Mapping[str, bool]], None]) -> None:
        self.services, self._found = services, found
        self._lane, self._again, self._ended, self._failed = Lane("looks"), False, False, False
        self._watched: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Look now, or again once the look that is under way has ended."""
        if self._ended:
            return
        self._again = self._lane.busy
        if not self._lane.busy:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._lane.call(self._look, self._looked)

    def _look(self) -> tuple[int, Mapping[str, bool], frozenset[int]]:
        changes = self.services.changes
        return changes, *self.services.look()

    def _looked(self, answer: tuple[int, Mapping[str, bool], frozenset[int]] | PrgError) -> None:
        if self._ended:
            return
        if isinstance(answer, PrgError):
            if not self._failed:
                _log.warning("it is not known whether the services run: %s", answer)
            self._failed = True
        else:
            self._failed = False
            changes, found, numbers = answer
            self._watch(numbers)
            if changes == self.services.changes:
                self._found(found)
            else:
                self._again = True
        if self._again:
            self.look()
        else:
            self._timer = asyncio.get_running_loop().call_later(LOOK, self.look)

    def _watch(self, numbers: frozenset[int]) -> None:
        """Look again when one of these processes ends, and no other."""
        for number in self._watched.keys() - numbers:
            self._drop(number)
        if OPENED is None:
            return
        for number in numbers - self._watched.keys():
            with suppress(OSError):
                end = self._watched[number] = OPENED(number)
                asyncio.get_running_loop().add_reader(end, self._died, number)

    def _died(self, number: int) -> None:
        self._drop(number)
        self.look()

    def _drop(self, number: int) -> None:
        end = self._watched.pop(number)
        asyncio.get_running_loop().remove_reader(end)
        os.close(end)

    def end(self) -> None:
        """Look no more."""
        self._ended = True
        self._lane.end()
        if self._timer is not None:
            self._timer.cancel()
        for number in tuple(self._watched):
            self._drop(number)
