"""The `transitions` adapter: their machine, our decisions, compared at every step."""

from __future__ import annotations

import inspect
import random
from typing import Any

import pytest
import transitions
from attrs import evolve

from prgcore.adapters.statemachine import chart_for
from prgcore.adapters.transitions import OPTIONS, PairMachine, machine_for, trigger
from prgcore.adapters.xstate import config
from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent
from prgcore.machine import PRG
from prgcore.model import Column, Event
from prgcore.vocabulary import Kind, Outcome
from tests.toys import TURNSTILE

NORMAL = ("enable_ha", "heartbeat_heard_node1", "heartbeat_heard_node2", "initialized_node1",
          "initialized_node2")


class Group:
    """Somebody's own object."""

    def __init__(self) -> None:
        self.log: list[str] = []


@pytest.fixture(scope="module")
def shared() -> PairMachine:
    return machine_for(PRG)


@pytest.fixture
def group(shared: PairMachine) -> Any:
    model = Group()
    shared.add_model(model)
    return model


def _normal(group: Any) -> None:
    for name in NORMAL:
        assert getattr(group, name)() is True


@pytest.mark.parametrize("seed", range(8))
def test_the_state_is_ours_at_every_step(shared: PairMachine, group: Any, seed: int) -> None:
    dice = random.Random(seed)
    pair = PRG.initial[0]
    events = [e.name for e in PRG.model.events]
    done = 0
    for _ in range(600):
        event = dice.choice(events)
        try:
            decision = PRG.step(pair, event)
        except ImpossibleEvent:
            decision = None
        accepted = decision is not None and decision.outcome is not Outcome.REFUSED
        assert getattr(group, f"may_{trigger(event)}")() is accepted
        if accepted:
            assert getattr(group, trigger(event))() is True
            pair, done = decision.pair, done + 1
            assert group.decision is decision
        else:
            with pytest.raises(transitions.MachineError):
                getattr(group, trigger(event))()
        assert group.pair == pair
        assert group.state == f"{pair['node1.state']}__{pair['node2.state']}"
    assert done > 50


def test_every_move_of_a_toy() -> None:
    model: Any = Group()
    machine = machine_for(Engine(TURNSTILE), model, columns=("arm",))
    assert [(t.source, t.dest) for t in machine.get_transitions("coin")] == [("locked", "open")]
    assert [(t.source, t.dest) for t in machine.get_transitions("push")] == [
        ("locked", "locked"), ("open", "locked"),
    ]
    assert (model.coin(), model.state) == (True, "open")
    assert (model.push(), model.state) == (True, "locked")
    assert (model.push(), model.state) == (True, "locked")


def test_one_machine_serves_many_models(shared: PairMachine) -> None:
    one: Any = Group()
    two: Any = Group()
    shared.add_model([one, two])
    _normal(one)
    assert (one.state, two.state) == ("normal__normal", "unknown__unknown")
    assert one.pair != two.pair


def test_a_model_starts_at_its_own_pair(shared: PairMachine, group: Any) -> None:
    _normal(group)
    given: Any = Group()
    own: Any = Group()
    own.pair = dict(group.pair)
    shared.add_model(given, pair=group.pair)
    shared.add_model(own)
    assert given.state == own.state == "normal__normal"
    assert given.pair == own.pair == group.pair


def test_a_refusal_says_why_and_moves_nothing(group: Any) -> None:
    _normal(group)
    before = group.pair
    with pytest.raises(transitions.MachineError) as caught:
        group.recover()
    assert caught.value.value.startswith(
        "recover is refused: node1.state is normal, needs running_in_failed_mode; "
    )
    with pytest.raises(transitions.MachineError) as caught:
        group.takeover_done_node1()
    assert caught.value.value.startswith("takeover_done(node1) cannot happen here: ")
    assert group.pair == before
    assert group.state == "normal__normal"


def test_invalid_triggers_can_be_ignored() -> None:
    model: Any = Group()
    machine_for(PRG, model, ignore_invalid_triggers=True)
    assert model.recover() is False
    assert model.state == "unknown__unknown"


