"""Every reachable pair, by breadth-first search over integer codes: the ground truth.

Law: reads the table through `prgcore.prove.codec`, and shares no code with the interpreter.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.errors import BudgetExhausted
from prgcore.model import Cube, Model, Rule
from prgcore.prove.codec import Codec, Codes, Move, Test
from prgcore.seats import Mirror
from prgcore.vocabulary import Kind, Outcome

__all__ = ["LARGEST_BLOCKS", "LARGEST_SPACE", "Edges", "Space", "search"]

LARGEST_BLOCKS = 32
LARGEST_SPACE = 1 << 28


@define(eq=False)
class _Index:
    """Maps block codes to pair numbers: codes seen get small ids, and ids index a dense table."""

    sizes: list[int]
    ids: Codes
    count: list[int] = field(init=False)
    cap: list[int] = field(init=False)
    table: npt.NDArray[np.int32] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.count = [0] * len(self.sizes)
        self.cap = [min(size, 256) for size in self.sizes]
        if len(self.cap) > LARGEST_BLOCKS or prod(self.cap) > LARGEST_SPACE:
            raise BudgetExhausted("the columns form too many groups to search")
        self.table = np.full(self.cap, -1, np.int32)

    def admit(self, codes: Codes) -> npt.NDArray[np.int32]:
        """Positions in the flattened table, with ids for block codes not seen before."""
        cap, ids = list(self.cap), []
        for b, block in enumerate(codes):
            known = self.ids[b].take(block)
            strangers = block[known < 0]
            if len(strangers):
                seen = np.zeros(self.sizes[b], np.bool_)
                seen[strangers] = True
                fresh = np.flatnonzero(seen)
                self.ids[b][fresh] = np.arange(self.count[b], self.count[b] + len(fresh))
                self.count[b] += len(fresh)
                while cap[b] < self.count[b]:
                    cap[b] = min(self.sizes[b], cap[b] * 2)
                known = self.ids[b].take(block)
            ids.append(known)
        if cap != self.cap:
            self._grow(cap)
        return self._at(ids)

    def _grow(self, cap: list[int]) -> None:
        if prod(cap) > LARGEST_SPACE:
            raise BudgetExhausted("the reachable pairs are too many to search")
        larger = np.full(cap, -1, np.int32)
        larger[tuple(slice(0, n) for n in self.cap)] = self.table
        self.cap, self.table = cap, larger

    def flat(self, codes: Codes) -> npt.NDArray[np.int32]:
        """Positions in the flattened table; every code must have been admitted."""
        return self._at([ids.take(block) for ids, block in zip(self.ids, codes, strict=True)])

    def _at(self, ids: Codes) -> npt.NDArray[np.int32]:
        at = ids[0]
        for b in range(1, len(ids)):
            at *= np.int32(self.cap[b])
            at += ids[b]
        return at


@frozen(eq=False)
class Edges:
    """The steps of one rule, from pair numbers to pair numbers."""

    rule: Rule
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]


@define(eq=False)
class Space:
    """The reachable pairs of a machine, numbered in breadth-first order.

    Attributes:
        codes: block codes of every pair.
        edges: for every rule, the steps in which it fires; an ignored rule stays in its pair.
        parent, via: the pair and the rule (its number in the model) by which a pair was first
            reached; -1 for initial pairs.
        holes: (pair number, event) where an event is possible and not exactly one rule answers.
        level: first pair number of every depth.
        notes: results that readers derived from it and keep for later.
    """

    model: Model
    codec: Codec
    codes: Codes
    edges: tuple[Edges, ...]
    parent: npt.NDArray[np.int32]
    via: npt.NDArray[np.int32]
    holes: tuple[tuple[int, str], ...]
    level: tuple[int, ...]
    _index: _Index
    _columns: dict[str, npt.NDArray[np.uint8]] = field(factory=dict)
    notes: dict[str, Any] = field(factory=dict)

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def depth(self) -> int:
        """The greatest distance from an initial pair."""
        return len(self.level) - 1

    def pair(self, number: int) -> dict[str, str]:
        """The stored columns of a pair."""
        return self.codec.decode(tuple(int(c[number]) for c in self.codes))

    def values(self, numbers: npt.NDArray[np.integer[Any]]) -> list[tuple[str, ...]]:
        """The values of the stored columns, in order, of some pairs."""
        return self.codec.values_of([c[numbers] for c in self.codes])

    def find(self, pair: dict[str, str]) -> int | None:
        """The number of a pair, or None where it is not reachable."""
        codes = [np.array([c], np.int32) for c in self.codec.encode(pair)]
        if any(ids[c[0]] < 0 for ids, c in zip(self._index.ids, codes, strict=True)):
            return None
        number = int(self._index.table.reshape(-1)[self._index.flat(codes)[0]])
        return number if number >= 0 else None

    def numbers(self, codes: Codes) -> npt.NDArray[np.int32]:
        """The numbers of pairs given by codes, all of them reachable."""
        return self._index.table.reshape(-1).take(self._index.flat(codes))

    def folded(self) -> npt.NDArray[np.int32]:
        """For every pair the smaller of its number and that of its mirror image.

        Only for a machine that is its own mirror.
        """
        mirror = Mirror.of(self.model)
        assert mirror is not None, "BUG: only a machine with a mirror is folded"
        codec = self.codec
        shares: dict[tuple[int, int], Any] = {}
        for column in (c for b in codec.blocks for c in b.columns):
            (source, _), name = codec.home[column.name], mirror.name(column.name)
            block, stride = codec.home[name]
            values = [codec.domain[name].index(mirror.value(column.name, v)) for v in column.domain]
            share = (np.array(values, np.int32) * np.int32(stride)).take(codec.values[column.name])
            shares[block, source] = shares.get((block, source), 0) + share
        image: Codes = [np.zeros(len(self), np.int32) for _ in codec.blocks]
        for (block, source), share in shares.items():
            image[block] += share.take(self.codes[source])
        return np.minimum(np.arange(len(self), dtype=np.int32), self.numbers(image))

    def trace(self, number: int) -> list[Rule]:
        """The rules, in order, of a shortest way from an initial pair."""
        rules = []
        while self.parent[number] >= 0:
            rules.append(self.model.rules[self.via[number]])
            number = int(self.parent[number])
        return rules[::-1]

    def start(self, number: int) -> int:
        """The initial pair from which the trace of a pair starts."""
        while self.parent[number] >= 0:
            number = int(self.parent[number])
        return number

    def where(self, cube: Cube) -> npt.NDArray[np.intp]:
        """Numbers of the reachable pairs in a cube, ascending."""
        return self.codec.test(cube).where(self.codes)

    def meets(self, cube: Cube) -> bool:
        """Whether some reachable pair is in a cube; the first pairs are asked first."""
        test = self.codec.test(cube)
        parts = ((0, 1 << 12), (1 << 12, 1 << 16), (1 << 16, len(self)))
        return any(len(test.where([c[a:b] for c in self.codes])) for a, b in parts)

    def column(self, name: str) -> npt.NDArray[np.uint8]:
        """Index in its domain of a column's value, for every pair."""
        if name not in self._columns:
            self._columns[name] = self.codec.value(name, self.codes)
        return self._columns[name]


