"""A store and an arbiter in one file: SQLite, for nodes that reach the same disk.

Law: no rule of the machine. Every call is one transaction, which is on the disk when the call
returns (WAL, `synchronous=FULL`). Many processes of one computer may open the file, each for
itself: do not share it over a network file system, or across a fork.
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

_OPENING = Lock()


def _connected(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection to a file; a new file is made readable for its owner only.

    Only SQLite opens a file that exists: if we opened and closed it, SQLite would lose its locks.
    """
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path} is not a file; a store is a file") from None
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
            raise BadInput(f"{str(path)[:80]!r} is not a path for a store: {error}") from None
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
                           "or a store") from None

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

    def _identity(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for one reading statement."""
        if not self._lock.acquire(timeout=self.timeout):
            raise Unavailable(
                f"{self.path} has been busy in this process for more than {self.timeout:g} s")
        try:
            if self._identity() != self._file:
                raise Unavailable(f"{self.path} is a different file now; open the store again")
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
        """Close it, after the calls of other threads have ended."""
        with self._lock:
            self._open.close()


def _busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLiteStore(Closing):
    """A store in a file (`prgcore.stores.ports.Store`), which is made if it does not exist.

    Only its owner can read a new file; an old file keeps its mode.

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
            BadInput: it cannot be opened or made, or is not a store.
            Unavailable: another program keeps it locked.
        """
        self.interval: float = seconds(interval, "the interval of looks")
        self._file = _File(path, timeout)

    def read(self) -> Kept | None:
        """The newest value; None if nothing was written yet. Raises as the port does."""
        with self._file.reading() as file:
            row = file.execute("SELECT value, version FROM record").fetchone()
        return Kept(value_of(row[0], f"the content of {self._file.path}"), row[1]) if row else None

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
        """Wait, by polling, until the version has changed. Raises as the port does.

        It polls the version, not `PRAGMA data_version`, which does not show the writes of other
        threads of this store.
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
    """An arbiter in a file (`prgcore.stores.ports.Arbiter`), which may be the file of the store.

    It uses the monotonic clock, which the processes of one computer share. If the clock is earlier
    than the grant, the computer was restarted; its holder is gone, and the grant is lost.

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
            ttl: seconds after which a grant is lost if the node does not keep it.
            timeout: how many seconds a call waits for another writer.
            now: a clock that every user of the file shares.

        Raises:
            BadInput: it cannot be opened or made, is not a store, or `ttl` is not a time to live.
            Unavailable: another program keeps it locked.
        """
        self.ttl: float = seconds(ttl, "the time to live")
        self._now = now
        self._file = _File(path, timeout)

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

    def close(self) -> None:
        """Close the file. Every later call raises Unavailable; a grant stays until it is lost."""
        self._file.close()

    def _look(self, file: sqlite3.Connection) -> tuple[str, Newest]:
        """The node that has the grant (empty: nobody), and the memory."""
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
