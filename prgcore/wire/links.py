"""Links: the page of the reference that has something, and its anchor on that page.

Law: pure, from kinds and names to text. Anchors are stable: ids in lower case, wire words, names
of events and columns. Diagrams lead to the same ones. Links are relative to docs/reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from prgcore.vocabulary import title
from prgcore.wire.markdown import code, link

__all__ = ["PAGES", "all_to", "anchor", "called", "cited", "to", "where", "worded"]

PAGES = {
    "action": "actions", "column": "columns", "contradiction": "contradictions",
    "decision": "decisions", "event": "events", "family": "holes", "invariant": "invariants",
    "obligation": "obligations", "picture": "diagrams", "policy": "policies",
    "reason": "reasons", "restriction": "restrictions", "row": "situations", "rule": "rules",
    "state": "states", "story": "stories", "strength": "adversary",
}
"""The page of every kind of thing that has an anchor of its own."""

_SEATED = re.compile(r"\(\w+\)$|@\w+$|^(?:me|peer|both|node[12])\.")


def anchor(kind: str, name: str) -> str:
    """`m100` of a rule, `row-12`, `failover` of an event, `state` of a column of a node."""
    name = _SEATED.sub("", name)
    return f"row-{name}" if kind == "row" else name.lower()


def where(kind: str, name: str) -> str:
    """The address of something: `rules.md#m100`."""
    return f"{PAGES[kind]}.md#{anchor(kind, name)}"


def to(kind: str, name: str, text: str = "") -> str:
    """A link to something that is called by its id or name."""
    return link(text or name, where(kind, name))


def all_to(kind: str, names: Iterable[str]) -> str:
    """Links to several things, joined."""
    return ", ".join(to(kind, name) for name in names)


def worded(kind: str, word: str) -> str:
    """A link to a state or a reason by its title."""
    return to(kind, word, title(word) or "(blank)")


def called(kind: str, name: str) -> str:
    """A link to an event, a column or an action, set as code."""
    return to(kind, name, code(name))


def cited(source: str) -> str:
    """A citation: rows of Table 2 are on a page of ours, headings of the document are words."""
    towards, table2, row = source.rpartition("table2:")
    return f"{towards}{to('row', row, f'row {row}')}" if table2 else source
