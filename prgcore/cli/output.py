"""Output: text, tables and JSON on standard output, remarks on standard error.

Law: an answer is rendered completely before its first byte is written, so none is left
half-written. Standard output carries the answer and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from prgcore.errors import BadInput, MissingExtra
from prgcore.explain.names import UNNAMED, Names
from prgcore.words import WIDTH, one_line, quoted
from prgcore.words import wrapped as fold

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.table import Table

    from prgcore.engine import Engine, Pair

HEIGHT = 24
"""The default number of lines of a page."""
NARROWEST = 40
"""The least width; a narrower page is as wide as `WIDTH`."""


def write(text: str) -> None:
    """Write text to standard output, ended by a newline."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def write_json(value: object, *, line: bool = False) -> None:
    """Write JSON to standard output, indented or on one line; ASCII, keys in the given order."""
    import json

    write(json.dumps(value) if line else json.dumps(value, indent=2))


def remark(text: str) -> None:
    """Write one line to standard error, folded on a terminal."""
    aside(line(text, sys.stderr, "prgcore: ", "  ") + "\n")


def note(text: str) -> None:
    """Write to standard error what belongs to the answer: lines that fit the page."""
    aside("\n".join(fold(text, "prgcore: ", "  ", width())) + "\n")


def line(text: str, stream: TextIO, first: str = "", rest: str = "", longest: int = 600) -> str:
    """A text as one line, for a log or a program; on a terminal as lines that fit it, as `wrapped`."""
    if stream.isatty():
        return "\n".join(wrapped(text, first, rest, longest))
    return first + one_line(text, longest)


def aside(text: str) -> int:
    """Write text to standard error, and return its length.

    Where nothing can be written, as on a full disk, the text is lost; no answer and no agent is.
    """
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
    return len(text)


def show(*parts: RenderableType) -> None:
    """Print tables and text, in colour only on a terminal; it observes NO_COLOR and COLUMNS."""
    console = _console()
    with console.capture() as capture:
        for part in parts:
            _fit(part, console.width)
            console.print(part, markup=False)
    write("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _console(*, stderr: bool = False) -> Console:
    """Rich's console, without its own reading of COLUMNS and LINES, which takes any digits."""
    _needs_rich()
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, width=width(), height=HEIGHT)


def _needs_rich() -> None:
    """Check that pages can be laid out.

    Raises:
        MissingExtra: rich is not installed.
    """
    try:
        import rich  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("the command line", "cli") from None


def _fit(part: RenderableType, columns: int) -> None:
    """Let only the last column of a table wrap, unless the others leave too little room for it."""
    from rich.table import Table

    if isinstance(part, Table):
        *others, _ = part.columns
        needed = sum(max(len(str(x)) for x in (c.header, *c.cells)) + 2 for c in others)
        for column in others:
            column.no_wrap = needed + NARROWEST // 2 <= columns


def width() -> int:
    """The width of a page, in columns: from COLUMNS, else from the terminal.

    It does what `shutil.get_terminal_size` does, without the compressors that `shutil` loads.
    """
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0 and sys.__stdout__ is not None:
        with suppress(OSError, ValueError):
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
    return columns if columns >= NARROWEST else WIDTH


def wrapped(text: str, first: str = "", rest: str = "  ", longest: int = 600) -> list[str]:
    """A text as lines that fit the page; `first` is put before the first, `rest` before the others.

    A text of more than `longest` characters is cut.
    """
    return fold(one_line(text, longest), first, rest, width())


@contextmanager
def progress(
    label: str, *, always: bool = False
) -> Iterator[Callable[[str, int, int], None] | None]:
    """A reporter of progress on standard error: a bar on a terminal; elsewhere names, or None.

    Args:
        always: without a terminal, name each task as it begins.
    """
    if not sys.stderr.isatty():
        with _named(label) if always else nullcontext() as report:
            yield report
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)

        def report_bar(name: str, done: int, total: int) -> None:
            bar.update(task, description=f"{label} {name}", completed=done, total=total)

        yield report_bar


@contextmanager
def _named(label: str) -> Iterator[Callable[[str, int, int], None]]:
    """A reporter that writes each name as its work begins, and tenths of long work."""
    began, at, last = monotonic(), 0, ("", 0)

    def say(word: str) -> None:
        nonlocal at
        if at and at + 1 + len(word) > width():
            aside("\n")
            at = 0
        at += aside(f" {word}" if at else f"  {word}")

    def report(name: str, done: int, total: int) -> None:
        nonlocal last
        tenth = done * 10 // total if name == last[0] and total else 0
        if name and (name, tenth) != last:
            say(f"{done:,}/{total:,}" if tenth else name)
        last = (name, tenth)

    aside(f"{label}\n")
    try:
        yield report
    finally:
        say(f"({monotonic() - began:.1f} s)")
        aside("\n")


def writable(file: Path) -> None:
    """Check, before any work, that this file can be written.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        fits = not file.is_dir() and file.resolve().parent.is_dir()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead in a circle
        fits = False
    if not fits:
        raise BadInput(f"cannot write {quoted(str(file))}: "
                       "expected a file in a directory that exists")


def write_file(file: Path, text: str | bytes, *, new: bool = False) -> None:
    """Write the whole file or nothing: beside its place first, then moved there.

    It follows a link, and keeps the mode of a file that it replaces. A pipe or a device is not
    replaced but written to.

    Args:
        new: refuse a file that exists; of several processes that create one file, one succeeds.

    Raises:
        BadInput: the file cannot be written, or must be new and exists.
    """
    import tempfile
    from pathlib import Path

    temporary = ""
    data = text.encode(errors="backslashreplace") if isinstance(text, str) else text
    try:
        if not new and file.exists() and not file.is_file():
            file.write_bytes(data)
            return
        place = file.resolve()
        handle, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).chmod(_mode(place))
        if new:
            _name(Path(temporary), place)
        else:
            Path(temporary).replace(place)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        name = quoted(str(file))
        if new and isinstance(error, FileExistsError):
            raise BadInput(f"{name} exists and is kept; give another file, or remove it") from None
        raise BadInput(f"cannot write {name}: {error.strerror}") from None


def _mode(file: Path) -> int:
    """The mode of a file, or of a new one."""
    import stat

    with suppress(FileNotFoundError):
        return stat.S_IMODE(file.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _name(written: Path, name: Path) -> None:
    """Give a written file an unused name; without hard links an empty file reserves it first."""
    try:
        os.link(written, name)
    except FileExistsError:
        raise
    except OSError:
        name.touch(exist_ok=False)
        written.replace(name)
    else:
        written.unlink()


# ---------------------------------------------------------------------------- tables


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines; columns in `right` are aligned to the right."""
    _needs_rich()
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


# ---------------------------------------------------------------------------- pairs


def shown(machine: Engine, pair: Pair, names: Names = UNNAMED) -> list[str]:
    """The two nodes' displays, one line per node; the columns for a machine without states."""
    from prgcore.explain.explaining import display_of, spell
    from prgcore.form.spelling import Spelling

    display = display_of(machine, pair)
    if display is None:
        return [names.out(" ".join(f"{name}={value}" for name, value in pair.items())), ""]
    spelling = Spelling.of(machine.model)
    return [f"{name}  {spell(half, spelling)}"
            for name, half in zip(names.shown.values(), display, strict=True)] + [""]
