"""Opinions: other people's checkers agree where they should, and none can pass by a trick."""

from __future__ import annotations

import json
import os
import shlex
import sys

import pytest
from attrs import evolve

from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.exports.promises import promises
from prgcore.machine import Machine, prg
from prgcore.model import AcceptedOnly, Column, Invariant, Observation, cube
from prgcore.prove.opinions import CHECKERS, abc, checker, chosen, opinions, smt, spin
from prgcore.prove.opinions.checker import Said
from prgcore.prove.report import prove
from prgcore.prove.work import Work
from prgcore.running.processes import alive
from prgcore.vocabulary import Verdict
from prgcore.wire.machine_file import dumps
from tests import waits
from tests.needs import missing
from tests.odd import NAMES, ring
from tests.planted import FAULTS, LAMPS, NOT_INDUCTIVE

SMT = ("cvc5", "yices")


@pytest.fixture(params=sorted(CHECKERS))
def real(request):
    """Each checker, if it is installed here."""
    try:
        chosen([request.param])
    except BadInput as error:
        missing(str(error))
    return CHECKERS[request.param]


def asked(model, *checkers):
    """The report of a machine, with the opinions of these checkers."""
    machine = Machine(model)
    work = Work(machine)
    return opinions(prove(machine, work=work), work, checkers)


def said(report, name):
    return {r.id: str(r.opinions[name]) for r in report.results if name in r.opinions}


# ------------------------------------------------------------ the real checkers


def test_a_checker_takes_no_odd_name_for_another(real):
    """Each promise is broken, and one that nothing breaks is not."""
    names = NAMES[::4]
    model = evolve(ring(names), columns=(Column("node1.state", (*names, "never"), "record"),),
                   invariants=tuple(Invariant(name, f"never {name}", {"node1.state": name})
                                    for name in (*names, "never")))
    assert said(asked(model, real), real.name) == dict.fromkeys(names, "refuted") | {
        "never": "proved"}


def test_a_checker_agrees_on_every_promise_of_the_machine(real):
    report = asked(prg().model, real)
    assert report.ok
    assert said(report, real.name) == {p.id: "proved" for p in promises(prg().model)}
    (told,) = report.asked
    assert (told.opinions, told.agree, told.unknown) == (len(promises(prg().model)),) * 2 + (0,)
    assert told.version


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_checker_refutes_what_the_prover_refutes(real, fault):
    """It is compared where both were asked the same; there it never disagrees."""
    report = asked(fault.model, real)
    assert report.exit_code == fault.exit_code
    told = said(report, real.name)
    for result in report.results:
        assert result.verdict != Verdict.DISAGREE, result.detail
        if told.get(result.id) in ("proved", "refuted"):
            assert told[result.id] == result.verdict
    shown = {i for i, verdict in fault.finds.items()
             if verdict == "refuted" and i in {p.id for p in promises(fault.model)}}
    if fault.name == "overlap":
        shown.remove("F2")  # refuted by two answers, and an export asks F2 for none
    reachable = {r.id for r in report.results if r.counterexample and r.counterexample.reachable}
    assert {i for i, v in told.items() if v == "refuted"} >= shown & reachable


def test_what_is_true_and_not_inductive_is_a_question_for_some_only(real):
    report = asked(NOT_INDUCTIVE, real)
    assert report.ok
    told = said(report, real.name)
    assert told.get("S1") == (None if real.inductive else "proved")
    assert told["X2"] == told["F2"] == "proved"


def test_an_observation_is_asked_about_too(real):
    lit = cube({"node1.state": "lit", "node2.state": "lit"})
    model = evolve(NOT_INDUCTIVE, observations=(
        Observation("O1", "a burnt bulb burns", (
            cube({"node1.state": "lit", "node1.bulb": "burnt"}),), "never"),
        Observation("O2", "both burn", (lit,), "never"),
        Observation("O3", "one burns", (cube({"node1.state": "lit"}),), "never"),
    ))
    report = asked(model, real)
    assert report.exit_code == 1
    told = said(report, real.name)
    assert (told["O1"], told["O3"]) == ("proved", "refuted")
    assert told.get("O2") == (None if real.inductive else "proved")


