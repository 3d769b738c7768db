"""A real agent reads its group file again at SIGHUP, and speaks to the service manager."""

from __future__ import annotations

import re
import signal
import socket

import pytest

from tests.agents import CALM, Group
from tests.test_agent import status, until, well
from tests.test_hooks_live import HOOK, ran

LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")
"""How a line of the log begins."""


@pytest.fixture
def bus(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "bus"))
        end.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "bus"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield end


@pytest.fixture
def group(tmp_path):
    made = Group(tmp_path, silence=CALM)
    (tmp_path / "hook").write_text(HOOK)
    (tmp_path / "hook").chmod(0o755)
    yield made
    made.close()


class Heard:
    """All that an agent has said to the service manager."""

    def __init__(self, bus):
        self.bus, self.said = bus, []

    def __contains__(self, start):
        try:
            while True:
                self.said.append(self.bus.recv(4096).decode())
        except BlockingIOError:
            return any(line.startswith(start) for line in self.said)


def changes(group, *pairs):
    text = group.file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    group.file.write_text(text)
    group.agents["cup1"].send_signal(signal.SIGHUP)


def test_the_manager_is_told_of_the_life_of_an_agent(bus, group):
    heard = Heard(bus)
    group.start("cup1")
    until(lambda: "READY=1" in heard)
    until(lambda: "WATCHDOG=1" in heard)
    until(lambda: "STATUS=" in heard and any("serves node1" in line for line in heard.said))
    heard.said.clear()
    group.agents["cup1"].send_signal(signal.SIGHUP)
    until(lambda: "READY=1" in heard)
    assert next(line for line in heard.said if line[:4] in ("RELO", "READ")).startswith("RELOADING=1")
    assert "node1" not in str([line for line in heard.said if "NOTIFY" in line])
    heard.said.clear()
    group.agents["cup1"].send_signal(signal.SIGSTOP)
    while "WATCHDOG=1" in heard:  # what was on its way
        heard.said.clear()
    heard.said.clear()
    group.agents["cup1"].send_signal(signal.SIGCONT)
    until(lambda: "WATCHDOG=1" in heard)
    group.agents["cup1"].send_signal(signal.SIGTERM)
    until(lambda: "STOPPING=1" in heard)
    assert group.agents["cup1"].wait(timeout=60) == 0


def test_a_file_that_has_changed_is_taken_in_part_and_the_log_says_so(group):
    group.file.write_text(group.file.read_text() + "\n[hooks]\n")
    group.start("cup1")
    until(lambda: well(group))
    changes(group, ("[hooks]", '[hooks]\nnotify = ["./hook"]'),
            ("critical_service_delay = 0.6", "critical_service_delay = 0.9"),
            ("grant = 2", "grant = 3"), ('name = "cup1"', 'name = "cup1"\ndirectory = "else"'))
    until(lambda: "stop cup1, and start it again" in group.said("cup1"))
    said = group.said("cup1")
    assert "now holds: parameters.critical_service_delay, node1.hooks.notify" in said
    assert "not taken: grant; both agents must share that" in said
    assert "not taken: node1.directory; stop cup1" in said
    changes(group, ("grant = 3", "grant = 2"), ('\ndirectory = "else"', ""))
    group.start("cup2")
    until(lambda: well(group, "node2"))
    until(lambda: group.ask("node1", do="tell", event="enable_ha").get("entry"))
    until(lambda: "initializing" in [n["state"] for n in ran(group, "node1", "notify")])


@pytest.mark.parametrize("text", ["", "group = ", "group = 7", "\0", "[hooks]\npromote = 7\n"])
def test_a_wrong_file_changes_nothing_and_is_one_line(group, text):
    group.start("cup1")
    until(lambda: well(group))
    before = group.file.read_text()
    group.file.write_text(text + before if text.startswith("[") else text)
    group.agents["cup1"].send_signal(signal.SIGHUP)
    until(lambda: "nothing has changed: " in group.said("cup1"))
    group.file.write_text(before)
    until(lambda: well(group))
    ((at, *_),) = [number for number in enumerate(group.said("cup1").splitlines())
                   if "nothing has changed: " in number[1]]
    assert all(LOGGED.match(line) for line in group.said("cup1").splitlines()[at:]), "it is one line"
    group.agents["cup1"].send_signal(signal.SIGHUP)
    until(lambda: "was read again: nothing has changed" in group.said("cup1"))


def services(group):
    return status(group).get("known", {}).get("node1.services")


def test_a_check_that_has_changed_is_asked_from_then_on(group):
    text = group.file.read_text()
    group.file.write_text(text.replace("services = { presence = ", "services.presence.command = ", 1)
                          .replace('"service.py"] }', '"service.py"]\nservices.presence.check = {'
                                   'command = ["true"], interval = 0.1, timeout = 0.1}', 1))
    group.start("cup1")
    until(lambda: well(group))
    until(lambda: services(group) == "up")
    changes(group, ('command = ["true"]', 'command = ["false"]'))
    until(lambda: "node1.services.presence.check" in group.said("cup1"))
    until(lambda: services(group) == "down")
    changes(group, ('command = ["false"]', 'command = ["true"]'))
    until(lambda: services(group) == "up")


def test_a_check_beside_a_running_agent_compares_terms_and_touches_nothing(group, run):
    group.start("cup1")
    until(lambda: well(group))
    answer = run("agent", group.file, "cup1", "--check")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("the agent runs") == 2
    assert "its addresses" not in answer.out
    group.file.write_text(group.file.read_text().replace("grant = 2", "grant = 3"))
    answer = run("agent", group.file, "--check")
    assert answer.code == 1
    assert "error: terms: grant is 3 s here, and the record has 2 s; write that, or start" in answer.out
    until(lambda: well(group))
