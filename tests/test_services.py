"""Critical services: which count, how they are named, and what a node makes of them."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore import PRG, BadInput
from prgcore.product.services import (
    critical_services,
    listed_services,
    missing_services,
    nearest_service,
    observed_event,
    seen_service,
    service,
    services_column,
)
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.services import CRITICAL_SERVICES
from prgcore.timers.parameters import Parameters

USUAL = Parameters()
MONITORED = Parameters(monitor_xcp_authentication=True)
FIVE = [s.name for s in CRITICAL_SERVICES if not s.only_with]
SETS = st.sets(st.sampled_from([s.name for s in CRITICAL_SERVICES]))
SETTINGS = st.tuples(st.sampled_from([USUAL, MONITORED]), st.booleans())


def _names(parameters: Parameters, *, chat: bool = False) -> list[str]:
    return [s.name for s in critical_services(parameters, persistent_chat=chat)]


def test_the_five_of_the_procedure_are_critical_whatever_is_set() -> None:
    assert _names(USUAL) == FIVE == [
        "Cisco Client Profile Agent", "Cisco Sync Agent", "Cisco XCP Router",
        "Cisco SIP Proxy", "Cisco Presence Engine",
    ]


def test_two_more_are_critical_with_a_setting_of_their_own() -> None:
    assert _names(USUAL, chat=True) == [*FIVE, "Cisco XCP Text Conference Manager"]
    assert _names(MONITORED) == [*FIVE, "Cisco XCP Authentication Service"]
    assert len(_names(MONITORED, chat=True)) == len(CRITICAL_SERVICES) == 7


def test_a_setting_that_makes_a_service_critical_exists() -> None:
    settings = {s.only_with for s in CRITICAL_SERVICES} - {""}
    assert settings == {"persistent_chat", "monitor_xcp_authentication"}
    assert "monitor_xcp_authentication" in USUAL.to_json()


def test_the_misprint_of_the_second_page_is_named() -> None:
    kinds = {s.name: s.kind for s in CRITICAL_SERVICES}
    assert [n for n in FIVE if kinds[n] == "feature"] == FIVE[3:]
    record = next(d for d in DECISIONS if d.id == "D49")
    assert all(name in record.choice for name in FIVE[3:])


@given(st.sampled_from(CRITICAL_SERVICES), st.randoms(use_true_random=False), st.booleans())
def test_names_are_read_in_any_case_and_spacing(one, chance: random.Random, short) -> None:
    words = one.name.split()[1:] if short else one.name.split()
    text = "".join(w + chance.choice(["", " ", "\t", "  "]) for w in words)
    spelt = "".join(chance.choice([c.upper(), c.lower()]) for c in text)
    assert service(f" {spelt}") == one


@pytest.mark.parametrize("name", ["", "cisco", "Cisco SIP Prox", "SIP Proxy 2", "Tomcat", None])
def test_a_name_that_is_no_critical_service_is_an_error(name) -> None:
    with pytest.raises(BadInput, match="unknown critical service"):
        service(name)


@pytest.mark.parametrize("name", ["", "cisco", "Cisco SIP Prox", "Tomcat", "Intercluster Sync Agent"])
def test_other_services_do_not_matter_and_a_misspelt_one_is_missing(name) -> None:
    assert services_column([*FIVE, name], USUAL) == "up"
    assert missing_services([*FIVE[:3], FIVE[4], name], USUAL) == ("Cisco SIP Proxy",)
    with pytest.raises(BadInput, match="expected the name of a service, not None"):
        services_column([*FIVE, None], USUAL)


@pytest.mark.parametrize(("text", "name", "runs", "status"), [
    ("Cisco Sync Agent[STARTED]", "Cisco Sync Agent", True, "STARTED"),
    ("Cisco Sync Agent [STARTED]  ", "Cisco Sync Agent", True, "STARTED"),
    ("Sync Agent[Running]", "Cisco Sync Agent", True, "Running"),
    ("sync-agent: started", "Cisco Sync Agent", True, "started"),
    ("CISCO SYNC AGENT = running", "Cisco Sync Agent", True, "running"),
    ("Cisco Sync Agent  STARTED", "Cisco Sync Agent", True, "STARTED"),
    ("Cisco Sync Agent (running)", "Cisco Sync Agent", True, "running"),
    ("Cisco Sync Agent[STOPPED]", "Cisco Sync Agent", False, "STOPPED"),
    ("Cisco Sync Agent[STOPPED]  Service Not Activated", "Cisco Sync Agent", False,
     "STOPPED Service Not Activated"),
    ("Cisco Sync Agent[STOPPED]  Commanded Out of Service", "Cisco Sync Agent", False,
     "STOPPED Commanded Out of Service"),
    ("Cisco Sync Agent[STARTING]", "Cisco Sync Agent", False, "STARTING"),
    ("Cisco Sync Agent\tStarted\tActivated\tMon Nov 30 02:00:00 2026\t1 days 01:00:00",
     "Cisco Sync Agent", True, "Started Activated"),
    ("  Cisco Sync Agent \t Running\t", "Cisco Sync Agent", True, "Running"),
    ("Cisco Sync Agent\tNot Running\tDeactivated\t\t", "Cisco Sync Agent", False,
     "Not Running Deactivated"),
    ("Cisco Sync Agent\tNot Running\tActivated", "Cisco Sync Agent", False, "Not Running Activated"),
    ("Cisco Intercluster Sync Agent\tStarted\tActivated", None, True, "Started Activated"),
    ("Cisco Sync Agent - Not Running", "Cisco Sync Agent", False, "Not Running"),
    ("Cisco Sync Agent[PAUSED]", "Cisco Sync Agent", False, "PAUSED"),
    ("Text Conference (TC) Manager[STARTED]", "Cisco XCP Text Conference Manager", True, "STARTED"),
    ("XCP Authentication", "Cisco XCP Authentication Service", True, ""),
    ("Cisco Intercluster Sync Agent[STARTED]", None, True, "STARTED"),
    ("A Cisco DB[STARTED]", None, True, "STARTED"),
])
def test_a_service_is_read_with_its_status_as_it_is_printed(text, name, runs, status) -> None:
    seen = seen_service(text)
    assert (seen.critical.name if seen.critical else None, seen.runs, seen.status) == (
        name, runs, status)
    assert seen.todo == {
        "STOPPED Service Not Activated": "activate it, then start it",
        "STOPPED Commanded Out of Service": "somebody or a restart stopped it: start it",
        "STARTING": "wait until it has started",
        "Not Running Deactivated": "activate it, then start it",
    }.get(status, "")
    if name in FIVE:
        column = services_column([text, *(n for n in FIVE if n != name)], USUAL)
        assert column == ("up" if runs else "down")


def test_a_service_that_runs_and_does_not_is_missing() -> None:
    assert missing_services([*FIVE, "Cisco Sync Agent[STOPPED]"], USUAL) == ("Cisco Sync Agent",)


@given(st.text(max_size=300))
def test_any_text_is_a_service_with_or_without_a_status(text) -> None:
    seen = seen_service(text)
    assert seen.name in text
    assert seen.status == "" or not seen.critical or seen.critical.name in [
        s.name for s in CRITICAL_SERVICES]
    assert all(one.strip() == one for one in listed_services(text))


def test_a_long_text_is_read_soon() -> None:
    begun = time.process_time()
    for text in ("a" + " " * 250_000, "a=" * 100_000, "[" * 250_000):
        assert seen_service(text).critical is None
        assert nearest_service(text) is None
    assert time.process_time() - begun < 5


def test_a_list_is_parted_by_lines_or_commas_without_its_prompt() -> None:
    assert listed_services("admin:utils service list\nCisco Sync Agent[STARTED]\r\n\nA, please") == (
        "Cisco Sync Agent[STARTED]", "A, please")
    assert listed_services("A; B, C,") == ("A", "B", "C")


def test_the_error_names_the_nearest_service() -> None:
    assert nearest_service("Cisco SIP Prox") == service("SIP Proxy")
    assert nearest_service("SIP Proxy") is None
    assert nearest_service("Cisco Intercluster Sync Agent") is None
    with pytest.raises(BadInput, match=r"did you mean Cisco SIP Proxy"):
        service("SIP Proxi")


@given(SETS, SETTINGS)
def test_a_node_is_up_exactly_when_nothing_critical_is_missing(running, settings) -> None:
    parameters, chat = settings
    missing = missing_services(running, parameters, persistent_chat=chat)
    needed = _names(parameters, chat=chat)
    assert missing == tuple(n for n in needed if n not in running)
    column = services_column(running, parameters, persistent_chat=chat)
    assert column == ("down" if missing else "up")


def test_a_service_that_is_not_monitored_does_not_matter() -> None:
    assert services_column(FIVE, USUAL) == "up"
    assert services_column(FIVE, MONITORED) == "down"
    assert missing_services(FIVE, MONITORED) == ("Cisco XCP Authentication Service",)
    assert missing_services(FIVE, USUAL, persistent_chat=True) == (
        "Cisco XCP Text Conference Manager",)


@given(st.sampled_from(["node1", "node2"]), st.lists(SETS, min_size=1), SETTINGS)
def test_the_events_of_a_node_lead_its_column_through_every_change(node, sets, settings) -> None:
    parameters, chat = settings
    pair = PRG.pair({
        **PRG.initial[0],
        f"{node}.services": services_column(sets[0], parameters, persistent_chat=chat)})
    for before, after in pairwise(sets):
        event = observed_event(node, before, after, parameters, persistent_chat=chat)
        if event is not None:
            pair = PRG.step(pair, event).pair
        column = services_column(after, parameters, persistent_chat=chat)
        assert pair[f"{node}.services"] == column


def test_the_first_that_goes_and_the_last_that_comes_are_events() -> None:
    assert observed_event("node1", FIVE, FIVE[1:], USUAL) == "services_down(node1)"
    assert observed_event("node1", FIVE[1:], FIVE[2:], USUAL) is None
    assert observed_event("node2", FIVE[2:], FIVE, USUAL) == "services_up(node2)"
    with pytest.raises(BadInput, match="unknown node"):
        observed_event("node3", FIVE, FIVE, USUAL)


@pytest.mark.parametrize(("said", "runs"), [
    ("Cisco Sync Agent is running", True), ("Sync Agent is not running", False),
    ("Cisco Sync Agent IS STOPPED", False), ("Cisco Sync Agent running", True),
])
def test_a_status_in_a_sentence(said: str, runs: bool) -> None:
    seen = seen_service(said)
    assert seen.critical is not None
    assert (seen.critical.name, seen.runs) == ("Cisco Sync Agent", runs)
