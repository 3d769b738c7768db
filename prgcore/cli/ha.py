"""`ha`: the administrator of a pair, in the product's shape.

A state file keeps the pair, or running agents if a group file is named (`prgcore.cli.live`). The
answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import evolve

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.cli.statefile import State, is_group, locked, names, read, save
from prgcore.errors import BadInput
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.wire.answers import decision_json, failed
from prgcore.words import quoted

if TYPE_CHECKING:
    from prgcore.engine import Decision


def _a_file(file: Path) -> Path:
    """The file, checked: standard input can be neither replaced nor read again."""
    if file == Path("-"):
        raise BadInput("- is not a state file; name one with --state FILE")
    return file


def _a_number(seconds: float | None) -> float | None:
    """The seconds, checked: Click accepts NaN in every range, and no time ever passes it."""
    if seconds is not None and isnan(seconds):
        raise BadInput("--seconds nan: expected a number of seconds")
    return seconds


StateFile = Annotated[
    Path, Option("--state", "-s", metavar="FILE", callback=_a_file,
                        help="The state file, or the group file of running agents."),
]
DEFAULT = Path("prgcore-state.json")
NodeName = Annotated[
    str, Argument(metavar="NODE", show_default=False,
                        help="A node of the group: its host name, or node1 or node2."),
]
GroupName = Annotated[
    str | None, Argument(metavar="[GROUP]", show_default=False,
                               help="The group of the file, by its name."),
]
Strict = Annotated[bool, Option("--strict", help="A refused command exits 1.")]

Made = dict[str, Any]
"""A decision as in JSON, with its event."""

OVERVIEW = """Play the administrator of a pair, in a file or running.

Answers have the shape of the product's utils ha commands. A decision is written
to the state file before it is printed, and the file is always replaced whole.
With --state GROUP.toml, the running agents of that group answer (prgcore agent).
A node whose agent does not answer shows nothing.
"""

ha = Group("ha", OVERVIEW, examples(
    "prgcore ha init --group Sales --node cup1 --node cup2", "prgcore ha enable",
    "prgcore ha wait", "prgcore ha failover cup1", "prgcore ha wait", "prgcore ha status",
    "prgcore ha watch --state group.toml",
))


def register(app: Group) -> None:
    """Add these commands."""
    app.add_command(ha)


# ------------------------------------------------------------------------- commands


@ha.command()
def init(
    *, state: StateFile = DEFAULT,
    group: Annotated[str, Option("--group", metavar="NAME", help="The name of the group.")] = "prg",
    node: Annotated[
        list[str] | None,
        Option("--node", metavar="HOST", help="Both nodes (default: node1 and node2)."),
    ] = None,
    policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Make a state file: healthy nodes, high availability off."""
    from prgcore.machine import prg

    if is_group(state):
        raise BadInput(f"{quoted(str(state))} is a group file, and its agents keep "
                       "the pair; start them with prgcore agent, or name a state file")
    output.writable(state)
    machine = prg(**inputs.assignments(policy, "--policy"))
    made = State(machine, *names(group, list(node or NODES)), machine.initial[0])
    save(state, made, new=True)
    _show(made, [], as_json=as_json)


@ha.command()
def status(
    group: GroupName = None, *, state: StateFile = DEFAULT, as_json: inputs.Json = False,
) -> None:
    """Show the states of both nodes; prgcore explain reads this text."""
    now: State
    if is_group(state):
        from prgcore.cli import live

        now = live.status(state)
    else:
        now = read(state)
    now.check_group(group)
    _show(now, [], as_json=as_json)


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
        list[str], Argument(metavar="EVENT...", show_default=False,
                                  help="Events of the machine, such as power_off(cup1)."),
    ], *,
    state: StateFile = DEFAULT, strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """Let events happen: faults, repairs, timers, commands. All of them or none.

    A running group takes commands only, one at a time, such as enable_auto_fallback.
    It observes all other events itself.
    """
    after: State
    if is_group(state):
        from prgcore.cli import live

        after, made = live.tell(state, lambda now: live.command(now, events))
    else:
        after, made = _change(state, lambda now: _each(now, events))
    _show(after, _happened(after, made), made, strict=strict, as_json=as_json)


@ha.command()
def start(
    node: NodeName, *, state: StateFile = DEFAULT, as_json: inputs.Json = False,
) -> None:
    """Start the critical services of a running node."""
    from prgcore.cli import live

    _running(state, f'prgcore ha event "services_up({node[:60]})"')
    after = live.start(state, node)
    said = [f"Start Critical Services of Node > {after.name(after.names.seat(node))}",
            "Request SUCCESSFUL."]
    _show(after, said, as_json=as_json)


