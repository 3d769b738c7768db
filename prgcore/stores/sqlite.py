"""A store and an arbiter in one file: SQLite, for nodes that reach the same disk.

Law: no rule of the machine. Every call is one transaction, which is on the disk when the call
returns (WAL, `synchronous=FULL`). Readers have a connection of their own, so no reader waits for a
writer. Many processes of one computer may open the file, each for itself: do not share it over a
network file system, or across a fork.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from math import isfinite
from os import PathLike
from pathlib import Path
from random import SystemRandom
from threading import Lock
from typing import Any

from prgcore.errors import BadInput, Unavailable, Unreadable
from prgcore.seats import NODES
from prgcore.stores.keeping import (
    LEAST,
    Closing,
    Newest,
    conflict,
    epoch_of,
    kept_value,
    out_of_order,
    remembered,
    seconds,
    text_of,
)
from prgcore.stores.notices import Notices
from prgcore.stores.ports import Kept

__all__ = ["APPLICATION", "BATCH", "FORMAT", "SCHEMA", "SHOWN", "SQLiteArbiter", "SQLiteStore"]

APPLICATION, FORMAT = 0x70726763, 1
"""The marks in the file: `prgc` as its application, and the number of its format."""

BATCH = 200
"""How many entries of the history are read at once."""

SCHEMA = """
CREATE TABLE record (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,
                     value TEXT NOT NULL);
CREATE TABLE history (epoch INTEGER PRIMARY KEY, entry TEXT NOT NULL);
CREATE TABLE arbiter (id INTEGER PRIMARY KEY CHECK (id = 1), node TEXT NOT NULL,
                      since REAL NOT NULL, ttl REAL NOT NULL, newest TEXT NOT NULL);
