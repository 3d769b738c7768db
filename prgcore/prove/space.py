"""Every reachable pair, by breadth-first search over integer codes: the ground truth.

Law: reads the table through `prgcore.prove.codec`, and shares no code with the interpreter.

A machine that is its own mirror is searched by halves: of every pair and its mirror image one is
kept, and the steps of the other are the mirror images of its steps. Each pair still has a number
of its own, the one that a search of all pairs would give it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.model import Cube, Model, Rule
from prgcore.prove.budget import tick
from prgcore.prove.codec import Codec, Codes, Image
from prgcore.prove.index import Index, Keys, Places
from prgcore.prove.mirrored import twins
from prgcore.prove.walker import Part, Walker
from prgcore.seats import Mirror
from prgcore.vocabulary import Outcome

__all__ = ["Edges", "Halves", "Numbers", "Space", "Steps", "search"]

Numbers: TypeAlias = npt.NDArray[np.int32]
Steps: TypeAlias = tuple[Numbers, Numbers]
"""The sources of steps and their targets."""

CHUNK = 1 << 17
"""So many pairs of a frontier take their steps together."""


@frozen(eq=False)
class Halves:
    """One of each pair and its mirror image, and the steps of that one.

    A *half* is the place of a kept pair. A *turn* is twice a half for the pair itself, and one
    more for its mirror image; a pair that is its own mirror image has the even turn only. In a
    machine that is not its own mirror every pair is kept, and all turns are even.

    Attributes:
        number: for every turn the number of its pair.
        turn: for every pair its turn.
        alone: for every half, whether the pair is its own mirror image, or has none.
        mirror: for every rule the rule that is its mirror image, by their numbers.
        steps: for every rule its steps, from halves to turns.
    """

    number: Numbers
    turn: Numbers
    alone: npt.NDArray[np.bool_]
    mirror: tuple[int, ...] | None
    steps: tuple[Steps, ...]

    def __len__(self) -> int:
        return len(self.alone)

    @cached_property
    def first(self) -> Numbers:
        """For every half the smaller of its two numbers."""
        return np.minimum(self.number[::2], self.number[1::2])

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """For every rule the number of its steps from all pairs."""
        own = [len(source) for source, _ in self.steps]
        if self.mirror is None:
            return tuple(own)
        alone = [int(np.count_nonzero(self.alone.take(source))) for source, _ in self.steps]
        return tuple(n + own[m] - alone[m] for n, m in zip(own, self.mirror, strict=True))

    def whole(self, halves: npt.NDArray[np.integer[Any]]) -> Numbers:
        """The numbers of the pairs of these halves and of their mirror images, ascending."""
        both = self.number[2 * halves], self.number[2 * halves[~self.alone[halves]] + 1]
        return np.sort(np.concatenate(both))

    def placed(self, rule: int, place: Numbers) -> Steps:
        """The steps of a rule from some pairs: the place of the source, the number of the target.

        Args:
            place: for every turn its place; below zero for pairs that are left out.
        """
        source, target = self.steps[rule]
        more, ends = self.turned(rule)
        at = np.concatenate([place.take(source * 2), place.take(more)])
        return at[at >= 0], self.number.take(np.concatenate([target, ends])[at >= 0])

    def turned(self, rule: int) -> Steps:
        """The steps of a rule in mirror images, as turns: those that are not in `steps`."""
        if self.mirror is None:
            none = np.zeros(0, np.int32)
            return none, none
        source, target = self.steps[self.mirror[rule]]
        pair = ~self.alone.take(source)
        return source[pair] * 2 + 1, target[pair] ^ 1


@define(eq=False)
class Edges:
    """The steps of one rule, from pair numbers to pair numbers; an ignored rule stays in its pair.

    The steps are unfolded when they are asked for, and those of the last rule are kept.
    """

    rule: Rule
    _number: int
    _halves: Halves
    _last: dict[int, Steps]

    def __len__(self) -> int:
        return self._halves.counts[self._number]

    @property
    def source(self) -> Numbers:
        return self._steps()[0]

    @property
    def target(self) -> Numbers:
        return self._steps()[1]

    def _steps(self) -> Steps:
        if self._number not in self._last:
            halves, number = self._halves, self._halves.number
            source, target = halves.steps[self._number]
            more, ends = halves.turned(self._number)
            self._last.clear()
            self._last[self._number] = (
                np.concatenate([number.take(source * 2), number.take(more)]),
                np.concatenate([number.take(target), number.take(ends)]),
            )
        return self._last[self._number]


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
        halves: the same pairs and steps, one of each pair and its mirror image.
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
    halves: Halves
    _index: Index
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
        index = self._index
        place = [int(ids[code]) for ids, code in
                 zip(index.ids, self.codec.encode(pair), strict=True)]
        if min(place) < 0:
            return None
        turn = index.find(sum(i * stride for i, stride in zip(place, index.stride, strict=True)))
        return int(self.halves.number[turn]) if turn >= 0 else None

    def numbers(self, codes: Codes) -> npt.NDArray[np.int32]:
        """The numbers of pairs given by codes, all of them reachable."""
        index = self._index
        places = [ids.take(c).astype(np.int64) for ids, c in zip(index.ids, codes, strict=True)]
        return self.halves.number.take(index.look(index.key(places)))

    def folded(self) -> npt.NDArray[np.int32]:
        """For every pair the smaller of its number and that of its mirror image."""
        return self.halves.first.take(self.halves.turn // 2)

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


_LAST = (1 << 32) - 1
_NEVER = np.iinfo(np.int64).max


@define(eq=False)
class _Search:
    """A breadth-first search under way.

    The pairs of a depth are met in any order, and get their numbers when all of them are known:
    by the first rule that leads to a pair, in the order of the events, and for one rule by the
    last pair from which it does.
    """

    model: Model
    codec: Codec = field(init=False)
    image: Image | None = field(init=False, default=None)
    mirror: tuple[int, ...] | None = field(init=False, default=None)
    events: dict[str, str] = field(init=False, factory=dict)
    index: Index = field(init=False)
    walker: Walker = field(init=False)
    order: npt.NDArray[np.int32] = field(init=False)
    rank: list[int] = field(init=False)
    found: list[list[Steps]] = field(init=False)
    number: Numbers = field(init=False)
    numbers: list[Numbers] = field(factory=list)
    alone: list[npt.NDArray[np.bool_]] = field(factory=list)
    parents: list[Numbers] = field(factory=list)
    vias: list[Numbers] = field(factory=list)
    holes: list[tuple[int, str]] = field(factory=list)
    level: list[int] = field(factory=list)
    fresh: list[Places] = field(factory=list)
    levels: list[Codes] = field(factory=list)
    halves: int = 0
    total: int = 0

    def __attrs_post_init__(self) -> None:
        self.codec = Codec(self.model)
        mirror, images = Mirror.of(self.model), twins(self.model)
        if mirror and images:
            at = {rule.id: number for number, rule in enumerate(self.model.rules)}
            self.image = self.codec.image(mirror)
            self.mirror = tuple(at[images[rule.id]] for rule in self.model.rules)
            self.events = {e.name: mirror.name(e.name) for e in self.model.events}
        self.index = Index([b.size for b in self.codec.blocks])
        self.walker = Walker(self.model, self.codec, self.index)
        self.order = np.array([n for some in self.walker.by_event.values() for n in some], np.int32)
        self.rank = np.argsort(self.order).tolist()
        self.found = [[] for _ in self.model.rules]

    def run(self) -> None:
        """Search until no new pair is found."""
        starts = sorted({self.codec.encode(dict(start)) for start in self.model.initial})
        codes = [np.array(block, np.int32) for block in zip(*starts, strict=True)]
        places = [self.index.admit(b, c) for b, c in enumerate(codes)]
        turns = self.arrive(self.index.key(places))
        key = np.full(2 * self.halves, _NEVER)
        key[turns] = np.arange(len(starts))
        self._count(np.argsort(key)[:len(starts)], np.full(len(starts), -1), np.full(len(starts), -1))
        begins = 0
        while self.fresh:
            self.level.append(begins)
            begins = self.total
            ids = [np.concatenate(block) for block in zip(*self.fresh, strict=True)]
            self.fresh = []
            self.levels.append([
                known.take(i).astype(np.int32)
                for known, i in zip(self.index.known, ids, strict=True)])
            self._steps(ids)

    def _steps(self, ids: Places) -> None:
        """Take every step from the pairs of a depth, then number the pairs of the next one."""
        self.walker.begin()
        base = self.halves
        first = base - len(ids[0])
        steps: list[tuple[int, Steps]] = []
        wrong: dict[str, list[Numbers]] = {}
        for low in range(0, len(ids[0]), CHUNK):
            some = [block[low:low + CHUNK] for block in ids]
            part = Part(some, np.arange(
                first + low, first + low + len(some[0]), dtype=np.int32))
            for event in self.walker.by_event:
                tick("pairs found", self.total)
                wrong.setdefault(event, []).append(self._event(event, part, steps))
        self._holes(wrong, first)
        self._next(steps, first, base)

    def _event(self, event: str, part: Part, steps: list[tuple[int, Steps]]) -> Numbers:
        """Apply an event to some pairs; those to which not exactly one rule answers."""
        walker = self.walker
        ways = walker.possible.get(event)
        if ways is not None:  # a command is possible everywhere
            mask = np.zeros(len(part.halves), np.bool_)
            for test in ways:
                mask[test.where(part.ids)] = True
            part = part.take(np.flatnonzero(mask), self.index)
        answers = np.zeros(len(part.halves), np.uint8)
        for rule in walker.by_event[event]:
            at = walker.tests[rule].where(part.ids)
            if not len(at):
                continue
            if ways is not None:
                answers[at] += 1
            source = part.halves.take(at)
            if self.model.rules[rule].outcome is Outcome.DONE:
                taken = source, self.arrive(walker.keys(rule, part, at))
                steps.append((rule, taken))
            else:
                taken = source, source * 2
            self.found[rule].append(taken)
        return part.halves[:0] if ways is None else part.halves[answers != 1]

    def arrive(self, keys: Keys) -> Numbers:
        """The turns of the pairs of these keys; those never seen before are kept."""
        turns = self.index.look(keys)
        new = np.flatnonzero(turns < 0)
        if len(new):
            turns[new] = self.index.look(self._keep(self.index.places(keys[new])))
        return turns

    def _keep(self, places: Places) -> Keys:
        """The keys of some new pairs, after one of each and its mirror image is kept."""
        index = self.index
        if self.image is None:
            key = twin = index.key(places)
        else:
            codes = [known.take(i) for known, i in zip(index.known, places, strict=True)]
            images = [index.admit(b, c) for b, c in enumerate(self.image.of(codes))]
            key, twin = index.key(places), index.key(images)
        once = index.once(np.minimum(key, twin))
        turns = 2 * np.arange(self.halves, self.halves + len(once), dtype=np.int32)
        if self.image is not None:
            index.store(twin[once], turns + 1)
        index.store(key[once], turns)
        self.halves += len(once)
        self.alone.append(key[once] == twin[once])
        self.fresh.append([ids[once] for ids in places])
        return key

    def _holes(self, wrong: dict[str, list[Numbers]], first: int) -> None:
        """Note the first pairs of a depth in which an event has no answer, or several."""
        if not any(len(h) for some in wrong.values() for h in some):
            return
        alone = np.concatenate(self.alone)
        for event, halves in wrong.items():
            numbers = [self.number[2 * (h - first)] for h in halves]
            if self.image is not None:
                numbers += [self.number[2 * (h[~alone[h]] - first) + 1]
                            for h in wrong[self.events[event]]]
            self.holes += [(int(n), event) for n in np.sort(np.concatenate(numbers))[:8]]

    def _next(self, steps: list[tuple[int, Steps]], first: int, base: int) -> None:
        """Number the pairs of the next depth."""
        alone = self._new()
        key = np.full(2 * len(alone), _NEVER)
        for rule, (source, target) in steps:
            tick("pairs found", self.total)
            hit = np.flatnonzero(target >= 2 * base)
            if len(hit):
                where, to = 2 * (source.take(hit) - first), target.take(hit) - 2 * base
                self._lower(key, rule, self.number.take(where), to)
                if self.mirror:
                    self._lower(key, self.mirror[rule], self.number.take(where + 1), to ^ 1)
        one, two = key[::2], key[1::2]
        one[alone] = np.minimum(one[alone], two[alone])
        two[alone] = _NEVER
        key ^= _LAST
        turns = np.argsort(key)[:2 * len(alone) - int(alone.sum())]
        key = key.take(turns)
        self._count(turns, key & _LAST, self.order.take(key >> 32))

    def _lower(self, key: Keys, rule: int, source: Numbers, turns: Numbers) -> None:
        """Note that a rule leads to these turns from these pairs, if nothing better does."""
        np.minimum.at(key, turns, (self.rank[rule] << 32) + _LAST - source.astype(np.int64))

    def _new(self) -> npt.NDArray[np.bool_]:
        """Whether each half of the next depth is alone."""
        none = np.zeros(0, np.bool_)
        return np.concatenate([none, *self.alone[len(self.alone) - len(self.fresh):]])

    def _count(self, turns: Keys, parents: Keys, vias: Numbers) -> None:
        """Give the turns of a depth their numbers, in this order."""
        alone = self._new()
        self.number = np.zeros(2 * len(alone), np.int32)
        self.number[turns] = np.arange(self.total, self.total + len(turns))
        self.number[1::2][alone] = self.number[::2][alone]
        self.numbers.append(self.number)
        self.parents.append(parents.astype(np.int32))
        self.vias.append(vias.astype(np.int32))
        self.total += len(turns)


def search(model: Model) -> Space:
    """Every pair reachable from the initial ones.

    Raises:
        BudgetExhausted: the machine is too large to search, or the budget of the run ends.
    """
    found = _Search(model)
    found.run()
    return _space(found)


def _space(run: _Search) -> Space:
    number, alone = np.concatenate(run.numbers), np.concatenate(run.alone)
    codes = [np.concatenate(block) for block in zip(*run.levels, strict=True)]
    images = codes if run.image is None else run.image.of(codes)
    every = []
    for one, two in zip(codes, images, strict=True):
        block = np.empty(run.total, np.int32)
        block[number[1::2]] = two
        block[number[::2]] = one
        every.append(block)
    turn = np.empty(run.total, np.int32)
    turn[number[1::2]] = np.arange(1, len(number), 2)
    turn[number[::2]] = np.arange(0, len(number), 2)
    halves = Halves(number, turn, alone, run.mirror, tuple(_joined(some) for some in run.found))
    last: dict[int, Steps] = {}
    edges = tuple(Edges(rule, n, halves, last) for n, rule in enumerate(run.model.rules))
    return Space(
        run.model, run.codec, every, edges, np.concatenate(run.parents), np.concatenate(run.vias),
        tuple(run.holes), tuple(run.level), halves, run.index,
    )


def _joined(parts: list[Steps]) -> Steps:
    """The parts as one; they are given up, to free their memory."""
    tick("steps are put in order", more=sum(8 * len(source) for source, _ in parts))
    none = np.zeros(0, np.int32)
    found = (np.concatenate([none, *(s for s, _ in parts)]),
             np.concatenate([none, *(t for _, t in parts)]))
    parts.clear()
    return found
