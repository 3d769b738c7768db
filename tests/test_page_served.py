"""The page of an agent in a browser: read on a desk and on a phone, and shown in no frame."""

from __future__ import annotations

import http.server
import threading
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Error

from prgcore.running.group import read_group
from tests.agents import Group
from tests.stores import LONG


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a running agent."""
    group = Group(tmp_path_factory.mktemp("page"))
    group.start("cup1")
    end = time.monotonic() + LONG
    while not group.ask("node1", do="status").get("known"):
        assert time.monotonic() < end
        time.sleep(0.05)
    yield read_group(group.file).nodes["node1"].admin
    group.close()


@pytest.fixture
def window(browser):
    made = []

    def opens(width=1280):
        made.append(browser.new_page(viewport={"width": width, "height": 800}))
        return made[-1]

    yield opens
    for one in made:
        one.close()


def once_read(page, asks):
    """What a script finds on the page, which loads itself again every second."""
    while True:
        with suppress(Error):
            return page.evaluate(asks)
        page.wait_for_load_state()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_read_on_a_desk_and_on_a_phone(address, window, width):
    page, complaints = window(width), []
    page.on("console", lambda message: complaints.append(message.text))
    answer = page.goto(f"http://{address[0]}:{address[1]}/")
    assert answer.status == 200
    found = once_read(page, """({
        head: document.querySelector("h1").innerText, table: document.querySelector("table").innerText,
        wide: document.documentElement.scrollWidth, most: getComputedStyle(document.body).maxWidth,
        names: getComputedStyle(document.querySelector("thead")).display})""")
    assert found["head"] == "Sales"
    assert "cup1" in found["table"]
    assert found["wide"] <= width
    assert (found["names"] != "none") is (width > 640)
    assert found["most"] != "none", "its style is allowed by its policy"
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def test_a_foreign_page_cannot_show_it_in_a_frame(address, window):
    """Each answer refuses a frame, and the browser says so."""
    framed = "".join(f'<iframe src="http://{address[0]}:{address[1]}{path}"></iframe>'
                     for path in ("/", "/status.json", "/primary"))

    class _Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>x</title>{framed}".encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page, complaints = window(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/", wait_until="load")
        end = time.monotonic() + LONG
        while sum("frame" in text.lower() for text in complaints) < 3:
            assert time.monotonic() < end, complaints
            page.wait_for_timeout(20)
        for frame in page.frames[1:]:
            assert f":{address[1]}" not in frame.url
            assert "Sales" not in frame.content()
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("path", ["/", "/status.json", "/metrics"])
def test_a_foreign_name_that_leads_here_shows_nothing(address, window, path):
    """What a page of somebody else would read after it led its own name to this address."""
    page = window()
    answer = page.goto(f"http://evil.localhost:{address[1]}{path}")
    assert answer.status == 421
    said = once_read(page, "document.body.innerText")
    assert "limits.hosts" in said
    assert "Sales" not in said
    assert page.goto(f"http://localhost:{address[1]}{path}").status == 200
