"""The log of decisions: the file that is written, what of it is read, and `prgcore log`."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import subprocess
import sys
import threading

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, Failed, Unavailable
from prgcore.machine import prg
from prgcore.running.log import LINE_LIMIT, LogFile, lines, read, tell
from prgcore.running.telemetry import of
from prgcore.stores.record import Entry
from prgcore.stores.sqlite import SQLiteStore
from tests.test_telemetry import BEGAN, HOME, told, walk
from tests.toys import TURNSTILE

DIES = ((60, "recover"), (100, "power_off(node2)"), (160, "heartbeat_lost(node1)"),
        (170, "takeover_done(node1)"), (300, "failover(node1)"))


@pytest.fixture(scope="module")
def entries():
    return told(prg(), [*((float(i), event) for i, event in enumerate(HOME)), *DIES])


@pytest.fixture
def path(tmp_path, entries):
    file = tmp_path / "pair.jsonl"
    with LogFile(file) as log:
        for entry in entries:
            log.append(entry)
    return file


def again(entries):
    return [e.to_json() for e in entries]


# ------------------------------------------------------------------------ the file


def test_what_is_written_is_read(path, entries):
    assert again(read(path)) == again(entries)
    assert path.read_bytes().count(b"\n") == len(entries)


def test_json_is_written_as_well(tmp_path, entries):
    log = LogFile(tmp_path / "a.jsonl", sync=True)
    log.append(entries[0].to_json())
    assert again(read(log.path)) == again(entries[:1])
    log.close()
    log.append(entries[1])
    log.close()
    assert again(read(log.path)) == again(entries[:2])


def test_a_file_that_was_renamed_is_left_and_a_new_one_begun(tmp_path, entries):
    file, old = tmp_path / "a.jsonl", tmp_path / "a.jsonl.1"
    with LogFile(file) as log:
        log.append(entries[0])
        file.rename(old)
        log.append(entries[1])
        file.unlink()
        log.append(entries[2])
        assert again(read(file)) == again(entries[2:3])
    assert again(read(old)) == again(entries[:1])


@pytest.mark.parametrize("torn", [1, 20, 2])
def test_a_torn_line_stays_alone(path, entries, torn):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - torn)
    kept = entries if torn == 1 else entries[:-1]
    assert again(read(path)) == again(kept)
    with LogFile(path) as log:
        log.append(entries[0])
    found = list(lines(io.BytesIO(path.read_bytes())))
    assert again(x.entry for x in found if x.entry) == again([*kept, entries[0]])
    assert [x.torn for x in found if not x.entry] == ([] if torn == 1 else [False])


def test_many_threads_and_processes_write_whole_lines(tmp_path, entries):
    file = tmp_path / "a.jsonl"
    code = ("import sys, json; from prgcore.running.log import LogFile\n"
            "log = LogFile(sys.argv[1]); entry = json.loads(sys.argv[2])\n"
            "for _ in range(50): log.append(entry)")
    others = [subprocess.Popen([sys.executable, "-c", code, file,
                                json.dumps(entries[0].to_json())]) for _ in range(2)]
    log = LogFile(file)
    threads = [threading.Thread(target=lambda: [log.append(entries[1]) for _ in range(50)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert [other.wait() for other in others] == [0, 0]
    assert len(list(read(file))) == 300


def test_a_log_that_cannot_be_written_says_so(tmp_path, entries, monkeypatch):
    with pytest.raises(Unavailable, match=r"cannot write the log .*: Is a directory"):
        LogFile(tmp_path).append(entries[0])
    with pytest.raises(Unavailable, match="No such file"):
        LogFile(tmp_path / "no" / "a.jsonl").append(entries[0])
    log = LogFile(tmp_path / "a.jsonl")
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:10]))
    with pytest.raises(Unavailable, match="only a part"):
        log.append(entries[0])
    monkeypatch.undo()
    log.append(entries[1])
    log.close()
    found = list(lines(io.BytesIO(log.path.read_bytes())))
    assert [x.entry is not None for x in found] == [False, True]


def test_a_line_in_the_middle_is_an_error(path):
    path.write_bytes(b"{]\n" + path.read_bytes())
    with pytest.raises(BadInput, match=r"pair\.jsonl.*line 1 is not JSON"):
        list(read(path))
    with pytest.raises(BadInput, match="No such file"):
        list(read(path.with_name("no")))


GOOD = json.dumps({"epoch": 1, "time": 2, "event": "x", "outcome": "done", "before": {},
                   "after": {"arm": "open"}}).encode()


@pytest.mark.parametrize(("data", "says"), [
    (b"{", "line 1 is not JSON"), (b"[1]", "line 1: an entry of a log is an object"),
    (b'{"epoch": NaN}', "line 1: NaN is not JSON"), (b"\xff\xfe", "line 1 is not text: byte 0"),
    (b"\0", "line 1 is not JSON"), (b"[" * 100_000, "line 1 is nested too deeply"),
    (b"9" * 5000, "line 1 is not JSON that can be read: a number has too many digits"),
    (b'{"a": 1, "a": 2}', "line 1: the key 'a' is given twice"),
    (b'"' + b"x" * LINE_LIMIT + b'"', "line 1 is longer than 1,048,576 bytes"),
    (b"{}", "line 1: epoch of an entry is missing; expected"),
], ids=lambda x: x[:12] if isinstance(x, bytes) else "")
def test_hostile_lines_are_told_and_the_next_is_read(data, says):
    bad, good = lines(io.BytesIO(data + b"\n\n" + GOOD + b"\n"))
    assert bad.wrong.startswith(says)
    assert not bad.torn
    assert (good.place, good.entry.event) == ("line 3", "x")


def test_random_bytes_are_no_entries():
    for seed in range(200):
        data = random.Random(seed).randbytes(300)
        assert not any(line.entry for line in lines(io.BytesIO(data)))


def test_a_byte_order_mark_is_no_matter():
    [line] = lines(io.BytesIO(b"\xef\xbb\xbf" + GOOD + b"\r\n"))
    assert line.entry is not None


def test_logging_gets_the_entry_with_all_its_fields(caplog, entries):
    with caplog.at_level(logging.DEBUG, "prgcore"):
        for entry in (*entries, evolve(entries[0], outcome="ignored")):
            tell(entry)
    records = [r for r in caplog.records if r.name == "prgcore"]
    assert [r.prgcore["event"] for r in records][: len(entries)] == [e.event for e in entries]
    assert records[5].getMessage() == (
        "5 recover: refused: node1.state is normal, needs running_in_failed_mode; "
        "node2.state is normal, needs running_in_failed_mode")
    assert [r.levelname for r in records[-2:]] == ["INFO", "DEBUG"]


# ----------------------------------------------------------------------- prgcore log

PAGE = """\
10 entries: 8 done, 2 refused
2026-09-21 14:13:20 to 2026-09-21 14:18:20, 300.0 s, epoch 8

