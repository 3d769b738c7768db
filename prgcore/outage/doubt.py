"""How far the figures of a chain may be from those of its world: stages, and what was left out.

Law: every bound is a sum of nonnegative terms over what the chain visits. Nothing is solved anew.

A clock in stages is a difference scheme for a clock that counts. Let V be what remains until home, as
the chain says. Between two stages j and j + 1 of a clock, V is joined by a straight line. The rest
of the exact equation there is at most A (V[j + 1] - V[j]), where A is everything else that happens.
It grows from 0 over the stage, so a stage adds at most half of it for as long as it lasts. The sum over
every state bounds the error. It is taken over the times of the chain instead of the exact ones, which
differ by one stage in their number, so one part in that number is added.

A share that leaves the chain is counted at the cost of the worst state that was kept, and at least as
long as everything takes together that ends outages. A share that strays within its pair costs at most the
spread of the pair's states that were kept; where only one was, the largest spread of any pair.

Neither is a theorem: V is the chain's own, and what was left out is not looked at. So half the stages
are solved too (`prgcore.outage.availability`), and their difference is added.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from scipy.sparse import csr_matrix

from prgcore.outage.chain import CUT, leaders
from prgcore.outage.markov import MEASURES, YEAR, Matrix, Solution
from prgcore.outage.moves import NOBODY, Moves
from prgcore.outage.rates import TAKES
from prgcore.vocabulary import Kind

__all__ = ["Doubt", "doubt"]


@frozen(eq=False)
class Doubt:
    """Bounds of errors, in a year: groups by `MEASURES`, and in the last row all groups together.

    The last row may be far below the sum of the others: which node is first matters to each group,
    and not to both.

    Attributes:
        stages: of the stages of clocks.
        left_out: of the states that were not expanded.
    """

    stages: Matrix
    left_out: Matrix

    @property
    def whole(self) -> Matrix:
        """Both together."""
        return self.stages + self.left_out


def doubt(solution: Solution, coarser: Matrix | None = None) -> Doubt:
    """The bounds of a solution.

    Args:
        coarser: the figures with half the stages. Their difference is added.
    """
    stages = _stages(solution)
    if coarser is not None:
        apart = np.abs(solution.yearly - coarser)
        whole = np.abs((solution.yearly - coarser).sum(axis=0))
        stages = stages + np.vstack([apart, whole])
    return Doubt(stages, _left_out(solution))


def _stages(solution: Solution) -> Matrix:
    chain = solution.chain
    bias, gains = _with_sum(solution.bias), _with_sum(solution.gains)
    found = np.zeros(bias.shape[1])
    size = len(chain)
    ends = np.where(chain.to == CUT, size, chain.to)
    leads = [np.append(lead, -2) for lead in leaders(chain.stages, chain.pair, chain.ages)]
    ages = [np.append(age, -1) for age in chain.ages]
    for number, one in enumerate(chain.stages):
        mine = np.flatnonzero(chain.clock == number)
        counts = np.bincount(chain.start[mine], minlength=size) > 0
        ahead = csr_matrix((chain.share[mine], (chain.start[mine], ends[mine])), shape=(size, size + 1))
        gain = csr_matrix((chain.share[mine], (chain.start[mine], mine)),
                          shape=(size, len(chain.start))) @ gains
        step = np.where(counts[:, None], ahead @ bias + gain - bias[:-1], 0.0)
        step = np.vstack([step, np.zeros(step.shape[1])])
        other = chain.clock != number
        stays = other & counts[chain.start]
        for lead, age in zip(leads, ages, strict=True):
            mine_too = lead[chain.start] == number
            stays &= (lead[ends] == number) == mine_too
            stays &= ~mine_too | (age[ends] == age[chain.start])
        moves_on = csr_matrix((solution.pace[stays], (chain.start[stays], ends[stays])),
                              shape=(size, size + 1))
        out = np.bincount(chain.start[other], solution.pace[other], size)
        left = moves_on @ step - out[:, None] * step[:-1]
        left[~counts] = 0.0
        least = int(one.needed[one.matters].min())
        found += solution.times @ np.abs(left) / 2 * (1 + 1 / least)
    return _yearly(solution, found)


def _left_out(solution: Solution) -> Matrix:
    chain = solution.chain
    costs = _with_sum(solution.remains[:, :-1])
    remains = costs[1:] if len(chain) > 1 else costs
    worst = remains.max(axis=0)
    seconds = float(worst[-len(MEASURES)])  # of all groups together, without a server
    groups = costs.shape[1] // len(MEASURES) - 1
    dear = worst * max(1.0, groups * _everything(solution.moves) / seconds if seconds else 1.0)
    found = solution.lost * dear
    strays = np.flatnonzero(chain.strays)
    if len(strays):
        share = solution.visits[chain.start[strays]] * solution.chance[strays]
        pairs, inverse = np.unique(chain.pair, return_inverse=True)
        whole = costs.copy()
        whole[0] = 0.0
        high = np.full((len(pairs), whole.shape[1]), -np.inf)
        low = np.full_like(high, np.inf)
        np.maximum.at(high, inverse, whole)
        np.minimum.at(low, inverse, whole)
        spread = high - low
        spread[np.bincount(inverse) == 1] = spread.max(axis=0)  # nothing is known of the others
        found = found + share @ spread[inverse[chain.to[strays]]]
    return _yearly(solution, found)


def _everything(moves: Moves) -> float:
    """How long everything takes together that ends outages, in seconds: repairs, ends of attempts, timers.

    A command counts if nothing else but faults moves some pair that does not serve everybody.
    """
    world = moves.world
    kinds = {e.name: e.kind for e in moves.engine.model.events}
    out = np.any([served == NOBODY for served in moves.served], axis=0)
    ends = [e for e, name in enumerate(moves.events) if world.rate(name).kind == TAKES or e in moves.clocks]
    orders = [e for e in ends if kinds.get(moves.events[e]) is Kind.COMMAND]
    for e in ends:
        if e not in orders:
            out = out & (moves.next[e] < 0)
    waits = 0.0
    for e in ends:
        rate = world.rate(moves.events[e])
        if e in orders and not (out & (moves.next[e] >= 0)).any():
            continue
        if rate.kind == TAKES:
            waits += world.week.wait(rate.mean) if rate.working else rate.mean
        else:
            waits += float(moves.clocks[e].limit.max())
    return waits


def _with_sum(figures: Matrix) -> Matrix:
    """The figures of the groups, and of all of them together."""
    groups = figures.reshape(len(figures), -1, len(MEASURES))
    whole: Matrix = np.hstack([figures, groups.sum(axis=1)])
    return whole


def _yearly(solution: Solution, cycle: Matrix) -> Matrix:
    return (cycle / solution.cycle * YEAR).reshape(-1, len(MEASURES))
