"""`ha`: the administrator against the machine, on a state file, in the product's shape."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from attrs import evolve, frozen

from prgcore.cli import inputs, output
from prgcore.errors import BadInput, unknown_name
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome

if TYPE_CHECKING:
    from prgcore.engine import Decision, Pair
    from prgcore.machine import Machine

FORMAT = "prgcore-state/1"
KEYS = ("format", "group", "nodes", "policy", "pair")



def _a_file(file: Path) -> Path:
    """Standard input can be neither replaced nor read again."""
    if file == Path("-"):
        raise BadInput("a state file is a file, and - is none; name one with --state FILE")
    return file


StateFile = Annotated[
    Path, typer.Option("--state", "-s", metavar="FILE", callback=_a_file, help="The state file."),
]
DEFAULT = Path("prgcore-state.json")
NodeName = Annotated[
    str, typer.Argument(metavar="NODE", show_default=False,
                        help="A node of the group: its host name, or node1 or node2."),
]
GroupName = Annotated[
    str | None, typer.Argument(metavar="[GROUP]", show_default=False,
                               help="The group of the state file, by its name."),
]
Strict = Annotated[bool, typer.Option("--strict", help="A refused command exits 1.")]

ha = typer.Typer(rich_markup_mode=None, epilog=inputs.example(
    "prgcore ha init --group Sales --node cup1 --node cup2", "prgcore ha enable",
    "prgcore ha wait", "prgcore ha failover cup1", "prgcore ha wait", "prgcore ha status",
))


@ha.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Play the administrator of one pair, kept in a state file.

    Answers have the shape of the product's utils ha commands. A decision is written
    before it is told, and the file is replaced whole.
    """
    if context.invoked_subcommand is None:
        output.write(context.get_help())


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(ha, name="ha")


# -------------------------------------------------------------------------- the file


@frozen
class State:
    """What a state file holds: one pair, its machine, and the names that people use."""

    machine: Machine
    group: str
    nodes: tuple[str, str]
    pair: Pair

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "group": self.group, "nodes": list(self.nodes),
            "policy": dict(self.machine.model.policy), "pair": dict(self.pair),
        }

    def seat(self, name: str) -> str:
        """The seat of a node that somebody names.

        Raises:
            BadInput: no such node.
        """
        folded = {n.lower(): seat for n, seat in zip(self.nodes, NODES, strict=True)}
        known = dict(zip(NODES, NODES, strict=True)) | folded
        if name.lower() not in known:
            raise BadInput(unknown_name("node", name, {*self.nodes, *NODES}))
        return known[name.lower()]

    def event(self, said: str) -> str:
        """The event of the machine that somebody names, a node of it perhaps by its host.

        Raises:
            BadInput: no such node or event.
        """
        name, _, node = said.partition("(")
        events = {e.name for e in self.machine.model.events}
        if node.endswith(")") and f"{name}({NODES[0]})" in events:
            return f"{name}({self.seat(node[:-1])})"
        if said not in events:
            raise BadInput(unknown_name("event", said, events))
        return said

    def check_group(self, name: str | None) -> None:
        """A group that somebody names is the one of this file.

        Raises:
            BadInput: it is not.
        """
        if name is not None and name.lower() != self.group.lower():
            raise BadInput(f"the state file is of group {self.group!r}, not {name[:60]!r}; leave "
                           "the group out, or name its file with --state")

    def text(self) -> str:
        """The pair as `utils ha status` prints it."""
        from prgcore.explain import display_of
        from prgcore.status import GroupStatus, NodeStatus, write

        display = display_of(self.machine, self.pair) or (None, None)
        return write(GroupStatus(self.group, tuple(
            NodeStatus(name, *(shown or (None, None)))
            for name, shown in zip(self.nodes, display, strict=True)
        )))


