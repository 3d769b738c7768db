"""A driver beside an event loop: timers, the store and the orders, each in its own time.

Law: no rule lives here, and no decision. Deciding (`Keeper`) and carrying out run in threads: an
observation is answered while an action takes its time, and a store that hangs stops no heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from prgcore.errors import Conflict, PrgError, Unavailable
from prgcore.running.driver import Heard, Keeper, carried_out
from prgcore.stores.ports import Observation, Performer
from prgcore.wire.entry import Entry

__all__ = ["AsyncDriver"]

LOOK = 0.5
"""Seconds after which the record is looked at again even if nobody says that it changed."""

T = TypeVar("T")
_log = logging.getLogger("prgcore")


async def _set(event: asyncio.Event, within: float | None) -> bool:
    """Wait so long until it is set; whether it is. `wait_for` may swallow a cancellation."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


class AsyncDriver:
    """A keeper, and a performer of its orders, beside an event loop.

        driver = AsyncDriver(Keeper(PRG, store, parameters=Parameters()), performer)
        running = asyncio.create_task(driver.run())
        await driver.see(told("enable_ha"))

    What a crash left is done again when `run` begins. Orders are carried out one after another.

    Args:
        keeper: who decides.
        performer: who carries out; it is called in a thread.

    Attributes:
        changed: is set whenever the record has changed; whoever waits for it clears it.
    """

    keeper: Keeper
    performer: Performer
    changed: asyncio.Event

    def __init__(self, keeper: Keeper, performer: Performer) -> None:
        self.keeper, self.performer = keeper, performer
        self._parked: set[str] = set()
        self._work, self._time, self.changed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def see(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Something was seen; what is decided of it, and kept. Carrying it out goes on beside.

        Raises:
            as `Keeper.tell`.
        """
        if seen is not None and seen.heartbeat:
            self.keeper.arrived(seen.heartbeat, heard)
            seen, heard = evolve(seen, heartbeat=""), None
        return await self._decide(self.keeper.observe, seen, heard)

    async def tell(self, event: str, **asked: Any) -> Entry:
        """An event is told, as by `Keeper.tell`."""
        def tell() -> Entry:
            return self.keeper.tell(event, **asked)

        return await self._decide(tell)

    async def _decide(self, what: Callable[..., T], *given: Any) -> T:
        answer = await asyncio.to_thread(what, *given)
        self._work.set()
        self._time.set()
        return answer

    async def run(self) -> None:
        """Keep the timers, watch the store and carry orders out, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for task in (self._keep_time, self._watch, self._carry_out):
                tasks.create_task(self._again(task))

    async def _again(self, task: Callable[[], Any]) -> None:
        """A task for ever: what the store or the record refuse is told, and tried again."""
        while True:
            try:
                await task()
            except (Unavailable, Conflict) as error:
                _log.warning("%s", error)
                await asyncio.sleep(LOOK)
            except PrgError as error:
                _log.error("%s: %s", type(error).__name__, error)
                await asyncio.sleep(LOOK)
            except Exception:  # noqa: BLE001, somebody else's code: the timers go on
                _log.exception("this should not have been raised, and is tried again")
                await asyncio.sleep(LOOK)

    async def _keep_time(self) -> None:
        """Observe at the next deadline, or when something has changed it."""
        deadline = self.keeper.deadline
        left = None if deadline is None else deadline - self.keeper.clock.now()
        if (left is None or left > 0) and await _set(self._time, left):
            self._time.clear()
            return
        await asyncio.to_thread(self.keeper.observe)
        self._work.set()

    async def _watch(self) -> None:
        """Look again whenever the record has changed."""
        _, kept = await asyncio.to_thread(self.keeper.read)
        await self._decide(self.keeper.observe)
        if await asyncio.to_thread(self.keeper.store.wait, kept.version, LOOK):
            self.changed.set()

    async def _carry_out(self) -> None:
        """The next order that is ready, if there is one; what is in the way is tried again."""
        self._work.clear()
        order = await asyncio.to_thread(self.keeper.next_order, self._parked)
        if order is None:
            await _set(self._work, LOOK)
            self._parked.clear()
            return
        try:
            done = await asyncio.to_thread(carried_out, self.performer, order)
        except Unavailable as error:
            _log.warning("%s on %s waits: %s", order.do, order.node, error)
            self._parked.add(order.node)
            return
        await self._decide(lambda: self.keeper.done(order, failed=not done))
