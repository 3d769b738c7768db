"""Opinions: other people's checkers, asked about the same promises by their own programs.

Law: one file per checker; a checker is a program that runs for itself, with a time limit. Its
answers are read as text and counted: what is not clearly an answer is *unknown*, never a pass. An
opinion never improves a verdict, and an opinion against it is *disagree*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

from attrs import evolve

from prgcore.errors import BadInput, unknown_name
from prgcore.form.wellformed import overlaps
from prgcore.prove.opinions import abc, smt, spin
from prgcore.prove.opinions.checker import Checker, Opinion
from prgcore.prove.report import Asked, Report, Result
from prgcore.prove.work import Work
from prgcore.vocabulary import Method, Verdict

__all__ = ["ALL", "CHECKERS", "chosen", "opinions"]

CHECKERS: Mapping[str, Checker] = {
    c.name: c for c in (abc.ABC, smt.CVC5, spin.SPIN, smt.YICES)
}
"""The registry: every checker by its name."""

ALL = "all"
"""The name that stands for every checker."""


def chosen(names: Iterable[str]) -> tuple[Checker, ...]:
    """The checkers with these names, each once; every one of them must be there.

    Raises:
        BadInput: there is no such checker, or it is not installed.
    """
    wanted: dict[str, Checker] = {}
    for name in names:
        if name != ALL and name not in CHECKERS:
            raise BadInput(unknown_name("checker", name, (*CHECKERS, ALL)))
        wanted |= CHECKERS if name == ALL else {name: CHECKERS[name]}
    for checker in wanted.values():
        checker.program()
    return tuple(wanted[name] for name in sorted(wanted))


def opinions(
    report: Report, work: Work, checkers: Iterable[Checker],
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """The report with the opinion of each checker beside every verdict that it can judge.

    Args:
        report: the report of the prover on the machine of `work`.
        checkers: as `chosen` returns them.
        progress: called with the name of each checker as it begins.
    """
    todo, results, asked = tuple(checkers), report.results, []
    given = work.proof.proved if todo else ()
    for number, checker in enumerate(todo):
        if progress:
            progress(checker.name, number, len(todo))
        started = perf_counter()
        said = checker.ask(work.model, given)
        before, results = results, tuple(
            _judged(r, checker, said.get(r.id), work) for r in results)
        told = [(r.opinions.get(checker.name), old) for r, old in zip(results, before, strict=True)]
        asked.append(Asked(
            checker.name, checker.version(), perf_counter() - started,
            sum(opinion is not None for opinion, _ in told),
            sum(opinion == old.verdict for opinion, old in told),
            sum(opinion is Verdict.UNKNOWN for opinion, _ in told),
        ))
    return evolve(report, results=results, asked=(*report.asked, *asked))


def _judged(result: Result, checker: Checker, opinion: Opinion | None, work: Work) -> Result:
    """The result with an opinion, where checker and prover were asked the same."""
    if opinion is None or not _comparable(result, checker, opinion, work):
        return result
    said = {**result.opinions, checker.name: opinion.verdict}
    detail = result.detail
    if opinion.verdict is Verdict.UNKNOWN:
        known = detail.get("no opinion", {})
        detail = {**detail, "no opinion": {**known, checker.name: opinion.says}}
    elif result.verdict in _DECIDED and opinion.verdict is not result.verdict:
        says = (f"{checker.name} says {opinion.verdict}, and this prover {result.verdict}; "
                f"prgcore export {checker.form} writes what it was asked")
        return evolve(result, opinions=said, verdict=Verdict.DISAGREE, detail={
            **detail, "says": says})
    return evolve(result, opinions=said, detail=detail)


_DECIDED = (Verdict.PROVED, Verdict.REFUTED)


def _comparable(result: Result, checker: Checker, opinion: Opinion, work: Work) -> bool:
    """Whether a difference between the two would be a disagreement."""
    if result.verdict is Verdict.REFUTED:
        shown = result.counterexample
        if shown is None:  # refuted for something that an export does not ask
            return False
        if result.id == "F2" and overlaps(work.model):  # where two rules answer, an export asks F1
            return opinion.verdict is not Verdict.PROVED
        return checker.inductive or shown.reachable or opinion.verdict is not Verdict.PROVED
    if result.verdict is Verdict.PROVED and checker.inductive:
        searched = result.method is Method.SEARCH or set(work.held) > set(work.proof.proved)
        return not searched or opinion.verdict is not Verdict.REFUTED
    return result.verdict in (Verdict.PROVED, Verdict.UNKNOWN, Verdict.DISAGREE)
