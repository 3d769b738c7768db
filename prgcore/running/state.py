"""The state of an agent, or of a controller, between two turns.

Law: pure; a value. All that an agent knows is here, and nothing of it is anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from operator import attrgetter

from attrs import define, evolve, field, fields, frozen

from prgcore.running.charter import Charter
from prgcore.running.deciding import Job, known_of
from prgcore.running.desired import Desired
from prgcore.running.serving import Serving
from prgcore.running.shapes import Arrival, Did, Heard, Memory, Reading, Write
from prgcore.stores.record import Order, Record
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Settings as Parameters

__all__ = [
    "LEAVES", "LEFT", "RUNS", "SITS", "AgentState", "Pending", "deadline", "known", "restarted",
    "with_parameters",
]

SITS, RUNS, LEAVES, LEFT = "sits", "runs", "leaves", "left"
"""The phases of an agent: it takes its seat, runs, leaves, and has left."""


@frozen
class Pending:
    """A write until its outcome is known.

    Attributes:
        write: it.
        job: the job that it decides.
        asked: whether it may be under way: it was asked for since its last outcome.
    """

    write: Write
    job: Job | None = None
    asked: bool = False


@define
class AgentState:
    """All that an agent, or a controller, knows between two turns. `start` makes the first one.

    It is a value: nobody changes it. A turn changes a copy of it, and returns the copy.

    Attributes:
        charter: what does not change.
        parameters: the parameters of the timers; None: there are none.
        monitors: for each node that it decides for, its watch over time.
        phase: it takes its seat, runs, leaves, or has left.
        promised: when the next turn was promised.
        reading: the newest reading, or what was written since; None: none yet.
        since: when the outcome of its last write came; no reading that began before counts.
        stale: whether somebody else has written since.
        fresh: whether something may follow from the reading that was not yet decided.
        ended: when the newest reading ended.
        silent: why the store does not answer; empty: it does.
        unwritten: why it is not known whether a write was done; empty: it is known.
        retry: when the store is asked again after it did not answer.
        stalled: the nodes whose counts of silence must begin again.
        heard: the content of the newest heartbeat, and when it came.
        arrived: for each node, the newest heartbeat that was not yet observed.
        lost: the nodes whose peer's host was reported lost, and when; not yet observed.
        news: for each node whether a heartbeat would be an event.
        jobs: events that wait for a reading.
        did: outcomes of orders that are still in the record.
        parked: orders that cannot be carried out now: since when, and until when.
        pending: the write whose outcome is not known.
        serving: what is known of the services.
        services: whether the critical services and the database run.
        beat: when to send the next heartbeat.
        settled: all that it knew when nothing was left to be written; as long as it knows nothing
            else, only time can bring a decision.
        marks: how many decisions it has made.
        memory: what it remembers across restarts.
        trouble: why it decides nothing and serves nobody.
        outside: whether the record that it read last is outside the invariants.
        doubt: why it does not decide what it should: the machine has no such pair.
        waits: why it decides nothing yet, though it is in order.
        wait: how many seconds it waits before it signs the terms.
        sat: whether it has had the seat of its node.
        desired: the record of the last turn, and the desired state that followed from it.
        effective: the parameters by which it counts now.
        wall: seconds since 1970.
    """

    charter: Charter
    parameters: Parameters | None
    monitors: Mapping[str, Monitor]
    phase: str
    promised: float
    ended: float
    beat: float
    memory: Memory
    serving: Serving
    reading: Reading | None = None
    since: float = -inf
    stale: bool = True
    fresh: bool = False
    silent: str = ""
    unwritten: str = ""
    retry: float = -inf
    stalled: frozenset[str] = frozenset()
    heard: Heard | None = None
    heard_at: float = -inf
    arrived: Mapping[str, Arrival] = field(factory=dict)
    lost: Mapping[str, float] = field(factory=dict)
    news: Mapping[str, bool] = field(factory=dict)
    jobs: tuple[Job, ...] = ()
    did: tuple[Did, ...] = ()
    parked: Mapping[Order, tuple[float, float]] = field(factory=dict)
    pending: Pending | None = None
    services: Mapping[str, bool] = field(factory=dict)
    settled: object = None
    marks: int = 0
    trouble: str = ""
    outside: bool = False
    doubt: str = ""
    waits: str = ""
    wait: float = 0.0
    sat: bool = False
    desired: tuple[Record, Desired] | None = None
    effective: Parameters | None = None
    wall: float = 0.0

    @property
    def record(self) -> Record | None:
        """The record of the newest reading; None: there was no reading, or no record in it."""
        return None if self.reading is None else self.reading.record

    def copy(self) -> AgentState:
        """The same, as another value; every turn makes one, so this way is a fast one."""
        return AgentState(*_ALL(self))

    @staticmethod
    def start(
        charter: Charter, parameters: Parameters | None, now: float, memory: Memory | None = None,
    ) -> AgentState:
        """The state of an agent that starts now.

        Raises:
            BadInput: the machine lacks these timers, or the interval of heartbeats is too short.
        """
        monitors = {} if parameters is None else {
            node: Monitor.start(charter.engine, node, now, parameters) for node in charter.nodes}
        return AgentState(
            charter, parameters, monitors, SITS if charter.seat else RUNS, now, now, now,
            memory or Memory(), Serving(starts=inf, permitted=inf), effective=parameters)


_ALL = attrgetter(*(one.name for one in fields(AgentState)))


def known(state: AgentState) -> dict[str, str]:
    """The columns that an agent knows now; empty before the first reading."""
    record = state.record
    return known_of(state.charter, record, state.heard) if record is not None else {}


def deadline(state: AgentState) -> float | None:
    """When a timer is due if nothing arrives; None: never."""
    return min((m.next_deadline for m in state.monitors.values() if m.next_deadline is not None),
               default=None)


def restarted(state: AgentState, node: str, now: float) -> AgentState:
    """The state after the timers of a node started afresh, as when its recovery manager starts."""
    if state.parameters is None:
        return state
    monitor = Monitor.start(state.charter.engine, node, now, state.effective)
    return evolve(state, monitors={**state.monitors, node: monitor})


def with_parameters(state: AgentState, parameters: Parameters | None, now: float) -> AgentState:
    """The state with other parameters from now on; its counts go on.

    Raises:
        BadInput: the interval of heartbeats is below a millisecond.
    """
    def changed(node: str, parameters: Parameters) -> Monitor:
        old = state.monitors.get(node)
        if old is None:
            return Monitor.start(state.charter.engine, node, now, parameters)
        return old.with_parameters(parameters, max(now, old.now))

    monitors = {} if parameters is None else {
        node: changed(node, parameters) for node in state.charter.nodes}
    return evolve(state, parameters=parameters, effective=parameters, monitors=monitors,
                  promised=now)
