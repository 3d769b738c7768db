"""The numbering of a fleet's pairs: those that are often met lie together.

Law: it reads a search, and decides nothing but an order. A running pair is seldom far from home,
so the order is by rarity: first by how many faults and commands lead there from home, then by how
many steps. Repairs, timers and completions follow by themselves, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from prgcore.engine import Engine
from prgcore.explain.health import illness
from prgcore.prove.space import Edges, Space
from prgcore.vocabulary import Kind, Outcome

__all__ = ["homes", "order"]

Numbers: TypeAlias = npt.NDArray[np.int32]

_RARE = (Kind.FAULT, Kind.COMMAND)


def homes(engine: Engine, space: Space) -> Numbers:
    """The numbers of the pairs at home, the healthiest first.

    They are the pairs of the goal; the initial pairs, if the machine has no goal or reaches none.
    Of equally healthy pairs, values that a domain lists first come first.
    """
    goal = [space.where(cube) for cube in space.model.goal]
    found = np.unique(np.concatenate(goal)) if goal else np.zeros(0, np.intp)
    if not len(found):
        found = np.flatnonzero(space.parent < 0)
    ill = illness(engine)
    values: list[npt.NDArray[np.integer[Any]]] = [
        space.column(name)[found] for name in engine.stored]
    cost = np.zeros(len(found), np.int64)
    for name, some in zip(engine.stored, values, strict=True):
        cost += np.array([ill[name][v] for v in engine.columns[name].domain]).take(some)
    return found[np.lexsort((*values[::-1], cost))].astype(np.int32)


def order(engine: Engine, space: Space) -> Numbers:
    """The search numbers of all pairs, the most often met pair first.

    Pairs that no step reaches from home come last. Pairs that are equally rare keep the order of
    the search.
    """
    kind = {event.name: event.kind for event in space.model.events}
    usual: list[Edges] = []
    rare: list[Edges] = []
    for edges in space.edges:
        if edges.rule.outcome is Outcome.DONE:
            (rare if kind[edges.rule.event] in _RARE else usual).append(edges)
    size = len(space)
    follow = _graph(size, [(e.source, e.target) for e in usual])
    strike = _graph(size, [(e.source, e.target) for e in rare])
    seen = np.zeros(size, np.bool_)
    front = homes(engine, space)
    found = [front]
    seen[front] = True
    while len(front):
        calm = [front]
        while len(front):
            front = _new(seen, follow(front))
            calm.append(front)
        found += calm[1:]
        front = _new(seen, strike(np.concatenate(calm)))
        found.append(front)
    found.append(np.flatnonzero(~seen).astype(np.int32))
    return np.concatenate(found)


def _new(seen: npt.NDArray[np.bool_], numbers: Numbers) -> Numbers:
    """The numbers that are not seen yet, ascending and once each; they are seen from now on."""
    marked = np.zeros(len(seen), np.bool_)
    marked[numbers] = True
    marked &= ~seen
    fresh = marked.nonzero()[0].astype(np.int32)
    seen[fresh] = True
    return fresh


def _graph(size: int, steps: list[tuple[Numbers, Numbers]]) -> Callable[[Numbers], Numbers]:
    """A function from pairs to the pairs that these steps lead to."""
    none = np.zeros(0, np.int32)
    source = np.concatenate([none, *(s for s, _ in steps)])
    target = np.concatenate([none, *(t for _, t in steps)])
    target = target[np.argsort(source, kind="stable")]
    begin = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=size))])

    def after(numbers: Numbers) -> Numbers:
        first, count = begin[numbers], begin[numbers + 1] - begin[numbers]
        at = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        found: Numbers = target[at]
        return found

    return after
