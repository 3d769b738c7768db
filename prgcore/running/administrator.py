"""The administrator of a node: questions and commands, one JSON object per line.

Law: no rule lives here. The agent that gets a command decides it. It asks its peer first, as the
document's administrator asks both managers. `prgcore.running.web` answers browsers and load balancers at
the same port.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prgcore.errors import BadInput, PrgError, Unavailable, Undecided
from prgcore.running.addresses import Address
from prgcore.running.node import own
from prgcore.stores.record import served
from prgcore.vocabulary import Kind
from prgcore.wire.answers import error_json
from prgcore.wire.jsontext import parse_json

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["Administrator", "ask"]

ANSWER = 1.0
"""How many seconds the peer has to answer a question."""
TRIES = 20
"""How often a peer is asked that changes meanwhile."""
SOON = 0.05
"""How many seconds pass between two such questions."""
LINE = 1 << 20
"""How many bytes the longest line from the network may have."""
_QUESTIONS = ("host_lost", "own", "start_services", "status", "stop", "tell")


async def ask(address: Address, question: Mapping[str, Any], within: float = 5.0) -> dict[str, Any]:
    """The answer of an agent to one question, both JSON.

    Raises:
        Unavailable: no agent answers there in time.
    """
    where = f"{address[0]}:{address[1]}"
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(*address, limit=LINE)
            try:
                writer.write(json.dumps(question).encode() + b"\n")
                answer = parse_json((await reader.readline()).decode(), "an answer")
            finally:
                writer.close()
    except TimeoutError:
        raise Unavailable(f"the agent at {where} does not answer within {within:g} s") from None
    except (OSError, ValueError, BadInput) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else "the answer is not JSON"
        raise Unavailable(f"no agent answers at {where}: {why}") from None
    if not isinstance(answer, dict):
        raise Unavailable(f"no agent answers at {where}: the answer is not a JSON object")
    return answer


class Administrator:
    """Answers at the administrator's address of an agent."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    async def answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begun: bytes = b"",
    ) -> None:
        """Answer each line, a question, with one line.

        Args:
            begun: what was read of the first line.
        """
        try:
            while line := begun if begun == b"\n" else begun + await reader.readline():
                begun = b""
                question, answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
                if question is None:
                    break
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The question and its answer. A line that is not a question ends the connection.

        So a page in a browser, whose request begins with other lines, cannot command anything.
        """
        try:
            question = parse_json(line.decode(), "a question")
        except (ValueError, BadInput):
            question = None
        if not isinstance(question, dict):
            return None, {"error": "bad_input", "message": "a question is a JSON object on a line"}
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
                raise BadInput(f"there is no question {other!r:.60}; known: {', '.join(_QUESTIONS)}")

    async def _own(self) -> dict[str, Any]:
        """The columns of this node, from a new reading."""
        agent = self.agent
        if why := await agent.read(ANSWER / 2):
            raise Unavailable(why)
        if agent.trouble or agent.record is None:
            raise Unavailable(agent.trouble or "there is no record")
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
        with suppress(Unavailable):
            answer = await ask(self.agent.peer.admin, {"do": "own"}, ANSWER)
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
