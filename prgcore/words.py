"""Functions that put a text together: lists, counts, cut texts and wrapped lines.

Law: text in, text out. It imports no other module of this package and knows no machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "WIDTH", "clean", "counted", "cut", "few", "indented", "listed", "one_line", "quoted",
    "wrapped",
]

WIDTH = 80
"""The default width of a page, in columns."""


def listed(items: Iterable[str], last: str = "or") -> str:
    """The items as `a, b or c`; an empty text if there are none."""
    *first, end = list(items) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 pair`, `2 pairs`; `counted(1000, "entry", "entries")`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def few(items: Sequence[str], most: int, between: str = "; ") -> str:
    """The first `most` items in one line, and the number of others: `a; b; and 3 more`."""
    left = len(items) - most
    return between.join([*items[:most], *([f"and {left:,} more"] if left > 0 else [])])


def cut(text: str, most: int) -> str:
    """The text; if it has more than `most` characters, its beginning and `…`."""
    return text if len(text) <= most else text[: most - 1] + "…"


def one_line(text: str, most: int = 600) -> str:
    """The text as one printable line of at most `most` characters, for a message.

    White space becomes single spaces; unprintable characters are escaped.
    """
    line = " ".join(text.split())
    return cut("".join(c if c.isprintable() else c.encode("unicode_escape").decode()
                       for c in line), most)


def quoted(value: object, most: int = 120) -> str:
    """A given name in quotes, as one printable line of at most `most` characters."""
    return one_line(repr(value), most)


def clean(text: str) -> str:
    """The text as one printable line of the same length, for a drawing.

    Each white space becomes a space, any other unprintable character U+FFFD.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def wrapped(text: str, before: str = "", later: str = "", width: int = WIDTH) -> list[str]:
    """The text as lines of at most `width` columns; words with hyphens stay whole.

    `before` is put before the first line, `later` before each of the others.
    """
    from textwrap import wrap

    return wrap(text, width, initial_indent=before, subsequent_indent=later,
                break_on_hyphens=False)


def indented(lines: Iterable[str], by: str = "  ") -> str:
    """The lines as one indented text."""
    return "\n".join(by + line for line in lines)
