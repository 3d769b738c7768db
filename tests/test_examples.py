"""The examples run: what a reader types does what its first lines say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prgcore import PRG
from prgcore.stores.sqlite import SQLiteStore
from prgcore.story.conformance import check
from tests.pages import docs

ROOT = Path(__file__).parent.parent
EXAMPLES, DOCS = ROOT / "examples", ROOT / "docs"
blocks = docs("blocks").blocks
LONGEST = 25
"""Lines of the shortest embedding, at most."""


@pytest.fixture
def example(tmp_path):
    """Run an example in a folder of its own; what it printed."""
    def run(name, *words):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *map(str, words)], cwd=tmp_path, text=True,
            capture_output=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    return run


def history(file):
    """The decisions in a store; all of them allowed."""
    store = SQLiteStore(file)
    entries = list(store.history())
    store.close()
    report = check(PRG, entries)
    assert report.ok, report.finding
    return entries


def test_the_shortest_embedding_is_short_and_is_the_first_thing_in_the_how_to():
    text = (EXAMPLES / "shortest.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert blocks((DOCS / "embed.md").read_text(encoding="utf-8"))[0].text == text


def test_the_shortest_embedding_fails_over(example, tmp_path):
    said = example("shortest.py").splitlines()
    assert said[-4:] == [
        "6 failover(node1) M100@node1", "7 takeover_done(node2) F110@node2",
        "8 taken_over(node1) F114@node1", "idle and running_in_backup_mode"]
    moved = ["6 disconnect_users node1", "6 acquire_grant node2", "6 move_users node2"]
    assert [line for line in said if line in moved] == moved
    assert len(history(tmp_path / "pair.db")) == 8


def test_what_is_kept_is_kept(example, tmp_path):
    example("shortest.py")
    before = history(tmp_path / "pair.db")
    again = example("shortest.py").splitlines()
    assert again == ["8 failover(node1) refused", "idle and running_in_backup_mode"]
    assert history(tmp_path / "pair.db") == before, "a refusal changes nothing"


def test_a_controller_keeps_the_time_and_brings_users_home(example, tmp_path):
    said = example("controller.py", "pair.db")
    entries = history(tmp_path / "pair.db")
    assert said.endswith(f"\n{len(entries)} decisions are kept in pair.db\n")
    rules = iter([e["rule"] for e in entries])
    story = ("A100", "X100@node1", "F100@node1", "F110@node2", "X102@node1", "M110@node1",
             "B102@node1", "X112@node1", "L120@node2", "F110@node2")
    assert [rule for rule in story if rule not in rules] == [], "one after the other"
    assert re.search(r"disconnect_users on node1\n(?:.*\n)*?    acquire_grant on node2\n"
                     r"(?:.*\n)*?    move_users on node2\n", said)


TOUR = (sys.executable, EXAMPLES / "two_nodes" / "tour.py")


@pytest.mark.parametrize(("words", "says"), [
    (["--store", "nonsense"], "'nonsense' is not a store; expected sqlite:FILE or etcd:URL"),
    (["--store", "sqlite:no/such/pair.db"], "cannot open "),
    (["--store", 'a"b'], "not TOML"),
    (["--work", "nan"], "expected seconds from 0 on"),
    (["--work", "-1"], "expected seconds from 0 on"),
])
def test_a_tour_that_cannot_begin_says_why_at_once(words, says, tmp_path):
    done = subprocess.run([*TOUR, *words], cwd=tmp_path, text=True, capture_output=True,
                          check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_tour_without_its_etcd_says_so(tmp_path):
    pytest.importorskip("etcd3gw")
    done = subprocess.run([*TOUR, "--store", "etcd:http://127.0.0.1:9"], cwd=tmp_path, text=True,
                          capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", "tour: no etcd answers at http://127.0.0.1:9: connection refused\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tour_that_is_interrupted_leaves_nothing_behind(number, tmp_path):
    tour = subprocess.Popen(
        TOUR, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)}, start_new_session=True)
    try:
        while not list(tmp_path.glob("tour-*/node*/presence.pid")) and tour.poll() is None:
            time.sleep(0.01)
        tour.send_signal(number)
        _, said = tour.communicate(timeout=60)
    finally:
        tour.kill()
    assert (tour.returncode, said) == (128 + number, "")
    assert list(tmp_path.iterdir()) == []
    ours = [line for line in subprocess.run(
        ["ps", "-eo", "args"], text=True, capture_output=True, check=True).stdout.splitlines()
        if str(tmp_path) in line]
    assert ours == []
