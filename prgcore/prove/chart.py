"""Charting: the reachable pairs and the ways home of a machine, as two small decision diagrams.

Law: reads what the search found. The diagrams are exact, and equal nodes are one node.
Machines of several policies share theirs. `prgcore.form.atlas` reads what is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np

from prgcore.form.atlas import Nodes
from prgcore.prove.progress import graph
from prgcore.prove.work import HOMEWARD, Work
from prgcore.vocabulary import Kind

__all__ = ["Chart", "next_steps", "order", "write"]

_RECORD = ("assigned_own", "assigned_peer")
_WORLD = ("process", "hears_peer", "services", "database")


def order(stored: Sequence[str]) -> list[str]:
    """The columns in the order of the diagram: settings, what is shown, the record, the world.

    This order was found by trial and gives few nodes; what commands ask for comes first. Columns
    with other names come last, in the machine's order.
    """
    by_node = [
        f"{node}.{what}" for node in ("node1", "node2") for what in ("state", "reason")
    ] + [f"{node}.{what}" for what in (*_RECORD, *_WORLD) for node in ("node1", "node2")]
    first = [name for name in ("ha", "auto_fallback", *by_node) if name in stored]
    return first + [name for name in reversed(stored) if name not in first]


def next_steps(work: Work) -> Any:
    """For every pair, the number of the next event on a shortest way home; -1 at home.

    Among shortest ways, fewer commands win, and then the event that the machine lists first.

    Raises:
        ValueError: from some pair no way leads home.
    """
    space, model = work.space, work.model
    far = work.distances(*HOMEWARD)
    if far.min() < 0:
        raise ValueError("from some pair no way leads home (L2)")
    edges = graph(space, HOMEWARD, failing=False)
    names = [e.name for e in model.events]
    number = np.array([names.index(r.event) for r in model.rules])[edges.rule]
    command = np.array([e.kind is Kind.COMMAND for e in model.events])[number]
    nearer = far[edges.target] == far[edges.source] - 1
    source, target = edges.source[nearer], edges.target[nearer]
    number, command = number[nearer], command[nearer]
    commands = np.zeros(len(space), np.int64)
    steps = np.full(len(space), -1, np.int64)
    for distance in range(1, int(far.max()) + 1):
        at = np.flatnonzero(far[source] == distance)
        cost = (commands[target[at]] + command[at]) * len(names) + number[at]
        best = np.full(len(space), np.iinfo(np.int64).max)
        np.minimum.at(best, source[at], cost)
        here = np.unique(source[at])
        commands[here], steps[here] = np.divmod(best[here], len(names))
    return steps


class Chart:
    """Two decision diagrams of machines with the same columns, under construction.

    Attributes:
        pairs: the nodes of the reachable pairs.
        home: the nodes of the ways home, each once, by column.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.pairs = Nodes(())
        self.home: dict[str, dict[tuple[int, ...], int]] = {name: {} for name in columns}

    def add(self, work: Work) -> tuple[int, int]:
        """Draw a machine; return the nodes from which it starts, in `pairs` and in `home`."""
        space, columns = work.space, list(self.home)
        sizes = [len(space.codec.domain[name]) for name in columns]
        codes = np.zeros(len(space), np.int64)
        for name, size in zip(columns, sizes, strict=True):
            codes = codes * size + space.column(name)
        sort = np.argsort(codes)

        def reached(_: int, children: Sequence[int]) -> int:
            return self.pairs.number(tuple((v, to) for v, to in enumerate(children) if to >= 0))

        def way(level: int, children: Sequence[int]) -> int:
            nodes = self.home[columns[level]]
            return nodes.setdefault(tuple(to + 1 for to in children), len(nodes))

        return (_drawn(sizes, codes[sort], np.zeros(len(space), np.int64), reached),
                _drawn(sizes, codes[sort], next_steps(work)[sort] + 1, way))

    def text(self) -> Iterator[tuple[str, str]]:
        """Every column with its nodes of the ways home, as `prgcore.form.atlas.read` reads them."""
        for name, nodes in self.home.items():
            yield name, " ".join(",".join(map(str, _trimmed(node))) for node in nodes)


def _drawn(
    sizes: Sequence[int], codes: Any, leaves: Any, number: Callable[[int, Sequence[int]], int]
) -> int:
    """Draw pairs from the last column to the first, and return the node from which they start.

    Args:
        sizes: the number of values of each column.
        codes: the pairs as sorted numbers, in the base of the sizes.
        leaves: what follows after each pair.
        number: the node of a column, by the number of the column and by what follows each value:
            -1 for nothing.
    """
    for level, size in reversed(list(enumerate(sizes))):
        prefix, value = np.divmod(codes, size)
        codes, group = np.unique(prefix, return_inverse=True)
        children = np.full((len(codes), size), -1, np.int64)
        children[group, value] = leaves
        distinct, which = np.unique(children, axis=0, return_inverse=True)
        leaves = np.array([number(level, row) for row in distinct.tolist()])[which.reshape(-1)]
    return int(leaves[0])


def _trimmed(node: Sequence[Any]) -> Sequence[Any]:
    last = max(i for i, child in enumerate(node) if child)
    return node[: last + 1]


def write(works: Mapping[tuple[str, ...], Work]) -> str:
    """The text of `prgcore.tables.atlas`, for machines that differ only in their policies."""
    model = next(iter(works.values())).model
    chart = Chart(order([c.name for c in model.columns if not c.derived]))
    roots = {choices: chart.add(work) for choices, work in works.items()}
    reached, ways = chart.pairs.ways[1:], sum(map(len, chart.home.values()))
    pairs = sum(len(work.space) for work in works.values())
    lines = [
        '"""The atlas of the presence redundancy group: reachable pairs and ways home, as data.',
        "",
        "Law: generated by docs/generate.py from the search, read by `prgcore.form.atlas`.",
        f"Here {len(reached):,} nodes stand for {pairs:,} pairs of {len(works)} machines,",
        f"one machine per choice of policies, and {ways:,} nodes for the ways home.",
        '"""',
        "", "from __future__ import annotations", "",
        '__all__ = ["EVENTS", "LEVELS", "PAIRS", "ROOTS"]', "",
        "ROOTS: dict[tuple[str, ...], tuple[int, int]] = {",
        *(f"    {tuple(choices)!r}: {root},".replace("'", '"') for choices, root in roots.items()),
        "}",
        '"""The first nodes of the machine of every choice of policies: of its pairs, of the ways."""',
        "", 'EVENTS = """', _filled(" ".join(e.name for e in model.events)), '"""', "",
        "PAIRS: tuple[tuple[tuple[int, int], ...], ...] = (",
        _filled(" ".join(f"{node!r},".replace(" ", "") for node in reached)), ")",
        '"""The reachable pairs: what follows each node, as (value, node)."""', "",
        "LEVELS = {",
    ]
    for name, text in chart.text():
        lines += [f'    "{name}": """', _filled(text), '""",']
    lines += ["}", '"""The ways home: the nodes of every column."""']
    return "\n".join(lines) + "\n"


def _filled(text: str) -> str:
    return fill(text, 99, break_long_words=False, break_on_hyphens=False)