def test_the_users_callbacks_run_in_their_order_and_see_the_pair() -> None:
    model: Any = Group()
    machine = machine_for(
        PRG, model, send_event=True,
        before_state_change=lambda d: d.model.log.append(f"before {d.model.pair['ha']}"),
        after_state_change=lambda d: d.model.log.append(f"after {d.model.pair['ha']}"),
    )
    machine.get_state("unknown__unknown").add_callback("exit", lambda d: d.model.log.append("exit"))
    machine.get_state("initializing__initializing").add_callback(
        "enter", lambda d: d.model.log.append(f"enter {d.state.name}")
    )
    model.enable_ha()
    assert model.log == ["before off", "exit", "enter initializing__initializing", "after on"]
    model.log.clear()
    model.heartbeat_heard_node1()  # changes the pair, but neither state
    assert model.log == ["before on", "after on"]
    assert model.pair["node1.hears_peer"] == "yes"


def test_methods_of_a_model_are_named_by_its_states() -> None:
    class Watched(Group):
        def on_enter_initializing__initializing(self) -> None:
            self.log.append("initializing")

        def on_exit_unknown__unknown(self) -> None:
            self.log.append("known")

    model: Any = Watched()
    machine = machine_for(PRG, model)
    assert model.is_unknown__unknown()
    machine.on_enter_initializing__initializing(lambda: model.log.append("by the machine"))
    model.enable_ha()
    assert model.log == ["known", "initializing", "by the machine"]
    assert model.is_initializing__initializing()
    assert all(name.isidentifier() for name in machine.states)


@pytest.mark.parametrize("when", ["prepare_event", "before_state_change", "on_exit"])
def test_an_event_in_the_midst_of_another_is_never_lost(when: str) -> None:
    model: Any = Group()

    def meanwhile(*_: Any) -> None:
        if not model.log:
            model.log.append("down")
            model.services_down_node1()

    options: dict[str, Any] = {} if when == "on_exit" else {when: meanwhile}
    machine = machine_for(PRG, model, **options)
    machine.get_state("unknown__unknown").add_callback("exit", meanwhile)
    with pytest.raises(transitions.MachineError) as caught:
        model.enable_ha()
    assert caught.value.value == (
        "enable_ha was decided for a pair that a callback has changed since; "
        "trigger events in after_state_change or on_enter, or give queued=True"
    )
    assert model.pair == PRG.step(PRG.initial[0], "services_down(node1)").pair
    assert model.state == "unknown__unknown"


@pytest.mark.parametrize(("when", "queued"), [
    ("after_state_change", False), ("on_enter", False), ("before_state_change", True),
])
def test_where_events_can_be_triggered_both_count(when: str, queued: bool) -> None:
    model: Any = Group()

    def meanwhile(*_: Any) -> None:
        if not model.log:
            model.log.append("down")
            model.services_down_node1()

    options: dict[str, Any] = {} if when == "on_enter" else {when: meanwhile}
    machine = machine_for(PRG, model, queued=queued, **options)
    machine.get_state("initializing__initializing").add_callback("enter", meanwhile)
    assert model.enable_ha() is True
    enabled = PRG.step(PRG.initial[0], "enable_ha").pair
    assert model.pair == PRG.step(enabled, "services_down(node1)").pair


def test_a_state_is_not_set_without_its_pair(shared: PairMachine, group: Any) -> None:
    before = group.pair
    with pytest.raises(transitions.MachineError) as caught:
        shared.set_state("normal__normal", group)
    assert caught.value.value == (
        "normal__normal is not the state of the model's pair, which is unknown__unknown; "
        "move a model by its events, or place it with add_model(model, pair=…)"
    )
    with pytest.raises(transitions.MachineError, match="is not the state of the model's pair"):
        shared.set_state(shared.get_state("normal__normal"))
    assert (group.state, group.pair) == ("unknown__unknown", before)
    shared.set_state("unknown__unknown", group)
    assert group.state == "unknown__unknown"


def test_a_pair_that_is_assigned_is_noticed_before_anything_is_decided(
    shared: PairMachine, group: Any
) -> None:
    other: Any = Group()
    shared.add_model(other)
    _normal(other)
    group.pair = other.pair
    for act in (group.failover_node1, group.may_enable_ha):
        with pytest.raises(transitions.MachineError) as caught:
            act()
        assert caught.value.value.startswith(
            "unknown__unknown is not the state of the model's pair, which is normal__normal; ")
    assert group.pair == other.pair
    shared.add_model(group, pair=other.pair)
    assert group.failover_node1() is True
    assert group.state == "failing_over__taking_over"


