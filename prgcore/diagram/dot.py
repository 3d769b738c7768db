"""A graph in the language of Graphviz. Law: text only; every name is quoted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html import escape
from textwrap import wrap

from prgcore.diagram.graph import Edge, Graph, Node
from prgcore.diagram.palette import MARKS, PALETTE, Role
from prgcore.words import clean

__all__ = ["FEW_ABREAST", "MOST_ABREAST", "NARROW", "SPARSE", "WIDEST", "dot"]

WIDEST, NARROW = 30, 14
"""The width of a line, in characters: in a node that stands for others, and in all others."""
MOST_ABREAST, FEW_ABREAST = 24, 4
SPARSE = 1.8
"""A graph with more nodes goes from left to right. So does one with few edges per node that would
be wider than high: its parallel nodes are then one below another."""

_PAGE = 'labelloc=t, tooltip=" ", fontname="Helvetica", fontsize=14, nodesep=0.1, ranksep=0.25'
_CALLED = {"rounded": "rounded box", "double": "box in a box", "dashed": "dashed box"}
_SHAPES = {
    "rounded": 'shape=box, style="rounded,filled"', "hexagon": "shape=hexagon, style=filled",
    "octagon": "shape=octagon, style=filled",
    "box": "shape=box, style=filled", "double": "shape=box, peripheries=2, style=filled",
    "ellipse": "shape=ellipse, style=filled", "dashed": 'shape=box, style="filled,dashed"',
}


def _quote(text: str) -> str:
    """A line in quotes. Graphviz reads entities of HTML, and a backslash as its own."""
    plain = clean(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _lines(texts: list[str]) -> str:
    return '"' + "\\n".join(_quote(t)[1:-1] for t in texts) + '"'


def _node(graph: Graph, node: Node) -> str:
    look = PALETTE[Role(node.role)]
    most = WIDEST if node.covers else NARROW
    text = [line for part in node.text for line in wrap(part, most) or [part]]
    said = [
        f"label={_lines(text)}", _SHAPES[look.shape], f'fillcolor="{look.fill}"',
        f'color="{MARKS[node.mark].stroke}", penwidth=3' if node.mark else f'color="{look.stroke}"',
        f"tooltip={_quote(node.tooltip or node.label)}",
    ]
    if at := graph.at(node.url):
        said.append(f"URL={_quote(at)}")
    return f"{node.id} [{', '.join(said)}];"


def _legend(explained: tuple[Node, ...]) -> Iterator[str]:
    """The legend as one node, a table: for every role its colour and the name of its shape."""
    yield '  legend [shape=plain, tooltip="Legend", fontsize=12, label=<'
    yield '    <table border="0" cellborder="1" cellspacing="3" cellpadding="4">'
    for node in explained:
        look = PALETTE[Role(node.role)]
        stroke = MARKS[node.mark].stroke if node.mark else look.stroke
        width = 3 if node.mark else 1
        shape = "" if node.mark else _CALLED.get(look.shape, look.shape)
        yield (f'      <tr><td bgcolor="{look.fill}" color="{stroke}" border="{width}">'
               f'{escape(" ".join(node.text))}</td><td border="0" align="left">{shape}</td></tr>')
    yield "    </table>>];"


def _folded(text: str) -> list[str]:
    """A label as lines of a few characters, broken after words and after the `_` in a name."""
    lines = [""]
    for part in re.findall(r"[^_ ]*[_ ]?", text):
        if lines[-1] and len(lines[-1] + part.rstrip()) > NARROW:
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines]


def _label(graph: Graph, edge: Edge) -> Iterator[str]:
    """A table of lines, each with the address and the tooltip of its own rule."""
    bold = ("<b>", "</b>") if edge.mark == "path" else ("", "")
    yield '<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
    for text, of in edge.shown:
        at = graph.at(of.url) if of else ""
        link = f' href="{escape(at)}" tooltip="{escape(of.tooltip)}"' if of and at else ""
        said = "<br/>".join(map(escape, _folded(text)))
        yield f'<tr><td align="left" balign="left"{link}>{bold[0]}{said}{bold[1]}</td></tr>'
    yield "</table>>"


def _edge(graph: Graph, edge: Edge) -> str:
    said = []
    if edge.labels:
        tooltip = _lines(edge.tooltip.split("\n"))
        said += [f"label={''.join(_label(graph, edge))}",
                 f"tooltip={tooltip}", f"labeltooltip={tooltip}"]
    if edge.mark:
        mark = MARKS[edge.mark]
        style = "dashed" if mark.dashed else "solid"
        said.append(f'color="{mark.stroke}", fontcolor="{mark.stroke}", penwidth=2.5, '
                    f"style={style}")
    return f"{edge.source} -> {edge.target} [{', '.join(said)}];"


def _flat(graph: Graph) -> bool:
    """Whether the graph would be wider than high."""
    ends = {(e.source, e.target) for e in graph.edges if e.source != e.target}
    ranks = _ranks(graph, ends)
    return len(graph.nodes) > MOST_ABREAST or (
        max(ranks, default=0) > max(len(ranks), FEW_ABREAST)
        and len(ends) < SPARSE * len(graph.nodes)
    )


def _ranks(graph: Graph, ends: Collection[tuple[str, str]]) -> list[int]:
    """The number of nodes at the start, one step further, and so on."""
    left = {n.id for n in graph.nodes}
    here, ranks = left - {target for _, target in ends} or {*graph.initial}, []
    while left:
        here = here & left or {min(left)}
        ranks.append(len(here))
        left -= here
        here = {target for source, target in ends if source in here}
    return ranks


def dot(graph: Graph) -> str:
    """The graph as DOT text, one node or edge on each line."""
    explained = graph.explained
    direction = "LR" if _flat(graph) else "TB"
    lines = [
        f"digraph {_quote(graph.title)} {{",
        f"  graph [rankdir={direction}, label={_quote(graph.title)}, {_PAGE}];",
        '  node [fontname="Helvetica", fontsize=12, margin="0.06,0.03"];',
        '  edge [fontname="Helvetica", fontsize=10, color="#424242"];',
        *(f"  {_node(graph, n)}" for n in graph.nodes),
        *(['  start [shape=point, width=0.15, tooltip="start"];'] if graph.initial else []),
        *(f"  start -> {name};" for name in graph.initial),
        *(f"  {_edge(graph, e)}" for e in graph.edges),
        *(_legend(explained) if explained else ()),
        "}",
    ]
    return "\n".join(lines) + "\n"
