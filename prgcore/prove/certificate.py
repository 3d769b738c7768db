"""Certificates: what was proved of a machine, with proofs that others check without a solver.

Law: nothing here is trusted. The questions are those of `prgcore.recheck`, which asks them again.
A solver answers the ones that unit propagation leaves open, and only the lemmas that its proof
needs are kept. The text depends on the machine, the verdicts and the versions alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from itertools import accumulate, combinations, pairwise
from typing import Any

import numpy as np
from attrs import define, field

from prgcore import __version__, recheck
from prgcore.errors import Disagreement, MissingExtra
from prgcore.prove.report import Report, Result
from prgcore.prove.space import Space
from prgcore.prove.work import Work
from prgcore.recheck import Cells, Formula
from prgcore.vocabulary import Verdict
from prgcore.wire.machine_file import digest, dumps

if not find_spec("pysat"):
    raise MissingExtra("a certificate", "certificate")

import pysat
from pysat.solvers import Solver

__all__ = ["FORMAT", "SOLVER", "certify", "cnf", "reachable", "refute"]

FORMAT = "prgcore-certificate/1"

SOLVER = "glucose4"
"""The solver of python-sat: its proofs are a third smaller than those of cadical153."""


def certify(
    report: Report, work: Work, progress: Callable[[str, int, int], None] | None = None
) -> bytes:
    """The certificate of a report: its verdicts, and proofs of all that induction and tables prove.

    Args:
        report: every obligation of the machine.
        work: the work that the report came from.

    Raises:
        Disagreement: a solver finds a step that breaks an invariant proved by induction.
    """
    model = work.model
    machine = recheck.Machine(dumps(model).encode())
    proved = {r.id: r for r in report.results if r.verdict is Verdict.PROVED}
    inductive = set(work.proof.proved)
    kept = {i["id"]: i["never"] for i in machine.file.get("invariants", ()) if i["id"] in inductive}
    lies = work.liar is not None and len(work.liar.proof.proved) == len(model.invariants)
    answers = _Answers(machine, kept)
    guards = _guards(machine)
    if progress:
        progress("certificate", 0, 1)
    for group, *question in machine.questions(kept, lies):
        if not group or group in proved or group in guards:
            answers.ask(group, *question)
    if "" in answers.open:
        raise Disagreement(f"{answers.open['']}: Z3 proves it, and {SOLVER} finds such a step")
    shown = _shown(answers, proved, machine, kept, lies=lies)
    asked = {"", *shown} | (guards if {"F5", "S18"} & shown else set())
    space = work.space_or_none
    return _sealed({
        "format": FORMAT,
        "machine": digest(model), "name": model.name, "policy": dict(model.policy),
        "prgcore": __version__, "solver": f"{SOLVER} of python-sat {pysat.__version__}",
        "seeds": {},
        "reachable": None if space is None else {
            "pairs": len(space), "sha256": reachable(space)},
        "assumptions": sorted({a for r in report.results for a in r.assumptions}),
        "invariants": kept, "untruthful": lies,
        "obligations": {r.id: _claim(r, r.id in shown) for r in report.results},
        "proofs": {name: proof for group, name, proof in answers.proofs if group in asked},
    })


def _guards(machine: recheck.Machine) -> set[str]:
    return {p["id"] for section in recheck.GUARDS for p in machine.file.get(section, ())}


def _shown(
    answers: _Answers, proved: Iterable[str], machine: recheck.Machine, kept: Iterable[str], *,
    lies: bool,
) -> set[str]:
    """The ids whose verdict is proved, and all of whose questions have an answer."""
    own = {i["id"] for i in machine.file.get("invariants", ())}
    guards, answered = _guards(machine), set(proved) - answers.open.keys()
    shown = answered & ({"F1", "F2"} | guards | own) - (own - set(kept))
    if not guards & answers.open.keys():
        shown |= answered & {"F5"}
        shown |= answered & {"S18"} if lies and "F2" in shown else set()
    return shown


def _claim(result: Result, shown: bool) -> dict[str, Any]:
    return {"title": result.title, "verdict": result.verdict, "method": result.method,
            "model": result.model, "assumptions": list(result.assumptions), "proof": shown}


def _sealed(said: dict[str, Any]) -> bytes:
    """The text of a certificate: keys sorted, one value on each line, and its own checksum."""
    said = json.loads(json.dumps(said))
    sealed = {**said, "sha256": recheck.digest(said)}
    text = json.dumps(sealed, sort_keys=True, indent=0, separators=(",", ":"))
    return text.encode() + b"\n"


def reachable(space: Space) -> str:
    """SHA-256 of the reachable pairs, sorted.

    A pair is one byte for each stored column, in the order of the machine file: the position of
    its value in the domain, from zero.
    """
    names = [c.name for c in space.model.columns if not c.derived]
    columns = np.stack([space.column(name) for name in names], axis=1)
    order = np.lexsort(columns.T[::-1])
    return hashlib.sha256(columns[order].tobytes()).hexdigest()


# ------------------------------------------------------------------------------ proofs


@define(eq=False)
class _Answers:
    """Answers to questions: a proof for each that propagation leaves open.

    Attributes:
        open: for each promise with a question that a pair satisfies, the name of one.
    """

    machine: recheck.Machine
    kept: dict[str, Any]
    known: Formula = field(init=False)
    proofs: list[tuple[str, str, list[str]]] = field(factory=list)
    open: dict[str, str] = field(factory=dict)
    last: tuple[Any, Any, Any] = (None, None, None)

    def __attrs_post_init__(self) -> None:
        self.known = Formula(self.machine, [
            clause for cubes in self.kept.values() for cube in cubes
            for clause in self.machine.outside(cube)])

    def ask(
        self, group: str, name: str, keeps: Any, first: list[Cells], second: list[Cells]
    ) -> None:
        """Answer a question, unless its promise has an open one; `first` is often the last one."""
        if group in self.open:
            return
        if self.last[0] is not first or self.last[1] is not keeps:
            self.last = first, keeps, Formula(self.known if keeps else self.machine, first)
        formula = Formula(self.last[2], second)  # propagation ends alike, in one step or in two
        if not formula.dead:
            proof = refute(self.machine, formula)
            if proof is None:
                self.open[group] = name
            else:
                self.proofs.append((group, name, proof))


def refute(machine: recheck.Machine, formula: Formula) -> list[str] | None:
    """Lemmas that lead from a formula to a contradiction, or None if a pair satisfies it."""
    clauses = _left(formula)
    with Solver(SOLVER, bootstrap_with=_small(formula, clauses), with_proof=True) as solver:
        if solver.solve():
            return None
        lines = [line.split() for line in solver.get_proof()]
    lemmas = [machine.clause(" ".join(line[:-1])) for line in lines if line[0] not in ("d", "0")]
    proof = []
    for lemma in _needed(formula, clauses, lemmas):
        if formula.dead:
            break
        assert formula.follows(lemma), "BUG: a lemma does not follow from those before it"
        proof.append(" ".join(map(str, _literals(formula, lemma))))
        formula = Formula(formula, [lemma])
    assert formula.dead, "BUG: the lemmas do not end in a contradiction"
    return proof


def _left(formula: Formula) -> list[Cells]:
    """The clauses that propagation leaves open, without the cells that cannot hold."""
    every = {id(clause): clause for of in formula.of for clause in of}
    return [
        [(c, mask) for c, mask in clause if mask & formula.open[c]] for clause in every.values()
        if not any(mask & formula.open[c] == formula.open[c] for c, mask in clause)
    ]


def _first(formula: Formula) -> list[int]:
    """The literal of the first value of each column."""
    return list(accumulate((full.bit_length() for full in formula.full), initial=1))


def _literals(formula: Formula, clause: Cells) -> list[int]:
    """The literals of a clause; a cell with all values but one is one literal."""
    first, found = _first(formula), []
    for c, mask in clause:
        other = formula.full[c] & ~mask
        if other and not other & (other - 1):
            found.append(-(first[c] + other.bit_length() - 1))
        else:
            found += [first[c] + i for i in range(mask.bit_length()) if mask >> i & 1]
    return found


def _one_of(literals: list[int]) -> list[list[int]]:
    return [literals, *([-a, -b] for a, b in combinations(literals, 2))]


def cnf(formula: Formula) -> list[list[int]]:
    """The whole formula for any solver or checker: its clauses, and one value for each column."""
    every = {id(clause): clause for of in formula.of for clause in of}
    ends = _first(formula)
    return [clause for a, b in pairwise(ends)
            for clause in _one_of(list(range(a, b)))] + [
        _literals(formula, clause) for clause in every.values()]


def _small(formula: Formula, clauses: list[Cells]) -> list[list[int]]:
    """These clauses, with the columns that they name and the values that are still open."""
    first, found = _first(formula), [_literals(formula, clause) for clause in clauses]
    for c in sorted({c for clause in clauses for c, _ in clause}):
        values = range(first[c], first[c] + formula.full[c].bit_length())
        found += [[-v] for i, v in enumerate(values) if not formula.open[c] >> i & 1]
        found += _one_of([v for i, v in enumerate(values) if formula.open[c] >> i & 1])
    return found


def _needed(formula: Formula, clauses: list[Cells], lemmas: list[Cells]) -> list[Cells]:
    """The lemmas that the contradiction rests on, found backwards from it."""
    every, least, needed = clauses + lemmas, len(clauses), {len(clauses) + len(lemmas)}
    of: list[list[int]] = [[] for _ in formula.full]
    for number, clause in enumerate(every):
        for c, _ in clause:
            of[c].append(number)
    for number in range(len(every), least - 1, -1):
        if number in needed:
            left, todo = list(formula.open), list(range(least, number))
            for c, mask in every[number] if number < len(every) else ():
                left[c] &= ~mask
                todo += of[c]
            if all(left):
                needed |= _reasons(formula.full, left, every[:number], of, todo)
    return [every[number] for number in range(least, len(every)) if number in needed]


def _reasons(
    full: list[int], left: list[int], clauses: list[Cells], of: list[list[int]], todo: list[int]
) -> set[int]:
    """The clauses on which a contradiction by propagation rests, or a few more."""
    trail: list[tuple[int, int]] = []
    while todo:
        number, unit = todo.pop(), None
        if number >= len(clauses):
            continue
        for c, mask in clauses[number]:
            can, cannot = left[c] & mask, full[c] & ~mask
            if can and (unit or can == left[c] or (can & (can - 1) and cannot & (cannot - 1))):
                break
            unit = (c, can) if can else unit
        else:
            if unit is None:
                return _behind(clauses, trail, number)
            left[unit[0]] = unit[1]
            trail.append((unit[0], number))
            todo += of[unit[0]]
    raise AssertionError("BUG: the proof of the solver does not end in a contradiction")


def _behind(clauses: list[Cells], trail: list[tuple[int, int]], last: int) -> set[int]:
    """The last clause, and those that narrowed a column which a later one of them reads."""
    used, columns = {last}, {c for c, _ in clauses[last]}
    for column, number in reversed(trail):
        if column in columns:
            used.add(number)
            columns |= {c for c, _ in clauses[number]}
    return used
