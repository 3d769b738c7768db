"""Machines of somebody's own, held against the table: every move as it is made, and all at once."""

from __future__ import annotations

from typing import Any

import pytest
import statemachine
import transitions
from attrs import evolve
from transitions.extensions import AsyncMachine, HierarchicalMachine

from prgcore.adapters import statemachine as charts
from prgcore.adapters import transitions as machines
from prgcore.adapters.foreign import KEPT, Deviation, Translation
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import PRG, Machine
from prgcore.model import Event, Rule, by
from prgcore.vocabulary import Kind
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

GATE = Machine(TURNSTILE)
ARM: dict[str, Any] = {"shut": {"arm": "locked"}, "free": {"arm": "open"}}
PAY = {"pay": "coin", "go": "push"}
MOVES = [("pay", "shut", "free"), ("go", "free", "shut"), ("go", "shut", "shut")]


class Group:
    """Somebody's own object."""


def _gate(*more: Any, kind: Any = transitions.Machine, **options: Any) -> tuple[Any, Any]:
    model: Any = Group()
    return kind(model, states=["shut", "free"], initial="shut", auto_transitions=False,
                transitions=[*map(list, (*MOVES, *more))], **options), model


class Gate(statemachine.StateMachine):
    shut = statemachine.State(initial=True)
    free = statemachine.State()
    pay = shut.to(free) | free.to.itself()
    go = free.to(shut) | shut.to.itself()


NODE: dict[str, Any] = {
    "active": {"node1.state": "normal"},
    "standby": {"node1.state": ("failing_over", "idle")},
    "double": {"node1.state": "running_in_backup_mode"},
}


def _node(*moves: tuple[str, str, str]) -> tuple[Any, Any]:
    model: Any = Group()
    return transitions.Machine(
        model, states=list(NODE), initial="active", auto_transitions=False,
        transitions=[*map(list, moves)],
    ), model


# ------------------------------------------------------------------ as it is made


def test_a_machine_that_follows_the_table_is_left_alone() -> None:
    machine, model = _gate()
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    assert model.pay()
    assert watch.of(model).pair["arm"] == "open"
    assert model.go()
    assert model.go()
    assert (model.state, watch.of(model).pair["arm"]) == ("shut", "locked")


def test_a_move_that_no_rule_allows_does_not_happen() -> None:
    machine, model = _node(("fail", "active", "standby"), ("grab", "active", "double"))
    normal = after()
    watch = machines.watch(machine, PRG, states=NODE, pair=normal,
                           events={"fail": "failover(node1)", "grab": "failover(node2)"})
    assert model.may_fail()
    assert not model.may_grab()
    with pytest.raises(Deviation) as caught:
        model.grab()
    assert str(caught.value) == (
        "grab: active -> double: after M100@node2 node1.state is taking_over, and double means "
        "running_in_backup_mode"
    )
    assert (model.state, watch.of(model).pair) == ("active", normal)
    assert (caught.value.trigger, caught.value.source, caught.value.dest) == (
        "grab", "active", "double")
    assert model.fail()
    assert (model.state, watch.of(model).pair["node1.state"]) == ("standby", "failing_over")


def test_a_refusal_names_the_cells_that_fail() -> None:
    machine, model = _node(("fail", "active", "standby"))
    sick = after("services_down(node2)")
    machines.watch(machine, PRG, states=NODE, events={"fail": "failover(node1)"}, pair=sick)
    with pytest.raises(Deviation, match=r"failover\(node1\) is refused: node1\.peer_health is "):
        model.fail()
    assert model.state == "active"


def test_what_the_machine_does_not_see_is_told() -> None:
    machine, model = _node(("fail", "active", "standby"))
    shadow = machines.watch(
        machine, PRG, states=NODE, events={"fail": "failover(node1)"}, pair=after(),
    ).of(model)
    assert shadow.tell("services_down(node2)").rule is not None
    with pytest.raises(Deviation, match="is refused"):
        model.fail()
    shadow.tell("services_up(node2)")
    assert model.fail()
    shadow.tell("takeover_done(node2)")
    assert shadow.pair["node2.state"] == "running_in_backup_mode"


