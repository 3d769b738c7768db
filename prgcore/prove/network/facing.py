"""One side of a network: the copies that a node may have, and what its events make of them.

Law: a row is the pair as one node sees it. Where the machine is its own mirror, both nodes share
one side, written as node1 sees it; else each has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.engine import Engine
from prgcore.form.telling import groups
from prgcore.model import Cube, Model, Rule
from prgcore.network.facts import Facts
from prgcore.prove.codec import Codec, Codes, Move, Test
from prgcore.prove.network.rows import NONE, Each, Ids, Lazy, Rows
from prgcore.seats import NODES, Mirror
from prgcore.vocabulary import Outcome

__all__ = ["Answers", "Machine", "Table"]

_Mask = npt.NDArray[np.bool_]


@define(eq=False)
class Machine:
    """A machine as tables: its codec, the facts of its network, its mirror.

    Attributes:
        stored: the names of its stored columns.
        mirror: the mirror image, if the machine is its own.
        groups: the groups of users that a node serves.
    """

    engine: Engine
    facts: Facts
    mirror: Mirror | None
    model: Model = field(init=False)
    codec: Codec = field(init=False)
    stored: tuple[str, ...] = field(init=False)
    sizes: tuple[int, ...] = field(init=False)
    groups: tuple[str, ...] = field(init=False)
    _image: Any = field(init=False)
    _never: list[Test] = field(init=False)
    _sources: dict[str, tuple[str, ...]] = field(init=False)
    _answers: dict[tuple[str, bool], Answers] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.model = self.engine.model
        self.codec = Codec(self.model)
        self.groups = groups(self.model)
        self.sizes = tuple(b.size for b in self.codec.blocks)
        self.stored = tuple(c.name for c in self.model.columns if not c.derived)
        self._image = self.codec.image(self.mirror) if self.mirror else None
        self._never = [self.codec.test(cube) for i in self.model.invariants for cube in i.never]
        self._sources = {c.name: c.sources or (c.name,) for c in self.model.columns}

    def turned(self, codes: Codes) -> Codes:
        """The pairs as the other node sees them: mirror images, where sides are shared."""
        return codes if self._image is None else self._image.of(codes)

    def seen(self, name: str) -> str:
        """A column as it is called on the other side."""
        return name if self.mirror is None else self.mirror.name(name)

    def seen_number(self, k: int) -> int:
        """The number of a stored column as it is called on the other side."""
        return self.stored.index(self.seen(self.stored[k]))

    def acting(self, codes: Codes, node: int) -> _Mask:
        """Whether a node can act, in each pair."""
        found = np.ones(len(codes[0]), np.bool_)
        for cube in self.engine.habits.acts(NODES[node]):
            found &= self.codec.test(cube).mask(codes)
        return found

    def hearing(self, codes: Codes, node: int) -> _Mask:
        """Whether a node hears its peer, in each pair."""
        gates = [h.when for h in self.model.hears if h.node == NODES[node]]
        return self.mask(codes, gates) if gates else np.ones(len(codes[0]), np.bool_)

    def able(self, codes: Codes, node: int) -> _Mask:
        """Whether a node can serve anybody, in each pair: one whose manager does not run cannot."""
        able = self.codec.test(self.engine.habits.agent(NODES[node]).able).mask(codes)
        return able & self.acting(codes, node)

    def assigned(self, codes: Codes, node: int) -> npt.NDArray[Any]:
        """The groups that each pair assigns to a node, one bit each."""
        found = np.zeros(len(codes[0]), np.int64)
        for n, group in enumerate(self.groups):
            cubes = self.facts.serves.get((NODES[node], group), ())
            found |= self.mask(codes, cubes).astype(np.int64) << n
        return found

    def turned_groups(self, bits: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Groups as the other node names them, one bit each."""
        if self.mirror is None:
            return bits
        groups, found = self.groups, np.zeros_like(bits)
        for n, group in enumerate(groups):
            found |= (bits >> n & 1) << groups.index(self.mirror.name(group))
        return found

    def inside(self, codes: Codes) -> _Mask:
        """Whether each pair breaks no invariant."""
        found = np.ones(len(codes[0]), np.bool_)
        for test in self._never:
            found[test.where(codes)] = False
        return found

    def clashing(self, codes: Codes, node: int) -> _Mask:
        """Whether no pair inside the invariants is like the copy of a node, as far as it knows."""
        facts = self.facts
        hears = self.hearing(codes, node)
        found = np.ones(len(codes[0]), np.bool_)
        told = set(facts.told[1 - node])
        for heard in (True, False):
            unknown = sorted(facts.hidden[node] | (set() if heard else told))
            at = np.flatnonzero(hears == heard)
            for values in product(*(range(len(facts.domain[k])) for k in unknown)):
                if not len(at):
                    break
                some = [c[at] for c in codes]
                for k, value in zip(unknown, values, strict=True):
                    self.put(some, k, np.full(len(at), value))
                inside = self.inside(some)
                found[at[inside]] = False
                at = at[~inside]
        return found

    def part(self, codes: Codes, names: Iterable[int]) -> Codes:
        """The share of these columns in each code."""
        return [table.take(code) for table, code in zip(self.parts(names), codes, strict=True)]

    def parts(self, names: Iterable[int]) -> Codes:
        """For every block a table of what these columns contribute to each code."""
        tables = [np.zeros(size, np.int32) for size in self.sizes]
        for name in (self.stored[k] for k in names):
            b, stride = self.codec.home[name]
            tables[b] += self.codec.values[name].astype(np.int32) * stride
        return tables

    def index(self, codes: Codes, k: int) -> npt.NDArray[Any]:
        """The number of the value of a stored column."""
        return self.codec.value(self.stored[k], codes).astype(np.int64)

    def put(self, codes: Codes, k: int, values: npt.NDArray[Any]) -> None:
        """Give a stored column these values, in place."""
        b, stride = self.codec.home[self.stored[k]]
        now = self.codec.values[self.stored[k]].take(codes[b]).astype(np.int32)
        codes[b] = codes[b] + (values.astype(np.int32) - now) * np.int32(stride)

    def mask(self, codes: Codes, cubes: Iterable[Cube]) -> _Mask:
        """Whether each pair is in one of these cubes."""
        found = np.zeros(len(codes[0]), np.bool_)
        for cube in cubes:
            found |= self.codec.test(cube).mask(codes)
        return found

    def read(self, cubes: Iterable[Cube], rules: Iterable[Rule]) -> set[int]:
        """The stored columns that some cubes and some rules read."""
        names = {cell.column for cube in cubes for cell in cube}
        for rule in rules:
            names |= {cell.column for cell in rule.when}
            names |= {e.value.column for e in rule.then if hasattr(e.value, "column")}
        return {self.stored.index(s) for name in names for s in self._sources[name]}

    def answers(self, event: str, *, hidden: bool) -> Answers:
        """The answers to an event; made once."""
        if (event, hidden) not in self._answers:
            self._answers[event, hidden] = Answers(
                self, event, self.facts.ways(event, hidden=hidden), tuple(self.facts.rules[event]))
        return self._answers[event, hidden]


