"""The report of a run of the prover: verdicts, exit code, JSON, JUnit.

Law: words of the contract live here. The worst verdict decides the exit code, in the order
disagreement or vacuity (4), refuted (1), unknown (3), all good (0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any
from xml.etree import ElementTree as ET

from attrs import evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted, unknown_name
from prgcore.prove.budget import Budget, running
from prgcore.prove.counterexample import Counterexample
from prgcore.prove.mutants import score
from prgcore.prove.obligations import obligations
from prgcore.prove.supports import Support, Supports
from prgcore.prove.theorems import read, read_text, restated
from prgcore.prove.vacuity import UNCHECKED, discharged
from prgcore.prove.work import Obligation, Work
from prgcore.vocabulary import Method, Verdict
from prgcore.wire.machine_file import digest

__all__ = ["EXIT", "Report", "Result", "listing", "prove"]

EXIT = {Verdict.PROVED: 0, Verdict.REPORTED: 0, Verdict.NOT_APPLICABLE: 0, Verdict.REFUTED: 1,
        Verdict.UNKNOWN: 3, Verdict.VACUOUS: 4, Verdict.DISAGREE: 4}
_WORST = (4, 1, 3, 0)
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


@frozen
class Result:
    """One obligation and its finding."""

    id: str
    title: str
    verdict: Verdict
    method: Method
    assumptions: tuple[str, ...]
    seconds: float
    detail: dict[str, Any]
    counterexample: Counterexample | None = None
    model: str = "P"
    support: Support | None = None
    opinions: dict[str, Verdict] = field(factory=dict)

    @property
    def code(self) -> int:
        """The exit code of this result: unknown too, if something that was asked has no answer.

        That is a checker without an opinion, or a promise that only a search shows not to be empty.
        """
        open_ = self.unchecked or Verdict.UNKNOWN in self.opinions.values()
        return EXIT[self.verdict] or (3 if open_ else 0)

    @property
    def unchecked(self) -> bool:
        """Whether the promise is true, and only a search could show that it is not empty."""
        return not EXIT[self.verdict] and UNCHECKED in self.detail

    @property
    def story(self) -> str:
        """The failure as text; empty where there is none."""
        if self.code == 0:
            return ""
        if EXIT[self.verdict] == 0:
            return "; ".join([
                *(["without a search nothing shows that it is not empty"] if self.unchecked else []),
                *(f"{name} has no opinion: {why}"
                  for name, why in self.detail.get("no opinion", {}).items())])
        told = self.counterexample.story if self.counterexample else ""
        return told or str(self.detail.get("says", ""))

    def to_json(self) -> dict[str, Any]:
        """The shape of the contract."""
        found: dict[str, Any] = {
            "id": self.id, "title": self.title, "verdict": self.verdict, "method": self.method,
            "model": self.model, "assumptions": list(self.assumptions),
            "seconds": round(self.seconds, 3), "detail": self.detail,
        }
        if self.opinions:
            found["opinions"] = dict(self.opinions)
        if self.counterexample is not None:
            found["counterexample"] = self.counterexample.to_json()
        if self.support is not None:
            found["support"] = self.support.to_json()
        return found


@frozen
class Asked:
    """A checker of other people that was asked, and how many of its opinions agree."""

    name: str
    version: str
    seconds: float
    opinions: int
    agree: int
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """The shape of the contract."""
        return {
            "checker": self.name, "version": self.version, "seconds": round(self.seconds, 3),
            "opinions": self.opinions, "agree": self.agree, "unknown": self.unknown,
        }


@frozen
class Report:
    """A run of the prover over one machine."""

    name: str
    digest: str
    policy: tuple[tuple[str, str], ...]
    results: tuple[Result, ...]
    seconds: float
    asked: tuple[Asked, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all good, 1 refuted, 3 unknown, 4 vacuous or two checkers disagree."""
        codes = {r.code for r in self.results}
        return next((code for code in _WORST if code in codes), 0)

    @property
    def ok(self) -> bool:
        """Whether nothing is refuted, unknown, vacuous or in disagreement."""
        return self.exit_code == 0

    def to_json(self) -> dict[str, Any]:
        """The shape of the contract."""
        found = {
            "ok": self.ok, "machine": self.digest, "name": self.name,
            "policy": dict(self.policy), "seconds": round(self.seconds, 3),
            "obligations": [r.to_json() for r in self.results],
        }
        if self.asked:
            found["asked"] = [a.to_json() for a in self.asked]
        return found

    def junit(self) -> str:
        """The report as JUnit XML, one test case per obligation."""
        suite = ET.Element("testsuite", {
            "name": f"prgcore prove {self.name}", "tests": str(len(self.results)),
            "failures": str(sum(r.code in (1, 4) for r in self.results)),
            "errors": str(sum(r.code == 3 for r in self.results)),
            "skipped": str(sum(r.verdict == Verdict.NOT_APPLICABLE for r in self.results)),
            "time": f"{self.seconds:.3f}",
        })
        for r in self.results:
            case = ET.SubElement(suite, "testcase", {
                "classname": f"prgcore.{self.name}", "name": f"{r.id} {r.title}",
                "time": f"{r.seconds:.3f}",
            })
            code = r.code
            if r.verdict == Verdict.NOT_APPLICABLE:
                ET.SubElement(case, "skipped", {"message": str(r.detail.get("says", ""))})
            elif code:
                failed = ET.SubElement(case, "error" if code == 3 else "failure",
                                       {"message": r.verdict if EXIT[r.verdict] else Verdict.UNKNOWN})
                failed.text = r.story
        text: str = ET.tostring(suite, encoding="unicode", xml_declaration=True)
        return _NOT_XML.sub("?", text)


