"""A graph as comma-separated values (RFC 4180): one row per edge and event, nothing left out.

Law: cells hold the words of the machine unchanged, for programs first. That includes a word that
a spreadsheet would take for a formula.
"""

from __future__ import annotations

from csv import writer
from io import StringIO

from prgcore.diagram.graph import Graph

__all__ = ["HEAD", "csv"]

HEAD = ("from", "to", "event", "rule", "phase", "why", "cite", "steps", "mark",
        "from_id", "to_id")


def csv(graph: Graph) -> str:
    """The graph as CSV with a header row; `cite` and `steps` are joined by semicolons.

    `from` and `to` are first lines, which several nodes may share; the ids differ.
    """
    labels = {n.id: n.label for n in graph.nodes}
    out = StringIO()
    rows = writer(out)
    rows.writerow(HEAD)
    rows.writerows(
        (labels[e.source], labels[e.target], w.event, w.rule, w.phase, w.why,
         "; ".join(w.cite), "; ".join(map(str, e.steps)), e.mark, e.source,
         e.target)
        for e in graph.edges for w in e.labels
    )
    return out.getvalue()
