"""Which rate is worth improving, and what ranges of rates make of the figures.

Law: derivatives come from one solution, without differences. Any other world is solved on the same
chain, so that nothing but its rates differs.

A figure changes with the rate of a transition by the time spent where it starts, times what it gains:
what it counts, and what remains after it against what remained before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, frozen
from scipy.sparse import csr_matrix

from prgcore.outage.chain import CUT
from prgcore.outage.markov import MEASURES, YEAR, Matrix, Solution
from prgcore.outage.moves import Times
from prgcore.outage.rates import EVERY, SHARE, TAKES, TIMER, Rate

__all__ = ["Better", "Ranges", "Word", "better", "elasticities", "ranges", "words"]

SAMPLES = 64
"""How many worlds are sampled where corners do not bound a figure."""
SEED = 17


@frozen
class Word:
    """One rate of the world, which nodes may share.

    Attributes:
        name: the event, without its seat where both nodes have the same rate.
        kind: as of the rate.
        events: the indices of the events that it times.
        rates: the rates.
    """

    name: str
    kind: str
    events: tuple[int, ...]
    rates: tuple[Rate, ...]

    @property
    def halved(self) -> float:
        """How many times as fast its events are where it is half as often, or takes half as long."""
        return 0.5 if self.kind in (EVERY, SHARE) else 2.0

    @property
    def improves(self) -> str:
        """What is halved."""
        return {EVERY: "half as often", SHARE: "half the share", TIMER: "half the time-out",
                TAKES: "in half the time"}[self.kind]


@frozen(eq=False)
class Better:
    """What half of one rate saves in a year: groups by `MEASURES`; less than 0: it costs."""

    word: Word
    saves: Matrix


@frozen(eq=False)
class Ranges:
    """What ranges of rates make of each figure: groups by `MEASURES`.

    Attributes:
        least, most: the bounds.
        sampled: how many worlds were sampled, because a derivative changes its sign; 0: corners
            bound every figure.
        of: the rates that have ranges.
    """

    least: Matrix
    most: Matrix
    sampled: int
    of: tuple[str, ...]


def words(solution: Solution) -> tuple[Word, ...]:
    """The rates that the chain depends on; both nodes together where theirs are the same."""
    moves = solution.moves
    met = set(np.unique(solution.chain.event).tolist())
    found: dict[tuple[object, ...], list[int]] = {}
    for e, name in enumerate(moves.events):
        rate = moves.world.rate(name)
        if e in met:
            bare = name.partition("(")[0]
            found.setdefault((bare, rate.kind, rate.mean, rate.share, rate.working, rate.between), []).append(e)
    bares = [key[0] for key in found]
    made = []
    for key, events in found.items():
        rates = tuple(moves.world.rate(moves.events[e]) for e in events)
        names = [moves.events[e] for e in events]
        timed = [*events]
        if rates[0].kind == TAKES:  # attempts that fail take as long
            timed += [e for e, name in enumerate(moves.events) if moves.world.rate(name).kind == SHARE
                      and moves.world.rate(name).of in names]
        name = str(key[0]) if bares.count(key[0]) == 1 else names[0]
        made.append(Word(name, rates[0].kind, tuple(timed), rates))
    return tuple(made)


def elasticities(solution: Solution) -> Matrix:
    """The derivative of each figure by the logarithm of each event's pace: events by figures, in a year.

    Figures are groups times `MEASURES`. The waits of users are taken as they are.
    """
    chain = solution.chain
    flow = solution.times[chain.start] * solution.pace
    gain = _gain(solution)
    by_event = csr_matrix((flow, (chain.event, np.arange(len(flow)))),
                          shape=(len(solution.moves.events), len(flow)))
    return np.array(by_event @ gain) / solution.cycle * YEAR


def better(solution: Solution, most: int = 8) -> tuple[Better, ...]:
    """What half of each rate saves, most first: solved for those whose derivative is largest."""
    slope, known = elasticities(solution), words(solution)
    first = []
    for word in known:
        if word.kind == SHARE:
            change = _changed(solution, _with(solution, word))
        else:
            change = slope[list(word.events)].sum(axis=0) * np.log(word.halved)
        first.append(abs(float(change.reshape(-1, len(MEASURES))[:, :2].sum())))
    order = [known[i] for i in np.argsort(first)[::-1][:most]]
    found = [Better(w, solution.yearly - _with(solution, w).forward(solution)) for w in order]
    return tuple(sorted(found, key=lambda b: -float(b.saves[:, :2].sum())))


def _changed(solution: Solution, other: Solution) -> Times:
    """How much other rates change each figure, to first order."""
    chain = solution.chain
    flow = solution.times[chain.start] * (other.pace - solution.pace)
    found: Times = flow @ _gain(solution) / solution.cycle * YEAR
    return found


def _gain(solution: Solution) -> Matrix:
    """What each transition gains: by transition, groups times `MEASURES`."""
    chain, bias = solution.chain, solution.bias
    found: Matrix = (solution.gains + bias[np.where(chain.to == CUT, len(chain), chain.to)]
                     - bias[chain.start])
    return found


def _with(solution: Solution, word: Word) -> Solution:
    """The chain where one rate is halved."""
    if word.kind != SHARE:
        return _scaled(solution, dict.fromkeys(word.events, _halved(solution, word)))
    world = solution.moves.world
    for rate in word.rates:
        world = world.with_rate(rate.event, evolve(rate, share=rate.share / 2))
    return Solution(solution.chain, evolve(solution.moves, world=world))


def _halved(solution: Solution, word: Word) -> float:
    """How many times as fast the events of a word are where its mean is halved, or doubled."""
    rate, week = word.rates[0], solution.moves.world.week
    return week.wait(rate.mean) / week.wait(rate.mean / word.halved) if rate.working else word.halved


def _scaled(solution: Solution, faster: Mapping[int, float]) -> Solution:
    scale = np.ones(len(solution.moves.events))
    for e, factor in faster.items():
        scale[e] = factor
    return Solution(solution.chain, solution.moves, scale)


def ranges(solution: Solution) -> Ranges | None:
    """The bounds of every figure where words gave ranges; None where they gave none.

    Where every derivative keeps its sign from the one corner to the other, a figure is least and most
    at these two. Where one does not, a Latin hypercube of `SAMPLES` worlds is solved as well.
    """
    ranged = [w for w in words(solution) if w.rates[0].between]
    if not ranged:
        return None
    spans = []
    for word in ranged:
        assert word.rates[0].between is not None, "BUG: a rate without a range"
        least, most = word.rates[0].between
        wait = solution.moves.world.week.wait if word.rates[0].working else float
        mean = wait(word.rates[0].mean)
        spans.append((mean / wait(most), mean / wait(least)))
    low, high = solution.yearly.ravel().copy(), solution.yearly.ravel().copy()
    slope = _slopes(solution, ranged)
    steady = True
    solved: dict[tuple[bool, ...], tuple[Times, Matrix]] = {}
    for figure in range(len(low)):
        signs = slope[:, figure] >= 0
        for up in (True, False):
            corner = tuple((signs == up).tolist())
            if corner not in solved:
                one = _at(solution, ranged, [s[int(c)] for s, c in zip(spans, corner, strict=True)])
                solved[corner] = (one.yearly.ravel(), _slopes(one, ranged))
            value, there = solved[corner]
            low[figure], high[figure] = min(low[figure], value[figure]), max(high[figure], value[figure])
            small = np.abs(there[:, figure]) <= 1e-9 * abs(value[figure])
            steady &= bool((((there[:, figure] >= 0) == signs) | small).all())
    if not steady:
        for factors in _samples(spans):
            value = _at(solution, ranged, factors).forward(solution).ravel()
            low, high = np.minimum(low, value), np.maximum(high, value)
    shape = solution.yearly.shape
    return Ranges(low.reshape(shape), high.reshape(shape), 0 if steady else SAMPLES,
                  tuple(w.name for w in ranged))


def _slopes(solution: Solution, ranged: Sequence[Word]) -> Matrix:
    slope = elasticities(solution)
    return np.array([slope[list(w.events)].sum(axis=0) for w in ranged])


def _at(solution: Solution, ranged: Sequence[Word], factors: Sequence[float]) -> Solution:
    return _scaled(solution, {
        e: factor for word, factor in zip(ranged, factors, strict=True) for e in word.events})


def _samples(spans: Sequence[tuple[float, float]]) -> Matrix:
    from scipy.stats import qmc

    drawn = qmc.LatinHypercube(len(spans), seed=SEED).random(SAMPLES)
    low = np.array([1 / b for _, b in spans])
    high = np.array([1 / a for a, _ in spans])
    return np.array(1 / (low + drawn * (high - low)))
