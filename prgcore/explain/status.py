"""Status text: the output of `utils ha status`, read from any text and written in its shape.

    Subcluster Name: G                          Name: a
    Node 1 Name : a State: Normal                   State: Failed
    Node 2 Name : b State: Taking Over Reason: R    Reason: Peer Down

It reads these shapes. Spacing, case, tabs, carriage returns, prompts and surrounding text do not
matter, and a value may be on the lines below its label. A word that a machine renames
(`prgcore.form.spelling`) is read as what it replaces.

Law: pure. Reading never fails: it skips text that is not a label with a value, and reports which
lines it understood. The words are those of `prgcore.vocabulary` with their aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from prgcore.errors import BadInput
from prgcore.explain.names import Names
from prgcore.form.spelling import PLAIN, Spelling, folded
from prgcore.model import Display, Shown
from prgcore.vocabulary import Reason, State, plain, title

__all__ = [
    "LONGEST",
    "MOST_LINES",
    "MOST_STRANGE",
    "PRODUCT",
    "GroupStatus",
    "NodeStatus",
    "Status",
    "checked_name",
    "parse",
    "write",
]

LONGEST_NAME = 128
"""The most characters of the name of a group or a node."""

LONGEST = 200
"""The most characters of a name or a value; the rest is not read."""
MOST_LINES = 4
"""The most lines over which a value may continue."""
MOST_STRANGE = 8
"""The most strange words per node that are kept."""

_LABEL = re.compile(
    r"\b(?:"
    r"(?P<group>(?:subcluster|(?:presence +)?redundancy +group|group)(?: +name)?)"
    r"|(?P<node>node *(?P<number>[0-9])(?: *name)?|(?:host|node)? *name|node)"
    r"|(?P<state>state)"
    r"|(?P<reason>reason)"
    r") *:",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"\s*(?:admin:.*)?$", re.IGNORECASE)
_NO_VALUE = ("", "n/a", "none", "null", "not available")
_MARKS = " .*-\N{EN DASH}\N{EM DASH}()[]<>"
"""Characters around a value, or in place of one."""

PRODUCT: dict[str, str] = {
    State.FAILING_OVER: "Failover",
    State.RUNNING_IN_FAILED_MODE: "Failed",
}
"""States for which the product's command line has other words than Table 2."""


@frozen
class NodeStatus:
    """One node in a status text.

    Attributes:
        name: its host name; "" if none is given.
        state: the state; None if none is shown, or none that is known.
        reason: the reason; None if none is shown, which stands for any.
        strange: unknown words in the place of a state or a reason.
    """

    name: str = ""
    state: State | None = None
    reason: Reason | None = None
    strange: tuple[str, ...] = ()

    @property
    def shown(self) -> Shown | None:
        """The node's half of the display; None if it shows nothing."""
        return None if self.state is None else Shown(self.state, self.reason)


@frozen
class GroupStatus:
    """One presence redundancy group in a status text: one node, or two."""

    name: str
    nodes: tuple[NodeStatus, ...]

    @property
    def display(self) -> Display | None:
        """The display of both nodes; None for a group of one node."""
        return Display(*(node.shown for node in self.nodes)) if len(self.nodes) == 2 else None

    @property
    def names(self) -> Names:
        """The names that the text gives."""
        return Names.of([node.name for node in self.nodes], self.name)

    @property
    def strange(self) -> tuple[str, ...]:
        """Unknown words in the place of a state or a reason, of all nodes."""
        return tuple(said for node in self.nodes for said in node.strange)


@frozen
class Status:
    """A status text as it was understood.

    Attributes:
        groups: the groups in the order of the text.
        understood: numbers, from 1, of the lines that were understood in part or in full.
        ignored: numbers of the other lines, except blank lines and prompts.
    """

    groups: tuple[GroupStatus, ...]
    understood: tuple[int, ...]
    ignored: tuple[int, ...]


# ------------------------------------------------------------------------- reading

_KNOWN = ("state", "reason")
_Line: TypeAlias = tuple[int, str]
"""A piece of a line, and the number of the line."""


def parse(text: str, spelling: Spelling = PLAIN) -> Status:
    """The presence redundancy groups in a text. It never fails.

    Source: the answers of `utils ha status`, `utils ha failover` and `utils ha fallback`.
    """
    text = re.sub(r"[^\S\n]", " ", re.sub(r"\r{0,2}\n|\r", "\n", text))
    groups, understood = _Groups(spelling), set[int]()
    for label, pieces in _labels(text):
        what = "node" if label["node"] else str(label.lastgroup)
        value, used = _value(what, pieces, spelling)
        groups.take(what, label["number"] or "", value)
        understood.update(number for number, _ in used)
    ignored = (
        number for number, line in enumerate(text.split("\n"), 1)
        if number not in understood and not _PROMPT.match(line)
    )
    return Status(groups.all(), tuple(sorted(understood)), tuple(ignored))


