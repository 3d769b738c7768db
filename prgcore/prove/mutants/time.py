"""Mutants of the tables about time: a timer, a parameter or a rule between parameters is changed."""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.model import Model
from prgcore.prove.mutants.shape import Mutant
from prgcore.prove.timer_mutants import timer_mutants
from prgcore.prove.timing import documented

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every edit of one row, for a machine whose timers must be those of the document.

    Nothing else says a second time what the timers of a machine are for.
    """
    for mutant in timer_mutants(model) if documented(model) and model.timers else ():
        at, _, what = mutant.what.partition(": ")
        yield Mutant("time", at, what, "time", ((mutant, mutant),))
