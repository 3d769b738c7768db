"""Lost heartbeats in a world: how often a live peer is declared lost follows from the time-out.

Law: the closed form is `prgcore.timers.losses` (T6); this only writes its rate into a world.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.outage.rates import EVERY, NEVER, World
from prgcore.timers.losses import YEAR, Losses, alarms

__all__ = ["with_losses"]

_LEAST, _MOST = 3600.0, 1e15


def with_losses(world: World, losses: Losses, jitter: Number = 0) -> World:
    """The world in which runs of lost heartbeats that outlast the time-out are episodes.

    Each node has them as often as the closed form says, at most (T6). Where the time-out survives
    every run that comes in 30 million years, they never happen.

    Args:
        world: a world with such episodes; its parameters say interval and time-out.
        losses: how heartbeats are lost.
        jitter: how much the delay of a heartbeat varies, in seconds.

    Raises:
        BadInput: the machine has no such episodes, or its peer is declared lost all the time.
    """
    if not world.episodes:
        raise BadInput("no heartbeats are lost here: the machine has no link between two nodes that "
                       "can be cut and repaired")
    parameters: Any = world.parameters
    interval, timeout = parameters.keep_alive_interval, parameters.keep_alive_timeout
    often, _ = alarms(losses, interval, timeout, jitter=jitter)
    mean = YEAR / often if often else float("inf")
    if mean < _LEAST:
        raise BadInput(f"with these losses a time-out of {timeout:g} s and an interval of "
                       f"{interval:g} s declare a live peer lost more than once an hour; prgcore "
                       "timing --advise finds others")
    for episode in world.episodes:
        rate = evolve(episode.rate, kind=NEVER, mean=0.0, words="never", says="follows from --loss")
        if mean < _MOST:
            rate = evolve(rate, kind=EVERY, mean=mean, words=f"every {mean / 86_400:.3g} days")
        world = world.with_rate(episode.name, rate)
    return world
