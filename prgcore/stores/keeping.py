"""Keeping: the checks that all stores and arbiters share: valid values, the order of entries.

Law: pure; no store lives here. `prgcore.stores.sqlite` and `prgcore.stores.etcd` use it, and so
may a store of your own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from attrs import asdict, evolve, field, frozen

from prgcore.errors import BadInput, Conflict, StaleEpoch, Unreadable
from prgcore.wire.jsontext import parse_json

if TYPE_CHECKING:
    from prgcore.stores.ports import Store

__all__ = [
    "LAST", "LEAST", "Closing", "Newest", "conflict", "epoch_of", "kept_value", "out_of_order",
    "remembered", "seconds", "settle", "text_of", "value_of",
]

LAST = 10**15 - 1
"""The highest epoch: a thousand decisions per second for thirty thousand years."""


LONGEST = 10**9
"""No time of a store is as long, in seconds; etcd ends a lease of more than nine times this."""

LEAST = 1_000
"""How many entries of the history always stay, so that a late writer can settle its write."""


class Closing(ABC):
    """A store or an arbiter that a `with` block closes at its end."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def text_of(value: Mapping[str, Any], what: str) -> str:
    """A JSON object as one line of ASCII; `what` names it in the error.

    Raises:
        BadInput: it is not an object, or not JSON.
    """
    if not isinstance(value, Mapping):
        raise BadInput(f"{what} is {str(type(value).__name__)!r}; a JSON object is expected")
    try:
        return json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{what} is not JSON: {str(error)[:200]}") from None


def value_of(text: str, what: str) -> dict[str, Any]:
    """The JSON object in a text that a store kept.

    Raises:
        BadInput: it is not one, so another program wrote it.
    """
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise BadInput(f"{what} is not a JSON object; is it a store of something else?")
    return value


def kept_value(text: object, what: str) -> dict[str, Any]:
    """The JSON object in a text that a store kept; the one way out of every store.

    Raises:
        Unreadable: it is not one: it was damaged, or another program wrote it.
    """
    if not isinstance(text, str):
        raise Unreadable(f"{what} is not a text; is it a store of something else?")
    try:
        return value_of(text, what)
    except BadInput as error:
        raise Unreadable(str(error)) from None


def remembered(text: object) -> Newest:
    """The memory of an arbiter in a text that a store kept.

    Raises:
        Unreadable: it is something else.
    """
    try:
        return Newest.from_text(text if isinstance(text, str) else "")
    except BadInput as error:
        raise Unreadable(str(error)) from None


def epoch_of(entry: Mapping[str, Any]) -> int:
    """The epoch of an entry.

    Raises:
        BadInput: it has none.
    """
    epoch = entry.get("epoch")
    if type(epoch) is not int or not 1 <= epoch <= LAST:
        raise BadInput(f"the epoch of an entry is {str(epoch)[:80]!r}; a whole number from 1 to "
                       f"{LAST:,} is expected")
    return epoch


def conflict(version: int, newest: int) -> Conflict:
    """The error of a write whose version is no longer the newest."""
    return Conflict(f"version {version} was read, but the record now has version {newest}; read "
                    "it again and decide again")


def out_of_order(epoch: int, kept: object = None) -> BadInput | Unreadable:
    """The error of an entry that does not follow the last one.

    Args:
        kept: the value in the store, as text. If the entry follows that, the history is to blame.
    """
    with suppress(BadInput):
        if isinstance(kept, str) and value_of(kept, "the record").get("epoch") == epoch - 1:
            return Unreadable(f"the record has epoch {epoch - 1}, and its history does not end there: "
                              "stop both agents, and put a backup of both in their place")
    return BadInput(f"the entry of epoch {epoch} does not follow the last of the history; epochs "
                    "begin at 1, and each is one higher than the one before")


def settle(
    store: Store, value: Mapping[str, Any], version: int, entry: Mapping[str, Any]
) -> int:
    """Settle a write that ended in `Unavailable`: when this returns, the write is done.

    It returns the new version if it wrote the value now, and 0 if the first write had done so: then
    somebody may have written since, and only a reading shows the version.

    Reading is not enough, because a write that is still under way may arrive later. So this
    writes again, with the same version. If that succeeds, the first write never can. If it does
    not, somebody has written, and the history shows whose entry it is. So the entry must be
    unique: the writer adds a key of its own to it (`"id": uuid4().hex`).

    Raises:
        Conflict: the write was not done and never will be; somebody else has written.
        Unavailable: the outcome is still not known; settle again.
    """
    try:
        return store.write(value, version, entry)
    except Conflict:
        epoch = epoch_of(entry)
        if next(store.history(epoch - 1), None) != parse_json(text_of(entry, "the entry"), "the entry"):
            raise
        return 0


@frozen
class Newest:
    """An arbiter's memory, which outlives every grant: it refuses older orders.

    Attributes:
        given: the epoch of the newest grant.
        reached: for each node, the newest epoch at which it obtained a grant or gave one back.
    """

    given: int = 0
    reached: Mapping[str, int] = field(factory=dict)

    def after(self, node: str, epoch: int, *, given: bool) -> Newest:
        """The memory after a node obtained a grant, or gave one back.

        Raises:
            StaleEpoch: a newer order has been carried out already.
            BadInput: it is not a node, or not an epoch.
        """
        if not isinstance(node, str) or not node or not node.isprintable():
            raise BadInput(f"a grant is for a node, not for {str(node)[:80]!r}")
        if type(epoch) is not int or not 0 <= epoch <= LAST:
            raise BadInput(f"the epoch is {str(epoch)[:80]!r}; a whole number from 0 to {LAST:,} is "
                           "expected")
        newest = max(self.given, self.reached.get(node, 0))
        if epoch < newest:
            raise StaleEpoch(f"{node} asks at epoch {epoch}, but the arbiter has carried out an "
                             f"order of epoch {newest}")
        return evolve(self, given=epoch if given else self.given,
                      reached={**self.reached, node: epoch})

    def to_text(self) -> str:
        """The memory as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_text(text: str) -> Newest:
        """The memory in a JSON text.

        Raises:
            BadInput: it is none.
        """
        value = value_of(text, "the memory of the arbiter")
        try:
            reached = dict(value["reached"].items())
            if all(type(n) is int and 0 <= n <= LAST for n in (value["given"], *reached.values())):
                return Newest(value["given"], reached)
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        raise BadInput("the memory of the arbiter cannot be read; is it a store of something else?")


def seconds(value: float, what: str) -> float:
    """A number of seconds, above 0 and below `LONGEST`.

    Raises:
        BadInput: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LONGEST:
        raise BadInput(f"{what} is {str(value)[:80]!r}; a number of seconds above 0 and below "
                       f"{LONGEST:,} is expected")
    return float(value)