def _theorems(
    machine: Engine, paths: Sequence[str | Path], stdin: str
) -> tuple[Obligation, ...]:
    return tuple(
        o for path in paths for o in (
            read_text(stdin, "standard input", machine.model) if str(path) == "-"
            else read(path, machine.model)
        )
    )


def listing(
    machine: Engine, paths: Sequence[str | Path] = (), stdin: str = ""
) -> tuple[tuple[str, str], ...]:
    """The id and the sentence of each obligation of `prove`; M1 runs only when it is asked for.

    Raises:
        BadInput: a theorem file that cannot be read.
    """
    m1 = score.obligation(0, 0)
    todo = _theorems(machine, paths, stdin) if paths else (*obligations(machine.model), m1)
    return tuple((o.id, o.title) for o in todo)


def prove(
    machine: Engine,
    *,
    only: Iterable[str] = (),
    paths: Sequence[str | Path] = (),
    stdin: str = "",
    progress: Callable[[str, int, int], None] | None = None,
    mutants: int | None = None,
    seed: int = 0,
    kinds: Iterable[str] = (),
    survivors: Mapping[str, str] | None = None,
    restating: Sequence[str | Path] = (),
    work: Work | None = None,
    why: Iterable[str] = (),
    budget: float | None = None,
    memory: int | None = None,
    symbolic: bool = False,
) -> Report:
    """Discharge the obligations of a machine.

    Args:
        only: ids; all if none are given.
        paths: theorem files to prove instead of the obligations (see `prgcore.prove.theorems`);
            `-` is the text `stdin`.
        progress: called with id, number done, number of obligations, as each ends.
        mutants: also run M1 on this many mutants (0: all of them).
        seed: chooses the mutants, if not all are run.
        why: ids of obligations of the machine whose supports are wanted; only these are proved if
            `only` is empty.
        kinds: the kinds of mutants to run; all if none are given.
        survivors: the mutants that may survive, by name, each with its reason.
        budget: seconds; what is not decided by then is unknown.
        memory: bytes that this process may use; what needs more is unknown.
        symbolic: search nothing; what only a search decides is unknown.
        restating: theorem files that notice an invariant that forbids less.
        work: earlier searches and proofs of this machine, which are used again.

    Raises:
        BadInput: no such obligation, or a theorem file that cannot be read.
    """
    work = work or Work(machine, progress, symbolic=symbolic)
    m1 = [] if mutants is None else [score.obligation(
        mutants, seed, tuple(kinds), survivors, restated(restating, machine.model))]
    explained = dict.fromkeys(why)
    todo = _wanted(
        [*(_theorems(machine, paths, stdin) if paths else obligations(machine.model)), *m1],
        ([*only] and [*only, *explained]) or [*explained])
    started = perf_counter()
    results: list[Result] = []

    def say(doing: str = "") -> None:
        at = min(len(results), len(todo) - 1)
        if progress:
            progress(f"{todo[at].id} {doing}".rstrip(), at, len(todo))

    with running(Budget(budget, memory, say)):
        for obligation_ in todo:
            say()
            results.append(_discharge(obligation_, work))
        if explained:
            results = _supported(machine, work, results, explained)
    if progress:
        progress("", len(todo), len(todo))
    return Report(
        machine.model.name, digest(machine.model), machine.model.policy, tuple(results),
        perf_counter() - started,
    )


def _wanted(todo: list[Obligation], wanted: list[str]) -> list[Obligation]:
    """The obligations that are wanted; all of them if no ids are."""
    known = {o.id for o in todo}
    if "M1" in wanted and "M1" not in known:
        raise BadInput("M1 breaks the table again and again: say --mutants N, or --mutants all")
    for id_ in wanted:
        if id_ not in known:
            raise BadInput(unknown_name("obligation", id_, known))
    return [o for o in todo if o.id in wanted] if wanted else todo


def _supported(
    machine: Engine, work: Work, results: list[Result], explained: Iterable[str]
) -> list[Result]:
    """The results, with the supports of those that are explained."""
    try:
        supports = Supports(machine.model, work.proof.proved)
        return [evolve(r, support=supports.of(r.id)) if r.id in explained else r for r in results]
    except BudgetExhausted:
        return results


def _discharge(obligation: Obligation, work: Work) -> Result:
    started = perf_counter()
    finding = discharged(obligation.run, work)
    seconds = finding.detail.pop("seconds", perf_counter() - started)
    verdict = finding.verdict
    if finding.counterexample is not None and not finding.counterexample.agrees:
        verdict = Verdict.DISAGREE
    return Result(
        obligation.id, obligation.title, verdict, finding.method, obligation.assumptions,
        seconds, finding.detail, finding.counterexample, obligation.model,
    )
