"""Hooks: programs of the user that an agent runs when a node's role changes, and how they are run.

Law: no rule lives here. A hook is a command (`prgcore.running.commands`), and is killed with its
process group at its time-out, or if it failed. Its output is cut and kept for the log. Whatever a hook
does, `run` comes back: it waits for the hook itself, and not for what the hook left running.

A hook gets its facts as PRGCORE_... in its environment, and as one JSON object in one line of its
standard input. It succeeds if it exits with 0.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, fields, frozen

from prgcore.errors import BadInput
from prgcore.running import fields as keys
from prgcore.running.commands import KILLED, LOOK, Ended, Output, run_command
from prgcore.words import cut, one_line

__all__ = ["NAMES", "Facts", "Hook", "Hooks", "Ran", "read", "role_of", "run", "tried"]

LONGEST = 4096
"""How many bytes of the output of a hook are kept: half from its beginning, half from its end."""
LONGEST_FACT = 1000
"""How many characters a fact has at most, so that all fit into the pipe of a hook at once."""
OF_AGENT = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID")
"""Words of the environment that systemd means for the agent alone."""


@frozen
class Hook:
    """A program that is run at an occasion.

    Attributes:
        command: the program and its options. A name with a slash is below the group file's folder.
        timeout: after how many seconds it is killed. That counts as a failure.
        tries: how often it is run at most, until it succeeds.
        pause: how many seconds pass between two tries.
        name: the occasion: one of `NAMES`.
    """

    command: tuple[str, ...]
    timeout: float = 10.0
    tries: int = 1
    pause: float = 1.0
    name: str = ""


@frozen
class Hooks:
    """The hooks of a node; None: there is no such hook.

    Attributes:
        promote: makes this node's resource the primary, before users are served.
        demote: makes it a replica, after users are served no more.
        fence: keeps the other node from writing, before this node takes over from a silent peer.
        notify: receives each decision about this node; nothing waits for it.
        role: prints `primary` or `replica`: what the resource is now.
        self_fence: makes this node's resource serve nobody, at once.
    """

    promote: Hook | None = None
    demote: Hook | None = None
    fence: Hook | None = None
    notify: Hook | None = None
    role: Hook | None = None
    self_fence: Hook | None = None


NAMES = tuple(one.name for one in fields(Hooks))
"""The occasions."""
DEFAULTS = {
    "promote": Hook((), 30.0, 3), "demote": Hook((), 10.0, 3), "fence": Hook((), 10.0, 2),
    "notify": Hook((), 10.0), "role": Hook((), 2.0), "self_fence": Hook((), 5.0, 3, 0.1),
}
"""The time-out, the tries and the pause of each occasion, unless the group file has others."""


@frozen
class Facts:
    """The facts that a hook receives. Each fact is a word PRGCORE_... and a key of the JSON object.

    Attributes:
        node, peer: the seats of this node and of the other: node1 or node2.
        name, peer_name: what people call them.
        group: the name of the group.
        state, reason: those of this node after the decision.
        event, rule, why: the event that was decided, the rule, and why the rule exists.
        epoch: the number of the decision; it grows.
        action: the action of the machine that is carried out; empty: none.
        users: the homes of the users that this node is assigned to after it.
        role: what this node's resource should be: primary or replica; empty: nothing new.
    """

    node: str
    peer: str
    name: str = ""
    peer_name: str = ""
    group: str = ""
    state: str = ""
    reason: str = ""
    event: str = ""
    rule: str = ""
    why: str = ""
    epoch: int = 0
    action: str = ""
    users: tuple[str, ...] = ()
    role: str = ""


@frozen
class Ran:
    """The outcome of a hook.

    Attributes:
        why: why it failed, in one line; empty: it succeeded.
        output: what it printed, cut, as text.
        code: its exit code; negative: the signal that ended it; None: it did not begin, or was killed.
    """

    why: str = ""
    output: str = ""
    code: int | None = None

    @property
    def well(self) -> bool:
        """Whether it succeeded."""
        return not self.why

    def __str__(self) -> str:
        said = f": {one_line(self.output[-300:], 300)}" if self.output.strip() else ""
        return (self.why or "it succeeded") + said


def read(found: Any, at: str, otherwise: Hooks | None = None) -> Hooks:
    """The hooks in a table of the group file.

    Args:
        found: the table: for each occasion a command, or a table with `command`, `timeout`, `tries`
            and `pause`.
        at: its place for errors, such as `node1.hooks.`.
        otherwise: the hooks that hold where this table has none.

    Raises:
        BadInput: something in it is wrong.
    """
    if not isinstance(found, dict):
        raise BadInput(f"{at.removesuffix('.')}: expected a table, not {found!r:.60}")
    keys.only(found, NAMES, at)
    return evolve(otherwise or Hooks(), **{
        name: _hook(value, DEFAULTS[name], name, f"{at}{name}") for name, value in found.items()})


def _hook(found: Any, usual: Hook, name: str, at: str) -> Hook:
    if not isinstance(found, dict):
        return evolve(usual, command=keys.command(found, at), name=name)
    keys.only(found, ("command", "timeout", "tries", "pause"), f"{at}.")
    if "command" not in found:
        raise BadInput(f'{at}: command is missing; expected command = ["program", "option"]')
    return Hook(
        keys.command(found["command"], f"{at}.command"),
        keys.number(found, "timeout", f"{at}.", usual.timeout, least=0.01, most=86_400),
        keys.whole(found, "tries", f"{at}.", usual.tries, least=1, most=1000),
        keys.number(found, "pause", f"{at}.", usual.pause, most=86_400), name)


ROLES = {"primary": "primary", "replica": "replica", "master": "primary", "slave": "replica",
         "standby": "replica"}
"""The words that a role probe may print, each with its meaning."""


def role_of(ran: Ran) -> str:
    """What a role probe says: primary or replica; empty: it failed, or does not say one of them."""
    said = {ROLES[word] for line in ran.output.splitlines() if (word := line.strip().lower()) in ROLES}
    return said.pop() if ran.well and len(said) == 1 else ""


# --------------------------------------------------------------------------- running


def tried(
    hook: Hook, facts: Facts, *, home: Path | None = None, mark: Path | None = None,
    ends: Callable[[], bool] = lambda: False, failed: Callable[[int, Ran], None] | None = None,
) -> Ran:
    """Run a hook until it succeeds, as often as it may be tried; return the last outcome.

    Args:
        home, mark, ends: as those of `run`.
        failed: gets the number and the outcome of each try that failed.
    """
    ran = Ran("it was not run")
    for number in range(1, hook.tries + 1):
        ran = run(hook, facts, home=home, mark=mark, ends=ends, number=number)
        if ran.well or ends():
            return ran
        if failed is not None:
            failed(number, ran)
        end = time.monotonic() + hook.pause
        while number < hook.tries and not ends() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))
    return ran


def run(
    hook: Hook, facts: Facts, *, home: Path | None = None, mark: Path | None = None,
    ends: Callable[[], bool] = lambda: False, number: int = 1,
) -> Ran:
    """Run a hook once and wait for it; return the outcome. It raises nothing.

    Args:
        home: the folder in which it runs; None: that of this process.
        mark: a file that says which process the hook is while it runs. A hook that an earlier
            agent left behind there is killed first.
        ends: whether it must be killed now, before its time-out.
        number: which try this is, for the hook.
    """
    if mark is not None:
        _end_left(mark)
    line, words = _told(hook, facts, number)
    around = {name: value for name, value in os.environ.items() if name not in OF_AGENT}
    try:
        return _outcome(hook, run_command(
            hook.command, hook.timeout, home=home, environment=around | words,
            output=Output(LONGEST // 2, LONGEST // 2), line=line, daemons=True, ends=ends,
            begun=partial(_marks, mark)))
    except (OSError, ValueError) as error:
        return Ran(f"{hook.command[0]} cannot be run: {_said(error, hook.command[0])}")
    finally:
        if mark is not None:
            with suppress(OSError):
                mark.unlink(missing_ok=True)


def _outcome(hook: Hook, ended: Ended) -> Ran:
    why = ""
    if ended.halted:
        why = "it was killed, because the agent stops"
    elif ended.code is None:
        why = f"it did not end within {hook.timeout:g} s and was killed"
    elif ended.code:
        why = f"it exited with {ended.code}" if ended.code > 0 else f"signal {-ended.code} ended it"
    return Ran(why, ended.output, ended.code)


def _said(error: Exception, program: str) -> str:
    """An error of the system, with the file that it is about if that is not the program."""
    file = getattr(error, "filename", None)
    at = f"{file}: " if file not in (None, program) else ""
    return at + str(getattr(error, "strerror", None) or error)


def _told(hook: Hook, facts: Facts, number: int) -> tuple[bytes, dict[str, str]]:
    """The facts as a line of JSON, and as words of an environment."""
    told = {"hook": hook.name, "try": number, **{
        name: cut(value, LONGEST_FACT) if isinstance(value, str) else value
        for name, value in asdict(facts).items()}}
    words = {f"PRGCORE_{name.upper()}": " ".join(value) if isinstance(value, tuple) else str(value)
             for name, value in told.items()}
    return (json.dumps(told).encode() + b"\n",
            {name: value.replace("\0", " ") for name, value in words.items()})


# ------------------------------------------------------------- hooks of a dead agent


def _begun(pid: int) -> str:
    """When a process began, as a word; empty: it has ended, or this system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def _marks(mark: Path | None, pid: int) -> None:
    if mark is not None:
        with suppress(OSError):
            mark.write_text(f"{pid} {_begun(pid)}\n")


def _end_left(mark: Path) -> None:
    """Kill the hook of this name that an earlier agent left running; it must not run twice."""
    with suppress(OSError, ValueError):
        pid, begun = mark.read_text().split()
        if int(pid) > 1 and begun and _begun(int(pid)) == begun:
            os.killpg(int(pid), signal.SIGKILL)
            end = time.monotonic() + KILLED
            while _begun(int(pid)) and time.monotonic() < end:
                time.sleep(LOOK)
