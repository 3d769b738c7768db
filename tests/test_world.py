"""The simulated world: it replays, it finds what is planted, and the real agents keep their word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice

import pytest
from attrs import evolve

from prgcore.running import following, serving, turn
from prgcore.running.shapes import Reading
from prgcore.running.state import AgentState, known
from prgcore.seats import NODES
from prgcore.stores.record import taken
from prgcore.story.conformance import check
from prgcore.tables.policies import POLICIES
from prgcore.world import campaign
from prgcore.world.campaign import Sum, random, variants
from prgcore.world.faults import KINDS, Fault
from prgcore.world.home import bounds
from prgcore.world.judge import Wrong
from prgcore.world.play import at_home, failure, play, standard, story, told
from prgcore.world.schedule import of_seed, read, shrunk, written

SETTING = standard()


def found(setting, expected, *kinds, most=4, first=1):
    """The first seed from this one whose schedule of such faults fails like this, and its run."""
    for seed in range(first, first + 300):
        run = failure(setting, of_seed(seed, most, kinds), seed=seed)
        if run.wrong is not None and run.wrong.what in expected:
            return seed, run
    raise AssertionError(f"no seed finds {expected}")


def planted(**changed):
    """The same agents, with something wrong in what they see or want."""
    def wrong_turn(state, seen, now):
        for name, change in changed.items():
            value = getattr(seen, name)
            if value is not None:
                seen = evolve(seen, **{name: change(value, now)})
        return turn.turn(state, seen, now)

    return evolve(SETTING, turn=wrong_turn)


def test_services_that_die_before_the_record_shows_their_start_are_started():
    """Nobody started them, as if they had been stopped on request (seed 308228)."""
    schedule = (Fault("command", "node2", 1.999, value="failover(node2)"),
                Fault("service", "node2", 5.747, lasts=0.45))
    assert failure(SETTING, schedule, seed=308228).wrong is None


# ----------------------------------------------------------- what returns by itself

IDLE = Fault("command", "node1", 0.0, value="failover(node1)")
ALONE = {
    "start": ((IDLE, Fault("returns", "node1", 9.0)), "stopped"),
    "start again": ((IDLE, *(Fault("returns", "node1", at) for at in (9.0, 9.7, 11.0))), "stopped"),
    "start before a restart": (
        (IDLE, Fault("returns", "node1", 9.0), Fault("crash", "node1", 9.0, lasts=1.0)), "stopped"),
    "start while the agent sleeps": (
        (IDLE, Fault("pause", "node1", 8.0, lasts=3.0), Fault("returns", "node1", 9.0)), "stopped"),
    "stop": ((Fault("quits", "node1", 1.0),), "up"),
}


def left_alone(setting, schedule):
    """The story of 35 seconds in which nobody asks for anything, and what is wrong in the end."""
    world = at_home(setting)
    world.asked_at, world.story = 1e9, []
    world.plan(schedule)
    try:
        world.run(world.now + 35.0)
    except Wrong as wrong:
        return world.story, wrong
    return world.story, None


@pytest.mark.parametrize("what", ALONE)
def test_services_that_start_or_stop_by_themselves_do_not_stay_so(what):
    schedule, wanted = ALONE[what]
    told, wrong = left_alone(SETTING, schedule)
    assert wrong is None
    assert any("is not as desired" in line for line in told)
    _, never = left_alone(evolve(SETTING, reconcile=0.0), schedule)
    assert never.what == "astray"
    assert f"the services of node1 should be {wanted}, and are not" in never.says


# ----------------------------------------------------------- the judge can find something


def test_a_lease_that_counts_from_after_the_reading_is_found():
    setting = planted(reading=lambda r, now: Reading(r.record, r.version, now))
    seed, run = found(setting, ("twice",), "slow_path", "cut", most=6, first=21)
    assert failure(SETTING, run.schedule, seed=seed).wrong is None


def test_a_wait_that_is_too_short_is_found(monkeypatch):
    monkeypatch.setattr(serving, "serves_from", lambda lost, waits: lost + waits * 0.2)
    found(evolve(SETTING), ("twice",), "hung", "cut", "no_path", most=6, first=80)


def test_a_claim_that_is_taken_without_a_wait_is_found(monkeypatch):
    monkeypatch.setattr(serving, "taken", lambda record, node, habits, *_: taken(
        record, node, habits, lambda _home, _claim: True))
    found(evolve(SETTING), ("twice",), "hung", "no_path", "slow_path", "cut")


SLOW = [Fault("hung_store", "node1", 1.0, lasts=7.0), Fault("no_store", "node1", 1.0, lasts=7.0), *(
    Fault("slow_store", "node1", 1.0, lasts=50.0, value=value) for value in (2.0, 4.4, 20.0))]
"""A store that is away, or whose calls take 0.5, 1.1 and 5 time-outs."""


@pytest.mark.parametrize("fault", SLOW, ids=lambda f: f"{f.kind}-{f.value:g}")
def test_a_slow_store_is_nobodys_silence(fault):
    run = failure(SETTING, (fault,))
    assert run.wrong is None
    assert run.decisions == at_home(SETTING).judge.decisions, "nothing is decided"


def test_a_stall_that_is_taken_for_silence_is_found(monkeypatch):
    monkeypatch.setattr(turn, "late", lambda *_: False)
    monkeypatch.setattr(turn, "unread", lambda *_: False)
    setting = evolve(SETTING)
    home = at_home(setting).judge.decisions
    assert any(failure(setting, (fault,)).decisions > home for fault in SLOW)


def test_an_unknown_write_that_counts_as_done_is_found():
    found(planted(wrote=lambda w, _: evolve(w, outcome="done") if w.outcome == "unknown" else w),
          ("lost",), "lost_writes", "service")


def test_services_that_count_as_obeying_when_they_are_told_are_found(monkeypatch):
    true = serving.sent
    monkeypatch.setattr(serving, "sent", lambda was, serve, epoch, now: evolve(
        true(was, serve, epoch, now), obeys=epoch))
    found(evolve(SETTING), ("twice",), "hung", "cut", "service", first=38)


def test_services_that_obey_a_later_epoch_in_trouble_are_found(monkeypatch):
    """Another record of a later epoch is put right; then services hang while users leave them."""
    true = serving.sent
    schedule = (Fault("strange_path", "node2", 1.0, lasts=1.5),
                Fault("command", "node1", 3.5, value="failover(node1)"),
                Fault("hung", "node2", 5.0, lasts=7.0, value="in order"))
    assert failure(SETTING, schedule).wrong is None
    monkeypatch.setattr(serving, "sent", lambda was, serve, epoch, now: true(
        was, serve, epoch if serve.groups else epoch + 1000, now))
    assert failure(evolve(SETTING), schedule).wrong.what == "twice"


def test_an_agent_that_takes_any_record_is_found(monkeypatch):
    monkeypatch.setattr(following.terms, "trouble", lambda *_: "")
    found(evolve(SETTING), ("strange", "fence"), "strange_path", "replaced")


def test_an_agent_that_forgets_its_record_is_found():
    def start(charter, parameters, now, _):
        return AgentState.start(charter, parameters, now, None)

    found(evolve(SETTING, start=start), ("strange",), "old_copy", "crash", "power", most=8)


def test_orders_that_are_not_carried_out_are_found():
    with pytest.raises(Wrong, match="late"):
        at_home(planted(did=lambda _d, _: None))


# -------------------------------------------------------------------------- it replays


def test_a_seed_gives_the_same_story_to_the_last_byte_whatever_the_hashes():
    def told_by(hashes):
        code = ("from prgcore.world.play import standard, story\n"
                "from prgcore.world.schedule import of_seed\n"
                "for s in (3, 8, 20): print(*story(standard(), of_seed(s), seed=s), sep='\\n')")
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                              env={**os.environ, "PYTHONHASHSEED": hashes}).stdout

    first = told_by("1")
    assert first.count(b"HOME") == 3
    assert first == told_by("1") == told_by("2")


def test_a_world_and_its_copy_go_on_alike():
    world = at_home(SETTING)
    world.story = []
    world.plan(of_seed(11))
    for _ in range(300):
        world.step()
    other = world.copy()
    one, two = play(world, ()), play(other, ())
    assert world.story == other.story
    assert evolve(one, schedule=()) == evolve(two, schedule=())


def test_a_schedule_is_written_and_read():
    for seed in range(1, 30):
        assert read(written(of_seed(seed))) == of_seed(seed)


CRASH = '{"kind": "crash", "node": "node1"'


@pytest.mark.parametrize(("text", "says"), [
    ("x", "is not JSON: "), ("[" * 100_000, "is not JSON: "),
    ("{}", "is not a list of faults; expected [{"), ("null", "is not a list"), ("[1]", "is not a list"),
    ("[{}]", "fault 1: kind is missing; expected [{"),
    ('[{"kind": "crash"}]', "fault 1: node is missing"),
    (f'[{CRASH}}}, {CRASH}, "foo": 1}}]', "fault 2: unknown key 'foo'; known: at, kind"),
    ('[{"kind": "crsh", "node": "node1"}]', "unknown kind 'crsh'; did you mean crash"),
    ('[{"kind": [], "node": {}}]', "unknown kind '[]'"),
    ('[{"kind": "crash", "node": "node3"}]', "unknown node 'node3'; did you mean node"),
    (f'[{CRASH}, "lasts": -1}}]', "lasts is -1; expected seconds, from 0 to 1,000,000"),
    (f'[{CRASH}, "lasts": 1e999}}]', "lasts is inf; "), (f'[{CRASH}, "lasts": true}}]', "lasts is True"),
    (f'[{CRASH}, "at": "1"}}]', "at is '1'; "), (f'[{CRASH}, "turn": 1.5}}]', "turn is 1.5; "),
    ('[{"kind": "command", "node": "node1"}]', "value is missing; expected failover(node1), "),
    ('[{"kind": "delay", "node": "node1", "value": "x"}]', "value is 'x'; expected a number, as 1.5"),
    (f'[{CRASH}, "value": {"9" * 400}}}]', "expected a number, as 0"),
], ids=lambda v: str(v)[:40])
def test_what_is_not_a_schedule_is_refused(bad, text, says):
    assert says in bad("simulate-agents", "--schedule", text)


def test_a_schedule_is_shrunk_to_what_is_needed():
    schedule = next(s for s in map(of_seed, range(1, 99)) if len(s) > 4)
    needed = schedule[2]
    least = shrunk(schedule, lambda s: any((f.kind, f.node) == (needed.kind, needed.node) for f in s))
    assert [(f.kind, f.node) for f in least] == [(needed.kind, needed.node)]


def test_a_failure_is_told_with_its_seed_and_a_schedule_that_replays(monkeypatch):
    monkeypatch.setattr(following.terms, "trouble", lambda *_: "")
    setting = evolve(SETTING)
    seed, run = found(setting, ("strange",), "replaced")
    first, faults, *lines = told(setting, run, seed=seed)
    assert first == f"seed {seed}: {run.wrong}"
    least = read(faults.removeprefix("faults: "))
    assert len(least) <= 2 <= len(run.schedule)
    assert lines == story(setting, least, seed=seed)
    assert lines[-1].startswith("WRONG  strange")


# ------------------------------------------------------------- the agents keep their word


@pytest.mark.parametrize("block", range(4))
def test_agents_keep_their_word_whatever_happens(block):
    for seed in range(1 + block * 15, 16 + block * 15):
        run = failure(SETTING, of_seed(seed), seed=seed)
        assert run.wrong is None, "\n".join(told(SETTING, run, seed=seed))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_they_do_under_other_policies(policy):
    setting = standard(**{policy.name: policy.choices[-1]})
    for seed in range(1, 9):
        run = failure(setting, of_seed(seed), seed=seed)
        assert run.wrong is None, "\n".join(told(setting, run, seed=seed))


def test_every_kind_of_fault_alone_does_no_harm():
    for fault in variants(every=True):
        run = failure(SETTING, (evolve(fault, at=0.5),))
        assert run.wrong is None, "\n".join(told(SETTING, run))


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_history_is_whole_and_the_table_allows_it(seed):
    world = at_home(SETTING)
    run = play(world, of_seed(seed, 8))
    assert run.wrong is None
    history = [entry for _, entry in world.stores["main"].history]
    assert [e.epoch for e in history] == list(range(1, len(history) + 1))
    report = check(SETTING.engine, [e.to_json() for e in history])
    assert report.ok, report.finding.text()


def test_the_bounds_are_the_sum_of_what_is_proved():
    parts = bounds(SETTING.parameters, SETTING.lease, SETTING.grant, SETTING.drift)
    assert {"T2", "T3", "T10", "T12"} <= {t for b in parts for t in b.by.split(", ")}
    assert 20 < sum(b.seconds for b in parts) < 60


def test_a_campaign_sums_up_its_parts():
    parts = list(random(range(1, 5), 2, jobs=1))
    total = Sum()
    for part in parts:
        total = total.plus(part)
    assert total.runs == 4
    assert total.turns > 100
    assert total.wrong == ()


def test_all_schedules_of_few_faults_are_made():
    names = {(f.kind, f.node) for f in variants(every=False)}
    assert names == {(k.name, node) for k in KINDS for node in (NODES if k.of == "node" else NODES[:1])}


def test_faults_come_at_every_turn_of_a_failover_and_of_a_fallback():
    runs = list(islice(campaign.one(SETTING, 0, len(variants(every=False))), 40))
    assert all(run.wrong is None for run in runs)
    assert [run.schedule[1].turn for run in runs[1:]] == list(range(1, 40))
    whole = runs[0]
    assert whole.decisions > at_home(SETTING).judge.decisions + 4, "a failover and a fallback"
    for run in runs[1:]:
        again = play(at_home(SETTING), run.schedule)
        assert (again.turns, again.rest) == (run.turns, run.rest), "it replays alone"


def test_a_second_fault_comes_at_every_moment_of_what_follows_the_first():
    fault = next(f for f in variants(every=False) if f.kind == "crash")
    runs = list(islice(campaign.more(SETTING, fault, 2, 3, len(variants(every=False))), 20))
    assert all(run.wrong is None for run in runs)
    turns = [run.schedule[1].turn for run in runs[1:]]
    assert turns == sorted(turns)
    assert len(turns) > 10
    again = play(at_home(SETTING), runs[-1].schedule)
    assert (again.turns, again.rest) == (runs[-1].turns, runs[-1].rest)


# ------------------------------------------------------------------ what agents know


def test_what_was_heard_before_the_last_change_is_not_used():
    world = at_home(SETTING)
    told = known(world.hosts["node1"].agent.state)
    assert told["node2.services"] == "up"
    world.plan((Fault("deaf", "node1", 0.1, lasts=2.0), Fault("service", "node2", 0.2, lasts=7.0)))
    world.run(world.now + 1.8)
    assert world.stores["main"].record.own["node2"]["node2.services"] == "down"
    assert "node2.services" not in known(world.hosts["node1"].agent.state)
    world.run(world.now + 2.0)
    assert known(world.hosts["node1"].agent.state)["node2.services"] == "down"


def test_a_drawer_is_written_although_its_node_cannot_be_asked():
    """Its services are started again by whoever disables high availability."""
    world = at_home(SETTING)
    world.plan((Fault("command", "node1", 0.1, value="failover(node2)"),
                Fault("power", "node2", 1.5, lasts=40.0)))
    world.run(world.now + 3.0)
    before = world.stores["main"].record
    assert before.own["node2"]["node2.services"] == "stopped"
    world.at(0.0, "ask", "node1", "disable_ha")
    world.run(world.now + 1.0)
    after = world.stores["main"].record
    assert after.own["node2"]["node2.services"] == "up"
    assert after.changes["node2"] == before.changes["node2"] + 1


# ------------------------------------------------------------------------ the command


def test_the_command_counts_and_is_silent_about_what_is_right(run):
    said = json.loads(run("simulate-agents", "--seeds", "3", "--jobs", "1", "--json").out)
    assert said["runs"] == 3
    assert said["wrong"] == []


def test_the_command_tells_one_schedule(run):
    text = run("simulate-agents", "--schedule", '[{"kind": "crash", "node": "node2", "lasts": 7}]').out
    assert "FAULT  the agent of node2 is killed" in text
    assert text.rstrip().endswith("HOME")


def test_a_turn_that_looks_no_further_wants_what_one_that_does_wants(monkeypatch):
    """Where nothing is new, a turn asks nobody again; it must never miss anything by that."""
    shortcut = following.Following._rests_settled
    count = {True: 0, False: 0}

    def both(state, seen, now):
        monkeypatch.setattr(following.Following, "_rests_settled", lambda *_: False)
        _, whole = turn.turn(state, seen, now)
        monkeypatch.setattr(following.Following, "_rests_settled", shortcut)
        after, short = turn.turn(state, seen, now)
        for name in ("write", "serve", "do", "send", "hold", "remember", "entries", "answers",
                     "says", "trouble", "stopped"):
            assert str(getattr(short, name)) == str(getattr(whole, name)), (name, seen)
        count[short.quiet is not None] += 1
        return after, short

    for seed in range(1, 25):
        assert failure(evolve(SETTING, turn=both), of_seed(seed), seed=seed).wrong is None
    assert min(count.values()) > 500
