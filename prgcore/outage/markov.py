"""What a chain says in the long run: minutes without a server, interruptions, failovers, by cause.

Law: solved by regeneration. Home is left and reached again; what happens on the way is a sum of
nonnegative terms, and divided by the mean time of a way it is a figure per second. The factors of
I - P have no other pivots than those of its diagonal, so no large numbers cancel, and every figure has
nearly all its digits, however small it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from scipy.sparse import csr_matrix, diags, eye
from scipy.sparse.linalg import splu

from prgcore.errors import BadInput
from prgcore.outage.chain import CUT, Chain, paces
from prgcore.outage.moves import NOBODY, Moves, Times
from prgcore.outage.served import (
    COUNTS,
    FAILOVERS,
    INTERRUPTIONS,
    LOGINS,
    RETURNS,
    SPARED,
)
from prgcore.product.clients import wait
from prgcore.seats import NODES
from prgcore.timers.parameters import Parameters

__all__ = ["MEASURES", "YEAR", "Solution", "false_causes"]

Matrix: TypeAlias = npt.NDArray[np.float64]

YEAR = 31_536_000
"""Seconds of a year of 365 days."""
MEASURES = ("unserved", "login", "interruptions", "failovers", "returns")
"""Of each group: seconds without a server, seconds of logging in again, and counts."""
UNSERVED, LOGIN = 0, 1
WAITING = 32
"""In how many steps the waits of users are counted."""
SWEEPS = 3
"""How often a solution is put into its own equation."""


@frozen(eq=False)
class Solution:
    """A chain solved for one world.

    Attributes:
        chain: the states and transitions.
        moves: the moves of the chain, or the same pairs with other rates.
        scale: by event, how many times as fast it is as these say; a timer as well. None: as they say.
    """

    chain: Chain
    moves: Moves = field(repr=False)
    scale: Times | None = field(default=None, repr=False)

    @cached_property
    def pace(self) -> Times:
        """The rate of every transition, per second."""
        found = paces(self.chain, self.moves)
        return found if self.scale is None else found * self.scale[self.chain.event]

    @cached_property
    def leaves(self) -> Times:
        """The rate at which each state is left, per second."""
        found = np.bincount(self.chain.start, self.pace, len(self.chain)).astype(np.float64)
        if not found.all():
            pair = self.moves.pair(int(self.chain.pair[np.flatnonzero(found == 0)[0]]))
            told = ", ".join(f"{n}={v}" for n, v in pair.items())
            raise BadInput(f"nothing leads on from a pair that this world reaches, so its outages "
                           f"have no end; give its repairs a time ({told:.300})")
        return found

    @cached_property
    def chance(self) -> Times:
        """The probability of every transition, in the state that it leaves."""
        return self.pace / self.leaves[self.chain.start]

    def _steps(self, keep: npt.NDArray[np.bool_]) -> csr_matrix:
        """The probabilities of the transitions to keep that lead neither home nor out of the chain."""
        chain = self.chain
        keep = keep & (chain.to > 0)
        return csr_matrix((self.chance[keep], (chain.start[keep], chain.to[keep])),
                          shape=(len(chain), len(chain)))

    @cached_property
    def _whole(self) -> _Sums:
        return _Sums(self._steps(np.ones(len(self.chain.start), np.bool_)))

    @cached_property
    def visits(self) -> Times:
        """How often each state is met between two visits of home, home once."""
        first = np.zeros(len(self.chain))
        first[0] = 1.0
        found: Times = self._whole.left(first)
        return found

    @cached_property
    def times(self) -> Times:
        """The mean time spent in each state on one way from home to home, in seconds."""
        return self.visits / self.leaves

    @cached_property
    def cycle(self) -> float:
        """The mean time from home to home, in seconds."""
        return float(self.times.sum())

    @cached_property
    def lost(self) -> float:
        """The chance to leave the chain for a state that was not expanded, on one way."""
        out = self.chain.to == CUT
        return float((self.visits[self.chain.start[out]] * self.chance[out]).sum())

    # ----------------------------------------------------------------------- what it costs

    @cached_property
    def gains(self) -> Matrix:
        """What each transition counts: by transition, groups times `MEASURES`."""
        chain, size = self.chain, len(MEASURES)
        found = np.zeros((len(chain.start), size * len(self.moves.groups)))
        for g in range(len(self.moves.groups)):
            counts = chain.counts[:, g * len(COUNTS):(g + 1) * len(COUNTS)]
            waits, spared = self.waits(g)
            ends = np.maximum(chain.to, 0)
            found[:, g * size + 1] = counts[:, LOGINS] * waits[ends] + counts[:, SPARED] * spared[ends]
            found[:, g * size + 2] = counts[:, INTERRUPTIONS]
            found[:, g * size + 3] = counts[:, FAILOVERS]
            found[:, g * size + 4] = counts[:, RETURNS]
        return found

    @cached_property
    def costs(self) -> Matrix:
        """What each state costs on one visit: by state, groups times `MEASURES`, then seconds."""
        chain, size = self.chain, len(MEASURES)
        found = np.zeros((len(chain), size * len(self.moves.groups) + 1))
        for column in range(found.shape[1] - 1):
            found[:, column] = np.bincount(
                chain.start, self.chance * self.gains[:, column], len(chain))
        for g, served in enumerate(self.moves.served):
            found[:, g * size] += (served[chain.pair] == NOBODY) / self.leaves
        found[:, -1] = 1 / self.leaves
        return found

    @cached_property
    def remains(self) -> Matrix:
        """What each state costs until home: as `costs`; in home, on one whole way."""
        found: Matrix = self._whole.right(self.costs)
        return found

    @cached_property
    def bias(self) -> Matrix:
        """The cost of each state until home beyond the long run, by state, groups times `MEASURES`.

        It is 0 at home. A changed rate changes a figure by what it gains between two states (see
        `prgcore.outage.sensitivity`).
        """
        found = self.remains[:, :-1] - np.outer(self.remains[:, -1], self.remains[0, :-1] / self.cycle)
        found[0] = 0.0
        return np.vstack([found, np.zeros(found.shape[1])])  # the last row is `CUT`

    def forward(self, base: Solution) -> Matrix:
        """Per year: groups by `MEASURES`, with the waits of users as in another solution.

        It needs one sum instead of one for each figure.
        """
        flow = self.times[self.chain.start] * self.pace
        found = flow @ base.gains
        for g, served in enumerate(self.moves.served):
            found[g * len(MEASURES)] += self.times[served[self.chain.pair] == NOBODY].sum()
        return (found / self.cycle * YEAR).reshape(-1, len(MEASURES))

    @cached_property
    def yearly(self) -> Matrix:
        """Per year: groups by `MEASURES`."""
        return (self.remains[0, :-1] / self.cycle * YEAR).reshape(-1, len(MEASURES))

    @cached_property
    def causes(self) -> Mapping[str, Matrix]:
        """By the event that left home: what it costs in a year, groups by `MEASURES`."""
        chain = self.chain
        here = np.flatnonzero(chain.start == 0)
        found = {}
        for event in np.unique(chain.event[here]).tolist():
            mine = here[chain.event[here] == event]
            until = np.where(chain.to[mine, None] > 0, self.remains[chain.to[mine], :-1], 0.0)
            each = self.chance[mine] @ (self.gains[mine] + until)
            found[self.moves.events[event]] = (each / self.cycle * YEAR).reshape(-1, len(MEASURES))
        return found

    def first(self, groups: tuple[int, ...]) -> float:
        """The mean time from home to the first interruption of one of these groups, in seconds."""
        chain = self.chain
        ends = np.zeros(len(chain.start), np.bool_)
        for g in groups:
            ends |= chain.counts[:, g * len(COUNTS) + INTERRUPTIONS] > 0
        return self._until(ends)

    def _until(self, ends: npt.NDArray[np.bool_]) -> float:
        """The mean time from home to one of these transitions, in seconds."""
        chain = self.chain
        if not ends.any():
            return float("inf")
        met = _Sums(self._steps(~ends)).left(np.eye(1, len(chain))[0])
        risk = float((met[chain.start[ends]] * self.chance[ends]).sum())
        return float((met / self.leaves).sum()) / risk if risk else float("inf")

    def dark(self, g: int) -> float:
        """The share of time in which nobody serves a group."""
        lost = self.moves.served[g][self.chain.pair] == NOBODY
        return float(self.times[lost].sum()) / self.cycle

    def until_dark(self, g: int) -> float:
        """The mean time from home until nobody serves a group, in seconds."""
        chain = self.chain
        ends = (self.moves.served[g][chain.pair] == NOBODY)[np.maximum(chain.to, 0)] & (chain.to >= 0)
        return self._until(ends)

    # ----------------------------------------------------------------------- logging in

    def waits(self, g: int) -> tuple[Times, Times]:
        """How long a user who can log in again is still out, by state, in seconds.

        It is the mean of the wait, cut off where the group loses its server again; for those that
        wait between the re-login limits, and for those whose spare connection becomes active.
        """
        world = self.moves.world
        least, most = _limits(world.parameters)
        users = world.users.get(self.moves.groups[g], 0)
        queue = users / world.logins if world.logins else 0.0
        return (self._waited(g, least, max(most - least, queue)), self._waited(g, 0.0, queue))

    def _waited(self, g: int, least: float, width: float) -> Times:
        chain = self.chain
        if least + width <= 0:
            return np.zeros(len(chain))
        ends = chain.counts[:, g * len(COUNTS) + INTERRUPTIONS] > 0
        keep = ~ends & (chain.to >= 0)
        step = (least + width) / WAITING
        rates = csr_matrix((self.pace[keep], (chain.start[keep], chain.to[keep])),
                           shape=(len(chain), len(chain)))
        back = splu((diags(1 + step * self.leaves) - step * rates).tocsc(), diag_pivot_thresh=0.0)
        found = np.zeros(len(chain))
        for number in reversed(range(WAITING)):
            moment = (number + 0.5) * step
            out = 1.0 if moment <= least else 1 - (moment - least) / width
            found = back.solve(found + step * out)
        return np.where(self.moves.served[g][chain.pair] == NOBODY, 0.0, found)


class _Sums:
    """Sums of all powers of a matrix P of probabilities, times a vector on either side."""

    def __init__(self, steps: csr_matrix) -> None:
        self._steps = steps
        self._turned = steps.T.tocsr()
        try:
            self._factors = splu((eye(steps.shape[0]) - steps).tocsc(), diag_pivot_thresh=0.0)
        except RuntimeError:
            raise BadInput("some outage of this world never ends; give every repair a time") from None

    def right(self, first: Any) -> Any:
        """The sum of P^n @ first."""
        found = self._factors.solve(first)
        for _ in range(SWEEPS):
            found = first + self._steps @ found
        return found

    def left(self, first: Any) -> Any:
        """The sum of first @ P^n."""
        found = self._factors.solve(first, trans="T")
        for _ in range(SWEEPS):
            found = first + self._turned @ found
        return found


def _limits(parameters: Any) -> tuple[float, float]:
    """The re-login limits in seconds; a machine without them has none.

    Raises:
        BadInput: the lower limit is above the upper one.
    """
    if isinstance(parameters, Parameters):
        wait(parameters)
    least = float(getattr(parameters, "client_relogin_lower_limit", 0))
    return least, max(least, float(getattr(parameters, "client_relogin_upper_limit", 0)))


def false_causes(moves: Moves) -> Mapping[str, tuple[bool, ...]]:
    """For each event that leaves home and each group: whether its server could have gone on.

    A failover that follows such an event is a false one.
    """
    able = [moves.where(moves.engine.habits.agent(node).able) for node in NODES]
    for i, node in enumerate(NODES):
        for cells in moves.engine.habits.acts(node):
            able[i] &= moves.where(cells)
    found = {}
    for name, after in zip(moves.events, moves.next, strict=True):
        if after[0] >= 0:
            found[name] = tuple(bool(able[s[0]][after[0]]) for s in moves.served)
    return found
