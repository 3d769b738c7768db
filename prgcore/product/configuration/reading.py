"""Reading a configuration: from any JSON value to the parts that make sense, and findings.

Law: pure and total; no value raises. The fields are those of `prgcore.tables.configuration`;
`.rules` checks several values together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import accumulate, takewhile
from math import isfinite
from typing import Any, TypeAlias

from attrs import asdict, field, frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.model import Number, Values
from prgcore.tables.configuration import FIELDS, RULES
from prgcore.tables.facts import ConfigurationField, ConfigurationRule
from prgcore.timers.parameters import RECORDS, Parameters
from prgcore.words import cut

__all__ = [
    "LAYOUT", "LONGEST_SHOWN", "RULE", "Finding", "Part", "Parts", "brief", "finding",
    "read_parts",
]

Part: TypeAlias = dict[str, Any]
"""The readable fields of a record, by name."""

RULE: dict[str, ConfigurationRule] = {rule.id: rule for rule in RULES}
LAYOUT: dict[str, dict[str, ConfigurationField]] = {
    of: {f.name: f for f in FIELDS if f.of == of} for of in dict.fromkeys(f.of for f in FIELDS)
}
_UNSAID: Part = {"flag": False, "text": ""}
"""The value of an optional field that is left out."""
LONGEST_SHOWN = 120
"""The most characters of a value that a finding repeats."""


@frozen
class Finding:
    """Something that is wrong with a configuration, or could be better.

    Attributes:
        severity: `error`, `warning` or `information`.
        field: where it is, such as `groups[0].name`.
        value: the value there. None if it is missing or too long to repeat. A long text or list
            of texts is cut, and ends in "…".
        rule: the id of the rule in `prgcore.tables.configuration`.
        says: what was expected, and what to do.
        cite: the heading of the document, and the decisions.
    """

    severity: str
    field: str
    value: Any
    rule: str
    says: str
    cite: str

    def to_json(self) -> dict[str, Any]:
        """The finding as an object."""
        return asdict(self)


@frozen
class Parts:
    """The readable parts of a configuration; wrong and missing fields are left out.

    `unread` names the service parameters whose value in the file could not be read.
    """

    nodes: tuple[Part, ...] = ()
    groups: tuple[Part, ...] = ()
    parameters: Parameters = field(factory=Parameters)
    wan: Part | None = None
    unread: frozenset[str] = frozenset()


def finding(rule: str, at: str, value: object, expects: str = "", says: str = "") -> Finding:
    """A finding of this rule. `expects` replaces what the rule expects, `says` the whole text."""
    record = RULE[rule]
    cite = record.cite + (f" ({', '.join(record.decisions)})" if record.decisions else "")
    said = says or f"expected {expects or record.expects}; {record.advice}"
    return Finding(record.severity, at or "deployment", brief(value), rule, said, cite)


def brief(value: object) -> Any:
    """The value as a finding repeats it: short and plain JSON, or None."""
    if isinstance(value, str):
        return cut(value, LONGEST_SHOWN)
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list | tuple) and all(isinstance(x, str) for x in value):
        sizes = accumulate(len(x) + len('"", ') for x in value)
        shown = sum(1 for _ in takewhile(lambda size: size <= LONGEST_SHOWN, sizes))
        return [*value[:shown], *(["…"] if shown < len(value) else [])]
    return None


def read_parts(value: object) -> tuple[Parts, tuple[Finding, ...]]:
    """The readable parts of any JSON value, and what is wrong with each value alone."""
    reader = _Reader()
    found = reader.record("deployment", value, "")
    return Parts(**found, unread=frozenset(reader.unread)), tuple(reader.findings)


class _Reader:
    """Walks through a value by the layout, and collects what is wrong with it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.unread: set[str] = set()

    def wrong(
        self, rule: str, at: str, value: object, expects: str = "", says: str = ""
    ) -> None:
        self.findings.append(finding(rule, at, value, expects, says))

    def fits(self, value: object, kind: type, said: str, at: str) -> bool:
        if not isinstance(value, kind):
            self.wrong("form_kind", at, value, said)
        return isinstance(value, kind)

    def bounded(self, about: ConfigurationField, size: float, value: Any, at: str) -> None:
        low, high = about.least, about.most
        if (
            (low is not None and size < low) or (high is not None and size > high)
            or (about.never and re.search(about.never, value))
        ):
            self.wrong(about.rule, at, value, _bounds(about) if about.rule == "form_value" else "")

    # each of these returns the readable part, or None

    def record(self, of: str, value: Any, at: str) -> Part:
        """The fields of a record that are right; none if it is not an object."""
        found: Part = {}
        if not self.fits(value, dict, "an object with fields", at):
            return found
        layout = LAYOUT[of]
        for name in value:
            if name not in layout:
                said = unknown_name("field", name, layout)
                self.wrong("form_unknown", _join(at, name), value[name], says=said)
        for name, about in layout.items():
            if name in value:
                kind = about.kind.partition(" ")[0]
                read = _READERS[kind](self, about, value[name], _join(at, name))
                found |= {} if read is None else {name: read}
            elif about.needed:
                said = f"missing: {about.says}; add it"
                self.wrong("form_missing", _join(at, name), None, says=said)
            elif about.kind in _UNSAID:
                found[name] = _UNSAID[about.kind]
        return found

    def one(self, about: ConfigurationField, value: Any, at: str) -> Part:
        return self.record(about.kind.partition(" ")[2], value, at)

    def many(self, about: ConfigurationField, value: Any, at: str) -> tuple[Part, ...] | None:
        if not self.fits(value, list, "a list of objects", at):
            return None
        self.bounded(about, len(value), value, at)
        return tuple(self.one(about, item, f"{at}[{i}]") for i, item in enumerate(value))

    def texts(self, about: ConfigurationField, value: Any, at: str) -> Values | None:
        if not self.fits(value, list, "a list of texts", at):
            return None
        self.bounded(about, len(value), value, at)
        right = [self.whole_text(item, f"{at}[{i}]") for i, item in enumerate(value)]
        return tuple(value) if all(right) else None

    def text(self, about: ConfigurationField, value: Any, at: str) -> str | None:
        if not self.whole_text(value, at):
            return None
        self.bounded(about, len(value), value, at)
        return str(value)

    def whole_text(self, value: Any, at: str) -> bool:
        """Whether this is a text that a file can hold."""
        if not self.fits(value, str, "a text", at):
            return False
        if re.search("[\ud800-\udfff]", value):
            self.wrong("form_kind", at, value, "a text of whole characters, not halves of pairs")
            return False
        return True

    def flag(self, _: ConfigurationField, value: Any, at: str) -> bool | None:
        return bool(value) if self.fits(value, bool, "true or false", at) else None

    def number(self, about: ConfigurationField, value: Any, at: str) -> Number | None:
        whole, read = about.kind == "whole", _number(value)
        if read is None or (whole and not isinstance(read, int)):
            said = "a whole number" if whole else "a number"
            self.wrong("form_kind", at, value, f"{said}: {about.says}")
            return None
        self.bounded(about, read, value, at)
        return read

    def parameters(self, _: ConfigurationField, value: Any, at: str) -> Parameters:
        """The parameters, with defaults for those that are wrong."""
        right: dict[str, Any] = {}
        if not self.fits(value, dict, "an object of service parameters", at):
            self.unread.update(RECORDS)
            return Parameters()
        for name, given in value.items():
            try:
                right[name] = _parameter(name, given)
            except BadInput as error:
                self.wrong("form_parameter", _join(at, name), given, says=str(error))
                self.unread.update([name] if name in RECORDS else RECORDS)
        return Parameters.of(right)


