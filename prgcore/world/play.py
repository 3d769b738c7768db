"""Playing: one schedule from the first start of both agents to the end, at home.

Law: the same schedule and the same setting give the same run, to the last byte of its story. A run
ends when the pair is at home; where something is sought, when it is found, or after a while.
"""

from __future__ import annotations

from math import inf

from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.form.habits import INTERVAL, TIMEOUT
from prgcore.machine import Machine, prg
from prgcore.model import Model
from prgcore.running.lease import Lease, lease_text, seconds_text
from prgcore.running.turn import AgentState, turn
from prgcore.timers.parameters import Parameters, parameters_of
from prgcore.wire import digest
from prgcore.world.apart import part
from prgcore.world.judge import Wrong
from prgcore.world.schedule import Schedule, shrunk, written
from prgcore.world.seeking import TWICE, Seeker, sought
from prgcore.world.world import APART, ARBITERS, LEASED, Setting, World

__all__ = ["Run", "at_home", "failure", "play", "shortest", "standard", "story", "told"]

LATEST = 400.0
"""Seconds of the world; no run is longer."""

PARAMETERS = Parameters(
    keep_alive_interval=1, keep_alive_timeout=4, initialization_keep_alive_timeout=6,
    critical_service_delay=2)
LEASE = Lease(lasts=2.0, pause=0.3, stopping=0.3, waits=2.7, drift=0.018)
GRANT = 2.5
AFTER = 12.0
"""How many seconds a world goes on after the last fault where something is sought."""


@frozen
class _Unbound(Lease):
    """A lease that binds nobody. `Lease` refuses it, because users could be served twice (T10)."""

    def __attrs_post_init__(self) -> None:
        """Nothing is checked."""


UNBOUND = _Unbound(lasts=LEASE.lasts, pause=inf, stopping=0.0, waits=0.0)
"""Services serve until they are asked to stop, and the other node does not wait."""


@frozen
class Run:
    """The outcome of a schedule.

    Attributes:
        wrong: what went wrong; None: nothing.
        seconds: how long it took, in the time of the world.
        rest: how many of these came after the end of the last fault.
        turns, decisions, commands: how many there were; commands of the operator.
        steps: where something is sought, the way there as lines of a story of model D.
    """

    schedule: Schedule
    wrong: Wrong | None
    seconds: float
    rest: float
    turns: int
    decisions: int
    commands: int
    steps: tuple[str, ...] = ()


def standard(
    own: Model | None = None, *, arbiter: str = LEASED, seeks: str = "", **policy: str,
) -> Setting:
    """The setting of the campaigns: small times, so that runs are short, and clocks that drift.

    Args:
        own: another machine, with its own parameters; None: the built-in machine.
        arbiter: what arbitrates, one of `ARBITERS`.
        seeks: what runs wait for (`prgcore.world.seeking.sought`); empty: that a promise is broken
            where the arbiter is as shipped, else that a group is served twice.
        policy: choices of the built-in machine.

    Raises:
        BadInput: there is no such arbiter, or nothing of this name to seek.
    """
    if arbiter not in ARBITERS:
        raise BadInput(unknown_name("arbiter", arbiter, ARBITERS))
    machine = prg(**policy) if own is None else Machine(own)
    parameters = PARAMETERS if own is None else parameters_of(own).of(
        {INTERVAL: PARAMETERS.keep_alive_interval, TIMEOUT: PARAMETERS.keep_alive_timeout})
    seeks = seeks or ("" if arbiter == LEASED else TWICE)
    if seeks:
        sought(machine, seeks)
    lease = LEASE if arbiter == LEASED else UNBOUND
    terms = {"machine": digest(machine.model), "lease": lease_text(lease),
             "grant": seconds_text(GRANT)}
    assert LEASE.drift, "BUG: these clocks drift"
    return Setting(machine, parameters, lease, GRANT, LEASE.drift, AgentState.start, turn, terms,
                   arbiter=arbiter, seeks=seeks)


_homes: dict[tuple[int, float], World] = {}


def at_home(world_of: Setting, phase: float = 0.0) -> World:
    """A world in which both agents have started and serve their users; a copy of one.

    Args:
        phase: how many seconds later it begins.
    """
    found = _homes.get((id(world_of), phase))
    if found is None:
        found = World(world_of)
        for after, what, given in ((0.0, "start", ("node1",)), (0.3, "start", ("node2",)),
                                   (1.5, "operate", ())):
            found.at(after, what, *given)
        _to_home(found)
        found.run(found.now + 3.0 + phase)
        found.zero = found.now
        found.turns, found.commands, found.home, found.story = 0, 0, False, None
        if world_of.arbiter == APART:
            part(found)
        if world_of.seeks:
            found.judge = Seeker(seeks=sought(world_of.engine, world_of.seeks))
        else:
            found.at(0.0, "operate")
        _homes[id(world_of), phase] = found
    return found.copy()


def _to_home(world: World) -> None:
    while not world.home:
        world.step()
        if world.now > LATEST:
            raise Wrong("late", "it never ends", world.now)


def play(world: World, schedule: Schedule) -> Run:
    """Let a schedule happen in this world, and wait until the pair is home."""
    wrong = None
    if schedule or not world.faults:
        world.plan(schedule)
    try:
        if world.setting.seeks:
            world.run(world.now + AFTER + max((f.at + f.lasts for f in schedule), default=0.0))
        else:
            _to_home(world)
    except Wrong as error:
        wrong = Wrong(error.what, error.says, error.at - world.zero)
    return Run(schedule, wrong, world.now - world.zero, world.now - world.calm, world.turns,
               world.judge.decisions, world.commands, tuple(world.judge.steps))


def failure(world_of: Setting, schedule: Schedule, *, seed: int = 0) -> Run:
    """The run of a schedule, in a world whose small delays come from the seed."""
    world = at_home(world_of, seed % 8 / 8)
    world.shake = seed and seed * 2_654_435_761 % 0x7FFFFFFF | 1
    return play(world, schedule)


def story(world_of: Setting, schedule: Schedule, *, seed: int = 0) -> list[str]:
    """The same run, told line by line."""
    world = at_home(world_of, seed % 8 / 8)
    world.shake = seed and seed * 2_654_435_761 % 0x7FFFFFFF | 1
    world.story = []
    run = play(world, schedule)
    return [*world.story, *([f"in model D: {', '.join(run.steps)}"] if run.steps else []),
            *([f"WRONG  {run.wrong}"] if run.wrong else [])]


def shortest(world_of: Setting, run: Run, *, seed: int = 0) -> Run:
    """A run that failed, made as short as it can be and fails in the same way."""
    assert run.wrong is not None, "BUG: it has failed"
    what = run.wrong.what

    def fails(schedule: Schedule) -> bool:
        wrong = failure(world_of, schedule, seed=seed).wrong
        return wrong is not None and wrong.what == what

    return failure(world_of, shrunk(run.schedule, fails), seed=seed)


def told(world_of: Setting, run: Run, *, seed: int = 0) -> list[str]:
    """A run that failed, made as short as it can be, with its seed and how to replay it."""
    least = shortest(world_of, run, seed=seed)
    return [f"seed {seed}: {run.wrong}", f"faults: {written(least.schedule)}",
            *story(world_of, least.schedule, seed=seed)]
