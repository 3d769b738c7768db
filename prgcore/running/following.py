"""What follows from a reading of the record: the next write, one decision or one change at a time.

Law: pure. `prgcore.running.turn` notes what was seen before, and says afterwards what is wanted.
"""

from __future__ import annotations

from math import inf

from attrs import evolve

from prgcore.errors import BadInput, OutsideInvariant, PrgError, Unavailable, Undecided
from prgcore.errors import ImpossibleEvent as Impossible
from prgcore.running import serving as leases
from prgcore.running import terms
from prgcore.running.deciding import (
    Job,
    Observed,
    causes,
    completion,
    decision,
    failure,
    known_of,
    next_order,
    outcome,
    timely,
)
from prgcore.running.lease import Lease
from prgcore.running.node import any_pair, own, shared
from prgcore.running.promoting import demotes, kept, overtaken, promotes
from prgcore.running.shapes import Answer, Did, Reading, Write
from prgcore.running.state import (
    LEAVES,
    LEFT,
    RUNS,
    SITS,
    AgentState,
    Pending,
    deadline,
    restarted,
)
from prgcore.seats import NODES
from prgcore.stores.record import Order, Record, acknowledged
from prgcore.timers.arithmetic import counted_to
from prgcore.timers.monitor import watches
from prgcore.vocabulary import Outcome
from prgcore.wire.entry import Entry

__all__ = ["Following"]

HOOK_AGAIN = 1.0
"""How many seconds pass until a promotion is tried again whose failure no event can report."""


