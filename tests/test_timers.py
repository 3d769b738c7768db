"""Timers: the monitor against a naive one, the theorems, the parameters and what they promise."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prgcore.cli import main
from prgcore.errors import BadInput, ImpossibleEvent
from prgcore.form.cubes import Stored
from prgcore.machine import prg
from prgcore.model import Cube
from prgcore.product.configuration import dump, example
from prgcore.prove import claims, counts, heartbeats, roll_out, stalls, timing
from prgcore.prove import timer_mutants as mutants_of_time
from prgcore.prove.assumed import Shipped
from prgcore.prove.report import prove
from prgcore.prove.timer_mutants import equivalent, noticed, timer_mutants
from prgcore.prove.work import Work
from prgcore.seats import NODES
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.sanity import NEVER_LOWERED, SANITY
from prgcore.tables.timers import TIMERS
from prgcore.template.pair import MACHINE as PAIR
from prgcore.timers import arithmetic
from prgcore.timers.monitor import Bounds, Monitor, Range, bounds, knowable, watches
from prgcore.timers.parameters import LATEST, RECORDS, Parameters, Wrong, as_written, parameters_of
from prgcore.timers.sanity import changes, check
from prgcore.timers.transitions import transitions
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps
from tests.planted import LAMPS, reachable

PRG = prg()
HOME = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)", "initialized(node2)")
DEFAULTS = Parameters()
OTHER = dict(zip(NODES, reversed(NODES), strict=True))
SHIPPED = Shipped.of(PRG.model)
HEARD, HOST, LOST, DELAY, FALLBACK = (f"{t.event}(node1)" for t in TIMERS)


def home() -> Any:
    return PRG.run(PRG.initial[0], *HOME).end


def but(pair: Any, **columns: str) -> Any:
    """The pair with node 1's columns (or `peer_...`, `ha`, `link`) changed."""
    names = {"ha": "ha", "link": "link", "auto_fallback": "auto_fallback"}
    changed = {
        names.get(k) or (f"node2.{k[5:]}" if k.startswith("peer_") else f"node1.{k}"): v
        for k, v in columns.items()
    }
    return PRG.pair({**dict(pair), **changed})


NORMAL = home()
FAILED_OVER = but(NORMAL, state="failed_over", peer_state="running_in_backup_mode",
                  auto_fallback="on")


def after(pair: Any, *events: str) -> Any:
    return PRG.run(pair, *events).end


def arrives(pair: Any, node: str) -> bool:
    """As docs/timers.md asks: whether a heartbeat that reaches a node is handed to its monitor."""
    return bool(pair[f"{OTHER[node]}.process"] == "running")


def suppose(pair: Any, event: str) -> Any:
    """As docs/timers.md asks: the faults and repairs that explain an event."""
    name, node = event.rstrip(")").split("(")
    peer = OTHER[node]
    if name in ("heartbeat_heard", "peer_host_lost") and pair["link"] == "cut":
        pair = PRG.step(pair, "link_repair").pair
    if name == "heartbeat_lost" and pair["link"] == "up" and pair[f"{peer}.process"] == "running":
        pair = PRG.step(pair, "link_cut").pair
    if name == "peer_host_lost" and pair[f"{peer}.process"] != "off":
        pair = PRG.step(pair, f"power_off({peer})").pair
    return pair


def started(now: Any = 0, parameters: Parameters = DEFAULTS, pair: Any = NORMAL) -> Monitor:
    return Monitor.start(PRG, "node1", now, parameters).observe(now, pair)[0]


# ------------------------------------------------------- the monitor, told by examples


def test_silence_is_a_loss_at_the_time_out_and_not_before() -> None:
    monitor, event = started().observe(10, NORMAL, heartbeat=True)
    assert (event, monitor.next_deadline) == (None, 70)
    monitor, event = monitor.observe(69.999, NORMAL)
    assert event is None
    monitor, event = monitor.observe(70, NORMAL)
    assert (event, monitor.next_deadline) == (LOST, 85)
    assert monitor.observe(84, NORMAL)[1] is None
    assert monitor.observe(85, NORMAL)[1] == LOST
    assert monitor.observe(80, NORMAL, heartbeat=True)[0].next_deadline == 140


def test_its_own_stall_is_not_the_silence_of_the_peer() -> None:
    monitor, event = started().observe(300, NORMAL, stalled=True)
    assert (event, monitor.next_deadline) == (None, 360)
    assert monitor.observe(359, NORMAL)[1] is None
    assert monitor.observe(360, NORMAL)[1] == LOST
    monitor, event = started(pair=but(NORMAL, services="down")).observe(
        90, but(NORMAL, services="down"), stalled=True)
    assert (event, monitor.next_deadline) == (DELAY, 105)  # only silence begins again
    monitor, _ = started().observe(1, NORMAL, peer_host_lost=True)
    assert monitor.observe(300, NORMAL, stalled=True)[1] == HOST


def test_a_starting_node_waits_longer_and_from_its_start() -> None:
    starting = but(NORMAL, state="initializing")
    assert started(5, pair=starting).next_deadline == 125
    late = started(0, pair=but(NORMAL, ha="off"))
    late, event = late.observe(500, starting)
    assert (event, late.next_deadline) == (None, 620)
    assert late.observe(619, starting)[1] is None
    assert late.observe(620, starting)[1] == LOST


def test_a_heartbeat_of_an_unheard_peer_and_a_lost_host_are_told_at_once() -> None:
    deaf = but(NORMAL, hears_peer="no")
    assert started().observe(1, deaf, heartbeat=True)[1] == HEARD
    assert started().observe(1, NORMAL, heartbeat=True)[1] is None
    assert started().observe(1, NORMAL, peer_host_lost=True)[1] == HOST
    monitor, event = started().observe(60, deaf, heartbeat=True, peer_host_lost=True)
    assert (event, monitor.next_deadline) == (HEARD, 60)
    assert monitor.observe(60, deaf)[1] == HOST


BESIDE = but(FAILED_OVER, reason="initialization", peer_reason="critical_service_down",
             assigned_own="no", peer_assigned_peer="yes")


@pytest.mark.parametrize(("pair", "now", "told", "fault", "first"), [
    (but(NORMAL, services="down"), 100, False, "link_cut", LOST),
    (NORMAL, 60, True, "power_off(node2)", HOST),
    (BESIDE, 1800, False, "link_cut", LOST),
])
def test_of_what_is_due_together_the_pair_after_the_first_judges_the_rest(
    pair: Any, now: int, told: bool, fault: str, first: str,
) -> None:
    monitor, event = started(pair=pair).observe(now, pair, peer_host_lost=told)
    assert (event, monitor.next_deadline) == (first, now)
    assert monitor.observe(now, after(pair, fault, first))[1] is None
    then, event = monitor.observe(now, pair)
    assert event == {1800: FALLBACK, 100: DELAY, 60: LOST}[now]
    assert then.next_deadline == now + 15


def test_a_fallback_that_waits_for_a_loss_is_due_when_the_peer_is_heard_again() -> None:
    monitor, _ = started(pair=BESIDE).observe(1800, BESIDE)
    deaf = but(BESIDE, hears_peer="no")
    monitor, event = monitor.observe(1801, deaf)
    assert event is None
    assert monitor.observe(1801, BESIDE, heartbeat=True)[1] == FALLBACK


def test_a_lost_host_is_remembered_until_a_heartbeat_arrives() -> None:
    monitor, event = started().observe(1, NORMAL, peer_host_lost=True)
    assert (event, monitor.next_deadline) == (HOST, 16)
    again, event = monitor.observe(15, NORMAL, peer_host_lost=True)
    assert (event, again.next_deadline) == (None, 16)
    assert monitor.observe(16, NORMAL)[1] == HOST
    monitor, event = monitor.observe(16, NORMAL, heartbeat=True)
    assert (event, monitor.next_deadline) == (None, 76)
    elsewhere = but(NORMAL, ha="off")
    monitor, event = started().observe(1, elsewhere, peer_host_lost=True)
    assert (event, monitor.next_deadline) == (None, None)
    assert monitor.observe(9, NORMAL)[1] == HOST
    assert Monitor.start(PRG, "node1", 1).observe(1, NORMAL)[1] is None


def test_a_heartbeat_that_is_late_for_a_peer_that_went_down_is_dropped() -> None:
    down = after(NORMAL, "power_off(node2)", HOST)
    assert started(pair=down).observe(1, down, heartbeat=True)[1] == HEARD
    with pytest.raises(ImpossibleEvent, match=r"node2\.process is off, needs running"):
        PRG.step(down, HEARD)
    assert not arrives(down, "node1")
    back = after(down, "power_on(node2)", "manager_start(node2)")
    assert arrives(back, "node1")
    assert started(pair=back).observe(1, back, heartbeat=True)[1] == HEARD
    assert PRG.step(back, HEARD).pair["node1.hears_peer"] == "yes"


@pytest.mark.parametrize("fault", [{"services": "down"}, {"database": "down"}])
def test_a_recovery_before_the_delay_resets_it(fault: dict[str, str]) -> None:
    sick = but(NORMAL, **fault)
    monitor = started()
    for now, pair in ((10, sick), (99, sick), (99.5, NORMAL), (100, sick), (130, sick)):
        monitor, event = monitor.observe(now, pair, heartbeat=True)
        assert event is None
    assert monitor.next_deadline == 190
    assert monitor.observe(189, sick, heartbeat=True)[1] is None
    assert monitor.observe(190, sick, heartbeat=True)[1] == DELAY


def test_one_fault_after_another_is_one_time_of_sickness() -> None:
    monitor, _ = started().observe(0, but(NORMAL, services="down"))
    monitor, _ = monitor.observe(50, but(NORMAL, database="down"), heartbeat=True)
    assert monitor.observe(90, but(NORMAL, database="down"), heartbeat=True)[1] == DELAY


@pytest.mark.parametrize(("late", "now"), [
    ({"auto_fallback": "off"}, 2500), ({"hears_peer": "no"}, 1799),
    ({"peer_state": "running_in_failed_mode"}, 1700),
])
def test_what_makes_the_fallback_impossible_does_not_restart_the_thirty_minutes(
    late: dict[str, str], now: int,
) -> None:
    monitor, _ = started(pair=FAILED_OVER).observe(now, but(FAILED_OVER, **late))
    then = max(now, 1800)
    assert monitor.observe(then, but(FAILED_OVER, **late), heartbeat=True)[1] != FALLBACK
    assert monitor.observe(then, FAILED_OVER, heartbeat=True)[1] == FALLBACK
    if now < 1800:
        assert monitor.observe(1799.9, FAILED_OVER, heartbeat=True)[1] is None


@pytest.mark.parametrize("fault", [
    {"services": "down"}, {"database": "down"}, {"services": "stopped"},
    {"state": "failed_over_with_critical_services_not_running"}, {"state": "idle"},
])
def test_a_fault_and_a_restart_begin_the_thirty_minutes_again(fault: dict[str, str]) -> None:
    monitor, _ = started(pair=FAILED_OVER).observe(1000, but(FAILED_OVER, **fault))
    monitor, _ = monitor.observe(1001, FAILED_OVER, heartbeat=True)
    assert monitor.observe(2800, FAILED_OVER, heartbeat=True)[1] is None
    assert monitor.observe(2801, FAILED_OVER, heartbeat=True)[1] == FALLBACK
    again = started(1000, pair=FAILED_OVER)
    assert again.observe(2799, FAILED_OVER, heartbeat=True)[1] is None


