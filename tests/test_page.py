"""The page of an agent, as a person sees it: on a desk, on a phone, and with odd names."""

from __future__ import annotations

import pytest

from prgcore.running.group import read_group
from prgcore.running.page import page
from tests.agents import group_file

KNOWN = {"ha": "on", "node1.state": "failed_over", "node1.reason": "critical_service_down",
         "node1.services": "down", "node1.database": "up", "node2.state": "running_in_backup_mode",
         "node2.reason": "critical_service_down", "node2.services": "up", "node2.database": "up"}
STATUS = {"node": "node1", "nodes": ["cup1", "cup2"], "epoch": 7, "trouble": "", "known": KNOWN,
          "orders": ["start_services on cup2"], "claims": {"node1": "node2", "node2": "node2"}}
LINES = ["State: Failed Over", "Reason: Critical Service Down", "Services: down, database up",
         "Holds the users of: nobody", "State: Running in Backup Mode",
         "Reason: Critical Service Down", "Services: up, database up", "Holds the users of: cup1, cup2"]


@pytest.fixture
def html(tmp_path):
    group = read_group(group_file(tmp_path))
    return lambda **status: page(group, {**STATUS, **status}).decode()


@pytest.fixture
def seen(browser, html):
    """A page in a window of this width, and whether it must be moved sideways to be read."""
    windows = []

    def opens(width, **status):
        windows.append(browser.new_page(viewport={"width": width, "height": 800}))
        windows[-1].set_content(html(**status))
        return windows[-1], windows[-1].evaluate("document.documentElement.scrollWidth") > width

    yield opens
    for window in windows:
        window.close()


@pytest.mark.parametrize("width", [1280, 800, 641, 640, 390, 320])
@pytest.mark.parametrize("trouble", ["", "the store is gone: " + "a" * 90 + " and put it back " * 9])
def test_a_page_is_read_without_moving_it_sideways(seen, width, trouble):
    window, wide = seen(width, trouble=trouble)
    assert not wide
    assert window.locator("thead").is_visible() is (width > 640)
    assert window.locator("[role=alert]").count() == bool(trouble)


def test_on_a_phone_each_cell_says_what_it_is(seen):
    window, _ = seen(390)
    said = window.evaluate("""[...document.querySelectorAll("td")].map(cell =>
        getComputedStyle(cell, "::before").content.replaceAll('"', "") + cell.textContent)""")
    assert [line.replace(" : ", ": ") for line in said] == LINES


def test_names_are_text(html):
    said = html(nodes=["<b>1", "a&b"], trouble="<script>", orders=["x on <i>"])
    assert "<b>" not in said
    assert "<script>" not in said
    assert "<i>" not in said
    assert "a&amp;b" in said
