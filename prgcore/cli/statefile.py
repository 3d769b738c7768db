"""A state file: one pair of the built-in machine, and the names that people use.

Law: one program at a time replaces the file as a whole, or it stays as it is. No output here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from prgcore.cli import inputs, output
from prgcore.errors import BadInput
from prgcore.explain.names import Names
from prgcore.explain.status import checked_name
from prgcore.form.spelling import Spelling
from prgcore.model import Display
from prgcore.seats import NODES
from prgcore.words import quoted

if TYPE_CHECKING:
    from prgcore.engine import Engine, Pair

FORMAT = "prgcore-state/1"
KEYS = ("format", "group", "nodes", "policy", "pair")


@frozen
class State:
    """The content of a state file: one pair, its machine, and the names that people use."""

    machine: Engine
    group: str
    nodes: tuple[str, str]
    pair: Pair

    file: ClassVar[str] = "state file"

    @property
    def spelling(self) -> Spelling:
        """How people read the words of its machine."""
        return Spelling.of(self.machine.model)

    def name(self, node: str) -> str:
        """The name that people use for a node."""
        return self.nodes[NODES.index(node)]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "group": self.group, "nodes": list(self.nodes),
            "policy": dict(self.machine.model.policy), "pair": dict(self.pair),
        }

    @property
    def names(self) -> Names:
        """The names that people use."""
        return Names(*self.nodes, self.group)

    def event(self, said: str) -> str:
        """The event of the machine with this name; it may name a node by its host.

        Raises:
            BadInput: no such node or event.
        """
        return self.names.event(self.machine, said)

    def check_group(self, name: str | None) -> None:
        """Check that a name is that of the group of this file.

        Raises:
            BadInput: it is not.
        """
        if name is not None and name.lower() != self.group.lower():
            raise BadInput(f"the {self.file} is that of group {self.group!r}, not {name[:60]!r}; leave "
                           "the group out, or name its file with --state")

    def display(self) -> Display:
        """The display of the pair: what both nodes show."""
        from prgcore.explain.display import display_of

        return display_of(self.machine, self.pair) or Display(None, None)

    def text(self) -> str:
        """The pair as `utils ha status` prints it."""
        from prgcore.explain.status import GroupStatus, NodeStatus, write

        return write(GroupStatus(self.group, tuple(
            NodeStatus(name, *(shown or (None, None)))
            for name, shown in zip(self.nodes, self.display(), strict=True)
        )), self.spelling)


def is_group(file: Path) -> bool:
    """Whether this is a group file, by its name or its content."""
    if file.suffix == ".toml":
        return True
    try:
        with file.open("rb") as stream:
            begins = stream.read(inputs.MEGABYTE)
    except (OSError, ValueError):
        return False
    if begins.lstrip().startswith(b"{") or b"store" not in begins:
        return False
    import tomllib

    try:
        found = tomllib.loads(begins.decode())
    except (ValueError, RecursionError):
        return False
    return "store" in found and NODES[0] in found


def read(file: Path, *, any_pair: bool = False) -> State:
    """The state in a file.

    Args:
        any_pair: whether any pair will do; the state has the first pair of the machine then.

    Raises:
        BadInput: it does not exist, cannot be read, or its pair breaks a proved invariant.
    """
    from prgcore.machine import prg

    if not file.exists():
        raise BadInput(f"no state file {quoted(str(file))}; make one with "
                       "prgcore ha init, or name it with --state FILE")
    value = inputs.parse_json(inputs.read_text(str(file)), "the state file")
    if not isinstance(value, dict) or value.get("format") != FORMAT or set(value) != set(KEYS):
        raise BadInput(f"the state file is not a {FORMAT} file: expected an object with the keys "
                       f"{', '.join(KEYS)}; prgcore ha init makes one")
    policy, pair = value["policy"], value["pair"]
    if not isinstance(policy, dict) or not all(isinstance(v, str) for v in policy.values()):
        raise BadInput("the state file: policy is not an object of texts")
    try:
        machine = prg(**policy)
        whole = machine.initial[0] if any_pair else machine.pair(pair)
    except BadInput as error:
        raise BadInput(f"the state file: {error}") from None
    if broken := machine.broken(whole):
        raise BadInput(f"the state file: its pair breaks {', '.join(broken)}, which no event leads "
                       "to; prgcore ha reset puts it back to the beginning")
    return State(machine, *names(value["group"], value["nodes"]), whole)


def names(group: Any, nodes: Any) -> tuple[str, tuple[str, str]]:
    """The names, checked for the product's shape: one printable word each, and different."""
    if not isinstance(nodes, list) or len(nodes) != 2:
        raise BadInput("high availability needs two nodes; name both, as --node cup1 --node cup2")
    for what, name in (("group", group), *(("node", node) for node in nodes)):
        checked_name(name, what)
    one, other = (node.rstrip(".").casefold() for node in nodes)
    if one == other:
        raise BadInput(f"both nodes are called {nodes[0][:60]!r}; choose two different nodes")
    for seat, other in zip(NODES, reversed(nodes), strict=True):
        if other.lower() == seat:
            raise BadInput(f"{other} cannot be the name of the other node; name both, {seat} first")
    return group, (nodes[0], nodes[1])


def save(file: Path, state: State, *, new: bool = False) -> None:
    output.write_file(file, json.dumps(state.to_json(), indent=2) + "\n", new=new)


@contextmanager
def locked(file: Path, *, any_pair: bool = False) -> Iterator[State]:
    """The state in a file (`read`), locked against other runs of this program."""
    try:
        import fcntl
    except ModuleNotFoundError:  # this system has no such locks
        yield read(file, any_pair=any_pair)
        return
    read(file, any_pair=any_pair)
    while True:
        with file.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held.fileno()), file.stat()):
                    yield read(file, any_pair=any_pair)
                    return
