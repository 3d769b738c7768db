"""Progress: where timers and completions lead by themselves, and the way home.

Law: arrays over the reachable pairs; no row of any table is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.prove.budget import tick
from prgcore.prove.space import Space
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Chains", "Graph", "Numbers", "chain", "chains", "distances", "graph", "halved_chain"]

Numbers = npt.NDArray[np.int32]


@frozen(eq=False)
class Graph:
    """Edges of some rules, and for every edge the number of its rule."""

    source: Numbers
    target: Numbers
    rule: npt.NDArray[np.signedinteger[Any]]


def graph(
    space: Space, kinds: Iterable[Kind], *, failing: bool, halved: bool = False
) -> Graph:
    """The graph of done edges for events of these kinds; `failing` includes completions that fail.

    With `halved` the edges lead from halves to turns (see `prgcore.prove.space.Halves`).
    """
    wanted = set(kinds)
    events = {e.name for e in space.model.events if e.kind in wanted and (failing or e.success)}
    none = np.zeros(0, np.int32)
    source, target = [none], [none]
    rules: list[npt.NDArray[np.signedinteger[Any]]] = [np.zeros(0, np.int8)]
    for number, edges in enumerate(space.edges):
        if edges.rule.event in events and edges.rule.outcome is Outcome.DONE:
            one, two = space.halves.steps[number] if halved else (edges.source, edges.target)
            source.append(one)
            target.append(two)
            rules.append(np.full(len(one), number, np.min_scalar_type(-len(space.edges))))
    return Graph(np.concatenate(source), np.concatenate(target), np.concatenate(rules))


@frozen(eq=False)
class Chains:
    """The chains of steps that happen without a command.

    Attributes:
        longest: length of the longest chain, -1 if some chain never ends.
        first: a pair from which a longest chain starts.
        cycle: rule numbers of a cycle, empty if there is none; `on_cycle` is a pair on it.
        ends: numbers of the pairs where nothing more happens by itself.
        height: length of the longest chain from every pair.
    """

    longest: int
    first: int
    cycle: tuple[int, ...]
    on_cycle: int
    ends: npt.NDArray[np.intp]
    height: Numbers


def chains(pairs: Sized, edges: Graph) -> Chains:
    """Find the chains: peel pairs from which nothing happens until only cycles are left."""
    size = len(pairs)
    count = np.bincount(edges.source, minlength=size).astype(np.int32)
    ends = np.flatnonzero(count == 0)
    gone = count == 0
    source, target = edges.source, edges.target
    height = np.zeros(size, np.int32)
    rounds, first = 0, int(ends[0]) if len(ends) else 0
    while len(source):
        tick("chains of timers and completions")
        leaving = gone.take(target)
        if not leaving.any():
            return _cycle(edges, ~gone, ends)
        count -= np.bincount(source[leaving], minlength=size).astype(np.int32)
        source, target = source[~leaving], target[~leaving]
        fresh = (count == 0) & ~gone
        if not fresh.any():  # what can end can also go round
            return _cycle(edges, ~gone, ends)
        rounds += 1
        height[fresh] = rounds
        first = int(np.flatnonzero(fresh)[0])
        gone |= fresh
    return Chains(rounds, first, (), -1, ends, height)


def _cycle(
    edges: Graph, left: npt.NDArray[np.bool_], ends: npt.NDArray[np.intp]
) -> Chains:
    """Find a cycle: walk among the pairs that were never peeled until one comes back."""
    keep = left[edges.source] & left[edges.target]
    source, target, rule = edges.source[keep], edges.target[keep], edges.rule[keep]
    order = np.argsort(source, kind="stable")
    source, target, rule = source[order], target[order], rule[order]
    at = int(source[0])
    seen: dict[int, int] = {}
    path: list[int] = []
    while at not in seen:
        seen[at] = len(path)
        edge = int(np.searchsorted(source, at))
        path.append(int(rule[edge]))
        at = int(target[edge])
    return Chains(-1, at, tuple(path[seen[at]:]), at, ends, np.zeros(0, np.int32))


def chain(edges: Graph, found: Chains) -> list[int]:
    """Rule numbers of a longest chain, from the pair that `found` names."""
    height = found.height
    order = np.argsort(edges.source, kind="stable")
    source, target, rule = edges.source[order], edges.target[order], edges.rule[order]
    rules, at = [], found.first
    while height[at]:
        low, high = np.searchsorted(source, [at, at + 1])
        edge = low + int(np.argmax(height[target[low:high]]))
        rules.append(int(rule[edge]))
        at = int(target[edge])
    return rules


def halved_chain(space: Space, edges: Graph, found: Chains) -> list[int]:
    """Rule numbers of a longest chain in a graph of halves, from the first pair that has one.

    Of several rules that go on so far, the first one is taken.
    """
    halves, height = space.halves, found.height
    order = np.argsort(edges.source, kind="stable")
    source, target, rule = edges.source[order], edges.target[order], edges.rule[order]
    pair = int(halves.first[height == found.longest].min())
    rules = []
    for left in range(found.longest, 0, -1):
        half, turned = divmod(int(halves.turn[pair]), 2)
        low, high = np.searchsorted(source, [half, half + 1])
        far = height[target[low:high] // 2] == left - 1
        steps = {
            halves.mirror[r] if turned and halves.mirror else r: turn ^ turned
            for r, turn in zip(rule[low:high][far].tolist(), target[low:high][far], strict=True)
        }
        rules.append(min(steps))
        pair = int(halves.number[steps[rules[-1]]])
    return rules


def distances(pairs: Sized, edges: Graph, goal: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
    """Steps from every pair to the goal along the edges; -1 where there is no way."""
    far = np.full(len(pairs), -1, np.int32)
    far[goal] = 0
    known = far == 0
    newest = known.copy()
    source, target = edges.source, edges.target
    steps = 0
    while len(source):
        tick("ways home")
        fresh = source[newest.take(target)]
        fresh = fresh[~known.take(fresh)]
        if not len(fresh):
            break
        steps += 1
        far[fresh] = steps
        newest[:] = False
        newest[fresh] = True
        known[fresh] = True
        keep = ~known.take(source)
        source, target = source[keep], target[keep]
    return far
