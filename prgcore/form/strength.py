"""The strength of the adversary: F10. Where an event must be possible and is not, or may not be.

Law: pure, exact, without a solver. `possible` is compared with the `adversary` section as sets of
stored pairs, and with the cells without which a node decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from prgcore.form.cubes import Assignment, Stored
from prgcore.model import Cube, Model

__all__ = ["Gap", "exact", "gaps", "ways"]


@frozen
class Gap:
    """Some pairs of `inside` and of none of `outside`, in which an event is amiss.

    Attributes:
        must: the event must be possible there and is not; otherwise it is possible and may not be.
        says: the fault in one sentence, without its full stop.
        pair: one of the pairs, the columns that matter.
    """

    event: str
    must: bool
    inside: Cube
    outside: tuple[Cube, ...]
    says: str
    pair: Assignment


def ways(model: Model) -> dict[str, tuple[Cube, ...]]:
    """The cubes in which each event can happen, by `possible`."""
    found: dict[str, tuple[Cube, ...]] = {}
    for entry in model.possible:
        found[entry.event] = (*found.get(entry.event, ()), entry.when)
    return found


def gaps(model: Model) -> tuple[Gap, ...]:
    """Every way in which the adversary is too weak or too strong, in the order of the sections."""
    return tuple(_gaps(model))


def _gaps(model: Model) -> Iterator[Gap]:
    stored, possible = Stored(model.columns), ways(model)
    for entry in model.adversary:
        here, because = possible.get(entry.event, ()), f" ({entry.why})" if entry.why else ""
        yield from _outside(
            stored, entry.event, entry.must, here, must=True,
            words=("must be possible", f"is not{because}"))
        yield from _outside(
            stored, entry.event, here, (*entry.must, *entry.may), must=False,
            words=("is possible", f"may not be{because}"))
    deciders = {e.name: e.decider for e in model.events}
    for node in model.decides:
        for event, here in possible.items():
            if deciders[event] == node.decider:
                yield from _outside(
                    stored, event, here, (node.when,), must=False,
                    words=("is possible", f"{node.decider} decides nothing there"))


def _outside(
    stored: Stored, event: str, inside: Iterable[Cube], outside: tuple[Cube, ...], *,
    must: bool, words: tuple[str, str],
) -> Iterator[Gap]:
    """Yield a gap for every cube of which some pair is in none of the others."""
    for cube in inside:
        pair = stored.outside(cube, outside)
        if pair is not None:
            where = ", ".join(f"{name} = {value}" for name, value in pair.items()) or "anything is"
            says = f"{event} {words[0]} where {where}, and {words[1]}"
            yield Gap(event, must, cube, outside, says, pair)


def exact(model: Model) -> tuple[str, ...]:
    """The events of the adversary that are possible exactly where they must be, and nowhere else."""
    stored, possible = Stored(model.columns), ways(model)

    def within(some: Iterable[Cube], others: tuple[Cube, ...]) -> bool:
        return all(stored.outside(cube, others) is None for cube in some)

    return tuple(
        a.event for a in model.adversary
        if within(a.must, possible.get(a.event, ()))
        and within((*possible.get(a.event, ()), *a.may), a.must)
    )
