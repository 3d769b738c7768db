"""Serving: the groups that the services of a node may serve, and for how long.

Law: no rule lives here. The record has the assignment and the claim of each group. The services may
serve a group if their node has both, until the lease is over, which began before the reading. The
node takes a group over when the other node reports that it stopped, or after the wait (T10).
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
from prgcore.timers.arithmetic import serves_from, serves_until

__all__ = ["Serving"]


class Serving:
    """The lease of one node's services, kept by its agent.

    Attributes:
        seen: the newest reading of the record, and when it began.
        ousted: whether another agent has taken the seat, from another directory.
    """

    def __init__(self, keeper: Keeper, services: Services, arbiter: Arbiter, lease: Lease) -> None:
        assert keeper.node is not None, "BUG: an agent has a node"
        self.keeper, self.node, self.services = keeper, keeper.node, services
        self.arbiter, self.lease = arbiter, lease
        self.seen: tuple[Record, float] | None = None
        self.ousted = False
        self._identity = _identity(services)
        self._habits = keeper.engine.habits
        self._starts = 0.0
        self._permitted = boot_clock() + lease.lasts  # an earlier agent may just have permitted it
        self._freed: dict[tuple[str, Claim], float] = {}
        self._lock = Lock()

    def sit(self) -> None:
        """Take the seat of the node. An agent that had it elsewhere gets time to stop first.

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
        """Read the record and serve by it, one thread at a time; return whether the services obey.

        Raises:
            Unavailable: the store does not answer. The services serve until the lease is over.
        """
        with self._lock:
            return self._newest()

    def _newest(self) -> bool:
        begun = boot_clock()
        record, _ = self.keeper.read()
        self.seen = record, begun
        self.ousted = record.seats.get(self.node) != self._identity
        may = not self.ousted and begun >= self._starts and self._granted(record)
        obeyed = self._permit(served(record, self.node, self._habits) if may else {}, begun + self.lease.lasts)
        if self.ousted:
            return obeyed
        if obeyed:
            self.keeper.change(lambda newest: let_go(newest, self.node, self._habits)
                               if newest.epoch == record.epoch else newest)
        now = boot_clock()
        self._freed = {
            (home, claim): self._freed.get((home, claim), now)
            for home, claim in record.claims.items() if claim.freed}

        def waited(home: str, claim: Claim) -> bool:
            since = self._freed.get((home, claim))
            return since is not None and now >= serves_from(since, self.lease.waits)

        after = self.keeper.change(lambda newest: taken(newest, self.node, self._habits, waited))
        return self._newest() if after.claims != record.claims else obeyed

    def _permit(self, groups: dict[str, int], until: float) -> bool:
        """Whether the services obey: by their own answer, or because their last lease is over."""
        if groups:
            self._permitted = until
        return self.services.serve(groups, until) or boot_clock() > serves_until(
            self._permitted, 0, self.lease.pause, self.lease.stopping)

    def _granted(self, record: Record) -> bool:
        """Whether a node that serves by the take-over grant still has it, or has it again."""
        if not self._habits.holds(record.columns, self.node):
            return True
        with suppress(StaleEpoch):
            return self.arbiter.keep(self.node) or self.arbiter.acquire(self.node, record.epoch)
        return False


def _identity(services: Services) -> str:
    """The identity of this directory: a word in a file, written once."""
    file = services.directory / "identity"
    with suppress(OSError):
        if word := file.read_text().strip():
            return word
    word = uuid4().hex
    file.write_text(f"{word}\n")
    return word
