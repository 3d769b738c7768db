"""Rotation of logs: `NAME`, then `NAME.1`, which is older, and so on, up to a number of files.

Law: names and bytes only; nothing here knows what a line says. A log that this program writes is
renamed. A log that a running service holds open is copied and then emptied: a line that comes
between the last look and the emptying, a few microseconds, is lost.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path

__all__ = ["MOST", "emptied", "parts", "renamed"]

MOST = 1000
"""How many older files there are at most. A higher number, such as a year, is a name of others."""


def renamed(path: Path, keep: int) -> None:
    """Rename a log to its first older name, and each older one to the next; keep so many of them.

    Raises:
        OSError: it cannot.
    """
    _shift(path, keep)
    path.replace(_older(path, 1))


def emptied(path: Path, most: int, keep: int) -> bool:
    """Copy a log that others hold open to its first older name, and empty it, if it is too long.

    Args:
        most: how many bytes it may have. If the copy fails, as on a full disk, it is emptied at
            twice as many.

    Raises:
        OSError: it cannot be read, or not be emptied.
    """
    with suppress(FileNotFoundError), path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size <= most:
            return False
        try:
            _shift(path, keep)
            with _older(path, 1).open("wb") as copy:
                while file.tell() < os.fstat(file.fileno()).st_size:  # it may still grow
                    shutil.copyfileobj(file, copy)
                    copy.flush()
        except OSError:
            _older(path, 1).unlink(missing_ok=True)
            if os.fstat(file.fileno()).st_size <= 2 * most:
                raise
        file.truncate(0)
        return True
    return False


@contextmanager
def parts(path: Path) -> Iterator[list[tuple[str, BufferedReader]]]:
    """The open files of a log, the oldest first, each with its name, which is empty for the newest.

    They are opened from the newest on. If the log is rotated meanwhile, none is missing or twice.

    Raises:
        OSError: one cannot be read.
    """
    with ExitStack() as files:
        found = [("", files.enter_context(path.open("rb")))]
        seen = {_id(found[0][1])}
        last = 0
        for number in range(1, MOST + 1):
            older = _older(path, number)
            try:
                file = files.enter_context(older.open("rb"))
            except (FileNotFoundError, IsADirectoryError):
                last = last if number <= last else max(_numbers(path), default=0)
                if number > last:
                    break
                continue  # a rotation was killed between two names; no line is missing
            if _id(file) not in seen:
                seen.add(_id(file))
                found.insert(0, (older.name, file))
        yield found


def _id(file: BufferedReader) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino


def _shift(path: Path, keep: int) -> None:
    """Make room for the first older name; what is too old is gone."""
    for number in sorted(_numbers(path), reverse=True):
        with suppress(FileNotFoundError):
            if number >= keep:  # more were kept before
                _older(path, number).unlink()
            else:
                _older(path, number).replace(_older(path, number + 1))


def _numbers(path: Path) -> set[int]:
    """The numbers of the older files that there are."""
    found = set[int]()
    with suppress(PermissionError):  # who may not list a directory can still open its files
        for one in path.parent.iterdir():
            number = one.name.removeprefix(f"{path.name}.")
            if number != one.name and re.fullmatch(r"[1-9][0-9]{0,3}", number, re.ASCII) \
                    and int(number) <= MOST:
                found.add(int(number))
    return found


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
