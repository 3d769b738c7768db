"""A world as the chances of one step of time: what comes to each pair of a fleet in an hour.

Law: read from the moves of a world; nothing is drawn by chance. An event that takes much less
than a step is *quick*: it ends in the step in which it begins. Times within a step are lost; the
simulation of a year keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import expm1

import numpy as np

from prgcore.errors import BadInput
from prgcore.fleet.chances import Chance, Plan
from prgcore.fleet.table import Table
from prgcore.outage.moves import Mask, Moves
from prgcore.outage.rates import SHARE, Week
from prgcore.vocabulary import Kind

__all__ = ["plan", "working"]

_QUICK = 0.1
"""An event that takes less than this part of a step is quick."""
_ORDER = (Kind.COMMAND, Kind.REPAIR, Kind.FAULT, Kind.TIMER, Kind.COMPLETION)
"""A step begins with what mends the faults of steps before."""


def plan(
    table: Table, moves: Moves, seconds: float, *, working: bool = True, turned: bool = False,
) -> Plan:
    """The plan of a step of so many seconds.

    Of several ends of one attempt, the failing ones are drawn first, each with its share.

    Args:
        table: the table of the machine; the moves are those of its search.
        moves: the moves of a world.
        seconds: how long the step is.
        working: whether it is in working hours.
        turned: whether events of one kind come in the opposite order. Of two nodes that lose each
            other, the one whose timer comes first takes over: take turns, and neither is favoured.

    Raises:
        BadInput: the moves are of another search; or the world has episodes, which no step can
            show: `prgcore simulate-fleet` does.
    """
    if moves.space is not table.space:
        raise BadInput("the moves are of another search; make them with moves(engine, world, table.space)")
    if some := [e.name for e in moves.world.episodes if e.rate.happens]:
        raise BadInput(f"{some[0]} takes seconds, and a step takes {seconds:g}: leave it out here, and "
                       "ask prgcore simulate-fleet")
    kind = {event.name: event.kind for event in moves.engine.model.events}
    at = table.placed(moves.pairs)

    def where(mask: Mask) -> Mask:
        found = np.zeros(len(table), np.bool_)
        found[at[mask]] = True
        return found

    once: list[tuple[int, Chance]] = []
    quick: list[tuple[int, Chance]] = []
    for e, name in enumerate(moves.events):
        if moves.working[e] and not working:
            continue
        fails = moves.world.rates[name].kind == SHARE
        for chance, mask in _timed(moves, e, seconds) if e in moves.clocks else _paced(
                moves, e, seconds):
            one = Chance(name, min(1.0, abs(chance)), where(mask), chance < 0)
            if one.quick:
                quick.append((0 if fails else 1, one))
            else:
                once.append((_ORDER.index(kind[name]), one))
    return Plan.of(table, [
        chance for some in (once, quick)
        for _, chance in sorted(some[::-1] if turned else some, key=lambda one: one[0])])


def working(week: Week, hour: int) -> bool:
    """Whether an hour, counted from Monday 0:00, begins in the working week."""
    day, begins = divmod(hour % 168, 24)
    return day < week.days and week.begins <= begins < week.ends


def _timed(moves: Moves, event: int, seconds: float) -> Iterator[tuple[float, Mask]]:
    """A timer: where it counts, it is due in this step or in one of some."""
    clock = moves.clocks[event]
    counts = (moves.next[event] >= 0) & (clock.runs | clock.hears)
    for limit in np.unique(clock.limit[counts]).tolist():
        mask = counts & (clock.limit == limit)
        yield (-1.0 if limit <= seconds else seconds / limit), mask


def _paced(moves: Moves, event: int, seconds: float) -> Iterator[tuple[float, Mask]]:
    """An event with a rate: below zero the chance of a quick one among the ends of an attempt."""
    rates = moves.rates[event]
    name = moves.events[event]
    rate = moves.world.rates[name]
    whole = moves.world.rates[rate.of] if rate.kind == SHARE else rate
    for pace in np.unique(rates[rates > 0]).tolist():
        mask = rates == pace
        if whole.mean < _QUICK * seconds:
            # of what is quick only the share counts: its place among the ends of the attempt
            yield -(min(1.0, pace * whole.mean) if rate.kind == SHARE else 1.0), mask
        else:
            yield -expm1(-pace * seconds), mask
