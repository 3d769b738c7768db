"""SPIN: every reachable pair, found by its own search, and every promise asked of each.

Law: it reads the file of `prgcore export promela`. A search that was cut off does not count, although
SPIN counts no errors then and its exit code is 0. SPIN and this prover must find equally many pairs
and equally many steps; if they do not, they disagree on everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted
from prgcore.exports.promela import FILE, FLAGS, OPTIONS, promela
from prgcore.exports.promela_network import FILE as NETWORK
from prgcore.exports.promela_network import promela_network
from prgcore.exports.promises import promises
from prgcore.model import Model
from prgcore.network import Setting
from prgcore.prove.opinions.checker import Opinion, Said, found, run
from prgcore.prove.space import search
from prgcore.vocabulary import Outcome, Verdict

__all__ = ["SPIN", "Found", "Spin", "read"]

SECONDS = 600
"""How many seconds it may take to search; to translate and to compile it has 120."""

MOST = 20_000
"""The most violations that are listed; a search that finds more stops there."""

_DEPTH = 10_000_000
_ERRORS = re.compile(r"^State-vector \d+ byte, depth reached \d+, errors: (\d+)$", re.MULTILINE)
_STORED = re.compile(r"^\s*(\d+) states, stored\b", re.MULTILINE)
_STEPS = re.compile(r"^\s*(\d+) transitions \(= stored\+matched\)", re.MULTILINE)
_BROKEN = re.compile(r"assertion violated \(0>(\d+)\) \(at depth (\d+)\)")
_CUT = re.compile(r"[^\n]*(?:depth too small|not completed|out of memory|[Ww]arning|[Ee]rror:|"
                  r"truncated|max number)[^\n]*")


@frozen
class Found:
    """What a search of SPIN says: the promises that are broken, pairs, steps; or why it failed.

    Attributes:
        broken: with each promise the depth at which it is broken first. Of a search breadth first
            this is the number of steps to it.
    """

    broken: Mapping[int, int] = field(factory=dict)
    pairs: int = 0
    steps: int = 0
    failed: str = ""
    cut: str = ""


@frozen
class Spin:
    """SPIN, the model checker of Bell Labs."""

    name: str = "spin"
    form: str = "promela"
    inductive: bool = False

    def program(self) -> Sequence[str]:
        return (found(("spin",), "install SPIN (apt install spin)"),)

    def _compiler(self) -> str:
        return found(("cc", "gcc", "clang"), "SPIN needs a compiler of C (apt install gcc libc6-dev)")

    def version(self) -> str:
        self._compiler()
        said = run([*self.program(), "-V"], 10, Path.cwd())
        return next(iter(said.text.splitlines()), self.name)[:60]

    def ask(self, model: Model, given: Sequence[str]) -> Mapping[str, Opinion]:  # noqa: ARG002
        asked = promises(model)
        text = promela(model)[FILE]
        flags = FLAGS if "\nhidden " in text else (*FLAGS, "-DBFS")
        seen = self._search(text, flags, MOST)
        if seen.failed:
            return {p.id: Opinion(Verdict.UNKNOWN, seen.failed) for p in asked}
        opinion = Opinion(Verdict.PROVED)
        if seen.cut:
            opinion = Opinion(Verdict.UNKNOWN, seen.cut)
        elif differs := _differs(model, seen):
            return {p.id: Opinion(Verdict.DISAGREE, differs) for p in asked}
        return {p.id: Opinion(Verdict.REFUTED) if number in seen.broken else opinion
                for number, p in enumerate(asked)}

    def networks(self, engine: Engine, setting: Setting, only: Iterable[str] = ()) -> Found:
        """The networks of a machine, by a search breadth first, and the questions of these ids."""
        text = promela_network(engine, setting, only)[NETWORK]
        return self._search(text, ("-O0", *FLAGS[1:], "-DBFS"), 0)  # compiling takes longer than this search

    def _search(self, text: str, flags: Sequence[str], most: int) -> Found:
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / FILE).write_text(text, encoding="utf-8")
            for command in ([*self.program(), *OPTIONS, FILE],
                            [self._compiler(), *flags, "-w", "-o", "pan", "pan.c"]):
                said = run(command, 120, folder)
                if said.failed:
                    return Found(failed=f"{Path(command[0]).name}: {said.failed}")
            return read(run(["./pan", f"-m{_DEPTH}", f"-c{most}"], SECONDS, folder), most)


def read(said: Said, most: int = MOST) -> Found:
    """The counts and the broken promises of a search. Numbers that are missing, or twice there, are a failure.

    Args:
        most: the number of violations at which the search stopped; 0: it did not.
    """
    errors, stored, steps = (p.findall(said.text) for p in (_ERRORS, _STORED, _STEPS))
    if said.failed:
        return Found(failed=said.failed)
    if "Full statespace search" not in said.text or not len(errors) == len(stored) == len(steps) == 1:
        return Found(failed=f"it does not count: {' '.join(said.text.split())[-120:]!r}")
    broken: dict[int, int] = {}
    for number, depth in _BROKEN.findall(said.text):
        broken[int(number)] = min(int(depth), broken.get(int(number), int(depth)))
    cut = _CUT.search(said.text)
    if bool(int(errors[0])) != bool(broken):  # it prints a message once where it comes again at once
        return Found(failed=f"it counts {errors[0]} errors, and names {len(broken)} promises")
    why = cut[0].strip() if cut else "it stopped after many errors" * (0 < most <= int(errors[0]))
    return Found(broken, int(stored[0]), int(steps[0]), cut=why)


def _differs(model: Model, seen: Found) -> str:
    """How the counts of SPIN differ from those of this prover; empty if they do not."""
    try:
        space = search(model)
    except BudgetExhausted:
        return ""
    pairs = len(space)
    steps = sum(len(e.source) for e in space.edges
                if e.rule.outcome is Outcome.DONE and e.rule.then)
    several = len(model.initial) > 1  # the choice among them is a state and steps of SPIN's own
    pairs, steps = pairs + several, steps + several * len(model.initial) + 1
    if seen.pairs == pairs and (seen.broken or seen.steps == steps):
        return ""
    return (f"it finds {seen.pairs} pairs and {seen.steps} steps, and this prover {pairs} and {steps}")


SPIN = Spin()
