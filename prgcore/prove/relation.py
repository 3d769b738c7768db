"""The machine as Z3 terms: domains are enumerations, guards conjunctions, effects substitutions.

Law: reads the table; shares no code with the interpreter or the search. The whole compiler is
`holds`, `effects` and `after`. Every relation has a fresh Context. Nothing is shared, so proofs
neither help nor disturb one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import z3
from attrs import define, field

from prgcore.model import (
    By,
    Column,
    Const,
    Copy,
    Cube,
    Invariant,
    Model,
    Rule,
    Value,
    copied,
)
from prgcore.prove.budget import remaining, tick
from prgcore.vocabulary import Kind

__all__ = ["Relation", "Term"]

Term = Any
"""A z3 expression; the library ships no usable types."""


@define(eq=False)
class Relation:
    """The terms of a machine, in a context of their own.

    Attributes:
        now: for every stored column the constant of its value before a step.
    """

    model: Model
    context: z3.Context = field(init=False)
    now: dict[str, Term] = field(init=False)
    _constants: dict[str, dict[str, Term]] = field(init=False)
    _columns: dict[str, Column] = field(init=False)
    _ways: dict[str, list[Cube]] = field(init=False)
    _terms: dict[tuple[str, tuple[str, ...]], Term] = field(init=False, factory=dict)
    _happens: dict[str, Term] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.context = z3.Context()
        self._columns = {c.name: c for c in self.model.columns}
        sorts: dict[tuple[str, ...], tuple[Term, dict[str, Term]]] = {}
        self.now, self._constants = {}, {}
        for column in self.model.columns:
            if column.domain not in sorts:
                name = f"domain{len(sorts)}"
                sort, terms = z3.EnumSort(
                    name, [f"{name}.{v}" for v in column.domain], ctx=self.context
                )
                sorts[column.domain] = sort, dict(zip(column.domain, terms, strict=True))
            sort, self._constants[column.name] = sorts[column.domain]
            if not column.derived:
                self.now[column.name] = z3.Const(column.name, sort)
        self._ways = {e.name: [] for e in self.model.events}
        for entry in self.model.possible:
            self._ways[entry.event].append(entry.when)

    def solver(self, rlimit: int = 0) -> Term:
        """A solver with a resource budget (0: none)."""
        solver = _Solver(z3.Z3_mk_simple_solver(self.context.ref()), self.context)
        if rlimit:
            solver.set("rlimit", rlimit)
        return solver

    def true(self) -> Term:
        return z3.BoolVal(True, ctx=self.context)

    def either(self, terms: Iterable[Term]) -> Term:
        """The disjunction of the terms; false if there are none."""
        return self._junction(z3.Z3_mk_or, terms)

    def both(self, terms: Iterable[Term]) -> Term:
        """The conjunction of the terms; true if there are none."""
        return self._junction(z3.Z3_mk_and, terms)

    def _junction(self, make: Callable[..., Term], terms: Iterable[Term]) -> Term:
        """`z3.And` and `z3.Or` without their coercions, which take most of the time.

        The list keeps the terms alive until the junction holds them: z3 counts references.
        """
        tick()
        held = list(terms)
        return z3.BoolRef(make(self.context.ref(), len(held), _array(held)), self.context)

    def is_value(self, column: str, value: str) -> Term:
        """The term that a stored column has this value: `==` without its coercions."""
        now, constant = self.now[column].as_ast(), self.constant(column, value).as_ast()
        return z3.BoolRef(z3.Z3_mk_eq(self.context.ref(), now, constant), self.context)

    def constant(self, column: str, value: str) -> Term:
        """The term of a value of a column's domain."""
        return self._constants[column][value]

    def is_in(self, column: str, values: tuple[str, ...]) -> Term:
        """The term that the column has one of the values; a derived column is read by its table."""
        known = self._terms.get((column, values))
        if known is None:
            known = self._terms[column, values] = self._is_in(self._columns[column], values)
        return known

    def _is_in(self, column: Column, values: tuple[str, ...]) -> Term:
        if column.derived:
            return self.either([
                self.both(self.is_value(s, v) for s, v in zip(column.sources, row, strict=True))
                for row, value in column.table if value in values
            ])
        now = self.now[column.name]
        out = [v for v in column.domain if v not in values]
        if len(out) < len(values):
            return self.both([now != self.constant(column.name, v) for v in out])
        return self.either([self.is_value(column.name, v) for v in values])

    def holds(self, cube: Cube) -> Term:
        """The term that every cell of the cube holds in the pair before the step."""
        return self.both([self.is_in(c.column, c.values) for c in cube])

    def broken(self, invariant: Invariant) -> Term:
        """The term that some cube of the invariant holds in the pair before the step."""
        return self.either([self.holds(c) for c in invariant.never])

    def inside(self, ids: Iterable[str]) -> Term:
        """The term that these invariants hold in the pair before the step."""
        wanted = set(ids)
        return self.both(
            z3.Not(self.broken(i)) for i in self.model.invariants if i.id in wanted
        )

    def happens(self, event: str) -> Term:
        """The term that the event is possible; a command always is."""
        if event not in self._happens:
            kind = next(e.kind for e in self.model.events if e.name == event)
            ways = [self.holds(cube) for cube in self._ways[event]]
            self._happens[event] = self.true() if kind is Kind.COMMAND else self.either(ways)
        return self._happens[event]

    def fires(self, rule: Rule) -> Term:
        """The term that the rule's cells hold and its event is possible."""
        return self.both([self.holds(rule.when), self.happens(rule.event)])

    def _becomes(self, target: str, value: Value) -> Term:
        match value:
            case Const(constant):
                return self.constant(target, constant)
            case Copy(column):
                source, domain = self._columns[column].domain, self._columns[target].domain
                return self._becomes(target, copied(column, source, domain))
            case By(column, table):
                term = self.now[target]
                groups: dict[str, list[str]] = {}
                for given, new in table:
                    groups.setdefault(new, []).append(given)
                for new, given_values in groups.items():
                    term = z3.If(
                        self.is_in(column, tuple(given_values)),
                        self.constant(target, new), term,
                    )
                return term

    def effects(self, rule: Rule) -> list[tuple[Term, Term]]:
        """Each column that the rule changes, with the term of its new value."""
        return [(self.now[e.target], self._becomes(e.target, e.value)) for e in rule.then]

    def after(self, rule: Rule, term: Term) -> Term:
        """The same term about the pair after the rule.

        The terms of the effects are made anew. Kept terms would change which of several pairs the
        solver finds.
        """
        return self.substituted(term, self.effects(rule))

    def substituted(self, term: Term, pairs: list[tuple[Term, Term]]) -> Term:
        """`z3.substitute` without its checks, which take most of the time."""
        old, new = [o for o, _ in pairs], [n for _, n in pairs]
        made = z3.Z3_substitute(
            self.context.ref(), term.as_ast(), len(pairs), _array(old), _array(new))
        return type(term)(made, self.context)

    def read(self, model: Term) -> dict[str, str]:
        """The stored columns of a solver's model."""
        pair = {}
        for name, term in self.now.items():
            value = str(model.eval(term, model_completion=True))
            pair[name] = value.partition(".")[2]
        return pair

    def equals(self, pair: dict[str, str]) -> list[Term]:
        """The terms that say that the pair before the step is this one."""
        return [self.is_value(name, value) for name, value in pair.items()]


class _Solver(z3.Solver):  # type: ignore[misc]
    """A solver that gives up where the budget of the run ends."""

    def check(self, *assumptions: Term) -> Term:
        left = remaining()
        if left is not None:
            self.set("timeout", max(1, int(left * 1000)))
        return super().check(*assumptions)


def _array(terms: list[Term]) -> Term:
    """Terms as an array for z3; the caller keeps the terms alive as long as the array."""
    return (z3.Ast * len(terms))(*(t.as_ast() for t in terms))
