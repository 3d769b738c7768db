"""`ha reset`: a record that refuses every command gets a way home; nothing that fences is lost."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from attrs import evolve

from prgcore.machine import PRG
from prgcore.running.charter import Charter
from prgcore.running.group import read_group
from prgcore.running.group import terms as of_group
from prgcore.running.node import any_pair, decide, layout, own, view
from prgcore.running.shapes import Memory, Reading
from prgcore.running.terms import key, trouble, unkept, waits
from prgcore.seats import NODES
from prgcore.stores.record import Claim, Order, Record, begin, fits, record_of
from prgcore.stores.sqlite import SQLiteStore
from tests.agents import ports

LAYOUT = layout(PRG, agents=True)
GROUP = """\
group = "Sales"
store = "sqlite:pair.db"
security = {off = true}
[node1]
name = "cup1"
service = "127.0.0.1:%d"
admin = "127.0.0.1:%d"
[node2]
name = "cup2"
service = "127.0.0.1:%d"
admin = "127.0.0.1:%d"
"""


@pytest.fixture
def group(tmp_path):
    """The group file of a pair whose agents do not run."""
    (tmp_path / "group.toml").write_text(GROUP % tuple(ports(4)))
    return tmp_path / "group.toml"


def first():
    start = {c: v for c, v in PRG.initial[0].items() if c != "link"}
    record = begin(start, {n: own(PRG, n) for n in NODES}, PRG.habits, id="the id")
    return evolve(
        record, epoch=3, mark="old", terms={"machine": "m"}, seats={"node1": "a", "node2": "b"},
        orders=(Order(2, 0, "node1", "move_users"),),
        claims={"node1": Claim("node2", 7, 0), "node2": Claim("node2", 9, 0)})


def backups(record):
    """Both nodes run in backup mode, which no event leads to."""
    return evolve(record, columns={**record.columns, "ha": "on", **{
        f"{n}.state": "running_in_backup_mode" for n in NODES}})


def short(record):
    return evolve(record, columns={c: v for c, v in record.columns.items() if c != "node1.state"})


def foreign(record):
    return evolve(record, columns={**record.columns, "node2.state": "asleep"})


def without_a_drawer(record):
    return evolve(record, own={"node1": record.own["node1"]}, changes={"node1": 4})


def claimed_by_a_stranger(record):
    return evolve(record, claims={"node1": Claim("node3", 8, 0)})


@pytest.mark.parametrize("spoil", [backups, short, foreign, without_a_drawer, claimed_by_a_stranger])
def test_a_record_that_refuses_every_command_is_put_back(run, group, spoil):
    was = spoil(first())
    with SQLiteStore(group.parent / "pair.db") as store:
        version = 0
        for epoch in range(1, 4):
            value = was if epoch == 3 else evolve(was, epoch=epoch)
            version = store.write(value.to_json(), version, {"epoch": epoch})
        refused = run("ha", "reset", "--state", group)
        assert (refused.code, "add --yes" in refused.err) == (2, True)
        assert store.read().version == version
        answer = run("ha", "reset", "--state", group, "--yes", "--reason", "bit\nrot", "--json")
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["epoch"] == 4
        now, (entry,) = record_of(store.read().value, LAYOUT), store.history(3)
    assert (now.id, now.terms, now.epoch, now.orders) == (was.id, was.terms, 4, ())
    assert now.seats == {node: f"{who}.{entry['id']}" for node, who in was.seats.items()}
    assert now.mark == entry["id"] != "old"
    assert (entry["by"], entry["event"], entry["outcome"]) == ("administrator", "reset", "done")
    assert entry["why"].startswith("bit rot; before: ")
    assert entry["before"]["ha"] == was.columns["ha"]
    for home in NODES:
        before, after = was.claims.get(home, Claim("", 8)), now.claims[home]
        assert after.token == before.token, "tokens never go back"
        assert after.node in (before.node, "")
        assert after.freed == (4 if after.node not in ("", home) else 0)
    assert all(now.changes[n] > was.changes.get(n, 0) for n in NODES), "old heartbeats do not count"
    known = view(now, "node1")
    assert any_pair(PRG, known)
    assert decide(PRG, known, "enable_ha").outcome == "done"


@pytest.mark.parametrize(("terms", "proposed"), [
    ({}, {"lease": "4 s"}),
    ({}, {"grant": "three"}),
    ({"keep_alive_timeout": "nan s"}, {}),
    ({"lease": "lasts 1 s"}, {"lease": "lasts 2 s"}),
])
def test_terms_that_nobody_can_keep_are_dropped(run, group, terms, proposed):
    """Each agent names this way home in its one line of trouble."""
    mine = of_group(read_group(group))
    signed = {"node1": key({**mine, **proposed}), "node2": key({**mine, **terms})}
    was = evolve(first(), epoch=0, terms={**mine, **terms}, signed=signed,
                 proposed={**mine, **proposed} if proposed else {})
    with SQLiteStore(group.parent / "pair.db") as store:
        store.write(was.to_json(), 0)
        answer = run("ha", "reset", "--state", group, "--yes", "--json")
        assert answer.code == 0, answer.err
        now = record_of(store.read().value, LAYOUT)
    assert "cannot hold at once" in json.loads(answer.out)["why"]
    assert (now.terms, now.proposed, now.signed) == ({} if terms else mine, {}, signed)
    for node in NODES:
        charter = Charter(PRG, node, mine, read_group(group).lease, 3.0, "a", "run")
        assert unkept(charter, was)
        assert unkept(charter, now) == ""
        memory = Memory(now.id, 0, "old", run="before")
        assert trouble(charter, memory, Reading(now, 2, 1), None, 0) == ""
    assert waits(Charter(PRG, "node1", mine, read_group(group).lease, 3.0, "a", "run"),
                 Memory(now.id, run="before"), now) > 0 if proposed else True


def test_the_log_of_a_pair_that_was_put_back_is_read(run, group):
    with SQLiteStore(group.parent / "pair.db") as store:
        store.write(backups(evolve(first(), epoch=0)).to_json(), 0)
        assert run("ha", "reset", "--state", group, "--yes").code == 0
    answer = run("log", group.parent / "pair.db", "--json")
    assert answer.code == 0, answer.err
    assert '"reset"' in answer.out
    for name in ("pair.db", "group.toml"):
        answer = run("conform", group.parent / name)
        assert (answer.code, "1 line, all allowed: 1 done" in answer.out) == (0, True), answer.out


def test_a_pair_whose_agent_runs_is_not_put_back(bad, group):
    port = int(group.read_text().split('admin = "127.0.0.1:')[1].split('"')[0])
    with SQLiteStore(group.parent / "pair.db") as store, \
            socket.create_server(("127.0.0.1", port)) as server:
        version = store.write(backups(first()).to_json(), 0)

        def answers():
            one, _ = server.accept()
            with one:
                one.recv(1000)
                one.sendall(b'{"error": "outside_invariant", "message": "S1"}\n')

        thread = threading.Thread(target=answers)
        thread.start()
        assert "the agent of cup1 runs: stop both" in bad("ha", "reset", "--state", group, "--yes")
        thread.join()
        assert store.read().version == version


def test_what_cannot_be_put_back_says_what_to_do(bad, group):
    assert "has no record yet" in bad("ha", "reset", "--state", group, "--yes")
    with SQLiteStore(group.parent / "pair.db") as store:
        store.write({"epoch": "x"}, 0)
    assert "begin a new record (prgcore agent --new)" in bad("ha", "reset", "--state", group, "--yes")
    for name in ("pair.db", "pair.db-wal", "pair.db-shm"):
        (group.parent / name).unlink(missing_ok=True)
    (group.parent / "pair.db").write_bytes(b"nonsense" * 500)
    assert "is not a store" in bad("ha", "reset", "--state", group, "--yes")


@pytest.mark.parametrize("spoil", [
    lambda pair: pair | {f"{n}.state": "running_in_backup_mode" for n in NODES} | {"ha": "on"},
    lambda pair: pair | {"node1.state": "asleep"},
    lambda pair: {c: v for c, v in pair.items() if c != "ha"},
    lambda _pair: 3,
], ids=["invariant", "value", "column", "no pair"])
def test_a_state_file_is_put_back_and_keeps_its_names(run, bad, tmp_path, spoil):
    file = tmp_path / "s.json"
    assert run("ha", "init", "--group", "Sales", "--node", "cup1", "--node", "cup2", "--policy",
               "reconnection=fail", "--state", file).code == 0
    value = json.loads(file.read_text())
    file.write_text(json.dumps(value | {"pair": spoil(value["pair"])}))
    bad("ha", "status", "--state", file)
    bad("ha", "reset", "--state", file)
    answer = run("ha", "reset", "--state", file, "--yes", "--json")
    assert (answer.code, json.loads(answer.out)["pair"]) == (0, value["pair"])
    assert json.loads(file.read_text()) == value
    assert run("ha", "enable", "--state", file, "--strict").code == 0


def test_a_record_in_order_fits_and_a_spoilt_one_says_why():
    assert fits(first(), LAYOUT) == ""
    assert Record.from_json(first().to_json()) == first()
