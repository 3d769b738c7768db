"""Services that fail in every way, as real processes: each is seen, with its reason."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import re
import signal
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from attrs import evolve

from prgcore.errors import ActionFailed
from prgcore.running import health, line, processes
from prgcore.running.ending import Run
from prgcore.running.member import Member
from prgcore.running.process import Process
from prgcore.running.processes import Services, alive
from prgcore.running.service import Check, Restart, Service
from prgcore.running.watching import Watching
from prgcore.stores.ports import boot_clock
from tests import waits

SERVICE = Path(__file__).parent.parent / "examples" / "two_nodes" / "service.py"
SLEEP = ("sleep", "86401")
OFTEN = {"interval": 0.1, "timeout": 0.1, "fall": 3, "rise": 2}
"""Looks that are made often, and need not pass on a busy computer."""
CALM = {"interval": 1.0, "timeout": 1.0, "fall": 2, "rise": 1}
ONCE = {"interval": waits.LONG, "timeout": waits.LONG, "fall": 1}
"""Looks that a test makes itself, however long each takes."""


def run(test):
    """A test in an event loop of its own."""

    @functools.wraps(test)
    def runs(*args, **more):
        asyncio.run(test(*args, **more))

    return runs


def sh(script):
    return ("sh", "-c", script)


def python(script):
    return (sys.executable, "-c", textwrap.dedent(script))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Services in a directory, however slow the computer is; what runs in the end is killed."""
    monkeypatch.setattr(processes, "PATIENCE", 2.0 * waits.LONG)
    monkeypatch.setattr(line, "ANSWER", waits.LONG / 2)
    every = []

    def make(services, within=1e9, lasts=math.inf, **more):
        member = Member("node1", "cup1", tmp_path / "node1", tmp_path, ("127.0.0.1", 1),
                        ("127.0.0.1", 2), services=services, **more)
        every.append(Services(member, {}, dict.fromkeys(services, within), lasts))
        return every[-1]

    yield make
    for services in every:
        for process in services._processes.values():
            for pid in process.left():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if process._child is not None:
                process._child.wait()


@asynccontextmanager
async def watched(services):
    """Every list of facts that the look of a watch finds."""
    seen = []
    watching = Watching(services, seen.append)
    watching.look()
    try:
        yield seen
    finally:
        watching.end()


async def holds(seen, **facts):
    await waits.until(lambda: seen and facts.items() <= seen[-1].items())


def started(services):
    services.start()
    return services


@pytest.fixture
def begun(monkeypatch):
    """A short time-out of a start is about what comes after its process has begun."""
    begin = Process.begin

    def begins(process, environment):
        begin(process, environment)
        waits.once(lambda: process.written() or process.ended() is not None)

    monkeypatch.setattr(Process, "begin", begins)


def lines(file):
    return file.read_text().count("\n") if file.exists() else 0


def written(file):
    return file.exists() and file.read_text().endswith("\n")


# ------------------------------------------------------------------ a start of several


def slow(tmp_path, *then):
    """A service that has started once the file `go` is there, and services after it."""
    first = Service(sh("touch asked; exec sleep 86401"),
                    check=Check(command=("test", "-e", "go"), interval=60, timeout=60))
    return {"first": first, **{name: Service(SLEEP) for name in then}}


def goes_on(tmp_path):
    (tmp_path / "go").touch()


@pytest.mark.parametrize("database", ["", "second"])
@pytest.mark.parametrize("bring", [Services.start, lambda s: s.reconcile("up")], ids=["start", "reconcile"])
@run
async def test_a_service_is_not_down_while_its_turn_to_be_started_has_not_come(
        made, tmp_path, bring, database):
    """`database_down` was written to the record while the service before it was being started."""
    services = made(slow(tmp_path, "second", "third"), database=database)
    begins = asyncio.create_task(asyncio.to_thread(bring, services))
    await waits.until((tmp_path / "asked").exists)
    assert services.look().facts == {} if database else "services" not in services.look().facts
    async with watched(services) as seen:
        await waits.until(lambda: len(seen) > 2)
        goes_on(tmp_path)
        await begins
        await holds(seen, services=True, database=True)
        assert all(fact is True for facts in seen for fact in facts.values())
    services.stop()


