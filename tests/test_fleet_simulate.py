"""`prgcore fleet simulate`, fleets as Parquet, and a world as the chances of one hour."""

from __future__ import annotations

import json
from functools import cache, partial
from io import BytesIO

import numpy as np
import pytest

from prgcore.errors import BadInput
from prgcore.fleet import Fleet, Table
from prgcore.fleet.parquet import fleet_read, fleet_written
from prgcore.machine import PRG, prg
from prgcore.outage.moves import Moves, moves
from prgcore.outage.rates import Week, default
from prgcore.outage.steps import plan, working
from prgcore.wire.machine_file import digest, dumps
from tests.planted import LAMPS
from tests.toys import TURNSTILE

pytest.importorskip("pyarrow")


TABLE = cache(partial(Table.of, PRG))
"""The table of the built-in machine."""


def table() -> Table:
    return TABLE()


@pytest.fixture(autouse=True)
def _made_once(monkeypatch):
    """The table of the built-in machine is made once."""
    make = Table.of
    monkeypatch.setattr(
        Table, "of", lambda some: table() if getattr(some, "model", None) is PRG.model else make(some))


@cache
def lamps() -> Table:
    return Table.of(LAMPS)


@cache
def way() -> Moves:
    return moves(PRG, default(PRG), table().space)


# ------------------------------------------------------------------ chances of an hour


def test_an_hour_has_the_chances_of_its_rates():
    made = plan(table(), way(), 3600.0)
    chances = {table().events[e.event]: e.chance for e in made.once}
    assert chances["power_off(node1)"] == pytest.approx(1 - np.exp(-1 / (365 * 24)), rel=1e-12)
    assert chances["power_on(node2)"] == pytest.approx(1 - np.exp(-1), rel=1e-12)
    assert chances["fallback(node1)"] == pytest.approx(1 - np.exp(-1 / 4), rel=1e-12)
    assert "failover(node1)" not in chances
    quick = [table().events[e.event] for e in made.quick]
    assert {"takeover_done(node1)", "heartbeat_lost(node2)", "initialized(node1)"} <= set(quick)
    assert quick.index("takeover_failed(node1)") < quick.index("takeover_done(node1)")
    assert not set(quick) & set(chances)


def test_repairs_come_before_faults_and_nobody_falls_back_at_night():
    day, night = (plan(table(), way(), 3600.0, working=at_work) for at_work in (True, False))
    names = [table().events[e.event] for e in day.once]
    assert names.index("link_repair") < names.index("power_off(node1)")
    less = [table().events[e.event] for e in night.once]
    assert set(names) - set(less) == {"fallback(node1)", "fallback(node2)"}


def test_turned_plans_favour_the_other_node():
    one, two = (plan(table(), way(), 3600.0, turned=turned) for turned in (False, True))
    lost = [[e.event for e in some.quick if table().events[e.event].startswith("heartbeat_lost")]
            for some in (one, two)]
    assert lost[0] == lost[1][::-1]
    assert sorted(e.event for e in one.once) == sorted(e.event for e in two.once)


def test_a_short_step_is_no_hour():
    made = plan(table(), way(), 1.0)
    chances = {table().events[e.event]: e.chance for e in made.once}
    assert chances["takeover_done(node1)"] < 0.06
    assert chances["power_on(node1)"] == pytest.approx(1 / 3600, rel=1e-3)


def test_moves_of_another_search_make_no_plan():
    with pytest.raises(BadInput, match="another search"):
        plan(lamps(), way(), 3600.0)


def test_episodes_are_left_to_the_simulation_of_a_year():
    world = default(PRG, {"heartbeats_missed": "every 2 days"})
    with pytest.raises(BadInput, match="simulate-fleet"):
        plan(table(), moves(PRG, world, table().space), 3600.0)


def test_the_working_week_has_its_hours():
    assert sum(working(Week(), hour) for hour in range(168)) == 50
    assert [working(Week(), hour) for hour in (7, 8, 17, 18, 5 * 24 + 9, 168 + 8)] == [
        False, True, True, False, False, True]
    assert working(Week(7, 0, 24), 5 * 24)


