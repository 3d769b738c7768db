"""Stores and arbiters: one suite for all; nothing decided is lost, and nothing is done twice."""

from __future__ import annotations

import inspect
import math
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest

from prgcore.errors import BadInput, Conflict, StaleEpoch, Unavailable, Unreadable
from prgcore.stores.keeping import Newest, settle
from tests import stores, waits

BOTH = ["sqlite", pytest.param("etcd", marks=pytest.mark.etcd)]
TTL = 60
"""Seconds: no grant is lost while a test runs."""
SHORT = 2
"""Seconds: the least that etcd takes."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A server of etcd, started when it is first asked for; `servers()` gives it."""
    made = []

    def ask():
        if not made:
            made.append(stores.Etcd(tmp_path_factory.mktemp("etcd")).start())
        return made[0]

    yield ask
    for server in made:
        server.stop()


@pytest.fixture
def place(request, tmp_path, servers):
    """Where a store is that nobody has written to."""
    if request.param == "sqlite":
        return f"sqlite {tmp_path / 'pair.db'}"
    return f"etcd {servers().url} {uuid4().hex}/"


@pytest.fixture
def store(place):
    with stores.opened(place) as one:
        yield one


both = pytest.mark.parametrize("place", BOTH, indirect=True)

@both
def test_what_is_opened_in_with_is_closed_in_the_end(place):
    with stores.opened(place) as store, stores.arbiter(place, TTL) as arbiter:
        assert store.write({}, 0) > 0
        assert arbiter.acquire("node1", 1)
    with pytest.raises(Unavailable, match="was closed; open"):
        store.read()
    with pytest.raises(Unavailable, match="was closed; open"):
        arbiter.holder()
    with pytest.raises(ZeroDivisionError), stores.opened(place) as store:
        raise ZeroDivisionError
    with pytest.raises(Unavailable):
        store.read()
    with stores.arbiter(place, TTL) as arbiter:
        assert arbiter.holder() == "node1"


def test_stores_and_arbiters_are_made_alike():
    """First where it is, without a default; the rest by name; the arbiter's `ttl` has none."""
    from prgcore.stores import etcd, sqlite

    def made(kind):
        given = list(inspect.signature(kind).parameters.values())
        where = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert all(p.default is p.empty for p in given[:len(where)])
        assert {p.kind for p in given[len(where):]} == {inspect.Parameter.KEYWORD_ONLY}
        return where, {p.name: p.default for p in given[len(where):]}

    for store, arbiter, where in (
        (sqlite.SQLiteStore, sqlite.SQLiteArbiter, ["path"]),
        (etcd.EtcdStore, etcd.EtcdArbiter, ["url", "prefix"]),
    ):
        (place, options), (same, more) = made(store), made(arbiter)
        assert place == same == where
        assert options["timeout"] == more["timeout"] == 5.0
        assert more["ttl"] is inspect.Parameter.empty


# ----------------------------------------------------------------- one writer


@both
def test_a_value_is_replaced_only_by_whoever_read_it(store):
    assert store.read() is None
    version = store.write({"a": 1}, 0)
    assert version > 0
    assert (store.read().value, store.read().version) == ({"a": 1}, version)
    newer = store.write({"a": 2}, version)
    assert newer > version
    for stale in (0, version, newer + 1, -1, 2**70):
        with pytest.raises((Conflict, Unavailable, BadInput)):
            store.write({"a": 3}, stale)
    assert (store.read().value, store.read().version) == ({"a": 2}, newer)
    assert list(store.history()) == []


@both
def test_a_conflict_says_what_to_do(store):
    version = store.write({"a": 1}, 0)
    with pytest.raises(Conflict, match=rf"^version 0 was read, .* version {version}; read "):
        store.write({"a": 2}, 0, {"epoch": 1})
    assert list(store.history()) == []


@both
def test_two_stores_are_one_place(place, store):
    with stores.opened(place) as other:
        version = store.write({"a": 1}, 0)
        assert other.read() == store.read()
        other.write({"a": 2}, version)
        with pytest.raises(Conflict):
            store.write({"a": 3}, version)


@both
def test_the_history_has_every_entry_in_order(store):
    version = 0
    for epoch in range(1, 451):  # more than are read at once, and across a digit
        version = store.write({"epoch": epoch}, version, {"epoch": epoch, "n": [epoch]})
    assert [e["epoch"] for e in store.history()] == list(range(1, 451))
    assert [e["n"] for e in store.history(448)] == [[449], [450]]
    assert len(list(store.history(-3))) == 450
    assert list(store.history(450)) == list(store.history(10**15)) == []


@both
@pytest.mark.parametrize("epoch", [1, 2, 4, 0, -1, True, 3.0, "3", None, 10**15, math.nan])
def test_an_entry_follows_the_last(store, epoch):
    version = store.write({}, store.write({}, 0, {"epoch": 1}), {"epoch": 2})
    before = store.read()
    with pytest.raises(BadInput, match="epoch"):
        store.write({"a": 1}, version, {"epoch": epoch})
    assert (store.read(), len(list(store.history()))) == (before, 2)
    store.write({}, version, {"epoch": 3})


