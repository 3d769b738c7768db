"""A pump: it calls `turn` beside an event loop, makes the calls that a turn asks for, and reports.

Law: no rule lives here, and no decision. One event loop owns the state. Each lane has a thread of
its own and makes at most one blocking call at a time, so a call that never ends holds up its own
lane alone. A lane whose call failed rests for a moment. Nothing is carried out beside a write:
whatever is decided is kept before it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from attrs import define, evolve, field, frozen

from prgcore.errors import ActionFailed, BadInput, Conflict, PrgError, StaleEpoch
from prgcore.running.lane import ENDING, REST, Lane
from prgcore.running.shapes import (
    Arrival,
    Ask,
    Did,
    Granted,
    Heard,
    Obeyed,
    Reading,
    Seen,
    Serve,
    Turn,
    Write,
    Wrote,
)
from prgcore.stores.keeping import settle
from prgcore.stores.ports import Clock, Store
from prgcore.stores.record import Order, Record

__all__ = ["Pump", "Ways"]

LOOK = 0.5
"""How many seconds one call watches the store for a change."""
LATER = 0.1
"""How many seconds pass until an order is tried again that could not be carried out yet."""
SOON = 0.001
"""How many seconds pass at least until a turn that only time asks for."""

_log = logging.getLogger("prgcore")


def _nothing(*_: object) -> None:
    """Do nothing."""


@frozen
class Ways:
    """The ways of a pump into the world. The first four are called in threads.

    Attributes:
        recognises: makes a record of a value of the store; raises Unavailable.
        carry_out: carries out an order; raises as `Performer.perform`.
        serves: gives the services their permission; whether they obey.
        holds: keeps or obtains the take-over grant; whether this node has it. Raises Unavailable.
        sends: sends a heartbeat; it must not wait.
        shows: gets what was seen, and the turn of it, once its calls have begun.
        broke: gets an exception that a turn raised; what that turn saw is lost.
    """

    recognises: Callable[[Any], Record] = Record.from_json
    carry_out: Callable[[Order], None] | None = None
    serves: Callable[[Serve], bool] | None = None
    holds: Callable[[int], bool] | None = None
    sends: Callable[[Heard], None] = _nothing
    shows: Callable[[Seen, Turn], None] = _nothing
    broke: Callable[[Exception], None] = _nothing


@define
class _Inbox:
    """All that has come since the last turn."""

    reading: Reading | None = None
    unread: str = ""
    wrote: Wrote | None = None
    arrivals: list[Arrival] = field(factory=list)
    host_lost: str = ""
    asks: list[Ask] = field(factory=list)
    did: Did | None = None
    obeyed: Obeyed | None = None
    granted: Granted | None = None
    services: Mapping[str, bool] | None = None

    def seen(self, wall: float, *, stop: bool) -> Seen:
        return Seen(wall, self.reading, self.unread, self.wrote, tuple(self.arrivals),
                    self.host_lost, tuple(self.asks), self.did, self.obeyed, self.granted,
                    self.services, stop)


class Pump:
    """Calls `turn`, and does what it asks for.

        pump = Pump(turned, store, clock, Ways(...))
        await pump.run()

    News from outside go to `arrived`, `ask`, `host_lost`, `looked` and `stop`, in the event loop.
    Each returns at once.

    Args:
        turned: makes the turn of what was seen, and keeps the state.
        store: the store of the record.
        clock: the clock of the turns.
        ways: the ways into the world.

    Attributes:
        version: the newest known version of the value; None: nothing was read yet.
        changed: is set whenever that version changes; a task that waits for it clears it.
    """

    def __init__(
        self, turned: Callable[[Seen], Turn], store: Store, clock: Clock, ways: Ways
    ) -> None:
        self.store, self.clock, self.ways, self._turned = store, clock, ways, turned
        self.version: int | None = None
        self.changed = asyncio.Event()
        self._inbox, self._stop, self._posted = _Inbox(), False, False
        self._runs = self._ended = self._ends = False
        self._lanes = tuple(map(Lane, ("writes", "reads", "watch", "services", "hands", "arbiter")))
        self._writes, self._reads, self._watcher, self._services, self._hands, self._arbiter = \
            self._lanes
        self._readers: list[asyncio.Future[str]] = []
        self._answers: list[tuple[asyncio.Future[str], str]] = []
        self._stale = True
        self._moved: int | None = None
        self._read: tuple[Any, Record] | None = None
        self._quiet: Heard | None = None
        self._serves: Serve | None = None
        self._late: dict[Order, float] = {}
        self._said: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due, self._ahead, self._held = inf, 0.0, False
        self._over: asyncio.Future[None] | None = None

    # ---------------------------------------------------------------- what comes

    def arrived(self, node: str, heard: Heard | None = None) -> None:
        """A heartbeat has arrived at this node now."""
        self._inbox.arrivals.append(Arrival(node, self.clock.now(), heard))
        if heard is None or heard is not self._quiet:
            self.post()

    def host_lost(self, node: str) -> None:
        """The host of the peer of this node is known to be down."""
        self._inbox.host_lost = node
        self.post()

    def ask(self, ask: Ask) -> None:
        """An event must be decided; the answer is in a later turn."""
        self._inbox.asks.append(ask)
        self.post()

    def looked(self, services: Mapping[str, bool]) -> None:
        """The critical services were looked at."""
        self._inbox.services = services
        self.post()

    def stop(self) -> None:
        """The agent is to stop."""
        self._stop = True
        self.post()

    @property
    def stops(self) -> bool:
        """Whether somebody has asked it to stop."""
        return self._stop

    @property
    def busy(self) -> bool:
        """Whether a call is under way that did not end in time."""
        return any(lane.busy for lane in self._lanes)

    async def read(self) -> str:
        """Let the record be read once more; return why it cannot be, or an empty text."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._readers = [*(r for r in self._readers if not r.done()), answer]
        self._stale = True
        self.post()
        return await answer

    def post(self) -> None:
        """Let there be a turn soon; while the pump ends, its last turn sees the news."""
        self._ended = self._ends
        self._soon()

    def _soon(self) -> None:
        if not self._posted and not self._ended:
            self._posted = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _at_once(self) -> None:
        """Turn now: a call has ended, or it is time."""
        if not self._posted and not self._ended:
            self._turn()

    # ---------------------------------------------------------------- the turns

    async def run(self) -> None:
        """Turn whenever something comes, and when it is time, until stopped or cancelled."""
        self._over = asyncio.get_running_loop().create_future()
        self._runs = self._stale = True
        self.post()
        for lane in self._lanes:  # an earlier run may have ended, and its loop, before its calls
            lane.take()
        try:
            await self._over
        finally:
            self._runs = False
            self._sleep()
            await self._end()

    def end(self) -> None:
        """End `run`, whatever is left to do."""
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    async def _end(self) -> None:
        """End the threads, and let the state know what the last calls said."""
        self._ended, self._posted, self._ends = True, False, True
        try:
            if ended := [e for lane in self._lanes if (e := lane.end()) is not None]:
                await asyncio.wait(ended, timeout=ENDING)
                for lane in self._lanes:
                    lane.take()
                    lane.gone()
        finally:
            self._ends = False
        seen = self._take()
        self.ways.shows(seen, self._turned(seen))

    def _take(self) -> Seen:
        self._posted = True
        self._services.take()
        inbox, self._inbox, self._posted = self._inbox, _Inbox(), False
        return inbox.seen(self.clock.wall(), stop=self._stop)

    def _turn(self) -> None:
        if self._ended:
            return
        if self._held:  # what it waited for has come, or something else
            self._held = False
            self._sleep()
        seen = self._take()
        try:
            turn = self._turned(seen)
        except Exception as error:  # noqa: BLE001, nothing ends a pump but its end
            _log.exception("BUG: this exception was not expected; the next turn comes soon")
            self._keep(seen)
            self.ways.broke(error)
            self._stale, self._ahead = True, 0.0
            self._wake(self.clock.now() + REST[1])
            return
        self._quiet = turn.quiet
        newer = self._services.busy and turn.serve not in (None, self._serves)
        self._services.patient = turn.quiet is not None and not newer  # which waits for its lane
        if not self._services.patient and self._services.kept is not None:  # it came meanwhile
            self._soon()
        self._act(turn)
        self._says(turn.trouble)
        self.ways.shows(seen, turn)
        while self._answers:
            answer, why = self._answers.pop()
            if not answer.done():
                answer.set_result(why)
        if turn.stopped:
            self.end()

    def _keep(self, seen: Seen) -> None:
        """Keep what must not be lost with a turn: the outcome of a write, and of an order."""
        if seen.wrote is not None and self._inbox.wrote is None:
            self._inbox.wrote = evolve(seen.wrote, outcome="unknown", version=0)
        if seen.did is not None and self._inbox.did is None:
            self._inbox.did = seen.did

    def _says(self, trouble: str) -> None:
        """Log a new trouble, each once until all is well."""
        if not trouble:
            self._said.clear()
        elif trouble not in self._said:
            self._said.add(trouble)
            _log.warning("%s", trouble)

    def _act(self, turn: Turn) -> None:
        """Begin the calls that a turn asks for, where their lane is free."""
        if turn.send is not None:
            self.ways.sends(turn.send)
        if self._moved is not None and not self._reads.busy and not self._writes.busy:
            self._stale, self._moved = self._stale or self._moved == self.version, None
        now, wake = self.clock.now(), turn.wake
        begins: list[Callable[[], None]] = []
        for lane, rests, begin in self._wants(turn):
            if lane.busy:
                continue
            if now >= max(rests, lane.rests):
                begins.append(begin)
            else:
                wake = min(wake, max(rests, lane.rests))
        self._ahead = turn.ahead if wake == turn.wake else 0.0  # a lane that rested needs no reading
        self._wake(wake)
        for begin in begins:  # at the end, because a thread that begins has to wait for this one
            begin()
        if not self._runs:  # nobody would end their threads later
            for lane in self._lanes:
                lane.rest()

    def _wants(self, turn: Turn) -> list[tuple[Lane, float, Callable[[], None]]]:
        """The calls that a turn asks for: each its lane, how long it must wait, and its begin."""
        wants: list[tuple[Lane, float, Callable[[], None]]] = []
        write, serve, do, hold, ways = turn.write, turn.serve, turn.do, turn.hold, self.ways
        if write is not None:
            wants.append((self._writes, -inf, lambda: self._write(write)))
        elif do is not None and ways.carry_out is not None and self._runs:
            wants.append((self._hands, self._late.get(do, -inf), lambda: self._do(do)))
        if turn.read or (self._stale and write is None):
            wants.append((self._reads, -inf, self._begin_reading))
        if serve is not None and ways.serves is not None:
            wants.append((self._services, -inf, lambda: self._serve(serve)))
        if hold is not None and ways.holds is not None:
            wants.append((self._arbiter, -inf, lambda: self._hold(hold)))
        if self._runs and not self._stale and self._moved is None and self.version is not None:
            wants.append((self._watcher, -inf, self._watch))
        return wants

    def _wake(self, wake: float) -> None:
        """Turn at this moment if nothing comes before. A timer that is too early is set again."""
        if not self._runs or wake == inf:
            return
        loop, self._due = asyncio.get_running_loop(), wake
        when = loop.time() + min(max(wake - self.clock.now(), SOON), 86_400)
        if self._timer is not None and self._timer.when() <= when:
            return
        self._sleep()
        self._timer = loop.call_at(when, self._timed)

    def _sleep(self) -> None:
        """Let no time bring a turn."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timed(self) -> None:
        self._timer, now = None, self.clock.now()
        if now < self._due:
            self._wake(self._due)
        elif self._ahead and not (self._held or self._posted or self._reads.busy) \
                and now >= self._reads.rests:
            self._held = True
            self._wake(now + self._ahead)
            self._begin_reading()
        else:
            self._at_once()

    # ---------------------------------------------------------------- the calls

    def _begin_reading(self) -> None:
        begun, readers, self._readers = self.clock.now(), self._readers, []

        def then(answer: Reading | PrgError) -> None:
            self._reads.went(self.clock.now(), well=isinstance(answer, Reading))
            if isinstance(answer, Reading):
                self._inbox.reading = answer
                self._knows(answer.version)
            else:
                self._inbox.unread = str(answer) or "the store does not answer"
                self._stale = True
            self._answers += [(reader, self._inbox.unread) for reader in readers]
            self._at_once()

        self._stale = False
        self._reads.call(lambda: self._reading(begun), then)

    def _reading(self, begun: float) -> Reading:
        """Read the record; a value that was read or written before is not recognised again."""
        kept, known = self.store.read(), self._read
        if kept is None:
            return Reading(None, 0, begun)
        if known is None or known[0] != kept.value:
            known = self._read = kept.value, self.ways.recognises(kept.value)
        return Reading(known[1], kept.version, begun)

    def _knows(self, version: int) -> None:
        if version != self.version:
            self.version = version
            self.changed.set()

    def _write(self, write: Write) -> None:
        begun = self.clock.now()

        def then(answer: int | PrgError) -> None:
            match answer:
                case int():
                    wrote = Wrote("done", begun, answer)
                case Conflict():
                    wrote = Wrote("conflict", begun, why=str(answer))
                case BadInput() if not write.again:  # nothing was written
                    wrote = Wrote("refused", begun, why=str(answer))
                case _:
                    wrote = Wrote("unknown", begun, why=str(answer) or "the store does not answer")
            self._writes.went(self.clock.now(), well=isinstance(answer, int | Conflict))
            self._inbox.wrote = wrote
            if wrote.version:
                self._knows(wrote.version)
            self._at_once()

        self._writes.call(lambda: self._written(write), then)

    def _written(self, write: Write) -> int:
        """Write, and return the new version; 0: it is not known."""
        value = write.record.to_json()
        line = None if write.entry is None else {**write.entry.to_json(), "id": write.id}
        if line is not None and write.again:
            return settle(self.store, value, write.version, line)
        version = self.store.write(value, write.version, line)
        self._read = value, write.record
        return version

    def _watch(self) -> None:
        version = self.version
        assert version is not None, "BUG: what is watched was read before"

        def then(changed: bool | PrgError) -> None:
            self._watcher.went(self.clock.now(), well=isinstance(changed, bool))
            if changed is False and version == self.version and self._runs:
                self._watch()
                return
            if changed is not False:  # after an error, the reading says what is wrong
                self._moved = version
            self._at_once()

        self._watcher.call(lambda: self.store.wait(version, LOOK), then)

    def _serve(self, serve: Serve) -> None:
        def then(yes: bool | PrgError) -> None:
            self._services.went(self.clock.now(), well=yes is True)
            self._inbox.obeyed = Obeyed(serve, yes is True)
            if yes is not True or not self._services.patient:
                self._at_once()

        assert self.ways.serves is not None
        serves, self._serves = self.ways.serves, serve
        self._services.call(lambda: serves(serve), then)

    def _hold(self, epoch: int) -> None:
        begun = self.clock.now()

        def then(yes: bool | PrgError) -> None:
            self._arbiter.went(self.clock.now(), well=yes is True)
            if isinstance(yes, bool):
                self._inbox.granted = Granted(yes, begun)
            self._at_once()

        assert self.ways.holds is not None
        holds = self.ways.holds
        self._arbiter.call(lambda: holds(epoch), then)

    def _do(self, order: Order) -> None:
        def then(error: object) -> None:  # whatever a performer returns counts for nothing
            did = Did(order)
            if isinstance(error, StaleEpoch):  # a newer decision has overtaken it
                _log.warning("%s of epoch %d is dropped: %s", order.do, order.epoch, error)
            elif isinstance(error, ActionFailed):
                _log.error("%s of epoch %d failed: %s", order.do, order.epoch, error)
                did = Did(order, "failed", str(error))
            elif isinstance(error, PrgError):
                did = Did(order, "later", str(error))
            self._tries(did)
            self._inbox.did = did
            self._at_once()

        assert self.ways.carry_out is not None
        carry_out = self.ways.carry_out
        self._hands.call(lambda: carry_out(order), then)

    def _tries(self, did: Did) -> None:
        """Note when an order is tried again that could not be carried out yet."""
        if did.outcome != "later":
            self._late.clear()
        else:
            if did.order not in self._late:
                _log.warning("%s on %s waits: %s", did.order.do, did.order.node, did.why)
            self._late[did.order] = self.clock.now() + LATER
