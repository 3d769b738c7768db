"""The atlas says exactly what the search finds, and everything that is asked of it is exact."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.engine import Engine, Pair
from prgcore.explain.display import denoted, parse_shown
from prgcore.explain.pairs import Charted, Listed
from prgcore.explain.plan import plan
from prgcore.form.atlas import HOME, read
from prgcore.machine import PRG, PresenceRedundancyGroup, prg
from prgcore.model import Cell, Cube
from prgcore.prove.chart import Chart, order
from prgcore.prove.space import Space
from prgcore.prove.work import HOMEWARD, Work
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind
from tests.toys import LAMPS

ATLAS = PRG.atlas
CHOICES = [
    dict(zip((p.name for p in POLICIES), chosen, strict=True))
    for chosen in product(*(p.choices for p in POLICIES))
]


@pytest.fixture(scope="module")
def work() -> Work:
    return Work(PRG)


@pytest.fixture(scope="module")
def space(work: Work) -> Space:
    return work.space


def everything(engine: PresenceRedundancyGroup = PRG) -> Charted:
    return Charted(engine, engine.atlas.everything)


@pytest.mark.parametrize("policy", CHOICES, ids=lambda p: " ".join(p.values()))
def test_it_holds_as_many_pairs_as_are_pinned(policy: dict[str, str]) -> None:
    said = " ".join(f"{k}={v}" for k, v in policy.items())
    golden = (Path(__file__).parent / "golden/space.txt").read_text(encoding="utf-8")
    pinned = re.search(rf"{said}\n +(\d+)  reachable pairs", golden)
    assert pinned
    assert len(everything(prg(**policy))) == int(pinned[1])


def test_it_knows_every_reachable_pair_and_how_far_it_is_from_home(
    work: Work, space: Space
) -> None:
    """One step of the atlas comes one step nearer, from a sample that covers every distance."""
    far = work.distances(*HOMEWARD)
    rng = np.random.default_rng(0)
    numbers = [
        int(n) for distance in range(int(far.max()) + 1)
        for n in rng.permutation(np.flatnonzero(far == distance))[:150]
    ]
    seen = set()
    for number in numbers:
        pair = PRG.pair(space.pair(number))
        event = ATLAS.next(pair)
        assert event is not None
        if far[number] == 0:
            assert event == HOME
            continue
        seen.add(event)
        after = space.find(dict(PRG.step(pair, event).pair))
        assert after is not None
        assert far[after] == far[number] - 1
    assert len(seen) > 20


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_its_ways_are_as_short_as_those_of_the_search(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(PRG.stored), min_size=3, max_size=3, unique=True))
    pair = data.draw(st.sampled_from(everything().distinct(columns)))
    read_off, found = plan(PRG, pair), plan(PRG, pair, PRG.model.goal)
    commands = [
        sum(PRG.kind(e) is Kind.COMMAND for e in way.events) for way in (read_off, found)
    ]
    assert len(read_off.steps) == len(found.steps)
    assert commands[0] == commands[1]


def test_a_pair_that_cannot_be_reached_is_not_on_it(space: Space) -> None:
    """A walk over pairs within the invariants: on the atlas exactly if the search found them."""
    start = PRG.initial[0]
    unreachable = 0
    for name in PRG.stored:
        for value in next(c for c in PRG.model.columns if c.name == name).domain:
            pair = PRG.pair({**start, name: value})
            assert (pair in ATLAS) == (space.find(dict(pair)) is not None)
            unreachable += pair not in ATLAS
    assert unreachable > 50


CELLS = st.lists(
    st.sampled_from([
        c for c in PRG.model.columns
        if not c.derived or c.name in ("node1.health", "node2.peer_health", "node1.assignment")
    ]),
    max_size=3, unique=True,
).flatmap(lambda columns: st.tuples(*(
    st.lists(st.sampled_from(c.domain), min_size=1, unique=True).map(
        lambda values, name=c.name: Cell(name, tuple(values)))
    for c in columns
)))


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_sets_of_pairs_are_what_the_search_finds(space: Space, data: st.DataObject) -> None:
    """Cubes over stored and derived columns: as many pairs, the same combinations, the least."""
    cubes = data.draw(st.lists(CELLS.map(Cube), min_size=1, max_size=2))
    region = everything().within(*cubes)
    numbers = _once(np.concatenate([space.where(c) for c in cubes]))
    assert len(region) == len(numbers)
    assert (len(region.within(cubes[0])), len(everything().within(cubes[0]))) == (
        (len(space.where(cubes[0])),) * 2
    )
    names = data.draw(st.lists(st.sampled_from(PRG.stored), min_size=1, max_size=2, unique=True))
    shown = {tuple(p[n] for n in names) for p in region.distinct(names)}
    codes = sum(space.column(n)[numbers].astype(np.int64) * 100**i for i, n in enumerate(names))
    assert len(shown) == len(region.distinct(names)) == len(_once(codes))
    assert all(any(PRG.holds(c, p) for c in cubes) for p in region.distinct(names))
    present = region.values()
    for name in names:
        assert {str(v) for v in present[name]} == {
            str(_domain(name)[i]) for i in _once(space.column(name)[numbers])}
    cells = {name: _domain(name)[:2] for name in names}
    missed = sum((space.column(n)[numbers] > 1).astype(int) << i for i, n in enumerate(names))
    assert region.outside(cells) == {
        frozenset(n for i, n in enumerate(names) if mask >> i & 1)
        for mask in _once(missed).tolist()
    }
    if len(numbers):
        weights = data.draw(st.lists(st.integers(0, 9), min_size=17, max_size=17))
        weigh = {n: dict(zip(_domain(n), weights, strict=False)) for n in names}
        price = sum(
            np.array([weigh[n][v] for v in _domain(n)])[space.column(n)[numbers]] for n in names
        )
        (cheapest,) = region.cheapest(weigh, [Cube()])
        assert sum(weigh[n][cheapest[n]] for n in names) == price.min()


def _once(numbers: Any) -> Any:
    """Each number once, in order, by sorting: many times as fast as numpy's hashing of a million."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=numbers[:1] - 1) != 0]


