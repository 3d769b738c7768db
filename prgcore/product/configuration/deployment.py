"""A deployment as records: nodes, groups, service parameters, and the network between them.

Law: data, and the same data as JSON values. Whether it is right is decided elsewhere.
"""

from __future__ import annotations

from typing import Any

from attrs import asdict, field, frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.model import Number, Values, as_values
from prgcore.product.services import critical_services
from prgcore.tables.configuration import ASSIGNMENT_MODES, RELOGIN_LIMITS
from prgcore.timers.parameters import Parameters

__all__ = ["Deployment", "Group", "Node", "Wan", "example", "host"]


@frozen
class Node:
    """A node, its database replication state, and the services that run on it.

    A service may have its status behind its name, as `utils service list` prints it. If the node
    has no re-login limits of its own, those of the parameters apply.
    """

    name: str
    cluster: str
    publisher: str
    version: str
    replication: int
    services: Values = field(converter=as_values)
    persistent_chat: bool = False
    client_relogin_lower_limit: Number | None = None
    client_relogin_upper_limit: Number | None = None


@frozen
class Group:
    """A presence redundancy group: one or two nodes, by name; the first is `node1`."""

    name: str
    nodes: Values = field(converter=as_values)
    description: str = ""
    high_availability: bool = False


@frozen
class Wan:
    """A WAN between the nodes: bandwidth per cluster in Mbit/s, round trip in milliseconds."""

    bandwidth: Number
    round_trip: Number


@frozen
class Deployment:
    """Every node and every group, and how users are assigned to them.

    No WAN means that the nodes are near each other.
    """

    nodes: tuple[Node, ...]
    groups: tuple[Group, ...]
    parameters: Parameters = field(factory=Parameters)
    wan: Wan | None = None
    user_assignment_mode: str = ASSIGNMENT_MODES[0]

    def group(self, name: str) -> Group:
        """The group of this name.

        Raises:
            BadInput: there is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise BadInput(unknown_name("group", name, {g.name for g in self.groups}))

    def node(self, name: str) -> Node:
        """The node of this name; host names ignore case.

        Raises:
            BadInput: there is none.
        """
        for node in self.nodes:
            if host(node.name) == host(name):
                return node
        raise BadInput(unknown_name("node", name, {n.name for n in self.nodes}))

    def parameters_of(self, node: Node) -> Parameters:
        """The service parameters of a node: those of the deployment, with re-login limits of its own.

        Raises:
            BadInput: a limit of its own is outside its bounds.
        """
        own = {name: getattr(node, name) for name in RELOGIN_LIMITS}
        return Parameters.of({n: v for n, v in own.items() if v is not None}, self.parameters)

    def to_json(self) -> dict[str, Any]:
        """The deployment as JSON values, without optional fields that have their default."""
        usual = Parameters().to_json()
        changed = {k: v for k, v in self.parameters.to_json().items() if v != usual[k]}
        mode = self.user_assignment_mode
        return {
            **({"user_assignment_mode": mode} if mode != ASSIGNMENT_MODES[0] else {}),
            **({"parameters": changed} if changed else {}),
            **({"wan": asdict(self.wan)} if self.wan else {}),
            "nodes": [_plain(node, "persistent_chat", *RELOGIN_LIMITS) for node in self.nodes],
            "groups": [_plain(g, "description", "high_availability") for g in self.groups],
        }


def host(name: str) -> str:
    """The host name without case and without the dot of the root, for comparison."""
    return name.rstrip(".").casefold()


def _plain(record: Node | Group, *optional: str) -> dict[str, Any]:
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(record).items()}
    return {k: v for k, v in values.items() if v or k not in optional}


def example() -> Deployment:
    """A deployment without findings: one cluster of four nodes in two groups.

    Its parameters are the defaults, which the document recommends.
    """
    parameters = Parameters()

    def node(name: str, *, persistent_chat: bool) -> Node:
        running = critical_services(parameters, persistent_chat=persistent_chat)
        return Node(name, "east", "imp1", "14.0.1", 2, tuple(s.name for s in running),
                    persistent_chat)

    return Deployment(
        nodes=(
            node("imp1", persistent_chat=True), node("imp2", persistent_chat=True),
            node("imp3", persistent_chat=False), node("imp4", persistent_chat=False),
        ),
        groups=(
            Group("east-1", ("imp1", "imp2"), "Headquarters, with persistent chat", True),
            Group("east-2", ("imp3", "imp4"), "Branches", True),
        ),
        wan=Wan(bandwidth=20, round_trip=35),
    )
