"""Enabling: what happens if high availability is enabled now. The machine gives the answer.

Law: pure. The machine is an argument, and it alone decides. A group is enabled improperly if its
database is not replicated or its nodes do not belong together (D50).
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from prgcore.engine import Engine, Pair
from prgcore.errors import NeedsTwoNodes
from prgcore.explain.display import row_of
from prgcore.explain.settling import until_rest
from prgcore.product.configuration.deployment import Deployment, Group, Node, host
from prgcore.product.services import services_column
from prgcore.seats import NODES
from prgcore.tables.configuration import REPLICATED

__all__ = ["Enabled", "enable"]


@frozen
class Enabled:
    """The result of enabling high availability.

    Attributes:
        group: the name of the group.
        nodes: the names of `node1` and `node2`.
        start: the pair before the enabling.
        events: the events in order: the enabling, then timers and completions until rest.
        pair: the pair at rest.
        row: the row of Table 2 that the pair shows, or None.
    """

    group: str
    nodes: tuple[str, str]
    start: Pair
    events: tuple[str, ...]
    pair: Pair
    row: str | None

    def to_json(self) -> dict[str, Any]:
        """The answer as an object."""
        return {
            "group": self.group, "nodes": list(self.nodes), "events": list(self.events),
            "pair": dict(self.pair), "row": self.row,
        }


def enable(engine: Engine, deployment: Deployment, group: Group) -> Enabled:
    """The result of enabling high availability in this group, even without its prerequisites.

    Source: "Verify Services", the caution of "Enable High Availability", Table 2, row 24.

    Raises:
        NeedsTwoNodes: the group does not have two different nodes.
        BadInput: the deployment does not describe a node of the group, or one of the running
            services is not a critical service.
    """
    if len(group.nodes) != 2 or host(group.nodes[0]) == host(group.nodes[1]):
        raise NeedsTwoNodes(f"group {group.name[:80]!r}: high availability needs two nodes; "
                            "choose two different ones")
    nodes = (deployment.node(group.nodes[0]), deployment.node(group.nodes[1]))
    start = engine.pair({
        **engine.initial[0],
        "auto_fallback": "on" if deployment.parameters.enable_automatic_fallback else "off",
        **{
            f"{seat}.services": services_column(
                node.services, deployment.parameters, persistent_chat=node.persistent_chat)
            for seat, node in zip(NODES, nodes, strict=True)
        },
    })
    first = engine.step(start, "enable_ha" if _proper(*nodes) else "enabled_improperly")
    steps = (first, *until_rest(engine, first.pair))
    pair = steps[-1].pair
    names, events = (nodes[0].name, nodes[1].name), tuple(step.event for step in steps)
    return Enabled(group.name, names, start, events, pair, row_of(engine, pair))


def _proper(one: Node, other: Node) -> bool:
    return one.replication == other.replication == REPLICATED and (
        (one.cluster, host(one.publisher), one.version)
        == (other.cluster, host(other.publisher), other.version)
    )
