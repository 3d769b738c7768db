"""Status texts: every group of one explained, in the words of its own hosts."""

from __future__ import annotations

from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from prgcore.cli import output
from prgcore.cli.inputs import one_line
from prgcore.display import Display
from prgcore.errors import BadInput, PrgError, unknown_name
from prgcore.seats import NODES
from prgcore.vocabulary import Reason, State, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prgcore.answer import Explanation
    from prgcore.status import GroupStatus, NodeStatus, Status

MOST_GROUPS = 500
"""How many groups are explained at once."""
MOST_LINES = 12
"""How many numbers of lines are listed."""


def explain_status(
    text: str, explain: Callable[[Display], Explanation], *, as_json: bool
) -> int:
    """Explain every group of a status text; 1 if one of them cannot be.

    Raises:
        BadInput: there is no group in the text, or there are more than `MOST_GROUPS`.
    """
    from prgcore.status import parse

    status = parse(text)
    if not status.groups:
        raise BadInput(
            f"no status in {output.count(len(status.ignored), 'line')} of text; expected what utils "
            "ha status prints, such as 'Node 1 Name : host State: Normal', or a pair as JSON"
        )
    if len(status.groups) > MOST_GROUPS:
        raise BadInput(f"{len(status.groups):,} groups in the text, and at most {MOST_GROUPS} are "
                       "explained at once; give a part of it")
    known = cache(explain)
    answers = [(group, *_answer(group, known)) for group in status.groups]
    if as_json:
        output.write_json({
            "groups": [_json(*answer) for answer in answers],
            "understood": list(status.understood), "ignored": list(status.ignored),
        })
    else:
        pages = [_page(*answer) for answer in answers]
        output.write("\n\n".join(["\n".join(page).rstrip() for page in pages] + [
            *_ignored(status)]))
    return int(any(error for _, _, error in answers))


def _answer(
    group: GroupStatus, explain: Callable[[Display], Explanation]
) -> tuple[Explanation | None, str]:
    """What a group's states mean, or why that cannot be said."""
    strange = [
        unknown_name("state or reason", said, {title(w) for w in (*State, *Reason)} - {""})
        for said in group.strange
    ]
    if strange:
        return None, "; ".join(strange)
    if group.display is None:
        return None, ("the text shows one node of this group; high availability needs two nodes "
                      "(the State of a node that is down is empty)")
    try:
        return explain(group.display), ""
    except PrgError as error:
        return None, str(error)


def _page(group: GroupStatus, answer: Explanation | None, error: str) -> Iterator[str]:
    """One group: who is who, what its states mean, and the commands of the product."""
    head = f"Group {one_line(group.name)}" if group.name else "A group"
    yield head
    yield "=" * len(head)
    for node, said in zip(NODES, group.nodes, strict=False):
        if said.name:
            yield f"{node} is {one_line(said.name)}"
    if answer is None:
        yield from ("", *_wrapped(f"Not explained: {error}"))
        return
    yield from ("", answer.text().strip("\n"))
    commands = (*answer.available, *(maybe.command for maybe in answer.maybe))
    offered = [f"  {line}" for command in commands if (line := _product(command, group))]
    if offered:
        yield from ("", "On the command line of the product", *offered)


def _product(command: str, group: GroupStatus) -> str:
    """A command as the product's command line spells it; empty where it has none."""
    name, _, seat = command.rstrip(")").partition("(")
    if name in ("failover", "fallback"):
        node = group.nodes[NODES.index(seat)].name
        return f"utils ha {name} {one_line(node)}" if node else ""
    return f"utils ha recover {one_line(group.name)}".rstrip() if name == "recover" else ""


def _ignored(status: Status) -> list[str]:
    """Which lines were not understood, where there are any."""
    if not status.ignored:
        return []
    numbers = [str(n) for n in status.ignored]
    more = f" and {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    which = "line" if len(numbers) == 1 else "lines"
    said = f"Not understood: {which} {', '.join(numbers[:MOST_LINES])}{more}."
    return ["\n".join(_wrapped(said))]


def _wrapped(text: str) -> list[str]:
    return wrap(one_line(text), output.WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _json(group: GroupStatus, answer: Explanation | None, error: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "group": group.name, "nodes": [_node_json(node) for node in group.nodes],
    }
    return found | ({"error": error} if answer is None else {"explanation": answer.to_json()})


def _node_json(node: NodeStatus) -> dict[str, Any]:
    return {"name": node.name, "state": node.state, "reason": node.reason,
            "strange": list(node.strange)}
