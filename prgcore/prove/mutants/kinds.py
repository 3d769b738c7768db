"""The kinds of mutants, in the order in which they are judged and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from prgcore.model import Model
from prgcore.prove.mutants import (
    derived,
    duties,
    families,
    guards,
    invariants,
    mirror,
    possible,
    rest,
    rules,
    time,
)
from prgcore.prove.mutants.shape import Mutant

__all__ = ["KINDS", "every"]

_Make: TypeAlias = Callable[[Model], Iterator[Mutant]]

KINDS: dict[str, _Make] = {
    "rules": rules.mutants,
    "possible": possible.mutants,
    "derived": derived.mutants,
    "duties": duties.mutants,
    "invariants": invariants.mutants,
    "mirror": mirror.mutants,
    "families": families.mutants,
    "transient": rest.transient,
    "may_wait": rest.may_wait,
    "guards": guards.guards,
    "goal": guards.goal,
    "time": time.mutants,
}
"""A function for each kind, which makes its mutants."""


def every(model: Model, kinds: tuple[str, ...] = ()) -> tuple[Mutant, ...]:
    """Every mutant of these kinds; of all kinds if none is named."""
    return tuple(m for kind, make in KINDS.items() if not kinds or kind in kinds
                 for m in make(model))