_READERS: dict[str, Callable[[_Reader, ConfigurationField, Any, str], Any]] = {
    "one": _Reader.one, "many": _Reader.many, "texts": _Reader.texts, "text": _Reader.text,
    "flag": _Reader.flag, "number": _Reader.number, "whole": _Reader.number,
    "parameters": _Reader.parameters,
}
"""The reader of each kind of field."""


def _parameter(name: str, given: Any) -> Any:
    """The value of a service parameter.

    Raises:
        BadInput: no such parameter, or a wrong value.
    """
    if given is None or brief(given) != given:
        raise BadInput(f"{name[:60]}: expected a number of a usual size, or true or false")
    whole = name in RECORDS and RECORDS[name].unit == "port"
    number = _number(given) if whole else None
    value = given if number is None else number
    Parameters.of({name: value})
    return value


def _number(value: object) -> int | float | None:
    """A finite number, whole if it can be (in JSON, 2.0 and 2 are the same); else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value
    if not isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def _bounds(about: ConfigurationField) -> str:
    what = {"text": " characters", "many": " of them"}.get(about.kind.partition(" ")[0], "")
    if about.most is None:
        return f"{about.least} or more{what}"
    return f"{about.least or 0} to {about.most}{what}"


def _join(at: str, name: object) -> str:
    plain = str(name)[:60]
    word = plain if re.fullmatch("[A-Za-z0-9_-]+", plain) else json.dumps(plain)
    return f"{at}.{word}" if at else word
