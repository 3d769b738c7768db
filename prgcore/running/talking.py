"""Talking: heartbeats over TCP, one connection each way.

Law: no rule lives here. A connection that brings something other than heartbeats of the peer ends.
Nothing here waits: a heartbeat that cannot be sent at once is not sent.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from ssl import SSLError
from typing import Any, cast

from prgcore.errors import BadInput
from prgcore.running.addresses import Address, shown
from prgcore.running.certificates import why
from prgcore.running.heartbeat import LONGEST, line
from prgcore.running.seal import OPEN, Challenger, Sealer
from prgcore.running.seldom import Seldom
from prgcore.running.shapes import Heard
from prgcore.stores.ports import boot_clock

__all__ = ["Ear", "Mouth"]

SILENT, PROBE, PROBES = 60, 10, 6
"""After how many seconds of silence a connection is probed, how often then, and how many times."""

SEAL = 100
"""How many bytes a seal adds to a line, or fewer."""


def _nothing() -> None:
    """No seals: everybody is believed."""


class Ear:
    """Takes the heartbeats of the peer, from any number of connections.

    Args:
        reads: the reader of its lines.
        hears: gets each heartbeat when it arrives.
        lock: makes the receiver of the seals of a connection; it returns None: nothing is sealed.
        fresh: for how many seconds a challenge is fresh.
        clock: seconds that never step back, and go on while the computer sleeps.
        knows: whether a connection with this certificate is one of the peer.
    """

    def __init__(
        self, reads: Callable[[bytes], Heard], hears: Callable[[Heard], None],
        lock: Callable[[], Challenger | None] = _nothing, fresh: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = boot_clock,
        knows: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        self.reads, self.hears, self.lock, self.fresh, self.clock = reads, hears, lock, fresh, clock
        self.knows = knows
        self._open: set[asyncio.Transport] = set()
        self._seldom = Seldom()

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
        self.hears(heard)

    def late(self) -> None:
        """Note that a heartbeat came too late to count."""
        self._seldom.warn("late", "a heartbeat came too late to count: this computer was busy, or the "
                          "network holds them up")

    def refused(self, transport: asyncio.Transport, error: BadInput) -> None:
        """End a connection that brings something else, with one warning in a while."""
        self._seldom.warn(
            "other", f"something other than a heartbeat came in at the service port: {error}")
        transport.abort()


class _Line(asyncio.Protocol):
    """A connection to an ear."""

    def __init__(self, ear: Ear) -> None:
        self._ear, self._rest, self._lock = ear, b"", ear.lock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _probed(transport)
        self._ear.opened(self._transport)
        if not self._ear.knows(transport.get_extra_info("peercert")):
            self._lock = None
            self._ear.refused(self._transport, BadInput("its certificate is not that of the peer"))
            return
        if self._lock is not None:
            self._transport.write(self._lock.challenge(self._ear.clock()))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, the port's name
        self._ear.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():  # it was refused
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for one in lines:
                self._takes(one)
            if len(self._rest) > LONGEST + SEAL:
                raise BadInput(f"a line is longer than {LONGEST} bytes")  # noqa: TRY301
        except BadInput as error:
            self._rest = b""
            self._ear.refused(self._transport, error)

    def _takes(self, line: bytes) -> None:
        ear, text = self._ear, line
        if self._lock is not None:
            now, fresh = ear.clock(), ear.fresh()
            opened = self._lock.opens(line, now, fresh)
            challenge = self._lock.next(now, fresh, late=opened is None)
            if challenge and not self._transport.get_write_buffer_size():
                self._transport.write(challenge)
            if opened is None:
                ear.late()
                return
            text = opened
        ear.took(ear.reads(text))


class Mouth:
    """Sends the heartbeats of a node to its peer.

    Args:
        node: the node that sends.
        to: the address of the peer.
        timeout: how many seconds a connection may carry nothing before a new one is tried.
        seal: makes the sender of the seals of a connection; it returns None: nothing is sealed.
        dials: more arguments of a connection, for TLS.
    """

    def __init__(
        self, node: str, to: Address, timeout: float, seal: Callable[[], Sealer | None] = _nothing,
        dials: Mapping[str, Any] = {},
    ) -> None:
        self.node, self.to, self.timeout, self.seal, self.dials = node, to, timeout, seal, dials
        self._doubted, self._seldom = "", Seldom()
        self._voice: _Voice | None = None
        self._opening: asyncio.Task[None] | None = None
        self._said: tuple[Heard, bytes] | None = None
        self._until = 0.0

    @property
    def _transport(self) -> asyncio.Transport | None:
        return self._voice.transport if self._voice is not None else None

    def say(self, heard: Heard, within: float) -> None:
        """Send a heartbeat at once, or as soon as a connection is open within so many seconds."""
        if self._said is None or self._said[0] != heard:
            self._said = heard, line(self.node, heard)
        loop = asyncio.get_running_loop()
        self._until = loop.time() + within
        voice = self._voice
        if voice is not None and not voice.transport.is_closing():
            if voice.says(self._said[1]):
                return
            voice.transport.abort()  # the peer takes nothing; it must not find old heartbeats later
        if self._opening is None or self._opening.done():
            self._opening = loop.create_task(self._open(within))

    def again(self, voice: _Voice) -> None:
        """Send the last heartbeat once more, if it is not an old one."""
        if self._said is not None and asyncio.get_running_loop().time() <= self._until:
            voice.says(self._said[1])

    async def _open(self, within: float) -> None:
        """Open a connection. A handshake may take longer than an interval on a busy computer."""
        within = max(within, self.timeout / 2)
        try:
            async with asyncio.timeout(within):
                _, voice = await asyncio.get_running_loop().create_connection(
                    lambda: _Voice(self), *self.to, **self.dials)
        except SSLError as error:
            self._doubts(why(error))
            return
        except (OSError, TimeoutError):
            return
        _impatient(voice.transport, self.timeout)
        try:
            async with asyncio.timeout(within):
                await voice.ready.wait()
        except BaseException as error:
            voice.transport.abort()
            if isinstance(error, TimeoutError):
                return
            raise
        self._voice, self._doubted = voice, ""
        self.again(voice)

    def _doubts(self, reason: str) -> None:
        """Log that the peer's certificate is refused, each reason once until one is accepted."""
        if reason != self._doubted:
            self._seldom.warn("certificate", f"the service port at {shown(self.to)} shows no certificate "
                              f"of the other node: {reason}")
        self._doubted = reason

    def shut(self) -> None:
        """End the connection."""
        if self._opening is not None:
            self._opening.cancel()
        if self._voice is not None:
            self._voice.transport.abort()


class _Voice(asyncio.Protocol):
    """A connection of a mouth. Where heartbeats are sealed, the first challenge makes it ready."""

    transport: asyncio.Transport

    def __init__(self, mouth: Mouth) -> None:
        self._mouth, self._seal, self._rest = mouth, mouth.seal(), b""
        self.ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._seal is None:
            self.ready.set()

    def says(self, data: bytes) -> bool:
        """Send a line at once; False: what was sent before is not gone yet."""
        if self.transport.get_write_buffer_size():
            return False
        self.transport.write(data if self._seal is None else self._seal.seals(data.rstrip(b"\n")))
        return True

    def data_received(self, data: bytes) -> None:
        if self._seal is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            if len(lines) > OPEN:
                raise BadInput("it sends more challenges than one that hears")  # noqa: TRY301
            for one in lines:
                if self._seal.takes(one) and self.ready.is_set():
                    self._mouth.again(self)
            if len(self._rest) > LONGEST:
                raise BadInput(f"it sends a line of more than {LONGEST} bytes")  # noqa: TRY301
        except BadInput:  # the peer says in its log what it takes
            self._rest = b""
            self.transport.abort()
        else:
            if lines:
                self.ready.set()


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
