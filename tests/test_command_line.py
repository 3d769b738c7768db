"""How words become a call: as Click reads them; and the three pages that nobody else tests."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.cli.app import MODULES
from prgcore.cli.commands import Argument, Command, Group, Option, UsageError
from prgcore.cli.completion import SCRIPTS


def _command(kind):
    """The same command twice: as ours, and as Click's. What it is called with goes to a list."""
    called = []
    name, required = ("many", True) if kind == "many" else ("one", kind == "required")
    type_ = list[str] if kind == "many" else str | None

    def take(**values):
        called.append({k: list(v) if isinstance(v, tuple) else v for k, v in values.items()})

    def ours(first, *, text=None, again=None, number=0, flag=False, answer=None):
        take(**{name: first}, text=text, again=again or [], number=number, flag=flag,
             answer=answer)

    ours.__annotations__ = {
        "first": Annotated[type_, Argument(metavar="FIRST", help="One.")],
        "text": Annotated[str | None, Option("--text", "-t")],
        "again": Annotated[list[str] | None, Option("--again")],
        "number": Annotated[int, Option("--number", "-n", min=-5, max=5)],
        "flag": Annotated[bool, Option("--flag", "-f")],
        "answer": Annotated[bool | None, Option("--yes/--no")],
    }
    ours.__defaults__ = () if required else (None,)

    theirs = click.Command("x", callback=take, params=[
        click.Argument([name], required=required, nargs=-1 if kind == "many" else 1),
        click.Option(["--text", "-t", "text"]),
        click.Option(["--again", "again"], multiple=True),
        click.Option(["--number", "-n", "number"], type=click.IntRange(-5, 5), default=0),
        click.Option(["--flag", "-f", "flag"], is_flag=True),
        click.Option(["--yes/--no", "answer"], default=None),
    ])
    return Command("x", ours), theirs, called


WORDS = st.sampled_from((
    "--text", "-t", "--text=a", "--text=", "-tb", "-t=c", "--again", "--again=x", "--number", "-n",
    "-n3", "-n-9", "--number=x", "--number=2", "--flag", "-f", "--flag=1", "-ft", "-ftd", "-fx",
    "--yes", "--no", "--no=1", "--", "-", "", "a", "b c", "3", "--nope", "-x", "---", "--tex", "=",
    "-f-t", "a=b", "-1",
))


@pytest.mark.parametrize("kind", ["optional", "required", "many"])
@given(words=st.lists(WORDS, max_size=7))
def test_words_are_read_as_click_reads_them(kind, words):
    ours, theirs, called = _command(kind)
    try:
        theirs.main(list(words), standalone_mode=False)
    except click.UsageError:
        with pytest.raises(UsageError):
            ours.run(words, "x")
        assert called == []
    else:
        ours.run(words, "x")
        assert len(called) == 2
        assert called[0] == called[1]


@pytest.mark.parametrize(("words", "said", "where"), [
    ("explian", "No such command 'explian'. Did you mean 'explain', 'plan'?", "prgcore"),
    ("ha wiat", "No such command 'wiat'. Did you mean 'wait', 'watch'?", "prgcore ha"),
    ("ha --state x wait", "No such option: --state", "prgcore ha"),
    ("explain --noed1 x", "No such option: --noed1 (Possible options: --node1, --node2)",
     "prgcore explain"),
    ("explain --node1", "Option '--node1' requires an argument", "prgcore explain"),
    ("explain --json=3", "Option '--json' does not take a value", "prgcore explain"),
    ("explain --help --bogus", "No such option: --bogus", "prgcore explain"),
    ("prove --seed x", "Invalid value for '--seed': 'x' is not a valid int", "prgcore prove"),
    ("ha wait --seconds abc", "Invalid value for '--seconds': 'abc' is not a valid float range",
     "prgcore ha wait"),
    ("ha wait --seconds -1",
     "Invalid value for '--seconds': -1.0 is not in the range 0<=x<=1000000.0", "prgcore ha wait"),
    ("why-not", "Missing argument 'COMMAND'", "prgcore why-not"),
    ("why-not a b c", "Got unexpected extra argument(s) (c)", "prgcore why-not"),
    ("ha event", "Missing argument 'EVENT...'", "prgcore ha event"),
    ("ha wait -zx", "No such option: -z", "prgcore ha wait"),
])
def test_what_does_not_fit_is_said_with_the_command_that_it_was_meant_for(bad, words, said, where):
    assert bad(*shlex.split(words)) == f"{said}; see {where} --help"


