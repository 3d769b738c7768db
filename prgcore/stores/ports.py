"""Ports: the protocols that a program fulfils when it embeds the engine.

Law: protocols and small values only. A store keeps the record, and an arbiter the take-over grant.
A performer carries out decisions, a clock shows the time, and observations are what was seen.
`prgcore.stores.sqlite` and `prgcore.stores.etcd` are stores with arbiters.
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
    """The content of a store: a JSON value, and its version, which grows with every write."""

    value: Mapping[str, Any]
    version: int


class Store(Protocol):
    """One value with compare-and-set, and the history of the decisions that made it.

    Linearizable: a read returns the newest write that was done before it began. When a write
    returns, its value is durable. A value and its entry are written together, or neither is.
    Several threads may call the methods at once.
    """

    def read(self) -> Kept | None:
        """The newest value with its version; None if nothing was written yet.

        Raises:
            Unavailable: the store does not answer.
        """

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version (0: nothing yet), and return the new version.

        Args:
            value: a JSON object.
            version: the version of the value that was read.
            entry: a line of the log. Its `epoch` is 1, or one more than the last entry's.

        Raises:
            Conflict: the version has changed meanwhile; nothing was written.
            BadInput: this cannot be kept, or the entry does not follow; nothing was written.
            Unavailable: the store does not answer. The write may be done, or may still happen:
                `prgcore.stores.keeping.settle` finds out.
        """

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order.

        Raises:
            Unavailable: the store does not answer.
        """

    def wait(self, version: int, timeout: float) -> bool:
        """Wait until the version has changed, at most so many seconds; return whether it has.

        Raises:
            Unavailable: the store does not answer.
        """

    def close(self) -> None:
        """Release connections and files; every later call raises Unavailable."""


class Arbiter(Protocol):
    """Gives the take-over grant to one node at a time, for a while.

    A grant that its node does not keep is lost after the arbiter's time to live, or later, never
    sooner. The node counts that time from before its call. An order is too late if the grant was
    given at a higher epoch, or if that node obtained it or gave it back at a higher one.
    """

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: the other node has it.

        Raises:
            StaleEpoch: the order is too late; nothing was done.
            Unavailable: the arbiter does not answer; the order may have been done: ask again.
        """

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: the node has lost it, or never had it.

        Raises:
            Unavailable: the arbiter does not answer.
        """

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back; nothing happens if another node has it.

        Raises:
            StaleEpoch: the order is too late; nothing was done.
            Unavailable: the arbiter does not answer; the order may have been done: ask again.
        """

    def holder(self) -> str | None:
        """The node that has the grant now, or None.

        Raises:
            Unavailable: the arbiter does not answer.
        """

    def close(self) -> None:
        """Release connections and files; a grant stays until its time is over."""


class Performer(Protocol):
    """Carries out decisions in the real world."""

    def perform(self, order: Order) -> None:
        """Carry out an order, and return when it is done, as the `duty` of its action describes.

        The same order may come again: after a restart, nothing shows that it was carried out.

        Raises:
            StaleEpoch: a newer decision reached the resource first; the order is dropped.
            Unavailable: the node cannot be reached. Its orders are tried again, and do not delay
                those of the other node.
            ActionFailed: it cannot be done. The machine gets the event of that failure.
        """


class Clock(Protocol):
    """Two clocks: a monotonic one, and the wall clock."""

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
    """Seconds since the computer was booted, including its sleep; leases use this clock.

    On a system without such a clock, the seconds of its monotonic clock.
    """
    return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


@frozen
class Observation:
    """Something that was seen: an event, or something that a timer of a node counts.

    Attributes:
        event: an event of the machine: a command, a fault, a repair, a completion; empty: none.
        heartbeat: the node that hears its peer now; empty: none.
        host_lost: the node that learns that its peer's host is down; empty: none.
    """

    event: str = ""
    heartbeat: str = ""
    host_lost: str = ""


def told(event: str) -> Observation:
    """The observation of an event: `told("services_down(node1)")`.

    Raises:
        BadInput: it is not the name of an event.
    """
    if not isinstance(event, str) or not event:
        raise BadInput(f"{event!r:.60} is not an event; expected a name like services_down(node1)")
    return Observation(event=event)


def heard(node: str) -> Observation:
    """The observation that a node hears its peer."""
    return Observation(heartbeat=node)


def host_lost(node: str) -> Observation:
    """The observation that a node learns that its peer's host is down."""
    return Observation(host_lost=node)


@define
class Fence:
    """A resource's memory of the newest decision that reached it; it refuses older ones."""

    newest: int = 0
    _lock: Lock = field(factory=Lock, repr=False)

    def check(self, epoch: int) -> None:
        """Let an effect pass if no newer decision has.

        Raises:
            StaleEpoch: an effect of a newer decision has passed.
        """
        with self._lock:
            if epoch < self.newest:
                raise StaleEpoch(f"epoch {epoch} is older than {self.newest}, which has passed")
            self.newest = epoch
