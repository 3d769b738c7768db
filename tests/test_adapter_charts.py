"""The table as a chart of python-statemachine, as a drawn `transitions` machine, and as XState."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import statemachine
from attrs import evolve
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from prgcore.adapters.foreign import Shape, trigger
from prgcore.adapters.statemachine import PairChart, Refused, chart_for
from prgcore.adapters.transitions import GRAPH, LOCKED, machine_for
from prgcore.adapters.xstate import config, player
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import PRG, Machine
from prgcore.model import Column, Event
from prgcore.vocabulary import Kind
from prgcore.wire import digest
from tests.odd import NAMES, ring
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

GATE = Machine(TURNSTILE)


class Model:
    """Somebody's own object."""

    def __init__(self) -> None:
        self.log: list[str] = []


@pytest.fixture(scope="module")
def chart() -> type[PairChart]:
    return chart_for(GATE, ("arm",))


@pytest.fixture(scope="module")
def node() -> type[PairChart]:
    return chart_for(PRG, ("node1.state",))


# -------------------------------------------------------------- python-statemachine


def test_a_chart_is_one_of_theirs(node: type[PairChart]) -> None:
    assert issubclass(node, statemachine.StateMachine)
    one = node(pair=after())
    one.send("failover_node1")
    assert one.current_state_value == one.model.state == "failing_over"
    assert one.decision is not None
    assert one.decision.actions[0].do == "stop_critical_services"
    assert one.pair == PRG.step(after(), "failover(node1)").pair
    enabled = {e.id for e in node(pair=after()).enabled_events()}
    assert {"failover_node1", "link_cut"} <= enabled
    assert not enabled & {"recover", "takeover_done_node1", "fallback_node1"}


def test_a_refusal_is_theirs_and_says_why(node: type[PairChart]) -> None:
    one = node()
    for event, says in (("recover", "recover is refused: ha is off, needs on; "),
                        ("takeover_done_node1", "takeover_done(node1) cannot happen here: ")):
        with pytest.raises(statemachine.exceptions.TransitionNotAllowed) as caught:
            one.send(event)
        assert isinstance(caught.value, Refused)
        assert str(caught.value).startswith(says)
        assert one.pair == PRG.initial[0]
    with pytest.raises(statemachine.exceptions.TransitionNotAllowed):
        one.send("no_such_event")


def test_callbacks_see_the_pair_and_the_queue_keeps_its_order(chart: type[PairChart]) -> None:
    class Own(Model):
        def on_exit_locked(self) -> None:
            self.log.append(f"exit {self.pair['arm']}")  # type: ignore[attr-defined]

        def on_enter_open(self, machine: Any) -> None:
            self.log.append(f"enter {self.pair['arm']}")  # type: ignore[attr-defined]
            machine.push()

        def after_push(self) -> None:
            self.log.append(f"after {self.pair['arm']}")  # type: ignore[attr-defined]

    model = Own()
    chart(model).coin()
    assert model.log == ["exit locked", "enter open", "after locked"]
    assert model.state == "locked"  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["before_coin", "on_exit_locked", "on_enter_open", "after_coin"])
def test_a_callback_that_fails_leaves_state_and_pair_together(
    chart: type[PairChart], where: str
) -> None:
    def fails() -> None:
        raise RuntimeError("no")

    model: Any = Model()
    setattr(model, where, fails)
    one = chart(model)
    with pytest.raises(RuntimeError, match="no"):
        one.coin()
    assert one.current_state_value == one.pair["arm"] == model.state
    assert (model.decision is None) == (model.state == "locked")


def test_a_model_is_taken_up_where_it_was(chart: type[PairChart]) -> None:
    model = Model()
    chart(model).coin()
    again = chart(model)
    assert again.current_state_value == "open"
    assert again.push() is None
    assert again.pair["arm"] == "locked"


def test_a_state_that_somebody_sets_is_noticed(chart: type[PairChart]) -> None:
    one = chart()
    one.current_state_value = "open"
    with pytest.raises(BadInput, match="open is not the state of the model's pair, which is locked"):
        one.push()


def test_what_is_no_chart_is_refused(chart: type[PairChart]) -> None:
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.stat'"):
        chart_for(PRG, ("node1.stat",))
    with pytest.raises(BadInput, match="missing column arm"):
        chart(pair={})
    with pytest.raises(BadInput, match="pass pair= instead of start_value="):
        chart(start_value="open")
    with pytest.raises(BadInput, match="a model needs room for pair, decision and state"):
        chart(object())
    taken = evolve(TURNSTILE, events=(*TURNSTILE.events, Event("send", Kind.COMMAND, "a")))
    with pytest.raises(BadInput, match="send: a chart has its own attribute of this name"):
        chart_for(Engine(taken), ("arm",))
    named = evolve(TURNSTILE, columns=(Column("arm", ("locked", "open", "coin")),))
    with pytest.raises(BadInput, match="coin: a chart has its own attribute of this name"):
        chart_for(Engine(named), ("arm",))


