"""What rules ask for: F9 holds, finds what is missing, needless, harmful or disordered, anywhere."""

from __future__ import annotations

import json
from functools import cache

import pytest
from attrs import evolve
from writer.words import actions_page

from prgcore.engine import Engine
from prgcore.errors import MalformedMachine
from prgcore.form.wellformed import findings
from prgcore.machine import build, prg
from prgcore.model import Action, Cube, Duty, Event, Model, Rule
from prgcore.prove.duties import Duties, f9
from prgcore.prove.induction import Proof, is_mirrored
from prgcore.prove.mutants.judge import UNORDERED, Judge
from prgcore.prove.mutants.rules import mutants
from prgcore.prove.mutants.shape import Mutant
from prgcore.prove.relation import Relation
from prgcore.prove.work import Judgement, Work
from prgcore.seats import instantiate, mirror_rule
from prgcore.tables.actions import ACTIONS
from prgcore.tables.duties import DUTIES
from prgcore.tables.machine import TABLE
from prgcore.vocabulary import Kind
from prgcore.wire import dump, dumps, load
from tests import planted

PROVED = tuple(i.id for i in TABLE.invariants)

ON, OFF, RING = "current_on(me)", "current_off(me)", "ring(me)"
LAMP_DUTIES = (
    Duty("Q1", "a lamp that burns gets current", ON,
         before={"me.state": "dark"}, after={"me.state": planted.BURNING}),
    Duty("Q2", "a lamp that goes dark rings, and gets none", (RING, OFF),
         before={"me.state": planted.BURNING}, after={"me.state": "dark"},
         harmless=({"me.state": "dark"},)),
)
ASKS = {"A100": (ON,), "A104": (RING, OFF), "A108": (RING, OFF)}


def lamps(asks: dict[str, tuple[str, ...]] | None = None, duties: tuple[Duty, ...] = LAMP_DUTIES,
          ) -> Model:
    """The planted lamps, whose rules ask for current."""
    asked = ASKS | (asks or {})
    rules = [planted.row(planted.TABLE, id_) for id_ in asked]
    table = planted.rewritten(
        planted.TABLE,
        *(evolve(r, actions=tuple(_action(a) for a in asked[r.id])) for r in rules))
    return instantiate(evolve(table, duties=duties), {})


def _action(text: str) -> Action:
    do, _, node = text.partition("(")
    return Action(do, node.rstrip(")") or None)


def asked(model: Model) -> Judgement:
    return f9(Work(Engine(model)))


@cache
def document() -> Duties:
    """What the duties say of rules of the document, under invariants that are proved."""
    relation = Relation(build())
    solver = relation.solver()
    solver.add(relation.inside(PROVED))
    return Duties(relation, solver)


def with_actions(id_: str, *actions: str) -> Rule:
    rule = next(r for r in build().rules if r.id == id_)
    return evolve(rule, actions=tuple(_action(a) for a in actions))


def wrong(rule: Rule) -> list[str]:
    return [w.says for w in document().wrong(rule)]


def told(model: Model) -> Judgement:
    """F9 of a machine whose invariants are known to hold: actions change no pair."""
    return f9(Work(Engine(model), known=Proof(PROVED)))


# ---------------------------------------------------------------- the machine of the document


def test_every_rule_asks_for_what_its_steps_need_and_every_duty_is_met() -> None:
    found = told(build())
    assert found.verdict == "proved", found.detail
    assert found.detail["duties"] == 2 * len(DUTIES) - 1


def test_a_policy_asks_no_less() -> None:
    relation = Relation(build(reconnection="keep_serving", idle_on_peer_loss="take_over"))
    solver = relation.solver()
    solver.add(relation.inside(PROVED))
    duties = Duties(relation, solver)
    assert [w.says for rule in relation.model.rules for w in duties.wrong(rule)] == []


def test_the_duties_speak_of_every_action_and_of_no_other() -> None:
    assert {a.do for d in DUTIES for a in d.asks} == {kind.name for kind in ACTIONS}


@pytest.mark.parametrize(("rule", "actions", "says"), [
    ("S120@node1", (), "S120@node1 does not ask for acquire_grant(node1)"),
    ("F114@node1", ("disconnect_users(node1)",),
     "F114@node1 does not ask for release_grant(node1)"),
    ("F114@node1", ("release_grant(node1)", "disconnect_users(node1)"),
     "F114@node1 asks for release_grant(node1) before disconnect_users(node1)"),
    ("L110@node1", ("move_users(node1)", "acquire_grant(node1)"),
     "L110@node1 asks for move_users(node1) before acquire_grant(node1)"),
    ("B102@node1", ("acquire_grant(node1)",),
     "B102@node1 asks for acquire_grant(node1), which no step of it needs"),
    ("L118@node1", ("disconnect_users(node1)", "disconnect_users(node1)"),
     "L118@node1 asks for disconnect_users(node1) twice"),
    ("F110@node1", ("start_critical_services(node1)", "sing(node1)"),
     "F110@node1 asks for sing(node1), of which no duty speaks"),
])
def test_a_fault_is_found(rule: str, actions: tuple[str, ...], says: str) -> None:
    assert any(line.startswith(says) for line in wrong(with_actions(rule, *actions)))


