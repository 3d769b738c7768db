"""How a fact of the document is entered: what it says, and where it lives or why nowhere.

Law: shapes and reasons only. The first word of an entry is the fingerprint of the printed
sentence (docs/coverage.py); its number is its place below the heading.
"""

from __future__ import annotations

from typing import TypeAlias

from prgcore.model import Values
from prgcore.tables.facts import Fact

CLICK = "a click in a window of the product"
SHELL = "a step at a console of the product"
LIST = "introduces a list, whose items are facts of their own"
WHY = "says what something is good for; there is nothing to decide"
ELSEWHERE = "sends the reader to another place"
SCAN = "noise of the scan"

Entry: TypeAlias = tuple[str, str, Values, str]


def here(print_: str, says: str, *lives: str) -> Entry:
    """A fact that lives in the project, and where."""
    return print_, says, lives, ""


def exempt(print_: str, says: str, because: str) -> Entry:
    """A fact that nothing implements, and why."""
    return print_, says, (), because


def under(heading: str, *entries: Entry) -> tuple[Fact, ...]:
    """The facts below a heading, numbered from one."""
    return tuple(
        Fact(f"{heading} {number}", says, lives, because, print_)
        for number, (print_, says, lives, because) in enumerate(entries, 1)
    )
