"""What no two nodes can promise: the theorem, that nothing of it is empty, and files of one's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.prove.impossible import read_smt2
from prgcore.prove.opinions import reading
from prgcore.prove.report import prove
from prgcore.prove.work import Judgement, Work
from prgcore.vocabulary import Verdict
from tests.needs import missing

FILE = Path(__file__).parent.parent / "proofs" / "impossible.smt2"
TEXT = FILE.read_text("utf-8")

SMALL = """
(set-info :says "p and q are not both so")
(declare-const p Bool)
(declare-fun q () Bool)
(assert (not (and p q)))
(check-sat-assuming (p q))
(check-sat-assuming (q))
(check-sat-assuming (p))
(get-value (p q))
"""


def judged(text: str) -> Judgement:
    return read_smt2(text, "it", "file").run(Work(PRG))


def test_the_theorem_is_proved_and_each_line_of_it_is_needed() -> None:
    result, = prove(PRG, paths=[FILE]).results
    assert (result.id, result.verdict, result.model) == ("impossible", "proved", "D")
    serves = {way["without"]: "".join("ny"[v] for v in way["values"].values())
              for way in result.detail["ways out"]}
    # A serves after a crash of B, B after one of A, A in a cut, B in a cut
    assert serves == {"a": "nyny", "b": "ynyn", "c": "yyyy",
                      "silent_B": "yyny", "silent_A": "yyyn", "alone": "yyyn"}


def test_a_witness_whose_bit_both_may_have_is_not_enough() -> None:
    """The way out without `alone` is the exclusive bit. So c does not follow from any bit."""
    both = TEXT.replace("(assert (not (and (told_A cut) (told_B cut))))",
                        "(assert (= (told_A cut) (told_B cut)))")
    assert both != TEXT
    found = judged(both)
    assert found.verdict is Verdict.PROVED  # a bit that tells both the same may still favour one
    same = both.replace("(declare-fun rules_of_B (View Bool) Bool)",
                        "(declare-fun rules_of_B (View Bool) Bool)\n"
                        "(assert (= (told_A cut) (told_A B_down)))\n"
                        "(assert (= (told_B cut) (told_B A_down)))")
    found = judged(same)
    assert found.verdict is Verdict.VACUOUS  # a bit that is the same in the cut is not a way out
    assert "without alone" in found.detail["says"]


@pytest.mark.parametrize("command", ["z3", "yices-smt2 --incremental", "cvc5"])
def test_other_solvers_answer_the_same_of_the_file_as_it_is(command: str) -> None:
    words = command.split()
    program = shutil.which(words[0], path=str(Path(sys.executable).parent)) or shutil.which(words[0])
    if command == "cvc5":
        pytest.importorskip("cvc5")
        run = [sys.executable, reading.__file__, str(FILE)]
    elif program is None:
        missing(f"{words[0]} is not installed")
    else:
        run = [program, *words[1:], str(FILE)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert [word for word in said if word in ("sat", "unsat", "unknown", "error")] == [
        "unsat", *["sat"] * 6]


@pytest.mark.parametrize("line", ["(= (seen_by_A B_down) (seen_by_A cut))", "(A_serves B_down)",
                                  "(not (and (A_serves cut) (B_serves cut)))"])
def test_a_line_that_demands_nothing_refutes_the_theorem(line: str) -> None:
    weaker = TEXT.replace(line, "true", 1)
    assert weaker != TEXT
    found = judged(weaker)
    assert found.verdict is Verdict.REFUTED
    assert found.detail["says"].startswith("there are rules with all of it")


def test_a_theorem_that_is_too_strong_is_vacuous() -> None:
    found = judged(SMALL.replace("(not (and p q))", "(not p)"))
    assert found.verdict is Verdict.VACUOUS
    assert found.detail["says"] == (
        "without q it is impossible too, so the theorem does not need it")


def test_values_are_true_where_they_can_be() -> None:
    found = judged(SMALL.replace("(get-value (p q))", "(get-value ((or p q) q))"))
    assert found.detail["ways out"][1]["values"] == {"(or p q)": True, "q": False}


def test_what_z3_does_not_understand_is_unknown() -> None:
    found = judged(SMALL.replace("(and p q)", "(and p nothing)"))
    assert found.verdict is Verdict.UNKNOWN
    assert "nothing" in found.detail["says"]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("(check-sat-assuming (p))\n", "", "no question leaves out q, so nothing shows"),
    ("(check-sat-assuming (p))", "(check-sat-assuming (p r))", "leaves out one of its lines"),
    ("(check-sat-assuming (p))", "(check-sat-assuming ())", "leaves out one of its lines"),
    ('(set-info :says "p and q are not both so")', "", "no sentence"),
    ("(assert (not (and p q)))", "(include p)", "unknown command 'include'"),
    ("(get-value (p q))", "(assert p)", "not expected here: (assert p)"),
    ("(get-value (p q))", "(get-value (p q)", "a parenthesis is not closed"),
    ("(get-value (p q))", "(get-value (p q)))", "a parenthesis is closed that none opens"),
    (SMALL, "", "no question"),
    ("(check-sat-assuming (p q))", "(check-sat-assuming ())", "no question"),
    (SMALL, "(" * 300, "more than 200 parentheses"),
    ("(get-value (p q))", "nonsense", "not expected here: nonsense"),
])
def test_a_file_that_is_not_such_a_theorem_is_refused(old: str, new: str, says: str) -> None:
    assert old in SMALL
    with pytest.raises(BadInput, match=r"^file: ") as raised:
        judged(SMALL.replace(old, new))
    assert says in str(raised.value)


def test_options_that_open_files_are_refused() -> None:
    with pytest.raises(BadInput, match=r"not expected here: .set-option :regular"):
        judged('(set-option :regular-output-channel "x")' + SMALL)


def test_the_page_of_the_theorem_is_a_table(run) -> None:
    done = run("prove", str(FILE))
    assert done.code == 0
    assert "alone yes yes yes no" in " ".join(done.out.split())
    assert "without alone: a witness" in done.out
    assert "not without giving up one of silent_B, silent_A, alone, a, b and c" in done.out


def test_a_name_that_a_promise_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "S1.smt2").write_text(SMALL)
    with pytest.raises(BadInput, match="S1"):
        prove(PRG, paths=[tmp_path])
