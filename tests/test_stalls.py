"""Two nodes in a small world of slow stores, pauses, late turns and silences: who is declared lost.

The same schedules run with the monitor and its arithmetic alone, and with whole agents
(`prgcore.running.turn`). T12 and T13 say what must come out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import chain, count, pairwise
from typing import Any, Protocol

import pytest
from attrs import Factory, define, frozen
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prgcore.errors import Conflict
from prgcore.machine import prg
from prgcore.running.charter import Charter
from prgcore.running.lease import Lease
from prgcore.running.node import own, shared
from prgcore.running.shapes import Arrival, Heard, Reading, Seen, Wrote
from prgcore.running.turn import AgentState, turn
from prgcore.seats import NODES
from prgcore.stores.record import Record, begin
from prgcore.timers import arithmetic
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Parameters

PRG = prg()
PEER = dict(zip(NODES, reversed(NODES), strict=True))
HOME = PRG.run(PRG.initial[0], "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
               "initialized(node1)", "initialized(node2)").end

TIMEOUT, INTERVAL, LATENCY = 100, 20, 3
REST = TIMEOUT // 4
PARAMETERS = Parameters(keep_alive_timeout=TIMEOUT, keep_alive_interval=INTERVAL,
                        initialization_keep_alive_timeout=TIMEOUT)


@frozen
class Loss:
    """A peer was declared lost: by whom, when, and to which moment silence was counted."""

    node: str
    at: float
    counted: float


@frozen
class Did:
    """What a node wants after a turn: the next turn, a call of the store, a heartbeat."""

    wake: float
    call: Callable[[], Any] | None = None
    beat: Heard | bool | None = False
    lost: float | None = None
    stalled: bool = False


class Node(Protocol):
    """A node: it gets its arrivals, and the answer of its store with the moment of its beginning."""

    def turn(self, now: float, arrivals: list[tuple[float, Any]],
             answer: tuple[float, Any] | None) -> Did: ...


class Watch:
    """The least that an agent is: a monitor, a reading, and heartbeats. Its methods are the parts."""

    def __init__(self, node: str, _: World) -> None:
        self.monitor = Monitor.start(PRG, node, 0, PARAMETERS)
        self.promised = self.ended = self.beat = 0.0
        self.arrived: float | None = None
        self.reads = self.stalled = False

    def is_stalled(self, now: float, *, ended: bool) -> bool:
        return bool(arithmetic.late(now, self.promised, TIMEOUT) or (
            ended and arithmetic.unread(now, self.ended, TIMEOUT)))

    def counted(self, begun: float, now: float) -> float:
        return float(arithmetic.counted_to(begun, now, stalled=self.stalled))

    def turn(self, now: float, arrivals: list[tuple[float, Any]],
             answer: tuple[float, Any] | None) -> Did:
        stalled = self.is_stalled(now, ended=answer is not None)
        self.stalled = self.stalled or stalled
        for at, _ in arrivals:
            self.arrived = at
        lost = None
        if answer is not None:
            self.reads, self.ended = False, now
            at = self.counted(answer[0], now)
            if self.arrived is not None:
                self.monitor, _ = self.monitor.observe(
                    max(self.arrived, self.monitor.now), HOME, heartbeat=True)
                self.arrived = None
            at = max(at, self.monitor.now)
            self.monitor, event = self.monitor.observe(at, HOME, stalled=self.stalled)
            self.stalled = False
            lost = at if event else None
        deadline = self.monitor.next_deadline
        assert deadline is not None
        call = None
        if not self.reads and (deadline <= now or now >= self.ended + REST):
            self.reads, call = True, lambda: None
        beats = now >= self.beat and now < arithmetic.looks_alive_until(self.ended, TIMEOUT)
        if beats:
            self.beat = now + INTERVAL
        moments = [now + REST, self.beat, *([] if self.reads else [deadline, self.ended + REST])]
        self.promised = min(m for m in moments if m > now)
        return Did(self.promised, call, beats, lost, stalled)


class Shared:
    """A store of a record in memory, for both agents; in between it may be empty."""

    def __init__(self, empty: tuple[float, float] = (0, 0)) -> None:
        self.empty = empty
        drawers = {n: own(PRG, n) for n in NODES}
        known = {*shared(PRG), *(c for names in drawers.values() for c in names)}
        self.record = begin({c: HOME[c] for c in HOME if c in known}, drawers, PRG.habits, id="r")
        self.version = 1

    def read(self, now: float) -> tuple[Record | None, int]:
        return (None, 0) if self.empty[0] <= now < self.empty[1] else (self.record, self.version)

    def write(self, record: Record, version: int) -> int:
        if version != self.version:
            raise Conflict("another one was first")
        self.record, self.version = record, version + 1
        return self.version


class Agent:
    """A whole agent, without services."""

    def __init__(self, node: str, world: World) -> None:
        self.node, self.world = node, world
        charter = Charter(PRG, node, lease=Lease(lasts=3 * TIMEOUT, waits=5 * TIMEOUT), run=node)
        self.state = AgentState.start(charter, PARAMETERS, 0)
        self.busy = False

    def turn(self, now: float, arrivals: list[tuple[float, Any]],
             answer: tuple[float, Any] | None) -> Did:
        seen: dict[str, Any] = {}
        if answer is not None:
            self.busy = False
            begun, what = answer
            if isinstance(what, Wrote):
                seen["wrote"] = what
            else:
                seen["reading"] = Reading(*what, begun)
        self.state, wants = turn(self.state, Seen(
            wall=now, arrivals=tuple(Arrival(self.node, at, heard) for at, heard in arrivals),
            **seen), now)
        call: Callable[[], Any] | None = None
        if not self.busy and wants.write is not None:
            write, begun = wants.write, now

            def call() -> Wrote:
                try:
                    version = self.world.store.write(write.record, write.version)
                except Conflict:
                    return Wrote("conflict", begun)
                return Wrote("done", begun, version=version)
        elif not self.busy and wants.read:
            call = lambda: self.world.store.read(self.world.now)  # noqa: E731
        self.busy = self.busy or call is not None
        lost = next((now for e in wants.entries if e.event == f"heartbeat_lost({self.node})"
                     and e.outcome == "done"), None)
        return Did(wants.wake, call, wants.send or False, lost)


@define
class World:
    """The world: what it does to each node, and what was seen of each.

    Attributes:
        make: makes a node.
        calls: for each node how long its calls of the store take, one after another.
        late: for each node how late its turns come, one after another.
        pauses: for each node when it does nothing.
        silences: when the store answers nobody, and how much later it answers each node.
        crash: which node stops for ever, and when.
    """

    make: Callable[[str, World], Node]
    calls: dict[str, Iterator[float]]
    late: dict[str, Iterator[float]]
    pauses: dict[str, list[tuple[float, float]]] = Factory(lambda: {n: [] for n in NODES})
    silences: list[tuple[float, float, dict[str, float]]] = Factory(list)
    crash: tuple[str, float] | None = None
    store: Shared = Factory(Shared)
    lost: list[Loss] = Factory(list)
    sent: dict[str, list[float]] = Factory(lambda: {n: [] for n in NODES})
    stalls: dict[str, list[float]] = Factory(lambda: {n: [] for n in NODES})
    nodes: dict[str, Node] = Factory(dict)
    turns: dict[str, int] = Factory(lambda: dict.fromkeys(NODES, 0))
    events: list[tuple[float, int, str, str, Any]] = Factory(list)
    number: Iterator[int] = Factory(count)
    now: float = 0

    def ends(self, node: str, begun: float) -> float:
        """When a call ends that begins now."""
        end = begun + next(self.calls[node])
        for start, stop, later in self.silences:
            if begun < stop and end > start:
                end = max(end, stop + later[node])
        return end

    def awake(self, node: str, at: float) -> float:
        """The first moment from this one on at which the node is not paused."""
        for start, stop in sorted(self.pauses[node]):
            if start <= at < stop:
                at = stop
        return at

    def put(self, at: float, kind: str, node: str, what: Any) -> None:
        """Add an event."""
        heapq.heappush(self.events, (at, next(self.number), kind, node, what))

    def run(self, until: float) -> World:
        """Run the world until a moment."""
        self.nodes = {n: self.make(n, self) for n in NODES}
        for node in NODES:
            self.put(0, "wake", node, 0)
        while self.events[0][0] <= until:
            now, _, kind, node, what = heapq.heappop(self.events)
            dead = self.crash is not None and node == self.crash[0] and now >= self.crash[1]
            if dead or (kind == "wake" and what != self.turns[node]):
                continue
            then = self.awake(node, now)
            if then == now:
                self.turn(now, kind, node, what)
            elif kind != "beat" or then - now < TIMEOUT:  # else its connection is gone
                self.put(then, kind, node, what)
        return self

    def turn(self, now: float, kind: str, node: str, what: Any) -> None:
        """Let a node take a turn, and do what it wants."""
        self.now = now
        arrivals = [(now, what)] if kind == "beat" else []
        answer = (what[0], what[1]()) if kind == "call" else None
        did = self.nodes[node].turn(now, arrivals, answer)
        self.turns[node] += 1
        if did.stalled:
            self.stalls[node].append(now)
        if did.lost is not None:
            self.lost.append(Loss(node, now, did.lost))
        if did.beat:
            self.sent[node].append(now)
            self.put(now + LATENCY, "beat", PEER[node], did.beat if did.beat is not True else None)
        if did.call is not None:
            self.put(self.ends(node, now), "call", node, (now, did.call))
        self.put(did.wake + next(self.late[node]), "wake", node, self.turns[node])

    def losers(self) -> set[str]:
        """Who has declared its peer lost."""
        return {loss.node for loss in self.lost}


def repeated(values: list[float]) -> Iterator[float]:
    while True:
        yield from values


def steady(value: float) -> Iterator[float]:
    return repeated([value])


SLOW = st.sampled_from([0.1, 0.5, 0.9, 1.1, 5]).map(lambda x: round(x * TIMEOUT)) | st.integers(1, 600)
"""How long a call takes: some lengths around the time-out, or any."""
LATE = st.sampled_from([0, 0, 0, 1, TIMEOUT / 2, TIMEOUT / 2 + 1, 3 * TIMEOUT])
PAUSES = st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 600)), max_size=4).map(
    lambda many: [(start, start + lasts) for start, lasts in many])
KINDS = pytest.mark.parametrize("make", [Watch, Agent])
EXAMPLES = {Watch: 250, Agent: 20}
"""How many schedules are drawn; a whole agent takes ten times as long."""


def drawn(make: Any, *strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Run a check with drawn schedules."""
    return lambda check: settings(max_examples=EXAMPLES[make])(given(*strategies)(check))()


