"""Numbers with a unit, and true or false, as people write them: `90 seconds`, `Enabled`.

Law: pure. The unambiguous spellings are data (`prgcore.tables.parameters`). Any other text is None,
and the caller says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from prgcore.model import Number
from prgcore.tables.parameters import FLAGS, UNITS

__all__ = ["flag", "quantity"]

_NUMBER = re.compile(r"([+-]?\d{1,30}(?:\.\d{0,30})?)\s*(.{0,30})", re.ASCII | re.DOTALL)
_BYTES = "B"
"""Bytes, not bits: 20 MB/s are not 20 Mb/s."""


def flag(text: str) -> bool | None:
    """The truth value that a text means: `flag("Enabled") is True`; None if it means none."""
    return FLAGS.get(text.strip().casefold())


def quantity(text: str, unit: str = "") -> Number | None:
    """The number that a text means, in this unit; None if it means none.

    Args:
        text: a number, alone or with a unit: `60`, `60 s`, `1.5 minutes`.
        unit: `s`, `ms`, `Mbit/s`, or empty: the number is alone.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    digits, given = found[1], " ".join(found[2].split())
    number = float(digits) if "." in digits else int(digits)
    if not given:
        return number
    bits = unit != "Mbit/s" or _BYTES not in given
    known: Mapping[str, Number] = UNITS.get(unit, {})
    times = known.get(given.casefold()) if bits else None
    return None if times is None else _whole(number * times)


def _whole(number: Number) -> Number:
    """A whole number if it is one: 0.5 minutes are 30 s."""
    rounded = round(number, 9)
    return int(rounded) if rounded == int(rounded) else rounded
