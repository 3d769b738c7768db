"""Diagrams: a machine becomes a small frozen shape, then text; one file per format.

Law: everything drawn is read from the table, so a diagram cannot drift from it. Output is
sorted and byte-identical from run to run. Pure: `prgcore.adapters.graphviz` lays graphs out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from prgcore.diagram import matrix_svg, matrix_text, sequence_svg, sequence_text, sequence_uml
from prgcore.diagram.commas import csv
from prgcore.diagram.dot import dot
from prgcore.diagram.graph import Edge, Graph, Label, Node
from prgcore.diagram.matrix import Matrix
from prgcore.diagram.mermaid import mermaid
from prgcore.diagram.plantuml import plantuml
from prgcore.diagram.scxml import scxml
from prgcore.diagram.sequence import Sequence
from prgcore.diagram.states import graph
from prgcore.diagram.table import table
from prgcore.diagram.text import text
from prgcore.diagram.xstate import xstate
from prgcore.errors import BadInput
from prgcore.model import Model

__all__ = [
    "FORMATS", "Drawn", "Edge", "Graph", "Label", "Matrix", "Node", "Sequence", "draw", "graph",
    "render",
]

Drawn: TypeAlias = Graph | Sequence | Matrix
"""The shapes that views make of a machine, and that formats turn into text."""

FORMATS: Mapping[type[Drawn], Mapping[str, Callable[[Any], str]]] = {
    Graph: {
        "csv": csv, "dot": dot, "markdown": table, "mermaid": mermaid, "plantuml": plantuml,
        "scxml": scxml, "table": table, "text": text, "xstate": xstate,
    },
    Sequence: {
        "html": sequence_svg.html, "mermaid": sequence_uml.mermaid,
        "plantuml": sequence_uml.plantuml, "svg": sequence_svg.svg, "text": sequence_text.text,
    },
    Matrix: {
        "csv": matrix_text.csv, "html": matrix_svg.html, "markdown": matrix_text.markdown,
        "svg": matrix_svg.svg, "text": matrix_text.text,
    },
}
"""The registry: for every shape the names of its formats, each with its renderer."""


def render(drawn: Drawn, form: str) -> str:
    """A drawing as text.

    Raises:
        BadInput: the shape has no such format; the message lists its formats.
    """
    forms = FORMATS[type(drawn)]
    if form not in forms:
        raise BadInput(f"unknown format {form[:80]!r}; known: {', '.join(sorted(forms))}")
    return forms[form](drawn)


def draw(
    model: Model, form: str = "mermaid", column: str = "node1.state", phase: str | None = None
) -> str:
    """The changes of one column of a machine as text; of one phase of its rules, or of all.

    Raises:
        BadInput: no such format, stored column or phase.
    """
    if form not in FORMATS[Graph]:
        return render(Graph("", (), (), ()), form)
    return render(graph(model, column, phase), form)
