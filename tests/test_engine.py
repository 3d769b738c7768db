"""The contract of the interpreter: decisions, refusals, errors, pairs that never change."""

from __future__ import annotations

import copy
import pickle
import random
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from itertools import chain, product, zip_longest
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import pretty

from prgcore import engine as engine_module
from prgcore.engine import Decision, Engine, Pair, Walk
from prgcore.errors import (
    BadInput,
    BudgetExhausted,
    Failed,
    ImpossibleEvent,
    MalformedMachine,
    MissingExtra,
    NotTotal,
    OutsideInvariant,
    PrgError,
    Undecided,
)
from prgcore.machine import Machine, prg
from prgcore.model import Column, Event, Model, Possible, Rule, cube
from prgcore.seats import mirror_name, mirror_rule
from prgcore.vocabulary import Kind, Outcome
from tests import toys
from tests.planted import FAULTS, LAMPS

PRG = prg()
START = PRG.initial[0]
HOME = (
    "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
    "initialized(node1)", "initialized(node2)",
)
EVENTS = tuple(e.name for e in PRG.model.events)


def after(*events: str, engine: Engine = PRG) -> Pair:
    """The pair after these events from the start, each of them done."""
    way = engine.run(engine.initial[0], *events)
    assert {step.outcome for step in way.steps} <= {Outcome.DONE}, way.steps
    return way.end


NORMAL = after(*HOME)


def mirrored(pair: Mapping[str, str]) -> dict[str, str]:
    return {mirror_name(name): value for name, value in pair.items()}


# ---------------------------------------------------------------- decisions


def test_a_command_that_is_done_says_everything() -> None:
    decision = PRG.step(NORMAL, "failover(node1)")
    assert decision.outcome is Outcome.DONE
    assert decision.event == "failover(node1)"
    assert decision.rule is not None
    assert decision.rule.id == "M100@node1"
    assert decision.why == "manual failover: this node's users move to the peer"
    assert decision.failed == ()
    assert [(a.do, a.node) for a in decision.actions] == [
        ("stop_critical_services", "node1"), ("disconnect_users", "node1"),
        ("acquire_grant", "node2"), ("move_users", "node2"),
    ]
    changed = {c: (NORMAL[c], decision.pair[c]) for c in NORMAL if NORMAL[c] != decision.pair[c]}
    assert changed == {
        "node1.state": ("normal", "failing_over"), "node2.state": ("normal", "taking_over"),
        "node1.reason": ("normal", "on_admin_request"),
        "node2.reason": ("normal", "on_admin_request"),
        "node1.services": ("up", "stopped"), "node1.assigned_own": ("yes", "no"),
    }


def test_an_ignored_event_says_why_and_changes_nothing() -> None:
    pair = after(*HOME[:4], "services_down(node1)")
    lost = PRG.step(pair, "critical_service_delay(node1)")
    assert lost.outcome is Outcome.IGNORED
    assert lost.pair is pair
    assert lost.actions == ()
    assert lost.rule is not None
    assert lost.rule.id == "F106@node1"
    assert lost.why == "the peer's own start or failure decides first"


def test_a_refusal_names_the_failing_cells_of_the_nearest_rule() -> None:
    decision = PRG.step(NORMAL, "fallback(node1)")
    assert decision.outcome is Outcome.REFUSED
    assert decision.pair is NORMAL
    assert decision.rule is None
    assert decision.actions == ()
    assert [(f.column, f.value, f.needs) for f in decision.failed] == [
        ("node1.state", "normal", ("failed_over", "idle")),
        ("node2.state", "normal", ("running_in_backup_mode",)),
    ]
    assert decision.why == (
        "node1.state is normal, needs failed_over or idle; "
        "node2.state is normal, needs running_in_backup_mode")


def test_of_two_rules_equally_near_the_lowest_id_is_named() -> None:
    two = evolve(LAMPS, rules=tuple(
        r for rule in LAMPS.rules for r in (
            [evolve(rule, id="Z2", when={"node1.state": "lit"}),
             evolve(rule, id="A1", when={"node1.bulb": "burnt"})]
            if rule.id == "A100@node1" else [rule])
    ))
    for model in (two, evolve(two, rules=two.rules[::-1])):
        refused = Engine(model).step(dict(LAMPS.initial[0]), "light(node1)")
        assert refused.why == "node1.bulb is good, needs burnt"


