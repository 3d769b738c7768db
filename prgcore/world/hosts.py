"""A host of a simulated world: its clock, its disk, its services, and the process of its agent.

Law: small values that can be copied, so that one world has many futures. Nothing here decides, and
nothing here knows what happens next: `prgcore.world.world` moves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from prgcore.running.desired import Desired
from prgcore.running.shapes import Memory
from prgcore.running.tended import Tended

__all__ = ["Clock", "Disk", "Host", "Process", "Services"]


@define(slots=True)
class Clock:
    """The clocks of a host: one that counts from its start and never steps back, and the wall's.

    Attributes:
        rate: how many seconds it counts in a second of the world.
        at: a moment of the world.
        shows: what the clock shows at that moment.
        wall: what the wall clock shows beside the true time.
    """

    rate: float = 1.0
    at: float = 0.0
    shows: float = 100.0
    wall: float = 1_790_000_000.0

    def now(self, at: float) -> float:
        """The time that the clock shows at a moment of the world."""
        return self.shows + (at - self.at) * self.rate

    def when(self, shows: float) -> float:
        """The moment of the world at which the clock shows this."""
        return self.at + (shows - self.shows) / self.rate

    def run(self, at: float, rate: float) -> None:
        """Count faster or slower from now on."""
        self.shows, self.at, self.rate = self.now(at), at, rate


@define(slots=True)
class Disk:
    """The directory of an agent: what it remembers, and what a loss of power leaves of that."""

    memory: Memory | None = None
    synced: Memory | None = None
    lies: bool = False

    def write(self, memory: Memory) -> None:
        """Keep something. A disk that lies says that it is safe, and it is not."""
        self.memory = memory
        if not self.lies:
            self.synced = memory

    def lose_power(self) -> None:
        """Lose what was not safe."""
        self.memory = self.synced


@define(slots=True)
class Services:
    """The services of a host, and whom they are permitted to serve.

    Attributes:
        up: whether the critical services run.
        database: whether the database runs.
        wanted: whether they are to run: False after they were stopped on request.
        hung: whether they answer nothing. They go on by their last permission.
        fails: whether they cannot be started.
        groups: the groups that they serve, each with its token.
        until: the end of their permission, by the clock of the host.
        slow: how many seconds they need to obey, beside the usual time.
        unread: permissions that a service that hangs has not read yet.
        role: `primary` or `replica`, for machines that promote and demote; empty: neither.
        alone: whether it acknowledges what no replica has.
        lacks: whether something was acknowledged that it does not have.
        died: when they died by themselves, in the time of the world; -1: they did not.
    """

    up: bool = False
    database: bool = True
    wanted: bool = True
    hung: bool = False
    fails: bool = False
    groups: Mapping[str, int] = field(factory=dict)
    until: float = -1.0
    slow: float = 0.0
    unread: tuple[tuple[Mapping[str, int], float], ...] = ()
    role: str = ""
    alone: bool = False
    lacks: bool = False
    died: float = -1.0

    def permit(self, groups: Mapping[str, int], until: float) -> bool:
        """Take a permission; False: it comes too late."""
        if until < self.until:
            return False
        self.groups, self.until = groups, until
        return True

    def die(self) -> None:
        """They run no more; a later start begins with no permission."""
        self.up, self.groups, self.until, self.unread = False, {}, -1.0, ()


@define(slots=True)
class Process:
    """The process of an agent: what it knows, and which of its lanes are busy.

    Attributes:
        run: the number of this start.
        state: the state of the agent, which only `turn` reads.
        writes, reads, serve, hands, hold: whether a call is under way in that lane.
        wakes: when it wakes, in the time of the world; a wake of another moment is old.
        asleep: whether the process is paused.
        inbox: what came while it was paused.
        begun: whether it has looked after its services since its start.
        stops: whether it was asked to stop.
        heard: when the last heartbeat came to this process, read or not; before: its start.
        saw: whether services and database ran when it looked last, and what other checks said;
            None: it has not looked.
        wish: what it desires of its node since its last turn; None: it knows no record by which it
            may act.
        tends: the parts that it may mend now if they differ.
        tended: when it looks next whether something differs.
        looks: the moment of the world for which that look is planned; -1: none is.
    """

    run: int
    state: Any
    writes: bool = False
    reads: bool = False
    serve: bool = False
    hands: bool = False
    hold: bool = False
    wakes: float = -1.0
    asleep: bool = False
    inbox: tuple[tuple[str, Any], ...] = ()
    begun: bool = False
    stops: bool = False
    heard: float = 0.0
    saw: tuple[bool, ...] | None = None
    wish: Desired | None = None
    tends: tuple[str, ...] = ()
    tended: Tended = field(factory=Tended)
    looks: float = -1.0


@define(slots=True)
class Host:
    """A host.

    Attributes:
        node: the node that lives on it.
        store: the name of the store that it reaches.
        home: the name of its own store, which it reaches where nothing is wrong.
        on: whether it has power.
        asleep: whether it is suspended, with everything on it.
        agent: the process of its agent; None: there is none.
        runs: how many agents were started on it.
        again: whether its agent is started again when it has ended.
    """

    node: str
    store: str = "main"
    home: str = "main"
    clock: Clock = field(factory=Clock)
    disk: Disk = field(factory=Disk)
    services: Services = field(factory=Services)
    on: bool = True
    asleep: bool = False
    agent: Process | None = None
    runs: int = 0
    again: bool = False

    def copy(self) -> Host:
        """The same host, for another future."""
        return evolve(self, clock=evolve(self.clock), disk=evolve(self.disk),
                      services=evolve(self.services), agent=self.agent and evolve(self.agent))

    def process(self, run: int) -> Process | None:
        """The process of this start of its agent; None: it has ended."""
        return self.agent if self.agent is not None and self.agent.run == run else None

    def serves(self, home: str, at: float, late: float) -> bool:
        """Whether users of this home are served here at a moment of the world.

        Args:
            late: how long after the end of its permission a service may still serve.
        """
        services = self.services
        return (services.up and self.on and not self.asleep and home in services.groups
                and self.clock.now(at) <= services.until + late)
