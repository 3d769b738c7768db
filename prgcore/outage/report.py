"""What simulated years cost, as one report: figures with intervals, causes, storms, comparisons.

Law: figures only. Everything that a page, a plot or JSON shows is in a `Report`, so they cannot
differ. Seconds everywhere; words for people are made by `prgcore.outage.wording`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Any

from attrs import asdict, field, frozen

__all__ = [
    "NONE_SEEN", "Against", "Assumption", "Cause", "Changed", "Curve", "Estimate", "Middle", "Push",
    "Report", "Span", "Storm", "Strip", "Users", "nines",
]

NONE_SEEN = "none seen"
"""It replaces the interval of a difference that no pair has, and whose scale is unknown."""


@frozen
class Estimate:
    """A figure and its 95 % interval.

    Attributes:
        value: the mean over the simulated pairs.
        low, high: the ends of the interval.
        by: what the interval is from: `t`, `gamma`, `sum` or `wilson` (`prgcore.outage.intervals`);
            `exact` where nothing is drawn by chance; `none seen` where no pair has any of a
            difference. Both ends are 0 then, and say nothing of what is rare.
    """

    value: float
    low: float
    high: float
    by: str = "t"

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """A figure without chance."""
        return cls(value, value, value, "exact")

    def scaled(self, by: float) -> Estimate:
        """The figure in another unit; `by` is above 0."""
        return Estimate(self.value * by, self.low * by, self.high * by, self.by)

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0: for a difference, whether there is one."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def nines(share: float) -> int:
    """How many nines a share of time has: 3 for 0.9995; 9 at most."""
    return min(9, floor(-log10(max(1 - share, 1e-12)) + 1e-6)) if share < 1 else 9


@frozen
class Users:
    """The year of the users of one home node; of all users together where `home` is empty.

    Attributes:
        home: the group of users.
        users: how many there are.
        served: the share of time in which a node serves them.
        available: the share of time in which a user can work: served, and logged in again.
        interruptions: how often they lose their server, a year.
        unserved: seconds a year in which no node serves them.
        login: seconds a year in which a user waits for, and makes, the log-in after it.
        outage: both together.
    """

    home: str
    users: int
    served: Estimate
    available: Estimate
    interruptions: Estimate
    unserved: Estimate
    login: Estimate
    outage: Estimate


@frozen
class Cause:
    """The cost of one cause for a user in a year; `share` is its part of all minutes."""

    event: str
    says: str
    interruptions: Estimate
    unserved: Estimate
    login: Estimate
    outage: Estimate
    share: float


@frozen
class Curve:
    """How long the outages of users are: the share of outages that last at most so long.

    Attributes:
        seconds: increasing lengths.
        share: for every length, the share of outages of a user that are as long or shorter.
        unserved: the same of the part in which nobody serves.
        median, ninth, last: the lengths that 50, 90 and 99 % do not exceed.
    """

    seconds: tuple[float, ...]
    share: tuple[float, ...]
    unserved: tuple[float, ...]
    median: float
    ninth: float
    last: float


@frozen
class Storm:
    """The users of one node log in at the other: what comes, and what a node can take.

    Attributes:
        users: how many log in after one failover.
        lower, upper: the re-login limits, in seconds.
        arrivals: log-ins a second that come between the limits.
        capacity: log-ins a second that a node can take; 0: as many as come.
        last: seconds until the last user is in, after the failover.
        advised: the upper limit that lets everybody in without a queue.
        printed: the upper limit of the login profile for so many users; 0 without a profile.
        profile: the words of that profile.
        storms: how many log-in storms a pair has in a year.
        over: how many of them bring more than the capacity.
        queue: seconds a year that a user waits in a queue, beyond the limits.
    """

    users: int
    lower: float
    upper: float
    arrivals: float
    capacity: float
    last: float
    advised: float
    printed: float
    profile: str
    storms: Estimate
    over: Estimate
    queue: Estimate


@frozen
class Push:
    """Background iPhone and iPad clients without notifications, a year.

    Attributes:
        times: how often they are moved.
        least, most: seconds without notifications after each, as the document measured.
        seconds: seconds a year without notifications.
    """

    times: Estimate
    least: float
    most: float
    seconds: Estimate


@frozen
class Changed:
    """One figure of this world and of the other one, and the difference between pairs of lanes."""

    name: str
    unit: str
    this: Estimate
    other: Estimate
    difference: Estimate


@frozen
class Against:
    """The same faults in a world with another choice."""

    name: str
    says: str
    rows: tuple[Changed, ...]


@frozen
class Span:
    """One interruption of one group: when it began, in seconds, its parts, and its cause."""

    begins: float
    home: str
    unserved: float
    login: float
    cause: str


@frozen
class Strip:
    """The year of one pair, with the number of its lane and why it was chosen."""

    lane: int
    says: str
    seconds: float
    spans: tuple[Span, ...]


@frozen
class Assumption:
    """One rate of the world: its words, why, and whether it is assumed by us."""

    event: str
    words: str
    says: str
    assumed: bool


@frozen
class Middle:
    """A rate that was given as a range: its words, its ends, and the middle that is simulated.

    Attributes:
        event: the event; without its seat where both nodes have the same words.
        words: the words of the range.
        least, most: the ends of the mean time, in seconds.
        simulated: the middle of both, in seconds.
    """

    event: str
    words: str
    least: float
    most: float
    simulated: float


@frozen
class Report:
    """The years of many pairs.

    Attributes:
        machine: the name of the machine.
        pairs, years, seed: how many pairs were simulated, for how long, from which seed.
        setting: names and values of the choices: users, dual connections, parameters.
        users: what all users meet (first), then those of each home node.
        causes: the most costly first.
        failovers, false, fallbacks: how often a pair has one, a year.
        curve, storm, push, strip: see their classes; None where the simulation has none.
        against: comparisons with other choices.
        rates: every rate of the world.
        ranges: the rates that are ranges; their middles are simulated.
        limits: sentences on what the figures leave out.
    """

    machine: str
    pairs: int
    years: float
    seed: int
    setting: Mapping[str, Any]
    users: tuple[Users, ...]
    causes: tuple[Cause, ...]
    failovers: Estimate
    false: Estimate
    fallbacks: Estimate
    curve: Curve | None = None
    storm: Storm | None = None
    push: Push | None = None
    strip: Strip | None = None
    against: tuple[Against, ...] = ()
    rates: tuple[Assumption, ...] = ()
    ranges: tuple[Middle, ...] = ()
    limits: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The whole report; seconds, shares and numbers a year."""
        return {"confidence": 0.95, "unit": "seconds", **asdict(self)}
