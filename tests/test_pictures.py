"""`prgcore diagram`: every view in every format, what is refused and what to do instead."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from prgcore.adapters import graphviz
from prgcore.cli import drawing
from prgcore.diagram import FORMATS, Graph, Matrix, Sequence, draw, graph
from prgcore.errors import BadInput, BudgetExhausted
from prgcore.machine import PRG
from prgcore.model import Invariant, Story
from prgcore.prove import space
from prgcore.wire.machine_file import dumps
from tests.toys import LAMPS, TURNSTILE

ROOT = Path(__file__).parent.parent
STORY = str(ROOT / "tests" / "stories" / "service-down.txt")
SVG = "{http://www.w3.org/2000/svg}svg"
OPEN = evolve(TURNSTILE, invariants=(Invariant("Z9", "the arm stays locked", {"arm": "open"}),))


@pytest.fixture
def turnstile(tmp_path):
    """The file of a machine of one's own, which breaks its promise."""
    file = tmp_path / "turnstile.json"
    file.write_text(dumps(OPEN), "utf-8")
    return str(file)


def view(name: str) -> tuple[str, ...]:
    """A view of the built-in machine that needs no search."""
    return {
        "node": ("node", "--phase", "manual", "--guards"), "around": ("around", "normal", "--kind", "command"),
        "path": ("path", STORY), "sequence": ("sequence", STORY), "matrix": ("matrix",),
    }[name]


# ------------------------------------------------------------------------ views


@pytest.mark.parametrize("name", ["node", "around", "path"])
@pytest.mark.parametrize("form", sorted(FORMATS[Graph]))
def test_every_graph_in_every_text_format(run, name, form):
    answer = run("diagram", *view(name), "--format", form)
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.out.splitlines()) > 3


@pytest.mark.parametrize(("name", "shape"), [("sequence", Sequence), ("matrix", Matrix)])
def test_every_other_view_in_every_format(run, name, shape, tmp_path):
    for form in sorted(FORMATS[shape])[:: 1 if name == "sequence" else 2]:
        file = tmp_path / f"drawn.{form}"
        assert run("diagram", *view(name), "--format", form, "-o", file).out == ""
        assert file.stat().st_size
    assert run("diagram", *view(name), "--format", "text").out.startswith("prg")


def test_what_is_printed_if_no_format_is_asked_for(run, searched):
    assert run("diagram", "--guards").out == draw(PRG.model)
    for name in ("around", "path", "sequence"):
        assert max(map(len, run("diagram", *view(name)).out.splitlines())) <= 80


def test_pairs_by_role_and_by_situation(run, searched):
    roles = run("diagram", "pair")
    assert roles.out.startswith("prg: 825,920 pairs by role\n")
    commands = run("diagram", "pair", "--by", "situation", "--event", "failover").out
    assert "row 1 (serves users)" in commands
    assert "--> row 2\n     failover M100" in commands
    assert "fallback" not in commands


def test_too_large_a_view_names_narrower_ones_that_fit(run, bad, searched):
    said = bad("diagram", "pair", "--by", "situation", "--format", "dot")
    assert "49 nodes and" in said
    assert "try --kind command; --kind repair; --kind timer" in said
    assert run("diagram", "pair", "--by", "situation", "--format", "csv").code == 0
    said = bad("diagram", "around", "normal", "--radius", "2", "--format", "dot")
    assert "try --radius 1; --radius 2 --kind command" in said
    for options in (("--radius", "1"), ("--radius", "2", "--kind", "command")):
        assert run("diagram", "around", "normal", *options, "--format", "dot").code == 0
    said = bad("diagram", "around", "normal", "--radius", "9")
    assert "more than 1,000 pairs" in said
    assert "--radius 1; " in said
    long = "start normal\n" + "".join(
        f"services_down(node{n})\nservices_up(node{n})\n" for n in (1, 2))
    assert run("diagram", "path", "-", "--format", "dot", stdin=long).code == 0


def test_around_a_pair_however_it_is_given(run, bad, tmp_path):
    by_name = run("diagram", "around", "normal").out
    pair = PRG.run(PRG.initial[0], *dict(PRG.model.starts)["normal"]).end
    text = json.dumps(dict(pair))
    file = tmp_path / "pair.json"
    file.write_text(text, "utf-8")
    assert run("diagram", "around", text).out == by_name
    assert run("diagram", "around", str(file)).out == by_name
    assert run("diagram", "around", "-", stdin=text).out == by_name
    shown = run("diagram", "around", "--node1", "normal / normal", "--node2", "normal / normal")
    assert "* Normal | Normal" in shown.out
    assert "unknown start or file 'norml'; did you mean normal" in bad("diagram", "around", "norml")
    assert "--node1" in bad("diagram", "around", "normal", "--node1", "idle", "--node2", "idle")
    assert "from 1 to 50, not 0" in bad("diagram", "around", "normal", "--radius", "0")


