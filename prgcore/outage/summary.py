"""From simulated years to a report: the same figures for the page, the plots and JSON.

Law: outcomes in, a report out. Intervals are those of `prgcore.outage.intervals`. Where the causes of
both nodes are one row, their intervals are joined as those of a sum of independent figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve

from prgcore.errors import BadInput
from prgcore.outage.choices import Choice, has_clients
from prgcore.outage.intervals import mean, paired, together
from prgcore.outage.moves import Moves, Times
from prgcore.outage.outcome import EDGES, YEAR, Outcome
from prgcore.outage.rates import NEVER, TIMER, Rate, World
from prgcore.outage.report import (
    Against,
    Assumption,
    Cause,
    Changed,
    Curve,
    Estimate,
    Middle,
    Push,
    Report,
    Span,
    Storm,
    Strip,
    Users,
)
from prgcore.outage.seen import PUSH
from prgcore.product.clients import login_profile, users_that_count

__all__ = ["middles", "report"]

LIMITS = (
    "Faults come at constant rates, and no fault makes another one likelier.",
    "A link is cut for both directions or for none, and what is cut is noticed by its nodes alone.",
    "Nobody fails to notice a sick service, and every repair succeeds.",
    "All users of a node come back as its clients do: at a random moment between the re-login limits.",
)


def report(
    moves: Moves, outcome: Outcome, others: Iterable[tuple[Choice, Outcome]] = (), *,
    profile: tuple[int, str] | None = None,
) -> Report:
    """The report of simulated years.

    Args:
        moves: the moves that were simulated.
        outcome: what happened.
        others: other choices, and what happened with them to the same lanes of the same seed.
        profile: the size of a server and the mode of a login profile, for its printed limit.

    Raises:
        BadInput: fewer than two lanes, because an interval needs two.
    """
    if len(outcome) < 2:
        raise BadInput("one pair has no interval; simulate at least two")
    world, others = moves.world, tuple(others)
    return Report(
        machine=moves.engine.model.name, pairs=len(outcome), years=outcome.years, seed=outcome.seed,
        setting=_setting(world), users=tuple(_users(outcome)), causes=_causes(moves, outcome),
        failovers=_of_pair(outcome, outcome.failovers),
        false=_of_pair(outcome, outcome.false_failovers),
        fallbacks=_of_pair(outcome, outcome.fallbacks),
        curve=_curve(outcome), storm=_storm(world, outcome, profile),
        push=_push(outcome) if has_clients(world.parameters) else None,
        strip=_strip(outcome), against=tuple(_against(outcome, *one) for one in others),
        rates=tuple(_rates(world)),
        ranges=middles([world, *(choice.world for choice, _ in others)]),
        limits=LIMITS if has_clients(world.parameters) else LIMITS[:-1])


def _setting(world: World) -> Mapping[str, Any]:
    parameters = world.parameters
    changed = {name: value for name, value in parameters.to_json().items()
               if value != parameters.records[name].default}
    return {
        "users": dict(world.users), "dual_connections": world.dual if has_clients(parameters) else None,
        "logins_per_second": world.logins,
        "automatic_fallback": getattr(parameters, "enable_automatic_fallback", None),
        "changed": changed,
        "working_week": {"days": world.week.days, "begins": world.week.begins,
                         "ends": world.week.ends}}


# ------------------------------------------------------------------------------- users


def _rest(lost: Estimate) -> Estimate:
    """The share of time that is left by so many seconds a year."""
    return Estimate(1 - lost.value / YEAR, max(0.0, 1 - lost.high / YEAR), 1 - lost.low / YEAR, lost.by)


def _a_year(outcome: Outcome, values: Times, most: float) -> Estimate:
    return mean(values, most=most).scaled(1 / outcome.years)


def _of_pair(outcome: Outcome, values: Any) -> Estimate:
    """How often a pair has it a year; the values are by lane, and by group too."""
    return _a_year(outcome, values.reshape(len(outcome), -1).sum(1).astype(np.float64), 1.0)


def _users(outcome: Outcome) -> Iterator[Users]:
    """All users, then those of each group."""
    for number, group in [(sum(outcome.users), None), *zip(outcome.users, outcome.groups, strict=True)]:
        unserved, outage = (outcome.estimate(name, group) for name in ("unserved", "outage"))
        login = _a_year(outcome, outcome.of("login", group) + outcome.of("queue", group),
                        outcome.horizon) if outcome.upper else Estimate.exact(0.0)
        yield Users(
            group or "", number, _rest(unserved), _rest(outage),
            outcome.estimate("interruptions", group), unserved, login, outage)


def _together(some: Sequence[Estimate]) -> Estimate:
    """The sum of figures that do not depend on each other."""
    if len(some) == 1:
        return some[0]
    found = together(some)
    return evolve(found, low=max(0.0, found.low))


def _causes(moves: Moves, outcome: Outcome) -> tuple[Cause, ...]:
    """The cost of each cause for the mean user; the events of both nodes are one cause."""
    says = {e.name: e.says for e in moves.engine.model.events}
    says |= {e.name: "heartbeats of a live peer are lost for longer than the time-out"
             for e in moves.world.episodes}
    found: dict[str, list[str]] = {}
    for name in (outcome.events[e] for e in outcome.causes):
        found.setdefault(name.partition("(")[0], []).append(name)
    every = outcome.estimate("outage").value
    rows = []
    for bare, names in found.items():
        interruptions, unserved, login, outage = (
            _together([outcome.cause(figure, name) for name in names])
            for figure in ("interruptions", "unserved", "login", "outage"))
        rows.append(Cause(bare, says[names[0]], interruptions, unserved, login, outage,
                          outage.value / every if every else 0.0))
    return tuple(sorted(rows, key=lambda c: (-c.outage.value, c.event)))


# ------------------------------------------------------------------- lengths and storms


def _curve(outcome: Outcome) -> Curve | None:
    """The lengths of the outages of users; None if nobody was out."""
    weights = outcome.weights
    lengths, dark = (np.tensordot(weights, h, 1) for h in (outcome.lengths, outcome.dark))
    if not lengths.sum():
        return None
    shares, dim = np.cumsum(lengths) / lengths.sum(), np.cumsum(dark) / max(dark.sum(), 1)
    ends = np.append(EDGES[1:], EDGES[-1])
    first = max(0, int(np.argmax(np.minimum(shares, dim) > 0)) - 1)
    first = min(first, int(np.argmax(dim > 0.005)))  # below half a percent is a dot
    last = int(np.argmax(shares >= 1 - 1e-5)) + 1

    def quantile(share: float) -> float:
        return float(np.interp(share, shares, ends))

    return Curve(
        tuple(ends[first:last].tolist()), tuple(shares[first:last].tolist()),
        tuple(dim[first:last].tolist()), quantile(0.5), quantile(0.9), quantile(0.99))


def _storm(world: World, outcome: Outcome, profile: tuple[int, str] | None) -> Storm | None:
    """The log-in storm of the larger group; None without users or limits."""
    parameters: Any = world.parameters
    users = max(outcome.users, default=0)
    if not users or not has_clients(parameters):
        return None
    lower, upper = map(float, (parameters.relogin_wait.least, parameters.relogin_wait.most))
    arrivals = users / (upper - lower) if upper > lower else float(users)
    needs = users / world.logins if world.logins else 0.0
    printed, words = 0.0, ""
    if profile is not None:
        server, mode = profile
        limits = login_profile(server, mode, users_that_count(mode, outcome.users))
        printed, words = float(limits.upper), f"{server:,} {mode.replace('_', '-')}"
    return Storm(
        users, lower, upper, arrivals, world.logins, lower + max(upper - lower, needs), lower + needs,
        printed, words, _of_pair(outcome, outcome.storms), _of_pair(outcome, outcome.above),
        outcome.estimate("queue"))


def _push(outcome: Outcome) -> Push:
    moved = outcome.of("failovers") + outcome.of("fallbacks")
    least, most = map(float, PUSH)
    return Push(_a_year(outcome, moved, 1.0), least, most, outcome.estimate("push"))


def _strip(outcome: Outcome) -> Strip | None:
    """The lane in the middle of those that were kept one by one."""
    seen, size = outcome.samples, outcome.groups
    kept = int(seen.lane.max()) + 1 - outcome.first if len(seen.lane) else 0
    if not kept:
        return None
    out = (outcome.outage @ outcome.weights)[:kept]
    lane = int(np.argsort(out, kind="stable")[kept // 2])
    mine = np.nonzero(seen.lane == lane + outcome.first)[0]
    mine = mine[np.argsort(seen.begun[mine], kind="stable")]
    return Strip(
        lane + outcome.first, f"Of the first {kept} pairs it is the middle one by minutes out.",
        outcome.horizon, tuple(
            Span(float(seen.begun[i]), size[int(seen.group[i])], float(seen.unserved[i]),
                 float(seen.login[i]), outcome.events[int(seen.cause[i])]) for i in mine))


# -------------------------------------------------------------------------- comparisons


_COMPARED = (
    ("outage", "outage", "seconds"), ("unserved", "without a server", "seconds"),
    ("login", "until logged in", "seconds"), ("interruptions", "interruptions", "times"),
    ("failovers", "failovers of a pair", "times"),
    ("false_failovers", "false failovers", "times"), ("fallbacks", "fallbacks of a pair", "times"),
    ("push", "without notifications", "seconds"),
)
_ALWAYS = ("outage", "interruptions")
_PAIR = ("failovers", "false_failovers", "fallbacks")


def _against(this: Outcome, choice: Choice, other: Outcome) -> Against:
    """The difference that a choice makes, lane by lane."""
    rows = []
    for figure, name, unit in _COMPARED:
        mine, theirs = _compared(this, figure), _compared(other, figure)
        if figure == "push" and not has_clients(choice.world.parameters):
            continue
        if figure not in _ALWAYS and np.array_equal(mine, theirs):
            continue  # this choice does not touch it
        most = this.horizon if unit == "seconds" else 1.0
        rows.append(Changed(
            name, unit, _a_year(this, mine, most), _a_year(other, theirs, most),
            paired(mine, theirs, most=most if unit == "times" else 0.0).scaled(1 / this.years)))
    return Against(choice.name, choice.says, tuple(rows))


def _compared(outcome: Outcome, figure: str) -> Times:
    if figure in _PAIR:
        found: Times = getattr(outcome, figure).sum(1).astype(np.float64)
        return found
    if figure == "login":
        return outcome.of("login") + outcome.of("queue")
    return outcome.of(figure)


def _rates(world: World) -> Iterator[Assumption]:
    """The rates in words; one for both nodes where they are the same."""
    for name, rate in _named(world):
        if rate.kind != TIMER:
            yield Assumption(name, rate.words or NEVER, rate.says, rate.says.startswith("assumed"))


def middles(worlds: Iterable[World]) -> tuple[Middle, ...]:
    """The rates of worlds that are ranges, each once; their middles are simulated."""
    found: dict[tuple[str, str], Middle] = {}
    for world in worlds:
        for name, rate in _named(world):
            if rate.between is not None:
                found.setdefault((name, rate.words), Middle(name, rate.words, *rate.between, rate.mean))
    return tuple(found.values())


def _named(world: World) -> Iterator[tuple[str, Rate]]:
    """The rates by event; without its seat, and once, where both nodes have the same words."""
    all_ = [*world.rates.values(), *(e.rate for e in world.episodes)]
    words: dict[str, set[str]] = {}
    for rate in all_:
        words.setdefault(rate.event.partition("(")[0], set()).add(rate.words)
    done = set()
    for rate in all_:
        bare = rate.event.partition("(")[0]
        name = bare if len(words[bare]) == 1 else rate.event
        if name not in done:
            done.add(name)
            yield name, rate