# ------------------------------------------------------------------ its own stalls (T12)


@KINDS
@pytest.mark.parametrize("call", [0.1, 0.5, 0.9, 1.1, 5])
def test_a_store_of_any_slowness_makes_no_live_peer_lost(make: Any, call: float) -> None:
    world = World(make, {"node1": steady(call * TIMEOUT), "node2": steady(5)},
                  {n: steady(0) for n in NODES}).run(30 * TIMEOUT)
    assert "node1" not in world.losers()
    both = World(make, {n: steady(call * TIMEOUT) for n in NODES},
                 {n: steady(0) for n in NODES}).run(30 * TIMEOUT)
    assert both.losers() == set()


@KINDS
def test_its_own_stall_is_never_the_silence_of_a_peer_that_sends(make: Any) -> None:
    @drawn(make, st.lists(SLOW, min_size=1, max_size=8), st.lists(LATE, min_size=1, max_size=8),
           PAUSES)
    def check(calls: Any, late: Any, pauses: Any) -> None:
        world = World(make, {"node1": repeated(calls), "node2": steady(5)},
                      {"node1": repeated(late), "node2": steady(0)},
                      {"node1": pauses, "node2": []}).run(2000)
        assert all(b - a <= 2 * INTERVAL for a, b in pairwise(world.sent["node2"]))
        assert "node1" not in world.losers()


