"""Diagrams: golden text, exact edges, names that are quoted, the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from prgcore.adapters import graphviz
from prgcore.diagram import FORMATS as SHAPES
from prgcore.diagram import Edge, Graph, Label, Node, draw, graph, render
from prgcore.diagram.graph import MOST_LINES, check_size, fits, gathered, identifier, only
from prgcore.diagram.graph_html import html
from prgcore.diagram.palette import MARKS, PALETTE, WORST_FIRST, Role, worst
from prgcore.diagram.scxml import NAMESPACE
from prgcore.diagram.walks import around, path
from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent
from prgcore.machine import prg
from prgcore.model import Invariant
from prgcore.story.script import run
from prgcore.tables.states import MEANINGS
from prgcore.vocabulary import Kind
from prgcore.words import clean
from tests.committed import committed
from tests.pictures import LIT, STORY
from tests.toys import LAMPS, TURNSTILE

FORMATS = SHAPES[Graph]
ROOT = Path(__file__).parent.parent
SUFFIX = {"mermaid": "mmd", "dot": "dot", "table": "md", "plantuml": "puml", "scxml": "scxml",
          "xstate": "json", "csv": "csv", "text": "txt"}
WALKS = ("dot", "mermaid", "plantuml", "text")
HOSTILE = (
    'a"b', "<b>&lt;&x</b>", "back\\slash\\N", "new\nline\r\ttab\0nul\x1b[31m", "-->|x|",
    "--> ]]> <!--", '%%{init: {"theme":"dark"}}%%', "`code`", "#35; #quot;", "=cmd()|+1",
    "\u202eevil", "日本 ü", "**b** __u__ ~~ [[x]] {y}", "@enduml", "!include x", "it's", "",
)
ARM = "node1.state"


def normal(engine: Engine):
    return engine.run(engine.initial[0], *dict(engine.model.starts)["normal"]).end


# --------------------------------------------------------------------- golden


@pytest.mark.parametrize("form", sorted(SUFFIX))
def test_two_lamps(form: str) -> None:
    """The states of a lamp; then, in a format that draws walks, one that breaks a promise."""
    text = draw(LAMPS, form, "node1.lamp")
    if form in WALKS:
        text += render(path(run(Engine(LIT), STORY)), form)
    assert text == committed(f"golden/states.{SUFFIX[form]}", text)


# ---------------------------------------------------------- the states of a node


def test_any_column_of_any_machine() -> None:
    assert draw(TURNSTILE, "table", "arm") == (
        "**turnstile: arm, by its guards alone**\n\n"
        "| from | to | event | rule | phase |\n| --- | --- | --- | --- | --- |\n"
        "| Locked | Open | `coin` | T1 |  |\n"
        "| Open | Locked | `push` | T2 |  |\n"
    )
    assert draw(TURNSTILE, "text", "arm") == (
        "turnstile: arm, by its guards alone\n\nLocked (start)\n  --> Open\n     coin T1\n\n"
        "Open\n  --> Locked\n     push T2\n"
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


def test_every_step_of_a_walk_is_drawn_and_spread_says_the_same_without_stand_ins() -> None:
    engine = Engine(prg().model)
    spread = graph(engine.model).spread
    assert not any(n.covers for n in spread.nodes)
    edges = {(e.source, e.target, w.event) for e in spread.edges for w in e.labels}
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
                one, two = pair[ARM], next_[ARM]
                assert one == two or (f"s_{one}", f"s_{two}", event.name) in edges
        level = after - seen
        seen |= level


def test_spread_is_exactly_what_the_rules_can_do() -> None:
    from prgcore.diagram.states import Reader

    model = prg().model
    reader = Reader(model)
    can = {
        (f"s_{a}", f"s_{b}", r.event, r.id.partition("@")[0])
        for r in model.rules for a, b in reader.moves(r, ARM)
    }
    spread = graph(model).spread
    assert {(e.source, e.target, w.event, w.rule) for e in spread.edges for w in e.labels} == can
    assert [n.id for n in spread.nodes] == [f"s_{v}" for v in model.columns[0].domain]


def test_states_say_what_they_mean_and_labels_where_their_rule_is() -> None:
    drawn = graph(prg().model)
    assert {n.url for n in drawn.nodes if not n.covers} == {f"states.html#{v}" for v in prg().model.columns[0].domain}
    idle = next(n for n in drawn.nodes if n.id == "s_idle")
    assert MEANINGS["idle"] in idle.tooltip
    label = next(w for e in drawn.edges for w in e.labels if w.rule == "M100")
    assert label.url == "rules.html#m100"
    assert label.why in label.tooltip
    assert all(cite in label.tooltip for cite in label.cite)
    assert drawn.at(label.url) == "reference/rules.html#m100"
    assert evolve(drawn, reference="").at(label.url) == ""
    assert graph(LAMPS, "node1.lamp").at(label.url) == ""


# ------------------------------------------------------------------- the shape


def test_an_edge_shows_some_labels_and_counts_the_others() -> None:
    labels = tuple(Label(f"e{i}", f"R{i}", why=f"because {i}") for i in range(9))
    lines = [line for line, _ in Edge("a", "b", labels).shown]
    assert lines == [*(f"e{i} R{i}" for i in range(MOST_LINES)), "and 3 more"]
    assert Edge("a", "b", labels).tooltip.count("\n") == 8
    assert len(Edge("a", "b", labels[: MOST_LINES + 1]).shown) == MOST_LINES + 1
    assert Edge("a", "b", labels[:1], (1, 4), "path").shown[0][0] == "1, 4. e0 R0"
    assert Edge("a", "b", labels[:1], mark="removed").shown[0][0] == "- e0 R0"
    assert Edge("a", "b", (Label("+ e", "R"),), mark="added").shown[0][0] == "+ e R"


def test_identifiers_differ_where_names_do() -> None:
    names = [*HOSTILE, "a b", "a_b", "a_20_b", "x_a", "A b", "any", "start", "end", "legend"]
    ids = [identifier(n) for n in names]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_]\w*", i, re.ASCII) for i in ids)


def test_a_graph_that_is_too_large_names_what_would_do() -> None:
    drawn = graph(prg().model)
    assert check_size(drawn) is drawn
    large = evolve(drawn, nodes=drawn.nodes * 4)
    assert not fits(large)
    with pytest.raises(BadInput, match=r"too many to lay out \(at most 60 and 150\); try A; B$"):
        check_size(large, iter(["A", "B"]))


def test_only_some_events() -> None:
    drawn = graph(prg().model)
    some = only(drawn, "failover", ["failover(node1)", "failover(node2)"])
    assert {w.event for e in some.edges for w in e.labels} == {"failover(node1)", "failover(node2)"}
    assert [n.id for n in some.nodes] == ["s_normal", "s_taking_over", "s_failing_over"]
    assert some.title == "prg: node1.state, by its guards alone, failover (14 without it left out)"
    assert only(drawn, "", phase="manual").edges == graph(prg().model, phase="manual").edges


def test_a_legend_explains_what_occurs_and_can_be_left_out() -> None:
    drawn = graph(prg().model, phase="manual")
    assert [n.role for n in drawn.explained] == ["serving", "transition", "failed_over", "failed"]
    assert graph(TURNSTILE, "arm").explained == ()
    for form in ("dot", "mermaid", "plantuml"):
        assert "serves users" in render(drawn, form)
        assert "serves users" not in render(evolve(drawn, legend=False), form)


# ------------------------------------------------------------------- formats


def _hostile() -> Graph:
    """Every hostile word everywhere, and every mark."""
    marks = ("", "focus", "path", "broken", "added", "removed")
    nodes = tuple(
        Node(identifier(f"n{i} {x}"), x, ("serving", "plain")[i % 2], (x,), x, f'x"y.html#{x}',
             marks[i % 6])
        for i, x in enumerate(HOSTILE)
    )
    marks = ("", "path", "added", "removed", "changed")
    edges = tuple(
        Edge(a.id, b.id, (Label(x, x, x, x, (x,)),), (1,), marks[i % 5])
        for i, (a, b, x) in enumerate(zip(nodes, nodes[1:] + nodes[:1], HOSTILE, strict=True))
    )
    return Graph("".join(HOSTILE), (nodes[0].id,), nodes, edges, 'a"<b>\n/')


def test_names_are_quoted() -> None:
    odd = 'a"|<b>#*'
    arm = evolve(TURNSTILE.columns[0], domain=("locked", odd))
    rules = (evolve(TURNSTILE.rules[0], then={"arm": odd}),)
    model = evolve(TURNSTILE, columns=(arm,), rules=rules)
    name = "x_a_22__7c__3c_b_3e__23__2a_"
    assert f'{name}["A#quot;|#lt;B#gt;#35;*"]:::plain' in draw(model, "mermaid", "arm")
    assert f'{name} [label="A\\"|<B>#*"' in draw(model, "dot", "arm")
    assert '| Locked | A"\\|\\<B\\>#\\* |' in draw(model, "table", "arm")
    assert "<U+0022><U+007C><U+003C>B<U+003E><U+0023>" in draw(model, "plantuml", "arm")


@pytest.mark.parametrize("form", ["dot", "mermaid", "plantuml", "text", "markdown"])
def test_a_hostile_word_never_leaves_its_line(form: str) -> None:
    drawn = _hostile()
    plain = evolve(
        drawn, title="t", nodes=tuple(evolve(n, label="w", lines=("w",)) for n in drawn.nodes),
        edges=tuple(evolve(e, labels=(Label("w", "w", "w", "w", ("w",)),)) for e in drawn.edges),
    )
    text = render(drawn, form)
    if form != "text":  # which wraps
        assert text.count("\n") == render(plain, form).count("\n")
    assert all(c.isprintable() for line in text.split("\n") for c in line)
    assert text.encode()


@pytest.mark.dot
def test_graphviz_draws_hostile_words_as_they_are() -> None:
    svg = graphviz.picture(render(_hostile(), "dot"), "svg").decode()
    texts = [e.text or "" for e in ET.fromstring(svg).iter() if e.tag.endswith("}text")]
    for word in HOSTILE:
        assert any(" ".join(clean(word).split()) in " ".join(t.split()) for t in texts), word
    assert "javascript" not in svg


def test_scxml_is_valid_and_another_library_runs_it() -> None:
    from statemachine.io.scxml.processor import SCXMLProcessor

    for drawn in (graph(prg().model), _hostile(), graph(TURNSTILE, "arm"),
                  Graph("empty", (), (), ())):
        root = ET.fromstring(render(drawn, "scxml"))
        assert root.tag == f"{{{NAMESPACE}}}scxml"
        for step in root.iter(f"{{{NAMESPACE}}}transition"):
            assert re.fullmatch(r"[A-Za-z][\w-]*(\.[A-Za-z]\w*)*", step.get("event", ""), re.ASCII)
    processor = SCXMLProcessor()
    processor.parse_scxml("turnstile", render(graph(TURNSTILE, "arm"), "scxml"))
    chart = processor.start()
    seen = [str(next(iter(chart.configuration_values)))]
    for event in ("coin", "coin", "push"):
        chart.send(event)
        seen.append(str(next(iter(chart.configuration_values))))
    assert seen == ["s_locked", "s_open", "s_open", "s_locked"]
    processor = SCXMLProcessor()
    processor.parse_scxml("prg", render(graph(prg().model), "scxml"))
    chart = processor.start()
    chart.send("disable_ha")
    assert set(chart.configuration_values) == {"s_unknown"}
    chart.send("enable_ha")
    assert set(chart.configuration_values) == {"s_initializing"}
    shut = render(graph(prg().model), "scxml").replace('id="A100" expr="1"', 'id="A100" expr="0"')
    processor = SCXMLProcessor()
    processor.parse_scxml("shut", shut)
    chart = processor.start()
    chart.send("enable_ha")
    assert set(chart.configuration_values) == {"s_unknown"}


def test_xstate_names_targets_that_exist_and_guards() -> None:
    for drawn in (graph(prg().model), _hostile(), graph(TURNSTILE, "arm")):
        found = json.loads(render(drawn, "xstate"))
        assert found["initial"] in found["states"]
        steps = [
            (name, step) for name, state in found["states"].items()
            for some in state.get("on", {}).values() for step in some
        ]
        assert steps
        assert all(step["target"] in found["states"] for _, step in steps)
    found = json.loads(render(graph(prg().model), "xstate"))
    assert found["states"]["s_normal"]["on"]["failover(node1)"][0]["guard"] == "M100"
    assert found["states"]["s_idle"]["tags"] == ["failed_over"]
    assert "initial" not in json.loads(render(Graph("empty", (), (), ()), "xstate"))


def test_csv_is_read_back_word_for_word() -> None:
    for drawn in (graph(prg().model), _hostile()):
        text = render(drawn, "csv")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        labels = {n.id: n.label for n in drawn.nodes}
        assert [(r["from"], r["to"], r["event"], r["why"], r["mark"]) for r in rows] == [
            (labels[e.source], labels[e.target], w.event, w.why, e.mark)
            for e in drawn.edges for w in e.labels
        ]
        assert text.endswith("\r\n")


def test_text_fits_a_terminal_and_names_every_label() -> None:
    text = draw(prg().model, "text")
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split())
    assert all(str(w) in flat for e in graph(prg().model).edges for w in e.labels)


def test_markdown_is_table() -> None:
    assert draw(prg().model, "markdown") == draw(prg().model, "table")


def test_the_same_bytes_for_every_hash_seed() -> None:
    code = (
        "from prgcore.diagram import *; from prgcore.machine import prg; import sys\n"
        "from prgcore.diagram.walks import around, path; from prgcore.story.script import run\n"
        "m = prg(); drawn = [graph(m.model), around(m, m.initial[0], 2),\n"
        "                    path(run(m, 'start normal\\nfailover(node1)\\npower_off(node2)'))]\n"
        "sys.stdout.write(''.join(render(d, f) for d in drawn for f in sorted(FORMATS[Graph])))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT,
        ).stdout for seed in ("0", "1", "42")
    }
    assert len(texts) == 1
    assert len(texts.pop()) > 100_000


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_row_order_means_nothing(form: str) -> None:
    model = prg().model
    turned = evolve(model, rules=tuple(reversed(model.rules)))
    assert draw(turned, form) == draw(model, form)


def test_errors_list_what_there_is() -> None:
    model = prg().model
    known = "unknown format 'gif'; known: csv, dot, markdown, mermaid, plantuml, scxml, table, text"
    with pytest.raises(BadInput, match=known):
        draw(model, "gif")
    with pytest.raises(BadInput, match=known):
        render(graph(model), "gif")
    with pytest.raises(BadInput, match="unknown phase 'manuel'; did you mean manual"):
        draw(model, phase="manuel")
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.stat'; did you mean node1.state"):
        draw(model, column="node1.stat")
    with pytest.raises(BadInput, match=r"unknown stored column 'node1.health'"):
        draw(model, column="node1.health")


# --------------------------------------------------------------------- walks


def _reached(engine: Engine, centre, radius: int, kinds=()) -> set:
    """The same set of pairs, worked out again."""
    found = level = {centre}
    for _ in range(radius):
        after = set()
        for pair in level:
            for event in engine.model.events:
                if kinds and event.kind not in kinds:
                    continue
                if engine.possible(pair, event.name):
                    after.add(engine.step(pair, event.name).pair)
        level = after - found
        found = found | after
    return found


@pytest.mark.parametrize(("radius", "kinds"), [
    (1, ()), (2, (Kind.COMMAND,)), (2, (Kind.COMMAND, Kind.COMPLETION)), (2, ()),
])
def test_around_is_every_pair_within_the_radius(radius: int, kinds) -> None:
    engine = prg()
    centre = normal(engine)
    drawn = around(engine, centre, radius, kinds)
    said = {n.tooltip for n in drawn.nodes}
    wanted = _reached(engine, centre, radius, kinds)
    assert said == {"; ".join(f"{k} {v}" for k, v in pair.items()) for pair in wanted}
    assert len(drawn.nodes) == len(wanted)
    assert [n.id for n in drawn.nodes if n.mark == "focus"] == ["p0"]
    of = {p: n.id for n in drawn.nodes for p in wanted
          if n.tooltip == "; ".join(f"{k} {v}" for k, v in p.items())}
    steps = {
        (of[p], of[d.pair], e.name)
        for p in wanted for e in engine.model.events
        if (not kinds or e.kind in kinds) and engine.possible(p, e.name)
        and (d := engine.step(p, e.name)).pair != p and d.pair in wanted
    }
    assert {(e.source, e.target, w.event) for e in drawn.edges for w in e.labels} == steps


def test_a_pair_is_drawn_as_its_worse_half_with_what_differs() -> None:
    engine = prg()
    drawn = around(engine, normal(engine), 1, (Kind.COMMAND,))
    nodes = {n.label: n for n in drawn.nodes}
    moving = nodes["Failing Over | Taking Over"]
    assert moving.role == "transition"
    assert moving.lines == (
        "On Admin Request", "node1.services = stopped", "node1.assigned_own = no")
    assert nodes["Unknown | Unknown"].role == "unknown"


def test_walks_of_any_machine() -> None:
    engine = Engine(TURNSTILE)
    drawn = around(engine, engine.initial[0])
    assert [(n.label, n.lines) for n in drawn.nodes] == [
        ("turnstile", ("arm = locked",)), ("turnstile", ("arm = open",))]
    told = path(run(engine, "coin\npush\nignored push\ncoin"))
    assert [(e.source, e.target, e.steps, e.mark) for e in told.edges] == [
        ("p0", "p0", (3,), "path"), ("p0", "p1", (1, 4), "path"), ("p1", "p0", (2,), "path")]


def test_around_ends_somewhere() -> None:
    engine = prg()
    with pytest.raises(BadInput, match=r"more than 1,000 pairs are within 9 steps of Normal \| Normal"):
        around(engine, normal(engine), 9)
    with pytest.raises(BadInput, match="from 1, not 0"):
        around(engine, normal(engine), 0)


def test_a_path_numbers_its_steps_and_draws_what_else_there_is() -> None:
    engine = prg()
    drawn = path(run(engine, "start normal\nservices_down(node1)\nservices_up(node1)\n"
                             "expect node1 Normal / Normal\nrefused recover\nfailover(node1)"))
    taken = {(e.source, e.target): e.steps for e in drawn.edges if e.mark == "path"}
    assert taken == {("p0", "p1"): (1,), ("p1", "p0"): (2,), ("p0", "p0"): (3,), ("p0", "p2"): (4,)}
    other = [(e.source, e.target, [str(w) for w in e.labels]) for e in drawn.edges if not e.mark]
    assert other == [("p1", "p2", ["failover(node1) M100"])]
    longer = path(run(engine, "start normal\nservices_down(node1)\nfailover(node1)"))
    assert [(e.source, e.target) for e in longer.edges if not e.mark] == [("p0", "p2"), ("p1", "p0")]
    assert longer.initial == ("p0",)


def test_a_path_marks_the_promise_that_breaks() -> None:
    promise = Invariant("Z9", "the arm stays locked", ({"arm": "open"},))
    engine = Engine(evolve(TURNSTILE, invariants=(promise,)))
    drawn = path(run(engine, "coin"))
    broken = drawn.nodes[1]
    assert broken.mark == "broken"
    assert broken.lines[-1] == "breaks Z9"
    assert "Z9: the arm stays locked" in broken.tooltip
    assert drawn.nodes[0].mark == ""


def test_a_path_numbers_events_and_loses_none() -> None:
    story = "refused recover\nenable_ha\nstart normal\ngiven link = cut\nservices_down(node1)"
    drawn = path(run(prg(), story))
    said = {str(w): (e.mark, e.steps) for e in drawn.edges for w in e.labels if e.mark}
    assert said["recover refused"] == ("path", (1,))
    assert said["enable_ha A100"] == ("path", (2,))
    assert said["start normal"] == said["given link = cut"] == ("path", ())
    assert [s for w, (_, s) in said.items() if w.startswith("services_down")] == [(3,)]
    assert drawn.title == "prg: a path of 3 steps"
    again = path(run(Engine(TURNSTILE), "start initial\nignored push\nstart initial\ncoin"))
    assert [(e.source, e.target, e.steps, [str(w) for w in e.labels]) for e in again.edges][:2] == [
        ("p0", "p0", (1,), ["push ignored T3", "start initial"]), ("p0", "p1", (2,), ["coin T1"])]


def test_a_path_marks_what_is_not_as_told() -> None:
    story = "start normal\nexpect node1 Idle\nrefused failover(node1)\nimpossible disable_ha"
    drawn = path(run(prg(), story))
    first = drawn.nodes[0]
    assert first.mark == "broken"
    assert first.lines[-1] == "node1 is Normal / Normal, expected Idle"
    assert first.lines[-1] in first.tooltip
    wrong = {e.steps: e for e in drawn.edges if e.mark == "broken"}
    assert set(wrong) == {(1,), (2,)}
    said = "it is done, and was to be refused"
    assert wrong[1,].shown[0][0] == f"! 1. failover(node1) ({said}) M100"
    assert said in wrong[1,].tooltip
    assert not any(w.event == "failover(node1)" for e in drawn.edges if not e.mark
                   for w in e.labels if e.source == "p0")
    for form in FORMATS:
        assert render(drawn, form)


def test_a_node_that_does_not_run_shows_nothing() -> None:
    drawn = path(run(prg(), "start normal\nmanager_stop(node2)"))
    up, down = drawn.nodes
    assert (up.role, down.role) == ("serving", "silent")
    assert "node2 shows nothing" in down.lines
    assert up.label == down.label == "Normal | Normal"
    assert "shows nothing" in render(drawn, "text")


def test_nodes_of_one_label_are_told_apart_in_every_list() -> None:
    nodes = (Node("a", "N", "plain", ("x = 1", "y")), Node("b", "N", "plain", ("x = 2", "y")),
             Node("c", "N", "plain", ("x = 2", "y")), Node("d", "M", "plain", ("x = 2",)))
    edges = tuple(Edge(n.id, m.id, (Label("go", "R"),)) for n in nodes for m in nodes if n != m)
    drawn = Graph("t", (), nodes, edges)
    assert drawn.names == {"a": "N (x = 1)", "b": "N (x = 2)", "c": "N (x = 2) #2", "d": "M"}
    rows = list(csv.DictReader(io.StringIO(render(drawn, "csv"), newline="")))
    assert len({(r["from_id"], r["to_id"]) for r in rows}) == len(edges)
    table = render(drawn, "table").splitlines()[4:]
    assert len(set(table)) == len(edges)
    text = render(drawn, "text")
    assert "\nN (x = 2) #2\n  y\n" in text
    assert text.count("--> N (x = 2) #2\n") == 3
    page = html(drawn, "<svg/>")
    assert page.count("N (x = 1)") == page.count("N (x = 2) #2") == 6


def test_stand_ins_of_different_nodes_have_different_ids() -> None:
    names = ["s_a", "s_b", "s_a_s_b", *(f"s_{i}" for i in range(12))]
    nodes = tuple(Node(n, n, "plain") for n in names)
    left = ({"s_a", "s_b"}, {"s_a_s_b"})
    edges = tuple(
        Edge(n, "s_11", (Label(f"go{i}", "R"),)) for i, out in enumerate(left)
        for n in names if n not in out and n != "s_11")
    drawn = Graph("t", (), nodes, edges)
    seen = gathered(drawn)
    assert len([n for n in seen.nodes if n.covers]) == 2
    assert {(e.source, w.event) for e in seen.spread.edges for w in e.labels} == {
        (e.source, w.event) for e in edges for w in e.labels}
    assert gathered(evolve(drawn, edges=edges[::-1])) == seen


def test_a_wide_fan_goes_from_left_to_right() -> None:
    nodes = tuple(Node(f"s_{i}", "n", "plain") for i in range(8))
    fan = tuple(Edge("s_0", n.id, (Label("go", "R"),)) for n in nodes[1:])
    back = tuple(Edge(e.target, e.source, e.labels) for e in fan)
    assert "rankdir=LR" in render(Graph("t", (), nodes, (*fan, *back[:6])), "dot")
    dense = tuple(Edge(a.id, b.id, ()) for a in nodes for b in nodes if a != b)
    assert "rankdir=TB" in render(Graph("t", (), nodes, dense), "dot")
    assert "rankdir=TB" in render(Graph("t", (), nodes, (*fan[:4], *back[:4])), "dot")


# ------------------------------------------------------------------- palette

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB
_SEEN_BY = {
    "everyone": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopes": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopes": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopes": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}
_OPERATOR = (Role.SERVING, Role.TRANSITION, Role.FAILED_OVER, Role.FAILED, Role.UNKNOWN,
             Role.SILENT)
APART = 20
"""How far two fills are apart in CIE Lab at least; 2 is what a trained eye can see."""


def _linear(colour: str) -> list[float]:
    parts = [int(colour[i: i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def _seen(colour: str, eye: str) -> list[float]:
    rgb = _linear(colour)
    return [
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True))))
        for row in _SEEN_BY[eye]
    ]


def _lab(rgb: list[float]) -> tuple[float, float, float]:
    def f(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else 841 / 108 * t + 4 / 29

    r, g, b = rgb
    x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
    y = f(0.2126729 * r + 0.7151522 * g + 0.0721750 * b)
    z = f((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(
        0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(_linear, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("eye", _SEEN_BY)
@pytest.mark.parametrize("page", ["fill", "dark"])
def test_fills_are_told_apart_by_every_eye(page: str, eye: str) -> None:
    labs = {r: _lab(_seen(getattr(PALETTE[r], page), eye)) for r in _OPERATOR}
    for one, other in combinations(_OPERATOR, 2):
        apart = sum((a - b) ** 2 for a, b in zip(labs[one], labs[other], strict=True)) ** 0.5
        assert apart >= APART, (one, other, apart)


@pytest.mark.parametrize("role", list(Role))
def test_text_and_strokes_have_contrast(role: Role) -> None:
    look = PALETTE[role]
    assert _contrast("#000000", look.fill) >= 4.5
    assert _contrast("#ffffff", look.dark) >= 4.5
    assert _contrast(look.stroke, look.fill) >= 3
    assert _contrast(look.stroke, "#ffffff") >= 3
    assert all(_contrast(mark.stroke, "#ffffff") >= 4.5 for mark in MARKS.values())


def test_shape_is_the_second_sign() -> None:
    assert len({PALETTE[r].shape for r in _OPERATOR}) == len(_OPERATOR)
    assert sorted(WORST_FIRST) == sorted(Role)
    assert worst([Role.SERVING, Role.SILENT, Role.FAILED_OVER]) is Role.SILENT
    assert worst([]) is Role.PLAIN
    assert len({m.sign for m in MARKS.values()}) == len(MARKS)
