"""Markup: the source of a web page becomes the lines that the page shows.

A row of a table becomes a line with strokes, an entry of a definition list `term: value`. Other tags
vanish; those of blocks end a line. A cell with a picture or an empty element instead of text is `?`.

Law: each line keeps the lines of the source that it was read from. Time grows with the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from attrs import define, field

from prgcore.explain.status.cleaning import visible

__all__ = ["shown"]

_NO_TAG = re.compile(r"<(?!/?[a-zA-Z][^<>]{0,2000}>)")
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|head"
    "|header|hr|html|legend|li|main|nav|ol|optgroup|option|p|pre|section|table|tbody|td|tfoot|th|thead"
    "|title|tr|ul")
_PICTURE = re.compile("canvas|embed|iframe|img|input|meter|object|progress|svg|textarea|use")
_OTHER = re.compile(
    "a|abbr|acronym|b|base|bdi|bdo|big|button|circle|cite|code|col|colgroup|data|del|dfn|em|font|g|i|ins"
    "|kbd|label|line|link|mark|meta|nobr|output|path|picture|q|rect|s|samp|select|small"
    "|source|span|strike|strong|sub|summary|sup|time|tt|u|var|wbr|.*[:-].*")
_CODE = frozenset({"script", "style"})
_SILENT = _CODE | {"template", "noscript"}
_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|source|wbr")
_CELLS = frozenset({"td", "th", "dt", "dd"})
_MOST_CELLS = _MOST_SPANNED = 40


def shown(lines: Sequence[str]) -> tuple[list[str], list[range]]:
    """The lines that a page shows, and for each the numbers of the lines of its source, from 0."""
    page = _Page()
    page.feed(_readable("\n".join(lines)))
    page.close()
    page.end(most := len(lines))
    return ([visible(text) for text, _ in page.shown],
            [range(min(of.start, most - 1), min(of.stop, most)) for _, of in page.shown])


def _readable(text: str) -> str:
    """A text without comments, in which each `<` begins a tag; its line ends stay."""
    pieces, at = list[str](), 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start)
        pieces.append(_NO_TAG.sub("&lt;", text[at:start]))
        if end < 0:  # nobody knows where it should end
            return "".join([*pieces, text[start:].replace("<", "&lt;")])
        pieces.append("\n" * text.count("\n", start, end))
        at = end + len("-->")
    return "".join([*pieces, _NO_TAG.sub("&lt;", text[at:])])


@define(eq=False, repr=False)
class _Row:
    """The row of a table, or the entry of a definition list, that is being read.

    Attributes:
        first: its first line; -1 before it begins.
        broken: whether it holds more than cells, so that nobody knows what is in which column.
        term: whether its first cell is the term of a list.
        spans: what cells of rows above put into columns: the text, and in how many more rows.
    """

    cells: list[str] = field(factory=list)
    first: int = -1
    broken: bool = False
    term: bool = False
    spans: dict[int, tuple[str, int]] = field(factory=dict)

    def add(self, text: str, wide: int, high: int) -> None:
        self.fill()
        for cell in (text, *[""] * (wide - 1))[:_MOST_CELLS - len(self.cells)]:
            self.spans[len(self.cells)] = cell, high
            self.cells.append(cell)

    def fill(self) -> None:
        """Put in what the rows above have put into the next columns."""
        while (above := self.spans.get(len(self.cells))) is not None:
            self.cells.append(above[0])

    def end(self) -> str:
        """Its text; the next row begins."""
        self.fill()
        cells, self.cells = self.cells, []
        self.spans = {n: (text, left - 1) for n, (text, left) in self.spans.items() if left > 1}
        if self.broken:
            return " ".join(cells)
        if self.term and len(cells) > 1:
            return f"{cells[0].rstrip(' :')}: {' / '.join(cells[1:])}"
        return f"| {' | '.join(cells)} |" if len(cells) > 1 else cells[0]


class _Page(HTMLParser):
    """The lines of a page, while its tags are read."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[str, range]] = []
        self._rows = [_Row()]
        self._cell: list[str] | None = None
        self._line = self._picture = ""
        self._empty = False
        self._span = 1, 1
        self._hidden = ""
        self._depth = self._start = 0
        self._unseen: list[range] = []

    @property
    def _here(self) -> int:
        return self.getpos()[0] - 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {key: value or "" for key, value in attrs}
        block = _BLOCK.fullmatch(tag)
        if self._hidden:
            self._depth += tag == self._hidden
            return
        if tag in _SILENT or (_is_hidden(said) and not _VOID.fullmatch(tag)):
            self._hidden, self._depth, self._start = tag, 1, self._here
            return
        if not (block or _PICTURE.fullmatch(tag) or _OTHER.fullmatch(tag)):
            self.handle_data(self.get_starttag_text() or "")
        elif tag in ("table", "dl"):
            inside = self._cell is not None
            self._end_row(broken=inside)
            self._rows.append(_Row())
        elif tag in ("tr", "dt"):
            self._end_row()
            self._rows[-1].first = self._here
        if tag in _CELLS:
            self._begin_cell(tag, said)
        elif self._cell is not None:
            self._in_cell(tag, said)
        elif block:
            self._end_line(self._here)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._depth -= tag == self._hidden
            if not self._depth:
                self._unseen += [range(self._start, self._here + 1)] * (tag not in _CODE)
                self._hidden = ""
        elif tag in ("table", "dl"):
            self._end_row()
            self._rows[1:] = self._rows[1:-1]
            self.shown.append(("", range(0)))
        elif tag in ("tr", "thead", "tbody", "tfoot"):
            self._end_row()
        elif tag in _CELLS:
            self._end_cell()
        elif _BLOCK.fullmatch(tag):
            self._in_cell(tag, {}) if self._cell is not None else self._end_line(self._here)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._cell is not None:
            self._cell.append(data)
            return
        if self._rows[-1].cells and not data.strip():
            return
        if self._rows[-1].cells:
            self._rows[-1].broken = True
            self._end_row(broken=True)
        for n, piece in enumerate(data.split("\n")):
            if n:
                self._end_line(self._here + n - 1)
            self._line += piece

    def end(self, last: int) -> None:
        """End what the text has left open, which has so many lines."""
        self._rows[-1].broken |= self._cell is not None
        while self._rows:
            self._end_row()
            self._rows.pop()
        if self._hidden:
            self._unseen.append(range(self._start, last))
        self.shown += [("", range(0)), *(("not shown", lines) for lines in self._unseen)]

    def _begin_cell(self, tag: str, said: dict[str, str]) -> None:
        self._end_cell()
        row = self._rows[-1]
        row.first = self._here if row.first < 0 else row.first
        row.term = tag == "dt" or (tag == "dd" and row.term)
        wide, high = (said.get(name, "") for name in ("colspan", "rowspan"))
        self._span = _spanned(wide), _spanned(high)
        self._cell, self._picture, self._empty = [], "", False

    def _in_cell(self, tag: str, said: dict[str, str]) -> None:
        assert self._cell is not None, "BUG: no cell"
        if _BLOCK.fullmatch(tag):
            self._cell.append(" ")
        if _PICTURE.fullmatch(tag) and said.get("type") != "hidden":
            self._picture = said.get("alt") or said.get("value") or "?"
        elif said and tag not in ("a", "font"):
            self._empty = True  # a style may show something there

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        text = "".join(self._cell)
        if self._empty and "\N{NO-BREAK SPACE}" not in text:
            self._picture = self._picture or "?"
        self._rows[-1].add(" ".join(text.replace("|", "/").split()) or self._picture, *self._span)
        self._cell = None

    def _end_row(self, *, broken: bool = False) -> None:
        self._end_cell()
        self._end_line(self._here)
        row = self._rows[-1]
        row.broken |= broken
        if row.cells and (text := row.end()).strip(" |"):
            self.shown.append((text, range(row.first, self._here + 1)))
        row.first, row.broken, row.term = -1, broken, False

    def _end_line(self, number: int) -> None:
        if self._line.strip():
            self.shown.append((self._line, range(number, number + 1)))
        self._line = ""


def _is_hidden(said: dict[str, str]) -> bool:
    return "hidden" in said or "display:none" in said.get("style", "").lower().replace(" ", "")


def _spanned(count: str) -> int:
    return min(max(int(count), 1), _MOST_SPANNED) if count.isdecimal() and len(count) < 4 else 1
