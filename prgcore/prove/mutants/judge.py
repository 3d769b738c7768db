"""The judge: which obligation notices a mutant, or why none has to.

Law: a fate is true of its mutant. A mutant is *killed* where `prgcore prove` would not pass it,
*equivalent* where every reachable edge is the same, the order of actions included, *unordered* where
only an order of actions differs of which no duty speaks. The cheap questions come first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from attrs import define, evolve, field

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted
from prgcore.form.knowledge import knowledge
from prgcore.form.strength import gaps
from prgcore.form.wellformed import Stored
from prgcore.model import Action, Cell, Column, Cube, Duty, Invariant, Model, Possible, Rule
from prgcore.prove import document, vacuity
from prgcore.prove.assumed import Shipped
from prgcore.prove.induction import RLIMIT, Proof, half, induct
from prgcore.prove.mutants import rules
from prgcore.prove.mutants.asks import Asks
from prgcore.prove.mutants.edges import Change, Reached, Steps
from prgcore.prove.mutants.held import Held
from prgcore.prove.mutants.local import Local
from prgcore.prove.mutants.promised import EQUIVALENT, SECTIONS, SURVIVED, Promised
from prgcore.prove.mutants.shape import Mutant, Seats, mutate
from prgcore.prove.mutants.told import Told
from prgcore.prove.obligations import obligations
from prgcore.prove.relation import Relation
from prgcore.prove.theorems import Restated
from prgcore.prove.timer_mutants import TimerMutant, equivalent, noticed
from prgcore.prove.work import Work
from prgcore.seats import Mirror
from prgcore.vocabulary import Kind, Outcome, Verdict

__all__ = ["EQUIVALENT", "SURVIVED", "UNORDERED", "Judge"]

UNORDERED = "unordered"
"""Every other fate is the obligation that notices the mutant."""

_SAMPLE = 4096
"""So many pairs show what a derived entry changes, before all of them are asked."""


@define(eq=False)
class Judge:
    """The facts about the machine that are needed to judge its mutants, each worked out when needed.

    Attributes:
        restated: what theorem files say once more of its invariants.
    """

    model: Model
    restated: tuple[Restated, ...] = ()
    mirror: Mirror | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.mirror = Seats(self.model).mirror

    @cached_property
    def work(self) -> Work:
        """The searches and proofs of the machine."""
        return Work(Engine(self.model))

    @cached_property
    def reached(self) -> Reached:
        """The reachable steps."""
        return Reached(self.work.space)

    @cached_property
    def local(self) -> Local:
        """The obligations that one step can break."""
        return Local(self.reached)

    @cached_property
    def told(self) -> Told:
        """The causes and the stories."""
        return Told(self.reached)

    @cached_property
    def proof(self) -> Proof:
        """The induction."""
        return induct(self.model)

    @cached_property
    def asks(self) -> Asks:
        """F9 of the original steps."""
        relation = Relation(self.model)
        solver = relation.solver(RLIMIT)
        solver.add(relation.inside(self.proof.proved))
        return Asks(relation, solver)

    @cached_property
    def stored(self) -> Stored:
        """The stored pairs as a set."""
        return Stored(self.model.columns)

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        return {e.name: e.kind for e in self.model.events}

    def fate(self, mutant: Mutant) -> str:
        """The obligation that notices a mutant, or EQUIVALENT, UNORDERED or SURVIVED."""
        match mutant.old:
            case _ if mutant.section in SECTIONS:
                found = self.promised.fate(mutant)
            case Rule():
                found = self._rule(mutant)
            case Column():
                found = self._derived(mutant)
            case Possible():
                found = self._possible(mutant)
            case Duty():
                found = self._duty(mutant)
            case Invariant():
                found = self._invariant(mutant)
            case _:
                found = self._time(mutant.old)
        return found

    @cached_property
    def promised(self) -> Promised:
        """The judge of the sections that no step reads."""
        return Promised(self.work, self.restated)

    # -------------------------------------------------------------- invariants

    def _invariant(self, mutant: Mutant) -> str:
        """A theorem that restates it, a combination that it allows, or what needs it."""
        old, new = mutant.old, mutant.new
        model = mutate(self.model, mutant)
        if any(old.id in r.ids and isinstance(r.stated, Invariant)
               and r.lacks(model, self.stored) for r in self.restated):
            return "proofs"
        if new is not None and new.exactly and (
                {*document.combinations(model, new)} - {*document.combinations(self.model, old)}):
            return str(old.id)
        found = self.held.without(old, new)
        return EQUIVALENT if found == "equivalent" else found or SURVIVED

    @cached_property
    def held(self) -> Held:
        """The solver, with what each invariant is needed for."""
        return Held(self.model, self.proof.proved)

    # ------------------------------------------------------------------ duties

    def _duty(self, mutant: Mutant) -> str:
        """F9 with the changed duty, or a mutant of a rule that it notices no more."""
        duties = mutate(self.model, mutant).duties
        half_ = half(self.model)
        if any(self.asks.wrong(r, r.actions, duties) for r in half_):
            return "F9"
        theirs = {id(d) for d in self.model.duties}
        fresh = [d for d in duties if id(d) not in theirs]
        if any(True for d in fresh for _ in vacuity.empty(self.work, d)):
            return "F9"
        for rule, actions in self._disobedient:
            if not self.asks.wrong(rule, actions, duties):
                return "M1"
        local = self.local.with_duties(duties)
        for other in self._merged:
            assert other.answered is not None, "BUG: a rule that answers for no other"
            changes = list(self.reached.of_two(other.new, other.answered))
            if self._changed(other, changes, self.reached.steps, local) == SURVIVED:
                return "M1"
        return SURVIVED

    @cached_property
    def _merged(self) -> list[Mutant]:
        """The rules that answer for another one too, and F9 alone notices it."""
        return [m for m in rules.mutants(self.model) if m.answered and self.fate(m) == "F9"]

    @cached_property
    def _disobedient(self) -> list[tuple[Rule, tuple[Action, ...]]]:
        """The rules with other actions that F9 notices."""
        return [
            (m.old, m.new.actions) for m in rules.mutants(self.model)
            if m.new is not None and m.new.actions != m.old.actions
            and self.asks.wrong(m.old, m.new.actions, self.model.duties)
        ]

    # ------------------------------------------------------------------- rules

    def _rule(self, mutant: Mutant) -> str:
        old, new = mutant.old, mutant.new
        if mutant.answered:
            changes = list(self.reached.of_two(new, mutant.answered))
            return self._changed(mutant, changes, self.reached.steps) if changes else EQUIVALENT
        if new is not None:
            if new.outcome is Outcome.DONE and not new.then and not new.actions:
                return "form"
            if new.actions != old.actions:
                return self._actions(old, new)
            found = self._table(old, new)
            if found:
                return found
        changes = list(self.reached.of_rule(old, new))
        return self._changed(mutant, changes, self.reached.steps) if changes else EQUIVALENT

    def _actions(self, old: Rule, new: Rule) -> str:
        """F9 for a rule that asks for other actions: no other obligation reads them."""
        if self.asks.wrong(old, new.actions, self.model.duties):
            return "F9"
        if not len(self.reached.source(old)):
            return EQUIVALENT
        same = sorted(map(str, new.actions)) == sorted(map(str, old.actions))
        return UNORDERED if same else SURVIVED

    def _table(self, old: Rule, new: Rule) -> str:
        """F1, F6 and F5, as the table alone shows them."""
        if new.when is not old.when and self._overlaps(old, new):
            return "F1"
        if knowledge(evolve(self.model, rules=(new,))):
            return "F6"
        if new.when is not old.when and new.outcome is Outcome.DONE:
            for check in self.model.accepted_only:
                if check.command == new.event and any(
                        self.stored.outside(cube, check.when)
                        for cube in self._fires(new)):
                    return "F5"
        return ""

    def _overlaps(self, old: Rule, new: Rule) -> bool:
        return any(
            self.stored.find([cube, other.when]) is not None
            for cube in self._fires(new) for other in self.model.rules
            if other.event == new.event and other.id != old.id
        )

    def _fires(self, rule: Rule) -> Iterator[Cube]:
        """The cubes in which a rule fires: one for every way in which its event can happen."""
        if self._kinds[rule.event] is Kind.COMMAND:
            yield rule.when
            return
        for entry in self.model.possible:
            if entry.event == rule.event:
                both = rule.when & entry.when
                if both is not None:
                    yield both

    # ----------------------------------------------------------------- derived

    def _derived(self, mutant: Mutant) -> str:
        model = mutate(self.model, mutant)
        if knowledge(model):
            return "F6"
        names = {new.name for _, new in mutant.edits}
        decided = {p.event for p in model.possible if names & {c.column for c in p.when}}
        if decided and self._strength(model, decided):
            return "F10"
        given = next(k for (k, a), (_, b) in zip(mutant.old.table, mutant.new.table, strict=True)
                     if a != b)
        pairs = self.reached.space.where(Cube(tuple(
            Cell(s, v) for s, v in zip(mutant.old.sources, given, strict=True)))).astype(np.int32)
        if not len(pairs):
            return EQUIVALENT
        codec = self.reached.space.codec
        for _, new in mutant.edits:
            codec = codec.with_column(new)
        steps = Steps(model, codec, self.reached.steps, frozenset(names))
        reading = [
            e.name for e in model.events
            if any(names & _reads(r) for r in model.rules if r.event == e.name)
            or any(names & {c.column for c in p.when} for p in model.possible if p.event == e.name)
        ]
        found = self.local.means(names, steps, self.reached.codes(pairs[:1]))
        if found:
            return found
        some = list(self.reached.of_pairs(steps, pairs[:_SAMPLE], reading))
        if some:
            found = self.local.notices(self.reached.nearest(some), steps)
            if found:
                return found
        changes = some if len(pairs) <= _SAMPLE else list(
            self.reached.of_pairs(steps, pairs, reading))
        return self._changed(mutant, changes, steps) if changes else EQUIVALENT

    # ---------------------------------------------------------- possible, and time

    def _possible(self, mutant: Mutant) -> str:
        """F10, else what the edges that come and go break."""
        model, event = mutate(self.model, mutant), mutant.old.event
        if self._strength(model, {event}):
            return "F10"
        steps = Steps(model, self.reached.space.codec, self.reached.steps)
        codes = self.reached.space.codes
        differ = steps.happens(event, codes) != self.reached.steps.happens(event, codes)
        pairs = np.flatnonzero(differ).astype(np.int32)
        changes = list(self.reached.of_pairs(steps, pairs, (event,)))
        return self._changed(mutant, changes, steps) if changes else EQUIVALENT

    def _strength(self, model: Model, events: set[str]) -> bool:
        """Whether F10 fails of some events."""
        return bool(gaps(evolve(
            model, possible=tuple(p for p in model.possible if p.event in events),
            adversary=tuple(a for a in model.adversary if a.event in events),
        )))

    def _time(self, mutant: TimerMutant) -> str:
        """The theorems about time say what they assume of the tables."""
        if noticed(mutant, self.stored):
            return "T"
        return EQUIVALENT if equivalent(mutant, self.stored, Shipped.of(self.model)) else SURVIVED

    # ---------------------------------------------------------- any changed edges

    def _changed(
        self, mutant: Mutant, changes: list[Change], steps: Steps, local: Local | None = None
    ) -> str:
        """The obligation that notices changed edges, or SURVIVED."""
        local = local or self.local
        found = local.notices(self.reached.nearest(changes), steps)
        if found:
            return found
        alive = self.reached.still(changes, self.mirror)
        sure = [part for c in changes if len((part := c.only(alive[c.source])).source)]
        found = local.notices(sure, steps)
        if found:
            return found
        model = mutate(self.model, mutant)
        found = self.told.notices(changes, lambda: Engine(model), self.mirror)
        return found or self._searched(Engine(model))

    def _searched(self, machine: Engine) -> str:
        """The obligation that notices a mutant, of those that need its reachable pairs, or SURVIVED."""
        work = Work(machine, known=Proof(
            self.proof.proved, seconds=dict.fromkeys(self.proof.proved, 0.0)))
        try:
            space = work.space
            if any(space.meets(c) for i in machine.model.invariants for c in i.never):
                return "S"
            asked = {"F2", "F4", "F7", "C2", "C3", "C4", "L1", "L2"}
            asked |= {i.id for i in self.model.invariants if i.exactly}
            for obligation in obligations(machine.model):
                if obligation.id in asked and obligation.run(work).verdict in (
                        Verdict.REFUTED, Verdict.VACUOUS):
                    return obligation.id
        except BudgetExhausted:
            return SURVIVED
        return SURVIVED


def _reads(rule: Rule) -> set[str]:
    """The columns that a rule reads: in its cells, and where it copies or maps one."""
    maps = {e.value.column for e in rule.then if hasattr(e.value, "column")}
    return maps | {c.column for c in rule.when}
