"""A driver beside an event loop: timers, the store and the orders, none waiting for another.

Law: no rule lives here, and no decision. Deciding (`Keeper`) and carrying out run in threads. So a
slow action does not delay the answer to an observation, and a slow store stops no heartbeat.
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
from prgcore.timers.parameters import Settings as Parameters
from prgcore.wire.entry import Entry

__all__ = ["AsyncDriver"]

LOOK = 0.5
"""How many seconds pass until the record is read again, even if no change is reported."""

T = TypeVar("T")
_log = logging.getLogger("prgcore")


async def _set(event: asyncio.Event, within: float | None) -> bool:
    """Wait until an event is set, at most so long; return whether it is set.

    Not by `wait_for`, which may swallow a cancellation.
    """
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

    When `run` begins, it repeats the orders that a crash left. It carries out one order at a time.

    Args:
        keeper: the keeper, which decides.
        performer: the performer, which carries out orders; it is called in a thread.

    Attributes:
        changed: is set whenever the record has changed; a task that waits for it clears it.
    """

    keeper: Keeper
    performer: Performer
    changed: asyncio.Event

    def __init__(self, keeper: Keeper, performer: Performer) -> None:
        self.keeper, self.performer = keeper, performer
        self._parked: set[str] = set()
        self._work, self._time, self.changed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def see(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Decide an observation, and return the entries. The orders are carried out meanwhile.

        Raises:
            as `Keeper.tell`.
        """
        if seen is not None and seen.heartbeat:
            self.keeper.arrived(seen.heartbeat, heard)
            seen, heard = evolve(seen, heartbeat=""), None
        return await self._decide(self.keeper.observe, seen, heard)

    async def tell(self, event: str, **asked: Any) -> Entry:
        """Decide an event, as `Keeper.tell`, and return its entry."""
        def tell() -> Entry:
            return self.keeper.tell(event, **asked)

        return await self._decide(tell)

    async def change_parameters(self, parameters: Parameters | None) -> None:
        """Go on with other parameters from now on, as `Keeper.change_parameters`."""
        await self._decide(self.keeper.change_parameters, parameters)

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
        """Repeat a task for ever; after an error of the store or the record, log it and go on."""
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
                _log.exception("BUG: this exception was not expected; the task is tried again")
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
        """Carry out the next order that is ready; if it fails for now, it is tried again."""
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
