"""Callers: they ask a pump, and wait for an answer, or until nothing more follows.

Law: no rule lives here. A caller who waits while the store does not answer gets Unavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from math import inf

from attrs import define, field

from prgcore.errors import Unavailable
from prgcore.running.pump import Pump
from prgcore.running.shapes import Ask, Seen, Turn
from prgcore.wire.entry import Entry

__all__ = ["Callers"]


@define(eq=False)
class _Waiting:
    """A caller who waits."""

    key: str
    answer: asyncio.Future[list[Entry]]
    alone: bool = False
    entries: list[Entry] = field(factory=list)
    answered: bool = False

    def succeed(self, entries: list[Entry]) -> None:
        if not self.answer.done():
            self.answer.set_result(entries)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Callers:
    """All who wait for turns of a pump. It gets every turn through `shows`."""

    def __init__(self) -> None:
        self._keys = map("asked-{}".format, count(1))
        self._waiting: list[_Waiting] = []

    async def see(self, pump: Pump, event: str = "") -> list[Entry]:
        """All that is decided until an event is, if one is given, and nothing more follows.

        Raises:
            as `Keeper.tell`.
        """
        return await self._decided(pump, Ask(next(self._keys), event) if event else None)

    async def tell(
        self, pump: Pump, event: str, also: Mapping[str, str], changes: Mapping[str, int],
        within: float = inf,
    ) -> Entry:
        """The decision of an event, which must begin within so many seconds.

        Raises:
            as `Keeper.tell`.
        """
        (entry,) = await self._decided(
            pump, Ask(next(self._keys), event, also, changes, pump.clock.now() + within),
            alone=True)
        return entry

    async def _decided(self, pump: Pump, ask: Ask | None, *, alone: bool = False) -> list[Entry]:
        waiting = _Waiting(ask.key if ask else "", asyncio.get_running_loop().create_future(), alone,
                           answered=ask is None)
        self._waiting.append(waiting)
        if ask is None:
            pump.post()
        else:
            pump.ask(ask)
        try:
            return await waiting.answer
        finally:
            self._waiting.remove(waiting)

    def shows(self, seen: Seen, turn: Turn) -> None:
        """Answer those whom a turn answers."""
        unknown = seen.wrote.why if seen.wrote and seen.wrote.outcome == "unknown" else ""
        for one in self._waiting:
            one.entries += turn.entries
            for answer in turn.answers:
                if answer.key != one.key:
                    continue
                one.answered = True
                if answer.error is not None:
                    one.fail(answer.error)
                elif answer.entry is not None and one.alone:
                    one.succeed([answer.entry])
            if away := seen.unread or unknown:
                one.fail(Unavailable(away))
            if one.answered and turn.write is None and not turn.read:
                one.succeed(one.entries)

    def broke(self, error: Exception) -> None:
        """Let nobody wait any more."""
        for one in self._waiting:
            one.fail(error)