def test_a_state_that_is_not_the_pairs_is_noticed() -> None:
    machine, model = _gate()
    machines.watch(machine, GATE, states=ARM, events=PAY)
    machine.set_state("free")
    with pytest.raises(Deviation, match="before it, arm is locked, and free means open"):
        model.go()


def test_a_trigger_of_their_own_changes_nothing_of_ours() -> None:
    machine, model = _gate(["paint", "shut", None], ["jump", "shut", "free"])
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    assert model.paint()
    with pytest.raises(Deviation, match="after jump, which is not an event of the table, arm is locked"):
        model.jump()
    assert watch.of(model).pair["arm"] == "locked"


def test_an_internal_transition_takes_the_pair_along() -> None:
    lit = Machine(LAMPS)
    machine = transitions.Machine(
        model := Group(), states=["on"], initial="on", auto_transitions=False,
        transitions=[["flip", "on", None]],
    )
    watch = machines.watch(machine, lit, states={"on": {}}, events={"flip": "flip"})
    seen = []
    for _ in range(2):
        model.flip()  # type: ignore[attr-defined]
        seen.append(watch.of(model).pair["switch"])
    assert seen == ["on", "off"]


def test_a_report_lets_the_move_happen_and_the_pair_stay() -> None:
    machine, model = _gate(["pay", "free", "free"])
    told: list[Deviation] = []
    watch = machines.watch(machine, GATE, states=ARM, events=PAY, report=told.append)
    assert model.pay()
    assert model.may_pay()
    assert model.pay()
    assert [str(d) for d in told] == [
        "pay: free -> free: coin is refused: arm is open, needs locked"]
    assert (model.state, watch.of(model).pair["arm"]) == ("free", "open")


@pytest.mark.parametrize("options", [{}, {"queued": True}, {"send_event": True}])
def test_a_handler_of_exceptions_cannot_swallow_a_deviation(options: dict[str, bool]) -> None:
    """`on_exception` is called, as for every exception; then it is raised, and nothing has moved."""
    handled: list[Any] = []
    machine, model = _gate(["pay", "free", "free"], on_exception=lambda *a: handled.append(a),
                           **options)
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    assert model.pay()
    with pytest.raises(Deviation, match="coin is refused: arm is open, needs locked") as caught:
        model.pay()
    assert (model.state, watch.of(model).pair["arm"], len(handled)) == ("free", "open", 1)
    assert list(watch.deviations) == list(watch.of(model).deviations) == [caught.value]
    assert model.go()


def test_a_deviation_within_a_callback_is_raised_by_both_triggers() -> None:
    machine, model = _gate(["pay", "free", "free"], on_exception=lambda: None)
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    machine.get_state("free").add_callback("enter", model.pay)
    with pytest.raises(Deviation, match="pay: free -> free"):
        model.pay()
    assert (model.state, watch.of(model).pair["arm"]) == ("free", "open")


def test_other_exceptions_are_still_the_handlers() -> None:
    handled: list[Any] = []
    machine, model = _gate(on_exception=lambda: handled.append(1))
    machines.watch(machine, GATE, states=ARM, events=PAY)

    def fails() -> None:
        raise RuntimeError("no")

    machine.get_state("free").add_callback("enter", fails)
    model.pay()
    assert handled == [1]


def test_a_watch_keeps_the_last_deviations_of_all_models() -> None:
    machine, one = _gate(["pay", "free", "free"])
    watch = machines.watch(machine, GATE, states=ARM, events=PAY, report=lambda _: None)
    two: Any = Group()
    machine.add_model(two)
    for model in (one, two):
        model.pay()
        for _ in range(KEPT):
            model.pay()
    assert len(watch.deviations) == KEPT
    assert {d.trigger for d in watch.deviations} == {"pay"}


