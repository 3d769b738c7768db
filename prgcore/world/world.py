"""The world: a queue of events in one time, two hosts, a network, stores, an arbiter, and users.

Law: it does what a pump does (`prgcore.running.shapes`), one event after another, and decides
nothing. Every event is a name and values, so a world can be copied at any moment, and both copies
go on alike. All times are seconds of the world; a host counts by its own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from attrs import define, evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import Undecided
from prgcore.running.charter import Charter
from prgcore.running.group import Lease
from prgcore.running.node import layout
from prgcore.running.shapes import (
    Answer,
    Arrival,
    Ask,
    Did,
    Granted,
    Heard,
    Memory,
    Obeyed,
    Reading,
    Seen,
    Serve,
    Turn,
    Write,
    Wrote,
)
from prgcore.seats import NODES, seat
from prgcore.stores.record import Layout, Order, Record, fits
from prgcore.timers.parameters import Parameters
from prgcore.world.faults import Fault, kind
from prgcore.world.happen import HAPPENS, mangled, mended
from prgcore.world.home import look
from prgcore.world.hosts import Host, Process
from prgcore.world.judge import Judge, Wrong
from prgcore.world.stores import Arbiter, Kept, Store

__all__ = ["Path", "Setting", "World"]

FLIGHT = 0.01
"""How many seconds a heartbeat is under way."""
CALL = 0.02
"""How many seconds a call of the store, of the services or of the arbiter takes."""
SERVICE = 0.5
"""How many seconds a service has to answer."""
PATIENCE = 1.0
"""How many seconds an agent waits for the outcome of a write that is not told."""
STARTING = 0.3
"""How many seconds services take to start, or to stop."""
LOOK = 0.05
"""How many seconds pass until an agent sees that its services have changed."""
SPINS = 3_000
"""How many turns in one second are too many."""
LATE = 1e-6
"""How many seconds late a timer wakes somebody."""
FOR_EVER = 1e9
"""Nobody wakes so late."""
ASKS = 20
"""How often a question is asked again that cannot be decided yet."""

_UP: dict[tuple[bool, bool], Mapping[str, bool]] = {
    (up, database): {"services": up, "database": database}
    for up in (False, True) for database in (False, True)}


@frozen
class Setting:
    """What does not change in a world.

    Attributes:
        engine: the machine.
        parameters, lease, grant: as in a group file.
        drift: the share by which the clock of a host may be fast or slow.
        start: the first state of an agent: of a charter, parameters, a time and a memory.
        turn: what the agents do.
    """

    engine: Engine
    parameters: Parameters
    lease: Lease
    grant: float
    drift: float
    start: Callable[[Charter, Parameters, float, Memory | None], Any]
    turn: Callable[[Any, Seen, float], tuple[Any, Turn]]
    terms: Mapping[str, str] = field(factory=dict)
    layout: Layout = field(init=False)

    @layout.default
    def _layout(self) -> Layout:
        return layout(self.engine, agents=True)


@define(slots=True)
class Path:
    """The way from a host to its store and to its peer, with what is wrong there now.

    Attributes:
        cut: how many faults stop the heartbeats to this host.
        lose: how many of the next heartbeats to it are lost.
        delay: how late they are.
        echo: how much later they come again; 0: they do not.
        refuses: how many faults make calls of the store fail at once.
        hangs: how many faults make them wait.
        slow: how long each takes beside the usual time.
        writes: what becomes of a write: empty, `unknown`, `lost` or `late`.
        wrong: in which way an answer is wrong; empty: it is right.
    """

    cut: int = 0
    lose: int = 0
    delay: float = 0.0
    echo: float = 0.0
    refuses: int = 0
    hangs: int = 0
    slow: float = 0.0
    writes: str = ""
    wrong: str = ""


class World:
    """A world. `World(setting)` is two hosts with power and an empty store, and nothing runs."""

    __slots__ = (
        "arbiter", "arbiter_away", "asked", "asked_at", "asking", "bout", "calm", "commands", "faults",
        "home", "hosts", "judge", "late", "now", "open", "paths", "queue", "seq", "setting",
        "shake", "since", "spun", "stores", "story", "turn_faults", "turns", "waiting")

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.now = 0.0
        self.queue: list[tuple[float, int, str, tuple[Any, ...]]] = []
        self.seq = self.turns = 0
        self.spun = (0, 0)
        self.hosts = {node: Host(node) for node in NODES}
        self.paths = {node: Path() for node in NODES}
        self.stores = {"main": Store("main")}
        self.arbiter = Arbiter(setting.grant)
        self.arbiter_away = 0
        self.late = setting.lease.pause + setting.lease.stopping
        self.waiting: list[tuple[str, str, tuple[Any, ...]]] = []
        self.asked: dict[str, Answer] = {}
        self.faults: tuple[Fault, ...] = ()
        self.turn_faults: dict[int, list[int]] = {}
        self.shake = 0
        self.judge = Judge()
        self.story: list[str] | None = None
        self.open = self.bout = self.asking = self.commands = 0
        self.calm = self.since = 0.0
        self.asked_at = -10.0
        self.home = False

    def copy(self) -> World:
        """The same world, for another future."""
        other: World = object.__new__(World)
        for name in World.__slots__:
            setattr(other, name, getattr(self, name))
        other.queue = self.queue.copy()
        other.hosts = {n: h.copy() for n, h in self.hosts.items()}
        other.paths = {n: evolve(p) for n, p in self.paths.items()}
        other.stores = {n: s.copy() for n, s in self.stores.items()}
        other.arbiter = self.arbiter.copy()
        other.waiting = self.waiting.copy()
        other.asked = self.asked.copy()
        other.turn_faults = self.turn_faults.copy()
        other.judge = self.judge.copy()
        other.story = None if self.story is None else self.story.copy()
        return other

    # ------------------------------------------------------------------------ time

    def at(self, after: float, what: str, *given: Any) -> None:
        """Let something happen some seconds from now."""
        self.seq += 1
        heappush(self.queue, (self.now + after, self.seq, what, given))

    def run(self, until: float) -> None:
        """Let everything happen until then.

        Raises:
            Wrong: something has happened that never may.
        """
        queue = self.queue
        while queue and queue[0][0] <= until:
            self.now, _, what, given = heappop(queue)
            _OPS[what](self, *given)
        self.now = until

    def step(self) -> None:
        """Let the next thing happen.

        Raises:
            Wrong: it never may.
        """
        self.now, _, what, given = heappop(self.queue)
        _OPS[what](self, *given)

    def say(self, text: str, *given: object) -> None:
        """Write a line of the story, if somebody reads it."""
        if self.story is not None:
            self.story.append(f"{self.now:9.4f}  {text % given if given else text}")

    def jitter(self) -> float:
        """Some hundredths of a second, another one each time; none where nothing shakes."""
        if not self.shake:
            return 0.0
        self.shake = (self.shake * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return (self.shake >> 16) / 32_768 * 0.03

    # ---------------------------------------------------------------------- faults

    def plan(self, faults: tuple[Fault, ...]) -> None:
        """Let these faults happen, each at its moment from now on, or before its turn."""
        first = len(self.faults)
        self.faults += faults
        if not faults:
            self.calm = self.since = self.now
        for number, fault in enumerate(faults, first):
            if fault.turn >= 0:
                self.turn_faults.setdefault(fault.turn, []).append(number)
            else:
                self.opened()
                self.at(fault.at, "begin", number)

    def opened(self) -> None:
        """Note that a fault comes or lasts: the pair need not come home."""
        self.open += 1
        self.bout += 1
        self.calm = -1.0

    def closed(self) -> None:
        """Note that a fault is over. After the last one everything works again."""
        self.open -= 1
        if self.open == 0:
            last = max((at for at, _, what, _ in self.queue if what in _UNDER_WAY),
                       default=self.now)
            self.at(max(0.0, last - self.now), "calm", self.bout)

    def _calm(self, bout: int) -> None:
        if self.open or bout != self.bout:
            return
        mended(self)
        self.calm = self.since = self.now
        self.say("CALM   no fault is left")

    def _begin(self, number: int) -> None:
        fault = self.faults[number]
        what = kind(fault.kind)
        if fault.turn >= 0:
            self.opened()
        if self.story is not None:
            self.say("FAULT  %s", what.says.format(
                node=fault.node, peer=seat("peer", fault.node), lasts=f"{fault.lasts:g}",
                value=fault.value))
        HAPPENS[what.begins](self, fault.node, fault.value)
        if what.ends:
            self.at(fault.lasts, "end", number)
        else:
            self.closed()

    def _end(self, number: int) -> None:
        fault = self.faults[number]
        what = kind(fault.kind)
        self.say("over   %s of %s", fault.kind, fault.node)
        HAPPENS[what.ends](self, fault.node, 0.0 if what.begins == what.ends else fault.value)
        self.closed()

    # ---------------------------------------------------------------------- agents

    def begin_agent(self, node: str) -> None:
        """Start the agent of a node, unless it runs or the host has no power."""
        host, setting = self.hosts[node], self.setting
        if host.agent is not None or not host.on:
            return
        host.runs += 1
        now = host.clock.now(self.now)
        charter = Charter(
            setting.engine, node, terms=setting.terms, lease=setting.lease, grant=setting.grant,
            seat=f"directory of {node}", run=f"{node}-{host.runs}", new=self.now < 1.0)
        state = setting.start(charter, setting.parameters, now, host.disk.memory)
        host.agent = Process(host.runs, state, heard=self.now)
        self.say("%s: its agent starts", node)
        if not host.asleep:
            self.turn(host, Seen(wall=host.clock.wall + self.now, services=self._up(host)))

    def tell(self, node: str, run: int, key: str, value: Any) -> None:
        """Let an agent see something, now or when it is awake again."""
        host = self.hosts[node]
        agent = host.agent
        if agent is None or agent.run != run:
            return
        if agent.asleep or host.asleep:
            agent.inbox += ((key, value),)
        else:
            self.turn(host, Seen(wall=host.clock.wall + self.now, services=self._up(host),
                                 **{key: value}))

    def wake_up(self, node: str) -> None:
        """Let an agent that slept see at once all that came meanwhile."""
        host = self.hosts[node]
        agent = host.agent
        if agent is None or agent.asleep or host.asleep:
            return
        seen: dict[str, Any] = {"wall": host.clock.wall + self.now}
        now = host.clock.now(self.now)
        for key, value in agent.inbox:
            if key == "arrivals":
                value = tuple(evolve(one, at=now) for one in value)
            seen[key] = seen[key] + value if key in ("arrivals", "asks") and key in seen else value
        agent.inbox = ()
        if (up := self._up(host)) is not None:
            seen["services"] = up
        self.turn(host, Seen(**seen))

    def _up(self, host: Host) -> Mapping[str, bool] | None:
        """Whether the services run, if that has changed since the agent saw it."""
        up = host.services.up, host.services.database
        if host.agent is None or host.agent.saw == up:
            return None
        host.agent.saw = up
        return _UP[up]

    def turn(self, host: Host, seen: Seen) -> None:
        """Call an agent once, and do what it wants."""
        agent = host.agent
        assert agent is not None, "BUG: there is an agent"
        self.turns += 1
        if numbers := self.turn_faults.pop(self.turns, None):
            for number in numbers:
                self._begin(number)
            if host.agent is not agent:
                return
            if agent.asleep or host.asleep:
                agent.inbox += _pieces(seen)
                return
            seen = evolve(seen, services=self._up(host) or seen.services)
        second = int(self.now)
        self.spun = (second, self.spun[1] + 1 if self.spun[0] == second else 1)
        if self.spun[1] > SPINS:
            raise Wrong("spins", f"the agents are called {SPINS} times in a second", self.now)
        now = host.clock.now(self.now)
        try:
            agent.state, wants = self.setting.turn(agent.state, seen, now)
        except Exception as error:
            raise Wrong("dies", f"the turn of {host.node} raises {type(error).__name__}: "
                        f"{error!s:.200}", self.now) from error
        node, run = host.node, agent.run
        for says in wants.says:
            self.say("%s: says: %s", node, says)
        for entry in wants.entries:
            self.say("%s: decides %d %s: %s", node, entry.epoch, entry.event, entry.outcome)
            self.judge.decided(self, node, entry)
        for answer in wants.answers:
            self.judge.answered(self, node, answer)
            self.asked[answer.key] = answer
        if wants.remember is not None:
            host.disk.write(wants.remember)
        if wants.write is not None and not agent.store:
            agent.store = True
            if wants.write.entry is not None and not wants.write.again:
                self.judge.decides(self, host, wants.write.entry)
            self._call(node, "write_at", run, wants.write, now)
        elif wants.read and not agent.store and wants.write is None:
            agent.store = True
            self._call(node, "read_at", run, now)
        if wants.serve is not None and not agent.serve:
            agent.serve = True
            self.at(CALL / 2 + host.services.slow, "serve_at", node, run, wants.serve)
        if wants.do is not None and not agent.hands:
            agent.hands = True
            self._do(host, wants.do)
        if wants.hold is not None and not agent.hold:
            agent.hold = True
            self.at(CALL / 2, "hold_at", node, run, wants.hold, now)
        if wants.send is not None:
            self._send(node, wants.send)
        if wants.stopped:
            self.say("%s: its agent ends", node)
            host.agent = None
            if host.again:
                host.again = False
                self.at(0.5, "start", node)
            return
        at = max(host.clock.when(wants.wake) + LATE, self.now)
        if at != agent.wakes and at < FOR_EVER:
            agent.wakes = at
            self.seq += 1
            heappush(self.queue, (at, self.seq, "wake", (node, run, at)))

    def _wake(self, node: str, run: int, at: float) -> None:
        host = self.hosts[node]
        agent = host.agent
        if agent is None or agent.run != run or agent.wakes != at:
            return
        agent.wakes = -1.0
        if not agent.asleep and not host.asleep:
            self.turn(host, Seen(wall=host.clock.wall + self.now, services=self._up(host)))

    # ----------------------------------------------------------------------- store

    def _call(self, node: str, what: str, *given: Any) -> None:
        """Begin a call of the store."""
        self.at(CALL / 2 + self.paths[node].slow / 2 + self.jitter(), what, node, *given)

    def _held(self, node: str, what: str, *given: Any) -> bool:
        """Whether a call waits because the store hangs."""
        if self.paths[node].hangs:
            self.waiting.append((node, what, (node, *given)))
            return True
        return False

    def _answers(self, node: str, what: str, *given: Any) -> None:
        """Bring an answer of the store back."""
        self.at(CALL / 2 + self.paths[node].slow / 2 + self.jitter(), what, node, *given)

    def _read_at(self, node: str, run: int, begun: float) -> None:
        if self._held(node, "read_at", run, begun):
            return
        path, store = self.paths[node], self.stores[self.hosts[node].store]
        if path.refuses:
            self._answers(node, "read_end", run, begun, None)
            return
        kept: Kept | None = store.kept
        if path.wrong and store.record is not None:
            kept = mangled(store.kept, node, path.wrong)
            if kept[0] is not None and fits(kept[0], self.setting.layout):
                kept = None
        self._answers(node, "read_end", run, begun, kept)

    def _read_end(self, node: str, run: int, begun: float, kept: Kept | None) -> None:
        host = self.hosts[node]
        if host.agent is None or host.agent.run != run:
            return
        host.agent.store = False
        if kept is None:
            self.tell(node, run, "unread", "the store does not answer")
            return
        if kept[0] is not None and not host.agent.begun:
            self._first(host, kept[0])
        self.tell(node, run, "reading", Reading(kept[0], kept[1], begun))

    def _first(self, host: Host, record: Record) -> None:
        """Start the services, unless the record says that they were stopped."""
        assert host.agent is not None, "BUG: it has read"
        drawer = record.own.get(host.node, {})
        if f"{host.node}.services" not in drawer:
            return
        host.agent.begun = True
        if drawer[f"{host.node}.services"] != "stopped" and not host.services.up:
            self.at(STARTING, "services_start", host.node)

    def _services_start(self, node: str) -> None:
        host = self.hosts[node]
        if host.on and not host.services.fails and not host.services.up:
            host.services.up = True
            self.at(LOOK, "look", node)

    def _look(self, node: str) -> None:
        host = self.hosts[node]
        agent = host.agent
        if agent is not None and not agent.asleep and not host.asleep:
            self.turn(host, Seen(wall=host.clock.wall + self.now, services=self._up(host)))

    def _write_at(self, node: str, run: int, write: Write, begun: float, late: str = "") -> None:
        if self._held(node, "write_at", run, write, begun):
            return
        path, store = self.paths[node], self.stores[self.hosts[node].store]
        fate = late or ("refused" if path.refuses else path.writes)
        if fate == "late":
            self.at(PATIENCE + 1.2, "write_at", node, run, write, begun, "silent")
        outcome, version = "unknown", 0
        if fate in ("", "unknown", "silent"):
            before = store.record
            outcome, version = store.write(write)
            if version:
                self.judge.written(self, node, store, before, write)
        if fate == "silent":
            return
        if fate == "":
            self._answers(node, "write_end", run, Wrote(outcome, begun, version))
        elif fate == "refused":
            self._answers(node, "write_end", run, Wrote("unknown", begun, 0, "no answer"))
        else:
            self.at(PATIENCE, "write_end", node, run, Wrote("unknown", begun, 0, "no answer"))

    def _write_end(self, node: str, run: int, wrote: Wrote) -> None:
        host = self.hosts[node]
        if host.agent is not None and host.agent.run == run:
            host.agent.store = False
            self.tell(node, run, "wrote", wrote)

    # --------------------------------------------------------------------- network

    def _send(self, node: str, heard: Heard) -> None:
        to = seat("peer", node)
        path = self.paths[to]
        if path.cut:
            return
        if path.lose:
            path.lose -= 1
            return
        self.at(FLIGHT + path.delay + self.jitter(), "arrive", to, heard)
        if path.echo:
            self.at(FLIGHT + path.echo, "arrive", to, heard)

    def _arrive(self, node: str, heard: Heard) -> None:
        host = self.hosts[node]
        if host.agent is not None:
            host.agent.heard = self.now
            self.tell(node, host.agent.run, "arrivals",
                      (Arrival(node, host.clock.now(self.now), heard),))

    # -------------------------------------------------------------------- services

    def _serve_at(self, node: str, run: int, serve: Serve) -> None:
        host = self.hosts[node]
        services = host.services
        if not host.on:
            return
        if host.asleep:
            self.waiting.append((node, "serve_at", (node, run, serve)))
            return
        if services.hung:
            services.unread += ((serve.groups, serve.until),)
        if services.hung or not services.up:
            self.at(SERVICE if services.hung else CALL / 2, "served", node, run, serve, False)
            return
        self.at(CALL / 2, "served", node, run, serve, self.permit(host, serve.groups, serve.until))

    def permit(self, host: Host, groups: Mapping[str, int], until: float) -> bool:
        """Give a permission to the services of a host."""
        before = host.services.groups
        taken = host.services.permit(groups, until)
        if taken:
            if groups != before:
                self.say("%s: its services serve %s", host.node,
                         " and ".join(f"users of {g}" for g in groups) or "nobody")
            self.judge.served(self)
        return taken

    def _served(self, node: str, run: int, serve: Serve, yes: bool) -> None:
        host = self.hosts[node]
        if host.agent is not None and host.agent.run == run:
            host.agent.serve = False
            self.tell(node, run, "obeyed", Obeyed(serve, yes))

    # ---------------------------------------------------------------- hands, arbiter

    def _do(self, host: Host, order: Order) -> None:
        self.say("%s: does %s of %d", host.node, order.do, order.epoch)
        takes = STARTING if order.do.endswith("critical_services") else CALL
        self.at(takes, "done", host.node, host.runs, order)

    def _done(self, node: str, run: int, order: Order) -> None:
        host = self.hosts[node]
        agent = host.agent
        if agent is None or agent.run != run:
            return
        if host.asleep or agent.asleep:  # the hands sleep too
            self.waiting.append((node, "done", (node, run, order)))
            return
        agent.hands = False
        outcome = "done"
        match order.do:
            case "start_critical_services":
                if host.services.fails:
                    outcome = "failed"
                else:
                    host.services.up = True
            case "stop_critical_services":
                host.services.die()
            case "acquire_grant":
                held = not self.arbiter_away and self.arbiter.hold(node, order.epoch, self.now)
                outcome = "done" if held else "later"
            case "release_grant":
                if self.arbiter_away:
                    outcome = "later"
                else:
                    self.arbiter.release(node, order.epoch)
        self.tell(node, run, "did", Did(order, outcome))

    def _hold_at(self, node: str, run: int, epoch: int, begun: float) -> None:
        if not self.arbiter_away:
            yes = self.arbiter.hold(node, epoch, self.now)
        else:
            yes = False
        self.at(CALL / 2, "held", node, run, Granted(yes, begun))

    def _hold_end(self, node: str, run: int, granted: Granted) -> None:
        host = self.hosts[node]
        if host.agent is not None and host.agent.run == run:
            host.agent.hold = False
            self.tell(node, run, "granted", granted)

    # ----------------------------------------------------------------------- users

    def ask(self, node: str, event: str, tries: int = ASKS) -> None:
        """Let somebody ask a node for something; what cannot be decided yet is asked again."""
        host, peer = self.hosts[node], seat("peer", node)
        if host.agent is None or host.agent.asleep or host.asleep:
            return
        other = self.hosts[peer]
        key = f"{event} {self.seq} {self.turns}"
        also: Mapping[str, str] = {}
        changes: Mapping[str, int] = {}
        record = self.stores[other.store].record
        reachable = (other.agent is not None and not other.agent.asleep and not other.asleep
                     and not self.paths[node].cut and not self.paths[peer].cut
                     and not self.paths[peer].refuses and not self.paths[peer].hangs
                     and not self.paths[peer].wrong)
        if reachable and record is not None:
            also, changes = record.own[peer], {peer: record.changes[peer]}
        self.asking += 1
        self.at(0.1, "asked", node, event, key, tries)
        self.tell(node, host.agent.run, "asks", (Ask(key, event, also, changes),))

    def _asked(self, node: str, event: str, key: str, tries: int) -> None:
        answer = self.asked.pop(key, None)
        if answer is None and tries % 5:  # the answer comes when the store does
            self.at(0.1, "asked", node, event, key, tries - 1)
            return
        self.asking -= 1
        if (answer is None or isinstance(answer.error, Undecided)) and tries > 0:
            self.ask(node, event, tries - 1)


def _pieces(seen: Seen) -> tuple[tuple[str, Any], ...]:
    """What an agent was to see, piece by piece."""
    pieces = (("reading", seen.reading), ("unread", seen.unread), ("wrote", seen.wrote),
              ("arrivals", seen.arrivals), ("host_lost", seen.host_lost), ("asks", seen.asks),
              ("did", seen.did), ("obeyed", seen.obeyed), ("granted", seen.granted),
              ("stop", seen.stop), ("services", seen.services))
    return tuple((key, value) for key, value in pieces if value)


_UNDER_WAY = ("arrive", "read_at", "read_end", "write_at", "write_end")
_OPS: dict[str, Callable[..., None]] = {
    "calm": World._calm, "operate": look,
    "arrive": World._arrive, "asked": World._asked, "begin": World._begin, "done": World._done,
    "end": World._end, "held": World._hold_end, "hold_at": World._hold_at, "look": World._look,
    "read_at": World._read_at, "read_end": World._read_end, "serve_at": World._serve_at,
    "served": World._served, "services_start": World._services_start, "wake": World._wake,
    "write_at": World._write_at, "write_end": World._write_end, "ask": World.ask,
    "start": World.begin_agent,
}