@both
def test_a_history_that_does_not_fit_its_record_is_the_stores_trouble(store):
    """Whoever follows the record has done nothing wrong: an agent must not end because of it."""
    version = store.write({"epoch": 7}, 0)
    with pytest.raises(Unreadable, match="the record has epoch 7, and its history does not end there"):
        store.write({"epoch": 8}, version, {"epoch": 8})
    with pytest.raises(BadInput, match="does not follow the last"):
        store.write({"epoch": 8}, version, {"epoch": 9})
    assert store.read().version == version


@both
@pytest.mark.parametrize("value", [
    [], "text", None, 3, {"a": {1, 2}}, {"a": math.nan}, {"a": math.inf}, {(1, 2): 3},
    {"a": b"bytes"},
])
def test_what_is_no_json_object_is_refused(store, value):
    with pytest.raises(BadInput, match=r"^the value is "):
        store.write(value, 0)
    with pytest.raises(BadInput):
        store.write({}, 0, {"epoch": 1, "x": {1}})
    assert store.read() is None
    assert list(store.history()) == []


@both
def test_a_value_that_never_ends_is_refused(store):
    value = {}
    value["itself"] = value
    with pytest.raises(BadInput, match=r"^the value is not JSON: "):
        store.write(value, 0)
    deep = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(BadInput, match=r"^the value is not JSON: "):
        store.write(deep, 0)


@both
@pytest.mark.parametrize("text", [
    "é ﷽ 😀", "\ud800", "\0", "'; DROP TABLE record; --", '{}[]"\\\n\r\t', "a" * 1_000_000,
], ids=ascii)
def test_any_text_comes_back(store, text):
    entry = {"epoch": 1, "why": text[:300_000], text[:99]: [text[:99]]}
    store.write({"text": text[:900_000]}, 0, entry)
    assert store.read().value == {"text": text[:900_000]}
    assert list(store.history()) == [entry]


@both
def test_what_is_closed_says_so(place):
    store, arbiter = stores.opened(place), stores.arbiter(place, TTL)
    for one in (store, arbiter, store, arbiter):
        one.close()
    for call in (store.read, lambda: store.write({}, 0), lambda: list(store.history()),
                 lambda: store.wait(0, 0), lambda: arbiter.acquire("node1", 1), arbiter.holder,
                 lambda: arbiter.keep("node1"), lambda: arbiter.release("node1", 1)):
        with pytest.raises(Unavailable, match=r"was closed; open .* again"):
            call()


# -------------------------------------------------------------------- waiting


@both
def test_waiting_ends_with_a_write_of_another_process(place, store):
    version = stores.first(store)
    assert store.wait(0, 0)
    started = time.monotonic()
    assert not store.wait(version, 0.3)
    assert time.monotonic() - started >= 0.3
    with stores.started("steps", place, 1, 0) as other:
        assert store.wait(version, stores.LONG)
        other.communicate()
    assert other.returncode == 0
    assert store.read().version > version


@both
def test_waiting_ends_with_the_very_first_write(store):
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(store.wait, 0, stores.LONG)
        time.sleep(0.1)
        store.write({}, 0)
        assert waiting.result()


@both
def test_waiting_goes_on_past_what_others_write(place, store):
    """Only the record counts: not the arbiter's keys, nor another pair's in the same etcd."""
    version = store.write({}, 0)
    with stores.arbiter(place, TTL) as arbiter:
        assert arbiter.acquire("node1", 1)
    assert not store.wait(version, 0.1)


# --------------------------------------------------------------- many writers


@both
def test_threads_and_processes_lose_nothing_and_do_nothing_twice(place, store):
    stores.first(store)
    processes = [stores.started("steps", place, 12, seed) for seed in range(3)]
    with ThreadPoolExecutor(8) as pool:
        mine = list(pool.map(lambda seed: stores.steps(place, 12, seed, store), range(10, 18)))
    theirs = [p.communicate()[0].split() for p in processes]
    assert [p.returncode for p in processes] == [0, 0, 0]
    ids = [i for some in (*mine, *theirs) for i in some]
    entries = stores.replayed(store)
    assert len(entries) == 11 * 12
    assert sorted(e["id"] for e in entries) == sorted(ids)


@both
def test_a_writer_may_be_killed_at_any_moment(place, store):
    stores.first(store)
    with stores.started("killed", place, 20, 7) as program:
        out, _ = program.communicate()
    assert program.returncode == 0
    assert len(stores.replayed(store)) == int(out)
    stores.steps(place, 3, 0, store)
    assert len(stores.replayed(store)) == int(out) + 3


