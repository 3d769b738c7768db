"""Metrics: the names, units and labels under which telemetry is published.

Law: data, and one reading of it; no foreign library. Every exporter publishes exactly these, so
pages, alerts and answers use the same names. Labels are words of the log, and
`prgcore.running.telemetry` limits their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.errors import BadInput, PrgError
from prgcore.running.seldom import Seldom
from prgcore.running.telemetry import Telemetry

__all__ = ["LIVE", "METRICS", "Metric", "Sample", "Source", "answering", "names", "short"]

_seldom = Seldom()

Sample: TypeAlias = tuple[tuple[str, ...], float]
"""The values of the labels, and the number."""


@frozen
class Metric:
    """A number that is published, or one for each value of its labels.

    Attributes:
        name: its name, without the prefix `prgcore_` and the suffix `_total` of a counter.
        says: its meaning, as one sentence without its full stop.
        labels: the names of its labels.
        counter: whether it only grows; else it is a gauge.
        read: its samples, in any order, of what it is a metric of.
    """

    name: str
    says: str
    labels: tuple[str, ...]
    counter: bool
    read: Callable[[Any], Iterable[Sample]] = field(repr=False)

    @property
    def unit(self) -> str:
        """Its unit, which is the last word of its name."""
        return "s" if self.name.endswith("seconds") else "1"

    def samples(self, of: Any) -> list[Sample]:
        """Its samples, sorted."""
        return sorted(self.read(of))


@frozen
class Source:
    """One pair of those that a program publishes.

    Attributes:
        telemetry: is called whenever metrics are read.
        group: the name of its group; empty where there is one pair only.
        agent: the node that counts; empty where a controller does.
    """

    telemetry: Callable[[], Telemetry] = field(repr=False)
    group: str = ""
    agent: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of all its metrics, empty ones too."""
        return {"group": self.group, "agent": self.agent}


def names(sources: tuple[Source, ...], more: Source) -> tuple[Source, ...]:
    """These sources and one more, which its labels distinguish.

    Raises:
        BadInput: another one has its labels.
    """
    if any(one.labels == more.labels for one in sources):
        who = f"group {more.group!r:.60}" if more.group else "pair without a group"
        raise BadInput(f"one {who} is published already, and nothing would distinguish the other "
                       "one; give each pair the name of its group")
    return (*sources, more)


def answering(sources: Iterable[Source]) -> list[tuple[Source, Telemetry]]:
    """The pairs whose store answers, each with its telemetry now.

    A pair that does not answer must not hide the others; one line of the log in a while names it.

    Raises:
        PrgError: there are pairs, and none answers.
    """
    found, last = list[tuple[Source, Telemetry]](), None
    for one in sources:
        try:
            found.append((one, one.telemetry()))
        except PrgError as error:
            last, who = error, f"of group {one.group!r:.60}" if one.group else "without a group"
            _seldom.warn(str(one.labels), f"the metrics of the pair {who} are left out: {error}")
    if last is not None and not found:
        raise last
    return found


def short(column: str) -> str:
    """The label of a column: `node1` for `node1.state`; the full name for any other."""
    return column.removesuffix(".state")


def _state(t: Telemetry) -> Iterable[Sample]:
    states = t.states
    return (((short(column), value), float(states[column] == value))
            for column, value in t.seconds.keys() | set(states.items()) if column in states)


def _in_states(t: Telemetry, counter: Mapping[tuple[str, ...], float]) -> Iterable[Sample]:
    states = t.states
    return (((short(column), value), number) for (column, value), number in counter.items()
            if column in states)


def _reason(t: Telemetry) -> Iterable[Sample]:
    return (((column.removesuffix(".reason"), value), 1.0) for column, value in t.columns.items()
            if column.endswith(".reason"))


_STATE, _USERS = ("node", "state"), ("users",)

METRICS = (
    Metric("state", "Whether the node is in the state", _STATE, False, _state),
    Metric("reason", "The reason of the state", ("node", "reason"), False, _reason),
    Metric("state_seconds", "Seconds in the state", _STATE, True,
           lambda t: _in_states(t, t.seconds)),
    Metric("state_entered", "How often the node came into the state", _STATE, True,
           lambda t: _in_states(t, t.entered)),
    Metric("state_age_seconds", "How long the node has been in its state", ("node",), False,
           lambda t: (((short(column),), t.lasting[column]) for column in t.states)),
    Metric("decisions", "Decisions by rule; no rule: refused", ("rule", "event", "outcome"), True,
           lambda t: t.decisions.items()),
    Metric("refusals", "Refused commands by a column that failed; one may count under several",
           ("command", "column"), True, lambda t: t.refusals.items()),
    Metric("served", "Whether somebody serves the users at home on the node", _USERS, False,
           lambda t: (((home,), float(u.served)) for home, u in t.users.items()
                      if u.served is not None)),
    Metric("outages", "How often the users ceased to be served", _USERS, True,
           lambda t: (((home,), u.outages) for home, u in t.users.items())),
    Metric("outage_seconds", "Seconds in which the users were out", _USERS, True,
           lambda t: (((home,), u.seconds) for home, u in t.users.items())),
    Metric("longest_outage_seconds", "The longest time in which the users were out", _USERS, False,
           lambda t: (((home,), u.longest) for home, u in t.users.items())),
    Metric("failovers", "How often the users were assigned to the peer", _USERS, True,
           lambda t: (((home,), u.failovers) for home, u in t.users.items())),
    Metric("epoch", "The number of the last decision", (), False, lambda t: [((), t.epoch)]),
    Metric("last_entry_timestamp_seconds", "When the last entry was written, since 1970", (), False,
           lambda t: [((), t.told)] if t.told is not None else []),
    Metric("entries", "Entries of the log", (), True, lambda t: [((), t.entries)]),
    Metric("skipped_lines", "Lines of the log that are not entries", (), True,
           lambda t: [((), t.skipped)]),
    Metric("clock_steps_back", "Entries whose time was before the last one's", (), True,
           lambda t: [((), t.backwards)]),
)

LIVE = (
    Metric("trouble", "Whether the agent is in trouble: it serves nobody or decides nothing", (),
           False, lambda s: [((), float(bool(s.trouble)))]),
    Metric("serving", "Whether the services of the agent serve these users now, by its lease",
           _USERS, False,
           lambda s: (((home,), float(home in s.serves)) for home in set(s.groups.values()))),
)
"""The metrics that an agent publishes of itself beside its telemetry (`prgcore.running.web.Shows`)."""
