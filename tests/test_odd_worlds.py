"""Worlds at the edge: where nothing happens, where nobody waits, and where a live peer cannot be heard in time."""

import pytest

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.outage.chain import ground
from prgcore.outage.moves import moves
from prgcore.outage.rates import read
from prgcore.outage.summary import report
from prgcore.outage.year import simulate
from prgcore.prove.space import search
from prgcore.template.pair import MACHINE

FAULTS = ("services_down", "database_down", "manager_stop", "power_off", "link_cut", "internal_error")


@pytest.fixture(scope="module")
def made():
    engine = prg()
    space = search(engine.model)
    return lambda rates, **parameters: moves(
        engine, read(engine, {"rates": rates, "parameters": parameters}), space)


def test_a_world_in_which_nothing_happens_has_no_way_from_home_to_home(made):
    with pytest.raises(BadInput, match="nothing happens in this world"):
        ground(made(dict.fromkeys(FAULTS, "never")))


@pytest.mark.parametrize("settings", [
    {"keep_alive_interval": 60}, {"keep_alive_interval": 70}, {"keep_alive_timeout": 15},
    {"keep_alive_interval": 40, "initialization_keep_alive_timeout": 30}])
def test_a_time_out_that_no_live_peer_survives_is_refused(made, settings):
    # its false alarms would come without any loss (T5), and no event here stands for them
    with pytest.raises(BadInput, match=r"keep_alive_interval: .* \(T5\)"):
        made({}, **settings)


def test_an_interval_below_the_time_out_is_a_world(made):
    assert len(made({}, keep_alive_interval=59))


def test_users_who_do_not_wait_wait_exactly_no_time():
    engine = Engine(MACHINE)
    there = moves(engine, read(engine, {"rates": {
        "promoted": "takes 1 s", "promotion_failed": "never", "crash": "every 5 days",
        "boot": "takes 1 h"}}))
    found = report(there, simulate(there, 3, 1))
    assert found.users[0].login.by == "exact"
    assert found.users[0].login.high == 0
    assert found.users[0].unserved.value > 0
