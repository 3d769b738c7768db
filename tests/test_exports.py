"""Exports: what a format writes is the table, and real consumers read it as we mean it."""

from __future__ import annotations

import re
from random import Random

import pytest
import z3
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports import FORMATS, export
from prgcore.exports.formula import FALSE, TRUE, Every, Formula, Not, Some, Table, every, no, some
from prgcore.exports.names import Names
from prgcore.exports.promises import promises
from prgcore.machine import prg
from prgcore.model import (
    Cell,
    Invariant,
    Model,
    Observation,
    cube,
)
from tests.odd import CLASH, NAMES, ODD, RING
from tests.planted import FAULTS, LAMPS, NOT_INDUCTIVE, report
from tests.toys import LAMPS as TOY
from tests.toys import TURNSTILE

MACHINES = {"prg": prg().model, "planted": LAMPS, "toy": TOY, "turnstile": TURNSTILE}


def answers(files: dict[str, str]) -> dict[str, str]:
    """What z3 says to each question; it reads the text and nothing else."""
    found = {}
    for name, text in files.items():
        solver = z3.Solver(ctx=z3.Context())
        solver.from_string(text)
        found[name] = str(solver.check())
    return found


# ------------------------------------------------------------------- formulas


def holds(formula: Formula, pair: dict[str, str]) -> bool:
    match formula:
        case Cell(column, values):
            return pair[column] in values
        case Not(inner):
            return not holds(inner, pair)
        case Every(parts):
            return all(holds(p, pair) for p in parts)
        case Some(parts):
            return any(holds(p, pair) for p in parts)


@pytest.mark.parametrize("model", [LAMPS, TOY, TURNSTILE], ids=lambda m: m.name)
def test_formulas_say_what_the_interpreter_does(model: Model) -> None:
    """Of every pair of small machines: what is possible, what fires, and every cell afterwards."""
    from itertools import product

    table, engine = Table(model), Engine(evolve(model, invariants=()))
    stored = [c.name for c in table.stored]
    cells = [Cell(c.name, (v,)) for c in model.columns for v in c.domain]
    for values in product(*(table.columns[s].domain for s in stored)):
        pair = engine.pair(dict(zip(stored, values, strict=True)))
        whole = {c.name: pair[c.name] for c in model.columns}
        for event in model.events:
            possible = holds(table.happens(event.name), whole)
            assert possible == engine.possible(pair, event.name)
            firing = [r for r in table.rules[event.name] if holds(table.fires(r), whole)]
            if not possible or not firing:
                assert not firing
                continue
            decision = engine.step(pair, event.name)
            assert firing == [decision.rule]
            for cell in cells:
                before = table.after(firing[0], cell)
                assert holds(before, whole) == (decision.pair[cell.column] in cell.values)


def test_constants_fold() -> None:
    one, other = Cell("a", ("x", "y")), Cell("a", ("y", "z"))
    assert every([one, other]) == Cell("a", ("y",))
    assert every([one, Cell("a", ("z",))]) == FALSE
    assert every([]) == TRUE == no(FALSE)
    assert some([]) == FALSE == no(TRUE)
    assert some([one, TRUE]) == TRUE
    assert every([one, some([])]) == FALSE
    assert no(no(one)) == one
    assert every([Cell("b", ("x",)), every([one, other])]) == Every((Cell("b", ("x",)), Cell("a", ("y",))))


def test_no_two_names_are_one_word() -> None:
    names = Names()
    words = [names.word(n, p) for p in ("a_", "b_") for n in ("x.y", "x_y", "x y", "x.y", "é" * 99)]
    assert words == ["a_x_y", "a_x_y_2", "a_x_y_3", "a_x_y", "a_" + "_" * 60,
                     "b_x_y", "b_x_y_2", "b_x_y_3", "b_x_y", "b_" + "_" * 60]
    folded = Names(same_case=True)
    assert [folded.word(n) for n in ("Up", "up", "UP")] == ["Up", "up_2", "UP_3"]


def test_a_number_at_the_end_meets_no_other_name() -> None:
    names = Names()
    assert len({names.word(n) for n in ("x", "x_2", "x y", "x_y", "x_y_2", "x.y")}) == 6


# ----------------------------------------------------------------- SMT-LIB 2


@pytest.mark.parametrize("name", ["prg", "planted", "turnstile"])
def test_every_promise_is_unsat_and_every_witness_sat(name: str) -> None:
    said = answers(export(MACHINES[name], "smt2"))
    assert said == {n: "sat" if ".witness" in n else "unsat" for n in said}
    assert len(said) == 2 * len(promises(MACHINES[name]))


def test_what_the_prover_refutes_is_sat() -> None:
    said = answers(export(TOY, "smt2"))
    refuted = {r.id for r in report(TOY).results if r.verdict == "refuted"}
    assert {n.removesuffix(".smt2") for n, a in said.items() if a == "sat"} >= {"S1", "S3"}
    for promise in promises(TOY):
        assert (said[f"{promise.id}.smt2"] == "sat") == (promise.id in refuted)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_planted_fault_is_found_where_a_question_is_about_it(fault) -> None:
    said = answers(export(fault.model, "smt2"))
    ids = {p.id for p in promises(fault.model)}
    bad = {n.partition(".")[0] for n, a in said.items()
           if a != ("sat" if ".witness" in n else "unsat")}
    assert bad <= set(fault.finds)
    assert bool(bad) == bool(ids & set(fault.finds))


