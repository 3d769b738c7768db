"""The availability of a world, as one record: what `prgcore availability` shows and prints as JSON.

Law: it names and adds up what the chain says, and solves nothing of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.outage.chain import Chain, chain, ground
from prgcore.outage.doubt import Doubt, doubt
from prgcore.outage.markov import MEASURES, YEAR, Matrix, Solution, false_causes
from prgcore.outage.moves import Moves, moves
from prgcore.outage.rates import World
from prgcore.outage.sensitivity import Better, Ranges, better, ranges

__all__ = ["LEAST", "STAGES", "Availability", "Group", "availability"]

STAGES = 8
"""How many stages the shortest limit of a clock has."""
LEAST = 1e-7
"""Which states are left out; see `prgcore.outage.chain.chain`."""
BETTER = 8
"""How many improvements are solved."""


@frozen
class Group:
    """The figures of a group of users. Times are in seconds, and counts are per year.

    Attributes:
        name: the group.
        users: how many they are; 0: not said.
        unserved: seconds of a year without a server.
        login: seconds of a year in which a user waits to log in again.
        interruptions, failovers, false_failovers, returns: how often, in a year.
        first: the mean time from home to the first interruption.
        doubt: by name, how far the figure may be from the exact one.
        least, most: by name, the bounds that ranges of rates give; None without ranges.
    """

    name: str
    users: int
    unserved: float
    login: float
    interruptions: float
    failovers: float
    false_failovers: float
    returns: float
    first: float
    doubt: Mapping[str, float]
    least: Mapping[str, float] | None
    most: Mapping[str, float] | None

    @property
    def served(self) -> float:
        """The share of time in which a node serves the group."""
        return 1 - self.unserved / YEAR

    @property
    def seen(self) -> float:
        """The share of time in which a user is logged in."""
        return 1 - (self.unserved + self.login) / YEAR

    @property
    def between(self) -> float:
        """The mean time between two interruptions, in seconds."""
        return YEAR / self.interruptions if self.interruptions else float("inf")

    @property
    def lasts(self) -> float:
        """The mean time without a server at an interruption, in seconds."""
        return self.unserved / self.interruptions if self.interruptions else 0.0

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {
            "group": self.name, "users": self.users, "served": self.served, "seen": self.seen,
            "unserved_seconds": self.unserved, "login_seconds": self.login,
            "interruptions": self.interruptions, "failovers": self.failovers,
            "false_failovers": self.false_failovers, "returns": self.returns,
            "first_after_seconds": _finite(self.first), "between_seconds": _finite(self.between),
            "lasts_seconds": self.lasts, "error_bound": dict(self.doubt),
            "range": None if self.least is None or self.most is None else {
                name: [self.least[name], self.most[name]] for name in self.least},
        }


@frozen(eq=False)
class Availability:
    """The answer.

    Attributes:
        engine, world: the machine and the world.
        solution: the chain, solved.
        coarser: the figures with half the stages; None if they were not asked for.
        bounds: how far the figures may be from the exact ones: a large estimate, not a proof.
        improving: what is worth improving, most first.
        spread: the bounds that ranges of rates give.
        number, least: the stages, and what was left out, as asked for.
    """

    engine: Engine
    world: World
    solution: Solution = field(repr=False)
    coarser: Matrix | None
    bounds: Doubt
    improving: tuple[Better, ...]
    spread: Ranges | None
    number: int
    least: float

    @property
    def chain(self) -> Chain:
        """The chain."""
        return self.solution.chain

    @property
    def groups(self) -> tuple[Group, ...]:
        """The figures of each group."""
        yearly, first = self.solution.yearly, false_causes(self.solution.moves)
        wrong = np.zeros(len(yearly))
        for cause, costs in self.solution.causes.items():
            wrong += costs[:, 3] * np.array(first[cause])
        found = []
        for g, name in enumerate(self.solution.moves.groups):
            low, high = (None, None) if self.spread is None else (
                _named(self.spread.least[g]), _named(self.spread.most[g]))
            unserved, login, interruptions, failovers, returns = map(float, yearly[g])
            found.append(Group(
                name, self.world.users.get(name, 0), unserved, login, interruptions, failovers,
                float(wrong[g]), returns, self.solution.first((g,)), _named(self.bounds.whole[g]), low,
                high))
        return tuple(found)

    @property
    def causes(self) -> tuple[tuple[str, Matrix], ...]:
        """What each cause costs, the most costly first: groups by `MEASURES`, in a year."""
        return tuple(sorted(self.solution.causes.items(),
                            key=lambda item: (-float(item[1][:, :2].sum()), item[0])))

    @property
    def change(self) -> float | None:
        """By which share the time without a server changes from half the stages to all."""
        if self.coarser is None:
            return None
        here, there = self.solution.yearly[:, 0].sum(), self.coarser[:, 0].sum()
        return float(abs(here - there) / here) if here else 0.0

    @property
    def error(self) -> float:
        """A large estimate of the error of the time without a server, as a share of it, all groups together."""
        whole = float(self.solution.yearly[:, 0].sum())
        return float(self.bounds.whole[-1, 0]) / whole if whole else 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON."""
        groups, moves_ = self.solution.moves.groups, self.solution.moves
        return {
            "machine": self.engine.model.name,
            "groups": [group.to_json() for group in self.groups],
            "causes": [{"cause": cause, "groups": {
                group: _named(costs[g]) for g, group in enumerate(groups)}} for cause, costs in self.causes],
            "improving": [{
                "rate": one.word.name, "words": one.word.rates[0].words or "timer",
                "halved": one.word.improves, "saves_seconds": float(one.saves[:, :2].sum()),
                "groups": {group: _named(one.saves[g]) for g, group in enumerate(groups)},
            } for one in self.improving],
            "ranges": None if self.spread is None else {
                "of": list(self.spread.of), "sampled": self.spread.sampled},
            "model": {
                "pairs": len(moves_), "states": len(self.chain), "transitions": len(self.chain.start),
                "stages": self.number, "least": self.least, "left_chain": self.solution.lost,
                "error_bound": self.error, "change_from_half_the_stages": self.change,
                "waits_in_working_hours": {
                    name: self.world.week.wait(self.world.rate(name).mean)
                    for name in moves_.events if self.world.rate(name).working},
            },
            "rates": {name: self.world.rate(name).words or self.world.rate(name).kind
                      for name in moves_.events},
        }


def availability(
    engine: Engine, world: World, *, number: int = STAGES, least: float = LEAST, compare: bool = True,
    improve: int = BETTER, made: Moves | None = None, progress: Callable[[str, int, int], None] | None = None,
) -> Availability:
    """The availability of a machine in a world.

    Args:
        number: how many stages the shortest limit of a clock has.
        least: states that are met less often between two visits of home are left out.
        compare: also with half the stages.
        improve: how many improvements are solved.
        made: the moves, if they are known.
        progress: called with what is done next, and which of how many steps it is.

    Raises:
        BadInput: the machine has no goal or serves nobody, or an outage never ends.
        BudgetExhausted: the chain is too large.
    """
    say = progress or (lambda *_: None)
    say("moves", 0, 3)
    found = moves(engine, world) if made is None else made
    say("chain", 1, 3)
    base = ground(found)
    whole = Solution(chain(base, number, least), found)
    half = None
    if compare and base.matters:
        half = Solution(chain(base, max(1, number // 2), least), found).yearly
    say("figures", 2, 3)
    return Availability(engine, world, whole, half, doubt(whole, half), better(whole, improve), ranges(whole),
                        number, least)


def _named(row: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(MEASURES, row, strict=True)}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
