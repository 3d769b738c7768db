"""Agreement: interpreter, solver and search read the table alike (E1), and replay (E2).

Guards are products of cells, and effects are unary, so three comparisons are enough. Every cell
is compared on every value of its column, and every derived column on all of its sources. Every
effect is compared on every value of its source and target. The interpreter also runs every
reachable edge, one for all that look alike in the columns that the event's guards read.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress, product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import z3
from attrs import define, evolve, field

from prgcore.engine import Engine
from prgcore.errors import NotTotal, PrgError
from prgcore.model import Cell, Column, Copy, Cube, Effect, Model, Rule
from prgcore.prove.budget import tick
from prgcore.prove.codec import Codec, Codes
from prgcore.prove.induction import half
from prgcore.prove.relation import Relation
from prgcore.prove.space import Space

__all__ = ["compare", "replay"]

_Pair = dict[str, str]
_DENSE = 1 << 22


def compare(engine: Engine, space: Space) -> tuple[list[str], dict[str, int]]:
    """Disagreements, each in words, and how much was compared."""
    model = engine.model
    trusting = Engine(evolve(model, invariants=()))
    literals = _Literals(Relation(model))
    base = dict(trusting.initial[0])
    wrong: list[str] = []
    rules = {r.id for r in half(model)}
    counts = {"cells": 0, "effects": 0, "edges": 0, "edges compared": 0}
    for cell in _cells(model, rules):
        counts["cells"] += _compare_cell(trusting, space.codec, literals, cell, base, wrong)
    for effect in _effects(model, rules):
        counts["effects"] += _compare_effect(trusting, space.codec, literals, effect, base, wrong)
    wrong += literals.differ()
    for edges in space.edges:
        counts["edges"] += len(edges)
    counts["edges compared"] = _compare_edges(trusting, space, rules, wrong)
    return wrong, counts


def _cells(model: Model, rules: set[str]) -> list[Cell]:
    """Cells of the rules, and of everything that is its own mirror."""
    cubes = [r.when for r in model.rules if r.id in rules] + [p.when for p in model.possible]
    cubes += [c for i in model.invariants for c in i.never]
    return sorted({cell for cube in cubes for cell in cube})


def _effects(model: Model, rules: set[str]) -> list[Effect]:
    return sorted({e for r in model.rules if r.id in rules for e in r.then}, key=repr)


def _behind(model: Model, names: set[str]) -> dict[str, Column]:
    """The stored columns behind these columns."""
    by_name = {c.name: c for c in model.columns}
    return {
        source: by_name[source]
        for name in sorted(names) for source in by_name[name].sources or (name,)
    }


def _worlds(columns: dict[str, Column], base: _Pair) -> list[_Pair]:
    """Every combination of these stored columns, the rest as in `base`."""
    return [
        {**base, **dict(zip(columns, values, strict=True))}
        for values in product(*(c.domain for c in columns.values()))
    ]


def _encode(codec: Codec, columns: dict[str, Column], base: _Pair) -> Codes:
    """The codes of these worlds."""
    sizes = [len(c.domain) for c in columns.values()]
    codes = [np.full(prod(sizes), code, np.int32) for code in codec.encode(base)]
    for column, values in zip(columns.values(), np.indices(sizes), strict=True):
        block, stride = codec.home[column.name]
        codes[block] += ((values - column.domain.index(base[column.name])) * stride).reshape(-1)
    return codes


class _Literals:
    """Builds terms that say that a pair is one of these worlds, each equation once."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.made: dict[tuple[str, str], Any] = {}
        self.claims: list[tuple[str, Any]] = []

    def differ(self) -> list[str]:
        """Ask the solver about all claims at once, and about each one if some claim is wrong."""
        if self._model(self.relation.either(term for _, term in self.claims)) is None:
            return []
        return [
            f"{says}: the solver reads it otherwise, as in {found}"
            for says, term in self.claims if (found := self._model(term)) is not None
        ]

    def _model(self, term: Any) -> _Pair | None:
        """A pair that satisfies a term, empty if the solver gave up; None if there is none."""
        solver = self.relation.solver()
        solver.add(term)
        answer = solver.check()
        if answer == z3.unsat:
            return None
        return self.relation.read(solver.model()) if answer == z3.sat else {}

    def one_of(self, columns: Iterable[str], worlds: list[_Pair]) -> Any:
        return self.relation.either([
            self.relation.both([self._is(c, world[c]) for c in columns]) for world in worlds
        ])

    def _is(self, column: str, value: str) -> Any:
        term = self.made.get((column, value))
        if term is None:
            relation = self.relation
            term = relation.now[column] == relation.constant(column, value)
            self.made[column, value] = term
        return term


