"""Input from a person or a program: text, JSON, machines.

Law: every byte from outside passes here. Any fault of it becomes one `BadInput` before a command
has written anything. Sizes are bounded, and every shape is checked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli.commands import Option
from prgcore.errors import BadInput, PrgError
from prgcore.explain.names import UNNAMED, Names
from prgcore.wire import jsontext
from prgcore.words import quoted

if TYPE_CHECKING:
    from prgcore.machine import Machine
    from prgcore.model import Model
    from prgcore.running.group import Group

MEGABYTE = 1 << 20
LIMIT = jsontext.FILE_LIMIT
"""The largest file that is read, in bytes."""
LINE_LIMIT = jsontext.LINE_LIMIT


def _policies(incomplete: str) -> Iterator[str]:
    from prgcore.tables.policies import POLICIES

    words = (f"{p.name}={choice}" for p in POLICIES for choice in p.choices)
    yield from (w for w in words if w.startswith(incomplete))


MachineFile = Annotated[
    str | None,
    Option("--machine", metavar="FILE", help="A machine file, or a group file (- for standard input)."),
]
Policies = Annotated[
    list[str] | None,
    Option("--policy", metavar="NAME=CHOICE", autocompletion=_policies,
                 help="A policy of the built-in machine. Repeatable."),
]
Json = Annotated[bool, Option("--json", help="Print JSON.")]


# -------------------------------------------------------------------- text and JSON


def standard_input() -> Any:
    """The binary stream behind standard input.

    Raises:
        BadInput: it is closed.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise BadInput("standard input is closed; give a file instead")
    return sys.stdin.buffer


def read_text(source: str, *, any_text: bool = False) -> str:
    """The text of a file, or of standard input when `source` is `-`.

    Args:
        any_text: accept any encoding; invalid bytes become replacement characters.

    Raises:
        BadInput: the file cannot be read, is larger than `LIMIT`, or is not UTF-8 text.
    """
    data = read_bytes(source)
    return decode_any(data) if any_text else decode(data, _called(source))


def _called(source: str) -> str:
    return "standard input" if source == "-" else quoted(source)


def read_bytes(source: str) -> bytes:
    """The bytes of a file, or of standard input when `source` is `-`.

    Raises:
        BadInput: the file cannot be read, or is larger than `LIMIT`.
    """
    name = _called(source)
    try:
        if source == "-":
            data: bytes = standard_input().read(LIMIT + 1)
        else:
            with open(source, "rb") as file:  # noqa: PTH123, pathlib is slow to import
                data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot read {name}: {reason}; give a file, or - for standard input") \
            from None
    if len(data) > LIMIT:
        raise BadInput(f"{name} is larger than {LIMIT // MEGABYTE} MB, the most that is read")
    return data


def decode_any(data: bytes) -> str:
    """Text of any encoding: by its byte order mark, else UTF-8 with replacement characters."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def decode(data: bytes, name: str) -> str:
    """The text of UTF-8 bytes, without a byte order mark.

    Raises:
        BadInput: the bytes are not UTF-8, or contain a zero byte.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not text: byte {error.start} is not UTF-8") from None
    if "\0" in text:
        raise BadInput(f"{name} is not text: it holds a zero byte")
    return text


parse_json = jsontext.parse_json
"""The value of a JSON text; strict, as `prgcore.wire.jsontext` defines it."""


def json_kind(value: object) -> str:
    """JSON's name for the type of a value."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false",
             int: "a number", float: "a number", type(None): "null"}
    return names[type(value)]


def lines(stream: Any) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that are not blank, numbered; None for a line longer than `LINE_LIMIT`."""
    number = 0
    while data := stream.readline(LINE_LIMIT + 1):
        number += 1
        if len(data) <= LINE_LIMIT or data.endswith(b"\n"):
            if data.strip():
                yield number, data
            continue
        while data and not data.endswith(b"\n"):
            data = stream.readline(LINE_LIMIT + 1)
        yield number, None


