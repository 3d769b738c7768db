"""A graph as a page: its picture, and below it every edge with the reason of its rule."""

from __future__ import annotations

from html import escape

from prgcore.diagram.graph import Graph
from prgcore.diagram.page import listing, page
from prgcore.words import clean

__all__ = ["html"]


def html(graph: Graph, svg: str) -> str:
    """A self-contained document.

    Args:
        graph: the graph.
        svg: its picture, as Graphviz draws it.
    """
    names = {id_: escape(name) for id_, name in graph.names.items()}
    rows: list[tuple[str, ...]] = [
        (names[e.source], names[e.target], ", ".join(map(str, e.steps)),
         f"<code>{escape(clean(w.event))}</code>", _linked(w.rule, graph.at(w.url)),
         escape(clean(w.why)))
        for e in graph.edges for w in e.labels
    ]
    heads: tuple[str, ...] = ("from", "to", "step", "event", "rule", "why")
    if not any(e.steps for e in graph.edges):
        heads, rows = _without(heads, 2), [_without(row, 2) for row in rows]
    return page(graph.title, svg, listing("Edges", heads, rows))


def _without(row: tuple[str, ...], at: int) -> tuple[str, ...]:
    return row[:at] + row[at + 1:]


def _linked(rule: str, at: str) -> str:
    said = escape(clean(rule))
    return f'<a href="{escape(at)}">{said}</a>' if at else said
