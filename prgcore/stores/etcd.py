"""A store and an arbiter in etcd: for nodes on different computers.

Law: no rule of the machine. It needs etcd 3.4 or newer, and uses its JSON gateway through the
library etcd3gw. A write is one transaction that compares revisions, and reads are linearizable
(etcd's default). Waiting is a watch, and the grant has a lease. No call outlives its timeout.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from itertools import count
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from prgcore.errors import BadInput, MissingExtra, Unavailable
from prgcore.stores.keeping import (
    LAST,
    Closing,
    Newest,
    conflict,
    epoch_of,
    out_of_order,
    seconds,
    text_of,
    value_of,
)
from prgcore.stores.ports import Kept
from prgcore.wire.jsontext import parse_json

try:
    from etcd3gw.client import Etcd3Client
    from etcd3gw.exceptions import Etcd3Exception
except ModuleNotFoundError:
    raise MissingExtra("a store in etcd", "etcd") from None

__all__ = ["ATTEMPTS", "BATCH", "LONGEST", "EtcdArbiter", "EtcdStore", "Json"]

BATCH = 200
"""How many entries of the history are read at once."""

LONGEST = 60.0
"""How many seconds a watch lasts before the store checks that the server still answers."""

ATTEMPTS = 20
"""How often an arbiter tries again when others change the grant at the same moment."""

Json = dict[str, Any]


class _Etcd:
    """The keys under a prefix; after a failure the next call goes to the next server."""

    def __init__(
        self, url: str, prefix: str, timeout: float,
        ca: str | None, cert: str | None, key: str | None,
    ) -> None:
        self.timeout = seconds(timeout, "the timeout of a call")
        if not isinstance(prefix, str) or not prefix.strip("/") \
                or not prefix.isprintable():
            raise BadInput(f"{str(prefix)[:80]!r} is not a prefix; expected: prgcore/GROUP/")
        self.prefix = prefix.rstrip("/") + "/"
        self._clients = [
            Etcd3Client(host, port, scheme, ca_cert=ca, cert_cert=cert, cert_key=key,
                        timeout=self.timeout, api_path="/v3/")
            for scheme, host, port in map(_server, str(url).split(","))
        ]
        for client in self._clients:
            client.session.trust_env = False  # never use a proxy between a node and its record
        self._turn, self._closed = 0, False

    def call(self, path: str, request: Json, stream: float = 0) -> Any:
        """The server's answer; with `stream`, its lines, each within that many seconds."""
        if self._closed:
            raise Unavailable("the connection to etcd was closed; open it again")
        turn = self._turn
        client = self._clients[turn]
        try:
            if not stream:
                answer = client.post(client.get_url(path), json=request)
                if not isinstance(answer, dict):
                    raise ValueError("no object")  # noqa: TRY301 - an answer like others
                return answer
            return client.session.post(client.get_url(path), json=request, stream=True,
                                       timeout=(self.timeout, stream))
        except (Etcd3Exception, OSError, ValueError) as error:
            said = str(getattr(error, "detail_text", None) or error)
            if "too large" in said or "larger than" in said:
                raise BadInput(
                    f"etcd does not accept a value of this size: {_brief(said)}") from None
            self._turn = (turn + 1) % len(self._clients)
            raise Unavailable(self._silent(client.base_url, said)) from None

    def _silent(self, url: str, said: str) -> str:
        """The reason why there is no answer, in a few words."""
        if reason := re.search(r"\[Errno -?\d+\] ([\w ]+)", said):
            return f"no etcd answers at {url}: {reason[1].lower()}"
        if "timed out" in said:
            return f"etcd at {url} does not answer within {self.timeout:g} s"
        return f"etcd at {url} does not answer: {_brief(said)}"

    def key(self, name: str) -> str:
        """The name with our prefix, encoded as the gateway expects it."""
        return _encoded(self.prefix + name)

    def range(self, name: str, **more: Any) -> tuple[list[Json], int]:
        """The values of one key or several, and the revision of the whole etcd."""
        answer = self.call("/kv/range", {"key": self.key(name), **more})
        try:
            return answer.get("kvs", []), int(answer["header"]["revision"])
        except (KeyError, TypeError, ValueError):
            raise Unavailable("the server that answers is not etcd") from None

    def change(self, compare: list[Json], success: list[Json]) -> int | None:
        """The revision of a transaction; None if a comparison fails."""
        answer = self.call("/kv/txn", {"compare": compare, "success": success})
        return int(answer["header"]["revision"]) if answer.get("succeeded") else None

    def unchanged(self, name: str, revision: int) -> Json:
        """A comparison: the key was last written at this revision; 0: it does not exist."""
        return {"key": self.key(name), "target": "MOD", "result": "EQUAL",
                "mod_revision": str(revision)}

    def put(self, name: str, text: str, lease: str = "0") -> Json:
        """An operation: write a key."""
        return {"request_put": {"key": self.key(name), "value": _encoded(text), "lease": lease}}

    def delete(self, name: str) -> Json:
        """An operation: remove a key."""
        return {"request_delete_range": {"key": self.key(name)}}

    def watch(self, name: str, revision: int, timeout: float) -> None:
        """Wait until a key changes after a revision, the time is over, or the server is gone."""
        request = {"create_request": {"key": self.key(name), "start_revision": str(revision)}}
        with self.call("/watch", request, stream=timeout) as answer:
            try:
                for line in answer.iter_lines(chunk_size=None):
                    if not parse_json(line.decode(), "an answer of etcd")["result"].get("created"):
                        return
            except (OSError, BadInput, ValueError, KeyError, TypeError, AttributeError):
                return

    def close(self) -> None:
        self._closed = True
        for client in self._clients:
            client.session.close()


