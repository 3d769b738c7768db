"""Keepers: they keep a pair in a store, and decide its events.

Law: no rule lives here, and no decision: a turn decides (`prgcore.running.turn`). Each decision is
in the store before a caller learns of it. A keeper carries out nothing: a driver does, or the
embedder, who reports the outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from threading import RLock
from typing import Any
from uuid import uuid4

from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import (
    BadInput,
    Conflict,
    Unavailable,
    Unreadable,
    unknown_name,
)
from prgcore.running.charter import Charter
from prgcore.running.deciding import by, known_of, next_order
from prgcore.running.desired import Desired, desired
from prgcore.running.log import tell
from prgcore.running.node import layout
from prgcore.running.shapes import (
    Answer,
    Arrival,
    Ask,
    Did,
    Heard,
    Memory,
    Reading,
    Seen,
    Turn,
    Write,
    Wrote,
)
from prgcore.running.state import AgentState, deadline, restarted, with_parameters
from prgcore.running.turn import turn
from prgcore.seats import NODES
from prgcore.stores.keeping import settle
from prgcore.stores.ports import Clock, Kept, Observation, Store, SystemClock
from prgcore.stores.record import Order, Record, record_of
from prgcore.timers.parameters import Settings as Parameters
from prgcore.wire import digest
from prgcore.wire.entry import Entry

__all__ = ["Keeper"]

TRIES = 1_000
"""How often others may write first before a decision is given up."""

_log = logging.getLogger("prgcore")


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

    Attributes:
        charter: what does not change while it runs.
        state: all that it knows; `turned` is the only way to change it.
        pumped: whether an `AsyncDriver` runs it. Then only that one decides.

    Raises:
        BadInput: there is no such node, or the store holds something else.
        Unavailable: the store does not answer.
    """

    engine: Engine
    store: Store
    node: str | None
    nodes: tuple[str, ...]
    charter: Charter
    state: AgentState

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
        charter = Charter(
            engine, node, {"machine": digest(engine.model), **(terms or {})}, run=uuid4().hex,
            completes=completes, waits=True, new=True)
        self._keep(charter, store, parameters, SystemClock() if clock is None else clock, log)
        self._begin(adopt=adopt)

    def _keep(
        self, charter: Charter, store: Store, parameters: Parameters | None, clock: Clock,
        log: Callable[[Entry], None] | None, memory: Memory | None = None,
    ) -> None:
        """Take up what it keeps; nothing is read yet."""
        self.engine, self.store, self.node = charter.engine, store, charter.node
        self.charter, self.nodes, self.clock = charter, charter.nodes, clock
        self._layout = layout(charter.engine, agents=charter.node is not None)
        self._log, self._lock = log, RLock()
        self._fetched: tuple[Mapping[str, Any], Record] | None = None
        self.state = AgentState.start(charter, parameters, clock.now(), memory)
        self.pumped = False

    @classmethod
    def of(
        cls, charter: Charter, store: Store, *, parameters: Parameters | None, clock: Clock,
        log: Callable[[Entry], None] | None = None, memory: Memory | None = None,
    ) -> Keeper:
        """A keeper with this charter, which reads nothing before its first turn."""
        keeper = cls.__new__(cls)
        keeper._keep(charter, store, parameters, clock, log, memory)  # noqa: SLF001
        return keeper

    def _begin(self, *, adopt: bool) -> None:
        """Write the first record if the store is empty; check that it is on the same terms."""
        try:
            self._settled(Seen(reading=self.fetched()))
        except Unreadable as error:
            raise BadInput(str(error)) from None
        record, _ = self.read()
        if adopt or not record.terms:
            self.change(lambda newest: evolve(newest, terms=dict(self.charter.terms), proposed={}))
            self._settled(Seen(reading=self.fetched()))
        if self.state.trouble:
            raise BadInput(self.state.trouble)

    def restart(self, node: str) -> None:
        """Start the timers of a node afresh, as its recovery manager does when it starts."""
        with self._lock:
            self.state = restarted(self.state, node, self.clock.now())

    @property
    def parameters(self) -> Parameters | None:
        """The parameters of the timers; None: there are no timers. `change_parameters` sets them."""
        return self.state.parameters

    def change_parameters(self, parameters: Parameters | None) -> None:
        """Go on with other parameters from now on; `deadline` moves with them.

        The counts go on. None ends the timers; they start afresh when there are parameters again.

        Raises:
            BadInput: the interval of heartbeats is below a millisecond. Nothing changes.
        """
        with self._lock:
            self.state = with_parameters(self.state, parameters, self.clock.now())

    # ---------------------------------------------------------------- turns

    def turned(self, seen: Seen) -> Turn:
        """Take a turn, and log what it decided.

        The caller does what it wants done, or leaves it: a later turn asks for the rest again.
        """
        with self._lock:
            seen = seen if seen.wall else evolve(seen, wall=self.clock.wall())
            self.state, wanted = turn(self.state, seen, self.clock.now())
        for line in wanted.says:
            _log.error("%s", line)
        for entry in wanted.entries:
            tell(entry)
            if self._log is not None:
                self._log(entry)
        return wanted

    def fetched(self) -> Reading:
        """A reading of the store.

        Raises:
            Unavailable: the store does not answer, or keeps something else (Unreadable).
        """
        begun, kept, known = self.clock.now(), self.store.read(), self._fetched
        if kept is None:
            return Reading(None, 0, begun)
        if known is None or known[0] != kept.value:
            known = self._fetched = kept.value, record_of(kept.value, self._layout)
        return Reading(known[1], kept.version, begun)

    def written(self, write: Write) -> Wrote:
        """Do a write that a turn asked for, and settle it if it was tried before."""
        begun = self.clock.now()
        line = None if write.entry is None else {**write.entry.to_json(), "id": write.id}
        value = write.record.to_json()
        try:
            if write.again and line is not None:
                return Wrote("done", begun, settle(self.store, value, write.version, line) or 0)
            version = self.store.write(value, write.version, line) or 0
        except Conflict as error:
            return Wrote("conflict", begun, why=str(error))
        except BadInput as error:  # the first try may be done nevertheless
            return Wrote("unknown" if write.again else "refused", begun, why=str(error))
        except Unavailable as error:
            return Wrote("unknown", begun, why=str(error))
        self._fetched = value, write.record  # what is read next is known already
        return Wrote("done", begun, version)

    def _settled(self, seen: Seen) -> tuple[list[Entry], dict[str, Answer]]:
        """Take turns, and read and write what they ask for, until they ask for nothing more.

        Raises:
            Conflict: others kept writing.
            Unavailable: the store does not answer.
        """
        if self.pumped:
            raise BadInput("an AsyncDriver runs this keeper; ask the driver")
        entries: list[Entry] = []
        answers: dict[str, Answer] = {}
        conflicts = 0
        with self._lock:
            while True:
                wanted = self.turned(seen)
                entries += wanted.entries
                answers |= {answer.key: answer for answer in wanted.answers}
                if wanted.write is not None:
                    wrote = self._tries(wanted.write)
                    conflicts += wrote.outcome == "conflict"
                    seen = Seen(wrote=wrote)
                    if (wrote.outcome == "unknown" and wanted.write.again) or conflicts > TRIES:
                        self._gives_up(seen, wrote)
                elif wanted.read:
                    seen = self._read_again()
                else:
                    return entries, answers

    def _tries(self, write: Write) -> Wrote:
        """Do a write. If anything else than the store stops it, its outcome is not known."""
        try:
            return self.written(write)
        except BaseException as error:
            self.turned(Seen(wrote=Wrote("unknown", self.clock.now(), why=str(error))))
            self.turned(Seen(unread=str(error) or "the write was interrupted"))
            raise

    def _read_again(self) -> Seen:
        try:
            return Seen(reading=self.fetched())
        except Unavailable as error:
            self.turned(Seen(unread=str(error)))
            raise

    def _gives_up(self, seen: Seen, wrote: Wrote) -> None:
        """Raise the error of a write that cannot be settled now; a later turn settles it."""
        self.turned(seen)
        self.turned(Seen(unread=wrote.why))
        if wrote.outcome == "conflict":
            raise Conflict(f"others have written the record {TRIES} times meanwhile: {wrote.why}")
        raise Unavailable(wrote.why)

    # ---------------------------------------------------------------- the record

    def read(self) -> tuple[Record, Kept]:
        """The newest record, and the value of the store that it was read from.

        Raises:
            Unavailable: the store does not answer, or keeps something else (Unreadable).
        """
        kept = self.store.read()
        if kept is None:
            raise Unavailable("the store has lost its record: it is empty")
        return record_of(kept.value, self._layout), kept

    def known(self, record: Record) -> dict[str, str]:
        """The columns that this keeper knows: a controller all, an agent those of its view."""
        return known_of(self.charter, record, self.state.heard)

    def desired(self, node: str | None = None) -> Desired:
        """The desired state of a node by the record that is in the store now.

        Args:
            node: a node; by default that of this agent.

        Raises:
            BadInput: it is not a node, or a controller is asked without a node.
            Unavailable: as `read`.
        """
        node = self._one(node)
        record, _ = self.read()
        return desired(record, node, self.engine.habits)

    def desired_of(self, reading: Reading | None, node: str | None = None) -> Desired:
        """The same by a reading that was made before; raises as `desired`."""
        node = self._one(node)
        if reading is None or reading.record is None:
            raise Unavailable("the record was not read yet")
        return desired(reading.record, node, self.engine.habits)

    def _one(self, node: str | None) -> str:
        """A node that is named, or that of this agent."""
        node = node or self.charter.node
        if node is None:
            raise BadInput(f"name a node: {' or '.join(NODES)}; this keeper keeps both")
        if node not in NODES:
            raise BadInput(unknown_name("node", node, NODES))
        return node

    def orders(self) -> tuple[Order, ...]:
        """The orders that this keeper must carry out, in order."""
        record, _ = self.read()
        return tuple(o for o in record.orders if o.node in (*self.nodes, by(self.charter)))

    def next_order(self, parked: Container[str] = ()) -> Order | None:
        """The order to carry out here now; None: there is none, or it has to wait.

        Args:
            parked: the nodes that could not be reached.
        """
        record, _ = self.read()
        return next_order(self.charter, record, lambda order: order.node in parked, heard=True)

    @property
    def deadline(self) -> float | None:
        """The latest time of the next observation, by the monotonic clock; None: never.

        While the record cannot be judged, it is read again after an interval.
        """
        if self.state.effective is not None and (self.state.trouble or self.state.doubt):
            return self.clock.now() + self.state.effective.keep_alive_interval
        return deadline(self.state)

    # ---------------------------------------------------------------- deciding

    def tell(
        self, event: str, *, also: Mapping[str, str] | None = None,
        changes: Mapping[str, int] | None = None,
    ) -> Entry:
        """Decide an event, write the decision, and return its entry.

        Args:
            event: an event of the machine.
            also: (agents only) columns that it knows beside its view: the peer answered them, or
                they changed while the agent did not run.
            changes: for nodes whose columns are in `also`, how often they had changed.

        Raises:
            BadInput: no such event.
            ImpossibleEvent: it cannot happen now.
            Undecided: (agents only) the decision depends on something this agent does not know yet.
            OutsideInvariant: the record breaks a proved promise, so there is no safe decision.
            Conflict: others kept writing; nothing was decided.
            Unavailable: the store does not answer.
        """
        self.engine.kind(event)
        ask = Ask(uuid4().hex, event, also or {}, changes or {})
        return self._answered(self._settled(Seen(asks=(ask,)))[1], ask)

    @staticmethod
    def _answered(answers: Mapping[str, Answer], ask: Ask) -> Entry:
        answer = answers[ask.key]
        if answer.error is not None:
            raise answer.error
        assert answer.entry is not None, "BUG: an answer without an entry"
        return answer.entry

    def _check(self, node: str) -> None:
        if node not in self.nodes:
            raise BadInput(unknown_name("node", node, self.nodes))

    def checked(self, seen: Observation | None, heard: Heard | None, call: str) -> Observation:
        """An observation for a call of this name; None is one of nothing.

        Raises:
            BadInput: it is none, its event is unknown, or this keeper does not keep its node.
        """
        seen = Observation() if seen is None else seen
        if not isinstance(seen, Observation):
            raise BadInput(f"{seen!r:.60} is not an observation; use told, heard or host_lost")
        for node in filter(None, (seen.host_lost, seen.heartbeat)):
            self._check(node)
        if heard is not None and not seen.heartbeat:
            raise BadInput(f"Heard(...) needs its heartbeat: {call}(heard(node), Heard(...))")
        if seen.event:
            self.engine.kind(seen.event)
        return seen

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
        self.turned(Seen(arrivals=(Arrival(node, self.clock.now(), heard),)))

    def observe(self, seen: Observation | None = None, heard: Heard | None = None) -> list[Entry]:
        """Decide an observation, and every timer that is due; return the entries.

        A timer's event that cannot happen is dropped. If its decision depends on something this
        agent does not know yet, the event comes again after an interval.

        Args:
            seen: the observation; None: nothing was seen, but the deadline has come.
            heard: (agents only) the content of the heartbeat that was seen.

        Raises:
            Unavailable: also if nothing can be decided by what the store holds.
            Otherwise as `tell`.
        """
        seen = self.checked(seen, heard, "observe")
        ask = Ask(uuid4().hex, seen.event)
        arrivals = (Arrival(seen.heartbeat, self.clock.now(), heard),) if seen.heartbeat else ()
        self.turned(Seen(arrivals=arrivals, host_lost=seen.host_lost,
                         asks=(ask,) if seen.event else ()))
        entries, answers = self._settled(self._read_again())
        if seen.event:
            self._answered(answers, ask)
        elif why := self.state.trouble or self.state.doubt:
            raise Unavailable(why)
        return entries

    def complete(self) -> list[Entry]:
        """Decide the completions of nodes that have no orders left; return the entries.

        Raises:
            as `tell`.
        """
        return self._settled(self._read_again())[0]

    # ---------------------------------------------------------------- what came of it

    def done(self, order: Order, *, failed: bool = False) -> list[Entry]:
        """Acknowledge an order that was carried out or failed; return the entries that follow.

        If it failed, the other orders of its decision are dropped too, except that the other node
        starts its services.

        Raises:
            as `tell`.
        """
        return self._settled(Seen(did=Did(order, "failed" if failed else "done")))[0]

    def change(self, changed: Callable[[Record], Record]) -> Record:
        """Write a change that is not a decision; return the record afterwards.

        Raises:
            Conflict, Unavailable: as `tell`.
        """
        with self._lock:
            for _ in range(TRIES):
                record, kept = self.read()
                after = changed(record)
                if after == record:
                    return record
                try:
                    self.store.write(after.to_json(), kept.version)
                except Conflict:
                    continue
                return after
        raise Conflict(f"others have written the record {TRIES} times meanwhile")
