"""Clients: waits and profiles by their formula, dual connections, and the session counters."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.engine import Pair
from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.product.clients import (
    Became,
    Installation,
    LogIn,
    OpenInactive,
    Sessions,
    after,
    begin,
    counters,
    dual_connection,
    find_profile,
    fold,
    login_profile,
    relogin_wait,
    sessions_to_wait_for,
    upper_limit,
    users_that_count,
    wait,
)
from prgcore.product.users import serving
from prgcore.seats import NODES
from prgcore.tables.clients import CONDITIONS, COUNTERS, SESSION_COUNTER
from prgcore.tables.profiles import ACTIVE_STANDBY, BALANCED, LOWER, MISPRINTS, PROFILES
from prgcore.tables.stories import STARTS
from prgcore.timers.parameters import Parameters
from prgcore.vocabulary import Outcome

PRG = prg()
EVENTS = tuple(e.name for e in PRG.model.events)
X, Y = 900, 700
COUNTS = {"node1": X, "node2": Y}


def _walk(pair: Pair, *events: str) -> Pair:
    way = PRG.run(pair, *events)
    assert {step.outcome for step in way.steps} <= {Outcome.DONE}, way.steps
    return way.end


NORMAL = _walk(PRG.initial[0], *STARTS["normal"])

# -------------------------------------------------------------------- waiting to log in


def test_the_default_wait() -> None:
    bounds = wait(Parameters())
    assert (bounds.least, bounds.mean, bounds.most) == (120, 328.5, 537)
    assert bounds == Parameters().relogin_wait


@settings(deadline=None)
@given(lower=st.integers(0, 86_400), upper=st.integers(0, 86_400), seed=st.integers())
def test_a_wait_is_between_the_limits_or_the_limits_are_refused(lower, upper, seed) -> None:
    parameters = Parameters(client_relogin_lower_limit=lower, client_relogin_upper_limit=upper)
    if lower > upper:
        with pytest.raises(BadInput, match=f"{lower} s is above the upper limit of {upper} s"):
            relogin_wait(random.Random(seed), parameters)
    else:
        one = relogin_wait(random.Random(seed), parameters)
        assert lower <= one <= upper
        assert one == relogin_wait(random.Random(seed), parameters)


def test_the_generator_is_asked_once_for_the_limits() -> None:
    asked = []

    class Middle:
        def uniform(self, a: float, b: float, /) -> float:
            asked.append((a, b))
            return (a + b) / 2

    assert relogin_wait(Middle(), Parameters()) == 328.5
    assert asked == [(120, 537)]


# ---------------------------------------------------------------------- login profiles


def test_there_is_one_profile_for_every_size_and_mode() -> None:
    assert [(p.server, p.mode) for p in PROFILES] == [
        (size, mode) for size in (500, 1_000, 2_000, 5_000, 15_000, 25_000)
        for mode in (BALANCED, ACTIVE_STANDBY)]
    for profile in PROFILES:
        assert profile.most == profile.server // (2 if profile.mode == BALANCED else 1)
        assert profile.cite


def test_the_default_limits_are_the_profile_of_half_a_5000_user_server() -> None:
    limits = login_profile(5_000, BALANCED, 2_500)
    assert (limits.lower, limits.upper) == (
        Parameters().client_relogin_lower_limit, Parameters().client_relogin_upper_limit)
    assert limits.row


@pytest.mark.parametrize(("server", "mode", "users", "upper"), [
    (500, BALANCED, 250, 287), (1_000, BALANCED, 500, 287), (2_000, ACTIVE_STANDBY, 2_000, 787),
    (5_000, ACTIVE_STANDBY, 100, 153), (15_000, BALANCED, 5_000, 453),
    (15_000, ACTIVE_STANDBY, 5_000, 953), (25_000, BALANCED, 12_500, 1_509),
    (25_000, ACTIVE_STANDBY, 7_500, 1_058), (25_000, ACTIVE_STANDBY, 25_000, 3_245),
])
def test_the_formula(server, mode, users, upper) -> None:
    assert login_profile(server, mode, users).upper == upper


@pytest.mark.parametrize("misprint", MISPRINTS, ids=lambda m: f"{m.server}-{m.mode}-{m.users}")
def test_a_misprint_is_not_the_formula_and_what_is_meant_is(misprint) -> None:
    limit = upper_limit(find_profile(misprint.server, misprint.mode), misprint.users)
    assert misprint.printed != limit == misprint.meant
    assert misprint.says


def test_the_slipped_column_prints_the_values_of_the_rows_above() -> None:
    profile = find_profile(25_000, ACTIVE_STANDBY)
    slipped = [m for m in MISPRINTS if m.server == 25_000]
    assert [m.users for m in slipped] == [*profile.rows]
    above = (7_500, *profile.rows)
    assert [m.printed for m in slipped] == [
        upper_limit(profile, n) for n in above[: len(slipped)]]


@settings(deadline=None)
@given(profile=st.sampled_from(PROFILES), share=st.floats(0, 1))
def test_no_faster_than_the_rate_of_the_server(profile, share) -> None:
    users = max(1, round(share * profile.most))
    limits = login_profile(profile.server, profile.mode, users)
    assert limits.lower == LOWER
    assert limits.users >= users
    assert abs(limits.upper - LOWER - limits.users / profile.rate) <= 0.5
    assert Fraction(users) / Fraction(profile.rate) <= limits.upper - LOWER + Fraction(1, 2)


def test_users_are_rounded_up_where_the_rows_are_known() -> None:
    assert login_profile(25_000, ACTIVE_STANDBY, 8_001).users == 9_000
    assert login_profile(25_000, ACTIVE_STANDBY, 9_000).users == 9_000
    assert login_profile(25_000, ACTIVE_STANDBY, 9_001).row
    for users in (7_999, 13_001):
        unknown = login_profile(25_000, ACTIVE_STANDBY, users)
        assert (unknown.users, unknown.row) == (users, False)


@pytest.mark.parametrize(("server", "mode", "users", "says"), [
    (5_001, BALANCED, 1, "sizes: 500, 1000, 2000, 5000, 15000, 25000"),
    (5_000, "none", 1, "unknown mode of a login profile 'none'"),
    (5_000, BALANCED, 2_501, "ends at 2500; take a larger server"),
    (5_000, BALANCED, 0, "expected 1 or more"),
    (5_000, BALANCED, 1.5, "expected 1 or more"),
    (True, BALANCED, 1, "no login profile"),
])
def test_what_no_profile_covers_is_said(server, mode, users, says) -> None:
    with pytest.raises(BadInput, match=says):
        login_profile(server, mode, users)


def test_the_larger_node_counts_when_balanced_and_everyone_when_active_standby() -> None:
    assert users_that_count(BALANCED, (900, 700)) == 900
    assert users_that_count(ACTIVE_STANDBY, (900, 700)) == 1_600
    assert users_that_count(BALANCED, ()) == 0
    with pytest.raises(BadInput, match="expected 0 or more"):
        users_that_count(BALANCED, (-1,))


@pytest.mark.parametrize("mode", ["blanced", "none", "", None, ["balanced"]])
def test_a_mode_that_no_profile_has_is_refused(mode) -> None:
    for ask in (lambda: users_that_count(mode, (900, 700)), lambda: find_profile(500, mode)):
        with pytest.raises(BadInput, match=r"unknown mode of a login profile .*balanced"):
            ask()


# -------------------------------------------------------------------- dual connections


def test_dual_connections_are_possible_with_the_defaults_and_high_availability() -> None:
    assert dual_connection(Installation(), NORMAL).possible
    off = dual_connection(Installation(), PRG.initial[0])
    assert not off.possible
    assert [c.says for c in off.failed] == ["high availability on"]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.setting)
def test_each_condition_fails_alone_and_is_cited(condition) -> None:
    assert condition.setting in {a.name for a in fields(Installation)}
    assert condition.cite
    wrong = not condition.needs if isinstance(condition.needs, bool) else condition.needs - 1
    settings_ = {condition.setting: wrong}
    if condition.only_with:
        assert dual_connection(Installation(**settings_), NORMAL).possible
        settings_[condition.only_with] = True
    assert dual_connection(Installation(**settings_), NORMAL).failed == (condition,)


@pytest.mark.parametrize(("setting", "value", "says"), [
    ("jabber_release", "14.1", "jabber_release: expected the whole number of a release, such as 14, not '14.1'"),
    ("cucm_release", 14.5, "cucm_release: expected the whole number"),
    ("im_presence_release", True, "im_presence_release: expected the whole number"),
    ("expressway_release", None, "expressway_release: expected the whole number"),
    ("secure_mode", "yes", "secure_mode: expected True or False, not 'yes'"),
    ("remote_access", 1, "remote_access: expected True or False, not 1"),
])
def test_an_installation_is_of_releases_and_flags(setting, value, says) -> None:
    with pytest.raises(BadInput, match=says):
        Installation(**{setting: value})


@pytest.mark.parametrize("pair", [{}, {"node1.state": "normal"}, None])
def test_what_is_no_pair_is_told(pair) -> None:
    for ask in (lambda: dual_connection(Installation(), pair), lambda: begin(pair, COUNTS),
                lambda: after(begin(NORMAL, COUNTS), Became(pair))):
        with pytest.raises(BadInput, match=r"the pair(: expected a mapping| has no column )"):
            ask()


def test_clients_ask_whether_high_availability_is_on_of_every_pair() -> None:
    lacking = {c: v for c, v in NORMAL.items() if c != "ha"}
    for ask in (lambda: dual_connection(Installation(), lacking), lambda: begin(lacking, COUNTS)):
        with pytest.raises(BadInput, match="the pair has no column ha; "):
            ask()


def test_newer_releases_will_do() -> None:
    newer = evolve(Installation(), im_presence_release=15, cucm_release=15, jabber_release=15)
    assert dual_connection(newer, NORMAL).possible


# ------------------------------------------------------------------------- the sessions


def _everybody(pair: Pair = NORMAL) -> Sessions:
    return fold(begin(pair, COUNTS), (
        LogIn("node1", X), LogIn("node2", Y), OpenInactive("node1", X), OpenInactive("node2", Y)))


def _follow(sessions: Sessions, pair: Pair, *events: str) -> tuple[Sessions, Pair]:
    for event in events:
        pair = _walk(pair, event)
        sessions = after(sessions, Became(pair))
    return sessions, pair


def _shown(sessions: Sessions) -> list[tuple[int, int]]:
    """Client sessions of each node, active and inactive."""
    counted = [counters(sessions, node) for node in NODES]
    return [(c["JsmSessionsClient"], c["JsmSessionsClientInactive"]) for c in counted]


def test_before_any_log_in_everybody_waits() -> None:
    sessions = begin(NORMAL, COUNTS)
    assert _shown(sessions) == [(0, 0), (0, 0)]
    assert (sessions.node1.waiting, sessions.node2.waiting) == (X, Y)


def test_the_document_s_check_of_dual_registration() -> None:
    assert _shown(_everybody()) == [(X, Y), (Y, X)]
    assert counters(_everybody(), "node1") == {
        "ActiveJsmSessions": X, "InactiveJsmSessions": Y, "JsmSessionsComposed": X,
        "JsmSessionsClient": X, "JsmSessionsClientInactive": Y}
    assert [c.name for c in COUNTERS if c.printed == 2] == ["JsmSessionsClientInactive"]


def test_a_failover_shows_zero_on_the_failed_node_and_the_sum_on_the_backup() -> None:
    moving, pair = _follow(_everybody(), NORMAL, "failover(node1)")
    assert _shown(moving) == [(0, 0), (Y, X)]
    moved, pair = _follow(moving, pair, "takeover_done(node2)", "taken_over(node1)")
    assert _shown(moved) == [(0, 0), (X + Y, 0)]
    assert moved.node1.waiting == 0
    back, pair = _follow(moved, pair, "fallback(node1)")
    assert _shown(back) == [(0, 0), (Y, 0)]
    home, _ = _follow(back, pair, "takeback_done(node1)")
    assert home.node1.waiting == X
    again = after(home, LogIn("node1", X))
    assert _shown(again) == [(X, 0), (Y, 0)]
    anew = fold(again, (OpenInactive("node1", X), OpenInactive("node2", Y)))
    assert _shown(anew) == [(X, Y), (Y, X)]


def test_without_dual_connections_they_wait_and_log_in() -> None:
    single = fold(begin(NORMAL, COUNTS), (LogIn("node1", X), LogIn("node2", Y)))
    moved, _ = _follow(single, NORMAL, "power_off(node1)", "peer_host_lost(node2)",
                       "takeover_done(node2)")
    assert _shown(moved) == [(0, 0), (Y, 0)]
    assert moved.node1.waiting == X
    assert _shown(after(moved, LogIn("node1", X))) == [(0, 0), (X + Y, 0)]


FAILED_OVER = ("services_down(node1)", "critical_service_delay(node1)", "takeover_done(node2)",
               "taken_over(node1)", "services_up(node1)")
AGAIN = ("services_down(node2)", "critical_service_delay(node2)", "autorecovery_done(node1)")


def test_a_second_failover_finds_no_inactive_connection_until_it_is_opened_anew() -> None:
    once, pair = _follow(_everybody(), NORMAL, *FAILED_OVER)
    assert _shown(once) == [(0, 0), (X + Y, 0)]
    soon, _ = _follow(once, pair, *AGAIN)
    assert _shown(soon) == [(0, 0), (0, 0)]
    opened = fold(once, (OpenInactive("node1", X), OpenInactive("node2", Y)))
    assert _shown(opened) == [(0, X + Y), (X + Y, 0)]
    later, _ = _follow(opened, pair, *AGAIN)
    assert _shown(later) == [(X + Y, 0), (0, 0)]


@pytest.mark.parametrize("back", ["fallback(node1)", "auto_fallback_due(node1)"])
def test_a_fallback_disconnects_everybody_whom_it_moves(back) -> None:
    automatic = PRG.step(NORMAL, "enable_auto_fallback").pair
    once, pair = _follow(_everybody(), automatic, *FAILED_OVER)
    opened = fold(once, (OpenInactive("node1", X), OpenInactive("node2", Y)))
    assert _shown(opened) == [(0, X + Y), (X + Y, 0)]
    home, _ = _follow(opened, pair, back, "takeback_done(node1)")
    assert _shown(home) == [(0, Y), (Y, 0)]
    assert home.node1.waiting == X


def test_disabling_sends_home_and_disconnects() -> None:
    once, pair = _follow(_everybody(), NORMAL, *FAILED_OVER)
    opened = after(once, OpenInactive("node1", X))
    home, _ = _follow(opened, pair, "disable_ha")
    assert _shown(home) == [(0, 0), (Y, 0)]
    assert home.node1.waiting == X


def test_through_an_upgrade_of_both_nodes() -> None:
    sessions, pair = _everybody(), NORMAL
    for node, peer, home, there in (("node1", "node2", X, Y), ("node2", "node1", Y, X)):
        sessions, pair = _follow(
            sessions, pair, f"failover({node})", f"takeover_done({peer})", f"taken_over({node})")
        assert counters(sessions, node)["ActiveJsmSessions"] == 0
        assert counters(sessions, peer)["ActiveJsmSessions"] == X + Y
        sessions, pair = _follow(
            sessions, pair, f"power_off({node})", f"heartbeat_lost({peer})", f"power_on({node})",
            f"manager_start({node})", f"heartbeat_heard({node})", f"initialized({node})",
            f"heartbeat_heard({peer})")
        assert counters(sessions, peer)["ActiveJsmSessions"] == X + Y
        sessions, pair = _follow(sessions, pair, f"fallback({node})")
        assert sessions[node].active == 0
        sessions, pair = _follow(sessions, pair, f"takeback_done({node})")
        assert sessions[node].waiting == home
        assert sessions[peer].active == there
        sessions = fold(sessions, (
            LogIn(node, home), OpenInactive(node, home), OpenInactive(peer, there)))
        assert _shown(sessions) == [(X, Y), (Y, X)]


def test_connections_are_lost_with_their_node_and_without_high_availability() -> None:
    crashed, _ = _follow(_everybody(), NORMAL, "power_off(node2)")
    assert _shown(crashed) == [(X, Y), (0, 0)]
    disabled, _ = _follow(_everybody(), NORMAL, "disable_ha")
    assert _shown(disabled) == [(X, 0), (Y, 0)]


def test_a_node_that_serves_again_gets_its_clients_anew() -> None:
    back, _ = _follow(_everybody(), NORMAL, "services_down(node1)", "services_up(node1)")
    assert _shown(back) == [(0, 0), (Y, 0)]
    assert back.node1.waiting == X


@pytest.mark.parametrize(("event", "says"), [
    (LogIn("node1", X + 1), "901 are too many; at most 900"),
    (OpenInactive("node1", 1), "1 are too many; at most 0"),
    (LogIn("node1", -1), "expected 0 or more"),
    (LogIn("node3", 1), "unknown node 'node3'"),
])
def test_sessions_that_cannot_be_are_refused(event, says) -> None:
    with pytest.raises(BadInput, match=says):
        after(begin(NORMAL, COUNTS), event)


@pytest.mark.parametrize("event", ["x", None, ("node1", 1), NORMAL])
def test_what_is_no_event_of_sessions_is_refused(event) -> None:
    with pytest.raises(BadInput, match="expected LogIn, OpenInactive or Became"):
        after(begin(NORMAL, COUNTS), event)


def test_nobody_logs_in_where_nobody_serves() -> None:
    moving = begin(_walk(NORMAL, "failover(node1)"), COUNTS)
    with pytest.raises(BadInput, match="at most 0"):
        after(moving, LogIn("node1", 1))
    with pytest.raises(BadInput, match="one for node2"):
        begin(NORMAL, {"node1": 1})
    with pytest.raises(BadInput, match="unknown node"):
        counters(moving, "node3")


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10_000)), max_size=60))
def test_the_laws_of_sessions_on_any_walk(steps) -> None:
    pair, sessions = NORMAL, _everybody()
    for what, chance in steps:
        home = NODES[chance % 2]
        here = sessions[home]
        if what == 0 and here.at:
            sessions = after(sessions, LogIn(home, here.waiting))
        elif what == 1 and here.at and here.spare:
            sessions = after(sessions, OpenInactive(home, here.active - here.inactive))
        else:
            able = [e for e in EVENTS if PRG.possible(pair, e)]
            pair = PRG.step(pair, able[chance % len(able)]).pair
            sessions = after(sessions, Became(pair))
        counted = {node: counters(sessions, node) for node in NODES}
        for home, users in COUNTS.items():
            one = sessions[home]
            assert one.users == users == one.active + one.waiting
            assert one.at == serving(pair)[home].by
            assert one.at is None or one.at != one.spare
            assert 0 <= one.inactive <= users
            assert one.inactive <= one.active or one.at is None
            assert one.active == 0 or one.at is not None
            assert one.inactive == 0 or one.spare is not None
        active = sum(c["ActiveJsmSessions"] for c in counted.values())
        assert active == sessions.node1.active + sessions.node2.active
        assert active + sessions.node1.waiting + sessions.node2.waiting == X + Y
        assert all(counted[n]["ActiveJsmSessions"] == 0 for n in NODES
                   if pair[f"{n}.process"] == "off" or pair[f"{n}.services"] != "up")


# ------------------------------------------------------------- sessions after an upgrade


def test_the_sessions_to_wait_for_are_those_that_were_noted() -> None:
    noted = {"imp1": X, "imp2": Y}
    assert sessions_to_wait_for(noted, {}) == noted
    assert sessions_to_wait_for(noted, {"imp1": X - 60, "imp2": Y + 1}) == {"imp1": 60, "imp2": 0}
    assert sessions_to_wait_for(noted, noted) == {"imp1": 0, "imp2": 0}


@pytest.mark.parametrize(("before", "now", "says"), [
    ({}, {}, "no sessions were noted"), ({"a": 1}, {"b": 1}, "unknown node 'b'"),
    ({"a": -1}, {}, "a: -1 is not a number of sessions"),
    ({"a": 1}, {"a": True}, "a: True is not a number of sessions"),
    ({"a": 1.5}, {}, "1.5 is not a number of sessions"),
])
def test_counts_that_cannot_be_are_refused(before, now, says) -> None:
    with pytest.raises(BadInput, match=says):
        sessions_to_wait_for(before, now)


def test_the_counter_that_is_read_is_one_of_the_document_and_counts_active_sessions() -> None:
    assert next(c.counts for c in COUNTERS if c.name == SESSION_COUNTER) == "active"
