"""A graph as SCXML, the State Chart XML of the W3C.

Law: a chart cannot express what a rule needs of other columns. Every transition has the name of
its rule as `cond`, and the data model has a variable of that name. It is 1, true in every
expression language; a program that runs the chart sets it to 0 where the rule does not apply.
`failover(node1)` is the event `failover.node1`.
"""

from __future__ import annotations

import re

from prgcore.diagram.graph import Graph, identifier
from prgcore.words import clean

__all__ = ["NAMESPACE", "scxml"]

NAMESPACE = "http://www.w3.org/2005/07/scxml"


def _event(name: str) -> str:
    """A legal name: words joined by dots."""
    words = [w for w in re.split(r"[().]", name) if w]
    return ".".join(
        w if re.fullmatch(r"[A-Za-z]\w*", w, re.ASCII) else identifier(w) for w in words
    ) or identifier(name)


def _guard(rule: str) -> str:
    return rule if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", rule) else identifier(rule)


def scxml(graph: Graph) -> str:
    """The graph as an SCXML document.

    Edges that are drawn from many values at once are written out. The first initial node is taken,
    or the first node if none is initial.
    """
    from xml.etree import ElementTree as ET

    whole = graph.spread
    root = ET.Element("scxml", {"xmlns": NAMESPACE, "version": "1.0", "name": clean(graph.title)})
    initial = (*graph.initial, *(n.id for n in whole.nodes))[:1]
    if initial:
        root.set("initial", initial[0])
    data = ET.SubElement(root, "datamodel")
    for guard in sorted({_guard(w.rule) for e in whole.edges for w in e.labels if w.rule}):
        ET.SubElement(data, "data", {"id": guard, "expr": "1"})
    states = {n.id: ET.SubElement(root, "state", {"id": n.id}) for n in whole.nodes}
    for node in whole.nodes:
        states[node.id].append(ET.Comment(f" {_comment(', '.join((*node.text, node.role)))} "))
    for edge in whole.edges:
        for label in edge.labels:
            transition = {"event": _event(label.event), "target": edge.target}
            if label.rule:
                transition["cond"] = _guard(label.rule)
            ET.SubElement(states[edge.source], "transition", transition)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _comment(text: str) -> str:
    """Text for a comment, which cannot hold two hyphens."""
    return clean(text).replace("-", "\N{HYPHEN}")
