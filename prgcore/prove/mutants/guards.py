"""Mutants of guard checks and of the goal: a cube, a name or a whole promise is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from prgcore.model import AcceptedOnly, Cube, Exclusive, Model, OnlyBy, Values
from prgcore.prove.mutants.shape import Mutant, Seats, changed_cells, narrower, wider
from prgcore.seats import Mirror
from prgcore.vocabulary import Kind

__all__ = ["goal", "guards"]

_Cubes = tuple[Cube, ...]


def guards(model: Model) -> Iterator[Mutant]:
    """Every guard check of one seat, dropped or changed in one place."""
    yield from _section("accepted_only", model, _accepted_image, _accepted)
    yield from _section("exclusive", model, _exclusive_image, _exclusive)
    yield from _section("only_by", model, _only_by_image, _only_by)


def goal(model: Model) -> Iterator[Mutant]:
    """Every cube of the goal dropped, and every cell of it dropped, narrowed or widened."""
    for cube, other, alike in Seats(model).paired(
            model.goal, _key, lambda m, c: _key(m.cube(c))):
        at = f"goal[{model.goal.index(cube)}]"
        for new, what in ((None, "dropped"), *changed_cells(
                cube, model.domains, alike, (narrower, wider))):
            edits = [(cube, new)]
            mirror = Seats(model).mirror
            if other is not None and mirror is not None:
                edits.append((other, new and mirror.cube(new)))
            yield Mutant("goal", at, what, "goal", tuple(edits))


_Changes = Callable[[Any, Model, Mirror | None], Iterator[tuple[Any, str]]]


def _section(
    section: str, model: Model, image: Callable[[Mirror, Any], Any], changes: _Changes
) -> Iterator[Mutant]:
    seats = Seats(model)
    for check, other, alike in seats.paired(
            getattr(model, section), _said, lambda m, c: _said(image(m, c))):
        at = f"{check.id} {getattr(check, 'command', '') or getattr(check, 'value', '')}".strip()
        for new, what in ((None, "dropped"), *changes(check, model, alike)):
            edits = [(check, new)]
            if other is not None and seats.mirror is not None:
                edits.append((other, new and image(seats.mirror, new)))
            yield Mutant("guards", at, what, section, tuple(edits))


def _key(cube: Cube) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset((c.column, frozenset(c.values)) for c in cube)


def _said(check: AcceptedOnly | Exclusive | OnlyBy) -> object:
    match check:
        case AcceptedOnly():
            return check.id, check.command, frozenset(map(_key, check.when)), check.exactly
        case Exclusive():
            return check.id, frozenset(check.commands), frozenset(map(_key, check.never_in))
        case OnlyBy():
            return (check.id, check.column, check.value, frozenset(check.events),
                    frozenset((e, _key(c)) for e, c in check.when))


def _accepted_image(mirror: Mirror, check: AcceptedOnly) -> AcceptedOnly:
    return evolve(check, command=mirror.name(check.command),
                  when=tuple(map(mirror.cube, check.when)))


def _exclusive_image(mirror: Mirror, check: Exclusive) -> Exclusive:
    return evolve(check, commands=tuple(map(mirror.name, check.commands)),
                  never_in=tuple(map(mirror.cube, check.never_in)))


def _only_by_image(mirror: Mirror, check: OnlyBy) -> OnlyBy:
    return evolve(
        check, column=mirror.name(check.column), value=mirror.value(check.column, check.value),
        events=tuple(map(mirror.name, check.events)),
        when=tuple((mirror.name(e), mirror.cube(c)) for e, c in check.when))


def _accepted(
    check: AcceptedOnly, model: Model, alike: Mirror | None
) -> Iterator[tuple[AcceptedOnly, str]]:
    yield evolve(check, exactly=not check.exactly), (
        "not exactly" if check.exactly else "exactly")
    for cubes, what in _cubes(check.when, model, alike):
        yield evolve(check, when=cubes), what


def _exclusive(
    check: Exclusive, model: Model, alike: Mirror | None
) -> Iterator[tuple[Exclusive, str]]:
    names = dict.fromkeys(
        e.name.partition("(")[0] for e in model.events if e.kind is Kind.COMMAND)
    for commands, what in _names(check.commands, tuple(names), alike):
        yield evolve(check, commands=commands), what
    for cubes, what in _cubes(check.never_in, model, alike):
        yield evolve(check, never_in=cubes), what


def _only_by(check: OnlyBy, model: Model, alike: Mirror | None) -> Iterator[tuple[OnlyBy, str]]:
    for events, what in _names(check.events, tuple(e.name for e in model.events), alike):
        kept = tuple((e, c) for e, c in check.when if e in events)
        yield evolve(check, events=events, when=kept), what
    for number, (event, cube) in enumerate(check.when):
        before, after = check.when[:number], check.when[number + 1:]
        yield evolve(check, when=(*before, *after)), f"{event} anywhere"
        for new, what in changed_cells(cube, model.domains, None, (narrower, wider)):
            yield evolve(check, when=(*before, (event, new), *after)), f"{event}: {what}"


def _names(names: Values, known: Values, alike: Mirror | None) -> Iterator[tuple[Values, str]]:
    """One name less, and one name more."""
    done: set[str] = set()
    for name in (*names, *(k for k in known if k not in names)):
        both = {name, alike.name(name) if alike else name}
        if not both & done:
            done |= both
            rest = tuple(n for n in names if n not in both)
            if name in names:
                yield rest, f"without {name}"
            else:
                yield (*names, *sorted(both)), f"with {name}"


def _cubes(cubes: _Cubes, model: Model, alike: Mirror | None) -> Iterator[tuple[_Cubes, str]]:
    """One cube less, or one cell of a cube dropped, narrowed or widened, and so of its image."""
    done: set[object] = set()
    for number, cube in enumerate(cubes):
        image = alike.cube(cube) if alike else cube
        if _key(cube) in done:
            continue
        done |= {_key(cube), _key(image)}
        rest = tuple(c for c in cubes if _key(c) not in (_key(cube), _key(image)))
        at = f"cube {number + 1}"
        yield rest, f"{at} dropped"
        own = alike if _key(image) == _key(cube) else None
        for new, what in changed_cells(cube, model.domains, own, (narrower, wider)):
            both = dict.fromkeys((new, alike.cube(new)) if alike else (new,))
            yield (*rest, *both), f"{at}: {what}"
