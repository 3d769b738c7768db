"""Interactions: each applies where it says, nowhere else, and somewhere that can be reached."""

from __future__ import annotations

import pytest
from attrs import fields
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.model import Cube
from prgcore.product.restrictions import COLUMNS, KNOWN_EVENTS, restrictions_for, stale_presence
from prgcore.prove.space import Space
from prgcore.seats import NODES, seat_cube
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.events import EVENTS
from prgcore.tables.facts import Restriction
from prgcore.tables.restrictions import FEATURES, HAPPENINGS, RESTRICTIONS
from prgcore.vocabulary import Outcome
from tests.planted import reachable
from tests.walks import after

PRG = prg()
BY_ID = {r.id: r for r in RESTRICTIONS}
PUSH = {"push_foreground", "push_background"}


@pytest.fixture(scope="module")
def space() -> Space:
    return reachable()


def _ids(*events: str, more: tuple[str, ...] = (), features: tuple[str, ...] | None = None) -> set[str]:
    found = restrictions_for(after(*events), after=(*events, *more), features=features)
    return {r.id for r in found}


def _cubes(restriction: Restriction) -> list[Cube]:
    return [seat_cube(c, me) for c in restriction.when or (Cube(),) for me in NODES]


# ------------------------------------------------------------------------ the records


@pytest.mark.parametrize("record", RESTRICTIONS, ids=lambda r: r.id)
def test_a_record_says_everything_and_names_what_exists(record) -> None:
    assert record.effect
    assert record.cite.startswith("Redundancy Interactions and Restrictions: ")
    assert record.feature in {"", *FEATURES}
    assert record.when or record.after
    assert set(record.after) <= KNOWN_EVENTS
    assert set(record.decisions) <= {d.id for d in DECISIONS}
    domains = PRG.model.domains
    for cube in _cubes(record):
        assert all(set(c.values) <= set(domains[c.column]) for c in cube)
    if record.seconds is not None:
        assert 0 <= record.seconds[0] <= record.seconds[1]


def test_ids_are_not_repeated_and_happenings_are_no_events() -> None:
    assert len(BY_ID) == len(RESTRICTIONS)
    assert not set(HAPPENINGS) & {e.name for e in EVENTS}
    assert {r.feature for r in RESTRICTIONS} == {"", *FEATURES}
    assert {"when", "after", "feature", "seconds"} <= {a.name for a in fields(Restriction)}


def test_every_interaction_of_the_document_has_a_record() -> None:
    assert {r.cite.partition(": ")[2].partition(",")[0] for r in RESTRICTIONS} == {
        "Adding Users", "Multiple Device Messaging", "Push Notifications High Availability",
        "Temporary presence status of a user", "IM and Presence status"}


# ------------------------------------------------------------------ where each applies


def test_nothing_applies_in_a_normal_pair_with_nothing_behind_it() -> None:
    assert restrictions_for(after()) == ()
    assert restrictions_for(PRG.initial[0]) == ()


MOVING = ("failover(node1)",)
MOVED = (*MOVING, "takeover_done(node2)", "taken_over(node1)")
HOME = (*MOVED, "fallback(node1)", "takeback_done(node1)")
CRASH = ("power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)")
SICK = ("services_down(node2)", "critical_service_delay(node2)", "takeover_done(node1)")


@pytest.mark.parametrize(("events", "applies"), [
    (MOVING, {"adding_users", "multiple_device_messaging", "temporary_presence"}),
    (MOVED, {"adding_users", "temporary_presence", *PUSH}),
    (HOME, {"temporary_presence", *PUSH}),
    (CRASH, {"adding_users", "temporary_presence", "sessions_kept", "suspended_unread", *PUSH}),
    (SICK, {"adding_users", "temporary_presence", "sessions_kept", "suspended_unread", *PUSH}),
    (("services_down(node2)",), {"multiple_device_messaging"}),
    (("power_off(node1)",), {"multiple_device_messaging"}),
    (("power_off(node1)", "peer_host_lost(node2)"),
     {"adding_users", "multiple_device_messaging", "sessions_kept", "suspended_unread"}),
    (("manager_stop(node2)",), {"multiple_device_messaging"}),
])
def test_what_applies_along_a_story(events, applies) -> None:
    assert _ids(*events) == applies


def test_what_no_event_of_the_machine_brings() -> None:
    assert _ids(more=("user_moved",)) == {"temporary_presence"}
    assert _ids(more=("group_changed",)) == {"temporary_presence", "moved_user"}
    assert _ids(more=("search_deleted",)) == {"search_again"}


