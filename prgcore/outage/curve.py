"""The curve of a recommendation as a picture: outage to the right, false failovers upwards.

Law: it draws points that `prgcore.timers.advice` and `prgcore.outage.losses` found, and finds none.
The picture is text made here, so it is the same on every computer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import ceil, floor, log10

from attrs import field, frozen

from prgcore.diagram.page import listing
from prgcore.diagram.page import page as as_page
from prgcore.diagram.svg import FAINT, INK, document, element, haloed, line, room, text
from prgcore.outage.losses import Seen
from prgcore.timers.advice import NEGLIGIBLE, Advice, Point

__all__ = ["curve", "page"]

_WIDE, _HIGH = 760.0, 440.0
_LEFT, _RIGHT, _TOP, _FOOT = 74.0, 736.0, 62.0, 386.0
_NICE = (1, 2, 5)
_ACCENT, _WARN = "#1d3f9c", "#b3261e"


@frozen
class _Axes:
    """Where a point is: outages are linear, false failovers are powers of ten."""

    longest: float
    low: int
    high: int
    step: float = field(default=10.0)

    def x(self, outage: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(outage / self.longest, 1)

    def y(self, a_year: float) -> float:
        part = (log10(max(a_year, 10.0 ** self.low)) - self.low) / (self.high - self.low)
        return _FOOT - (_FOOT - _TOP) * min(part, 1)


def curve(found: Advice, seen: Mapping[Point, Seen] | None = None) -> str:
    """The curve as SVG.

    Args:
        found: the recommendation.
        seen: what a simulation of one node saw of some of its points.
    """
    points = [*found.front, *(p for p in (found.now, found.advised) if p is not None)]
    seen = {p: s for p, s in (seen or {}).items() if p.outage <= _farthest(found)}
    axes = _axes(found, points)
    share = f"{100 * found.losses.share:.4g} % of heartbeats lost"
    burst = "" if not found.losses.lasts else (
        f", the network down for {found.losses.lasts:.3g} s on average")
    return document(
        _WIDE, _HIGH, "Outage against false failovers",
        f"{share}{burst}. To the right, for how long users are out after a crash; upwards, how "
        "often in a year a live peer is declared lost.",
        (text(_LEFT, 24, "Outage against false failovers", font_size=16, font_weight="bold"),
         text(_LEFT, 44, share + burst, font_size=12, class_="faint", fill=FAINT),
         *_scales(axes), *_target(axes, found), *_line(axes, found), *_bars(axes, seen),
         *_marks(axes, found)))


def _farthest(found: Advice) -> float:
    """The largest outage that is drawn."""
    shown = max(found.now.outage, (found.advised or found.now).outage,
                found.front[0].outage if found.front else 0)
    last = found.front[-1].outage if found.front else 0.0
    return float(min(max(shown, last, found.wish.target), 2 * shown))


def _axes(found: Advice, points: list[Point]) -> _Axes:
    farthest = _farthest(found)
    some = [p.false_failovers for p in points
            if p.outage <= farthest and 0 < p.false_failovers < float("inf")]
    low = floor(log10(max(min(some, default=1.0), NEGLIGIBLE / 10)))
    high = max(ceil(log10(max(some, default=10.0))), low + 1)
    step = next(n * 10.0 ** p for p in range(-3, 16) for n in _NICE
                if farthest / (n * 10.0 ** p) <= 10)
    return _Axes(step * ceil(farthest / step), low, high, step)


def _scales(axes: _Axes) -> Iterator[str]:
    """The two scales, with their words."""
    for power in range(axes.low, axes.high + 1):
        y = axes.y(10.0 ** power)
        says = f"{10 ** power:,}" if power >= 0 else f"{10.0 ** power:.{-power}f}"
        yield line(_LEFT, y, _RIGHT, y, stroke_width=0.5, opacity=0.6)
        yield text(_LEFT - 8, y + 4, says, font_size=11, text_anchor="end")
    for count in range(round(axes.longest / axes.step) + 1):
        x = axes.x(count * axes.step)
        yield line(x, _FOOT, x, _FOOT + 5)
        yield text(x, _FOOT + 19, f"{count * axes.step:.6g}", font_size=11, text_anchor="middle")
    yield line(_LEFT, _FOOT, _RIGHT, _FOOT, stroke_width=1.2)
    yield text((_LEFT + _RIGHT) / 2, _FOOT + 40, font_size=12, text_anchor="middle",
               words="seconds for which users are out after a crash, at most (T3, T9)")
    middle = (_TOP + _FOOT) / 2
    yield text(16, middle, "false failovers a year (T6)", font_size=12, text_anchor="middle",
               transform=f"rotate(-90 16 {middle:.1f})")


def _target(axes: _Axes, found: Advice) -> Iterator[str]:
    if found.wish.target > axes.longest:
        return
    x = axes.x(found.wish.target)
    yield line(x, _TOP - 6, x, _FOOT, class_="arrow", stroke=INK, stroke_dasharray="5 4")
    says = f"at most {found.wish.target:.6g} s"
    near = x + 6 + room(says, 11) > _RIGHT
    yield haloed(x - 6 if near else x + 6, _TOP + 4, says, font_size=11,
                 text_anchor="end" if near else "start")


def _line(axes: _Axes, found: Advice) -> Iterator[str]:
    shown = [p for p in found.front if p.outage <= axes.longest]
    if shown:
        path = " ".join(f"{axes.x(p.outage):.1f},{axes.y(p.false_failovers):.1f}" for p in shown)
        yield element("polyline", points=path, fill="none", stroke=_ACCENT, class_="arrow",
                      stroke_width=2)


def _bars(axes: _Axes, seen: Mapping[Point, Seen]) -> Iterator[str]:
    """What the simulation saw: its interval as a bar, with two ends."""
    for one in sorted(seen, key=lambda p: (p.outage, p.interval)):
        x = axes.x(one.outage)
        low, high = axes.y(2 * seen[one].least), axes.y(2 * seen[one].most)
        for y in (low, high):
            yield line(x - 4, y, x + 4, y, class_="arrow", stroke=INK)
        yield line(x, low, x, high, class_="arrow", stroke=INK)


def _marks(axes: _Axes, found: Advice) -> Iterator[str]:
    """Now and the advised setting, as dots with their words."""
    both = [(found.now, "now", _WARN)] if not found.kept else []
    if found.advised is not None:
        both.append((found.advised, "now and advised" if found.kept else "advised", _ACCENT))
    for at, (one, says, paint) in enumerate(both):
        x, y = axes.x(one.outage), axes.y(one.false_failovers)
        yield element("circle", cx=x, cy=y, r=5.0, fill=paint, stroke="#ffffff", stroke_width=1)
        words = f"{says}: every {one.interval:.6g} s, time-out {one.timeout:.6g} s"
        far = room(words, 12) + 10
        left = x - far > _LEFT if at else x + far > _RIGHT  # the curve falls: below it is room
        yield haloed(x - 10 if left else x + 10, y + (24 if at else -8), words, font_size=12,
                     text_anchor="end" if left else "start")


def page(found: Advice, drawn: str) -> str:
    """The curve as a page: the picture, and every point of it as a table."""
    rows = [
        (f"{p.outage:.6g}", f"{p.interval:.6g}", f"{p.timeout:.6g}", str(p.survived),
         f"{p.false_failovers:.4g}", "advised" if p == found.advised else "")
        for p in sorted({*found.front, *([found.advised] if found.advised else [])},
                        key=lambda p: (p.outage, p.interval))]
    says = "".join(f"<p>{escape(one)}.</p>\n" for one in found.impossible)
    changes = " ".join(f"{name}={value:.10g}" for name, value in found.changes.items())
    says += f"<p>Set: <code>{escape(changes)}</code></p>\n" if changes else ""
    return as_page("Outage against false failovers", drawn, says + listing(
        "The curve", ("outage, s", "interval, s", "time-out, s", "lost in a row that are survived",
                      "false failovers a year", ""), rows))