def test_the_files_of_the_command_are_what_a_checker_reads(real, tmp_path):
    """Each file of `prgcore export` alone, as a stranger gives it to the program."""
    if real.form != "smt2":
        return
    for name, text in export(LAMPS, "smt2").items():
        (tmp_path / name).write_text(text)
        (answer,) = real.answers([name], tmp_path)
        assert answer == Said("sat" if ".witness" in name else "unsat")


# ------------------------------------------------------------------- liars


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A program in front of all others that does what a script says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return make


PROGRAM = {"cvc5": "cvc5", "yices": "yices-smt2", "abc": "berkeley-abc"}
WITNESS = 'case "$1" in *[13579].smt2) echo sat;; *) {};; esac'
"""A liar that knows which file is a witness: the second of every two."""


def counts(proved, disproved, undecided, outputs=None):
    every = proved + disproved + undecided if outputs is None else outputs
    return (f"Properties:  All = {every}. Proved = {proved}. Disproved = {disproved}. "
            f"Undecided = {undecided}.   Time =     0.01 sec")


@pytest.mark.parametrize("name", SMT)
def test_a_solver_that_refutes_what_is_proved_is_a_disagreement(fake, run, name, tmp_path):
    fake(PROGRAM[name], "echo sat")
    file = tmp_path / "lamps.json"
    file.write_text(dumps(LAMPS))
    answer = run("prove", "--machine", file, "--ask", name, "--json")
    assert answer.code == 4
    found = {o["id"]: o for o in json.loads(answer.out)["obligations"]}
    assert {i for i, o in found.items() if o["verdict"] == "disagree"} == {
        p.id for p in promises(LAMPS)}
    assert found["S1"]["opinions"] == {name: "refuted"}
    assert found["S1"]["detail"]["says"] == (
        f"{name} says refuted, and this prover proved; "
        "prgcore export smt2 writes what it was asked")
    assert "opinions" not in found["F3"]


@pytest.mark.parametrize("name", SMT)
@pytest.mark.parametrize(("script", "says"), [
    ("echo unsat", "it finds no witness that the question is not empty"),
    ("echo '(error \"line 1: unknown sort\")'", "its answer is '(error \"line 1: unknown sort\")'"),
    ("echo '(error \"x\")'; echo unsat", "its answer is '(error \"x\") unsat'"),
    ("echo unsat; echo unsat", "its answer is 'unsat unsat'"),
    ("echo unknown", "its answer is 'unknown'"),
    ("echo unsat >&2; exit 1", "exit code 1: unsat"),
    (WITNESS.format("echo UNSAT"), "its answer is 'UNSAT'"),
    (WITNESS.format("echo 'timeout'"), "its answer is 'timeout'"),
    (WITNESS.format("true"), "its answer is ''"),
    (WITNESS.format("kill -9 $$"), "exit code -9: "),
    ("echo '; unsat'", "its answer is '; unsat'"),
])
def test_a_solver_that_gives_no_answer_is_unknown(fake, name, script, says):
    fake(PROGRAM[name], script)
    report = asked(LAMPS, CHECKERS[name])
    assert report.exit_code == 3
    assert not report.ok
    assert set(said(report, name).values()) == {"unknown"}
    result = next(r for r in report.results if r.id == "S1")
    assert result.verdict == "proved"
    assert result.story == f"{name} has no opinion: {says}"
    assert report.asked[0].unknown == len(promises(LAMPS))
    assert 'message="unknown"' in report.junit()


def test_what_rests_on_an_invariant_that_is_not_proved_is_unknown(fake):
    """The solver says `unknown` to the first question about an invariant, S1, and unsat to all else."""
    at = 2 * [p.id for p in promises(LAMPS)].index("S1")
    fake("yices-smt2", f'case "$1" in {at}.smt2) echo unknown;; *) {WITNESS.format("echo unsat")};; esac')
    report = asked(LAMPS, smt.YICES)
    told = said(report, "yices")
    assert {i for i, v in told.items() if v == "proved"} == {"F1", "S3"}
    assert next(r for r in report.results if r.id == "X1").story == (
        "yices has no opinion: the step assumes S1, which it does not prove")


