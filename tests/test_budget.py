"""A run that may not take long, or much memory: what is known by then, and exit code 3."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted
from prgcore.model import Column, Event, Invariant, Model, Possible, Rule
from prgcore.prove import budget
from prgcore.prove.budget import Budget, running, tick
from prgcore.prove.report import prove
from prgcore.prove.several import prove_each
from prgcore.prove.space import search
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import digest, dumps
from tests.planted import FAULTS, LAMPS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = tuple(f"g{n % 3}.x{n}" for n in range(9))
SWITCHES = Model(
    name="switches",
    columns=(*(Column(n, ("no", "yes")) for n in NAMES), Column("g0.never", ("no", "yes"))),
    initial=(tuple((n, "no") for n in (*NAMES, "g0.never")),),
    events=(
        *(Event(f"flip{n}", Kind.FAULT, "environment", seated=False) for n in range(9)),
        Event("reset", Kind.COMMAND, "administrator", seated=False)),
    possible=tuple(Possible(f"flip{n}", {}) for n in range(9)),
    rules=(
        *(Rule(f"R{n}{old}", f"flip{n}", {name: old}, {name: new})
          for n, name in enumerate(NAMES) for old, new in (("no", "yes"), ("yes", "no"))),
        Rule("R9", "reset", {NAMES[0]: "yes"}, {NAMES[0]: "no"})),
    invariants=(Invariant("S1", "one stays", {"g0.never": "yes"}),),
)
"""Every switch is flipped at any time, and one can be reset: 512 pairs, 4,864 steps. Its large sister has millions."""
SEARCHED = {"F4", "F7", "F11", "E1", "E2"}
"""The obligations of the switches that only a search decides."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever somebody looks at it."""
    ticks = count()
    monkeypatch.setattr(budget, "perf_counter", lambda: float(next(ticks)))


def _verdicts(**options: Any) -> dict[str, str]:
    found = prove(Engine(SWITCHES), **options).results
    return {r.id: r.verdict for r in found if r.verdict != "not_applicable"}


def test_with_time_enough_all_is_decided() -> None:
    assert len(search(SWITCHES)) == 512
    assert set(_verdicts(budget=9999.0, memory=1 << 45).values()) == {"proved"}


@pytest.mark.usefixtures("clock")
def test_what_is_not_decided_in_time_is_unknown() -> None:
    found = prove(Engine(SWITCHES), budget=1.0)
    assert found.exit_code == 3
    assert not [r for r in found.results if r.verdict not in ("unknown", "not_applicable", "proved")]
    assert {r.id for r in found.results if r.verdict == "unknown"} >= SEARCHED
    assert all(r.detail["says"].endswith("the budget of 1 s is used up")
               for r in found.results if r.id in SEARCHED)


@pytest.mark.usefixtures("clock")
def test_a_search_leaves_time_for_what_induction_can_prove() -> None:
    found = prove(Engine(SWITCHES), only=["F4", "S1"], budget=400.0).results
    assert {r.id: r.verdict for r in found} == {"F4": "unknown", "S1": "proved"}
    assert found[0].detail["says"].startswith("half of the budget of 400 s is used up: ")
    assert found[0].detail["says"].endswith(" pairs found")


def test_what_needs_more_memory_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    used = count(10**8, 10**6)
    monkeypatch.setattr(budget, "_used", lambda: next(used))
    found = prove(Engine(SWITCHES), only=["F4", "S1"], memory=11 * 10**7)
    assert found.exit_code == 3
    assert found.results[0].detail["says"].startswith("the limit of 110 MB of memory is reached")


def test_an_array_that_does_not_fit_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_used", lambda: 10**6)
    with running(Budget(memory=2 * 10**6)):
        tick(more=10**6)
        with pytest.raises(BudgetExhausted, match="the limit of 2 MB of memory is reached"):
            tick(more=10**6 + 1)
    tick(more=10**12)


def test_where_memory_cannot_be_read_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_used", lambda: None)
    with pytest.raises(BadInput, match="leave out the limit of memory"):
        Budget(memory=1)


def test_memory_is_read_from_this_process() -> None:
    used = budget._used()
    assert used is not None
    assert 10**6 < used < 1 << 40


def test_without_a_search_induction_and_table_still_decide() -> None:
    found = prove(Engine(SWITCHES), symbolic=True)
    by_id = {r.id: r for r in found.results}
    assert {id_ for id_, r in by_id.items() if r.verdict == "unknown"} == SEARCHED
    assert {id_: by_id[id_].verdict for id_ in ("F1", "F2", "S1")} == dict.fromkeys(
        ("F1", "F2", "S1"), "proved")
    assert by_id["F2"].detail["pairs searched"] == "none"
    assert by_id["S1"].detail["vacuity"] == "not checked: no search"
    assert found.exit_code == 3