def test_a_step_assumes_only_what_is_given() -> None:
    from prgcore.exports.smt2 import smt2

    assert answers(smt2(NOT_INDUCTIVE, ["S1"])) == {"S1.smt2": "sat"}
    assert answers(smt2(LAMPS, ["S1"])) == {"S1.smt2": "unsat"}
    assert answers(smt2(LAMPS, ["S1"], given=["S1", "X2"])) == {"S1.smt2": "sat"}


def test_an_observation_that_promises_never_is_a_promise() -> None:
    burning = cube({"node1.state": "lit", "node1.bulb": "burnt"})
    both = cube({"node1.state": "warming", "node2.state": "warming"})
    model = evolve(LAMPS, observations=(
        Observation("O1", "a burnt bulb burns", (burning,), "never"),
        Observation("O2", "both warm", (both,)), Observation("O3", "it burns", (both,), "reached"),
    ))
    assert [p.id for p in promises(model) if p.id[0] == "O"] == ["O1"]
    assert answers(export(model, "smt2", ["O1", "O1.witness"])) == {
        "O1.smt2": "unsat", "O1.witness.smt2": "sat"}
    wrong = evolve(model, observations=(
        Observation("O1", "a lamp warms", (cube({"node1.state": "warming"}),), "never"),))
    assert answers(export(wrong, "smt2", ["O1"])) == {"O1.smt2": "sat"}


def test_an_initial_pair_is_asked_about() -> None:
    lit = tuple((n, "lit" if n.endswith("state") else v) for n, v in LAMPS.initial[0])
    begun = evolve(LAMPS, initial=(*LAMPS.initial, lit))
    assert answers(export(begun, "smt2", ["S1", "X2"])) == {"S1.smt2": "sat", "X2.smt2": "unsat"}


@pytest.mark.parametrize("name", MACHINES)
def test_the_text_keeps_to_what_every_solver_reads(name: str) -> None:
    for text in export(MACHINES[name], "smt2").values():
        assert text.isascii()
        assert text.count("(check-sat)") == 1
        assert "(let" not in text
        assert set(re.findall(r"^\(([a-z-]+)", text, re.MULTILINE)) <= {
            "set-logic", "declare-fun", "define-fun", "assert", "check-sat", "exit"}
        names = re.findall(r"^\((?:declare|define)-fun (\S+)", text, re.MULTILINE)
        assert len(names) == len(set(names))
        assert all(f" () {sort}" in text for sort in ("Bool",) if "define-fun" in text)


def test_names_of_any_kind_are_written_so_that_they_are_read() -> None:
    said = answers(export(ODD, "smt2"))
    assert said == {
        "F1.smt2": "unsat", "F1.witness.smt2": "sat", "F2.smt2": "unsat", "F2.witness.smt2": "sat",
        "S_1.smt2": "unsat", "S_1.witness.smt2": "sat",
        "s_1_2.smt2": "unsat", "s_1.witness_2.smt2": "sat",
    }
    for name in NAMES[::4]:  # each is broken, because the ring comes round
        broken = Invariant(name, f"never {name}", {"node1.state": name})
        assert set(answers(export(evolve(RING, invariants=(broken,)), "smt2", [name])).values()) == {"sat"}
    said = answers(export(CLASH, "smt2"))
    assert said == {n: "sat" if ".witness" in n else "unsat" for n in said}


# --------------------------------------------------------------------- AIGER


