"""The pump: it makes the calls that turns ask for, none waiting for another, whatever the turns say.

The turns of these tests are scripts, and say nothing that an agent would.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf

import pytest
from attrs import evolve

from prgcore.errors import ActionFailed, BadInput, Conflict, StaleEpoch, Unavailable
from prgcore.machine import PRG
from prgcore.running import pump as pumps
from prgcore.running.lane import REST as REST_OF_A_LANE
from prgcore.running.pump import Pump, Ways
from prgcore.running.shapes import Ask, Did, Granted, Heard, Obeyed, Serve, Turn, Write
from prgcore.stores.ports import SystemClock
from prgcore.stores.record import Order, begin
from tests.stored import Clock, Memory
from tests.waits import once, threads, until

LONG = 60
RECORD = begin(PRG.initial[0])
REST = Turn(wake=inf)


class Script:
    """Turns as they are told: `plan` makes one of what was seen; else nothing is wanted."""

    def __init__(self, plan=lambda _seen: REST):
        self.plan, self.seen, self.came = plan, [], asyncio.Condition()

    def __call__(self, seen):
        self.seen.append(seen)
        return self.plan(seen)

    def all(self, name):
        return [found for seen in self.seen if (found := getattr(seen, name))]


class Gate:
    """A call that waits until it may end; `calls` has what it was called with."""

    def __init__(self, answer=True):
        self.calls, self.answer, self.open = [], answer, threading.Event()
        self.inside = self.most = 0

    def __call__(self, *given):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.calls.append(given)
        assert self.open.wait(LONG)
        self.inside -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def turns(pump, script, times=3):
    """Let there be some turns."""
    for _ in range(times):
        before = len(script.seen)
        pump.post()
        await until(lambda before=before: len(script.seen) > before)


@asynccontextmanager
async def running(script, store=None, clock=None, **ways):
    """A pump that runs; its tasks and threads are gone afterwards."""
    before = threads()
    store = kept() if store is None else store
    pump = Pump(script, store, SystemClock() if clock is None else clock, Ways(**ways))
    task = asyncio.create_task(pump.run())
    try:
        yield pump
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1
        await until(lambda: not threads() - before)


def kept():
    store = Memory()
    store.write(RECORD.to_json(), 0)
    return store


def played(play):
    asyncio.run(play())


ORDER = Order(1, 0, "node1", "move_users")
WRITE = Write(RECORD, 1)
SERVE = Serve({"node1": 1}, 99.0)


# ---------------------------------------------------------------------------- lanes


def test_each_lane_makes_one_call_at_a_time_and_none_waits_for_another():
    async def play():
        gates = {name: Gate() for name in ("serves", "holds", "carry_out")}
        store = kept()
        reads = Gate()
        store.at = reads
        script = Script(lambda _seen: Turn(
            read=True, serve=SERVE, do=ORDER, hold=3, send=Heard({}, 0), wake=inf))
        sent = []
        async with running(script, store, sends=sent.append, **gates) as pump:
            await until(lambda: all(g.calls for g in (*gates.values(), reads)))
            before = len(sent)
            await turns(pump, script, 20)
            assert len(sent) == before + 20, "no lane holds a heartbeat up"
            for gate in (*gates.values(), reads):
                assert len(gate.calls) == 1
            script.plan = lambda _seen: REST
            for gate in (reads, *gates.values()):
                gate.open.set()
            await until(lambda: script.all("reading") and script.all("did"))
            await until(lambda: script.all("obeyed") and script.all("granted"))
        assert script.all("did") == [Did(ORDER)]
        assert script.all("obeyed") == [Obeyed(SERVE, yes=True)]
        assert [g.yes for g in script.all("granted")] == [True]
        assert max(g.most for g in (*gates.values(), reads)) == 1

    played(play)


def test_nothing_is_done_before_it_is_written_and_a_write_that_hangs_holds_nothing_else_up():
    async def play():
        store, places, did = kept(), [], []

        def wants(seen):
            written = bool(script.all("wrote"))
            return Turn(write=None if written else WRITE, read=not written, serve=SERVE, do=ORDER,
                        hold=1, send=Heard({}, len(script.seen)), wake=inf)

        gate = Gate()

        def at(place):
            places.append(place)
            if place == "before":
                gate()

        def noted(name):
            def note(*_given):
                did.append(name)
                return True

            return note

        store.at = at
        script = Script(wants)
        sent = []
        async with running(script, store, sends=sent.append, serves=noted("serve"),
                           holds=noted("hold"), carry_out=noted("do")) as pump:
            await until(lambda: {"serve", "hold"} <= set(did) and {"before", "read"} <= set(places))
            await turns(pump, script, 5)
            assert "do" not in did
            assert places.count("before") == 1
            assert len(sent) == len(script.seen)
            gate.open.set()
            await until(lambda: "do" in did)
        (wrote,) = script.all("wrote")
        assert (wrote.outcome, wrote.version) == ("done", 2)

    played(play)


def test_the_newest_request_counts():
    async def play():
        gate, wanted = Gate(), [Serve({"node1": n}, 9.0) for n in range(4)]
        script = Script()
        script.plan = lambda _seen: Turn(serve=wanted[min(len(script.seen) - 1, 3)], wake=inf)
        async with running(script, serves=gate) as pump:
            await until(lambda: gate.calls)
            await turns(pump, script, 6)
            script.plan = lambda seen: REST if seen.obeyed and seen.obeyed.serve == wanted[3] \
                else Turn(serve=wanted[3], wake=inf)
            gate.open.set()
            await until(lambda: len(script.all("obeyed")) >= 2)
        assert gate.calls[0] == (wanted[0],)
        assert all(one == wanted[3] for (one,) in gate.calls[1:])

    played(play)


def test_a_performer_says_what_becomes_of_an_order():
    async def play():
        answers = [Unavailable("node1 does not answer"), OSError(5, "input or output"), BadInput("odd"),
                   ActionFailed("nobody comes"), StaleEpoch("too late"), None]
        outcomes = ["later", "later", "later", "failed", "done", "done"]
        left = list(answers)

        def carry_out(_order):
            if error := left.pop(0):
                raise error

        script = Script(lambda _seen: Turn(do=ORDER if left else None, wake=inf))
        async with running(script, carry_out=carry_out):
            await until(lambda: len(script.all("did")) == len(answers))
        assert [did.outcome for did in script.all("did")] == outcomes

    played(play)


def test_an_order_that_must_wait_holds_no_other_up(monkeypatch):
    monkeypatch.setattr(pumps, "LATER", LONG)

    async def play():
        other, done = Order(1, 1, "node2", "move_users"), []

        def carry_out(order):
            if order == ORDER:
                raise Unavailable("node1 does not answer")
            done.append(order)

        script = Script(lambda _seen: Turn(
            do=other if script.all("did") and not done else ORDER, wake=inf))
        async with running(script, carry_out=carry_out):
            await until(lambda: done)

    played(play)


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("odd")])
def test_what_the_arbiter_does_not_say_is_neither_yes_nor_no(error):
    async def play():
        answers = [error, error, False, True]
        script = Script(lambda _seen: Turn(hold=4 if answers else None, wake=inf))

        def holds(epoch):
            assert epoch == 4
            found = answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        async with running(script, holds=holds):
            await until(lambda: len(script.all("granted")) == 2)
        assert [g.yes for g in script.all("granted")] == [False, True]
        assert all(isinstance(g, Granted) for g in script.all("granted"))

    played(play)


# ---------------------------------------------------------------------------- the store


def test_a_heartbeat_keeps_its_time_while_the_store_hangs():
    async def play():
        store, clock, gate = kept(), Clock(), Gate()
        store.at = lambda _place: gate()
        script = Script()
        async with running(script, store, clock) as pump:
            await until(lambda: gate.calls)
            for moment in (1001.0, 1002.0, 1003.0):
                clock.time = moment
                pump.arrived("node1", Heard({}, int(moment)))
            clock.time = 1090.0
            await until(lambda: script.all("arrivals"))
            gate.open.set()
        came = [one for arrivals in script.all("arrivals") for one in arrivals]
        assert [(one.at, one.heard.changes) for one in came] == [
            (m, int(m)) for m in (1001.0, 1002.0, 1003.0)]

    played(play)


def test_a_store_that_never_answers_holds_up_neither_heartbeats_nor_the_end(monkeypatch):
    monkeypatch.setattr(pumps, "ENDING", 0.05)

    async def play():
        store, gate, sent = kept(), Gate(), []
        store.at = lambda _place: gate()
        script = Script()
        script.plan = lambda _seen: Turn(read=True, send=Heard({}, 1), wake=SystemClock().now() + 0.01)
        async with running(script, store, sends=sent.append) as pump:
            await until(lambda: gate.calls)
            before = len(sent)
            await until(lambda: len(sent) > before + 10)
            assert len(gate.calls) == 1
            assert not script.all("unread")
            pump.stop()
            await until(lambda: script.seen[-1].stop)
            asyncio.get_running_loop().call_later(0.3, gate.open.set)

    played(play)


def test_a_write_of_unknown_outcome_is_settled():
    async def play():
        entry = enabled()
        store, asked = kept(), Write(*entry)
        fails = [Unavailable("lost")]

        def at(place):
            if place == "after" and fails:
                raise fails.pop()  # it was written, and the answer is lost

        store.at = at

        def wants(seen):
            if seen.wrote is not None and seen.wrote.outcome == "unknown":
                pending.append(Write(asked.record, asked.version, asked.entry, asked.id, again=True))
            if seen.wrote is not None and seen.wrote.outcome == "done":
                pending.clear()
                return REST
            return Turn(write=pending[-1] if pending else None, wake=inf)

        pending = [asked]
        script = Script(wants)
        async with running(script, store):
            await until(lambda: len(script.all("wrote")) == 2)
        first, second = script.all("wrote")
        assert (first.outcome, first.why, second.outcome) == ("unknown", "lost", "done")
        assert len(store.entries) == 1
        assert store.version == 2

    played(play)


def enabled():
    """A decided record, the version that it replaces, its entry, and a word."""
    from prgcore.stores.record import decided

    decision = PRG.step(PRG.initial[0], "enable_ha")
    record, entry = decided(RECORD, PRG.initial[0], decision, by="administrator", time=1)
    return record, 1, entry, "word"


@pytest.mark.parametrize(("error", "again", "outcome"), [
    (Conflict("others"), False, "conflict"), (Unavailable("away"), False, "unknown"),
    (BadInput("too large"), False, "refused"), (BadInput("too large"), True, "unknown"),
    (OSError(28, "no space"), False, "unknown"),
])
def test_what_a_write_ends_in_is_said(error, again, outcome):
    async def play():
        record, version, entry, word = enabled()
        store = kept()

        def at(place):
            if place == "before":
                raise error

        store.at = at
        script = Script(lambda _seen: REST if script.all("wrote") else Turn(
            write=Write(record, version, entry, word, again=again), wake=inf))
        async with running(script, store):
            await until(lambda: script.all("wrote"))
        (wrote,) = script.all("wrote")
        assert (wrote.outcome, wrote.version) == (outcome, 0)
        assert str(error) in wrote.why

    played(play)


def test_a_store_that_fails_is_asked_more_and_more_seldom():
    async def play():
        store, asked = kept(), []

        def at(_place):
            asked.append(SystemClock().now())
            raise Unavailable("away")

        store.at = at
        script = Script(lambda _seen: Turn(read=True, wake=inf))
        async with running(script, store):
            await until(lambda: len(asked) >= 6)
            for number, (one, other) in enumerate(pairwise(asked)):
                assert other - one >= min(REST_OF_A_LANE[0] * 2 ** number, REST_OF_A_LANE[1])
            store.at = lambda _place: None
            await until(lambda: script.all("reading"))

    played(play)


def test_a_change_by_somebody_else_is_read_once_and_its_own_is_not_read():
    async def play():
        store = kept()
        reads = []
        store.at = reads.append
        script = Script(lambda _seen: Turn(write=WRITE if not script.all("wrote") else None, wake=inf))
        async with running(script, store) as pump:
            await until(lambda: script.all("wrote"))
            await until(lambda: pump.version == 2 and script.all("reading"))
            await asyncio.sleep(0.05)
            assert reads.count("read") == 1
            for version in (2, 3):
                store.write(RECORD.to_json(), version)
                await until(lambda version=version: pump.version == version + 1)
            await asyncio.sleep(0.05)
            assert reads.count("read") == 3
        first, *_, last = script.all("reading")
        assert last.record is first.record, "what was recognised before is not recognised again"

    played(play)


def test_a_record_that_is_none_is_unread():
    async def play():
        store = kept()
        store.text = '{"epoch": 1}'
        script = Script()
        async with running(script, store):
            await until(lambda: script.all("unread"))
            store.text = None
            await until(lambda: script.all("reading"))
        assert "is not a record" in script.all("unread")[0]
        assert (script.all("reading")[0].record, script.all("reading")[0].version) == (None, 0)

    played(play)


# --------------------------------------------------------------------------------- time


def test_the_next_turn_is_when_it_was_wanted_and_none_is_before():
    async def play():
        clock, at = SystemClock(), []

        def wants(_seen):
            at.append(clock.now())
            return Turn(wake=at[-1] + 0.1)

        script = Script(wants)
        async with running(script):
            await until(lambda: script.all("reading"))
            begun = len(at)  # from now on only time asks for a turn
            await until(lambda: len(at) >= begun + 7)
            gaps = [later - earlier for earlier, later in pairwise(at[begun - 1:])]
        assert min(gaps) >= 0.09

    played(play)


def test_nothing_happens_where_nothing_is_wanted():
    async def play():
        store, reads = kept(), []
        store.at = reads.append
        script = Script()
        async with running(script, store):
            await until(lambda: script.all("reading"))
            await asyncio.sleep(2.5 * pumps.LOOK)
            assert reads == ["read"]
            assert len(script.seen) <= 3

    played(play)


def test_a_time_that_has_passed_is_no_flood():
    async def play():
        script = Script(lambda _seen: Turn(wake=0.0))
        async with running(script, clock=Clock()):
            await until(lambda: script.all("reading"))
            before, begun = len(script.seen), SystemClock().now()
            await until(lambda: len(script.seen) >= before + 50)
            turned, took = len(script.seen) - before, SystemClock().now() - begun
        assert turned <= took / pumps.SOON + 1

    played(play)


QUIET = Heard({"node1.services": "up"}, 1)


def ahead(script, seconds, rest=0.01):
    """Turns that want nothing, and wait for a reading so long: so a pump makes the next one."""
    script.plan = lambda _seen: Turn(wake=SystemClock().now() + rest, quiet=QUIET, ahead=seconds)
    return script


def test_a_turn_that_only_time_brings_waits_for_a_reading():
    async def play():
        script, store = ahead(Script(), LONG), kept()
        async with running(script, store):
            await until(lambda: script.all("reading"))
            begun = len(script.seen)
            await until(lambda: len(script.seen) >= begun + 5)
        assert all(seen.reading for seen in script.seen[begun:begun + 5])

    played(play)


def test_a_turn_waits_no_longer_for_a_reading_than_it_may():
    async def play():
        script, store, gate = ahead(Script(), 0.01), kept(), Gate()
        gate.open.set()
        store.at = lambda call: gate() if call == "read" else None
        async with running(script, store):
            await until(lambda: len(script.all("reading")) >= 2)
            gate.open.clear()
            await until(lambda: gate.inside and not any(
                seen.reading for seen in script.seen[-5:]))
            gate.open.set()

    played(play)


def test_what_comes_while_a_turn_waits_for_a_reading_is_taken_at_once():
    async def play():
        script, store, gate = ahead(Script(), LONG), kept(), Gate()
        gate.open.set()
        store.at = lambda call: gate() if call == "read" else None
        async with running(script, store) as pump:
            await until(lambda: script.all("reading"))
            gate.open.clear()
            await until(lambda: gate.inside)
            pump.ask(Ask("question", "enable_ha"))
            await until(lambda: script.all("asks"))
            gate.open.set()

    played(play)


def test_a_lane_that_has_rested_needs_no_reading():
    async def play():
        script, store, reads, gate = Script(), kept(), [], Gate(answer=False)
        store.at = reads.append
        gate.open.set()
        script.plan = lambda _seen: Turn(
            serve=SERVE, wake=SystemClock().now() + LONG, quiet=QUIET, ahead=LONG)
        async with running(script, store, serves=gate):
            await until(lambda: reads and len(gate.calls) >= 5)
            assert reads == ["read"]

    played(play)


def test_a_call_that_outlives_its_run_and_its_loop_holds_no_later_run_up(monkeypatch):
    monkeypatch.setattr(pumps, "ENDING", 0.01)
    script, store, gate = Script(), kept(), Gate()
    store.at = lambda call: gate() if call == "read" else None
    pump = Pump(script, store, SystemClock(), Ways())

    async def runs(condition):
        task = asyncio.create_task(pump.run())
        await until(condition)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(runs(lambda: gate.calls))
    assert pump.busy
    gate.open.set()
    once(lambda: pump._reads.kept is not None)
    asyncio.run(runs(lambda: len(script.all("reading")) >= 2))


def test_services_get_the_newest_permission_once_they_have_obeyed_an_earlier_one():
    async def play():
        gate, script = Gate(), Script()
        wants = [SERVE, Serve({"node1": 1, "node2": 2}, 99.0)]
        script.plan = lambda _seen: Turn(serve=wants[0], wake=inf, quiet=QUIET)
        async with running(script, serves=gate) as pump:
            await until(lambda: gate.calls and script.all("reading"))
            del wants[0]
            await turns(pump, script)  # while the services have not answered yet
            assert len(gate.calls) == 1
            gate.open.set()
            await until(lambda: len(gate.calls) == 2)
            assert gate.calls[1] == (wants[0],)

    played(play)


def test_a_reading_that_a_turn_did_not_take_is_read_again():
    async def play():
        script, store = Script(), kept()
        async with running(script, store) as pump:
            await until(lambda: script.all("reading"))
            fails = [True]

            def plan(seen):
                if seen.reading and fails:
                    fails.clear()
                    raise ZeroDivisionError
                return REST

            script.plan = plan
            before = len(script.all("reading"))
            store.write(RECORD.to_json(), store.version)  # the watch reports it
            await until(lambda: len(script.all("reading")) >= before + 2)
            assert not fails
            assert pump.version == store.version

    played(play)


def test_the_answer_of_services_that_obey_waits_for_the_next_turn():
    async def play():
        gate, script = Gate(), Script()
        script.plan = lambda seen: Turn(serve=None if seen.obeyed or len(script.seen) > 1 else SERVE,
                                        wake=inf, quiet=QUIET)
        async with running(script, serves=gate) as pump:
            await until(lambda: gate.calls and script.all("reading"))
            turned = len(script.seen)
            gate.open.set()
            await until(lambda: pump._services.kept is not None)
            assert len(script.seen) == turned
            pump.arrived("node1", Heard({}, 2))  # which is news
            await until(lambda: script.all("obeyed"))
            assert script.all("obeyed") == [Obeyed(SERVE, True)]

    played(play)


@pytest.mark.parametrize("answer", [False, Unavailable("no")], ids=["not", "error"])
def test_the_answer_of_services_that_do_not_obey_waits_for_nothing(answer):
    async def play():
        gate, script = Gate(answer), Script()
        script.plan = lambda _seen: Turn(serve=None if script.all("obeyed") else SERVE, wake=inf, quiet=QUIET)
        async with running(script, serves=gate):
            await until(lambda: gate.calls and script.all("reading"))
            gate.open.set()
            await until(lambda: script.all("obeyed"))
            assert script.all("obeyed") == [Obeyed(SERVE, False)]

    played(play)


def test_an_answer_that_waits_is_taken_as_soon_as_nothing_may_wait():
    """It may come while a turn is made after which nothing waits."""
    async def play():
        gate, script, quiet = Gate(), Script(), [QUIET]

        def plan(_seen):
            if len(script.seen) == 3:  # in this turn, nothing is known of the answer yet
                gate.open.set()
                while pump._services.kept is None:
                    pass
                quiet.clear()
            return Turn(serve=SERVE if len(script.seen) == 1 else None, wake=inf,
                        quiet=quiet[0] if quiet else None)

        script.plan = plan
        async with running(script, serves=gate) as pump:
            await until(lambda: gate.calls and script.all("reading"))
            while len(script.seen) < 3:
                await turns(pump, script, 1)
            await until(lambda: script.all("obeyed"))

    played(play)


def test_a_record_that_it_has_written_is_not_recognised_again():
    async def play():
        script, recognised = Script(), []

        def recognises(value):
            recognised.append(value)
            return RECORD

        script.plan = lambda _seen: Turn(
            write=None if script.all("wrote") else Write(evolve(RECORD, epoch=0, mark="other"), 1),
            wake=inf)
        async with running(script, recognises=recognises) as pump:
            await until(lambda: script.all("wrote"))
            assert not await pump.read()
            assert script.all("reading")[-1].record == evolve(RECORD, mark="other")
        assert len(recognised) <= 1

    played(play)


# -------------------------------------------------------------------------------- ends


def test_an_exception_of_a_turn_ends_nothing():
    async def play():
        broken, broke = [RuntimeError("odd")], []

        def wants(seen):
            if seen.asks and broken:
                raise broken[0]
            return REST

        script = Script(wants)
        async with running(script, broke=broke.append) as pump:
            pump.ask(Ask("k", "enable_ha"))
            await until(lambda: broke)
            del broken[0]
            pump.ask(Ask("l", "enable_ha"))
            await until(lambda: script.seen[-1].asks)
        assert [type(e) for e in broke] == [RuntimeError]

    played(play)


def test_troubles_that_flap_are_each_logged_once_until_all_is_well(caplog):
    async def play():
        flaps = ["a", "b", "a", "b", "a", "", "a", "a"]
        script = Script(lambda _seen: Turn(trouble=flaps.pop(0) if flaps else "a", wake=inf))
        async with running(script) as pump:
            await turns(pump, script, 12)
        assert not flaps
        assert [r.getMessage() for r in caplog.records if r.name == "prgcore"] == ["a", "b", "a"]

    played(play)


def test_a_pump_that_has_stopped_returns_and_what_was_under_way_is_known():
    async def play():
        gate, script = Gate(), Script()
        script.plan = lambda seen: Turn(do=ORDER, wake=inf, stopped=seen.stop and bool(gate.calls))
        pump = Pump(script, kept(), SystemClock(), Ways(carry_out=gate))
        task = asyncio.create_task(pump.run())
        await until(lambda: gate.calls)
        pump.stop()
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
        await asyncio.wait_for(task, LONG)
        assert script.all("did") == [Did(ORDER)]
        assert script.seen[-1].stop

    played(play)


def test_news_that_come_while_it_ends_begin_no_call():
    """An agent that was told to stop waited for ever for the thread of a new reading."""
    others = threads()

    async def play():
        serves, script = Gate(), Script(lambda _seen: Turn(read=True, serve=SERVE, wake=inf))
        pump = Pump(script, kept(), SystemClock(), Ways(serves=serves))
        task = asyncio.create_task(pump.run())
        await until(lambda: serves.calls and script.all("reading"))
        script.plan = lambda _seen: Turn(read=True, wake=inf)
        pump.end()
        await until(lambda: not reading())
        pump.arrived("node1")
        await asyncio.sleep(0.05)
        assert not reading()
        serves.open.set()
        async with asyncio.timeout(LONG):
            await task
        assert script.seen[-1].arrivals, "the last turn sees them"

    def reading():
        return threads("prgcore reads") - others

    played(play)
