"""Mutants of rules: a cell, an effect, an entry of a map, an action, a row, or two rows in one.

Law: what only removes answers is left to one mutant, the row removed. A cell is not narrowed: that
leaves a pair without an answer, as removing the row does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TypeAlias

from attrs import evolve

from prgcore.model import Action, By, Cell, Const, Copy, Cube, Effect, Model, Rule, Value, Values
from prgcore.prove.mirrored import twins
from prgcore.prove.mutants.shape import Mutant, Seats, changed_cells, wider
from prgcore.seats import Mirror
from prgcore.vocabulary import Outcome

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every mutant of one rule of each mirror pair, in the order of the table."""
    domains, seats = model.domains, Seats(model)
    asked = tuple(dict.fromkeys(a for d in model.duties for a in d.asks))
    chosen = _chosen(model, seats)
    for rule, other, alike in chosen:

        def made(new: Rule | None, what: str, rule: Rule = rule, other: Rule | None = other) -> Mutant:
            edits = [(rule, new)]
            if other is not None:
                edits.append((other, new and _image(seats, new, other)))
            return Mutant("rules", rule.id, what, "rules", tuple(edits))

        yield made(None, "row removed")
        for cube, what in changed_cells(rule.when, domains, alike, (wider,)):
            yield made(evolve(rule, when=cube), what)
        if rule.outcome is Outcome.DONE:
            for effects, what in _effects(rule, domains, alike):
                yield made(evolve(rule, then=effects), what)
            for actions, what in _actions(rule, asked, alike):
                yield made(evolve(rule, actions=actions), what)
    yield from _answered(chosen, seats)


_Chosen: TypeAlias = list[tuple[Rule, "Rule | None", "Mirror | None"]]


def _chosen(model: Model, seats: Seats) -> _Chosen:
    """One rule of each mirror pair, its image, and the mirror if it is its own image."""
    image = twins(model)
    return [*seats.paired(model.rules, lambda r: r.id, lambda _, r: image.get(r.id, r.id))]


def _image(seats: Seats, new: Rule, other: Rule) -> Rule:
    assert seats.mirror is not None, "BUG: a rule with an image and no mirror"
    return evolve(seats.mirror.rule(new), id=other.id)


def _answered(chosen: _Chosen, seats: Seats) -> Iterator[Mutant]:
    """Mutants of a distinction: of two rules that differ in one cell, one answers for both."""
    for (one, image1, _), (two, image2, _) in permutations(chosen, 2):
        wide = _union(one.when, two.when) if one.event == two.event else None
        if wide is not None:
            new = evolve(one, when=wide)
            edits: list[tuple[Rule, Rule | None]] = [(one, new), (two, None)]
            if image1 is not None and image2 is not None:
                edits += [(image1, _image(seats, new, image1)), (image2, None)]
            yield Mutant("rules", one.id, f"answers for {two.id} too", "rules", tuple(edits))


def _union(one: Cube, two: Cube) -> Cube | None:
    """The cube of both, if they differ in one cell."""
    cells, others = ({c.column: c.values for c in cube} for cube in (one, two))
    if cells.keys() != others.keys():
        return None
    differ = [c for c in cells if {*cells[c]} != {*others[c]}]
    if len(differ) != 1:
        return None
    return Cube(tuple(
        Cell(c, tuple(dict.fromkeys((*v, *others[c])))) for c, v in cells.items()))


def _effects(
    rule: Rule, domains: dict[str, Values], mirror: Mirror | None
) -> Iterator[tuple[tuple[Effect, ...], str]]:
    for effect in rule.then:
        names = {effect.target, mirror.name(effect.target) if mirror else effect.target}
        if effect.target != min(names):
            continue
        others = tuple(e for e in rule.then if e.target not in names)
        yield others, f"effect on {effect.target} dropped"
        for value, what in _swaps(effect.value, domains[effect.target]):
            new = evolve(effect, value=value)
            both = {e.target: e for e in (new, *([mirror.effect(new)] if mirror else []))}
            yield (*others, *both.values()), f"effect on {effect.target}: {what}"


def _swaps(value: Value, domain: Values) -> Iterator[tuple[Value, str]]:
    """A value that an effect gives, with one change."""
    match value:
        case Const(constant):
            for other in domain:
                if other != constant:
                    yield Const(other), f"{constant} -> {other}"
        case By(column, table):
            for at, (given, constant) in enumerate(table):
                before, after = table[:at], table[at + 1:]
                yield By(column, before + after), f"entry {given} dropped"
                other = domain[(domain.index(constant) + 1) % len(domain)]
                yield By(column, (*before, (given, other), *after)), (
                    f"entry {given}: {constant} -> {other}")
        case Copy():
            for other in domain:
                yield Const(other), f"copy -> {other}"


def _actions(
    rule: Rule, asked: tuple[Action, ...], mirror: Mirror | None
) -> Iterator[tuple[tuple[Action, ...], str]]:
    """Mutants of the actions: one dropped, one moved, or one added.

    Without duties nothing says what actions are for, so no action is changed.
    """
    if not asked:
        return
    for action in (*rule.actions, *(a for a in asked if a not in rule.actions)):
        images = {action, *(mirror.actions((action,)) if mirror else ())}
        if action != min(images, key=str):
            continue
        if action in rule.actions:
            yield tuple(a for a in rule.actions if a not in images), f"action {action} dropped"
        else:
            more = tuple(sorted(images, key=str))
            yield (*rule.actions, *more), f"action {action} added"
    yield from _moved(rule.actions)


def _moved(actions: tuple[Action, ...]) -> Iterator[tuple[tuple[Action, ...], str]]:
    """Every order in which one action has another place."""
    known = {actions}
    for n, action in enumerate(actions):
        rest = (*actions[:n], *actions[n + 1:])
        for place in range(len(actions)):
            moved = (*rest[:place], action, *rest[place:])
            if moved not in known:
                known.add(moved)
                where = f"before {rest[place]}" if place < len(rest) else "to the end"
                yield moved, f"action {action} moved {where}"