@ha.command()
def wait(
    *, state: StateFile = DEFAULT,
    seconds: Annotated[
        float, Option("--seconds", metavar="N", min=0, max=1e6, callback=_a_number,
                            help="Longest wait (running groups only); then it exits 3.")] = 30,
    as_json: inputs.Json = False,
) -> None:
    """Let timers and completions happen until the pair is at rest."""
    if is_group(state):
        from prgcore.cli import live

        now, why = live.rest(state, seconds)
        _show(now, output.wrapped(why or AT_REST), as_json=as_json)
        raise Exit(3 if why else 0)
    from prgcore.explain.settling import until_rest

    after, made = _change(state, lambda now: list(until_rest(now.machine, now.pair)))
    _show(after, _happened(after, made), made, as_json=as_json)


@ha.command()
def reset(
    *, state: StateFile = DEFAULT,
    yes: Annotated[
        bool, Option("--yes", help="Yes: forget the states, the settings and all open orders.")
    ] = False,
    reason: Annotated[
        str, Option("--reason", metavar="TEXT", help="The reason, for the history.")] = "",
    as_json: inputs.Json = False,
) -> None:
    """Put a pair back to the beginning, if no command leads home.

    The record begins again with healthy nodes and high availability off. Its id,
    tokens and history stay. Stop the agents of a running group first. Start them
    again afterwards: each looks at its own node anew.
    """
    from prgcore.cli import reset as resetting

    if not yes:
        raise BadInput("reset forgets the states, the settings and all open orders of the pair; "
                       "add --yes")
    if not is_group(state):
        after = resetting.state_file(state)
        _show(after, [f"Reset {after.group}", "Request SUCCESSFUL."], as_json=as_json)
        return
    made = resetting.running(state, reason)
    if as_json:
        output.write_json(made)
    else:
        output.write(f"Reset {made['group']}\nRequest SUCCESSFUL.\n"
                     f"The record has epoch {made['epoch']}. Start both agents again.")


@ha.command()
def watch(
    *, state: StateFile = DEFAULT,
    seconds: Annotated[
        float | None, Option("--seconds", metavar="N", min=0, max=1e6, callback=_a_number,
                                   help="How long to watch (default: until it is interrupted).")] = None,
    as_json: inputs.Json = False,
) -> None:
    """Print every change of a running group.

    Each change is a line: the time, states and reasons, and the users each node holds.
    """
    from prgcore.cli import live

    _running(state, "prgcore ha status")
    live.watch(state, seconds, as_json=as_json)


AT_REST = "Nothing more happens by itself."


def _running(file: Path, instead: str) -> None:
    """Check that a file is that of a running group, for a command that needs one.

    Raises:
        BadInput: it is not a group file.
    """
    if not is_group(file):
        raise BadInput("this needs a running group: name its group file with --state; for a "
                       f"state file, use {instead}")


def _each(now: State, events: list[str]) -> list[Decision]:
    """The decisions on several events in order; or only the refusal that stops them."""
    steps: list[Decision] = []
    for one in [now.event(said) for said in events]:
        with inputs.naming(now.names):
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
    """Send a command of the administrator, and print the answer in the product's shape."""
    def asked(now: State) -> str:
        now.check_group(group)
        return command if node is None else f"{command}({node})"

    after: State
    if is_group(file):
        from prgcore.cli import live

        after, made = live.tell(file, lambda now: now.event(asked(now)))
    else:
        after, made = _change(file, lambda now: _each(now, [asked(now)]))
    name = after.group if node is None else after.name(after.names.seat(node))
    said = [_SAID[command].format(name)]
    if _refused(made):
        said.append("Request FAILED.")
        for cell in failed(made[0]["failed"]) or ():
            said.extend(output.wrapped(after.names.out(after.spelling.cell(cell)), "  ", "    "))
    else:
        said.append("Request SUCCESSFUL.")
        said.extend(_RECOVERED if command == "recover" else ())
    _show(after, said, made, strict=strict, as_json=as_json)


def _refused(made: Sequence[Made]) -> bool:
    return any(one["outcome"] == Outcome.REFUSED for one in made)


def _change(file: Path, decide: Callable[[State], list[Decision]]) -> tuple[State, list[Made]]:
    """Decide events, and replace the file if anything changed; a refusal changes nothing."""
    with locked(file) as before:
        decisions = decide(before)
        made = [{"event": d.event} | decision_json(d) for d in decisions]
        stays = _refused(made) or not decisions
        after = before if stays else evolve(before, pair=decisions[-1].pair)
        if after != before:
            save(file, after)
    return after, made


def _happened(after: State, made: Sequence[Made]) -> list[str]:
    """The lines of the decisions, one for each."""
    said = [f"{after.spelling.name(one['event'])}: {one['outcome']}"
            + (f" by {one['rule']}" if one["rule"] else f". {after.spelling.prose(one['why'])}")
            for one in made] or [AT_REST]
    return [line for one in said for line in output.wrapped(after.names.out(one), rest="    ")] \
        + ["Nothing is changed."] * _refused(made)


def _show(
    state: State, said: list[str], made: Sequence[Made] = (), *, strict: bool = False,
    as_json: bool,
) -> None:
    if as_json:
        output.write_json(state.to_json() | {"decisions": list(made)})
    else:
        output.write("\n".join([*said, state.text()]))
    if strict and _refused(made):
        raise Exit(1)
