"""Commands as real processes: their end, their output, what they leave, however many files are open."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from prgcore.running.checks import look
from prgcore.running.commands import Ended, Output, run_command
from prgcore.running.hooks import Facts, Hook, run
from prgcore.running.processes import alive
from prgcore.running.service import Check
from tests.waits import LONG, once

MANY = 1024
"""How many files `select` can wait for."""


def sh(text, seconds=LONG, output=None, **more):
    return run_command(("sh", "-c", text), seconds, home=None, environment=os.environ,
                       output=output or Output(0, 400), **more)


@pytest.fixture
def many_files():
    """More open files than `select` can wait for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * MANY:
        pytest.skip(f"a process may open {hard} files at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    with ExitStack() as opened:
        last = [opened.enter_context(Path(os.devnull).open()) for _ in range(MANY + 1)][-1]
        assert last.fileno() >= MANY
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_check_works_however_many_files_are_open(tmp_path):
    def asks(text):
        check = Check(command=("sh", "-c", text), timeout=LONG)
        return look(check, tmp_path, os.environ, lambda _: False)

    assert asks("echo fine").well
    assert asks("echo no; exit 3").why == "exit code 3: no"


@pytest.mark.usefixtures("many_files")
def test_a_hook_works_however_many_files_are_open():
    ran = run(Hook(("sh", "-c", "echo fine"), LONG), Facts("node1", "node2"))
    assert (ran.why, ran.output) == ("", "fine\n")


@pytest.mark.parametrize(("text", "code"), [
    ("exit 0", 0), ("exit 255", 255), ("kill -9 $$", -9), ("kill -TERM $$", -15),
    ("exec >&- 2>&-; exit 7", 7), ("exec <&- >&- 2>&-; sleep 0.1; exit 7", 7),
])
def test_its_exit_code_or_signal_is_told(text, code):
    assert sh(text) == Ended(code)


def test_one_that_takes_too_long_is_killed_and_so_is_one_that_is_not_wanted():
    assert sh("exec sleep 86410", 0.3) == Ended(None)
    assert sh("exec sleep 86410", ends=lambda: True) == Ended(None, halted=True)


def test_what_it_has_printed_is_kept_when_it_is_killed():
    output = Output(0, 400)
    assert sh("echo so far; exec sleep 86410", output=output, ends=lambda: bool(str(output))) == Ended(
        None, "so far\n", halted=True)


@pytest.mark.parametrize(("text", "daemons", "lives"), [
    ("exit 0", True, True), ("exit 0", False, False), ("exit 1", True, False),
])
def test_what_it_leaves_running(text, daemons, lives, tmp_path):
    sh(f"sleep 86411 & echo $! >{tmp_path}/pid; {text}", daemons=daemons)
    pid = int((tmp_path / "pid").read_text())
    if lives:
        assert alive(pid)
        os.kill(pid, signal.SIGKILL)
    once(lambda: not alive(pid))


def test_it_reads_its_line_or_does_not():
    assert sh("cat", line=b"facts\n").output == "facts\n"
    assert sh("exec <&-; echo deaf", line=b"x" * 60_000).output == "deaf\n"
    assert sh("cat").output == ""


def test_its_number_is_known_while_it_runs():
    known = []
    ended = sh("read -r word; echo $$", line=b"go\n",
               begun=lambda pid: known.append((pid, alive(pid))))
    assert known == [(int(ended.output), True)]


def test_one_that_breaks_its_caller_is_killed(tmp_path):
    def breaks(pid):
        (tmp_path / "pid").write_text(str(pid))
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        sh("exec sleep 86412", begun=breaks)
    assert not alive(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("kept", "shown"), [
    ((400, 400), "abcdefgh"), ((4, 4), "abcdefgh"), ((2, 3), "ab\n… 3 bytes …\nfgh"), ((0, 3), "fgh"),
])
def test_an_output_is_cut_in_its_middle_or_at_its_beginning(kept, shown):
    whole, parts = Output(*kept), Output(*kept)
    whole.take(b"abcdefgh")
    for one in (b"a", b"bcd", b"", b"efg", b"h"):
        parts.take(one)
    assert (str(whole), str(parts)) == (shown, shown)