def test_what_ran_and_ended_is_down_while_others_are_started(made, tmp_path):
    services = made(slow(tmp_path, "second"))
    services.start(("second",))
    assert services.look().facts["services"] is False, "the first one was never asked for"
    os.kill(services.pid("second"), signal.SIGKILL)
    waits.once(lambda: services.pid("second") is None)
    with services._known.awaits({"second": math.inf}):
        assert "second: it ended with signal 9" in services.look().whys["services"]


@pytest.mark.usefixtures("begun")
def test_a_start_that_fails_leaves_what_comes_after_it_down(made):
    checked = Service(SLEEP, check=Check(command=("false",), **ONCE), start_timeout=0.1)
    services = made({"first": checked, "second": Service(SLEEP)})
    with pytest.raises(ActionFailed):
        services.start()
    assert services.look().whys == {"services": "second: it does not run"}


def test_a_service_is_awaited_no_longer_than_its_own_start_may_take(made, tmp_path, monkeypatch):
    services, real = made(slow(tmp_path, "second")), time.monotonic
    with services._awaits(("second",)):
        assert "second" not in services.look().whys["services"]
        monkeypatch.setattr(processes.time, "monotonic", lambda: real() + processes.PATIENCE)
        assert "second: it does not run" in services.look().whys["services"]


def test_one_that_began_and_ended_is_down_while_the_next_is_started(made, tmp_path):
    services = made({"early": Service(SLEEP), **slow(tmp_path, "late")})
    begins = threading.Thread(target=services.start)
    begins.start()
    waits.once((tmp_path / "asked").exists)
    os.kill(services.pid("early"), signal.SIGKILL)
    waits.once(lambda: services.look().whys == {"services": "early: it ended with signal 9"})
    goes_on(tmp_path)
    begins.join()


def test_one_that_has_failed_is_down_while_the_next_is_started(made, tmp_path):
    bad = Service(sh("exit 3"), check=Check(command=("false",), **ONCE))
    services = made({"bad": bad, **slow(tmp_path)})
    with ThreadPoolExecutor() as pool:
        begins = pool.submit(services.reconcile, "up")
        waits.once((tmp_path / "asked").exists)
        assert services.look().whys == {"services": "bad: it ended with exit code 3"}
        goes_on(tmp_path)
        with pytest.raises(ActionFailed, match="bad does not start: it ended with exit code 3"):
            begins.result()


def test_a_start_that_fails_does_not_end_the_wait_of_another(made, tmp_path):
    bad = Service(sh("touch begun; while [ ! -e fail ]; do sleep 0.01; done; exit 3"),
                  check=Check(command=("false",), **ONCE))
    services = made({"bad": bad, **slow(tmp_path, "last")}, database="last")
    works, looked = services._works, threading.Event()
    services._works = lambda name: works(name) or (name == "last" and looked.set())
    with ThreadPoolExecutor() as pool:
        fails = pool.submit(services.start)
        waits.once((tmp_path / "begun").exists)
        begins = pool.submit(services.reconcile, "up")
        assert looked.wait(waits.LONG)
        time.sleep(0.05)  # it waits for the other start now
        (tmp_path / "fail").touch()
        waits.once((tmp_path / "asked").exists)
        assert services.look().whys == {"services": "bad: it ended with exit code 3"}
        goes_on(tmp_path)
        assert begins.result() == ("started first", "started last")
        assert isinstance(fails.exception(), ActionFailed)


@pytest.mark.parametrize("change", ["start", "stop"])
def test_a_look_during_which_a_service_is_started_or_stopped_says_nothing_of_it(made, change):
    services = made({"web": Service(SLEEP, restart=Restart(3, 0.0, 60.0))})
    if change == "stop":
        services.start()

    def late(process):
        pid = process.pid()
        getattr(services, change)()
        return pid

    services._pid = late
    assert services.look().facts == {"database": True}
    del services._pid
    assert services._known.began("web") is (change == "start")
    assert services.look().facts["services"] is (change == "start")
    assert services.due() == ()


