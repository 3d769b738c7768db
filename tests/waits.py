"""Waiting in an event loop for what threads do."""

from __future__ import annotations

import asyncio
import threading

LONG = 60


async def until(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110, threads change it
            await asyncio.sleep(0.002)


def threads(name=""):
    """The threads that are alive now, of this name if one is given.

    A test compares them with those before it: other tests of the same process may have left some.
    """
    return {t for t in threading.enumerate() if name in ("", t.name)}
