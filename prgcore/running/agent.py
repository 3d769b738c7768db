"""An agent: one node of a pair, with its heartbeats, its services and its administrator.

Law: no rule lives here. The agent listens and reports. Its `Keeper` decides from the record, its
own columns, and the peer's heartbeats. Its services serve only the users that the newest reading of
the record gives to its node, and only while the lease lasts (T10).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO

from prgcore.errors import ActionFailed, BadInput, PrgError, StaleEpoch, Unavailable
from prgcore.running.administrator import LINE, Administrator, ask
from prgcore.running.asynchronous import AsyncDriver
from prgcore.running.driver import Heard, Keeper
from prgcore.running.group import Address, Group, Member, doubts, terms
from prgcore.running.lease import Serving
from prgcore.running.log import LogFile
from prgcore.running.node import reported
from prgcore.running.processes import Services
from prgcore.seats import seat
from prgcore.stores.ports import Observation, boot_clock
from prgcore.stores.record import Order
from prgcore.wire.entry import Entry
from prgcore.wire.jsontext import parse_json

__all__ = ["Agent", "ask"]

LOOK = 0.05
"""How many seconds pass between two looks at the services."""
SLACK = 3.0
"""How many seconds late an arbiter may notice that a grant is lost."""
THREADS = 32
"""How many threads wait for the store, the services and the orders."""

_log = logging.getLogger("prgcore")


class Agent:
    """One node of a group. `await Agent(group, "node1").run()` returns when it is stopped.

    Args:
        group: the group.
        name: the node, by its seat or its name.
        adopt: whether to put the record on the terms of this file, whatever they were. Both agents
            must have been stopped for longer than the old lease.

    Raises:
        BadInput: it already runs in this directory, or the record has other terms.
        Unavailable: the store does not answer.
    """

    def __init__(self, group: Group, name: str, *, adopt: bool = False) -> None:
        self.group, self.member = group, group.member(name)
        self.node: str = self.member.seat
        self.peer: Member = group.nodes[seat("peer", self.node)]
        self.services = Services(self.member)
        self.store, self.arbiter = group.open_store()
        self.log = LogFile(self.member.directory / "log.jsonl")
        self._alone = _alone(self.member)
        try:
            self.keeper = Keeper(group.engine, self.store, self.node, parameters=group.parameters,
                                 log=self._note, terms=terms(group), adopt=adopt)
        except PrgError:
            self._alone.close()
            raise
        self.driver = AsyncDriver(self.keeper, _Orders(self))
        self._tells = reported(group.engine, self.node)
        self._domains = {c: group.engine.columns[c].domain
                         for c in reported(group.engine, self.peer.seat)}
        self.serving = Serving(self.keeper, self.services, self.arbiter, group.lease)
        self.administrator = Administrator(self)
        self._stopped = asyncio.Event()
        self._beats = asyncio.Event()
        self._callers: set[asyncio.StreamWriter] = set()
        for says in doubts(group):
            _log.warning("%s", says)

    def _note(self, entry: Entry) -> None:
        """Write an entry to this node's own log; if that fails, the store still has the entry."""
        try:
            self.log.append(entry)
        except Unavailable as error:
            _log.warning("%s", error)

    # ------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Listen, start, and keep watch until `stop`.

        Raises:
            BadInput: an address is taken, perhaps because this node already runs.
            Unavailable: the store does not answer.
        """
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        servers = [await self._listen(self.member.service, self._hears),
                   await self._listen(self.member.admin, self.administrator.answers)]
        try:
            await self._start()
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(one) for one in (
                    self.driver.run(), self._send(), self._take_beats(),
                    self._keep_services(),
                    self._repeat(self._serve, 0))]
                await self._stopped.wait()
                for task in running:
                    task.cancel()
            await self._stop()
            if self.serving.ousted:
                raise BadInput(
                    f"another agent of {self.member.name} has started, in another directory")
        finally:
            for server in servers:
                server.close()
            self._alone.close()

    def stop(self) -> None:
        """Ask the agent to stop; it then reports to the machine that its manager stops."""
        self._stopped.set()

    async def _listen(self, address: Address, talk: Callable[..., Awaitable[None]]) -> asyncio.Server:
        try:
            return await asyncio.start_server(talk, *address, limit=LINE)
        except OSError as error:
            raise BadInput(f"{self.member.name} cannot listen at {address[0]}:{address[1]}: "
                           f"{error.strerror}; does it run already?") from None

    async def _start(self) -> None:
        """Start the recovery manager, after whatever happened."""
        await asyncio.to_thread(self.serving.sit)
        manager = {f"{self.node}.process": "manager_down", f"{self.node}.hears_peer": "no"}
        await self.driver.tell(f"manager_start({self.node})", also=manager)
        with suppress(PrgError):  # heartbeats need a first reading; `_serve` tries again
            await asyncio.to_thread(self.serving.once)

    async def _stop(self) -> None:
        await asyncio.to_thread(
            self.services.serve, {}, boot_clock() + self.group.lease.lasts)
        if not self.serving.ousted:
            with suppress(PrgError):
                await self.driver.tell(f"manager_stop({self.node})")
        self.store.close()

    async def _repeat(self, task: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            try:
                await task()
            except PrgError as error:
                _log.warning("%s: %s", type(error).__name__, error)
                await asyncio.sleep(LOOK)
            await asyncio.sleep(every)

    # ------------------------------------------------------------------ heartbeats

    async def _send(self) -> None:
        """Send heartbeats while the record can be read.

        A node that cannot read it must not look alive. One interval lies between two heartbeats,
        however long it takes to send one (A-SEND).
        """
        writer, clock = None, asyncio.get_running_loop()
        due = clock.time()
        while True:
            p = self.keeper.parameters or self.group.parameters
            record, read = self.serving.seen or (None, 0.0)
            if record is not None and boot_clock() - read < p.keep_alive_timeout:
                beat = {"node": self.node, "changes": record.changes[self.node],
                        "columns": {c: record.own[self.node][c] for c in self._tells}}
                try:
                    if writer is None or writer.is_closing():
                        async with asyncio.timeout(p.keep_alive_interval):
                            _, writer = await asyncio.open_connection(
                                *(self.member.peer or self.peer.service))
                        _impatient(writer, p.keep_alive_timeout)
                    writer.write(json.dumps(beat).encode() + b"\n")
                    async with asyncio.timeout(p.keep_alive_interval):
                        await writer.drain()
                except (OSError, TimeoutError):
                    if writer is not None:
                        writer.transport.abort()
                    writer = None
            due = max(due + p.keep_alive_interval, clock.time())
            await asyncio.sleep(due - clock.time())

    async def _hears(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take heartbeats of the peer; anything else ends its connection."""
        self._callers.add(writer)
        try:
            while line := await reader.readline():
                beat = parse_json(line.decode(), "a heartbeat")
                if beat["node"] != self.peer.seat:
                    break
                columns, changes = beat["columns"], beat["changes"]
                if not all(v in self._domains[c] for c, v in columns.items()):
                    break
                self.keeper.arrived(self.node, Heard(columns, int(changes)))
                self._beats.set()
        except asyncio.CancelledError:
            pass
        except (OSError, BadInput, ValueError, KeyError, TypeError, AttributeError,
                OverflowError):
            _log.warning("something other than a heartbeat came in at the service port")
        finally:
            self._callers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Drop the unread lines of a host that is known to be dead."""
        for writer in self._callers:
            writer.transport.abort()

    async def _take_beats(self) -> None:
        """Give the newest heartbeat to the machine, whenever some have arrived."""
        while True:
            await self._beats.wait()
            self._beats.clear()
            try:
                await self.driver.see()
            except PrgError as error:
                _log.warning("%s: %s", type(error).__name__, error)

    # --------------------------------------------------------------- services, users

    async def _keep_services(self) -> None:
        """Start the services, unless the manager has stopped them, and then watch them."""
        record, _ = await asyncio.to_thread(self.keeper.read)
        if record.own[self.node][f"{self.node}.services"] != "stopped":
            with suppress(ActionFailed):
                await asyncio.to_thread(self.services.start)
        await self._repeat(self._watch, LOOK)

    async def _watch(self) -> None:
        """Report to the machine when services fail or are back."""
        record, _ = await asyncio.to_thread(self.keeper.read)
        if any(o.do.endswith("critical_services") for o in record.orders_of(self.node)):
            return  # they are being started or stopped
        is_up = {"services": self.services.up, "database": self.services.database_up}
        for name, up in is_up.items():
            now = record.own[self.node][f"{self.node}.{name}"]
            if (now == "down") == up() and now != "stopped":
                await self.driver.see(
                    Observation(f"{name}_{'up' if now == 'down' else 'down'}({self.node})"))
                return

    async def _serve(self) -> None:
        """Serve by a new reading, several times per lease and whenever the record has changed."""
        self.driver.changed.clear()
        await asyncio.to_thread(self.serving.once)
        if self.serving.ousted:
            self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.group.lease.lasts / 4):
                await self.driver.changed.wait()

    # ------------------------------------------------------------------- its orders

    def carry_out(self, order: Order) -> None:
        """Carry out an order; called in a thread.

        Raises:
            ActionFailed: it cannot be done.
        """
        match order.do:
            case "start_critical_services":
                self.services.start()
            case "stop_critical_services":
                self.services.stop()
            case "disconnect_users":
                self._disconnect()
            case "move_users":
                self._wait_until_free(order)
            case "acquire_grant":
                self._acquire(order)
            case "release_grant":
                with suppress(StaleEpoch):
                    self.arbiter.release(self.node, order.epoch)
            case "restart_recovery_manager":
                self.keeper.restart(self.node)

    def _disconnect(self) -> None:
        """Wait until the services report that they stopped, or until their lease is over."""
        lease = self.group.lease
        end = time.monotonic() + lease.lasts + lease.pause + lease.stopping
        while not self.serving.once() and time.monotonic() < end:
            time.sleep(LOOK)

    def _wait_until_free(self, order: Order) -> None:
        """Wait until no other node can be serving the users to be moved, or the order is gone."""
        while True:
            self.serving.once()
            record, _ = self.keeper.read()
            mine = {h: c for h, c in record.claims.items()
                    if self.group.engine.habits.assigned(record.columns, h) in (self.node, "")}
            if order not in record.orders or all(c.node in (self.node, "") for c in mine.values()):
                return
            time.sleep(LOOK)

    def _acquire(self, order: Order) -> None:
        """Obtain the grant; wait as long as another node can have it without keeping it."""
        end = time.monotonic() + 2 * self.group.grant + SLACK
        while not self.arbiter.acquire(self.node, order.epoch):
            if time.monotonic() > end:
                raise ActionFailed(f"the grant is held by {self.arbiter.holder()}")
            time.sleep(LOOK)


class _Orders:
    """The agent as a performer."""

    def __init__(self, agent: Agent) -> None:
        self.perform = agent.carry_out


def _alone(member: Member) -> IO[str]:
    """The locked file that keeps other agents out of the directory of a node while it is open.

    Raises:
        BadInput: another agent has it.
    """
    file = (member.directory / "agent.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise BadInput(f"an agent of {member.name} already runs in {member.directory}") from None
    return file


def _impatient(writer: asyncio.StreamWriter, timeout: float) -> None:
    """Let a connection end that carries nothing for so long, so that a new one is tried."""
    end = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout * 1000))
