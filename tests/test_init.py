"""`prgcore init`: a machine of one's own that proves, and a page that says nothing untrue.

`prgcore example`: the examples, written by the same rules.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from prgcore.cli import output, shipped, starting
from prgcore.cli.app import MODULES
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import Machine
from prgcore.prove.report import prove
from prgcore.story.script import parse
from prgcore.story.script import run as run_story
from prgcore.template.pair import MACHINE
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps, load

FILES = [".github/workflows/prove.yml", "README.md", "machine.json", "pair.py",
         "stories/takeover.txt"]
PROMISED = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "S1", "S2", "S3", "S4", "S18", "L1", "L2",
            "E1", "E2", "E3")


@pytest.fixture
def mine(run, tmp_path, monkeypatch):
    """A fresh machine of one's own, and the current directory in it."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "mine").code == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def there(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def rewritten(directory: Path, *edits: tuple[str, str]) -> None:
    """pair.py edited as the page says, and run."""
    file = directory / "pair.py"
    text = file.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "pair.py"], cwd=directory, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


# ------------------------------------------------------------------------ the machine


def test_every_promise_is_proved_and_every_invariant_by_induction():
    results = {r.id: r for r in prove(Machine(MACHINE)).results}
    assert {id_: results[id_].verdict for id_ in PROMISED} == dict.fromkeys(PROMISED, "proved")
    assert {results[i.id].method for i in MACHINE.invariants} == {"induction"}
    assert {r.verdict for r in results.values()} == {"proved", "reported", "not_applicable"}
    assert results["F4"].detail["pairs"] == 384


def test_it_has_an_adversary():
    kinds = {e.kind for e in MACHINE.events}
    assert kinds == set(Kind)
    assert any(not e.success for e in MACHINE.events)


