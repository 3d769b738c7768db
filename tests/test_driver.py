"""Drivers: what is decided is kept before anything is done, and all of it is done, whatever crashes."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from contextlib import suppress
from functools import cache

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import (
    ActionFailed,
    BadInput,
    Conflict,
    ImpossibleEvent,
    OutsideInvariant,
    StaleEpoch,
    Unavailable,
    Unreadable,
)
from prgcore.machine import PRG, prg
from prgcore.running.asynchronous import AsyncDriver
from prgcore.running.driver import Driver, Heard, Keeper
from prgcore.running.node import whole
from prgcore.seats import NODES
from prgcore.stores.ports import Fence, Observation, heard, host_lost, told
from prgcore.stores.record import Record, begin
from prgcore.story.conformance import check
from prgcore.story.script import parse, run, write
from prgcore.tables.actions import ACTIONS
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Kind, Outcome
from tests.stored import Clock, Crash, Memory
from tests.toys import LAMPS, TURNSTILE
from tests.waits import once, threads, until

WAY = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)")
TIMES = Parameters(keep_alive_interval=1, keep_alive_timeout=4,
                   initialization_keep_alive_timeout=6, critical_service_delay=2)
MEANS = {a.name: a.fails for a in ACTIONS}
LONG = 60
"""Seconds after which a test gives up waiting."""


class World:
    """A performer that remembers what it did. `at` is called in the middle of it."""

    def __init__(self, store, *, fails=lambda _order: False, at=lambda _place: None):
        self.store, self.fails, self.at = store, fails, at
        self.did = []

    def perform(self, order):
        entry = self.store.entries[order.epoch - 1]
        asked = entry["actions"][order.number]
        assert (asked["do"], asked.get("node", order.node)) == (order.do, order.node), "never decided"
        self.at("during")
        self.did.append(order)
        if self.fails(order):
            raise ActionFailed(f"{order.do} is broken")


def controller(store=None, performer=None, **options):
    store = Memory() if store is None else store
    options.setdefault("clock", Clock())
    engine = options.pop("engine", PRG)
    return Driver(engine, store, performer or World(store), **options)


def normal(**options):
    """A driver of a pair that is Normal."""
    driver = controller(**options)
    for event in WAY:
        driver.send(event)
    assert states(driver) == ["normal", "normal"]
    driver.performer.did.clear()
    return driver


def states(driver):
    columns = driver.read()[0].columns
    return [columns["node1.state"], columns["node2.state"]]


def replayed(store, engine=PRG):
    """The history goes through the engine, and ends in what is kept."""
    report = check(engine, store.entries)
    assert report.ok, report.finding.text()
    assert [e["epoch"] for e in store.entries] == list(range(1, len(store.entries) + 1))
    record = Record.from_json(store.read().value)
    assert record.epoch == len(store.entries)
    if store.entries:
        assert record.columns == store.entries[-1]["after"]
    return record


def likely(pair, dice):
    """An event that can happen; commands and faults not too often."""
    names = [e.name for e in PRG.model.events if PRG.possible(pair, e.name)]
    done = [n for n in names if PRG.step(pair, n).outcome is Outcome.DONE]
    return dice.choice(done if done and dice.random() < 0.8 else names)


# ------------------------------------------------------------------------ the stories


@pytest.mark.parametrize("story", PRG.model.stories, ids=lambda s: s.id)
def test_a_driver_lives_every_story(story):
    """Event by event what the story tells, and every action of it carried out."""
    engine = prg(**parse(write(story)).policy)
    told = run(engine, story)
    store = Memory()
    store.write(begin(told.start).to_json(), 0)
    driver = controller(store, engine=engine, completes=False)
    for step in told.steps:
        if step.decision is None:
            continue
        assert driver.read()[0].columns == dict(step.before)
        [entry] = driver.send(step.line.name)
        assert (entry.outcome, entry.rule) == (
            step.decision.outcome, step.decision.rule and step.decision.rule.id)
        assert driver.read()[0].columns == entry.after == dict(step.after)
    assert [o.do for o in driver.performer.did] == [
        a.do for s in told.steps if s.decision for a in s.decision.actions]
    assert driver.orders() == ()


def test_any_machine_can_be_driven():
    for model in (TURNSTILE, LAMPS):
        engine = Engine(model)
        driver = controller(engine=engine)
        dice = random.Random(1)
        for _ in range(60):
            pair = engine.pair(driver.read()[0].columns)
            if engine.broken(pair):
                with pytest.raises(OutsideInvariant):
                    driver.send(next(e.name for e in model.events))
                break
            driver.send(dice.choice(
                [e.name for e in model.events if engine.possible(pair, e.name)]))
        assert len(driver.store.entries) > 3
        with pytest.raises(BadInput, match="unknown event"):
            driver.send("enable_ha")


def test_what_is_asked_of_the_group_is_done_by_whoever_keeps_it():
    driver = normal()
    [entry] = driver.send("add_users")
    assert (entry.by, entry.outcome) == ("administrator", "done")
    assert [(o.node, o.do) for o in driver.performer.did] == [("controller", "assign_users")]
    assert driver.read()[0].orders == ()


@pytest.mark.parametrize("event", [
    "failover(node1)", "recover", "initialized(node1)", "power_on(node2)"])
def test_what_is_not_done_leaves_no_trace_but_a_line_of_the_log(event):
    lines = []
    driver = controller(log=lines.append)
    writes = list(driver.store.writes)
    try:
        [entry] = driver.send(event)
    except ImpossibleEvent:
        assert lines == []
    else:
        assert entry.outcome in ("refused", "ignored")
        assert entry.before == entry.after
        assert entry.epoch == 0
        assert lines == [entry]
    assert driver.store.writes == writes
    assert driver.store.entries == driver.performer.did == []


def test_an_ignored_event_leaves_no_trace():
    driver = normal()
    driver.send("link_cut")
    driver.send("heartbeat_lost(node1)")
    pair = PRG.pair(driver.read()[0].columns)
    event = next(e.name for e in PRG.model.events if PRG.possible(pair, e.name)
                 and PRG.step(pair, e.name).outcome is Outcome.IGNORED)
    writes = len(driver.store.writes)
    [entry] = driver.send(event)
    assert entry.outcome == "ignored"
    assert len(driver.store.writes) == writes


# -------------------------------------------------------------------------- crashes


class Points:
    """Nothing happens, until it is for the nth time that something could."""

    def __init__(self, fatal, what=Crash):
        self.left, self.what = fatal, what

    def __call__(self, place):
        if place != "read":
            if self.left == 0:
                self.left = -1
                raise self.what(place)
            self.left -= 1


def copied(store):
    return Memory(text=store.text, version=store.version, entries=list(store.entries))


def plain(store):
    """The history, but for what makes each write another."""
    return [entry | {"id": ""} for entry in store.entries]


def unmarked(store):
    """What is kept, but for the mark of the write."""
    return store.read().value | {"mark": ""}


def broken(order):
    """Some actions fail, always the same ones."""
    return bool(MEANS[order.do]) and (order.epoch * 7 + order.number) % 5 == 0


@pytest.mark.parametrize(("seed", "fails"), [
    (1, lambda _: False), (2, lambda _: False), (3, broken), (4, broken)])
def test_a_crash_at_any_point_loses_nothing_and_does_nothing_that_was_not_decided(seed, fails):
    dice, store = random.Random(seed), Memory()
    performer = World(store, fails=fails)
    driver = controller(store, performer)
    crashes = 0
    for number in range(70):
        pair = PRG.pair(driver.read()[0].columns)
        event = WAY[number] if number < len(WAY) else likely(pair, dice)
        before = copied(store)
        performer.did.clear()
        driver.send(event)
        for point in range(1000):
            points = Points(point)
            again = copied(before)
            other = World(again, fails=fails, at=points)
            again.at = lambda _place: None
            crashing = controller(again, other)
            again.at = points
            try:
                crashing.send(event)
            except Crash:
                again.at = other.at = lambda _place: None
                restarted = controller(again, other)
                if len(again.entries) == len(before.entries):
                    restarted.send(event)
            else:
                break
            crashes += 1
            assert plain(again) == plain(store), "each decision once, and no other"
            assert unmarked(again) == unmarked(store)
            firsts = list(dict.fromkeys(other.did))
            assert firsts == performer.did, "each order, in order"
            assert all(b == a or other.did.index(b) == at for at, (a, b) in enumerate(
                zip(other.did, other.did[1:], strict=False), 1)), "again at once, or never"
    assert crashes > 150
    assert len(store.entries) > 50
    record = replayed(store)
    assert all(record.columns[f"{o.node}.process"] != "running" for o in record.orders), (
        "what is left is for nodes that do not run")


@pytest.mark.parametrize("point", range(12))
def test_a_store_that_fails_at_any_write_is_asked_again(point):
    """Not known whether it was written: what was told is told again, and only once more decided."""
    driver = normal()
    store = driver.store
    store.at = Points(point, Unavailable)
    try:
        driver.send("failover(node1)")
    except Unavailable:
        if not any(e["event"] == "failover(node1)" for e in store.entries):
            driver.send("failover(node1)")
    store.at = lambda _place: None
    driver.work()
    assert [e["event"] for e in store.entries].count("failover(node1)") == 1
    assert states(driver) == ["idle", "running_in_backup_mode"]
    assert replayed(store).orders == ()


def test_a_store_that_has_lost_its_record_is_told():
    driver = normal()
    driver.store.text = None
    with pytest.raises(Unavailable, match="the store is empty"):
        driver.send("recover")
    driver.store.text = '{"epoch": "a"}'
    with pytest.raises(Unreadable, match="is not a record"):
        driver.send("recover")


def test_a_record_outside_the_invariants_is_answered_and_not_guessed():
    driver = normal()
    record = driver.read()[0]
    record.columns.update({"node1.assigned_own": "yes", "node2.assigned_peer": "yes"})
    driver.store.write(record.to_json(), driver.store.version)
    with pytest.raises(OutsideInvariant):
        driver.send("failover(node1)")
    assert driver.performer.did == []


# ------------------------------------------------------------------------- actions


@pytest.mark.parametrize(("do", "event", "then"), [
    ("acquire_grant", "failover(node1)", "takeover_failed(node2)"),
    ("move_users", "failover(node1)", "takeover_failed(node2)"),
    ("stop_critical_services", "failover(node1)", "internal_error(node1)"),
    ("disconnect_users", "failover(node1)", "internal_error(node1)"),
])
def test_what_cannot_be_done_is_an_event_and_the_rest_of_it_is_dropped(do, event, then):
    driver = normal()
    driver.performer.fails = lambda order: order.do == do and order.epoch == epoch
    epoch = driver.read()[0].epoch + 1
    driver.send(event)
    events = [e["event"] for e in driver.store.entries]
    assert events[events.index(event) + 1] == then
    orders = [o for o in driver.performer.did if o.epoch == epoch]
    failed = next(i for i, o in enumerate(orders) if o.do == do)
    assert all(o.node != orders[failed].node for o in orders[failed + 1:])
    first = next(r for r in map(json.loads, driver.store.writes)
                 if r["epoch"] == 1 + max(e["epoch"] for e in driver.store.entries
                                          if e["event"] == event))
    assert not [o for o in first["orders"] if (o["epoch"], o["node"]) == (
        epoch, orders[failed].node)], "gone in the write that tells it"
    assert replayed(driver.store).orders == ()


def test_what_comes_too_late_is_dropped():
    driver = normal()
    newest = driver.read()[0].epoch + 2
    fence, did = Fence(newest), []

    class Late:
        def perform(self, order):
            fence.check(order.epoch)
            did.append(order)

    driver.performer = Late()
    driver.send("failover(node1)")
    assert did
    assert all(o.epoch >= newest for o in did)
    assert driver.orders() == ()
    with pytest.raises(StaleEpoch, match="epoch 1 is older than"):
        fence.check(1)


def test_a_performer_that_raises_what_it_must_not_is_heard_and_asked_again():
    driver = normal()
    whole = driver.performer

    class Wrong:
        def perform(self, _order):
            raise OSError(5, "input or output")

    driver.performer = Wrong()
    with pytest.raises(OSError, match="input or output"):
        driver.send("failover(node1)")
    driver.performer = whole
    driver.work()
    assert states(driver) == ["idle", "running_in_backup_mode"]


# ------------------------------------------------------------------------ together


def test_drivers_that_write_at_once_lose_nothing_and_decide_nothing_twice():
    store = Memory()
    normal(store=store)
    told, wrong = [], []

    def work(seed):
        dice = random.Random(seed)
        driver = controller(store, World(store))
        try:
            for _ in range(25):
                pair = PRG.pair(driver.read()[0].columns)
                try:
                    told.extend(driver.send(likely(pair, dice)))
                except ImpossibleEvent:
                    continue  # another one was faster
        except BaseException as error:
            wrong.append(error)
            raise

    before = len(store.entries)
    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert wrong == []
    done = [e for e in told if e.outcome == "done"]
    assert sorted(e.epoch for e in done) == list(range(before + 1, len(store.entries) + 1))
    assert [e.to_json()["event"] for e in sorted(done, key=lambda e: e.epoch)] == [
        e["event"] for e in store.entries[before:]]
    driver = controller(store, World(store))
    assert all(replayed(store).columns[f"{o.node}.process"] != "running" for o in driver.orders())
    for event in [f"{e}({node})" for node in NODES for e in ("power_on", "manager_start")]:
        with suppress(ImpossibleEvent):
            driver.send(event)  # whoever is down has its orders still before it
    assert replayed(store).orders == ()


def test_a_decision_is_made_again_of_what_another_one_wrote():
    store = Memory()
    driver, other = normal(store=store), controller(store)
    wrote = []

    def at(place):
        if place == "before" and not wrote:
            wrote.append(place)
            other.send("disable_ha")

    store.at = at
    [entry] = driver.send("failover(node1)")
    assert entry.outcome == "refused"
    assert [e["event"] for e in store.entries][-1] == "disable_ha"


def test_whoever_is_never_fast_enough_gives_up():
    driver = normal()

    def at(place):
        if place == "before":
            raise Conflict("another one was faster")

    driver.store.at = at
    with pytest.raises(Conflict, match="others have written the record"):
        driver.send("failover(node1)")
    driver.store.at = lambda _place: None
    assert states(driver) == ["normal", "normal"]


# --------------------------------------------------------------------------- timers


def beating(driver, seconds, nodes=("node1", "node2"), step=0.5):
    """So much time, with heartbeats of these nodes; what was decided."""
    entries = []
    for _ in range(int(seconds / step)):
        driver.clock.time += step
        for node in nodes:
            entries += driver.see(heard(node))
        entries += driver.see()
    return [e.event for e in entries]


def test_heartbeats_bring_a_pair_up_and_keep_it():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    assert set(beating(driver, 3)) >= {"heartbeat_heard(node1)", "heartbeat_heard(node2)"}
    assert states(driver) == ["normal", "normal"]
    assert beating(driver, 60) == []
    replayed(driver.store)


def test_a_lost_heartbeat_is_decided_in_time_and_explained():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    beating(driver, 3)
    assert beating(driver, 3.5, nodes=("node2",)) == []
    events = beating(driver, 1, nodes=("node2",))
    assert events[:2] == ["link_cut", "heartbeat_lost(node1)"]
    told = [e["event"] for e in driver.store.entries]
    cause = told[told.index("heartbeat_lost(node1)") - 1]
    assert cause == "link_cut"
    replayed(driver.store)


def test_a_service_that_is_down_too_long_is_decided_and_one_that_recovers_is_not():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    beating(driver, 3)
    driver.send("services_down(node1)")
    assert beating(driver, 1.5) == []
    driver.send("services_up(node1)")
    assert beating(driver, 5) == []
    driver.send("services_down(node1)")
    assert beating(driver, 2.5)[0] == "critical_service_delay(node1)"
    assert states(driver) == ["failed_over_with_critical_services_not_running", "running_in_backup_mode"]
    replayed(driver.store)


def test_a_host_that_is_told_lost_is_taken_over_and_explained():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    beating(driver, 3)
    events = [e.event for e in driver.see(host_lost("node2"))]
    assert "peer_host_lost(node2)" in events
    told = [e["event"] for e in driver.store.entries]
    assert told[told.index("peer_host_lost(node2)") - 1].startswith("power_off(node1)")
    replayed(driver.store)


def test_the_deadline_is_enough():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    beating(driver, 3)
    driver.clock.time = driver.deadline
    assert [e.event for e in driver.see()]
    for _ in range(50):
        driver.see()
        assert driver.deadline is None or driver.deadline > driver.clock.time
        if driver.deadline is not None:
            driver.clock.time = driver.deadline
    replayed(driver.store)
    assert controller().deadline is None


def test_parameters_change_in_one_way_and_the_deadline_moves_with_them():
    driver = normal(parameters=TIMES)
    for node in NODES:
        driver.see(heard(node))
    began = driver.clock.time
    assert driver.deadline == began + 4
    driver.clock.time += 1
    with pytest.raises(AttributeError):
        driver.parameters = Parameters()
    driver.change_parameters(evolve(TIMES, keep_alive_timeout=2))
    assert (driver.parameters.keep_alive_timeout, driver.deadline) == (2, began + 2)
    flood = evolve(TIMES, keep_alive_interval=0)
    with pytest.raises(BadInput, match="keep_alive_interval"):
        driver.change_parameters(flood)
    assert (driver.parameters.keep_alive_timeout, driver.deadline) == (2, began + 2)
    driver.change_parameters(None)
    assert (driver.parameters, driver.deadline) == (None, None)
    driver.clock.time += 5
    assert driver.see() == []
    driver.change_parameters(TIMES)
    assert driver.deadline == driver.clock.time
    assert driver.see() == []
    driver.clock.time = driver.deadline
    assert [e.event for e in driver.see()][:2] == ["link_cut", "heartbeat_lost(node1)"]
    replayed(driver.store)


def test_a_clock_that_steps_back_hurts_nobody():
    driver = controller(parameters=TIMES)
    driver.send("enable_ha")
    beating(driver, 3)
    driver.clock.time -= 100
    assert [e.event for e in driver.see()] == []
    assert [e.event for e in driver.see(heard("node1"))] == []


# ---------------------------------------------------------------------- event loops


def looped(play, **options):
    """Play with a driver beside an event loop; its tasks and threads are gone afterwards."""
    before = threads()
    store = Memory()
    keeper = Keeper(PRG, store, **{"clock": Clock(), **options})

    async def main():
        performer = World(store)
        driver = AsyncDriver(keeper, performer)
        running = asyncio.create_task(driver.run())
        try:
            async with asyncio.timeout(LONG):
                return await play(driver, performer, running)
        finally:
            running.cancel()
            ended = await asyncio.gather(running, return_exceptions=True)
            assert isinstance(ended[0], asyncio.CancelledError), ended
            assert len(asyncio.all_tasks()) == 1

    found = asyncio.run(main())
    once(lambda: not threads() - before)
    return found


def columns(driver):
    return driver.keeper.read()[0].columns


def test_beside_an_event_loop_a_pair_comes_up_and_fails_over():
    async def play(driver, performer, _running):
        for event in WAY:
            await driver.see(told(event))
        await until(lambda: columns(driver)["node2.state"] == "normal")
        await driver.tell("failover(node1)")
        await until(lambda: columns(driver)["node1.state"] == "idle")
        assert [o.do for o in performer.did][:1] == ["stop_critical_services"] or performer.did
        replayed(driver.keeper.store)

    looped(play)


def test_a_slow_action_holds_no_heartbeat_up():
    go = threading.Event()

    async def play(driver, performer, _running):
        for event in WAY:
            await driver.see(told(event))
        await until(lambda: columns(driver)["node2.state"] == "normal")
        begun = threading.Event()

        def at(_place):
            begun.set()
            assert go.wait(LONG)

        performer.at = at
        try:
            await driver.tell("failover(node1)")
            await until(begun.is_set)
            before = len(performer.did)
            for _ in range(20):
                await driver.see(heard("node1"))
                await driver.see(heard("node2"))
            await driver.tell("services_down(node2)")
            assert len(performer.did) == before
            assert driver.keeper.orders()
        finally:
            go.set()
        await until(lambda: not driver.keeper.orders())
        replayed(driver.keeper.store)

    looped(play, parameters=TIMES)


def test_a_store_that_is_away_is_waited_for(caplog):
    async def play(driver, _performer, running):
        store = driver.keeper.store

        def away(_place):
            raise Unavailable("the disk is gone")

        for event in WAY:
            await driver.see(told(event))
        store.at = away
        with pytest.raises(Unavailable, match="the disk is gone"):
            await driver.see(told("failover(node1)"))
        await asyncio.sleep(0.05)
        assert not running.done()
        store.at = lambda _place: None
        await until(lambda: columns(driver)["node2.state"] == "normal")

    looped(play)
    assert "the disk is gone" in caplog.text


def test_what_a_crash_left_is_done_when_it_runs_again():
    store = Memory()
    driver = normal(store=store)
    driver.performer.at = Points(1)
    with pytest.raises(Crash):
        driver.send("failover(node1)")
    left = Keeper(PRG, store, clock=Clock()).orders()
    assert left

    async def play():
        performer = World(store)
        driver = AsyncDriver(Keeper(PRG, store, clock=Clock()), performer)
        running = asyncio.create_task(driver.run())
        async with asyncio.timeout(LONG):
            await until(lambda: columns(driver)["node1.state"] == "idle")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert tuple(performer.did[:len(left)]) == left

    asyncio.run(play())


def test_a_keeper_has_one_driver_at_a_time():
    """Each would take the other's turns, and both would carry out the same orders."""
    async def play(driver, performer, running):
        assert (await driver.see(told("enable_ha")))[0].outcome == "done"
        second = AsyncDriver(driver.keeper, performer)
        with pytest.raises(BadInput, match="runs this keeper already"):
            await second.run()
        assert (await driver.tell("add_users")).event == "add_users", "the first one goes on"
        with pytest.raises(BadInput, match="ask the driver"):
            driver.keeper.tell("add_users")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert driver.keeper.tell("add_users").event == "add_users"

    looped(play)


