"""Sets of pairs that a display stands for, listed one by one or read off the atlas.

Law: both kinds give the same answers; a set on the atlas is never listed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypeAlias

from attrs import frozen

from prgcore.engine import Engine, Pair
from prgcore.form.atlas import Region
from prgcore.model import Cell, Cube, Values

__all__ = ["Charted", "Costs", "Listed", "Pairs", "expanded"]

Costs: TypeAlias = Mapping[str, Mapping[str, int]]
"""The costs of column values; values that are not named cost nothing."""


class Pairs(Protocol):
    """Some pairs of a machine."""

    def __len__(self) -> int:
        """The number of pairs."""

    def within(self, *cubes: Cube) -> Pairs:
        """The pairs of the set in which at least one of the cubes holds."""

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        """One pair per combination of values of these stored columns."""

    def values(self, names: Collection[str] | None = None) -> Mapping[str, Values]:
        """The values that these stored columns, or all, have somewhere in the set."""

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        """The sets of stored columns in which pairs depart from these cells; each set once."""

    def cheapest(self, costs: Costs, cubes: Iterable[Cube]) -> list[Pair]:
        """For every cube that holds in some pair, the pair in it with the lowest total cost."""


@frozen(eq=False, repr=False)
class Listed:
    """Pairs that are listed one by one."""

    engine: Engine
    pairs: Sequence[Pair]

    def __len__(self) -> int:
        return len(self.pairs)

    def within(self, *cubes: Cube) -> Listed:
        return Listed(self.engine, self.engine.among(self.pairs, cubes))

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        at = [self.engine.position[n] for n in names]
        found: dict[tuple[str, ...], Pair] = {}
        for pair in self.pairs:
            found.setdefault(tuple([pair.values_[i] for i in at]), pair)
        return list(found.values())

    def values(self, names: Collection[str] | None = None) -> dict[str, Values]:
        columns = self.engine.columns
        found = (set(some) for some in zip(*(p.values_ for p in self.pairs), strict=True))
        return {
            name: tuple(v for v in columns[name].domain if v in some)
            for name, some in zip(self.engine.stored, found, strict=False)
            if names is None or name in names
        }

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        asked = [(self.engine.position[n], n, values) for n, values in cells.items()]
        return {
            frozenset(n for i, n, values in asked if p.values_[i] not in values)
            for p in self.pairs
        }

    def cheapest(self, costs: Costs, cubes: Iterable[Cube]) -> list[Pair]:
        cost = [costs.get(n, {}) for n in self.engine.stored]
        some = (self.engine.among(self.pairs, [cube]) for cube in cubes)
        return [min(here, key=lambda pair: sum(
            some.get(value, 0) for some, value in zip(cost, pair.values_, strict=True)))
            for here in some if here]


@frozen(eq=False, repr=False, slots=False)
class Charted:
    """Reachable pairs, as a region of the atlas."""

    engine: Engine
    region: Region

    @cached_property
    def _count(self) -> int:
        return len(self.region)

    @cached_property
    def _values(self) -> dict[str, Values]:
        return self.region.values()

    def __len__(self) -> int:
        return self._count

    def within(self, *cubes: Cube) -> Charted:
        ways = (way for cube in cubes for way in expanded(self.engine, cube))
        return Charted(self.engine, self.region.within(ways))

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        return [self.engine.at(values) for values in self.region.distinct(names)]

    def values(self, names: Collection[str] | None = None) -> dict[str, Values]:
        return self._values if names is None else self.region.values(names)

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        return self.region.outside(cells)

    def cheapest(self, costs: Costs, cubes: Iterable[Cube]) -> list[Pair]:
        asked = [expanded(self.engine, cube) for cube in cubes]
        found = self.region.cheapest(costs, asked)
        pairs = {values: self.engine.at(values) for values in dict.fromkeys(found)}
        return [pairs[values] for values in found]


def expanded(engine: Engine, cube: Cube) -> list[Cube]:
    """A cube as cubes of stored columns; a derived cell becomes the rows of its table."""
    plain, rows = [], []
    for cell in cube.cells:
        column = engine.columns[cell.column]
        if column.sources:
            keys = [key for key, value in column.table if value in cell.values]
            rows.append((column.sources, _merged(keys)))
        else:
            plain.append(cell)
    found = [Cube(tuple(plain))]
    for sources, merged in rows:
        ways = [Cube(tuple([Cell(*c) for c in zip(sources, row, strict=True)])) for row in merged]
        found = [met for one in found for way in ways if (met := one & way) is not None]
    return found


def _merged(keys: Iterable[Values]) -> list[tuple[Values, ...]]:
    """Rows of single values merged into fewer rows: rows that differ in one place become one."""
    rows: list[tuple[Values, ...]] = [tuple((value,) for value in key) for key in keys]
    for place in range(len(rows[0]) if rows else 0):
        alike: dict[tuple[Values, ...], Values] = {}
        for row in rows:
            rest = (*row[:place], *row[place + 1:])
            alike[rest] = (*alike.get(rest, ()), *row[place])
        rows = [(*rest[:place], values, *rest[place:]) for rest, values in alike.items()]
    return rows
