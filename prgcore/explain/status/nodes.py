"""Nodes: the labels of a text, and its tables, become the nodes that they are about, in order.

A label belongs to the node above it, unless something else is between them.

Law: one pass over the labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from attrs import define, field

from prgcore.explain.status.cleaning import with_signs
from prgcore.explain.status.labels import fields, matters, mend
from prgcore.explain.status.shapes import LONGEST, Field, Head, Item, Seen
from prgcore.explain.status.words import Words

__all__ = ["items_of"]

_PAGER = re.compile(
    r"\W*(?:page \d{1,4}(?: of \d{1,4})?|-*more-*.*|press .{1,60}|options: ?q=quit.*)\W*", re.IGNORECASE)


def items_of(
    lines: Sequence[str], tables: dict[int, list[Item]], taken: set[int], words: Words,
) -> list[Item]:
    """The groups and nodes of a text in its order, with those of its tables.

    Args:
        tables: the nodes of tables, by the line on which each table begins.
        taken: the lines of tables.
    """
    said = [_spaced(line) for line in lines]
    joined = mend(said, taken)
    plain = [with_signs(line) for line in said]
    parts = [0, *accumulate(n not in taken and _parts(line) for n, line in enumerate(plain))]
    nodes = _Nodes(words, parts, joined)
    labels = fields(plain, said, taken, words)
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


def _parts(line: str) -> bool:
    """Whether a line parts what is above it from what is below: not a rule, not a page number."""
    return any(sign.isalnum() for sign in line[:LONGEST]) and matters(line) \
        and not _PAGER.fullmatch(line[:LONGEST])


def _spaced(line: str) -> str:
    """A line with two spaces for a tab and for more than two spaces."""
    return re.sub(r"[ \t]{2,}|\t", "  ", line)


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

    def take(self, one: Field, after: Field | None, *, table: bool) -> None:
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

    def _name(self, one: Field, after: Field | None) -> None:
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

    def _open(self, one: Field) -> None:
        sure = one.called or bool(one.found) or (one.sure and bool(one.value))
        self.node = Seen(one.number, one.value, one.line, sure=sure, stamped=one.stamped)
        self.node.unclear = not one.found
        self.items.append(self.node)
        self._used(one)

    def _used(self, one: Field) -> None:
        assert self.node is not None, "BUG: a value without a node"
        self.node.lines.update(range(one.line, one.last + 1))
        self.node.lines |= {one.line + 1} & self.joined
        self.last = one.last

    def _parted(self, one: Field) -> bool:
        """Whether something is between the node and a label."""
        node = self.node
        if node is None or one.line == self.last:
            return node is None
        return self.parts[one.line] > self.parts[self.last + 1] or one.stamped != node.stamped

    def _say(self, one: Field) -> None:
        assert self.node is not None, "BUG: a value without a node"
        what = "reason" if one.what == "reason" else "state"
        self.node.say(what, one.value, one.found)
        self.node.own = self.node.own or self.words.own(what, one.value)
        if one.also:
            self.node.say("reason", "", one.also)
        self._used(one)

    def _state(self, one: Field) -> None:
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

    def _reason(self, one: Field) -> None:
        if self.node and "reason" not in self.node.said and not self._parted(one):
            self._say(one)
