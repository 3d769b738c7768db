"""An agent: one node of a pair, with its heartbeats, its services and its administrator.

Law: no rule lives here, and no decision: `prgcore.running.turn` decides, and a pump
(`prgcore.running.pump`) does what a turn asks for. The agent owns the sockets, the directory and
the clock, which is the boot clock. It ends on request, or when its own terms are
impossible: the group file is wrong, an address is taken, another agent has its directory. It lives
on through every trouble of the store, and shows it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from uuid import uuid4

from prgcore.errors import ActionFailed, BadInput, StaleEpoch, Unavailable
from prgcore.form.wishes import PRIMARY, STOPPED, UP, wished
from prgcore.running.acting import Acting, hands_of
from prgcore.running.administrator import Administrator
from prgcore.running.asking import ask
from prgcore.running.callers import Callers
from prgcore.running.charter import Charter
from prgcore.running.deciding import known_of
from prgcore.running.desired import Desired
from prgcore.running.directory import Directory
from prgcore.running.door import Door
from prgcore.running.group import Group, doubts, terms
from prgcore.running.guarding import Second
from prgcore.running.heartbeat import reader
from prgcore.running.keeper import Keeper
from prgcore.running.lane import ENDING
from prgcore.running.member import Member
from prgcore.running.node import layout
from prgcore.running.notifying import Notifying
from prgcore.running.ports import listens
from prgcore.running.processes import Services
from prgcore.running.pump import Pump, Ways
from prgcore.running.refreshing import Refreshing
from prgcore.running.shapes import Heard, Seen, Serve, Turn
from prgcore.running.state import RUNS
from prgcore.running.systemd import SIGNS, Manager
from prgcore.running.talking import Ear, Mouth
from prgcore.running.tending import Tending
from prgcore.running.tidying import Tidying
from prgcore.running.trust import Trust
from prgcore.running.watching import Watching
from prgcore.running.web import Web
from prgcore.seats import seat
from prgcore.stores.ports import boot_clock
from prgcore.stores.record import Order, Record, record_of
from prgcore.timers.parameters import Settings
from prgcore.wire.entry import Entry

__all__ = ["Agent", "ask"]

ASKED = 10.0
"""How many seconds a question waits for the store."""

GIVES_WAY = 0.05
"""How many seconds pass until a start that is under way is asked once more to end."""

_log = logging.getLogger("prgcore")


class BootClock:
    """The clock of an agent: it runs on while the computer sleeps."""

    now = staticmethod(boot_clock)
    wall = staticmethod(time.time)


class Agent:
    """One node of a group. `await Agent(group, "node1").run()` returns when it is stopped.

    Args:
        group: the group.
        name: the node, by its seat or its name.
        new: whether to begin a record if the store is empty, or to accept one that it does not know.
        adopt: whether to propose the terms of this file to the other agent.
        manager: the service manager that started this process; None: there is none.

    Attributes:
        trouble: why it serves nobody or decides nothing; empty: it does.
        record: the newest record that it has read; None: none yet.

    Raises:
        BadInput: it already runs in this directory, or the group file is wrong.
        MissingExtra: a package that the store needs is not installed.
    """

    def __init__(
        self, group: Group, name: str, *, new: bool = False, adopt: bool = False,
        manager: Manager | None = None,
    ) -> None:
        self.manager = Manager({}) if manager is None else manager
        self.group, self.member = group, group.member(name)
        self.node: str = self.member.seat
        self.peer: Member = group.nodes[seat("peer", self.node)]
        self.services = Services(
            self.member, {name: group.patience(name) for name in self.member.services},
            {name: group.within(name) for name in self.member.services}, group.lease.lasts)
        self.trust = Trust.of(group, self.node)
        self.store, self.arbiter = group.open_store()  # nothing is asked of it yet
        self.directory = Directory(self.member, group.limits)
        try:
            self._take_up(new=new, adopt=adopt)
        except BaseException:
            self.directory.release()
            raise

    def _take_up(self, *, new: bool, adopt: bool) -> None:
        """Take up what the directory keeps; nothing is read from the store yet."""
        group = self.group
        charter = Charter(
            group.engine, self.node, terms(group), group.lease, group.grant,
            seat=self.directory.identity, run=uuid4().hex, new=new, adopt=adopt,
            hands=hands_of(group.engine, self.member.hooks))
        self.keeper = Keeper.of(
            charter, self.store, parameters=group.parameters, clock=BootClock(),
            log=self._notes, memory=self.directory.memory)
        self._deed = group.engine.habits.deed
        self.acting = Acting(group, self.member, self.store, self._overtaken, self._permitted)
        self.notifying = Notifying(self.acting, self.store)
        self.callers = Callers()
        self.pump = Pump(self.keeper.turned, self.store, self.keeper.clock, Ways(
            recognises=partial(record_of, layout=layout(group.engine, agents=True)),
            carry_out=self._carry_out, serves=self._serves, holds=self._holds, sends=self._sends,
            shows=self._shows, broke=self.callers.broke))
        self.administrator, self.web = Administrator(self), Web(self)
        self.watching = Watching(self.services, self.pump.looked)
        self._second = Second(self.member, self.services.answers) if self.member.guard else None
        if self.member.guard:
            self.services.may = self._may_restart
        self.tending = Tending(self.member.name, group.reconcile, boot_clock, self._reconcile,
                               self._becomes)
        self.ear = Ear(reader(group.engine, self.peer.seat), partial(self.pump.arrived, self.node),
                       partial(self.trust.hears, self.peer.seat, self.node), self._fresh,
                       knows=partial(self.trust.is_node, node=self.peer.seat))
        self.mouth = Mouth(self.node, self.member.peer or self.peer.service,
                           group.parameters.keep_alive_timeout,
                           partial(self.trust.says, self.node, self.peer.seat),
                           self.trust.dials(self.peer.seat))
        self.tidying = Tidying(self.member.directory, group.limits)
        self.record: Record | None = None
        self.trouble = "the record was not read yet"
        self._begins: asyncio.Task[None] | None = None
        self.refreshing = Refreshing(self)
        self.doors: list[Door] = []
        self._adopts, self._proposed = adopt, False
        for says in doubts(group):
            _log.warning("%s", says)

    # ------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Listen, and be the agent of the node until `stop`.

        Raises:
            BadInput: an address is taken, or another agent of this node has started elsewhere.
        """
        self._loop = asyncio.get_running_loop()
        try:
            self.doors = await listens(self)
            self.tidying.look()
            if self._second is not None:
                self._second.begin()
            try:
                if self.manager.patience:
                    self._turns_soon()
                await self.pump.run()
            finally:
                for door in self.doors:
                    door.close()
        finally:
            self.callers.broke(Unavailable("the agent has stopped"))
            if self._begins is not None:
                self._begins.cancel()
            self.tidying.end()
            self.watching.end()
            if self._second is not None:
                self._second.end()
            self.tending.end()
            self.mouth.shut()
            await asyncio.to_thread(self.notifying.end, ENDING)
            await self.directory.close()
            if not self.pump.busy:
                self.store.close()
                self.arbiter.close()
        if self._ousted():
            raise BadInput(self.trouble)

    def stop(self) -> None:
        """Ask the agent to stop; it then reports to the machine that its manager stops.

        If the store does not answer, it ends when its last lease is over.
        """
        self.acting.ends = True
        self.manager.says("STOPPING=1")
        self.pump.stop()
        lease = self.group.lease
        self._loop.call_later(lease.lasts + lease.pause + lease.stopping + ENDING, self._gives_up)

    def _gives_up(self) -> None:
        _log.warning("%s ends, and the record does not say so: %s", self.member.name,
                     self.trouble or "the store does not answer")
        self.pump.end()

    def reload(self) -> None:
        """Read the group file again, and take what can change without a restart; the log says it."""
        self.refreshing.begin()

    def _turns_soon(self) -> None:
        """Let there be a turn soon, again and again: only turns feed the watchdog."""
        self.pump.post()
        self._loop.call_later(self.manager.patience / SIGNS, self._turns_soon)

    def _ousted(self) -> bool:
        return not self.pump.stops and bool(self.trouble)

    # ------------------------------------------------------------------- its turns

    def _shows(self, seen: Seen, turn: Turn) -> None:
        """Keep what a turn says."""
        self.trouble = turn.trouble
        self.manager.lives(time.monotonic())
        state = self.keeper.state
        if state.record is not None:
            self.record = state.record
            self.notifying.shows(self.record)
            if self._begins is None and turn.desired is not None:
                self._begins = self._loop.create_task(self._begin(turn.desired))
            if self._adopts and state.phase == RUNS:
                self._tells_terms(self.record)
        if self.manager:
            self.manager.status(self.trouble or self._status())
        if turn.remember is not None:
            self.directory.remember(turn.remember)
        begun = self._begins is not None and self._begins.done()
        if seen.did is not None and begun:  # else what is not started yet would be down
            self.watching.look()
        self.acting.knows(turn.entries)
        self.web.sees(seen)
        if begun:
            self.tending.turned(turn, state.services)
        self.callers.shows(seen, turn)

    def _notes(self, entry: Entry) -> None:
        """Keep a line of the log, and count it."""
        self.directory.note(entry)
        self.web.tally.add(entry)

    def _status(self) -> str:
        """The state of this node and whom it serves, in a line."""
        columns = {} if self.record is None else self.record.columns
        serve = self.keeper.state.serving.sent
        users = ", ".join(serve.groups) if serve is not None else ""
        return f"{columns.get(f'{self.node}.state', 'it begins')}; serves {users or 'nobody'}"

    def _tells_terms(self, record: Record) -> None:
        """Log that the terms of --adopt are proposed, and what to do next; and that they hold."""
        mine = self.keeper.charter.terms
        if record.proposed == mine and not self._proposed:
            self._proposed = True
            _log.warning("the terms of %s are proposed; stop %s, and start it with the same file",
                         self.group.file.name, self.peer.name)
        elif not record.proposed and record.terms == mine:
            self._adopts = False
            _log.warning("the terms of %s are in force", self.group.file.name)

    async def _begin(self, desired: Desired) -> None:
        """Start the services if they are to run, and watch them from then on."""
        if desired.services == UP:
            try:
                await asyncio.to_thread(self._starts)
            except ActionFailed as error:
                _log.warning("%s", error)
        self.watching.look()
        self.pump.post()

    async def start_services(self) -> None:
        """Start the services that do not run.

        Raises:
            ActionFailed: one does not start.
        """
        try:
            await asyncio.to_thread(self.services.start)
        finally:
            self.watching.look()

    def _starts(self) -> None:
        """Start the services, unless the record wishes meanwhile that they are stopped."""
        with self.tending.orders:
            known = self.keeper.state.desired
            if known is None or known[1].services != STOPPED:
                self.services.start()

    async def tell(
        self, event: str, also: Mapping[str, str], changes: Mapping[str, int]
    ) -> Entry:
        """Decide a command; raises as `Keeper.tell`.

        Args:
            also: the columns that the peer answered.
            changes: for the peer, how often they had changed.
        """
        try:
            async with asyncio.timeout(ASKED):
                return await self.callers.tell(self.pump, event, also, changes, ASKED)
        except TimeoutError:
            raise Unavailable(f"{event}: the outcome is not known: {self._hangs()}") from None

    async def host_lost(self) -> list[Entry]:
        """Decide that the host of the peer is known to be down; return what was decided."""
        self.ear.hang_up()
        self.pump.host_lost(self.node)
        try:
            async with asyncio.timeout(ASKED):
                return await self.callers.see(self.pump)
        except TimeoutError:
            raise Unavailable(self._hangs()) from None

    def _hangs(self) -> str:
        ago = boot_clock() - self.keeper.state.ended
        return f"the store has not answered for {ago:.1f} s"

    def known(self) -> dict[str, str]:
        """The columns that it knows, by its newest reading; empty before the first."""
        if self.record is None:
            return {}
        return known_of(self.keeper.charter, self.record, self.keeper.state.heard)

    async def read(self, within: float) -> str:
        """Read the record once more; return why that was not possible, or an empty text."""
        try:
            async with asyncio.timeout(within):
                return await self.pump.read()
        except TimeoutError:
            return self._hangs()

    # ------------------------------------------------------------------- its ways

    def _sends(self, heard: Heard) -> None:
        self.mouth.say(heard, self._effective.keep_alive_interval)
        if self.trust.certificates is not None:
            try:
                self.trust.certificates.refresh()
            except BadInput as error:
                _log.warning("%s; the earlier certificate counts on", error)

    @property
    def _effective(self) -> Settings:
        return self.keeper.state.effective or self.group.parameters

    def _fresh(self) -> float:
        """For how many seconds after a challenge a heartbeat counts that was made under it."""
        effective = self._effective
        return float(effective.keep_alive_timeout + effective.keep_alive_interval)

    def _serves(self, serve: Serve) -> bool:
        if self._second is not None:
            self._second.permit(serve.groups, serve.until, promotes=serve.promotes)
        return self.services.serve(serve.groups, serve.until, promotes=serve.promotes)

    def _holds(self, epoch: int) -> bool:
        with suppress(StaleEpoch):
            return self.arbiter.keep(self.node) or self.arbiter.acquire(self.node, epoch)
        return False

    def _carry_out(self, order: Order) -> None:
        """Carry out an order; called in a thread.

        Raises:
            ActionFailed: it cannot be done.
            Unavailable: not now.
            StaleEpoch: a newer decision has overtaken it.
        """
        record, deed = self._read(), self._deed(order.do, order.node)
        match deed:
            case "start":
                with self.tending.orders:
                    self._changes(self.services.start)
            case "stop":
                self._stops()
            case "acquire":
                if not self.arbiter.acquire(self.node, order.epoch):
                    raise Unavailable(f"the grant is held by {self.arbiter.holder() or 'nobody'}")
                if self.acting.takes_over(record, order):
                    self.acting.fence(record, order)
            case "release":
                self.arbiter.release(self.node, order.epoch)
            case "promote" | "move":
                self.acting.promote(record, order)
            case "demote" | "disconnect":
                self.acting.demote(record, order)
            case "fence":
                self.acting.fence(record, order)

    def _stops(self) -> None:
        """Stop the services, after whatever starts them has given way: it must not start them later."""
        self.services.halt()
        while not self.tending.orders.acquire(timeout=GIVES_WAY):
            self.services.halt()
        try:
            self._changes(self.services.stop)
        finally:
            self.tending.orders.release()

    def _read(self) -> Record:
        """The record by which the newest turn has decided."""
        record = self.keeper.state.record
        assert record is not None, "BUG: an order without a record"
        return record

    def _overtaken(self, order: Order) -> bool:
        """Whether a newer decision has dropped an order, or it is acknowledged."""
        record = self.keeper.state.record
        return record is not None and record.epoch >= order.epoch and order not in record.orders

    def _permitted(self) -> bool:
        """Whether the newest permission for somebody lasts still."""
        return self.keeper.state.serving.lasts(boot_clock())

    def _may_restart(self) -> bool:
        """Whether services that failed may be started again now.

        A primary without a permission was fenced by its guard. It could come back as the primary.
        """
        record = self.keeper.state.record
        if record is None:
            return True
        role = wished(self.group.engine.habits, record.seen_by(self.node), self.node).role
        return role != PRIMARY or self._permitted()

    def _reconcile(self, state: str) -> tuple[str, ...]:
        """Bring the services to a state; what was done. Raises as `Services.reconcile`."""
        did: tuple[str, ...] = ()
        try:
            did = self.services.reconcile(state)
        finally:
            if did:
                self._loop.call_soon_threadsafe(self.watching.look)
        return did

    def _becomes(self, role: str) -> bool:
        """Bring the resource into a role, if its probe says another one; whether it did something."""
        return self.acting.hooks.role is not None and self.acting.become(
            role, self.acting.now(self._read()))

    def _changes(self, change: Callable[[], None]) -> None:
        """Start or stop services; whether they run is seen before the order is done."""
        try:
            change()
        finally:
            with suppress(ActionFailed):
                found = self.services.look()
                self._loop.call_soon_threadsafe(self.pump.looked, found.facts)
