"""Two machines compared: every kind of change, what it reaches, what it breaks, and how it is told."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from attrs import evolve

from prgcore import PRG
from prgcore.diagram.changed import changed
from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted, ImpossibleEvent
from prgcore.machine import Machine, build
from prgcore.model import (
    AcceptedOnly,
    Cell,
    Column,
    Const,
    Cube,
    Effect,
    Event,
    Exclusive,
    Invariant,
    Model,
    OnlyBy,
    Possible,
    Rule,
    Viewpoint,
    by,
    cube,
)
from prgcore.prove import difference, work
from prgcore.prove.difference import Flip, compare
from prgcore.prove.report import EXIT, Result
from prgcore.story.script import as_story, parse
from prgcore.story.script import run as run_story
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.changes import changes
from prgcore.wire.machine_file import digest, dumps
from prgcore.wire.rows import NAMED
from tests import planted, toys

FAULTS = {f.name: f for f in planted.FAULTS}


def rule(model: Model, id_: str, **more) -> Model:
    return evolve(model, rules=tuple(
        evolve(r, **more) if r.id == id_ else r for r in model.rules
    ))


def told(found) -> list[tuple]:
    """What differs, without prose: section, name, change, and (field, lost, gained) of each."""
    return [
        (c.section, c.name, c.change, [
            (d.field, d.old and d.lost, d.new and d.gained) for d in c.details if not d.prose
        ])
        for c in found.real
    ]


def one(old: Model, new: Model) -> tuple:
    (found,) = told(changes(old, new))
    return found


# ------------------------------------------------------------------- cell by cell

TOY = toys.LAMPS
COLUMN = Column("spare2", ("on", "off"), "record")


@pytest.mark.parametrize(("changed_model", "expected"), [
    (rule(TOY, "P8", when={"node1.lamp": "on"}),
     ("rules", "P8", "changed", [("when node1.lamp", None, ("on",))])),
    (rule(TOY, "P2", when={}),
     ("rules", "P2", "changed", [("when switch", ("on",), None)])),
    (rule(TOY, "P4", when={"light": ("dark", "one"), "node1.peer_lamp": "off"}),
     ("rules", "P4", "changed", [("when light", (), ("one",)),
                                 ("when node1.peer_lamp", ("unheard",), ())])),
    (rule(TOY, "P10", then={"mains": "down", "switch": "off"}),
     ("rules", "P10", "changed", [("then switch", None, ("off",))])),
    (rule(TOY, "P8", then={"node1.lamp": "off"}),
     ("rules", "P8", "changed", [("then node1.lamp", ("broken",), ("off",))])),
    (rule(TOY, "P1", then={"switch": "on", "spare": "off"}),
     ("rules", "P1", "changed", [("then spare", ("what switch was",), ("off",))])),
    (rule(TOY, "P3", then={"node1.lamp": by("switch", {"on": "off", "off": "off"})}),
     ("rules", "P3", "changed", [("then node1.lamp if switch = on", ("on",), ("off",))])),
    (rule(TOY, "P3", then={"node1.lamp": by("switch", {"on": "on"})}),
     ("rules", "P3", "changed", [("then node1.lamp if switch = off", ("off",), None)])),
    (rule(TOY, "P3", actions=("ring", "shine(node1)")),
     ("rules", "P3", "changed", [("actions", ("shine(node1)", "ring"), ("ring", "shine(node1)"))])),
    (rule(TOY, "P4", outcome=Outcome.DONE, then={"spare": "on"}),
     ("rules", "P4", "changed", [("outcome", ("ignored",), ("done",)),
                                 ("then spare", None, ("on",))])),
    (rule(TOY, "P2", only={}),
     ("rules", "P2", "changed", [("only colour", ("red",), None)])),
    (evolve(TOY, rules=TOY.rules[:-1]),
     ("rules", "P10", "removed", [("event", ("cut",), None), ("outcome", ("done",), None),
                                  ("then mains", ("down",), None)])),
    (evolve(TOY, columns=(*TOY.columns, COLUMN)),
     ("columns", "spare2", "added", [("kind", None, ("stored",)), ("domain", None, ("off", "on")),
                                     ("observed_by", None, ("record",))])),
    (evolve(TOY, columns=(evolve(TOY.columns[0], domain=("on", "off", "dim")), *TOY.columns[1:])),
     ("columns", "node1.lamp", "changed", [("domain", ("broken",), ("dim",))])),
    (evolve(TOY, columns=tuple(
        evolve(c, table=((("on", "on"), "one"), *(r for r in c.table if r[0] != ("on", "on"))))
        if c.name == "light" else c for c in TOY.columns)),
     ("columns", "light", "changed", [("table on, on", ("both",), ("one",))])),
    (evolve(TOY, events=tuple(evolve(e, success=True) for e in TOY.events)),
     ("events", "burnt(node1)", "changed", [("success", ("false",), None)])),
    (evolve(TOY, events=(*TOY.events, Event("ring", Kind.COMMAND, "administrator"))),
     ("events", "ring", "added", [("kind", None, ("command",)),
                                  ("decider", None, ("administrator",))])),
    (evolve(TOY, possible=(evolve(TOY.possible[0], when=cube({"mains": "up"})),
                           *TOY.possible[1:])),
     ("possible", "follow(node1)", "changed", [("when node1.lamp", ("off", "on"), None)])),
    (evolve(TOY, possible=(*TOY.possible, Possible("cut", {"spare": "on"}))),
     ("possible", "cut", "changed", [("when", (), ("spare = on",))])),
    (evolve(TOY, invariants=TOY.invariants[:1]),
     ("invariants", "X1", "removed", [("never node2.lamp", ("broken",), None), ("auxiliary", ("true",), None)])),
    (evolve(TOY, invariants=(evolve(TOY.invariants[0], never=(cube({"mains": "down"}),)),
                             TOY.invariants[1])),
     ("invariants", "S1", "changed", [("never spare", ("on",), None)])),
    (evolve(TOY, invariants=(evolve(TOY.invariants[0], exactly=()), TOY.invariants[1])),
     ("invariants", "S1", "changed", [("exactly", ("mains", "spare"), None)])),
    (evolve(TOY, accepted_only=(evolve(TOY.accepted_only[0], exactly=False),)),
     ("accepted_only", "S2 flip", "changed", [("exactly", ("true",), None)])),
    (evolve(TOY, exclusive=()),
     ("exclusive", "S3", "removed", [("commands", ("flip",), None),
                                     ("never_in mains", ("down",), None)])),
    (evolve(TOY, only_by=(evolve(TOY.only_by[0], value="off"),)),
     ("only_by", "S4 node1.lamp", "changed", [("value", ("broken",), ("off",))])),
    (evolve(TOY, observations=(evolve(TOY.observations[0], expect="never"),)),
     ("observations", "W1", "changed", [("expect", ("reached",), ("never",))])),
    (evolve(TOY, converges=(evolve(TOY.converges[0], within=8),)),
     ("converges", "V1", "changed", [("within", ("7",), ("8",))])),
    (evolve(TOY, converges=(evolve(TOY.converges[0], leaves={"node1.lamp": "on"}),)),
     ("converges", "V1", "changed", [("from node1.lamp", ("off",), ("on",))])),
    (evolve(TOY, duties=(evolve(TOY.duties[0], asks=TOY.duties[0].asks[::-1]),)),
     ("duties", "Q1", "changed", [("asks", ("shine(node1)", "ring"), ("ring", "shine(node1)"))])),
    (evolve(TOY, duties=(evolve(TOY.duties[0], follows=()),)),
     ("duties", "Q1", "changed", [("follows", ("wire",), None)])),
    (evolve(TOY, situations=(evolve(TOY.situations[0], fits=cube({"switch": "on"})),)),
     ("situations", "1 node2", "changed", [("fits switch", ("off",), ("on",))])),
    (evolve(TOY, situations=(evolve(TOY.situations[0], causes=(
        evolve(TOY.situations[0].causes[0], events=("flip",)),)),)),
     ("situations", "1 node2", "changed",
      [("causes c1 events", ("flip", "flip"), ("flip",))])),
    (evolve(TOY, viewpoints=(Viewpoint("hall", {"mains": "down"}, {}),)),
     ("viewpoints", "hall", "changed", [("node1 mains", ("up",), ("down",))])),
    (evolve(TOY, stories=(evolve(TOY.stories[0], steps=("flip",)),)),
     ("stories", "s1", "changed", [("steps", ("flip", "expect switch = off"), ("flip",))])),
    (evolve(TOY, families=()), ("families", "F1", "removed", [
        ("displays", ('[[["on", ""], []], [["off"], ["none"]]]',), None)])),
    (evolve(TOY, initial=(tuple((c, "on" if c == "spare" else v) for c, v in TOY.initial[0]),)),
     ("machine", "", "changed", [("initial spare", ("off",), ("on",))])),
    (evolve(TOY, goal=()), ("machine", "", "changed", [("goal node1.lamp", ("on",), None)])),
    (evolve(TOY, transient=(Cell("node1.lamp", ("off", "on")),)),
     ("machine", "", "changed", [("transient node1.lamp", (), ("on",))])),
    (evolve(TOY, policy=(("colour", "blue"),)),
     ("machine", "", "changed", [("policy colour", ("red",), ("blue",))])),
    (evolve(TOY, mirror=()), ("machine", "", "changed", [("mirror node1.lamp", ("node2.lamp",), None)])),
    (evolve(TOY, starts=(("dark", ()), ("lit", ("flip", "flip")))),
     ("machine", "", "changed", [("starts lit", ("flip",), ("flip", "flip"))])),
    (evolve(TOY, name="lanterns"),
     ("machine", "", "changed", [("name", ("lamps",), ("lanterns",))])),
])
def test_every_kind_of_change_is_named_with_its_cell(changed_model, expected):
    assert one(TOY, changed_model) == expected
    assert digest(TOY) != digest(changed_model)


def test_backwards_what_was_gained_is_lost():
    for fault in planted.FAULTS:
        there, back = changes(planted.LAMPS, fault.model), changes(fault.model, planted.LAMPS)
        turned = {"added": "removed", "removed": "added", "changed": "changed"}
        assert sorted((s, n, turned[c], sorted((f, str(g), str(lost)) for f, lost, g in details))
                      for s, n, c, details in told(there)) == sorted(
            (s, n, c, sorted((f, str(lost), str(g)) for f, lost, g in details))
            for s, n, c, details in told(back))


def test_every_section_of_the_format_is_compared():
    """Each field of a model, emptied or changed, is a difference exactly where the digest is."""
    empty = Model("other", (), (), (), (), ())
    for field in Model.__attrs_attrs__:
        other = evolve(TOY, **{field.name: getattr(empty, field.name)})
        found = changes(TOY, other)
        assert found.rows, field.name
        assert found.same == (digest(TOY) == digest(other)) == (field.name in ("assumptions", "words"))


@pytest.mark.parametrize("word", ["why", "cite", "phase", "evidence", "decisions"])
def test_prose_is_no_difference(word):
    other = rule(TOY, "P2", **{word: {"evidence": "inferred", "phase": "foot"}.get(word, "new")})
    found = changes(TOY, other)
    assert found.same
    assert not found.reordered
    assert not found.ids
    (row,) = found.rows
    assert (row.name, [d.field for d in row.details], row.prose) == ("P2", [word], True)
    assert compare(Machine(TOY), Machine(other)).pairs is None


def shuffled(model: Model, chance: random.Random) -> Model:
    def mixed(many):
        return tuple(chance.sample(many, len(many)))

    def turn(c):
        return Cube(tuple(Cell(x.column, mixed(x.values)) for x in mixed(c.cells)))

    return evolve(
        model,
        columns=tuple(evolve(c, table=mixed(c.table)) for c in mixed(model.columns)),
        events=mixed(model.events),
        possible=tuple(evolve(p, when=turn(p.when)) for p in mixed(model.possible)),
        rules=tuple(evolve(r, when=turn(r.when), then=mixed(r.then)) for r in mixed(model.rules)),
        invariants=tuple(
            evolve(i, never=mixed(tuple(map(turn, i.never)))) for i in mixed(model.invariants)),
        initial=tuple(mixed(p) for p in model.initial),
        accepted_only=tuple(evolve(a, when=mixed(a.when)) for a in mixed(model.accepted_only)),
        stories=mixed(model.stories), goal=mixed(model.goal), may_wait=mixed(model.may_wait),
    )


@pytest.mark.parametrize("model", [TOY, planted.LAMPS, toys.TURNSTILE, PRG.model],
                         ids=["toy", "lamps", "turnstile", "prg"])
def test_another_order_of_rows_is_no_difference(model):
    for seed in range(3):
        other = shuffled(model, random.Random(seed))
        found = changes(model, other)
        assert found.rows == ()
        assert found.same
        assert found.reordered == (digest(model) != digest(other))


def test_where_the_first_row_that_fits_is_taken_order_is_a_difference():
    views = (Viewpoint("hall", {"mains": "up"}, {}), Viewpoint("attic", {}, {}))
    old, new = evolve(TOY, viewpoints=views), evolve(TOY, viewpoints=views[::-1])
    assert one(old, new) == ("machine", "", "changed", [
        ("order of viewpoints", ("hall", "attic"), ("attic", "hall"))])
    starts = (TOY.initial[0], tuple((c, "on" if c == "spare" else v) for c, v in TOY.initial[0]))
    old, new = evolve(TOY, initial=starts), evolve(TOY, initial=starts[::-1])
    assert one(old, new)[3][0][0] == "order of initial"


# ------------------------------------------------------------------ both seats, new ids


def test_what_changed_alike_in_both_seats_is_one_change():
    (row,) = changes(planted.LAMPS, FAULTS["guard too wide"].model).rows
    assert (row.name, row.of, row.seats) == ("A100", "light(me)", ("node1", "node2"))
    assert [(d.field, d.lost) for d in row.details] == [("when me.bulb", ("good",))]
    assert changes(planted.LAMPS, FAULTS["guard too wide"].model).ids == {
        "A100@node1", "A100@node2"}


def test_what_changed_in_one_seat_is_of_that_seat():
    (row,) = changes(planted.LAMPS, FAULTS["asymmetric rule"].model).rows
    assert (row.name, row.of, row.seats) == ("A104@node2", "rest(node2)", ())
    other = rule(FAULTS["asymmetric rule"].model, "A104@node1", when={"node1.state": "lit",
                                                                      "node1.bulb": "burnt"})
    names = [r.name for r in changes(planted.LAMPS, other).rows]
    assert names == ["A104@node1", "A104@node2"]


def test_a_row_that_is_its_own_mirror_says_both_halves_once():
    mended = evolve(TOY, mirror=())
    old = evolve(planted.LAMPS, invariants=planted.LAMPS.invariants[2:])
    new = evolve(old, invariants=(evolve(old.invariants[0], never=(
        cube({"node1.state": "lit", "node1.bulb": "burnt"}),
        cube({"node2.state": "lit", "node2.bulb": "burnt"}))),))
    assert one(old, new) == ("invariants", "X2", "changed", [("never me.state", ("warming",), ())])
    assert mended.mirror == ()


def test_a_rule_with_another_id_is_one_that_changed():
    new = evolve(planted.LAMPS, rules=tuple(
        evolve(r, id=r.id.replace("A104", "B7")) for r in planted.LAMPS.rules))
    (row,) = changes(planted.LAMPS, new).rows
    assert (row.change, row.name, row.was, row.details) == ("changed", "B7", "A104", ())
    assert not row.prose
    assert changes(planted.LAMPS, new).ids == {"A104@node1", "A104@node2", "B7@node1", "B7@node2"}


def test_the_two_policies_of_reconnection_differ_in_two_cells_and_two_rules():
    found = changes(PRG.model, build(reconnection="keep_serving"))
    rules = [(c.was, c.name, c.change) for c in found.real if c.section == "rules"]
    assert rules == [("L106", "L130", "changed"), ("L108", "L132", "changed"),
                     ("", "L134", "added"), ("", "L136", "added")]
    lost = {d.field: d.lost for c in found.real if c.name == "L130" for d in c.details}
    assert lost["when peer.state"] == ("running_in_backup_mode",)


# ---------------------------------------------------------------------- what is reached


def walk(model: Model) -> dict[tuple, int]:
    """Every reachable pair and its distance, by the interpreter alone."""
    engine = Engine(evolve(model, invariants=()))
    far = {tuple(p.values()): 0 for p in engine.initial}
    frontier = list(engine.initial)
    depth = 0
    while frontier:
        depth += 1
        reached = []
        for pair, event in product(frontier, model.events):
            try:
                after = engine.step(pair, event.name).pair
            except ImpossibleEvent:
                continue
            if tuple(after.values()) not in far:
                far[tuple(after.values())] = depth
                reached.append(after)
        frontier = reached
    return far


TOTAL = [f for f in planted.FAULTS if f.name not in ("overlap", "hole")]


@pytest.mark.parametrize("fault", TOTAL, ids=lambda f: f.name)
def test_pairs_gained_and_lost_are_those_of_a_walk_by_hand(fault):
    for old, new in ((planted.LAMPS, fault.model), (fault.model, planted.LAMPS)):
        found = compare(Machine(old), Machine(new), proofs=False).pairs
        before, after = walk(old), walk(new)
        gained, lost = set(after) - set(before), set(before) - set(after)
        assert (found.old, found.new) == (len(before), len(after))
        assert (found.gained, found.lost) == (len(gained), len(lost))
        for ways, only, far in ((found.first_gained, gained, after), (found.first_lost, lost, before)):
            assert bool(ways) == bool(only)
            for way in ways:
                assert tuple(way.shown.values()) in only
                assert len(way.trace) == min(far[p] for p in only)
                assert way.agrees


def test_displays_gained_are_exactly_those_and_each_way_leads_there():
    careless = planted._lamps(planted._row("A100", when={"me.state": "dark", "me.bulb": "good"}))
    found = compare(Machine(planted.LAMPS), Machine(careless), proofs=False).displays
    names = [c.name for c in planted.LAMPS.columns]
    states = [{(p[names.index("node1.state")], p[names.index("node2.state")]) for p in walk(m)}
              for m in (planted.LAMPS, careless)]
    shown = [(w.shown["node1"]["state"], w.shown["node2"]["state"]) for w in found.first_gained]
    unfolded = {s for w, s in zip(found.first_gained, shown, strict=True)} | {
        s[::-1] for w, s in zip(found.first_gained, shown, strict=True) if w.either_seat}
    assert unfolded == states[1] - states[0]
    assert found.gained == len(unfolded) > len(shown)
    assert found.lost == len(states[0] - states[1])
    engine = Engine(evolve(careless, invariants=()))
    for way, (one_, other) in zip(found.first_gained, shown, strict=True):
        end = run_story(engine, parse(as_story(engine, way.trace))).end
        assert (end["node1.state"], end["node2.state"]) == (one_, other)
        assert way.story.splitlines()[0].strip().startswith("1  start")


def test_columns_of_one_machine_only_are_left_out_and_said():
    clock = Column("clock", ("am", "pm"), "record")
    new = evolve(
        planted.LAMPS, columns=(clock, *planted.LAMPS.columns),
        initial=tuple((("clock", "am"), *p) for p in planted.LAMPS.initial),
        events=(*planted.LAMPS.events, Event("noon", Kind.COMMAND, "administrator", seated=False)),
        rules=(*planted.LAMPS.rules, Rule("N1", "noon", {"clock": "am"}, {"clock": "pm"})),
    )
    found = compare(Machine(planted.LAMPS), Machine(new), proofs=False).pairs
    assert found.apart == ("clock",)
    assert (found.old, found.new, found.gained, found.lost) == (24, 24, 0, 0)


def test_values_are_compared_by_name_and_not_by_number():
    column = planted.LAMPS.columns[0]
    turned = evolve(planted.LAMPS, columns=(
        evolve(column, domain=column.domain[::-1]), *planted.LAMPS.columns[1:]),
        rules=rule(planted.LAMPS, "A112", then={"mains": "off", "node1.state": "dark"}).rules)
    found = compare(Machine(planted.LAMPS), Machine(turned), proofs=False).pairs
    before, after = walk(planted.LAMPS), walk(turned)
    assert (found.gained, found.lost) == (len(set(after) - set(before)), len(set(before) - set(after)))


def test_machines_without_a_column_in_common_are_told_apart_all_the_same():
    found = compare(Machine(toys.TURNSTILE), Machine(planted.LAMPS), proofs=False)
    assert found.pairs.says == "the two machines have no column in common"
    assert found.displays.says
    assert found.exit_code == 0
    assert {c.section for c in found.table.rows} >= {"columns", "rules", "events", "machine"}


def test_so_many_columns_that_a_pair_fits_no_integer():
    """Two columns of 2^40 values each: the keys are numbered anew, and stay apart."""
    big = 1 << 40
    old = [(np.array([0, 1, 5]), np.array([0, 2]), big), (np.array([7, 7, 7]), np.array([7, 7]), big),
           (np.array([1, 0, 1]), np.array([1, 1]), big)]
    ours, theirs = difference._keys(old, 3)
    assert len({*ours.tolist(), *theirs.tolist()}) == 4
    assert ours[0] == theirs[0]


def test_a_node_that_shows_nothing_shows_nothing():
    dim = evolve(planted.LAMPS, viewpoints=(Viewpoint("hall", {"mains": "on"}, {}),))
    found = compare(Machine(planted.LAMPS), Machine(dim), proofs=False).displays
    assert (found.old, found.new, found.gained, found.lost) == (5, 8, 3, 0)
    assert [(w.shown["node1"], w.shown["node2"]["state"]) for w in found.first_gained] == [
        (None, "dark"), (None, "warming"), (None, "lit")]


# --------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize("fault", planted.FAULTS, ids=lambda f: f.name)
def test_a_planted_fault_flips_its_verdicts(fault):
    only = tuple(fault.finds)
    sound = planted.sound(fault)
    found = compare(Machine(sound), Machine(fault.model), only=only)
    flips = {f.id: (f.old.verdict if f.old else None, f.new.verdict, f.worse) for f in found.flips}
    assert flips == {id_: ("proved" if id_ != "S4" else None, verdict, True)
                     for id_, verdict in fault.finds.items()}
    assert found.exit_code == fault.exit_code
    back = compare(Machine(fault.model), Machine(sound), only=only)
    assert not any(f.worse for f in back.flips)
    assert back.exit_code == 0


def test_a_promise_that_failed_and_fails_is_no_flip():
    fault = FAULTS["broken invariant"].model
    found = compare(Machine(fault), Machine(rule(fault, "A104@node1", why="x",
                                                 actions=("ring",))), only=["S1"])
    assert found.flips == ()
    assert found.exit_code == 0


def test_what_cannot_be_searched_is_unknown(monkeypatch):
    def spent(_model):
        raise BudgetExhausted("too large")

    monkeypatch.setattr(work, "search", spent)
    monkeypatch.setattr("prgcore.prove.work.search", spent)
    found = compare(Machine(planted.LAMPS), Machine(FAULTS["no way home"].model), only=["L2", "F1"])
    assert found.pairs.says == "too large"
    assert found.unknown == ("reachable pairs", "L2")
    assert found.flips == ()
    assert found.exit_code == 3


def test_obligations_of_one_machine_only():
    extra = evolve(planted.LAMPS, invariants=(*planted.LAMPS.invariants, Invariant(
        "S9", "the mains never fail", {"mains": "off"})))
    found = compare(Machine(planted.LAMPS), Machine(extra), only=["S9", "S1"])
    assert [(f.id, f.old, f.new.verdict, f.worse) for f in found.flips] == [
        ("S9", None, "refuted", True)]
    assert found.exit_code == 1
    back = compare(Machine(extra), Machine(planted.LAMPS), only=["S9"])
    assert [(f.id, f.old.verdict, f.new) for f in back.flips] == [("S9", "refuted", None)]
    assert back.exit_code == 0
    with pytest.raises(BadInput, match="unknown obligation 'S99'"):
        compare(Machine(extra), Machine(planted.LAMPS), only=["S99"])


def test_a_flip_is_worse_where_the_new_machine_fails_as_the_old_one_did_not():
    """So is a promise that was vacuous and is refuted: nothing broke it before."""
    some = {v: Result("S1", "", v, "", (), 0.0, {}, None) for v in EXIT} | {None: None}
    for was, is_ in product(some, some):
        fails = is_ in ("refuted", "vacuous", "disagree")
        assert Flip("S1", "", some[was], some[is_]).worse == (fails and was != is_)


# ----------------------------------------------------------------- promises taken back

BROKEN = FAULTS["broken invariant"].model
BARE = {"invariants": (), "accepted_only": (), "exclusive": (), "only_by": ()}


def gone(old: Model, new: Model, *only: str) -> dict[str, tuple[bool, bool | None, bool]]:
    """By id: otherwise, holds, worse. Every way is replayed, and leads to what it says."""
    found = compare(Machine(old), Machine(new), only=only, proofs=False)
    assert found.exit_code == int(any(d.worse for d in found.dropped))
    for d in found.dropped:
        assert (d.holds is False) == (d.broken is not None)
        assert d.broken is None or d.broken.agrees
    return {d.id: (d.otherwise, d.holds, d.worse) for d in found.dropped}


def test_a_promise_that_goes_with_what_upheld_it_is_worse():
    new = evolve(BROKEN, invariants=(), exclusive=())
    assert gone(planted.LAMPS, new) == {"S1": (False, False, True), "S3": (False, True, False)}
    assert gone(planted.LAMPS, new, "S3") == {"S3": (False, True, False)}
    found = compare(Machine(planted.LAMPS), Machine(new), proofs=False).dropped[0]
    assert found.broken.trace == ("light(node1)", "warm(node1)")
    assert found.broken.story.endswith("Broken: never both lamps lit.")
    end = run_story(Engine(new), parse(as_story(Engine(new), found.broken.trace))).end
    assert end["node1.state"] == end["node2.state"] == "lit"


def test_a_promise_that_goes_and_is_still_true_is_said():
    assert gone(planted.LAMPS, evolve(planted.LAMPS, **BARE)) == dict.fromkeys(
        ("S1", "S2", "S3"), (False, True, False))


def test_a_promise_that_was_not_true_is_not_worse_when_it_goes():
    assert gone(BROKEN, evolve(BROKEN, **BARE))["S1"] == (False, False, False)


def test_a_promise_by_another_id_or_with_more_in_it_is_still_made():
    s1, *helps = planted.LAMPS.invariants
    assert gone(planted.LAMPS, evolve(BROKEN, invariants=(evolve(s1, id="S77", says="x"),))) == {}
    wider = evolve(s1, never=(cube({"node1.state": ("lit", "warming"), "node2.state": "lit"}),))
    assert gone(planted.LAMPS, evolve(BROKEN, invariants=(wider, *helps))) == {}
    assert gone(evolve(planted.LAMPS, invariants=(wider,)), planted.LAMPS) == {}, "X1 says more"
    assert gone(evolve(planted.LAMPS, invariants=(wider,)),
                evolve(planted.LAMPS, invariants=(s1,))) == {"S1": (True, True, False)}


@pytest.mark.parametrize(("new", "holds"), [(planted.LAMPS, True), (BROKEN, False)])
def test_a_promise_that_is_weakened_is_asked_as_it_was(new, holds):
    less = evolve(planted.LAMPS.invariants[0], never=(
        cube({"node1.state": "lit", "node2.state": "lit", "mains": "off"}),))
    assert gone(planted.LAMPS, evolve(new, invariants=(less,))) == {"S1": (True, holds, not holds)}


def glow(model: Model, word: str) -> Model:
    """With a derived column for two lamps that are lit, which nobody promises but by it."""
    states = planted.LAMPS.columns[0].domain
    column = Column("glow", ("no", "both"), "derived", ("node1.state", "node2.state"), tuple(
        (key, word if key == ("lit", "lit") else "no") for key in product(states, states)))
    return evolve(model, columns=(*model.columns, column), **BARE | {
        "invariants": (Invariant("S8", "no glow", {"glow": "both"}),)})


@pytest.mark.parametrize(("new", "holds"), [(planted.LAMPS, True), (BROKEN, False)])
def test_a_promise_means_what_its_columns_meant(new, holds):
    old = glow(planted.LAMPS, "both")
    assert gone(old, glow(new, "no")) == {"S8": (True, holds, not holds)}
    assert gone(old, glow(new, "both")) == {}
    without = evolve(glow(new, "no"), columns=new.columns, invariants=())
    assert gone(old, without) == {"S8": (False, holds, not holds)}


def test_what_the_new_machine_cannot_be_asked_is_said():
    found = compare(Machine(planted.LAMPS), Machine(toys.TURNSTILE), proofs=False)
    assert {d.id: (d.holds, d.why) for d in found.dropped} == dict.fromkeys(
        ("S1", "S2", "S3"), (None, "the new machine has no column node1.state"))
    assert found.exit_code == 0
    old = evolve(toys.TURNSTILE, accepted_only=(AcceptedOnly("S1", "coin", {"arm": "locked"}),))
    (one_,) = compare(Machine(old), Machine(evolve(
        toys.TURNSTILE, events=toys.TURNSTILE.events[1:], rules=toys.TURNSTILE.rules[1:])),
        proofs=False).dropped
    assert (one_.holds, one_.why) == (None, "the new machine has no event coin")


def test_guard_checks_that_go_are_asked_of_every_step():
    wide = evolve(FAULTS["guard too wide"].model, **BARE)
    assert gone(planted.LAMPS, wide)["S2"] == (False, False, True)
    found = {d.id: d for d in compare(Machine(planted.LAMPS), Machine(wide), proofs=False).dropped}
    broken = found["S2"].broken
    assert broken.event.startswith("light(")
    assert broken.before["node1.bulb"] == "burnt" or broken.before["node2.bulb"] == "burnt"
    idle = evolve(rule(planted.LAMPS, "A100@node1", outcome=Outcome.REFUSED, then=(), actions=()),
                  **BARE)
    assert gone(planted.LAMPS, idle)["S2"] == (False, False, True), "exactly: it is not done"
    any_ = evolve(rule(planted.LAMPS, "A100@node1", when={}), **BARE)
    found = {d.id: d for d in compare(Machine(planted.LAMPS), Machine(any_), proofs=False).dropped}
    assert found["S3"].worse
    assert "warming" in found["S3"].broken.before.values()
    old = evolve(planted.LAMPS, only_by=(OnlyBy("S5", "node2.state", "lit", ("warm(node2)",)),),
                 exclusive=(Exclusive("S6", ("light(node1)", "warm(node1)"), ()),))
    found = {d.id: d for d in compare(Machine(old), Machine(evolve(BROKEN, **BARE)),
                                      proofs=False).dropped}
    assert found["S5"].worse
    assert found["S5"].broken.trace == ("light(node1)", "warm(node1)")
    assert not found["S6"].worse
    twins = evolve(rule(planted.LAMPS, "A100@node2", when={"node2.state": "dark"}), **BARE)
    both = evolve(planted.LAMPS, exclusive=(Exclusive("S6", ("warm(node1)", "light(node2)"), ()),))
    found = {d.id: d for d in compare(Machine(both), Machine(twins), proofs=False).dropped}
    assert found["S6"].worse
    assert found["S6"].broken.after["node1.state"] == "warming"


def test_what_is_said_of_random_promises_is_what_a_walk_finds():
    chance = random.Random(4)
    for _ in range(20):
        fault = chance.choice(TOTAL).model
        columns = chance.sample(planted.LAMPS.columns, chance.choice((1, 2, 2, 3)))
        never = cube({c.name: tuple(chance.sample(c.domain, chance.randint(1, len(c.domain) - 1)))
                      for c in columns})
        old = evolve(planted.LAMPS, **BARE | {"invariants": (Invariant("S9", "x", never),)})
        names = [c.name for c in old.columns]

        def breaks(pair, never=never, names=names):
            return all(pair[names.index(c.column)] in c.values for c in never)

        (found,) = compare(Machine(old), Machine(evolve(fault, **BARE)), proofs=False).dropped or [None]
        there = [depth for pair, depth in walk(fault).items() if breaks(pair)]
        assert found.holds == (not there)
        assert found.held == (not any(map(breaks, walk(planted.LAMPS))))
        assert not there or len(found.broken.trace) == min(there)


def test_promises_taken_back_on_the_page(run, files):
    files[1].write_text(dumps(evolve(BROKEN, invariants=(), exclusive=())), encoding="utf-8")
    answer = run("diff", *files, "--no-prove")
    assert answer.code == 1
    assert """
