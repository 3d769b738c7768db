"""Knowledge: F6, the lint of law 7. A rule reads only columns that its decider can know.

Law: pure; decided from the table alone, for derived columns too. Generic in the names of columns:
each column names its observer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from prgcore.model import Column, Const, Model, Value, Values

__all__ = ["ADMINISTRATOR", "ENVIRONMENT", "RECORD", "knowledge", "knows"]

_Columns: TypeAlias = Mapping[str, Column]

ENVIRONMENT = "environment"
ADMINISTRATOR = "administrator"
RECORD = "record"


def knowledge(model: Model) -> tuple[str, ...]:
    """F6: every cell, map and effect in which a rule uses more than its decider can know.

    A node knows its own columns, the record, and every column derived from those. It also knows
    a derived column that hides the other node's columns while a yes/no column of its own says
    "no". The administrator asks every node, never the environment. The environment knows
    everything.
    """
    columns = {c.name: c for c in model.columns}
    deciders = {e.name: e.decider for e in model.events}
    found = []
    for i, rule in enumerate(model.rules):
        who = deciders[rule.event]
        if who == ENVIRONMENT:
            continue
        reads = [(f"when.{c.column}", c.column) for c in rule.when]
        reads += [(f"then.{e.target}", c) for e in rule.then for c in _read_by(e.value)]
        found += [
            f"rules[{i}].{at}: {who} decides {rule.event} and cannot know {name} "
            f"(observed by {_observers(columns[name], columns)})"
            for at, name in reads if not knows(who, columns[name], columns)
        ]
        found += [
            f"rules[{i}].then.{e.target}: {who} decides {rule.event} and cannot write "
            f"{e.target} (observed by {columns[e.target].observed_by})"
            for e in rule.then if not _sees(who, columns[e.target])
        ]
    return tuple(found)


def _read_by(value: Value) -> Values:
    return () if isinstance(value, Const) else (value.column,)


def _observers(column: Column, columns: _Columns) -> str:
    sources = [columns[s] for s in column.sources] or [column]
    return ", ".join(sorted({s.observed_by for s in sources}))


def _sees(who: str, column: Column) -> bool:
    """Whether a decider observes a stored column."""
    if who == ADMINISTRATOR:
        return column.observed_by != ENVIRONMENT
    return column.observed_by in (who, RECORD)


def knows(who: str, column: Column, columns: _Columns) -> bool:
    """Whether a decider can know a column: it observes it, or hears of it from the other node."""
    if not column.derived:
        return _sees(who, column)
    hidden = [i for i, s in enumerate(column.sources) if not _sees(who, columns[s])]
    if not hidden:
        return True
    if any(columns[column.sources[i]].observed_by == ENVIRONMENT for i in hidden):
        return False
    return any(
        _gated(column, gate, hidden)
        for gate, source in enumerate(column.sources)
        if columns[source].observed_by == who and sorted(columns[source].domain) == ["no", "yes"]
    )


def _gated(column: Column, gate: int, hidden: list[int]) -> bool:
    """Whether, with the gate at "no", the value does not depend on the hidden sources."""
    told: dict[Values, set[str]] = {}
    for values, value in column.table:
        if values[gate] == "no":
            seen = tuple(v for i, v in enumerate(values) if i not in hidden)
            told.setdefault(seen, set()).add(value)
    return all(len(values) == 1 for values in told.values())