def test_only_features_in_use_are_restricted() -> None:
    assert _ids(*CRASH, features=()) == {"adding_users", "sessions_kept"}
    assert _ids(*CRASH, features=("push_notifications",)) == {
        "adding_users", "sessions_kept", "suspended_unread", *PUSH}


def test_the_numbers_of_the_document() -> None:
    assert BY_ID["push_background"].seconds == (10 * 60, 20 * 60)
    assert BY_ID["push_foreground"].seconds == (0, 0)
    assert BY_ID["search_again"].seconds == (30, 30)
    assert {BY_ID[i].since for i in PUSH} == {"11.5(1)SU3"}


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown event 'takeover'; did you mean taken_over, takeover_done"):
        restrictions_for(after(), after=["takeover"])
    with pytest.raises(BadInput, match=r"unknown feature 'push'; known: .*push_notifications"):
        restrictions_for(after(), features=["push"])


@pytest.mark.parametrize("event", [
    "takeover_done(banana)", "takeover_done(node3)", "takeover_done(node1", "takeover_done()",
    "takeover_done(node1)x", "user_moved(node1)", "recover(node1)", None,
])
def test_an_event_is_of_a_node_that_there_is(event) -> None:
    with pytest.raises(BadInput, match="unknown event "):
        restrictions_for(after(), after=[event])


def test_an_event_may_be_named_with_its_seat_or_without() -> None:
    named = [restrictions_for(after(), after=[f"takeover_done{seat}"])
             for seat in ("", "(node1)", "(node2)")]
    assert named[0] == named[1] == named[2] != ()


@pytest.mark.parametrize("pair", [{}, None, {"ha": "on"}, dict.fromkeys(COLUMNS[1:], "")])
def test_what_is_no_pair_is_told(pair) -> None:
    with pytest.raises(BadInput, match=r"the pair(: expected a mapping| has no column )"):
        restrictions_for(pair)


def test_no_more_columns_are_asked_than_the_table_does() -> None:
    pair = after(*CRASH)
    assert restrictions_for({c: pair[c] for c in COLUMNS}) == restrictions_for(pair) != ()


def test_nothing_is_written_for_a_page_only() -> None:
    assert not [r.id for r in RESTRICTIONS if "`" in r.effect + r.advice]


# ------------------------------------------------------------------ against the machine


@pytest.mark.parametrize("record", RESTRICTIONS, ids=lambda r: r.id)
def test_some_reachable_pair_meets_it_just_after_its_event(record, space) -> None:
    within = {int(n) for cube in _cubes(record) for n in space.where(cube)[:1000]}
    assert within
    for name in set(record.after) - set(HAPPENINGS):
        targets = [e.target for e in space.edges if e.rule.event.partition("(")[0] == name]
        assert sum(map(len, targets)) > 0, name
    for number in sorted(within)[:50]:
        assert record in restrictions_for(space.pair(number), after=record.after)


def test_adding_users_is_restricted_exactly_where_the_machine_refuses_it(space) -> None:
    restricted = sum(len(space.where(c)) for c in _cubes(BY_ID["adding_users"]))
    both = _cubes(BY_ID["adding_users"])[0] & _cubes(BY_ID["adding_users"])[1]
    assert both is not None
    added = sum(len(e.source) for e in space.edges if e.rule.event == "add_users")
    assert restricted - len(space.where(both)) == len(space) - added
    for number in range(0, len(space), len(space) // 300):
        pair = space.pair(number)
        refused = PRG.step(pair, "add_users").outcome is Outcome.REFUSED
        assert (BY_ID["adding_users"] in restrictions_for(pair)) == refused


def test_kept_sessions_are_those_of_a_node_that_crashed_and_was_taken_over(space) -> None:
    for cube in _cubes(BY_ID["sessions_kept"]):
        for number in space.where(cube)[::5000]:
            pair = space.pair(int(number))
            assert any(
                pair[f"{n}.process"] == "off" or pair[f"{n}.services"] == "down" for n in NODES)
            assert "normal" not in (pair["node1.state"], pair["node2.state"])


# ------------------------------------------------------------------ temporary presence


@settings(deadline=None)
@given(first=st.integers(0, 10**6), later=st.integers(0, 100))
def test_a_search_is_stale_for_thirty_seconds(first, later) -> None:
    assert stale_presence(first, first + later) == (later < 30)


def test_a_clock_that_steps_back_is_refused() -> None:
    assert stale_presence(10.0, 39.9)
    assert not stale_presence(10.0, 40.0)
    with pytest.raises(BadInput, match="before the first search"):
        stale_presence(10, 9)
