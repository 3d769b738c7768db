"""One look at real processes and sockets: commands, TCP, HTTP, each within its time-out."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager

import pytest

from prgcore.running.checks import look
from prgcore.running.service import Check
from tests import waits
from tests.waits import LONG

QUICK = {"interval": 0.3, "timeout": 0.3}
SLOW = {"interval": LONG, "timeout": LONG}


@pytest.fixture
def asks(tmp_path):
    def call(**what):
        return look(Check(**what), tmp_path, os.environ, lambda _: False)

    return call


@contextmanager
def server(*parts, holds=False):
    """A server that answers one connection with these bytes, and then closes it, or holds it."""
    with socket.create_server(("127.0.0.1", 0)) as listens:
        over = threading.Event()

        def serve():
            talk, _ = listens.accept()
            with talk:
                for part in parts:
                    talk.sendall(part)
                if holds:
                    over.wait()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listens.getsockname()
        over.set()
        thread.join()  # else its socket may be gone before it accepts


def sh(script):
    return {"command": ("sh", "-c", script)}


@pytest.mark.parametrize(("script", "why"), [
    ("exit 1", "exit code 1"), ("exit 127", "exit code 127"), ("exit 255", "exit code 255"),
    ("kill -9 $$", "ended by signal 9"), ("echo no; exit 3", "exit code 3: no"),
    ("echo first; echo second >&2; exit 3", "exit code 3: second"),
    ("printf 'a\\033[31m\\377b\\n\\n'; exit 3", "exit code 3: a [31m\N{REPLACEMENT CHARACTER}b"),
    ("head -c 9000000 /dev/zero | tr '\\0' x; echo; echo last; exit 4", "exit code 4: last"),
])
def test_a_command_that_fails_says_why(asks, script, why):
    found = asks(**sh(script), **SLOW)
    assert (found.well, found.why) == (False, why)


@pytest.mark.parametrize("script", [
    "exit 0", "true; echo fine", "head -c 9000000 /dev/zero",
    "sleep 86403 & exit 0",  # its child keeps the pipe open
])
def test_a_command_that_exits_with_0_is_well(asks, script):
    assert asks(**sh(script), **SLOW).well


@pytest.mark.parametrize("script", [
    "sleep 86404", "sleep 86404 & wait", "trap '' TERM; while :; do sleep 0.1; done",
    "yes", "kill -STOP $$", "cat; sleep 86404", "exec >&- 2>&-; sleep 86404",
])
def test_a_command_that_hangs_is_killed_with_all_that_it_started(asks, tmp_path, script):
    found = asks(**sh(f"echo $$ >number; {script}"), **QUICK)
    assert not found.well
    assert found.why.startswith("killed after 0.3 s")
    if (tmp_path / "number").exists() and (tmp_path / "number").read_text():
        number = int((tmp_path / "number").read_text())
        waits.once(lambda: not waits._processes(number, group=True) or all(
            waits._stat(waits.Path(f"/proc/{p}/stat"))[:1] in ([], ["Z"])
            for p in waits._processes(number, group=True)))


@pytest.mark.parametrize(("command", "why"), [
    (("no-such-program",), "no-such-program: No such file or directory"),
    (("./none",), "./none: No such file or directory"),
    (("/etc/passwd",), "/etc/passwd: Permission denied"),
    (("/",), "/: Permission denied"),
])
def test_a_command_that_is_missing_is_a_failed_look(asks, command, why):
    found = asks(command=command)
    assert (found.well, found.why) == (False, why)


def test_tcp_connects_or_says_why(asks):
    with server() as address:
        assert asks(tcp=address, **SLOW).well
    with socket.socket() as deaf:  # it keeps its port from others, and does not listen
        deaf.bind(("127.0.0.1", 0))
        found = asks(tcp=deaf.getsockname(), **SLOW)
    assert (found.well, found.why) == (False, "Connection refused")


def test_tcp_to_a_listener_whose_queue_is_full_fails_in_time(asks):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listens, \
            socket.create_connection(listens.getsockname()):
        found = asks(tcp=listens.getsockname(), **QUICK)
    assert (found.well, found.why) == (False, "no answer within 0.3 s")


@pytest.mark.parametrize("status", [200, 204, 299, 301, 302, 304, 399])
def test_http_is_well_with_2xx_and_3xx(asks, status):
    with server(f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n".encode(), holds=True) as (h, p):
        assert asks(http=f"http://{h}:{p}/x?y=1", **SLOW).well


def test_http_needs_no_reason_and_no_body(asks):
    with server(b"HTTP/1.0 200\r\n", b"\r\n", holds=True) as (h, p):
        assert asks(http=f"http://{h}:{p}", **SLOW).well


@pytest.mark.parametrize(("parts", "why"), [
    ([b"HTTP/1.1 500 Oh\r\n\r\n"], "status 500"), ([b"HTTP/1.1 404 No\r\n\r\n"], "status 404"),
    ([b"HTTP/1.1 503\r\n\r\n"], "status 503"), ([b"HTTP/1.1 101 S\r\n\r\n"], "status 101"),
    ([b"SSH-2.0-OpenSSH_9.2\r\n"], "not an answer of HTTP: 'SSH-2.0-OpenSSH_9.2'"),
    ([b"HTTP/1.1 200 OK\r\nA: b\r\n"], "not an answer of HTTP: 'A: b'"),
    ([b"HTTP/2 200\r\n\r\n"], "not an answer of HTTP: 'HTTP/2 200'"),
    ([b"HTTP/1.1 999 X\r\n\r\n"], "not an answer of HTTP: 'HTTP/1.1 999 X'"),
    ([b""], "not an answer of HTTP: ''"),
    ([b"\0" * 70000], "not an answer of HTTP: ''"),
])
def test_http_says_why_it_is_not_well(asks, parts, why):
    with server(*parts) as (h, p):
        found = asks(http=f"http://{h}:{p}/", **SLOW)
    assert (found.well, found.why) in {(False, why), (False, "Connection reset by peer")}


@pytest.mark.parametrize("parts", [
    [], [b"HTTP/1.1 2"], [b"HTTP/1.1 200 OK\r\n"], [b"HTTP/1.1 200 OK\r\nA: b\r\n"],
])
def test_http_that_hangs_or_is_slow_with_its_headers_fails_in_time(asks, parts):
    with server(*parts, holds=True) as (h, p):
        found = asks(http=f"http://{h}:{p}/", **QUICK)
    assert (found.well, found.why) == (False, "no answer within 0.3 s")


def test_http_that_never_accepts_fails_in_time(asks):
    with socket.create_server(("127.0.0.1", 0)) as listens:
        host, port = listens.getsockname()
        assert asks(http=f"http://{host}:{port}/", **QUICK).why == "no answer within 0.3 s"


def test_a_service_that_gives_no_answer_to_its_agent(asks):
    found = asks(lease=True)
    assert (found.well, found.why) == (False, "no answer at its socket within 1 s")
