"""A store in memory, and a clock, that do to whoever uses them what a test wants."""

from __future__ import annotations

import json
import threading

from attrs import define, field

from prgcore.errors import BadInput, Conflict, Unavailable
from prgcore.stores.ports import Kept


class Crash(BaseException):
    """The process is killed here."""


@define
class Clock:
    """Time stands still until somebody moves it."""

    time: float = 1000.0

    def now(self):
        return self.time

    def wall(self):
        return 1_790_000_000 + self.time


def _nothing(_place):
    """Nothing happens."""


@define(eq=False)
class Memory:
    """A store. `at` is called with `read`, `before` a write and `after` it; what it raises is."""

    at: object = _nothing
    text: str | None = None
    version: int = 0
    entries: list = field(factory=list)
    writes: list = field(factory=list)
    closed: bool = False
    _changed: threading.Condition = field(factory=threading.Condition)

    def read(self):
        self.at("read")
        with self._changed:
            if self.closed:
                raise Unavailable("the store is closed")
            return None if self.text is None else Kept(json.loads(self.text), self.version)

    def write(self, value, version, entry=None):
        self.at("before")
        with self._changed:
            if version != self.version:
                raise Conflict(f"version {version} was read, and it is {self.version}")
            if entry is not None and entry["epoch"] != len(self.entries) + 1:
                raise BadInput(f"epoch {entry['epoch']} after {len(self.entries)}")
            self.text, self.version = json.dumps(value, allow_nan=False), version + 1
            self.writes.append(self.text)
            if entry is not None:
                self.entries.append(json.loads(json.dumps(entry, allow_nan=False)))
            self._changed.notify_all()
        self.at("after")
        return version + 1

    def history(self, after=0):
        return iter(self.entries[after:])

    def wait(self, version, timeout):
        with self._changed:
            return self._changed.wait_for(lambda: self.version != version, timeout)

    def close(self):
        self.closed = True
