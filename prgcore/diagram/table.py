"""A graph as a Markdown table, one row per edge and event. Law: text only."""

from __future__ import annotations

import re

from prgcore.diagram.graph import Graph
from prgcore.diagram.palette import MARKS
from prgcore.words import clean

__all__ = ["table"]


def _quote(text: str) -> str:
    """Words without markup; a line below joins words, and is markup only at their ends."""
    return re.sub(r"([\\|*<>\[\]`&~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", clean(text))


def _code(text: str) -> str:
    """A name as code, between more ticks than it has; in a table a bar ends the cell even there."""
    said = clean(text).replace("|", "\\|")
    ticks = "`" * (1 + max(map(len, re.findall("`+", said)), default=0))
    room = " " if "`" in said else ""
    return f"{ticks}{room}{said}{room}{ticks}"


def table(graph: Graph) -> str:
    """The graph as Markdown: from, to, event, rule, phase; steps and marks if there are any."""
    labels = {id_: _quote(name) for id_, name in graph.names.items()}
    marked = any(e.mark for e in graph.edges)
    head = ["from", "to", "event", "rule", "phase", *(["mark"] if marked else [])]
    lines = [
        f"**{_quote(graph.title)}**", "",
        f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |",
    ]
    for edge in graph.edges:
        says = MARKS[edge.mark].says if edge.mark else ""
        said = f"step {', '.join(map(str, edge.steps))}" if edge.steps else says
        for label in edge.labels:
            row = [labels[edge.source], labels[edge.target], _code(label.event),
                   _quote(label.rule), _quote(label.phase), *([said] if marked else [])]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"
