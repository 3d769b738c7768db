"""Who serves whom in a pair, and why nobody does.

Law: pure; any mapping of a pair can be asked. Who can serve is data (`prgcore.tables.clients`).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from prgcore.errors import BadInput, OutsideInvariant
from prgcore.facts import Hindrance
from prgcore.seats import NODES, seat, seen_by
from prgcore.tables.clients import ASSIGNED, CANNOT_SERVE, NOBODY_ASSIGNED, SERVES


@frozen
class Served:
    """Who serves the users of one node.

    Attributes:
        home: the node whose users they are.
        by: the node that serves them, or None.
        why: a sentence without its full stop.
    """

    home: str
    by: str | None
    why: str


@frozen
class Serving:
    """Who serves the users of both nodes."""

    node1: Served
    node2: Served

    def __getitem__(self, home: str) -> Served:
        return self.node1 if home == NODES[0] else self.node2


def serving(pair: Mapping[str, str]) -> Serving:
    """Who serves the users of each node now, and why nobody does (D51).

    Raises:
        OutsideInvariant: the record assigns a group of users to both nodes.
    """
    return Serving(*(_served(pair, home) for home in NODES))


def _served(pair: Mapping[str, str], home: str) -> Served:
    assigned = [node for node in NODES if pair[f"{node}.{ASSIGNED[node == home]}"] == "yes"]
    if len(assigned) > 1:
        raise OutsideInvariant(
            f"the users of {home} are assigned to both nodes: the pair breaks S3", ("S3",))
    if not assigned:
        node, why = _first(NOBODY_ASSIGNED, pair, (seat("peer", home), home))
        return Served(home, None, f"assigned to nobody: {node} {why}")
    node = assigned[0]
    if seen_by(SERVES, pair, node):
        return Served(home, node, f"assigned to {node}, which serves")
    return Served(home, None, f"assigned to {node}: {_first(CANNOT_SERVE, pair, (node,))[1]}")


def _first(
    hindrances: tuple[Hindrance, ...], pair: Mapping[str, str], seats: tuple[str, ...]
) -> tuple[str, str]:
    found = ((me, h.says) for h in hindrances for me in seats if seen_by(h.when, pair, me))
    return next(found, (seats[0], "does not take them"))


def counted(counts: Mapping[str, int]) -> None:
    """How many users each node has at home, `{"node1": 900, "node2": 700}`, checked.

    Raises:
        BadInput: not a number from zero on for each of the two nodes.
    """
    if set(counts) != set(NODES):
        raise BadInput(f"users are counted at {', '.join(map(repr, sorted(counts)))[:80]}; "
                       "expected a number for node1 and one for node2")
    for node, number in counts.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise BadInput(f"{node}: {number!r:.60} is no number of users; expected 0 or more")