def _domain(name: str) -> tuple[str, ...]:
    return next(c.domain for c in PRG.model.columns if c.name == name)


@pytest.mark.parametrize("shown", [
    ("Failed Over / Initialization", "Running in Backup Mode / Critical Service Down"),
    ("Running in Failed Mode", "Running in Failed Mode / Unknown"),
    ("", "Running in Backup Mode / Peer Down"),
])
def test_a_display_denotes_the_reachable_pairs_that_an_engine_without_atlas_lists(
    shown: tuple[str, str], space: Space
) -> None:
    display = (parse_shown(shown[0]), parse_shown(shown[1]))
    on_atlas = denoted(PRG, display)
    bare = Engine(PRG.model)
    assert bare.atlas is None
    listed = denoted(bare, display, reachable=lambda pair: space.find(dict(pair)) is not None)
    assert isinstance(on_atlas, Charted)
    assert isinstance(listed, Listed)
    assert len(on_atlas) == len(listed) > 10
    as_values = {p.values_ for p in on_atlas.distinct(PRG.stored)}
    assert as_values == {p.values_ for p in listed.pairs}
    costs = {"link": {"cut": 3}, "node1.hears_peer": {"yes": 1}}

    def price(pair: Pair) -> int:
        return sum(some.get(pair[name], 0) for name, some in costs.items())

    assert on_atlas.values() == listed.values()
    cells = {"node1.hears_peer": ("yes",), "link": ("up",), "node2.services": ("up", "down")}
    assert on_atlas.outside(cells) == listed.outside(cells)
    asked = [Cube(), Cube((Cell("link", "cut"),)), Cube((Cell("node1.health", "healthy"),))]
    assert list(map(price, on_atlas.cheapest(costs, asked))) \
        == list(map(price, listed.cheapest(costs, asked)))
    assert on_atlas.cheapest(costs, [Cube((Cell("ha", "off"),))]) == []


def test_another_machine_can_be_charted() -> None:
    """The chart knows no column of the presence redundancy group."""
    model = evolve(LAMPS, goal=(Cube((Cell("switch", "off"),)),))
    work = Work(Engine(model))
    chart = Chart(order([c.name for c in model.columns if not c.derived]))
    first, root = chart.add(work)
    atlas = read(model.columns, chart.pairs.ways[1:], first, dict(chart.text()), root,
                 " ".join(e.name for e in model.events))
    far = work.distances(*HOMEWARD)
    assert len(atlas.everything) == len(work.space) > 10
    assert far.max() > 0
    for number in range(len(work.space)):
        pair, steps = work.engine.pair(work.space.pair(number)), 0
        while event := atlas.next(pair):
            pair, steps = work.engine.step(pair, event).pair, steps + 1
        assert steps == far[number]


def test_what_is_cut_out_of_the_atlas_is_not_kept_in_it() -> None:
    """A process that answers for years holds the nodes that were shipped, and no more."""
    nodes = ATLAS.everything.nodes
    before = len(nodes.ways)
    for shown in ("Normal", "Idle", ""):
        pairs = denoted(PRG, (parse_shown(shown), None))
        assert 0 < len(pairs.within(Cube((Cell("node2.health", "healthy"),)))) < len(pairs)
        assert len(pairs.region.nodes.ways) > before
    assert len(nodes.ways) == len(nodes.counts) == before


def test_a_changed_machine_has_no_atlas() -> None:
    """Its ways home would not be those that are shipped."""
    fewer = tuple(r for r in PRG.model.rules if not r.id.startswith("M"))
    changed = type(PRG)(evolve(PRG.model, rules=fewer))
    assert changed.atlas is None
    failed = changed.pair(dict(PRG.step(PRG.initial[0], "enable_ha").pair))
    assert changed.plan(failed).steps
