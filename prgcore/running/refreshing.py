"""Refreshing: a running agent reads its group file again, and takes what needs no restart.

Law: nothing is decided here; `prgcore.running.reloading` says what may change. A file that is wrong
changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from attrs import evolve

from prgcore.errors import BadInput
from prgcore.running.acting import hands_of
from prgcore.running.group import Group, doubts, read_group
from prgcore.running.limits import room
from prgcore.running.ports import patient
from prgcore.running.reloading import reloaded

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["Refreshing"]

_log = logging.getLogger("prgcore")


class Refreshing:
    """Reads the group file of an agent again, once at a time."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._under_way: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Read it soon, or once more after the reading that is under way."""
        if self._under_way is not None and not self._under_way.done():
            self._again = True
            return
        self._again = False
        self._under_way = asyncio.get_running_loop().create_task(self._reads())

    async def _reads(self) -> None:
        agent = self.agent
        agent.manager.reloading()
        try:
            new = await asyncio.to_thread(read_group, agent.group.file)
            found = reloaded(agent.group, new, agent.node)
        except BadInput as error:
            _log.error("nothing has changed: %s", error)
        else:
            self._takes(found.group)
            for says in found.says(agent.member.name):
                _log.warning("%s", says)
        finally:
            agent.manager.says("READY=1")
        if self._again:
            asyncio.get_running_loop().call_soon(self.begin)

    def _takes(self, group: Group) -> None:
        """Go on by another content of the group file, of which nothing needs a restart."""
        agent = self.agent
        _, scarce = room(agent.group.limits)
        warned = {*doubts(agent.group), scarce}
        agent.group, agent.member = group, group.nodes[agent.node]
        agent.acting.hooks = agent.member.hooks
        names = tuple(agent.member.services)
        agent.services.takes(agent.member, {name: group.patience(name) for name in names},
                             {name: group.within(name) for name in names})
        agent.watching.renew()
        charter = evolve(agent.keeper.charter, lease=group.lease,
                         hands=hands_of(group.engine, agent.member.hooks))
        agent.keeper.charter = charter
        agent.keeper.state = evolve(agent.keeper.state, charter=charter)
        if group.parameters != agent.keeper.parameters:
            agent.keeper.change_parameters(group.parameters)
        agent.tending.every, agent.tidying.limits = group.reconcile, group.limits
        agent.directory.limit(group.limits)
        limits, scarce = room(group.limits)
        agent.doors[0].limits = patient(limits, group.parameters.keep_alive_interval)
        agent.doors[1].limits = limits
        for says in (*doubts(group), scarce):
            if says and says not in warned:
                _log.warning("%s", says)
        agent.pump.post()
