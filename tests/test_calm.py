"""Calm turns: what they want is what whole turns want, and none is calm where something is new."""

from __future__ import annotations

import random
from copy import copy

import pytest
from attrs import evolve

from prgcore.errors import Unavailable
from prgcore.machine import PRG
from prgcore.running.calm import calm
from prgcore.running.charter import Charter
from prgcore.running.group import Lease
from prgcore.running.shapes import (
    Arrival,
    Ask,
    Did,
    Granted,
    Heard,
    Obeyed,
    Reading,
    Seen,
    Wrote,
)
from prgcore.running.state import AgentState
from prgcore.running.turn import turn
from prgcore.seats import NODES, seat
from prgcore.stores.record import Order, Record
from prgcore.timers.parameters import Parameters
from prgcore.wire import digest
from tests.stored import Memory

LEASE = Lease(lasts=2, waits=4, pause=0.5, stopping=0.5)
TIMES = Parameters(keep_alive_interval=1, keep_alive_timeout=4, initialization_keep_alive_timeout=6,
                   critical_service_delay=2)


class Pair:
    """Two agents in one thread of time: each call is answered after a moment, each turn is compared."""

    def __init__(self, seed, compare):
        self.dice, self.store, self.now, self.compare = random.Random(seed), Memory(), 100.0, compare
        self.calm = self.whole = 0
        self.inbox = {n: [] for n in NODES}
        self.busy = {n: set() for n in NODES}
        self.wake = dict.fromkeys(NODES, 100.0)
        self.later = []
        self.state = {n: AgentState.start(Charter(
            PRG, n, {"machine": digest(PRG.model)}, LEASE, 3.0, seat=f"dir-{n}", run=f"run-{n}",
            new=n == "node1"), TIMES, 100.0) for n in NODES}

    def soon(self, node, lane, seen, after=0.01):
        self.busy[node].add(lane)
        self.later.append((self.now + after * self.dice.uniform(0.5, 1.5), len(self.later), node,
                           lane, seen))

    def run(self, seconds, at=lambda: None):
        end = self.now + seconds
        while self.now < end:
            at()
            moment = min([t for t, *_ in self.later] + list(self.wake.values()))
            self.now = max(self.now, min(moment, end))
            for one in sorted(self.later):
                if one[0] <= self.now:
                    self.later.remove(one)
                    self.busy[one[2]].discard(one[3])
                    self.turns(one[2], one[4]())
            for node in NODES:
                if self.wake[node] <= self.now:
                    self.turns(node, Seen())

    def turns(self, node, seen):
        seen = evolve(seen, wall=1e9 + self.now)
        before = self.state[node]
        found = calm(before, seen, self.now)
        self.state[node], wanted = turn(before, seen, self.now)
        if found is None:
            self.whole += 1
        else:
            self.calm += 1
            without = copy(before)
            without.calm = None
            self.compare(found[1], turn(without, seen, self.now)[1], found[0], before)
        self.acts(node, wanted)

    def acts(self, node, wanted):
        store, busy = self.store, self.busy[node]
        self.wake[node] = max(wanted.wake, self.now + 0.001)
        if wanted.send is not None:
            heard = wanted.send
            self.soon(seat("peer", node), f"air{self.now}", lambda: Seen(arrivals=(
                Arrival(seat("peer", node), self.now, heard),)))
        if wanted.write is not None and "write" not in busy:
            write, begun = wanted.write, self.now
            line = write.entry and {**write.entry.to_json(), "id": write.id}

            def written():
                if store.version != write.version:
                    return Seen(wrote=Wrote("conflict", begun))
                return Seen(wrote=Wrote("done", begun, store.write(
                    write.record.to_json(), write.version, line)))

            self.soon(node, "write", written)
        elif wanted.do is not None and "do" not in busy:
            order = wanted.do
            self.soon(node, "do", lambda: Seen(did=Did(order)))
        if wanted.read and "read" not in busy:
            begun = self.now

            def read():
                kept = store.read()
                return Seen(reading=Reading(kept and Record.from_json(kept.value),
                                            kept.version if kept else 0, begun))

            self.soon(node, "read", read)
        if wanted.serve is not None and "serve" not in busy:
            serve = wanted.serve
            self.soon(node, "serve", lambda: Seen(obeyed=Obeyed(serve, yes=True)))
        if wanted.hold is not None and "hold" not in busy:
            begun = self.now
            self.soon(node, "hold", lambda: Seen(granted=Granted(True, begun)))

    def tell(self, event):
        self.turns("node1", Seen(asks=(Ask(f"k{self.now}", event),)))

    def columns(self):
        return Record.from_json(self.store.read().value).columns


