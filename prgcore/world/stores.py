"""What a simulated world keeps: a store of the record, and an arbiter of the take-over grant.

Law: true stores, no faults. A store compares and sets, and has the history of its decisions. The
faults are in `prgcore.world.world`, on the way to a node.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import define, evolve, field

from prgcore.running.shapes import Write
from prgcore.stores.keeping import Newest
from prgcore.stores.record import Claim, Record
from prgcore.wire.entry import Entry

__all__ = ["Arbiter", "Kept", "Store", "mangled"]

AHEAD = 3
"""How many epochs later a wrong record may be than the true one."""

Kept: TypeAlias = tuple[Record | None, int]
"""A record and its version; without a record the version is 0."""


def mangled(kept: Kept, node: str, how: str) -> Kept:
    """A value that is not a record of this machine, as a store might answer with."""
    record, version = kept
    assert record is not None, "BUG: there is something to mangle"
    columns, own = dict(record.columns), {n: dict(d) for n, d in record.own.items()}
    claims = dict(record.claims)
    if how == "column":
        columns.pop("node1.state", None)
    elif how == "drawer":
        own.pop(node, None)
    elif how == "value":
        columns["node2.state"] = "norma1"
    elif how == "claim":
        claims["node3"] = Claim("node3", 1)
    else:
        columns |= {"node1.assigned_own": "yes", "node2.assigned_peer": "yes"}
    epoch = record.epoch + (AHEAD if how == "ahead" else 0)
    return evolve(record, epoch=epoch, columns=columns, own=own, claims=claims), version


@define(slots=True)
class Store:
    """A store of one record.

    Attributes:
        name: its name in stories.
        record: the newest record; None: it is empty.
        version: the version of the record.
        history: every decision, with the word that its writer gave it.
        past: the values that it had, the newest last.
    """

    name: str
    record: Record | None = None
    version: int = 0
    history: list[tuple[str, Entry]] = field(factory=list)
    past: list[Kept] = field(factory=list)

    def copy(self) -> Store:
        """A store with the same content, for another future."""
        return Store(self.name, self.record, self.version, self.history.copy(), self.past.copy())

    @property
    def kept(self) -> Kept:
        """The newest value."""
        return self.record, self.version

    def write(self, write: Write) -> tuple[str, int]:
        """Replace the value if its version is still the newest.

        Returns:
            `done` or `conflict`, and the new version; 0: this call has written nothing. A write
            that is tried again is done if the history has its word.
        """
        if write.version != self.version:
            done = write.again and write.id and any(
                word == write.id for word, _ in reversed(self.history))
            return ("done" if done else "conflict"), 0
        self.past.append(self.kept)
        self.record, self.version = write.record, self.version + 1
        if write.entry is not None:
            self.history.append((write.id, write.entry))
        return "done", self.version


@define(slots=True)
class Arbiter:
    """The arbiter of the take-over grant.

    Attributes:
        lasts: how long a grant lasts without being kept, in seconds.
        holder: the node that has the grant; empty: nobody.
        ends: when its grant ends unless it keeps it.
        newest: what outlives every grant.
    """

    lasts: float
    holder: str = ""
    ends: float = 0.0
    newest: Newest = field(factory=Newest)

    def copy(self) -> Arbiter:
        """An arbiter with the same memory, for another future."""
        return Arbiter(self.lasts, self.holder, self.ends, self.newest)

    def hold(self, node: str, epoch: int, now: float) -> bool:
        """Keep or obtain the grant; False: the other node has it, or the order is too late."""
        if self.holder == node and now <= self.ends:
            self.ends = now + self.lasts
            return True
        if self.holder not in ("", node) and now <= self.ends:
            return False
        if epoch < max(self.newest.given, self.newest.reached.get(node, 0)):
            return False
        self.newest = self.newest.after(node, epoch, given=True)
        self.holder, self.ends = node, now + self.lasts
        return True

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back, unless a newer order was carried out already."""
        if epoch < max(self.newest.given, self.newest.reached.get(node, 0)):
            return
        self.newest = self.newest.after(node, epoch, given=False)
        if self.holder == node:
            self.holder = ""
