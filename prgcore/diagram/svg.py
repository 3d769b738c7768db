"""SVG: pictures that are laid out here, without Graphviz. Law: text only; every word is escaped.

Words are given the room of a wide font, so that a picture is the same everywhere. Elements have
their colours, for renderers without style sheets; on a dark page classes replace them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from math import atan2, degrees
from textwrap import wrap

from prgcore.diagram.palette import BROKEN, CUT, PALETTE, STANDINGS, TWICE, Look, Standing
from prgcore.words import clean

__all__ = [
    "FAINT", "INK", "LINE", "MONO", "PAGE", "SANS", "box", "document", "element", "fold",
    "haloed", "legend", "line", "room", "slanted", "text", "tip", "titled",
]

MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
INK, FAINT, LINE, PAGE = "#1b1f24", "#57606a", "#8c959f", "#ffffff"
_DARK = (
    ".page{fill:#16181c}.ink{fill:#f2f2f2}.faint{fill:#b6bcc4}.halo{stroke:#16181c}"
    ".line{stroke:#7d8590}.arrow{stroke:#f2f2f2}.head{fill:#f2f2f2;stroke:#f2f2f2}"
)
_WIDE = 0.62
"""The greatest average width of a character, as a part of the size of the font."""


def room(words: str, size: float) -> float:
    """The most room that words take."""
    return len(words) * size * _WIDE


def fold(words: str, most: float, size: float) -> list[str]:
    """Words as lines that fit, at least one line."""
    return wrap(clean(words), max(4, int(most / (size * _WIDE)))) or [" "]


def element(name: str, inside: str = "", /, **attributes: object) -> str:
    """An element around markup; `class_` is `class`, another `_` a hyphen, None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items() if value is not None
    )
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else clean(str(value))


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """One line of text; `y` is its base line."""
    given = {"class_": "ink", "fill": INK, **attributes}
    return element("text", escape(clean(words)) or " ", x=float(x), y=float(y), **given)


def haloed(x: float, y: float, words: str, **attributes: object) -> str:
    """One line of text with a halo, readable on the lines that it crosses."""
    under = {"class_": "halo", "fill": "none", "stroke": PAGE, "stroke_width": 5,
             "stroke_linejoin": "round", "aria_hidden": "true"}
    return text(x, y, words, **{**attributes, **under}) + text(x, y, words, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """A straight line."""
    given = {"class_": "line", "stroke": LINE, **attributes}
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **given)


def tip(x: float, y: float, way: int, **attributes: object) -> str:
    """The tip of an arrow that ends here; `way` is 1 to the right, -1 to the left."""
    points = f"{x:.1f},{y:.1f} {x - way * 8:.1f},{y - 4:.1f} {x - way * 8:.1f},{y + 4:.1f}"
    return element("polygon", points=points, class_="head", fill=INK, **attributes)


def slanted(x1: float, y1: float, x2: float, y2: float, *, lost: bool = False) -> str:
    """An arrow between two points; one that is lost ends in a cross."""
    if lost:
        far = (f"M{x2 - 5:.1f},{y2 - 5:.1f} l10,10 M{x2 - 5:.1f},{y2 + 5:.1f} l10,-10")
        end = element("path", d=far, class_="arrow", fill="none", stroke=INK, stroke_width=2)
    else:
        turn = degrees(atan2(y2 - y1, x2 - x1))
        end = tip(x2, y2, 1, transform=f"rotate({turn:.1f} {x2:.1f} {y2:.1f})")
    return line(x1, y1, x2, y2, class_="arrow", stroke=INK, stroke_width=1.4) + end


def box(x: float, y: float, wide: float, high: float, look: Look, role: str) -> str:
    """A box that shows a role by colour and by shape."""
    paint = {"class_": f"r-{role}", "fill": look.fill, "stroke": look.stroke}
    if look.shape == "octagon":
        cut, right, foot = min(6.0, high / 3), x + wide, y + high
        around = ((x + cut, y), (right - cut, y), (right, y + cut), (right, foot - cut),
                  (right - cut, foot), (x + cut, foot), (x, foot - cut), (x, y + cut))
        return element("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in around), **paint)
    if look.shape == "hexagon":
        tip = min(9.0, high / 2)
        corners = ((x, y + high / 2), (x + tip, y), (x + wide - tip, y), (x + wide, y + high / 2),
                   (x + wide - tip, y + high), (x + tip, y + high))
        return element("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), **paint)
    round_ = {"rounded": 8.0, "ellipse": high / 2}.get(look.shape, 0.0)
    outer = _rectangle(x, y, wide, high, round_, paint)
    if look.shape != "double":
        return outer
    return outer + _rectangle(x + 3, y + 3, wide - 6, high - 6, 0, paint)


def _rectangle(
    x: float, y: float, wide: float, high: float, round_: float, paint: dict[str, str]
) -> str:
    return element("rect", x=float(x), y=float(y), width=float(wide), height=float(high),
                   rx=float(round_) if round_ else None, **paint)


def legend(looks: Mapping[str, Look], y: float, wide: float, edge: float) -> tuple[str, float]:
    """The legend: every look, by its class, with its meaning, in the lines needed; its end."""
    parts, x = [], edge
    for role, look in looks.items():
        far = 24 + room(look.says, 11) + 18
        if x + far > wide and x > edge:
            x, y = edge, y + 22
        parts += [box(x, y, 18, 14, look, role), text(x + 24, y + 11, look.says, font_size=11)]
        x += far
    return "".join(parts), y + 16


def titled(inside: str, tooltip: str, url: str = "") -> str:
    """Markup with a tooltip and a link, which leaves the picture."""
    named = f"<title>{escape(clean(tooltip))}</title>{inside}" if tooltip else inside
    if url:
        return element("a", named, href=url, target="_parent")
    return element("g", named) if tooltip else inside


def document(wide: float, high: float, title: str, says: str, inside: Iterable[str]) -> str:
    """A picture on its own page colour, named and described for people who cannot see it."""
    body = "\n".join(inside)
    role = "graphics-document" if "<a " in body else "img"
    return element(
        "svg",
        f"\n<title>{escape(clean(title))}</title>\n<desc>{escape(clean(says))}</desc>\n"
        f"<style>@media (prefers-color-scheme:dark){{{_DARK}{''.join(_dark(body))}}}</style>\n"
        + element("rect", class_="page", width="100%", height="100%", fill=PAGE)
        + f"\n{body}\n",
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_value(wide)} {_value(high)}",
        width=float(wide), height=float(high), role=role, font_family=SANS,
    ) + "\n"


def _dark(body: str) -> Iterator[str]:
    """The style rules of the looks that occur, for a dark page."""
    looks = {**{str(r): look for r, look in PALETTE.items()}, "broken": BROKEN,
             "cut": CUT, "twice": TWICE, **{f"s-{s}": look for s, look in STANDINGS.items()}}
    for name, look in looks.items():
        if f'"r-{name}"' in body:
            stroke = "" if name == f"s-{Standing.IMPOSSIBLE}" else ";stroke:#c9d1d9"
            yield f".r-{name}{{fill:{look.dark}{stroke}}}"
