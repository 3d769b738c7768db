"""The simulated world without its arbiter, or without its lease: agents find what model D finds."""

from __future__ import annotations

import json
from itertools import product

import pytest

from prgcore.errors import BadInput
from prgcore.world.campaign import random
from prgcore.world.faults import SPLITS, Fault
from prgcore.world.play import at_home, failure, shortest, standard
from prgcore.world.schedule import of_seed

TAKES = ("heartbeat_lost(node2)", "takeover_done(node2)")
"""The decisions of the shortest stories of model D in which a group is served twice."""
BOTH = (*TAKES, "heartbeat_lost(node1)", "takeover_done(node1)")
"""The decisions of its shortest story to both Running in Backup Mode."""
ONE_WAY = Fault("deaf", "node2", 0.5, lasts=7.0)
CUT = Fault("cut", "node1", 0.5, lasts=7.0)
NETWORK = ("cut", "deaf", "delay", "loss", "echo")
SEEDS = range(1, 25)


def ends(arbiter, *faults, seeks="twice"):
    """How a schedule ends, and the way there as model D tells it."""
    run = failure(standard(arbiter=arbiter, seeks=seeks), faults)
    return run.wrong and run.wrong.what, run.steps


def shortest_runs(arbiter, seeks="twice", kinds=SPLITS, seeds=SEEDS):
    """The shortest runs of these seeds in which what is sought has happened."""
    setting = standard(arbiter=arbiter, seeks=seeks)
    runs = [(seed, failure(setting, of_seed(seed, 4, kinds, ()), seed=seed)) for seed in seeds]
    return [shortest(setting, run, seed=seed) for seed, run in runs if run.wrong is not None]


def decided(run):
    """The decisions of a run, told for the seat in which node2 takes over first."""
    made = [line for line in run.steps if line.startswith(("heartbeat_lost", "takeover_done"))]
    first = next(line for line in made if line.startswith("takeover_done"))
    return tuple(made if first == TAKES[1] else (line.translate({49: "2", 50: "1"}) for line in made))


# --------------------------------------------------------------- without arbiter or lease


@pytest.mark.parametrize("arbiter", ["none", "cas"])
def test_after_a_one_way_cut_a_group_is_served_twice_in_the_three_steps_of_model_d(arbiter):
    assert ends(arbiter, ONE_WAY) == ("twice", ("cut node1", *TAKES))


def test_after_a_cut_both_are_in_backup_mode_in_the_six_steps_of_model_d():
    what, steps = ends("none", CUT, seeks="S1")
    assert what == "S1"
    assert sorted(steps[:2]) == ["cut node1", "cut node2"]
    assert steps[2:] == BOTH


@pytest.mark.parametrize("stall", ["pause", "suspend"])
def test_a_paused_owner_serves_beside_its_successor_although_writes_are_compared(stall):
    assert ends("cas", Fault(stall, "node1", 0.5, lasts=9.0)) == ("twice", TAKES)


@pytest.mark.parametrize("arbiter", ["none", "cas"])
def test_every_shortest_schedule_is_short_and_makes_the_decisions_of_model_d(arbiter):
    runs = shortest_runs(arbiter)
    assert len(runs) > 5
    assert {run.wrong.what for run in runs} == {"twice"}
    told = [decided(run) for run in runs]
    assert TAKES in told, "the shortest story"
    for run, steps in zip(runs, told, strict=True):
        assert tuple(s for s in steps if s in TAKES) == TAKES, run
        assert set(steps) <= {*BOTH}, "its peer, cut off too, does the same"
        assert len(run.schedule) <= 2, "few lost heartbeats and a short pause add up"
    assert {"pause", "cut"} <= {run.schedule[0].kind for run in runs}


def test_every_schedule_to_both_in_backup_mode_makes_the_four_decisions_of_model_d():
    runs = shortest_runs("none", "S1", NETWORK)
    assert len(runs) > 1
    assert {tuple(sorted(decided(run))) for run in runs} == {tuple(sorted(BOTH))}


def test_hosts_that_die_and_stay_dead_never_serve_a_group_twice():
    """Crashes alone: model D cannot reach it either. The services die with their host."""
    setting = standard(arbiter="none", seeks="twice")
    for node, at in product(("node1", "node2"), (0.5, 1.3, 2.9)):
        world = at_home(setting)
        world.plan((Fault("power", node, at, lasts=60.0),))
        world.run(world.now + 30)
        stops, *decided = world.judge.steps
        assert stops == f"manager_stop({node})"
        assert [line.partition("(")[0] for line in decided] == ["heartbeat_lost", "takeover_done"]


# -------------------------------------------------------------------- what each one buys


@pytest.mark.parametrize("seeks", ["twice", "S1", "S3"])
def test_with_record_and_lease_the_same_schedules_find_nothing(seeks):
    assert shortest_runs("cas+lease", seeks) == []


@pytest.mark.parametrize("seeks", ["S1", "S2", "S3", "S13"])
def test_with_one_record_alone_the_record_keeps_its_promises(seeks):
    assert shortest_runs("cas", seeks) == []


def test_copies_meet_when_a_cut_heals():
    """The one-way cut of the story, played on: the peer hears of it, and both have one record."""
    setting = standard(arbiter="none", seeks="S1")
    world = at_home(setting)
    world.plan((ONE_WAY,))
    world.run(world.now + 25)
    one, two = (world.stores[node].record for node in ("node1", "node2"))
    assert one.columns == two.columns
    assert one.own == two.own
    assert two.columns["node2.state"] == "running_in_backup_mode"


# ------------------------------------------------------------------------ the command


def test_the_command_shows_the_story_and_exits_with_one(run):
    said = run("simulate-agents", "--arbiter", "none", "--schedule",
               '[{"kind": "deaf", "node": "node2", "at": 0.5, "lasts": 7}]')
    assert said.code == 1
    assert "WRONG  twice: users of node1 are served by both nodes" in said.out


def test_the_command_tells_shortest_stories_as_model_d_tells_them(run):
    said = run("simulate-agents", "--arbiter", "cas", "--seeds", "12", "--jobs", "1")
    assert said.code == 1
    assert "\nin model D: heartbeat_lost(node1), takeover_done(node1)\n" in said.out
    assert said.out.endswith("\n4 failures\n")


def test_the_command_finds_nothing_with_the_lease(run):
    said = run("simulate-agents", "--arbiter", "cas+lease", "--seek", "twice", "--seeds", "12",
               "--jobs", "1", "--json")
    assert said.code == 0
    assert json.loads(said.out)["wrong"] == []


@pytest.mark.parametrize(("words", "says"), [
    (("--arbiter", "cash"), "unknown arbiter 'cash'; did you mean cas"),
    (("--seek", "S99"), "unknown thing to seek 'S99'"),
    (("--seek", "S6"), "unknown thing to seek 'S6'"),
    (("--policy", "arbiter=none"), "--arbiter and --seek are options of their own"),
])
def test_what_does_not_exist_is_refused(bad, words, says):
    assert says in bad("simulate-agents", *words)


def test_processes_seek_the_same():
    found = [sum((part.wrong for part in random(range(1, 61), 4, jobs=jobs, given={"arbiter": "none"})),
                 ()) for jobs in (1, 2)]
    assert sorted((seed, run.steps) for seed, run in found[0]) == sorted(
        (seed, run.steps) for seed, run in found[1])
    assert found[0]


def test_nobody_gets_an_arbiter_by_a_wrong_name():
    with pytest.raises(BadInput, match="unknown arbiter"):
        standard(arbiter="fence")
