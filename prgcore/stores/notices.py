"""Notices: a thread sleeps until a file is written, where the system reports it (inotify of Linux).

Law: it knows nothing of what is in the file. A caller reads the file itself now and then: a system
may report nothing, and one thread at a time gets its reports.
"""

from __future__ import annotations

import os
import select
import weakref
from threading import Lock

__all__ = ["Notices"]

CHANGES = 0x2 | 0x4 | 0x800
"""The reports about a file: a write, another number of links (it was removed), another name."""


class Notices:
    """The reports of the system about one file, from the first `wait` on.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self._path, self._lock, self._closed = path, Lock(), False
        self._end, self._watch = -1, 0
        self._release: weakref.finalize[[int], Notices] | None = None

    def wait(self, seconds: float) -> bool:
        """Sleep until the file changes, until `close`, or for so long; the first time, not at all.

        False: at once, because nobody will report it.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if not self._watch:
                self._begin()
                return self._watch > 0  # what was written before is not reported
            if self._closed or self._watch < 0:
                return False
            told = select.poll()
            told.register(self._end, select.POLLIN)
            if told.poll(1000 * seconds):
                os.read(self._end, 1 << 16)
            return True
        finally:
            self._lock.release()

    def _begin(self) -> None:
        self._watch = -1
        try:
            import ctypes

            self._says = ctypes.CDLL(None)
            self._end = self._says.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (AttributeError, ImportError, OSError, TypeError):  # another system, or Python
            return
        if self._end >= 0:  # a store that nobody closes leaves nothing in the system
            self._release = weakref.finalize(self, os.close, self._end)
            self._release.atexit = False
            self._watch = self._says.inotify_add_watch(
                self._end, os.fsencode(self._path), CHANGES)

    def close(self) -> None:
        """Wake the thread that waits, and release what the system keeps."""
        self._closed = True
        if self._watch > 0:
            self._says.inotify_rm_watch(self._end, self._watch)  # which is reported, too
        with self._lock:
            if self._release is not None:
                self._release()
            self._end = self._watch = -1
