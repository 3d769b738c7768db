"""Derived columns that read derived columns: written over stored ones, whatever the chain."""

from __future__ import annotations

import json
import random
from itertools import product

import pytest
from attrs import evolve

from examples.outsider import Stranger
from prgcore.engine import Engine
from prgcore.errors import MalformedMachine
from prgcore.form.chained import MOST_ROWS, flattened, knots
from prgcore.form.knowledge import knowledge
from prgcore.form.wellformed import findings
from prgcore.machine import Machine
from prgcore.model import Column, Derivation, Event, Hears, Model, Possible, Rule, Table, by, cube
from prgcore.prove.mirrored import is_mirrored
from prgcore.prove.report import prove
from prgcore.seats import NODES, instantiate
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import digest, dump, dumps, load

# A kettle: whether it boils follows from whether it is fit and filled, and that from its parts.
YES_NO = ("yes", "no")
KETTLE = {
    "format": "prgcore-machine/1", "name": "kettle",
    "columns": [
        {"name": "tea", "kind": "derived", "domain": ["ready", "cold"], "from": ["boils", "leaf"],
         "table": [[["yes", "in"], "ready"], [["yes", "out"], "cold"],
                   [["no", "in"], "cold"], [["no", "out"], "cold"]]},
        {"name": "plug", "kind": "stored", "domain": ["in", "out"]},
        {"name": "coil", "kind": "stored", "domain": ["whole", "burnt"]},
        {"name": "water", "kind": "stored", "domain": ["full", "some", "none"]},
        {"name": "leaf", "kind": "stored", "domain": ["in", "out"]},
        {"name": "boils", "kind": "derived", "domain": ["yes", "no"], "from": ["fit", "water"],
         "table": [[[f, w], "yes" if f == "yes" and w != "none" else "no"]
                   for f, w in product(YES_NO, ("full", "some", "none"))]},
        {"name": "fit", "kind": "derived", "domain": ["yes", "no"], "from": ["plug", "coil"],
         "table": [[[p, c], "yes" if (p, c) == ("in", "whole") else "no"]
                   for p, c in product(("in", "out"), ("whole", "burnt"))]},
    ],
    "initial": [{"plug": "in", "coil": "whole", "water": "full", "leaf": "out"}],
    "events": [
        {"name": "brew", "kind": "command", "decider": "administrator"},
        {"name": "drink", "kind": "command", "decider": "administrator"},
        {"name": "trip", "kind": "fault", "decider": "environment"},
    ],
    "possible": [{"event": "trip", "when": {"boils": ["yes"]}}],
    "rules": [
        {"id": "K1", "event": "brew", "outcome": "done", "when": {"tea": ["cold"], "leaf": ["out"]},
         "then": {"leaf": {"const": "in"}}},
        {"id": "K2", "event": "drink", "outcome": "done", "when": {"tea": ["ready"]},
         "then": {"leaf": {"const": "out"},
                  "water": {"by": "water", "map": {"full": "some", "some": "none"}}}},
        {"id": "K3", "event": "trip", "outcome": "done", "when": {},
         "then": {"plug": {"by": "tea", "map": {"ready": "out"}}, "coil": {"const": "burnt"}}},
    ],
}


def columns(model: Model) -> dict[str, Column]:
    return {c.name: c for c in model.columns}


def test_every_column_of_the_file_is_over_stored_columns():
    model = load(json.dumps(KETTLE))
    named = columns(model)
    assert named["tea"].sources == ("plug", "coil", "water", "leaf")
    assert (len(named["tea"].table), len(named["boils"].table)) == (24, 12)
    assert [c.name for c in model.columns] == [c["name"] for c in KETTLE["columns"]]
    assert findings(model) == ()
    assert load(dumps(model)) == model
    assert digest(load(dump(model))) == digest(model)
    assert flattened(model.columns) == model.columns
    wire = next(c for c in dump(model)["columns"] if c["name"] == "tea")
    assert wire["from"] == ["plug", "coil", "water", "leaf"]


