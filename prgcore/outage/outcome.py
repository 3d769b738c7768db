"""What simulated years came to: figures by lane and group, by cause, and lengths of outages.

Law: figures are added here and nothing is drawn by chance. Sums over lanes are whole numbers of
ticks, so the order of lanes and the size of blocks change no digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, fields, frozen

from prgcore.errors import BadInput
from prgcore.outage.draws import Whole
from prgcore.outage.intervals import LEVEL, mean, of_mean
from prgcore.outage.moves import Mask, Times
from prgcore.outage.report import Estimate

__all__ = ["CAUSES", "COUNTS", "EDGES", "FIGURES", "TICKS", "WHOLE", "Outcome", "Samples",
           "Tally", "weights_of"]

COUNTS = ("interruptions", "failovers", "false_failovers", "fallbacks")
FIGURES = ("unserved", "login", "queue", "outage", "push", *COUNTS)
"""The figures of a lane and a group; `outage` is unserved, log-in and queue together."""
CAUSES = ("interruptions", "unserved", "login", "outage")
"""The figures of a cause; here `login` has the queue in it."""

TICKS = 1024
"""Ticks of a second: sums over lanes are whole numbers of them."""
WHOLE = 1 << 16
"""What one outage of a group weighs in `Outcome.lengths`: all of its users."""
EDGES: Times = np.concatenate([[0.0], 10.0 ** (np.arange(7 * 24 + 1) / 24)])
"""Lengths in seconds between which outages are counted: from 1 s, 24 of them in a factor of ten."""
YEAR = 365 * 86_400.0

Ints: TypeAlias = npt.NDArray[Any]


@frozen(eq=False)
class Tally:
    """Sums over lanes: by group (all users together last) and cause.

    Attributes:
        ticks: how many units of the arrays are one of the figure.
        sums, squares, cubes: of the values of lanes; whole numbers of any size.
        most: the largest value of a lane.
        seen: how many lanes have more than 0.
    """

    ticks: int
    sums: Ints
    squares: Ints
    cubes: Ints
    most: Ints
    seen: Ints

    @staticmethod
    def of(values: Times, ticks: int) -> Tally:
        """The sums of values of shape (lanes, ...)."""
        whole = np.rint(values * ticks).astype(np.int64)
        high, low = whole >> 21, whole & ((1 << 21) - 1)
        parts = [(a * b).sum(0).astype(object) for a, b in ((high, high), (high, low), (low, low))]
        return Tally(
            ticks, whole.sum(0).astype(object), parts[0] * (1 << 42) + parts[1] * (1 << 22) + parts[2],
            (whole.astype(object) ** 3).sum(0), whole.max(0), (whole > 0).sum(0))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.ticks, self.sums + other.sums, self.squares + other.squares,
            self.cubes + other.cubes, np.maximum(self.most, other.most), self.seen + other.seen)

    def estimate(self, at: tuple[int, ...], lanes: int, most: float, level: float = LEVEL) -> Estimate:
        """The mean over lanes, and its interval; `most` as in `intervals.of_mean`."""
        seen, sums, squares = int(self.seen[at]), self.sums[at], self.squares[at]
        spread = lanes * squares - sums**2  # whole numbers, so nothing is lost
        third = lanes**2 * self.cubes[at] - 3 * lanes * sums * squares + 2 * sums**3
        return of_mean(
            sums / self.ticks, squares / self.ticks**2, lanes, seen=seen,
            most=int(self.most[at]) / self.ticks if seen else most,
            skew=third / float(spread) ** 1.5 if spread else 0.0, level=level)


@frozen(eq=False)
class Samples:
    """Single interruptions, one in a row, by lane, group and time. Times are in seconds.

    Attributes:
        lane, group: whose.
        begun: when it began.
        unserved: how long nobody served the group.
        login: how long a user waited for the log-in after it, on the mean, with the queue.
        cause: the index of the event that left home.
        last, by: the node that was lost, and the one that served then (-1: none until the end).
        at_once: whether dual connections spared the log-in.
    """

    lane: Whole
    group: Whole
    begun: Times
    unserved: Times
    login: Times
    cause: Whole
    last: Whole
    by: Whole
    at_once: Mask


@frozen(eq=False)
class Outcome:
    """The figures of the pairs of some lanes. Times are in seconds, and not yet by year.

    Attributes:
        seed, horizon: as given.
        first: the number of the first lane.
        groups: the groups of users; users: how many each has (0: not said).
        events: the events of the moves; causes: the indices of those that leave home.
        capacity: how many users a node can log in each second; 0: as many as come.
        upper: the longest wait before a log-in; 0 for a machine whose users do not wait.
        unserved, login, queue, push: (lanes, groups) float64; `login` without the queue.
        interruptions, failovers, false_failovers, fallbacks: (lanes, groups) int32.
        storms, above: (lanes) int32: times when users logged in at once; those with more arrivals
            than a node can take.
        peak, last_in: (lanes) the most arrivals a second; the longest time until the last is in.
        spent: (lanes, 3) time with 0, 1 and 2 nodes that serve somebody.
        by_cause: for each of CAUSES a tally of shape (groups + 1, causes).
        lengths: (groups, len(EDGES)) outages of users that are longer than EDGES[i] and at most
            EDGES[i + 1]; the first counts those of no length too. An outage of all weighs WHOLE.
        dark: the same of the unserved parts; each weighs 1.
        moved: how often each event moved a pair.
        samples: the interruptions of the first lanes, one by one.
    """

    seed: int
    horizon: float
    first: int
    groups: tuple[str, ...]
    users: tuple[int, ...]
    events: tuple[str, ...]
    causes: tuple[int, ...]
    capacity: float
    upper: float
    unserved: Times = field(repr=False)
    login: Times = field(repr=False)
    queue: Times = field(repr=False)
    push: Times = field(repr=False)
    interruptions: Ints = field(repr=False)
    failovers: Ints = field(repr=False)
    false_failovers: Ints = field(repr=False)
    fallbacks: Ints = field(repr=False)
    storms: Ints = field(repr=False)
    above: Ints = field(repr=False)
    peak: Times = field(repr=False)
    last_in: Times = field(repr=False)
    spent: Times = field(repr=False)
    by_cause: Mapping[str, Tally] = field(repr=False)
    lengths: Ints = field(repr=False)
    dark: Ints = field(repr=False)
    moved: Ints = field(repr=False)
    samples: Samples = field(repr=False)

    def __len__(self) -> int:
        return len(self.spent)

    @property
    def years(self) -> float:
        """The horizon in years."""
        return self.horizon / YEAR

    @property
    def outage(self) -> Times:
        """(lanes, groups) How long a user was out."""
        return self.unserved + self.login + self.queue

    @property
    def weights(self) -> Times:
        """The share of each group among all users; equal shares, where the world gives no numbers."""
        return weights_of(self.users)

    @staticmethod
    def merged(parts: Iterable[Outcome]) -> Outcome:
        """Several blocks of one simulation as one, in their order.

        Raises:
            BadInput: there is none, or they are not of one simulation, one after another.
        """
        all_ = list(parts)
        if not all_:
            raise BadInput("no outcome to merge; simulate at least one lane")
        start, at = all_[0], all_[0].first
        for one in all_:
            same = (one.seed, one.horizon, one.events) == (start.seed, start.horizon, start.events)
            if not same or one.first != at:
                raise BadInput(f"the block from lane {one.first} does not continue the one before; "
                               "merge blocks of one simulation, in their order")
            at += len(one)
        if len(all_) == 1:
            return start
        by_lane: dict[str, Any] = {
            name: np.concatenate([getattr(one, name) for one in all_]) for name in BY_LANE}
        sums: dict[str, Any] = {
            name: reduce(add, [getattr(one, name) for one in all_]) for name in ("lengths", "dark", "moved")}
        samples = Samples(*(
            np.concatenate([getattr(one.samples, f.name) for one in all_]) for f in fields(Samples)))
        tallies = {name: reduce(add, [one.by_cause[name] for one in all_]) for name in CAUSES}
        return evolve(start, **by_lane, **sums, samples=samples, by_cause=tallies)

    def of(self, figure: str, group: str | None = None) -> Times:
        """A figure of each lane, for one group or for the mean user of all groups.

        Raises:
            BadInput: no such figure or group.
        """
        if figure not in FIGURES:
            raise BadInput(f"{figure!r:.40} is not a figure; expected one of {', '.join(FIGURES)}")
        values: Times = getattr(self, figure)
        found: Times = values @ self.weights if group is None else values[:, self._group(group)]
        return found.astype(np.float64)

    def estimate(self, figure: str, group: str | None = None, level: float = LEVEL) -> Estimate:
        """A figure a year, for one group or for the mean user; seconds or counts.

        Raises:
            BadInput: as `of`.
        """
        if not self._waits(figure):
            return Estimate.exact(0.0)
        most = 1.0 if figure in COUNTS else self.horizon
        return mean(self.of(figure, group), most=most, level=level).scaled(1 / self.years)

    def cause(
        self, figure: str, event: str, group: str | None = None, level: float = LEVEL
    ) -> Estimate:
        """A figure (one of CAUSES) a year by one cause, for one group or for the mean user.

        Raises:
            BadInput: no such figure, cause or group.
        """
        names = [self.events[e] for e in self.causes]
        if event not in names or figure not in CAUSES:
            raise BadInput(f"{figure!r:.40} by {event!r:.40}: expected one of {', '.join(CAUSES)} by "
                           f"one of {', '.join(names)}")
        if not self._waits(figure):
            return Estimate.exact(0.0)
        row = len(self.groups) if group is None else self._group(group)
        most = 1.0 if figure == "interruptions" else self.horizon
        return self.by_cause[figure].estimate(
            (row, names.index(event)), len(self), most, level).scaled(1 / self.years)

    def _waits(self, figure: str) -> bool:
        """Whether users of this world can have any of it: clients that wait, and that queue."""
        return bool({"login": self.upper, "queue": self.upper and self.capacity}.get(figure, 1))

    def _group(self, group: str) -> int:
        if group not in self.groups:
            raise BadInput(f"{group!r:.40} is not a group; expected one of {', '.join(self.groups)}")
        return self.groups.index(group)

    def columns(self) -> dict[str, Ints]:
        """The figures of every lane as columns, for a file: `lane`, `unserved.node1`, ..."""
        found: dict[str, Ints] = {"lane": np.arange(self.first, self.first + len(self))}
        for name in BY_LANE:
            values = getattr(self, name)
            if values.ndim == 1:
                found[name] = values
            else:
                ends = ("nobody", "one", "both") if name == "spent" else self.groups
                found |= {f"{name}.{end}": values[:, i] for i, end in enumerate(ends)}
        return found

    def to_json(self) -> dict[str, Any]:
        """All figures a year with their intervals, without those of single lanes."""
        groups = (*self.groups, None)
        return {
            "seed": self.seed, "lanes": len(self), "first": self.first, "seconds": self.horizon,
            "groups": dict(zip(self.groups, self.users, strict=True)),
            "figures": {name: {g or "all": self.estimate(name, g).to_json() for g in groups}
                        for name in FIGURES},
            "causes": {self.events[e]: {
                name: {g or "all": self.cause(name, self.events[e], g).to_json() for g in groups}
                for name in CAUSES} for e in self.causes},
            "serving": dict(zip(("nobody", "one", "both"),
                                (self.spent.mean(0) / self.horizon).tolist(), strict=True)),
            "storms": {"storms": int(self.storms.sum()), "above": int(self.above.sum()),
                       "peak": float(self.peak.max()), "last_in": float(self.last_in.max())},
            "events": dict(zip(self.events, self.moved.tolist(), strict=True)),
        }


BY_LANE = ("unserved", "login", "queue", "push", *COUNTS, "storms", "above", "peak", "last_in",
            "spent")


def weights_of(users: tuple[int, ...]) -> Times:
    numbers = np.array(users, np.float64)
    return numbers / numbers.sum() if numbers.sum() else np.full(len(users), 1 / len(users))
