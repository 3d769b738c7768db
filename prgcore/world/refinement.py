"""Refinement: whether what agents write are steps of the machine that was proved (D3).

Law: pure. It reads the record before a write, the record after it, and the entry. It
asks neither what agents believe nor what they have read.
"""

from __future__ import annotations

from functools import lru_cache

from prgcore.engine import Engine, Pair
from prgcore.form.knowledge import ENVIRONMENT
from prgcore.model import Choices
from prgcore.running.node import pairs, shared
from prgcore.running.shapes import Write
from prgcore.seats import NODES
from prgcore.stores.record import Record
from prgcore.story.unseen import node_of
from prgcore.vocabulary import Outcome

__all__ = ["dying", "refuted"]


def refuted(engine: Engine, before: Record, write: Write) -> str:
    """Why a write is neither a step of the entry's rule nor a stutter; empty: it is one of both.

    A write without an entry is a stutter: no column changes. A write with one is a step if its rule
    leads from a pair that the record before it shows to the pair that the record after it shows.

    Nobody writes down that a link is cut, or that a node dies. So the record before a write shows
    more than one pair: the link has any value, and each node may have died since, by an event of the
    environment (`dying`). All of them are inside the invariants, and all are reached by P with the
    adversary of S18.
    """
    after, entry = write.record, write.entry
    if entry is None:
        same = (before.columns, before.own) == (after.columns, after.own)
        return "" if same else "columns change, and nothing was decided"
    if not _leads(engine, _cells(before), entry.event, entry.rule, _cells(after)):
        return f"{entry.rule} does not lead from the record before it to the record after it"
    counted = {node: n + (after.own.get(node) != before.own[node]) for node, n in before.changes.items()}
    return "" if counted == after.changes else "a change of its own columns is not counted"


def _cells(record: Record) -> Choices:
    """The columns of a record, with those of all drawers."""
    drawers = (cell for drawer in record.own.values() for cell in drawer.items())
    return (*record.columns.items(), *drawers)


@lru_cache(maxsize=1 << 14)
def _leads(engine: Engine, before: Choices, event: str, rule: str | None, after: Choices) -> bool:
    """Whether a rule leads from some pair of the record before to the record after.

    Columns that the rule does not change stay as they were written. The next start of a node writes
    what its death has changed.
    """
    starts = next((n for n in NODES if engine.habits.starts(n)[0] == event), "")
    for pair in (dead for alive in pairs(engine, dict(before)) for dead in dying(engine, alive)):
        if not engine.possible(pair, event):
            continue
        made = engine.step(pair, event)
        if made.outcome is Outcome.DONE and made.rule is not None and made.rule.id == rule:
            was = dict(before)
            if all(v == made.pair[c] if pair[c] != made.pair[c] or node_of(c) == starts
                   else v == was[c] for c, v in after):
                return True
    return False


def dying(engine: Engine, pair: Pair) -> list[Pair]:
    """The pairs to which a pair leads when nodes die and nobody writes that down; first itself.

    A node dies where an event of the environment leaves it unable to act, and changes nothing of the
    record. If it could not act before, the event changes a column that only the environment knows: a
    host may die whose manager has stopped before.
    """
    found = [pair]
    for node in NODES:
        found += [after for one in found for event in _events(engine) if engine.possible(one, event)
                  and not engine.habits.runs(after := engine.step(one, event).pair, node)
                  and all(one[c] == after[c] for c in shared(engine))
                  and (engine.habits.runs(one, node)
                       or any(one[c] != after[c] for c in _hidden(engine, node)))]
    return found


@lru_cache(maxsize=8)
def _events(engine: Engine) -> tuple[str, ...]:
    return tuple(e.name for e in engine.model.events if e.decider == ENVIRONMENT)


@lru_cache(maxsize=8)
def _hidden(engine: Engine, node: str) -> tuple[str, ...]:
    """The columns of a node that only the environment knows."""
    return tuple(c.name for c in engine.model.columns
                 if c.observed_by == ENVIRONMENT and node_of(c.name) == node)
