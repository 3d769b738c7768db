"""Sequences: who tells whom, what stands beside it, and pictures in which nothing is hidden."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import pytest
from writer.stories import stories

from prgcore.diagram import FORMATS, Sequence, render
from prgcore.diagram.palette import PALETTE, Role
from prgcore.diagram.sequence import (
    ARRIVES,
    BROKEN,
    CUT,
    LIVES,
    LOST,
    REMARK,
    SENT,
    SILENCE,
    TWICE,
    Life,
    Message,
    Note,
    Span,
    ends,
    nodes_of,
    route,
    route_of_action,
    sequence,
)
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.model import Action
from prgcore.prove.space import search
from prgcore.story.script import as_story, run
from prgcore.tables.actions import ACTIONS
from prgcore.vocabulary import Kind
from tests.committed import committed
from tests.pictures import (
    HOSTILE,
    LIT,
    NASTY,
    STORY,
    boxes,
    overlapping,
    parsed,
    within,
    words,
)
from tests.planted import LAMPS as SIGNALS
from tests.toys import LAMPS, TURNSTILE

SUFFIX = {"text": "txt", "mermaid": "mmd", "plantuml": "puml"}
UNTRUE = """start normal
given link = cut
heartbeat_lost(node1)
expect node2 Idle
failover(node2)
impossible link_cut
refused recover
ignored critical_service_delay(node1)
given node1.state = running_in_backup_mode
given node2.state = running_in_backup_mode
link_repair
"""


def _counterexample() -> Sequence:
    """The shortest way to the promise that is broken, as the prover tells it."""
    space, engine = search(LIT), Engine(LIT)
    number = next(n for n in range(len(space)) if engine.broken(engine.pair(space.pair(n))))
    story = as_story(engine, [r.event for r in space.trace(number)])
    return sequence(run(engine, story), "S1: never both lamps lit")


def _story(name: str) -> Sequence:
    return sequence(run(prg(), stories()[name]), name)


def _hostile() -> Sequence:
    drawn = sequence(run(Engine(NASTY), "go\ntick(node1)\nrefused go"), HOSTILE)
    note = Note(("node1",), (HOSTILE, "", "end", "endrnote", "@enduml"), BROKEN)
    return Sequence(drawn.title, drawn.lives, (*drawn.items, note, Message(
        "node1", "node1", HOSTILE, "timer", HOSTILE, 'x"><script>'), Message(
        "node1", "node1", "", "action")), "javascript:")


def _flights() -> Sequence:
    """Two heartbeats that cross, of which one is lost; a cut, silence, and users served twice."""
    both = ("node1", "node2")

    def beat(node: str, step: int, flight: int = 0, part: str = "") -> Message:
        words = f"heartbeat {flight}" if flight else "heartbeat"
        return Message(node, "node2" if node == "node1" else "node1", words, "beat",
                       step=step, flight=flight, part=part)

    return Sequence("Crossing heartbeats", tuple(Life(n, LIVES[n]) for n in ("node1", "record", "node2")), (
        *(Note((n,), ("Normal",), Role.SERVING) for n in both),
        beat("node1", 1, 1, SENT), beat("node2", 2, 2, SENT),
        Span(("node1",), "node1 is no longer heard", CUT, step=3), beat("node1", 3, 1, LOST),
        Span(both, "an interval", SILENCE, step=4),
        Message("node2", "node2", "heartbeat_lost(node2)", "timer", step=5),
        Message("node2", "record", "write", "write", step=5),
        Note(("node2",), ("Running in Backup Mode", "Peer Down"), Role.SERVING),
        beat("node2", 6, 2, ARRIVES),
        Span(both, "served twice from here: users of node1", TWICE), beat("node1", 7, part=LOST),
        Span(("node1",), "node1 is heard again", CUT, ends=True, step=8), beat("node1", 9),
        Message("record", "node1", "read", "read", step=10),
        Span(both, "nobody is served twice", TWICE, ends=True),
    ))


DRAWN = {
    "flights": cache(_flights),
    "row3": cache(lambda: _story("table2-3")),
    "refused": cache(lambda: _story("M7")),
    "long": cache(lambda: _story("H7")),
    "counterexample": cache(_counterexample),
    "lit": cache(lambda: sequence(run(Engine(LIT), STORY), "two lamps")),
    "untrue": cache(lambda: sequence(run(prg(), UNTRUE), "what does not hold")),
    "turnstile": cache(lambda: sequence(run(Engine(TURNSTILE), "coin\npush\nignored push"))),
    "lamps": cache(lambda: sequence(run(
        Engine(LAMPS), "start dark\nflip\nfollow(node1)\ncut\nimpossible follow(node1)"))),
    "hostile": cache(_hostile),
}


# ------------------------------------------------------------- who tells whom


def test_every_event_has_a_route() -> None:
    model = prg().model
    routes = {e.name: route(model, e.name) for e in model.events}
    assert routes["failover(node2)"] == ("administrator", ("node2",))
    assert routes["recover"] == ("administrator", ("node1", "node2"))
    assert routes["services_down(node1)"] == ("world", ("node1",))
    assert routes["link_cut"] == ("world", ("node1", "node2"))
    assert routes["heartbeat_lost(node2)"] == ("node2", ("node2",))
    assert routes["internal_error(node1)"] == ("node1", ("node1",))
    for event in model.events:
        source, targets = routes[event.name]
        assert {source, *targets} <= set(LIVES)
        assert (source == "administrator") == (event.kind is Kind.COMMAND)


def test_the_grant_is_asked_of_the_arbiter() -> None:
    model = prg().model
    asked = {a.name: route_of_action(model, Action(a.name, "node2")) for a in ACTIONS}
    to_arbiter = {name for name, (source, target) in asked.items() if target == "arbiter"}
    assert to_arbiter == {"acquire_grant", "release_grant"}
    assert {source for source, _ in asked.values()} == {"node2"}
    assert route_of_action(model, Action("assign_users")) == ("node1", "node1")


def test_a_machine_without_nodes_is_one_life_line() -> None:
    assert nodes_of(TURNSTILE) == ("machine",)
    assert route(TURNSTILE, "coin") == ("administrator", ("machine",))
    assert route(TURNSTILE, "push") == ("world", ("machine",))
    assert nodes_of(LAMPS) == ("node1", "node2")
    assert nodes_of(NASTY) == ("node1",)


# --------------------------------------------------------------------- the run


def test_row_3_is_told_in_order() -> None:
    drawn = _story("table2-3")
    assert [life.id for life in drawn.lives] == ["administrator", "node1", "arbiter", "node2"]
    told = [i for i in drawn.items if isinstance(i, Message)]
    assert [(m.source, m.target, m.text) for m in told] == [
        ("administrator", "node1", "failover(node1) M100"),
        ("node1", "node1", "stop_critical_services"),
        ("node1", "node1", "disconnect_users"),
        ("node2", "arbiter", "acquire_grant"),
        ("node2", "node2", "move_users"),
        ("node2", "node2", "takeover_done(node2) F110"),
        ("node2", "node2", "start_critical_services"),
        ("node1", "node1", "taken_over(node1) F114"),
        ("node1", "node1", "disconnect_users"),
        ("node1", "arbiter", "release_grant"),
    ]
    assert told[0].tooltip.startswith("M100: manual failover")
    assert told[0].url == "rules.html#m100"
    assert [m.step for m in told] == [1, 1, 1, 1, 1, 2, 2, 3, 3, 3]
    states = [(n.over, n.text[0], n.role) for n in drawn.items
              if isinstance(n, Note) and n.role != REMARK]
    assert states == [
        (("node1",), "Normal", "serving"), (("node2",), "Normal", "serving"),
        (("node1",), "Failing Over", "transition"), (("node2",), "Taking Over", "transition"),
        (("node2",), "Running in Backup Mode", "serving"), (("node1",), "Idle", "failed_over"),
    ]


@pytest.mark.parametrize("id_", stories())
def test_every_story_can_be_drawn(id_: str) -> None:
    text = stories()[id_]
    policy = dict(re.findall(r"^policy (\w+)=(\w+)", text, re.MULTILINE))
    told = run(prg(**policy), text)
    drawn = sequence(told)
    lives = {life.id for life in drawn.lives}
    assert all(set(ends(item)) <= lives for item in drawn.items)
    assert not any(isinstance(i, Note) and i.role == BROKEN for i in drawn.items)
    events = [s for s in told.steps if s.kind is not None]
    steps = {i.step for i in drawn.items if isinstance(i, Message)}
    assert steps == set(range(1, len(events) + 1))
    last = {n.over[0]: n for n in drawn.items if isinstance(n, Note) and n.role in list(Role)}
    for node in ("node1", "node2"):
        shown = told.end[f"{node}.process"] == "running"
        assert (last[node].role == Role.SILENT) is not shown
        said = last[node].text[0] if shown else last[node].text[1].removeprefix("in the record: ")
        assert said.split(" / ")[0].lower().replace(" ", "_") == told.end[f"{node}.state"]
    assert sum(1 for _ in drawn.items) == sum(map(len, drawn.bands))
    assert max(map(len, render(drawn, "text").splitlines())) <= 80
    root = parsed(render(drawn, "svg"))
    within(root)
    assert overlapping(boxes(root)) == []


def test_what_is_no_step_is_answered_with_the_reason() -> None:
    answers = [i for i in DRAWN["untrue"]().items
               if isinstance(i, Message) and i.kind == "refusal"]
    assert [(a.source, a.target) for a in answers] == [
        ("node2", "administrator"), ("node1", "world"), ("node2", "world"),
        ("node1", "administrator"), ("node2", "administrator"), ("node1", "node1"),
        ("node1", "world"), ("node2", "world"),
    ]
    assert answers[0].text.startswith("refused: node2.state is failing over, needs normal")
    assert answers[1].text == "impossible: link is cut, needs up"
    assert answers[6].text == "no answer: a promise is broken"
    assert all(a.dashed for a in answers)
    ignored = DRAWN["turnstile"]().items[-1]
    assert isinstance(ignored, Message)
    assert (ignored.text, ignored.source, ignored.target) == (
        "ignored by T3: it holds", "machine", "world")


def test_a_story_that_is_too_long_is_text_only() -> None:
    many = sequence(run(prg(), "start normal\n" + "link_cut\nlink_repair\n" * 500))
    for form in ("svg", "html", "mermaid", "plantuml"):
        with pytest.raises(BadInput, match=r"too many to lay out .*use the format text"):
            render(many, form)
    assert render(many, "text").count("link_cut") == 500


def test_what_does_not_hold_is_marked() -> None:
    notes = [i for i in DRAWN["untrue"]().items if isinstance(i, Note) and i.role == BROKEN]
    assert all(n.over == ("node1", "node2") for n in notes)
    assert notes[0].text == (
        "Not as expected", "expect node2 Idle", "node2 is Failing Over / Peer Down, expected Idle")
    promises = [n for n in notes if n.text[0] == "Broken promise"]
    assert [p.text[1].partition(":")[0] for p in promises] == ["S16", "S1"]
    last = DRAWN["counterexample"]().items[-1]
    assert last == Note(
        ("node1", "node2"),
        ("Broken promise", "S1: never both lamps lit", "X1: never both warming or lit"), BROKEN)


def test_a_machine_without_states_shows_what_changes() -> None:
    notes = [(n.over, n.text) for n in DRAWN["lamps"]().items if isinstance(n, Note)]
    assert notes == [
        (("node1",), ("lamp: off", "hears: yes")), (("node2",), ("lamp: off",)),
        (("node1", "node2"), ("power: up", "switch: off", "spare: off")),
        (("node1", "node2"), ("switch: on",)), (("node1",), ("lamp: shining",)),
        (("node1", "node2"), ("power: down",)),
    ]
    assert DRAWN["lamps"]().reference == ""


def test_a_command_to_the_group_is_one_band() -> None:
    bands = [b for b in DRAWN["refused"]().bands if isinstance(b[0], Message) and len(b) > 1]
    ends_of = [[(m.source, m.target) for m in band if isinstance(m, Message)] for band in bands]
    asked = [("administrator", "node1"), ("administrator", "node2")]
    answered = [("node1", "administrator"), ("node2", "administrator")]
    assert all(some in (asked, answered) for some in ends_of)
    assert asked in ends_of
    assert answered in ends_of
    for drawn in DRAWN.values():
        for band in drawn().bands:
            over = [n for i in band if isinstance(i, Note) for n in i.over]
            assert len(over) == len(set(over))


def test_a_story_of_a_machine_with_states_of_its_own() -> None:
    drawn = sequence(run(Engine(SIGNALS), "light(node1)"))
    states = [(n.text, n.role) for n in drawn.items if isinstance(n, Note)]
    assert states == [(("Dark",), "plain"), (("Dark",), "plain"), (("Warming",), "transition")]


def test_a_start_in_the_middle_begins_anew() -> None:
    drawn = sequence(run(prg(), "start normal\nfailover(node1)\nstart normal\nrefused recover"))
    texts = [n.text for n in drawn.items if isinstance(n, Note)]
    again = texts.index(("start normal",))
    assert texts[again + 1:] == [("Normal",), ("Normal",)]


# --------------------------------------------------------------------- formats


@pytest.mark.parametrize("form", sorted(SUFFIX))
def test_two_lamps(form: str) -> None:
    text = render(DRAWN["lit"](), form)
    assert text == committed(f"golden/sequence.{SUFFIX[form]}", text)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_terminal_is_80_columns_wide(name: str) -> None:
    lines = render(DRAWN[name](), "text").splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_no_word_is_lost_in_a_terminal() -> None:
    for name in ("row3", "refused", "long", "untrue", "lamps"):
        drawn = DRAWN[name]()
        seen = re.sub(r"[^\w().]+", " ", render(drawn, "text"))
        for item in drawn.items:
            for part in (item.text,) if isinstance(item, Message) else item.text:
                for word in re.findall(r"[\w().]+", part):
                    assert word in seen, word


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_the_picture_is_well_formed_and_nothing_overlaps(name: str) -> None:
    drawn = DRAWN[name]()
    picture = render(drawn, "svg")
    root = parsed(picture)
    within(root)
    assert overlapping(boxes(root)) == []
    said = " ".join(text for text, _ in words(root))
    for life in drawn.lives:
        assert life.label in said
    notes = [n for n in drawn.items if isinstance(n, Note)]
    for role in {n.role for n in notes} - {REMARK, BROKEN}:
        assert PALETTE[Role(role)].says in said
    assert ("does not hold" in said) == any(n.role == BROKEN for n in notes)


def test_words_of_messages_do_not_cover_one_another() -> None:
    for name in ("row3", "refused", "long", "counterexample", "untrue", "lamps"):
        root = parsed(render(DRAWN[name](), "svg"))
        told = {(text, box) for text, box in words(root)}
        assert overlapping(sorted(box for _, box in told)) == [], name


def test_messages_in_flight_cross_and_are_lost_in_a_picture() -> None:
    root = parsed(render(DRAWN["flights"](), "svg"))
    lines = [tuple(float(e.get(k)) for k in ("x1", "y1", "x2", "y2")) for e in root.iter()
             if e.tag.endswith("line") and e.get("class") == "arrow"]
    lost, sent, at_once = (line for line in lines if line[1] != line[3])
    assert lost[1] < sent[1] < lost[3] < sent[3]  # one sets out before the other, and ends in between
    assert lost[0] == at_once[0] < lost[2] == at_once[2] < sent[0]  # a cross is short of the peer
    crosses = [e for e in root.iter() if e.tag.endswith("path") and "l10,10" in (e.get("d") or "")]
    assert len(crosses) == 2
    shades = {e.get("class"): e for e in root.iter()
              if e.tag.endswith("rect") and e.get("fill-opacity")}
    cut, twice = shades["r-cut"], shades["r-twice"]
    assert float(cut.get("width")) < float(twice.get("width")) / 2
    assert float(cut.get("y")) < float(twice.get("y")) < float(cut.get("y")) + float(cut.get("height"))


def test_messages_in_flight_cross_and_are_lost_in_a_terminal() -> None:
    text = render(DRAWN["flights"](), "text")
    assert text == committed("golden/flights.txt", text)
    assert text.count("✗") == 2
    edges = [line.startswith("!") and line.endswith("!") for line in text.splitlines()]
    assert 0 < sum(edges) < len(edges)


def test_other_languages_have_an_arrow_for_what_is_lost() -> None:
    drawn = DRAWN["flights"]()
    assert render(drawn, "mermaid").count("node1-xnode2: heartbeat") == 2
    assert render(drawn, "mermaid").count("node2-)node1: heartbeat 2") == 1
    assert render(drawn, "plantuml").count("node1 ->x node2 : heartbeat") == 2


def test_a_picture_leads_to_the_rules_and_says_why() -> None:
    picture = render(DRAWN["row3"](), "svg")
    assert 'href="reference/rules.html#m100"' in picture
    assert "<title>M100: manual failover" in picture
    assert "3 events; " in picture
    assert "href" not in render(DRAWN["counterexample"](), "svg")


def test_the_page_stands_alone_and_says_it_in_words() -> None:
    for drawn in DRAWN.values():
        page = render(drawn(), "html")
        assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
        assert "<script" not in page
        assert not re.search(r'(src|href)="https?:', page)
        assert page.count("<tr>") == len(drawn().items) + 1


@pytest.mark.parametrize("form", sorted(FORMATS[Sequence]))
def test_hostile_names_are_quoted(form: str) -> None:
    text = render(DRAWN["hostile"](), form)
    text.encode("utf-8")
    assert all(c.isprintable() or c in "\n\N{ZERO WIDTH SPACE}" for c in text)
    if form != "text":
        assert "<script" not in text
    if form == "plantuml":
        assert text.count("\n@enduml") == 1
        assert text.count("\nendnote") == text.count("\nnote over")
        assert not re.search(r"[<&\\%`*\"](?!U\+)", re.sub(r'^\w+ ".*', "", text, flags=re.MULTILINE)
                             .replace("<U+", ""))
    if form == "mermaid":
        body = text.split("---\n", 2)[2]
        assert not re.search(r"\bend\b(?!$)", re.sub(r"^ *end$", "", body, flags=re.MULTILINE))
        assert "%%" not in body


def test_an_empty_sequence_is_drawn() -> None:
    drawn = Sequence("", (Life("node1", "Node 1"),), ())
    for form in FORMATS[Sequence]:
        assert render(drawn, form)
    within(parsed(render(drawn, "svg")))


def test_every_process_draws_the_same_bytes() -> None:
    code = ("from prgcore.machine import prg\nfrom prgcore.diagram import FORMATS, Sequence, render\n"
            "from prgcore.diagram.sequence import sequence\nfrom prgcore.story.script import run\n"
            f"import hashlib\ns = sequence(run(prg(), {UNTRUE!r}))\n"
            "print(hashlib.sha256(''.join(render(s, f) for f in sorted(FORMATS[Sequence]))"
            ".encode()).hexdigest())")
    found = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                       env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("0", "4242")
    }
    assert len(found) == 1


def test_the_node_that_is_not_as_needed_answers_for_the_group() -> None:
    drawn = sequence(run(prg(), "start normal\nservices_down(node1)\n"
                                "critical_service_delay(node1)\nrefused recover"))
    answer = [m for m in drawn.items if isinstance(m, Message) and m.kind == "refusal"]
    heads = {part.split(".")[0] for part in answer[0].text.partition(": ")[2].split("; ")}
    assert {m.source for m in answer} == heads & {"node1", "node2"}
