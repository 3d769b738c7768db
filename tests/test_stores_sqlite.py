"""SQLite alone: files that are none, are locked, full, gone, or left behind by the dead."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from prgcore.errors import BadInput, Unavailable
from prgcore.stores.sqlite import SQLiteArbiter, SQLiteStore
from tests import stores


@pytest.fixture
def place(tmp_path):
    return f"sqlite {tmp_path / 'pair.db'}"


def test_sqlite_may_be_closed_in_the_middle(place):
    with stores.opened(place) as store:
        stores.first(store)
    shared = [stores.opened(place) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(stores.steps, place, 40, n, shared[n]) for n in range(3)]
        for store in shared:
            time.sleep(0.02)
            store.close()
        ids = [i for one in writing for i in one.result()]
    with stores.opened(place) as store:
        assert sorted(e["id"] for e in stores.replayed(store)) == sorted(ids)


def test_what_a_killed_process_left_behind_is_read(place, tmp_path):
    with stores.opened(place) as store:
        stores.first(store)
    with stores.started("steps", place, 10**6, 0) as writer, stores.opened(place) as store:
        for _ in range(5):
            assert store.wait(store.read().version, stores.LONG)
        writer.kill()
        writer.wait()
        for name in ("pair.db", "pair.db-wal"):  # as the disk is when the power fails
            (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
        epochs = len(stores.replayed(store))
    with SQLiteStore(tmp_path / "copy-pair.db") as copy:
        assert 5 <= epochs <= len(stores.replayed(copy)) <= epochs + 1  # nobody was answered yet


def test_a_grant_ends_on_time_and_with_the_computer(tmp_path):
    now = [1000.0]
    with SQLiteArbiter(tmp_path / "a.db", ttl=5, now=lambda: now[0]) as arbiter:
        assert arbiter.acquire("node1", 1)
        now[0] += 4.999
        assert arbiter.keep("node1")
        now[0] += 4.999
        assert arbiter.holder() == "node1"
        now[0] += 0.001
        assert not arbiter.keep("node1")
        assert arbiter.acquire("node1", 1)
        now[0] = 3.0  # the computer was started anew
        assert arbiter.holder() is None
        assert arbiter.acquire("node2", 2)


@pytest.mark.parametrize("ttl", [0, -1, math.nan, math.inf, "5", True, None])
def test_the_time_to_live_is_a_number(tmp_path, ttl):
    with pytest.raises(BadInput, match=r"^the time to live is .*a number of seconds above 0"):
        SQLiteArbiter(tmp_path / "a.db", ttl=ttl)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [
    b"\0" * 5000, b"nonsense" * 1000, b"SQLite format 3\0" + b"\xff" * 4096, "é".encode(),
], ids=["zeros", "text", "header", "short"])
def test_what_is_no_database_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"^\S+x\.db is not a store: .*name a file that does not exist"):
        SQLiteStore(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


@pytest.mark.parametrize(("statement", "says"), [
    ("CREATE TABLE theirs (x)", "is a database of another program; name another file"),
    ("PRAGMA application_id = 77", "is a database of another program"),
    ("PRAGMA application_id = 1886545763; PRAGMA user_version = 2", "is a store of format 2; this"),
])
def test_another_programs_database_is_left_as_it_is(tmp_path, statement, says):
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(statement + "; CREATE TABLE IF NOT EXISTS t (x)")
    if "77" in statement:
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE t")
    content = path.read_bytes()
    with pytest.raises(BadInput, match=says):
        SQLiteStore(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("path", "says"), [
    ("nowhere/x.db", "No such file or directory; a store is a file in a folder that exists"),
    (".", "is not a file; a store is a file"), ("a\0b", "is not a path for a store"),
    (3, "is not a path for a store"), (None, "is not a path for a store"), ("x" * 5000, "cannot open"),
    ("/dev/null", "is not a file; a store is a file"),
])
def test_a_place_where_no_file_can_be_is_refused(tmp_path, monkeypatch, path, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=says) as error:
        SQLiteStore(path)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_this_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SQLiteStore(":memory:") as store:
        store.write({"a": 1}, 0)
    assert (tmp_path / ":memory:").stat().st_size > 0


def test_only_the_owner_can_read_a_store(tmp_path):
    with SQLiteStore(tmp_path / "x.db") as store:
        store.write({}, 0)
        assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {0o600}
        assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / "empty.db").touch(0o640)
    mode = (tmp_path / "empty.db").stat().st_mode
    with SQLiteStore(tmp_path / "empty.db"):
        assert (tmp_path / "empty.db").stat().st_mode == mode


READ_ONLY = """
import os, sys
from prgcore.stores.sqlite import SQLiteStore
if os.geteuid() == 0:
    os.setegid(65534); os.seteuid(65534)