def test_the_commands_that_are_available_in_the_order_of_the_machine() -> None:
    assert PRG.available(START) == ("enable_ha", "enable_auto_fallback", "add_users")
    assert PRG.available(NORMAL) == (
        "disable_ha", "enable_auto_fallback", "failover(node1)", "failover(node2)", "add_users")
    moving = PRG.step(NORMAL, "failover(node1)").pair
    assert PRG.available(dict(moving)) == ("disable_ha", "enable_auto_fallback")


# -------------------------------------------------------------------- errors


def _error(call: Any, *args: Any) -> PrgError:
    with pytest.raises(PrgError) as caught:
        call(*args)
    return caught.value


MISSING = (
    "missing column node1.state; missing column node1.reason; missing column node1.services; "
    "missing column node1.database; missing column node1.process; and 14 more")
NEAR = "unknown event 'failover'; did you mean failover(node2), failover(node1), recover?"


@pytest.mark.parametrize(("given", "message"), [
    (None, "a pair is an object of columns, not NoneType"),
    ([1], "a pair is an object of columns, not list"),
    ({**START, "node1.stat": "idle"},
     "unknown column 'node1.stat'; did you mean node1.state, node2.state, node1.health?"),
    ({c: v for c, v in START.items() if c != "ha"}, "missing column ha"),
    ({**START, "ha": "maybe"}, "ha: unknown value 'maybe'; known: improper, off, on"),
    ({**START, "ha": 1}, "ha: unknown value '1'; known: improper, off, on"),
    ({**START, "ha": ["on"]}, "ha: unknown value \"['on']\"; did you mean on?"),
    ({**START, "node1.health": "stopped"},
     "node1.health is derived and would be 'healthy', not 'stopped'"),
    ({}, MISSING),
], ids=lambda v: "" if isinstance(v, str) else None)
def test_what_is_no_pair_is_said(given: Any, message: str) -> None:
    error = _error(PRG.step, given, "recover")
    assert isinstance(error, BadInput)
    assert str(error) == message
    assert error.code == "bad_input"


@pytest.mark.parametrize(("event", "message"), [
    ("failover", NEAR),
    ("xyzzy!", None),
    (None, None),
    (["recover"], None),
])
def test_an_unknown_event_names_those_that_are_near(event: Any, message: str | None) -> None:
    error = _error(PRG.step, NORMAL, event)
    assert isinstance(error, BadInput)
    if message is None:
        assert str(error).startswith(f"unknown event {str(event)!r}; ")
        assert " known: " in str(error) or "did you mean" in str(error)
    else:
        assert str(error) == message
    assert str(_error(PRG.kind, event)) == str(error)


def test_an_event_that_cannot_happen_says_what_it_would_take() -> None:
    error = _error(PRG.step, NORMAL, "takeover_done(node1)")
    assert isinstance(error, ImpossibleEvent)
    assert str(error) == (
        "takeover_done(node1) cannot happen here: node1.state is normal, needs taking_over")
    assert error.code == "impossible_event"
    assert not PRG.possible(NORMAL, "takeover_done(node1)")


def test_a_pair_outside_the_invariant_is_answered_with_its_ids() -> None:
    both = {**NORMAL, "node1.state": "running_in_backup_mode",
            "node2.state": "running_in_backup_mode"}
    error = _error(PRG.step, both, "recover")
    assert isinstance(error, OutsideInvariant)
    assert error.code == "outside_invariant"
    assert {"S1", "S2"} <= set(error.broken)
    assert error.broken == PRG.broken(PRG.pair(both))
    assert str(error) == (
        f"the pair breaks {', '.join(error.broken)}: an assumption of the proof has failed; "
        "explain(pair) says which")
    assert isinstance(_error(PRG.available, both), OutsideInvariant)


def test_two_rules_or_none_are_never_guessed_between() -> None:
    faults = {f.name: f.model for f in FAULTS}
    start = dict(LAMPS.initial[0])
    none = _error(Engine(faults["hole"]).step, start, "rest(node1)")
    assert isinstance(none, NotTotal)
    assert str(none) == "rest(node1) is possible and no rule answers it (F2)"
    lit = after("light(node1)", "warm(node1)", engine=Engine(faults["overlap"]))
    two = _error(Engine(faults["overlap"]).step, dict(lit), "rest(node1)")
    assert str(two) == "rest(node1) matches A104@node1, A106@node1: two rules for one pair (F1)"


