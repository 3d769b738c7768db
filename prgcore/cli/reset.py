"""`ha reset`: the way home for a record that no event leads home from.

Law: it replaces the record once, by its version, and writes why into the history. Agents of the
group must not run.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import evolve

from prgcore.cli.live import ANSWER, group_of
from prgcore.cli.statefile import State, locked, save
from prgcore.engine import Engine
from prgcore.errors import BadInput, Conflict, OutsideInvariant, Unavailable, Unreadable
from prgcore.running.asking import Unproved, ask_of
from prgcore.running.charter import Charter
from prgcore.running.group import Group, terms
from prgcore.running.node import any_pair, layout, own
from prgcore.running.terms import unkept
from prgcore.seats import NODES
from prgcore.stores.keeping import settle
from prgcore.stores.record import Record, begin, fits, reset
from prgcore.words import listed, one_line

__all__ = ["running", "state_file"]


def state_file(file: Path) -> State:
    """Put the pair of a state file back to the beginning; the names and the policy stay.

    Raises:
        BadInput: it is not a state file.
    """
    with locked(file, any_pair=True) as after:
        save(file, after)
    return after


def running(file: Path, reason: str) -> dict[str, Any]:
    """Put the record of a group back to the beginning; return what was done, as JSON.

    Raises:
        BadInput: an agent of the group runs, or its store has no record that can be put back.
        Unavailable: the store does not answer.
    """
    group = group_of(file)
    asyncio.run(_none_runs(group))
    store, _ = group.open_store()
    try:
        kept = store.read()
        if kept is None:
            raise BadInput("the store has no record yet, so there is nothing to put back")
        record = _readable(kept.value)
        strange, record = _terms(group, record)
        before = wrong(group.engine, record) or strange or "in order"
        why = f"{one_line(reason, 300) or 'no reason given'}; before: {before}"
        word = uuid4().hex
        after, entry = reset(record, _fresh(group.engine, record), _assigned(group.engine),
                             why=why, time=time.time(), id=word)
        line = {**entry.to_json(), "id": word}
        try:
            store.write(after.to_json(), kept.version, line)
        except Unavailable:
            settle(store, after.to_json(), kept.version, line)
    except Conflict:
        raise BadInput("somebody writes the record at this moment: stop both agents first") from None
    finally:
        store.close()
    return {"group": group.name, "epoch": after.epoch, "why": why}


async def _none_runs(group: Group) -> None:
    """Check that no agent of a group answers."""
    for member in group.nodes.values():
        try:
            await ask_of(group, member.seat, {"do": "status"}, ANSWER)
        except Unproved:
            raise BadInput(f"something answers at the administrator's address of {member.name}, "
                           "perhaps its agent with another key: stop both agents first") from None
        except Unavailable:
            pass
        else:
            raise BadInput(f"the agent of {member.name} runs: stop both agents first, and start them "
                           "again afterwards")


def _readable(value: Any) -> Record:
    """The record in a value, whatever its columns are."""
    try:
        return Record.from_json(value)
    except BadInput as error:
        raise Unreadable(f"{error} It cannot be put back: begin a new record (prgcore agent --new)") \
            from None


def _terms(group: Group, record: Record) -> tuple[str, Record]:
    """Why the group cannot keep the terms of a record, and the record without those.

    The signatures stay. So an agent that has signed other terms waits at its next start.
    """
    charter = Charter(group.engine, NODES[0] if record.own else None, terms(group), group.lease,
                      group.grant)
    why = unkept(charter, record)
    if why:
        record = evolve(record, proposed={})
    return why, evolve(record, terms={}) if unkept(charter, record) else record


def _fresh(engine: Engine, record: Record) -> Record:
    """A first record of the same kind: of agents, or of a controller."""
    pair = engine.initial[0]
    drawers = {n: own(engine, n) for n in NODES} if record.own else None
    shape = layout(engine, agents=bool(record.own))
    known = {*shape.columns, *(c for names in shape.own.values() for c in names)}
    return begin({c: pair[c] for c in pair if c in known}, drawers, engine.habits)


def _assigned(engine: Engine) -> dict[str, str]:
    return dict(engine.habits.assignment(engine.initial[0]))


def wrong(engine: Engine, record: Record) -> str:
    """The reason why no command is possible on a record; empty: it is in order."""
    if why := fits(record, layout(engine, agents=bool(record.own))):
        return why
    try:
        any_pair(engine, {**record.columns, **{c: v for d in record.own.values() for c, v in d.items()}})
    except OutsideInvariant as error:
        return f"it broke {listed(error.broken, 'and')}"
    return ""
