"""The Markov chain of a world and Storm: the same model, written from the rules, has the same figures."""

from importlib.util import find_spec

import pytest

from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.outage.moves import moves
from prgcore.outage.prism import PRISM, Row, asked, memoryless
from prgcore.outage.rates import TIMER, default
from prgcore.prove.space import search
from tests.needs import missing
from tests.small_worlds import SERVICES, WORLDS, machine


@pytest.fixture(scope="module")
def made():
    """The machine, its memoryless world and its moves, by the name of the world."""
    if find_spec("stormpy") is None:
        missing("stormpy is not installed")
    spaces = {}

    def get(name):
        model, words = WORLDS[name]
        engine = machine(model)
        world = memoryless(engine, default(engine, words))
        space = spaces.setdefault(engine.model.name, search(engine.model))
        return engine, world, moves(engine, world, space)

    return get


@pytest.mark.parametrize("name", WORLDS)
def test_storm_says_the_same_to_nine_digits(name, made):
    engine, world, steps = made(name)
    rows = asked(engine, world, made=steps)
    assert len(rows) == 3 + 2 * len(steps.groups)
    assert {row.name: row.apart for row in rows if not row.agrees} == {}
    assert all(row.theirs > 0 for row in rows)


@pytest.mark.parametrize("name", ["services", "services in working hours"])
def test_storm_says_the_same_in_fractions(name, made):
    engine, world, steps = made(name)
    rows = asked(engine, world, exact=True, made=steps)
    assert all(row.apart < 1e-12 for row in rows)


def test_a_model_is_a_ctmc_whose_steps_are_rates(made):
    engine, world, steps = made("leases")
    text = PRISM(engine, world).text(steps.pair(0))
    assert text.isascii()
    assert "\nctmc\n" in text
    assert "  [] " not in text  # in Storm this is a probability
    assert text.count("  <> ") > 10
    assert "-> 1 : true;" in text
    assert PRISM(engine, world).text(steps.pair(0)) == text


def test_two_answers_that_differ_are_seen():
    assert Row("x", 1.0, 1.0 + 1e-10).agrees
    assert not Row("x", 1.0, 1.0 + 1e-8).agrees
    assert Row("x", 0.0, 0.0).apart == 0


def test_timers_of_a_memoryless_world_take_their_mean():
    engine = prg()
    world = memoryless(engine, default(engine, SERVICES))
    assert not [r for r in world.rates.values() if r.kind == TIMER]
    assert world.rates["critical_service_delay(node1)"].mean == 90
    assert world.rates["heartbeat_lost(node2)"].mean == 60 - 7.5
    assert world.rates["heartbeat_heard(node2)"].mean == 7.5
    with pytest.raises(BadInput, match="no rule of the table"):
        memoryless(engine, default(engine, {"heartbeats_missed": "2 per year"}))


def test_a_large_world_is_refused_in_one_line(made, monkeypatch):
    engine, world, steps = made("leases")
    monkeypatch.setattr("prgcore.outage.prism.MOST_PAIRS", 100)
    with pytest.raises(BadInput, match="384 pairs") as error:
        asked(engine, world, made=steps)
    assert "\n" not in str(error.value)
