"""The values of some columns in a search: a pair for every combination, and every change.

Law: serves readers in lower rooms that may not search, such as `prgcore.diagram`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from prgcore.model import Rule
from prgcore.prove.space import Space

__all__ = ["moves", "seen"]


def seen(space: Space, names: Iterable[str]) -> list[dict[str, str]]:
    """A reachable pair for every combination of values of some columns and of promises it breaks.

    The pair is the one nearest to a start. The combinations are sorted column by column, by the
    place of each value in its domain.
    """
    codes = np.zeros(len(space), np.int64)
    for name in names:
        codes = codes * len(space.codec.domain[name]) + space.column(name)
        codes = np.unique(codes, return_inverse=True)[1]
    for invariant in space.model.invariants:
        broken = np.zeros(len(space), np.int64)
        for cube in invariant.never:
            broken[space.where(cube)] = 1
        if broken.any():
            codes = np.unique(codes * 2 + broken, return_inverse=True)[1]
    _, first = np.unique(codes, return_index=True)
    return [space.pair(int(number)) for number in first]


def moves(space: Space, column: str) -> Callable[[Rule], frozenset[tuple[str, str]]]:
    """The changes that every rule makes to a column in the reachable pairs, as (before, after)."""
    domain, values = space.codec.domain[column], space.column(column)
    size = len(domain)
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for step in space.edges:
        codes = values[step.source].astype(np.int64) * size + values[step.target]
        met = np.flatnonzero(np.bincount(codes, minlength=size * size)).tolist()
        found[step.rule.id] = frozenset(
            (domain[at // size], domain[at % size]) for at in met if at // size != at % size)
    return lambda rule: found[rule.id]
