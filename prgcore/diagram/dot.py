"""A graph in the language of Graphviz. Law: text only; every name is quoted."""

from __future__ import annotations

from prgcore.diagram.graph import Graph

_STYLES = {
    "serving": 'shape=box, style="rounded,filled", fillcolor="#d9f2d9"',
    "transition": 'shape=hexagon, style=filled, fillcolor="#e3f0fb"',
    "failed_over": 'shape=box, style=filled, fillcolor="#fff4d6"',
    "failed": 'shape=box, peripheries=2, style=filled, fillcolor="#fbdedd"',
    "unknown": 'shape=ellipse, style=filled, fillcolor="#eeeeee"',
    "plain": "shape=box",
    "any": "shape=box, style=dashed",
}


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(parts: tuple[object, ...]) -> str:
    return '"' + "\\n".join(_quote(str(p))[1:-1] for p in parts) + '"'


def dot(graph: Graph) -> str:
    """The graph as DOT text, one node or edge a line."""
    lines = [
        f"digraph {_quote(graph.title)} {{",
        "  rankdir=LR;",
        *(f"  {n.id} [label={_quote(n.label)}, {_STYLES[n.role]}];" for n in graph.nodes),
        *(["  start [shape=point];"] if graph.initial else []),
        *(f"  start -> {name};" for name in graph.initial),
        *(f"  {e.source} -> {e.target} [label={_lines(e.labels)}];" for e in graph.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"