def test_the_value_is_that_of_the_chain_in_every_pair():
    machine = Machine(load(json.dumps(KETTLE)))
    told = {c["name"]: c for c in KETTLE["columns"]}

    def value(name: str, pair: dict[str, str]) -> str:
        column = told[name]
        if column["kind"] == "stored":
            return pair[name]
        key = [value(s, pair) for s in column["from"]]
        return next(v for k, v in column["table"] if k == key)

    stored = [c["name"] for c in KETTLE["columns"] if c["kind"] == "stored"]
    count = 0
    for values in product(*(told[s]["domain"] for s in stored)):
        given = dict(zip(stored, values, strict=True))
        pair = machine.pair(given)
        for name in told:
            assert pair[name] == value(name, given)
            count += 1
    assert count == 24 * 7


def test_a_stranger_and_all_readers_agree():
    model = load(json.dumps(KETTLE))
    (f4, e1, e2) = prove(Machine(model), only=["F4", "E1", "E2"]).results
    assert (e1.verdict, e2.verdict) == ("proved", "proved")
    assert len(Stranger(dump(model)).search()) == f4.detail["pairs"] == 12
    with pytest.raises(SystemExit, match="for all readers: prgcore machine --machine FILE --json"):
        Stranger(KETTLE)


@pytest.mark.parametrize("seed", range(20))
def test_random_chains_keep_their_meaning(seed: int):
    """Derived columns in any order, each over any others that do not read it."""
    rnd = random.Random(seed)
    stored = [Column(f"s{i}", tuple("abc"[:rnd.randint(2, 3)])) for i in range(4)]
    named = {c.name: c for c in stored}
    for i in range(5):
        sources = tuple(rnd.sample(sorted(named), rnd.randint(1, 3)))
        rows = tuple((key, rnd.choice("xy")) for key in product(*(named[s].domain for s in sources)))
        named[f"d{i}"] = Column(f"d{i}", ("x", "y"), "derived", sources, rows)
    some = list(named.values())
    rnd.shuffle(some)
    assert [*knots(tuple(some))] == []
    flat = {c.name: c for c in flattened(tuple(some))}

    def value(name: str, pair: dict[str, str]) -> str:
        column = named[name]
        return dict(column.table)[tuple(value(s, pair) for s in column.sources)] \
            if column.derived else pair[name]

    for values in product(*(c.domain for c in stored)):
        pair = dict(zip((c.name for c in stored), values, strict=True))
        for name, column in flat.items():
            if column.derived:
                assert not any(named[s].derived for s in column.sources)
                assert dict(column.table)[tuple(pair[s] for s in column.sources)] == value(name, pair)


# ------------------------------------------------------------------------- as a person writes it


def lamps(*derivations: Derivation, **changed: object) -> Table:
    return Table(**{
        "name": "lamps",
        "node_columns": (
            Column("bulb", ("good", "dim", "burnt"), "me"), Column("wire", ("on", "off"), "me"),
            Column("hears", YES_NO, "me"), Column("state", ("lit", "dark"), "record")),
        "group_columns": (Column("link", ("up", "cut"), "environment"),),
        "derivations": derivations,
        "initial": ({"bulb": "good", "wire": "on", "hears": "yes", "state": "lit", "link": "up"},),
        "events": (
            Event("look", Kind.TIMER, "me"), Event("wear", Kind.FAULT, "environment"),
            Event("lose", Kind.TIMER, "me"), Event("cut", Kind.FAULT, "environment", seated=False)),
        "possible": (
            Possible("look", {}), Possible("wear", {}), Possible("lose", {"me.hears": "yes", "link": "cut"}),
            Possible("cut", {})),
        "phases": (("life", (
            Rule("L1", "look", {"me.outlook": "bleak"}, {"me.state": "dark"}),
            Rule("L2", "look", {"me.outlook": "bright"}, {"me.state": "lit"}),
            Rule("L3", "wear", {}, {"me.bulb": by("me.bulb", {"good": "dim", "dim": "burnt"})}),
            Rule("L4", "lose", {}, {"me.hears": "no"}), Rule("L5", "cut", {}, {"link": "cut"}))),),
        "hears": (Hears("me", {"me.hears": "yes"}, ("me.peer_shines",)),),
        **changed})


