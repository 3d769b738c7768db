"""The shape of a drawn graph: nodes, edges with their rules, marks. Knows no format.

Law: frozen and sorted. The views (`states`, `walks`, and `prgcore.prove.quotient`) decide what is
drawn, and the formats how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from attrs import evolve, frozen

from prgcore.diagram.palette import MARKS, PALETTE, Role
from prgcore.errors import BadInput
from prgcore.model import Values
from prgcore.words import clean

__all__ = [
    "MOST_EDGES", "MOST_LINES", "MOST_NODES", "WORD", "Edge", "Graph", "Label", "Node", "address",
    "check_size", "escaped", "fits", "gathered", "identifier", "in_order", "only", "spelled",
    "word",
]

WORD = r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*"
"""A name that is written as it is: letters and digits, joined by single underscores."""

MOST_NODES = 60
MOST_EDGES = 150
"""The largest graph that can be laid out and read; parallel edges count once."""
MOST_LINES = 6
"""How many labels an edge shows; the others are counted."""

_SIGNS = tuple(f"{mark.sign} " for mark in MARKS.values() if mark.sign)


@frozen(order=True)
class Node:
    """A node of a graph: a value, a class of pairs, or a pair.

    Attributes:
        id: a name that every format takes as an identifier.
        label: the first line of its text; `lines` are the others.
        role: a word of `palette.Role`.
        tooltip: the text that appears when a reader points at it.
        url: the page with more about it, relative to the reference.
        mark: "" or `focus`, `path`, `broken`, `added`, `removed`.
        covers: the nodes that it stands for, if it is not one itself.
    """

    id: str
    label: str
    role: str
    lines: Values = ()
    tooltip: str = ""
    url: str = ""
    mark: str = ""
    covers: tuple[Node, ...] = ()

    @property
    def text(self) -> Values:
        """Its text, line by line, the sign of its mark first."""
        return _signed(self.mark, self.label), *map(clean, self.lines)


@frozen(order=True, cache_hash=True)
class Label:
    """The reason for an edge: an event and its rule, with the rule's reason and citation."""

    event: str
    rule: str
    phase: str = ""
    why: str = ""
    cite: Values = ()

    def __str__(self) -> str:
        return clean(f"{self.event} {self.rule}".rstrip())

    @property
    def url(self) -> str:
        """The rule's row in the reference."""
        return f"rules.html#{identifier(self.rule.lower())[2:]}" if self.rule else ""

    @property
    def tooltip(self) -> str:
        """Reason and citation."""
        said = f"{self.rule}: {self.why}" + (f" ({', '.join(self.cite)})" if self.cite else "")
        return clean(said.strip(": "))


in_order = attrgetter("event", "rule", "phase", "why", "cite")
"""The key that sorts labels: the same order as their own, but faster."""


@frozen(order=True)
class Edge:
    """From a node to a node; parallel edges are one edge with many labels.

    Attributes:
        steps: the numbers of the steps of a trace that go this way, from 1.
        mark: "" or `path`, `broken`, `added`, `removed`, `changed`.
    """

    source: str
    target: str
    labels: tuple[Label, ...]
    steps: tuple[int, ...] = ()
    mark: str = ""

    @property
    def shown(self) -> tuple[tuple[str, Label | None], ...]:
        """Its text, line by line, each line with its label."""
        count = len(self.labels)
        most = count if count <= MOST_LINES + 1 else MOST_LINES
        shown: list[tuple[str, Label | None]] = [(str(w), w) for w in self.labels[:most]]
        if most < count:
            shown.append((f"and {count - most} more", None))
        if shown:
            number = ", ".join(map(str, self.steps))
            text, first = shown[0]
            mark = "" if text.startswith(_SIGNS) else self.mark
            shown[0] = _signed(mark, f"{number}. {text}" if number else text), first
        return tuple(shown)

    @property
    def tooltip(self) -> str:
        """Reason and citation of every label, one line each."""
        return "\n".join(dict.fromkeys(w.tooltip for w in self.labels))


