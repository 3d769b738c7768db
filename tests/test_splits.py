"""Splits: what only two nodes without one record show, found by a search, shipped, and explained."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from prgcore.errors import BudgetExhausted
from prgcore.explain.display import denoted
from prgcore.explain.explaining import explain_display
from prgcore.form.splits import like, read, write
from prgcore.machine import PRG, Machine, prg
from prgcore.model import Display, Shown
from prgcore.network.splits import CUTS, served_twice, splits, told
from prgcore.network.story import replay
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
        assert len(denoted(machine, split.rest))
        assert any(command in e.name for e in machine.model.events for command in split.home)


def test_the_two_of_theory() -> None:
    one = like(PRG.splits, Display(NORMAL, BACKUP))
    both = like(PRG.splits, Display(BACKUP, BACKUP))
    assert one
    assert (len(one.moves), one.twice, one.home) == (3, ("node1",), ("fallback(node1)",))
    assert both
    assert (len(both.moves), both.twice, both.home) == (6, ("node1", "node2"), ("recover",))
    assert {half.state for half in both.rest if half} == {"running_in_failed_mode"}


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
    assert said["groups"][0]["explanation"]["came_about"]["home"] == ["recover"]


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
