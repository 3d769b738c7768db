"""Walks through the machine that several tests take."""

from __future__ import annotations

from prgcore.engine import Pair
from prgcore.machine import prg
from prgcore.tables.stories import STARTS
from prgcore.vocabulary import Outcome


def after(*events: str) -> Pair:
    """The pair after these events, all of them done, from a Normal one."""
    machine = prg()
    pair = machine.initial[0]
    for event in (*STARTS["normal"], *events):
        decision = machine.step(pair, event)
        assert decision.outcome is Outcome.DONE, event
        pair = decision.pair
    return pair