@pytest.mark.parametrize("ran", [False, True])
def test_a_driver_that_does_not_run_leaves_no_thread(ran):
    """A driver that answers before or after its run kept a thread for each kind of call."""
    before = threads()

    async def play():
        store = Memory()
        driver = AsyncDriver(Keeper(PRG, store), World(store))
        if ran:
            running = asyncio.create_task(driver.run())
            await driver.see(told("enable_ha"))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        async with asyncio.timeout(LONG):
            entries = await driver.see(told("disable_ha" if ran else "enable_ha"))
            await until(lambda: not threads() - before)
        assert entries[0].outcome == "done"

    asyncio.run(play())


def test_time_passes_beside_an_event_loop():
    """With the clock of the computer: the loss of a peer is decided without being asked."""
    async def play(driver, _performer, _running):
        for event in WAY:
            await driver.see(told(event))
        await until(lambda: any(
            e["event"].startswith("heartbeat_lost") for e in driver.keeper.store.entries))

    from prgcore.stores.ports import SystemClock

    looped(play, clock=SystemClock(), parameters=Parameters(
        keep_alive_interval=0.05, keep_alive_timeout=0.2, initialization_keep_alive_timeout=0.3,
        critical_service_delay=0.1))


def test_a_change_of_parameters_wakes_the_driver():
    """The old deadline is a day away, and nobody asks."""
    async def play(driver, _performer, _running):
        for event in WAY:
            await driver.see(told(event))
        await driver.change_parameters(Parameters(keep_alive_timeout=0.2, keep_alive_interval=0.05))
        await until(lambda: any(
            e["event"].startswith("heartbeat_lost") for e in driver.keeper.store.entries))

    from prgcore.stores.ports import SystemClock

    looped(play, clock=SystemClock(), parameters=Parameters(
        keep_alive_timeout=86_400, initialization_keep_alive_timeout=86_400))


