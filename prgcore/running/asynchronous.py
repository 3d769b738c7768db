"""A driver beside an event loop: timers, the store and the orders, none waiting for another.

Law: no rule lives here, and no decision. It is a pump (`prgcore.running.pump`) of a `Keeper`. The
store and the performer are called in threads of their own. So a slow action does not delay the
answer to an observation, and a slow store stops no heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from prgcore.errors import BadInput, Unavailable
from prgcore.running.callers import Callers
from prgcore.running.desired import Desired
from prgcore.running.keeper import Keeper
from prgcore.running.node import layout
from prgcore.running.pump import Pump, Ways
from prgcore.running.shapes import Heard
from prgcore.stores.ports import Observation, Performer
from prgcore.stores.record import record_of
from prgcore.timers.parameters import Settings as Parameters
from prgcore.wire.entry import Entry

__all__ = ["AsyncDriver"]


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
        self.keeper, self.performer, self._callers = keeper, performer, Callers()
        kind = layout(keeper.engine, agents=keeper.node is not None)
        self._pump = Pump(keeper.turned, keeper.store, keeper.clock, Ways(
            recognises=partial(record_of, layout=kind),
            carry_out=lambda order: self.performer.perform(order),  # noqa: PLW0108, it may change
            shows=self._callers.shows, broke=self._callers.broke))
        self.changed = self._pump.changed

    def arrived(self, node: str, heard: Heard | None = None) -> None:
        """Take a heartbeat, and return at once, even if the store hangs.

        Args:
            node: the node that hears its peer.
            heard: (agents only) the content of the heartbeat.

        Raises:
            BadInput: this keeper does not keep such a node.
        """
        self.keeper.checked(Observation(heartbeat=node), heard, "arrived")
        self._pump.arrived(node, heard)

    async def see(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Decide an observation, and return the entries. The orders are carried out meanwhile.

        Raises:
            as `Keeper.tell`.
        """
        seen = self.keeper.checked(seen, heard, "see")
        if seen.host_lost:
            self._pump.host_lost(seen.host_lost)
        if seen.heartbeat:
            self._pump.arrived(seen.heartbeat, heard)
        return await self._callers.see(self._pump, seen.event)

    async def tell(
        self, event: str, *, also: Mapping[str, str] | None = None,
        changes: Mapping[str, int] | None = None,
    ) -> Entry:
        """Decide an event, as `Keeper.tell`, and return its entry."""
        self.keeper.engine.kind(event)
        return await self._callers.tell(self._pump, event, also or {}, changes or {})

    def desired(self, node: str | None = None) -> Desired:
        """The desired state of a node by the newest reading; it does not wait for the store.

        Args:
            node: a node; by default that of this agent.

        Raises:
            BadInput: it is not a node, or a controller is asked without a node.
            Unavailable: nothing was read yet.
        """
        return self.keeper.desired_of(self.keeper.state.reading, node)

    async def change_parameters(self, parameters: Parameters | None) -> None:
        """Go on with other parameters from now on, as `Keeper.change_parameters`."""
        self.keeper.change_parameters(parameters)
        self._pump.post()

    async def run(self) -> None:
        """Keep the timers, watch the store and carry orders out, until cancelled.

        Raises:
            BadInput: another driver runs this keeper.
        """
        if self.keeper.pumped:
            raise BadInput("an AsyncDriver runs this keeper already; make a keeper for each driver")
        self.keeper.pumped = True
        try:
            await self._pump.run()
        finally:
            self.keeper.pumped = False
            self._callers.broke(Unavailable("the driver was stopped meanwhile"))
