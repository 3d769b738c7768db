"""SQLite alone: files that are none, are locked, full, gone, or left behind by the dead."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from math import inf
from pathlib import Path

import pytest

from prgcore.errors import BadInput, Conflict, Unavailable, Unreadable
from prgcore.stores import sqlite
from prgcore.stores.notices import Notices
from prgcore.stores.reopening import ReopenedArbiter, ReopenedStore
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
        with pytest.raises(Unavailable, match=r"is gone: .*, and open the store again, as agents do; "):
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
        with pytest.raises(Unreadable, match=r"^the content of \S+ is not JSON"):
            store.read()
        with pytest.raises(Unreadable, match=r"^the entry of epoch 1 is not a JSON object"):
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




# ------------------------------------------------------ readers, writers, troubles


def locked(path):
    """Another program, which holds the lock of writers."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_no_reader_waits_for_a_writer_that_waits_for_a_lock(tmp_path):
    """A foreign lock and a blocked write stopped the healthy node for 27 seconds."""
    path = tmp_path / "x.db"
    with SQLiteStore(path, timeout=stores.LONG) as store, SQLiteArbiter(
            path, ttl=600, timeout=stores.LONG) as arbiter, ThreadPoolExecutor(2) as pool:
        version = store.write({"epoch": 1}, 0, {"epoch": 1})
        assert arbiter.acquire("node1", 1)
        with closing(locked(path)) as other:
            writes = [pool.submit(store.write, {"a": 2}, version), pool.submit(arbiter.keep, "node1")]
            while not (store._file._writes.locked() and arbiter._file._writes.locked()):
                time.sleep(0.001)
            assert store.read().value == {"epoch": 1}
            assert not store.wait(version, 0.05)
            assert [e["epoch"] for e in store.history()] == [1]
            assert arbiter.holder() == "node1"
            assert not any(w.done() for w in writes), "they still wait: nothing above did"
            other.execute("ROLLBACK")
        assert writes[0].result() > version
        assert writes[1].result()


def test_waiting_is_told_of_every_write_of_another_process(tmp_path):
    """The log is polled, not the version; no write may be missed between two looks."""
    path = tmp_path / "x.db"
    with SQLiteStore(path, interval=0.001) as store, SQLiteStore(path) as other, \
            ThreadPoolExecutor(1) as pool:
        version = store.write({}, 0)
        store.wait(version, 0.01)
        for _ in range(150):
            waiting = pool.submit(store.wait, version, stores.LONG)
            version = other.write({}, version)
            assert waiting.result()


def notices(tmp_path):
    """A file, and the reports about it; skipped where the system reports nothing."""
    path = tmp_path / "log"
    path.write_text("")
    told = Notices(str(path))
    if not told.wait(0):
        pytest.skip("this system reports no changes of files")
    return path, told


def asked_of(store):
    """An event, which is set once this store has asked the system for reports."""
    asked, wait = threading.Event(), store._notices.wait
    store._notices.wait = lambda seconds: (asked.set(), wait(seconds))[1]
    return asked


def test_a_wait_sleeps_until_another_process_writes(tmp_path):
    """A long wait makes no looks: the system reports a change of the log."""
    notices(tmp_path)[1].close()
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store, SQLiteStore(path) as other, ThreadPoolExecutor(1) as pool:
        version = store.write({}, 0)
        asked = asked_of(store)
        waiting = pool.submit(store.wait, version, 10 * stores.LONG)
        assert asked.wait(stores.LONG)
        other.write({"a": 1}, version)
        assert waiting.result(stores.LONG)


def test_a_wait_ends_when_its_store_is_closed(tmp_path):
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store, ThreadPoolExecutor(1) as pool:
        version = store.write({}, 0)
        asked = asked_of(store)
        waiting = pool.submit(store.wait, version, 10 * stores.LONG)
        assert asked.wait(stores.LONG)
        store.close()
        with pytest.raises(Unavailable, match="closed"):
            waiting.result(stores.LONG)


@pytest.mark.parametrize("change", [
    lambda path: path.write_text("more"), lambda path: path.unlink(),
    lambda path: path.rename(path.with_name("other"))], ids=["written", "removed", "moved"])
