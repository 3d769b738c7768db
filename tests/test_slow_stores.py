"""Stores slower than the time-outs: a node's own wait for its store is never the peer's silence."""

from __future__ import annotations

from contextlib import suppress

import pytest

from prgcore.errors import Unavailable
from prgcore.machine import PRG
from prgcore.running.driver import Driver, Heard, Keeper
from prgcore.running.node import reported
from prgcore.seats import NODES, seat
from prgcore.stores.ports import heard
from prgcore.timers.parameters import Parameters
from tests.stored import Clock, Memory
from tests.test_driver import World, replayed, states

TIMEOUT = 1.0
BEAT = 0.05
TIMES = Parameters(keep_alive_interval=BEAT, keep_alive_timeout=TIMEOUT,
                   initialization_keep_alive_timeout=1.5, critical_service_delay=0.5)
SHARES = (0.1, 0.5, 0.9, 1.1, 5.0)
LOST = ("heartbeat_lost", "link_cut", "power_off", "peer_host_lost")


class Slow:
    """A store whose calls take a share of the time-out, while `beat` is called at each interval."""

    def __init__(self, clock):
        self.clock, self.takes, self.beat = clock, 0.0, lambda: None
        self.store = Memory(at=self.at)
        self.fails = ""

    def at(self, place):
        end = self.clock.time + self.takes * TIMEOUT * (place != "after")
        while self.clock.time + BEAT <= end + 1e-9:
            self.clock.time += BEAT
            self.beat()
        if place == self.fails:
            raise Unavailable("the store hangs")


def controlled():
    """A controller of a pair that is Normal, on a slow store."""
    clock = Clock()
    slow = Slow(clock)
    driver = Driver(PRG, slow.store, World(slow.store), parameters=TIMES, clock=clock)
    driver.send("enable_ha")
    for node in NODES:
        driver.see(heard(node))
    assert states(driver) == ["normal", "normal"]
    return driver, slow


def events(store):
    return [e["event"] for e in store.entries]


@pytest.mark.parametrize("share", SHARES)
def test_nodes_that_are_heard_are_not_lost_however_slow_the_store_is(share):
    """At 1.1 time-outs, this was a false failover, and `observe` did not return."""
    driver, slow = controlled()
    slow.takes, slow.beat = share, lambda: [driver.arrived(node) for node in NODES]
    before = events(slow.store)
    for _ in range(12):
        slow.clock.time += BEAT
        slow.beat()
        driver.observe()
    assert events(slow.store) == before


@pytest.mark.parametrize("share", [s for s in SHARES if s < 1])
def test_a_node_that_is_silent_is_lost_though_the_store_is_slow(share):
    driver, slow = controlled()
    slow.takes, slow.beat = share, lambda: driver.arrived("node2")
    began = slow.clock.time
    while "heartbeat_lost(node1)" not in events(slow.store):
        slow.clock.time += BEAT
        slow.beat()
        driver.observe()
        assert slow.clock.time < began + (1.2 + 5 * share) * TIMEOUT
    replayed(slow.store)


@pytest.mark.parametrize("share", [s for s in SHARES if s > 1])
def test_a_store_that_is_well_again_lets_a_silent_node_be_lost_a_time_out_later(share):
    driver, slow = controlled()
    slow.takes, slow.beat = share, lambda: driver.arrived("node2")
    for _ in range(5):
        slow.clock.time += BEAT
        driver.observe()
    assert not [e for e in events(slow.store) if e.startswith(LOST)]
    slow.takes = 0.0
    driver.observe()
    well = slow.clock.time
    while "heartbeat_lost(node1)" not in events(slow.store):
        slow.clock.time += BEAT
        slow.beat()
        driver.observe()
        assert slow.clock.time < well + 1.5 * TIMEOUT
    assert slow.clock.time >= well + TIMEOUT - 1e-6


@pytest.mark.parametrize("place", ["read", "before"])
def test_a_store_that_was_away_for_long_gives_everybody_a_time_out_more(place):
    """A pause of the store of five time-outs failed over two healthy nodes."""
    driver, slow = controlled()
    slow.takes, slow.fails = 5.0, place
    for _ in range(3):
        with suppress(Unavailable):
            driver.send("add_users")
    slow.takes, slow.fails = 0.0, ""
    before = len(events(slow.store))
    driver.observe()
    slow.clock.time += TIMEOUT - BEAT
    for node in NODES:
        driver.see(heard(node))
    assert not [e for e in events(slow.store)[before:] if e.startswith(LOST)]


def test_a_process_that_was_paused_does_not_call_that_its_peers_silence():
    driver, slow = controlled()
    for _ in range(30):
        slow.clock.time += BEAT
        for node in NODES:
            driver.see(heard(node))
    before = events(slow.store)
    slow.clock.time += 7.3 * TIMEOUT
    assert driver.observe() == []
    slow.clock.time += 0.9 * TIMEOUT
    assert driver.observe() == []
    for node in NODES:
        driver.see(heard(node))
    assert events(slow.store) == before


@pytest.mark.parametrize("share", [0.5, 1.1, 5.0])
def test_two_nodes_on_one_slow_store_stay_as_they_are(share):
    """Each looks alive only while it can read: in their common silence neither judges the other."""
    clock = Clock()
    slow = Slow(clock)
    nodes = {n: Keeper(PRG, slow.store, n, parameters=TIMES, clock=clock) for n in NODES}
    flying = []

    def beat():
        for name, keeper in nodes.items():
            reading = keeper.state.reading
            if reading is not None and clock.time < keeper.state.ended + TIMEOUT:
                own = reading.record.own[name]
                flying.append((seat("peer", name), Heard(
                    {c: own[c] for c in reported(PRG, name)}, reading.record.changes[name])))
        while flying:
            to, said = flying.pop(0)
            nodes[to].arrived(to, said)

    for name, keeper in nodes.items():
        keeper.tell(f"manager_start({name})", also={
            f"{name}.process": "manager_down", f"{name}.hears_peer": "no"})
    nodes["node1"].tell("enable_ha")
    for _ in range(10):
        clock.time += BEAT
        beat()
        for keeper in nodes.values():
            keeper.observe()
    columns = nodes["node1"].read()[0].columns
    assert [columns[f"{n}.state"] for n in NODES] == ["normal", "normal"]
    before = events(slow.store)
    slow.takes, slow.beat = share, beat
    for _ in range(6):
        for keeper in nodes.values():
            clock.time += BEAT
            beat()
            keeper.observe()
    assert events(slow.store) == before
