"""Heartbeats that are lost, simulated: how often a live peer is declared lost.

Law: the network is up and down by itself, a heartbeat is lost if it is sent while it is down, and
the counting is that of `prgcore.timers.arithmetic`, for many runs at once. Nothing of the closed
form (`prgcore.timers.losses`) is used, so the two check each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log1p, sqrt
from typing import Any, TypeAlias

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray
from scipy.stats import beta, binom, norm

from prgcore.errors import BadInput
from prgcore.model import Number
from prgcore.timers.arithmetic import begun, next_deadline, poll
from prgcore.timers.losses import FINEST, YEAR, Losses
from prgcore.timers.noticed import true_least, true_most

__all__ = ["MOST_OUTAGES", "RUNS", "Seen", "simulate"]

RUNS = 200_000
"""How many runs of losses are simulated for each setting, unless it sees few of them."""
MOST_OUTAGES = 4_000_000
"""How often the network is down in one simulation, at most."""
_SURE, _DOUBT = 0.95, 1e-6

_Times: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]


@frozen
class Seen:
    """The results of a simulation of one node.

    Attributes:
        years: how long it lasted, in years.
        runs: how many runs of losses there were.
        alarms: how many of them made the node declare its live peer lost.
        rate: alarms a year, with `least` and `most`, an interval of 95 %.
    """

    interval: Number
    timeout: Number
    years: float
    runs: int
    alarms: int
    rate: float
    least: float
    most: float

    def fits(self, expected: float) -> bool:
        """Whether this many alarms a year are plausible: one false answer in a million."""
        if not self.runs or not expected:
            return not self.alarms
        chance = min(1.0, expected * self.years / self.runs)
        below = float(binom.cdf(self.alarms, self.runs, chance))
        above = float(binom.sf(self.alarms - 1, self.runs, chance))
        return min(below, above) > _DOUBT / 2 or abs(self.rate / expected - 1) < _rough(self.runs)

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def _rough(runs: int) -> float:
    """How far the mean time between two runs may be off, as a share."""
    return 6 / sqrt(runs)


def simulate(
    losses: Losses, settings: Sequence[tuple[Number, Number]], *, jitter: Number = 0,
    drift: Number = 0, runs: int = RUNS, seed: int = 1,
) -> tuple[Seen, ...]:
    """How often a node declares its live peer lost, for each setting: an interval, a time-out.

    All settings see the same network. Clocks are those of the worst case, as in
    `prgcore.timers.losses.alarms`; each heartbeat is late by any time up to the jitter. Stretches
    without a loss are skipped: T5 says that nothing happens there.

    Args:
        losses: how long the network is up and down, or the share of independent losses.
        settings: intervals and time-outs in seconds. The interval is longer than the jitter.
        jitter: how late a heartbeat may be, in seconds.
        drift: the share by which each clock may be wrong.
        runs: how many runs of losses are wanted.
        seed: the seed; equal seeds give equal answers.

    Raises:
        BadInput: a setting declares a peer lost that loses nothing, or heartbeats overtake each
            other.
    """
    for interval, timeout in settings:
        every = true_most(interval, drift)
        if every <= jitter or every + jitter >= true_least(timeout, drift):
            raise BadInput(
                f"interval {interval:.10g} s, time-out {timeout:.10g} s: expected an interval "
                "longer than the jitter, and both together shorter than the time-out")
    if not losses.share or not settings:
        return tuple(Seen(i, t, inf, 0, 0, 0, 0, 0) for i, t in settings)
    times = None if losses.decay == inf else _network(
        losses, runs, [true_most(i, drift) for i, _ in settings], np.random.default_rng(seed))
    found = []
    for interval, timeout in settings:
        chance = np.random.default_rng((seed, 1))
        every = true_most(interval, drift)
        lost, heartbeats = (_alone(losses.share, runs, chance) if times is None else
                            _lost(*times, every))
        given = _declared(lost, every, true_least(timeout, drift), jitter, chance)
        found.append(_seen(interval, timeout, len(lost), int(given.sum()),
                           heartbeats * every / YEAR))
    return tuple(found)


def _network(
    losses: Losses, runs: int, intervals: Sequence[Number], chance: np.random.Generator,
) -> tuple[_Times, _Times]:
    """How long the network is up and then down, so often that enough heartbeats are lost."""
    up = losses.lasts * (1 - losses.share) / losses.share
    each = min(1.0, min(losses.runs_a_year(i) for i in intervals) * (up + losses.lasts) / YEAR)
    number = int(min(MOST_OUTAGES, runs / max(each, 1e-12)))
    return chance.exponential(up, number), chance.exponential(losses.lasts, number)


def _lost(up: _Times, down: _Times, every: Number) -> tuple[_Counts, float]:
    """The lengths of runs of lost heartbeats, and how many heartbeats there were in all.

    Whole intervals in which the network is up are counted apart: years of them would leave too
    few digits for the moments.
    """
    whole = np.floor(up / every)
    back = np.cumsum(up - whole * every + down)
    first = np.ceil((back - down) / every).astype(np.int64)
    last = np.ceil(back / every).astype(np.int64) - 1
    total = float(whole.sum()) + float(last[-1]) + 1
    heard = np.cumsum(whole > 0)
    hit = last >= first
    first, last, heard = first[hit], last[hit], heard[hit]
    if not len(first):
        return first, total
    # between two outages no heartbeat was heard: for the node it is one run
    apart = (first[1:] != last[:-1] + 1) | (heard[1:] != heard[:-1])
    begins = np.flatnonzero(np.r_[True, apart])
    return np.add.reduceat(last - first + 1, begins), total


def _alone(share: float, runs: int, chance: np.random.Generator) -> tuple[_Counts, float]:
    """The same where each heartbeat is lost for itself."""
    lost = chance.geometric(1 - share, runs).astype(np.int64)
    heard = np.maximum(1, np.ceil(np.log1p(-chance.uniform(size=runs)) / log1p(-share)))
    return lost, float(lost.sum()) + float(heard.sum())


def _declared(
    lost: _Counts, every: Number, timeout: Number, jitter: Number, chance: np.random.Generator,
) -> NDArray[np.bool_]:
    """For each run, whether the watching node declares the peer lost before it hears it again.

    The monitor's own lines decide: a heartbeat begins the count, and the node asks at its next
    deadline, or at the next heartbeat if that comes first. At the same moment the deadline wins,
    as in T6.
    """
    jitter = 0 if jitter < FINEST else jitter
    heard = chance.uniform(0, 1, len(lost)) * jitter
    again = (lost + 1) * every + chance.uniform(0, 1, len(lost)) * jitter
    same: dict[str, Any] = {
        "goes_on": True, "possible": True, "after": timeout, "interval": every, "choose": np.where}
    count, _ = poll(begun(heard, runs=True), heard, again=True, **same)
    deadline = next_deadline(heard, [(count, timeout)], every, np.where)
    now = np.minimum(deadline, again)
    _, given = poll(count, now, again=again < deadline, **same)
    return np.broadcast_to(np.asarray(given, dtype=bool), lost.shape)


def _seen(interval: Number, timeout: Number, runs: int, alarms: int, years: float) -> Seen:
    """The rate with its interval, out of that of the share of runs (Clopper and Pearson) and theirs.

    Each has half of the doubt, so that both together have no more than all of it.
    """
    doubt = (1 - _SURE) / 4
    least = float(beta.ppf(doubt, alarms, runs - alarms + 1)) if alarms else 0.0
    most = float(beta.ppf(1 - doubt, alarms + 1, runs - alarms)) if alarms < runs else 1.0
    rough = float(norm.isf(doubt)) / sqrt(runs) if runs else 0.0
    a_year = runs / years
    return Seen(interval, timeout, years, runs, alarms, alarms / years,
                least * a_year * (1 - rough), most * a_year * (1 + rough))
