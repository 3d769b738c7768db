"""A map as text: for a terminal, as Markdown, as comma-separated values. Law: text only."""

from __future__ import annotations

import csv as commas
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from string import ascii_uppercase
from textwrap import wrap

from prgcore.diagram.matrix import Matrix, Square
from prgcore.diagram.palette import STANDINGS, Standing
from prgcore.words import clean, cut

__all__ = ["WIDTH", "csv", "legend", "markdown", "once", "text"]

WIDTH = 80
_COUNTED = (Standing.IMPOSSIBLE, Standing.REACHABLE)
"""Standings whose squares are counted by their sentences, not listed."""


def legend(drawn: Matrix) -> Iterator[tuple[Standing, str, int]]:
    """For every standing that occurs its meaning, and the number of its squares.

    The meaning of their text is left out if none of its squares has one.
    """
    for standing in drawn.standings:
        squares = [s for s in drawn.squares if s.standing is standing]
        says, _, what = STANDINGS[standing].says.partition(": ")
        texts = what and any(s.text for s in squares)
        yield standing, f"{says}: {what}" if texts else says, len(squares)


def once(drawn: Matrix) -> Iterator[Square]:
    """The squares; of two that mirror each other only the first."""
    seen: set[tuple[frozenset[str], str]] = set()
    for square in drawn.squares:
        key = frozenset((square.row, square.column)), square.says
        if drawn.rows != drawn.columns or key not in seen:
            seen.add(key)
            yield square


def text(drawn: Matrix) -> str:
    """The map for a terminal of 80 columns: a sign per square, and their sentences below."""
    across = _letters(len(drawn.columns))
    names = [drawn.row_name(value) for value in drawn.rows]
    if drawn.rows == drawn.columns:
        names = [f"{letter} {name}" for letter, name in zip(across, names, strict=True)]
    wide = max(map(len, across)) + 1
    room = max(20, min(max(map(len, names)), WIDTH - 1 - len(across) * wide))
    lines = [*wrap(clean(drawn.title), WIDTH), "",
             " " * (room + 1) + "".join(f"{letter:>{wide}}" for letter in across)]
    for row, name in zip(drawn.rows, names, strict=True):
        signs = (STANDINGS[drawn.at(row, c).standing].shape for c in drawn.columns)
        lines.append(f"{cut(name, room):<{room}} " + "".join(f"{sign:>{wide}}" for sign in signs))
    if drawn.rows != drawn.columns:
        lines += ["", *(f"{a} {drawn.column_name(c)}" for a, c in zip(across, drawn.columns, strict=True))]
    for standing, says, count in legend(drawn):
        lines += ["", f"{STANDINGS[standing].shape} {says} ({count})", *_squares(drawn, standing)]
    for remark in drawn.remarks:
        lines += ["", *wrap(remark, WIDTH)]
    return "\n".join(lines) + "\n"


def _letters(count: int) -> list[str]:
    """A to Z, AA to ZZ: names of columns, distinct from the numbers of rows."""
    long = ("".join(two) for two in product(ascii_uppercase, repeat=2))
    return [*ascii_uppercase, *long][:count]


def _squares(drawn: Matrix, standing: Standing) -> Iterator[str]:
    """The sentences of the squares of one standing: one by one, by their row, or counted."""
    lines: list[str]
    if standing in _COUNTED:
        said = Counter(
            clean(s.says) for s in drawn.squares if s.standing is standing and ":" in s.says)
        lines = sorted((f"{says} ({count})" for says, count in said.items()), key=_by_number)
    elif standing is Standing.TRANSITION:
        rows: dict[str, list[str]] = {}
        for s in once(drawn):
            if s.standing is standing:
                count = f" ({clean(s.text)})" if s.text else ""
                rows.setdefault(drawn.row_name(s.row), []).append(
                    drawn.column_name(s.column) + count)
        lines = [f"{row} | {', '.join(columns)}" for row, columns in rows.items()]
    else:
        lines = [f"{drawn.row_name(s.row)} | {drawn.column_name(s.column)}: {clean(s.says)}"
                 for s in once(drawn) if s.standing is standing]
    for words in lines:
        yield from wrap(words, WIDTH, initial_indent="  ", subsequent_indent="      ",
                        break_on_hyphens=False)


def _by_number(words: str) -> list[tuple[int, str]]:
    """S2 before S10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", words)]


# -------------------------------------------------------------- for programs


def markdown(drawn: Matrix) -> str:
    """The map as a Markdown table, a table of its squares, and a legend."""
    head = ["", *(_cell(drawn.column_name(c)) for c in drawn.columns)]
    lines = [f"**{_cell(clean(drawn.title))}**", "", _line(head), _line(["---"] * len(head))]
    for row in drawn.rows:
        squares = (drawn.at(row, c) for c in drawn.columns)
        lines.append(_line([f"**{_cell(drawn.row_name(row))}**", *(
            f"{STANDINGS[s.standing].shape} {_cell(s.text)}".rstrip() for s in squares)]))
    lines += ["", *(f"- {STANDINGS[standing].shape} {says} ({count})"
                    for standing, says, count in legend(drawn))]
    for remark in drawn.remarks:
        lines += ["", remark]
    lines += ["", _line(["square", "standing", "which", "with the reasons"]), _line(["---"] * 4)]
    for square in once(drawn):
        where = (f"{_cell(drawn.row_name(square.row))} | "
                 f"{_cell(drawn.column_name(square.column))}").replace(" | ", " / ")
        reasons = "<br>".join(_cell(drawn.within(i)) for i in square.inside)
        lines.append(_line([where, square.standing, _linked(drawn, square), reasons]))
    return "\n".join(lines) + "\n"


def _linked(drawn: Matrix, square: Square) -> str:
    url = drawn.link(square)
    return f"[{_cell(square.says)}]({url})" if url else _cell(square.says)


def _cell(words: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#&~])", r"\\\1", clean(words).strip())


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def csv(drawn: Matrix) -> str:
    """One line per square: both values, its standing, its text, its sentence, its reasons."""
    out = io.StringIO()
    writer = commas.writer(out, lineterminator="\n")
    axes = map(clean, (drawn.row_column, drawn.column_column))
    writer.writerow([*axes, "standing", "text", "says", "reasons"])
    for s in drawn.squares:
        reasons = "; ".join(f"{i.reasons[0]} / {i.reasons[1]}" + (
            f" ({i.source})" if i.source else "") for i in s.inside)
        writer.writerow([*map(clean, (s.row, s.column, s.standing, s.text, s.says, reasons))])
    return out.getvalue()
