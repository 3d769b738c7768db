"""`prgcore ha` on a group that runs, `prgcore agent`, and whatever may answer in their place."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from itertools import pairwise

import pytest

from prgcore.cli import exit_code, live
from prgcore.cli.statefile import is_group
from prgcore.errors import BudgetExhausted, Conflict, Unavailable, Undecided
from prgcore.explain.status import parse
from prgcore.machine import prg
from tests import waits
from tests.agents import Group, group_file, ports
from tests.stores import LONG


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    made = Group(tmp_path_factory.mktemp("live"), silence=4)
    yield made
    made.close()


@pytest.fixture
def ha(run, group):
    def call(*words, file=None):
        command, *rest = words
        return run("ha", command, "--state", file or group.file, *rest)

    return call


def states(answer):
    (found,) = parse(answer.out).groups
    assert (found.name, [n.name for n in found.nodes]) == ("Sales", ["cup1", "cup2"])
    return [n.state for n in found.nodes]


# ------------------------------------------------------------------------- its life


def test_a_group_that_runs_is_commanded_like_one_in_a_file(run, ha, group):
    group.start("cup1")
    group.start("CUP2")
    first = ha("wait", "--seconds", LONG)
    end = time.monotonic() + LONG
    while ha("status").err:
        assert time.monotonic() < end, "no agent answers"
        time.sleep(0.1)
    assert (first.code, set(states(ha("status")))) == (0, {"unknown"})
    enabled = ha("enable", "--strict")
    assert enabled.out.startswith("Enable High Availability for Sales\nRequest SUCCESSFUL.\n")
    assert states(enabled) == ["initializing"] * 2, "as they are after the decision"
    rested = ha("wait")
    assert (rested.code, states(rested)) == (0, ["normal"] * 2)
    assert rested.out.startswith("Nothing more happens by itself.\n")

    same = run("ha", "init", "--group", "Sales", "--node", "cup1", "--node", "cup2",
               "-s", group.folder / "state.json")
    assert same.code == 0
    for words in (("enable",), ("wait",), ("recover",), ("recover", "Sales"), ("fallback", "cup2"),
                  ("status",), ("failover", "cup1")):
        there, here = ha(*words), ha(*words, file=group.folder / "state.json")
        if words not in (("enable",), ("wait",)):
            assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    assert states(ha("wait")) == ["idle", "running_in_backup_mode"]
    explained = run("explain", "-", stdin=ha("status").out)
    assert "Row " in explained.out

    told = json.loads(ha("fallback", "node1", "--json").out)
    assert (told["format"], told["group"], told["nodes"]) == (
        "prgcore-running/1", "Sales", ["cup1", "cup2"])
    assert told["answers"] == ["node1", "node2"]
    (decision,) = told["decisions"]
    assert (decision["event"], decision["outcome"], decision["rule"]) == (
        "fallback(node1)", "done", "M110@node1")
    assert decision["pair"].items() <= told["pair"].items()
    assert [f"{a['do']}({a['node']})" for a in decision["actions"]] == told["orders"][-4:]
    assert states(ha("wait")) == ["normal"] * 2


def rests(ha, node, state):
    """Wait until a node rests in this state."""
    end = time.monotonic() + LONG
    while states(ha("wait"))[node] != state:
        assert time.monotonic() < end


def test_refused_is_an_answer_unless_strict(ha, group):
    lenient, strict = ha("fallback", "cup1"), ha("fallback", "cup1", "--strict")
    assert (lenient.code, strict.code) == (0, 1)
    assert lenient.out == strict.out
    assert "Request FAILED.\n  cup1.state is normal, needs " in lenient.out
    assert ha("event", "enable_auto_fallback").out.startswith("enable_auto_fallback: done by A106\n")
    assert ha("event", "disable_auto_fallback").code == 0


def test_a_service_that_is_killed_is_waited_for_and_started(ha, group):
    subprocess.run(["kill", "-9", str(group.service("node1"))], check=True)
    rests(ha, 1, "running_in_backup_mode")  # once somebody has looked at it
    assert states(ha("status"))[0] == "failed_over_with_critical_services_not_running"
    began = ha("start", "cup1")
    assert began.out.startswith("Start Critical Services of Node > cup1\nRequest SUCCESSFUL.\n")
    rests(ha, 0, "failed_over")
    comes_home(ha, "cup1")


def comes_home(ha, node):
    """Fall back, as soon as each hears the other."""
    end = time.monotonic() + LONG
    while states(ha("wait")) != ["normal"] * 2:
        ha("fallback", node)
        assert time.monotonic() < end


def test_a_change_is_a_line_of_the_watch(ha, group):
    watching = subprocess.Popen(
        [sys.executable, "-m", "prgcore", "ha", "watch", "--state", str(group.file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = threading.Timer(LONG, watching.kill)
    limit.daemon = True
    limit.start()
    away = ("cup1: Running in Backup Mode / On Admin Request, users of cup1 and cup2 | "
            "cup2: Idle / On Admin Request")
    home = "cup1: Normal, users of cup1 | cup2: Normal, users of cup2"
    lines = _until(watching.stdout, home)
    for command, shows in (("failover", away), ("fallback", home)):
        ha(command, "cup2")
        lines += _until(watching.stdout, shows)
    watching.send_signal(signal.SIGINT)
    with watching.stdout, watching.stderr:
        lines += [line[12:].rstrip("\n") for line in watching.stdout]
        err = watching.stderr.read()
    assert (watching.wait(timeout=60), err) == (0, "")
    limit.cancel()
    assert all(one != two for one, two in pairwise(lines))
    said = json.loads(ha("watch", "--json", "--seconds", "0").out)
    assert said["claims"] == {"node1": "node1", "node2": "node2"}
    assert said["time"] > 0


def test_a_terminal_gets_a_watch_that_fits_it(group):
    terminal, end = os.openpty()
    subprocess.run(
        [sys.executable, "-m", "prgcore", "ha", "watch", "--seconds", "0", "--state", str(group.file)],
        stdout=end, stdin=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "60"}, timeout=LONG,
        check=True)
    lines = os.read(terminal, 10_000).decode().splitlines()
    os.close(end)
    os.close(terminal)
    assert len(lines) == 2
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith(" " * 12)


def _until(stream, shows):
    """The lines up to one that shows this, without their time."""
    lines = []
    for line in stream:
        assert re.match(r"\d\d:\d\d:\d\d\.\d  \S", line)
        lines.append(line[12:].rstrip("\n"))
        if lines[-1] == shows:
            return lines
    raise AssertionError(lines)


def test_a_node_that_does_not_answer_shows_nothing(ha, group, monkeypatch):
    monkeypatch.setattr("prgcore.cli.live.look.__defaults__", (1.3,))
    waits.stop(group.agents["CUP2"].pid)
    end = time.monotonic() + LONG
    while (found := ha("status")).code or states(found)[0] is None:  # in time, on a busy computer
        assert time.monotonic() < end
    assert states(found)[1] is None
    assert found.err.startswith("prgcore: cup2: the agent at 127.0.0.1:")
    assert found.err.count("\n") == 1
    while (rested := ha("wait")).code or states(rested) != ["running_in_backup_mode", None]:
        assert time.monotonic() < end
    assert "only its agent starts the services of cup2" in ha("start", "cup2").err
    group.agents["CUP2"].send_signal(signal.SIGCONT)
    rests(ha, 1, "failed_over")
    comes_home(ha, "cup2")


def test_what_happens_is_seen_and_not_told(bad, group):
    at = ("--state", group.file)
    said = bad("ha", "event", "link_cut", *at)
    assert "link_cut is not a command, and a running group observes other events itself; " in said
    assert "commands: enable_ha, " in said
    assert "takes one command at a time" in bad("ha", "event", "recover", "recover", *at)
    assert "unknown event 'link_ct'" in bad("ha", "event", "link_ct", *at)
    assert "unknown node 'cup3'" in bad("ha", "failover", "cup3", *at)
    assert "unknown node 'cup3'" in bad("ha", "start", "cup3", *at)
    assert "'Branches'" in bad("ha", "status", "Branches", *at)
    assert "is a group file" in bad("ha", "init", *at)


def test_a_second_agent_of_a_node_is_told_that_one_runs(bad, group):
    assert group.agents["cup1"].poll() is None, "else this process becomes the agent, and stays"
    said = bad("agent", group.file, "cup1")
    assert "an agent of cup1 already runs in " in said


def test_an_interrupt_ends_an_agent_and_then_nobody_answers(bad, ha, group):
    for agent in group.agents.values():
        agent.send_signal(signal.SIGINT)
    assert [agent.wait(timeout=60) for agent in group.agents.values()] == [0, 0]
    for words in (("status",), ("enable",), ("start", "cup1"), ("wait", "--seconds", "0")):
        said = bad("ha", *words, "--state", group.file)
        assert said.startswith("no node of Sales answers: cup1: no agent answers at 127.0.0.1:")
        assert "prgcore agent group.toml cup1" in said
    watched = ha("watch", "--seconds", "0")
    assert (watched.code, watched.out[12:]) == (0, "no node answers\n")
    assert json.loads(ha("watch", "--seconds", "0", "--json").out)["answers"] == []


# ------------------------------------------------------------------ who answers instead


class Liar:
    """Listens at an address and answers whatever it is told to; with `silent` it then says no more."""

    def __init__(self, *answers, silent=False):
        self.answers, self.silent = list(answers), silent
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.ends = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        with suppress(OSError):
            while True:
                end, _ = self.server.accept()
                with suppress(OSError):
                    end.recv(65536)
                    end.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                if self.silent:
                    self.ends.append(end)
                else:
                    end.close()

    def close(self):
        """End it; a thread that still accepts would take the connections of other tests."""
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for end in (self.server, *self.ends):
            end.close()


@pytest.fixture
def lies():
    """Begins liars, and ends them after the test."""
    with ExitStack() as every:
        yield lambda *answers, **more: every.enter_context(closing(Liar(*answers, **more)))


KNOWN = {c: v for c, v in prg().initial[0].items() if c != "link"}
STATUS = {"group": "Sales", "nodes": ["cup1", "cup2"], "node": "node1", "epoch": 3, "known": KNOWN,
          "peer_answers": False, "serving": {}, "claims": {}, "orders": []}


def line(value):
    return json.dumps(value).encode() + b"\n"


def status(**changes):
    return line({k: v for k, v in (STATUS | changes).items() if v != "left out"})


HOSTILE = {
    "nothing": b"", "no text": b"\xff\xfe\0\n", "no JSON": b"SSH-2.0-OpenSSH\r\n",
    "a list": b"[]\n", "deep": b"[" * 100_000 + b"\n", "huge": b"x" * (3 << 20),
    "no end": b'{"group": "Sales"', "a huge number": b'{"epoch": ' + b"9" * 5000 + b"}\n",
    "empty": b"{}\n", "another group": status(group="Branches"), "its peer": status(node="node2"),
    "no columns": status(known={}), "columns that are none": status(known=3),
    "no column of the machine": status(known=KNOWN | {"node1.mood": "fine"}),
    "no value of it": status(known=KNOWN | {"node1.state": "fine"}),
    "a list for a value": status(known=KNOWN | {"node1.state": []}),
    "no orders": status(orders=[3]), "no claims": status(claims={"node1": 3}),
    "claims of others": status(claims={"node3": "node1"}), "no epoch": status(epoch="x"),
    "half of it": status(peer_answers="left out"),
    "an error": line({"error": "unavailable", "message": "the store \x1b[31m\n is away"}),
    "an error that is none": line({"error": [], "message": {"a": 1}}),
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_whatever_answers_is_one_line(lies, bad, tmp_path, said):
    liar = lies(said)
    file = group_file(tmp_path, admin=[liar.port, *ports(1)])
    said = bad("ha", "status", "-s", file)
    assert said.startswith(("no node of Sales answers: cup1: ", "no node of Sales shows a status: cup1: "))


def test_who_is_slow_is_not_waited_for(lies, bad, tmp_path, monkeypatch):
    monkeypatch.setattr("prgcore.cli.live.look.__defaults__", (0.3,))
    liar = lies(b"{", silent=True)
    file = group_file(tmp_path, admin=[liar.port, *ports(1)])
    assert "does not answer within 0.3 s" in bad("ha", "status", "-s", file)


TOLD = {
    "away": (b"", 3, "the outcome is not known"),
    "no decision": (b"{}\n", 3, "answers recover with no decision"),
    "half a decision": (line({"entry": {"epoch": 1}}), 3, "with no decision"),
    "a state that is none": (line({"entry": {
        "epoch": 1, "time": 0, "event": "recover", "outcome": "done", "before": {},
        "after": {"node1.state": "fine", "node1.process": "running"}}}), 3, "with no decision"),
    "undecided": (line({"error": "undecided", "message": "it hangs"}), 3, "it hangs; ask again"),
    "conflict": (line({"error": "conflict", "message": "others write"}), 3, "others write"),
    "the store is away": (line({"error": "unavailable", "message": "away"}), 3, "away; see prgcore ha"),
    "impossible": (line({"error": "impossible_event", "message": "no way"}), 1, "no way"),
    "outside": (line({"error": "outside_invariant", "message": "S1"}), 1, "S1"),
    "what it cannot read": (line({"error": "bad_input", "message": "what?"}), 2, "what?"),
    "some other error": (line({"error": "mood", "message": "bad\n\x07"}), 2, "bad \\x07"),
}


@pytest.mark.parametrize(("said", "code", "told"), TOLD.values(), ids=TOLD)
def test_what_becomes_of_a_command_is_said_or_said_to_be_unknown(lies, bad, tmp_path, said, code, told):
    liar = lies(status(), said)
    file = group_file(tmp_path, admin=[liar.port, *ports(1)])
    with_remark = _two_lines(bad, code, "ha", "recover", "-s", file)
    assert told in with_remark


def _two_lines(bad, code, *words):
    """The remark about the node that does not answer goes before the one line of complaint."""
    run = bad.__closure__[0].cell_contents
    answer = run(*words)
    assert (answer.code, answer.out) == (code, "")
    remark, complaint = answer.err.splitlines()
    assert remark.startswith("prgcore: cup2: no agent answers at ")
    assert complaint.isprintable()
    return complaint


def test_services_that_do_not_start_are_an_answer(lies, bad, tmp_path):
    liar = lies(status(), line({"error": "action_failed", "message": "presence: no such program"}))
    file = group_file(tmp_path, admin=[liar.port, *ports(1)])
    assert "presence: no such program" in bad("ha", "start", "cup1", "-s", file, code=1)


def test_a_pair_that_moves_is_not_at_rest(lies, run, tmp_path):
    moving = KNOWN | {"ha": "on", "node1.state": "taking_over", "node1.process": "running"}
    for changes, why in (
        ({"known": moving}, "cup1 is Taking Over"),
        ({"orders": ["move_users(node1)"]}, "cup1 still has to do move_users(cup1)"),
        ({"known": KNOWN | {"node1.hears_peer": "yes"}}, "cup1 still hears cup2"),
    ):
        liar = lies(status(**changes))
        file = group_file(tmp_path, admin=[liar.port, *ports(1)])
        answer = run("ha", "wait", "--seconds", "0", "-s", file)
        assert answer.code == 3
        assert f"Not at rest after 0 s: {why}" in " ".join(answer.out.split())


# ----------------------------------------------------------------------- group files


def test_a_group_file_is_known_by_its_name_or_by_what_it_holds(tmp_path):
    file = group_file(tmp_path)
    other = tmp_path / "group.conf"
    shutil.copy(file, other)
    assert is_group(file)
    assert is_group(other)
    for data in (b"", b"{}", b"store", b"store = ", b"\xffstore", b"store = 1", b"[" * 9999 + b"store"):
        other.write_bytes(data)
        assert not is_group(other)
    assert not is_group(tmp_path)
    assert not is_group(tmp_path / "none.json")


WRONG = {
    "not there": (None, "cannot read"),
    "no text": (b"\xff\xfe", "is not text"),
    "no TOML": (b"group = ", "not TOML"),
    "huge": (b"#" * (16 * (1 << 20) + 1), "larger than 16 MB"),
    "nothing": (b"", "group is missing"),
    "a wrong key": (b"grup = 1", "unknown key 'grup'; did you mean group"),
    "a name of two words": (b'group="A B"\nstore="sqlite:x"\n[node1]\n[node2]\n', "group 'A B'"),
    "one name": (b'group="A"\nstore="sqlite:x"\n[node1]\nname="a"\n[node2]\nname="A"\n',
                 "both nodes are called"),
    "a lease too long": (
        b'group="A"\nstore="sqlite:x"\nlease={lasts=9}\n[node1]\n[node2]\n', "(T10)"),
    "no store": (b'group="A"\nstore="postgres:x"\n[node1]\n[node2]\n', "sqlite:FILE or etcd:URL"),
}


@pytest.mark.parametrize(("data", "said"), WRONG.values(), ids=WRONG)
def test_a_group_file_that_is_wrong_is_one_line(bad, tmp_path, data, said):
    file = tmp_path / "group.toml"
    if data is not None:
        file.write_bytes(data)
    assert said in bad("agent", file, "node1")
    if said != "sqlite:FILE or etcd:URL":
        assert said in bad("ha", "status", "-s", file)


def test_an_agent_of_a_node_that_is_not_there_does_not_start(bad, tmp_path):
    file = group_file(tmp_path)
    assert "unknown node 'cup3'; the nodes are cup1 (node1)" in bad("agent", file, "cup3")
    assert "NODE is missing" in bad("agent", file)
    file.write_text(file.read_text().replace("sqlite:pair.db", "etcd:pair.db"))
    assert "is not an address of etcd" in bad("agent", file, "cup1")


def test_the_help_of_the_agent_holds_a_group_file(run, tmp_path):
    page = run("agent", "--help").out
    assert max(map(len, page.splitlines())) <= 80
    text = page.partition("group = ")[2].partition("Example:")[0]
    file = tmp_path / "group.toml"
    file.write_text("group = " + "\n".join(one.strip() for one in text.splitlines()))
    assert "unknown node 'cup3'" in run("agent", file, "cup3").err


def test_questions_that_make_no_sense_are_one_line(lies, bad, tmp_path):
    liar = lies(status())
    file = group_file(tmp_path, admin=[liar.port, *ports(1)])
    assert "- is not a group file" in bad("agent", "-", "cup1", stdin="x")
    for command in ("wait", "watch"):
        said = bad("ha", command, "--seconds", "nan", "-s", file)
        assert "--seconds nan: expected a number of seconds" in said
    said = _two_lines(bad, 2, "ha", "failover", "nobody", "-s", file)
    for name in ("'nobody'", "cup1", "cup2", "node1", "node2"):
        assert name in said


def test_exit_codes_say_unknown_where_it_is():
    assert [exit_code(e) for e in (
        Undecided("", ()), Conflict(""), BudgetExhausted(""), Unavailable(""))] == [3, 3, 3, 2]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("wall", [-1.0, -1e18, 253_402_300_799.5, 1e18, float("nan"), float("inf")])
def test_a_watcher_has_a_clock_of_any_year(monkeypatch, wall, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        when = live._when(wall)
        assert when.tzinfo is not None
        assert 1969 <= when.year <= 9999
        when.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()
