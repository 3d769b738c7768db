"""The record: JSON and back, nothing else for a record, and claims that change hands one by one."""

# ruff: noqa: PT017, most of what is hostile is refused, and the rest has to be right

from __future__ import annotations

import json
import math
import random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from prgcore.engine import Engine
from prgcore.errors import BadInput, Unreadable
from prgcore.machine import PRG
from prgcore.running.node import layout, own
from prgcore.seats import NODES, seat
from prgcore.stores.record import (
    Claim,
    Entry,
    Order,
    Record,
    acknowledged,
    begin,
    decided,
    fits,
    let_go,
    record_of,
    served,
    taken,
)
from prgcore.vocabulary import Outcome
from tests.toys import LAMPS

HABITS = PRG.habits
START = {c: v for c, v in PRG.initial[0].items() if c != "link"}
"""What agents keep; only the world knows the link."""
DRAWERS = {node: own(PRG, node) for node in NODES}
LATER = ("id", "mark", "proposed", "signed")
"""What records of older releases do not have."""
HOSTILE = (None, True, 0, -1, 1.5, math.inf, 2**70, "", "x", b"x", [], ["x"], [1], [[]], {}, {"x": 1},
           {1: "x"}, {"x": None}, [{}], [{"epoch": 1}], [{"node": []}], {"node1": {"token": "x"}},
           {"node1": []}, {"node1": {"node": None}}, "9" * 5000, "x" * 10**6)


def walked(seed, length=80, *, agents=True):
    """Records of a walk, each with the entry that made it."""
    dice, pair = random.Random(seed), PRG.initial[0]
    record = begin(START, DRAWERS, HABITS) if agents else begin(pair)
    for number in range(length):
        names = [e.name for e in PRG.model.events if PRG.possible(pair, e.name)]
        done = [n for n in names if PRG.step(pair, n).outcome is Outcome.DONE]
        event = "enable_ha" if not number else dice.choice(done or names)
        decision = PRG.step(pair, event)
        known = {c: v for c, v in pair.items() if c in START or not agents}
        before, pair = record, decision.pair
        record, entry = decided(before, known, decision, by="node1", time=1.0, id=f"{number}")
        yield before, record, entry


@pytest.mark.parametrize("agents", [True, False])
def test_a_record_and_an_entry_are_json_and_come_back(agents):
    for before, record, entry in walked(1, agents=agents):
        assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
        assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
        assert record.epoch == before.epoch + (entry.outcome == "done")
        assert (record.mark != before.mark) == (entry.outcome == "done")
        assert [(o.number, o.node, o.do) for o in record.orders
                if o.epoch == record.epoch and entry.outcome == "done"] == [
            (i, a.node or "node1", a.do) for i, a in enumerate(entry.actions)]


def test_the_columns_are_in_one_place_each():
    record = begin(START, DRAWERS, HABITS)
    places = [set(record.columns), *map(set, record.own.values())]
    assert sum(map(len, places)) == len(set().union(*places)) == len(PRG.stored) - 1
    assert set(record.own["node2"]) == {f"node2.{c}" for c in (
        "services", "database", "process", "hears_peer")}
    assert begin(dict(LAMPS.initial[0])).claims == {}


def test_a_record_begins_with_its_id_and_with_tokens_above_earlier_ones():
    record = begin(START, DRAWERS, HABITS, id="word", token=7)
    assert (record.id, record.mark) == ("word", "word")
    assert [claim.token for claim in record.claims.values()] == [7, 7]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: repr(v)[:30])
def test_what_is_no_record_is_bad_input(value):
    with pytest.raises(BadInput, match="is not a record"):
        Record.from_json(value)
    good = begin(START, DRAWERS, HABITS).to_json()
    for key in good:
        spoilt = {**good, key: value}
        try:
            record = Record.from_json(spoilt)
        except BadInput as error:
            assert len(str(error)) < 400
            assert "\n" not in str(error)
        else:
            assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
        without = {k: v for k, v in good.items() if k != key}
        if key in LATER:
            assert Record.from_json(without) == begin(START, DRAWERS, HABITS)
            continue
        with pytest.raises(BadInput):
            Record.from_json(without)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: repr(v)[:30])
