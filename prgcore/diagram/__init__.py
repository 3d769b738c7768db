"""Diagrams: a machine, then a small frozen graph, then text; one file a format.

Law: everything drawn is read from the table, so a diagram cannot drift from it. Output is
sorted and byte-identical from run to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prgcore.diagram.dot import dot
from prgcore.diagram.graph import Edge, Graph, Label, Node, graph
from prgcore.diagram.mermaid import mermaid
from prgcore.diagram.table import table
from prgcore.errors import BadInput
from prgcore.model import Model

__all__ = ["FORMATS", "Edge", "Graph", "Label", "Node", "draw", "graph", "render"]

FORMATS: Mapping[str, Callable[[Graph], str]] = {"dot": dot, "mermaid": mermaid, "table": table}
"""The registry: the name of a format and what renders it."""


def render(drawn: Graph, form: str) -> str:
    """A graph as text.

    Raises:
        BadInput: no such format; the message lists those that there are.
    """
    if form not in FORMATS:
        raise BadInput(f"unknown format {form[:80]!r}; known: {', '.join(sorted(FORMATS))}")
    return FORMATS[form](drawn)


def draw(
    model: Model, form: str = "mermaid", column: str = "node1.state", phase: str | None = None
) -> str:
    """The changes of one column of a machine as text; of one phase of its rules, or of all.

    Raises:
        BadInput: no such format, stored column or phase.
    """
    if form not in FORMATS:
        return render(Graph("", (), (), ()), form)
    return render(graph(model, column, phase), form)
