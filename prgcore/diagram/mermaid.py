"""A graph as a Mermaid flowchart. Law: text only; every name is quoted."""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.diagram.graph import Graph, Node
from prgcore.diagram.palette import MARKS, PALETTE, Role
from prgcore.words import clean

__all__ = ["mermaid", "quoted"]

_SHAPES = {
    "rounded": ("([", "])"), "hexagon": ("{{", "}}"), "double": ("[[", "]]"),
    "ellipse": ("[/", "/]"), "dashed": (">", "]"), "octagon": ("[/", "\\]"),
}
_ENTITIES = str.maketrans({c: f"#{ord(c)};" for c in "#%`&"} | {
    '"': "#quot;", "<": "#lt;", ">": "#gt;",
})


def quoted(text: str) -> str:
    """A line of a label, without markup."""
    return clean(text).translate(_ENTITIES) or " "


def _node(node: Node) -> str:
    opens, closes = _SHAPES.get(PALETTE[Role(node.role)].shape, ("[", "]"))
    text = "<br/>".join(map(quoted, node.text))
    return f'{node.id}{opens}"{text}"{closes}:::{node.role}'


def _edges(graph: Graph) -> Iterator[str]:
    for edge in graph.edges:
        arrow = "==>" if edge.mark == "path" else "-->"
        text = "<br/>".join(quoted(line) for line, _ in edge.shown)
        yield f'{edge.source} {arrow}|"{text}"| {edge.target}' if text \
            else f"{edge.source} {arrow} {edge.target}"


def _styles(graph: Graph, explained: tuple[Node, ...]) -> Iterator[str]:
    """The classes of the roles and marks that occur, and the look of marked edges."""
    for role in sorted({n.role for n in (*graph.nodes, *explained)}):
        look = PALETTE[Role(role)]
        dash = ",stroke-dasharray:4 3" if look.shape == "dashed" else ""
        yield f"classDef {role} fill:{look.fill},stroke:{look.stroke},color:#000{dash}"
    for name, mark in MARKS.items():
        marked = [n.id for n in (*graph.nodes, *explained) if n.mark == name]
        dash = ",stroke-dasharray:6 4" if mark.dashed else ""
        if marked:
            yield f"classDef {name} stroke:{mark.stroke},stroke-width:4px{dash}"
            yield f"class {','.join(marked)} {name}"
        first = len(graph.initial)  # Mermaid numbers the arrows; those from the start come first
        arrows = [str(i + first) for i, e in enumerate(graph.edges) if e.mark == name]
        if arrows:
            yield f"linkStyle {','.join(arrows)} stroke:{mark.stroke},stroke-width:3px{dash}"


def mermaid(graph: Graph) -> str:
    """The graph as Mermaid text, one node or edge on each line."""
    explained = graph.explained
    lines = [
        f"%% {quoted(graph.title)}",
        "flowchart TB",
        *(f"  {_node(n)}" for n in graph.nodes),
        *(f"  start(( )) --> {name}" for name in graph.initial),
        *(f"  {line}" for line in _edges(graph)),
        *([
            '  subgraph legend ["Legend"]', "    direction TB",
            *(f"    {_node(n)}" for n in explained), "  end",
            f"  legend ~~~ {graph.nodes[0].id}",
        ] if explained else []),
        *(
            f'  click {n.id} href "{at}" "{quoted(n.tooltip or n.label)}"'
            for n in graph.nodes if (at := graph.at(n.url))
        ),
        *(f"  {line}" for line in _styles(graph, explained)),
    ]
    return "\n".join(lines) + "\n"
