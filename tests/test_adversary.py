"""The strength of the adversary (F10), and the reason that a node writes for its peer (S23)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
import pytest
from attrs import evolve

from prgcore.errors import ImpossibleEvent
from prgcore.form.strength import exact, gaps
from prgcore.form.wellformed import findings
from prgcore.machine import Machine, prg
from prgcore.model import Adversary, By, Cell, Column, Cube, Decides, Effect, Model, Possible, cube
from prgcore.prove import table
from prgcore.prove.difference import Difference, compare
from prgcore.prove.mirrored import unmirrored
from prgcore.prove.relation import Relation
from prgcore.prove.report import prove
from prgcore.seats import NODES, instantiate, seat_cube
from prgcore.tables.adversary import ADVERSARY
from prgcore.tables.columns import SICK
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.machine import TABLE
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind, Reason
from tests.planted import FAULTS as PLANTED
from tests.planted import sound
from tests.toys import TURNSTILE

CHOICES = [
    dict(zip((p.name for p in POLICIES), chosen, strict=True))
    for chosen in product(*(p.choices for p in POLICIES))
]
MODELS = [prg(**policy).model for policy in CHOICES]
FAULTS = (Reason.CRITICAL_SERVICE_DOWN, Reason.DATABASE_FAILURE)
RECOVERS = (Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN, Reason.AUTO_RECOVER_DATABASE_FAILURE)
STORED = tuple(c.name for c in MODELS[0].columns if not c.derived)


# ------------------------------------------------------------- what is committed


@pytest.mark.parametrize("model", MODELS, ids=lambda m: "-".join(c for _, c in m.policy))
def test_everything_is_possible_exactly_where_it_must_be(model: Model) -> None:
    assert gaps(model) == ()
    asked = {e.name for e in model.events if e.kind is not Kind.COMMAND}
    assert {a.event for a in model.adversary} == asked == {*exact(model)}
    assert findings(model) == ()


def test_an_entry_says_why_and_where_it_is_from_in_columns_that_are_stored() -> None:
    known, rows = {d.id for d in DECISIONS}, {s.row for s in TABLE.situations}
    for entry in ADVERSARY:
        assert entry.why, entry.event
        assert entry.cite, entry.event
        assert {*entry.decisions} <= known
        assert {c.removeprefix("table2:") for c in entry.cite if "table2:" in c} <= rows
        used = {c.column for some in (*entry.must, *entry.may) for c in seat_cube(some, "node1")}
        assert used <= {*STORED}, entry.event


@pytest.mark.parametrize("model", MODELS[:2], ids=["wait", "take_over"])
def test_what_a_node_decides_needs_its_manager_and_high_availability(model: Model) -> None:
    """The entries alone imply it, without the section that says so."""
    decides = {d.decider: d.when for d in model.decides}
    assert {*decides} == {"node1", "node2"}
    deciders = {e.name: e.decider for e in model.events}
    strength = [Possible(a.event, c) for a in model.adversary for c in (*a.must, *a.may)]
    assert {e.decider for e in model.events if e.kind in (Kind.TIMER, Kind.COMPLETION)} == {
        *decides}
    for way in strength:
        if (node := deciders[way.event]) in decides:
            cells = {c.column: c.values for c in way.when}
            assert cells[f"{node}.process"] == ("running",)
            assert cells["ha"] == ("on",)


# ------------------------------------------------------------- an oracle without cubes


def members(model: Model, some: Iterable[Cube], names: tuple[str, ...]) -> np.ndarray:
    """Which values of these stored columns are in one of the cubes: an array, an axis a column."""
    columns = {c.name: c for c in model.columns}
    shape = [len(columns[n].domain) for n in names]
    union = np.zeros(shape, np.bool_)
    for one in some:
        inside = np.ones(shape, np.bool_)
        for cell in one:
            inside &= _cell(columns, cell, names)
        union |= inside
    return union


def _cell(columns: dict[str, Column], cell: Cell, names: tuple[str, ...]) -> np.ndarray:
    column = columns[cell.column]
    sources = column.sources or (column.name,)
    domains = [columns[s].domain for s in sources]
    rows = dict(column.table) if column.derived else {(v,): v for v in column.domain}
    held = np.zeros([len(columns[n].domain) if n in sources else 1 for n in names], np.bool_)
    for values in product(*domains):
        if rows[values] in cell.values:
            at = dict(zip(sources, values, strict=True))
            held[tuple(columns[n].domain.index(at[n]) if n in at else 0 for n in names)] = True
    return held


def same(model: Model, one: tuple[Cube, ...], other: tuple[Cube, ...]) -> bool:
    """Whether two unions of cubes are the same set of pairs."""
    columns = {c.name: c for c in model.columns}
    used = {n for some in (one, other) for c in some for cell in c
            for n in columns[cell.column].sources or (cell.column,)}
    names = tuple(n for n in STORED if n in used)
    return bool((members(model, one, names) == members(model, other, names)).all())


# ------------------------------------------------------------- every mutant of `possible`


def mutants(model: Model, event: str) -> Iterator[tuple[str, tuple[Cube, ...]]]:
    """Every small change of where an event is possible: narrower ways, and wider ones."""
    ways = tuple(p.when for p in model.possible if p.event == event)
    domains = model.domains
    for n, way in enumerate(ways):
        def changed(new: Cube, n: int = n) -> tuple[Cube, ...]:
            return (*ways[:n], new, *ways[n + 1:])

        yield f"way {n} dropped", (*ways[:n], *ways[n + 1:])
        for cell in way:
            others = tuple(c for c in way if c is not cell)
            yield f"way {n}, {cell.column} dropped", changed(Cube(others))
            for value in domains[cell.column]:
                if value not in cell.values:
                    wider = Cell(cell.column, (*cell.values, value))
                    yield f"way {n}, {cell.column} or {value}", changed(Cube((*others, wider)))
                elif len(cell.values) > 1:
                    less = Cell(cell.column, tuple(v for v in cell.values if v != value))
                    yield f"way {n}, {cell.column} not {value}", changed(Cube((*others, less)))
        named = {c.column for c in way}
        for column, domain in domains.items():
            if column not in named:
                for value in domain:
                    rest = tuple(v for v in domain if v != value)
                    yield f"way {n}, {column} not {value}", changed(
                        Cube((*way, Cell(column, rest))))


def changed_ways(model: Model, event: str, ways: tuple[Cube, ...]) -> Model:
    """The machine with other ways of one event, and only what F10 reads about it."""
    return evolve(
        model, possible=tuple(Possible(event, w) for w in ways),
        adversary=tuple(a for a in model.adversary if a.event == event),
    )


@pytest.mark.parametrize("event", sorted(
    {a.event for a in MODELS[1].adversary if not a.event.endswith("(node2)")}))
def test_every_mutant_of_where_an_event_is_possible_is_found(event: str) -> None:
    """Of all changes by one way, cell or value, those that change no pair are not found."""
    model = MODELS[1]
    ways = tuple(p.when for p in model.possible if p.event == event)
    found = {True: 0, False: 0}
    for what, mutant in mutants(model, event):
        differs = not same(model, ways, mutant)
        amiss = gaps(changed_ways(model, event, mutant))
        assert bool(amiss) == differs, what
        assert {g.event for g in amiss} <= {event}
        found[differs] += 1
    assert found[True] > 30
    assert found[False] <= found[True] / 3, "most changes are changes"


def _possible(event: str, *ways: dict[str, str | tuple[str, ...]]) -> Model:
    """The machine with other ways of one event, in both seats."""
    others = tuple(p for p in TABLE.possible if p.event != event)
    more = tuple(Possible(event, w) for w in ways)
    return instantiate(evolve(TABLE, possible=(*others, *more)), CHOICES[0])


_ALIVE = {"ha": "on", "me.process": "running"}
_DEAD = ("manager_down", "off")
_HEARS = {**_ALIVE, "me.hears_peer": "yes"}
NOT_WHILE_TAKING_OVER = tuple(
    v for v in MODELS[0].domains["node1.state"] if v != "taking_over")
NAMED = {
    "services never die under a dead manager": (
        "services_down", True, [{"me.process": "running", "me.services": "up"}]),
    "databases never die under a dead manager": (
        "database_down", True, [{"me.process": "running", "me.database": "up"}]),
    "services never die while taking over": ("services_down", True, [
        {"me.process": "running", "me.services": "up", "me.state": NOT_WHILE_TAKING_OVER},
        {"me.process": "manager_down", "peer.hears_peer": "no", "me.services": "up"}]),
    "a host without a manager never loses power": (
        "power_off", True, [{"me.process": "running"}]),
    "hosts are powered up only over a network": (
        "power_on", True, [{"me.process": "off", "link": "up"}]),
    "dead managers are not missed": ("heartbeat_lost", True, [
        {**_HEARS, "link": "cut"},
        {**_ALIVE, "me.duty": ("starting", "acting"), "peer.process": _DEAD},
        {**_ALIVE, "me.duty": ("starting", "acting"), "link": "cut"}]),
    "only hosts that are off are missed": (
        "heartbeat_lost", True, [{**_HEARS, "peer.process": "off"}, {**_HEARS, "link": "cut"}]),
    "services die under a dead manager that is believed in": ("services_down", False, [
        {"me.process": "running", "me.services": "up"},
        {"me.process": "manager_down", "me.services": "up"}]),
    "a host that runs is lost": ("peer_host_lost", False, [
        {**_HEARS, "link": "up"},
        {**_ALIVE, "me.duty": ("starting", "acting"), "peer.process": "off", "link": "up"}]),
    "a dead manager errs": ("internal_error", False, [{"ha": "on", "me.state": (
        "taking_over", "failing_over", "falling_back", "taking_back", "backup_activated",
        "failover_affected_services", "running_in_backup_mode")}]),
    "a dead manager reports a start": (
        "start_failed", False, [{"ha": "on", "me.state": "taking_back"}]),
}


@pytest.mark.parametrize("name", NAMED)
def test_the_mutants_that_once_survived_are_found_in_both_seats(name: str) -> None:
    event, must, ways = NAMED[name]
    found = gaps(_possible(event, *ways))
    assert {g.event for g in found} == {f"{event}(node1)", f"{event}(node2)"}
    assert must in {g.must for g in found}
    for gap in found:
        assert gap.says.startswith(
            f"{gap.event} {'must be' if gap.must else 'is'} possible where ")
        assert (", and is not (" in gap.says) == gap.must


@pytest.mark.parametrize("event", ["internal_error", "start_failed"])
def test_a_dead_manager_decides_nothing(event: str) -> None:
    """The rules would answer a dead manager; where events are possible alone prevents it."""
    start = ["enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
             "initialized(node1)", "initialized(node2)", "failover(node1)", "takeover_done(node2)",
             "taken_over(node1)", "fallback(node1)", "manager_stop(node1)"]
    pair = prg().initial[0]
    for step in start:
        pair = prg().step(pair, step).pair
    assert (pair["node1.state"], pair["node1.process"]) == ("taking_back", "manager_down")
    with pytest.raises(ImpossibleEvent):
        prg().step(pair, f"{event}(node1)")
    weak = _possible(event, *NAMED[{
        "internal_error": "a dead manager errs",
        "start_failed": "a dead manager reports a start"}[event]][2])
    after = Machine(weak).step(pair, f"{event}(node1)").pair
    assert after["node1.state"] == "running_in_failed_mode"
    said = [g.says for g in gaps(weak) if g.event == f"{event}(node1)"]
    assert any("may not be (" in s for s in said)
    assert any("node1 decides nothing there" in s for s in said)
    without = [g.says for g in gaps(evolve(weak, adversary=()))]
    assert without == [s for s in (g.says for g in gaps(weak)) if "decides nothing" in s]


def test_a_gap_is_told_as_a_story_that_can_be_reached() -> None:
    weak = _possible(*NAMED["services never die while taking over"][:1],
                     *NAMED["services never die while taking over"][2])
    said = prove(Machine(weak), only=["F10"])
    assert said.exit_code == 1
    (result,) = said.results
    assert (result.verdict, result.method) == ("refuted", "table")
    shown = result.counterexample
    assert shown is not None
    assert shown.reachable
    assert shown.agrees
    assert "taking_over" in (shown.after["node1.state"], shown.after["node2.state"])
    assert "must be possible" in shown.story.replace("\n", " ")

    strong = prove(Machine(_possible("peer_host_lost", *NAMED["a host that runs is lost"][2])),
                   only=["F10"]).results[0].counterexample
    assert strong is not None
    assert strong.event.startswith("peer_host_lost(")
    assert strong.reachable
    assert strong.agrees


@pytest.mark.parametrize(("column", "kinds"), [
    ("duty", ({"waiting"}, {"starting", "acting"})),
    ("health", ({"healthy"}, {"stopped"}, {*SICK})),
])
def test_a_derived_column_that_moves_a_node_to_another_kind_is_found(column, kinds) -> None:
    """The entries name stored columns, so they do not follow where a table goes wrong."""
    kind = {value: n for n, some in enumerate(kinds) for value in some}
    model = MODELS[0]
    original = next(c for c in model.columns if c.name == f"node1.{column}")
    assert {*kind} == {*original.domain}
    for row, value in original.table:
        for other in original.domain:
            if kind[other] != kind[value]:
                table_ = tuple((k, other if k == row else v) for k, v in original.table)
                columns = tuple(
                    evolve(c, table=table_) if c is original else c for c in model.columns)
                assert gaps(evolve(model, columns=columns)), (row, other)


# ------------------------------------------------------------- machines of one's own


PUSH = Adversary("push", {}, why="people push")


@pytest.mark.parametrize(("adversary", "decides", "verdict", "says"), [
    ((), (), "not_applicable", "no adversary and no decides section"),
    ((PUSH,), (), "proved", ""),
    ((evolve(PUSH, must={"arm": "open"}),), (), "refuted",
     "push is possible where arm = locked, and may not be (people push)"),
    ((evolve(PUSH, must={"arm": "open"}, may={"arm": "locked"}),), (), "proved", ""),
    ((), (Decides("environment", {"arm": "open"}),), "refuted",
     "push is possible where arm = locked, and environment decides nothing there"),
    ((), (Decides("environment", {"arm": ("open", "locked")}),), "vacuous",
     "decides of environment: every pair is in it, so nothing is forbidden"),
    ((evolve(PUSH, must=(), may={}),), (), "vacuous",
     "push: it must be possible nowhere, and may be everywhere"),
    ((evolve(PUSH, must=(), may=({"arm": "open"}, {"arm": "locked"})),), (), "vacuous",
     "push: it must be possible nowhere, and may be everywhere"),
])
def test_the_sections_are_optional(adversary, decides, verdict, says) -> None:
    model = evolve(TURNSTILE, adversary=adversary, decides=decides)
    assert findings(model) == ()
    (result,) = prove(Machine(model), only=["F10"]).results
    assert result.verdict == verdict
    assert says in result.detail.get("says", "")


def test_where_nobody_says_what_must_be_possible_nothing_is_proved_of_it() -> None:
    """A lost heartbeat that comes less often: `decides` alone notices nothing of it."""
    model = MODELS[0]
    narrow = evolve(model, adversary=(), possible=tuple(
        evolve(p, when=p.when & Cube((Cell("ha", "on"), Cell("node2.process", "off"))))
        if p.event == "heartbeat_lost(node1)" else p for p in model.possible))
    assert narrow.possible != model.possible
    assert gaps(narrow) == ()
    found = prove(Machine(narrow), only=["F10"], symbolic=True)
    assert (found.results[0].verdict, found.exit_code) == ("vacuous", 4)
    assert found.results[0].detail["says"].startswith("no adversary section: nothing says where ")


def test_a_narrower_turnstile_is_found() -> None:
    model = evolve(TURNSTILE, adversary=(PUSH,), possible=(Possible("push", {"arm": "open"}),),
                   rules=TURNSTILE.rules[:2])
    (result,) = prove(Machine(model), only=["F10"]).results
    assert result.detail["says"] == (
        "push must be possible where arm = locked, and is not (people push)")


@pytest.mark.parametrize(("change", "finding"), [
    ({"adversary": (PUSH, PUSH)}, "adversary[1]: 'push' is already the name of adversary[0]"),
    ({"adversary": (PUSH, evolve(PUSH, event="pull"))},
     "adversary[1].event: unknown event 'pull'; did you mean push?"),
    ({"adversary": (PUSH, evolve(PUSH, event="coin"))},
     "adversary[1].event: coin is a command; commands are possible everywhere"),
    ({"adversary": (evolve(PUSH, must=()),)},
     "adversary[0]: neither must nor may, so it says nothing about push"),
    ({"adversary": (evolve(PUSH, must={"leg": "open"}),)},
     "adversary[0].must[0].leg: unknown column 'leg'; known: arm"),
    ({"adversary": (evolve(PUSH, may={"arm": "ajar"}),)},
     "adversary[0].may[0].arm: unknown value 'ajar'; known: locked, open"),
    ({"adversary": (evolve(PUSH, may=cube({"arm": ()})),)},
     "adversary[0].may[0].arm: no value, so it never holds; name at least one"),
    ({"adversary": (Adversary("coin", {}),)},
     "events[1]: nothing says where push must and may be possible; add an entry to adversary"),
    ({"decides": (Decides("node1", {"arm": "open"}),)},
     "decides[0].decider: unknown decider 'node1'; known: environment"),
    ({"decides": (Decides("administrator", {"arm": "open"}),)},
     "decides[0].decider: unknown decider 'administrator'; known: environment"),
    ({"decides": (Decides("environment", {}),)},
     "decides[0].when: no cell, so environment may decide everywhere"),
    ({"decides": (Decides("environment", {"arm": "open"}),) * 2},
     "decides[1]: 'environment' is already the name of decides[0]"),
    ({"decides": (Decides("environment", {"leg": "open"}),)},
     "decides[0].when.leg: unknown column 'leg'; known: arm"),
])
def test_mistakes_in_the_sections_are_findings(change, finding) -> None:
    assert finding in findings(evolve(TURNSTILE, **change))


# ------------------------------------------------------------- the reason for the peer (S23)


def _told(column: str, row: tuple[str, ...], value: str) -> Model:
    """The machine in which one row of a derived column has another value, in both seats."""
    model = MODELS[0]
    return evolve(model, columns=tuple(
        evolve(c, table=tuple((k, value if k == row else v) for k, v in c.table))
        if c.name.endswith(f".{column}") else c for c in model.columns
    ))


def _mistold(model: Model) -> list[str]:
    """The steps that S23 refuses, one sentence each."""
    relation = Relation(model)
    return [
        w.says for check in model.only_by if check.id == "S23"
        for w in table.only_by(relation, check)
    ]


def test_every_reason_is_told_as_it_is() -> None:
    assert _mistold(MODELS[0]) == []
    assert {(o.column, o.value) for o in MODELS[0].only_by if o.id == "S23"} == {
        (f"{node}.reason", reason) for node in NODES for reason in (*FAULTS, *RECOVERS)}


@pytest.mark.parametrize(("services", "database"), [
    ("down", "down"), ("down", "up"), ("up", "down"), ("stopped", "down"),
])
def test_the_peer_is_told_the_fault_that_counts(services: str, database: str) -> None:
    """With both down the database counts, in what is written into the peer's half as well."""
    other = "database_failure" if database == "up" else "critical_service_down"
    found = _mistold(_told("tells_peer", ("yes", services, database), other))
    assert found
    assert all(re.fullmatch(r"\w+@node[12] sets node[12].reason to \w+ outside what S23 allows", f)
               for f in found)