def test_a_restart_that_a_start_has_overtaken_is_not_made(made):
    services = started(made({"web": Service(SLEEP, restart=Restart(3, 0.0, 60.0))}))
    services.look()
    os.kill(services.pid("web"), signal.SIGKILL)
    waits.once(lambda: services.look().whys and services.due())
    due = services._known.due

    def overtaken(now):
        names = due(now)
        if names:
            services.start()
        return names

    services._known.due = overtaken
    assert services.again() == ()
    assert services.look().facts["services"] is True


# ------------------------------------------------------------------ processes


PREFORK = """
    import os, time
    if os.fork() == 0:
        {child}
        open("child", "w").write(f"{{os.getpid()}}\\n")
        time.sleep(86405)
    time.sleep(86406)
"""


@pytest.mark.parametrize("child", ["pass", "os.setpgid(0, 0)", "os.setsid()", "os.fork() and os._exit(0)"])
@run
async def test_a_service_whose_child_holds_its_lock_is_down_and_can_be_started_again(
        made, tmp_path, child):
    services = started(made({"web": Service(python(PREFORK.format(child=child)))}))
    first = services.pid("web")
    async with watched(services) as seen:
        await holds(seen, services=True)
        await waits.until(lambda: written(tmp_path / "child"))
        left = int((tmp_path / "child").read_text())
        os.kill(first, signal.SIGKILL)
        await holds(seen, services=False)
        assert alive(left)
        (tmp_path / "child").unlink()
        await asyncio.to_thread(services.start)
        await holds(seen, services=True)
    assert not alive(left), "what was left is ended first"
    assert services.pid("web") not in (None, first)
    services.stop()


@run
async def test_a_zombie_is_down(made):
    services = made({"web": Service(SLEEP)})
    services.start()
    later = made({"web": Service(SLEEP)})  # another agent: it cannot reap the process
    pid = services.pid("web")
    os.kill(pid, signal.SIGKILL)
    waits.once(lambda: waits._stat(Path(f"/proc/{pid}/stat"))[:1] == ["Z"])
    assert later.pid("web") is None
    assert later.look().whys == {"services": "web: it does not run"}
    assert services.look().whys == {"services": "web: it ended with signal 9"}


@pytest.mark.parametrize("code", [0, 1, 127, 255])
@run
async def test_a_service_that_ends_at_once_is_down_whatever_its_exit_code(made, code, caplog):
    services = made({"web": Service(sh(f"exit {code}"))})
    with suppress(ActionFailed), caplog.at_level(logging.WARNING):
        services.start()
    async with watched(services) as seen:
        await holds(seen, services=False, database=True)
    assert [r.getMessage() for r in caplog.records] == [
        f"cup1: the services are down: web: it ended with exit code {code}"]


def test_a_process_that_has_the_number_of_a_dead_service_and_its_lock_held_is_not_the_service(
        made, tmp_path):
    """The child of a dead service holds its lock, and its number was given to somebody else."""
    services = started(made({"web": Service(sh("sleep 86401 & echo $! >child; exec sleep 86402"))}))
    waits.once(lambda: written(tmp_path / "child"))
    os.kill(services.pid("web"), signal.SIGKILL)
    waits.once(lambda: services.pid("web") is None)
    number = tmp_path / "node1" / "web.pid"
    begun = tmp_path / "node1" / "web.begun"
    boot, _, stat = begun.read_text().partition(" ")
    number.write_text(f"{os.getpid()}\n")
    begun.write_text(f"{boot} {os.getpid()} {stat.partition(' ')[2]}")
    assert made({"web": Service(SLEEP)}).pid("web") is None
    begun.write_text(f"another-boot {os.getpid()} {stat.partition(' ')[2]}")
    assert made({"web": Service(SLEEP)}).pid("web") is None