def _compare_cell(
    engine: Engine, codec: Codec, literals: _Literals, cell: Cell, base: _Pair, wrong: list[str]
) -> int:
    tick("cells of the table, read three ways")
    relation = literals.relation
    cube = Cube((cell,))
    columns = _behind(engine.model, {cell.column})
    worlds = _worlds(columns, base)
    found = codec.test(cube).mask(_encode(codec, columns, base))
    inside = []
    for world, by_search in zip(worlds, found, strict=True):
        by_engine = engine.holds(cube, engine.pair(world))
        if by_engine:
            inside.append(world)
        if by_engine != bool(by_search):
            wrong.append(f"cell {cell.column} in {cell.values}: {by_engine=} "
                         f"by_search={bool(by_search)} in {world}")
    differs = relation.holds(cube) != literals.one_of(columns, inside)
    literals.claims.append((f"cell {cell.column} in {cell.values}", differs))
    return len(worlds)


def _compare_effect(
    engine: Engine, codec: Codec, literals: _Literals, effect: Effect, base: _Pair,
    wrong: list[str],
) -> int:
    tick("effects of the table, read three ways")
    relation, target = literals.relation, effect.target
    source = getattr(effect.value, "column", target)
    columns = _behind(engine.model, {target, source})
    worlds, before = _worlds(columns, base), _encode(codec, columns, base)
    if isinstance(effect.value, Copy):  # its rule fires only where the target has the value
        copied = Cube((Cell(source, engine.model.domains[target]),))
        fits = [engine.holds(copied, engine.pair(world)) for world in worlds]
        worlds, before = [*compress(worlds, fits)], [code[fits] for code in before]
    rule = Rule("", "", then=(effect,))
    after = codec.move(rule).apply(codec, before)
    at = [c.name for c in engine.model.columns if not c.derived].index(target)
    becomes: dict[tuple[str, ...], dict[str, str]] = {}
    asks = [name for name in _behind(engine.model, {source}) if name != target]
    for world, values in zip(worlds, codec.values_of(after), strict=True):
        by_engine = engine.apply(engine.at(tuple(world.values())), rule).values_
        key = tuple(world[name] for name in asks)
        becomes.setdefault(key, {})[world[target]] = by_engine[at]
        if values != by_engine:
            wrong.append(f"effect on {target}: interpreter {by_engine[at]}, search {values[at]} "
                         f"in {world}")
    expected = relation.now[target]
    for key, answers in becomes.items():
        world = literals.one_of(asks, [dict(zip(asks, key, strict=True))])
        expected = z3.If(world, _answer(literals, target, answers), expected)
    literals.claims.append(
        (f"effect on {target}", relation.after(rule, relation.now[target]) != expected))
    return len(worlds)


def _answer(literals: _Literals, target: str, answers: dict[str, str]) -> Any:
    """The new value of a target: one value, its own, or one for each value that it had."""
    relation = literals.relation
    if len(set(answers.values())) == 1:
        return relation.constant(target, next(iter(answers.values())))
    term = relation.now[target]
    for before, after in answers.items():
        if before != after:
            is_it = literals.one_of([target], [{target: before}])
            term = z3.If(is_it, relation.constant(target, after), term)
    return term