PROMISES  2 taken back or weakened: 1 worse, 1 other
! S1 not promised any more, and no longer true: never both lamps lit
- S3 not promised any more, and still true: nothing while one warms

S1 no longer true: never both lamps lit
   1  start initial
""" in answer.out
    assert answer.out.endswith("Broken: never both lamps lit.\n")
    proved = run("diff", *files, "--only", "S1", "--only", "S3")
    assert proved.code == 1
    assert "PROOFS  all as they were\n" in proved.out
    (s1, s3) = json.loads(run("diff", *files, "--no-prove", "--json").out)["dropped"]
    assert s1 == {"id": "S1", "says": "never both lamps lit", "otherwise": False, "held": True,
                  "holds": False, "why": "", "trace": ["light(node1)", "warm(node1)"], "worse": True}
    assert (s3["holds"], s3["trace"]) == (True, None)


# ---------------------------------------------------------------------------- picture


def dial(sources: dict[str, tuple[tuple[int, ...], int]], size: int) -> Model:
    """One column of so many values; for every rule its sources and where it leads."""
    names = tuple(f"v{n}" for n in range(size))
    return Model(
        "dial", (Column("node1.state", names),), ((("node1.state", "v0"),),),
        tuple(Event(f"e{id_}", Kind.COMMAND, "administrator") for id_ in sources), (),
        tuple(Rule(id_, f"e{id_}", {"node1.state": tuple(names[s] for s in some)},
                   {"node1.state": names[to]}) for id_, (some, to) in sources.items()),
    )


def moves(sources) -> set[tuple[str, str, str]]:
    return {(f"s_v{s}", f"s_v{to}", f"e{id_}") for id_, (some, to) in sources.items()
            for s in some if s != to}


def check_picture(before, after, size: int) -> None:
    """Truth by hand: what is marked is exactly what only one machine has."""
    old, new, (was, is_) = dial(before, size), dial(after, size), map(moves, (before, after))
    ends = [{(s, t) for s, t, _ in some} for some in (was, is_)]
    for whole in (False, True):
        drawn = changed(old, new, changes(old, new).ids, whole=whole)
        marked: dict[str, set] = {"+": set(), "-": set(), "": set()}
        for edge in drawn.spread.edges:
            for label in edge.labels:
                sign, _, event = label.event.rpartition(" ")
                marked["" if sign == "~" else sign].add((edge.source, edge.target, event))
            if edge.mark in ("added", "removed"):
                assert (edge.source, edge.target) not in ends[edge.mark == "removed"]
        assert (marked["+"], marked["-"]) == (is_ - was, was - is_)
        assert marked[""] == was & is_ if whole else marked[""] <= was & is_
        assert not any(n.mark for n in drawn.nodes), "both have every value"


def test_across_the_threshold_of_many_nothing_is_invented():
    """From eight of nine values, then from seven: one move is lost, and no more is drawn."""
    before, after = {"R1": (tuple(range(1, 9)), 0)}, {"R1": (tuple(range(1, 8)), 0)}
    for size in (9, 12, 16):
        check_picture(before, after, size)
        check_picture(after, before, size)
    old, new = dial(before, 9), dial(after, 9)
    (edge,) = [e for e in changed(old, new, changes(old, new).ids).edges if e.mark == "removed"]
    assert (edge.source, edge.target) == ("s_v8", "s_v0")


def test_the_picture_of_random_machines_marks_exactly_what_differs():
    chance = random.Random(11)
    for _ in range(80):
        size = chance.randint(3, 13)

        def some(size=size):
            most = chance.choice((1, 2, size - 1, size))
            return tuple(sorted(chance.sample(range(size), chance.randint(1, max(1, most)))))

        before = {f"R{n}": (some(), chance.randrange(size)) for n in range(chance.randint(1, 5))}
        after = {id_: (chance.choice((held, some())), chance.choice((to, chance.randrange(size))))
                 for id_, (held, to) in before.items()}
        check_picture(before, after, size)


def test_a_rule_that_changed_in_one_seat_marks_that_seat():
    other = rule(planted.LAMPS, "A104@node2", actions=("ring",))
    assert changed(planted.LAMPS, other, changes(planted.LAMPS, other).ids).edges == ()
    drawn = changed(planted.LAMPS, other, changes(planted.LAMPS, other).ids, "node2.state")
    assert {str(w) for e in drawn.edges for w in e.labels} == {
        "~ rest(node2) A104", "burn_out(node2) A108"}


def test_the_picture_marks_what_only_one_machine_has():
    old, new = planted.LAMPS, FAULTS["broken invariant"].model
    ids = changes(old, new).ids
    drawn = changed(old, new, ids)
    marks = {(e.source, e.target): e.mark for e in drawn.edges}
    assert marks == {("s_dark", "s_lit"): "added", ("s_warming", "s_lit"): "changed"}
    labels = {str(w) for e in drawn.edges for w in e.labels}
    assert labels == {"+ warm(node2) A102", "~ warm(node1) A102"}
    back = changed(new, old, ids)
    assert {e.mark for e in back.edges} == {"removed", "changed"}
    whole = changed(old, new, ids, whole=True)
    assert {n.id for n in whole.nodes} == {"s_dark", "s_warming", "s_lit"}
    assert "" in {e.mark for e in whole.edges}


def test_a_value_that_only_one_machine_has_is_a_marked_node():
    column = planted.LAMPS.columns[0]
    new = evolve(
        planted.LAMPS, columns=(evolve(column, domain=(*column.domain, "dim")),
                                *planted.LAMPS.columns[1:]),
        rules=rule(planted.LAMPS, "A104@node1", then=(Effect("node1.state", Const("dim")),)).rules)
    drawn = changed(planted.LAMPS, new, changes(planted.LAMPS, new).ids)
    assert {n.id: n.mark for n in drawn.nodes}["s_dim"] == "added"
    back = changed(new, planted.LAMPS, changes(planted.LAMPS, new).ids)
    assert {n.id: n.mark for n in back.nodes}["s_dim"] == "removed"


def test_nothing_is_drawn_of_machines_that_are_the_same():
    drawn = changed(PRG.model, PRG.model, frozenset())
    assert (drawn.nodes, drawn.edges, drawn.initial) == ((), (), ())


# ----------------------------------------------------------------------- command line


@pytest.fixture
def files(tmp_path):
    """Two machine files: lamps, and lamps with a broken invariant."""
    made = tmp_path / "old.json", tmp_path / "new.json"
    for file, model in zip(made, (planted.LAMPS, FAULTS["broken invariant"].model), strict=True):
        file.write_text(dumps(model), encoding="utf-8")
    return made


PAGE = """\
TABLE  1 row: 0 added, 0 removed, 1 changed
~ rule A102 of warm(me) (both seats)
    + then peer.state: lit

