"""Columns as integers: a pair is a few codes, a guard a few look-ups, a step a few additions.

Law: reads the table with numpy, and shares no code with the interpreter. Columns that belong
together (node1, node2, the group) form a block with one integer code. Tables are read with
`take`, which is three times as fast as an index where codes are int32.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property, reduce
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, frozen

from prgcore.errors import BudgetExhausted
from prgcore.model import By, Column, Const, Copy, Cube, Model, Rule, Value, copied
from prgcore.seats import Mirror

__all__ = ["KEEP", "LARGEST_BLOCK", "LARGEST_DOMAIN", "Codec", "Codes", "Image", "Move", "Test"]

Codes: TypeAlias = list[npt.NDArray[Any]]
"""One array of codes for each block, whole numbers; position i of each is pair i."""

KEEP = 255
"""In a table of new values: leave the target as it was."""

LARGEST_DOMAIN = KEEP
LARGEST_BLOCK = 1 << 21
SMALL_BLOCK = 1 << 14
"""The size of the parts of a group of columns that would be too large a block."""


@frozen(eq=False)
class _Block:
    columns: tuple[Column, ...]
    strides: tuple[int, ...]
    size: int


def _parts(columns: list[Column]) -> list[list[Column]]:
    """Columns as one block; as several, in their order, where one would be too large."""
    if prod(len(c.domain) for c in columns) <= LARGEST_BLOCK:
        return [columns]
    parts: list[list[Column]] = [[]]
    for column in columns:
        if prod(len(c.domain) for c in (*parts[-1], column)) > SMALL_BLOCK and parts[-1]:
            parts.append([])
        parts[-1].append(column)
    return parts


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
        for columns in (some for group in groups.values() for some in _parts(group)):
            sizes = [len(c.domain) for c in columns]
            strides = tuple(prod(sizes[i + 1 :]) for i in range(len(sizes)))
            blocks.append(_Block(tuple(columns), strides, prod(sizes)))
        large = [c.name for c in self.model.columns if len(c.domain) > LARGEST_DOMAIN]
        if large:
            raise BudgetExhausted(f"{large[0]} has more than {LARGEST_DOMAIN} values")
        set_(self, "blocks", tuple(blocks))
        set_(self, "domain", self.model.domains)
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

    def with_column(self, column: Column) -> Codec:
        """The same codes, read with another table of a derived column."""
        other = copy(self)
        set_ = object.__setattr__
        columns = tuple(column if c.name == column.name else c for c in self.model.columns)
        set_(other, "model", evolve(self.model, columns=columns))
        if column.name in self.home:
            index = sum(self.values[s].astype(np.int64) * w for s, w in self._weights(column))
            set_(other, "values", self.values | {column.name: self._table(column)[index]})
        else:
            parts = self.spanning[column.name].parts
            set_(other, "spanning", self.spanning | {
                column.name: _Spanning(parts, self._table(column))})
        return other

    def value(self, column: str, codes: Codes) -> npt.NDArray[np.uint8]:
        """The index in its domain of a column's value, for every pair."""
        if column in self.home:
            return self.values[column].take(codes[self.home[column][0]])
        return self.spanning[column].value(codes)

    @cached_property
    def _shares(self) -> tuple[tuple[tuple[str, dict[str, int]], ...], ...]:
        """For every block its columns, each with the summand that a value adds to the code."""
        return tuple(
            tuple(
                (c.name, {v: i * s for i, v in enumerate(c.domain)})
                for c, s in zip(b.columns, b.strides, strict=True)
            )
            for b in self.blocks
        )

    def encode(self, pair: dict[str, str]) -> tuple[int, ...]:
        """Block codes of one pair."""
        return tuple([sum([add[pair[name]] for name, add in b]) for b in self._shares])

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
                table = allowed.take(self.values[cell.column])
                tables[b] = tables[b] & table if b in tables else table
            else:
                spanning.append((self.spanning[cell.column], allowed))
        narrowest_first = sorted(
            tables.items(), key=lambda t: np.count_nonzero(t[1]) / len(t[1]))
        return Test(tuple(narrowest_first), tuple(spanning))

    def image(self, mirror: Mirror) -> Image:
        """The codes of mirror images."""
        parts: list[dict[int, npt.NDArray[np.int32]]] = [{} for _ in self.blocks]
        for column in (c for b in self.blocks for c in b.columns):
            source, name = self.home[column.name][0], mirror.name(column.name)
            block, stride = self.home[name]
            values = [self.domain[name].index(mirror.value(column.name, v)) for v in column.domain]
            part = (np.array(values, np.int32) * np.int32(stride)).take(self.values[column.name])
            known = parts[block].get(source)
            parts[block][source] = part if known is None else known + part
        return Image(tuple(tuple(part.items()) for part in parts))

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
                at = new[0] if source is None else new.take(self.values[source])
                step = np.where(at == KEEP, 0, (at.astype(np.int32) - current) * stride)
                shift[b] = shift[b] + step if b in shift else step.astype(np.int32)
            else:
                across.append((source, new, b, stride, current))
        return Move(tuple(shift.items()), tuple(across))


