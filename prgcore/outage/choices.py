"""The same world with another choice: a parameter, a rate, another kind of client.

Law: worlds in, worlds out. Nothing else differs between the two, so the same faults can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from attrs import evolve, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.outage.rates import SHARE, TIMER, Rate, World, parse
from prgcore.tables.rates import BEGINS
from prgcore.timers.parameters import Settings
from prgcore.timers.quantities import flag, quantity

__all__ = ["AUTOMATIC", "DUAL", "LOGINS", "Choice", "changed", "has_clients", "usual"]

DUAL, LOGINS, AUTOMATIC = "dual_connections", "logins_per_second", "enable_automatic_fallback"


@frozen
class Choice:
    """A choice by its name, `dual_connections=true`, what it means, and the world with it."""

    name: str
    says: str
    world: World


def changed(engine: Engine, world: World, name: str, value: str) -> Choice:
    """The world with another choice.

    Args:
        engine: the machine.
        world: the world without it.
        name: a service parameter, an event or an episode with a rate (without its seat: for both
            nodes), `dual_connections`, or `logins_per_second`. A parameter goes before an event.
        value: as people write it.

    Raises:
        BadInput: no such name, or no such value.
    """
    if name == DUAL:
        yes = flag(value)
        if yes is None:
            raise BadInput(f"{DUAL}: {value!r:.40} is not true or false")
        return Choice(f"{DUAL}={str(yes).lower()}", "clients keep a second connection to the backup"
                      if yes else "clients keep one connection", evolve(world, dual=yes))
    if name == LOGINS:
        rate = quantity(value)
        if rate is None or not (isfinite(rate) and rate >= 0):
            raise BadInput(f"{LOGINS}: {value!r:.40} is not a number of log-ins a second, 0 or more")
        return Choice(f"{LOGINS}={value}", "a node logs in so many users a second",
                      evolve(world, logins=float(rate)))
    events = [*world.rates, *(e.name for e in world.episodes)]
    bare = {e.partition("(")[0] for e in events}
    if (name in events or name in bare) and name not in type(world.parameters).records:
        seats = [e for e in events if name in (e, e.partition("(")[0])]
        for event in seats:
            world = world.with_rate(event, _timed(world, parse(event, value, "given")))
        return Choice(f"{name}={value}", "another rate", world)
    return _parameter(engine, world, name, value, [*sorted(bare), DUAL, LOGINS])


def _timed(world: World, rate: Rate) -> Rate:
    """The rate, if a timer or another event may say when it happens."""
    if rate.kind in (TIMER, SHARE) and world.rate(rate.event).kind != rate.kind:
        raise BadInput(f"{rate.event}: {rate.words!r:.40} cannot be compared; write 'every 90 days', "
                       "'takes 20 min' or 'never'")
    if rate.kind != SHARE:
        return rate
    of = world.rate(rate.event).of
    if rate.of not in (of, of.partition("(")[0]):
        raise BadInput(f"{rate.event}: {rate.words!r:.40} cannot be compared; here it is a share of {of}")
    return evolve(rate, of=of)


def _parameter(engine: Engine, world: World, name: str, value: str, others: list[str]) -> Choice:
    kind = type(world.parameters)
    try:
        known = kind.named(name)
    except BadInput:
        raise BadInput(unknown_name(
            "choice", name, dict.fromkeys([*kind.records, *others]))) from None
    mine = kind.parse({known: value}, world.parameters)
    begins = {
        column: off_on[bool(getattr(mine, setting))] for column, (setting, *off_on) in BEGINS.items()
        if column in world.begins or setting == known}
    columns = {c.name for c in engine.model.columns}
    told = getattr(mine, known)
    word = str(told).lower() if isinstance(told, bool) else f"{told:.10g}"
    return Choice(
        f"{known}={word}", _says(known, told),
        evolve(world, parameters=mine,
               begins={**world.begins, **{c: v for c, v in begins.items() if c in columns}}))


def _says(name: str, value: object) -> str:
    if name == AUTOMATIC:
        return ("a node that is healthy again takes its users back by itself" if value else
                "an administrator sends users home")
    return "a service parameter"


def usual(engine: Engine, world: World) -> Iterator[Choice]:
    """The two choices that a page compares by itself: the other way home, the other clients."""
    if AUTOMATIC in type(world.parameters).records and any(
            setting == AUTOMATIC and column in world.begins for column, (setting, *_) in BEGINS.items()):
        now = bool(getattr(world.parameters, AUTOMATIC))
        yield changed(engine, world, AUTOMATIC, str(not now).lower())
    if has_clients(world.parameters):
        yield changed(engine, world, DUAL, str(not world.dual).lower())


def has_clients(parameters: Settings) -> bool:
    """Whether the parameters say how long clients wait before they log in again."""
    return hasattr(parameters, "relogin_wait")
