"""Derived columns that read derived columns, written over stored columns, as every reader wants them.

Law: pure, exact. A column that reads itself, by whatever way, is a mistake, and so is a table that
would be too large. Nothing but the form of the table changes: the value of a pair stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import TypeAlias

from attrs import evolve

from prgcore.model import Column, Values

__all__ = ["MOST_ROWS", "flat", "flattened", "knots", "ordered"]

MOST_ROWS = 1 << 16
"""The most rows of a derived column that reads derived columns, over stored ones."""

_Columns: TypeAlias = Mapping[str, Column]


def flattened(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """These columns, each derived one as a table of stored columns; `knots` finds nothing in them."""
    done = {c.name: c for c in columns}
    for column in ordered(columns):
        done[column.name] = flat(column, done)
    return tuple(done[c.name] for c in columns)


def knots(columns: tuple[Column, ...]) -> Iterator[str]:
    """Yield a line for every column that reads itself, or whose table would be too large."""
    named, place = {c.name: c for c in columns}, {c.name: i for i, c in enumerate(columns)}
    sources: dict[str, Values] = {}
    for column in ordered(columns):
        stored = _stored(column, named, sources)
        sources[column.name] = stored
        rows = prod(len(named[s].domain) for s in stored)
        if rows > MOST_ROWS and any(named[s].derived for s in column.sources):
            yield (f"columns[{place[column.name]}].from: {len(stored)} stored columns in all, a table "
                   f"of {rows:,} rows; at most {MOST_ROWS:,}; read columns with fewer values")
    stuck = {c.name: c for c in columns if c.derived and c.name not in sources}
    said: set[str] = set()
    for name in stuck:
        way = [name]
        while way.count(way[-1]) < 2:
            way.append(next(s for s in stuck[way[-1]].sources if s in stuck))
        circle = way[way.index(way[-1]):]
        if said.isdisjoint(circle):
            said |= {*circle}
            yield (f"columns[{place[circle[0]]}].from: {' reads '.join(circle)}; a derived column is "
                   "made of stored columns in the end")


def ordered(columns: tuple[Column, ...]) -> Iterator[Column]:
    """Yield the derived columns, each after those that it reads; without those of a circle."""
    waiting = {c.name: c for c in columns if c.derived}
    ready = list(waiting.values())
    while ready:
        ready = [c for c in waiting.values() if not waiting.keys() & {*c.sources}]
        for column in ready:
            del waiting[column.name]
        yield from ready


def _stored(column: Column, named: _Columns, sources: Mapping[str, Values]) -> Values:
    """The stored columns behind a column, in the order in which its sources name them."""
    return tuple(dict.fromkeys(
        s for name in column.sources for s in (sources[name] if named[name].derived else (name,))))


def flat(column: Column, columns: _Columns) -> Column:
    """A derived column over stored ones; those that it reads are so already."""
    if not any(columns[s].derived for s in column.sources):
        return column
    stored = _stored(column, columns, {s: columns[s].sources for s in column.sources})
    tables = [dict(columns[s].table) for s in column.sources]
    places = [[stored.index(name) for name in columns[s].sources or (s,)] for s in column.sources]
    table, rows = dict(column.table), []
    for values in product(*(columns[s].domain for s in stored)):
        picked = [tuple(values[i] for i in place) for place in places]
        row = tuple(known[key] if known else key[0] for known, key in zip(tables, picked, strict=True))
        rows.append((values, table[row]))
    return evolve(column, sources=stored, table=tuple(rows))
