"""A store and an arbiter in etcd: for nodes on different computers.

Law: no rule of the machine. It needs etcd 3.4 or newer, and uses its JSON gateway
(`prgcore.stores.gateway`). A write is one transaction that compares revisions, and reads are
linearizable (etcd's default). Waiting is a watch, and the grant has a lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from math import ceil
from typing import Any

from prgcore.errors import Unavailable, Unreadable
from prgcore.stores.gateway import Gateway, Json, Key
from prgcore.stores.keeping import (
    LAST,
    LEAST,
    Closing,
    Newest,
    conflict,
    epoch_of,
    kept_value,
    out_of_order,
    remembered,
    seconds,
    text_of,
)
from prgcore.stores.login import login_of
from prgcore.stores.ports import Kept

__all__ = ["ATTEMPTS", "BATCH", "LONGEST", "EtcdArbiter", "EtcdStore"]

BATCH = 200
"""How many entries of the history are read at once."""

LONGEST = 60.0
"""How many seconds a watch lasts before the store checks that the server still answers."""

SOON = 0.05
"""How many seconds pass between two watches at least."""

ATTEMPTS = 20
"""How often an arbiter tries again when others change the grant at the same moment."""

END = "history/:"
"""The first key after those of the entries: a colon follows the digits."""


class EtcdStore(Closing):
    """A store in etcd (`prgcore.stores.ports.Store`).

    Its version is the revision at which the record was written.

        with EtcdStore("http://127.0.0.1:2379", "prgcore/site1/") as store:
            print(store.read())
    """

    def __init__(
        self, url: str, prefix: str, *, timeout: float = 5.0,
        ca: str | None = None, cert: str | None = None, key: str | None = None,
        user: str | None = None, password: str | Callable[[], str] | None = None,
    ) -> None:
        """Name the servers; the first call connects.

        Args:
            url: the address of one server, `http://HOST:2379`, or several of a cluster, with commas
                between.
            prefix: the beginning of every key, a different one for each pair: `prgcore/GROUP/`.
            timeout: how many seconds a call waits for an answer.
            ca: a file with the certificate of the authority that signed the server's.
            cert: a file with our certificate, by which the server knows us.
            key: a file with the private key of `cert`.
            user: a user of etcd, if it asks for one.
            password: the password of this user, or a function that reads it at each login.

        Raises:
            BadInput: an argument is not an address, prefix or timeout.
        """
        self._etcd = Gateway(url, prefix, timeout, ca, cert, key, login_of(user, password))

    def read(self) -> Kept | None:
        """The newest value; None if nothing was written yet. Raises as the port does."""
        found = self._etcd.range("record").one
        return Kept(kept_value(found.text, "the record in etcd"), found.revision) if found else None

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version, and return the new one. Raises as the port does."""
        etcd = self._etcd
        looks = etcd.ranged("record", keys_only=True)
        compare = [etcd.unchanged("record", version)]
        success = [etcd.put("record", text_of(value, "the value"))]
        epoch = 0
        if entry is not None:
            epoch = epoch_of(entry)
            compare.append(etcd.unchanged(_line(epoch), 0))
            if epoch > 1:
                compare.append(etcd.exists(_line(epoch - 1)))
            success.append(etcd.put(_line(epoch), text_of(entry, "the entry")))
        done, revision, (found,) = etcd.change(compare, [*success, looks], [looks])
        newest = _revision(found.one)
        if not done:
            if newest != version:
                raise conflict(version, newest)
            kept = etcd.range("record").one
            raise out_of_order(epoch, kept and kept.text)
        if newest != revision:
            raise Unavailable("etcd's answer to a write names two revisions: one was damaged")
        return revision

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order. Raises as the port does."""
        while True:
            found = self._etcd.range(
                _line(min(max(after, 0), LAST) + 1), END, limit=BATCH, sort_order="ASCEND")
            for key in found.keys:
                entry, before = kept_value(key.text, f"an entry after epoch {after}"), after
                after = _epoch(key, entry)
                if after <= before:
                    raise Unavailable("etcd's answer has entries that are not in order")
                yield entry
            if len(found.keys) < BATCH:
                return

    def forget(self, before: int) -> int:
        """Drop the entries with an epoch below this one, and return how many.

        The newest `LEAST` entries stay.

        Raises:
            Unavailable: the store does not answer.
        """
        last = self._etcd.range(
            _line(0), END, limit=1, sort_order="DESCEND", keys_only=True).one
        first = self._etcd.range(
            _line(0), END, limit=1, sort_order="ASCEND", keys_only=True).one
        if first is None or last is None:
            return 0
        dropped, at = 0, _numbered(first)
        end = min(before, _numbered(last) + 1 - LEAST)
        while at < end:  # in small steps, so that no writer waits for long
            step = min(at + BATCH, end)
            dropped += self._etcd.drop(_line(at), _line(step))
            at = step
        return dropped

    def compact(self) -> None:
        """Drop the older values of every key of the whole etcd, also those of other programs.

        Raises:
            Unavailable: the store does not answer.
        """
        self._etcd.compact(self._etcd.range("record", keys_only=True).revision)

    def wait(self, version: int, timeout: float) -> bool:
        """Wait, by a watch, until the version has changed. Raises as the port does."""
        until = time.monotonic() + timeout
        while True:
            begun = time.monotonic()
            found = self._etcd.range("record", keys_only=True)
            left = until - time.monotonic()
            if _revision(found.one) != version or left <= 0:
                return _revision(found.one) != version
            self._etcd.watch("record", found.revision + 1, min(left, LONGEST))
            pause = begun + SOON - time.monotonic()  # a watch that does not wait must not spin
            time.sleep(max(0.0, min(pause, until - time.monotonic())))

    def close(self) -> None:
        """Close the connections. Every later call raises Unavailable."""
        self._etcd.close()


def _line(epoch: int) -> str:
    return f"history/{epoch:015}"


def _numbered(key: Key) -> int:
    """The epoch in the name of an entry."""
    return _parsed(key.name.removeprefix("history/"))


def _parsed(number: str) -> int:
    if len(number) == 15 and number.isascii() and number.isdigit():
        return int(number)
    raise Unreadable(f"among the entries in etcd is the key {number[:80]!r}; remove it")


def _epoch(key: Key, entry: Mapping[str, Any]) -> int:
    """The epoch of an entry, which its key has too."""
    epoch = _numbered(key)
    if entry.get("epoch") != epoch:
        raise Unreadable(f"the entry of epoch {epoch} says epoch {str(entry.get('epoch'))[:80]}; "
                         "was it changed?")
    return epoch


def _revision(key: Key | None) -> int:
    return key.revision if key else 0


class EtcdArbiter(Closing):
    """An arbiter in etcd (`prgcore.stores.ports.Arbiter`): a key with a lease.

    etcd counts the time, in whole seconds, at least 2. So a grant lasts `ttl` or longer, never
    shorter. If its node is lost, the other one obtains it that much later. A new leader of etcd
    counts every lease from its beginning: then the hand-over takes up to twice `ttl`, plus the
    election, plus an election time-out that etcd adds (1 s, if it is not set). Each further election
    begins it again.

        with EtcdArbiter("http://127.0.0.1:2379", "prgcore/site1/", ttl=5) as arbiter:
            print(arbiter.holder())
    """

    def __init__(
        self, url: str, prefix: str, *, ttl: float, timeout: float = 5.0,
        ca: str | None = None, cert: str | None = None, key: str | None = None,
        user: str | None = None, password: str | Callable[[], str] | None = None,
    ) -> None:
        """Name the servers; the first call connects.

        Args:
            url, prefix, timeout, ca, cert, key, user, password: as for the store.
            ttl: seconds after which a grant is lost if the node does not keep it; above 0, below
                1,000,000,000.

        Raises:
            BadInput: an argument is not an address, prefix, timeout or time to live.
        """
        self.ttl: float = seconds(ttl, "the time to live")
        self._etcd = Gateway(url, prefix, timeout, ca, cert, key, login_of(user, password))

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: the other node has it. Raises as the port does."""
        for _ in self._attempts():
            grant, newest, compare = self._look()
            newest = newest.after(node, epoch, given=True)
            if grant and grant.text != node:
                return False
            lease = self._etcd.lease(ceil(self.ttl))
            if self._changed(compare, [self._etcd.put("grant", node, lease),
                                       self._etcd.put("newest", newest.to_text())]):
                break
        return True

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it does not have it. Raises as the port does.

        A grant that lasts less than this arbiter's time to live is not kept: obtain it again.
        """
        grant, _, _ = self._look()
        return grant is not None and grant.text == node and self._etcd.prolong(grant.lease) >= self.ttl

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back, if the node has it. Raises as the port does."""
        for _ in self._attempts():
            grant, newest, compare = self._look()
            newest = newest.after(node, epoch, given=False)
            success = [self._etcd.put("newest", newest.to_text())]
            if grant and grant.text == node:
                success.append(self._etcd.delete("grant"))
            if self._changed(compare, success):
                break

    def holder(self) -> str | None:
        """The node that has the grant now, or None. Raises as the port does."""
        grant, _, _ = self._look()
        return grant.text if grant else None

    def close(self) -> None:
        """Close the connections. Every later call raises Unavailable; a grant stays."""
        self._etcd.close()

    def _look(self) -> tuple[Key | None, Newest, list[Json]]:
        """The grant's key (None: no node has it), the memory, and comparisons with both."""
        etcd = self._etcd
        _, _, found = etcd.change([], [etcd.ranged("grant"), etcd.ranged("newest")])
        grant, newest = (one.one for one in found)
        return grant, remembered(newest.text) if newest else Newest(), [
            etcd.unchanged("grant", _revision(grant)), etcd.unchanged("newest", _revision(newest))]

    def _changed(self, compare: list[Json], success: list[Json]) -> bool:
        """Whether the grant was changed; if not, another one changed it meanwhile."""
        looks = self._etcd.ranged("newest", keys_only=True)
        done, _, _ = self._etcd.change(compare, success, [looks])
        return done

    def _attempts(self) -> Iterator[int]:
        for attempt in count():
            if attempt == ATTEMPTS:
                raise Unavailable(f"others changed the grant {ATTEMPTS} times meanwhile; ask again")
            yield attempt
