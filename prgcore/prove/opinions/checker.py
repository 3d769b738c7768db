"""A checker: a program of other people, its answers, and how it is run.

Law: knows no checker. A program that is missing is an error that says what to install; a program
that fails, or takes too long, has no opinion.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Protocol

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.model import Model
from prgcore.vocabulary import Verdict

__all__ = ["Checker", "Opinion", "Said", "beside", "found", "run"]


@frozen
class Opinion:
    """What a checker says of a promise: proved, refuted, or unknown and why."""

    verdict: Verdict
    says: str = ""


class Checker(Protocol):
    """A checker that the prover can ask."""

    @property
    def name(self) -> str:
        """Its name on the command line and in JSON."""

    @property
    def form(self) -> str:
        """The format of `prgcore export` that it reads."""

    @property
    def inductive(self) -> bool:
        """Whether it judges single steps. Else it judges the pairs that can be reached."""

    def program(self) -> Sequence[str]:
        """The command that runs it.

        Raises:
            BadInput: it is not installed; the message says how to install it.
        """

    def version(self) -> str:
        """Its own name for its version."""

    def ask(self, model: Model, given: Sequence[str]) -> Mapping[str, Opinion]:
        """Its opinion of each promise that it can judge, by id.

        Args:
            model: the machine.
            given: ids of the invariants that may hold before a step.
        """


@frozen
class Said:
    """The output of a program: its text, and how the program failed, if it did."""

    text: str
    failed: str = ""


def beside(*names: str) -> str | None:
    """The path of the first of these programs that is on PATH, or beside this Python."""
    for name in names:
        here = Path(sys.executable).parent / name
        path = which(name) or (str(here) if os.access(here, os.X_OK) else None)
        if path:
            return path
    return None


def found(names: Iterable[str], install: str) -> str:
    """The path of a program.

    Raises:
        BadInput: none of these programs is installed.
    """
    tried = tuple(names)
    path = beside(*tried)
    if path is None:
        raise BadInput(f"no program {' or '.join(tried)} is found to ask: {install}")
    return path


def run(command: Sequence[str], seconds: float, folder: Path) -> Said:
    """Run a program in a folder, with nothing on its standard input."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a checker that the user asked for
            list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )
    except OSError as error:
        return Said("", f"it cannot be run: {error.strerror}")
    try:
        data, _ = process.communicate(timeout=max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        return Said("", f"it took more than {seconds:.0f} s")
    finally:
        if process.poll() is None:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    text = data.decode(errors="replace").strip()
    if process.returncode:
        return Said(text, f"exit code {process.returncode}: {' '.join(text.split())[:120]}")
    return Said(text)
