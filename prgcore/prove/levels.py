"""E3: the orders of every decision lead each node to what the record wishes of it then.

Law: what a deed does to the world is that of `prgcore.form.wishes`, which agents use too. The steps
are asked by numpy, and every answer is looked up once for all steps that are alike.

A node is *in reach* if it runs before and after the step, and the node that decides hears it. The
world of a node in reach is as wished before the step; its orders are carried out one after another.
Another node reads the record later, and reconciles. A fault changes the world, and no wish: reconciling is
asked from every world, so it mends whatever a fault may leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.form.cubes import EVERYWHERE
from prgcore.form.wishes import EFFECTS, PARTS, Rows, World, differs, done, rows, toward
from prgcore.model import Cube, Model, Rule
from prgcore.prove.space import Numbers
from prgcore.prove.work import Judgement, Work
from prgcore.seats import NODES, seat
from prgcore.vocabulary import Method, Outcome, Verdict

__all__ = ["e3", "lacks"]

SERVE = "serve"
"""The part of the world that is the groups of users whom a node serves."""

_Keys: TypeAlias = npt.NDArray[np.uint16]


def lacks(model: Model) -> str:
    """The reason why E3 asks nothing of a machine; empty: it asks."""
    if not model.agents:
        return "the machine has no agents section, which says what the record wishes"
    if not any(_parts(model, node) for node in NODES):
        return "no two actions of a node undo one another, so no order needs a wish beside it"
    return ""


def _parts(model: Model, node: str) -> tuple[str, ...]:
    """The parts of the world of a node of which every value has an action that brings it."""
    deeds = {a.does for a in model.actions if a.node == node}
    whole = [part for part in PARTS
             if all(deed in deeds for deed, (of, _) in EFFECTS.items() if of == part)]
    return (*whole, *((SERVE,) if "disconnect" in deeds else ()))


@frozen
class _Wish:
    """The wish of a pair for a node.

    Attributes:
        world: what it wishes.
        nobody: the groups that no node has.
        runs: whether the node runs.
        heard: whether the peer hears it.
    """

    world: World
    nobody: frozenset[str]
    runs: bool
    heard: bool


class _Node:
    """The wishes of every reachable pair for one node, as a number for each pair."""

    def __init__(self, work: Work, node: str) -> None:
        self.node, self.habits, self.space = node, work.engine.habits, work.space
        self.parts = _parts(work.model, node)
        self.wishes: list[_Wish] = []
        self.turns = self._keys(work.model).take(self.space.halves.number)
        self.halves = self.turns[::2].copy()

    def _keys(self, model: Model) -> _Keys:
        """For every reachable pair the place of what it wishes in `wishes`."""
        some = rows(self.habits, self.node)
        kept = {part: some[part] if part in self.parts else () for part in PARTS}
        runs = (("yes", _all(self.habits.acts(self.node))),)
        peer = seat("peer", self.node)
        hears = tuple(h.when for h in model.hears if h.node == peer) or (EVERYWHERE,)
        groups = [self.habits.serving[group] for group in self.habits.groups]
        asked: list[Rows] = [*kept.values(), *groups, runs, (("yes", hears),)]
        key = np.zeros(len(self.space), np.int32)
        for one in asked:
            key *= len(one) + 1
            key += self._row(one)
        present = np.flatnonzero(np.bincount(key))
        sizes = [len(one) + 1 for one in asked]
        for number in present.tolist():
            at = np.unravel_index(number, sizes)
            words = [(one[i][0] if i < len(one) else "") for one, i in zip(asked, at, strict=True)]
            has = dict(zip(self.habits.groups, words[len(PARTS):], strict=False))
            self.wishes.append(_Wish(
                World(serve=frozenset(g for g, n in has.items() if n == self.node)).put(
                    dict(zip(PARTS, words, strict=False))),
                frozenset(g for g, n in has.items() if not n),
                bool(words[-2]), bool(words[-1])))
        place = np.zeros(int(present[-1]) + 1, np.uint16)
        place[present] = np.arange(len(present))
        return place.take(key)

    def _row(self, some: Rows) -> npt.NDArray[np.uint8]:
        """For every reachable pair the first row that holds, or their number."""
        row = np.full(len(self.space), len(some), np.uint8)
        for at in range(len(some) - 1, -1, -1):
            for cube in some[at][1]:
                if cube.cells:
                    row[self.space.codec.test(cube).mask(self.space.codes)] = at
                else:
                    row[:] = at
        return row


def _all(cubes: tuple[Cube, ...]) -> tuple[Cube, ...]:
    """The cube in which all of these hold; none where no pair is in all of them."""
    found: Cube | None = EVERYWHERE
    for cube in cubes:
        found = found and found & cube
    return () if found is None else (found,)


# ------------------------------------------------------------------------ one step


@frozen
class _Step:
    """The steps of a rule that are alike for a node: what it is asked for, and both wishes."""

    deeds: tuple[str, ...]
    before: World
    after: World
    nobody: frozenset[str]


def _worlds(wish: World, parts: tuple[str, ...]) -> Iterator[World]:
    """The worlds that are as wished: every one, where nothing is wished of a part."""
    values = {part: [v for of, v in EFFECTS.values() if of == part] for part in PARTS}
    free = [part for part in parts if part != SERVE and not getattr(wish, part)]
    for words in product(*(values[part] for part in free)):
        yield wish.put(dict(zip(free, words, strict=True)))


def _wrong(step: _Step, parts: tuple[str, ...]) -> tuple[str, str, bool]:
    """The part in which a world is not as wished after a step, and what it is; empty: none.

    Where nothing was wished before, and no order is about it, reconciling brings what is wished now;
    the last answer says whether it has to. Users on the move, whom no node has, may stay with the node that moves them.
    """
    alone = False
    for world in _worlds(step.before, parts):
        for deed in step.deeds:
            world = done(deed, world, step.after)  # noqa: PLW2901, one deed after another
        moved = {EFFECTS[deed][0] for deed in step.deeds if deed in EFFECTS}
        for part in differs(world, step.after):
            if part in parts and (getattr(step.before, part) or part in moved):
                return part, getattr(world, part), False
            alone = alone or part in parts
        kept = world.serve - step.after.serve - (
            step.nobody if "move" in step.deeds else frozenset())
        if SERVE in parts and kept:
            return SERVE, ", ".join(sorted(kept)), False
    return "", "", alone


def _reconciles(parts: tuple[str, ...]) -> str:
    """A world from which reconciling does not lead to a wish, in words; empty: there is none."""
    asked = tuple(part for part in parts if part != SERVE)
    values = [tuple(v for of, v in EFFECTS.values() if of == part) for part in asked]
    for start, aim in product(product(*values), product(*((*some, "") for some in values))):
        world, wish = (World().put(dict(zip(asked, words, strict=True))) for words in (start, aim))
        now = world
        for deed in toward(world, wish):
            now = done(deed, now, wish)
        if differs(now, wish) or toward(now, wish):
            return f"reconciling from {world} does not lead to {wish}"
    return ""


# ------------------------------------------------------------------------ the obligation


class _Check:
    """All steps of the machine, asked for both nodes."""

    def __init__(self, work: Work) -> None:
        self.work, self.space = work, work.space
        self.deciders = {e.name: e.decider for e in work.model.events}
        self.nodes = {node: _Node(work, node) for node in NODES if _parts(work.model, node)}
        self.reached = self.away = self.unheard = 0
        self.alone: set[str] = set()
        self.met: dict[tuple[str, str], set[str]] = {
            (node, deed): set() for node, one in self.nodes.items() for deed in _deeds(work, node, one.parts)}
        self._known: dict[_Step, tuple[str, str, bool]] = {}

    def wrong(self) -> tuple[str, int, Rule] | None:
        """The first fault: in words, the pair before it, and the rule; None: there is none."""
        halves = self.space.halves
        for edges, (half, turn) in zip(self.space.edges, halves.steps, strict=True):
            if edges.rule.outcome is not Outcome.DONE or not len(half):
                continue
            for one in self.nodes.values():
                found = self._rule(edges.rule, one, half, turn)
                if found is not None:
                    return found
        return None

    def _rule(
        self, rule: Rule, one: _Node, half: Numbers, turn: Numbers,
    ) -> tuple[str, int, Rule] | None:
        habits, size = one.habits, len(one.wishes)
        asks = tuple(a for a in rule.actions if a.node == one.node)
        deeds = tuple(habits.deed(a.do, one.node) for a in asks)
        decides = self.deciders[rule.event]
        pairs = one.halves.take(half) * np.int32(size) + one.turns.take(turn)
        counts = np.bincount(pairs)
        for number in np.flatnonzero(counts).tolist():
            before, after = one.wishes[number // size], one.wishes[number % size]
            many = int(counts[number])
            if not (before.runs and after.runs):
                self.away += many
                continue
            if decides in NODES and decides != one.node and not after.heard:
                self.unheard += many
                continue
            self.reached += many
            step = _Step(deeds, before.world, after.world, after.nobody)
            part, left, alone = self._asked(step, one.parts)
            if part:
                at = int(self.space.halves.number.take(half[pairs == number] * 2).min())
                return _says(rule, one.node, part, left, step, asks), at, rule
            if alone:
                self.alone.add(rule.id)
            for deed in deeds:
                if (one.node, deed) in self.met:
                    self.met[one.node, deed].add(rule.id)
        return None

    def _asked(self, step: _Step, parts: tuple[str, ...]) -> tuple[str, str, bool]:
        if step not in self._known:
            self._known[step] = _wrong(step, parts)
        return self._known[step]


def _deeds(work: Work, node: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """The deeds that change these parts, among those of a node's actions."""
    has = {a.does for a in work.model.actions if a.node == node}
    return tuple(d for d in (*EFFECTS, "disconnect") if d in has and (
        EFFECTS[d][0] if d in EFFECTS else SERVE) in parts)


