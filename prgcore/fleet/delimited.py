"""Delimited text: CSV and its relatives, row by row, with a broken row kept from the others.

Law: the `csv` module splits; this finds the header, and where a quotation mark is not closed.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.fleet import titles
from prgcore.fleet.titles import Titles

__all__ = ["Header", "Row", "header", "rows"]

SIGNS = ",;\t|"
_HEAD = 20
"""In how many of the first lines a header is looked for."""
_MOST_CELLS = 1_000
_SPAN = 50
"""The most lines of one row."""


@frozen
class Header:
    """The first row of a file: its sign, its titles, and the number of its line."""

    sign: str
    titles: tuple[str, ...]
    line: int

    @property
    def certain(self) -> bool:
        """Whether at least two titles are those of groups."""
        return titles.recognised(self.titles) >= 2


def header(lines: Sequence[str], *, sure: bool = False) -> Header | None:
    """The header among the first lines of a file; None if none of them is one.

    Args:
        sure: that the file is delimited text; then its first line that is not blank may be one.
    """
    best: Header | None = None
    most = 0
    for number, line in enumerate(lines[:_HEAD], 1):
        for sign in SIGNS:
            if sign not in line:
                continue
            cells = _split(line, sign)
            known = titles.recognised(cells)
            if known > most and len(cells) > 1:
                best, most = Header(sign, cells, number), known
    if most >= 2 or (best and sure):
        return best
    if not sure:
        return None
    first = next(((n, line) for n, line in enumerate(lines[:_HEAD], 1)
                  if line.strip() and not line.lower().startswith("sep=")), None)
    if first is None:
        return None
    sign = max(SIGNS, key=first[1].count)
    return Header(sign, _split(first[1], sign), first[0])


def _split(line: str, sign: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([line], delimiter=sign, skipinitialspace=True), [])
    except csv.Error:
        return ()
    return tuple(cell.strip() for cell in cells[:_MOST_CELLS])


@frozen
class Row:
    """A row of the file, or why it is none.

    Attributes:
        line: the number of its first line, from 1: the row that a spreadsheet shows.
        cells: its cells, as many as there are titles.
        wrong: why it cannot be read; "" if it can.
    """

    line: int
    cells: list[str]
    wrong: str = ""


class _Lines(Iterator[str]):
    """The lines of a file, which remembers those of the row that is being read."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self.lines, self.number = iter(lines), number
        self.again: deque[str] = deque()
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.lines)
        self.taken.append(line)
        if len(self.taken) > _SPAN:
            raise csv.Error("a quotation mark is not closed")
        return line

    def done(self, cells: Sequence[str], width: int, used: Sequence[int]) -> int:
        """The number of the first line of a row that is read, which is forgotten now.

        Raises:
            Error: it has several lines, and no spreadsheet writes such a row.
        """
        at, count = self.number, len(self.taken)
        if count > 1 and (len(cells) != width or any("\n" in cells[n] for n in used)):
            raise csv.Error("a quotation mark is not closed")
        self.number += count
        self.taken.clear()
        return at

    def back(self) -> str:
        """The first line of this row, which is forgotten; all others come again."""
        self.again.extendleft(reversed(self.taken[1:]))
        first = self.taken[0] if self.taken else ""
        self.number += 1
        self.taken.clear()
        return first


def rows(lines: Iterable[str], head: Header, made: Titles, used: Sequence[int]) -> Iterator[Row]:
    """Yield the rows below a header that are not blank.

    A quotation mark that is not closed spoils the row on which it stands, and no other.

    Args:
        lines: the lines below the header, each with its end.
        used: the positions of the cells that are read.
    """
    source = _Lines(lines, head.line + 1)
    least = max(made.state) + 1 if not made.each else made.state[0] + 1
    least = max(least, made.group + 1)
    while True:
        try:
            for cells in csv.reader(source, delimiter=head.sign, skipinitialspace=True):
                at = source.done(cells, made.width, used)
                if len(cells) == made.width:
                    if any(cells):
                        yield Row(at, cells)
                elif any(map(str.strip, cells)):
                    whole = [*cells, *[""] * made.width][:made.width]
                    yield Row(at, whole, _width(cells, made.width, least))
        except csv.Error as error:
            at, first = source.number, source.back()
            says = "a quotation mark in it is not closed" if first.count('"') % 2 else str(error)
            cells = [*_split(first.replace('"', ""), head.sign), *[""] * made.width]
            yield Row(at, cells[:made.width], says)
        else:
            return


def _width(cells: Sequence[str], width: int, least: int) -> str:
    """The fault in the number of cells; "" if nothing needed is missing."""
    if len(cells) > width and any(map(str.strip, cells[width:])):
        return (f"{len(cells)} cells, and the header names {width} columns; put quotation marks "
                "around a cell that holds the separator")
    if len(cells) < least:
        return f"{len(cells)} of {width} cells: the row ends before the states of both nodes"
    return ""


def refuse_empty(head: Header | None, name: str) -> Header:
    """The header.

    Raises:
        BadInput: there is none.
    """
    if head is None:
        raise BadInput(f"{name} has no header; its first row names the columns: group, "
                       "node1_state, node1_reason, node2_state, node2_reason")
    return head
