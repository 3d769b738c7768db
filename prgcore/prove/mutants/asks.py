"""F9 as a table: which duties a rule meets, and which actions do harm after it.

Law: both are facts of a rule's steps, whatever it asks for, so the solver is asked once for all
mutants of the actions. `prgcore.prove.duties` is what is promised: the two must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import z3
from attrs import define, field

from prgcore.model import Action, Cube, Duty, Rule
from prgcore.prove.duties import disorder, may_meet
from prgcore.prove.relation import Relation, Term
from prgcore.vocabulary import Outcome

__all__ = ["Asks"]


@define(eq=False)
class Asks:
    """The duties of a machine and the steps of its rules.

    Attributes:
        solver: holds the invariants that are proved of every pair.
    """

    relation: Relation
    solver: Term
    _met: dict[tuple[int, Duty], bool] = field(factory=dict)
    _harms: dict[tuple[int, tuple[Cube, ...]], bool] = field(factory=dict)
    _after: dict[int, tuple[Rule, Term, list[tuple[Term, Term]]]] = field(factory=dict)

    def met(self, rule: Rule, duties: tuple[Duty, ...]) -> tuple[Duty, ...]:
        """The duties that some step of a rule inside the invariants meets."""
        return tuple(d for d in may_meet(duties, rule, self.relation.model) if self._meets(rule, d))

    def _meets(self, rule: Rule, duty: Duty) -> bool:
        key = id(rule), duty
        if key not in self._met:
            before = self.relation.holds(duty.before)
            self._met[key] = self._some(rule, before, self._leads(rule, [duty.after]))
        return self._met[key]

    def harms(self, rule: Rule, harmless: tuple[Cube, ...]) -> bool:
        """Whether some step of a rule leads out of these cubes."""
        key = id(rule), harmless
        if key not in self._harms:
            self._harms[key] = self._some(rule, z3.Not(self._leads(rule, harmless)))
        return self._harms[key]

    def _steps(self, rule: Rule) -> tuple[Rule, Term, list[tuple[Term, Term]]]:
        """The term that a rule fires, and its effects; the rule is kept, so its id is its own."""
        known = self._after.get(id(rule))
        if known is None or known[0] is not rule:
            known = rule, self.relation.fires(rule), self.relation.effects(rule)
            self._after[id(rule)] = known
        return known

    def _leads(self, rule: Rule, into: Iterable[Cube]) -> Term:
        after = self.relation.either([self.relation.holds(cube) for cube in into])
        return z3.substitute(after, *self._steps(rule)[2])

    def _some(self, rule: Rule, *terms: Term) -> bool:
        """Whether some step of a rule is as the terms say, or the solver gave up."""
        self.solver.push()
        self.solver.add(self._steps(rule)[1], *terms)
        answer = self.solver.check()
        self.solver.pop()
        return bool(answer != z3.unsat)

    def wrong(self, rule: Rule, actions: tuple[Action, ...], duties: tuple[Duty, ...]) -> str:
        """The first fault of a rule that asks for these actions; empty if there is none."""
        return next(self.faults(rule, actions, duties), "")

    def faults(
        self, rule: Rule, actions: tuple[Action, ...], duties: tuple[Duty, ...]
    ) -> Iterator[str]:
        """Every fault of a rule that asks for these actions."""
        if rule.outcome is not Outcome.DONE:
            return
        met = self.met(rule, duties)
        asks = {*actions}
        for duty in met:
            if not {*duty.asks} <= asks:
                yield f"lacks ({duty.id})"
            if any(True for _ in disorder(actions, duty)):
                yield f"disorder ({duty.id})"
        for action in asks:
            speak = [d for d in duties if action in d.asks]
            if not speak or actions.count(action) > 1 or not any(action in d.asks for d in met):
                yield f"needless ({action})"
            elif self.harms(rule, tuple(c for d in speak for c in d.harmless or (d.after,))):
                yield f"harm ({action})"
