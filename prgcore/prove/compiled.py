"""The compiled table: one array look-up for each step, over every reachable pair.

Law: read from a search and nothing else. It shares no code with the interpreter, with which it
must agree (E1). A pair is its number in the search, an event its number in the machine. The
*code* of a pair is its number times the number of events, so that a scalar step is one addition
and one look-up. An entry takes four bytes, one entry per pair and event. The presence redundancy
group (825,920 pairs, 58 events) takes 195 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, NotTotal, unknown_name
from prgcore.prove.space import Space
from prgcore.vocabulary import Kind, Outcome

__all__ = ["IGNORED", "IMPOSSIBLE", "REFUSED", "Compiled", "Numbers", "agrees", "sampled"]

REFUSED, IGNORED, IMPOSSIBLE = -1, -2, -3
"""Codes in place of a next pair: the pair stays (two of them), or the event cannot happen."""

Numbers = npt.NDArray[np.integer[Any]]


@frozen(eq=False)
class Compiled:
    """Every step from every reachable pair. `Compiled(space)`.

    Attributes:
        events: names of the events; an event's number is its place here.
        width: how many events there are; a pair's code is its number times this.
        codes: `codes[code + event]` is the code of the next pair, or one of `REFUSED`,
            `IGNORED`, `IMPOSSIBLE`. Flat, int32, read-only, pairs times events long.
        cells: the same memory, indexed at the speed of a list.

    Raises:
        NotTotal: a possible event is not answered by exactly one rule, so there is no table.
    """

    space: Space
    events: tuple[str, ...] = field(init=False)
    width: int = field(init=False)
    codes: npt.NDArray[np.int32] = field(init=False, repr=False)
    cells: memoryview = field(init=False, repr=False)
    _number: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        space, set_ = self.space, object.__setattr__
        _check(space)
        codes = _table(space, None).reshape(-1)
        codes.flags.writeable = False
        column = {e.name: i for i, e in enumerate(space.model.events)}
        set_(self, "events", tuple(column))
        set_(self, "width", len(column))
        set_(self, "codes", codes)
        set_(self, "cells", memoryview(codes.data))
        set_(self, "_number", column)

    def __len__(self) -> int:
        return len(self.space)

    def event(self, name: str) -> int:
        """The number of an event.

        Raises:
            BadInput: no such event.
        """
        try:
            return self._number[name]
        except (KeyError, TypeError):
            raise BadInput(unknown_name("event", name, self._number)) from None

    def next(self, number: int, event: int) -> int:
        """The number of the next pair, or one of the three negative words."""
        code: int = self.cells[number * self.width + event]
        return code // self.width if code >= 0 else code

    def walk(self, number: int, events: Iterable[int]) -> int:
        """The number of the pair after these events; without a step the pair stays as it is."""
        cells, code = self.cells, number * self.width
        for event in events:
            after = cells[code + event]
            if after >= 0:
                code = after
        return code // self.width

    def step(self, codes: Numbers, events: Numbers | int) -> npt.NDArray[np.int32]:
        """The codes of the next pairs of many pairs at once, which are given as codes.

        The result has the shape of `codes`. `events` is one for each pair, or one for all. Negative
        words are those of the attribute `codes`.
        """
        return self.codes.take(codes + events)


def _table(space: Space, numbers: Numbers | None) -> npt.NDArray[np.int32]:
    """The rows of the table for these pairs, or for every pair: one entry per event."""
    events, halves = space.model.events, space.halves
    width = np.int32(len(events))
    table = np.empty((len(space) if numbers is None else len(numbers), len(events)), np.int32)
    table[:] = [REFUSED if e.kind is Kind.COMMAND else IMPOSSIBLE for e in events]
    column = {e.name: i for i, e in enumerate(events)}
    codes = table.reshape(-1)
    place = np.full(2 * len(halves), -1, np.int32)
    if numbers is not None:
        place[halves.turn[numbers]] = np.arange(len(numbers))
    for rule, edges in enumerate(space.edges):
        if numbers is None:
            source, target = edges.source, edges.target
        else:
            source, target = halves.placed(rule, place)
        at = source * width + np.int32(column[edges.rule.event])
        codes[at] = target * width if edges.rule.outcome is Outcome.DONE else IGNORED
    return table


def agrees(
    engine: Engine, compiled: Compiled, sample: int = 2_000, seed: int = 0
) -> tuple[str, ...]:
    """Where interpreter and compiled table differ, in words, over a sample of pairs.

    The sample has so many pairs, chosen by the seed, each with every event. A space that is
    not larger is taken whole.
    """
    space = compiled.space
    numbers = _sample(space, sample, seed)
    return _differ(engine, space, numbers, compiled.codes.reshape(-1, compiled.width)[numbers])


def sampled(engine: Engine, space: Space, sample: int, seed: int = 0) -> tuple[str, ...]:
    """As `agrees`, and no more of the table is made than the rows of the sample.

    Raises:
        NotTotal: as `Compiled`.
    """
    _check(space)
    numbers = _sample(space, sample, seed)
    return _differ(engine, space, numbers, _table(space, numbers))


def _check(space: Space) -> None:
    if space.holes:
        number, event = space.holes[0]
        raise NotTotal(
            f"{event} is not answered by exactly one rule in pair {number}; "
            "prove F1 and F2 before compiling"
        )


def _sample(space: Space, sample: int, seed: int) -> npt.NDArray[np.intp]:
    size = len(space)
    return np.asarray(
        range(size) if sample >= size
        else sorted(Random(seed).sample(range(size), sample)), np.intp)  # noqa: S311


def _differ(
    engine: Engine, space: Space, numbers: npt.NDArray[np.intp], rows: npt.NDArray[np.int32]
) -> tuple[str, ...]:
    """Where interpreter and rows of the table differ."""
    wrong = []
    events = [e.name for e in space.model.events]
    for number, values, row in zip(
            numbers.tolist(), space.values(numbers), rows.tolist(), strict=True):
        pair = engine.at(values)
        for name, code in zip(events, row, strict=True):
            try:
                expected = _expected(engine, space, pair, name)
            except NotTotal:
                continue  # F1 or F2 is refuted and reports it
            after = code // len(events) if code >= 0 else code
            if after != expected:
                wrong.append(
                    f"{name} in pair {number}: the interpreter says {expected}, "
                    f"the table {after}"
                )
    return tuple(wrong)


def _expected(engine: Engine, space: Space, pair: Pair, event: str) -> int:
    """The interpreter's entry of the table."""
    if not engine.possible(pair, event):
        return IMPOSSIBLE
    decision = engine.step(pair, event)
    if decision.outcome is Outcome.DONE:
        found = space.find(dict(decision.pair))
        return len(space) if found is None else found
    return IGNORED if decision.outcome is Outcome.IGNORED else REFUSED