def test_without_a_search_nothing_is_proved_that_a_search_refutes() -> None:
    for fault in FAULTS:
        whole = {r.id: r.verdict for r in prove(Engine(fault.model)).results}
        for r in prove(Engine(fault.model), symbolic=True).results:
            if r.verdict == "proved" and "vacuity" not in r.detail:
                assert whole[r.id] == "proved", (fault.name, r.id)
            if r.verdict == "proved":
                assert whole[r.id] in ("proved", "vacuous", "refuted"), (fault.name, r.id)


@pytest.mark.usefixtures("clock")
def test_what_takes_more_than_a_second_is_told() -> None:
    told: list[str] = []
    prove(Engine(SWITCHES), progress=lambda name, *_: told.append(name))
    pairs = [int(t.split()[1].replace(",", "")) for t in told if t.endswith("pairs found")]
    assert pairs == sorted(pairs)
    assert pairs[0] < pairs[-1]
    assert {"F4", "E1", "E1 steps, taken by the interpreter too"} <= {*told}


@pytest.mark.usefixtures("clock")
def test_progress_and_ways_home_are_told_too() -> None:
    told: list[str] = []
    prove(Engine(LAMPS), only=["L1", "L2"], progress=lambda name, *_: told.append(name))
    assert {"L1 chains of timers and completions", "L2 ways home"} <= {*told}


def test_a_second_that_has_not_passed_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "perf_counter", lambda: 0.0)
    told: list[str] = []
    with running(Budget(listen=told.append)):
        for _ in range(10):
            tick("working")
    assert told == []


# ------------------------------------------------------------------ the command


@pytest.fixture
def switches(tmp_path: Path) -> str:
    file = tmp_path / "switches.json"
    file.write_text(dumps(SWITCHES), encoding="utf-8")
    return str(file)


def test_the_command_says_what_it_leaves_out(run: Any, switches: str) -> None:
    answer = run("prove", "--machine", switches, "--symbolic")
    assert answer.code == 3
    assert "unknown: F4, F7, F11, E1, E2\nnot searched: --symbolic leaves out every search" in (
        answer.out)
    assert answer.out.count("leaves out every search") == 1


def test_what_does_not_apply_is_one_line(run: Any, switches: str) -> None:
    answer = run("prove", "--machine", switches)
    lines = [line for line in answer.out.splitlines() if "not applicable" in line]
    assert len(lines) == 2
    assert lines[0].startswith("31 are not applicable: F3, F5, F8 to F10, S18, C1 to C5, ")
    assert lines[1].startswith("9 proved, 31 not applicable in ")
    one = run("prove", "--machine", switches, "--only", "F3", "--only", "F4")
    assert "the machine is the same from both seats (the machine has no mirror" in " ".join(
        one.out.split())
    found = json.loads(run("prove", "--machine", switches, "--json").out)["obligations"]
    assert sum(o["verdict"] == "not_applicable" for o in found) == 31


@pytest.mark.parametrize(("option", "value"), [
    ("--budget", "0"), ("--budget", "-1"), ("--budget", "soon"), ("--budget", "1e9"),
    ("--budget", ""), ("--memory", "0"), ("--memory", "2T"), ("--memory", "much"),
    ("--memory", "1.5G"), ("--memory", "900"), ("--memory", "\u0661"),
])
def test_a_budget_that_is_none_is_one_clear_line(bad: Any, option: str, value: str) -> None:
    assert f"{option} {value!r}: expected " in bad("prove", option, value)


def test_sizes_are_read(run: Any, switches: str) -> None:
    for size in ("20G", "20000M", "20000mb", "20gb"):  # the tests before it are in memory too
        assert run("prove", "--machine", switches, "--memory", size, "--budget", "600").code == 0


def test_several_machines_are_proved_in_processes_of_their_own() -> None:
    models = [SWITCHES, LAMPS, evolve(SWITCHES, invariants=())]
    told: list[tuple[str, int, int]] = []
    found = list(prove_each(models, {"only": ("F4",)}, lambda *said: told.append(said), workers=2))
    assert [r.results[0].detail["pairs"] for r in found] == [512, 24, 512]
    assert [r.digest for r in found] == [digest(model) for model in models]
    assert [(done, total) for _, done, total in told] == [(0, 3), (1, 3), (2, 3)]