def assignments(words: list[str] | None, option: str) -> dict[str, str]:
    """`name=value` words as a mapping.

    Raises:
        BadInput: a word has no `=`, or a name has two different values.
    """
    found: dict[str, str] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise BadInput(f"{option} {word[:80]!r}: expected NAME=VALUE")
        if found.setdefault(name, value) != value:
            raise BadInput(f"{option} {name[:80]} is given twice: {found[name][:80]!r} and "
                           f"{value[:80]!r}")
    return found


def time_of(text: str) -> float:
    """The seconds that a text means: `0.08`, `80ms`, `2 min`.

    Raises:
        BadInput: it means none.
    """
    from prgcore.timers.quantities import quantity

    found = quantity(text, "s")
    with suppress(ValueError):
        return float(text if found is None else found)  # programs write 1e-3
    raise BadInput(f"{text[:60]!r} is not a time; write seconds or a unit: 0.08, 80ms, 2 min")


def share_of(text: str) -> float:
    """The share that a text means: `0.01`, `1 %`.

    Raises:
        BadInput: it is not a number.
    """
    digits = text.strip()
    try:
        return float(digits.removesuffix("%")) / (100 if digits.endswith("%") else 1)
    except ValueError:
        raise BadInput(f"{text[:60]!r} is not a share; write 0.01 or 1%") from None


@contextmanager
def naming(names: Names) -> Iterator[None]:
    """Errors of a machine, raised on with the names that people use."""
    try:
        yield
    except PrgError as error:
        error.args = (names.out(str(error)), *error.args[1:])
        raise


def refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Refuse options that would be ignored beside `option`.

    Args:
        others: each option by name; None or False if it was not given.

    Raises:
        BadInput: one of them was given.
    """
    given = [name for name, value in others.items() if value is not None and value is not False]
    if given:
        raise BadInput(f"{option} does not go with {' and '.join(given)}; leave out one or the "
                       "other")


# ------------------------------------------------------------------------- machines


def load_machine(file: str | None, policy: list[str] | None) -> Machine:
    """The machine for a command: the built-in one, or one from a machine file.

    Raises:
        BadInput, MalformedMachine: the file or the policies are wrong.
    """
    return named_machine(file, policy)[0]


def named_machine(file: str | None, policy: list[str] | None) -> tuple[Machine, Names]:
    """The machine for a command, and the names of its nodes: those in a group file.

    Raises:
        BadInput, MalformedMachine: the file or the policies are wrong.
    """
    choices = assignments(policy, "--policy")
    from prgcore.machine import Machine, prg

    if file is None:
        return prg(**choices), UNNAMED
    if choices:
        raise BadInput("--policy chooses for the built-in machine; leave it out with --machine")
    if file.endswith(".toml"):
        group = group_in(file)
        return group.engine, group.names
    return Machine(load_model(file)), UNNAMED


def group_in(file: str) -> Group:
    """The group in a group file; its machine has the words of that file.

    Raises:
        BadInput: the file cannot be read, or something in it is wrong.
    """
    from pathlib import Path

    from prgcore.running.group import read_group

    return read_group(Path(file))


def names_in(files: Iterable[str]) -> Names:
    """The names in the first of some files that is a group file; none, if none of them is one."""
    group = next((file for file in files if file.endswith(".toml")), None)
    return UNNAMED if group is None else group_in(group).names


def load_model(file: str) -> Model:
    """The model of a machine file.

    Raises:
        BadInput, MalformedMachine: as `prgcore.wire.machine_file.load`.
    """
    from prgcore.wire import machine_file

    if file.endswith(".py"):  # ADR 0010
        raise BadInput(f"{quoted(file)} is a program; a machine file is JSON, and what "
                       "is given here is never run. Run it yourself, and give what it writes")
    if file.endswith(".toml"):
        return group_in(file).engine.model
    return machine_file.load(read_text(file))
