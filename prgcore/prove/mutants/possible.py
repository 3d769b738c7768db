"""Mutants of what is possible: a way dropped, narrowed or widened.

A cell is dropped, loses a value or gains one. A way gains a cell for a column that it does not name,
without one value of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from prgcore.model import Cell, Cube, Model, Possible
from prgcore.prove.mutants.shape import Mutant, Seats, changed_cells, narrower, wider

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every mutant of one way of each mirror pair."""
    stored, seats = [c for c in model.columns if not c.derived], Seats(model)
    for entry, other, alike in seats.paired(
            model.possible, lambda p: _key(p.event, p.when),
            lambda m, p: _key(m.name(p.event), m.cube(p.when))):

        def made(when: Cube | None, what: str, entry: Possible = entry, other: Possible | None = other,
                 ) -> Mutant:
            edits: list[tuple[Possible, Possible | None]] = [
                (entry, None if when is None else evolve(entry, when=when))]
            if other is not None and seats.mirror is not None:
                edits.append((other, None if when is None else evolve(
                    other, when=seats.mirror.cube(when))))
            return Mutant("possible", entry.event, what, "possible", tuple(edits))

        way = f"way {_said(entry.when)}"
        yield made(None, f"{way} dropped")
        for cube, what in changed_cells(entry.when, model.domains, alike, (narrower, wider)):
            yield made(cube, f"{way}: {what}")
        named = {c.column for c in entry.when}
        for column in stored:
            left = Cube((Cell(column.name, column.domain[:-1]),))
            image = alike.cube(left) if alike else left
            if column.name not in named and min(left.cells + image.cells) == left.cells[0]:
                more = dict.fromkeys((*left, *image))
                yield made(
                    Cube((*entry.when, *more)), f"{way}: not where {column.name} is {column.domain[-1]}")


def _key(event: str, when: Cube) -> Any:
    return event, frozenset((c.column, frozenset(c.values)) for c in when)


def _said(cube: Cube) -> str:
    """A cube in a few words: its columns with one value, and the names of the others."""
    cells = (f"{c.column} {c.values[0]}" if len(c.values) == 1 else c.column for c in cube)
    return f"({', '.join(cells)})"
