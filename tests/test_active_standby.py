"""The second shipped machine: one service with a replica, proved, and told in stories."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from itertools import product

import pytest
from attrs import evolve

from prgcore.cli import starting
from prgcore.engine import Engine
from prgcore.form.wishes import overtaken, wished
from prgcore.machine import Machine
from prgcore.prove.progress import chains, graph
from prgcore.prove.report import prove
from prgcore.prove.space import search
from prgcore.running.checks import Looked
from prgcore.running.conditions import Conditions
from prgcore.running.member import Member
from prgcore.running.node import own
from prgcore.running.service import Check, Service
from prgcore.seats import NODES, seat
from prgcore.stores.record import begin, decided
from prgcore.story.script import parse
from prgcore.story.script import run as run_story
from prgcore.template.active_standby import MACHINE, STATES
from prgcore.template.pair import MACHINE as PAIR
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dumps, load

FILES = [".github/workflows/prove.yml", "README.md", "active_standby.py", "machine.json",
         "stories/failover.txt"]
NORMAL = ("force_promote(node1)", "service_up(node1)", "promoted(node1)", "demoted(node2)",
          "service_up(node2)", "caught_up(node1)")
"""From a new pair to its goal."""


@pytest.fixture(scope="module")
def machine():
    return Machine(MACHINE)


def reachable(machine):
    """Every reachable pair."""
    space = search(MACHINE)
    return [machine.pair(space.pair(number)) for number in range(len(space))]


def after(machine, *events):
    """The pair after these events, each of which is done."""
    pair = machine.initial[0]
    for event in events:
        decision = machine.step(pair, event)
        assert decision.outcome is Outcome.DONE, (event, decision)
        pair = decision.pair
    return pair


def states(pair):
    return pair["node1.state"], pair["node2.state"]


def asked(machine, pair, event):
    return [str(a) for a in machine.step(pair, event).actions]


# ------------------------------------------------------------------------- what is proved


def test_every_promise_is_proved_and_every_invariant_by_induction(machine):
    results = {r.id: r for r in prove(machine).results}
    assert {r.verdict for r in results.values()} == {"proved", "reported", "not_applicable"}
    assert {results[i.id].method for i in MACHINE.invariants} == {"induction"}
    promised = {p.id for p in (*MACHINE.invariants, *MACHINE.accepted_only, *MACHINE.only_by,
                               *MACHINE.observations, *MACHINE.converges)}
    assert {id_: results[id_].verdict for id_ in promised} == dict.fromkeys(promised, "proved")
    for id_ in ("F1", "F2", "F3", "F6", "F7", "F8", "F9", "F10", "F11", "S18", "L1", "L2", "E1",
                "E2", "T1", "T3", "T7", "T10", "T12", "T13", "T14", "T15", "T16"):
        assert results[id_].verdict == "proved", id_
    missing = {id_ for id_, r in results.items() if r.verdict == "not_applicable"}
    assert missing <= {"C1", "C2", "C3", "C4", "C5", "C6", "T9", "T11", "F12", "D1"}, missing


@pytest.mark.parametrize("kind", ["rules", "derived"])
def test_every_mutant_is_noticed(machine, kind):
    (result,) = prove(machine, only=["M1"], mutants=0, kinds=[kind]).results
    assert result.verdict == "proved", result


def test_it_has_every_kind_of_event_and_says_what_everything_is():
    assert {e.kind for e in MACHINE.events} == set(Kind)
    assert all(r.why for r in MACHINE.rules)
    named = (*MACHINE.events, *MACHINE.invariants, *(c for c in MACHINE.columns if not c.derived))
    assert all(x.says for x in named)


def test_the_table_is_one_file_and_imports_what_any_stranger_may():
    text = (starting.files("prgcore") / "template" / "active_standby.py").read_text("utf-8")
    imported = {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    assert imported == {"__future__", "pathlib", "typing", "prgcore.wire.machine_file",
                        "prgcore.model", "prgcore.seats", "prgcore.vocabulary"}
    assert len(text.splitlines()) < 500
    assert [line for line in text.splitlines() if len(line) > 100] == []


# ---------------------------------------------------------------------- what it promises


def test_nobody_that_is_behind_is_promoted_by_anything_but_force(machine):
    """Looked at in every reachable pair, beside the proof of S12."""
    promoted = 0
    for pair in reachable(machine):
        for event in MACHINE.events:
            if not machine.possible(pair, event.name):
                continue
            decision = machine.step(pair, event.name)
            for node in NODES:
                if decision.pair[f"{node}.state"] != "promoting" \
                        or pair[f"{node}.state"] == "promoting":
                    continue
                promoted += 1
                assert pair[f"{node}.data"] == "current" or event.name == f"force_promote({node})"
                peer = seat("peer", node)
                assert decision.pair[f"{peer}.state"] not in ("promoting", "active")
    assert promoted > 1000


def test_a_switchover_demotes_first_and_promotes_then(machine):
    pair = after(machine, *NORMAL)
    assert asked(machine, pair, "switchover(node2)") == [
        "stop_service(node1)", "demote(node1)", "disconnect_users(node1)", "release_grant(node1)"]
    pair = after(machine, *NORMAL, "switchover(node2)")
    assert states(pair) == ("demoting", "standby")
    assert asked(machine, pair, "demoted(node1)") == [
        "acquire_grant(node2)", "move_users(node2)", "start_service(node2)", "promote(node2)",
        "start_service(node1)"]


@pytest.mark.parametrize(("events", "cells"), [
    (NORMAL[:-1], "node2.data"),
    ((*NORMAL, "fell_behind(node1)"), "node2.data"),
    ((*NORMAL, "service_down(node1)"), "node2.rival"),
    ((*NORMAL, "link_cut", "heartbeat_lost(node2)"), "node2.rival"),
    ((*NORMAL, "crash(node2)"), "node2.host"),
    ((*NORMAL, "switchover(node2)"), "peer.state"),
    ((), "node2.state"),
])
def test_a_switchover_is_refused_unless_it_loses_nothing(machine, events, cells):
    decision = machine.step(after(machine, *events), "switchover(node2)")
    assert decision.outcome is Outcome.REFUSED
    failed = {f.column for f in decision.failed}
    assert cells.replace("peer.", "node1.") in failed, failed


def test_a_standby_that_was_behind_at_the_loss_is_not_promoted_and_can_be_forced(machine):
    lost = (*NORMAL, "fell_behind(node1)", "crash(node1)", "heartbeat_lost(node2)")
    pair = after(machine, *lost)
    assert not machine.possible(pair, "take_over(node2)")
    assert machine.step(pair, "switchover(node2)").outcome is Outcome.REFUSED
    assert states(after(machine, *lost, "force_promote(node2)")) == ("waiting", "promoting")


def test_a_peer_that_is_not_heard_is_fenced_and_one_that_is_heard_is_asked(machine):
    silent = after(machine, *NORMAL, "link_cut", "heartbeat_lost(node2)")
    assert asked(machine, silent, "take_over(node2)")[0] == "fence_peer(node2)"
    sick = after(machine, *NORMAL, "service_down(node1)")
    assert asked(machine, sick, "take_over(node2)")[:3] == [
        "stop_service(node1)", "disconnect_users(node1)", "release_grant(node1)"]


def test_a_promotion_that_fails_gives_the_users_back(machine):
    failed = (*NORMAL, "service_down(node1)", "take_over(node2)", "promotion_failed(node2)")
    assert states(after(machine, *failed)) == ("promoting", "failed")
    assert states(after(machine, *failed, "promoted(node1)")) == ("active", "failed")
    assert states(after(machine, *failed, "promotion_failed(node1)")) == ("failed", "failed")


def test_a_promotion_that_fails_beside_a_dead_node_waits_for_that_node(machine):
    pair = after(machine, *NORMAL, "crash(node1)", "heartbeat_lost(node2)", "take_over(node2)",
                 "promotion_failed(node2)", "boot(node1)", "heartbeat_heard(node1)",
                 "take_over(node1)")
    assert states(pair) == ("promoting", "failed")


def test_a_demotion_that_fails_keeps_the_active_node(machine):
    pair = after(machine, *NORMAL, "switchover(node2)", "demotion_failed(node1)", "promoted(node1)")
    assert states(pair) == ("active", "standby")


def test_an_old_primary_that_runs_again_is_stopped(machine):
    lost = (*NORMAL, "crash(node1)", "heartbeat_lost(node2)", "take_over(node2)", "boot(node1)",
            "service_down(node1)")
    assert asked(machine, after(machine, *lost), "service_up(node1)") == ["stop_service(node1)"]


def test_both_failed_and_an_operator_recovers(machine):
    pair = after(machine, *NORMAL, "service_down(node1)", "take_over(node2)",
                 "promotion_failed(node2)", "promotion_failed(node1)", "recover(node1)",
                 "take_over(node1)", "promoted(node1)", "recover(node2)", "demoted(node2)")
    assert states(pair) == ("active", "standby")


def ends(model):
    """The rules of a cycle of timers, completions and repairs: what goes on without a new fault."""
    space = search(model)
    kinds = (Kind.TIMER, Kind.COMPLETION, Kind.REPAIR)
    found = chains(space, graph(space, kinds, failing=True))
    return [model.rules[number].id for number in found.cycle]


def test_without_a_new_fault_the_roles_come_to_rest():
    """A cut link is one cause, however long it lasts. L1 has no repairs, so it cannot say this."""
    assert ends(MACHINE) == []
    assert ends(PAIR) == []


def test_a_standby_that_hears_nobody_does_not_become_current():
    """Else both nodes would take over in turn while the link is cut, with an outage each time."""
    caught = {r.event: r for r in MACHINE.rules if r.id.startswith("C102@")}
    careless = evolve(MACHINE, rules=tuple(
        evolve(r, outcome=Outcome.DONE, then=caught[r.event].then)
        if r.id.startswith("C106@") else r for r in MACHINE.rules))
    assert {"P100@node1", "P100@node2"} <= {*ends(careless)}
    (refuted,) = prove(Machine(careless), only=["S14"]).results
    assert refuted.verdict == "refuted"


@pytest.mark.parametrize(("lost", "back"), [
    ((), None),
    (("heartbeat_lost(node1)",), "heartbeat_heard(node1)"),
    (("heartbeat_lost(node2)",), "heartbeat_heard(node2)"),
])
def test_the_active_node_says_current_again_once_both_hear(machine, lost, back):
    pair = after(machine, *NORMAL, "fell_behind(node1)", "link_cut", *lost, "link_repair")
    decision = machine.step(pair, "caught_up(node1)")
    assert decision.outcome is (Outcome.IGNORED if lost else Outcome.DONE)
    if back:
        pair = machine.step(pair, back).pair
    assert machine.step(pair, "caught_up(node1)").pair["node2.data"] == "current"


def test_nobody_takes_over_while_failover_is_paused(machine):
    pair = after(machine, *NORMAL, "pause", "crash(node1)", "heartbeat_lost(node2)")
    assert not machine.possible(pair, "take_over(node2)")
    assert machine.possible(machine.step(pair, "resume").pair, "take_over(node2)")


def test_its_agents_serve_and_have_a_role_where_the_record_says(machine):
    habits = machine.habits
    for state, role in (("active", "primary"), ("standby", "replica"), ("promoting", ""),
                        ("waiting", ""), ("demoting", ""), ("failed", "")):
        columns = {"node1.state": state, "node2.state": "waiting"}
        assert habits.role(columns, "node1") == role
        assert habits.assigned(columns, "users") == (
            "node1" if state in ("promoting", "active") else "")
        stopped = state in ("waiting", "demoting", "failed")
        assert wished(habits, columns, "node1").services == ("stopped" if stopped else "up")
    assert set(habits.watches("node2")) == {"services", "current"}


# ------------------------------------------------------------------------- what is written


@pytest.fixture
def mine(run, tmp_path, monkeypatch):
    """A fresh machine of one's own, and the current directory in it."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "--from", "active-standby", "mine").code == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def test_init_starts_from_it(run, mine):
    there = sorted(str(p.relative_to(mine)) for p in mine.rglob("*") if p.is_file())
    assert there == FILES
    assert load((mine / "machine.json").read_bytes()) == MACHINE
    (mine / "machine.json").unlink()
    done = subprocess.run([sys.executable, "active_standby.py"], cwd=mine, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (mine / "machine.json").read_text("utf-8") == dumps(MACHINE)
    workflow = (mine / FILES[0]).read_text("utf-8")
    assert "python active_standby.py" in workflow
    assert "pair.py" not in workflow


def test_init_starts_from_a_pair_unless_it_is_told(run, bad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("init", "a", "--json").out)["files"] == json.loads(
        run("init", "--from", "pair", "b", "--json").out)["files"]
    assert bad("init", "--from", "active_standby", "c") == (
        "unknown machine 'active_standby'; did you mean active-standby?")
    assert not (tmp_path / "c").exists()


def test_the_commands_of_its_page_answer(run, mine):
    for line in starting.TEMPLATES["active-standby"].next:
        answer = run(*line.split()[1:])
        assert (answer.code, answer.err) == (0, ""), line
    assert run("step", "force_promote(node1)", "--machine", "machine.json").code == 0


def test_the_change_that_its_page_proposes_fails_as_it_says(run, mine):
    file = mine / "active_standby.py"
    text = file.read_text("utf-8")
    old = '{"me.state": "standby", "me.data": "current", "me.rival": "well",\n          "peer.state"'
    assert text.count(old) == 1
    file.write_text(text.replace(old, old.replace('"me.data": "current", ', "")), "utf-8")
    assert subprocess.run([sys.executable, "active_standby.py"], cwd=mine, check=False,
                          timeout=60).returncode == 0
    answer = run("prove", "--machine", "machine.json", "--only", "S5")
    assert answer.code == 1
    assert "S5 refuted: in a switchover both copies are current" in answer.out


def test_its_story_holds_and_fires_most_of_its_rules(mine):
    engine = Engine(MACHINE)
    told = run_story(engine, parse((mine / "stories/failover.txt").read_text("utf-8"), engine))
    assert told.ok
    fired = {s.decision.rule.id.partition("@")[0] for s in told.steps
             if s.decision and s.decision.rule}
    assert fired >= {"P100", "P104", "P106", "M100", "M102", "M104", "D100", "D104", "C102", "X108"}


def test_the_pairs_of_states_that_its_page_explains_are_those_that_occur(machine):
    found = {states(pair) for pair in reachable(machine)}
    never = set(product(STATES, repeat=2)) - found
    assert {tuple(sorted(pair)) for pair in never} == {
        ("active", "active"), ("active", "promoting"), ("promoting", "promoting"),
        ("active", "waiting"), ("demoting", "waiting"), ("demoting", "promoting"),
        ("demoting", "demoting"), ("demoting", "failed"), ("standby", "standby")}


# ------------------------------------------------------------------- orders that are too late


def recorded(machine, *events):
    """The record of two agents after these events; nobody has carried anything out."""
    pair = machine.initial[0]
    record = begin(pair, {n: own(machine, n) for n in NODES}, machine.habits)
    for event in events:
        decision = machine.step(pair, event)
        assert decision.outcome is Outcome.DONE, event
        record, _ = decided(record, pair, decision, by=decision.event[-6:-1], time=0.0)
        pair = decision.pair
    return record


def orders_of(record, node):
    return [o.do for o in record.orders_of(node)]


def test_a_promotion_that_was_overtaken_is_not_carried_out_later(machine):
    """The node dies before it is promoted, and somebody promotes its peer by force."""
    begun = (*NORMAL, "crash(node1)", "heartbeat_lost(node2)", "take_over(node2)")
    assert {"fence_peer", "start_service", "promote"} <= {*orders_of(recorded(machine, *begun), "node2")}
    record = recorded(machine, *begun, "crash(node2)", "boot(node1)", "force_promote(node1)")
    assert not {"fence_peer", "start_service", "promote"} & {*orders_of(record, "node2")}
    assert orders_of(record, "node1")[-5:] == [
        "fence_peer", "acquire_grant", "move_users", "start_service", "promote"]


def test_an_order_is_dropped_exactly_where_the_record_wishes_the_opposite(machine):
    """Looked at in every reachable pair: who must not be primary is promoted by no older order."""
    for pair in reachable(machine):
        for node in NODES:
            wish = wished(machine.habits, pair, node)
            state = pair[f"{node}.state"]
            assert overtaken("promote", wish) == (state not in ("promoting", "active"))
            assert overtaken("fence", wish) == (state not in ("promoting", "active"))
            assert overtaken("start", wish) == (state in ("waiting", "demoting", "failed"))
            assert overtaken("demote", wish) == (state == "active")
            assert not any(overtaken(deed, wish) for deed in ("stop", "release", "disconnect", ""))


# ------------------------------------------------------------------ what a check may say


def test_a_primary_that_does_not_answer_says_nothing_about_its_replica(tmp_path):
    """Both looks fail where it hangs. Else the record would call its standby behind, and nobody
    could take over from a primary that hangs.
    """
    slow, quick = (Check(command=("true",), fall=fall) for fall in (3, 1))
    member = Member("node1", "one", tmp_path, tmp_path, ("127.0.0.1", 1), ("127.0.0.1", 2),
                    services={"db": Service(command=("db",), check=slow)}, watch={"current": quick})
    knows = Conditions(member, {}, {})
    assert knows.knows("current", Looked(well=True))
    assert knows.found(knows.turns(), {"db": 7}, str, 0.0).facts["current"] is True
    knows.noted("db", None, Looked(well=True))
    knows.noted("db", None, Looked(well=False))
    assert not knows.knows("current", Looked(well=False)), "one look at the service has failed"
    assert knows.found(knows.turns(), {"db": 7}, str, 0.0).facts["current"] is True
    knows.noted("db", None, Looked(well=True))
    assert knows.knows("current", Looked(well=False)), "it answers, and its replica is behind"
    assert knows.found(knows.turns(), {"db": 7}, str, 0.0).facts["current"] is False


def test_a_primary_that_is_down_is_followed_by_its_standby_though_no_check_can_ask_it(machine):
    pair = after(machine, *NORMAL, "service_down(node1)")
    assert not machine.possible(pair, "fell_behind(node1)")
    assert machine.possible(pair, "take_over(node2)")


def test_a_primary_goes_on_alone_when_it_is_up_again(machine):
    alone = (*NORMAL, "fell_behind(node1)", "service_down(node1)")
    failed = machine.step(after(machine, *alone), "alone_failed(node1)")
    assert failed.outcome is Outcome.IGNORED
    assert asked(machine, after(machine, *alone), "service_up(node1)") == ["serve_alone(node1)"]
    assert asked(machine, after(machine, *NORMAL, "service_down(node1)"), "service_up(node1)") == []
