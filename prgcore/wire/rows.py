"""A machine as rows of named fields, so that two machines can be compared.

Law: every key of the format becomes a field of a row, so nothing of a machine escapes. The
order of rows, of values and of cubes means nothing unless it is listed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.model import Model, Values
from prgcore.wire.machine_file import MACHINE

__all__ = ["NAMED", "ORDERED", "At", "Fields", "Held", "Rows", "spell"]

NAMED: Mapping[str, tuple[str, Values]] = {
    "columns": ("column", ("name",)),
    "events": ("event", ("name",)),
    "possible": ("possible", ("event",)),
    "rules": ("rule", ("id",)),
    "invariants": ("invariant", ("id",)),
    "accepted_only": ("guard check", ("id", "command")),
    "exclusive": ("guard check", ("id",)),
    "only_by": ("guard check", ("id", "column")),
    "observations": ("observation", ("id",)),
    "converges": ("convergence", ("id",)),
    "duties": ("duty", ("id",)),
    "told": ("telling", ("node",)),
    "hears": ("hearing", ("node",)),
    "serves": ("serving", ("node", "group")),
    "adversary": ("strength", ("event",)),
    "decides": ("decider", ("decider",)),
    "situations": ("situation", ("row", "seat")),
    "families": ("family", ("id",)),
    "viewpoints": ("viewpoint", ("name",)),
    "stories": ("story", ("id",)),
    "timers": ("timer", ("event",)),
    "parameters": ("parameter", ("name",)),
    "actions": ("action", ("name", "node")),
    "agents": ("agent", ("node",)),
}
"""For every section the word for one of its rows, and the fields that name a row."""

ORDERED = ("actions", "asks", "display", "events", "fails", "from", "shown", "steps")
"""Fields in which the order of the values has a meaning."""

At: TypeAlias = tuple[str, str]
"""Section and name of a row; fields outside every section form the row `("machine", "")`."""
Fields: TypeAlias = "dict[str, Held]"


@frozen
class Held:
    """The values of a field; `whole`: one value, or a sequence, that changes as a whole."""

    values: Values = ()
    whole: bool = True
    cubes: tuple[Mapping[str, Values], ...] = field(default=(), eq=False)


class Rows:
    """A machine as rows.

    Attributes:
        rows: the fields of every row.
        read: the fields that some step or proof reads; the others are prose.
        order: the names of the rows of every section, and of the initial pairs, in the file's
            order.
    """

    def __init__(self, model: Model) -> None:
        self.rows = dict(_rows(MACHINE.dump(model, prose=True)))
        bare = dict(_rows(MACHINE.dump(model, prose=False)))
        self.read = {(at, name) for at, fields in bare.items() for name in fields}
        self.order = {s: tuple(name for at, name in self.rows if at == s) for s in NAMED}
        self.order["initial"] = tuple(json.dumps(dict(pair)) for pair in model.initial)


def _rows(wire: Mapping[str, Any]) -> Iterator[tuple[At, Fields]]:
    own = {k: v for k, v in wire.items() if k not in NAMED and k != "format"}
    yield ("machine", ""), dict(_fields(own))
    for section, (_, names) in NAMED.items():
        rows = wire.get(section, [])
        if section == "possible":
            events = dict.fromkeys(row["event"] for row in rows)
            rows = [
                {"event": e, "when": [r["when"] for r in rows if r["event"] == e]} for e in events
            ]
        seen: dict[str, int] = {}
        for row in rows:
            name = " ".join(str(row[n]) for n in names if n in row)
            seen[name] = seen.get(name, 0) + 1
            again = f" #{seen[name]}" if seen[name] > 1 else ""
            fields = {k: v for k, v in row.items() if k not in names}
            yield (section, name + again), dict(_fields(fields))


def _fields(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Held]]:
    for key, value in row.items():
        name = prefix + key
        match value:
            case dict():
                yield from _entries(key, name, value)
            case [dict(), *_]:
                yield from _parts(key, name, value)
            case list() if key == "table":
                for sources, result in value:
                    yield f"{name} {', '.join(map(_plain, sources))}", Held((result,))
            case _:
                yield name, _held(value, ordered=key in ORDERED)


def _entries(key: str, name: str, entries: Mapping[str, Any]) -> Iterator[tuple[str, Held]]:
    for entry, held in entries.items():
        if key == "then":
            yield from _effect(f"{name} {_plain(entry)}", held)
        else:
            yield f"{name} {_plain(entry)}", _held(held, ordered=key in ("starts", "watches"))


def _parts(key: str, name: str, parts: list[dict[str, Any]]) -> Iterator[tuple[str, Held]]:
    if key in ("actions", "asks"):
        yield name, Held(tuple(map(_action, parts)))
    elif key == "follows":
        yield name, Held(tuple(sorted(map(_action, parts))), whole=False)
    elif key == "limits":
        yield name, Held(tuple(f"{_text(part['after'])} if {spell(part['if'])}" for part in parts))
    elif key in ("advice", "causes"):
        ids = [_plain(part.get("id", str(n))) for n, part in enumerate(parts, 1)]
        for number, part in enumerate(parts):
            unique = ids[number] if ids.count(ids[number]) == 1 else f"{number + 1}"
            yield from _fields(part, f"{name} {unique} ")
    else:
        some = tuple(
            {c: (v,) if isinstance(v, str) else tuple(v) for c, v in cube.items()}
            for cube in parts
        )
        yield name, Held(tuple(sorted(map(spell, some))), whole=False, cubes=some)


def _held(value: Any, *, ordered: bool) -> Held:
    if not isinstance(value, list):
        return Held((_text(value),))
    return Held(tuple(map(_text, value)) if ordered else tuple(sorted(map(_text, value))),
                  whole=ordered)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _effect(name: str, what: Mapping[str, Any]) -> Iterator[tuple[str, Held]]:
    match what:
        case {"const": value}:
            yield name, Held((_plain(value),))
        case {"copy": column}:
            yield name, Held((f"what {_plain(column)} was",))
        case {"map": {}} if not what["map"]:
            yield name, Held(("what it was",))
        case _:
            for key, value in what["map"].items():
                yield f"{name} if {_plain(what['by'])} = {_plain(key)}", Held((value,))


def _action(action: Mapping[str, str]) -> str:
    return _plain(action["do"]) + (f"({action['node']})" if action.get("node") else "")


def spell(cube: Mapping[str, Values]) -> str:
    """A cube as text, the same for the same cells."""
    return ", ".join(
        f"{_plain(c)} = {' | '.join(sorted(map(_plain, v)))}" for c, v in sorted(cube.items())
    ) or "always"


def _plain(name: str) -> str:
    """A name as it is, or in quotes if it could be read as several."""
    return name if re.fullmatch(r"[\w.-]+", name) else json.dumps(name, ensure_ascii=False)
