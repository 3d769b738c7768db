"""Mutants of families of displays: one is dropped, or names a word less or more."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from prgcore.model import Half, Model, Values
from prgcore.prove.mutants.shape import Mutant

__all__ = ["mutants"]


def mutants(model: Model) -> Iterator[Mutant]:
    """Every family dropped, and with one pair of halves less, or one word less or more in it."""
    domains = model.domains
    for family in model.families:
        yield Mutant("families", family.id, "dropped", "families", ((family, None),))
        for number, pair in enumerate(family.displays):
            rest = (family.displays[:number], family.displays[number + 1:])
            at = f"display {number + 1}"
            if any(rest):
                new = evolve(family, displays=(*rest[0], *rest[1]))
                yield Mutant("families", family.id, f"{at} dropped", "families", ((family, new),))
            for halves, what in _changed(pair, domains):
                new = evolve(family, displays=(*rest[0], halves, *rest[1]))
                yield Mutant("families", family.id, f"{at}: {what}", "families", ((family, new),))


def _changed(pair: tuple[Half, Half], domains: dict[str, Values],
             ) -> Iterator[tuple[tuple[Half, Half], str]]:
    left, right = pair
    for half, what in _words(left, "node1", domains):
        yield (half, right), what
    for half, what in _words(right, "node2", domains):
        yield (left, half), what


def _words(half: Half, node: str, domains: dict[str, Values]) -> Iterator[tuple[Half, str]]:
    states, reasons = half
    for words, what in _one(states, domains.get(f"{node}.state", ())):
        yield (words, reasons), f"{node} {what}"
    if reasons:  # none stands for any
        for words, what in _one(reasons, domains.get(f"{node}.reason", ())):
            yield (states, words), f"{node} {what}"
        yield (states, ()), f"{node} with any reason"


def _one(words: Values, domain: Values) -> Iterator[tuple[Values, str]]:
    for word in words if len(words) > 1 else ():
        yield tuple(w for w in words if w != word), f"without {word or 'nothing'}"
    for word in domain:
        if word not in words:
            yield (*words, word), f"with {word}"
