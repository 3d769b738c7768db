"""`ha` on a group file: the administrator of a pair that agents run.

Law: this decides nothing and keeps nothing. An agent answers, or its node shows nothing. Every
answer from the network is checked before use, and an error in it is one line.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from attrs import evolve, field, frozen

from prgcore.cli import inputs, output
from prgcore.cli.statefile import State, names
from prgcore.errors import (
    ActionFailed,
    BadInput,
    Conflict,
    ImpossibleEvent,
    OutsideInvariant,
    PrgError,
    Unavailable,
    Undecided,
    Unreadable,
)
from prgcore.explain.display import also, shows_states, spell
from prgcore.explain.settling import until_rest
from prgcore.model import Display, Shown
from prgcore.running.addresses import shown
from prgcore.running.asking import ask
from prgcore.running.group import Group, read_group
from prgcore.running.member import Member
from prgcore.running.trust import Trust
from prgcore.seats import NODES, seat
from prgcore.vocabulary import Kind
from prgcore.wire.answers import actions_json, failed_json
from prgcore.wire.entry import Entry, kept_time
from prgcore.words import one_line

if TYPE_CHECKING:
    from prgcore.engine import Pair

FORMAT = "prgcore-running/1"
ANSWER, DECISION = 3.0, 15.0
"""How many seconds an agent has for its status, and for a decision or a start of services."""
LOOK = 0.1
"""How many seconds pass between two looks."""

Reply = dict[str, Any]
Known = Mapping[str, str]


@frozen
class Seen(State):
    """A group as its answering agents report it. `pair` has the columns that they know.

    Attributes:
        epoch: how many decisions were made.
        answers: the nodes whose agents answer.
        silent: the reasons why the other agents do not answer.
        apart: the nodes that do not reach their peer's agent.
        troubles: for each node whose agent serves nobody or decides nothing, the reason.
        orders: the open orders, such as `move_users(node2)`.
        claims: for each group of users, by its home node, the node that may be serving it.
    """

    epoch: int = 0
    answers: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    claims: Known = field(factory=dict)
    troubles: Known = field(factory=dict)

    file: ClassVar[str] = "group file"

    def to_json(self) -> dict[str, Any]:
        return State.to_json(self) | {
            "format": FORMAT, "epoch": self.epoch, "answers": list(self.answers),
            "orders": list(self.orders), "claims": dict(self.claims),
            "troubles": dict(self.troubles),
        }

    def display(self) -> Display:
        return Display(self._shown(NODES[0]), self._shown(NODES[1]))

    def text(self) -> str:
        """The status in the product's shape, and what a machine of its own knows beside it."""
        more = [] if shows_states(self.machine) else [
            f"{self.name(node)}: {said}" for node in self.answers
            if (said := also(self.machine, self.pair, node))]
        return State.text(self) + "".join(f"{line}\n" for line in more)

    def _shown(self, node: str) -> Shown | None:
        if node not in self.answers or not self.machine.habits.runs(self.pair, node):
            return None
        return Shown(self.pair.get(f"{node}.state", ""), self.pair.get(f"{node}.reason", "none"))

    def restless(self) -> str:
        """The reason why more will happen by itself; empty: the group is at rest."""
        for node, why in self.troubles.items():
            return f"{self.name(node)} is in trouble: {why}"
        for node in self.answers:
            for cell in self.machine.model.transient:
                if cell.column == f"{node}.state" and self.pair[cell.column] in cell.values:
                    return f"{self.name(node)} is {spell(self._shown(node), self.spelling)}"
            if orders := [o for o in self.orders if o.endswith(f"({node})")]:
                said = self.names.out(", ".join(map(self.spelling.name, orders)))
                return f"{self.name(node)} still has to do {said}"
            peer = seat("peer", node)
            if self._hears(node) and node in self.apart \
                    and peer not in self.answers:
                return f"{self.name(node)} still hears {self.name(peer)}, which does not answer"
        return self._coming()

    def _hears(self, node: str) -> bool:
        return self.machine.habits.hears(self.pair, node)

    def _coming(self) -> str:
        """The next event of the machine by itself, if the whole pair is known; else empty."""
        link = "up" if any(map(self._hears, NODES)) else "cut"
        with suppress(PrgError):
            whole = self.machine.pair({**self.pair, "link": link})
            for step in until_rest(self.machine, whole)[:1]:
                return self.names.out(f"{self.spelling.name(step.event)} is due")
        return ""


