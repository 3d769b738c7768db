"""The compiled table agrees with the search on every edge and with the interpreter on samples."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, NotTotal
from prgcore.machine import Machine, prg
from prgcore.model import By
from prgcore.prove.compiled import IGNORED, IMPOSSIBLE, REFUSED, Compiled, agrees
from prgcore.prove.space import search
from prgcore.vocabulary import Kind, Outcome
from tests.planted import FAULTS, LAMPS, reachable

LIT = ("light(node1)", "warm(node1)")


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return Compiled(reachable())


@pytest.fixture(scope="module")
def lamps() -> Compiled:
    return Compiled(search(LAMPS))


def test_it_has_a_place_for_every_pair_and_event(compiled: Compiled) -> None:
    assert len(compiled) == len(compiled.space)
    assert compiled.events == tuple(e.name for e in prg().model.events)
    assert compiled.codes.shape == (len(compiled) * compiled.width,)
    assert compiled.codes.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        compiled.codes[0] = 0


def test_every_edge_of_the_search_is_in_the_table_and_nothing_else_is(compiled: Compiled) -> None:
    table = compiled.codes.reshape(len(compiled), compiled.width)
    done = ignored = 0
    for edges in compiled.space.edges:
        column = table[:, compiled.event(edges.rule.event)]
        if edges.rule.outcome is Outcome.DONE:
            done += len(edges.source)
            assert (column[edges.source] == edges.target * compiled.width).all()
        else:
            ignored += len(edges.source)
            assert (column[edges.source] == IGNORED).all()
    assert np.count_nonzero(table >= 0) == done
    assert np.count_nonzero(table == IGNORED) == ignored
    command = np.array([e.kind is Kind.COMMAND for e in compiled.space.model.events])
    assert not (table[:, command] == IMPOSSIBLE).any()
    assert not (table[:, ~command] == REFUSED).any()


def test_it_agrees_with_the_interpreter_on_a_sample(compiled: Compiled) -> None:
    assert agrees(prg(), compiled, sample=300, seed=1) == ()


def test_it_agrees_with_the_interpreter_everywhere(lamps: Compiled) -> None:
    assert agrees(Machine(LAMPS), lamps) == ()


def test_a_different_interpreter_is_noticed(lamps: Compiled) -> None:
    other = evolve(LAMPS, rules=tuple(
        evolve(r, then=tuple(evolve(e, value=By("mains", (("on", "dark"),))) for e in r.then))
        if r.id == "A102@node1" else r for r in LAMPS.rules
    ))
    wrong = agrees(Engine(evolve(other, invariants=())), lamps)
    assert wrong
    assert all(line.startswith("warm(node1) in pair ") for line in wrong)
    assert "the interpreter says" in wrong[0]


def test_next_and_walk_follow_the_numbers_of_the_search(lamps: Compiled) -> None:
    light, warm = (lamps.event(name) for name in LIT)
    warming = lamps.next(0, light)
    assert lamps.space.pair(warming)["node1.state"] == "warming"
    assert lamps.next(warming, light) == REFUSED
    assert lamps.next(0, warm) == IMPOSSIBLE
    assert lamps.next(0, lamps.event("rest(node1)")) == IGNORED
    lit = lamps.walk(0, [light, light, warm, warm])
    assert lamps.space.pair(lit)["node1.state"] == "lit"
    assert lamps.walk(lit, []) == lit


def test_bulk_steps_are_the_scalar_steps(lamps: Compiled) -> None:
    numbers = np.repeat(np.arange(len(lamps), dtype=np.int32), lamps.width)
    events = np.tile(np.arange(lamps.width, dtype=np.int32), len(lamps))
    after = lamps.step(numbers * lamps.width, events)
    expected = [lamps.next(int(n), int(e)) for n, e in zip(numbers, events, strict=True)]
    assert [int(a) // lamps.width if a >= 0 else int(a) for a in after] == expected
    one = lamps.step(np.array([0]), lamps.event("light(node1)"))
    assert one.tolist() == [lamps.next(0, lamps.event("light(node1)")) * lamps.width]


def test_an_unknown_event_names_the_nearest(lamps: Compiled) -> None:
    with pytest.raises(BadInput) as error:
        lamps.event("lihgt(node1)")
    assert str(error.value) == (
        "unknown event 'lihgt(node1)'; did you mean light(node1), light(node2), rest(node1)?")


def test_a_machine_that_is_not_total_has_no_table() -> None:
    hole = next(f.model for f in FAULTS if f.name == "hole")
    with pytest.raises(NotTotal) as error:
        Compiled(search(hole))
    assert str(error.value) == (
        "rest(node1) is not answered by exactly one rule in pair 0; "
        "prove F1 and F2 before compiling")
