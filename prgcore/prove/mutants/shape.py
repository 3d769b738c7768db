"""The shape of a mutant: which entries of which section change, and into what.

Law: data only. A mutant of a mirrored machine changes both seats: otherwise F3 would notice nearly
all of them at once, and nothing would be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from prgcore.model import Cell, Cube, Model, Rule, Values
from prgcore.prove.mirrored import is_mirrored
from prgcore.seats import Mirror

__all__ = ["Edits", "Mutant", "Seats", "changed_cells", "mutate", "narrower", "wider"]

Edits: TypeAlias = tuple[tuple[Any, Any], ...]
"""Entries of a section as they are, and as they become. None: the entry is new, or is left out."""


@frozen
class Mutant:
    """The machine with one small fault.

    Attributes:
        kind: the part of the machine that is changed.
        at: the name of what is changed.
        what: the change.
        section: the field of the machine that holds the entries.
        edits: the changed entries, the one that was chosen first, then its mirror image.
    """

    kind: str
    at: str
    what: str
    section: str = field(eq=False)
    edits: Edits = field(eq=False, repr=False)

    @property
    def old(self) -> Any:
        """The chosen entry as it is."""
        return self.edits[0][0]

    @property
    def new(self) -> Any:
        """The chosen entry as it becomes; None where it is left out."""
        return self.edits[0][1]

    @property
    def answered(self) -> Rule | None:
        """The rule for which the chosen one answers as well, if it is such a mutant."""
        gone = self.edits[1:2]
        return gone[0][0] if self.section == "rules" and gone and (
            gone[0][1] is None and self.new is not None) else None

    def __str__(self) -> str:
        return f"{self.at}: {self.what}"


def mutate(model: Model, mutant: Mutant) -> Model:
    """The machine with the changed entries in place of its own."""
    entries: list[Any] = []
    for entry in getattr(model, mutant.section):
        at = next((new for old, new in mutant.edits if old is entry or old == entry), entry)
        if at is not None:
            entries.append(at)
    entries += [new for old, new in mutant.edits if old is None]
    changed: dict[str, Any] = {mutant.section: tuple(entries)}
    return evolve(model, **changed)


class Seats:
    """The seats of a machine: which entry of a section is the mirror image of which.

    Attributes:
        mirror: makes mirror images; None where the machine is not its own mirror.
    """

    def __init__(self, model: Model) -> None:
        self.mirror = Mirror.of(model) if is_mirrored(model) else None

    def paired(
        self, entries: Iterable[Any], key: Callable[[Any], Any],
        image: Callable[[Mirror, Any], Any],
    ) -> Iterator[tuple[Any, Any, Mirror | None]]:
        """One entry of every mirror pair, its image or None, and the mirror if it is its own image.

        `image` makes the key of the mirror image of an entry.
        """
        rest = list(entries)
        while rest:
            entry = rest.pop(0)
            if self.mirror is None:
                yield entry, None, None
                continue
            wanted = image(self.mirror, entry)
            if wanted == key(entry):
                yield entry, None, self.mirror
                continue
            other = next((e for e in rest if key(e) == wanted), None)
            if other is not None:
                rest.remove(other)
            yield entry, other, None


def changed_cells(
    cube: Cube, domains: dict[str, Values], mirror: Mirror | None,
    ways: tuple[Callable[[Cell, Values], Iterator[tuple[Values, str]]], ...],
) -> Iterator[tuple[Cube, str]]:
    """Every cube with one cell dropped or, by each of the ways, with other values.

    Args:
        mirror: for a cube that is its own mirror image, and the image of the cell changes as well.
    """
    for cell in cube:
        names = {cell.column, mirror.name(cell.column) if mirror else cell.column}
        if cell.column != min(names):
            continue
        others = tuple(c for c in cube if c.column not in names)
        yield Cube(others), f"cell {cell.column} dropped"
        for way in ways:
            for values, what in way(cell, domains[cell.column]):
                changed = Cube((Cell(cell.column, values),))
                same = {c.column: c for c in (
                    *changed, *(mirror.cube(changed) if mirror else ()))}
                yield Cube((*others, *same.values())), f"cell {cell.column} {what}"


def wider(cell: Cell, domain: Values) -> Iterator[tuple[Values, str]]:
    """The values of a cell and one more."""
    for value in domain:
        if value not in cell.values:
            yield (*cell.values, value), f"widened by {value}"


def narrower(cell: Cell, _: Values) -> Iterator[tuple[Values, str]]:
    """The values of a cell without one of them, where more are left."""
    if len(cell.values) > 1:
        for value in cell.values:
            yield tuple(v for v in cell.values if v != value), f"narrowed: not {value}"
