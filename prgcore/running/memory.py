"""The memory of an agent as a file in its directory: which record it keeps, and how far it has read.

Law: reading and writing only; `prgcore.running.terms` decides what an agent remembers. A file that
cannot be read counts as none, with a warning: then the agent knows no record, as in a new directory.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from attrs import asdict, fields

from prgcore.errors import BadInput, Unavailable
from prgcore.running.shapes import Memory
from prgcore.stores.keeping import LAST, text_of, value_of
from prgcore.wire.answers import is_word

__all__ = ["LONGEST", "NAME", "read_memory", "write_memory"]

NAME = "memory.json"
"""The name of the file in the directory of an agent."""

LONGEST = 10_000
"""How many bytes the file has at most."""

_log = logging.getLogger("prgcore")


def read_memory(path: Path) -> Memory:
    """The memory in a file; an empty one if there is no file, or with a warning if it is broken."""
    try:
        with path.open("rb") as opened:
            data = opened.read(LONGEST + 1)
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        return _forgotten(path, error.strerror or "it cannot be opened")
    try:
        return _memory(data.decode())
    except (BadInput, UnicodeDecodeError) as error:
        return _forgotten(path, str(error))


def _memory(text: str) -> Memory:
    if len(text) > LONGEST:
        raise BadInput("it is too long")
    value = value_of(text, "the memory of an agent")
    for name, known in asdict(Memory()).items():
        found = value.get(name, known)
        fits = is_word(found) if isinstance(known, str) else (
            type(found) is int and 0 <= found <= LAST)
        if not fits:
            raise BadInput(f"{name} is not valid")
    return Memory(**{f.name: value[f.name] for f in fields(Memory) if f.name in value})


def _forgotten(path: Path, why: str) -> Memory:
    _log.warning("%s cannot be read: %.200s; the agent does not know which record it kept, and "
                 "accepts the one in the store", path.name, why)
    return Memory()


def write_memory(path: Path, memory: Memory, before: Memory | None = None) -> None:
    """Replace the file by this memory, whole or not at all.

    Args:
        before: the memory that the file has; None: not known. If the record is another one, the
            call returns when the disk has the new file.

    Raises:
        Unavailable: it cannot be written.
    """
    synced = before is None or (before.record, before.run) != (memory.record, memory.run)
    new = path.with_suffix(".new")
    try:
        with new.open("w") as opened:
            opened.write(text_of(asdict(memory), "the memory of an agent") + "\n")
            if synced:
                opened.flush()
                os.fsync(opened.fileno())
        new.replace(path)
        if synced:
            _sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise Unavailable(f"{path.name} cannot be written: {error.strerror}") from None


def _sync(directory: Path) -> None:
    """Let the disk have the new name of a file, where a directory can be asked for that."""
    with suppress(OSError):
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