def _server(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url.strip())
        if parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"):
            return parts.scheme, parts.hostname, parts.port or 2379
    except ValueError:
        pass
    raise BadInput(f"{url[:80]!r} is not an address of etcd; expected: http://HOST:2379, "
                   "or several with commas between")


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _text(kv: Json) -> str:
    return b64decode(kv.get("value", "")).decode("utf-8", "replace")


def _brief(said: str) -> str:
    return " ".join(said.split())[:200]


class EtcdStore(Closing):
    """A store in etcd (`prgcore.stores.ports.Store`).

    Its version is the revision at which the record was written.

        with EtcdStore("http://127.0.0.1:2379", "prgcore/site1/") as store:
            print(store.read())
    """

    def __init__(
        self, url: str, prefix: str, *, timeout: float = 5.0,
        ca: str | None = None, cert: str | None = None, key: str | None = None,
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

        Raises:
            BadInput: an argument is not an address, prefix or timeout.
        """
        self._etcd = _Etcd(url, prefix, timeout, ca, cert, key)

    def read(self) -> Kept | None:
        """The newest value; None if nothing was written yet. Raises as the port does."""
        kvs, _ = self._etcd.range("record")
        return Kept(value_of(_text(kvs[0]), "what etcd keeps"), _revision(kvs)) if kvs else None

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version, and return the new one. Raises as the port does."""
        compare = [self._etcd.unchanged("record", version)]
        success = [self._etcd.put("record", text_of(value, "the value"))]
        epoch = 0
        if entry is not None:
            epoch = epoch_of(entry)
            compare.append(self._etcd.unchanged(_line(epoch), 0))
            if epoch > 1:
                compare.append({"key": self._etcd.key(_line(epoch - 1)), "target": "CREATE",
                                "result": "GREATER", "create_revision": "0"})
            success.append(self._etcd.put(_line(epoch), text_of(entry, "the entry")))
        revision = self._etcd.change(compare, success)
        if revision is None:
            newest, _ = self._version()
            if newest == version:
                raise out_of_order(epoch)
            raise conflict(version, newest)
        return revision

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order. Raises as the port does."""
        end = self._etcd.key("history0")  # the first key after "history/"
        while True:
            kvs, _ = self._etcd.range(
                _line(min(after, LAST) + 1), range_end=end, limit=BATCH, sort_order="ASCEND")
            for kv in kvs:
                entry = value_of(_text(kv), f"an entry after epoch {after}")
                after = epoch_of(entry)
                yield entry
            if len(kvs) < BATCH:
                return

    def wait(self, version: int, timeout: float) -> bool:
        """Wait, by a watch, until the version has changed. Raises as the port does."""
        until = time.monotonic() + timeout
        while True:
            newest, revision = self._version()
            left = until - time.monotonic()
            if newest != version or left <= 0:
                return newest != version
            self._etcd.watch("record", revision + 1, min(left, LONGEST))

    def close(self) -> None:
        """Close the connections. Every later call raises Unavailable."""
        self._etcd.close()

    def _version(self) -> tuple[int, int]:
        kvs, revision = self._etcd.range("record", keys_only=True)
        return _revision(kvs), revision


def _line(epoch: int) -> str:
    return f"history/{epoch:015}"


def _revision(kvs: list[Json]) -> int:
    return int(kvs[0]["mod_revision"]) if kvs else 0


class EtcdArbiter(Closing):
    """An arbiter in etcd (`prgcore.stores.ports.Arbiter`): a key with a lease.

    etcd counts the time: in whole seconds, at least 2, and longer after it elected a new leader.
    So a grant lasts `ttl` or longer, never shorter.

        with EtcdArbiter("http://127.0.0.1:2379", "prgcore/site1/", ttl=5) as arbiter:
            print(arbiter.holder())
    """

    def __init__(
        self, url: str, prefix: str, *, ttl: float, timeout: float = 5.0,
        ca: str | None = None, cert: str | None = None, key: str | None = None,
    ) -> None:
        """Name the servers; the first call connects.

        Args:
            url, prefix, timeout, ca, cert, key: as for the store.
            ttl: seconds after which a grant is lost if the node does not keep it.

        Raises:
            BadInput: an argument is not an address, prefix, timeout or time to live.
        """
        self.ttl: float = seconds(ttl, "the time to live")
        self._etcd = _Etcd(url, prefix, timeout, ca, cert, key)

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: the other node has it. Raises as the port does."""
        for _ in self._attempts():
            grant, newest, compare = self._look()
            newest = newest.after(node, epoch, given=True)
            if grant and _text(grant) != node:
                return False
            lease = self._etcd.call("/lease/grant", {"TTL": str(ceil(self.ttl))})["ID"]
            if self._etcd.change(compare, [self._etcd.put("grant", node, lease),
                                           self._etcd.put("newest", newest.to_text())]):
                break
        return True

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it does not have it. Raises as the port does."""
        grant, _, _ = self._look()
        if not grant or _text(grant) != node:
            return False
        answer = self._etcd.call("/lease/keepalive", {"ID": grant.get("lease", "0")})
        return int(answer.get("result", {}).get("TTL", 0)) > 0

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back, if the node has it. Raises as the port does."""
        for _ in self._attempts():
            grant, newest, compare = self._look()
            newest = newest.after(node, epoch, given=False)
            success = [self._etcd.put("newest", newest.to_text())]
            if grant and _text(grant) == node:
                success.append(self._etcd.delete("grant"))
            if self._etcd.change(compare, success):
                break

    def holder(self) -> str | None:
        """The node that has the grant now, or None. Raises as the port does."""
        grant, _, _ = self._look()
        return _text(grant) if grant else None

    def close(self) -> None:
        """Close the connections. Every later call raises Unavailable; a grant stays."""
        self._etcd.close()

    def _look(self) -> tuple[Json, Newest, list[Json]]:
        """The grant's key (empty: no node has it), the memory, and comparisons with both."""
        kvs, _ = self._etcd.range("grant", range_end=self._etcd.key("newest\0"))
        found = {b64decode(kv["key"]).decode().removeprefix(self._etcd.prefix): kv for kv in kvs}
        grant, newest = found.get("grant", {}), found.get("newest")
        return grant, Newest.from_text(_text(newest)) if newest else Newest(), [
            self._etcd.unchanged(name, _revision([found[name]] if name in found else []))
            for name in ("grant", "newest")
        ]

    def _attempts(self) -> Iterator[int]:
        for attempt in count():
            if attempt == ATTEMPTS:
                raise Unavailable(f"others changed the grant {ATTEMPTS} times meanwhile; ask again")
            yield attempt
