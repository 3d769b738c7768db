"""`agent --init`, `agent --check`, what systemd gets, and a group file that is read again."""

from __future__ import annotations

import asyncio
import shutil
import socket
import stat
import subprocess
import time
from configparser import ConfigParser
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve

from prgcore.cli import agent
from prgcore.cli.hosting import unit
from prgcore.running.group import read_group
from prgcore.running.reloading import reloaded
from prgcore.running.systemd import SIGNS, Manager
from prgcore.template import active_standby
from prgcore.wire.machine_file import dumps
from tests.agents import group_file, ports
from tests.certificates import Authority

# ------------------------------------------------------------------------------ --init


def made(run, tmp_path):
    answer = run("agent", "--init", tmp_path / "mine")
    assert (answer.code, answer.err) == (0, "")
    file = tmp_path / "mine" / "group.toml"
    text = file.read_text()
    for old, new in zip((22001, 20075, 22002, 20076), ports(4), strict=True):
        text = text.replace(f":{old}", f":{new}")
    file.write_text(text)
    return file, answer.out


def test_what_is_written_can_run_at_once(run, tmp_path):
    file, said = made(run, tmp_path)
    assert sorted(p.name for p in file.parent.iterdir()) == [
        "group.toml", "pair.key", "prgcore@.service"]
    assert stat.S_IMODE((file.parent / "pair.key").stat().st_mode) == 0o600
    group = read_group(file)
    assert [node.name for node in group.nodes.values()] == ["one", "two"]
    assert "prgcore agent --check group.toml" in said
    assert max(len(line) for line in said.splitlines() if str(tmp_path) not in line) <= 80
    answer = run("agent", "--check", file)
    assert (answer.code, answer.err) == (0, "")
    assert "error" not in answer.out
    assert not (file.parent / "pair.db").exists(), "a check writes nothing"


def test_every_hook_of_the_file_can_be_taken_in(run, tmp_path):
    """The lines that are comments are right too."""
    file, _ = made(run, tmp_path)
    text = file.read_text()
    for name in ("promote", "demote", "fence", "role", "self_fence", "notify"):
        assert f"# {name} = " in text
        text = text.replace(f"# {name} = ", f"{name} = ")
    (file.parent / "machine.json").write_text(dumps(active_standby.MACHINE))
    file.write_text(text)
    assert read_group(file).nodes["node1"].hooks.promote.command == ("./promote.sh",)
    answer = run("agent", "--check", file)
    assert answer.code == 1
    assert "node1.hooks.promote: './promote.sh' is not there" in answer.out


def test_nothing_is_overwritten(run, bad, tmp_path):
    made(run, tmp_path)
    assert "not empty" in bad("agent", "--init", tmp_path / "mine")
    (tmp_path / "file").write_text("")
    assert "no directory" in bad("agent", "--init", tmp_path / "file")


@pytest.mark.parametrize("words", [
    ("agent",), ("agent", "--check"), ("agent", "group.toml"), ("agent", "x.toml", "--init", "y"),
    ("agent", "--init", "y", "--check"), ("agent", "x.toml", "--check", "--new"), ("agent", "-", "one"),
])
def test_a_command_line_that_makes_no_sense_is_one_line(bad, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    group_file(tmp_path)
    assert bad(*words)
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("name", ["plain", "with space", "100%", "it's", 'a"b', "back\\slash", "$HOME"])
def test_a_unit_is_what_systemd_reads(name, tmp_path):
    where = tmp_path / name
    where.mkdir()
    text = unit(where)
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read_string(text)
    service = parsed["Service"]
    assert (service["Type"], service["KillMode"], service["Restart"]) == ("notify", "process", "always")
    assert service["WorkingDirectory"] == str(where).replace("%", "%%")
    assert "@" not in service["ExecStart"].replace("%i", "")
    if shutil.which("systemd-analyze"):
        file = tmp_path / "prgcore@one.service"
        file.write_text(text)
        found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(file)], text=True,
                               capture_output=True, check=False)
        about_it = [line for line in found.stderr.splitlines() if "prgcore@" in line]
        assert about_it == []


# ----------------------------------------------------------------------------- --check


