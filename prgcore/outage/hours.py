"""Hours of a fleet: every pair followed, in blocks, here or in other processes.

Law: it cuts and joins. Each process makes the table and the plans once, from the machine file and the
world, so only these are sent. A pair's hours are the same wherever its block is simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.engine import Engine
from prgcore.fleet.blocks import SERIAL, Block, Given, Where, blocks_of, run
from prgcore.fleet.chances import Plan
from prgcore.fleet.counts import Counts
from prgcore.fleet.fleet import Fleet
from prgcore.fleet.lapse import PART, Lapse, counted_alike, lapse_of_part
from prgcore.fleet.table import Codes, Table
from prgcore.outage.moves import moves
from prgcore.outage.rates import World
from prgcore.outage.steps import plan, working
from prgcore.wire import machine_file

__all__ = ["HOUR", "Hours", "counted_hours", "followed_hours", "hourly"]

HOUR = 3600.0

COST = 6.0
"""About how many seconds a process needs for the table and the plans."""

Part = tuple[npt.NDArray[np.intp], npt.NDArray[np.int64], npt.NDArray[np.int64], Codes]
"""Displays, how many pairs showed each of them hour by hour, decisions, and codes at the end."""


@frozen(eq=False)
class Hours:
    """What a process needs: a table, the code with which pairs begin, a plan for each hour."""

    table: Table
    begin: int
    plans: tuple[Plan, ...]


def hourly(engine: Engine, world: World, hours: int) -> Hours:
    """So many hours of a world, from Monday 0:00. The order of events is turned every hour.

    Raises:
        BadInput: the machine has no goal or serves nobody, or the world has episodes.
        NotTotal, BudgetExhausted: as the search and the table.
    """
    table = Table.of(engine)
    made = moves(engine, world, table.space)
    kinds = {(at_work, turned): plan(table, made, HOUR, working=at_work, turned=turned)
             for at_work in (False, True) for turned in (False, True)}
    return Hours(table, int(table.placed(made.pairs[:1])[0]), tuple(
        kinds[working(world.week, hour), bool(hour % 2)] for hour in range(hours)))


def counted_hours(
    given: Hours, pairs: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Lapse:
    """Hours of pairs that are counted where they are alike.

    Raises:
        BadInput: too many pairs.
    """
    return counted_alike(given.table, given.begin, pairs, given.plans, seed, progress)


def followed_hours(
    given: Hours, world: World, pairs: int, seed: int, *, where: Where = SERIAL,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Lapse, Fleet]:
    """Hours of pairs that are followed one by one, and how they end.

    Args:
        given: the hours.
        world: their world, from which other processes make the hours again.
        pairs: how many.
        seed: a whole number, from 0.
        where: where blocks are simulated; no figure depends on it.
        progress: called with the pairs that are done, and all of them.

    Raises:
        BadInput: there is no pair.
        MissingExtra, Unavailable: as `prgcore.fleet.blocks.run`.
    """
    table, width = given.table, max(1, len(given.table.displays))
    shown = np.zeros((len(given.plans) + 1, width), np.int64)
    counts, codes = Counts(table), np.zeros(pairs, np.uint32)

    def report(_: str, done: int, __: int) -> None:
        if progress is not None:
            progress(min(done * PART, pairs), pairs)

    whole = Given(_made, (machine_file.dumps(table.model), world, len(given.plans)),
                  here=lambda: given, cost=COST)
    low = 0
    for at, some, numbers, end in run(
            _block, blocks_of(pairs, PART, seed), given=whole, where=where, progress=report):
        shown[:, at] += some
        counts = counts.plus(Counts(table, numbers))
        codes[low:low + len(end)] = end
        low += len(end)
    return Lapse(shown, counts), Fleet(table, codes)


def _block(block: Block, hours: Hours) -> Part:
    fleet = Fleet(hours.table, np.full(block.count, hours.begin, np.uint32))
    lapse = lapse_of_part(fleet, hours.plans, block.random())
    at = np.flatnonzero(lapse.shown.max(axis=0))
    return at, lapse.shown[:, at], lapse.counts.numbers, fleet.codes


@lru_cache(maxsize=1)
def _engine(text: str) -> Engine:
    return Engine(machine_file.load(text))


def _made(text: str, world: World, hours: int) -> Hours:
    return hourly(_engine(text), world, hours)
