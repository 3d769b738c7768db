"""Cells: tables and JSON, as web pages and programs write them, each row a node.

A table has columns that are split by tabs, strokes, commas, semicolons or two spaces. Its first row
names them; without one, a row is read only if it holds a known state and reason. The first column
may name them too: then each of the others is a node.

Law: a row is read as a whole, or it is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice, takewhile
from typing import Any

from attrs import define, frozen

from prgcore.explain.status.cleaning import lines_of, with_signs
from prgcore.explain.status.hosts import is_host
from prgcore.explain.status.shapes import LONGEST, Head, Item, Seen
from prgcore.explain.status.words import Words
from prgcore.form.spelling import PLAIN, folded

__all__ = ["is_status", "items_of"]

_TITLES: Mapping[str, tuple[str, ...]] = {
    "state": ("state", "node state", "server state", "current state", "ha state", "nodestate",
              "status", "node status", "server status"),
    "reason": ("reason", "node reason", "server reason", "state reason", "reason for state",
               "nodereason"),
    "name": ("server", "name", "host", "hostname", "host name", "node name", "server name",
             "nodename", "servername", "presence server", "presence node", "imp node",
             "im and presence node", "node", "fqdn"),
    "number": ("no", "nr", "number", "node number", "node no", "seat", "node"),
    "group": ("group", "group name", "subcluster", "subcluster name", "redundancy group",
              "presence redundancy group", "presence redundancy group name", "prg", "groupname"),
}
"""The titles of each column, the surest first."""
_COLUMN = {title: what for what in reversed([*_TITLES]) for title in _TITLES[what]}
"""The column of each title."""
_LEFT = {"", *(title for title, what in _COLUMN.items() if what in ("name", "number", "group"))}
"""The titles of the first row of such a table."""
_OURS = re.compile("presence|subcluster|prg")
"""A word in the titles of a status alone."""
_ROW = ("number", "name", "state", "reason", "group")
_HOST = r"[^\W_](?:[\w.-]*[\w.])?|[0-9A-Fa-f:.]+(?:%\w+)?"
"""A host name, or an address."""
_NODE = r"(?i:node|server)[ _.-]*#?(\d{1,3})"
_FRAME = re.compile(r"[\s|+:=_\u2500-\u257f*-]*")
_WIDE = " {2,}|\t"
_MARKS = " \t*`\"'_"
_MOST_CELLS = 40
_LONGEST_ROW = 2_000
_MOST_FAULTS = 20
"""The most places where JSON seems to begin and does not."""
_DEEPEST = 50
_MOST_TURNED = 12
"""The most rows of a table whose columns are nodes."""
_MOST_STACKED = 400
"""The most lines of a table whose cells are one below the other."""


def items_of(lines: Sequence[str], words: Words) -> tuple[dict[int, list[Item]], set[int]]:
    """The nodes of tables and JSON by their lines, from 0, and the numbers of all these lines."""
    found: dict[int, list[Item]] = {}
    taken: set[int] = set()
    for read in (_documents, _tables):
        for start, end, items in read(lines, words, taken):
            found[start] = items
            taken.update(range(start, end))
    return found, taken


# ---------------------------------------------------------------------------- tables

_Split = Callable[[str], list[str]]


def _strokes(line: str) -> list[str]:
    line = line.strip()
    return (line[1:].removesuffix("|") if line[:1] == "|" else line).split("|")


def _commas(line: str, sign: str) -> list[str]:
    from csv import Error, reader

    try:
        return next(reader([line.strip()], delimiter=sign, skipinitialspace=True), [])
    except Error:
        return []


def _ways(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to split a line into cells, with the sign that splits it."""
    if not 0 < len(line) <= _LONGEST_ROW:
        return
    for sign in "\t|;,":
        if sign in line:
            yield sign, _split(line, sign)
    if "  " in line.strip():
        yield "  ", _split(line, "  ")


