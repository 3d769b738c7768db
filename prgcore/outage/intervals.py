"""How sure a simulated mean is: an interval for every figure.

Law: sums go in, an `Estimate` comes out; nothing is drawn by chance.

- `t`: the mean of lanes that do not depend on each other, by Student's t. It is used where a hundred
  lanes or more have seen what is counted, and the lanes are more than 25 times the squared skewness
  of their values (Cochran, Sampling Techniques, 1977, section 2.15).
- `gamma`: the interval of Fay and Feuer (Statistics in Medicine 16, 1997) for a sum of weights that
  come by Poisson counts: a lane is a weight. It is exact for counts of single events (the interval of
  Garwood), and covers rare and costly ones, of which `t` says too little. Where fewer than ten
  lanes have seen something whose cost varies, its 95 % are about 90. Where a hundred have, and their
  values are too skewed for `t`, it takes the variance of the lanes: what all of them have is sure.
- `sum`: figures that do not depend on each other, added or subtracted. The squares of the distances to
  the ends are added (Zou and Donner, Statistics in Medicine 27, 2008).
- `wilson`: a share of lanes.
- `none seen`: a difference of which no lane has any, and of which no scale is known.

No interval knows a fault that no lane has seen: a cost that one lane in a hundred has is absent from
a third of all simulations of a hundred lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt

import numpy as np
from scipy.stats import chi2, norm, t

from prgcore.outage.moves import Times
from prgcore.outage.report import NONE_SEEN, Estimate

__all__ = ["LEVEL", "MANY", "mean", "of_mean", "paired", "share", "together"]

LEVEL = 0.95
MANY = 100
"""So many lanes must have seen something before Student's t is believed."""
DIFFER = 30
"""So many lanes must differ before Student's t is believed for a difference."""
COCHRAN = 25
"""So many times the squared skewness of their values must the lanes be."""


def of_mean(
    total: float, squares: float, lanes: int, *, seen: int, most: float, skew: float = 0.0,
    level: float = LEVEL,
) -> Estimate:
    """The mean of a figure that is 0 or more, over lanes.

    Args:
        total, squares: the sum over lanes, and the sum of squares.
        lanes: how many lanes, at least 1.
        seen: how many lanes have more than 0.
        most: the largest value of a lane; where none was seen, the largest possible one.
        skew: the skewness of the values of the lanes.
        level: how often the interval holds the true mean.
    """
    middle = total / lanes
    if seen < MANY:
        return _gamma(middle, squares / lanes**2, most / lanes, level)
    variance = max(squares - total * middle, 0.0) / (lanes - 1) / lanes
    if lanes <= COCHRAN * skew**2:
        return _gamma(middle, variance, (most - middle) / lanes, level)
    half = float(t.ppf((1 + level) / 2, lanes - 1)) * sqrt(variance)
    return Estimate(middle, max(0.0, middle - half), middle + half, "t")


def _gamma(middle: float, variance: float, weight: float, level: float) -> Estimate:
    """A sum of weights that come by chance, and its variance; `weight` is the largest of them."""
    tail = (1 - level) / 2
    low = 0.0
    if middle > 0:
        low = float(variance / (2 * middle) * chi2.ppf(tail, 2 * middle**2 / variance))
    above, spread = middle + weight, variance + weight**2
    high = float(spread / (2 * above) * chi2.ppf(1 - tail, 2 * above**2 / spread)) if above else 0.0
    return Estimate(middle, low, high, "gamma")


def _skew(values: Times) -> float:
    """The skewness of values, without a correction; 0 where all are the same."""
    apart = values - np.mean(values)
    spread = float(np.mean(apart**2))
    return float(np.mean(apart**3)) / spread**1.5 if spread > 0 else 0.0


def mean(values: Times, *, most: float, level: float = LEVEL) -> Estimate:
    """The mean of the values of lanes, all 0 or more; `most` as in `of_mean`, if all are 0."""
    seen = int(np.count_nonzero(values))
    return of_mean(float(np.sum(values)), float(np.sum(values * values)), len(values), seen=seen,
                   most=float(np.max(values)) if seen else most, skew=_skew(values), level=level)


def together(some: Sequence[Estimate], less: Estimate | None = None) -> Estimate:
    """The sum of figures that do not depend on each other, without `less`; it may be below 0."""
    value = sum(e.value for e in some)
    low, high = ([e.value - e.low for e in some], [e.high - e.value for e in some])
    if less is not None:
        value -= less.value
        low.append(less.high - less.value)
        high.append(less.value - less.low)
    return Estimate(value, value - hypot(*low), value + hypot(*high), "sum")


def paired(this: Times, other: Times, *, most: float = 0.0, level: float = LEVEL) -> Estimate:
    """The mean of `other - this`, lane by lane: both have the same faults.

    The interval is `t` where `DIFFER` lanes differ and skewness allows it. Else what the lanes have
    more and what they have less are two figures (`gamma`), and the interval is that of their `sum`.
    Where no lane differs, a difference of `most` may still be as frequent as a count of none allows.

    Args:
        this, other: the values of the lanes in both worlds.
        most: the largest likely difference of a lane, for worlds in which no lane differs. 0: it
            is not known, so the interval is from 0 to 0 by `none seen`.
        level: how often the interval holds the true mean.
    """
    difference = other - this
    middle, lanes = float(np.mean(difference)), len(difference)
    if lanes < 2:
        return Estimate(middle, -float("inf"), float("inf"), "t")
    differ = int(np.count_nonzero(difference))
    if not differ and not most:
        return Estimate(0.0, 0.0, 0.0, NONE_SEEN)
    if differ >= DIFFER and lanes > COCHRAN * _skew(difference) ** 2:
        half = float(t.ppf((1 + level) / 2, lanes - 1) * np.std(difference, ddof=1) / sqrt(lanes))
        return Estimate(middle, middle - half, middle + half, "t")
    largest = float(np.max(np.abs(difference))) if differ else most
    more, less = (_part(values, largest, level) for values in (difference, -difference))
    if not differ:
        return Estimate(0.0, -less.high, more.high, "gamma")
    return together([more], less)


def _part(difference: Times, largest: float, level: float) -> Estimate:
    """The mean of what lanes have more. If many differ, a common part of it is not by chance."""
    more, lanes = np.maximum(difference, 0.0), len(difference)
    part, common = float(np.mean(more)), 0.0
    weight = float(np.max(more)) or largest
    if np.count_nonzero(difference) >= DIFFER:
        common = float(np.mean(difference))
        weight = float(np.max(difference)) - common
    return _gamma(part, (float(np.mean(more * more)) - part * common) / lanes, weight / lanes, level)


def share(some: int, lanes: int, level: float = LEVEL) -> Estimate:
    """A share of lanes, by Wilson's interval."""
    z = float(norm.ppf((1 + level) / 2))
    part, whole = some / lanes, 1 + z * z / lanes
    middle = (part + z * z / (2 * lanes)) / whole
    half = z * sqrt(part * (1 - part) / lanes + z * z / (4 * lanes**2)) / whole
    return Estimate(part, max(0.0, middle - half), min(1.0, middle + half), "wilson")
