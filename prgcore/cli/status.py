"""Status texts: every group explained, with the names of its own hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any

from attrs import define, field, frozen

from prgcore.cli import output
from prgcore.errors import BadInput, PrgError, unknown_name
from prgcore.explain.answer import Explanation
from prgcore.explain.display import spell, spell_both
from prgcore.explain.names import Names
from prgcore.explain.status import GroupStatus, NodeStatus, Status, parse
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Choices, Display, Record, Situation
from prgcore.words import counted, listed, one_line, quoted

MOST_GROUPS = 500
"""The most groups that are explained at once."""
MOST_LINES = 12
"""The most line numbers that are listed."""
MOST_NODES = 6
"""The most nodes that are printed of a group that shows too many."""
MOST_STEPS = 3
"""The most changes from one moment of a group to the next that are printed: the last ones."""
ALONE = ("the text shows one node of this group, and high availability needs two (the State of a "
         "node that is down is empty)")
LONGEST = 2_000_000
"""The most characters of a status text; a longer text is probably a log."""


@frozen(eq=False, repr=False)
class Answer(Record):
    """A group of a status text with its explanation, or with the reason why there is none.

    Attributes:
        remark: the parts that could not be read, or why nothing is explained.
    """

    group: GroupStatus
    explanation: Explanation | None
    remark: str = ""
    spelling: Spelling = PLAIN

    def failed(self, *, strict: bool) -> bool:
        """Whether no pair of the machine explains the group; with `strict`, or it is not home."""
        found = self.explanation
        return found is None or found.pair is None or (strict and not found.home)

    @property
    def head(self) -> str:
        """The group in one line."""
        name = one_line(self.group.name) or "A group"
        display = self.group.display
        if self.explanation is None or display is None:
            return f"{name}: not explained"
        if self.explanation.broken:
            both = spell_both(display, " and ", self.spelling)
            return f"{name}: {both}, which should never be seen together"
        rows = self.explanation.rows
        said = f" (row{'s' * (len(rows) > 1)} {listed(rows)})" if rows else ""
        return f"{name}: {spell_both(display, ' and ', self.spelling)}{said}"


def explain_status(
    text: str, explain: Callable[[Display, Choices], Explanation],
    asked: Callable[[Sequence[Names]], Sequence[Mapping[str, str]]], *, as_json: bool,
    verbose: bool = False, strict: bool = False, spelling: Spelling = PLAIN,
    situations: Sequence[Situation] = (),
) -> tuple[int, Any]:
    """An explanation of every group, after the exit code: 1 if no pair explains one, else 0.

    It is text, or a value for JSON. With `strict` the exit code is also 1 if one is not home.

    Args:
        explain: explains a display, with the columns that are known beside it.
        asked: for groups with these names, the columns that are known of each.
        situations: those of the machine; they say when one node alone is a whole status.

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
            "ha status prints, such as 'Node 1 Name : host State: Normal', or a pair as JSON; or "
            "type what both nodes show: --node1 'State / Reason' --node2 'State / Reason'"
        )
    if len(status.groups) > MOST_GROUPS:
        raise BadInput(f"{len(status.groups):,} groups in the text, and at most {MOST_GROUPS} are "
                       "explained at once; give a part of it")
    groups = [group.completed(situations) for group in status.groups]
    known = asked([group.names for group in groups])
    explained, hints = cache(explain), _Hints(spelling)
    answers = [_answer(group, partial(explained, known=tuple(cells.items())), hints)
               for group, cells in zip(groups, known, strict=True)]
    code = int(any(answer.failed(strict=strict) for answer in answers))
    if as_json:
        return code, {
            "groups": [_json(answer) for answer in answers],
            "understood": list(status.understood), "ignored": list(status.ignored),
        }
    many = len(answers) > 1
    heads = [line for a in answers for line in output.wrapped(a.head, "  ", "    ")]
    parts = [[f"{len(answers)} groups", *heads]] if many else []
    parts += [list(_page(answer, verbose=verbose)) for answer in answers]
    return code, "\n\n".join(["\n".join(part).rstrip() for part in parts] + _ignored(status))


def _answer(
    group: GroupStatus, explain: Callable[[Display], Explanation], hints: _Hints,
) -> Answer:
    remark = group.remark or "; ".join(hints.of(group))
    if group.remark or any(node.strange_states for node in group.nodes):
        return Answer(group, None, remark, hints.spelling)
    if group.display is None:
        return Answer(group, None, ALONE, hints.spelling)
    try:
        return Answer(group, explain(group.display), remark, hints.spelling)
    except PrgError as error:
        return Answer(group, None, str(error), hints.spelling)


