"""The assumptions of the theorems about time, for the timers of your own machine.

Law: these assumptions are of form, because nobody but the machine says what its timers are for. A
timer that breaks one makes the theorem refuted, with its row and what is wrong; where a machine has
no timer of a kind, the theorems about this kind are not applicable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from prgcore.form.cubes import Stored
from prgcore.form.habits import TIMEOUT
from prgcore.form.timely import timely
from prgcore.model import Model, Timer
from prgcore.prove.assumed import Shipped, Tables
from prgcore.timers.noticed import silence
from prgcore.words import listed

__all__ = ["Lasting", "Quiet", "Sound", "missing"]


def _lasting(timer: Timer) -> bool:
    """Whether a timer counts how long a condition of its node lasts."""
    return not timer.told and not silence(timer)


_KINDS: dict[str, Callable[[Timer], bool]] = {
    "timers": lambda _: True,
    "timers that count": lambda timer: not timer.told,
    "timers that begin again at a heartbeat": silence,
    "timers that count while a condition holds": _lasting,
}
"""The kinds of timers that theorems are about."""


def missing(model: Model, kind: str) -> str:
    """Why a theorem about this kind of timers is not applicable; empty: there is one."""
    if any(map(_KINDS[kind], model.timers)):
        return ""
    return f"the machine {model.name!r} has no {kind}"


@frozen
class Sound(Tables):
    """The timers are well formed: known events of their nodes, cells, parameters in seconds."""

    model: Model

    def says(self) -> Iterator[str]:
        yield "every timer makes an event of its node due, by what the node knows"
        yield "every limit is a parameter in seconds, or a number of seconds, never below 0"

    def differs(self, _shipped: Shipped, stored: Stored) -> Iterator[str]:
        columns = {c.name: c for c in self.model.columns}
        events = {e.name: e for e in self.model.events}
        yield from (line for line in timely(self.model, columns, events, stored)
                    if line.startswith(("timers[", "parameters[")))


@frozen
class Quiet(Tables):
    """The timers of silence begin again at a heartbeat and at a stall of their own node."""

    def says(self) -> Iterator[str]:
        yield ("a timer of silence counts keep_alive_timeout, always, and begins again at each "
               "heartbeat and each stall")

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        for timer in filter(silence, shipped.timers):
            if "stall" not in timer.again:
                yield (f"{timer.event} does not begin again at a stall, so what the node itself does "
                       "not observe counts as the silence of its peer; write again = [heartbeat, "
                       "stall]")
            if TIMEOUT not in [limit for _, limit in timer.limits]:
                yield (f"{timer.event} never counts {TIMEOUT}, by which an agent notices its own "
                       "stalls; write it as the last limit")
            if timer.runs.cells:
                yield (f"{timer.event} runs only where {listed([c.column for c in timer.runs], 'and')} "
                       "fits, so silence before that does not count; leave out runs")


@frozen
class Lasting(Tables):
    """Every timer that counts a condition ends with it, or begins again at something observed."""

    def says(self) -> Iterator[str]:
        yield "each condition that is counted can end, or its count begins again at an observation"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        for timer in filter(_lasting, shipped.timers):
            if not (timer.runs.cells or timer.again or timer.again_in):
                yield (f"nothing begins {timer.event} again: it runs everywhere, and no observation "
                       "resets it; write runs, again or again_in")
