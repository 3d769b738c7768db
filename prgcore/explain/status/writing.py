"""Writing: a group in the shape that the product prints. `parse` reads it back."""

from __future__ import annotations

from prgcore.errors import BadInput
from prgcore.explain.status.shapes import GroupStatus
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.vocabulary import Reason, State, title

__all__ = ["LONGEST_NAME", "PRODUCT", "checked_name", "write"]

LONGEST_NAME = 128
"""The most characters of the name of a group or a node."""

PRODUCT: dict[str, str] = {
    State.FAILING_OVER: "Failover",
    State.RUNNING_IN_FAILED_MODE: "Failed",
}
"""States for which the product's command line has other words than Table 2."""


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
