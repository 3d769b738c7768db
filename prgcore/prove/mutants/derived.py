"""Mutants of derived tables: an entry gives another value."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from prgcore.model import Model
from prgcore.prove.mutants.shape import Mutant, Seats

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every entry of every derived column of one seat, with each other value."""
    derived, seats = [c for c in model.columns if c.derived], Seats(model)
    for column, other, _ in seats.paired(derived, lambda c: c.name, lambda m, c: m.name(c.name)):
        for at, (given, value) in enumerate(column.table):
            for new in column.domain:
                if new != value:
                    rows = (*column.table[:at], (given, new), *column.table[at + 1:])
                    edits = [(column, evolve(column, table=rows))]
                    if other is not None and seats.mirror is not None:
                        edits.append((other, seats.mirror.column(edits[0][1])))
                    yield Mutant(
                        "derived", column.name, f"({', '.join(given)}): {value} -> {new}",
                        "columns", tuple(edits))