class Deaf:
    """A store whose answers get lost: the write was done, or it was not."""

    def __init__(self, store, seed):
        self.store, self.chance = store, random.Random(seed)
        self.read, self.history = store.read, store.history

    def write(self, *what):
        lost = self.chance.choice(("before", "after", "", ""))
        if lost != "before":
            version = self.store.write(*what)
        if lost:
            raise Unavailable("lost")
        return version

    def close(self):
        pass


@both
def test_an_answer_that_is_lost_is_found_out(store):
    stores.first(store)
    seeds = count()
    with ThreadPoolExecutor(3) as pool:
        ids = list(pool.map(
            lambda _: stores.steps("", 15, 0, Deaf(store, next(seeds))), range(3)))
    assert sorted(e["id"] for e in stores.replayed(store)) == sorted(i for some in ids for i in some)


@both
def test_settling_tells_whose_write_it_was(store):
    version = store.write({}, 0)
    mine, other = {"epoch": 1, "id": "mine", "at": (1, 2)}, {"epoch": 1, "id": "other"}
    now = settle(store, {"a": 1}, version, mine)  # was not done, and is done now
    assert now == store.read().version > version
    assert settle(store, {"a": 1}, version, mine) == 0  # was done
    assert list(store.history()) == [{**mine, "at": [1, 2]}]
    with pytest.raises(Conflict):
        settle(store, {"a": 2}, version, other)
    store.write({"a": 3}, store.read().version)  # without an entry
    settle(store, {"a": 1}, version, mine)
    with pytest.raises(Conflict):
        settle(store, {}, version, {"epoch": 2, "id": "never"})


# -------------------------------------------------------------------- restart


# ----------------------------------------------------------------- the arbiter


@pytest.fixture
def arbiter(place):
    with stores.arbiter(place, TTL) as one:
        yield one


@both
def test_the_grant_is_one_nodes(arbiter, place):
    assert arbiter.holder() is None
    assert not arbiter.keep("node1")
    assert arbiter.acquire("node1", 3)
    assert arbiter.acquire("node1", 3)
    assert arbiter.acquire("node1", 4)
    assert not arbiter.acquire("node2", 5)
    with stores.arbiter(place, TTL) as other:
        assert other.holder() == "node1"
        assert other.keep("node1")
        assert not other.keep("node2")
        other.release("node2", 6)
    assert arbiter.holder() == "node1"
    arbiter.release("node1", 4)
    assert arbiter.holder() is None
    assert arbiter.acquire("node2", 6)
    assert arbiter.holder() == "node2"


@both
def test_what_comes_too_late_does_nothing(arbiter):
    assert arbiter.acquire("node1", 5)
    for late in (arbiter.acquire, arbiter.release):
        with pytest.raises(StaleEpoch, match=r"^node1 asks at epoch 4, .* an order of epoch 5$"):
            late("node1", 4)
    assert arbiter.holder() == "node1"
    arbiter.release("node1", 7)
    with pytest.raises(StaleEpoch):  # an order that was on its way when the grant was given back
        arbiter.acquire("node1", 6)
    assert arbiter.acquire("node2", 6)


@both
@pytest.mark.parametrize(("node", "epoch"), [
    ("", 1), (None, 1), ("a\0b", 1), ("\ud800", 1), ("node1", -1), ("node1", True),
    ("node1", "1"), ("node1", 2**70),
])
def test_who_asks_is_a_node_at_an_epoch(arbiter, node, epoch):
    for call in (arbiter.acquire, arbiter.release):
        with pytest.raises(BadInput):
            call(node, epoch)
    assert arbiter.holder() is None


@both
def test_one_of_many_obtains_the_grant(place):
    def ask(n):
        with stores.arbiter(place, 30) as mine:
            return mine.acquire(f"node{n % 2}", 1), n % 2

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len({node for got, node in answers if got}) == 1


@both
def test_whoever_sleeps_loses_the_grant(place, arbiter):
    """A process that is stopped keeps nothing, and learns of it when it goes on."""
    with stores.started("held", place, SHORT) as holder:
        assert holder.stdout.readline() == "held\n"
        time.sleep(SHORT * 1.2)
        assert arbiter.holder() == "node1"
        assert not arbiter.acquire("node2", 2)
        waits.stop(holder.pid)
        until = time.monotonic() + stores.LONG
        while not arbiter.acquire("node2", 2):
            assert time.monotonic() < until
            time.sleep(0.05)
        holder.send_signal(signal.SIGCONT)
        assert holder.stdout.readline() == "lost\n"
    assert holder.returncode == 0
    for late in (arbiter.acquire, arbiter.release):
        with pytest.raises(StaleEpoch):
            late("node1", 1)
    assert arbiter.holder() == "node2"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"given": 1}', '{"given": 1, "reached": [2]}',
                                  '{"given": "x", "reached": {}}', "nonsense"])
def test_a_memory_of_something_else_is_refused(text):
    with pytest.raises(BadInput, match="memory of the arbiter"):
        Newest.from_text(text)


