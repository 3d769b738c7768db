"""The rules over a frontier: where each of them fires, and the keys of the pairs that it leads to.

Law: a reader of `prgcore.prove.codec`. Its tables are read by the small ids of the index, of which
there are a few hundred, and not by codes, of which there are many thousand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.model import Model
from prgcore.prove.codec import Codec, Move, Test
from prgcore.prove.index import LOST, Index, Keys, Places
from prgcore.vocabulary import Kind

__all__ = ["Part", "Walker"]


@define(eq=False)
class Part:
    """Some pairs of a frontier: their ids in every block, and the number of each."""

    ids: Places
    halves: npt.NDArray[np.int32]
    _keys: Keys | None = None
    _layout: int = 0

    def keys(self, index: Index) -> Keys:
        """Their keys, made again where the layout of the index has changed."""
        if self._keys is None or self._layout != index.layout:
            self._keys, self._layout = index.key(self.ids), index.layout
        return self._keys

    def take(self, at: npt.NDArray[np.intp], index: Index) -> Part:
        """Those of them at these positions."""
        return Part(
            [ids.take(at) for ids in self.ids], self.halves.take(at), self.keys(index).take(at),
            index.layout)


@define(eq=False)
class Walker:
    """The tests and the moves of a machine.

    Attributes:
        possible: for every event except commands, the tests of its ways.
        by_event: for every event its rules, by their numbers.
        tests: the tests of the rules, by their numbers.
    """

    model: Model
    codec: Codec
    index: Index
    possible: dict[str, list[Test]] = field(init=False)
    by_event: dict[str, list[int]] = field(init=False)
    tests: list[Test] = field(init=False, factory=list)
    _moves: list[Move] = field(init=False)
    _deltas: dict[int, tuple[int, list[tuple[int, Keys]]]] = field(init=False, factory=dict)
    _counts: list[int] = field(init=False, factory=list)
    _ways: dict[str, list[Test]] = field(init=False)
    _guards: list[Test] = field(init=False)

    def __attrs_post_init__(self) -> None:
        model, codec = self.model, self.codec
        self._ways = {e.name: [] for e in model.events if e.kind is not Kind.COMMAND}
        for entry in model.possible:
            self._ways[entry.event].append(codec.test(entry.when))
        self.possible = self._ways
        self.by_event = {e.name: [] for e in model.events}
        for number, rule in enumerate(model.rules):
            self.by_event[rule.event].append(number)
        self._guards = [codec.test(rule.when) for rule in model.rules]
        self._moves = [codec.move(rule) for rule in model.rules]

    def begin(self) -> None:
        """Make the tables for a frontier, where it has ids that no frontier had before."""
        known = self.index.known
        counts = [len(k) for k in known]
        if counts != self._counts:
            self._counts = counts
            self.possible = {e: [t.over(known) for t in some] for e, some in self._ways.items()}
            self.tests = [t.over(known) for t in self._guards]
            self._deltas.clear()

    def keys(self, rule: int, part: Part, at: npt.NDArray[np.intp]) -> Keys:
        """The keys of the pairs to which a rule leads from these positions."""
        if self._moves[rule].across:
            return self.index.key(self._places(rule, part, at))
        layout, deltas = self._deltas.get(rule, (0, []))
        if layout != self.index.layout:
            deltas = self._delta(rule)
        keys = part.keys(self.index).take(at)
        for block, delta in deltas:
            keys += delta.take(part.ids[block].take(at))
        lost = at[keys < 0]
        if not len(lost):
            return keys
        self._places(rule, part, lost)
        self._deltas.pop(rule)
        return self.keys(rule, part, at)

    def _delta(self, rule: int) -> list[tuple[int, Keys]]:
        """For every block that a rule changes, the summand of the key for each id."""
        index, deltas = self.index, []
        for block, shift in self._moves[rule].shift:
            codes = index.known[block][:self._counts[block]]
            after = index.ids[block].take(codes + shift.take(codes)).astype(np.int64)
            delta = (after - np.arange(len(codes))) * index.stride[block]
            delta[after < 0] = LOST
            deltas.append((block, delta))
        self._deltas[rule] = index.layout, deltas
        return deltas

    def _places(self, rule: int, part: Part, at: npt.NDArray[np.intp]) -> Places:
        """The ids of the pairs to which a rule leads, which are made where there are none."""
        codes = [k.take(ids.take(at)) for k, ids in zip(self.index.known, part.ids, strict=True)]
        move = self._moves[rule]
        after = move.apply(self.codec, codes)
        changed = {block for block, _ in move.shift} | {block for _, _, block, *_ in move.across}
        return [
            self.index.admit(block, after[block]) if block in changed else ids.take(at)
            for block, ids in enumerate(part.ids)
        ]
