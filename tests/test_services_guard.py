"""The guard: pure steps on a fake clock, and the program itself, which nothing holds up."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.running import guard, line, processes
from prgcore.running.group import read_group
from prgcore.running.guard import Command, Orders, Ran, Warden, boot_clock
from prgcore.running.guarding import Second
from prgcore.running.processes import Services, alive
from tests import waits

ORDERS = Orders("x", "/", 3.0, 0.5, 0.75, Command(("role",), 2.0, 1.0), Command(("fence",), 1.0, 0.5), {})
WELL, FAILS = Ran(True), Ran(False, "", "exit code 1")


class World:
    """A resource with a role, which a warden guards, on a clock of its own."""

    def __init__(self, role="primary", fences=(WELL,), rests=False):
        self.now, self.role, self.did, self.said = 100.0, role, [], []
        self.fences, self.rests = list(fences), rests
        self.warden = Warden(ORDERS, self.said.append, rests=lambda: self.rests,
                             clock=lambda: self.now, runs=self.runs)
        self.now += ORDERS.lasts  # nothing is done about what an earlier guard permitted

    def runs(self, orders, name, within):
        assert orders is ORDERS
        self.did.append(name)
        if name == "role":
            self.now += min(within, 0.01)
            return Ran(True, f"{self.role}\n") if self.role else FAILS
        ran = self.fences.pop(0) if len(self.fences) > 1 else self.fences[0]
        if ran.well:
            self.role = ""
        return ran

    def permit(self, groups=("node1",), lasts=3.0, **more):
        return self.warden.permit(dict.fromkeys(groups, 1), self.now + lasts, **more)

    def step(self):
        self.did.clear()
        return self.warden.step()


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch):
    monkeypatch.setattr(guard, "GRACE", 0.0)


def test_while_the_permission_lasts_nothing_is_done():
    world = World()
    assert world.permit() == {}
    assert world.step() == pytest.approx(3.0)
    assert world.did == []


@pytest.mark.parametrize("more", [{"groups": ("node1",)}, {"groups": (), "promotes": True}])
def test_when_the_permission_ends_a_primary_is_fenced_at_once(more):
    world = World()
    world.permit(**more)
    world.now += 3.0
    assert world.step() == 0.0
    assert world.did == ["role", "self_fence"]
    assert world.said == ["the permission is over, and the role is primary: self_fence runs",
                          "self_fence has succeeded: nobody is served"]
    assert world.permit(()) == {}


def test_a_role_that_is_not_known_is_fenced_too_and_a_replica_is_not():
    world = World(role="")
    world.permit()
    world.now += 3.0
    world.step()
    assert world.did == ["role", "self_fence"]
    world = World(role="replica")
    world.permit()
    world.now += 3.0
    world.step()
    assert world.did == ["role"]
    assert world.permit(()) == {}


def test_a_withdrawal_waits_for_the_demotion_until_the_permission_would_have_ended():
    world = World()
    world.permit()
    world.now += 1.0
    assert world.permit(()) == {"stopping": True}
    assert world.step() > 0
    assert world.did == ["role"], "the hook demote may be under way"
    world.role = "replica"
    world.step()
    assert world.permit(()) == {}
    assert "self_fence" not in world.did


def test_a_withdrawal_without_a_demotion_ends_in_a_fence():
    world = World()
    world.permit()
    world.now += 1.0
    world.permit(())
    for _ in range(1000):
        world.now += world.step()
        if "self_fence" in world.did:
            break
    assert world.now == pytest.approx(ORDERS.lasts + 103.0, abs=0.1)
    assert world.permit(()) == {}


def test_a_fence_that_fails_is_tried_again_until_it_succeeds():
    world = World(fences=(FAILS, FAILS, WELL))
    world.permit()
    world.now += 3.0
    assert [world.step(), world.permit((), 0.1)] == [0.5, {"stopping": True}]
    assert [world.step(), world.permit((), 0.2)] == [0.5, {"stopping": True}]
    assert [world.step(), world.permit((), 0.3)] == [0.0, {}]


def test_until_is_capped_at_the_lease_and_a_late_line_changes_nothing():
    world = World()
    assert world.permit(lasts=1e9) == {}
    assert world.step() == pytest.approx(3.0)
    assert world.permit(lasts=2.0) == {"late": True}
    world.now += 0.5
    assert world.permit(lasts=3.0) == {}, "the forged one does not keep the true ones out"
    world.now += 3.0
    world.step()
    assert "self_fence" in world.did


def test_an_old_primary_that_somebody_starts_by_hand_is_fenced():
    world = World(role="")
    assert world.step() == ORDERS.every
    assert world.did == ["role"]
    world.role = "replica"
    assert world.step() == ORDERS.every
    world.role = "primary"
    assert world.step() == 0.0
    assert world.did == ["role", "self_fence"]
    assert world.said[0] == "the resource is primary without a permission: self_fence runs"


def test_a_guard_that_has_just_begun_leaves_an_earlier_permission_its_time():
    world = World()
    world.now -= 1.0
    assert 0 < world.step() <= 1.0
    assert "self_fence" not in world.did


@pytest.mark.parametrize("role", ["primary", "replica", ""])
def test_a_guard_that_has_just_begun_says_nothing_of_a_resource_that_it_does_not_know(role):
    """An earlier guard was killed, and the resource may be the primary still."""
    world = World(role)
    world.now -= ORDERS.lasts
    assert world.permit((), 0.1) == {"stopping": True}
    world.step()
    assert world.permit((), 0.2) == ({} if role == "replica" else {"stopping": True})
    world.now += ORDERS.lasts
    world.step()
    assert world.permit((), 0.3) == {}
    assert world.role != "primary"


@pytest.mark.parametrize("withdrawn", [True, False])
def test_a_replica_that_might_be_promoted_is_fenced(withdrawn):
    """The hook was killed, and the server may finish its promotion by itself."""
    world = World("replica")
    world.permit((), promotes=True)
    world.now += 1.0 if withdrawn else ORDERS.lasts
    if withdrawn:
        assert world.permit(()) == {"stopping": True}
    world.step()
    assert world.did == ["role", "self_fence"]
    assert world.permit((), 4.0) == {}


def test_a_replica_whose_promotion_was_told_to_be_over_is_not_fenced():
    world = World("replica")
    world.permit((), promotes=True)
    world.now += 1.0
    world.permit()
    world.now += ORDERS.lasts
    world.step()
    assert world.did == ["role"]


def test_the_second_guard_rests_while_the_first_one_answers():
    world = World(rests=True)
    world.permit()
    world.now += 3.0
    assert world.step() == ORDERS.every
    assert world.did == []
    world.rests = False
    world.step()
    assert world.did == ["role", "self_fence"]


def test_the_second_guard_waits_for_the_first_for_a_part_of_the_pause_only(node):
    """A guard that is stopped does not answer: what is left of the pause is for the role probe."""
    asked = []
    second = Second(node.member, lambda within: asked.append(within) or True)
    assert second._warden.step() > 0
    assert asked == [pytest.approx(0.1)]  # of 0.4 s
    assert second._warden.orders.probe + asked[0] < 0.4


def test_a_permission_that_comes_during_a_fence_is_not_obeyed():
    world = World()
    world.permit()
    world.now += 3.0
    answers = []
    real = world.runs

    def runs(orders, name, within):
        if name == "self_fence":
            answers.append(world.permit())
        return real(orders, name, within)

    world.warden._runs = runs
    world.step()
    assert answers == [{"fencing": True}]
    assert world.permit() == {}


@given(st.lists(st.tuples(
    st.sampled_from(["permit", "withdraw", "forge", "wait", "promoted", "demoted", "crash"]),
    st.floats(0, 4)), max_size=40))
def test_whatever_comes_no_primary_outlives_its_permission(events):
    """After a step beyond the end of the permission the resource is no primary, if fencing works."""
    world = World(role="replica")
    for event, wait in events:
        match event:
            case "permit":
                world.permit()
            case "withdraw":
                world.permit(())
            case "forge":
                world.permit(lasts=1e12)
            case "promoted" | "demoted" | "crash":
                world.role = {"promoted": "primary", "demoted": "replica", "crash": ""}[event]
        world.now += wait
        world.step()
        over = world.now >= world.warden._over
        assert not (over and world.role == "primary" and not world.warden.permitted())
        if world.permit((), 3.0) == {}:
            assert world.role != "primary" or world.warden._clean


# ------------------------------------------------------------------ the program


GROUP = """\
group = "Sales"
store = "sqlite:pair.db"
lease = {{lasts = 0.6, pause = 0.4, stopping = 5, waits = 7}}
grant = 1
security = {{off = true}}
[hooks]
role = ["cat", "role"]
self_fence = ["sh", "-c", "cat >facts; echo $PRGCORE_NODE >>fenced; echo replica >role"]
[node1]
admin = "127.0.0.1:20076"
{more}
[node2]
service = "127.0.0.1:22002"
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    """The services of a node with a guard, however slow the computer is."""
    monkeypatch.setattr(processes, "PATIENCE", 2.0 * waits.LONG)
    monkeypatch.setattr(line, "ANSWER", waits.LONG / 2)
    (tmp_path / "group.toml").write_text(GROUP.format(more="guard = true"))
    (tmp_path / "role").write_text("replica\n")
    every = []

    def make():
        every.append(Services(read_group(tmp_path / "group.toml").nodes["node1"]))
        return every[-1]

    services = make()
    services.another = make
    yield services
    for one in every:
        process = one._processes["guard"]
        for pid in process.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for one in every:
        if (child := one._processes["guard"]._child) is not None:
            child.wait()


