"""Acting: a hook that makes a primary runs under a permission only, and ends with it."""

from __future__ import annotations

import sys

import pytest

from prgcore.errors import Unavailable
from prgcore.machine import PRG
from prgcore.running.acting import Acting
from prgcore.running.group import read_group
from prgcore.running.hooks import Hook, Hooks
from prgcore.stores.record import Order, begin
from tests.agents import group_file

WAITS = "import pathlib, time; pathlib.Path('began').touch(); time.sleep(60)"
ORDER = Order(1, 0, "node1", "move_users", ("node1",))


@pytest.fixture
def acting(tmp_path):
    """The hooks of a node, whose permission lasts until `lasts` has no more items."""
    group = read_group(group_file(tmp_path))
    one = Acting(group, group.member("node1"), None, lambda _: False, lambda: bool(one.lasts))
    one.hooks = Hooks(promote=Hook((sys.executable, "-c", WAITS), 50.0, 3, name="promote"),
                      role=Hook(("/bin/echo", "replica"), name="role"))
    one.lasts, one.began = [True], tmp_path / "began"
    one.entry = lambda _: None
    one.member.directory.mkdir(parents=True, exist_ok=True)
    return one


def record():
    return begin(PRG.initial[0])


def test_nothing_is_promoted_without_a_permission(acting):
    acting.lasts.clear()
    with pytest.raises(Unavailable, match="this node has no permission now"):
        acting.promote(record(), ORDER)
    assert not acting.become("primary", acting.facts)
    assert not acting.began.exists()


def test_a_promotion_ends_with_its_permission(acting):
    acting._may = lambda: not acting.began.exists()
    with pytest.raises(Unavailable, match="promote was ended: the permission of this node is over"):
        acting.promote(record(), ORDER)
    assert acting.began.exists()


def test_a_promotion_that_no_order_asks_for_ends_with_its_permission_too(acting):
    acting._may = lambda: not acting.began.exists()
    assert not acting.become("primary", acting.facts)
    assert acting.began.exists()
