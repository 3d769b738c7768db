"""Tidying: the logs of services, `NAME.log`, are kept from filling the disk.

Law: no rule lives here. A thread of its own looks now and then, so a slow disk holds nothing up. A
service keeps writing to the file that it has open.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from prgcore.errors import PrgError
from prgcore.running.lane import Lane
from prgcore.running.limits import Limits
from prgcore.running.rotation import emptied
from prgcore.running.seldom import Seldom

__all__ = ["Tidying"]

OFTEN = 1.0
"""How many seconds pass between two looks."""


class Tidying:
    """Rotates every `NAME.log` of a directory.

    Args:
        directory: the directory of an agent.
        limits: how long each may grow, and how many older files are kept.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.directory, self.limits = directory, limits
        self._lane, self._seldom = Lane("logs"), Seldom()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def look(self) -> None:
        """Look now, and then again and again."""
        if self.limits.log and not self._ended:
            self._lane.call(self._look, self._looked)

    def _look(self) -> str:
        name = "the directory"
        try:
            for path in sorted(filter(Path.is_file, self.directory.glob("*.log"))):
                name = path.name
                emptied(path, self.limits.log, self.limits.logs)
        except OSError as error:
            return f"{name}: logs cannot be rotated: {error.strerror}"
        return ""

    def _looked(self, why: str | PrgError) -> None:
        if why:
            self._seldom.warn("logs", str(why))
        if not self._ended:
            self._timer = asyncio.get_running_loop().call_later(OFTEN, self.look)

    def end(self) -> None:
        """Look no more."""
        self._ended = True
        self._lane.end()
        if self._timer is not None:
            self._timer.cancel()
