"""Labels: `Node 1 Name : a State: Normal`, one or several a line, values over several lines.

A label counts only where a value of it can stand: at the beginning of a line, or after the value of
another label. `Cluster Replication State:` and `Ticket, Reason:` are labels of something else. A
label after other text does not belong to the node above it, whose state is not known then.

Law: one pass over the lines, and what it looks at is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from attrs import define, field, frozen

from prgcore.explain.status.cleaning import with_signs
from prgcore.explain.status.shapes import LONGEST, MOST_LINES, Head, Item, Seen
from prgcore.explain.status.words import FOREIGN, MARKS, Words
from prgcore.vocabulary import Reason, State

__all__ = ["items_of", "matters"]

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
_PAGER = re.compile(
    r"\W*(?:page \d{1,4}(?: of \d{1,4})?|-*more-*.*|press .{1,60}|options: ?q=quit.*)\W*", re.IGNORECASE)
_MARKED = re.compile(r"[:=]")
_DIGITS = re.compile(r"#?[0-9]{1,3}")
_QUOTES = " \t*_`\"',;|"
"""Characters around a name."""
_WRAPPED = 38
"""A line that was wrapped within a name has at least this many characters."""


def matters(line: str) -> bool:
    """Whether a line says anything: it is not blank, and not a prompt."""
    return not _PROMPT.fullmatch(line)


def _parts(line: str) -> bool:
    """Whether a line parts what is above it from what is below: not a rule, not a page number."""
    return any(sign.isalnum() for sign in line[:LONGEST]) and matters(line) \
        and not _PAGER.fullmatch(line[:LONGEST])


# ------------------------------------------------------------------------ the labels


@define(eq=False, repr=False)
class _Field:
    """A label, and the text after it up to the next one.

    Attributes:
        number: the number of the node; "" without one.
        sure: whether its words can mean nothing else.
        called: whether it says `Name` beside the number.
        stamped: whether a time is before it.
        pieces: the text after it, line by line.
        whole: whether a name goes on in the next line.
        value, found: what it says, and the state or reason that this is.
        also: the reason after a state.
        left: what is beside the value.
        last: the last line of the value.
        width: the number of characters of its line.
    """

    what: str
    number: str
    line: int
    sure: bool = False
    called: bool = False
    stamped: bool = False
    pieces: list[str] = field(factory=list)
    whole: bool = False
    value: str = ""
    found: State | Reason | None = None
    also: Reason | None = None
    left: str = ""
    last: int = 0
    width: int = 0

    @property
    def prose(self) -> bool:
        """Whether it is a sentence about a node, such as `Node 1: was rebooted`."""
        return self.what == "node" and bool(self.number) and not self.called \
            and self.found is None and " " in self.value

    def add(self, text: str) -> None:
        if len(self.pieces) < MOST_LINES:
            self.pieces.append(text.strip()[:2 * LONGEST])

    def joined(self, count: int) -> str:
        """The first pieces as one text; "" if the last of them has no letter."""
        if not any(sign.isalnum() for sign in self.pieces[count - 1]):
            return ""
        return " ".join(piece for piece in self.pieces[:count] if piece)


def _fields(
    lines: Sequence[str], said: Sequence[str], taken: set[int], words: Words,
) -> list[_Field]:
    """Every label of the text that counts, in order, with its value.

    Args:
        lines: where labels are looked for, with signs of ASCII.
        said: the same lines with the signs of the text, for the values.
    """
    found: list[_Field] = []
    open_: _Field | None = None
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
        _resolve(one, words)
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

    def field(self, line: int, text: str) -> _Field:
        found = _BEFORE.match(text)
        return _Field(self.what, self.number, line, self.sure, self.called,
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
    open_: _Field | None, label: _Label, lead: str, further: bool, words: Words,
) -> bool:
    """Whether a label is where one can be: at the beginning of a line, or after a value."""
    if len(lead) > LONGEST:
        return False
    if not lead.strip(MARKS):
        return True
    if open_ is None:
        return False
    return _ends(open_, lead, words) if further else _goes_on(open_, label, lead, words)


def _ends(open_: _Field, lead: str, words: Words) -> bool:
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


def _goes_on(open_: _Field, label: _Label, lead: str, words: Words) -> bool:
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


# ------------------------------------------------------------------------ the values

_APART = {
    "group": re.compile(r" {2}| ?\|| (?=[A-Z#][\w#/() -]{0,40}?[:=])"),
    "node": re.compile(r" {2}|,| ?[(\[|;]| (?=[A-Z#][\w#/() -]{0,40}?[:=])"),
}
"""Where a name ends before the end of its line."""


def _resolve(one: _Field, words: Words) -> None:
    """Find the value of a label, and the line on which it ends."""
    one.last = one.line
    if one.what in ("state", "reason"):
        _resolve_word(one, words)
    else:
        _resolve_name(one, words)


def _resolve_word(one: _Field, words: Words) -> None:
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


def _also(one: _Field, rest: str, words: Words) -> Reason | None:
    """The reason beside a state, which may end on the line below; None if that is not clear."""
    below = one.pieces[1] if len(one.pieces) > 1 else ""
    longer = f"{rest} {below}"
    reason = words.read("reason", longer) if rest and below else None
    if reason is not None:
        one.last = one.line + 1
    elif not (below and words.goes_on("reason", longer, rest)):
        reason = words.read("reason", rest)
    return reason if isinstance(reason, Reason) else None


def _resolve_name(one: _Field, words: Words) -> None:
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
    end = _APART[one.what].search(beside)
    one.value = beside[:end.start() if end else None].strip(_QUOTES)[:LONGEST]
    if end:
        one.left = beside[end.end():].strip(MARKS)
    if one.what == "node" and not one.number and not one.called and _DIGITS.fullmatch(one.value):
        one.number, one.value = one.value, ""
    if one.whole:
        one.value, one.last = one.value + below, one.line + 1


# ------------------------------------------------------------------------- the nodes


def items_of(
    lines: Sequence[str], tables: dict[int, list[Item]], taken: set[int], words: Words,
) -> list[Item]:
    """The groups and nodes of a text in its order, with those of its tables.

    Args:
        tables: the nodes of tables, by the line on which each table begins.
        taken: the lines of tables.
    """
    said = [_spaced(line) for line in lines]
    joined = _join(said, taken)
    plain = [with_signs(line) for line in said]
    parts = [0, *accumulate(n not in taken and _parts(line) for n, line in enumerate(plain))]
    nodes = _Nodes(words, parts, joined)
    labels = _fields(plain, said, taken, words)
    rest = iter(sorted(tables.items()))
    table = next(rest, None)
    for one, after in pairwise([*labels, None]):
        assert one is not None, "BUG: a label"
        while table and table[0] < one.line:
            nodes.table(table[1])
            table = next(rest, None)
        until = table[0] if table else len(lines)
        beyond = after is None or after.line >= until
        nodes.take(one, None if beyond else after, table=beyond and table is not None)
    while table:
        nodes.table(table[1])
        table = next(rest, None)
    return nodes.items


def _spaced(line: str) -> str:
    """A line with two spaces for a tab and for more than two spaces."""
    return re.sub(r"[ \t]{2,}|\t", "  ", line)


def _join(lines: list[str], taken: set[int]) -> set[int]:
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


@define(eq=False, repr=False)
class _Nodes:
    """The nodes of a text, while its labels are taken one after the other."""

    words: Words
    parts: list[int]
    joined: set[int]
    items: list[Item] = field(factory=list)
    node: Seen | None = None
    last: int = 0

    def table(self, items: list[Item]) -> None:
        self.items += items
        self.node = None

    def take(self, one: _Field, after: _Field | None, *, table: bool) -> None:
        """Take a label; `after` is the next one, or `table` says that a table is next."""
        if one.what == "group":
            if one.sure or table or (after and after.what == "node"):
                self.items.append(Head(one.value, frozenset(range(one.line, one.last + 1))))
                self.node = None
        elif one.what == "node":
            self._name(one, after)
        elif one.what == "state":
            self._state(one)
        else:
            self._reason(one)

    def _name(self, one: _Field, after: _Field | None) -> None:
        node = self.node
        says = after is not None and after.what in ("state", "reason")
        if one.found and after and after.what == "state" and after.line <= one.last + 1:
            one.value, one.found = one.left, None  # a host whose name is a state
        if node and node.number and not node.name and not node.said and not one.number:
            node.name = one.value
            self._used(one)
        elif node and one.number == node.number and one.number and not one.value and not one.found \
                and not one.called and node.said < {"state", "reason"}:
            self._used(one)
        elif one.found is not None:
            self._open(one)
            self._say(one)
        elif says or (one.number and one.called) or (one.sure and one.value) \
                or (one.number and not one.value and after and after.what == "node"):
            self._open(one)

    def _open(self, one: _Field) -> None:
        sure = one.called or bool(one.found) or (one.sure and bool(one.value))
        self.node = Seen(one.number, one.value, one.line, sure=sure, stamped=one.stamped)
        self.node.unclear = not one.found
        self.items.append(self.node)
        self._used(one)

    def _used(self, one: _Field) -> None:
        assert self.node is not None, "BUG: a value without a node"
        self.node.lines.update(range(one.line, one.last + 1))
        self.node.lines |= {one.line + 1} & self.joined
        self.last = one.last

    def _parted(self, one: _Field) -> bool:
        """Whether something is between the node and a label."""
        node = self.node
        if node is None or one.line == self.last:
            return node is None
        return self.parts[one.line] > self.parts[self.last + 1] or one.stamped != node.stamped

    def _say(self, one: _Field) -> None:
        assert self.node is not None, "BUG: a value without a node"
        what = "reason" if one.what == "reason" else "state"
        self.node.say(what, one.value, one.found)
        if one.also:
            self.node.say("reason", "", one.also)
        self._used(one)

    def _state(self, one: _Field) -> None:
        node, known = self.node, one.found is not None or self.words.like("state", one.value)
        if node and "state" not in node.said:
            if not self._parted(one):
                node.sure = node.sure or known or not one.value
                node.unclear = False
                self._say(one)
            else:
                node.said.add("state")  # and nobody knows which
        elif known or not one.value:
            parted = any(isinstance(item, Seen) for item in self.items[-1:]) and self._parted(one)
            self.node = Seen("", "", one.line, parted=parted, stamped=one.stamped, sure=known)
            self.items.append(self.node)
            self._say(one)

    def _reason(self, one: _Field) -> None:
        if self.node and "reason" not in self.node.said and not self._parted(one):
            self._say(one)
