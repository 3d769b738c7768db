"""Services as real processes: one of each, found again, stopped, and no other one touched."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from prgcore.errors import ActionFailed, BadInput
from prgcore.running import line, processes
from prgcore.running.member import LONGEST_SOCKET, Member
from prgcore.running.processes import Services, alive
from prgcore.running.service import Service
from prgcore.stores.ports import boot_clock
from tests import waits

SERVICE = Path(__file__).parent.parent / "examples" / "two_nodes" / "service.py"
SLEEP = ("sleep", "86401")
COUNTED = ("sh", "-c", "echo $$ >>../begun; exec sleep 86401")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Services in a directory, however slow the computer is; what runs in the end is killed."""
    monkeypatch.setattr(processes, "PATIENCE", 2.0 * waits.LONG)
    monkeypatch.setattr(line, "ANSWER", waits.LONG / 2)
    every = []

    def make(directory=None, home=tmp_path, **more):
        directory = directory or tmp_path / "node1"
        member = Member("node1", "cup1", directory, home, ("127.0.0.1", 1), ("127.0.0.1", 2), **more)
        every.append(Services(member))
        return every[-1]

    yield make
    for services in every:
        for name in services.member.services:
            with suppress(ActionFailed, ProcessLookupError):
                if pid := services.pid(name):
                    os.killpg(pid, signal.SIGKILL)
    for services in every:
        for process in services._processes.values():
            if process._child is not None:
                process._child.wait()


def written(services, name="a"):
    return (services.directory / f"{name}.pid").read_text()


def test_many_starts_at_once_are_one_process(made, tmp_path):
    (tmp_path / "node1").mkdir()
    services = made(home=tmp_path / "node1", services={"a": COUNTED, "b": COUNTED})
    looked, gate = [], threading.Barrier(8)

    def begin():
        gate.wait()
        services.start()
        looked.append(services.up())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looked == [True] * 8
    waits.once(lambda: waits.text(tmp_path / "begun").count("\n") >= 2)
    begun = (tmp_path / "begun").read_text().split()
    assert sorted(begun) == sorted([written(services, n).strip() for n in "ab"])


def test_another_agent_finds_what_the_first_one_left(made):
    first = made(services={"a": SLEEP})
    first.start()
    second = made(services={"a": SLEEP})
    assert second.pid("a") == first.pid("a") == int(written(first))
    second.start()
    assert second.pid("a") == int(written(first))
    second.stop()
    assert (first.pid("a"), second.pid("a"), first.up(), second.up()) == (None, None, False, False)
    second.stop()


