"""Nothing empty is proved: every kind of promise, and every way to make it say nothing."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from prgcore.errors import BadInput, MalformedMachine
from prgcore.form.wellformed import findings
from prgcore.machine import Machine, prg
from prgcore.model import (
    AcceptedOnly,
    Cell,
    Column,
    Convergence,
    Cube,
    Duty,
    Event,
    Exclusive,
    Family,
    Hears,
    Invariant,
    Model,
    Observation,
    OnlyBy,
    Possible,
    Rule,
    Story,
    cube,
    cubes,
)
from prgcore.prove import index, vacuity
from prgcore.prove.claims import Claim, ask
from prgcore.prove.report import Report, Result, prove
from prgcore.prove.theorems import read_text
from prgcore.prove.work import Work
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dump, dumps, load
from tests.planted import LAMPS

STATES = ("shut", "opening", "open", "ajar")

DOOR = Model(
    name="door",
    columns=(
        Column("door", STATES),
        Column("key", ("out", "in")),
        Column("oil", ("good", "dry"), "environment"),
        Column("light", ("red", "green", "blue"), "derived", ("door",),
               tuple(((s,), "green" if s == "open" else "red") for s in STATES)),
        Column("sound", ("none", "squeak"), "derived", ("door", "oil"),
               tuple((row, "squeak" if row == ("opening", "dry") else "none")
                     for row in product(STATES, ("good", "dry")))),
    ),
    initial=((("door", "shut"), ("key", "out"), ("oil", "good")),),
    events=(
        Event("press", Kind.COMMAND, "administrator", seated=False),
        Event("close", Kind.COMMAND, "administrator", seated=False),
        Event("opened", Kind.COMPLETION, "environment", seated=False),
        Event("jammed", Kind.COMPLETION, "environment", success=False, seated=False),
        Event("dries", Kind.FAULT, "environment", seated=False),
        Event("oiled", Kind.REPAIR, "environment", seated=False),
    ),
    possible=(
        Possible("opened", {"door": "opening", "oil": "good"}),
        Possible("jammed", {"sound": "squeak"}),
        Possible("dries", {"oil": "good"}),
        Possible("oiled", {"oil": "dry"}),
    ),
    rules=(
        Rule("R1", "press", {"door": "shut"}, {"door": "opening", "key": "in"}),
        Rule("R2", "press", {"door": "opening"}, outcome=Outcome.IGNORED),
        Rule("R3", "close", {"door": "open"}, {"door": "shut", "key": "out"}),
        Rule("R4", "opened", {}, {"door": "open"}),
        Rule("R5", "jammed", {}, {"door": "shut", "key": "out"}),
        Rule("R6", "dries", {}, {"oil": "dry"}),
        Rule("R7", "oiled", {}, {"oil": "good"}),
    ),
    invariants=(
        Invariant("S1", "no door moves without its key", {"door": ("opening", "open"), "key": "out"},
                  premise={"door": "open"}),
        Invariant("S2", "never ajar", {"door": "ajar"}),
    ),
    accepted_only=(AcceptedOnly("S3", "press", {"door": "shut"}, "a shut door", exactly=True),),
    exclusive=(Exclusive("S4", ("press", "close"), {"door": "opening"}, "one at a time"),),
    only_by=(OnlyBy("S5", "key", "in", ("press",), "only who presses has the key"),),
    transient=(Cell("door", "opening"),),
    goal=(cube({"door": "shut", "oil": "good"}),),
    observations=(Observation("W1", "an open door dries", {"door": "open", "oil": "dry"}, "reached"),),
    converges=(Convergence("V1", "no door opens for ever", {"door": "opening"}, 1),),
    assumptions=("somebody has oil",),
)
"""A door that proves completely: nothing in it is empty."""


def bad(model: Model, *only: str) -> dict[str, str]:
    """The verdicts that are no pass."""
    return failed(prove(Machine(model), only=only))


def failed(said: Report) -> dict[str, str]:
    return {r.id: r.verdict for r in said.results
            if r.verdict not in ("proved", "reported", "not_applicable")}


def one(model: Model, id_: str) -> Result:
    return prove(Machine(model), only=[id_]).results[0]


def rules(*more: Rule, without: str = "") -> tuple[Rule, ...]:
    ids = {r.id for r in more}
    return (*(r for r in DOOR.rules if r.id not in (*ids, without)), *more)


def never(*some: Any, **more: Any) -> dict[str, Any]:
    return {"invariants": (*DOOR.invariants, Invariant("S9", "says nothing", some, **more))}


def done_only(*when: Any, command: str = "press", exactly: bool = False) -> dict[str, Any]:
    return {"accepted_only": (AcceptedOnly("S9", command, when, "says nothing", exactly),)}


def exclusive(*commands: str, never_in: Any = ()) -> dict[str, Any]:
    return {"exclusive": (Exclusive("S9", commands, never_in, "says nothing"),)}


def only_by(column: str, value: str, *events: str) -> dict[str, Any]:
    return {"only_by": (OnlyBy("S9", column, value, events, "says nothing"),)}


def home(*some: Any) -> dict[str, Any]:
    return {"goal": cubes(some)}


def waits(*some: Any, **more: Any) -> dict[str, Any]:
    return {"may_wait": cubes(some), **more}


def duty(asks: str = "ring", **more: Any) -> dict[str, Any]:
    """A duty of the rule that opens the door, and one that is whole where it is of another action."""
    whole = Duty("Q1", "it rings", "ring", before={"door": "shut"}, after={"door": "opening"})
    changed = evolve(whole, asks=asks, **more)
    return {"duties": (changed, *([] if asks == "ring" else [evolve(whole, id="Q2")])),
            "rules": rules(evolve(DOOR.rules[0], actions=("ring",)))}


EVERY = tuple(e.name for e in DOOR.events)
STUCK = {  # a dry door stays opening
    "events": tuple(e for e in DOOR.events if e.name != "jammed"),
    "possible": tuple(p for p in DOOR.possible if p.event != "jammed"),
    "rules": rules(without="R5"), "converges": (),
}
GUARD = {"F5", "S9"}
HOME = {"L2", "L3"}

EMPTY: dict[str, tuple[dict[str, Any], set[str], str]] = {
    # invariants
    "never nothing": (never(), {"S9"}, "S9 forbids nothing: it has no cube"),
    "never what no pair is": (
        never({"light": "green", "door": "shut"}), {"S9"}, "never[0]: no pair is in it: light in green"),
    "never what two derived columns exclude": (
        never({"light": "green", "sound": "squeak"}), {"S9"}, "never[0]: no pair is in it"),
    "never a derived value that no row has": (
        never({"light": "blue"}), {"S9"}, "never[0]: no pair is in it: light in blue"),
    "one cube of two that no pair is in": (
        never({"door": "open", "key": "out"}, {"light": "blue", "key": "in"}), {"S9"},
        "never[1]: no pair is in it"),
    "an auxiliary invariant that no pair breaks": (
        never({"sound": "squeak", "oil": "good"}, auxiliary=True), {"S9"}, "no pair is in it"),
    "a premise that no pair meets": (
        never({"door": "ajar"}, premise=cube({"light": "blue"})), {"S9"}, "premise: no pair is in it"),
    "a premise that no reachable pair meets": (
        never({"door": "ajar"}, premise=cube({"door": "open", "key": "out"})), {"S9"},
        "no reachable pair meets the premise"),
    "never what is out of reach by several cells": (
        {**never({"door": "ajar", "bell": "rung"}),
         "columns": (*DOOR.columns, Column("bell", ("still", "rung"))),
         "initial": ((*DOOR.initial[0], ("bell", "still")),)}, {"S9"},
        "no reachable pair comes near a cube: it is out of reach by several cells"),
    "exactly the one combination that there is": (
        {"invariants": (*DOOR.invariants, Invariant("S9", "all shown", (), exactly=("bell",))),
         "columns": (*DOOR.columns, Column("bell", ("still",))),
         "initial": ((*DOOR.initial[0], ("bell", "still")),)}, {"S9"},
        "S9 forbids nothing: it has no cube"),
    # guard checks
    "accepted in any pair": (done_only({}), GUARD, "press: when: every pair is in it"),
    "accepted in whole domains": (
        done_only({"oil": ("good", "dry"), "light": ("blue", "red", "green")}), GUARD,
        "every pair is in it"),
    "accepted in two halves": (
        done_only({"oil": "good"}, {"oil": "dry"}), GUARD, "every pair is in it"),
    "accepted in halves of a derived column": (
        done_only({"light": "red"}, {"light": "green", "key": "in"}, {"door": "open", "key": "out"}),
        GUARD, "every pair is in it"),
    "accepted where no pair is": (
        done_only({"door": "shut"}, {"light": "blue"}), GUARD, "press: when[1]: no pair is in it"),
    "accepted exactly where no reachable pair is": (
        done_only({"door": "shut"}, {"door": "open", "key": "out"}, exactly=True), GUARD,
        "press: when[1]: no reachable pair is in it"),
    "a completion anywhere": (
        done_only({}, command="opened"), GUARD, "opened: when: every pair is in it"),
    "accepted nowhere": (
        {**done_only({"door": "shut"}, command="knock"),
         "events": (*DOOR.events, Event("knock", Kind.COMMAND, "administrator"))},
        {*GUARD, "F11"}, "S9: nothing does knock in a reachable pair"),
    "ignored everywhere": (
        {**done_only({"door": "shut"}, command="knock"),
         "events": (*DOOR.events, Event("knock", Kind.COMMAND, "administrator")),
         "rules": rules(Rule("R9", "knock", outcome=Outcome.IGNORED))},
        GUARD, "S9: nothing does knock in a reachable pair"),
    "one command alone": (exclusive("press"), GUARD, "names fewer than two commands"),
    "one command twice": (exclusive("press", "press"), GUARD, "names fewer than two commands"),
    "no command": (exclusive(), GUARD, "names fewer than two commands"),
    "no command where no pair is": (
        exclusive("press", never_in={"light": "blue"}), GUARD, "never_in[0]: no pair is in it"),
    "no command where no reachable pair is": (
        exclusive("press", "close", never_in={"door": "ajar"}), GUARD,
        "never_in[0]: no reachable pair is in it"),
    "two commands of which one is never accepted": (
        {**exclusive("press", "knock"),
         "events": (*DOOR.events, Event("knock", Kind.COMMAND, "administrator")),
         "rules": rules(Rule("R9", "knock", outcome=Outcome.IGNORED))},
        GUARD, "S9: nothing does knock"),
    "only by every event": (
        only_by("key", "in", *EVERY), GUARD, "names every event that does anything"),
    "only by every event that does anything": (
        {**only_by("key", "in", *EVERY),
         "events": (*DOOR.events, Event("knock", Kind.COMMAND, "administrator")),
         "rules": rules(Rule("R9", "knock", outcome=Outcome.IGNORED))},
        GUARD, "names every event that does anything"),
    "only by an event that never does it": (
        only_by("key", "in", "press", "opened"), GUARD,
        "nothing does opened: no reachable step of it sets key to in"),
    "only by an event that ends where it began": (
        only_by("door", "shut", "close", "jammed", "oiled"), GUARD, "nothing does oiled"),
    "a value that nothing ever has": (
        only_by("light", "blue"), GUARD, "value: no pair is in it: light in blue"),
    "a value that every pair has already": (
        {**only_by("bell", "still"), "columns": (*DOOR.columns, Column("bell", ("still",))),
         "initial": ((*DOOR.initial[0], ("bell", "still")),)},
        GUARD, "S9 forbids nothing: every pair has still already"),
    # progress
    "home is everywhere": (home({}), HOME, "every pair is home"),
    "home is a whole domain": (home({"light": ("red", "green", "blue")}), HOME, "every pair is home"),
    "home is two halves": (home({"oil": "good"}, {"oil": "dry"}), HOME, "every pair is home"),
    "home is every reachable pair": (
        home({"door": ("shut", "opening", "open")}), HOME, "every reachable pair is home"),
    "a home that no pair is in": (
        home({"door": "shut"}, {"light": "blue"}), HOME, "goal[1]: no pair is in it"),
    "a home that no reachable pair is in": (
        home({"door": "shut"}, {"door": "ajar"}), HOME, "goal[1]: no reachable pair is in it"),
    "what may wait is what must not": (
        waits({"door": "opening"}), {"L1"}, "may_wait excuses every pair: door in opening"),
    "what may wait is all of it in parts": (
        waits({"door": "opening", "oil": "good"}, {"door": "opening", "oil": "dry"}), {"L1"},
        "may_wait excuses every pair: door in opening"),
    "one of two values may always wait": (
        waits({"door": ("ajar", "opening"), "oil": ("good", "dry")},
              transient=(Cell("door", ("opening", "open")),),
              rules=rules(Rule("R8", "shuts", {}, {"door": "shut", "key": "out"})),
              events=(*DOOR.events, Event("shuts", Kind.TIMER, "environment")),
              possible=(*DOOR.possible, Possible("shuts", {"door": "open"}))),
        {"L1"}, "may_wait excuses every pair: door in opening"),
    "nothing waits where it may": (
        waits({"door": "opening", "oil": "good"}, **STUCK | {
            "possible": (*STUCK["possible"], Possible("opened", {"door": "opening", "oil": "dry"}))}),
        {"L1"}, "may_wait[0]: no reachable pair waits there"),
    "may wait where no pair is": (
        waits({"door": "opening", "light": "blue"}), {"L1"}, "may_wait[0]: no pair is in it"),
    "a transition that no reachable pair is in": (
        {"transient": (Cell("door", ("opening", "ajar")),)}, {"L1"},
        "transient: no reachable pair is in it: door in ajar"),
    "a transition that no pair is in": (
        {"transient": (Cell("door", "opening"), Cell("light", "blue"))}, {"L1"},
        "transient: no pair is in it: light in blue"),
    "a convergence from where no reachable pair is": (
        {"converges": (Convergence("V1", "", ({"door": "opening"}, {"door": "ajar"})),)}, {"V1"},
        "from[1]: no reachable pair is in it"),
    # observations
    "a reached cube that every pair is in": (
        {"observations": (Observation("W1", "", {}, "reached"),)}, {"W1"}, "every pair is in it"),
    "a cube never reached because no pair is in it": (
        {"observations": (Observation("W1", "", {"light": "blue"}, "never"),)}, {"W1"},
        "when[0]: no pair is in it"),
    "a question about a cube that no pair is in": (
        {"observations": (Observation("W1", "", {"light": "green", "door": "shut"}),)}, {"W1"},
        "when[0]: no pair is in it"),
    # the world
    "a fault that is possible nowhere": (
        {"events": (*DOOR.events, Event("burns", Kind.FAULT, "environment")),
         "possible": (*DOOR.possible, Possible("burns", {"light": "blue"}))}, {"F11"},
        "possible[4] of burns: no pair is in it: light in blue"),
    "a fault that no reachable pair has": (
        {"events": (*DOOR.events, Event("burns", Kind.FAULT, "environment")),
         "possible": (*DOOR.possible, Possible("burns", {"door": "ajar"})),
         "rules": rules(Rule("R9", "burns", outcome=Outcome.IGNORED))}, {"F4", "F11"},
        "possible[4] of burns: no reachable pair is in it: door in ajar"),
    "a second way that is dead": (
        {"possible": (*DOOR.possible, Possible("dries", {"oil": "good", "door": "ajar"}))}, {"F11"},
        "possible[4] of dries: no reachable pair is in it"),
    "a command that is always refused": (
        {"events": (*DOOR.events, Event("knock", Kind.COMMAND, "administrator"))}, {"F11"},
        "knock: every reachable pair refuses it"),
    "nothing ever fails": (
        {"events": tuple(e for e in DOOR.events if e.name not in ("jammed", "dries", "oiled")),
         "possible": DOOR.possible[:1], "observations": (), "goal": (),
         "rules": tuple(r for r in DOOR.rules if r.event not in ("jammed", "dries", "oiled"))},
        {"F11"}, "no adversary: no fault, and no completion that fails, happens"),
    "what fails is always ignored": (
        {"events": (*(e for e in DOOR.events if e.name not in ("jammed", "oiled")),),
         "possible": (DOOR.possible[0], DOOR.possible[2]), "observations": (), "goal": (),
         "rules": (*(r for r in DOOR.rules if r.event not in ("jammed", "dries", "oiled")),
                   Rule("R6", "dries", outcome=Outcome.IGNORED))},
        {"F11"}, "no adversary"),
    "what fails changes only what nothing reads": (
        {"columns": (*DOOR.columns, Column("weather", ("dry", "rain"), "environment")),
         "initial": ((*DOOR.initial[0], ("weather", "dry")),),
         "events": (*(e for e in DOOR.events if e.name not in ("jammed", "dries", "oiled")),
                    Event("rains", Kind.FAULT, "environment", seated=False),
                    Event("clears", Kind.REPAIR, "environment", seated=False)),
         "possible": (DOOR.possible[0], Possible("rains", {"weather": "dry"}),
                      Possible("clears", {"weather": "rain"})),
         "rules": (*(r for r in DOOR.rules if r.event not in ("jammed", "dries", "oiled")),
                   Rule("R8", "rains", {}, {"weather": "rain"}),
                   Rule("R9", "clears", {}, {"weather": "dry"})),
         "observations": (), "goal": ()},
        {"F11"}, "no adversary: nothing reads what fails (weather)"),
    "nothing happens by itself": (
        {"rules": rules(Rule("R4", "opened", outcome=Outcome.IGNORED),
                        Rule("R5", "jammed", outcome=Outcome.IGNORED), without="R3"),
         "events": tuple(e for e in DOOR.events if e.name != "close"),
         "transient": (), "converges": (), "observations": (), "goal": (), "invariants": (),
         "exclusive": ()},
        {"L1"}, "no timer and no completion changes a reachable pair"),
    "a story that tells nothing": (
        {"stories": (Story("s1", "nothing", (), "shut"),), "starts": (("shut", ()),)}, {"C5"},
        "story s1 has no step"),
    "a story of comments": (
        {"stories": (Story("s1", "nothing", ("# press", "", "given oil = dry"), "shut"),),
         "starts": (("shut", ()),)}, {"C5"}, "story s1 has no step"),
    "a duty that is harmless nowhere": (
        duty(harmless=({"door": "opening"}, {"light": "blue"})), {"F9"},
        "Q1: harmless[1]: no pair is in it"),
    "a duty of a pair that cannot be": (
        duty(asks="sing", before={"light": "green", "door": "shut"}), {"F9"},
        "Q1: before: no pair is in it"),
    "a duty that no reachable step meets": (
        duty(asks="sing", after={"door": "ajar"}), {"F9"}, "Q1: no reachable step meets it"),
    "a duty of an event that never meets it": (
        duty(events=("press", "close")), {"F9"}, "Q1: no reachable step of close meets it"),
    "a duty that follows what is never asked for": (
        duty(follows="sing"), {"F9"}, "Q1: no reachable step that meets it asks for sing too"),
}


def test_the_door_proves_completely() -> None:
    assert findings(DOOR) == ()
    said = prove(Machine(DOOR))
    assert failed(said) == {}
    assert said.exit_code == 0
    proved = {r.id for r in said.results if r.verdict == "proved"}
    assert proved == {"F1", "F2", "F4", "F5", "F6", "F7", "F11", "S1", "S2", "S3", "S4", "S5",
                      "W1", "V1", "L1", "L2", "E1", "E2"}
    assert one(DOOR, "F11").detail == {"events": 6, "ways": 4, "that fail": 2}


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_empty_is_vacuous_and_nothing_else_is(name: str) -> None:
    changes, ids, says = EMPTY[name]
    said = prove(Machine(evolve(DOOR, **changes)))
    found = failed(said)
    assert set(found) == ids
    assert {v for i, v in found.items() if i != "F4"} == {"vacuous"}
    assert said.exit_code == 4
    told = [line for r in said.results if r.verdict == "vacuous" for line in r.detail["all"]]
    assert any(says in line for line in told), told


@pytest.mark.parametrize("changes", [
    never({"door": "ajar", "oil": "dry"}),  # near: a dry door
    never(exactly=("door", "oil"), premise=cube({"oil": "dry"})) | {
        "columns": (Column("door", STATES[:3]), *DOOR.columns[1:3]), "possible": (
            DOOR.possible[0], Possible("jammed", {"door": "opening", "oil": "dry"}),
            *DOOR.possible[2:]), "invariants": (
                DOOR.invariants[0], Invariant("S9", "all are reached", (), exactly=("door", "oil")))},
    done_only({"door": "shut"}, {"door": "ajar"}),
    done_only({"oil": "good"}, {"oil": "dry", "door": "shut"}),
    exclusive("press", never_in={"door": "opening"}),
    exclusive("press", "close"),
    only_by("door", "ajar"),
    only_by("light", "green", "opened"),
    only_by("key", "out", "close", "jammed"),
    home({"door": "shut"}, {"door": "open"}),
    waits({"door": "opening", "oil": "dry"}, **STUCK) | {"goal": ()},
    {"observations": (Observation("W1", "", {"door": "ajar"}, "never"),)},
    {"observations": (Observation("W1", "", {"door": "ajar"}),)},
    {"observations": (Observation("W1", "", {}),)},
    {"possible": (*DOOR.possible, Possible("dries", {"oil": "good", "door": "open"}))},
], ids=str)
def test_what_only_looks_empty_is_proved(changes: dict[str, Any]) -> None:
    assert bad(evolve(DOOR, **changes)) == {}


def test_a_refuted_promise_stays_refuted_although_a_part_of_it_is_empty() -> None:
    model = evolve(DOOR, **never({"light": "blue"}, {"door": "open"}))
    assert bad(model) == {"S9": "refuted"}


@cache
def door() -> tuple[Work, list[dict[str, str]], list[dict[str, str]]]:
    """The work on the door, all of its pairs and the reachable ones, with derived columns."""
    work = Work(Machine(DOOR))
    stored = [c for c in DOOR.columns if not c.derived]
    everything = [
        dict(zip((c.name for c in stored), values, strict=True))
        for values in product(*(c.domain for c in stored))
    ]
    reachable = [p for p in everything if work.space.find(p) is not None]
    for pair in everything:
        pair.update({c.name: dict(c.table)[tuple(pair[s] for s in c.sources)]
                     for c in DOOR.columns if c.derived})
    assert 0 < len(reachable) < len(everything) == 16
    return work, everything, reachable


def within(cells: Cube, pairs: list[dict[str, str]]) -> list[dict[str, str]]:
    return [p for p in pairs if all(p[c.column] in c.values for c in cells)]


VALUES = [Cell(c.name, v) for c in DOOR.columns for v in c.domain]


def test_every_invariant_of_two_cells_is_judged_as_counting_pairs_judges_it() -> None:
    work, everything, reachable = door()
    seen = set()
    for a, b in product(VALUES, VALUES):
        if a.column < b.column:
            both = Cube((a, b))
            near = within(Cube((a,)), reachable) or within(Cube((b,)), reachable)
            wanted = bool(within(both, everything) and near)
            found = list(vacuity.empty(work, Invariant("S9", "", (both,))))
            assert bool(found) is not wanted, (a, b, found)
            seen.add(wanted)
    assert seen == {True, False}


def test_other_promises_about_two_cubes_are_judged_as_counting_pairs_judges_them() -> None:
    work, everything, reachable = door()
    seen: dict[str, set[bool]] = {}
    for a, b in product([*VALUES, Cell("oil", ("good", "dry")), Cell("light", ("red", "green"))],
                        VALUES):
        one, two = Cube((a,)), Cube((b,))
        some = (one,) if a == b else (one, two)

        def union(pairs: list[dict[str, str]], some: tuple[Cube, ...] = some) -> int:
            return len({id(p) for c in some for p in within(c, pairs)})

        dead = not all(within(c, everything) for c in some)
        unmet = not all(within(c, reachable) for c in some)
        everywhere = union(everything) == len(everything)
        wanted: list[tuple[vacuity.Promise, bool]] = [
            (vacuity.Home(some), unmet or union(reachable) == len(reachable)),
            (vacuity.Reached(some), any(len(within(c, everything)) == 16 for c in some)),
            (AcceptedOnly("S9", "press", some), dead or everywhere),
            (AcceptedOnly("S9", "press", some, exactly=True), unmet or everywhere),
            (AcceptedOnly("S9", "knock", some), True),
            (Exclusive("S9", ("press", "close"), some), unmet),
            (Observation("W9", "", some), dead),
            (Observation("W9", "", some, "reached"), dead or everywhere),
            (Convergence("V9", "", some), unmet),
        ]
        for promise, is_empty in wanted:
            found = list(vacuity.empty(work, promise))
            assert bool(found) is is_empty, (promise, found)
            seen.setdefault(type(promise).__name__, set()).add(is_empty)
    assert all(answers == {True, False} for answers in seen.values())


def test_a_check_of_a_name_without_its_seat_is_about_no_event() -> None:
    check = AcceptedOnly("S9", "light", {"node1.state": "dark"}, "says nothing")
    assert bad(evolve(LAMPS, accepted_only=(check,)), "F5", "S9") == {
        "F5": "vacuous", "S9": "vacuous"}
    both = Exclusive("S9", ("light", "light(node1)"), {"node1.state": "warming"})
    assert one(evolve(LAMPS, exclusive=(both,)), "S9").verdict == "refuted"
    names = Exclusive("S9", ("light",), {"node1.state": "warming"})
    assert one(evolve(LAMPS, exclusive=(names,)), "S9").verdict == "proved"


@pytest.mark.parametrize(("when", "says"), [
    ({"node1.state": "lit"}, ""),
    ({"node1.awake": "yes"}, "hears of node1: every pair is in it, so nothing is ever hidden"),
    ({"node1.ear": "well"}, "hears of node1: every reachable pair is in it, so nothing is ever"),
    ({"node1.awake": "no"}, "hears of node1: no pair is in it: node1.awake in no"),
    ({"node1.state": "lit", "node2.state": "lit"}, "hears of node1: no reachable pair is in it"),
])
def test_a_node_that_hears_always_or_never_is_not_asked_what_it_knows(
    when: dict[str, str], says: str,
) -> None:
    awake = Column("node1.awake", ("yes", "no"), "derived", ("node1.state",),
                   tuple(((s,), "yes") for s in ("dark", "warming", "lit")))
    ear = Column("node1.ear", ("well", "deaf"), "node1")
    model = evolve(LAMPS, mirror=(), columns=(*LAMPS.columns, ear, awake),
                   initial=((*LAMPS.initial[0], ("node1.ear", "well")),),
                   hears=(Hears("node1", when, "node2.bulb"),))
    assert findings(model) == ()
    found = one(model, "F8")
    assert found.verdict == ("vacuous" if says else "proved")
    assert says in found.story


# ------------------------------------------------------------------ findings of form


@pytest.mark.parametrize(("section", "row", "says"), [
    ("invariants", {"id": "S9", "says": "x", "never": []}, "invariants[2].never: no cube"),
    ("invariants", {"id": "S9", "says": "x", "never": [{"door": []}]}, "never[0].door: no value"),
    ("accepted_only", {"id": "S9", "command": "press", "when": []}, "accepted_only[1].when: no cube"),
    ("exclusive", {"id": "S9", "commands": ["press"], "never_in": []}, "exclusive[1]: S9 forbids"),
    ("exclusive", {"id": "S9", "commands": [], "never_in": []}, "exclusive[1]: S9 forbids nothing"),
    ("exclusive", {"id": "S9", "commands": ["press", "press"], "never_in": []},
     "exclusive[1].commands[1]: 'press' is already the name"),
    ("observations", {"id": "W9", "says": "x", "when": []}, "observations[1].when: no cube"),
    ("converges", {"id": "V9", "says": "x", "from": []}, "converges[1].from: no cube"),
    ("assumptions", " ", "assumptions[1]: empty"),
    ("assumptions", "somebody has oil", "assumptions[1]: 'somebody has oil' is already"),
    ("duties", {"id": "Q1", "says": "x", "asks": []}, "duties[0].asks: nothing"),
])
def test_an_empty_list_is_a_finding_of_form(section: str, row: Any, says: str) -> None:
    wire = dump(DOOR)
    assert load(wire) == DOOR
    wire[section] = [*wire.get(section, []), row]
    with pytest.raises(MalformedMachine) as error:
        load(wire)
    assert len(error.value.findings) == 1
    assert says in error.value.findings[0]


# -------------------------------------------------------------------------- theorems


def theorem(text: str, model: Model = DOOR) -> Result:
    obligations = read_text(f"[t]\nsays = 'x'\n{text}\n", "t.toml", model)
    assert [o.id for o in obligations] == ["t"]
    report = prove(Machine(model), paths=["-"], stdin=f"[t]\nsays = 'x'\n{text}\n")
    return report.results[0]


@pytest.mark.parametrize(("text", "says"), [
    ("accepted = 'press'\nonly = {}", "press: when: every pair is in it"),
    ("accepted = 'press'\nonly = { oil = ['good', 'dry'] }", "every pair is in it"),
    ("accepted = 'press'\nonly = [{ light = 'red' }, { light = ['green', 'blue'] }]",
     "every pair is in it"),
    ("accepted = 'press'\nonly = [{ door = 'shut' }, { light = 'blue' }]", "no pair is in it"),
    ("home = {}", "every pair is home"),
    ("home = { oil = ['good', 'dry'] }", "every pair is home"),
    ("home = { door = ['shut', 'opening', 'open'] }", "every reachable pair is home"),
    ("home = [{ door = 'shut' }, { door = 'ajar' }]", "home[1]: no reachable pair is in it"),
    ("reachable = {}", "reachable[0]: every pair is in it"),
    ("reachable = [{ door = 'open' }, { oil = ['good', 'dry'] }]", "reachable[1]: every pair is in it"),
    ("never = { light = 'blue' }", "never[0]: no pair is in it"),
    ("never = { door = 'shut', light = 'green' }", "never[0]: no pair is in it"),
    ("never = [{ door = 'ajar' }, { sound = 'squeak', oil = 'good' }]", "never[1]: no pair is in it"),
])
def test_an_empty_theorem_is_vacuous(text: str, says: str) -> None:
    found = theorem(text)
    assert found.verdict == "vacuous"
    assert says in found.story


def test_a_theorem_about_a_command_that_nothing_accepts_is_vacuous() -> None:
    knock = evolve(DOOR, events=(*DOOR.events, Event("knock", Kind.COMMAND, "administrator")))
    found = theorem("accepted = 'knock'\nonly = { door = 'shut' }", knock)
    assert found.verdict == "vacuous"
    assert "nothing does knock in a reachable pair" in found.story


def test_a_theorem_that_several_cells_keep_out_of_reach_is_vacuous() -> None:
    bell = evolve(DOOR, columns=(*DOOR.columns, Column("bell", ("still", "rung"))),
                  initial=((*DOOR.initial[0], ("bell", "still")),))
    found = theorem("never = { door = 'ajar', bell = 'rung' }", bell)
    assert found.verdict == "vacuous"
    assert "out of reach by several cells" in found.story


@pytest.mark.parametrize("text", [
    "never = { door = 'ajar' }", "never = { door = 'open', key = 'out' }",
    "reachable = { door = 'open', oil = 'dry' }", "reachable = { door = 'shut' }",
    "home = { door = 'shut' }", "accepted = 'press'\nonly = { door = 'shut' }\nexactly = true",
    "discharged = ['S1', 'L2']", "never = { door = 'ajar' }\nassumes = ['somebody has oil']",
])
def test_a_theorem_with_its_witnesses_is_proved(text: str) -> None:
    assert theorem(text).verdict == "proved"


@pytest.mark.parametrize(("text", "says"), [
    ("never = []", "no cube"),
    ("home = []", "no cube"),
    ("reachable = [{ door = [] }]", "no value"),
    ("never = { door = 'ajar' }\nassumes = []", "assumes: a list of sentences"),
    ("never = { door = 'ajar' }\nassumes = ['']", "assumes: a list of sentences"),
    ("never = { door = 'ajar' }\nassumes = [3]", "assumes: a list of sentences"),
    ("never = { door = 'ajar' }\nassumes = 'oil'", "assumes: a list of sentences"),
    ("discharged = []", "names no obligation"),
    ("accepted = 'press'\nonly = []", "no cube"),
])
def test_an_empty_list_in_a_theorem_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=r"^t\.toml: ") as error:
        read_text(f"[t]\nsays = 'x'\n{text}\n", "t.toml", DOOR)
    assert says in str(error.value)


# ------------------------------------------------------- the obligations of every machine


def _told(model: Model, *ids: str) -> dict[str, tuple[str, str]]:
    return {r.id: (r.verdict, r.detail["says"]) for r in prove(Machine(model), only=ids).results}


def test_an_obligation_that_asks_nothing_is_not_applicable() -> None:
    still = evolve(
        DOOR, events=(), possible=(), rules=(), invariants=(), accepted_only=(), exclusive=(),
        only_by=(), transient=(), goal=(), observations=(), converges=())
    without = "the machine has no rules"
    assert _told(still, "F1", "F2", "F4", "F6", "F7", "F11", "E1", "E2") == {
        "F1": ("not_applicable", "no event has two rules"),
        "F2": ("not_applicable", "every event is a command"),
        "F4": ("not_applicable", without),
        "F6": ("not_applicable", "only the environment decides, and it knows everything"),
        "F7": ("not_applicable", "no rule is done"),
        "F11": ("not_applicable", "the machine has no events"),
        "E1": ("not_applicable", without), "E2": ("not_applicable", without),
    }


def test_an_obligation_of_which_nothing_is_reached_is_vacuous() -> None:
    dead = evolve(
        DOOR, possible=tuple(Possible(p.event, {"door": "ajar"}) for p in DOOR.possible),
        rules=tuple(evolve(r, when=cube({"door": "ajar"})) for r in DOOR.rules
                    if r.id != "R2"))
    still = "no timer and no completion changes a reachable pair"
    assert _told(dead, "F2", "F7", "E1", "E2", "L1") == {
        "F2": ("vacuous", "only commands happen in a reachable pair"),
        "F7": ("vacuous", "no rule that is done fires in a reachable pair"),
        "E1": ("vacuous", "no reachable step was compared"),
        "E2": ("vacuous", "no trace was replayed"),
        "L1": ("vacuous", f"transient: no reachable pair is in it: door in opening; {still}"),
    }


def test_a_claim_about_time_without_a_conclusion_is_vacuous() -> None:
    claim = Claim({"the number is positive": True}, {})
    assert ask(lambda _: claim, "Int").verdict == "vacuous"
    concludes = evolve(claim, then={"and so on": True})
    assert ask(lambda _: concludes, "Int").verdict == "proved"


def test_without_search_the_table_still_finds_what_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index, "LARGEST_KEY", 1)
    assert one(DOOR, "S1").detail["vacuity"] == "not checked: no search"
    assert one(DOOR, "S3").detail["vacuity"] == "not checked: no search"
    assert one(DOOR, "F11").verdict == "unknown"
    for name in ("never nothing", "never a derived value that no row has", "accepted in any pair",
                 "one command alone", "only by every event", "a fault that is possible nowhere"):
        changes, ids, _ = EMPTY[name]
        found = bad(evolve(DOOR, **changes))
        assert {i for i, v in found.items() if v == "vacuous"} == ids, name


def test_without_search_a_promise_that_may_be_empty_is_no_pass() -> None:
    hidden = evolve(DOOR, invariants=(Invariant("S1", "-", {"door": "ajar"}, premise={
        "door": "ajar"}),))
    assert one(hidden, "S1").verdict == "vacuous"
    for id_ in ("S1", "S3", "S4", "S5", "F2", "F5"):
        found = prove(Machine(hidden), only=[id_], symbolic=True)
        result, = found.results
        assert (result.verdict, result.code, found.exit_code, found.ok) == ("proved", 3, 3, False)
        assert result.story == "without a search nothing shows that it is not empty"
        assert 'errors="1"' in found.junit()


@pytest.mark.parametrize("changes", [
    {"invariants": (Invariant("S1", "-", {"door": "open", "key": "out"},
                              premise={"light": "blue"}),)},
    {"observations": (Observation("S1", "-", ({"light": "blue"}, {"door": "open"}), "never"),),
     "invariants": ()},
    {"converges": (Convergence("S1", "-", {"light": "blue"}, 1),), "invariants": ()},
])
def test_what_no_pair_meets_is_vacuous_even_where_only_a_search_decides(
    changes: dict[str, Any],
) -> None:
    found = prove(Machine(evolve(DOOR, **changes)), only=["S1"], symbolic=True)
    assert (found.results[0].verdict, found.exit_code) == ("vacuous", 4)
    assert "no pair is in it: light in blue" in found.results[0].detail["says"]


@pytest.mark.parametrize("changes", [
    {"invariants": (Invariant("S1", "-", {"door": "open", "key": "out"}),)},
    {"invariants": (Invariant("S1", "-", {"door": "ajar"}, exactly=("door",)),)},
    {"observations": (Observation("S1", "-", {"door": "open"}, "reached"),), "invariants": ()},
    {"converges": (Convergence("S1", "-", {"door": "opening"}, 1),), "invariants": ()},
])
def test_what_only_a_search_decides_is_unknown_and_says_why(changes: dict[str, Any]) -> None:
    model = evolve(DOOR, **changes)
    assert one(model, "S1").verdict == "proved"
    found = prove(Machine(model), only=["S1"], symbolic=True)
    assert (found.results[0].verdict, found.exit_code) == ("unknown", 3)
    assert found.results[0].detail["says"] == "not searched: --symbolic leaves out every search"


def test_a_theorem_that_rests_on_what_may_be_empty_is_no_pass() -> None:
    text = "[both]\nsays = 'both hold'\ndischarged = ['F1', 'S2']"
    for symbolic, code in ((True, 3), (False, 0)):
        found = prove(Machine(DOOR), paths=["-"], stdin=text, symbolic=symbolic)
        assert (found.results[0].verdict, found.exit_code) == ("proved", code)


def test_the_command_and_its_reports_say_that_it_may_be_empty(run: Any, tmp_path: Path) -> None:
    machine, sarif = tmp_path / "door.json", tmp_path / "door.sarif"
    machine.write_text(dumps(DOOR), encoding="utf-8")
    answer = run("prove", "--machine", machine, "--symbolic", "--sarif", sarif, "--only", "S2",
                 "--only", "S3")
    assert answer.code == 3
    assert "never ajar (not known whether it is empty)" in answer.out
    assert "unknown whether it is empty: S2, S3\n" in answer.out
    told = json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [r["ruleId"] for r in told] == ["S2", "S3"]
    assert "vacuity not checked: no search" in told[0]["message"]["text"]


def test_a_family_of_displays_that_nothing_shows_is_vacuous() -> None:
    model = prg().model
    idle = Family("HX1", "both idle", (((("idle",), ()), (("idle",), ())),), "D20", "4", "wait")
    found = one(evolve(model, families=(*model.families, idle)), "C3")
    assert found.verdict == "vacuous"
    assert found.detail["all"] == ["family HX1: no reachable pair shows one of its displays"]


def test_a_word_of_a_family_that_nothing_shows_is_vacuous() -> None:
    model = prg().model
    families = tuple(
        evolve(f, displays=(((("", "idle"), ("",)), f.displays[0][1]),)) if f.id == "HN2" else f
        for f in model.families)
    found = one(evolve(model, families=families), "C3")
    assert found.verdict == "vacuous"
    assert found.detail["all"] == ["family HN2: no reachable pair shows Idle there"]


def test_a_defect_that_no_reachable_pair_has_is_not_excused() -> None:
    model = prg().model
    never = cube({"node1.state": "idle", "node2.state": "idle"})
    situations = tuple(
        evolve(s, advice=tuple(evolve(a, when=never) if a.defect else a for a in s.advice))
        for s in model.situations)
    assert situations != model.situations
    found = one(evolve(model, situations=situations), "C2")
    assert found.verdict == "refuted"
    assert found.detail["says"].endswith("no reachable pair of the row fits")


@cache
def _policies() -> list[dict[str, str]]:
    return [dict(zip([p.name for p in POLICIES], chosen, strict=True))
            for chosen in product(*(p.choices for p in POLICIES))]


@pytest.mark.parametrize("choice", _policies(), ids=lambda c: "-".join(c.values()))
def test_every_event_of_the_group_happens_in_every_way(choice: dict[str, str]) -> None:
    said = prove(prg(**choice), only=["F11"]).results[0]
    assert said.verdict == "proved"
    assert said.detail == {"events": 59, "ways": 65, "that fail": 20}


def test_a_check_of_a_thousand_cubes_is_judged_like_one_of_two() -> None:
    many = tuple({"number": str(n), "door": "shut"} for n in range(200))
    wide = evolve(
        DOOR, columns=(*DOOR.columns, Column("number", tuple(map(str, range(200))))),
        initial=((*DOOR.initial[0], ("number", "7")),),
        **done_only(*many * 5, *({"door": s} for s in STATES[1:])))
    assert one(wide, "S9").detail["says"].startswith("press: when: every pair is in it")
    narrow = evolve(wide, **done_only(*many * 5))
    assert one(narrow, "S9").verdict == "proved"
