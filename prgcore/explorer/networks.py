"""Stories of two nodes with messages in flight, as JSON: what each step draws, and who knows what.

Law: a reader of the network. The page replays nothing: all that it shows is written here. Pure; the
same story gives the same text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

from prgcore.diagram.network import parts
from prgcore.diagram.sequence import LIVES, REMARK, Item, Message, Note, ends
from prgcore.engine import Engine
from prgcore.explain.display import spell, spell_both
from prgcore.explain.outside import together_again
from prgcore.explain.wording import moved
from prgcore.form.spelling import Spelling
from prgcore.machine import reference
from prgcore.model import Shown
from prgcore.network import Snapshot
from prgcore.network.setting import ARBITERS
from prgcore.network.splits import told as as_text
from prgcore.network.story import Run, replay
from prgcore.seats import NODES

__all__ = ["networks"]

Json: TypeAlias = dict[str, Any]

CROSSING = """network none
adversary loss, delay
heartbeat_lost(node2)
send node2
heartbeat_lost(node1)
send node1
takeover_done(node2)
lose node1
deliver node2
"""
"""Of the document's machine: two heartbeats cross, and one of them is lost."""


@lru_cache(maxsize=8)
def networks(engine: Engine, given: tuple[tuple[str, str], ...] = ()) -> tuple[Json, ...]:
    """Stories of a machine: those given, each with a title, then its splits, then those of arbiters.

    Raises:
        BadInput: a text is not a story of a network.
    """
    told = [_story(title, replay(engine, text)) for title, text in given]
    for split in engine.splits:
        run = replay(engine, as_text(split))
        told.append(_story(spell_both(split.shown, " beside "), run) | {
            "shown": [half and [str(half.state), str(half.reason)] for half in split.shown],
            "after": [*map(Spelling.of(engine.model).prose, together_again(engine, split))],
        })
    if reference(engine.model) and engine.splits:
        from prgcore.tables.arbiters import STORIES

        known = [story["steps"] for story in told]
        for name, text in {**STORIES, "crossing-heartbeats": CROSSING}.items():
            run = replay(engine, text)
            story = _story(name.replace("-", " ").capitalize(), run)
            if run.ok and story["steps"] not in known:
                told.append(story)
    return tuple(told)


def _story(title: str, run: Run) -> Json:
    """A story: its arbiter, the life lines that it draws, and its steps, the start first."""
    engine, items = run.network.engine, list(parts(run))
    says = {e.name: e.says for e in engine.model.events}
    used = {*NODES, *(n for part in items for i in part for n in ends(i))}
    steps = [_step(run, "start", "", run.start, items[0])]
    for step, part in zip(run.steps, items[1:], strict=True):
        if step.move is None and not step.failed:
            continue
        said = moved(step.line.text, says) if step.move else step.line.text
        steps.append(_step(run, step.line.text, Spelling.of(engine.model).prose(said),
                           step.after, part))
    return {
        "title": title, "arbiter": ARBITERS[run.network.setting.arbiter],
        "lives": [name for name in LIVES if name in used], "steps": steps,
    }


def _step(
    run: Run, line: str, says: str, after: Snapshot, items: tuple[Item, ...],
) -> Json:
    """A step: what it draws, what each node knows afterwards, and what is on its way."""
    return {
        "line": line, "says": says, "items": [_item(i) for i in items],
        "copies": [[_half(run.network.engine, copy, n) for n in (node, NODES[1 - i])]
                   for i, (node, copy) in enumerate(zip(NODES, after.copies, strict=True))],
        "record": [_half(run.network.engine, _recorded(run, after), n) for n in NODES]
        if run.network.setting.recorded else None,
        "old": [] if not run.network.setting.recorded else [
            n for n, current in zip(NODES, after.current, strict=True) if not current],
        "flight": [n for n, slot in zip(NODES, after.slots, strict=True) if slot is not None],
        "cuts": [n for n, cut in zip(NODES, after.cuts, strict=True) if cut],
        "twice": list(run.network.twice(after)),
    }


def _recorded(run: Run, at: Snapshot) -> tuple[str, ...]:
    """The stored columns of the pair that the record keeps."""
    pair = run.network.pair(at)
    return tuple(pair[c] for c in run.network.engine.stored)


def _half(engine: Engine, values: tuple[str, ...], node: str) -> str:
    """A node in a copy of the pair: its state and reason, or all its columns."""
    spelling = Spelling.of(engine.model)
    half = {name.removeprefix(f"{node}."): value
            for name, value in zip(engine.stored, values, strict=True) if name.startswith(f"{node}.")}
    if "state" not in half:
        return ", ".join(f"{spelling.name(c)} {spelling.value(f'{node}.{c}', v)}".replace("_", " ")
                         for c, v in half.items())
    return spell(Shown(half["state"], half.get("reason")), spelling)


def _item(item: Item) -> Json:
    """A message, a note or a span."""
    if isinstance(item, Message):
        return {"source": item.source, "target": item.target, "text": item.text, "kind": item.kind,
                "flight": item.flight, "part": item.part}
    if isinstance(item, Note):
        return {"over": list(item.over), "lines": list(item.text), "role": "plain" if item.role == REMARK else item.role}
    return {"over": list(item.over), "text": item.text, "span": item.role, "ends": item.ends}