# ------------------------------------------------------------------------- asking


def group_of(file: Path) -> Group:
    """The group in a file.

    Raises:
        BadInput: it is not a group file, or its names do not fit into a status.
    """
    inputs.read_text(str(file))
    group = read_group(file)
    try:
        names(group.name, [m.name for m in group.nodes.values()])
    except BadInput as error:
        raise BadInput(f"group file {file.name}: {error}") from None
    return group


def look(group: Group, within: float = ANSWER) -> Seen:
    """The group now, as its agents report it.

    Raises:
        Unavailable: none of them answers; the error has the reason of each.
        BadInput: the key of the group, or a certificate, cannot be used.
    """
    members = tuple(group.nodes.values())
    found = asyncio.run(_statuses(group, Trust.of(group), members, within))
    statuses = sorted((a for a in found if not isinstance(a, str)), key=lambda a: a["epoch"])
    silent = tuple(a for a in found if isinstance(a, str))
    if not statuses:
        raise Unavailable(_nobody(group, silent))
    known: dict[str, str] = {}
    for answer in statuses:
        known |= answer["known"]
    newest = statuses[-1]
    first, second = (m.name for m in members)
    return Seen(
        group.engine, group.name, (first, second), cast("Pair", known), newest["epoch"],
        tuple(sorted(a["node"] for a in statuses)), silent,
        tuple(sorted(a["node"] for a in statuses if not a["peer_answers"])),
        tuple(newest["orders"]), newest["claims"],
        {a["node"]: one_line(a["trouble"], 300) for a in sorted(statuses, key=lambda a: a["node"])
         if a["trouble"]},
    )


def _nobody(group: Group, silent: tuple[str, ...]) -> str:
    """Why no node shows a status, and which agents to start: those that do not run."""
    away = [m.name for m in group.nodes.values()
            if any(why.startswith(f"{m.name}: no agent answers") for why in silent)]
    head = "answers" if len(away) == len(silent) else "shows a status"
    said = f"no node of {group.name} {head}: {'; '.join(silent)}"
    if not away:
        return said
    which, more = ("them", ", and the other one") if len(away) > 1 else (away[0], "")
    return f"{said}; start {which} with prgcore agent {group.file.name} {away[0]}{more}"


async def _statuses(
    group: Group, trust: Trust, members: tuple[Member, ...], within: float
) -> list[Reply | str]:
    async def one(member: Member) -> Reply | str:
        try:
            return _status(group, member, await _asked(trust, member, {"do": "status"}, within))
        except PrgError as error:
            return f"{member.name}: {one_line(str(error), 160)}"

    return list(await asyncio.gather(*(one(m) for m in members)))


async def _asked(
    trust: Trust, member: Member, question: Mapping[str, Any], within: float
) -> Reply:
    try:
        return await ask(member.admin, question, within, trust=trust, node=member.seat)
    except RecursionError:
        raise Unavailable(f"no agent answers at {shown(member.admin)}: the answer "
                          "is nested too deeply") from None