def test_an_error_is_given_again_and_remembered_decisions_are_the_same() -> None:
    assert str(_error(PRG.step, NORMAL, "power_on(node1)")) == str(
        _error(PRG.step, NORMAL, "power_on(node1)"))
    assert PRG.step(NORMAL, "failover(node1)") is PRG.step(NORMAL, "failover(node1)")


# --------------------------------------------------------------------- pairs


def test_a_pair_is_a_mapping_of_the_stored_columns() -> None:
    assert isinstance(NORMAL, Mapping)
    assert tuple(NORMAL) == PRG.stored
    assert len(NORMAL) == len(PRG.stored) == 19
    assert dict(PRG.pair(dict(NORMAL))) == dict(NORMAL)
    assert repr(NORMAL) == f"Pair({dict(NORMAL)!r})"


def test_derived_columns_can_be_asked_for_and_given_but_are_not_listed() -> None:
    assert NORMAL["node1.peer_health"] == "healthy"
    assert "node1.peer_health" not in list(NORMAL)
    assert PRG.pair({**NORMAL, "node1.peer_health": "healthy"}) == NORMAL
    with pytest.raises(KeyError):
        NORMAL["node3.state"]


def test_pairs_of_one_machine_are_equal_when_their_values_are() -> None:
    again = Machine(PRG.model).pair(dict(NORMAL))
    assert again is not NORMAL
    assert again == NORMAL
    assert hash(again) == hash(NORMAL)
    assert dict(NORMAL) == NORMAL
    assert NORMAL != START
    assert NORMAL != "normal"
    assert len({again, NORMAL, START}) == 2


def test_a_pair_of_another_engine_is_read_as_values() -> None:
    other = Machine(PRG.model)
    decision = other.step(NORMAL, "failover(node1)")
    assert decision.pair == PRG.step(NORMAL, "failover(node1)").pair
    assert other.pair(NORMAL) is other.pair(dict(NORMAL))
    assert PRG.pair(NORMAL) is NORMAL


def test_pairs_and_decisions_do_not_change() -> None:
    pair: Any = NORMAL
    with pytest.raises(TypeError):
        pair["ha"] = "off"
    with pytest.raises(TypeError):
        del pair["ha"]
    for name in ("values_", "row", "_row", "_decisions", "colour"):
        with pytest.raises(AttributeError):
            setattr(pair, name, ("red",))
    with pytest.raises(AttributeError):
        del pair.values_
    decision: Any = PRG.step(NORMAL, "failover(node1)")
    with pytest.raises(FrozenInstanceError):
        decision.outcome = Outcome.REFUSED
    assert NORMAL["ha"] == "on"


@pytest.mark.parametrize("engine", [PRG, Engine(LAMPS)], ids=["machine", "engine"])
def test_a_machine_does_not_change(engine: Any) -> None:
    before = engine.model, engine.stored, engine.position
    for name in ("model", "stored", "position", "initial", "colour"):
        with pytest.raises(AttributeError):
            setattr(engine, name, None)
        with pytest.raises(AttributeError):
            delattr(engine, name)
    assert before == (engine.model, engine.stored, engine.position)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))],
                         ids=["copy", "deepcopy", "pickle"])
def test_a_pair_can_be_copied_and_sent(again: Any) -> None:
    assert again(NORMAL) == NORMAL
    assert hash(again(NORMAL)) == hash(NORMAL)
    assert again(NORMAL).row == NORMAL.row


def test_a_machine_is_shown_by_its_name_and_its_policy() -> None:
    assert repr(PRG) == "PresenceRedundancyGroup('prg', idle_on_peer_loss=wait, reconnection=fail)"
    assert repr(Engine(LAMPS)) == "Engine('lamps')"


def test_the_order_of_the_columns_means_nothing() -> None:
    model = PRG.model
    derived = tuple(c for c in model.columns if c.derived)
    stored = tuple(c for c in model.columns if not c.derived)
    mixed = tuple(c for c in (*chain(*zip_longest(derived, stored)),) if c)
    assert mixed[0].derived
    for columns in (derived + stored, mixed):
        other = Machine(evolve(model, columns=columns))
        assert other.stored == PRG.stored
        assert other.position == PRG.position
        pair = after(*HOME, engine=other)
        assert pair == NORMAL
        assert pair.row == NORMAL.row
        assert other.at(NORMAL.values_) is pair
        assert other.available(pair) == PRG.available(NORMAL)
        down, at_home = (after(*HOME, "power_off(node1)", engine=e) for e in (other, PRG))
        assert other.plan(down).events == PRG.plan(at_home).events != ()


