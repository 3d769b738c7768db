"""Seeking: a judge that waits for one thing to happen, and writes down the way there for model D.

Law: for worlds that are not to keep their word, because nothing arbitrates or a lease binds nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.model import Invariant
from prgcore.running.node import shared
from prgcore.running.shapes import Answer, Write
from prgcore.seats import NODES, seat
from prgcore.stores.record import Record
from prgcore.story.unseen import node_of
from prgcore.wire.entry import Entry
from prgcore.world.judge import Judge, Wrong

if TYPE_CHECKING:
    from prgcore.world.hosts import Host
    from prgcore.world.stores import Store
    from prgcore.world.world import World

__all__ = ["TWICE", "Seeker", "sought"]

TWICE = "twice"
"""What is sought by default: a group that is served twice."""


def sought(engine: Engine, what: str) -> Invariant | None:
    """The invariant of the record that is sought to be broken; None: a group that is served twice.

    Raises:
        BadInput: it is neither, or not an invariant about what both nodes write down.
    """
    if what == TWICE:
        return None
    record = {*shared(engine)}
    known = {i.id: i for i in engine.model.invariants
             if all(cell.column in record for cube in i.never for cell in cube)}
    if what not in known:
        raise BadInput(unknown_name("thing to seek", what, (TWICE, *known)))
    return known[what]


@define(slots=True)
class Seeker(Judge):
    """The memory of a seeker in one world. Its steps are the lines of a story of model D.

    Attributes:
        seeks: the invariant that is sought to be broken; None: a group that is served twice.
        was: for each node whether its manager ran, and whether what it sends arrived, when the last
            line was written. A manager has died with its host, or when it starts again. One that
            is killed while services go on is a paused owner to model D, whose crashes end both.
    """

    seeks: Invariant | None = None
    was: dict[str, tuple[bool, bool]] = field(factory=lambda: dict.fromkeys(NODES, (True, True)))

    def copy(self) -> Seeker:
        """The same seeker, for another future."""
        return Seeker(self.words, self.tokens, self.decisions, self.astray, self.steps.copy(),
                      self.seeks, self.was.copy())

    def served(self, world: World) -> None:
        """Look whether a group is served twice now.

        Raises:
            Wrong: it is, and that is sought.
        """
        if self.seeks is not None:
            return
        for home in world.setting.engine.habits.groups:
            if all(h.serves(home, world.now, world.late) for h in world.hosts.values()):
                raise Wrong(TWICE, f"users of {home} are served by both nodes", world.now)

    def written(
        self, world: World, node: str, _: Store, __: Record | None, write: Write
    ) -> None:
        """Note a decision, and look at what both nodes have written down.

        Raises:
            Wrong: it breaks the invariant that is sought to be broken.
        """
        if write.entry is None:
            return
        self.decisions += 1
        event, habits = write.entry.event, world.setting.engine.habits
        self._moved(world, starts=node if event == habits.starts(node)[0] else "")
        self.steps.append(event)
        if event == habits.stops(node):
            self.was[node] = False, self.was[node][1]
        if self.seeks is not None and self._broken(world, self.seeks):
            raise Wrong(self.seeks.id, self.seeks.says, world.now)

    def arrives(self, world: World, node: str) -> None:
        """Note that a heartbeat of a node changes what its peer knows."""
        self._moved(world)
        self.steps.append(f"beat {node}")

    def desired(self, world: World, record: Record) -> None:
        """Not looked at here."""

    def decides(self, world: World, host: Host, entry: Entry) -> None:
        """Not looked at here."""

    def decided(self, world: World, node: str, entry: Entry) -> None:
        """Not looked at here."""

    def answered(self, world: World, node: str, answer: Answer) -> None:
        """Not looked at here."""

    def _broken(self, world: World, invariant: Invariant) -> bool:
        """Whether the half that each node has of itself breaks an invariant together."""
        shown = dict[str, str]()
        for node, host in world.hosts.items():
            record = world.stores[host.home].record
            assert record is not None, "BUG: the pair has a record"
            shown |= {c: v for c, v in record.columns.items() if node_of(c) in (node, "")}
        return any(all(shown[cell.column] in cell.values for cell in cube)
                   for cube in invariant.never)

    def _moved(self, world: World, starts: str = "") -> None:
        """Note what the environment has done since the last line: cuts, and managers that died.

        Args:
            starts: the node whose manager starts now; empty: none does.
        """
        for node, host in world.hosts.items():
            ran, arrived = self.was[node]
            if ran and (node == starts or not host.on):
                self.steps.append(world.setting.engine.habits.stops(node))
            arrives = not world.paths[seat("peer", node)].cut
            if arrived != arrives:
                self.steps.append(f"{'heal' if arrives else 'cut'} {node}")
            self.was[node] = node == starts or (ran and host.on), arrives
