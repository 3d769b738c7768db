"""A store that is opened when it is first used, and again when only a new one helps.

Law: no rule lives here. A store that cannot be opened is one that does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

from prgcore.errors import BadInput, MissingExtra, Unavailable, Unreadable
from prgcore.stores.ports import Arbiter, Kept, Store

__all__ = ["Opened"]


class Opened:
    """A store and an arbiter (`prgcore.stores.ports`). Threads may share it.

    Args:
        opens: opens both. A store that is lost, so that only a new one helps, says so: `lost`.
    """

    def __init__(self, opens: Callable[[], tuple[Store, Arbiter]]) -> None:
        self._opens, self._lock = opens, Lock()
        self._ports: tuple[Store, Arbiter] | None = None

    def _open(self) -> tuple[Store, Arbiter]:
        with self._lock:
            if self._ports is None:
                try:
                    self._ports = self._opens()
                except (BadInput, MissingExtra) as error:
                    raise Unreadable(str(error)) from None
            return self._ports

    def read(self) -> Kept | None:
        """Read the record; raises as the port does."""
        store, _ = ports = self._open()
        try:
            return store.read()
        except Unavailable:
            if getattr(store, "lost", False):
                self._drop(ports)
            raise

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the record; raises as the port does."""
        return self._open()[0].write(value, version, entry)

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The decisions; raises as the port does."""
        return self._open()[0].history(after)

    def wait(self, version: int, timeout: float) -> bool:
        """Wait for a change; raises as the port does."""
        return self._open()[0].wait(version, timeout)

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant; raises as the port does."""
        return self._open()[1].acquire(node, epoch)

    def keep(self, node: str) -> bool:
        """Prolong the grant; raises as the port does."""
        return self._open()[1].keep(node)

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back; raises as the port does."""
        self._open()[1].release(node, epoch)

    def holder(self) -> str | None:
        """The node that has the grant; raises as the port does."""
        return self._open()[1].holder()

    def close(self) -> None:
        """Close both; another call opens them again."""
        if self._ports is not None:
            self._drop(self._ports)

    def _drop(self, ports: tuple[Store, Arbiter]) -> None:
        with self._lock:
            if self._ports is ports:
                self._ports = None
        for port in ports:
            port.close()