@cache
def kinds():
    return {e.name: e.kind for e in PRG.model.events}


def test_an_observation_of_nothing_is_nothing():
    driver = normal(parameters=TIMES)
    assert driver.see(Observation()) == []
    assert {kinds()[e["event"]] for e in driver.store.entries} <= set(Kind)


# ------------------------------------------------------------ what a review found


def test_a_failed_order_takes_the_rest_of_its_decision_with_it_on_both_nodes():
    driver = normal()
    performer = driver.performer
    performer.fails = lambda order: order.do == "stop_critical_services"
    performer.did.clear()
    driver.send("failover(node1)")
    did = [o.do for o in performer.did if o.do in ("acquire_grant", "move_users")]
    assert did == []
    assert driver.orders() == ()


@pytest.mark.parametrize("command", ["disable_ha", "recover"])
def test_services_start_though_those_of_the_other_node_cannot(command):
    """They were never started: the order was dropped with that of the other node (seed 339510)."""
    driver = normal()
    driver.send("failover(node2)")
    if command == "recover":
        for event in ("services_down(node1)", "critical_service_delay(node1)", "services_up(node1)"):
            driver.send(event)
    assert driver.read()[0].columns["node2.services"] == "stopped"
    driver.performer.did.clear()
    driver.performer.fails = lambda order: order.node == "node1" and order.do.startswith("start")
    assert driver.send(command)[0].outcome == "done"
    assert ("start_critical_services", "node2") in [(o.do, o.node) for o in driver.performer.did]
    assert driver.orders() == ()


