"""Walks through the machine that several tests take."""

from __future__ import annotations

from prgcore.engine import Pair
from prgcore.machine import prg
from prgcore.tables.stories import STARTS
from prgcore.vocabulary import Outcome


def after(*events: str) -> Pair:
    """The pair after these events, all of them done, from a Normal one."""
    machine = prg()
    way = machine.run(machine.initial[0], *STARTS["normal"], *events)
    assert {step.outcome for step in way.steps} == {Outcome.DONE}, way.steps
    return way.end
