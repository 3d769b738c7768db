"""Chances: which events come to a fleet in one step of time, to which pairs, and how often.

Law: data, and one plan made of it; nothing is drawn here. The events of a step come one after
another, in the order in which they are given. Each comes to each pair with its chance, whatever
came before. A *quick* event comes again, round after round, until it moves no pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from prgcore.errors import BadInput
from prgcore.fleet.table import Table

__all__ = ["ROUNDS", "Chance", "Entry", "Plan"]

Mask = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]

ROUNDS = 16
"""So often quick events come in one step at most."""
WORD = 64


@frozen(eq=False)
class Chance:
    """An event that comes to a share of the pairs in each step.

    Attributes:
        event: its name or number.
        chance: how likely it comes to a pair, from 0 to 1.
        where: by code, the pairs that it can come to; None: all of them.
        quick: whether it comes again in the same step, until it moves no pair.
    """

    event: str | int
    chance: float
    where: Mask | None = field(default=None, repr=False)
    quick: bool = False


@frozen(eq=False)
class Entry:
    """A chance, ready: the number of the event, and the bit of its pairs in a word of the plan."""

    event: int
    chance: float
    where: Mask | None
    word: int
    bit: np.uint64


@frozen(eq=False)
class Plan:
    """The chances of a step, made ready for a table. `Plan.of(table, {"power_off(node1)": 1e-4})`.

    Attributes:
        table: the table.
        once: what comes once in a step, in order.
        quick: what comes again until it moves no pair, in order.
        bits: by word and code, a bit for each entry: whether the event moves the pair.
        lively: by word, the bits of all quick entries.
    """

    table: Table
    once: tuple[Entry, ...]
    quick: tuple[Entry, ...]
    bits: tuple[Bits, ...] = field(repr=False)
    lively: tuple[np.uint64, ...]

    @classmethod
    def of(cls, table: Table, chances: Mapping[str, float] | Iterable[Chance]) -> Plan:
        """A plan of these chances, in their order.

        Raises:
            BadInput: an event is unknown, a chance is not from 0 to 1, or a mask is not one.
        """
        given = [Chance(name, chance) for name, chance in chances.items()] if isinstance(
            chances, Mapping) else list(chances)
        numbers = [table.event(one.event) for one in given]
        for one in given:
            _check(table, one)
        used = [i for i, one in enumerate(given) if one.chance > 0]
        words = -(-len(used) // WORD)
        bits = tuple(np.zeros(len(table), np.uint64) for _ in range(words))
        here = np.arange(len(table), dtype=np.uint32)
        once: list[Entry] = []
        quick: list[Entry] = []
        lively = [np.uint64(0)] * words
        for place, i in enumerate(used):
            one, number, word = given[i], numbers[i], place // WORD
            bit = np.uint64(1) << np.uint64(place % WORD)
            moves = table.next[number] != here
            if one.where is not None:
                moves &= one.where
            bits[word][moves] |= bit
            (quick if one.quick else once).append(
                Entry(number, float(one.chance), one.where, word, bit))
            if one.quick:
                lively[word] |= bit
        return cls(table, tuple(once), tuple(quick), bits, tuple(lively))


def _check(table: Table, one: Chance) -> None:
    chance = one.chance
    if isinstance(chance, bool) or not isinstance(chance, (int, float)) or not (
            isfinite(chance) and 0 <= chance <= 1):
        raise BadInput(f"{one.event}: the chance {chance!r:.40} is not a number from 0 to 1")
    if one.where is not None and (
            one.where.shape != (len(table),) or one.where.dtype != np.bool_):
        raise BadInput(f"{one.event}: where is {one.where.dtype} of shape {one.where.shape}; "
                       f"expected true or false for each of {len(table):,} codes")
