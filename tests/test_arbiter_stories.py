"""The stories of the arbiters: each runs, none is longer than it must be, and each promise holds.

The lengths with a time-out of four intervals are in `test_silence.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prgcore.machine import prg
from prgcore.network import Network, Setting, Snapshot
from prgcore.network.setting import DEFAULT
from prgcore.network.story import parse, replay
from prgcore.prove.network.obligations import prove
from prgcore.tables.arbiters import ARBITERS, STORIES
from prgcore.tables.facts import Arbiter

PRG = prg()
BACKUP = "running_in_backup_mode"
Goal = Callable[[Network, Snapshot], bool]


def twice(network: Network, at: Snapshot) -> bool:
    return bool(network.twice(at))


def both(network: Network, at: Snapshot) -> bool:
    return all(half and half.state == BACKUP for half in network.shown(at))


def nobody(network: Network, at: Snapshot) -> bool:
    """One node runs, and serves nobody."""
    return sum(half is None for half in network.shown(at)) == 1 and not any(
        network.serving(at).values())


GOALS: dict[str, Goal] = {
    "served-twice": twice, "both-in-backup": both, "lost-messages": twice, "silent-cut": twice,
    "silent-cut-both": both, "one-crash": nobody, "paused-owner": twice,
}
"""What a story leads to. `cut-and-home` is about the way back, of which a command is a part."""


def shortest(setting: Setting, goal: Goal) -> int | None:
    """The fewest steps that lead there; None: it cannot happen."""
    network = Network(PRG, setting)
    seen, level, depth = set(network.starts), list(network.starts), 0
    while level:
        if any(goal(network, at) for at in level):
            return depth
        level = [*dict.fromkeys(
            after for at in level for _, after in network.moves(at) if after not in seen)]
        seen.update(level)
        depth += 1
    return None


@pytest.mark.parametrize("name", STORIES)
def test_a_story_runs(name: str) -> None:
    run = replay(PRG, STORIES[name])
    assert not run.failures


@pytest.mark.parametrize("name", GOALS)
def test_no_story_is_longer_than_it_must_be(name: str) -> None:
    script = parse(STORIES[name], PRG)
    steps = sum(line.is_move for line in script.lines)
    run = replay(PRG, script)
    assert GOALS[name](run.network, run.end)
    assert shortest(script.setting, GOALS[name]) == steps


def test_every_story_has_an_end_that_is_looked_for() -> None:
    assert {*GOALS} | {"cut-and-home"} == {*STORIES}


@pytest.mark.parametrize("one", ARBITERS, ids=lambda a: a.name)
def test_each_promise_is_what_the_prover_answers(one: Arbiter) -> None:
    setting = Setting(one.prove, {one.adversary} if one.adversary else DEFAULT)
    answers = {"proved": True, "refuted": False, "not_applicable": None}
    bound = "D5"  # a number, which the table prints
    assert {r.id: answers[r.verdict] for r in prove(PRG, setting).results if r.id != bound} == {
        p.obligation: p.holds for p in one.promises}