def test_a_solver_that_hangs_is_ended_and_unknown(fake, monkeypatch):
    fake("yices-smt2", "exec sleep 1000")
    monkeypatch.setattr(smt, "SECONDS", 0.2)
    report = asked(LAMPS, smt.YICES)
    assert report.exit_code == 3
    assert "it took more than" in next(r for r in report.results if r.id == "S1").story


@pytest.mark.parametrize(("text", "verdicts"), [
    (counts(3, 0, 0), "unknown unknown unknown"),  # no invariant was verified
    ("Verification of invariant with 4 clauses was successful.\n" + counts(3, 0, 0),
     "proved proved proved"),
    ("Verification of invariant with 4 clauses has failed.\n" + counts(3, 0, 0),
     "unknown unknown unknown"),
    ("Output  1 was asserted in frame  5 ( 5) (solved  1 out of  3 outputs).\n"
     "Verification of invariant with 4 clauses was successful.\n" + counts(2, 1, 0),
     "proved refuted proved"),
    ("Output  1 was asserted in frame  5 ( 5) (solved  1 out of  3 outputs).\n"
     "Reached timeout (1 seconds) in frame 6.\n" + counts(1, 1, 1), "unknown refuted unknown"),
    ("Verification of invariant with 4 clauses was successful.\n" + counts(2, 1, 0),
     "unknown unknown unknown"),  # one is counted as disproved, and not named
    ("Verification of invariant with 4 clauses was successful.\n" + counts(2, 0, 0),
     "unknown unknown unknown"),  # an output is not counted
    ("Verification of invariant with 4 clauses was successful.\n" + counts(2, 0, 0, 3),
     "unknown unknown unknown"),
    ("Output 0 was asserted in frame 14.\nAbc_NtkDarPdr(): Counter-example verification has "
     "FAILED.\n" + counts(2, 1, 0), "unknown unknown unknown"),
    ('Cannot open input file "never.aig".', "unknown unknown unknown"),
    ("Error: Empty network.\n" + counts(3, 0, 0), "unknown unknown unknown"),
    ("", "unknown unknown unknown"),
    ("Property proved.  Time =     0.12 sec", "unknown unknown unknown"),
])
def test_the_text_of_abc_decides_and_its_exit_code_does_not(text, verdicts):
    assert " ".join(o.verdict for o in abc.read(Said(text), 3)) == verdicts
    assert {o.verdict for o in abc.read(Said(text, "exit code 1"), 3)} == {"unknown"}


def test_abc_that_proves_everything_is_not_believed(fake):
    """It also says that what must be reached never is."""
    number = len(promises(LAMPS))
    reached = sum(len(p.reached) for p in promises(LAMPS))
    verified = "Verification of invariant with 4 clauses was successful."
    fake("berkeley-abc", f'case "$3" in *never*) echo "{verified}"; echo "{counts(number, 0, 0)}";; '
                         f'*) echo "{verified}"; echo "{counts(reached, 0, 0)}";; esac')
    report = asked(LAMPS, abc.ABC)
    assert set(said(report, "abc").values()) == {"unknown"}
    assert report.exit_code == 3


def test_abc_that_refutes_what_is_proved_is_a_disagreement(fake):
    number = len(promises(LAMPS))
    reached = sum(len(p.reached) for p in promises(LAMPS))
    lines = "\n".join(f"Output {n} was asserted in frame 3" for n in range(reached))
    verified = "Verification of invariant with 4 clauses was successful."
    fake("berkeley-abc", f'case "$3" in *never*) printf "Output 2 was asserted in frame 2\\n{verified}\\n"; '
                         f'echo "{counts(number - 1, 1, 0)}";; *) echo "{lines}"; '
                         f'echo "{counts(0, reached, 0)}";; esac')
    report = asked(LAMPS, abc.ABC)
    assert report.exit_code == 4
    third = promises(LAMPS)[2].id
    assert {r.id for r in report.results if r.verdict == "disagree"} == {third}
    assert said(report, "abc") == {
        p.id: "refuted" if p.id == third else "proved" for p in promises(LAMPS)}