def test_a_service_that_closes_what_it_inherits_is_found_by_a_later_agent(made, tmp_path):
    services = started(made({"web": Service(python("""
        import os, time
        os.closerange(3, 256)
        open("closed", "w").write("\\n")
        time.sleep(86407)"""))}))
    waits.once(lambda: written(tmp_path / "closed"))
    later = made({"web": Service(SLEEP)})
    assert later.pid("web") == services.pid("web")
    later.stop()
    assert services.pid("web") is None


DAEMON = """
    import os, sys, time
    if os.fork(): {end}
    os.setsid()
    if os.fork(): os._exit(0)
    time.sleep({late})
    open("d.pid", "w").write(f"{{os.getpid()}}\\n/data\\n1234\\n")
    time.sleep(86408)
"""
ENDS = DAEMON.format(end="os._exit(0)", late=0)


@run
async def test_a_service_that_forks_twice_is_up_if_it_says_so(made, tmp_path):
    services = started(made({"web": Service(python(ENDS), pidfile="d.pid")}))
    pid = services.pid("web")
    assert pid == int((tmp_path / "d.pid").read_text().split()[0])
    later = made({"web": Service(python(ENDS), pidfile="d.pid")})
    assert later.pid("web") == pid
    async with watched(later) as seen:
        await holds(seen, services=True)
        os.kill(pid, signal.SIGKILL)
        await holds(seen, services=False)
    later.start()
    assert later.pid("web") not in (None, pid)
    later.stop()
    assert later.pid("web") is None


@run
async def test_a_service_that_forks_twice_and_does_not_say_so_is_down(made):
    services = started(made({"web": Service(python(ENDS))}))
    async with watched(services) as seen:
        await holds(seen, services=False)
    services.stop()


def test_a_daemon_that_is_slow_with_its_file_or_never_writes_it(made):
    started(made({"web": Service(python(DAEMON.format(end="os._exit(0)", late=0.3)), pidfile="d.pid")}))
    services = made({"web": Service(sh("exit 0"), pidfile="no.pid", start_timeout=0.3)})
    with pytest.raises(ActionFailed, match=r"^web does not start: no\.pid names no process that runs;"):
        services.start()
    services = made({"web": Service(sh("exit 3"), pidfile="no.pid")})
    with pytest.raises(ActionFailed, match=r"^web does not start: its command ended with exit code 3;"):
        services.start()


@pytest.mark.parametrize("text", ["", "\n", "0\n", "1\n", "-5\n", "x\n", "4194999\n", "9" * 5000, "\xff\n"])
def test_a_pidfile_without_a_process_is_no_service(made, tmp_path, text):
    services = made({"web": Service(("true",), pidfile="d.pid")})
    (tmp_path / "d.pid").write_text(text, "latin-1")
    assert services.pid("web") is None


def test_a_pidfile_from_before_the_last_boot_is_no_service(made, tmp_path):
    services = made({"web": Service(("true",), pidfile="d.pid")})
    (tmp_path / "d.pid").write_text(f"{os.getpid()}\n")
    assert services.pid("web") == os.getpid(), "whoever writes it says that this is the service"
    (tmp_path / "node1" / "web.daemon").write_text(f"another-boot {os.getpid()} 12345\n")
    assert services.pid("web") is None


# ------------------------------------------------------------------ checks


@run
async def test_a_service_that_hangs_and_lives_is_seen_down_and_up_again(made, caplog):
    """The issue: a stopped service was shown as well for ever."""
    services = made({"web": Service((sys.executable, str(SERVICE)),
                                    check=Check(lease=True, **CALM))}, serving="web")
    services.start()
    with caplog.at_level(logging.WARNING):
        async with watched(services) as seen:
            await holds(seen, services=True)
            waits.stop(services.pid("web"), group=True)
            await holds(seen, services=False)
            os.killpg(services.pid("web"), signal.SIGCONT)
            await holds(seen, services=True)
    down, up = [re.sub(" at its socket", "", r.getMessage()) for r in caplog.records][:2]
    assert down == "cup1: the services are down: web: the answer to its permission: no answer within 1 s"
    assert up == "cup1: the services are up again"
    services.stop()


