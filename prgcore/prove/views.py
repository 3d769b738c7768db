"""F8: a node's decision, and all that it writes, is the same whatever it cannot know.

Law: asked of two pairs at once that a node cannot tell apart, both inside the invariants, in both
of which the event can happen. F6 reads the cells of rules one by one; this reads none: it asks
the solver whether two pairs are answered otherwise. It is what lets each node decide alone
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
    """Two pairs that a node cannot tell apart, and what is decided differently in them."""

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
    """What came of asking: the events, whether anything is hidden from a node, what differs."""

    asked: tuple[str, ...]
    hidden: bool
    apart: tuple[Apart, ...]


def told_apart(model: Model, held: tuple[str, ...]) -> Views:
    """Whether a node decides anything by what it cannot know.

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
        """An event at this node, that it decides or that happens to it."""
        return event.endswith(f"({self.node})") and next(
            e.kind for e in self.model.events if e.name == event) is not Kind.COMMAND

    def other(self, term: Term) -> Term:
        """A term about the first pair, of the second one."""
        return z3.substitute(term, *self.primed)

    def _knows(self, column: Column, columns: dict[str, Column]) -> bool:
        """What it observes, the record, its own process, and what it hears."""
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
        """Whether two different pairs can be meant, or the question is empty."""
        happens = self.relation.happens(event)
        self.solver.push()
        self.solver.add(happens, self.other(happens), self.relation.either(
            now != primed for now, primed in self.primed))
        answer = self.solver.check()
        self.solver.pop()
        return bool(answer != z3.unsat)

    def differ(self, event: str) -> Iterator[Apart]:
        """What of an event is decided differently in two such pairs."""
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
        """What the rule makes of every column that it can change."""
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
