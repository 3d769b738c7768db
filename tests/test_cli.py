"""The command line: answers, exit codes, and one clear line for every kind of bad input."""

from __future__ import annotations

import copy
import json
import os
import random
import socket
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import click
import pytest

import prgcore.prove  # noqa: F401
from prgcore import PRG
from prgcore.diagram import draw
from prgcore.wire.machine_file import dumps
from tests.toys import LAMPS
from tests.waits import LONG

WAY = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
       "initialized(node1)", "initialized(node2)")
ROOT = Path(__file__).parent.parent
STATUS = str(ROOT / "examples" / "status.txt")
BACKUP = ("--node1", "Failed Over / Critical Service Down",
          "--node2", "running in backup mode / critical service down")
TWICE = ("--node1", "Running in Backup Mode", "--node2", "Running in Backup Mode")

LAMP = {
    "format": "prgcore-machine/1", "name": "lamp",
    "columns": [{"name": "lamp", "domain": ["off", "on"], "kind": "stored",
                 "observed_by": "record"}],
    "initial": [{"lamp": "off"}],
    "events": [{"name": "press", "kind": "command", "decider": "administrator"}],
    "possible": [],
    "rules": [{"id": "R1", "event": "press", "outcome": "done", "when": {"lamp": ["off"]},
               "then": {"lamp": {"const": "on"}}, "why": "let there be light"}],
    "invariants": [{"id": "Z1", "says": "the lamp stays off", "never": [{"lamp": ["on"]}]}],
}


def shell(*words, stdin=b"", **environment):
    """The same in a process of its own, with pipes for standard streams."""
    return subprocess.run(
        [sys.executable, "-m", "prgcore", *words], input=stdin, capture_output=True, check=False,
        env={**os.environ, "COLUMNS": "80", **environment}, timeout=60,
    )


def normal():
    return PRG.run(PRG.initial[0], *WAY).end


def request(pair, event):
    return json.dumps({"pair": dict(pair), "event": event}) + "\n"


# ------------------------------------------------------------------------------- help


def test_alone_it_says_what_to_try_first(run):
    answer = run()
    assert answer.code == 0
    assert answer.err == ""
    assert "What to try first" in answer.out
    for command in ("prove", "machine", "step", "available", "explain", "why-not", "plan",
                    "simulate", "diagram", "diff", "explore", "init", "users", "timing", "ha",
                    "config"):
        assert f"\n  {command} " in answer.out


@pytest.mark.parametrize("command", [
    "prove", "machine", "step", "available", "explain", "why-not", "plan", "simulate", "diagram",
    "users",
])
def test_every_command_has_help_with_an_example_that_fits_80_columns(run, command):
    answer = run(command, "--help")
    assert answer.code == 0
    assert f"Usage: prgcore {command}" in answer.out
    assert "--json" in answer.out
    assert "--machine FILE" in answer.out
    assert "Example:\n" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_help_says_what_every_exit_code_means(run):
    said = run("--help").out.partition("Exit codes:\n")[2]
    assert [line.split()[0] for line in said.splitlines()] \
        == ["0", "1", "2", "3", "4", "70", "130", "141"]
    assert max(map(len, said.splitlines())) <= 80


def test_version(run):
    assert run("--version").out == "prgcore 0.1.0\n"


def test_completion_knows_the_commands():
    answer = shell(_PRGCORE_COMPLETE="bash_complete", COMP_WORDS="prgcore wh", COMP_CWORD="1")
    assert answer.stdout.strip() == b"plain,why-not"


def test_unknown_command_is_answered_with_the_nearest(bad):
    said = bad("explian")
    assert "No such command 'explian'" in said
    assert "explain" in said


def test_unknown_option_says_where_to_look(bad):
    assert bad("plan", "--gaol", "x=y").endswith("see prgcore plan --help")