def _split(line: str, sign: str) -> list[str]:
    if sign == "  ":
        cells = re.split(_WIDE, line.strip())
    elif sign == "|":
        cells = _strokes(line)
    elif sign == "\t":
        cells = line.split("\t")
    else:
        cells = _commas(line, sign)
    cells[:1] = [cell.lstrip("+-") for cell in cells[:1]]  # the signs of a diff
    return [cell.strip(_MARKS)[:LONGEST + 1] for cell in cells[:_MOST_CELLS]]


def _is_frame(line: str) -> bool:
    """Whether a line is a rule between rows, or blank."""
    return _FRAME.fullmatch(line, 0, _LONGEST_ROW) is not None and len(line) <= _LONGEST_ROW


@frozen(eq=False, repr=False)
class _Header:
    """The first row of a table: the sign between its cells, their number, and what they hold."""

    sign: str
    width: int
    columns: Mapping[str, int]
    ours: bool


def _header(line: str) -> _Header | None:
    said = line.lower()
    if "stat" not in said or ":" in said or "=" in said:
        return None
    for sign, cells in _ways(line):
        columns = _columns(cells)
        if columns:
            while len(cells) > 2 and not cells[-1]:
                cells.pop()
            return _Header(sign, len(cells), columns, _are_ours(cells))
    return None


def _columns(cells: Iterable[str]) -> dict[str, int]:
    """The columns by what they hold; none unless they name nodes and their states."""
    titles = [folded(cell) if cell != "#" else "number" for cell in cells]
    columns: dict[str, int] = {}
    for what, known in _TITLES.items():
        here = [titles.index(t) for t in known if t in titles]
        free = [n for n in here if n not in columns.values()]
        if free:
            columns[what] = free[0]
    twice = any(titles.count(titles[n]) > 1 for n in columns.values())
    nodes = "state" in columns and ("name" in columns or "number" in columns)
    return columns if nodes and not twice else {}


def _are_ours(titles: Iterable[str]) -> bool:
    """Whether titles are surely those of a status: one says so, or there are none of others."""
    said = [folded(title.rstrip(" :=")) for title in titles]
    return any(_COLUMN.get(title) == "reason" or _OURS.search(title) for title in said) \
        or all(not title or (title in _COLUMN and "status" not in title and title != "name")
               for title in said)


def _tables(
    lines: Sequence[str], words: Words, taken: set[int],
) -> Iterator[tuple[int, int, list[Item]]]:
    """Yield every table: its first line, the one after its last, its nodes."""
    n = 0
    while n < len(lines):
        if n in taken:
            n += 1
            continue
        header = _header(lines[n])
        turned = None
        if header:
            end, items = _below(lines, n, header, words, taken)
        elif folded(lines[n][:LONGEST]) in _COLUMN:
            end, items = _stacked(lines, n, words)
        else:
            turned = _turned(lines, n, words, taken)
            end, items = turned or _bare(lines, n, words)
        if items or turned:
            yield n, end, items
        n = max(end, n + 1)


@define(eq=False, repr=False)
class _Row:
    lines: list[int]
    number: str = ""
    name: str = ""
    state: str = ""
    reason: str = ""
    group: str = ""


def _below(
    lines: Sequence[str], start: int, header: _Header, words: Words, taken: set[int],
) -> tuple[int, list[Item]]:
    """The rows below a header, as nodes; none if no row has a state."""
    rows, end = _rows(lines, start, header, words, taken)
    known = any(words.read("state", r.state) or words.like("state", r.state) for r in rows)
    blank = len(rows) > 1 and "reason" in header.columns and all(words.blank(r.state) for r in rows)
    if not known and not blank:
        return end, []
    return _framed(lines, start, end, _items(rows, words, ours=header.ours))