def test_events_and_kinds(run, bad):
    out = run("diagram", "--guards", "--event", "failover(node1)", "--format", "text").out
    assert "failover(node1) M100" in out
    assert "failover(node2)" not in out
    both = run("diagram", "--guards", "--event", "failover", "--kind", "command",
               "--format", "text").out
    assert "prg: node1.state, by its guards alone, kind command, event failover (14" in both
    assert "failover(node2) M100" in both
    assert "unknown event 'failovr'; did you mean failover" in bad("diagram", "--event", "failovr")
    assert "unknown kind of event 'commands'; did you mean command" in bad(
        "diagram", "--kind", "commands")
    assert "did you mean manual" in bad("diagram", "pair", "--phase", "manul")


def test_legend_and_links(run, searched):
    plain = run("diagram", "--guards", "--no-legend", "--links", "", "--phase", "manual").out
    assert "Legend" not in plain
    assert "click" not in plain
    there = "https://example.org/r/"
    linked = run("diagram", "--guards", "--links", there, "--phase", "manual").out
    assert f'href "{there}states.html#idle"' in linked
    for name in ("sequence", "matrix"):
        for links in ("", there):
            svg = run("diagram", *view(name), "--format", "svg", "--links", links).out
            assert "reference/" not in svg
            assert (f'href="{there}' in svg) is bool(links)


def test_as_json(run, searched):
    for name in ("node", "around", "path", "sequence", "matrix"):
        drawn = json.loads(run("diagram", *view(name), "--json").out)
        assert drawn["title"].startswith(("prg", "Row", "Table"))


# ------------------------------------------------------ what can be reached, what is empty


def test_the_node_is_drawn_as_the_search_saw_it(run, searched):
    exact, guards = (
        json.loads(run("diagram", "node", *options, "--format", "xstate").out)["states"]["s_normal"]
        for options in ((), ("--guards",))
    )
    assert "enable_ha" not in exact["on"]
    assert guards["on"]["enable_ha"][0]["target"] == "s_initializing"
    assert run("diagram", "node", "--format", "text").out.startswith("prg: node1.state\n")


