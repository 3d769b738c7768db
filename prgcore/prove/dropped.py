"""Promises that only the old machine makes: whether they are true of the new one nevertheless.

Law: asks every reachable pair and every step of the new machine. A derived column means what it
meant in the old machine. Nothing is proved, and the interpreter replays every way that is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.engine import Engine
from prgcore.model import AcceptedOnly, Cell, Column, Cube, Exclusive, Invariant, Model, OnlyBy
from prgcore.prove.counterexample import Counterexample, replayed
from prgcore.prove.space import Space
from prgcore.vocabulary import Outcome

__all__ = ["Dropped", "Promise", "dropped"]

Promise: TypeAlias = Invariant | AcceptedOnly | Exclusive | OnlyBy
_Mask: TypeAlias = npt.NDArray[np.bool_]


@frozen
class Dropped:
    """A promise that is not made any more, or not as it was.

    Attributes:
        otherwise: the new machine has a promise of this id that rules out less, or other pairs.
        held: whether it is true of the old machine, as far as it was asked.
        holds: whether it is true of the new one; None where it cannot be asked. `why` says why.
        broken: where `holds` is False, the shortest way there.
    """

    id: str
    says: str
    otherwise: bool
    held: bool
    holds: bool | None
    why: str = ""
    broken: Counterexample | None = None

    @property
    def worse(self) -> bool:
        """Whether it was true of the old machine and is not true of the new one."""
        return self.held and self.holds is False

    def to_json(self) -> dict[str, Any]:
        """`{"id", "says", "otherwise", "held", "holds", "why", "trace", "worse"}`."""
        return {
            "id": self.id, "says": self.says, "otherwise": self.otherwise, "held": self.held,
            "holds": self.holds, "why": self.why,
            "trace": self.broken and list(self.broken.trace), "worse": self.worse,
        }


def dropped(old: Engine, new: Engine, before: Space, after: Space) -> tuple[Dropped, ...]:
    """Every promise of the old machine that no promise of the new one covers, by id.

    An invariant that only helps a proof (an auxiliary one) does not count as a promise.
    """
    changed = _changed(old.model, new.model)
    ours, theirs = (_promises(m) for m in (old.model, new.model))
    there = {p.id for p in theirs}
    found: dict[str, list[Promise]] = {}
    for promise in ours:
        if not _helps(promise) and not any(_covers(p, promise, changed) for p in theirs):
            found.setdefault(promise.id, []).append(promise)
    return tuple(
        _asked(old.model, new, parts, id_ in there, before, after) for id_, parts in found.items()
    )


def _asked(
    old: Model, new: Engine, parts: list[Promise], otherwise: bool, before: Space, after: Space,
) -> Dropped:
    id_, says = parts[0].id, next((p.says for p in parts if p.says), "")
    held = not any(_breach(old, p, before) for p in parts)
    lacks = next((said for p in parts if (said := _lacks(old, new.model, p))), "")
    breaches = [] if lacks else [b for p in parts if (b := _breach(old, p, after))]
    if not breaches:
        return Dropped(id_, says, otherwise, held, None if lacks else True, lacks)
    number, event = min(breaches)
    return Dropped(id_, says, otherwise, held, holds=False,
                   broken=replayed(new, after, number, says or id_, event))


def _promises(model: Model) -> tuple[Promise, ...]:
    return (*model.invariants, *model.accepted_only, *model.exclusive, *model.only_by)


def _helps(promise: Promise) -> bool:
    return isinstance(promise, Invariant) and promise.auxiliary


def _cubes(promise: Promise) -> tuple[Cube, ...]:
    match promise:
        case Invariant():
            return promise.never
        case AcceptedOnly():
            return promise.when
        case Exclusive():
            return promise.never_in
        case OnlyBy():
            return (
                Cube((Cell(promise.column, (promise.value,)),)), *(c for _, c in promise.when))


# -------------------------------------------------------------------- still promised


def _covers(new: Promise, old: Promise, changed: frozenset[str]) -> bool:
    """Whether a promise of the new machine says at least what the old one says."""
    match new, old:
        case Invariant(), Invariant():
            return _among(old.never, new.never, changed)
        case AcceptedOnly(), AcceptedOnly():
            back = not old.exactly or (new.exactly and _among(old.when, new.when, changed))
            return new.command == old.command and back and _among(new.when, old.when, changed)
        case Exclusive(), Exclusive():
            return ({*old.commands} <= {*new.commands}
                    and _among(old.never_in, new.never_in, changed))
        case OnlyBy(), OnlyBy():
            same = (new.column, new.value) == (old.column, old.value)
            conditions = dict(new.when)
            kept = all(
                e not in new.events or (e in conditions and _inside(conditions[e], cell, changed))
                for e, cell in old.when
            )
            return (same and kept and old.column not in changed
                    and {*new.events} <= {*old.events})
    return False


def _among(narrow: Iterable[Cube], wide: Iterable[Cube], changed: frozenset[str]) -> bool:
    """Whether each of some cubes lies in one of others, by their cells."""
    return all(any(_inside(n, w, changed) for w in wide) for n in narrow)


def _inside(narrow: Cube, wide: Cube, changed: frozenset[str]) -> bool:
    cells = {c.column: {*c.values} for c in narrow if c.column not in changed}
    return all(c.column in cells and cells[c.column] <= {*c.values} for c in wide)


def _changed(old: Model, new: Model) -> frozenset[str]:
    """Derived columns that no longer mean what they meant, in values that both machines have."""
    theirs = {c.name: c for c in new.columns}

    def same(column: Column) -> bool:
        other = theirs.get(column.name)
        if other is None or other.sources != column.sources:
            return False
        table = dict(other.table)
        return all(table.get(key, value) == value for key, value in column.table)

    return frozenset(c.name for c in old.columns if not same(c))


# -------------------------------------------------------------------- asked of a search


def _lacks(old: Model, new: Model, promise: Promise) -> str:
    """The part that the new machine lacks, so that the promise cannot be asked; or empty."""
    meant = {c.name: c for c in old.columns}
    stored = {c.name for c in new.columns if not c.derived}
    events = {n for e in new.events for n in (e.name, e.name.partition("(")[0])}
    for cell in (cell for cube in _cubes(promise) for cell in cube):
        for name in meant[cell.column].sources or (cell.column,):
            if name not in stored:
                return f"the new machine has no column {name}"
    match promise:
        case AcceptedOnly():
            asked: tuple[str, ...] = (promise.command,)
        case Exclusive():
            asked = promise.commands
        case _:
            asked = ()
    return next((f"the new machine has no event {n}" for n in asked if n not in events), "")


def _breach(old: Model, promise: Promise, space: Space) -> tuple[int, str] | None:
    """The nearest pair that breaks a promise, by itself or by an event; None if there is none."""
    meant = {c.name: c for c in old.columns}
    cubes = _cubes(promise)[:1] if isinstance(promise, OnlyBy) else _cubes(promise)
    within = _union(space, (_mask(space, meant, cube) for cube in cubes))
    match promise:
        case Invariant():
            broken: Iterable[tuple[_Mask, str]] = [(within, "")]
        case AcceptedOnly():
            done = _done(space, promise.command)
            amiss = done ^ within if promise.exactly else done & ~within
            broken = [(amiss, promise.command)]
        case Exclusive():
            broken = _together(space, promise.commands, within)
        case OnlyBy():
            broken = _given(space, promise, within, {
                event: _mask(space, meant, cube) for event, cube in promise.when})
    return min(((int(m.argmax()), event) for m, event in broken if m.any()), default=None)


def _given(
    space: Space, promise: OnlyBy, within: _Mask, allowed: dict[str, _Mask]
) -> Iterator[tuple[_Mask, str]]:
    """The pairs from which a step gives the column its value, and may not."""
    for edges in space.edges:
        event, source = edges.rule.event, edges.source
        if event in promise.events and event not in allowed:
            continue
        amiss = ~within[source] & within[edges.target]
        if event in allowed:
            amiss &= ~allowed[event][source]
        yield _marked(space, source[amiss]), event


def _together(space: Space, names: Iterable[str], never: _Mask) -> Iterator[tuple[_Mask, str]]:
    """The pairs that do one of these commands where none may be done, or two of them."""
    masks = []
    for name in names:
        done = {e.name: _done(space, e.name) for e in space.model.events
                if name in (e.name, e.name.partition("(")[0])}
        yield from ((mask & never, event) for event, mask in done.items())
        masks.append(_union(space, done.values()))
    yield from ((one & other, "") for one, other in combinations(masks, 2))


def _mask(space: Space, meant: dict[str, Column], cube: Cube) -> _Mask:
    """Whether each reachable pair is in a cube, with derived columns read as `meant`."""
    mask = np.ones(len(space), np.bool_)
    for cell in cube:
        column = meant[cell.column]
        sources = column.sources or (column.name,)
        rows = column.table if column.sources else tuple(((v,), v) for v in column.domain)
        places = [{v: i for i, v in enumerate(space.codec.domain[s])} for s in sources]
        allowed = np.zeros([len(p) for p in places], np.bool_)
        for key, value in rows:
            if value in cell.values and all(k in p for k, p in zip(key, places, strict=True)):
                allowed[tuple(p[k] for k, p in zip(key, places, strict=True))] = True
        mask &= allowed[tuple(space.column(s) for s in sources)]
    return mask


def _union(space: Space, masks: Iterable[_Mask]) -> _Mask:
    some = np.zeros(len(space), np.bool_)
    for mask in masks:
        some |= mask
    return some


def _done(space: Space, event: str) -> _Mask:
    """The reachable pairs in which an event is done."""
    return _union(space, (
        _marked(space, edges.source) for edges in space.edges
        if edges.rule.event == event and edges.rule.outcome is Outcome.DONE
    ))


def _marked(space: Space, numbers: npt.NDArray[np.integer[Any]]) -> _Mask:
    mask = np.zeros(len(space), np.bool_)
    mask[numbers] = True
    return mask