def test_a_callback_that_fails_leaves_state_and_pair_together() -> None:
    model: Any = Group()

    def fails(_: Any) -> None:
        raise RuntimeError("no")

    machine_for(PRG, model, send_event=True, before_state_change=fails)
    with pytest.raises(RuntimeError, match="no"):
        model.enable_ha()
    assert (model.state, model.pair) == ("unknown__unknown", PRG.initial[0])


def test_queued_events_are_decided_when_their_turn_comes() -> None:
    model: Any = Group()
    machine_for(PRG, model, queued=True, send_event=True, after_state_change=lambda d: (
        d.model.heartbeat_heard_node1() if d.event.name == "enable_ha" else None))
    assert model.enable_ha() is True
    assert model.pair["node1.hears_peer"] == "yes"


def test_actions_are_data_on_the_decision(group: Any) -> None:
    _normal(group)
    group.failover_node1()
    assert group.state == "failing_over__taking_over"
    assert [a.do for a in group.decision.actions] == [
        "stop_critical_services", "disconnect_users", "acquire_grant", "move_users",
    ]


def test_transitions_are_those_of_the_table(shared: PairMachine) -> None:
    failover = shared.get_transitions("failover_node1")
    assert [(t.source, t.dest) for t in failover] == [("normal__normal", "failing_over__taking_over")]
    assert not hasattr(Group(), "to_normal")


def test_what_cannot_be_added_is_refused(shared: PairMachine) -> None:
    with pytest.raises(BadInput, match="a state does not determine the pair; pass pair= instead"):
        shared.add_model(Group(), "normal__normal")
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.stat'"):
        machine_for(PRG, columns=("node1.stat",))
    twin = evolve(TURNSTILE, events=(*TURNSTILE.events, Event("coin()", Kind.COMMAND, "a")))
    with pytest.raises(BadInput, match="two events of this machine have the same name"):
        machine_for(Engine(twin), columns=("arm",))
    alike = evolve(
        TURNSTILE, columns=(Column("arm", ("a", "a__b")), Column("leg", ("c", "b__c"))),
        initial=((("arm", "a"), ("leg", "c")),), rules=(),
    )
    with pytest.raises(BadInput, match="two states of this machine have the same name"):
        machine_for(Engine(alike), columns=("arm", "leg"))


@pytest.mark.parametrize("option", [
    "auto_transitions", "initial", "model", "ordered_transitions", "states", "transitions", "quued",
])
def test_an_option_that_the_table_settles_is_refused(option: str) -> None:
    given: dict[str, Any] = {option: None}
    with pytest.raises(BadInput) as caught:
        machine_for(PRG, **given)
    assert str(caught.value) == (
        f"{option} cannot be given: the table sets states and transitions, and models are "
        "added with their pairs; allowed: after_state_change, before_state_change, finalize_event, "
        "ignore_invalid_triggers, model_attribute, model_override, name, on_exception, "
        "prepare_event, queued, send_event"
    )


def test_every_option_that_is_allowed_is_one_of_theirs() -> None:
    theirs = inspect.signature(transitions.Machine).parameters
    assert set(OPTIONS) < set(theirs)
    assert machine_for(
        PRG, **{name: theirs[name].default for name in OPTIONS}
    ).get_transitions("recover")


class Full:
    """An object without room."""

    __slots__ = ("pair",)


@pytest.mark.parametrize(("model", "kind"), [("self", "str"), (Full(), "Full"), (7, "int")])
def test_an_object_without_room_is_refused(shared: PairMachine, model: Any, kind: str) -> None:
    with pytest.raises(BadInput) as caught:
        shared.add_model(model)
    assert str(caught.value).startswith(
        "a model needs room for pair, decision, state and triggers as attributes; "
        f"this {kind} has none: '{kind}' object has no attribute "
    )
    assert model not in shared.models


def test_an_empty_pair_is_not_the_initial_one(shared: PairMachine) -> None:
    with pytest.raises(BadInput, match=r"missing column node1\.state"):
        shared.add_model(Group(), pair={})
    own: Any = Group()
    own.pair = {}
    with pytest.raises(BadInput, match=r"missing column node1\.state"):
        shared.add_model(own)


@pytest.mark.parametrize("adapt", [machine_for, chart_for, config])
def test_a_machine_without_states_asks_which_columns_make_one(adapt: Any) -> None:
    with pytest.raises(BadInput) as wrong:
        adapt(Engine(TURNSTILE))
    assert str(wrong.value).startswith("the machine 'turnstile' has no column node1.state, so choose ")
    assert f"columns=({Engine(TURNSTILE).stored[0]!r},)" in str(wrong.value)