def test_the_table_reads_on_a_few_screens_and_imports_what_any_stranger_may():
    text = (starting.files("prgcore") / "template" / "pair.py").read_text("utf-8")
    assert len(text.splitlines()) < 190
    imported = {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    assert imported == {"__future__", "pathlib", "prgcore.wire.machine_file", "prgcore.model",
                        "prgcore.seats", "prgcore.vocabulary"}


def test_every_rule_says_why_and_every_event_and_column_what_it_is():
    assert all(r.why for r in MACHINE.rules)
    assert all(x.says for x in (*MACHINE.events, *MACHINE.columns, *MACHINE.invariants))


# -------------------------------------------------------------------------- the files


def test_what_is_written(mine):
    assert there(mine) == FILES
    assert (mine / "machine.json").read_text(encoding="utf-8") == dumps(MACHINE)
    assert load((mine / "machine.json").read_bytes()) == MACHINE


def test_pair_py_writes_the_machine_file_that_is_there(mine):
    (mine / "machine.json").unlink()
    rewritten(mine)
    assert (mine / "machine.json").read_text(encoding="utf-8") == dumps(MACHINE)
    assert there(mine) == FILES


def test_its_story_holds_and_fires_most_of_its_life(mine):
    engine = Engine(MACHINE)
    told = run_story(engine, parse((mine / "stories/takeover.txt").read_text("utf-8"), engine))
    assert told.ok
    fired = {s.decision.rule.id.partition("@")[0] for s in told.steps
             if s.decision and s.decision.rule}
    assert fired >= {"P100", "P102", "T100", "T102", "X100", "X102", "X104"}


def test_the_five_commands_of_the_page_answer(run, mine):
    five = blocks((mine / "README.md").read_text(encoding="utf-8"), "sh")[0].splitlines()
    assert len(five) == 5
    for line in five:
        program, *words = shlex.split(line)
        answer = run(*words)
        assert program == "prgcore"
        assert (answer.code, answer.err) == (0, ""), line
        assert answer.out
    assert all(line.split()[1] in MODULES for line in five)


def test_the_other_commands_know_the_machine_too(run, mine):
    assert "nothing is wrong" in run("machine", "--machine", "machine.json", "--check").out
    assert "promote(node1)" in run("available", "--machine", "machine.json").out
    plan = run("plan", "--machine", "machine.json")
    assert plan.code == 0
    assert "promoted(" in plan.out
    assert run("why-not", "recover(node1)", "--machine", "machine.json").code == 0
    assert mine.is_dir()


def test_the_change_that_the_page_proposes_does_what_it_says(run, mine):
    page = (mine / "README.md").read_text(encoding="utf-8")
    before = (mine / "machine.json").read_text(encoding="utf-8")
    (mine / "old.json").write_text(before, encoding="utf-8")
    rewritten(mine, (',\n          "peer.state": ("standby", "active", "failed")},\n', "},\n"))
    failed, cells = blocks(page, "text")
    answer = run("prove", "--machine", "machine.json", "--only", "S1")
    assert answer.code == 1
    assert failed in answer.out
    answer = run("diff", "old.json", "machine.json", "--only", "S1")
    assert answer.code == 1
    assert cells in answer.out
    assert failed in answer.out


def test_a_standby_that_does_not_ask_for_the_lease_breaks_s2(run, mine):
    text = (mine / "pair.py").read_text(encoding="utf-8")
    (t102,) = re.findall(r'    Rule\("T102".*?\),\n(?=\))', text, re.DOTALL)
    rewritten(mine, (t102, ""), ('"take_over", {"peer.lease": "no"}', '"take_over", {}'))
    found = json.loads(run("prove", "--machine", "machine.json", "--only", "S2", "--json").out)
    (result,) = found["obligations"]
    assert result["verdict"] == "refuted"
    assert "link_cut" in result["counterexample"]["trace"]


def test_a_rule_forgotten_and_a_rule_too_many(run, bad, mine):
    text = (mine / "pair.py").read_text(encoding="utf-8")
    (p104,) = re.findall(r'    Rule\("P104".*?of the lease"\),\n', text, re.DOTALL)
    rewritten(mine, (p104, ""))
    answer = run("prove", "--machine", "machine.json", "--only", "F2")
    assert answer.code == 1
    assert "promotion_failed" in answer.out
    again = '    Rule("P103", "promoted", {}, {"me.state": "failed"}),\n'
    rewritten(mine, ('    Rule("P102"', again + '    Rule("P102"'))
    said = bad("prove", "--machine", "machine.json")
    assert "P102@node1" in said
    assert "P103@node1" in said


def test_the_workflow_runs_commands_that_there_are(mine):
    text = (mine / ".github/workflows/prove.yml").read_text(encoding="utf-8")
    assert "\t" not in text
    commands = re.findall(r"prgcore (\w+)", text)
    assert commands == ["prove", "simulate", "diff"]
    assert set(commands) <= set(MODULES)
    for path in re.findall(r"[\w./]+\.(?:json|py|txt)", text.replace("stories/*", "stories/takeover")):
        assert path in FILES or path.endswith("machine.json"), path


# ------------------------------------------------------------------------ what it says


def test_it_says_what_to_do_next(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run("init", "my pair")
    assert answer.code == 0
    assert "  cd 'my pair'\n  prgcore prove --machine machine.json\n" in answer.out
    assert all(len(line) <= 80 for line in answer.out.splitlines())
    found = json.loads(run("init", "other", "--json").out)
    assert found["files"] == FILES
    assert found["next"] == list(starting.TEMPLATES["pair"].next)


def test_an_empty_directory_will_do(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run("init", ".")
    assert answer.code == 0
    assert "cd " not in answer.out
    assert there(tmp_path) == FILES


# --------------------------------------------------------------------------- refusals


def test_nothing_is_overwritten(bad, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years", encoding="utf-8")
    said = bad("init", tmp_path / "mine")
    assert "not empty: it holds 'thesis.txt'" in said
    assert there(tmp_path) == ["mine/thesis.txt"]
    bad("init", tmp_path / "mine" / "thesis.txt")
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years"


@pytest.mark.parametrize("name", [
    "", " ", "no/such/place", "x" * 300, "a\0b", "loop", "dangling", "dangling/x", "/dev/null", "/dev/null/x",
])
def test_paths_that_cannot_be(bad, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    bad("init", name)
    assert there(tmp_path) == []


def test_a_name_with_a_newline_is_said_on_one_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "cd 'a b'" in run("init", "a\nb").out
    assert there(tmp_path / "a\nb") == FILES


@pytest.mark.parametrize("failing", FILES)
@pytest.mark.parametrize("error", [BadInput("the disk is full"), KeyboardInterrupt()])
def test_all_or_nothing(run, tmp_path, monkeypatch, failing, error):
    real = output.write_file

    def write_file(file, text, *, new):
        if str(file).endswith(failing):
            raise error
        real(file, text, new=new)

    monkeypatch.setattr(output, "write_file", write_file)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "fresh"):
        answer = run("init", tmp_path / name)
        assert answer.code == (2 if isinstance(error, BadInput) else 130)
        assert answer.out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]
    assert list((tmp_path / "empty").iterdir()) == []


def test_what_somebody_else_wrote_meanwhile_stays(run, tmp_path, monkeypatch):
    real = output.write_file

    def write_file(file, text, *, new):
        if file.name == "pair.py":
            file.write_text("theirs", encoding="utf-8")
        real(file, text, new=new)

    monkeypatch.setattr(output, "write_file", write_file)
    answer = run("init", tmp_path / "mine")
    assert answer.code == 2
    assert "exists and is kept" in answer.err
    assert there(tmp_path) == ["mine/pair.py"]
    assert (tmp_path / "mine/pair.py").read_text(encoding="utf-8") == "theirs"


def test_help(run):
    answer = run("init", "--help")
    assert "Usage: prgcore init" in answer.out
    assert "Example:\n" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "\n  init " in run().out


def test_a_program_is_not_taken_for_a_machine(bad):
    assert "is a program; a machine file is JSON" in bad("machine", "--machine", "pair.py")


# ---------------------------------------------------------------------- the examples


def test_the_examples_are_listed(run):
    told = run("example").out
    listed = json.loads(run("example", "--json").out)
    assert [e["name"] for e in listed] == list(shipped.EXAMPLES)
    for one in listed:
        assert re.search(rf"^{one['name']} +{one['says'][:30]}", told, re.MULTILINE)


def test_an_example_says_what_it_wrote_and_what_to_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("example", "shortest", "a b").out == \
        "wrote shortest.py\n\nNext:\n  cd 'a b'\n  python shortest.py\n"
    assert "Next (needs Prometheus):\n" in run("example", "alerts").out
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert json.loads(run("example", "two_nodes", ".", "--json").out) == {
        "example": "two_nodes", "directory": ".",
        "files": ["campaign.py", "faults.py", "group.toml", "pair.py", "service.py", "tour.py"],
        "next": list(shipped.EXAMPLES["two_nodes"].next)}
    assert there(tmp_path) == sorted(
        ["a b/shortest.py", "alerts/alerts.yml",
         *(f"empty/{Path(f).name}" for f in shipped.EXAMPLES["two_nodes"].files)])


def test_an_example_goes_by_the_rules_of_init(bad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bad("example", "nonsense") == f"unknown example 'nonsense'; known: {', '.join(shipped.EXAMPLES)}"
    (tmp_path / "shortest").mkdir()
    (tmp_path / "shortest" / "thesis.txt").write_text("years", encoding="utf-8")
    assert "not empty: it holds 'thesis.txt'" in bad("example", "shortest")
    for name in ("", "no/such/place", "x" * 300, "shortest/thesis.txt"):
        bad("example", "shortest", name)
    assert there(tmp_path) == ["shortest/thesis.txt"]
