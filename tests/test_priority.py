"""Priority: the first of some rules answers. Compiled to disjoint parts, and F4 is about rows."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import product

import pytest
from attrs import evolve

from examples.outsider import Stranger
from prgcore.engine import Engine
from prgcore.errors import ImpossibleEvent, MalformedMachine
from prgcore.form.priority import compiled, in_order
from prgcore.form.wellformed import findings, overlaps
from prgcore.machine import Machine
from prgcore.model import Column, Derivation, Event, Model, Possible, Rule, Table, by
from prgcore.prove.mirrored import is_mirrored, unmirrored
from prgcore.prove.report import prove
from prgcore.seats import instantiate
from prgcore.story.script import parse, run, tell
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.changes import changes
from prgcore.wire.machine_file import digest, dump, dumps, load

RING = {"bell": by("bell", {"tick": "tock", "tock": "tick"})}

# A gate keeper. Orders are looked at from the top, as a filter of packets does.
GATE = Model(
    name="gate",
    columns=(
        Column("guest", ("friend", "stranger", "thief")), Column("hour", ("day", "night")),
        Column("gate", ("shut", "open", "locked")), Column("bell", ("tick", "tock")),
        Column("mood", ("calm", "alarmed"), "derived", ("guest", "hour"), tuple(
            ((g, h), "alarmed" if g == "thief" or (g, h) == ("stranger", "night") else "calm")
            for g, h in product(("friend", "stranger", "thief"), ("day", "night")))),
    ),
    initial=((("guest", "friend"), ("hour", "day"), ("gate", "shut"), ("bell", "tick")),),
    events=(Event("knock", Kind.FAULT, "environment", seated=False),
            Event("come", Kind.FAULT, "environment", seated=False),
            Event("turn", Kind.REPAIR, "environment", seated=False)),
    possible=(Possible("knock", {"gate": ("shut", "open")}), Possible("come", {}),
              Possible("turn", {})),
    rules=(
        Rule("G1", "knock", {"guest": "thief"}, {"gate": "locked", **RING}, priority=1),
        Rule("G3", "knock", {}, {"gate": "open", **RING}, priority=3),
        Rule("G2", "knock", {"mood": "alarmed"}, {"gate": "shut", **RING}, priority=2, actions="bark"),
        Rule("W1", "come", {"guest": "friend"}, {"guest": "stranger"}),
        Rule("W2", "come", {"guest": "stranger"}, {"guest": "thief"}),
        Rule("W3", "come", {"guest": "thief"}, {"guest": "friend", "gate": "shut"}),
        Rule("W4", "turn", {"hour": "day"}, {"hour": "night"}),
        Rule("W5", "turn", {"hour": "night"}, {"hour": "day", "gate": "shut"}),
    ),
)


def first(model: Model, pair: Mapping[str, str], event: str) -> str:
    """The row that answers where the first match wins: the plain meaning of a priority."""
    hit = [r for r in model.rules if r.event == event and all(
        pair[c.column] in c.values for c in r.when)]
    return min(hit, key=lambda r: r.priority).name if hit else ""


def alike(written: Model, machine: Engine) -> int:
    """The number of pairs and events in which the parts answer as the first match does."""
    stored = [c for c in written.columns if not c.derived]
    count = 0
    for values in product(*(c.domain for c in stored)):
        pair = machine.pair(dict(zip((c.name for c in stored), values, strict=True)))
        for event in (e.name for e in written.events):
            try:
                rule = machine.step(pair, event).rule
            except ImpossibleEvent:
                continue
            assert rule is not None
            assert rule.name == first(written, pair, event)
            count += 1
    return count


def hidden(written: Model) -> list[str]:
    """The rules that never answer, as the error says."""
    try:
        compiled(written)
    except MalformedMachine as error:
        return [line.split()[1] for line in error.findings if "never answers" in line]
    return []


def test_the_first_rule_that_holds_answers_everywhere():
    model = compiled(GATE)
    assert findings(model) == ()
    assert overlaps(model, anywhere=True) == ()
    assert alike(GATE, Engine(model)) == 96  # 36 pairs of three events, less a gate that is locked
    by_row = {r.id: r for r in model.rules}
    assert [r.id for r in model.rules if r.event == "knock"] == ["G1", "G3", "G2"]
    assert (by_row["G1"].row, by_row["G3"].name, by_row["W1"].row) == ("G1", "G3", "")
    assert {c.column: c.values for c in by_row["G3"].when} == {"mood": ("calm",)}


@pytest.mark.parametrize("seed", range(30))
def test_random_rules_keep_their_meaning(seed: int):
    """Any guards over stored and derived columns, and any order in which the file has them."""
    rnd = random.Random(seed)
    domains = {c.name: c.domain for c in GATE.columns}

    def guard() -> dict[str, tuple[str, ...]]:
        names = rnd.sample(sorted(domains), rnd.randint(1, 3))
        return {n: tuple(rnd.sample(domains[n], rnd.randint(1, len(domains[n])))) for n in names}

    rules = [Rule(f"R{i}", "knock", guard(), {"gate": "locked"}, actions="bark") for i in range(1, 8)]
    rows = list(in_order(*rules, Rule("R9", "knock", {}, outcome=Outcome.IGNORED)))
    rnd.shuffle(rows)
    written = evolve(GATE, rules=(*rows, *(r for r in GATE.rules if r.event != "knock")))
    dead = hidden(written)
    written = evolve(written, rules=tuple(r for r in written.rules if r.id not in dead))
    model = compiled(written)
    assert findings(model) == ()
    assert overlaps(model) == ()
    assert alike(written, Engine(model)) == 96
    assert load(dumps(model)) == model


def test_the_file_has_the_parts_and_a_stranger_can_interpret_it():
    model = compiled(GATE)
    wire = dump(model)
    row = next(r for r in wire["rules"] if r["id"] == "G2")
    assert (row["priority"], row["row"]) == (2, "G2")
    assert load(dumps(model)) == model == compiled(model)
    written = load(dumps(GATE))
    assert written == model
    assert digest(written) == digest(model)
    assert len(Stranger(wire).search()) == len(Stranger(dump(load(dumps(GATE)))).search()) == 28
    with pytest.raises(SystemExit, match="for all readers: prgcore machine --machine FILE --json"):
        Stranger(dump(GATE))


def test_row_order_means_nothing_with_priorities_too():
    turned = compiled(evolve(GATE, rules=GATE.rules[::-1]))
    assert {r.id: r for r in turned.rules} == {r.id: r for r in compiled(GATE).rules}


def test_parts_are_named_after_their_row():
    (one, *rest) = GATE.rules
    wide = evolve(one, when=one.when & one.when, id="G0", priority=1)
    narrow = Rule("G4", "knock", {"hour": "day", "gate": "shut"}, {"gate": "open"}, priority=1)
    rules = (narrow, evolve(rest[0], priority=2), *rest[2:])
    model = compiled(evolve(GATE, rules=rules))
    assert [(r.id, r.row) for r in model.rules[:3]] == [("G4", "G4"), ("G3.1", "G3"), ("G3.2", "G3")]
    assert wide.row == ""
    (row,) = [r for r in prove(Machine(model), only=["F4"]).results if r.id == "F4"]
    assert row.detail["rules"] == 7


# ------------------------------------------------------------------------- two seats


def table(*rules: Rule, seated: bool = True) -> Table:
    return Table(
        name="two gates",
        node_columns=(Column("gate", ("shut", "open"), "record"), Column("up", ("yes", "no"), "record")),
        group_columns=(Column("hour", ("day", "night"), "record"),),
        derivations=(Derivation(
            "pair", ("me.up", "peer.up"), (({"me.up": "yes", "peer.up": "yes"}, "whole"),), "broken",
            "whether both are up"),),
        initial=({"gate": "shut", "up": "yes", "hour": "day"},),
        events=(Event("knock", Kind.COMMAND, "administrator", seated=seated),
                Event("fall", Kind.FAULT, "environment"),
                Event("rise", Kind.REPAIR, "environment")),
        possible=(Possible("fall", {"me.up": "yes"}), Possible("rise", {"me.up": "no"})),
        phases=(("life", rules), ("world", (
            Rule("W1", "fall", {}, {"me.up": "no"}), Rule("W2", "rise", {}, {"me.up": "yes"})))),
    )


SEATED = in_order(
    Rule("K1", "knock", {"me.pair": "broken", "me.up": "no"}, {"hour": "night"}, actions="mend(me)"),
    Rule("K2", "knock", {"peer.up": "no", "me.gate": "shut"}, {"me.gate": "open"}),
    Rule("K3", "knock", {}, {"me.gate": "shut"}, actions="bark(me)"),
)
GROUP = in_order(
    Rule("K1", "knock", {"me.up": "no", "peer.up": "no"}, {"hour": "night"}, actions="mend(me)"),
    Rule("K2", "knock", {}, {"both.gate": "open"}, actions="bark(me)"),
)


def test_each_seat_has_the_mirror_images_of_the_parts():
    model = instantiate(table(*SEATED), {})
    assert {r.name for r in model.rules if r.event == "knock(node1)"} == {
        "K1@node1", "K2@node1", "K3@node1"}
    parts = [r.id for r in model.rules if r.row == "K3@node1"]
    assert len(parts) > 1
    assert all(p.startswith("K3.") and p.endswith("@node1") for p in parts)
    assert unmirrored(model) == ()
    assert is_mirrored(model)
    assert overlaps(model) == ()


def test_the_parts_of_an_event_of_the_group_are_compared_together():
    """A part has no image of its own here: what a node lacks is asked first of node1."""
    model = instantiate(table(*GROUP[:1], evolve(GROUP[1], actions=("bark(me)", "bark(peer)")),
                              seated=False), {})
    model = evolve(model, rules=tuple(
        evolve(r, actions=()) if r.name == "K1" else r for r in model.rules))
    assert [r.id for r in model.rules if r.row == "K2"] == ["K2.1", "K2.2"]
    assert unmirrored(model) == ()
    assert not is_mirrored(model), "no half stands for the whole"
    odd = evolve(model, rules=tuple(r for r in model.rules if r.id != "K2.2"))
    assert unmirrored(odd) == ("rule K2.1: its mirror K2.1 is another rule",)


# ------------------------------------------------------------------------- what reports say


def test_a_row_is_dead_only_if_all_of_its_parts_are():
    """The guest never comes at night: one part of G3 never fires, and G2 never does."""
    calm = evolve(GATE, rules=(
        Rule("G2", "knock", {"hour": "night", "guest": ("thief", "stranger")}, {"gate": "locked"},
             priority=1),
        Rule("G3", "knock", {}, {"gate": "open"}, priority=2, actions="bark"),
        *(r for r in GATE.rules if r.event == "come"),
        Rule("W4", "turn", {}, outcome=Outcome.IGNORED)))
    model = compiled(calm)
    assert [r.id for r in model.rules if r.row == "G3"] == ["G3.1", "G3.2"]
    (f4,) = prove(Machine(model), only=["F4"]).results
    assert (f4.verdict, f4.detail["dead"]) == ("refuted", ["G2"])
    assert "G3" not in f4.detail["says"]


def test_a_story_and_a_diff_speak_of_rows():
    model = compiled(evolve(GATE, rules=(
        Rule("G4", "knock", {"hour": "day", "gate": "shut"}, {"gate": "open"}, priority=1),
        evolve(GATE.rules[1], priority=2), *GATE.rules[3:])))
    told = tell(run(Machine(model), parse("turn\nknock\n")))
    assert "G3" in told
    assert "G3." not in told
    (row,) = changes(compiled(GATE), compiled(evolve(GATE, rules=(
        evolve(GATE.rules[0], actions="bark"), *GATE.rules[1:])))).real
    assert (row.name, row.change) == ("G1", "changed")


def test_every_reader_agrees_and_everything_else_is_proved():
    found = {r.id: r.verdict for r in prove(Machine(compiled(GATE))).results}
    for id_ in ("F1", "F2", "F7", "E1", "E2"):
        assert found[id_] == "proved", id_
    assert "refuted" not in found.values()


# ------------------------------------------------------------------------- mistakes


def wire(**changed: object) -> dict:
    """The written gate, with the fields of its rule G2 changed."""
    raw = json.loads(json.dumps(dump(GATE)))
    row = next(r for r in raw["rules"] if r["id"] == "G2")
    row.update(changed)
    return raw


@pytest.mark.parametrize(("changed", "says"), [
    ({"priority": 0}, "rules[2].priority: expected a whole number from 1 to 1000000, not 0"),
    ({"priority": -1}, "rules[2].priority: expected a whole number from 1"),
    ({"priority": 1.5}, "rules[2].priority: expected a whole number"),
    ({"priority": True}, "rules[2].priority: expected a whole number"),
    ({"priority": "first"}, "rules[2].priority: expected a whole number"),
    ({"priority": 10**9}, "rules[2].priority: expected a whole number"),
    ({"priority": None}, "rules[2].priority: expected a whole number"),
    ({"row": ""}, "rules[2].row: a name is 1 to 200"),
    ({"row": 7}, "rules[2].row: expected a name"),
    ({"prioritty": 2}, "rules[2]: unknown key 'prioritty'; did you mean priority"),
    ({"priority": 1}, "G1 and G2 both answer knock where"),
    ({"priority": 3}, "G2 and G3 both answer knock where"),
    ({"priority": 9},
     "rules[2]: G2 never answers: G1 or G3 comes first wherever it holds; leave it out, or"),
    ({"when": {"mod": ["alarmed"]}}, "rules[2].when.mod: unknown column 'mod'"),
    ({"when": {"mood": ["cross"]}}, "rules[2].when.mood: unknown value 'cross'"),
])
def test_a_mistake_is_one_clear_line(changed: dict, says: str):
    with pytest.raises(MalformedMachine) as error:
        load(wire(**changed))
    assert any(says in line for line in error.value.findings), error.value.findings


def test_a_rule_without_a_priority_has_to_be_disjoint_as_ever():
    raw = wire()
    del next(r for r in raw["rules"] if r["id"] == "G2")["priority"]
    with pytest.raises(MalformedMachine, match="G1 and G2 both answer knock"):
        load(raw)


@pytest.mark.parametrize(("changed", "says"), [
    ({"outcome": "ignored", "then": {}, "actions": []}, "G3.2 is a part of G3 and differs in outcome"),
    ({"then": {"gate": {"const": "shut"}}}, "differs in then from G3.1; parts of one rule differ in when"),
    ({"actions": [{"do": "bark"}]}, "differs in actions from G3.1"),
    ({"priority": 7}, "differs in priority from G3.1"),
])
def test_parts_of_one_row_do_the_same(changed: dict, says: str):
    raw = dump(compiled(evolve(GATE, rules=(
        Rule("G4", "knock", {"hour": "day", "gate": "shut"}, {"gate": "open"}, priority=1),
        evolve(GATE.rules[1], priority=2), *GATE.rules[3:]))))
    next(r for r in raw["rules"] if r["id"] == "G3.2").update(changed)
    with pytest.raises(MalformedMachine) as error:
        load(raw)
    assert any(says in line for line in error.value.findings), error.value.findings


def test_a_row_without_a_priority_is_a_mistake():
    raw = dump(compiled(GATE))
    del next(r for r in raw["rules"] if r["id"] == "G2")["priority"]
    with pytest.raises(MalformedMachine, match="row: without a priority"):
        load(raw)


def test_a_rule_that_is_added_to_a_compiled_file_is_not_put_before_its_parts_in_silence():
    raw = dump(compiled(GATE))
    raw["rules"].append({"id": "G0", "event": "knock", "outcome": "done", "when": {"hour": ["night"]},
                         "then": {"gate": {"const": "locked"}}, "priority": 1})
    with pytest.raises(MalformedMachine, match="G0 and G1 both answer knock"):
        load(raw)
    raw["rules"][-1]["priority"] = 2
    with pytest.raises(MalformedMachine, match=r"G0 and G[23] both answer"):
        load(raw)