try:
    SQLiteStore(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("made", [True, False], ids=["store", "folder"])
def test_a_store_that_cannot_be_written_is_refused(made):
    import tempfile

    with tempfile.TemporaryDirectory() as name:  # pytest's folders are closed to other users
        path = os.path.join(name, "x.db")  # noqa: PTH118
        if made:
            SQLiteStore(path).close()
            os.chmod(path, 0o444)  # noqa: PTH101
        os.chmod(name, 0o555)  # noqa: PTH101
        told = subprocess.run([sys.executable, "-c", READ_ONLY, path], check=True,
                              capture_output=True, text=True).stdout
        os.chmod(name, 0o755)  # noqa: PTH101
        assert told.startswith("BadInput cannot ")
        assert told.count("\n") == 1


def test_a_store_that_another_program_locks_is_unavailable(tmp_path):
    with SQLiteStore(tmp_path / "x.db", timeout=0.1) as store:
        with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="database is locked"):
                store.write({}, 0)
            with pytest.raises(Unavailable, match=r"has been locked by another program for more than 0"):
                SQLiteStore(tmp_path / "x.db", timeout=0.1)
            assert store.read() is None
            other.execute("ROLLBACK")
        store.write({}, 0)


def test_a_full_disk_loses_nothing(tmp_path):
    with SQLiteStore(tmp_path / "x.db") as store:
        version = store.write({"a": 1}, 0, {"epoch": 1})
        store._file._open.execute("PRAGMA max_page_count = 1")
        with pytest.raises(Unavailable, match="database or disk is full"):
            store.write({"a": "b" * 100_000}, version, {"epoch": 2})
        assert (store.read().version, len(list(store.history()))) == (version, 1)
        store._file._open.execute("PRAGMA max_page_count = 100000")
        store.write({"a": 2}, version, {"epoch": 2})


def test_a_file_that_is_replaced_is_not_the_store(tmp_path):
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store:
        store.write({"a": 1}, 0)
        path.rename(tmp_path / "moved.db")
        with pytest.raises(Unavailable, match=r"is gone: .*; open the store again"):
            store.read()
        with SQLiteStore(path), pytest.raises(
                Unavailable, match="is a different file now; open the store again"):
            store.write({"a": 2}, 1)
    SQLiteStore(tmp_path / "moved.db").close()


def test_what_is_damaged_is_said(tmp_path):
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store:
        store.write({"a": 1}, 0, {"epoch": 1})
        store._file._open.execute("UPDATE record SET value = '[1'")
        store._file._open.execute("UPDATE history SET entry = '[1]'")
        with pytest.raises(BadInput, match=r"^the content of \S+ is not JSON"):
            store.read()
        with pytest.raises(BadInput, match=r"^the entry of epoch 1 is not a JSON object"):
            list(store.history())


def test_many_processes_may_make_the_store_at_once(tmp_path):
    made = [stores.started("steps", f"sqlite {tmp_path / 'x.db'}", 0, n) for n in range(6)]
    assert [p.wait() for p in made] == [0] * 6
    for process in made:
        process.stdout.close()


def test_the_history_can_be_asked_with_sql(tmp_path):
    with SQLiteStore(tmp_path / "x.db") as store:
        stores.first(store)
        stores.steps("", 2, 0, store)
        entries = list(store.history())
    with closing(sqlite3.connect(tmp_path / "x.db")) as other:
        rows = other.execute(
            "SELECT epoch, event, rule, node1_state_before, node2_reason_after, actions, entry"
            " FROM decisions").fetchall()
    assert [(*row[:5], json.loads(row[5]), json.loads(row[6])) for row in rows] == [
        (e["epoch"], e["event"], e["rule"], e["before"]["node1.state"],
         e["after"]["node2.reason"], e["actions"], e) for e in entries]


