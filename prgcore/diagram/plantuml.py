"""A graph as a PlantUML state diagram. Law: text only; every name is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prgcore.diagram.graph import Edge, Graph, Node
from prgcore.diagram.palette import MARKS, PALETTE, Role
from prgcore.words import clean

__all__ = ["plantuml"]


def _quote(text: str) -> str:
    """A line without markup: signs are written by their numbers."""
    return re.sub(r"[^\w .,:;()=+-]|__|--|^[ =+*#-]",
                  lambda m: "".join(f"<U+{ord(c):04X}>" for c in m[0]), clean(text))


def _link(graph: Graph, url: str, tooltip: str) -> str:
    """An address with its tooltip."""
    at = graph.at(url)
    if not at:
        return ""
    said = re.sub(r"[\[\]{}<>|\"\\%]", " ", clean(tooltip))
    return f" [[{at}{{{said}}}]]"


def _node(graph: Graph, node: Node) -> Iterator[str]:
    look = PALETTE[Role(node.role)]
    mark = MARKS.get(node.mark)
    line = f";line:{(mark or look).stroke.removeprefix('#')}"
    bold = ";line.bold" if mark and not mark.dashed else ""
    dashed = ";line.dashed" if look.shape == "dashed" or (mark and mark.dashed) else ""
    plain = node.role in (Role.PLAIN, Role.ANY)
    role = "" if plain else f"\\n<size:10>{_quote(f'«{node.role}»'.replace('_', ' '))}</size>"
    text = "\\n".join(map(_quote, node.text)) + role
    link = _link(graph, node.url, node.tooltip)
    yield (f'state "{text}" as {node.id} <<{node.role}>>{link} '
           f"#{look.fill.removeprefix('#')}{line}{bold}{dashed}")


def _edge(edge: Edge) -> Iterator[str]:
    mark = MARKS.get(edge.mark)
    style = f"[{mark.stroke},{'dashed' if mark.dashed else 'bold'}]" if mark else ""
    text = "\\n".join(_quote(line) for line, _ in edge.shown)
    yield f"{edge.source} -{style}-> {edge.target}" + (f" : {text}" if text else "")


def plantuml(graph: Graph) -> str:
    """The graph as PlantUML text, one node or edge on each line; the role is the stereotype."""
    explained = graph.explained
    lines = [
        "@startuml",
        f"title {_quote(graph.title)}",
        "hide empty description",
        *(line for n in graph.nodes for line in _node(graph, n)),
        *(f"[*] --> {name}" for name in graph.initial),
        *(line for e in graph.edges for line in _edge(e)),
        *(["legend right", *(
            f"|<{PALETTE[Role(n.role)].fill}> {_quote(n.mark or n.role)} |"
            f" {_quote(' '.join(n.text))} |" for n in explained
        ), "endlegend"] if explained else []),
        "@enduml",
    ]
    return "\n".join(lines) + "\n"
