"""Two real nodes: the tour, a few schedules of the campaign, and what an agent refuses."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from prgcore import PRG
from prgcore.seats import NODES
from prgcore.stores.record import begin, decided

EXAMPLES = Path(__file__).parent.parent / "examples" / "two_nodes"


def _play(script: str, *options: str) -> str:
    done = subprocess.run([sys.executable, str(EXAMPLES / script), *options], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_tour_goes_as_the_table_says() -> None:
    said = _play("tour.py", "--work", "10")  # the computer may be busy, whatever its load average says
    assert "WRONG" not in said
    for rule in ("F100@node1", "L110@node1", "L110@node2", "S124@node1", "S124@node2", "F114@node1",
                 "B102@node1", "X100@node1"):
        assert rule in said, said
    answers, twice = re.search(r"(\d+) answers to users, (\d+) by", said).groups()
    assert int(answers) > 100
    assert int(twice) == 0


@pytest.mark.parametrize(
    ("store", "count"), [("sqlite", 3), pytest.param("etcd", 3, marks=pytest.mark.etcd)])
def test_a_few_schedules_of_the_campaign(store: str, count: int) -> None:
    said = _play("campaign.py", "--schedules", str(count), "--seed", "7", "--at-once", "3",
                 "--store", store)
    assert f"{count} schedule" in said
    assert "; 0 wrong" in said
    assert said.count(f" {store} ") == count


@pytest.mark.parametrize(
    ("store", "seed", "kinds"), [
        ("sqlite", 1, {"log_removed", "lost", "replaced", "locked"}),
        pytest.param("etcd", 1, set(), marks=pytest.mark.etcd)])
def test_a_few_schedules_that_break_the_store_too(store: str, seed: int, kinds: set[str]) -> None:
    said = _play("campaign.py", "--schedules", "4", "--seed", str(seed), "--at-once", "3",
                 "--store", store, "--store-faults")
    table = re.findall(rf"^{store} +(\w+) +(\d+) ", said, re.MULTILINE)
    assert sum(int(often) for _, often in table) >= 5
    assert {kind for kind, _ in table} >= kinds
    assert "; 0 wrong" in said


def test_a_store_that_is_not_there_is_said_at_once(tmp_path) -> None:
    for store in ("both", "etcd"):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "campaign.py"), "--store", store], text=True, check=False,
            capture_output=True, timeout=60, env={**os.environ, "PATH": str(tmp_path)})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"--store {store} needs the program etcd")
        assert done.stderr.count("\n") == 1


# ------------------------------------------------------------- the checks can fail


@pytest.fixture
def harness(monkeypatch):
    """The modules of the example."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return SimpleNamespace(**{name: importlib.import_module(name) for name in ("pair", "campaign")})


@pytest.fixture
def users(harness, tmp_path):
    """Users who were answered: home, node, token, asked, answered."""
    def answered(*answers):
        return harness.pair.Users(tmp_path, [harness.pair.Answer(*one) for one in answers])

    return answered


HANDED_OVER = (("node1", "node1", 0, 1.0, 1.1), ("node1", "node1", 0, 2.0, 2.1),
               ("node1", "node2", 1, 3.0, 3.1), ("node1", "node1", 2, 4.0, 4.1))


def test_who_is_served_by_one_after_another_is_not_served_twice(users) -> None:
    assert users().twice() == []
    assert users(*HANDED_OVER).twice() == []
    assert users(*HANDED_OVER, ("node2", "node2", 0, 2.0, 2.1)).twice() == []
    assert users(*HANDED_OVER, ("node1", "node1", 0, 3.05, 3.2)).twice() == [], "asked before"


def test_tokens_of_another_record_may_begin_lower(users) -> None:
    """The agent that begins it may have missed the last hand-over of the record that was lost."""
    assert users(*HANDED_OVER, ("node1", "node2", 0, 5.0, 5.1, 1)).twice() == []
    (found,) = users(("node1", "node1", 1, 5.0, 5.1, 1), ("node1", "node2", 2, 5.2, 5.3, 1),
                     ("node1", "node1", 1, 5.4, 5.5, 1)).twice()
    assert found[0].asked == 5.4


@pytest.mark.parametrize(("planted", "by"), [
    (("node1", "node1", 0, 3.5, 3.6), 0.4),   # the old owner, after the new one began
    (("node1", "node2", 1, 4.5, 4.6), 0.4),
    (("node1", "node1", 1, 3.5, 3.6), 0.4),   # both with one token
    (("node1", "node1", 1, 3.05, 3.15), 0.0),
    (("node1", "node2", 0, 1.0, 1.05), 0.95),  # the other one is the later
])
def test_who_is_served_twice_is_found(users, planted, by) -> None:
    found = users(*HANDED_OVER, planted).twice()
    assert round(max(late for *_, late in found), 3) == by
    for one, other, _ in found:
        assert one.home == other.home
        assert one.node != other.node
        assert one.token <= other.token