@frozen
class Graph:
    """A graph: nodes and edges in an order that helps a reader.

    Attributes:
        initial: ids of the nodes in which it starts.
        reference: the address of the reference, put before every address; without it nothing is
            linked.
        legend: whether roles and marks are explained.
    """

    title: str
    initial: Values
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    reference: str = ""
    legend: bool = True

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that occur, in the order of the palette: what a legend explains."""
        used = {n.role for n in self.nodes}
        return tuple(r for r in Role if r in used)

    @property
    def names(self) -> dict[str, str]:
        """The name of each node in a list, by its id: its first line, and what sets it apart.

        Nodes with the same first line add the lines that not all of them have; if those are the
        same as well, a number.
        """
        alike: dict[str, list[Node]] = {}
        for node in self.nodes:
            alike.setdefault(node.text[0], []).append(node)
        found: dict[str, str] = {}
        for label, some in alike.items():
            shared = set(some[0].text[1:]).intersection(*(n.text[1:] for n in some))
            count: dict[str, int] = {}
            for node in some:
                own = ", ".join(line for line in node.text[1:] if line not in shared)
                name = f"{label} ({own})" if own else label
                count[name] = count.get(name, 0) + 1
                found[node.id] = f"{name} #{count[name]}" if count[name] > 1 else name
        return found

    @property
    def explained(self) -> tuple[Node, ...]:
        """The legend, as nodes that look like those they explain; empty if all look alike."""
        used = {n.mark for n in self.nodes} | {e.mark for e in self.edges}
        marks = [(m, look) for m, look in MARKS.items() if m in used]
        if not self.legend or (len(self.roles) < 2 and not marks):
            return ()
        return (
            *(Node(f"legend_{r}", PALETTE[r].says, r) for r in self.roles),
            *(Node(f"legend_{m}", look.says, Role.PLAIN, mark=m) for m, look in marks),
        )

    def at(self, url: str) -> str:
        """A whole address; empty where nothing is linked."""
        return address(self.reference, url)

    @property
    def spread(self) -> Graph:
        """The graph without nodes that stand for others: for machinery, not for the eye."""
        covers = {n.id: n.covers for n in self.nodes if n.covers}
        nodes = {n.id: n for n in chain(*covers.values(), self.nodes) if n.id not in covers}
        labels: dict[tuple[str, str, str], set[Label]] = {}
        for edge in self.edges:
            for source in covers.get(edge.source) or (nodes[edge.source],):
                if source.id != edge.target or edge.source not in covers:
                    key = source.id, edge.target, edge.mark
                    labels.setdefault(key, set()).update(edge.labels)
        order = [n for n in self.nodes if n.id in nodes]
        order += [n for n in nodes.values() if n not in order]
        place = {n.id: i for i, n in enumerate(order)}
        edges = sorted(
            (Edge(a, b, tuple(sorted(some, key=in_order)), mark=m)
             for (a, b, m), some in labels.items()),
            key=lambda e: (place[e.source], place[e.target], e.mark),
        )
        return evolve(self, nodes=tuple(order), edges=tuple(edges))


def gathered(drawn: Graph) -> Graph:
    """The graph for the eye: a step from nearly every node to one is drawn once.

    The node that stands for the sources names those that it leaves out; `spread` is the inverse.
    """
    half, quarter = len(drawn.nodes) // 2, len(drawn.nodes) // 4
    sources: dict[tuple[Label, str], set[str]] = {}
    for edge in drawn.edges:
        for label in edge.labels:
            sources.setdefault((label, edge.target), set()).add(edge.source)
    labels: dict[tuple[str, str], list[Label]] = {}
    many: dict[str, Node] = {}
    for (label, target), some in sources.items():
        left = [n for n in drawn.nodes if n.id not in some and n.id != target]
        if len(some) > max(2, half) and len(left) <= max(6, quarter):
            id_ = "_".join(["any", *(f"{len(n.id)}_{n.id}" for n in left)])
            says = "*" if not left else "* but " + ", ".join(n.label for n in left)
            covers = tuple(n for n in drawn.nodes if n not in left)
            many[id_] = Node(id_, says, Role.ANY, covers=covers)
            labels.setdefault((id_, target), []).append(label)
        else:
            for source in some:
                labels.setdefault((source, target), []).append(label)
    nodes = (*drawn.nodes, *(many[id_] for id_ in sorted(many)))
    place = {n.id: i for i, n in enumerate(nodes)}
    edges = (Edge(*ends, tuple(sorted(why, key=in_order))) for ends, why in labels.items())
    return evolve(drawn, nodes=nodes, edges=tuple(
        sorted(edges, key=lambda e: (place[e.source], place[e.target]))))


def address(reference: str, url: str) -> str:
    """The address as a link may spell it; empty if nothing is linked."""
    return re.sub(
        r"[^A-Za-z0-9_:/?#@!$&+,=.~%-]",
        lambda m: "".join(f"%{b:02X}" for b in m[0].encode(errors="replace")),
        reference + url if reference and url else "",
    )


def _signed(mark: str, text: str) -> str:
    sign = MARKS[mark].sign if mark else ""
    return clean(f"{sign} {text}" if sign else text)


@lru_cache(4096)
def identifier(name: str) -> str:
    """A name that every format takes as an identifier; different names give different ones."""
    if re.fullmatch(r"[A-Za-z0-9_]*", name):
        return f"s_{name}"
    return "x_" + re.sub(r"[^A-Za-z0-9]", lambda m: f"_{ord(m[0]):x}_", name)


def escaped(name: str) -> str:
    """`x___`, then the name; each sign that is not an ASCII letter or digit as `_HEX_`.

    No `WORD` begins so. Read back from left to right, it gives the name.
    """
    return "x___" + re.sub(r"[^A-Za-z0-9]", lambda m: f"_{ord(m[0]):x}_", name)


def word(title: str) -> str:
    """A title as the name of a file's only chart: a word, which may be that of another title."""
    return re.sub(r"[^A-Za-z0-9]+", "_", title).strip("_") or "_"


