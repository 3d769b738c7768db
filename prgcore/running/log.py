"""The decision log as a file of JSON Lines, and as records of `logging`.

Law: one entry is one line and one write. A reader sees whole lines, except for the last line of a
program that was killed. A log with a limit rotates itself; any program may also
rename the file, and the next entry begins a new one. Readers read the older files first.
"""

from __future__ import annotations

import json
import logging
import os
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Self, TypeVar, overload

from attrs import define, evolve, field, frozen

from prgcore.errors import BadInput, Unavailable
from prgcore.running.rotation import parts, renamed
from prgcore.running.seldom import Seldom
from prgcore.running.telemetry import Telemetry, of
from prgcore.wire.entry import Entry
from prgcore.wire.jsontext import LINE_LIMIT, parse_json

if TYPE_CHECKING:
    from types import TracebackType

    from prgcore.stores.ports import Store

__all__ = ["LOGGER", "LogFile", "LogLine", "Tally", "line_of", "lines", "read", "rotated", "tell"]

LOGGER = logging.getLogger("prgcore")


@define(eq=False)
class LogFile:
    """A log that threads and processes can append to; it is made if it does not exist.

    Args:
        path: the file.
        sync: whether an entry is on the disk when `append` returns.
        most: how many bytes a file has at most before the next entry begins a new one; 0: no limit.
            Only one process may set it for a file.
        keep: how many older files are kept: `NAME.1`, `NAME.2` and so on.
    """

    path: Path = field(converter=Path)
    sync: bool = field(default=False, kw_only=True)
    most: int = field(default=0, kw_only=True)
    keep: int = field(default=4, kw_only=True)
    _file: int = field(default=-1, init=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)
    _seldom: Seldom = field(factory=Seldom, init=False, repr=False)

    def append(self, entry: Entry | Mapping[str, Any]) -> None:
        """Write one entry.

        Raises:
            Unavailable: it cannot be written. A part that was written stays a line of its own.
        """
        value = entry.to_json() if isinstance(entry, Entry) else dict(entry)
        line = json.dumps(value).encode() + b"\n"
        with self._lock:
            try:
                self._reopen()
                if 0 < self.most < os.fstat(self._file).st_size + len(line):
                    self._rotates()
                torn = b"\n" if self._torn() else b""
                written = os.write(self._file, torn + line)
                if self.sync:
                    os.fsync(self._file)
            except OSError as error:
                raise Unavailable(f"cannot write the log {str(self.path)!r}: {error.strerror}") \
                    from None
        if written < len(torn + line):
            raise Unavailable(f"cannot write the log {str(self.path)!r}: only a part was written; "
                              "is the disk full?")

    def _reopen(self) -> None:
        """Open the file of this name, which may have been replaced since the last entry."""
        if self._file >= 0:
            with suppress(FileNotFoundError):
                if os.path.samestat(self.path.stat(), os.fstat(self._file)):
                    return
            self._close()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _rotates(self) -> None:
        """Begin a new file, unless this one is empty. If that fails, this one grows on."""
        if os.fstat(self._file).st_size:
            self._close()
            try:
                with suppress(FileNotFoundError):
                    renamed(self.path, self.keep)
            except OSError as error:
                self._seldom.warn("rotation", f"the log {str(self.path)!r} cannot be rotated, and grows: "
                                  f"{error.strerror}")
            self._reopen()

    def _torn(self) -> bool:
        """Whether the last line has no end, because its writer was killed."""
        size = os.fstat(self._file).st_size
        return size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def close(self) -> None:
        """Close the file; another entry opens it again."""
        with self._lock:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()


Said = TypeVar("Said")
"""The content of a line: an `Entry`, or another type that a reader makes."""


@frozen
class LogLine(Generic[Said]):
    """A line of a log.

    Attributes:
        place: its place, such as `line 17`.
        entry: its content; None if it cannot be read.
        wrong: the reason why it cannot be read.
        torn: whether it is the last line and has no end: its writer was killed, or is writing.
    """

    place: str
    entry: Said | None = None
    wrong: str = ""
    torn: bool = False


def line_of(
    place: str, value: Any, reader: Callable[[Any], Said], *, torn: bool = False
) -> LogLine[Said]:
    """The line with this JSON."""
    try:
        return LogLine(place, reader(value))
    except BadInput as error:
        return LogLine(place, None, f"{place}: {error}", torn)


