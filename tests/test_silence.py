"""Model D with intervals and clocks (model T): lengths of stories, and leases of the shipped machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from prgcore.machine import prg
from prgcore.network import Network, Setting, Snapshot
from prgcore.prove.regions import Node, Regions, Serving, Times
from prgcore.seats import NODES

PRG = prg()
BACKUP = "running_in_backup_mode"
DEAF_TO_NODE1 = ("tick without node2", "tick without both")
"""Moves that one-way loss of node 1's heartbeats has not."""


def story(
    starts: tuple[Any, ...], moves: Callable[[Any], Iterator[tuple[Any, Any]]],
    *goals: Callable[[Any], bool], most: int = 40_000,
) -> list[tuple[tuple[str, ...], Any] | None]:
    """For each goal the shortest way to it, and its end; None: the whole space has none."""
    via: dict[Any, Any] = dict.fromkeys(starts)
    found: list[tuple[tuple[str, ...], Any] | None] = [None] * len(goals)
    level = list(starts)
    while level and not all(found):
        following = []
        for at in level:
            for n, goal in enumerate(goals):
                if found[n] is None and goal(at):
                    found[n] = _way(via, at), at
            for move, after in moves(at):
                if after not in via:
                    via[after] = at, str(move)
                    following.append(after)
        level = following
        assert len(via) <= most, "BUG: the space is larger than the test expects"
    return found


def _way(via: dict[Any, Any], at: Any) -> tuple[str, ...]:
    steps: list[str] = []
    while via[at]:
        at, move = via[at]
        steps.append(move)
    return tuple(reversed(steps))


# ------------------------------------------------------------- four silent intervals


@pytest.mark.parametrize(("arbiter", "adversary", "never", "backup", "twice"), [
    ("none", "cut", (), 9, 7),
    ("none", "loss", (), 8, 6),
    ("none", "loss", DEAF_TO_NODE1, None, 6),  # one way only
    ("none", "one-way", ("cut node2",), None, 7),  # the cut is a step too
    ("none", "crash", (), None, None),
    ("cas", "loss pause", (), None, 6),  # a witness grants, and nothing stops the loser
])
def test_the_shortest_stories_with_a_time_out_of_four_intervals(
    arbiter: str, adversary: str, never: tuple[str, ...], backup: int | None, twice: int | None,
) -> None:
    """The whole table of the theory; each silent interval is a step."""
    network = Network(PRG, Setting(arbiter, adversary.split(), silence=4))

    def both(at: Snapshot) -> bool:
        pair = network.pair(at)
        return pair["node1.state"] == pair["node2.state"] == BACKUP

    def moves(at: Snapshot) -> Iterator[tuple[Any, Snapshot]]:
        return ((move, after) for move, after in network.moves(at) if str(move) not in never)

    found = story(network.starts, moves, both, lambda at: bool(network.twice(at)))
    assert [one and len(one[0]) for one in found] == [backup, twice]
    if never and found[1]:
        pair = network.pair(found[1][1])
        assert (pair["node1.state"], pair["node2.state"]) == ("normal", BACKUP)


# ------------------------------------------------------------------ leases, composed


@attrs.frozen
class Timed:
    """A network, the clocks of both nodes for one group, and whether it was served twice."""

    at: Snapshot
    nodes: tuple[Node, Node]
    twice: bool = False