@run
async def test_what_a_check_says_is_a_fact_while_its_process_lives(made, tmp_path):
    check = Check(command=("test", "-e", "well"), **CALM)
    services = made({"web": Service(SLEEP, check=check), "db": Service(SLEEP)}, database="db",
                    watch={"current": Check(command=("test", "-e", "current"), **CALM)})
    (tmp_path / "well").touch()
    services.start()
    async with watched(services) as seen:
        await holds(seen, services=True, database=True, current=False)
        (tmp_path / "well").unlink()
        (tmp_path / "current").touch()
        await holds(seen, services=False, database=True, current=True)
        (tmp_path / "well").touch()
        await holds(seen, services=True)


@run
async def test_nothing_is_said_of_what_is_not_known_yet(made, tmp_path):
    """A later agent finds a service that hangs: before its first looks it says nothing about it."""
    (tmp_path / "well").touch()
    service = Service(SLEEP, check=Check(command=("test", "-e", "well"), **CALM))
    started(made({"web": service}))
    (tmp_path / "well").unlink()
    async with watched(made({"web": service})) as seen:
        await holds(seen, services=False)
    assert {"database": True} in seen
    assert all(facts.get("services") is not True for facts in seen)


@run
async def test_a_check_that_hangs_holds_up_neither_the_loop_nor_another_check(made, tmp_path):
    watch = {"hangs": Check(command=SLEEP, **OFTEN), "stops": Check(command=sh("kill -STOP $$"), **OFTEN),
             "floods": Check(command=("yes",), **OFTEN), "is missing": Check(command=("./none",), **OFTEN),
             "works": Check(command=("true",), **CALM)}
    services = made({}, watch=watch)
    async with watched(services) as seen:
        await holds(seen, hangs=False, stops=False, floods=False, works=True, **{"is missing": False})
        for fact, why in (("is missing", "./none: ./none: No such file or directory"),
                          ("hangs", "sleep 86401: killed after 0.1 s")):  # or the look is late itself
            await waits.until(lambda: services.look().whys[fact].startswith(why))  # noqa: B023


@run
async def test_a_look_that_never_comes_back_counts_as_failed(made, monkeypatch):
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def never(*_):
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    monkeypatch.setattr(processes, "look", never)
    services = made({}, watch={"x": Check(command=("true",), **OFTEN)})
    async with watched(services) as seen:
        await holds(seen, x=False)
        gate.set()
    assert services.look().whys == {"x": "true: an earlier look has not ended yet"}


def test_a_service_serves_no_longer_than_a_lease_whatever_a_line_says(made):
    services = started(made({"web": Service((sys.executable, str(SERVICE)))}, serving="web", lasts=2.0))
    assert services.serve({"node1": 3}, boot_clock() + 1e9)
    waits.once(lambda: b'"served": false' in services.line.says({"ask": "node1"}))
    assert services.serve({"node1": 4}, boot_clock() + 1.9), "the forged line keeps no true one out"
    assert not services.line.says({"serve": {"node1": 5}, "until": math.nan}).startswith(b"{}")
    services.stop()


# ------------------------------------------------------------------ starting and stopping


@pytest.mark.usefixtures("begun")
def test_a_slow_start_has_its_time_and_one_that_is_too_slow_is_said(made):
    slow = Service(sh("sleep 0.5; : >well; exec sleep 86401"),
                   check=Check(command=("test", "-e", "well"), **ONCE))
    started(made({"web": slow}))
    never = evolve(slow, check=Check(command=sh("echo not yet; exit 3"), **ONCE), start_timeout=0.3)
    services = made({"other": never})
    with pytest.raises(ActionFailed, match=(
            r"^other does not start: sh -c echo not yet; exit 3: exit code 3: not yet; see other\.log$")):
        services.start()
    assert services.pid("other"), "it may still be on its way"


