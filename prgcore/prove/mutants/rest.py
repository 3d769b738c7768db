"""Mutants of rest: which states are transitions, and where a transition may wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from prgcore.model import Cell, Cube, Model
from prgcore.prove.mutants.shape import Mutant, Seats, changed_cells, narrower, wider

__all__ = ["may_wait", "transient"]


def transient(model: Model) -> Iterator[Mutant]:
    """Every cell of one seat dropped, narrowed and widened by one value."""
    domains = model.domains
    yield from _mutants(
        "transient", model, model.transient, lambda cell: Cube((cell,)),
        lambda cell, _: (
            (evolve(cell, values=values), what)
            for way in (narrower, wider) for values, what in way(cell, domains[cell.column])))


def may_wait(model: Model) -> Iterator[Mutant]:
    """Every cube of one seat dropped, and every cell of it dropped, narrowed or widened."""
    yield from _mutants(
        "may_wait", model, model.may_wait, lambda cube: cube,
        lambda cube, alike: changed_cells(cube, model.domains, alike, (narrower, wider)))


def _mutants(
    kind: str, model: Model, entries: tuple[Any, ...], cube: Callable[[Any], Cube],
    changed: Callable[[Any, Any], Iterator[tuple[Any, str]]],
) -> Iterator[Mutant]:
    seats, order = Seats(model), list(entries)

    def key(one: Cube) -> frozenset[tuple[str, frozenset[str]]]:
        return frozenset((c.column, frozenset(c.values)) for c in one)

    for entry, other, alike in seats.paired(
            entries, lambda e: key(cube(e)), lambda m, e: key(m.cube(cube(e)))):
        at = f"{kind}[{order.index(entry)}]"
        for new, what in ((None, "dropped"), *changed(entry, alike)):
            edits = [(entry, new)]
            if other is not None and seats.mirror is not None:
                image = new and seats.mirror.cube(cube(new))
                edits.append((other, image.cells[0] if isinstance(new, Cell) and image else image))
            yield Mutant(kind, at, what, kind, tuple(edits))
