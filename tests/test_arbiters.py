"""The arbiters: the table of choices, its figures, and the margin between two clocks."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.prove import claims, fences
from prgcore.prove.timing import THEOREMS
from prgcore.running.lease import Lease
from prgcore.tables.arbiters import ARBITERS, STORIES, SYSTEMS
from prgcore.timers import arithmetic
from prgcore.timers.arbiters import (
    Delays,
    Fences,
    HandOver,
    clocks,
    served_after,
    twice_for,
)
from prgcore.timers.parameters import Parameters

BY_NAME = {one.name: one for one in ARBITERS}
EATERS = ("late", "drift", "pause", "stopping")
LEDGER = ("A-CRASH", "A-CLK(rho)", "A-PAUSE(p)", "A-STOP(s)", "A-LIN", "A-FENCE", "A-CHECK",
          "A-NET", "A-FAIR")
"""The names of assumptions; a condition of another name is no assumption about the world."""

# ---------------------------------------------------------------------------- the table


def test_the_choices_name_what_there_is() -> None:
    assert list(BY_NAME) == ["none", "self-fence", "lease", "epoch", "fence"]
    needs = [need for one in ARBITERS for need in one.needs]
    assert {n.name for n in needs if n.name.startswith("A-")} <= {*LEDGER}
    assert {n.name for n in needs} - {*LEDGER} == {"delays"}
    assert all(n.without or n.grows for n in needs), "an assumption without which nothing goes wrong"
    assert {n.grows for n in needs if n.grows} <= {*EATERS, "fencing"}
    assert [[p.obligation for p in one.promises] for one in ARBITERS] == [["D1", "D2", "D3", "D4"]] * 5
    named = [*(n.without for n in needs if n.without), *(s for one in ARBITERS for s in one.stories)]
    assert {*named} == {*STORIES}
    assert {s.arbiter for s in SYSTEMS} == {*BY_NAME}


def test_assumptions_have_the_names_that_the_theorems_use() -> None:
    used = {a.partition(":")[0] for t in THEOREMS for a in t.assumptions}
    assert {"A-CLK(rho)", "A-PAUSE(p)", "A-STOP(s)", "A-LIN", "A-FENCE"} <= used


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.name)
def test_a_real_system_says_when_or_why_not(system: Any) -> None:
    stops, starts = clocks(system)
    assert (stops is None or starts is None) == bool(system.never)
    used = {name for s in (system.stops, system.starts) for _, name in s or ()}
    assert used <= {name for name, _ in system.settings}
    assert system.cite
    assert system.eats


def test_the_lease_of_an_agent_is_the_shipped_one() -> None:
    agent = next(s for s in SYSTEMS if s.name == "prgcore agent")
    lease = Lease()
    assert dict(agent.settings) == {n: getattr(lease, n) for n in ("lasts", "pause", "stopping", "waits")}
    assert f"{lease.tolerated:g}" in agent.eats


# ----------------------------------------------------------------- a holder and a successor

TIMES = st.integers(0, 60).map(lambda n: n / 4)
DRIFTS = st.integers(0, 900).map(lambda n: n / 1000)
HANDS = st.builds(HandOver, TIMES, TIMES, TIMES, TIMES, TIMES, DRIFTS)


@given(HANDS)
def test_what_is_eaten_is_what_is_missing(hand: HandOver) -> None:
    eaten = dict(hand.eaten())
    assert [*eaten] == [*EATERS]
    assert all(e >= 0 for e in eaten.values())
    assert hand.starts - hand.stops - sum(eaten.values()) == pytest.approx(hand.margin, abs=1e-9)
    assert hand.holds == (hand.margin >= 0)


@given(HANDS)
def test_the_margin_agrees_with_the_lease(hand: HandOver) -> None:
    exact = [Fraction(repr(x)) for x in (
        hand.stops, hand.late + hand.pause, hand.stopping, hand.starts, hand.drift)]
    assert hand.holds == arithmetic.tolerates(*exact)
    assert hand.tolerated == 0 or arithmetic.tolerates(*exact[:4], Fraction(repr(hand.tolerated)))


@given(HANDS)
def test_the_shortest_start_leaves_no_margin(hand: HandOver) -> None:
    stops, _, late, pause, stopping, drift = (Fraction(repr(getattr(hand, a))) for a in (
        "stops", "starts", *EATERS[:1], "pause", "stopping", "drift"))
    least = arithmetic.shortest_wait(stops, late + pause, stopping, drift)
    assert float(least) == hand.shortest
    assert arithmetic.margin(stops, late, pause, stopping, least, drift) == 0


@given(HANDS)
def test_the_margin_is_the_worst_of_all_clocks(hand: HandOver) -> None:
    """The true moments, with each clock slow, right or fast: none is worse, and one is as bad."""
    stops, starts, rest = Fraction(hand.stops), Fraction(hand.starts), Fraction(
        hand.late + hand.pause + hand.stopping)
    rates = [1 + r * Fraction(repr(hand.drift)) for r in (-1, 0, 1)]
    between = [starts / one - (stops / other + rest) for one, other in product(rates, rates)]
    assert min(between) == hand.exact


@given(HANDS.filter(lambda hand: hand.holds), st.sampled_from(EATERS))
def test_what_is_exceeded_makes_both_serve(hand: HandOver, what: str) -> None:
    if what == "drift" and not hand.stops:
        return  # a holder that does not count bears any clock
    wrong = hand.exceeded(what)
    assert not wrong.holds
    assert wrong.serves_until - wrong.serves_from == pytest.approx(-wrong.margin, abs=1e-9)


@pytest.mark.parametrize("wrong", [
    {"stops": -1}, {"starts": float("nan")}, {"drift": 1}, {"drift": -0.1}, {"pause": True},
    {"late": "3"}, {"drift": float("nan")},
])
def test_a_time_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        HandOver(**{"stops": 1, "starts": 2, **wrong})


# --------------------------------------------------------------------------------- fences


def fence(one: int, other: int, latency: int) -> list[bool]:
    """Whether each of two nodes ends, moment by moment; each fences at its moment if it lives."""
    dies = [1 << 30, 1 << 30]
    for now in range(40):
        for node, begins in enumerate((one, other)):
            if now == begins and dies[node] > now:
                dies[1 - node] = min(dies[1 - node], now + latency)
    return [moment < 1 << 30 for moment in dies]


@pytest.mark.parametrize("latency", [1, 2, 4])
@pytest.mark.parametrize("apart", [0, 1, 3])
def test_both_can_end_exactly_if_some_moments_end_both(latency: int, apart: int) -> None:
    for one, other in product(range(8), repeat=2):
        both = any(all(fence(one + seen, other + noticed, latency))
                   for seen, noticed in product(range(apart + 1), repeat=2))
        assert Fences(latency, (one, other), apart).both_end is both
        assert any(fence(one, other, latency))


def test_delays_in_decimals_are_taken_as_they_are_written() -> None:
    assert not Fences(0.1, (0.3, 0.4)).both_end
    assert Fences(0.1, (0.3, 0.39)).both_end
    with pytest.raises(BadInput, match="a fence takes time"):
        Fences(0)


@pytest.mark.parametrize(("claim", "premise"), [
    (fences.one_is_left, "the two notice at most `apart`"),
    (fences.one_is_left, "the delays are at least latency + apart"),
    (fences.both_can, "the delays are less than latency + apart"),
    (fences.both_can, "the node with the shorter delay notices later"),
])
def test_each_premise_of_fencing_is_needed(claim: claims.Build, premise: str) -> None:
    def without(u: claims.Unknowns) -> claims.Claim:
        whole = claim(u)
        kept = {says: term for says, term in whole.given.items() if not says.startswith(premise)}
        assert len(kept) == len(whole.given) - 1
        return claims.Claim(kept, whole.then)

    for sort in claims.SORTS:
        assert claims.ask(claim, sort).verdict == "proved"
        assert claims.ask(without, sort).verdict == "refuted"


# ------------------------------------------------------------------------ what a choice costs


def test_what_a_crash_costs() -> None:
    fences = Fences(8, (0, 15))
    served = {name: served_after(one, 60, 5, fences) for name, one in BY_NAME.items()}
    assert served == {"none": 60, "self-fence": None, "lease": 65, "epoch": 60, "fence": 83}
    assert served_after(BY_NAME["fence"], 60, 5, None) is None


def test_a_short_cut_does_no_harm() -> None:
    parameters = Parameters()
    assert [twice_for(cut, parameters, Delays()) for cut in (0, 44, 45, 60)] == [0, 0, 15, 30]
    assert Delays().apart(parameters) == 15
    assert Delays(latency=1, polling=2, jitter=3).apart(parameters) == 21


# ------------------------------------------------------------------------ the command line


def test_the_table_is_short_and_says_what_to_read_next(run: Any) -> None:
    said = run("arbiter")
    lines = said.out.splitlines()
    assert said.code == 0
    assert len(lines) <= 20
    assert [line.split()[0] for line in lines if line and line[0] not in " A"][:6] == [
        "arbiter", *BY_NAME]
    assert all(f"prgcore {more}" in said.out for more in ("arbiter --arbiter lease", "arbiter --systems"))


@pytest.mark.parametrize("words", [
    (), *(("--arbiter", name) for name in BY_NAME), ("--systems",),
    ("--holder-stops", 10, "--successor-starts", 8, "--drift", 0.01, "--late", 1),
    ("--arbiter", "fence", "--fencing", 8, "--delays", "0,15"),
    ("--arbiter", "lease", "--set", "Keep Alive (Heartbeat) Timeout=75", "--cut", 1234.5),
])
def test_no_line_is_wider_than_a_terminal(words: tuple[Any, ...], run: Any) -> None:
    said = run("arbiter", *words)
    assert said.code in (0, 1)
    assert not said.err
    assert [line for line in said.out.splitlines() if len(line) > 80] == []


def test_a_card_has_every_story_and_every_promise(run: Any) -> None:
    for one in ARBITERS:
        said = run("arbiter", "--arbiter", one.name).out
        for name in (*(n.without for n in one.needs if n.without), *one.stories):
            assert f"{name}, " in said
            assert all(f"{line}\n" in said for line in STORIES[name].splitlines())
        assert all(f"  {p.obligation} " in said for p in one.promises)
        assert f"prgcore prove --model D --arbiter {one.prove}" in said


def test_a_choice_has_also_the_name_that_the_prover_has(run: Any) -> None:
    assert run("arbiter", "--arbiter", "cas+lease").out == run("arbiter", "--arbiter", "lease").out


def test_two_clocks_and_what_eats_the_margin(run: Any) -> None:
    said = run("arbiter", "--holder-stops", 10, "--successor-starts", 8)
    assert said.code == 1
    assert "Users may be served twice, for 2 s" in said.out
    said = run("arbiter", "--holder-stops", 10, "--successor-starts", 12, "--pause", 1, "--stopping", 1)
    assert said.code == 0
    assert "both may serve in one instant" in said.out
    found = json.loads(run("arbiter", "--holder-stops", 3, "--successor-starts", 5, "--pause", 1,
                           "--stopping", 0.5, "--json").out)
    assert found["hand_over"]["margin"] == 0.5
    assert found["hand_over"]["tolerated_drift"] == Lease().tolerated


def test_the_figures_follow_the_parameters(run: Any) -> None:
    def served(*words: Any) -> dict[str, Any]:
        found = json.loads(run("arbiter", "--json", *words).out)
        return {one["name"]: one["served_after_crash"] for one in found["arbiters"]}

    assert served() == {"none": 60, "self-fence": None, "lease": 65, "epoch": 60, "fence": None}
    assert served("--set", "keep_alive_timeout=30", "--latency", 1, "--fencing", 2) == {
        "none": 31, "self-fence": None, "lease": 36, "epoch": 31, "fence": 33}
    assert served("--holder-stops", 9, "--successor-starts", 11)["lease"] == 71


def test_mutual_fencing(run: Any) -> None:
    def says(*words: Any) -> str:
        return " ".join(run("arbiter", "--arbiter", "fence", *words).out.split())

    assert "exactly if their delays differ by less than" in says()
    assert "Both nodes can end each other: the delays differ by 15 s, less than 23 s" in says(
        "--fencing", 8, "--delays", "0,15")
    assert "One node is left for certain: the delays differ by 15 s, not less than 8 s" in says(
        "--fencing", 8, "--delays", "0,15", "--apart", 0)


@pytest.mark.parametrize(("words", "says"), [
    (("--arbiter", "leese"), "did you mean"), (("--cut", -1), "cut: expected seconds"),
    (("--holder-stops", 3), "give both"), (("--delays", "1"), "expected two numbers"),
    (("--delays", "1,2,3"), "expected two numbers"), (("--delays", "1,x"), "expected two numbers"),
    (("--drift", 1), "not a share of time"), (("--latency", -1), "latency: expected seconds"),
    (("--fencing", 0), "a fence takes time"), (("--set", "nothing=3"), "unknown parameter"),
    (("--holder-stops", "nan", "--successor-starts", 3), "stops: expected seconds"),
])
def test_bad_input_is_one_line(words: tuple[Any, ...], says: str, bad: Any) -> None:
    assert says in bad("arbiter", *words)


def test_parameters_that_promise_nothing_are_named(run: Any) -> None:
    said = run("arbiter", "--set", "keep_alive_interval=70")
    assert said.code == 1
    assert "promise nothing" in said.err


def test_several_parameters_of_one_deployment_are_answered_by_the_worst(run: Any) -> None:
    example = run("config", "example").out
    said = run("arbiter", "--deployment", "-", "--json", stdin=example)
    assert said.code == 0
    assert json.loads(said.out)["arbiters"][0]["served_after_crash"] == 60


def test_real_systems_as_json(run: Any) -> None:
    found = {s["name"]: s for s in json.loads(run("arbiter", "--systems", "--json").out)["systems"]}
    assert found["pg_auto_failover"]["margin"] == 0
    assert found["pg_auto_failover"]["seen"][0]["stops"] == 53
    assert found["keepalived"]["holder_stops"] is None