def test_without_the_search_guards_alone_and_a_remark(run, monkeypatch):
    expected = run("diagram", "--guards").out
    for module in [m for m in sys.modules if m.startswith("prgcore.prove")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("prgcore.prove", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    answer = run("diagram")
    assert (answer.code, answer.out) == (0, expected)
    assert answer.err == (
        "prgcore: the exact view node needs an extra: pip install 'prgcore[prove]'; drawn by its "
        "guards alone, as --guards asks for\n")


def test_too_large_to_search_guards_alone_and_a_remark(run, monkeypatch):
    def too_large(_):
        raise BudgetExhausted("the reachable pairs are too many to search")

    monkeypatch.setattr(space, "search", too_large)
    answer = run("diagram")
    assert (answer.code, answer.out) == (0, draw(PRG.model))
    assert answer.err.count("\n") == 1
    assert "too many to search; drawn by its guards alone" in answer.err


def test_an_empty_picture_says_so_and_what_to_try(run, searched):
    answer = run("diagram", "--guards", "--event", "fallback", "--phase", "failover")
    assert answer.code == 0
    assert answer.err.startswith("prgcore: no step matches: prg: node1.state, phase failover, ")
    assert "event fallback" in answer.err
    assert "; try --event fallback; --phase failover; --kind command; " in answer.err
    assert answer.err.count("fallback") == 2
    pair = run("diagram", "pair", "--event", "fallback", "--kind", "timer")
    assert "; try --event fallback; --kind timer; " in pair.err
    assert run("diagram", "around", "initial", "--kind", "completion").err.count("no step") == 1


def test_a_machine_that_is_not_ours_has_no_links(run, tmp_path):
    file = tmp_path / "machine.json"
    rule = evolve(PRG.model.rules[0], id="A101")
    for rules, links in (((), True), ((rule,), False)):
        edited = evolve(PRG.model, rules=(*PRG.model.rules[1:], *rules))
        assert (graph(edited).reference != "") is links
    row = evolve(PRG.model.situations[0], row="99")
    edited = evolve(PRG.model, situations=(*PRG.model.situations, row))
    file.write_text(dumps(edited), "utf-8")
    for name in ("node", "path"):
        drawn = run("diagram", *view(name), "--machine", file, "--format", "dot").out
        assert "reference/" not in drawn
        assert "URL" not in drawn


# ---------------------------------------------------------------------- stories


def test_a_story_by_file_by_id_and_from_standard_input(run):
    text = Path(STORY).read_text("utf-8")
    drawn = run("diagram", "path", STORY)
    assert drawn.out == run("diagram", "path", "-", stdin=text).out
    assert "prg: A critical service of node 1 stays down" in drawn.out
    by_id = run("diagram", "path", PRG.model.stories[0].id)
    assert PRG.model.stories[0].title in " ".join(by_id.out.split())
    policy = run("diagram", "path", "-", stdin="policy reconnection=keep_serving\nstart normal\n")
    assert policy.code == 0


def test_a_counterexample_from_the_prover_and_from_its_report(run, bad, turnstile, tmp_path):
    path = run("diagram", "path", "--counterexample", "Z9", "--machine", turnstile).out
    assert "(breaks a promise or an expectation)" in " ".join(path.split())
    assert "breaks Z9" in path
    assert "==> ! turnstile step 1\n     coin T1" in path
    report = run("prove", "--only", "Z9", "--json", "--machine", turnstile).out
    assert run("diagram", "path", "-", "--machine", turnstile, stdin=report).out == path
    assert run("diagram", "sequence", "-", "--machine", turnstile, stdin=report).code == 0
    machine = Path(turnstile).read_text("utf-8")
    file = tmp_path / "report.json"
    file.write_text(report, "utf-8")
    assert run("diagram", "path", str(file), "--machine", "-", stdin=machine).out == path
    assert "is of another machine" in bad("diagram", "path", "-", stdin=report)
    good = run("prove", "--only", "F1", "--json", "--machine", turnstile).out
    assert "no counterexample: nothing in it is refuted" in bad(
        "diagram", "path", "-", "--machine", turnstile, stdin=good)
    assert "F1 is proved: there is no counterexample" in bad(
        "diagram", "path", "--counterexample", "F1", "--machine", turnstile)
    assert "did you mean" in bad("diagram", "path", "--counterexample", "Z8", "--machine", turnstile)


def test_a_counterexample_to_induction_starts_from_its_pair(run, turnstile):
    found = {"before": {"arm": "locked"}, "event": "coin", "rule": "T1", "after": {"arm": "open"},
             "reachable": False, "trace": []}
    report = json.loads(run("prove", "--only", "Z9", "--json", "--machine", turnstile).out)
    report["obligations"][0]["counterexample"] = found
    answer = run("diagram", "path", "-", "--machine", turnstile, stdin=json.dumps(report))
    assert "breaks Z9" in answer.out


@pytest.mark.parametrize("given", [
    "{}", "[]", '{"obligations": 3}', '{"obligations": []}', '{"machines": 4}', '{"machines": [7]}',
    '{"obligations": [3, {"counterexample": 3}]}', '{"obligations": [{"counterexample": {}}]}',
    '{"obligations": [{"counterexample": {"before": 3, "event": 4}}]}', "{" * 9999, "{", "\x01",
    "", "#", "expect", "fly(me)", "failover(node1)\n" * 3 + "refsed recover", "é\u202e",
])
@pytest.mark.parametrize("name", ["path", "sequence"])
def test_what_is_no_story(bad, name, given):
    assert bad("diagram", name, "-", stdin=given)


@pytest.mark.parametrize("change", [
    {"before": {}}, {"before": {"arm": "ajar"}}, {"event": 3}, {"event": "fly"}, {"before": []},
    {"trace": "coin", "before": {"leg": "open"}}, {"reachable": True, "trace": ["fly"]},
])
def test_a_report_that_somebody_changed(bad, run, turnstile, change):
    report = json.loads(run("prove", "--only", "Z9", "--json", "--machine", turnstile).out)
    found = report["obligations"][0]["counterexample"]
    report["obligations"][0]["counterexample"] = {**found, "reachable": False, **change}
    assert bad("diagram", "path", "-", "--machine", turnstile, stdin=json.dumps(report))


# -------------------------------------------------------------------- pictures


@pytest.mark.dot
@pytest.mark.parametrize("name", ["node", "around", "path"])
def test_svg_png_and_html_of_a_graph(run, name, tmp_path):
    svg, png, html = (tmp_path / f"drawn.{end}" for end in ("svg", "png", "html"))
    for file in (svg, png, html):
        answer = run("diagram", *view(name), "-o", file)
        assert (answer.code, answer.out, answer.err) == (0, "", "")
    root = ET.fromstring(svg.read_text("utf-8"))
    assert root.tag == SVG
    assert "reference/rules.html#" in svg.read_text("utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")
    page = html.read_text("utf-8")
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "<td>" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_png_of_a_map_is_drawn_without_graphviz(run, monkeypatch, tmp_path, bad):
    file = tmp_path / "map.png"
    monkeypatch.setattr(graphviz, "which", lambda _: None)
    assert run("diagram", "matrix", "-o", file).code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert "needs an extra: pip install 'prgcore[pictures]'" in bad(
        "diagram", "matrix", "-o", tmp_path / "other.png")
    assert not (tmp_path / "other.png").exists()


def test_without_graphviz_it_says_what_to_install_and_what_to_do_instead(bad, monkeypatch, tmp_path):
    monkeypatch.setattr(graphviz, "which", lambda _: None)
    said = bad("diagram", "--guards", "-o", tmp_path / "node.svg")
    assert "needs Graphviz" in said
    assert "apt install graphviz" in said
    assert "--format mermaid, dot or text" in said
    assert not list(tmp_path.iterdir())


def test_when_graphviz_fails(bad, monkeypatch, tmp_path):
    program = tmp_path / "dot"
    monkeypatch.setattr(graphviz, "which", lambda _: str(program))
    assert "cannot run" in bad("diagram", "--guards", "--format", "svg")
    program.write_text("#!/bin/sh\necho 'syntax error' >&2\nexit 3\n", "utf-8")
    program.chmod(0o755)
    assert "dot could not draw this: syntax error" in bad("diagram", "--guards", "--format", "svg")
    program.write_text("#!/bin/sh\nexit 0\n", "utf-8")
    assert "dot could not draw this: exit code 0" in bad("diagram", "--guards", "--format", "svg")

    def late(*_, **__):
        raise subprocess.TimeoutExpired("dot", 60)

    monkeypatch.setattr(subprocess, "run", late)
    assert "drew no picture in 60 s; take a narrower view" in bad("diagram", "--guards", "--format", "svg")


@pytest.mark.dot
def test_pictures_that_are_not_graphs_are_refused_by_graphviz_in_one_line():
    with pytest.raises(BadInput, match="dot could not draw this"):
        graphviz.picture("digraph {", "svg")


# --------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("words", "said"), [
    (("node", "WHAT"), "the view node does not go with WHAT"),
    (("node", "--radius", "2"), "the view node does not go with --radius"),
    (("node", "--by", "role"), "the view node does not go with --by"),
    (("pair", "--column", "ha"), "the view pair does not go with --column"),
    (("around", "normal", "--phase", "manual"), "the view around does not go with --phase"),
    (("path", STORY, "--kind", "command"), "the view path does not go with --kind"),
    (("sequence", STORY, "--no-legend"), "the view sequence does not go with --legend"),
    (("matrix", "--legend"), "the view matrix does not go with --legend"),
    (("pair", "--guards"), "the view pair does not go with --guards"),
    (("node", "--set", "ha=on"), "the view node does not go with --set"),
    (("matrix", "--counterexample", "S1"), "the view matrix does not go with --counterexample"),
    (("node", "--rows", "ha"), "the view node does not go with --rows"),
    (("--json", "--format", "dot"), "--json does not go with --format"),
    (("--json", "-o", "x.json"), "--json does not go with --output"),
    (("path",), "say of which story: a file, -, an id"),
    (("path", STORY, "--counterexample", "S1"), "say of which story"),
    (("path", "no_such_file"), "unknown story 'no_such_file'"),
    (("path", "-", "--machine", "-"), "standard input cannot be both the machine and the story"),
    (("around", "-", "--machine", "-"), "standard input cannot be both"),
    (("-o", "node.xyz"), "--output 'node.xyz' says no format that this view has: end it with"),
    (("matrix", "-o", "map.dot"), "says no format that this view has"),
    (("-o", "no_such_directory/node.svg"), "expected a file in a directory that exists"),
    (("pair", "--by", "node1.stat"), "unknown column 'node1.stat'; did you mean node1.state"),
    (("matrix", "--rows", "ha", "--columns", "ha"), "two columns"),
    (("sequence", STORY, "--format", "dot"), "unknown format 'dot'; known: "),
])
def test_what_does_not_apply_is_refused(bad, words, said):
    assert said in bad("diagram", *words)