def fenced(tmp_path):
    return (tmp_path / "fenced").exists()


def test_a_permission_that_nobody_renews_ends_in_a_fence_though_the_agent_is_gone(node, tmp_path):
    node.start()
    assert node.serve({"node1": 3}, boot_clock() + 0.5)
    (tmp_path / "role").write_text("primary\n")
    waits.once(lambda: fenced(tmp_path))
    assert (tmp_path / "fenced").read_text() == "node1\n"
    facts = json.loads((tmp_path / "facts").read_text())
    assert (facts["hook"], facts["peer"], facts["group"]) == ("self_fence", "node2", "Sales")
    waits.once(lambda: node.serve({}, boot_clock() + 60))


def test_a_demotion_in_time_needs_no_fence(node, tmp_path):
    file = tmp_path / "group.toml"
    file.write_text(file.read_text().replace("lasts = 0.6", "lasts = 600").replace("waits = 7", "waits = 606")
                    .replace("grant = 1", "grant = 600"))
    node = node.another()
    node.start()
    assert node.serve({"node1": 3}, boot_clock() + 600)
    (tmp_path / "role").write_text("primary\n")
    assert not node.serve({}, boot_clock() + 600), "it is the primary still"
    (tmp_path / "role").write_text("replica\n")
    waits.once(lambda: node.serve({}, boot_clock() + 600))
    assert not fenced(tmp_path)