def test_a_step_leaves_the_mapping_that_it_was_given_alone() -> None:
    given_pair = dict(NORMAL)
    before = dict(given_pair)
    PRG.step(given_pair, "failover(node1)")
    assert given_pair == before


# --------------------------------------------------------------- properties


@st.composite
def walks(draw: st.DrawFn) -> list[int]:
    return draw(st.lists(st.integers(0, 10_000), max_size=25))


def walk(engine: Engine, choices: list[int]) -> list[Decision]:
    """A walk from the start: each number chooses one of the events that do something."""
    decisions: list[Decision] = []
    pair = engine.pair(dict(START))
    for choice in choices:
        found = [
            d for e in EVENTS if engine.possible(pair, e)
            for d in [engine.step(pair, e)] if d.outcome is Outcome.DONE
        ]
        decisions.append(found[choice % len(found)])
        pair = decisions[-1].pair
    return decisions


@settings(max_examples=40, deadline=None)
@given(walks())
def test_the_other_seat_sees_the_mirror_image(choices: list[int]) -> None:
    steps = walk(PRG, choices)
    pair = steps[-1].pair if steps else START
    image = PRG.pair(mirrored(pair))
    for event in EVENTS:
        other = mirror_name(event)
        assert PRG.possible(pair, event) == PRG.possible(image, other)
        if not PRG.possible(pair, event):
            continue
        one, two = PRG.step(pair, event), PRG.step(image, other)
        assert two.outcome is one.outcome
        assert dict(two.pair) == mirrored(one.pair)
        if one.rule and two.rule:
            assert two.rule.id == mirror_rule(one.rule).id
        assert {(f.column, f.value, f.needs) for f in two.failed} == {
            (mirror_name(f.column), f.value, f.needs) for f in one.failed}


@settings(max_examples=10, deadline=None)
@given(walks())
def test_the_bound_of_the_memory_changes_no_answer(choices: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "REMEMBERED", 2)
        forgetful = Machine(PRG.model)
        told = walk(forgetful, choices)
        assert len(forgetful._pairs) <= 2
    assert [(d.event, d.outcome, d.rule, dict(d.pair)) for d in told] == [
        (d.event, d.outcome, d.rule, dict(d.pair)) for d in walk(PRG, choices)]


def test_the_order_of_the_rules_means_nothing() -> None:
    backwards = Machine(evolve(PRG.model, rules=PRG.model.rules[::-1]))
    steps = walk(PRG, list(range(60, 90)))
    for before in [START, *(s.pair for s in steps)]:
        for event in EVENTS:
            if PRG.possible(before, event):
                one, two = PRG.step(before, event), backwards.step(dict(before), event)
                assert (one.outcome, one.rule, one.failed) == (two.outcome, two.rule, two.failed)
                assert one.pair == two.pair


def test_a_machine_needs_nothing_but_a_model() -> None:
    model: Model = LAMPS
    assert Engine(model).available(dict(model.initial[0])) == ("light(node1)", "light(node2)")


# ------------------------------------------------------------------- many events, many pairs


def test_a_run_is_a_step_for_every_event_refused_ones_among_them() -> None:
    walk = PRG.run(START, "enable_ha", "recover", "heartbeat_heard(node1)")
    pair = START
    for step, event in zip(walk.steps, walk.events, strict=True):
        assert step == PRG.step(pair, event)
        pair = step.pair
    assert [str(s.outcome) for s in walk.steps] == ["done", "refused", "done"]
    assert (walk.start, walk.end) == (START, pair)
    assert PRG.run(dict(START)).end == PRG.run(START).start
    assert PRG.run(START) == Walk(START)


def test_a_run_stops_at_an_error_and_says_where() -> None:
    with pytest.raises(ImpossibleEvent, match="takeover_done") as impossible:
        PRG.run(START, "enable_ha", "takeover_done(node1)", "recover")
    assert impossible.value.__notes__ == ["at event 2 of 3: takeover_done(node1)"]
    with pytest.raises(BadInput, match="unknown event") as unknown:
        PRG.run(START, "enable")
    assert unknown.value.__notes__ == ["at event 1 of 1: enable"]
    with pytest.raises(BadInput, match="missing column"):
        PRG.run({}, "enable_ha")


