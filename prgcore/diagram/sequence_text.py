"""A sequence for a terminal: 80 columns, life lines down, messages across.

Law: text only; characters of one width, and none that moves the cursor.
"""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap

from prgcore.diagram.sequence import (
    ARRIVES,
    BROKEN,
    CUT,
    LOST,
    REMARK,
    SENT,
    SILENCE,
    Life,
    Message,
    Note,
    Sequence,
    Span,
    ends,
    one_end,
)
from prgcore.words import clean

__all__ = ["WIDTH", "text"]

WIDTH = 80
_OUTER = {"administrator": 15, "arbiter": 11, "record": 11, "world": 9}
_SQUARE, _DOUBLE = tuple("┌─┐│└┘"), tuple("╔═╗║╚╝")


def text(drawn: Sequence) -> str:
    """The sequence as lines of at most 80 characters."""
    page = _Page(drawn.lives)
    for band in drawn.bands:
        if isinstance(band[0], Message):
            page.message([m for m in band if isinstance(m, Message)])
        elif isinstance(band[0], Note):
            page.notes([n for n in band if isinstance(n, Note)])
        else:
            page.span(band[0])
    page.heads()
    title = wrap(clean(drawn.title), WIDTH)
    return "\n".join([*title, "", *("".join(row).rstrip() for row in page.rows)]) + "\n"


def _places(lives: tuple[Life, ...]) -> dict[str, int]:
    """The column of every life line: the nodes share the room that the outer ones leave."""
    room = WIDTH - sum(_OUTER.get(life.id, 0) for life in lives)
    nodes = sum(life.id not in _OUTER for life in lives)
    at, left = {}, 0
    for life in lives:
        wide = _OUTER.get(life.id) or room // nodes
        at[life.id] = left + wide // 2
        left += wide
    return at


