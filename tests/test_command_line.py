"""What a signature makes of words, what a wrong word is answered, and completion."""

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

from prgcore.cli.app import MODULES
from prgcore.cli.commands import Argument, Command, Group, Option


@pytest.mark.parametrize(("words", "parts", "where"), [
    ("explian", "No such command 'explian'. Did you mean 'explain' or 'plan'?", "prgcore"),
    ("ha wiat", "No such command 'wiat'. Did you mean 'wait' or 'watch'?", "prgcore ha"),
    ("qqq", "No such command 'qqq';", "prgcore"),
    ("ha --state x wait", "No such option | --state", "prgcore ha"),
    ("explain --noed1 x", "No such option | --noed1 | --node1 | --node2", "prgcore explain"),
    ("explain --node1", "Option '--node1' requires an argument", "prgcore explain"),
    ("explain --json=3", "Option '--json' does not take a value", "prgcore explain"),
    ("explain --help --bogus", "No such option | --bogus", "prgcore explain"),
    ("--bogus", "No such option | --bogus", "prgcore"),
    ("prove --seed x", "Invalid value for '--seed' | 'x'", "prgcore prove"),
    ("ha wait --seconds abc", "Invalid value for '--seconds' | 'abc'", "prgcore ha wait"),
    ("ha wait --seconds -1", "Invalid value for '--seconds' | 0<=x<=1000000.0", "prgcore ha wait"),
    ("why-not", "Missing argument 'COMMAND'", "prgcore why-not"),
    ("why-not a b c", "unexpected extra argument (c)", "prgcore why-not"),
    ("ha event", "Missing argument 'EVENT...'", "prgcore ha event"),
    ("ha wait -zx", "No such option | -z", "prgcore ha wait"),
])
def test_what_does_not_fit_is_said_with_the_command_that_it_was_meant_for(bad, words, parts, where):
    said = bad(*shlex.split(words))
    assert said.endswith(f"; see {where} --help")
    assert all(part in said for part in parts.split(" | "))


def test_the_help_of_a_command_wins_over_what_it_is_called_with(run):
    alone = run("explain", "--help").out
    assert alone.startswith("Usage: prgcore explain [OPTIONS] [PAIR|FILE|-]...\n")
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

    @group.command()
    def two() -> None:
        """Do nothing."""

    context = click.Context(group)
    assert group.list_commands(context) == ["one", "two"]
    assert group.get_command(context, "two") is two
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "one")


def test_a_word_names_a_command_below_another_and_any_other_word_is_its_argument():
    called = []

    def above(word: Annotated[str | None, Argument(metavar="[WORD]", help="One.")] = None) -> None:
        called.append(["above", word])

    def below(word: Annotated[str, Argument(metavar="WORD", help="One.")]) -> None:
        """Do it below."""
        called.append(["below", word])

    group, inner = Group("x", "Says."), Group("above", "")
    inner.command()(below)
    group.command(below=inner.commands)(above)
    for words in (["above"], ["above", "a"], ["above", "below", "a"], ["above", "./below"]):
        group.main(words, standalone_mode=False)
    assert called == [["above", None], ["above", "a"], ["below", "a"], ["above", "./below"]]
    command = group.commands["above"]
    context = command.make_context("x above", [])
    assert "below  Do it below." in command.get_help(context)
    assert [item.value for item in command.shell_complete(context, "be")] == ["below"]
    with pytest.raises(click.UsageError) as error:
        group.main(["above", "below"], standalone_mode=False)
    assert error.value.ctx is not None
    assert error.value.ctx.command_path.endswith(" above below")