@pytest.mark.parametrize("model", [LAMPS, toys.LAMPS, toys.TURNSTILE])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_completions_are_all_pairs_with_these_columns(model: Model, data: st.DataObject) -> None:
    engine = Engine(model)
    some = [c.name for c in engine.model.columns]
    known = {
        c: data.draw(st.lists(st.sampled_from(engine.columns[c].domain), min_size=1).map(tuple))
        for c in data.draw(st.lists(st.sampled_from(some), unique=True))
    }
    every = [engine.at(v) for v in product(*(engine.columns[c].domain for c in engine.stored))]
    fits = [p for p in every if all(p[c] in values for c, values in known.items())]
    found = engine.completions(known, broken=True)
    assert len(found) == len(set(found)) == len(fits)
    assert set(found) == set(fits)
    assert set(engine.completions(known)) == {p for p in fits if not engine.broken(p)}
    assert engine.completions(known, len(found), broken=True) == found
    if found:
        with pytest.raises(BudgetExhausted, match=f"more than {len(found) - 1:,} pairs"):
            engine.completions(known, len(found) - 1, broken=True)


@pytest.mark.parametrize(("cells", "wrong"), [
    ({"node3.state": "normal"}, "unknown column 'node3.state'; did you mean"),
    ({"ha": "maybe"}, "ha: unknown value 'maybe'; known: improper, off, on"),
    ({"ha": 1}, "ha: unknown value '1'"),
    ({"ha": ("on", "both")}, "ha: unknown value 'both'"),
    ({"ha": ()}, "ha: no value is given, so none will do; known: off, improper, on"),
    (cube({"link": ("up", "sideways")}), "link: unknown value 'sideways'"),
    ({"ha": "maybe", "x": "y", "link": "sideways"}, "ha: .*; unknown column 'x'.*; link: "),
])
def test_what_is_no_column_or_no_value_is_said_at_once(cells: Any, wrong: str) -> None:
    for ask in (lambda: PRG.check(cells, "known"), lambda: PRG.check(cells, "known", stored=True)):
        with pytest.raises(BadInput, match=f"^known: {wrong}"):
            ask()
    with pytest.raises(BadInput, match=f"^{wrong}"):
        PRG.completions(cells)


def test_a_derived_column_is_not_stored_and_every_column_is_named() -> None:
    derived = {c.name: c.domain for c in PRG.model.columns if c.derived}
    PRG.check(derived)
    PRG.check(PRG.model.domains)
    with pytest.raises(BadInput, match="is derived; name the columns that it comes from"):
        PRG.check(derived, stored=True)
    assert PRG.column("ha") is PRG.columns["ha"]
    with pytest.raises(BadInput, match="unknown column 'hat'; did you mean ha"):
        PRG.column("hat")


# ----------------------------------------------------- what equal pairs share, and how they look


