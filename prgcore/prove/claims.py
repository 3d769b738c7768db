"""Claims about numbers: premises and conclusions, asked of a solver and replayed with values.

Law: knows no claim. A claim is a function from unknowns, so the same lines are read twice. The
solver reads them with symbols. The replay, which every model of the solver must pass, reads them
with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import z3
from attrs import field, frozen

from prgcore.prove.budget import tick
from prgcore.vocabulary import Verdict

__all__ = [
    "RLIMIT",
    "SORTS",
    "Build",
    "Claim",
    "Numbers",
    "SolverAnswer",
    "Sort",
    "Term",
    "Unknowns",
    "Values",
    "ask",
    "both",
    "either",
    "implies",
    "no",
    "same",
]

Term: TypeAlias = Any
"""A z3 expression, or in a replay a number or a truth value."""

Sort: TypeAlias = Literal["Int", "Real"]
SORTS: tuple[Sort, ...] = ("Int", "Real")
Values: TypeAlias = Mapping[str, "bool | int | Fraction"]

RLIMIT = 2_000_000
"""Resource budget of one query; beyond it the answer is unknown, never a pass."""


class Unknowns:
    """The unknowns of a claim as symbols of a fresh context."""

    def __init__(self, sort: Sort) -> None:
        self.sort, self.context = sort, z3.Context()
        self.named: dict[str, Term] = {}

    def number(self, name: str) -> Term:
        """A time or a duration."""
        make = z3.Int if self.sort == "Int" else z3.Real
        return self.named.setdefault(name, make(name, self.context))

    def whole(self, name: str) -> Term:
        """A number of heartbeats."""
        term = self.named.setdefault(name, z3.Int(name, self.context))
        return term if self.sort == "Int" else z3.ToReal(term)

    def flag(self, name: str) -> Term:
        """True or false."""
        return self.named.setdefault(name, z3.Bool(name, self.context))

    def choose(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """The choice between two values, which the arithmetic calls instead of an `if`."""
        if isinstance(condition, bool):
            return then if condition else otherwise
        return z3.If(condition, then, otherwise)


class Numbers(Unknowns):
    """The same unknowns as values."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def number(self, name: str) -> Term:
        return self.values[name]

    whole = flag = number

    def choose(self, condition: Term, then: Term, otherwise: Term) -> Term:
        return then if condition else otherwise


def no(term: Term) -> Term:
    return not term if isinstance(term, bool) else z3.Not(term)


def both(*terms: Term) -> Term:
    if any(t is False for t in terms):
        return False
    rest = [t for t in terms if t is not True]
    return z3.And(*rest) if rest else True


def either(*terms: Term) -> Term:
    return no(both(*(no(t) for t in terms)))


def implies(premise: Term, conclusion: Term) -> Term:
    return either(no(premise), conclusion)


def same(one: Term, other: Term) -> Term:
    return one == other


@frozen
class Claim:
    """Where all of `given` hold, all of `then` do; `shows` says what some witness must meet."""

    given: dict[str, Term]
    then: dict[str, Term]
    shows: Term = True


Build: TypeAlias = Callable[[Unknowns], Claim]


@frozen
class SolverAnswer:
    """What the solver says of a claim: the verdict, and the values that show it."""

    verdict: Verdict
    says: str = ""
    values: dict[str, str] = field(factory=dict)


def ask(build: Build, sort: Sort) -> SolverAnswer:
    """Prove a claim over a sort: a witness of its premises first, then no counterexample.

    Every model of the solver is put through the claim again as numbers. If the claim then says
    something else, the two disagree.
    """
    tick("theorems about time")
    unknowns = Unknowns(sort)
    claim = build(unknowns)
    if not claim.then:
        return SolverAnswer(Verdict.VACUOUS, "nothing is concluded")
    solver = z3.SimpleSolver(ctx=unknowns.context)
    solver.set("rlimit", RLIMIT)
    solver.add(*(z3.BoolVal(p, unknowns.context) if isinstance(p, bool) else p
                 for p in claim.given.values()))
    solver.push()
    if claim.shows is not True:
        solver.add(claim.shows)
    witness = solver.check()
    if witness != z3.sat:
        verdict = Verdict.VACUOUS if witness == z3.unsat else Verdict.UNKNOWN
        return SolverAnswer(verdict, "no witness: " + "; ".join(claim.given))
    if not _replays(build, _values(unknowns, solver.model()), ""):
        return SolverAnswer(Verdict.DISAGREE, "the witness of the premises is none with numbers")
    solver.pop()
    for says, conclusion in claim.then.items():
        if conclusion is True:
            continue
        solver.push()
        solver.add(no(conclusion) if not isinstance(conclusion, bool)
                   else z3.BoolVal(not conclusion, unknowns.context))
        found = solver.check()
        if found == z3.unknown:
            return SolverAnswer(Verdict.UNKNOWN, f"the solver gave up: {says}")
        if found == z3.sat:
            values = _values(unknowns, solver.model())
            verdict = Verdict.REFUTED if _replays(build, values, says) else Verdict.DISAGREE
            return SolverAnswer(verdict, says, {name: str(v) for name, v in sorted(values.items())})
        solver.pop()
    return SolverAnswer(Verdict.PROVED)


def _values(unknowns: Unknowns, model: Term) -> dict[str, bool | int | Fraction]:
    """The solver's values as numbers."""
    found: dict[str, bool | int | Fraction] = {}
    for name, term in unknowns.named.items():
        value = model.eval(term, model_completion=True)
        if z3.is_bool(value):
            found[name] = z3.is_true(value)
        elif z3.is_algebraic_value(value):  # only near: the replay decides
            found[name] = value.approx(30).as_fraction()
        elif z3.is_int_value(value):
            found[name] = value.as_long()
        else:
            found[name] = Fraction(value.numerator_as_long(), value.denominator_as_long())
    return found


def _replays(build: Build, values: Values, broken: str) -> bool:
    """Whether these numbers meet the premises, and break the conclusion if one is named."""
    claim = build(Numbers(values))
    return all(claim.given.values()) and not (broken and claim.then[broken])