def test_a_fault_that_is_not_told_leaves_a_reason_that_no_failed_node_has() -> None:
    (result,) = prove(
        Machine(_told("tells_peer", ("yes", "down", "down"), "nothing")), only=["S14"]).results
    assert result.verdict == "refuted"


def _swapped(model: Model) -> Iterator[tuple[str, Model]]:
    """Every entry of a map that names a fault as the reason, with the other fault."""
    other = dict([FAULTS, FAULTS[::-1], RECOVERS, RECOVERS[::-1]])
    for n, rule in enumerate(model.rules):
        for effect in rule.then:
            if not (effect.target.endswith(".reason") and isinstance(effect.value, By)):
                continue
            if not rule.id.endswith("@node1"):
                continue
            for at, (key, reason) in enumerate(effect.value.table):
                if reason not in other:
                    continue
                entries = [*effect.value.table]
                entries[at] = (key, other[Reason(reason)])
                new = Effect(effect.target, By(effect.value.column, tuple(entries)))
                then = tuple(new if e is effect else e for e in rule.then)
                rules = (*model.rules[:n], evolve(rule, then=then), *model.rules[n + 1:])
                yield f"{rule.id}: {effect.target} if {key}", evolve(model, rules=rules)


SWAPPED = dict(_swapped(MODELS[0]))

