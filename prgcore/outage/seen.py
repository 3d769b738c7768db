"""From what a simulation saw of its lanes to their figures: waits, queues, storms, sums by cause.

Law: pure; nothing is drawn by chance.

The users of a group that is served again wait before they log in, each between the re-login limits.
There are many, so their waits are means: the share of users that is back is a straight line. Where
more come than a node can log in, the line is as long as the node needs (a queue). The next
interruption cuts it off.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from attrs import fields, frozen

from prgcore.outage.course import Course
from prgcore.outage.draws import Whole
from prgcore.outage.moves import NOBODY, Mask, Times
from prgcore.outage.outcome import EDGES, TICKS, WHOLE, Ints, Outcome, Samples, Tally, weights_of
from prgcore.product.clients import wait
from prgcore.tables.restrictions import RESTRICTIONS
from prgcore.timers.parameters import Parameters, Settings

__all__ = ["PUSH", "Sight", "outcome", "waited"]

PUSH = next(r.seconds for r in RESTRICTIONS if r.id == "push_background") or (0, 0)
"""How long a moved client in the background has no notifications: least and most, in seconds."""
_AT_ONCE = 8192


@frozen(eq=False)
class Sight:
    """What a simulation saw of lanes from `first`: the interruptions, one in a row.

    `spent` is the time with 0, 1 or 2 nodes that serve; `moved` counts the events. `by` is `NOBODY`
    where the horizon came before the group was served. `sound`: the loser could have gone on
    after the first event of the episode.
    """

    first: int
    count: int
    spent: Times
    moved: Ints
    lane: Whole
    group: Whole
    begun: Times
    served: Times
    cause: Whole
    last: Whole
    by: Whole
    at_once: Mask
    sound: Mask


def waited(least: Times | float, most: Times | float, cut: Times) -> Times:
    """The mean of waits between two ends, all alike, each cut off after a time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        part = ((cut**2 - least**2) / 2 + cut * (most - cut)) / (most - least)
    return np.where(cut <= least, cut, np.where(cut >= most, (least + most) / 2, part))


def _limits(parameters: Settings) -> tuple[float, float]:
    """The re-login limits; none for a machine whose clients do not wait."""
    if not isinstance(parameters, Parameters):
        return 0.0, 0.0
    bounds = wait(parameters)
    return float(bounds.least), float(bounds.most)


def outcome(made: Course, seen: Sight, *, seed: int, horizon: float, samples: int) -> Outcome:
    """The figures of what was seen."""
    world, groups = made.moves.world, made.moves.groups
    lower, upper = _limits(world.parameters)
    users = tuple(int(world.users.get(g, 0)) for g in groups)
    order = np.lexsort((seen.served, seen.group, seen.lane))
    lane, group, begun, served, cause, last, by, at_once, sound = (
        getattr(seen, f.name)[order] for f in fields(Sight)[4:])
    row = (lane - seen.first).astype(np.int64)
    key = row * len(groups) + group
    cut = np.full(len(key), horizon)
    follows = key[1:] == key[:-1]
    cut[:-1][follows] = begun[1:][follows]
    back, logs = by != NOBODY, (by != NOBODY) & ~at_once
    room = cut - served
    number, leads = _crowd(row, served, by, logs, np.array(users, np.float64)[group])
    width = np.full(len(key), upper - lower)
    if world.logins:
        width = np.maximum(width, number / world.logins)
    login = np.where(logs, waited(lower, upper, room), 0.0)
    queue = np.where(logs, waited(lower, lower + width, room), 0.0) - login
    unserved = served - begun
    moved = back & (by != last)
    away = moved & (by != made.home[group])
    push = np.where(moved, waited(float(PUSH[0]), float(PUSH[1]), room), 0.0)
    size = seen.count * len(groups)

    def summed(values: Ints) -> Times:
        return np.bincount(key, values, size).reshape(seen.count, len(groups)).astype(np.float64)

    def counted(mask: Mask) -> Ints:
        return np.bincount(key[mask], minlength=size).reshape(seen.count, len(groups)).astype(np.int32)

    figures = {
        "interruptions": np.ones(len(key)), "unserved": unserved, "login": login + queue,
        "outage": unserved + login + queue}
    causes = _causes(made)
    storm = logs & leads
    rush = number / (upper - lower) if upper > lower else number
    peak, last_in = np.zeros(seen.count), np.zeros(seen.count)
    np.maximum.at(peak, row[storm], rush[storm])
    np.maximum.at(last_in, row[storm], lower + width[storm])
    over = storm & (rush > world.logins) if world.logins else np.zeros_like(storm)
    kept = lane < samples
    return Outcome(
        seed, horizon, seen.first, groups, users, made.moves.events, causes, world.logins,
        upper,
        summed(unserved), summed(login), summed(queue), summed(push),
        counted(np.ones(len(key), np.bool_)), counted(away), counted(away & sound),
        counted(moved & ~away),
        np.bincount(row[storm], minlength=seen.count).astype(np.int32),
        np.bincount(row[over], minlength=seen.count).astype(np.int32),
        peak, last_in, seen.spent,
        _tallies(figures, row, group, np.searchsorted(causes, cause), seen.count, users, len(causes)),
        _lengths(unserved, np.where(logs, lower, 0.0), np.where(logs, width, 0.0),
                 np.where(logs, room, 0.0), group, len(groups)),
        np.stack([np.bincount(np.maximum(np.searchsorted(EDGES, unserved[group == g]) - 1, 0),
                              minlength=len(EDGES))
                  for g in range(len(groups))]).astype(np.int64),
        seen.moved, Samples(
            lane[kept], group[kept], begun[kept], unserved[kept], (login + queue)[kept], cause[kept],
            last[kept], by[kept], at_once[kept]))


