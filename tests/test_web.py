"""What an agent answers over HTTP: the words of a request, the health of a node, and odd requests."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

from prgcore.errors import BadInput
from prgcore.running.administrator import Administrator
from prgcore.running.group import read_group
from prgcore.running.http import METHODS, Asked, Reply, converse, is_ours, read_target
from prgcore.running.seal import CHALLENGE, challenge_line
from prgcore.running.shapes import Obeyed, Seen, Serve
from prgcore.running.state import LEAVES, RUNS, SITS
from prgcore.running.trust import Trust
from prgcore.running.web import PATHS, Shows, Web, reply
from tests.agents import group_file
from tests.pages import ROOT
from tests.waits import LONG, until

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
    (("primary",), Shows("cup1", serves=WELL.serves, role="replica"), 503),
    (("primary",), Shows("cup1", serves=WELL.serves, role="none"), 503),
    (("primary",), Shows("cup1", serves=WELL.serves, role="primary"), 200),
    (("replica",), Shows("cup1", role="replica"), 200),
    (("replica",), Shows("cup1", role="replica", idle="its services are not up"), 503),
    (("replica",), Shows("cup1", role="none"), 503),
    (("replica",), Shows("cup1", role="primary"), 503),
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


def test_the_page_has_every_path():
    page = (ROOT / "docs" / "load-balancers.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `GET (\S+)` \|", page, re.MULTILINE)) == sorted(PATHS)


@pytest.mark.parametrize("path", [("",), ("primary", ""), ("serves",), ("serves", "a", "b"), ("x",), ()])
def test_other_paths_are_not_about_health(path):
    assert reply(path, WELL) is None


# ------------------------------------------------------------------------------- leases


class _Agent:
    """Of an agent, what its answers over HTTP follow from; it may serve node1 from 100 s to 103 s."""

    def __init__(self, folder):
        self.group = read_group(group_file(folder))
        self.node, self.member, self.trouble = "node1", self.group.nodes["node1"], ""
        self.keeper = SimpleNamespace(
            clock=SimpleNamespace(now=lambda: self.now),
            state=SimpleNamespace(
                serving=SimpleNamespace(sent=Serve({"node1": 1}, 103.0)), effective=None, phase=RUNS,
                ended=100.0, services={"services": True, "database": True}))
        self.pump = SimpleNamespace(stops=False)
        self.columns = {"node1.services": "up", "node1.database": "up", "node1.state": "normal",
                        "node1.process": "running"}
        self.now = 100.5
        self.web = Web(self)
        self.web.sees(Seen(obeyed=Obeyed(Serve({"node1": 1}, 102.5), yes=True)))

    def known(self):
        return self.columns

    def says(self, *path):
        return reply(path, self.web.shows()).status


@pytest.fixture
def agent(tmp_path):
    return _Agent(tmp_path)


def test_a_node_serves_until_the_permission_ends_that_its_services_obey(agent):
    for now, status in ((100.5, 200), (102.4, 200), (102.5, 503), (103.5, 503), (1e9, 503)):
        agent.now = agent.keeper.state.ended = now
        assert (agent.says("primary"), agent.says("serves", "node1"), agent.says("serves", "cup1")) == (status,) * 3


def _revoked(agent):
    agent.keeper.state.serving.sent = Serve({}, 104.0)


def _disobeyed(agent):
    agent.web._obeyed = None


def _obeyed_nobody(agent):
    agent.web.sees(Seen(obeyed=Obeyed(Serve({}, 104.0), yes=True)))


def _other_users(agent):
    agent.keeper.state.serving.sent = Serve({"node2": 4}, 104.0)


def _down(agent):
    agent.keeper.state.services = {"services": False, "database": True}


def _database_down(agent):
    agent.keeper.state.services = {"services": True, "database": False}


def _never_looked(agent):
    agent.keeper.state.services = {}


def _trouble(agent):
    agent.trouble = "the store is gone"


def _unable(agent):
    agent.columns = {**agent.columns, "node1.services": "down"}


def _stops(agent):
    agent.keeper.state.phase, agent.pump.stops = LEAVES, True


def _begins(agent):
    agent.keeper.state.phase = SITS


def _old_reading(agent):
    agent.keeper.state.ended = 98.5


@pytest.mark.parametrize("breaks", [
    _revoked, _disobeyed, _obeyed_nobody, _other_users, _down, _database_down, _never_looked, _trouble, _unable,
    _stops, _begins, _old_reading])
def test_nothing_else_makes_a_node_a_primary(agent, breaks):
    assert agent.says("primary") == 200
    breaks(agent)
    if breaks is _other_users:  # between two permissions, those count that both name
        assert agent.says("serves", "node2") == 503
    assert (agent.says("primary"), agent.says("serves", "node1")) == (503, 503)


def test_an_answer_that_the_services_did_not_obey_counts_for_nothing(agent):
    agent.now = agent.keeper.state.ended = 102.6
    agent.web.sees(Seen(obeyed=Obeyed(Serve({"node1": 1}, 103.0), yes=False)))
    assert agent.says("primary") == 503
    agent.web.sees(Seen(obeyed=Obeyed(Serve({"node1": 1}, 103.0), yes=True)))
    assert agent.says("primary") == 200


def test_an_agent_without_services_that_answer_still_says_it_is_healthy(agent):
    _down(agent)
    assert agent.says("healthy") == 200
    _trouble(agent)
    assert agent.says("healthy") == 503


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


def test_many_who_ask_for_metrics_at_once_wait_for_one_page(agent):
    """Each page takes a thread, and the agent needs threads for its services."""
    asked, all_ask = [], threading.Event()

    def page(*_):
        asked.append(1)
        all_ask.wait(LONG)
        return "page\n"

    async def life():
        agent.web.metrics = page
        found = [asyncio.create_task(agent.web.answer(Asked("GET", ("metrics",)))) for _ in range(50)]
        await asyncio.sleep(0)
        await until(lambda: asked)
        all_ask.set()
        assert {(await one).body for one in found} == {b"page\n"}
        assert len(asked) == 1
        assert (await agent.web.answer(Asked("GET", ("metrics",)))).status == 200
        assert len(asked) == 2, "a later one gets a new page"

    asyncio.run(life())


class _Unread:
    """The end of a connection whose other end reads nothing, or is gone."""

    wrote = 0

    def get_extra_info(self, _):
        return None

    def write(self, _):
        self.wrote += 1

    async def drain(self):
        raise ConnectionResetError


def test_whoever_begins_again_and_again_and_reads_nothing_gets_an_end():
    """Else answers would fill the memory; and at a closed connection, each is a line of the log."""
    async def life():
        reader, writer = asyncio.StreamReader(), _Unread()
        reader.feed_data(challenge_line(bytes(CHALLENGE), "hello") * 100)
        reader.feed_eof()
        trust = Trust("Sales", b"k" * 32, "pair.key")
        with pytest.raises(ConnectionResetError):  # a connection ends with it (`Web.answers`)
            await Administrator(SimpleNamespace(trust=trust, node="node1")).answers(reader, writer)
        assert writer.wrote == 1

    asyncio.run(life())


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
