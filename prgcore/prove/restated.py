"""What theorem files say once more of a machine: a promise that the machine's own may not fall below.

Law: two promises are compared as sets of stored pairs, without a solver and without a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from attrs import frozen

from prgcore.form.cubes import Stored
from prgcore.model import AcceptedOnly, Cube, Exclusive, Invariant, Model, OnlyBy
from prgcore.prove.vacuity import Home, NeverRests

__all__ = ["Restated", "Stated"]

Stated: TypeAlias = "Invariant | tuple[AcceptedOnly, ...] | Exclusive | OnlyBy | Home | NeverRests"


@frozen
class Restated:
    """A promise that some promises of a machine, by their ids, must make as well."""

    name: str
    ids: tuple[str, ...]
    stated: Stated

    def lacks(self, model: Model, stored: Stored) -> str:
        """Something that the machine allows and the theorem forbids, in words; or empty."""
        return next(self._lacks(model, stored), "")

    def _lacks(self, model: Model, stored: Stored) -> Iterator[str]:
        match self.stated:
            case Invariant(never=cubes):
                never = tuple(c for i in model.invariants if i.id in self.ids for c in i.never)
                yield from self._outside(stored, cubes, never)
            case Exclusive():
                yield from self._exclusive(self.stated, model, stored)
            case OnlyBy():
                yield from self._only_by(self.stated, model, stored)
            case Home(cubes=cubes):
                if not model.goal:
                    yield "the machine has no goal"
                yield from self._outside(stored, model.goal, cubes)
            case NeverRests():
                yield from _rests(self.stated, model, stored)
            case checks:
                for check in checks:
                    yield from self._accepted(check, model, stored)

    def _outside(
        self, stored: Stored, inside: Iterable[Cube], outside: Iterable[Cube], where: str = ""
    ) -> Iterator[str]:
        """The pairs in some cubes and in none of others."""
        others = tuple(outside)
        for cube in inside:
            pair = stored.outside(cube, others)
            if pair is not None:
                told = ", ".join(f"{column} = {value}" for column, value in pair.items())
                yield f"{', '.join(self.ids)} of the machine allows {where}{told or 'any pair'}"

    def _accepted(self, check: AcceptedOnly, model: Model, stored: Stored) -> Iterator[str]:
        mine = [a for a in model.accepted_only
                if a.id in self.ids and a.command == check.command
                and (a.exactly or not check.exactly)]
        if not mine:
            exactly = " and exactly there" if check.exactly else ""
            yield f"{', '.join(self.ids)} does not say where {check.command} is accepted{exactly}"
        elif not any(self._within(stored, a.when, check.when) and (
                not check.exactly or self._within(stored, check.when, a.when)) for a in mine):
            yield from self._outside(stored, mine[0].when, check.when, f"{check.command} where ")
            yield f"{', '.join(self.ids)} does not ask for {check.command} in every pair"

    def _within(self, stored: Stored, some: Iterable[Cube], others: tuple[Cube, ...]) -> bool:
        return not any(True for _ in self._outside(stored, some, others))

    def _exclusive(self, check: Exclusive, model: Model, stored: Stored) -> Iterator[str]:
        mine = [x for x in model.exclusive if x.id in self.ids]
        if not any({*check.commands} <= {*x.commands}
                   and self._within(stored, check.never_in, x.never_in) for x in mine):
            yield f"{', '.join(self.ids)} of the machine allows more than {self.name}"

    def _only_by(self, check: OnlyBy, model: Model, stored: Stored) -> Iterator[str]:
        allowed = dict(check.when)
        for mine in model.only_by:
            here = dict(mine.when)
            if (mine.id in self.ids and (mine.column, mine.value) == (check.column, check.value)
                    and {*mine.events} <= {*check.events} and all(
                        event in here and self._within(stored, [here[event]], (cube,))
                        for event, cube in allowed.items() if event in mine.events)):
                return
        yield (f"{', '.join(self.ids)} of the machine allows more ways to give {check.column} "
               f"the value {check.value} than {self.name}")


def _rests(stated: NeverRests, model: Model, stored: Stored) -> Iterator[str]:
    """The cubes in which the machine may rest by its own words, unless a transition forbids it."""
    for cube in stated.cubes:
        if not any(
            stored.outside(cube, (Cube((cell,)),)) is None and not any(
                stored.find([cube, excuse]) for excuse in model.may_wait
                if cell.column in {c.column for c in excuse})
            for cell in model.transient
        ):
            told = "; ".join(f"{c.column} = {' or '.join(c.values)}" for c in cube)
            yield f"L1 of the machine allows a rest where {told}"
