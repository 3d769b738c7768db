"""What a question is about: a machine, and one of its pairs or what its two nodes show.

Law: it finds the machine, the pair and the names of the nodes; it answers nothing. Bytes, text and
JSON are read by `prgcore.cli.inputs`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

from attrs import frozen

from prgcore.cli.commands import Argument, Option
from prgcore.cli.inputs import (
    MachineFile,
    Policies,
    assignments,
    json_kind,
    named_machine,
    parse_json,
    read_text,
)
from prgcore.errors import BadInput, NeedsTwoNodes, OutsideInvariant, PrgError
from prgcore.explain.names import UNNAMED, Names
from prgcore.model import Display, Shown
from prgcore.words import few

if TYPE_CHECKING:
    from prgcore.engine import Engine, Pair
    from prgcore.explain.status import GroupStatus
    from prgcore.machine import Machine

MOST_NAMED = 5
"""Of how many groups a message lists the nodes."""

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
    chosen = policy or _policy_of(given) if file is None else policy
    wanted = assignments(sets, "--set")
    machine, names = named_machine(file, chosen)
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
