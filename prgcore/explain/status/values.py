"""Values: what a label says, and where that ends: on its line, or some lines below it.

Law: a value is a known word as a whole, or it is strange. No label is looked for here.
"""

from __future__ import annotations

import re

from prgcore.explain.status.shapes import LONGEST, Field
from prgcore.explain.status.words import MARKS, Words
from prgcore.vocabulary import Reason

__all__ = ["resolve"]

_DIGITS = r"#?[0-9]{1,3}"
_QUOTES = " \t*_`\"',;|"
"""Characters around a name."""
_APART = {
    "group": r" {2}| ?\|| (?=[A-Z#][\w#/() -]{0,40}?[:=])",
    "node": r" {2}|,| ?[(\[|;]| (?=[A-Z#][\w#/() -]{0,40}?[:=])",
}
"""Where a name ends before the end of its line."""


def resolve(one: Field, words: Words) -> None:
    """Find the value of a label, and the line on which it ends."""
    one.last = one.line
    if one.what in ("state", "reason"):
        _resolve_word(one, words)
    else:
        _resolve_name(one, words)


def _resolve_word(one: Field, words: Words) -> None:
    """A state or a reason extends as far as it is a known one."""
    count = len(one.pieces)
    for some in range(count, 0, -1):
        text = one.joined(some)
        found = words.read(one.what, text)
        if found is None:
            continue
        one.value, one.found, one.last = text, found, one.line + some - 1
        for n, after in enumerate(one.pieces[some:], some):
            if after and words.goes_on(one.what, longer := f"{text} {after}", text):
                one.value, one.found, one.last = longer, None, one.line + n
                break
        return
    beside = one.pieces[0]
    if words.blank(beside):
        below = next((n for n in range(2, count + 1) if one.pieces[n - 1]), 0)
        if below and words.meant(one.what, one.pieces[below - 1]):
            one.value, one.last = one.pieces[below - 1], one.line + below - 1
        return
    one.found, rest = words.begin(one.what, beside)
    one.value = beside.strip(" \t,;\"'`|")[:LONGEST]
    if one.found and one.what == "state":
        one.also = _also(one, rest, words)


def _also(one: Field, rest: str, words: Words) -> Reason | None:
    """The reason beside a state, which may end on the line below; None if that is not clear."""
    below = one.pieces[1] if len(one.pieces) > 1 else ""
    longer = f"{rest} {below}"
    reason = words.read("reason", longer) if rest and below else None
    if reason is not None:
        one.last = one.line + 1
    elif not (below and words.goes_on("reason", longer, rest)):
        reason = words.read("reason", rest)
    return reason if isinstance(reason, Reason) else None


def _resolve_name(one: Field, words: Words) -> None:
    """A name is beside its label, or on the line below."""
    beside = one.pieces[0]
    below = one.pieces[1] if len(one.pieces) > 1 else ""
    if one.what == "node" and one.number and not one.called and beside:
        one.found = words.read("state", beside)
        rest = ""
        if one.found is None:
            one.found, rest = words.begin("state", beside)
        if one.found is not None:
            one.also = _also(one, rest, words)
            one.left = beside.strip(_QUOTES)[:LONGEST]
            return
    if not beside.strip(_QUOTES) and below and (one.what == "group" or " " not in below):
        one.value, one.last = below.strip(_QUOTES)[:LONGEST], one.line + 1
        return
    if one.sure and beside and " " not in beside and not one.whole:
        one.value = beside[:LONGEST]  # any name that a group file may have
        return
    end = re.search(_APART[one.what], beside)
    one.value = beside[:end.start() if end else None].strip(_QUOTES)[:LONGEST]
    if end:
        one.left = beside[end.end():].strip(MARKS)
    if one.what == "node" and not one.number and not one.called and re.fullmatch(_DIGITS, one.value):
        one.number, one.value = one.value, ""
    if one.whole:
        one.value, one.last = one.value + below, one.line + 1
