"""The fields of a group file: each reader checks one kind of value, and names its place.

Law: pure; a table of TOML in, a value out, or BadInput with one line. `at` is the place of the table,
such as `node1.`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prgcore.errors import BadInput, unknown_name
from prgcore.running.addresses import Address, address

__all__ = ["address_of", "command", "flag", "number", "only", "table", "text", "whole"]


def only(found: Mapping[str, Any], known: Iterable[str], at: str) -> None:
    """Check that a table has no other keys than these.

    Raises:
        BadInput: it has another one.
    """
    known = tuple(known)
    for name in found:
        if name not in known:
            where = f"{at.removesuffix('.')}: " if at else ""
            raise BadInput(where + unknown_name("key", name, known))


def table(found: Mapping[str, Any], name: str, at: str = "") -> dict[str, Any]:
    """A table; an empty one if it is not there.

    Raises:
        BadInput: it is something else.
    """
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise BadInput(f"{at}{name}: expected a table, not {value!r:.60}")
    return value


def text(found: Mapping[str, Any], name: str, at: str, default: str = "") -> str:
    """A text that is not empty, of at most 500 printable characters.

    Raises:
        BadInput: it is something else.
    """
    value = found.get(name, default)
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 500:
        raise BadInput(f"{at}{name}: expected a text, not {value!r:.60}")
    return value


def address_of(found: Mapping[str, Any], name: str, at: str, port: int) -> Address:
    """An address HOST:PORT; without it, this port of this computer.

    Raises:
        BadInput: it is something else.
    """
    return address(text(found, name, at, "127.0.0.1"), at + name, port)


def number(
    found: Mapping[str, Any], name: str, at: str, default: float, *, least: float = 0,
    most: float = 1e6,
) -> float:
    """A number within bounds, such as seconds.

    Raises:
        BadInput: it is something else.
    """
    value = found.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadInput(f"{at}{name}: {value!r:.60} is not a number from {least:g} to {most:g}")
    return float(value)


def whole(
    found: Mapping[str, Any], name: str, at: str, default: int, *, least: int = 0, most: int = 1 << 31,
) -> int:
    """A whole number within bounds.

    Raises:
        BadInput: it is something else.
    """
    value = found.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadInput(f"{at}{name}: {value!r:.60} is not a whole number from {least} to {most}")
    return value


def flag(found: Mapping[str, Any], name: str, at: str, *, default: bool = False) -> bool:
    """True or false.

    Raises:
        BadInput: it is something else.
    """
    value = found.get(name, default)
    if not isinstance(value, bool):
        raise BadInput(f"{at}{name}: expected true or false, not {value!r:.60}")
    return value


def command(value: Any, at: str) -> tuple[str, ...]:
    """A command as a list of words; `at` is the whole name of its key.

    Raises:
        BadInput: it is something else.
    """
    if not isinstance(value, list) or not value or not all(
            isinstance(word, str) and word and "\0" not in word for word in value):
        raise BadInput(f'{at}: expected a command as a list: ["program", "option"]')
    return tuple(value)
