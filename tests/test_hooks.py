"""Hooks as real processes: whatever they do, the agent goes on, and knows how it went."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from prgcore.errors import BadInput
from prgcore.running.group import read_group
from prgcore.running.hooks import LONGEST, NAMES, Facts, Hook, Hooks, Ran, read, role_of, run, tried
from prgcore.running.processes import alive
from tests.agents import group_file
from tests.waits import LONG, once

FACTS = Facts(
    "node1", "node2", "cup1", "cup2", "Sales", "normal", "none", "takeover_completed(node1)",
    "M304@node1", "it serves", 7, "", ("node1", "node2"), "primary")


def sh(text, **more):
    return Hook(("sh", "-c", text), **{"timeout": LONG, "name": "promote", **more})


def test_a_hook_gets_its_facts_as_words_and_as_one_line():
    ran = run(sh('echo "$PRGCORE_NODE $PRGCORE_PEER_NAME $PRGCORE_EPOCH $PRGCORE_USERS $PRGCORE_HOOK"'
                 '; cat'), FACTS, number=2)
    words, line, *rest = ran.output.splitlines()
    assert (words, rest, ran.why) == ("node1 cup2 7 node1 node2 promote", [], "")
    assert json.loads(line) == {
        "hook": "promote", "try": 2, "node": "node1", "peer": "node2", "name": "cup1",
        "peer_name": "cup2", "group": "Sales", "state": "normal", "reason": "none",
        "event": "takeover_completed(node1)", "rule": "M304@node1", "why": "it serves", "epoch": 7,
        "action": "",
        "users": ["node1", "node2"], "role": "primary"}


def test_words_for_systemd_are_not_passed_on(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    assert run(sh("env | grep -c -e ^NOTIFY -e ^WATCHDOG; true"), FACTS).output.strip() == "0"


@pytest.mark.parametrize(("text", "why"), [
    ("exit 3", "it exited with 3"),
    ("kill -9 $$", "signal 9 ended it"),
    ("echo no such host >&2; exit 1", "it exited with 1"),
])
def test_one_that_fails_says_how(text, why):
    ran = run(sh(text), FACTS)
    assert (ran.well, ran.why) == (False, why)
    assert ("no such host" in str(ran)) == ("host" in text)


@pytest.mark.parametrize("text", [
    "exec sleep 86402", "trap '' TERM INT HUP; sleep 86402; sleep 86402", "exec >&- 2>&- <&-; exec sleep 86402",
    "while :; do echo much; done", "sleep 86402 & exec sleep 86402", "kill -STOP $$",
])
def test_one_that_hangs_is_killed_with_its_group_at_its_time_out(text, tmp_path):
    hook = sh(f"echo $$ >{tmp_path}/pid; {text}", timeout=0.5)
    ran = run(hook, FACTS)
    assert ran.why == "it did not end within 0.5 s and was killed"
    if (tmp_path / "pid").exists() and (number := (tmp_path / "pid").read_text()):  # it has come so far
        once(lambda: not _group(int(number)))


def _group(number):
    """The processes of a group that live."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines()
            if line.split()[0] == str(number) and line.split()[1][0] != "Z"]


def test_what_a_good_hook_leaves_running_is_not_waited_for_and_lives(tmp_path):
    ran = run(sh(f"sleep 86403 & echo $! >{tmp_path}/pid; echo done"), FACTS)
    assert (ran.why, ran.output) == ("", "done\n")
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_what_a_failed_hook_leaves_running_is_killed(tmp_path):
    assert not run(sh(f"sleep 86403 & echo $! >{tmp_path}/pid; exit 1"), FACTS).well
    pid = int((tmp_path / "pid").read_text())
    once(lambda: not alive(pid))


@pytest.mark.parametrize("text", ["exec <&-; echo done", "exec <&- >&- 2>&-", "head -c 3 >/dev/null",
                                  "exec >&-; sleep 0.1"])
def test_one_that_closes_its_ends_is_no_trouble(text):
    assert run(sh(text), FACTS).why == ""