def test_orders_of_a_node_that_cannot_be_reached_hold_nobody_up():
    driver = normal()

    class Away:
        def __init__(self):
            self.did = []

        def perform(self, order):
            if order.node == "node1":
                raise Unavailable("node1 does not answer")
            self.did.append(order.do)

    driver.performer = Away()
    driver.send("failover(node1)")
    assert "move_users" in driver.performer.did
    assert states(driver)[1] == "running_in_backup_mode"
    assert {o.node for o in driver.orders()} == {"node1"}
    driver.performer = World(driver.store)
    driver.work()
    assert driver.orders() == ()
    assert states(driver) == ["idle", "running_in_backup_mode"]


def test_orders_of_a_node_that_does_not_run_wait_for_it():
    driver = normal()
    driver.send("power_off(node1)")
    driver.performer.did.clear()
    driver.send("disable_ha")
    assert {o.node for o in driver.performer.did} == {"node2"}
    assert {o.node for o in driver.orders()} == {"node1"}
    driver.send("power_on(node1)")
    driver.send("manager_start(node1)")
    assert driver.orders() == ()


def test_a_heartbeat_counts_from_when_it_came_however_long_the_store_takes():
    clock = Clock()
    driver = normal(clock=clock, parameters=Parameters())
    for _ in range(4):
        clock.time += 15
        driver.see(heard("node1"))
        driver.see(heard("node2"))
    clock.time += 59
    driver.arrived("node1")
    driver.arrived("node2")
    clock.time += 30  # the store hung
    assert not [e.event for e in driver.see() if "lost" in e.event]