@define(eq=False, repr=False)
class _Hints:
    """Remarks on unknown words; all known ones are listed at most once for a whole text."""

    spelling: Spelling
    listed: set[str] = field(factory=set)

    def of(self, group: GroupStatus) -> Iterator[str]:
        """Yield remarks on unknown words in the place of a state or a reason, each word once."""
        for said in dict.fromkeys(s for node in group.nodes for s in node.strange_states):
            yield self._unknown("state", "reason", said)
        for said in dict.fromkeys(s for node in group.nodes for s in node.strange_reasons):
            yield self._unknown("reason", "state", said) + "; any reason is taken"

    def _unknown(self, kind: str, other: str, said: str) -> str:
        known = self.spelling.spellings(kind, aliases=False)
        remark = unknown_name(kind, said, known, listing=kind not in self.listed)
        if "known: " in remark:
            self.listed.add(kind)
        return remark + (f" (it is a {other})" if self.spelling.read(other, said) else "")


def _page(answer: Answer, *, verbose: bool) -> Iterator[str]:
    """Yield the page of one group: its states explained, with the names of its hosts."""
    group = answer.group
    if group.name:
        yield f"Group {one_line(group.name)}"
    if group.earlier:
        yield from _moments(answer)
    if answer.explanation is not None:
        names = [one_line(node.name) for node in group.nodes]
        yield answer.explanation.text(names, one_line(group.name), verbose=verbose).strip()
        if answer.remark:
            yield from ("", *output.wrapped(f"Not understood: {answer.remark}"))
    else:
        for node in group.nodes[:MOST_NODES]:
            yield from output.wrapped(f"{_called(node)}  {_spelt(node, answer.spelling)}", "  ", "    ")
        if len(group.nodes) > MOST_NODES:
            yield f"  and {counted(len(group.nodes) - MOST_NODES, 'more node')}"
        yield from output.wrapped(f"Not explained: {answer.remark}")


def _called(node: NodeStatus) -> str:
    return one_line(node.name) or "a node"


def _spelt(node: NodeStatus, spelling: Spelling) -> str:
    """The state and reason of a node, or the unknown word in their place."""
    if node.state is None and node.strange_states:
        return quoted(node.strange_states[0])
    return spell(node.shown, spelling)


def _moments(answer: Answer) -> Iterator[str]:
    """Yield what changed from one moment of a group to the next; the last ones, if there are many."""
    group = answer.group
    moments = [*group.earlier, group.nodes]
    yield f"The text shows this group {len(moments)} times; the latest is explained."
    steps = [*enumerate(pairwise(moments), 1)]
    for n, (before, after) in steps[-MOST_STEPS:]:
        said = [f"{name} was {_spelt(old, answer.spelling)}, then {_spelt(new, answer.spelling)}"
                for name, old, new in _changes(before, after)]
        yield from output.wrapped(f"{n} to {n + 1}: {'; '.join(said) or 'nothing changed'}", "  ", "    ")
    yield ""


def _changes(
    before: Sequence[NodeStatus], after: Sequence[NodeStatus],
) -> Iterator[tuple[str, NodeStatus, NodeStatus]]:
    """Yield the nodes that show something else than before: name, before and after."""
    for n in range(max(len(before), len(after))):
        old = before[n] if n < len(before) else NodeStatus()
        new = after[n] if n < len(after) else NodeStatus()
        if (old.state, old.reason, old.strange) != (new.state, new.reason, new.strange):
            yield one_line(new.name or old.name), old, new


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
    moments = [*answer.group.earlier, answer.group.nodes]
    if len(moments) > 1:
        found["moments"] = [[_node_json(node) for node in moment] for moment in moments]
        found["changed"] = [
            [{"name": name, "before": _node_json(old), "after": _node_json(new)}
             for name, old, new in _changes(*both)] for both in pairwise(moments)]
    if answer.explanation is None:
        return found | {"error": answer.remark}
    found["explanation"] = answer.explanation.to_json()
    return found | ({"remark": answer.remark} if answer.remark else {})


def _node_json(node: NodeStatus) -> dict[str, Any]:
    return {"name": node.name, "state": node.state, "reason": node.reason,
            "strange": list(node.strange)}
