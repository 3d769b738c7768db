"""The directory of an agent: its lock, its identity, its memory and its log.

Law: reading and writing only. A thread of its own writes, so a slow disk holds nothing up. If it
cannot write, the agent says so once and goes on: the store has every decision.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

from prgcore.errors import BadInput, PrgError
from prgcore.running.lane import ENDING, Lane
from prgcore.running.limits import Limits
from prgcore.running.log import LogFile
from prgcore.running.member import Member
from prgcore.running.memory import NAME, read_memory, write_memory
from prgcore.running.shapes import Memory
from prgcore.wire.entry import Entry

__all__ = ["Directory"]

AGAIN = 1.0
"""How many seconds a memory that could not be written waits until it is tried again."""

_log = logging.getLogger("prgcore")


class Directory:
    """The directory of one node, for one agent at a time.

    Args:
        member: the node.
        limits: how long its log may grow.

    Attributes:
        identity: a word that no other directory has.
        memory: what the agent before this one remembered.

    Raises:
        BadInput: another agent has it, or it cannot be written.
    """

    def __init__(self, member: Member, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.path = member.directory
        self._alone = _locked(member)
        try:
            self.identity = _identity(self.path)
            self.memory = read_memory(self.path / NAME)
        except OSError as error:
            self._alone.close()
            raise BadInput(f"{str(self.path)[-120:]!r} cannot be used: {error.strerror}; "
                           "give a folder that may be written") from None
        except BaseException:
            self._alone.close()
            raise
        self._kept = self.memory
        self._log = LogFile(self.path / "log.jsonl", most=limits.log, keep=limits.logs)
        self._lane, self._entries, self._newest = Lane("disk"), list[Entry](), self.memory
        self._said: set[str] = set()
        self._later: asyncio.TimerHandle | None = None
        self._closes = False

    def limit(self, limits: Limits) -> None:
        """Let the log grow as long as these limits say, from now on."""
        self._log.most, self._log.keep = limits.log, limits.logs

    def note(self, entry: Entry) -> None:
        """Write an entry into the log, soon."""
        self._entries.append(entry)
        self._write()

    def remember(self, memory: Memory) -> None:
        """Keep a memory, soon; of several, the newest."""
        self._newest = memory
        self._write()

    def _write(self) -> None:
        if self._closes or self._lane.busy or (
                not self._entries and self._newest == self._kept):
            return
        entries, self._entries, memory = self._entries, [], self._newest
        self._lane.call(partial(self._written, entries, memory), lambda _: self._next(memory))

    def _next(self, tried: Memory) -> None:
        """Write what has come meanwhile. A memory that failed waits for news, or for a moment."""
        if self._entries or self._newest != tried:
            self._write()
        elif tried != self._kept and self._later is None:
            self._later = asyncio.get_running_loop().call_later(AGAIN, self._again)

    def _again(self) -> None:
        self._later = None
        self._write()

    def _written(self, entries: list[Entry], memory: Memory) -> None:
        """Write both. Called in a thread."""
        if memory != self._kept and self._tried(
                partial(write_memory, self.path / NAME, memory, self._kept)):
            self._kept = memory
        for entry in entries:
            self._tried(partial(self._log.append, entry))

    def _tried(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except PrgError as error:
            if str(error) not in self._said:
                _log.warning("%s", error)
            self._said.add(str(error))
            return False
        return True

    async def close(self) -> None:
        """Write whatever is left, and let the directory go."""
        self._closes = True
        if self._later is not None:
            self._later.cancel()
        if (ended := self._lane.end()) is not None:
            await asyncio.wait((ended,), timeout=ENDING)
        if not self._lane.busy:
            self._written(self._entries, self._newest)
        self.release()

    def release(self) -> None:
        """Let the directory go."""
        self._log.close()
        self._alone.close()


def _locked(member: Member) -> IO[str]:
    """The locked file that keeps other agents out of the directory of a node while it is open.

    Raises:
        BadInput: another agent has it.
    """
    try:
        file = (member.directory / "agent.lock").open("a")
    except OSError as error:
        raise BadInput(f"{str(member.directory)[-120:]!r} cannot be used: {error.strerror}; "
                       "give a folder that may be written") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise BadInput(f"an agent of {member.name} already runs in {member.directory}; stop it "
                       "first, and wait until it has ended") from None
    return file


def _identity(directory: Path) -> str:
    """The identity of this directory: a word in a file, written once."""
    file = directory / "identity"
    with suppress(OSError, UnicodeDecodeError):
        if word := file.read_text().strip()[:100]:
            return word
    word = uuid4().hex
    file.write_text(f"{word}\n")
    return word
