"""An agent: one node of a pair, with its heartbeats, its services and its administrator.

Law: no rule lives here. The agent hears and tells; its `Keeper` decides, by the record, its own
columns, and what heartbeats told. It lets its services serve only whom the newest reading of the
record gives to its node, and only for as long as the lease lasts (T10).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any

from prgcore.adapters.asynchronous import AsyncDriver
from prgcore.adapters.driver import Heard, Keeper
from prgcore.adapters.group import Address, Group, Member
from prgcore.adapters.log import LogFile
from prgcore.adapters.ports import Observation, heard, host_lost
from prgcore.adapters.processes import Services
from prgcore.counting import serves_from
from prgcore.errors import ActionFailed, BadInput, PrgError, StaleEpoch, Unavailable
from prgcore.node import own, told
from prgcore.record import Claim, Entry, Order, Record, assigned, let_go, served, taken
from prgcore.seats import seat
from prgcore.tables.states import HOLDERS
from prgcore.vocabulary import Kind

__all__ = ["Agent", "ask"]

LOOK = 0.05
"""Seconds between two looks at the services."""
ANSWER = 1.0
"""Seconds that the peer has to answer a question."""
THREADS = 32
"""What waits for the store, the services and the orders, each in its own."""
LINE = 1 << 20
"""Bytes of the longest line that is read from the network."""

_log = logging.getLogger("prgcore")


async def ask(address: Address, question: Mapping[str, Any], within: float = 5.0) -> dict[str, Any]:
    """The answer of an agent to one question, both JSON.

    Raises:
        Unavailable: nobody answers there, or not in time.
    """
    where = f"{address[0]}:{address[1]}"
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(*address, limit=LINE)
            try:
                writer.write(json.dumps(question).encode() + b"\n")
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except TimeoutError:
        raise Unavailable(f"the agent at {where} does not answer within {within:g} s") from None
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "no JSON comes back"
        raise Unavailable(f"no agent answers at {where}: {why}") from None
    if not isinstance(answer, dict):
        raise Unavailable(f"no agent answers at {where}: no object comes back")
    return answer


class Agent:
    """One node. `await Agent(group, "node1").run()` returns when it is stopped."""

    def __init__(self, group: Group, name: str) -> None:
        self.group, self.member = group, group.member(name)
        self.node: str = self.member.seat
        self.peer: Member = group.nodes[seat("peer", self.node)]
        self.services = Services(self.member)
        self.store, self.arbiter = group.open_store()
        self.log = LogFile(self.member.directory / "log.jsonl")
        self.keeper = Keeper(group.engine, self.store, self.node, parameters=group.parameters,
                             log=self._note)
        self.driver = AsyncDriver(self.keeper, _Orders(self), self._ready)
        self._tells = told(group.engine, self.node)
        self._domains = {c.name: c.domain for c in group.engine.model.columns
                         if c.name in told(group.engine, self.peer.seat)}
        self._seen: tuple[Record, float] | None = None
        self._freed: dict[tuple[str, Claim], float] = {}
        self._serving = Lock()
        self._stopped = asyncio.Event()
        self._beat: Heard | None = None
        self._beats = asyncio.Event()
        self._callers: set[asyncio.StreamWriter] = set()

    def _note(self, entry: Entry) -> None:
        """A line of this node's own log; where it cannot be written, the store has it still."""
        try:
            self.log.append(entry)
        except Unavailable as error:
            _log.warning("%s", error)

    # ------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Listen, start, keep watch, until somebody stops it.

        Raises:
            BadInput: an address is taken: perhaps this node runs already.
            Unavailable: the store does not answer.
        """
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        servers = [await self._listen(self.member.service, self._hears),
                   await self._listen(self.member.admin, self._answers)]
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
        finally:
            for server in servers:
                server.close()

    def stop(self) -> None:
        """Stop it, when it comes to that: it tells the machine that its manager stops."""
        self._stopped.set()

    async def _listen(self, address: Address, talk: Callable[..., Awaitable[None]]) -> asyncio.Server:
        try:
            return await asyncio.start_server(talk, *address, limit=LINE)
        except OSError as error:
            raise BadInput(f"{self.member.name} cannot listen at {address[0]}:{address[1]}: "
                           f"{error.strerror}; does it run already?") from None

    async def _start(self) -> None:
        """The recovery manager starts, after whatever happened."""
        manager = {f"{self.node}.process": "manager_down", f"{self.node}.hears_peer": "no"}
        await self.driver.tell(f"manager_start({self.node})", also=manager)

    async def _stop(self) -> None:
        await asyncio.to_thread(
            self.services.serve, {}, time.monotonic() + self.group.lease.lasts)
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
        """Heartbeats, for as long as the record can be read: who cannot must not be believed in."""
        p, writer = self.group.parameters, None
        while True:
            if self._seen is not None and time.monotonic() - self._seen[1] < p.keep_alive_timeout:
                record = self._seen[0]
                beat = {"node": self.node, "changes": record.changes[self.node],
                        "columns": {c: record.own[self.node][c] for c in self._tells}}
                try:
                    if writer is None or writer.is_closing():
                        async with asyncio.timeout(p.keep_alive_interval):
                            _, writer = await asyncio.open_connection(
                                *(self.member.peer or self.peer.service))
                    writer.write(json.dumps(beat).encode() + b"\n")
                    async with asyncio.timeout(p.keep_alive_interval):
                        await writer.drain()
                except (OSError, TimeoutError):
                    if writer is not None:
                        writer.transport.abort()
                    writer = None
            await asyncio.sleep(p.keep_alive_interval)

    async def _hears(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Heartbeats of the peer; anything else is dropped with its connection."""
        self._callers.add(writer)
        try:
            while line := await reader.readline():
                beat = json.loads(line)
                if beat["node"] != self.peer.seat:
                    break
                columns, changes = beat["columns"], beat["changes"]
                if not all(v in self._domains[c] for c, v in columns.items()):
                    break
                self._beat = Heard(columns, int(changes))
                self._beats.set()
        except asyncio.CancelledError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
                OverflowError):
            _log.warning("what comes in at the service port is no heartbeat")
        finally:
            self._callers.discard(writer)
            writer.close()

    def _hang_up(self) -> None:
        """Drop what a host that is known to be dead has sent, and has not been read yet."""
        for writer in self._callers:
            writer.transport.abort()
        self._beats.clear()

    async def _take_beats(self) -> None:
        """The newest heartbeat goes to the machine, one at a time."""
        while True:
            await self._beats.wait()
            self._beats.clear()
            try:
                await self.driver.see(heard(self.node), self._beat)
            except PrgError as error:
                _log.warning("%s: %s", type(error).__name__, error)

    # --------------------------------------------------------------- services, users

    async def _keep_services(self) -> None:
        """Start the services that the manager does not hold, then watch them."""
        record, _ = await asyncio.to_thread(self.keeper.read)
        if record.own[self.node][f"{self.node}.services"] != "stopped":
            with suppress(ActionFailed):
                await asyncio.to_thread(self.services.start)
        await self._repeat(self._watch, LOOK)

    async def _watch(self) -> None:
        """Tell the machine what became of the services."""
        record, _ = await asyncio.to_thread(self.keeper.read)
        if any(o.do.endswith("critical_services") for o in record.orders_of(self.node)):
            return  # on their way up or down
        is_up = {"services": self.services.up, "database": self.services.database_up}
        for name, up in is_up.items():
            now = record.own[self.node][f"{self.node}.{name}"]
            if (now == "down") == up() and now != "stopped":
                await self.driver.see(
                    Observation(f"{name}_{'up' if now == 'down' else 'down'}({self.node})"))
                return

    async def _serve(self) -> None:
        """Serve whom the newest reading gives to this node, and for as long as the lease lasts.

        What is given up is given up in the record when the services have said so; what another
        node had is taken when it said so, or the wait is over.
        """
        self.driver.changed.clear()
        await asyncio.to_thread(self._serve_once)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.group.lease.lasts / 4):
                await self.driver.changed.wait()

    def _serve_once(self) -> bool:
        """One reading after another, never two at once; whether the services have heard it."""
        with self._serving:
            return self._serve_newest()

    def _serve_newest(self) -> bool:
        begun = time.monotonic()
        record, _ = self.keeper.read()
        self._seen = record, begun
        groups = served(record, self.node) if self._granted(record) else {}
        heeded = (self.services.serve(groups, begun + self.group.lease.lasts)
                  or self.services.pid(self.member.serving) is None)
        if heeded:
            self.keeper.change(lambda newest: let_go(newest, self.node)
                               if newest.epoch == record.epoch else newest)
        now = time.monotonic()
        self._freed = {
            (home, claim): self._freed.get((home, claim), now)
            for home, claim in record.claims.items() if claim.freed}

        def waited(home: str, claim: Claim) -> bool:
            since = self._freed.get((home, claim))
            return since is not None and now >= serves_from(since, self.group.lease.waits)

        if self.keeper.change(lambda newest: taken(newest, self.node, waited)).claims != record.claims:
            return self._serve_newest()
        return heeded

    def _granted(self, record: Record) -> bool:
        """Whether a node that serves by the take-over grant has it still, or again."""
        if record.columns[f"{self.node}.state"] not in HOLDERS:
            return True
        try:
            return self.arbiter.keep(self.node) or self.arbiter.acquire(self.node, record.epoch)
        except StaleEpoch:
            return False

    # ------------------------------------------------------------------- its orders

    def _ready(self, record: Record, order: Order) -> bool:
        """An order waits for those before it, of a peer that is heard."""
        heard = record.own[self.node][f"{self.node}.hears_peer"] == "yes"
        return not heard or not any(
            o.node == self.peer.seat and (o.epoch, o.number) < (order.epoch, order.number)
            for o in record.orders)

    def carry_out(self, order: Order) -> None:
        """Do what an action asks for; called in a thread.

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
        """Until the services have said that they stopped, or the lease is over by which they serve."""
        lease = self.group.lease
        end = time.monotonic() + lease.lasts + lease.pause + lease.stopping
        while not self._serve_once() and time.monotonic() < end:
            time.sleep(LOOK)

    def _wait_until_free(self, order: Order) -> None:
        """Until nobody else serves whom this node is to get, or the move has been overtaken."""
        while True:
            self._serve_once()
            record, _ = self.keeper.read()
            mine = {h: c for h, c in record.claims.items()
                    if assigned(record.columns, h) in (self.node, "")}
            if order not in record.orders or all(c.node in (self.node, "") for c in mine.values()):
                return
            time.sleep(LOOK)

    def _acquire(self, order: Order) -> None:
        """The grant; another holder has as long to give it back as it lasts without being kept."""
        end = time.monotonic() + 2 * self.group.grant
        while not self.arbiter.acquire(self.node, order.epoch):
            if time.monotonic() > end:
                raise ActionFailed(f"the grant is held by {self.arbiter.holder()}")
            time.sleep(LOOK)

    # --------------------------------------------------------------- its administrator

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question a line, one answer a line; a browser gets a page."""
        try:
            while line := await reader.readline():
                if line.startswith(b"GET "):
                    writer.write(await self._page())
                    break
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            if not isinstance(question, dict):
                raise BadInput("a question is a JSON object")
            return await self._do(question)
        except PrgError as error:
            return {"error": error.code, "message": str(error)}
        except (ValueError, RecursionError):
            return {"error": "bad_input", "message": "a question is a JSON object, one a line"}

    async def _do(self, question: Mapping[str, Any]) -> dict[str, Any]:
        match question.get("do"):
            case "own":
                record, _ = await asyncio.to_thread(self.keeper.read)
                return {"changes": record.changes[self.node], "columns": record.own[self.node]}
            case "status":
                return await self._status()
            case "tell":
                return await self._command(str(question.get("event")))
            case "start_services":
                await asyncio.to_thread(self.services.start)
                return {}
            case "host_lost":
                self._hang_up()
                entries = await self.driver.see(host_lost(self.node))
                return {"entries": [e.to_json() for e in entries]}
            case "stop":
                self.stop()
                return {}
            case other:
                raise BadInput(f"no question is called {other!r:.60}; known: host_lost, own, "
                               "start_services, status, stop, tell")

    async def _command(self, event: str) -> dict[str, Any]:
        """A command of the administrator, who asks both managers."""
        if self.group.engine.kind(event) is not Kind.COMMAND:
            raise BadInput(f"{event} is no command: what happens is seen, not told")
        for _ in range(20):
            also, changes = await self._peers()
            entry = None
            with suppress(_Moved):
                entry = await self.driver.tell(event, also=also, fits=_fits(self.peer.seat, changes))
            if entry is not None:
                return {"entry": entry.to_json()}
            await asyncio.sleep(LOOK)
        raise Unavailable(f"{event}: {self.peer.name} changes faster than it can be asked")

    async def _peers(self) -> tuple[dict[str, str], int]:
        """The peer's own columns, asked of it; nothing where it does not answer."""
        with suppress(Unavailable):
            answer = await ask(self.peer.admin, {"do": "own"}, ANSWER)
            if isinstance(answer.get("columns"), dict) and isinstance(answer.get("changes"), int):
                names = own(self.group.engine, self.peer.seat)
                return {c: str(v) for c, v in answer["columns"].items() if c in names}, \
                    answer["changes"]
        return {}, -1

    async def _status(self) -> dict[str, Any]:
        record, _ = await asyncio.to_thread(self.keeper.read)
        also, changes = await self._peers()
        known = {**self.keeper.known(record), **also}
        return {"group": self.group.name, "nodes": [m.name for m in self.group.nodes.values()],
                "node": self.node, "epoch": record.epoch, "peer_answers": changes >= 0,
                "known": known, "serving": served(record, self.node),
                "claims": {h: c.node for h, c in record.claims.items()},
                "orders": [f"{o.do}({o.node})" for o in record.orders]}

    async def _page(self) -> bytes:
        from prgcore.adapters.page import page

        return page(self.group, await self._status())


class _Moved(PrgError):
    """The peer has changed since it was asked."""


def _fits(peer: str, changes: int) -> Callable[[Record], bool]:
    def fits(record: Record) -> bool:
        if changes >= 0 and record.changes[peer] != changes:
            raise _Moved
        return True

    return fits


class _Orders:
    """The agent as a performer."""

    def __init__(self, agent: Agent) -> None:
        self.perform = agent.carry_out