@frozen(eq=False)
class Image:
    """Mirror images: for every block the tables of its code, by the codes of other blocks."""

    parts: tuple[tuple[tuple[int, npt.NDArray[np.int32]], ...], ...]

    def of(self, codes: Codes) -> Codes:
        """The codes of the mirror images of these pairs."""
        return [reduce(np.add, [t.take(codes[b]) for b, t in parts]) for parts in self.parts]


@frozen(eq=False)
class _Spanning:
    parts: tuple[tuple[int, npt.NDArray[np.int32]], ...]
    table: npt.NDArray[np.uint8]

    def over(self, known: Sequence[npt.NDArray[np.int64]]) -> _Spanning:
        """The same, read by places in `known` instead of codes."""
        return _Spanning(tuple((b, t.take(known[b])) for b, t in self.parts), self.table)

    def value(self, codes: Codes) -> npt.NDArray[np.uint8]:
        index = sum(part.take(codes[b]) for b, part in self.parts)
        return self.table.take(index)


@frozen(eq=False)
class Test:
    """A cube as look-up tables; `where(codes)` is the positions of the pairs in it."""

    tables: tuple[tuple[int, npt.NDArray[np.bool_]], ...]
    spanning: tuple[tuple[_Spanning, npt.NDArray[np.bool_]], ...]

    def over(self, known: Sequence[npt.NDArray[np.int64]]) -> Test:
        """The same test of places in `known`, where the codes of every block are."""
        return Test(
            tuple((b, table.take(known[b])) for b, table in self.tables),
            tuple((spanning.over(known), allowed) for spanning, allowed in self.spanning))

    def mask(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """Whether each pair is in the cube."""
        mask = np.ones(len(codes[0]), np.bool_)
        for b, table in self.tables:
            mask &= table.take(codes[b])
        for spanning, allowed in self.spanning:
            mask &= allowed.take(spanning.value(codes))
        return mask

    def where(self, codes: Codes) -> npt.NDArray[np.intp]:
        """The positions of the pairs in the cube, narrowed one table at a time."""
        at: npt.NDArray[np.intp] | None = None
        for b, table in self.tables:
            inside = table.take(codes[b] if at is None else codes[b].take(at))
            at = np.flatnonzero(inside) if at is None else at[inside]
        for spanning, allowed in self.spanning:
            if at is None:
                at = np.flatnonzero(allowed.take(spanning.value(codes)))
            else:
                at = at[allowed.take(spanning.value([c.take(at) for c in codes]))]
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
            after[b] = after[b] + table.take(codes[b])
        for source, new, b, stride, current in self.across:
            at = new.take(codec.value(source, codes))
            step = (at.astype(np.int32) - current.take(codes[b])) * np.int32(stride)
            step[at == KEEP] = 0
            after[b] = after[b] + step
        return after
