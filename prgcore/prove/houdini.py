"""Houdini: auxiliary invariants, found from nothing except the reachable pairs.

Candidates are all clauses of two literals, "never this value here and that value there", that
hold of every reachable pair. Candidates that some rule breaks, within all the others, are dropped
until no rule breaks any (Flanagan and Leino, 2001). The rest is inductive, for any table.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, cycle

import numpy as np
import z3

from prgcore.errors import BudgetExhausted
from prgcore.model import Cell, Cube, Invariant, Model, Rule
from prgcore.prove.induction import RLIMIT, half, is_mirrored
from prgcore.prove.relation import Relation, Term
from prgcore.prove.space import Space
from prgcore.seats import Mirror

__all__ = ["auxiliary", "candidates"]


def candidates(space: Space) -> tuple[Cube, ...]:
    """Every pair of values, of two stored columns, that no reachable pair has together."""
    columns = [c for c in space.model.columns if not c.derived]
    where = {
        c.name: [np.packbits(space.column(c.name) == i) for i in range(len(c.domain))]
        for c in columns
    }
    return tuple(
        Cube((Cell(one.name, v), Cell(other.name, w)))
        for one, other in combinations(columns, 2)
        for v, first in zip(one.domain, where[one.name], strict=True)
        for w, second in zip(other.domain, where[other.name], strict=True)
        if not (first & second).any()
    )


def auxiliary(model: Model, space: Space) -> Invariant:
    """The candidates that are inductive together, as one invariant."""
    relation = Relation(model)
    held = {cube: relation.holds(cube) for cube in candidates(space)}
    mirror = Mirror.of(model) if is_mirrored(model) else None
    named = {frozenset(cube): cube for cube in held}
    rules = [rule for rule in half(model) if rule.then]
    kept = 0  # rules in a row, up to the last one, that break no candidate
    for rule in cycle(rules):
        while after := _break(relation, held, rule):
            for cube in _meets(held, after):
                image = named.get(frozenset(mirror.cube(cube)), cube) if mirror else cube
                for broken in {cube, image} & held.keys():
                    del held[broken]
            kept = 0
        kept += 1
        if kept == len(rules):
            break
    return Invariant("H", "clauses of two literals", tuple(held), auxiliary=True)


def _break(relation: Relation, held: dict[Cube, Term], rule: Rule) -> dict[str, str] | None:
    """The pair after a step from no candidate into some candidate; None if there is none."""
    solver = relation.solver(RLIMIT)
    broken = relation.either(held.values())
    solver.add(z3.Not(broken), relation.fires(rule), relation.after(rule, broken))
    answer = solver.check()
    if answer == z3.unsat:
        return None
    if answer == z3.unknown:
        raise BudgetExhausted(f"the solver gave up on {rule.id}: no invariants were found")
    found = solver.model()
    terms = {name: relation.after(rule, term) for name, term in relation.now.items()}
    return {
        name: str(found.eval(term, model_completion=True)).partition(".")[2]
        for name, term in terms.items()
    }


def _meets(held: Iterable[Cube], pair: dict[str, str]) -> list[Cube]:
    return [cube for cube in held if all(pair[c.column] in c.values for c in cube)]