def test_what_is_no_entry_is_bad_input(value):
    good = next(iter(walked(1)))[2].to_json()
    with pytest.raises(BadInput):
        Entry.from_json(value)
    for key in good:
        try:
            entry = Entry.from_json({**good, key: value})
        except BadInput as error:
            assert len(str(error)) < 400
        else:
            assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_what_an_entry_has_beside_its_keys_is_left_out():
    good = next(iter(walked(1)))[2]
    assert Entry.from_json(good.to_json() | {"id": "x", "host": [1]}) == good


# ------------------------------------------------------------------------ decisions


@pytest.mark.parametrize("seed", range(6))
def test_of_a_decision_only_what_is_done_changes_anything(seed):
    for before, record, entry in walked(seed):
        if entry.outcome != "done":
            assert record is before
            continue
        whole = {**record.columns, **{c: v for d in record.own.values() for c, v in d.items()}}
        assert whole == entry.after
        for node in NODES:
            changed = record.own[node] != before.own[node]
            assert record.changes[node] == before.changes[node] + changed
        for home, claim in record.claims.items():
            old = before.claims[home]
            assert (claim.node, claim.token) == (old.node, old.token), "a decision moves no claim"
            is_free = claim.node not in ("", HABITS.assigned(record.columns, home))
            assert bool(claim.freed) == is_free
            assert claim.freed in (0, old.freed, record.epoch)


@pytest.mark.parametrize("seed", range(6))
def test_a_claim_changes_hands_only_when_nobody_serves_by_it(seed):
    """Who has it says so, or the wait is over; its token counts the hands."""
    dice, claims = random.Random(seed), None
    for _, walked_to, _ in walked(seed, 120):
        record = evolve(walked_to, claims=claims or walked_to.claims)
        record = evolve(record, claims={  # as the decision would have left these
            home: evolve(c, freed=0 if c.node in ("", HABITS.assigned(record.columns, home)) else
                         c.freed or record.epoch) for home, c in record.claims.items()})
        node, waits = dice.choice(NODES), dice.random() < 0.5
        asked = []

        def waited(home, claim, asked=asked, waits=waits):
            asked.append((home, claim))
            return waits

        for change in (lambda r: let_go(r, node, HABITS), lambda r: taken(r, node, HABITS, waited)):  # noqa: B023
            after = change(record)
            assert evolve(after, claims=record.claims) == record, "it changes claims only"
            for home, claim in after.claims.items():
                old, to = record.claims[home], HABITS.assigned(record.columns, home)
                if claim == old:
                    continue
                assert claim.token == old.token + 1
                assert claim.freed == 0
                assert claim.node in ("", node)
                assert old.node != to, "nobody loses what is assigned to it"
                if old.node == node:
                    assert claim.node == ""
                elif old.node:
                    assert (home, old) in asked
                    assert waits
                    assert claim.node == to
                else:
                    assert claim.node == to == node
            assert all(c.node == seat("peer", node) and c.freed for _, c in asked)
            record = after
        assert change(record) == record, "once is enough"
        for one in NODES:
            assert served(record, one, HABITS) == {
                home: c.token for home, c in record.claims.items()
                if c.node == one == HABITS.assigned(record.columns, home)}
        claims = record.claims


def test_nobody_serves_what_another_one_may_be_serving():
    record = begin(START, DRAWERS, HABITS)
    assert served(record, "node1", HABITS) == {"node1": 0}
    columns = {**record.columns, "node1.assigned_own": "no", "node2.assigned_peer": "yes"}
    moved = evolve(record, columns=columns, claims={
        **record.claims, "node1": evolve(record.claims["node1"], freed=7)})
    assert served(moved, "node1", HABITS) == {}
    assert served(moved, "node2", HABITS) == {"node2": 0}
    assert taken(moved, "node2", HABITS, lambda _home, _claim: False) == moved
    given_up = let_go(moved, "node1", HABITS)
    assert given_up.claims["node1"] == Claim("", 1)
    assert taken(given_up, "node2", HABITS, lambda _h, _c: False).claims["node1"] == Claim("node2", 2)
    assert taken(moved, "node2", HABITS, lambda _h, c: c.freed == 7).claims["node1"] == Claim("node2", 1)