class Leased:
    """The shipped machine with one record, in which each node counts its lease and its wait.

    The moves are those of the network. The clocks are those of `prgcore.prove.regions`. A node
    knows each decision about the group by its number, as agents do by their tokens.
    """

    def __init__(self, times: Times, silence: int, adversary: str, group: str = "node1") -> None:
        self.network = Network(PRG, Setting("cas", adversary.split(), silence=silence))
        self.regions, self.group = Regions(times), group
        over = times.pause + times.stopping + 1
        self.starts = tuple(
            Timed(at, tuple(  # type: ignore[arg-type]
                Node(mine, True, 0, times.waits if mine else 0, 0 if mine else over)
                for mine in self._mine(at))) for at in self.network.starts)

    def _mine(self, at: Snapshot) -> list[bool]:
        nodes = self.network.serving(at)[self.group]
        return [node in nodes for node in NODES]

    def _assigned(self, at: Snapshot) -> tuple[str, ...]:
        """The nodes that the record gives the group to."""
        pair = self.network.pair(at)
        return tuple(n for n, own in (("node1", "assigned_own"), ("node2", "assigned_peer"))
                     if pair[f"{n}.{own}"] == "yes")

    def moves(self, one: Timed) -> Iterator[tuple[Any, Timed]]:
        for move, after in self.network.moves(one.at):
            if move.verb == "tick":
                yield move, self._tick(one, after)
            else:
                yield move, Timed(after, self._after(one, after))
        if not self.network.setting.silence:  # time passes all the same
            yield "tick", self._tick(one, one.at)
        for i, node in enumerate(one.nodes):
            if one.at.current[i] and node.age:
                yield f"read {NODES[i]}", Timed(one.at, self._read(one.nodes, i, node.mine))

    def _tick(self, one: Timed, after: Snapshot) -> Timed:
        then = dict(self.regions.moves(Serving(one.nodes)))["tick"]
        return Timed(after, then.nodes, then.twice)

    def _after(self, one: Timed, after: Snapshot) -> tuple[Node, Node]:
        nodes, mine = one.nodes, self._mine(after)
        if self._assigned(after) != self._assigned(one.at):
            nodes = tuple(attrs.evolve(n, current=False) for n in nodes)  # type: ignore[assignment]
        for i in (0, 1):
            read = after.copies[i] != one.at.copies[i] and after.current[i]
            if read or mine[i] != nodes[i].mine:
                nodes = self._read(nodes, i, mine[i])
        return nodes

    def _read(self, nodes: tuple[Node, Node], i: int, mine: bool) -> tuple[Node, Node]:
        node = self.regions._read(nodes[i], mine)
        return (node, nodes[1]) if i == 0 else (nodes[0], node)


PAUSED = ("cut", "heartbeat_lost(node2)", "takeover_done(node2)")


@pytest.mark.parametrize(("times", "silence", "adversary"), [
    (Times(0, 0, 0, 0), 0, "cut pause"), (Times(1, 0, 0, 0), 0, "cut pause"),
    (Times(0, 1, 0, 0), 1, "cut pause"), (Times(0, 0, 1, 0), 0, "one-way pause"),
    (Times(1, 0, 0, 1), 1, "cut pause"), (Times(1, 1, 0, 1), 0, "cut pause"),
    (Times(1, 1, 0, 2), 0, "cut pause"), (Times(0, 1, 1, 1), 0, "cut pause"),
    (Times(0, 1, 1, 2), 0, "cut pause"), (Times(2, 1, 1, 3), 4, "cut pause"),
    (Times(1, 0, 1, 2), 0, "loss pause"),
])
def test_the_pause_story_of_the_machine_is_there_exactly_where_the_wait_is_too_short(
    times: Times, silence: int, adversary: str,
) -> None:
    leased = Leased(times, silence, adversary)
    found, = story(leased.starts, leased.moves, lambda one: one.twice)
    assert (found is None) == times.fenced
    if found and adversary == "cut pause":
        last = [m for m in found[0] if not m.startswith(("tick", "read", "heal"))]
        assert tuple(m for m in last if m != "cut" or m == last[0])[:3] == PAUSED


def test_without_a_lease_the_pause_story_has_three_steps() -> None:
    """The same steps as with one, without the ticks."""
    network = Network(PRG, Setting("cas", ["cut", "pause"]))
    found, = story(network.starts, network.moves, lambda at: "node1" in network.twice(at))  # type: ignore[arg-type]
    assert found
    assert found[0] == PAUSED
