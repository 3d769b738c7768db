"""A headless browser for tests: Chromium from the PATH, else Playwright's own; and what it opens."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prgcore import PRG
from tests.needs import missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-software-rasterizer", "--in-process-gpu",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if found is None and not Path(playwright.chromium.executable_path).exists():
            missing(f"no browser: none of {', '.join(NAMES)} in the PATH, nor Playwright's own")
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def explorers(tmp_path_factory):
    """Explorers on disk, each made once: a function from a machine to an address."""
    from prgcore.explorer import page

    folder, made = tmp_path_factory.mktemp("explorers"), {}

    def file(engine, story="", links=""):
        key = engine, story, links
        if key not in made:
            made[key] = folder / f"{len(made)}.html"
            made[key].write_text(page(engine, story, links), "utf-8")
        return made[key].as_uri()

    return file


def resized(page, width, height):
    """Give a window another size, and wait until its page knows that."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function("size => innerWidth === size[0] && innerHeight === size[1]", arg=[width, height])


class Watched:
    """A window for one explorer after another, which keep nothing in it.

    Afterwards nothing was asked of a network and nothing complained.
    """

    def __init__(self, browser, **context):
        self.complaints, self.requests = [], []
        self.size = context.setdefault("viewport", {"width": 1280, "height": 900})
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(120_000)
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))

    def open(self, address):
        self.page.set_viewport_size(self.size)
        self.page.mouse.move(0, 0)
        self.page.goto(address)
        return self.page

    def clear(self):
        self.page.goto("about:blank")
        complaints, requests = self.complaints[:], self.requests[:]
        self.complaints.clear()
        self.requests.clear()
        assert complaints == []
        assert [r for r in requests if not r.startswith(("about:", "file:", "blob:"))] == []


@pytest.fixture(scope="module")
def windows(browser):
    """Those that nobody uses, by what they were made with: a window costs more than a page."""
    return defaultdict(list)


@pytest.fixture
def open_page(browser, explorers, windows):
    """Opens an explorer in a window of its own; when the test is over nobody has complained."""
    opened = []

    def opens(engine=PRG, story="", links="", hash_="", **context):
        free = windows[repr(context)]
        watched = free.pop() if free else Watched(browser, **context)
        opened.append((free, watched))
        return watched.open(explorers(engine, story, links) + hash_)

    yield opens
    for free, watched in opened:
        watched.clear()
        free.append(watched)