def test_megabytes_are_cut_at_both_ends():
    ran = run(Hook((sys.executable, "-c", "print('a' * 9_000_000 + 'z'); raise SystemExit(1)"),
                   timeout=LONG), FACTS)
    assert ran.why == "it exited with 1"
    assert len(ran.output) < LONGEST + 50
    assert ran.output.startswith("aaaa")
    assert ran.output.endswith("aaz\n")
    assert "bytes …" in ran.output
    assert len(str(ran)) < 400


def test_bytes_that_are_no_text_are_printable_in_a_log():
    ran = run(sh(r"printf '\377\000\033[31m\nx'; exit 1"), FACTS)
    assert str(ran).isprintable()


@pytest.mark.parametrize("kind", ["missing", "folder", "plain", "empty", "loop"])
def test_one_that_cannot_be_run_says_why(kind, tmp_path):
    file = tmp_path / "hook"
    match kind:
        case "folder":
            file.mkdir()
        case "plain":
            file.write_text("#!/bin/sh\n")
        case "empty":
            file.write_bytes(b"\x7fELF")
            file.chmod(0o755)
        case "loop":
            file.symlink_to(file)
    ran = run(Hook(("./hook",)), FACTS, home=tmp_path)
    assert ran.why.startswith("./hook cannot be run: ")
    assert ran.why.isprintable()
    assert ran.code is None


def test_a_folder_that_vanished_is_named(tmp_path):
    ran = run(sh("true"), FACTS, home=tmp_path / "gone")
    assert "gone: No such file" in ran.why


def test_one_that_vanishes_while_it_runs_ends_as_it_would(tmp_path):
    (tmp_path / "hook").write_text("#!/bin/sh\nrm hook\nexit 0\n")
    (tmp_path / "hook").chmod(0o755)
    hook = Hook(("./hook",), timeout=LONG, tries=2, pause=0)
    assert tried(hook, FACTS, home=tmp_path).well
    assert "cannot be run" in tried(hook, FACTS, home=tmp_path).why


def test_one_that_fails_all_but_its_last_try_succeeds(tmp_path):
    hook = sh("echo x >>tries; test $(wc -l <tries) -ge 3", tries=3, pause=0.01)
    said = []
    assert tried(hook, FACTS, home=tmp_path, failed=lambda n, ran: said.append((n, ran.why))).well
    assert said == [(1, "it exited with 1"), (2, "it exited with 1")]


def test_one_that_fails_every_try_is_tried_no_more(tmp_path):
    hook = sh("echo x >>tries; exit 4", tries=3, pause=0)
    assert tried(hook, FACTS, home=tmp_path).why == "it exited with 4"
    assert (tmp_path / "tries").read_text() == "x\n" * 3


