"""Houdini: find auxiliary invariants again, from nothing but the reachable pairs.

Candidates are all clauses of two literals, "never this value here and that value there", that
hold of every reachable pair. Those that some rule breaks, within all the others, are dropped
until none is (Flanagan and Leino, 2001). What remains is inductive, whoever wrote the table.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import z3

from prgcore.model import Cell, Cube, Invariant, Model
from prgcore.prove.induction import RLIMIT
from prgcore.prove.relation import Relation, Term
from prgcore.prove.space import Space


def candidates(space: Space) -> tuple[Cube, ...]:
    """Every pair of values, of two stored columns, that no reachable pair has together."""
    columns = [c for c in space.model.columns if not c.derived]
    found = []
    for one, other in combinations(columns, 2):
        size = len(other.domain)
        both = space.column(one.name).astype(np.int32) * size + space.column(other.name)
        seen = np.bincount(both, minlength=len(one.domain) * size)
        found += [
            Cube((Cell(one.name, v), Cell(other.name, w)))
            for i, v in enumerate(one.domain) for j, w in enumerate(other.domain)
            if not seen[i * size + j]
        ]
    return tuple(found)


def auxiliary(model: Model, space: Space) -> Invariant:
    """The candidates that are inductive together, as one invariant."""
    relation = Relation(model)
    held = {cube: relation.holds(cube) for cube in candidates(space)}
    rules = [(relation.fires(r), relation.effects(r)) for r in model.rules if r.then]
    changed = True
    while changed:
        changed = False
        for fires, effects in rules:
            while (pair := _break(relation, held, fires, effects)) is not None:
                broken = [c for c, t in held.items() if z3.is_true(pair.eval(
                    z3.substitute(t, *effects), model_completion=True))]
                for cube in broken:
                    del held[cube]
                changed = True
    return Invariant("H", "clauses of two literals", tuple(held), auxiliary=True)


def _break(
    relation: Relation, held: dict[Cube, Term], fires: Term, effects: list[tuple[Term, Term]]
) -> Term | None:
    """A model in which every candidate holds before the rule and one does not after it."""
    solver = relation.solver(RLIMIT)
    broken = relation.either(held.values())
    solver.add(z3.Not(broken), fires, z3.substitute(broken, *effects))
    return solver.model() if solver.check() != z3.unsat else None