@overload
def lines(stream: BinaryIO) -> Iterator[LogLine[Entry]]: ...
@overload
def lines(stream: BinaryIO, reader: Callable[[Any], Said]) -> Iterator[LogLine[Said]]: ...
def lines(stream: BinaryIO, reader: Callable[[Any], Any] = Entry.from_json) -> Iterator[LogLine[Any]]:
    """The lines of a log that are not blank, one after the other, readable or not.

    Args:
        reader: makes the content of the JSON of a line, or raises BadInput.
    """
    number = 0
    while data := stream.readline(LINE_LIMIT + 1):
        number += 1
        long = len(data) > LINE_LIMIT and not data.endswith(b"\n")
        rest = data
        while long and rest and not rest.endswith(b"\n"):
            rest = stream.readline(LINE_LIMIT + 1)
        if long:
            place = f"line {number}"
            yield LogLine(place, wrong=f"{place} is longer than {LINE_LIMIT:,} bytes")
        elif data.strip():
            yield _line(number, data, reader)


def _line(number: int, data: bytes, reader: Callable[[Any], Said]) -> LogLine[Said]:
    place = f"line {number}"
    data = data.removeprefix(BOM_UTF8) if number == 1 else data
    torn = data.lstrip().startswith(b"{") and not data.endswith(b"\n")
    try:
        return line_of(place, parse_json(data.decode(), place), reader, torn=torn)
    except UnicodeDecodeError as error:
        wrong = f"{place} is not text: byte {error.start} is not UTF-8"
    except BadInput as error:
        wrong = str(error)
    return LogLine(place, wrong=wrong, torn=torn)


def rotated(
    files: Iterable[tuple[str, BinaryIO]], reader: Callable[[Any], Said]
) -> Iterator[LogLine[Said]]:
    """The lines of the files of one log (`prgcore.running.rotation.parts`), each with its place."""
    for name, file in files:
        for line in lines(file, reader):
            yield evolve(line, place=f"{name} {line.place}",
                         wrong=line.wrong and f"{name} {line.wrong}") if name else line


def read(path: str | Path, *, older: bool = False) -> Iterator[Entry]:
    """The entries of a log. A last line without its end is not an entry yet.

    Args:
        older: whether the older files of a rotated log come first.

    Raises:
        BadInput: the file cannot be read, or one of its lines is not an entry.
    """
    try:
        with parts(Path(path)) as files:
            for line in rotated(files if older else files[-1:], Entry.from_json):
                if line.entry is not None:
                    yield line.entry
                elif not line.torn:
                    raise BadInput(f"{str(path)!r}: {line.wrong}")
    except OSError as error:
        raise BadInput(f"cannot read the log {str(path)!r}: {error.strerror}") from None


def tell(entry: Entry, logger: logging.Logger = LOGGER) -> None:
    """Log an entry as a record of `logging`: at DEBUG if it was ignored, else at INFO.

    The record has the entry's JSON as its attribute `prgcore`, for handlers that print JSON.
    """
    level = logging.DEBUG if entry.outcome == "ignored" else logging.INFO
    rule = f" by {entry.rule}" if entry.rule else ""
    logger.log(level, "%d %s: %s%s: %s", entry.epoch, entry.event, entry.outcome, rule, entry.why,
               extra={"prgcore": entry.to_json()})


@define(eq=False)
class Tally:
    """Telemetry that is kept up to date; a call returns it as it is now.

    Args:
        store: a store; each call reads on in its history. Without one, entries come by `add`.
        clock: seconds since 1970.
        start: the telemetry before the first entry.
    """

    store: Store | None = None
    clock: Callable[[], float] = time.time
    _so_far: Telemetry = field(factory=Telemetry, alias="start")
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def add(self, entry: Entry) -> None:
        """Count one more entry."""
        with self._lock:
            self._so_far = of((entry,), self._so_far)

    def see(self, columns: Mapping[str, str]) -> None:
        """Note that columns have these values now, without a decision."""
        with self._lock:
            self._so_far = self._so_far.seeing(columns, self.clock())

    def __call__(self) -> Telemetry:
        """The telemetry now.

        Raises:
            Unavailable: the store does not answer.
        """
        with self._lock:
            if self.store is not None:
                self._so_far = of(self.store.history(self._so_far.epoch), self._so_far)
            return self._so_far.at(self.clock())
