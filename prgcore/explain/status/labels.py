"""Labels: `Node 1 Name : a State: Normal`, one or several a line.

A label counts only where a value of it can stand: at the beginning of a line, or after the value of
another label. `Cluster Replication State:` and `Ticket, Reason:` are labels of something else. A
label after other text does not belong to the node above it, whose state is not known then.

Law: one pass over the lines, and what it looks at is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from prgcore.explain.status.shapes import LONGEST, MOST_LINES, Field
from prgcore.explain.status.values import resolve
from prgcore.explain.status.words import FOREIGN, MARKS, Words

__all__ = ["fields", "matters", "mend"]

_MARK = r"[\"'*_`]{0,3} {0,2}(?:\.{2,40} {0,2})?(?:=>|->|[:=\u2192\u21d2])"
_GROUP = r"subcluster(?: {1,2}name)?|(?:presence {1,2})?redundancy {1,2}group(?: {1,2}name)?"
_NUMBER = r"(?:node|server)[ _.-]{0,2}#?(?P<number>[0-9]{1,3})"
_LABEL = re.compile(
    r"(?<![\w.-])(?:"
    rf"(?P<group>{_GROUP}|(?P<loose>(?:prg|group)(?: {{1,2}}name)?))"
    rf"|(?P<node>{_NUMBER}(?P<called>[ _.]{{1,2}}(?:host)? ?name)?"
    r"|(?:node|host|server)? {0,2}name|hostname|node|server|host)"
    r"|(?P<state>state)|(?P<reason>reason)"
    rf"){_MARK}", re.IGNORECASE)
_OWN = re.compile(
    rf"(?:{_NUMBER}|node|server|current)[ _.]{{0,2}}(?:(?P<state>state)|(?P<reason>reason)){_MARK}",
    re.IGNORECASE)
"""A state or a reason with its node: `Node 1 State:`, only at the beginning of a line."""
_HEADING = re.compile(rf"[^\w]{{0,20}}{_NUMBER}[^\w]{{0,20}}", re.IGNORECASE)
_SOFT = (
    rf"(?i:(?P<node>{_NUMBER}|(?:node |host |server )?name|server|hostname)|(?P<state>state)"
    r"|(?P<reason>reason))(?: {2}| ?\| ?| - )\s*(?P<value>\S.{0,200})")
"""A label without a mark, in a table of two columns."""
_BEFORE = re.compile(
    r"[\s|*#•·+-]{0,40}(?:\d{1,2}[.)] {1,2})?[*_\"'`{\[(]{0,4}"
    r"(?P<stamp>(?:<\d{1,3}>)?\[?(?:\d{4}-\d\d-\d\d[T ]?|[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?)?"
    r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?[\s:|-]{0,4})?[\"'*_]{0,3}")
"""What may be before the first label of a line: bullets, a number, a time."""
_PROMPT = re.compile(r"\s*(?:admin:.*)?", re.IGNORECASE)
_MARKED = re.compile(r"[:=]")
_WRAPPED = 38
"""A line that was wrapped within a name has at least this many characters."""


def matters(line: str) -> bool:
    """Whether a line says anything: it is not blank, and not a prompt."""
    return not _PROMPT.fullmatch(line)


def fields(
    lines: Sequence[str], said: Sequence[str], taken: set[int], words: Words,
) -> list[Field]:
    """Every label of the text that counts, in order, with its value.

    Args:
        lines: where labels are looked for, with signs of ASCII.
        said: the same lines with the signs of the text, for the values.
    """
    found: list[Field] = []
    open_: Field | None = None
    for n, line in enumerate(lines):
        if n in taken:
            open_ = None
            continue
        start = at = _begin(line)
        for label in _labels(line, start, words):
            lead = line[at:min(label.start, at + LONGEST + 1)]
            if not label.sure and not _placed(open_, label, lead, at > start, words):
                continue
            if open_ is not None:
                open_.add(said[n][at:label.start])
            open_ = label.field(n, line)
            found.append(open_)
            at = label.end
        if open_ is not None:
            open_.add(said[n][at:] if at > start or matters(line) else "")
    for one in found:
        resolve(one, words)
    return [one for one in found if not one.prose]


@frozen(eq=False, repr=False)
class _Label:
    """A label in a line: what it is, and where it begins and ends."""

    what: str
    number: str
    sure: bool
    called: bool
    start: int
    end: int

    def field(self, line: int, text: str) -> Field:
        found = _BEFORE.match(text)
        return Field(self.what, self.number, line, self.sure, self.called,
                      width=len(text), stamped=bool(found and found["stamp"]))


def _begin(line: str) -> int:
    found = _BEFORE.match(line)
    return found.end() if found else 0


def _labels(line: str, start: int, words: Words) -> Iterator[_Label]:
    """Yield the labels of a line, whether or not they count."""
    if start == len(line):
        return
    heading = _HEADING.fullmatch(line[:LONGEST])
    if heading:
        yield _Label("node", heading["number"], False, False, start, len(line))
        return
    line = " " * start + line[start:]
    own = _OWN.match(line, start)
    if own:
        if own["number"]:
            yield _Label("node", own["number"], True, False, start, start)
        yield _Label("state" if own["state"] else "reason", "", True, False, start, own.end())
        start = own.end()
    none = own is None
    for found in _LABEL.finditer(line, start):
        none = False
        what = "group" if found["group"] else "node" if found["node"] else \
            "state" if found["state"] else "reason"
        sure = bool(found["number"]) or bool(found["group"] and not found["loose"])
        yield _Label(what, found["number"] or "", sure, bool(found["called"]), *found.span())
    if none:
        yield from _unmarked(line, start, words)


def _unmarked(line: str, start: int, words: Words) -> Iterator[_Label]:
    """Yield the label of a line without a mark: the left column of a table."""
    soft = re.match(_SOFT, line[start:])
    if soft is None:
        return
    value, end = soft["value"].strip(MARKS), start + soft.start("value")
    if soft["node"] and " " not in value:
        yield _Label("node", soft["number"] or "", False, True, start, end)
    for what in ("state", "reason"):
        if soft[what] and words.read(what, value):
            yield _Label(what, "", False, False, start, end)


def _placed(
    open_: Field | None, label: _Label, lead: str, further: bool, words: Words,
) -> bool:
    """Whether a label is where one can be: at the beginning of a line, or after a value."""
    if len(lead) > LONGEST:
        return False
    if not lead.strip(MARKS):
        return True
    if open_ is None:
        return False
    return _ends(open_, lead, words) if further else _goes_on(open_, label, lead, words)


def _ends(open_: Field, lead: str, words: Words) -> bool:
    """Whether a text between two labels of a line is the value of the first, and nothing more."""
    if open_.sure and open_.what in ("node", "group"):
        return True
    other = FOREIGN.search(lead)
    if other and lead[other.end():].strip():
        return True  # a label of something else is between, with its value
    if open_.what in ("node", "group"):
        return " " not in lead.strip(MARKS)
    if words.read(open_.what, lead) or words.blank(lead):
        return True
    found, rest = words.begin(open_.what, lead)
    if found is None:
        return not words.run_on(open_.what, lead)
    return not rest.strip(MARKS) or rest.rstrip().endswith(")")


def _goes_on(open_: Field, label: _Label, lead: str, words: Words) -> bool:
    """Whether a line begins with the rest of a value from the lines above."""
    lead = lead.strip()
    above = " ".join(piece for piece in open_.pieces if piece)
    if open_.what in ("state", "reason"):
        return len(open_.pieces) < MOST_LINES and bool(words.read(open_.what, f"{above} {lead}"))
    if open_.what == "group" or len(open_.pieces) != 1 or not re.fullmatch(r"[\w.-]+", lead):
        return False
    if not above:
        return True
    open_.whole = " " not in above and lead[0] not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
        and open_.width >= _WRAPPED and label.what == "state"
    open_.left = "" if open_.whole else lead
    return open_.whole


def mend(lines: list[str], taken: set[int]) -> set[int]:
    """Mend labels that a terminal has broken: `Sta` at the end of a line, `te:` on the next.

    It returns the lines whose beginning is now the end of the line before.
    """
    joined = set[int]()
    for n in range(len(lines) - 1):
        if n in taken or n + 1 in taken or not lines[n] or not lines[n + 1]:
            continue
        end, begin = lines[n][-20:], lines[n + 1][:20]
        if not _MARKED.search(begin) or _LABEL.match(begin, _begin(begin)):
            continue
        for found in _LABEL.finditer(end + begin):
            cut = found.end() - len(end)
            if found.start() < len(end) < found.end() \
                    and lines[n].strip() != end[found.start():].strip():
                lines[n], lines[n + 1] = lines[n] + begin[:cut], lines[n + 1][cut:]
                joined.add(n + 1)
                break
    return joined
