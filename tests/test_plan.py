"""Plans: shortest, honest about what they may use, and clear when there is none."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, ImpossibleEvent, OutsideInvariant
from prgcore.explain.plan import NoPlan, accepted_in, plan
from prgcore.machine import PRG
from prgcore.model import Cell, Column, Cube, Event, Invariant, Model, Possible, Rule
from prgcore.tables.stories import STARTS
from prgcore.vocabulary import Kind, Outcome

NORMAL = STARTS["normal"]
WORST = (
    *NORMAL, "services_down(node1)", "critical_service_delay(node1)", "takeover_done(node2)",
    "taken_over(node1)", "link_cut", "power_off(node1)", "power_off(node2)",
)
FAILED_APART = (
    *NORMAL, "failover(node1)", "takeover_failed(node2)", "link_cut", "heartbeat_lost(node1)",
    "heartbeat_lost(node2)",
)


SOME = PRG.atlas.everything.distinct(["node1.state", "node2.state", "link"])


def after(events: tuple[str, ...] | list[str], engine: Engine = PRG) -> Pair:
    return engine.run(engine.initial[0], *events).end


def usable(engine: Engine) -> list[str]:
    return [e.name for e in engine.model.events if e.kind is not Kind.FAULT and e.success]


def distance(engine: Engine, start: Pair, goal: tuple[Cube, ...], deepest: int) -> int | None:
    """Breadth-first over `step`: the slow truth."""
    seen, queue = {start}, deque([(start, 0)])
    while queue:
        pair, depth = queue.popleft()
        if any(engine.holds(g, pair) for g in goal):
            return depth
        if depth < deepest:
            for event in usable(engine):
                if engine.possible(pair, event):
                    new = engine.step(pair, event).pair
                    if new not in seen:
                        seen.add(new)
                        queue.append((new, depth + 1))
    return None


def toy(**more: object) -> Engine:
    """A lamp that a switch lights, that burns out, and that a repair mends."""
    columns = (Column("lamp", ("off", "lit", "burnt")), Column("fuse", ("in", "out")))
    return Engine(Model(
        name="toy", columns=columns, initial=((("lamp", "off"), ("fuse", "out")),),
        events=(
            Event("switch", Kind.COMMAND, "administrator"),
            Event("burn", Kind.FAULT, "environment"),
            Event("mend", Kind.REPAIR, "environment"),
        ),
        possible=(Possible("burn", {"lamp": "lit"}), Possible("mend", {"fuse": "out"})),
        rules=(
            Rule("T1", "switch", {"lamp": "off", "fuse": "in"}, {"lamp": "lit"}),
            Rule("T2", "burn", {"lamp": "lit"}, {"lamp": "burnt", "fuse": "out"}),
            Rule("T3", "mend", {"fuse": "out"}, {"fuse": "in"}),
        ),
        **more,  # type: ignore[arg-type]
    ))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_after_is_where_a_step_leads_and_remembers_nothing(data: st.DataObject) -> None:
    pair = PRG.at(data.draw(st.sampled_from(SOME)))
    for event in (e.name for e in PRG.model.events):
        reached = PRG.after(pair, event)
        try:
            step = PRG.step(pair, event)
        except ImpossibleEvent:
            assert reached is None
        else:
            assert reached == (step.pair if step.outcome is Outcome.DONE else None)


def test_nothing_comes_after_a_pair_that_breaks_what_is_proved() -> None:
    twice = PRG.pair({**after(NORMAL), "node1.state": "running_in_backup_mode",
                      "node2.state": "running_in_backup_mode"})
    assert PRG.broken(twice)
    assert [e.name for e in PRG.model.events if PRG.after(twice, e.name)] == []


def test_already_there_is_an_empty_plan() -> None:
    found = plan(PRG, after(NORMAL))
    assert found.steps == ()
    assert found.events == ()
    assert found.end == found.start == after(NORMAL)


def test_from_the_start_to_normal() -> None:
    found = plan(PRG, PRG.initial[0])
    assert sorted(found.events) == sorted(NORMAL)
    assert PRG.holds(PRG.model.goal[0], found.end)


@pytest.mark.parametrize("trace", [WORST, FAILED_APART], ids=["worst", "failed apart"])
def test_a_plan_uses_no_fault_and_every_step_is_done(trace: tuple[str, ...]) -> None:
    found = plan(PRG, after(trace))
    assert set(found.events) <= set(usable(PRG))
    assert all(step.outcome is Outcome.DONE for step in found.steps)
    assert PRG.holds(PRG.model.goal[0], found.end)
    assert len(found.steps) <= 13


def test_the_worst_takes_thirteen_steps() -> None:
    assert len(plan(PRG, after(WORST)).steps) == 13


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_no_shorter_plan_exists(data: st.DataObject) -> None:
    pair = after(NORMAL)
    for _ in range(data.draw(st.integers(0, 6))):
        doable = sorted(
            e.name for e in PRG.model.events
            if PRG.possible(pair, e.name) and PRG.step(pair, e.name).pair != pair
        )
        pair = PRG.step(pair, data.draw(st.sampled_from(doable))).pair
    found = plan(PRG, pair)
    if len(found.steps) <= 5:
        assert distance(PRG, pair, PRG.model.goal, 5) == len(found.steps)
    else:
        assert distance(PRG, pair, PRG.model.goal, 4) is None


def test_equal_lengths_are_decided_by_the_fewest_commands() -> None:
    pair = after([*NORMAL, "failover(node1)", "takeover_failed(node2)"])
    found = plan(PRG, pair)
    assert [e for e in found.events if PRG.kind(e) is Kind.COMMAND] == ["recover"]


def test_a_goal_of_ones_own_and_events_to_do_without() -> None:
    normal = after(NORMAL)
    idle = plan(PRG, normal, {"node1.state": "idle"})
    assert idle.events == ("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
    either = plan(PRG, normal, ({"node1.state": "idle"}, {"ha": "off"}))
    assert either.events == ("disable_ha",)
    other = plan(PRG, normal, ({"node1.state": "idle"}, {"ha": "off"}), without={"disable_ha"})
    assert other.events == idle.events


def test_a_goal_may_name_derived_columns() -> None:
    goal = accepted_in(PRG, "failover(node2)")
    found = plan(PRG, PRG.initial[0], goal)
    assert PRG.step(found.end, "failover(node2)").outcome is Outcome.DONE


def test_the_same_question_has_the_same_answer() -> None:
    assert plan(PRG, after(WORST)).events == plan(PRG, dict(after(WORST))).events


def test_no_plan_at_all() -> None:
    with pytest.raises(NoPlan, match="lead from this pair to the goal") as caught:
        plan(PRG, after(NORMAL), {"node1.state": "running_in_failed_mode"})
    assert caught.value.exhausted
    assert caught.value.code == "no_plan"


def test_no_plan_within_the_budget() -> None:
    with pytest.raises(NoPlan, match="no plan within 5 pairs; raise the budget") as caught:
        plan(PRG, after(WORST), PRG.model.goal, budget=5)
    assert not caught.value.exhausted


def test_wrong_goals() -> None:
    with pytest.raises(BadInput, match=r"goal: unknown column 'node1.stat'; did you mean"):
        plan(PRG, PRG.initial[0], {"node1.stat": "idle"})
    with pytest.raises(BadInput, match=r"goal: node1.state: unknown value 'idel'; did you mean"):
        plan(PRG, PRG.initial[0], {"node1.state": "idel"})
    with pytest.raises(BadInput, match="the machine 'toy' has no goal"):
        plan(toy(), toy().initial[0])


@pytest.mark.parametrize("goal", [[{"ha": "on"}], "ha", {"ha": 3}, (), ({"ha": "on"}, "ha"), 7])
def test_a_goal_of_another_shape(goal: object) -> None:
    with pytest.raises(BadInput) as caught:
        PRG.plan(PRG.initial[0], goal)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "goal: expected columns and their values, such as {'node1.state': 'initializing'}, "
        f"or a tuple of such, not {goal!r}"
    )


def test_a_goal_without_a_value() -> None:
    with pytest.raises(BadInput, match="goal: ha: no value is given, so none will do; known: off, improper, on"):
        plan(PRG, PRG.initial[0], {"ha": ()})


def test_toy_machine() -> None:
    engine = toy(goal=(Cube((Cell("lamp", "lit"),)),))
    assert plan(engine, engine.initial[0]).events == ("mend", "switch")
    with pytest.raises(NoPlan):
        plan(engine, {"lamp": "burnt", "fuse": "in"})


def test_outside_the_invariant_nothing_is_planned() -> None:
    lit_without_fuse = Cube((Cell("lamp", "lit"), Cell("fuse", "out")))
    engine = toy(invariants=(Invariant("S1", "a lit lamp has a fuse", (lit_without_fuse,)),))
    with pytest.raises(OutsideInvariant, match="no plan is proved from here: the pair breaks S1"):
        plan(engine, {"lamp": "lit", "fuse": "out"}, {"lamp": "off"})
