"""One turn of an agent, or of a controller: what it knows and what it saw become what it wants.

Law: pure. There is no clock here, no thread, no lock and no wait; a pump has them
(`prgcore.running.keeper`, `prgcore.running.asynchronous`). A decision is a write, which goes before
everything else. The next turn goes on from what was written, without another reading.

Silence of the peer counts only while this node is awake and reads the record (T12, T13).
"""

from __future__ import annotations

from math import inf

from attrs import evolve

from prgcore.errors import BadInput, Unavailable
from prgcore.form.wishes import PRIMARY
from prgcore.running import serving as leases
from prgcore.running import terms
from prgcore.running.deciding import Job, asked
from prgcore.running.desired import Desired, following
from prgcore.running.following import Following
from prgcore.running.node import reported
from prgcore.running.promoting import may_promote, withheld
from prgcore.running.shapes import (
    Answer,
    Did,
    Heard,
    Reading,
    Seen,
    Serve,
    Turn,
    Write,
    Wrote,
)
from prgcore.running.state import LEAVES, LEFT, RUNS, SITS, AgentState, Pending
from prgcore.stores.record import Order, Record
from prgcore.timers.arithmetic import late, looks_alive_until, unread

__all__ = ["AgentState", "turn"]

JITTER = 0.05
"""By which part of their interval heartbeats wait for a reading, so that one turn does for both."""
ORDER_AGAIN = 0.05
"""How many seconds pass until an order that could not be carried out is tried again."""
OWN = ("disconnect", "move", "restart")
"""The deeds of an agent within its turns; its hands do the rest, and what `Charter.hands` names."""
SLACK = 3.0
"""How many seconds late an arbiter may notice that a grant is lost."""
STORE_AGAIN = 0.1
"""How many seconds pass until a store that did not answer is asked again."""
SHARE = 4
"""How many turns, and how many readings of the record, an agent has in a time-out and in a lease."""


def turn(state: AgentState, seen: Seen, now: float) -> tuple[AgentState, Turn]:
    """The state after a turn, and what is wanted then.

    Args:
        state: the state after the last turn.
        seen: all that came since.
        now: seconds of the clock of all turns of this agent.
    """
    return _Turning(state, seen, now).made()


