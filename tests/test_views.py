"""F8 and T10: what lets each node decide alone, proved; and that what breaks them is found."""

# ruff: noqa: ARG005, a wrong formula forgets something

from __future__ import annotations

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.machine import prg
from prgcore.model import Column, Event, Model, Possible, Rule, by, cube
from prgcore.prove import timing, views
from prgcore.prove.views import told_apart
from prgcore.seats import instantiate
from prgcore.tables.machine import TABLE
from prgcore.timers import arithmetic
from prgcore.vocabulary import Kind, Outcome
from tests.planted import FAULTS, rewritten, row
from tests.planted import LAMPS as SIGNALS
from tests.test_prove import CHOICES, DEFAULT
from tests.toys import TURNSTILE

T10 = next(t for t in timing.THEOREMS if t.id == "T10")
discharge = timing.discharge.__wrapped__


def asked(model: Model):
    return told_apart(model, tuple(i.id for i in model.invariants))


def is_told_apart(model, found):
    """Two pairs alike to the node, inside the invariants, that are answered otherwise."""
    machine = Engine(model)
    one, other = machine.pair(found.one), machine.pair(found.other)
    assert not machine.broken(one)
    assert not machine.broken(other)
    node = found.event.partition("(")[2].rstrip(")")
    known = {c.name: c.observed_by for c in model.columns}
    hidden = [c for c in one if one[c] != other[c]]
    assert hidden
    assert all(known[c] not in (node, "record") for c in hidden)
    answers = [machine.step(pair, found.event) for pair in (one, other)]
    wrote = [{c: a.pair[c] for c in p if a.pair[c] != p[c]} for a, p in zip(
        answers, (one, other), strict=True)]
    assert answers[0].rule != answers[1].rule or wrote[0] != wrote[1]
    assert all(c in found.says for c in hidden)


@pytest.mark.parametrize("policy", CHOICES, ids=lambda p: "-".join(p.values()))
def test_nodes_decide_by_what_they_know_under_every_policy(policy):
    found = asked(prg(**policy).model)
    assert found.apart == ()
    assert found.hidden
    assert {"heartbeat_lost(node1)", "initialized(node1)", "manager_start(node1)"} <= set(
        found.asked)
    assert not any(event in found.asked for event in ("failover(node1)", "recover", "link_cut"))


def test_a_rule_that_reads_the_peers_services_is_found():
    rule = row(TABLE, "L118")
    split = [evolve(rule, id=id_, when=cube({
        "me.duty": "waiting", "peer.services": services}))
             for id_, services in (("L118", "up"), ("L119", ("stopped", "down")))]
    model = instantiate(rewritten(TABLE, *split), DEFAULT)
    found = asked(model)
    assert {a.event for a in found.apart} == {"heartbeat_lost(node1)"}
    is_told_apart(model, found.apart[0])
    assert "node2.services" in found.apart[0].says


def test_a_rule_that_writes_what_it_cannot_know_is_found():
    rule = row(TABLE, "L118")
    wrong = evolve(rule, then=Rule("x", "x", {}, {
        "me.hears_peer": "no", "me.services": by("peer.services", {"up": "down"})}).then)
    model = instantiate(rewritten(TABLE, wrong), DEFAULT)
    found = asked(model)
    assert any("L118@node1 writes otherwise" in a.says for a in found.apart)
    is_told_apart(model, found.apart[0])


def test_a_derived_column_that_leaks_while_the_peer_is_not_heard_is_found():
    derivations = tuple(
        evolve(d, rows=d.rows[1:]) if d.name == "peer_health" else d for d in TABLE.derivations)
    model = instantiate(evolve(TABLE, derivations=derivations), DEFAULT)
    assert asked(model).apart == (), "a Normal node hears its peer (X17), so nothing leaks"
    model = evolve(model, invariants=tuple(i for i in model.invariants if i.id != "X17"))
    found = asked(model)
    assert found.apart
    is_told_apart(model, found.apart[0])


def test_planted_knowledge_is_found_here_too():
    fault = next(f for f in FAULTS if f.name == "rule that knows too much")
    found = asked(fault.model)
    assert {a.event for a in found.apart} == {"warm(node1)"}
    is_told_apart(fault.model, found.apart[0])
    assert asked(SIGNALS).apart == ()


