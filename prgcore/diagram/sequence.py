"""A story as a sequence diagram: who tells whom, in order, and what each node becomes.

Law: frozen; made from a run of a story, laid out by the formats.
"""

from __future__ import annotations

from attrs import frozen

from prgcore.model import Values


@frozen
class Life:
    """A life line: `node1`, `node2`, `arbiter`, `administrator` or `world`, and its heading."""

    id: str
    label: str


@frozen
class Message:
    """Something that is told, or that a life line does (`source == target`).

    Attributes:
        source, target: ids of life lines.
        text: what stands on the arrow.
        kind: `command`, `fault`, `repair`, `timer`, `completion`, `action`, `refusal`.
        tooltip: the rule with its reason and citation; `url`: its row in the reference.
        dashed: refused, ignored or impossible.
    """

    source: str
    target: str
    text: str
    kind: str
    tooltip: str = ""
    url: str = ""
    dashed: bool = False


@frozen
class Note:
    """What stands beside or across life lines.

    Attributes:
        over: ids of the life lines that it spans, neighbours.
        text: lines of it.
        role: a word of `palette.Role` for a state, `plain` for a remark, `broken` for a
            promise that does not hold, `failed` for an expectation that is not met.
    """

    over: Values
    text: Values
    role: str


@frozen
class Sequence:
    """Life lines from left to right; messages and notes from top to bottom."""

    title: str
    lives: tuple[Life, ...]
    items: tuple[Message | Note, ...]
