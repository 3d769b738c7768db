"""Several files in one process: each answered under its name, and a bad one keeps none from it."""

from __future__ import annotations

import json

import pytest

from prgcore.cli import inputs
from prgcore.explain import explaining
from prgcore.machine import PRG
from prgcore.wire.machine_file import dumps

NORMAL = "Node 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n"
SILENT = "Node 1 Name : c State:\nNode 2 Name : d State:\n"
UNKNOWN = "Node 1 Name : a State: Nrmal\nNode 2 Name : b State: Normal\n"
PAIR = json.dumps(dict(PRG.initial[0]))
BAD = {
    "missing": (None, "No such file or directory"),
    "folder": (..., "Is a directory"),
    "binary": (bytes(range(256)) * 40, "no status in"),
    "empty": (b" \n", "is empty"),
    "prose": (b"Dear all,\nit is down.\n", "no status in 2 lines of text"),
    "deep": (b'{"pair":' * 200_000, "nested too deeply"),
    "half": (b'{"node1.state": "normal"', "JSON"),
    "other": (b'{"ha": "perhaps"}', "ha: unknown value 'perhaps'"),
}
"""Files that cannot be answered, each with a part of its line."""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Make files in a folder of their own, and return their names."""
    monkeypatch.chdir(tmp_path)

    def make(**contents):
        for name, content in contents.items():
            if content is ...:
                (tmp_path / name).mkdir()
            elif content is not None:
                data = content if isinstance(content, bytes) else content.encode()
                (tmp_path / name).write_bytes(data)
        return list(contents)

    return make


def test_each_file_is_answered_as_alone_under_its_name(run, files):
    names = files(one=NORMAL, two=SILENT, three=PAIR)
    alone = [run("explain", name) for name in names]
    answer = run("explain", *names)
    assert (answer.code, answer.err) == (max(a.code for a in alone), "")
    assert answer.out == "\n".join(
        f"==> {name} <==\n{one.out.strip()}\n" for name, one in zip(names, alone, strict=True))


def test_as_json_they_are_one_list(run, files):
    names = files(one=NORMAL, three=PAIR, missing=None)
    answer = run("explain", *names, "--json")
    assert answer.code == 2
    *good, bad = json.loads(answer.out)
    assert good == [
        {"file": name, "answer": json.loads(run("explain", name, "--json").out)}
        for name in names[:2]]
    assert bad == {"file": "missing", "error": "cannot read 'missing': No such file or directory; "
                                               "give a file, or - for standard input"}
    assert answer.err == f"prgcore: {bad['error']}\n"


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_has_one_line_and_the_others_are_answered(run, files, kind):
    content, says = BAD[kind]
    names = files(**{"before": NORMAL, "x.txt": content, "after": SILENT})
    answer = run("explain", *names)
    assert answer.code == 2
    assert [line for line in answer.out.splitlines() if line.startswith("==>")] == [
        "==> before <==", "==> after <=="]
    assert answer.err.count("\n") == 1
    assert answer.err.startswith(("prgcore: x.txt: ", "prgcore: cannot read 'x.txt': "))
    assert says in answer.err


def test_the_exit_code_is_the_worst_one(run, files):
    normal, unknown, missing = files(normal=NORMAL, unknown=UNKNOWN, missing=None)
    assert run("explain", normal, normal).code == 0
    assert run("explain", unknown, normal).code == 1
    assert run("explain", normal, unknown, missing, normal).code == 2
    assert run("explain", missing, missing).code == 2


def test_the_same_file_twice_is_answered_twice_and_its_display_explained_once(
    run, files, monkeypatch
):
    asked = []

    def counted(*question):
        asked.append(question[1:3])
        return told(*question)

    told = explaining.explain_display
    monkeypatch.setattr(explaining, "explain_display", counted)
    renamed = NORMAL.replace(" a ", " host-a ").replace(" b ", " host-b ")
    names = files(one=NORMAL, other=renamed, silent=SILENT)
    answer = run("explain", *names, "one")
    assert len(asked) == len(set(asked)) == 2
    first, second, _, last = answer.out.split("==> ")[1:]
    assert first.strip() == last.strip()
    assert "host-a" in second
    assert "host-a" not in first


def test_standard_input_is_one_of_them_and_can_be_read_once(run, bad, files):
    (one,) = files(one=NORMAL)
    answer = run("explain", one, "-", stdin=SILENT)
    assert answer.code == 0
    assert "==> standard input <==\nc  shows nothing\n" in answer.out
    assert "- is given more than once" in bad("explain", "-", one, "-", stdin=SILENT)
    for words in (("-", one), (one, one), (one, "-")):
        assert "standard input" in bad("explain", *words, "--machine", "-", stdin=SILENT)


def test_options_are_for_every_file(run, bad, files):
    names = files(one=NORMAL, two=SILENT)
    answer = run("explain", *names, "--set", "auto_fallback=on", "--json")
    assert answer.code == 0
    for found in json.loads(answer.out):
        (group,) = found["answer"]["groups"]
        assert "disable_auto_fallback" in group["explanation"]["available"]
    assert "--file does not go with PAIR" in bad("explain", *names, "--file", "one")
    assert "expected NAME=VALUE" in bad("explain", *names, "--set", "auto_fallback")
    wrong = run("explain", *names, "--set", "auto_fallback=perhaps")
    assert (wrong.code, wrong.out) == (2, "")
    assert [line.split(": ")[1] for line in wrong.err.splitlines()] == names


def test_a_machine_of_your_own_is_read_once(run, bad, files, monkeypatch):
    names = files(machine=dumps(PRG.model), one=NORMAL, two=NORMAL)
    read = []
    monkeypatch.setattr(inputs, "load_model", lambda file: read.append(file) or PRG.model)
    assert run("explain", *names[1:], "--machine", "machine").code == 0
    assert read == ["machine"]
    monkeypatch.undo()
    assert "cannot read 'missing'" in bad("explain", "one", "two", "--machine", "missing")
