"""Written: a sorted fleet as JSON, as CSV and as columns. Law: values and text; it prints nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from prgcore.explain.display import spell
from prgcore.fleet.classes import Case, Class, Sorted, command_for
from prgcore.fleet.shapes import Group
from prgcore.form.spelling import Spelling
from prgcore.model import Display
from prgcore.seats import NODES
from prgcore.words import one_line

__all__ = ["COLUMNS", "as_csv", "as_json", "class_json", "rows", "status_json"]

COLUMNS = (
    "class", "urgency", "group", "node1", "node2", "node1_state", "node1_reason", "node2_state",
    "node2_reason", "users_out", "row", "todo", "command", "when", "since", "file", "place",
)
"""The columns of a fleet that was explained, one row for each group."""


def rows(fleet: Sorted) -> Iterator[tuple[str | int | None, ...]]:
    """Yield the `COLUMNS` of every group, class after class."""
    for one in fleet.classes:
        for group, case in one.groups:
            yield _row(one, group, case)


def _row(one: Class, group: Group, case: Case) -> tuple[str | int | None, ...]:
    names = group.names
    halves = [word for half in case.display
              for word in ((str(half.state), str(half.reason or "")) if half else ("", ""))]
    return (
        one.number, case.urgency, group.name, *group.hosts, *halves, case.users_out(group), case.label,
        " ".join(names.out(say) for say in case.todo[:1]), command_for(case, names),
        names.out(case.when), group.since, group.file, group.place)


def as_csv(fleet: Sorted, only: Class | None = None) -> str:
    """The fleet, or one class of it, as CSV, one row for each group; other rows are left out."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    chosen = rows(fleet) if only is None else (_row(only, group, case) for group, case in only.groups)
    writer.writerows([_cell(cell) for cell in row] for row in chosen)
    return text.getvalue()


def _cell(value: str | int | None) -> str | int | None:
    """A cell that no terminal obeys, and that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    said = one_line(value, len(value) * 10)
    return f"'{said}" if said.startswith(("=", "+", "-", "@")) else said


def as_json(fleet: Sorted) -> dict[str, Any]:
    """The object of `prgcore fleet explain --json`."""
    return _head(fleet) | {
        "classes": [class_json(one, fleet.spelling) for one in fleet.classes],
        "bad": [bad.to_json() for bad in fleet.bad],
        "repeated": _repeated(fleet), "remarks": fleet.reading.remarks,
    }


def status_json(fleet: Sorted) -> dict[str, Any]:
    """The object of `prgcore fleet status --json`."""
    return _head(fleet) | {
        "displays": [_display(display) | {"groups": number}
                     for display, number in in_order(fleet.displays)],
        "states": {state or None: number for state, number in fleet.states.most_common()},
        "bad": [bad.to_json() for bad in fleet.bad],
        "repeated": _repeated(fleet), "remarks": fleet.reading.remarks,
    }


def in_order(displays: Mapping[Display, int]) -> list[tuple[Display, int]]:
    """Displays with their numbers, the most frequent first."""
    return sorted(displays.items(), key=lambda both: (-both[1], *map(spell, both[0])))


def _head(fleet: Sorted) -> dict[str, Any]:
    return {
        "files": fleet.reading.kinds, "groups": len(fleet.reading.groups),
        "explained": fleet.explained, "not_explained": len(fleet.bad), "users": fleet.users,
        "users_out": fleet.users_out if fleet.counts_users else None,
        "groups_out": fleet.groups_out,
    }


def _repeated(fleet: Sorted) -> list[dict[str, str]]:
    return [{"group": group.called, "file": group.file, "place": group.place}
            for group in fleet.reading.repeated]


def class_json(one: Class, spelling: Spelling) -> dict[str, Any]:
    """A class as JSON, with all of its groups."""
    found = one.case.explanation
    return {
        "number": one.number, "title": one.title(spelling), "urgency": one.case.urgency,
        "rows": list(found.rows), "label": one.case.label or None,
        "cause": spelling.prose(found.plainly or found.cause), "todo": list(one.case.todo),
        "count": len(one.groups), "groups_out": one.groups_out, "users_out": one.users_out,
        "users_unknown": one.unknown, "since": one.since or None,
        "displays": [_display(display) | {"groups": number, "todo": list(one.cases[display].todo)}
                     for display, number in in_order(one.displays)],
        "groups": [_group(group, case) for group, case in one.groups],
    }


def _group(group: Group, case: Case) -> dict[str, Any]:
    out = case.out
    return {
        "group": group.name, "hosts": list(group.hosts), "users_out": case.users_out(group),
        "out": None if out is None else [n for n, gone in zip(NODES, out, strict=True) if gone],
        "command": command_for(case, group.names) or None,
        "when": group.names.out(case.when) or None, "since": group.since or None,
        "file": group.file, "place": group.place,
    }


def _display(display: Display) -> dict[str, Any]:
    return {node: half and {"state": str(half.state), "reason": half.reason and str(half.reason)}
            for node, half in zip(NODES, display, strict=True)}
