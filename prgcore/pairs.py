"""Sets of pairs: what a display stands for, listed one by one or read off the atlas.

Law: both kinds answer the same questions alike; a set on the atlas is never listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from attrs import frozen

from prgcore.atlas import Atlas, Region
from prgcore.engine import Engine, Pair
from prgcore.model import Cell, Cube

Costs: TypeAlias = Mapping[str, Mapping[str, int]]
"""What values of columns cost; those that are not named cost nothing."""


class Pairs(Protocol):
    """Some pairs of a machine."""

    def __len__(self) -> int:
        """How many they are."""

    def within(self, cube: Cube) -> Pairs:
        """Those of them for which a cube holds."""

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        """One pair for every combination of values of some stored columns."""

    def cheapest(self, costs: Costs) -> Pair:
        """The pair whose values cost least in sum; there must be one."""


@frozen(eq=False)
class Listed:
    """Pairs that somebody listed."""

    engine: Engine
    pairs: Sequence[Pair]

    def __len__(self) -> int:
        return len(self.pairs)

    def within(self, cube: Cube) -> Listed:
        return Listed(self.engine, [p for p in self.pairs if self.engine.holds(cube, p)])

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        at = [self.engine.position[n] for n in names]
        found: dict[tuple[str, ...], Pair] = {}
        for pair in self.pairs:
            found.setdefault(tuple([pair.values_[i] for i in at]), pair)
        return list(found.values())

    def cheapest(self, costs: Costs) -> Pair:
        cost = [costs.get(n, {}) for n in self.engine.stored]
        return min(self.pairs, key=lambda pair: sum(
            some.get(value, 0) for some, value in zip(cost, pair.values_, strict=True)))


@frozen(eq=False)
class Charted:
    """The reachable pairs in any of some cubes of stored columns."""

    engine: Engine
    atlas: Atlas
    cubes: tuple[Cube, ...]

    @property
    def _region(self) -> Region:
        return self.atlas.among({c.column: c.values for c in cube} for cube in self.cubes)

    def __len__(self) -> int:
        return len(self._region)

    def within(self, cube: Cube) -> Charted:
        ways = expanded(self.engine, cube)
        met = tuple(m for c in self.cubes for way in ways if (m := c & way) is not None)
        return Charted(self.engine, self.atlas, met)

    def distinct(self, names: Iterable[str]) -> list[Pair]:
        return [self.engine.at(values) for values in self._region.distinct(names)]

    def cheapest(self, costs: Costs) -> Pair:
        values = self._region.cheapest(costs)
        assert values is not None, "BUG: nothing is the cheapest of no pairs"
        return self.engine.at(values)


def expanded(engine: Engine, cube: Cube) -> list[Cube]:
    """A cube as cubes of stored columns: a derived cell becomes the rows of its table."""
    columns = {c.name: c for c in engine.model.columns}
    found = [Cube(tuple(c for c in cube if not columns[c.column].derived))]
    for cell in cube:
        column = columns[cell.column]
        if column.derived:
            rows = [
                Cube(tuple(Cell(*cell) for cell in zip(column.sources, key, strict=True)))
                for key, value in column.table if value in cell.values
            ]
            found = [met for one in found for row in rows if (met := one & row) is not None]
    return found
