"""Places: the file and the line of a rule, an event, a promise or a theorem.

Law: text is read and never run. In Python, a row of a table is a call whose first argument is its
id. In a machine file it is an object of a section, and in a theorem file a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prgcore.cli import inputs
from prgcore.errors import BadInput
from prgcore.wire.jsontext import parse_json
from prgcore.wire.sarif import Locate, Place

CLASSES = {
    "Rule": "rule", "Event": "event", "Invariant": "promise", "AcceptedOnly": "promise",
    "Exclusive": "promise", "OnlyBy": "promise",
}
SECTIONS = {
    "rules": "rule", "events": "event", "invariants": "promise", "accepted_only": "promise",
    "exclusive": "promise", "only_by": "promise",
}
BUILT_IN = ("tables", "machine.py")
"""The file of the package in which its machine is put together."""

_CALL = re.compile(r"""(?<!\w)(\w+)\(\s*(?:(?:id|name)\s*=\s*)?(["'])([^"'\n]+)\2""")
_SEAT = re.compile(r"@\w+$|\(\w+\)$")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]')
_HEADER = re.compile(r"^[ \t]*\[([^\[\]\n]+)\]", re.MULTILINE)

Found = Iterator[tuple[str, str, int]]
"""Kind, name, and where in the text; the kind is empty where the text does not say it."""


def python(text: str) -> Found:
    """The rows of a table in Python."""
    for call in _CALL.finditer(text):
        yield CLASSES.get(call[1], ""), call[3], call.start()


def machine_file(text: str) -> Found:
    """The rows of a machine file, from its text."""
    depth, section, key, last = 0, "", "", ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
        elif mark == ":":
            key = last
            section = key if depth == 1 else section
        elif mark != ",":
            last = str(parse_json(mark, "a word"))
            if depth == 3 and key == ("name" if section == "events" else "id") \
                    and section in SECTIONS:
                yield SECTIONS[section], last, token.start()
        if mark in "{,":
            key = ""


def theorems(text: str) -> Found:
    """The headers of a theorem file."""
    for header in _HEADER.finditer(text):
        yield "theorem", header[1].strip(" \t\"'"), header.start(1)


def _one_theorem(file: Path) -> Callable[[str], Found]:
    """A reader of a file that is one theorem, with the name of the file."""
    return lambda _: iter([("theorem", file.stem, 0)])


def locator(machine: str | None, sources: Iterable[str], proved: Iterable[str]) -> Locate:
    """A function that returns the place of a thing, by its kind and its name.

    Args:
        machine: the machine file, `-` for standard input, None for the built-in machine.
        sources: Python files in which the rows of the machine are written.
        proved: theorem files, and folders that hold them.

    Raises:
        BadInput: a file cannot be read.
    """
    known: dict[tuple[str, str], Place] = {}
    for file, rows in _files(machine, tuple(sources), proved):
        path, text, line, end = _path(file), inputs.read_text(str(file)), 1, 0
        known.setdefault(("machine", ""), Place(path))
        for kind, name, at in rows(text):
            line, end = line + text.count("\n", end, at), at
            known.setdefault((kind, name), Place(path, line))

    def locate(kind: str, name: str) -> Place | None:
        if kind == "machine":
            return known.get((kind, ""))
        plain = _SEAT.sub("", name) if kind in ("rule", "event") else name
        names = (plain, name) if sources else (name, plain)
        kinds = (kind,) if kind == "theorem" else (kind, "")
        return next((known[k, n] for k in kinds for n in names if (k, n) in known), None)

    return locate


def _files(
    machine: str | None, sources: Iterable[str], proved: Iterable[str]
) -> Iterator[tuple[Path, Callable[[str], Found]]]:
    """Yield each file, the best place first, with the function that reads it."""
    for source in sources:
        if source == "-":
            raise BadInput("--source - has no place to point at; expected a file of Python")
        yield Path(source), python
    if machine is None:
        yield from ((file, python) for file in _built_in())
    elif machine != "-" and Path(machine).is_file():
        yield Path(machine), machine_file
    yield from ((file, theorems if file.suffix == ".toml" else _one_theorem(file))
                for file in _theorem_files(proved))


def _built_in() -> list[Path]:
    """The tables of the package; first the one that assembles them."""
    first = Path(__file__).parent.parent.joinpath(*BUILT_IN)
    return [first, *sorted(f for f in first.parent.rglob("*.py") if f != first)]


def _theorem_files(paths: Iterable[str]) -> Iterator[Path]:
    for path in paths:
        place = Path(path)
        if place.is_file():
            yield place
        elif path != "-":
            yield from sorted(f for f in place.iterdir() if f.suffix in (".toml", ".smt2"))


def _path(file: Path) -> str:
    """The path, relative to the current folder if it is in it; else absolute."""
    place, here = file.resolve(), Path.cwd().resolve()
    return (place.relative_to(here) if place.is_relative_to(here) else place).as_posix()
