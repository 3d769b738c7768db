"""Input from a person or a program: text, JSON, machines, pairs.

Law: every byte from outside passes here. Any fault of it becomes one `BadInput` before a command
has written anything. Sizes are bounded, and every shape is checked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

from attrs import frozen

from prgcore.cli.commands import Argument, Option
from prgcore.errors import BadInput, NeedsTwoNodes, OutsideInvariant, PrgError
from prgcore.explain.names import UNNAMED, Names
from prgcore.model import Display, Shown
from prgcore.wire import jsontext
from prgcore.words import few, quoted

if TYPE_CHECKING:
    from prgcore.engine import Engine, Pair
    from prgcore.explain.status import GroupStatus
    from prgcore.machine import Machine
    from prgcore.model import Model
    from prgcore.running.group import Group

MOST_NAMED = 5
"""Of how many groups a message lists the nodes."""
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
PairText = Annotated[
    str | None,
    Argument(metavar="PAIR", show_default=False,
                   help="The pair as a JSON object, or a file (- is standard input) with a pair or with "
                        "the text of utils ha status (default: the initial pair)."),
]
Node1 = Annotated[
    str | None,
    Option("--node1", metavar="SHOWN", help="What node 1 shows: 'State / Reason', or ''."),
]
Node2 = Annotated[
    str | None,
    Option("--node2", metavar="SHOWN", help="What node 2 shows."),
]
Sets = Annotated[
    list[str] | None,
    Option("--set", metavar="COLUMN=VALUE", help="A known value of a column. Repeatable."),
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


def cells_of_each(
    machine: Engine, said: Mapping[str, str], option: str, groups: Sequence[Names]
) -> list[dict[str, str]]:
    """For each of several groups, the columns that an option means, as `Names.cells`.

    A host name is about its own group, a seat about each of them.

    Raises:
        BadInput: as `Names.cells`, if a column is one of no group, or has two values in one.
    """
    found: list[dict[str, str]] = [{} for _ in groups]
    for name, value in said.items():
        wrong: list[BadInput] = []
        for known, names in zip(found, groups, strict=True):
            try:
                cells = names.cells(machine, {name: value}, option)
            except BadInput as error:
                wrong.append(error)
                continue
            for column, one in cells.items():
                if known.setdefault(column, one) != one:
                    raise BadInput(f"{option} {name[:80]} is given twice: {known[column][:80]!r} "
                                   f"and {one[:80]!r}")
        if len(wrong) == len(groups):
            says, nodes, _ = str(wrong[0]).partition("; the nodes are ")
            every = few([*dict.fromkeys(map(str, groups))], MOST_NAMED)
            raise BadInput(f"{says}{nodes}{every}" if nodes else says) from None
    return found


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


# ---------------------------------------------------------------------------- pairs


@frozen(eq=False, repr=False)
class Question:
    """A question: a machine, and what is known of one of its pairs.

    Attributes:
        machine: the machine that answers.
        pair: the pair; None if only a display is known.
        shown: what the two nodes show, if only that is known; else None.
        known: columns that `--set` fixes, for a display.
        names: the names that people use, from the status text, the state file or the group file.
    """

    machine: Machine
    pair: Pair | None
    shown: Display | None
    known: dict[str, str]
    names: Names = UNNAMED

    @property
    def named(self) -> Callable[[str], str]:
        """What makes a sentence one for people: with their names for the nodes, if there are any."""
        return str if self.names is UNNAMED else self.names.out


def question(
    *, text: PairText = None, node1: Node1 = None, node2: Node2 = None, sets: Sets = None,
    file: MachineFile = None, policy: Policies = None,
) -> Question:
    """The question in the options that all questions share.

    Raises:
        BadInput: contradictory options, or a pair that the machine does not have.
        NeedsTwoNodes: the display of only one node is given.
    """
    if file == "-" and text == "-":
        raise BadInput("standard input cannot be both the machine and the pair; "
                       "give one of them as a file")
    if text is not None and (node1 is not None or node2 is not None):
        raise BadInput("give the pair, or what --node1 and --node2 show, not both")
    if (node1 is None) != (node2 is None):
        other = "--node1" if node1 is None else "--node2"
        raise NeedsTwoNodes(f"high availability needs two nodes; give {other} as well "
                            f"({other} '' if that node shows nothing)")
    given = None if text is None else read_given(text)
    wanted = assignments(sets, "--set")
    machine, names = named_machine(file, policy or _policy_of(given) if file is None else policy)
    if given is not None and not is_json(given):
        group = _one_group(given, machine)
        names = group.names.over(names)
        return Question(machine, None, group.display, names.cells(machine, wanted, "--set"), names)
    if given is not None:
        names = _names_of(given).over(names)
    known = names.cells(machine, wanted, "--set") if wanted else {}
    if node1 is None or node2 is None:
        pair = dict(machine.initial[0]) if given is None else read_pair(given)
        return Question(machine, machine.pair(pair | known), None, {}, names)
    from prgcore.explain.explaining import parse_shown, shows_states
    from prgcore.form.spelling import PLAIN, Spelling

    if not shows_states(machine):
        raise BadInput(f"the machine {machine.model.name!r} has no state and reason of two nodes "
                       "to show; give the pair as JSON")
    shown: list[Shown | None] = []
    spelling = Spelling.of(machine.model) if machine.model.words else PLAIN
    for option, said in (("--node1", node1), ("--node2", node2)):
        try:
            shown.append(parse_shown(said, spelling))
        except BadInput as error:
            raise BadInput(f"{option}: {error}") from None
    return Question(machine, None, Display(*shown), known, names)


def asking(answer: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of `question` and those of its own.

    It calls `answer` with the question as `asked`, and with the values of its own options.
    """
    shared = signature(question, eval_str=True).parameters
    own = signature(answer, eval_str=True).parameters

    @wraps(answer)
    def command(**given: Any) -> None:
        answer(asked=question(**{name: given.pop(name) for name in shared}), **given)

    options = [*shared.values(), *(p for p in own.values() if p.name != "asked")]
    options.sort(key=lambda option: option.kind)
    command.__annotations__ = {option.name: option.annotation for option in options}
    vars(command)["__signature__"] = Signature(options)
    return command


