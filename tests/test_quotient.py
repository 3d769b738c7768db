"""Quotients of the reachable pairs: every class and every edge against the pairs themselves."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from attrs import evolve

from prgcore.adapters import graphviz
from prgcore.diagram import FORMATS, Graph, graph, render
from prgcore.diagram.graph import fits, only
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.explain.display import row_of
from prgcore.machine import prg
from prgcore.prove.quotient import classify, pairs
from prgcore.prove.seen import moves
from prgcore.prove.space import search
from prgcore.seats import NODES, mirror_name
from prgcore.vocabulary import Kind, Outcome
from tests.planted import reachable
from tests.toys import LAMPS, TURNSTILE

ROOT = Path(__file__).parent.parent
BY = ("role", "situation", "node1.state,node2.state", "ha,link", "node1.state")


@pytest.fixture(scope="module")
def space():
    return reachable()


@pytest.fixture(scope="module")
def sample(space):
    """Some reachable pairs: random ones, and the first of every display and of every class."""
    chance = random.Random(4)
    numbers = chance.sample(range(len(space)), 1500)
    seen = np.unique(
        np.stack([space.column(f"{n}.{w}") for n in ("node1", "node2") for w in ("state", "reason")]),
        axis=1, return_index=True)[1]
    rows = np.unique(classify(prg(), space, "situation").of, return_index=True)[1]
    return sorted({*numbers, *map(int, seen), *map(int, rows)})


@pytest.mark.parametrize("by", BY)
def test_every_pair_is_in_one_class_and_the_counts_add_up(space, by) -> None:
    classes = classify(prg(), space, by)
    assert len(classes.of) == len(space)
    counted = [int(n.lines[-1].split()[0].replace(",", "")) for n in classes.nodes]
    assert counted == np.bincount(classes.of, minlength=len(classes.nodes)).tolist()
    assert sum(counted) == len(space)
    assert len({n.id for n in classes.nodes}) == len(classes.nodes)


@pytest.mark.parametrize("by", [by for by in BY if by != "node1.state"])
def test_folded_classes_do_not_tell_seats_apart(space, by) -> None:
    classes = classify(prg(), space, by)
    assert classes.folded
    assert (classes.of == classes.of[space.folded()]).all()


@pytest.mark.parametrize("by", BY)
def test_every_step_between_classes_is_an_edge_and_no_other(space, by) -> None:
    drawn = pairs(prg(), space, by)
    classes = classify(prg(), space, by)
    ids = np.array([n.id for n in classes.nodes], object)
    edges = {
        (e.source, e.target, w.event, w.rule) for e in drawn.spread.edges for w in e.labels
    }
    met = set()
    for step in space.edges:
        if step.rule.outcome is not Outcome.DONE:
            continue
        event = step.rule.event
        event = event.partition("(")[0] if classes.folded else event
        ends = np.unique(classes.of[step.source].astype(np.int64) * 1000 + classes.of[step.target])
        met |= {
            (ids[e // 1000], ids[e % 1000], event, step.rule.id.partition("@")[0])
            for e in ends.tolist() if e // 1000 != e % 1000
        }
    assert edges == met
    assert all(e.source != e.target for e in drawn.edges)


def test_rows_are_those_that_an_operator_is_told(space, sample) -> None:
    engine, classes = prg(), classify(prg(), space, "situation")
    families = {f.id for f in engine.model.families}
    rows, others = set(), set()
    for number in sample:
        label = classes.nodes[classes.of[number]].label
        row = row_of(engine, engine.pair(space.pair(number)))
        assert (label == f"row {row}") if row else not label.startswith("row"), (number, row, label)
        (rows if row else others).add(label)
    assert len(rows) == len(engine.model.situations)
    assert others <= {*families, "in transition"}
    assert "not documented" not in {n.label for n in classes.nodes}


def test_holes_are_those_that_an_operator_is_told(space, sample) -> None:
    engine, classes = prg(), classify(prg(), space, "situation")
    says = {f.id: f.says for f in engine.model.families}
    told = 0
    for number in sample:
        label = classes.nodes[classes.of[number]].label
        if label in says and told < 150:
            told += 1
            assert engine.explain(space.pair(number)).cause == says[label]
    assert told == 150


def test_roles_are_few_and_a_pair_is_drawn_as_its_worse_half(space) -> None:
    drawn = pairs(prg(), space, "role")
    assert fits(drawn)
    assert len(drawn.nodes) <= 20
    roles = {n.label: n.role for n in drawn.nodes}
    assert roles["serving | serving"] == "serving"
    assert roles["serving | failed over"] == "failed_over"
    assert roles["serving | failed"] == "failed"
    assert roles["serving | silent"] == "silent"
    assert [n.label for n in drawn.nodes if n.id in drawn.initial] == ["unknown | unknown"]
    assert "failover M100" in {str(w) for e in drawn.edges for w in e.labels}


def test_what_is_not_folded_keeps_its_seats(space) -> None:
    drawn = pairs(prg(), space, "node1.state").spread
    assert {n.label for n in drawn.nodes} == {
        v.replace("_", " ").title().replace(" In ", " in ").replace("With", "with")
        for v in prg().model.columns[0].domain}
    events = {w.event for e in drawn.edges for w in e.labels}
    assert {"failover(node1)", "failover(node2)"} <= events
    unfolded = Engine(evolve(prg().model, mirror=()))
    rows = [n.id for n in classify(unfolded, space, "situation").nodes]
    assert {"row_s_2", "mirrored_s_2"} <= set(rows)
    assert "mirrored_s_1" not in rows


def test_commands_between_situations_fit_a_picture(space) -> None:
    drawn = pairs(prg(), space, "situation")
    assert not fits(drawn)
    commands = [e.name for e in prg().model.events if e.kind is Kind.COMMAND]
    some = only(drawn, "command", commands)
    assert fits(some)
    ends = {n.id: n.label for n in some.nodes}
    failover = {(ends[e.source], ends[e.target]) for e in some.edges
                for w in e.labels if w.event == "failover"}
    assert ("row 1", "row 2") in failover


def test_a_machine_of_ones_own() -> None:
    lamps = search(LAMPS)
    drawn = pairs(Engine(LAMPS), lamps, "switch,light")
    assert [n.label for n in drawn.nodes] == ["switch = on, light = one", "switch = off, light = dark"]
    assert drawn.reference == ""
    turnstile = pairs(Engine(TURNSTILE), search(TURNSTILE), "arm")
    assert [(n.label, n.lines) for n in turnstile.nodes] == [
        ("Locked", ("1 pair",)), ("Open", ("1 pair",))]
    assert [(e.source, e.target, str(e.labels[0])) for e in turnstile.edges] == [
        ("c0", "c1", "coin T1"), ("c1", "c0", "push T2")]


@pytest.mark.parametrize(("model", "by", "said"), [
    (TURNSTILE, "role", "the nodes of 'turnstile' have no states, so they play no roles"),
    (TURNSTILE, "situation", "the machine 'turnstile' has no situations"),
    (LAMPS, "situation", "the machine 'lamps' has no situations"),
    (TURNSTILE, "leg", "unknown column 'leg'; known: arm"),
    (TURNSTILE, "", "unknown column ''"),
    (TURNSTILE, "arm,,arm", "unknown column ''"),
])
def test_what_cannot_be_classed_is_said(model, by, said) -> None:
    with pytest.raises(BadInput, match=said):
        pairs(Engine(model), search(model), by)


def test_too_many_columns_are_refused_before_they_are_counted(space) -> None:
    names = ",".join(c.name for c in prg().model.columns if not c.derived)
    with pytest.raises(BadInput, match="take fewer columns"):
        pairs(prg(), space, names)


def test_the_mirror_image_of_a_column_is_folded_only_with_it(space) -> None:
    assert mirror_name("node1.state") == "node2.state"
    assert not classify(prg(), space, "node1.state,ha").folded
    assert classify(prg(), space, "node2.state,node1.state,ha").folded


def test_the_same_bytes_for_every_hash_seed() -> None:
    code = (
        "from prgcore.diagram import *; from prgcore.prove.quotient import pairs\n"
        "from prgcore.prove.space import search; from prgcore.engine import Engine\n"
        "from tests.toys import LAMPS; import sys\n"
        "s = search(LAMPS); g = [pairs(Engine(LAMPS), s, b) for b in ('switch,light', 'mains')]\n"
        "sys.stdout.write(''.join(render(d, f) for d in g for f in sorted(FORMATS[Graph])))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout for seed in ("0", "7")
    }
    assert len(texts) == 1


def test_a_node_that_does_not_run_is_silent(space, sample) -> None:
    engine, classes = prg(), classify(prg(), space, "role")
    for number in sample:
        pair = engine.pair(space.pair(number))
        blank = sum(pair[f"{n}.process"] != "running" for n in NODES)
        assert classes.nodes[classes.of[number]].label.count("silent") == blank, pair


# ------------------------------------------------- what a search saw of a column


def test_the_exact_node_is_what_the_search_does_step_by_step(space) -> None:
    model = prg().model
    domain = model.domains["node1.state"]
    state = space.column("node1.state").tolist()
    met = {
        (f"s_{domain[a]}", f"s_{domain[b]}", step.rule.event, step.rule.id.partition("@")[0])
        for step in space.edges
        for a, b in {(state[s], state[t])
                     for s, t in zip(step.source.tolist(), step.target.tolist(), strict=True)}
        if a != b
    }
    drawn, guards = (
        {(e.source, e.target, w.event, w.rule) for e in g.spread.edges for w in e.labels}
        for g in (graph(model, moves=moves(space, "node1.state")), graph(model))
    )
    assert drawn == met
    assert drawn < guards
    assert ("s_normal", "s_initializing", "enable_ha", "A100") in guards - drawn


@pytest.mark.parametrize("column", ["node1.lamp", "spare", "switch", "mains"])
def test_the_exact_column_of_a_machine_of_ones_own(column) -> None:
    engine, found = Engine(LAMPS), search(LAMPS)
    drawn = graph(LAMPS, column, moves=moves(found, column)).spread
    met = set()
    for number in range(len(found)):
        pair = engine.pair(found.pair(number))
        for event in LAMPS.events:
            if engine.possible(pair, event.name):
                after = engine.step(pair, event.name).pair
                if pair[column] != after[column]:
                    met.add((f"s_{pair[column]}", f"s_{after[column]}", event.name))
    assert {(e.source, e.target, w.event) for e in drawn.edges for w in e.labels} == met
    assert drawn.title == f"lamps: {column}"


def test_hostile_rows_and_holes_in_every_format(space) -> None:
    model, words = prg().model, ('a"];<b>', "a b", "A B", "2_mirrored", "x -> y", "\N{SNOWMAN}\n")
    names = dict(zip(dict.fromkeys(s.row for s in model.situations), words, strict=False))
    families = tuple(
        evolve(f, id=("f1", "F1", 'f"<1>')[i] if i < 3 else f.id)
        for i, f in enumerate(model.families))
    situations = tuple(evolve(s, row=names.get(s.row, s.row)) for s in model.situations)
    engine = Engine(evolve(model, situations=situations, families=families, mirror=()))
    drawn = pairs(engine, space, "situation")
    ids = [n.id for n in drawn.nodes]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z]\w*", i, re.ASCII) for i in ids)
    assert drawn.reference == ""
    for form in FORMATS[Graph]:
        text = render(drawn, form)
        assert all(c.isprintable() for line in text.split("\n") for c in line.rstrip("\r")), form
    ET.fromstring(render(drawn, "scxml"))
    some = evolve(drawn, edges=drawn.edges[:9])
    if graphviz.which("dot"):
        assert b"<svg" in graphviz.picture(render(some, "dot"), "svg")


def test_every_format_draws_it(space) -> None:
    drawn = pairs(prg(), space, "role")
    for form in FORMATS[Graph]:
        assert "serving" in render(drawn, form)