@settings(max_examples=EXAMPLES[Watch])
@given(st.tuples(*[st.lists(SLOW, min_size=1, max_size=8)] * 2),
       st.tuples(*[st.lists(LATE, min_size=1, max_size=8)] * 2), st.tuples(PAUSES, PAUSES))
def test_a_loss_needs_a_whole_time_out_of_real_silence_while_awake(
    calls: Any, late: Any, pauses: Any,
) -> None:
    world = World(Watch, *(dict(zip(NODES, map(repeated, x), strict=True)) for x in (calls, late)),
                  dict(zip(NODES, pauses, strict=True))).run(2500)
    for loss in world.lost:
        window = loss.counted - TIMEOUT
        assert not [t for t in world.sent[PEER[loss.node]] if window < t <= loss.counted - LATENCY]
        assert not [t for t in world.stalls[loss.node] if window < t <= loss.at]


# ------------------------------------------------------------ a dead peer is noticed (T12)


@KINDS
def test_who_is_dead_is_declared_lost_in_the_bound_once_stalls_end(make: Any) -> None:
    """A short pause makes no turn too late, so it does not count as a stall; it delays a judgement."""
    @drawn(make, st.lists(SLOW, max_size=4),
           st.lists(st.integers(1, TIMEOUT // 2), min_size=1, max_size=5),
           st.lists(st.integers(0, REST - 1), min_size=1, max_size=5), st.integers(0, 800), PAUSES)
    @example([], [1], [0], 0, [(53, 105)])
    def check(slow: Any, calls: Any, late: Any, crash: float, pauses: Any) -> None:
        world = World(make, {"node1": chain(slow, repeated(calls)), "node2": steady(5)},
                      {"node1": repeated(late), "node2": steady(0)},
                      {"node1": pauses, "node2": []}, crash=("node2", crash))
        awake = max((stop for _, stop in pauses), default=0)
        calm = sum(slow) + max(crash, awake) + 2 * TIMEOUT
        world.run(calm + 4 * TIMEOUT)
        stalls = max(world.stalls["node1"], default=0)
        after = calm if slow or (pauses and make is Agent) else max(stalls, awake)
        writes = 0 if make is Watch else 2 * max(calls)
        assert stalls <= calm
        bound = arithmetic.noticed_latest(TIMEOUT, 0, arithmetic.judged(max(late), max(calls)))
        lost = [loss.at for loss in world.lost if loss.node == "node1"]
        assert any(at <= max(crash + LATENCY, after) + bound + writes for at in lost)


# ------------------------------------------------------------- silences of the store (T13)


def silent(later: tuple[float, float], *spans: tuple[float, float]) -> Any:
    """Silences, one after another: how long each waits, and how long it lasts."""
    found, at = [], 0.0
    for waits, lasts in spans:
        at += 2 * TIMEOUT + waits
        found.append((at, at + lasts, dict(zip(NODES, later, strict=True))))
        at += lasts
    return found


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 600)), min_size=1, max_size=3)