def test_a_signature_says_what_a_command_takes():
    called = []

    def both(
        first: Annotated[str, Argument(metavar="FIRST", help="One.")],
        rest: Annotated[list[str] | None, Argument(metavar="REST", help="More.")] = None, *,
        text: Annotated[str | None, Option("--text", "-t")] = None,
        again: Annotated[list[str] | None, Option("--again")] = None,
        number: Annotated[int, Option("--number", "-n", min=-5, max=5)] = 0,
        file: Annotated[Path | None, Option("--file", callback=lambda p: p and p / "x")] = None,
        flag: Annotated[bool, Option("--flag", "-f")] = False,
        answer: Annotated[bool | None, Option("--yes/--no")] = None,
    ) -> None:
        called.append([first, rest, text, again, number, file, flag, answer])

    for words, values in (
        ("a", ["a", None, None, None, 0, None, False, None]),
        ("a b c -ft d --again 1 --again=2", ["a", ["b", "c"], "d", ["1", "2"], 0, None, True, None]),
        ("-n-5 --file y --yes -- -x", ["-x", None, None, None, -5, Path("y/x"), False, True]),
        ("--no a --text=", ["a", None, "", None, 0, None, False, False]),
    ):
        Command("both", both).main(words.split(), standalone_mode=False)
        assert called.pop() == values


# ---------------------------------------------------------------------- completion


def following(line, shell="bash"):
    words = shlex.split(line)
    begun = "" if line.endswith(" ") else words[-1]
    at = len(words) - (not line.endswith(" "))
    done = subprocess.run(
        [sys.executable, "-m", "prgcore"], capture_output=True, check=False, text=True, env={
            **os.environ, "_PRGCORE_COMPLETE": f"{shell}_complete", "COMP_WORDS": line,
            "COMP_CWORD": begun if shell == "fish" else str(at)})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip().splitlines()


@pytest.mark.parametrize(("line", "follow"), [
    ("prgcore ", list(MODULES)),
    ("prgcore exp", ["explain", "explore", "export"]),
    ("prgcore ha w", ["wait", "watch"]),
    ("prgcore config ", ["check", "example", "schema"]),
    ("prgcore explain --no", ["--node1", "--node2"]),
    ("prgcore diagram --no-l", ["--no-legend"]),
    ("prgcore explain --policy reconn", ["reconnection=fail", "reconnection=keep_serving", "reconnection=able_serves"]),
    ("prgcore explain --policy=reconnection=f", ["reconnection=fail"]),
    ("prgcore explain --node1 ", []),
    ("prgcore explain ", []),
    ("prgcore no_such ", list(MODULES)),
    ("prgcore config --bogus ", ["check", "example", "schema"]),
])
def test_what_may_follow(line, follow):
    assert following(line) == [f"plain,{word}" for word in follow]


def test_shells_that_show_a_sentence_get_one():
    assert following("prgcore why", "zsh") \
        == ["plain", "why-not", "Say why a command is refused, and what..."]
    assert "Say why a command" in " ".join(following("prgcore why", "fish"))


def test_the_script_of_bash_asks_and_is_answered(tmp_path):
    bash = shutil.which("bash")
    assert bash, "bash is needed, as everywhere in these tests"
    program = tmp_path / "prgcore"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m prgcore "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "script"
    shown = subprocess.run(
        [sys.executable, "-m", "prgcore", "--show-completion"], capture_output=True, text=True,
        check=True, env={**os.environ, "SHELL": "/bin/bash"}).stdout
    script.write_text(shown + (
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
        shown = run("--show-completion").out.rstrip()
        assert "_PRGCORE_COMPLETE" in shown
        first, second = run("--install-completion"), run("--install-completion")
        assert (first.code, first.out) == (0, second.out)
        assert first.out.startswith(f"{shell} completion installed in {tmp_path}/")
        assert Path(first.out.splitlines()[0].rpartition(" ")[2]).read_text().rstrip() == shown
    assert (tmp_path / ".bashrc").read_text() \
        == "alias l=ls\nsource ~/.bash_completions/prgcore.sh\n"


def test_a_shell_that_is_not_known_is_named(bad, run, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert bad("--show-completion").startswith("the shell 'ksh' is not known")
    monkeypatch.setenv("_PRGCORE_COMPLETE", "ksh_complete")
    assert run().code == 1