def test_an_opinion_never_improves_a_verdict(fake):
    """Both liars call a broken machine proved."""
    fault = next(f for f in FAULTS if f.name == "broken invariant")
    fake("yices-smt2", WITNESS.format("echo unsat"))
    report = asked(fault.model, smt.YICES)
    assert report.exit_code == 4
    assert {r.id for r in report.results if r.verdict == "disagree"} == {"S1", "X1", "X2"}
    assert not {r.id for r in report.results if r.verdict == "proved"} & {"S1", "X1", "X2"}


def spun(errors=0, pairs=4, steps=7, more="", before=""):
    return (f"{before}Full statespace search for:\n\nState-vector 20 byte, depth reached 8, errors: "
            f"{errors}\n        {pairs} states, stored\n        {steps} transitions (= stored+matched)\n"
            f"{more}")


@pytest.mark.parametrize(("text", "broken", "failed", "cut"), [
    (spun(), set(), "", ""),
    (spun(2, before="pan:1: assertion violated (0>3) (at depth 2)\n"), {3}, "", ""),
    (spun(1), set(), "it counts 1 errors, and names 0 promises", ""),
    (spun(0, before="pan:1: assertion violated (0>3) (at depth 2)\n"), set(),
     "it counts 0 errors, and names 1 promises", ""),
    (spun(more="Warning: Search not completed\n"), set(), "", "Warning: Search not completed"),
    (spun(before="error: max search depth too small\n"), set(), "",
     "error: max search depth too small"),
    (spun(more="pan: out of memory\n"), set(), "", "pan: out of memory"),
    (spun(spin.MOST, before="pan:1: assertion violated (0>0) (at depth 2)\n"), {0}, "",
     "it stopped after many errors"),
    (spun().replace("Full statespace", "Bit statespace"), set(), "it does not count", ""),
    (spun() + spun(), set(), "it does not count", ""),
    (spun().replace("states, stored", "states"), set(), "it does not count", ""),
    ("", set(), "it does not count", ""), ("errors: 0", set(), "it does not count", ""),
])
def test_the_text_of_spin_decides(text, broken, failed, cut):
    found = spin.read(Said(text))
    assert (set(found.broken), found.failed[:len(failed) or 1]) == (broken, failed)
    assert found.cut == cut
    assert spin.read(Said(text, "exit code 1")).failed == "exit code 1"


PAN = """cat > pan <<'END'
#!/bin/sh
printf '%s' '{}'
END
chmod +x pan
"""


@pytest.mark.parametrize(("text", "code"), [
    (spun(0, 38, 107), 4),  # a step too few
    (spun(0, 37, 108), 4),  # a pair too few
    (spun(more="Warning: Search not completed\n"), 3),
    ("Segmentation fault", 3),
])
def test_spin_that_searches_something_else_is_not_believed(fake, text, code):
    fake("spin", "true")
    fake("cc", PAN.format(text))
    report = asked(LAMPS, spin.SPIN)
    assert report.exit_code == code
    assert "proved" not in said(report, "spin").values()
    disagree = {r.id for r in report.results if r.verdict == "disagree"}
    assert disagree == ({p.id for p in promises(LAMPS)} if code == 4 else set())


def test_spin_that_finds_the_same_is_believed(fake):
    from prgcore.prove.space import search

    space = search(LAMPS)
    steps = sum(len(e.source) for e in space.edges if e.rule.then)
    fake("spin", "true")
    fake("cc", PAN.format(spun(0, len(space), steps + 1)))
    assert set(said(asked(LAMPS, spin.SPIN), "spin").values()) == {"proved"}


# ---------------------------------------------------------------- missing ones


