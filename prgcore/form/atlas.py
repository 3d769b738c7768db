"""The atlas: every reachable pair of a machine, with the next step home from each, computed ahead.

Law: reads two decision diagrams, which ask for one column at a time; never searches. The diagrams
are drawn by `prgcore.prove.chart` and shipped as data (`prgcore.tables.atlas`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial, reduce
from itertools import accumulate
from operator import add, and_, lshift, mul, or_
from typing import TypeAlias, TypeVar

from attrs import frozen

from prgcore.model import Column, Cube, Values

__all__ = ["HOME", "Atlas", "Nodes", "Region", "Ways", "read"]

Ways: TypeAlias = tuple[tuple[int, int], ...]
"""The values of a column after which something follows, each with the node that follows."""
_Path: TypeAlias = tuple[int, ...]
_S = TypeVar("_S")
_T = TypeVar("_T")

HOME = ""
"""Given in place of the next event where the goal holds already."""


@frozen(eq=False, repr=False, slots=False)
class Atlas:
    """Two decision diagrams over the stored columns of a machine: reachable pairs, and ways home.

    Attributes:
        everything: every reachable pair.
        levels: the nodes of the ways home as text, a column a string, parted by spaces. A node has
            for every value of its column 0 for nothing, else the number of a node of the next
            column plus one. After the last column: 1 for home, else the number of an event plus
            two. Zeros at the end are left out.
        root: the node of the first column from which this machine starts.
        events: the events that occur as a step home.
    """

    everything: Region
    levels: Values
    root: int
    events: Values

    @property
    def columns(self) -> Values:
        """The columns in the order in which the diagrams ask for them."""
        return self.everything.columns

    def within(self, cubes: Iterable[Cube]) -> Region:
        """The reachable pairs for which any of some cubes of stored columns holds."""
        return self.everything.apart().within(cubes)

    @cached_property
    def _ways(self) -> list[tuple[str, Values, list[str]]]:
        """Every column with its domain and its nodes."""
        nodes = [level.split() for level in self.levels]
        return list(zip(self.columns, self.everything.domains, nodes, strict=True))

    def next(self, pair: Mapping[str, str]) -> str | None:
        """The next event on a shortest way home; `HOME` at home, None for an unreachable pair."""
        node = self.root
        for name, domain, nodes in self._ways:
            after, value = nodes[node].split(","), domain.index(pair[name])
            node = int(after[value]) - 1 if value < len(after) else -1
            if node < 0:
                return None
        return self.events[node - 1] if node else HOME

    def __contains__(self, pair: Mapping[str, str]) -> bool:
        return self.next(pair) is not None


class Nodes:
    """The nodes of regions that were cut out of one another, each once, children before parents.

    Node 0 is the end, after the last column. -1 is a node that nothing follows; it is not kept.

    Attributes:
        ways: what follows each node.
        counts: the number of pairs that lead through each node to the end.
    """

    def __init__(self, ways: Iterable[Ways]) -> None:
        self.ways = [(), *ways]
        self._numbers = {some: node for node, some in enumerate(self.ways) if node}
        self.counts = [1]
        for some in self.ways[1:]:
            self.counts.append(sum([self.counts[to] for _, to in some]))

    def copy(self) -> Nodes:
        """The same nodes, to which others can be added."""
        made = Nodes(())
        made.ways, made.counts = self.ways.copy(), self.counts.copy()
        made._numbers = self._numbers.copy()
        return made

    def number(self, ways: Ways) -> int:
        """The node with these ways; added if it is new."""
        if not ways:
            return -1
        found = self._numbers.setdefault(ways, len(self.ways))
        if found == len(self.ways):
            self.ways.append(ways)
            self.counts.append(sum([self.counts[to] for _, to in ways]))
        return found


@frozen(eq=False, repr=False, slots=False)
class Region:
    """Some reachable pairs, as a set that is never listed. A pair is the values of stored columns.

    Attributes:
        columns, domains: those of the atlas; `order` has the position of each stored column.
        nodes: the nodes of the diagram, shared with the regions cut out of this one.
        root: the first node; -1 if the region is empty.
    """

    columns: Values
    domains: tuple[Values, ...]
    order: tuple[int, ...]
    nodes: Nodes
    root: int

    def within(self, cubes: Iterable[Cube]) -> Region:
        """The pairs of this region for which any of some cubes of stored columns holds."""
        asked = [{cell.column: cell.values for cell in cube.cells} for cube in cubes]
        named, every = set().union(*asked), (1 << len(asked)) - 1
        allowed = [
            [sum([(v in cells.get(name, domain)) << b for b, cells in enumerate(asked)])
             for v in domain] if name in named else [every] * len(domain)
            for name, domain in zip(self.columns, self.domains, strict=True)
        ]
        whole = list(accumulate([reduce(and_, here) for here in reversed(allowed)], and_))[::-1]
        nodes, known = self.nodes, dict[tuple[int, int], int]()

        def cut(node: int, asked: int, level: int) -> int:
            if not node or asked & whole[level]:
                return node
            if (node, asked) not in known:
                here = allowed[level]
                known[node, asked] = nodes.number(tuple([
                    (v, to) for v, child in nodes.ways[node]
                    if (left := asked & here[v]) and (to := cut(child, left, level + 1)) >= 0]))
            return known[node, asked]

        root = cut(self.root, every, 0) if len(self) else -1
        return Region(self.columns, self.domains, self.order, nodes, root)

    def apart(self) -> Region:
        """The same pairs with nodes of their own: what is cut out of them is forgotten with them."""
        return Region(self.columns, self.domains, self.order, self.nodes.copy(), self.root)

    def __len__(self) -> int:
        return self.nodes.counts[self.root] if self.root >= 0 else 0

    @cached_property
    def _layers(self) -> list[set[int]]:
        return [{self.root} if len(self) else set()]

    def _layer(self, level: int) -> set[int]:
        """The nodes of a column that pairs of the region lead through; after the last one, the end."""
        while level >= len(self._layers):
            self._layers.append({to for node in self._layers[-1] for _, to in self.nodes.ways[node]})
        return self._layers[level]

    def _fold(
        self, end: _T, put: Callable[[_T, _S], _T], table: Sequence[Sequence[_S]],
        join: Callable[[list[_T]], _T],
    ) -> _T | None:
        """A value computed from the end to the root, once per node; None for an empty region.

        Args:
            end: the value after the last column of `table`.
            put: the value of a way, from that of what follows and from an entry of the table.
            table: for every column, or the first ones, an entry for each of its values.
            join: the value of a node, from those of its ways.
        """
        ways = self.nodes.ways
        found = dict.fromkeys(self._layer(len(table)), end)
        for level, here in reversed(list(enumerate(table))):
            found = {
                node: join([put(found[to], here[value]) for value, to in ways[node]])
                for node in self._layers[level]}
        return found.get(self.root)

    def distinct(self, names: Iterable[str]) -> list[Values]:
        """One pair for each combination of values that these columns have."""
        asked = set(names)
        values = [
            [((i,) if name in asked else (), i) for i in range(len(domain))]
            for name, domain in zip(self.columns, self.domains, strict=True)]

        def put(rest: dict[_Path, _Path], way: tuple[_Path, int]) -> dict[_Path, _Path]:
            key, value = way
            return {(*key, *others): (value, *pair) for others, pair in rest.items()}

        def join(parts: list[dict[_Path, _Path]]) -> dict[_Path, _Path]:
            return {key: pair for part in reversed(parts) for key, pair in part.items()}

        end: dict[_Path, _Path] = {(): ()}
        return [self._pair(p) for p in (self._fold(end, put, values, join) or {}).values()]

    def values(self, names: Collection[str] | None = None) -> dict[str, Values]:
        """The values that these columns, or all, have in some pair, in the order of their domains."""
        found = {}
        for level, (name, domain) in enumerate(zip(self.columns, self.domains, strict=True)):
            if names is None or name in names:
                here = {value for node in self._layer(level) for value, _ in self.nodes.ways[node]}
                found[name] = tuple([v for i, v in enumerate(domain) if i in here])
        return found

    def outside(self, cells: Mapping[str, Values]) -> set[frozenset[str]]:
        """The sets of columns in which pairs of the region depart from these cells, each once."""
        names = [name for name in self.columns if name in cells]
        shifts = [
            [(v not in cells.get(name, domain)) << (names.index(name) if name in names else 0)
             for v in domain]
            for name, domain in zip(self.columns, self.domains, strict=True)
        ]
        # A set of columns is a number with a bit for each; a set of such sets, one with a bit for
        # each of them. So a column is put into all sets of a set by one shift.
        depth = 1 + max([self.columns.index(name) for name in names], default=-1)
        found = self._fold(1, lshift, shifts[:depth], partial(reduce, or_)) or 0
        return {
            frozenset([name for i, name in enumerate(names) if some >> i & 1])
            for some in range(found.bit_length()) if found >> some & 1
        }

    def cheapest(
        self, costs: Mapping[str, Mapping[str, int]], asked: Iterable[Iterable[Cube]]
    ) -> list[Values]:
        """The cheapest pair of every set of cubes; a set without a pair is left out.

        Args:
            costs: the cost of each value of a column; a value that is not named costs nothing.
            asked: the sets of cubes of stored columns; a pair may be in any cube of its set.
        """
        sizes = [len(domain) for domain in reversed(self.domains)]
        *places, beyond = accumulate([1, *sizes], mul)
        places.reverse()
        # A pair is a number; its cost is above that, so the least sum names the cheapest pair.
        weigh = [
            [costs.get(n, {}).get(v, 0) * beyond + i * place for i, v in enumerate(domain)]
            for n, domain, place in zip(self.columns, self.domains, places, strict=True)
        ]
        found = [self.within(cubes)._fold(0, add, weigh, min) for cubes in asked]  # noqa: SLF001
        return [
            self._pair([best // place % len(domain)
                        for place, domain in zip(places, self.domains, strict=True)])
            for best in found if best is not None]

    def _pair(self, path: Sequence[int]) -> Values:
        return tuple([self.domains[i][path[i]] for i in self.order])


def read(
    columns: Iterable[Column], pairs: Iterable[Ways], first: int,
    levels: Mapping[str, str], root: int, events: str,
) -> Atlas:
    """The atlas that `prgcore.prove.chart` wrote.

    Args:
        columns: the machine's columns.
        pairs: the nodes of the reachable pairs, as `Nodes` has them; `first` is the root.
        levels: the nodes of the ways home, as `Atlas` has them, by the columns in their order;
            `root` is the first one.
        events: the names of the events.
    """
    domains = {c.name: c.domain for c in columns if not c.sources}
    everything = Region(
        tuple(levels), tuple(domains[n] for n in levels),
        tuple([list(levels).index(name) for name in domains]), Nodes(pairs), first)
    return Atlas(everything, tuple(levels.values()), root, tuple(events.split()))
