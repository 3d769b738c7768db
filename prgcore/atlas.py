"""The atlas: every reachable pair of a machine, and the next step home from each, worked out before.

Law: reads one decision diagram, which asks a column at a time; never searches. The diagram is
drawn by `prgcore.prove.chart` and shipped as data (`prgcore.tables.atlas`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from attrs import field, frozen

from prgcore.model import Column, Values

Box: TypeAlias = Mapping[str, Values]
"""What some columns may be; the others may be anything."""
_Node: TypeAlias = tuple[int, ...]
"""For every value of a column what follows: 0 nothing, else the number of a node of the next
column and one more. After the last column: 1 for home, else the number of an event and two more."""
_Priced: TypeAlias = tuple[int, Values] | None
_T = TypeVar("_T")

HOME = ""
"""In place of the next event: the goal holds."""


@frozen(eq=False)
class Atlas:
    """A decision diagram over the stored columns of a machine.

    Attributes:
        columns: the columns in the order in which the diagram asks for them.
        domains: the values of each.
        levels: the nodes of each column.
        root: the node of the first column from which this machine starts.
        events: the events that a step home can be.
        stored: the columns in the machine's order.
    """

    columns: Values
    domains: tuple[Values, ...]
    levels: tuple[tuple[_Node, ...], ...]
    root: int
    events: Values
    stored: Values
    _order: tuple[int, ...] = field(init=False)

    @_order.default
    def _order_of_columns(self) -> tuple[int, ...]:
        return tuple(self.columns.index(name) for name in self.stored)

    def next(self, pair: Mapping[str, str]) -> str | None:
        """The next event on a shortest way home; `HOME` at home, None where no pair is reachable."""
        node = self.root
        for name, domain, nodes in zip(self.columns, self.domains, self.levels, strict=True):
            node = nodes[node][domain.index(pair[name])] - 1
            if node < 0:
                return None
        return self.events[node - 1] if node else HOME

    def __contains__(self, pair: Mapping[str, str]) -> bool:
        return self.next(pair) is not None

    def among(self, boxes: Iterable[Box]) -> Region:
        """The reachable pairs in any of some boxes of stored columns."""
        return Region(self, tuple(
            tuple(frozenset(box.get(n, d)) for n, d in zip(self.columns, self.domains, strict=True))
            for box in boxes
        ))


@frozen(eq=False)
class Region:
    """Some reachable pairs: a set that is never listed. Pairs are the values of stored columns."""

    atlas: Atlas
    boxes: tuple[tuple[frozenset[str], ...], ...]

    def _fold(
        self, end: _T, put: Callable[[int, str, _T], _T], join: Callable[[list[_T]], _T]
    ) -> _T:
        """Work something out from the last column to the first, once a node and set of boxes.

        Boxes that ask the same of the columns that are left are one.
        """
        atlas, known = self.atlas, dict[tuple[int, int, frozenset[int]], _T]()
        alike = [self._alike(level) for level in range(len(atlas.columns) + 1)]

        def of(level: int, node: int, boxes: frozenset[int]) -> _T:
            if level == len(atlas.columns):
                return end
            key = level, node, boxes
            if key not in known:
                known[key] = join([
                    put(level, value, of(level + 1, child - 1, left))
                    for value, child in zip(
                        atlas.domains[level], atlas.levels[level][node], strict=True)
                    if child
                    and (left := frozenset(
                        alike[level + 1][b] for b in boxes if value in self.boxes[b][level]))
                ])
            return known[key]

        return of(0, atlas.root, frozenset(alike[0]))

    def _alike(self, level: int) -> list[int]:
        """For every box the first that asks the same from this column on."""
        first: dict[tuple[frozenset[str], ...], int] = {}
        return [first.setdefault(box[level:], b) for b, box in enumerate(self.boxes)]

    def __len__(self) -> int:
        return self._fold(1, lambda _level, _value, rest: rest, sum)

    def distinct(self, names: Iterable[str]) -> list[Values]:
        """One pair for every combination of values that some columns have."""
        asked = {self.atlas.columns.index(n) for n in names}

        def put(level: int, value: str, rest: dict[Values, Values]) -> dict[Values, Values]:
            return {
                ((value, *key) if level in asked else key): (value, *pair)
                for key, pair in rest.items()
            }

        def join(parts: list[dict[Values, Values]]) -> dict[Values, Values]:
            return {key: pair for part in reversed(parts) for key, pair in part.items()}

        nothing: dict[Values, Values] = {(): ()}
        return [self._pair(p) for p in self._fold(nothing, put, join).values()]

    def cheapest(self, costs: Mapping[str, Mapping[str, int]]) -> Values | None:
        """The pair whose values cost least in sum; a value that is not named costs nothing."""
        cost = [costs.get(n, {}) for n in self.atlas.columns]

        def put(level: int, value: str, rest: _Priced) -> _Priced:
            return rest and (rest[0] + cost[level].get(value, 0), (value, *rest[1]))

        def join(ways: list[_Priced]) -> _Priced:
            return min(filter(None, ways), default=None)

        nothing: _Priced = (0, ())
        best = self._fold(nothing, put, join)
        return best and self._pair(best[1])

    def _pair(self, values: Values) -> Values:
        return tuple([values[i] for i in self.atlas._order])  # noqa: SLF001, its own atlas


def read(
    columns: Iterable[Column], levels: Mapping[str, str], events: str, root: int
) -> Atlas:
    """An atlas from the text of its nodes, which `prgcore.prove.chart` wrote.

    Args:
        columns: the machine's columns.
        levels: for every column, in the order of the diagram, its nodes: numbers joined by
            commas, zeros at the end left out.
        events: the names of the events.
        root: the node from which to start.
    """
    domains = {c.name: c.domain for c in columns if not c.derived}
    nodes = [
        tuple(tuple(map(int, node.split(","))) for node in text.split())
        for text in levels.values()
    ]
    return Atlas(
        tuple(levels), tuple(domains[n] for n in levels),
        tuple(
            tuple(node + (0,) * (len(domains[name]) - len(node)) for node in level)
            for name, level in zip(levels, nodes, strict=True)
        ),
        root, tuple(events.split()), tuple(domains),
    )