def test_a_fault_comes_with_a_reachable_step_that_replays() -> None:
    changed = with_actions("S120@node1")
    rules = {changed.id: changed, mirror_rule(changed).id: mirror_rule(changed)}
    model = evolve(build(), rules=tuple(rules.get(r.id, r) for r in build().rules))
    found = told(model)
    assert (found.verdict, len(found.detail["all"])) == ("refuted", 1)
    shown = found.counterexample
    assert shown is not None
    assert (shown.reachable, shown.agrees, shown.rule) == (True, True, changed.id)
    assert Engine(model).step(shown.before, shown.event).pair == shown.after


def test_asking_for_the_grant_of_a_holder_back_does_harm() -> None:
    """X130 and X132 in one: a peer that is not heard may hold the grant, and keeps it."""
    rule = with_actions(
        "X132@node1", "disconnect_users(node1)", "disconnect_users(node2)",
        "release_grant(node1)", "release_grant(node2)")
    assert "X132@node1 asks for release_grant(node2) where it does harm" in wrong(rule)


def test_a_start_asks_again_for_what_a_dead_manager_did_not_do() -> None:
    starts = {r.id.partition("@")[0]: {a.do for a in r.actions} for r in prg().model.rules
              if r.event == "initialized(node1)"}
    assert "move_users" in starts["S132"] & starts["S134"]
    assert all(does for does in starts.values())


# ---------------------------------------------------------------- mutants


def test_every_changed_action_of_some_rules_is_killed_or_is_an_order_of_which_nothing_is_said(
) -> None:
    chosen = [
        m for m in mutants(build())
        if m.what.startswith("action") and m.at in ("A102", "F120@node1", "F114@node1")
    ]
    alive = [f"{m.at} {m.what}" for m in chosen if not wrong(m.new)]
    assert len(chosen) > 40
    assert alive
    assert all(what.startswith("A102 ") and " moved " in what for what in alive)


def test_no_changed_action_of_a_lamp_survives() -> None:
    judge = Judge(lamps())
    chosen = [m for m in mutants(lamps()) if m.what.startswith("action")]
    assert {judge.fate(m) for m in chosen} == {"F9"}
    assert len(chosen) == 38


def test_an_order_of_which_no_duty_speaks_is_counted_apart() -> None:
    duties = (LAMP_DUTIES[0], *(evolve(LAMP_DUTIES[1], id=f"Q{n}", asks=(asks,))
                                for n, asks in ((2, _action(RING)), (3, _action(OFF)))))
    judge = Judge(lamps(duties=duties))
    fates = {m.what: judge.fate(m) for m in mutants(lamps(duties=duties))
             if m.at == "A108@node1" and m.what.startswith("action")}
    assert {what for what, fate in fates.items() if fate == UNORDERED} == {
        "action ring(node1) moved to the end"}


def test_a_mutant_of_a_group_command_changes_both_seats() -> None:
    model = build()
    dropped = next(m for m in mutants(model) if m.at == "A102"
                   and m.what == "action disconnect_users(node1) dropped")
    assert not {a for a in dropped.new.actions if a.do == "disconnect_users"}
    assert is_mirrored(evolve(model, rules=tuple(
        dropped.new if r.id == "A102" else r for r in model.rules)))


def test_without_duties_no_action_is_changed() -> None:
    model = evolve(build(), duties=())
    assert not [m for m in mutants(model) if m.what.startswith("action")]


def test_the_last_action_of_a_command_that_does_nothing_else_is_form() -> None:
    model = evolve(lamps(), rules=(*lamps().rules, bell := Rule(
        "A120", "chime", actions=(Action("chime"),))), events=(*lamps().events, Event(
            "chime", Kind.COMMAND, "administrator", seated=False)))
    silent = Mutant("rules", "A120", "", "rules", ((bell, evolve(bell, actions=())),))
    assert Judge(model).fate(silent) == "form"


# ---------------------------------------------------------------- any machine


def test_lamps_ask_for_current() -> None:
    found = asked(lamps())
    assert (found.verdict, found.detail["duties"]) == ("proved", 4)


def test_a_machine_without_duties_says_what_it_lacks() -> None:
    found = asked(planted.LAMPS)
    assert found.verdict == "not_applicable"
    assert found.detail["says"] == "the machine has no duties, which say what its actions are for"


@pytest.mark.parametrize(("asks", "says"), [
    ({"A100": ()}, ("A100@node1 does not ask for current_on(node1): a lamp that burns gets "
                   "current (Q1@node1)")),
    ({"A108": (OFF, RING)}, ("A108@node1 asks for current_off(node1) before ring(node1) "
                            "(Q2@node1)")),
    ({"A102": (ON,)}, "A102@node1 asks for current_on(node1), which no step of it needs"),
    ({"A100": (ON, OFF)}, "A100@node1 asks for current_off(node1), which no step of it needs"),
    ({"A112": (RING,)}, "A112 asks for ring(me), of which no duty speaks"),
])
def test_a_fault_of_a_lamp_is_found(asks: dict[str, tuple[str, ...]], says: str) -> None:
    model = lamps(asks)
    if "A112" in asks:
        model = evolve(model, rules=tuple(
            evolve(r, actions=(Action("ring", "me"),)) if r.id == "A112" else r
            for r in model.rules))
    found = asked(model)
    assert (found.verdict, found.detail["says"]) == ("refuted", says)
    assert found.counterexample is not None
    assert found.counterexample.reachable


