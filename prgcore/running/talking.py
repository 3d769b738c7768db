"""Talking: heartbeats over TCP, one connection each way.

Law: no rule lives here. A connection that brings something other than heartbeats of the peer ends.
Nothing here waits: a heartbeat that cannot be sent at once is not sent.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from prgcore.errors import BadInput
from prgcore.running.addresses import Address
from prgcore.running.heartbeat import LONGEST, line
from prgcore.running.shapes import Heard

__all__ = ["Ear", "Mouth"]

SILENT, PROBE, PROBES = 60, 10, 6
"""After how many seconds of silence a connection is probed, how often then, and how many times."""

_log = logging.getLogger("prgcore")


class Ear:
    """Takes the heartbeats of the peer, from any number of connections.

    Args:
        reads: the reader of its lines.
        hears: gets each heartbeat when it arrives.
    """

    def __init__(self, reads: Callable[[bytes], Heard], hears: Callable[[Heard], None]) -> None:
        self.reads, self.hears = reads, hears
        self._open: set[asyncio.Transport] = set()
        self._warned = False

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Line(self)

    def hang_up(self) -> None:
        """Drop the unread lines of a host that is known to be dead."""
        for transport in self._open:
            transport.abort()

    def opened(self, transport: asyncio.Transport) -> None:
        """Note a new connection."""
        self._open.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        """Note that a connection has ended."""
        self._open.discard(transport)

    def took(self, heard: Heard) -> None:
        """Pass a heartbeat on."""
        self._warned = False
        self.hears(heard)

    def refused(self, transport: asyncio.Transport, error: BadInput) -> None:
        """End a connection that brings something else, with one warning until the peer is heard."""
        if not self._warned:
            _log.warning("something other than a heartbeat came in at the service port: %s", error)
        self._warned = True
        transport.abort()


class _Line(asyncio.Protocol):
    """A connection to an ear."""

    def __init__(self, ear: Ear) -> None:
        self._ear, self._rest = ear, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _probed(transport)
        self._ear.opened(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, the port's name
        self._ear.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for one in lines:
                self._ear.took(self._ear.reads(one))
            if len(self._rest) > LONGEST:
                raise BadInput(f"a line is longer than {LONGEST} bytes")  # noqa: TRY301
        except BadInput as error:
            self._rest = b""
            self._ear.refused(self._transport, error)


class Mouth:
    """Sends the heartbeats of a node to its peer.

    Args:
        node: the node that sends.
        to: the address of the peer.
        timeout: how many seconds a connection may carry nothing before a new one is tried.
    """

    def __init__(self, node: str, to: Address, timeout: float) -> None:
        self.node, self.to, self.timeout = node, to, timeout
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._said: tuple[Heard, bytes] | None = None
        self._unsaid = b""

    def say(self, heard: Heard, within: float) -> None:
        """Send a heartbeat at once, or as soon as a connection is open within so many seconds."""
        if self._said is None or self._said[0] != heard:
            self._said = heard, line(self.node, heard)
        data, transport = self._said[1], self._transport
        if transport is not None and not transport.is_closing():
            if not transport.get_write_buffer_size():
                transport.write(data)
                return
            transport.abort()  # the peer takes nothing; it must not find old heartbeats later
        self._unsaid = data
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open(within))

    async def _open(self, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, *self.to)
        except (OSError, TimeoutError):
            return
        _impatient(transport, self.timeout)
        self._transport = transport
        transport.write(self._unsaid)

    def shut(self) -> None:
        """End the connection."""
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            self._transport.abort()


def _probed(transport: asyncio.BaseTransport) -> None:
    """Let a silent connection end if its host is gone; without probes it would stay for ever."""
    end = transport.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with suppress(OSError, AttributeError):  # else the system probes by its own times
        for option, value in ((socket.TCP_KEEPIDLE, SILENT), (socket.TCP_KEEPINTVL, PROBE),
                              (socket.TCP_KEEPCNT, PROBES)):
            end.setsockopt(socket.IPPROTO_TCP, option, value)


def _impatient(transport: asyncio.BaseTransport, timeout: float) -> None:
    """Let a connection end that carries nothing for so long."""
    with suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout * 1000))