SHINES = Derivation("shines", ("me.bulb", "me.wire"), (
    ({"me.bulb": ("good", "dim"), "me.wire": "on"}, "yes"),), "no", "it gives light")
PEER = Derivation("peer_shines", ("me.hears", "peer.shines"), (
    ({"me.hears": "no"}, "unheard"), ({"peer.shines": "yes"}, "yes")), "no", "what the peer reports")
OUTLOOK = Derivation("outlook", ("me.shines", "me.peer_shines"), (
    ({"me.shines": "no", "me.peer_shines": ("no", "unheard")}, "bleak"),), "bright", "is there light")


def test_a_table_names_derived_columns_in_any_order():
    model = instantiate(lamps(OUTLOOK, PEER, SHINES), {})
    named = columns(model)
    assert named["node1.outlook"].sources == (
        "node1.bulb", "node1.wire", "node1.hears", "node2.bulb", "node2.wire")
    assert named["node2.peer_shines"].sources == ("node2.hears", "node1.bulb", "node1.wire")
    assert findings(model) == ()
    assert is_mirrored(model)
    assert {c.name: c for c in instantiate(lamps(SHINES, PEER, OUTLOOK), {}).columns} == named
    pair = Engine(model).pair({**dict(model.initial[0]), "node1.bulb": "burnt", "node1.hears": "no"})
    assert (pair["node1.outlook"], pair["node2.outlook"]) == ("bleak", "bright")


def test_a_node_knows_what_follows_from_what_it_learns():
    """It learns whether its peer shines, so it knows what that decides: not how worn the bulb is."""
    model = instantiate(lamps(OUTLOOK, PEER, SHINES), {})
    assert knowledge(model) == ()
    worn = evolve(PEER, name="peer_worn", sources=("me.hears", "peer.bulb"), rows=(
        (cube({"me.hears": "no"}), "unheard"), (cube({"peer.bulb": "dim"}), "yes")))
    odd = evolve(OUTLOOK, sources=("me.shines", "me.peer_worn"), rows=(
        (cube({"me.shines": "no", "me.peer_worn": "yes"}), "bleak"),))
    wrong = knowledge(instantiate(lamps(odd, PEER, SHINES, worn), {}))
    assert wrong[0].startswith(
        "rules[0].when.node1.outlook: node1 decides look(node1) and cannot know node1.outlook")
    deaf = knowledge(instantiate(lamps(OUTLOOK, PEER, SHINES, hears=()), {}))
    assert len(deaf) == 4


def test_a_value_that_no_pair_has_is_left_out():
    """The peer's `yes` cannot be had without a wire that is on, so no outlook is `odd`."""
    odd = evolve(OUTLOOK, sources=("me.shines", "me.bulb"), rows=(
        (cube({"me.shines": "yes", "me.bulb": "burnt"}), "odd"), (cube({"me.shines": "no"}), "bleak")))
    named = columns(instantiate(lamps(odd, PEER, SHINES), {}))
    assert named["node1.outlook"].domain == ("bleak", "bright")


def test_every_node_has_its_own_chain():
    machine = Machine(instantiate(lamps(OUTLOOK, PEER, SHINES), {}))
    for node in NODES:
        decision = machine.step(machine.initial[0], f"wear({node})")
        assert decision.outcome is Outcome.DONE
        assert decision.pair[f"{node}.outlook"] == "bright"


# ------------------------------------------------------------------------- mistakes


def kettle(name: str, **changed: object) -> str:
    raw = json.loads(json.dumps(KETTLE))
    next(c for c in raw["columns"] if c["name"] == name).update(changed)
    return json.dumps(raw)


