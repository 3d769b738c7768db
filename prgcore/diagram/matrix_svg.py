"""A map as SVG and as a page. Law: laid out here, by the lengths of the words alone."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from prgcore.diagram import svg as draw
from prgcore.diagram.matrix import Matrix, Square
from prgcore.diagram.matrix_text import legend, once
from prgcore.diagram.page import listing, page
from prgcore.diagram.palette import STANDINGS, Standing
from prgcore.words import clean, few

__all__ = ["html", "svg"]

_EDGE, _WIDE, _HIGH = 12.0, 900.0, 48.0
_NAME, _SIZE, _SMALL, _LINE = 150.0, 13.0, 12.0, 14.0
_LINES = 3
_REASONS = 12
"""The most pairs of reasons that the tooltip of a square names."""


def svg(drawn: Matrix) -> str:
    """The map as a picture, about 900 units wide.

    A reachable square has its sign and its short text. An impossible one is empty, and its tooltip
    names the promise that forbids it.
    """
    return _Picture(drawn).document()


def html(drawn: Matrix) -> str:
    """The map as a page: the picture, and every square in words."""
    rows = []
    for square in once(drawn):
        says, url = escape(clean(square.says)), drawn.link(square)
        rows.append((
            escape(f"{drawn.row_name(square.row)} / {drawn.column_name(square.column)}"),
            f"{STANDINGS[square.standing].shape} {square.standing}",
            f'<a href="{escape(clean(url))}">{says}</a>' if url else says,
            "<br>".join(escape(drawn.within(i)) for i in square.inside),
        ))
    return page(drawn.title, _Picture(drawn, titled=False).document(), listing(
        "The squares in words", ("square", "standing", "which", "with the reasons"), rows))


class _Picture:
    """A map on its way to a picture."""

    def __init__(self, drawn: Matrix, *, titled: bool = True) -> None:
        self.drawn = drawn
        self.names = [draw.fold(drawn.row_name(value), _NAME, _SIZE) for value in drawn.rows]
        self.heads = [draw.fold(drawn.column_name(value), _NAME, _SIZE) for value in drawn.columns]
        self.left = _EDGE + 10 + max(
            draw.room(max(drawn.row_column, drawn.column_column, key=len), _SMALL) + 16,
            *(draw.room(line, _SIZE) for name in self.names for line in name),
        )
        self.side = min(90.0, max(44.0, (_WIDE - _EDGE - self.left) / len(drawn.columns)))
        self.wide = max(self.left + self.side * len(drawn.columns) + _EDGE, 520.0)
        self.titles = draw.fold(drawn.title, self.wide - 2 * _EDGE, 15) if titled else []
        self.top = _EDGE + 20 * len(self.titles) + 16 + max(
            40.0, *(draw.room(line, _SIZE) for head in self.heads for line in head))
        self.y = self.top + _HIGH * len(drawn.rows) + 16

    def document(self) -> str:
        """All of it."""
        titles = [draw.text(_EDGE, _EDGE + 14 + 20 * i, words, font_size=15, font_weight=600)
                  for i, words in enumerate(self.titles)]
        parts = [*titles, *self._axes(), *self._squares(), *self._legend()]
        says = "; ".join(f"{says}: {count}" for _, says, count in legend(self.drawn))
        return draw.document(self.wide, self.y + _EDGE, self.drawn.title, says, parts)

    def _axes(self) -> Iterator[str]:
        """The values: of the rows at the left, of the columns upright."""
        for y, words in ((self.top - 26, f"{self.drawn.column_column} →"),
                         (self.top - 8, f"{self.drawn.row_column} ↓")):
            yield draw.text(self.left - 8, y, words, font_size=_SMALL, font_style="italic",
                            text_anchor="end", class_="faint", fill=draw.FAINT)
        for number, head in enumerate(self.heads):
            x = self.left + self.side * (number + 0.5) + 4 - _LINE / 2 * (len(head) - 1)
            for i, words in enumerate(head):
                yield draw.text(x + _LINE * i, self.top - 8, words, font_size=_SIZE, transform=(
                    f"rotate(-90 {x + _LINE * i:.1f} {self.top - 8:.1f})"))
        for number, name in enumerate(self.names):
            y = self.top + _HIGH * (number + 0.5) + 4 - _LINE / 2 * (len(name) - 1)
            for i, words in enumerate(name):
                yield draw.text(self.left - 8, y + _LINE * i, words, font_size=_SIZE,
                                text_anchor="end")

    def _squares(self) -> Iterator[str]:
        for number, square in enumerate(self.drawn.squares):
            row, column = divmod(number, len(self.drawn.columns))
            yield self._square(square, self.left + self.side * column, self.top + _HIGH * row)

    def _square(self, square: Square, x: float, y: float) -> str:
        sign = STANDINGS[square.standing].shape
        lines = [] if square.standing is Standing.IMPOSSIBLE else draw.fold(
            f"{sign} {square.text}", self.side - 2, _SMALL)
        if len(lines) > _LINES:
            lines = [*lines[:_LINES - 1], f"{lines[_LINES - 1][:-1]}…"]
        first = y + _HIGH / 2 + 4 - _LINE / 2 * (len(lines) - 1)
        words = "".join(
            draw.text(x + self.side / 2, first + _LINE * i, line, font_size=_SMALL,
                      text_anchor="middle", font_weight=600)
            for i, line in enumerate(lines)
        )
        return draw.titled(_box(x, y, self.side, _HIGH, square.standing) + words, _tooltip(self.drawn, square),
                         self.drawn.link(square))

    def _legend(self) -> Iterator[str]:
        for standing, says, count in legend(self.drawn):
            yield _box(_EDGE, self.y, 24, 16, standing)
            empty = standing is Standing.IMPOSSIBLE
            if not empty:
                yield draw.text(_EDGE + 12, self.y + 12, STANDINGS[standing].shape,
                                font_size=_SMALL, text_anchor="middle")
            label = says.partition(":")[0] if empty else says
            yield draw.text(_EDGE + 34, self.y + 12, f"{label} ({count})", font_size=_SIZE)
            self.y += 22
        for remark in self.drawn.remarks:
            for words in draw.fold(remark, self.wide - 2 * _EDGE, _SIZE):
                yield draw.text(_EDGE, self.y + 12, words, font_size=_SIZE, class_="faint",
                                fill=draw.FAINT)
                self.y += 16


def _tooltip(drawn: Matrix, square: Square) -> str:
    """The tooltip of a square: its sentence, and the first of its reasons."""
    says = (f"{drawn.row_name(square.row)} / {drawn.column_name(square.column)}: "
            f"{square.says.rstrip('.')}")
    return few([says, *map(drawn.within, square.inside)], 1 + _REASONS)


def _box(x: float, y: float, wide: float, high: float, standing: Standing) -> str:
    look = STANDINGS[standing]
    return draw.element(
        "rect", x=x + 1, y=y + 1, width=wide - 2, height=high - 2, rx=3.0, fill=look.fill,
        stroke=look.stroke if standing is not Standing.IMPOSSIBLE else None,
        stroke_width=3 if standing is Standing.BROKEN else None, class_=f"r-s-{standing}",
    )
