"""What two nodes exchange is data: `told`, `hears`, `serves`; what they mean, and what is a mistake."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from prgcore.errors import MalformedMachine
from prgcore.form import telling
from prgcore.form.habits import Habits
from prgcore.form.wellformed import findings
from prgcore.machine import PRG, Machine
from prgcore.model import Hears, Model, Serves, Told, cube
from prgcore.prove.mirrored import unmirrored
from prgcore.running.heartbeat import line, reader
from prgcore.running.node import own, reported
from prgcore.running.shapes import Heard
from prgcore.seats import NODES
from prgcore.template import active_standby, pair
from prgcore.wire.changes import changes
from prgcore.wire.machine_file import digest, dump, load
from tests.toys import LAMPS

PAIR, STANDBY = pair.MACHINE, active_standby.MACHINE
SHIPPED = [PRG.model, PAIR, STANDBY]
NAMES = [model.name for model in SHIPPED]


# ------------------------------------------------------------------------- what is said


@pytest.mark.parametrize("model", SHIPPED, ids=NAMES)
def test_a_shipped_machine_says_all_of_it_for_both_nodes(model: Model) -> None:
    for node in NODES:
        said = [telling.heard(model, node), telling.lost(model, node)]
        assert said == [f"heartbeat_heard({node})", f"heartbeat_lost({node})"]
        assert telling.column(model, node) in telling.told(model, node)
        assert {n for n, _ in telling.serving(model)} == {*NODES}
    assert unmirrored(model) == ()


def test_what_was_told_before_the_section_is_told_now() -> None:
    for model in SHIPPED:
        bare = evolve(model, told=())
        for node in NODES:
            assert {*telling.told(bare, node)} == {*telling.told(model, node)}
            assert {*reported(Machine(model), node)} <= {*own(Machine(model), node)}


def test_a_clash_is_an_event_of_the_document_alone() -> None:
    assert telling.clash(PRG.model, "node2") == "internal_error(node2)"
    assert telling.clash(PAIR, "node1") == ""
    assert telling.heard(LAMPS, "node2") == ""


def test_a_heartbeat_carries_what_is_told_and_nothing_else() -> None:
    """An agent sends these columns, and refuses a heartbeat with others."""
    short = evolve(PAIR, told=tuple(Told(n, f"{n}.host") for n in NODES), hears=tuple(
        evolve(h, learns=h.learns) for h in PAIR.hears))
    assert findings(short) == ()
    machine = Machine(short)
    assert reported(machine, "node1") == ("node1.host",)
    said = Heard({"node1.host": "on"}, 0)
    assert reader(machine, "node1")(line("node1", said)).columns == {"node1.host": "on"}


def test_a_node_may_tell_nothing_but_that_it_is_there() -> None:
    model = evolve(PAIR, told=tuple(Told(n, ()) for n in NODES),
                   hears=tuple(evolve(h, learns=()) for h in PAIR.hears))
    assert findings(model) == ()
    assert load(dump(model)) == model
    assert telling.told(model, "node1") == ()


def test_a_group_may_be_served_in_several_cubes() -> None:
    some = (cube({"node1.state": "active"}), cube({"node1.state": "promoting", "node1.lease": "yes"}))
    model = evolve(PAIR, serves=(Serves("node1", "users", some), PAIR.serves[1]))
    assert findings(model) == ()
    assert load(dump(model)) == model
    habits = Habits(model)
    known = {"node1.state": "promoting", "node1.lease": "yes", "node2.state": "standby"}
    assert habits.assigned(known, "users") == "node1"
    assert habits.assigned({**known, "node1.lease": "no"}, "users") == ""
    assert habits.assigned({"node1.state": "active"}, "users") is None, "node2 is not known"


def test_a_machine_without_agents_may_serve_by_what_a_node_observes() -> None:
    """A router's state is its own, and in no record."""
    rows = tuple(Serves(n, "address", cube({f"{n}.host": "on"})) for n in NODES)
    assert findings(evolve(PAIR, agents=(), serves=rows)) == ()
    assert Habits(evolve(PAIR, agents=(), serves=rows)).groups == ()
    assert any("by which agents serve" in line for line in findings(evolve(PAIR, serves=rows)))


def test_a_row_is_compared_by_its_node() -> None:
    new = evolve(PAIR, told=tuple(Told(n, f"{n}.host") for n in NODES))
    (row,) = changes(PAIR, new).real
    assert (row.section, row.name, row.seats) == ("told", "me", NODES)
    assert digest(new) != digest(PAIR)


# ------------------------------------------------------------------------- files of before


def _before(model: Model) -> dict:
    """A machine file as it was: an agent says where it serves, and nothing of heartbeats."""
    wire = json.loads(json.dumps(dump(model)))
    for agent in wire["agents"]:
        agent["serves"] = {
            s["group"]: s["when"][0] for s in wire["serves"] if s["node"] == agent["node"]}
    for hears in wire["hears"]:
        for key in ("heard", "lost", "column", "clash"):
            hears.pop(key, None)
    del wire["serves"], wire["told"]
    return wire


