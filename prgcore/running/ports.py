"""The two ports of an agent: a door for heartbeats, and one for its administrator.

Law: they are opened and closed together, and neither lets in more than the limits say.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from attrs import evolve

from prgcore.errors import BadInput
from prgcore.running.addresses import shown
from prgcore.running.asking import LINE
from prgcore.running.door import Door
from prgcore.running.heartbeat import LONGEST
from prgcore.running.limits import Limits, room
from prgcore.running.seldom import Seldom
from prgcore.running.talking import SEAL

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["listens", "patient"]

_log = logging.getLogger("prgcore")


def patient(limits: Limits, every: float) -> Limits:
    """The limits of the service port: heartbeats may be as far apart, and as frequent, as they are.

    Args:
        every: the keep-alive interval, in seconds.
    """
    return evolve(limits, idle=max(limits.idle, 3 * every), lines=max(limits.lines, 4 / every),
                  line=max(limits.line, LONGEST + SEAL))


async def listens(agent: Agent) -> list[Door]:
    """Open both doors of an agent.

    Raises:
        BadInput: an address is taken, perhaps because this node already runs; or other computers
            could reach it, and security is off.
    """
    member, seldom = agent.member, Seldom()
    limits, warning = room(agent.group.limits)
    if warning:
        _log.warning("%s", warning)

    def questions() -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(LINE), agent.web.answers)

    doors: list[Door] = []
    proof = agent.trust.certificates
    for name, address, bounds, makes, tls in (
            ("the service port", member.service,
             patient(limits, agent.group.parameters.keep_alive_interval), agent.ear,
             proof.service if proof else None),
            ("the administrator's port", member.admin, limits, questions,
             proof.admin if proof else None)):
        try:
            doors.append(await Door(name, address, bounds, makes, seldom, tls,
                                    here=agent.group.security.off).open())
        except (OSError, BadInput) as error:
            for door in doors:
                door.close()
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"{member.name} cannot listen at {shown(address)}: "
                           f"{error.strerror or error}; stop the program that listens "
                           "there, or give this node another address in the group file") from None
    return doors