def same(found, whole, after, before):
    """A whole turn wants what the calm one wants, and nothing else."""
    for name in ("write", "serve", "do", "send", "hold", "remember", "entries", "answers", "says",
                 "trouble", "stopped"):
        assert getattr(found, name) == getattr(whole, name), name
    assert found.read or not whole.read
    assert found.wake <= before.calm.due
    assert after.calm is before.calm


@pytest.mark.parametrize("seed", range(6))
def test_a_calm_turn_wants_what_a_whole_one_wants(seed):
    pair = Pair(seed, same)
    pair.run(10)
    pair.tell("enable_ha")
    pair.run(20)
    assert (pair.columns()["node1.state"], pair.columns()["node2.state"]) == ("normal", "normal")
    pair.calm = pair.whole = 0
    pair.run(60)
    assert pair.calm > 5 * pair.whole, "most turns of a pair at rest are calm"
    pair.tell("failover(node1)")
    pair.run(30)
    assert pair.columns()["node2.state"] == "running_in_backup_mode"
    pair.tell("fallback(node1)")
    pair.run(30)
    assert pair.columns()["node1.state"] == "normal"


def steady():
    pair = Pair(1, lambda *_: None)
    pair.run(10)
    pair.tell("enable_ha")
    while pair.state["node1"].calm is None or pair.state["node1"].heard is None \
            or pair.columns()["node2.state"] != "normal":
        pair.run(1)
    return pair, pair.state["node1"], pair.now


def test_whatever_is_new_is_not_calm():
    _pair, state, now = steady()
    c, reading = state.calm, state.reading
    heard = state.heard
    assert calm(state, Seen(arrivals=(Arrival("node1", now, heard),)), now) is not None
    assert calm(state, Seen(reading=Reading(c.record, c.version, now)), now) is not None
    order = Order(1, 0, "node1", "move_users")
    new = {
        "another heartbeat": Seen(arrivals=(Arrival("node1", now, evolve(heard, changes=99)),)),
        "another record": Seen(arrivals=(Arrival("node1", now, evolve(heard, record="x")),)),
        "a heartbeat that says nothing": Seen(arrivals=(Arrival("node1", now),)),
        "another version": Seen(reading=Reading(c.record, c.version + 1, now)),
        "an old copy": Seen(reading=Reading(evolve(c.record, epoch=0), c.version, now)),
        "an empty store": Seen(reading=Reading(None, 0, now)),
        "an old reading": Seen(reading=Reading(c.record, c.version, state.since - 1)),
        "a store that is away": Seen(unread=str(Unavailable("away"))),
        "a write": Seen(wrote=Wrote("done", now, 99)), "a lost host": Seen(host_lost="node1"),
        "a question": Seen(asks=(Ask("k", "recover"),)), "an order": Seen(did=Did(order)),
        "services that do not obey": Seen(obeyed=Obeyed(state.serving.sent, yes=False)),
        "a grant": Seen(granted=Granted(True, now)),
        "services that are down": Seen(services={"services": False, "database": True}),
        "the end": Seen(stop=True),
    }
    for name, seen in new.items():
        assert calm(state, seen, now) is None, name
    assert calm(state, Seen(), c.due) is None, "a timer is due"
    assert calm(state, Seen(), state.promised + TIMES.keep_alive_timeout) is None, "it is late"
    assert reading is not None


def test_a_node_that_was_not_heard_is_heard():
    _pair, state, now = steady()
    deaf = copy(state)
    deaf.news = {"node1": True}
    assert calm(deaf, Seen(arrivals=(Arrival("node1", now, state.heard),)), now) is None
    assert isinstance(state.heard, Heard)