def test_what_a_heartbeat_told_comes_with_it_and_a_lost_host_has_sent_nothing():
    """Whoever observes first takes both, in whatever thread."""
    store, clock = Memory(), Clock()
    one, two = (Keeper(PRG, store, node, parameters=Parameters(), clock=clock)
                for node in ("node1", "node2"))
    for keeper in (one, two):
        down = {f"{keeper.node}.process": "manager_down", f"{keeper.node}.hears_peer": "no"}
        keeper.tell(f"manager_start({keeper.node})", also=down)
    one.tell("enable_ha")

    def beat():
        record, _ = one.read()
        return Heard({f"node1.{c}": record.own["node1"][f"node1.{c}"]
                      for c in ("services", "database", "hears_peer")}, record.changes["node1"])

    two.arrived("node2", beat())
    assert [e.event for e in two.observe()] == ["heartbeat_heard(node2)", "initialized(node2)"]
    two.arrived("node2", beat())
    entries = two.observe(host_lost("node2"))
    assert entries[0].event == "peer_host_lost(node2)"
    assert not [e for e in entries if e.event.startswith("heartbeat_heard")]

    two.arrived("node2", beat())
    store.at = broken_down
    with pytest.raises(Unavailable):
        two.observe()
    store.at = lambda _place: None
    assert "heartbeat_heard(node2)" in [e.event for e in two.observe()], "it is not forgotten"


