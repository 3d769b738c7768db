"""Campaigns: very many schedules, on every core. All schedules of few faults, and random ones.

Law: what is found does not depend on how many processes look for it. A schedule that fails comes
back as a run, and the process that asked shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from multiprocessing import get_context
from typing import Any

from attrs import evolve, frozen

from prgcore.model import Model
from prgcore.running.shapes import Seen, Turn
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.world.faults import KINDS, SPLITS, Fault, Kind
from prgcore.world.home import truth
from prgcore.world.play import Run, at_home, failure, play, standard
from prgcore.world.schedule import Schedule, of_seed
from prgcore.world.world import Setting, World

__all__ = ["Sum", "exhaustive", "more", "one", "random", "scenario", "variants"]

AT = 0.2
"""When the command of the scenario is given, in seconds."""
SOON = 0.5
"""When the first of several faults begins, in seconds."""
BLOCK = 50
"""How many schedules a process takes at once."""
SLICES = 6
"""Into how many parts the faults are cut that follow one fault."""


@frozen
class Sum:
    """The sum of many schedules: how many, how many turns and decisions, and what failed.

    Attributes:
        runs, turns, decisions: how many there were.
        slowest: the longest way home after the end of the last fault, in seconds.
        wrong: the runs that failed, with their seeds; 0: the schedule has none.
    """

    runs: int = 0
    turns: int = 0
    decisions: int = 0
    slowest: float = 0.0
    wrong: tuple[tuple[int, Run], ...] = ()

    def after(self, run: Run, seed: int = 0) -> Sum:
        """The sum with one run more."""
        return Sum(self.runs + 1, self.turns + run.turns, self.decisions + run.decisions,
                   max(self.slowest, 0.0 if run.wrong else run.rest),
                   (*self.wrong, (seed, run)) if run.wrong else self.wrong)

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.runs + other.runs, self.turns + other.turns,
                   self.decisions + other.decisions, max(self.slowest, other.slowest),
                   self.wrong + other.wrong)


def variants(*, every: bool) -> tuple[Fault, ...]:
    """Each kind of fault, of each node.

    Args:
        every: with each of its lengths and values. If not, with the first of each.
    """
    def of(kind: Kind) -> Iterator[Fault]:
        nodes = NODES if kind.of == "node" else NODES[:1]
        lasts, values = (kind.lasts, kind.values) if every else (kind.lasts[:1], kind.values[:1])
        for node, long, value in product(nodes, lasts, values):
            yield Fault(kind.name, node, lasts=long, value=value)

    return tuple(fault for kind in KINDS for fault in of(kind))


# ------------------------------------------------------------------------ exhaustive


def _moments(setting: Setting, world: World, *, every: bool) -> tuple[tuple[int, ...], Run]:
    """The turns at which a fault may come, and the run of this world without one.

    Args:
        every: all turns. If not, those that want a write or an order.
    """
    first, found = world.turns, list[int]()
    calls, wanted = [first], dict[str, Any]()

    def turn(state: Any, seen: Seen, now: float) -> tuple[Any, Turn]:
        after, wants = setting.turn(state, seen, now)
        calls[0] += 1
        new = (wants.write, wants.do) != wanted.get(after.charter.node)
        wanted[after.charter.node] = wants.write, wants.do
        if every or (new and (wants.write or wants.do)):
            found.append(calls[0])
        return after, wants

    recorded = world.copy()
    recorded.setting = evolve(setting, turn=turn)
    run = play(recorded, ())
    return tuple(found), run


def _explored(
    setting: Setting, world: World, schedule: Schedule, left: int, *, every: bool,
    first: Iterable[Fault] | None = None,
) -> Iterator[Run]:
    """The run of this world, and of every world with up to so many faults more."""
    if not left:
        yield evolve(play(world, ()), schedule=schedule)
        return
    moments, run = _moments(setting, world, every=every)
    yield evolve(run, schedule=schedule)
    faults = variants(every=False) if first is None else tuple(first)
    for moment in moments:
        before = world
        while world.turns < moment:
            before = world.copy()
            world.step()
        for fault in faults:
            other, here = before.copy(), evolve(fault, turn=moment)
            other.plan((here,))
            yield from _explored(setting, other, (*schedule, here), left - 1, every=False)


def scenario(setting: Setting, world: World) -> Schedule:
    """A command that is accepted at home, and changes something: the first of the machine.

    It is a failover, or a switchover. The operator brings the pair home: a fallback.
    """
    record = world.stores[world.hosts[NODES[0]].home].record
    assert record is not None, "BUG: the pair is at home"
    pair = setting.engine.pair(truth(world, record))
    event = next(name for name in setting.commands
                 if (made := setting.engine.step(pair, name)).outcome is Outcome.DONE
                 and made.pair != pair)
    return (Fault("command", NODES[0], AT, value=event),)


def one(setting: Setting, part: int, of: int) -> Iterator[Run]:
    """One fault at every turn of the scenario: each of a part of the faults."""
    world = at_home(setting)
    schedule = scenario(setting, world)
    world.plan(schedule)
    faults = variants(every=False)[part::of]
    return _explored(setting, world, schedule, 1, every=True, first=faults)


def more(setting: Setting, fault: Fault, faults: int, part: int, of: int) -> Iterator[Run]:
    """One fault at home, and at every moment of what follows each of a part of the faults."""
    world, schedule = at_home(setting), (evolve(fault, at=SOON),)
    world.plan(schedule)
    return _explored(setting, world, schedule, faults - 1, every=False,
                     first=variants(every=False)[part::of])


def _tasks(faults: int) -> list[tuple[str, tuple[Any, ...]]]:
    parts = len(variants(every=False)) // 2
    tasks: list[tuple[str, tuple[Any, ...]]] = [("one", (n, parts)) for n in range(parts)]
    if faults > 1:
        tasks += [("more", (fault, faults, n, SLICES))
                  for fault in variants(every=False) for n in range(SLICES)]
    return tasks


def exhaustive(
    faults: int, *, jobs: int, given: dict[str, str] | None = None, own: Model | None = None,
) -> Iterator[Sum]:
    """All schedules of up to so many faults, part by part; of the built-in machine, or another one.

    One fault: each kind for each node, at every turn of a failover and of a fallback. More: after
    each such fault at home, each kind for each node at every moment of what follows, such as a
    failover and a fallback: at each turn that wants another write or order than the one before.
    """
    return _spread(_tasks(faults), jobs, (own, given or {}))


def random(
    seeds: range, most: int, *, jobs: int, given: dict[str, str] | None = None,
    own: Model | None = None,
) -> Iterator[Sum]:
    """The schedules of these seeds, block by block.

    Args:
        given: `arbiter`, `seeks` and policies, as for `standard`. Where something is sought, the
            faults are those that split a pair, and nobody asks for anything.
    """
    blocks = [range(at, min(at + BLOCK, seeds.stop)) for at in range(seeds.start, seeds.stop, BLOCK)]
    return _spread([("seeds", (block, most)) for block in blocks], jobs, (own, given or {}))


# ---------------------------------------------------------------------------- processes


_setting: list[Setting] = []


def _ready(own: Model | None, given: dict[str, str]) -> None:
    _setting[:] = [standard(own, **given)]


def _done(task: tuple[str, tuple[Any, ...]]) -> Sum:
    """The sum of one task."""
    what, given = task
    setting = _setting[0]
    if what == "seeds":
        seeds, most = given
        kinds, commands = (SPLITS, ()) if setting.seeks else ((), setting.commands)
        total = Sum()
        for seed in seeds:
            total = total.after(failure(
                setting, of_seed(seed, most, kinds, commands), seed=seed), seed)
        return total
    runs = (one(setting, *given) if what == "one" else more(setting, *given))
    total = Sum()
    for run in runs:
        total = total.after(run)
    return total


def _spread(
    tasks: list[tuple[str, tuple[Any, ...]]], jobs: int,
    machine: tuple[Model | None, dict[str, str]],
) -> Iterator[Sum]:
    """The sums of all tasks, in the order in which they end."""
    if jobs == 1:
        _ready(*machine)
        yield from map(_done, tasks)
        return
    with get_context("spawn").Pool(jobs, _ready, machine) as pool:
        yield from pool.imap_unordered(_done, tasks)
