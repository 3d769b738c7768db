"""Cleaning: a text as lines of plain words, without what a terminal, a mail or a page put in.

Law: it keeps every line in its place, so that line numbers stay those of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from unicodedata import category

__all__ = ["depths_of", "is_markup", "lines_of", "visible", "with_signs"]

_SEQUENCE = (
    r"(?:\x1b|\^\[|\\x1b|\\033|\\e)(?:"
    r"\[[0-?]{0,40}[ -/]{0,4}(?P<end>[@-~])"  # colours, movements of the cursor
    r"|\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)"  # the title of a window
    r"|[()#%][0-9A-Z]|[=>78cDEHMNOZ])"
    r"|\x9b[0-?]{0,40}[ -/]{0,4}(?P<end8>[@-~])"
    r"|\[\d{1,3}(?:;\d{1,3}){0,8}m"  # a colour whose first sign was lost
)
"""Control sequences of terminals (ECMA-48), also as other programs spell their first sign."""
_MOVES = "CGHf"
"""The ends of sequences that move the cursor to another column: what follows is apart."""
_SIGNS = {
    sign: new for new, signs in {
        ":": "\uff1a\ufe55\ua789\u2236",  # colons: of full width, small, and look-alikes
        "=": "\uff1d",
        "|": "\uff5c\u2502\u2503\u2551\u2506\u2507\u250a\u250b",  # the lines of frames
        ",": "\uff0c", ";": "\uff1b", "/": "\uff0f",
        "(": "\uff08", ")": "\uff09", "[": "\uff3b", "]": "\uff3d",
        '"': "\uff02\u201c\u201d\u201e", "'": "\uff07\u2018\u2019",
    }.items() for sign in signs
}
"""Signs that stand for one of ASCII."""
_TO_ASCII = str.maketrans(_SIGNS)
_QUOTED = r"(?: {0,3}>)+ ?"
_TAG = re.compile(
    r"</?(?:t[rdh]|table|d[ltd]|li|pre|html|body|div|p|br|span)\b[^<>]{0,2000}>", re.IGNORECASE)
"""A tag that pages with a status have, and other texts do not."""
_REPLY = re.compile(
    r"\W{0,20}(?:(?:original|forwarded) message\b|(?:on|am|le)\b.{5,150}\b(?:wrote|schrieb|écrit)\b"
    r"|sent: |gesendet: |envoyé : ?)", re.IGNORECASE)
"""The line after which a mail shows the one that it answers."""


class _Plain(dict[int, str]):
    """For each character what it becomes: a space, nothing, or itself."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        if sign in "\n\t\b":
            new = sign
        elif sign.isspace():
            new = " "
        else:
            new = "" if category(sign) in ("Cc", "Cf") else sign
        return self.setdefault(code, new)


_PLAIN = _Plain()


def depths_of(text: str) -> list[int]:
    """For each line of a text how deep it is quoted: in a mail that answers mails, how old it is."""
    depths, answered = list[int](), 0
    for line in _clean(text):
        found = re.match(_QUOTED, line) if ">" in line[:8] else None
        answered += bool(_REPLY.match(line, found.end() if found else 0))
        depths.append(answered + (found[0].count(">") if found else 0))
    return depths


def lines_of(text: str) -> list[str]:
    """The lines of a text, cleaned; the n-th of them is the n-th of the text."""
    return [_unquoted(line) for line in _clean(text)]


def _clean(text: str) -> list[str]:
    if "\x1b" in text or "\x9b" in text or "\\" in text or "[" in text:
        text = re.sub(_SEQUENCE, _instead, text)
    text = re.sub(r"\r{0,2}\n|\r", "\n", text).translate(_PLAIN)
    return [_typed(line) if "\b" in line else line for line in text.split("\n")]


def visible(line: str) -> str:
    """A line with spaces for all that is blank, and without the signs that nobody sees."""
    return line.translate(_PLAIN)


def is_markup(lines: Sequence[str]) -> bool:
    """Whether lines hold the source of a web page, or a part of it."""
    return any("<" in line and _TAG.search(line) for line in lines)


def with_signs(line: str) -> str:
    """A line with signs of ASCII for others that look alike; each is one character, as before."""
    return line if line.isascii() else line.translate(_TO_ASCII)


def _instead(found: re.Match[str]) -> str:
    return " " if (found["end"] or found["end8"] or "m") in _MOVES else ""


def _typed(line: Iterable[str]) -> str:
    """A line as it looks after its backspaces."""
    shown: list[str] = []
    for sign in line:
        if sign != "\b":
            shown.append(sign)
        elif shown:
            shown.pop()
    return "".join(shown)


def _unquoted(line: str) -> str:
    """A line without the quotation marks of a mail."""
    found = re.match(_QUOTED, line) if ">" in line[:8] else None
    return line[found.end():] if found else line