def broken_down(_place):
    raise Unavailable("the store does not answer")


def test_what_a_heartbeat_told_is_known_without_timers_and_before_the_event_with_it():
    store = Memory()
    one, two = (Keeper(PRG, store, node) for node in ("node1", "node2"))
    for keeper in (one, two):
        down = {f"{keeper.node}.process": "manager_down", f"{keeper.node}.hears_peer": "no"}
        keeper.tell(f"manager_start({keeper.node})", also=down)
    one.tell("enable_ha")
    for keeper in (one, two):
        keeper.tell(f"heartbeat_heard({keeper.node})")
        keeper.complete()

    def beat(keeper):
        record, _ = keeper.read()
        return Heard({f"{keeper.node}.{c}": record.own[keeper.node][f"{keeper.node}.{c}"]
                      for c in ("services", "database", "hears_peer")},
                     record.changes[keeper.node])

    with pytest.raises(BadInput, match="needs its heartbeat"):
        one.observe(None, beat(two))
    assert "node2.services" not in one.known(one.read()[0])
    one.observe(heard("node1"), beat(two))
    assert one.known(one.read()[0])["node2.services"] == "up"
    seen = Observation("failover(node2)", heartbeat="node2")
    assert two.observe(seen, beat(one))[0].outcome == "done"


