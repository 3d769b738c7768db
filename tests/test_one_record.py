"""Real agents on another record, an old copy, or other terms: nobody is served twice.

The build before served users twice in each of these tests, without a line in a log.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from prgcore.errors import Unavailable
from prgcore.running.memory import NAME
from prgcore.seats import NODES, seat
from tests.stores import LONG

EXAMPLES = Path(__file__).parent.parent / "examples" / "two_nodes"


class Two:
    """The pair of the example, each agent started with its own words."""

    def __init__(self, two) -> None:
        self.two, self.folder = two, two.directory

    def start(self, node: str, *words: str, file: Path | None = None) -> None:
        with (self.folder / f"{node}.out").open("ab") as out:
            self.two.agents[node] = subprocess.Popen(
                [sys.executable, "-m", "prgcore", "agent", str(file or self.two.file), node, *words],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def stop(self, node: str) -> None:
        def asked() -> bool:
            with suppress(Unavailable):
                self.two.stop_agent(node)
            return not self.two.running(node)

        self.until(asked)

    def trouble(self, node: str) -> str:
        """The trouble of an agent; a word if it does not answer."""
        try:
            return str(self.two.ask(node, do="status")["trouble"])
        except Unavailable:
            return "no answer"

    def until(self, true) -> None:
        end = time.monotonic() + LONG
        while not true():
            assert time.monotonic() < end, {n: self.trouble(n) for n in NODES}
            time.sleep(0.05)

    def asked(self, node: str, times: int = 400) -> None:
        """Wait until users have asked a node so many times more."""
        enough = len(self.two.users.asked[node]) + times
        self.until(lambda: len(self.two.users.asked[node]) >= enough)

    def up(self) -> None:
        """Start both as the example does, and wait until users of both are served."""
        self.two.up()
        self.until(lambda: {a.home for a in self.two.users.answers} == {*NODES})

    def well(self) -> bool:
        return not any(self.trouble(node) for node in NODES)

    def holds_still(self) -> bool:
        """Pause both agents, so that nothing is decided, if node2 remembers the newest decision."""
        for node in NODES:
            self.two.pause(node, "agent")
        remembered = (self.folder / "node2" / NAME).read_text()
        with closing(sqlite3.connect(self.folder / "pair.db", 0)) as store, suppress(
                sqlite3.OperationalError):  # one of them is writing
            store.execute("BEGIN IMMEDIATE")
            (value,) = store.execute("SELECT value FROM record").fetchone()
            if json.loads(value)["mark"] in remembered:
                return True
        for node in NODES:
            self.two.resume(node, "agent")
        return False

    def once(self) -> None:
        """Users were served, and none of them twice."""
        assert self.two.users.answers
        assert self.two.users.twice() == []


@pytest.fixture
def pair(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("pair")
    two = example.TwoNodes(tmp_path / "Sales", **example.PATIENT)
    yield Two(two)
    two.down()


def test_a_longer_lease_is_rolled_out_node_by_node(pair):
    """The running agent keeps its shorter wait only until it reads what the other one proposes."""
    two = pair.two
    pair.up()
    text = two.file.read_text()
    for old, new in (("lasts = 0.4", "lasts = 2.0"), ("waits = 0.6", "waits = 3.0"),
                     ("grant = 2 ", "grant = 4 ")):
        assert old in text
        text = text.replace(old, new)
    two.file.write_text(text)
    for number, node in enumerate(NODES):
        pair.stop(node)
        pair.start(node, *(("--adopt",) if not number else ()))
        pair.until(pair.well)
        assert two.home(LONG)
        for paused in NODES:
            two.pause(paused, "agent")
            pair.until(lambda n=paused: two.users.served(n, time.monotonic() - 0.5) == seat("peer", n))
            two.resume(paused, "agent")
            assert two.home(LONG)
    pair.once()
    store = two.group.open_store()[0]
    pair.until(lambda: store.read().value["proposed"] == {})
    record = store.read().value
    assert record["terms"]["lease"] == "lasts 2 s, pause 0.1 s, stopping 0.1 s, waits 3 s"
    assert record["terms"]["grant"] == "4 s"


def test_a_group_file_on_two_hosts_makes_two_records_that_are_noticed(pair, tmp_path):
    host = tmp_path / "other host"
    (host / "node2").mkdir(parents=True)
    for name in ("group.toml", "service.py"):
        shutil.copy(pair.folder / name, host)
    (pair.folder / "node2").symlink_to(host / "node2")
    pair.start("node1", "--new")
    pair.start("node2", "--new", file=host / "group.toml")
    pair.until(lambda: any("the other node keeps the record " in pair.trouble(n) for n in NODES))
    with suppress(Unavailable):
        pair.two.command("enable_ha")
    pair.two.cut()
    for node in NODES:
        pair.asked(node)
    assert pair.two.users.twice() == []
    said = []

    def says() -> bool:
        said[:] = [n for n in NODES if "the other node keeps the record " in pair.trouble(n)]
        return bool(said)

    pair.until(says)  # it is not forgotten
    for node in said:
        assert pair.two.running(node), "it stays up to say it"
        assert "the other node keeps the record " in (pair.folder / f"{node}.out").read_text()
        assert pair.two.users.served(node, time.monotonic() - 1) is None


@pytest.mark.parametrize("what", ["wal removed", "old copy", "emptied"])
def test_another_store_and_a_restart_begin_no_second_record(pair, what):
    two, file = pair.two, pair.folder / "pair.db"
    pair.up()
    copy, newest = pair.folder / "copy.db", pair.folder / "newest.db"
    backup(file, copy)
    pair.until(lambda: two.command("enable_auto_fallback").startswith("done ")  # or its answer was lost
               or two.status().get("known", {}).get("auto_fallback") == "on")
    pair.until(pair.holds_still)
    backup(file, newest)
    two.kill("node2", "agent")  # it knows that the copy is older
    for beside in pair.folder.glob("pair.db-*"):
        beside.unlink(missing_ok=True)
    if what == "old copy":
        copy.replace(file)
    elif what == "emptied":
        file.unlink()
    two.resume("node1", "agent")
    pair.start("node2")
    pair.until(lambda: pair.trouble("node2") != "no answer")
    two.cut()
    if what != "wal removed":  # the agent that runs may have kept that, whole
        pair.until(lambda: all(pair.trouble(node) not in ("", "no answer") for node in NODES))
        assert "prgcore" not in pair.trouble("node2")
        assert {"old copy": "copy of the record", "emptied": "the store is empty, but it had"}[
            what] in pair.trouble("node2")
    for node in NODES:
        pair.asked(node)
        assert two.running(node)
    pair.once()
    if what != "wal removed":
        for node in NODES:
            assert two.users.served(node, time.monotonic() - 1) is None
        for beside in pair.folder.glob("pair.db-*"):  # they belong to the other file
            beside.unlink(missing_ok=True)
        newest.replace(file)
        two.repair()
        pair.until(pair.well)
    assert two.home(LONG)
    pair.once()


def backup(file: Path, copy: Path) -> None:
    one, other = sqlite3.connect(file), sqlite3.connect(copy)
    one.backup(other)
    one.close()
    other.close()
