"""What an agent answers over HTTP: the words of a request, the health of a node, and odd requests."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from prgcore.errors import BadInput
from prgcore.running.http import METHODS, Asked, Reply, converse, is_ours, read_target
from prgcore.running.web import Shows, reply

OURS = frozenset({"localhost", "cup1"})
GROUPS = {"node1": "node1", "node2": "node2", "cup1": "node1", "cup2": "node2"}
WELL = Shows("cup1", serves=frozenset({"node1"}), groups=GROUPS)


# -------------------------------------------------------------------------- targets, hosts


@pytest.mark.parametrize(("target", "host", "found"), [
    ("/", "", (("",), "")),
    ("/primary", "cup1:20075", (("primary",), "cup1")),
    ("/primary?x=1&y", "CUP1.", (("primary",), "cup1")),
    ("/serves/a%20b", "[::1]:20075", (("serves", "a b"), "::1")),
    ("/serves/a%2Fb", "[::1]", (("serves", "a/b"), "::1")),
    ("/serves/%C3%A9t%C3%A9", "h", (("serves", "été"), "h")),
    ("/serves/a+b", "h", (("serves", "a+b"), "h")),
    ("http://cup1:20075/primary", "other", (("primary",), "cup1")),
    ("http://cup1", "other", (("",), "cup1")),
    ("https://user@cup1/healthy?q", "", (("healthy",), "cup1")),
    ("*", "h:1", (("*",), "h")),
    ("//primary", "h", (("", "primary"), "h")),
    ("/primary/", "h", (("primary", ""), "h")),
    ("/../primary", "h", (("..", "primary"), "h")),
])
def test_a_target_is_read(target, host, found):
    assert read_target(target, host) == found


@pytest.mark.parametrize("target", [
    "primary", "", "cup1:80", "ftp://cup1/", "http:///x", "http://[::1/x", "/%", "/%z1", "/%1", "/a%00b",
    "/serves/%ff", "/serves/%c3", "/a%0d%0ab", "/a#b", "/serves/%1b[31m", "?x", "mailto:a@b",
])
def test_what_is_no_target_is_refused_in_one_line(target):
    with pytest.raises(BadInput) as error:
        read_target(target, "h")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("host", ["", "localhost", "cup1", "127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0"])
def test_an_address_and_a_name_of_this_agent_are_its_own(host):
    assert is_ours(host, OURS)


@pytest.mark.parametrize("host", [
    "evil.example", "cup2", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "0x7f.1", "cup1 ",
    "::1]", "%", "cup1.evil.example"])
def test_a_name_of_somebody_else_is_not(host):
    assert not is_ours(host, OURS)


# ------------------------------------------------------------------------------- health


@pytest.mark.parametrize(("path", "shows", "status"), [
    (("primary",), WELL, 200),
    (("primary",), Shows("cup1", serves=frozenset(), groups=GROUPS), 503),
    (("primary",), Shows("cup1", trouble="the store is\ngone", serves=WELL.serves), 503),
    (("primary",), Shows("cup1", idle="its services are not up", serves=WELL.serves), 503),
    (("primary",), Shows("cup1", serves=WELL.serves, primary=False), 503),
    (("replica",), WELL, 503),
    (("replica",), Shows("cup1", groups=GROUPS), 200),
    (("replica",), Shows("cup1", trouble="no"), 503),
    (("replica",), Shows("cup1", unable="it cannot serve now"), 503),
    (("replica",), Shows("cup1", idle="its services are not up"), 200),
    (("primary",), Shows("cup1", unable="it cannot serve now", serves=WELL.serves), 503),
    (("healthy",), WELL, 200),
    (("healthy",), Shows("cup1", idle="its services are not up"), 200),
    (("healthy",), Shows("cup1", trouble="no"), 503),
    (("serves", "node1"), WELL, 200),
    (("serves", "CUP1"), WELL, 200),
    (("serves", "cup2"), WELL, 503),
    (("serves", "node2"), Shows("cup1", trouble="no", serves=frozenset(GROUPS), groups=GROUPS), 503),
    (("serves", "cup3"), WELL, 404),
    (("serves", ""), WELL, 404),
])
def test_health_is_200_or_503_with_one_line(path, shows, status):
    found = reply(path, shows)
    assert found.status == status
    assert found.body.decode().removesuffix("\n").isprintable()
    if status == 404:
        assert "cup1, cup2, node1, node2" in found.body.decode()


@pytest.mark.parametrize("path", [("",), ("primary", ""), ("serves",), ("serves", "a", "b"), ("x",), ()])
def test_other_paths_are_not_about_health(path):
    assert reply(path, WELL) is None


# ----------------------------------------------------------------------------- requests


class _Writer:
    """What was written, and whether the end was."""

    def __init__(self):
        self.data, self.ended = b"", False

    def write(self, data):
        self.data += data

    async def drain(self):
        pass

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True


def said(data, answers=None, *, ends=True, within=5.0):
    """The response to these bytes, as head and body."""
    async def all_well(asked):
        return Reply.says(200, f"{asked.method} {'/'.join(asked.path)} {asked.host}")

    async def whole():
        reader, writer = asyncio.StreamReader(), _Writer()
        reader.feed_data(data)
        if ends:
            reader.feed_eof()
        begun = await reader.read(1)
        with suppress(ConnectionError):
            await converse(reader, writer, begun, longest=1 << 14, within=within, answers=answers or all_well)
        return writer.data

    head, _, body = asyncio.run(whole()).partition(b"\r\n\r\n")
    return head.decode(), body


@pytest.mark.parametrize(("data", "status", "body"), [
    (b"GET /primary HTTP/1.1\r\nHost: a\r\n\r\n", 200, b"GET primary a\n"),
    (b"GET /primary HTTP/1.0\r\n\r\n", 200, b"GET primary \n"),
    (b"HEAD /primary HTTP/1.1\r\nHost: a\r\n\r\n", 200, b""),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, b"OPTIONS * a\n"),
    (b"GET http://b:1/x HTTP/1.1\r\nHost: a\r\n\r\n", 200, b"GET x b\n"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n", 200, b"GET  a\n"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, b"POST  a\n"),
    (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"PUT  a\n"),
    (b"GET / HTTP/1.1\r\nHost: [::1]:20075\r\n\r\n", 200, b"GET  ::1\n"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost a\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\nA\x00: b\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, None),
    (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, None),
    (b"GET / ICY\r\n\r\n", 400, None),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, None),
    (b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), 400, None),
    (b"<policy-file-request/>\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431, None),
    (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 4_000 + b"\r\n", 431, None),
])
def test_a_request_has_one_response_and_one_line_of_reason(data, status, body):
    head, found = said(data)
    first, *headers = head.split("\r\n")
    assert first.split(" ")[:2] == ["HTTP/1.1", str(status)]
    assert len(first.split(" ", 2)[2]) > 1
    named = dict(header.split(": ", 1) for header in headers)
    assert named["Content-Type"] == "text/plain; charset=utf-8"
    assert named["X-Content-Type-Options"] == "nosniff"
    assert named["X-Frame-Options"] == "DENY"
    assert named["Cache-Control"] == "no-store"
    assert named["Connection"] == "close"
    assert "frame-ancestors 'none'" in named["Content-Security-Policy"]
    if data.startswith(b"HEAD"):
        assert int(named["Content-Length"]) > 0
    else:
        assert int(named["Content-Length"]) == len(found)
    if body is not None:
        assert found == body
    elif not data.startswith(b"HEAD"):
        assert found.decode().removesuffix("\n").isprintable()


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: a\r\n", b"G", b"GET /\r\n", b"GET"])
def test_a_request_that_does_not_become_whole_is_told_so(data):
    head, body = said(data, ends=False, within=0.01)
    assert head.startswith("HTTP/1.1 408 Request Timeout")
    assert b"limits.whole" in body


def test_whoever_goes_away_in_a_request_gets_an_end():
    assert said(b"GET / HTTP/1.1\r\nHo")[0].startswith("HTTP/1.1 400")


def test_without_its_library_http_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h11", None)
    head, body = said(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.startswith("HTTP/1.1 501")
    assert b"pip install 'prgcore[cli]'" in body


def test_the_methods_are_those_that_change_nothing():
    assert METHODS == ("GET", "HEAD", "OPTIONS")
    assert Asked("GET", ("",)).host == ""
