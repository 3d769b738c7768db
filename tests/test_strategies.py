"""Strategies: what is drawn can happen, wrong implementations are found and shrink to one step."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from prgcore import PRG
from prgcore.adapters import strategies
from prgcore.adapters.strategies import against, events, pairs, possible, traces
from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted
from prgcore.story.script import run
from tests.toys import LAMPS, TURNSTILE

QUICK = settings(max_examples=50, deadline=None, database=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))
SHORT = settings(QUICK, stateful_step_count=6)
GATE, LIGHT = Engine(TURNSTILE), Engine(LAMPS)


class Honest:
    """Asks the engine, as an implementation that makes no mistakes would answer."""

    engine = PRG

    def start(self, pair):
        self.now = self.engine.pair(pair)

    def send(self, event):
        decision = self.engine.step(self.now, event)
        self.now = self.after(decision)
        return decision.outcome.value

    def after(self, decision):
        return decision.pair

    def pair(self):
        return self.now


class ForgetsTheReason(Honest):
    def after(self, decision):
        if decision.rule and decision.rule.id == "L110@node1":
            return self.engine.pair(dict(decision.pair) | {"node1.reason": "none"})
        return decision.pair


class AcceptsEverything(Honest):
    def send(self, event):
        super().send(event)
        return "done"


class StartsElsewhere(Honest):
    def start(self, pair):
        super().start(dict(pair) | {"link": "up"})


def failure(make, *phases):
    with pytest.raises(AssertionError) as error:
        run_state_machine_as_test(against(make), settings=settings(
            SHORT, max_examples=3_000, derandomize=True, stateful_step_count=4, report_multiple_bugs=False,
            phases=[Phase.generate, *phases]))
    return str(error.value)


# ------------------------------------------------------------------------------ drawn


@given(pairs())
@QUICK
def test_every_pair_drawn_is_reachable(pair):
    assert pair in PRG.atlas
    assert PRG.broken(pair) == ()


def test_every_pair_of_a_small_machine_can_be_drawn():
    for values in (("locked",), ("open",)):
        assert find(pairs(GATE), lambda p, v=values: p.values_ == v).values_ == values
    assert find(pairs(GATE), lambda _: True) == GATE.initial[0]


@given(st.data())
@QUICK
def test_a_rule_decides_where_it_is_asked_for(data):
    rule = data.draw(st.sampled_from(PRG.model.rules))
    pair = data.draw(pairs(rule=rule.id))
    assert pair in PRG.atlas
    assert PRG.step(pair, rule.event).rule is rule
    with pytest.raises(BadInput, match="unknown rule"):
        pairs(rule="L111")


def test_a_search_has_an_end(monkeypatch):
    monkeypatch.setattr(strategies, "MOST", 3)
    with pytest.raises(BudgetExhausted, match=r"draw traces\(\)"):
        pairs(Engine(LAMPS))


@given(st.data())
@QUICK
def test_events_can_happen_where_they_are_drawn(data):
    pair = data.draw(pairs())
    assert PRG.possible(pair, data.draw(events(pair=pair)))
    assert data.draw(events()) in {e.name for e in PRG.model.events}


@pytest.mark.parametrize("engine", [PRG, GATE, LIGHT], ids=lambda e: e.model.name)
def test_traces_can_happen(engine):
    @given(traces(engine, max_size=8))
    @QUICK
    def test(trace):
        engine.run(engine.initial[0], *trace)

    test()


def test_a_trace_shrinks_to_what_it_needs():
    def enabled(trace):
        pair = PRG.run(PRG.initial[0], *trace).end
        return pair["ha"] == "on" and pair["link"] == "cut"

    found = find(traces(), enabled, settings=settings(QUICK, max_examples=2000))
    assert sorted(found) == ["enable_ha", "link_cut"]


# ----------------------------------------------------------------------------- tested


def test_an_honest_implementation_passes_and_rules_are_counted():
    case = against(Honest)
    run_state_machine_as_test(case, settings=SHORT)
    said = case.coverage()
    assert re.match(rf"rules covered \d+ of {len(PRG.model.rules)}", said)
    assert len(case.covered) > 25
    assert against(Honest).covered == set(), "every test counts for itself"


def test_every_rule_of_a_small_machine_is_covered():
    case = against(type("Mine", (Honest,), {"engine": GATE}), GATE)
    run_state_machine_as_test(case, settings=SHORT)
    assert case.coverage() == "rules covered 3 of 3"


def test_one_wrong_reason_is_found_in_one_step():
    said = failure(ForgetsTheReason, Phase.shrink)
    assert said.startswith("heartbeat_lost(node1): done by L110@node1: node1.reason is 'none' in "
                           "yours, and 'peer_down' in the table")
    told = said.partition("What the table does, as a story:\n\n")[2].partition("\nFalsifying")[0]
    assert run(PRG, told).ok
    assert [line for line in told.splitlines() if not line.startswith(("given", "start"))] \
        == ["heartbeat_lost(node1)"]


def test_a_command_that_should_be_refused_is_found():
    said = failure(AcceptsEverything)
    assert "yours is done" in said


def test_a_wrong_start_is_found():
    assert failure(StartsElsewhere).startswith("the start: link is 'up' in yours, and 'cut'")


def test_an_implementation_may_raise_what_it_refuses():
    class Raises(Honest):
        def send(self, event):
            if super().send(event) == "refused":
                raise PermissionError

    run_state_machine_as_test(against(Raises, refuses=(PermissionError,)), settings=SHORT)
    with pytest.raises(PermissionError):
        run_state_machine_as_test(against(Raises), settings=settings(
            SHORT, phases=[Phase.generate]))


def test_an_implementation_may_have_some_columns_and_no_others():
    class Some(Honest):
        columns = ("node1.state", "node2.state")

        def pair(self):
            return {c: self.now[c] for c in self.columns}

    run_state_machine_as_test(against(Some), settings=SHORT)

    class Strange(Honest):
        def pair(self):
            return {"node1.sate": "normal"}

    with pytest.raises(BadInput, match=r"did you mean node1\.state"):
        run_state_machine_as_test(against(Strange), settings=settings(
            SHORT, phases=[Phase.generate]))


def test_what_can_happen_is_in_the_machines_order():
    assert possible(GATE, {"arm": "locked"}) == ("coin", "push")


FAILING = """
from hypothesis import settings

from prgcore import PRG
from prgcore.adapters.strategies import against


class Mine:
    def start(self, pair): self.at = PRG.pair(pair)
    def send(self, event): pass
    def pair(self): return self.at


TestMine = against(Mine).TestCase
TestMine.settings = settings(TestMine.settings, max_examples=5, database=None, derandomize=True)
"""


def test_a_failure_fits_the_screen(tmp_path):
    """What pytest prints of an implementation that fails: the story, and no way through Hypothesis."""
    (tmp_path / "test_mine.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if k not in ("CI", "BUILD_NUMBER")})
    assert done.returncode == 1, done.stdout  # in CI pytest says the whole message once more
    lines = done.stdout.splitlines()
    assert len(lines) <= 40, done.stdout
    assert max(map(len, lines)) <= 200, done.stdout  # a sentence with two of the longest words
    assert any(" in yours, and " in line for line in lines)
    assert any("start initial" in line for line in lines)
