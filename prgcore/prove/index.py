"""The index of a search: every pair is a key, and every key that was reached has a number.

Law: sized by what was reached, never by what could be. Block codes get small ids in the order in
which they are met, and the ids in mixed radix are the key. A table holds the numbers while the
keys are dense; then a hash table does.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BudgetExhausted
from prgcore.prove.budget import tick

__all__ = ["DENSE", "LOST", "Index", "Keys", "Places"]

Keys: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = list[Keys]
"""One array of ids for each block; position i of each is pair i."""

DENSE = 1 << 24
"""A table with so many cells is always allowed; a larger one if one cell in eight is filled."""

LARGEST_KEY = 1 << 56
LOST = -2 * LARGEST_KEY
"""The summand of an id that is not known: however many are added, the key is below zero."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


@define(eq=False)
class Index:
    """The keys that were reached, and their numbers.

    Attributes:
        most: a bound of all keys; above `LARGEST_KEY` only where nothing adds `LOST`.
        ids: for every block, the id of each code; -1 for codes that were not met.
        known: for every block, the code of each id.
        stride: for every block, the summand of one id in a key.
        layout: changes when the strides do, and with them every key.
    """

    sizes: list[int]
    most: int = field(factory=lambda: LARGEST_KEY)
    ids: list[npt.NDArray[np.int32]] = field(init=False)
    known: list[Keys] = field(init=False)
    cap: list[int] = field(init=False)
    stride: list[int] = field(init=False)
    layout: int = field(init=False, default=0)
    held: int = field(init=False, default=0)
    _numbers: npt.NDArray[np.int32] = field(init=False)
    _keys: Keys | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.ids = [np.full(size, -1, np.int32) for size in self.sizes]
        self.known = [np.zeros(0, np.int64) for _ in self.sizes]
        each = int(DENSE ** (1 / len(self.sizes)))
        self._lay([min(size, each, 256) for size in self.sizes])

    def _lay(self, cap: list[int]) -> None:
        cells = prod(cap)
        if cells > self.most:
            raise BudgetExhausted("the reachable values of the columns form too many groups to search")
        old = self._filled() if self.layout else None
        self.cap, self.layout = cap, self.layout + 1
        self.stride = [prod(cap[b + 1:]) for b in range(len(cap))]
        if cells <= max(DENSE, 8 * self.held):
            tick(more=4 * cells)
            self._numbers, self._keys = np.full(cells, -1, np.int32), None
        else:
            self._spread(1 << max(16, (2 * self.held).bit_length()))
        self.held = 0
        if old is not None:
            self.store(self.key(old[0]), old[1])

    def _filled(self) -> tuple[Places, npt.NDArray[np.int32]]:
        """The ids and the number of every key."""
        at = np.flatnonzero(self._numbers >= 0)
        return self.places(at if self._keys is None else self._keys[at]), self._numbers[at]

    def _spread(self, slots: int) -> None:
        tick(more=12 * slots)
        self._numbers = np.full(slots, -1, np.int32)
        self._keys = np.full(slots, -1, np.int64)

    def admit(self, block: int, codes: npt.NDArray[Any]) -> Keys:
        """The ids of some codes, which are made where there are none."""
        found = self.ids[block].take(codes)
        if len(new := codes[found < 0]):
            fresh = np.unique(new)
            count = len(self.known[block])
            self.ids[block][fresh] = np.arange(count, count + len(fresh))
            self.known[block] = np.concatenate([self.known[block], fresh.astype(np.int64)])
            cap = self.cap[block]
            while cap < len(self.known[block]):
                cap = min(self.sizes[block], cap * 2)
            if cap != self.cap[block]:
                self._lay([*self.cap[:block], cap, *self.cap[block + 1:]])
            found = self.ids[block].take(codes)
        return found.astype(np.int64)

    def key(self, places: Places) -> Keys:
        """The keys of some ids."""
        key = places[-1].copy()
        for ids, stride in zip(places[:-1], self.stride[:-1], strict=True):
            key += ids * stride
        return key

    def places(self, keys: Keys) -> Places:
        """The ids of some keys."""
        return [keys // s % c for s, c in zip(self.stride, self.cap, strict=True)]

    def look(self, keys: Keys) -> npt.NDArray[np.int32]:
        """The number of each key; -1 where it has none."""
        if self._keys is None:
            return self._numbers.take(keys)
        found = np.full(len(keys), -1, np.int32)
        todo, at = np.arange(len(keys)), self._slot(keys)
        while len(todo):
            there = self._keys.take(at)
            hit = there == keys
            found[todo[hit]] = self._numbers.take(at[hit])
            on = ~hit & (there >= 0)
            todo, keys, at = todo[on], keys[on], (at[on] + 1) & (len(self._keys) - 1)
        return found

    def find(self, key: int) -> int:
        """As `look`, for one key."""
        return int(self.look(np.array([key]))[0] if self._keys is not None else self._numbers[key])

    def store(self, keys: Keys, numbers: npt.NDArray[np.int32]) -> None:
        """Give each key a number; of several for one key the last remains."""
        self.held += len(keys)
        if self._keys is None:
            self._numbers[keys] = numbers
            return
        if 2 * self.held > len(self._keys):
            places, before = self._filled()
            self._spread(1 << (2 * self.held).bit_length())
            self._put(self.key(places), before)
        self._put(keys, numbers)

    def _put(self, keys: Keys, numbers: npt.NDArray[np.int32]) -> None:
        assert self._keys is not None, "BUG: a table has no slots"
        at = self._slot(keys)
        while len(keys):
            empty = self._keys.take(at) < 0
            self._keys[at[empty]] = keys[empty]
            won = self._keys.take(at) == keys
            self._numbers[at[won]] = numbers[won]
            keys, numbers, at = keys[~won], numbers[~won], (at[~won] + 1) & (len(self._keys) - 1)

    def _slot(self, keys: Keys) -> Keys:
        assert self._keys is not None, "BUG: a table has no slots"
        shift = np.uint64(65 - len(self._keys).bit_length())
        return ((keys.astype(np.uint64) * _MIX) >> shift).astype(np.int64)

    def once(self, keys: Keys) -> npt.NDArray[np.intp]:
        """The positions of keys that have no number, each key once; they get numbers after this."""
        if self._keys is not None:
            return np.unique(keys, return_index=True)[1]
        at = np.arange(len(keys), dtype=np.int32)
        self._numbers[keys] = at
        return np.flatnonzero(self._numbers.take(keys) == at)
