"""Serving: which node serves the users of each node in a pair, or why none does.

Law: pure; works on any mapping of a pair. The cells of a serving node are data
(`prgcore.tables.clients`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from prgcore.errors import BadInput, OutsideInvariant, unknown_name
from prgcore.model import Cube, cube
from prgcore.seats import NODES, seat, seat_cube, seen_by
from prgcore.tables.agents import SERVES
from prgcore.tables.clients import CANNOT_SERVE, NOBODY_ASSIGNED
from prgcore.tables.facts import Hindrance
from prgcore.vocabulary import ASSIGNED

__all__ = ["COLUMNS", "Served", "Serving", "check_columns", "columns_of", "counted", "serving"]


def columns_of(cubes: Iterable[Cube]) -> tuple[str, ...]:
    """The columns of both nodes that cubes written with `me` read, sorted."""
    return tuple(sorted({c.column for some in cubes for me in NODES for c in seat_cube(some, me)}))


COLUMNS = columns_of((
    SERVES, *(h.when for h in (*CANNOT_SERVE, *NOBODY_ASSIGNED)),
    *(cube({f"me.{column}": "yes"}) for column in ASSIGNED.values()),
))
"""The columns of a pair that `serving` reads."""


def check_columns(
    pair: Mapping[str, object], columns: Iterable[str], whose: str = "the pair",
    otherwise: str = "give every column that the machine stores",
) -> None:
    """Check that a mapping has these columns.

    Raises:
        BadInput: it is not a mapping, or it lacks a column; the error names the first.
    """
    if not isinstance(pair, Mapping):
        raise BadInput(f"{whose}: expected a mapping of columns to values, not {pair!r:.60}")
    for name in columns:
        if name not in pair:
            raise BadInput(f"{whose} has no column {name}; {otherwise}")


@frozen
class Served:
    """The node that serves the users of one node, and why.

    Attributes:
        home: the node whose users they are.
        by: the node that serves them, or None.
        why: the reason, as a sentence without its full stop.
    """

    home: str
    by: str | None
    why: str


@frozen
class Serving:
    """`Served` for the users of each node; `[node]` raises BadInput if there is no such node."""

    node1: Served
    node2: Served

    def __getitem__(self, home: str) -> Served:
        if home not in NODES:
            raise BadInput(unknown_name("node", home, NODES))
        return self.node1 if home == NODES[0] else self.node2


def serving(pair: Mapping[str, str]) -> Serving:
    """The node that serves the users of each node now, or why none does (D51).

    Raises:
        BadInput: the pair is not a mapping, or lacks one of COLUMNS.
        OutsideInvariant: the record assigns a group of users to both nodes.
    """
    check_columns(pair, COLUMNS)
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
    """Check how many users each node has at home, as `{"node1": 900, "node2": 700}`.

    Raises:
        BadInput: it is not a number, 0 or more, for each of the two nodes.
    """
    if not isinstance(counts, Mapping) or set(counts) != set(NODES):
        raise BadInput(f"users are counted as {counts!r:.80}; "
                       "expected a number for node1 and one for node2")
    for node, number in counts.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise BadInput(f"{node}: {number!r:.60} is not a number of users; expected 0 or more")