node   state                   seconds  share  entered  now
node1  normal                    157.0  52.3%        1
node1  running_in_backup_mode    130.0  43.3%        1  for 130.0 s, peer_down
node1  taking_over                10.0   3.3%        1
node1  initializing                3.0   1.0%        1
node2  normal                    156.0  52.0%        1
node2  failing_over              140.0  46.7%        1  for 140.0 s, peer_down
node2  initializing                4.0   1.3%        1

users of  served  outages  seconds  longest  failovers
node1     yes           0      0.0      0.0          0
node2     yes           1     70.0     70.0          1

times  rule        outcome  event
    1  -           refused  failover(node1)
    1  -           refused  recover
    1  A100        done     enable_ha
    1  F110@node1  done     takeover_done(node1)
    1  L102@node1  done     heartbeat_heard(node1)
    1  L102@node2  done     heartbeat_heard(node2)
    1  L110@node1  done     heartbeat_lost(node1)
    1  S110@node1  done     initialized(node1)
    1  S110@node2  done     initialized(node2)
    1  X112@node2  done     power_off(node2)

times  refused          because of
    1  failover(node1)  node1.peer_health
    1  failover(node1)  node1.state
    1  failover(node1)  node2.state
    1  recover          node1.state
    1  recover          node2.state
"""


def test_a_page_of_eighty_columns(run, path):
    answer = run("log", path)
    assert (answer.code, answer.out, answer.err) == (0, PAGE, "")
    assert run("log", "-", stdin=path.read_bytes()).out == PAGE


def test_json_is_the_telemetry(run, path, entries):
    answer = run("log", path, "--json")
    assert json.loads(answer.out) == json.loads(json.dumps(of(entries).to_json()))


def test_several_files_are_put_in_the_order_of_their_epochs(run, tmp_path, entries):
    one, other = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    for i, entry in enumerate(entries):
        with LogFile((one, other)[i % 2]) as log:
            log.append(entry)
    assert run("log", other, one).out == run("log", one, other).out == PAGE


def test_files_of_several_records_are_put_in_the_order_of_time(run, tmp_path, entries):
    """`prgcore agent --new` begins the epochs again."""
    later = [evolve(e, time=e.time + 10_000) for e in entries]
    one, other = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    for i, entry in enumerate([*entries, *later]):
        with LogFile((one, other)[i % 2]) as log:
            log.append(entry)
    answer = run("log", one, other)
    assert answer.err.count("of more than one record (prgcore agent --new)") == 1
    assert "stepped back" not in answer.out
    assert run("log", other, one, "--json").out == run("log", one, other, "--json").out
    assert json.loads(run("log", one, other, "--json").out) == json.loads(
        json.dumps(of([*entries, *later]).to_json()))


def test_metrics_are_as_they_are_now(run, path, monkeypatch):
    monkeypatch.setattr("prgcore.cli.log.time", lambda: BEGAN + 400)
    answer = run("log", path, "--prometheus")
    assert 'prgcore_state_age_seconds{node="node1"} 230.0\n' in answer.out
    assert answer.code == 0


def test_a_store_is_read_by_its_history(run, tmp_path, entries):
    file = tmp_path / "pair"
    store = SQLiteStore(file)
    version = 0
    for entry in entries:
        if entry.outcome == "done":
            version = store.write({"any": "value"}, version, entry.to_json())
    store.close()
    answer = run("log", file)
    assert answer.out.startswith("8 entries: 8 done\n")
    assert "users of  served  outages" in answer.out


@pytest.mark.parametrize(("since", "says"), [
    ("150s", "3 entries: 2 done, 1 refused\n2026-09-21 14:15:50 to 2026-09-21 14:18:20, 150.0 s"),
    ("2026-09-21T14:15:50Z", "3 entries: "), ("2026-09-21 16:15:50+02:00", "3 entries: "),
    ("7d", "10 entries: 8 done, 2 refused\n2026-09-21 14:13:20 to"),
    ("0s", "1 entry: 1 refused"), ("2030-01-01", "0 entries\n2030-01-01 00:00:00"),
])
def test_counting_begins_at_a_time(run, path, since, says):
    assert run("log", path, "--since", since).out.startswith(says)


def test_what_was_so_before_still_is(run, path):
    found = json.loads(run("log", path, "--since", "180s", "--json").out)
    assert found["users"]["node2"] == {
        "served": True, "outages": 0, "seconds": 50.0, "lasting": 50.0, "longest": 50.0,
        "failovers": 1}
    assert found["states"]["node1.state"]["seconds"]["normal"] == 40


def test_bad_lines_are_left_out_and_told(run, path):
    path.write_bytes(b"nonsense\n{}\n" + path.read_bytes())
    answer = run("log", path)
    assert (answer.code, answer.out) == (1, PAGE)
    assert "2 lines left out; " in answer.err
    assert "pair.jsonl': line 1 is not JSON" in answer.err
    assert json.loads(run("log", path, "--json").out)["skipped"] == 2


def test_a_torn_end_is_no_fault(run, path):
    path.write_bytes(path.read_bytes() + b'{"epoch": 9, "ti')
    answer = run("log", path)
    assert (answer.code, answer.out, answer.err) == (0, PAGE, "")


@pytest.mark.parametrize("data", [b"\x00\xff\xfe", b"nonsense", b"[1"])
def test_what_does_not_begin_as_an_entry_is_not_torn_but_wrong(bad, data):
    assert "not one line is an entry" in bad("log", "-", stdin=data)


def test_an_empty_log_is_one(run):
    assert run("log", "-").out == "0 entries\n"
    assert json.loads(run("log", "-", "--json").out)["states"] == {}
    assert run("log", "-", "--prometheus").code == 0


def test_logs_of_other_machines(run):
    made = "".join(json.dumps(e.to_json()) + "\n" for e in walk(Engine(TURNSTILE), 1))
    answer = run("log", "-", stdin=made)
    assert answer.code == 0
    assert "users of" not in answer.out
    assert [row.split()[:2] for row in answer.out.splitlines()[4:6]] in (
        [["arm", "open"], ["arm", "locked"]], [["arm", "locked"], ["arm", "open"]])


@pytest.mark.parametrize(("words", "stdin", "says"), [
    (["-"], b"\xff\n", "not one line is an entry of a decision log; standard input: line 1 is not text"),
    (["-"], b"[1]\n", "not one line is an entry"), (["-"], b'{"epoch": 1}\n', "time of an entry"),
    (["no such file"], b"", "cannot read 'no such file': No such file"),
    (["/"], b"", "cannot read '/': Is a directory"), (["\0"], b"", "cannot read"),
    (["-", "-"], b"", "standard input can be read only once"),
    (["-", "--since", "soon"], b"", "--since 'soon': expected a time,"),
    (["-", "--since", "9" * 12 + "d"], b"", "expected a time"), (["-", "--since", ""], b"", "''"),
    (["-", "--json", "--prometheus"], b"", "--json does not go with --prometheus"),
])
def test_what_is_no_log_is_one_line(bad, words, stdin, says):
    assert says in bad("log", *words, stdin=stdin)


def test_a_file_that_looks_like_a_store_and_is_none(bad, tmp_path):
    file = tmp_path / "x.db"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    assert str(file) in bad("log", file)


def test_words_of_a_log_do_not_reach_the_terminal_raw(run):
    entry = {"epoch": 1, "time": 2, "event": "\x1b[31mred[/b]", "outcome": "done", "before": {},
             "after": {"a.state": "\x1b]0;x\x07"}}
    answer = run("log", "-", stdin=json.dumps(entry))
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "[/b]" in answer.out


def test_an_entry_is_what_a_decision_writes(entries):
    assert isinstance(entries[0], Entry)
    assert entries[5].failed[0] == Failed("node1.state", "normal", ("running_in_failed_mode",))
    assert entries[5].to_json()["failed"][0] == {
        "column": "node1.state", "is": "normal", "needs": ["running_in_failed_mode"]}
