"""Hooks of two real agents: promoted before users are served, fenced before a take-over, in order."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress

import pytest

from prgcore.running.processes import alive
from tests.agents import BUSY, Group
from tests.test_agent import status, until, well

HOOK = """#!/bin/sh
read -r line
echo "$line" >>"$PRGCORE_NODE-$PRGCORE_HOOK.log"
test -e "$PRGCORE_NODE-$PRGCORE_HOOK.hangs" && exec sleep 86406
test -e "$PRGCORE_NODE-$PRGCORE_HOOK.fails" && exit 1
exit 0
"""
HOOKS = "".join(
    f'{name} = {{command = ["./hook"], timeout = 20, tries = 2, pause = 0.05}}\n'
    for name in ("promote", "demote", "fence", "notify"))


@pytest.fixture
def group(tmp_path):
    made = Group(tmp_path, silence=BUSY)
    (tmp_path / "hook").write_text(HOOK)
    (tmp_path / "hook").chmod(0o755)
    made.file.write_text(made.file.read_text() + "\n[hooks]\n" + HOOKS)
    yield made
    for node in ("node1", "node2"):
        for mark in (tmp_path / node).glob("*.hook"):
            with suppress(OSError, IndexError):  # it may end just now
                os.killpg(int(mark.read_text().split()[0]), signal.SIGKILL)
    made.close()


def begins(group):
    group.start("cup1")
    until(lambda: well(group))
    group.start("cup2")
    until(lambda: well(group, "node2"))
    tells(group, "enable_ha", lambda: states(group) == ["normal", "normal"])


def tells(group, event, done):
    """Ask for a command until it is seen to be done: its answer may be lost."""
    until(lambda: done() or (group.ask("node1", do="tell", event=event) and done()))


def in_backup_mode(group):
    return states(group)[1] in ("taking_over", "running_in_backup_mode")


def states(group, node="node1"):
    known = status(group, node).get("known", {})
    return [known.get(f"{n}.state") for n in ("node1", "node2")]


def ran(group, node, hook):
    file = group.folder / f"{node}-{hook}.log"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def of(group, node, hook, event="failover(node1)"):
    """The first time that a hook ran for this event."""
    return until(lambda: next((r for r in ran(group, node, hook) if r["event"] == event), None))


def forget(group):
    for file in group.folder.glob("node?-*.log"):
        file.unlink()


def test_a_switchover_demotes_here_and_promotes_there(group):
    begins(group)
    forget(group)
    tells(group, "failover(node1)", lambda: in_backup_mode(group))
    until(lambda: states(group)[1] == "running_in_backup_mode")
    demoted, promoted = of(group, "node1", "demote"), of(group, "node2", "promote")
    assert (demoted["action"], demoted["rule"], demoted["event"]) == (
        "disconnect_users", "M100@node1", "failover(node1)")
    assert (promoted["action"], promoted["epoch"], promoted["role"]) == (
        "move_users", demoted["epoch"], "primary")
    assert promoted["why"] == demoted["why"] != ""
    assert not ran(group, "node2", "fence")
    until(lambda: "running_in_backup_mode" in [n["state"] for n in ran(group, "node2", "notify")])
    epochs = [n["epoch"] for n in ran(group, "node2", "notify")]
    assert epochs == sorted(set(epochs))
    assert ran(group, "node2", "notify")[-1]["users"] == ["node1", "node2"]


def test_a_peer_that_is_gone_is_fenced_and_a_fence_that_fails_fails_the_take_over(group):
    begins(group)
    forget(group)
    (group.folder / "node2-fence.fails").touch()
    group.agents["cup1"].kill()
    until(lambda: states(group, "node2")[1] == "running_in_failed_mode")
    assert len(ran(group, "node2", "fence")) == 2
    assert not ran(group, "node2", "promote")
    assert "the hook fence failed: it exited with 1" in group.said("cup2")


def test_a_promotion_that_fails_once_is_tried_again(group):
    begins(group)
    forget(group)
    hook = group.folder / "hook"
    hook.write_text(HOOK.replace("exit 0", '[ "$PRGCORE_HOOK$PRGCORE_TRY" != promote1 ]'))
    group.agents["cup1"].kill()
    until(lambda: states(group, "node2")[1] == "running_in_backup_mode")
    assert [p["try"] for p in ran(group, "node2", "promote")][:2] == [1, 2]
    assert len(ran(group, "node2", "fence")) == 1
    assert "the hook promote failed (try 1 of 2): it exited with 1" in group.said("cup2")


def test_an_agent_that_dies_while_it_promotes_promotes_again(group):
    begins(group)
    forget(group)
    hangs = group.folder / "node2-promote.hangs"
    hangs.touch()
    group.agents["cup1"].kill()
    until(lambda: ran(group, "node2", "promote"))
    until(lambda: states(group, "node2")[1] == "taking_over")
    group.agents["cup2"].kill()
    left = int((group.folder / "node2" / "promote.hook").read_text().split()[0])
    group.start("cup2")
    hangs.unlink()
    until(lambda: len(ran(group, "node2", "promote")) > 1)
    until(lambda: states(group, "node2")[1] in ("running_in_backup_mode", "running_in_failed_mode"))
    until(lambda: not alive(left))


def test_an_agent_that_is_stopped_ends_its_hook_and_goes(group):
    begins(group)
    forget(group)
    (group.folder / "node2-promote.hangs").touch()
    group.agents["cup1"].kill()
    until(lambda: ran(group, "node2", "promote"))
    group.agents["cup2"].send_signal(signal.SIGINT)
    assert group.agents["cup2"].wait(timeout=60) == 0
    assert not (group.folder / "node2" / "promote.hook").exists()


def test_a_notify_that_hangs_holds_up_nothing(group):
    for node in ("node1", "node2"):
        (group.folder / f"{node}-notify.hangs").touch()
    begins(group)
    tells(group, "failover(node1)", lambda: in_backup_mode(group))
    until(lambda: states(group)[1] == "running_in_backup_mode")
    for agent in group.agents.values():
        agent.send_signal(signal.SIGINT)
    assert [agent.wait(timeout=60) for agent in group.agents.values()] == [0, 0]
