"""Drivers: they keep a pair in a store, decide its events, and carry out the orders.

Law: no rule lives here. An observation goes to the timers and to the machine. Each decision is in
the store before anything is done. Then the orders are carried out one after another, and each is
acknowledged in the record. Their outcome goes to the machine as an event. So after a crash at any
moment, the record shows every decision, and every order that is still open.

`Keeper` decides and writes; `Driver` also carries out orders. `prgcore.running.asynchronous` does
both beside an event loop, where a slow action delays nothing else.
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
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire import digest
from prgcore.wire.entry import Entry

__all__ = ["Driver", "Heard", "Keeper", "carried_out"]

TRIES = 1_000
"""How often others may write first before a decision is given up."""

CONTROLLER = "controller"
ADMINISTRATOR = "administrator"

_log = logging.getLogger("prgcore")


@frozen
class Heard:
    """The content of a heartbeat: its sender's columns, and how often they had changed."""

    columns: Mapping[str, str]
    changes: int


class Keeper:
    """Keeps a pair: it turns observations into decisions in the store, and into orders.

    With `node` it is the agent of that node: it reads the record, its own drawer, and the peer's
    heartbeats. Without `node` it is a controller, which keeps the whole pair. Thread-safe.

    Args:
        engine: the machine.
        store: the store of the record.
        node: (agents only) the node of the agent.
        parameters: the parameters of the timers. None: there are no timers, and the embedder
            reports their events.
        clock: the clock for timers and entries.
        log: is called with every entry, including refused and ignored events.
        completes: whether the keeper decides a completion when a node has no orders left. If not,
            the embedder reports completions.
        terms: the terms of the record beside the machine. All its keepers must have the same.
        adopt: whether to put the record on these terms from now on, whatever they were.

    Raises:
        BadInput: there is no such node, or the store holds something else.
        Unavailable: the store does not answer.
    """

    engine: Engine
    store: Store
    node: str | None
    nodes: tuple[str, ...]
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
            raise BadInput(f'{store!r:.60} is not a store; give one like SQLiteStore("pair.db")')
        self.engine, self.store, self.node = engine, store, node
        self.clock: Clock = SystemClock() if clock is None else clock
        self.by = node or CONTROLLER
        self.nodes = (node,) if node else NODES
        self._parameters, self.completes = parameters, completes
        self._log = log
        self._lock = RLock()
        self._monitors: dict[str, Monitor] = {}
        self._heard: Heard | None = None
        self._arrived: dict[str, tuple[float, Heard | None]] = {}
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
        """Write the first record if the store is empty."""
        if self.store.read() is None:
            pair = dict(self.engine.initial[0])
            if self.node is None:
                record = begin(pair, habits=self.engine.habits)
            else:
                drawers = {n: own(self.engine, n) for n in NODES}
                known = {*shared(self.engine), *(c for names in drawers.values() for c in names)}
                record = begin({c: pair[c] for c in pair if c in known}, drawers,
                               self.engine.habits)
            with suppress(Conflict):  # another keeper was first
                self.store.write(evolve(record, terms=self.terms).to_json(), 0)

    def _agree(self, *, adopt: bool) -> None:
        """Check that the record is of the same kind and has the same terms."""
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
            f"the record has another {wrong}: {record.terms.get(wrong, 'none'):.90}, not "
            f"{self.terms.get(wrong, 'none'):.90}; stop its agents and adopt it "
            "(prgcore agent --adopt), or name another store")

    def restart(self, node: str) -> None:
        """Start the timers of a node afresh, as its recovery manager does when it starts."""
        with self._lock:
            if self._parameters is not None:
                self._monitors[node] = Monitor.start(
                    self.engine, node, self.clock.now(), self._parameters)

    @property
    def parameters(self) -> Parameters | None:
        """The parameters of the timers; None: there are no timers. `change_parameters` sets them."""
        return self._parameters

    def change_parameters(self, parameters: Parameters | None) -> None:
        """Go on with other parameters from now on; `deadline` moves with them.

        The counts go on. None ends the timers; they start afresh when there are parameters again.

        Raises:
            BadInput: the interval of heartbeats is below a millisecond. Nothing changes.
        """
        with self._lock:
            now = self.clock.now()

            def changed(node: str, parameters: Parameters) -> Monitor:
                old = self._monitors.get(node)
                return (Monitor.start(self.engine, node, now, parameters) if old is None
                        else old.with_parameters(parameters, max(now, old.now)))

            self._monitors = {} if parameters is None else {
                node: changed(node, parameters) for node in self.nodes}
            self._parameters = parameters

    # ---------------------------------------------------------------- the record

    def read(self) -> tuple[Record, Kept]:
        """The newest record, and the value of the store that it was read from.

        Raises:
            Unavailable: the store does not answer.
            BadInput: the store keeps something else.
        """
        kept = self.store.read()
        if kept is None:
            raise Unavailable("the store has lost its record: it is empty")
        return Record.from_json(kept.value), kept

    def known(self, record: Record) -> dict[str, str]:
        """The columns that this keeper knows: a controller all, an agent those of its view."""
        if self.node is None:
            return dict(record.columns)
        drawer = record.own[self.node]
        heard = self._heard if drawer.get(f"{self.node}.hears_peer") == "yes" else None
        return view(record, self.node, heard.columns if heard else None,
                    heard.changes if heard else -1)

    def orders(self) -> tuple[Order, ...]:
        """The orders that this keeper must carry out, in order."""
        record, _ = self.read()
        return tuple(o for o in record.orders if o.node in (*self.nodes, self.by))

    def next_order(self, parked: Container[str] = ()) -> Order | None:
        """The order to carry out here now; None: there is none, or it has to wait.

        The orders of a decision are carried out one after another, on both nodes. An order of a
        node that does not run, or is not heard, waits for that node without delaying the others.

        Args:
            parked: the nodes that could not be reached.
        """
        record, _ = self.read()
        here = (*self.nodes, self.by)
        for order in record.orders:
            if order.node in parked or self._away(record, order.node):
                continue
            return order if order.node in here else None
        return None

    def _away(self, record: Record, node: str) -> bool:
        """Whether a node cannot carry out orders now, as far as this keeper knows."""
        if self.node is None:
            return record.columns.get(f"{node}.process", "running") != "running"
        heard = record.own[self.node].get(f"{self.node}.hears_peer")
        return node not in (self.node, self.by) and heard != "yes"

    @property
    def deadline(self) -> float | None:
        """The latest time of the next observation, by the monotonic clock; None: never."""
        moments = [m.next_deadline for m in self._monitors.values() if m.next_deadline is not None]
        return min(moments, default=None)

    # ---------------------------------------------------------------- deciding

    def tell(
        self, event: str, *, also: Mapping[str, str] | None = None,
        fits: Callable[[Record], bool] | None = None,
        settled: Callable[[Record], Record] = lambda record: record,
    ) -> Entry:
        """Decide an event, write the decision, and return its entry.

        Args:
            event: an event of the machine.
            also: (agents only) columns that it knows beside its view: the peer answered them, or
                they changed while the agent did not run.
            fits: says of the record to decide on whether these columns are still up to date.
            settled: a further change of the record, in the same write as a done decision.

        Raises:
            BadInput: no such event.
            ImpossibleEvent: it cannot happen now.
            Undecided: (agents only) the decision depends on something this agent does not know yet.
            OutsideInvariant: the record breaks a proved promise, so there is no safe decision.
            Conflict: others kept writing; nothing was decided.
            Unavailable: the store does not answer.
        """
        self.engine.kind(event)
        with self._lock:
            for _ in range(TRIES):
                record, kept = self.read()
                if fits is not None and not fits(record):
                    raise Undecided(f"{event}: the columns that it asked for have changed", ())
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
                    self._log_entry(entry)
                    return entry
            raise Conflict(f"{event}: others have written the record {TRIES} times meanwhile")

    def _keep(self, record: Record, kept: Kept, entry: Entry) -> bool:
        """Write a decision; False: another keeper wrote first.

        If the store does not say whether the write was done, it is settled.
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
        """(Controllers only) the unreported events that must have preceded a timer's event."""
        if self.node is not None or self.engine.kind(event) is not Kind.TIMER:
            return ()
        return explanation(self.engine, self.engine.pair(known), event)

    def _log_entry(self, entry: Entry) -> None:
        tell(entry)
        if self._log is not None:
            self._log(entry)

    def _check(self, node: str) -> None:
        if node not in self.nodes:
            raise BadInput(unknown_name("node", node, self.nodes))

    def arrived(self, node: str, heard: Heard | None = None) -> None:
        """Note that a node hears its peer at this moment; the next `observe` decides on it.

        Even if that has to wait for the store, the heartbeat keeps this time.

        Args:
            node: the node that hears its peer.
            heard: (agents only) the content of the heartbeat.

        Raises:
            BadInput: this keeper does not keep such a node.
        """
        self._check(node)
        self._arrived[node] = self.clock.now(), heard

    def observe(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Decide an observation, and every timer that is due; return the entries.

        A timer's event that cannot happen is dropped. If its decision depends on something this
        agent does not know yet, the event comes again after an interval.

        Args:
            seen: the observation; None: nothing was seen, but the deadline has come.
            heard: (agents only) the content of the heartbeat that was seen.

        Raises:
            as `tell`.
        """
        seen = Observation() if seen is None else seen
        if not isinstance(seen, Observation):
            raise BadInput(f"{seen!r:.60} is not an observation; use told, heard or host_lost")
        if seen.host_lost:
            self._check(seen.host_lost)
        if seen.heartbeat:
            self.arrived(seen.heartbeat, heard)
        elif heard is not None:
            raise BadInput("Heard(...) needs its heartbeat: observe(heard(node), Heard(...))")
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
        """The entries of the timers of a node that are due now."""
        lost = seen.host_lost == node
        record, _ = self.read()
        came = self._taken(node, lost=lost)
        while node in self._monitors:
            now = self.clock.now() if came is None else came
            self._monitors[node], event = self._monitors[node].observe(
                max(now, self._monitors[node].now), any_pair(self.engine, self.known(record)),
                heartbeat=came is not None, peer_host_lost=lost)
            if event is not None:
                with suppress(ImpossibleEvent, Undecided):
                    yield self.tell(event, fits=self._timely if event in self.engine.habits.hearing else None)
            if event is None and came is None:
                return
            came, lost = None, False
            record, _ = self.read()

    def _taken(self, node: str, *, lost: bool) -> float | None:
        """The time of a heartbeat that is still to be observed, or None; note its content."""
        came, said = self._arrived.pop(node, (None, None))
        if lost:
            return None  # the host sent it before it went down
        self._heard = said or self._heard
        return came

    def _timely(self, record: Record) -> bool:
        """Whether the last heartbeat was sent after its sender's last change, so is not stale."""
        if self.node is None or self._heard is None:
            return True
        return self._heard.changes == record.changes[seat("peer", self.node)]

    def complete(self) -> list[Entry]:
        """Decide the completions of nodes that have no orders left; return the entries."""
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
        """Acknowledge an order that was carried out or failed; return the entries that follow.

        If it failed, the other orders of its decision are dropped too.

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
        """Decide the event of its failure; the same write removes the order."""
        for event in self.engine.habits.fails(order.do, order.node):
            with suppress(ImpossibleEvent, Undecided):
                return [self.tell(event, settled=settled)]
        _log.error("%s failed on %s, and no event can report that now", order.do, order.node)
        return []

    def change(self, changed: Callable[[Record], Record]) -> Record:
        """Write a change that is not a decision, such as a claim; return the record afterwards.

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
        raise Conflict(f"others have written the record {TRIES} times meanwhile")


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
        entries = self.observe(seen, heard)
        return entries + self.work()

    def work(self) -> list[Entry]:
        """Carry out orders until none is left that can be carried out."""
        entries, parked = self.complete(), set[str]()
        while order := self.next_order(parked):
            try:
                entries += self.done(order, failed=not carried_out(self.performer, order))
            except Unavailable as error:
                _log.warning("%s on %s waits: %s", order.do, order.node, error)
                parked.add(order.node)
        return entries


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

