"""A door: it listens at an address, and lets in no more than the limits say.

Law: a door knows no protocol; each connection gets one, limited by `prgcore.running.limited`. Nothing that
others do at it ends the agent or fills its log: a refusal is counted, and one line is logged in a
while. Where the system has no file left for a connection, the connection ends.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

from attrs import define

from prgcore.errors import BadInput
from prgcore.running.addresses import Address, shown
from prgcore.running.certificates import why
from prgcore.running.limited import Limited
from prgcore.running.limits import Limits
from prgcore.running.places import SILENT, Place, gives_up, overdue
from prgcore.running.seldom import Seldom

__all__ = ["Door"]

WAITING = 1024
"""How many connections the system lets wait until they are let in."""
AT_ONCE = 32
"""How many connections are let in before the event loop does something else."""
LATER = 0.2
"""How many seconds pass until a system without files is asked again."""
ELSEWHERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A name may have an address of a kind that this computer does not use."""
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@define(eq=False)
class _Guest:
    """A connection that was let in."""

    place: Place
    end: socket.socket
    task: asyncio.Task[Any] | None = None
    limited: Limited | None = None

    def drop(self) -> None:
        if self.limited is not None and self.limited.transport is not None:
            self.limited.drop()
        elif self.task is not None:
            self.task.cancel()


class Door:
    """Lets connections in at one address.

    Args:
        name: its name, for the log.
        address: where it listens.
        limits: the limits.
        makes: makes the protocol of a new connection.
        seldom: logs what is refused.
        ssl: if given, every connection begins with a handshake of TLS.
        here: whether only this computer may reach it, whatever the name of the host stands for.
    """

    def __init__(
        self, name: str, address: Address, limits: Limits, makes: Callable[[], asyncio.Protocol],
        seldom: Seldom, ssl: SSLContext | None = None, *, here: bool = False,
    ) -> None:
        self.name, self.address, self.limits, self.ssl = name, address, limits, ssl
        self._makes, self._seldom, self._here = makes, seldom, here
        self._sockets: list[socket.socket] = []
        self._guests: dict[Place, _Guest] = {}
        self._spare = -1
        self._sweep: asyncio.TimerHandle | None = None

    async def open(self) -> Door:
        """Listen, at every address that the name of the host has.

        Raises:
            OSError: it cannot.
            BadInput: other computers could reach it, and must not.
        """
        self._loop = asyncio.get_running_loop()
        host, port = self.address
        found = await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for *_, where in found:
            if self._here and not ip_address(str(where[0]).partition("%")[0]).is_loopback:
                raise BadInput(f"security.off: {shown(self.address)} is {where[0]} here, which other "
                               "computers can reach, and could command; write 127.0.0.1 or ::1")
        wrong: OSError | None = None
        for family, kind, number, _, where in dict.fromkeys(found):
            try:
                self._listens(socket.socket(family, kind, number), where)
            except OSError as error:
                wrong = wrong or error
                if error.errno not in ELSEWHERE:
                    break
        if wrong is not None and (not self._sockets or wrong.errno not in ELSEWHERE):
            self.close()
            raise wrong
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for one in self._sockets:
            self._loop.add_reader(one, self._lets_in, one)
        return self

    def _listens(self, end: socket.socket, where: Any) -> None:
        try:
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if end.family == socket.AF_INET6:
                end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            end.bind(where)
            end.listen(WAITING)
        except OSError:
            end.close()
            raise
        self._sockets.append(end)

    def close(self) -> None:
        """Listen no more, and end every connection."""
        for one in self._sockets:
            self._loop.remove_reader(one)
            one.close()
        self._sockets.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        for guest in list(self._guests.values()):
            guest.drop()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    # ---------------------------------------------------------------------- letting in

    def _lets_in(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                end, where = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in FULL:
                    self._turns_away(listening, error)
                    return
                continue  # the other end has gone away meanwhile
            self._welcomes(end, where[0])

    def _turns_away(self, listening: socket.socket, error: OSError) -> None:
        """End one connection with the spare file, so that it does not wait for ever."""
        self._warns("no file is left for a connection", f": {os.strerror(error.errno or 0)}; "
                    "raise the number of open files, or write fewer limits.connections")
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
            with suppress(OSError):
                listening.accept()[0].close()
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._loop.remove_reader(listening)
        self._loop.call_later(LATER, self._goes_on, listening)

    def _goes_on(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._lets_in, listening)

    def _welcomes(self, end: socket.socket, address: str) -> None:
        now = self._loop.time()
        place = Place(address, now, now)
        if (other := gives_up(self._guests, address, self.limits)) is not None:
            self._warns("too many connections", f": one of {other.address} ended for one of {address}; "
                        f"limits.connections is {self.limits.connections}, limits.per_address is "
                        f"{self.limits.per_address}")
            self._guests.pop(other).drop()
        end.setblocking(False)
        guest = self._guests[place] = _Guest(place, end)
        guest.task = self._loop.create_task(self._begins(guest))
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._often, self._sweeps)

    async def _begins(self, guest: _Guest) -> None:
        def protocol() -> Limited:
            guest.limited = Limited(guest.place, self.limits, self._makes(), gone, breaks)
            return guest.limited

        def gone(_: Limited) -> None:
            self._guests.pop(guest.place, None)

        def breaks(why: str) -> None:
            self._warns(why, f": a connection of {guest.place.address}")

        handshake = self.limits.whole if self.ssl is not None else None
        try:
            await self._loop.connect_accepted_socket(
                protocol, guest.end, ssl=self.ssl, ssl_handshake_timeout=handshake)
        except (OSError, ValueError) as error:
            if self.ssl is not None:
                self._warns("no handshake of TLS", f" with {guest.place.address}: {why(error)}")
        finally:
            if guest.limited is None or guest.limited.transport is None:
                self._guests.pop(guest.place, None)
                guest.end.close()

    # -------------------------------------------------------------------------- sweeping

    @property
    def _often(self) -> float:
        return min(self.limits.whole, self.limits.idle) / 4

    def _sweeps(self) -> None:
        """End what takes too long."""
        self._sweep, now = None, self._loop.time()
        for place, guest in list(self._guests.items()):
            if why := overdue(place, self.limits, now):
                if why != SILENT:
                    self._warns(why, f" within {self.limits.whole:g} s (limits.whole): it came from "
                                f"{place.address}")
                del self._guests[place]
                guest.drop()
        if self._guests:
            self._sweep = self._loop.call_later(self._often, self._sweeps)

    def _warns(self, kind: str, more: str) -> None:
        self._seldom.warn(f"{self.name} {kind}", f"{self.name} at {shown(self.address)}: {kind}{more}")
