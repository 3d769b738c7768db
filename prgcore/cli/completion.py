"""Completion scripts of shells: printed, or installed where the shell reads them.

Law: Click writes the scripts and answers them. Only these two options load this module.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from prgcore.cli import COMPLETION

__all__ = ["install", "show"]

PLACES = {
    "bash": (".bash_completions/prgcore.sh", ".bashrc",
             "source ~/.bash_completions/prgcore.sh"),
    "zsh": (".zfunc/_prgcore", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": (".config/fish/completions/prgcore.fish", "", ""),
}
"""For each shell, under the home directory: the script, the start-up file, and its new line."""


def show() -> None:
    """Print the script of this shell.

    Raises:
        UsageError: the shell is not a known one.
    """
    click.echo(_script(_shell()))


def install() -> None:
    """Install the script of this shell where the shell reads it.

    Raises:
        UsageError: as `show`.
    """
    shell = _shell()
    place, read, line = PLACES[shell]
    file = Path.home() / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_script(shell), encoding="utf-8")
    if read:
        settings = Path.home() / read
        text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
        if line not in text:
            settings.write_text(f"{text.rstrip()}\n{line}\n".lstrip(), encoding="utf-8")
    click.echo(f"{shell} completion installed in {file}\n"
               "Completion will take effect once you restart the terminal")


def _script(shell: str) -> str:
    from prgcore.cli.app import ROOT

    writer = get_completion_class(shell)
    assert writer is not None, f"BUG: Click has no completion for {shell}"
    return writer(ROOT, {}, "prgcore", COMPLETION).source()


def _shell() -> str:
    """The user's shell, from SHELL."""
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in PLACES:
        raise click.UsageError(
            f"the shell {shell!r} is not known; SHELL names one of {', '.join(PLACES)}")
    return shell
