"""Waiting in an event loop for what threads do."""

from __future__ import annotations

import asyncio

LONG = 60


async def until(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110, threads change it
            await asyncio.sleep(0.002)