@pytest.mark.parametrize("model", SHIPPED, ids=NAMES)
def test_a_file_of_before_has_the_same_meaning(model: Model) -> None:
    old = load(_before(model))
    assert old.serves == model.serves
    assert Habits(old).serving == Habits(model).serving
    assert old == evolve(model, told=(), hears=tuple(
        Hears(h.node, h.when, h.learns) for h in model.hears))


def test_mistakes_in_a_file_of_before_have_a_place() -> None:
    wire = _before(PAIR)
    wire["agents"][1]["serves"]["users"] = {"node2.stat": ["active"]}
    with pytest.raises(MalformedMachine, match=r"serves\[1\].when\[0\].node2.stat: unknown column"):
        load(wire)
    wire["agents"][1]["serves"] = 7
    with pytest.raises(MalformedMachine, match=r"agents\[1\]: unknown key 'serves'"):
        load(wire)
    with pytest.raises(MalformedMachine, match=r"agents\[0\]: unknown key 'serves'"):
        load({**_before(PAIR), "serves": []})


# ------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(("section", "row", "says"), [
    ("told", {"node": "node3"}, "told[0].node: unknown node 'node3'"),
    ("told", {"node": "node2"}, "told[1]: 'node2' is already the name of told[0]"),
    ("told", {"columns": ["node1.hosst"]}, "told[0].columns[0]: unknown column 'node1.hosst'; did you"),
    ("told", {"columns": ["node2.host"]},
     "told[0].columns[0]: node1 cannot know node2.host (observed by node2), so it cannot tell it"),
    ("told", {"columns": ["link"]}, "node1 cannot know link (observed by environment)"),
    ("told", {"columns": ["node1.state"]},
     "told[0].columns[0]: node1.state is in the record, which no heartbeat carries"),
    ("told", {"columns": ["node1.host", "node1.host"]}, "told[0].columns[1]: 'node1.host' is already"),
    ("told", {"columns": "node1.host"}, "told[0].columns: expected a list"),
    ("told", {"columns": ["node1.hears"]},
     "hears[1].learns[0]: node1.host needs node1.host, which no heartbeat carries; name it in told"),
    ("told", {"says": ""}, "told[0]: unknown key 'says'"),
    ("hears", {"heard": "heartbeat_herd(node1)"}, "hears[0].heard: unknown event"),
    ("hears", {"heard": "crash(node1)"}, "crash(node1) is decided by the environment, not by node1"),
    ("hears", {"heard": "take_over(node1)"},
     "hears[0].heard: the timer of take_over(node1) is not told of a heartbeat"),
    ("hears", {"lost": "heartbeat_lost(node2)"}, "is decided by node2, not by node1, which hears"),
    ("hears", {"lost": "take_over(node1)"},
     "hears[0].lost: the timer of take_over(node1) does not begin again at a heartbeat"),
    ("hears", {"lost": "heartbeat_heard(node1)"}, "heartbeat_heard(node1) is the event heard too"),
    ("hears", {"clash": "heartbeat_lost(node1)"}, "hears[0].lost: heartbeat_lost(node1) is the event"),
    ("hears", {"clash": "link_cut"}, "hears[0].clash: link_cut is decided by the environment"),
    ("hears", {"column": "node1.hear"}, "hears[0].column: unknown column 'node1.hear'"),
    ("hears", {"column": "node1.host"}, "hears[0].column: node1.host is not in when"),
    ("hears", {"lost": ""}, "hears[0].lost: a name is 1 to 200"),
    ("serves", {"node": "node3"}, "serves[0].node: unknown node 'node3'"),
    ("serves", {"group": ""}, "serves[0].group: a name is 1 to 200"),
    ("serves", {"node": "node2"}, "serves[1]: 'users of node2' is already the name of serves[0]"),
    ("serves", {"when": [{"node1.stat": ["active"]}]}, "serves[0].when[0].node1.stat: unknown column"),
    ("serves", {"when": [{"node1.state": ["aktive"]}]}, "unknown value 'aktive'"),
    ("serves", {"when": [{"node1.host": ["on"]}]}, "not a stored column of the record, by which agents"),
    ("serves", {"when": {"node1.state": ["active"]}}, "serves[0].when: expected a list"),
])
def test_a_mistake_is_one_clear_line(section: str, row: dict, says: str) -> None:
    wire = dump(PAIR)
    wire[section] = [{**wire[section][0], **row}, *wire[section][1:]]
    with pytest.raises(MalformedMachine) as error:
        load(wire)
    assert any(says in line for line in error.value.findings), error.value.findings


def test_a_derived_column_is_not_told() -> None:
    model = evolve(LAMPS, told=(Told("node1", "node1.peer_lamp"), *LAMPS.told))
    assert findings(model) == (
        "told[0].columns[0]: node1.peer_lamp is derived; a heartbeat carries stored columns",)


def test_what_one_node_says_the_other_one_says_too() -> None:
    """F3: in its mirror image."""
    assert unmirrored(evolve(PAIR, told=(Told("node1", "node1.host"), PAIR.told[1]))) == (
        "told node1: its mirror differs", "told node2: its mirror differs")
    assert unmirrored(evolve(PAIR, serves=PAIR.serves[:1])) == ("serves users of node1: its mirror differs",)
    one, other = PAIR.hears
    assert unmirrored(evolve(PAIR, hears=(evolve(one, lost=""), other))) == (
        "hears node1: its mirror differs", "hears node2: its mirror differs")
