"""`log --compact`: drops the old entries of a store's history.

Law: the newest entries always stay, so that a writer in the middle of a write can settle it.
Nothing else of a store is touched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prgcore.errors import BadInput
from prgcore.words import counted, quoted

__all__ = ["SQLITE", "compacted", "opened", "said"]

SQLITE = b"SQLite format 3\0"
"""The first bytes of the file of a SQLite store."""
UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}


def compacted(file: str, keep: str, *, revisions: bool) -> dict[str, Any]:
    """Drop the entries of a store that need not be kept; return what was done, as JSON.

    Args:
        file: the file of a SQLite store, or a group file.
        keep: how many entries stay, as `10000`, or of how long, as `30d`.
        revisions: whether to drop the overwritten values of the whole etcd too.

    Raises:
        BadInput: it is not a store, or `keep` is neither a number nor a time.
        Unavailable: the store does not answer.
    """
    span = _span(keep)
    with opened(file) as store:
        if revisions and not hasattr(store, "compact"):
            raise BadInput("--revisions is for a group whose store is etcd; SQLite keeps no old values")
        before = _oldest(store, span) if span else _last(store) + 1 - int(keep)
        dropped = store.forget(before) if before > 0 else 0
        if revisions:
            store.compact()
        first = next(store.history(), None)
        return {"file": file, "dropped": dropped, "first": first["epoch"] if first else 0,
                "last": _last(store)}


def said(done: dict[str, Any]) -> str:
    """The same in words."""
    kept = f"epochs {done['first']:,} to {done['last']:,} are kept" if done["last"] else "it is empty"
    return f"{quoted(done['file'])}: {counted(done['dropped'], 'entry', 'entries')} dropped; {kept}."


def _span(keep: str) -> int:
    """The seconds in `30d`; 0 for a plain number."""
    if found := re.fullmatch(r"([0-9]{1,6})([hdw])", keep):
        return int(found[1]) * UNITS[found[2]]
    if not re.fullmatch(r"[0-9]{1,15}", keep):
        raise BadInput(f"--keep {keep[:40]!r}: expected a number of entries, as 10000, or a time, "
                       "as 12h, 30d or 4w")
    return 0


@contextmanager
def opened(file: str) -> Iterator[Any]:
    """The store in a file, or of a group."""
    from prgcore.cli.statefile import is_group

    if file == "-":
        raise BadInput("- is not a store; name its file, or a group file")
    store: Any
    if is_group(Path(file)):
        from prgcore.running.group import read_group

        store, arbiter = read_group(Path(file)).open_store()
        arbiter.close()
    else:
        if not _is_store(file):
            raise BadInput(f"{quoted(file)} is not a store; --compact needs the file of a store, or "
                           "a group file; a log of JSON Lines may be cut by any program")
        from prgcore.stores.sqlite import SQLiteStore

        store = SQLiteStore(file, new=False)
    try:
        yield store
    finally:
        store.close()


def _is_store(file: str) -> bool:
    """Whether a file is one of SQLite."""
    try:
        with Path(file).open("rb") as stream:
            return stream.read(len(SQLITE)) == SQLITE
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {quoted(file)}: {getattr(error, 'strerror', None) or error}") \
            from None


def _last(store: Any) -> int:
    """The epoch of the newest decision."""
    kept = store.read()
    epoch = kept.value.get("epoch", 0) if kept else 0
    return epoch if isinstance(epoch, int) and epoch >= 0 else 0


def _oldest(store: Any, span: int) -> int:
    """The epoch of the first entry that is not older than so many seconds."""
    since = time.time() - span
    for entry in store.history():
        when = entry.get("time")
        if isinstance(when, int | float) and when >= since:
            return int(entry["epoch"])
    return _last(store) + 1
