"""Users: the node that they are assigned to, the node that serves them, and their log-ins.

Law: pure. The given machine decides; the cells of a serving node are data
(`prgcore.tables.clients`). The same users and nodes give the same assignment in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from prgcore.engine import Decision, Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.explain.display import display_of
from prgcore.product.serving import Served, Serving, counted, serving
from prgcore.seats import NODES
from prgcore.tables.configuration import ASSIGNMENT_MODES
from prgcore.vocabulary import Outcome, plain, title

__all__ = [
    "MODES", "Adding", "Assignment", "LogIns", "Placed", "Served", "Serving", "assign",
    "assignment_mode", "logins", "may_add_users", "place", "relogins", "serving",
]

MODES = ASSIGNMENT_MODES
"""User Assignment Mode for Presence Server; the first is the default."""


def assignment_mode(spelled: str) -> str:
    """The mode that a spelling means: `assignment_mode("Active-Standby") == "active_standby"`.

    Raises:
        BadInput: it means none.
    """
    for mode in MODES:
        if plain(spelled) == plain(mode):
            return mode
    raise BadInput(unknown_name("assignment mode", spelled, MODES))


# ----------------------------------------------------------------------- assignment


@frozen
class Assignment:
    """The node that every user is assigned to.

    Attributes:
        nodes: every node there is, sorted.
        node_of: the node of every user who is assigned, by user.
        unassigned: the users without a node, sorted.
    """

    nodes: tuple[str, ...]
    node_of: dict[str, str]
    unassigned: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many users each node has."""
        found = dict.fromkeys(self.nodes, 0)
        for node in self.node_of.values():
            found[node] += 1
        return found

    def moved(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """The users who were assigned to another node before, sorted; new users do not count."""
        return tuple(u for u, node in self.node_of.items() if before.get(u, node) != node)


def assign(
    users: Iterable[str], groups: Sequence[Sequence[str]], *, mode: str = MODES[0],
    current: Mapping[str, str] | None = None,
) -> Assignment:
    """The assignment that the sync agent makes, moving as few users as it can (D52).

    Balanced: all nodes have equally many users, within one. Active-standby: likewise, but only
    the first node of every group gets users. None: assigned users stay, and no other user is
    assigned. Users who no longer exist are dropped.

    Args:
        users: every user, once, in any order.
        groups: the presence redundancy groups, in any order. Each has one or two nodes, and the
            first is the active one.
        mode: one of `MODES`.
        current: the present node of every user who has one.

    Raises:
        BadInput: no such mode, a group of the wrong size, or a node or user given twice.

    Source: "Configure User Assignment Mode".
    """
    if mode not in MODES:
        raise BadInput(unknown_name("assignment mode", mode, MODES))
    nodes = _nodes(groups)
    names = sorted(users)
    for one, other in pairwise(names):
        if one == other:
            raise BadInput(f"the user {one[:80]!r} is given twice; name every user once")
    open_to = tuple(sorted(g[0] for g in groups)) if mode == "active_standby" else nodes
    at: dict[str, list[str]] = {node: [] for node in open_to}
    homeless: list[str] = []
    for user in names:
        at.get((current or {}).get(user, ""), homeless).append(user)
    if mode != "none":
        _level(at, homeless)
        homeless = []
    node_of = {user: node for node, some in at.items() for user in some}
    return Assignment(nodes, dict(sorted(node_of.items())), tuple(homeless))


@frozen
class Placed:
    """Where new users go.

    Attributes:
        new: how many new users each node gets, sorted by node.
        unassigned: how many get no node.
        why: the reason, as a sentence without its full stop.
    """

    new: dict[str, int]
    unassigned: int
    why: str

    @property
    def node(self) -> str | None:
        """The node of the only new user, or None: there is none, or several."""
        found = [node for node, number in self.new.items() if number]
        return found[0] if sum(self.new.values()) == 1 else None


_WHY = {
    "balanced": "balanced: the node with the fewest users gets the next one",
    "active_standby": "active-standby: only the first node of a group gets users, and of these the "
                      "one with the fewest",
    "none": "none: the sync agent assigns nobody; assign users by hand",
}


def place(
    groups: Sequence[Mapping[str, int]], new: int = 1, *, mode: str = MODES[0],
) -> Placed:
    """Where the sync agent puts new users; users who have a node stay there (D52).

    The result is that of `assign` wherever no user has to move.

    Args:
        groups: for each presence redundancy group the number of users on each of its nodes, the
            active node first.
        new: how many users are new.
        mode: one of `MODES`.

    Raises:
        BadInput: no such mode, a group of the wrong size, a node given twice, or not a number of
            users.

    Source: "Configure User Assignment Mode".
    """
    if mode not in MODES:
        raise BadInput(unknown_name("assignment mode", mode, MODES))
    nodes = _nodes([tuple(group) for group in groups])
    have = {node: number for group in groups for node, number in group.items()}
    for what, number in (*have.items(), ("new users", new)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise BadInput(f"{what}: {number!r:.60} is not a number of users; expected 0 or more")
    active = {next(iter(group)) for group in groups}
    open_to = [n for n in nodes if mode == "balanced" or n in active]
    found = dict.fromkeys(nodes, 0)
    if mode == "none":
        return Placed(found, new, _WHY[mode])
    low, high = min(have[n] for n in open_to), max(have[n] for n in open_to) + new
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _below(have, open_to, middle) <= new else (low, middle - 1)
    left = new - _below(have, open_to, low)
    fullest = sorted(open_to, key=lambda n: (-have[n], n))
    for node in fullest:
        more = left > 0 and have[node] <= low
        left -= more
        found[node] = max(0, low - have[node]) + more
    return Placed(found, 0, _WHY[mode])


def _below(have: Mapping[str, int], nodes: Iterable[str], level: int) -> int:
    """How many users the nodes lack, all together, to have at least so many each."""
    return sum(max(0, level - have[node]) for node in nodes)


def _nodes(groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
    for group in groups:
        if isinstance(group, str) or not 1 <= len(group) <= 2:
            named = repr(group) if isinstance(group, str) else ", ".join(map(str, group))
            raise BadInput(f"the group {named[:80]} does not have one or two nodes; a presence "
                           "redundancy group is a list of one or two names")
    nodes = sorted(node for group in groups for node in group)
    if not nodes:
        raise BadInput("there are no groups, so nobody can be assigned; give at least one")
    for node in nodes:
        if nodes.count(node) > 1:
            raise BadInput(f"the node {node[:80]!r} is given twice; a node belongs to one group")
    return tuple(nodes)


def _level(at: dict[str, list[str]], homeless: list[str]) -> None:
    """Give every node its share; the nodes with the most users get the remainder."""
    share, more = divmod(sum(map(len, at.values())) + len(homeless), len(at))
    fullest = sorted(at, key=lambda node: (-len(at[node]), node))
    room = {node: share + (rank < more) for rank, node in enumerate(fullest)}
    for node, some in at.items():
        homeless += some[room[node]:]
        del some[room[node]:]
    waiting = iter(sorted(homeless))
    for node, some in at.items():
        some += [next(waiting) for _ in range(room[node] - len(some))]


# --------------------------------------------------------------------- who logs in again


@frozen
class LogIns:
    """The number of users who log in again at each node because of an event."""

    event: str
    node1: int = 0
    node2: int = 0

    @property
    def total(self) -> int:
        return self.node1 + self.node2


def logins(
    before: Mapping[str, str], after: Mapping[str, str], counts: Mapping[str, int],
    event: str = "",
) -> LogIns:
    """The number of users who log in again at each node: all users whom another node now serves.

    Users whom nobody served log in at the node that serves them again.

    Args:
        before: the pair before the event.
        after: the pair after it.
        counts: how many users each node has at home, `{"node1": 900, "node2": 700}`.
        event: the name of the event, for the answer.

    Raises:
        BadInput: `counts` does not give a number for each of the two nodes, or as `serving`.
        OutsideInvariant: as `serving`.
    """
    counted(counts)
    was, now = serving(before), serving(after)
    at = dict.fromkeys(NODES, 0)
    for home in NODES:
        node = now[home].by
        if node is not None and node != was[home].by:
            at[node] += counts[home]
    return LogIns(event, at["node1"], at["node2"])


def relogins(
    engine: Engine, pair: Mapping[str, str], events: Iterable[str], counts: Mapping[str, int],
) -> tuple[LogIns, ...]:
    """The log-ins that each event of a trace causes, in the order of the trace.

    Raises:
        BadInput, ImpossibleEvent, OutsideInvariant: as `Engine.step` and `logins`.
    """
    way = engine.run(pair, *events)
    pairs = (way.start, *(step.pair for step in way.steps))
    return tuple(
        logins(before, after, counts, event)
        for (before, after), event in zip(pairwise(pairs), way.events, strict=True)
    )


# ------------------------------------------------------------------------- new users


@frozen
class Adding:
    """The machine's decision on `add_users`, and its reason in words."""

    decision: Decision
    says: str

    @property
    def accepted(self) -> bool:
        return self.decision.outcome is Outcome.DONE


def may_add_users(engine: Engine, pair: Mapping[str, str]) -> Adding:
    """Whether new users can be added now, as the machine decides (S21, D37).

    A cluster of several groups takes new users if every one of its groups does. The answer calls
    a node silent if it shows nothing, regardless of its state in the record.

    Raises:
        BadInput, OutsideInvariant: as `Engine.step`.

    Source: "Redundancy Interactions and Restrictions: Adding Users".
    """
    decision = engine.step(pair, "add_users")
    if decision.rule is not None:
        return Adding(decision, decision.why)
    display = display_of(engine, decision.pair) or ()
    silent = {node for node, shown in zip(NODES, display, strict=False) if shown is None}
    states = [
        f"{node} is {'silent' if node in silent else title(f.value)}"
        for f in decision.failed for node in [f.column.removesuffix(".state")]
    ]
    return Adding(decision, f"{' and '.join(states)}: no users are added to a cluster while one "
                            "of its nodes is in a failover state")