def read(file: Path) -> State:
    """The state in a file.

    Raises:
        BadInput: there is none, it cannot be read, or its pair breaks a proved invariant.
    """
    from prgcore.machine import prg

    if not file.exists():
        raise BadInput(f"no state file {inputs.one_line(repr(str(file)), 120)}; make one with "
                       "prgcore ha init, or name it with --state FILE")
    value = inputs.parse_json(inputs.read_text(str(file)), "the state file")
    if not isinstance(value, dict) or value.get("format") != FORMAT or set(value) != set(KEYS):
        raise BadInput(f"the state file is no {FORMAT} file: expected an object with the keys "
                       f"{', '.join(KEYS)}; prgcore ha init makes one")
    policy, pair = value["policy"], value["pair"]
    if not isinstance(policy, dict) or not all(isinstance(v, str) for v in policy.values()):
        raise BadInput("the state file: policy is not an object of texts")
    try:
        machine = prg(**policy)
        whole = machine.pair(pair)
    except BadInput as error:
        raise BadInput(f"the state file: {error}") from None
    if broken := machine.broken(whole):
        raise BadInput(f"the state file: its pair breaks {', '.join(broken)}, and no command leads "
                       "there; make another one with prgcore ha init")
    return State(machine, *_names(value["group"], value["nodes"]), whole)


def _names(group: Any, nodes: Any) -> tuple[str, tuple[str, str]]:
    """Names that can stand in the product's shape: one printable word each, and different."""
    if not isinstance(nodes, list) or len(nodes) != 2:
        raise BadInput("high availability needs two nodes; name both, as --node cup1 --node cup2")
    for what, name in (("group", group), *(("node", node) for node in nodes)):
        fits = isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable()
        if not fits or " " in name or ":" in name:
            raise BadInput(f"{what} {str(name)[:60]!r}: expected a name of 1 to 128 printable "
                           "characters without spaces and colons")
    if nodes[0].lower() == nodes[1].lower():
        raise BadInput(f"both nodes are called {nodes[0][:60]!r}; choose two different nodes")
    for seat, other in zip(NODES, reversed(nodes), strict=True):
        if other.lower() == seat:
            raise BadInput(f"{other} cannot be the name of the other node; name both, {seat} first")
    return group, (nodes[0], nodes[1])


def save(file: Path, state: State, *, new: bool = False) -> None:
    output.write_file(file, json.dumps(state.to_json(), indent=2) + "\n", new=new)


@contextmanager
def locked(file: Path) -> Iterator[State]:
    """The state in a file, while nobody else of this program changes it."""
    try:
        import fcntl
    except ModuleNotFoundError:  # no such locks on this system
        yield read(file)
        return
    read(file)
    while True:
        with file.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held.fileno()), file.stat()):
                    yield read(file)
                    return


# ------------------------------------------------------------------------- commands


