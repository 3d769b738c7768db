"""A sequence as SVG and as a page. Law: laid out here, by the lengths of the words alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from typing import TypeGuard

from prgcore.diagram import palette
from prgcore.diagram import svg as draw
from prgcore.diagram.page import listing, page
from prgcore.diagram.palette import PALETTE, Look, Role
from prgcore.diagram.sequence import (
    ARRIVES,
    BROKEN,
    CUT,
    LIVES,
    LOST,
    REMARK,
    SENT,
    SILENCE,
    TWICE,
    Item,
    Life,
    Message,
    Note,
    Sequence,
    Span,
    check_size,
    ends,
    one_end,
)
from prgcore.words import clean, counted

__all__ = ["html", "svg"]

_SIZE, _SMALL, _LINE = 12.0, 11.0, 15.0
_EDGE, _GUTTER, _GAP, _LOOP, _BAR = 12.0, 14.0, 80.0, 26.0, 4.0
_OUTER = ("administrator", "arbiter", "record", "world")
_SPANS = {CUT: palette.CUT, TWICE: palette.TWICE}
_MOST_REFUSAL, _MOST_NOTE = 250.0, 200.0
_TALL = 900.0
"""From this height on the life lines are named at the bottom too."""


def svg(drawn: Sequence) -> str:
    """The sequence as a picture."""
    return _Picture(check_size(drawn)).document()


def html(drawn: Sequence) -> str:
    """The sequence as a page: the picture, and the same in words."""
    check_size(drawn)
    rows = []
    for item in drawn.items:
        who = " to ".join(dict.fromkeys(LIVES[name] for name in ends(item)))
        if isinstance(item, Message):
            why, url = escape(clean(item.tooltip)), drawn.at(item.url)
            linked = f'<a href="{escape(clean(url))}">{why}</a>' if url else why
            rows.append((str(item.step), who, item.part or item.kind,
                         f"<code>{escape(clean(item.text))}</code>", linked))
        elif isinstance(item, Note):
            said = "<br>".join(escape(clean(words)) for words in item.text)
            rows.append(("", who.replace(" to ", " and "), "", said, ""))
        else:
            rows.append((str(item.step or ""), who.replace(" to ", " and "), item.role,
                         escape(clean(item.text)), ""))
    return page(drawn.title, _Picture(drawn, titled=False).document(), listing(
        "Step by step", ("step", "who", "kind", "what", "why"), rows))


def _is_event(item: Item) -> TypeGuard[Message]:
    return isinstance(item, Message) and item.kind not in ("action", "refusal")


def _look(note: Note) -> Look:
    return palette.BROKEN if note.role == BROKEN else PALETTE[Role(note.role)]


def _folded(item: Item, most: float = _MOST_NOTE) -> list[str]:
    """The text of an item, as lines."""
    if isinstance(item, Note):
        return [line for part in item.text for line in draw.fold(part, most, _SIZE)]
    if isinstance(item, Span):
        return [item.text]
    return draw.fold(item.text, _MOST_REFUSAL if item.kind == "refusal" else 1e6, _SIZE)


def _wide(lines: Iterable[str], size: float = _SIZE) -> float:
    return max(draw.room(line, size) for line in lines)


class _Places:
    """The places of the life lines: as near as their messages and notes allow."""

    def __init__(self, drawn: Sequence) -> None:
        self.order = [life.id for life in drawn.lives]
        self.nodes = [name for name in self.order if name not in _OUTER]
        self.apart: dict[tuple[str, str], float] = {}
        self.beside = {life.id: draw.room(life.label, _SIZE) / 2 + 14 for life in drawn.lives}
        self.right = dict(self.beside)
        for left, right in pairwise(drawn.lives):
            self._ask(left.id, right.id, draw.room(left.label + right.label, _SIZE) / 2 + 22)
        for band in drawn.bands:
            for item in band:
                self._need(item)
            boxes = (n for n in band if isinstance(n, Note) and n.role != REMARK)
            for one, other in pairwise(boxes):
                self._ask(one.over[0], other.over[0],
                          (_wide(_folded(one)) + _wide(_folded(other))) / 2 + 40)
        self.x: dict[str, float] = {}
        for name in self.order:
            before = [self.x[one] + far for (one, other), far in self.apart.items()
                      if other == name and one in self.x]
            last = max(self.x.values(), default=-_GAP) + _GAP
            self.x[name] = max([last, _EDGE + _GUTTER + self.beside[name], *before])
        for name in {"arbiter", "record"} & self.x.keys() if len(self.nodes) > 1 else ():
            self._centre(name)
        self.wide = max(self.x[name] + self.right[name] for name in self.order) + _EDGE

    def _centre(self, name: str) -> None:
        """A life line halfway between the nodes, where its messages leave the choice."""
        left, right = (self.x[node] for node in self.nodes)
        most = right - self.apart.get((name, self.nodes[1]), _GAP)
        self.x[name] = max(self.x[name], min((left + right) / 2, most))

    def _ask(self, one: str, other: str, far: float) -> None:
        key = (one, other) if self.order.index(one) < self.order.index(other) else (other, one)
        self.apart[key] = max(self.apart.get(key, 0), far)

    def _need(self, item: Item) -> None:
        wide = _wide(_folded(item))
        if isinstance(item, Span):
            self._ask(self.nodes[0], self.nodes[-1], wide + 40)
        elif isinstance(item, Message) and item.part:
            self._ask(item.source, item.target, 2 * wide + 60)
        elif isinstance(item, Message) and item.source != item.target:
            self._ask(item.source, item.target, wide + 20)
        elif isinstance(item, Message):
            self._reach(item.source, _LOOP + wide + 6)
        elif len(item.over) == 1 and item.role == REMARK:
            self._behind(item.over[0], wide + 2 * _BAR + 12)
        elif len(item.over) == 1:
            self._reach(item.over[0], wide / 2 + 24)
            self.beside[item.over[0]] = max(self.beside[item.over[0]], wide / 2 + 16)
        else:
            self._ask(item.over[0], item.over[-1], 240)

    def _reach(self, name: str, far: float) -> None:
        """Room at the right of a life line, up to the next node."""
        later = [n for n in self.nodes if self.order.index(n) > self.order.index(name)]
        if later:
            self._ask(name, later[0], far)
        else:
            self.right[name] = max(self.right[name], far)


    def _behind(self, name: str, far: float) -> None:
        """Room at the left of a life line, up to the node before it."""
        before = [n for n in self.nodes if self.order.index(n) < self.order.index(name)]
        if before:
            self._ask(before[-1], name, far)
        else:
            self.beside[name] = max(self.beside[name], far)


class _Picture:
    """A sequence on its way to a picture, from top to bottom."""

    def __init__(self, drawn: Sequence, *, titled: bool = True) -> None:
        self.drawn = drawn
        self.at = _Places(drawn)
        self.title = draw.fold(drawn.title, self.at.wide - 2 * _EDGE, 15) if titled else []
        self.y = _EDGE + 20 * len(self.title) + 36
        self.top = self.y
        self.bars: dict[str, tuple[float, Note]] = {}
        self.shades: dict[tuple[str, str], float] = {}
        self.out: dict[int, float] = {}
        self.step = 0
        self.behind: list[str] = []
        self.under: list[str] = []
        self.flights: list[str] = []
        self.over: list[str] = []

    def document(self) -> str:
        """The whole picture."""
        for band in self.drawn.bands:
            if isinstance(band[0], Message):
                self._messages([m for m in band if isinstance(m, Message)])
            elif isinstance(band[0], Note):
                self._notes([n for n in band if isinstance(n, Note)])
            else:
                self._span(band[0])
        self.y += 14
        for role, node in list(self.shades):
            self._shade(role, node, self.y)
        for name in list(self.bars):
            self._end(name, self.y)
        lines = [draw.line(x, self.top, x, self.y) for x in self.at.x.values()]
        heads = list(self._heads(self.top - 28))
        if self.y > _TALL:
            heads += self._heads(self.y)
            self.y += 28
        titles = [
            draw.text(_EDGE, _EDGE + 14 + 20 * i, words, font_size=15, font_weight=600)
            for i, words in enumerate(self.title)
        ]
        legend = self._legend()
        events = len({i.step for i in self.drawn.items if not isinstance(i, Note)} - {0})
        says = f"{counted(events, 'event')}; " + "; ".join(
            f"{LIVES[n.over[0]] if len(n.over) == 1 else 'in the end'}: {', '.join(n.text)}"
            for n in self._last()
        )
        return draw.document(self.at.wide, self.y + _EDGE, self.drawn.title, says, [
            *titles, *self.behind, *lines, *self.under, *self.flights, *heads, *self.over, legend,
        ])

    def _last(self) -> list[Note]:
        """The description: the last states of the nodes, and everything that does not hold."""
        notes = [i for i in self.drawn.items if isinstance(i, Note) and i.role != REMARK]
        last = {n.over: n for n in notes}
        return [last[over] for over in sorted(last)]

    def _heads(self, y: float) -> Iterator[str]:
        for life in self.drawn.lives:
            yield from self._head(life, self.at.x[life.id], y)

    def _head(self, life: Life, x: float, y: float) -> Iterator[str]:
        wide = draw.room(life.label, _SIZE) + 16
        yield draw.box(x - wide / 2, y, wide, 28, PALETTE[Role.PLAIN], Role.PLAIN)
        yield draw.text(x, y + 18, life.label, font_size=_SIZE, font_weight=600,
                        text_anchor="middle")

    def _legend(self) -> str:
        """The roles that occur, and their meanings."""
        looks = {i.role: _look(i) for i in self.drawn.items
                 if isinstance(i, Note) and i.role != REMARK}
        looks |= {i.role: _SPANS[i.role] for i in self.drawn.items
                  if isinstance(i, Span) and i.role in _SPANS}
        order = [*Role, *_SPANS, BROKEN]
        inside, self.y = draw.legend(
            {role: looks[role] for role in sorted(looks, key=order.index)},
            self.y + 16, self.at.wide, _EDGE)
        return inside

    # ---------------------------------------------------------------- messages

    def _messages(self, some: list[Message]) -> None:
        first = some[0]
        parts: list[str] = []
        if _is_event(first):
            self.y += 14
            parts.append(self._number(first.step))
        if first.source == first.target:
            parts += self._own(first)
        elif first.part:
            parts += self._part(first)
        else:
            parts += self._across(some)
        self.over.append(draw.titled("".join(parts), first.tooltip, self.drawn.at(first.url)))

    def _words(self, x: float, y: float, message: Message, words: str, **more: object) -> str:
        weight = 600 if _is_event(message) else None
        return draw.haloed(x, y, words, font_family=draw.MONO, font_size=_SIZE,
                           font_weight=weight, **more)

    def _across(self, some: list[Message]) -> Iterator[str]:
        first, x = some[0], self.at.x
        hub = one_end(some)
        others = sorted({n for m in some for n in ends(m)} - {hub}, key=lambda n: abs(x[n] - x[hub]))
        near, between = x[others[0]], sorted((x[others[0]], x[hub]))
        passed = [x[n] for n in self.at.nodes if between[0] < x[n] < between[1]]
        far = min([x[hub], *passed], key=lambda place: abs(place - near))
        if abs(far - near) < _wide(_folded(first)) + 2 * _BAR:
            far = x[hub]
        for words in _folded(first):
            self.y += _LINE
            yield self._words((far + near) / 2, self.y, first, words, text_anchor="middle")
        self.y += 8
        start, *middle, end = (hub, *others) if first.source == hub else (*others[::-1], hub)
        way = 1 if x[end] > x[start] else -1
        yield draw.line(x[start] + way * _BAR, self.y, x[end] - way * (_BAR + 6), self.y,
                        class_="arrow", stroke=draw.INK, stroke_width=1.4,
                        stroke_dasharray="5 4" if first.dashed else None)
        for name in middle if first.source == hub else ():
            yield draw.tip(x[name] - way * _BAR, self.y, way)
        for name in () if first.source == hub else middle:
            yield draw.element("circle", cx=x[name], cy=self.y, r=_BAR, class_="head", fill=draw.INK)
        yield draw.tip(x[end] - way * _BAR, self.y, way)
        self.y += 6

    def _number(self, step: int) -> str:
        """The number of a step at the left edge, where it begins."""
        if step in (0, self.step):
            return ""
        self.step = step
        return draw.text(_EDGE, self.y + 12, str(step), class_="faint", fill=draw.FAINT,
                         font_size=_SMALL)

    def _part(self, message: Message) -> Iterator[str]:
        """A message under way: its words where it sets out, its arrow where it ends."""
        start, end = self.at.x[message.source], self.at.x[message.target]
        way = 1 if end > start else -1
        anchor = ("start", "end")[:: way]
        self.y += _LINE
        if message.part == SENT or not message.flight:
            yield self._words(start + way * 14, self.y, message, message.text, text_anchor=anchor[0])
            self.y += 6
            yield draw.element("circle", cx=start, cy=self.y, r=_BAR, class_="head", fill=draw.INK)
            self.out[message.flight] = self.y
        if message.part == SENT:
            return
        begun = self.out[message.flight]
        if message.flight:
            self.y += 6
        else:
            self.y += _LINE
        far = end - way * _BAR if message.part == ARRIVES else (start + 2 * end) / 3
        self.flights.append(draw.slanted(
            start, begun, far, self.y, lost=message.part == LOST))
        if message.flight:
            yield self._words(far - way * 14, self.y - 8 if message.part == LOST else self.y - 2,
                              message, message.text, text_anchor=anchor[1])
        self.y += 8

    def _span(self, span: Span) -> None:
        """The words of a span, and its shade where it ends; an interval of silence is a dotted line."""
        left, right = (self.at.x[name] for name in (self.at.nodes[0], self.at.nodes[-1]))
        self.y += 14
        self.over.append(self._number(span.step))
        if span.role == SILENCE:
            self.over.append(draw.line(left, self.y + 8, right, self.y + 8, stroke_dasharray="2 5"))
        for name in span.over if span.role == CUT else span.over[:1] if span.role == TWICE else ():
            if span.ends:
                self._shade(span.role, name, self.y + 4)
            else:
                self.shades.setdefault((span.role, name), self.y - 4)
        look = _SPANS.get(span.role)
        bold = {"font_weight": 600} if look else {"class_": "faint", "fill": draw.FAINT}
        self.over.append(draw.haloed((left + right) / 2, self.y + 12, span.text, font_size=_SMALL,
                                     text_anchor="middle", **bold))
        self.y += 18

    def _shade(self, role: str, name: str, end: float) -> None:
        """The shade of a cut beside the node that is not heard; of dual service, around both."""
        top = self.shades.pop((role, name), end)
        left, right = (self.at.x[node] for node in (self.at.nodes[0], self.at.nodes[-1]))
        if role == CUT:
            half = (left + right) / 2
            left, right = (left, half) if self.at.x[name] == left else (half, right)
        else:
            left, right = left - 2 * _BAR, right + 2 * _BAR
        shade = draw.element(
            "rect", x=left, y=top, width=right - left, height=max(end - top, 0),
            class_=f"r-{role}", fill=_SPANS[role].fill, fill_opacity=0.7)
        self.behind.insert(0 if role == TWICE else len(self.behind), shade)

    def _own(self, message: Message) -> Iterator[str]:
        """An act of one life line: a loop for an event, a stroke for an action."""
        x, lines = self.at.x[message.source] + _BAR, _folded(message)
        if message.kind == "action":
            self.y += _LINE
            yield draw.line(x, self.y - 4, x + 12, self.y - 4, class_="arrow", stroke=draw.INK)
            yield self._words(x + 18, self.y, message, message.text)
            self.y += 2
            return
        y = self.y + 4
        dash = "5 4" if message.dashed else None
        yield draw.element("path", d=f"M{x:.1f},{y:.1f} h14 v12 h-9", class_="arrow", fill="none",
                           stroke=draw.INK, stroke_width=1.4, stroke_dasharray=dash)
        yield draw.tip(x, y + 12, -1)
        for number, words in enumerate(lines):
            yield self._words(x + _LOOP - _BAR, y + 10 + number * _LINE, message, words)
        self.y = y + max(20, 8 + len(lines) * _LINE)

    # ------------------------------------------------------------------- notes

    def _notes(self, some: list[Note]) -> None:
        """Notes side by side; a state ends the bar of the one before it."""
        self.y += 6
        top = self.y
        for note in some:
            self.y = max(self.y, self._note(note, top))
        self.y += 2

    def _note(self, note: Note, top: float) -> float:
        places = [self.at.x[name] for name in note.over]
        middle, span = (min(places) + max(places)) / 2, max(places) - min(places)
        lines = _folded(note, max(span + 60, _MOST_NOTE) if span else _MOST_NOTE)
        if note.role == REMARK:
            anchor, x = ("middle", middle) if span else ("end", middle - _BAR - 8)
            for number, words in enumerate(lines):
                self.over.append(self._remark(x, top + 11 + 14 * number, words, anchor))
            return top + 14 * len(lines)
        wide, high = _wide(lines) + 24, len(lines) * _LINE + 12
        if span:
            wide = max(wide, span + 60)
        self.over.append(draw.box(middle - wide / 2, top, wide, high, _look(note), note.role))
        for number, words in enumerate(lines):
            weight = 600 if number < len(draw.fold(note.text[0], 1e6 if span else _MOST_NOTE, _SIZE)) \
                else None
            self.over.append(draw.text(middle, top + 18 + number * _LINE, words, font_size=_SIZE,
                                       font_weight=weight, text_anchor="middle"))
        if note.role != BROKEN:
            self._end(note.over[0], top)
            self.bars[note.over[0]] = top + high, note
        return top + high

    def _remark(self, x: float, y: float, words: str, anchor: str) -> str:
        return draw.haloed(x, y, words, class_="faint", fill=draw.FAINT, font_size=_SMALL,
                           font_style="italic", text_anchor=anchor)

    def _end(self, name: str, y: float) -> None:
        """The bar of a state, from its note down to here."""
        if name in self.bars:
            top, note = self.bars.pop(name)
            look = _look(note)
            self.under.append(draw.element(
                "rect", x=self.at.x[name] - _BAR, y=top, width=2 * _BAR, height=max(y - top, 0),
                class_=f"r-{note.role}", fill=look.fill, stroke=look.stroke))