def test_where_nothing_is_hidden_nothing_is_asked():
    open_ = Model(
        name="open", columns=(Column("door", ("open", "shut"), "record"),),
        initial=((("door", "shut"),),), events=(Event("look(node1)", Kind.TIMER, "node1"),),
        possible=(Possible("look(node1)", {}),),
        rules=(Rule("O1", "look(node1)", {}, outcome=Outcome.IGNORED, why="it looks"),))
    found = asked(open_)
    assert (found.asked, found.hidden, found.apart) == (("look(node1)",), (), ())
    assert views.seated(TURNSTILE) == ()
    assert asked(TURNSTILE) == views.Views((), (), ())


def test_a_solver_that_gives_up_is_no_proof(monkeypatch):
    monkeypatch.setattr(views, "RLIMIT", 1)
    found = asked(prg().model)
    assert found.apart
    assert all(a.one == {} and "gave up" in a.says for a in found.apart)


# ------------------------------------------------------------------------------- T10


def test_nobody_is_served_twice_is_proved():
    found = discharge(T10)
    assert found.verdict == "proved", found.detail


@pytest.mark.parametrize("wrong", [
    lambda lasts, pause, stopping, waits: lasts == lasts,
    lambda lasts, pause, stopping, waits: lasts + pause <= waits,
    lambda lasts, pause, stopping, waits: lasts + stopping <= waits,
    lambda lasts, pause, stopping, waits: lasts <= waits,
])
def test_a_condition_that_is_too_weak_is_refuted_with_a_schedule(monkeypatch, wrong):
    monkeypatch.setattr(arithmetic, "fenced", wrong)
    found = discharge(T10)
    assert found.verdict == "refuted"
    n = {k: float(v.partition("/")[0]) / float(v.partition("/")[2] or 1)
         for k, v in found.detail["numbers"].items()}
    assert n["serves"] > n["starts"] >= n["seen"] + n["waits"]
    assert n["serves"] <= n["begun"] + n["lasts"] + n["pause"] + n["stopping"]


@pytest.mark.parametrize(("name", "wrong"), [
    ("serves_until", lambda read, lasts, pause, stopping: read + lasts + pause),
    ("serves_from", lambda lost, waits: lost + waits + waits),
])
def test_arithmetic_that_is_too_careful_is_noticed_as_well(monkeypatch, name, wrong):
    """`exactly if`: a schedule too short by anything serves somebody twice."""
    monkeypatch.setattr(arithmetic, name, wrong)
    found = discharge(T10)
    assert found.verdict == "refuted"
    assert found.detail["says"].startswith("too short")


@pytest.mark.parametrize(("name", "wrong"), [
    ("serves_until", lambda read, lasts, pause, stopping: read + lasts + pause + stopping + 1),
    ("serves_from", lambda lost, waits: lost),
])
def test_arithmetic_that_is_careless_is_refuted(monkeypatch, name, wrong):
    monkeypatch.setattr(arithmetic, name, wrong)
    found = discharge(T10)
    assert found.verdict == "refuted"
    assert found.detail["says"].startswith("long enough")


@pytest.mark.parametrize(("wrong", "where"), [
    (lambda n, p, s, w, r: n + p + s <= w, "drift (Real)"),
    (lambda n, p, s, w, r: n + p + s <= w * (1 - r), "drift (Real)"),
    (lambda n, p, s, w, r: n * (1 + r) + p + s <= w, "drift (Real)"),
    (lambda n, p, s, w, r: (n + p + s) * (1 + r) <= w * (1 - r), "too much drift (Real)"),
    (lambda n, p, s, w, r: n * (1 + r) + p + s <= w * (1 - r), "too much drift (Real)"),
])
def test_a_wrong_reckoning_of_drift_is_refuted(monkeypatch, wrong, where):
    monkeypatch.setattr(arithmetic, "tolerates", wrong)
    found = discharge(T10)
    assert found.verdict == "refuted"
    assert found.detail["says"].startswith(where)


def test_where_the_sum_is_the_wait_both_may_serve_in_one_instant():
    assert T10.title.endswith("; if they are equal, both may serve in one instant")
    found = discharge(T10)
    assert "in the instant in which the other one starts" in found.detail["(equal)"]
    assert found.detail["(longer)"].endswith("starts later than the first one has stopped")
    assert "(drift, over real numbers)" in found.detail


def test_the_worst_schedule_is_on_the_edge():
    """With numbers: at the bound the first stops as the other starts, and below it does not."""
    lasts, pause, stopping = 3.0, 1.0, 0.5
    end = arithmetic.serves_until(10.0, lasts, pause, stopping)
    assert arithmetic.fenced(lasts, pause, stopping, 4.5)
    assert arithmetic.serves_from(10.0, 4.5) == end
    assert not arithmetic.fenced(lasts, pause, stopping, 4.25)
    assert arithmetic.serves_from(10.0, 4.25) < end