PAIRS  24 reachable, now 38: 14 gained, 0 lost
+ the nearest, in 2 steps:
    light(node1), warm(node1)
+ and 13 more

DISPLAYS  5 reachable, now 6: 1 gained, 0 lost
+ node1 Lit, node2 Lit, in 2 steps:
    light(node1), warm(node1)
"""


def test_the_page(run, files):
    answer = run("diff", *files, "--only", "S1")
    assert answer.code == 1
    assert answer.err == ""
    assert PAGE in answer.out
    assert "! S1 proved -> refuted: never both lamps lit" in answer.out
    assert answer.out.rstrip().endswith("Broken: never both lamps lit.")
    assert all(len(line) <= 80 for line in answer.out.splitlines())


def test_a_story_that_several_promises_share_is_told_once(run, files):
    out = run("diff", *files, "--only", "S1", "--only", "X1").out
    assert out.count("start initial") == 1
    assert "The steps of S1 lead there: never both warming or lit." in out


def test_the_same_machine_and_prose(run, files, tmp_path):
    answer = run("diff", files[0], files[0])
    assert answer.code == 0
    assert "no difference: every step and every proof is the same\n" in answer.out
    words = tmp_path / "words.json"
    words.write_text(dumps(rule(planted.LAMPS, "A112", why="lightning")), encoding="utf-8")
    answer = run("diff", files[0], words)
    assert answer.code == 0
    assert "Words alone differ in 1 row (--prose shows them)." in answer.out
    assert "why: storms -> lightning" in run("diff", files[0], words, "--prose").out
    turned = tmp_path / "turned.json"
    turned.write_text(dumps(shuffled(planted.LAMPS, random.Random(1))), encoding="utf-8")
    assert "the same; rows stand in another order" in run("diff", files[0], turned).out


def test_json(run, files):
    answer = run("diff", *files, "--only", "S1", "--json")
    found = json.loads(answer.out)
    assert answer.code == 1
    assert list(found) == ["same", "reordered", "old", "new", "changes", "pairs", "displays",
                           "dropped", "verdicts", "figures", "unknown"]
    assert found["old"] == {"name": "lamps", "digest": digest(planted.LAMPS), "policy": {}}
    assert found["changes"] == [{
        "section": "rules", "name": "A102", "was": "A102", "change": "changed",
        "seats": ["node1", "node2"],
        "details": [{"field": "then peer.state", "lost": None, "gained": ["lit"], "prose": False}],
    }]
    assert found["pairs"]["gained"]["count"] == 14
    assert found["displays"]["gained"]["ways"][0]["shown"]["node1"] == {"state": "lit"}
    (flip,) = found["verdicts"]
    assert (flip["id"], flip["old"], flip["worse"]) == (
        "S1", {"verdict": "proved", "method": "induction"}, True)
    assert flip["new"]["counterexample"]["reachable"]
    same = json.loads(run("diff", files[0], files[0], "--json").out)
    assert (same["same"], same["pairs"], same["verdicts"]) == (True, None, None)


def test_standard_input_is_one_of_the_machines(run, bad, files):
    text = files[1].read_bytes()
    answer = run("diff", files[0], "-", "--no-prove", stdin=text)
    assert answer.code == 0
    assert "PROOFS" not in answer.out
    assert PAGE in answer.out
    assert "both machines" in bad("diff", "-", "-", stdin=text)


def test_the_built_in_machine_by_name(run, bad):
    answer = run("diff", "prg", "prg:reconnection=fail,idle_on_peer_loss=wait")
    assert "no difference" in answer.out
    assert "prg:" in bad("diff", "prg", "prg:reconnection")
    assert "unknown policy 'colour'" in bad("diff", "prg", "prg:colour=red")
    assert "did you mean" in bad("diff", "prg", "prg:reconnection=keepserving")
    assert "cannot read 'prg:'" in bad("diff", "prg:", "prg")
    assert "cannot read 'prgs'" in bad("diff", "prgs", "prg")


@pytest.mark.parametrize("data", [
    b"", b"\0\1\2\xff", b"{", b"[]", b"null", b"7" * 10_000, b"[" * 100_000,
    b'{"format": "prgcore-machine/1"}', b'{"format": "prgcore-machine/2", "name": "x"}',
    dumps(toys.TURNSTILE).encode()[:-40], dumps(toys.TURNSTILE).encode("utf-16"),
    dumps(toys.TURNSTILE).replace('"locked"', '"ajar"', 1).encode(), b" " * (17 << 20),
], ids=range(13))
def test_hostile_files(bad, files, data):
    bad("diff", files[0], "-", stdin=data)
    bad("diff", "-", files[0], "--json", stdin=data)


def test_options_that_do_not_go_together(bad, files, tmp_path):
    assert "--only" in bad("diff", *files, "--no-prove", "--only", "S1")
    assert "--json" in bad("diff", *files, "--format", "dot", "--json")
    assert "--format" in bad("diff", *files, "--whole")
    assert "--format" in bad("diff", *files, "-o", tmp_path / "x")
    assert "unknown format" in bad("diff", *files, "--format", "crayon")
    assert "unknown stored column" in bad("diff", *files, "--format", "dot", "--column", "colour")
    assert "cannot write" in bad("diff", *files, "--format", "dot", "-o", tmp_path / "no" / "x")
    assert "unknown obligation 'Z9'" in bad("diff", *files, "--only", "Z9")
    assert "cannot read" in bad("diff", files[0], tmp_path / "none.json")
    assert "Missing argument" in bad("diff", files[0])


def test_a_picture_on_standard_output_and_in_a_file(run, files, tmp_path):
    answer = run("diff", *files, "--format", "dot")
    assert answer.code == 0
    assert answer.out.startswith("digraph")
    assert "+ warm(node2)<br/>A102" in answer.out
    assert run("diff", *files, "--format", "dot", "-o", tmp_path / "x.dot").out == ""
    assert (tmp_path / "x.dot").read_text(encoding="utf-8") == answer.out


def test_the_answer_does_not_depend_on_the_hash_seed(files):
    said = {
        subprocess.run(
            [sys.executable, "-m", "prgcore", "diff", *map(str, files), *more],
            capture_output=True, check=True, timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed, "COLUMNS": "80"},
        ).stdout
        for more in (["--no-prove"], ["--no-prove", "--json"], ["--format", "mermaid"]) for seed in ("0", "77")
    }
    assert len(said) == 3


def test_every_section_has_a_name():
    assert set(NAMED) <= {a.name for a in Model.__attrs_attrs__}


def test_a_long_way_is_told_whole(run, tmp_path):
    """A clock of ninety hours, of which the last strikes only in the new machine."""
    hours = tuple(f"hour_{n}" for n in range(90))
    ticks = tuple(
        Rule(f"R{n}", f"tick_{n}", {"node1.state": hours[n]}, {"node1.state": hours[n + 1]})
        for n in range(89)
    )
    clock = Model(
        "clock", (Column("node1.state", hours), Column("node2.state", ("still",))),
        ((("node1.state", hours[0]), ("node2.state", "still")),),
        tuple(Event(r.event, Kind.COMMAND, "administrator") for r in ticks), (), ticks,
    )
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(dumps(evolve(clock, rules=ticks[:-1])), encoding="utf-8")
    new.write_text(dumps(clock), encoding="utf-8")
    answer = run("diff", old, new, "--no-prove")
    assert "+ node1 Hour 89, node2 Still, in 89 steps:" in answer.out
    told_ = answer.out.rpartition("89 steps:")[2]
    assert told_.replace(",", "").split() == [f"tick_{n}" for n in range(89)]


def test_help(run):
    answer = run("diff", "--help")
    assert "Usage: prgcore diff" in answer.out
    assert "Example:\n" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "\n  diff " in run().out


def test_halves_of_a_rule_of_one_seat_are_told_apart():
    """What is said of both nodes in one seat's rule is not folded: whose seat would `me` be?"""
    old = evolve(planted.LAMPS, mirror=())
    new = rule(old, "A102@node2", when={"node1.bulb": "good", "node2.bulb": "good"})
    assert one(old, new) == ("rules", "A102@node2", "changed", [
        ("when node1.bulb", None, ("good",)), ("when node2.bulb", None, ("good",))])


def test_names_that_look_like_several_are_told_apart():
    """A column called `arm = locked, leg` is one column."""
    odd = "arm = locked, leg"
    base = evolve(toys.TURNSTILE, columns=(
        Column("arm", ("locked", "open")), Column("leg", ("locked", "open")),
        Column(odd, ("locked", "open"))))
    cubes = (cube({"arm": "locked", "leg": "open"}), cube({odd: "open"}))
    assert changes(*(evolve(base, goal=(c, cube({"arm": "open"}))) for c in cubes)).real
    acts = (("ring(arm)",), ("ring",))
    assert changes(*(rule(base, "T1", actions=a) for a in acts)).real
    thens = (
        (Effect("arm", by("leg", {"open": "open"})),), (Effect("arm if leg = open", Const("open")),),
    )
    assert changes(*(rule(base, "T1", then=t) for t in thens)).real
