"""Status texts: every group explained, with the names of its own hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from attrs import frozen

from prgcore.cli import output
from prgcore.errors import BadInput, PrgError, unknown_name
from prgcore.explain.answer import Explanation
from prgcore.explain.display import spell, spell_both
from prgcore.explain.names import Names
from prgcore.explain.status import GroupStatus, NodeStatus, Status, parse
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Choices, Display
from prgcore.words import counted, listed, one_line

MOST_GROUPS = 500
"""The most groups that are explained at once."""
MOST_LINES = 12
"""The most line numbers that are listed."""
LONGEST = 2_000_000
"""The most characters of a status text; a longer text is probably a log."""


@frozen
class Answer:
    """A group of a status text with its explanation, or with the reason why there is none.

    Attributes:
        remark: the parts that could not be read, or why nothing is explained.
        failed: whether an explanation was expected and is missing.
    """

    group: GroupStatus
    explanation: Explanation | None
    remark: str = ""
    failed: bool = False
    spelling: Spelling = PLAIN

    @property
    def head(self) -> str:
        """The group in one line."""
        name = one_line(self.group.name) or "A group"
        display = self.group.display
        if self.explanation is None or display is None:
            return f"{name}: not explained"
        if self.explanation.broken:
            return f"{name}: breaks {', '.join(self.explanation.broken)}"
        rows = self.explanation.rows
        said = f" (row{'s' * (len(rows) > 1)} {listed(rows)})" if rows else ""
        return f"{name}: {spell_both(display, ' and ', self.spelling)}{said}"


def explain_status(
    text: str, explain: Callable[[Display, Choices], Explanation],
    asked: Callable[[Sequence[Names]], Sequence[Mapping[str, str]]], *, as_json: bool,
    spelling: Spelling = PLAIN,
) -> int:
    """Print an explanation of every group; return 1 if one of them could not be explained, else 0.

    Args:
        explain: explains a display, with the columns that are known beside it.
        asked: for groups with these names, the columns that are known of each.

    Raises:
        BadInput: the text has no group, more than `MOST_GROUPS`, or more than `LONGEST` characters.
    """
    if len(text) > LONGEST:
        raise BadInput(f"{len(text):,} characters, and at most {LONGEST:,} of a status text are "
                       "read; give the part with the status")
    status = parse(text, spelling)
    if not status.groups:
        raise BadInput(
            f"no status in {counted(len(status.ignored), 'line')} of text; expected what utils "
            "ha status prints, such as 'Node 1 Name : host State: Normal', or a pair as JSON"
        )
    if len(status.groups) > MOST_GROUPS:
        raise BadInput(f"{len(status.groups):,} groups in the text, and at most {MOST_GROUPS} are "
                       "explained at once; give a part of it")
    known = asked([group.names for group in status.groups])
    explained = cache(explain)
    answers = [_answer(group, partial(explained, known=tuple(cells.items())), spelling)
               for group, cells in zip(status.groups, known, strict=True)]
    if as_json:
        output.write_json({
            "groups": [_json(answer) for answer in answers],
            "understood": list(status.understood), "ignored": list(status.ignored),
        })
    else:
        many = len(answers) > 1
        heads = [line for a in answers for line in output.wrapped(a.head, "  ", "    ")]
        parts = [[f"{len(answers)} groups", *heads]] if many else []
        parts += [list(_page(answer)) for answer in answers]
        output.write("\n\n".join(["\n".join(part).rstrip() for part in parts] + _ignored(status)))
    return int(any(answer.failed for answer in answers))


def _answer(
    group: GroupStatus, explain: Callable[[Display], Explanation], spelling: Spelling,
) -> Answer:
    remark = "; ".join(dict.fromkeys(_strange(group, spelling)))
    if any(node.strange and node.state is None for node in group.nodes):
        return Answer(group, None, remark, failed=True, spelling=spelling)
    if group.display is None:
        return Answer(group, None, "the text shows one node of this group, and high availability "
                                   "needs two (the State of a node that is down is empty)")
    try:
        return Answer(group, explain(group.display), remark, spelling=spelling)
    except PrgError as error:
        return Answer(group, None, str(error), failed=True, spelling=spelling)


def _strange(group: GroupStatus, spelling: Spelling) -> Iterator[str]:
    """Yield remarks on unknown words in the place of a state or a reason."""
    for node in group.nodes:
        kind = "state" if node.state is None else "reason"
        for said in node.strange:
            yield unknown_name(kind, said, spelling.spellings(kind, aliases=False)) + (
                "; any reason is taken" if kind == "reason" else "")


def _page(answer: Answer) -> Iterator[str]:
    """Yield the page of one group: its states explained, with the names of its hosts."""
    if answer.group.name:
        yield f"Group {one_line(answer.group.name)}"
    if answer.explanation is not None:
        names = [one_line(node.name) for node in answer.group.nodes]
        yield answer.explanation.text(names, one_line(answer.group.name)).strip()
        if answer.remark:
            yield from ("", *output.wrapped(f"Not understood: {answer.remark}"))
    else:
        for node in answer.group.nodes:
            yield from output.wrapped(
                f"{node.name or 'a node'}  {spell(node.shown, answer.spelling)}", "  ", "    ")
        yield from output.wrapped(f"Not explained: {answer.remark}")


def _ignored(status: Status) -> list[str]:
    """A line that lists the numbers of lines not understood; none if all were."""
    if not status.ignored:
        return []
    numbers = [str(n) for n in status.ignored]
    more = f" and {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    which = "line" if len(numbers) == 1 else "lines"
    said = f"Not understood: {which} {', '.join(numbers[:MOST_LINES])}{more}."
    return ["\n".join(output.wrapped(said))]


def _json(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "group": answer.group.name, "nodes": [_node_json(node) for node in answer.group.nodes],
    }
    if answer.explanation is not None:
        found["explanation"] = answer.explanation.to_json()
    return found | ({"error": answer.remark} if answer.explanation is None else {})


def _node_json(node: NodeStatus) -> dict[str, Any]:
    return {"name": node.name, "state": node.state, "reason": node.reason,
            "strange": list(node.strange)}