def named(event: str) -> Engine:
    """Two states, `w0` and `w1`, and two events: `coin`, and one with this name."""
    return Engine(ring(("w0", "w1"), events=("coin", event)))


@pytest.mark.parametrize("name", [
    "trigger", "may_trigger", "state", "pair", "decision", "get_graph", "may_coin", "may(coin)",
    "is_w0", "is_w1",
])
def test_an_event_that_a_model_of_transitions_has_already_is_refused(name: str) -> None:
    """The library would leave one of the two unbound, and say so in a log only."""
    with pytest.raises(BadInput, match="a model has an attribute of this name of its own; rename"):
        machine_for(named(name), Model(), columns=("node1.state",))


def test_a_state_of_another_name_frees_a_trigger() -> None:
    model: Any = Model()
    machine_for(named("state"), model, columns=("node1.state",), model_attribute="at")
    model.coin()
    model.state()
    assert model.at == "w0"
    with pytest.raises(BadInput, match="is_at_w0: a model has an attribute"):
        machine_for(named("is_at_w0"), columns=("node1.state",), model_attribute="at")
    with pytest.raises(BadInput, match="a model has an attribute pair of its own; choose another"):
        machine_for(named("go"), columns=("node1.state",), model_attribute="pair")


@pytest.mark.parametrize("name", [
    "model", "state_field", "history_values", "send", "pair", "name", "before_coin", "on_coin",
    "after_coin", "on_enter_w0", "on_exit_w1", "on_invoke_w0", "before_transition",
    "on_enter_state", "prepare_event",
])
def test_an_event_that_a_chart_has_or_calls_already_is_refused(name: str) -> None:
    """An event called before_coin would be sent before each coin."""
    with pytest.raises(BadInput, match=f"{name}: a chart (has its own|calls what has)"):
        chart_for(named(name), ("node1.state",))


@pytest.mark.parametrize("name", ["#", "-->", "_", "(.)"])
def test_an_event_without_a_letter_is_refused(name: str) -> None:
    for make in (chart_for, machine_for):
        with pytest.raises(BadInput, match="has no letter or digit, so nothing can be named"):
            make(named(name), columns=("node1.state",))


@pytest.mark.parametrize("name", [n for n in NAMES if trigger(n) not in ("", "send", "state", "trigger")])
def test_an_event_with_an_odd_name_is_done(name: str) -> None:
    """Also one that is a word of Python: it has no method then, but a name."""
    model: Any = Model()
    machine_for(named(name), model, columns=("node1.state",))
    chart = chart_for(named(name), ("node1.state",))()
    for send in (model.trigger, chart.send):
        send("coin")
        send(trigger(name))
    assert model.pair["node1.state"] == chart.pair["node1.state"] == "w0"


def test_values_that_are_wildcards_elsewhere_are_values() -> None:
    """`*` is every state to transitions, and `=` the same state."""
    machine = machine_for(Engine(ring(("a", "*", "=", "b"), events=("e0", "e1", "e2", "e3"))),
                          columns=("node1.state",))
    assert [(t.source, t.dest) for t in machine.get_transitions()] == [
        ("a", "*"), ("*", "="), ("=", "b"), ("b", "a")]


def test_a_nested_machine_needs_another_separator_than_its_own() -> None:
    """The page says so: with an underscore one state of ours is the parent of another."""

    class Slash(NestedState):
        separator = "/"

    class Nested(HierarchicalMachine):
        state_cls = Slash

    longer = "failed_over_with_critical_services_not_running"

    def may(kind: Any) -> bool:
        model: Any = Model()
        kind(model, states=["normal", "failed_over", longer], initial=longer,
             auto_transitions=False, transitions=[["fallback", "failed_over", "normal"]])
        answer: bool = model.may_fallback()
        return answer

    assert may(HierarchicalMachine)
    assert not may(Nested)


def test_asynchronous_callbacks_are_refused(chart: type[PairChart]) -> None:
    class Own(Model):
        async def on_enter_open(self) -> None: ...

    with pytest.raises(BadInput, match="callbacks of a pair are not asynchronous"):
        chart(Own())


# ------------------------------------------------------------- drawn, and in threads


