"""Agents of the second machine in the simulated world: nothing acknowledged is lost, unless by force."""

from __future__ import annotations

import attrs
import pytest

from prgcore.model import Cube
from prgcore.template.active_standby import MACHINE
from prgcore.template.pair import MACHINE as PAIR
from prgcore.world.campaign import random, scenario
from prgcore.world.faults import Fault
from prgcore.world.home import truth
from prgcore.world.play import at_home, failure, standard, told
from prgcore.world.schedule import of_seed, read, written

SETTING = standard(MACHINE)
SEEDS = range(1, 25)


def wrong(setting, seed, most=5):
    return failure(setting, of_seed(seed, most, commands=setting.commands), seed=seed).wrong


def test_home_is_an_active_node_and_a_current_standby():
    world = at_home(SETTING)
    pair = truth(world, world.stores["main"].record)
    assert {pair["node1.state"], pair["node2.state"]} == {"active", "standby"}
    assert {pair["node1.data"], pair["node2.data"]} == {"current"}
    assert sorted(h.services.role for h in world.hosts.values()) == ["primary", "replica"]
    (command,) = scenario(SETTING, world)
    assert command.value.startswith("switchover(")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_schedule_loses_what_was_acknowledged_or_serves_twice(seed):
    assert wrong(SETTING, seed) is None


@pytest.mark.parametrize(("seed", "why"), [
    (2018, "an event that reports a failure, and is ignored, drops its orders and makes no history"),
    (423, "a primary that is down when it should go on alone is started first"),
])
def test_schedules_that_found_something(seed, why):
    assert wrong(SETTING, seed) is None, why


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["cut", "deaf"])
@pytest.mark.parametrize("node", ["node1", "node2"])
def test_a_long_silence_is_one_cause_of_one_take_over(node, kind, seed):
    """Only heartbeats are lost: both agents reach the store, and the replica catches up."""
    world = at_home(SETTING, seed / 2)
    before = len(world.stores["main"].history)
    world.plan((Fault(kind, node, 0.1, lasts=60.0),))
    world.run(world.now + 60.0)
    silent = [e.event for _, e in world.stores["main"].history[before:]]
    taken = [event for event in silent if event.startswith("take_over")]
    assert len(taken) <= 1, silent
    assert taken or kind == "deaf", "the silence was noticed"
    if taken:
        assert not any(event.startswith("caught_up") for event in silent)
    while not world.home:
        world.step()
    pair = truth(world, world.stores["main"].record)
    assert {pair["node1.data"], pair["node2.data"]} == {"current"}


@pytest.mark.parametrize("fault", ["crash", "power", "suspend", "cut", "service", "stubborn"])
def test_a_fault_in_the_middle_of_a_switchover(fault):
    command = scenario(SETTING, at_home(SETTING))
    for at in (0.3, 0.6, 0.9, 1.3):
        for node in ("node1", "node2"):
            run = failure(SETTING, (*command, Fault(fault, node, at, lasts=7.0)))
            assert run.wrong is None, told(SETTING, run)


def test_a_standby_that_takes_over_behind_loses_something_and_the_judge_sees_it():
    """The machine without the one cell that says current."""
    def without(cells):
        return Cube(tuple(c for c in cells if not c.column.endswith(".data")))

    careless = attrs.evolve(
        MACHINE,
        possible=tuple(attrs.evolve(p, when=without(p.when)) if p.event.startswith("take_over") else p
                       for p in MACHINE.possible),
        timers=tuple(attrs.evolve(t, runs=without(t.runs)) if t.event.startswith("take_over") else t
                     for t in MACHINE.timers))
    setting = standard(careless)
    lost = (Fault("power", "node2", 0.5, lasts=6.0), Fault("power", "node1", 3.0, lasts=20.0))
    pair = truth(at_home(setting), at_home(setting).stores["main"].record)
    if pair["node1.state"] == "standby":
        lost = tuple(attrs.evolve(f, node="node1" if f.node == "node2" else "node2") for f in lost)
    assert failure(setting, lost).wrong.what == "loses"
    assert failure(SETTING, lost).wrong is None


def test_any_machine_of_init_runs_in_the_world():
    setting = standard(PAIR)
    assert {wrong(setting, seed) for seed in range(1, 8)} == {None}
    assert setting.checks == ()


def test_the_commands_of_a_schedule_are_those_of_the_machine():
    schedule = (Fault("command", "node1", 1.0, value="switchover(node2)"),)
    assert read(written(schedule), SETTING.commands) == schedule
    assert {f.value for seed in range(200) for f in of_seed(seed, commands=SETTING.commands)
            if f.kind == "command"} == set(SETTING.commands)


def test_processes_run_it_too():
    parts = list(random(range(1, 3), 2, jobs=2, own=MACHINE))
    assert sum(part.runs for part in parts) == 2
    assert not any(part.wrong for part in parts)


def test_the_command_line_runs_a_machine_file(run, bad, tmp_path):
    run("init", "--from", "active-standby", tmp_path / "own")
    file = tmp_path / "own" / "machine.json"
    answer = run("simulate-agents", "--machine", file, "--seeds", "2", "--jobs", "1")
    assert answer.code == 0
    assert "nothing went wrong" in answer.out
    assert "leave out --machine or --policy" in bad(
        "simulate-agents", "--machine", file, "--policy", "reconnection=keep_serving")
    (tmp_path / "bare.json").write_text(
        '{"format": "prgcore-machine/1", "name": "lamp", "columns": [{"name": "lamp", "kind": '
        '"stored", "domain": ["off"]}], "initial": [{"lamp": "off"}], "events": [], "possible": [], '
        '"rules": []}')
    said = bad("simulate-agents", "--machine", tmp_path / "bare.json")
    assert "it lacks agents that serve users and a goal" in said
