"""F8: a node's decision, and all that it writes, is the same whatever it cannot know.

Law: asks about two pairs at once that a node cannot tell apart. Both are inside the invariants,
and the event can happen in both. They agree in the columns that the node observes, in the record,
and, where the node hears its peer, in what it learns (section `hears`). F6 reads the cells of
rules one by one. F8 shares nothing with it: it reads no cell, and asks the solver whether two
pairs get different answers. F8 is why each node can decide alone (`prgcore.running.node`).
"""

from __future__ import annotations

from collections.abc import Iterator

import z3
from attrs import frozen

from prgcore.model import Event, Model, Rule
from prgcore.prove.induction import RLIMIT, is_mirrored
from prgcore.prove.relation import Relation, Term
from prgcore.seats import Mirror

__all__ = ["Apart", "Views", "hidden", "seated", "told_apart"]

_NO_NODE = ("administrator", "environment")


@frozen
class Apart:
    """Two pairs that a node cannot tell apart, and the decision that differs between them.

    Without pairs: the solver gave up.
    """

    says: str
    event: str
    one: dict[str, str]
    other: dict[str, str]


def seated(model: Model) -> tuple[str, ...]:
    """The nodes that decide something."""
    deciders = dict.fromkeys(e.decider for e in model.events)
    return tuple(d for d in deciders if d not in _NO_NODE)


def hidden(model: Model) -> tuple[str, ...]:
    """The nodes from which some stored column is hidden, of those that decide something."""
    observers = {c.observed_by for c in model.columns if not c.derived}
    return tuple(node for node in seated(model) if observers - {node, "record"})


@frozen
class Views:
    """The answer: the events asked, those of them in which something is hidden, the differences."""

    asked: tuple[str, ...]
    hidden: tuple[str, ...]
    apart: tuple[Apart, ...]


def told_apart(model: Model, held: tuple[str, ...]) -> Views:
    """Whether a node decides anything by columns that it cannot know, and the pairs that show it.

    Args:
        held: the invariants that are proved.
    """
    relation = Relation(model)
    nodes = list(seated(model))
    mirror = Mirror.of(model)
    if mirror and is_mirrored(model):
        nodes = [n for i, n in enumerate(nodes) if mirror.name(n) not in nodes[:i]]
    asked: list[str] = []
    hides: list[str] = []
    found: list[Apart] = []
    for node in nodes:
        views = _Views(relation, node, held)
        for event in filter(views.is_told, model.events):
            views.begin(event)
            answer = views.hides()
            if answer is None:
                found.append(Apart(f"{event.name}: the solver gave up", event.name, {}, {}))
            asked += [event.name] if answer is not False or views.happens() else []
            hides += [event.name] if answer else []
            found += views.differ()
            views.end()
    return Views(tuple(asked), tuple(hides), tuple(found))


class _Views:
    """Two copies of a pair that one node cannot tell apart."""

    def __init__(self, relation: Relation, node: str, held: tuple[str, ...]) -> None:
        self.relation, self.node, self.model = relation, node, relation.model
        self.primed = [
            (term, z3.Const(f"{name}'", term.sort())) for name, term in relation.now.items()]
        self.solver = relation.solver(RLIMIT)
        inside = relation.inside(held)
        self.solver.add(inside, self.other(inside))
        for column in self.model.columns:
            if not column.derived and column.observed_by in (node, "record"):
                self.solver.add(self._same(column.name))
        for hears in self.model.hears:
            if hears.node == node:
                learnt = relation.both(map(self._same, hears.learns))
                self.solver.add(z3.Implies(relation.holds(hears.when), learnt))

    def is_told(self, event: Event) -> bool:
        """Whether the node decides an event, or an event of the environment happens to it."""
        at = event.decider == "environment" and event.name.endswith(f"({self.node})")
        return event.decider == self.node or at

    def other(self, term: Term) -> Term:
        """The same term about the second pair instead of the first."""
        return self.relation.substituted(term, self.primed)

    def _same(self, name: str) -> Term:
        """Both pairs have the same value of a column, stored or derived."""
        if name in self.relation.now:
            now = self.relation.now[name]
            return now == self.other(now)
        holds = [self.relation.is_in(name, (value,)) for value in self.model.domains[name]]
        return self.relation.both(term == self.other(term) for term in holds)

    def begin(self, event: Event) -> None:
        """Ask about one event, which can happen in both pairs, until `end`.

        The agent of a node reports what happens to it, and knows whether the node runs.
        """
        self.event = event.name
        self.solver.push()
        happens = self.relation.happens(event.name)
        self.solver.add(happens, self.other(happens))
        if event.decider != self.node:
            self.solver.add(*(
                self._same(name) for name in self.relation.now if name.startswith(f"{self.node}.")))

    def end(self) -> None:
        self.solver.pop()

    def happens(self) -> bool:
        """Whether the event can happen at all, inside the invariants."""
        return bool(self.solver.check() != z3.unsat)

    def hides(self) -> bool | None:
        """Whether two different pairs are possible; if not, the question is empty. None: unknown."""
        self.solver.push()
        self.solver.add(self.relation.either(now != primed for now, primed in self.primed))
        answer = self.solver.check()
        self.solver.pop()
        return None if answer == z3.unknown else bool(answer == z3.sat)

    def differ(self) -> Iterator[Apart]:
        """The decisions that differ between two such pairs."""
        rules = [r for r in self.model.rules if r.event == self.event]
        fires = {r.id: self.relation.holds(r.when) for r in rules}
        yield from self._ask("another rule answers", self.relation.either(
            z3.Xor(term, self.other(term)) for term in fires.values()))
        for rule in rules:
            self.solver.push()
            self.solver.add(fires[rule.id])
            yield from self._ask(f"{rule.id} writes otherwise", self.relation.either(
                after != self.other(after) for after in self._written(rule)))
            self.solver.pop()

    def _written(self, rule: Rule) -> Iterator[Term]:
        """The term after the rule of every column that it can change."""
        for _, after in self.relation.effects(rule):
            yield after

    def _ask(self, says: str, term: Term) -> Iterator[Apart]:
        event = self.event
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
            by = ", ".join(c for c in one if one[c] != other[c])
            yield Apart(f"{event}: {says} by {by}, which {self.node} cannot know",
                        event, one, other)
        elif answer != z3.unsat:
            yield Apart(f"{event}: the solver gave up", event, {}, {})
        self.solver.pop()
