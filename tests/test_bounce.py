"""A fallback that bounced: two agents, one record, heartbeats every 15 s (D62)."""

from __future__ import annotations

from contextlib import suppress

import pytest

from prgcore.errors import Undecided
from prgcore.machine import PRG
from prgcore.running.driver import Driver, Heard
from prgcore.running.node import reported
from prgcore.seats import NODES, seat
from prgcore.stores.ports import heard
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Outcome, State
from tests.stored import Clock, Memory

INTERVAL = 15
BACK, END = 300, 360
"""When node 1 comes back, and when the test ends, in seconds."""


class Idle:
    """A performer whose actions all succeed at once."""

    def perform(self, order: object) -> None:
        """Do nothing."""


class Two:
    """Two agents, of which each hears the other every 15 s, on a clock of this test's own."""

    def __init__(self, store: Memory) -> None:
        self.clock, self.store = Clock(0.0), store
        self.begins = dict.fromkeys(NODES, 0.0)
        self.agents = {node: self.agent(node) for node in NODES}
        self.moves = 0

    def agent(self, node: str) -> Driver:
        return Driver(PRG, self.store, Idle(), node, parameters=Parameters(), clock=self.clock)

    def state(self, node: str) -> str:
        return next(iter(self.agents.values())).read()[0].columns[f"{node}.state"]

    def second(self) -> None:
        self.clock.time += 1
        for node, agent in self.agents.items():
            peer = self.agents.get(seat("peer", node))
            if peer is not None and (self.clock.time - self.begins[node]) % INTERVAL == 0:
                record, _ = agent.read()
                said = {c: record.own[node][c] for c in reported(PRG, node)}
                peer.see(heard(seat("peer", node)), Heard(said, record.changes[node]))
        for agent in self.agents.values():
            self.moves += sum(e.event.startswith("heartbeat_lost(") and e.outcome is Outcome.DONE
                              for e in agent.see())


@pytest.mark.parametrize("late", [1, 2, 7, 14])
def test_users_who_fall_back_stay_at_home(late: int) -> None:
    """The backup hears the node that came back `late` seconds after that node hears the backup.

    Until now the fallback was accepted before. The backup's silence was longer than its time-out
    then, so it took the users over again a second later.
    """
    two = Two(Memory())
    two.agents["node1"].send("enable_ha")
    while two.clock.time < 100:
        two.second()
    assert [two.state(node) for node in NODES] == [State.NORMAL, State.NORMAL]
    two.agents.pop("node1").send("manager_stop(node1)")
    while two.clock.time < BACK:
        two.second()
    assert two.state("node2") == State.RUNNING_IN_BACKUP_MODE
    two.agents["node1"] = two.agent("node1")
    two.agents["node1"].send("manager_start(node1)")
    two.begins = {"node2": BACK + 1, "node1": BACK + 1 + late}
    accepted, lost = [], two.moves
    while two.clock.time < END:
        two.second()
        if two.state("node1") == State.FAILED_OVER:
            with suppress(Undecided):
                said = two.agents["node1"].send("fallback(node1)")
                accepted += [two.clock.time for e in said
                             if (e.event, e.outcome) == ("fallback(node1)", Outcome.DONE)]
    assert len(accepted) == 1
    assert BACK + 1 + late <= accepted[0] <= BACK + 1 + late + INTERVAL
    assert two.moves == lost
    assert [two.state(node) for node in NODES] == [State.NORMAL, State.NORMAL]
