"""Promela: SPIN finds the same pairs and the same steps, and breaks what is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.exports.promela import FLAGS, OPTIONS
from prgcore.exports.promises import promises
from prgcore.machine import Machine, prg
from prgcore.model import Invariant, Model
from prgcore.prove.opinions import opinions
from prgcore.prove.opinions.spin import SPIN
from prgcore.prove.report import prove
from prgcore.prove.space import search
from prgcore.prove.work import Work
from prgcore.vocabulary import Outcome
from tests.needs import missing
from tests.odd import CLASH, LARGE, RING, SEVERAL, SWAP
from tests.planted import FAULTS, LAMPS
from tests.toys import TURNSTILE


def _spin(text: str, folder: Path) -> str:
    """What a search by SPIN prints, run by hand as the head of the file says."""
    for program in ("spin", "cc"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    (folder / "machine.pml").write_text(text, "utf-8")
    flags = FLAGS if "\nhidden " in text else (*FLAGS, "-DBFS")
    made = [["spin", *OPTIONS, "machine.pml"], ["cc", *flags, "-w", "-o", "pan", "pan.c"]]
    for command in made:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["./pan", "-m100000", "-c5000"], cwd=folder, capture_output=True,
                          text=True, check=False)
    assert "Full statespace search" in done.stdout
    assert "not completed" not in done.stdout
    return done.stdout


def _counts(said: str) -> tuple[int, int, int]:
    """Pairs, steps and errors."""
    errors, = re.findall(r"errors: (\d+)", said)
    stored, = re.findall(r"(\d+) states, stored", said)
    steps, = re.findall(r"(\d+) transitions \(= stored\+matched\)", said)
    return int(stored), int(steps) - 1, int(errors)


def _ours(model: Model) -> tuple[int, int, int]:
    """The same by this prover; a choice among initial pairs is a state and steps of SPIN's own."""
    space = search(model)
    steps = sum(len(e.source) for e in space.edges
                if e.rule.outcome is Outcome.DONE and e.rule.then)
    several = len(model.initial) > 1
    return len(space) + several, steps + several * len(model.initial), 0


def _text(model: Model, *only: str) -> str:
    text = export(model, "promela", only)["machine.pml"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE, SWAP, SEVERAL, CLASH, RING],
                         ids=lambda m: m.name[:6])
def test_spin_finds_the_same_pairs_and_steps(model: Model, tmp_path: Path) -> None:
    said = _spin(_text(evolve(model, invariants=())), tmp_path)
    assert _counts(said) == _ours(model)


def test_a_column_may_have_more_values_than_a_byte(tmp_path: Path) -> None:
    assert _counts(_spin(_text(LARGE), tmp_path)) == (300, 300, 0)


def test_a_column_that_nothing_reads_is_no_disagreement() -> None:
    for program in ("spin", "cc"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    machine = Machine(evolve(CLASH, invariants=()))
    work = Work(machine)
    report = opinions(prove(machine, work=work), work, (SPIN,))
    assert {r.id: str(o) for r in report.results for o in r.opinions.values()} == {"F2": "proved"}


def test_spin_finds_all_pairs_of_the_machine_and_no_broken_promise(tmp_path: Path) -> None:
    said = _spin(_text(prg().model), tmp_path)
    assert _counts(said) == _ours(prg().model)
    assert _counts(said)[0] == 825_920


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.finds.get("S1") == "refuted"], ids=lambda f: f.name)
def test_a_broken_promise_is_named_by_its_number(fault, tmp_path: Path) -> None:
    said = _spin(_text(fault.model), tmp_path)
    numbers = {int(n) for n in re.findall(r"assertion violated \(0>(\d+)\)", said)}
    assert "S1" in {promises(fault.model)[n].id for n in numbers}


def test_one_promise_alone(tmp_path: Path) -> None:
    broken = evolve(SWAP, invariants=(*SWAP.invariants, Invariant("S2", "so", {"third": "y"})))
    said = _spin(_text(broken, "S2"), tmp_path)
    assert set(re.findall(r"assertion violated \(0>(\d+)\)", said)) == {"0"}
    with pytest.raises(BadInput, match="S9"):
        export(broken, "promela", ["S9"])


def test_columns_that_read_each_other_wait_and_others_do_not() -> None:
    assert "hidden byte" in _text(SWAP)
    assert "hidden" not in _text(prg().model)
    assert "short c_many" in _text(LARGE)


def test_the_same_machine_gives_the_same_bytes() -> None:
    assert _text(prg().model) == _text(prg().model)
