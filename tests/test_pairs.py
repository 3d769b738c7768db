"""Real pairs as small machines: each proves and refutes what its page says, and its story is true."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from prgcore.machine import Machine
from prgcore.network import Network, Setting
from prgcore.prove.report import prove
from prgcore.story.script import parse, run
from prgcore.vocabulary import Verdict
from prgcore.wire.machine_file import dumps, load

EXAMPLES = Path(__file__).parent.parent / "examples" / "pairs"
NAMES = sorted(p.stem for p in EXAMPLES.glob("*.py"))
FINE = (Verdict.PROVED, Verdict.NOT_APPLICABLE, Verdict.REPORTED)


@pytest.fixture(scope="module")
def models():
    """The machine of every example."""
    return {name: runpy.run_path(str(EXAMPLES / f"{name}.py"))["MACHINE"] for name in NAMES}


@pytest.fixture(scope="module")
def found(models):
    """What is proved of every example: its obligations by id."""
    return {name: {r.id: r for r in prove(Machine(model)).results} for name, model in models.items()}


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_promised_is_proved(found, name):
    assert {i: o.verdict for i, o in found[name].items() if o.verdict not in FINE} == {}
    assert found[name]["F2"].verdict is found[name]["F4"].verdict is Verdict.PROVED


@pytest.mark.parametrize("name", NAMES)
def test_its_story_is_true(models, name):
    machine = Machine(models[name])
    told = run(machine, parse((EXAMPLES / f"{name}.txt").read_text("utf-8"), machine))
    assert told.ok, told.failures


@pytest.mark.parametrize("name", NAMES)
def test_its_file_writes_the_machine_file_beside_it(models, name, tmp_path):
    copy(EXAMPLES / f"{name}.py", tmp_path)
    subprocess.run([sys.executable, f"{name}.py"], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / f"{name}.json").read_text("utf-8") == dumps(models[name])
    assert load(tmp_path / f"{name}.json") == models[name]


def steps(found, name, *ids):
    """How many steps lead to each of these observations at least, or out of a convergence at most."""
    key = "steps at most" if ids[0].startswith("V") else "steps"
    return [found[name][i].detail[key] for i in ids]


def test_two_routers_are_master_after_four_steps_and_settle_within_three(found):
    assert steps(found, "vrrp", "W1", "W2", "W3") == [4, 4, 6]
    assert steps(found, "vrrp", "V1", "V2") == [1, 3]


def test_two_nodes_act_by_a_lease_without_its_margin_after_four_steps(found):
    assert steps(found, "lease", "W1") == [4]


# ------------------------------------------------------------------ with messages in flight


def twice(model, arbiter, *adversary):
    """The shortest story in which two nodes serve a group; None if there is none."""
    network = Network(Machine(model), Setting(arbiter, adversary))
    told = dict.fromkeys(network.starts, ())
    todo = list(told)
    for at in todo:
        if network.twice(at):
            return [str(move) for move in told[at]]
        for move, after in network.moves(at):
            if after not in told:
                told[after] = (*told[at], move)
                todo.append(after)
    return None


def test_two_routers_are_master_without_any_fault_in_a_network_too(models):
    assert len(twice(models["vrrp"], "none")) == 4


@pytest.mark.parametrize(("arbiter", "most"), [("cas", 3), ("cas+lease", 0), ("cas+fence", 0)])
def test_what_a_paused_owner_does_depends_on_the_arbiter(models, arbiter, most):
    story = twice(models["cas"], arbiter, "pause", "one-way", "crash")
    assert len(story or ()) == most
