"""The administrator of a node: questions and commands, one JSON object per line.

Law: no rule lives here. The agent that gets a command decides it. It asks its peer first, as the
document's administrator asks both managers. `prgcore.running.web` answers browsers and load balancers at
the same port.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prgcore.errors import BadInput, PrgError, Unavailable, Undecided
from prgcore.running.asking import ask
from prgcore.running.gate import Gate
from prgcore.running.node import own
from prgcore.running.security import may_command
from prgcore.running.seldom import Seldom
from prgcore.stores.record import served
from prgcore.vocabulary import Kind
from prgcore.wire.answers import error_json
from prgcore.wire.jsontext import parse_json

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["Administrator"]

ANSWER = 1.0
"""How many seconds the peer has to answer a question."""
TRIES = 20
"""How often a peer is asked that changes meanwhile."""
SOON = 0.05
"""How many seconds pass between two such questions."""
READING = ("own", "status")
"""The questions that command nothing."""
COMMANDS = ("host_lost", "start_services", "stop", "tell")


class Administrator:
    """Answers at the administrator's address of an agent."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._seldom = Seldom()

    async def answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begun: bytes = b"",
    ) -> None:
        """Answer each line, a question, with one line.

        Args:
            begun: what was read of the first line.

        Raises:
            OSError: the other end is gone.
            ValueError: a line is too long.
        """
        gate, host = Gate(self.agent.trust, self.agent.node), _host(writer)
        known = self.agent.trust.may_ask(writer.get_extra_info("peercert"))
        while line := begun if begun == b"\n" else begun + await reader.readline():
            begun = b""
            if greeting := gate.greets(line):
                writer.write(greeting)
                await writer.drain()  # one that reads no answer gets no more of them
                continue
            try:
                if not known:
                    raise BadInput("its certificate is not that of a node, or of "  # noqa: TRY301
                                   "security.tls.administrators")
                text = gate.opens(line)
            except BadInput as error:
                writer.write(self._refuses(host, error))
                return
            question, answer = await self._answer(text, host)
            writer.write(gate.seals(json.dumps(answer).encode()))
            await writer.drain()
            if question is None:
                return

    def _refuses(self, host: str, error: BadInput) -> bytes:
        """The line that refuses a question without the right seal; one line of log in a while."""
        self._seldom.warn("seal", f"a question from {host} is refused: {error}")
        said = {"error": "unauthenticated", "message": f"{error}; ask as "
                "an administrator of the group"}
        return json.dumps(said).encode() + b"\n"

    def _may(self, question: Mapping[str, Any], host: str) -> bool:
        """Whether this address may ask this; one line of log in a while if not."""
        allowed = self.agent.group.security.commands_from
        if question.get("do") not in COMMANDS or may_command(allowed, host):
            return True
        self._seldom.warn("command", f"a command from {host} is refused: security.commands_from does "
                          "not name this address")
        return False

    async def _answer(self, line: bytes, host: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The question and its answer. A line that is not a question ends the connection.

        So a page in a browser, whose request begins with other lines, cannot command anything.
        """
        try:
            question = parse_json(line.decode(), "a question")
        except (ValueError, BadInput):
            question = None
        if not isinstance(question, dict):
            return None, {"error": "bad_input", "message": "a question is a JSON object on a line"}
        if not self._may(question, host):
            return question, {"error": "forbidden", "message": f"{host or 'this address'} may not "
                              "command: security.commands_from does not name it"}
        try:
            return question, await self._do(question)
        except PrgError as error:
            return question, error_json(error)

    async def _do(self, question: Mapping[str, Any]) -> dict[str, Any]:
        agent = self.agent
        match question.get("do"):
            case "own":
                return await self._own()
            case "status":
                return await self.status()
            case "tell":
                return await self._command(str(question.get("event")))
            case "start_services":
                await agent.start_services()
                return {}
            case "host_lost":
                return {"entries": [e.to_json() for e in await agent.host_lost()]}
            case "stop":
                agent.stop()
                return {}
            case other:
                raise BadInput(f"{other!r:.60} is not a question; known: "
                               f"{', '.join(sorted(READING + COMMANDS))}")

    async def _own(self) -> dict[str, Any]:
        """The columns of this node, from a new reading."""
        agent = self.agent
        if why := await agent.read(ANSWER / 2):
            raise Unavailable(why)
        if agent.trouble or agent.record is None:
            raise Unavailable(agent.trouble or "the record was not read yet")
        return {"changes": agent.record.changes[agent.node], "columns": agent.record.own[agent.node]}

    async def _command(self, event: str) -> dict[str, Any]:
        """Decide a command of the administrator, who asks both managers."""
        if self.agent.group.engine.kind(event) is not Kind.COMMAND:
            raise BadInput(f"{event} is not a command: the agent observes other events itself")
        for _ in range(TRIES):
            also, changes = await self._peers()
            try:
                entry = await self.agent.tell(
                    event, also, {} if changes < 0 else {self.agent.peer.seat: changes})
            except Undecided as error:
                if error.columns:
                    raise
            else:
                return {"entry": entry.to_json()}
            await asyncio.sleep(SOON)
        raise Unavailable(f"{event}: {self.agent.peer.name} changes faster than it answers")

    async def _peers(self) -> tuple[dict[str, str], int]:
        """The peer's own columns, as it answers, and its changes; none if it does not answer."""
        agent = self.agent
        with suppress(Unavailable):
            answer = await ask(agent.peer.admin, {"do": "own"}, ANSWER, trust=agent.trust,
                               node=agent.peer.seat)
            if isinstance(answer.get("columns"), dict) and isinstance(answer.get("changes"), int):
                names = own(self.agent.group.engine, self.agent.peer.seat)
                return {c: str(v) for c, v in answer["columns"].items() if c in names}, \
                    answer["changes"]
        return {}, -1

    async def status(self) -> dict[str, Any]:
        """The columns that the agent knows, from a new reading, and its trouble if it has some."""
        agent, group = self.agent, self.agent.group
        why, (also, changes) = await asyncio.gather(agent.read(ANSWER), self._peers())
        record, known = agent.record, agent.known()
        said = {
            "group": group.name, "nodes": [m.name for m in group.nodes.values()],
            "node": agent.node, "trouble": agent.trouble or why, "peer_answers": changes >= 0,
            "epoch": 0, "known": {}, "serving": {}, "claims": {}, "orders": [],
        }
        if record is None:
            return said
        return said | {
            "epoch": record.epoch, "known": {**known, **also}, "serving": served(record, agent.node, group.engine.habits),
            "claims": {h: c.node for h, c in record.claims.items()},
            "orders": [f"{o.do}({o.node})" for o in record.orders]}


def _host(writer: asyncio.StreamWriter) -> str:
    """The address of the other end; empty: it is gone."""
    found = writer.get_extra_info("peername")
    return str(found[0]) if found else ""
