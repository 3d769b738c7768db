"""The answers of an agent over HTTP at its administrator's address; questions in JSON go on.

Law: nothing is commanded here, and no rule lives here. The first byte of a connection says what it
brings: a question in JSON, which `prgcore.running.administrator` answers, or a request. A node
shows that it serves only while the permission that its services obey lasts.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from prgcore.running.http import METHODS, Asked, Reply, converse, is_ours
from prgcore.running.log import Tally
from prgcore.running.page import page
from prgcore.running.shapes import Seen, Serve
from prgcore.running.state import RUNS
from prgcore.running.telemetry import Telemetry
from prgcore.timers.arithmetic import looks_alive_until
from prgcore.words import listed

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["PATHS", "Shows", "Web", "reply"]

PATHS = ("/", "/primary", "/replica", "/serves/GROUP", "/healthy", "/status.json", "/metrics")
_QUESTION = b'{["-0123456789 \t\r\n'
"""With one of these bytes a line of JSON begins, and no request."""


@frozen
class Shows:
    """The health of a node, as it shows it at one moment.

    Attributes:
        name: the name of the node.
        trouble: why it serves nobody or decides nothing; empty: it does.
        idle: why it does not serve though it may; empty: its services are up.
        unable: why it cannot serve, by the machine; empty: it can.
        serves: the groups of users that its services serve now, by their lease.
        role: the role of its service, by the machine; `none`: it has none now; empty: the machine
            knows no roles.
        groups: for each name by which a group can be asked, its id.
    """

    name: str
    trouble: str = ""
    idle: str = ""
    unable: str = ""
    serves: frozenset[str] = frozenset()
    role: str = ""
    groups: Mapping[str, str] = field(factory=dict)


def reply(path: tuple[str, ...], shows: Shows) -> Reply | None:
    """The answer about the health of a node; None: the path is about something else."""
    match path:
        case ("healthy",):
            return _reply(shows.trouble, f"{shows.name} runs")
        case ("primary",):
            why = shows.trouble or shows.unable or shows.idle or (
                "" if shows.serves else "it serves nobody") or (
                "" if shows.role in ("", "primary") else f"its role is {shows.role}")
            return _reply(why, f"{shows.name} serves {listed(sorted(shows.serves))}")
        case ("replica",):
            why = shows.trouble or (shows.idle if shows.role else shows.unable) or (
                f"it serves {listed(sorted(shows.serves))}" if shows.serves else "") or (
                "" if shows.role in ("", "replica") else f"its role is {shows.role}")
            return _reply(why, f"{shows.name} is ready, and serves nobody")
        case ("serves", name):
            home = shows.groups.get(name) or shows.groups.get(name.lower())
            if home is None:
                return Reply.says(404, f"there are no users {name[:60]!r}; known: "
                                  f"{', '.join(sorted(shows.groups)) or 'none'}")
            why = shows.trouble or shows.unable or shows.idle or (
                "" if home in shows.serves else "it does not serve them")
            return _reply(why, f"{shows.name} serves the users of {name}")
    return None


def _reply(why: str, well: str) -> Reply:
    return Reply.says(503, " ".join(why.split())) if why else Reply.says(200, well)


class Web:
    """Answers at the administrator's address of an agent.

    Attributes:
        metrics: makes the page of metrics of telemetry and of what the agent shows; None: what it
            needs is not installed.
        tally: counts what this agent decides, and what it knows of both nodes, since its start.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.metrics: Callable[[Telemetry, Shows], str] | None = None
        self.tally = Tally(start=Telemetry(habits=agent.group.engine.habits))
        self._known: dict[str, str] = {}
        self._obeyed: Serve | None = None
        self._status: asyncio.Task[dict[str, Any]] | None = None
        self._page: asyncio.Task[str] | None = None

    def _hosts(self) -> frozenset[str]:
        """The names by which a browser may ask."""
        member = self.agent.member
        return frozenset((
            "localhost", member.admin[0], member.name.lower(), socket.gethostname().lower(),
            *self.agent.group.limits.hosts))

    def sees(self, seen: Seen) -> None:
        """Note what the services obey, and what is known."""
        known = self.agent.known()
        if known != self._known:
            self._known = known
            self.tally.see(known)
        if seen.obeyed is not None and seen.obeyed.yes:
            self._obeyed = seen.obeyed.serve

    # ------------------------------------------------------------------- what it shows

    def shows(self) -> Shows:
        """The health of the node now."""
        agent, state = self.agent, self.agent.keeper.state
        habits, known = agent.group.engine.habits, agent.known()
        now, sent, obeyed = agent.keeper.clock.now(), state.serving.sent, self._obeyed
        timeout = (state.effective or agent.group.parameters).keep_alive_timeout
        trouble = agent.trouble
        if not trouble and now >= looks_alive_until(state.ended, timeout):
            trouble = "the record was not read for a keep-alive time-out"
        if not trouble and state.phase != RUNS:
            trouble = "its recovery manager stops" if agent.pump.stops else "it has not begun yet"
        serves = frozenset[str]()
        if sent is not None and obeyed is not None and now < min(sent.until, obeyed.until):
            serves = frozenset(sent.groups) & frozenset(obeyed.groups)
        down = [what for what in ("services", "database") if not state.services.get(what)]
        idle = f"its {listed(down)} {'is' if down == ['database'] else 'are'} not up" if down else ""
        unable = "" if habits.able(known, agent.node) else "it cannot serve now"
        role = (habits.role(known, agent.node) or "none") if habits.roles(agent.node) else ""
        return Shows(agent.member.name, trouble, idle, unable,
                     frozenset() if trouble or idle or unable else serves, role, self._groups())

    def _groups(self) -> dict[str, str]:
        """The ids of the groups of users, by id and by the name of their home node."""
        homes = self.agent.group.engine.habits.groups
        nodes = self.agent.group.nodes
        return {nodes[home].name.lower(): home for home in homes if home in nodes} | {
            home: home for home in homes}

    # -------------------------------------------------------------------- what it answers

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection: a request, or any number of questions."""
        try:
            begun = await reader.read(1)
            if begun and begun in _QUESTION:
                await self.agent.administrator.answers(reader, writer, begun)
            elif begun:
                limits = self.agent.group.limits
                await converse(reader, writer, begun, longest=limits.line // 4, within=limits.whole,
                               answers=self.answer)
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def answer(self, asked: Asked) -> Reply:
        """The response to a request."""
        if not is_ours(asked.host, self._hosts()):
            return Reply.says(421, f"this agent is not {asked.host[:80]!r}; ask for it by its "
                              "address, or write this name into limits.hosts of the group file")
        known = asked.path == ("*",) or f"/{asked.path[0]}" in PATHS or asked.path[0] == "serves"
        if known and asked.method not in METHODS:
            return Reply(405, f"only {listed(METHODS)} are answered here\n".encode(),
                         headers=(("Allow", ", ".join(METHODS)),))
        found = await self._found(asked.path)
        if asked.method == "OPTIONS" and found.status != 404:
            return Reply(found.status, headers=(("Allow", ", ".join(METHODS)),))
        return found

    async def _found(self, path: tuple[str, ...]) -> Reply:
        if (about := reply(path, self.shows())) is not None:
            return about
        match path:
            case ("",):
                body = page(self.agent.group, await self._read())
                return Reply(200, body, "text/html; charset=utf-8")
            case ("status.json",):
                body = json.dumps(await self._read()).encode() + b"\n"
                return Reply(200, body, "application/json")
            case ("metrics",):
                return await self._measured()
            case ("*",):
                return Reply(200)
        return Reply.says(404, f"there is no such page; known: {', '.join(PATHS)}")

    async def _measured(self) -> Reply:
        if self.metrics is None:
            return Reply.says(501, "metrics need an extra: pip install 'prgcore[prometheus]'")
        if self._page is None or self._page.done():  # many who ask at once wait for one page
            self._page = asyncio.create_task(
                asyncio.to_thread(self.metrics, self.tally(), self.shows()))
        page = await asyncio.shield(self._page)
        return Reply(200, page.encode(), "text/plain; version=0.0.4; charset=utf-8")

    async def _read(self) -> dict[str, Any]:
        """The status; all who ask at once get that of one reading."""
        if self._status is None or self._status.done():
            self._status = asyncio.create_task(self.agent.administrator.status())
        return await asyncio.shield(self._status)
