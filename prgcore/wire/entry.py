"""A line of the decision log as JSON: the one reader of it, for a whole line and for a partial one.

Law: pure; a JSON value in, an entry out. Our own programs write `Entry`. Any log can say a
`PartialEntry`: only the event is needed. A caller that has the machine checks the names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import field, frozen

from prgcore.errors import BadInput, Failed
from prgcore.model import Action
from prgcore.vocabulary import Outcome
from prgcore.wire.answers import (
    ACTIONS,
    FAILED,
    actions,
    actions_json,
    failed,
    failed_json,
    is_word,
)
from prgcore.words import listed

__all__ = ["LATEST", "MOST_COLUMNS", "RESET", "Entry", "PartialEntry", "cells", "kept_time"]

LATEST = 253_402_300_799
"""The latest time of an entry, in seconds since 1970: the end of the year 9999."""
MOST_COLUMNS = 1000
RESET = "reset"
"""The event of a line that puts the record back to a first one; no rule decides it."""


@frozen
class Entry:
    """A line of the log: one event, and the decision on it. As JSON, one object per line.

    Attributes:
        epoch: of the decision; for a refused or ignored event, that of the record.
        time: seconds of the wall clock, since 1970.
        by: the decider: a node, `administrator` or `controller`.
        event: the event.
        outcome: done, ignored or refused.
        rule: the id of the rule; None for a refusal.
        why: one sentence.
        before, after: the columns that the decider knows, all or some of the pair.
        actions: the actions asked for, in order.
        failed: the cells that fail, for a refusal.
    """

    epoch: int
    time: float
    by: str
    event: str
    outcome: str
    rule: str | None
    why: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    actions: tuple[Action, ...] = ()
    failed: tuple[Failed, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {
            "epoch": self.epoch, "time": self.time, "by": self.by, "event": self.event,
            "outcome": self.outcome, "rule": self.rule, "why": self.why,
            "before": dict(self.before), "after": dict(self.after),
            "actions": actions_json(self.actions), "failed": failed_json(self.failed),
        }

    @staticmethod
    def from_json(value: Any) -> Entry:
        """The entry of a JSON value; other keys are left out.

        Raises:
            BadInput: it is none.
        """
        return Entry(**_read(value, _WHOLE, _NEEDED))


@frozen
class PartialEntry:
    """The content of a line of any log; a key that it leaves out is None, or empty.

    Attributes:
        event: the event that arrived.
        by: the decider; empty where the log does not say.
        outcome, rule, epoch, time: None where the log does not say.
        before, after: the columns that it names.
        actions: the actions asked for, in order; None where the log does not say.
        place: its line in the log, as `line 17`.
    """

    event: str
    by: str = ""
    outcome: str | None = None
    rule: str | None = None
    epoch: int | None = None
    time: float | None = None
    before: Mapping[str, str] = field(factory=dict)
    after: Mapping[str, str] = field(factory=dict)
    actions: tuple[Action, ...] | None = None
    place: str = ""

    @property
    def done(self) -> bool:
        """Whether the event was done; a log without outcomes logs only events that were done."""
        return self.outcome in (None, Outcome.DONE)

    @staticmethod
    def from_json(value: Any) -> PartialEntry:
        """The partial entry of a JSON value; null counts as left out.

        Raises:
            BadInput: it is not an object, has no event, or has a value that cannot be read.
        """
        given = _read(value, _PARTIAL, ("event",), partial=True)
        return PartialEntry(**{key: said for key, said in given.items() if said is not None})


# --------------------------------------------------------------------------- reading


def _word(value: Any) -> str | None:
    return value if is_word(value) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _outcome(value: Any) -> str | None:
    return value if value in _OUTCOMES else None


def _epoch(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def _time(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST
    return float(value) if fits else None


def kept_time(wall: float) -> float:
    """The time of a clock as an entry can have it: a clock before 1970 is at 0, and so on.

    A computer without a battery may start in any year. Its entries must still be readable.
    """
    return min(max(wall, 0.0), float(LATEST)) if wall == wall else 0.0  # noqa: PLR0124, NaN


def cells(value: Any) -> Mapping[str, str] | None:
    """The columns of a JSON object and their values; None if anything in it is not a word."""
    fits = isinstance(value, Mapping) and len(value) <= MOST_COLUMNS and all(
        is_word(k) and is_word(v) for k, v in value.items())
    return value if fits else None


_OUTCOMES = tuple(outcome.value for outcome in Outcome)
_KEYS: dict[str, tuple[Any, Callable[[Any], Any], str]] = {
    "epoch": (None, _epoch, "a whole number from 0 on"),
    "time": (None, _time, "seconds since 1970"),
    "by": ("", _word, "a word"),
    "event": (None, _word, "a word"),
    "outcome": (None, _outcome, listed(_OUTCOMES)),
    "rule": (None, _word, "an id or null"),
    "why": ("", _text, "a sentence"),
    "before": (None, cells, "columns and their values"),
    "after": (None, cells, "columns and their values"),
    "actions": ((), actions, ACTIONS),
    "failed": ((), failed, FAILED),
}
"""For every key its default, its reader (None for a bad value), and the expected form."""
_WHOLE = tuple(_KEYS)
_NEEDED = frozenset(_KEYS) - {"rule"}
_PARTIAL = ("event", "by", "outcome", "rule", "epoch", "time", "before", "after", "actions")


def _read(
    value: Any, keys: Collection[str], needed: Collection[str], *, partial: bool = False
) -> dict[str, Any]:
    """The keys of a line, each read; a key that is not needed may be null."""
    if not isinstance(value, Mapping):
        raise BadInput(f"an entry of a log is an object, not {value!r:.60}")
    found = {}
    for key in keys:
        default, read, expected = _KEYS[key]
        given = value.get(key, None if partial else default)
        found[key] = None if given is None else read(given)
        if found[key] is None and (given is not None or key in needed):
            said = "missing" if given is None else f"{given!r:.60}"
            raise BadInput(f"{key} of an entry is {said}; expected {expected}")
    return found
