"""Health and restarts as values: how many looks change it, and when a service is tried again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.running.health import (
    Failures,
    Health,
    due,
    looked,
    pause,
    seen,
    settled,
    tried,
)
from prgcore.running.service import Check, Restart

CHECK = Check(lease=True, rise=2, fall=3)
LOOKS = st.lists(st.booleans(), max_size=40)
NUMBERS = st.integers(1, 5)


def after(looks, check=CHECK, health=None):
    health = health or Health()
    for well in looks:
        health = looked(health, check, well=well, why="" if well else "because")
    return health


def test_the_first_good_look_shows_it_up_and_bad_ones_need_a_row():
    assert after([True]) == Health(up=True)
    assert after([False, False]).up is None
    assert after([False, False, False]) == Health(False, 0, "because")
    assert after([False, False, True]).up is True


@given(LOOKS, NUMBERS, NUMBERS)
def test_it_changes_only_after_a_whole_row(looks, rise, fall):
    check = Check(lease=True, rise=rise, fall=fall)
    health = Health()
    for i, well in enumerate(looks):
        before, health = health, looked(health, check, well=well, why="x")
        if health.up is not before.up:
            row = 1 if before.up is None and well else rise if well else fall
            assert looks[i - row + 1:i + 1] == [well] * row


@given(LOOKS, NUMBERS, NUMBERS)
def test_a_fault_that_lasts_is_seen_after_fall_looks_and_a_repair_after_rise(looks, rise, fall):
    check = Check(lease=True, rise=rise, fall=fall)
    assert after([*looks, *[False] * fall], check).up is False
    assert after([*looks, *[True] * rise], check).up is True


@given(st.floats(0, 0.999), NUMBERS, st.floats(0.1, 5), st.floats(0.1, 1))
def test_on_a_fake_clock_every_fault_is_seen_within_the_bound(moment, fall, interval, share):
    """Looks begin every interval. One that began before the fault may end well after it."""
    check = Check(lease=True, interval=interval, timeout=interval * share, fall=fall)
    fault = 10 * interval + moment * interval
    health = Health()
    for i in itertools.count():
        begun = i * interval
        well = begun <= fault
        health = looked(health, check, well=well, why="hangs")
        if health.up is False:
            assert begun + check.timeout <= fault + check.bound + 1e-9
            break


def test_why_is_that_of_the_last_look():
    health = looked(after([True]), CHECK, well=False, why="exit code 3")
    assert (health.up, health.row, health.why) == (True, 1, "exit code 3")
    assert looked(health, CHECK, well=True, why="ignored").why == ""


def test_the_pauses_double_up_to_the_longest():
    policy = Restart(9, 1.0, 5.0)
    assert [pause(policy, n) for n in range(5)] == [1, 2, 4, 5, 5]
    assert pause(Restart(9, 1.0, 1e9), 10**9) == 1e9


def crashes(policy, within, lives, until=1000.0):
    """When a service that lives so long each time is started again; and when it was shown up."""
    now, failures, starts, shown = 0.0, Failures(), [], []
    failures = seen(failures, policy, up=False, now=now)
    while now < until:
        now += 0.25
        up = bool(starts) and now < starts[-1] + lives
        failures = seen(failures, policy, up=up, now=now)
        if up and settled(failures, policy, now):
            shown.append(now)
        if not up and due(failures, policy, within, now):
            failures = tried(failures, policy, now)
            starts.append(now)
    return starts, shown


def test_a_service_that_crashes_at_once_is_tried_so_often_and_is_never_shown_up():
    starts, shown = crashes(Restart(4, 1.0, 30.0), 1e9, lives=0.5)
    assert len(starts) == 4
    assert shown == []
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 8


def test_a_service_that_lives_long_enough_has_its_tries_back():
    starts, shown = crashes(Restart(1, 1.0, 2.0), 1e9, lives=5.0, until=100.0)
    assert len(starts) > 10
    assert shown


def test_no_try_begins_after_the_machine_has_decided():
    starts, _ = crashes(Restart(100, 1.0, 1.0), 6.0, lives=0.0)
    assert starts
    assert max(starts) <= 6.0
    assert crashes(Restart(100, 9.0, 9.0), 6.0, lives=0.0)[0] == []


def test_without_a_policy_nothing_is_tried():
    assert crashes(Restart(), 1e9, lives=1.0)[0] == []


@pytest.mark.parametrize("tries", [0, 1, 7])
@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 10)), max_size=60))
def test_a_service_that_never_lives_long_is_tried_at_most_so_often(tries, steps):
    policy, failures, now, made = Restart(tries, 1.0, 1e6), Failures(), 0.0, 0
    for up, later in steps:
        now += later
        failures = seen(failures, policy, up=up, now=now)
        if due(failures, policy, 1e9, now):
            assert not up
            failures, made = tried(failures, policy, now), made + 1
    assert made <= tries
