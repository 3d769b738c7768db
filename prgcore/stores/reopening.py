"""Reopening: a store or an arbiter in a file, opened when it is asked, and again after it was lost.

Law: no trouble of a disk ends a caller. A file that is not there, cannot be opened, was replaced or
is damaged makes each call end in `Unavailable`, until somebody mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from prgcore.errors import BadInput, Unavailable, Unreadable
from prgcore.stores.keeping import Closing
from prgcore.stores.ports import Arbiter, Kept, Store

__all__ = ["ReopenedArbiter", "ReopenedStore"]


class _Losable(Protocol):
    @property
    def lost(self) -> bool:
        """Whether only another one helps."""

    def close(self) -> None:
        """Release it."""


class _Store(Store, _Losable, Protocol):
    def forget(self, before: int) -> int:
        """Drop the entries with an epoch below this one; return how many."""


class _Arbiter(Arbiter, _Losable, Protocol):
    pass


T = TypeVar("T", bound=_Losable)
R = TypeVar("R")


class _Reopened(Closing, Generic[T]):
    """One that is opened by `make(new)`: the file may be made the first time only.

    `beside` is another one in the same file, which is opened again with it. SQLite would otherwise
    give the new connection the shared memory of the old one, whose log is gone.
    """

    def __init__(self, make: Callable[[bool], T]) -> None:
        self._make, self._lock = make, Lock()
        self._one: T | None = None
        self._new, self._closed = True, False
        self.beside: _Reopened[Any] | None = None

    def _call(self, what: Callable[[T], R]) -> R:
        one = self._opened()
        try:
            return what(one)
        except Unavailable:
            if one.lost:
                self._forget(one)
            raise

    def _opened(self) -> T:
        with self._lock:
            if self._closed:
                raise Unavailable("the store was closed; open the store again")
            if self._one is None:
                try:
                    self._one = self._make(self._new)
                except BadInput as error:
                    if self.beside is not None:
                        self.beside.again()
                    raise Unreadable(str(error)) from None
                self._new = False
            return self._one

    def _forget(self, one: T) -> None:
        with self._lock:
            if self._one is not one:
                return
            self._one = None
        one.close()  # outside the lock: it waits for the calls of other threads
        if self.beside is not None:
            self.beside.again()

    def again(self) -> None:
        """Let the next call open it again."""
        one, self._one = self._one, None
        if one is not None:
            one.close()

    def close(self) -> None:
        """Close it. Every later call raises Unavailable."""
        with self._lock:
            self._closed = True
            one, self._one = self._one, None
        if one is not None:
            one.close()


class ReopenedStore(_Reopened[_Store]):
    """A store (`prgcore.stores.ports.Store`) out of stores that may be lost."""

    def read(self) -> Kept | None:
        """The newest value; None if nothing was written yet. Raises as the port does."""
        return self._call(lambda store: store.read())

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version, and return the new one. Raises as the port does."""
        return self._call(lambda store: store.write(value, version, entry))

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order. Raises as the port does."""
        return self._call(lambda store: store.history(after))

    def forget(self, before: int) -> int:
        """Drop the entries with an epoch below this one; return how many. Raises as the port does."""
        return self._call(lambda store: store.forget(before))

    def wait(self, version: int, timeout: float) -> bool:
        """Wait until the version has changed. Raises as the port does."""
        return self._call(lambda store: store.wait(version, timeout))


class ReopenedArbiter(_Reopened[_Arbiter]):
    """An arbiter (`prgcore.stores.ports.Arbiter`) out of arbiters that may be lost."""

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: the other node has it. Raises as the port does."""
        return self._call(lambda arbiter: arbiter.acquire(node, epoch))

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it does not have it. Raises as the port does."""
        return self._call(lambda arbiter: arbiter.keep(node))

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back, if the node has it. Raises as the port does."""
        self._call(lambda arbiter: arbiter.release(node, epoch))

    def holder(self) -> str | None:
        """The node that has the grant now, or None. Raises as the port does."""
        return self._call(lambda arbiter: arbiter.holder())
