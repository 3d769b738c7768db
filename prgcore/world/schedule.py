"""Schedules: which faults happen when. Made from a seed, made shorter, and told as a story.

Law: pure. A seed and a number of faults give one schedule, on every computer and in every process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, TypeGuard

from attrs import asdict, evolve, fields

from prgcore.errors import BadInput, unknown_name
from prgcore.seats import NODES
from prgcore.words import listed
from prgcore.world.faults import COMMANDS, KINDS, OFTEN, Fault, kind

__all__ = ["Schedule", "of_seed", "read", "shrunk", "written"]

Schedule = tuple[Fault, ...]

SPAN = 12.0
"""Within how many seconds faults begin."""
CLOSE = 1.5
"""Within how many seconds a fault comes that comes soon after another one."""
MOST = 1e6
"""How many seconds a fault that somebody writes may last."""
LARGEST = 1e15
"""How large, or how far below zero, the number is that such a fault is done with."""
EXAMPLE = '[{"kind": "crash", "node": "node1", "at": 2, "lasts": 7}]'
"""A schedule, for messages."""
SOME = 6
"""How many kinds of faults a seed has."""
_KEYS = tuple(a.name for a in fields(Fault))
_OFTEN = tuple(k for k in KINDS if k.name != "command")


def of_seed(
    seed: int, most: int = 5, kinds: Iterable[str] = (), commands: tuple[str, ...] = OFTEN,
) -> Schedule:
    """The schedule of a seed: up to so many faults, and in two of three up to two commands.

    Each seed has some kinds only, and every second fault comes soon after the one before: so
    what belongs together happens together.

    Args:
        seed: the seed.
        most: how many faults it has at most, beside its commands.
        kinds: the names of the kinds to choose from; by default some that the seed chooses.
        commands: the commands of users; one that is named twice is chosen twice as often. Empty:
            there are none.
    """
    dice = Random(seed)  # noqa: S311, nobody guesses a fault
    faults, at = [], 0.0
    some = [kind(name) for name in kinds] or dice.sample(_OFTEN, SOME)
    happens = [kind("command")] * (dice.randrange(3) if commands else 0)
    happens += [dice.choice(some) for _ in range(dice.randint(1, most))]
    dice.shuffle(happens)
    for what in happens:
        at = dice.uniform(0, SPAN) if dice.random() < 0.5 else at + dice.uniform(0, CLOSE)
        lasts = dice.choice(what.lasts) * dice.choice((0.3, 0.6, 1.0, 1.0, 1.2))
        values = commands if what.name == "command" else what.values
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


def read(text: str, commands: tuple[str, ...] = COMMANDS) -> Schedule:
    """The schedule of such a line.

    Args:
        commands: the commands of the machine.

    Raises:
        BadInput: it is not a schedule; the message names the fault, and what is expected.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the schedule is not JSON: {error!s:.120}; expected {EXAMPLE}") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(f"the schedule is not a list of faults; expected {EXAMPLE}")
    return tuple(_fault(one, f"fault {number}", tuple(dict.fromkeys(commands)))
                 for number, one in enumerate(found, start=1))


def _fault(one: dict[str, Any], at: str, commands: tuple[str, ...]) -> Fault:
    """The fault that an object describes; `at` says which it is, for the messages."""
    for key in one:
        if key not in _KEYS:
            raise BadInput(f"{at}: {unknown_name('key', key, _KEYS)}")
    for key, known in (("kind", [k.name for k in KINDS]), ("node", NODES)):
        if one.get(key) not in known:
            raise BadInput(f"{at}: " + (unknown_name(key, one[key], known) if key in one
                                        else f"{key} is missing; expected {EXAMPLE}"))
    for key in ("at", "lasts"):
        if not _is_time(one.get(key, 0)):
            raise BadInput(f"{at}: {key} is {one[key]!r:.40}; expected seconds, from 0 to {MOST:,.0f}")
    turn = one.get("turn", -1)
    if type(turn) is not int or turn < -1:
        raise BadInput(f"{at}: turn is {turn!r:.40}; expected a whole number from -1")
    values = kind(one["kind"]).values
    values = commands if values is COMMANDS else values
    if "value" not in one and values is commands:
        raise BadInput(f"{at}: value is missing; expected {listed(commands)}")
    _check_value(one.get("value", values[0]), values, at)
    return Fault(**{"value": values[0], **one})


def _check_value(value: object, values: tuple[float | str, ...], at: str) -> None:
    """Check what a fault is done with: one of the words of its kind, or a number."""
    if any(isinstance(v, str) for v in values):
        if value not in values:
            raise BadInput(f"{at}: value is {value!r:.40}; expected {listed(map(str, values))}")
    elif not _is_number(value) or not -LARGEST <= value <= LARGEST:
        raise BadInput(f"{at}: value is {value!r:.40}; expected a number, as {values[0]:g}")


def _is_time(value: object) -> bool:
    return _is_number(value) and 0 <= value <= MOST


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) in (int, float)