class _Page:
    """Rows of characters, written from top to bottom over the life lines."""

    def __init__(self, lives: tuple[Life, ...]) -> None:
        self.lives = lives
        self.at = _places(lives)
        self.rows: list[list[str]] = []
        nodes = [self.at[life.id] for life in lives if life.id not in _OUTER]
        self.ends = min(nodes), max(nodes)
        self.reach = min([b - a for a, b in pairwise(nodes)] or [44]) - 1
        self.shaded: set[tuple[str, str]] = set()
        self.out: dict[int, tuple[int, int]] = {}
        self.heads()

    def row(self) -> list[str]:
        """A new row, with nothing on it but the life lines, and what lasts."""
        row = [" "] * WIDTH
        for role, node in self.shaded:
            if role == CUT:
                row[self._near(node)] = "░"
            else:
                row[0] = row[-1] = "!"
        for place in self.at.values():
            row[place] = "│"
        self.rows.append(row)
        return row

    def put(self, row: list[str], left: int, words: str) -> None:
        """Words on a row, kept on the page."""
        left = max(0, min(left, WIDTH - len(words)))
        row[left:left + len(words)] = words[:WIDTH]

    def heads(self) -> None:
        """The names of the life lines."""
        row = self.row()
        for life in self.lives:
            self.put(row, self.at[life.id] - len(life.label) // 2, life.label)

    # ---------------------------------------------------------------- messages

    def message(self, some: list[Message]) -> None:
        """An arrow to one life line, or to several, with the words above it."""
        first = some[0]
        if first.kind not in ("action", "refusal"):
            self.row()
        words = clean(first.text)
        if first.source == first.target:
            self._own(self.at[first.source], words, first)
            return
        if first.part:
            self._part(first, words)
            return
        hub = self.at[one_end(some)]
        others = {self.at[n] for m in some for n in ends(m)} - {hub}
        low, high = min(hub, *others), max(hub, *others)
        self._words(words, low + 2, high - 1)
        row = self.row()
        line = "╌" if first.dashed else "─"
        for place in range(low + 1, high):
            row[place] = "┼" if row[place] == "│" and line == "─" else line
        sources, targets = ({hub}, others) if self.at[first.source] == hub else (others, {hub})
        for start in sources:
            row[start] = "├" if min(targets) > start else "┤"
        for end in targets:
            row[end - 1 if end > low else end + 1] = ">" if end > low else "<"

    def _part(self, message: Message, words: str) -> None:
        """A message that sets out, arrives or is lost; dots lead from the one to the other."""
        start, end = self.at[message.source], self.at[message.target]
        way = 1 if end > start else -1
        row, at = self.row(), len(self.rows) - 1
        if message.part == SENT or not message.flight:
            row[start] = "├" if way > 0 else "┤"
            said = f"─ {words} " if way > 0 else f" {words} ─"
            self.put(row, start + 1 if way > 0 else start - len(said), said)
            self.out[message.flight] = at, start + way * (len(said) + 1)
            if message.part == LOST:
                self.put(row, start + way * (len(said) + 1), "✗")
            return
        said = f"{words} " + ("✗" if message.part == LOST else "─>")
        if way < 0:
            said = ("✗" if message.part == LOST else "<─") + f" {words}"
        last = end - way if message.part == ARRIVES else (start + end) // 2 + way * len(said) // 2
        self.put(row, last - len(said) + 1 if way > 0 else last, said)
        self._dots(*self.out[message.flight], at, last - way * (len(said) + 1))

    def _dots(self, row: int, left: int, last: int, right: int) -> None:
        """Dots from one place to another, wherever the page is blank, and never between words."""
        steps = max(last - row, abs(right - left) // 2, 1)
        for step in range(steps + 1):
            line = self.rows[row + round((last - row) * step / steps)]
            place = left + round((right - left) * step / steps)
            if {*line[place - 1:place + 2]} <= {*" ░·│"} and line[place] != "│":
                line[place] = "·"

    # ------------------------------------------------------------------- spans

    def span(self, span: Span) -> None:
        """The words of a span; a cut is shaded beside its node, and dual service at both edges."""
        left, right = self.ends
        if span.role == SILENCE:
            row = self.row()
            for place in range(left + 1, right):
                row[place] = "·" if (place - left) % 2 else row[place]
            self._middle(row, f" {span.text} ")
            return
        touched = {(span.role, node) for node in span.over}
        if span.ends:
            self._middle(self.row(), f" {span.text} ")
            self.shaded -= touched
        else:
            self.shaded |= touched
            self._middle(self.row(), f" {span.text} ")

    def _middle(self, row: list[str], words: str) -> None:
        self.put(row, (sum(self.ends) - len(words)) // 2 + 1, words)

    def _near(self, node: str) -> int:
        """The place between the nodes that is nearer to this one."""
        left, right = self.ends
        quarter = (right - left) // 5
        return left + quarter if self.at[node] == left else right - quarter

    def _own(self, place: int, words: str, message: Message) -> None:
        """An act of one life line: at its right, or at its left if there is room."""
        sign = {"action": "─ ", "refusal": "╌ "}.get(message.kind, "> ")
        right = WIDTH - place - 3
        if len(words) <= right or right >= place:
            for number, line in enumerate(wrap(words, right) or [""]):
                self.put(self.row(), place, ("├" + sign if not number else "│  ") + line)
            return
        for number, line in enumerate(wrap(words, place - 3) or [""]):
            end = sign[::-1].replace(">", "<") + "┤" if not number else "  │"
            self.put(self.row(), place + 1 - len(line) - 3, line + end)

    def _words(self, words: str, left: int, right: int) -> None:
        """Words that begin at the left of an arrow, or end at its right if they do not fit."""
        if left + len(words) <= WIDTH or WIDTH - left >= right:
            for line in wrap(words, WIDTH - left) or [""]:
                self.put(self.row(), left, line)
            return
        for line in wrap(words, right) or [""]:
            self.put(self.row(), right - len(line), line)

    # ------------------------------------------------------------------- notes

    def notes(self, some: list[Note]) -> None:
        """Boxes side by side; remarks without a box."""
        blocks = [self._block(note) for note in some]
        for number in range(max(len(lines) for _, lines in blocks)):
            row = self.row()
            for left, lines in blocks:
                if number < len(lines):
                    self.put(row, left, lines[number])

    def _block(self, note: Note) -> tuple[int, list[str]]:
        """A note as lines, and the column where they begin."""
        places = [self.at[name] for name in note.over]
        middle = (min(places) + max(places)) // 2
        most = self.reach if len(places) == 1 else max(max(places) - min(places) + 20, 44)
        if note.role == REMARK:
            lines = [line for part in note.text for line in wrap(clean(part), min(most, WIDTH) - 2)]
            wide = max(map(len, lines))
            return middle - (wide + 2) // 2, [f" {line:^{wide}} " for line in lines]
        lines = [line for part in note.text for line in wrap(clean(part), min(most, WIDTH) - 4)]
        wide = max(map(len, lines))
        a, b, c, d, e, f = _DOUBLE if note.role == BROKEN else _SQUARE
        return middle - (wide + 4) // 2, [
            a + b * (wide + 2) + c,
            *(f"{d} {line:^{wide}} {d}" for line in lines),
            e + b * (wide + 2) + f,
        ]
