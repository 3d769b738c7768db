"""Time that passes for a fleet, pair by pair: the events of a plan come to each pair by chance.

Law: the same distribution as for a histogram, and each pair keeps its place. A part of a fleet goes
its whole way before the next part begins, with chance of its own, so that parts may go anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from prgcore.fleet.chances import ROUNDS, Entry, Plan
from prgcore.fleet.counts import Counts
from prgcore.fleet.table import Codes

__all__ = ["let_pass"]

SELDOM = 0.02
"""A rarer event is drawn in two parts: how many pairs it comes to, and which."""


def let_pass(
    codes: Codes, plan: Plan, rng: np.random.Generator, counts: Counts | None = None
) -> int:
    """Let one step of time pass, in place: every event of a plan comes to its share of pairs.

    An event that would not move a pair does not come to it, and is not counted.

    Args:
        codes: pairs of the plan's table: a part of a fleet, some ten thousand.
        plan: what comes.
        rng: the source of chance.
        counts: counts the decisions, if given.

    Returns:
        How often a pair has moved.
    """
    bits = [word.take(codes) for word in plan.bits]
    total = 0
    for entry in plan.once:
        hit = _hit(entry, bits[entry.word], rng)
        total += _moved(entry, plan, codes, bits, hit, counts)
    for _ in range(ROUNDS):
        lively = np.zeros(len(codes), np.bool_)
        for some, quick in zip(bits, plan.lively, strict=True):
            lively |= (some & quick) != 0
        at = lively.nonzero()[0]
        if not len(at):
            break
        mine, less = codes.take(at), [word.take(at) for word in bits]
        for entry in plan.quick:
            hit = _hit(entry, less[entry.word], rng)
            total += _moved(entry, plan, mine, less, hit, counts)
        codes[at] = mine
        for word, some in zip(bits, less, strict=True):
            word[at] = some
    return total


def _hit(
    entry: Entry, bits: npt.NDArray[np.uint64], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """The places to which an event comes, of those that it moves."""
    if entry.chance < SELDOM:
        some = rng.binomial(len(bits), entry.chance)
        at = rng.choice(len(bits), int(some), replace=False, shuffle=False)
        hit: npt.NDArray[np.intp] = at[(bits.take(at) & entry.bit) != 0]
        return hit
    at = (bits & entry.bit).nonzero()[0]
    if entry.chance < 1:
        at = at[rng.random(len(at)) < entry.chance]
    return at


def _moved(
    entry: Entry, plan: Plan, codes: Codes, bits: list[npt.NDArray[np.uint64]],
    hit: npt.NDArray[Any], counts: Counts | None,
) -> int:
    """Move the pairs at some places; how many there are."""
    if not len(hit):
        return 0
    table, event = plan.table, entry.event
    some = codes.take(hit)
    if counts is not None:
        counts.add(event, np.bincount(table.answer[event].take(some)))
    after = table.next[event].take(some)
    codes[hit] = after
    for word, mine in zip(plan.bits, bits, strict=True):
        mine[hit] = word.take(after)
    return len(hit)
