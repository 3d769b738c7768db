"""A fleet: the codes of many pairs, four bytes each, and their steps in bulk.

Law: it looks up and counts, and decides nothing. A step works on parts of the fleet, so that what it
needs besides stays in a processor's cache. Nothing is changed before all of the input is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BadInput
from prgcore.fleet.counts import Counts
from prgcore.fleet.table import Codes, Integers, Table

__all__ = ["Events", "Fleet", "Progress", "step"]

Events: TypeAlias = "str | int | Integers"
"""One event for all pairs, by name or number, or the number of one for each pair."""
Progress: TypeAlias = Callable[[int, int], None]
"""Told how many pairs are done, and of how many."""

CHUNK = 1 << 15
"""So many pairs take a step together."""
FEW = 6
"""So many answers are counted one by one; the rest together."""


@define(eq=False, repr=False)
class Fleet:
    """Many pairs. `Fleet.home(table, 10_000)`, `Fleet.of(table, pairs)`, `Fleet(table, codes)`.

    Attributes:
        table: the table of their machine.
        codes: the code of every pair, uint32. An array of another type of whole numbers is
            converted.

    Raises:
        BadInput: a code is outside the table.
    """

    table: Table
    codes: Codes = field()

    def __attrs_post_init__(self) -> None:
        codes = np.asarray(self.codes)
        if codes.ndim != 1 or (len(codes) and codes.dtype.kind not in "iu"):
            raise BadInput(f"codes of pairs are whole numbers in one row, not {codes.dtype} of shape "
                           f"{codes.shape}; Fleet.of takes pairs by their columns")
        if outside := _outside(codes, len(self.table)):
            place, code = outside
            raise BadInput(f"pair {place + 1:,} has the code {code:,}: the table has "
                           f"{len(self.table):,} pairs, from 0")
        self.codes = codes.astype(np.uint32, copy=False)

    def __repr__(self) -> str:
        return f"<Fleet of {len(self):,} pairs>"

    @classmethod
    def home(cls, table: Table, pairs: int) -> Fleet:
        """A fleet of so many pairs, all of them at home.

        Raises:
            BadInput: the number is below zero, or too large for the memory.
        """
        try:
            return _made(table, np.full(pairs, table.home, np.uint32))
        except (ValueError, MemoryError, TypeError):
            raise BadInput(f"a fleet of {pairs!r:.40} pairs: expected a number from 0 that fits the "
                           "memory, four bytes each; a histogram counts more") from None

    @classmethod
    def of(cls, table: Table, pairs: Iterable[Mapping[str, str]]) -> Fleet:
        """A fleet of these pairs, in order; each is a mapping of columns to values.

        Raises:
            BadInput: one of them is not in the table; the message names its place, from 1.
        """
        return _made(table, table.codes(pairs))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def nbytes(self) -> int:
        """The memory of the fleet, without its table, in bytes."""
        return self.codes.nbytes

    @property
    def shown(self) -> npt.NDArray[np.uint16]:
        """What an administrator sees of every pair: places in the table's `displays`."""
        return self.table.shown.take(self.codes)

    def column(self, name: str) -> npt.NDArray[np.uint8]:
        """A column of every pair: indices in its domain.

        Raises:
            BadInput: no such column.
        """
        return self.table.column(name).take(self.codes)

    def pair(self, place: int) -> dict[str, str]:
        """The stored columns of the pair at this place, from 0.

        Raises:
            BadInput: the fleet has no such place.
        """
        if not 0 <= place < len(self):
            raise BadInput(f"pair {place}: the fleet has {len(self):,} pairs, from 0")
        return self.table.pair(int(self.codes[place]))

    def step(
        self, events: Events, counts: Counts | None = None, *, out: Fleet | None = None,
        progress: Progress | None = None,
    ) -> Fleet:
        """The fleet after an event, as the function `step`."""
        return step(self, events, counts, out=out, progress=progress)


