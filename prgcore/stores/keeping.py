"""What every store and every arbiter does alike: what may be written, and who comes too late.

Law: pure; no store lives here. `prgcore.stores.sqlite` and `prgcore.stores.etcd` read it, and
so may a store of your own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import asdict, evolve, field, frozen

from prgcore.errors import BadInput, Conflict, StaleEpoch
from prgcore.wire.jsontext import parse_json

if TYPE_CHECKING:
    from prgcore.stores.ports import Store

__all__ = [
    "LAST", "Closing", "Newest", "conflict", "epoch_of", "out_of_order", "seconds", "settle",
    "text_of", "value_of",
]

LAST = 10**15 - 1
"""The highest epoch: a thousand decisions a second for thirty thousand years."""


class Closing(ABC):
    """A store or an arbiter that `with` closes in the end."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds of the system."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def text_of(value: Mapping[str, Any], what: str) -> str:
    """A JSON object on one line, in ASCII; `what` says whose it is, for the error.

    Raises:
        BadInput: it is no object, or not JSON.
    """
    if not isinstance(value, Mapping):
        raise BadInput(f"{what} is {str(type(value).__name__)!r}; a JSON object is expected")
    try:
        return json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{what} is not JSON: {str(error)[:200]}") from None


def value_of(text: str, what: str) -> dict[str, Any]:
    """A JSON object that a store kept.

    Raises:
        BadInput: it is none: somebody else wrote it.
    """
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise BadInput(f"{what} is no JSON object; is it a store of something else?")
    return value


def epoch_of(entry: Mapping[str, Any]) -> int:
    """The epoch of an entry.

    Raises:
        BadInput: it has none.
    """
    epoch = entry.get("epoch")
    if type(epoch) is not int or not 1 <= epoch <= LAST:
        raise BadInput(f"the epoch of an entry is {str(epoch)[:80]!r}; a number from 1 is expected")
    return epoch


def conflict(version: int, newest: int) -> Conflict:
    """The write of a version that is no longer the newest."""
    return Conflict(f"version {version} was read, and the record has version {newest} by now; read "
                    "it again and decide again")


def out_of_order(epoch: int) -> BadInput:
    """An entry that does not follow the last one."""
    return BadInput(f"the entry of epoch {epoch} does not follow the last of the history; each has "
                    "an epoch one higher than the one before, from 1")


def settle(
    store: Store, value: Mapping[str, Any], version: int, entry: Mapping[str, Any]
) -> None:
    """Find out what became of a write that ended in `Unavailable`: it is done when this returns.

    Looking is not enough: a write that is still under way may arrive after the look. So it is
    written again, of the same version. If that succeeds, the first never can; if it does not,
    somebody has written, and the history tells who. The entry must be like no other's: whoever
    writes adds a key of its own to it (`"id": uuid4().hex`).

    Raises:
        Conflict: it was not done and never will be; somebody else has written.
        Unavailable: still not known; settle again.
    """
    try:
        store.write(value, version, entry)
    except Conflict:
        epoch = epoch_of(entry)
        if next(store.history(epoch - 1), None) != json.loads(text_of(entry, "the entry")):
            raise


@frozen
class Newest:
    """An arbiter's memory, which outlives every grant: what is older is refused.

    Attributes:
        given: the epoch of the newest grant.
        reached: of each node, the newest epoch at which it obtained a grant or gave one back.
    """

    given: int = 0
    reached: Mapping[str, int] = field(factory=dict)

    def after(self, node: str, epoch: int, *, given: bool) -> Newest:
        """The memory after a node obtained a grant, or gave one back.

        Raises:
            StaleEpoch: a newer order was carried out before.
            BadInput: no node, or no epoch.
        """
        if not isinstance(node, str) or not node or not node.isprintable():
            raise BadInput(f"a grant is for a node, not for {str(node)[:80]!r}")
        if type(epoch) is not int or not 0 <= epoch <= LAST:
            raise BadInput(f"the epoch is {str(epoch)[:80]!r}; a number from 0 is expected")
        newest = max(self.given, self.reached.get(node, 0))
        if epoch < newest:
            raise StaleEpoch(f"{node} asks at epoch {epoch}, and the arbiter has carried out an "
                             f"order of epoch {newest}")
        return evolve(self, given=epoch if given else self.given,
                      reached={**self.reached, node: epoch})

    def to_text(self) -> str:
        """The memory as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_text(text: str) -> Newest:
        """The memory of its JSON.

        Raises:
            BadInput: it is none.
        """
        value = value_of(text, "the memory of the arbiter")
        try:
            reached = {str(node): int(epoch) for node, epoch in value["reached"].items()}
            return Newest(int(value["given"]), reached)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadInput("the memory of the arbiter is none; is it a store of something else?") \
                from None


def seconds(value: float, what: str) -> float:
    """A positive number of seconds.

    Raises:
        BadInput: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise BadInput(f"{what} is {str(value)[:80]!r}; a number of seconds above 0 is expected")
    return float(value)
