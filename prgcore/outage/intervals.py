"""How sure a simulated mean is: an interval for every figure.

Law: sums go in, an `Estimate` comes out; nothing is drawn by chance.

- `t`: the mean of lanes that do not depend on each other, by Student's t. It is used where a hundred
  lanes or more have seen what is counted.
- `gamma`: the interval of Fay and Feuer (Statistics in Medicine 16, 1997) for a sum of weights that
  come by Poisson counts: a lane is a weight. It is exact for counts of single events (the interval of
  Garwood), and covers rare and costly ones, of which `t` says too little. Where one or two lanes have
  seen something whose cost varies, its 95 % are about 90.
- `wilson`: a share of lanes.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy.stats import chi2, norm, t

from prgcore.outage.moves import Times
from prgcore.outage.report import Estimate

__all__ = ["LEVEL", "MANY", "mean", "of_mean", "paired", "share"]

LEVEL = 0.95
MANY = 100
"""So many lanes must have seen something before Student's t is believed."""


def of_mean(
    total: float, squares: float, lanes: int, *, seen: int, most: float, level: float = LEVEL,
) -> Estimate:
    """The mean of a figure that is 0 or more, over lanes.

    Args:
        total, squares: the sum over lanes, and the sum of squares.
        lanes: how many lanes, at least 1.
        seen: how many lanes have more than 0.
        most: the largest value of a lane; where none was seen, the largest possible one.
    """
    middle = total / lanes
    if seen >= MANY and lanes > 1:
        spread = sqrt(max(squares - total * middle, 0.0) / (lanes - 1) / lanes)
        half = float(t.ppf((1 + level) / 2, lanes - 1)) * spread
        return Estimate(middle, max(0.0, middle - half), middle + half, "t")
    tail = (1 - level) / 2
    variance, weight = squares / lanes**2, most / lanes
    low = 0.0
    if middle > 0:
        low = float(variance / (2 * middle) * chi2.ppf(tail, 2 * middle**2 / variance))
    above, spread = middle + weight, variance + weight**2
    high = float(spread / (2 * above) * chi2.ppf(1 - tail, 2 * above**2 / spread)) if above else 0.0
    return Estimate(middle, low, high, "gamma")


def mean(values: Times, *, most: float, level: float = LEVEL) -> Estimate:
    """The mean of the values of lanes, all 0 or more; `most` as in `of_mean`, if all are 0."""
    seen = int(np.count_nonzero(values))
    return of_mean(float(np.sum(values)), float(np.sum(values * values)), len(values), seen=seen,
                   most=float(np.max(values)) if seen else most, level=level)


def paired(this: Times, other: Times, level: float = LEVEL) -> Estimate:
    """The mean of `other - this`, lane by lane: both have the same faults (`t`)."""
    difference = other - this
    middle, lanes = float(np.mean(difference)), len(difference)
    if lanes < 2:
        return Estimate(middle, -float("inf"), float("inf"), "t")
    half = float(t.ppf((1 + level) / 2, lanes - 1) * np.std(difference, ddof=1) / sqrt(lanes))
    return Estimate(middle, middle - half, middle + half, "t")


def share(some: int, lanes: int, level: float = LEVEL) -> Estimate:
    """A share of lanes, by Wilson's interval."""
    z = float(norm.ppf((1 + level) / 2))
    part, whole = some / lanes, 1 + z * z / lanes
    middle = (part + z * z / (2 * lanes)) / whole
    half = z * sqrt(part * (1 - part) / lanes + z * z / (4 * lanes**2)) / whole
    return Estimate(part, max(0.0, middle - half), min(1.0, middle + half), "wilson")