def test_an_agent_that_is_killed_leaves_services_that_are_found(made, tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from prgcore.running import line, processes
        from prgcore.running.member import Member
        from prgcore.running.processes import Services
        processes.PATIENCE = 60
        at = Path(sys.argv[1])
        Services(Member("node1", "cup1", at / "node1", at, ("h", 1), ("h", 2),
                        services={"a": ("sleep", "86401")})).start()
        print("ok", flush=True)
        sys.stdin.read()
    """)
    agent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, start_new_session=True)
    with agent:
        assert agent.stdout.readline() == b"ok\n"
        os.killpg(agent.pid, signal.SIGKILL)  # as Ctrl-C does: whom the terminal knows
    services = made(services={"a": SLEEP})
    pid = services.pid("a")
    assert alive(pid)
    assert os.getsid(pid) == pid
    (services.directory / "a.pid").write_text("")
    assert services.pid("a") == 0, "it runs, for it holds its lock, whatever its file says"
    assert services.up()
    services.start()
    assert written(services) == "", "and is not started twice"
    (services.directory / "a.pid").write_text(f"{pid}\n")
    services.stop()
    waits.once(lambda: not alive(pid))


@pytest.mark.parametrize("text", ["", "1\n", "0\n", "-1\n", "12", "+5\n", "1 2\n", "x\n", "²\n", "9" * 5000])
def test_a_file_of_numbers_alone_is_no_service(made, text):
    services = made(services={"a": SLEEP})
    (services.directory / "a.pid").write_text(text)
    assert services.pid("a") is None
    services.stop()
    services.start()
    assert services.pid("a") == int(written(services)) > 1


def test_a_process_with_the_number_of_a_dead_service_is_left_alone(made):
    services = made(services={"a": SLEEP})
    other = subprocess.Popen(SLEEP, start_new_session=True)
    (services.directory / "a.pid").write_text(f"{other.pid}\n")
    assert services.pid("a") is None
    services.stop()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_service_whose_main_process_died_is_down_and_what_it_has_started_is_stopped(made):
    services = made(services={"a": ("sh", "-c", "sleep 86401 & echo $! >begun; exec sleep 86402")})
    services.start()
    pid = services.pid("a")
    waits.once(lambda: (services.member.home / "begun").exists()
               and (services.member.home / "begun").read_text().endswith("\n"))
    child = int((services.member.home / "begun").read_text())
    os.kill(pid, signal.SIGKILL)
    waits.once(lambda: not alive(pid))
    assert services.pid("a") is None, "though its child holds its lock"
    assert alive(child)
    services.stop()
    waits.once(lambda: not alive(child))


def test_a_service_that_does_not_listen_to_signals_is_killed_and_the_database_runs_on(made):
    deaf = Service(("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"), stop_timeout=0.3)
    services = made(services={"a": deaf, "db": Service(SLEEP)}, database="db")
    services.start()
    database = services.pid("db")
    waits.stop(services.pid("a"), group=True)
    services.stop()
    assert (services.up(), services.database_up(), services.pid("db")) == (False, True, database)


def test_a_service_that_closes_what_it_inherits_is_known_to_its_agent(made):
    services = made(services={"a": (sys.executable, "-c", textwrap.dedent("""
        import os, time
        os.closerange(3, 256)
        open("closed", "w").close()
        time.sleep(999)"""))})
    services.start()
    waits.once((services.member.home / "closed").exists)
    pid = services.pid("a")
    assert alive(pid)
    services.start()
    assert services.pid("a") == pid
    services.stop()
    assert not alive(pid)


@pytest.mark.parametrize(("command", "said"), [
    (("no-such-program",), "a: no-such-program: no such program"),
    (("./none",), "a: ./none: no such program"),
    (("/etc/passwd",), "a: /etc/passwd: no such program"),
    (("sleep", "x" * 3_000_000), "a: .*too long"),
])
def test_what_cannot_be_started_is_said(made, command, said):
    services = made(services={"a": command})
    with pytest.raises(ActionFailed, match=said) as caught:
        services.start()
    assert "\n" not in str(caught.value)
    assert services.pid("a") is None


@pytest.mark.parametrize("file", ["a.log", "a.pid", "a.lock", "serving.sock"])
def test_a_directory_in_place_of_a_file_fails_and_crashes_nothing(made, file):
    services = made(services={"a": SLEEP}, serving="a")
    (services.directory / file).mkdir()
    with pytest.raises(ActionFailed, match=f"^a: {file}: ") as caught:
        services.start()
    assert "\n" not in str(caught.value)


def test_a_signal_that_is_not_allowed_is_said(made, monkeypatch):
    services = made(services={"a": SLEEP})
    services.start()

    def refuse(pid, number):
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(processes, "PATIENCE", 0.2)
        patched.setattr(os, "killpg", refuse)
        with pytest.raises(ActionFailed, match=r"do not stop: a \(process \d+: Operation not permitted\)"):
            services.stop()
    services.stop()


def test_a_directory_that_cannot_be_made_or_a_system_without_locks_is_refused(made, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"node1\.directory: .*file/x' cannot be made: Not a directory"):
        made(tmp_path / "file" / "x", services={"a": SLEEP})
    monkeypatch.setattr(processes, "LOCKS", False)
    with pytest.raises(BadInput, match="need flock, which this system does not have"):
        made(services={"a": SLEEP})


@pytest.mark.parametrize("deep", [0, 120])
def test_the_service_that_serves_is_told_by_the_boot_clock(made, tmp_path, monkeypatch, deep):
    home = tmp_path / ("d" * deep) if deep else tmp_path
    home.mkdir(exist_ok=True)
    more = {"home": home, "services": {"a": (sys.executable, str(SERVICE))}, "serving": "a"}
    if deep:
        with pytest.raises(BadInput, match=f"more than {LONGEST_SOCKET} bytes from here; start the agent in"):
            made(home / "node1", **more)
    monkeypatch.chdir(home)
    services = made(home / "node1", **more)
    services.start()
    now = boot_clock()
    assert services.serve({"node1": 3}, now + 60)
    assert services.line.says({"ask": "node1"}) == b'{"served": true, "node": "node1", "token": 3}\n'
    assert not services.serve({}, now + 59), "it comes too late"
    assert services.serve({"node1": 3}, now + 60)
    assert not services.serve({"node1": 3}, now - 1)
    assert services.serve({}, now + 61)
    assert b"false" in services.line.says({"ask": "node1"})
    services.stop()
    assert not services.serve({}, now + 62)


def test_a_service_that_does_not_answer_has_not_started(made, monkeypatch):
    made(services={"a": SLEEP}).start()  # it has written its number before anybody is impatient
    services = made(services={"a": SLEEP}, serving="a")
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    with pytest.raises(ActionFailed, match="a does not start: it does not answer at"):
        services.start()


def test_a_service_with_a_longer_delay_is_shown_down_when_it_is_over(made, monkeypatch):
    services = made(services={"a": SLEEP, "b": SLEEP})
    services._known.patience = {"a": 1000.0}
    assert services.look().facts["services"] is False, "it never ran: nothing holds that back"
    services.start()
    assert services.look().facts["services"] is True
    os.killpg(services.pid("a"), signal.SIGKILL)
    waits.once(lambda: services.pid("a") is None)
    assert services.look().facts["services"] is True, "it may be down for a while"
    real = time.monotonic
    with monkeypatch.context() as later:
        later.setattr(processes.time, "monotonic", lambda: real() + 1001)
        assert services.look().facts["services"] is False
    services.start()
    assert services.look().facts["services"] is True
    os.killpg(services.pid("b"), signal.SIGKILL)
    waits.once(lambda: services.pid("b") is None)
    assert services.look().facts["services"] is False, "the other one has no delay of its own"
    services.stop()
    assert services.look().facts["services"] is False, "stopped on request is not held back"


@pytest.mark.parametrize("says", [b"x", b"x" * 4096])
def test_a_service_that_says_something_for_ever_does_not_answer(tmp_path, monkeypatch, says):
    """Each piece comes in time, and a whole line never: the agent must not wait for it."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.listen()

    def serves():
        with suppress(OSError):
            end, _ = server.accept()
            with end:
                while True:
                    end.sendall(says)
                    time.sleep(0.01)

    thread = threading.Thread(target=serves, daemon=True)
    thread.start()
    assert not line.Line("s").answers(0.2)
    thread.join(waits.LONG)
    assert not thread.is_alive(), "the connection has ended"
    server.close()
