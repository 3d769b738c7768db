"""The record: what is kept of a pair between decisions, and what a decision makes of it.

Law: pure; no store lives here. A record is a value that goes into a store and comes back as JSON.
A controller keeps every column in it. Of node agents it keeps the columns that both share, and for
each node a drawer with its own, so that a decision which changes both is one write; nobody else
reads the drawer (F8 proves that nobody needs to). Every decision has an epoch, one more than the
last; every effect of it carries that number.

`claims` say which node may be serving a group of users *now*, which is not what the record assigns:
a node that lost a group holds its claim until it says that it stopped, or until so long has passed
that it must have (`prgcore.running.lease`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen

from prgcore.engine import Decision
from prgcore.errors import BadInput
from prgcore.seats import NODES
from prgcore.vocabulary import ASSIGNED, Outcome
from prgcore.wire.answers import is_word
from prgcore.wire.entry import Entry, cells

__all__ = [
    "Claim", "Entry", "Order", "Record", "acknowledged", "assigned", "begin", "decided", "let_go",
    "served", "taken",
]


@frozen
class Order:
    """An action that a decision asks of a node, until it is acknowledged.

    Attributes:
        epoch: of the decision.
        number: its place among the orders of that decision, from 0.
        node: who carries it out; what is asked of the group, whoever keeps the record there.
        do: the name of the action.
    """

    epoch: int
    number: int
    node: str
    do: str


@frozen
class Claim:
    """Who may be serving a group of users.

    Attributes:
        node: it; empty: nobody.
        token: how often the claim changed hands, for resources that refuse what is older.
        freed: the epoch since which the record assigns the group to the node no more; 0: it does.
    """

    node: str = ""
    token: int = 0
    freed: int = 0


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


@frozen
class Record:
    """What is kept. Make the first one with `begin`.

    Attributes:
        epoch: how many decisions were made.
        columns: the columns that every decider reads.
        own: for each node agent its drawer: the columns that it alone reads.
        changes: for each drawer, how often it changed. What a node heard of another is up to date
            where it was told with this number.
        orders: what is not acknowledged, in the order in which it is to be done.
        claims: for each group of users, by the node at home to it, who may be serving it.
        terms: on what it is kept: the machine, the lease. Who has others must not write it.
        seats: for each node, which agent of it is the newest.
    """

    epoch: int
    columns: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]] = field(factory=dict)
    changes: Mapping[str, int] = field(factory=dict)
    orders: tuple[Order, ...] = ()
    claims: Mapping[str, Claim] = field(factory=dict)
    terms: Mapping[str, str] = field(factory=dict)
    seats: Mapping[str, str] = field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        return asdict(self)

    @staticmethod
    def from_json(value: Any) -> Record:
        """The record of a JSON value.

        Raises:
            BadInput: it is none.
        """
        try:
            record = Record(
                value["epoch"], dict(value["columns"]),
                {node: dict(columns) for node, columns in value["own"].items()},
                dict(value["changes"]),
                tuple(Order(**order) for order in value["orders"]),
                {home: Claim(**claim) for home, claim in value["claims"].items()},
                dict(value["terms"]), dict(value["seats"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _no_record(f"{type(error).__name__}: {error}") from None
        numbers = [record.epoch, *record.changes.values(),
                   *(n for o in record.orders for n in (o.epoch, o.number)),
                   *(n for c in record.claims.values() for n in (c.token, c.freed))]
        words = [*record.own, *record.changes, *record.claims,
                 *(w for o in record.orders for w in (o.node, o.do)),
                 *(c.node for c in record.claims.values())]
        columns = (record.columns, *record.own.values(), record.terms, record.seats)
        if any(cells(c) is None for c in columns):
            raise _no_record("its columns are no words")
        if not all(map(_whole, numbers)) or not all(map(is_word, words)):
            raise _no_record("a number or a word of it is none")
        if record.own.keys() != record.changes.keys():
            raise _no_record("its drawers are counted otherwise")
        return record

    def orders_of(self, node: str) -> tuple[Order, ...]:
        """What a node has to do, in order."""
        return tuple(o for o in self.orders if o.node == node)


def _no_record(why: str) -> BadInput:
    return BadInput(f"what the store keeps is no record: {why:.200}; is it a store of something "
                    "else?")


def begin(columns: Mapping[str, str], own: Mapping[str, Iterable[str]] | None = None) -> Record:
    """The first record: nothing decided, every group claimed by whom the columns assign it to.

    Args:
        columns: a whole pair.
        own: for each node agent the names of its own columns; none for a controller.
    """
    own = {} if own is None else {node: tuple(names) for node, names in own.items()}
    hidden = {name for names in own.values() for name in names}
    return Record(
        0, {c: v for c, v in columns.items() if c not in hidden},
        {node: {c: columns[c] for c in names} for node, names in own.items()},
        dict.fromkeys(own, 0),
        claims={home: Claim(node) for home in NODES
                if (node := assigned(columns, home)) is not None},
    )


def assigned(columns: Mapping[str, str], home: str) -> str | None:
    """The node to which a group of users is assigned: empty if to none, None if nothing says."""
    named = {n: f"{n}.{ASSIGNED[n == home]}" for n in NODES}
    if not all(column in columns for column in named.values()):
        return None
    return next((n for n, column in named.items() if columns[column] == "yes"), "")


# ------------------------------------------------------------------------- decisions


def decided(
    record: Record, known: Mapping[str, str], decision: Decision, *, by: str, time: float,
    here: str = "", unseen: Mapping[str, str] | None = None,
) -> tuple[Record, Entry]:
    """The record after a decision, and the line of the log. Only what is done changes it.

    Args:
        known: the columns that whoever decided knows, before the decision; the record's among them.
        decision: what was decided.
        by: who decided: a node, `administrator` or `controller`.
        time: of the wall clock.
        here: who carries out what is asked of the group: the keeper; empty: whoever decided.
        unseen: what the decision makes of the drawers' columns that whoever decided does not know
            (`prgcore.running.node.written`); of those that are known nothing is read.
    """
    after = {column: decision.pair[column] for column in known}
    done = decision.outcome is Outcome.DONE
    entry = Entry(
        record.epoch + done, time, by, decision.event, decision.outcome.value,
        decision.rule.id if decision.rule else None, decision.why, dict(known), after,
        decision.actions, decision.failed,
    )
    if not done:
        return record, entry
    unseen = unseen or {}
    own = {node: {c: after.get(c, unseen.get(c, v)) for c, v in drawer.items()}
           for node, drawer in record.own.items()}
    columns = {c: after[c] for c in record.columns}
    return evolve(
        record, epoch=entry.epoch, columns=columns, own=own,
        changes={node: n + (own[node] != record.own[node])
                 for node, n in record.changes.items()},
        orders=(*record.orders, *(
            Order(entry.epoch, i, a.node or here or by, a.do) for i, a in enumerate(decision.actions))),
        claims={home: _freed(claim, assigned(columns, home), entry.epoch)
                for home, claim in record.claims.items()},
    ), entry


def _freed(claim: Claim, to: str | None, epoch: int) -> Claim:
    """A claim after a decision: freed when its node loses the group, not when it is lost again."""
    if claim.node in ("", to):
        return evolve(claim, freed=0)
    return claim if claim.freed else evolve(claim, freed=epoch)


def acknowledged(record: Record, orders: Iterable[Order]) -> Record:
    """The record without orders that were carried out."""
    out = {(o.epoch, o.number) for o in orders}
    return evolve(record, orders=tuple(
        o for o in record.orders if (o.epoch, o.number) not in out))


def served(record: Record, node: str) -> dict[str, int]:
    """The groups that a node may serve now, by the node at home to them, each with its token."""
    return {home: claim.token for home, claim in record.claims.items()
            if claim.node == node == assigned(record.columns, home)}


def let_go(record: Record, node: str) -> Record:
    """The record after a node has said that it serves nobody any more whom it must not."""
    return _handed(record, {
        home: "" for home, claim in record.claims.items()
        if claim.node == node != assigned(record.columns, home)})


def taken(record: Record, node: str, waited: Callable[[str, Claim], bool]) -> Record:
    """The record after a node took what it may: the groups that nobody serves any more.

    A group that the record assigns to it becomes its own; one that is assigned to nobody, nobody's.

    Args:
        waited: of a group and its claim, whether the wait is over after which the other node
            serves it no more (`prgcore.timers.arithmetic.serves_from`).
    """
    return _handed(record, {
        home: to for home, claim in record.claims.items()
        if (to := assigned(record.columns, home)) in (node, "")
        and claim.node not in (node, to) and (not claim.node or waited(home, claim))})


def _handed(record: Record, hands: Mapping[str, str]) -> Record:
    return evolve(record, claims={
        home: Claim(hands[home], claim.token + 1) if home in hands else claim
        for home, claim in record.claims.items()})
