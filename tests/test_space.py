"""The search by halves finds what a search of all pairs finds: pairs, numbers, ways, steps."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from attrs import evolve

from prgcore.machine import PRG
from prgcore.model import Cell, Column, Cube, Event, Model, Possible, Rule
from prgcore.prove import index, space
from prgcore.prove.index import Index
from prgcore.prove.mirrored import is_mirrored
from prgcore.prove.space import search
from prgcore.vocabulary import Kind
from tests import toys
from tests.planted import FAULTS, LAMPS, reachable

if TYPE_CHECKING:
    from prgcore.prove.space import Space

MIRRORED = {f.name: f.model for f in FAULTS if is_mirrored(f.model)} | {"lamps": LAMPS}
MACHINES = MIRRORED | {f.name: f.model for f in FAULTS} | {
    name: model for name, model in vars(toys).items() if isinstance(model, Model)}


def _steps(found: Space) -> list[list[tuple[int, int]]]:
    return [sorted(zip(e.source.tolist(), e.target.tolist(), strict=True)) for e in found.edges]


def _same(one: Space, other: Space) -> None:
    assert all((a == b).all() for a, b in zip(one.codes, other.codes, strict=True))
    assert (one.parent == other.parent).all()
    assert (one.via == other.via).all()
    assert (one.level, one.holes) == (other.level, other.holes)


@pytest.mark.parametrize("model", MIRRORED.values(), ids=MIRRORED)
def test_halves_are_the_whole(model: Model) -> None:
    folded, plain = search(model), search(evolve(model, mirror=()))
    assert len(folded.halves) < len(plain.halves) == len(plain) == len(folded)
    _same(folded, plain)
    assert _steps(folded) == _steps(plain)
    assert [len(e) for e in folded.edges] == [len(e.source) for e in plain.edges]


def test_halves_are_the_whole_of_the_built_in_machine() -> None:
    folded, plain = reachable(), search(evolve(PRG.model, mirror=()))
    assert (len(folded.halves), len(plain)) == (413_288, 825_920)
    _same(folded, plain)
    for one, other in zip(folded.edges, plain.edges, strict=True):
        assert len(one) == len(other.source)
        to = np.full(len(plain), -1, np.int32)
        to[one.source] = one.target
        assert (to[other.source] == other.target).all()


@pytest.mark.parametrize("model", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize(("dense", "chunk"), [(1, 2), (4, 1), (1 << 24, 3)])
def test_a_hash_table_and_small_parts_change_nothing(
    model: Model, dense: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = search(model)
    monkeypatch.setattr(index, "DENSE", dense)
    monkeypatch.setattr(space, "CHUNK", chunk)
    other = search(model)
    _same(usual, other)
    assert _steps(usual) == _steps(other)
    assert [other.find(other.pair(n)) for n in range(len(other))] == [*range(len(other))]


def test_an_index_finds_what_was_stored_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "DENSE", 4)
    dice = np.random.default_rng(7)
    made, known = Index([5000, 3000, 7]), {}
    for _ in range(20):
        codes = [dice.integers(0, size, 300) for size in made.sizes]
        keys = made.key([made.admit(b, c) for b, c in enumerate(codes)])
        keys = made.key([made.admit(b, c) for b, c in enumerate(codes)])  # the layout is settled
        numbers = np.arange(len(known), len(known) + 300, dtype=np.int32)
        made.store(keys, numbers)
        known |= dict(zip(zip(*(c.tolist() for c in codes), strict=True), numbers, strict=True))
    triples = [*known, *((a, b, 6 - c) for a, b, c in known)]
    codes = [np.array(part) for part in zip(*triples, strict=True)]
    places = [ids.take(c).astype(np.int64) for ids, c in zip(made.ids, codes, strict=True)]
    found = made.look(made.key(places))
    assert [known.get(t, -1) for t in triples] == found.tolist()


def _switches(groups: int, each: int, *, mirror: bool = False) -> Model:
    """Groups of yes/no columns, of which one is ever changed: two pairs are reachable."""
    names = [f"g{g}.c{n}" for g, n in product(range(groups), range(each))]
    return Model(
        name="switches",
        columns=tuple(Column(n, ("no", "yes")) for n in names),
        initial=(tuple((n, "no") for n in names),),
        events=(Event("flip", Kind.FAULT, "environment", seated=False),),
        possible=(Possible("flip", {names[0]: "no"}),),
        rules=(Rule("R1", "flip", {}, {names[0]: "yes"}),),
    )


@pytest.mark.parametrize(("groups", "each"), [(4, 8), (1, 40), (12, 3), (40, 8), (3, 60), (200, 2)])
def test_the_search_is_sized_by_what_is_reached(groups: int, each: int) -> None:
    found = search(_switches(groups, each))
    assert (len(found), found.depth) == (2, 1)
    assert found.pair(1)["g0.c0"] == "yes"
    assert len(found.where(Cube((Cell("g0.c0", ("yes",)),)))) == 1
