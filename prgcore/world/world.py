"""The world: a queue of events in one time, two hosts, a network, stores, an arbiter, and users.

Law: one event happens after another, and nothing is decided here. Every event is a name and values, so a world can be copied at any moment, and both copies
go on alike. All times are seconds of the world; a host counts by its own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from attrs import define, evolve, field, frozen

from prgcore.engine import Engine
from prgcore.model import SERVICES
from prgcore.running.charter import Charter
from prgcore.running.lease import Lease
from prgcore.running.node import layout
from prgcore.running.shapes import Answer, Memory, Seen, Turn
from prgcore.seats import NODES, seat
from prgcore.stores.record import Layout
from prgcore.timers.parameters import Settings
from prgcore.vocabulary import Kind
from prgcore.world.faults import COMMANDS, OFTEN, Fault, kind
from prgcore.world.happen import HAPPENS, mended
from prgcore.world.home import look
from prgcore.world.hosts import Host
from prgcore.world.judge import Judge
from prgcore.world.pump import STEPS
from prgcore.world.stores import Arbiter, Store

__all__ = ["APART", "ARBITERS", "LEASED", "Path", "Setting", "World"]

APART, UNLEASED, LEASED = "none", "cas", "cas+lease"
ARBITERS = (APART, UNLEASED, LEASED)
"""What arbitrates: nothing, one record that is compared and set, or that and a lease, as shipped."""


@frozen
class Setting:
    """The part of a world that does not change.

    Attributes:
        engine: the machine.
        parameters, lease, grant: as in a group file.
        drift: the share by which the clock of a host may be fast or slow.
        reconcile: how many seconds pass between two looks at whether a node is as desired; 0: its
            agent never looks.
        arbiter: what arbitrates between the nodes, one of `ARBITERS`.
        seeks: what a run waits for, where it is not to keep its word; empty: it is.
        start: the first state of an agent: of a charter, parameters, a time and a memory.
        turn: what the agents do.
    """

    engine: Engine
    parameters: Settings
    lease: Lease
    grant: float
    drift: float
    start: Callable[[Charter, Settings, float, Memory | None], Any]
    turn: Callable[[Any, Seen, float], tuple[Any, Turn]]
    terms: Mapping[str, str] = field(factory=dict)
    reconcile: float = 2.0
    arbiter: str = LEASED
    seeks: str = ""
    layout: Layout = field(init=False)
    checks: tuple[str, ...] = field(init=False)
    commands: tuple[str, ...] = field(init=False)

    @checks.default
    def _checks(self) -> tuple[str, ...]:
        """The names that agents watch beside their services: each is whether the replica is current."""
        return tuple(name for name in self.engine.habits.watches(NODES[0]) if name not in SERVICES)

    @commands.default
    def _commands(self) -> tuple[str, ...]:
        """The commands of users meanwhile; those of the built-in machine come first and often."""
        names = [e.name for e in self.engine.model.events if e.kind is Kind.COMMAND]
        return OFTEN if {*COMMANDS} <= {*names} else tuple(names)

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
        writes: the fate of a write: empty, `unknown`, `lost` or `late`.
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
        "shake", "since", "spun", "stores", "story", "turn_faults", "turns", "waiting", "zero")

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
        self.calm = self.since = self.zero = 0.0
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
            _HAPPENS[what](self, *given)
        self.now = until

    def step(self) -> None:
        """Let the next thing happen.

        Raises:
            Wrong: it never may.
        """
        self.now, _, what, given = heappop(self.queue)
        _HAPPENS[what](self, *given)

    def say(self, text: str, *given: object) -> None:
        """Write a line of the story, if somebody reads it."""
        if self.story is not None:
            self.story.append(f"{self.now - self.zero:9.4f}  {text % given if given else text}")

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

    def calm_down(self, bout: int) -> None:
        if self.open or bout != self.bout:
            return
        mended(self)
        self.calm = self.since = self.now
        self.say("CALM   no fault is left")

    def begin(self, number: int) -> None:
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

    def end(self, number: int) -> None:
        fault = self.faults[number]
        what = kind(fault.kind)
        self.say("over   %s of %s", fault.kind, fault.node)
        HAPPENS[what.ends](self, fault.node, 0.0 if what.begins == what.ends else fault.value)
        self.closed()


_UNDER_WAY = ("arrive", "read_at", "read_end", "write_at", "write_end")
_HAPPENS: Mapping[str, Callable[..., None]] = {
    **STEPS, "begin": World.begin, "calm": World.calm_down, "end": World.end, "operate": look}
