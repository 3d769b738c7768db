"""Terms: whether an agent keeps the right record on the right terms, and how terms are changed.

Law: pure. At every reading an agent judges the record by what it remembers, by its own terms and by
what it heard from its peer. While it finds `trouble`, it serves nobody, decides nothing and is
silent, and says one line that names the cure.

Terms are changed node by node. An agent that runs under other terms proposes them in the record and
signs them. The record has the old and the new terms until every running agent has signed the new
ones, and meanwhile both leases hold (`in_force`). The steps of an agent, in this order:

1. `trouble`; while there is some, none of the following.
2. `waits`, once, at its first reading: how long it has to wait before it signs.
3. `seated`: it accepts the record that `--new` asks for, and takes its seat.
4. `signed`, after the wait. It serves and decides by readings that have its signature only
   (`has_signed`), and decides only where `may_decide` is empty.
5. `left`, when it is stopped and its services obey: it withdraws its signature and its claims.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import ceil

from attrs import evolve

from prgcore.errors import BadInput
from prgcore.form.habits import INTERVAL
from prgcore.running.charter import Charter
from prgcore.running.lease import Lease, lease_of, seconds_of
from prgcore.running.shapes import Heard, Memory, Reading
from prgcore.seats import NODES, seat
from prgcore.stores.record import Claim, Record, begin
from prgcore.timers.arithmetic import longer, shorter, shortest_wait
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Settings as Parameters
from prgcore.timers.parameters import parameters_of
from prgcore.words import one_line

__all__ = [
    "begun", "directory", "earlier", "grant", "has_signed", "in_force", "joined", "key", "left",
    "may_decide", "remembered", "seated", "signed", "sits", "together", "trouble", "unkept", "waits",
    "with_both",
]

FINEST = 1_000
"""A wait is found in parts of a second, rounded up."""


def key(terms: Mapping[str, str]) -> str:
    """A short word that only these terms have; empty if there are none."""
    return _key(frozenset(terms.items()))


@lru_cache(maxsize=64)
def _key(terms: frozenset[tuple[str, str]]) -> str:
    text = json.dumps(sorted(terms))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if terms else ""


# -------------------------------------------------------------------------- trouble


def trouble(
    charter: Charter, memory: Memory, reading: Reading, heard: Heard | None, heard_at: float,
) -> str:
    """Why this agent must serve nobody and decide nothing; empty: it is in order.

    A reading has a record of this machine and kind (`prgcore.stores.record.record_of`).

    Args:
        memory: what the agent remembers, before this reading.
        reading: its newest reading.
        heard: the newest heartbeat with a content; None: there was none since its start. It counts
            until there is a newer one, however long ago that is.
        heard_at: when it came, by the clock of the reading.
    """
    record = reading.record
    if record is None:
        return _empty(charter, memory)
    return (_another(charter, memory, record) or _two_copies(reading, record, heard, heard_at)
            or _old_copy(charter, memory, record) or _other_terms(charter, record)
            or unkept(charter, record) or _unknown_terms(reading, record, heard, heard_at))


def _empty(charter: Charter, memory: Memory) -> str:
    if _may_begin(charter, memory):
        return ""
    if memory.run:
        return (f"the store is empty, but it had the record {_short(memory.record)} of epoch "
                f"{memory.epoch}: put it back, or {_anew(charter, 'begin another')}")
    return "the store has no record yet: start one of the two agents with --new, which begins it"


def _may_begin(charter: Charter, memory: Memory) -> bool:
    """Whether the agent may begin a record: only if asked, and once a start."""
    return memory.run != charter.run if charter.new else charter.node is None and not memory.run


def _another(charter: Charter, memory: Memory, record: Record) -> str:
    if not memory.run or _same_id(memory, record) or _accepts(charter, memory, record):
        return ""
    if not record.id:
        return (f"the record has lost its id {_short(memory.record)}: an agent of an older release "
                f"writes it; stop that agent, and {_anew(charter)}")
    return (f"the store has the record {_short(record.id)}, and this node knows "
            f"{_short(memory.record)}: put that back, or {_anew(charter)}")


def _two_copies(reading: Reading, record: Record, heard: Heard | None, heard_at: float) -> str:
    cure = ("put the newest copy back, or give both nodes one store, stop both agents, and start "
            "them with --new")
    if heard is None or not heard.record or not record.id:
        return ""
    if heard.record != record.id:
        return (f"the other node keeps the record {_short(heard.record)}, and this one "
                f"{_short(record.id)}: {cure}")
    if _diverged(reading, record, heard, heard_at):
        return (f"the other node keeps another copy of the record: it has read epoch {heard.epoch}, "
                f"and this one epoch {record.epoch}, with another decision: {cure}")
    return ""


def _diverged(reading: Reading, record: Record, heard: Heard, heard_at: float) -> bool:
    """Whether the peer has read a decision that this reading had to show, and does not."""
    if heard.epoch == record.epoch:
        return heard.mark != record.mark
    return heard.epoch > record.epoch and heard_at <= reading.begun


def _old_copy(charter: Charter, memory: Memory, record: Record) -> str:
    if not memory.run or not _older(memory, record) or _accepts(charter, memory, record):
        return ""
    what = (f"it has epoch {record.epoch}, and this node knows epoch {memory.epoch}"
            if record.epoch < memory.epoch
            else f"its decision of epoch {record.epoch} is not the one that this node knows")
    return (f"the store has another copy of the record: {what}; put the newest copy back, or "
            f"{_anew(charter)}")


def _same_id(memory: Memory, record: Record) -> bool:
    """Whether the id is the remembered one, or the one that a record of an older release got."""
    return memory.record in ("", record.id)


def _older(memory: Memory, record: Record) -> bool:
    return _same_id(memory, record) and (
        record.epoch < memory.epoch
        or (record.epoch == memory.epoch and record.mark != memory.mark))


def _accepts(charter: Charter, memory: Memory, record: Record) -> bool:
    """Whether `--new` asks to accept this record in place of the one that the agent remembers."""
    return charter.new and bool(memory.run) and memory.run != charter.run and (
        not _same_id(memory, record) or _older(memory, record))


def _anew(charter: Charter, purpose: str = "go on with what is there") -> str:
    if charter.node is None:
        return f"start this program again to {purpose}"
    return f"stop both agents, and start them with --new to {purpose}"


def _other_terms(charter: Charter, record: Record) -> str:
    terms = charter.terms
    if not record.terms or (terms == record.terms and not record.proposed):
        return ""
    if terms in (record.terms, record.proposed) or (
            charter.adopt and not _others_signed(charter, record)):
        return ""
    there = record.proposed if charter.adopt else record.terms
    name = next((n for n in {**terms, **there} if terms.get(n) != there.get(n)), "")
    other, mine = (one_line(found.get(name, "none"), 70) for found in (there, terms))
    if charter.adopt:
        return (f"the other node has proposed another {one_line(name, 70)}: {other}, not {mine}; "
                "start this agent with the other's group file")
    return (f"the record has another {one_line(name, 70)}: {other}, not {mine}; start this agent with "
            "the group file of the other, or with --adopt to propose this one")


def unkept(charter: Charter, record: Record) -> str:
    """Why an agent cannot keep the terms of the record beside its own; empty: it can.

    Somebody has edited them, or another release has written them.
    """
    if charter.node is None or (record.terms == charter.terms and not record.proposed):
        return ""
    try:
        in_force(charter, record)
        grant(charter, record)
        both = evolve(record, proposed=record.proposed or record.terms)
        Monitor.start(charter.engine, charter.node, 0, with_both(
            charter, both, parameters_of(charter.engine.model)()))
    except BadInput as error:
        return (f"these terms and those of the record cannot hold at once: {error}; stop both "
                "agents, and prgcore ha reset drops those of the record")
    return ""


def _unknown_terms(reading: Reading, record: Record, heard: Heard | None, heard_at: float) -> str:
    """Trouble if the peer has made the newest decision under terms that are not in the record."""
    if heard is None or not heard.terms or not record.id or heard_at > reading.begun or (
            heard.epoch, heard.mark) != (record.epoch, record.mark):
        return ""
    if heard.terms in (key(record.terms), key(record.proposed), *record.signed.values()):
        return ""
    return ("the other node runs under terms that the record does not have; start both agents with "
            "one group file")


def _short(word: str) -> str:
    return one_line(word[:8], 40) or "of an older release"


# --------------------------------------------------------------- the agent's own memory


def remembered(
    charter: Charter, memory: Memory, reading: Reading, heard: Heard | None = None,
    heard_at: float = 0.0,
) -> Memory:
    """The memory after a reading; the same value if the reading shows nothing new.

    A record that is not the one that it remembers changes nothing, except that `--new` asks for it
    and it was accepted (`seated`). Of two copies, it remembers what the other node has read. So
    after a restart, it still knows that there are two.
    """
    record = reading.record
    if record is None:
        return memory
    if not memory.run or _accepts(charter, memory, record):
        if _accepted(charter, memory, record) != record:
            return memory
        return Memory(record.id, record.epoch, record.mark, max(_tokens(record), memory.token),
                      charter.run, memory.record)
    if not _same_id(memory, record) or _older(memory, record):
        return memory
    epoch, mark = record.epoch, record.mark
    if heard is not None and record.id and heard.record == record.id and _diverged(
            reading, record, heard, heard_at):
        epoch, mark = heard.epoch, heard.mark
    after = Memory(record.id, epoch, mark, max(_tokens(record), memory.token), charter.run,
                   memory.before if memory.run == charter.run else "")
    return memory if after == memory else after


def _tokens(record: Record) -> int:
    return max((claim.token for claim in record.claims.values()), default=0)


def begun(
    charter: Charter, memory: Memory, columns: Mapping[str, str],
    own: Mapping[str, Iterable[str]] | None = None,
) -> Record:
    """The first record, on the terms of its beginner; for an empty store where `trouble` is empty.

    Its tokens begin above every token that the agent remembers. Its id is the word of this start.

    Args:
        columns: a whole pair.
        own: for each node agent the names of its own columns; empty for a controller.
    """
    record = begin(columns, own, charter.engine.habits, id=charter.run, token=memory.token + 1 if memory.run else 0)
    return evolve(record, terms=dict(charter.terms))


def _accepted(charter: Charter, memory: Memory, record: Record) -> Record:
    """The record when it takes the place of another that this agent remembers.

    Its tokens are above every one that the agent remembers. A copy gets an id of its own, so that
    nobody takes it for the record that it is a copy of. Nobody has sat in that yet: the other node
    may keep the original.
    """
    if not _accepts(charter, memory, record):
        return record
    claims = {home: c if c.token > memory.token else evolve(c, token=memory.token + 1)
              for home, c in record.claims.items()}
    if record.id in ("", memory.record):
        return evolve(record, id=charter.run, seats={}, signed={}, claims=claims)
    return evolve(record, claims=claims)


# ------------------------------------------------------------------ seat and signature


def joined(record: Record, home: str) -> bool:
    """Whether the users of a home node may be served away from home: it has sat in this record.

    Otherwise their own node may be keeping another record, where it serves them.
    """
    return home in record.seats


def waits(charter: Charter, memory: Memory, record: Record) -> float:
    """How many seconds an agent waits before it signs, at its first reading in order.

    They count from the end of the write of `seated`. It waits if services may still serve by a
    lease that the signature would hide: the agent of this node ran in another directory, or under
    other terms and did not leave; or another record was kept until now. An agent that remembers no
    earlier start knows nothing of that.
    """
    lease = in_force(charter, record)
    if lease is None or charter.node is None:
        return 0.0
    free = (
        memory.run not in ("", charter.run)
        and directory(record.seats.get(charter.node, charter.seat)) == charter.seat
        and _signatures(record).get(charter.node, key(charter.terms)) == key(charter.terms)
        and not _accepts(charter, memory, record))
    return 0.0 if free else lease.waits


def sits(charter: Charter) -> str:
    """The word of this start of the agent in the seat of its node."""
    return f"{charter.seat}.{charter.run}"


def directory(seat: str) -> str:
    """The word of the directory of the agent that has a seat."""
    return seat.partition(".")[0]


def seated(charter: Charter, memory: Memory, record: Record) -> Record:
    """The record after an agent accepted it, where `--new` asks for that, and took its seat.

    Another agent of the node sees from it that it has to stop. The seat names this start. So the
    agent serves only after a write of its own, and no write that an earlier start has under way
    can be done after that.
    """
    if charter.node is None or not charter.seat:
        return record
    record = _accepted(charter, memory, record)
    return evolve(record, seats={**record.seats, charter.node: sits(charter)})


def signed(charter: Charter, record: Record) -> Record:
    """The record after this agent signed its terms, and proposed them if they are new.

    If every running agent has signed the proposed terms now, they become the terms of the record.
    A controller, the only writer of its record, puts it on its own terms at once.
    """
    terms = dict(charter.terms)
    if charter.node is None or not record.terms:
        record = evolve(record, terms=terms, proposed={}, signed={})
    if charter.node is None:
        return record
    after = evolve(record, id=record.id or charter.run,
                   signed={**_signatures(record), charter.node: key(terms)})
    if terms not in (record.terms, record.proposed):
        after = evolve(after, proposed=terms)
    return _agreed(after)


def _signatures(record: Record) -> Mapping[str, str]:
    """The signatures of agents. Those of older releases gave none, but kept to the terms."""
    found = record.signed if record.id else dict.fromkeys(record.seats, key(record.terms))
    return {node: found[node] for node in NODES if node in found}


def _others_signed(charter: Charter, record: Record) -> bool:
    """Whether another agent than this one has signed the proposed terms."""
    return bool(record.proposed) and any(
        node != charter.node and word == key(record.proposed)
        for node, word in record.signed.items())


def _agreed(record: Record) -> Record:
    """The record where proposed terms are in force if all have signed them, or gone if nobody has."""
    proposed = key(record.proposed)
    if not proposed:
        return record
    if proposed not in record.signed.values():
        return evolve(record, proposed={})
    if all(word == proposed for word in record.signed.values()):
        return evolve(record, terms=record.proposed, proposed={})
    return record


def has_signed(charter: Charter, record: Record) -> bool:
    """Whether this agent may serve and decide by a reading: a controller, or one that has signed."""
    return charter.node is None or record.signed.get(charter.node) == key(charter.terms)


def left(charter: Charter, record: Record) -> Record:
    """The record after a clean stop: the agent's signature and its claims are withdrawn.

    Only for an agent whose services have obeyed the request to serve nobody, or whose last
    permission is over.
    """
    if charter.node is None:
        return record
    return _agreed(evolve(
        record, signed={n: word for n, word in _signatures(record).items() if n != charter.node},
        claims={home: Claim("", claim.token + 1) if claim.node == charter.node else claim
                for home, claim in record.claims.items()}))


# ------------------------------------------------------------ both terms at the same time


def in_force(charter: Charter, record: Record) -> Lease | None:
    """The lease by which an agent serves and waits now: its own, and the other's too if one is open.

    Raises:
        BadInput: they cannot hold at once; `trouble` says so before.
    """
    lease = charter.lease
    for other in _other_leases(charter, record):
        lease = lease and together(lease, other)
    return lease


def _other_leases(charter: Charter, record: Record) -> list[Lease]:
    return [_lease(terms["lease"]) for terms in (record.terms, record.proposed)
            if charter.lease is not None and terms != charter.terms and "lease" in terms]


_lease = lru_cache(maxsize=64)(lease_of)


def earlier(charter: Charter, record: Record) -> float:
    """How long services may serve by the permission of an earlier agent, from this one's start.

    Not the lease in force, which may last shorter: the earlier agent may not have read of it.
    """
    leases = _other_leases(charter, record) + ([charter.lease] if charter.lease else [])
    return max((one.lasts + one.pause + one.stopping for one in leases), default=0.0)


@lru_cache(maxsize=64)
def together(mine: Lease, other: Lease) -> Lease:
    """One lease that keeps both: it lasts as the shorter, and waits for the longest of each.

    A node that has not read of the other's terms yet serves and waits by its own. So the wait covers
    its whole lease too, with the drift of the clocks that the own lease names (T14).
    """
    drift = Fraction(repr(mine.drift or 0))
    lasts, pause, stopping = (
        Fraction(repr(longer(getattr(mine, name), getattr(other, name))))
        for name in ("lasts", "pause", "stopping"))
    needed = ceil(shortest_wait(lasts, pause, stopping, drift) * FINEST) / FINEST
    return Lease(
        lasts=shorter(mine.lasts, other.lasts),
        waits=longer(longer(mine.waits, other.waits), needed),
        pause=float(pause), stopping=float(stopping), drift=mine.drift)


def grant(charter: Charter, record: Record) -> float:
    """How long a grant of the arbiter may last without being kept, for whichever node has it.

    Raises:
        BadInput: the record has none; `trouble` says so before.
    """
    return max([charter.grant, *_seconds("grant", record)])


def with_both(charter: Charter, record: Record, parameters: Parameters) -> Parameters:
    """The parameters by which an agent counts now.

    While terms are proposed, it sends by the shorter interval and waits for the longer time-outs.

    Raises:
        BadInput: those of the record are none; `trouble` says so before.
    """
    if charter.node is None or not record.proposed:
        return parameters
    return parameters.of({
        name: (min if name == INTERVAL else max)(
            [getattr(parameters, name), *_seconds(name, record)])
        for name in charter.engine.habits.heartbeats}, parameters)


def _seconds(name: str, record: Record) -> list[float]:
    """The values of a time in the terms of the record, and in those that are proposed."""
    return [seconds_of(terms[name], name) for terms in (record.terms, record.proposed) if name in terms]


def may_decide(charter: Charter, record: Record) -> str:
    """Why this agent decides nothing now, though it is in order; empty: it may.

    Only the machine of the record decides. A proposed one waits until the agents of the old one
    have left or signed.
    """
    mine, theirs = charter.terms.get("machine", ""), record.terms.get("machine", "")
    if not has_signed(charter, record):
        return "this node starts; it waits until no earlier lease can last"
    if not theirs or mine == theirs:
        return ""
    other = seat("peer", charter.node) if charter.node else "another program"
    return (f"its machine is proposed, and {other} has not left the old one: stop that agent, or "
            "start it with this group file")