def _framed(
    lines: Sequence[str], start: int, end: int, items: list[Item],
) -> tuple[int, list[Item]]:
    """A table with the rules around it and between its rows; they belong to its first node."""
    if end < len(lines) and _is_frame(lines[end]) and len(lines[end].strip()) > len("---"):
        end += 1
    frame = {n for n in range(max(start - 1, 0), end) if n == start or _is_frame(lines[n])}
    next(item for item in items if isinstance(item, Seen)).lines |= frame
    return end, items


def _items(rows: Iterable[_Row], words: Words, *, ours: bool) -> list[Item]:
    """The rows of a table with titles, as nodes and their groups."""
    items: list[Item] = []
    for row in rows:
        if row.group:
            items.append(Head(row.group, frozenset(row.lines), each=True))
        items.append(_seen(row, words, ours=ours))
    return _table(items, whole=True)


def _rows(
    lines: Sequence[str], start: int, header: _Header, words: Words, taken: set[int],
) -> tuple[list[_Row], int]:
    """The rows below a header, and the line after the last."""
    rows: list[_Row] = []
    end = start + 1
    for n in range(start + 1, len(lines)):
        if n in taken:
            break
        if _is_frame(lines[n]):
            continue
        if not (rows and _spilled(rows[-1], lines[n], n, header.sign, words)):
            row = None if _header(lines[n]) else _row(lines[n], n, header, words, rows)
            if row is None:
                break
            if row.name or row.number:
                rows.append(row)
        end = n + 1
    return rows, end


def _spilled(row: _Row, line: str, n: int, sign: str, words: Words) -> bool:
    """Whether a line is the rest of the last cell of a row, which a terminal has wrapped.

    The row takes the rest. If that is not all of it, the state of the row is not known any more.
    """
    rest, *others = (_split(line, sign) if len(line) <= _LONGEST_ROW else []) or [""]
    what = "reason" if row.reason else "state"
    joined = f"{getattr(row, what)} {rest}"
    if n != row.lines[-1] + 1 or not rest or not getattr(row, what):
        return False
    whole = words.read(what, joined) and not others
    if not whole and not words.like(what, joined, getattr(row, what)):
        return False
    if whole:
        setattr(row, what, joined)
    else:
        row.state = f"{row.state} {rest}..."
    row.lines.append(n)
    return True


def _row(
    line: str, n: int, header: _Header, words: Words, rows: list[_Row],
) -> _Row | None:
    """One row of a table; a row without a name if it goes on with the one before; or None."""
    if header.sign not in line and not (header.sign == "  " and "\t" in line):
        return None
    cells = _split(line, header.sign)
    short = len(cells) < header.width
    cells += [""] * (header.width - len(cells))

    def cell(what: str) -> str:
        return cells[header.columns[what]] if what in header.columns else ""

    row = _Row([n], *map(cell, _ROW))
    if any(cells[header.width:]) or (short and header.sign != "\t"):
        return None
    if not (row.name or row.number):
        return _continued(row, rows) if rows and rows[-1].lines[-1] == n - 1 else None
    if words.read("state", row.state) or re.fullmatch(_NODE, row.name):
        return row
    return row if _may_be_host(row.name.rstrip(":")) or not row.name else None


def _continued(row: _Row, rows: list[_Row]) -> _Row | None:
    """The row before takes what goes on in the next line of its cells."""
    if not (row.state or row.reason):
        return None
    last = rows[-1]
    last.state = f"{last.state} {row.state}".strip()
    last.reason = f"{last.reason} {row.reason}".strip()
    last.lines += row.lines
    return row


def _bare(lines: Sequence[str], start: int, words: Words) -> tuple[int, list[Item]]:
    """The rows of a table without a header: host, known state, known reason; two at least."""
    for sign, cells in _ways(lines[start]):
        if not _plain(cells, sign, words):
            continue
        rows = [_Row([start], "", *cells[:3])]
        for n in count(start + 1):
            if n < len(lines) and _spilled(rows[-1], lines[n], n, sign, words):
                continue
            if n >= len(lines) or sign not in lines[n]:
                break
            more = _split(lines[n], sign)
            if _shape(lines[n], more) != _shape(lines[start], cells):
                break
            nothing = len(more) == len(cells) > 2 and _may_be_host(more[0]) \
                and not any(more[1:])
            if not (nothing or _plain(more, sign, words)):
                break
            rows.append(_Row([n], "", *more[:3]))
        end = rows[-1].lines[-1] + 1
        return (end, _table([_seen(row, words) for row in rows])) if len(rows) > 1 else (start + 1, [])
    return start + 1, []


