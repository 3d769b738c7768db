"""M1: every mutant of the table is killed by an obligation, or proved equivalent.

A mutant is one rule changed in one place, in both seats where the machine is mirrored. A cell is
dropped or widened by a value, an effect or an entry of a map is dropped or swapped, or the row is
removed. The cheap obligations are asked first, and only about the rule that
changed: the invariants are inductive under every other rule already. Mutants that they do not
kill are searched.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count
from typing import Any

import numpy as np
import z3
from attrs import define, evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted
from prgcore.form.wellformed import knowledge
from prgcore.model import Action, By, Cell, Const, Copy, Cube, Effect, Model, Rule
from prgcore.prove import document, table
from prgcore.prove.duties import Duties
from prgcore.prove.induction import RLIMIT, Proof, half, induct, is_mirrored, touched
from prgcore.prove.obligations import obligations
from prgcore.prove.relation import Relation, Term
from prgcore.prove.space import Space, search
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.seats import mirror_name, mirror_rule
from prgcore.vocabulary import Kind, Method, Outcome, Verdict

__all__ = [
    "EQUIVALENT", "SURVIVED", "Killer", "Mutant", "fates", "mutants", "mutate", "obligation",
    "sample",
]

EQUIVALENT = ("equivalent: solver", "equivalent: search", "equivalent: duties")
SURVIVED = "survived"


@frozen
class Mutant:
    """A rule changed in one place; its rule is None where the row is removed."""

    original: Rule
    changed: Rule | None
    what: str


# ---------------------------------------------------------------- making


def mutants(model: Model) -> tuple[Mutant, ...]:
    """Every mutant of one rule of each mirror pair, in the order of the table."""
    domains = model.domains
    mirrored = is_mirrored(model)
    asked = tuple(dict.fromkeys(a for d in model.duties for a in d.asks))
    found: list[Mutant] = []
    for rule in half(model):
        found.append(Mutant(rule, None, "row removed"))
        alike = mirrored and mirror_name(rule.id) == rule.id
        found += [Mutant(rule, changed, what) for changed, what in _cells(rule, domains, alike)]
        if rule.outcome is Outcome.DONE:
            found += [
                Mutant(rule, changed, what) for changed, what in _effects(rule, domains, alike)
            ]
            found += [
                Mutant(rule, evolve(rule, actions=actions), what)
                for actions, what in _actions(rule, asked, alike)
            ]
    return tuple(found)


def _images(name: str, alike: bool) -> set[str]:
    """A column, and its mirror where the rule is its own mirror."""
    return {name, mirror_name(name)} if alike else {name}


def _cells(
    rule: Rule, domains: dict[str, tuple[str, ...]], alike: bool
) -> Iterator[tuple[Rule, str]]:
    for cell in rule.when:
        names = _images(cell.column, alike)
        if cell.column != min(names):
            continue
        others = tuple(c for c in rule.when if c.column not in names)
        yield evolve(rule, when=Cube(others)), f"cell {cell.column} dropped"
        same = tuple(c for c in rule.when if c.column in names)
        for value in domains[cell.column]:
            if value not in cell.values:
                wider = tuple(Cell(c.column, (*c.values, value)) for c in same)
                yield evolve(rule, when=Cube(others + wider)), (
                    f"cell {cell.column} widened by {value}"
                )


def _effects(
    rule: Rule, domains: dict[str, tuple[str, ...]], alike: bool
) -> Iterator[tuple[Rule, str]]:
    for effect in rule.then:
        names = _images(effect.target, alike)
        if effect.target != min(names):
            continue
        others = tuple(e for e in rule.then if e.target not in names)
        yield evolve(rule, then=others), f"effect on {effect.target} dropped"
        same = [e for e in rule.then if e.target in names]
        for what, changes in _swaps(same, domains[effect.target]):
            yield evolve(rule, then=(*others, *changes)), f"effect on {effect.target}: {what}"


def _swaps(
    same: list[Effect], domain: tuple[str, ...]
) -> Iterator[tuple[str, tuple[Effect, ...]]]:
    """The effects of one column (and its mirror) with one value changed."""
    match same[0].value:
        case Const(constant):
            for value in domain:
                if value != constant:
                    yield f"{constant} -> {value}", tuple(
                        evolve(e, value=Const(value)) for e in same
                    )
        case By(_, table):
            for at, (given, constant) in enumerate(table):
                yield f"entry {given} dropped", tuple(
                    _entry(e, at, None) for e in same
                )
                value = domain[(domain.index(constant) + 1) % len(domain)]
                yield f"entry {given}: {constant} -> {value}", tuple(
                    _entry(e, at, value) for e in same
                )
        case Copy():
            for value in domain:
                yield f"copy -> {value}", tuple(evolve(e, value=Const(value)) for e in same)


def _entry(effect: Effect, at: int, value: str | None) -> Effect:
    assert isinstance(effect.value, By), "BUG: the mirror of a map is a map"
    table = list(effect.value.table)
    given = table.pop(at)[0]
    if value is not None:
        table.insert(at, (given, value))
    return evolve(effect, value=By(effect.value.column, tuple(table)))


def _actions(
    rule: Rule, asked: tuple[Action, ...], alike: bool
) -> Iterator[tuple[tuple[Action, ...], str]]:
    """Mutants of the actions: one dropped, two neighbours exchanged, or one added.

    Without duties nothing says what actions are for, so no action is changed.
    """
    if not asked:
        return
    for action in (*rule.actions, *(a for a in asked if a not in rule.actions)):
        images = {action}
        if alike and action.node:
            images.add(Action(action.do, mirror_name(action.node)))
        if action != min(images, key=str):
            continue
        if action in rule.actions:
            yield tuple(a for a in rule.actions if a not in images), f"action {action} dropped"
        else:
            more = tuple(sorted(images, key=str))
            yield (*rule.actions, *more), f"action {action} added"
    for n, (one, two) in enumerate(zip(rule.actions, rule.actions[1:], strict=False)):
        swapped = (*rule.actions[:n], two, one, *rule.actions[n + 2:])
        yield swapped, f"actions {one}, {two} exchanged"


def mutate(model: Model, mutant: Mutant) -> Model:
    """The machine with the mutant in place of its rule, and of the mirror image of that rule."""
    image = mirror_rule(mutant.original).id if is_mirrored(model) else mutant.original.id
    rules = []
    for rule in model.rules:
        if rule.id == mutant.original.id:
            rules += [mutant.changed] if mutant.changed else []
        elif rule.id == image:
            rules += [mirror_rule(mutant.changed)] if mutant.changed else []
        else:
            rules.append(rule)
    return evolve(model, rules=tuple(rules))


# ---------------------------------------------------------------- killing


@define(eq=False)
class Killer:
    """The facts about the original machine that are needed to judge one changed rule at a time."""

    model: Model
    relation: Relation = field(init=False)
    solver: Term = field(init=False)
    broken: Term = field(init=False)
    space: Space = field(init=False)
    proved: tuple[str, ...] = field(init=False)
    duties: Duties = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.relation = Relation(self.model)
        self.solver = self.relation.solver(RLIMIT)
        self.proved = induct(self.model).proved
        inside = self.relation.inside(self.proved)
        self.broken = z3.Not(inside)
        self.solver.add(inside)
        self.duties = Duties(self.relation, self.solver)
        self.space = search(self.model)

    def fate(self, mutant: Mutant) -> str:
        """The obligation that kills the mutant, or why it is equivalent, or that it survived."""
        if mutant.changed and mutant.changed.actions != mutant.original.actions:
            return self._asks(mutant.changed)
        for ask in (self._form, self._totality, self._induction, self._guards, self._same):
            answer = ask(mutant)
            if answer:
                return answer
        machine = Engine(mutate(self.model, mutant))
        for id_, ask_stories in (("C1", document.causes), ("C5", document.stories)):
            if ask_stories(machine).wrong:
                return id_
        return self._searched(machine)

    def _ask(self, *terms: Term) -> Term:
        """Whether a pair inside the invariants satisfies the terms: sat, unsat or unknown."""
        self.solver.push()
        self.solver.add(*terms)
        answer = self.solver.check()
        self.solver.pop()
        return answer

    def _asks(self, rule: Rule) -> str:
        """F9 for a rule that asks for other actions: no other obligation reads them."""
        if not rule.then and not rule.actions:
            return "form"
        return "F9" if self.duties.wrong(rule) else EQUIVALENT[2]

    def _siblings(self, mutant: Mutant) -> list[Rule]:
        return [
            r for r in self.model.rules
            if r.event == mutant.original.event and r.id != mutant.original.id
        ]

    def _form(self, mutant: Mutant) -> str:
        """F1 (anywhere, so without the invariants), F6, and the form of a done rule."""
        rule = mutant.changed
        if rule is None:
            return ""
        if rule.outcome is Outcome.DONE and not rule.then and not rule.actions:
            return "form"
        solver = self.relation.solver(RLIMIT)
        solver.add(self.relation.holds(rule.when))
        solver.add(self.relation.either([
            self.relation.holds(other.when) for other in self._siblings(mutant)
        ]))
        if solver.check() == z3.sat:
            return "F1"
        if knowledge(evolve(self.model, rules=(rule,))):
            return "F6"
        return ""

    def _totality(self, mutant: Mutant) -> str:
        event = mutant.original.event
        kind = next(e.kind for e in self.model.events if e.name == event)
        if kind is Kind.COMMAND:
            return ""
        answers = [self.relation.holds(r.when) for r in self._siblings(mutant)]
        if mutant.changed:
            answers.append(self.relation.holds(mutant.changed.when))
        hole = z3.Not(self.relation.either(answers))
        return "F2" if self._ask(self.relation.happens(event), hole) == z3.sat else ""

    def _induction(self, mutant: Mutant) -> str:
        rule = mutant.changed
        if rule is None or not rule.then:
            return ""
        after = self.relation.after(rule, self.broken)
        return "S" if self._ask(self.relation.fires(rule), after) == z3.sat else ""

    def _guards(self, mutant: Mutant) -> str:
        model, name = mutate(self.model, mutant), mutant.original.event
        changed = touched(mutant.changed, model) if mutant.changed else set()
        others = set(self.model.rules)
        rules = tuple(r for r in model.rules if r not in others)
        relation = Relation(model)
        wrong = (
            *(table.accepted_only(relation, check, self.proved)
              for check in model.accepted_only if check.command == name),
            *(table.exclusive(relation, check)
              for check in model.exclusive if {name, name.partition("(")[0]} & {*check.commands}),
            *(table.only_by(relation, check, rules)
              for check in model.only_by if check.column in changed),
        )
        return "F5" if any(w.pair for found in wrong for w in found) else ""

    def _same(self, mutant: Mutant) -> str:
        """The proof that the rules are equal, under the invariants or on every pair; empty: none."""
        rule, old = mutant.changed, mutant.original
        relation = self.relation
        fires = relation.fires(old)
        if rule is None:
            dead = old.outcome is Outcome.DONE and self._ask(fires) == z3.unsat
            return EQUIVALENT[0] if dead else ""
        differs = [
            now != new
            for now, new in (
                (relation.after(old, t), relation.after(rule, t)) for t in relation.now.values()
            )
            if not now.eq(new)
        ]
        now_fires = relation.fires(rule)
        answer = self._ask(relation.either([
            now_fires != fires, z3.And(fires, relation.either(differs))
        ]))
        if answer == z3.unsat:
            return EQUIVALENT[0]
        return EQUIVALENT[1] if self._equal_when_reachable(old, rule) else ""

    def _equal_when_reachable(self, old: Rule, rule: Rule) -> bool:
        space = self.space
        possible = [p.when for p in self.model.possible if p.event == old.event]

        def where(candidate: Rule) -> Any:
            mask = space.codec.test(candidate.when).mask(space.codes)
            if possible:
                happens = np.zeros(len(space), np.bool_)
                for cube in possible:
                    happens |= space.codec.test(cube).mask(space.codes)
                mask &= happens
            return np.flatnonzero(mask)

        before, now = where(old), where(rule)
        if len(before) != len(now) or (before != now).any():
            return False
        codes = [c[now] for c in space.codes]
        first = space.codec.move(old).apply(space.codec, codes)
        second = space.codec.move(rule).apply(space.codec, codes)
        return all((a == b).all() for a, b in zip(first, second, strict=True))

    def _searched(self, machine: Engine) -> str:
        """The obligation that kills the mutant, of those that need its reachable pairs, or SURVIVED."""
        work = Work(machine, known=Proof(self.proved, seconds=dict.fromkeys(self.proved, 0.0)))
        asked = {"F2", "F4", "F7", "C2", "C3", "C4", "L1", "L2"}
        asked |= {i.id for i in self.model.invariants if i.exactly or i.id not in self.proved}
        try:
            for obligation in obligations(machine.model):
                if obligation.id in asked and obligation.run(work).verdict in (
                        Verdict.REFUTED, Verdict.VACUOUS):
                    return obligation.id
        except BudgetExhausted:
            return SURVIVED
        return SURVIVED


# ---------------------------------------------------------------- running

_killer: Killer | None = None


def _begin(model: Model) -> None:
    global _killer  # noqa: PLW0603, one per worker process
    _killer = Killer(model)


def _fate(mutant: Mutant) -> str:
    assert _killer is not None, "BUG: a worker without a killer"
    return _killer.fate(mutant)


def fates(
    model: Model, chosen: tuple[Mutant, ...], workers: int | None = None
) -> Iterator[tuple[Mutant, str]]:
    """The fate of each mutant, in order, worked out on all cores."""
    count = min(workers or cpu_count() or 1, max(1, len(chosen)))
    if count == 1:
        killer = Killer(model)
        for mutant in chosen:
            yield mutant, killer.fate(mutant)
        return
    with ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=(model,)
    ) as pool:
        yield from zip(chosen, pool.map(_fate, chosen, chunksize=8), strict=True)


def sample(model: Model, count: int, seed: int) -> tuple[Mutant, ...]:
    """Some mutants, the same for the same seed; all of them for a count of 0."""
    every = mutants(model)
    if not count or count >= len(every):
        return every
    at = sorted(random.Random(seed).sample(range(len(every)), count))  # noqa: S311
    return tuple(every[i] for i in at)


def obligation(count: int, seed: int) -> Obligation:
    """M1 over a sample, or over all mutants."""

    def run(work: Work) -> Judgement:
        refuted = [i.id for i in work.model.invariants if i.id not in work.held]
        if refuted:
            says = f"{', '.join(refuted)} must hold before the table is broken on purpose"
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": says})
        chosen = sample(work.model, count, seed)
        killed: Counter[str] = Counter()
        survivors = []
        for number, (mutant, fate) in enumerate(fates(work.model, chosen)):
            killed[fate] += 1
            if fate == SURVIVED:
                survivors.append(f"{mutant.original.id}: {mutant.what}")
            if work.progress:
                work.progress("M1", number + 1, len(chosen))
        equal = sum(killed[e] for e in EQUIVALENT)
        detail: dict[str, Any] = {
            "mutants": len(chosen), "of": len(mutants(work.model)), "seed": seed,
            "killed": len(chosen) - equal - len(survivors), "equivalent": equal,
            "surviving": len(survivors), "by": dict(sorted(killed.items())),
            "survivors": survivors,
        }
        if survivors:
            detail["says"] = "no obligation notices: " + "; ".join(survivors[:10])
            return Judgement(Verdict.REFUTED, Method.SEARCH, detail)
        return Judgement(Verdict.PROVED, Method.SEARCH, detail)

    return Obligation("M1", "every mutant of the table is killed, or proved equivalent", run)
