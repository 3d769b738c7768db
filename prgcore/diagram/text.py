"""A graph as plain text for a terminal, 80 columns: node by node, its edges beneath."""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.diagram.graph import Edge, Graph, Node
from prgcore.diagram.palette import MARKS, PALETTE, Role
from prgcore.words import clean, wrapped

__all__ = ["text"]


def text(graph: Graph) -> str:
    """The graph as text: every node with role and mark, its edges with target and reason."""
    names = graph.names
    leaving: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.source, []).append(edge)
    lines = [*wrapped(clean(graph.title), "", "  ")]
    for node in graph.nodes:
        lines += ["", *_head(node, names[node.id], initial=node.id in graph.initial)]
        for edge in leaving.get(node.id, ()):
            lines += _edge(edge, names[edge.target])
    return "\n".join(lines) + "\n"


def _head(node: Node, name: str, *, initial: bool) -> Iterator[str]:
    plain = node.role in (Role.PLAIN, Role.ANY)
    said = [
        *(["start"] if initial else []),
        *([] if plain else [PALETTE[Role(node.role)].says.partition(":")[0]]),
        *([MARKS[node.mark].says] if node.mark else []),
    ]
    yield from wrapped(name + (f" ({', '.join(said)})" if said else ""), "", "  ")
    for line in node.text[1:]:
        if line not in name:
            yield from wrapped(line, "  ", "    ")


def _edge(edge: Edge, target: str) -> Iterator[str]:
    number = f" step {', '.join(map(str, edge.steps))}" if edge.steps else ""
    sign = f"{MARKS[edge.mark].sign or '='}" if edge.mark else "-"
    yield from wrapped(f"{sign * 2}> {target}{number}", "  ", "     ")
    yield from wrapped(", ".join(map(str, edge.labels)), "     ", "     ")
