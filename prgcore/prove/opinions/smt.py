"""cvc5 and Yices: every promise as a question in SMT-LIB 2, and its witness.

Law: they read the files of `prgcore export smt2`. Only the one word `unsat` is a proof, and only
the one word `sat` a counterexample. Neither counts where the witness of the question is not `sat`,
or where the solver does not prove an invariant that the step assumes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.exports.formula import FALSE
from prgcore.exports.promises import Promise, promises
from prgcore.exports.smt2 import smt2
from prgcore.model import Model
from prgcore.prove.opinions.checker import Opinion, Said, found, run
from prgcore.vocabulary import Verdict

__all__ = ["CVC5", "YICES", "Packaged", "Solver"]

SECONDS = 300
"""How many seconds one solver may take for all questions."""


@frozen
class Solver:
    """An SMT solver: a program that reads one file and writes its answer."""

    name: str
    programs: tuple[str, ...]
    install: str
    form: str = "smt2"
    inductive: bool = True

    def program(self) -> Sequence[str]:
        return (found(self.programs, self.install),)

    def version(self) -> str:
        said = run([*self.program(), "--version"], 10, Path.cwd())
        return next(iter(said.text.splitlines()), self.name)[:60]

    def ask(self, model: Model, given: Sequence[str]) -> Mapping[str, Opinion]:
        files = _files(model, tuple(given))
        with TemporaryDirectory() as name:
            folder = Path(name)
            numbered = [f"{number}.smt2" for number in range(len(files))]
            for file, text in zip(numbered, files.values(), strict=True):
                (folder / file).write_text(text, encoding="utf-8")
            said = self.answers(numbered, folder)
        return _opinions(promises(model), said, given)

    def answers(self, files: Sequence[str], folder: Path) -> list[Said]:
        """Its answer to each of these files."""
        command, ends = self.program(), monotonic() + SECONDS
        return [run([*command, file], ends - monotonic(), folder) for file in files]


@frozen
class Packaged(Solver):
    """An SMT solver that may also be a Python package: it then reads all files in one process."""

    package: str = ""

    def program(self) -> Sequence[str]:
        try:
            return super().program()
        except BadInput:
            if find_spec(self.package) is None:
                raise
            return (sys.executable, "-I", str(Path(__file__).with_name("reading.py")))

    def answers(self, files: Sequence[str], folder: Path) -> list[Said]:
        if self.program()[0] != sys.executable:
            return super().answers(files, folder)
        said = run([*self.program(), *files], SECONDS, folder)
        lines = said.text.splitlines()
        if said.failed or len(lines) != len(files):
            failed = said.failed or f"{len(lines)} answers to {len(files)} questions"
            return [Said("", failed) for _ in files]
        return [Said(line) for line in lines]


@lru_cache(maxsize=2)
def _files(model: Model, given: tuple[str, ...]) -> Mapping[str, str]:
    """The questions, which every solver is asked."""
    return smt2(model, given=given)


def _opinions(
    asked: Sequence[Promise], said: Sequence[Said], given: Iterable[str]
) -> Mapping[str, Opinion]:
    """The opinions: of each promise there is an answer to its question, then one to its witness."""
    held = frozenset(given)
    found_ = {
        promise.id: _opinion(question, witness)
        for promise, question, witness in zip(asked, said[::2], said[1::2], strict=True)
    }
    open_ = sorted(i for i in held if found_[i].verdict is not Verdict.PROVED)
    for promise in asked:
        assumes = (promise.broken, promise.missing) != (FALSE, FALSE)
        if open_ and assumes and found_[promise.id].verdict is Verdict.PROVED:
            says = f"the step assumes {open_[0]}, which it does not prove"
            found_[promise.id] = Opinion(Verdict.UNKNOWN, says)
    return found_


def _opinion(question: Said, witness: Said) -> Opinion:
    for said in (question, witness):
        if said.failed or said.text not in ("sat", "unsat"):
            says = said.failed or f"its answer is {' '.join(said.text.split())[:120]!r}"
            return Opinion(Verdict.UNKNOWN, says)
    if witness.text != "sat":
        return Opinion(Verdict.UNKNOWN, "it finds no witness that the question is not empty")
    return Opinion(Verdict.PROVED if question.text == "unsat" else Verdict.REFUTED)


CVC5 = Packaged("cvc5", ("cvc5",), "pip install 'prgcore[opinions]', or install cvc5",
                package="cvc5")
YICES = Solver("yices", ("yices-smt2",), "pip install 'prgcore[opinions]', or install Yices 2")
