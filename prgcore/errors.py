"""Every exception that this library raises on purpose.

Law: an error is part of the interface. Its text says what happened, the offending value, what was
expected and what to do next. The JSON interfaces print its `code`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from prgcore.words import counted, indented, listed

__all__ = [
    "ActionFailed", "BadInput", "BudgetExhausted", "Conflict", "Disagreement", "Failed", "ImpossibleEvent",
    "MalformedMachine", "MissingExtra", "NeedsTwoNodes", "NotTotal", "OutsideInvariant",
    "PrgError", "StaleEpoch", "Unavailable", "Undecided", "Unreadable", "unknown_name",
]


class PrgError(Exception):
    """The base class of every error of this library."""

    code = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[PrgError], said: tuple[Any, ...], more: dict[str, Any]) -> PrgError:
    """An error out of its pickle, whatever its constructor takes."""
    error = kind.__new__(kind, *said)
    error.__dict__.update(more)
    return error


class BadInput(PrgError):
    """A name or value that the machine does not have, or input of the wrong shape."""

    code = "bad_input"


class Failed(NamedTuple):
    """A cell that does not hold: the column, its value, and the values that are needed."""

    column: str
    value: str
    needs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.column} is {self.value}, needs {listed(self.needs)}"


class ImpossibleEvent(PrgError):
    """The event cannot physically happen in this pair: the caller's bookkeeping is wrong.

    Attributes:
        failed: the failing cells of the condition that came nearest.
    """

    code = "impossible_event"

    def __init__(self, message: str, failed: tuple[Failed, ...] = ()) -> None:
        super().__init__(message)
        self.failed = failed


class OutsideInvariant(PrgError):
    """The pair breaks a proved invariant: an assumption of the proof has failed.

    Attributes:
        broken: the ids of the invariants that the pair breaks, lowest first.
    """

    code = "outside_invariant"

    def __init__(self, message: str, broken: tuple[str, ...]) -> None:
        super().__init__(message)
        self.broken = broken


class NotTotal(PrgError):
    """No rule, or more than one, answers an event that is possible: F1 or F2 is refuted."""

    code = "not_total"


class MalformedMachine(PrgError):
    """A machine that cannot be read. The error lists all findings, each with its place.

    Attributes:
        findings: one line each, `place: what is wrong`.
        head: the number of findings in words, as `3 findings in the machine`.
    """

    code = "malformed_machine"

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings: tuple[str, ...] = tuple(findings)
        self.head = f"{counted(len(self.findings), 'finding')} in the machine"
        super().__init__(f"{self.head}\n{indented(self.findings)}")


class Disagreement(PrgError):
    """Two checkers answer the same question differently: one of them is wrong."""

    code = "disagree"


class BudgetExhausted(PrgError):
    """A search exceeded its budget. The answer is unknown; it never counts as a pass."""

    code = "budget_exhausted"


class NeedsTwoNodes(PrgError):
    """The presence redundancy group has one node: high availability needs two nodes."""

    code = "needs_two_nodes"


class Undecided(PrgError):
    """The decision depends on columns that the deciding node does not know now.

    Attributes:
        columns: the names of these columns.
    """

    code = "undecided"

    def __init__(self, message: str, columns: tuple[str, ...]) -> None:
        super().__init__(message)
        self.columns = columns


class Conflict(PrgError):
    """Another writer has changed the record meanwhile: read it again and decide again."""

    code = "conflict"


class StaleEpoch(PrgError):
    """An order of an old decision came after one of a newer decision; it was not carried out."""

    code = "stale_epoch"


class ActionFailed(PrgError):
    """An action could not be carried out, and repeating it does not help."""

    code = "action_failed"


class Unavailable(PrgError):
    """A store or an arbiter does not answer; it is not known whether the last write was done."""

    code = "unavailable"


class Unreadable(Unavailable):
    """A store or an arbiter holds something else: it was damaged, or another program wrote it.

    Somebody has to mend it. Until then every call ends like this, so a caller may go on asking.
    """

    code = "unreadable"


class MissingExtra(PrgError, ImportError):
    """An optional dependency is not installed; `except ImportError` catches it too.

    Attributes:
        extra: the extra of this package that installs it.
    """

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'prgcore[{extra}]'")
        self.extra = extra


def unknown_name(
    kind: str, name: object, known: Iterable[str], *, listing: bool = True
) -> str:
    """A sentence about a name that does not exist, with the nearest names that do.

    A name that differs in case only is the only one. If no name is near, it lists the known names,
    unless `listing` is False.
    """
    from difflib import get_close_matches

    names = sorted(known)
    given = str(name)[:80]
    same = [known for known in names if known.casefold() == given.casefold()]
    near = same or get_close_matches(given, names, n=3, cutoff=0.4)
    said = f"unknown {kind} {given!r}"
    if near:
        return f"{said}; did you mean {', '.join(near)}?"
    more = f", … ({len(names)} in all)" if len(names) > 12 else ""
    return f"{said}; known: {', '.join(names[:12])}{more}" if listing else said
