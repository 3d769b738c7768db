"""Knowledge: F6, the lint of law 7. A rule reads only columns that its decider can know.

Law: pure; decided from the table alone, for derived columns too. Generic in the names of columns:
each column names its observer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from prgcore.model import Column, Const, Hears, Model, Value, Values, cube

__all__ = ["ADMINISTRATOR", "ENVIRONMENT", "RECORD", "knowledge", "knows", "sees"]

_Columns: TypeAlias = Mapping[str, Column]

ENVIRONMENT = "environment"
ADMINISTRATOR = "administrator"
RECORD = "record"


def knowledge(model: Model) -> tuple[str, ...]:
    """F6: every cell, map and effect in which a rule uses more than its decider can know.

    A node knows its own columns, the record, and every column derived from those. The section
    `hears` opens more: where its cube holds, the node knows the columns that it learns. A rule may
    read such a column if it is derived, and depends on the peer's columns only there. The
    administrator asks every node, never the environment. The environment knows everything.
    """
    columns = {c.name: c for c in model.columns}
    deciders = {e.name: e.decider for e in model.events}
    found: list[str] = []
    said: set[tuple[str, str]] = set()

    def section(who: str, name: str) -> str:
        """The section that may be missing, once for each column."""
        again = (who, name) in said
        said.add((who, name))
        return "" if again else _section(who, columns[name], columns, model.hears)

    for i, rule in enumerate(model.rules):
        who = deciders[rule.event]
        if who == ENVIRONMENT:
            continue
        reads = [(f"when.{c.column}", c.column) for c in rule.when]
        reads += [(f"then.{e.target}", c) for e in rule.then for c in _read_by(e.value)]
        found += [
            f"rules[{i}].{at}: {who} decides {rule.event} and cannot know {name} "
            f"(observed by {_observers(columns[name], columns)})"
            f"{section(who, name)}"
            for at, name in reads if not knows(who, columns[name], columns, model.hears)
        ]
        found += [
            f"rules[{i}].then.{e.target}: {who} decides {rule.event} and cannot write "
            f"{e.target} (observed by {columns[e.target].observed_by})"
            for e in rule.then if not sees(who, columns[e.target])
        ]
    return tuple(found)


def _read_by(value: Value) -> Values:
    return () if isinstance(value, Const) else (value.column,)


def _observers(column: Column, columns: _Columns) -> str:
    sources = [columns[s] for s in column.sources] or [column]
    return ", ".join(sorted({s.observed_by for s in sources}))


def sees(who: str, column: Column) -> bool:
    """Whether a decider observes a stored column."""
    if who == ADMINISTRATOR:
        return column.observed_by != ENVIRONMENT
    return column.observed_by in (who, RECORD)


def knows(who: str, column: Column, columns: _Columns, hears: tuple[Hears, ...] = ()) -> bool:
    """Whether a decider can know a column: it observes it, or hears of it from the other node."""
    if not column.derived:
        return sees(who, column)
    hidden = {s for s in column.sources if not sees(who, columns[s])}
    if any(columns[s].observed_by == ENVIRONMENT for s in hidden):
        return False
    return not hidden or any(
        h.node == who and _follows(column, h, hidden, columns) for h in hears)


def _follows(column: Column, hears: Hears, hidden: set[str], columns: _Columns) -> bool:
    """Whether the value follows from what a node sees, and from what it learns where the gate holds."""
    learnt = [c for name in hears.learns if name in columns
              for c in [columns[name]] if {*(c.sources or (c.name,))} <= {*column.sources}]
    tables = [dict(c.table) for c in learnt]
    told: dict[tuple[object, ...], set[str]] = {}
    for values, value in column.table:
        row = dict(zip(column.sources, values, strict=True))
        seen = tuple(v for name, v in row.items() if name not in hidden)
        learns: Values = ()
        if all(c.column in row and row[c.column] in c.values for c in hears.when):
            learns = tuple(table[tuple(row[s] for s in c.sources)] if c.sources else row[c.name]
                           for c, table in zip(learnt, tables, strict=True))
        told.setdefault((seen, learns), set()).add(value)
    return all(len(values) == 1 for values in told.values())


def _section(who: str, column: Column, columns: _Columns, hears: tuple[Hears, ...]) -> str:
    """The section that would open a derived column, where one column of the node says "heard"."""
    if not column.derived or who == ADMINISTRATOR or any(h.node == who for h in hears):
        return ""
    for gate in (columns[s] for s in column.sources if columns[s].observed_by == who):
        for value in gate.domain:
            section = Hears(who, cube({gate.name: value}), column.name)
            if knows(who, column, columns, (section,)):
                import json

                wire = {"node": who, "when": {gate.name: [value]}, "learns": [column.name]}
                return (f"; if {gate.name} says that {who} hears its peer, the machine needs "
                        f"the section hears: {json.dumps([wire])}")
    return ""
