"""What we write, read by programs that others wrote: odd names, and each is what it was.

The machine of most tests is a ring. Its values, events and rules have the same ninety names, and
each event leads from the value of its name to the next one. So a reader that takes one name for
another takes a wrong step, or draws a box too many.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from junitparser import Failure, JUnitXml
from markdown_it import MarkdownIt

from prgcore import PRG
from prgcore.adapters.transitions import machine_for
from prgcore.adapters.xstate import config, player
from prgcore.diagram import graph, render
from prgcore.diagram.graph import Graph, identifier
from prgcore.diagram.matrix import Matrix, matrix
from prgcore.diagram.scxml import descriptor
from prgcore.diagram.sequence import Message, Sequence, sequence
from prgcore.diagram.walks import path
from prgcore.diagram.xstate import descriptor as on_event
from prgcore.diagram.xstate import key, plays
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import Machine
from prgcore.model import Column, Event, Invariant, Model, Rule
from prgcore.story.script import run, verbatim
from prgcore.vocabulary import Kind
from prgcore.wire import dumps
from prgcore.wire.sarif import Place, sarif
from prgcore.words import clean
from tests import readers
from tests.odd import NAMES, RING, ring
from tests.planted import FAULTS, report
from tests.toys import TURNSTILE

DRAWN = graph(RING, "node1.state")
ROUND = tuple(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))


def read_back(word: str) -> str:
    """The name of an `escaped` word, as the page says how to read it."""
    assert word.startswith("x___")
    return re.sub(r"_([0-9a-f]+)_", lambda m: chr(int(m[1], 16)), word[4:])


# -------------------------------------------------------------------------- SCXML


ODD = st.one_of(st.sampled_from(NAMES), st.text(max_size=9), st.from_regex(r"x?_*[a-z]?_+\w\(?y?\)?"))


@given(ODD)
@example("")
@example("error(node1)")
@example("done")
def test_no_descriptor_of_scxml_is_the_beginning_of_another(name: str) -> None:
    """Also of none that a chart sends itself, whose first words are done and error."""
    word = descriptor(name)
    assert re.fullmatch(r"[A-Za-z]\w*", word, re.ASCII)
    assert word not in ("done", "error")
    if "___" in word:
        assert read_back(word) == name
    elif "__" in word:
        assert f"{word.replace('__', '(')})" == name
    else:
        assert word == name


@given(ODD)
@example("")
def test_no_key_of_xstate_is_that_of_another_value(name: str) -> None:
    for word in (key(name), on_event(name)):
        assert name == (read_back(word) if word.startswith("x___") else word)
    assert not re.search(r"[.#\\]|\A(__proto__)?\Z", key(name))
    assert not re.search(r"\*\Z|\Axstate\.|\A(__proto__)?\Z", on_event(name))


def test_names_that_are_easy_stay_as_they_are() -> None:
    assert [descriptor(n) for n in ("coin", "failover", "failover(node1)", "ha_off(node2)")] == [
        "coin", "failover", "failover__node1", "ha_off__node2"]
    assert key("a b(c)-é") == on_event("a b(c)-é") == "a b(c)-é"


def test_a_chart_of_scxml_is_played_event_by_event() -> None:
    from statemachine import StateChart
    from statemachine.exceptions import TransitionNotAllowed
    from statemachine.io.scxml.processor import SCXMLProcessor

    processor = SCXMLProcessor()
    processor.parse_scxml("ring", render(DRAWN, "scxml"))
    chart = processor.start()

    def after(name: str) -> str:
        """The state after an event. The event `send` hides the method of this name."""
        with suppress(TransitionNotAllowed):
            StateChart.send(chart, descriptor(name))
        (one,) = chart.configuration_values
        return str(one)

    for here, there in ROUND:
        for name in NAMES:
            if name != here:
                assert after(name) == identifier(here), (here, name)
        assert after(here) == identifier(there)


SMCAT = readers.STDIN + """
import { render } from "state-machine-cat";
const options = { inputType: "scxml", outputType: "json" };
console.log(JSON.stringify(await render(given, options)));
"""


def test_state_machine_cat_reads_every_state_and_transition(tmp_path) -> None:
    found = readers.ask(tmp_path, SMCAT, render(DRAWN, "scxml"))
    assert [s["name"] for s in found["states"] if s["type"] == "regular"] == [
        identifier(name) for name in NAMES]
    assert {(t["from"], t["event"], t["to"]) for t in found["transitions"] if "event" in t} == {
        (identifier(one), descriptor(one), identifier(after)) for one, after in ROUND}


# ------------------------------------------------------------------------- XState


PLAYED = readers.STDIN + """
import { initialTransition, setup, transition } from "xstate";
const { chart, events } = given;
const always = Object.values(chart.states).flatMap(
  (state) => Object.values(state.on).flat().map((one) => [one.guard, () => true]));