@pytest.mark.parametrize("name", SWAPPED)
def test_a_reason_that_names_the_wrong_fault_is_found(name: str) -> None:
    assert _mistold(SWAPPED[name])


# ------------------------------------------------------------- two machines


def _compared(old: Model, new: Model) -> Difference:
    return compare(Machine(old), Machine(new), only=["F10"])


LAMPS = sound(next(f for f in PLANTED if f.name == "weaker adversary"))
WEAKER = next(f.model for f in PLANTED if f.name == "weaker adversary")


def test_a_weaker_adversary_is_a_difference_also_where_the_section_goes() -> None:
    """A narrower `possible` cannot be hidden by deleting what it is compared with."""
    for silent in (
        evolve(WEAKER, adversary=()),
        evolve(WEAKER, adversary=tuple(
            evolve(a, must=tuple(p.when for p in WEAKER.possible if p.event == a.event))
            for a in WEAKER.adversary)),
    ):
        found = _compared(LAMPS, silent)
        (lost,) = found.dropped
        assert (lost.id, lost.worse, lost.otherwise) == ("F10", True, bool(silent.adversary))
        assert lost.says.startswith("burn_out(node1) must be possible where ")
        assert lost.broken is not None
        assert lost.broken.reachable
        assert lost.broken.agrees
        assert found.exit_code == 1


