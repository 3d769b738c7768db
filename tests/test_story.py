"""Stories: what is written is what runs, what fails says where, and nothing ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.cli import main
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import PRG, prg
from prgcore.model import Column, Event, Model, Possible, Rule
from prgcore.model import Story as Record
from prgcore.story.script import LARGEST, as_story, changes, parse, run, tell, write
from prgcore.tables.stories import STARTS, STORIES
from prgcore.vocabulary import Kind
from tests.committed import committed

MANUAL = """\
# a manual failover, and back
start normal
failover(node1)      # node 1 loses its users
refused recover
impossible initialized(node1)
expect node1 Failing Over / On Admin Request
takeover_done(node2)
taken_over(node1)
expect node1 IDLE
expect node2 running_in_backup_mode: on_admin_request
expect node1.services = stopped
expect node1.health = stopped
fallback(node1)
takeback_done(node1)
expect node1 Normal / Normal
"""

WRITTEN = sorted((Path(__file__).parent / "stories").glob("*.txt"))
PRINTS = "\n# Printed by prgcore simulate:\n\n"
"""Stands between a story and what it prints."""

TOLD = """\
   1  start normal
      node1 Normal / Normal, node2 Normal / Normal

   2  failover(node1)                                        command, M100@node1
      manual failover: this node's users move to the peer
      node1 Normal -> Failing Over (On Admin Request)
      node2 Normal -> Taking Over (On Admin Request)
      node1.services up -> stopped
      node1.assigned_own yes -> no
      asks for stop_critical_services(node1), disconnect_users(node1),
        acquire_grant(node2), move_users(node2)

   3  recover                                                   command, refused
      FAILED: it is refused, and was to be done
      node1.state is failing_over, needs running_in_failed_mode; node2.state is
        taking_over, needs running_in_failed_mode
   4  expect node1 Idle
      FAILED: node1 is Failing Over / On Admin Request, expected Idle
   5  expect link = cut
      FAILED: link is up, expected cut
   6  given link = cut

