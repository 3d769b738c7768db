"""A limited connection: it passes on what comes, no faster than the limits say.

Law: nothing here knows what the bytes mean, except that a newline ends a line. The inner protocol
sees a connection like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from prgcore.running.limits import Limits
from prgcore.running.places import Place

__all__ = ["Limited"]


class Limited(asyncio.Protocol):
    """A protocol around another one.

    Args:
        place: what the limits see of it; kept up to date.
        limits: the limits.
        inner: the protocol that gets what comes.
        gone: is called once when the connection has ended.
        breaks: is called with a reason when the connection breaks a limit, and ends for that.

    Attributes:
        transport: the connection; None: not yet.
    """

    def __init__(
        self, place: Place, limits: Limits, inner: asyncio.Protocol,
        gone: Callable[[Limited], None], breaks: Callable[[str], None],
    ) -> None:
        self.place, self.limits, self.inner = place, limits, inner
        self.transport: asyncio.Transport | None = None
        self._gone, self._breaks = gone, breaks
        self._budget, self._counted, self._partial = 2 * limits.lines, place.since, 0
        self._held, self._later, self._ends = b"", cast("asyncio.TimerHandle | None", None), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._later is not None:
            self._later.cancel()
        self._gone(self)
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def eof_received(self) -> bool | None:
        self._ends = True
        return True if self._held else self.inner.eof_received()

    def data_received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self.place.last = now
        whole = data.rfind(b"\n") + 1
        longest = self._partial + len(data)
        if longest > self.limits.line:  # else no line can be too long
            longest = max(map(len, (b"\0" * self._partial + data).split(b"\n")))
        if longest > self.limits.line:
            self._breaks(f"a line has more than {self.limits.line} bytes")
            self.drop()
            return
        rest = len(data) - whole
        self._partial = rest if whole else self._partial + rest
        if whole:
            self.place.begun = None
        if rest and self.place.begun is None:
            self.place.begun = now
        self._passes_on(self._held + data, now)

    def _passes_on(self, data: bytes, now: float) -> None:
        """Pass on as many lines as may come now, and hold the rest for a while."""
        every = self.limits.lines
        self._budget = min(2 * every, self._budget + (now - self._counted) * every)
        self._counted = now
        if self._later is not None:  # its time will come
            self._holds(data)
            return
        lines, end = 0, 0
        while lines < self._budget and (found := data.find(b"\n", end)) >= 0:
            lines, end = lines + 1, found + 1
        more = data.find(b"\n", end) >= 0
        self._budget -= lines
        now_on, later = (data[:end], data[end:]) if more else (data, b"")
        self._held = b""
        if now_on:
            self.inner.data_received(now_on)
        if self.transport is None or self.transport.is_closing():
            return
        self.place.proved = self.place.proved or lines > 0
        if later:
            self._holds(later)
            self._later = asyncio.get_running_loop().call_later(
                max(1.0, self.limits.lines / 10) / self.limits.lines, self._goes_on)

    def _holds(self, data: bytes) -> None:
        self._held = data
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def _goes_on(self) -> None:
        self._later = None
        if self.transport is None or self.transport.is_closing():
            return
        held, self._held = self._held, b""
        self.transport.resume_reading()
        self._passes_on(held, asyncio.get_running_loop().time())
        if self._ends and not self._held and not self.inner.eof_received():
            self.transport.close()

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()
