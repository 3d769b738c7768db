"""Two agents of which each may be restarted under other terms, at any time: every order, exhaustively.

The judgement is that of `prgcore.running.terms` and the claims are those of `prgcore.stores.record`,
called as an agent calls them. Time is whole, and a state has the rest of each time. There is one
group of users. Any agent that may decide takes it from one node and gives it to the other, at will.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from prgcore.machine import PRG
from prgcore.running import terms
from prgcore.running.charter import Charter
from prgcore.running.lease import Lease, lease_text
from prgcore.running.shapes import Memory, Reading
from prgcore.seats import NODES, seat
from prgcore.stores.record import Claim, Record, let_go, served, taken
from prgcore.vocabulary import ASSIGNED

HOME = "node1"
COLUMNS = {n: f"{n}.{ASSIGNED[n == HOME]}" for n in NODES}
ANY = Memory()
HABITS = PRG.habits


class Kept(NamedTuple):
    """A record: the numbers of its terms, and who has the users; -1 and empty: none."""

    terms: int
    proposed: int
    signed: tuple[int, int]
    to: str
    holder: str
    freed: bool


class Node(NamedTuple):
    """A node. Each time is the rest of it.

    Attributes:
        file: the number of the terms in the group file of its agent; -1: no agent runs.
        adopt: whether the agent was started with --adopt.
        signs: the time until it may sign.
        bound: the time until services of an earlier agent cannot serve, as far as it knows.
        seen: how long ago it saw that the users were taken from their holder; -1: it did not.
        serves: the time until its services cannot serve the users, in truth.
    """

    file: int = -1
    adopt: bool = False
    signs: int = 0
    bound: int = 0
    seen: int = -1
    serves: int = 0


State = tuple[Kept, Node, Node]
Step = tuple[str, Kept, Node]


class World:
    """A world with these terms: a lease and a machine each, by their number."""

    def __init__(self, *kinds: tuple[Lease, str]) -> None:
        self.leases = [lease for lease, _ in kinds]
        self.terms = [{"machine": machine, "lease": lease_text(lease)} for lease, machine in kinds]
        self.keys = [terms.key(one) for one in self.terms]
        self.most = max(int(terms.together(one, other).waits)
                        for one in self.leases for other in self.leases)
        self.record, self.acts = cache(self._record), cache(self._acts)
        self.later, self.decides_by = cache(self._later), cache(self._decides_by)

    # ------------------------------------------------------------- values of the project

    def charter(self, name: str, file: int, adopt: bool) -> Charter:
        return Charter(PRG, name, self.terms[file], self.leases[file], seat=name, run="run",
                       adopt=adopt)

    def _record(self, kept: Kept) -> Record:
        return Record(
            1, {COLUMNS[n]: "yes" if n == kept.to else "no" for n in NODES}, id="record",
            claims={HOME: Claim(kept.holder, 0, int(kept.freed))}, terms=self.terms[kept.terms],
            proposed=self.terms[kept.proposed] if kept.proposed >= 0 else {},
            signed={n: self.keys[k] for n, k in zip(NODES, kept.signed, strict=True) if k >= 0},
            seats={n: n for n in NODES})

    def kept(self, record: Record) -> Kept:
        claim = record.claims[HOME]
        first, second = (self.keys.index(record.signed[n]) if n in record.signed else -1
                         for n in NODES)
        return Kept(self.terms.index(dict(record.terms)),
                    self.terms.index(dict(record.proposed)) if record.proposed else -1,
                    (first, second), HABITS.assigned(record.columns, HOME) or "", claim.node,
                    bool(claim.freed))

    @staticmethod
    def good(charter: Charter, record: Record) -> bool:
        return not terms.trouble(charter, ANY, Reading(record, 1, 0), None, 0)

    # ---------------------------------------------------------------------- the steps

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Every step that is possible, with its name."""
        kept, *nodes = state
        yield "time passes", (kept, self.later(nodes[0]), self.later(nodes[1]))
        for i in (0, 1):
            for step, after, node in self.acts(kept, i, nodes[i]):
                both = [*nodes]
                both[i] = node
                if after[3:] != kept[3:]:  # another claim: who waited for it waits anew
                    both = [one._replace(seen=-1) for one in both]
                yield step, (after, both[0], both[1])

    def _later(self, node: Node) -> Node:
        return Node(node.file, node.adopt, max(0, node.signs - 1), max(0, node.bound - 1),
                    min(self.most, node.seen + 1) if node.seen >= 0 else -1, max(0, node.serves - 1))

    def _acts(self, kept: Kept, i: int, node: Node) -> list[Step]:
        """What one node can do: the name of the step, the record after it, and the node."""
        name, record = NODES[i], self.record(kept)
        if node.file < 0:
            return list(self._starts(kept, name, node, record))
        crash = (f"{name} crashes", kept, Node(serves=node.serves))
        charter = self.charter(name, node.file, node.adopt)
        if not self.good(charter, record):
            return [crash]
        return [crash, *self._runs(kept, node, charter, record)]

    def _starts(self, kept: Kept, name: str, node: Node, record: Record) -> Iterator[Step]:
        for file in range(len(self.terms)):
            for adopt in (False, True):
                charter = self.charter(name, file, adopt)
                if self.good(charter, record):  # else it says its trouble, and waits
                    yield (f"{name} starts under terms {file}{' --adopt' * adopt}", kept, Node(
                        file, adopt, int(terms.waits(charter, ANY, record)),
                        int(terms.earlier(charter, record)), serves=node.serves))

    def _runs(self, kept: Kept, node: Node, charter: Charter, record: Record) -> Iterator[Step]:
        name, own = charter.node or "", self.leases[node.file]
        lease = terms.in_force(charter, record)
        assert lease is not None
        obeyed = node._replace(bound=0, serves=0)
        yield f"{name} stops", self.kept(terms.left(charter, record)), Node()
        if not terms.has_signed(charter, record):
            if not node.signs:
                yield f"{name} signs", self.kept(terms.signed(charter, record)), node
            return
        if kept.freed and node.seen < 0:
            yield f"{name} reads", kept, node._replace(seen=0)
        free = self.kept(let_go(record, name, HABITS))
        if served(record, name, HABITS):
            yield f"{name} serves", kept, node._replace(
                bound=max(node.bound, int(lease.lasts + lease.pause + lease.stopping)),
                serves=max(node.serves, int(lease.lasts + own.pause + own.stopping)))
        elif free != kept:
            yield f"{name} lets go", free, obeyed
            if not node.bound:
                yield f"{name} lets go of what must be over", free, node
        after = self.kept(taken(
            record, name, HABITS, lambda _home, _claim: node.seen >= lease.waits))
        if after != kept:
            yield f"{name} takes over", after, node
        if not terms.may_decide(charter, record):
            to = seat("peer", kept.to)
            yield f"{name} decides for {to}", kept._replace(
                to=to, freed=kept.holder not in ("", to)), node

    # --------------------------------------------------------------------- the search

    def search(self, most: int = 10**7) -> tuple[int, list[str]]:
        """The number of states; and the steps to one that is wrong, empty if there is none."""
        start: State = (Kept(0, -1, (-1, -1), HOME, HOME, False), Node(), Node())
        came: dict[State, Any] = {start: None}
        open_ = [start]
        for state in open_:
            kept, one, other = state
            by = {self.decides_by(kept, 0, one), self.decides_by(kept, 1, other)} - {""}
            if (one.serves and other.serves) or len(by) > 1:
                return len(came), self._story(came, state)
            assert len(came) < most
            for step, after in self.steps(state):
                if after not in came:
                    came[after] = state, step
                    open_.append(after)
        return len(came), []

    def _decides_by(self, kept: Kept, i: int, node: Node) -> str:
        """The machine by which an agent may decide now; empty: it may not."""
        if node.file < 0:
            return ""
        charter, record = self.charter(NODES[i], node.file, node.adopt), self.record(kept)
        may = self.good(charter, record) and not terms.may_decide(charter, record)
        return self.terms[node.file]["machine"] if may else ""

    @staticmethod
    def _story(came: dict[State, Any], state: State) -> list[str]:
        steps: list[str] = []
        while came[state] is not None:
            state, step = came[state]
            steps.append(step)
        return steps[::-1]
