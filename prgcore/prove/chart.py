"""Charting: the reachable pairs and the ways home of a machine, as one small decision diagram.

Law: reads what the search found. The diagram is exact, and equal nodes are one node.
Machines of several policies share theirs. `prgcore.form.atlas` reads what is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from attrs import define, field

from prgcore.model import Values
from prgcore.prove.progress import graph
from prgcore.prove.work import HOMEWARD, Work
from prgcore.vocabulary import Kind

__all__ = ["Chart", "next_steps", "order", "write"]

_RECORD = ("assigned_own", "assigned_peer")
_WORLD = ("process", "hears_peer", "services", "database")


def order(stored: Sequence[str]) -> list[str]:
    """The columns in the order of the diagram: what is shown, the record, the nodes, the world.

    This order was found by trial and gives few nodes. Columns with other names come last, in the
    machine's order.
    """
    by_node = [
        f"{node}.{what}" for whats in (("state", "reason"),)
        for node in ("node1", "node2") for what in whats
    ] + ["ha"] + [
        f"{node}.{what}" for what in (*_RECORD, *_WORLD) for node in ("node1", "node2")
    ]
    first = [name for name in by_node if name in stored]
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


@define
class Chart:
    """A decision diagram under construction: the nodes of every column, each once."""

    columns: list[str]
    levels: list[dict[Values | tuple[int, ...], int]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.levels = [{} for _ in self.columns]

    def add(self, work: Work) -> int:
        """Draw a machine, and return the node from which it starts."""
        space = work.space
        sizes = [len(space.codec.domain[name]) for name in self.columns]
        codes = np.zeros(len(space), np.int64)
        for name, size in zip(self.columns, sizes, strict=True):
            codes = codes * size + space.column(name)
        sort = np.argsort(codes)
        codes, leaves = codes[sort], next_steps(work)[sort] + 2
        for level, size in reversed(list(enumerate(sizes))):
            prefix, value = np.divmod(codes, size)
            codes, group = np.unique(prefix, return_inverse=True)
            children = np.zeros((len(codes), size), np.int64)
            children[group, value] = leaves
            distinct, which = np.unique(children, axis=0, return_inverse=True)
            nodes = self.levels[level]
            ids = [nodes.setdefault(tuple(row), len(nodes)) for row in distinct.tolist()]
            leaves = np.array(ids)[which.reshape(-1)] + 1
        return int(leaves[0]) - 1

    def text(self) -> Iterator[tuple[str, str]]:
        """Every column with its nodes, as `prgcore.form.atlas.read` reads them."""
        for name, nodes in zip(self.columns, self.levels, strict=True):
            yield name, " ".join(",".join(map(str, _trimmed(node))) for node in nodes)


def _trimmed(node: Sequence[Any]) -> Sequence[Any]:
    last = max(i for i, child in enumerate(node) if child)
    return node[: last + 1]


def write(works: Mapping[tuple[str, ...], Work]) -> str:
    """The text of `prgcore.tables.atlas`, for machines that differ only in their policies."""
    model = next(iter(works.values())).model
    chart = Chart(order([c.name for c in model.columns if not c.derived]))
    roots = {choices: chart.add(work) for choices, work in works.items()}
    nodes, pairs = sum(map(len, chart.levels)), sum(len(w.space) for w in works.values())
    lines = [
        '"""The atlas of the presence redundancy group: reachable pairs and ways home, as data.',
        "",
        "Law: generated by docs/generate.py from the search, read by `prgcore.form.atlas`.",
        f"Here {nodes:,} nodes stand for {pairs:,} pairs of {len(works)} machines,",
        "one machine per choice of policies.",
        '"""',
        "", "from __future__ import annotations", "", '__all__ = ["EVENTS", "LEVELS", "ROOTS"]', "",
        "ROOTS: dict[tuple[str, ...], int] = {",
        *(f"    {tuple(choices)!r}: {root},".replace("'", '"') for choices, root in roots.items()),
        "}", '"""The first node of the machine of every choice of policies."""', "",
        'EVENTS = """', _filled(" ".join(e.name for e in model.events)), '"""', "",
        "LEVELS = {",
    ]
    for name, text in chart.text():
        lines += [f'    "{name}": """', _filled(text), '""",']
    return "\n".join([*lines, "}"]) + "\n"


def _filled(text: str) -> str:
    return fill(text, 99, break_long_words=False, break_on_hyphens=False)
