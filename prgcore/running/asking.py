"""A question to an agent, as `prgcore ha` and its peer ask it: one connection, one answer.

Law: nothing is believed that is not sealed, where the group has a key.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from ssl import SSLError
from typing import TYPE_CHECKING, Any

from prgcore.errors import BadInput, Unavailable
from prgcore.running.addresses import Address, shown
from prgcore.running.certificates import why
from prgcore.running.seal import challenge_line, challenge_of
from prgcore.running.trust import Trust
from prgcore.wire.jsontext import parse_json

if TYPE_CHECKING:
    from prgcore.running.group import Group

__all__ = ["LINE", "Unproved", "ask", "ask_of"]

LINE = 1 << 20
"""How many bytes the longest line from the network may have."""

_OPEN = Trust()


class Unproved(Unavailable):
    """Something answers, and does not prove that it is an agent of the group."""


async def ask_of(
    group: Group, node: str, question: Mapping[str, Any], within: float = 5.0,
) -> dict[str, Any]:
    """The answer of the agent of a node, as `ask`, with what the file of its group names.

    Raises:
        Unavailable: as `ask`.
        BadInput: the key of the group cannot be used.
    """
    return await ask(
        group.nodes[node].admin, question, within, trust=Trust.of(group), node=node)


async def ask(
    address: Address, question: Mapping[str, Any], within: float = 5.0, *, trust: Trust = _OPEN,
    node: str = "",
) -> dict[str, Any]:
    """The answer of an agent to one question, both JSON.

    Args:
        trust: what the group of the agent trusts; by default everybody.
        node: the seat of the agent, which is in every seal.

    Raises:
        Unavailable: no agent answers there in time.
        Unproved: its answer is not sealed as it must be.
    """
    where = shown(address)
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(
                *address, limit=LINE, **trust.dials(node))
            try:
                return await _asked(reader, writer, question, trust, node, where)
            finally:
                if trust.certificates is not None:
                    writer.transport.abort()  # TLS would take leave first, and nobody waits for that
                writer.close()
    except TimeoutError:
        raise Unavailable(f"the agent at {where} does not answer within {within:g} s") from None
    except SSLError as error:
        raise Unproved(f"the agent at {where} and this computer do not trust each other's certificates: "
                       f"{why(error)}") from None
    except (OSError, ValueError, BadInput) as error:
        number = getattr(error, "errno", None)
        said = os.strerror(number) if number else "the answer is not JSON"
        raise Unavailable(f"no agent answers at {where}: {said}") from None


async def _asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: Mapping[str, Any],
    trust: Trust, node: str, where: str,
) -> dict[str, Any]:
    said = json.dumps(question).encode()
    if trust.sealed:
        mine = trust.chance()
        writer.write(challenge_line(mine, "hello"))
        greeting = await reader.readline()
        theirs = challenge_of(greeting)
        if theirs is None:
            raise _unproved(greeting, trust, where)
        asks, answers = trust.talk(node, mine, theirs)
        writer.write(asks.seals(said))
        line = await reader.readline()
        try:
            line = answers.opens(line)
        except BadInput:
            raise _unproved(line, trust, where) from None
    else:
        writer.write(said + b"\n")
        line = await reader.readline()
    answer = parse_json(line.decode(), "an answer")
    if not isinstance(answer, dict):
        raise Unavailable(f"no agent answers at {where}: the answer is not a JSON object")
    return answer


def _unproved(line: bytes, trust: Trust, where: str) -> Unavailable:
    """The error of an answer without the right seal. Nothing that it says is believed or shown."""
    if not line:
        return Unavailable(f"no agent answers at {where}: it ends the connection")
    if trust.certificates is not None:
        return Unproved(f"the agent at {where} does not believe the certificate of this computer, or is "
                        "another program: security.tls.administrators must have the name in it")
    return Unproved(f"the agent at {where} does not answer by the key in {trust.file}: it has "
                    "another one, or none, or is another program; copy the file to both hosts, and "
                    "start their agents again")