def test_the_defaults_survive_two_lost_heartbeats_and_the_fourth_races_the_timer() -> None:
    monitor, _ = started().observe(0, NORMAL, heartbeat=True)
    assert monitor.observe(45, NORMAL, heartbeat=True)[1] is None
    assert monitor.observe(60, NORMAL)[1] == LOST
    assert monitor.observe(60, NORMAL, heartbeat=True)[1] is None
    patient = started(parameters=Parameters(keep_alive_timeout=61))
    assert patient.observe(60, NORMAL)[1] is None


# ------------------------------------------------------ parameters that change meanwhile

STARTING = but(NORMAL, state="initializing")
SICK = but(NORMAL, services="down")


@pytest.mark.parametrize(("pair", "past", "changed", "now", "deadline", "event"), [
    (NORMAL, [(0, True)], {"keep_alive_timeout": 30}, 10, 30, LOST),
    (NORMAL, [(0, True)], {"keep_alive_timeout": 30}, 45, 45, LOST),
    (NORMAL, [(0, True)], {"keep_alive_timeout": 90}, 59, 90, LOST),
    (NORMAL, [(0, True)], {"keep_alive_timeout": 0}, 10, 10, LOST),
    (NORMAL, [(0, True)], {"keep_alive_timeout": 86_400}, 60, 86_400, LOST),
    (NORMAL, [(0, True)], {"keep_alive_interval": 1}, 10, 60, LOST),
    (NORMAL, [(0, True)], {"initialization_keep_alive_timeout": 5}, 10, 60, LOST),
    (STARTING, [(0, False)], {"initialization_keep_alive_timeout": 30}, 10, 30, LOST),
    (STARTING, [(0, False)], {"initialization_keep_alive_timeout": 300}, 119, 300, LOST),
    (STARTING, [(0, False)], {"keep_alive_timeout": 5}, 10, 120, LOST),
    (NORMAL, [(0, True), (60, False)], {"keep_alive_interval": 5}, 61, 65, LOST),
    (NORMAL, [(0, True), (60, False)], {"keep_alive_interval": 5}, 70, 70, LOST),
    (NORMAL, [(0, True), (60, False)], {"keep_alive_interval": 100}, 61, 160, LOST),
    (NORMAL, [(0, True), (60, False)], {"keep_alive_timeout": 100}, 61, 100, LOST),
    (NORMAL, [(0, True), (60, False)], {"keep_alive_timeout": 70}, 61, 75, LOST),
    (SICK, [(0, True), (45, True)], {"critical_service_delay": 50}, 46, 50, DELAY),
    (SICK, [(0, True), (45, True)], {"critical_service_delay": 50}, 55, 55, DELAY),
    (SICK, [(0, True), (45, True)], {"critical_service_delay": 0}, 45, 45, DELAY),
    (SICK, [(0, True), (45, True)], {"critical_service_delay": 200}, 46, 105, LOST),
    (SICK, [(0, True), (45, True)], {"critical_service_delay": 46, "keep_alive_timeout": 1},
     45, 46, LOST),
    (FAILED_OVER, [(0, True), (1700, True)], {"keep_alive_timeout": 86_400}, 1701, 1800, FALLBACK),
    (FAILED_OVER, [(0, True), (1800, True)], {"keep_alive_timeout": 86_400,
                                              "keep_alive_interval": 40}, 1801, 1840, FALLBACK),
])
def test_a_change_of_parameters_moves_the_deadline(
    pair: Any, past: Any, changed: dict[str, Any], now: int, deadline: int, event: str,
) -> None:
    monitor = started(pair=pair)
    for moment, heartbeat in past:
        monitor, _ = monitor.observe(moment, pair, heartbeat=heartbeat)
    other = monitor.with_parameters(Parameters(**changed), now)
    assert (other.now, other.next_deadline) == (now, deadline)
    assert other.observe(deadline, pair)[1] == event
    if deadline > now:
        assert other.observe(deadline - 1, pair)[1] is None
    assert attrs.evolve(monitor, parameters=other.parameters, now=now) == other


def test_a_monitor_cannot_be_left_with_a_stale_deadline_or_a_wrong_interval() -> None:
    monitor, _ = started().observe(0, NORMAL, heartbeat=True)
    assert attrs.evolve(monitor, parameters=Parameters(keep_alive_timeout=30)).next_deadline == 30
    for word in ("parameters", "next_deadline"):
        with pytest.raises(AttributeError):
            setattr(monitor, word, 1)
    flood = Parameters(keep_alive_interval=0)
    for change in (lambda: monitor.with_parameters(flood, 1),
                   lambda: attrs.evolve(monitor, parameters=flood)):
        with pytest.raises(BadInput, match=r"keep_alive_interval: 0: .*set keep_alive_interval=1"):
            change()
    with pytest.raises(BadInput, match="never steps back"):
        monitor.with_parameters(DEFAULTS, -1)
    with pytest.raises(BadInput, match="monotonic clock"):
        monitor.with_parameters(DEFAULTS, nan)


def test_before_the_first_observation_a_change_is_observed_at_once() -> None:
    monitor = Monitor.start(PRG, "node1", 5).with_parameters(Parameters(keep_alive_timeout=7), 6)
    assert monitor.next_deadline == 6
    assert monitor.observe(6, NORMAL)[0].next_deadline == 12


def test_where_nothing_can_become_due_a_change_changes_nothing() -> None:
    off = but(NORMAL, ha="off")
    monitor = started(pair=off).with_parameters(Parameters(keep_alive_timeout=1), 9)
    assert monitor.next_deadline is None
    assert monitor.observe(9, NORMAL)[1] == LOST


# --------------------------------------------------------------- what it refuses


@pytest.mark.parametrize("now", [nan, inf, -inf, True, False, "1", None, LATEST + 1, 10**400])
def test_what_is_no_time_is_refused(now: Any) -> None:
    with pytest.raises(BadInput, match="monotonic clock"):
        Monitor.start(PRG, "node1", now)
    with pytest.raises(BadInput, match="monotonic clock"):
        started().observe(now, NORMAL)


def test_a_clock_that_steps_back_is_refused_with_both_times_and_nothing_changes() -> None:
    monitor = started(5)
    with pytest.raises(BadInput, match=r"4\.5 is before 5, .*never steps back"):
        monitor.observe(4.5, NORMAL)
    assert monitor == started(5)
    assert monitor.observe(5, NORMAL)[0].now == 5


def test_a_monitor_needs_a_node_and_an_interval() -> None:
    with pytest.raises(BadInput, match="unknown node 'node3'"):
        Monitor.start(PRG, "node3", 0)
    assert watches(type(PRG)(LAMPS), "node1") == ()
    with pytest.raises(BadInput, match=r"keep_alive_interval: 0: .*set keep_alive_interval=1"):
        Monitor.start(PRG, "node1", 0, Parameters(keep_alive_interval=0))
    with pytest.raises(BadInput, match="unknown column 'x'"):
        started().observe(1, {**dict(NORMAL), "x": "y"})


# ----------------------------------------------------- the guard is the machine's own


def test_no_event_that_the_machine_deems_possible_is_withheld() -> None:
    space = reachable()
    timers = {e.name for e in PRG.model.events if e.kind is Kind.TIMER}
    ways = [entry for entry in PRG.model.possible if entry.event in timers]
    assert {entry.event for entry in ways} == timers
    for entry in ways:
        guard = knowable(PRG, entry.event, entry.event.partition("(")[2].rstrip(")"))
        numbers = space.where(entry.when)
        assert len(numbers) > 100
        for number in numbers[:: len(numbers) // 100]:
            pair = PRG.pair(space.pair(int(number)))
            assert PRG.possible(pair, entry.event)
            assert any(PRG.holds(cube, pair) for cube in guard), entry.event


def test_the_guard_reads_only_what_the_node_knows() -> None:
    columns = {c.name: c for c in PRG.model.columns}
    for watch in watches(PRG, "node1"):
        cubes = (*watch.possible, watch.timer.runs, *(cells for cells, _ in watch.timer.limits))
        for name in (cell.column for cube in cubes for cell in cube):
            for source in columns[name].sources or (name,):
                assert columns[source].observed_by in ("node1", "record"), (watch.event, name)


def test_both_nodes_are_watched_alike() -> None:
    mirrored = Monitor.start(PRG, "node2", 0).observe(0, NORMAL)[0]
    assert mirrored.observe(60, NORMAL)[1] == "heartbeat_lost(node2)"


# ----------------------------------------------------- any sequence of observations

DURATIONS = st.sampled_from([0, 0.1, 0.3, 1, 4.9, 5, 7, 14.7, 15, 30, 60, 89.9, 90, 120, 900, 1800])
PARAMETERS = st.builds(
    Parameters, keep_alive_interval=st.sampled_from([0.1, 1, 5, 15]),
    keep_alive_timeout=st.sampled_from([0, 0.3, 5, 60]),
    initialization_keep_alive_timeout=st.sampled_from([3, 0.7, 120]),
    critical_service_delay=st.sampled_from([0, 0.2, 1, 90]),
)
COLUMNS = st.fixed_dictionaries({
    "state": st.sampled_from(["normal", "initializing", "failed_over", "running_in_backup_mode",
                              "idle"]),
    "services": st.sampled_from(["up", "up", "up", "down", "stopped"]),
    "database": st.sampled_from(["up", "up", "up", "down"]),
    "hears_peer": st.sampled_from(["yes", "no"]),
    "ha": st.sampled_from(["on", "on", "on", "off"]),
    "auto_fallback": st.sampled_from(["on", "off"]),
    "peer_state": st.sampled_from(["running_in_backup_mode", "normal"]),
})
STALLS = st.sampled_from([False, False, False, True])
STEPS = st.lists(st.tuples(DURATIONS, COLUMNS, st.booleans(), st.booleans(), STALLS),
                 min_size=1, max_size=12)
CHANGES = st.lists(st.none() | PARAMETERS, min_size=12, max_size=12)


class Naive:
    """Remembers everything and decides from all of it; written from D44 to D46."""

    def __init__(self, start: float, parameters: Parameters) -> None:
        self.start, self.parameters = start, parameters
        self.history: list[tuple[float, Any, bool, str | None]] = []  # the third: begins again
        self.told: int | None = None

    def observe(
        self, now: float, pair: Any, *, heartbeat: bool, lost: bool, stalled: bool,
    ) -> str | None:
        again = heartbeat or stalled
        self.history.append((now, pair, again, None))
        self.told = self.told if not heartbeat else None
        if lost and self.told is None:
            self.told = len(self.history) - 1
        on, hears = pair["ha"] == "on", pair["node1.hears_peer"] == "yes"
        cares = on and (hears or pair["node1.duty"] in ("starting", "acting"))
        state, p = pair["node1.state"], self.parameters
        starting = state == "initializing"
        patience = p.initialization_keep_alive_timeout if starting else p.keep_alive_timeout
        events = [
            (HEARD, heartbeat and on and not hears),
            (HOST, self.told is not None and cares and self.is_due(HOST, self.told, 0)),
            (LOST, cares and self.is_due(LOST, self.silent_since(), patience)),
            (DELAY, on and state in ("normal", "running_in_backup_mode") and self.sick(pair)
             and self.is_due(DELAY, self.since(self.sick), p.critical_service_delay)),
            (FALLBACK, on and hears and pair["auto_fallback"] == "on" and self.well(pair)
             and pair["node2.state"] == "running_in_backup_mode"
             and self.is_due(FALLBACK, self.since(self.well), 1800)),
        ]
        first = next((event for event, is_so in events if is_so), None)
        self.history[-1] = (now, pair, again, first)
        return first

    @staticmethod
    def sick(pair: Any) -> bool:
        return pair["node1.services"] == "down" or pair["node1.database"] == "down"

    @staticmethod
    def well(pair: Any) -> bool:
        up = pair["node1.services"] == pair["node1.database"] == "up"
        return up and pair["node1.state"] == "failed_over"

    def since(self, holds: Callable[[Any], bool]) -> int:
        """Where the unbroken run at the end of the history begins."""
        index = len(self.history) - 1
        while index > 0 and holds(self.history[index - 1][1]):
            index -= 1
        return index

    def silent_since(self) -> int:
        """-1: since the start."""
        states = [pair["node1.state"] == "initializing" for _, pair, _, _ in self.history]
        begins = [i for i, (_, _, again, _) in enumerate(self.history) if again]
        begins += [i for i, (old, new) in enumerate(pairwise(states), 1) if new and not old]
        return max(begins, default=-1)

    def is_due(self, event: str, since: int, after: float) -> bool:
        now = self.history[-1][0]
        begun = self.start if since < 0 else self.history[since][0]
        before = [t for t, _, _, gave in self.history[max(since, 0):] if gave == event]
        quiet = before and now < before[-1] + self.parameters.keep_alive_interval
        return now >= begun + after and not quiet


@given(st.sampled_from([0, 0.1, -7, 1e6]), PARAMETERS, STEPS, CHANGES)
def test_the_monitor_is_the_naive_one(
    start: float, parameters: Parameters, steps: Any, changes: Any,
) -> None:
    """Before any observation the parameters may change."""
    monitor, naive = Monitor.start(PRG, "node1", start, parameters), Naive(start, parameters)
    assert monitor.next_deadline == start
    now = start
    for (passed, columns, heartbeat, lost, stalled), other in zip(steps, changes, strict=False):
        now, pair = now + passed, but(NORMAL, **columns)
        if other is not None:
            naive.parameters = other
            monitor = monitor.with_parameters(other, now)
        told = naive.observe(now, pair, heartbeat=heartbeat, lost=lost, stalled=stalled)
        monitor, event = monitor.observe(
            now, pair, heartbeat=heartbeat, peer_host_lost=lost, stalled=stalled)
        assert event == told
        rest, given_now = monitor, [event]
        while rest.next_deadline == now:
            rest, event = rest.observe(now, pair)
            given_now.append(event)
        assert len(given_now) == 1 or None not in given_now
        assert len(set(given_now)) == len(given_now)
        deadline = rest.next_deadline
        if deadline is None:
            assert rest.observe(now + 1e6, pair)[1] is None
        else:
            assert deadline > now
            assert rest.observe(deadline, pair)[1] is not None
            assert rest.observe(now, pair)[1] is None
            between = now + (deadline - now) / 2
            assert between >= deadline or rest.observe(between, pair)[1] is None


@settings(max_examples=40)
@given(PARAMETERS, STEPS, st.sampled_from(["running", "manager_down", "off"]))
def test_what_a_node_cannot_know_changes_nothing(
    parameters: Parameters, steps: Any, process: str,
) -> None:
    one = other = Monitor.start(PRG, "node1", 0, parameters)
    now = 0
    for passed, columns, heartbeat, lost, stalled in steps:
        now, pair = now + passed, but(NORMAL, **columns)
        hidden = but(pair, link="cut", process=process, peer_process=process,
                     peer_services="down", peer_database="down", peer_hears_peer="no")
        told = {"heartbeat": heartbeat, "peer_host_lost": lost, "stalled": stalled}
        one, event = one.observe(now, pair, **told)
        other, same = other.observe(now, hidden, **told)
        assert (event, one) == (same, other)


@given(
    st.integers(1, 20), st.integers(0, 10), st.integers(0, 10), st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10), st.integers(0, 10)), max_size=15),
)
def test_a_live_peer_is_believed_in_whatever_its_schedule(
    interval: int, late: int, longest: int, lost: int, beats: Any,
) -> None:
    timeout = (lost + 1) * interval + late + longest + 1
    assert arithmetic.survives(lost, interval, late + longest, timeout)
    parameters = Parameters(keep_alive_interval=interval, keep_alive_timeout=timeout,
                            initialization_keep_alive_timeout=timeout)
    k, arrivals = 0, [0]
    for skipped, lateness, delay in beats:
        k += 1 + min(skipped, lost)
        arrivals.append(k * interval + min(lateness, late) + min(delay, longest))
    monitor = started(parameters=parameters)
    for arrival in sorted(arrivals):
        while monitor.next_deadline is not None and monitor.next_deadline <= arrival:
            monitor, event = monitor.observe(monitor.next_deadline, NORMAL)
            assert event is None
        monitor, event = monitor.observe(arrival, NORMAL, heartbeat=True)
        assert event is None


