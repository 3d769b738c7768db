"""Mutants of the tables about time: a timer, a parameter or a rule between parameters is changed."""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.model import Model
from prgcore.prove.mutants.shape import Mutant
from prgcore.prove.timer_mutants import timer_mutants
from prgcore.seats import NODES
from prgcore.timers.monitor import watches

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every edit of one row, for a machine whose nodes have the timers of these tables."""
    try:
        for node in NODES:
            watches(Engine(model), node)
    except BadInput:
        return
    for mutant in timer_mutants(model):
        at, _, what = mutant.what.partition(": ")
        yield Mutant("time", at, what, "time", ((mutant, mutant),))
