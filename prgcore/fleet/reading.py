"""Reading: files of groups, of any kind, as one fleet. Whatever cannot be read has its own line.

The kind of a file is guessed from its content, and from its suffix where that is not enough:

    csv      a header, then one row for each group, or for each node; any of `, ; | tab` between the cells
    json     an array of groups, or an object of them
    lines    JSON Lines, one object for each group
    parquet  a table with the columns of such a CSV
    text     what `utils ha status` prints, of one group or of thousands

Law: bytes in, groups out; it opens no file. Every row becomes a group or a `Bad`, and none stops the
others. Text is read by `prgcore.explain.status`, delimited text by the `csv` module.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any

from attrs import define, field

from prgcore.engine import Engine
from prgcore.errors import BadInput, MissingExtra, unknown_name
from prgcore.explain.display import shows_states
from prgcore.explain.status import GroupStatus, parse
from prgcore.fleet import delimited, titles
from prgcore.fleet.cells import Cells
from prgcore.fleet.shapes import Bad, Group, Reading
from prgcore.words import counted, few, one_line, quoted

__all__ = ["Reader", "kind_of"]

_HEAD = 1 << 16
"""How much of a file is looked at to guess its kind."""
_MAGIC = {
    b"PK\x03\x04": "is a spreadsheet or an archive; save its table as CSV",
    b"\x1f\x8b": "is compressed; give what gunzip makes of it",
    b"SQLite format 3\0": "is a database; give a CSV of its table",
    b"%PDF": "is a PDF; give the text or the table that it was made of",
}
_SUFFIX = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".jsonl": "lines", ".ndjson": "lines",
           ".json": "json"}
_LONGEST_LINE = 1 << 20
_WRAPPERS = ("data", "result", "response", "payload", "_embedded")
"""The keys within which an interface over HTTP may hold its array of groups."""
_CONTROLS = bytes(n for n in range(32) if n not in b"\t\n\r\f\b\x1b")
_TEXT = 0.95
"""The least part of a text that is not control characters; it may be damaged here and there."""
_EVERY = 5_000
"""After how many rows progress is reported."""
Progress = Callable[[str, int, int], None]


def kind_of(head: str, name: str) -> str:
    """The kind of a text by its beginning, and by the suffix of its name where that says nothing."""
    begun = head.lstrip()[:1]
    suffix = next((kind for end, kind in _SUFFIX.items() if name.lower().endswith(end)), "")
    if begun == "[" and head.lstrip()[1:].lstrip()[:1] in ("{", "]", "") and suffix != "csv":
        return "json"
    if begun == "{":
        first, _, rest = head.lstrip().partition("\n")
        return "lines" if _is_object(first) and (rest.strip() or suffix == "lines") else "json"
    if suffix in ("json", "lines"):
        return suffix
    if suffix == "csv" or delimited.header(head.splitlines()) is not None:
        return "csv"
    return "text"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


@define(eq=False, repr=False)
class Reader:
    """A reader of files of groups, one after another; `reading` has all that it has read.

    Args:
        engine: the machine whose words the files use.
        progress: is called with the name of a file, the groups read of it, and its lines.

    Raises:
        BadInput: the machine shows no states.
    """

    engine: Engine
    progress: Progress | None = None
    _cells: Cells = field(init=False)
    _found: Reading = field(factory=Reading, init=False)
    _known: dict[tuple[str, ...], int] = field(factory=dict, init=False)
    _gone: set[int] = field(factory=set, init=False)
    _lines: int = field(default=0, init=False)
    _before: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        if not shows_states(self.engine):
            raise BadInput(f"the machine {self.engine.model.name!r} has states of its own, and a "
                           "fleet is read in those of the document")
        self._cells = Cells(self.engine)

    @property
    def reading(self) -> Reading:
        """All that was read so far; a group that was shown twice is there as it was shown last."""
        found = self._found
        if self._gone:
            groups = found.groups
            found.repeated += [groups[n] for n in sorted(self._gone)]
            found.groups = [group for n, group in enumerate(groups) if n not in self._gone]
            self._gone = set()
            self._known = {self._key(group): n for n, group in enumerate(found.groups)}
        return found

    def add(self, file: str, data: bytes) -> None:
        """Read a file. If it cannot be read as a whole, that is one `Bad` without a place.

        Args:
            file: its name; - for standard input.
        """
        empty = True
        self._lines, self._before = data.count(b"\n"), len(self._found.groups)
        try:
            for one in self._rows(file, data):
                empty = False
                if isinstance(one, Bad):
                    self._found.bad.append(one)
                else:
                    self._take(one)
            if empty:
                self.fail(file, "it holds no group, only names of columns or an empty list")
        except (BadInput, MissingExtra) as error:
            self._found.bad.append(Bad(file, "", str(error)))

    def fail(self, file: str, says: str) -> None:
        """Note that a file cannot be read."""
        self._found.bad.append(Bad(file, "", says))

    def _take(self, group: Group) -> None:
        groups = self._found.groups
        if group.name or any(group.hosts):
            before = self._known.setdefault(key := self._key(group), len(groups))
            if before != len(groups):
                self._gone.add(before)
                self._known[key] = len(groups)
        groups.append(group)
        if self.progress and len(groups) % _EVERY == 0:
            done = len(groups) - self._before
            self.progress(f"rows of {one_line(group.file, 40)}", done, max(done, self._lines))

    @staticmethod
    def _key(group: Group) -> tuple[str, ...]:
        """The key of a group, equal for two sightings; names without hosts are those of one file."""
        file = "" if any(group.hosts) else group.file
        return file, group.name.casefold(), group.hosts[0].casefold(), group.hosts[1].casefold()

    # --------------------------------------------------------------------- kinds

    def _rows(self, file: str, data: bytes) -> Iterator[Group | Bad]:
        if not data.strip():
            raise BadInput("it is empty; expected groups, such as a CSV with the columns group, "
                           "node1_state, node1_reason, node2_state, node2_reason")
        if data.startswith(b"PAR1") or file.lower().endswith(".parquet"):
            self._found.kinds[file] = "parquet"
            return self._parquet(file, data)
        for magic, says in _MAGIC.items():
            if data.startswith(magic):
                raise BadInput(f"it {says}")
        coding = self._coding(file, data)
        head = _head(data, coding)
        kind = self._found.kinds[file] = kind_of(head, file)
        if kind == "csv":
            return self._csv(file, _lines(data, coding), head)
        if kind == "lines":
            return self._json_lines(file, _lines(data, coding))
        text = data.decode(coding, errors="replace")
        return self._json(file, text) if kind == "json" else self._text(file, text)

    def _coding(self, file: str, data: bytes) -> str:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        head = data[:_HEAD]
        if len(head.translate(None, _CONTROLS)) < _TEXT * len(head):
            raise BadInput("it is not text; expected CSV, JSON, Parquet, or what utils ha status prints")
        try:
            codecs.utf_8_decode(data, "strict", True)
        except UnicodeDecodeError as error:
            where = data.count(b"\n", 0, error.start) + 1
            self._found.remarks.append(
                f"{one_line(file, 80)} is not UTF-8 (line {where:,}): read as Windows-1252")
            return "cp1252"
        return "utf-8-sig"

    def _csv(self, file: str, lines: Iterator[str], head: str) -> Iterator[Group | Bad]:
        found = delimited.header(head.splitlines(), sure=True)
        found = delimited.refuse_empty(found, "it")
        pair = self._cells.pair_columns(found.titles)
        made = titles.read(found.titles, "it")
        self._unread(file, made)
        rows = delimited.rows(islice(lines, found.line, None), found, made,
                              tuple({*made.used, *pair.values()}))
        if made.each:
            yield from self._nodes(file, ((f"row {row.line:,}", made, row) for row in rows))
            return
        for row in rows:
            place = f"row {row.line:,}"
            if row.wrong:
                name = row.cells[made.group].strip() if made.group >= 0 else ""
                yield Bad(file, place, row.wrong, name)
            else:
                yield self._cells.group(row.cells, made, pair, file, place)

    def _unread(self, file: str, made: titles.Titles) -> None:
        """Remark on columns that seem to count users if none is read as one that does."""
        if unread := made.unread_users:
            remark = (f"{one_line(file, 60)}: no column of users is read; name one users1, users2 or users "
                      f"if you mean {few([quoted(title, 60) for title in unread], 3, ' or ')}")
            if remark not in self._found.remarks:
                self._found.remarks.append(remark)

    def _nodes(
        self, file: str, rows: Iterable[tuple[str, titles.Titles, delimited.Row]],
    ) -> Iterator[Group | Bad]:
        """Yield the groups of rows that are nodes, in the order in which they begin."""
        nodes: dict[str, list[tuple[titles.Titles, list[str]]]] = {}
        first: dict[str, str] = {}
        for place, made, row in rows:
            name = row.cells[made.group].strip()
            if row.wrong or not name:
                yield Bad(file, place, row.wrong or "the row names no group", name)
                continue
            nodes.setdefault(name, []).append((made, row.cells))
            first.setdefault(name, place)
        for name, some in nodes.items():
            yield self._cells.joined(some, file, first[name])

    # ---------------------------------------------------------------------- JSON

    def _json_lines(self, file: str, lines: Iterator[str]) -> Iterator[Group | Bad]:
        from prgcore.wire.jsontext import parse_json

        def values() -> Iterator[tuple[str, Any]]:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if len(line) > _LONGEST_LINE:
                    yield f"line {number:,}", BadInput("the line is longer than 1 MB")
                    continue
                try:
                    yield f"line {number:,}", parse_json(line, "it")
                except BadInput as error:
                    yield f"line {number:,}", error

        return self._objects(file, values())

    def _json(self, file: str, text: str) -> Iterator[Group | Bad]:
        from prgcore.wire.jsontext import parse_json

        try:
            value = parse_json(text, "it")
        except BadInput as error:
            if not text.lstrip().startswith("["):
                raise
            yield from self._objects(file, _salvaged(text, error))
            return
        value = _inside(value)
        items: Iterable[tuple[str, Any]]
        if isinstance(value, list):
            items = ((f"item {n:,}", one) for n, one in enumerate(value, 1))
        elif isinstance(value, Mapping) and value and all(
                isinstance(one, Mapping) for one in value.values()) and not {*value} <= {
                    "node1", "node2", "pair"}:
            items = ((f"key {quoted(key, 60)}", {"group": key} | dict(one))
                     for key, one in value.items())
        else:
            items = [("item 1", value)]
        yield from self._objects(file, items)

    def _objects(self, file: str, items: Iterable[tuple[str, Any]]) -> Iterator[Group | Bad]:
        known: dict[tuple[str, ...], tuple[titles.Titles, dict[str, int]]] = {}
        nodes: list[tuple[str, titles.Titles, delimited.Row]] = []
        for number, (place, value) in enumerate(items, 1):
            if isinstance(value, BadInput):
                yield Bad(file, place, str(value))
                continue
            if not isinstance(value, Mapping):
                yield Bad(file, place, f"a group is an object, not {quoted(value, 60)}")
                continue
            flat = titles.flat(value)
            keys = tuple(flat)
            if keys not in known:
                try:
                    known[keys] = titles.read(keys, "it"), self._cells.pair_columns(keys)
                    self._unread(file, known[keys][0])
                except BadInput as error:
                    yield Bad(file, place, str(error), str(flat.get("group", "")))
                    continue
            made, pair = known[keys]
            row = ["" if one is None else str(one) for one in flat.values()]
            if made.each:
                nodes.append((place, made, delimited.Row(number, row)))
            else:
                yield self._cells.group(row, made, pair, file, place)
        yield from self._nodes(file, nodes)

    # ------------------------------------------------------------ Parquet and text

    def _parquet(self, file: str, data: bytes) -> Iterator[Group | Bad]:
        from prgcore.fleet.parquet import columns_of

        names, rows = columns_of(data)
        pair = self._cells.pair_columns(names)
        made = titles.read(names, "it")
        self._unread(file, made)
        below = (delimited.Row(n, row) for n, row in enumerate(rows, 1))
        if made.each:
            yield from self._nodes(file, ((f"row {row.line:,}", made, row) for row in below))
            return
        for row in below:
            yield self._cells.group(row.cells, made, pair, file, f"row {row.line:,}")

    def _text(self, file: str, text: str) -> Iterator[Group | Bad]:
        status = parse(text, self._cells.spelling)
        if not status.groups:
            raise BadInput(
                f"no status of a group in {counted(len(status.ignored), 'line')} of text; expected CSV "
                "with a header, JSON, or what utils ha status prints")
        for number, found in enumerate(status.groups, 1):
            group = found.completed(self.engine.model.situations)
            place = f"line {group.line:,}" if group.line else f"group {number:,}"
            yield self._of_status(group, file, place)

    def _of_status(self, group: GroupStatus, file: str, place: str) -> Group | Bad:
        spelling = self._cells.spelling
        strange = [s for node in group.nodes for s in node.strange_states]
        if strange and not group.remark:
            says = unknown_name("state", strange[0], spelling.spellings("state", aliases=False))
            return Bad(file, place, says, group.name)
        display = group.display
        if display is None:
            return Bad(file, place, group.remark or (
                "the text shows one node of this group, and high availability needs two (the State "
                "of a node that is down is empty)"), group.name)
        for said in dict.fromkeys(s for node in group.nodes for s in node.strange_reasons):
            near = unknown_name("reason", said, spelling.spellings("reason", aliases=False),
                                listing=False)
            self._found.remarks.append(f"{one_line(file, 60)}, {place}: {near}; any reason is taken")
        one, two = group.nodes
        return Group(group.name, file, place, (one.name, two.name), display)


def _inside(value: Any) -> Any:
    """The groups in what an interface wraps around them: `{"count": 2, "results": [{...}, {...}]}`."""
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("groups"), (list, Mapping)):
        return value["groups"]
    try:
        titles.read(tuple(titles.flat(value)), "it")
    except BadInput:
        arrays = [inner for inner in value.values() if isinstance(inner, list) and len(inner) > 0
                  and all(isinstance(one, Mapping) for one in inner)]
        if len(arrays) == 1:
            return arrays[0]
        within = [value[key] for key in _WRAPPERS if isinstance(value.get(key), Mapping)]
        if len(within) == 1 and (found := _inside(within[0])) is not within[0]:
            return found
    return value


def _salvaged(text: str, fault: BadInput) -> Iterator[tuple[str, Any]]:
    """Yield the whole items of an array that is cut off or damaged, then the fault."""
    read = json.JSONDecoder().raw_decode
    at, number = text.index("[") + 1, 0
    while True:
        while text[at:at + 1] in (" ", "\t", "\r", "\n", ","):
            at += 1
        try:
            value, at = read(text, at)
        except (ValueError, RecursionError):
            if number == 0:
                raise fault from None
            yield f"item {number + 1:,}", BadInput(
                f"{fault}; the {counted(number, 'item')} before it "
                f"{'is' if number == 1 else 'are'} read, and nothing after it")
            return
        number += 1
        yield f"item {number:,}", value


def _head(data: bytes, coding: str) -> str:
    head = data[:_HEAD]
    if len(data) > _HEAD:
        head = head[:head.rfind(b"\n") + 1] or head
    return head.decode(coding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _lines(data: bytes, coding: str) -> Iterator[str]:
    """Yield the lines of a text, with any of the usual ends."""
    with TextIOWrapper(BytesIO(data), encoding=coding, errors="replace", newline=None) as lines:
        yield from lines