const machine = setup({ guards: Object.fromEntries(always) }).createMachine(chart);
let [at] = initialTransition(machine);
const moves = [];
for (const here of Object.keys(chart.states)) {
  at = machine.resolveState({ value: here });
  for (const type of events) {
    const [after] = transition(machine, at, { type });
    if (after.value !== here) moves.push([here, type, after.value]);
  }
}
console.log(JSON.stringify({ first: initialTransition(machine)[0].value, moves,
                             found: machine.getStateNodeById(chart.id).key }));
"""


def test_a_drawn_chart_of_xstate_is_played_event_by_event(tmp_path) -> None:
    chart = json.loads(render(DRAWN, "xstate"))
    assert chart["description"] == DRAWN.title
    found = readers.ask(tmp_path, PLAYED, {
        "chart": chart, "events": [on_event(name) for name in NAMES]})
    assert found["first"] == identifier(NAMES[0])
    assert {tuple(move) for move in found["moves"]} == {
        (identifier(one), on_event(one), identifier(after)) for one, after in ROUND}
    assert len(found["moves"]) == len(NAMES)
    for name in NAMES:
        (one,) = chart["states"][identifier(name)]["on"][on_event(name)]
        assert one.get("meta", {}).get("event", on_event(name)) == name


WALK = readers.STDIN + """
import { createActor } from "xstate";
import { play } from "./xstate.mjs";
const { config, events } = given;
const actor = createActor(play(config)).start();
const seen = [];
for (const type of events) {
  actor.send({ type });
  const { value, context } = actor.getSnapshot();
  seen.push([value.node1_state, context.pair["node1.state"]]);
}
// and what was stored is taken up again
const stored = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()));
const again = createActor(play(config), { snapshot: stored }).start();
console.log(JSON.stringify({ seen, again: again.getSnapshot().value.node1_state }));
"""


def test_a_machine_for_xstate_goes_through_every_value(tmp_path) -> None:
    """Values such as `v1.1`, `#` and `__proto__` are states, and come back from a snapshot."""
    names = tuple(n for n in NAMES if plays(n))
    found = config(Engine(ring(names)), ("node1.state",))
    assert (found["id"], found["description"]) == ("ring_1_0_odd_x", RING.name)
    states = found["states"]["node1_state"]["states"]
    (tmp_path / "xstate.mjs").write_text(player(), encoding="utf-8")
    for events in (names, names[:2], names[:4], names[:5]):
        said = readers.ask(tmp_path, WALK, {"config": found, "events": events})
        assert said["seen"] == [[key(n), n] for n in (*names[1:], names[0])][:len(events)]
        assert said["again"] == said["seen"][-1][0]
    meant = [s.get("meta", {"value": key}) for key, s in states.items()]
    assert [m["value"] for m in meant] == list(names)
    assert {"a b", "x(y)", "état", "constructor"} <= states.keys()


@pytest.mark.parametrize("name", ["*", "a.*", "xstate.stop", "__proto__", ""])
def test_an_event_that_means_others_to_xstate_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="for other events than this; rename the event"):
        config(Engine(ring(("v1", name))), ("node1.state",))


# ------------------------------------------------- a rule that stays restarts nothing

STAYS = path(run(Engine(TURNSTILE), "coin\npush\nignored push\ncoin"))
"""Where the arm is locked (p0), `push` is ignored."""


def test_a_rule_that_stays_enters_nothing_in_scxml() -> None:
    from statemachine.io.scxml.processor import SCXMLProcessor

    text = render(STAYS, "scxml").replace('id="T', 'id="unused').replace("cond=", "unused=")
    stays = descriptor("push ignored")
    assert f'<transition event="{stays}" unused="T3" />' in text
    counted = text.replace('<state id="p0">', """<state id="p0">
      <onentry><assign location="entered" expr="entered + 1" /></onentry>""").replace(
          "<datamodel>", '<datamodel><data id="entered" expr="0" />')
    assert counted.count("entered") == 3
    processor = SCXMLProcessor()
    processor.parse_scxml("stays", counted)
    chart = processor.start()
    times = []
    for event in (stays, stays, "coin", "push", stays):
        chart.send(event)
        times.append(chart.model.entered)
    assert times == [1, 1, 1, 2, 2]


DELAYED = readers.STDIN + """
import { createActor, createMachine, SimulatedClock } from "xstate";
for (const state of Object.values(given.states))
  for (const one of Object.values(state.on ?? {}).flat()) delete one.guard;