def _asked(model: Model) -> dict[str, set[str]]:
    """For every event, the stored columns that the cells of its rules and possible cubes read."""
    by_name = {c.name: c for c in model.columns}
    asked: dict[str, set[str]] = {e.name: set() for e in model.events}
    guards = [(r.event, r.when) for r in model.rules]
    for event, cube in (*guards, *((p.event, p.when) for p in model.possible)):
        for cell in cube:
            asked[event] |= set(by_name[cell.column].sources or (cell.column,))
    return asked


def _compare_edges(engine: Engine, space: Space, rules: set[str], wrong: list[str]) -> int:
    views = {event: _View.of(space.codec, names) for event, names in _asked(engine.model).items()}
    compared = 0
    for edges in space.edges:
        if not len(edges) or edges.rule.id not in rules:
            continue
        tick("steps, taken by the interpreter too")
        source, target = edges.source, edges.target
        first = views[edges.rule.event].once(space, source)
        compared += len(first)
        befores = space.values(source[first])
        afters = space.values(target[first])
        for before, after in zip(befores, afters, strict=True):
            try:
                decision = engine.step(engine.at(before), edges.rule.event)
            except NotTotal:
                continue  # the search finds it too, and F1 or F2 is refuted
            except PrgError as error:
                wrong.append(f"{edges.rule.id}: the interpreter does not answer: {error}")
                continue
            if decision.rule is not edges.rule or decision.pair.values_ != after:
                wrong.append(f"{edges.rule.id}: the interpreter differs in {before}")
    return compared


@define
class _View:
    """The part of a pair that the guards of an event read, as one number.

    Attributes:
        parts: for every block that has something of it, the summand for each code.
        across: the columns that are in no block, each with its weight.
    """

    parts: dict[int, npt.NDArray[np.int64]] = field(factory=dict)
    across: list[tuple[str, int]] = field(factory=list)
    size: int = 1

    @classmethod
    def of(cls, codec: Codec, names: set[str]) -> _View:
        """The view of these columns."""
        view = cls()
        for name in sorted(names):
            if name in codec.home:
                block = codec.home[name][0]
                part = codec.values[name].astype(np.int64) * view.size
                view.parts[block] = view.parts[block] + part if block in view.parts else part
            else:
                view.across.append((name, view.size))
            view.size *= len(codec.domain[name])
        return view

    def once(self, space: Space, pairs: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
        """The position of one pair of all that look alike."""
        views = np.zeros(len(pairs), np.int64)
        for block, part in self.parts.items():
            views += part.take(space.codes[block].take(pairs))
        for name, weight in self.across:
            views += space.column(name).take(pairs).astype(np.int64) * weight
        if self.size > _DENSE:
            return np.unique(views, return_index=True)[1]
        place = np.full(self.size, -1, np.intp)
        place[views[::-1]] = np.arange(len(views) - 1, -1, -1)
        return place[place >= 0]


def replay(engine: Engine, space: Space) -> tuple[list[str], int]:
    """Replay, through the interpreter, the shortest trace in which each rule fires last."""
    trusting = evolve(engine, model=evolve(engine.model, invariants=()))
    wrong, count = [], 0
    for edges in space.edges:
        if not len(edges):
            continue
        number = int(edges.source.min())
        pair = trusting.pair(space.pair(space.start(number)))
        for rule in [*space.trace(number), edges.rule]:
            try:
                decision = trusting.step(pair, rule.event)
            except NotTotal:
                break  # the search finds it too, and F1 or F2 is refuted
            except PrgError as error:
                wrong.append(f"trace of {edges.rule.name}: {rule.name} does not fire: {error}")
                break
            if decision.rule is not rule:
                wrong.append(f"trace of {edges.rule.name}: {rule.name} does not fire in {dict(pair)}")
                break
            pair = decision.pair
        count += 1
    return wrong, count
