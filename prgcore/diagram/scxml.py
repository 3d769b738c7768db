"""A graph as SCXML, the State Chart XML of the W3C.

Law: a chart cannot express what a rule needs of other columns. Every transition has a variable of
the data model as its `cond`, named like its rule. It is 1, true in every expression language; a
program that runs the chart sets it to 0 where the rule does not apply.

A descriptor matches every event whose name begins with its words: `failover` would also take the
event `failover.node1`. So no name here has a dot. `failover(node1)` is `failover__node1`, and
comments at the head of the file give the name of each event and rule that is spelled otherwise.

A rule that leaves its node in its state has no target. It leaves and enters nothing, and what began
with the state goes on: the machine's timers count what is observed, and no rule restarts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from prgcore.diagram.graph import WORD, Graph, Label, escaped, spelled, word
from prgcore.words import clean

__all__ = ["NAMESPACE", "descriptor", "scxml"]

NAMESPACE = "http://www.w3.org/2005/07/scxml"
PLATFORM = ("done", "error")
"""The first words of the events that a chart sends itself, such as `done.state.idle`."""
ROW = r"[A-Za-z]+[0-9]+"
"""A rule's id that no expression language has as a word of its own."""


def descriptor(event: str) -> str:
    """An event as one word of letters, digits and underscores; different for different events.

    `coin` stays as it is, `failover(node1)` is `failover__node1`. Other names are `escaped`.
    """
    seated = re.fullmatch(rf"({WORD})\(({WORD})\)", event)
    if seated:
        return "__".join(seated.groups())
    return escaped(event) if event in PLATFORM else spelled(event)


def _guard(rule: str) -> str:
    return rule if re.fullmatch(ROW, rule) else escaped(rule)


def scxml(graph: Graph) -> str:
    """The graph as an SCXML document.

    Edges that are drawn from many values at once are written out. The first initial node is taken,
    or the first node if none is initial.
    """
    from xml.etree import ElementTree as ET

    whole = graph.spread
    labels = [w for e in whole.edges for w in e.labels]
    root = ET.Element("scxml", {
        "xmlns": NAMESPACE, "version": "1.0", "name": word(graph.title),
    })
    initial = (*graph.initial, *(n.id for n in whole.nodes))[:1]
    if initial:
        root.set("initial", initial[0])
    for line in (graph.title, *_spellings(labels)):
        root.append(ET.Comment(f" {_comment(line)} "))
    data = ET.SubElement(root, "datamodel")
    for guard in sorted({_guard(w.rule) for w in labels if w.rule}):
        ET.SubElement(data, "data", {"id": guard, "expr": "1"})
    states = {n.id: ET.SubElement(root, "state", {"id": n.id}) for n in whole.nodes}
    for node in whole.nodes:
        states[node.id].append(ET.Comment(f" {_comment(', '.join((*node.text, node.role)))} "))
    for edge in whole.edges:
        for label in edge.labels:
            transition = {"event": descriptor(label.event)}
            if edge.source != edge.target:
                transition["target"] = edge.target
            if label.rule:
                transition["cond"] = _guard(label.rule)
            ET.SubElement(states[edge.source], "transition", transition)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _spellings(labels: Iterable[Label]) -> list[str]:
    """A line for each name that is not spelled as the machine spells it."""
    events = {("event", descriptor(w.event), w.event) for w in labels}
    rules = {("rule", _guard(w.rule), w.rule) for w in labels if w.rule}
    return [f"{kind} {word} is {name}" for kind, word, name in sorted(events | rules)
            if word != name]


def _comment(text: str) -> str:
    """Text for a comment, in which no two hyphens may follow each other."""
    return re.sub("-(?=-)", "\N{HYPHEN}", clean(text))
