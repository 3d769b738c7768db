"""Houdini finds again, from the reachable pairs alone, what makes the promises inductive."""

from __future__ import annotations

import pytest

from prgcore import PRG
from prgcore.prove.houdini import auxiliary, candidates
from prgcore.prove.induction import induct
from prgcore.prove.space import Space
from tests.planted import reachable

MODEL = PRG.model
SAFETY = [i for i in MODEL.invariants if not i.auxiliary]


@pytest.fixture(scope="module")
def space() -> Space:
    return reachable()


def test_the_promises_alone_are_not_inductive() -> None:
    proved = induct(MODEL, SAFETY).proved
    assert "S2" in proved
    assert not {"S3", "S4", "S16", "S17"} & set(proved)


def test_every_candidate_holds_of_every_reachable_pair(space: Space) -> None:
    found = candidates(space)
    assert len(found) > 1000
    assert not any(len(space.where(cube)) for cube in found[::50])


def test_the_clauses_that_are_found_carry_the_promises(space: Space) -> None:
    found = auxiliary(MODEL, space)
    assert set(found.never) <= set(candidates(space))
    proved = induct(MODEL, [*SAFETY, found]).proved
    assert "H" in proved
    assert {i.id for i in SAFETY} - set(proved) == {"S14"}
    longer = [i for i in MODEL.invariants if i.id in ("X13", "X14")]  # of three literals
    assert "S14" in induct(MODEL, [*SAFETY, found, *longer]).proved
