"""The command line: `prgcore`, also `python -m prgcore`.

Law: only this room imports click and rich, and knows standard streams and exit codes. It parses
the words, asks the library and prints the answer. A traceback is printed only with
PRGCORE_TRACEBACK=1. Exit codes:

- 0: answered, all good
- 1: something is refuted, invalid or not explained
- 2: usage or unreadable input
- 3: unknown or budget exhausted
- 4: two checkers disagree or a proof is vacuous
- 70: a bug of this program
- 130: interrupted
- 141: the reader went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from prgcore.errors import (
    BudgetExhausted,
    Conflict,
    MalformedMachine,
    MissingExtra,
    PrgError,
    Undecided,
)
from prgcore.words import one_line, quoted

__all__ = ["main", "program"]

BUG = 70
INTERRUPTED = 130
COMPLETION = "_PRGCORE_COMPLETE"
"""Click's name for the variable with which a shell asks for completions."""
READER_GONE = 141
ERROR = 2
"""The number of standard error."""


def program() -> int:
    """The exit code of `main` with the words of this process, as the whole life of a process.

    Garbage collection while modules load and at exit takes a fifth of the time of a short answer.
    So it is off then, and rare in a command that runs for long.
    """
    import gc

    gc.set_threshold(100_000, 20, 50)
    code = main()
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _forget(sys.stderr)
    gc.freeze()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: the words after the program's name; those of this process if not given.
    """
    if sys.stderr is None:
        _opened()
    if sys.stdout is None:
        return _complain("standard output is closed, so no answer can be written", 2)
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
        return READER_GONE
    except OSError as error:
        _forget(sys.stdout)
        return _complain(f"reading or writing failed: {error.strerror}", 2)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the backstop of every path
        return _bug(error)
    return code


def _run(arguments: list[str]) -> int:
    try:
        import click
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        return _complain(str(MissingExtra("the command line", "cli")), 2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _called(arguments)
    except click.exceptions.Exit as end:
        return end.exit_code
    except PrgError as error:
        return _complain(one_line(summary(error)), exit_code(error))
    except (RecursionError, MemoryError):
        return _complain("the input is too large or too deeply nested to be read", 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "prgcore"
        return _complain(one_line(f"{error.format_message().rstrip('.')}; see {where} --help"), 2)


def _called(arguments: list[str]) -> int:
    """Run the command, or print completions if a shell asks for them; return the exit code."""
    from prgcore.cli.app import ROOT

    if asked := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        if code := shell_complete(ROOT, {}, "prgcore", COMPLETION, asked):
            return _complain(f"{COMPLETION}={quoted(asked, 40)} is unknown; a completion script that "
                             "an older prgcore installed is renewed by --install-completion", code)
        return 0
    with ROOT.make_context("prgcore", arguments) as context:
        ROOT.invoke(context)
    return 0


def summary(error: PrgError) -> str:
    """An error as one sentence; of several findings, the first."""
    if not isinstance(error, MalformedMachine):
        return str(error)
    all_ = "; prgcore machine --check --machine FILE lists all" if len(error.findings) > 1 else ""
    return f"{error.head}: {error.findings[0][:450]}{all_}"


def exit_code(error: PrgError) -> int:
    """The exit code of an error: 1 for a negative answer, 3 for an unknown one, 2 for the rest.

    An answer is unknown if a budget is spent, or if the outcome of a command is not known. The rest
    is unreadable input, and a store or an agent that does not answer (Unavailable).
    """
    unknown = (BudgetExhausted, Undecided, Conflict)
    if getattr(error, "exhausted", None) is False or isinstance(error, unknown):
        return 3
    if error.code == "disagree":
        return 4
    answered = ("impossible_event", "outside_invariant", "not_total", "no_plan", "action_failed")
    return 1 if error.code in answered else 2


def _bug(error: Exception) -> int:
    """Print an unexpected error as one line, with its traceback if PRGCORE_TRACEBACK=1."""
    if os.environ.get("PRGCORE_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error)
    said = " ".join(f"{error!a:.400}".split())
    return _complain(f"BUG: {said}; please report it with the command and its input "
                     "(PRGCORE_TRACEBACK=1 says where it happened)", BUG)


def _complain(message: str, code: int) -> int:
    try:
        said = f"prgcore: {message}"
        if sys.stderr.isatty():
            from prgcore.cli.output import line

            said = line(said, sys.stderr, rest="  ", longest=2000)
        sys.stderr.write(f"{said}\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # the code says it too
        _forget(sys.stderr)
    return code


def _opened() -> None:
    """Let standard error that is closed lead nowhere, so that no file of a store gets its number."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != ERROR:
        os.dup2(nowhere, ERROR)
        os.close(nowhere)
    sys.stderr = os.fdopen(ERROR, "w", encoding="ascii", closefd=False)


def _forget(stream: TextIO) -> None:
    """Discard what is left to be written, because its reader went away or its disk is full."""
    try:
        with open(os.devnull, "w", encoding="ascii") as nowhere:  # noqa: PTH123, pathlib is slow
            os.dup2(nowhere.fileno(), stream.fileno())
    except (OSError, ValueError):
        return
