"""What happens to the users of a group when a pair moves: lost, served again, moved, moved home.

Law: counts only, no time. While nobody serves a group, it remembers who served it last, and whether
its users' spare connections are still open (D54).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.model import Cell, Cube
from prgcore.outage.moves import NOBODY, Mask, Moves
from prgcore.seats import NODES
from prgcore.tables.clients import OFFERED, SENT_HOME, TAKING_BACK

__all__ = ["COUNTS", "FAILOVERS", "INTERRUPTIONS", "LOGINS", "RETURNS", "SPARED", "Following", "Steps"]

Numbers: TypeAlias = npt.NDArray[np.int64]

INTERRUPTIONS, LOGINS, SPARED, FAILOVERS, RETURNS = range(5)
COUNTS = ("interruptions", "logins", "spared", "failovers", "returns")
"""The counts of one move for a group.

interruptions: its server is lost or it is moved. logins: a node serves it, and its users wait and log
in again. spared: a node serves it, and their spare connections become active. failovers: it moved to a
node that is not its home. returns: it moved home.
"""


@frozen(eq=False)
class Steps:
    """Moves of pairs; `kept` and `counts` are written over.

    Attributes:
        old, pair: the pairs before and after, one for each row.
        kept: for each group what it remembers, by row.
        counts: by row: for each group, each of `COUNTS`.
    """

    old: Numbers
    pair: Numbers
    kept: list[Numbers]
    counts: npt.NDArray[np.int8]


@define(eq=False)
class Following:
    """Follows the groups of some moves."""

    moves: Moves
    size: int = 5
    homes: tuple[int, ...] = field(init=False)
    stands: tuple[Mask, Mask] = field(init=False)
    sent: tuple[Mask, ...] = field(init=False)
    back: tuple[Mask, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.homes = tuple(int(s[0]) for s in self.moves.served)
        self.stands = _stands(self.moves)
        at_home = [s == home for s, home in zip(self.moves.served, self.homes, strict=True)]
        self.sent = tuple(_seen(self.moves, home, SENT_HOME) & here
                          for home, here in zip(self.homes, at_home, strict=True))
        self.back = tuple(_seen(self.moves, home, TAKING_BACK) for home in self.homes)

    def follow(self, steps: Steps) -> None:
        """Count what a move does to each group, and remember what it needs later."""
        for g in range(len(self.homes)):
            self._follow(steps, g)

    def _follow(self, steps: Steps, g: int) -> None:
        served = self.moves.served[g]
        before, after = served[steps.old], served[steps.pair]
        if (before == after).all() and (after != NOBODY).all():
            return
        last = np.where(before >= 0, before, (steps.kept[g] - 1) // 2).astype(np.int64)
        dual = self.moves.world.dual
        spare = np.zeros(len(last), np.bool_)
        if dual:
            peer = 1 - np.clip(last, 0, 1)
            able = np.array(self.stands)
            spare = np.where(before >= 0, able[peer, steps.old], (steps.kept[g] - 1) % 2 == 1)
        lost = (before >= 0) & (after != before)
        again = (after >= 0) & (after != before)
        spared = again & spare & (after != last) & ~self.sent[g][steps.pair]
        width = len(COUNTS)
        counts = steps.counts[:, g * width:(g + 1) * width]
        counts[:, INTERRUPTIONS] += lost
        counts[:, LOGINS] += again & ~spared
        counts[:, SPARED] += spared
        counts[:, FAILOVERS] += again & (after != last) & (after != self.homes[g])
        counts[:, RETURNS] += again & (after != last) & (after == self.homes[g])
        if dual:
            spare &= able[1 - np.clip(last, 0, 1), steps.pair] & ~(
                (before != after) & self.back[g][steps.pair])
        steps.kept[g] = np.where(after >= 0, 0, 1 + 2 * np.maximum(last, 0) + spare)


def _stands(moves: Moves) -> tuple[Mask, Mask]:
    """For each node, where it can hold spare connections."""
    known = set(moves.engine.stored)
    offered = moves.where(OFFERED) if all(c.column in known for c in OFFERED) else np.ones(
        len(moves), np.bool_)
    one, other = (moves.where(moves.engine.habits.agent(node).able) & offered for node in NODES)
    return one, other


def _seen(moves: Moves, node: int, cells: Cube) -> Mask:
    """Where cells about `me` hold of a node; nowhere, if the machine has not these columns."""
    columns, found = moves.engine.columns, []
    for cell in cells:
        name = cell.column.replace("me.", f"{NODES[node]}.")
        values = tuple(v for v in cell.values if name in columns and v in columns[name].domain)
        if not values:
            return np.zeros(len(moves), np.bool_)
        found.append(Cell(name, values))
    return moves.where(Cube(tuple(found)))