CREATE VIEW decisions AS SELECT epoch, {columns}, entry FROM history
"""
"""The tables of the record, the entries and the grant, and a view of the entries for people."""

SHOWN = {
    "time": "$.time", "by": "$.by", "event": "$.event", "outcome": "$.outcome", "rule": "$.rule",
    "why": "$.why", "actions": "$.actions",
    **{f"{node}_{what}_{when}": f'$.{when}."{node}.{what}"'
       for when in ("before", "after") for node in NODES for what in ("state", "reason")},
}
"""The columns of the view `decisions`, and their place in an entry."""

SETTLES = 0.5
"""How many seconds after a change of the log `wait` looks at the version itself."""

TRUSTS = 1.0
"""After how many seconds `wait` looks at the log at the latest: a system may not report a write."""

STEP = 1 << 20
"""A version is higher than the last by less than this, at random. So another file, or a copy that went
its own way, does not have the version that was read here, and a write for one is not done in it."""

_DICE = SystemRandom()
_OPENING = Lock()
_AWAY = {
    sqlite3.SQLITE_FULL: "nothing was written; make room on its disk",
    sqlite3.SQLITE_IOERR: "its disk reports an error; see the messages of the system",
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        "a store is a file that may be written, as may its folder; is its disk mounted?"),
}
"""The troubles of a file that somebody must end before it can be used again."""

RESTORE = ("stop its agents and put a backup in its place, or move it away and begin a new record "
           "(docs/stores.md)")
GONE = ("put it back, or a backup, and open the store again, as agents do; if it is lost, stop both "
        "agents, and start them with --new to begin another")
"""The cures of a file that is damaged, and of one that is gone."""


def _connected(path: Path, timeout: float, *, new: bool = False) -> sqlite3.Connection:
    """A connection to a file; a new file is made readable for its owner only.

    Only SQLite opens a file that exists: if we opened and closed it, SQLite would lose its locks.
    """
    try:
        if new:
            path.touch(0o600, exist_ok=False)
        else:
            path.stat()
    except FileExistsError:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path} is not a file; a store is a file") from None
    return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)


class _File:
    """A database of this format, open: a connection that writes, and one that reads.

    Each is for one thread at a time.
    """

    def __init__(self, path: str | PathLike[str], timeout: float, *, new: bool = True) -> None:
        self.timeout = seconds(timeout, "the timeout of a call")
        self.closed = self.lost = False
        self._writes, self._reads = Lock(), Lock()
        try:
            self.path = Path(path).absolute()
            self._name, self._log = str(self.path), f"{self.path}-wal"
            with _OPENING:
                self._open = _connected(self.path, timeout, new=new)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{str(path)[:80]!r} is not a path for a store: {error}") from None
        except OSError as error:
            if not new and isinstance(error, FileNotFoundError):
                raise self._gone(error) from None
            raise BadInput(f"cannot open {self.path}: {error.strerror}; a store is a file in a "
                           "folder that exists, and both may be written") from None
        except sqlite3.Error as error:
            raise BadInput(f"cannot open {self.path}: {error}") from None
        try:
            self._begin()
            self._look = _connected(self.path, timeout)
            self._file = self._identity()
        except BaseException as error:
            self._open.close()
            if isinstance(error, OSError):  # it was taken away meanwhile
                raise self._gone(error) from None
            raise

    def _gone(self, error: OSError) -> BadInput:
        return BadInput(f"{error.filename or self.path} is gone: {error.strerror}; {GONE}")

    def _begin(self) -> None:
        """Make a store of an empty file; check that any other file is one."""
        try:
            empty = self._is_empty()
            self._open.execute("PRAGMA synchronous = FULL")
            mode = self._patiently("PRAGMA journal_mode = WAL")
            if mode != "wal":
                raise BadInput(f"{self.path}: no write-ahead log (WAL) is possible, which a store needs; "
                               "is it on a network file system?")
            self._patiently("BEGIN IMMEDIATE")
            with self._ended():
                if empty:
                    self._make()
        except sqlite3.OperationalError as error:
            if _busy(error):
                raise Unavailable(f"{self.path} has been locked by another program for more than "
                                  f"{self.timeout:g} s") from None
            raise BadInput(f"cannot use {self.path}: {error}; a store is a file that may be "
                           "written, as may its folder") from None
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{self.path} is not a store: {error}; name a file that does not exist yet, "
                           f"or a store. If it was one, {RESTORE}") from None

    def _is_empty(self) -> bool:
        """Whether the file is empty; if not, it is a store of this format."""
        tables = self._one("SELECT count(*) FROM sqlite_master")
        # After the tables: another process may make the store meanwhile.
        application = self._one("PRAGMA application_id")
        if not tables and application == 0:
            return True
        if application != APPLICATION:
            raise BadInput(f"{self.path} is a database of another program; name another file")
        if (found := self._one("PRAGMA user_version")) != FORMAT:
            raise BadInput(f"{self.path} is a store of format {found}; this version of prgcore "
                           f"reads format {FORMAT}")
        return False

    def _make(self) -> None:
        if self._is_empty():  # another process may have been faster
            columns = ", ".join(f"json_extract(entry, '{at}') AS {c}" for c, at in SHOWN.items())
            for statement in SCHEMA.format(columns=columns).split(";\n"):
                self._open.execute(statement)
            self._open.execute(f"PRAGMA application_id = {APPLICATION}")
            self._open.execute(f"PRAGMA user_version = {FORMAT}")

    def _patiently(self, statement: str) -> Any:
        """Execute a statement for which SQLite itself does not wait: a change of the journal."""
        until = time.monotonic() + self.timeout
        while True:
            try:
                return self._one(statement)
            except sqlite3.OperationalError as error:
                if not _busy(error) or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def _one(self, statement: str) -> Any:
        row = self._open.execute(statement).fetchone()
        return row[0] if row else None

    def _identity(self) -> tuple[int, ...]:
        """Which file it is, and which write-ahead log: SQLite keeps one log while it is open."""
        found, log = os.stat(self._name), os.stat(self._log)  # noqa: PTH116, cheaper
        return found.st_dev, found.st_ino, log.st_ino

    def pulse(self) -> tuple[int, ...]:
        """A value that changes whenever somebody writes, and costs next to nothing."""
        try:
            log = os.stat(self._log)  # noqa: PTH116, cheaper
        except OSError:
            return ()
        return log.st_ino, log.st_size, log.st_mtime_ns

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """The database, for one reading statement; no writer delays it."""
        return self._using(self._reads, self._look)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """The database in a transaction: committed at the end, rolled back after an exception."""
        with self._using(self._writes, self._open) as open_:
            open_.execute("BEGIN IMMEDIATE")
            with self._ended():
                yield open_

    @contextmanager
    def _using(self, lock: Lock, one: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """A connection, for one thread; everything that SQLite says becomes an error of ours."""
        if not lock.acquire(timeout=self.timeout):
            raise Unavailable(
                f"{self.path} has been busy in this process for more than {self.timeout:g} s")
        try:
            if self.closed:
                raise Unavailable(f"{self.path} was closed; open the store again")
            if self._identity() != self._file:
                self.lost = True
                raise Unavailable(f"{self.path} is a different file now; open the store again")
            yield one
        except OSError as error:
            self.lost = True
            raise Unavailable(
                f"{error.filename or self.path} is gone: {error.strerror}; {GONE}") from None
        except (OverflowError, sqlite3.DataError) as error:
            raise BadInput(f"{self.path} cannot keep this: {error}") from None
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        finally:
            lock.release()

    def _trouble(self, error: sqlite3.Error) -> Unavailable:
        """The error that says what SQLite reports, and what to do next."""
        if _busy(error):
            return Unavailable(f"{self.path}: {error} by another writer for more than "
                               f"{self.timeout:g} s; ask again")
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _AWAY:
            return Unavailable(f"{self.path}: {error}: {_AWAY[code]}")
        self.lost = True
        return Unreadable(f"{self.path} is damaged or was changed by another program: "
                          f"{str(error)[:200]}; {RESTORE}")

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
            self._open.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._open.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close it, after the calls of other threads have ended."""
        self.closed = True
        for lock, one in ((self._reads, self._look), (self._writes, self._open)):
            with lock:
                one.close()


