"""A store and an arbiter in one file: SQLite, for nodes that reach the same disk.

Law: no rule of the machine. Every call is one transaction, and what it wrote is on the disk when it
returns (WAL, `synchronous=FULL`). The file may be opened by many processes of one computer, each on
its own: not on a network's file system, and not across a fork.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

from prgcore.errors import BadInput, Unavailable
from prgcore.seats import NODES
from prgcore.stores.keeping import (
    Closing,
    Newest,
    conflict,
    epoch_of,
    out_of_order,
    seconds,
    text_of,
    value_of,
)
from prgcore.stores.ports import Kept

__all__ = ["APPLICATION", "BATCH", "FORMAT", "SCHEMA", "SHOWN", "SQLiteArbiter", "SQLiteStore"]

APPLICATION, FORMAT = 0x70726763, 1
"""What the file says it is: `prgc`, and which of its formats."""

BATCH = 200
"""Entries of the history that are read at once."""

SCHEMA = """
CREATE TABLE record (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,
                     value TEXT NOT NULL);
CREATE TABLE history (epoch INTEGER PRIMARY KEY, entry TEXT NOT NULL);
CREATE TABLE arbiter (id INTEGER PRIMARY KEY CHECK (id = 1), node TEXT NOT NULL,
                      since REAL NOT NULL, ttl REAL NOT NULL, newest TEXT NOT NULL);
CREATE VIEW decisions AS SELECT epoch, {columns}, entry FROM history
"""
"""What is kept: the record, the entries, the grant; and the entries for people to ask."""

SHOWN = {
    "time": "$.time", "by": "$.by", "event": "$.event", "outcome": "$.outcome", "rule": "$.rule",
    "why": "$.why", "actions": "$.actions",
    **{f"{node}_{what}_{when}": f'$.{when}."{node}.{what}"'
       for when in ("before", "after") for node in NODES for what in ("state", "reason")},
}
"""The columns of `decisions`, and where they stand in an entry."""

_OPENING = Lock()


def _connected(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection to a file, which is made for its owner alone where there is none.

    A file that is there is not opened beside SQLite: closing it would drop SQLite's own locks.
    """
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path} is no file; a store is one") from None
    return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)


class _File:
    """A database of this format, open, for one thread at a time."""

    def __init__(self, path: str | PathLike[str], timeout: float) -> None:
        self.timeout = seconds(timeout, "the timeout of a call")
        self._lock = Lock()
        try:
            self.path = Path(path).absolute()
            with _OPENING:
                self._open = _connected(self.path, timeout)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{str(path)[:80]!r} is no path of a store: {error}") from None
        except OSError as error:
            raise BadInput(f"cannot open {self.path}: {error.strerror}; a store is a file in a "
                           "folder that exists, and both may be written") from None
        except sqlite3.Error as error:
            raise BadInput(f"cannot open {self.path}: {error}") from None
        try:
            self._begin()
            self._file = self._identity()
        except BaseException:
            self._open.close()
            raise

    def _begin(self) -> None:
        """Make an empty file a store; look whether another one is."""
        try:
            empty = self._is_empty()
            self._open.execute("PRAGMA synchronous = FULL")
            mode = self._patiently("PRAGMA journal_mode = WAL")
            if mode != "wal":
                raise BadInput(f"{self.path} cannot be written ahead (WAL), which a store needs; "
                               "is it on a file system of a network?")
            self._patiently("BEGIN IMMEDIATE")
            with self._ended():
                if empty:
                    self._make()
        except sqlite3.OperationalError as error:
            if _busy(error):
                raise Unavailable(f"{self.path} is locked by another program for more than "
                                  f"{self.timeout:g} s") from None
            raise BadInput(f"cannot use {self.path}: {error}; a store is a file that may be "
                           "written, as may its folder") from None
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{self.path} is no store: {error}; name a file that is not there yet, "
                           "or a store") from None

    def _is_empty(self) -> bool:
        """Whether the file is to be made a store; else it is one, of this format."""
        tables = self._one("SELECT count(*) FROM sqlite_master")
        application = self._one("PRAGMA application_id")  # later: another process may make it
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
        """Execute what SQLite does not wait for by itself: changing the journal of a file."""
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

    def _identity(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for one statement that reads."""
        if not self._lock.acquire(timeout=self.timeout):
            raise Unavailable(f"{self.path} is busy in this process for more than {self.timeout:g} s")
        try:
            if self._identity() != self._file:
                raise Unavailable(f"{self.path} is another file by now; open the store again")
            yield self._open
        except sqlite3.ProgrammingError:
            raise Unavailable(f"{self.path} was closed; open the store again") from None
        except OSError as error:
            raise Unavailable(f"{self.path} is gone: {error.strerror}; open the store again") \
                from None
        except (OverflowError, sqlite3.DataError) as error:
            raise BadInput(f"{self.path} cannot keep this: {error}") from None
        except sqlite3.Error as error:
            raise Unavailable(f"{self.path}: {error}") from None
        finally:
            self._lock.release()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """The database in a transaction: committed at the end, rolled back after an exception."""
        with self.reading() as open_:
            open_.execute("BEGIN IMMEDIATE")
            with self._ended():
                yield open_

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
        """Close it; what is under way in other threads ends first."""
        with self._lock:
            self._open.close()


def _busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLiteStore(Closing):
    """A store in a file (`prgcore.stores.ports.Store`), made where there is none.

    Only its owner can read a file that is made here; one that is there keeps its mode.

        with SQLiteStore("pair.db") as store:
            print(store.read())
    """

    def __init__(
        self, path: str | PathLike[str], *, timeout: float = 5.0, interval: float = 0.02
    ) -> None:
        """Open it.

        Args:
            path: the file; `-wal` and `-shm` files appear beside it.
            timeout: how many seconds a call waits for another writer.
            interval: seconds between two looks of `wait`.

        Raises:
            BadInput: it cannot be opened or made, or is no store.
            Unavailable: another program keeps it locked.
        """
        self.interval: float = seconds(interval, "the interval of looks")
        self._file = _File(path, timeout)

    def read(self) -> Kept | None:
        """What is kept; None where nothing was written yet. Raises as the port does."""
        with self._file.reading() as file:
            row = file.execute("SELECT value, version FROM record").fetchone()
        return Kept(value_of(row[0], f"what {self._file.path} keeps"), row[1]) if row else None

    def write(
        self, value: Mapping[str, Any], version: int, entry: Mapping[str, Any] | None = None
    ) -> int:
        """Replace the value of this version; the new version. Raises as the port does."""
        text = text_of(value, "the value")
        line = None if entry is None else (epoch_of(entry), text_of(entry, "the entry"))
        with self._file.changing() as file:
            newest = _version(file)
            if newest != version:
                raise conflict(version, newest)
            if line is not None:
                (last,) = file.execute("SELECT coalesce(max(epoch), 0) FROM history").fetchone()
                if line[0] != last + 1:
                    raise out_of_order(line[0])
                file.execute("INSERT INTO history VALUES (?, ?)", line)
            file.execute("INSERT OR REPLACE INTO record VALUES (1, ?, ?)", (newest + 1, text))
        return newest + 1

    def history(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries with an epoch above this one, in order. Raises as the port does."""
        while True:
            with self._file.reading() as file:
                rows = file.execute(
                    "SELECT epoch, entry FROM history WHERE epoch > ? ORDER BY epoch LIMIT ?",
                    (after, BATCH)).fetchall()
            for after, text in rows:  # noqa: PLR1704 - the next look goes on from here
                yield value_of(text, f"the entry of epoch {after}")
            if len(rows) < BATCH:
                return

    def wait(self, version: int, timeout: float) -> bool:
        """Wait until the version is another one, by looking. Raises as the port does.

        It looks at the version, not at `PRAGMA data_version`, which does not tell of writes by
        other threads of this store.
        """
        until = time.monotonic() + timeout
        while True:
            with self._file.reading() as file:
                if _version(file) != version:
                    return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(self.interval, left))

    def close(self) -> None:
        """Close the file. Every later call raises Unavailable."""
        self._file.close()