@ha.command()
def init(
    *, state: StateFile = DEFAULT,
    group: Annotated[str, typer.Option("--group", help="The name of the group.")] = "prg",
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="HOST", help="Both nodes (default: node1 and node2)."),
    ] = None,
    policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Make a state file: healthy nodes, high availability off."""
    from prgcore.machine import prg

    output.writable(state)
    machine = prg(**inputs.assignments(policy, "--policy"))
    made = State(machine, *_names(group, list(node or NODES)), machine.initial[0])
    save(state, made, new=True)
    _tell(made, [], as_json=as_json)


@ha.command()
def status(
    group: GroupName = None, *, state: StateFile = DEFAULT, as_json: inputs.Json = False,
) -> None:
    """What both nodes show; prgcore explain reads it."""
    now = read(state)
    now.check_group(group)
    _tell(now, [], as_json=as_json)


@ha.command()
def failover(
    node: NodeName, *, state: StateFile = DEFAULT, strict: Strict = False,
    as_json: inputs.Json = False,
) -> None:
    """Move the users of a node to its peer."""
    _request(state, "failover", node, strict=strict, as_json=as_json)


@ha.command()
def fallback(
    node: NodeName, *, state: StateFile = DEFAULT, strict: Strict = False,
    as_json: inputs.Json = False,
) -> None:
    """Move the users of a failed-over node home."""
    _request(state, "fallback", node, strict=strict, as_json=as_json)


@ha.command()
def recover(
    group: GroupName = None, *, state: StateFile = DEFAULT, strict: Strict = False,
    as_json: inputs.Json = False,
) -> None:
    """Restart the recovery managers of a failed group."""
    _request(state, "recover", None, group=group, strict=strict, as_json=as_json)


@ha.command()
def enable(
    *, state: StateFile = DEFAULT, strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """Enable high availability."""
    _request(state, "enable_ha", None, strict=strict, as_json=as_json)


@ha.command()
def disable(
    *, state: StateFile = DEFAULT, strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """Disable high availability."""
    _request(state, "disable_ha", None, strict=strict, as_json=as_json)


@ha.command()
def event(
    events: Annotated[
        list[str], typer.Argument(metavar="EVENT...", show_default=False,
                                  help="Events of the machine, as power_off(cup1)."),
    ], *,
    state: StateFile = DEFAULT, strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """Let something happen: faults, repairs, timers, anything. All or nothing."""
    _change(
        state, lambda now: _each(now, events), [], strict=strict, as_json=as_json,
    )


@ha.command()
def wait(*, state: StateFile = DEFAULT, as_json: inputs.Json = False) -> None:
    """Let timers and completions happen until the pair is at rest."""
    from prgcore.settling import until_rest

    _change(
        state, lambda now: list(until_rest(now.machine, now.pair)), [], strict=False,
        as_json=as_json,
    )


def _each(now: State, events: list[str]) -> list[Decision]:
    """What is decided of events in a row: all of it, or the refusal that stops them."""
    steps: list[Decision] = []
    for one in [now.event(said) for said in events]:
        step = now.machine.step(steps[-1].pair if steps else now.pair, one)
        if step.outcome is Outcome.REFUSED:
            return [step]
        steps.append(step)
    return steps


_SAID = {
    "failover": "Initiate Manual Failover for Node > {}",
    "fallback": "Initiate Manual Fallback for Node > {}",
    "recover": "Initiate Manual Recovery for {}",
    "enable_ha": "Enable High Availability for {}",
    "disable_ha": "Disable High Availability for {}",
}
_RECOVERED = ("Stopping services... Stopped", "Starting services... Started")


def _request(
    file: Path, command: str, node: str | None, *, group: str | None = None, strict: bool,
    as_json: bool,
) -> None:
    """A command of the administrator."""
    said: list[str] = []

    def asked(now: State) -> list[Decision]:
        now.check_group(group)
        seat = f"({now.seat(node)})" if node is not None else ""
        name = now.group if node is None else now.nodes[NODES.index(seat[1:-1])]
        decision = now.machine.step(now.pair, command + seat)
        said.append(_SAID[command].format(name))
        if decision.outcome is Outcome.REFUSED:
            said.append("Request FAILED.")
            for reason in decision.why.split("; "):
                said.extend(output.wrapped(reason, "  ", "    "))
        else:
            said.append("Request SUCCESSFUL.")
            said.extend(_RECOVERED if command == "recover" else ())
        return [decision]

    _change(file, asked, said, strict=strict, as_json=as_json)


def _change(
    file: Path, decide: Callable[[State], list[Decision]], said: list[str], *,
    strict: bool, as_json: bool,
) -> None:
    """Decide, replace the file if anything changed, then tell; a refusal changes nothing."""
    with locked(file) as before:
        decisions = decide(before)
        refused = any(d.outcome is Outcome.REFUSED for d in decisions)
        stays = refused or not decisions
        after = before if stays else evolve(before, pair=decisions[-1].pair)
        if after != before:
            save(file, after)
    if not said:
        told = [f"{d.event}: {d.outcome}" + (f" by {d.rule.id}" if d.rule else f". {d.why}")
                for d in decisions] or ["Nothing more happens by itself."]
        said = [line for one in told for line in output.wrapped(one, rest="    ")]
        said += ["Nothing is changed."] * refused
    _tell(after, said, decisions, as_json=as_json)
    raise typer.Exit(int(strict and refused))


def _tell(
    state: State, said: list[str], decisions: list[Decision] | None = None, *, as_json: bool
) -> None:
    if as_json:
        output.write_json(state.to_json() | {
            "decisions": [
                {"event": d.event} | output.decision_json(d) for d in decisions or ()
            ],
        })
    else:
        output.write("\n".join([*said, state.text()]))
