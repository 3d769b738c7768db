"""Drivers: a pair that is kept, and what was decided of it carried out.

Law: no rule lives here. An observation goes to the timers and to the machine; what is decided is
in the store before anything is done; then the orders are carried out one after another, each
acknowledged in the record, and what comes of them goes to the machine as an event. So after a
crash at any moment the record says what was decided and what is still to be done.

`Keeper` decides and keeps, `Driver` carries out as well; `prgcore.running.asynchronous` does both
beside an event loop, where a slow action holds nothing up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from threading import RLock
from uuid import uuid4

from attrs import evolve, frozen

from prgcore.engine import Decision, Engine
from prgcore.errors import (
    ActionFailed,
    BadInput,
    Conflict,
    ImpossibleEvent,
    StaleEpoch,
    Unavailable,
    Undecided,
    unknown_name,
)
from prgcore.running.log import tell
from prgcore.running.node import any_pair, decide, explanation, own, shared, view, written
from prgcore.seats import NODES, seat
from prgcore.stores.keeping import settle
from prgcore.stores.ports import Clock, Kept, Observation, Performer, Store, SystemClock, told
from prgcore.stores.record import Order, Record, acknowledged, begin, decided
from prgcore.tables.actions import ACTIONS
from prgcore.tables.timers import TIMERS
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire import digest
from prgcore.wire.entry import Entry

__all__ = ["Driver", "Heard", "Keeper", "carried_out"]

TRIES = 1_000
"""Writes that may be lost to others before a decision is given up."""

CONTROLLER = "controller"
ADMINISTRATOR = "administrator"

_FAILS = {a.name: a.fails for a in ACTIONS}
_log = logging.getLogger("prgcore")


@frozen
class Heard:
    """What a heartbeat told of its sender: its columns, and how often they had changed."""

    columns: Mapping[str, str]
    changes: int


class Keeper:
    """Keeps a pair: what is observed becomes decisions in the store, and orders.

    With a node it is that node's agent: it reads the record, its own drawer, and what it heard.
    Without one it is a controller, which keeps the whole pair. Thread-safe.

    Args:
        engine: the machine.
        store: where the record is.
        node: of an agent, its node.
        parameters: of the timers; None: no timers, every event is told.
        clock: what time it is.
        log: is given every entry, the refused and the ignored as well.
        completes: whether completions are told where nothing is left to be done; else the
            embedder tells them.
        terms: on what the record is kept, beside the machine; who has others is refused.
        adopt: keep the record on these terms from now on, whatever they were.

    Raises:
        BadInput: no such node, or a store that holds something else.
        Unavailable: the store does not answer.
    """

    engine: Engine
    store: Store
    node: str | None
    nodes: tuple[str, ...]
    parameters: Parameters | None
    completes: bool
    terms: dict[str, str]

    def __init__(
        self, engine: Engine, store: Store, node: str | None = None, *,
        parameters: Parameters | None = None, clock: Clock | None = None,
        log: Callable[[Entry], None] | None = None, completes: bool = True,
        terms: Mapping[str, str] | None = None, adopt: bool = False,
    ) -> None:
        if node is not None and node not in NODES:
            raise BadInput(unknown_name("node", node, NODES))
        if not callable(getattr(store, "read", None)):
            raise BadInput(f'{store!r:.60} is no store; give one, as SQLiteStore("pair.db")')
        self.engine, self.store, self.node = engine, store, node
        self.clock: Clock = SystemClock() if clock is None else clock
        self.by = node or CONTROLLER
        self.nodes = (node,) if node else NODES
        self.parameters, self.completes = parameters, completes
        self._log = log
        self._lock = RLock()
        self._monitors: dict[str, Monitor] = {}
        self._heard: Heard | None = None
        self._arrived: dict[str, tuple[float, Heard | None]] = {}
        self._hearing = {f"{t.event}({n})" for t in TIMERS if t.told == "heartbeat" for n in NODES}
        self.terms = {"machine": digest(engine.model), **(terms or {})}
        self._completions = {
            n: [e.name for e in engine.model.events
                if e.kind is Kind.COMPLETION and e.success is not False and e.decider == n]
            for n in self.nodes
        }
        self._begin()
        self._agree(adopt=adopt)
        for one in self.nodes:
            self.restart(one)

    def _begin(self) -> None:
        """The first record, where there is none."""
        if self.store.read() is None:
            pair = dict(self.engine.initial[0])
            if self.node is None:
                record = begin(pair)
            else:
                drawers = {n: own(self.engine, n) for n in NODES}
                known = {*shared(self.engine), *(c for names in drawers.values() for c in names)}
                record = begin({c: pair[c] for c in pair if c in known}, drawers)
            with suppress(Conflict):  # another one was first
                self.store.write(evolve(record, terms=self.terms).to_json(), 0)

    def _agree(self, *, adopt: bool) -> None:
        """The record is of the same kind, and kept on the same terms."""
        record, _ = self.read()
        if bool(record.own) != (self.node is not None):
            holds = "node agents" if record.own else "a controller"
            raise BadInput(f"this store holds the record of {holds}; name another store")
        if record.terms == self.terms:
            return
        if adopt or not record.terms:
            self._write(lambda newest: evolve(newest, terms=self.terms))
            return
        wrong = min(name for name in {*record.terms, *self.terms}
                    if record.terms.get(name) != self.terms.get(name))
        raise BadInput(
            f"the record is kept on another {wrong}: {record.terms.get(wrong, 'none'):.90}, not "
            f"{self.terms.get(wrong, 'none'):.90}; stop whoever keeps it, and adopt it "
            "(prgcore agent --adopt), or name another store")

    def restart(self, node: str) -> None:
        """Forget what the timers of a node count, as its recovery manager does when it starts."""
        if self.parameters is not None:
            with self._lock:
                self._monitors[node] = Monitor.start(
                    self.engine, node, self.clock.now(), self.parameters)

    # ---------------------------------------------------------------- the record

    def read(self) -> tuple[Record, Kept]:
        """The record as it is now, and as it is kept.

        Raises:
            Unavailable: the store does not answer.
            BadInput: it keeps something else.
        """
        kept = self.store.read()
        if kept is None:
            raise Unavailable("the store has lost its record: it keeps nothing")
        return Record.from_json(kept.value), kept

    def known(self, record: Record) -> dict[str, str]:
        """The columns that this keeper knows: of a controller all, of an agent its view."""
        if self.node is None:
            return dict(record.columns)
        drawer = record.own[self.node]
        heard = self._heard if drawer.get(f"{self.node}.hears_peer") == "yes" else None
        return view(record, self.node, heard.columns if heard else None,
                    heard.changes if heard else -1)

    def orders(self) -> tuple[Order, ...]:
        """What is to be carried out here, in order."""
        record, _ = self.read()
        return tuple(o for o in record.orders if o.node in (*self.nodes, self.by))

    def next_order(self, parked: Container[str] = ()) -> Order | None:
        """What is to be carried out here now; None: nothing, or it has to wait.

        A decision's orders are carried out one after another, on both nodes. One of a node that
        does not run, or that is not heard, holds nobody up: it waits until the node is back.

        Args:
            parked: nodes that could not be reached.
        """
        record, _ = self.read()
        here = (*self.nodes, self.by)
        for order in record.orders:
            if order.node in parked or self._away(record, order.node):
                continue
            return order if order.node in here else None
        return None

    def _away(self, record: Record, node: str) -> bool:
        """Whether a node cannot carry anything out, as far as this keeper knows."""
        if self.node is None:
            return record.columns.get(f"{node}.process", "running") != "running"
        heard = record.own[self.node].get(f"{self.node}.hears_peer")
        return node not in (self.node, self.by) and heard != "yes"

    @property
    def deadline(self) -> float | None:
        """When to observe again at the latest, by the monotonic clock; None: never."""
        moments = [m.next_deadline for m in self._monitors.values() if m.next_deadline is not None]
        return min(moments, default=None)

    # ---------------------------------------------------------------- deciding

    def tell(
        self, event: str, *, also: Mapping[str, str] | None = None,
        fits: Callable[[Record], bool] | None = None,
        settled: Callable[[Record], Record] = lambda record: record,
    ) -> Entry:
        """An event is told as it is; what was decided of it, and kept.

        Args:
            event: an event of the machine.
            also: of an agent, columns that it knows beside its view: asked of the peer, or as they
                became while nobody looked.
            fits: whether these still go with the record that is decided on.
            settled: what else becomes of the record in the same write, if something is decided.

        Raises:
            BadInput: no such event.
            ImpossibleEvent: it cannot happen as things stand.
            Undecided: of an agent, the decision hangs on what it does not know now.
            OutsideInvariant: the record breaks a proved promise; nothing is guessed.
            Conflict: others kept writing; nothing was decided.
            Unavailable: the store does not answer.
        """
        self.engine.kind(event)
        with self._lock:
            for _ in range(TRIES):
                record, kept = self.read()
                if fits is not None and not fits(record):
                    raise Undecided(f"{event} was asked of columns that have changed since", ())
                known = {**self.known(record), **(also or {})}
                for cause in self._causes(known, event):
                    self.tell(cause)
                    record, kept = self.read()
                    known = self.known(record)
                decision = self._decide(known, event)
                after, entry = decided(
                    record, known, decision, by=self._who(event), time=self.clock.wall(),
                    here=self.by, unseen=written(self.engine, record, decision))
                if decision.outcome is not Outcome.DONE or self._keep(
                        settled(after), kept, entry):
                    self._tell_log(entry)
                    return entry
            raise Conflict(f"{event}: others wrote the record {TRIES} times meanwhile")

    def _keep(self, record: Record, kept: Kept, entry: Entry) -> bool:
        """Write a decision; False: somebody else wrote before.

        Where the store does not say whether it did, it is asked once more.
        """
        value, line = record.to_json(), {**entry.to_json(), "id": uuid4().hex}
        try:
            self.store.write(value, kept.version, line)
        except Conflict:
            return False
        except Unavailable:
            try:
                settle(self.store, value, kept.version, line)
            except Conflict:
                return False
        return True

    def _who(self, event: str) -> str:
        return ADMINISTRATOR if self.engine.kind(event) is Kind.COMMAND else self.by

    def _decide(self, known: Mapping[str, str], event: str) -> Decision:
        if self.node is None:
            return self.engine.step(known, event)
        return decide(self.engine, known, event)

    def _causes(self, known: Mapping[str, str], event: str) -> tuple[str, ...]:
        """Of a controller: what must have happened before a timer's event that nobody told."""
        if self.node is not None or self.engine.kind(event) is not Kind.TIMER:
            return ()
        return explanation(self.engine, self.engine.pair(known), event)

    def _tell_log(self, entry: Entry) -> None:
        tell(entry)
        if self._log is not None:
            self._log(entry)

    def _check(self, node: str) -> None:
        if node not in self.nodes:
            raise BadInput(unknown_name("node", node, self.nodes))

    def arrived(self, node: str, heard: Heard | None = None) -> None:
        """A node hears its peer in this moment; what follows is decided by the next `observe`.

        However long that has to wait for the store, the peer was heard now.

        Args:
            node: which node.
            heard: of an agent, what the heartbeat told.

        Raises:
            BadInput: no node that is kept here.
        """
        self._check(node)
        self._arrived[node] = self.clock.now(), heard

    def observe(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Something was seen, or it is time to look: everything that is decided of it.

        A timer's event that cannot happen is not told; one that hangs on what an agent does not
        know yet comes again after an interval.

        Args:
            seen: what; None: nothing, but the deadline has come.
            heard: of an agent, with a heartbeat: what it told.

        Raises:
            as `tell`.
        """
        seen = Observation() if seen is None else seen
        if not isinstance(seen, Observation):
            raise BadInput(f"{seen!r:.60} is no observation; make one with told, heard, host_lost")
        if seen.host_lost:
            self._check(seen.host_lost)
        if seen.heartbeat:
            self.arrived(seen.heartbeat, heard)
        elif heard is not None:
            raise BadInput("what was heard comes with a heartbeat: observe(heard(node), Heard(...))")
        with self._lock:
            if seen.host_lost:
                self._arrived.pop(seen.host_lost, None)
            for _, said in tuple(self._arrived.values()):
                self._heard = said or self._heard
            entries = [self.tell(seen.event)] if seen.event else []
            for node in self._monitors:
                entries += self._due(node, seen)
            return entries + self.complete()

    def _due(self, node: str, seen: Observation) -> Iterable[Entry]:
        """What the timers of a node give now."""
        lost = seen.host_lost == node
        record, _ = self.read()
        came = self._taken(node, lost=lost)
        while True:
            now = self.clock.now() if came is None else came
            self._monitors[node], event = self._monitors[node].observe(
                max(now, self._monitors[node].now), any_pair(self.engine, self.known(record)),
                heartbeat=came is not None, peer_host_lost=lost)
            if event is not None:
                with suppress(ImpossibleEvent, Undecided):
                    yield self.tell(event, fits=self._timely if event in self._hearing else None)
            if event is None and came is None:
                return
            came, lost = None, False
            record, _ = self.read()

    def _taken(self, node: str, *, lost: bool) -> float | None:
        """When a heartbeat came that nobody has looked at; what it told is known from now on."""
        came, said = self._arrived.pop(node, (None, None))
        if lost:
            return None  # a host that is down has sent nothing since
        self._heard = said or self._heard
        return came

    def _timely(self, record: Record) -> bool:
        """Whether a heartbeat was sent after its sender's last change; else it may be dead by now."""
        if self.node is None or self._heard is None:
            return True
        return self._heard.changes == record.changes[seat("peer", self.node)]

    def complete(self) -> list[Entry]:
        """The completions of the nodes for which nothing is left to be carried out."""
        entries: list[Entry] = []
        with self._lock:
            while self.completes:
                found = self._completion()
                if found is None:
                    break
                entries.append(found)
        return entries

    def _completion(self) -> Entry | None:
        record, _ = self.read()
        for node in self.nodes:
            if record.orders_of(node):
                continue
            for event in self._completions[node]:
                with suppress(ImpossibleEvent, Undecided):
                    if self._decide(self.known(record), event).outcome is Outcome.DONE:
                        return self.tell(event)
        return None

    # ---------------------------------------------------------------- what came of it

    def done(self, order: Order, *, failed: bool = False) -> list[Entry]:
        """An order was carried out, or could not be; what the machine makes of that.

        The rest of a decision of which an order failed is dropped.

        Raises:
            as `tell`.
        """
        def settled(record: Record) -> Record:
            return acknowledged(record, [
                o for o in record.orders
                if o == order or (failed and o.epoch == order.epoch)])

        with self._lock:
            entries = self._failed(order, settled) if failed else []
            self._write(settled)
            return entries + self.complete()

    def _failed(self, order: Order, settled: Callable[[Record], Record]) -> list[Entry]:
        """The event with which it fails; the order is gone in the same write."""
        for name in _FAILS.get(order.do, ()):
            with suppress(ImpossibleEvent, Undecided):
                return [self.tell(seat(f"{name}({order.node})", order.node), settled=settled)]
        _log.error("%s failed on %s, and no event can say so", order.do, order.node)
        return []

    def change(self, changed: Callable[[Record], Record]) -> Record:
        """Write what is no decision: an acknowledgement, a claim. The record afterwards.

        Raises:
            Conflict, Unavailable: as `tell`.
        """
        with self._lock:
            return self._write(changed)

    def _write(self, changed: Callable[[Record], Record]) -> Record:
        for _ in range(TRIES):
            record, kept = self.read()
            after = changed(record)
            if after == record:
                return record
            with suppress(Conflict):
                self.store.write(after.to_json(), kept.version)
                return after
        raise Conflict(f"others wrote the record {TRIES} times meanwhile")


class Driver(Keeper):
    """Keeps a pair and carries out what is decided, one step after another.

        driver = Driver(PRG, SQLiteStore("pair.db"), performer)
        driver.send("enable_ha")

    `tell` and `observe` only decide and keep; `send` and `see` carry out as well. What a crash
    left is done again first.

    Args:
        performer: who carries the orders out.
        For the others see `Keeper`.
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
        """An event is told, and all that follows from it is carried out; every entry of it.

        Raises:
            as `Keeper.tell`.
        """
        return self.see(told(event))

    def see(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Something was seen; all that follows is carried out; every entry of it.

        Raises:
            as `Keeper.tell`.
        """
        entries = self.observe(seen, heard)
        return entries + self.work()

    def work(self) -> list[Entry]:
        """Carry out what is ordered, until nothing is left that can be."""
        entries, parked = self.complete(), set[str]()
        while order := self.next_order(parked):
            try:
                entries += self.done(order, failed=not carried_out(self.performer, order))
            except Unavailable as error:
                _log.warning("%s on %s waits: %s", order.do, order.node, error)
                parked.add(order.node)
        return entries


def carried_out(performer: Performer, order: Order) -> bool:
    """Carry an order out; False: it cannot be done.

    One that a newer decision has overtaken counts as done: what it was for is no more.
    """
    try:
        performer.perform(order)
    except StaleEpoch as error:
        _log.warning("%s of epoch %d is dropped: %s", order.do, order.epoch, error)
    except ActionFailed as error:
        _log.error("%s of epoch %d failed: %s", order.do, order.epoch, error)
        return False
    return True