class _Turning(Following):
    """A turn in the making."""

    def __init__(self, state: AgentState, seen: Seen, now: float) -> None:
        super().__init__(state, now)
        self.seen, self.wanted, self.settled = seen, False, False

    def made(self) -> tuple[AgentState, Turn]:
        """The state afterwards, and the turn."""
        self._notes()
        self._outcome()
        self._shown()
        reading = self.s.reading
        if reading is not None and self.s.fresh:
            self.s.fresh = False
            if self.s.pending is not None or self.s.stale:  # it may serve by this reading meanwhile
                self._judges(reading)
            else:
                self.settled = self._rests_settled(reading)
                if not self.settled:
                    self.s.pending = self._decides(reading)
                if self.s.pending is None:  # nothing is left to be written
                    self.s.unwritten = ""
        return self._wants()

    # ---------------------------------------------------------------- what was seen

    def _notes(self) -> None:
        """Note what came: first what arrived, before any time is counted."""
        s, seen, now = self.s, self.seen, self.now
        reading = seen.reading if seen.reading and seen.reading.begun >= s.since else None
        answered = reading or (seen.wrote if seen.wrote and seen.wrote.outcome != "unknown"
                               else None)
        if self._stalls(answered):
            s.stalled = frozenset(s.monitors)
        self._arrives()
        failed = seen.did is not None and seen.did.outcome == "failed"
        changed = seen.services is not None and seen.services != s.services
        stops = seen.stop and s.phase not in (LEAVES, LEFT)
        self.wanted = bool(
            self.wanted or seen.asks or seen.host_lost or failed or changed or stops)
        s.wall = seen.wall or s.wall
        s.jobs = (*s.jobs, *(asked(one, now) for one in seen.asks))
        s.services = s.services if seen.services is None else seen.services
        if stops:  # who has not begun has nothing to withdraw
            s.phase = LEFT if s.phase == SITS else LEAVES
        if answered is not None:
            s.ended, s.silent = now, ""
        if reading is not None:
            s.reading, s.stale = reading, False
        s.fresh = s.fresh or reading is not None or seen.did is not None
        if seen.unread:
            self._unread(seen.unread)
        if seen.did is not None:
            self._did(seen.did)
        self._serves()

    def _stalls(self, answered: Reading | Wrote | None) -> bool:
        """Whether this node was late, without a reading, or in trouble (T12)."""
        s, came, ended = self.s, self.now, self.s.ended
        if answered and self.charter.waits:  # in between there was no turn that could be late
            came = min(self.now, answered.begun)
            ended = ended if s.silent else came
        return bool(late(came, s.promised, self._timeout) or s.trouble or s.waits or (
            answered is not None and unread(self.now, ended, self._timeout)))

    def _arrives(self) -> None:
        """Note heartbeats, and reports that a host is down."""
        s, seen = self.s, self.seen
        arrived = dict(s.arrived)
        for one in seen.arrivals:
            if one.node in s.monitors:
                arrived[one.node] = one
                self.wanted = self.wanted or s.news.get(one.node, True)
            if one.heard is not None:
                self.wanted = self.wanted or one.heard != s.heard
                s.heard, s.heard_at = one.heard, one.at
        if seen.host_lost:
            s.lost = {**s.lost, seen.host_lost: self.now}
        s.arrived = arrived

    def _unread(self, why: str) -> None:
        """Note that the store does not answer."""
        self.s.silent, self.s.retry = why, self.now + STORE_AGAIN
        if self.charter.waits and self.s.pending is not None:  # its caller is told so
            self.s.pending = evolve(self.s.pending, job=None)
        self._refuses(Unavailable(why))

    def _serves(self) -> None:
        """Note what the services and the arbiter answered."""
        serving = self.s.serving
        if self.seen.granted is not None:
            serving = evolve(serving, granted=self.seen.granted)
        if self.seen.obeyed is not None:
            serving = leases.obeyed(serving, self.seen.obeyed, self.now)
        self.s.fresh = self.s.fresh or serving.obeys > self.s.serving.obeys or (
            self.s.phase == LEAVES and self.seen.obeyed is not None)
        self.s.serving = serving

    @property
    def _grant(self) -> float:
        record = self.s.record
        try:
            return terms.grant(self.charter, record) if record is not None else self.charter.grant
        except BadInput:
            return self.charter.grant

    def _did(self, did: Did) -> None:
        """Note the outcome of an order."""
        since, _ = self.s.parked.get(did.order, (self.now, 0.0))
        parked = {o: v for o, v in self.s.parked.items() if o != did.order}
        if did.outcome != "later":
            again = evolve(self.s.serving, again=self.now)  # services that start know no permission
            self.s.did = (*self.s.did, did)
            self.s.parked = parked
            self.s.serving = again
        elif self._deed(did.order) == "acquire" and self.now > since + 2 * self._grant + SLACK:
            self._did(evolve(did, outcome="failed"))
        else:
            parked[did.order] = since, self.now + ORDER_AGAIN
            self.s.parked = parked

    def _outcome(self) -> None:
        """Note the outcome of a write."""
        wrote, pending = self.seen.wrote, self.s.pending
        if wrote is None or pending is None:
            return
        write, job = pending.write, pending.job
        self.s.unwritten = wrote.why if wrote.outcome in ("unknown", "refused") else ""
        self.s.pending, self.s.stale = None, True
        match wrote.outcome:
            case "unknown":
                self.s.retry = self.now + STORE_AGAIN
                if write.entry is not None:  # it must be settled; else a reading shows what is true
                    self.s.pending = Pending(evolve(write, again=True), job)
                    self.s.stale, self.s.since = False, self.now
            case "refused":
                self.s.retry = self.now + STORE_AGAIN
                if job is not None and job.key:
                    self.answers.append(Answer(job.key, error=BadInput(wrote.why)))
                elif job is not None and job.must:
                    self._again(job)
            case "conflict" if write.again and job is not None and job.key:  # too long ago
                self._fails(job, Unavailable(f"{job.event}: it was not done, and somebody else has "
                                             "written; ask again"))
            case "conflict":
                if job is not None:
                    self._again(job)
            case _:
                self._done_with(write, job, wrote)

    def _shown(self) -> None:
        """A reading may show that a write was done whose outcome is not known.

        Not while it is under way again: its outcome would be taken for that of the next write.
        """
        pending, reading = self.s.pending, self.s.reading
        if pending is None or pending.asked or reading is None or reading.record is None:
            return
        if pending.write.id == reading.record.mark:
            self.s.pending, self.s.unwritten, self.s.fresh = None, "", True
            self._done_with(pending.write, pending.job, Wrote("done", reading.begun))

    def _again(self, job: Job) -> None:
        """Take up a job again whose decision was not written."""
        seen = job.observed
        if seen is None:
            if not job.quiet or job.drops:  # else the next reading shows whether it still holds
                self.s.jobs = (job, *self.s.jobs)
            return
        self.s.monitors = {**self.s.monitors, seen.node: seen.monitor}  # it is observed anew
        if seen.came is not None:
            self.s.arrived = {seen.node: seen.came, **self.s.arrived}
        if seen.lost is not None:
            self.s.lost = {**self.s.lost, seen.node: seen.lost}

    def _done_with(self, write: Write, job: Job | None, wrote: Wrote) -> None:
        """Go on from a write that is done."""
        if write.entry is not None:
            self._logs(write.entry, job)
        if job is not None and job.leaves:
            self.s.phase = LEFT
        self.s.since = self.s.retry = self.now  # what follows is written at once, not after a rest
        newest = self.s.reading
        if wrote.version and newest is not None and newest.version == write.version \
                and not self.s.trouble:  # else only a reading shows what is there now
            self.s.stale, self.s.fresh = False, True
            self.s.reading = Reading(
                write.record, wrote.version, max(wrote.begun, newest.begun))

    # ----------------------------------------------------------------- what is wanted

    def _wants(self) -> tuple[AgentState, Turn]:
        write = self._writes()
        record = self.s.record
        by = record if record is not None and self._is_up(record) else None
        serve = self._permits(record, may=by is not None) if record is not None else None
        order = self._order(by) if by is not None and self.s.pending is None else None
        if by is not None and order is not None and not self._for_hands(by, order):
            order = None
        send = self._beats(by) if by is not None else None
        due, waits = self._deadline(), self._waits()
        read = self._reads(due, waits)
        memory = self.s.memory
        if self.s.reading is not None and not self.s.outside:  # a wrong epoch would outlive its cure
            memory = terms.remembered(self.charter, memory, self.s.reading, self.s.heard,
                                      self.s.heard_at)
        remember = memory if memory != self.s.memory else None
        reads = read or self._rests()
        wake = self._wake(None if reads or self.s.pending is not None else due, waits, reads=reads)
        self.s.promised = wake
        self.s.memory = memory
        settled = self.settled or (
            self.s.reading is not None and self._rests_settled(self.s.reading))
        return self.s, Turn(
            write, read, serve, order, send, self._holds(by), remember, wake,
            tuple(self.entries), tuple(self.answers), tuple(self.says),
            self.s.trouble or self.s.silent or self.s.unwritten or self.s.waits or self.s.doubt,
            self.s.phase == LEFT, self.s.heard if settled else None,
            self._ahead(wake) if settled and not read else 0.0, *self._desires(by, order))

    def _is_up(self, record: Record) -> bool:
        """Whether it may serve, act and look alive by this record."""
        return self.s.phase == RUNS and not self.s.trouble and not self.s.waits and (
            not self.charter.seat
            or (terms.has_signed(self.charter, record) and not self._ousted(record)))

    def _for_hands(self, record: Record, order: Order) -> bool:
        """Whether an order is for the hands now.

        Nothing is promoted before the services obey a permission for it: a guard would fence it.
        A primary that should go on alone is promoted already, and may be down. Nor is anything
        promoted once the permission is over: the other node may be the primary then.
        """
        deed, serving = self._deed(order), self.s.serving
        if self._lease(record) is None or deed not in (*OWN, "promote"):
            return True
        if deed == "promote" and self._is_primary(record):
            return serving.lasts(self.now)
        if deed not in {*self.charter.hands, "promote"} or order in (did.order for did in self.s.did):
            return False
        if deed == "disconnect":  # beside the withdrawal of the permission, and not after it
            return True
        return serving.sent is not None and serving.sent.promotes and serving.again == inf and (
            serving.lasts(self.now))

    def _is_primary(self, record: Record) -> bool:
        """Whether the record says that the resource of this node is the primary already."""
        return self.engine.habits.role(record.seen_by(self._node), self._node) == PRIMARY

    def _desires(
        self, record: Record | None, order: Order | None,
    ) -> tuple[Desired | None, tuple[str, ...]]:
        """The desired state of this node, and the parts of it to mend now.

        An order that waits for services must not keep them down: they are mended meanwhile, unless
        an order is about them. A role is mended only where no order is open.
        """
        if record is None or self.charter.lease is None or self._starts():
            self.s.desired = None
            return None, ()
        sent = self.s.serving.sent
        serve, until = (sent.groups, sent.until) if sent is not None else ({}, self.now)
        self.s.desired = following(self.s.desired, record, self._node, self.engine.habits, serve, until)
        opened = {self._deed(o) for o in record.orders_of(self._node)}
        if self.s.pending or self.s.stale or self.s.silent or self.s.doubt or order is not None \
                or opened & {"start", "stop", "demote"}:
            return self.s.desired[1], ()
        return self.s.desired[1], ("services",) if opened else ("services", "role")

    def _writes(self) -> Write | None:
        """The write to do now: not in the wrong store, and again only after a look at the store."""
        pending = self.s.pending
        if pending is None or self._rests() or self.s.trouble or self._unseen():
            return None
        self.s.pending = evolve(pending, asked=True)
        return pending.write

    def _unseen(self) -> bool:
        """Whether nothing was read since the last outcome of a write that must be done again."""
        return self.s.pending is not None and self.s.pending.write.again and (
            self.s.reading is None or self.s.reading.begun < self.s.since)

    def _reads(self, due: float | None, waits: list[float]) -> bool:
        """Whether to read the store now."""
        if self._rests():
            return False
        if self.s.pending is not None and not self.s.trouble:  # it serves and looks alive
            return self._unseen() or self._refresh() <= self.now
        if self.s.reading is None or self.s.stale or self.wanted or any(
                job.at > self.s.reading.begun for job in self.s.jobs):
            return True
        return (due is not None and due <= self.now) or self._refresh() <= self.now or any(
            self.s.reading.begun < moment <= self.now for moment in waits)

    def _waits(self) -> list[float]:
        """The moments at which a claim can be taken, or a lease is over."""
        record = self.s.record
        lease = None if record is None else self._lease(record)
        if record is None or lease is None:
            return []
        return leases.waits(self.s.serving, record, lease)

    def _rests(self) -> bool:
        """Whether the store is left alone for a moment, because it did not answer."""
        return self.now < self.s.retry and not self.charter.waits

    def _refresh(self) -> float:
        """When an agent reads the record again, even if no change was reported."""
        if self.charter.lease is None:
            return inf
        return self.s.ended + min(self.charter.lease.lasts, self._timeout) / SHARE

    def _ahead(self, wake: float) -> float:
        """How long the next turn waits for a reading that is due before the one after it."""
        every = self.s.effective.keep_alive_interval if self.s.effective else 0.0
        if wake == self.s.serving.again:  # services that do not obey are asked often
            return 0.0
        return every * JITTER if self._refresh() <= wake + every else 0.0

    def _permits(self, record: Record, *, may: bool) -> Serve | None:
        """The permission to send to the services now."""
        lease, serving = self._lease(record), self.s.serving
        if lease is None or self.s.phase == SITS:
            return None
        begun, granted = self._reading.begun, serving.granted
        if self.engine.habits.holds(record.columns, self._node):
            may = may and granted is not None and granted.yes
            begun = min(begun, granted.begun) if granted else begun
        serve = leases.permission(
            record, self._node, self.engine.habits, lease, begun, may=may)
        if record.orders and may:
            held = withheld(self.charter, record, self._node, serve.groups, serving.served)
            serve = evolve(
                serve, promotes=may_promote(self.charter, record, self._node),
                groups={g: t for g, t in serve.groups.items() if g not in held})
        if not serve.somebody:
            serve = leases.revocation(serving, serve)
        if serve != serving.sent:  # in trouble, the epoch may be that of a wrong record
            epoch = serving.epoch if self.s.trouble else record.epoch
            self.s.serving = leases.sent(serving, serve, epoch, self.now)
        elif serving.again > self.now:
            return None
        return serve

    def _holds(self, record: Record | None) -> int | None:
        """The epoch at which to keep the take-over grant."""
        if record is None or self.charter.lease is None \
                or not self.engine.habits.holds(record.columns, self._node):
            return None
        granted = self.s.serving.granted
        old = granted is None or granted.begun < self._reading.begun
        return record.epoch if old else None

    def _beats(self, record: Record) -> Heard | None:
        """The heartbeat to send now.

        A node that cannot read the record must not look alive, nor one whose start is not in it yet.
        """
        if self.charter.lease is None or self.s.effective is None or self._starts() \
                or self.now < self.s.beat \
                or self.now >= looks_alive_until(self.s.ended, self._timeout):
            return None
        beat = self.s.beat + self.s.effective.keep_alive_interval
        if beat <= self.now:
            beat = self.now + self.s.effective.keep_alive_interval
        self.s.beat = beat
        return self._beat(record)

    def _starts(self) -> bool:
        """Whether it is not known that the start of this node was decided, and it can be."""
        pending = self.s.pending
        jobs = (*self.s.jobs, *((pending.job,) if pending and pending.job else ()))
        return not self.s.doubt and any(job.must for job in jobs)

    def _beat(self, record: Record) -> Heard:
        """The content of a heartbeat."""
        drawer = record.own[self._node]
        return Heard({c: drawer[c] for c in reported(self.engine, self._node)},
                     record.changes[self._node], record.id, record.epoch, record.mark,
                     terms.key(self.charter.terms))

    def _wake(self, due: float | None, waits: list[float], *, reads: bool) -> float:
        """When the next turn is, if nothing arrives."""
        moments = [inf if due is None else due]
        moments += [self.s.retry, *(until for _, until in self.s.parked.values())]
        if self.charter.lease is not None:
            moments += [self.s.serving.again, self.s.serving.starts, self.s.beat,
                        inf if reads else self._refresh(), self.now + self._timeout / SHARE,
                        *waits]
        return min((m for m in moments if m > self.now or m == due), default=inf)
