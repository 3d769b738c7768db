"""Conformance: every honest log is allowed, and the first line that is not is named and explained."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from copy import deepcopy
from itertools import pairwise

import pytest
from attrs import evolve

from prgcore import PRG
from prgcore.cli.conform import _Growing
from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted
from prgcore.form.knowledge import RECORD
from prgcore.stores.record import begin, decided, reset
from prgcore.stores.sqlite import SQLiteStore
from prgcore.story import unseen
from prgcore.story.conformance import Conformance, check
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

WAY = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
       "initialized(node1)", "initialized(node2)")
UNLOGGED = ("link_cut", "link_repair", "manager_stop", "power_off", "power_on")
STAYS_ON = ("disable_ha", "enabled_improperly")


def walked(seed, length=120, engine=PRG, way=WAY):
    """Decisions of a walk that begins at the beginning."""
    dice, pair, way = random.Random(seed), engine.initial[0], list(way)
    names = [e.name for e in engine.model.events if e.name not in STAYS_ON]
    for _ in range(length):
        event = way.pop(0) if way else dice.choice(
            [name for name in names if engine.possible(pair, name)])
        decision = engine.step(pair, event)
        yield pair, decision
        pair = decision.pair


def whole(seed, **options):
    """The log of a controller."""
    engine = options.get("engine", PRG)
    record = begin(engine.initial[0])
    for pair, decision in walked(seed, **options):
        record, entry = decided(record, pair, decision, by="controller", time=1.0)
        yield entry.to_json()


def partial(seed):
    """The log of two agents: who decides names the record and its own columns; the dead are mute."""
    known = {c.name: c.observed_by for c in PRG.model.columns}
    epoch = 0
    for pair, decision in walked(seed, 90):
        event = decision.event
        node = event.partition("(")[2].rstrip(")")
        dead = node and pair[f"{node}.process"] != "running" and "manager_start" not in event
        if event.startswith(UNLOGGED) or dead:
            continue
        names = [c for c in pair if known[c] == RECORD or (node and c.startswith(node))]
        epoch += decision.outcome == "done"
        command = PRG.kind(event) == "command"
        yield {"epoch": epoch, "by": "administrator" if command else node, "event": event,
               "outcome": decision.outcome.value, "rule": decision.rule and decision.rule.id,
               "actions": [{"do": a.do, "node": a.node} for a in decision.actions],
               "before": {c: pair[c] for c in names}, "after": {c: decision.pair[c] for c in names}}


LOG = list(whole(3, way=(*WAY, "link_cut", "heartbeat_lost(node1)")))
SOME = 6


def spoilt(**changes):
    log = deepcopy(LOG)
    for key, value in changes.items():
        log[SOME][key] = value
    return check(PRG, log).finding


# ----------------------------------------------------------------------------- honest


@pytest.mark.parametrize("seed", range(20))
def test_the_log_of_a_controller_is_allowed(seed):
    log = list(whole(seed))
    report = check(PRG, log)
    assert report.finding is None
    assert (report.lines, report.of) == (len(log), len(PRG.model.rules))
    assert set(report.rules) == {e["rule"] for e in log} - {None}
    assert check(PRG, log[40:]).ok, "a log may begin in the middle"


@pytest.mark.parametrize("seed", range(4))
def test_the_log_of_agents_is_allowed(seed):
    log = list(partial(seed))
    assert check(PRG, log).finding is None
    assert check(PRG, log[len(log) // 2:]).finding is None


@pytest.mark.parametrize("seed", range(4))
def test_a_log_of_events_alone_is_checked_for_what_it_says(seed):
    log = list(whole(seed, length=60))
    assert check(PRG, [{"event": e["event"]} for e in log], hidden=()).ok
    bare = [{k: e[k] for k in ("event", "outcome", "rule")} for e in log]
    assert check(PRG, bare, hidden=()).ok


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE], ids=lambda m: m.name)
def test_it_works_for_any_machine(model):
    engine = Engine(model)
    log = list(whole(1, length=40, engine=engine, way=()))
    assert check(engine, log).ok
    done = next(i for i, e in enumerate(log) if e["outcome"] == "done")
    log[done]["after"] = log[done]["before"]
    assert check(engine, log).finding.kind == "after"


def test_what_was_ignored_may_be_told_a_little_late():
    pair = after()
    first, second = PRG.step(pair, "disable_auto_fallback"), PRG.step(pair, "services_down(node1)")
    log = [
        {"event": "add_users", "epoch": 5, "outcome": "done", "before": dict(pair)},
        {"event": "services_down(node1)", "epoch": 6, "outcome": "done"},
        {"event": "disable_auto_fallback", "epoch": 5, "outcome": "refused"},
        {"event": "services_up(node1)", "epoch": 7, "outcome": "done"},
    ]
    assert (first.outcome, second.outcome) == ("refused", "done")
    assert check(PRG, log, start=pair).ok


def put_back(epoch):
    """The line of a reset, of a record that was no pair of the machine."""
    pair = PRG.initial[0]
    record = evolve(begin(pair), epoch=epoch, columns={**pair, "node1.state": "asleep", "x": "y"})
    _, entry = reset(record, begin(pair), PRG.habits.assignment(pair), why="", time=1.0, id="x")
    return entry.to_json()


def test_a_reset_begins_again_after_whatever_was_before_it():
    """The log of a group that was put back ended in `unknown event 'reset'`."""
    first = list(whole(1))
    epoch = first[-1]["epoch"] + 1
    log = [*first, put_back(epoch - 1), *({**e, "epoch": e["epoch"] + epoch} for e in whole(2))]
    report = check(PRG, log)
    assert (report.finding, report.lines) == (None, len(log))
    assert check(PRG, log[len(first):]).ok, "a log may begin with it"
    assert not check(PRG, [e for e in log if e["event"] != "reset"]).ok


@pytest.mark.parametrize(("changes", "kind"), [
    ({"by": "node1"}, "by"), ({"epoch": 9}, "epoch"), ({"epoch": 1}, "epoch"),
    ({"rule": "A100"}, "outcome"), ({"epoch": 1, "outcome": "refused"}, "outcome"),
    ({"actions": [{"do": "move_users", "node": "node1"}]}, "outcome"), ({"after": dict(after())}, "after"),
])
def test_a_reset_that_is_none_is_found(changes, kind):
    assert check(PRG, [put_back(0), put_back(1)]).ok
    assert check(PRG, [put_back(0), put_back(1) | changes]).finding.kind == kind


# ------------------------------------------------------------------------------ wrong


@pytest.mark.parametrize(("changes", "kind", "says"), [
    ({"rule": "L112@node1"}, "rule",
     "the log says done by L112@node1, the table done by L110@node1, because node1.health is"),
    ({"rule": "L999@node1"}, "rule", "unknown rule 'L999@node1'; did you mean"),
    ({"rule": "M100@node1"}, "rule", "M100@node1 is a rule of failover(node1)"),
    ({"outcome": "ignored", "epoch": None}, "outcome", "the log says ignored by L110@node1, the"),
    ({"epoch": 3}, "epoch", "applied twice, or out of order: the epoch is 3 after 6"),
    ({"epoch": 8}, "epoch", "decision 7 lost: the epoch is 8 after 6"),
    ({"epoch": 10}, "epoch", "decisions 7 to 9 lost: the epoch is 10 after 6"),
    ({"event": "power_on(node1)"}, "impossible", "node1.process is running, needs off"),
    ({"after": {"node1.state": "idle"}}, "after",
     "node1.state is idle after it; it should be taking_over (done by L110@node1)"),
    ({"before": {"ha": "off"}}, "before", "ha is off before it and was on after line"),
    ({"by": "node2"}, "by", "the log says by node2; it should be by node1 or controller"),
    ({"by": "administrator"}, "by", "the log says by administrator; it should be by node1"),
    ({"actions": []}, "actions", "its actions are none; they should be acquire_grant on node1, then"),
    ({"actions": LOG[SOME]["actions"][::-1]}, "actions", "move_users on node1, then acquire_grant"),
    ({"actions": [a | {"node": "node2"} for a in LOG[SOME]["actions"]]}, "actions",
     "acquire_grant on node2, then"),
    ({"actions": [*LOG[SOME]["actions"], {"do": "format_disk"}]}, "actions", "then format_disk; they"),
])
def test_what_no_rule_allows_is_found_and_explained(changes, kind, says):
    finding = spoilt(**changes)
    assert (finding.place, finding.kind) == (f"line {SOME + 1}", kind)
    assert says in finding.says
    assert finding.text().splitlines()[0].startswith(f"line {SOME + 1}: ")


@pytest.mark.parametrize(("event", "by", "to_be"), [
    ("recover", "node1", "administrator"), ("failover(node1)", "node1", "administrator"),
    ("initialized(node1)", "node2", "node1"), ("services_down(node2)", "node1", "node2"),
    ("services_down(node2)", "administrator", "node2"), ("manager_start(node1)", "bob", "node1"),
])
def test_nobody_logs_what_another_one_decides(event, by, to_be):
    finding = check(PRG, [{"event": event, "by": by}]).finding
    assert finding.kind == "by"
    assert finding.says == f"the log says by {by}; it should be by {to_be} or controller"


@pytest.mark.parametrize("by", ["", "controller", "node1"])
def test_an_agent_begins_by_starting_its_manager(by):
    before = dict(PRG.initial[0]) | {"node1.process": "manager_down", "node1.hears_peer": "no"}
    line = {"event": "manager_start(node1)", "outcome": "done", "epoch": 1, "by": by,
            "before": {c: before[c] for c in ("ha", "node1.process", "node1.hears_peer")}}
    assert check(PRG, [line]).ok


def renumbered(log, first=1):
    """A log of decisions whose epochs count from the first that is left."""
    return [entry | {"epoch": number} for number, entry in enumerate(log, first)]


def test_a_log_whose_beginning_is_cut_off_does_not_begin_with_the_first_epoch():
    done = [e for e in LOG if e["outcome"] == "done"]
    cut, pair = done[7:30], done[7]["before"]
    assert check(PRG, renumbered(done)).ok
    assert check(PRG, renumbered(cut, 8)).ok
    assert check(PRG, renumbered(cut), start=pair).ok
    finding = check(PRG, renumbered(cut)).finding
    assert (finding.place, finding.kind) == ("line 1", "start")
    assert "the first epoch, and not in the initial pair" in finding.says
    bare = [{k: v for k, v in e.items() if k != "epoch"} for e in cut[:2]]
    assert check(PRG, bare + renumbered(cut[2:], 10)).ok
    for first, kind in ((3, "start"), (2, "epoch"), (1, "epoch")):
        finding = check(PRG, bare + renumbered(cut[2:], first)).finding
        assert (finding.place, finding.kind) == ("line 3", kind)
    agents = [e for e in partial(3) if e["outcome"] == "done"][9:]
    assert check(PRG, agents).ok
    assert check(PRG, renumbered(agents)).finding.kind == "start"


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("at", [0, 3, 10])
def test_a_gap_behind_a_line_without_an_epoch_is_seen(at, said):
    log = deepcopy([e for e in LOG if e["outcome"] == "done"])
    for entry in log[at:at + 2]:
        del entry["epoch"]
        if not said:
            del entry["outcome"], entry["rule"]
    assert check(PRG, log).ok
    for by, says in ((1, "lost: the epoch is"), (-1, "applied twice, or out of order")):
        wrong = log[:at + 2] + [e | {"epoch": e["epoch"] + by} for e in log[at + 2:]]
        finding = check(PRG, wrong).finding
        if at == 0 and by == 1:
            assert finding is None, "it may have begun in the middle"
            continue
        assert (finding.place, finding.kind) == (f"line {at + 3}", "epoch")
        assert says in finding.says


def test_the_answers_of_the_table_are_told():
    finding = spoilt(rule="L112@node1")
    assert [(a.outcome, a.rule, a.changes["node1.state"]) for a in finding.answers] \
        == [("done", "L110@node1", "taking_over")]
    assert json.loads(json.dumps(finding.to_json()))["answers"][0]["rule"] == "L110@node1"


@pytest.mark.parametrize("numbered", [True, False])
def test_a_lost_decision_is_found_with_and_without_epochs(numbered):
    log = deepcopy(LOG)
    del log[SOME]
    if not numbered:
        for entry in log:
            del entry["epoch"]
    finding = check(PRG, log).finding
    assert finding.place == f"line {SOME + 1}"
    assert finding.kind == ("epoch" if numbered else "before")


@pytest.mark.parametrize("seed", range(10))
def test_any_one_column_written_wrongly_is_found_at_its_line(seed):
    dice, log = random.Random(seed), deepcopy(LOG)
    number = dice.choice([i for i, e in enumerate(log) if e["outcome"] == "done"])
    side, column = dice.choice(("before", "after")), dice.choice(PRG.stored)
    domain = next(c.domain for c in PRG.model.columns if c.name == column)
    log[number][side][column] = dice.choice([v for v in domain if v != log[number][side][column]])
    finding = check(PRG, log).finding
    assert (finding.place, finding.kind) in {
        (f"line {number + 1}", side), (f"line {number + 1}", "start")}


def test_what_a_living_node_knows_does_not_change_unsaid():
    log = list(partial(1))
    lines = [i for i, e in enumerate(log) if e["by"] == "node1"
             and e["before"]["node1.process"] == "running"]
    here = next(b for a, b in pairwise(lines)
                if log[a]["after"]["node1.database"] == log[b]["before"]["node1.database"]
                and "manager_start" not in log[b]["event"] and b > 10)
    was = log[here]["before"]["node1.database"]
    for side in ("before", "after"):
        log[here][side]["node1.database"] = "down" if was == "up" else "up"
    finding = check(PRG, log).finding
    assert finding is not None
    assert finding.place == f"line {here + 1}"


def test_a_pair_that_cannot_be_is_no_start():
    twice = dict(PRG.initial[0]) | {f"{n}.state": "running_in_backup_mode" for n in (
        "node1", "node2")}
    finding = check(PRG, [{"event": "recover", "before": twice}]).finding
    assert finding.kind == "start"
    assert "S1" in finding.says
    silent = check(PRG, [{"event": "recover", "before": {"ha": "on"}, "epoch": 9}]).finding
    assert "give a start" in silent.says


def test_after_a_finding_nothing_is_read():
    log = Conformance(PRG)
    first = log.feed({"event": "power_on(node1)", "before": dict(PRG.initial[0])})
    assert first is not None
    assert log.feed({"event": "enable_ha"}) is first
    assert (log.report.lines, log.report.ok) == (1, False)


def test_too_many_open_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(unseen, "MOST", 500)
    everything = [e.name for e in PRG.model.events]
    with pytest.raises(BudgetExhausted, match="name fewer hidden events"):
        check(PRG, [{"event": "enable_ha"}], hidden=everything)


@pytest.mark.parametrize(("entry", "says"), [
    ([], "line 1: an entry of a log is an object, not []"),
    ({}, "event of an entry is missing"),
    ({"event": 3}, "event of an entry is 3; expected a word"),
    ({"event": "failovr(node1)"}, "did you mean failover"),
    ({"event": "recover", "outcome": "maybe"}, "is 'maybe'; expected done, ignored or refused"),
    ({"event": "recover", "outcome": {}}, "outcome of an entry is {}"),
    ({"event": "recover", "rule": 4}, "rule of an entry is 4; expected an id"),
    ({"event": "recover", "by": []}, "by of an entry is []"),
    ({"event": "recover", "epoch": -1}, "epoch of an entry is -1; expected a whole number"),
    ({"event": "recover", "epoch": True}, "epoch of an entry is True"),
    ({"event": "recover", "before": "x"}, "before of an entry is 'x'; expected columns"),
    ({"event": "recover", "before": {"hb": "on"}}, "unknown column 'hb'"),
    ({"event": "recover", "after": {"ha": "onn"}}, "after: ha: unknown value 'onn'"),
    ({"event": "recover", "after": {"ha": ["on"]}}, "after of an entry is"),
    ({"event": "recover", "actions": {}}, "expected a list of {"),
    ({"event": "recover", "actions": ["move_users"]}, "expected a list of {"),
    ({"event": "recover", "actions": [{"node": "node1"}]}, "expected a list of {"),
    ({"event": "recover", "actions": [{"do": "x", "node": 1}]}, "expected a list of {"),
])
def test_what_is_no_entry_is_said_in_one_line(entry, says):
    with pytest.raises(BadInput) as error:
        check(PRG, [entry])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


# ----------------------------------------------------------------------- command line


def written(file, log):
    file.write_text("".join(json.dumps(e) + "\n" for e in log), encoding="utf-8")
    return file


def test_the_command_says_that_all_is_allowed(run, tmp_path):
    answer = run("conform", written(tmp_path / "log", LOG))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("120 lines, all allowed: ")
    assert f"of {len(PRG.model.rules)}" in answer.out
    assert run("conform", tmp_path / "log", "--strict").code == 1
    assert json.loads(run("conform", tmp_path / "log", "--json").out)["ok"] is True


def test_the_command_explains_the_first_wrong_line(run):
    log = deepcopy(LOG)
    log[SOME]["rule"] = "L112@node1"
    answer = run("conform", "-", stdin="\n".join(map(json.dumps, log)))
    assert (answer.code, answer.err) == (1, "")
    assert answer.out.startswith(f"line {SOME + 1}: heartbeat_lost(node1): the log says done by L1")
    assert "  the table: done by L110@node1: " in answer.out
    assert answer.out.endswith(f"allowed before it: {SOME} lines\n")
    assert max(map(len, answer.out.splitlines())) <= 80


def test_several_logs_are_read_by_epoch(run, tmp_path):
    log = list(partial(2))
    one = written(tmp_path / "1", [e | {"time": 1} for e in log if e["by"] == "node1"])
    two = written(tmp_path / "2", [e | {"time": 1.5} for e in log if e["by"] != "node1"])
    answer = run("conform", one, two)
    assert answer.out.startswith(f"{len(log)} lines, all allowed")
    for alone in (one, two):
        said = " ".join(run("conform", alone).out.split())
        assert " lost: the epoch is " in said
        assert ", or it is in the other node's log: pass both logs" in said


def test_what_a_controller_lost_is_in_no_other_log(run, tmp_path):
    log = [e | {"epoch": i} for i, e in enumerate(LOG[:9], 1) if i != 5]
    answer = run("conform", written(tmp_path / "log", log))
    assert answer.code == 1
    assert "the other node's log" not in answer.out


@pytest.mark.parametrize("data", [b"", b"\n \n", b'{"epoch": 1, "ev'])
def test_a_log_without_a_decision_is_allowed(run, data):
    answer = run("conform", "-", stdin=data)
    assert (answer.code, answer.out, answer.err) == (0, "no decisions\n", "")
    assert run("log", "-", stdin=data).code == 0
    assert json.loads(run("conform", "-", "--json", stdin=data).out)["lines"] == 0


def test_a_torn_last_line_is_no_fault(run, tmp_path):
    file = written(tmp_path / "log", LOG)
    whole = run("conform", file)
    with file.open("a", encoding="utf-8") as log:
        log.write('{"epoch": 9, "ti')
    assert run("conform", file) == whole


def test_the_history_of_a_store_is_a_log(run, bad, tmp_path):
    file, version = tmp_path / "pair.db", 0
    done = [e | {"epoch": i} for i, e in enumerate(
        (e for e in LOG if e["outcome"] == "done"), 1)]
    with SQLiteStore(file) as store:
        for entry in done:
            version = store.write({"any": "value"}, version, entry)
    assert run("conform", file).out.startswith(f"{len(done)} lines, all allowed")
    assert "is a store; --follow needs" in bad("conform", "-f", file)
    done[3]["rule"] = "A100"
    with SQLiteStore(tmp_path / "wrong") as store:
        version = 0
        for entry in done:
            version = store.write({"any": "value"}, version, entry)
    assert run("conform", tmp_path / "wrong").out.startswith("entry 4: ")


@pytest.mark.parametrize(("data", "says"), [
    (b"\x00\xff\xfe", "line 1 is not text"),
    (b'{"event": "recover"\n', "line 1 is not JSON"),
    (b'{"event": "recover"\n{"event": "recover"}\n', "line 1 is not JSON"),
    (b"null", "line 1: an entry of a log is an object"),
    (b'{"event": "recover"}\n[1]\n', "line 2: an entry of a log is an object"),
    (b"[" * 100_000, "nested too deeply"),
    (b"x" * (1 << 21), "longer than"),
])
def test_bad_logs_are_one_line_on_standard_error(bad, data, says):
    assert says in bad("conform", "-", stdin=data)


def test_bad_questions_are_one_line_on_standard_error(bad, tmp_path):
    file = written(tmp_path / "log", [{"event": "enable_ha"}])
    assert "cannot read" in bad("conform", tmp_path)
    assert "cannot read" in bad("conform", tmp_path / "none")
    assert "named twice" in bad("conform", file, file)
    assert "needs exactly one log" in bad("conform", "-f", file, "-")
    assert "unknown event" in bad("conform", file, "--hidden", "linkcut")
    assert "numbers" in bad("conform", file, "-", stdin='{"event": "recover"}')
    assert "cannot be both" in bad("conform", "-", "--machine", "-")


def test_hidden_none_says_that_every_event_is_logged(run):
    line = '{"event": "manager_start(node1)"}'
    assert run("conform", "-", stdin=line).code == 0
    answer = run("conform", "-", "--hidden", "none", stdin=line)
    assert answer.code == 1
    assert "node1.process is running, needs manager_down" in answer.out


def test_a_log_is_followed_until_a_line_is_wrong(tmp_path):
    file = written(tmp_path / "log", LOG[:5])
    process = subprocess.Popen(
        [sys.executable, "-m", "prgcore", "conform", "-f", str(file)], stdout=subprocess.PIPE,
        text=True, env={**os.environ, "COLUMNS": "80"})
    try:
        wrong = json.dumps(LOG[5] | {"event": "power_on(node1)"}) + "\n"
        with file.open("a", encoding="utf-8") as log:
            log.write(wrong[:9])
            log.flush()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            log.write(wrong[9:])
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert said.startswith("line 6: power_on(node1): ")


def test_a_log_that_becomes_shorter_is_not_followed(tmp_path):
    file = tmp_path / "log"
    file.write_bytes(b"one\ntw")
    with file.open("rb") as stream:
        growing = _Growing(stream)
        assert growing.readline(100) == b"one\n"
        stream.read()
        os.truncate(file, 1)
        with pytest.raises(BadInput, match="shorter"):
            growing.readline(100)


def test_a_line_that_grows_too_long_is_handed_on():
    assert _Growing(io.BytesIO(b"x" * 300)).readline(100) == b"x" * 100
