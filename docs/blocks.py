# ruff: noqa: INP001
"""The code blocks of a page: found, run, and filled in with what was printed.

Law: a page is one session, as its reader has it: its commands share a folder, its Python examples
share their names. `docs/generate.py` fills in what is marked as generated; `tests/test_docs.py`
compares the rest. Nothing here knows what a command means.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest.mock import patch

from attrs import evolve, frozen

from prgcore.cli import main

ROOT = Path(__file__).resolve().parent.parent
PROVIDED = ("examples", "proofs", "tests/stories")
"""The parts of the project that a reader's folder holds."""

OTHERS = ("make", "pip", "git")
"""Programs whose commands are read and never run."""

OURS = re.compile(
    r"""(?P<words>prgcore(?: (?:[ \w./=:,@%+-]|'[^'\n]*'|"[^"\n$`\\!]*")*)?)"""
    r"""(?: \| (?P<part>head|tail) -(?P<count>\d+)| >(?P<add>>)? (?P<file>[\w./-]+))?""")
"""A command of this project of which a shell parts the words, and keeps or shortens the answer."""

SAID_NO = "console-1"
"""The name of a console block whose commands may exit with 1: the answer is no."""

MARKED = re.compile(r"(<!-- generated:(\S+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_BLOCK = re.compile(
    r"^(?P<mark><!-- (?P<said>[^\n]*?) -->\n+)?"
    r"```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """A fenced block: its language, its text, and the comment before it.

    `line` counts from 1. The comment says `generated:NAME` where the block is not written by hand
    (`generated:console-1` where a command of it exits with 1, which is otherwise an error),
    `file: NAME` where its reader saves it, and `long` where its commands take too long to be run.
    """

    language: str
    text: str
    line: int
    said: str = ""

    @property
    def made(self) -> str:
        """The name after `generated:`."""
        return self.said.removeprefix("generated:") if self.said.startswith("generated:") else ""

    @property
    def file(self) -> str:
        """The name under which its reader saves it."""
        return self.said.removeprefix("file: ") if self.said.startswith("file: ") else ""

    @property
    def answered(self) -> tuple[int, ...]:
        """Exit codes of commands that answer: yes, with a reader who went away, and, if said, no."""
        return (0, 141, 1) if self.made == SAID_NO else (0, 141)

    @property
    def long(self) -> bool:
        """Whether it takes too long to be run."""
        return self.said == "long"


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(m["language"].strip(), m["text"], page.count("\n", 0, m.start()) + 1, m["said"] or "")
        for m in _BLOCK.finditer(page)
    ]


@frozen
class Command:
    """A command of a console block, its lines joined, and what it shows."""

    typed: str
    shown: str = ""

    @property
    def program(self) -> str:
        """Its first word."""
        return self.typed.split()[0]

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return self.typed.replace("\\\n", " ")

    def __str__(self) -> str:
        return f"$ {self.typed}\n"


def commands(text: str) -> list[Command]:
    """The commands of a console block: `$ ` in front; a backslash where a command continues below."""
    found: list[Command] = []
    going_on = False
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        elif found and going_on:
            found[-1] = evolve(found[-1], typed=f"{found[-1].typed}\n{line}")
        elif found:
            found[-1] = evolve(found[-1], shown=f"{found[-1].shown}{line.rstrip()}\n")
        else:
            raise ValueError(f"a console block begins with a command, not with {line!r}")
        going_on = line.endswith("\\") and not found[-1].shown
    return [evolve(c, shown=c.shown.rstrip() + "\n" * bool(c.shown.strip())) for c in found]


class Session:
    """A reader's folder and a reader's Python; ends with `close`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="prgcore-"))
        self.names: dict[str, Any] = {"__name__": "example"}
        for name in PROVIDED:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).symlink_to(ROOT / name)

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder)

    def run(self, command: Command) -> tuple[str, int]:
        """The answer of a command, at 80 columns and without colours, and its exit code.

        Remarks on standard error are left out where there is an answer. A command of ours that
        asks nothing of a shell is run in this process, which is what it does in its own, sooner.
        """
        if ours := OURS.fullmatch(command.line):
            return self.ours(ours)
        done = subprocess.run(  # noqa: S603
            ["bash", "-c", command.line],  # noqa: S607 - a page's own example
            cwd=self.folder, check=False, capture_output=True, stdin=subprocess.DEVNULL,
            encoding="utf-8", env=environment(),
        )
        return _trimmed(done.stdout or done.stderr), done.returncode

    def ours(self, command: re.Match[str]) -> tuple[str, int]:
        """The answer of our command line after a shell kept it in a file or shortened it."""
        out, err, code = self.here(shlex.split(command["words"])[1:])
        if command["file"]:
            with (self.folder / command["file"]).open("a" if command["add"] else "w") as file:
                file.write(out)
            out = ""
        if command["part"]:
            lines, count = out.splitlines(keepends=True), int(command["count"])
            out, code = "".join(lines[:count] if command["part"] == "head" else lines[-count:]), 0
        return _trimmed(out or err), code

    def here(self, words: list[str]) -> tuple[str, str, int]:
        """Both outputs of our own command line, and its exit code, in this process."""
        given, out, err = (
            TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(3))
        with (
            chdir(self.folder), patch.dict(os.environ, environment()),
            patch.multiple(sys, stdin=given, stdout=out, stderr=err),
        ):
            code = main(words)
        return out.buffer.getvalue().decode(), err.buffer.getvalue().decode(), code

    def python(self, code: str) -> str:
        """The text that a Python example prints."""
        printed = StringIO()
        with redirect_stdout(printed), chdir(self.folder):
            exec(compile(code, "example", "exec"), self.names)  # noqa: S102 - a page's own example
        return _trimmed(printed.getvalue())

    def play(self, page: str) -> Iterator[tuple[Block, str, list[tuple[Command, str, int]]]]:
        """Every block of a page, done as its reader does.

        With each: what Python printed last, and of every command of it what it showed and its
        exit code.
        """
        printed = ""
        for block in blocks(page):
            ran: list[tuple[Command, str, int]] = []
            if block.file:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
            if block.language == "python":
                printed = self.python(block.text)
            elif block.language == "console" and not block.long:
                ran = [
                    (c, *self.run(c)) for c in commands(block.text) if c.program not in OTHERS
                ]
            yield block, printed, ran


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())


def environment() -> Mapping[str, str]:
    """Where this Python's own programs come first, and nothing is wide or coloured."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8",
    }


def answers(page: str) -> Iterator[str]:
    """The text of the generated blocks that are made by running the page, in order.

    Raises:
        ValueError: a command does not answer.
    """
    session = Session()
    try:
        for block, printed, ran in session.play(page):
            for command, shown, code in ran:
                if code not in block.answered:
                    raise ValueError(f"line {block.line}: {command.line} exits with {code}: {shown}")
            if block.made == "output":
                yield printed
            elif block.made in ("console", SAID_NO):
                yield "".join(
                    f"{command}{shown}" + "\n" * bool(shown) for command, shown, _ in ran
                ).rstrip() + "\n"
    finally:
        session.close()


def fill(page: str, texts: Mapping[str, str]) -> str:
    """A page with its generated blocks filled in: those by name, and those that are run."""
    made = answers(page)

    def one(match: re.Match[str]) -> str:
        name = match[2]
        if name in ("output", "console", SAID_NO):
            body = f"```{'text' if name == 'output' else 'console'}\n{next(made)}```\n"
        else:
            assert name in texts, f"BUG: no generated block is called {name}"
            body = texts[name]
        return f"{match[1]}{body}{match[3]}"

    return MARKED.sub(one, page)