class Following:
    """The consequences of a reading, in the making.

    Attributes:
        s: the state so far: a copy of the one that was given.
        now: the time of the turn.
        entries, answers, says: as those of a `Turn`.
    """

    def __init__(self, state: AgentState, now: float) -> None:
        self.s, self.now = state.copy(), now
        self.charter, self.engine = state.charter, state.charter.engine
        self.entries: list[Entry] = []
        self.answers: list[Answer] = []
        self.says: list[str] = []
        self.unobserved = list(state.monitors)
        self.offered: set[str] = set()
        self.kept: list[Job] = []

    @property
    def _timeout(self) -> float:
        return self.s.effective.keep_alive_timeout if self.s.effective else inf

    def _refuses(self, error: PrgError) -> None:
        """Answer all questions with an error."""
        self.answers += [Answer(job.key, error=error) for job in self.s.jobs if job.key]
        self.s.jobs = tuple(j for j in self.s.jobs if not j.key)

    def _logs(self, entry: Entry, job: Job | None) -> None:
        self.entries.append(entry)
        if job is not None and job.key:
            self.answers.append(Answer(job.key, entry))

    def _rests_settled(self, reading: Reading) -> bool:
        """Whether nothing but time has passed since nothing was left to be written.

        Then there is nothing to write until a timer is due (T8). Where an order is open, or a claim
        is freed, time alone can bring a write.
        """
        s, record, due = self.s, reading.record, self._deadline()
        return record is not None and s.phase == RUNS and s.settled == self._knows(reading) and not (
            s.trouble or s.stalled or s.lost or s.jobs or record.orders
            or any(c.freed for c in record.claims.values())
            or (due is not None and due <= self.now)
            or any(self.charter.waits or s.news.get(node, True) for node in s.arrived))

    def _deadline(self) -> float | None:
        """When a timer is due, if timers count now."""
        counts = self.s.phase == RUNS and not (self.s.trouble or self.s.waits or self.s.doubt)
        return deadline(self.s) if counts else None

    def _decides(self, reading: Reading) -> Pending | None:
        """The first write that follows from a reading; None: there is nothing to write."""
        self.s.waits, self.s.doubt = "", ""
        record = reading.record
        if not self._judges(reading) or self._has_left():
            return None
        if record is None:
            return Pending(Write(self._first(), reading.version))
        self._agrees(record)
        if self.s.phase == SITS and ((pending := self._sits(record)) or self.s.phase == SITS):
            return pending
        if self.charter.seat and (why := terms.may_decide(self.charter, record)):
            self.s.waits = why
            self._nothing(Unavailable(why))
        elif (pending := self._decided(record)) is not None:
            return pending
        after = self._changed(record)
        if after != record:
            return Pending(Write(after, reading.version))
        if self.s.phase == RUNS and not (self.s.waits or self.s.doubt) \
                and self.s.heard_at <= reading.begun:  # a later reading may differ from what was heard
            self.s.settled = self._knows(reading)
        return None

    def _judges(self, reading: Reading) -> bool:
        """Whether anything may be served, decided or written by a reading."""
        error = self._judged(reading)
        self.s.trouble = str(error or "")
        if error is not None:
            self._nothing(error)
        return error is None

    def _judged(self, reading: Reading) -> PrgError | None:
        """Why nothing may be served, decided or written by a reading; None: it may."""
        s, record = self.s, reading.record
        odd = None if record is None else self._odd(record)
        s.outside = isinstance(odd, OutsideInvariant)
        if why := terms.trouble(self.charter, s.memory, reading, s.heard, s.heard_at):
            return Unavailable(why)
        if record is not None and s.sat and self._ousted(record):
            s.phase = LEFT if s.phase == SITS else LEAVES
            return Unavailable(f"another agent of {s.charter.node} has started, or the record was reset")
        return odd

    def _odd(self, record: Record) -> PrgError | None:
        """Why no pair has the columns of a record, as far as this node sees; None: one has."""
        try:
            any_pair(self.engine, self._known(record))
        except OutsideInvariant as error:
            return OutsideInvariant(f"{error}; prgcore ha reset mends the record", error.broken)
        except BadInput as error:  # this machine has too many pairs for the view of a node
            return error
        return None

    def _nothing(self, error: PrgError) -> None:
        """Answer every question with an error. An agent that is asked to stop may be gone."""
        self._gone()
        self._refuses(error)

    def _decided(self, record: Record) -> Pending | None:
        """The first decision that follows from a reading; None: there is none."""
        self._failures(record)
        record = acknowledged(record, self._whole(record))  # by the next write
        while (job := self._next(record)) is not None:
            if (pending := self._job(record, job)) is not None:
                return pending
        if not self.kept:
            self._listens(record)
        self.s.jobs = (*self.kept, *self.s.jobs)
        return None

    def _has_left(self) -> bool:
        """Whether there is nothing more to decide; a question is answered with an error."""
        if self.s.phase == LEFT:
            self._refuses(Unavailable("this node has stopped"))
        return self.s.phase == LEFT

    def _ousted(self, record: Record) -> bool:
        """Whether another agent has the seat of this node."""
        return bool(self.charter.seat) and record.seats.get(self._node) != terms.sits(self.charter)

    def _gone(self) -> None:
        """An agent that is asked to stop is gone when its services have stopped."""
        if self.s.phase == LEAVES and self._stopped():
            self.s.phase = LEFT

    def _first(self) -> Record:
        """The first record."""
        pair = dict(self.engine.initial[0])
        if self.charter.node is None:
            return terms.begun(self.charter, self.s.memory, pair)
        drawers = {n: own(self.engine, n) for n in NODES}
        seen = {*shared(self.engine), *(c for names in drawers.values() for c in names)}
        return terms.begun(self.charter, self.s.memory, {c: pair[c] for c in pair if c in seen},
                           drawers)

    def _agrees(self, record: Record) -> None:
        """Count by the parameters on which both nodes agree now."""
        if self.s.parameters is None:
            return
        both = terms.with_both(self.charter, record, self.s.parameters)
        if both != self.s.effective:
            monitors = {node: m.with_parameters(both, max(self.now, m.now))
                        for node, m in self.s.monitors.items()}
            self.s.effective = both
            self.s.monitors = monitors

    def _sits(self, record: Record) -> Pending | None:
        """Take the seat of the node, wait, sign, and report that its manager starts."""
        version, serving = self._reading.version, self.s.serving
        after = terms.seated(self.charter, self.s.memory, record)
        if after != record:  # it waits by the record in whose place it puts its seat
            self.s.wait = terms.waits(self.charter, self.s.memory, record)
            return Pending(Write(after, version))
        wait = self.s.wait
        self.s.sat = True
        if serving.starts == inf:
            serving = evolve(serving, starts=self.now + wait, permitted=self.now + max(
                terms.earlier(self.charter, record), wait))
            self.s.serving = serving
        if self.now < serving.starts:
            self.s.waits = f"this node starts; it waits {wait:g} s until no earlier lease can last"
            self._refuses(Unavailable(self.s.waits))
            return None
        after = terms.signed(self.charter, record)
        if after != record:
            return Pending(Write(after, version))
        event, also = self.engine.habits.starts(self._node)
        started = (Job(event, also=also, must=True),) if event else ()
        self.s = restarted(
            evolve(self.s, phase=RUNS, jobs=(*started, *self.s.jobs)), self._node, self.now)
        return None

    @property
    def _node(self) -> str:
        assert self.charter.node is not None, "BUG: a controller has no seat"
        return self.charter.node

    @property
    def _reading(self) -> Reading:
        assert self.s.reading is not None, "BUG: nothing was read"
        return self.s.reading

    # ------------------------------------------------------------------------ jobs

    def _failures(self, record: Record) -> None:
        """Make jobs of orders that failed; forget what the record has forgotten."""
        left, jobs = [], []
        for did in self.s.did:
            if did.order not in record.orders:
                continue
            if did.outcome != "failed":
                left.append(did)
                continue
            drops = tuple(o for o in record.orders if o.epoch == did.order.epoch and (
                o.node == did.order.node or self._deed(o) != "start"))  # the peer's services can run
            event = failure(self.charter, self._known(record), did.order)
            if event is None and promotes(self.charter, did.order):  # users wait until it has succeeded
                self.s.parked = {**self.s.parked, did.order: (self.now, self.now + HOOK_AGAIN)}
                self.says.append(f"{did.order.do} failed on {did.order.node}, and no event can "
                                 "report that now; it is tried again")
            elif event is None:
                self.says.append(f"{did.order.do} failed on {did.order.node}, and no event can "
                                 "report that now")
                left += [Did(order) for order in drops]
            else:
                jobs.append(Job(event, drops=drops, quiet=True))
        self.s.did = tuple(left)
        self.s.parked = {o: v for o, v in self.s.parked.items() if o in record.orders}
        self.s.jobs = (*jobs, *self.s.jobs)

    def _known(self, record: Record) -> dict[str, str]:
        return known_of(self.charter, record, self.s.heard)

    def _next(self, record: Record) -> Job | None:
        """The next event to decide."""
        begun = self._reading.begun
        for job in self.s.jobs:
            if job.until < self.now:
                self.s.jobs = tuple(j for j in self.s.jobs if j is not job)
                self._fails(job, Unavailable(f"{job.event}: it could not be decided in time"))
            elif job.at <= begun:
                self.s.jobs = tuple(j for j in self.s.jobs if j is not job)
                return job
        if self.s.phase == RUNS and not self.kept:
            return self._due(record) or self._looks(record) or self._completes(record)
        if self.s.phase == LEAVES and self._stopped():
            return self._leaves()
        return None

    def _knows(self, reading: Reading) -> object:
        """All that a write depends on, beside time."""
        return (reading.version, reading.record, self.s.heard, self.s.services, self.s.effective)

    def _due(self, record: Record) -> Job | None:
        """The event of a timer that is due."""
        while self.unobserved:
            node = self.unobserved[0]
            monitor, came = self.s.monitors[node], self.s.arrived.get(node)
            reported = self.s.lost.get(node)
            before = came is not None and reported is not None and came.at <= reported
            lost = reported is not None and came is None
            stalled = came is None and node in self.s.stalled  # it begins anew after what came
            at = came.at if came else counted_to(self._reading.begun, self.now, stalled=stalled)
            observed = Observed(node, monitor, came, reported if lost else None)
            monitor, event = monitor.observe(
                max(at, monitor.now), any_pair(self.engine, self._known(record)),
                heartbeat=came is not None, peer_host_lost=lost, stalled=stalled)
            self.s.monitors = {**self.s.monitors, node: monitor}
            self.s.arrived = {n: a for n, a in self.s.arrived.items() if n != node}
            if not before:  # a later heartbeat says that the host is up
                self.s.lost = {n: at for n, at in self.s.lost.items() if n != node}
            self.s.stalled = self.s.stalled - {node} if stalled else self.s.stalled
            dead = before and event in self.engine.habits.hearing  # it was sent before it died
            if event is not None and not dead:
                return Job(event, quiet=True, hearing=event in self.engine.habits.hearing,
                           observed=observed)
            if came is None:
                self.unobserved.pop(0)
        return None

    def _looks(self, record: Record) -> Job | None:
        """The event of a service that failed or is back, if the record does not show it yet.

        While services are being started or stopped, their state says nothing new.
        """
        if not self.s.services or any(
                self._deed(o) in ("start", "stop") for o in record.orders_of(self._node)):
            return None
        for name, (down, up) in self.engine.habits.watches(self._node).items():
            event = up if self.s.services.get(name) else down
            if name in self.s.services and self._offers(event):  # else nobody watches it
                return Job(event, quiet=True)
        return None

    def _deed(self, order: Order) -> str:
        """The deed by which an agent carries out an order."""
        return self.engine.habits.deed(order.do, order.node)

    def _completes(self, record: Record) -> Job | None:
        """The event of a node whose orders are done."""
        event = completion(self.charter, record, self._known(record))
        return Job(event, quiet=True) if event and self._offers(event) else None

    def _offers(self, event: str) -> bool:
        """Whether an event was not yet offered in this turn."""
        new = event not in self.offered
        self.offered.add(event)
        return new

    def _job(self, record: Record, job: Job) -> Pending | None:
        """Decide a job; the write of a done decision, or None."""
        try:
            made = self._made(record, job)
        except (Impossible, Undecided) as error:
            if job.leaves:
                return Pending(Write(terms.left(self.charter, record), self._reading.version), job)
            if not job.quiet:
                self._fails(job, error)
            return None
        except PrgError as error:
            self._fails(job, error)
            return None
        if made is None:
            return None
        after, entry = made
        after = acknowledged(after, job.drops)
        if job.leaves:
            after = terms.left(self.charter, after)
        if entry.outcome != Outcome.DONE.value:  # the history has only what is done
            self._logs(entry, job)
            return None if after == record else Pending(
                Write(after, self._reading.version), evolve(job, key=""))
        mark = self._mark
        self.s.marks += 1
        return Pending(Write(after, self._reading.version, entry, mark), job)

    @property
    def _mark(self) -> str:
        return f"{self.charter.run}-{self.s.marks}"

    def _made(self, record: Record, job: Job) -> tuple[Record, Entry] | None:
        """The record after a job, and the entry; None: other jobs come first, or it is too late."""
        if any(record.changes.get(node) != n for node, n in job.changes.items()):
            raise Undecided(f"{job.event}: the columns that it asked for have changed", ())
        if job.hearing and not timely(self.charter, record, self.s.heard):
            return None
        known = {**self._known(record), **job.also}
        self.engine.kind(job.event)
        if not job.explained and (before := causes(self.charter, known, job.event)):
            self.s.jobs = (*(Job(c, explained=True) for c in before),
                           evolve(job, explained=True), *self.s.jobs)
            return None
        return outcome(self.charter, record, known, decision(self.charter, known, job.event),
                       wall=self.s.wall, mark=self._mark)

    def _fails(self, job: Job, error: PrgError) -> None:
        if job.must:
            self.kept.append(job)
            self.s.doubt = f"{job.event}: {error}"
        elif job.key:
            self.answers.append(Answer(job.key, error=error))
        else:
            self.says.append(f"{job.event}: {error}")

    # --------------------------------------------------------- changes without a decision

    def _changed(self, record: Record) -> Record:
        """The record after acknowledged orders, claims and signatures; nothing is decided."""
        after = acknowledged(record, self._whole(record))
        lease = self._lease(record)
        if lease is None:
            return after
        if self.s.phase == RUNS:
            after = terms.signed(self.charter, after)
        serving, after = leases.claimed(
            self.s.serving, after, self._node, self.engine.habits, lease, self.now,
            lets_go=not demotes(self.charter, after, self._node),
            keeps=kept(self.charter, after, self._node))
        self.s.serving = serving
        while (order := self._order(after)) is not None and self._done(after, order, lease):
            after = acknowledged(after, [order])
        return after

    def _lease(self, record: Record) -> Lease | None:
        """The lease in force; where the record has none, that of an agent that has not read it (T14)."""
        try:
            return terms.in_force(self.charter, record)
        except BadInput:  # it is in trouble, or is so once its write has ended
            return self.charter.lease

    def _whole(self, record: Record) -> tuple[Order, ...]:
        """The orders that the hands have carried out, and of which no part is left to a turn."""
        lease = self._lease(record) if self.s.did else None
        return tuple(did.order for did in self.s.did
                     if lease is None or self._deed(did.order) != "disconnect"
                     or self._ready(record, did.order, lease))

    def _order(self, record: Record) -> Order | None:
        """The order to carry out next."""
        done = self._whole(record)
        heard = self.now - self.s.heard_at < self._timeout
        return next_order(self.charter, record, lambda o: o in done or self.s.parked.get(
            o, (0.0, -inf))[1] > self.now, heard=heard)

    def _done(self, record: Record, order: Order, lease: Lease) -> bool:
        """Whether an order that an agent carries out in its turns is done."""
        deed = self._deed(order)
        own = deed not in self.charter.hands or (
            deed == "move" and overtaken(self.charter, record, self._node))
        return own and self._ready(record, order, lease)

    def _ready(self, record: Record, order: Order, lease: Lease) -> bool:
        """Whether the part of an order is done that an agent carries out in its turns."""
        match self._deed(order):
            case "disconnect":
                serving = self.s.serving
                over = evolve(serving, permitted=serving.earlier)
                return serving.obeys >= order.epoch or leases.stopped(serving, lease, self.now) or (
                    serving.epoch >= order.epoch and leases.stopped(over, lease, self.now))
            case "move":
                return leases.moved(record, self._node, self.engine.habits)
            case "restart":
                self.s = restarted(self.s, self._node, self.now)
                return True
        return False

    def _stopped(self) -> bool:
        """Whether the services of a node that leaves serve nobody any more."""
        serving, lease = self.s.serving, self.charter.lease
        silent = serving.sent is not None and not serving.sent.somebody and serving.again == inf
        return lease is None or silent or leases.stopped(serving, lease, self.now)

    def _leaves(self) -> Job | None:
        """The event that its manager stops."""
        if not self._offers(LEAVES):
            return None
        event = self.engine.habits.stops(self.charter.node) if self.charter.node else ""
        if not event:
            self._gone()
            return None
        return Job(event, leaves=True)

    def _listens(self, record: Record) -> None:
        """Note for which nodes a heartbeat would be an event."""
        if not self.s.monitors:
            return
        pair = any_pair(self.engine, self._known(record))
        self.s.news = {
            node: any(self.engine.holds(c, pair) for w in watches(self.engine, node)
                      if not w.counts for c in w.possible) for node in self.s.monitors}
