"""One request of HTTP, and its response: what came is read by the rules, and nothing is believed.

Law: no endpoint is known here. One connection carries one request; whatever follows it is not read.
The library h11 knows the grammar.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from attrs import frozen

from prgcore.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    import h11

__all__ = ["METHODS", "TEXT", "Asked", "Reply", "converse", "is_ours", "read_target"]

METHODS = ("GET", "HEAD", "OPTIONS")
TEXT = "text/plain; charset=utf-8"
LINGER = 1.0
"""How many seconds a client may go on sending after it was answered."""
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VERSIONS = (b"1.0", b"1.1")
_POLICY = ("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'")
_SAFE = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Connection", "close"),
)


@frozen
class Asked:
    """A request.

    Attributes:
        method: its method.
        path: the parts of its path, decoded: `("serves", "node1")`; `("*",)` for the whole server.
        host: the name of the host that it asks, without a port; empty: it names none.
    """

    method: str
    path: tuple[str, ...]
    host: str = ""


@frozen
class Reply:
    """A response.

    Attributes:
        status: its number.
        body: what a GET is answered with.
        kind: the media type of the body.
        headers: further headers.
    """

    status: int
    body: bytes = b""
    kind: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def says(cls, status: int, line: str) -> Reply:
        """A response of one line."""
        return cls(status, f"{line}\n".encode())


def read_target(target: str, host: str) -> tuple[tuple[str, ...], str]:
    """The path of a target, and the host that is asked: that of the target, or of the header.

    Raises:
        BadInput: it is not a target, or its path is not text.
    """
    if target == "*":
        return ("*",), _name(host)
    if not target.startswith("/"):
        try:
            parts = urlsplit(target)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadInput("the target is neither a path nor an address")
        host, target = parts.netloc.rpartition("@")[2], parts.path or "/"
    path = target.partition("?")[0]
    if "#" in path or _ESCAPE.search(path):
        raise BadInput("the path is not written as a path of an address is")
    try:
        found = tuple(unquote_to_bytes(part).decode() for part in path.split("/")[1:])
    except UnicodeDecodeError:
        raise BadInput("the path is not UTF-8") from None
    if not all(part.isprintable() for part in found):
        raise BadInput("the path has a control character")
    return found, _name(host)


def _name(host: str) -> str:
    """The name in a Host header, without its port and in small letters; `[::1]` becomes `::1`."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a host names this agent: an address, or one of these names.

    A page of somebody else can lead a name of its own to this address. Then a browser would show it
    what this agent answers, unless the name is refused.
    """
    if not host or host in names:
        return True
    with suppress(ValueError):
        ip_address(host.partition("%")[0])
        return True
    return False


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begun: bytes, *,
    longest: int, within: float, answers: Callable[[Asked], Awaitable[Reply]],
) -> None:
    """Read one request, answer it, and end the connection.

    Args:
        begun: what was read of it.
        longest: how many bytes its head may have.
        within: within how many seconds it must be whole.
        answers: answers it.
    """
    try:
        import h11
    except ImportError:
        missing = MissingExtra("HTTP at the administrator's port", "cli")
        writer.write(_plain(f"{missing}\n".encode()))
        await _ends(reader, writer)
        return
    connection, method = h11.Connection(h11.SERVER, max_incomplete_event_size=longest), "GET"
    try:
        async with asyncio.timeout(within):
            request = await _request(connection, reader, begun)
        if request is None:
            return
        method = request.method.decode("ascii")
        reply = await answers(_asked(request)) if request.http_version in _VERSIONS else \
            Reply.says(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    except TimeoutError:
        reply = Reply.says(408, f"the request was not whole within {within:g} s (limits.whole)")
    except BadInput as error:
        reply = Reply.says(400, str(error))
    except h11.RemoteProtocolError as error:
        status = error.error_status_hint
        reply = Reply.says(status, f"this is not a request of HTTP: {error}" if status == 400 else
                           f"the request is refused: {error}")
    _write(connection, writer, method, reply)
    await _ends(reader, writer)


async def _request(
    connection: h11.Connection, reader: asyncio.StreamReader, data: bytes
) -> h11.Request | None:
    """The head of a request; None: the other end has gone away before.

    Raises:
        h11.RemoteProtocolError: it is not one.
    """
    import h11

    while True:
        connection.receive_data(data)
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:  # the other end has ended between requests
            return None
        data = await reader.read(1 << 14)


def _asked(request: h11.Request) -> Asked:
    hosts = [value for name, value in request.headers if name == b"host"]
    host = hosts[0].decode("latin-1") if hosts else ""
    path, host = read_target(request.target.decode("latin-1"), host)
    return Asked(request.method.decode("ascii"), path, host)


def _write(
    connection: h11.Connection, writer: asyncio.StreamWriter, method: str, reply: Reply
) -> None:
    import h11

    headers = [("Content-Type", reply.kind), ("Content-Length", str(len(reply.body))), *_SAFE,
               *reply.headers]
    parts: list[h11.Event] = [h11.Response(
        status_code=reply.status, reason=HTTPStatus(reply.status).phrase.encode(),
        headers=headers)]
    if method != "HEAD":
        parts.append(h11.Data(data=reply.body))
    for part in (*parts, h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")


def _plain(body: bytes) -> bytes:
    return (b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


async def _ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the other end read all of the response: what it still sends must not reset it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(1 << 14):
                pass
