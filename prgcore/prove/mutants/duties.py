"""Mutants of duties: one is dropped, or says something else of its actions or its steps."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from prgcore.model import Duty, Model
from prgcore.prove.mutants.shape import Mutant, Seats, changed_cells, wider
from prgcore.seats import Mirror

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every mutant of one duty of each mirror pair."""
    seats = Seats(model)
    for duty, other, alike in seats.paired(
            model.duties, lambda d: d.id, lambda m, d: m.name(d.id)):
        for new, what in _changed(duty, model, alike):
            edits = [(duty, new)]
            if other is not None and seats.mirror is not None:
                edits.append((other, new and seats.mirror.duty(new)))
            yield Mutant("duties", duty.id, what, "duties", tuple(edits))


def _changed(duty: Duty, model: Model, mirror: Mirror | None) -> Iterator[tuple[Duty | None, str]]:
    yield None, "dropped"
    for n, action in enumerate(duty.asks if len(duty.asks) > 1 else ()):
        yield evolve(duty, asks=(*duty.asks[:n], *duty.asks[n + 1:])), f"does not ask for {action}"
    for n, (one, two) in enumerate(zip(duty.asks, duty.asks[1:], strict=False)):
        swapped = (*duty.asks[:n], two, one, *duty.asks[n + 2:])
        yield evolve(duty, asks=swapped), f"asks for {two} before {one}"
    for n, action in enumerate(duty.follows):
        yield evolve(duty, follows=(*duty.follows[:n], *duty.follows[n + 1:])), (
            f"does not follow {action}")
    for n, cube in enumerate(duty.harmless):
        rest = (*duty.harmless[:n], *duty.harmless[n + 1:])
        yield evolve(duty, harmless=rest), "harmless dropped"
        for new, what in changed_cells(cube, model.domains, mirror, (wider,)):
            yield evolve(duty, harmless=(*rest, new)), f"harmless: {what}"
    for new, what in changed_cells(duty.before, model.domains, mirror, ()):
        yield evolve(duty, before=new), f"before: {what}"
    for new, what in changed_cells(duty.after, model.domains, mirror, ()):
        yield evolve(duty, after=new), f"after: {what}"
    if duty.events:
        yield evolve(duty, events=()), "events dropped"
