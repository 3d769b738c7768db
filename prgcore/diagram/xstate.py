"""A graph as the configuration of an XState machine, version 5, as JSON.

Law: a chart cannot express what a rule needs of other columns, so every transition names its rule
as a guard. The program that runs the machine brings the guards.

A rule that leaves its node in its state does not reenter it, so a delayed transition of the state
goes on: the machine's timers count what is observed, and no rule restarts them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from prgcore.diagram.graph import Graph, Node, escaped, word

__all__ = ["descriptor", "key", "plays", "xstate"]


def key(value: str) -> str:
    """A value as the key of a state that a target can name; different for different values.

    A dot separates keys, a backslash escapes, and `#` begins an id. Values without them stay.
    """
    odd = not value or re.search(r"[.#\\]|\A(?:x___|__proto__\Z)", value)
    return escaped(value) if odd else value


def plays(event: str) -> bool:
    """Whether XState takes an event of this name for itself alone.

    `*` matches every event, `a.*` all that begin with `a`; `xstate.` begins the library's own.
    """
    return bool(event) and not re.search(r"\*\Z|\A(?:xstate\.|__proto__\Z)", event)


def descriptor(event: str) -> str:
    """An event as a key of `on` that matches itself alone; different for different events."""
    return event if plays(event) and not event.startswith("x___") else escaped(event)


def xstate(graph: Graph) -> str:
    """`{"id", "description", "initial", "states": {id: {"description", "tags", "meta", "on"}}}`.

    Edges that are drawn from many values at once are written out. The first initial node is taken,
    or the first node if none is initial. An event that `on` cannot have as a key is `escaped`; its
    transitions have its name in `meta.event`.
    """
    whole = graph.spread
    states = {n.id: _state(graph, n) for n in whole.nodes}
    for edge in whole.edges:
        for label in edge.labels:
            on = descriptor(label.event)
            transition = {
                "target": edge.target, "guard": label.rule, "description": label.tooltip,
                "meta": {"event": label.event} if on != label.event else {},
            }
            stays = {"reenter": False} if edge.target == edge.source else {}
            states[edge.source].setdefault("on", {}).setdefault(on, []).append(
                {**{k: v for k, v in transition.items() if v}, **stays})
    initial = (*graph.initial, *states)[:1]
    found = {
        "id": word(graph.title), "description": graph.title,
        **({"initial": initial[0]} if initial else {}), "states": states,
    }
    return json.dumps(found, indent=2) + "\n"


def _state(graph: Graph, node: Node) -> dict[str, Any]:
    meta = {"label": node.label, "role": node.role, "mark": node.mark, "url": graph.at(node.url)}
    return {
        "description": "\n".join(node.text), "tags": [node.role],
        "meta": {k: v for k, v in meta.items() if v},
    }
