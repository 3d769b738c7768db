"""Stories of two nodes with messages in flight, drawn: who knew what, what crossed and what was lost."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from prgcore.diagram import FORMATS, Sequence, render
from prgcore.diagram.network import network_sequence
from prgcore.diagram.palette import Role
from prgcore.diagram.sequence import (
    ARRIVES,
    BROKEN,
    CUT,
    LOST,
    REMARK,
    SENT,
    SILENCE,
    TWICE,
    Message,
    Note,
    Span,
)
from prgcore.engine import Engine
from prgcore.machine import PRG, Machine
from prgcore.network import ADVERSARIES, ARBITERS, Network, Setting
from prgcore.network.story import replay, write
from prgcore.template import active_standby, pair
from tests.committed import committed
from tests.pictures import boxes, overlapping, parsed, within

STORIES = sorted((Path(__file__).parent / "stories" / "network").glob("*.txt"))
MACHINES = {"prg": PRG, "active standby": Machine(active_standby.MACHINE), "pair": Machine(pair.MACHINE)}


@cache
def drawn(name: str) -> Sequence:
    text = (Path(__file__).parent / "stories" / "network" / f"{name}.txt").read_text()
    return network_sequence(replay(PRG, text), name)


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_a_committed_story_replays_and_is_drawn(file: Path) -> None:
    run = replay(PRG, file.read_text())
    assert run.ok, run.failures
    whole = drawn(file.stem)
    steps = {i.step for i in whole.items if not isinstance(i, Note)} - {0}
    assert steps == set(range(1, sum(s.move is not None for s in run.steps) + 1))
    text = render(whole, "text")
    assert text == committed(f"golden/network-{file.stem}.txt", text)
    assert max(map(len, text.splitlines())) <= 80
    root = parsed(render(whole, "svg"))
    within(root)
    assert overlapping(boxes(root)) == []


def test_one_way_loss_is_a_shade_and_the_moment_of_dual_service() -> None:
    items = drawn("one-way").items
    spans = [(s.role, s.over, s.ends, s.step) for s in items if isinstance(s, Span)]
    both = ("node1", "node2")
    assert spans == [(CUT, ("node1",), False, 1), (TWICE, both, False, 0),
                     (CUT, ("node1",), True, 4), (TWICE, both, True, 0)]
    shown = [(n.over[0], n.text[0]) for n in items if isinstance(n, Note) and n.role != REMARK]
    assert shown == [("node1", "Normal"), ("node2", "Normal"), ("node2", "Taking Over"),
                     ("node2", "Running in Backup Mode"), ("node1", "Failing Over")]


def test_each_heartbeat_in_flight_has_its_own_arrow() -> None:
    parts = [(i.source, i.flight, i.part) for i in drawn("crossing").items
             if isinstance(i, Message) and i.part]
    assert parts == [("node2", 1, SENT), ("node1", 2, SENT), ("node1", 2, LOST), ("node2", 1, ARRIVES)]


def test_with_a_record_it_is_written_and_read() -> None:
    whole = drawn("paused-owner")
    assert [life.id for life in whole.lives] == ["node1", "record", "node2"]
    told = [(i.source, i.target, i.text) for i in whole.items
            if isinstance(i, Message) and i.source != i.target]
    assert told == [("node2", "record", "write")] * 2 + [("record", "node1", "read")]


def test_a_cut_loses_what_is_under_way() -> None:
    story = "network none\nadversary loss, delay, cut\nheartbeat_lost(node2)\nsend node2\ncut\nheal\n"
    items = network_sequence(replay(PRG, story)).items
    assert [(i.step, i.part) for i in items if isinstance(i, Message) and i.part] == [(2, SENT), (3, LOST)]
    assert [i.over for i in items if isinstance(i, Span)] == [("node1", "node2")] * 2


def test_intervals_of_silence_are_ticks() -> None:
    story = "network none\nadversary cut\nsilence 2\ncut\ntick\ntick\nheartbeat_lost(node1)\n"
    items = network_sequence(replay(PRG, story)).items
    ticks = [i.text for i in items if isinstance(i, Span) and i.role == SILENCE]
    assert ticks == ["silence: node1 1, node2 1", "silence: node1 2, node2 2"]


def test_what_does_not_hold_is_marked() -> None:
    story = "network none\nadversary cut\ncut\nexpect node1 Idle\nbeat node1\n"
    notes = [i.text[1:] for i in network_sequence(replay(PRG, story)).items
             if isinstance(i, Note) and i.role == BROKEN]
    assert notes[0] == ("expect node1 Idle", "node1 shows Normal / Normal")
    assert notes[1][1].startswith("beat node1 cannot happen here")


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("arbiter", ARBITERS)
@pytest.mark.parametrize("silence", [0, 2])
def test_every_walk_of_every_machine_can_be_drawn(name: str, arbiter: str, silence: int) -> None:
    engine: Engine = MACHINES[name]
    network, chance = Network(engine, Setting(arbiter, frozenset(ADVERSARIES), silence)), random.Random(name)
    at, moves = network.starts[0], []
    for _ in range(30):
        move, at = chance.choice(network.moves(at))
        moves.append(move)
    run = replay(engine, write(network.setting, moves))
    assert run.ok
    whole = network_sequence(run)
    sent = [i.flight for i in whole.items if isinstance(i, Message) and i.part == SENT]
    assert sent == [*range(1, len(sent) + 1)]
    assert {i.flight for i in whole.items if isinstance(i, Message) and i.part} <= set(sent)
    last = {n.over[0]: n.role for n in whole.items if isinstance(n, Note) and n.role in list(Role)}
    assert len(last) in (0, 2)
    for form in FORMATS[Sequence]:
        text = render(whole, form)
        assert text
        assert form != "text" or max(map(len, text.splitlines())) <= 80
    root = parsed(render(whole, "svg"))
    within(root)
    assert overlapping(boxes(root)) == []


# ----------------------------------------------------------------- command line


def test_the_same_commands_run_and_draw_stories_of_networks(run, bad, tmp_path) -> None:
    story = str(STORIES[-1])
    told = run("simulate", story)
    assert (told.code, told.err) == (0, "")
    assert "the users of node1 are served twice" in told.out
    assert run("diagram", "sequence", story).out.startswith("prg: One record, and an owner")
    assert run("simulate", story, "--json").out.startswith('{\n  "ok": true')
    wrong = run("simulate", "-", stdin="network none\nadversary cut\ncut\nexpect node1 Idle\n")
    assert (wrong.code, wrong.err) == (1, "")
    assert "drawn as a sequence" in bad("diagram", "path", story)
    assert "--itf" in bad("simulate", story, "--itf", str(tmp_path / "x.json"))
    assert "unknown arbiter" in bad("simulate", "-", stdin="network moon\ncut\n")
    assert "reconnection=keep_serving" in bad("simulate", "-", "--policy", "reconnection=fail", stdin=(
        "network none\npolicy reconnection=keep_serving\ncut\n"))