def step(
    fleet: Fleet, events: Events, counts: Counts | None = None, *, out: Fleet | None = None,
    progress: Progress | None = None,
) -> Fleet:
    """The fleet after one event for all pairs, or one for each.

    A pair stays as it is where the event is ignored or refused, or cannot happen.

    Args:
        fleet: the pairs.
        events: the name or number of an event, or an array with a number for each pair.
        counts: counts the decisions, if given.
        out: the fleet to write to; the fleet itself is stepped in place. By default a new one.
        progress: called after each part.

    Raises:
        BadInput: an event that the machine does not have; not one event for each pair; `out` or
            `counts` of another table or size. Neither fleet nor counts is changed.
    """
    table = fleet.table
    if out is not None and (out.table is not table or len(out) != len(fleet)):
        raise BadInput(f"out is a fleet of {len(out):,} pairs; expected one of {len(fleet):,} pairs "
                       "and of the same table")
    if counts is not None and counts.table is not table:
        raise BadInput("the counts are of another table; make them with Counts(fleet.table)")
    if isinstance(events, (str, int, np.integer)):
        number = table.event(events)
        result = _result(fleet, out)
        said = None if counts is None else _Answers(len(table.answers[number]))
        for low, high in _parts(len(fleet), progress):
            _all(table, number, fleet.codes[low:high], result.codes[low:high], said)
        if counts is not None and said is not None:
            counts.add(number, said.tally)
        return result
    given = _checked(table, events, len(fleet))
    result = _result(fleet, out)
    tally = None if counts is None else _Tally(counts)
    for low, high in _parts(len(fleet), progress):
        _each(table, given[low:high], fleet.codes[low:high], result.codes[low:high], tally)
    return result


def _result(fleet: Fleet, out: Fleet | None) -> Fleet:
    return _made(fleet.table, np.empty(len(fleet), np.uint32)) if out is None else out


def _parts(total: int, progress: Progress | None) -> Iterator[tuple[int, int]]:
    for low in range(0, total, CHUNK):
        high = min(low + CHUNK, total)
        yield low, high
        if progress is not None:
            progress(high, total)


def _all(table: Table, event: int, codes: Codes, out: Codes, said: _Answers | None) -> None:
    """One event for all of these pairs."""
    index = codes.astype(np.intp)
    if said is not None:
        said.add(table.answer[event].take(index, mode="clip"))
    np.take(table.next[event], index, out=out, mode="clip")


class _Answers:
    """How often each answer of one event has been given.

    The answers that were given most are looked for first, one by one: where few occur, that takes a
    third of the time of `bincount`.
    """

    def __init__(self, kinds: int) -> None:
        self.tally = np.zeros(kinds, np.int64)
        self._order: list[int] = []

    def add(self, said: npt.NDArray[Any]) -> None:
        """Count these answers."""
        found, left = [], len(said)
        for kind in self._order:
            some = int(np.count_nonzero(said == kind))
            found.append((kind, some))
            left -= some
            if not left:
                break
        if left:
            self.tally += np.bincount(said, minlength=len(self.tally))
            given = np.argsort(-self.tally, kind="stable")[:FEW]
            self._order = [kind for kind in given.tolist() if self.tally[kind]]
        else:
            for kind, some in found:
                self.tally[kind] += some


@define(eq=False)
class _Tally:
    """Counts by event and answer at once."""

    counts: Counts
    first: npt.NDArray[np.intp] = field(init=False)
    kinds: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        lengths = [len(some) for some in self.counts.table.answers]
        self.first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        self.kinds = int(self.first[-1])

    def add(self, events: npt.NDArray[np.intp], said: npt.NDArray[Any]) -> None:
        found = np.bincount(self.first.take(events) + said, minlength=self.kinds)
        for event, (low, high) in enumerate(zip(self.first, self.first[1:], strict=False)):
            self.counts.add(event, found[low:high])


def _each(
    table: Table, events: Integers, codes: Codes, out: Codes, tally: _Tally | None
) -> None:
    """One event for each of these pairs."""
    wide = events.astype(np.intp)
    index = wide * len(table)
    index += codes
    if tally is not None:
        tally.add(wide, table.answer.reshape(-1).take(index, mode="clip"))
    np.take(table.next.reshape(-1), index, out=out, mode="clip")


def _checked(table: Table, events: Any, pairs: int) -> Integers:
    """An array of one event for each pair."""
    given = np.asarray(events)
    if given.dtype.kind not in "iu" or given.shape != (pairs,):
        raise BadInput(f"events are {given.dtype} of shape {given.shape}; expected one event, or an "
                       f"array with the number of one for each of {pairs:,} pairs")
    if outside := _outside(given, len(table.events)):
        place, number = outside
        raise BadInput(f"event {number} for pair {place + 1:,}: the machine has "
                       f"{len(table.events)} events, from 0")
    return given


def _outside(numbers: npt.NDArray[Any], limit: int) -> tuple[int, int] | None:
    """The first place with a number that is below zero or not below a limit, and the number."""
    if not len(numbers) or (numbers.min() >= 0 and numbers.max() < limit):
        return None
    place = int(np.argmax((numbers < 0) | (numbers >= limit)))
    return place, int(numbers[place])


def _made(table: Table, codes: Codes) -> Fleet:
    """A fleet of codes that are known to be good."""
    fleet = Fleet.__new__(Fleet)
    fleet.table, fleet.codes = table, codes
    return fleet
