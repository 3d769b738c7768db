"""The shapes of a status text: nodes, groups, and what was read of the text.

Law: frozen values, and the two mutable ones that are filled while a text is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import define, field, frozen

from prgcore.explain.names import Names
from prgcore.model import Display, Record, Shown, Situation
from prgcore.vocabulary import Reason, State

__all__ = ["LONGEST", "MOST_LINES", "MOST_STRANGE", "Field", "GroupStatus", "Head", "Item",
           "NodeStatus", "Seen", "Status"]

LONGEST = 200
"""The most characters of a name or a value; the rest is not read."""
MOST_LINES = 6
"""The most lines over which a value may continue."""
MOST_STRANGE = 8
"""The most strange words per node that are kept."""


@frozen(eq=False, repr=False)
class NodeStatus(Record):
    """One node in a status text.

    Attributes:
        name: its host name; "" if none is given.
        state: the state; None if none is shown, or none that is known.
        reason: the reason; None if none is shown, which stands for any.
        strange_states: unknown words in the place of a state.
        strange_reasons: unknown words in the place of a reason.
    """

    name: str = ""
    state: State | None = None
    reason: Reason | None = None
    strange_states: tuple[str, ...] = ()
    strange_reasons: tuple[str, ...] = ()

    @property
    def shown(self) -> Shown | None:
        """The node's half of the display; None if it shows nothing."""
        return None if self.state is None else Shown(self.state, self.reason)

    @property
    def strange(self) -> tuple[str, ...]:
        """Unknown words in the place of a state or a reason."""
        return self.strange_states + self.strange_reasons


@frozen(eq=False, repr=False)
class GroupStatus(Record):
    """One presence redundancy group in a status text.

    Attributes:
        name: its name; "" if none is given.
        nodes: its two nodes; one, or more than two, if the text shows so.
        earlier: the nodes at earlier moments, in the order of the text, if the group is shown
            several times; `nodes` is the last moment.
        seat: 1 or 2 if the text shows one node of two, and which; else 0.
        remark: why the group cannot be explained; "" if nothing is against it.
        line: the line on which its last moment begins, from 1; 0 if it is not from a text.
    """

    name: str
    nodes: tuple[NodeStatus, ...]
    earlier: tuple[tuple[NodeStatus, ...], ...] = ()
    seat: int = 0
    remark: str = ""
    line: int = field(default=0, eq=False)

    @property
    def display(self) -> Display | None:
        """The display of both nodes; None unless it shows two, and no unknown state."""
        if len(self.nodes) != 2 or self.remark or any(n.strange_states for n in self.nodes):
            return None
        return Display(*(node.shown for node in self.nodes))

    @property
    def names(self) -> Names:
        """The names of its hosts and of the group, each as one printable line."""
        return Names.of((node.name for node in self.nodes), self.name)

    @property
    def strange(self) -> tuple[str, ...]:
        """Unknown words in the place of a state or a reason, of all nodes."""
        return tuple(said for node in self.nodes for said in node.strange)

    def completed(self, situations: Iterable[Situation]) -> GroupStatus:
        """The group; a lone node beside one that shows nothing, if a situation shows just that."""
        if len(self.nodes) != 1 or not self.seat or self.remark:
            return self
        (node,) = self.nodes
        if not any(_alone(node.shown, situation.display) for situation in situations):
            return self
        both = (node, NodeStatus()) if self.seat == 1 else (NodeStatus(), node)
        return GroupStatus(self.name, both, self.earlier, line=self.line)


def _alone(shown: Shown | None, display: Display) -> bool:
    """Whether a display shows this half, and nothing else."""
    one, two = display
    half = two if one is None else one
    return (
        shown is not None and half is not None and None in display
        and half.state == shown.state and shown.reason == half.reason
    )


@frozen(eq=False, repr=False)
class Status(Record):
    """A status text as it was understood.

    Attributes:
        groups: the groups in the order in which they are first shown.
        understood: numbers, from 1, of the lines that were understood in part or in full.
        ignored: numbers of the other lines, except blank lines and prompts.
    """

    groups: tuple[GroupStatus, ...]
    understood: tuple[int, ...]
    ignored: tuple[int, ...]


# ------------------------------------------------------------------- while it is read


@define(eq=False, repr=False)
class Field:
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


@frozen(eq=False, repr=False)
class Head:
    """The beginning of a group.

    Attributes:
        name: the name of the group; "" if only a table begins.
        each: whether each node has it; then only another name begins a group.
        nodes: the number of nodes of a table that begins.
        whole: whether the table shows all of its group.
    """

    name: str
    lines: frozenset[int] = frozenset()
    each: bool = False
    nodes: int = 0
    whole: bool = False


@define(eq=False, repr=False)
class Seen:
    """A node as a text shows it, while the text is read.

    Attributes:
        number: the number that the text gives it; "" without one.
        line: the number of its first line.
        said: which of `state` and `reason` the text gives, if only as a blank.
        sure: whether it is a node beyond doubt; others are dropped where a group has enough nodes.
        parted: without a name, whether other lines are between it and the node above.
        stamped: whether a time is before it.
        own: whether a state or a reason of it is one that other programs hardly have.
        ours: in a table, whether its titles are surely those of a status.
        unclear: whether something is where its state should be, and could not be read.
        lines: the numbers of the lines that it was read from.
    """

    number: str
    name: str
    line: int
    sure: bool = True
    own: bool = False
    ours: bool = False
    unclear: bool = False
    parted: bool = False
    stamped: bool = False
    state: State | None = None
    reason: Reason | None = None
    strange_states: list[str] = field(factory=list)
    strange_reasons: list[str] = field(factory=list)
    said: set[str] = field(factory=set)
    lines: set[int] = field(factory=set)

    @property
    def strange(self) -> list[str]:
        return self.strange_states + self.strange_reasons

    def status(self) -> NodeStatus:
        return NodeStatus(
            self.name, self.state, self.reason, tuple(self.strange_states[:MOST_STRANGE]),
            tuple(self.strange_reasons[:MOST_STRANGE]))

    def say(self, what: str, value: str, found: State | Reason | None) -> None:
        """Take a state or a reason: a known one, a blank, or a strange word."""
        self.said.add(what)
        if isinstance(found, State):
            self.state = found
        elif isinstance(found, Reason):
            self.reason = found
        elif value:
            (self.strange_reasons if what == "reason" else self.strange_states).append(value)


Item: TypeAlias = Head | Seen
