"""Rows that were met, each with a small number: copies of nodes, heartbeats, records.

Law: a row is a few block codes; it is kept once, and everything else names it by its number.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BudgetExhausted
from prgcore.prove.codec import Codes

__all__ = ["MOST", "NONE", "Each", "Ids", "Lazy", "Rows"]

Ids: TypeAlias = npt.NDArray[np.int32]

_LARGEST = 1 << 62

MOST = 1 << 21
"""The most rows of one kind."""


@define(eq=False)
class Rows:
    """Rows of block codes, numbered in the order in which they were met.

    Attributes:
        sizes: the number of codes of every block.
        codes: for every block the code of each row.
    """

    sizes: tuple[int, ...]
    codes: Codes = field(init=False)
    _keys: npt.NDArray[np.int64] = field(init=False)
    _ids: Ids = field(init=False)

    def __attrs_post_init__(self) -> None:
        if prod(self.sizes) > _LARGEST:
            raise BudgetExhausted("the columns have too many values to search networks")
        self.codes = [np.zeros(0, np.int32) for _ in self.sizes]
        self._keys, self._ids = np.zeros(0, np.int64), np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._keys)

    def ids(self, codes: Codes) -> Ids:
        """The numbers of rows, which are given where there are none."""
        keys = codes[0].astype(np.int64)
        for code, size in zip(codes[1:], self.sizes[1:], strict=True):
            keys = keys * size + code
        at = np.searchsorted(self._keys, keys)
        known = at < len(self._keys)
        known[known] = self._keys[at[known]] == keys[known]
        if not known.all():
            fresh, first = np.unique(keys[~known], return_index=True)
            which = np.flatnonzero(~known)[first]
            if len(self) + len(fresh) > MOST:
                raise BudgetExhausted(f"more than {MOST:,} copies, heartbeats or records", MOST)
            numbers = np.arange(len(self), len(self) + len(fresh), dtype=np.int32)
            self.codes = [np.concatenate([old, code[which].astype(np.int32)])
                          for old, code in zip(self.codes, codes, strict=True)]
            place = np.searchsorted(self._keys, fresh)
            self._ids = np.insert(self._ids, place, numbers)
            self._keys = np.insert(self._keys, place, fresh)
            at = np.searchsorted(self._keys, keys)
        return self._ids.take(at)

    def of(self, ids: npt.NDArray[Any]) -> Codes:
        """The codes of some rows."""
        return [code.take(ids) for code in self.codes]


@define(eq=False)
class Lazy:
    """A table of answers about rows, each worked out when it is first asked for.

    Attributes:
        width: how many answers there are about one row.
        answer: the answers to some questions: row numbers, and which answer about each.
    """

    rows: Rows
    width: int
    answer: Callable[[Ids, Ids], Ids]
    _known: Ids = field(init=False, factory=lambda: np.zeros(0, np.int32))

    def of(self, rows: Ids, which: npt.NDArray[Any] | int = 0) -> Ids:
        """The answers about some rows."""
        at = rows.astype(np.int64) * self.width + which
        self._grow()
        found = self._known.take(at)
        unknown = np.flatnonzero(found == UNKNOWN)
        if len(unknown):
            asked = np.unique(at.take(unknown))
            answers = self.answer((asked // self.width).astype(np.int32),
                                  (asked % self.width).astype(np.int32))
            self._grow()
            self._known[asked] = answers
            found[unknown] = self._known.take(at.take(unknown))
        return found

    def _grow(self) -> None:
        want = len(self.rows) * self.width
        if want > len(self._known):
            more = np.full(max(want - len(self._known), len(self._known) // 2), UNKNOWN, np.int32)
            self._known = np.concatenate([self._known, more])


UNKNOWN = -2
NONE = -1


@define(eq=False)
class Each:
    """An answer that is worked out once for every row."""

    rows: Rows
    answer: Callable[[Codes], npt.NDArray[Any]]
    _known: npt.NDArray[Any] | None = None

    def of(self, ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The answers for some rows."""
        return self.all().take(ids, axis=0)

    def all(self) -> npt.NDArray[Any]:
        """The answers for every row."""
        have = 0 if self._known is None else len(self._known)
        if have < len(self.rows) or self._known is None:
            more = self.answer([code[have:] for code in self.rows.codes])
            self._known = more if self._known is None else np.concatenate([self._known, more])
        return self._known
