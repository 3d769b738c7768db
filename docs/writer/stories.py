"""The stories of the tables as text and as pictures: the causes of Table 2, and other stories.

Law: pure; a story is a replay by the machine. The site draws the pictures when it is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from prgcore.diagram import render
from prgcore.diagram.sequence import sequence
from prgcore.explain.display import spell
from prgcore.machine import Machine, prg
from prgcore.model import Cause, Situation
from prgcore.seats import NODES
from prgcore.story.script import as_story, run, write
from prgcore.tables.machine import TABLE
from prgcore.vocabulary import Reason


def story_id(cause: Cause) -> str:
    """The id of the story of a cause, as `prgcore diagram sequence` takes it."""
    return f"table2-{cause.id}"


@cache
def stories() -> dict[str, str]:
    """Every story by its id; its first line is a comment that says what it is about."""
    machine = prg()
    causes = {story_id(c): _caused(machine, s, c) for s in machine.model.situations
              for c in s.causes}
    return causes | {s.id: write(s) for s in TABLE.stories}


def _caused(machine: Machine, situation: Situation, cause: Cause) -> str:
    """A cause of a row as a story that ends in the row."""
    text = as_story(machine, cause.events, cause.start)
    end = run(machine, text).end
    lines = [f"# Table 2, row {situation.row}: {cause.says}", text.rstrip()]
    for node, shown in zip(NODES, situation.display, strict=True):
        if shown is None and end[f"{node}.process"] == "running":
            lines += [f"# {node} runs, and cannot be seen from its peer", "expect link = cut"]
        elif shown is None:
            lines.append(f"expect {node} nothing")
        else:
            lines.append(f"expect {node} {spell(shown)}")
            if shown.reason == Reason.NONE:
                lines.append(f"expect {node}.reason = none")
    return "\n".join(lines) + "\n"


def drawn() -> Iterator[tuple[str, str]]:
    """The causes of Table 2 as sequences: the id of each story, and its picture as SVG."""
    machine = prg()
    for situation in machine.model.situations:
        for cause in situation.causes:
            told = run(machine, as_story(machine, cause.events, cause.start))
            title = f"{cause.says[:1].upper()}{cause.says[1:]} (row {situation.row})"
            yield story_id(cause), render(sequence(told, title), "svg")
