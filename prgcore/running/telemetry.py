"""Telemetry: the sum of a decision log: counters, the state of every node, the time in it.

Law: a pure fold; time comes from the entries alone. Folding a log in two parts gives the same as
folding it whole. Entries may name only some columns, of any machine. A column that an entry does
not name keeps its last value. Lines that cannot be read are counted and left out.

An entry is about the moment of its `time`. Between two entries nothing is known to change, so the
seconds between them count for the values after the first one. If a clock steps back, no seconds
pass.

Users are out if they were served before and are not now, as far as the log shows. A column that the
log never names is taken as harmless. A controller names all columns. Node agents never name
`process`, so with them users are out from the survivor's first act, not from the crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from prgcore.errors import BadInput
from prgcore.form.habits import Habits
from prgcore.machine import habits
from prgcore.wire.entry import Entry

__all__ = ["MOST", "OTHER", "Key", "Telemetry", "Users", "fold", "of"]

Key: TypeAlias = tuple[str, ...]

MOST = 2000
"""The most keys of a counter, and the most columns; any further ones count as OTHER."""

OTHER = "other"


@frozen
class Users:
    """A group of users, as far as the log shows.

    Attributes:
        served: whether a node serves them now; None: none has served them yet.
        outages: how often they were served and then not.
        seconds: how long they were out in total, in seconds.
        lasting: how long the present outage has lasted, or the last one did, in seconds.
        longest: how long the longest outage lasted, in seconds.
        failovers: how often they were assigned to another node than the one that had them,
            without coming home.
        node: the last node that they were assigned to.
    """

    served: bool | None = None
    outages: int = 0
    seconds: float = 0.0
    lasting: float = 0.0
    longest: float = 0.0
    failovers: int = 0
    node: str = ""


@frozen
class Telemetry:
    """The telemetry of the entries so far; `Telemetry()` is that of an empty log.

    Attributes:
        entries: how many entries were counted.
        skipped: how many lines were not entries.
        first, told: the times of the first and the last entry, in seconds since 1970.
        last: the time until which seconds are counted: that of the last entry, or of `at`.
        passed: how many seconds passed in total.
        backwards: how often a time was before the last one.
        epoch: the epoch of the last entry.
        columns: the last value of every column.
        lasting: for each column, how many seconds it has had that value.
        seconds: for each column and value, how many seconds the column had the value.
        entered: for each column and value, how often the column took the value.
        decisions: the number of decisions by rule (empty: none), event and outcome.
        refusals: the number of refusals by command and failed column (empty: the log does not
            say). One refusal counts once for every column that failed.
        users: the users, by their home node; empty if the columns do not show them.
        habits: what the machine of the log says of users (`engine.habits`); None: as that of the
            document.
    """

    entries: int = 0
    skipped: int = 0
    first: float | None = None
    told: float | None = None
    last: float | None = None
    passed: float = 0.0
    backwards: int = 0
    epoch: int = 0
    columns: dict[str, str] = field(factory=dict)
    lasting: dict[str, float] = field(factory=dict)
    seconds: dict[Key, float] = field(factory=dict)
    entered: dict[Key, int] = field(factory=dict)
    decisions: dict[Key, int] = field(factory=dict)
    refusals: dict[Key, int] = field(factory=dict)
    users: dict[str, Users] = field(factory=dict)
    habits: Habits | None = field(default=None, eq=False, repr=False)

    @property
    def states(self) -> dict[str, str]:
        """The columns with a state, and their values: those named `….state`, or else all."""
        named = [c for c in self.columns if c.endswith(".state")]
        return {c: self.columns[c] for c in sorted(named or self.columns)}

    @property
    def unnamed(self) -> tuple[str, ...]:
        """The columns that the log never names, but needs to show when users were out."""
        asked = (self.habits or habits()).asked()
        return tuple(sorted(asked - set(self.columns))) if self.users else ()

    def outcomes(self) -> dict[str, int]:
        """How many decisions had each outcome."""
        found: dict[str, int] = {}
        for (*_, outcome), number in self.decisions.items():
            found[outcome] = found.get(outcome, 0) + number
        return dict(sorted(found.items()))

    def at(self, now: float) -> Telemetry:
        """The telemetry at that time, if nothing was decided since; before its end, itself."""
        if self.last is None or now <= self.last:
            return self
        return _passed(_own(self), float(now))

    def seeing(self, columns: Mapping[str, str], now: float) -> Telemetry:
        """The telemetry after a look at columns at that time, without a decision.

        An agent knows what its peer has decided before any entry of its own says so.
        """
        here = _passed(_own(self), float(now))
        _now(here, columns)
        return here

    def afresh(self, now: float) -> Telemetry:
        """The telemetry at that time, with all counters at zero."""
        here = self.at(now)
        return Telemetry(
            first=now, told=here.told, last=now, epoch=here.epoch, columns=here.columns, lasting=here.lasting,
            users={home: Users(users.served, node=users.node) for home, users in here.users.items()},
            habits=here.habits)

    def to_json(self) -> dict[str, Any]:
        """The JSON: `{"entries", "epoch", "states": {column: {"is", "lasting", …}}, …}`."""
        states = self.states
        return {
            "entries": self.entries, "skipped": self.skipped, "first": self.first,
            "last": self.last, "seconds": self.passed, "backwards": self.backwards,
            "epoch": self.epoch, "columns": dict(sorted(self.columns.items())),
            "states": {
                column: {"is": value, "lasting": self.lasting[column],
                         "seconds": _of(column, self.seconds),
                         "entered": _of(column, self.entered)}
                for column, value in states.items()
            },
            "decisions": [
                {"rule": rule or None, "event": event, "outcome": outcome, "count": number}
                for (rule, event, outcome), number in sorted(self.decisions.items())
            ],
            "refusals": [
                {"command": command, "column": column or None, "count": number}
                for (command, column), number in sorted(self.refusals.items())
            ],
            "users": {
                home: {"served": users.served, "outages": users.outages,
                       "seconds": users.seconds, "lasting": users.lasting,
                       "longest": users.longest, "failovers": users.failovers}
                for home, users in sorted(self.users.items())
            },
            "unnamed": list(self.unnamed),
        }


def _of(column: str, counter: Mapping[Key, Any]) -> dict[str, Any]:
    return {value: number for (one, value), number in sorted(counter.items()) if one == column}


def fold(telemetry: Telemetry, entry: Entry | Mapping[str, Any] | None) -> Telemetry:
    """The telemetry after one more entry. None, or anything that is not an entry, is skipped."""
    return of((entry,), telemetry)


def of(
    entries: Iterable[Entry | Mapping[str, Any] | None], start: Telemetry | None = None
) -> Telemetry:
    """The telemetry of a log, or of its next part.

    Args:
        entries: in their order; each as a record or as JSON.
        start: the telemetry before them.
    """
    found = _own(start or Telemetry())
    for value in entries:
        try:
            entry = value if isinstance(value, Entry) else Entry.from_json(value)
        except BadInput:
            found = evolve(found, skipped=found.skipped + 1)
        else:
            found = _with(found, entry)
    return found


# The functions below write to the mappings of a telemetry, because `_own` has copied them.


def _own(telemetry: Telemetry) -> Telemetry:
    return evolve(
        telemetry, columns=dict(telemetry.columns), lasting=dict(telemetry.lasting),
        seconds=dict(telemetry.seconds), entered=dict(telemetry.entered),
        decisions=dict(telemetry.decisions), refusals=dict(telemetry.refusals),
        users=dict(telemetry.users),
    )


def _with(so_far: Telemetry, entry: Entry) -> Telemetry:
    here = _passed(so_far, float(entry.time))
    for cells in (entry.before, entry.after):
        _now(here, cells)
    _count(here.decisions, (entry.rule or "", entry.event, entry.outcome))
    if entry.outcome == "refused":
        for column in sorted({cell.column for cell in entry.failed}) or [""]:
            _count(here.refusals, (entry.event, column))
    return evolve(here, entries=here.entries + 1, told=entry.time, epoch=entry.epoch)


def _passed(here: Telemetry, now: float) -> Telemetry:
    """The telemetry with the seconds until now counted; none if the clock stepped back."""
    last = now if here.last is None else here.last
    gone = max(now - last, 0.0)
    for cell in here.columns.items():
        here.lasting[cell[0]] += gone
        if cell in here.seconds:  # the usual case, without a count of keys
            here.seconds[cell] += gone
        else:
            _count(here.seconds, cell, gone)
    for home, users in here.users.items():
        if users.served is False:
            lasting = users.lasting + gone
            here.users[home] = evolve(
                users, seconds=users.seconds + gone, lasting=lasting,
                longest=max(users.longest, lasting))
    return evolve(here, first=now if here.first is None else here.first, last=now,
                  passed=here.passed + gone, backwards=here.backwards + (now < last))


def _now(here: Telemetry, cells: Mapping[str, str]) -> None:
    """Note that columns have these values from now on."""
    changed = False
    for column, value in cells.items():
        was = here.columns.get(column)
        if was == value or (was is None and len(here.columns) >= MOST):
            continue
        changed = True
        here.columns[column] = value
        here.lasting[column] = 0.0
        if was is not None:
            _count(here.entered, (column, value))
    if changed:
        known = here.habits or habits()
        for home, node in known.assignment(here.columns).items():
            serves = node != "" and known.able(here.columns, node)
            here.users[home] = _served(here.users.get(home, Users()), home, node, serves=serves)


def _served(users: Users, home: str, node: str, *, serves: bool) -> Users:
    """The users of a group after this entry, served or not."""
    if node not in ("", users.node):
        moved = users.node != "" and node != home
        users = evolve(users, node=node, failovers=users.failovers + moved)
    if serves:
        return users if users.served else evolve(users, served=True)
    if users.served:
        return evolve(users, served=False, outages=users.outages + 1, lasting=0.0)
    return users


def _count(counter: dict[Any, Any], key: Key, number: float = 1) -> None:
    if key not in counter and len(counter) >= MOST:
        key = (OTHER,) * len(key)
    counter[key] = counter.get(key, 0) + number