given.states.p0.after = { 1000: "p1" };
const clock = new SimulatedClock();
const actor = createActor(createMachine(given), { clock }).start();
clock.increment(600);
actor.send({ type: "push ignored" });
clock.increment(600);
console.log(JSON.stringify(actor.getSnapshot().value));
"""


def test_a_rule_that_stays_restarts_no_timer_in_xstate(tmp_path) -> None:
    chart = json.loads(render(STAYS, "xstate"))
    (stays,) = [one for some in chart["states"]["p0"]["on"].values() for one in some
                if one["target"] == "p0"]
    assert stays["reenter"] is False
    assert readers.ask(tmp_path, DELAYED, chart) == "p1"


# -------------------------------------------------------------------------- Mermaid, PlantUML, dot


@pytest.fixture(scope="module")
def mermaid(browser):
    """A function that lets Mermaid draw a text, and reads the picture."""
    readers.node()
    page = browser.new_page()
    page.set_content("<div id=picture></div>")
    page.add_script_tag(path=readers.MODULES / "mermaid" / "dist" / "mermaid.min.js")

    def draw(text: str) -> dict[str, list[str]]:
        return page.evaluate("""async (text) => {
          mermaid.initialize({ startOnLoad: false });
          const { svg } = await mermaid.render("drawn", text);
          document.getElementById("picture").innerHTML = svg;
          const all = (what) => [...document.querySelectorAll(what)].map((n) => n.textContent);
          const ids = (what) => [...document.querySelectorAll(what)].map((n) => n.id);
          return { nodes: all(".node"), labels: all(".edgeLabel .label"), texts: all("text"),
                   links: ids("path.flowchart-link"), states: ids(".node") };
        }""", text)

    yield draw
    page.close()


def lines(text: str) -> str:
    """Text as it is laid out: no picture keeps how many spaces there were."""
    return " ".join(clean(text.replace("\u200b", "")).split())


def test_mermaid_draws_each_value_and_each_event(mermaid) -> None:
    found = mermaid(render(DRAWN, "mermaid"))
    assert [lines(t) for t in found["nodes"]] == [*(lines(n.label) for n in DRAWN.nodes), ""]
    assert [lines(t) for t in found["labels"]] == [
        lines(str(w)) for e in DRAWN.edges for w in e.labels]
    assert len(found["links"]) == len(NAMES) + 1  # one leads from the start


def test_mermaid_draws_each_step_of_a_sequence(mermaid) -> None:
    drawn = told()
    found = {lines(t) for t in mermaid(render(drawn, "mermaid"))["texts"]}
    assert {lines(t) for t in said(drawn)} - found == set()


def test_mermaid_draws_each_state_of_a_machine_of_transitions(mermaid) -> None:
    """The text is that of their library, with our names for states."""
    names = tuple(n for n in NAMES if n == clean(n))
    model: Any = Own()
    machine_for(Engine(ring(names, events=tuple(f"go{i}_" for i in range(len(names))))), model,
                columns=("node1.state",), graph=True, graph_engine="mermaid")
    found = mermaid(model.get_graph().source)
    assert sorted(found["nodes"]) == sorted(["", *names])  # one has no name: the start
    assert sorted(found["labels"]) == sorted(f"go{i}" for i in range(len(names)))
    model.go0()
    model.go1()
    near = mermaid(model.get_graph(show_roi=True).source)
    assert set(near["nodes"]) == set(names[1:4])
    assert near["labels"] == ["go1", "go2"]


class Own:
    """Somebody's own object."""


@pytest.mark.plantuml
def test_plantuml_draws_each_value_and_each_event() -> None:
    drawn = graph(ring(NAMES[::3]), "node1.state")  # it takes long for many
    found = texts(readers.plantuml(render(drawn, "plantuml")))
    wanted = [*(n.label for n in drawn.nodes), *(str(w) for e in drawn.edges for w in e.labels)]
    assert sorted(found) == sorted([lines(drawn.title), *map(lines, wanted)])