2 events, 2 expectations: FAILED at lines 3, 4, 5
"""


def toy() -> Engine:
    return Engine(Model(
        name="toy", columns=(Column("lamp", ("off", "lit")),), initial=((("lamp", "off"),),),
        events=(Event("switch", Kind.COMMAND, "administrator"),
                Event("burn", Kind.FAULT, "environment")),
        possible=(Possible("burn", {"lamp": "lit"}),),
        rules=(Rule("T1", "switch", {"lamp": "off"}, {"lamp": "lit"}, why="light"),
               Rule("T2", "burn", {}, {"lamp": "off"}, why="dark")),
    ))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.stem)
def test_a_story_prints_what_its_file_shows(path, run) -> None:
    answer = run("simulate", path)
    assert (answer.code, answer.err) == (0, "")
    story, _, _ = path.read_text("utf-8").partition(PRINTS)
    printed = "".join(f"# {line}".rstrip() + "\n" for line in answer.out.splitlines())
    text = story + PRINTS + printed
    assert text == committed(f"stories/{path.name}", text)


def test_the_stories_show_every_verb() -> None:
    scripts = [parse(path.read_text("utf-8")) for path in WRITTEN]
    assert {line.verb for s in scripts for line in s.lines} == {
        "policy", "start", "expect", "done", "refused", "ignored", "impossible"}


def test_a_story_that_holds() -> None:
    told = run(PRG, MANUAL)
    assert told.ok, tell(told)
    assert told.end["node1.state"] == "normal"
    assert tell(told).endswith("7 events, 6 expectations: everything as expected\n")


def test_the_telling_of_a_story_that_fails() -> None:
    told = run(PRG, "start normal\nfailover(node1)\nrecover\nexpect node1 Idle\n"
                    "expect link = cut\ngiven link = cut\n")
    assert not told.ok
    assert [s.line.number for s in told.failures] == [3, 4, 5]
    assert tell(told) == TOLD


def test_every_line_fits_eighty_columns() -> None:
    long = "expect node1 Failed Over with Critical Services Not Running / Initialization\n" * 2
    assert max(map(len, tell(run(PRG, MANUAL + long)).splitlines())) <= 80


def test_a_node_that_does_not_run_shows_nothing() -> None:
    told = run(PRG, "start normal\nmanager_stop(node1)\nexpect node1 nothing\nexpect node2 down")
    assert [s.failed for s in told.steps[2:]] == [
        "", "node2 is Normal / Normal, expected nothing",
    ]

    assert run(PRG, "start normal\nmanager_stop(node1)\nexpect node1 Normal / Normal").ok


def test_every_story_of_the_tables_runs_and_reads_back() -> None:
    for record in STORIES:
        machine = prg(**dict(record.only))
        told = run(machine, record)
        assert parse(write(record), machine).lines == tuple(s.line for s in told.steps)
        assert max(map(len, tell(told).splitlines())) <= 80


def test_ignored_and_impossible_must_be_written() -> None:
    told = run(PRG, "start normal\ninitialized(node1)\nignored failover(node1)")
    assert [s.failed for s in told.failures] == [
        "it is impossible, and was to be done", "it is done, and was to be ignored",
    ]


def test_given_changes_the_pair_by_hand_and_may_leave_the_invariant() -> None:
    told = run(PRG, "start normal\ngiven node1.state = running_in_backup_mode\n"
                    "given node2.state = running_in_backup_mode\nfailover(node1)")
    assert [s.failed for s in told.failures] == ["the machine has no answer"]
    assert "breaks S1" in told.failures[0].error
    assert "breaks S1" in tell(told)


def test_the_start_is_the_initial_pair_unless_said() -> None:
    assert run(PRG, "expect ha = off").start == PRG.initial[0]
    assert run(PRG, "enable_ha\nstart initial\nexpect ha = off").ok


def test_a_machine_of_ones_own() -> None:
    told = run(toy(), "switch\nexpect lamp = lit\nrefused switch\nburn\nimpossible burn")
    assert told.ok, tell(told)
    lit = run(toy(), "start lit\nexpect lamp = lit", {"lit": ("switch",)})
    assert lit.ok
    assert "lamp lit" in tell(lit)
    with pytest.raises(BadInput, match="unknown start 'normal'; did you mean initial"):
        run(toy(), "start normal")
    with pytest.raises(BadInput, match="line 1: the nodes of this machine show no states"):
        run(toy(), "expect node1 idle")


def test_a_machine_with_words_of_its_own_is_told_column_by_column() -> None:
    columns = tuple(
        Column(f"{n}.{what}", ("off", "lit"))
        for n in ("node1", "node2") for what in ("state", "reason")
    )
    initial = tuple((c.name, "off") for c in columns)
    engine = Engine(evolve(toy().model, columns=columns, initial=(initial,), possible=(), rules=(
        Rule("T1", "switch", {"node1.state": "off"}, {"node1.state": "lit"}),
    )))
    told = run(engine, "start initial\nswitch\nexpect node1.state = lit")
    assert told.ok
    assert "node1.state off, node1.reason off, node2.state off" in tell(told)
    with pytest.raises(BadInput, match="the nodes of this machine show no states"):
        run(engine, "expect node1 idle")


def test_a_story_of_the_tables() -> None:
    record = Record("M1", "manual failover", ("failover(node1)", "expect node1 Failing Over"))
    assert write(record).startswith("# manual failover\nstart normal\n")
    assert run(PRG, record).ok


# --------------------------------------------------------------------- policies

KEPT = "policy reconnection=keep_serving\nstart normal\nenable_auto_fallback\n"


def test_a_story_is_of_a_machine_with_its_policies() -> None:
    told = run(prg(reconnection="keep_serving"), "# why\n" + KEPT)
    assert told.ok
    assert told.start["node1.state"] == "normal"
    assert parse(KEPT).policy == {"reconnection": "keep_serving"}
    assert parse("enable_ha").policy == {}
    assert tell(told).startswith("   2  policy reconnection=keep_serving\n\n   3  start normal\n")
    assert tell(told).endswith("\n1 event, 0 expectations: everything as expected\n")


def test_a_story_of_the_tables_says_its_policies() -> None:
    record = Record("H1", "kept", ("enable_auto_fallback",), only={"reconnection": "keep_serving"})
    assert write(record) == "# kept\n" + KEPT


def test_a_story_of_other_policies_is_refused() -> None:
    with pytest.raises(BadInput, match=(
        "line 1: the story is about a machine with reconnection=keep_serving, and this one has "
        "reconnection=fail; give --policy reconnection=keep_serving"
    )):
        run(PRG, KEPT)
    with pytest.raises(BadInput, match="line 1: unknown policy 'reconection'; did you mean reconn"):
        parse("policy reconection=fail", PRG)
    with pytest.raises(BadInput, match="line 1: this machine has no policies; leave the line out"):
        run(toy(), "policy reconnection=fail\nswitch")
    with pytest.raises(BadInput, match="line 1: reconnection is fail here and keep_serving later"):
        parse("policy reconnection=fail\n" + KEPT)
    with pytest.raises(BadInput, match="line 1: policy needs NAME=CHOICE, not reconnection"):
        parse("policy reconnection")


def test_simulate_takes_the_machine_that_the_story_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.txt"
    file.write_text(KEPT)
    assert main(["simulate", str(file)]) == 0
    assert main(["simulate", str(file), "--policy", "reconnection=keep_serving"]) == 0
    assert capsys.readouterr().out.count("everything as expected") == 2
    assert main(["simulate", str(file), "--policy", "reconnection=fail"]) == 2
    assert "give --policy reconnection=keep_serving" in capsys.readouterr().err
    file.write_text("policy reconnection=maybe\nenable_ha\n")
    assert main(["simulate", str(file)]) == 2
    assert "reconnection: unknown choice 'maybe'" in capsys.readouterr().err
    file.write_text("# nothing\n")
    assert main(["simulate", str(file)]) == 2
    assert "a story without a line" in capsys.readouterr().err


# ------------------------------------------------------------------------ changes


def test_changes_of_reasons_alone() -> None:
    before = {"node1.state": "idle", "node1.reason": "on_admin_request", "ha": "on"}
    after = {"node1.state": "idle", "node1.reason": "initialization", "ha": "off"}
    assert changes(before, after) == (
        "node1 Idle (On Admin Request -> Initialization)", "ha on -> off",
    )
    assert changes(before, before) == ()


def test_json() -> None:
    answer = run(PRG, "start normal\nfailover(node1)\nrefused recover").to_json()
    assert answer["ok"] is True
    assert answer["pair"]["node1.state"] == "failing_over"
    done, refused = answer["steps"][1:]
    assert (done["outcome"], done["rule"], done["line"]) == ("done", "M100@node1", 2)
    assert {"do": "move_users", "node": "node2"} in done["actions"]
    assert (refused["outcome"], refused["rule"], refused["changes"]) == ("refused", None, [])


# --------------------------------------------------------------------- mistakes


def test_all_mistakes_of_form_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        parse("fo o\n\nexpect x\ngiven\nexpect node1 Idel\nenable_ha\nexpect node1 Idle / Onn")
    said = str(caught.value).split("; line ")
    assert said[0] == (
        "line 1: fo o is not a line of a story; expected an event such as failover(node1), or "
        "policy, start, given, expect, refused, ignored, impossible"
    )
    assert said[1:4] == [
        "3: expect needs COLUMN = VALUE or node1 STATE / REASON, not x",
        "4: given needs COLUMN = VALUE, not nothing",
        "5: unknown state 'Idel'; did you mean Idle?",
    ]
    assert said[4].startswith("7: unknown reason 'Onn'")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_a_story_without_a_line(text: str) -> None:
    with pytest.raises(BadInput, match=r"a story without a line; expected an event such "
                                       r"as failover\(node1\), or policy, start, given, expect"):
        run(PRG, text)


def test_all_wrong_names_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        parse("start nowhere\nfailver(node1)\nexpect node1.stat = idle\n"
              "given node1.health = healthy\nexpect link = on", PRG)
    for part in (
        "line 1: unknown start 'nowhere'", "line 2: unknown event 'failver(node1)'; did you mean",
        "line 3: unknown column 'node1.stat'; did you mean node1.state",
        "line 4: node1.health is derived; give the columns that it comes from",
        "line 5: unknown value 'on'; known: cut, up",
    ):
        assert part in str(caught.value)


def test_not_text_too_long_too_many() -> None:
    with pytest.raises(BadInput, match="a story is UTF-8 text; byte 1 is not"):
        parse(b"x\xff\xfe")
    with pytest.raises(BadInput, match="line 1: not printable text"):
        parse("\0\1")
    with pytest.raises(BadInput, match="at most 1,000,000 characters, not 1,000,001"):
        parse("x" * (LARGEST + 1))
    with pytest.raises(BadInput, match="and 480 more"):
        parse("? ?\n" * 500)
    assert parse("x" * 1000).lines[0].name == "x" * 1000


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(), st.binary()))
def test_hostile_text_gives_one_line(text: str | bytes) -> None:
    try:
        assert run(PRG, parse(text, PRG)).start
    except BadInput as error:
        assert str(error).isprintable()  # noqa: PT017


# -------------------------------------------------------------------- as_story


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([e.name for e in PRG.model.events]), max_size=12),
       st.sampled_from(sorted(STARTS)))
def test_a_trace_is_a_story_that_holds(trace: list[str], start: str) -> None:
    text = as_story(PRG, trace, start)
    told = run(PRG, text)
    assert told.ok, tell(told)
    assert [line.name for line in parse(text).lines[1:]] == trace
    again = run(PRG, as_story(PRG, trace, told.steps[0].after))
    assert again.ok
    assert again.end == told.end


def test_a_trace_from_a_pair_that_is_given() -> None:
    pair = {**PRG.initial[0], "link": "cut"}
    assert as_story(PRG, ["link_repair", "recover", "link_repair"], pair) == (
        "start initial\ngiven link = cut\nlink_repair\nrefused recover\nimpossible link_repair\n"
    )


def test_a_trace_with_wrong_names() -> None:
    with pytest.raises(BadInput, match="unknown event 'nothing'"):
        as_story(PRG, ["nothing"])
    with pytest.raises(BadInput, match="unknown start 'nowhere'; did you mean normal"):
        as_story(PRG, [], "nowhere")
