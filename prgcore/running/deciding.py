"""Deciding: one event, decided from what an agent or a controller knows now.

Law: pure. An agent knows the record, its own drawer, and what the newest heartbeat of its peer
reports; a controller knows the whole pair. Both ask the machine, and guess nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf

from attrs import field, frozen

from prgcore.engine import Decision
from prgcore.errors import ImpossibleEvent, Undecided
from prgcore.running.charter import Charter
from prgcore.running.node import decide, explanation, pairs, view, whole, written
from prgcore.running.shapes import Arrival, Ask, Heard
from prgcore.seats import seat
from prgcore.stores.record import Order, Record, decided
from prgcore.timers.monitor import Monitor
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.entry import Entry

__all__ = [
    "ADMINISTRATOR", "CONTROLLER", "Job", "Observed", "asked", "away", "by", "causes", "completion",
    "decision", "failure", "known_of", "next_order", "outcome", "timely",
]

CONTROLLER = "controller"
ADMINISTRATOR = "administrator"


@frozen
class Observed:
    """An observation that gave an event, to be taken back if its decision is not written.

    Attributes:
        monitor: the watch over time before it.
        came: the heartbeat that it observed; None: none.
        lost: when it was reported that the peer's host is lost, if it observed that.
    """

    node: str
    monitor: Monitor
    came: Arrival | None
    lost: float | None


@frozen
class Job:
    """An event to decide.

    Attributes:
        event: an event of the machine.
        key: names the question that it answers; empty: nobody asked.
        also, changes: as those of an `Ask`.
        quiet: whether it is dropped if it cannot happen, or depends on something not known.
        hearing: whether it says that the peer is heard, so that the heartbeat must be up to date.
        observed: (timers only) the observation that gave it.
        explained: whether the events that explain it were decided before.
        drops: orders that the same write removes.
        must: whether it is tried again at the next reading until it is decided.
        leaves: whether the same write withdraws the node from the record.
        at: when the question came; only a later reading answers it.
        until: when it is too late.
    """

    event: str
    key: str = ""
    also: Mapping[str, str] = field(factory=dict)
    changes: Mapping[str, int] = field(factory=dict)
    quiet: bool = False
    hearing: bool = False
    observed: Observed | None = None
    explained: bool = False
    drops: tuple[Order, ...] = ()
    must: bool = False
    leaves: bool = False
    at: float = -inf
    until: float = inf


def asked(ask: Ask, at: float) -> Job:
    """The job of a question that came at this moment."""
    return Job(ask.event, ask.key, ask.also, ask.changes, at=at, until=ask.until)


def by(charter: Charter) -> str:
    """The name under which a keeper decides, and carries out orders to the group."""
    return charter.node or CONTROLLER


def known_of(charter: Charter, record: Record, heard: Heard | None) -> dict[str, str]:
    """The columns that a keeper knows: a controller all, an agent those of its view."""
    node = charter.node
    if node is None:
        return dict(record.columns)
    said = heard if _hears(charter, record, node) else None
    return view(record, node, said.columns if said else None, said.changes if said else -1)


def _hears(charter: Charter, record: Record, node: str) -> bool:
    return charter.engine.habits.hears(record.seen_by(node), node)


def timely(charter: Charter, record: Record, heard: Heard | None) -> bool:
    """Whether the newest heartbeat was sent after its sender's last change."""
    if charter.node is None or heard is None:
        return True
    return heard.changes == record.changes[seat("peer", charter.node)]


def decision(charter: Charter, known: Mapping[str, str], event: str) -> Decision:
    """The decision of the machine.

    Raises:
        BadInput, ImpossibleEvent, OutsideInvariant, Undecided: as `prgcore.running.node.decide`.
    """
    if charter.node is None:
        return charter.engine.step(whole(charter.engine, known), event)
    return decide(charter.engine, known, event)


def causes(charter: Charter, known: Mapping[str, str], event: str) -> tuple[str, ...]:
    """(Controllers only) the unreported events that must have preceded a timer's event."""
    engine = charter.engine
    if charter.node is not None or engine.kind(event) is not Kind.TIMER:
        return ()
    return explanation(engine, whole(engine, known), event)


def outcome(
    charter: Charter, record: Record, known: Mapping[str, str], made: Decision, *, wall: float,
    mark: str,
) -> tuple[Record, Entry]:
    """The record after a decision, and its entry; only a done decision changes the record.

    Args:
        wall: seconds since 1970.
        mark: a word that no other decision has.
    """
    who = ADMINISTRATOR if charter.engine.kind(made.event) is Kind.COMMAND else by(charter)
    return decided(record, known, made, by=who, time=wall, here=by(charter),
                   unseen=written(charter.engine, record, made), id=mark)


def completion(charter: Charter, record: Record, known: Mapping[str, str]) -> str | None:
    """The event that says that a node without orders has finished; None: there is none."""
    if not charter.completes:
        return None
    engine = charter.engine
    views = (whole(engine, known),) if charter.node is None else pairs(engine, known)
    for node in charter.nodes:
        if record.orders_of(node):
            continue
        for event in charter.completions[node]:
            if not any(engine.possible(pair, event) for pair in views):
                continue
            with suppress(ImpossibleEvent, Undecided):
                if decision(charter, known, event).outcome is Outcome.DONE:
                    return event
    return None


def failure(charter: Charter, known: Mapping[str, str], order: Order) -> str | None:
    """The event that reports that an order failed; None: no event can report it now."""
    for event in charter.engine.habits.fails(order.do, order.node):
        with suppress(ImpossibleEvent, Undecided):
            decision(charter, known, event)
            return event
    return None


# ------------------------------------------------------------------------------ orders


def away(charter: Charter, record: Record, node: str, *, heard: bool) -> bool:
    """Whether a node cannot carry out orders now, as far as this keeper knows.

    Args:
        heard: whether heartbeats of the peer arrive.
    """
    if charter.node is None:
        return not charter.engine.habits.runs(record.columns, node)
    return node != charter.node and not (heard and _hears(charter, record, charter.node))


def next_order(
    charter: Charter, record: Record, parked: Callable[[Order], bool], *, heard: bool,
) -> Order | None:
    """The order to carry out here now; None: there is none, or it has to wait.

    The orders of a decision are carried out one after another, on both nodes. An order of a node
    that does not run, or is not heard, waits for that node without delaying the others.

    Args:
        parked: says of an order whether it could not be carried out a moment ago.
        heard: as in `away`.
    """
    here = (*charter.nodes, by(charter))
    for order in record.orders:
        if parked(order) or away(charter, record, order.node, heard=heard):
            continue
        return order if order.node in here else None
    return None