def test_equal_pairs_are_equal_also_where_they_are_not_one_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not one object: an engine forgets, a pair is copied and pickled, a listing keeps none."""
    monkeypatch.setattr(engine_module, "REMEMBERED", 2)
    engine = Engine(PRG.model)
    first = engine.initial[0]
    again = engine.pair(dict(first))
    assert again is first
    engine.run(first, *HOME)
    forgotten = engine.pair(dict(first))
    assert forgotten is not first
    for other in (forgotten, pickle.loads(pickle.dumps(first)), *engine.completions(dict(first))):
        assert (other, hash(other), dict(other)) == (first, hash(first), dict(first))
        assert PRG.step(other, "enable_ha") == engine.step(first, "enable_ha")
        assert {first: "found"}[other] == "found"


def test_a_pair_shows_itself_in_one_line_of_words() -> None:
    assert repr(NORMAL).startswith("Pair({'node1.state': 'normal', 'node1.reason': 'normal', ")
    assert eval(repr(NORMAL), {"Pair": PRG.pair}) == NORMAL
    shown = pretty(NORMAL)
    assert shown.startswith("Pair(node1.state=normal, node1.reason=normal, ")
    assert "\n" not in shown


@pytest.mark.parametrize(("change", "finding"), [
    ({"rules": lambda m: (evolve(m.rules[0], event="nonsense"), *m.rules[1:])},
     r"rules\[0\].event: unknown event 'nonsense'"),
    ({"rules": lambda m: (evolve(m.rules[0], when={"colour": "red"}), *m.rules[1:])},
     r"rules\[0\].when.colour: unknown column 'colour'"),
    ({"rules": lambda m: (evolve(m.rules[0], then={"colour": "red"}), *m.rules[1:])},
     r"rules\[0\].then.colour: unknown column 'colour'"),
    ({"possible": lambda m: (evolve(m.possible[0], event="nonsense"), *m.possible[1:])},
     r"possible\[0\].event: unknown event 'nonsense'"),
    ({"possible": lambda m: (evolve(m.possible[0], when={"colour": "red"}), *m.possible[1:])},
     r"possible\[0\].when.colour: unknown column 'colour'"),
    ({"invariants": lambda m: (evolve(m.invariants[0], never={"colour": "red"}),)},
     r"invariants\[0\].never\[0\].colour: unknown column 'colour'"),
    ({"columns": lambda m: tuple(
        evolve(c, table=c.table[1:]) if c.derived else c for c in m.columns)},
     "not total; no row for"),
    ({"columns": lambda m: tuple(
        evolve(c, sources=("colour",)) if c.derived else c for c in m.columns)},
     "unknown column 'colour'"),
    ({"events": lambda m: m.events[1:]}, r"unknown event 'enable_ha'"),
])
def test_a_machine_that_names_what_it_has_not_is_malformed(change: Any, finding: str) -> None:
    model = evolve(PRG.model, **{name: of(PRG.model) for name, of in change.items()})
    with pytest.raises(MalformedMachine, match=finding):
        Engine(model).step(dict(START), "enable_ha")


@pytest.mark.parametrize("value", [("off",), (), ["off"], None, 3, True, ("off", "on"), b"off"])
def test_a_column_of_a_pair_has_one_value_and_it_is_a_text(value):
    columns = {**PRG.initial[0], "ha": value}
    with pytest.raises(BadInput, match="ha: unknown value"):
        PRG.pair(columns)
    with pytest.raises(BadInput, match="ha: unknown value"):
        PRG.step(columns, "enable_ha")


def test_a_value_may_be_an_enumeration_of_texts():
    class Word(str, Enum):  # noqa: UP042, str() of it is another text
        OFF = "off"

    start = PRG.initial[0]
    assert PRG.pair({**start, "ha": Word.OFF}) == start
    assert type(PRG.pair({**start, "ha": Word.OFF})["ha"]) is str


@pytest.mark.parametrize("cells", [None, 3, "ha=on", [("ha", "on")]])
def test_cells_of_another_shape_are_bad_input(cells):
    for ask in (PRG.check, PRG.completions):
        with pytest.raises(BadInput, match="expected columns and their values"):
            ask(cells)


def test_threads_share_a_machine_whose_memory_is_forgotten(monkeypatch):
    monkeypatch.setattr(engine_module, "REMEMBERED", 300)
    machine = Machine(PRG.model)
    some = {"ha": "off", "node1.state": "unknown", "node2.state": "unknown", "link": "up",
            "node1.reason": "none", "node2.reason": "none", "auto_fallback": "off"}
    values = [tuple(p.values()) for p in PRG.completions(some, broken=True)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            def ask(seed):
                mine = random.Random(seed).sample(values, len(values))
                return [machine.at(v).values_ for v in mine] == mine

            assert all(pool.map(ask, range(24)))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("rule", [{"actions": ("do",)}, {"then": {"a": "y"}}])
def test_an_ignored_rule_does_nothing_whatever_it_says(rule):
    ignored = Rule("R1", "go", outcome=Outcome.IGNORED, why="because", **rule)
    engine = Engine(Model(
        "own", (Column("a", ("x", "y")),), ((("a", "x"),),), (Event("go", Kind.FAULT, "environment"),),
        (Possible("go", {}),), (ignored,)))
    (start,) = engine.initial
    decision = engine.step(start, "go")
    assert (decision.outcome, decision.pair, decision.actions) == (Outcome.IGNORED, start, ())


@pytest.mark.parametrize("error", [
    BadInput("a"), ImpossibleEvent("a", (Failed("ha", "off", ("on",)),)),
    OutsideInvariant("a", ("S1",)), MalformedMachine(("a: b", "c: d")), Undecided("a", ("ha",)),
    MissingExtra("the prover", "prove"),
])
def test_errors_survive_a_process_border(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
