"""Chance that depends on no order: a draw is a function of seed, lane, stream and count.

Law: numbers only. The function is Philox 4x32-10 of Salmon, Moraes, Dror and Shaw ("Parallel random
numbers: as easy as 1, 2, 3", 2011): a counter goes in, and no state is kept. So a lane draws the
same numbers in every block, on every worker, and in every world (ADR 0061).
"""

from __future__ import annotations

from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.errors import BadInput

__all__ = ["Draws", "Whole", "philox", "stream"]

Times: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[Any]

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MULTIPLY = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_BUMP = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


def philox(key: tuple[int, int], counter: tuple[Whole, Whole, Whole, Whole]) -> tuple[Whole, ...]:
    """The four words of Philox 4x32-10 for arrays of counters, as uint64 below 2**32."""
    one, two, three, four = (np.asarray(c, np.uint64) for c in counter)
    first, second = key
    for _ in range(_ROUNDS):
        left, right = one * _MULTIPLY[0], three * _MULTIPLY[1]
        one, two, three, four = (
            (right >> _HALF) ^ two ^ np.uint64(first), right & _LOW,
            (left >> _HALF) ^ four ^ np.uint64(second), left & _LOW)
        first, second = (first + _BUMP[0]) & 0xFFFFFFFF, (second + _BUMP[1]) & 0xFFFFFFFF
    return one, two, three, four


def stream(event: str) -> int:
    """The stream of an event: a number of 32 bits that follows from its name."""
    return crc32(event.encode())


@frozen
class Draws:
    """The draws of a seed.

    Attributes:
        key: two words of 32 bits.
    """

    key: tuple[int, int]

    @staticmethod
    def of(seed: int) -> Draws:
        """The draws of a seed.

        Raises:
            BadInput: the seed is not a whole number from 0.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise BadInput(f"seed: {seed!r:.40} is not a whole number from 0")
        one, two = np.random.SeedSequence(seed).generate_state(2, np.uint32).tolist()
        return Draws((one, two))

    def uniform(self, lane: Whole, stream: Whole, count: Whole) -> Times:
        """Numbers between 0 and 1, both excluded; the arrays are broadcast."""
        lane = np.asarray(lane, np.uint64)
        high, low, _, _ = philox(self.key, (lane & _LOW, lane >> _HALF, stream, count))
        whole = ((high << np.uint64(20)) | (low >> np.uint64(12))).astype(np.float64)
        return (whole + 0.5) * 2.0**-52

    def exponential(self, lane: Whole, stream: Whole, count: Whole) -> Times:
        """Exponential numbers of mean 1, above 0; the arrays are broadcast."""
        drawn: Times = -np.log(self.uniform(lane, stream, count))
        return drawn