class Graph:
    """A reader of binary AIGER, written from its specification, which takes one step at a time."""

    def __init__(self, data: bytes) -> None:
        head, rest = data.split(b"\n", 1)
        kind, *counts = head.split()
        assert kind == b"aig"
        self.size, inputs, latches, outputs, gates = map(int, counts)
        *lines, rest = rest.split(b"\n", latches + outputs)
        self.next = [int(line) for line in lines[:latches]]
        self.outputs = [int(line) for line in lines[latches:]]
        self.inputs, self.first = inputs, inputs + latches + 1
        self.gates, at = [], 0
        for n in range(gates):
            deltas = []
            for _ in range(2):
                number = shift = 0
                while rest[at] & 128:
                    number, shift, at = number | (rest[at] & 127) << shift, shift + 7, at + 1
                deltas.append(number | rest[at] << shift)
                at += 1
            one = 2 * (self.first + n) - deltas[0]
            self.gates.append((one, one - deltas[1]))
            assert 2 * (self.first + n) > one >= one - deltas[1] >= 0
        symbols, _, self.comment = rest[at:].decode().partition("\nc\n")
        self.symbols = dict(line.split(" ", 1) for line in symbols.splitlines())
        self.state = [0] * latches
        assert self.size == inputs + latches + gates

    def step(self, choice: int) -> list[int]:
        """The outputs of this step; afterwards the latches hold the next state."""
        values = [0, *(choice >> n & 1 for n in range(self.inputs)), *self.state]

        def of(literal: int) -> int:
            return values[literal >> 1] ^ (literal & 1)

        for one, other in self.gates:
            values.append(of(one) & of(other))
        self.state = [of(n) for n in self.next]
        return [of(n) for n in self.outputs]

    def pair(self, model: Model) -> dict[str, str]:
        """The pair that the latches hold."""
        bits: dict[str, int] = {}
        for n, bit in enumerate(self.state):
            column, _, place = self.symbols[f"l{n}"].removeprefix("is.").rpartition(".")
            bits[column] = bits.get(column, 0) | bit << int(place or 0) if column else 0
        return {c.name: c.domain[bits[c.name]] for c in model.columns if not c.derived}


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE, MACHINES["prg"]], ids=lambda m: m.name)
def test_a_walk_through_the_graph_is_a_walk_of_the_interpreter(model: Model) -> None:
    engine = Engine(evolve(model, invariants=()))
    graph = Graph(export(model, "aiger")["never.aig"])
    moving = [r for r in model.rules if r.then]
    rng = Random(4)
    assert not any(graph.step(0))
    assert graph.pair(model) == dict(model.initial[0])
    moved = 0
    for _ in range(400):
        choice = rng.randrange(1 << graph.inputs)
        before = engine.pair(graph.pair(model))
        rule = moving[choice] if choice < len(moving) else None
        fires = rule is not None and engine.possible(before, rule.event) and engine.holds(
            rule.when, before)
        after = engine.apply(before, rule) if fires else before
        moved += after != before
        assert not any(graph.step(choice))
        assert graph.pair(model) == {c: after[c] for c in dict(model.initial[0])}
    assert moved > 10


def test_the_inputs_choose_the_initial_pair() -> None:
    lit = tuple((n, "lit" if n == "node1.state" else v) for n, v in LAMPS.initial[0])
    model = evolve(LAMPS, initial=(*LAMPS.initial, lit))
    for choice, pair in ((0, LAMPS.initial[0]), (1, lit), (2, LAMPS.initial[0])):
        graph = Graph(export(model, "aiger")["never.aig"])
        graph.step(choice)
        assert graph.pair(model) == dict(pair)


@pytest.mark.parametrize("name", [*MACHINES, "odd"])
def test_every_latch_begins_with_0_and_every_output_has_its_own_name(name: str) -> None:
    model = MACHINES.get(name, ODD)
    for file, data in export(model, "aiger").items():
        graph = Graph(data)
        assert len(data.split(b"\n", 1)[0].split()) == 6
        assert all(line.isdigit() for line in data.split(b"\n")[1:len(graph.next) + 1])
        assert len(set(graph.symbols.values())) == len(graph.symbols)
        outputs = [v for k, v in graph.symbols.items() if k.startswith("o")]
        ids = [p.id for p in promises(model)]
        if name != "odd":
            assert outputs == (ids if file == "never.aig" else [
                f"{p.id}.witness.{n}" for p in promises(model) for n in range(1, len(p.reached) + 1)])


# ------------------------------------------------------------- the command line


def test_one_promise_is_printed_and_all_are_a_folder(run, bad, tmp_path) -> None:
    answer = run("export", "smt2", "--only", "S1")
    assert answer.code == 0
    assert answer.out == export(prg().model, "smt2", ["S1"])["S1.smt2"]
    said = bad("export", "smt2")
    files = len(export(prg().model, "smt2"))
    assert said == (
        f"smt2 writes {files} files: name a folder with -o DIR, or one promise with --only ID")
    assert bad("export", "itf").endswith(" name a folder with -o DIR, or one story with --only ID")
    folder = tmp_path / "new"
    answer = run("export", "smt2", "-o", folder)
    assert (answer.code, answer.out) == (0, f"{folder}: {files} files\n")
    assert {p.name: p.read_text() for p in folder.iterdir()} == export(prg().model, "smt2")
    file = tmp_path / "one.smt2"
    assert run("export", "smt2", "--only", "S1.witness", "-o", file).code == 0
    assert file.read_text() == (folder / "S1.witness.smt2").read_text()


@pytest.mark.parametrize(("words", "says"), [
    (["export", "smt"], f"unknown format 'smt'; known: {', '.join(sorted(FORMATS))}"),
    (["export", "smt2", "--only", "L1"], "unknown promise of this export 'L1'"),
    (["export", "smt2", "--machine", "nowhere.json"], "nowhere.json"),
    (["export", "smt2", "--only", "S1", "-o", "no/such/file"], "cannot write 'no/such/file'"),
    (["export", "smt2", "-o", "no/such/folder"], "cannot make the folder 'no/such/folder'"),
    (["export"], "Missing argument 'FORMAT'"),
])
def test_what_cannot_be_exported_is_one_line(bad, words, says, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in bad(*words)


def test_an_unknown_format_is_refused_in_python_too() -> None:
    with pytest.raises(BadInput, match="unknown format 'x'"):
        export(LAMPS, "x")
