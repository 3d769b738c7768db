"""Schedules: which faults happen when. Made from a seed, made shorter, and told as a story.

Law: pure. A seed and a number of faults give one schedule, on every computer and in every process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from attrs import asdict, evolve

from prgcore.seats import NODES
from prgcore.world.faults import COMMANDS, KINDS, Fault, kind

__all__ = ["Schedule", "of_seed", "read", "shrunk", "written"]

Schedule = tuple[Fault, ...]

SPAN = 12.0
"""Within how many seconds faults begin."""
CLOSE = 1.5
"""Within how many seconds a fault comes that comes soon after another one."""
SOME = 6
"""How many kinds of faults a seed has."""
_COMMANDS = COMMANDS[:4] * 4 + COMMANDS
_OFTEN = tuple(k for k in KINDS if k.name != "command")


def of_seed(seed: int, most: int = 5, kinds: Iterable[str] = ()) -> Schedule:
    """The schedule of a seed: up to so many faults, and in two of three up to two commands.

    Each seed has some kinds only, and every second fault comes soon after the one before: so
    what belongs together happens together.

    Args:
        seed: the seed.
        most: how many faults it has at most, beside its commands.
        kinds: the names of the kinds to choose from; by default some that the seed chooses.
    """
    dice = Random(seed)  # noqa: S311, nobody guesses a fault
    faults, at = [], 0.0
    some = [kind(name) for name in kinds] or dice.sample(_OFTEN, SOME)
    happens = [kind("command")] * dice.randrange(3)
    happens += [dice.choice(some) for _ in range(dice.randint(1, most))]
    dice.shuffle(happens)
    for what in happens:
        at = dice.uniform(0, SPAN) if dice.random() < 0.5 else at + dice.uniform(0, CLOSE)
        lasts = dice.choice(what.lasts) * dice.choice((0.3, 0.6, 1.0, 1.0, 1.2))
        values = _COMMANDS if what.name == "command" else what.values
        faults.append(Fault(what.name, dice.choice(NODES), round(at, 3), lasts=round(lasts, 3),
                            value=dice.choice(values)))
    return tuple(sorted(faults, key=lambda f: f.at))


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """As few and as short faults of a schedule as still fail.

    Args:
        fails: whether a schedule fails in the same way.
    """
    smaller = True
    while smaller:
        smaller = False
        for fewer in _smaller(schedule):
            if fails(fewer):
                schedule, smaller = fewer, True
                break
    return schedule


def _smaller(schedule: Schedule) -> list[Schedule]:
    """Schedules that are a little smaller than this one, the smallest first."""
    found = [schedule[:i] + schedule[i + 1:] for i in range(len(schedule))]
    for i, fault in enumerate(schedule):
        simpler = [evolve(fault, lasts=shorter) for shorter in kind(fault.kind).lasts
                   if shorter < fault.lasts]
        if fault.at >= 1 and fault.turn < 0 and fault.at != round(fault.at):
            simpler.append(evolve(fault, at=float(int(fault.at))))
        found += [(*schedule[:i], one, *schedule[i + 1:]) for one in simpler]
    return found


def written(schedule: Schedule) -> str:
    """A schedule as one line of JSON, to be replayed."""
    return json.dumps([{k: v for k, v in asdict(f).items()
                        if v != getattr(Fault("", ""), k)} for f in schedule])


def read(text: str) -> Schedule:
    """The schedule of such a line."""
    found: list[Mapping[str, Any]] = json.loads(text)
    return tuple(Fault(**one) for one in found)
