"""The grammar of a machine file: how each shape of the model is written, read and described.

Law: one small codec per shape, and each does three things. `dump` writes JSON, `load` reads JSON
and puts every finding at its place, `schema` gives the JSON Schema. `prgcore.wire.machine_file`
combines them into the format, so that writer, reader and schema cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import attrs
from attrs import frozen

from prgcore.errors import unknown_name
from prgcore.model import By, Cell, Const, Copy, Cube, Effect, Value
from prgcore.words import listed

__all__ = [
    "CELLS", "CHOICES", "CUBE", "ENOUGH", "LONGEST_NAME", "NAME", "SPELT", "TEXT", "THEN",
    "VALUE", "Codec", "Either", "EnoughFindings", "Entries", "Field", "Findings", "Flag", "Json",
    "Limit", "Many", "Number", "Quantity", "Record", "Row", "Text", "Word",
]

LONGEST_NAME = 200
"""The most characters that the name of a column, a value, an event or a rule may have."""

ENOUGH = 1000
"""After this many findings the rest of a file is not read."""

Json = Any


class EnoughFindings(Exception):
    """The file has so many mistakes that reading on would help nobody."""


class Findings(list[str]):
    """The mistakes so far, one line each, as `place: what is wrong`."""

    def add(self, place: str, what: str) -> None:
        """Add a mistake; raises EnoughFindings when there are `ENOUGH`."""
        self.append(f"{place or 'machine'}: {what}")
        if len(self) >= ENOUGH:
            self.append(f"machine: not read further after {ENOUGH} findings")
            raise EnoughFindings

    def wants(self, place: str, expected: str, raw: Json) -> None:
        """Add that the value at a place is of another kind than expected."""
        shown = repr(raw) if isinstance(raw, str | int | float | bool) else ""
        what = "null" if raw is None else f"{_KINDS.get(type(raw), type(raw).__name__)} {shown[:80]}"
        self.add(place, f"expected {expected}, not {what.strip()}")


_KINDS: dict[type, str] = {
    str: "text", bool: "flag", int: "number", float: "number", list: "a list", tuple: "a list",
    dict: "an object",
}


class Codec(Protocol):
    """A codec: it writes, reads and describes one shape."""

    def dump(self, value: Any, *, prose: bool) -> Json:
        """The value as JSON; without prose where `prose` is false."""

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        """The value of some JSON; it means nothing if a finding was added."""

    def schema(self) -> dict[str, Json]:
        """The JSON Schema of what `dump` writes."""


@frozen
class Text:
    """A sentence, or (`name`) a short printable name."""

    name: bool = False

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        return str(value)

    def load(self, place: str, raw: Json, found: Findings) -> str:
        if not isinstance(raw, str):
            found.wants(place, "a name" if self.name else "text", raw)
        elif any("\ud800" <= c <= "\udfff" for c in raw):
            found.add(place, "half a character (a lone surrogate), which cannot be written")
        elif self.name and not (raw and len(raw) <= LONGEST_NAME and raw.isprintable()):
            found.add(place, f"a name is 1 to {LONGEST_NAME} printable characters, not {raw[:80]!r}")
        else:
            return raw
        return ""

    def schema(self) -> dict[str, Json]:
        short = {"minLength": 1, "maxLength": LONGEST_NAME} if self.name else {}
        return {"type": "string", **short}


NAME = Text(name=True)
TEXT = Text()


@frozen
class Flag:
    """True or false."""

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        return bool(value)

    def load(self, place: str, raw: Json, found: Findings) -> bool:
        if not isinstance(raw, bool):
            found.wants(place, "true or false", raw)
        return bool(raw)

    def schema(self) -> dict[str, Json]:
        return {"type": "boolean"}


@frozen
class Number:
    """A whole number, from `least` to `most`."""

    least: int
    most: int

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        return int(value)

    def load(self, place: str, raw: Json, found: Findings) -> int:
        expected = f"a whole number from {self.least} to {self.most}"
        if isinstance(raw, bool) or not isinstance(raw, int):
            found.wants(place, expected, raw)
        elif not self.least <= raw <= self.most:
            found.add(place, f"expected {expected}, not {str(raw)[:20]}")
        else:
            return raw
        return self.least

    def schema(self) -> dict[str, Json]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@frozen
class Quantity:
    """A number from `least` to `most`, not only a whole one; `flags`: or true, or false."""

    least: float
    most: float
    flags: bool = False

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        whole = isinstance(value, float) and value.is_integer()
        return int(value) if whole else value

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        expected = f"a number from {self.least:g} to {self.most:g}"
        if self.flags and isinstance(raw, bool):
            return raw
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            found.wants(place, expected + ", or true or false" * self.flags, raw)
        elif not self.least <= raw <= self.most:
            found.add(place, f"expected {expected}, not {str(raw)[:20]}")
        else:
            return raw
        return self.least

    def schema(self) -> dict[str, Json]:
        number = {"type": "number", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [number, {"type": "boolean"}]} if self.flags else number


@frozen
class Limit:
    """A row of the limits of a timer: `{"if": cells, "after": parameter or seconds}`."""

    most: float

    def dump(self, value: Any, *, prose: bool) -> Json:
        cells, after = value
        named = isinstance(after, str)
        return {"if": CUBE.dump(cells, prose=prose),
                "after": after if named else Quantity(0, self.most).dump(after, prose=prose)}

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if not isinstance(raw, Mapping) or {*raw} != {"if", "after"}:
            found.wants(place, '{"if": cells, "after": a parameter or a number of seconds}', raw)
            return None
        after = raw["after"]
        codec: Codec = NAME if isinstance(after, str) else Quantity(0, self.most)
        return (CUBE.load(f"{place}.if", raw["if"], found),
                codec.load(f"{place}.after", after, found))

    def schema(self) -> dict[str, Json]:
        after = {"anyOf": [NAME.schema(), Quantity(0, self.most).schema()]}
        return {
            "type": "object", "additionalProperties": False, "required": ["if", "after"],
            "properties": {"if": CUBE.schema(), "after": after},
        }


@frozen
class Word:
    """One of a few words; with an enum, its member."""

    words: tuple[str, ...]
    make: Callable[[str], Any] = str

    @classmethod
    def of(cls, enum: type[StrEnum]) -> Word:
        return cls(tuple(member.value for member in enum), enum)

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        return str(value)

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if isinstance(raw, str) and raw in self.words:
            return self.make(raw)
        if isinstance(raw, str) and len(self.words) > 1:
            found.add(place, unknown_name("word", raw, self.words))
        else:
            found.wants(place, listed(map(repr, self.words)), raw)
        return None

    def schema(self) -> dict[str, Json]:
        return {"enum": list(self.words)}


@frozen
class Many:
    """A list; of exactly `length` items if that is given."""

    item: Codec
    length: int | None = None
    make: Callable[[tuple[Any, ...]], Any] = tuple
    read: Callable[[Any], tuple[Any, ...]] = tuple

    def dump(self, value: Any, *, prose: bool) -> Json:
        return [self.item.dump(v, prose=prose) for v in self.read(value)]

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if not isinstance(raw, list | tuple):
            found.wants(place, "a list", raw)
            return ()
        if self.length not in (None, len(raw)):
            found.add(place, f"expected {self.length} items, not {len(raw)}")
            return ()
        before = len(found)
        items = tuple(self.item.load(f"{place}[{i}]", r, found) for i, r in enumerate(raw))
        return self.make(items) if len(found) == before else ()

    def schema(self) -> dict[str, Json]:
        size = {} if self.length is None else {"minItems": self.length, "maxItems": self.length}
        return {"type": "array", "items": self.item.schema(), **size}


@frozen
class Entries:
    """An object from names to values, in its own order."""

    item: Codec
    make: Callable[[tuple[tuple[str, Any], ...]], Any] = tuple
    read: Callable[[Any], tuple[tuple[str, Any], ...]] = tuple

    def dump(self, value: Any, *, prose: bool) -> Json:
        return {str(k): self.item.dump(v, prose=prose) for k, v in self.read(value)}

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if not isinstance(raw, Mapping):
            found.wants(place, "an object", raw)
            return ()
        before, entries = len(found), []
        for key, value in raw.items():
            NAME.load(place, key, found)
            if len(found) == before:
                entries.append((key, self.item.load(f"{place}.{key}", value, found)))
            elif isinstance(key, str):
                self.item.load(f"{place}.{key[:40]!a}", value, found)
        return self.make(tuple(entries)) if len(found) == before else ()

    def schema(self) -> dict[str, Json]:
        return {"type": "object", "additionalProperties": self.item.schema()}


@frozen
class Row:
    """A row of a derived column: `[["up", "up"], "healthy"]`."""

    def dump(self, value: Any, *, prose: bool) -> Json:  # noqa: ARG002
        values, result = value
        return [[str(v) for v in values], str(result)]

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if not isinstance(raw, list | tuple) or len(raw) != 2:
            found.wants(place, "[[values of the sources], value]", raw)
            return ()
        return Many(NAME).load(f"{place}[0]", raw[0], found), NAME.load(f"{place}[1]", raw[1], found)

    def schema(self) -> dict[str, Json]:
        return {
            "type": "array", "minItems": 2, "maxItems": 2,
            "prefixItems": [Many(NAME).schema(), NAME.schema()],
        }


@frozen
class Field:
    """One key of an object. `always`: written even when it holds the default.

    The default is the shape's, unless the format has its own.
    """

    key: str
    codec: Codec
    attribute: str = ""
    always: bool = False
    prose: bool = False
    default: str | None = None

    @property
    def name(self) -> str:
        return self.attribute or self.key


@frozen
class Record:
    """An object with fixed keys, for one shape of the model. `marks` are constant keys."""

    shape: type[Any]
    fields: tuple[Field, ...]
    marks: tuple[tuple[str, str], ...] = ()

    def _default(self, field: Field) -> Any:
        if field.default is not None:
            return field.default
        default: Any = attrs.fields_dict(self.shape)[field.name].default
        return getattr(default, "factory", lambda: default)()

    def dump(self, value: Any, *, prose: bool) -> Json:
        wire: dict[str, Json] = dict(self.marks)
        for field in self.fields:
            held = getattr(value, field.name)
            if field.always or held != self._default(field):
                if field.prose and not prose:
                    continue
                wire[field.key] = field.codec.dump(held, prose=prose)
        return wire

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        if not isinstance(raw, Mapping):
            found.wants(place, "an object", raw)
            return None
        before, dot = len(found), f"{place}." if place else ""
        known = [key for key, _ in self.marks] + [f.key for f in self.fields]
        for key in raw:
            if key not in known:
                found.add(place, unknown_name("key", key, known))
        for key, word in self.marks:
            if key not in raw:
                found.add(place, f"no {key!r}; expected {word!r}")
            else:
                Word((word,)).load(dot + key, raw[key], found)
        values: dict[str, Any] = {}
        for field in self.fields:
            if field.key in raw:
                values[field.name] = field.codec.load(dot + field.key, raw[field.key], found)
            elif self._default(field) is attrs.NOTHING:
                found.add(place, f"no {field.key!r}")
            else:
                values[field.name] = self._default(field)
        return self.shape(**values) if len(found) == before else None

    def schema(self) -> dict[str, Json]:
        required = [key for key, _ in self.marks] + [
            f.key for f in self.fields if self._default(f) is attrs.NOTHING
        ]
        return {
            "type": "object", "additionalProperties": False, "required": required,
            "properties": {
                **{key: {"const": word} for key, word in self.marks},
                **{f.key: f.codec.schema() for f in self.fields},
            },
        }


@frozen
class Either:
    """One of several records, distinguished by the presence of a key or by its word."""

    records: tuple[Record, ...]
    tell: Callable[[Any], int]
    expected: str

    def dump(self, value: Any, *, prose: bool) -> Json:
        return self.records[self.tell(value)].dump(value, prose=prose)

    def load(self, place: str, raw: Json, found: Findings) -> Any:
        for record in self.records:
            if isinstance(raw, Mapping) and (
                all(raw.get(key) == word for key, word in record.marks)
                if record.marks else record.fields[0].key in raw
            ):
                return record.load(place, raw, found)
        found.add(place, f"expected {self.expected}")
        return None

    def schema(self) -> dict[str, Json]:
        return {"oneOf": [record.schema() for record in self.records]}


CHOICES = Entries(NAME)
SPELT = Entries(TEXT)
CELLS = Entries(
    Many(NAME),
    lambda entries: tuple(Cell(column, values) for column, values in entries),
    lambda cells: tuple((c.column, c.values) for c in cells),
)
CUBE = attrs.evolve(CELLS, make=lambda entries: Cube(tuple(Cell(c, v) for c, v in entries)))


def _which(value: Value) -> int:
    return (Const, Copy, By).index(type(value))


VALUE = Either(
    (
        Record(Const, (Field("const", NAME, "value"),)),
        Record(Copy, (Field("copy", NAME, "column"),)),
        Record(By, (Field("by", NAME, "column"), Field("map", CHOICES, "table"))),
    ),
    _which,
    '{"const": value}, {"copy": column} or {"by": column, "map": {value: value}}',
)
THEN = Entries(
    VALUE,
    lambda entries: tuple(Effect(target, value) for target, value in entries),
    lambda then: tuple((e.target, e.value) for e in then),
)
