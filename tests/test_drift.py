"""Clocks that drift, cuts without an arbiter (D5), and a paused owner beside the new one (T16)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.machine import prg
from prgcore.prove import claims, heartbeats, leases, regions, timing
from prgcore.prove.regions import Times, served_twice
from prgcore.prove.work import Work
from prgcore.timers import arithmetic
from prgcore.timers.cuts import cut_of
from prgcore.timers.parameters import Parameters
from tests.planted import LAMPS

PRG = prg()
T16 = next(t for t in timing.THEOREMS if t.id == "T16")


def test_a_bound_that_forgets_the_senders_clock_is_refuted() -> None:
    """The earliest detection as time-out / (1 + drift) - interval: right for a sender without drift."""
    def forgetful(u: claims.Unknowns) -> claims.Claim:
        whole, sender = heartbeats.not_too_soon(0)(u), heartbeats.Sender.of(u)
        bound = sender.clocks.at_least(u.number("timeout")) - sender.interval - sender.jitter
        return attrs.evolve(
            whole, then={"no sooner": u.number("now") - u.number("crash") > bound})

    def without_drift(u: claims.Unknowns) -> claims.Claim:
        whole = forgetful(u)
        return attrs.evolve(whole, given={**whole.given, "no drift": u.number("drift") == 0}, shows=True)

    assert claims.ask(forgetful, "Real").verdict == "refuted"
    assert claims.ask(without_drift, "Real").verdict == "proved"


def test_d5_is_proved_and_its_bound_is_tight() -> None:
    found = timing.dual_service(PRG.model).run(Work(PRG))
    assert found.verdict == "proved"
    assert len([k for k in found.detail if k.startswith("(")]) == 7
    other = timing.dual_service(LAMPS).run(Work(type(PRG)(LAMPS)))
    assert other.verdict == "not_applicable"


@pytest.mark.parametrize(("what", "wrong"), [
    ("served_twice", lambda silence, timeout, choose: choose(
        silence > timeout, silence - timeout - 1, 0)),
    ("served_twice", lambda silence, timeout, choose: choose(
        silence > timeout, silence - timeout + 1, 0)),
    ("silence_of_cut", lambda _, cut, i, late, j, *__: cut + late + 2 * i + j),
    ("silence_of_cut", lambda lost, _, i, __, j, ___: (lost + 1) * i + j),
    ("silence_of_cut", lambda lost, _, i, __, j, ___: lost * i + j),
    ("cut_loses", lambda lost, cut, i, late: lost * i <= cut + late),
    ("next_heard", lambda interval, late, _: interval + late),
    ("next_heard", lambda interval, late, latency: interval + late + latency + 1),
    ("at_least", lambda counted, _: counted), ("at_most", lambda counted, _: counted),
])
def test_another_bound_on_dual_service_is_refuted(
    what: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arithmetic, what, wrong)
    assert timing.discharge.__wrapped__(timing.DUAL_SERVICE).verdict == "refuted"


@given(st.sampled_from([1, 7, 15]), st.integers(2, 200), st.integers(0, 400))
def test_the_bound_on_dual_service_is_that_of_a_schedule(
    interval: int, timeout: int, cut: int,
) -> None:
    """Every schedule in whole seconds, both nodes in one phase, nothing late."""
    worst = 0
    for begins in range(interval):
        sent = [k * interval for k in range((cut + begins) // interval + 3)]
        heard = [s for s in sent if not begins <= s <= begins + cut]
        worst = max(worst, *(then - one - timeout for one, then in pairwise([-interval, *heard])))
    p = Parameters(keep_alive_interval=interval, keep_alive_timeout=timeout)
    found = cut_of(p, cut)
    assert found.served_twice == worst
    if cut < found.harmless:
        assert found.silence < timeout
    hand = max(0, cut - (timeout - interval)) + interval
    assert found.served_twice <= hand


def test_fewer_heartbeats_than_the_time_out_may_do_harm() -> None:
    """A cut shorter than time-out - interval, where the time-out is not a number of intervals."""
    p = Parameters(keep_alive_timeout=61)
    assert cut_of(p, 45.5).served_twice == 14
    assert cut_of(p, 44.9).served_twice == 0
    assert cut_of(Parameters(), 44.9).served_twice == 0
    assert [cut_of(Parameters(), s).served_twice for s in (45, 60, 300, 3600)] == [15, 30, 270, 3570]


def test_a_cut_of_one_direction_ends_with_the_next_heartbeat() -> None:
    found = cut_of(Parameters(), 3600, latency=0.5, jitter=2)
    assert (found.served_twice, found.one_way) == (3572, 17.5)
    assert cut_of(Parameters(), 44).one_way == 0


# ---------------------------------------------------------------- a paused owner


def test_a_paused_owner_serves_twice_exactly_where_the_wait_is_too_short() -> None:
    assert timing.discharge(T16).verdict == "proved"
    wrong, searched = regions.exactly_where_not_fenced(4)
    assert wrong == ""
    assert searched.startswith("all 625 settings of whole times up to 4, ")


def test_the_shortest_story_is_a_take_over_and_the_wait() -> None:
    story, _ = served_twice(Times(lasts=1, pause=1, stopping=0, waits=1))
    assert story == ("take node2", "tick", "tick")
    assert served_twice(Times(lasts=1, pause=1, stopping=0, waits=2))[0] is None


@pytest.mark.parametrize(("mutant", "story"), [
    ("no_wait", ("take node2", "tick")),
    ("by_owner", ("take node2", "tick", "tick", "tick", "read node2", "give node2", "read node1", "tick")),
    ("never_expires", ("take node2", "tick", "tick", "tick", "tick")),
])
def test_another_agent_breaks_a_lease_that_is_long_enough(mutant: Any, story: Any) -> None:
    times = Times(lasts=1, pause=1, stopping=1, waits=3, mutant=mutant)
    assert attrs.evolve(times, mutant="").fenced
    assert served_twice(attrs.evolve(times, mutant=""))[0] is None
    assert served_twice(times)[0] == story


@pytest.mark.parametrize("premise", [
    "node 1 reads that the group is its own", "a service of it looks at the lease",
    "it acts after a pause", "node 2 takes the group", "it starts to serve after its wait",
    "lease / (1 - drift) + pause + stopping <= wait / (1 + drift)",
])
def test_each_step_of_the_story_is_needed(premise: str) -> None:
    def without(u: claims.Unknowns) -> claims.Claim:
        whole = leases.over_in_time(u)
        return attrs.evolve(whole, given={
            says: term for says, term in whole.given.items() if not says.startswith(premise)})

    assert claims.ask(without, "Real").verdict == "refuted"


@pytest.mark.parametrize("wrong", [
    lambda lasts, pause, stopping, waits, _: lasts + pause + stopping <= waits,
    lambda lasts, pause, stopping, waits, drift: lasts + pause + stopping < waits * (1 - drift),
    lambda lasts, pause, _, waits, drift: lasts * (1 + drift) + pause <= waits * (1 - drift),
])
def test_another_condition_is_refuted(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "tolerates", wrong)
    assert timing.discharge.__wrapped__(T16).verdict == "refuted"


def test_a_search_that_finds_another_story_refutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Times, "fenced", property(lambda t: t.lasts + t.pause <= t.waits))
    found = timing.discharge.__wrapped__(T16)
    assert (found.verdict, found.method) == ("refuted", "search")
    assert found.detail["says"] == (
        "Times(lasts=0, pause=0, stopping=1, waits=0, mutant=''): take node2, tick")
