"""A heartbeat as a line of JSON: how it is written, and the one reader of it.

Law: pure; bytes in, `Heard` out, or `BadInput`, and no other error. A line has exactly these keys,
and its columns are those that its sender reports, with values of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.running.node import reported
from prgcore.running.shapes import Heard
from prgcore.wire.answers import is_word
from prgcore.wire.jsontext import parse_json

__all__ = ["LONGEST", "line", "reader"]

LONGEST = 1 << 16
"""How many bytes a heartbeat may have."""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _is_id(value: Any) -> bool:
    return is_word(value) and (not value or value.isprintable())


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "changes": _is_count, "record": _is_id, "epoch": _is_count, "mark": _is_id, "terms": _is_id}
_KEYS = {"node", "columns", *_FIELDS}


def line(node: str, heard: Heard) -> bytes:
    """The line of a heartbeat that this node sends."""
    said = {"node": node, "columns": dict(heard.columns)} | {
        name: getattr(heard, name) for name in _FIELDS}
    return json.dumps(said).encode() + b"\n"


def reader(engine: Engine, node: str) -> Callable[[bytes], Heard]:
    """A reader of the heartbeats of this node.

    The reader raises BadInput if a line is not one of them. It remembers the last lines, because a
    node that changes nothing repeats its line.
    """
    domains = {c: frozenset(engine.columns[c].domain) for c in reported(engine, node)}

    @lru_cache(maxsize=4)
    def read(data: bytes) -> Heard:
        if len(data) > LONGEST:
            raise BadInput(f"a heartbeat is longer than {LONGEST} bytes")
        try:
            found = parse_json(data.decode(), "a heartbeat")
        except UnicodeDecodeError:
            raise BadInput("a heartbeat is not text") from None
        if not isinstance(found, dict) or found.keys() != _KEYS:
            raise BadInput(f"a heartbeat is an object with the keys {', '.join(sorted(_KEYS))}")
        if found["node"] != node:
            raise BadInput(f"{node} is expected to send heartbeats, not {found['node']!r:.60}")
        columns = found["columns"]
        if not isinstance(columns, dict) or columns.keys() != domains.keys() or not all(
                isinstance(v, str) and v in domains[c] for c, v in columns.items()):
            raise BadInput(f"a heartbeat of {node} has the columns {', '.join(domains)}, each with a "
                           "value of the machine")
        for name, fits in _FIELDS.items():
            if not fits(found[name]):
                raise BadInput(f"a heartbeat of {node}: {name} is {found[name]!r:.60}")
        return Heard(**{name: found[name] for name in ("columns", *_FIELDS)})

    return read
