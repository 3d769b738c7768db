"""Places where stores are, and programs that write to them: of the tests, and of the benchmark.

As a program it is one of the processes that write: `python tests/stores.py steps PLACE COUNT SEED`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from prgcore.errors import Conflict, Unavailable
from prgcore.machine import prg
from prgcore.stores.keeping import settle
from prgcore.stores.record import Record, acknowledged, begin, decided
from prgcore.vocabulary import Outcome
from tests.agents import ports

PROGRAM = Path(__file__).resolve()
LONG = 120
"""Seconds after which a test gives up waiting."""


def opened(place, **options):
    """A store by its place: `sqlite PATH` or `etcd URL PREFIX`; a busy server is waited for."""
    kind, *where = place.split(" ")
    options = {"timeout": LONG, **options}
    if kind == "sqlite":
        from prgcore.stores.sqlite import SQLiteStore as Store
    else:
        from prgcore.stores.etcd import EtcdStore as Store
    return Store(*where, **options)


def arbiter(place, ttl, **options):
    """The arbiter of a place."""
    kind, *where = place.split(" ")
    options = {"timeout": LONG, **options}
    if kind == "sqlite":
        from prgcore.stores.sqlite import SQLiteArbiter as Arbiter
    else:
        from prgcore.stores.etcd import EtcdArbiter as Arbiter
    return Arbiter(*where, ttl=ttl, **options)


class Etcd:
    """A server of our own, on free ports; or one of several, which know each other's names."""

    def __init__(self, folder, name="t", options=()):
        self.folder, self.name, self.process, self.options = folder, name, None, options
        self.url, self.peer = (f"http://127.0.0.1:{port}" for port in ports(2))

    def launch(self, servers=()):
        """Start it; it may not answer yet."""
        cluster = ",".join(f"{s.name}={s.peer}" for s in servers or (self,))
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", self.name, "--data-dir", str(self.folder / self.name),
                 "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                 "--initial-cluster", cluster, *self.options],
                stdout=log, stderr=log)

    def start(self, servers=()):
        """Start it, and wait until it answers."""
        self.launch(servers)
        with opened(f"etcd {self.url} up") as store:
            try:
                answered(store)
            except Unavailable as error:
                self.stop()
                log = (self.folder / f"{self.name}.log").read_text()
                raise AssertionError(log[-2000:]) from error
        return self

    def stop(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()


def answered(store):
    """Wait until a store answers: its servers may be starting, or choosing a leader."""
    until = time.monotonic() + LONG
    while True:
        try:
            return store.read()
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


# ------------------------------------------------------------------------- writers


def first(store):
    """The first record, and its version."""
    record = begin(prg().initial[0])
    return store.write(record.to_json(), 0)


def step(store, chance):
    """One decision that is done: what is written, of which version, with which entry."""
    kept = store.read()
    record, machine = Record.from_json(kept.value), prg()
    pair = machine.pair(record.columns)
    names = [e.name for e in machine.model.events]
    while True:
        event = chance.choice(names)
        if machine.possible(pair, event):
            decision = machine.step(pair, event)
            if decision.outcome is Outcome.DONE:
                break
    after, entry = decided(record, record.columns, decision, by="controller", time=time.time())
    after = acknowledged(after, after.orders)
    return after.to_json(), kept.version, entry.to_json() | {"id": uuid4().hex}


def steps(place, times, seed, store=None):
    """So many decisions, each done once whatever happens; the ids of their entries."""
    chance, ids = random.Random(seed), []
    own, until = store is None, time.monotonic() + 2 * LONG
    store = opened(place) if own else store
    while len(ids) < times:
        written = None
        try:
            written = step(store, chance)
            store.write(*written)
        except Conflict:
            time.sleep(chance.random() * 0.01)
            continue
        except Unavailable:
            store = reopened(place, store)
            if written is None:
                assert time.monotonic() < until, "the store does not come back"
                time.sleep(0.05)
                continue
            try:
                store = settled(place, store, written)
            except Conflict:
                continue
        ids.append(written[2]["id"])
    if own:
        store.close()
    return ids


def reopened(place, store):
    """The store again, when it is back; one in etcd connects by itself, to the next server."""
    if not place.startswith("sqlite"):
        return store
    store.close()
    return opened(place)


def settled(place, store, written):
    """Settle a write however often the store is away meanwhile."""
    until = time.monotonic() + LONG
    while True:
        try:
            settle(store, *written)
        except Unavailable:
            assert time.monotonic() < until, "the store does not come back"
            time.sleep(0.05)
            store = reopened(place, store)
        else:
            return store


def fenced(store):
    """What a store keeps once no write that is still under way can be done any more."""
    while True:
        kept = store.read()
        with suppress(Conflict):
            store.write(kept.value, kept.version)
            return kept


def started(*words, **more):
    """A process of this program."""
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, words)], stdout=subprocess.PIPE, text=True, **more)


def replayed(store):
    """The history goes through the engine, from the first pair to what is kept; the entries."""
    machine = prg()
    pair, entries = machine.initial[0], list(store.history())
    for epoch, entry in enumerate(entries, 1):
        decision = machine.step(pair, entry["event"])
        assert entry["epoch"] == epoch
        assert entry["before"] == dict(pair)
        assert entry["after"] == dict(decision.pair)
        assert (entry["outcome"], entry["rule"]) == ("done", decision.rule.id)
        pair = decision.pair
    record = Record.from_json(store.read().value)
    assert (record.epoch, record.columns) == (len(entries), dict(pair))
    return entries


# ------------------------------------------------------------------------ programs


def _killed(place, times, seed):
    """Kill a writer in the middle, many times; after each, look whether all agrees."""
    chance = random.Random(seed)
    prg()
    epoch = 0
    for _ in range(times):
        child = os.fork()
        if not child:
            steps(place, 10**6, chance.random())
        store = opened(place)
        begun = store.read().version
        assert store.wait(begun, LONG)
        time.sleep(chance.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kept = fenced(store)
        entries = list(store.history())
        assert [e["epoch"] for e in entries] == list(range(1, len(entries) + 1))
        assert kept.value["epoch"] == len(entries) > epoch
        epoch = len(entries)
        store.close()
    print(epoch)


def _held(place, ttl):
    """Hold the grant until it is lost."""
    mine = arbiter(place, ttl)
    assert mine.acquire("node1", 1)
    print("held", flush=True)
    while mine.keep("node1"):
        time.sleep(ttl / 10)
    print("lost", flush=True)
    mine.close()


def main():
    what, place, *rest = sys.argv[1:]
    if what == "steps":
        print("\n".join(steps(place, *map(int, rest))))
    elif what == "killed":
        _killed(place, *map(int, rest))
    else:
        _held(place, float(rest[0]))


if __name__ == "__main__":
    main()