def read_given(source: str) -> str:
    """The source itself if it is JSON or has several lines; else the text of the file, or of `-`.

    Raises:
        BadInput: it cannot be read, or is empty.
    """
    from prgcore.explain.status import is_status

    begins = source.lstrip()[:1]
    if begins in ("[", '"') and not is_status(source):
        read_pair(source)  # JSON, and no object: says so
    itself = begins in ("{", "[") or "\n" in source
    text = source if itself else read_text(source, any_text=True)
    if not text.strip():
        raise BadInput("the pair is empty; expected a JSON object, or what utils ha status prints")
    return text


def is_source(word: str) -> bool:
    """Whether a word of a command line is a pair, or names what holds one, and is not an event."""
    return word == "-" or word.lstrip()[:1] in ("{", "[") or "\n" in word or os.path.isfile(word)  # noqa: PTH113, pathlib is slow to import


def is_json(text: str) -> bool:
    """Whether a text begins like a JSON object, and is not the status of nodes in JSON."""
    if not text.lstrip().startswith("{"):
        return False
    from prgcore.explain.status import is_status

    return not is_status(text)


def _policy_of(given: str | None) -> list[str]:
    """The policies of a state file, in the form of `--policy`; none for any other text."""
    if given is None or not is_json(given):
        return []
    value = parse_json(given, "the pair")
    chosen = value.get("policy") if isinstance(value.get("pair"), dict) else None
    return [f"{name}={choice}" for name, choice in chosen.items()] if isinstance(chosen, dict) else []


def _names_of(given: str) -> Names:
    """The names in a state file, or in what `ha status --json` prints; none in any other JSON."""
    value = parse_json(given, "the pair")
    nodes = value.get("nodes") if isinstance(value.get("pair"), dict) else None
    return Names.of(nodes, value.get("group")) if isinstance(nodes, list) else UNNAMED


def _one_group(text: str, machine: Machine) -> GroupStatus:
    """The group of two nodes of a status text; it has a display.

    Raises:
        BadInput: it does not show exactly one group of two nodes, or has an unknown word.
    """
    from prgcore.explain.status import parse
    from prgcore.form.spelling import Spelling

    groups = [group.completed(machine.model.situations)
              for group in parse(text, Spelling.of(machine.model)).groups]
    if len(groups) != 1 or groups[0].display is None or groups[0].strange:
        found = "no status of a group" if not groups else f"{len(groups)} groups" \
            if len(groups) > 1 else "a group that cannot be read"
        raise BadInput(f"the text shows {found}; expected one group of two nodes as utils ha status "
                       "prints it, or a pair as JSON; prgcore explain says what it understands")
    return groups[0]


def read_pair(text: str) -> dict[str, Any]:
    """A pair's columns from JSON: a pair, the answer of `step --json`, or a state file.

    Raises:
        BadInput: the text is not a JSON object.
    """
    name = "the pair"
    value = parse_json(text, name)
    if isinstance(value, dict) and isinstance(value.get("pair"), dict):
        value = value["pair"]
    if not isinstance(value, dict):
        raise BadInput(f"{name} is an object of columns, not {json_kind(value)}")
    return value


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


def one_pair(asked: Question) -> Pair:
    """The pair in question; for a display the healthiest pair, with a remark on standard error.

    Raises:
        BadInput: no pair shows this, or several do and the machine has no healthiest one.
        OutsideInvariant: every pair that shows this breaks an invariant.
    """
    if asked.pair is not None:
        return asked.pair
    assert asked.shown is not None, "BUG: a question has a pair or a display"
    from prgcore.explain.health import healthiest

    taken = healthiest(asked.machine, asked.shown, asked.known)
    if taken is None:
        raise _nothing_shows(asked.machine, asked.shown, asked.known)
    if taken.pairs == 1:
        return taken.pair
    if not _has_way_home(asked.machine, taken.pair):
        raise BadInput(f"{taken.pairs} pairs show this; narrow with --set, or give the pair "
                       "as JSON")
    from prgcore.cli.output import note

    hidden = asked.named(" ".join(f"{name}={value}" for name, value in taken.assuming.items()))
    note(f"{taken.pairs} pairs show this; taken: the healthiest, with {hidden} "
           "(--set says otherwise)")
    return taken.pair


def _nothing_shows(machine: Machine, shown: Display, known: dict[str, str]) -> PrgError:
    """The error that says why no pair shows a display."""
    from prgcore.explain.explaining import explain_display

    broken = explain_display(machine, *shown, known=known).broken
    if broken:
        return OutsideInvariant(
            f"no pair of the machine shows this: it would break {', '.join(broken)}; "
            "prgcore explain says what that means", broken)
    return BadInput("no pair of the machine shows this; read the status of both nodes again, "
                    "or check --set")


def _has_way_home(machine: Machine, pair: Pair) -> bool:
    """Whether a way leads home from the pair, so that "healthiest" has a meaning."""
    if not machine.model.goal or machine.atlas is not None:
        return bool(machine.model.goal)
    from prgcore.explain.plan import NoPlan, plan

    try:
        plan(machine, pair)
    except NoPlan:
        return False
    return True