def test_every_model_has_its_own_pair() -> None:
    machine, one = _gate()
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    two: Any = Group()
    machine.add_model(two)
    one.pay()
    assert [watch.of(m).pair["arm"] for m in (one, two)] == ["open", "locked"]
    assert two.pay()


def test_events_in_callbacks_are_checked_in_their_order() -> None:
    machine, model = _gate()
    watch = machines.watch(machine, GATE, states=ARM, events=PAY)
    machine.get_state("free").add_callback("enter", model.go)
    assert model.pay()
    assert (model.state, watch.of(model).pair["arm"]) == ("shut", "locked")


def test_a_condition_of_theirs_is_asked_first() -> None:
    machine, model = _gate()
    for one in machine.get_transitions("pay"):
        one.conditions.append(transitions.core.Condition(lambda: False))
    told: list[Deviation] = []
    watch = machines.watch(machine, GATE, states=ARM, events=PAY, report=told.append)
    assert model.pay() is False
    assert not told
    assert watch.of(model).pair["arm"] == "locked"


@pytest.mark.parametrize(("states", "events", "says"), [
    ({"shut": {"arm": "locked"}}, PAY,
     "states= lacks free: name columns and values, or {} for nothing"),
    (ARM | {"fre": {}}, PAY, "of the machine: unknown state 'fre'; did you mean free"),
    (ARM, {"pey": "coin"}, "of the machine: unknown trigger 'pey'; did you mean pay"),
    (ARM, {"pay": "coins"}, "unknown event 'coins'"),
    (ARM | {"free": {"arms": "open"}}, PAY, "state free: unknown column 'arms'"),
    (ARM | {"free": {"arm": "opened"}}, PAY, "state free: arm: unknown value 'opened'"),
    (ARM | {"free": None}, PAY, "states= needs an object of columns and their values for each state"),
    (["shut"], PAY, "states= needs an object of columns and their values for each state"),
    (ARM, {"pay": None}, "unknown event 'None'"),
    (ARM, ["pay"], "events= needs an object with our event for each trigger, not a list"),
])
def test_a_reading_that_does_not_fit_is_refused(states: Any, events: Any, says: str) -> None:
    machine, _ = _gate()
    for act in (machines.watch, machines.compare):
        with pytest.raises(BadInput) as caught:
            act(machine, GATE, states=states, events=events)
        assert str(caught.value).startswith(says)
    with pytest.raises(BadInput) as caught:
        charts.compare(Gate, GATE, states=states, events=events)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("kind", [AsyncMachine, HierarchicalMachine])
def test_nested_and_asynchronous_machines_are_refused(kind: Any) -> None:
    machine, _ = _gate(kind=kind)
    with pytest.raises(BadInput, match=f"a {kind.__name__} cannot be watched"):
        machines.watch(machine, GATE, states=ARM, events=PAY)


# -------------------------------------------------------------- python-statemachine


def test_a_chart_is_watched_too() -> None:
    gate = Gate()
    watch = charts.watch(gate, GATE, states=ARM, events=PAY)
    gate.pay()
    assert watch.pair["arm"] == "open"
    with pytest.raises(Deviation, match="pay: free -> free: coin is refused: arm is open, needs"):
        gate.pay()
    assert (gate.current_state_value, watch.pair["arm"]) == ("free", "open")
    gate.go()
    gate.go()
    assert (gate.current_state_value, watch.pair["arm"]) == ("shut", "locked")


def test_a_chart_that_is_only_reported_goes_on() -> None:
    gate, told = Gate(), []
    watch = charts.watch(gate, GATE, states=ARM, events=PAY, report=told.append)
    gate.pay()
    gate.pay()
    assert [d.trigger for d in told] == ["pay"]
    assert (gate.current_state_value, watch.pair["arm"]) == ("free", "open")
    assert watch.tell("push").pair["arm"] == "locked"


