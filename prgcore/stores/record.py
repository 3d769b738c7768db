"""The record: what is kept of a pair between decisions, and how each decision changes it.

Law: pure; no store lives here. A record is a value that goes into a store and comes back as JSON.
With a controller, the record has every column. With node agents it has the columns that both
share, and one drawer for each node with the columns of its own. So a decision that changes both
is one write. Only its own node reads a drawer (F8 proves that no other needs to). Every decision
has an epoch, one more than the last; each of its effects carries that number.

`claims` say which node may be serving a group of users *now*. That can differ from the assignment:
a node that lost a group holds its claim until it reports that it stopped, or its lease must
be over (`prgcore.running.serving`).

A record has an id, made with it, and the mark of its last decision. By both, an agent knows that it
still keeps the same record, and no copy of it (`prgcore.running.terms`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen

from prgcore.engine import Decision, Pair
from prgcore.errors import BadInput, Unreadable
from prgcore.form.habits import Habits
from prgcore.form.wishes import overtaken, wished
from prgcore.model import Action
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.wire.answers import is_word
from prgcore.wire.entry import RESET, Entry, cells, kept_time
from prgcore.words import listed, one_line, quoted

__all__ = [
    "Claim", "Entry", "Layout", "Order", "Record", "acknowledged", "away", "begin", "decided",
    "fits", "let_go", "not_asked_again", "record_of", "reset", "served", "taken",
]


@frozen
class Layout:
    """The columns and groups that a record of a machine has (`prgcore.running.node.layout`).

    Attributes:
        columns: the columns that every decider reads, and their values.
        own: the same of each drawer.
        groups: the groups of users that have claims.
    """

    columns: Mapping[str, Collection[str]]
    own: Mapping[str, Mapping[str, Collection[str]]]
    groups: Collection[str]


@frozen
class Order:
    """An action that a decision asks of a node, from the decision until it is acknowledged.

    Attributes:
        epoch: the epoch of the decision.
        number: its place among the orders of that decision, from 0.
        node: the node that carries it out. The deciding node carries out orders to the group.
        do: the name of the action.
        users: the groups of users on the move: those whose assignment the decision changed, or
            which nobody has after it. An action that moves or disconnects users is about these.
        state: the state of `node` after the decision, if it has a column of this name.
    """

    epoch: int
    number: int
    node: str
    do: str
    users: tuple[str, ...] = ()
    state: str = ""


@frozen
class Claim:
    """The node that may be serving a group of users.

    Attributes:
        node: the name of the node; empty: nobody.
        token: how often the claim changed hands, for resources that refuse older claims.
        freed: the epoch at which the record ceased to assign the group to the node; 0: it still
            assigns it.
    """

    node: str = ""
    token: int = 0
    freed: int = 0


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


@frozen
class Record:
    """A record; `begin` makes the first one.

    Attributes:
        epoch: how many decisions were made.
        columns: the columns that every decider reads.
        own: for each node agent its drawer: the columns that it alone reads.
        changes: for each drawer, how often it changed. The columns in a heartbeat are up to date
            if it carries this number.
        orders: the orders that are not acknowledged, in the order of their execution.
        claims: for each group of users, by its home node, the node that may be serving it.
        terms: the conditions that its writers must share: the machine, the lease.
        seats: for each node, its newest agent.
        id: a word that no other record has; empty: an older release made the record.
        mark: a word of the last decision, which no other decision has; empty: not known.
        proposed: the terms that one agent has proposed and not all have signed; empty: none.
        signed: for each node whose agent runs, the key of the terms that it runs under.
    """

    epoch: int
    columns: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]] = field(factory=dict)
    changes: Mapping[str, int] = field(factory=dict)
    orders: tuple[Order, ...] = ()
    claims: Mapping[str, Claim] = field(factory=dict)
    terms: Mapping[str, str] = field(factory=dict)
    seats: Mapping[str, str] = field(factory=dict)
    id: str = ""
    mark: str = ""
    proposed: Mapping[str, str] = field(factory=dict)
    signed: Mapping[str, str] = field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        return {
            "epoch": self.epoch, "columns": dict(self.columns),
            "own": {node: dict(columns) for node, columns in self.own.items()},
            "changes": dict(self.changes), "orders": [asdict(order) for order in self.orders],
            "claims": {home: {"node": claim.node, "token": claim.token, "freed": claim.freed}
                       for home, claim in self.claims.items()},
            "terms": dict(self.terms), "seats": dict(self.seats), "id": self.id, "mark": self.mark,
            "proposed": dict(self.proposed), "signed": dict(self.signed),
        }

    @staticmethod
    def from_json(value: Any) -> Record:
        """The record in a JSON value. Records of older releases have no id, no mark and no proposal.

        Raises:
            BadInput: it is none.
        """
        try:
            record = Record(
                value["epoch"], dict(value["columns"]),
                {node: dict(columns) for node, columns in value["own"].items()},
                dict(value["changes"]),
                tuple(Order(**{**order, "users": _listed(order.get("users", []))})
                      for order in value["orders"]),
                {home: Claim(**claim) for home, claim in value["claims"].items()},
                dict(value["terms"]), dict(value["seats"]),
                value.get("id", ""), value.get("mark", ""),
                dict(value.get("proposed", {})), dict(value.get("signed", {})),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _no_record(f"{type(error).__name__}: {error}") from None
        numbers = [record.epoch, *record.changes.values(),
                   *(n for o in record.orders for n in (o.epoch, o.number)),
                   *(n for c in record.claims.values() for n in (c.token, c.freed))]
        words = [record.id, record.mark, *record.own, *record.changes, *record.claims,
                 *(w for o in record.orders for w in (o.node, o.do, *o.users, o.state)),
                 *(c.node for c in record.claims.values())]
        columns = (record.columns, *record.own.values(), record.terms, record.seats,
                   record.proposed, record.signed)
        if any(cells(c) is None for c in columns):
            raise _no_record("its columns are not words")
        if not all(map(_whole, numbers)) or not all(map(is_word, words)):
            raise _no_record("a number or a word in it is not valid")
        if record.own.keys() != record.changes.keys():
            raise _no_record("it does not count the changes of exactly its drawers")
        return record

    def seen_by(self, node: str) -> dict[str, str]:
        """The columns that the agent of a node reads in it: those for all, and its own."""
        return {**self.columns, **self.own.get(node, {})}

    def orders_of(self, node: str) -> tuple[Order, ...]:
        """The orders of a node, in the order of their execution."""
        return tuple(o for o in self.orders if o.node == node)


def record_of(value: Any, layout: Layout) -> Record:
    """The record of these columns in a value of a store.

    Args:
        layout: the columns that it must have (`prgcore.running.node.layout`).

    Raises:
        Unreadable: it is something else.
    """
    try:
        record = Record.from_json(value)
    except BadInput as error:
        raise Unreadable(str(error)) from None
    if bool(record.own) != bool(layout.own):
        holds = "node agents" if record.own else "a controller"
        raise Unreadable(f"this store holds the record of {holds}; name another store")
    if why := fits(record, layout):
        raise Unreadable(f"the record in the store does not fit this machine: {why}; stop its agents, "
                         "and prgcore ha reset mends it, or name another store")
    return record


def fits(record: Record, layout: Layout) -> str:
    """The reason why a record does not have exactly these columns and values; empty: it has."""
    if record.own.keys() != layout.own.keys():
        return f"its drawers are {_named(record.own)}; expected {_named(layout.own)}"
    for place, columns in (("", record.columns), *record.own.items()):
        known = layout.own[place] if place else layout.columns
        if columns.keys() != known.keys():
            wrong = min(columns.keys() ^ known.keys())
            return f"it has {'no' if wrong in known else 'an unknown'} column {quoted(wrong, 60)}"
        for column, value in columns.items():
            if value not in known[column]:
                return f"{column} is {quoted(value, 60)}; known: {', '.join(known[column]):.200}"
    if record.claims.keys() != {*layout.groups}:
        return f"its claims are of {_named(record.claims)}; expected {_named(layout.groups)}"
    return next((f"the users of {home} are claimed by {quoted(claim.node, 60)}, not by a node"
                 for home, claim in record.claims.items() if claim.node not in ("", *NODES)), "")


def _named(names: Collection[str]) -> str:
    return one_line(listed(sorted(names), "and") or "none", 120)


def _listed(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r:.60} is not a list")
    return tuple(value)


def _no_record(why: str) -> BadInput:
    return BadInput(f"the content of the store is not a record: {why:.200}; is it a store of "
                    "something else?")


def begin(
    columns: Mapping[str, str], own: Mapping[str, Iterable[str]] | None = None,
    habits: Habits | None = None, *, id: str = "", token: int = 0,  # noqa: A002, a field's name
) -> Record:
    """The first record: no decision yet, and each group claimed by the node that it is assigned to.

    Args:
        columns: a whole pair.
        own: for each node agent the names of its own columns; empty for a controller.
        habits: what the machine says of the assignment (`engine.habits`); None: those of the
            engine that made the pair.
        id: a word that no other record has.
        token: the first token of each claim. It has to be above those of earlier records, so that
            a resource that refuses older tokens obeys this record.
    """
    own = {} if own is None else {node: tuple(names) for node, names in own.items()}
    if habits is None and isinstance(columns, Pair):
        habits = columns.habits
    hidden = {name for names in own.values() for name in names}
    return Record(
        0, {c: v for c, v in columns.items() if c not in hidden},
        {node: {c: columns[c] for c in names} for node, names in own.items()},
        dict.fromkeys(own, 0),
        claims={} if habits is None else {
            home: Claim(node, token) for home, node in habits.assignment(columns).items()},
        id=id, mark=id,
    )


# ------------------------------------------------------------------------- decisions


def decided(
    record: Record, known: Mapping[str, str], decision: Decision, *, by: str, time: float,
    here: str = "", unseen: Mapping[str, str] | None = None,
    id: str = "",  # noqa: A002, the name of the key in the history
) -> tuple[Record, Entry]:
    """The record after a decision, and the entry for the log. Only a done decision changes it.

    Args:
        known: the columns that the decider knew before the decision, including the record's.
        decision: the decision.
        by: the decider: a node, `administrator` or `controller`.
        time: the time of the wall clock, in seconds since 1970.
        here: the node that carries out orders to the group: the keeper's; empty: the decider.
        unseen: the new values of drawer columns that the decider does not know
            (`prgcore.running.node.written`); its values of known columns are not used.
        id: a word that no other decision has. The line of the history has it too.
    """
    after = {column: decision.pair[column] for column in known}
    done = decision.outcome is Outcome.DONE
    entry = Entry(
        record.epoch + done, kept_time(time), by, decision.event, decision.outcome.value,
        decision.rule.id if decision.rule else None, decision.why, dict(known), after,
        decision.actions, decision.failed,
    )
    if not done:
        return record, entry
    unseen = unseen or {}
    own = {node: {c: after.get(c, unseen.get(c, v)) for c, v in drawer.items()}
           for node, drawer in record.own.items()}
    columns = {c: after[c] for c in record.columns}
    habits: Habits = decision.pair.habits
    to = habits.assignment(columns)
    before = habits.assignment(record.columns)
    users = tuple(home for home, node in to.items() if not node or node != before.get(home))

    def order(number: int, action: Action) -> Order:
        node = action.node or here or by
        return Order(entry.epoch, number, node, action.do, users, columns.get(f"{node}.state", ""))

    orders = tuple(order(i, a) for i, a in enumerate(decision.actions))
    after_it = evolve(record, columns=columns, own=own)
    silent = [node for node in NODES if away(after_it, node, here or by, habits)]
    return evolve(
        after_it, epoch=entry.epoch, mark=id,
        changes={node: n + (own[node] != record.own[node])
                 for node, n in record.changes.items()},
        orders=(*not_asked_again(_still(after_it, record.orders, habits), orders, silent), *orders),
        claims={home: _freed(claim, to.get(home), entry.epoch)
                for home, claim in record.claims.items()},
    ), entry


def reset(
    record: Record, fresh: Record, assignment: Mapping[str, str], *, why: str, time: float,
    id: str,  # noqa: A002, the name of the key in the history
) -> tuple[Record, Entry]:
    """The record put back to a first one, by an administrator: the way out of any other state.

    Its id, its terms and its tokens stay. A claim stays with its node until that reports or its
    lease is over, so nobody is served twice. All orders are dropped. The seats name no start of an
    agent any more, so an agent that still runs has to stop.

    Args:
        fresh: a first record of the same machine (`begin`).
        assignment: the node of every group of users in `fresh`.
        why: the reason, for the history.
        time, id: as for `decided`.
    """
    def columns(one: Record) -> dict[str, str]:
        return {**one.columns, **{c: v for drawer in one.own.values() for c, v in drawer.items()}}

    entry = Entry(record.epoch + 1, kept_time(time), "administrator", RESET, Outcome.DONE.value,
                  None, why, columns(record), columns(fresh))
    token = max((c.token for c in record.claims.values()), default=0)
    claims = {home: record.claims.get(home, Claim("", token)) for home in fresh.claims}
    return evolve(
        record, epoch=entry.epoch, mark=id, columns=fresh.columns, own=fresh.own, orders=(),
        seats={node: f"{sitter}.{id}" for node, sitter in record.seats.items()},
        changes={node: record.changes.get(node, 0) + 1 for node in fresh.own},
        claims={home: _freed(claim if claim.node in ("", *NODES) else evolve(claim, node=""),
                             assignment.get(home), entry.epoch)
                for home, claim in claims.items()},
    ), entry


def away(record: Record, node: str, here: str, habits: Habits) -> bool:
    """Whether a node cannot carry out orders now, as far as the keeper `here` knows.

    A controller knows whether the node can act, an agent whether it hears its peer. The orders of
    such a node wait for it, and delay nobody else's.
    """
    if here in record.own:
        return node in record.own and node != here and not habits.hears(
            {**record.columns, **record.own[here]}, here)
    return node in NODES and not habits.runs(record.columns, node)


def not_asked_again(
    orders: Iterable[Order], newer: Iterable[Order], silent: Iterable[str]
) -> tuple[Order, ...]:
    """The orders without those of silent nodes that a newer decision asks for again.

    A node may be away for long, and every decision may ask it for more. So of two decisions, the
    older one loses what it asks of a silent node, if the newer one asks for all of it, in the same
    order and for the same users. Actions are idempotent, and no other order waits for a silent
    node: the node has the same effect when it comes back, and never more open orders than there are
    kinds of decisions.
    """
    orders, newer = tuple(orders), tuple(newer)
    again = set()
    for node in silent:
        for epoch in {o.epoch for o in orders if o.node == node}:
            rest = iter([o for o in newer if o.node == node])
            if all(any(_same(o, n) for n in rest)
                   for o in orders if (o.epoch, o.node) == (epoch, node)):
                again.add((epoch, node))
    return tuple(o for o in orders if (o.epoch, o.node) not in again)


def _still(record: Record, orders: Iterable[Order], habits: Habits) -> tuple[Order, ...]:
    """The orders of earlier decisions that still fit what a record wishes of their nodes."""
    return tuple(o for o in orders if not overtaken(habits.deed(o.do, o.node), wished(
        habits, {**record.columns, **record.own.get(o.node, {})}, o.node)))


def _same(order: Order, newer: Order) -> bool:
    return order.do == newer.do and set(order.users) <= set(newer.users)


def _freed(claim: Claim, to: str | None, epoch: int) -> Claim:
    """The claim after a decision: freed by the first that takes the group from its node."""
    if claim.node in ("", to):
        return evolve(claim, freed=0)
    return claim if claim.freed else evolve(claim, freed=epoch)


def acknowledged(record: Record, orders: Iterable[Order]) -> Record:
    """The record without these orders, which were carried out."""
    out = {(o.epoch, o.number) for o in orders}
    return record if not out else evolve(record, orders=tuple(
        o for o in record.orders if (o.epoch, o.number) not in out))


def served(record: Record, node: str, habits: Habits) -> dict[str, int]:
    """The groups that a node may serve now, by their home node, each with its token."""
    return {home: claim.token for home, claim in record.claims.items()
            if claim.node == node == habits.assigned(record.columns, home)}


def let_go(record: Record, node: str, habits: Habits, keeps: Collection[str] = ()) -> Record:
    """The record after a node has reported that it serves only the groups assigned to it.

    Args:
        keeps: groups of no node whose claims it keeps.
    """
    return _handed(record, {
        home: "" for home, claim in record.claims.items()
        if claim.node == node != habits.assigned(record.columns, home) and home not in keeps})


def taken(
    record: Record, node: str, habits: Habits, waited: Callable[[str, Claim], bool],
    keeps: Collection[str] = (),
) -> Record:
    """The record after a node took over the claims of groups that no node can be serving now.

    It gets the claim of a group that the record assigns to it. The claim of a group that is
    assigned to no node becomes free.

    Args:
        waited: says of a group and its claim whether the wait for the other node is over
            (`prgcore.timers.arithmetic.serves_from`).
        keeps: groups of no node whose claims it gets too: they are on the move to it. A decision
            may free such a claim, and then it takes it again.
    """
    def heir(home: str) -> str | None:
        to = habits.assigned(record.columns, home)
        return node if not to and home in keeps else to

    return _handed(record, {
        home: to for home, claim in record.claims.items() if (to := heir(home)) in (node, "") and (
            (home in keeps and claim.node == node == to and claim.freed > 0)
            or (claim.node not in (node, to) and (not claim.node or waited(home, claim))))})


def _handed(record: Record, hands: Mapping[str, str]) -> Record:
    return evolve(record, claims={
        home: Claim(hands[home], claim.token + 1) if home in hands else claim
        for home, claim in record.claims.items()})
