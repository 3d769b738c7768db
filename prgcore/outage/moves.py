"""The moves of a world as arrays: which pairs it can reach, which event leads where, how often.

Law: read from the compiled table of the machine; nothing is drawn by chance and nothing is solved.
The simulation of a year and the Markov model read the same moves, so they differ in time alone.

An event *moves* a pair where the table answers it by another pair. Where it is ignored, refused or
impossible nothing happens. Rates are per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.model import Cube, Timer, cube
from prgcore.outage.rates import EVERY, NEVER, SHARE, TAKES, TIMER, Episode, Rate, World
from prgcore.prove.compiled import Compiled
from prgcore.prove.space import Space, search
from prgcore.seats import NODES
from prgcore.timers.monitor import knowable
from prgcore.timers.noticed import silence

__all__ = ["NOBODY", "Clock", "Mask", "Moves", "Times", "moves"]

Numbers: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Times: TypeAlias = npt.NDArray[np.float64]

NOBODY = -1
"""In `Moves.served`: no node serves the group. Else 0 is node1 and 1 is node2."""


@frozen(eq=False)
class Clock:
    """A timer of the machine over the pairs of some moves. All arrays have one entry for each pair.

    A *count* (`quiet` is False) runs while `runs` holds, and begins again when it begins to hold. A
    count of *silence* (`quiet`) runs while no heartbeat can arrive, and is counted from the last one
    that did, at most an interval before; it begins again where `again` begins to hold. A *heartbeat*
    (`hears`) is due at the next one, within an interval. Any of them moves the pair once it is due,
    as soon as the event moves the pair it is in.

    Attributes:
        event: the event that it makes due.
        runs: where it counts.
        again: where it begins again when this begins to hold (a node that starts).
        limit: how long it counts, in seconds, by the pair it is in.
    """

    event: str
    quiet: bool
    hears: bool
    runs: Mask
    again: Mask
    limit: Times


@frozen(eq=False)
class Moves:
    """Every pair that a world reaches from its first one, and how each event moves it.

    Attributes:
        engine, world: the machine and the world.
        pairs: for every pair its number in the space; pair 0 is the first one, `home`.
        events: the events and episodes that move some pair here; index e below.
        next: `next[e][pair]` is the pair after; -1 where the event moves nothing. int32.
        served: `served[g][pair]` is the node (0, 1) that serves group g, or `NOBODY`. int8.
        groups: the groups of users, by their home node or a name.
        clocks: the timers, by the index of their event.
    """

    engine: Engine
    world: World
    space: Space = field(repr=False)
    pairs: Numbers = field(repr=False)
    events: tuple[str, ...]
    next: tuple[Numbers, ...] = field(repr=False)
    served: tuple[npt.NDArray[np.int8], ...] = field(repr=False)
    groups: tuple[str, ...]
    clocks: Mapping[int, Clock] = field(repr=False)

    def __len__(self) -> int:
        return len(self.pairs)

    def pair(self, number: int) -> dict[str, str]:
        """The stored columns of a pair."""
        return self.space.pair(int(self.pairs[number]))

    def where(self, cube: Cube) -> Mask:
        """The pairs in which a cube holds."""
        codes = [c.take(self.pairs) for c in self.space.codes]
        return self.space.codec.test(cube).mask(codes)

    @cached_property
    def at_home(self) -> Mask:
        """The pairs that differ from the first one in no column but reasons and in nothing that serves.

        They are those of the goal whose hidden columns are as healthy as at first.
        """
        home = self.pair(0)
        spoken = {f"{node}.reason" for node in NODES}
        return self.where(cube({n: v for n, v in home.items() if n not in spoken}))

    @cached_property
    def rates(self) -> tuple[Times, ...]:
        """`rates[e][pair]`: how often event e moves this pair, per second; 0 where it moves nothing.

        The rate of a timer is 0 here: it has a clock. In working hours the rate is that of a working
        second. An attempt that cannot succeed here fails, after the same mean time.
        """
        found = []
        for name, after in zip(self.events, self.next, strict=True):
            rate = self.world.rate(name)
            pace = 1 / rate.mean if rate.kind in (EVERY, TAKES) else 0.0
            found.append(np.where(after >= 0, pace, 0.0))
        failing: dict[str, list[Rate]] = {}
        for rate in self.world.rates.values():
            if rate.kind == SHARE and rate.event in self.events:
                failing.setdefault(rate.of, []).append(rate)
        for of, some in failing.items():
            _attempts(self, found, of, some)
        return tuple(found)

    @cached_property
    def working(self) -> Mask:
        """For every event, whether it happens in working hours only."""
        return np.array([self.world.rate(e).working for e in self.events], np.bool_)


def _attempts(made: Moves, found: list[Times], of: str, failing: list[Rate]) -> None:
    """Share the rate of an attempt between its success, where it can succeed, and its failures."""
    whole = made.world.rate(of)
    if whole.kind != TAKES:
        raise BadInput(f"{failing[0].event}: an attempt ends by {of}, so {of} needs a time: "
                       "'takes 20 s'")
    if sum(r.share for r in failing) >= 1:
        raise BadInput(f"{of}: the shares of its failures are 1 or more together")
    pace = 1 / whole.mean
    at = {name: e for e, name in enumerate(made.events)}
    good = made.next[at[of]] >= 0 if of in at else np.zeros(len(made), np.bool_)
    least = 0.0 if any(r.share for r in failing) else 1.0  # alike, where none has a share
    weight = np.zeros(len(made))
    for rate in failing:
        weight += np.where(made.next[at[rate.event]] >= 0, rate.share or least, 0.0)
    for rate in failing:
        can = made.next[at[rate.event]] >= 0
        lost = can & ~good & (weight > 0)
        found[at[rate.event]] = np.where(can & good, pace * rate.share, 0.0)
        found[at[rate.event]][lost] = pace * (rate.share or least) / weight[lost]
        if of in at:
            found[at[of]][good & can] -= pace * rate.share


def moves(engine: Engine, world: World, space: Space | None = None) -> Moves:
    """The moves of a world, from the healthiest pair of the machine's goal.

    Args:
        space: the reachable pairs of the machine, if they are known.

    Raises:
        BadInput: the machine has no goal, or does not say whom its nodes serve.
        NotTotal, BudgetExhausted: as the search and the compiled table.
    """
    if not engine.model.goal:
        raise BadInput(f"{engine.model.name} has no goal, so an outage has no end; add the section goal")
    if not engine.habits.groups:
        raise BadInput(f"{engine.model.name} does not say whom its nodes serve; add the sections "
                       "serves and agents")
    space = search(engine.model) if space is None else space
    compiled = Compiled(space)
    first = _first(engine, world, space)
    names = [e.name for e in engine.model.events if world.rates[e.name].kind != NEVER]
    table = compiled.codes.reshape(-1, compiled.width)
    columns = {name: compiled.event(name) for name in names}
    episodes = [e for e in world.episodes if e.rate.happens]

    def after(event: str, numbers: Numbers) -> Numbers:
        code = table[numbers, columns[event] if event in columns else compiled.event(event)]
        return np.where(code >= 0, code // np.int32(compiled.width), np.int32(-1)).astype(np.int32)

    def through(episode: Episode, numbers: Numbers) -> Numbers:
        here = after(episode.events[0], numbers)
        moved = here >= 0
        at = np.where(moved, here, numbers)
        for event in episode.events[1:]:
            then = after(event, at)
            at = np.where(moved & (then >= 0), then, at)
        return np.where(moved & (at != numbers), at, np.int32(-1)).astype(np.int32)

    def step(numbers: Numbers) -> list[Numbers]:
        found = [after(name, numbers) for name in names]
        for one in found:
            one[one == numbers] = -1
        return found + [through(e, numbers) for e in episodes]

    place = np.full(len(space), -1, np.int32)
    place[first] = 0
    met = np.zeros(len(space), np.bool_)
    order, fresh, size = [np.array([first], np.int32)], np.array([first], np.int32), 1
    every: list[list[Numbers]] = []
    while len(fresh):
        every.append(step(fresh))
        met[:] = False
        for one in every[-1]:
            met[one[one >= 0]] = True
        fresh = np.flatnonzero(met & (place < 0)).astype(np.int32)
        place[fresh] = np.arange(size, size + len(fresh), dtype=np.int32)
        size += len(fresh)
        order.append(fresh)
    pairs = np.concatenate(order)
    next_ = [np.concatenate(parts) for parts in zip(*every, strict=True)]
    next_ = [np.where(one >= 0, place[one], np.int32(-1)).astype(np.int32) for one in next_]
    all_names = [*names, *(e.name for e in episodes)]
    used = [i for i, one in enumerate(next_) if (one >= 0).any()]
    made = Moves(
        engine, world, space, pairs, tuple(all_names[i] for i in used),
        tuple(next_[i] for i in used), (), engine.habits.groups, {})
    clocks = {
        e: _clock(made, timer) for e, name in enumerate(made.events)
        if name in world.rates and world.rates[name].kind == TIMER
        for timer in engine.model.timers if timer.event == name}
    return evolve(made, served=tuple(_served(made, g) for g in made.groups), clocks=clocks)


def _first(engine: Engine, world: World, space: Space) -> int:
    """The healthiest pair of the goal with the columns that the world begins with."""
    from prgcore.explain.health import illness

    found = np.concatenate([space.where(g) for g in engine.model.goal])
    for name, value in world.begins.items():
        column = engine.column(name)
        if value not in column.domain:
            raise BadInput(f"{name} is never {value!r:.40}")
        found = found[space.column(name)[found] == column.domain.index(value)]
    if not len(found):
        raise BadInput("no pair of the goal can be reached with "
                       + ", ".join(f"{n}={v}" for n, v in world.begins.items()))
    ill = illness(engine)
    keys: list[npt.NDArray[Any]] = []
    cost = np.zeros(len(found), np.int64)
    for name in engine.stored:
        domain, values = engine.columns[name].domain, space.column(name)[found]
        cost += np.array([ill[name][v] for v in domain]).take(values)
        keys.append(values)
    return int(found[np.lexsort([*keys[::-1], cost])[0]])


def _served(made: Moves, group: str) -> npt.NDArray[np.int8]:
    habits = made.engine.habits
    found = np.full(len(made), NOBODY, np.int8)
    for node, cubes in habits.serving[group]:
        able = np.ones(len(made), np.bool_)
        for cells in (c,) if (c := habits.agent(node).able).cells else habits.acts(node):
            able &= made.where(cells)  # a machine that does not say who is able: who can act
        for cells in cubes:
            found[able & made.where(cells)] = NODES.index(node)
    return found


def _clock(made: Moves, timer: Timer) -> Clock:
    engine, parameters = made.engine, made.world.parameters
    node = next(e.decider for e in engine.model.events if e.name == timer.event)
    quiet = silence(timer)
    hears = timer.told == "heartbeat"
    limit = np.zeros(len(made))
    interval = float(parameters.keep_alive_interval)
    for cells, counted in reversed(timer.limits):
        seconds = float(getattr(parameters, counted) if isinstance(counted, str) else counted)
        limit[made.where(cells)] = seconds
    if hears:
        limit[:] = interval
    again = np.zeros(len(made), np.bool_) if timer.again_in is None else made.where(timer.again_in)
    runs = _silent(made, timer.event, node) if quiet else made.where(timer.runs)
    if quiet:
        _heard_in_time(timer.event, interval, limit[runs & (made.next[made.events.index(timer.event)] >= 0)])
    if not quiet and not hears:  # a manager that starts begins its counts anew
        for cells in engine.habits.acts(node):
            runs &= made.where(cells)
    return Clock(timer.event, quiet, hears, runs, again, limit)


def _heard_in_time(event: str, interval: float, limits: Times) -> None:
    """Refuse a time-out that a live peer does not survive (T5): its alarms have no cause here."""
    if limits.size and interval >= limits.min():
        raise BadInput(
            f"keep_alive_interval: {interval:g} s is not shorter than the {limits.min():g} s of "
            f"{event}: a live peer is declared lost though no heartbeat is (T5); lower it")


def _silent(made: Moves, event: str, node: str) -> Mask:
    """Where no heartbeat can arrive: the cells of the event's cubes that the node cannot know."""
    known = {cell for cubes in (knowable(made.engine, event, node),) for c in cubes for cell in c}
    found = np.zeros(len(made), np.bool_)
    for entry in made.engine.model.possible:
        if entry.event == event:
            hidden = Cube(tuple(cell for cell in entry.when if cell not in known))
            if hidden.cells:
                found |= made.where(hidden)
    return found