def test_start_up_loads_no_solver():
    code = ("import sys; from prgcore.cli import main; main(['step', 'enable_ha']); "
            "sys.exit(bool({'z3', 'numpy', 'hypothesis'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_one_line(bad, monkeypatch):
    monkeypatch.setitem(sys.modules, "click", None)
    assert bad("available") == "the command line needs an extra: pip install 'prgcore[cli]'"


@pytest.mark.parametrize(("words", "what"), [
    (("prove",), "prgcore prove"),
    (("explain", "--exact", "--machine", "FILE", *BACKUP), "--exact"),
])
def test_a_missing_solver_is_one_line(bad, monkeypatch, tmp_path, words, what):
    file = tmp_path / "mine.json"
    file.write_text(dumps(PRG.model), encoding="utf-8")
    words = [str(file) if word == "FILE" else word for word in words]
    for module in [m for m in sys.modules if m.startswith("prgcore.prove")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("prgcore.prove", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert bad(*words) == f"{what} needs an extra: pip install 'prgcore[prove]'"


# ------------------------------------------------------------------------------- step


def test_step_for_people(run):
    answer = run("step", "enable_ha")
    assert answer.code == 0
    assert answer.out.startswith("enable_ha: done by A100\n")
    assert "node1 Unknown -> Initializing (Initialization)" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_step_as_json_has_the_promised_shape_and_pipes_into_itself(run):
    first = run("step", "enable_ha", "--json")
    decision = json.loads(first.out)
    assert list(decision) == ["outcome", "rule", "pair", "actions", "why", "failed"]
    assert (decision["outcome"], decision["rule"]) == ("done", "A100")
    again = json.loads(run("step", "-", "heartbeat_heard(node1)", "--json", stdin=first.out).out)
    assert again["pair"]["node1.hears_peer"] == "yes"


def test_actions_and_failed_cells_in_json(run):
    pair = json.dumps(dict(normal()))
    done = json.loads(run("step", pair, "failover(node1)", "--json").out)
    assert {"do": "stop_critical_services", "node": "node1"} in done["actions"]
    refused = json.loads(run("step", pair, "recover", "--json").out)
    assert refused["rule"] is None
    assert {"column": "node1.state", "is": "normal", "needs": ["running_in_failed_mode"]} \
        in refused["failed"]


def test_refused_is_an_answer_unless_strict(run):
    assert run("step", "recover").code == 0
    assert run("step", "recover", "--strict").code == 1
    assert run("step", "--strict", stdin=request(normal(), "recover")).code == 1


def test_an_impossible_event_exits_1(run, bad):
    assert "cannot happen here" in bad("step", "heartbeat_lost(node1)", code=1)
    answer = run("step", "heartbeat_lost(node1)", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["error"] == "impossible_event"


def test_stream_goes_on_after_every_kind_of_bad_line(run):
    good = request(normal(), "failover(node1)").encode()
    lines = [
        good,
        b"not json\n",
        b"\n",
        b"\xff\xfe\x00\x01\n",
        b"[" * 100_000 + b"\n",
        b'{"pair": ' + b'{"a":' * 400 + b"1" + b"}" * 401 + b"\n",
        b'{"pair": {}}\n',
        b'{"pair": 3, "event": "recover"}\n',
        b'{"pair": {}, "event": {}}\n',
        b'{"pair": {"node1.state": NaN}, "event": "recover"}\n',
        b'{"pair": {}, "pair": {}, "event": "recover"}\n',
        b'{"pair": {}, "event": "recover", "n": ' + b"9" * 5000 + b"}\n",
        request({**normal(), "node1.state": "nromal"}, "recover").encode(),
        request(normal(), "failovr(node1)").encode(),
        request(normal(), "link_repair").encode(),
        request({**normal(), "node1.assigned_own": "no"}, "recover").encode(),
        b'"' + b"x" * 3_000_000 + b'"\n',
        b"null\n",
        good,
        good[: len(good) // 2],
    ]
    answer = run("step", stdin=b"".join(lines))
    said = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 1
    assert answer.err == ""
    assert len(said) == len(lines) - 1, "a blank line is no request"
    assert said[0] == said[-2]
    assert said[0]["outcome"] == "done"
    errors = [s["error"] for s in said if "error" in s]
    assert len(errors) == len(said) - 2
    assert set(errors) == {"bad_input", "impossible_event", "outside_invariant"}
    for wrong in said:
        if "error" in wrong:
            assert list(wrong) == ["error", "message"]
            assert len(wrong["message"]) <= 600
    messages = "\n".join(s.get("message", "") for s in said)
    for part in (
        "line 2 is not JSON", "line 4 is not text", "line 5 is nested too deeply",
        "line 7: expected the keys pair and event", "line 8: the pair is a number",
        "line 9: the event is an object", "line 10: NaN is not JSON",
        "line 11: the key 'pair' is given twice", "line 12 is not JSON that can be read",
        "did you mean normal", "did you mean failover(node1)", "longer than 1048576 bytes",
        "line 18 is null", "line 20 is not JSON",
    ):
        assert part in messages


def test_stream_of_good_lines_exits_0_and_keeps_the_order(run):
    pair, text = PRG.initial[0], ""
    for event in WAY:
        text += request(pair, event)
        pair = PRG.step(pair, event).pair
    answer = run("step", "-", stdin=text)
    rules = [json.loads(line)["rule"] for line in answer.out.splitlines()]
    assert answer.code == 0
    assert rules == ["A100", "L102@node1", "L102@node2", "S110@node1", "S110@node2"]
    assert run("step").out == ""


def test_step_takes_the_pair_and_the_event_in_any_order(run, tmp_path):
    pair = json.dumps(dict(PRG.initial[0]))
    file = tmp_path / "pair.json"
    file.write_text(pair)
    said = run("step", pair, "enable_ha")
    assert said.out.startswith("enable_ha: done by A100\n")
    assert run("step", "enable_ha", pair) == run("step", "enable_ha", file) == said
    assert run("step", "enable_ha", "-", stdin=pair) == run("step", file, "enable_ha") == said


def test_step_words_that_do_not_fit(bad):
    assert "cannot read 'enable_ha'" in bad("step", "enable_ha", "no_such_file")
    for words in (("failover",), ("utils ha failover",)):
        assert bad("step", *words).endswith("is about one node: say which, as failover(node1) or failover(node2)")
    assert "expected PAIR EVENT" in bad("step", "a", "b", "c")
    assert "add an EVENT" in bad("step", *BACKUP)
    assert "cannot be both" in bad("step", "--machine", "-")
    assert "cannot be both" in bad("step", "-", "recover", "--machine", "-")
    assert "unknown event 'recovr'; did you mean recover" in bad("step", "recovr")


# -------------------------------------------------------------------------- pairs


def test_a_text_of_several_lines_is_read_itself(run, tmp_path):
    """As a person pastes it between quotation marks."""
    text = "Node 1 Name : a State: Normal\nNode 2 Name : b State: Normal"
    (file := tmp_path / "status.txt").write_text(text)
    for words in (("explain",), ("available",), ("why-not", "recover"), ("step", "failover(a)")):
        assert run(*words, text) == run(*words, file)


@pytest.mark.parametrize(("pair", "said"), [
    ("{", "the pair is not JSON: Expecting property name"),
    ("[1]", "the pair is an object of columns, not an array"),
    ('"x"', "the pair is an object of columns, not a string"),
    ("{}", "missing column node1.state"),
    ('{"pair": {}}', "missing column node1.state"),
    ('{"a": Infinity}', "the pair: Infinity is not JSON"),
    ('{"a": 1, "a": 2}', "the key 'a' is given twice"),
    ('{"a":' * 100_000, "nested too deeply"),
    ('{"a": ' + "9" * 5000 + "}", "is not JSON that can be read"),
    ('{"\\ud800\\u001b[31m": 1}', "unknown column"),
    ("no_such_file", "cannot read 'no_such_file': No such file or directory"),
    ("/", "Is a directory"),
    ("a\0b", "cannot read 'a\\x00b'"),
])
def test_bad_pairs(bad, pair, said):
    assert said in bad("available", pair)
    assert said in bad("step", pair, "recover")


@pytest.mark.parametrize(("data", "said"), [
    (b"", "the pair is empty"),
    (b"{\0}", "the pair is not JSON"),
    (b"x" * (16 * (1 << 20) + 1), "standard input is larger than 16 MB"),
    (b'{"node1.state": "nor', "the pair is not JSON"),
])
def test_bad_standard_input(bad, data, said):
    for command in (("available", "-"), ("plan", "-"), ("explain", "-"),
                    ("why-not", "recover", "-")):
        assert said in bad(*command, stdin=data)


def test_a_device_without_end_is_not_read_to_its_end(bad):
    assert "larger than 16 MB" in bad("available", "/dev/zero")


@pytest.mark.parametrize(("words", "said"), [
    (("--node1", "normal"), "high availability needs two nodes; give --node2"),
    (("--node1", "normall", "--node2", "normal"), "--node1: unknown state 'normall'"),
    (("--node1", "normal", "--node2", "normal / peer dwn"), "--node2: unknown reason 'peer dwn'"),
    (("--set", "node1.state"), "--set 'node1.state': expected NAME=VALUE"),
    (("--set", "node1.stat=normal"), "--set: unknown column 'node1.stat'"),
    (("--set", "ha=maybe"), "--set ha: unknown value 'maybe'"),
    (("--set", "ha=on", "--set", "ha=off"), "--set ha is given twice"),
    (("{}", "--node1", "normal", "--node2", "normal"), "not both"),
    (("--policy", "reconnection"), "--policy 'reconnection': expected NAME=VALUE"),
    (("--policy", "x=y"), "unknown policy 'x'"),
    (("--policy", "reconnection=hope"), "reconnection: unknown choice 'hope'"),
    (("--machine", "x", "--policy", "reconnection=fail"), "leave it out with --machine"),
    (("-", "--machine", "-"), "standard input cannot be both"),
])
def test_options_that_do_not_fit(bad, words, said):
    for command in ("available", "plan", "explain"):
        assert said in bad(command, *words)


def test_a_display_is_answered_for_the_healthiest_pair_and_says_so(run):
    answer = run("available", *BACKUP, "--json")
    assert "fallback(node1)" in json.loads(answer.out)["available"]
    assert "recover" in json.loads(answer.out)["refused"]
    assert answer.code == 0
    assert answer.err.startswith("prgcore: ")
    assert "taken: the healthiest, with " in answer.err
    assert "node1.hears_peer=yes" in answer.err
    narrowed = run("available", *BACKUP, "--set", "node1.hears_peer=no", "--json")
    assert "fallback(node1)" not in json.loads(narrowed.out)["available"]


def test_a_display_that_no_pair_shows(run, bad):
    assert "it would break S1" in bad("available", *TWICE, code=1)
    assert "no pair of the machine shows this" in bad("step", "recover", *TWICE, code=1)
    answer = run("explain", *TWICE, "--json")
    assert answer.code == 1
    assert "S1" in json.loads(answer.out)["broken"]


# --------------------------------------------------------------------- questions


def test_explain(run):
    text = run("explain", *BACKUP)
    assert text.code == 0
    assert "fallback(node1)" in text.out
    assert max(map(len, text.out.splitlines())) <= 80
    answer = json.loads(run("explain", json.dumps(dict(normal())), "--json").out)
    assert {"row", "seat", "cause", "actions", "available", "maybe", "refused", "plan",
            "assuming", "broken"} <= set(answer)
    assert answer["plan"] == []


def test_available_lists_both_sorts(run):
    answer = run("available")
    assert answer.code == 0
    assert "enable_ha              accepted" in answer.out
    assert "refused   ha is off, needs" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_why_not(run, bad):
    answer = json.loads(run("why-not", "failover(node1)", "--json").out)
    assert answer["accepted"] is False
    assert "enable_ha" in answer["plan"]
    assert "failover(node1) is refused" in run("why-not", "failover(node1)").out
    assert "only a command can be refused" in bad("why-not", "link_cut")
    assert "did you mean recover" in bad("why-not", "recovr")
    assert "Missing argument" in bad("why-not")


def test_why_not_offers_commands_only(bad):
    assert bad("why-not", "") == (
        "unknown command ''; known: add_users, disable_auto_fallback, disable_ha, enable_auto_fallback, "
        "enable_ha, failover(node1), failover(node2), fallback(node1), fallback(node2), recover")
    assert bad("why-not", "link_ct", *BACKUP).startswith("unknown command 'link_ct'; known: ")


def test_exact_is_about_a_display(bad):
    assert bad("explain", "--exact") \
        == "--exact is about a display; give --node1 and --node2"


def test_plan(run, bad):
    answer = json.loads(run("plan", "--json").out)
    assert sorted(answer["plan"]) == sorted(WAY)
    assert [s["event"] for s in answer["steps"]] == answer["plan"]
    assert answer["end"]["node2.state"] == "normal"
    assert answer["start"] == dict(PRG.initial[0])
    text = run("plan").out
    assert "5 steps to the goal" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "The goal holds." in run("plan", json.dumps(dict(normal()))).out
    one = run("plan", "--goal", "ha=on", "--json")
    assert json.loads(one.out)["plan"] == ["enable_ha"]
    assert "--goal: unknown column 'hb'" in bad("plan", "--goal", "hb=on")


def test_a_goal_that_cannot_be_reached_exits_1(bad):
    impossible = ("--goal", "node1.state=running_in_backup_mode",
                  "--goal", "node2.state=running_in_backup_mode")
    assert bad("plan", "--set", "link=cut", *impossible, code=1)


def test_a_pair_outside_the_invariant(run, bad):
    twice = json.dumps({**normal(), "node1.state": "running_in_backup_mode",
                        "node2.state": "running_in_backup_mode"})
    for command in (("available", twice), ("plan", twice), ("step", twice, "recover")):
        assert "S1" in bad(*command, code=1)
    assert "S1" in json.loads(run("explain", twice, "--json").out)["broken"]


# ---------------------------------------------------------------------- simulate


def test_simulate_tells_the_story(run, tmp_path):
    story = "\n".join((*WAY, "expect node1 Normal / Normal", "refused recover")) + "\n"
    answer = run("simulate", "-", stdin=story)
    assert answer.code == 0
    assert answer.out.endswith("6 events, 1 expectation: everything as expected\n")
    file = tmp_path / "one.txt"
    file.write_text("enable_ha\nexpect ha = off\n")
    failed = run("simulate", file)
    assert failed.code == 1
    assert "FAILED at line 2" in failed.out
    told = json.loads(run("simulate", file, "--json").out)
    assert told["ok"] is False


@pytest.mark.parametrize(("story", "said"), [
    (b"fly me to the moon\n", "line 1"),
    (b"enable_ah\n", "did you mean enable_ha"),
    (b"\x00\x01", "zero byte"),
    (b"\xff", "not UTF-8"),
    (b"x" * 2_000_000, "characters"),
    (b"nonsense!\n" * 1000, "line 2: nonsense! is not a line of a story"),
])
def test_bad_stories(bad, story, said):
    assert said in bad("simulate", "-", stdin=story)


def test_simulate_needs_a_story(bad):
    assert "Missing argument" in bad("simulate")
    assert "cannot be both" in bad("simulate", "-", "--machine", "-")
    assert "No such file" in bad("simulate", "no_such_story")


# ----------------------------------------------------------------------- machines


def test_machine_summary(run):
    answer = run("machine")
    assert answer.code == 0
    assert answer.out.startswith("prg, digest ")
    assert "policy reconnection=fail (or keep_serving, able_serves)" in answer.out
    assert f"{len(PRG.model.rules)} rules; " in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_machine_rules_in_order_on_a_page(run):
    heading, *lines = run("machine", "--rules").out.splitlines()
    assert heading.split() == ["rule", "event", "outcome", "why"]
    assert lines[0].split()[:3] == ["A100", "enable_ha", "done"]
    starts = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert starts == sorted(r.id for r in PRG.model.rules)
    assert max(map(len, lines)) <= 80


def test_a_name_as_wide_as_the_page_leaves_room_for_the_rest(run):
    name = "press_" * 20
    lamp = json.dumps(LAMP).replace("press", name)
    rows = run("machine", "--rules", "--machine", "-", stdin=lamp).out.splitlines()
    assert max(map(len, rows)) <= 80
    assert "".join(row.split()[1] if row.startswith("R1") else row.split()[0]
                   for row in rows[1:]) == name
    assert "let there be light" in rows[1]


@pytest.mark.parametrize(("words", "said"), [
    (("machine", "--rules", "--json"), "--rules does not go with --json; leave out one or the"),
    (("machine", "--rules", "--check"), "--rules does not go with --check"),
    (("diagram", "--json", "--format", "nosuch"), "--json does not go with --format"),
    (("diagram", "--json", "--format", ""), "--json does not go with --format"),
    (("prove", "--list", "--junit", "x.xml", "--mutants", "3"),
     "--list does not go with --mutants and --junit"),
    (("prove", "--list", "--every-policy"), "--list does not go with --every-policy"),
    (("prove", "--kind", "rules"), "--kind chooses the mutants; say how many with --mutants N or all"),
    (("prove", "--mutants", "3", "--kind", "rulez"), "unknown kind of mutants 'rulez'"),
    (("prove", "--seed", "0"), "--seed chooses the mutants; say how many with --mutants N"),
])
def test_options_that_would_be_ignored_are_refused(bad, words, said):
    assert said in bad(*words)


def test_the_machine_file_is_read_back_by_every_command(run):
    file = run("machine", "--json").out
    assert file == dumps(PRG.model)
    assert run("machine", "--machine", "-", "--json", stdin=file).out == file
    assert run("step", "enable_ha", "--machine", "-", stdin=file).code == 0
    assert run("available", "--machine", "-", stdin=file).out == run("available").out
    assert run("machine", "--machine", "-", "--check", stdin=file).code == 0


def test_policies_choose_another_machine(run):
    default, other = run("machine"), run("machine", "--policy", "reconnection=keep_serving")
    assert other.code == 0
    assert "policy reconnection=keep_serving (or fail, able_serves)" in other.out
    assert default.out.splitlines()[0] != other.out.splitlines()[0]


def test_a_malformed_machine_is_one_line_and_check_lists_all(run, bad):
    wrong = json.loads(dumps(PRG.model))
    for rule in wrong["rules"][:5]:
        rule["event"] = "no_such_event"
    text = json.dumps(wrong)
    said = bad("prove", "--machine", "-", stdin=text)
    assert "findings in the machine: rules[0]" in said
    assert said.endswith("prgcore machine --check --machine FILE lists all")
    listed = run("machine", "--check", "--machine", "-", stdin=text)
    assert listed.code == 1
    assert len(listed.out.splitlines()) >= 5
    answer = json.loads(run("machine", "--check", "--json", "--machine", "-", stdin=text).out)
    assert answer["ok"] is False
    assert len(answer["findings"]) == len(listed.out.splitlines())


@pytest.mark.parametrize("data", [
    b"", b"{", b"[]", b"null", b"3", b'"x"', b"{}", b"\xff\xfe", b"[" * 200_000,
    b'{"format": "prgcore-machine/99"}', b'{"format": NaN}', b'{"format": 1, "format": 2}',
    b'{"n": ' + b"9" * 5000 + b"}", b'{"columns": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
])
def test_hostile_machines(bad, data):
    for command in ("machine", "step", "explain", "prove"):
        words = (command, "enable_ha") if command == "step" else (command,)
        assert bad(*words, "--machine", "-", stdin=data)


def test_a_truncated_machine_at_every_size(bad):
    whole = dumps(PRG.model).encode()
    for part in range(0, len(whole) - 2, len(whole) // 6):
        assert bad("machine", "--machine", "-", stdin=whole[:part])


# ------------------------------------------------------------------------ diagram


def test_diagram_in_every_format(run, searched):
    mermaid = run("diagram", "--guards")
    assert mermaid.code == 0
    assert mermaid.out == run("diagram", "node", "--guards", "--format", "mermaid").out == draw(PRG.model)
    assert run("diagram", "--format", "dot").out.startswith("digraph")
    table = run("diagram", "--format", "table", "--phase", "manual").out
    assert "| `failover(node1)` | M100 |" in table
    drawn = json.loads(run("diagram", "--json", "--phase", "manual").out)
    assert {"source", "target", "labels", "steps", "mark"} == set(drawn["edges"][0])


@pytest.mark.parametrize(("words", "said"), [
    (("moon",), "unknown view 'moon'; did you mean around?"),
    (("zzz",), "unknown view 'zzz'; known: around, matrix, node, pair, path, sequence"),
    (("--format", "gif"), "unknown format 'gif'; known: csv, dot, html, markdown, mermaid, plantuml"),
    (("--phase", "manul"), "did you mean manual"),
    (("--column", "node3.state"), "unknown stored column 'node3.state'; did you mean"),
])
def test_diagrams_that_cannot_be_drawn(bad, words, said):
    assert said in bad("diagram", *words)


# -------------------------------------------------------------------------- prove


def result(id_, verdict="proved", story="", **more):
    return SimpleNamespace(
        **{"model": "P", "detail": {"pairs": 12, "chain": ["A100"] * 14, "holes": []}} | more,
        id=id_, title=f"a sentence that says what {id_} promises, long enough to be wrapped",
        verdict=verdict, method="induction", assumptions=("A-LIN: one record",),
        seconds=0.25, story=story, support=None, unchecked=False,
        code={"refuted": 1, "unknown": 3, "vacuous": 4, "disagree": 4}.get(verdict, 0),
    )


class FakeReport:
    """What the prover answers, without proving."""

    def __init__(self, results, exit_code):
        self.results, self.exit_code, self.ok = results, exit_code, exit_code == 0
        self.asked = ()
        self.seconds = 0.25 * len(results)
        self.digest, self.policy = "0123456789abcdef0123", (("reconnection", "fail"),)

    def to_json(self):
        return {"ok": self.ok, "obligations": [{"id": r.id} for r in self.results]}

    def junit(self):
        return f"<testsuite name='suite' tests='{len(self.results)}'/>"


@pytest.fixture
def prover(monkeypatch):
    """A prover whose answers a test chooses; `asked` holds how it was called."""
    import_module("prgcore.prove.opinions")  # it reads the prover itself
    fake = ModuleType("prgcore.prove.report")
    fake.answers, fake.asked = [FakeReport((result("S1"),), 0)], []

    def prove(machine, **asked):
        fake.asked.append((machine.model.policy, asked))
        if asked["progress"]:
            asked["progress"]("S1", 1, 2)
        return fake.answers[min(len(fake.asked), len(fake.answers)) - 1]

    fake.prove = prove
    several = ModuleType("prgcore.prove.several")
    several.prove_each = lambda models, asked, tell: [
        prove(SimpleNamespace(model=m), progress=tell, **asked) for m in models]
    monkeypatch.setitem(sys.modules, "prgcore.prove.several", several)
    fake.listing = lambda *_: (("S1", "never both"), ("S2", "never two holders"))
    monkeypatch.setitem(sys.modules, "prgcore.prove.report", fake)
    monkeypatch.setattr(sys.modules["prgcore.prove"], "report", fake, raising=False)
    return fake


def test_prove_prints_a_table_with_assumptions_beneath(run, prover):
    answer = run("prove", "--only", "M1", "--seed", "7", "--mutants", "20")
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.split()[:5] == ["id", "verdict", "method", "s", "obligation"]
    assert "S1  proved   induction  0.25  a sentence" in answer.out
    assert "S1  pairs 12; chain A100, A100" in answer.out
    assert "A100 and 2 more\n" in answer.out
    assert "\nassuming A-LIN: one record\n" in answer.out
    assert answer.out.endswith("1 proved in 0.2 s\n")
    assert max(map(len, answer.out.splitlines())) <= 80
    asked = prover.asked[0][1]
    assert asked.pop("survivors")
    assert asked.pop("work")
    assert [Path(path).name for path in asked.pop("restating")] == ["proofs"]
    assert asked == {"only": ("M1",), "mutants": 20, "seed": 7, "paths": (), "kinds": (),
                     "stdin": "", "progress": None, "why": (), "budget": None, "memory": None,
                     "symbolic": False}


@pytest.mark.parametrize("code", [1, 3, 4])
def test_prove_tells_failures_in_full_and_exits_as_the_report_says(run, prover, code):
    prover.answers = [FakeReport((result("S1"), result("S2", "refuted", "  1  link_cut\n")), code)]
    answer = run("prove")
    assert answer.code == code
    assert "S2 refuted: a sentence" in answer.out
    assert "  1  link_cut\n" in answer.out
    assert "1 proved, 1 refuted in 0.5 s" in answer.out


def test_prove_list_json_and_junit(run, prover, tmp_path):
    assert run("prove", "--list").out.splitlines()[1:] == ["S1  never both", "S2  never two holders"]
    assert json.loads(run("prove", "--list", "--json").out)[1]["id"] == "S2"
    assert prover.asked == []
    file = tmp_path / "report.xml"
    answer = run("prove", "--json", "--junit", file)
    assert json.loads(answer.out) == {"ok": True, "obligations": [{"id": "S1"}]}
    assert file.read_text() == "<testsuite name='suite' tests='1'/>"
    assert [f.name for f in tmp_path.iterdir()] == ["report.xml"]


def test_the_theorems_about_time_are_told_in_full_where_they_are_asked_for(run, prover):
    timed = [result(f"T{n}", model="T", detail={"over": "numbers", "(a)": "IF b; THEN c"})
             for n in (1, 2, 3)]
    prover.answers = [FakeReport((*map(result, ("S1", "S2", "S3")), *timed), 0)]
    short = run("prove").out
    assert "T1 to T3: prgcore prove --only T1 prints premises and conclusions\n" in short
    assert "THEN" not in short
    assert "S3  pairs 12" in short
    for words in (("--only", "T1"), ("--why", "T1")):
        assert run("prove", *words).out.count("over numbers; (a) IF b; THEN c") == len(timed)
    prover.answers = [FakeReport(tuple(timed), 0)]
    assert run("prove").out.count("(a) IF b; THEN c") == len(timed)


def test_the_time_of_other_checkers_is_told_apart(run, prover):
    asked = SimpleNamespace(name="cvc5", version="1", seconds=73.2, opinions=1, agree=1, unknown=0)
    prover.answers = [FakeReport((result("S1", opinions={"cvc5": "proved"}),), 0)]
    prover.answers[0].asked = (asked, asked)
    assert run("prove").out.endswith("1 proved in 0.2 s, and 146.4 s asking others\n")


def test_prove_every_policy_reports_the_worst(run, prover, tmp_path):
    good, bad_ = FakeReport((result("S1"),), 0), FakeReport((result("S1", "refuted"),), 1)
    prover.answers = [good, good, good, FakeReport((result("S1", "unknown"),), 3), bad_, good]
    answer = run("prove", "--every-policy")
    assert answer.code == 1
    assert len({policy for policy, _ in prover.asked}) == 6
    assert prover.asked[0][0] == PRG.model.policy
    assert answer.out.splitlines()[-3:] == [
        "reconnection=fail: 1 unknown in 0.2 s: S1", "reconnection=fail: 1 refuted in 0.2 s: S1",
        "reconnection=fail: 1 proved in 0.2 s",
    ]
    file = tmp_path / "report.xml"
    said = json.loads(run("prove", "--every-policy", "--json", "--junit", file).out)
    assert len(said["machines"]) == 6
    assert file.read_text().count("<testsuite ") == 6
    assert 'name="suite reconnection=fail"' in file.read_text()


@pytest.mark.parametrize(("words", "said"), [
    (("--mutants", "some"), "--mutants 'some': expected a number of mutants, or all"),
    (("--mutants", "0"), "expected a number of mutants"),
    (("--mutants", "-3"), "expected a number of mutants"),
    (("--mutants", "9" * 5000), "expected a number of mutants"),
    (("--mutants", "2", "--only", "S1"), "--mutants runs M1; add --only M1 or leave out --only"),
    (("--mutants", "2", "--why", "S1"), "--mutants runs M1; add --only M1 or leave out --why"),
    (("--mutants", "2", "--why", "S1", "--only", "S2"), "leave out --only"),
    (("--memory", "10B"), "--memory '10B': expected a size, as in 500M or 2G"),
    (("--seed", "x"), "Invalid value for '--seed'"),
    (("--junit", "/no/such/place.xml"), "cannot write '/no/such/place.xml'"),
    (("--junit", "/"), "cannot write '/'"),
    (("--every-policy", "--policy", "reconnection=fail"), "leave out --machine and --policy"),
    (("no_such_theorem.py",), "no theorem file 'no_such_theorem.py'"),
    (("--machine", "no_such_machine"), "cannot read 'no_such_machine'"),
])
def test_prove_options_that_do_not_fit(bad, prover, words, said):
    assert said in bad("prove", *words)
    assert prover.asked == []


def test_a_report_that_cannot_be_written_leaves_nothing_behind(bad, prover, tmp_path):
    assert prover
    assert "cannot write" in bad("prove", "--junit", tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_where_a_link_leads_and_the_link_stays(run, prover, tmp_path):
    assert prover
    (tmp_path / "reports").mkdir()
    link = tmp_path / "link.xml"
    link.symlink_to(tmp_path / "reports" / "latest.xml")
    for _ in ("a link to nowhere", "a link to a file"):
        assert run("prove", "--junit", link).code == 0
        assert link.is_symlink()
        assert link.read_text() == "<testsuite name='suite' tests='1'/>"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["latest.xml", "link.xml", "reports"]


def test_a_report_is_written_into_a_pipe_and_the_pipe_stays(run, prover, tmp_path):
    assert prover
    pipe, heard = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run("prove", "--junit", pipe).code == 0
    reader.join(LONG)
    assert heard == ["<testsuite name='suite' tests='1'/>"]
    assert pipe.is_fifo()
    assert [f.name for f in tmp_path.iterdir()] == ["pipe"]


def test_reports_that_have_no_place(bad, prover, tmp_path, monkeypatch):
    assert prover
    monkeypatch.chdir(tmp_path)
    circle = Path("circle")
    circle.symlink_to(circle)
    assert "cannot write 'circle'" in bad("prove", "--junit", circle)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "cannot write 'socket'" in bad("prove", "--junit", "socket")
    assert Path("socket").is_socket()


def test_theorems_from_standard_input(run, bad):
    text = (ROOT / "proofs" / "safety.toml").read_text()
    listed = run("prove", "-", "--list", stdin=text)
    assert "never-both-in-backup-mode" in listed.out
    only = ("--only", "never-both-in-backup-mode")
    answer = json.loads(run("prove", "-", *only, "--json", stdin=text).out)
    assert [(o["id"], o["verdict"]) for o in answer["obligations"]] == [(only[1], "proved")]
    assert "standard input is not TOML" in bad("prove", "-", stdin="[")
    assert "standard input: no theorems" in bad("prove", "-", "--list")
    assert "cannot be both the machine and the theorems" in bad("prove", "-", "--machine", "-")


def test_the_list_is_of_what_would_be_proved(run, bad):
    def ids(*words):
        return [o["id"] for o in json.loads(run("prove", "--list", "--json", *words).out)]

    assert ids("--only", "S2", "--only", "S1") == ["S1", "S2"]
    assert ids(ROOT / "proofs" / "commands.toml")[0] == "recover-only-when-both-failed"
    assert "S1" not in ids(ROOT / "proofs")
    assert ids("--only", "M1") == ["M1"]
    assert "unknown obligation 'S99'; did you mean" in bad("prove", "--list", "--only", "S99")
    said = bad("prove", "--list", "--only", "s3").strip()
    assert said.endswith("unknown obligation 's3'; did you mean S3?")


def test_the_mutants_are_asked_for_by_number(bad):
    said = bad("prove", "--only", "M1")
    assert said.startswith("M1 ")
    assert "--mutants N, or --mutants all" in said


def test_the_prover_itself_answers(run, bad):
    answer = run("prove", "--only", "F1", "--only", "F5")
    assert answer.code == 0
    assert "2 proved in " in answer.out
    assert "F1  proved   table" in answer.out
    report = json.loads(run("prove", "--only", "F3", "--json").out)
    assert report["ok"] is True
    assert [o["verdict"] for o in report["obligations"]] == ["proved"]
    assert "\nS1   never both" in run("prove", "--list").out
    assert "unknown obligation 'S99'" in bad("prove", "--only", "S99")


def test_a_refuted_promise_is_told_as_a_story(run):
    lamp = json.dumps(LAMP | {  # without a fault nothing is its adversary, which is vacuous
        "events": [*LAMP["events"], {"name": "cut", "kind": "fault", "decider": "environment"}],
        "possible": [{"event": "cut", "when": {"lamp": ["on"]}}],
        "rules": [*LAMP["rules"], {"id": "R2", "event": "cut", "outcome": "done", "when": {},
                                   "then": {"lamp": {"const": "off"}}}]})
    answer = run("prove", "--machine", "-", stdin=lamp)
    assert answer.code == 1
    assert "Z1 refuted: the lamp stays off" in answer.out
    assert "   2  press  " in answer.out
    assert "lamp off -> on" in answer.out
    assert "not applicable" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_a_machine_of_ones_own_gets_every_command(run, bad):
    lamp = json.dumps(LAMP | {"invariants": []})

    def ask(*words):
        answer = run(*words, "--machine", "-", stdin=lamp)
        assert answer.code == 0, answer.err
        return answer.out

    assert "press    accepted  let there be light" in ask("available")
    assert ask("step", "press").startswith("press: done by R1\n")
    assert "lamp off -> on" in ask("plan", "--goal", "lamp=on")
    assert "press is refused:\n  lamp is on" in ask("why-not", "press", '{"lamp": "on"}')
    assert ask("explain") == "On offer\n  press\n"
    assert "press: accepted. let there be light" in ask("explain", "--verbose")
    assert "R1" in ask("diagram", "--column", "lamp")
    assert "\n1 rule; 0 invariants and 0 auxiliary; 0 guard checks" in ask("machine")
    for words, said in (
        (("plan",), "this machine has no goal of its own; say which with --goal COLUMN=VALUE"),
        (("explain", "--node1", "normal", "--node2", "normal"), "has no state and reason of two"),
    ):
        assert said in bad(*words, "--machine", "-", stdin=lamp)


# ------------------------------------------------------------------- the backstop


def test_a_bug_is_one_line_unless_a_traceback_is_asked_for(bad, run, monkeypatch):
    def broken(*_):
        raise KeyError("node1\n\x1b[31m")

    monkeypatch.setattr("prgcore.cli.inputs.load_machine", broken)
    monkeypatch.delenv("PRGCORE_TRACEBACK", raising=False)
    said = bad("machine", code=70)
    assert said.startswith("BUG: KeyError('node1\\n\\x1b[31m'); please report it")
    assert "PRGCORE_TRACEBACK=1" in said
    monkeypatch.setenv("PRGCORE_TRACEBACK", "1")
    answer = run("machine")
    assert answer.code == 70
    assert answer.err.startswith("Traceback (most recent call last):\n")
    assert answer.err.endswith(f"prgcore: {said}\n")


JUNK = (None, True, -1, 0.5, "", "no_such_name", "\u202e", [], {}, [[]], {"const": "x"})
COMMANDS = (
    ("machine",), ("machine", "--check"), ("machine", "--rules"), ("available",), ("explain",),
    ("diagram",), ("step", "{event}"), ("why-not", "{event}"), ("prove", "--list"),
    ("plan", "--goal", "{column}"), ("explain", "--node1", "normal", "--node2", "normal"),
    ("users",), ("explain", "--file", STATUS),
)


def mutant(machine, rng):
    """A machine file with one place of it dropped, replaced, or made like its neighbour."""
    place = made = copy.deepcopy(machine)
    while True:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.2:
            break
        place = place[key]
    match rng.randrange(3):
        case 0:
            del place[key]
        case 1:
            place[key] = rng.choice(JUNK)
        case _:
            twin = rng.choice(list(place.values() if isinstance(place, dict) else place))
            place[key] = copy.deepcopy(twin)
    return made


def test_a_machine_file_that_is_wrong_somewhere_never_meets_a_bug(run):
    rng = random.Random(20)
    whole = json.loads(dumps(LAMPS))
    first = LAMPS.columns[0]
    names = {"event": LAMPS.events[0].name, "column": f"{first.name}={first.domain[0]}"}
    codes = set()
    for _ in range(110):
        made, words = json.dumps(mutant(whole, rng)), rng.choice(COMMANDS)
        answer = run(*(w.format(**names) for w in words), "--machine", "-", stdin=made)
        assert "BUG" not in answer.err, (words, made)
        assert answer.code in (0, 1, 2, 3), (words, made)
        codes.add(answer.code)
    assert codes >= {0, 1, 2}, "some are answered, some are refused"


# -------------------------------------------------------------------- the streams


@pytest.mark.parametrize("columns", ["0", "20", "-5", "wide", "", "²", "9" * 5000])
def test_a_width_that_cannot_be_is_80_columns(run, monkeypatch, columns):
    expected = run("available").out
    monkeypatch.setenv("COLUMNS", columns)
    assert run("available").out == expected


def test_a_narrow_page_keeps_every_column(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    rows = run("available").out.splitlines()
    assert max(map(len, rows)) <= 40
    heading = next(row for row in rows if row.startswith("command"))
    assert heading.split() == ["command", "answer", "why"]


def test_no_colour_in_a_pipe_or_with_no_color():
    answer = shell("available", TERM="xterm-256color")
    assert b"\x1b" not in answer.stdout
    assert answer.returncode == 0


def test_a_reader_that_goes_away_ends_it_quietly():
    command = f"{sys.executable} -m prgcore step 2>&1 | head -n 1"
    text = request(normal(), "recover") * 5000
    answer = subprocess.run(["sh", "-c", command], input=text.encode(), capture_output=True,
                            check=False, timeout=60)
    assert answer.stdout.count(b"\n") == 1
    assert json.loads(answer.stdout)["outcome"] == "refused"
    assert answer.stderr == b""


def test_an_interrupt_is_one_line(bad, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("prgcore.cli.inputs.load_machine", interrupted)
    assert bad("machine", code=130) == "interrupted"


def test_closed_and_full_streams():
    closed = subprocess.run(["sh", "-c", f"{sys.executable} -m prgcore step <&-"],
                            capture_output=True, check=False)
    assert closed.returncode == 2
    assert closed.stderr == b"prgcore: standard input is closed; give a file instead\n"
    full = subprocess.run(["sh", "-c", f"{sys.executable} -m prgcore machine >/dev/full"],
                          capture_output=True, check=False)
    assert full.returncode == 2
    assert full.stderr.startswith(b"prgcore: reading or writing failed: No space")
    assert full.stderr.count(b"\n") == 1


@pytest.mark.parametrize("error", ["2>/dev/full", "2>&-", "2>&- <&-"])
@pytest.mark.parametrize(("words", "code"), [
    ("prove --only F2", 0), ("machine", 0), ("nonsense", 2), ("machine --machine none.json", 2),
    ("diagram states --column me.hears_peer --from idle --to idle", None),
])
def test_an_answer_needs_no_standard_error(words, code, error):
    run = [subprocess.run(["sh", "-c", f"{sys.executable} -m prgcore {words} {where}"],
                          stdout=subprocess.PIPE, check=False) for where in ("2>/dev/null", error)]
    assert run[0].returncode == (run[0].returncode if code is None else code)
    assert run[0].returncode == run[1].returncode
    if words != "prove --only F2":  # it shows seconds
        assert run[0].stdout == run[1].stdout


def test_ascii_terminals_are_served():
    answer = shell("machine", "--rules", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert answer.returncode == 0
    assert answer.stdout.isascii()


def test_the_way_of_one_event_is_short():
    done = subprocess.run([sys.executable, ROOT / "benchmarks" / "way.py"], capture_output=True,
                          text=True, check=True)
    calls, moves, _files = (int(said.split()[0].replace(",", "")) for said in done.stdout.split(", "))
    assert calls <= 600
    assert moves <= 60


def test_only_the_module_of_the_command_that_is_named_is_loaded():
    from prgcore.cli.app import MODULES, ROOT

    context = click.Context(ROOT)
    assert ROOT.list_commands(context) == list(MODULES)
    assert all(ROOT.get_command(context, name) for name in MODULES)
    for words, unwanted in (
        (["--version"], {"attr", "rich", "prgcore.model", "prgcore.cli.output"}),
        (["explain", STATUS], {"rich", "cattrs", "prgcore.cli.configuration",
                               "prgcore.wire.machine_file"}),
    ):
        code = (f"import sys; from prgcore.cli import main; main({words!r}); "
                f"sys.exit(', '.join({unwanted!r} & set(sys.modules)) or 0)")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