def test_a_chart_that_handles_its_errors_keeps_the_deviation() -> None:
    """A `StateChart` says nothing of an exception in a callback; the watch does."""

    class Quiet(statemachine.StateChart):
        shut = statemachine.State(initial=True)
        free = statemachine.State()
        pay = shut.to(free) | free.to.itself()
        go = free.to(shut) | shut.to.itself()

    quiet = Quiet()
    watch = charts.watch(quiet, GATE, states=ARM, events=PAY)
    quiet.pay()
    quiet.pay()
    assert [str(d) for d in watch.deviations] == [
        "pay: free -> free: coin is refused: arm is open, needs locked"]
    assert watch.pair["arm"] == "open"


def test_a_nested_chart_is_refused() -> None:
    class Nested(statemachine.StateChart):
        class outer(statemachine.State.Compound):  # noqa: N801
            inner = statemachine.State(initial=True)
            other = statemachine.State(final=True)
            go = inner.to(other)

    with pytest.raises(BadInput, match="a chart with nested states cannot be watched"):
        charts.watch(Nested(), GATE, states={}, events={})


# ------------------------------------------------------------------------ at once


def test_a_machine_that_is_the_table_has_no_difference() -> None:
    machine, _ = _gate()
    assert machines.compare(machine, GATE, states=ARM, events=PAY) == ()


def test_what_is_extra_and_what_is_missing() -> None:
    machine, _ = _gate(["pay", "free", "shut"], ["jump", "shut", "free"], ["paint", "free", "free"])
    machine.remove_transition("go", "free", "shut")
    assert [str(d) for d in machines.compare(machine, GATE, states=ARM, events=PAY)] == [
        "extra jump: shut -> free: it is not an event of the table, but changes a column",
        "extra pay: free -> shut: no rule of coin leads there; nearest T1 needs arm locked",
        "missing go: free -> shut: T2",
    ]


def test_a_chart_is_compared() -> None:
    found = charts.compare(Gate, GATE, states=ARM, events=PAY)
    assert [(d.kind, d.trigger, d.source, d.dest) for d in found] == [
        ("extra", "pay", "free", "free")]


def test_a_node_is_compared_with_the_table() -> None:
    machine, _ = _node(("fail", "active", "standby"), ("grab", "active", "double"))
    found = machines.compare(
        machine, PRG, states=NODE, events={"fail": "failover(node1)", "grab": "takeover_done(node1)"},
    )
    assert "\n".join(map(str, found)) == (
        "extra grab: active -> double: no rule of takeover_done(node1) leads there; nearest "
        "F110@node1 needs node1.state taking_over"
    )


def test_derived_cells_and_maps_are_read_exactly() -> None:
    """Every move between two states of a reading is allowed just where the engine makes it."""
    model = evolve(
        LAMPS, rules=(
            *LAMPS.rules,
            Rule("Q1", "turn", {"light": "one"}, {"node1.lamp": by("switch", {"on": "broken"})}),
        ),
        events=(*LAMPS.events, Event("turn", Kind.COMMAND, "administrator", seated=False)),
    )
    engine = Engine(model)
    states = {
        f"{a}_{b}": {"node1.lamp": a, "switch": b}
        for a in ("on", "off", "broken") for b in ("on", "off")
    }
    events = {"turn": "turn", "flip": "flip"}
    made = set()
    for values in _everything(engine):
        pair = engine.pair(values)
        if engine.broken(pair):
            continue
        for name in events:
            decision = engine.step(pair, name)
            if decision.rule is not None:
                ends = [f"{p['node1.lamp']}_{p['switch']}" for p in (pair, decision.pair)]
                made.add((name, *ends))
    reading = Translation(engine, states, events)
    everything = {(n, a, b) for n in events for a in states for b in states}
    extra = {(d.trigger, d.source, d.dest) for d in reading.differences(everything)
             if d.kind == "extra"}
    assert everything - extra >= made
    assert extra == everything - made
    missing = {(d.trigger, d.source, d.dest) for d in reading.differences([])}
    assert missing == {m for m in made if m[1] != m[2]}


def _everything(engine: Engine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for column in engine.model.columns:
        if not column.derived:
            found = [{**one, column.name: value} for one in found for value in column.domain]
    return found
