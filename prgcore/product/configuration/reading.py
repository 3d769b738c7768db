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

from prgcore.errors import unknown_name
from prgcore.model import Number, Values
from prgcore.product.services import listed_services
from prgcore.tables.configuration import ASSIGNMENT_MODES, FIELDS, RULES
from prgcore.tables.facts import ConfigurationField, ConfigurationRule
from prgcore.timers import quantities
from prgcore.timers.parameters import RECORDS, Parameters, as_written
from prgcore.vocabulary import plain
from prgcore.words import cut, listed

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
_SPELLED: dict[str, dict[str, str]] = {
    of: {plain(word): f.name for f in layout.values() for word in (f.name, *f.also)}
    for of, layout in LAYOUT.items()
}
"""The name of a field by every way to write it, without case and punctuation."""
_ENTERPRISE = ("the user assignment mode is an enterprise parameter; write user_assignment_mode above the "
               "tables of the file")
"""The finding about a mode among the service parameters."""
_STATE = re.compile(r"\((\d{1,2})\)", re.ASCII)
"""A replication state as `utils dbreplication runtimestate` prints it, before its words."""
LARGEST_WHOLE = (1 << 63) - 1
"""The largest whole number of a field."""
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
    """The readable parts of a configuration; a needed field that is wrong or missing is left out.

    `unread` names the service parameters whose value in the file could not be read.
    """

    user_assignment_mode: str = ASSIGNMENT_MODES[0]
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
            self.wrong("form_kind", at, value, said, _instead(said, value))
        return isinstance(value, kind)

    def bounded(self, about: ConfigurationField, size: float, value: Any, at: str) -> bool:
        """Whether other rules may read the value. One beyond the bounds of the form is not read."""
        low, high = about.least, about.most
        form = about.rule == "form_value"
        if (
            (low is not None and size < low) or (high is not None and size > high)
            or (about.never and re.search(about.never, value))
        ):
            self.wrong(about.rule, at, value, _bounds(about) if form else "")
            return not form
        return True

    # each of these returns the readable part, or None

    def record(self, of: str, value: Any, at: str) -> Part:
        """The fields of a record that are right; none if it is not an object.

        An optional field that is wrong is None, so that no rule takes it for its default.
        """
        found: Part = {}
        if not self.fits(value, dict, "an object with fields", at):
            return found
        layout = LAYOUT[of]
        given: dict[str, str] = {}
        for spelled in value:
            name = spelled if spelled in layout else _SPELLED[of].get(plain(str(spelled)), "")
            if not name:
                said = unknown_name("field", spelled, layout)
                self.wrong("form_unknown", _join(at, spelled), value[spelled], says=said)
            elif name in given:
                said = f"{name} is given twice, as {given[name]} and {spelled}; give it once"
                self.wrong("form_unknown", _join(at, spelled), value[spelled], says=said)
            else:
                given[name] = spelled
        for name, about in layout.items():
            if name in given:
                kind = about.kind.partition(" ")[0]
                read = _READERS[kind](self, about, value[given[name]], _join(at, given[name]))
                found |= {} if read is None and about.needed else {name: read}
            elif about.needed:
                said = f"missing: {about.says}; add it"
                self.wrong("form_missing", _join(at, name), None, says=said)
            elif about.kind in _UNSAID:
                found[name] = _UNSAID[about.kind]
        return found

    def one(self, about: ConfigurationField, value: Any, at: str) -> Part:
        return self.record(about.kind.partition(" ")[2], value, at)

    def many(self, about: ConfigurationField, value: Any, at: str) -> tuple[Part, ...] | None:
        if isinstance(value, dict):
            return self.called(about, value, at)
        if not self.fits(value, list, "a list of objects", at):
            return None
        self.bounded(about, len(value), value, at)
        return tuple(self.one(about, item, f"{at}[{i}]") for i, item in enumerate(value))

    def called(
        self, about: ConfigurationField, value: dict[Any, Any], at: str,
    ) -> tuple[Part, ...] | None:
        """Records by their names, `[nodes.imp1]`; one without a name of its own has that one."""
        if not all(isinstance(item, dict) for item in value.values()):
            self.wrong("form_kind", at, None, says=f"expected a list of objects; in TOML write "
                       f"[[{about.name}]] above each of them")
            return None
        self.bounded(about, len(value), value, at)
        of = about.kind.partition(" ")[2]
        named = {
            name: item if any(_SPELLED[of].get(plain(str(key))) == "name" for key in item)
            else {"name": str(name), **item} for name, item in value.items()}
        return tuple(self.one(about, item, _join(at, name)) for name, item in named.items())

    def texts(self, about: ConfigurationField, value: Any, at: str) -> Values | None:
        if isinstance(value, str) and re.search("[,;\n]", value):
            value = list(listed_services(value))
        if not self.fits(value, list, "a list of texts", at):
            return None
        self.bounded(about, len(value), value, at)
        right = [self.whole_text(item, f"{at}[{i}]") for i, item in enumerate(value)]
        return tuple(value) if all(right) else None

    def services(self, about: ConfigurationField, value: Any, at: str) -> Values | None:
        """Names of services, with or without their status; or a status, or a flag, by name."""
        if isinstance(value, dict) and value and all(
                isinstance(v, str | bool) for v in value.values()):
            words = {True: "running", False: "not running"}
            value = [f"{name}: {words.get(status, status)}" for name, status in value.items()]
        return self.texts(about, value, at)

    def choice(self, about: ConfigurationField, value: Any, at: str) -> str | None:
        meant = plain(value) if isinstance(value, str) else None
        found = next((c for c in about.choices if plain(c) == meant), None)
        if found is None:
            known = listed(f'"{choice}"' for choice in about.choices)
            self.wrong("form_kind", at, value, says=f"expected {known}: {about.says}; write it in "
                       "quotes")
        return found

    def replication(self, about: ConfigurationField, value: Any, at: str) -> Number | None:
        """The number of a replication state, or the words of the command line around it."""
        if isinstance(value, str) and len(found := _STATE.findall(value)) == 1:
            value = int(found[0])
        read = _number(value, about.unit)
        if not isinstance(read, int):
            self.wrong("form_kind", at, value, says=f"expected a whole number: {about.says}; write "
                       "2, or (2) Setup Completed as utils dbreplication runtimestate shows it")
            return None
        return read if self.bounded(about, read, value, at) else None

    def text(self, about: ConfigurationField, value: Any, at: str) -> str | None:
        if not self.whole_text(value, at):
            return None
        return str(value) if self.bounded(about, len(value), value, at) else None

    def whole_text(self, value: Any, at: str) -> bool:
        """Whether this is a text that a file can hold."""
        if not self.fits(value, str, "a text", at):
            return False
        if re.search("[\ud800-\udfff]", value):
            self.wrong("form_kind", at, value, "a text of whole characters, not halves of pairs")
            return False
        return True

    def flag(self, _: ConfigurationField, value: Any, at: str) -> bool | None:
        meant = quantities.flag(value) if isinstance(value, str) else None
        value = value if meant is None else meant
        return bool(value) if self.fits(value, bool, "true or false", at) else None

    def number(self, about: ConfigurationField, value: Any, at: str) -> Number | None:
        read = _number(value, about.unit)
        if read is None:
            unit = f" or, with its unit, 20 {about.unit}" if about.unit else ""
            self.wrong("form_kind", at, value,
                       says=f"expected a number: {about.says}; write 20{unit}")
            return None
        return read if self.bounded(about, read, value, at) else None

    def parameters(self, _: ConfigurationField, value: Any, at: str) -> Parameters:
        """The parameters, with defaults for those that are wrong."""
        if not self.fits(value, dict, "an object of service parameters", at):
            self.unread.update(RECORDS)
            return Parameters()
        right, wrong = as_written(Parameters, value)
        for spelled, one in wrong.items():
            mode = _SPELLED["deployment"].get(plain(str(spelled))) == "user_assignment_mode"
            self.wrong("form_parameter", _join(at, spelled), value[spelled],
                       says=_ENTERPRISE if mode else one.says)
            self.unread.update([one.name] if one.name else RECORDS)
        return Parameters.of(right)


