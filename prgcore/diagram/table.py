"""A graph as a Markdown table, one event of an edge a row. Law: text only."""

from __future__ import annotations

from prgcore.diagram.graph import Graph


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*")


def table(graph: Graph) -> str:
    """The graph as Markdown: from, to, event, rule, phase."""
    labels = {n.id: _quote(n.label) for n in graph.nodes}
    rows = (
        (labels[e.source], labels[e.target], f"`{w.event}`", _quote(w.rule), _quote(w.phase))
        for e in graph.edges for w in e.labels
    )
    lines = [
        f"**{_quote(graph.title)}**", "",
        "| from | to | event | rule | phase |", "| --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"