def test_a_service_that_dies_while_it_is_waited_for_is_said_at_once(made):
    services = made({"web": Service(sh("exit 7"), check=Check(tcp=("127.0.0.1", 1)))})
    with pytest.raises(ActionFailed, match=r"web does not start.*see web\.log"):
        services.start()


def test_a_service_that_hangs_is_ended_before_it_is_started_again(made, tmp_path):
    check = Check(command=("test", "-e", "well"), **ONCE)
    services = made({"web": Service(sh(": >well; exec sleep 86401"), check=check)})
    services.start()
    first = services.pid("web")
    asked, = services.checks()
    (tmp_path / "well").unlink()
    assert asked.note(*asked.look()) is True
    services.start()
    assert services.pid("web") not in (None, first)
    assert not alive(first)


def test_a_look_that_began_before_a_start_counts_for_nothing(made, tmp_path):
    check = Check(command=("test", "-e", "well"), **ONCE)
    services = made({"web": Service(sh(": >well; exec sleep 86401"), check=check)})
    services.start()
    asked, = services.checks()
    (tmp_path / "well").unlink()
    old = asked.look()
    services.stop()
    services.start()
    assert asked.note(*old) is False
    assert services.look().facts["services"] is True


def test_stop_uses_the_command_of_the_service_and_kills_what_stays(made, tmp_path):
    own = Service(sh("trap '' TERM; while ! test -e stop; do sleep 0.01; done"), stop=("touch", "stop"))
    deaf = Service(sh("trap '' TERM; while :; do sleep 0.01; done"), stop=("true",), stop_timeout=0.2)
    services = started(made({"own": own, "deaf": deaf}))
    numbers = [services.pid(n) for n in ("own", "deaf")]
    services.stop()
    assert (tmp_path / "stop").exists()
    assert not any(map(alive, numbers))


ELSEWHERE = Service((), ("touch", "runs"), ("rm", "-f", "runs"), check=Check(
    command=("test", "-e", "runs"), **ONCE))


@run
async def test_a_service_that_runs_elsewhere_is_what_its_check_says(made, tmp_path):
    services = made({"web": evolve(ELSEWHERE, check=evolve(ELSEWHERE.check, **CALM))})
    async with watched(services) as seen:
        await holds(seen, services=False)
        await asyncio.to_thread(services.start)
        await holds(seen, services=True)
        (tmp_path / "runs").unlink()
        await holds(seen, services=False)
        (tmp_path / "runs").touch()
        await holds(seen, services=True)
        await asyncio.to_thread(services.stop)
        await holds(seen, services=False)
    assert not (tmp_path / "runs").exists()
    assert services.reconcile("stopped") == ()
    assert services.reconcile("up") == ("started web",)
    assert services.reconcile("up") == ()


@pytest.mark.parametrize(("change", "said"), [
    ({"start": ("false",)}, "web does not start: its command ends with exit code 1; see web.log"),
    ({"start": ("no-such-program",)}, "web: no-such-program: no such program"),
    ({"start": SLEEP, "start_timeout": 0.2},
     r"web does not start: its command was killed after 0\.2 s \(start_timeout\)"),
    ({"start": ("true",), "start_timeout": 0.2}, "web does not start: test -e runs: exit code 1"),
])
def test_what_cannot_be_started_elsewhere_is_said(made, monkeypatch, change, said):
    if change["start"] == ("true",):  # it ends well, however long that takes
        wait = Run.wait
        monkeypatch.setattr(Run, "wait", lambda it, _, halts: wait(it, waits.LONG, halts))
    with pytest.raises(ActionFailed, match=said):
        made({"web": evolve(ELSEWHERE, **change)}).start()