@pytest.mark.parametrize(("name", "says"), [
    ("abc", ("no program berkeley-abc or yosys-abc or abc is found to ask: install ABC "
             "(apt install berkeley-abc, or yosys-abc of yosys)")),
    ("cvc5", "no program cvc5 is found to ask: pip install 'prgcore[opinions]', or install cvc5"),
    ("yices", ("no program yices-smt2 is found to ask: pip install 'prgcore[opinions]', or "
               "install Yices 2")),
    ("spin", "no program spin is found to ask: install SPIN (apt install spin)"),
])
def test_a_checker_that_is_missing_says_what_to_install(bad, monkeypatch, name, says):
    monkeypatch.setattr(checker, "which", lambda _: None)
    monkeypatch.setattr(checker.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(smt, "find_spec", lambda _: None)
    assert bad("prove", "--ask", name) == says
    assert bad("prove", "--ask", "all").startswith("no program berkeley-abc")


def test_a_program_that_cannot_be_run_is_unknown(tmp_path):
    assert checker.run([str(tmp_path)], 5, tmp_path).failed.startswith("it cannot be run: ")


def test_what_a_program_starts_ends_with_it(tmp_path):
    """A wrapper script starts another program; both are ended."""
    mark = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {shlex.quote(str(mark))}; wait"
    assert checker.run(["sh", "-c", script], 1, tmp_path).failed == "it took more than 1 s"
    pid = int(mark.read_text())
    waits.once(lambda: not alive(pid))


@pytest.mark.parametrize(("words", "says"), [
    (["--ask", "z4"], "unknown checker 'z4'"),
    (["--ask", "yices", "proofs"], "--ask is about the promises of the machine"),
    (["--ask", "yices", "--list"], "--list does not go with --ask"),
])
def test_what_cannot_be_asked_is_one_line(bad, words, says):
    assert says in bad("prove", *words)


def test_a_name_is_asked_once_and_all_are_all(monkeypatch):
    monkeypatch.setattr(checker, "which", lambda name: f"/usr/bin/{name}")
    assert [c.name for c in chosen(["yices", "yices", "abc"])] == ["abc", "yices"]
    assert [c.name for c in chosen(["yices", "all"])] == sorted(CHECKERS)
    assert chosen([]) == ()


# ------------------------------------------------------------------- the page


def test_the_page_has_a_column_for_opinions(fake, run, tmp_path):
    file = tmp_path / "lamps.json"
    file.write_text(dumps(LAMPS))
    fake("yices-smt2", WITNESS.format("echo unsat"))
    fake("cvc5", "echo no")
    out = run("prove", "--machine", file, "--ask", "yices", "--ask", "cvc5").out
    head, *lines = out.splitlines()
    assert head.split() == ["id", "verdict", "method", "s", "also", "obligation"]
    assert next(line for line in lines if line.startswith("S1 ")).split()[4:6] == ["cvc5?", "yices"]
    assert next(line for line in lines if line.startswith("F3 ")).split()[4] == "the"
    number = len(promises(LAMPS))
    assert f"{number} opinions, 0 agree, {number} unknown" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "also" not in run("prove", "--machine", file).out.splitlines()[0]


def test_a_python_package_answers_in_a_process_of_its_own(monkeypatch, tmp_path):
    """Where there is no program cvc5, the package reads all files in one process."""
    if smt.find_spec("cvc5") is None:
        missing("the Python package cvc5 is not installed")
    monkeypatch.setattr(smt, "found", lambda *_: (_ for _ in ()).throw(BadInput("none")))
    (tmp_path / "good.smt2").write_text("(set-logic QF_BV)\n(assert false)\n(check-sat)\n(exit)\n")
    (tmp_path / "bad.smt2").write_text("(set-logic QF_BV)\n(assert nothing)\n(check-sat)\n")
    assert smt.CVC5.program()[0] == sys.executable
    good, wrong, absent = smt.CVC5.answers(["good.smt2", "bad.smt2", "none.smt2"], tmp_path)
    assert good == Said("unsat")
    assert wrong.text.startswith("error: ")
    assert absent.text.startswith("error: ")


def test_an_opinion_about_another_question_is_no_disagreement():
    """A guard check may fail in a pair that is never reached, where ABC does not look."""
    try:
        chosen(["abc", "yices"])
    except BadInput as error:
        missing(str(error))
    beside = ("dark", "warming")
    wide = evolve(LAMPS, accepted_only=(
        AcceptedOnly("S2", "rest(node1)", (cube({"node2.state": beside}),), "not beside a lit one"),
        AcceptedOnly("S2", "rest(node2)", (cube({"node1.state": beside}),), "not beside a lit one"),
    ))
    report = asked(wide, abc.ABC, smt.YICES)
    assert {r.id for r in report.results if r.verdict == "refuted"} == {"F5", "S2"}
    assert next(r for r in report.results if r.id == "S2").opinions == {"yices": "refuted"}
    assert report.exit_code == 1
