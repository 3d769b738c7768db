"""E3: orders and desired state agree. It is proved, it is not empty, and it finds what is planted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from prgcore.form import wishes
from prgcore.machine import PRG, Machine, prg
from prgcore.model import Action, Model, Rule, cube
from prgcore.prove import levels
from prgcore.prove.report import prove
from prgcore.template import active_standby
from prgcore.template.pair import MACHINE
from tests.planted import LAMPS

PAIR = MACHINE
"""The machine that `prgcore init` writes: 62 pairs, so that each fault is found at once."""


def e3(model: Model):
    return prove(Machine(model), only=["E3"]).results[0]


def rules(model: Model, **changed: Callable[[Rule], Rule]) -> Model:
    """The machine with some rules, of both seats, changed."""
    return evolve(model, rules=tuple(
        changed[r.id.partition("@")[0]](r) if r.id.partition("@")[0] in changed else r
        for r in model.rules))


def without(do: str) -> Callable[[Rule], Rule]:
    return lambda rule: evolve(rule, actions=tuple(a for a in rule.actions if a.do != do))


def also(do: str, node: str = "me") -> Callable[[Rule], Rule]:
    """A rule that asks for one action more, of the node whose event it is, or of its peer."""
    def change(rule: Rule) -> Rule:
        me = rule.event.partition("(")[2].rstrip(")") or "node1"
        peer = "node2" if me == "node1" else "node1"
        return evolve(rule, actions=(*rule.actions, Action(do, me if node == "me" else peer)))
    return change


def agents(model: Model, **changed: object) -> Model:
    return evolve(model, agents=tuple(evolve(a, **changed) for a in model.agents))


def refuted(model: Model, says: str):
    """The finding of a fault; it says where the fault is."""
    found = e3(model)
    assert found.verdict == "refuted"
    assert found.detail["says"].startswith(says)
    return found


# ------------------------------------------------------------------------ it holds


def test_it_is_proved_of_both_machines_and_says_of_how_many_steps():
    found = e3(PRG.model)
    assert (found.verdict, found.method) == ("proved", "search")
    assert found.detail["parts"] == ["grant", "serve", "services"]
    assert found.detail["steps of nodes in reach"] > 3_000_000
    assert found.detail["steps of nodes that are not heard"] > 0
    assert "only reconciling brings what these wish" not in found.detail
    assert e3(PAIR).detail == {
        "parts": ["services"], "steps of nodes in reach": 800,
        "steps of nodes that do not run": 964, "steps of nodes that are not heard": 52}


def test_it_is_proved_under_another_policy():
    assert e3(prg(reconnection="able_serves", idle_on_peer_loss="take_over").model).verdict == "proved"


def test_a_machine_without_the_sections_is_told_what_it_lacks():
    assert e3(LAMPS).detail["says"] == (
        "the machine has no agents section, which says what the record wishes")
    for lacks in (evolve(PAIR, actions=()), evolve(PAIR, actions=PAIR.actions[:1])):
        found = e3(lacks)
        assert found.verdict == "not_applicable"
        assert found.detail["says"].startswith("no two actions of a node undo one another")


ODD = {
    "one agent": evolve(PAIR, agents=PAIR.agents[:1], actions=tuple(
        a for a in PAIR.actions if a.node == "node1")),
    "no users": evolve(PAIR, serves=()),
    "nothing is left stopped": agents(PAIR, leaves=()),
    "everything is left as it is": agents(PAIR, either=(cube({}),)),
    "nobody ever acts": evolve(PAIR, decides=(
        *PAIR.decides, *(evolve(d, when=cube({f"{d.decider}.host": "off"})) for d in PAIR.decides))),
    "nobody hears": evolve(PAIR, hears=()),
    "no rules": evolve(PAIR, rules=()),
    "two first pairs": evolve(PAIR, initial=(*PAIR.initial, *PAIR.initial)),
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_machine_gets_a_verdict(what):
    found = e3(ODD[what])
    assert found.verdict in ("proved", "refuted", "vacuous")
    if found.verdict == "refuted":
        assert found.counterexample.agrees
        assert "@" in found.detail["says"]


# ------------------------------------------------------------------ what is planted

ONE = {
    "forgets to stop the peer": (
        rules(PAIR, P100=without("stop_services")), "P100@",
        "the services of node1 should be stopped then, and without an order it leaves them up"),
    "forgets to start": (
        rules(PAIR, T100=without("start_services")), "T100@",
        "the services of node1 should be up then, and without an order it leaves them stopped"),
    "starts what must not run": (
        rules(PAIR, P106=also("start_services")), "P106@",
        "its orders (start_services(node1)) leave them up"),
    "stops what has just started": (
        rules(PAIR, P102=also("stop_services")), "P102@",
        "its orders (stop_services(node1)) leave them stopped"),
    "stops the peer as well": (
        rules(PAIR, P104=also("start_services", "peer")), "P104@", "leave them up"),
    "leaves what runs": (agents(PAIR, leaves=(cube({}),)), "", "should be stopped then"),
}


@pytest.mark.parametrize("name", ONE)
def test_a_planted_fault_is_found_and_told(name):
    model, rule, says = ONE[name]
    found = refuted(model, rule)
    assert says in found.detail["says"]
    assert found.counterexample.agrees
    assert found.counterexample.event in found.story


OFFICIAL = {
    "forgets to stop": (
        rules(PRG.model, M100=without("stop_critical_services")),
        "M100@node1: the services of node1 should be stopped then, and its orders "),
    "forgets to disconnect": (
        rules(PRG.model, M100=without("disconnect_users")),
        "M100@node1: the users of node1 are no longer node1's to serve"),
    "forgets the grant": (rules(PRG.model, L110=without("acquire_grant")), "L110@node"),
    "as it was": (
        agents(PRG.model, either=(), leaves=(cube({"node1.services": "stopped"}),)), "S134@node1"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_fault_of_the_official_machine_is_found(name):
    refuted(*OFFICIAL[name])


def test_a_deed_that_no_node_is_asked_for_is_vacuous():
    asks = ("P100", "P104", "T100", "X102")
    nobody = rules(PAIR, **dict.fromkeys(asks, lambda r: evolve(r, actions=())))
    found = e3(agents(nobody, leaves=(cube({}),)))
    assert found.verdict == "vacuous"
    assert found.detail["says"] == (
        "no reachable step asks a node in reach for: stop of node1, start of node1, "
        "stop of node2, start of node2")


def test_reconciling_that_does_not_get_there_is_found(monkeypatch):
    monkeypatch.setattr(levels, "toward", lambda world, wish: wishes.toward(world, wish)[:1])
    refuted(PRG.model, "reconciling from World(")


def test_a_deed_that_does_something_else_is_found(monkeypatch):
    monkeypatch.setitem(wishes.EFFECTS, "start", ("services", "stopped"))
    assert e3(PAIR).verdict == "refuted"


def test_the_role_of_a_service_is_a_part_of_its_world():
    found = e3(active_standby.MACHINE)
    assert found.verdict == "proved"
    assert found.detail["parts"] == ["grant", "role", "serve", "services"]
    alone = {r.id.partition("@")[0]: also("demote") for r in active_standby.MACHINE.rules
             if any(a.do == "serve_alone" for a in r.actions)}
    found = e3(rules(active_standby.MACHINE, **alone))
    assert found.verdict == "refuted"
    assert "the role of node1 should be primary then" in found.detail["says"]


@pytest.mark.parametrize(("fault", "says"), [
    ({"D104": also("promote")}, "D104@node1: the role of node1 should be replica then"),
    ({"C102": also("promote", "peer")}, "C102@node1: the role of node2 should be replica then"),
    ({"M108": also("start_service")}, "M108@node1: the services of node1 should be stopped then"),
    ({"P110": without("disconnect_users")}, "P110@node1: the users of users are no longer"),
    ({"P108": without("release_grant")}, "P108@node1: the grant of node1 should be free then"),
])
def test_a_fault_of_active_and_standby_is_found(fault, says):
    """Also an order for the opposite of what is wished from now on, where nothing was wished before."""
    refuted(rules(active_standby.MACHINE, **fault), says)
