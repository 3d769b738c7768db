"""Random lives of a pair with hooks and guards: no group of users has two primaries, ever."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from prgcore.errors import PrgError
from prgcore.seats import NODES
from tests.test_hooks_turn import Hooked
from tests.test_turn import Pair


class Guarded(Hooked):
    """A host whose resource is the primary of some groups; a guard ends that with its permission.

    Attributes:
        primary: for each group whether the resource here takes writes for it.
    """

    late_by = 0.0

    def __init__(self, *given):
        self.primary, self.since, self.late = set(), 0.0, 0.0
        super().__init__(*given)

    def does(self, wanted):
        seen = super().does(wanted)
        if wanted.write is None and wanted.serve is not None and not self.deaf:
            self.primary &= set(NODES) if wanted.serve.promotes else wanted.serve.groups.keys()
            self.primary |= wanted.serve.groups.keys()
        if self.open is not None and self.since == 0.0:
            self.since = self.pair.now
        return seen

    def looks(self, chance):
        """The guard looks at the time, and the hook goes on."""
        if self.pair.now > self.until + self.late_by:
            self.primary.clear()
            self.promotes = False
        if self.open is None or self.dead:
            self.since = 0.0
            return
        if self.open.do == "move_users" and self.promotes:  # it may take effect long before its end
            self.primary |= set(self.open.users)
        if self.pair.now - self.since >= self.late:
            self.late, self.since = chance.choice((0.0, 0.1, 1.0, 5.0, 12.0)), 0.0
            self.ends(chance.choice(("done", "done", "done", "failed")))


def lives(pair, chance, seconds):
    for _ in range(round(seconds / 0.05)):
        pair.passes(0.05)
        for host in pair.hosts.values():
            host.looks(chance)
        for group in NODES:
            assert not all(group in host.primary for host in pair.hosts.values()), (group, pair.now)


COMMANDS = ("failover(node1)", "failover(node2)", "fallback(node1)", "fallback(node2)", "recover",
            "enable_ha")


def command(host, event):
    if not (host.dead or host.away):
        with suppress(KeyError, PrgError):  # it is not answered yet
            host.command(event)


HAPPENS = {
    "dies": lambda _, host, __: setattr(host, "dead", True),
    "starts": lambda _, host, __: host.start() if host.dead else None,
    "cut": lambda pair, _, __: setattr(pair, "cut", True),
    "heals": lambda pair, _, __: setattr(pair, "cut", False),
    "away": lambda _, host, __: setattr(host, "away", True),
    "back": lambda _, host, __: setattr(host, "away", False),
    "service": lambda _, host, __: setattr(host, "up", not host.up),
    "deaf": lambda _, host, __: setattr(host, "deaf", True),
    "hears": lambda _, host, __: setattr(host, "deaf", False),
    "commands": lambda _, host, chance: command(host, chance.choice(COMMANDS)),
}
OFTEN = ("starts", "heals", "back", "commands")
"""What mends happens twice as often."""


def happens(pair, chance):
    """Something happens to a node, or somebody commands."""
    what = chance.choice((*HAPPENS, *OFTEN))
    HAPPENS[what](pair, pair.hosts[chance.choice(NODES)], chance)


def life(monkeypatch, seed):
    chance = random.Random(seed)
    monkeypatch.setattr("tests.test_turn.Host", Guarded)
    pair = Pair()
    lives(pair, chance, 6)
    pair.hosts["node1"].command("enable_ha")
    lives(pair, chance, 10)
    for _ in range(25):
        happens(pair, chance)
        lives(pair, chance, chance.choice((0.1, 0.5, 2, 6)))


@pytest.mark.parametrize("seed", range(4))
def test_no_group_has_two_primaries(monkeypatch, seed):
    life(monkeypatch, seed)


def test_a_guard_that_is_late_makes_two_primaries(monkeypatch):
    """So the lives above could show it."""
    monkeypatch.setattr(Guarded, "late_by", 9.0)

    def found(seed):
        try:
            life(monkeypatch, seed)
        except AssertionError:
            return True
        return False

    assert any(map(found, range(20)))