def _status(group: Group, member: Member, answer: Reply) -> Reply:
    """The status in an answer, checked.

    Raises:
        Unavailable: it is not a status of this node.
    """
    if "error" in answer:
        raise Unavailable(f"it has no status: {answer.get('message')!s:.160}")
    if (answer.get("group"), answer.get("node")) != (group.name, member.seat):
        raise Unavailable(f"another agent answers at {shown(member.admin)}: "
                          f"{answer.get('node')!s:.40} of {answer.get('group')!s:.40}")
    trouble = answer.setdefault("trouble", "")
    if answer.get("known") == {} and isinstance(trouble, str) and trouble:
        raise Unavailable(trouble)
    columns = group.engine.columns
    known, orders, claims = answer.get("known"), answer.get("orders"), answer.get("claims")
    needed = {f"{n}.{what}" for n in NODES for what in ("state", "reason")} & set(columns)
    fits = (
        isinstance(known, dict) and needed <= set(known)
        and all(c in columns and v in columns[c].domain for c, v in known.items())
        and isinstance(orders, list) and all(isinstance(o, str) for o in orders)
        and isinstance(claims, dict) and set(claims) <= set(group.engine.habits.groups)
        and all(n in ("", *NODES) for n in claims.values())
        and isinstance(answer.get("epoch"), int) and "peer_answers" in answer
        and isinstance(trouble, str)
    )
    if not fits:
        raise Unavailable("its answer is not a status of this version of prgcore")
    return answer


def status(file: Path) -> Seen:
    """The group in a file now; a remark names each agent that does not answer or is in trouble.

    Raises:
        BadInput, Unavailable: as `group_of` and `look`.
    """
    return _remarked(look(group_of(file)))


def _remarked(seen: Seen) -> Seen:
    for why in (*seen.silent, *(f"{seen.name(n)}: {why}" for n, why in seen.troubles.items())):
        output.remark(why)
    return seen


# ------------------------------------------------------------------------- commanding


def command(now: State, said: list[str]) -> str:
    """The one command in the words of a command line, checked.

    Raises:
        BadInput: it is more than one, or not a command. Agents observe other events.
    """
    if len(said) != 1:
        raise BadInput("a running group takes one command at a time")
    event = now.event(said[0])
    if now.machine.kind(event) is not Kind.COMMAND:
        known = [now.names.out(now.spelling.name(e.name)) for e in now.machine.model.events
                 if e.kind is Kind.COMMAND]
        raise BadInput(f"{said[0]} is not a command, and a running group observes other events "
                       f"itself; commands: {', '.join(known)}")
    return event


_ERRORS: dict[str, Callable[[str], PrgError]] = {
    "impossible_event": ImpossibleEvent, "bad_input": BadInput, "conflict": Conflict,
    "action_failed": ActionFailed, "unreadable": Unreadable, "forbidden": BadInput,
    "outside_invariant": lambda message: OutsideInvariant(message, ()),
    "undecided": lambda message: Undecided(f"{message}; ask again when that node answers", ()),
    "unavailable": lambda message: Undecided(f"{message}; see prgcore ha status", ()),
}


def tell(file: Path, choose: Callable[[State], str]) -> tuple[Seen, list[Reply]]:
    """Send a command to an agent that answers; return the group afterwards, and the decisions.

    Args:
        choose: makes the command from the group as it is seen.

    Raises:
        BadInput: the group file or the command is wrong.
        Unavailable: no agent answers.
        Undecided: the outcome of the command is not known.
        ImpossibleEvent, OutsideInvariant, Conflict: as the agent says.
    """
    group = group_of(file)
    seen = _remarked(look(group))
    event = choose(seen)
    well = [n for n in seen.answers if n not in seen.troubles]
    member = group.nodes[(well or seen.answers)[0]]
    with inputs.naming(group.names):
        answer = _question(group, member, {"do": "tell", "event": event}, event)
    try:
        entry = Entry.from_json(answer.get("entry"))
        seen.machine.check(dict(entry.after))
        known = cast("Pair", {**seen.pair, **entry.after})
        asked = tuple(map(str, entry.actions))
        after = evolve(seen, pair=known, epoch=entry.epoch, orders=(*seen.orders, *asked))
        after.display()
    except (BadInput, KeyError, ValueError):
        raise Undecided(f"{member.name} answers {group.names.out(event)} with no decision; see "
                        "prgcore ha status", ()) from None
    decision = {"event": event, "outcome": entry.outcome, "rule": entry.rule,
                "pair": dict(entry.after), "actions": actions_json(entry.actions),
                "why": entry.why, "failed": failed_json(entry.failed)}
    return after, [decision]


