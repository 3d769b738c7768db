"""The atlas: every reachable pair of a machine, and the next step home from each, worked out before.

Law: reads one decision diagram, which asks a column at a time; never searches. The diagram is
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
"""For every value of a column what follows: 0 nothing, else the number of a node of the next
column and one more. After the last column: 1 for home, else the number of an event and two more."""
_Step: TypeAlias = tuple[int, tuple[tuple[int, int], ...]]
_Path: TypeAlias = tuple[int, ...]
_Asked: TypeAlias = tuple[int, int]
"""A node, and as bits the cubes that the way to it is in."""
_Layer: TypeAlias = dict[_Asked, list[tuple[int, _Asked]]]
"""What a column makes of nodes: its values, and where they lead."""
_T = TypeVar("_T")

HOME = ""
"""In place of the next event: the goal holds."""


@frozen(eq=False, slots=False)
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
        """The next event on a shortest way home; `HOME` at home, None where no pair is reachable."""
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
    """Some reachable pairs: a set that is never listed. Pairs are the values of stored columns.

    Attributes:
        columns, domains: as of the atlas; `order` is where the stored columns stand in them.
        steps: for every node its column, and which value leads to which node. Nodes are
            numbered from 1, children before parents; 0 is the end.
        root: the node from which it starts; -1 where there is no pair.
    """

    columns: Values
    domains: tuple[Values, ...]
    order: tuple[int, ...]
    steps: tuple[_Step, ...]
    root: int

    def within(self, cubes: Iterable[Cube]) -> Region:
        """Those of the pairs for which any of some cubes of stored columns holds."""
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
        """Work something out from the end to the root, once a node; `none` where there is no pair."""
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
        """One pair for every combination of values that some columns have."""
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
        """The values that every column has in some pair, in the order of its domain."""
        masks = [0] * len(self.columns)
        for level, ways in self.steps:
            for value, _ in ways:
                masks[level] |= 1 << value
        return {
            name: tuple([v for i, v in enumerate(domain) if mask >> i & 1])
            for name, domain, mask in zip(self.columns, self.domains, masks, strict=True)
        }

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        """For every pair the columns that are not as these cells say; each such set once."""
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
        """For every set of cubes the pair in them that costs least, where there is one.

        Args:
            costs: what a value of a column costs; one that is not named costs nothing.
            asked: of every set, the cubes of stored columns of which a pair may be in any.
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
    """For every value of every column, as bits, the cubes that allow it; and all of the cubes."""
    asked = [{cell.column: cell.values for cell in cube.cells} for cube in cubes]
    return [
        [sum([(v in cells.get(name, domain)) << b for b, cells in enumerate(asked)]) for v in domain]
        for name, domain in zip(columns, domains, strict=True)
    ], (1 << len(asked)) - 1


def _joined(layers: list[_Layer]) -> tuple[tuple[_Step, ...], int]:
    """The nodes of a region and its root: what leads nowhere is left out, equals become one."""
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
    """An atlas from the text of its nodes, which `prgcore.prove.chart` wrote.

    Args:
        columns: the machine's columns.
        levels: for every column, in the order of the diagram, its nodes: numbers joined by
            commas, zeros at the end left out.
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