def test_a_png_does_not_go_to_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(BadInput, match="give a file with -o FILE"):
        drawing.chosen(Graph, "png", None, "text")


def test_the_name_of_a_file_says_the_format(tmp_path):
    for end, form in drawing.SUFFIXES.items():
        assert drawing.chosen(Graph, None, tmp_path / f"a{end.upper()}", "text") == form
    assert drawing.chosen(Graph, "dot", tmp_path / "a.svg", "text") == "dot"
    assert drawing.chosen(Graph, None, None, "text") == "text"


def test_nothing_is_half_written(run, bad, tmp_path):
    file = tmp_path / "node.mmd"
    file.write_text("old", "utf-8")
    bad("diagram", "--guards", "--phase", "manul", "-o", file)
    assert file.read_text("utf-8") == "old"
    run("diagram", "--guards", "-o", file)
    assert file.read_text("utf-8") == draw(PRG.model)
    assert [f.name for f in tmp_path.iterdir()] == ["node.mmd"]


# ---------------------------------------------------------- machines of one's own


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE], ids=["lamps", "turnstile"])
def test_views_of_any_machine(run, bad, model, tmp_path):
    file = tmp_path / "machine.json"
    file.write_text(dumps(model), "utf-8")
    column = model.columns[0].name
    other = model.columns[-1].name

    def ask(*words):
        answer = run("diagram", *words, "--machine", file)
        assert (answer.code, answer.err) == (0, "")
        return answer.out

    assert ask("node", "--guards", "--column", column, "--format", "table") == draw(
        model, "table", column)
    assert "reference/" not in ask("node", "--column", column)
    assert "pairs by" in ask("pair", "--by", column)
    assert "the pair in question" in ask("around", "initial", "--radius", "3")
    if other != column:
        assert ask("matrix", "--rows", column, "--columns", other)
    for words, said in (
        (("node",), "unknown stored column 'node1.state'"),
        (("pair",), "play no roles; class the pairs by columns"),
        (("pair", "--by", "situation"), "has no situations; class its pairs by role or by columns"),
        (("around", "normal"), "unknown start or file 'normal'"),
    ):
        assert said in bad("diagram", *words, "--machine", file)