def _question(
    group: Group, member: Member, question: Mapping[str, Any], what: str
) -> Reply:
    """The answer to a question, if it is not an error.

    Raises:
        Undecided: there is no answer, so the outcome is not known.
        PrgError: as the agent says.
    """
    try:
        answer = asyncio.run(_asked(Trust.of(group), member, question, DECISION))
    except Unavailable as error:
        raise Undecided(f"{what}: the outcome is not known: {error}; see prgcore ha "
                        "status", ()) from None
    if "error" in answer:
        made = _ERRORS.get(str(answer["error"]), Unavailable)
        raise made(f"{member.name}: {answer.get('message')!s:.400}")
    return answer


def start(file: Path, node: str) -> Seen:
    """Let an agent start the critical services of its node; return the group afterwards.

    Raises:
        BadInput: there is no such node, or the group file is wrong.
        Unavailable: its agent does not answer.
        ActionFailed: they do not start.
    """
    group = group_of(file)
    member = group.member(node)
    if member.seat not in (seen := look(group)).answers:
        raise Unavailable(f"only its agent starts the services of {member.name}: "
                          f"{'; '.join(seen.silent)}")
    _question(group, member, {"do": "start_services"}, f"starting the services of {member.name}")
    return _remarked(look(group))


# ------------------------------------------------------------------------- watching


def rest(file: Path, seconds: float) -> tuple[Seen, str]:
    """Wait until nothing more happens by itself; return the group, and why not if time is over.

    Raises:
        Unavailable: no agent answers at the end.
    """
    group, end = group_of(file), time.monotonic() + seconds
    while True:
        over = time.monotonic() >= end
        try:
            seen = look(group)
        except Unavailable:
            if over:
                raise
        else:
            why = seen.restless()
            if not why or over:
                return _remarked(seen), why and f"Not at rest after {seconds:g} s: {why}."
        time.sleep(LOOK)


def watch(file: Path, seconds: float | None, *, as_json: bool) -> None:
    """Print a line for every change, until an interrupt or until the time is over."""
    group = group_of(file)
    end = None if seconds is None else time.monotonic() + seconds
    before: tuple[object, ...] | None = None
    with suppress(KeyboardInterrupt):
        while True:
            seen = None
            with suppress(Unavailable):
                seen = look(group, ANSWER / 2)
            now = (seen.display(), seen.claims, seen.troubles) if seen else ()
            if now != before:
                _write(group, seen, as_json=as_json)
                before = now
            if end is not None and time.monotonic() >= end:
                return
            time.sleep(LOOK)


def _write(group: Group, seen: Seen | None, *, as_json: bool) -> None:
    """Write a line about a group, with the time; at once, even into a pipe.

    A terminal gets it folded at the width of the page.
    """
    now = _when(time.time())
    if as_json:
        said = seen.to_json() if seen else {"format": FORMAT, "group": group.name, "answers": []}
        output.write_json({"time": now.timestamp()} | said, line=True)
    else:
        nodes = " | ".join(f"{seen.name(n)}: {_seen_of(seen, n)}" for n in NODES) if seen else ""
        at, shown = f"{now:%H:%M:%S}.{now.microsecond // 100_000}  ", nodes or "no node answers"
        output.write(output.line(shown, sys.stdout, at, " " * len(at), longest=2000))
    sys.stdout.flush()


def _when(wall: float) -> datetime:
    """The time of a clock, in the time zone of this computer; of a clock that is far off, in UTC."""
    seconds = kept_time(wall)
    try:
        return datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(seconds, UTC)


def _seen_of(seen: Seen, node: str) -> str:
    """The display of a node, the users that it holds, and its trouble."""
    held = " and ".join(seen.name(home) if home in NODES else seen.spelling.name(home)
                        for home in sorted(seen.claims) if seen.claims[home] == node)
    said = spell(seen.display()[NODES.index(node)], seen.spelling).removesuffix(
        f" / {seen.spelling.title('reason', 'normal')}")
    if not shows_states(seen.machine) and (more := also(seen.machine, seen.pair, node)):
        said += f" ({more})"
    trouble = f", in trouble: {seen.troubles[node]}" if node in seen.troubles else ""
    return said + (f", users of {held}" if held else "") + trouble