def test_the_system_says_that_a_file_changes(change, tmp_path):
    path, told = notices(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(told.wait, 10 * stores.LONG)
        while not told._lock.locked():
            time.sleep(0.001)
        assert not told.wait(10 * stores.LONG), "one thread is told"
        change(path)
        assert waiting.result(stores.LONG)
    told.close()
    told.close()
    assert not told.wait(10 * stores.LONG)


def test_where_the_system_says_nothing_a_wait_looks(tmp_path, monkeypatch):
    def nothing(*_):
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", nothing)
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store, SQLiteStore(path) as other, ThreadPoolExecutor(1) as pool:
        assert not store._notices.wait(10 * stores.LONG)
        version = store.write({}, 0)
        waiting = pool.submit(store.wait, version, 10 * stores.LONG)
        other.write({"a": 1}, version)
        assert waiting.result(stores.LONG)


def test_a_python_without_ctypes_has_stores(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with SQLiteStore(tmp_path / "x.db") as store:
        assert not store._notices.wait(10 * stores.LONG)
        assert not store.wait(store.write({}, 0), 0.01)


def test_a_write_of_which_the_system_says_nothing_is_seen_before_the_wait_is_over(tmp_path):
    """Another program may take the watch away: a child that closes what it inherited."""
    notices(tmp_path)[1].close()
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store, SQLiteStore(path) as other, ThreadPoolExecutor(1) as pool:
        version = store.write({}, 0)
        told = store._notices
        assert told.wait(0)
        told._says.inotify_rm_watch(told._end, told._watch)
        assert told.wait(0), "it learns that the watch is gone"
        asked = asked_of(store)
        waiting = pool.submit(store.wait, version, inf)
        assert asked.wait(stores.LONG)
        other.write({"a": 1}, version)
        assert waiting.result(stores.LONG)


def test_a_store_that_nobody_closes_leaves_nothing_in_the_system(tmp_path):
    _, told = notices(tmp_path)
    end = Path(f"/proc/self/fd/{told._end}")
    assert "inotify" in str(end.readlink())
    del told
    gc.collect()
    with suppress(FileNotFoundError):  # another file may have its number by now
        assert "inotify" not in str(end.readlink())


def test_a_value_that_a_caller_changes_is_still_as_it_was_written(tmp_path):
    with SQLiteStore(tmp_path / "x.db") as store:
        store.write({"a": {"b": 1}}, 0)
        for _ in range(3):
            kept = store.read()
            assert kept.value == {"a": {"b": 1}}
            kept.value["a"]["b"] = 2


def test_a_reading_never_has_the_value_of_another_thread(tmp_path):
    """At each step of one thread, another one reads what was written since."""
    path = tmp_path / "x.db"
    with SQLiteStore(path) as store, SQLiteStore(path) as other, ThreadPoolExecutor(1) as pool:
        version = store.write({"after": 0}, 0)
        written, at, steps = {version: 0}, 0, 0

        def step(frame, _event, _arg):
            nonlocal version, steps
            if frame.f_code is not SQLiteStore.read.__code__:
                return None
            frame.f_trace_opcodes = True
            if not store._file._reads.locked():
                steps += 1
                if steps == at:
                    after, version = version, pool.submit(
                        other.write, {"after": version}, version).result()
                    written[version] = after
                    pool.submit(store.read).result()
            return step

        before = sys.gettrace()
        while steps >= at:
            at, steps = at + 1, 0
            sys.settrace(step)
            try:
                kept = store.read()
            finally:
                sys.settrace(before)
            assert kept.value == {"after": written[kept.version]}
        assert at > 10


def full(_path, store):
    store._file._open.execute("PRAGMA max_page_count = 1")


def torn(path, _store):
    """The power failed: some pages are nonsense."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


def cut(path, _store):
    with path.open("r+b") as file:
        file.truncate(5000)


def gone(path, _store):
    path.unlink()


def logless(path, _store):
    path.with_name("x.db-wal").unlink()


def replaced(path, _store):
    path.rename(path.with_name("old.db"))
    path.write_bytes(b"nonsense")


def dropped(_path, store):
    store._file._open.execute("DROP TABLE record")


def foreign(_path, store):
    store._file._open.execute("UPDATE record SET version = 'x', value = x'00ff'")


@pytest.mark.parametrize(("trouble", "says"), [
    (full, "disk is full: nothing was written; make room"), (torn, "is damaged or was changed by"),
    (cut, "is damaged or was changed by"), (gone, "is gone: .*; put it back, or a backup"),
    (logless, "x.db-wal is gone: .*; put it back"), (replaced, "is gone|is a different file now"),
    (dropped, "is damaged or was changed by another program: no such table"),
    (foreign, "is not a text; is it a store of something else"),
])
def test_a_trouble_of_the_file_is_unavailable_and_says_what_to_do(tmp_path, trouble, says):
    path = tmp_path / "x.db"
    with SQLiteStore(path, timeout=0.2) as store, SQLiteArbiter(path, ttl=5, timeout=0.2) as arbiter:
        version = 0
        for epoch in range(1, 40):
            version = store.write({"a": "b" * 2000}, version, {"epoch": epoch, "x": "y" * 2000})
        store._file._open.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store._file._open.execute("PRAGMA cache_size = 1")
        store._file._look.execute("PRAGMA cache_size = 1")
        trouble(path, store)
        said = set()
        for call in (store.read, lambda: list(store.history()), lambda: store.wait(version, 0),
                     lambda: store.write({"a": "c" * 100_000}, version, {"epoch": 40}),
                     lambda: arbiter.acquire("node1", 1), arbiter.holder, lambda: arbiter.keep("node1"),
                     lambda: store.forget(10)):
            try:
                call()
            except Unavailable as error:
                said.add(str(error))
        assert all(text.isprintable() and len(text) < 400 + len(str(path)) for text in said)
        assert any(re.search(says, text) for text in said), said


def test_a_store_of_a_group_is_opened_again_after_every_trouble(tmp_path):
    """Nothing that happens to the file ends whoever asks; each call says what it is."""
    path = tmp_path / "x.db"
    with ReopenedStore(lambda new: SQLiteStore(path, new=new, timeout=0.2)) as store, \
            ReopenedArbiter(lambda new: SQLiteArbiter(path, ttl=600, new=new, timeout=0.2)) as arbiter:
        path.write_bytes(b"nonsense" * 1000)
        with pytest.raises(Unreadable, match=r"is not a store: .* put a backup in its place"):
            store.read()
        path.unlink()
        assert store.read() is None  # made: the file has never been there
        version = store.write({"a": 1}, 0, {"epoch": 1})
        assert arbiter.acquire("node1", 1)
        with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(tmp_path / "b")) as copy:
            one.backup(copy)
        for name in ("x.db", "x.db-wal", "x.db-shm"):
            (tmp_path / name).rename(tmp_path / f"moved-{name}")
        for _ in range(2):
            for call in (store.read, arbiter.holder, lambda: list(store.history()),
                         lambda: store.write({"a": 2}, version), lambda: store.wait(version, 0)):
                with pytest.raises(Unavailable, match=r"x\.db"):
                    call()
            assert not path.exists(), "a file that was there is not made anew"
        (tmp_path / "b").rename(path)
        assert (store.read().value, arbiter.holder()) == ({"a": 1}, "node1")
        assert store.write({"a": 2}, version, {"epoch": 2}) > version
        assert len(list(store.history())) == 2
    for call in (store.read, arbiter.holder):
        with pytest.raises(Unavailable, match="was closed; open"):
            call()


@pytest.mark.parametrize("copied", [False, True])
def test_a_write_for_one_file_is_not_done_in_another_that_is_as_old(tmp_path, copied):
    """A file that was begun by the same steps had the same version, and took the write."""
    path, other, steps = tmp_path / "x.db", tmp_path / "y.db", range(1, 4)
    with SQLiteStore(path) as one:
        version = one.write({"epoch": 0}, 0)
    if copied:
        other.write_bytes(path.read_bytes())
    with SQLiteStore(other) as another:
        at = another.read().version if copied else another.write({"epoch": 0}, 0)
        for epoch in steps:
            at = another.write({"epoch": epoch}, at, {"epoch": epoch, "its": "own"})
        newest = another.read()
    with ReopenedStore(lambda new: SQLiteStore(path, new=new)) as store:
        for epoch in steps:
            version = store.write({"epoch": epoch}, version, {"epoch": epoch})
        path.unlink()
        other.rename(path)
        for log in ("x.db-wal", "x.db-shm"):
            (tmp_path / log).unlink(missing_ok=True)
        with pytest.raises(Unavailable):
            store.read()
        with pytest.raises(Conflict):
            store.write({"epoch": 4}, version, {"epoch": 4})
        assert store.read() == newest


def test_a_copy_is_put_in_place_while_the_store_is_open(tmp_path):
    """In the order of docs/agents.md: somebody who asks between any two steps does no harm."""
    path = tmp_path / "x.db"
    with ReopenedStore(lambda new: SQLiteStore(path, new=new)) as store:
        version = store.write({"epoch": 1}, 0, {"epoch": 1})
        with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(tmp_path / "copy")) as copy:
            now.backup(copy)
        store.write({"epoch": 2}, version, {"epoch": 2})

        def asked():
            with pytest.raises(Unavailable, match=r"is gone: .*; put it back, or a backup"):
                store.read()

        path.rename(tmp_path / "wrong.db")
        asked()
        for log in ("x.db-wal", "x.db-shm"):
            (tmp_path / log).unlink(missing_ok=True)
            asked()
        assert not (tmp_path / "x.db-wal").exists()
        (tmp_path / "copy").rename(path)
        assert store.read().value == {"epoch": 1}


@pytest.mark.parametrize(("column", "value"), [
    ("ttl", math.inf), ("since", math.inf), ("ttl", "x"), ("node", b"x"), ("newest", "{}"),
    ("newest", '{"given": 1e999, "reached": {}}'), ("newest", b"\xff"),
    ("newest", '{"given": -1, "reached": {}}'), ("newest", '{"given": 1, "reached": {"a": 1e999}}'),
    ("newest", '{"given": NaN, "reached": {}}'), ("newest", '{"given": true, "reached": {}}'),
    ("newest", '{"given": %s, "reached": {}}' % ("9" * 5000)), ("newest", "[" * 100_000),
    ("newest", '{"given": 1.5, "reached": {}}'),
], ids=lambda v: repr(v)[:40])
def test_a_memory_that_was_changed_is_unreadable(tmp_path, column, value):
    with SQLiteArbiter(tmp_path / "x.db", ttl=5) as arbiter:
        assert arbiter.acquire("node1", 1)
        arbiter._file._open.execute(f"UPDATE arbiter SET {column} = ?", (value,))
        for call in (arbiter.holder, lambda: arbiter.keep("node1"),
                     lambda: arbiter.acquire("node2", 2), lambda: arbiter.release("node1", 2)):
            with pytest.raises(Unreadable):
                call()


def test_the_history_is_forgotten_but_for_the_newest(tmp_path):
    with SQLiteStore(tmp_path / "x.db") as store:
        with store._file.changing() as file:
            file.executemany("INSERT INTO history VALUES (?, ?)",
                             [(n, json.dumps({"epoch": n})) for n in range(1, 3001)])
        assert store.forget(501) == 500
        assert store.forget(501) == 0
        assert next(store.history())["epoch"] == 501
        assert store.forget(10**9) == 1500
        assert [e["epoch"] for e in store.history()] == list(range(2001, 3001))
        store.write({}, 0, {"epoch": 3001})


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("make", [SQLiteStore, lambda path: SQLiteArbiter(path, ttl=2)])
def test_a_file_that_is_taken_away_while_it_is_opened_is_gone(tmp_path, monkeypatch, make, suffix):
    """It was an exception that nobody expected, in an agent that opened its arbiter again."""
    path = tmp_path / "pair.db"
    begin = sqlite._File._begin

    def begins(file):
        begin(file)
        path.with_name(path.name + suffix).unlink()

    monkeypatch.setattr(sqlite._File, "_begin", begins)
    with pytest.raises(BadInput, match=r"pair\.db(-wal)? is gone: .*; put it back, or a backup"):
        make(path)
