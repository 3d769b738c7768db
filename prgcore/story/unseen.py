"""Unseen: what may happen between two lines of a log without being logged, and where it leads.

Law: pure; every step is a decision of the machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from prgcore.engine import Engine, Pair
from prgcore.errors import BudgetExhausted
from prgcore.form.knowledge import ENVIRONMENT, RECORD
from prgcore.seats import NODES

__all__ = ["MOST", "World", "anywhere", "node_of"]

MOST = 20_000
"""How many pairs a log may leave open."""


class World:
    """The hidden events that may happen between two lines of a log, and where they lead.

    Args:
        engine: the machine.
        hidden: events that nobody logs. By default the machine's own: those that only the
            environment decides and knows. A dead node logs nothing that happens to it, and a dying
            one does not log its last moments.
    """

    def __init__(self, engine: Engine, hidden: Iterable[str] | None = None) -> None:
        self.engine = engine
        self.free = hidden is not None
        self.events = tuple(
            e.name for e in engine.model.events if e.decider == ENVIRONMENT
        ) if hidden is None else tuple(dict.fromkeys(hidden))
        for event in self.events:
            engine.kind(event)
        known_by = {c.name: c.observed_by for c in engine.model.columns if not c.derived}
        self._nodes = tuple(map(node_of, known_by))
        self._kept = tuple(who == RECORD for who in known_by.values())
        self._alive = {
            c: {p[c] for p in engine.initial} for c, who in known_by.items()
            if who == ENVIRONMENT and node_of(c)
        }
        self._found: dict[Pair, tuple[tuple[Pair, str, bool], ...]] = {}

    def after(self, pairs: frozenset[Pair]) -> frozenset[Pair]:
        """Every pair to which hidden events lead from these, including these.

        Raises:
            BudgetExhausted: there are more than `MOST`.
        """
        if not self.events:
            return pairs
        seen: set[tuple[Pair, str]] = {(pair, "") for pair in pairs}
        queue = deque(seen)
        while queue:
            pair, dying = queue.popleft()
            for after, node, dead in self._steps(pair):
                if dying and node != dying:  # events of other nodes can wait meanwhile
                    continue
                step = after, "" if dead else node
                if step not in seen:
                    seen.add(step)
                    queue.append(step)
            if len(seen) > MOST:
                raise BudgetExhausted(
                    f"the log leaves more than {MOST:,} pairs open; log more columns, or name "
                    "fewer hidden events")
        return frozenset(pair for pair, dying in seen if not dying)

    def _steps(self, pair: Pair) -> tuple[tuple[Pair, str, bool], ...]:
        """The answers to one hidden event: next pair, the node of the event, whether it is dead."""
        if pair not in self._found:
            if len(self._found) >= 4 * MOST:
                self._found.clear()
            self._found[pair] = tuple(dict.fromkeys(self._one(pair)))
        return self._found[pair]

    def _one(self, pair: Pair) -> Iterator[tuple[Pair, str, bool]]:
        engine = self.engine
        for event in self.events if not engine.broken(pair) else ():
            if not engine.possible(pair, event):
                continue
            after = engine.step(pair, event).pair
            if self.free:
                yield after, "", True
                continue
            changed = [i for i, (was, now) in enumerate(
                zip(pair.values_, after.values_, strict=True)) if was != now]
            nodes = {self._nodes[i] for i in changed}
            if len(nodes) == 1 and not any(self._kept[i] for i in changed):
                (node,) = nodes
                yield after, node, not node or self._dead(after, node)

    def _dead(self, pair: Pair, node: str) -> bool:
        return any(pair[c] not in alive for c, alive in self._alive.items() if node_of(c) == node)


def anywhere(
    engine: Engine, columns: Mapping[str, str]
) -> tuple[frozenset[Pair], tuple[str, ...]]:
    """The pairs with these columns that can be reached; the invariants that the others break.

    Raises:
        BudgetExhausted: more than `MOST` pairs have them.
    """
    try:
        pairs = engine.completions(columns, MOST, broken=True)
    except BudgetExhausted:
        raise BudgetExhausted(
            "the log does not begin in the initial pair, and too many pairs fit its first line; "
            "give a start, or log more columns") from None
    atlas, found, broken = engine.atlas, set[Pair](), set[str]()
    for pair in pairs:
        breaks = engine.broken(pair)
        broken |= set(breaks)
        if not breaks if atlas is None else pair in atlas:
            found.add(pair)
    return frozenset(found), tuple(sorted(broken))


def node_of(column: str) -> str:
    """The node of a column; empty for the group's."""
    node = column.partition(".")[0]
    return node if node in NODES else ""