@pytest.mark.parametrize(("change", "said"), [
    ({"stop": ("false",)}, r"web \(its command ends with exit code 1; see web\.log\)"),
    ({"stop": ("no-such-program",)}, r"web \(web: no-such-program: no such program\)"),
    ({"stop": SLEEP, "stop_timeout": 0.2}, r"its command was killed after 0\.2 s \(stop_timeout\)"),
])
def test_what_cannot_be_stopped_elsewhere_is_said_unless_it_is_down(made, tmp_path, change, said):
    services = started(made({"web": evolve(ELSEWHERE, **change)}))
    with pytest.raises(ActionFailed, match=said):
        services.stop()
    (tmp_path / "runs").unlink()
    if "stop_timeout" in change:  # nobody knows what a command that was killed has done
        with pytest.raises(ActionFailed, match=said):
            services.stop()
    else:
        services.stop()


# ------------------------------------------------------------------ restarts


@run
async def test_a_service_that_crashes_is_started_again_by_its_policy(made, tmp_path, caplog):
    services = started(made({"web": Service(SLEEP, restart=Restart(3, 0.02, 1.0))}))
    first = services.pid("web")
    with caplog.at_level(logging.WARNING):
        async with watched(services) as seen:
            await holds(seen, services=True)
            os.kill(first, signal.SIGKILL)
            await holds(seen, services=False)
            await holds(seen, services=True)
    assert services.pid("web") not in (None, first)
    assert [r.getMessage() for r in caplog.records] == [
        "cup1: the services are down: web: it ended with signal 9",
        "cup1: started web again, try 1 of 3", "cup1: the services are up again"]


@run
async def test_a_service_that_crashes_in_a_loop_is_tried_so_often_and_stays_down(
        made, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "settled", lambda failures, *_: not failures.made)  # none lives for long
    services = made({"web": Service(sh("echo $$ >>begun; exit 1"), restart=Restart(3, 0.02, 60.0))})
    services.start()
    async with watched(services) as seen:
        await waits.until(lambda: lines(tmp_path / "begun") == 4)
        await waits.until(lambda: services.next() is None and not services.due())
        await holds(seen, services=False)
    shown = [facts["services"] for facts in seen]  # the first look may come before the first crash
    assert True not in shown[shown.index(False):], "no try shows it up in between"
    assert lines(tmp_path / "begun") == 4


@run
async def test_without_a_policy_a_service_is_left_to_the_machine(made, tmp_path):
    services = started(made({"web": Service(SLEEP)}))
    os.kill(services.pid("web"), signal.SIGKILL)
    async with watched(services) as seen:
        await holds(seen, services=False)
    assert services.reconcile("up") == ()
    assert services.pid("web") is None


@run
async def test_a_service_that_was_stopped_is_not_started_again(made):
    services = started(made({"web": Service(SLEEP, restart=Restart(9, 0.01, 1.0))}))
    async with watched(services) as seen:
        await holds(seen, services=True)
        assert await asyncio.to_thread(services.reconcile, "stopped") == ("stopped web",)
        await holds(seen, services=False)
        await waits.until(lambda: len(seen) > 4)
    assert services.pid("web") is None
    assert services.reconcile("stopped") == ()
    assert services.reconcile("up") == ("started web",)
    assert services.reconcile("up") == ()


@run
async def test_no_try_begins_once_the_machine_has_decided(made):
    services = started(made({"web": Service(SLEEP, restart=Restart(9, 0.2, 1.0))}, within=0.1))
    os.kill(services.pid("web"), signal.SIGKILL)
    async with watched(services) as seen:
        await holds(seen, services=False)
        await waits.until(lambda: len(seen) > 4)
    assert services.pid("web") is None


@run
async def test_a_stop_does_not_wait_for_a_start_that_takes_long(made, tmp_path):
    services = made({"web": Service(sh("echo >begun; exec sleep 86401"),
                                    check=Check(command=("false",)))})
    start = asyncio.create_task(asyncio.to_thread(services.start))
    await waits.until((tmp_path / "begun").exists)
    await asyncio.to_thread(services.stop)
    with pytest.raises(ActionFailed, match="web does not start: it is not wanted any more"):
        await start
    assert services.pid("web") is None