# --------------------------------------------------------------------- the theorems


def test_the_theorems_are_proved_and_say_what_of() -> None:
    said = prove(PRG, only=[t.id for t in timing.THEOREMS])
    assert [(r.id, r.verdict, r.model) for r in said.results] == [
        (f"T{n}", "proved", "T") for n in range(1, 17)]
    for result in said.results:
        if result.id == "T11":
            continue
        assert result.detail["over"] in ("whole and real numbers", "real numbers, of which whole ones are some")
        texts = [v for k, v in result.detail.items() if k not in ("over", "(the tables)", "searched")]
        assert texts
        assert all(v.startswith("IF ") and "; THEN " in v for v in texts)
    assert json.loads(json.dumps(said.to_json()))["obligations"][2]["assumptions"]


def test_a_machine_without_timers_has_no_theorems_about_them() -> None:
    said = prove(type(PRG)(LAMPS), only=["T1", "T9"])
    assert {r.verdict for r in said.results} == {"not_applicable"}
    assert said.results[0].detail["says"] == "the machine 'lamps' has no timers"


@pytest.mark.parametrize("lost", range(9))
def test_each_number_of_lost_heartbeats_by_itself(lost: int) -> None:
    for build in (heartbeats.believed, heartbeats.suspected, heartbeats.not_too_soon):
        assert claims.ask(build(lost), "Real").verdict == "proved"


def _never_again(value: Any, new: Any, *, runs: Any, again: Any, choose: Any) -> Any:
    return choose(runs, value, new)


def _never_reset(value: Any, new: Any, *, runs: Any, again: Any, choose: Any) -> Any:
    return choose(again, new, value)


def _from_the_past(_: Any, waiting: Any, interval: Any, choose: Any) -> Any:
    return arithmetic.earliest([arithmetic.ready(c, a, interval, choose) for c, a in waiting], choose)


POLL = arithmetic.poll


def _several(count: Any, now: Any, **asked: Any) -> Any:
    return POLL(count, now, **{**asked, "free": True})


def _lost_if_held(count: Any, now: Any, **asked: Any) -> Any:
    following, given_ = POLL(count, now, **asked)
    _, alone = POLL(count, now, **{**asked, "free": True})
    choose = asked["choose"]
    return attrs.evolve(following, gave=choose(alone, True, following.gave),
                        gave_at=choose(alone, now, following.gave_at)), given_


def _hardly_quiet(count: Any, now: Any, **asked: Any) -> Any:
    return POLL(count, now, **{**asked, "interval": asked["interval"] - 1})


