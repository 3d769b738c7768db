"""Obligations that hold of the table alone, and totality under the invariant.

F1 is decided twice: by `prgcore.form.wellformed` without a solver, and here by Z3. Guard checks ask
whether an event is done only in pairs in which it may be.
"""

from __future__ import annotations

from itertools import combinations

import z3
from attrs import evolve, frozen

from prgcore.model import AcceptedOnly, Exclusive, Model, OnlyBy, Possible, Rule
from prgcore.prove.induction import RLIMIT, half
from prgcore.prove.relation import Relation, Term
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Witness", "accepted_only", "exclusive", "holes", "only_by", "overlaps", "untruthful"]


@frozen
class Witness:
    """A pair that shows that a check of the table fails; no pair where the solver gave up."""

    says: str
    pair: dict[str, str] | None = None
    event: str = ""
    rule: str = ""


def _find(relation: Relation, solver: Term, terms: list[Term]) -> dict[str, str] | None:
    """A pair that satisfies the terms, None if there is none, empty if the solver gave up."""
    solver.push()
    solver.add(*terms)
    answer = solver.check()
    pair = relation.read(solver.model()) if answer == z3.sat else {}
    solver.pop()
    return None if answer == z3.unsat else pair


def overlaps(model: Model) -> tuple[Witness, ...]:
    """Pairs of rules of one event whose cells hold together (F1)."""
    relation = Relation(model)
    solver = relation.solver(RLIMIT)
    found = []
    by_event: dict[str, list[int]] = {}
    for number, rule in enumerate(model.rules):
        by_event.setdefault(rule.event, []).append(number)
    for numbers in by_event.values():
        for one, other in combinations(numbers, 2):
            first, second = model.rules[one], model.rules[other]
            pair = _find(relation, solver, [
                relation.happens(first.event), relation.holds(first.when),
                relation.holds(second.when),
            ])
            if pair is not None:
                says = f"{first.id} and {second.id} both answer {first.event}"
                found.append(Witness(says, pair or None, first.event, first.id))
    return tuple(found)


def holes(model: Model, proved: tuple[str, ...]) -> tuple[Witness, ...]:
    """Events that are possible, inside the invariants, where no rule answers (F2)."""
    relation = Relation(model)
    solver = relation.solver(RLIMIT)
    solver.add(relation.inside(proved))
    found = []
    asked = {r.event for r in half(model)}
    skipped = {r.event for r in model.rules} - asked
    for event in model.events:
        if event.kind is Kind.COMMAND or event.name in skipped:
            continue
        answers = [relation.holds(r.when) for r in model.rules if r.event == event.name]
        pair = _find(relation, solver, [
            relation.happens(event.name), z3.Not(relation.either(answers))
        ])
        if pair is not None:
            says = f"no rule answers {event.name}"
            found.append(Witness(says, pair or None, event.name))
    return tuple(found)


def _done(relation: Relation, event: str) -> Term:
    return relation.either([
        relation.fires(r) for r in relation.model.rules
        if r.event == event and r.outcome is Outcome.DONE
    ])


def accepted_only(
    relation: Relation, check: AcceptedOnly, proved: tuple[str, ...]
) -> tuple[Witness, ...]:
    """The pairs where the event is done outside the cubes or, if `exactly`, not done inside them."""
    solver = relation.solver(RLIMIT)
    inside = relation.either([relation.holds(c) for c in check.when])
    done = _done(relation, check.command)
    found = []
    pair = _find(relation, solver, [done, z3.Not(inside)])
    if pair is not None:
        found.append(Witness(
            f"{check.command} is done outside what {check.id} allows", pair or None,
            check.command,
        ))
    if check.exactly:
        solver.add(relation.inside(proved))
        pair = _find(relation, solver, [inside, z3.Not(done)])
        if pair is not None:
            found.append(Witness(
                f"{check.command} is not done where {check.id} asks for it", pair or None,
                check.command,
            ))
    return tuple(found)


def exclusive(relation: Relation, check: Exclusive) -> tuple[Witness, ...]:
    """Pairs that accept two of the commands by name, or one where none may be."""
    model, solver = relation.model, relation.solver(RLIMIT)
    names = {
        name: relation.either([
            _done(relation, e.name) for e in model.events
            if name in (e.name, e.name.partition("(")[0])
        ])
        for name in check.commands
    }
    found = []
    for one, other in combinations(names, 2):
        pair = _find(relation, solver, [names[one], names[other]])
        if pair is not None:
            found.append(Witness(f"{one} and {other} are both accepted", pair or None))
    never = relation.either([relation.holds(c) for c in check.never_in])
    for name, term in names.items():
        pair = _find(relation, solver, [term, never])
        if pair is not None:
            found.append(Witness(f"{name} is accepted where nothing may be", pair or None))
    return tuple(found)


def only_by(
    relation: Relation, check: OnlyBy, rules: tuple[Rule, ...] | None = None
) -> tuple[Witness, ...]:
    """The rules that put this value into the column and may not, among all rules or these."""
    model, solver = relation.model, relation.solver(RLIMIT)
    becomes = relation.is_in(check.column, (check.value,))
    read = {check.column}.union(*(c.sources for c in model.columns if c.name == check.column))
    allowed, found = dict(check.when), []
    asked: list[tuple[Rule, list[Term]]] = []
    for rule in model.rules if rules is None else rules:
        here = allowed.get(rule.event)
        free = rule.event in check.events and here is None
        if not free and any(e.target in read for e in rule.then):
            some = evolve(rule, then=tuple(e for e in rule.then if e.target in read))
            asked.append((rule, [
                relation.fires(rule), z3.Not(becomes), relation.after(some, becomes),
                *([] if here is None else [z3.Not(relation.holds(here))]),
            ]))
    # all rules at once; each alone only if one of them does
    if _find(relation, solver, [relation.either(relation.both(t) for _, t in asked)]) is None:
        return ()
    for rule, terms in asked:
        pair = _find(relation, solver, terms)
        if pair is not None:
            where = f" outside what {check.id} allows" if rule.event in allowed else ""
            says = f"{rule.id} sets {check.column} to {check.value}{where}"
            found.append(Witness(says, pair or None, rule.event, rule.id))
    return tuple(found)


def untruthful(model: Model) -> tuple[Possible, ...]:
    """The cubes in which timers can happen if no failure detector tells the truth (S18).

    A timer of a node keeps the cells about that node. Cells about the environment elsewhere (the
    link, the peer's process) are dropped.
    """
    stored = {c.name for c in model.columns if c.observed_by == "environment"}
    behind = {c.name: set(c.sources or (c.name,)) & stored for c in model.columns}
    timers = {e.name: e.decider for e in model.events if e.kind is Kind.TIMER}

    def keeps(entry: Possible, column: str) -> bool:
        own = timers.get(entry.event)
        return own is None or all(c.startswith(f"{own}.") for c in behind[column])

    return tuple(
        Possible(p.event, type(p.when)(tuple(c for c in p.when if keeps(p, c.column))))
        for p in model.possible
    )