@define(eq=False)
class _Search:
    """A breadth-first search under way: one event at a time, over the whole frontier."""

    model: Model
    codec: Codec
    index: _Index
    possible: dict[str, list[Test]]
    rules: dict[str, list[tuple[int, Test, Move]]]
    found: list[list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]]
    parents: list[npt.NDArray[np.int32]] = field(factory=list)
    vias: list[npt.NDArray[np.int32]] = field(factory=list)
    holes: list[tuple[int, str]] = field(factory=list)
    fresh: list[Codes] = field(factory=list)
    first: int = 0
    total: int = 0

    def event(self, event: str, frontier: Codes) -> None:
        """Apply an event to the frontier."""
        if event not in self.possible:  # a command: possible everywhere
            for number, test, move in self.rules[event]:
                at = test.where(frontier)
                self.fire(number, move, [c.take(at) for c in frontier], at)
            return
        mask = np.zeros(len(frontier[0]), np.bool_)
        for test in self.possible[event]:
            mask[test.where(frontier)] = True
        here = np.flatnonzero(mask)
        if not len(here):
            return
        codes = [c.take(here) for c in frontier]
        answers = np.zeros(len(here), np.uint8)
        for number, test, move in self.rules[event]:
            at = test.where(codes)
            answers[at] += 1
            self.fire(number, move, [c.take(at) for c in codes], here.take(at))
        wrong = here[answers != 1][:8]
        self.holes += [(int(w) + self.first, event) for w in wrong]

    def fire(self, number: int, move: Move, codes: Codes, at: npt.NDArray[np.intp]) -> None:
        """Fire a rule in these pairs of the frontier."""
        if not len(at):
            return
        source = (at + self.first).astype(np.int32)
        if self.model.rules[number].outcome is not Outcome.DONE:
            self.found[number].append((source, source))
            return
        after = move.apply(self.codec, codes)
        target, new = self.arrive(after)
        if len(new):
            self.fresh.append([c.take(new) for c in after])
            self.parents.append(source[new])
            self.vias.append(np.full(len(new), number, np.int32))
        self.found[number].append((source, target))

    def arrive(self, codes: Codes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
        """The numbers of these pairs, and the positions of those never seen before, each once."""
        flat = self.index.admit(codes)
        table = self.index.table.reshape(-1)
        known = table.take(flat)
        new = np.flatnonzero(known < 0)
        if len(new):
            spots = flat[new]
            table[spots] = np.arange(len(new), dtype=np.int32)
            new = new[table[spots] == np.arange(len(new))]
            table[flat[new]] = np.arange(self.total, self.total + len(new), dtype=np.int32)
            self.total += len(new)
            known = table.take(flat)
        return known, new


def _begin(model: Model) -> _Search:
    codec = Codec(model)
    sizes = [b.size for b in codec.blocks]
    search_ = _Search(
        model, codec, _Index(sizes, [np.full(size, -1, np.int32) for size in sizes]),
        {e.name: [] for e in model.events if e.kind is not Kind.COMMAND},
        {e.name: [] for e in model.events},
        [[] for _ in model.rules],
    )
    for entry in model.possible:
        search_.possible[entry.event].append(codec.test(entry.when))
    for number, rule in enumerate(model.rules):
        search_.rules[rule.event].append((number, codec.test(rule.when), codec.move(rule)))
    return search_


def search(model: Model) -> Space:
    """Every pair reachable from the initial ones.

    Raises:
        BudgetExhausted: the machine is too large to search.
    """
    run = _begin(model)
    starts = sorted({run.codec.encode(dict(start)) for start in model.initial})
    blocks = range(len(run.codec.blocks))
    frontier: Codes = [np.array([s[b] for s in starts], np.int32) for b in blocks]
    run.arrive(frontier)
    run.parents.append(np.full(len(starts), -1, np.int32))
    run.vias.append(np.full(len(starts), -1, np.int32))
    levels: list[Codes] = []
    level: list[int] = []
    while len(frontier[0]):
        levels.append(frontier)
        level.append(run.first)
        for event in run.rules:
            run.event(event, frontier)
        run.first += len(frontier[0])
        frontier = _join(run.fresh, blocks)
        run.fresh = []
    none = np.zeros(0, np.int32)
    edges = tuple(
        Edges(
            rule,
            np.concatenate([s for s, _ in parts]) if parts else none,
            np.concatenate([t for _, t in parts]) if parts else none,
        )
        for rule, parts in zip(model.rules, run.found, strict=True)
    )
    return Space(
        model, run.codec, _join(levels, blocks), edges, np.concatenate(run.parents),
        np.concatenate(run.vias), tuple(run.holes), tuple(level), run.index,
    )


def _join(parts: list[Codes], blocks: range) -> Codes:
    return [
        np.concatenate([p[b] for p in parts]) if parts else np.zeros(0, np.int32) for b in blocks
    ]
