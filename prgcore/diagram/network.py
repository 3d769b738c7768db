"""A story of a network as a sequence: what each node decides by its own copy, and what is in flight.

Law: made from the moves of a story and the networks between them; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.diagram.sequence import (
    ARRIVES,
    BROKEN,
    CUT,
    LIVES,
    LOST,
    REMARK,
    SENT,
    SILENCE,
    TWICE,
    Item,
    Life,
    Message,
    Note,
    Notes,
    Sequence,
    Span,
    ends,
    route,
)
from prgcore.engine import Pair
from prgcore.explain.display import spell
from prgcore.model import Shown
from prgcore.network import Move, Network, Snapshot
from prgcore.network.story import Run
from prgcore.seats import NODES, seat
from prgcore.words import listed

__all__ = ["network_sequence", "parts"]

_RECORD = "record"
_DEEDS = {
    "expire": "its reading is over", "permit": "begins to serve what it read",
    "access": "reaches the resource",
}
"""The deeds of a node besides decisions and heartbeats, by the verbs of stories."""


def network_sequence(run: Run, title: str = "") -> Sequence:
    """The drawing of a replayed story of two nodes with messages in flight.

    Its life lines are the nodes, and between them the record if it is read or written.
    """
    items = [item for part in parts(run) for item in part]
    used = {*NODES, *(n for i in items for n in ends(i))}
    lives = tuple(Life(name, label) for name, label in LIVES.items() if name in used)
    return Sequence(title or run.network.engine.model.name, lives, tuple(items))


def parts(run: Run) -> Iterator[tuple[Item, ...]]:
    """Yield the items of the start, then those of every line of the story."""
    drawing = _Drawing(run.network, run.start)
    yield tuple(drawing.began())
    moves = 0
    for step in run.steps:
        items: list[Item] = []
        if step.move is not None:
            moves += 1
            items += drawing.step(moves, step.move, step.before, step.after)
        if step.failed:
            items.append(Note(NODES, ("Not as expected", step.line.text, step.failed), BROKEN))
        yield tuple(items)


class _Drawing:
    """Turns the steps of a story into messages, notes and spans."""

    def __init__(self, network: Network, start: Snapshot) -> None:
        self.network, self.first = network, start
        self.engine = network.engine
        self.notes = Notes(self.engine, "in the record" if network.setting.recorded else "before")
        self.spelling = self.notes.spelling
        self.kinds = {e.name: str(e.kind) for e in self.engine.model.events}
        self.flights: dict[str, int] = {}
        self.sent = 0

    def began(self) -> Iterator[Item]:
        """The states of both nodes at the beginning, and the cuts that are there already."""
        yield from (note for i, node in enumerate(NODES)
                    for note in self.notes.start(self._copy(i, self.first)) if note.over == (node,))
        yield from self._cuts((False, False), self.first.cuts, 0)
        yield from self._twice((), self.network.twice(self.first))

    def step(self, number: int, move: Move, before: Snapshot, after: Snapshot) -> Iterator[Item]:
        """One move, and everything that it has changed."""
        yield from self._move(number, move, before, after)
        yield from self._cuts(before.cuts, after.cuts, number)
        for i, node in enumerate(NODES):
            vanished = before.slots[i] is not None and after.slots[i] is None
            if vanished and not (move.node == node and move.verb in ("deliver", "lose")):
                yield self._heartbeat(node, number, LOST)
        notes = [note for i in range(len(NODES)) for note in self._became(i, before, after)]
        yield from sorted(notes, key=lambda note: note.role == REMARK)
        yield from self._twice(self.network.twice(before), self.network.twice(after))

    # ------------------------------------------------------------------- moves

    def _move(self, number: int, move: Move, before: Snapshot, after: Snapshot) -> Iterator[Item]:
        node = move.node
        match move.verb:
            case "cut" | "heal":
                pass
            case "tick":
                said = ", ".join(f"{n} {count}" for n, count in zip(NODES, after.silent, strict=True))
                yield Span(NODES, f"silence: {said}", SILENCE, step=number)
            case "beat":
                yield Message(node, seat("peer", node), "heartbeat", "beat", step=number)
            case "send":
                self.sent += 1
                self.flights[node] = self.sent
                yield self._heartbeat(node, number, SENT)
            case "deliver":
                yield self._heartbeat(node, number, ARRIVES)
            case "lose":
                yield self._heartbeat(node, number, LOST)
            case "read":
                yield Message(_RECORD, node, "read", "read", step=number)
            case "decide":
                yield from self._decided(number, move, before, after)
            case _:
                words = _DEEDS[move.verb] + (f" of {move.group}" if move.group else "")
                yield Message(node, node, words, move.verb, step=number)

    def _heartbeat(self, node: str, number: int, part: str) -> Message:
        flight = self.flights.get(node, 0)
        words = f"heartbeat {flight}" if flight else "heartbeat"
        return Message(node, seat("peer", node), words, "beat", step=number, flight=flight, part=part)

    def _decided(self, number: int, move: Move, before: Snapshot, after: Snapshot) -> Iterator[Item]:
        """A decision, at the node that makes it; with a record, and what it writes there."""
        _, targets = route(self.engine.model, move.event)
        kind = self.kinds[move.event]
        words = self.spelling.name(move.event)
        recorded = self.network.setting.recorded
        by = move.at or (_RECORD if recorded and kind == "command" else targets[0])
        yield Message(by, by, words, kind, step=number)
        if by != _RECORD and before.record != after.record:
            yield Message(by, _RECORD, "write", "write", step=number)

    def _cuts(
        self, before: tuple[bool, bool], after: tuple[bool, bool], number: int,
    ) -> Iterator[Span]:
        changed = [i for i in range(len(NODES)) if before[i] != after[i]]
        for cut in (True, False):
            over = tuple(NODES[i] for i in changed if after[i] is cut)
            if over:
                said = "is no longer heard" if cut else "is heard again"
                if len(over) > 1:
                    said = "no longer hear each other" if cut else "hear each other again"
                yield Span(over, f"{listed(over, 'and')} {said}", CUT, ends=not cut, step=number)

    # ------------------------------------------------------------------- notes

    def _copy(self, i: int, at: Snapshot) -> Pair:
        """A node's copy of the pair."""
        return self.engine.pair(dict(zip(self.engine.stored, at.copies[i], strict=True)))

    def _became(self, i: int, before: Snapshot, after: Snapshot) -> Iterator[Note]:
        """The new state of a node in its own copy, and the other changes of that copy."""
        node, peer = NODES[i], NODES[1 - i]
        old, new = self._copy(i, before), self._copy(i, after)
        yield from (n for n in self.notes.became(old, new) if n.over == (node,))
        said = [line for n in self.notes.remarks(old, new) if n.over == (node,) for line in n.text]
        headed = [c for c in (f"{peer}.state", f"{peer}.reason") if c in new]
        if any(old[c] != new[c] for c in headed):
            shown = spell(Shown(*(new[c] for c in headed)), self.spelling)
            said.append(f"{peer} here: {shown}")
        if said:
            yield Note((node,), tuple(said), REMARK)

    @staticmethod
    def _twice(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Span]:
        if before and not after:
            yield Span(NODES, "nobody is served twice", TWICE, ends=True)
        elif before != after:
            yield Span(NODES, f"users of {listed(after, 'and')} are served twice", TWICE)
