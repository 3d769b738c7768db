"""Promoting: what an open order to promote or demote a resource means for users and claims.

Law: pure. Users are served only after the resource of their node has become the primary. A node that
becomes the primary keeps the claims of the groups that it is promoted for, so the other node waits
for its lease. A node that is demoted frees no claim before.
"""

from __future__ import annotations

from collections.abc import Mapping

from prgcore.running.charter import Charter
from prgcore.stores.record import Order, Record

__all__ = ["demotes", "kept", "may_promote", "overtaken", "promotes", "withheld"]


def promotes(charter: Charter, order: Order) -> bool:
    """Whether an order makes the resource of its node the primary."""
    deed = charter.engine.habits.deed(order.do, order.node)
    return deed == "promote" or (deed == "move" and deed in charter.hands)


def _promotions(charter: Charter, record: Record, node: str) -> tuple[Order, ...]:
    return tuple(order for order in record.orders_of(node) if promotes(charter, order))


def demotes(charter: Charter, record: Record, node: str) -> bool:
    """Whether a node has yet to make its resource a replica."""
    deeds = {charter.engine.habits.deed(order.do, node) for order in record.orders_of(node)}
    return "demote" in deeds or bool(deeds & charter.hands & {"disconnect"})


def withheld(
    charter: Charter, record: Record, node: str, groups: Mapping[str, int],
    served: Mapping[str, int],
) -> frozenset[str]:
    """The groups that wait for a promotion, of those that a node may serve.

    An order is about the groups whose assignment its decision has changed, and about all groups while
    the state of the node is transient. Groups that it has served with the same token go on being
    served.

    Args:
        groups: the groups that it may serve, each with its token.
        served: for each group, the token of the newest permission.
    """
    orders = _promotions(charter, record, node)
    if not orders:
        return frozenset()
    about = {group for order in orders for group in order.users}
    passes = any(record.columns.get(cell.column) in cell.values
                 for cell in charter.engine.model.transient if cell.column.startswith(f"{node}."))
    return frozenset(group for group, token in groups.items()
                     if (passes or group in about) and served.get(group) != token)


def kept(charter: Charter, record: Record, node: str) -> frozenset[str]:
    """The groups of no node whose claims a node takes and keeps, because it is promoted for them.

    Else the other node could take them at once, while the resource here is the primary.
    """
    return frozenset(
        group for order in _promotions(charter, record, node) for group in order.users
        if not charter.engine.habits.assigned(record.columns, group))


def may_promote(charter: Charter, record: Record, node: str) -> bool:
    """Whether the resource of a node may become the primary now: it has every claim for that."""
    if not _promotions(charter, record, node) or overtaken(charter, record, node):
        return False
    claims = [record.claims[group] for group in _mine(charter, record, node)]
    return all(claim.node == node and not claim.freed for claim in claims)


def overtaken(charter: Charter, record: Record, node: str) -> bool:
    """Whether no users are left for which the resource of a node would be promoted.

    The node may have been away, while the other one took over all users of its open orders.
    """
    return bool(record.claims) and not _mine(charter, record, node)


def _mine(charter: Charter, record: Record, node: str) -> frozenset[str]:
    """The groups of users that are served by a node, or will be once it is promoted."""
    return (kept(charter, record, node) & record.claims.keys()) | {
        group for group in record.claims
        if charter.engine.habits.assigned(record.columns, group) == node}
