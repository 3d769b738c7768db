"""The simulated world: it replays, it finds what is planted, and the real agents keep their word."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from attrs import evolve

from prgcore.running import following, serving, terms, turn
from prgcore.running.shapes import Reading
from prgcore.running.state import AgentState
from prgcore.seats import NODES
from prgcore.stores.record import taken
from prgcore.story.conformance import check
from prgcore.tables.policies import POLICIES
from prgcore.world import stores
from prgcore.world.campaign import Sum, exhaustive, random, variants
from prgcore.world.faults import KINDS, Fault
from prgcore.world.home import bounds
from prgcore.world.judge import Wrong
from prgcore.world.play import at_home, failure, play, standard, story, told
from prgcore.world.schedule import of_seed, read, shrunk, written

SETTING = standard()


def found(setting, expected, seeds=range(1, 400), most=5):
    """The first seed whose schedule fails like this, and its run."""
    for seed in seeds:
        run = failure(setting, of_seed(seed, most), seed=seed)
        if run.wrong is not None and run.wrong.what in expected:
            return seed, run
    raise AssertionError(f"no seed finds {expected}")


def planted(**changed):
    """The same agents, with something wrong in what they see or want."""
    def wrong_turn(state, seen, now):
        for name, change in changed.items():
            value = getattr(seen, name)
            if value is not None:
                seen = evolve(seen, **{name: change(value, now)})
        return turn.turn(state, seen, now)

    return evolve(SETTING, turn=wrong_turn)


# ----------------------------------------------------------- the judge can find something


def test_a_lease_that_counts_from_after_the_reading_is_found():
    setting = planted(reading=lambda r, now: Reading(r.record, r.version, now))
    seed, run = found(setting, ("twice",))
    assert failure(SETTING, run.schedule, seed=seed).wrong is None


def test_a_wait_that_is_too_short_is_found(monkeypatch):
    monkeypatch.setattr(serving, "serves_from", lambda lost, waits: lost + waits * 0.5)
    found(evolve(SETTING), ("twice",))


def test_a_claim_that_is_taken_without_a_wait_is_found(monkeypatch):
    monkeypatch.setattr(serving, "taken", lambda record, node, _: taken(
        record, node, lambda _home, _claim: True))
    found(evolve(SETTING), ("twice",))


def test_a_stall_that_is_taken_for_silence_is_found(monkeypatch):
    monkeypatch.setattr(turn, "late", lambda *_: False)
    monkeypatch.setattr(turn, "unread", lambda *_: False)
    found(evolve(SETTING), ("silence",))


def test_an_unknown_write_that_counts_as_done_is_found():
    found(planted(wrote=lambda w, _: evolve(w, outcome="done") if w.outcome == "unknown" else w),
          ("lost",))


def test_services_that_are_believed_without_an_answer_are_found():
    found(planted(obeyed=lambda o, _: evolve(o, yes=True)), ("twice",))


def test_an_agent_that_takes_any_record_is_found(monkeypatch):
    monkeypatch.setattr(following.terms, "trouble", lambda *_: "")
    found(evolve(SETTING), ("strange", "fence"))


def test_an_agent_that_forgets_its_record_is_found():
    def start(charter, parameters, now, _):
        return AgentState.start(charter, parameters, now, None)

    found(evolve(SETTING, start=start), ("strange",), most=8)


def test_a_store_that_does_not_compare_is_found(monkeypatch):
    true = stores.Store.write
    monkeypatch.setattr(stores.Store, "write", lambda self, write: true(
        self, evolve(write, version=self.version)))
    found(evolve(SETTING), ("epochs", "again"))


def test_orders_that_are_not_carried_out_are_found():
    with pytest.raises(Wrong, match="late"):
        at_home(planted(did=lambda _d, _: None))
