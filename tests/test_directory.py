"""The directory of an agent: what a disk that is full does to its memory and its log."""

from __future__ import annotations

import asyncio
import time

import pytest

from prgcore.errors import BadInput, Unavailable
from prgcore.running import directory as directories
from prgcore.running.directory import Directory
from prgcore.running.log import read
from prgcore.running.member import Member
from prgcore.running.memory import NAME, read_memory, write_memory
from prgcore.running.shapes import Memory
from prgcore.wire.entry import Entry
from tests.waits import until

ENTRY = Entry(1, 1.0, "node1", "enable_ha", "done", "A100", "asked", {}, {}, (), ())


class Disk:
    """A disk that is full until `room`."""

    def __init__(self):
        self.tries, self.room = 0, False

    def __call__(self, path, memory, before):
        self.tries += 1
        if not self.room:
            raise Unavailable("memory.json cannot be written: the disk is full")
        write_memory(path, memory, before)


@pytest.fixture
def member(tmp_path):
    return Member("node1", "cup1", tmp_path, tmp_path, ("h", 1), ("h", 2), None, {}, "", "")


@pytest.mark.parametrize("news", ["memory", "entry", "end", "none"])
def test_a_memory_that_could_not_be_written_is_tried_again_with_the_next_news_or_later(
    monkeypatch, caplog, member, news
):
    """It was tried 30,000 times a second, as long as the disk was full."""
    monkeypatch.setattr(directories, "write_memory", disk := Disk())
    monkeypatch.setattr(directories, "AGAIN", 0.3 if news == "none" else 1e6)

    async def play():
        mine = Directory(member)
        for number in (1, 2):
            mine.remember(Memory("id", number, run="run"))
            await until(lambda number=number: disk.tries == number)
        if news == "none":
            await until(lambda: disk.tries >= 4)
        else:
            until_then = time.monotonic() + 0.2
            await until(lambda: time.monotonic() > until_then)
            assert disk.tries == 2, "it rests until something comes"
        assert [r.getMessage() for r in caplog.records if r.name == "prgcore"] == [
            "memory.json cannot be written: the disk is full"], "it is said once"
        disk.room = True
        if news == "memory":
            mine.remember(Memory("id", 3, run="run"))
        elif news == "entry":
            mine.note(ENTRY)
        if news != "end":
            await until(lambda: read_memory(member.directory / NAME).epoch)
        await mine.close()

    asyncio.run(play())
    assert read_memory(member.directory / NAME).epoch == (3 if news == "memory" else 2)
    if news == "entry":
        assert list(read(member.directory / "log.jsonl")) == [ENTRY]


def test_of_several_memories_the_newest_is_written_and_each_entry(monkeypatch, member):
    disk = Disk()
    disk.room = True
    monkeypatch.setattr(directories, "write_memory", disk)

    async def play():
        mine = Directory(member)
        with pytest.raises(BadInput, match="already runs"):
            Directory(member)
        for number in range(1, 100):
            mine.remember(Memory("id", number, run="run"))
            mine.note(ENTRY)
        await until(lambda: read_memory(member.directory / NAME).epoch == 99)
        assert disk.tries <= 3
        await mine.close()

    asyncio.run(play())
    assert len(list(read(member.directory / "log.jsonl"))) == 99
