"""What needs an invariant: the induction of the others, and totality.

Law: asks the solver about pairs that only the changed invariant forbade. Nothing else can have
become possible.
"""

from __future__ import annotations

import z3
from attrs import define, field

from prgcore.model import Invariant, Model, Rule
from prgcore.prove.induction import RLIMIT, half, touched
from prgcore.prove.relation import Relation, Term
from prgcore.vocabulary import Kind

__all__ = ["Held"]


@define(eq=False)
class Held:
    """The invariants of a machine, and what fails when one of them forbids less.

    Attributes:
        proved: the ids of the invariants that are inductive together.
    """

    model: Model
    proved: tuple[str, ...]
    relation: Relation = field(init=False)
    solver: Term = field(init=False)
    _rules: list[tuple[Rule, Term, set[str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.relation = Relation(self.model)
        self.solver = self.relation.solver(RLIMIT)
        self._rules = [
            (r, self.relation.fires(r), touched(r, self.model)) for r in half(self.model) if r.then]

    def without(self, old: Invariant, new: Invariant | None) -> str:
        """The obligation that fails; `equivalent`, if the others forbid as much; else empty."""
        held = [i for i in self.model.invariants if i.id in self.proved and i.id != old.id]
        self.solver.push()
        try:
            self.solver.add(*(z3.Not(self.relation.broken(i)) for i in held))
            self.solver.add(self.relation.broken(old))
            if new is not None:
                self.solver.add(z3.Not(self.relation.broken(new)))
            if self.solver.check() == z3.unsat:
                return "equivalent"
            return self._fails([*held, *([new] if new else [])])
        finally:
            self.solver.pop()

    def _fails(self, held: list[Invariant]) -> str:
        """What goes wrong from the pairs that the solver holds: those that are allowed now."""
        for rule, fires, changes in self._rules:
            reads = [i for i in held if changes & {c.column for cube in i.never for c in cube}]
            broken = self.relation.either([self.relation.broken(i) for i in reads])
            if reads and self._some(fires, self.relation.after(rule, broken)):
                return "induction"
        for event in self.model.events:
            if event.kind is not Kind.COMMAND:
                answers = [self.relation.holds(r.when) for r in self.model.rules
                           if r.event == event.name]
                if self._some(self.relation.happens(event.name),
                              z3.Not(self.relation.either(answers))):
                    return "F2"
        return ""

    def _some(self, *terms: Term) -> bool:
        self.solver.push()
        self.solver.add(*terms)
        answer = self.solver.check()
        self.solver.pop()
        return bool(answer != z3.unsat)
