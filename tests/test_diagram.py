"""Diagrams: golden text, exact edges, the same bytes every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from prgcore.diagram import FORMATS as SHAPES
from prgcore.diagram import Graph, draw, graph, render
from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent
from prgcore.machine import prg
from tests.toys import LAMPS, TURNSTILE

FORMATS = SHAPES[Graph]
GOLDEN = Path(__file__).parent / "golden"
SUFFIX = {"mermaid": "mmd", "dot": "dot", "table": "md"}
PHASE = {"mermaid": "manual", "dot": "fallback", "table": "failover"}


def _golden(name: str, text: str) -> str:
    """The committed text; `PRGCORE_REWRITE=1` rewrites it first."""
    path = GOLDEN / name
    if os.environ.get("PRGCORE_REWRITE") == "1":
        path.write_text(text, "utf-8")
    return path.read_text("utf-8")


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_whole_node(form: str) -> None:
    text = draw(prg().model, form)
    assert text == _golden(f"diagram-node.{SUFFIX[form]}", text)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_one_phase_of_the_node(form: str) -> None:
    phase = PHASE[form]
    text = draw(prg().model, form, phase=phase)
    assert text == _golden(f"diagram-node-{phase}.{SUFFIX[form]}", text)


def test_any_column_of_any_machine() -> None:
    assert draw(TURNSTILE, "table", "arm") == (
        "**turnstile: arm**\n\n"
        "| from | to | event | rule | phase |\n| --- | --- | --- | --- | --- |\n"
        "| Locked | Open | `coin` | T1 |  |\n"
        "| Open | Locked | `push` | T2 |  |\n"
    )


def test_maps_and_copies_are_drawn_from_what_the_guard_allows() -> None:
    lamp = {(e.source, e.target) for e in graph(LAMPS, "node1.lamp").edges}
    assert lamp == {("s_off", "s_on"), ("s_on", "s_off"), ("s_on", "s_broken")}
    # P1 copies the switch, which its guard says is off; so a spare that is off stays
    assert [(e.source, e.target) for e in graph(LAMPS, "spare").edges] == [("s_on", "s_off")]


def test_parallel_edges_are_one_edge() -> None:
    for drawn in (graph(prg().model), graph(LAMPS, "node1.lamp")):
        ends = [(e.source, e.target) for e in drawn.edges]
        assert len(ends) == len(set(ends))
    merged = next(e for e in graph(LAMPS, "node1.lamp").edges if e.target == "s_off")
    assert [str(w) for w in merged.labels] == ["follow(node1) P3", "follow(node1) P6"]


def test_a_step_from_nearly_everywhere_is_one_edge_that_says_so() -> None:
    drawn = graph(prg().model)
    labels = {n.id: n.label for n in drawn.nodes}
    off = [labels[e.source] for e in drawn.edges if e.target == "s_unknown"]
    heard = [
        labels[e.source] for e in drawn.edges for w in e.labels
        if w.event == "heartbeat_heard(node1)" and e.target == "s_running_in_failed_mode"
    ]
    assert off == ["*"]
    assert heard == ["* but Initializing"]


def test_every_step_of_a_walk_is_drawn() -> None:
    engine = Engine(prg().model)
    drawn = graph(engine.model)
    left_out = {
        n.id: {
            v for v in engine.model.columns[0].domain
            if n.label != "*" and v.replace("_", " ") in n.label.lower()
        } for n in drawn.nodes if n.role == "any"
    }
    edges = {(e.source, e.target) for e in drawn.edges}
    level, seen = set(engine.initial), set(engine.initial)
    while len(seen) < 1000:
        after = set()
        for pair in sorted(level, key=lambda p: p.values_):
            for event in engine.model.events:
                try:
                    next_ = engine.step(pair, event.name).pair
                except ImpossibleEvent:
                    continue
                after.add(next_)
                one, two = pair["node1.state"], next_["node1.state"]
                assert one == two or (f"s_{one}", f"s_{two}") in edges or any(
                    (name, f"s_{two}") in edges and one not in left
                    for name, left in left_out.items()
                ), (event.name, one, two)
        level = after - seen
        seen |= level


def test_the_same_bytes_for_every_hash_seed() -> None:
    code = (
        "from prgcore.diagram import *; from prgcore.machine import prg; import sys; "
        "sys.stdout.write(''.join(draw(prg().model, f) for f in sorted(FORMATS[Graph])))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parent.parent,
        ).stdout for seed in ("0", "1", "42")
    }
    assert len(texts) == 1


def test_row_order_means_nothing() -> None:
    model = prg().model
    turned = evolve(model, rules=tuple(reversed(model.rules)))
    for form in FORMATS:
        assert draw(turned, form) == draw(model, form)


def test_names_are_quoted() -> None:
    odd = 'a"|<b>#*'
    arm = evolve(TURNSTILE.columns[0], domain=("locked", odd))
    rules = (evolve(TURNSTILE.rules[0], then={"arm": odd}),)
    model = evolve(TURNSTILE, columns=(arm,), rules=rules)
    assert 's_a_22__7c__3c_b_3e__23_any["A#quot;|#lt;B#gt;#35;*"]:::plain' in draw(
        model, "mermaid", "arm"
    )
    assert 'label="A\\"|<B>#*"' in draw(model, "dot", "arm")
    assert '| Locked | A"\\|<B>#\\* |' in draw(model, "table", "arm")


def test_errors_list_what_there_is() -> None:
    model = prg().model
    with pytest.raises(BadInput, match="unknown format 'svg'; known: dot, mermaid, table"):
        draw(model, "svg")
    with pytest.raises(BadInput, match="unknown format 'svg'; known: dot, mermaid, table"):
        render(graph(model), "svg")
    with pytest.raises(BadInput, match="unknown phase 'manuel'; did you mean manual"):
        draw(model, phase="manuel")
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.stat'; did you mean node1.state"):
        draw(model, column="node1.stat")
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.health'"):
        draw(model, column="node1.health")
