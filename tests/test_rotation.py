"""Logs that rotate: nothing of a decision log is lost, and service logs do not fill the disk."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import pytest

from prgcore.cli.conform import _Growing
from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.running import log, rotation
from prgcore.running.limits import Limits
from prgcore.running.log import LogFile, read
from prgcore.running.rotation import emptied, parts
from prgcore.running.tidying import Tidying
from prgcore.stores.record import begin, decided
from tests.waits import once, stop, until

MANY = 300


@pytest.fixture(scope="module")
def entries():
    """High availability is switched on and off, many times."""
    pair, found = PRG.initial[0], []
    record = begin(pair)
    for number in range(MANY):
        decision = PRG.step(pair, "disable_ha" if number % 2 else "enable_ha")
        record, entry = decided(record, pair, decision, by="controller", time=1_790_000_000 + number)
        pair = decision.pair
        found.append(entry)
    return found


@pytest.fixture
def rotated(tmp_path, entries):
    """A log in three files."""
    size = sum(len(json.dumps(e.to_json())) + 1 for e in entries)
    with LogFile(tmp_path / "log.jsonl", most=size // 2 - 9, keep=4) as file:
        for entry in entries:
            file.append(entry)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    return tmp_path / "log.jsonl"


def test_a_log_that_rotates_loses_nothing(rotated, entries):
    assert list(read(rotated, older=True)) == entries
    assert rotated.stat().st_size < rotated.with_name("log.jsonl.1").stat().st_size


@pytest.mark.parametrize("keep", [1, 2, 7])
def test_so_many_older_files_are_kept(tmp_path, entries, keep):
    with LogFile(tmp_path / "log.jsonl", most=20_000, keep=keep) as file:
        for entry in entries:
            file.append(entry)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"log.jsonl", *(f"log.jsonl.{n + 1}" for n in range(keep))}
    found = list(read(tmp_path / "log.jsonl", older=True))
    assert found == entries[-len(found):], "the newest are there, in their order"
    assert all(p.stat().st_size <= 20_000 for p in tmp_path.iterdir())


def test_an_entry_that_is_longer_than_a_file_is_kept_whole(tmp_path, entries):
    with LogFile(tmp_path / "log.jsonl", most=10, keep=500) as file:
        for entry in entries[:5]:
            file.append(entry)
    assert list(read(tmp_path / "log.jsonl", older=True)) == entries[:5]
    assert len(list(tmp_path.iterdir())) == 5


def test_without_a_limit_a_log_is_one_file(tmp_path, entries):
    with LogFile(tmp_path / "log.jsonl") as file:
        for entry in entries:
            file.append(entry)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_torn_end_of_an_older_file_is_left_out(rotated, entries):
    rotated.with_name("log.jsonl.3").write_bytes(b'{"epoch": 1, "ti')
    assert list(read(rotated, older=True)) == entries


def test_a_wrong_line_names_its_file(rotated, run):
    with rotated.with_name("log.jsonl.2").open("ab") as file:
        file.write(b'{"epoch": 1}\n')
    with pytest.raises(BadInput, match=r"log\.jsonl\.2 line \d+"):
        list(read(rotated, older=True))
    answer = run("log", rotated)
    assert answer.code == 1
    assert "log.jsonl.2 line" in answer.err


def test_commands_read_the_older_files_too(rotated, run):
    for command in ("log", "conform"):
        answer = run(command, rotated, "--json")
        assert answer.code == 0, answer.err
        found = json.loads(answer.out)
        assert found.get("entries", found.get("lines")) == MANY


def test_files_that_are_named_are_read_once(rotated, run):
    names = [rotated.with_name(f"log.jsonl{end}") for end in (".2", ".1", "")]
    for order in (names, names[::-1], names[1:], [names[2], names[0]]):
        assert json.loads(run("log", *order, "--json").out)["entries"] == MANY
    assert json.loads(run("conform", *names, "--json").out)["lines"] == MANY


def test_a_store_has_no_older_files(tmp_path, run):
    from prgcore.stores.sqlite import SQLiteStore

    SQLiteStore(tmp_path / "pair.db").close()
    (tmp_path / "pair.db.1").write_text("no log\n")
    assert run("log", tmp_path / "pair.db").code == 0


def test_a_log_that_rotates_while_it_is_opened_is_read_whole(rotated, entries, monkeypatch):
    """Between any two files that a reader opens, the log is rotated once more."""
    real, left = rotation._older, [2]

    def older(path, number):
        if left[0] and number == 1 and path == rotated and sys._getframe(1).f_code.co_name == "parts":
            left[0] -= 1
            monkeypatch.setattr(rotation, "_older", real)
            rotation.renamed(rotated, 9)
            rotated.touch()
            monkeypatch.setattr(rotation, "_older", older)
        return real(path, number)

    monkeypatch.setattr(rotation, "_older", older)
    with parts(rotated) as files:
        found = [line.entry for line in log.rotated(files, log.Entry.from_json)]
    assert left[0] == 1
    assert found == entries


def test_a_log_whose_rotation_was_killed_is_read_whole(rotated, entries):
    """The oldest file had its new name, and the others had not."""
    rotated.with_name("log.jsonl.2").rename(rotated.with_name("log.jsonl.3"))
    assert list(read(rotated, older=True)) == entries
    with LogFile(rotated, most=10, keep=4) as file:
        file.append(entries[0])
    assert list(read(rotated, older=True)) == [*entries, entries[0]]


def test_a_log_that_cannot_be_rotated_grows_and_loses_nothing(rotated, entries, caplog):
    """Something else has the name of an older file."""
    rotated.with_name("log.jsonl.4").mkdir()
    with LogFile(rotated, most=10, keep=4) as file:
        for entry in entries[:50]:
            file.append(entry)
    assert list(read(rotated))[-50:] == entries[:50]
    assert [r.message for r in caplog.records] == [
        f"the log {str(rotated)!r} cannot be rotated, and grows: Is a directory"]


def test_files_of_others_are_neither_read_nor_removed(rotated, entries):
    others = [rotated.with_name(f"log.jsonl.{end}") for end in ("2026", "old", "01", "3.gz", "-1", "²")]
    for one in others:
        one.write_text("of somebody else\n")
    with LogFile(rotated, most=10, keep=2) as file:
        for entry in entries[:3]:
            file.append(entry)
    assert list(read(rotated, older=True)) == entries[:3]
    assert {one.read_text() for one in others} == {"of somebody else\n"}


def test_fewer_older_files_leave_no_hole(tmp_path, entries):
    """Files beyond the number that is kept now would stay, and be read as what came just before."""
    for keep, some in ((9, entries[:200]), (2, entries[200:])):
        with LogFile(tmp_path / "log.jsonl", most=10_000, keep=keep) as file:
            for entry in some:
                file.append(entry)
    found = list(read(tmp_path / "log.jsonl", older=True))
    assert found == entries[-len(found):]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]


def test_who_follows_a_log_goes_on_in_the_new_file(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"1\n2\n")
    with path.open("rb") as file:
        growing = _Growing(file)
        assert [growing.readline(99), growing.readline(99)] == [b"1\n", b"2\n"]
        with path.open("ab") as more:
            more.write(b"3\n")
        rotation.renamed(path, 4)
        path.write_bytes(b"4\n")
        assert [growing.readline(99), growing.readline(99)] == [b"3\n", b"4\n"]
        growing.file.close()


# --------------------------------------------------------------------- logs of services


def test_a_log_that_a_service_holds_open_is_copied_and_emptied(tmp_path):
    path, written = tmp_path / "db.log", b""
    with path.open("ab", buffering=0) as service:
        for _ in range(10):
            data = random.randbytes(500)
            service.write(data)
            written += data
            emptied(path, 999, 20)
    files = sorted((p for p in tmp_path.iterdir() if p != path), key=lambda p: -int(p.suffix[1:]))
    assert len(files) == 5
    assert b"".join(p.read_bytes() for p in files) + path.read_bytes() == written


def test_a_short_log_or_none_is_left_alone(tmp_path):
    (tmp_path / "db.log").write_text("short")
    assert not emptied(tmp_path / "db.log", 999, 2)
    assert not emptied(tmp_path / "none.log", 999, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["db.log"]


def test_on_a_full_disk_a_log_does_not_grow_for_ever(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    path = tmp_path / "db.log"
    path.write_bytes(b"x" * 1500)
    with pytest.raises(OSError, match="No space"):
        emptied(path, 999, 2)
    assert path.stat().st_size == 1500
    path.write_bytes(b"x" * 2000)
    assert emptied(path, 999, 2)
    assert path.stat().st_size == 0
    assert [p.name for p in tmp_path.iterdir()] == ["db.log"], "no half copy stays"


def test_tidying_looks_at_every_log_of_a_service(tmp_path, caplog):
    for name in ("a.log", "b.log", "log.jsonl", "c.txt"):
        (tmp_path / name).write_bytes(b"x" * 20_000)
    (tmp_path / "folder.log").mkdir()

    async def life():
        tidying = Tidying(tmp_path, Limits(log=10_000, logs=1))
        tidying.look()
        await until(lambda: (tmp_path / "a.log.1").exists() and (tmp_path / "b.log.1").exists())
        tidying.end()

    asyncio.run(life())
    assert {p.name for p in tmp_path.glob("*.1")} == {"a.log.1", "b.log.1"}
    assert not caplog.records


def test_a_service_writes_on_while_its_log_is_emptied(tmp_path):
    """A real process, which has its log open as a service has."""
    path = tmp_path / "db.log"
    with path.open("ab") as file:
        service = subprocess.Popen(
            [sys.executable, "-c", "import time\nwhile 1: print('x' * 99, flush=True); time.sleep(0.001)"],
            stdout=file)
    try:
        for _ in range(3):
            once(lambda: path.stat().st_size > 2_000)
            assert emptied(path, 2_000, 2)
        stop(service.pid)
        emptied(path, 500, 2)
        assert path.stat().st_size <= 500
        service.send_signal(signal.SIGCONT)
        once(lambda: path.stat().st_size > 1_000)
        assert set(io.BytesIO(path.read_bytes())) >= {b"x" * 99 + b"\n"}
    finally:
        service.kill()
        service.wait()
