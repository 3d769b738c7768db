"""Serving: whom the services of a node may serve, and for how long.

Law: no rule lives here. The record says who is assigned to a node, and whose claim a group is;
the services are told what both give, and only until the lease is over that began before the
reading. What the other node had is taken when it said that it stopped, or after the wait (T10).
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from uuid import uuid4

from attrs import evolve

from prgcore.errors import StaleEpoch
from prgcore.running.driver import Keeper
from prgcore.running.group import Lease
from prgcore.running.processes import Services
from prgcore.stores.ports import Arbiter, boot_clock
from prgcore.stores.record import Claim, Record, let_go, served, taken
from prgcore.tables.states import HOLDERS
from prgcore.timers.arithmetic import serves_from, serves_until

__all__ = ["Serving"]


class Serving:
    """The lease of one node's services, kept by its agent.

    Attributes:
        seen: the newest reading of the record, and when it was begun.
        ousted: another agent has taken the seat, from another directory.
    """

    def __init__(self, keeper: Keeper, services: Services, arbiter: Arbiter, lease: Lease) -> None:
        assert keeper.node is not None, "BUG: an agent has a node"
        self.keeper, self.node, self.services = keeper, keeper.node, services
        self.arbiter, self.lease = arbiter, lease
        self.seen: tuple[Record, float] | None = None
        self.ousted = False
        self._identity = _identity(services)
        self._starts = 0.0
        self._told = boot_clock() + lease.lasts  # an agent before this one may just have told
        self._freed: dict[tuple[str, Claim], float] = {}
        self._lock = Lock()

    def sit(self) -> None:
        """Take the seat of the node. Who had it in another place has time to stop first.

        Raises:
            Unavailable: the store does not answer.
        """
        record, _ = self.keeper.read()
        before = record.seats.get(self.node)
        self.keeper.change(lambda newest: evolve(
            newest, seats={**newest.seats, self.node: self._identity}))
        if before not in (None, self._identity):
            self._starts = serves_from(boot_clock(), self.lease.waits)

    def once(self) -> bool:
        """One reading after another, never two at once; whether the services have heard it.

        Raises:
            Unavailable: the store does not answer: the services serve until the lease is over.
        """
        with self._lock:
            return self._newest()

    def _newest(self) -> bool:
        begun = boot_clock()
        record, _ = self.keeper.read()
        self.seen = record, begun
        self.ousted = record.seats.get(self.node) != self._identity
        may = not self.ousted and begun >= self._starts and self._granted(record)
        heeded = self._tell(served(record, self.node) if may else {}, begun + self.lease.lasts)
        if self.ousted:
            return heeded
        if heeded:
            self.keeper.change(lambda newest: let_go(newest, self.node)
                               if newest.epoch == record.epoch else newest)
        now = boot_clock()
        self._freed = {
            (home, claim): self._freed.get((home, claim), now)
            for home, claim in record.claims.items() if claim.freed}

        def waited(home: str, claim: Claim) -> bool:
            since = self._freed.get((home, claim))
            return since is not None and now >= serves_from(since, self.lease.waits)

        after = self.keeper.change(lambda newest: taken(newest, self.node, waited))
        return self._newest() if after.claims != record.claims else heeded

    def _tell(self, groups: dict[str, int], until: float) -> bool:
        """Whether the services heed it; who cannot say so has, when the last lease is over."""
        if groups:
            self._told = until
        return self.services.serve(groups, until) or boot_clock() > serves_until(
            self._told, 0, self.lease.pause, self.lease.stopping)

    def _granted(self, record: Record) -> bool:
        """Whether a node that serves by the take-over grant has it still, or again."""
        if record.columns[f"{self.node}.state"] not in HOLDERS:
            return True
        with suppress(StaleEpoch):
            return self.arbiter.keep(self.node) or self.arbiter.acquire(self.node, record.epoch)
        return False


def _identity(services: Services) -> str:
    """What tells this place from another one: a word in the directory, made once."""
    file = services.directory / "identity"
    with suppress(OSError):
        if word := file.read_text().strip():
            return word
    word = uuid4().hex
    file.write_text(f"{word}\n")
    return word