def check(run, file, *node):
    answer = run("agent", file, *node, "--check")
    assert answer.err == ""
    lines = answer.out.splitlines()
    assert all(line.isprintable() for line in lines)
    return answer.code, lines


def says(lines, *words):
    return any(all(word in line for word in words) for line in lines)


def edited(tmp_path, old, new, count=1):
    file = group_file(tmp_path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))
    (tmp_path / "service.py").touch()
    return file


@pytest.mark.parametrize(("more", "words"), [
    ('[node1.services.x]\ncommand = ["no-such-program"]', ("node1.services.x", "not a program")),
    ('[node1.services.x]\ncommand = ["./gone"]', ("'./gone' is not there",)),
    ('[node1.services.x]\ncommand = ["./plain"]', ("cannot be executed; chmod +x it",)),
    ('[node1.services.x]\ncommand = ["./folder"]', ("is not a program",)),
    ('[node1.services.x]\ncommand = ["true"]\ncheck = {command = ["./gone"]}', ("services.x.check",)),
    ('[node1.services.x]\nstart = ["./gone"]\nstop = ["true"]\ncheck = {command = ["true"]}',
     ("node1.services.x",)),
    ('[hooks]\npromote = ["./gone"]', ("node2.hooks.promote", "not there")),
    ('[node1.hooks]\nself_fence = ["./plain"]', ("node1.hooks.self_fence", "chmod +x")),
])
def test_a_program_that_is_not_there_is_an_error(run, tmp_path, more, words):
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "folder").mkdir()
    file = edited(tmp_path, "services = { presence = ", "services.presence = ", 2)
    text = file.read_text().replace('"service.py"] }', '"service.py"]')
    file.write_text(text.replace("[node2]", more + "\n[node2]"))
    code, lines = check(run, file)
    assert code == 1
    assert says(lines, "error: ", *words)


def test_addresses_are_tried(run, tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        file = group_file(tmp_path, service=(taken.getsockname()[1], ports(1)[0]))
        code, lines = check(run, file)
    assert code == 1
    assert says(lines, "error: node1.service", "is taken")
    assert not says(lines, "node2.service")


def test_a_node_of_another_computer_is_checked_there(run, tmp_path):
    file = group_file(tmp_path)
    key = tmp_path / "pair.key"
    key.write_text("0123456789abcdef" * 4 + "\n")
    key.chmod(0o600)
    text = file.read_text().replace("off = true", 'key = "pair.key"')
    one, two = text.split("[node2]")
    file.write_text(one + "[node2]" + two.replace("127.0.0.1:", "192.0.2.9:"))
    code, lines = check(run, file)
    assert says(lines, "note: cup2: its addresses are of another computer")
    assert code == 0
    code, lines = check(run, file, "cup2")
    assert code == 1
    assert says(lines, "error: node2.service", "not an address of this computer")
    key.chmod(0o644)
    code, lines = check(run, file)
    assert code == 1
    assert says(lines, "error", "chmod 600")


def test_a_store_that_is_away_or_is_something_else_is_an_error(run, tmp_path):
    file = edited(tmp_path, "sqlite:pair.db", "sqlite:no/such/pair.db")
    assert says(check(run, file)[1], "error: store: cannot open")
    assert not (tmp_path / "no").exists()
    (tmp_path / "other.db").write_text("this is no database " * 100)
    file = edited(tmp_path, "sqlite:pair.db", "sqlite:other.db")
    code, lines = check(run, file)
    assert code == 1
    assert says(lines, "error: store")


def test_hooks_that_stand_alone_are_doubts(run, tmp_path):
    file = group_file(tmp_path)
    file.write_text(file.read_text() + '[hooks]\npromote = ["true"]\n')
    code, lines = check(run, file)
    assert code == 0
    assert says(lines, "doubt: node1.hooks: there is promote and no demote")
    assert says(lines, "doubt: node1.hooks: role is missing")


def test_certificates_are_read_as_an_agent_reads_them(run, tmp_path):
    authority = Authority(tmp_path)
    authority.signs("node1", "cup1")
    _, key = authority.signs("node2", "cup2")
    file = group_file(
        tmp_path, security='{tls = {ca = "ca.pem", certificate = "{node}.pem", key = "{node}.key"}}')
    assert check(run, file)[0] == 0
    key.chmod(0o644)
    code, lines = check(run, file)
    assert code == 1
    assert says(lines, "error: cup2: security.tls.key is expected in ", "chmod 600 it")
    assert check(run, file, "cup1")[0] == 0
    (tmp_path / "ca.pem").write_text("no certificate")
    assert says(check(run, file, "cup1")[1], "error: cup1: security.tls.ca: ")


def test_an_address_of_an_agent_can_be_opened_as_it_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(agent, "BEGUN", 0)
    member = SimpleNamespace(name="cup1", seat="node1", service=("::1", 22001), admin=("::1", 20075))
    asyncio.run(agent._run(SimpleNamespace(
        stop=None, reload=None, member=member, group=SimpleNamespace(name="Sales"),
        web=SimpleNamespace(), run=partial(asyncio.sleep, 0.01))))
    said = " ".join(capsys.readouterr().err.split())
    assert "heartbeats at [::1]:22001, administrator at http://[::1]:20075" in said


def test_a_wrong_file_and_an_unknown_node_are_one_line(bad, tmp_path):
    file = group_file(tmp_path)
    assert "cup3" in bad("agent", file, "cup3", "--check")
    file.write_text("group = 7")
    assert "group.toml" in bad("agent", file, "--check")


# ----------------------------------------------------------------------------- systemd


@pytest.fixture
def bus(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "bus"))
        end.setblocking(False)
        yield end