def spelled(name: str) -> str:
    """A name as a word of a foreign format; different names give different words."""
    return name if re.fullmatch(WORD, name) else escaped(name)


def only(
    drawn: Graph, what: str, events: Collection[str] | None = None, phase: str | None = None
) -> Graph:
    """The edges of some events, or of a phase, and the nodes that they join.

    Args:
        drawn: the graph.
        what: the selection in words, for the title.
        events: names, without a seat where the labels have none.
        phase: of the rules.
    """
    names = {*(events or ()), *(name.partition("(")[0] for name in events or ())}
    edges = []
    for edge in drawn.edges:
        labels = tuple(
            w for w in edge.labels
            if (events is None or w.event in names) and phase in (None, w.phase)
        )
        if labels:
            edges.append(evolve(edge, labels=labels))
    joined = {end for e in edges for end in (e.source, e.target)}
    nodes = tuple(n for n in drawn.nodes if n.id in joined or n.mark == "focus")
    left = len(drawn.nodes) - len(nodes)
    return evolve(
        drawn, title=f"{drawn.title}, {what}" + (f" ({left} without it left out)" if left else ""),
        nodes=nodes, edges=tuple(edges), initial=tuple(i for i in drawn.initial if i in joined),
    )


def fits(drawn: Graph) -> bool:
    """Whether the graph can be laid out and read."""
    return len(drawn.nodes) <= MOST_NODES and len(drawn.edges) <= MOST_EDGES


def check_size(drawn: Graph, narrower: Iterable[str] = ()) -> Graph:
    """The graph itself.

    Args:
        narrower: views that would do; asked for only if they are needed.

    Raises:
        BadInput: too large to lay out and read; the message names the narrower views.
    """
    if fits(drawn):
        return drawn
    hint = "; ".join(narrower)
    raise BadInput(
        f"{clean(drawn.title)}: {len(drawn.nodes)} nodes and {len(drawn.edges)} edges are too many "
        f"to lay out (at most {MOST_NODES} and {MOST_EDGES})" + (f"; try {hint}" if hint else "")
    )