def test_the_help_of_a_command_wins_over_what_it_is_called_with(run):
    alone = run("explain", "--help").out
    assert alone.startswith("Usage: prgcore explain [OPTIONS] [PAIR|FILE|-]\n")
    assert run("explain", "--exact", "-h", "no such file").out == alone
    assert run("-h", "explain").out == run("--help").out
    assert run("--version", "explain").out == run("--version").out
    assert run("ha").out == run("ha", "--help").out


def test_a_page_of_help_fits_any_terminal(run, monkeypatch):
    for columns, fits in (("60", 60), ("20", 50), ("300", 80), ("wide", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        lines = run("explain", "-h").out.partition("Example:")[0].splitlines()
        assert max(map(len, lines)) <= fits


def test_a_command_is_found_without_loading_the_others():
    group = Group("x", "Says.", homes={"one": "no.such.module"})
    group.add(Command("two", lambda: None))
    assert group.names == ["one", "two"]
    assert group.find("two").name == "two"
    with pytest.raises(ModuleNotFoundError):
        group.find("one")


# ---------------------------------------------------------------------- completion


def following(line, shell="bash"):
    words = shlex.split(line)
    at = len(words) - (not line.endswith(" "))
    done = subprocess.run(
        [sys.executable, "-m", "prgcore"], capture_output=True, check=False, text=True, env={
            **os.environ, "_PRGCORE_COMPLETE": f"complete_{shell}", "COMP_WORDS": line,
            "COMP_CWORD": str(at), "_PRGCORE_COMPLETE_LINE": line})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(("line", "follow"), [
    ("prgcore ", list(MODULES)),
    ("prgcore exp", ["explain", "explore"]),
    ("prgcore ha w", ["wait", "watch"]),
    ("prgcore config ", ["check", "example", "schema"]),
    ("prgcore explain --no", ["--node1", "--node2"]),
    ("prgcore diagram --no-l", ["--no-legend"]),
    ("prgcore explain --policy reconn", ["reconnection=fail", "reconnection=keep_serving"]),
    ("prgcore explain --policy=reconnection=f", ["reconnection=fail"]),
    ("prgcore explain --node1 ", []),
    ("prgcore explain ", []),
    ("prgcore no_such ", list(MODULES)),
    ("prgcore config --bogus ", ["check", "example", "schema"]),
])
def test_what_may_follow(line, follow):
    assert following(line) == follow


def test_shells_that_show_a_sentence_get_one():
    assert following("prgcore why", "fish") \
        == ["why-not\tWhy a command is refused, and what enables it soonest."]
    assert following("prgcore why", "zsh") \
        == ["why-not:Why a command is refused, and what enables it soonest."]


def test_the_script_of_bash_asks_and_is_answered(tmp_path):
    bash = shutil.which("bash")
    assert bash, "bash is needed, as everywhere in these tests"
    program = tmp_path / "prgcore"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m prgcore "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(SCRIPTS["bash"] + (
        "\nCOMP_WORDS=(prgcore ha w)\nCOMP_CWORD=2\n_prgcore_completion prgcore\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'))
    done = subprocess.run([bash, "--norc", script], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (done.stdout.split(), done.stderr) == (["wait", "watch"], "")


def test_completion_is_installed_once_and_is_never_in_the_way(run, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".bashrc").write_text("alias l=ls")
    for shell in ("bash", "zsh", "fish"):
        monkeypatch.setenv("SHELL", f"/bin/{shell}")
        assert run("--show-completion").out == SCRIPTS[shell]
        first, second = run("--install-completion"), run("--install-completion")
        assert first.out == second.out
        assert first.out.startswith(f"{shell} completion installed in {tmp_path}/")
        assert Path(first.out.splitlines()[0].rpartition(" ")[2]).read_text() == SCRIPTS[shell]
    assert (tmp_path / ".bashrc").read_text() \
        == "alias l=ls\nsource ~/.bash_completions/prgcore.sh\n"


def test_a_shell_that_is_not_known_is_named(bad, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert bad("--show-completion").startswith("the shell 'ksh' is not known")
    monkeypatch.setenv("_PRGCORE_COMPLETE", "complete_ksh")
    assert "expected complete_SHELL or source_SHELL" in bad()
