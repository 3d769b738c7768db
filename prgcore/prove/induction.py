"""Induction: every invariant, relative to the conjunction of all, over all pairs.

An invariant is inductive if no initial pair breaks it, and no rule does from a pair in which all
invariants hold. Otherwise it is dropped from the hypothesis, and the rest are asked again
(Houdini). The invariants that remain are proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter

import z3
from attrs import define, field, frozen

from prgcore.model import Invariant, Model, Rule
from prgcore.prove.mirrored import half, is_mirrored, unmirrored
from prgcore.prove.relation import Relation

__all__ = [
    "RLIMIT", "Proof", "Step", "breaks", "half", "induct", "is_mirrored", "touched", "unmirrored",
]

RLIMIT = 20_000_000
"""Resource budget of one query; beyond it the answer is unknown, never a pass."""


@frozen
class Step:
    """A counterexample to induction: `before` satisfies the hypothesis, `rule` breaks it.

    Whether the pair is reachable is another question.
    """

    invariant: str
    rule: str
    event: str
    before: dict[str, str]


@define
class Proof:
    """The result of the induction.

    Attributes:
        proved: ids of the invariants that are inductive together.
        steps: for the others, the step that breaks them.
        initial: ids that an initial pair breaks.
        unknown: ids for which the solver gave up.
        seconds: the time that each invariant took.
    """

    proved: tuple[str, ...] = ()
    steps: dict[str, Step] = field(factory=dict)
    initial: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    seconds: dict[str, float] = field(factory=dict)


def breaks(invariant: Invariant, pair: dict[str, str], model: Model) -> bool:
    """Whether a pair is in a cube of the invariant (by the tables, without a solver)."""
    derived = {c.name: c for c in model.columns if c.derived}

    def value(column: str) -> str:
        if column in pair:
            return pair[column]
        source = derived[column]
        return dict(source.table)[tuple(pair[s] for s in source.sources)]

    return any(all(value(c.column) in c.values for c in cube) for cube in invariant.never)


def induct(
    model: Model,
    invariants: Iterable[Invariant] | None = None,
    rules: tuple[Rule, ...] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Proof:
    """Prove invariants by induction, as many as possible.

    Args:
        invariants: the machine's own, unless given.
        rules: the rules to ask about. Unless given: one of every mirror pair for the machine's own
            invariants, and all for others, which need not be their own mirror.
    """
    asked = list(model.invariants if invariants is None else invariants)
    proof = Proof(seconds={i.id: 0.0 for i in asked})
    proof.initial = tuple(
        i.id for i in asked if any(breaks(i, dict(start), model) for start in model.initial)
    )
    held = [i for i in asked if i.id not in proof.initial]
    if rules is None:
        rules = half(model) if invariants is None else model.rules
    moving = [rule for rule in rules if rule.then]
    if held == asked and _together(model, moving, held, proof):
        proof.proved = tuple(i.id for i in held)
        return proof
    relation = Relation(model)
    while held:
        dropped = _round(relation, moving, held, proof, progress)
        if not dropped:
            break
        held = [i for i in held if i.id not in dropped]
    proof.proved = tuple(i.id for i in held)
    return proof


def _together(
    model: Model, rules: list[Rule], held: list[Invariant], proof: Proof
) -> bool:
    """Whether no rule breaks any invariant, asked once per rule.

    If one does, each invariant is asked alone, in a context that has not seen this question.
    """
    relation = Relation(model)
    solver = relation.solver(RLIMIT)
    terms = {i.id: relation.broken(i) for i in held}
    columns = {i.id: {c.column for cube in i.never for c in cube} for i in held}
    for term in terms.values():
        solver.add(z3.Not(term))
    for rule in rules:
        started, changes = perf_counter(), touched(rule, model)
        names = [name for name in terms if changes & columns[name]]
        solver.push()
        solver.add(relation.fires(rule),
                   relation.after(rule, relation.either(terms[name] for name in names)))
        answer = solver.check()
        solver.pop()
        if answer != z3.unsat:
            proof.seconds = dict.fromkeys(terms, 0.0)
            return False
        for name in names:
            proof.seconds[name] += (perf_counter() - started) / len(names)
    return True


def _round(
    relation: Relation,
    rules: list[Rule],
    held: list[Invariant],
    proof: Proof,
    progress: Callable[[str], None] | None,
) -> set[str]:
    """Ask every rule about every invariant once; ids of those that are not inductive."""
    solver = relation.solver(RLIMIT)
    terms = {i.id: relation.broken(i) for i in held}
    columns = {i.id: {c.column for cube in i.never for c in cube} for i in held}
    for term in terms.values():
        solver.add(z3.Not(term))
    dropped: set[str] = set()
    for rule in rules:
        solver.push()
        solver.add(relation.fires(rule))
        changes = touched(rule, relation.model)
        for name, term in terms.items():
            if name in dropped or not changes & columns[name]:
                continue
            started = perf_counter()
            solver.push()
            solver.add(relation.after(rule, term))
            answer = solver.check()
            if answer == z3.sat:
                proof.steps[name] = Step(
                    name, rule.id, rule.event, relation.read(solver.model())
                )
                dropped.add(name)
            elif answer != z3.unsat:
                proof.unknown = (*proof.unknown, name)
                dropped.add(name)
            solver.pop()
            proof.seconds[name] += perf_counter() - started
        solver.pop()
        if progress:
            progress(rule.id)
    return dropped


def touched(rule: Rule, model: Model) -> set[str]:
    """The columns that a rule can change, derived ones included."""
    targets = {e.target for e in rule.then}
    return targets | {
        c.name for c in model.columns if c.derived and targets & set(c.sources)
    }
