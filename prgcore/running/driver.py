"""Drivers: they keep a pair in a store, decide its events, and carry out the orders.

Law: no rule lives here, and no decision: a turn decides (`prgcore.running.turn`). Each decision is
in the store before anything is done. Then the orders are carried out one after another, and each is
acknowledged in the record. Their outcome goes to the machine as an event. So after a crash at any
moment, the record shows every decision, and every order that is still open.

A keeper (`prgcore.running.keeper`) decides and writes; a driver also carries out orders.
`prgcore.running.asynchronous` does both beside an event loop, where a slow action delays nothing
else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping

from prgcore.engine import Engine
from prgcore.errors import ActionFailed, StaleEpoch, Unavailable
from prgcore.running.deciding import next_order
from prgcore.running.keeper import Keeper
from prgcore.running.shapes import Heard
from prgcore.stores.ports import Clock, Observation, Performer, Store, told
from prgcore.stores.record import Order
from prgcore.timers.parameters import Settings as Parameters
from prgcore.wire.entry import Entry

__all__ = ["Driver", "Heard", "Keeper", "carried_out"]

_log = logging.getLogger("prgcore")


class Driver(Keeper):
    """Keeps a pair, and carries out the orders, one after another.

        driver = Driver(PRG, SQLiteStore("pair.db"), performer)
        driver.send("enable_ha")

    `tell` and `observe` only decide and write; `send` and `see` also carry out the orders. They
    first repeat the orders that a crash left.

    Args:
        performer: the performer, which carries out the orders.

        For the other arguments see `Keeper`.
    """

    def __init__(
        self, engine: Engine, store: Store, performer: Performer, node: str | None = None, *,
        parameters: Parameters | None = None, clock: Clock | None = None,
        log: Callable[[Entry], None] | None = None, completes: bool = True,
        terms: Mapping[str, str] | None = None, adopt: bool = False,
    ) -> None:
        super().__init__(engine, store, node, parameters=parameters, clock=clock, log=log,
                         completes=completes, terms=terms, adopt=adopt)
        self.performer = performer
        self.work()

    def send(self, event: str) -> list[Entry]:
        """Decide an event, carry out everything that follows, and return all entries.

        Raises:
            as `Keeper.tell`.
        """
        return self.see(told(event))

    def see(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Decide an observation, carry out everything that follows, and return all entries.

        Raises:
            as `Keeper.tell`.
        """
        return self._carries_out(self.observe(seen, heard))

    def work(self) -> list[Entry]:
        """Carry out orders until none is left that can be carried out.

        Raises:
            as `Keeper.tell`.
        """
        return self._carries_out(self.complete())

    def _carries_out(self, entries: list[Entry]) -> list[Entry]:
        """Carry out the orders of the newest reading; return these entries and those that follow."""
        parked = set[str]()
        while order := self._ready(parked):
            try:
                entries += self.done(order, failed=not carried_out(self.performer, order))
            except Unavailable as error:
                _log.warning("%s on %s waits: %s", order.do, order.node, error)
                parked.add(order.node)
        return entries

    def _ready(self, parked: Container[str]) -> Order | None:
        """The order to carry out next, by the newest reading."""
        record, did = self.state.record, {d.order for d in self.state.did}
        if self.state.trouble or record is None:
            return None
        return next_order(self.charter, record,
                          lambda o: o.node in parked or o in did, heard=True)


def carried_out(performer: Performer, order: Order) -> bool:
    """Carry out an order; False: it cannot be done.

    An order that a newer decision has overtaken counts as done, because it has no purpose now.
    """
    try:
        performer.perform(order)
    except StaleEpoch as error:
        _log.warning("%s of epoch %d is dropped: %s", order.do, order.epoch, error)
    except ActionFailed as error:
        _log.error("%s of epoch %d failed: %s", order.do, order.epoch, error)
        return False
    return True

