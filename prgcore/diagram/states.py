"""The states of a node as a graph: the values of one column, and the rules that change it.

Law: complete for the column. The moves of a rule are those that a search saw, if one is given.
Otherwise its guard gives them: its cells, derived ones over their tables. Knows no format and no
row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import evolve

from prgcore.diagram.graph import Edge, Graph, Label, Node, gathered, identifier
from prgcore.diagram.palette import Role
from prgcore.errors import BadInput, unknown_name
from prgcore.form.spelling import Spelling
from prgcore.machine import meanings, reference
from prgcore.model import By, Cell, Const, Copy, Cube, Model, Rule
from prgcore.vocabulary import Kind, State

__all__ = ["ROLES", "Moves", "Reader", "graph", "role"]

ROLES: Mapping[str, Role] = {
    State.NORMAL: Role.SERVING,
    State.RUNNING_IN_BACKUP_MODE: Role.SERVING,
    State.IDLE: Role.FAILED_OVER,
    State.FAILED_OVER: Role.FAILED_OVER,
    State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING: Role.FAILED_OVER,
    State.RUNNING_IN_FAILED_MODE: Role.FAILED,
    State.UNKNOWN: Role.UNKNOWN,
}
"""The role of each state, unless the machine says that it is a transition."""

Moves: TypeAlias = Callable[[Rule], frozenset[tuple[str, str]]]
"""The effect of a rule on a column: its values before and after, where they differ."""


class Reader:
    """Reads the moves of a machine; the tables of derived columns are indexed once."""

    def __init__(self, model: Model) -> None:
        self.columns = {c.name: c for c in model.columns}
        self.ways: dict[str, list[Cube]] = {
            e.name: [Cube()] for e in model.events if e.kind is Kind.COMMAND
        }
        for entry in model.possible:
            self.ways.setdefault(entry.event, []).append(entry.when)
        self._left: dict[tuple[Cell, str], frozenset[str]] = {}
        self._possible: dict[tuple[str, str], frozenset[str]] = {}

    def _under(self, cell: Cell, column: str) -> frozenset[str] | None:
        """The values that one cell leaves to a column; None if it does not restrict it."""
        if cell.column == column:
            return frozenset(cell.values)
        asked = self.columns[cell.column]
        if column not in asked.sources:
            return None
        left = self._left.get((cell, column))
        if left is None:
            at = asked.sources.index(column)
            left = frozenset(k[at] for k, v in asked.table if v in cell.values)
            self._left[cell, column] = left
        return left

    def _seen(self, cells: Iterable[Cell], column: str) -> frozenset[str]:
        left = frozenset(self.columns[column].domain)
        for cell in cells:
            under = self._under(cell, column)
            if under is not None:
                left &= under
        return left

    def values(self, rule: Rule, column: str, more: tuple[Cell, ...] = ()) -> frozenset[str]:
        """The values of a column for which the rule may apply and its event may happen."""
        possible = self._possible.get((rule.event, column))
        if possible is None:
            ways = (self._seen(way, column) for way in self.ways.get(rule.event, ()))
            possible = frozenset[str]().union(*ways)
            self._possible[rule.event, column] = possible
        return self._seen((*rule.when, *more), column) & possible

    def of(self, column: str) -> Moves:
        """The moves of every rule on a column, by its guard alone."""
        return lambda rule: self.moves(rule, column)

    def moves(self, rule: Rule, column: str) -> frozenset[tuple[str, str]]:
        """Every change that the rule can make to the column, as (before, after)."""
        found: set[tuple[str, str]] = set()
        for effect in rule.then:
            if effect.target != column:
                continue
            match effect.value:
                case Const(value):
                    cases: Iterable[tuple[tuple[Cell, ...], str]] = [((), value)]
                case Copy(name):
                    cases = [((Cell(name, v),), v) for v in self.values(rule, name)]
                case By(name, table):
                    allowed = self.values(rule, name)
                    cases = [((Cell(name, k),), v) for k, v in table if k in allowed]
            found |= {
                (before, after) for more, after in cases
                for before in self.values(rule, column, more) if before != after
            }
        return frozenset(found)


def graph(
    model: Model, column: str = "node1.state", phase: str | None = None, moves: Moves | None = None
) -> Graph:
    """The values of a column and the rules that change it; of one phase, or of all.

    A rule may lead to one value from more than half of the domain. It is then drawn from one node
    that stands for these values and names them.

    Args:
        model: the machine.
        column: a stored column.
        phase: of the rules; all of them if none is given.
        moves: the moves of each rule on the column, as (before, after), from a search
            (`prgcore.prove.seen.moves`). Without it guards alone are read, which also allow
            unreachable pairs; the title says so.

    Raises:
        BadInput: no such stored column, or no such phase.
    """
    stored = {c.name: c for c in model.columns if not c.derived}
    if column not in stored:
        raise BadInput(unknown_name("stored column", column, stored))
    phases = {r.phase for r in model.rules if r.phase}
    if phase is not None and phase not in phases:
        raise BadInput(unknown_name("phase", phase, phases))
    title_ = ", ".join((f"{model.name}: {column}", *([f"phase {phase}"] if phase else ())))
    if moves is None:
        moves, title_ = Reader(model).of(column), f"{title_}, by its guards alone"
    address = reference(model)
    words = meanings(column.rpartition(".")[2]) if address else {}
    nodes = {v: _node(model, column, v, words) for v in stored[column].domain}
    labels: dict[tuple[str, str], set[Label]] = {}
    for rule in model.rules:
        if phase in (None, rule.phase):
            label = Label(rule.event, rule.name.partition("@")[0], rule.phase, rule.why, rule.cite)
            for before, after in moves(rule):
                labels.setdefault((nodes[before].id, nodes[after].id), set()).add(label)
    drawn = gathered(Graph(
        title_, (), tuple(nodes.values()),
        tuple(Edge(*ends, tuple(why)) for ends, why in labels.items()), address,
    ))
    joined = {id_ for e in drawn.edges for id_ in (e.source, e.target)}
    starts = {dict(pair)[column] for pair in model.initial}
    return evolve(
        drawn, nodes=tuple(n for n in drawn.nodes if n.id in joined),
        initial=tuple(n.id for v, n in nodes.items() if v in starts and n.id in joined),
    )


def role(model: Model, column: str, value: str) -> Role:
    """The role of a value of a column: a transition if the machine says so."""
    if any(c.column == column and value in c.values for c in model.transient):
        return Role.TRANSITION
    return ROLES.get(value, Role.PLAIN)


def _node(model: Model, column: str, value: str, words: Mapping[str, str]) -> Node:
    """The node of a value; a word of the document has the document's sentence as its tooltip."""
    what = column.rpartition(".")[2]
    known, read = value in words, Spelling.of(model).title(column, value)
    return Node(
        identifier(value), read or value, role(model, column, value),
        tooltip=f"{read or 'no reason'}: {words[value]}" if known else "",
        url=f"{what}s.html#{value}" if known else "",
    )
