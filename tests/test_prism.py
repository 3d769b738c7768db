"""The language of PRISM: Storm builds the same pairs and steps, and reaches what is broken."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.machine import prg
from prgcore.model import Model
from prgcore.prove.space import search
from prgcore.vocabulary import Outcome
from tests.needs import missing
from tests.odd import CLASH, LARGE, ODD, RING, SEVERAL, SWAP
from tests.planted import FAULTS, LAMPS
from tests.toys import LAMPS as TOY
from tests.toys import TURNSTILE


def _read(model: Model, folder: Path, *only: str) -> tuple[Any, list[Any]]:
    """The program and its properties, as Storm reads them."""
    if find_spec("stormpy") is None:
        missing("stormpy is not installed")
    import stormpy

    files = export(model, "prism", only)
    assert all(isinstance(text, str) and text.isascii() for text in files.values())
    for name, text in files.items():
        (folder / name).write_text(str(text), "ascii")
    program = stormpy.parse_prism_program(folder / "machine.prism").substitute_formulas()
    return program, stormpy.parse_properties(str(files["machine.props"]), program)


def _asked(
    model: Model, folder: Path, *only: str, symbolic: bool = False
) -> tuple[Any, Mapping[str, float]]:
    """The states that Storm builds, and its answer to each property."""
    program, properties = _read(model, folder, *only)
    import stormpy

    engine = stormpy.Engine.DD if symbolic else stormpy.Engine.SPARSE
    built, answers = stormpy.build_model(program, engine=engine), {}
    for asked in properties:
        result = stormpy.model_checking(built, asked, engine=engine)
        result.filter(stormpy.create_filter_initial_states(built))
        answers[asked.get_name()] = result.get_max()
    return built, answers


def _ours(model: Model) -> tuple[int, int]:
    """Pairs and choices; a pair in which nothing happens has the one choice to stay."""
    space = search(model)
    done = [e for e in space.edges if e.rule.outcome is Outcome.DONE and e.rule.then]
    moving = {int(n) for e in done for n in e.source}
    return len(space), sum(len(e.source) for e in done) + len(space) - len(moving)


@pytest.mark.parametrize(
    "model", [LAMPS, TURNSTILE, SWAP, SEVERAL, CLASH, ODD, RING, TOY], ids=lambda m: m.name[:6])
def test_storm_builds_the_same_pairs_and_steps(model: Model, tmp_path: Path) -> None:
    built, _ = _asked(model, tmp_path)
    assert (built.nr_states, built.nr_choices) == _ours(model)
    assert built.nr_transitions == built.nr_choices
    assert len(built.initial_states) == len(model.initial)


def test_a_column_may_have_more_values_than_a_byte(tmp_path: Path) -> None:
    built, _ = _asked(LARGE, tmp_path)
    assert (built.nr_states, built.nr_choices) == (300, 300)


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE, ODD, CLASH], ids=lambda m: m.name[:6])
def test_what_is_proved_is_not_reached_and_no_promise_is_empty(model: Model, tmp_path: Path) -> None:
    _, answers = _asked(model, tmp_path)
    assert answers == {n: 0 if n.startswith("P_broken_") else 1 for n in answers}
    assert set(answers) >= {"P_broken_F1", "P_reached_F1_1"}


def test_storm_finds_all_pairs_of_the_machine_and_no_broken_promise(tmp_path: Path) -> None:
    built, answers = _asked(prg().model, tmp_path, symbolic=True)
    assert built.nr_states == len(search(prg().model)) == 825_920
    assert answers == {n: 0 if n.startswith("P_broken_") else 1 for n in answers}
    assert len(answers) > 2 * len(prg().model.invariants)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.finds.get("S1") == "refuted"], ids=lambda f: f.name)
def test_a_broken_promise_is_reached(fault, tmp_path: Path) -> None:
    _, answers = _asked(fault.model, tmp_path, "S1")
    assert answers == {"P_broken_S1": 1}


def test_a_broken_initial_pair_is_reached_too(tmp_path: Path) -> None:
    lit = tuple((n, "lit" if n.endswith("state") else v) for n, v in LAMPS.initial[0])
    begun = evolve(LAMPS, initial=(*LAMPS.initial, lit))
    _, answers = _asked(begun, tmp_path, "S1", "S1.witness")
    assert answers == {"P_broken_S1": 1, "P_reached_S1_1": 1}


def test_one_promise_alone() -> None:
    text = str(export(LAMPS, "prism", ["S1.witness"])["machine.prism"])
    assert text.count("\nlabel ") == 1
    with pytest.raises(BadInput, match="S77"):
        export(LAMPS, "prism", ["S77"])


def test_the_same_machine_gives_the_same_bytes() -> None:
    assert export(prg().model, "prism") == export(prg().model, "prism")
