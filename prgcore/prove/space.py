"""Every reachable pair, by breadth-first search over integer codes: the ground truth.

Law: reads the table with numpy, and shares no code with the interpreter. Columns that belong
together (node1, node2, the group) form a block with one integer code, so that a guard is a few
table look-ups and a step a few additions.
"""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.errors import BudgetExhausted
from prgcore.model import By, Column, Const, Copy, Cube, Model, Rule, Value, copied
from prgcore.seats import mirror_name
from prgcore.vocabulary import Kind, Outcome

Codes: TypeAlias = list[npt.NDArray[np.int32]]
"""One array of codes a block; position i of each is pair i."""

KEEP = 255
"""In a table of new values: leave the target as it was."""

LARGEST_DOMAIN = KEEP
LARGEST_BLOCK = 1 << 21
LARGEST_BLOCKS = 32
LARGEST_SPACE = 1 << 28


@frozen(eq=False)
class _Block:
    columns: tuple[Column, ...]
    strides: tuple[int, ...]
    size: int


@frozen(eq=False)
class Codec:
    """Columns as integers: blocks, strides, and the value of every column for every code."""

    model: Model
    blocks: tuple[_Block, ...] = field(init=False)
    home: dict[str, tuple[int, int]] = field(init=False)
    values: dict[str, npt.NDArray[np.uint8]] = field(init=False)
    domain: dict[str, tuple[str, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        set_ = object.__setattr__
        groups: dict[str, list[Column]] = {}
        for c in self.model.columns:
            if not c.derived:
                groups.setdefault(c.name.rpartition(".")[0], []).append(c)
        blocks = []
        for columns in groups.values():
            sizes = [len(c.domain) for c in columns]
            strides = tuple(prod(sizes[i + 1 :]) for i in range(len(sizes)))
            blocks.append(_Block(tuple(columns), strides, prod(sizes)))
        if any(b.size > LARGEST_BLOCK for b in blocks):
            raise BudgetExhausted("the columns of one node have too many combinations to search")
        large = [c.name for c in self.model.columns if len(c.domain) > LARGEST_DOMAIN]
        if large:
            raise BudgetExhausted(f"{large[0]} has more than {LARGEST_DOMAIN} values")
        set_(self, "blocks", tuple(blocks))
        set_(self, "domain", {c.name: c.domain for c in self.model.columns})
        home, values = {}, {}
        for b, block in enumerate(blocks):
            codes = np.arange(block.size)
            for column, stride in zip(block.columns, block.strides, strict=True):
                home[column.name] = (b, stride)
                values[column.name] = (codes // stride % len(column.domain)).astype(np.uint8)
        for column in self.model.columns:
            where = {home[s][0] for s in column.sources}
            if column.derived and len(where) == 1:
                home[column.name] = (where.pop(), 0)
                index = sum(values[s].astype(np.int64) * w for s, w in self._weights(column))
                values[column.name] = self._table(column)[index]
        set_(self, "home", home)
        set_(self, "values", values)

    def _weights(self, column: Column) -> list[tuple[str, int]]:
        sizes = [len(self.domain[s]) for s in column.sources]
        return [(s, prod(sizes[i + 1 :])) for i, s in enumerate(column.sources)]

    def _table(self, column: Column) -> npt.NDArray[np.uint8]:
        """The derived value for the mixed-radix index of the sources' values."""
        known = dict(column.table)
        table = np.zeros(prod(len(self.domain[s]) for s in column.sources), np.uint8)
        weights = self._weights(column)
        for values, value in known.items():
            at = sum(
                self.domain[s].index(v) * w for (s, w), v in zip(weights, values, strict=True)
            )
            table[at] = column.domain.index(value)
        return table

    @cached_property
    def spanning(self) -> dict[str, _Spanning]:
        """Derived columns whose sources lie in several blocks."""
        found = {}
        for column in self.model.columns:
            if column.derived and column.name not in self.home:
                parts: dict[int, npt.NDArray[np.int32]] = {}
                for source, weight in self._weights(column):
                    b = self.home[source][0]
                    part = self.values[source].astype(np.int32) * weight
                    parts[b] = parts[b] + part if b in parts else part
                found[column.name] = _Spanning(tuple(parts.items()), self._table(column))
        return found

    def value(self, column: str, codes: Codes) -> npt.NDArray[np.uint8]:
        """The index in its domain of a column's value, for every pair."""
        if column in self.home:
            return self.values[column][codes[self.home[column][0]]]
        return self.spanning[column].value(codes)

    def encode(self, pair: dict[str, str]) -> tuple[int, ...]:
        """Block codes of one pair."""
        return tuple(
            sum(c.domain.index(pair[c.name]) * s for c, s in zip(b.columns, b.strides, strict=True))
            for b in self.blocks
        )

    def decode(self, codes: tuple[int, ...]) -> dict[str, str]:
        """The pair of some block codes."""
        return {
            c.name: c.domain[code // s % len(c.domain)]
            for b, code in zip(self.blocks, codes, strict=True)
            for c, s in zip(b.columns, b.strides, strict=True)
        }

    def values_of(self, codes: Codes) -> list[tuple[str, ...]]:
        """The values of the stored columns, in order, of pairs given by codes."""
        columns = [
            np.array(column.domain, object)[self.value(column.name, codes)].tolist()
            for column in self.model.columns if not column.derived
        ]
        return list(zip(*columns, strict=True))

    def test(self, cube: Cube) -> Test:
        """A cube as look-up tables."""
        tables: dict[int, npt.NDArray[np.bool_]] = {}
        spanning = []
        for cell in cube:
            allowed = np.array([v in cell.values for v in self.domain[cell.column]])
            if cell.column in self.home:
                b = self.home[cell.column][0]
                table = allowed[self.values[cell.column]]
                tables[b] = tables[b] & table if b in tables else table
            else:
                spanning.append((self.spanning[cell.column], allowed))
        return Test(tuple(tables.items()), tuple(spanning))

    def _new(self, value: Value, target: str) -> tuple[str | None, npt.NDArray[np.uint8]]:
        """The source column and, by its value, the new value of the target (or KEEP)."""
        domain = self.domain[target]
        match value:
            case Const(constant):
                return None, np.array([domain.index(constant)], np.uint8)
            case Copy(column):
                return self._new(copied(column, self.domain[column], domain), target)
            case By(column, table):
                known = dict(table)
                return column, np.array(
                    [domain.index(known[v]) if v in known else KEEP for v in self.domain[column]],
                    np.uint8,
                )

    def move(self, rule: Rule) -> Move:
        """The effects of a rule as differences of block codes."""
        shift: dict[int, npt.NDArray[np.int32]] = {}
        across = []
        for effect in rule.then:
            b, stride = self.home[effect.target]
            source, new = self._new(effect.value, effect.target)
            current = self.values[effect.target]
            if source is None or self.home.get(source, (None,))[0] == b:
                at = new[0] if source is None else new[self.values[source]]
                step = np.where(at == KEEP, 0, (at.astype(np.int32) - current) * stride)
                shift[b] = shift[b] + step if b in shift else step.astype(np.int32)
            else:
                across.append((source, new, b, stride, current))
        return Move(tuple(shift.items()), tuple(across))


@frozen(eq=False)
class _Spanning:
    parts: tuple[tuple[int, npt.NDArray[np.int32]], ...]
    table: npt.NDArray[np.uint8]

    def value(self, codes: Codes) -> npt.NDArray[np.uint8]:
        index = sum(part[codes[b]] for b, part in self.parts)
        return self.table[index]


@frozen(eq=False)
class Test:
    """A cube as look-up tables; `where(codes)` is the positions of the pairs in it."""

    tables: tuple[tuple[int, npt.NDArray[np.bool_]], ...]
    spanning: tuple[tuple[_Spanning, npt.NDArray[np.bool_]], ...]

    def mask(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """Which pairs the cube holds of."""
        mask = np.ones(len(codes[0]), np.bool_)
        for b, table in self.tables:
            mask &= table[codes[b]]
        for spanning, allowed in self.spanning:
            mask &= allowed[spanning.value(codes)]
        return mask

    def where(self, codes: Codes) -> npt.NDArray[np.intp]:
        """Positions, narrowed one table at a time."""
        at: npt.NDArray[np.intp] | None = None
        for b, table in self.tables:
            at = np.flatnonzero(table[codes[b]]) if at is None else at[table[codes[b][at]]]
        for spanning, allowed in self.spanning:
            if at is None:
                at = np.flatnonzero(allowed[spanning.value(codes)])
            else:
                at = at[allowed[spanning.value([c[at] for c in codes])]]
        return np.arange(len(codes[0])) if at is None else at


@frozen(eq=False)
class Move:
    """The effects of a rule on block codes."""

    shift: tuple[tuple[int, npt.NDArray[np.int32]], ...]
    across: tuple[tuple[str, npt.NDArray[np.uint8], int, int, npt.NDArray[np.uint8]], ...]

    def apply(self, codec: Codec, codes: Codes) -> Codes:
        """The codes afterwards; the codes before are not changed."""
        after = list(codes)
        for b, table in self.shift:
            after[b] = after[b] + table[codes[b]]
        for source, new, b, stride, current in self.across:
            at = new[codec.value(source, codes)]
            step = (at.astype(np.int32) - current[codes[b]]) * np.int32(stride)
            step[at == KEEP] = 0
            after[b] = after[b] + step
        return after


@define(eq=False)
class _Index:
    """From block codes to pair numbers: codes seen get small ids, ids a dense table."""

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

    def admit(self, codes: Codes) -> None:
        """Give ids to block codes not seen before; grow the table where needed."""
        cap = list(self.cap)
        for b, block in enumerate(codes):
            seen = np.zeros(self.sizes[b], np.bool_)
            seen[block] = True
            fresh = np.flatnonzero(seen & (self.ids[b] < 0))
            self.ids[b][fresh] = np.arange(self.count[b], self.count[b] + len(fresh))
            self.count[b] += len(fresh)
            while cap[b] < self.count[b]:
                cap[b] = min(self.sizes[b], cap[b] * 2)
        if cap != self.cap:
            if prod(cap) > LARGEST_SPACE:
                raise BudgetExhausted("the reachable pairs are too many to search")
            larger = np.full(cap, -1, np.int32)
            larger[tuple(slice(0, n) for n in self.cap)] = self.table
            self.cap, self.table = cap, larger

    def flat(self, codes: Codes) -> npt.NDArray[np.int64]:
        """Positions in the flattened table; every code must have been admitted."""
        at = self.ids[0][codes[0]].astype(np.int64)
        for b in range(1, len(codes)):
            at *= self.cap[b]
            at += self.ids[b][codes[b]]
        return at


@frozen(eq=False)
class Edges:
    """Where one rule fires: from pair numbers to pair numbers."""

    rule: Rule
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]


@define(eq=False)
class Space:
    """The reachable pairs of a machine, numbered in breadth-first order.

    Attributes:
        codes: block codes of every pair.
        edges: for every rule, where it fires (an ignored rule leads nowhere else).
        parent, via: the pair and the rule (its number in the model) by which a pair was first
            reached; -1 for initial pairs.
        holes: (pair number, event) where an event is possible and not exactly one rule answers.
        level: first pair number of every depth.
        notes: what readers worked out of it and want to find again.
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
        return self._index.table.reshape(-1)[self._index.flat(codes)]

    def folded(self) -> npt.NDArray[np.int32]:
        """For every pair the smaller of its number and that of its mirror image.

        Only for a machine that is its own mirror. Where the seats list their columns in another
        order nothing is folded.
        """
        names = [[c.name for c in b.columns] for b in self.codec.blocks]
        swapped = [[mirror_name(n) for n in some] for some in names]
        if any(some not in names for some in swapped):
            return np.arange(len(self), dtype=np.int32)
        image = self.numbers([self.codes[names.index(some)] for some in swapped])
        return np.minimum(np.arange(len(self), dtype=np.int32), image)

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
        """Everything that an event does to the frontier."""
        if event not in self.possible:  # a command: possible everywhere
            for number, test, move in self.rules[event]:
                at = test.where(frontier)
                self.fire(number, move, [c[at] for c in frontier], at)
            return
        mask = np.zeros(len(frontier[0]), np.bool_)
        for test in self.possible[event]:
            mask[test.where(frontier)] = True
        here = np.flatnonzero(mask)
        if not len(here):
            return
        codes = [c[here] for c in frontier]
        answers = np.zeros(len(here), np.uint8)
        for number, test, move in self.rules[event]:
            at = test.where(codes)
            answers[at] += 1
            self.fire(number, move, [c[at] for c in codes], here[at])
        wrong = here[answers != 1][:8]
        self.holes += [(int(w) + self.first, event) for w in wrong]

    def fire(self, number: int, move: Move, codes: Codes, at: npt.NDArray[np.intp]) -> None:
        """A rule fires in these pairs of the frontier."""
        if not len(at):
            return
        source = (at + self.first).astype(np.int32)
        if self.model.rules[number].outcome is not Outcome.DONE:
            self.found[number].append((source, source))
            return
        after = move.apply(self.codec, codes)
        target, new = self.arrive(after)
        if len(new):
            self.fresh.append([c[new] for c in after])
            self.parents.append(source[new])
            self.vias.append(np.full(len(new), number, np.int32))
        self.found[number].append((source, target))

    def arrive(self, codes: Codes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
        """Numbers of these pairs, and which of them were never seen before, each once."""
        self.index.admit(codes)
        flat = self.index.flat(codes)
        table = self.index.table.reshape(-1)
        new = np.flatnonzero(table[flat] < 0)
        if len(new):
            spots = flat[new]
            table[spots] = np.arange(len(new), dtype=np.int32)
            new = new[table[spots] == np.arange(len(new))]
            table[flat[new]] = np.arange(self.total, self.total + len(new), dtype=np.int32)
            self.total += len(new)
        return table[flat], new


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