# ------------------------------------------------------------------ Parquet


def test_a_fleet_comes_back_from_parquet():
    made = table()
    codes = np.random.default_rng(0).integers(0, len(made), 1000, np.uint32)
    names = [f"g{i}" for i in range(1000)]
    fleet, back = fleet_read(made, fleet_written(Fleet(made, codes), names))
    assert (fleet.codes == codes).all()
    assert list(back) == names
    assert fleet_read(made, fleet_written(Fleet(made, codes[:3])))[1] == ()
    assert len(fleet_read(made, fleet_written(Fleet.home(made, 0)))[0]) == 0


def test_a_file_shows_states_in_words_to_everyone():
    from pyarrow import parquet

    made = table()
    fleet = Fleet.home(made, 2).step(np.array([made.event("link_cut"), made.event("power_off(node1)")]))
    read = parquet.read_table(BytesIO(fleet_written(fleet))).to_pydict()
    assert read == {"code": fleet.codes.tolist(), "node1": ["Normal / Normal", "shows nothing"],
                    "node2": ["Normal / Normal", "Normal / Normal"]}


def test_a_machine_without_states_writes_codes_alone():
    from pyarrow import parquet

    made = Table.of(TURNSTILE)
    read = parquet.read_table(BytesIO(fleet_written(Fleet.home(made, 2)))).to_pydict()
    assert read == {"code": [0, 0]}


def test_a_large_fleet_is_small_on_the_disk():
    assert len(fleet_written(Fleet.home(table(), 100_000))) < 20_000


def test_a_fleet_of_another_machine_is_refused_in_one_line():
    data = fleet_written(Fleet.home(lamps(), 3))
    for other in (Table.of(TURNSTILE), table()):
        with pytest.raises(BadInput, match="a fleet of another machine, 'lamps'") as error:
            fleet_read(other, data)
        assert "\n" not in str(error.value)


def test_the_same_machine_under_another_policy_is_another_machine():
    assert table().digest == digest(prg().model) != digest(prg(reconnection="keep_serving").model)


@pytest.mark.parametrize(("data", "says"), [
    (b"", "not a Parquet file"), (b"PAR1", "not a Parquet file"), (b"{}" * 50, "not a Parquet file"),
    ("cut", "not a Parquet file"), ("plain", "no fleet of codes"), ("null", "1 pairs have no code"),
    ("outside", "pair 2 has the code"), ("texts", "whole numbers"),
])
def test_what_is_no_fleet_is_refused_in_one_line(data, says):
    import pyarrow as pa
    from pyarrow import parquet

    made = lamps()
    about = {"prgcore": "prgcore-fleet/1", "digest": made.digest}
    codes = {"null": [0, None], "outside": [0, 24], "texts": ["0", "1"]}
    if data == "cut":
        data = fleet_written(Fleet.home(made, 3))[:-20]
    elif isinstance(data, str):
        out = BytesIO()
        some = pa.table({"code": codes.get(data, [0, 1])})
        parquet.write_table(some if data == "plain" else some.replace_schema_metadata(about), out)
        data = out.getvalue()
    with pytest.raises(BadInput) as error:
        fleet_read(made, data)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_names_are_as_many_as_pairs():
    with pytest.raises(BadInput, match="2 names for 3 pairs"):
        fleet_written(Fleet.home(lamps(), 3), ["a", "b"])


# ------------------------------------------------------------------ the command


def test_a_week_of_a_fleet_is_on_one_page(run):
    done = run("fleet", "simulate", "--pairs", 10_000)
    assert done.code == 0
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0].startswith("10,000 pairs, 168 hours, seed 0: ")
    assert all(len(line) <= 80 for line in lines)
    assert "Both Normal" in lines[3]
    assert any("takeover_done(node1)" in line for line in lines)
    assert run("fleet", "simulate", "--pairs", 10_000).out == done.out


