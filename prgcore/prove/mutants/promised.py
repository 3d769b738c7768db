"""The judge of what no step reads: the mirror, the families, rest, guards and the goal.

Law: as in `prgcore.prove.mutants.judge`. The reachable steps of these mutants are those of the
machine, so only what is promised of them can differ. A mutant that promises less is noticed by a
theorem that restates the promise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from attrs import define, field

from prgcore.form.cubes import Stored
from prgcore.model import Cell, Cube, Display, Exclusive, Family, Model, OnlyBy
from prgcore.prove import document, mirrored, vacuity
from prgcore.prove.mutants.shape import Mutant, mutate
from prgcore.prove.obligations import Guard, against, obligations
from prgcore.prove.restated import Restated
from prgcore.prove.vacuity import Home, NeverRests
from prgcore.prove.work import Work
from prgcore.seats import Mirror
from prgcore.vocabulary import Verdict

__all__ = ["EQUIVALENT", "SECTIONS", "SURVIVED", "Promised"]

EQUIVALENT, SURVIVED = "equivalent", "survived"

@define(eq=False)
class Promised:
    """The facts about the machine that are needed to judge these mutants.

    Attributes:
        work: the searches and proofs of the machine.
        restated: what theorem files say once more.
    """

    work: Work
    restated: tuple[Restated, ...]
    _set: dict[tuple[str, str], set[str]] = field(init=False, factory=dict)

    @cached_property
    def model(self) -> Model:
        """The machine."""
        return self.work.model

    @cached_property
    def stored(self) -> Stored:
        """The stored pairs as a set."""
        return Stored(self.model.columns)

    def fate(self, mutant: Mutant) -> str:
        """The obligation that notices a mutant, or EQUIVALENT, or SURVIVED."""
        model = mutate(self.model, mutant)
        judges: dict[str, Callable[[Mutant, Model], str]] = {
            "mirror": self._mirror, "mirror_values": self._mirror, "families": self._families,
        }
        return judges.get(mutant.section, self._others)(mutant, model)

    def _mirror(self, _: Mutant, model: Model) -> str:
        """F3, unless every name and every value has the same image."""
        if _images(model) == _images(self.model):
            return EQUIVALENT
        return "F3" if mirrored.unmirrored(model) else SURVIVED

    # ---------------------------------------------------------------- families

    @cached_property
    def _shown(self) -> tuple[Display, ...]:
        return tuple(document.stable_displays(self.work.space))

    @cached_property
    def _listed(self) -> dict[str, frozenset[Display]]:
        """The displays that each family lists, and by `rows` those of the document."""
        rows = document.documented(self.model)
        return {"rows": frozenset(d for d in self._shown if d in rows),
                **{f.id: self._lists(f) for f in self.model.families}}

    def _lists(self, family: Family) -> frozenset[Display]:
        return frozenset(filter(family.matches, self._shown))

    def _families(self, mutant: Mutant, _: Model) -> str:
        """C3: every display is listed once, and no family names a word that is not shown."""
        old, new = mutant.old, mutant.new
        lists = self._lists(new) if new else frozenset()
        if lists != self._listed[old.id]:
            return "C3"  # the displays are divided among rows and families
        if any(True for _ in document.unshown(new, self._shown)):
            return "C3"
        return EQUIVALENT

    # ---------------------------------------------------- rest, guards and the goal

    def _others(self, mutant: Mutant, model: Model) -> str:
        """EQUIVALENT where the same is promised, else the theorem or the obligation that notices."""
        if self._same(mutant, model):
            return EQUIVALENT
        kind, ids = _ASKED[mutant.section]
        if any(isinstance(r.stated, kind) and r.lacks(model, self.stored) for r in self.restated):
            return "proofs"
        return self._asked(mutant, model, ids)

    def _same(self, mutant: Mutant, model: Model) -> bool:
        """Whether a mutant of what may wait excuses the same pairs."""
        return mutant.section == "may_wait" and all(
            self._within(one, other) and self._within(other, one)
            for cell in model.transient
            for one, other in [(_excused(model, cell), _excused(self.model, cell))])

    def _within(self, some: list[Cube], others: list[Cube]) -> bool:
        return all(self.stored.outside(cube, tuple(others)) is None for cube in some)

    def _asked(self, mutant: Mutant, model: Model, ids: tuple[str, ...]) -> str:
        """The first of these obligations that fails of the mutant, or SURVIVED."""
        work = self.work.beside(model)
        if "F5" in ids:
            return "F5" if mutant.new is not None and self._fails(work, mutant.new) else SURVIVED
        for obligation in obligations(model):
            if obligation.id in ids and obligation.run(work).verdict in (
                    Verdict.REFUTED, Verdict.VACUOUS):
                return obligation.id
        return SURVIVED

    def _fails(self, work: Work, check: Guard) -> bool:
        """Whether F5 refutes a guard check, or finds a part of it empty."""
        if isinstance(check, OnlyBy) and {*check.events} != self._setters(check.column, check.value):
            return True
        return bool(vacuity.empty(work, check) or against(work, check))

    def _setters(self, column: str, value: str) -> set[str]:
        """The events of which a reachable step gives a column this value."""
        if (column, value) not in self._set:
            self._set[column, value] = vacuity.setters(self.work, column, value)
        return self._set[column, value]


_ASKED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "transient": (NeverRests, ("C3", "L1")), "may_wait": (NeverRests, ("L1",)),
    "accepted_only": (tuple, ("F5",)), "exclusive": (Exclusive, ("F5",)),
    "only_by": (OnlyBy, ("F5",)), "goal": (Home, ("L2",)),
}
"""For each section the theorems that restate it, and the obligations that read it."""


def _excused(model: Model, cell: Cell) -> list[Cube]:
    """Where this transition may wait."""
    both = (cube & Cube((cell,)) for cube in model.may_wait
            if cell.column in {c.column for c in cube})
    return [cube for cube in both if cube is not None]


def _images(model: Model) -> object:
    """The image of every name and value; None without a mirror."""
    mirror = Mirror.of(model)
    names = {*model.domains, *(e.name for e in model.events), *(r.id for r in model.rules)}
    return mirror and (
        {name: mirror.name(name) for name in names},
        {(c, v): mirror.value(c, v) for c, values in model.domains.items() for v in values},
    )


SECTIONS = ("mirror", "mirror_values", "families", *_ASKED)
"""The sections whose mutants are judged here."""
