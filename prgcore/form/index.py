"""The index: a machine as look-ups. One number, one bit per cube, says which cubes hold for a pair.

Law: built from the table alone, once per machine; it takes no step. The engine steps with it. A
test of many cubes is one `and`, and a result for the values of some columns is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from math import prod
from operator import and_, getitem, itemgetter
from typing import Any, TypeAlias

from prgcore.model import Column, Const, Copy, Cube, Model, Rule, Values
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Effects", "Event", "Group", "Index", "Pick", "picks"]

LARGEST = 1 << 16
"""How many results of one group of columns are kept."""

Pick: TypeAlias = Callable[[Values], Any]
"""A function that picks the values of some columns from the stored values of a pair."""
Effects: TypeAlias = tuple[
    tuple[tuple[int, str], ...], tuple[tuple[int, Pick, dict[Any, str]], ...]]
"""Two lists. First, places with their new values. Second, places with a pick of their sources, and
the new value for each value of those; a source value without an entry changes nothing."""


def picks(places: Iterable[int]) -> Pick:
    """A function that picks the values at some places, always as a tuple."""
    first, *more = places
    return itemgetter(first, *more) if more else itemgetter(slice(first, first + 1))


class Event:
    """The possible answers to an event.

    Attributes:
        kind: its kind.
        possible: the bits of the cubes in which it can happen; `ways` has the cubes themselves.
        answers: the bits of the guards of its rules; `rules` has the rules, lowest id first.
    """

    __slots__ = ("answers", "kind", "possible", "rules", "ways")

    def __init__(
        self, kind: Kind, possible: int, answers: int, ways: tuple[Cube, ...], rules: list[Rule],
    ) -> None:
        self.kind, self.possible, self.answers = kind, possible, answers
        self.ways, self.rules = ways, rules


class Group(dict[Values, int]):
    """For some columns the cubes that each of their values allows, computed once per value.

    A cube holds for a pair if every group allows it.
    """

    def __init__(
        self, names: Values, derived: Iterable[Column], allowed: Mapping[str, dict[str, int]],
    ) -> None:
        self._stored = [allowed[n] for n in names]
        self._derived = [
            (picks(names.index(s) for s in c.sources),
             {key: allowed[c.name][value] for key, value in c.table})
            for c in derived
        ]

    def __missing__(self, values: Values) -> int:
        met = reduce(and_, map(getitem, self._stored, values))
        for pick, allowed in self._derived:
            met &= allowed[pick(values)]
        if len(self) >= LARGEST:
            self.clear()
        self[values] = met
        return met


class Index:
    """The index of a machine.

    Raises:
        KeyError: the machine uses an unknown name, or a derived column is not total.
        ValueError: a derived column reads another one, or a rule with a priority is not compiled.

    Attributes:
        position: the place of each column in a row: stored ones first, then derived ones.
        derived: for every derived column a pick of its sources, and its table.
        never: the bits of the cubes that no pair may be in.
        events: every event by its name.
        rules: by the number of a bit, from 1: the bit, and the rule with that guard.
        groups: a pick of the columns of a group, and the cubes that their values allow.
    """

    def __init__(self, model: Model) -> None:
        self._columns = {c.name: c for c in model.columns}
        self._last: tuple[Rule | None, Effects] = None, ((), ())
        names = sorted(self._columns, key=lambda n: self._columns[n].derived)
        self.position = {name: i for i, name in enumerate(names)}
        self.derived = [
            (picks(self.position[s] for s in c.sources), dict(c.table))
            for c in model.columns if c.derived
        ]
        for column in model.columns:
            rows = prod(len(self._columns[s].domain) for s in column.sources)
            if column.derived and len(column.table) < rows:
                raise KeyError(column.name)
            if any(self._columns[s].derived for s in column.sources):
                raise ValueError(f"{column.name} reads a derived column: see prgcore.form.chained")
        if written := [r.id for r in model.rules if r.priority and not r.row]:
            raise ValueError(f"{written[0]} has a priority: see prgcore.form.priority")
        cubes = [Cube()]  # bit 0 always holds, so that no number is 0

        def bits(more: Iterable[Cube]) -> int:
            first = len(cubes)
            cubes.extend(more)
            return (1 << len(cubes)) - (1 << first)

        self.never = bits(c for i in model.invariants for c in i.never)
        ways: dict[str, list[Cube]] = {e.name: [] for e in model.events}
        for entry in model.possible:
            ways[entry.event].append(entry.when)
        rules: dict[str, list[Rule]] = {e.name: [] for e in model.events}
        for rule in sorted(model.rules, key=lambda r: r.id):
            rules[rule.event].append(rule)
        self.events: dict[str, Event] = {}
        found: dict[int, tuple[int, Rule, Effects]] = {}
        for event in model.events:
            here, own = tuple(ways[event.name]), rules[event.name]
            possible = 1 if event.kind is Kind.COMMAND else bits(here)
            for number, rule in enumerate(own, len(cubes)):
                found[number + 1] = 1 << number, rule, self.effects(rule)
            answers = bits(rule.when for rule in own)
            self.events[event.name] = Event(event.kind, possible, answers, here, own)
        self.rules = [found.get(i, (0, None, ((), ()))) for i in range(len(cubes) + 1)]
        self.groups = self._groups(self._allowed(cubes))

    def effects(self, rule: Rule) -> Effects:
        """The effects of a rule on the stored values; those of the last rule are remembered."""
        last = self._last
        if last[0] is not rule:
            last = self._last = rule, self._effects(rule)
        return last[1]

    def _effects(self, rule: Rule) -> Effects:
        constants, look_ups = [], []
        for effect in rule.then if rule.outcome is Outcome.DONE else ():
            target = self.position[effect.target]
            if isinstance(effect.value, Const):
                constants.append((target, effect.value.value))
                continue
            source = self._columns[effect.value.column]
            made = (
                {v: v for v in source.domain} if isinstance(effect.value, Copy)
                else dict(effect.value.table)
            )
            places = [self.position[s] for s in source.sources or (source.name,)]
            known = source.table if source.derived else [((v,), v) for v in source.domain]
            look_ups.append((
                target, picks(places), {key: made[value] for key, value in known if value in made}))
        return tuple(constants), tuple(look_ups)

    def _allowed(self, cubes: list[Cube]) -> dict[str, dict[str, int]]:
        """For every value of every column the cubes that allow it."""
        named = dict.fromkeys(self._columns, 0)
        allowed = {c.name: dict.fromkeys(c.domain, 0) for c in self._columns.values()}
        for number, cube in enumerate(cubes):
            for cell in cube:
                named[cell.column] |= 1 << number
                for value in cell.values:
                    allowed[cell.column][value] = allowed[cell.column].get(value, 0) | 1 << number
        every = (1 << len(cubes)) - 1
        return {
            name: {value: bits | every ^ named[name] for value, bits in values.items()}
            for name, values in allowed.items()
        }

    def _groups(self, allowed: Mapping[str, dict[str, int]]) -> list[tuple[Pick, Group]]:
        """The columns of each node, with the other sources of its derived ones; then the rest."""
        owned: dict[str, list[Column]] = {}
        for column in self._columns.values():
            owned.setdefault(column.name.rpartition(".")[0], []).append(column)
        found = []
        for columns in owned.values():
            asked = {s for c in columns for s in c.sources or (c.name,)}
            names = tuple(n for n in self.position if n in asked)
            found.append((
                picks(self.position[n] for n in names),
                Group(names, [c for c in columns if c.derived], allowed),
            ))
        return found