def _turned(
    lines: Sequence[str], start: int, words: Words, taken: set[int],
) -> tuple[int, list[Item]] | None:
    """The columns of a table whose titles are at the left, as nodes: two at least.

    None for another text; no nodes if a cell of such a table is missing: nobody knows which.
    """
    for sign, first in _ways(lines[start]):
        if _title(first) not in _LEFT and lines[start][:2] != "  ":
            continue
        rows = _titled(lines, start, sign, first, taken)
        titles = [_title(cells) or "name" for _, cells in rows]
        used = {what: rows[n] for what, n in _columns(titles).items()}
        if rows[0] not in used.values():
            continue
        title, *names = used.get("name", used.get("number", rows[0]))[1]
        named = _may_be_host if title else is_host  # not before and after, or value and default
        if len(names) < 2 or not all(named(name) or re.fullmatch(_NODE, name) for name in names) \
                or len({name[:1].isdigit() for name in names}) > 1:
            continue  # an address beside a name is not a node
        here = sorted(n for n, _ in used.values())
        if any(len(cells) != len(names) + 1 for _, cells in used.values()) or _cut(lines, rows, used, words):
            return here[-1] + 1, []
        nodes = [
            _Row([*here], *(used[what][1][n] if what in used else "" for what in _ROW))
            for n in range(1, len(names) + 1)]
        states = [node.state for node in nodes]
        if all(words.blank(s) or words.read("state", s) or words.like("state", s) for s in states) \
                and ("reason" in used or not all(map(words.blank, states))):
            ours = _are_ours(cells[0] for _, cells in rows)
            return _framed(lines, start, here[-1] + 1, _items(nodes, words, ours=ours))
    return None


def _titled(
    lines: Sequence[str], start: int, sign: str, first: list[str], taken: set[int],
) -> list[tuple[int, list[str]]]:
    """The rows of a table whose titles are at the left: those of a known title, and as wide ones."""
    rows = [(start, first)]
    for n in range(start + 1, min(start + _MOST_TURNED, len(lines))):
        if _is_frame(lines[n]):
            continue
        cells = _split(lines[n][:_LONGEST_ROW], sign) if n not in taken and sign in lines[n] else [""]
        if sign == "  " and len(cells) == len(first) + 1 and _title(first) not in _LEFT:
            first.insert(0, "")  # its corner is blank
        known = _title(cells) in _COLUMN
        begins = _title(cells) in _LEFT and _kind(cells) in [_kind(row) for _, row in rows]
        if begins or _header(lines[n]) or not (known or len(cells) == len(first)):
            break
        rows.append((n, cells))
    return rows


def _cut(
    lines: Sequence[str], rows: list[tuple[int, list[str]]], used: dict[str, tuple[int, list[str]]],
    words: Words,
) -> bool:
    """Whether the last cell of the last row may continue below it, or was lost with the rest."""
    n, cells = rows[-1]
    below = next((line.strip() for line in lines[n + 1:] if not _is_frame(line)), "")
    what = "state" if used["state"] == rows[-1] else "reason"
    blank = words.blank(cells[-1])
    return (blank and what == "state") or (not blank and words.goes_on(what, f"{cells[-1]} {below}", cells[-1]))


def _kind(cells: Sequence[str]) -> str:
    return _COLUMN.get(_title(cells) or "name", "")


def _title(cells: Sequence[str]) -> str:
    return folded(cells[0].rstrip(" :="))


