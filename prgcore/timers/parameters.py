"""The service parameters as values: `Parameters()` are the defaults.

Law: pure; each value is checked alone, against its record in `prgcore.tables.parameters`.
`prgcore.timers.sanity` checks the rules between them, and `prgcore.timers.monitor` says what
they promise.
"""

# ruff: noqa: RUF009, `field` by another name

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import Attribute, asdict, evolve, field, fields, frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.model import Number
from prgcore.tables.parameters import PARAMETERS
from prgcore.vocabulary import plain

__all__ = ["AT_MOST", "LATEST", "RECORDS", "Parameters", "Range", "seconds", "spread"]

RECORDS = {p.name: p for p in PARAMETERS}
"""The record of every parameter, by its name."""

_SPELLINGS = {plain(spelled): p.name for p in PARAMETERS for spelled in (p.name, p.title)}

LATEST = 1 << 40
"""The largest number of seconds: beyond it a float cannot resolve a millisecond."""
AT_MOST = "some 34,000 years of them"
"""`LATEST` in words."""

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?", re.ASCII)
_FLAGS = {"true": True, "false": False}


def seconds(value: object, name: str) -> Number:
    """The value as a number of seconds, 0 or more; `name` is for the error.

    Raises:
        BadInput: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise BadInput(f"{name}: expected seconds, from 0 to {AT_MOST}, not {value!r:.60}")
    return value


@frozen
class Range:
    """The least, the mean and the greatest time, in seconds."""

    least: Number
    mean: Number
    most: Number


def spread(least: Number, most: Number) -> Range:
    """The range of a time that is spread evenly between two values."""
    return Range(least, (least + most) / 2, most)


def _valid(_: object, attribute: Attribute[Any], value: object) -> None:
    record = RECORDS[attribute.name]
    if isinstance(record.default, bool):
        if not isinstance(value, bool):
            raise BadInput(f"{record.name}: expected true or false, not {value!r:.60}")
        return
    whole = record.unit == "port"
    kind = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or value != value:  # noqa: PLR0124
        expected = "a whole number" if whole else "a number of seconds"
        raise BadInput(f"{record.name}: expected {expected}, not {value!r:.60}")
    if not record.least <= value <= record.most:
        unit = "" if whole else f" {record.unit}"
        raise BadInput(
            f"{record.name}: {value!r:.60} is outside {record.least} to {record.most}{unit} "
            "(a bound of this library; the document gives none)"
        )


def _named(spelled: str) -> str:
    """The parameter that a spelling means: its name or its title, in any case and spacing.

    Raises:
        BadInput: no such parameter. The error suggests titles if the spelling looks like one.
    """
    if name := _SPELLINGS.get(plain(spelled)):
        return name
    titles = (p.title for p in PARAMETERS)
    raise BadInput(unknown_name("parameter", spelled, titles if " " in spelled else RECORDS))


def _value(name: str, word: str) -> Number | str:
    """The value that a word means for a parameter; the word itself if it means none."""
    if name in RECORDS and isinstance(RECORDS[name].default, bool):
        return _FLAGS.get(word.lower(), word)
    if not _NUMBER.fullmatch(word):
        return word
    return float(word) if "." in word else int(word)


def _parameter(name: str) -> Any:
    return field(default=RECORDS[name].default, validator=_valid)


@frozen(kw_only=True)
class Parameters:
    """The values that an administrator has set. Times are in seconds.

    Source: "Configure Heartbeat Interval for Failover", steps 4 and 5.

    Raises:
        BadInput: a value of the wrong kind, or outside its bounds.
    """

    service_port: int = _parameter("service_port")
    admin_rpc_port: int = _parameter("admin_rpc_port")
    critical_service_delay: Number = _parameter("critical_service_delay")
    enable_automatic_fallback: bool = _parameter("enable_automatic_fallback")
    initialization_keep_alive_timeout: Number = _parameter("initialization_keep_alive_timeout")
    keep_alive_timeout: Number = _parameter("keep_alive_timeout")
    keep_alive_interval: Number = _parameter("keep_alive_interval")
    monitor_xcp_authentication: bool = _parameter("monitor_xcp_authentication")
    client_relogin_lower_limit: Number = _parameter("client_relogin_lower_limit")
    client_relogin_upper_limit: Number = _parameter("client_relogin_upper_limit")

    @staticmethod
    def of(values: Mapping[str, Any], others: Parameters | None = None) -> Parameters:
        """The parameters from a mapping of names to values; the others have their defaults.

        Args:
            values: the values by name.
            others: where the others are from, instead of the defaults.

        Raises:
            BadInput: no such parameter, or a wrong value.
        """
        for name in values:
            if name not in RECORDS:
                raise BadInput(unknown_name("parameter", name, RECORDS))
        return evolve(others or Parameters(), **values)

    @staticmethod
    def parse(words: Mapping[str, str], others: Parameters | None = None) -> Parameters:
        """The parameters from words, as a command line has them: `{"keep_alive_timeout": "75"}`.

        A parameter may also be spelled as the administration spells it: `Keep Alive (Heartbeat)
        Timeout`. Case, spacing and punctuation do not matter.

        Args:
            words: the words by name.
            others: where the others are from, instead of the defaults.

        Raises:
            BadInput: no such parameter, a wrong value, or two values under two spellings.
        """
        found: dict[str, Number | str] = {}
        for spelled, word in words.items():
            name = _named(spelled)
            value = _value(name, word)
            if found.setdefault(name, value) != value:
                raise BadInput(f"{name} is given twice: {str(found[name])[:60]} and {word[:60]}; "
                               "give it once")
        return Parameters.of(found, others)

    @property
    def relogin_wait(self) -> Range:
        """How long a client waits before it logs in again: between the limits as they are set."""
        return spread(self.client_relogin_lower_limit, self.client_relogin_upper_limit)

    def to_json(self) -> dict[str, Number]:
        """Every parameter by name, in the order of the document."""
        return asdict(self)


assert tuple(RECORDS) == tuple(a.name for a in fields(Parameters)), \
    "BUG: the parameters and their records differ"
