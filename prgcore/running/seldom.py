"""Remarks that others can provoke: each kind is one line of the log, and again after a while.

Law: nothing here waits. A flood at a port fills no log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from prgcore.words import counted

__all__ = ["Seldom"]

WHILE = 60.0
"""How many seconds pass between two lines of one kind."""

_log = logging.getLogger("prgcore")


class Seldom:
    """Logs warnings, one of each kind in a while.

    Args:
        clock: seconds that never step back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._said, self._left = clock, dict[str, float](), dict[str, int]()

    def warn(self, kind: str, says: str) -> None:
        """Log this sentence, unless one of its kind was logged a moment ago.

        The next one then says how many were left out.
        """
        now, last = self._clock(), self._said.get(kind)
        if last is not None and now < last + WHILE:
            self._left[kind] = self._left.get(kind, 0) + 1
            return
        self._said[kind], left = now, self._left.pop(kind, 0)
        more = f" (and {counted(left, 'time')} more since the last such line)" if left else ""
        _log.warning("%s%s", says, more)
