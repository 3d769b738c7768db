"""Formulas about two nodes: where each can act, hears, serves, and what it decides whatever it knows.

Law: reads the table and the facts of a network; no format, and no interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.exports.formula import FALSE, TRUE, Every, Formula, Not, Some, Table, every, no, some
from prgcore.model import Cell, Rule
from prgcore.network.facts import Facts
from prgcore.seats import NODES

__all__ = ["Known"]


@frozen(eq=False)
class Known:
    """Formulas about the pair as a node takes it; nodes are 0 and 1."""

    engine: Engine
    facts: Facts
    table: Table = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "table", Table(self.engine.model))

    def runs(self, i: int) -> Formula:
        """The node can act, by its own columns."""
        own = {self.engine.stored[k] for k in self.facts.own[i]}
        return every(self.table.cell(c.column, c.values) for cube in self.engine.habits.acts(NODES[i])
                     for c in cube if c.column in own)

    def able(self, i: int) -> Formula:
        """The node is able to serve users."""
        return self.table.holds(self.engine.habits.agent(NODES[i]).able)

    def assigns(self, i: int, group: str) -> Formula:
        """The group is assigned to the node."""
        return self.table.inside(self.facts.serves.get((NODES[i], group), ()))

    def hears(self, i: int) -> Formula:
        """The node hears its peer."""
        gates = [h.when for h in self.engine.model.hears if h.node == NODES[i]]
        return self.table.inside(gates) if gates else TRUE

    def ways(self, event: str, *, allows: bool) -> Formula:
        """The event is possible; if the adversary allows it anyhow, whatever the world is like."""
        cubes = self.facts.ways(event, hidden=not allows)
        return TRUE if cubes is None else self.table.inside(cubes)

    def fixed(self, formula: Formula, values: Mapping[str, str]) -> Formula:
        """The formula where some stored columns have these values."""
        match formula:
            case Not(inner):
                return no(self.fixed(inner, values))
            case Every(parts):
                return every(self.fixed(p, values) for p in parts)
            case Some(parts):
                return some(self.fixed(p, values) for p in parts)
            case Cell(name, allowed):
                column = self.table.columns[name]
                if name in values:
                    return TRUE if values[name] in allowed else FALSE
                if not values.keys() & set(column.sources):
                    return formula
                return some(
                    self.fixed(every(self.table.cell(s, (v,))
                                     for s, v in zip(column.sources, row, strict=True)), values)
                    for row, value in column.table if value in allowed)

    def read(self, formula: Formula) -> frozenset[str]:
        """The stored columns that a formula reads."""
        match formula:
            case Not(inner):
                return self.read(inner)
            case Every(parts) | Some(parts):
                return frozenset[str]().union(*map(self.read, parts))
            case Cell(name, _):
                return frozenset(self.table.columns[name].sources or (name,))

    def anyhow(self, formula: Formula, columns: Iterable[str]) -> Formula:
        """The formula holds for some values of these columns."""
        for name in sorted(self.read(formula) & set(columns)):
            formula = some(self.fixed(formula, {name: value})
                           for value in self.table.columns[name].domain)
        return formula

    def inside(self, columns: Iterable[str]) -> Formula:
        """No invariant is broken; those alone that read one of these columns."""
        unknown = set(columns)
        cubes = [self.table.holds(c) for i in self.engine.model.invariants for c in i.never]
        return every(no(cube) for cube in cubes if self.read(cube) & unknown)

    def unknown(self, i: int, *, heard: bool) -> set[str]:
        """The stored columns that a node does not know."""
        facts = self.facts
        knows = {*facts.shared, *facts.own[i], *(facts.told[1 - i] if heard else ())}
        return {c for k, c in enumerate(self.engine.stored) if k not in knows}

    def clash(self, i: int) -> Formula:
        """No pair inside the invariants is as the copy of a node says, as far as it knows."""
        cubes = [self.table.holds(c) for inv in self.engine.model.invariants for c in inv.never]

        def fits(*, heard: bool) -> Formula:
            lacks = self.unknown(i, heard=heard)
            mixed = [c for c in cubes if self.read(c) & lacks]
            return every((*(no(c) for c in cubes if not self.read(c) & lacks),
                          self.anyhow(every(map(no, mixed)), lacks)))

        hears = self.hears(i)
        return some((every((hears, no(fits(heard=True)))), every((no(hears), no(fits(heard=False))))))

    def decided(self, i: int, rule: Rule, *, heard: bool, allows: bool) -> Formula:
        """(With a record) the rule answers in every pair that the node cannot tell from the true one.

        The true pair is one of them: it keeps the invariants, and the event is possible in it.

        Args:
            heard: the node hears its peer, and what it heard is still so.
            allows: the event may come whatever the world is like.
        """
        lacks, when = self.unknown(i, heard=heard), self.table.holds(rule.when)
        becomes = [self.table.after(rule, self.table.cell(e.target, (value,)))
                   for e in rule.then if e.target not in lacks
                   for value in self.table.columns[e.target].domain]
        depends = [after for after in becomes if self.read(after) & lacks]
        guards = [self.table.holds(r.when) for r in self.table.rules[rule.event]]
        asked = sorted(lacks & frozenset[str]().union(
            *(self.read(f) for f in (*guards, *depends))))
        if not asked:
            return when
        fits = every((self.inside(lacks), self.ways(rule.event, allows=allows)))
        parts = [when]
        for values in product(*(self.table.columns[name].domain for name in asked)):
            fixed = dict(zip(asked, values, strict=True))
            able = self.anyhow(self.fixed(fits, fixed), lacks.difference(asked))
            parts.append(some((no(able), self.fixed(when, fixed))))
            parts += [some((no(able), no(after), self.fixed(after, fixed))) for after in depends]
        return every(parts)