@pytest.mark.parametrize(("name", "changed", "says"), [
    ("fit", {"from": ["plug", "tea"], "table": [[[p, t], "no"] for p in ("in", "out")
                                                for t in ("ready", "cold")]},
     "columns[0].from: tea reads boils reads fit reads tea; a derived column is made of stored"),
    ("fit", {"from": ["fit"], "table": [[["yes"], "yes"], [["no"], "no"]]},
     "columns[6].from: fit reads fit; a derived column is made of stored columns in the end"),
    ("boils", {"from": ["fitt", "water"]}, "columns[5].from[0]: unknown column 'fitt'; did you mean fit"),
    ("boils", {"from": ["fit", "fit"]}, "columns[5].from: a column named twice"),
    ("boils", {"from": "fit"}, "columns[5].from: expected a list"),
    ("boils", {"table": [[["yes", "full"], "yes"]]}, "columns[5].table: not total; no row for yes, some"),
    ("boils", {"table": [[["maybe", "full"], "yes"]]}, "columns[5].table[0]: maybe, full are not values"),
    ("boils", {"table": [[["yes"], "yes"]]}, "columns[5].table[0]: yes are not values of its sources"),
    ("boils", {"table": [[["yes", "full"], "always"]]}, "columns[5].table[0]: unknown value 'always'"),
    ("boils", {"domain": []}, "columns[5].domain: empty"),
    ("boils", {"table": [*KETTLE["columns"][5]["table"], [["yes", "full"], "no"]]},
     "columns[5].table[6]: yes, full has a row already"),
])
def test_a_mistake_is_one_clear_line(name: str, changed: dict, says: str):
    with pytest.raises(MalformedMachine) as error:
        load(kettle(name, **changed))
    assert any(says in line for line in error.value.findings), error.value.findings


def test_an_initial_pair_and_an_effect_name_stored_columns_as_ever():
    raw = json.loads(json.dumps(KETTLE))
    raw["initial"][0]["fit"] = "yes"
    raw["rules"][0]["then"] = {"boils": {"const": "no"}}
    with pytest.raises(MalformedMachine) as error:
        load(json.dumps(raw))
    assert "initial[0].fit: derived; an initial pair names stored columns" in error.value.findings
    assert "rules[0].then.boils: boils is derived; an effect sets stored columns" in error.value.findings


def test_a_table_that_grows_too_large_is_refused():
    wide = tuple(Column(f"s{i}", tuple("abcdefghij")) for i in range(6))
    halves = tuple(
        Column(f"d{i}", ("x",), "derived", tuple(c.name for c in wide[3 * i:3 * i + 3]),
               tuple((key, "x") for key in product("abcdefghij", repeat=3)))
        for i in range(2))
    both = Column("d2", ("x",), "derived", ("d0", "d1"), ((("x", "x"), "x"),))
    assert [*knots((*wide, *halves))] == []
    (line,) = knots((*wide, *halves, both))
    assert line == (f"columns[8].from: 6 stored columns in all, a table of 1,000,000 rows; at most "
                    f"{MOST_ROWS:,}; read columns with fewer values")


@pytest.mark.parametrize(("derivations", "says"), [
    ((OUTLOOK, PEER, evolve(SHINES, sources=("me.bulb", "peer.outlook"), rows=())),
     "node1.outlook reads node1.shines reads node2.outlook reads node2.shines reads node1.outlook"),
    ((OUTLOOK, PEER), "derivations[0].sources: unknown column 'me.shines'"),
    ((OUTLOOK, PEER, SHINES, SHINES), "derivations[3]: 'shines' is already the name of derivations[2]"),
    ((evolve(OUTLOOK, sources=("me.shines",)), PEER, SHINES),
     "derivations[0].rows: me.peer_shines is read, and is not among the sources"),
    ((evolve(OUTLOOK, sources=()), PEER, SHINES), "derivations[0].sources: none"),
])
def test_mistakes_in_a_table_are_refused(derivations: tuple[Derivation, ...], says: str):
    with pytest.raises(MalformedMachine) as error:
        instantiate(lamps(*derivations), {})
    assert any(says in line for line in error.value.findings), error.value.findings


def test_an_engine_takes_no_chain_in_silence():
    bare = Column("c", ("x",), "derived", ("d",), ((("x",), "x"),))
    model = Model("chain", (Column("s", ("a",)), Column("d", ("x",), "derived", ("s",), ((("a",), "x"),)),
                            bare), ((("s", "a"),),), (), (), ())
    with pytest.raises(ValueError, match="c reads a derived column"):
        Engine(model)
    assert findings(model) == ()
    assert Engine(evolve(model, columns=flattened(model.columns))).pair({"s": "a"})["c"] == "x"