@KINDS
def test_after_a_silence_of_the_store_nobody_is_lost_whose_reading_is_near_enough(
    make: Any,
) -> None:
    @drawn(make, SPANS, st.tuples(st.integers(0, 5), st.integers(0, 5)),
           st.tuples(*[st.lists(st.integers(1, 10), min_size=1, max_size=5)] * 2))
    def check(spans: Any, later: Any, calls: Any) -> None:
        world = World(make, dict(zip(NODES, map(repeated, calls), strict=True)),
                      {n: steady(0) for n in NODES}, silences=silent(later, *spans))
        assert world.run(world.silences[-1][1] + 4 * TIMEOUT).losers() == set()


@KINDS
def test_too_far_apart_a_live_peer_is_lost_and_one_step_nearer_it_is_not(make: Any) -> None:
    """The bound of T13, with a heartbeat that is sent with the first reading."""
    def lost(apart: float) -> set[str]:
        return World(make, {n: steady(1) for n in NODES}, {n: steady(0) for n in NODES},
                     silences=silent((0, apart), (0, 5 * TIMEOUT))).run(12 * TIMEOUT).losers()

    near = TIMEOUT - LATENCY - 1
    assert lost(near) == set()
    assert lost(near + REST) == {"node1"}


def test_after_trouble_of_both_nodes_neither_judges_before_a_time_out() -> None:
    """The store has lost its record, and has it again: nodes in trouble look alive to nobody."""
    world = World(Agent, {n: steady(1) for n in NODES}, {n: steady(0) for n in NODES},
                  store=Shared((2 * TIMEOUT, 7 * TIMEOUT))).run(12 * TIMEOUT)
    quiet = [t for n in NODES for t in world.sent[n] if 2.5 * TIMEOUT < t < 7 * TIMEOUT]
    assert (quiet, world.losers()) == ([], set())
    assert all(world.sent[n][-1] > 11 * TIMEOUT for n in NODES)


# ------------------------------------------------------------------- the tests can fail


class NeverStalled(Watch):
    """Its own stall is not noticed."""

    def is_stalled(self, *_: Any, **__: Any) -> bool:
        return False


class CountsFromBegun(Watch):
    """After a stall it counts from the beginning of the reading."""

    def counted(self, begun: float, _: float) -> float:
        return begun


@pytest.mark.parametrize("make", [NeverStalled, CountsFromBegun])
def test_a_node_without_one_of_the_parts_declares_live_nodes_lost(make: Any) -> None:
    calm = {n: steady(0) for n in NODES}
    silence = silent((0, 4), (0, 5 * TIMEOUT))
    assert World(make, {n: steady(4) for n in NODES}, calm, silences=silence).run(2000).losers()
    right = World(Watch, {n: steady(4) for n in NODES}, calm, silences=silence).run(2000)
    assert right.losers() == set()
