"""Two nodes with whole clocks that hand one group over: where a paused owner serves twice (T16).

Law: a search, for one setting of the four times of a lease; it knows no machine. What a step of a
machine with compare-and-set does to the record is one of two moves here: a node takes the group, or
gives it away. Each may happen whenever the reading of the node is current, so any decider and any
silence is covered. The clocks of a node are the age of its reading, the wait since it saw that the
group came to it, and the time since a service last could look at the lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product, starmap
from typing import Literal, TypeAlias

from attrs import evolve, field, frozen

from prgcore.prove.budget import tick

__all__ = [
    "Node", "Regions", "Serving", "Step", "Times", "exactly_where_not_fenced", "served_twice",
]

LONGEST = 2
"""The longest time of the settings that are searched, in ticks."""


Mutant: TypeAlias = Literal["", "no_wait", "by_owner", "never_expires"]


@frozen
class Times:
    """The four times of a lease, in ticks, and what may be wrong with the agent.

    Attributes:
        mutant: `no_wait` serves at once; `by_owner` waits only if it last read that the group was
            the other's, not at each new decision; `never_expires` serves by a reading however old.
    """

    lasts: int
    pause: int
    stopping: int
    waits: int
    mutant: Mutant = ""

    @property
    def fenced(self) -> bool:
        return self.lasts + self.pause + self.stopping <= self.waits


@frozen
class Node:
    """A node's knowledge of the record, and its clocks; each clock stops where it is over.

    Attributes:
        mine: whether its reading gives it the group.
        current: whether nothing was written since.
        age: of its reading.
        waited: since it saw that the group came to it.
        looked: since a service last could look at a lease that held.
    """

    mine: bool
    current: bool
    age: int
    waited: int
    looked: int


Step: TypeAlias = str
Nodes: TypeAlias = tuple[Node, Node]


@frozen
class Serving:
    """Both nodes, and whether both could serve all through the last tick."""

    nodes: Nodes
    twice: bool = False


@frozen
class Regions:
    """The moves for one setting of the times."""

    times: Times
    linger: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "linger", self.times.pause + self.times.stopping)

    @property
    def start(self) -> Serving:
        """Node 1 serves the group, and both have read that."""
        over = self.linger + 1
        return Serving((Node(True, True, 0, self.times.waits, 0), Node(False, True, 0, 0, over)))

    def looks(self, node: Node) -> bool:
        """Whether a service of this node may go on: the lease holds, and the wait is over."""
        held = node.age <= self.times.lasts or self.times.mutant == "never_expires"
        return node.mine and held and (
            node.waited >= self.times.waits or self.times.mutant == "no_wait")

    def moves(self, at: Serving) -> Iterator[tuple[Step, Serving]]:
        """Yield every move, and where it leads."""
        older = self._older(at.nodes[0]), self._older(at.nodes[1])
        yield "tick", Serving(older, all(map(self._all_through, at.nodes, older)))
        for me in (0, 1):
            node, peer = at.nodes[me], at.nodes[1 - me]
            seen = self._read(node, node.mine if node.current else not peer.mine)
            yield f"read node{me + 1}", self._with(me, seen, peer)
            if node.current:
                word = "give" if node.mine else "take"
                yield f"{word} node{me + 1}", self._with(
                    me, self._read(evolve(node, current=False), not node.mine),
                    evolve(peer, current=False))

    def _with(self, me: int, node: Node, peer: Node) -> Serving:
        return Serving((node, peer) if me == 0 else (peer, node))

    def _read(self, node: Node, mine: bool) -> Node:
        """The node after it has read the record: a decision that it did not know begins its wait."""
        if not mine:
            return self._look(evolve(node, mine=False, current=True, age=0, waited=0))
        known = node.current or (self.times.mutant == "by_owner" and node.mine)
        return self._look(evolve(
            node, mine=True, current=True, age=0, waited=node.waited if known else 0))

    def _older(self, node: Node) -> Node:
        """The node a tick later."""
        return self._look(evolve(
            node, age=min(node.age + 1, self.times.lasts + 1) if node.mine else 0,
            waited=min(node.waited + 1, self.times.waits) if node.mine else 0,
            looked=min(node.looked + 1, self.linger + 1)))

    def _all_through(self, node: Node, older: Node) -> bool:
        """Whether a node can serve through a tick: it looked not long ago, or may go on to look.

        A node whose reading is current may read again all the time.
        """
        return node.looked < self.linger or (
            self.looks(node) and (node.current or self.looks(older)))

    def _look(self, node: Node) -> Node:
        return evolve(node, looked=0) if self.looks(node) else node


def served_twice(times: Times) -> tuple[tuple[Step, ...] | None, int]:
    """The shortest story in which the group is served twice for a tick, and how many states are seen.

    None: there is none; all states have been seen then.
    """
    regions = Regions(times)
    came: dict[Serving, tuple[Step, Serving] | None] = {regions.start: None}
    level = [regions.start]
    while level:
        following: list[Serving] = []
        for at in level:
            if at.twice:
                return _story(came, at), len(came)
            for step, then in regions.moves(at):
                if then not in came:
                    tick("regions")
                    came[then] = step, at
                    following.append(then)
        level = following
    return None, len(came)


def exactly_where_not_fenced(longest: int = LONGEST) -> tuple[str, str]:
    """The setting of whole times in which T16 is wrong, or nothing; and a word on the search."""
    seen = stories = 0
    for times in starmap(Times, product(range(longest + 1), repeat=4)):
        story, states = served_twice(times)
        seen += states
        if (story is None) != times.fenced:
            return f"{times}: " + (", ".join(story) if story else "nobody is served twice"), ""
        stories += story is not None
    return "", (f"all {(longest + 1) ** 4} settings of whole times up to {longest}, {seen:,} states: "
                f"{stories} have a story, all of them where lease + pause + stopping > wait")


def _story(
    came: dict[Serving, tuple[Step, Serving] | None], at: Serving,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    while (last := came[at]) is not None:
        step, at = last
        steps.append(step)
    return tuple(reversed(steps))
