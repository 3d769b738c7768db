"""The shape of a drawn graph: nodes, edges with the rules behind them, marks. Knows no format.

Law: frozen and sorted; what is drawn is decided by the views (`states`, `walks`, and
`prgcore.prove.quotient`), how it looks by the formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.model import Values

MOST_NODES = 60
MOST_EDGES = 150
"""What can be laid out and read; edges that are parallel count once."""


@frozen(order=True)
class Node:
    """What a graph has nodes for: a value, a class of pairs, a pair.

    Attributes:
        id: a name that every format takes as an identifier.
        label: the first line of what stands in it; `lines` are the others.
        role: a word of `palette.Role`.
        tooltip: what is said when it is pointed at.
        url: where more of it is said, relative to the reference.
        mark: "" or `focus`, `path`, `broken`, `added`, `removed`.
    """

    id: str
    label: str
    role: str
    lines: Values = ()
    tooltip: str = ""
    url: str = ""
    mark: str = ""


@frozen(order=True)
class Label:
    """Why an edge is there: an event and the rule that answers it, with its reason and citation."""

    event: str
    rule: str
    phase: str = ""
    why: str = ""
    cite: Values = ()

    def __str__(self) -> str:
        return f"{self.event} {self.rule}"

    @property
    def url(self) -> str:
        """The rule's row in the reference."""
        return f"rules.html#{self.rule.partition('@')[0].lower()}"

    @property
    def tooltip(self) -> str:
        """Reason and citation."""
        return f"{self.rule}: {self.why}" + (f" ({', '.join(self.cite)})" if self.cite else "")


@frozen(order=True)
class Edge:
    """From a node to a node; parallel edges are one edge with many labels.

    Attributes:
        steps: the numbers of the steps of a trace that go this way, from 1.
        mark: "" or `path`, `added`, `removed`, `changed`.
    """

    source: str
    target: str
    labels: tuple[Label, ...]
    steps: tuple[int, ...] = ()
    mark: str = ""


@frozen
class Graph:
    """Nodes and edges in an order that means something to a reader; `initial` are ids."""

    title: str
    initial: Values
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def roles(self) -> Values:
        """The roles that occur, in the order of the palette: what a legend explains."""
        from prgcore.diagram.palette import Role

        used = {n.role for n in self.nodes}
        return tuple(r for r in Role if r in used)


def identifier(name: str) -> str:
    """A name that every format takes as an identifier; different names give different ones."""
    return "s_" + re.sub(
        r"[^A-Za-z0-9]", lambda m: "_" if m[0] in " _" else f"_{ord(m[0]):x}_", name
    )


def check_size(drawn: Graph, narrower: Iterable[str] = ()) -> Graph:
    """The graph itself.

    Raises:
        BadInput: too large to lay out and read; the message names the narrower views.
    """
    if len(drawn.nodes) <= MOST_NODES and len(drawn.edges) <= MOST_EDGES:
        return drawn
    hint = "; ".join(narrower)
    raise BadInput(
        f"{drawn.title}: {len(drawn.nodes)} nodes and {len(drawn.edges)} edges are too many to "
        f"lay out (at most {MOST_NODES} and {MOST_EDGES})" + (f"; try {hint}" if hint else "")
    )