def test_an_adversary_that_is_as_strong_or_stronger_is_no_loss() -> None:
    found = _compared(LAMPS, evolve(LAMPS, adversary=()))
    assert [(d.id, d.worse, d.holds) for d in found.dropped] == [("F10", False, True)]
    strong = next(f.model for f in PLANTED if f.name == "stronger adversary")
    wider = evolve(strong, adversary=tuple(
        evolve(a, must=cube({})) if a.event.startswith("replace") else a
        for a in strong.adversary))
    assert all(not d.worse for d in _compared(LAMPS, wider).dropped)
    assert _compared(LAMPS, evolve(LAMPS, goal=())).dropped == ()


def test_a_dead_node_that_begins_to_decide_is_a_difference() -> None:
    decides = (Decides("node1", {"node1.state": ("warming", "lit")}),)
    possible = tuple(
        evolve(p, when=Cube(tuple(
            Cell(c.column, "lit") if p.event == "rest(node1)" else c for c in p.when)))
        for p in LAMPS.possible)
    strict = evolve(LAMPS, adversary=(), decides=decides, possible=possible)
    (lost,) = _compared(strict, evolve(LAMPS, adversary=())).dropped
    assert (lost.worse, "decides nothing there" in lost.says) == (True, True)


# ------------------------------------------------------------- both seats (F3)


