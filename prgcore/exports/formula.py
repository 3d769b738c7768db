"""Formulas about a pair: cells, *not*, *every*, *some*; and what a rule makes of them.

Law: reads the table alone; it shares no code with the interpreter, the solver's terms or the
search. Every format prints these formulas, so a mistake here is a mistake in every export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import (
    By,
    Cell,
    Column,
    Const,
    Copy,
    Cube,
    Invariant,
    Model,
    Rule,
    Values,
    copied,
)
from prgcore.vocabulary import Kind, Outcome

__all__ = [
    "FALSE", "TRUE", "Every", "Formula", "Not", "Some", "Table", "every", "no", "some",
]


@frozen(cache_hash=True)
class Not:
    """The formula does not hold."""

    inner: Formula


@frozen(cache_hash=True)
class Every:
    """All of these formulas hold."""

    parts: tuple[Formula, ...]


@frozen(cache_hash=True)
class Some:
    """One of these formulas holds."""

    parts: tuple[Formula, ...]


Formula: TypeAlias = "Cell | Not | Every | Some"

TRUE, FALSE = Every(()), Some(())


def no(formula: Formula) -> Formula:
    """Not this formula."""
    if formula in (TRUE, FALSE):
        return FALSE if formula == TRUE else TRUE
    return formula.inner if isinstance(formula, Not) else Not(formula)


def every(parts: Iterable[Formula]) -> Formula:
    """All of these; constants are folded, and two cells of one column become their common values."""
    kept: dict[object, Formula] = {}
    for part in _flat(parts, Every):
        key: object = part
        if isinstance(part, Cell):
            key = part.column
            before = kept.get(key)
            if isinstance(before, Cell):
                values = tuple(v for v in before.values if v in part.values)
                part = Cell(part.column, values) if values else FALSE  # noqa: PLW2901
        kept[key] = part
        if part == FALSE:
            return FALSE
    return next(iter(kept.values())) if len(kept) == 1 else Every(tuple(kept.values()))


def some(parts: Iterable[Formula]) -> Formula:
    """One of these; constants are folded."""
    kept = tuple(dict.fromkeys(_flat(parts, Some)))
    if TRUE in kept:
        return TRUE
    return kept[0] if len(kept) == 1 else Some(kept)


def _flat(parts: Iterable[Formula], kind: type[Every | Some]) -> Iterator[Formula]:
    """The parts, and in place of a junction of the same kind its own parts."""
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


@frozen(eq=False)
class Table:
    """The table of a machine as formulas about the pair before a step."""

    model: Model
    columns: Mapping[str, Column] = field(init=False)
    rules: Mapping[str, tuple[Rule, ...]] = field(init=False)
    _ways: Mapping[str, tuple[Cube, ...]] = field(init=False)
    _fires: dict[str, Formula] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        model = self.model
        rules: dict[str, tuple[Rule, ...]] = {e.name: () for e in model.events}
        ways: dict[str, tuple[Cube, ...]] = {e.name: () for e in model.events}
        for rule in model.rules:
            rules[rule.event] += (rule,)
        for entry in model.possible:
            ways[entry.event] += (entry.when,)
        object.__setattr__(self, "columns", {c.name: c for c in model.columns})
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "_ways", ways)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns of the record, without what is derived from them."""
        return tuple(c for c in self.model.columns if not c.derived)

    def cell(self, column: str, values: Iterable[str]) -> Formula:
        """The column has one of these values, in the order of its domain."""
        wanted = frozenset(values)
        domain = self.columns[column].domain
        kept = tuple(v for v in domain if v in wanted)
        if not kept:
            return FALSE
        return TRUE if len(kept) == len(domain) else Cell(column, kept)

    def holds(self, cube: Cube) -> Formula:
        """Every cell of the cube holds."""
        return every(self.cell(c.column, c.values) for c in cube)

    def inside(self, cubes: Iterable[Cube]) -> Formula:
        """The pair is in one of the cubes."""
        return some(self.holds(c) for c in cubes)

    def broken(self, invariant: Invariant) -> Formula:
        """The pair is in a cube that the invariant forbids."""
        return self.inside(invariant.never)

    def kept(self, ids: Iterable[str]) -> Formula:
        """None of these invariants is broken."""
        wanted = frozenset(ids)
        return every(no(self.broken(i)) for i in self.model.invariants if i.id in wanted)

    def happens(self, event: str) -> Formula:
        """The event is possible; a command always is."""
        kind = next(e.kind for e in self.model.events if e.name == event)
        return TRUE if kind is Kind.COMMAND else self.inside(self._ways[event])

    def fires(self, rule: Rule) -> Formula:
        """The rule's cells hold and its event is possible."""
        if rule.id not in self._fires:
            self._fires[rule.id] = every((self.holds(rule.when), self.happens(rule.event)))
        return self._fires[rule.id]

    def done(self, event: str) -> Formula:
        """A rule of this event fires and is done."""
        return some(self.fires(r) for r in self.rules[event] if r.outcome is Outcome.DONE)

    def answered(self, event: str) -> Formula:
        """The cells of a rule of this event hold."""
        return some(self.holds(r.when) for r in self.rules[event])

    def changed(self, rule: Rule) -> frozenset[str]:
        """The columns that a rule can change, derived ones included."""
        targets = frozenset(e.target for e in rule.then)
        return targets | {c.name for c in self.model.columns if targets.intersection(c.sources)}

    def after(self, rule: Rule, formula: Formula) -> Formula:
        """The formula that must hold before the rule, so that the given one holds after it."""
        match formula:
            case Not(inner):
                return no(self.after(rule, inner))
            case Every(parts):
                return every(self.after(rule, p) for p in parts)
            case Some(parts):
                return some(self.after(rule, p) for p in parts)
            case Cell(column, values):
                return self._after(rule, self.columns[column], values)

    def _after(self, rule: Rule, column: Column, values: Values) -> Formula:
        if column.derived:
            if not any(e.target in column.sources for e in rule.then):
                return self.cell(column.name, values)
            return some(
                every(self._after(rule, self.columns[s], (v,))
                      for s, v in zip(column.sources, row, strict=True))
                for row, value in column.table if value in values
            )
        effect = next((e.value for e in rule.then if e.target == column.name), None)
        match effect:
            case None:
                return self.cell(column.name, values)
            case Const(constant):
                return TRUE if constant in values else FALSE
            case Copy(source):
                effect = copied(source, self.columns[source].domain, column.domain)
        assert isinstance(effect, By), "BUG: an effect is a constant, a copy or a map"
        given = dict(effect.table)
        left = (v for v in self.columns[effect.column].domain if v not in given)
        return some((
            self.cell(effect.column, (g for g, new in given.items() if new in values)),
            every((self.cell(effect.column, left), self.cell(column.name, values))),
        ))
