"""The stored pairs of a machine as a set: which cubes meet, and which contain each other.

Law: pure, exact, without a solver. A derived cell is expanded over its sources by backtracking;
the columns that no cell mentions are never enumerated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import Cell, Column, Cube, Model, Values

__all__ = ["EVERYWHERE", "Assignment", "Stored", "contains", "satisfiable"]

Assignment: TypeAlias = dict[str, str]
_Constraint: TypeAlias = tuple[Values, tuple[Values, ...]]

EVERYWHERE = Cube()


@frozen(eq=False, repr=False)
class Stored:
    """The stored pairs of a machine, as a set that answers questions about cubes.

    Build `Stored(model.columns)` once for many questions; `satisfiable` and `contains` ask one
    each.
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
        """Values of stored columns that put a pair into every cube, or None if no pair is in all.

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

    def every(self, cube: Cube, never: Iterable[Cube] = ()) -> Iterator[Values]:
        """The stored values of every pair that is in a cube and in none of some others.

        Columns are tried one at a time, and a way is cut off as soon as a cube allows. Columns that
        the cube names come first, then those that decide a derived column that it names. The order
        is the same in every run.
        """
        stored = tuple(c.name for c in self.columns if not c.derived)
        given = {c.column: tuple(dict.fromkeys(c.values)) for c in cube}
        domains = {c.name: given.get(c.name, c.domain) for c in self.columns}
        cubes = [rest for one in never if (rest := _left(one, domains)) is not None]
        asked = Counter(
            name for one in cubes
            for name in {s for c in one for s in self.named[c.column].sources or (c.column,)}
        )
        decide = {
            s for c in self.columns if len(domains[c.name]) < len(c.domain) for s in c.sources
        }
        order: list[str] = []
        for name in sorted(
            stored, key=lambda n: (len(domains[n]) > 1, n not in decide, -asked[n])
        ):
            order.append(name)
            order += [
                c.name for c in self.columns
                if c.derived and c.name not in order and set(c.sources) <= set(order)
            ]
        place = {name: i for i, name in enumerate(order)}
        ends: list[list[list[tuple[int, frozenset[str]]]]] = [[] for _ in order]
        for one in cubes:
            tests = sorted((place[c.column], frozenset(c.values)) for c in one)
            ends[tests[-1][0] if tests else 0].append(tests)
        derived = {
            place[c.name]: (tuple(place[s] for s in c.sources), dict(c.table))
            for c in self.columns if c.derived
        }
        allowed = [domains[n] for n in order]
        picked = [place[n] for n in stored]
        row = [""] * len(order)

        def extend(depth: int) -> Iterator[Values]:
            if depth == len(order):
                yield tuple([row[i] for i in picked])
                return
            values = allowed[depth]
            if depth in derived:
                sources, table = derived[depth]
                value = table[tuple([row[i] for i in sources])]
                values = (value,) if value in values else ()
            for value in values:
                row[depth] = value
                for tests in ends[depth]:
                    if all(row[i] in inside for i, inside in tests):
                        break
                else:
                    yield from extend(depth + 1)

        return extend(0)

    def outside(self, cube: Cube, others: tuple[Cube, ...]) -> Assignment | None:
        """A stored pair of the cube that is in none of the others, or None."""
        met = next(
            (n for n, other in enumerate(others) if self.find([cube, other]) is not None), None)
        if met is None:
            return self.find([cube])
        inside: Cube | None = cube
        for cell in others[met]:
            assert inside is not None, "BUG: a pair is in both, so every prefix of cells is met"
            domain = self.named[cell.column].domain
            left = inside & Cube((
                Cell(cell.column, tuple(v for v in domain if v not in cell.values)),
            ))
            if left is not None and self.find([left]) is not None:
                witness = self.outside(left, others[met + 1:])
                if witness is not None:
                    return witness
            inside &= Cube((cell,))
        return None


def _left(cube: Cube, domains: Mapping[str, Values]) -> Cube | None:
    """The cells of a cube that are still open in these domains; None if it cannot hold there."""
    if any(not set(c.values) & set(domains[c.column]) for c in cube):
        return None
    return Cube(tuple(c for c in cube if not set(domains[c.column]) <= set(c.values)))


def satisfiable(model: Model, cubes: Iterable[Cube]) -> Assignment | None:
    """Values of stored columns that put a pair into every one of the cubes, or None.

    The answer names only the columns that the cells mention; the others may be anything.
    """
    return Stored(model.columns).find(cubes)


def contains(model: Model, cube: Cube, others: Iterable[Cube]) -> Assignment | None:
    """A witness that the others do not contain the cube; None if they do.

    The witness is a stored pair of the cube that is in none of the others.
    """
    return Stored(model.columns).outside(cube, tuple(others))
