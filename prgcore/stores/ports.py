"""Ports: what a program that embeds the engine fulfils, and nothing else is asked of it.

Law: protocols and small values only. A store keeps the record, an arbiter the take-over grant; a
performer does what was decided, a clock tells the time, observations are what was seen.
`prgcore.stores.sqlite` and `prgcore.stores.etcd` are stores with arbiters,
`prgcore.running.driver` connects the ports to the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, Protocol

from attrs import define, field, frozen

from prgcore.errors import BadInput, StaleEpoch
from prgcore.stores.record import Order

__all__ = [
    "Arbiter", "Clock", "Fence", "Kept", "Observation", "Performer", "Store", "SystemClock",
    "boot_clock", "heard", "host_lost", "told",
]


@frozen
class Kept:
    """What a store keeps: a JSON value, and its version, which grows with every write."""

    value: Mapping[str, Any]
    version: int


class Store(Protocol):
    """One value with compare-and-set, and the history of the decisions that made it.

    Linearizable: a read returns the newest write that was done before it began. A write whose
    entry is given is durable, both or neither, when it returns. Methods may be called from
    several threads at once.
    """

    def read(self) -> Kept | None:
        """What is kept; None where nothing was written yet.

        Raises:
            Unavailable: the store does not answer.
        """

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version (0: nothing was written yet); the new version.

        Args:
            value: a JSON object.
            version: of the value that was read.
            entry: a line of the log with an `epoch`, one more than the last entry's, from 1.

        Raises:
            Conflict: it has another version by now; nothing was written.
            BadInput: this cannot be kept, or the entry does not follow; nothing was written.
            Unavailable: the store does not answer; whether it was written is not known, and it may
                be yet. `prgcore.stores.keeping.settle` finds out.
        """

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order.

        Raises:
            Unavailable: the store does not answer.
        """

    def wait(self, version: int, timeout: float) -> bool:
        """Wait until the version is another one, at most so many seconds; whether it is.

        Raises:
            Unavailable: the store does not answer.
        """

    def close(self) -> None:
        """Give back what the store holds of the system; every other call is Unavailable then."""


class Arbiter(Protocol):
    """Gives the take-over grant to one node at a time, for a while.

    A grant that is not kept is lost after the time to live that the arbiter was made with, or
    later, never sooner. Whoever keeps it counts from before the call. An order is too late if the
    grant was given at a higher epoch, or that node obtained it or gave it back at one.
    """

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: another node has it.

        Raises:
            StaleEpoch: the order is too late; nothing was done.
            Unavailable: the arbiter does not answer; it may have been done: ask again.
        """

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it has lost it, or never had it.

        Raises:
            Unavailable: the arbiter does not answer.
        """

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back; nothing happens if another node has it.

        Raises:
            StaleEpoch: the order is too late; nothing was done.
            Unavailable: the arbiter does not answer; it may have been done: ask again.
        """

    def holder(self) -> str | None:
        """Who has the grant now.

        Raises:
            Unavailable: the arbiter does not answer.
        """

    def close(self) -> None:
        """Give back what the arbiter holds of the system; a grant stays until it is lost."""


class Performer(Protocol):
    """Does in the world what was decided."""

    def perform(self, order: Order) -> None:
        """Do it, and return when it is done (the `duty` of the action says what that means).

        It may be asked again for what it has done already: after a restart, nobody knows.

        Raises:
            StaleEpoch: a newer decision reached the resource first; the order is dropped.
            Unavailable: the node cannot be reached. Its orders hold nobody up, and are tried again.
            ActionFailed: it cannot be done. The machine is told with an event that fails.
        """


class Clock(Protocol):
    """Two clocks: one that never steps back, and the one on the wall."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def wall(self) -> float:
        """Seconds since 1970."""


class SystemClock:
    """The clocks of this computer."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()


def boot_clock() -> float:
    """Seconds since the computer was booted, those of its sleep among them: leases are by this.

    A system that does not tell them tells those of its monotonic clock.
    """
    return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


@frozen
class Observation:
    """Something seen: an event told as it is, or what a timer of a node counts.

    Attributes:
        event: an event of the machine: a command, a fault, a repair, a completion; empty: none.
        heartbeat: the node that hears its peer now; empty: none.
        host_lost: the node that is told that its peer's host is down; empty: none.
    """

    event: str = ""
    heartbeat: str = ""
    host_lost: str = ""


def told(event: str) -> Observation:
    """An event is told as it is: `told("services_down(node1)")`.

    Raises:
        BadInput: nothing is told.
    """
    if not isinstance(event, str) or not event:
        raise BadInput(f"{event!r:.60} is no event; expected a name, as services_down(node1)")
    return Observation(event=event)


def heard(node: str) -> Observation:
    """A node hears its peer."""
    return Observation(heartbeat=node)


def host_lost(node: str) -> Observation:
    """A node is told that its peer's host is down."""
    return Observation(host_lost=node)


@define
class Fence:
    """A resource's memory of the newest decision that reached it: what is older is refused."""

    newest: int = 0
    _lock: Lock = field(factory=Lock, repr=False)

    def check(self, epoch: int) -> None:
        """Let an effect pass, or not.

        Raises:
            StaleEpoch: one of a newer decision has passed.
        """
        with self._lock:
            if epoch < self.newest:
                raise StaleEpoch(f"epoch {epoch} is older than {self.newest}, which has passed")
            self.newest = epoch