def test_a_thin_sample_shows(harness, users) -> None:
    some = users()
    assert some.sample("node1") == (0.0, float("inf"))
    some.asked["node1"] = [(0.0, True), (0.1, True), (0.2, True), (0.3, False), (9.3, False)]
    rate, gap = some.sample("node1")
    assert (round(rate, 6), gap) == (10.0, 9.0), "a dead service is not asked too seldom"
    some.asked["node1"] = [(0.0, True), (0.1, True), (5.0, True)]
    assert some.sample("node1")[0] < harness.campaign.THIN


EVENTS = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)", "initialized(node1)",
          "initialized(node2)", "services_down(node2)")


@pytest.fixture
def judged(harness, users, tmp_path):
    """What is found wrong with a history, the log of node1, and answers to users."""
    at, lines = PRG.initial[0], []
    record = begin(at)
    for decision in PRG.run(at, *EVENTS).steps:
        record, entry = decided(record, at, decision, by="controller", time=1)
        at = decision.pair
        lines.append(entry.to_json())

    def judge(spoil=None, answers=HANDED_OVER, kinds=(), cures=0, ended=(), said="up"):
        found = SimpleNamespace(**{
            name: json.loads(json.dumps(lines)) for name in ("history", "log")})
        if spoil:
            spoil(found)
        for node, kept in (("node1", found.log), ("node2", [])):
            (tmp_path / node).mkdir(exist_ok=True)
            (tmp_path / node / "log.jsonl").write_text("".join(json.dumps(e) + "\n" for e in kept))
            (tmp_path / f"{node}.out").write_text(said)
        result = harness.campaign.Result(1, "none", kinds=kinds)
        harness.campaign.judge(SimpleNamespace(
            users=users(*answers), history=lambda: found.history, directory=tmp_path,
            since=dict.fromkeys(NODES, 0), cures=cures, ended=[*ended],
            group=SimpleNamespace(engine=PRG)), result)
        return result

    return judge


def test_what_is_right_is_not_wrong(judged) -> None:
    result = judged()
    assert (result.wrong, result.decisions, result.answers) == ([], len(EVENTS), len(HANDED_OVER))
    assert result.thin, "nobody was asked"


def _renumbered(found):
    del found.history[0], found.log[0]
    for entry in found.history + found.log:
        entry["epoch"] -= 1


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda found: found.history.pop(2), "epochs have gaps"),
    (lambda found: found.history.insert(2, found.history[2]), "epochs have gaps"),
    (lambda found: found.history.pop(), "a decision is lost: (6, 'services_down(node2)'"),
    (lambda found: found.log[3].update(rule="L100@node1"), "a decision is lost: (4, "),
    (_renumbered, "does not allow the log"),
    (lambda found: found.history[1].update(rule="L110@node1"), "does not allow the log"),
    (lambda found: found.history[3]["after"].update({"node1.state": "idle"}), "kind='after'"),
    (lambda found: found.history[5].update(actions=[{"do": "move_users"}]), "kind='actions'"),
    (lambda found: found.history[5].update(by="node1"), "kind='by'"),
])
def test_a_wrong_history_or_log_is_found(judged, spoil, says) -> None:
    assert any(says in one for one in judged(spoil).wrong)


@pytest.mark.parametrize(("what", "says"), [
    ({"kinds": ("wiped",)}, ["the record was lost, and no agent said so"]),
    ({"kinds": ("wiped",), "cures": 1}, []),
    ({"cures": 1}, ["an agent asked for --new, but the record was never lost"]),
    ({"ended": ["node1 ended with 2"]}, ["node1 ended with 2"]),
    ({"said": "Traceback (most recent call last):"}, [
        f"an exception of {node}: Traceback (most recent call last):" for node in ("node1", "node2")]),
])
def test_an_agent_that_ends_or_asks_for_a_person_in_vain_is_wrong(judged, what, says) -> None:
    assert judged(**what).wrong == says


def test_users_served_twice_are_wrong(judged) -> None:
    result = judged(answers=(*HANDED_OVER, ("node1", "node1", 1, 3.5, 3.6)))
    assert len(result.wrong) == 1
    assert result.wrong[0].startswith("served twice, 0.400 s: ")