def _in_one_seat(model: Model) -> Iterator[tuple[str, Model]]:
    """The machine with the strength of the adversary, or S23, changed in one seat only."""
    first, *rest = model.adversary
    wider = cube({"node1.process": "off"})
    yield "must", evolve(model, adversary=(evolve(first, must=(wider,)), *rest))
    yield "may", evolve(model, adversary=(evolve(first, may=(wider,)), *rest))
    yield "entry", evolve(model, adversary=tuple(rest))
    node, other = model.decides
    yield "decides", evolve(model, decides=(evolve(node, when={"ha": "on"}), other))
    yield "decider", evolve(model, decides=(node,))
    told = next(o for o in model.only_by if o.id == "S23")
    less = evolve(told, when=told.when[1:])
    yield "condition", evolve(model, only_by=tuple(
        less if o is told else o for o in model.only_by))


ONE_SEAT = dict(_in_one_seat(MODELS[0]))


@pytest.mark.parametrize("name", ONE_SEAT)
def test_the_adversary_is_the_same_from_both_seats(name: str) -> None:
    wrong = unmirrored(ONE_SEAT[name])
    assert wrong
    assert all(re.search("its mirror .*differs|no adversary is its mirror", w) for w in wrong)
    assert unmirrored(MODELS[0]) == ()
