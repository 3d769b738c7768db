"""Two seats: what a prover may infer from one half, what a node may know, and whose names are whose.

Each machine file here is one edit away from a pair of lamps that proves completely.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent, MalformedMachine, NotTotal, PrgError
from prgcore.form.promised import BUILT_IN, reserved
from prgcore.form.wellformed import findings
from prgcore.machine import build
from prgcore.model import (
    AcceptedOnly,
    Column,
    Const,
    Derivation,
    Duty,
    Event,
    Hears,
    Invariant,
    Model,
    OnlyBy,
    Possible,
    Rule,
    Table,
    by,
    cube,
)
from prgcore.prove import induction, quotient, table, theorems, views
from prgcore.prove.duties import Duties
from prgcore.prove.induction import induct
from prgcore.prove.mirrored import half, is_mirrored, unmirrored
from prgcore.prove.obligations import obligations
from prgcore.prove.relation import Relation
from prgcore.prove.report import listing, prove
from prgcore.prove.space import search
from prgcore.prove.work import Work
from prgcore.seats import NODES, Mirror, instantiate
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire import dumps, load
from tests.toys import TURNSTILE

BURNING = ("warming", "lit")
YES_NO = ("yes", "no")

LAMPS = Table(
    name="two lamps",
    node_columns=(
        Column("state", ("dark", *BURNING), "record"),
        Column("bulb", ("good", "burnt"), "me"),
        Column("hears", YES_NO, "me"),
    ),
    group_columns=(
        Column("night", YES_NO, "record"), Column("mains", ("on", "off"), "environment")),
    derivations=(Derivation(
        "peer_bulb", ("me.hears", "peer.bulb"),
        (({"me.hears": "no"}, "unheard"), ({"peer.bulb": "good"}, "good")), "burnt",
        "the bulb of the other lamp",
    ),),
    initial=({"state": "dark", "bulb": "good", "hears": "yes",
              "night": "no", "mains": "on"},),
    events=(
        Event("light", Kind.COMMAND, "administrator"),
        Event("both_off", Kind.COMMAND, "administrator", seated=False),
        Event("rise", Kind.COMMAND, "administrator", seated=False),
        Event("warm", Kind.COMPLETION, "me"),
        Event("glance", Kind.TIMER, "me"),
        Event("lose", Kind.TIMER, "me"),
        Event("hear", Kind.TIMER, "me"),
        Event("burn_out", Kind.FAULT, "environment"),
        Event("replace", Kind.REPAIR, "environment"),
        Event("mains_fail", Kind.FAULT, "environment", seated=False),
        Event("mains_return", Kind.REPAIR, "environment", seated=False),
    ),
    possible=(
        Possible("warm", {"me.state": "warming"}),
        Possible("glance", {"me.state": "lit"}),
        Possible("lose", {"me.hears": "yes", "mains": "off"}),
        Possible("hear", {"me.hears": "no", "mains": "on"}),
        Possible("burn_out", {"me.state": "lit", "mains": "on"}),
        Possible("replace", {"me.bulb": "burnt"}),
        Possible("mains_fail", {"mains": "on"}),
        Possible("mains_return", {"mains": "off"}),
    ),
    phases=(("life", (
        Rule("A100", "light", {"both.state": "dark", "me.bulb": "good"}, {"me.state": "warming"},
             actions=("ring(me)", "current_on(me)")),
        Rule("A101", "both_off", {"night": "no"}, {"both.state": "dark", "night": "yes"},
             actions=("ring(me)", "current_off(me)", "ring(peer)", "current_off(peer)")),
        Rule("A103", "rise", {"night": "yes"}, {"night": "no"}),
        Rule("A102", "warm", {}, {"me.state": "lit"}),
        Rule("A104", "glance", {"me.peer_bulb": ("unheard", "good")}, {"me.state": "dark"},
             actions=("ring(me)", "current_off(me)")),
        Rule("A106", "glance", {"me.peer_bulb": "burnt"}, outcome=Outcome.IGNORED, why="no other"),
        Rule("A108", "burn_out", {}, {"me.state": "dark", "me.bulb": "burnt"},
             actions=("ring(me)", "current_off(me)")),
        Rule("A110", "replace", {}, {"me.bulb": by("me.bulb", {"burnt": "good"})}),
        Rule("A112", "lose", {}, {"me.hears": "no"}),
        Rule("A113", "hear", {}, {"me.hears": "yes"}),
        Rule("A114", "mains_fail", {}, {"mains": "off"}),
        Rule("A115", "mains_return", {}, {"mains": "on"}),
    )),),
    invariants=(
        Invariant("S1", "never both lamps lit", {"both.state": "lit"}, {"me.state": "lit"}),
        Invariant("X1", "never both burning", {"both.state": BURNING}, {"me.state": BURNING},
                  auxiliary=True),
        Invariant("X2", "a lamp that burns has a good bulb",
                  {"me.state": BURNING, "me.bulb": "burnt"}, {"me.state": "lit"}, auxiliary=True),
    ),
    accepted_only=(AcceptedOnly(
        "S2", "light", {"both.state": "dark", "me.bulb": "good"}, "only from dark", exactly=True),),
    only_by=(OnlyBy("S3", "me.bulb", "burnt", ("burn_out(me)",), "bulbs burn out"),),
    duties=(
        Duty("Q1", "a lamp that burns rings, and gets current", ("ring(me)", "current_on(me)"),
             before={"me.state": "dark"}, after={"me.state": BURNING}),
        Duty("Q2", "a lamp that goes dark rings, and gets none", ("ring(me)", "current_off(me)"),
             before={"me.state": BURNING}, after={"me.state": "dark"},
             harmless=({"me.state": "dark"},)),
    ),
    hears=(Hears("me", {"me.hears": "yes"}, "me.peer_bulb"),),
    transient=("warming",),
    goal=(cube({"both.state": "dark", "both.bulb": "good", "both.hears": "yes", "mains": "on"}),),
)
MODEL = instantiate(LAMPS, {})
Wire = dict[str, Any]


@cache
def _wire() -> str:
    return dumps(MODEL)


def wire() -> Wire:
    """The lamps as a machine file, to edit."""
    machine: Wire = json.loads(_wire())
    return machine


def named(machine: Wire, section: str, name: str, key: str = "id") -> Wire:
    """The row of a section with this name."""
    row: Wire = next(r for r in machine[section] if r[key] == name)
    return row


@pytest.fixture
def proved(run, tmp_path):
    """Prove a machine file as its owner does: the exit code, and the rows by their ids."""

    def call(machine: Wire, *ids: str) -> tuple[int, dict[str, Wire]]:
        path = tmp_path / "machine.json"
        path.write_text(json.dumps(machine), encoding="utf-8")
        only = [word for id_ in ids for word in ("--only", id_)]
        answer = run("prove", "--machine", path, "--json", *only)
        assert answer.out, answer.err
        return answer.code, {o["id"]: o for o in json.loads(answer.out)["obligations"]}

    return call


def test_the_lamps_prove_completely(proved):
    code, rows = proved(wire())
    verdicts = {i: r["verdict"] for i, r in rows.items() if r["id"][0] not in "CT"}
    assert code == 0, rows
    assert {i for i, v in verdicts.items() if v != "proved"} == {"E3", "F10", "L3"}


# ----------------------------------------------------------------- one half differs


def _actions(machine: Wire, id_: str, change) -> None:
    rule = named(machine, "rules", id_)
    rule["actions"] = change(rule["actions"])


def _duty(machine: Wire, id_: str, **fields: Any) -> None:
    named(machine, "duties", id_).update(fields)


def _drop(machine: Wire, section: str, name: str, key: str = "id") -> None:
    machine[section].remove(named(machine, section, name, key))


def _of(machine: Wire, section: str, node: str, **fields: Any) -> None:
    row = next(r for r in machine[section] if f"({node})" in json.dumps(r)
               or r.get("node") == node)
    row.update(fields)


ONE_SIDED = {
    "order of actions": lambda m: _actions(m, "A100@node2", lambda a: a[::-1]),
    "an action twice": lambda m: _actions(m, "A100@node2", lambda a: [*a, a[0]]),
    "an action less": lambda m: _actions(m, "A108@node2", lambda a: a[:1]),
    "an action twice in a rule of both": lambda m: _actions(m, "A101", lambda a: [*a, a[-1]]),
    "order in a rule of both": lambda m: _actions(m, "A101", lambda a: [a[0], a[1], a[3], a[2]]),
    "a duty dropped": lambda m: _drop(m, "duties", "Q1@node2"),
    "a duty in another order": lambda m: _duty(
        m, "Q1@node2", asks=named(m, "duties", "Q1@node2")["asks"][::-1]),
    "a duty that asks for less": lambda m: _duty(
        m, "Q2@node2", asks=named(m, "duties", "Q2@node2")["asks"][:1]),
    "a duty that follows": lambda m: _duty(
        m, "Q1@node2", follows=[{"do": "current_off", "node": "node2"}]),
    "a duty that applies elsewhere": lambda m: _duty(m, "Q1@node2", before={}),
    "harm elsewhere": lambda m: _duty(m, "Q2@node2", harmless=[{}]),
    "a duty of some events": lambda m: _duty(m, "Q1@node2", events=["light(node2)"]),
    "not exactly": lambda m: named(
        m, "accepted_only", "light(node2)", "command").pop("exactly"),
    "accepted elsewhere": lambda m: named(m, "accepted_only", "light(node2)", "command").update(
        when=[{"node2.state": ["dark"]}]),
    "set by more": lambda m: named(m, "only_by", "node2.bulb", "column")["events"].append(
        "replace(node2)"),
    "possible elsewhere": lambda m: named(m, "possible", "warm(node2)", "event").update(when={}),
    "a way more": lambda m: m["possible"].append({"event": "warm(node2)", "when": {"mains": ["on"]}}),
    "another decider": lambda m: named(m, "events", "warm(node2)", "name").update(decider="node1"),
    "another kind": lambda m: named(m, "events", "warm(node2)", "name").update(kind="timer"),
    "a completion that fails": lambda m: named(
        m, "events", "warm(node2)", "name").update(success=False),
    "another outcome": lambda m: named(m, "rules", "A112@node2").update(
        outcome="ignored", then={}),
    "another gate": lambda m: _of(m, "hears", "node2", when={"node2.bulb": ["good"]}),
    "nothing learnt": lambda m: _drop(m, "hears", "node2", "node"),
    "another derived table": lambda m: named(m, "columns", "node2.peer_bulb", "name").update(table=[
        [v, {"good": "burnt", "burnt": "good"}.get(r, r)]
        for v, r in named(m, "columns", "node2.peer_bulb", "name")["table"]]),
    "another observer": lambda m: named(m, "columns", "node2.state", "name").update(
        observed_by="node2"),
    "a promise about one lamp": lambda m: m["invariants"].append(
        {"id": "S4", "says": "lamp 2 has a bulb", "never": [{"node2.bulb": ["burnt"],
                                                            "node2.state": ["lit"]}]}),
    "a goal of one lamp": lambda m: m["goal"][0].pop("node2.hears"),
    "one waits": lambda m: m.update(may_wait=[{"node2.state": ["warming"], "mains": ["off"]}]),
    "one is in transition": lambda m: m["transient"].pop("node2.state"),
    "it begins on one side": lambda m: m["initial"][0].update({"node2.bulb": "burnt"}),
    "set from elsewhere": lambda m: named(m, "only_by", "node2.bulb", "column").update(
        when={"burn_out(node2)": {"mains": ["on"]}}),
    "a stronger adversary": lambda m: m.update(adversary=[
        {"event": p["event"], "must": [p["when"]],
         **({"may": [{"mains": ["on"]}]} if p["event"] == "burn_out(node2)" else {})}
        for p in m["possible"]]),
    "one decides without": lambda m: m.update(decides=[
        {"decider": "node2", "when": {"node2.bulb": ["good"]}}]),
    "exclusive on one side": lambda m: m.update(exclusive=[
        {"id": "S5", "commands": ["light"], "never_in": [{"node2.state": ["lit"]}]}]),
    "exclusive of one command": lambda m: m.update(exclusive=[
        {"id": "S5", "commands": ["light(node2)"], "never_in": [{"mains": ["off"]}]}]),
}


@pytest.mark.parametrize("edit", ONE_SIDED.values(), ids=ONE_SIDED)
def test_a_difference_between_the_seats_is_found_and_no_half_stands_for_the_whole(edit, proved):
    machine = wire()
    edit(machine)
    model = load(json.dumps(machine))
    assert unmirrored(model)
    assert half(model) == model.rules
    code, rows = proved(machine, "F3")
    assert (code, rows["F3"]["verdict"]) == (1, "refuted"), rows


@pytest.mark.parametrize("edit", [
    "order of actions", "an action twice", "an action less", "a duty in another order",
    "an action twice in a rule of both", "order in a rule of both", "a duty dropped",
])
def test_f9_asks_both_seats(edit, proved):
    machine = wire()
    ONE_SIDED[edit](machine)
    code, rows = proved(machine, "F9")
    assert (code, rows["F9"]["verdict"]) == (1, "refuted")
    assert "node2" in rows["F9"]["detail"]["says"]


def test_the_same_edits_of_the_document_are_found():
    """M100@node2 reversed, or asking twice; duty Q7@node2 deleted."""
    model = build()
    rule = next(r for r in model.rules if r.id == "M100@node2")
    for actions in (rule.actions[::-1], (*rule.actions, rule.actions[0])):
        changed = evolve(rule, actions=actions)
        edited = evolve(model, rules=tuple(changed if r is rule else r for r in model.rules))
        assert unmirrored(edited) == tuple(
            f"rule M100@{one}: its mirror M100@{other} is another rule"
            for one, other in (("node1", "node2"), ("node2", "node1")))
        assert changed in half(edited)
        relation = Relation(edited)
        solver = relation.solver()
        solver.add(relation.inside(i.id for i in model.invariants))
        assert Duties(relation, solver).wrong(changed)
    fewer = evolve(model, duties=tuple(d for d in model.duties if d.id != "Q7@node2"))
    assert unmirrored(fewer) == ("duty Q7@node1: no duty is its mirror",)
    assert half(fewer) == fewer.rules


def _with_row(section: str, id_: str, **changes: Any) -> Model:
    """The built-in machine with the last row of this id changed."""
    model = build()
    rows = list(getattr(model, section))
    at = max(n for n, row in enumerate(rows) if row.id == id_)
    rows[at] = evolve(rows[at], **changes)
    return evolve(model, **{section: tuple(rows)})


def test_the_fields_that_differ_are_named():
    for fields in ({"follows": ()}, {"follows": (), "harmless": (cube({"ha": "on"}),)}):
        words = ", ".join(fields)
        assert unmirrored(_with_row("duties", "Q1@node2", **fields)) == (
            f"duty Q1@node1: its mirror Q1@node2 differs in {words}",
            f"duty Q1@node2: its mirror Q1@node1 differs in {words}")
    model = build()
    check = model.accepted_only[-1]
    for wrong in unmirrored(_with_row("accepted_only", check.id, exactly=not check.exactly)):
        assert wrong.startswith(f"accepted_only {check.id} ")
        assert wrong.endswith(f": its mirror {check.id} differs in exactly")
    only = next(o for o in model.only_by if o.id == "S23")
    less = _with_row("only_by", "S23", when=model.only_by[-1].when[1:])
    assert only.when
    assert {w.partition(": ")[2] for w in unmirrored(less)} == {
        "its mirror S23 differs in when"}


# ----------------------------------------------------------------- nothing differs


def _column(machine: Wire, name: str) -> Wire:
    return named(machine, "columns", name, "name")


def _swapped(table: list[Any]) -> list[Any]:
    return [[values[::-1], value] for values, value in table]


def _split(machine: Wire, section: str, event: str, column: str, one: str, other: str) -> None:
    row = named(machine, section, event, "event")
    machine[section].remove(row)
    for value in (one, other):
        machine[section].append({**row, "when": {**row["when"], column: [value]}})


SYMMETRIC = {
    "sources in another order": lambda m: _column(m, "node2.peer_bulb").update({
        "from": ["node1.bulb", "node2.hears"],
        "table": _swapped(_column(m, "node2.peer_bulb")["table"])}),
    "rows of a table in another order": lambda m: _column(m, "node2.peer_bulb")["table"].reverse(),
    "values of a domain in another order": lambda m: [
        _column(m, name)["domain"].reverse() for name in ("node2.bulb", "node2.peer_bulb")],
    "values of a cell in another order": lambda m: named(
        m, "rules", "A104@node2")["when"]["node2.peer_bulb"].reverse(),
    "a cell of every value": lambda m: named(
        m, "rules", "A102@node2")["when"].update({"night": ["no", "yes"]}),
    "a cell that the event implies": lambda m: named(
        m, "rules", "A102@node2")["when"].update({"node2.state": ["warming"]}),
    "a cell of what the column is derived from": lambda m: [
        m["columns"].append({
            "name": "evening", "kind": "derived", "domain": ["yes", "no"], "from": ["night"],
            "table": [[["yes"], "yes"], [["no"], "no"]]}),
        named(m, "rules", "A102@node1").update(when={"evening": ["yes"]}),
        named(m, "rules", "A102@node2").update(when={"night": ["yes"]}),
        m["rules"].extend(
            {"id": f"A105@node{n}", "event": f"warm(node{n})", "when": {"night": ["no"]},
             "outcome": "done", "then": {f"node{n}.state": {"const": "lit"}}} for n in (1, 2))],
    "a constant for a map": lambda m: named(m, "rules", "A110@node2").update(
        then={"node2.bulb": {"const": "good"}}),
    "a map with an entry that changes nothing": lambda m: named(m, "rules", "A110@node2").update(
        then={"node2.bulb": {"by": "node2.bulb", "map": {"good": "good", "burnt": "good"}}}),
    "a map for a constant": lambda m: named(m, "rules", "A102@node2").update(
        then={"node2.state": {"by": "night", "map": {"no": "lit", "yes": "lit"}}}),
    "an effect that changes nothing": lambda m: named(m, "rules", "A102@node2")["then"].update(
        {"node2.bulb": {"copy": "node2.bulb"}}),
    "another id": lambda m: named(m, "rules", "A102@node2").update(id="Z7"),
    "two ways for one": lambda m: _split(
        m, "possible", "warm(node2)", "mains", "on", "off"),
    "two promises for one": lambda m: [
        _drop(m, "invariants", "X2"),
        m["invariants"].extend(
            {"id": f"X{n + 4}", "says": "a good bulb", "auxiliary": True,
             "never": [{f"node{n}.state": list(BURNING), f"node{n}.bulb": ["burnt"]}]}
            for n in (1, 2))],
    "two cubes for one": lambda m: named(m, "invariants", "X1").update(never=[
        {"node1.state": ["warming"], "node2.state": list(BURNING)},
        {"node1.state": ["lit"], "node2.state": ["lit", "warming"]}]),
    "duties under other ids": lambda m: _duty(m, "Q1@node2", id="Q9"),
    "rows in another order": lambda m: [m[s].reverse() for s in ("rules", "possible", "events",
                                                                 "duties", "hears")],
    "the mirror the other way round": lambda m: m.update(
        mirror={two: one for one, two in m["mirror"].items()}),
}


@pytest.mark.parametrize("edit", SYMMETRIC.values(), ids=SYMMETRIC)
def test_what_says_the_same_is_the_same(edit, proved):
    machine = wire()
    edit(machine)
    assert load(json.dumps(machine)) != MODEL
    code, rows = proved(machine)
    assert rows["F3"]["verdict"] == "proved", rows["F3"]
    assert code == 0, {i: r for i, r in rows.items() if r["verdict"] != "proved"}


# ----------------------------------------------------------------- values that change places

HOLDER = {
    "format": "prgcore-machine/1", "name": "token",
    "columns": [
        {"name": "node1.wants", "kind": "stored", "domain": ["yes", "no"], "observed_by": "node1"},
        {"name": "node2.wants", "kind": "stored", "domain": ["yes", "no"], "observed_by": "node2"},
        {"name": "holder", "kind": "stored", "domain": ["none", "node1", "node2"],
         "observed_by": "record"},
        {"name": "waiting", "kind": "derived", "domain": ["nobody", "one", "both"],
         "from": ["node1.wants", "node2.wants"],
         "table": [[[a, b], "both" if a == b == "yes" else "nobody" if a == b else "one"]
                   for a in ("yes", "no") for b in ("yes", "no")]},
        {"name": "first", "kind": "derived", "domain": ["none", "node1", "node2"],
         "from": ["holder"], "table": [[[v], v] for v in ("none", "node1", "node2")]},
    ],
    "initial": [{"node1.wants": "no", "node2.wants": "no", "holder": "none"}],
    "events": [
        {"name": f"{name}(node{n})", "kind": kind, "decider": f"node{n}"}
        for n in (1, 2) for name, kind in (("want", "fault"), ("take", "timer"), ("done", "completion"))
    ] + [{"name": "clear", "kind": "command", "decider": "administrator"}],
    "possible": [
        way for n in (1, 2) for way in (
            {"event": f"want(node{n})", "when": {f"node{n}.wants": ["no"]}},
            {"event": f"take(node{n})", "when": {f"node{n}.wants": ["yes"], "holder": ["none"]}},
            {"event": f"done(node{n})", "when": {"holder": [f"node{n}"]}},
        )
    ],
    "rules": [
        rule for n in (1, 2) for rule in (
            {"id": f"R1@node{n}", "event": f"want(node{n})", "outcome": "done", "when": {},
             "then": {f"node{n}.wants": {"const": "yes"}}},
            {"id": f"R2@node{n}", "event": f"take(node{n})", "outcome": "done",
             "when": {"holder": ["none"]}, "then": {"holder": {"const": f"node{n}"}}},
            {"id": f"R3@node{n}", "event": f"done(node{n})", "outcome": "done", "when": {},
             "then": {"holder": {"by": "holder", "map": {f"node{n}": "none"}},
                      f"node{n}.wants": {"const": "no"}}},
        )
    ] + [{"id": "R4", "event": "clear", "outcome": "done", "when": {"first": ["node1", "node2"]},
          "then": {"holder": {"const": "none"}}}],
    "invariants": [{"id": "S1", "says": "who holds it wants it", "never": [
        {"holder": ["node1"], "node1.wants": ["no"]}, {"holder": ["node2"], "node2.wants": ["no"]}]}],
    "mirror": {"node1.wants": "node2.wants"},
    "mirror_values": {"holder": {"node1": "node2", "node2": "node1"},
                      "first": {"node1": "node2", "node2": "node1"}},
    "goal": [{"holder": ["none"], "waiting": ["nobody"]}],
}
"""A token that one of two nodes holds: a group column whose values are nodes."""


def holder() -> Wire:
    return deepcopy(HOLDER)


def _renamed(machine: Wire, **words: str) -> Wire:
    text = json.dumps(machine)
    for old, new in words.items():
        text = text.replace(old, new)
    renamed: Wire = json.loads(text)
    return renamed


RENAMED = {
    "as it is": holder(),
    "left and right": _renamed(holder(), node1="left", node2="right"),
    "a name within a name": _renamed(holder(), node1="a1", node2="a11"),
    "other values": _renamed(holder(), **{'["none", "node1", "node2"]': '["none", "x", "y"]'} | {
        '"holder": ["node1"]': '"holder": ["x"]', '"holder": ["node2"]': '"holder": ["y"]',
        '{"const": "node1"}': '{"const": "x"}', '{"const": "node2"}': '{"const": "y"}',
        '{"node1": "none"}': '{"x": "none"}', '{"node2": "none"}': '{"y": "none"}',
        '{"node1": "node2", "node2": "node1"}': '{"x": "y", "y": "x"}',
        '[["node1"], "node1"]': '[["x"], "x"]', '[["node2"], "node2"]': '[["y"], "y"]',
        '"first": ["node1", "node2"]': '"first": ["x", "y"]'}),
}


@pytest.mark.parametrize("machine", RENAMED.values(), ids=RENAMED)
def test_a_mirror_renames_values(machine, proved):
    code, rows = proved(deepcopy(machine))
    assert (code, rows["F3"]["verdict"]) == (0, "proved"), {
        i: r for i, r in rows.items() if r["verdict"] not in ("proved", "not_applicable")}
    assert {rows[i]["verdict"] for i in ("S1", "F2", "F8", "L2", "E1")} == {"proved"}
    model = load(json.dumps(machine))
    assert is_mirrored(model)
    assert len(half(model)) == 4
    space, mirror = search(model), Mirror.of(model)
    assert mirror is not None
    images = [space.find(mirror.pair(space.pair(n))) for n in range(len(space))]
    assert space.folded().tolist() == [min(n, image) for n, image in enumerate(images)]
    assert any(image != n for n, image in enumerate(images))


def test_a_table_writes_nodes_as_me_and_peer(proved):
    """The same token, written once from `me`."""
    nodes = ("none", "node1", "node2")
    written = Table(
        name="token",
        node_columns=(Column("wants", YES_NO, "me"), Column("votes", nodes, "record")),
        group_columns=(Column("holder", nodes, "record"),),
        derivations=(Derivation("sees", ("holder",), (
            ({"holder": "me"}, "me"), ({"holder": "peer"}, "peer")), "none", "who holds it"),),
        initial=({"wants": "no", "votes": "none", "holder": "none"},),
        events=(
            Event("want", Kind.FAULT, "me"), Event("take", Kind.TIMER, "me"),
            Event("done", Kind.COMPLETION, "me"),
            Event("hand_over", Kind.COMMAND, "administrator", seated=False)),
        possible=(
            Possible("want", {"me.wants": "no"}),
            Possible("take", {"me.wants": "yes", "holder": "none"}),
            Possible("done", {"me.sees": "me"})),
        phases=(("life", (
            Rule("R1", "want", {}, {"me.wants": "yes", "me.votes": "me"}),
            Rule("R2", "take", {}, {"holder": "me", "peer.votes": "me"}),
            Rule("R3", "done", {}, {"holder": by("holder", {"me": "none"}), "me.wants": "no",
                                    "both.votes": "none"}),
            Rule("R4", "hand_over", {"me.sees": ("me", "peer"), "both.wants": "yes"},
                 {"holder": by("holder", {"me": "peer", "peer": "me"})}),
        )),),
        invariants=(Invariant("S1", "who holds it wants it", {"holder": "me", "me.wants": "no"}),),
        only_by=(OnlyBy("S2", "holder", "me", ("take(me)", "hand_over"), "who takes it"),),
    )
    model = instantiate(written, {})
    assert dict(model.mirror_values).keys() == {
        "node1.votes", "node2.votes", "holder", "node1.sees", "node2.sees"}
    assert not findings(model)
    assert model.rules[3].then[0].value == Const("node2")
    code, rows = proved(json.loads(dumps(model)))
    assert code == 0, {i: r for i, r in rows.items() if r["verdict"] not in ("proved", "not_applicable")}
    assert rows["F3"]["verdict"] == "proved"
    assert is_mirrored(model)
    assert "mirror_values" not in json.loads(_wire())


def test_a_picture_is_folded_only_where_the_machine_is_its_own_mirror():
    for edit, folded in ((dict, True), (ONE_SIDED["another kind"], False)):
        machine = wire()
        edit(machine)
        model = load(json.dumps(machine))
        found = quotient.classify(Engine(model), search(model), "node1.state,node2.state")
        assert found.folded is folded
    model = load(json.dumps(HOLDER))
    found = quotient.classify(Engine(model), search(model), "holder")
    assert [node.label for node in found.nodes] == ["none", "Node1"]


NO_MIRROR = {
    "values that stay": (lambda m: m.pop("mirror_values"), "R2@node1"),
    "one column alone": (lambda m: m["mirror_values"].pop("first"), "first"),
    "half of an exchange": (lambda m: m["mirror_values"]["holder"].pop("node2"), "holder"),
    "an exchange that does not come back": (lambda m: m["mirror_values"].update(
        holder={"none": "node1", "node1": "node2", "node2": "none"}), "holder"),
    "another exchange": (lambda m: m["mirror_values"].update(
        holder={"none": "node1", "node1": "none"}), "initial"),
    "a rule of one seat": (lambda m: named(m, "rules", "R2@node2").update(
        then={"holder": {"const": "node1"}}), "R2@node2"),
    "a map of one seat": (lambda m: named(m, "rules", "R3@node2")["then"].update(
        holder={"by": "holder", "map": {"node2": "node1"}}), "R3@node2"),
    "a way of one seat": (lambda m: named(m, "possible", "done(node2)", "event").update(
        when={"holder": ["node1"]}), "done(node2)"),
    "a promise of one seat": (lambda m: m["invariants"][0]["never"].pop(), "S1"),
    "a derived column of one seat": (lambda m: _column(m, "waiting").update(table=[
        [v, "both" if v == ["yes", "no"] else r] for v, r in _column(m, "waiting")["table"]]),
        "waiting"),
    "it begins in one seat": (lambda m: m["initial"][0].update(
        {"holder": "node1", "node1.wants": "yes"}), "initial"),
}


@pytest.mark.parametrize(("edit", "says"), NO_MIRROR.values(), ids=NO_MIRROR)
def test_values_that_do_not_change_places_rightly_are_found(edit, says, proved):
    machine = holder()
    edit(machine)
    code, rows = proved(machine, "F3")
    assert (code, rows["F3"]["verdict"]) == (1, "refuted")
    assert says in " ".join(rows["F3"]["detail"]["all"])
    model = load(json.dumps(machine))
    assert half(model) == model.rules


@pytest.mark.parametrize(("edit", "says"), [
    (lambda m: m["mirror_values"].update(hodler={}), "mirror_values.hodler: unknown column 'hodler'"),
    (lambda m: m["mirror_values"]["holder"].update(node3="node1"), "unknown value 'node3'"),
    (lambda m: m["mirror_values"]["holder"].update(node1="node3"), "unknown value 'node3'"),
    (lambda m: m.pop("mirror"), "mirror_values: without mirror"),
    (lambda m: m.update(mirror_values=[]), "mirror_values: expected an object"),
])
def test_mistakes_in_a_mirror_of_values_are_form(edit, says):
    machine = holder()
    edit(machine)
    with pytest.raises(MalformedMachine, match="mirror_values") as error:
        load(json.dumps(machine))
    assert says in str(error.value)


def test_words_that_differ_in_more_than_one_way_are_no_mirror(proved):
    machine = wire()
    machine["mirror"] = {"node1.state": "node2.state", "node1.hears": "mains"}
    machine["columns"] = [
        {**c, "domain": ["yes", "no"]} if c["name"] == "mains" else c for c in machine["columns"]]
    machine["initial"][0]["mains"] = "yes"
    machine = json.loads(json.dumps(machine).replace('"mains": ["on"]', '"mains": ["yes"]').replace(
        '"mains": ["off"]', '"mains": ["no"]').replace('"mains": {"const": "off"}',
        '"mains": {"const": "no"}').replace('"mains": {"const": "on"}', '"mains": {"const": "yes"}'))
    code, rows = proved(machine, "F3")
    assert (code, rows["F3"]["verdict"]) == (0, "not_applicable")
    assert half(load(json.dumps(machine))) == load(json.dumps(machine)).rules


def test_two_promises_that_mirror_each_other_are_each_asked_of_every_rule():
    """A half of the rules breaks one of them only; the other one is as false."""
    machine = holder()
    machine["invariants"] = [
        {"id": f"S{n}", "says": "no token", "never": [{"holder": [f"node{n}"]}]} for n in (1, 2)]
    model = load(json.dumps(machine))
    assert unmirrored(model) == ()
    assert half(model) == model.rules
    assert induct(model).proved == ()


def test_a_promise_that_is_given_is_asked_of_every_rule():
    model = load(json.dumps(HOLDER))
    assert is_mirrored(model)
    asymmetric = Invariant("Y1", "never in the hands of node 2", {"holder": "node2"})
    assert induct(model, [asymmetric]).proved == ()


# ----------------------------------------------------------------- what a node may know


def _rule(machine: Wire, id_: str, **fields: Any) -> None:
    named(machine, "rules", id_).update(fields)


SECRET: Wire = {
    "format": "prgcore-machine/1", "name": "secret",
    "columns": [
        {"name": "node1.flag", "kind": "stored", "domain": ["yes", "no"], "observed_by": "node1"},
        {"name": "node2.s", "kind": "stored", "domain": ["a", "b"], "observed_by": "node2"},
        {"name": "node1.out", "kind": "stored", "domain": ["x", "y"], "observed_by": "record"},
        {"name": "node1.told", "kind": "derived", "domain": ["none", "a", "b"],
         "from": ["node1.flag", "node2.s"],
         "table": [[[f, v], v if f == "yes" else "none"] for f in ("yes", "no") for v in "ab"]},
    ],
    "initial": [{"node1.flag": "yes", "node2.s": "a", "node1.out": "x"}],
    "events": [
        {"name": "tick(node1)", "kind": "timer", "decider": "node1"},
        {"name": "turn(node2)", "kind": "fault", "decider": "node2"},
        {"name": "deafen", "kind": "fault", "decider": "environment"},
    ],
    "possible": [{"event": "tick(node1)", "when": {"node1.out": ["x"]}},
                 {"event": "turn(node2)", "when": {}}, {"event": "deafen", "when": {}}],
    "rules": [
        {"id": "R1", "event": "tick(node1)", "outcome": "done", "when": {"node1.told": ["a"]},
         "then": {"node1.out": {"const": "y"}}},
        {"id": "R2", "event": "tick(node1)", "outcome": "ignored",
         "when": {"node1.told": ["b", "none"]}, "why": "not yet"},
        {"id": "R3", "event": "turn(node2)", "outcome": "done", "when": {},
         "then": {"node2.s": {"by": "node2.s", "map": {"a": "b", "b": "a"}}}},
        {"id": "R6", "event": "deafen", "outcome": "done", "when": {},
         "then": {"node1.flag": {"by": "node1.flag", "map": {"yes": "no", "no": "yes"}}}},
    ],
}
"""Node 1 acts on a secret of node 2; nothing says that it hears of it."""
HEARS = [{"node": "node1", "when": {"node1.flag": ["yes"]}, "learns": ["node1.told"]}]


def secret(**fields: Any) -> Wire:
    return {**deepcopy(SECRET), **deepcopy(fields)}


def test_a_yes_no_column_opens_nothing(proved):
    code, rows = proved(secret(), "F6", "F8")
    assert (code, rows["F6"]["verdict"], rows["F8"]["verdict"]) == (1, "refuted", "refuted")
    section = "the machine needs the section hears: " + json.dumps(HEARS)
    assert rows["F6"]["detail"]["says"].count(section) == 1
    assert rows["F8"]["detail"]["one"]["node2.s"] != rows["F8"]["detail"]["other"]["node2.s"]


@pytest.mark.parametrize("learns", [["node1.told"], ["node2.s"]])
def test_what_the_file_names_is_open_and_said(learns, proved):
    hears = [{**HEARS[0], "learns": learns}]
    code, rows = proved(secret(hears=hears), "F6", "F8")
    assert (code, rows["F6"]["verdict"], rows["F8"]["verdict"]) == (0, "proved", "proved")
    for id_ in ("F6", "F8"):
        assert rows[id_]["detail"]["hears"] == [
            f"node1 learns {learns[0]} where node1.flag is yes"]


LEAKS = {
    "the other value is the gate": lambda m: m["hears"][0].update(when={"node1.flag": ["no"]}),
    "the gate is in the record": lambda m: m["hears"][0].update(when={"node1.out": ["y"]}),
    "the other node hears": lambda m: [
        m["events"].append({"name": "tock(node2)", "kind": "timer", "decider": "node2"}),
        m["possible"].append({"event": "tock(node2)", "when": {}}),
        m["rules"].append({"id": "R4", "event": "tock(node2)", "outcome": "ignored", "when": {
            "node1.told": ["a", "b", "none"], "node1.flag": ["yes"]}}),
        m["rules"].append({"id": "R5", "event": "tock(node2)", "outcome": "done", "when": {
            "node1.flag": ["no"]}, "then": {"node1.out": {"const": "x"}}})],
    "the table leaks": lambda m: named(m, "columns", "node1.told", "name").update(table=[
        [[f, v], v] for f in ("yes", "no") for v in "ab"]),
    "it leaks one value": lambda m: named(m, "columns", "node1.told", "name").update(table=[
        [[f, v], v if (f, v) != ("no", "b") else "none"] for f in ("yes", "no") for v in "ab"]),
    "another column of the peer": lambda m: [
        m["columns"].append({"name": "node2.t", "kind": "stored", "domain": ["p", "q"],
                             "observed_by": "node2"}),
        m["initial"][0].update({"node2.t": "p"}),
        named(m, "rules", "R1")["then"].update(
            {"node1.out": {"by": "node2.t", "map": {"p": "x", "q": "y"}}})],
    "an event without a seat": lambda m: [
        m.update(json.loads(json.dumps(m).replace("tick(node1)", "tick"))),
        _rule(m, "R1", when={"node2.s": ["a"]}), _rule(m, "R2", when={"node2.s": ["b"]})],
    "a seat that does not decide": lambda m: [
        m.update(json.loads(json.dumps(m).replace("tick(node1)", "tick(node2)"))),
        _rule(m, "R1", when={"node2.s": ["a"]}), _rule(m, "R2", when={"node2.s": ["b"]})],
    "a command of a node": lambda m: [
        m.update(json.loads(json.dumps(m).replace('"kind": "timer"', '"kind": "command"')),
                 possible=m["possible"][1:]),
        _rule(m, "R1", when={"node2.s": ["a"]}), _rule(m, "R2", when={"node2.s": ["b"]})],
    "a third node": lambda m: m.update(json.loads(json.dumps(m).replace(
        '"decider": "node1"', '"decider": "witness"').replace("tick(node1)", "tick")), hears=[]),
    "an effect": lambda m: _rule(m, "R1", when={"node1.told": ["a", "b", "none"]}, then={
        "node1.out": {"by": "node2.s", "map": {"a": "x", "b": "y"}}}) or _drop(m, "rules", "R2"),
}


@pytest.mark.parametrize("edit", LEAKS.values(), ids=LEAKS)
def test_a_node_that_knows_too_much_is_found_twice(edit, proved):
    machine = secret(hears=HEARS)
    edit(machine)
    code, rows = proved(machine, "F6", "F8")
    assert (code, rows["F6"]["verdict"], rows["F8"]["verdict"]) == (1, "refuted", "refuted")
    known = {c["name"]: c.get("observed_by") for c in machine["columns"] if c["kind"] == "stored"}
    one, other = rows["F8"]["detail"]["one"], rows["F8"]["detail"]["other"]
    assert {c for c in one if one[c] != other[c]} <= {c for c, by_ in known.items() if by_ != "record"}


def test_what_is_known_of_a_cell_by_cell_lint_is_not_borrowed(monkeypatch):
    """With a lint that believes everything, the solver still finds the secret."""
    monkeypatch.setattr("prgcore.form.knowledge.knows", lambda *_: True)
    model = load(json.dumps(SECRET))
    assert views.told_apart(model, ()).apart


def test_an_event_without_a_seat_is_asked(proved):
    machine = json.loads(json.dumps(secret(hears=HEARS)).replace("tick(node1)", "tick"))
    code, rows = proved(machine, "F8")
    assert (code, rows["F8"]["verdict"], rows["F8"]["detail"]["events"]) == (0, "proved", 2)


def test_where_everything_is_in_the_record_f8_does_not_apply(proved):
    machine = secret()
    for column in machine["columns"]:
        column["observed_by"] = "record"
    del machine["columns"][3]["observed_by"]
    code, rows = proved(machine, "F6", "F8")
    assert (code, rows["F6"]["verdict"], rows["F8"]["verdict"]) == (0, "proved", "not_applicable")
    assert "hidden" in rows["F8"]["detail"]["says"]


def test_where_no_node_decides_f8_does_not_apply(proved):
    machine = json.loads(json.dumps(secret()).replace('"decider": "node1"', '"decider": "environment"')
                         .replace('"decider": "node2"', '"decider": "environment"'))
    code, rows = proved(machine, "F8")
    assert (code, rows["F8"]["verdict"]) == (0, "not_applicable")


@pytest.mark.parametrize(("never", "verdict", "says"), [
    ([{"node1.out": ["x"]}, {"node1.out": ["y"]}], "vacuous", "no event that a node decides"),
    ([{"node2.s": ["b"]}, {"node1.flag": ["no"]}], "not_applicable", "nothing is hidden"),
])
def test_where_nothing_is_asked_f8_is_vacuous(never, verdict, says):
    """The invariants leave no pair, or no pair in which anything is hidden."""
    model = evolve(load(json.dumps(SECRET)), invariants=(Invariant("S1", "", tuple(map(cube, never))),))
    found = next(o for o in obligations(model) if o.id == "F8").run(
        Work(Engine(model), known=induction.Proof(("S1",))))
    assert (found.verdict, says in found.detail["says"]) == (verdict, True)


@pytest.mark.parametrize(("fields", "says"), [
    ({"node": "node3"}, "hears[0].node: unknown node 'node3'"),
    ({"node": "environment"}, "hears[0].node: unknown node 'environment'"),
    ({"when": {}}, "hears[0].when: holds in every pair"),
    ({"when": {"node1.flag": ["yes", "no"]}}, "hears[0].when: holds in every pair"),
    ({"when": {"node1.flag": []}}, "hears[0].when.node1.flag: no value"),
    ({"when": {"node1.flog": ["yes"]}}, "hears[0].when.node1.flog: unknown column"),
    ({"when": {"node2.s": ["a"]}}, "hears[0].when.node2.s: node1 cannot know it without its peer"),
    ({"when": {"node1.told": ["a"]}}, "hears[0].when.node1.told: node1 cannot know it"),
    ({"learns": []}, "hears[0].learns: nothing"),
    ({"learns": ["node1.tolt"]}, "hears[0].learns[0]: unknown column 'node1.tolt'"),
    ({"learns": ["node1.flag"]}, "node1.flag is not what another node observes"),
    ({"learns": ["node1.out"]}, "node1.out is not what another node observes"),
    ({"learns": "node1.told"}, "hears[0].learns: expected a list"),
    ({"hears": 1}, "unknown key 'hears'"),
])
def test_mistakes_in_what_a_node_hears_are_form(fields, says):
    machine = secret(hears=[{**HEARS[0], **fields}])
    with pytest.raises(MalformedMachine) as error:
        load(json.dumps(machine))
    assert says in str(error.value)


def test_the_environment_tells_nobody():
    machine = secret(hears=HEARS)
    named(machine, "columns", "node2.s", "name")["observed_by"] = "environment"
    with pytest.raises(MalformedMachine, match="told is not what another node observes"):
        load(json.dumps(machine))


# ----------------------------------------------------------------- whose names are whose

OWN_SECTIONS = {
    "invariants": lambda m, id_: m.update(invariants=[
        {"id": id_, "says": "false", "never": [{"node1.out": ["y"]}]}]),
    "accepted_only": lambda m, id_: m.update(accepted_only=[
        {"id": id_, "command": "tick(node1)", "when": [{"node1.out": ["y"]}]}]),
    "exclusive": lambda m, id_: m.update(
        exclusive=[{"id": id_, "commands": [], "never_in": []}]),
    "only_by": lambda m, id_: m.update(only_by=[
        {"id": id_, "column": "node1.out", "value": "y", "events": []}]),
    "observations": lambda m, id_: m.update(observations=[
        {"id": id_, "says": "out", "when": [{"node1.out": ["y"]}]}]),
    "converges": lambda m, id_: m.update(converges=[
        {"id": id_, "says": "out", "from": [{"node1.out": ["x"]}]}]),
}


@pytest.mark.parametrize("section", OWN_SECTIONS)
@pytest.mark.parametrize("id_", ["E1", "F1", "F9", "F10", "C1", "L3", "T3", "M1", "S18"])
def test_an_id_of_the_prover_is_refused(id_, section, run, tmp_path):
    machine = secret(hears=HEARS)
    OWN_SECTIONS[section](machine, id_)
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine), encoding="utf-8")
    answer = run("prove", "--machine", path)
    assert answer.code == 2
    assert f"{section}[0].id: {id_} {reserved(id_)}" in answer.err


def test_every_obligation_of_the_prover_has_such_an_id():
    own = {id_ for id_, _ in listing(Engine(TURNSTILE))}
    assert len(own) > 25
    assert all(map(BUILT_IN.fullmatch, own))
    assert not any(BUILT_IN.fullmatch(i.id) for i in build().invariants)
    assert not any(map(BUILT_IN.fullmatch, ("S1", "S22", "X3", "E", "E1a", "my-F1", "")))


def test_a_model_in_memory_is_refused_too():
    model = evolve(TURNSTILE, invariants=(Invariant("E1", "never open", {"arm": "open"}),))
    with pytest.raises(MalformedMachine, match="E1 is reserved: E and a number is the prover"):
        prove(Engine(model))


def _theorem(id_: str, model: Model = MODEL) -> Any:
    text = f"[it-holds]\nsays = 'it holds'\ndischarged = {json.dumps(id_.split())}"
    return theorems.read_text(text, "here", model)[0].run(Work(Engine(model)))


@pytest.mark.parametrize(("ids", "verdict"), [
    ("S1", "proved"), ("F3", "proved"), ("S1 S2 S3", "proved"), ("E1", "proved"),
    ("L3", "vacuous"), ("C1", "vacuous"), ("T3", "vacuous"), ("S1 L3", "vacuous"),
    ("C2 S1", "vacuous"),
])
def test_what_is_not_proved_is_no_pass(ids, verdict):
    found = _theorem(ids)
    assert found.verdict == verdict
    if verdict == "vacuous":
        says = "only reports" if "L3" in ids else "says nothing of this machine"
        assert says in found.detail["says"]


@pytest.mark.parametrize(("ids", "verdict"), [
    ("S1", "refuted"), ("S1 E1", "refuted"), ("S18", "refuted"), ("S1 L3", "vacuous"),
    ("E1", "proved"), ("F3 S1", "vacuous"),
])
def test_the_worst_of_several_counts(ids, verdict):
    model = evolve(TURNSTILE, invariants=(Invariant("S1", "never open", {"arm": "open"}),))
    if ids == "S18":  # it applies only where a timer depends on the environment
        model = evolve(
            model, columns=(*model.columns, Column("link", ("up", "cut"), "environment")),
            initial=(((("arm", "locked")), ("link", "up")),),
            events=(*model.events, Event("slip(node1)", Kind.TIMER, "node1")),
            possible=(*model.possible, Possible("slip(node1)", {"link": "cut"})),
            rules=(*model.rules, Rule("T4", "slip(node1)", {}, outcome=Outcome.IGNORED, why="-")))
    assert _theorem(ids, model).verdict == verdict


@pytest.mark.parametrize("name", ["E1", "F10", "S18", "M1", "T12"])
def test_a_theorem_has_a_name_of_its_own(name):
    text = f"[{name}]\nsays = 'it holds'\ndischarged = ['S1']"
    with pytest.raises(BadInput, match=re.escape(f"[{name}] {reserved(name)}")):
        theorems.read_text(text, "here", MODEL)


def test_a_theorem_of_a_solver_that_gave_up_is_unknown(monkeypatch, run, tmp_path):
    monkeypatch.setattr(table, "RLIMIT", 1)
    path, file = tmp_path / "machine.json", tmp_path / "one.toml"
    path.write_text(_wire(), encoding="utf-8")
    file.write_text("[only-from-dark]\nsays = 'only from dark'\naccepted = 'light(node1)'\n"
                    "only = { 'node1.state' = 'dark' }\n", encoding="utf-8")
    answer = run("prove", file, "--machine", path, "--json")
    assert (answer.code, json.loads(answer.out)["obligations"][0]["verdict"]) == (3, "unknown")


def test_a_machine_without_invariants_has_no_s18(proved):
    machine = wire()
    machine.update(invariants=[], accepted_only=[], only_by=[])
    code, rows = proved(machine, "S18")
    assert (code, rows["S18"]["verdict"]) == (0, "not_applicable")
    assert rows["S18"]["detail"]["says"] == "the machine has no invariants"


# ----------------------------------------------------------------- columns of other domains


def _copies(*, a: tuple[str, ...], b: tuple[str, ...], when: dict[str, Any], then: Any) -> Model:
    return Model(
        name="copies", columns=(
            Column("a", a), Column("b", b),
            Column("d", (*a, "odd"), "derived", ("a",), tuple(((v,), v) for v in a))),
        initial=((("a", a[0]), ("b", b[0])),),
        events=(Event("go", Kind.COMMAND, "administrator"),
                Event("turn", Kind.FAULT, "environment")),
        possible=(Possible("turn", {}),),
        rules=(Rule("R1", "go", when, then),
               Rule("R2", "turn", {}, {"a": by("a", dict(zip(a, (*a[1:], a[0]), strict=True))),
                                       "b": by("b", dict(zip(b, (*b[1:], b[0]), strict=True)))})))


@pytest.mark.parametrize(("a", "b", "when", "then"), [
    ("xy", "xw", {"a": "x", "b": "w"}, {"b": "copy a"}),
    ("xy", "wx", {"a": "x", "b": "w"}, {"b": "copy a"}),
    ("xyz", "xzw", {"a": ("x", "z"), "b": "w"}, {"b": "copy a"}),
    ("xyzuv", "ywz", {"a": ("y", "z"), "b": "w"}, {"b": "copy a"}),
    ("xy", "xwv", {"a": "x", "b": ("w", "v")}, {"b": "copy a", "a": "copy a"}),
    ("xy", "xw", {"d": "x", "b": "w"}, {"b": "copy d"}),
    ("xyz", "zw", {"d": "z", "a": "z", "b": "w"}, {"b": "copy d"}),
    ("xy", "xyw", {"a": ("x", "y"), "b": "w"}, {"b": "copy a"}),
    ("xy", "xw", {"a": "y", "b": "x"}, {"a": "copy b"}),
    ("xy", "xw", {"a": "x", "b": "w"}, {"b": {"x": "x"}}),
    ("xy", "xw", {"a": "x", "b": "w"}, {"b": {"y": "w", "x": "x"}}),
    ("xy", "yx", {"a": "x", "b": "y"}, {"b": "copy a", "a": "copy b"}),
])
def test_readers_agree_on_copies_between_other_domains(a, b, when, then, run, tmp_path):
    effects = {
        target: {"copy": value.split()[1]} if isinstance(value, str)
        else {"by": "a", "map": value} for target, value in then.items()}
    model = _copies(a=tuple(a), b=tuple(b), when=when, then={})
    machine = json.loads(dumps(evolve(model, rules=model.rules[1:])))
    machine["rules"].append({
        "id": "R1", "event": "go", "outcome": "done", "then": effects,
        "when": {c: list(v) for c, v in when.items()}})
    assert not findings(load(json.dumps(machine)))
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine), encoding="utf-8")
    answer = run("prove", "--machine", path, "--only", "E1", "--only", "E2", "--json")
    assert answer.code == 0, answer.out + answer.err
    assert {o["verdict"] for o in json.loads(answer.out)["obligations"]} == {"proved"}


# ----------------------------------------------------------------- exactly, of many columns


def _switches(number: int, values: int = 2, *, stuck: bool = False) -> Model:
    domain = tuple(f"v{n}" for n in range(values))
    names = [f"s{n}" for n in range(number)]
    turn = dict(zip(domain, (*domain[1:], domain[0]), strict=True))
    if stuck:  # the last value of the last switch is never reached
        turn[domain[-2]] = domain[0]
    return Model(
        name="switches", columns=tuple(Column(n, domain) for n in names),
        initial=(tuple((n, domain[0]) for n in names),),
        events=tuple(Event(f"turn_{n}", Kind.COMMAND, "administrator") for n in names),
        possible=(), rules=tuple(
            Rule(f"R{n}", f"turn_{n}", {}, {n: by(n, turn if n == names[-1] else dict(
                zip(domain, (*domain[1:], domain[0]), strict=True)))}) for n in names),
        invariants=(Invariant("Y1", "every position is met", (), exactly=tuple(names)),))


@pytest.mark.parametrize(("number", "values"), [
    (1, 2), (6, 2), (7, 2), (8, 2), (9, 2), (10, 2), (12, 2), (15, 2), (6, 4), (5, 8), (2, 200),
])
def test_every_combination_of_many_columns_is_counted(number, values):
    model = _switches(number, values)
    assert _missing(model) == []


def _missing(model: Model) -> list[str]:
    """The combinations that a promise of the machine misses."""
    found = next(o for o in obligations(model) if o.id == "Y1").run(Work(Engine(model)))
    missing: list[str] = found.detail.get("all", [])
    assert found.verdict == ("refuted" if missing else "proved")
    return missing


@pytest.mark.parametrize(("number", "values", "missing"), [
    (9, 3, 3 ** 8), (8, 2, 2 ** 7), (3, 5, 5 ** 2), (1, 3, 1),
])
def test_combinations_that_are_missing_are_named(number, values, missing):
    model = _switches(number, values, stuck=True)
    found = _missing(model)
    assert len(found) == min(missing, 1000)
    assert all(f.endswith(f"v{values - 1}") for f in found)


def test_a_million_combinations_that_are_missing_end():
    """Twenty switches that nobody turns: a thousand of what is missing says enough."""
    model = evolve(_switches(20), events=(), rules=())
    assert len(_missing(model)) == 1000


# ----------------------------------------------------------------- by brute force


def _edited(machine: Wire, rnd: Random) -> None:
    """Change one cell, effect, entry of a table or value somewhere, at random."""
    domains = {c["name"]: c["domain"] for c in machine["columns"]}

    def cell(cube_: Wire) -> None:
        if cube_ and rnd.random() < 0.3:
            cube_.pop(rnd.choice(sorted(cube_)))
        else:
            column = rnd.choice(sorted(domains))
            cube_[column] = rnd.sample(domains[column], rnd.randint(1, len(domains[column])))

    rule = rnd.choice(machine["rules"])
    what = rnd.choice(("when", "then", "possible", "table", "initial", "kind"))
    if what == "when":
        cell(rule["when"])
    elif what == "then" and rule.get("then"):
        target, source = rnd.choice(sorted(rule["then"])), rnd.choice(sorted(domains))
        rule["then"][target] = rnd.choice(({"const": rnd.choice(domains[target])}, {
            "by": source, "map": {
                v: rnd.choice(domains[target]) for v in domains[source] if rnd.random() < 0.6}}))
    elif what == "possible":
        cell(rnd.choice(machine["possible"])["when"])
    elif what == "table":
        column = rnd.choice([c for c in machine["columns"] if c["kind"] == "derived"])
        rnd.choice(column["table"])[1] = rnd.choice(column["domain"])
    elif what == "initial":
        column = rnd.choice(sorted(machine["initial"][0]))
        machine["initial"][0][column] = rnd.choice(domains[column])
    else:
        rnd.choice(machine["events"])["kind"] = rnd.choice(("timer", "fault"))


def _variants(base: Wire, number: int) -> Iterator[Model]:
    """Well-formed machines a few random edits away."""
    for seed in range(number):
        rnd, machine = Random(seed), deepcopy(base)
        for _ in range(rnd.choice((1, 1, 2, 3))):
            _edited(machine, rnd)
        with suppress(MalformedMachine):
            yield load(json.dumps(machine))


def _pairs(model: Model) -> Iterator[dict[str, str]]:
    """Every pair that can be written down, reachable or not."""
    stored = [c for c in model.columns if not c.derived]
    for values in product(*(c.domain for c in stored)):
        yield dict(zip((c.name for c in stored), values, strict=True))


def _answer(machine: Engine, pair: dict[str, str], event: str) -> tuple[Any, ...]:
    """What an event does in a pair: nothing, if it cannot happen or nobody answers."""
    try:
        decision = machine.step(machine.pair(pair), event)
    except PrgError as error:
        return type(error), None
    return decision.outcome, {c: decision.pair[c] for c in pair}


def _steps_alike(model: Model) -> bool:
    """Whether every step of every pair has its mirror image, and the initial pairs have."""
    machine, mirror = Engine(evolve(model, invariants=())), Mirror.of(model)
    assert mirror is not None
    starts = {frozenset(pair) for pair in model.initial}
    kinds = {e.name: e.kind for e in model.events}
    return starts == {frozenset(mirror.pair(dict(s)).items()) for s in starts} and all(
        kinds[event] == kinds[mirror.name(event)]
        and (outcome, after and mirror.pair(after)) == _answer(
            machine, mirror.pair(pair), mirror.name(event))
        for pair in _pairs(model) for event in kinds
        for outcome, after in [_answer(machine, pair, event)]
    )


def test_a_machine_that_is_its_own_mirror_steps_alike_everywhere():
    said: Counter[tuple[bool, bool]] = Counter()
    for model in _variants(HOLDER, 300):
        mirrored, alike = is_mirrored(model), _steps_alike(model)
        said[mirrored, alike] += 1
        if alike and not mirrored:  # a table may say more than any step shows
            assert all(line.startswith("column ") for line in unmirrored(model) or ())
    assert said[True, False] == 0
    assert min(said[True, True], said[False, False]) > 30


def _tells_apart(model: Model, node: str) -> bool:
    """Whether two pairs that look the same to a node are answered otherwise."""
    machine = Engine(evolve(model, invariants=()))
    for event in (e.name for e in model.events if e.decider == node):
        answers: dict[Any, set[Any]] = {}
        for pair in _pairs(model):
            full = machine.pair(pair)
            known = [pair[c.name] for c in model.columns
                     if not c.derived and c.observed_by in (node, "record")]
            for hears in model.hears:
                if hears.node == node and all(full[c.column] in c.values for c in hears.when):
                    known += [full[c] for c in hears.learns]
            with suppress(ImpossibleEvent):
                try:
                    decision = machine.step(full, event)
                except NotTotal:
                    answers.setdefault(tuple(known), set()).add(None)
                    continue
                rule = decision.rule
                written = tuple(decision.pair[e.target] for e in rule.then) if rule else ()
                answers.setdefault(tuple(known), set()).add((rule and rule.id, written))
        if any(len(several) > 1 for several in answers.values()):
            return True
    return False


def test_f8_finds_exactly_what_two_pairs_show():
    said = Counter(
        (bool(views.told_apart(model, ()).apart), any(_tells_apart(model, n) for n in NODES))
        for hears in ([], HEARS) for model in _variants({**SECRET, "hears": hears}, 70))
    assert said[True, False] == said[False, True] == 0
    assert min(said[True, True], said[False, False]) > 20


def _doubled(model: Model) -> Model:
    """The machine whose node2 is the mirror image of its node1."""
    mirror = Mirror.of(model)
    assert mirror is not None
    kinds = {e.name: e.kind for e in model.events}
    first = [r for r in model.rules if not r.id.endswith("@node2")]
    ways = [p for p in model.possible if not p.event.endswith("(node2)")]
    return evolve(
        model,
        rules=tuple(
            r for one in first for r in {r.id: r for r in (mirror.rule(one), one)}.values()),
        possible=tuple(p for one in ways for p in (one, Possible(
            mirror.name(one.event), mirror.cube(one.when)))),
        events=tuple(evolve(e, kind=kinds[e.name.replace("node2", "node1")]) for e in model.events))


def test_a_half_says_what_the_whole_says():
    """The same verdicts with the mirror section, and without: then nothing is inferred."""
    said: Counter[str] = Counter()
    for edited in _variants(HOLDER, 60):
        model = _doubled(edited)
        if findings(model) or not is_mirrored(model):
            continue
        by_half, by_whole = (
            {r.id: r.verdict for r in prove(Engine(m)).results if r.id != "F3"}
            for m in (model, evolve(model, mirror=(), mirror_values=())))
        assert by_half == by_whole
        said.update(by_half.values())
    assert min(said["proved"], said["refuted"]) > 10