def test_wrong_names_are_told_not_waited_for():
    driver = normal(parameters=Parameters(), clock=Clock())
    for wrong in (heard("node9"), host_lost("cup1"), "enable_ha"):
        with pytest.raises(BadInput):
            driver.see(wrong)
    for wrong in ("", None):
        with pytest.raises(BadInput):
            driver.send(wrong)
    with pytest.raises(BadInput, match="node3"):
        Keeper(PRG, Memory(), "node3")
    with pytest.raises(BadInput, match="is not a store"):
        Keeper(PRG, "pair.db")


def test_a_record_of_another_kind_or_on_other_terms_is_refused():
    store = Memory()
    Keeper(PRG, store)
    with pytest.raises(BadInput, match="a controller"):
        Keeper(PRG, store, "node1")
    with pytest.raises(BadInput, match="another machine"):
        Keeper(prg(reconnection="keep_serving"), store)
    with pytest.raises(BadInput, match="another lease"):
        Keeper(PRG, store, terms={"lease": "4 s"})
    Keeper(PRG, store, terms={"lease": "4 s"}, adopt=True)
    Keeper(PRG, store, terms={"lease": "4 s"})


def test_a_heartbeat_of_a_manager_that_stops_meanwhile_is_not_heard():
    """It was decided on in time, and the record has moved on before it is written."""
    store, clock = Memory(), Clock()
    one, two = (Keeper(PRG, store, node, parameters=Parameters(), clock=clock)
                for node in ("node1", "node2"))

    def beat(sender):
        record, _ = sender.read()
        tells = {c: record.own[sender.node][f"{sender.node}.{c}"]
                 for c in ("services", "database", "hears_peer")}
        return Heard({f"{sender.node}.{c}": v for c, v in tells.items()},
                     record.changes[sender.node])

    for keeper in (one, two):
        down = {f"{keeper.node}.process": "manager_down", f"{keeper.node}.hears_peer": "no"}
        keeper.tell(f"manager_start({keeper.node})", also=down)
    one.tell("enable_ha")
    late = beat(one)

    def stops(place):
        if place == "before":
            store.at = lambda _place: None
            one.tell("manager_stop(node1)")

    store.at = stops
    told_of = [e.event for e in two.observe(heard("node2"), late)]
    assert told_of == []
    assert [e["event"] for e in store.entries][-1] == "manager_stop(node1)"
    assert check(PRG, store.entries).ok