def _says(
    rule: Rule, node: str, part: str, left: str, step: _Step, asks: tuple[object, ...],
) -> str:
    asked = f"its orders ({', '.join(map(str, asks))})" if asks else "without an order it"
    if part == SERVE:
        return (f"{rule.id}: the users of {left} are no longer {node}'s to serve, and "
                f"{asked} still serve{'' if asks else 's'} them")
    return (f"{rule.id}: the {part} of {node} should be {getattr(step.after, part)} then, and "
            f"{asked} leave{'' if asks else 's'} {'them' if part == 'services' else 'it'} {left}")


def e3(work: Work) -> Judgement:
    """Orders and desired state agree, over every reachable step and for each node."""
    for node in NODES:
        says = _reconciles(_parts(work.model, node))
        if says:
            return Judgement(Verdict.REFUTED, Method.TABLE, {"says": says})
    check = _Check(work)
    found = check.wrong()
    if found is not None:
        says, number, rule = found
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says},
                         work.at(number, says, rule.event))
    never = [f"{deed} of {node}" for (node, deed), rules in check.met.items() if not rules]
    if never:
        says = f"no reachable step asks a node in reach for: {', '.join(never)}"
        return Judgement(Verdict.VACUOUS, Method.SEARCH, {"says": says, "all": never})
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "parts": sorted({part for one in check.nodes.values() for part in one.parts}),
        "steps of nodes in reach": check.reached,
        "steps of nodes that do not run": check.away,
        "steps of nodes that are not heard": check.unheard,
        **({"only reconciling brings what these wish": sorted(check.alone)} if check.alone else {}),
    })