def _stacked(lines: Sequence[str], start: int, words: Words) -> tuple[int, list[Item]]:
    """The rows of a table whose cells are one below the other, after those with the titles.

    Blank cells are lost there. A row is a host, a known state, and mostly a known reason.
    """
    cells = ((n, lines[n][:LONGEST].strip(_MARKS))
             for n in range(start, min(start + _MOST_STACKED, len(lines))) if lines[n].strip())
    heads = [*islice(takewhile(lambda cell: folded(cell[1]) in _COLUMN, cells), 4)]
    titles = [_COLUMN[folded(cell)] for _, cell in heads]
    if titles not in (["name", "state"], ["name", "state", "reason"]):
        return start + 1, []
    rows: list[_Row] = []
    rest = [(n, lines[n][:LONGEST].strip(_MARKS))
            for n in range(heads[-1][0] + 1, min(start + _MOST_STACKED, len(lines))) if lines[n].strip()]
    while len(rest) > 1 and _may_be_host(rest[0][1]) and words.read("state", rest[1][1]):
        reason = len(titles) > 2 and len(rest) > 2 and words.read("reason", rest[2][1])
        row, rest = rest[:3 if reason else 2], rest[3 if reason else 2:]
        rows.append(_Row([n for n, _ in row], "", *(cell for _, cell in row)))
    nodes = [_seen(row, words, ours=True) for row in rows]
    for node in nodes[:1]:
        node.lines |= {n for n, _ in heads}
    return (rows[-1].lines[-1] if rows else start) + 1, [*nodes]


def _may_be_host(name: str) -> bool:
    return bool(re.fullmatch(_HOST, name)) and folded(name) not in _COLUMN


def _shape(line: str, cells: Sequence[str]) -> tuple[int, bool, bool]:
    """How a row looks: the number of its cells, and where strokes are."""
    return len(cells), line.lstrip().startswith("|"), line.rstrip().endswith("|")


def _plain(cells: Sequence[str], sign: str, words: Words) -> bool:
    least = 2 if sign in "\t|" else 3
    if not least <= len(cells) <= 6 or not words.read("state", cells[1]):
        return False
    named = _may_be_host(cells[0].rstrip(":")) or re.fullmatch(_NODE, cells[0])
    reason = (cells[2:] or [""])[0]
    return bool(named) and bool(words.blank(reason) or words.read("reason", reason))


def _number(name: str) -> str:
    found = re.fullmatch(_NODE, name)
    return found[1] if found else ""


def _seen(row: _Row, words: Words, *, ours: bool = False) -> Seen:
    name = row.name.rstrip(":")
    numbered, counted = re.fullmatch(_NODE, name), re.fullmatch(_NODE, f"node{row.number}")
    number = (counted or re.fullmatch(_NODE, row.number) or numbered or [""] * 2)[1]
    far = not (words.blank(row.state) or words.read("state", row.state)
               or words.like("state", row.state))
    node = Seen(number, "" if numbered else name, row.lines[0], sure=not far, ours=ours, lines=set(row.lines))
    for what, value in (("state", row.state), ("reason", row.reason)):
        blank = words.blank(value)
        node.say(what, "" if blank else value[:LONGEST], None if blank else words.read(what, value))
        node.own = node.own or words.own(what, value)
    return node


# ------------------------------------------------------------------------------ JSON


def is_status(text: str) -> bool:
    """Whether a text is JSON, and holds nodes with their states as programs write them."""
    lines = [*map(with_signs, lines_of(text))]
    return any(isinstance(item, Seen) for _, _, items in _documents(lines, Words(PLAIN), set())
               for item in items)


def _documents(
    lines: Sequence[str], words: Words, _: set[int],
) -> Iterator[tuple[int, int, list[Item]]]:
    """Yield the nodes in JSON; nodes one below the other are one table."""
    start, end, some, last = 0, 0, list[Item](), 1
    for first, after, items in _values(lines, words):
        apart = any(sign.isalnum() for line in lines[end:first] for sign in line)
        if some and (apart or {last, _count(items)} != {1}):
            yield start, end, _table(some)
            some = []
        if not some:
            start = first
        end, last = after, _count(items)
        some += items
    if some:
        yield start, end, _table(some)


