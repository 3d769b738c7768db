"""How far the figures of a chain may be from those of its world: stages, and what was left out.

Law: every bound is a sum of nonnegative terms over what the chain visits. Nothing is solved anew.

A clock in stages is a difference scheme for a clock that counts. Let V be what remains until home, as
the chain says. Between two stages j and j + 1 of a clock, V is joined by a straight line. The rest
of the exact equation there is at most A (V[j + 1] - V[j]), where A is everything else that happens.
It grows from 0 over the stage, so a stage adds at most half of it for as long as it lasts. The sum over
every state bounds the error. It is taken over the times of the chain instead of the exact ones, which
differ by one stage in their number, so one part in that number is added.

A share that leaves the chain is counted at the cost of the worst state that was kept; only where few
states are kept may one that was left out be worse. A share that strays within its pair costs at most
the spread of that pair.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from scipy.sparse import csr_matrix

from prgcore.outage.chain import CUT
from prgcore.outage.markov import MEASURES, YEAR, Matrix, Solution

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


def doubt(solution: Solution) -> Doubt:
    """The bounds of a solution."""
    return Doubt(_stages(solution), _left_out(solution))


def _stages(solution: Solution) -> Matrix:
    chain = solution.chain
    bias, gains = _with_sum(solution.bias), _with_sum(solution.gains)
    found = np.zeros(bias.shape[1])
    size = len(chain)
    ends = np.where(chain.to == CUT, size, chain.to)
    for number, one in enumerate(chain.stages):
        mine = np.flatnonzero(chain.clock == number)
        counts = np.bincount(chain.start[mine], minlength=size) > 0
        ahead = csr_matrix((chain.share[mine], (chain.start[mine], ends[mine])), shape=(size, size + 1))
        gain = csr_matrix((chain.share[mine], (chain.start[mine], mine)),
                          shape=(size, len(chain.start))) @ gains
        step = np.where(counts[:, None], ahead @ bias + gain - bias[:-1], 0.0)
        step = np.vstack([step, np.zeros(step.shape[1])])
        other = chain.clock != number
        age = np.append(chain.ages[number], -1)
        goes_on = np.append(one.matters[chain.pair], values=False)
        stays = other & goes_on[ends] & (age[ends] == age[chain.start]) & counts[chain.start]
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
    found = solution.lost * remains.max(axis=0)
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
        found = found + share @ (high - low)[inverse[chain.to[strays]]]
    return _yearly(solution, found)


def _with_sum(figures: Matrix) -> Matrix:
    """The figures of the groups, and of all of them together."""
    groups = figures.reshape(len(figures), -1, len(MEASURES))
    whole: Matrix = np.hstack([figures, groups.sum(axis=1)])
    return whole


def _yearly(solution: Solution, cycle: Matrix) -> Matrix:
    return (cycle / solution.cycle * YEAR).reshape(-1, len(MEASURES))
