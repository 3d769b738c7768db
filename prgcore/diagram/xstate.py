"""A graph as the configuration of an XState machine, version 5, as JSON.

Law: a chart cannot express what a rule needs of other columns, so every transition names its rule
as a guard. The program that runs the machine brings the guards.
"""

from __future__ import annotations

import json
from typing import Any

from prgcore.diagram.graph import Graph, Node

__all__ = ["xstate"]


def xstate(graph: Graph) -> str:
    """`{"id", "initial", "states": {id: {"description", "tags", "meta", "on"}}}`.

    Edges that are drawn from many values at once are written out. The first initial node is taken,
    or the first node if none is initial.
    """
    whole = graph.spread
    states = {n.id: _state(graph, n) for n in whole.nodes}
    for edge in whole.edges:
        for label in edge.labels:
            transition = {"target": edge.target, "guard": label.rule, "description": label.tooltip}
            transitions = states[edge.source].setdefault("on", {})
            transitions.setdefault(label.event, []).append(
                {k: v for k, v in transition.items() if v})
    initial = (*graph.initial, *states)[:1]
    found = {"id": graph.title, **({"initial": initial[0]} if initial else {}), "states": states}
    return json.dumps(found, indent=2) + "\n"


def _state(graph: Graph, node: Node) -> dict[str, Any]:
    meta = {"label": node.label, "role": node.role, "mark": node.mark, "url": graph.at(node.url)}
    return {
        "description": "\n".join(node.text), "tags": [node.role],
        "meta": {k: v for k, v in meta.items() if v},
    }
