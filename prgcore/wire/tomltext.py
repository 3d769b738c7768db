"""TOML as text: the one strict reader, for group files, theorems and configurations.

Law: pure; text in, a value out. Refused: numbers that Python cannot write again or that no field
means, and nesting that it cannot hold.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from prgcore.errors import BadInput

__all__ = ["DEEPEST", "parse_toml"]

DEEPEST = 64
"""The most parts of a dotted TOML key; the parser takes time quadratic in their number."""

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?)"""
_DOT = r"[ \t]*\.[ \t]*"
_TOML = re.compile(
    r'"""(?:\\.|[^"\\]|"(?!""))*(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5})?"
    r"|#[^\n]*"
    rf"|{_PART}(?:{_DOT}{_PART}){{0,{DEEPEST - 1}}}(?P<deep>{_DOT}{_PART})?",
    re.DOTALL,
)
"""Long texts, comments, and dotted keys; `deep` is the part beyond the limit. An unfinished text
matches as far as it can, so every character is read once."""


_HINTS = {
    "Expected '=' after a key": "; a name that has spaces or other signs is written in quotes",
    "Invalid value": "; a text is written in quotes, also yes, on and a version",
}
"""What to do about the faults of a person who has never written TOML, by how the error begins."""


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The table of a TOML text; an error calls the text `name`.

    Raises:
        BadInput: it is not TOML, is nested too deeply, or has a number of more than 64 bits.
    """
    too_deep = BadInput(f"{name} is nested too deeply to be read")
    if any(found["deep"] for found in _TOML.finditer(text)):
        raise too_deep
    try:
        found = tomllib.loads(text)
        _check(found)
    except RecursionError:
        raise too_deep from None
    except tomllib.TOMLDecodeError as error:
        said = str(error)[:160]
        hint = next((hint for begin, hint in _HINTS.items() if said.startswith(begin)), "")
        raise BadInput(f"{name} is not TOML: {said}{hint}") from None
    except ValueError:  # tomllib raises a plain ValueError only for too many digits
        raise BadInput(f"{name} is not TOML that can be read: a number has too many digits") \
            from None
    return found


def _check(value: Any) -> None:
    """Refuse whole numbers that TOML does not promise: a hexadecimal one may have any length."""
    if isinstance(value, dict):
        for inside in value.values():
            _check(inside)
    elif isinstance(value, list):
        for inside in value:
            _check(inside)
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError
