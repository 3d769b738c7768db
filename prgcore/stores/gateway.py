"""The JSON gateway of etcd: requests go out, and answers come back as values.

Law: the one place where an answer of a server becomes a value, or `Unavailable`. Whatever else comes
back, nothing of it gets further. An answer has to fit the request: its keys, its number of
responses, its revisions. Each value ends with a checksum. No call outlives its timeout.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException, responses
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit
from zlib import crc32

from attrs import frozen

from prgcore.errors import BadInput, MissingExtra, Unavailable
from prgcore.stores.keeping import seconds
from prgcore.stores.login import STALE, Login
from prgcore.wire.jsontext import parse_json
from prgcore.words import one_line

try:
    from etcd3gw.client import Etcd3Client
    from urllib3.exceptions import HTTPError
except ModuleNotFoundError:
    raise MissingExtra("a store in etcd", "etcd") from None

if TYPE_CHECKING:
    from requests import Response

__all__ = ["LONGEST_ANSWER", "Gateway", "Json", "Key", "Ranged"]

LONGEST_ANSWER = 1 << 28
"""How many bytes an answer may have: some hundred of the largest values that etcd keeps."""

CHUNK = 1 << 16
LEAST = 0.05
"""How many seconds a request has at least, if a login before it took the time."""
Json = dict[str, Any]
T = TypeVar("T")

_STRANGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, BadInput)
"""The exceptions that reading an answer can raise, if it is not one."""
_FULL = ("its space is used up (alarm NOSPACE), so it refuses every write: etcdctl compact, etcdctl "
         "defrag, and then etcdctl alarm disarm (docs/stores.md)")


@frozen
class Key:
    """A key below our prefix, and its value.

    Attributes:
        name: the key without the prefix.
        revision: the revision at which it was last written.
        text: its value.
        lease: the lease to which it is bound; "0": none.
    """

    name: str
    revision: int
    text: str
    lease: str


@frozen
class Ranged:
    """The answer to a range of keys: the keys, how many there are in all, and etcd's revision."""

    keys: tuple[Key, ...]
    count: int
    revision: int

    @property
    def one(self) -> Key | None:
        """The only key, if there is one."""
        return self.keys[0] if self.keys else None


class Gateway:
    """The keys under a prefix; after a failure the next call goes to the next server."""

    def __init__(
        self, url: str, prefix: str, timeout: float,
        ca: str | None, cert: str | None, key: str | None, login: Login | None = None,
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
            client.session.headers["Accept-Encoding"] = "identity"
        self._turn, self._closed, self._login = 0, False, login

    # ------------------------------------------------------------------ one request

    def call(self, path: str, request: Json, read: Callable[[Json], T]) -> T:
        """The value that `read` makes of the server's answer.

        Raises:
            Unavailable: there is no answer, or it is not one of etcd.
        """
        until = time.monotonic() + self.timeout
        token = self._token(until)
        try:
            return self._called(path, request, read, until, token)
        except _Stale as stale:
            if self._login is None or time.monotonic() >= until:
                raise Unavailable(str(stale)) from None
            self._login.forget(token)
        try:
            return self._called(path, request, read, until, self._token(until))
        except _Stale as stale:
            raise Unavailable(str(stale)) from None

    def _token(self, until: float) -> str:
        """The token of the login; empty: none is needed."""
        def asks(who: dict[str, str]) -> str:
            return self._called("/auth/authenticate", who, lambda answer: _word(answer["token"]), until, "")

        return "" if self._login is None else self._login.token(asks)

    def _called(
        self, path: str, request: Json, read: Callable[[Json], T], until: float, token: str
    ) -> T:
        """The value of one answer.

        Raises:
            _Stale: etcd asks for another token; it has not done what was asked.
            Unavailable: as `call`.
        """
        within = max(until - time.monotonic(), LEAST)
        with self._asked(path, request, within, token) as (response, client):
            text = _body(response, until)
            if response.status_code != 200:
                raise self._refused(client.base_url, response.status_code, text)
            try:
                return read(_object(parse_json(text, "the answer")))
            except _STRANGE:
                raise self._refused(client.base_url, 200, text) from None

    @contextmanager
    def _asked(
        self, path: str, request: Json, within: float, token: str
    ) -> Iterator[tuple[Response, Etcd3Client]]:
        """The response of the server whose turn it is, while it is read."""
        if self._closed:
            raise Unavailable("the connection to etcd was closed; open it again")
        turn = self._turn
        client = self._clients[turn]
        response = None
        try:
            response = client.session.post(
                client.get_url(path), json=request, stream=True, allow_redirects=False,
                headers={"Authorization": token} if token else None,
                timeout=(min(self.timeout, within), within))
            yield response, client
        except Unavailable:
            self._turn = (turn + 1) % len(self._clients)
            raise
        except (OSError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            self._turn = (turn + 1) % len(self._clients)
            raise Unavailable(self._silent(client.base_url, str(error))) from None
        finally:
            if response is not None:
                response.close()

    def _silent(self, url: str, said: str) -> str:
        """The reason why there is no answer, in a few words."""
        if reason := re.search(r"\[Errno -?\d+\] ([\w ]+)", said):
            return f"no etcd answers at {url}: {reason[1].lower()}"
        if "SSL" in said:
            reason = re.search(r"\[SSL: \w+\] ([^()']+)", said)
            why = reason[1].strip().lower() if reason else "it ended the handshake"
            return (f"etcd at {url} and this node do not trust each other's certificates (etcd.ca, "
                    f"etcd.certificate): {why}")
        if "timed out" in said:
            return f"etcd at {url} does not answer within {self.timeout:g} s"
        if any(words in said for words in ("RemoteDisconnected", "IncompleteRead", "ended prematurely")):
            tls = "; if it uses TLS, write https:// into its address" * url.startswith("http:")
            return f"etcd at {url} ends the connection before its answer is complete{tls}"
        if "BadStatusLine" in said or "LineTooLong" in said:
            return f"the server at {url} does not speak HTTP: look at the address of etcd"
        return f"etcd at {url} does not answer: {one_line(said, 200)}"

    def _refused(self, url: str, status: int, text: str) -> Unavailable | _Stale:
        """The error of an answer that reports one; it quotes etcd's own message, and nothing else."""
        said = _message(text)
        if said is None:
            return _strange(url, status, text)
        if "request is too large" in said or "larger than" in said:
            return _TooLarge(f"etcd at {url} answers: {said}")
        if any(words in said for words in STALE):
            return _Stale(f"etcd at {url} asks for a login: {said}; write etcd.user and "
                          "etcd.password_file")
        if "permission denied" in said:
            return Unavailable(f"etcd at {url}: its user may not read and write below {self.prefix!r:.80}: "
                               f"etcdctl role grant-permission ROLE --prefix=true readwrite {self.prefix}")
        if "space exceeded" in said or "NOSPACE" in said:  # a write may be made nevertheless
            return Unavailable(f"etcd at {url}: {_FULL}")
        answers = "answers" if status == 200 else f"answers {_status(status)}"
        return Unavailable(f"etcd at {url} {answers}: {said or 'it gives no reason'}")

    # ----------------------------------------------------------------------- keys

    def key(self, name: str) -> str:
        """The name with our prefix, encoded as the gateway expects it."""
        return _encoded(self.prefix + name)

    def range(self, name: str, end: str = "", **more: Any) -> Ranged:
        """The values of one key, or of several up to `end`, which is not among them."""
        request = self.ranged(name, end, **more)["request_range"]
        return self.call("/kv/range", request, lambda answer: self._ranged(
            answer, int(_number(answer["header"]["revision"], 1)), request))

    def change(
        self, compare: Sequence[Json], success: Sequence[Json], failure: Sequence[Json] = ()
    ) -> tuple[bool, int, tuple[Ranged, ...]]:
        """Whether the comparisons hold, the revision, and the answers to the ranges that were done.

        The answer must have a response for each operation, and of its kind: an answer without
        `succeeded`, which is how JSON says no, must be the answer to `failure`.

        Raises:
            BadInput: etcd does not accept a value of this size.
            Unavailable: as `call`.
        """
        request = {"compare": list(compare), "success": list(success), "failure": list(failure)}

        def read(answer: Json) -> tuple[bool, int, tuple[Ranged, ...]]:
            done = answer.get("succeeded", False)
            revision = _number(answer["header"]["revision"], 1)
            asked, said = success if done else failure, answer.get("responses", [])
            if not isinstance(done, bool) or len(asked) != len(said):
                raise ValueError
            return done, revision, tuple(filter(None, (
                self._response(operation, one, revision)
                for operation, one in zip(asked, said, strict=True))))

        try:
            return self.call("/kv/txn", request, read)
        except _TooLarge as error:
            raise BadInput(f"etcd does not accept a value of this size: {error}") from None

    def _response(self, operation: Json, said: Any, revision: int) -> Ranged | None:
        """The answer to an operation: that to a range, or None."""
        (kind, request), = operation.items()
        (same, answer), = _object(said).items()
        if same != kind.replace("request", "response"):
            raise ValueError
        return self._ranged(_object(answer), revision, request) if kind == "request_range" else None

    def _ranged(self, answer: Json, revision: int, request: Json) -> Ranged:
        """The keys of an answer, each of which must be one that was asked for."""
        first, end = (b64decode(request.get(k, "")).decode() for k in ("key", "range_end"))
        keys, count = tuple(self._key(kv, revision) for kv in answer.get("kvs", [])), \
            _number(answer.get("count", 0))
        names = [self.prefix + key.name for key in keys]
        fits = all(first <= name < end for name in names) if end else names in ([], [first])
        whole = len(keys) == count or 0 < len(keys) == request.get("limit", 0) < count
        if not (fits and whole and len(set(names)) == len(names)):
            raise ValueError
        return Ranged(keys, count, revision)

    def _key(self, kv: Json, newest: int) -> Key:
        name, revision = _decoded(kv["key"]), _number(kv["mod_revision"], 1)
        if not name.startswith(self.prefix) or revision > newest:
            raise ValueError
        name = name.removeprefix(self.prefix)
        return Key(name, revision, _checked(name, _decoded(kv.get("value", ""))),
                   str(_number(kv.get("lease", 0))))

    # ------------------------------------------------------- what transactions are made of

    def unchanged(self, name: str, revision: int) -> Json:
        """A comparison: the key was last written at this revision; 0: it does not exist."""
        return {"key": self.key(name), "target": "MOD", "result": "EQUAL",
                "mod_revision": str(revision)}

    def exists(self, name: str) -> Json:
        """A comparison: the key exists."""
        return {"key": self.key(name), "target": "CREATE", "result": "GREATER", "create_revision": "0"}

    def put(self, name: str, text: str, lease: str = "0") -> Json:
        """An operation: write a key."""
        value = _encoded(f"{text}\n{_sum(name, text)}")
        return {"request_put": {"key": self.key(name), "value": value, "lease": lease}}

    def delete(self, name: str) -> Json:
        """An operation: remove a key."""
        return {"request_delete_range": {"key": self.key(name)}}

    def ranged(self, name: str, end: str = "", **more: Any) -> Json:
        """An operation: the values of one key, or of several up to `end`."""
        last = {"range_end": self.key(end)} if end else {}
        return {"request_range": {"key": self.key(name), **last, **more}}

    # ---------------------------------------------------------------- leases, the rest

    def lease(self, ttl: int) -> str:
        """A new lease of so many seconds, or of more."""
        def read(answer: Json) -> str:
            if _number(answer["TTL"]) < ttl:
                raise ValueError
            return str(_number(answer["ID"], 1))

        return self.call("/lease/grant", {"TTL": str(ttl)}, read)

    def prolong(self, lease: str) -> int:
        """How many seconds a lease lasts from now on; 0: it is over."""
        def read(answer: Json) -> int:
            found = answer["result"]
            if str(_number(found["ID"])) != lease:
                raise ValueError
            return _number(found.get("TTL", 0))

        return self.call("/lease/keepalive", {"ID": lease}, read)

    def drop(self, name: str, end: str) -> int:
        """Remove the keys from a name up to another one; return how many there were."""
        request = {"key": self.key(name), "range_end": self.key(end)}
        return self.call("/kv/deleterange", request, lambda answer: _number(answer.get("deleted", 0)))

    def compact(self, revision: int) -> None:
        """Drop everything, of every program, that was overwritten before a revision."""
        self.call("/kv/compaction", {"revision": str(revision)},
                  lambda answer: _number(answer["header"]["revision"]))

    def watch(self, name: str, revision: int, within: float) -> None:
        """Wait until a key changes after a revision, the time is over, or the server is gone."""
        request = {"create_request": {"key": self.key(name), "start_revision": str(revision)}}
        with suppress(Unavailable, *_STRANGE), self._asked(
                "/watch", request, within, self._token(time.monotonic() + within)) as (answer, _):
            for line in answer.iter_lines(chunk_size=cast("int", None)):  # as they come
                if not parse_json(line.decode(), "an answer of etcd")["result"].get("created"):
                    return

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        for client in self._clients:
            client.session.close()


class _Stale(Exception):
    """The token is too old, or none was sent."""


class _TooLarge(Unavailable):
    """A request or an answer is larger than etcd accepts."""


def _message(text: str) -> str | None:
    """What etcd says in an answer that reports an error; "" if it says nothing, None: no such answer.

    A stream has its message one level deeper, and may go on in further lines.
    """
    for part in (text, text.partition("\n")[0]):
        with suppress(*_STRANGE):
            found = _object(parse_json(part, "the answer"))
            inner = found.get("error")
            if isinstance(inner, dict):
                found = inner
            if found.keys() & {"message", "error", "code", "grpc_code"}:
                said = (found.get("message"), found.get("error"))
                return one_line(next((s for s in said if isinstance(s, str) and s), ""), 200)
    return None


def _strange(url: str, status: int, text: str) -> Unavailable:
    """The error of an answer that etcd does not give."""
    if "HTTP request to an HTTPS server" in text:  # so answers a server of Go
        return Unavailable(f"the server at {url} asks for TLS: write https:// into its address (etcd.ca "
                           "names who signed its certificate)")
    if status == 200:
        return Unavailable(f"the server that answers at {url} is not etcd, or its answer was damaged on "
                           "its way")
    return Unavailable(f"the server at {url} answers {_status(status)}, and not as etcd 3.4 or newer does: "
                       "look at the address, and at proxies on the way")


def _status(status: int) -> str:
    """A status of HTTP with its name: `503 Service Unavailable`."""
    return f"{status} {responses.get(status, '')}".rstrip()


def _server(url: str) -> tuple[str, str, int]:
    if "@" in url:  # what it says is not shown: it may be a password
        raise BadInput("an address of etcd has no user and no password, which everybody could read: write "
                       "etcd.user and etcd.password_file into the group file, or give user and password")
    try:
        parts = urlsplit(url.strip())
        if parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"):
            return parts.scheme, parts.hostname, parts.port or 2379
    except ValueError:
        pass
    raise BadInput(f"{url[:80]!r} is not an address of etcd; expected: http://HOST:2379, "
                   "or several with commas between")


def _body(response: Response, until: float) -> str:
    """The text of a response, however slowly it drips."""
    parts, size = [], 0
    while part := _part(response):
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER or time.monotonic() > until:
            raise ValueError("timed out" if size <= LONGEST_ANSWER else "the answer does not end")
    return b"".join(parts).decode()


def _part(response: Response) -> bytes:
    """The next bytes of a response, as soon as there are some."""
    try:
        return bytes(response.raw.read1(CHUNK))
    except (HTTPError, HTTPException) as error:
        raise OSError(str(error)) from None


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - it is read like the other strange answers
    return value


def _word(value: object) -> str:
    """A text that a header can carry."""
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ValueError
    return value


def _number(value: object, least: int = 0) -> int:
    """A whole number of 64 bits, which the gateway writes as a text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if type(value) is not int or not least <= value < 1 << 63:
        raise ValueError
    return value


def _sum(name: str, text: str) -> str:
    """The checksum of a value, which is also that of no other key."""
    return f"{crc32(f'{name} {text}'.encode()):08x}"


def _checked(name: str, kept: str) -> str:
    """A value without its checksum. Older releases wrote none."""
    text, line, check = kept.rpartition("\n")
    if line and check != _sum(name, text):
        raise ValueError
    return text if line else kept


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _decoded(text: Any) -> str:
    return b64decode(text, validate=True).decode()