def _busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLiteStore(Closing):
    """A store in a file (`prgcore.stores.ports.Store`), which is made if it does not exist.

    Only its owner can read a new file; an old file keeps its mode.

        with SQLiteStore("pair.db") as store:
            print(store.read())
    """

    def __init__(
        self, path: str | PathLike[str], *, timeout: float = 5.0, interval: float = 0.02,
        new: bool = True,
    ) -> None:
        """Open it.

        Args:
            path: the file; `-wal` and `-shm` files appear beside it.
            timeout: how many seconds a write waits for another writer.
            interval: seconds between two looks of `wait`, where the system reports no writes.
            new: whether to make the file if it does not exist.

        Raises:
            BadInput: it cannot be opened or made, or is not a store.
            Unavailable: another program keeps it locked.
        """
        self.interval: float = seconds(interval, "the interval of looks")
        self._file = _File(path, timeout, new=new)
        self._notices = Notices(f"{self._file.path}-wal")
        self._text: str | None = None
        self._pulse: tuple[int, ...] = ()
        self._looks = 0.0

    def read(self) -> Kept | None:
        """The newest value; None if nothing was written yet. Raises as the port does."""
        with self._file.reading() as file:
            row = file.execute("SELECT value, version FROM record").fetchone()
        if row is None:
            return None
        if self._text is not None and row[0] == self._text:  # checked before
            return Kept(json.loads(row[0]), _whole(row[1]))
        value = kept_value(row[0], f"the content of {self._file.path}")  # each caller gets one of its own
        self._text = row[0]
        return Kept(value, _whole(row[1]))

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version, and return the new one. Raises as the port does."""
        text = text_of(value, "the value")
        line = None if entry is None else (epoch_of(entry), text_of(entry, "the entry"))
        with self._file.changing() as file:
            newest = _version(file)
            if newest != version:
                raise conflict(version, newest)
            if line is not None:
                (last,) = file.execute("SELECT coalesce(max(epoch), 0) FROM history").fetchone()
                if line[0] != last + 1:
                    kept = file.execute("SELECT value FROM record").fetchone()
                    raise out_of_order(line[0], kept and kept[0])
                file.execute("INSERT INTO history VALUES (?, ?)", line)
            newest += _DICE.randrange(1, STEP)
            file.execute("INSERT OR REPLACE INTO record VALUES (1, ?, ?)", (newest, text))
        return newest

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order. Raises as the port does."""
        while True:
            with self._file.reading() as file:
                rows = file.execute(
                    "SELECT epoch, entry FROM history WHERE epoch > ? ORDER BY epoch LIMIT ?",
                    (after, BATCH)).fetchall()
            for after, text in rows:  # noqa: PLR1704 - the next look goes on from here
                yield kept_value(text, f"the entry of epoch {after}")
            if len(rows) < BATCH:
                return

    def forget(self, before: int) -> int:
        """Drop the entries with an epoch below this one, and return how many.

        The newest `LEAST` entries stay. The file keeps its size, and uses the room again.

        Raises:
            Unavailable: the store does not answer.
        """
        dropped = 0
        while True:
            with self._file.changing() as file:  # in small steps, so that no writer waits for long
                found = file.execute(
                    "DELETE FROM history WHERE epoch IN (SELECT epoch FROM history WHERE epoch < "
                    "min(?, (SELECT max(epoch) FROM history) + 1 - ?) ORDER BY epoch LIMIT ?)",
                    (before, LEAST, BATCH)).rowcount
            dropped += found
            if found < BATCH:
                return dropped

    def wait(self, version: int, timeout: float) -> bool:
        """Wait until the version has changed. Raises as the port does.

        It sleeps until the system reports a change of the write-ahead log, or polls its state. Each
        second it looks at that state nevertheless, in case a report is missing. For a while after a
        change, and at the end, it looks at the version itself: a write is in the log before it can
        be read.
        """
        until, first = time.monotonic() + timeout, True
        while True:
            pulse, now = self._file.pulse(), time.monotonic()
            if pulse != self._pulse or not pulse:
                self._pulse, self._looks = pulse, now + SETTLES
            if now <= self._looks or now >= until or first or self._file.closed:
                first = False
                with self._file.reading() as file:
                    if _version(file) != version:
                        return True
            if now >= until:
                return False
            if now <= self._looks or not self._notices.wait(min(TRUSTS, until - now)):
                time.sleep(min(self.interval, until - now))

    @property
    def lost(self) -> bool:
        """Whether the file is gone, was replaced or is damaged, so that only a new store helps."""
        return self._file.lost

    def close(self) -> None:
        """Close the file. Every later call raises Unavailable."""
        self._file.closed = True
        self._notices.close()
        self._file.close()