def test_a_guard_outlives_its_agent_is_taken_over_and_is_not_stopped_with_the_services(node, tmp_path):
    node.start()
    later = node.another()
    later.start()
    assert later.pid("guard") == node.pid("guard")
    later.stop()
    assert later.reconcile("stopped") == ()
    assert alive(node.pid("guard"))


def test_a_guard_with_other_orders_is_replaced(node, tmp_path):
    node.start()
    first = node.pid("guard")
    file = tmp_path / "group.toml"
    file.write_text(file.read_text().replace("lasts = 0.6", "lasts = 0.7"))
    later = node.another()
    later.start()
    assert later.pid("guard") not in (None, first)
    assert not alive(first)


def test_an_old_primary_started_by_hand_is_fenced_by_the_program(node, tmp_path):
    node.start()
    (tmp_path / "role").write_text("primary\n")
    waits.once(lambda: fenced(tmp_path))


def test_hooks_that_hang_or_flood_hold_up_neither_the_answers_nor_the_end(node, tmp_path):
    text = (tmp_path / "group.toml").read_text().replace('["cat", "role"]', '["yes"]').replace(
        '"cat >facts;', '"test -e gate || { : >gate; sleep 86409; };').replace(
        "self_fence = [", "self_fence = {timeout = 0.3, command = [").replace(
        '>role"]', '>role"]}')
    (tmp_path / "group.toml").write_text(text)
    services = node.another()
    services.start()
    assert services.serve({"node1": 3}, boot_clock() + 0.5)
    waits.once((tmp_path / "gate").exists)
    waits.once(services.answers)
    waits.once(lambda: fenced(tmp_path))