def test_what_is_assigned_to_nobody_becomes_nobodys():
    record = begin({**START, "node1.assigned_own": "no"}, DRAWERS, HABITS)
    assert record.claims["node1"] == Claim("")
    held = evolve(record, claims={**record.claims, "node1": Claim("node1", 4, 2)})
    assert taken(held, "node1", HABITS, lambda _h, _c: True) == held, "its own it lets go"
    assert taken(held, "node2", HABITS, lambda _h, _c: True).claims["node1"] == Claim("", 5)
    assert let_go(held, "node1", HABITS).claims["node1"] == Claim("", 5)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), unique=True, max_size=12), st.data())
def test_an_acknowledged_order_is_gone_and_no_other(numbers, data):
    orders = tuple(Order(e, n, data.draw(st.sampled_from(NODES)), "x") for e, n in sorted(numbers))
    out = data.draw(st.lists(st.sampled_from(orders)) if orders else st.just([]))
    record = evolve(begin(START, habits=HABITS), orders=orders)
    after = acknowledged(record, out)
    assert after.orders == tuple(o for o in orders if o not in out)
    assert acknowledged(after, out) == after
    assert evolve(after, orders=orders) == record
    for node in NODES:
        assert after.orders_of(node) == tuple(o for o in after.orders if o.node == node)


# ------------------------------------------------------------- what a store may hold

AGENTS, CONTROLLER = layout(PRG, agents=True), layout(PRG, agents=False)


@pytest.mark.parametrize("agents", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_every_record_of_a_walk_fits_its_machine(seed, agents):
    mine, other = (AGENTS, CONTROLLER) if agents else (CONTROLLER, AGENTS)
    for _, record, _ in walked(seed, agents=agents):
        assert record_of(json.loads(json.dumps(record.to_json())), mine) == record
        assert "drawer" in fits(record, other)
    lamps = begin(dict(LAMPS.initial[0]), habits=Engine(LAMPS).habits)
    assert fits(lamps, layout(Engine(LAMPS), agents=False)) == ""


def spoilt():
    """A record of agents with each column missing, misnamed or of a foreign value, and more."""
    good = begin(START, DRAWERS, HABITS).to_json()
    for place in ("columns", *NODES):
        columns = good["columns"] if place == "columns" else good["own"][place]
        for column in columns:
            for changed in ({}, {column: "never"}, {f"{column}s": "x"}):
                rest = {c: v for c, v in columns.items() if c != column} | changed
                yield (good | {"columns": rest} if place == "columns"
                       else good | {"own": good["own"] | {place: rest}})
    for node in NODES:
        fewer = {what: {n: v for n, v in good[what].items() if n != node}
                 for what in ("own", "changes")}
        yield good | fewer
        yield good | {what: {**v, "node3": min(v.values(), key=str)} for what, v in fewer.items()}
        yield good | {"claims": {n: c for n, c in good["claims"].items() if n != node}}
        yield good | {"claims": good["claims"] | {node: {"node": "x", "token": 1, "freed": 0}}}
    yield good | {"columns": good["columns"] | {"extra": "x"}}
    yield good | {"claims": {}}


def test_a_record_that_does_not_fit_is_known_when_it_is_read():
    """One column short ended both agents with KeyError, at every restart."""
    count = 0
    for value in spoilt():
        Record.from_json(value)  # it is a record, of some machine
        with pytest.raises(Unreadable, match=r"does not fit this machine: .*; stop its") as error:
            record_of(value, AGENTS)
        assert len(str(error.value)) < 500
        assert str(error.value).isprintable()
        count += 1
    assert count > 60
    with pytest.raises(Unreadable, match="the record of a controller; name another store"):
        record_of(value | {"own": {}, "changes": {}}, AGENTS)
    for value in HOSTILE:
        with pytest.raises(Unreadable):
            record_of(value, AGENTS)


@pytest.mark.parametrize("wall", [-1.0, -1e18, 253_402_300_800.0, 1e18, math.inf, -math.inf, math.nan])
def test_an_entry_is_read_again_whatever_the_clock_says(wall):
    """A computer without a battery starts in any year; its entries were not entries."""
    pair = PRG.initial[0]
    _, entry = decided(begin(pair), dict(pair), PRG.step(pair, "enable_ha"), by="controller", time=wall)
    assert Entry.from_json(json.loads(json.dumps(entry.to_json(), allow_nan=False))) == entry
