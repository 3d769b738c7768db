"""Mutants of the mirror: an entry is dropped, two entries or two values change places."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from prgcore.model import Model
from prgcore.prove.mutants.shape import Mutant

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every entry of both sections dropped, neighbours exchanged, and more values renamed."""
    for one, other in model.mirror:
        yield Mutant("mirror", one, "dropped", "mirror", (((one, other), None),))
    for first, second in pairwise(model.mirror):
        edits = ((first, (first[0], second[1])), (second, (second[0], first[1])))
        yield Mutant("mirror", first[0], f"has the image of {second[0]}", "mirror", edits)
    for name, renamed in model.mirror_values:
        entry = (name, renamed)
        yield Mutant("mirror", name, "values dropped", "mirror_values", ((entry, None),))
    images, renamed_ = dict(model.mirror), {name for name, _ in model.mirror_values}
    for column in model.columns if model.mirror else ():
        named = {column.name, images.get(column.name, column.name)}
        if not (column.derived or named & renamed_ or column.name in images.values()):
            for one, other in pairwise(column.domain):
                swapped = ((one, other), (other, one))
                yield Mutant(
                    "mirror", column.name, f"{one} is the image of {other}", "mirror_values",
                    tuple((None, (one_, swapped)) for one_ in sorted(named)))
