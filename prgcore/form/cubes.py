"""The stored pairs of a machine as a set: which cubes meet, and which contain which.

Law: pure, exact, without a solver. A derived cell is expanded over its sources by backtracking;
the columns that no cell mentions are never enumerated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import Cell, Column, Cube, Model, Values

Assignment: TypeAlias = dict[str, str]
_Constraint: TypeAlias = tuple[Values, tuple[Values, ...]]

EVERYWHERE = Cube()


@frozen(eq=False)
class Stored:
    """The stored pairs of a machine, as a set in which cubes can be met.

    `Stored(model.columns)` once, then many questions; `satisfiable` and `contains` ask only one.
    """

    columns: tuple[Column, ...]
    named: dict[str, Column] = field(init=False, repr=False)
    _rows: dict[Cell, tuple[Values, ...]] = field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "named", {c.name: c for c in self.columns})

    def _sources(self, cell: Cell) -> tuple[Values, ...]:
        """The values of the sources for which a derived cell holds."""
        rows = self._rows.get(cell)
        if rows is None:
            table = self.named[cell.column].table
            rows = self._rows[cell] = tuple(k for k, v in table if v in cell.values)
        return rows

    def find(self, cubes: Iterable[Cube]) -> Assignment | None:
        """Stored columns that put a pair into every cube, or None when no pair is in all.

        Columns that are not named may be anything.
        """
        met = EVERYWHERE
        for cube in cubes:
            both = met & cube
            if both is None:
                return None
            met = both
        narrow: dict[str, Values] = {}
        constraints: list[_Constraint] = []
        for cell in met:
            column = self.named[cell.column]
            if column.derived:
                constraints.append((column.sources, self._sources(cell)))
            else:
                narrow[cell.column] = cell.values
        constraints.sort(key=lambda c: len(c[1]))
        found = self._search(narrow, constraints)
        if found is None:
            return None
        return {c.name: found[c.name][0] for c in self.columns if c.name in found}

    def _search(
        self, narrow: dict[str, Values], constraints: list[_Constraint]
    ) -> dict[str, Values] | None:
        if not constraints:
            return narrow
        (sources, rows), *rest = constraints
        for row in rows:
            trial = dict(narrow)
            for source, value in zip(sources, row, strict=True):
                if value not in trial.get(source, (value,)):
                    break
                trial[source] = (value,)
            else:
                found = self._search(trial, rest)
                if found is not None:
                    return found
        return None

    def outside(self, cube: Cube, others: tuple[Cube, ...]) -> Assignment | None:
        """A stored pair of the cube that is in none of the others, or None."""
        if not others:
            return self.find([cube])
        first, *rest = others
        if self.find([cube, first]) is None:
            return self.outside(cube, tuple(rest))
        inside: Cube | None = cube
        for cell in first:
            assert inside is not None, "BUG: a pair is in both, so every prefix of cells is met"
            domain = self.named[cell.column].domain
            left = inside & Cube((
                Cell(cell.column, tuple(v for v in domain if v not in cell.values)),
            ))
            if left is not None and self.find([left]) is not None:
                witness = self.outside(left, tuple(rest))
                if witness is not None:
                    return witness
            inside &= Cube((cell,))
        return None


def satisfiable(model: Model, cubes: Iterable[Cube]) -> Assignment | None:
    """Stored columns that put a pair into every one of the cubes, or None.

    The answer names only the columns that the cells mention; the others may be anything.
    """
    return Stored(model.columns).find(cubes)


def contains(model: Model, cube: Cube, others: Iterable[Cube]) -> Assignment | None:
    """A witness that the others do not contain the cube; None when they do.

    The witness is a stored pair of the cube that is in none of the others.
    """
    return Stored(model.columns).outside(cube, tuple(others))
