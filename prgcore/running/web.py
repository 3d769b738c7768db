"""What an agent answers over HTTP at its administrator's address; questions in JSON go on.

Law: nothing is commanded here, and no rule lives here. The first byte of a connection says what it
brings: a question in JSON, which `prgcore.running.administrator` answers, or a request.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from prgcore.running.page import page

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

__all__ = ["Web"]

_QUESTION = b'{["-0123456789 \t\r\n'
"""With one of these bytes a line of JSON begins, and no request."""


class Web:
    """Answers at the administrator's address of an agent."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection: a request, or any number of questions."""
        begun = b""
        with suppress(OSError, ValueError, asyncio.CancelledError):
            begun = await reader.read(1)
        if begun and begun in _QUESTION:
            await self.agent.administrator.answers(reader, writer, begun)
            return
        try:
            line = begun + await reader.readline()
            if line.startswith(b"GET "):
                writer.write(await self._page())
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _page(self) -> bytes:
        body = page(self.agent.group, await self.agent.administrator.status())
        head = ("HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
                "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        return head.encode() + body