@pytest.mark.parametrize("how", ["--each", "--histogram"])
def test_json_has_every_hour_and_every_rule(run, how):
    done = run("fleet", "simulate", "--pairs", 2_000, "--hours", 48, "--seed", 7, how, "--json")
    told = json.loads(done.out)
    assert {k: told[k] for k in ("pairs", "hours", "seed", "machine")} == {
        "pairs": 2000, "hours": 48, "seed": 7, "machine": table().digest}
    series = np.array([one["pairs"] for one in told["displays"]])
    assert series.shape[1] == 49
    assert (series.sum(axis=0) == 2000).all()
    first = told["displays"][0]
    assert first["nodes"][0] == {"state": "normal", "reason": "normal"}
    assert first["pairs"][0] == 2000
    decisions = told["decisions"]
    assert sum(decisions["rules"].values()) == decisions["outcomes"]["done"] > 0
    assert decisions["refused"] == decisions["impossible"] == {}


def test_every_pair_is_written_to_parquet(run, tmp_path):
    file = tmp_path / "fleet.parquet"
    done = run("fleet", "simulate", "--each", "--pairs", 3_000, "--hours", 30, "-o", file, "--json")
    assert done.code == 0
    fleet, _ = fleet_read(table(), file.read_bytes())
    told = json.loads(done.out)
    ends = {tuple((n["state"], n["reason"]) if n else None for n in one["nodes"]): one["pairs"][-1]
            for one in told["displays"]}
    shown = np.bincount(fleet.shown, minlength=len(table().displays))
    for number in np.flatnonzero(shown).tolist():
        halves = tuple((str(h.state), str(h.reason)) if h else None for h in table().displays[number])
        assert ends[halves] == shown[number]


def test_words_change_the_world(run, tmp_path):
    file = tmp_path / "world.toml"
    file.write_text('[rates]\nservices_down = "never"\ndatabase_down = "never"\n'
                    'manager_stop = "never"\npower_off = "never"\nlink_cut = "never"\n'
                    'internal_error = "never"\n', "utf-8")
    calm = run("fleet", "simulate", file, "--hours", 24)
    assert calm.out.splitlines()[0].endswith("seed 0: 0 decisions that changed a pair")
    storm = run("fleet", "simulate", file, "--rate", "power_off(node2)=every 1 h", "--hours", 24, "--json")
    rules = json.loads(storm.out)["decisions"]["rules"]
    assert any(rule.endswith("@node1") for rule in rules)
    assert sum(rules.values()) > 10_000


@pytest.mark.parametrize(("words", "says"), [
    (["--pairs", "0"], "--pairs is 0"), (["--pairs", "-3"], "--pairs is -3"),
    (["--hours", "0"], "--hours is 0"), (["--hours", "1000000"], "--hours is 1000000"),
    (["--seed", "-1"], "--seed is -1"), (["--each", "--pairs", "1000000000"], "--pairs is 1000000000"),
    (["-o", "fleet.parquet"], "add --each"), (["--each", "-o", "fleet.csv"], "ends in .parquet"),
    (["--each", "-o", "nowhere/fleet.parquet"], "in a directory that exists"),
    (["--rate", "power_of=every year"], "did you mean"), (["--rate", "power_off=often"], "is not a rate"),
    (["missing.toml"], "cannot read"), (["--policy", "reconnection=perhaps"], "perhaps"),
    (["--rate", "heartbeats_missed=every 2 days"], "simulate-fleet"),
])
def test_what_is_wrong_is_said_in_one_line(bad, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    assert says in bad("fleet", "simulate", *words)
    assert not list(tmp_path.iterdir())


def test_a_machine_that_serves_nobody_is_refused(bad, tmp_path):
    file = tmp_path / "turnstile.json"
    file.write_text(dumps(TURNSTILE), "utf-8")
    assert "no rate for push" in bad("fleet", "simulate", "--machine", file)
    assert "has no goal" in bad("fleet", "simulate", "--machine", file, "--rate", "push=never")