def heard(bus):
    found = []
    try:
        while True:
            found.append(bus.recv(4096).decode())
    except BlockingIOError:
        return found


def test_the_manager_hears_of_turns_and_of_nothing_else(bus, tmp_path):
    around = {"NOTIFY_SOCKET": str(tmp_path / "bus"), "WATCHDOG_USEC": "8000000", "HOME": "/"}
    manager = Manager(around)
    assert around == {"HOME": "/"}, "its children must not speak for it"
    assert (bool(manager), manager.patience) == (True, 8.0)
    assert heard(bus) == []
    manager.lives(100.0)
    manager.lives(100.1)
    assert heard(bus) == ["READY=1", "WATCHDOG=1"]
    manager.lives(100.0 + 8.0 / SIGNS)
    assert heard(bus) == ["WATCHDOG=1"]
    manager.status("it\nwaits")
    manager.status("it waits")
    assert heard(bus) == ["STATUS=it waits"]
    manager.reloading()
    (said,) = heard(bus)
    assert said.startswith("RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("around", [
    {}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/no/such"}, {"NOTIFY_SOCKET": "@nobody"},
    {"NOTIFY_SOCKET": "x" * 500}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9" * 40},
    {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
])
def test_a_manager_that_is_not_there_is_no_trouble(around):
    manager = Manager(dict(around))
    manager.lives(time.monotonic())
    manager.status("x")
    manager.says("STOPPING=1")
    assert manager.patience == 0.0


def test_a_socket_that_is_full_holds_up_nothing(bus, tmp_path):
    manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "bus")})
    for number in range(5000):
        manager.status(str(number))


# -------------------------------------------------------------------------- read again


BASE = """
[hooks]
promote = ["true"]
[limits]
connections = 50
"""


def groups(tmp_path, *changes):
    """A group, and the same after its file was edited."""
    file = group_file(tmp_path)
    text = file.read_text().replace("services = { presence = ", "services.presence.command = ")
    text = text.replace('"service.py"] }', '"service.py"]') + BASE
    file.write_text(text)
    old = read_group(file)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file.write_text(text)
    return old, read_group(file)