def _version(file: sqlite3.Connection) -> int:
    row = file.execute("SELECT version FROM record").fetchone()
    return int(row[0]) if row else 0


class SQLiteArbiter(Closing):
    """An arbiter in a file (`prgcore.stores.ports.Arbiter`); it may be that of the store.

    Its time is the monotonic clock, which the processes of one computer share. If the clock is
    earlier than the grant, the computer was started anew and the grant is lost with whoever had it.

        with SQLiteArbiter("pair.db", ttl=5) as arbiter:
            print(arbiter.holder())
    """

    def __init__(
        self, path: str | PathLike[str], *, ttl: float, timeout: float = 5.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open it.

        Args:
            path: the file.
            ttl: seconds after which a grant that is not kept is lost.
            timeout: how many seconds a call waits for another writer.
            now: a clock that every user of the file shares.

        Raises:
            BadInput: it cannot be opened or made, or is no store; or no time to live.
            Unavailable: another program keeps it locked.
        """
        self.ttl: float = seconds(ttl, "the time to live")
        self._now = now
        self._file = _File(path, timeout)

    def acquire(self, node: str, epoch: int) -> bool:
        """Obtain the grant, or keep it; False: another has it. Raises as the port does."""
        with self._file.changing() as file:
            holder, newest = self._look(file)
            newest = newest.after(node, epoch, given=True)
            if holder not in ("", node):
                return False
            self._keep(file, node, newest)
        return True

    def keep(self, node: str) -> bool:
        """Prolong the grant of a node; False: it has none. Raises as the port does."""
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
        """Who has the grant now. Raises as the port does."""
        with self._file.reading() as file:
            return self._look(file)[0] or None

    def close(self) -> None:
        """Close the file. Every later call raises Unavailable; a grant stays until it is lost."""
        self._file.close()

    def _look(self, file: sqlite3.Connection) -> tuple[str, Newest]:
        """Who has the grant, empty: nobody; and the memory."""
        row = file.execute("SELECT node, since, ttl, newest FROM arbiter").fetchone()
        if row is None:
            return "", Newest()
        node, since, ttl, newest = row
        alive = since <= self._now() < since + ttl
        return node if alive else "", Newest.from_text(newest)

    def _keep(
        self, file: sqlite3.Connection, node: str, newest: Newest, *, renew: bool = True
    ) -> None:
        if renew:
            file.execute("INSERT OR REPLACE INTO arbiter VALUES (1, ?, ?, ?, ?)",
                         (node, self._now(), self.ttl, newest.to_text()))
        elif node:
            file.execute("UPDATE arbiter SET newest = ?", (newest.to_text(),))
        else:
            file.execute("INSERT OR REPLACE INTO arbiter VALUES (1, '', 0, 0, ?)",
                         (newest.to_text(),))