_READERS: dict[str, Callable[[_Reader, ConfigurationField, Any, str], Any]] = {
    "one": _Reader.one, "many": _Reader.many, "texts": _Reader.texts, "text": _Reader.text,
    "flag": _Reader.flag, "number": _Reader.number, "choice": _Reader.choice,
    "services": _Reader.services, "replication": _Reader.replication,
    "parameters": _Reader.parameters,
}
"""The reader of each kind of field."""


def _number(value: object, unit: str = "") -> int | float | None:
    """A finite number, whole if it can be (in JSON, 2.0 and 2 are the same); else None.

    A text may mean one, alone or with a unit. A whole number has at most 64 bits, as in TOML.
    """
    if isinstance(value, str):
        value = quantities.quantity(value, unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_WHOLE else None
    if not isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < LARGEST_WHOLE else value


def _instead(expected: str, value: object) -> str:
    """A sentence: how to write a value of the wrong kind. It is empty if that is not clear."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if expected == "a text" and number and brief(value) is not None:
        return f'expected a text; write it in quotes: "{value}"'
    if expected == "a list of texts" and isinstance(value, str) and len(value) < LONGEST_SHOWN:
        inside = json.dumps(value, ensure_ascii=False) if value.strip() else ""
        return f"expected a list of texts; write [{inside}]"
    if expected == "true or false" and isinstance(value, str | int | float):
        return "expected true or false; write true or false, without quotes"
    return ""


def _bounds(about: ConfigurationField) -> str:
    what = {"text": " characters", "many": " of them"}.get(about.kind.partition(" ")[0], "")
    if about.most is None:
        return f"{about.least} or more{what}"
    return f"{about.least or 0} to {about.most}{what}"


def _join(at: str, name: object) -> str:
    plain = str(name)[:60]
    word = plain if re.fullmatch("[A-Za-z0-9_-]+", plain) else json.dumps(plain)
    return f"{at}.{word}" if at else word
