"""Enabling: what happens if high availability is enabled now. The machine gives the answer.

Law: pure. The machine is an argument, and it alone decides. A group is enabled improperly if its
database is not replicated or its nodes do not belong together (D50). Where the document leaves open
what happens, each possible outcome is an answer of its own.
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
from prgcore.product.serving import serving
from prgcore.seats import NODES
from prgcore.tables.configuration import REPLICATED

__all__ = ["AT_ONCE", "Enabled", "enable", "outcomes"]

AT_ONCE = "at once: missing replication may result in an immediate failover"
"""The caution of "Enable High Availability", in our words."""


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
        users: for each node, which of the two nodes serves its users then, as a sentence.
        caution: the warning that this outcome is from; empty: it is the usual one.
    """

    group: str
    nodes: tuple[str, str]
    start: Pair
    events: tuple[str, ...]
    pair: Pair
    row: str | None
    users: tuple[str, str] = ("", "")
    caution: str = ""

    def to_json(self) -> dict[str, Any]:
        """The answer as an object."""
        return {
            "group": self.group, "nodes": list(self.nodes), "events": list(self.events),
            "pair": dict(self.pair), "row": self.row, "users": list(self.users),
            "caution": self.caution,
        }


def enable(engine: Engine, deployment: Deployment, group: Group) -> Enabled:
    """The usual result of enabling high availability in this group, even without prerequisites.

    Source: "Verify Services", Table 2, row 24.

    Raises:
        NeedsTwoNodes: the group does not have two different nodes.
        BadInput: the deployment does not describe a node of the group.
    """
    return outcomes(engine, deployment, group)[0]


def outcomes(engine: Engine, deployment: Deployment, group: Group) -> tuple[Enabled, ...]:
    """Every result that enabling high availability in this group may have, the usual one first.

    Where replication is missing, the caution warns of an immediate failover. It does not say of
    which node. Each node whose database is not replicated may be the one, as after a failure of
    its database (D50).

    Source: "Verify Services", the caution of "Enable High Availability", Table 2, row 24.

    Raises:
        NeedsTwoNodes, BadInput: as `enable`.
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

    def result(start: Pair, event: str, caution: str = "") -> Enabled:
        first = engine.step(start, event)
        steps = (first, *until_rest(engine, first.pair))
        pair = steps[-1].pair
        return Enabled(
            group.name, (nodes[0].name, nodes[1].name), start, tuple(step.event for step in steps),
            pair, row_of(engine, pair), _users(pair, nodes, deployment.user_assignment_mode), caution)

    if _proper(*nodes):
        return (result(start, "enable_ha"),)
    return (result(start, "enabled_improperly"), *(
        result(engine.pair({**start, f"{seat}.database": "down"}), "enable_ha", AT_ONCE)
        for seat, node in zip(NODES, nodes, strict=True) if node.replication != REPLICATED
    ))


_WHOSE = {
    "balanced": ("users of {home}", "users of {home}"),
    "active_standby": ("all users of the group, who are assigned to {home},",
                       "{home}, the standby, has no users of its own"),
    "none": ("users whom you assigned to {home} yourself", "users whom you assigned to {home} yourself"),
}
"""Whose users the first and the second node of a group have, by the user assignment mode."""


def _users(pair: Pair, nodes: tuple[Node, Node], mode: str) -> tuple[str, str]:
    """For each node a sentence: which node serves its users."""
    names = dict(zip(NODES, (node.name for node in nodes), strict=True))
    served = serving(pair)

    def said(seat: str, whose: str) -> str:
        whose = whose.format(home=names[seat])
        if "no users" in whose:
            return whose
        by = served[seat].by
        if by is None:
            return f"{whose} are served by nobody"
        moved = " and log in again there" if by != seat else ""
        return f"{whose} are served by {names[by]}{moved}"

    one, other = (said(seat, whose) for seat, whose in zip(NODES, _WHOSE[mode], strict=True))
    return one, other


def _proper(one: Node, other: Node) -> bool:
    return one.replication == other.replication == REPLICATED and (
        (one.cluster, host(one.publisher), one.version)
        == (other.cluster, host(other.publisher), other.version)
    )
