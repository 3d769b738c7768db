"""Real pairs as small machines: each proves and refutes what its page says, and its story is true."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest
from attrs import evolve

from prgcore.machine import Machine
from prgcore.model import cube
from prgcore.network import Setting, story
from prgcore.prove.network.obligations import prove as prove_network
from prgcore.prove.report import prove
from prgcore.seats import instantiate
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


# ------------------------------------------------------------------------ a model of a program


@pytest.fixture(scope="module")
def table():
    """The table of the model of pg_auto_failover."""
    return runpy.run_path(str(EXAMPLES / "pg_auto_failover.py"))["TABLE"]


def judged(model, *ids):
    """The verdicts of these obligations, each with its number of steps."""
    results = prove(Machine(model), only=ids).results
    return {r.id: (str(r.verdict), r.detail.get("steps", 0)) for r in results}


def changed(table, id_, change):
    """The table with this rule changed, or left out."""
    return evolve(table, phases=tuple(
        (phase, tuple(new for r in rows for new in (change(r) if r.id == id_ else (r,))))
        for phase, rows in table.phases))


def test_the_monitor_never_has_two_writers_and_two_nodes_write(found):
    assert found["pg_auto_failover"]["F4"].detail["pairs"] == 364_496
    assert steps(found, "pg_auto_failover", "W1") == [22]
    assert steps(found, "pg_auto_failover", "V1") == [4]


def test_two_nodes_write_nineteen_steps_after_a_pair_at_rest(models):
    model = models["pg_auto_failover"]
    machine = Machine(model)
    rest = machine.run(machine.initial[0], *dict(model.starts)["normal"]).end
    stored = tuple((name, rest[name]) for name, _ in model.initial[0])
    assert judged(evolve(model, initial=(stored,)), "W1") == {"W1": ("proved", 19)}


def test_the_rows_for_issue_1168_mend_what_they_were_written_for_and_the_story_is_older(table):
    without = instantiate(table, {"issue_1168": "without"})
    assert judged(without, "S1", "W1", "W3", "L2") == {
        "S1": ("proved", 0), "W1": ("proved", 22), "W3": ("refuted", 18), "L2": ("proved", 0)}


@pytest.mark.parametrize(("id_", "change", "write", "home"), [
    ("P321", lambda r: (evolve(r, when=r.when & cube({"peer.seen": "well"})),),
     ("proved", 22), "proved"),
    ("P349", lambda _: (), ("refuted", 0), "refuted"),
], ids=["row 321 asks for a healthy primary", "no row 349"])
def test_what_a_change_would_cost(table, id_, change, write, home):
    model = instantiate(changed(table, id_, change), {"issue_1168": "with"})
    found = judged(model, "W1", "L2")
    assert (found["W1"], found["L2"][0]) == (write, home)


# ------------------------------------------------------------------ with messages in flight


def flying(model, arbiter):
    """The obligations of model D by id: what the default adversary breaks, and what it does not."""
    return {r.id: r for r in prove_network(Machine(model), Setting(arbiter)).results}


def test_two_routers_are_master_without_any_fault_and_settle_within_nine_steps(models):
    found = flying(models["vrrp"], "none")
    assert found["D1"].verdict is Verdict.REFUTED
    assert found["D4"].verdict is Verdict.PROVED
    assert found["D4"].detail["longest way"] == 9


@pytest.mark.parametrize("arbiter", ["cas", "cas+lease", "cas+fence"])
def test_columns_whose_values_are_nodes_are_mirrored_in_flight(models, arbiter):
    found = flying(models["vrrp"], arbiter)
    assert found["D3"].verdict is found["D4"].verdict is Verdict.PROVED


@pytest.mark.parametrize("name", ["cas_paused", "vrrp_apart"])
def test_its_story_with_messages_in_flight_is_true(models, name):
    text = (EXAMPLES / f"{name}.txt").read_text("utf-8")
    engine = Machine(models[name.partition("_")[0]])
    told = story.replay(engine, story.parse(text, engine))
    assert told.ok, told.failures


@pytest.mark.parametrize(("arbiter", "once"), [
    ("cas", Verdict.REFUTED), ("cas+lease", Verdict.PROVED), ("cas+fence", Verdict.PROVED)])
def test_what_a_paused_owner_does_depends_on_the_arbiter(models, arbiter, once):
    found = flying(models["cas"], arbiter)
    assert [found[f"D{n}"].verdict for n in range(1, 5)] == [once, *[Verdict.PROVED] * 3]
