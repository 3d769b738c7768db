"""Apart: no third party. Each node has a copy of the record, and copies meet in heartbeats only.

Law: as in model D without an arbiter (ADR 0049): what a heartbeat carries, what is news, and what is
based on all that the receiver has written. The agents do not know of it. They read, compare and
write as ever, each in its own copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from prgcore.engine import Engine
from prgcore.running.shapes import Heard, Write
from prgcore.seats import NODES
from prgcore.stores.record import Claim, Order, Record
from prgcore.story.unseen import node_of
from prgcore.world.stores import Arbiter, Store

if TYPE_CHECKING:
    from prgcore.world.world import World

__all__ = ["Copy", "Letter", "Nobody", "heard_from", "letter", "part"]


@define(slots=True)
class Nobody(Arbiter):
    """No arbiter: every node gives itself the grant."""

    def copy(self) -> Nobody:
        """The same, for another future."""
        return self

    def hold(self, *_: object) -> bool:
        """Yes."""
        return True

    def release(self, *_: object) -> None:
        """Nothing is kept."""


@define(slots=True)
class Copy(Store):
    """The copy of the record that one node has; its name is that of the node.

    Attributes:
        writes: how many writes of each node it has: steps that changed a column of the record.
        had: the orders that were ever in it.
    """

    writes: Mapping[str, int] = field(factory=lambda: dict.fromkeys(NODES, 0))
    had: frozenset[Order] = frozenset()

    def copy(self) -> Copy:
        """A copy with the same content, for another future."""
        return Copy(self.name, self.record, self.version, self.history.copy(), self.past.copy(),
                    self.writes, self.had)

    def write(self, write: Write) -> tuple[str, int]:
        """Write as any store does, and count what peers have to hear of."""
        before = self.record
        outcome, version = Store.write(self, write)
        if version and self.record is not None:
            if before is not None and before.columns != self.record.columns:
                self.writes = {**self.writes, self.name: self.writes[self.name] + 1}
            self.had |= {*self.record.orders}
        return outcome, version


@frozen
class Letter:
    """What a heartbeat carries beside its content: the copy of its sender, as it was then."""

    sender: str
    record: Record
    writes: Mapping[str, int]
    had: frozenset[Order]


def part(world: World) -> None:
    """Give each node a copy of the record, and take the store and the arbiter away."""
    main = world.stores["main"]
    assert main.record is not None, "BUG: the pair is at home"
    world.stores = {node: Copy(node, *main.kept, had=frozenset(main.record.orders)) for node in NODES}
    for node, host in world.hosts.items():
        host.home = host.store = node
    world.arbiter = Nobody(world.setting.grant)


def letter(world: World, node: str) -> Letter | None:
    """What a heartbeat of a node carries beside its content; None: there is one record for both."""
    copy = world.stores[world.hosts[node].store]
    if not isinstance(copy, Copy) or copy.record is None:
        return None
    return Letter(node, copy.record, copy.writes, copy.had)


def heard_from(world: World, node: str, heard: Heard, came: Letter) -> Heard:
    """Let a heartbeat change the copy of its receiver; return what the agent hears.

    The agent does not hear of which record: it would notice two copies, and serve nobody.
    """
    copy = world.stores[world.hosts[node].home]
    assert isinstance(copy, Copy), "BUG: only a copy gets letters"
    assert copy.record is not None, "BUG: it is a copy of a record"
    before, after = copy.record, _met(world.setting.engine, copy, copy.record, came)
    copy.had |= came.had
    copy.writes = {n: max(copy.writes[n], came.writes[n]) for n in NODES}
    if after != before:
        copy.record, copy.version = after, copy.version + 1
    if (after.columns, after.own) != (before.columns, before.own):
        world.judge.arrives(world, came.sender)
    return evolve(heard, record="")


def _met(engine: Engine, copy: Copy, mine: Record, came: Letter) -> Record:
    """The record of a copy after a letter came."""
    them, theirs = came.sender, came.record
    news = came.writes[them] > copy.writes[them]
    based = came.writes[copy.name] >= copy.writes[copy.name]
    columns = mine.columns
    if news:
        columns = theirs.columns if based else {
            c: _later(engine, c, v, theirs.columns[c], them) for c, v in columns.items()}
    after = evolve(
        mine, columns=columns,
        own={**mine.own, them: theirs.own[them]},
        changes={**mine.changes, them: theirs.changes[them]},
        orders=tuple(sorted(
            {o for o in mine.orders if o in theirs.orders or o not in came.had}
            | {o for o in theirs.orders if o not in copy.had},
            key=lambda o: (o.epoch, o.number, o.node))),
        claims={g: max(mine.claims[g], theirs.claims[g], key=_newer) for g in mine.claims})
    if theirs.epoch > mine.epoch:
        return evolve(after, epoch=theirs.epoch, mark=theirs.mark)
    if columns == mine.columns:
        return after
    return evolve(after, epoch=mine.epoch + 1, mark=f"{copy.name}-{mine.epoch + 1}-{theirs.mark}")


def _later(engine: Engine, column: str, mine: str, theirs: str, them: str) -> str:
    """A column of two copies of which neither knew all of the other's writes."""
    if node_of(column):
        return theirs if node_of(column) == them else mine
    return max(mine, theirs, key=engine.columns[column].domain.index)


def _newer(claim: Claim) -> tuple[int, int, str]:
    return claim.token, claim.freed, claim.node
