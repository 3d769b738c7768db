"""Notifying: the hook `notify` runs after each decision that changes something of this node, in order.

Law: nothing waits for it. The queue is bounded, and drops its oldest notice. The decisions come from
the history of the store, because the other node made some of them. If the store does not answer,
there is one notice of all that changed, without a rule.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread

from attrs import evolve

from prgcore.errors import PrgError
from prgcore.running.acting import Acting, facts_after
from prgcore.running.hooks import Facts, tried
from prgcore.stores.ports import Store
from prgcore.stores.record import Record
from prgcore.wire.entry import Entry
from prgcore.words import counted

__all__ = ["MOST", "Notifying"]

MOST = 100
"""How many changes of the record wait at most."""

_log = logging.getLogger("prgcore")


class Notifying:
    """Runs the hook `notify` of an agent, in a thread of its own.

    Args:
        acting: its hooks.
        store: the store, which has the history.
    """

    def __init__(self, acting: Acting, store: Store) -> None:
        self._acting, self._store = acting, store
        self._last: Record | None = None
        self._waiting: deque[tuple[Record, Record]] = deque()
        self._wakes = Condition()
        self._closing = self._killed = False
        self._dropped = 0
        self._thread: Thread | None = None

    def shows(self, record: Record) -> None:
        """Note the newest record that this agent has read; it returns at once."""
        last, self._last = self._last, record
        if last is None or last.id != record.id or record.epoch <= last.epoch \
                or self._acting.hooks.notify is None:
            return
        with self._wakes:
            if len(self._waiting) >= MOST:
                self._waiting.popleft()
                self._dropped += 1
                if self._dropped == 1:
                    _log.warning("the hook notify is slow: more than %d changes wait, and the oldest "
                                 "are dropped", MOST)
            self._waiting.append((last, record))
            if self._thread is None:
                self._thread = Thread(target=self._works, name="prgcore notifying", daemon=True)
                self._thread.start()
            self._wakes.notify()

    def end(self, within: float) -> None:
        """Let the notices that wait go out, for at most so many seconds; then kill the hook."""
        with self._wakes:
            self._closing = True
            self._wakes.notify()
        if self._thread is not None:
            self._thread.join(within)
            self._killed = True
            self._thread.join(within)

    def _works(self) -> None:
        while True:
            with self._wakes:
                while not self._waiting and not self._closing:
                    self._wakes.wait()
                if not self._waiting or self._killed:
                    return
                before, after = self._waiting.popleft()
                dropped = 0 if self._waiting else self._dropped
                self._dropped -= dropped
            if dropped:
                _log.warning("the hook notify has caught up; %s of the record dropped",
                             counted(dropped, "change was", "changes were"))
            try:
                for facts in self._changes(before, after):
                    self._tells(facts)
            except Exception:  # noqa: BLE001, a fault of ours ends no notices
                _log.exception("BUG: this exception was not expected; the next notice follows")

    def _tells(self, facts: Facts) -> None:
        hook = self._acting.hooks.notify
        if hook is None or self._killed:
            return
        ran = tried(hook, facts, home=self._acting.member.home, ends=lambda: self._killed)
        if not ran.well and not self._killed:
            _log.warning("the hook notify failed for epoch %d: %s", facts.epoch, ran)

    def _changes(self, before: Record, after: Record) -> Iterator[Facts]:
        """The facts after each decision between two records that changed something of this node."""
        known, habits = self._acting.facts, self._acting.habits
        entries = self._entries(before.epoch, after.epoch)
        if entries is None:
            old = facts_after(known, before.columns, habits, None)
            new = facts_after(known, after.columns, habits, None)
            if old != new:
                yield evolve(new, epoch=after.epoch)
            return
        mine = f"{known.node}."
        for entry in entries:
            new = facts_after(known, entry.after, habits, entry)
            old = facts_after(known, entry.before, habits, None)
            if new.users != old.users or any(
                    entry.before.get(c) != v for c, v in entry.after.items() if c.startswith(mine)):
                yield new

    def _entries(self, after: int, to: int) -> list[Entry] | None:
        """The decisions of these epochs; None: the store does not say all of them."""
        found: list[Entry] = []
        try:
            for line in self._store.history(after):
                entry = Entry.from_json(line)
                if entry.epoch > to:
                    break
                found.append(entry)
        except PrgError as error:
            _log.warning("the hook notify does not know the rule of epochs %d to %d: %s",
                         after + 1, to, error)
            return None
        return found if len(found) == to - after else None