def _labels(text: str) -> Iterator[tuple[re.Match[str], list[_Line]]]:
    """Yield every label, and the text up to the next one, line by line.

    A name without a number belongs to a node only if a state or a reason follows.
    """
    labels = list(_LABEL.finditer(text))
    number, counted = 1, 0
    for n, label in enumerate(labels, 1):
        after = labels[n] if n < len(labels) else None
        number += text.count("\n", counted, label.end())
        counted = label.end()
        says = after is not None and (after["state"] or after["reason"])
        if label["node"] and not label["number"] and not says:
            continue
        end = len(text) if after is None else after.start()
        pieces = text[counted:min(end, counted + LONGEST * MOST_LINES)].split("\n")[:MOST_LINES]
        yield label, [(number + i, piece.strip()) for i, piece in enumerate(pieces)]


def _value(what: str, pieces: list[_Line], spelling: Spelling) -> tuple[str, list[_Line]]:
    """The value of a label, and the pieces of text it was read from.

    A state or a reason extends as far as it is a known one. A name is beside its label, or on the
    line below.
    """
    (_, beside), *below = pieces
    shows = folded if spelling.words else plain
    if what in _KNOWN:
        for count in range(len(pieces), 0, -1):
            joined = " ".join(piece for _, piece in pieces[:count]).strip()
            whole = shows(pieces[count - 1][1]) and len(joined) <= LONGEST
            if whole and _meant(what, joined, spelling):
                return joined, pieces[:count]
    elif not beside and below:
        return below[0][1][:LONGEST], pieces[:2]
    return beside[:LONGEST], pieces[:1]


def _meant(what: str, value: str, spelling: Spelling) -> State | Reason | None:
    """The state or the reason that a value means; None for a blank or unknown value."""
    found = spelling.read(what, value)
    return None if found is Reason.NONE else found


@define
class _Groups:
    """The groups of a text, collected while it is read."""

    spelling: Spelling
    groups: list[tuple[str, list[tuple[str, NodeStatus]]]] = field(factory=list)

    def take(self, what: str, number: str, value: str) -> None:
        if what == "group":
            self.groups.append((value, []))
        elif what == "node":
            self._begin(number, value)
        else:
            self._say(what, "" if value.strip(_MARKS).lower() in _NO_VALUE else value)

    def _begin(self, number: str, name: str) -> None:
        nodes = self._nodes()
        if len(nodes) == 2 or (number and number in (n for n, _ in nodes)):
            self.groups.append(("", nodes := []))
        nodes.append((number, NodeStatus(name)))

    def _nodes(self) -> list[tuple[str, NodeStatus]]:
        if not self.groups:
            self.groups.append(("", []))
        return self.groups[-1][1]

    def _say(self, what: str, value: str) -> None:
        nodes = self._nodes()
        last = nodes[-1][1] if nodes else None
        if last is None or (what == "state" and (last.state or last.strange)):
            self._begin("", "")
            nodes = self._nodes()
        found, (number, node) = _meant(what, value, self.spelling), nodes[-1]
        if isinstance(found, State):
            node = evolve(node, state=found)
        elif isinstance(found, Reason):
            node = evolve(node, reason=found)
        elif value:
            node = evolve(node, strange=(*node.strange, value)[:MOST_STRANGE])
        nodes[-1] = number, node

    def all(self) -> tuple[GroupStatus, ...]:
        return tuple(GroupStatus(name, _seated(nodes)) for name, nodes in self.groups if nodes)


def _seated(nodes: list[tuple[str, NodeStatus]]) -> tuple[NodeStatus, ...]:
    """The nodes in the order of their numbers; if only node 2 is listed, node 1 shows nothing."""
    numbers = [number for number, _ in nodes]
    if numbers == ["2"]:
        return NodeStatus(), nodes[0][1]
    turned = numbers == ["2", "1"]
    return tuple(node for _, node in (reversed(nodes) if turned else nodes))


# ------------------------------------------------------------------------- writing


def write(group: GroupStatus, spelling: Spelling = PLAIN) -> str:
    """A group in the shape that the product prints; `parse` reads it back.

    There a Normal node has no reason, and a node that shows nothing has no state.
    """
    lines = [f"Subcluster Name: {group.name}"]
    for number, node in enumerate(group.nodes, 1):
        line = f"Node {number} Name : {node.name} State:"
        if node.state is not None:
            state = spelling.renamed("state", node.state)
            line += f" {state or PRODUCT.get(node.state, title(node.state))}"
            if node.reason not in (None, Reason.NONE, Reason.NORMAL):
                line += f" Reason: {spelling.title('reason', str(node.reason))}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def checked_name(name: object, what: str) -> str:
    """The name of a group or a node, after a check that a status and a key can contain it.

    Raises:
        BadInput: it is not one printable word of at most 128 characters, or contains a colon.
    """
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME \
            or not name.isprintable() or " " in name or ":" in name:
        raise BadInput(f"{what} {str(name)[:60]!r}: expected a name of 1 to {LONGEST_NAME} "
                       "printable characters without spaces and colons")
    return name
