"""Watching the services of a node: at once when a process ends, and now and then.

Law: no rule lives here. Whatever may wait is done in a thread: a look, because a lock is a file;
each check, so that none waits for another; a restart. The system says when a process ends, where it
can (pidfd); a slow look finds whatever it does not say. A look that began before services were
started or stopped, and ended after, says nothing. When a fact changes, the log has one line with
the reason.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from prgcore.errors import PrgError
from prgcore.running.checks import Asked, Looked
from prgcore.running.conditions import Found
from prgcore.running.lane import Lane
from prgcore.running.processes import Services

__all__ = ["Watching"]

OPENED: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
LOOK = 0.5 if OPENED else 0.05
"""How many seconds pass between two looks if no process ends."""
GRACE = 0.2
"""How many seconds after its time-out a check counts as failed that has not come back."""
LONGEST_WHY = 300
"""How many characters of a reason are logged."""

_log = logging.getLogger("prgcore")


class Watching:
    """Looks at services from an event loop.

    Args:
        services: the services.
        found: gets, in the event loop, what every look finds: for each fact whether it holds.
    """

    def __init__(self, services: Services, found: Callable[[Mapping[str, bool]], None]) -> None:
        self.services, self._found = services, found
        self._lane, self._again, self._ended, self._failed = Lane("looks"), False, False, False
        self._restarts = Lane("restarts")
        self._watched: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._checks: tuple[_Checking, ...] | None = None
        self._facts: dict[str, bool] = {}

    def look(self) -> None:
        """Look now, or again once the look that is under way has ended. The first call begins it all."""
        if self._ended:
            return
        if self._checks is None:
            self._checks = tuple(_Checking(asked, self.look) for asked in self.services.checks())
            for one in self._checks:
                one.begin()
        self._again = self._lane.busy
        if not self._lane.busy:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._lane.call(self._look, self._looked)

    def _look(self) -> tuple[int, Found]:
        changes = self.services.changes
        return changes, self.services.look()

    def _looked(self, answer: tuple[int, Found] | PrgError) -> None:
        if self._ended:
            return
        if isinstance(answer, PrgError):
            if not self._failed:
                _log.warning("it is not known whether the services run: %s", answer)
            self._failed = True
        else:
            self._failed = False
            changes, found = answer
            self._watch(found.numbers)
            if changes == self.services.changes:
                self._says(found)
                self._found(found.facts)
            else:
                self._again = True
        if not self._restarts.busy and self.services.due():
            self._restarts.call(self.services.again, self._restarted)
        if self._again:
            self.look()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._pause(), self.look)

    def _pause(self) -> float:
        """How many seconds pass until the next look."""
        due = self.services.next()
        return LOOK if due is None else min(LOOK, max(due - time.monotonic(), 0.01))

    def _says(self, found: Found) -> None:
        """Log the facts that have changed."""
        name = self.services.member.name
        for fact, holds in found.facts.items():
            if self._facts.get(fact, True) != holds:
                if holds:
                    _log.warning("%s: %s again", name, _worded(fact, "up"))
                else:
                    _log.warning("%s: %s: %s", name, _worded(fact, "down"),
                                 found.whys.get(fact, "")[:LONGEST_WHY])
            self._facts[fact] = holds

    def _restarted(self, answer: tuple[str, ...] | PrgError) -> None:
        if self._ended:
            return
        for says in (str(answer),) if isinstance(answer, PrgError) else answer:
            _log.warning("%s: %s", self.services.member.name, says)
        if answer:
            self.look()

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

    def renew(self) -> None:
        """Ask by the checks that the services have now."""
        if self._checks is not None and not self._ended:
            for one in self._checks:
                one.end()
            self._checks = None
            self.look()

    def end(self) -> None:
        """Look no more."""
        self._ended = True
        self._lane.end()
        self._restarts.end()
        for one in self._checks or ():
            one.end()
        if self._timer is not None:
            self._timer.cancel()
        for number in tuple(self._watched):
            self._drop(number)


def _worded(fact: str, what: str) -> str:
    """A fact as a part of a sentence: `the services are down`, `current is down`."""
    named = {"services": "the services are", "database": "the database is"}
    return f"{named.get(fact, f'{fact} is')} {what}"


class _Checking:
    """One check, asked again and again at its interval, from an event loop.

    Args:
        asked: the check.
        changed: is called when a look has changed something.
    """

    def __init__(self, asked: Asked, changed: Callable[[], None]) -> None:
        self._asked, self._changed = asked, changed
        self._lane, self._ended, self._due = Lane(f"check of {asked.name}"), False, False
        self._next: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look now, and then at every interval. No second look begins beside one that still runs."""
        self._next = None
        if self._ended:
            return
        loop, check = asyncio.get_running_loop(), self._asked.check
        if not self._lane.busy:
            self._late = loop.call_later(check.timeout + GRACE, self._overdue)
            self._lane.call(self._asked.look, self._came)
        elif self._late is not None:  # it is about to end
            self._due = True
            return
        else:  # a process in a call that does not end, or a slow look-up of a host
            self._notes(None, Looked(False, "an earlier look has not ended yet"))
        self._next = loop.call_later(check.interval, self.begin)

    def _overdue(self) -> None:
        """The look has not come back in time: it has failed, and its own answer counts for nothing."""
        self._late = None
        self._notes(None, Looked(False, f"no answer within {self._asked.check.timeout:g} s"))
        self._goes_on()

    def _came(self, answer: tuple[int, Looked] | PrgError | None) -> None:
        if self._late is not None and not self._ended:
            self._late.cancel()
            self._late = None
            if isinstance(answer, PrgError):
                self._notes(None, Looked(False, str(answer)))
            elif answer is not None:
                self._notes(*answer)
        self._goes_on()

    def _goes_on(self) -> None:
        """Begin the look that had to wait for the one before it."""
        if self._due:
            self._due = False
            self.begin()

    def _notes(self, turn: int | None, found: Looked) -> None:
        if self._asked.note(turn, found):
            self._changed()

    def end(self) -> None:
        """Ask no more."""
        self._ended = True
        self._lane.end()
        for timer in (self._next, self._late):
            if timer is not None:
                timer.cancel()
