"""The atlas: every reachable pair of a machine, with the next step home from each, computed ahead.

Law: reads one decision diagram, which asks for one column at a time; never searches. The diagram is
drawn by `prgcore.prove.chart` and shipped as data (`prgcore.tables.atlas`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TypeAlias, TypeVar

from attrs import frozen

from prgcore.model import Column, Cube, Values

__all__ = ["HOME", "Atlas", "Region", "read"]

_Node: TypeAlias = tuple[int, ...]
"""For every value of a column what follows: 0 for nothing, else the number of a node of the next
column plus one. After the last column: 1 for home, else the number of an event plus two."""
_Step: TypeAlias = tuple[int, tuple[tuple[int, int], ...]]
_Path: TypeAlias = tuple[int, ...]
_Asked: TypeAlias = tuple[int, int]
"""A node, and a bit for every cube that contains the way to it."""
_Layer: TypeAlias = dict[_Asked, list[tuple[int, _Asked]]]
"""For every node of a column, its values and the nodes to which they lead."""
_T = TypeVar("_T")

HOME = ""
"""Given in place of the next event where the goal holds already."""


@frozen(eq=False, slots=False)
class Atlas:
    """A decision diagram over the stored columns of a machine.

    Attributes:
        columns: the columns in the order in which the diagram asks for them.
        domains: the values of each column.
        levels: the nodes of each column.
        root: the node of the first column from which this machine starts.
        events: the events that occur as a step home.
        stored: the columns in the machine's order.
    """

    columns: Values
    domains: tuple[Values, ...]
    levels: tuple[tuple[_Node, ...], ...]
    root: int
    events: Values
    stored: Values

    @cached_property
    def everything(self) -> Region:
        """Every reachable pair, as a region."""
        return self.within([Cube()])

    def within(self, cubes: Iterable[Cube]) -> Region:
        """The reachable pairs for which any of some cubes of stored columns holds."""
        allowed, every = _allowed(self.columns, self.domains, cubes)
        layer = {(self.root, every): None} if every else {}
        layers: list[_Layer] = []
        for nodes, here in zip(self.levels, allowed, strict=True):
            layers.append({
                (node, asked): [
                    (value, (child - 1, left)) for value, child in enumerate(nodes[node])
                    if child and (left := asked & here[value])
                ] for node, asked in layer
            })
            layer = dict.fromkeys([to for ways in layers[-1].values() for _, to in ways])
        order = tuple([self.columns.index(name) for name in self.stored])
        return Region(self.columns, self.domains, order, *_joined(layers))

    def next(self, pair: Mapping[str, str]) -> str | None:
        """The next event on a shortest way home; `HOME` at home, None for an unreachable pair."""
        node = self.root
        for name, domain, nodes in zip(self.columns, self.domains, self.levels, strict=True):
            node = nodes[node][domain.index(pair[name])] - 1
            if node < 0:
                return None
        return self.events[node - 1] if node else HOME

    def __contains__(self, pair: Mapping[str, str]) -> bool:
        return self.next(pair) is not None


@frozen(eq=False)
class Region:
    """Some reachable pairs, as a set that is never listed. A pair is the values of stored columns.

    Attributes:
        columns, domains: those of the atlas; `order` has the position of each stored column.
        steps: for every node its column, and the node to which each value leads. Nodes are numbered
            from 1, children before parents; 0 is the end.
        root: the first node; -1 if the region is empty.
    """

    columns: Values
    domains: tuple[Values, ...]
    order: tuple[int, ...]
    steps: tuple[_Step, ...]
    root: int

    def within(self, cubes: Iterable[Cube]) -> Region:
        """The pairs of this region for which any of some cubes of stored columns holds."""
        allowed, every = _allowed(self.columns, self.domains, cubes)
        layer = {(self.root, every): None} if self.root > 0 and every else {}
        layers: list[_Layer] = []
        for here in allowed:
            layers.append({
                (node, asked): [
                    (value, (child, left)) for value, child in self.steps[node - 1][1]
                    if (left := asked & here[value])
                ] for node, asked in layer
            })
            layer = dict.fromkeys([to for ways in layers[-1].values() for _, to in ways])
        return Region(self.columns, self.domains, self.order, *_joined(layers))

    def _fold(
        self, end: _T, put: Callable[[int, int, _T], _T], join: Callable[[list[_T]], _T], none: _T
    ) -> _T:
        """A value computed from the end to the root, once per node; `none` for an empty region."""
        if self.root < 0:
            return none
        found = [end]
        for level, ways in self.steps:
            found.append(join([put(level, value, found[to]) for value, to in ways]))
        return found[self.root]

    def __len__(self) -> int:
        found = [1]
        for _, ways in self.steps:
            found.append(sum([found[to] for _, to in ways]))
        return found[self.root] if self.root >= 0 else 0

    def distinct(self, names: Iterable[str]) -> list[Values]:
        """One pair for each combination of values that these columns have."""
        asked = {self.columns.index(n) for n in names}

        def put(level: int, value: int, rest: dict[_Path, _Path]) -> dict[_Path, _Path]:
            if level in asked:
                return {(value, *key): (value, *pair) for key, pair in rest.items()}
            return {key: (value, *pair) for key, pair in rest.items()}

        def join(parts: list[dict[_Path, _Path]]) -> dict[_Path, _Path]:
            return {key: pair for part in reversed(parts) for key, pair in part.items()}

        end: dict[_Path, _Path] = {(): ()}
        return [self._pair(p) for p in self._fold(end, put, join, {}).values()]

    def values(self) -> dict[str, Values]:
        """For every column the values that it has in some pair, in the order of its domain."""
        masks = [0] * len(self.columns)
        for level, ways in self.steps:
            for value, _ in ways:
                masks[level] |= 1 << value
        return {
            name: tuple([v for i, v in enumerate(domain) if mask >> i & 1])
            for name, domain, mask in zip(self.columns, self.domains, masks, strict=True)
        }

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        """The sets of columns in which pairs of the region depart from these cells, each once."""
        named = zip(self.columns, self.domains, strict=True)
        bits = [
            [(v not in cells.get(name, domain)) << level for v in domain]
            for level, (name, domain) in enumerate(named)
        ]

        def put(level: int, value: int, rest: frozenset[int]) -> frozenset[int]:
            bit = bits[level][value]
            return frozenset([some | bit for some in rest]) if bit else rest

        def join(ways: list[frozenset[int]]) -> frozenset[int]:
            return frozenset().union(*ways)

        found = self._fold(frozenset([0]), put, join, frozenset())
        return {
            frozenset(n for i, n in enumerate(self.columns) if some >> i & 1) for some in found
        }

    def cheapest(
        self, costs: Mapping[str, Mapping[str, int]], asked: Iterable[Iterable[Cube]]
    ) -> list[Values]:
        """The cheapest pair of every set of cubes; a set without a pair is left out.

        Args:
            costs: the cost of each value of a column; a value that is not named costs nothing.
            asked: the sets of cubes of stored columns; a pair may be in any cube of its set.
        """
        cost = [
            [costs.get(n, {}).get(v, 0) for v in domain]
            for n, domain in zip(self.columns, self.domains, strict=True)
        ]
        paths = []
        for cubes in asked:
            here = self.within(cubes)
            found: list[tuple[int, _Path]] = [(0, ())]
            for level, ways in here.steps:
                found.append(min([
                    (found[to][0] + cost[level][value], (value, *found[to][1]))
                    for value, to in ways
                ]))
            if here.root > 0:
                paths.append(found[here.root][1])
        return [tuple([self.domains[i][path[i]] for i in self.order]) for path in paths]

    def _pair(self, path: _Path) -> Values:
        return tuple([self.domains[i][path[i]] for i in self.order])


def _allowed(
    columns: Values, domains: tuple[Values, ...], cubes: Iterable[Cube]
) -> tuple[list[list[int]], int]:
    """For every value of every column, as bits, the cubes that allow it; and all of the bits."""
    asked = [{cell.column: cell.values for cell in cube.cells} for cube in cubes]
    return [
        [sum([(v in cells.get(name, domain)) << b for b, cells in enumerate(asked)]) for v in domain]
        for name, domain in zip(columns, domains, strict=True)
    ], (1 << len(asked)) - 1


def _joined(layers: list[_Layer]) -> tuple[tuple[_Step, ...], int]:
    """The nodes of a region and its root; dead ends are left out, equal nodes become one."""
    numbers: dict[_Step, int] = {}
    known: dict[_Asked, int] | None = None
    for level in reversed(range(len(layers))):
        below, known = known, {}
        for asking, ways in layers[level].items():
            kept = tuple([
                (value, to) for value, child in ways
                if (to := 0 if below is None else below[child]) >= 0
            ])
            known[asking] = numbers.setdefault((level, kept), len(numbers) + 1) if kept else -1
    return tuple(numbers), next(iter((known or {}).values()), -1)


def read(
    columns: Iterable[Column], levels: Mapping[str, str], events: str, root: int
) -> Atlas:
    """The atlas whose nodes `prgcore.prove.chart` wrote as text.

    Args:
        columns: the machine's columns.
        levels: the nodes of every column, in the order of the diagram: numbers joined by commas,
            zeros at the end left out.
        events: the names of the events.
        root: the node from which to start.
    """
    domains = {c.name: c.domain for c in columns if not c.sources}
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
