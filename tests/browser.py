"""A headless browser for tests: Chromium from the PATH, else Playwright's own; and what it opens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prgcore import PRG
from prgcore.explorer import page
from tests.needs import missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
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


@pytest.fixture(scope="module")
def explorers(tmp_path_factory):
    """Explorers on disk, each made once: a function from a machine to an address."""
    folder, made = tmp_path_factory.mktemp("explorers"), {}

    def file(engine, story="", links=""):
        key = engine, story, links
        if key not in made:
            made[key] = folder / f"{len(made)}.html"
            made[key].write_text(page(engine, story, links), "utf-8")
        return made[key].as_uri()

    return file


class Watched:
    """An open explorer; afterwards nothing was asked of a network and nothing complained."""

    def __init__(self, browser, address, **context):
        self.complaints, self.requests = [], []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(address)

    def close(self):
        self.context.close()
        assert self.complaints == []
        assert [r for r in self.requests if not r.startswith(("file:", "blob:"))] == []


@pytest.fixture
def open_page(browser, explorers):
    """Opens an explorer in a browser; when the test is over nobody has complained."""
    opened = []

    def opens(engine=PRG, story="", links="", hash_="", **context):
        watched = Watched(browser, explorers(engine, story, links) + hash_, **context)
        opened.append(watched)
        return watched.page

    yield opens
    for watched in opened:
        watched.close()
