"""One turn of an agent, or of a controller: what it knows and what it saw become what it wants.

Law: pure. There is no clock here, no thread, no lock and no wait; a pump has them
(`prgcore.running.driver`, `prgcore.running.asynchronous`). A decision is a write, which goes before
everything else. The next turn goes on from what was written, without another reading.

Silence of the peer counts only while this node is awake and reads the record (T12, T13).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from attrs import evolve, field, frozen

from prgcore.errors import ImpossibleEvent as Impossible
from prgcore.errors import PrgError, Unavailable, Undecided
from prgcore.running import serving as leases
from prgcore.running import terms
from prgcore.running.charter import Charter
from prgcore.running.deciding import (
    Job,
    asked,
    causes,
    completion,
    decision,
    failure,
    known_of,
    next_order,
    outcome,
    timely,
)
from prgcore.running.group import Lease
from prgcore.running.node import any_pair, own, reported, shared
from prgcore.running.serving import Serving
from prgcore.running.shapes import (
    Answer,
    Arrival,
    Did,
    Heard,
    Memory,
    Reading,
    Seen,
    Serve,
    Turn,
    Write,
)
from prgcore.seats import NODES
from prgcore.stores.record import Order, Record, acknowledged
from prgcore.timers.arithmetic import counted_to, late, looks_alive_until, unread
from prgcore.timers.monitor import Monitor, watches
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Outcome
from prgcore.wire.entry import Entry

__all__ = ["AgentState", "Pending", "deadline", "known", "restarted", "turn", "with_parameters"]

ORDER_AGAIN = 0.05
"""How many seconds pass until an order that could not be carried out is tried again."""
SLACK = 3.0
"""How many seconds late an arbiter may notice that a grant is lost."""
SHARE = 4
"""How many turns, and how many readings of the record, an agent has in a time-out and in a lease."""

OWN = ("disconnect", "move", "restart")
"""What an agent does within its turns; its hands do the rest."""

SITS, RUNS, LEAVES, LEFT = "sits", "runs", "leaves", "left"


@frozen
class Pending:
    """A write that was asked for, until its outcome is known, and the job that it decides."""

    write: Write
    job: Job | None = None


@frozen
class AgentState:
    """All that an agent, or a controller, knows between two turns. `start` makes the first one.

    Attributes:
        charter: what does not change.
        parameters: the parameters of the timers; None: there are none.
        monitors: for each node that it decides for, its watch over time.
        phase: it takes its seat, runs, leaves, or has left.
        promised: when the next turn was promised.
        reading: the newest reading, or what was written since; None: it is out of date.
        fresh: whether something may follow from the reading that was not yet decided.
        ended: when the newest reading ended.
        silent: why the store does not answer; empty: it does.
        stalled: the nodes whose counts of silence must begin again.
        heard: the content of the newest heartbeat, and when it came.
        arrived: for each node, the newest heartbeat that was not yet observed.
        lost: the nodes whose peer's host was reported lost.
        news: for each node whether a heartbeat would be an event.
        jobs: events that wait for a reading.
        did: outcomes of orders that are still in the record.
        parked: orders that cannot be carried out now: since when, and until when.
        pending: the write whose outcome is not known.
        serving: what is known of the services.
        services: whether the critical services and the database run.
        beat: when the next heartbeat is to be sent.
        marks: how many decisions it has made.
        memory: what it remembers across restarts.
        trouble: why it decides nothing and serves nobody.
        waits: why it decides nothing yet, though it is in order.
        wait: how many seconds it waits before it signs the terms; None: not known yet.
        effective: the parameters by which it counts now.
        wall: seconds since 1970.
    """

    charter: Charter
    parameters: Parameters | None
    monitors: Mapping[str, Monitor]
    phase: str
    promised: float
    ended: float
    beat: float
    memory: Memory
    serving: Serving
    reading: Reading | None = None
    fresh: bool = False
    silent: str = ""
    stalled: frozenset[str] = frozenset()
    heard: Heard | None = None
    heard_at: float = -inf
    arrived: Mapping[str, Arrival] = field(factory=dict)
    lost: frozenset[str] = frozenset()
    news: Mapping[str, bool] = field(factory=dict)
    jobs: tuple[Job, ...] = ()
    did: tuple[Did, ...] = ()
    parked: Mapping[Order, tuple[float, float]] = field(factory=dict)
    pending: Pending | None = None
    services: Mapping[str, bool] = field(factory=dict)
    marks: int = 0
    trouble: str = ""
    waits: str = ""
    wait: float | None = None
    effective: Parameters | None = None
    wall: float = 0.0

    @staticmethod
    def start(
        charter: Charter, parameters: Parameters | None, now: float, memory: Memory | None = None,
    ) -> AgentState:
        """The state of an agent that starts now.

        Raises:
            BadInput: the machine lacks these timers, or the interval of heartbeats is too short.
        """
        monitors = {} if parameters is None else {
            node: Monitor.start(charter.engine, node, now, parameters) for node in charter.nodes}
        return AgentState(
            charter, parameters, monitors, SITS if charter.seat else RUNS, now, now, now,
            memory or Memory(), Serving(starts=inf), effective=parameters)


def turn(state: AgentState, seen: Seen, now: float) -> tuple[AgentState, Turn]:
    """The state after a turn, and what is wanted then.

    Args:
        state: the state after the last turn.
        seen: all that came since.
        now: seconds of the clock of all turns of this agent.
    """
    return _Turning(state, seen, now).made()


def known(state: AgentState) -> dict[str, str]:
    """The columns that an agent knows now; empty before the first reading."""
    record = state.reading.record if state.reading else None
    return known_of(state.charter, record, state.heard) if record is not None else {}


def deadline(state: AgentState) -> float | None:
    """When a timer is due if nothing arrives; None: never."""
    return min((m.next_deadline for m in state.monitors.values() if m.next_deadline is not None),
               default=None)


def restarted(state: AgentState, node: str, now: float) -> AgentState:
    """The state after the timers of a node started afresh, as when its recovery manager starts."""
    if state.parameters is None:
        return state
    monitor = Monitor.start(state.charter.engine, node, now, state.effective)
    return evolve(state, monitors={**state.monitors, node: monitor})


def with_parameters(state: AgentState, parameters: Parameters | None, now: float) -> AgentState:
    """The state with other parameters from now on; its counts go on.

    Raises:
        BadInput: the interval of heartbeats is below a millisecond.
    """
    def changed(node: str, parameters: Parameters) -> Monitor:
        old = state.monitors.get(node)
        if old is None:
            return Monitor.start(state.charter.engine, node, now, parameters)
        return old.with_parameters(parameters, max(now, old.now))

    monitors = {} if parameters is None else {
        node: changed(node, parameters) for node in state.charter.nodes}
    return evolve(state, parameters=parameters, effective=parameters, monitors=monitors,
                  promised=now)


class _Turning:
    """A turn in the making."""

    def __init__(self, state: AgentState, seen: Seen, now: float) -> None:
        self.s, self.seen, self.now = state, seen, now
        self.charter, self.engine = state.charter, state.charter.engine
        self.entries: list[Entry] = []
        self.answers: list[Answer] = []
        self.says: list[str] = []
        self.unobserved = list(state.monitors)
        self.offered: set[str] = set()

    def made(self) -> tuple[AgentState, Turn]:
        """The state afterwards, and the turn."""
        self._notes()
        self._outcome()
        if self.s.reading is not None and self.s.fresh and self.s.pending is None:
            phase = self.s.phase
            pending = self._decides(self.s.reading)
            if pending is None and phase == SITS != self.s.phase:
                pending = self._decides(self.s.reading)
            self.s = evolve(self.s, pending=pending, fresh=False)
        return self._wants()

    # ---------------------------------------------------------------- what was seen

    def _notes(self) -> None:
        """Note what arrived, before any time is counted."""
        s, seen, now = self.s, self.seen, self.now
        answered = seen.reading or (seen.wrote if seen.wrote and seen.wrote.outcome != "unknown"
                                    else None)
        came = min(now, answered.begun) if answered and self.charter.waits else now
        stalled = late(came, s.promised, self._timeout) or (
            answered is not None and unread(now, s.ended, self._timeout))
        arrived, heard, heard_at = dict(s.arrived), s.heard, s.heard_at
        wanted = False
        for one in seen.arrivals:
            if one.node in s.monitors:
                arrived[one.node] = one
                wanted = wanted or s.news.get(one.node, True)
            if one.heard is not None:
                wanted = wanted or one.heard != heard
                heard, heard_at = one.heard, one.at
        if seen.host_lost:
            arrived.pop(seen.host_lost, None)  # the host sent it before it went down
        failed = seen.did is not None and seen.did.outcome == "failed"
        self.wanted = bool(wanted or seen.asks or seen.host_lost or failed or seen.services
                           or seen.stop)
        self.s = evolve(
            s, wall=seen.wall or s.wall, heard=heard, heard_at=heard_at, arrived=arrived,
            stalled=frozenset(s.monitors) if stalled else s.stalled,
            ended=now if answered else s.ended, silent="" if answered else seen.unread or s.silent,
            lost=s.lost | {seen.host_lost} if seen.host_lost else s.lost,
            jobs=(*s.jobs, *(asked(one, now) for one in seen.asks)),
            services=s.services if seen.services is None else seen.services,
            phase=LEAVES if seen.stop and s.phase != LEFT else s.phase,
            reading=seen.reading or s.reading,
            fresh=s.fresh or seen.reading is not None or seen.did is not None)
        if seen.unread:
            self._refuses(Unavailable(seen.unread))
        if seen.did is not None:
            self._did(seen.did)
        serving = self.s.serving
        if seen.granted is not None:
            serving = evolve(serving, granted=seen.granted)
        if seen.obeyed is not None:
            serving = leases.obeyed(serving, seen.obeyed, now)
            self.wanted = self.wanted or serving.obeys > self.s.serving.obeys
        self.s = evolve(self.s, serving=serving)

    @property
    def _timeout(self) -> float:
        return self.s.effective.keep_alive_timeout if self.s.effective else inf

    @property
    def _grant(self) -> float:
        record = self.s.reading.record if self.s.reading else None
        return terms.grant(self.charter, record) if record is not None else self.charter.grant

    def _did(self, did: Did) -> None:
        """Note what became of an order."""
        since, _ = self.s.parked.get(did.order, (self.now, 0.0))
        parked = {o: v for o, v in self.s.parked.items() if o != did.order}
        if did.outcome != "later":
            again = evolve(self.s.serving, again=self.now)  # services that start know no permission
            self.s = evolve(self.s, did=(*self.s.did, did), parked=parked, serving=again)
        elif self._deed(did.order) == "acquire" and self.now > since + 2 * self._grant + SLACK:
            self._did(evolve(did, outcome="failed"))
        else:
            parked[did.order] = since, self.now + ORDER_AGAIN
            self.s = evolve(self.s, parked=parked)

    def _refuses(self, error: PrgError) -> None:
        """Answer all questions with an error; there is nothing to write."""
        self.answers += [Answer(job.key, error=error) for job in self.s.jobs if job.key]
        self.s = evolve(self.s, jobs=tuple(j for j in self.s.jobs if not j.key))

    def _outcome(self) -> None:
        """Note the outcome of a write."""
        wrote, pending = self.seen.wrote, self.s.pending
        if wrote is None or pending is None:
            return
        write, job = pending.write, pending.job
        if wrote.outcome == "unknown":
            if write.entry is not None:  # it must be settled
                pending = evolve(pending, write=evolve(write, again=True))
                self.s = evolve(self.s, pending=pending, silent=wrote.why)
            else:  # a reading shows what is true
                self.s = evolve(self.s, pending=None, reading=None, silent=wrote.why)
        elif wrote.outcome == "conflict":
            jobs = self.s.jobs if job is None else (job, *self.s.jobs)
            self.s = evolve(self.s, pending=None, reading=None, jobs=jobs)
        else:
            if write.entry is not None:
                self._logs(write.entry, job)
            reading = Reading(write.record, wrote.version, wrote.begun) if wrote.version else None
            left = LEFT if job is not None and job.leaves else self.s.phase
            self.s = evolve(self.s, pending=None, reading=reading, fresh=True, phase=left)

    def _logs(self, entry: Entry, job: Job | None) -> None:
        self.entries.append(entry)
        if job is not None and job.key:
            self.answers.append(Answer(job.key, entry))

    # ------------------------------------------------------------------ what follows

    def _decides(self, reading: Reading) -> Pending | None:
        """The first write that follows from a reading; None: there is nothing to write."""
        record, s = reading.record, self.s
        trouble = terms.trouble(self.charter, s.memory, reading, s.heard, s.heard_at)
        if not trouble and s.phase != SITS and self._ousted(record):
            trouble = f"another agent of {s.charter.node} has started, in another directory"
            self.s = evolve(s, phase=LEAVES)
        self.s = evolve(self.s, trouble=trouble, waits="")
        if trouble:
            self._gone()
            return self._refuses(Unavailable(trouble))
        if record is None:
            return Pending(Write(self._first(), reading.version))
        self._agrees(record)
        if self.s.phase == SITS:
            return self._sits(record)
        if self.charter.seat and (why := terms.may_decide(self.charter, record)):
            self.s = evolve(self.s, waits=why)
            self._gone()
            self._refuses(Unavailable(why))
        else:
            self._failures(record)
            try:
                while (job := self._next(record)) is not None:
                    if (pending := self._job(record, job)) is not None:
                        return pending
                self._listens(record)
            except PrgError as error:  # no timer counts while the record is no pair of the machine
                self.s = evolve(self.s, trouble=str(error))
                return self._refuses(error)
        after = self._changed(record)
        return None if after == record else Pending(Write(after, reading.version))

    def _ousted(self, record: Record | None) -> bool:
        """Whether another agent has the seat of this node."""
        return bool(self.charter.seat) and record is not None and record.seats.get(
            self._node) != self.charter.seat

    def _gone(self) -> None:
        """An agent that is asked to stop is gone when its services have stopped."""
        if self.s.phase == LEAVES and self._stopped():
            self.s = evolve(self.s, phase=LEFT)

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
            self.s = evolve(self.s, effective=both, monitors=monitors)

    def _sits(self, record: Record) -> Pending | None:
        """Take the seat of the node, wait, sign, and report that its manager starts."""
        version, serving, lease = self._reading.version, self.s.serving, self._lease(record)
        wait = self.s.wait
        if wait is None:
            wait = terms.waits(self.charter, self.s.memory, record)
            self.s = evolve(self.s, wait=wait)
        after = terms.seated(self.charter, self.s.memory, record)
        if after != record:
            return Pending(Write(after, version))
        if serving.starts == inf:
            serving = evolve(serving, starts=self.now + wait, permitted=self.now + max(
                lease.lasts if lease else 0, wait))
            self.s = evolve(self.s, serving=serving)
        if self.now < serving.starts:
            self.s = evolve(self.s, waits="it waits until no earlier lease can last")
            return self._refuses(Unavailable(self.s.waits))
        after = terms.signed(self.charter, record)
        if after != record:
            return Pending(Write(after, version))
        event, also = self.engine.habits.starts(self._node)
        started = (Job(event, also=also),) if event else ()
        self.s = evolve(self.s, phase=RUNS, jobs=(*started, *self.s.jobs))
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
            drops = tuple(o for o in record.orders if o.epoch == did.order.epoch)
            event = failure(self.charter, self._known(record), did.order)
            if event is None:
                self.says.append(f"{did.order.do} failed on {did.order.node}, and no event can "
                                 "report that now")
                left += [Did(order) for order in drops]
            else:
                jobs.append(Job(event, drops=drops, quiet=True))
        self.s = evolve(self.s, did=tuple(left), jobs=(*jobs, *self.s.jobs))

    def _known(self, record: Record) -> dict[str, str]:
        return known_of(self.charter, record, self.s.heard)

    def _next(self, record: Record) -> Job | None:
        """The next event to decide."""
        begun = self._reading.begun
        for job in self.s.jobs:
            if job.at <= begun:
                self.s = evolve(self.s, jobs=tuple(j for j in self.s.jobs if j is not job))
                return job
        if self.s.phase == RUNS:
            return self._due(record) or self._looks(record) or self._completes(record)
        if self.s.phase == LEAVES and self._stopped():
            return self._leaves()
        return None

    def _due(self, record: Record) -> Job | None:
        """The event of a timer that is due."""
        while self.unobserved:
            node = self.unobserved[0]
            monitor, came = self.s.monitors[node], self.s.arrived.get(node)
            stalled, lost = node in self.s.stalled, node in self.s.lost
            at = came.at if came else counted_to(self._reading.begun, self.now, stalled=stalled)
            monitor, event = monitor.observe(
                max(at, monitor.now), any_pair(self.engine, self._known(record)),
                heartbeat=came is not None, peer_host_lost=lost, stalled=stalled)
            self.s = evolve(
                self.s, monitors={**self.s.monitors, node: monitor},
                arrived={n: a for n, a in self.s.arrived.items() if n != node},
                lost=self.s.lost - {node}, stalled=self.s.stalled - {node})
            if event is not None:
                return Job(event, quiet=True, hearing=event in self.engine.habits.hearing)
            if came is None:
                self.unobserved.pop(0)
        return None

    def _looks(self, record: Record) -> Job | None:
        """The event of a service that failed or is back, if the record does not show it yet.

        While services are being started or stopped, their state is no news.
        """
        if not self.s.services or any(
                self._deed(o) in ("start", "stop") for o in record.orders_of(self._node)):
            return None
        for name, (down, up) in self.engine.habits.watches(self._node).items():
            event = up if self.s.services.get(name, True) else down
            if self._offers(event):
                return Job(event, quiet=True)
        return None

    def _deed(self, order: Order) -> str:
        """What an agent does to carry out an order."""
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
        if entry.outcome != Outcome.DONE.value and after == record:
            self._logs(entry, job)
            return None
        self.s = evolve(self.s, marks=self.s.marks + 1)
        return Pending(Write(after, self._reading.version, entry, self._mark), job)

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
            self.s = evolve(self.s, jobs=(*(Job(c, explained=True) for c in before),
                                          evolve(job, explained=True), *self.s.jobs))
            return None
        return outcome(self.charter, record, known, decision(self.charter, known, job.event),
                       wall=self.s.wall, mark=self._mark)

    def _fails(self, job: Job, error: PrgError) -> None:
        if job.key:
            self.answers.append(Answer(job.key, error=error))
        else:
            self.says.append(f"{job.event}: {error}")

    # --------------------------------------------------------- changes without a decision

    def _changed(self, record: Record) -> Record:
        """The record after what is no decision: acknowledged orders, claims, signatures."""
        after = acknowledged(record, [did.order for did in self.s.did])
        lease = self._lease(record)
        if lease is None:
            return after
        if self.s.phase == RUNS:
            after = terms.signed(self.charter, after)
        serving, after = leases.claimed(self.s.serving, after, self._node, lease, self.now)
        self.s = evolve(self.s, serving=serving)
        while (order := self._order(after)) is not None and self._done(after, order, lease):
            after = acknowledged(after, [order])
        return after

    def _lease(self, record: Record) -> Lease | None:
        return terms.in_force(self.charter, record)

    def _order(self, record: Record) -> Order | None:
        """The order to carry out next."""
        done = {did.order for did in self.s.did}
        heard = self.now - self.s.heard_at < self._timeout
        return next_order(self.charter, record, lambda o: o in done or self.s.parked.get(
            o, (0.0, -inf))[1] > self.now, heard=heard)

    def _done(self, record: Record, order: Order, lease: Lease) -> bool:
        """Whether an order that an agent carries out itself is done."""
        match self._deed(order):
            case "disconnect":
                return self.s.serving.obeys >= order.epoch or leases.stopped(
                    self.s.serving, lease, self.now)
            case "move":
                return leases.moved(record, self._node)
            case "restart":
                self.s = restarted(self.s, self._node, self.now)
                return True
        return False

    def _stopped(self) -> bool:
        """Whether the services of a node that leaves serve nobody any more."""
        serving, lease = self.s.serving, self.charter.lease
        silent = serving.sent is not None and not serving.sent.groups and serving.again == inf
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

    # ----------------------------------------------------------------- what is wanted

    def _listens(self, record: Record) -> None:
        """Note for which nodes a heartbeat would be an event."""
        pair = any_pair(self.engine, self._known(record)) if self.s.monitors else {}
        self.s = evolve(self.s, news={
            node: any(self.engine.holds(c, pair) for w in watches(self.engine, node)
                      if not w.counts for c in w.possible) for node in self.s.monitors})

    def _wants(self) -> tuple[AgentState, Turn]:
        write = self.s.pending.write if self.s.pending else None
        record = self.s.reading.record if self.s.reading else None
        serve = self._permits(record) if record is not None else None
        order = None
        if record is not None and write is None and self._is_up(record):
            order = self._order(record)
            if self.charter.lease is not None and order is not None and self._deed(order) in OWN:
                order = None
        send = self._beats(record) if record is not None else None
        read = write is None and self._reads()
        memory = self.s.memory
        if self.s.reading is not None and self.s.pending is None:
            memory = terms.remembered(self.charter, memory, self.s.reading, self.s.heard,
                                      self.s.heard_at)
        remember = memory if memory != self.s.memory else None
        wake = self._wake(record, busy=read or write is not None)
        self.s = evolve(self.s, promised=wake, memory=memory)
        return self.s, Turn(
            write, read, serve, order, send, self._holds(record), remember, wake,
            tuple(self.entries), tuple(self.answers), tuple(self.says),
            self.s.trouble or self.s.silent or self.s.waits, self.s.phase == LEFT)

    def _is_up(self, record: Record) -> bool:
        """Whether it may serve, act and look alive by this record."""
        return self.s.phase == RUNS and not self.s.trouble and not self.s.waits and (
            not self.charter.seat or (terms.has_signed(self.charter, record)
                                      and record.seats.get(self._node) == self.charter.seat))

    def _reads(self) -> bool:
        """Whether the store is to be read now."""
        if self.s.reading is None or self.wanted or self.s.jobs:
            return True
        due = deadline(self.s)
        return (due is not None and due <= self.now) or self._refresh() <= self.now

    def _refresh(self) -> float:
        """When an agent reads the record again, even if no change was reported."""
        if self.charter.lease is None:
            return inf
        return self.s.ended + min(self.charter.lease.lasts, self._timeout) / SHARE

    def _permits(self, record: Record) -> Serve | None:
        """The permission to send to the services now."""
        lease, serving = self._lease(record), self.s.serving
        if lease is None or self.s.phase == SITS:
            return None
        begun, granted = self._reading.begun, serving.granted
        may = self._is_up(record)
        if self.engine.habits.holds(record.columns, self._node):
            may = may and granted is not None and granted.yes
            begun = min(begun, granted.begun) if granted else begun
        joined = {home: terms.joined(record, home) for home in record.claims}
        serve = leases.permission(record, self._node, lease, begun, may=may, joined=joined)
        if not serve.groups:  # a revocation must not be older than what it revokes
            serve = evolve(serve, until=max(serve.until, serving.permitted))
        if serve != serving.sent:
            self.s = evolve(self.s, serving=leases.sent(serving, serve, record.epoch, self.now))
        elif serving.again > self.now:
            return None
        return serve

    def _holds(self, record: Record | None) -> int | None:
        """The epoch at which the take-over grant is to be kept."""
        if record is None or self.charter.lease is None or not self._is_up(record) \
                or not self.engine.habits.holds(record.columns, self._node):
            return None
        granted = self.s.serving.granted
        old = granted is None or granted.begun < self._reading.begun
        return record.epoch if old else None

    def _beats(self, record: Record) -> Heard | None:
        """The heartbeat to send now. A node that cannot read the record must not look alive."""
        if self.charter.lease is None or self.s.effective is None or not self._is_up(record) \
                or self.now < self.s.beat or self.now >= looks_alive_until(self.s.ended, self._timeout):
            return None
        beat = self.s.beat + self.s.effective.keep_alive_interval
        if beat <= self.now:
            beat = self.now + self.s.effective.keep_alive_interval
        self.s = evolve(self.s, beat=beat)
        drawer = record.own[self._node]
        return Heard({c: drawer[c] for c in reported(self.engine, self._node)},
                     record.changes[self._node], record.id, record.epoch, record.mark,
                     terms.key(self.charter.terms))

    def _wake(self, record: Record | None, *, busy: bool) -> float:
        """When the next turn is, if nothing arrives."""
        due = None if busy else deadline(self.s)
        moments = [inf if due is None else due]
        moments += [until for _, until in self.s.parked.values()]
        if self.charter.lease is not None:
            moments += [self.s.serving.again, self.s.serving.starts, self.s.beat,
                        inf if busy else self._refresh(), self.now + self._timeout / SHARE]
            if record is not None and (lease := self._lease(record)) is not None:
                moments += leases.waits(self.s.serving, record, lease)
        return min((m for m in moments if m > self.now or m == due), default=inf)