CHECK = 'services.presence.check = {lease = true, fall = 7}\nserving = "presence"'
KEEPS = [
    (("critical_service_delay = 0.6", "critical_service_delay = 2"),
     "parameters.critical_service_delay", lambda g: g.parameters.critical_service_delay == 2),
    (('promote = ["true"]', 'promote = ["false"]'), "node1.hooks.promote",
     lambda g: g.nodes["node1"].hooks.promote.command == ("false",)),
    (('promote = ["true"]', 'promote = ["true"]\nnotify = ["true"]'), "node1.hooks.notify",
     lambda g: g.nodes["node1"].hooks.notify is not None),
    (('promote = ["true"]', ""), "node1.hooks.promote",
     lambda g: g.nodes["node1"].hooks.promote is None),
    (("connections = 50", "connections = 60"), "limits", lambda g: g.limits.connections == 60),
    (('group = "Sales"', 'group = "Sales"\nreconcile = 7'), "reconcile", lambda g: g.reconcile == 7),
    (('serving = "presence"', CHECK), "node1.services.presence.check",
     lambda g: g.nodes["node1"].services["presence"].check.fall == 7),
    (('serving = "presence"', 'services.presence.restart = {tries = 5}\nserving = "presence"'),
     "node1.services.presence.restart",
     lambda g: g.nodes["node1"].services["presence"].restart.tries == 5),
    (("off = true", 'off = true, commands_from = ["127.0.0.1"]'), "security.commands_from",
     lambda g: len(g.security.commands_from) == 1),
    (("pause = 0.1", "pause = 0.1\ndrift = 0"), "lease.drift", lambda g: g.lease.drift == 0),
]


@pytest.mark.parametrize(("change", "name", "holds"), KEEPS, ids=[k[1] for k in KEEPS])
def test_what_can_change_without_a_restart_does(tmp_path, change, name, holds):
    old, new = groups(tmp_path, change)
    found = reloaded(old, new, "node1")
    assert found.taken == (name,)
    assert (found.adopted, found.left) == ((), ())
    assert holds(found.group)
    (said,) = found.says("cup1")
    assert name in said


@pytest.mark.parametrize(("change", "name"), [
    (("keep_alive_interval = 0.1", "keep_alive_interval = 0.2"), "keep_alive_interval"),
    (("lasts = 0.6", "lasts = 0.5"), "lease"), (("grant = 2", "grant = 3"), "grant"),
    (("[parameters]", '[policy]\nreconnection = "keep_serving"\n[parameters]'), "machine"),
])
def test_a_term_needs_adopt(tmp_path, change, name):
    old, new = groups(tmp_path, change)
    found = reloaded(old, new, "node1")
    assert (found.taken, found.adopted, found.left) == ((), (name,), ())
    assert found.group == old
    assert "start it with --adopt" in next(found.says("cup1"))


@pytest.mark.parametrize(("change", "name"), [
    (('group = "Sales"', 'group = "Else"'), "group"), (("sqlite:pair.db", "sqlite:other.db"), "store"),
    (('name = "cup1"', 'name = "cup7"'), "node1.name"),
    (('name = "cup2"', 'name = "cup7"'), "node2.name"),
    (('name = "cup1"', 'name = "cup1"\ndirectory = "else"'), "node1.directory"),
    (('"service.py"]', '"service.py", "x"]'), "node1.services.presence.command"),
    (('serving = "presence"', 'serving = "presence"\nservices.x.command = ["true"]'),
     "node1.services.x"),
])
def test_what_needs_a_restart_is_named_and_not_taken(tmp_path, change, name):
    old, new = groups(tmp_path, change)
    found = reloaded(old, new, "node1")
    assert (found.taken, found.adopted, found.left) == ((), (), (name,))
    assert found.group == old
    assert f"not taken: {name}; stop cup1" in next(found.says("cup1"))


def test_a_mixed_change_is_taken_in_part(tmp_path):
    old, new = groups(tmp_path, KEEPS[0][0], ("grant = 2", "grant = 3"), ("connections = 50", ""),
                      ('name = "cup1"', 'name = "cup1"\ndirectory = "else"'))
    found = reloaded(old, new, "node1")
    assert found.taken == ("parameters.critical_service_delay", "limits")
    assert (found.adopted, found.left) == (("grant",), ("node1.directory",))
    assert evolve(found.group, parameters=old.parameters, limits=old.limits) == old
    assert len(list(found.says("cup1"))) == 3


def test_a_change_of_the_other_node_alone_is_nothing(tmp_path):
    old, new = groups(tmp_path)
    new = evolve(new, nodes={**new.nodes, "node2": evolve(new.nodes["node2"], directory=Path("else"))})
    found = reloaded(old, new, "node1")
    assert list(found.says("cup1")) == ["group.toml was read again: nothing has changed"]