FAULTS: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "due too late": ("due", lambda now, moment: now > moment, {"T1", "T2", "T3", "T8"}),
    "due too soon": ("due", lambda now, moment: now >= moment - 1,
                     {"T1", "T2", "T4", "T5", "T7", "T8"}),
    "a heartbeat is forgotten": ("kept", _never_again, {"T1", "T3", "T5", "T6"}),
    "a recovery is forgotten": ("kept", _never_reset, {"T1", "T2", "T7"}),
    "never quiet": ("ready", lambda count, after, *_: count.since + after, {"T1", "T8"}),
    "the last deadline": ("earliest", lambda moments, _: moments[-1], {"T8"}),
    "a deadline in the past": ("not_before", lambda *moments: moments[1], {"T8"}),
    "a deadline that may have passed": ("next_deadline", _from_the_past, {"T8"}),
    "several events at once": ("poll", _several, {"T1", "T8"}),
    "what is held back is lost": ("poll", _lost_if_held, {"T1", "T8"}),
    "quiet for too short": ("poll", _hardly_quiet, {"T1", "T8"}),
    "survives a race": ("survives", lambda n, i, j, t: (n + 1) * i + j <= t, {"T5", "T6"}),
    "forgets the jitter": ("survives", lambda n, i, _, t: (n + 1) * i < t, {"T5", "T6"}),
    "one interval too few": ("noticed_earliest", lambda n, i, j, t: t - n * i - j, {"T4", "T9"}),
    "a fast clock is a right one": (
        "at_least", lambda counted, _: counted, {"T4", "T5", "T6", "T7", "T9", "T12", "T13"}),
    "a slow clock is a right one": (
        "at_most", lambda counted, _: counted,
        {"T3", "T4", "T5", "T6", "T7", "T9", "T12", "T13"}),
    "no polling": ("noticed_latest", lambda t, late, _: t + late, {"T3", "T9"}),
    "no moving": ("outage", lambda seen, times, _, wait: times * seen + wait, {"T9"}),
    "a late turn is in time": ("late", lambda now, promised, t: now - promised > t, {"T12"}),
    "a turn in time is late": ("late", lambda now, promised, t: 4 * (now - promised) > t, {"T12"}),
    "an unread store is read": ("unread", lambda now, ended, t: now > ended + t, {"T12", "T13"}),
    "silent for no time": ("unread", lambda now, ended, _: now > ended, {"T12"}),
    "looks alive for too long": ("looks_alive_until", lambda ended, t: ended + t + 1, {"T12"}),
    "a stall counts from the reading": (
        "counted_to", lambda begun, _, **__: begun, {"T12", "T13"}),
    "a store call of a time-out": ("soon_enough", lambda call, t: call <= t, {"T12"}),
    "one store call": ("judged", lambda lateness, call: lateness + call, {"T12"}),
    "the longer of two leases": (
        "shorter", lambda one, other, choose: choose(other > one, other, one), {"T14"}),
    "the shorter of two waits": (
        "longer", lambda one, other, choose: choose(other < one, other, one), {"T14"}),
    "a wait without drift": (
        "shortest_wait", lambda lasts, pause, stopping, _: lasts + pause + stopping, {"T14"}),
    "a drift that pauses have not": (
        "shortest_wait", lambda lasts, pause, stopping, drift: lasts * (1 + drift) / (1 - drift)
        + pause + stopping, {"T14"}),
    "the margin forgets what is late": (
        "margin", lambda stops, _, pause, stopping, starts, drift:
        starts / (1 + drift) - stops / (1 - drift) - pause - stopping, {"T10"}),
    "the margin of clocks that agree": (
        "margin", lambda stops, late, pause, stopping, starts, _:
        starts - stops - late - pause - stopping, {"T10"}),
    "both end where one is just ended": (
        "both_end", lambda one, other, latency, apart, choose:
        arithmetic.longer(one, other, choose) - arithmetic.shorter(one, other, choose)
        <= latency + apart, {"T15"}),
    "both notice at once": (
        "both_end", lambda one, other, latency, _, choose:
        arithmetic.longer(one, other, choose) - arithmetic.shorter(one, other, choose)
        < latency, {"T15"}),
    "twice everything": ("outage", lambda seen, times, moving, wait: times * (seen + wait) + moving,
                         {"T9"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_arithmetic_is_refuted_with_numbers(
    name: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    what, wrong, finders = FAULTS[name]
    monkeypatch.setattr(arithmetic, what, wrong)
    for theorem in timing.THEOREMS:
        if theorem.id in finders:
            found = timing.discharge.__wrapped__(theorem)
            assert (theorem.id, found.verdict) == (theorem.id, "refuted")
            assert "; not with " in found.detail["says"]
            assert {n: str(Fraction(v)) for n, v in found.detail["numbers"].items()
                    if v not in ("True", "False")}.items() <= found.detail["numbers"].items()


NOT_RESET = "the watching node is not stalled, and does not begin to initialize, in between"


@pytest.mark.parametrize(("claim", "premise"), [
    (heartbeats.noticed_in_time, NOT_RESET),
    (heartbeats.noticed_in_time, "it was observed when it arrived"),
    (heartbeats.believed(0), "it is observed when it arrives"),
    (heartbeats.believed(), "it is observed when it arrives"),
    (heartbeats.shortest_crash_outage, "none is lost before the crash: n = 0"),
    (heartbeats.shortest_crash_outage, "nor is the loss given before the crash"),
    (heartbeats.longest_crash_outage, NOT_RESET),
    (heartbeats.noticed_in_time, "the watching node's clock runs meanwhile"),
    (heartbeats.not_too_soon(), "the watching node's clock runs meanwhile"),
    (heartbeats.believed(), "a clock is fast or slow by less than the whole"),
    (heartbeats.service_outage, "the node's clock runs meanwhile"),
    (counts.true_time, "a clock counts it while this true time passes"),
    (stalls.heard_after, "interval / (1 - drift) + jitter < time-out / (1 + drift)"),
    (stalls.heard_after, "a later reading judges; the next heartbeat had not arrived when it began"),
    (stalls.heard_after, "the watching node's clock runs meanwhile"),
    (stalls.noticed_after, "the count is due at the deadline, by the watching node's clock"),
    (stalls.heard_in_time, "the peer's first reading is less than time-out / (1 + drift) - "),
    (stalls.heard_in_time, "the peer sends at most interval / (1 - drift) + lateness after its own "),
    (stalls.one_node_silent, "apart + apart_before + 2 * (interval / (1 - drift) + lateness)"),
    (stalls.one_node_silent, "the last readings of both nodes ended at most `apart_before` apart, "),
    (stalls.one_node_silent, "the store is not silent for the watching node"),
    (roll_out.never_twice_meanwhile, "the other node serves after the wait in force"),
    (roll_out.never_twice_meanwhile, "the node serves by its own lease, if it has not read"),
    (roll_out.never_twice_meanwhile, "another decision takes them"),
    (roll_out.earlier_agent, "the next agent starts under the other terms, and signs after the wait"),
    (stalls.never_stalled, "a store call takes half a time-out or less"),
    (stalls.never_stalled, "rest + lateness < half a time-out"),
])
def test_each_premise_is_needed(claim: claims.Build, premise: str) -> None:
    """Each is named by how it begins."""
    def without(u: claims.Unknowns) -> claims.Claim:
        whole = claim(u)
        return attrs.evolve(
            whole, given={says: term for says, term in whole.given.items()
                          if not says.startswith(premise)})

    assert claims.ask(claim, "Real").verdict == "proved"
    assert sum(says.startswith(premise) for says in claim(claims.Unknowns("Real")).given) == 1
    assert claims.ask(without, "Real").verdict == "refuted"


@pytest.mark.parametrize(("claim", "wrong"), [
    (heartbeats.longest_crash_outage, -2), (heartbeats.shortest_crash_outage, 1),
    (heartbeats.service_outage, -2), (heartbeats.service_outage, 1),
    (heartbeats.fallback_outage, -1), (heartbeats.fallback_outage, 1),
])
def test_no_row_of_outages_can_be_tighter(
    claim: claims.Build, wrong: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = arithmetic.outage
    monkeypatch.setattr(arithmetic, "outage", lambda *row: right(*row) + wrong)
    assert claims.ask(claim, "Real").verdict == "refuted"


def test_the_bounds_widen_with_the_drift() -> None:
    plain, drifting = bounds(DEFAULTS), bounds(DEFAULTS, drift=0.01)
    assert (drifting.crash.least, drifting.crash.most) == (60 / 1.01 - 15 / 0.99, 60 / 0.99)
    assert (drifting.service.least, drifting.after_failover.most) == (90 / 1.01, 537 / 0.99)
    for name in ("crash", "crash_at_start", "service", "automatic_fallback", "after_crash", "after_service"):
        narrow, wide = getattr(plain, name), getattr(drifting, name)
        assert wide.least < narrow.least <= narrow.most < wide.most
    assert bounds(Parameters(keep_alive_timeout=61), drift=0.01).survived == 2
    assert bounds(DEFAULTS, drift=0.7).survived is None
    for wrong in (1, -0.1, nan, True, "0"):
        with pytest.raises(BadInput, match=r"drift: .* is not a share"):
            bounds(DEFAULTS, drift=wrong)  # type: ignore[arg-type]


def test_the_page_of_drift_pause_and_a_cut(run: Any) -> None:
    code, out, err = run("--drift", "0.0002", "--pause", "0.5", "--cut", "300")
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    page = " ".join(out.split())
    assert "a crash of the peer is noticed 44.985 52.499 60.012 T3 T4" in page
    assert "Given drift 0.0002." in page
    assert "A drift of 0.0002 is tolerated, with a pause of up to 1.4984 s." in page
    assert ("a cut of 300 s loses up to 21 heartbeats: users may be served twice for 270.018 s, and "
            "while services stop (D5). If only one direction is cut, for 15.003 s. Cuts shorter than "
            "29.994 s do no harm.") in page
    said = json.loads(run("--json", "--drift", "0.0002", "--pause", "0.5", "--cut", "300")[1])
    assert said["given"]["drift"] == 0.0002
    assert said["bounds"]["crash"]["most"] == 60 / 0.9998
    assert (said["lease"]["pause"], said["lease"]["longest_pause"]) == (0.5, 1.4984)
    assert (said["cut"]["lost"], said["cut"]["theorem"]) == (21, "D5")
    code, out, _ = run("--drift", "0.7")
    assert code == 1
    assert "error drift: clocks that drift by 0.7 may make a node declare a live peer lost" in " ".join(
        out.split())
    code, out, err = run("--pause", "5")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "lasts + pause + stopping = 8.5 s must be above 0 and at most waits" in err


def test_the_page_on_timers_lists_the_theorems_and_what_they_assume() -> None:
    page = (Path(__file__).parent.parent / "docs" / "timers.md").read_text(encoding="utf-8")
    rows = {cells[1]: cells[3] for line in page.splitlines()
            if len(cells := [c.strip() for c in line.split("|")]) == 5}
    for theorem in timing.THEOREMS:
        names = [a.partition(":")[0] for a in theorem.assumptions]
        assert rows[theorem.id] == ", ".join(names)
        assert all(f"- **{name}**: " in page for name in names)


def test_as_many_counts_as_a_node_has_are_polled_in_turn() -> None:
    assert len([w for w in watches(PRG, "node1") if w.counts]) == counts.COUNTS


def test_no_witness_no_answer_and_no_agreement_are_no_proofs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(u: claims.Unknowns) -> claims.Claim:
        x = u.number("x")
        return claims.Claim({"x < 0": x < 0, "x > 0": x > 0}, {"x is 7": claims.same(x, 7)})

    def two_faced(u: claims.Unknowns) -> claims.Claim:
        x = u.number("x")
        return claims.Claim({}, {"x > 0": isinstance(u, claims.Numbers) or x > 0})

    def faithless(u: claims.Unknowns) -> claims.Claim:
        x = u.number("x")
        return claims.Claim({"x > 0": not isinstance(u, claims.Numbers) and x > 0}, {"x > -1": x > -1})

    assert claims.ask(nothing, "Int").verdict == "vacuous"
    assert claims.ask(two_faced, "Real").verdict == "disagree"
    assert claims.ask(faithless, "Real").verdict == "disagree"
    monkeypatch.setattr(claims, "RLIMIT", 1)
    found = timing.discharge.__wrapped__(timing.THEOREMS[0])
    assert found.verdict == "unknown"


# ------------------------------------------- what the theorems assume of the tables

STORED = Stored(PRG.model.columns)
EDITS = tuple(timer_mutants(PRG.model))
SAME = {
    "rule delay: < -> !=", "rule delay: less: 0 dropped",
    "rule delay: more: 1 critical_service_delay -> 2",
    "rule delay: more: 1 critical_service_delay -> 0.5",
    "rule re-login: < -> !=", "rule re-login: less: 0 dropped",
    "rule re-login: more: 1 client_relogin_lower_limit -> 2",
    "rule re-login: more: 1 client_relogin_lower_limit -> 0.5",
    "rule ports: inverted",
}
"""Edits that mean the same: 0 < x, twice x and half of x, of an x that is never negative."""


def test_every_edit_of_the_tables_is_noticed_or_means_the_same() -> None:
    assert len(EDITS) == len({e.what for e in EDITS}) > 600
    heads = {e.what.partition(":")[0] for e in EDITS}
    assert heads == {*(f"timer {t.event}" for t in TIMERS), *(f"parameter {p}" for p in RECORDS),
                     *(f"rule {r.id}" for r in SANITY)}
    for edit in EDITS:
        says = noticed(edit, STORED)
        if edit.what in SAME:
            assert (says, equivalent(edit, STORED, SHIPPED)) == ("", True), edit.what
        else:
            assert re.match(r"T\d+: .* assumed\b.*; the table (has|allows) ", says), edit.what
            assert not equivalent(edit, STORED, SHIPPED), edit.what


@pytest.mark.parametrize(("theorem", "assumed"), [
    pytest.param(t, one, id=f"{t.id} {next(one.says())[:50]}")
    for t in timing.THEOREMS for one in t.tables])
def test_without_any_assumption_its_theorem_would_miss_an_edit(theorem: Any, assumed: Any) -> None:
    less = attrs.evolve(theorem, tables=tuple(a for a in theorem.tables if a is not assumed))
    assert len(less.tables) == len(theorem.tables) - 1
    assert any(
        list(timing.broken(theorem, STORED, e.shipped)) and not list(timing.broken(less, STORED, e.shipped))
        for e in EDITS)


def test_an_edit_that_no_theorem_notices_would_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants_of_time, "THEOREMS", timing.THEOREMS[:10])
    left = [e for e in EDITS if not noticed(e, STORED) and not equivalent(e, STORED, SHIPPED)]
    assert len(left) > 100
    assert {e.what.partition(" ")[0] for e in left} == {"parameter", "rule"}


def _with(event: str, **changed: Any) -> Shipped:
    return attrs.evolve(SHIPPED, timers=tuple(
        attrs.evolve(t, **changed) if t.event == event else t for t in TIMERS))


OF_SILENCE = ["T3", "T4", "T5", "T6", "T9", "T12", "T13"]


@pytest.mark.parametrize(("shipped", "refuted"), [
    (_with("auto_fallback_due", limits=(({}, 180),)), {
        "T7": "auto_fallback_due is assumed to count automatic_fallback_after if node1.state is failed_over and "
              "node1.services is up and node1.database is up; the table has 180 s"}),
    (_with("heartbeat_lost", again=()), dict.fromkeys(
        OF_SILENCE,
        "heartbeat_lost is assumed to begin again at heartbeat or stall; the table has none")),
    (_with("heartbeat_lost", again="heartbeat"), dict.fromkeys(
        OF_SILENCE,
        "heartbeat_lost is assumed to begin again at heartbeat or stall; the table has heartbeat")),
    (_with("critical_service_delay", limits=(({}, "keep_alive_timeout"),)), dict.fromkeys(
        ["T2", "T9"], "critical_service_delay is assumed to count critical_service_delay if "
        "node1.services is down; the table has keep_alive_timeout")),
    (_with("critical_service_delay", runs=Cube()), dict.fromkeys(
        ["T2", "T9"], "critical_service_delay is assumed to run where me.services is down or "
        "me.database is down; the table has always, which differs if node1.services is up and "
        "node1.database is up")),
    (_with("heartbeat_lost", runs={"me.mood": "low"}), dict.fromkeys(
        OF_SILENCE, "heartbeat_lost is assumed to read columns of the machine; "
        "the table has the column node1.mood")),
    (attrs.evolve(SHIPPED, timers=TIMERS[1:] + TIMERS[:1]), {
        "T1": "the timers are assumed to be heartbeat_heard, peer_host_lost, heartbeat_lost, "
              "critical_service_delay, auto_fallback_due, in this order; the table has "
              "peer_host_lost, heartbeat_lost, critical_service_delay, auto_fallback_due, "
              "heartbeat_heard"}),
    (attrs.evolve(SHIPPED, timers=TIMERS[:-1]), {
        "T1": "the timers are assumed", "T7": "one timer auto_fallback_due is assumed; the table "
        "has none", "T8": "4 timers are assumed to count; the table has 3"}),
    (attrs.evolve(SHIPPED, sanity=tuple(r for r in SANITY if r.id != "alive")), {
        **dict.fromkeys(["T5", "T12"], "one rule alive is assumed, which asks for interval + "
                        "jitter < time-out; the table has none"), "T11": "11 rules are assumed; the table has 10, and they differ in alive"}),
])
def test_a_theorem_is_refuted_by_the_table_and_says_where(
    shipped: Shipped, refuted: dict[str, str],
) -> None:
    found = {}
    for obligation in timing.obligations(PRG.model, shipped):
        answer = obligation.run(Work(PRG))
        assert answer.verdict in ("proved", "refuted")
        if answer.verdict == "refuted":
            found[obligation.id] = answer.detail["says"]
    assert found.keys() == refuted.keys()
    assert all(found[id_].startswith(f"{id_}: {says}") for id_, says in refuted.items())


def test_the_numbers_in_the_sentences_are_those_of_the_table() -> None:
    def title(shipped: Shipped) -> str:
        return next(o.title for o in timing.obligations(PRG.model, shipped) if o.id == "T7")

    assert title(SHIPPED) == (
        "an automatic fallback comes after automatic_fallback_after or more of unbroken health")
    assert title(_with("auto_fallback_due", limits=(({}, 180),))) == (
        "an automatic fallback comes after 180 s or more of unbroken health")
    assert "after no time or more" in title(attrs.evolve(SHIPPED, timers=TIMERS[:-1]))


@pytest.mark.parametrize(("sources", "value", "refuted"), [
    (("down", "up"), "healthy", {"T2", "T7", "T9"}), (("up", "down"), "healthy", {"T2", "T7", "T9"}),
    (("up", "up"), "critical_service_down", {"T2", "T7", "T9"}),
    (("stopped", "down"), "stopped", {"T2", "T9"}), (("stopped", "up"), "healthy", {"T7"}),
])
@pytest.mark.parametrize("node", NODES)
def test_a_derived_column_that_means_something_else_is_noticed(
    node: str, sources: tuple[str, str], value: str, refuted: set[str],
) -> None:
    columns = tuple(
        attrs.evolve(c, table=tuple((k, value if k == sources else v) for k, v in c.table))
        if c.name == f"{node}.health" else c for c in PRG.model.columns)
    other = Stored(columns)
    assert {t.id for t in timing.THEOREMS if list(timing.broken(t, other, SHIPPED))} == refuted


def test_the_same_tables_in_other_words_are_proved() -> None:
    other = attrs.evolve(SHIPPED,
        timers=tuple(attrs.evolve(t, limits=(
            ({"me.state": tuple(v for v in PRG.model.domains["node1.state"] if v != "initializing")},
             "keep_alive_timeout"), ({}, "initialization_keep_alive_timeout")))
            if t.event == "heartbeat_lost" else t for t in TIMERS),
        sanity=tuple(attrs.evolve(
            r, less=tuple((3 * n, name) for n, name in r.less),
            more=tuple((3 * n, name) for n, name in r.more)) for r in SANITY))
    assert other != SHIPPED
    assert not [says for t in timing.THEOREMS for says in timing.broken(t, STORED, other)]


def test_a_machine_with_other_columns_has_other_timers() -> None:
    poor = type(PRG)(attrs.evolve(PRG.model, columns=tuple(
        attrs.evolve(c, domain=tuple(v for v in c.domain if v != "failed_over"))
        if c.name == "node1.state" else c for c in PRG.model.columns)))
    t7 = next(o for o in timing.obligations(poor.model) if o.id == "T7").run(Work(poor))
    assert (t7.verdict, t7.detail["says"]) == ("not_applicable", (
        "the machine 'prg' has not the value failed_over of node1.state: its timers are others"))


# --------------------------------------------------------- parameters and their sense


def test_the_recommended_values_are_not_warned_of() -> None:
    broken = [v for v in check(DEFAULTS) if not v.holds]
    assert [(v.rule.id, v.rule.kind, v.wrong, v.advice) for v in broken] == [(
        "three-losses", "information", False,
        "nothing need change; the rule would hold with keep_alive_timeout=61")]
    assert changes(check(DEFAULTS)) == {}
    assert all(v.holds for v in check(Parameters(keep_alive_timeout=61)))
    assert [v.rule.id for v in check(Parameters(keep_alive_timeout=61), 1) if not v.holds] == [
        "three-losses"]


BROKEN: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "interval": ({"keep_alive_interval": 0}, {"keep_alive_interval": 15}),
    "alive": ({"keep_alive_timeout": 15}, {"keep_alive_timeout": 60}),
    "alive-at-start": (
        {"initialization_keep_alive_timeout": 15}, {"initialization_keep_alive_timeout": 120}),
    "two-losses": ({"keep_alive_interval": 20}, {"keep_alive_interval": 15}),
    "three-losses": ({}, {"keep_alive_timeout": 61}),
    "patient-start": (
        {"initialization_keep_alive_timeout": 59}, {"initialization_keep_alive_timeout": 120}),
    "delay": ({"critical_service_delay": 0}, {"critical_service_delay": 90}),
    "re-login": ({"client_relogin_lower_limit": 0}, {"client_relogin_lower_limit": 120}),
    "re-login-limits": ({"client_relogin_lower_limit": 538}, {"client_relogin_lower_limit": 120}),
    "re-login-delay": ({"client_relogin_lower_limit": 89}, {"client_relogin_lower_limit": 120}),
    "ports": ({"admin_rpc_port": 22001}, {"admin_rpc_port": 20075}),
}
"""For each rule, what breaks it, and what to change then."""


def test_every_rule_can_be_broken_and_names_what_needs_it() -> None:
    assert [r.id for r in SANITY] == [*BROKEN]
    for rule in SANITY:
        given, wanted = BROKEN[rule.id]
        verdict = next(v for v in check(Parameters(**given)) if v.rule is rule)
        assert (verdict.holds, dict(verdict.changes)) == (False, wanted), rule.id
        assert all(f"{name}={value}" in verdict.advice for name, value in wanted.items())
    known = {t.id for t in timing.THEOREMS} | {d.id for d in DECISIONS} | {""}
    assert {r.theorem for r in SANITY} <= known
    assert {r.kind for r in SANITY} == {"error", "warning", "information"}


def _broken(parameters: Parameters, jitter: float = 0) -> set[str]:
    return {v.rule.id for v in check(parameters, jitter) if v.wrong}


@pytest.mark.parametrize(("given", "wanted"), [
    # what is too low is raised, and no delay is lowered for it
    ({"client_relogin_lower_limit": 60, "client_relogin_upper_limit": 60},
     {"client_relogin_lower_limit": 120, "client_relogin_upper_limit": 537}),
    ({"client_relogin_lower_limit": 0, "client_relogin_upper_limit": 0},
     {"client_relogin_lower_limit": 120, "client_relogin_upper_limit": 537}),
    ({"client_relogin_upper_limit": 100}, {"client_relogin_upper_limit": 537}),
    ({"critical_service_delay": 300}, {"client_relogin_lower_limit": 300}),
    ({"keep_alive_timeout": 600}, {"initialization_keep_alive_timeout": 600}),
    # a limit of a login profile stays: 120 is the lower limit of each
    ({"client_relogin_lower_limit": 300, "client_relogin_upper_limit": 287},
     {"client_relogin_lower_limit": 120}),
    # an upper limit that is raised keeps the distance of the defaults
    ({"critical_service_delay": 600, "client_relogin_lower_limit": 60,
      "client_relogin_upper_limit": 60},
     {"client_relogin_lower_limit": 600, "client_relogin_upper_limit": 1017}),
    # one change, where one is enough
    ({"keep_alive_interval": 60}, {"keep_alive_interval": 15}),
    ({"keep_alive_interval": 600}, {"keep_alive_interval": 15}),
    ({"keep_alive_interval": 30, "keep_alive_timeout": 120,
      "initialization_keep_alive_timeout": 120}, {}),
    ({"keep_alive_timeout": 5, "initialization_keep_alive_timeout": 5},
     {"keep_alive_interval": 1}),
    # a delay above the recommended one is lowered last, and by no more than is needed
    ({"critical_service_delay": 600}, {"critical_service_delay": 120}),
    # rules with no parameter in common are mended apart
    ({"keep_alive_interval": 60, "critical_service_delay": 0, "admin_rpc_port": 22001},
     {"keep_alive_interval": 15, "critical_service_delay": 90, "admin_rpc_port": 20075}),
    ({"service_port": 20075}, {"service_port": 22001}),
    ({"keep_alive_timeout": 4, "keep_alive_interval": 1,
      "initialization_keep_alive_timeout": 4}, {}),
])
def test_the_smallest_set_of_changes_mends_all_and_trades_no_availability(
    given: dict[str, Any], wanted: dict[str, int],
) -> None:
    parameters = Parameters(**given)
    assert changes(check(parameters)) == wanted
    assert _broken(attrs.evolve(parameters, **wanted)) == set()


def test_no_whole_value_may_help() -> None:
    late = 90_000
    said = {v.rule.id: v.advice for v in check(DEFAULTS, late) if v.wrong}
    assert said["alive"] == "no whole value of keep_alive_timeout or keep_alive_interval helps"
    assert changes(check(DEFAULTS, late)) == {}


NUMBERS = st.one_of(st.integers(0, 600), st.floats(0, 600), st.sampled_from([86_400, 86_399.5]))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS,
       st.integers(1, 65_535), st.floats(0, 100), st.integers(1, 2_500))
def test_the_changes_are_valid_and_mend_everything(  # one letter a parameter
    a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, port: int, jitter: float,
    other: int,
) -> None:
    p = Parameters(
        keep_alive_interval=a, keep_alive_timeout=b, initialization_keep_alive_timeout=c,
        critical_service_delay=d, client_relogin_lower_limit=e, client_relogin_upper_limit=f,
        service_port=port, admin_rpc_port=port)
    verdicts, before = check(p, jitter), _broken(p, jitter)
    for verdict in verdicts:
        assert bool(verdict.advice) == (not verdict.holds)
        assert not verdict.holds or not verdict.changes
    mended = changes(verdicts)
    ports = {"service_port", "admin_rpc_port"}
    assert len(ports & {*mended}) == 1
    assert _broken(attrs.evolve(p, **mended), jitter) == set()
    for name, value in mended.items():
        given, usual = getattr(p, name), getattr(DEFAULTS, name)
        assert value == int(value) > 0
        assert value != given
        assert name not in NEVER_LOWERED or value >= min(given, usual), "never below the default"
        # none is superfluous, and no single other value does the work of several
        assert _broken(attrs.evolve(p, **{**mended, name: given}), jitter)
    apart = {*mended} - ports
    for group in ({"keep_alive_interval", "keep_alive_timeout", "initialization_keep_alive_timeout"},
                  {"critical_service_delay", "client_relogin_lower_limit",
                   "client_relogin_upper_limit"}):
        if len(group & apart) > 1:
            rest = {n: v for n, v in mended.items() if n not in group}
            for name in group:
                if name not in NEVER_LOWERED or other >= min(getattr(p, name), getattr(DEFAULTS, name)):
                    assert _broken(attrs.evolve(p, **{**rest, name: other}), jitter)
    assert before
    assert all(v.changes for v in verdicts if v.wrong)


def test_the_figures_of_the_defaults() -> None:
    plain, dual = bounds(DEFAULTS), bounds(DEFAULTS, dual_connections=True)
    assert plain == Bounds(
        2, Range(45, 52.5, 60), Range(105, 112.5, 120), Range(90, 90, 90), Range(1800, 1800, 1800),
        Range(165, 381, 597), Range(210, 418.5, 627), *[Range(120, 328.5, 537)] * 3)
    assert dual.after_crash == Range(45, 52.5, 60)
    assert dual.after_service == Range(90, 90, 90)
    assert dual.after_failover == Range(0, 0, 0)
    assert dual.after_fallback == dual.after_automatic_fallback == Range(120, 328.5, 537)
    double = bounds(DEFAULTS, multiple_device_messaging=True, take_over=10)
    assert (double.after_crash.most, double.after_service.most) == (667, 727)
    assert double.if_waits_double is not None
    assert [r.most for r in double.if_waits_double] == [1204, 1264, 1084]
    both = bounds(DEFAULTS, multiple_device_messaging=True, dual_connections=True)
    assert both.after_crash.most == 120
    assert both.if_waits_double is None
    worse = bounds(DEFAULTS, latency=0.25, polling=1, jitter=2)
    assert (worse.crash.least, worse.crash.most) == (43, 61.25)
    assert (worse.service.most, worse.survived) == (91, 2)
    assert (worse.automatic_fallback.least, worse.automatic_fallback.most) == (1800, 1801)


@given(st.sampled_from([0.1, 0.3, 1, 7, 15]), st.floats(0, 200), st.floats(0, 20))
def test_survived_is_the_largest_number_that_is(interval: float, timeout: float, jitter: float,
                                                ) -> None:
    p = Parameters(keep_alive_interval=interval, keep_alive_timeout=timeout)
    survived = bounds(p, jitter=jitter).survived
    numbers = [n for n in range(2100) if arithmetic.survives(n, interval, jitter, timeout)]
    assert survived == max(numbers, default=None)


@pytest.mark.parametrize("wrong", [nan, inf, -1, "1", True, None])
def test_what_is_no_number_of_seconds_is_refused(wrong: Any) -> None:
    for name in ("latency", "polling", "jitter", "take_over"):
        with pytest.raises(BadInput, match=f"{name}: expected seconds"):
            bounds(DEFAULTS, **{name: wrong})
    with pytest.raises(BadInput, match="jitter: expected seconds"):
        check(DEFAULTS, wrong)


def test_parameters_are_read_from_words() -> None:
    read = Parameters.parse({"keep_alive_timeout": "75", "keep_alive_interval": "0.5",
                             "enable_automatic_fallback": "TRUE", "service_port": "1"})
    assert (read.keep_alive_timeout, read.keep_alive_interval) == (75, 0.5)
    assert (read.enable_automatic_fallback, read.service_port) == (True, 1)


@pytest.mark.parametrize(("word", "value"), [
    ("60", 60), (" 60 s", 60), ("60s", 60), ("60 sec", 60), ("60 Seconds", 60), ("1 min", 60),
    ("1.5 minutes", 90), ("0.5 h", 1800), ("1 hour", 3600), ("500 ms", 0.5), ("60.0", 60),
    ("+60", 60), ("60  seconds", 60),
])
def test_seconds_are_read_with_their_unit(word: str, value: float) -> None:
    assert Parameters.parse({"keep_alive_timeout": word}) == Parameters(keep_alive_timeout=value)


@pytest.mark.parametrize("word", ["1 m", "1,800", "1 800", "60 x", "sixty", "", "6e1", "60 s s", "true"])
def test_what_could_mean_two_things_is_not_read(word: str) -> None:
    with pytest.raises(BadInput, match="expected a number of seconds such as 60, not"):
        Parameters.parse({"keep_alive_timeout": word})


@pytest.mark.parametrize(("word", "value"), [
    ("True", True), ("TRUE", True), ("on", True), ("Enabled", True), ("yes", True), (True, True),
    ("False", False), ("OFF", False), ("disabled", False), ("No", False),
])
def test_truth_is_read_in_the_words_of_people(word: Any, value: bool) -> None:
    read = Parameters.parse({"Enable Automatic Fallback": word})
    assert read.enable_automatic_fallback is value


@pytest.mark.parametrize("spelled", [
    "Keep Alive (Heartbeat) Timeout", "keep alive (heartbeat) timeout", "KEEP_ALIVE_TIMEOUT",
    "  Keep  Alive  (HeartBeat)  Timeout ", "Keep-Alive Timeout", "Keepalive (Heartbeat) Timeout",
    "KeepAliveTimeout", "keepAliveTimeout", "Keep Alive (Heartbeat) Timeout *:",
])
def test_a_parameter_is_named_as_the_screen_does(spelled: str) -> None:
    assert Parameters.parse({spelled: "70"}) == Parameters(keep_alive_timeout=70)


@given(st.sampled_from(sorted(RECORDS)), st.sampled_from([str.lower, str.upper, str.title, str]))
def test_every_title_and_every_name_is_read_in_any_case(name: str, case: Any) -> None:
    word = "true" if isinstance(RECORDS[name].default, bool) else "77"
    value = Parameters.parse({name: word})
    assert Parameters.parse({case(RECORDS[name].title): word}) == value != DEFAULTS
    assert Parameters.parse({case(name): word}) == value


@pytest.mark.parametrize("again", ["70", "71", 70, "1 m", "sixty"])
def test_a_parameter_under_two_spellings_is_one_error_that_names_both(again: Any) -> None:
    title = "Keep Alive (Heartbeat) Timeout"
    says = f"keep_alive_timeout is given twice, as {title} and keep_alive_timeout; give it once"
    with pytest.raises(BadInput) as caught:
        Parameters.parse({title: "70", "keep_alive_timeout": again})
    assert str(caught.value) == says
    found, wrong = as_written(Parameters, {title: "70", "keep_alive_timeout": again, "Service Port": "22.0"})
    assert found == {"keep_alive_timeout": 70, "service_port": 22}
    assert wrong == {"keep_alive_timeout": Wrong("keep_alive_timeout", says)}


def test_a_name_itself_goes_before_any_other_spelling() -> None:
    """In a machine of your own, names may differ in what other spellings leave out."""
    last = PAIR.parameters[-1]
    alike = [attrs.evolve(last, name=name) for name in ("leaselasts", "Lease_Lasts", "x_1", "x1")]
    assert last.name == "lease_lasts"
    kind = parameters_of(attrs.evolve(PAIR, parameters=(*PAIR.parameters, *alike)))
    names = [last.name, *(one.name for one in alike)]
    values = {name: number for number, name in enumerate(names, 2)}
    assert kind.parse(values) == kind.of(values)
    assert [kind.named(name) for name in ("LEASE LASTS", "LeaseLasts", "X 1", "X1")] == [
        "lease_lasts", "leaselasts", "x_1", "x1"]


@pytest.mark.parametrize(("name", "says"), [
    ("keep_alive_timout", "unknown parameter 'keep_alive_timout'; did you mean keep_alive_timeout"),
    ("Keep Alive Timout", r"did you mean Keep Alive \(Heartbeat\) Timeout"),
    ("banana", "known: admin_rpc_port, "), ("x y", "known: Admin RPC Port, "), ("", "known: "),
])
def test_an_unknown_parameter_is_answered_in_its_own_spelling(name: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Parameters.parse({name: "1"})


def test_the_errors_of_numbers_read_well() -> None:
    for words, says in (
        ({"service_port": 0}, r"service_port: 0 is outside 1 to 65535 \(a bound"),
        ({"keep_alive_timeout": 86_401}, r"86401 is outside 0 to 86400 s \(a bound"),
    ):
        with pytest.raises(BadInput, match=says):
            Parameters(**words)
    with pytest.raises(BadInput, match=r"jitter: expected seconds, from 0 to some 34,000 years of them, not -1$"):
        check(DEFAULTS, -1)
    with pytest.raises(BadInput, match=r"34,000 years of them, not 1e\+300"):
        check(DEFAULTS, 1e300)
    with pytest.raises(BadInput, match=r"now: 1e\+300 .*34,000 years"):
        Monitor.start(PRG, "node1", 1e300)


def test_the_default_that_is_ours_says_so() -> None:
    told = next(d for d in DECISIONS if d.id == "D43")
    assert "Authentication Service has no default" in told.text
    assert "false" in told.choice
    assert RECORDS["monitor_xcp_authentication"].says.endswith("; its default is ours (D43)")
    assert [r.name for r in RECORDS.values() if "ours" in r.says] == [
        "automatic_fallback_after", "monitor_xcp_authentication"]


@given(st.sampled_from(sorted(RECORDS)), st.text(max_size=40) | st.integers().map(str))
def test_any_word_is_a_value_or_one_complaint(name: str, word: str) -> None:
    complaint = ""
    read = DEFAULTS
    try:
        read = Parameters.parse({name: word})
    except BadInput as error:
        complaint = str(error)
    assert complaint == "" or complaint.startswith(f"{name}: ")
    assert len(complaint) < 300
    assert RECORDS[name].least <= getattr(read, name) <= RECORDS[name].most


@pytest.mark.parametrize("value", [10**400, -(10**400), inf, nan, -1, True, "60", None])
def test_a_wrong_value_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match=r"^keep_alive_timeout: "):
        Parameters(keep_alive_timeout=value)


# -------------------------------------------------------------- two nodes and their world


STARTS = ((), *(
    (f"services_down({node})", f"critical_service_delay({node})", f"takeover_done({OTHER[node]})",
     f"taken_over({node})", f"services_up({node})") for node in NODES
))


class World:
    """Two monitors, one pair: what happens is drawn; what a monitor gives is stepped."""

    def __init__(self, seed: int) -> None:
        self.random, self.now = random.Random(seed), 0
        self.pair = after(NORMAL, *self.random.choice(STARTS), "enable_auto_fallback")
        self.parameters = Parameters(critical_service_delay=60)
        self.stepped: list[str] = []
        self.waited = 0
        self.monitors = {node: self.boot(node) for node in NODES}

    def boot(self, node: str) -> Monitor:
        return Monitor.start(PRG, node, self.now, self.parameters)

    def happen(self, event: str) -> None:
        before, self.pair = self.pair, PRG.step(self.pair, event).pair
        for node in NODES:
            if before[f"{node}.process"] != "running" == self.pair[f"{node}.process"]:
                self.monitors[node] = self.boot(node)

    def draw(self) -> None:
        """Something breaks, heals, ends or is asked for; repairs are likelier than faults."""
        weights = {Kind.FAULT: 1, Kind.REPAIR: 3, Kind.COMPLETION: 9, Kind.COMMAND: 0.2}
        able = [e for e in PRG.model.events if e.kind in weights and e.name != "disable_ha"
                and PRG.possible(self.pair, e.name)]
        self.happen(self.random.choices(
            able, [weights[e.kind] if e.success else 0.1 for e in able])[0].name)

    def passes(self, time: int, heard: float) -> None:
        """Time passes; then each node hears its peer with this probability, and is observed."""
        self.now += time
        for node in NODES:
            self.watch(node, heard)

    def watch(self, node: str, heard: float) -> None:
        """Observe, step what is given, and again, until there is nothing more in this moment."""
        reaches = self.pair["link"] == "up" and self.random.random() < heard
        told = {"heartbeat": reaches and arrives(self.pair, node),
                "peer_host_lost": self.random.random() < 0.2
                and self.pair[f"{OTHER[node]}.process"] == "off"}
        while self.pair[f"{node}.process"] == "running":
            self.monitors[node], event = self.monitors[node].observe(self.now, self.pair, **told)
            told = {}
            if event is None:
                return
            self.waited += self.monitors[node].next_deadline == self.now
            self.pair = suppose(self.pair, event)
            assert PRG.possible(self.pair, event), (self.now, event, dict(self.pair))
            self.happen(event)
            self.stepped.append(event)


def test_what_a_monitor_gives_can_happen_if_the_fault_is_supposed() -> None:
    stepped, waited = set(), 0
    for seed in range(120):
        world = World(seed)
        for _ in range(world.random.choice([0, 120])):
            world.passes(15, 1)
        for _ in range(12):
            for _ in range(world.random.randrange(3)):
                world.draw()
            world.passes(world.random.choice([0, 15, 30, 60]), 0.5)
        stepped |= set(world.stepped)
        waited += world.waited
    assert stepped == {f"{t.event}({node})" for t in TIMERS for node in NODES}
    assert waited >= 10


# ------------------------------------------------------------------- the command line


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["timing", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_page_of_the_defaults(run: Any) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "users are out after a crash 165 381 597 T9" in lines
    assert "after a service failure 210 418.5 627 T9" in lines
    assert "an automatic fallback begins after health 1800 1800 1800 T7" in lines
    assert "after a manual failover 120 328.5 537 T9" in lines
    assert "after an automatic fallback 120 328.5 537 T9" in lines
    assert "A live peer survives 2 lost heartbeats in a row (T6)." in lines
    page = " ".join(lines)
    assert "nothing need change; the rule would hold with keep_alive_timeout=61" in page
    assert "warning" not in page
    assert "It is off unless enable_automatic_fallback is true." in page
    assert "changed" not in out


def test_changed_parameters_are_marked_and_a_broken_rule_is_exit_1(run: Any) -> None:
    code, out, _ = run("--set", "keep_alive_timeout=75")
    assert code == 0
    assert "changed from 60" in out
    assert "warning" not in out
    code, out, err = run("--set", "keep_alive_timeout=15", "--set", "admin_rpc_port=22001")
    assert (code, err) == (1, "")
    assert "error alive: " in out
    assert "error ports: " in out
    assert "these parameters promise nothing" in out
    code, out, _ = run("--multiple-device-messaging", "--dual-connections", "--take-over", "3")
    assert code == 0
    assert "Given take over 3, multiple device messaging true, dual connections true." in (
        " ".join(out.split()))


def test_the_page_names_parameters_as_the_screen_does(run: Any) -> None:
    code, out, err = run("--set", "Keep Alive (Heartbeat) Timeout=70", "--set",
                         "client re-login upper limit = 600")
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    page = " ".join(out.split())
    assert "keep_alive_timeout 70 s Keep Alive (Heartbeat) Timeout changed from 60" in page
    assert "Client Re-Login Upper Limit changed from 537" in page
    for record in RECORDS.values():
        assert record.title in page
    said = json.loads(run("--json", "--set", "KEEP ALIVE (HEARTBEAT) INTERVAL=14")[1])
    assert [p["title"] for p in said["parameters"]] == [r.title for r in RECORDS.values()]
    assert next(p for p in said["parameters"] if p["name"] == "keep_alive_interval")["value"] == 14


def test_a_dual_connection_spares_the_wait_of_a_failover_and_of_no_fallback(run: Any) -> None:
    code, out, _ = run("--dual-connections", "--set", "enable_automatic_fallback=true")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    for row in ("after a crash 45 52.5 60", "after a service failure 90 90 90",
                "after a manual failover 0 0 0", "after a manual fallback 120 328.5 537",
                "after an automatic fallback 120 328.5 537"):
        assert sum(row in line for line in lines) == 1, row
    page = " ".join(lines)
    assert "A fallback disconnects everybody whom it moves, and they log in again (D54)." in page
    assert "It is off" not in page


def test_one_change_is_said_once(run: Any) -> None:
    code, out, _ = run("--set", "keep_alive_interval=60")
    page = " ".join(out.split())
    assert code == 1
    assert page.count("set keep_alive_interval=15") == 1
    assert "Mend all of this: set keep_alive_interval=15." in page
    page = " ".join(run("--set", "keep_alive_interval=60", "--set",
                        "client_relogin_lower_limit=60")[1].split())
    assert page.count("Mend all of this") == 1
    assert ("Mend all of this: set keep_alive_interval=15; set client_relogin_lower_limit=120."
            in page)
    code, out, _ = run("--set", "client_relogin_lower_limit=60", "--set",
                       "client_relogin_upper_limit=60")
    page = " ".join(out.split())
    assert code == 0
    assert "set client_relogin_lower_limit=120 and client_relogin_upper_limit=537" in page
    assert "set critical_service_delay" not in page


def test_no_row_is_printed_twice(run: Any) -> None:
    code, out, _ = run("--multiple-device-messaging", "--dual-connections")
    assert code == 0
    assert "double too" not in out
    assert "double too" in run("--multiple-device-messaging")[1]


def test_the_list_of_commands_has_its_whole_first_sentence(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    lines = [x for x in capsys.readouterr().out.splitlines() if x.split()[:1] in (["timing"], ["users"])]
    assert len(lines) == 2
    assert all(line.endswith(".") and "..." not in line for line in lines)


def test_the_json_says_the_same(run: Any) -> None:
    code, out, _ = run("--json", "--dual-connections")
    said = json.loads(out)
    assert (code, said["ok"]) == (0, True)
    assert said["bounds"]["after_crash"] == {"least": 45, "mean": 52.5, "most": 60}
    assert [p["name"] for p in said["parameters"]] == list(RECORDS)
    assert [r["id"] for r in said["rules"] if not r["holds"]] == ["three-losses"]
    code, out, _ = run("--json", "--set", "keep_alive_interval=60")
    assert (code, json.loads(out)["bounds"]) == (1, None)
    assert [(r["id"], r["kind"], r["changes"]) for r in json.loads(out)["rules"] if not r["holds"]] == [
        ("alive", "error", {"keep_alive_interval": 15}),
        ("two-losses", "warning", {"keep_alive_interval": 15}), ("three-losses", "information", {})]


# ----------------------------------------------------------------- transition states

TRANSITIONS = {t.state: t for t in transitions(PRG, DEFAULTS)}


def test_each_transition_state_ends_by_events_and_the_document_bounds_no_completion() -> None:
    found = TRANSITIONS
    assert [*found] == [v for c in PRG.model.transient for v in c.values if c.column == "node1.state"]
    ends = {s: {e.event: e.to for e in t.endings} for s, t in found.items()}
    assert ends["taking_over"]["takeover_done(node1)"] == ("running_in_backup_mode",)
    assert ends["taking_over"]["takeover_failed(node1)"] == ("running_in_failed_mode",)
    assert ends["falling_back"]["takeback_done(node2)"] == ("normal",)
    assert ends["taking_back"]["start_failed(node1)"] == ("running_in_failed_mode",)
    for one in found.values():
        assert one.ends_it == ("disable_ha",)
        assert one.accepted == ("disable_ha", "enable_auto_fallback", "disable_auto_fallback")
        assert all(not e.limits for e in one.endings if e.kind != "timer")
        assert one.endings[0].kind == "completion"
    lost = {s: next((e.limits for e in t.endings if e.event == "heartbeat_lost(node1)"), None)
            for s, t in found.items()}
    assert lost["initializing"] == (("initialization_keep_alive_timeout", 120),)
    assert lost["falling_back"] == (("keep_alive_timeout", 60),)
    assert lost["taking_over"] is None
    # a peer that has restarted waits longer; only such a peer is beside Failover Affected Services
    peers = {s: [name for e in t.endings if e.event == "heartbeat_lost(node2)" for name, _ in e.limits]
             for s, t in found.items()}
    assert peers["failover_affected_services"] == ["initialization_keep_alive_timeout"]
    assert peers["falling_back"] == ["initialization_keep_alive_timeout", "keep_alive_timeout"]


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_whatever_ends_a_transition_state_is_listed_and_leads_where_it_says(
    choices: list[int],
) -> None:
    pair = NORMAL
    for choice in choices:
        able = [e for e in PRG.model.events if PRG.possible(pair, e.name)]
        event = able[choice % len(able)]
        decision = PRG.step(pair, event.name)
        one = TRANSITIONS.get(pair["node1.state"])
        if one is not None:
            after = decision.pair["node1.state"]
            if decision.outcome == "done" and event.kind == "command":
                assert event.name in one.accepted
                assert (event.name in one.ends_it) == (after != one.state)
            elif after != one.state:
                assert after in next(e.to for e in one.endings if e.event == event.name)
        pair = decision.pair


def test_the_page_of_transitions_says_what_has_no_bound(run: Any) -> None:
    code, out, err = run("--transitions", "--set", "keep_alive_timeout=75")
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    page = " ".join(out.split())
    assert "Taking Over Running in Backup Mode: takeover_done(me)" in page
    assert "heartbeat_lost(me) (75 s of keep_alive_timeout)" in page
    assert "Refused in all of them: enable_ha, failover, fallback, recover and add_users." in page
    assert "A transition state is left by disable_ha." in page
    assert "An event without a time has no bound" in page
    said = json.loads(run("--transitions", "--json")[1])["transitions"]
    assert [t["state"] for t in said] == [*TRANSITIONS]
    lost = [e for t in said for e in t["endings"] if e["event"] == "heartbeat_lost(node1)"]
    assert {"counts": "keep_alive_timeout", "seconds": 60} in lost[-1]["limits"]


def test_the_transitions_of_another_machine(run: Any, tmp_path: Path) -> None:
    assert main(["init", "--from", "active-standby", str(tmp_path / "mine")]) == 0
    file = str(tmp_path / "mine" / "machine.json")
    run()
    code, out, err = run("--transitions", "--machine", file)
    assert (code, err) == (0, "")
    page = " ".join(out.split())
    assert "Promoting Active: promoted(me)" in page
    assert "Refused in all of them: switchover." in page
    assert "the machine names none" in page
    lamps = tmp_path / "lamps.json"
    lamps.write_text(dumps(LAMPS), encoding="utf-8")
    assert run("--transitions", "--machine", str(lamps))[1].partition("\n\n")[2].startswith(
        "Warming\n  Lit: warm(me)\n")
    lamps.write_text(dumps(attrs.evolve(LAMPS, transient=())), encoding="utf-8")
    assert run("--transitions", "--machine", str(lamps))[1] == "The machine has no transition states.\n"


EXAMPLE = str(Path(__file__).parent.parent / "examples" / "two_nodes" / "group.toml")
SICK = str(Path(__file__).parent.parent / "examples" / "deployment.toml")


@pytest.mark.parametrize(("words", "code", "drift", "tolerated"), [
    ((), 0, None, 0.06325), (("--drift", "0.0005"), 0, 0.0005, 0.06325),
    (("--drift", "0.06325"), 0, 0.06325, 0.06325), (("--drift", "0.0633"), 1, 0.0633, 0.06325),
    (("--group", EXAMPLE), 0, 0, 0), (("--group", EXAMPLE, "--drift", "0.0005"), 1, 0.0005, 0),
])
def test_the_drift_that_the_lease_tolerates_is_printed_and_checked(
    run: Any, words: Any, code: int, drift: float | None, tolerated: float,
) -> None:
    got, out, err = run(*words)
    page = " ".join(out.split())
    assert (got, err) == (code, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert f"tolerate clocks that drift by up to {tolerated:g} (T10)." in page
    assert ("both nodes may serve in one instant" in page) == (tolerated == 0)
    assert ("is tolerated, with a pause of up to" in page) == (drift is not None and not code)
    assert (f"error drift: {drift} is not tolerated" in page) == bool(code)
    got, out, _ = run("--json", *words)
    said = json.loads(out)
    assert (got, said["ok"]) == (code, not code)
    lease = said["lease"]
    assert (lease["drift"], lease["tolerated"], lease["holds"], lease["theorem"]) == (
        drift, tolerated, not code, "T10")


def test_a_store_call_counts_twice_and_may_take_half_a_time_out(run: Any) -> None:
    code, out, err = run("--store-call", "30", "--polling", "1")
    assert (code, err) == (0, "")
    page = " ".join(out.split())
    assert "a crash of the peer is noticed 45 83 121 T3 T4" in page
    assert "A call to the store may take 30 s, half the keep-alive time-out (T12)." in page
    code, out, _ = run("--store-call", "30.5")
    page = " ".join(out.split())
    assert code == 1
    assert "these parameters promise nothing" in page
    assert "error store-call: a call of 30.5 s is too long: agents may never notice a dead" in page
    code, out, _ = run("--json", "--store-call", "30.5")
    said = json.loads(out)
    assert (code, said["ok"], said["bounds"], said["given"]["store_call"]) == (1, False, None, 30.5)
    assert said["store_call"] == {"longest": 30, "holds": False, "theorem": "T12"}


def test_a_group_file_has_the_parameters_too_and_set_goes_before(run: Any) -> None:
    said = json.loads(run("--json", "--group", EXAMPLE, "--set", "keep_alive_timeout=0.7")[1])
    values = {p["name"]: p["value"] for p in said["parameters"]}
    assert (values["keep_alive_timeout"], values["keep_alive_interval"]) == (0.7, 0.1)
    assert said["lease"]["lasts"] == 0.4


ADMINISTRATION = {
    "Service Port": "22002", "Admin RPC Port": "20076", "Critical Service Delay": "100 s",
    "Enable Automatic Fallback": "TRUE", "Initialization Keep Alive (Heartbeat) Timeout": 130,
    "Keep Alive (Heartbeat) Timeout": "75 seconds", "Keep Alive (HeartBeat) Interval": 16,
    "Enable monitoring of XCP Authentication Service": "Enabled",
    "Client Re-Login Lower Limit": "2 minutes", "Client Re-Login Upper Limit": 600,
}
"""Every parameter of the document as the screen names it."""


@pytest.mark.parametrize("form", ["toml", "json"])
def test_a_deployment_has_the_parameters_in_the_spelling_of_the_administration(
    run: Any, tmp_path: Path, monkeypatch: Any, form: str,
) -> None:
    file = tmp_path / f"deployment.{form}"
    value = {**example().to_json(), "parameters": ADMINISTRATION}
    text = json.dumps(value) if form == "json" else "[parameters]\n" + "".join(
        f"{json.dumps(name)} = {json.dumps(v)}\n" for name, v in ADMINISTRATION.items()
    ) + "\n" + dump(example(), "toml")
    file.write_text(text, "utf-8")
    said = json.loads(run("--json", "--deployment", str(file))[1])
    (one,) = said["deployment"]
    values = {p["name"]: p["value"] for p in one["parameters"]}
    assert list(values.values()) == [22002, 20076, 100, True, 1800, 130, 75, 16, True, 120, 600]
    assert (said["ok"], one["ok"]) == (True, True)
    assert one["nodes"] == ["imp1", "imp2", "imp3", "imp4"]
    assert values == {p["name"]: p["value"] for p in json.loads(run(
        "--json", *(w for n, v in ADMINISTRATION.items() for w in ("--set", f"{n}={v}")))[1])[
            "parameters"]}
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(text.encode()), closed=False))
    code, out, err = run("--deployment", "-")
    assert (code, err) == (0, "")
    assert out == run("--deployment", str(file))[1]
    assert "==>" not in out
    assert "changed from 60" in out


def test_nodes_with_limits_of_their_own_are_answered_apart(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "deployment.toml"
    limits = '"Client Re-Login Upper Limit" = "5 min"\n'
    text = dump(example(), "toml")
    for name in ("imp1", "imp2"):
        text = text.replace(f'name = "{name}"\n', f'name = "{name}"\n{limits}')
    file.write_text(text, "utf-8")
    said = json.loads(run("--json", "--deployment", str(file))[1])["deployment"]
    assert [(a["nodes"], a["bounds"]["after_failover"]["most"]) for a in said] == [
        (["imp1", "imp2"], 300), (["imp3", "imp4"], 537)]
    code, out, err = run("--deployment", str(file))
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith("==>")] == [
        "==> imp1, imp2 <==", "==> imp3, imp4 <=="]
    file.write_text(re.sub(r"imp(\d)", r"imp-\1.headquarters-and-more.corp.example.net", text), "utf-8")
    out = run("--deployment", str(file))[1]
    assert "==> imp-3.headquarters-and-more.corp.example.net,\nimp-4.headquarters-and-more.corp.example.net <==" in out
    assert max(map(len, out.splitlines())) <= 80
    file.write_text(text, "utf-8")
    same = run("--deployment", str(file), "--set", "Client Re-Login Upper Limit=400")[1]
    assert "==>" not in same
    assert "120    260   400  T9" in same
    file.write_text(text.replace('= "5 min"', "= 60", 1), "utf-8")
    code, out, _ = run("--deployment", str(file), "--json")
    answers = json.loads(out)
    assert (code, answers["ok"], [a["ok"] for a in answers["deployment"]]) == (
        1, False, [False, True, True])
    assert run("--deployment", str(file), "--transitions") == run("--transitions")


@pytest.mark.parametrize(("parameters", "says"), [
    ('"Keep Alive Timout" = 75', "did you mean Keep Alive (Heartbeat) Timeout"),
    ("keep_alive_timout = 75", "did you mean keep_alive_timeout"),
    ('"Keep Alive (Heartbeat) Timeout" = 75\nkeep_alive_timeout = 75',
     "keep_alive_timeout is given twice, as Keep Alive (Heartbeat) Timeout and keep_alive_timeout"),
    ('keep_alive_timeout = "1 m"', "expected a number of seconds such as 60, not '1 m'"),
    ("keep_alive_timeout = [60]", "expected a number of seconds such as 60, not a list"),
    ("keep_alive_timeout = {s = 60}", "expected a number of seconds such as 60, not a table"),
])
def test_a_wrong_parameter_is_the_same_line_in_every_file(
    run: Any, tmp_path: Path, parameters: str, says: str,
) -> None:
    deployment, group = tmp_path / "deployment.toml", tmp_path / "group.toml"
    deployment.write_text(f"[parameters]\n{parameters}\n" + dump(example(), "toml"), "utf-8")
    text = Path(EXAMPLE).read_text("utf-8")
    assert text.count("[parameters]\n") == 1
    group.write_text(re.sub(r"\[parameters\]\n.*?\n(?=\n|\[)", f"[parameters]\n{parameters}\n", text,
                            flags=re.DOTALL), "utf-8")
    for option, file in (("--deployment", deployment), ("--group", group)):
        code, out, err = run(option, str(file))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err


@pytest.mark.parametrize(("words", "says"), [
    (["--set", "keep_alive_timout=75"], "did you mean keep_alive_timeout"),
    (["--set", "keep_alive_timeout"], "expected NAME=VALUE"),
    (["--set", "keep_alive_timeout=1 x"], "expected a number of seconds such as 60, not '1 x'"),
    (["--set", "keep_alive_timeout=1m"], "expected a number of seconds such as 60, not '1m'"),
    (["--set", "service_port=1.5"], "expected a whole number such as 22001, not 1.5"),
    (["--set", "enable_automatic_fallback=1"], "expected true or false"),
    (["--set", f"keep_alive_timeout={'9' * 5000}"], "keep_alive_timeout: expected"),
    (["--set", "Keep Alive (Heartbeet) Timeout=1"], "did you mean Keep Alive (Heartbeat) Timeout"),
    (["--set", "keep alive timeout=1", "--set", "keep_alive_timeout=2"],
     "keep_alive_timeout is given twice, as keep alive timeout and keep_alive_timeout; give it once"),
    (["--set", "keep_alive_timeout=1", "--set", "keep_alive_timeout=2"], "is given twice: '1' and '2'"),
    (["--latency", "nan"], "latency: expected seconds"), (["--polling", "-1"], "polling: expected"),
    (["--drift", "1"], "drift: 1.0 is not a share of time from 0, below 1"),
    (["--cut", "nan"], "cut: expected seconds"), (["--pause", "-1"], "lease: pause: -1.0 is not"),
    (["--transitions", "--cut", "1"], "--transitions does not go with --cut"),
    (["--drift", "nan"], "is not a share"), (["--drift", "x"], "--drift"),
    (["--group", "none.toml"], "group file 'none.toml': cannot be read"),
    (["--store-call", "nan"], "store_call: expected seconds"),
    (["--transitions", "--drift", "0.1"], "--transitions does not go with --drift"),
    (["--transitions", "--latency", "1"], "--transitions does not go with --latency"),
    (["--deployment", "x", "--group", EXAMPLE], "--deployment does not go with --group"),
    (["--deployment", "x", "--machine", "y"], "--deployment does not go with --machine"),
    (["--deployment", ""], "cannot read ''"), (["--deployment", "none.toml"], "cannot read 'none.toml'"),
    (["--deployment", EXAMPLE], "is a group file, which is for agents"),
    (["--group", SICK], "this is a deployment, and a group file is for agents"),
    (["--jitter", "inf"], "jitter: expected seconds"), (["--take-over", "x"], "--take-over"),
])
def test_a_wrong_option_is_one_clear_line(run: Any, words: list[str], says: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err


@given(st.lists(st.sampled_from([0, 1, 15, 30, 60, 90]), min_size=1, max_size=6))
def test_the_monitor_and_the_machine_together(waits: list[int]) -> None:
    """A node whose service dies, watched until the machine has acted."""
    assume(sum(waits) < 200)
    pair, now, fired = PRG.step(NORMAL, "services_down(node1)").pair, 0, []
    monitor = Monitor.start(PRG, "node1", 0)
    for wait in (0, *waits):
        now += wait
        monitor, event = monitor.observe(now, pair, heartbeat=True)
        if event is not None:
            fired.append((now, event))
            pair = PRG.step(pair, event).pair
    expected = [t for t in _sums(waits) if t >= 90][:1]
    assert fired == [(t, DELAY) for t in expected]
    assert (pair["node1.state"] == "normal") == (not expected)


def _sums(waits: list[int]) -> list[int]:
    total, found = 0, []
    for wait in (0, *waits):
        total += wait
        found.append(total)
    return found