def _table(items: list[Item], *, whole: bool = False) -> list[Item]:
    """The items, after the beginning of their table; the rows of a group one below the other."""
    groups: dict[str, list[Item]] = {"": []}
    name = ""
    for item in items:
        name = item.name if isinstance(item, Head) else name
        groups.setdefault(name, []).append(item)
    return [Head("", nodes=_count(items), whole=whole), *chain.from_iterable(groups.values())]


def _count(items: list[Item]) -> int:
    return sum(isinstance(item, Seen) for item in items)


def _values(lines: Sequence[str], words: Words) -> Iterator[tuple[int, int, list[Item]]]:
    """Yield every object or array of JSON that holds nodes: its lines, and the nodes."""
    begins = [n for n, line in enumerate(lines) if line.lstrip()[:1] in ("{", "[")]
    if not begins:
        return
    import json

    text = "\n".join(lines)
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    read, faults, done = json.JSONDecoder(strict=False).raw_decode, 0, 0
    for n in begins:
        start = starts[n] + len(lines[n]) - len(lines[n].lstrip())
        if start < done or faults >= _MOST_FAULTS:
            continue
        try:
            value, done = read(text, start)
        except (ValueError, RecursionError):
            faults += 1
            continue
        end = n + text.count("\n", start, done) + 1
        numbers = frozenset(range(n, end))
        items = list(_nodes(value, "", numbers, words, 0))
        if any(isinstance(item, Seen) for item in items):
            yield n, end, items


def _field(fields: Mapping[str, Any], what: str) -> Any:
    return next((fields[title] for title in _TITLES[what] if title in fields), None)


def _nodes(
    value: Any, key: str, lines: frozenset[int], words: Words, depth: int,
) -> Iterator[Item]:
    """Yield the nodes in a value of JSON, and the name of each group before its nodes."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _nodes(one, "", lines, words, depth + 1)
    elif isinstance(value, dict):
        value = {_text(k): _text(v) if isinstance(v, str) else v for k, v in value.items()}
        fields = {folded(k): v for k, v in value.items()}
        state, name, group = (_field(fields, what) for what in ("state", "name", "group"))
        known = any(title in fields for title in _TITLES["state"])
        if known and not isinstance(state, dict | list) and (depth or len(fields) > 1):
            if isinstance(group, str) and group:
                yield Head(group[:LONGEST], lines, each=True)
            number = _field(fields, "number")
            called = name if isinstance(name, str) else "" if depth < 1 else key
            digits = str(number) if isinstance(number, int | str) and number != name else ""
            yield _seen(_Row(sorted(lines), digits, called[:LONGEST], _text(state),
                             _text(_field(fields, "reason"))), words, ours=_are_ours(fields.keys() - {"name"}))
            return
        inner = {k: v for k, v in value.items() if isinstance(v, dict | list)}
        items = [one for k, v in inner.items() for one in _nodes(v, k, lines, words, depth + 1)]
        nodes = [one for one in items if isinstance(one, Seen)]
        if len(nodes) == len(items) == 1 and nodes[0].name in inner and not isinstance(group, str):
            number = _number(key)  # a node in parts
            nodes[0].number = nodes[0].number or number
            nodes[0].name = (name if isinstance(name, str) else "" if number else key)[:LONGEST]
        elif named := group if isinstance(group, str) else name if isinstance(name, str) else "":
            items = [Head(named[:LONGEST], lines), *items] if inner else items
        yield from items


def _text(value: Any) -> str:
    """A value as text, without the ends of lines that a terminal has put into it."""
    return "" if value is None else str(value)[:2 * LONGEST].replace("\n", "")[:LONGEST + 1]