def test_only_what_a_view_needs_is_imported():
    code = (
        "import sys; from prgcore.cli import main\n"
        "sys.stdout.write = lambda text: len(text)\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'z3', 'numpy', 'resvg_py', 'prgcore.explain.explaining', 'prgcore.prove'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for words in (("diagram", "--guards"), ("diagram", "path", STORY)):
        subprocess.run([sys.executable, "-c", code, *words], check=True, cwd=ROOT)
    assert graph(PRG.model).reference == "reference/"


def test_a_story_is_found_by_its_id(run, bad):
    row3 = run("diagram", "sequence", "table2-3")
    assert row3.out.startswith("prg: Table 2, row 3: the manual failover ends\n")
    assert run("diagram", "sequence", "M7").out.startswith("prg: ")
    said = bad("diagram", "sequence", "table2-333")
    assert "unknown story 'table2-333'; did you mean table2-3" in said
    assert said.endswith("(or give a file)")
    assert "prove --only M1 --mutants 200" in bad("diagram", "sequence", "--counterexample", "M1")


def test_a_broken_machine_tells_the_stories_that_it_can(run, bad, tmp_path):
    way = dict(PRG.model.starts)["normal"]
    cut = PRG.step(PRG.initial[0], way[0]).rule
    story = Story("mine", "a story of my own", ("expect ha = off",), "initial")
    file = tmp_path / "cut.json"
    file.write_text(dumps(evolve(PRG.model, stories=(story,), rules=tuple(
        r for r in PRG.model.rules if r != cut))), "utf-8")
    assert "a story of my own" in run("diagram", "sequence", "mine", "--machine", file).out
    assert "cannot happen here" in bad(
        "diagram", "sequence", "table2-3", "--machine", file, code=1)
    assert "cannot read 'aaaa" in bad("diagram", "sequence", "a" * 5000)