def test_mermaid_draws_the_built_in_machine(mermaid) -> None:
    """Its nodes have roles, links and more lines than one."""
    for drawn in built_in():
        found = mermaid(render(drawn, "mermaid"))
        said = " ".join(map(lines, found["nodes"]))
        assert len(found["nodes"]) >= len(drawn.nodes)
        assert all(lines(line) in said for node in drawn.nodes for line in node.text)


@pytest.mark.plantuml
def test_plantuml_draws_the_built_in_machine() -> None:
    """The roles of its nodes were written with a sign that PlantUML does not read."""
    for drawn in built_in():
        found = texts(readers.plantuml(render(drawn, "plantuml")))
        assert {lines(line) for node in drawn.nodes for line in node.text} - set(found) == set()
        roles = [f"«{node.role}»".replace("_", " ") for node in drawn.nodes]
        assert [said for said in found if said.startswith("«")] == roles


def built_in() -> tuple[Graph, ...]:
    """A picture of states and one of a way, of the built-in machine."""
    return (graph(PRG.model, "node1.state", "manual"),
            path(run(PRG, "start normal\nfailover(node1)\npower_off(node2)")))


@pytest.mark.plantuml
def test_plantuml_draws_each_step_of_a_sequence() -> None:
    drawn = told()
    found = texts(readers.plantuml(render(drawn, "plantuml")))
    assert {lines(t) for t in said(drawn)} - set(found) == set()


def texts(svg: str) -> list[str]:
    return [lines("".join(e.itertext())) for e in ET.fromstring(svg).iter() if e.tag.endswith("}text")]


def told() -> Sequence:
    """The ring once round, as a sequence."""
    engine = Engine(ring(tuple(n for n in NAMES if n == clean(n))))
    events = [e.name for e in engine.model.events]
    return sequence(run(engine, verbatim(engine, "\n".join(events))))


def said(drawn: Sequence) -> list[str]:
    return [drawn.title, *(t for item in drawn.items
                           for t in ([item.text] if isinstance(item, Message) else item.text))]