def test_what_a_step_only_sometimes_needs_may_be_asked_for_where_it_does_no_harm() -> None:
    """`rest` of either lamp as one rule: needed where it was lit, harmless where it was dark."""
    duties = (LAMP_DUTIES[0], evolve(LAMP_DUTIES[1], harmless=()))
    assert asked(lamps(duties=duties)).verdict == "proved"
    loose = lamps({"A114": ()}, duties=(*duties, Duty(
        "Q3", "the mains start a lamp", "start(me)", before={"mains": "off", "me.bulb": "good"},
        after={"mains": "on", "me.bulb": "good"})))
    rules = {r.id: r for r in loose.rules}
    both = evolve(rules["A114"], actions=(Action("start", "node1"), Action("start", "node2")))
    found = asked(evolve(loose, rules=tuple(both if r is rules["A114"] else r
                                            for r in loose.rules)))
    assert found.detail["says"] == "A114 asks for start(node1) where it does harm"


def test_a_duty_that_no_step_meets_is_vacuous() -> None:
    never = Duty("Q9", "a lamp that is lit at once", ON,
                 before={"me.state": "dark"}, after={"me.state": "lit"})
    found = asked(lamps(duties=(*LAMP_DUTIES, never)))
    assert (found.verdict, found.detail["all"]) == ("vacuous", [
        f"Q9@{node}: no reachable step meets it" for node in ("node1", "node2")])


def test_a_duty_of_some_events_speaks_of_no_other() -> None:
    only = evolve(LAMP_DUTIES[1], events=("rest(me)",))
    says = asked(lamps(duties=(LAMP_DUTIES[0], only))).detail["says"]
    assert says == "A108@node1 asks for ring(node1), which no step of it needs"


# ---------------------------------------------------------------- the machine file


def test_duties_are_written_and_read() -> None:
    ordered = lamps(duties=(evolve(LAMP_DUTIES[0], follows="current_off(peer)"), LAMP_DUTIES[1]))
    for model in (build(), ordered):
        assert load(dumps(model)) == model
    (wire,) = [d for d in dump(ordered)["duties"] if d["id"] == "Q1@node1"]
    assert wire["asks"] == [{"do": "current_on", "node": "node1"}]
    assert wire["follows"] == [{"do": "current_off", "node": "node2"}]
    assert "duties" not in json.loads(dumps(planted.LAMPS))


@pytest.mark.parametrize(("duty", "line"), [
    (Duty("Q1", "", ()), "duties[0].asks: nothing; Q1 asks for at least one action"),
    (Duty("Q1", "", "ring", follows="ring"),
     "duties[0].follows: ring cannot come before itself"),
    (Duty("Q1", "", ("ring", "ring")), "duties[0].asks: ring twice"),
    (Duty("Q1", "", "ring", events=("snow",)), "duties[0].events[0]: unknown event 'snow'"),
    (Duty("Q1", "", "ring", before={"moon": "full"}),
     "duties[0].before.moon: unknown column 'moon'"),
    (Duty("Q1", "", "ring", harmless={"mains": "odd"}),
     "duties[0].harmless[0].mains: unknown value 'odd'"),
])
def test_a_malformed_duty_is_one_line(duty: Duty, line: str) -> None:
    model = evolve(planted.LAMPS, duties=(duty,))
    assert any(found.startswith(line) for found in findings(model)), findings(model)
    with pytest.raises(MalformedMachine):
        load(dumps(model))


def test_two_duties_of_one_name_are_refused() -> None:
    twice = evolve(lamps(), duties=(LAMP_DUTIES[0], LAMP_DUTIES[0]))
    assert any("'Q1' is already the name of duties[0]" in line for line in findings(twice))


@pytest.mark.parametrize("wire", [
    [{"id": "Q1"}], {"id": "Q1"}, [7], [{"id": "Q1", "says": "", "asks": "ring"}],
    [{"id": "Q1", "says": "", "asks": [{"node": "node1"}]}],
])
def test_a_duty_of_another_shape_is_refused(wire: object) -> None:
    with pytest.raises(MalformedMachine, match="duties"):
        load(dump(planted.LAMPS) | {"duties": wire})


def test_the_page_of_the_actions_says_which_step_needs_each() -> None:
    page = actions_page(TABLE, ACTIONS)
    assert all(f"- {duty.id}: {duty.says} (" in page for duty in DUTIES)


def test_an_action_is_said_as_rules_write_it() -> None:
    assert [str(a) for a in (Action("ring"), Action("ring", "node1"))] == ["ring", "ring(node1)"]
    assert Duty("Q1", "", "ring").before == Cube()
    assert Rule("R1", "ring", actions=("ring(me)",)).actions == (Action("ring", "me"),)
