"""Mutants of invariants: one forbids less, by a cube, or by one value of a cell."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from prgcore.model import Cell, Cube, Invariant, Model
from prgcore.prove.mutants.shape import Mutant, Seats, narrower
from prgcore.seats import Mirror

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every invariant dropped, and with less in one cube and in its mirror image."""
    mirror = Seats(model).mirror
    for invariant in model.invariants:
        yield Mutant("invariants", invariant.id, "dropped", "invariants", ((invariant, None),))
        for never, what in _less(invariant, mirror):
            new = evolve(invariant, never=never)
            yield Mutant("invariants", invariant.id, what, "invariants", ((invariant, new),))


def _less(invariant: Invariant, mirror: Mirror | None) -> Iterator[tuple[tuple[Cube, ...], str]]:
    done: set[frozenset[Cell]] = set()
    for number, cube in enumerate(invariant.never):
        if frozenset(cube) in done:
            continue
        image = mirror.cube(cube) if mirror else cube
        done |= {frozenset(cube), frozenset(image)}
        rest = tuple(c for c in invariant.never if _key(c) not in (_key(cube), _key(image)))
        if rest:
            yield rest, f"cube {number + 1} dropped"
        for cell in cube:
            for values, what in narrower(cell, ()):
                one = Cube(tuple(Cell(c.column, values) if c is cell else c for c in cube))
                both = dict.fromkeys((one, mirror.cube(one)) if mirror else (one,))
                yield (*rest, *both), f"cube {number + 1}: cell {cell.column} {what}"


def _key(cube: Cube) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset((c.column, frozenset(c.values)) for c in cube)
