"""Walks from any reachable pair: what is proved holds at every step of the interpreter."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from prgcore.engine import Decision, Pair
from prgcore.errors import ImpossibleEvent
from prgcore.machine import prg
from prgcore.seats import mirror_name
from prgcore.vocabulary import Kind, Outcome
from tests.planted import reachable

PRG = prg()
EVENTS = tuple(e.name for e in PRG.model.events)
COMMANDS = tuple(e.name for e in PRG.model.events if e.kind is Kind.COMMAND)


class Walk(RuleBasedStateMachine):
    """A pair that anything may happen to."""

    pair: Pair
    number: int

    @initialize(chance=st.integers(0, 2**32))
    def start(self, chance: int) -> None:
        """Any reachable pair, by number: a small number is near the start."""
        space = reachable()
        source = random.Random(chance)
        self.number = source.randrange(source.choice([*space.level[1:], len(space)]))
        self.pair = PRG.pair(space.pair(self.number))

    def _move(self, decision: Decision) -> None:
        before = self.pair
        if decision.outcome is Outcome.DONE:
            assert decision.rule is not None
            assert decision.pair != before or decision.actions
        else:
            assert decision.pair is before
            assert decision.actions == ()
        assert (decision.rule is None) == (decision.outcome is Outcome.REFUSED)
        assert bool(decision.failed) == (decision.outcome is Outcome.REFUSED)
        assert all(f.value == before[f.column] not in f.needs for f in decision.failed)
        found = reachable().find(dict(decision.pair))
        assert found is not None, f"{decision.event} leads out of what is reachable"
        self.pair, self.number = decision.pair, found

    @rule(chance=st.integers(0, 10_000))
    def something_happens(self, chance: int) -> None:
        """Any event that is possible, commands included."""
        able = [e for e in EVENTS if PRG.possible(self.pair, e)]
        self._move(PRG.step(self.pair, able[chance % len(able)]))

    @rule(chance=st.integers(0, 10_000))
    def something_is_done(self, chance: int) -> None:
        """Any event that changes something."""
        done = [
            d for e in EVENTS if PRG.possible(self.pair, e)
            for d in [PRG.step(self.pair, e)] if d.outcome is Outcome.DONE
        ]
        self._move(done[chance % len(done)])

    @rule(command=st.sampled_from(COMMANDS))
    def the_administrator_asks(self, command: str) -> None:
        """A command is possible everywhere, and done or refused."""
        decision = PRG.step(self.pair, command)
        assert decision.outcome in (Outcome.DONE, Outcome.REFUSED)
        assert (command in PRG.available(self.pair)) == (decision.outcome is Outcome.DONE)
        self._move(decision)

    @rule(event=st.sampled_from(EVENTS))
    def anything_is_answered_or_impossible(self, event: str) -> None:
        """Exactly one decision where the event is possible, an error where it is not."""
        matching = [
            r for r in PRG.model.rules if r.event == event and PRG.holds(r.when, self.pair)]
        if not PRG.possible(self.pair, event):
            with pytest.raises(ImpossibleEvent):
                PRG.step(self.pair, event)
            return
        decision = PRG.step(self.pair, event)
        assert matching == ([] if decision.rule is None else [decision.rule])
        assert decision.rule is not None or PRG.kind(event) is Kind.COMMAND

    @rule()
    def the_other_seat_looks(self) -> None:
        """The mirror image of a reachable pair is reachable."""
        image = {mirror_name(c): v for c, v in self.pair.items()}
        assert reachable().find(image) is not None

    @invariant()
    def every_promise_holds(self) -> None:
        """The proved invariants hold of every pair on the way."""
        assert PRG.broken(self.pair) == ()
        assert dict(self.pair) == reachable().pair(self.number)


Walk.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestWalk = Walk.TestCase


def test_every_reachable_pair_can_be_explained() -> None:
    space = reachable()
    chance = random.Random(11)
    for number in chance.sample(range(len(space)), 12):
        explained = PRG.explain(space.pair(number))
        assert explained.broken == ()
        assert explained.cause
        assert set(explained.available) == set(PRG.available(space.pair(number)))
        assert explained.plan is not None


def test_the_number_of_reachable_pairs_is_known() -> None:
    space = reachable()
    assert len(space) == 825_920
    assert space.depth == 29
    assert sum(len(e.source) for e in space.edges) == 8_554_224
    assert space.holes == ()