def _version(file: sqlite3.Connection) -> int:
    row = file.execute("SELECT version FROM record").fetchone()
    return _whole(row[0]) if row else 0


def _whole(value: object) -> int:
    """A version as it was kept; raises Unreadable if it is not one."""
    if type(value) is not int or value < 1:
        raise Unreadable(f"the version of the record is {str(value)[:80]!r}; {RESTORE}")
    return value


class SQLiteArbiter(Closing):
    """An arbiter in a file (`prgcore.stores.ports.Arbiter`), which may be the file of the store.

    It uses the monotonic clock, which the processes of one computer share. If the clock is earlier
    than the grant, the computer was restarted; its holder is gone, and the grant is lost.

        with SQLiteArbiter("pair.db", ttl=5) as arbiter:
            print(arbiter.holder())
    """

    def __init__(
        self, path: str | PathLike[str], *, ttl: float, timeout: float = 5.0,
        now: Callable[[], float] = time.monotonic, new: bool = True,
    ) -> None:
        """Open it.

        Args:
            path: the file.
            ttl: seconds after which a grant is lost if the node does not keep it.
            timeout: how many seconds a call waits for another writer.
            now: a clock that every user of the file shares.
            new: whether to make the file if it does not exist.

        Raises:
            BadInput: it cannot be opened or made, is not a store, or `ttl` is not a time to live.
            Unavailable: another program keeps it locked.
        """
        self.ttl: float = seconds(ttl, "the time to live")
        self._now = now
        self._file = _File(path, timeout, new=new)

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: the other node has it. Raises as the port does."""
        with self._file.changing() as file:
            holder, newest = self._look(file)
            newest = newest.after(node, epoch, given=True)
            if holder not in ("", node):
                return False
            self._keep(file, node, newest)
        return True

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it does not have it. Raises as the port does."""
        with self._file.changing() as file:
            holder, newest = self._look(file)
            if not holder or holder != node:
                return False
            self._keep(file, node, newest)
        return True

    def release(self, node: str, epoch: int) -> None:
        """Give the grant back, if the node has it. Raises as the port does."""
        with self._file.changing() as file:
            holder, newest = self._look(file)
            newest = newest.after(node, epoch, given=False)
            self._keep(file, "" if holder == node else holder, newest, renew=holder == node)

    def holder(self) -> str | None:
        """The node that has the grant now, or None. Raises as the port does."""
        with self._file.reading() as file:
            return self._look(file)[0] or None

    @property
    def lost(self) -> bool:
        """Whether the file is gone, was replaced or is damaged, so that only a new arbiter helps."""
        return self._file.lost

    def close(self) -> None:
        """Close the file. Every later call raises Unavailable; a grant stays until it is lost."""
        self._file.close()

    def _look(self, file: sqlite3.Connection) -> tuple[str, Newest]:
        """The node that has the grant (empty: nobody), and the memory."""
        row = file.execute("SELECT node, since, ttl, newest FROM arbiter").fetchone()
        if row is None:
            return "", Newest()
        node, since, ttl, newest = row
        times = all(isinstance(n, float) and isfinite(n) for n in (since, ttl))
        if not isinstance(node, str) or not times:
            raise Unreadable(f"the grant in {self._file.path} cannot be read; {RESTORE}")
        alive = since <= self._now() < since + ttl
        return node if alive else "", remembered(newest)

    def _keep(
        self, file: sqlite3.Connection, node: str, newest: Newest, *, renew: bool = True
    ) -> None:
        if renew:
            file.execute("INSERT OR REPLACE INTO arbiter VALUES (1, ?, ?, ?, ?)",
                         (node, self._now(), self.ttl, newest.to_text()))
        elif node:
            file.execute("UPDATE arbiter SET newest = ?", (newest.to_text(),))
        else:
            file.execute("INSERT OR REPLACE INTO arbiter VALUES (1, '', 0, 0, ?)", (newest.to_text(),))
