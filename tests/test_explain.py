"""Explanations: the row, what to do, what is on offer, and what is said when nothing is proved."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest
from attrs import evolve

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, NeedsTwoNodes, OutsideInvariant
from prgcore.explain.explaining import (
    NoNode,
    candidates,
    display_of,
    explain,
    explain_display,
    explain_pairs,
    parse_shown,
    shows_states,
    spell,
    why_not,
)
from prgcore.explain.plan import plan
from prgcore.machine import PRG
from prgcore.model import (
    Column,
    Cube,
    Display,
    Event,
    Family,
    Invariant,
    Model,
    Rule,
    Shown,
    Situation,
    Values,
    cube,
)
from prgcore.seats import mirror_name
from prgcore.tables.situations import SITUATIONS
from prgcore.tables.stories import STARTS
from prgcore.vocabulary import Kind, Outcome, Reason, State

TABLE2 = Engine(evolve(PRG.model, situations=SITUATIONS))
NORMAL = STARTS["normal"]
CAUSES = [(s, c) for s in SITUATIONS for c in s.causes]


def after(*events: str, engine: Engine = TABLE2) -> Pair:
    return engine.run(engine.initial[0], *events).end


def toy() -> Engine:
    """Two nodes with states and reasons, of which one may serve; a hidden column decides."""
    states = ("normal", "idle", "running_in_backup_mode")
    columns = tuple(
        Column(f"{n}.{what}", domain)
        for n in ("node1", "node2")
        for what, domain in (("state", states), ("reason", ("normal", "none")), ("key", ("no", "yes")))
    )
    return Engine(Model(
        name="toy", columns=columns,
        initial=(tuple((c.name, c.domain[0]) for c in columns),),
        events=(Event("failover(node1)", Kind.COMMAND, "administrator"),
                Event("recover", Kind.COMMAND, "administrator")),
        possible=(),
        rules=(
            Rule("T1", "failover(node1)", {"node1.state": "normal", "node1.key": "yes"},
                 {"node1.state": "idle"}, why="out"),
            Rule("T2", "recover", {"node1.state": "idle"}, {"node1.state": "normal"}, why="in"),
        ),
        invariants=(
            Invariant("S1", "never both in backup mode", {
                "node1.state": "running_in_backup_mode", "node2.state": "running_in_backup_mode"}),
            Invariant("X1", "an idle node has the key", {"node1.state": "idle", "node1.key": "no"},
                      auxiliary=True),
        ),
        goal=(cube({"node1.state": "normal", "node1.key": "yes"}),),
        assumptions=("A-LIN: one record",),
    ))


# ----------------------------------------------------------------- parse_shown


@pytest.mark.parametrize(("text", "shown"), [
    ("Failed Over / Initialization", Shown(State.FAILED_OVER, Reason.INITIALIZATION)),
    ("failed_over:initialization", Shown(State.FAILED_OVER, Reason.INITIALIZATION)),
    ("BACKUP MODE, critical services down",
     Shown(State.RUNNING_IN_BACKUP_MODE, Reason.CRITICAL_SERVICE_DOWN)),
    ("Failed", Shown(State.RUNNING_IN_FAILED_MODE, None)),
    ("Unknown /", Shown(State.UNKNOWN, Reason.NONE)),
    ("", None), ("Down", None), (" nothing ", None),
])
def test_spellings(text: str, shown: object) -> None:
    assert parse_shown(text) == shown


def test_every_state_and_reason_reads_back() -> None:
    for state, reason in product(State, Reason):
        assert parse_shown(spell(Shown(state))) == Shown(state)
        assert parse_shown(f"{spell(Shown(state))} / {reason}") == (
            state, reason if reason is not Reason.NONE else Reason.NONE)
    assert spell(None) == "shows nothing"


def test_an_answer_names_the_commands_and_what_to_wait_for() -> None:
    """In place of "take the way below": what to ask for, in order, and what comes by itself."""
    idle = explain_display(PRG, *map(parse_shown, (
        "Idle / On Admin Request", "Running in Backup Mode / On Admin Request"))).text()
    assert ("  - To bring everybody home: fallback(node1); wait until both nodes are Normal.\n"
            ) in idle
    assert "way home: " not in idle
    moving = explain_display(PRG, *map(parse_shown, (
        "Taking Back / On Admin Request", "Falling Back / On Admin Request"))).text()
    assert "  - Wait until both nodes are Normal: this goes on by itself.\n" in moving
    sick = explain_display(PRG, *map(parse_shown, (
        "Failed Over with Critical Services Not Running / Critical Service Down",
        "Running in Backup Mode / Critical Service Down"))).text(verbose=True)
    assert ("The way home: 3 steps services_up(node1) and fallback(node1), then wait for "
            "takeback_done(node1) assuming ") in " ".join(sick.split())


def test_unknown_words() -> None:
    with pytest.raises(BadInput, match="unknown state 'Idel'; did you mean Idle"):
        parse_shown("Idel / Initialization")
    with pytest.raises(BadInput, match="unknown reason 'Admin Request'; did you mean On Admin"):
        parse_shown("Idle / Admin Request")


# --------------------------------------------------------------- Table 2, pairs


@pytest.mark.parametrize(("situation", "reason"), CAUSES, ids=[c.id for _, c in CAUSES])
@pytest.mark.parametrize("mirrored", [False, True])
def test_every_documented_cause_is_explained_by_its_row(
    situation: object, reason: object, mirrored: bool
) -> None:
    trace = (*STARTS[reason.start], *reason.events)  # type: ignore[attr-defined]
    pair = after(*(mirror_name(e) if mirrored else e for e in trace))
    found = explain(TABLE2, pair)
    assert found.row == situation.row  # type: ignore[attr-defined]
    assert found.broken == ()
    display = situation.display  # type: ignore[attr-defined]
    if display != display.mirrored():
        assert found.seat == ("node2" if mirrored else "node1")
    assert "node 1" not in found.text().lower()
    assert max(map(len, found.text().splitlines())) <= 80


def test_a_pair_of_the_table_in_json() -> None:
    moved = ("services_down(node2)", "critical_service_delay(node2)", "takeover_done(node1)",
             "taken_over(node2)")
    answer = explain(TABLE2, after(*NORMAL, *moved)).to_json()
    assert list(answer) == [
        "row", "rows", "seat", "cause", "actions", "available", "maybe", "refused", "plan", "assuming",
        "broken",
    ]
    assert (answer["row"], answer["rows"], answer["seat"]) == ("12", ["12"], "node2")
    assert answer["actions"]
    assert answer["available"] == ["disable_ha", "enable_auto_fallback"]
    assert answer["refused"]["recover"][0] == {
        "column": "node1.state", "is": "running_in_backup_mode",
        "needs": ["running_in_failed_mode"],
    }
    assert answer["plan"] == ["services_up(node2)", "fallback(node2)", "takeback_done(node2)"]
    assert (answer["maybe"], answer["assuming"], answer["broken"]) == ([], {}, [])
    assert json.loads(json.dumps(answer)) == answer


def test_what_a_button_would_do() -> None:
    found = explain(TABLE2, after(*NORMAL))
    assert found.does["failover(node1)"].endswith("Then node1 Failing Over and node2 Taking Over.")
    assert "On offer\n  failover(node1)\n  failover(node2)\n" in found.text()
    assert "failover(node1): accepted. " in found.text(verbose=True)


def test_a_pair_that_no_row_lists_names_a_rule_a_decision_and_the_nearest_row() -> None:
    found = explain(TABLE2, after(*NORMAL, "services_down(node1)", "critical_service_delay(node1)"))
    answer = found.to_json()
    assert answer["row"] is None
    assert (answer["decision"], answer["nearest"]) == ("D22", "12")
    assert "F100@node1: automatic failover" in found.cause
    assert "nearest: row 12.)" in " ".join(found.text().split())
    assert "F100" not in found.text()
    assert "See decision D22." in found.text(verbose=True)


def test_a_family_speaks_where_no_row_does() -> None:
    family = Family(
        "H1", "failing over", (((("failing_over",), ()), (("taking_over",), ())),),
        "D99", "13", "wait for the completion",
    )
    engine = Engine(evolve(TABLE2.model, families=(family,)))
    found = explain(engine, after(
        *NORMAL, "services_down(node2)", "critical_service_delay(node2)", engine=engine))
    assert (found.row, found.decision, found.nearest) == (None, "D99", "13")
    assert found.actions == ("wait for the completion",)
    assert found.cause == "failing over"


def test_a_machine_without_states_is_explained_too() -> None:
    engine = Engine(Model(
        name="lamp", columns=(Column("lamp", ("off", "lit")),), initial=((("lamp", "off"),),),
        events=(Event("switch", Kind.COMMAND, "administrator"),), possible=(),
        rules=(Rule("T1", "switch", {"lamp": "off"}, {"lamp": "lit"}, why="light"),),
    ))
    found = explain(engine, {"lamp": "off"})
    assert (found.display, found.row, found.available, found.plan) == (None, None, ("switch",), None)
    assert found.text() == "On offer\n  switch\n"
    assert found.text(verbose=True).endswith("\n\nCommands\n  switch: accepted. light\n")
    with pytest.raises(BadInput, match="the machine 'lamp' shows no states; explain a pair"):
        explain_display(engine, None, None)


def test_a_machine_with_words_of_its_own_is_explained_too() -> None:
    columns = tuple(
        Column(f"{n}.{what}", ("off", "lit"))
        for n in ("node1", "node2") for what in ("state", "reason")
    )
    engine = Engine(Model(
        name="lamps", columns=columns, initial=(tuple((c.name, "off") for c in columns),),
        events=(Event("switch", Kind.COMMAND, "administrator"),), possible=(),
        rules=(Rule("T1", "switch", {"node1.state": "off"}, {"node1.state": "lit"}, why="light"),),
        situations=(Situation("1", "dark", Display(Shown("off", "off"), Shown("off", "off"))),),
    ))
    found = explain(engine, engine.initial[0])
    assert (found.display, found.row, found.available) == (None, None, ("switch",))
    assert found.text() == ("node1  state off, reason off\nnode2  state off, reason off\n\n"
                            "On offer\n  switch\n")
    assert found.text(verbose=True).endswith("\n\nCommands\n  switch: accepted. light\n")
    assert not shows_states(engine)
    with pytest.raises(BadInput, match="the machine 'lamps' shows no states; explain a pair"):
        explain_display(engine, None, None)


def test_a_row_in_other_words_is_no_row_of_the_display() -> None:
    foreign = Situation("1", "dark", Display(Shown("off", "off"), Shown("off", "off")))
    engine = Engine(evolve(toy().model, situations=(foreign,)))
    found = explain(engine, engine.initial[0])
    assert (found.row, found.nearest) == (None, "1")


# -------------------------------------------------------------------- displays


def test_candidates_are_all_pairs_of_the_display_within_the_invariants() -> None:
    engine = toy()
    shown = Shown(State.NORMAL, Reason.NORMAL), Shown(State.NORMAL, None)
    expected = {
        pair for values in product(*(c.domain for c in engine.model.columns))
        if not engine.broken(pair := engine.pair(dict(zip(engine.stored, values, strict=True))))
        and (pair["node1.state"], pair["node1.reason"], pair["node2.state"])
        == ("normal", "normal", "normal")
    }
    assert set(candidates(engine, shown)) == expected
    assert set(candidates(engine, shown, {"node2.key": "yes"})) == {
        p for p in expected if p["node2.key"] == "yes"
    }
    assert candidates(engine, shown, reachable=lambda _: False) == []


def test_candidates_of_the_group_hold_every_reachable_pair_of_a_walk() -> None:
    way = ("failover(node1)", "takeover_done(node2)", "link_cut", "taken_over(node1)",
           "heartbeat_lost(node2)", "manager_stop(node1)", "database_down(node2)")
    for step in TABLE2.run(after(*NORMAL), *way).steps:
        pair = step.pair
        display = display_of(TABLE2, pair)
        assert display is not None
        assert pair in candidates(TABLE2, display)


def test_a_display_says_what_is_hidden() -> None:
    found = explain_display(
        TABLE2, parse_shown("Failed Over / Initialization"),
        parse_shown("Running in Backup Mode / Critical Service Down"),
    )
    answer = found.to_json()
    assert (answer["row"], answer["seat"], answer["broken"]) == ("11a", "node1", [])
    both = {"node1.hears_peer": ["yes"], "node2.hears_peer": ["yes"]}
    assert {"command": "fallback(node1)", "if": both} in answer["maybe"]
    assert answer["plan"] == ["fallback(node1)", "takeback_done(node1)"]
    assert answer["assuming"]["link"] == "up"
    assert "node1.services" not in answer["assuming"]
    assert found.pairs > 1
    assert "fallback(node1), if both nodes hear each other\n" in found.text()
    assert "fallback(node1): accepted if node1.hears_peer is" in found.text(verbose=True)


def test_the_plan_is_for_a_pair_that_fits_the_row_and_its_advice() -> None:
    found = explain_display(
        TABLE2, parse_shown("Failed Over with Critical Services Not Running / Critical Service Down"),
        parse_shown("Running in Backup Mode / Critical Service Down"),
    )
    assert found.row == "12"
    assert found.plan is not None
    assert found.plan.events == ("services_up(node1)", "fallback(node1)", "takeback_done(node1)")
    assert found.assuming["node1.services"] == "down"


def test_what_is_said_of_a_display_holds_of_every_pair_of_it() -> None:
    display = parse_shown("Normal / Normal"), parse_shown("Normal / Normal")
    pairs = candidates(TABLE2, display)
    found = explain_pairs(TABLE2, display, pairs)
    for pair in pairs:
        accepted = set(TABLE2.available(pair))
        assert set(found.available) <= accepted
        assert not set(found.refused) & accepted
        for maybe in found.maybe:
            assert maybe.decides
            assert TABLE2.holds(maybe.when, pair) == (maybe.command in accepted)


OPEN = [
    ("Failed Over", "Running in Backup Mode", ["11a", "11b", "18b"]),
    ("Running in Backup Mode", "Failed Over", ["11a", "11b", "18b"]),
    ("Idle", "Running in Backup Mode", ["3", "5", "6", "7"]),
    ("Idle / Initialization", "Running in Backup Mode", ["5", "6"]),
    ("Running in Failed Mode", "Running in Failed Mode", ["14", "15", "19", "20", "21"]),
    ("Failing Over", "Taking Over", ["2", "8"]),
    ("", "Running in Backup Mode", ["16", "17"]),
    ("Unknown", "Unknown", ["24"]),
]


@pytest.mark.parametrize(("left", "right", "rows"), OPEN)
def test_open_reasons_leave_the_row_open(left: str, right: str, rows: list[str]) -> None:
    found = explain_display(PRG, parse_shown(left), parse_shown(right))
    answer = found.to_json()
    assert (answer["row"], answer["rows"]) == (None, rows)
    assert (answer["nearest"] in rows, answer["decision"]) == (True, None)
    text = found.text()
    assert "In no row" not in text
    said = " ".join(text.split())
    assert f"(Row {answer['nearest']} of Table 2. Without the reasons it may also be " in said
    others = said.partition("it may also be ")[2].partition(".)")[0]
    assert set(re.findall(r"\d\d?[ab]?", others)) == set(rows) - {answer["nearest"]}
    all_told = found.text(verbose=True)
    assert all(f"\n  row {row}: " in all_told for row in rows)
    first = f"The first node of row {answer['nearest']} is {found.seat}."
    assert (first in all_told) == (left != right)  # no node of two like ones is the first
    head = text.splitlines().index(f"What to do now, if it is row {answer['nearest']}")
    assert head < 10
    assert max(map(len, all_told.splitlines())) <= 80
    by = explain(PRG, found.pair or {})
    assert (by.row, by.seat, by.cause) == (answer["nearest"], found.seat, found.cause)


@pytest.mark.parametrize(("left", "right", "rows"), OPEN)
def test_a_reading_is_what_its_reasons_show(left: str, right: str, rows: list[str]) -> None:
    shown = parse_shown(left), parse_shown(right)
    found = explain_display(PRG, *shown)
    told = {reasons: r for r in found.readings for reasons in r.reasons}
    assert len(told) == sum(len(r.reasons) for r in found.readings)
    for reasons, reading in told.items():
        given = iter(reasons)
        exact = [s and Shown(s.state, Reason(next(given))) for s in shown]
        alone = explain_display(PRG, *exact)
        assert alone.rows == ((reading.row,) if reading.row else ())
        assert alone.readings == ()
        says = {f.id: f.says for f in PRG.model.families}
        assert reading.family is None or alone.cause == says[reading.family]
    pairs = sum(explain_display(PRG, *(
        s and Shown(s.state, Reason(next(given))) for s in shown)).pairs
        for reasons in told for given in [iter(reasons)])
    assert pairs == found.pairs
    assert [r.row for r in found.readings if r.row] == rows


def test_one_row_is_said_flatly_where_every_reason_makes_it() -> None:
    found = explain_display(PRG, parse_shown("Normal"), parse_shown("Normal"))
    assert (found.row, found.rows, found.nearest) == ("1", ("1",), None)
    assert "Normal operation. (Row 1 of Table 2.)" in found.text()
    assert "The reasons show which" not in found.text(verbose=True)


def test_what_no_row_lists_is_still_told_apart() -> None:
    found = explain_display(PRG, parse_shown("Idle / Peer Down"), parse_shown("Backup Mode"))
    assert (found.row, found.rows, found.nearest) == (None, (), "16")
    assert [r.family for r in found.readings] == ["HF6"]
    assert "(In no row of Table 2; nearest: row 16.)" in " ".join(found.text().split())
    assert "See decision D32." in found.text(verbose=True)
    found = explain_display(PRG, parse_shown("Failed Over / Database Failure"),
                            parse_shown("Backup Mode"))
    assert (found.row, found.rows) == (None, ())
    assert [r.family for r in found.readings] == ["HF2", "HF3", "HF4", "HF5"]
    assert found.nearest is not None
    text = found.text(verbose=True)
    assert f"(In no row of Table 2; nearest: row {found.nearest}.)" in " ".join(text.split())
    assert "in no row (HF3): Database Failure | Initialization" in text


def test_normal_operation_is_not_said_of_two_sick_nodes() -> None:
    shown = parse_shown("Normal / Normal"), parse_shown("Normal / Normal")
    for part in ("services", "database"):
        found = explain_display(PRG, *shown, {f"{n}.{part}": "down" for n in ("node1", "node2")})
        assert found.row == "1"
        assert "The row's usual cause does not fit: node1.health is" in found.cause
    assert explain_display(PRG, *shown).cause == "Normal operation."


def test_known_columns_narrow() -> None:
    shown = parse_shown("Normal"), parse_shown("Normal")
    assert "failover(node1)" in explain_display(
        TABLE2, *shown, {"node1.hears_peer": "yes", "node2.health": "healthy"}).available
    sick = explain_display(TABLE2, *shown, {"node2.services": "down"})
    assert sick.refused["failover(node1)"][0].column == "node1.peer_health"


def test_wrong_or_contradictory_knowledge() -> None:
    shown = parse_shown("Normal"), parse_shown("Normal")
    with pytest.raises(BadInput, match=r"known: unknown column 'node1.service'; did you mean"):
        explain_display(TABLE2, *shown, {"node1.service": "up"})
    with pytest.raises(BadInput, match="known: link: unknown value 'down'; known: cut, up"):
        explain_display(TABLE2, *shown, {"link": "down"})
    with pytest.raises(BadInput, match=r"node1.process is off contradicts what is shown: node1 N"):
        explain_display(TABLE2, *shown, {"node1.process": "off"})


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_knowledge_that_contradicts_itself_breaks_nothing(node: str) -> None:
    shown = parse_shown("Normal"), parse_shown("Normal")
    known = {f"{node}.health": "healthy", f"{node}.services": "down"}
    with pytest.raises(BadInput, match=(
        f"{node}.health is healthy, {node}.services is down: what is known contradicts itself"
    )):
        explain_display(TABLE2, *shown, known)


def test_knowledge_that_a_derived_column_excludes() -> None:
    with pytest.raises(BadInput, match=r"node1.duty is starting contradicts what is shown: node1 N"):
        explain_display(TABLE2, Shown(State.NORMAL, None), None, {"node1.duty": "starting"})


def test_a_node_that_shows_nothing() -> None:
    found = explain_display(TABLE2, None, parse_shown("Running in Backup Mode / Peer Down"))
    assert (found.row, found.seat, found.broken) == ("16", "node1", ())
    assert found.actions
    assert found.plan is not None
    assert found.plan.events[-1] == "takeback_done(node1)"
    assert explain_display(
        TABLE2, parse_shown("Running in Backup Mode / Peer Reboot"), None).seat == "node2"


def test_too_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prgcore.explain.display.MOST", 10)
    with pytest.raises(BadInput, match="more than 10 pairs show this; narrow it with what is"):
        explain_display(TABLE2, None, None)


def test_no_columns_decide_alone() -> None:
    rules = (
        Rule("T1", "go", {"a": "0", "b": "1"}, {"a": "1"}),
        Rule("T2", "go", {"a": "1", "b": "0"}, {"a": "0"}),
    )
    engine = Engine(Model(
        name="either", columns=(Column("a", ("0", "1")), Column("b", ("0", "1"))),
        initial=((("a", "0"), ("b", "0")),), possible=(), rules=rules,
        events=(Event("go", Kind.COMMAND, "administrator"),),
    ))
    pairs = [engine.pair({"a": a, "b": b}) for a in "01" for b in "01"]
    maybe = explain_pairs(engine, None, pairs).maybe[0]
    assert not maybe.decides
    assert [c.column for c in maybe.when] == ["a", "b"]
    assert "depends on" in explain_pairs(engine, None, pairs).text(verbose=True)
    assert "  go, depending on whether a is 0 or 1" in explain_pairs(engine, None, pairs).text()
    with pytest.raises(BadInput, match="at least one pair"):
        explain_pairs(engine, None, [])


# ----------------------------------------------------------- outside the proof


def test_both_in_backup_mode_is_answered_with_what_it_breaks() -> None:
    both = parse_shown("Running in Backup Mode / Peer Down")
    found = explain_display(TABLE2, both, both)
    assert "S1" in found.broken
    assert not any(i.startswith("X") for i in found.broken)
    assert "A-LIN" in found.cause
    assert "served twice" in found.cause
    assert "The proof does not cover this pair" in found.cause
    assert found.actions
    assert (found.available, found.plan, found.row) == ((), None, None)
    answer = found.to_json()
    assert answer["broken"] == list(found.broken)
    assert answer["plan"] == []
    assert "never be seen together: every user may be served twice." in found.text()
    assert "No pair of the machine is like this. Broken: S1" in found.text(verbose=True)
    many = evolve(found, broken=tuple(f"S{n}" for n in range(1, 20)))
    assert max(map(len, many.text(verbose=True).splitlines())) <= 80


def test_a_pair_outside_the_invariant_is_answered_alike() -> None:
    pair = {**after(*NORMAL), "node1.state": "running_in_backup_mode"}
    found = explain(TABLE2, pair)
    assert found.broken == tuple(i for i in TABLE2.broken(TABLE2.pair(pair)) if i[0] == "S")
    assert found.actions[-1].startswith("Otherwise disable High Availability")


def test_invariants_that_only_together_exclude_a_display() -> None:
    model = toy().model
    locked = Invariant("S2", "nobody has the key", ({"node1.key": "yes"},))
    engine = Engine(evolve(model, invariants=(*model.invariants, locked)))
    found = explain_display(engine, Shown(State.IDLE, None), Shown(State.NORMAL, None))
    assert found.broken == ("X1", "S2")
    assert "S2: nobody has the key" in found.cause


def test_a_display_that_is_only_unreachable() -> None:
    found = explain_display(
        TABLE2, parse_shown("Normal"), parse_shown("Normal"), reachable=lambda _: False)
    assert found.broken == ()
    assert found.pairs == 0
    assert "These two states should never be seen together." in found.text()
    assert "No pair that the machine can reach shows this" in found.text(verbose=True)


def test_what_is_no_pair() -> None:
    for wrong in (None, "normal", 3):
        with pytest.raises(BadInput, match="a pair is an object of columns, not "):
            PRG.explain(wrong)  # type: ignore[arg-type]


def test_one_node_is_not_a_pair() -> None:
    with pytest.raises(NeedsTwoNodes, match="needs two nodes, and only node1 is given; assign"):
        explain_display(TABLE2, parse_shown("Normal"))
    with pytest.raises(NeedsTwoNodes, match="only node2 is given"):
        explain(TABLE2, {"node2.state": "normal", "ha": "on"})
    assert NoNode.GIVEN.value == "given"


# --------------------------------------------------------------------- why_not


def test_why_not_names_the_cells_and_the_way() -> None:
    found = why_not(TABLE2, after(*NORMAL), "fallback(node1)")
    assert not found.accepted
    assert {f.column for f in found.failed} == {"node1.state", "node2.state"}
    assert found.plan is not None
    assert found.plan.events == ("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
    assert TABLE2.step(found.plan.end, "fallback(node1)").outcome is Outcome.DONE
    assert found.text() == (
        "fallback(node1) is refused:\n"
        "  node1 is Normal, and must be Failed Over or Idle\n"
        "  node2 is Normal, and must be Running in Backup Mode\n"
        "What enables it soonest: 3 steps\n"
        "  failover(node1), then wait for takeover_done(node2) and taken_over(node1)\n"
    )
    assert found.to_json()["plan"] == list(found.plan.events)


@pytest.mark.parametrize("lost", [
    ("link_cut", "heartbeat_lost(node2)", "takeover_done(node2)", "taken_over(node1)",
     "link_repair", "heartbeat_heard(node1)"),
    ("manager_stop(node1)", "heartbeat_lost(node2)", "takeover_done(node2)",
     "manager_start(node1)", "heartbeat_heard(node1)", "initialized(node1)"),
    ("power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)", "power_on(node1)",
     "services_up(node1)", "manager_start(node1)", "heartbeat_heard(node1)",
     "initialized(node1)"),
    ("failover(node1)", "takeover_done(node2)", "taken_over(node1)", "link_cut",
     "heartbeat_lost(node2)", "link_repair"),
], ids=["link", "manager", "host", "idle"])
def test_a_fallback_waits_until_the_backup_hears_the_node_too(lost: tuple[str, ...]) -> None:
    """Until now the backup, silent for a time-out, took the users over again at once (D62)."""
    pair = after(*NORMAL, "enable_auto_fallback", *lost)
    assert (pair["node1.hears_peer"], pair["node2.hears_peer"]) == ("yes", "no")
    refused = PRG.step(pair, "fallback(node1)")
    assert refused.outcome is Outcome.REFUSED
    assert [str(f.column) for f in refused.failed] == ["node2.hears_peer"]
    if pair["node1.state"] == State.FAILED_OVER:
        assert PRG.step(pair, "auto_fallback_due(node1)").outcome is Outcome.IGNORED
    found = why_not(PRG, pair, "fallback(node1)")
    assert found.plan is not None
    assert found.by_itself == tuple(found.plan.events) == ("heartbeat_heard(node2)",)
    heard = PRG.step(pair, "heartbeat_heard(node2)").pair
    assert PRG.step(heard, "fallback(node1)").outcome is Outcome.DONE


@pytest.mark.parametrize(("shown", "backup"), [
    ("Failed Over / Peer Down", "Peer Down"), ("Failed Over / Initialization", "Peer Down"),
    ("Failed Over / Initialization", "Peer Down During Initialization"),
    ("Failed Over / Initialization", "Critical Service Down"), ("Idle / Initialization", "Peer Down"),
])
def test_the_advice_waits_until_both_nodes_hear_each_other(shown: str, backup: str) -> None:
    both = parse_shown(shown), parse_shown(f"Running in Backup Mode / {backup}")
    found = explain_display(PRG, *both, {"node1.hears_peer": "yes", "node2.hears_peer": "no"})
    assert any("Wait until both nodes hear each other; then" in a for a in found.actions)
    assert [f.column for f in found.refused["fallback(node1)"]] == ["node2.hears_peer"]


def test_why_not_of_what_is_accepted_or_cannot_be() -> None:
    accepted = why_not(TABLE2, after(*NORMAL), "failover(node1)")
    assert accepted.to_json() == {
        "command": "failover(node1)", "accepted": True, "failed": [], "plan": None}
    assert accepted.text() == "failover(node1) is accepted now.\n"
    never = why_not(TABLE2, after(*NORMAL), "recover")
    assert never.plan is None
    assert "do not enable it from here" in never.text()


def test_why_not_does_without_the_command_itself() -> None:
    found = why_not(TABLE2, TABLE2.initial[0], "fallback(node2)")
    assert found.plan is not None
    assert "fallback(node2)" not in found.plan.events


def test_why_not_asks_about_commands_only() -> None:
    with pytest.raises(BadInput, match=r"initialized\(node1\) is a completion; only a command"):
        why_not(TABLE2, TABLE2.initial[0], "initialized(node1)")
    with pytest.raises(BadInput, match="unknown event 'recovr'; did you mean recover"):
        why_not(TABLE2, TABLE2.initial[0], "recovr")
    both = {**after(*NORMAL), "node1.state": "running_in_backup_mode"}
    with pytest.raises(OutsideInvariant):
        why_not(TABLE2, both, "recover")


def test_a_healthy_pair_has_an_empty_plan_and_the_machine_answers_alike() -> None:
    pair = after(*NORMAL)
    assert explain(TABLE2, pair).plan == plan(TABLE2, pair)
    assert PRG.explain(dict(pair)).available == explain(TABLE2, pair).available
    values: Values = tuple(PRG.why_not(dict(pair), "enable_ha").failed[0].needs)
    assert values == ("off",)
    assert Cube() == cube({})
