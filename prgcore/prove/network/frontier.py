"""The reachable networks, depth by depth: one of each network and its mirror image.

Law: networks are rows of numbers here. `prgcore.prove.network.copies` and
`prgcore.prove.network.records` know what the numbers mean, and which moves there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BudgetExhausted
from prgcore.prove.budget import tick
from prgcore.prove.index import Index, Keys
from prgcore.prove.network.rows import MOST
from prgcore.prove.network.steps import Step

__all__ = ["Networks", "Question", "search"]

Question: TypeAlias = Callable[[Any], npt.NDArray[Any]]
"""For every network of some whether the answer is yes."""
Watch: TypeAlias = Callable[[Any, int, Step, npt.NDArray[Any]], None]
"""Called with networks as a node looks at them, the node, its moves, and the first number."""

CHUNK = 1 << 16
"""So many networks of a frontier take their moves together."""


@define(eq=False)
class Networks:
    """The networks that were reached, and their numbers.

    Attributes:
        system: what they are, and which moves there are.
        levels: the networks of every depth.
        parent: for each network the one from which it was first reached; -1: a start.
        via: the move by which it was: four times its kind, twice the node, and whether the mirror
            image of what it leads to is kept.
        first: for every question the first network to which the answer is yes, if there is one.
        closed: whether there are no others.
        ended: why the search ended before that; empty: it was asked to.
    """

    system: Any
    levels: list[Any] = field(factory=list)
    parent: npt.NDArray[np.int32] = field(factory=lambda: np.zeros(0, np.int32))
    via: npt.NDArray[np.int32] = field(factory=lambda: np.zeros(0, np.int32))
    first: dict[str, int] = field(factory=dict)
    closed: bool = False
    ended: str = ""
    _index: Index = field(init=False)

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def depth(self) -> int:
        """The greatest distance from a start."""
        return len(self.levels) - 1

    @property
    def whole(self) -> int:
        """How many networks there are, each with its mirror image."""
        alone = sum(int(np.all([mine == theirs for mine, theirs in zip(
            state, self.system.turned(state), strict=True)], axis=0).sum())
            for state in self.levels if self.system.folded)
        return 2 * len(self) - alone if self.system.folded else len(self)

    def numbers(self, state: Any) -> npt.NDArray[np.int32]:
        """The numbers of some networks or of their mirror images; -1: they were not reached."""
        return self._index.look(self.keys(self.kept(state)[0]))

    def kept(self, state: Any) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Of each network and its mirror image the one that is kept; whether it is the image."""
        swap = np.zeros(len(state[0]), np.bool_)
        if not self.system.folded:
            return state, swap
        other, same = self.system.turned(state), np.ones(len(swap), np.bool_)
        for mine, theirs in zip(state, other, strict=True):
            swap |= same & (theirs < mine)
            same &= mine == theirs
        kept = (np.where(swap, theirs, mine) for mine, theirs in zip(state, other, strict=True))
        return type(state)(*kept), swap

    def keys(self, state: Any) -> Keys:
        """One number for each network."""
        return self._index.key([self._index.admit(b, column) for b, column in enumerate(state)])

    def __attrs_post_init__(self) -> None:
        self._index = Index([
            self.system.flags.count if part == "flags" else MOST for part in self.system.parts],
            1 << 62)

    def steps(self, number: int) -> list[int]:
        """The numbers on the shortest way to a network, from a start."""
        found = [number]
        while self.parent[found[-1]] >= 0:
            found.append(int(self.parent[found[-1]]))
        return found[::-1]

    def store(self, keys: Keys, count: int) -> npt.NDArray[np.intp]:
        """The positions of keys that are new, each once; they get the numbers from `count` on."""
        new = np.flatnonzero(self._index.look(keys) < 0)
        once: npt.NDArray[np.intp] = new[self._index.once(keys[new])]
        self._index.store(keys[once], np.arange(count, count + len(once), dtype=np.int32))
        return once


def joined(states: Iterable[Any]) -> Any:
    """Several arrays of networks as one."""
    states = list(states)
    return type(states[0])(*(
        np.concatenate(column).astype(np.int32) for column in zip(*states, strict=True)))


def search(
    system: Any, start: Any, questions: Mapping[str, Question], *, stop: Collection[str] = (),
    watch: Watch | None = None,
) -> Networks:
    """The networks that can be reached, as far as the budget of the run goes.

    Args:
        questions: for each the first network to which the answer is yes is noted.
        stop: end the search when each of these questions has its network.
        watch: sees every move.
    """
    found = Networks(system)
    state, swapped = found.kept(start)
    once = found.store(found.keys(state), 0)
    parents, vias = [np.full(len(once), -1, np.int32)], [swapped[once].astype(np.int32)]
    fresh = [state.take(once)]
    try:
        while fresh and not (stop and found.first.keys() >= {*stop}):
            state = joined(fresh)
            found.levels.append(state)
            first = sum(map(len, parents)) - len(state[0])
            for name, question in questions.items():
                if name not in found.first and len(hit := np.flatnonzero(question(state))):
                    found.first[name] = first + int(hit[0])
            fresh = _level(found, state, first, (parents, vias), watch)
        found.closed = not fresh
    except BudgetExhausted as error:
        found.ended = str(error)
    found.parent, found.via = np.concatenate(parents), np.concatenate(vias)
    return found


_Ways: TypeAlias = tuple[list[npt.NDArray[np.int32]], list[npt.NDArray[np.int32]]]
"""The parents of networks, and the moves by which they were reached."""


def _level(
    found: Networks, state: Any, first: int, ways: _Ways, watch: Watch | None,
) -> list[Any]:
    """The new networks after all moves from those of one depth."""
    fresh = []
    parents, vias = ways
    for low in range(0, len(state[0]), CHUNK):
        total = sum(map(len, parents))
        tick("networks found", total)
        part = type(state)(*(column[low:low + CHUNK] for column in state))
        after, source, via = _moves(found.system, part, first + low, watch)
        after, swapped = found.kept(after)
        once = found.store(found.keys(after), total)
        if len(once):
            fresh.append(after.take(once))
            parents.append(source[once])
            vias.append(via[once] + swapped[once])
    return fresh


def _moves(
    system: Any, state: Any, first: int, watch: Watch | None,
) -> tuple[Any, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """All moves from some networks: what they lead to, from which number, and by which move."""
    afters, sources, vias = [], [], []
    for node, view, step in system.steps(state):
        if not len(step.source):
            continue
        if watch:
            watch(view, node, step, first + step.source)
        afters.append(system.turned(step.after) if node else step.after)
        sources.append(first + step.source)
        vias.append(np.full(len(step.source), step.kind * 4 + node * 2, np.int32))
    if not afters:
        return state.take(np.zeros(0, np.intp)), np.zeros(0, np.int32), np.zeros(0, np.int32)
    return joined(afters), np.concatenate(sources).astype(np.int32), np.concatenate(vias)
