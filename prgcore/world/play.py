"""Playing: one schedule from the first start of both agents to the end, at home.

Law: the same schedule and the same setting give the same run, to the last byte of its story.
"""

from __future__ import annotations

from attrs import frozen

from prgcore.form.habits import INTERVAL, TIMEOUT
from prgcore.machine import Machine, prg
from prgcore.model import Model
from prgcore.running.lease import Lease, lease_text, seconds_text
from prgcore.running.turn import AgentState, turn
from prgcore.timers.parameters import Parameters, parameters_of
from prgcore.wire import digest
from prgcore.world.judge import Wrong
from prgcore.world.schedule import Schedule, shrunk, written
from prgcore.world.world import Setting, World

__all__ = ["Run", "at_home", "failure", "play", "standard", "story", "told"]

LATEST = 400.0
"""Seconds of the world; no run is longer."""

PARAMETERS = Parameters(
    keep_alive_interval=1, keep_alive_timeout=4, initialization_keep_alive_timeout=6,
    critical_service_delay=2)
LEASE = Lease(lasts=2.0, pause=0.3, stopping=0.3, waits=2.7, drift=0.018)
GRANT = 2.5


@frozen
class Run:
    """The outcome of a schedule.

    Attributes:
        wrong: what went wrong; None: nothing.
        seconds: how long it took, in the time of the world.
        rest: how many of these came after the end of the last fault.
        turns, decisions, commands: how many there were; commands of the operator.
    """

    schedule: Schedule
    wrong: Wrong | None
    seconds: float
    rest: float
    turns: int
    decisions: int
    commands: int


def standard(own: Model | None = None, **policy: str) -> Setting:
    """The setting of the campaigns: small times, so that runs are short, and clocks that drift.

    Args:
        own: another machine, with its own parameters; None: the built-in machine.
        policy: choices of the built-in machine.
    """
    machine = prg(**policy) if own is None else Machine(own)
    parameters = PARAMETERS if own is None else parameters_of(own).of(
        {INTERVAL: PARAMETERS.keep_alive_interval, TIMEOUT: PARAMETERS.keep_alive_timeout})
    terms = {"machine": digest(machine.model), "lease": lease_text(LEASE),
             "grant": seconds_text(GRANT)}
    assert LEASE.drift, "BUG: these clocks drift"
    return Setting(machine, parameters, LEASE, GRANT, LEASE.drift, AgentState.start, turn, terms)


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
        _to_home(world)
    except Wrong as error:
        wrong = Wrong(error.what, error.says, error.at - world.zero)
    return Run(schedule, wrong, world.now - world.zero, world.now - world.calm, world.turns,
               world.judge.decisions, world.commands)


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
    wrong = play(world, schedule).wrong
    return [*world.story, *([f"WRONG  {wrong}"] if wrong else [])]


def told(world_of: Setting, run: Run, *, seed: int = 0) -> list[str]:
    """A run that failed, made as short as it can be, with its seed and how to replay it."""
    assert run.wrong is not None, "BUG: it has failed"
    what = run.wrong.what

    def fails(schedule: Schedule) -> bool:
        wrong = failure(world_of, schedule, seed=seed).wrong
        return wrong is not None and wrong.what == what

    least = shrunk(run.schedule, fails)
    return [f"seed {seed}: {run.wrong}", f"faults: {written(least)}",
            *story(world_of, least, seed=seed)]
