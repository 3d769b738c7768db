"""F8: a node's decision, and all that it writes, is the same whatever it cannot know.

Law: asks about two pairs at once that a node cannot tell apart. Both are inside the invariants,
and the event can happen in both. F6 reads the cells of rules one by one. F8 reads none: it asks
the solver whether two pairs get different answers. F8 is why each node can decide alone
(`prgcore.running.node`).
"""

from __future__ import annotations

from collections.abc import Iterator

import z3
from attrs import frozen

from prgcore.form.knowledge import knows
from prgcore.model import Column, Model, Rule
from prgcore.prove.induction import RLIMIT, is_mirrored
from prgcore.prove.relation import Relation, Term
from prgcore.seats import NODES
from prgcore.vocabulary import Kind

__all__ = ["Apart", "Views", "seated", "told_apart"]


@frozen
class Apart:
    """Two pairs that a node cannot tell apart, and the decision that differs between them."""

    says: str
    event: str
    one: dict[str, str]
    other: dict[str, str]


def seated(model: Model) -> tuple[str, ...]:
    """The nodes that decide something."""
    deciders = {e.decider for e in model.events}
    return tuple(n for n in NODES if n in deciders)


@frozen
class Views:
    """The answer: the events, whether anything is hidden from a node, and the differences."""

    asked: tuple[str, ...]
    hidden: bool
    apart: tuple[Apart, ...]


def told_apart(model: Model, held: tuple[str, ...]) -> Views:
    """Whether a node decides anything by columns that it cannot know, and the pairs that show it.

    Args:
        held: the invariants that are proved.
    """
    relation = Relation(model)
    nodes = seated(model)[:1] if is_mirrored(model) else seated(model)
    asked: list[str] = []
    hidden = False
    found: list[Apart] = []
    for node in nodes:
        views = _Views(relation, node, held)
        for event in filter(views.is_told, (e.name for e in model.events)):
            asked.append(event)
            hidden = hidden or views.hides(event)
            found += views.differ(event)
    return Views(tuple(asked), hidden, tuple(found))


class _Views:
    """Two copies of a pair that one node cannot tell apart."""

    def __init__(self, relation: Relation, node: str, held: tuple[str, ...]) -> None:
        self.relation, self.node, self.model = relation, node, relation.model
        columns = {c.name: c for c in self.model.columns}
        self.known = [c for c in self.model.columns if self._knows(c, columns)]
        self.primed = [
            (term, z3.Const(f"{name}'", term.sort())) for name, term in relation.now.items()]
        self.solver = relation.solver(RLIMIT)
        inside = relation.inside(held)
        self.solver.add(inside, self.other(inside))
        for column in self.known:
            self.solver.add(*self._same(column))

    def is_told(self, event: str) -> bool:
        """Whether an event is at this node: one that it decides or that happens to it."""
        return event.endswith(f"({self.node})") and next(
            e.kind for e in self.model.events if e.name == event) is not Kind.COMMAND

    def other(self, term: Term) -> Term:
        """The same term about the second pair instead of the first."""
        return z3.substitute(term, *self.primed)

    def _knows(self, column: Column, columns: dict[str, Column]) -> bool:
        """Whether the node knows a column: its observations, the record, its process, its peer."""
        head = column.name.partition(".")[0]
        mine = head == self.node and not column.derived
        return mine or knows(self.node, column, columns)

    def _same(self, column: Column) -> Iterator[Term]:
        if not column.derived:
            now = self.relation.now[column.name]
            yield now == self.other(now)
            return
        for value in column.domain:
            holds = self.relation.is_in(column.name, (value,))
            yield holds == self.other(holds)

    def hides(self, event: str) -> bool:
        """Whether two different pairs are possible; if not, the question is empty."""
        happens = self.relation.happens(event)
        self.solver.push()
        self.solver.add(happens, self.other(happens), self.relation.either(
            now != primed for now, primed in self.primed))
        answer = self.solver.check()
        self.solver.pop()
        return bool(answer != z3.unsat)

    def differ(self, event: str) -> Iterator[Apart]:
        """The decisions about an event that differ between two such pairs."""
        rules = [r for r in self.model.rules if r.event == event]
        happens = self.relation.happens(event)
        self.solver.push()
        self.solver.add(happens, self.other(happens))
        fires = {r.id: self.relation.holds(r.when) for r in rules}
        yield from self._ask(event, "another rule answers", self.relation.either(
            z3.Xor(term, self.other(term)) for term in fires.values()))
        for rule in rules:
            self.solver.push()
            self.solver.add(fires[rule.id])
            yield from self._ask(event, f"{rule.id} writes otherwise", self.relation.either(
                after != self.other(after) for after in self._written(rule)))
            self.solver.pop()
        self.solver.pop()

    def _written(self, rule: Rule) -> Iterator[Term]:
        """The term after the rule of every column that it can change."""
        for _, after in self.relation.effects(rule):
            yield after

    def _ask(self, event: str, says: str, term: Term) -> Iterator[Apart]:
        self.solver.push()
        self.solver.add(term)
        answer = self.solver.check()
        if answer == z3.sat:
            model = self.solver.model()
            one = self.relation.read(model)
            other = {
                name: str(model.eval(primed, model_completion=True)).partition(".")[2]
                for (name, _), (_, primed) in zip(
                    self.relation.now.items(), self.primed, strict=True)
            }
            hidden = ", ".join(c for c in one if one[c] != other[c])
            yield Apart(f"{event}: {says} by {hidden}, which {self.node} cannot know",
                        event, one, other)
        elif answer != z3.unsat:
            yield Apart(f"{event}: the solver gave up", event, {}, {})
        self.solver.pop()