def test_a_guard_survives_a_full_disk_and_lines_that_mean_nothing(node, tmp_path):
    service = node.member.services["guard"]
    with Path("/dev/full").open("w") as full:
        child = subprocess.Popen(service.command, stdout=full, stderr=full, cwd=tmp_path)
    try:
        waits.once(node.answers)
        for line in (b"", b"{", b"[]", b"5", b'"x"', b'{"serve": 5, "until": 1}', b'{"serve": {}}',
                     b'{"serve": {"a": 1}, "until": NaN}', b'{"serve": {"a": 1}, "until": -Infinity}',
                     b'{"serve": {"a": 1}, "until": "x"}', b"[" * 5000, b"\xff\xfe", b"9" * 9000):
            with socket.socket(socket.AF_UNIX) as end:
                end.settimeout(waits.LONG)
                end.connect(str(node.socket))
                end.sendall(line + b"\n")
                said = json.loads(end.recv(4096))
                assert said.get("error") or said["permitted"] is False
        clients = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        for one in clients:
            one.connect(str(node.socket))
            one.sendall(b"{")
        waits.once(node.answers)
        assert node.serve({"node1": 3}, boot_clock() + 1e9)
        (tmp_path / "role").write_text("primary\n")
        waits.once(lambda: fenced(tmp_path))
        assert child.poll() is None
        for one in clients:
            one.close()
    finally:
        child.kill()
        child.wait()


def test_a_guard_whose_folder_is_gone_ends_and_not_before_it_has_fenced(node, tmp_path):
    node.start()
    pid = node.pid("guard")
    assert node.serve({"node1": 3}, boot_clock() + 0.5)
    (tmp_path / "role").write_text("primary\n")
    node.socket.unlink()
    waits.once(lambda: node.pid("guard") is None)
    assert fenced(tmp_path)
    assert not alive(pid)


def test_the_guard_is_a_plain_program_of_the_standard_library():
    code = "import sys, runpy; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-I", "-c", code, guard.__file__], check=True,
                         capture_output=True, text=True).stdout
    assert not {"attrs", "attr", "prgcore", "asyncio"} & {name.split(".")[0] for name in out.split()}


@pytest.mark.parametrize(("change", "said"), [
    (('role = ["cat", "role"]\n', ""), "node1.guard: it needs the hook role; write [hooks] with role ="),
    (("self_fence = ", "fence = "), "node1.guard: it needs the hook self_fence"),
    (("stopping = 5, ", "stopping = 1, "),
     "node1.guard: self_fence may take 5 s, and the lease leaves 1 s for it; write lease = {"),
    (("pause = 0.4", "pause = 0"), "node1.guard: lease.pause is 0"),
    (("guard = true", 'guard = true\nserving = "a"\nservices = {a = ["x"]}'),
     "node1.serving: with guard = true, the guard serves users; leave serving out"),
    (("guard = true", 'guard = true\nservices = {guard = ["x"]}'), "node1.services.guard: with guard"),
    (("guard = true", "guard = 1"), "node1.guard: expected true or false"),
])
def test_a_guard_that_cannot_keep_its_promise_is_refused(tmp_path, change, said):
    text = GROUP.format(more="guard = true")
    assert change[0] in text
    (tmp_path / "group.toml").write_text(text.replace(*change))
    with pytest.raises(BadInput) as caught:
        read_group(tmp_path / "group.toml")
    assert str(caught.value).removeprefix("group file group.toml: ").startswith(said)


def test_the_line_that_refuses_a_short_stop_says_what_fits(tmp_path):
    text = GROUP.format(more="guard = true").replace("stopping = 5, waits = 7", "stopping = 1")
    (tmp_path / "group.toml").write_text(text)
    with pytest.raises(BadInput, match=r"write lease = \{stopping = 5, waits = ([0-9.]+)\}") as caught:
        read_group(tmp_path / "group.toml")
    waits_for = str(caught.value).split("waits = ")[1].split("}")[0]
    (tmp_path / "group.toml").write_text(
        text.replace("stopping = 1", f"stopping = 5, waits = {waits_for}"))
    assert read_group(tmp_path / "group.toml").nodes["node1"].serving == "guard"