def test_a_graph_shows_what_is_near_and_where_it_was() -> None:
    model: Any = Model()
    machine_for(PRG, model, graph=True, graph_engine="mermaid", columns=("node1.state",))
    model.enable_ha()
    near = model.get_graph(show_roi=True).source
    assert near.startswith("---\nprg\n---\nstateDiagram-v2")
    assert "Class initializing s_active" in near
    assert "Class unknown s_previous" in near
    assert "unknown --> initializing: enable_ha" in near
    whole = model.get_graph().source
    assert "taking_over --> running_in_backup_mode: takeover_done_node1" in whole
    assert whole.count("\n  state ") == len(
        next(c for c in PRG.model.columns if c.name == "node1.state").domain)


def test_a_drawn_model_that_is_placed_anew_is_drawn_there() -> None:
    model: Any = Model()
    machine = machine_for(GATE, model, graph=True, graph_engine="mermaid", columns=("arm",))
    model.coin()
    machine.add_model(model, pair={"arm": "locked"})
    drawn = model.get_graph().source
    assert "Class locked s_active" in drawn
    assert "Class open s_default" in drawn


def test_triggers_of_several_threads_take_turns() -> None:
    model: Any = Model()
    inside: list[int] = []
    most: list[int] = []

    def count() -> None:
        inside.append(1)
        most.append(len(inside))
        inside.pop()

    machine_for(GATE, model, locked=True, columns=("arm",), after_state_change=count)
    threads = [
        threading.Thread(target=lambda: [model.push() for _ in range(200)]) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(most), max(most), model.state) == (800, 1, "locked")


@pytest.mark.parametrize(("kind", "option"), [
    *(({"graph": True}, o) for o in GRAPH), *(({"locked": True}, o) for o in LOCKED),
])
def test_further_options_are_those_of_the_kind(kind: dict[str, bool], option: str) -> None:
    given: dict[str, Any] = {option: "mermaid" if option == "graph_engine" else []}
    machine_for(GATE, columns=("arm",), **kind, **given)
    with pytest.raises(BadInput, match=f"{option} cannot be given"):
        machine_for(GATE, columns=("arm",), **given)


# ------------------------------------------------------------------------- XState


def test_a_configuration_is_json_and_the_same_every_time() -> None:
    text = json.dumps(config(PRG))
    assert text == json.dumps(config(PRG))
    assert json.loads(text) == config(PRG)


def test_every_transition_names_a_rule_of_the_file() -> None:
    found = config(PRG)
    rules = {r["id"]: r for r in found["meta"]["machine"]["rules"]}
    assert found["meta"]["digest"] == digest(PRG.model)
    named = set()
    for region in found["states"].values():
        for state in region["states"].values():
            for event, some in state.get("on", {}).items():
                for one in some:
                    assert one["guard"]["type"] == "applies"
                    assert rules[one["guard"]["params"]["rule"]]["event"] == event
                    assert one.get("target", "kept") in region["states"]
                    named.add(one["guard"]["params"]["rule"])
    assert named == set(rules)


def test_a_rule_in_a_region_and_in_the_pair() -> None:
    found = config(PRG, pair=after())
    assert found["states"]["node1_state"]["initial"] == "normal"
    assert found["context"]["pair"] == dict(after())
    on = found["states"]["node1_state"]["states"]["normal"]["on"]["failover(node1)"]
    assert on == [{"target": "failing_over", "guard": {"type": "applies", "params": {
        "rule": "M100@node1", "makes": {"node1.state": "failing_over"}}}}]
    [kept] = found["states"]["pair"]["states"]["kept"]["on"]["failover(node1)"]
    assert kept["actions"][:2] == [
        {"type": "decide", "params": {"rule": "M100@node1"}},
        {"type": "stop_critical_services", "params": {"node": "node1"}},
    ]


def test_what_is_no_configuration_is_refused() -> None:
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.stat'"):
        config(PRG, ("node1.stat",))
    with pytest.raises(BadInput, match="missing column arm"):
        config(GATE, ("arm",), pair={})
    alike = evolve(LAMPS, columns=(*LAMPS.columns, Column("pair", ("a",))),
                   initial=((*LAMPS.initial[0], ("pair", "a")),))
    with pytest.raises(BadInput, match="two regions of this machine have the same name: pair and pair"):
        config(Engine(alike), ("pair",))


def test_the_player_reads_what_the_configuration_has() -> None:
    text = player()
    assert "export function play(config" in text
    assert "config.meta.machine" in text


def test_states_that_no_rule_joins_are_states_still() -> None:
    assert Shape(GATE, ("arm",)).states == ("locked", "open")
    assert Shape(GATE, ("arm",)).edges() == [
        ("coin", "locked", "open"), ("push", "locked", "locked"), ("push", "open", "locked")]