@define(eq=False)
class Answers:
    """Where an event is possible, and what its rules make of pairs.

    Attributes:
        reads: the stored columns that decide it.
        done: for each rule whether it does something; the last entry is for NONE.
    """

    machine: Machine
    event: str
    ways: tuple[Cube, ...] | None
    rules: tuple[Rule, ...]
    reads: set[int] = field(init=False)
    done: _Mask = field(init=False)
    _ways: list[Test] | None = field(init=False)
    _tests: list[Test] = field(init=False)
    _moves: list[Move | None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        codec = self.machine.codec
        self._ways = None if self.ways is None else [codec.test(w) for w in self.ways]
        self._tests = [codec.test(r.when) for r in self.rules]
        self._moves = [codec.move(r) if r.outcome is Outcome.DONE else None for r in self.rules]
        self.done = np.array([*(m is not None for m in self._moves), False])
        self.reads = self.machine.read(self.ways or (), self.rules)

    def possible(self, codes: Codes) -> _Mask:
        """Whether the event is possible in each pair."""
        if self._ways is None:
            return np.ones(len(codes[0]), np.bool_)
        mask = np.zeros(len(codes[0]), np.bool_)
        for way in self._ways:
            mask[way.where(codes)] = True
        return mask

    def rule(self, codes: Codes) -> Ids:
        """The rule of this event that alone answers in each pair; NONE: none is done."""
        found = self.only(codes)
        found[~self.done[found]] = NONE
        return found

    def only(self, codes: Codes) -> Ids:
        """The rule of this event that alone answers in each pair, done or not; else NONE."""
        count, found = np.zeros(len(codes[0]), np.int8), np.full(len(codes[0]), NONE, np.int32)
        for n, test in enumerate(self._tests):
            at = test.where(codes)
            count[at] += 1
            found[at] = n
        found[count != 1] = NONE
        return found

    def apply(self, codes: Codes, rules: Ids) -> Codes:
        """The pairs after these rules; where there is NONE, as they were."""
        after = [code.astype(np.int32) for code in codes]
        for n, move in enumerate(self._moves):
            at = np.flatnonzero(rules == n)
            if len(at) and move is not None:
                for code, new in zip(
                        after, move.apply(self.machine.codec, [c[at] for c in codes]), strict=True):
                    code[at] = new
        return after

    def after(self, codes: Codes) -> tuple[_Mask, Codes]:
        """Where the event is possible and answered, and the pairs after it."""
        rules = self.rule(codes)
        rules[~self.possible(codes)] = NONE
        return rules >= 0, self.apply(codes, rules)


@frozen(eq=False)
class Context:
    """What an event reads that its node cannot know: columns of its peer and of the network."""

    columns: tuple[int, ...]
    sizes: tuple[int, ...]
    links: tuple[bool, ...]

    @property
    def width(self) -> int:
        return prod(self.sizes)


@define(eq=False)
class Table:
    """The copies of one side, and its events.

    Attributes:
        node: the number of the node that has these copies.
        rows: the copies; columns that the node cannot know have their first value.
    """

    machine: Machine
    node: int
    rows: Rows = field(init=False)
    _contexts: dict[tuple[int, ...], Each] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.rows = Rows(self.machine.sizes)

    def each(self, answer: Callable[[Codes], npt.NDArray[Any]]) -> Each:
        """Something that is worked out once for every copy."""
        return Each(self.rows, answer)

    def in_cubes(self, cubes: Iterable[Cube]) -> Each:
        """Whether each copy is in one of these cubes."""
        cubes = tuple(cubes)
        return self.each(lambda codes: self.machine.mask(codes, cubes))

    def part(self, names: Iterable[int]) -> Each:
        """For every copy a number for the values of these columns: equal where they are."""
        tables, some = self.machine.parts(names), Rows(self.machine.sizes)
        return self.each(lambda codes: some.ids(
            [table.take(code) for table, code in zip(tables, codes, strict=True)]))


@define(eq=False)
class Event:
    """An event of one side: the copy after it, for every copy and what is true of the world.

    Attributes:
        name: its name as node1 decides it, where sides are shared.
        hidden: whether it is possible only where the cells about the world hold.
        truly: whether the world decides it, which knows the peer too.
        fences: whether a node that then does not hear its peer leaves the record as it was.
        context: the columns that are filled in as they are.
    """

    table: Table
    name: str
    hidden: bool = True
    truly: bool = False
    fences: bool = False
    context: Context = field(init=False)
    _answers: Answers = field(init=False)
    _lazy: Lazy = field(init=False)

    def __attrs_post_init__(self) -> None:
        machine, facts = self.table.machine, self.table.machine.facts
        self._answers = machine.answers(self.name, hidden=self.hidden)
        world = set(facts.hidden[self.table.node])
        if self.truly:
            world |= set(facts.own[1 - self.table.node])
        columns = tuple(sorted(self._answers.reads & world))
        self.context = Context(
            columns, tuple(2 if k in facts.links else len(facts.domain[k]) for k in columns),
            tuple(k in facts.links for k in columns))
        self._lazy = Lazy(self.table.rows, self.context.width, self._answer)

    def of(self, ids: Ids, which: npt.NDArray[Any] | int) -> Ids:
        """The copies afterwards; NONE where nothing happens."""
        return self._lazy.of(ids, which)

    def _answer(self, ids: Ids, which: Ids) -> Ids:
        machine, facts = self.table.machine, self.table.machine.facts
        codes, before = self.table.rows.of(ids), []
        asked = zip(self.context.columns, self.context.sizes, strict=True)
        for k, size in reversed([*asked]):
            values = which % size
            which = which // size
            if k in facts.links:
                joined, cut = (facts.domain[k].index(v) for v in facts.links[k])
                values = np.where(values == 1, cut, joined)
            before.append((k, machine.index(codes, k), values))
            machine.put(codes, k, values)
        answered, after = self._answers.after(codes)
        for k, old, filled in before:
            kept = machine.index(after, k) == filled
            machine.put(after, k, np.where(kept, old, machine.index(after, k)))
        for k in facts.hidden[self.table.node]:
            machine.put(after, k, np.zeros(len(ids), np.int32))
        if self.fences:
            deaf = ~machine.hearing(after, self.table.node)
            for k in facts.shared:
                machine.put(after, k, np.where(deaf, machine.index(codes, k), machine.index(after, k)))
        found = np.full(len(ids), NONE, np.int32)
        at = np.flatnonzero(answered)
        if len(at):
            found[at] = self.table.rows.ids([code[at] for code in after])
        return found


__all__ += ["NODES", "Context", "Event"]
