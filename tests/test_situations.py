"""Table 2 as data: every row is reached by its cause, and every advice leads home or says why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import TypeAlias

import numpy as np
import pytest

from prgcore.engine import Pair
from prgcore.explain.pairs import Charted
from prgcore.machine import Machine, prg
from prgcore.model import (
    Advice,
    Cause,
    Cube,
    Display,
    Half,
    Shown,
    Situation,
    Story,
    Values,
    cube,
)
from prgcore.product.serving import COLUMNS, Serving, serving
from prgcore.prove.document import shows
from prgcore.prove.space import Space, search
from prgcore.seats import NODES, mirror_name
from prgcore.tables.families import FAMILIES
from prgcore.tables.situations import SITUATIONS
from prgcore.tables.states import TRANSIENT
from prgcore.tables.stories import STARTS, STORIES
from prgcore.vocabulary import Kind, Outcome, Reason, State, word
from tests.pages import ROOT
from tests.planted import reachable

PRG = prg()
CAUSES = [(s, c) for s in SITUATIONS for c in s.causes]
BY_ROW = {s.row: s for s in SITUATIONS}


def walk(machine: Machine, events: tuple[str, ...], start: str, *, mirrored: bool = False) -> Pair:
    told = (*STARTS[start], *events)
    way = machine.run(machine.initial[0], *(map(mirror_name, told) if mirrored else told))
    assert {step.outcome for step in way.steps} <= {Outcome.DONE}, way.steps
    return way.end


Ends: TypeAlias = Callable[[Pair], frozenset[Pair]]


def rests(machine: Machine) -> Ends:
    """Where timers and successful completions end, whatever their order; no automatic fallback."""
    alone = [
        e.name for e in machine.model.events
        if e.kind in (Kind.TIMER, Kind.COMPLETION) and e.success
        and not e.name.startswith("auto_fallback_due")
    ]

    @cache
    def ends(pair: Pair) -> frozenset[Pair]:
        after = {machine.step(pair, e).pair for e in alone if machine.possible(pair, e)} - {pair}
        return frozenset(end for p in after for end in ends(p)) or frozenset((pair,))

    return ends


def carry_out(machine: Machine, ends: Ends, advice: Advice, pair: Pair) -> str:
    """What goes wrong with an advice, or nothing: every event accepted, and home in the end."""
    pairs = ends(pair)
    for event in advice.events:
        after: set[Pair] = set()
        for p in pairs:
            if not machine.possible(p, event):
                return f"impossible {event} in {dict(p)}"
            decision = machine.step(p, event)
            if decision.outcome is not Outcome.DONE:
                return f"{decision.outcome} {event}: {decision.why}"
            after |= ends(decision.pair)
        pairs = frozenset(after)
    away = [p for p in pairs if not machine.holds(machine.model.goal[0], p)]
    return f"ends in {dict(away[0])}" if away else ""


def given(machine: Machine, row: Advice | Story) -> bool:
    return set(row.only) <= set(machine.model.policy)


@pytest.fixture(scope="module")
def space() -> Space:
    return reachable()


def fitting(space: Space, situation: Situation) -> Iterator[Pair]:
    """The reachable pairs that show the row and fit its cause."""
    d = situation.display
    cells = {
        f"{node}.{column}": value
        for node, half in zip(NODES, d, strict=True) if half
        for column, value in zip(("state", "reason", "process"), (*half, "running"), strict=True)
    }
    met = cube(cells) & situation.fits
    assert met is not None
    for number in space.where(met):
        pair = PRG.pair(space.pair(int(number)))
        if shows(PRG, pair, situation):
            yield pair


# ----------------------------------------------------------------------------- the rows


def test_the_24_rows_are_26_situations_in_order() -> None:
    rows = [s.row for s in SITUATIONS]
    split = {"11": ("11a", "11b"), "18": ("18a", "18b")}
    assert rows == [r for n in range(1, 25) for r in split.get(str(n), (str(n),))]
    assert {s.seat for s in SITUATIONS} == {"node1"}
    assert len({s.display for s in SITUATIONS}) == 26


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: f"row{s.row}")
def test_a_row_shows_words_of_the_vocabulary_or_nothing(situation: Situation) -> None:
    d = situation.display
    assert situation.shown == tuple(half is not None for half in d)
    assert all(half.state in set(State) and half.reason in set(Reason) for half in d if half)
    assert situation.cause.endswith(".")


def test_what_the_document_misprints_is_kept_and_corrected() -> None:
    misprints = {s.row: (s.literal, s.corrected) for s in SITUATIONS if s.literal}
    assert set(misprints) == {"11b", "18a", "18b", "22", "23"}
    for row, (literal, corrected) in misprints.items():
        d = BY_ROW[row].display
        meant = word(corrected, State) or word(corrected, Reason)
        assert meant in (*(d.node1 or ()), *(d.node2 or ())), row
        assert literal != corrected
    assert word(misprints["23"][0], Reason) == "auto_recover_database_failure"
    assert BY_ROW["23"].display.node1.reason == "auto_recover_critical_service_down"


# --------------------------------------------------------------------------- the causes


def test_the_causes_are_33_and_their_ids_are_theirs_alone() -> None:
    assert len(CAUSES) == 33
    assert len({c.id for _, c in CAUSES}) == 33
    assert all(c.id.split("-")[0] == s.row for s, c in CAUSES)


@pytest.mark.parametrize(("situation", "cause"), CAUSES, ids=lambda x: getattr(x, "id", ""))
def test_a_cause_leads_to_its_row_in_both_seats(situation: Situation, cause: Cause) -> None:
    pair = walk(PRG, cause.events, cause.start)
    assert shows(PRG, pair, situation), dict(pair)
    assert PRG.holds(situation.fits, pair)
    assert not PRG.broken(pair)
    other = walk(PRG, cause.events, cause.start, mirrored=True)
    assert shows(PRG, other, situation, mirrored=True)


def test_a_row_is_not_shown_by_a_node_that_does_not_run() -> None:
    idle = walk(PRG, BY_ROW["3"].causes[0].events, "normal")
    gone = PRG.step(idle, "power_off(node1)").pair
    assert shows(PRG, idle, BY_ROW["3"])
    assert not shows(PRG, gone, BY_ROW["3"])
    assert not shows(PRG, walk(PRG, (), "normal"), BY_ROW["16"])


def test_row_11a_is_ready_after_a_reboot_and_not_before() -> None:
    events = BY_ROW["11a"].causes[0].events
    before = walk(PRG, tuple(e for e in events if e != "services_up(node1)"), "normal")
    assert PRG.step(before, "fallback(node1)").outcome is Outcome.REFUSED
    assert PRG.step(walk(PRG, events, "normal"), "fallback(node1)").outcome is Outcome.DONE


# --------------------------------------------------------------------------- the advice


ADVISED = ("11a", "11b", "12", "13", "14", "15", "16", "17", "18a", "18b", "19", "20", "21", "24")


def test_the_rows_with_recommended_actions_are_those_of_the_document() -> None:
    assert tuple(s.row for s in SITUATIONS if s.advice) == ADVISED


def test_advice_is_commands_and_repairs_and_the_faults_of_a_restart() -> None:
    kinds = {e.name: e.kind for e in PRG.model.events}
    for situation in SITUATIONS:
        for advice in situation.advice:
            others = [
                e for e in advice.events if kinds[e] not in (Kind.COMMAND, Kind.REPAIR)
            ]
            assert all(e.startswith(("power_off(", "manager_stop(")) for e in others)
            assert advice.events
            assert not others or {"manager_start(node1)", "manager_start(node2)"} & {*advice.events}


@pytest.mark.parametrize("row", ADVISED)
def test_every_advice_leads_home_from_every_reachable_pair_or_is_a_known_defect(
    space: Space, row: str
) -> None:
    situation, ends = BY_ROW[row], rests(PRG)
    pairs = list(fitting(space, situation))
    for advice in situation.advice:
        if not given(PRG, advice):
            continue
        here = [p for p in pairs if PRG.holds(advice.when, p)]
        assert here, f"no reachable pair calls for: {advice.says}"
        wrong = [carry_out(PRG, ends, advice, p) for p in here]
        assert all(wrong) if advice.defect else not any(wrong), (advice.says, wrong)


@pytest.mark.parametrize(("situation", "cause"), CAUSES, ids=lambda x: getattr(x, "id", ""))
def test_after_a_documented_cause_some_advice_is_given(situation: Situation, cause: Cause) -> None:
    if situation.row not in ADVISED:
        assert not situation.advice
        return
    pair = walk(PRG, cause.events, cause.start)
    sound = [a for a in situation.advice if not a.defect and given(PRG, a)]
    assert any(PRG.holds(a.when, p) for a in sound for p in rests(PRG)(pair))


def test_the_one_defect_is_the_document_s_own() -> None:
    defects = [(s.row, a) for s in SITUATIONS for a in s.advice if a.defect]
    assert [(row, a.defect, a.says[:6]) for row, a in defects] == [("14", "document", "Step 3")]
    pair = walk(PRG, BY_ROW["14"].causes[0].events, "normal")
    wrong = carry_out(PRG, rests(PRG), defects[0][1], pair)
    assert wrong.startswith("refused fallback(node1): ")
    assert "row 21" in defects[0][1].because


def test_row_16_ends_with_recovery_or_with_fallback_as_the_policy_says() -> None:
    cut = (
        "services_down(node1)", "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)",
        "takeover_done(node2)", "services_up(node1)",
    )
    ended = {}
    for choice in ("fail", "keep_serving", "able_serves"):
        machine = prg(reconnection=choice)
        pair = walk(machine, cut, "normal")
        assert shows(machine, pair, BY_ROW["16"])
        (advice,) = (
            a for a in BY_ROW["16"].advice if given(machine, a) and machine.holds(a.when, pair)
        )
        assert carry_out(machine, rests(machine), advice, pair) == ""
        ended[choice] = advice.events[-1]
    assert ended == {
        "fail": "recover", "keep_serving": "fallback(node1)", "able_serves": "fallback(node1)"}


@pytest.mark.parametrize(("choice", "many"), [
    ("fail", 3_560), ("keep_serving", 2_960), ("able_serves", 0),
])
def test_in_how_many_pairs_a_reconnection_stops_a_healthy_node(choice: str, many: int) -> None:
    """Until now no policy had an answer that takes down only what cannot serve (D13)."""
    model = prg(reconnection=choice).model
    space = search(model)
    stopped: set[int] = set()
    for rule, edges in zip(model.rules, space.edges, strict=True):
        if not rule.event.startswith("heartbeat_heard("):
            continue
        for node in NODES:
            was = space.column(f"{node}.state")[edges.source]
            now = space.column(f"{node}.state")[edges.target]
            failed = model.domains[f"{node}.state"].index(State.RUNNING_IN_FAILED_MODE)
            healthy = [space.column(f"{node}.{part}")[edges.source]
                       == model.domains[f"{node}.{part}"].index("up")
                       for part in ("services", "database")]
            stopped |= {*edges.source[(was != failed) & (now == failed) & healthy[0] & healthy[1]]}
    assert len(stopped) == many
    assert f"| {many:,} |\n" in (ROOT / "docs/operators.md").read_text(encoding="utf-8")


# -------------------------------------------------------------------------- the stories


POLICIES = [
    {"reconnection": r, "idle_on_peer_loss": i}
    for r in ("fail", "keep_serving", "able_serves") for i in ("wait", "take_over")
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: "-".join(p.values()))
@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.id)
def test_a_story_holds_under_every_policy_that_it_allows(
    story: Story, policy: dict[str, str]
) -> None:
    machine = prg(**policy)
    assert (story in machine.model.stories) == given(machine, story)
    if given(machine, story):
        follow(machine, story)


def follow(machine: Machine, story: Story) -> None:
    pair = walk(machine, (), story.start)
    for line in story.steps:
        verb, _, rest = line.partition(" ")
        if verb in ("refused", "ignored"):
            assert machine.step(pair, rest).outcome == verb, line
        elif verb == "impossible":
            assert not machine.possible(pair, rest), line
        elif verb == "expect" and "=" in rest:
            column, _, value = rest.partition(" = ")
            assert pair[column] == value, line
        elif verb == "expect":
            node, _, display = rest.partition(" ")
            if display == "nothing":
                assert pair[f"{node}.process"] != "running", line
                continue
            state, slash, reason = display.partition(" / ")
            assert pair[f"{node}.state"] == word(state, State), line
            assert not slash or pair[f"{node}.reason"] == word(reason, Reason), line
        else:
            decision = machine.step(pair, line)
            assert decision.outcome is Outcome.DONE, (line, decision.why)
            pair = decision.pair
        assert not machine.broken(pair), line


def test_story_ids_are_theirs_alone_and_every_story_expects_something() -> None:
    assert len({s.id for s in STORIES}) == len(STORIES)
    checks = ("expect ", "refused ", "impossible ", "ignored ")
    assert all(any(line.startswith(checks) for line in s.steps) for s in STORIES)


def test_a_story_that_depends_on_a_policy_has_a_counterpart() -> None:
    assert {choice for s in STORIES for choice in s.only} == {
        (name, choice) for policy in POLICIES for name, choice in policy.items()
    }


# ------------------------------------------------------------------------- the families


def stable_displays(space: Space) -> set[Display]:
    """What is shown where no shown state is transient, by an administrator and by either node."""
    columns = space.model.domains
    states, reasons = columns["node1.state"], columns["node1.reason"]
    halves, runs = [], []
    for node in ("node1", "node2"):
        state = space.column(f"{node}.state").astype(np.int64)
        halves.append(state * len(reasons) + space.column(f"{node}.reason"))
        running = columns[f"{node}.process"].index("running")
        runs.append(space.column(f"{node}.process") == running)
    whole = space.column("link") == columns["link"].index("up")
    blank, base = len(states) * len(reasons), len(states) * len(reasons) + 1
    found: set[int] = set()
    for reach1, reach2 in ((True, True), (True, whole), (whole, True)):
        left = np.where(runs[0] & reach1, halves[0], blank)
        right = np.where(runs[1] & reach2, halves[1], blank)
        found.update(np.unique(left * base + right).tolist())

    def half(code: int) -> Shown | None:
        if code == blank:
            return None
        return Shown(str(states[code // len(reasons)]), str(reasons[code % len(reasons)]))

    displays = {Display(half(code // base), half(code % base)) for code in found}
    return {d for d in displays if not {h.state for h in d if h} & set(TRANSIENT)}


def unordered(displays: set[Display]) -> set[frozenset[Display]]:
    return {frozenset((d, d.mirrored())) for d in displays}


ROWS = {d for s in SITUATIONS for d in (s.display, s.display.mirrored())}


def homes(display: Display) -> list[str]:
    """The row, or the families, to which a display belongs."""
    return [f.id for f in FAMILIES if f.matches(display)] + ["row"] * (display in ROWS)


def test_every_stable_display_is_in_table_2_or_in_exactly_one_family(space: Space) -> None:
    displays = stable_displays(space)
    assert len(unordered(displays)) == 168
    assert len(unordered(displays - ROWS)) == 149
    assert {d: homes(d) for d in displays if len(homes(d)) != 1} == {}
    assert {home for d in displays for home in homes(d)} == {"row", *(f.id for f in FAMILIES)}


@pytest.mark.parametrize("choice", ["keep_serving", "able_serves"])
def test_the_families_also_cover_the_other_policies(choice: str) -> None:
    machine = prg(reconnection=choice, idle_on_peer_loss="take_over")
    displays = stable_displays(search(machine.model))
    assert len(unordered(displays)) == 176
    assert {d: homes(d) for d in displays if len(homes(d)) != 1} == {}


Says: TypeAlias = Callable[[Pair, Serving], bool]


def able(pair: Pair, node: str) -> bool:
    return (pair[f"{node}.process"], pair[f"{node}.services"], pair[f"{node}.database"]) in (
        ("running", "up", "up"), ("manager_down", "up", "up"))


def holders(pair: Pair) -> set[str]:
    """The nodes to which users are assigned."""
    return {n for n in NODES if "yes" in (pair[f"{n}.assigned_own"], pair[f"{n}.assigned_peer"])}


def the_backup_has_everyone(pair: Pair, who: Serving) -> bool:
    (backup,) = (n for n in NODES if pair[f"{n}.state"] == State.RUNNING_IN_BACKUP_MODE
                 and pair[f"{n}.process"] == "running")
    by = backup if able(pair, backup) else None
    return holders(pair) == {backup} and [who[n].by for n in NODES] == [by, by]


def each_its_own(pair: Pair, who: Serving) -> bool:
    return all(who[n].by == (n if able(pair, n) else None) for n in NODES)


def who_is_able(pair: Pair, who: Serving) -> bool:
    """Whoever has the users of a node serves them if able, and nobody else does."""
    for home, peer in (NODES, NODES[::-1]):
        has = {n for n, c in ((home, "assigned_own"), (peer, "assigned_peer"))
               if pair[f"{n}.{c}"] == "yes" and able(pair, n)}
        if {who[home].by} - {None} != has:
            return False
    return True


def not_the_failed(pair: Pair, who: Serving) -> bool:
    failed = {n for n in NODES if pair[f"{n}.state"] == State.RUNNING_IN_FAILED_MODE
              and pair[f"{n}.process"] == "running"}
    return who_is_able(pair, who) and not failed & {who[n].by for n in NODES}


def nobody(_pair: Pair, who: Serving) -> bool:
    return [who[n].by for n in NODES] == [None, None]


SERVING: dict[str, tuple[Says, set[int]]] = {
    "HN1": (who_is_able, {0, 1, 2}), "HN5": (the_backup_has_everyone, {0, 2}),
    "HN7": (not_the_failed, {0, 1, 2}), "HU1": (each_its_own, {0, 1, 2}),
    "HF1": (the_backup_has_everyone, {0, 2}), "HI1": (the_backup_has_everyone, {0, 2}),
    "HE1": (nobody, {0}), "HE3": (the_backup_has_everyone, {0, 2}),
}
"""What a sentence says about who serves, and of how many nodes the users can then be served."""


def test_every_sentence_about_who_serves_is_in_the_list() -> None:
    said = {f.id for f in FAMILIES if re.search(r"\bserve[sd]?\b", f.says + f.advice)}
    assert said == set(SERVING)
    assert not [s.row for s in SITUATIONS if re.search(r"\bserve[sd]?\b", s.cause)]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: "-".join(p.values()))
def test_who_is_said_to_serve_does(policy: dict[str, str]) -> None:
    machine = prg(**policy)
    columns = {c.name: c for c in machine.model.columns}
    asked = (*COLUMNS, *(f"{n}.{c}" for n in NODES for c in ("state", "process")))
    names = {s for name in asked for s in columns[name].sources or (name,)}
    assert machine.atlas is not None
    every = Charted(machine, machine.atlas.everything)
    for family in FAMILIES:
        if family.id not in SERVING:
            continue
        says, counts = SERVING[family.id]
        pairs = every.within(*(
            shown for halves in family.displays for shown in seated_halves(halves)
        )).distinct(names)
        who = [(pair, serving(pair)) for pair in pairs]
        assert not [dict(pair) for pair, served in who if not says(pair, served)], family.id
        assert {sum(s[n].by is not None for n in NODES) for _, s in who} == counts, family.id


def seated_halves(halves: tuple[Half, Half]) -> Iterator[Cube]:
    """What two halves show, from either seat; a node that shows nothing may also be cut off."""
    for seats, cut in product((NODES, NODES[::-1]), (False, True)):
        cells: dict[str, str | Values] = {"link": "cut"} if cut else {}
        for node, (states, reasons) in zip(seats, halves, strict=True):
            if states != ("",):
                cells |= {f"{node}.process": "running", f"{node}.state": states}
                cells |= {f"{node}.reason": reasons} if reasons else {}
            elif not cut:
                cells[f"{node}.process"] = ("off", "manager_down")
        if len(cells) > 1:
            yield cube(cells)


def test_a_family_matches_in_both_seats_and_nothing_that_cannot_be() -> None:
    returned = Display(Shown("failed_over", "initialization"),
                       Shown("running_in_backup_mode", "peer_down"))
    assert homes(returned) == homes(returned.mirrored()) == ["HF1"]
    twice = Display(*[Shown("running_in_backup_mode", "peer_down")] * 2)
    assert homes(twice) == []