@pytest.mark.dot
def test_graphviz_reads_each_value_and_each_event() -> None:
    done = subprocess.run(["dot", "-Tjson"], input=render(DRAWN, "dot").encode(),
                          capture_output=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    labels = {o["name"]: _unfolded(o["label"]) for o in found["objects"]}
    del labels["start"]
    assert labels == {n.id: _unfolded(clean(n.label).replace("\\", r"\\")) for n in DRAWN.nodes}
    assert len(found["edges"]) == len(NAMES) + 1  # one leads from the start


def _unfolded(label: str) -> str:
    """A label without its spaces and folds; a backslash of Graphviz is `\\\\`."""
    said = re.sub(r"\\(.)", lambda m: "" if m[1] == "n" else m[1], html.unescape(label))
    return "".join(said.split())


# -------------------------------------------------------------------------- tables


def cells(text: str) -> list[list[str]]:
    """The rows of the tables of a page, as a reader of Markdown sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append("".join(
                f"<{t.type}>" if t.nesting or t.type == "html_inline" else t.content
                for t in token.children or ()))
    return rows


def test_a_table_is_read_word_for_word() -> None:
    names = DRAWN.names
    assert [[lines(c) for c in row] for row in cells(render(DRAWN, "markdown"))[1:]] == [
        [lines(c) for c in (names[e.source], names[e.target], w.event, w.rule, w.phase)]
        for e in DRAWN.edges for w in e.labels]


def maps() -> Iterator[Matrix]:
    """Maps that have all values between them, in rows and in columns."""
    for names in batched(NAMES, 20):
        values = {"node1.state": names, "node2.state": names}
        model = Model("a *map*", tuple(Column(c, v, "record") for c, v in values.items()),
                      (tuple((c, v[0]) for c, v in values.items()),),
                      (Event("go", Kind.COMMAND, "administrator"),), (),
                      (Rule("R1", "go", {}, {"node1.state": names[-1]}),))
        pairs = [dict(zip(values, pair, strict=True)) for pair in product(names, names)]
        yield matrix(Engine(model), pairs=pairs)


def batched(names: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(names), most):
        yield names[first: first + most]


def test_a_map_is_read_word_for_word() -> None:
    for drawn in maps():
        head, *rows = cells(render(drawn, "markdown"))[:len(drawn.rows) + 1]
        assert [lines(c) for c in head[1:]] == [lines(drawn.column_name(v)) for v in drawn.columns]
        bold = [row[0].removeprefix("<strong_open>").removesuffix("<strong_close>") for row in rows]
        assert [lines(c) for c in bold] == [lines(drawn.row_name(v)) for v in drawn.rows]
        read = list(csv.reader(io.StringIO(render(drawn, "csv"), newline="")))
        assert [row[:2] for row in read[1:]] == [
            [clean(a), clean(b)] for a, b in product(drawn.rows, drawn.columns)]


def test_a_browser_shows_a_map_and_a_sequence_word_for_word(browser) -> None:
    page = browser.new_page()
    for drawn in (*maps(), told()):
        words = said(drawn) if isinstance(drawn, Sequence) else [
            drawn.title, *map(drawn.row_name, drawn.rows), *map(drawn.column_name, drawn.columns)]
        for form in ("html", "svg"):
            text = render(drawn, form)
            page.set_content(text)
            shown = page.evaluate("""() => [...document.querySelectorAll("*")].map(
              (n) => [...n.childNodes].map((c) => c.nodeValue ?? "").join(""))""")
            assert {lines(w) for w in words} - {lines(t) for t in shown} == set(), form
            if form == "svg":
                ET.fromstring(text)
    page.close()


# -------------------------------------------------------------------------- reports


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A machine with odd names, each a promise that is refuted, and the files of `prove`."""
    folder = tmp_path_factory.mktemp("broken")
    model = evolve(ring(PROMISED), invariants=tuple(
        Invariant(name, f"it is never {name}", {"node1.state": name}) for name in PROMISED))
    (folder / "odd.json").write_text(dumps(model), encoding="utf-8")
    words = ["prove", "--machine", "odd.json", "--sarif", "out.sarif", "--junit", "out.xml"]
    done = subprocess.run([sys.executable, "-m", "prgcore", *words], cwd=folder, check=False,
                          capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (4, b"")  # and F11 is vacuous, without an adversary
    return folder


PROMISED = tuple(n for n in NAMES if n == clean(n))[::4]


def test_the_validator_of_github_has_nothing_against_a_report(broken) -> None:
    assert readers.multitool(broken / "out.sarif") == []
    (found,) = json.loads((broken / "out.sarif").read_text(encoding="utf-8"))["runs"]
    results = {r["ruleId"]: r["message"]["text"] for r in found["results"]}
    assert set(results) == {*PROMISED, "F11"}
    assert not [id_ for id_, text in results.items() if text.startswith(id_)]


def test_the_validator_is_asked_for_the_rules_of_github(broken) -> None:
    path = broken / "without.sarif"
    log = json.loads((broken / "out.sarif").read_text(encoding="utf-8"))
    driver = log["runs"][0]["tool"]["driver"]
    for rule in driver["rules"]:
        del rule["fullDescription"]
    path.write_text(json.dumps(log), encoding="utf-8")
    found = readers.multitool(path)
    assert len(found) == len(driver["rules"])
    assert {(level, text.partition(" ")[0]) for level, text in found} == {("error", "GH2012")}


def test_the_validator_of_github_has_nothing_against_any_failure(tmp_path) -> None:
    """Some of the planted faults, each with a place and without one."""
    paths = []
    for fault in FAULTS[::4]:
        told = [(Machine(fault.model), report(fault.model).to_json())]
        for where in (None, Place("a machine.json", 7)):
            text = sarif(told, lambda *_, at=where: at, "1.0.0", manual=MANUAL)
            paths.append(tmp_path / f"{len(paths)}.sarif")
            paths[-1].write_text(text, encoding="utf-8")
    assert len(paths) == 8
    assert readers.multitool(*paths) == []


MANUAL = "https://git.example.org/you/prgcore/blob/v1/docs/index.md"


def test_a_report_of_tests_is_read(broken) -> None:
    (suite,) = JUnitXml.fromfile(str(broken / "out.xml"))
    failed = {case.name: one.text for case in suite for one in case.result
              if isinstance(one, Failure)}
    assert set(failed) > {f"{name} it is never {name}" for name in PROMISED}
    assert suite.failures == len(failed) == len(PROMISED) + 1
    for name in PROMISED[1:]:
        assert f"Broken: it is never {name}." in failed[f"{name} it is never {name}"]