@pytest.mark.parametrize("undecided", [False, True])
def test_a_controller_goes_on_once_the_right_record_is_put_back(undecided):
    """By what it knew before, nothing had changed: it named the wrong record for ever."""
    store = Memory()
    keeper = Keeper(PRG, store)
    keeper.complete()

    def away(place):
        if place == "before":
            raise Unavailable("the write is lost")

    if undecided:
        store.at = away
        with pytest.raises(Unavailable, match="lost"):
            keeper.tell("enable_ha")
        store.at = lambda _: None
    right = store.text
    store.text = json.dumps({**json.loads(right), "id": "another"})
    for ask in (keeper.observe, lambda: keeper.tell("add_users")):
        with pytest.raises(Unavailable, match="put that back"):
            ask()
    store.text = right
    if undecided:
        assert keeper.tell("add_users").outcome == "refused"
    assert keeper.observe() == []
    assert keeper.state.trouble == ""
    assert len(store.entries) == undecided


def test_a_store_that_refuses_what_it_may_have_kept_does_not_say_that_nothing_is_done():
    store = Memory()
    keeper = Keeper(PRG, store)

    def lost(place):
        if place == "before":
            store.at = refused
            raise Unavailable("the answer is lost")

    def refused(place):
        if place == "before":
            raise BadInput("it is too large")

    store.at = lost
    with pytest.raises(Unavailable, match="too large"):
        keeper.tell("enable_ha")
    store.at = lambda _: None
    assert [e.event for e in keeper.observe()] == ["enable_ha"]
    assert [e["event"] for e in store.entries] == ["enable_ha"]


def test_a_reading_shows_a_keeper_that_its_write_was_done():
    store = Memory()
    keeper = Keeper(PRG, store)

    def lost(place):
        if place == "after":
            store.at = lambda _: None
            raise Unavailable("the answer is lost")

    store.at = lost
    assert keeper.tell("enable_ha").event == "enable_ha"
    assert [e["event"] for e in store.entries] == ["enable_ha"]


def test_what_a_keeper_has_written_is_known_when_it_is_read(monkeypatch):
    made = Keeper(PRG, Memory())
    monkeypatch.setattr("prgcore.running.keeper.record_of", None)
    assert made.tell("enable_ha").outcome == "done"
    assert made.tell("disable_ha").outcome == "done"


def test_a_column_that_is_no_word_is_refused():
    with pytest.raises(BadInput, match="link"):
        whole(PRG, {**PRG.initial[0], "link": ["up"]})
    assert whole(PRG, dict(PRG.initial[0])) == PRG.initial[0]
