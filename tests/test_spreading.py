"""Commands that run in other processes: the same answer, and one line where that fails."""

from __future__ import annotations

import json

import pytest

from prgcore.cli.spreading import chosen
from prgcore.fleet import blocks
from prgcore.fleet.blocks import AUTOMATIC, SERIAL, Where
from prgcore.outage import rates
from prgcore.outage.choices import changed
from prgcore.outage.fleets import Worlds
from prgcore.outage.spreading import years_of_all
from tests.test_blocks import programs, tidy  # noqa: F401, fixtures

YEARS = ("simulate-fleet", "--groups", 60, "--seed", 5, "--alone", "--json")


def figures(outcomes):
    return [json.dumps(one.to_json()) for one in outcomes]


@pytest.fixture(scope="module")
def worlds():
    from prgcore.machine import PRG

    return Worlds(PRG, rates.default(PRG))


def test_where_options_lead():
    assert chosen(None, None) == AUTOMATIC
    assert chosen(1, None) == SERIAL
    assert chosen(7, None) == Where(7)
    assert chosen(None, "tcp://10.0.0.1:8786") == Where(scheduler="tcp://10.0.0.1:8786")


def test_the_size_of_blocks_changes_no_figure(worlds):
    choice = changed(worlds.engine, worlds.moves.world, "dual_connections", "true")
    told = []
    whole = years_of_all(worlds, [choice], 70, 1.0, 3)
    parts = years_of_all(worlds, [choice], 70, 1.0, 3, size=32, progress=lambda *a: told.append(a))
    assert figures(whole) == figures(parts)
    assert whole[0].interruptions.tolist() == parts[0].interruptions.tolist()
    assert figures(whole[:1]) != figures(whole[1:])
    assert figures([worlds.years(worlds.moves, 70, 1.0, 3)]) == figures(whole[:1])
    assert told == [(32, 70), (64, 70), (70, 70)]


@pytest.mark.usefixtures("tidy")
def test_years_in_other_processes(worlds):
    choice = changed(worlds.engine, worlds.moves.world, "dual_connections", "true")
    here = years_of_all(worlds, [choice], 50, 1.0, 3, size=10)
    there = years_of_all(worlds, [choice], 50, 1.0, 3, size=10, where=Where(2))
    assert figures(here) == figures(there)
    assert here[1].columns().keys() == there[1].columns().keys()
    assert all((here[1].columns()[name] == there[1].columns()[name]).all()
               for name in here[1].columns())


def test_no_pairs(worlds):
    with pytest.raises(Exception, match="0 pairs: expected at least one"):
        years_of_all(worlds, [], 0, 1.0, 3)


@pytest.mark.parametrize(("words", "says"), [
    (("--workers", 0), "--workers 0: expected 1 to 512 processes"),
    (("--workers", 9999), "--workers 9999: expected 1 to 512 processes"),
    (("--scheduler", "127.0.0.1:8786"),
     ("--scheduler '127.0.0.1:8786': expected an address like tcp://HOST:8786, as `dask scheduler` "
      "prints it")),
    (("--scheduler", "tcp://h:1", "--workers", 2),
     ("--workers starts processes on this computer, and --scheduler uses those of a cluster; leave "
      "out one or the other")),
])
def test_options_that_cannot_be(words, says, bad):
    assert bad(*YEARS, *words) == says


def test_without_dask(bad, monkeypatch):
    monkeypatch.setattr(blocks, "find_spec", lambda _: None)
    assert "pip install 'prgcore[dask]'" in bad(*YEARS, "--scheduler", "tcp://127.0.0.1:1")


def test_on_a_cluster(run, programs):  # noqa: F811
    programs.worker()
    here, there = run(*YEARS), run(*YEARS, "--scheduler", programs.address)
    assert (here.code, here.err) == (there.code, there.err) == (0, "")
    assert here.out == there.out
    assert json.loads(here.out)["pairs"] == 60


def test_a_scheduler_that_is_not_there(bad, monkeypatch):
    from prgcore.fleet import cluster

    monkeypatch.setattr(cluster, "CONNECT", 0.3)
    assert bad(*YEARS, "--scheduler", "tcp://127.0.0.1:1") == (
        "the scheduler at tcp://127.0.0.1:1 does not answer: Timed out trying to connect to "
        "tcp://127.0.0.1:1 after 0.3 s; check the address, and that `dask scheduler` runs there")
