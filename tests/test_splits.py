"""Splits: what only two nodes without one record show, found by a search, shipped, and explained."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from attrs import evolve

from prgcore.errors import BudgetExhausted
from prgcore.explain.display import denoted
from prgcore.explain.explaining import explain_display
from prgcore.explain.outside import together_again
from prgcore.form.splits import like, read, write
from prgcore.machine import PRG, Machine, prg
from prgcore.model import Display, Shown
from prgcore.network.interpreter import Network
from prgcore.network.setting import Setting
from prgcore.network.snapshot import Snapshot
from prgcore.network.splits import CUTS, served_twice, splits, told
from prgcore.network.story import replay
from prgcore.seats import NODES
from prgcore.tables.splits import SPLITS, WHICH
from prgcore.template import pair

BACKUP, NORMAL = Shown("running_in_backup_mode"), Shown("normal")


def test_what_is_shipped_is_what_the_search_finds() -> None:
    found = splits(PRG)
    assert found == PRG.splits
    assert write(found) == tuple((steps.strip(), rest, home) for steps, rest, home in SPLITS[0])
    assert read(write(found)) == found
    assert len(WHICH) == 6


def test_loss_and_crashes_show_nothing_that_cuts_do_not() -> None:
    more = splits(PRG, CUTS | {"cut", "loss", "crash"})
    assert {s.shown for s in more} == {s.shown for s in PRG.splits}
    lengths = {s.shown: len(s.moves) for s in more}
    assert lengths[Display(Shown("normal", "normal"), Shown("running_in_backup_mode", "peer_down"))] == 2


@pytest.mark.parametrize("policy", WHICH, ids="-".join)
def test_each_story_replays_to_its_display_and_leads_home(policy: tuple[str, ...]) -> None:
    machine = prg(reconnection=policy[0], idle_on_peer_loss=policy[1])
    assert machine.splits
    for split in machine.splits:
        run = replay(machine, told(split))
        assert run.ok, run.failures
        assert run.network.shown(run.end) == split.shown
        assert run.network.twice(run.end) == split.twice
        for step, replayed in zip(split.steps[1:], run.steps, strict=True):
            assert run.network.shown(replayed.after) == step.shown
        assert not len(denoted(machine, split.shown))
        for rest, home in split.ends:
            assert len(denoted(machine, rest))
            assert any(command in e.name for e in machine.model.events for command in home)


def test_the_two_of_theory() -> None:
    one = like(PRG.splits, Display(NORMAL, BACKUP))
    both = like(PRG.splits, Display(BACKUP, BACKUP))
    assert one
    assert (len(one.moves), one.twice, [home for _, home in one.ends]) == (3, ("node1",), [("fallback(node1)",)])
    assert both
    (rest, home), = both.ends
    assert (len(both.moves), both.twice, home) == (6, ("node1", "node2"), ("recover",))
    assert {half.state for half in rest if half} == {"running_in_failed_mode"}


def _rests(network: Network, starts: Iterable[Snapshot]) -> tuple[set[Snapshot], set[Snapshot]]:
    """All that follows by itself, and where nothing more does."""
    seen, rests = set(starts), set()
    todo = [*seen]
    while todo:
        afters = {after for _, after in network.moves(todo[-1])}
        if not afters:
            rests.add(todo[-1])
        todo.pop()
        todo.extend(afters - seen)
        seen |= afters
    return seen, rests


@pytest.mark.parametrize("policy", ["fail", "keep_serving", "able_serves"])
def test_the_ends_are_all_ends_and_stopping_a_node_meanwhile_makes_nothing_worse(policy: str) -> None:
    machine = prg(reconnection=policy)
    quiet = Network(machine, Setting("none", frozenset()))
    crash = Network(machine, Setting("none", frozenset({"crash", "boot", "one-way"})))
    for split in machine.splits:
        at = replay(machine, told(split)).end
        _, rests = _rests(quiet, [evolve(at, cuts=(False, False))])
        assert {quiet.shown(rest) for rest in rests} == {rest for rest, _ in split.ends}
        if not split.twice:
            continue
        serve = [n for n, s in zip(NODES, split.shown, strict=True) if s and s.state == BACKUP.state]
        advice = together_again(machine, split)[-1]
        assert f"let only {serve[0] if len(serve) == 1 else 'one node'} serve" in advice
        for stop in NODES if len(serve) == 2 else {*NODES} - {*serve}:
            stopped = [after for move, after in crash.moves(at) if str(move) == f"manager_stop({stop})"]
            waits, _ = _rests(quiet, stopped)
            assert stopped
            assert not any(quiet.twice(one) for one in waits), "the other one serves alone"
            whole, _ = _rests(quiet, [evolve(one, cuts=(False, False)) for one in waits])
            again = [after for one in whole for move, after in crash.moves(one)
                     if str(move) == f"manager_start({stop})"]
            _, ends = _rests(quiet, again)
            failed = {"running_in_failed_mode"}
            assert {half.state for end in ends for half in quiet.shown(end) if half} == failed, "click Recovery"


def test_a_known_fault_is_in_no_story_of_a_cut(run) -> None:
    asked = ("explain", "--node1", "normal", "--node2", "backup mode")
    assert "comes about like this" in run(*asked, "--set", "node1.services=up", "--set", "node2.hears_peer=no").out
    for fault in ("node1.services=down", "node2.database=down"):
        found = run(*asked, "--set", fault)
        assert found.code == 1
        assert "comes about like this" not in found.out
        assert "Let one node serve" in found.out


def test_who_is_not_served_twice_yet_is_told_so_and_no_time() -> None:
    text = explain_display(PRG, NORMAL, Shown("taking_over")).text()
    assert "So far nobody is served twice.\n" in text
    assert "This can last" not in text


def test_only_displays_without_a_pair_have_a_story() -> None:
    for situation in PRG.model.situations:
        assert explain_display(PRG, *situation.display).came is None, situation.row


def test_a_display_without_a_pair_says_how_it_comes_about() -> None:
    found = explain_display(PRG, BACKUP, BACKUP)
    assert found.came is not None
    assert found.came.moves == (
        "cut node1", "heartbeat_lost(node2)", "takeover_done(node2)",
        "cut node2", "heartbeat_lost(node1)", "takeover_done(node1)")
    text = found.text(("imp1", "imp2"))
    assert "  4. what imp2 sends no longer reaches imp1\n" in text
    assert "Then users of imp1 and imp2 are served twice." in text
    assert "row\n    16" in text or "row 16" in text
    assert "imp2 is now Running in Backup Mode" in " ".join(found.text(("imp1", "imp2"), verbose=True).split())
    never = explain_display(PRG, Shown("idle"), Shown("idle"))
    assert never.came is None


def test_a_long_story_is_for_those_who_ask() -> None:
    machine = prg(reconnection="able_serves")
    longest = max(machine.splits, key=lambda s: len(s.moves))
    found = explain_display(machine, *longest.shown)
    assert f"in {len(longest.moves)} steps, which --verbose lists" in " ".join(found.text().split())
    assert f" {len(longest.moves)}. " in found.text(verbose=True)


def test_the_bound_is_that_of_the_parameters(run, bad) -> None:
    asked = ("explain", "--node1", "normal", "--node2", "backup mode")
    text = " ".join(run(*asked).out.split())
    assert "from 45 s after the network is cut until 15 s after it is repaired" in text
    told = json.loads(run(*asked, "--parameter", "keep_alive_timeout=75",
                          "--parameter", "Keep Alive (Heartbeat) Interval=20", "--json").out)["came_about"]
    assert (told["begins"], told["ends"], told["served_twice"]) == (55, 20, ["node1"])
    assert told["moves"] == ["cut node1", "heartbeat_lost(node2)", "takeover_done(node2)"]
    assert "came_about" not in json.loads(run("explain", "--node1", "idle", "--node2", "backup mode", "--json").out)
    assert "no_such" in bad(*asked, "--parameter", "no_such=1")


def test_a_status_text_has_it_too(run) -> None:
    shown = "State: Running in Backup Mode\nReason: Peer Down\n"
    text = f"Node 1 Name : imp1\n{shown}Node 2 Name : imp2\n{shown}"
    found = run("explain", "-", stdin=text)
    assert found.code == 1
    assert "what imp1 sends no longer reaches imp2" in found.out
    said = json.loads(run("explain", "-", "--json", stdin=text).out)
    assert said["groups"][0]["explanation"]["came_about"]["after_repair"][0]["home"] == ["recover"]


def test_machines_of_ones_own_are_searched_only_when_asked() -> None:
    own = Machine(evolve(PRG.model, name="own"))
    assert own.splits == Machine(pair.MACHINE).splits == ()
    assert explain_display(own, BACKUP, BACKUP).came is None
    assert explain_display(own, BACKUP, BACKUP, splits=PRG.splits).came is not None


def test_every_machine_that_says_whom_it_serves_has_a_shortest_story_of_serving_twice() -> None:
    lengths = {}
    for name, machine in (("prg", PRG), ("pair", Machine(pair.MACHINE))):
        text = served_twice(machine)
        assert text is not None
        run = replay(machine, text)
        assert run.ok, run.failures
        lengths[name] = sum(step.move is not None for step in run.steps)
    assert lengths == {"prg": 3, "pair": 8}
    assert served_twice(Machine(evolve(PRG.model, serves=()))) is None
    with pytest.raises(BudgetExhausted):
        served_twice(Machine(pair.MACHINE), most=10)


def test_a_machine_that_does_not_say_what_hearing_is_has_no_splits() -> None:
    assert splits(Machine(pair.MACHINE)) == ()  # its nodes show states of their own
    assert splits(Machine(evolve(PRG.model, serves=()))) == ()
