"""JSON as text: the one strict reader, for files, streams and configurations.

Law: pure; text in, a value out. Cases that JSON leaves open are refused: a key given twice, NaN,
Infinity, and numbers or nesting that Python cannot hold.
"""

from __future__ import annotations

from typing import Any, NoReturn

from prgcore.errors import BadInput

__all__ = ["FILE_LIMIT", "LINE_LIMIT", "parse_json"]

FILE_LIMIT = 1 << 24
"""The largest file that is read, in bytes."""

LINE_LIMIT = 1 << 20
"""The longest line of JSON Lines that is read, in bytes."""


def parse_json(text: str, name: str) -> Any:
    """The value of a JSON text; an error calls the text `name`.

    Raises:
        BadInput: not JSON, a key given twice, or nested too deeply to be read.
    """
    import json  # text that is not JSON needs none

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            for key, _ in items:
                if key not in found:
                    raise BadInput(f"{name}: the key {key[:80]!r} is given twice")
                del found[key]
        return found

    def constant(word: str) -> NoReturn:
        raise BadInput(f"{name}: {word} is not JSON")

    if not text.strip():
        raise BadInput(f"{name} is empty; a JSON object is expected")
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"{name} is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise BadInput(f"{name} is nested too deeply to be read") from None
    except ValueError:  # the only other ValueError: too many digits
        raise BadInput(f"{name} is not JSON that can be read: a number has too many digits") \
            from None