def _causes(made: Course) -> tuple[int, ...]:
    """The events that lead from a pair at home to one that is not."""
    found = []
    for e, after in enumerate(made.moves.next):
        moved = after[made.moves.at_home]
        if (~made.moves.at_home[moved[moved >= 0]]).any():
            found.append(e)
    return tuple(found)


def _crowd(row: Whole, served: Times, by: Whole, logs: Mask, number: Times) -> tuple[Times, Mask]:
    """How many users log in together: those whom a node serves again at one moment.

    Also whether an interruption is the one that stands for the crowd.
    """
    number = np.where(logs, number, 0.0)
    order = np.lexsort((~logs, by, served, row))
    new = np.ones(len(order), np.bool_)
    for column in (row, served, by):
        here = column[order]
        new[1:] &= here[1:] == here[:-1]
    new[1:] = ~new[1:]
    crowd = np.cumsum(new) - 1
    together = np.empty(len(order))
    leads = np.empty(len(order), np.bool_)
    together[order] = np.bincount(crowd, number[order])[crowd] if len(order) else 0.0
    leads[order] = new
    return together, leads


def _tallies(
    figures: Mapping[str, Times], row: Whole, group: Whole, cause: Whole, lanes: int,
    users: tuple[int, ...], causes: int,
) -> dict[str, Tally]:
    """Every figure by lane, group and cause, added up over the lanes."""
    groups, weights = len(users), weights_of(users)
    at = (row * groups + group) * causes + cause
    found = {}
    for name, values in figures.items():
        every = np.bincount(at, values, lanes * groups * causes).astype(np.float64).reshape(
            lanes, groups, causes)
        every = np.concatenate([every, np.tensordot(every, weights, (1, 0))[:, None]], 1)
        found[name] = Tally.of(every, TICKS)
    return found


def _lengths(
    unserved: Times, lower: Times, width: Times, room: Times, group: Whole, groups: int
) -> Ints:
    """The lengths of the outages of users, counted between EDGES; whole parts of an outage."""
    ends = np.append(EDGES, np.inf)
    begins = unserved + lower
    first = np.searchsorted(EDGES, begins)
    last = np.searchsorted(EDGES, unserved + np.minimum(lower + width, room))
    first = np.minimum(first, last)
    found = np.zeros(groups * len(EDGES))
    for start in range(0, len(unserved), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        at = np.arange(int((last[some] - first[some]).max()) + 1) + first[some, None]
        at = np.minimum(at, len(EDGES))
        after = ends[at] - unserved[some, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip((after - lower[some, None]) / width[some, None], 0.0, 1.0)
        share = np.where(at >= last[some, None], 1.0, share)
        parts = np.diff(np.rint(share * WHOLE), axis=1, prepend=0.0)
        place = group[some, None] * len(EDGES) + np.maximum(at - 1, 0)
        found += np.bincount(place.ravel(), parts.ravel(), len(found))
    return found.reshape(groups, len(EDGES)).astype(np.int64)
