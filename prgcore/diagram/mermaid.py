"""A graph as a Mermaid flowchart. Law: text only; every name is quoted."""

from __future__ import annotations

from prgcore.diagram.graph import Graph, Node

_SHAPES = {
    "serving": ("([", "])"), "transition": ("{{", "}}"), "failed": ("[[", "]]"),
    "any": (">", "]"),
}
_CLASSES = {
    "serving": "fill:#d9f2d9,stroke:#2e7d32,color:#000",
    "transition": "fill:#e3f0fb,stroke:#1565c0,color:#000",
    "failed_over": "fill:#fff4d6,stroke:#b28704,color:#000",
    "failed": "fill:#fbdedd,stroke:#b71c1c,color:#000",
    "unknown": "fill:#eeeeee,stroke:#616161,color:#000",
    "plain": "fill:#ffffff,stroke:#424242,color:#000",
    "any": "fill:#ffffff,stroke:#9e9e9e,color:#000,stroke-dasharray:4 3",
}


def _quote(text: str) -> str:
    for plain, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(plain, entity)
    return text


def _node(node: Node) -> str:
    opens, closes = _SHAPES.get(node.role, ("[", "]"))
    return f'  {node.id}{opens}"{_quote(node.label)}"{closes}:::{node.role}'


def mermaid(graph: Graph) -> str:
    """The graph as Mermaid text, one node or edge a line."""
    roles = sorted({n.role for n in graph.nodes})
    lines = [
        f"%% {graph.title}",
        "flowchart LR",
        *map(_node, graph.nodes),
        *(f"  start(( )) --> {name}" for name in graph.initial),
        *(
            f'  {e.source} -->|"{"<br/>".join(_quote(str(w)) for w in e.labels)}"| {e.target}'
            for e in graph.edges
        ),
        *(f"  classDef {role} {_CLASSES[role]}" for role in roles),
    ]
    return "\n".join(lines) + "\n"
