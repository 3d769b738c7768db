"""Decisions, actions, failing cells and errors as JSON: one dialect for everything that prints one.

Law: pure; shapes only. Commands, logs, stories and agents all print these shapes. An action of the
group has no `node`: the key is left out, never empty. A reader accepts both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prgcore.engine import Decision
from prgcore.errors import Failed, PrgError
from prgcore.model import Action
from prgcore.words import one_line

__all__ = [
    "ACTIONS", "FAILED", "LONGEST_WORD", "actions", "actions_json", "decision_json",
    "error_json", "failed", "failed_json", "is_word",
]

LONGEST_WORD = 200
"""The length of the longest word of a log, in characters."""

ACTIONS = 'a list of {"do": ..., "node": ...}'
FAILED = 'a list of {"column": ..., "is": ..., "needs": [...]}'
"""The shapes that `actions` and `failed` read, as messages name them."""


def actions_json(actions: Iterable[Action]) -> list[dict[str, str]]:
    """`[{"do": "move_users", "node": "node2"}, {"do": "assign_users"}]`."""
    return [{"do": a.do, "node": a.node} if a.node else {"do": a.do} for a in actions]


def failed_json(failed: Iterable[Failed]) -> list[dict[str, Any]]:
    """`[{"column": "node2.state", "is": "idle", "needs": ["normal"]}]`."""
    return [{"column": f.column, "is": f.value, "needs": list(f.needs)} for f in failed]


def decision_json(decision: Decision) -> dict[str, Any]:
    """`{"outcome", "rule", "pair", "actions", "why", "failed"}`; `rule` is null for a refusal."""
    return {
        "outcome": decision.outcome.value,
        "rule": decision.rule.id if decision.rule else None,
        "pair": dict(decision.pair),
        "actions": actions_json(decision.actions),
        "why": decision.why,
        "failed": failed_json(decision.failed),
    }


def error_json(error: PrgError) -> dict[str, str]:
    """`{"error": "impossible_event", "message": "one line"}`."""
    return {"error": error.code, "message": one_line(str(error))}


# --------------------------------------------------------------------------- reading


def is_word(value: Any) -> bool:
    """Whether a value is a text of at most `LONGEST_WORD` characters."""
    return isinstance(value, str) and len(value) <= LONGEST_WORD


def actions(value: Any) -> tuple[Action, ...] | None:
    """The actions that a JSON value lists; None where it is not a list of actions."""
    if not isinstance(value, list | tuple) or not all(isinstance(a, Mapping) for a in value):
        return None
    found = [(a.get("do"), a.get("node") or None) for a in value]
    if not all(is_word(do) and (node is None or is_word(node)) for do, node in found):
        return None
    return tuple(Action(str(do), node) for do, node in found)


def failed(value: Any) -> tuple[Failed, ...] | None:
    """The failing cells that a JSON value lists; None where it is not a list of such cells.

    A cell may say no more than its column.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(f, Mapping) for f in value):
        return None
    cells = [(f.get("column"), f.get("is", ""), f.get("needs", ())) for f in value]
    fits = all(is_word(column) and is_word(is_) and isinstance(needs, list | tuple)
               and all(map(is_word, needs)) for column, is_, needs in cells)
    return tuple(Failed(c, is_, tuple(needs)) for c, is_, needs in cells) if fits else None