def test_an_agent_that_stops_waits_for_no_hook(tmp_path):
    ends = threading.Event()
    hook = sh("echo $$ >pid; exec sleep 86404", tries=5)
    found: list[Ran] = []
    waits = threading.Thread(target=lambda: found.append(
        tried(hook, FACTS, home=tmp_path, ends=ends.is_set)))
    waits.start()
    once(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    ends.set()
    waits.join(LONG)
    assert found[0].why == "it was killed, because the agent stops"
    once(lambda: not _group(int((tmp_path / "pid").read_text())))


def test_a_hook_of_a_dead_agent_is_killed_before_it_is_run_again(tmp_path):
    program = (
        "from pathlib import Path; from prgcore.running.hooks import *\n"
        "run(Hook(('sh', '-c', 'echo $$ >pid; exec sleep 86405'), 99), Facts('node1', 'node2'),"
        " home=Path(), mark=Path('mark'))")
    agent = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    once(lambda: (tmp_path / "mark").exists() and (tmp_path / "mark").read_text()
         and (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    agent.kill()
    agent.wait()
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    assert run(sh("true"), FACTS, mark=tmp_path / "mark").well
    assert not alive(pid)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("text", ["", "x", "1 1", "-1 5", "{own} 17", "1 2 3", "\0 \0", "9" * 40 + " 1"])
def test_a_mark_that_names_no_hook_kills_nobody(text, tmp_path):
    (tmp_path / "mark").write_text(text.replace("{own}", str(os.getpid())))
    assert run(sh("true"), FACTS, mark=tmp_path / "mark").well


def test_a_folder_without_room_for_the_mark_stops_no_hook(tmp_path):
    assert run(sh("true"), FACTS, mark=tmp_path / "gone" / "mark").well


@pytest.mark.parametrize(("said", "role"), [
    ("primary", "primary"), ("replica\n", "replica"), ("noise\n  PRIMARY \nmore", "primary"),
    ("master\n17\n10.0.0.1", "primary"), ("slave", "replica"), ("", ""), ("both", ""),
    ("primary\nreplica", ""), ("not primary", ""),
])
def test_a_probe_says_one_role_or_none(said, role):
    assert role_of(Ran("", said, 0)) == role
    assert role_of(Ran("it exited with 1", said, 1)) == ""


# ------------------------------------------------------------------------ the group file


def test_both_spellings_are_read_and_what_a_node_has_goes_before():
    both = read({"promote": ["./up"], "notify": {"command": ["n", "x"], "timeout": 3}}, "hooks.")
    assert both == Hooks(promote=Hook(("./up",), 30.0, 3, 1.0, "promote"),
                         notify=Hook(("n", "x"), 3.0, 1, 1.0, "notify"))
    one = read({"promote": {"command": ["mine"], "tries": 9}}, "node1.hooks.", both)
    assert one.promote == Hook(("mine",), 30.0, 9, 1.0, "promote")
    assert one.notify == both.notify
    assert read({}, "hooks.") == Hooks()


@pytest.mark.parametrize(("found", "says"), [
    (7, "hooks: expected a table"), ([], "hooks: expected a table"),
    ({"promot": ["x"]}, "promote"),
    ({"promote": "up.sh"}, "hooks.promote: expected a command"),
    ({"promote": []}, "hooks.promote: expected a command"),
    ({"promote": [""]}, "hooks.promote: expected a command"),
    ({"promote": ["a\0b"]}, "hooks.promote: expected a command"),
    ({"promote": {}}, "hooks.promote: command is missing"),
    ({"promote": {"command": ["x"], "time": 3}}, "timeout"),
    ({"promote": {"command": ["x"], "timeout": 0}}, "hooks.promote.timeout: 0"),
    ({"promote": {"command": ["x"], "timeout": True}}, "hooks.promote.timeout: True"),
    ({"promote": {"command": ["x"], "timeout": "3"}}, "hooks.promote.timeout: '3'"),
    ({"promote": {"command": ["x"], "tries": 0}}, "hooks.promote.tries: 0"),
    ({"promote": {"command": ["x"], "tries": 1.5}}, "hooks.promote.tries: 1.5"),
    ({"promote": {"command": ["x"], "pause": -1}}, "hooks.promote.pause: -1"),
    ({"promote": {"command": ["x"], "pause": float("nan")}}, "hooks.promote.pause: nan"),
])
def test_what_is_wrong_is_named_with_its_place(found, says):
    with pytest.raises(BadInput) as error:
        read(found, "hooks.")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_every_occasion_has_its_usual_times():
    every = read({name: ["x"] for name in NAMES}, "hooks.")
    assert all(getattr(every, name).name == name for name in NAMES)


def test_a_group_file_has_hooks_of_both_nodes_and_of_one(tmp_path):
    file = group_file(tmp_path)
    file.write_text(file.read_text().replace("[node2]", '[node1.hooks]\ndemote = ["mine"]\n[node2]')
                    + '\n[hooks]\npromote = ["up"]\ndemote = ["down"]\n')
    one, two = (read_group(file).nodes[n].hooks for n in ("node1", "node2"))
    assert (one.promote, one.demote.command) == (two.promote, ("mine",))
    assert (two.promote.command, two.demote.command) == (("up",), ("down",))


def test_a_wrong_hook_of_a_group_file_is_one_line(tmp_path):
    file = group_file(tmp_path)
    file.write_text(file.read_text() + '\n[node2.hooks]\npromote = "up"\n')
    with pytest.raises(BadInput, match=r"node2\.hooks\.promote: expected a command"):
        read_group(file)


def test_a_question_that_breaks_leaves_no_hook_behind(tmp_path):
    def breaks():
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise RuntimeError("ours")
        return False

    with pytest.raises(RuntimeError, match="ours"):
        run(sh(f"echo $$ >{tmp_path}/pid; exec sleep 86407"), FACTS, ends=breaks)
    once(lambda: not _group(int((tmp_path / "pid").read_text())))
