"""etcd alone: servers that are gone, asleep, restarted, or no etcd."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from prgcore.errors import BadInput, Unavailable
from prgcore.stores.keeping import settle
from tests import stores, waits

pytestmark = pytest.mark.etcd


@pytest.fixture
def server(tmp_path):
    """A server that a test may stop."""
    one = stores.Etcd(tmp_path).start()
    yield one
    one.stop()


def test_what_is_too_large_is_bad_input(server):
    with stores.opened(f"etcd {server.url} large/") as store:
        for size in (1_600_000, 4_000_000):
            with pytest.raises(BadInput, match="etcd does not accept a value of this size"):
                store.write({"a": "b" * size}, 0, {"epoch": 1})
        assert store.read() is None
        assert list(store.history()) == []


def test_a_server_may_be_restarted_in_the_middle(server):
    place = f"etcd {server.url} restart/"
    with stores.opened(place) as store:
        stores.first(store)
    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(stores.steps, place, 60, seed) for seed in range(3)]
        for how in (signal.SIGKILL, signal.SIGTERM):
            time.sleep(0.2)
            server.stop(how)
            with stores.opened(place) as store, pytest.raises(Unavailable):
                store.read()
            server.start()
        ids = [i for one in writing for i in one.result()]
    with stores.opened(place) as store:
        assert sorted(e["id"] for e in stores.replayed(store)) == sorted(ids)


def test_a_write_that_arrives_late_is_done_once(server):
    """The server sleeps, the writer gives up, the server wakes and does it after all."""
    place = f"etcd {server.url} late/"
    with stores.opened(place) as store:
        version = store.write({}, 0)
    with stores.opened(place, timeout=0.5) as store:
        waits.stop(server.process.pid)
        written = ({"a": 1}, version, {"epoch": 1, "id": "mine"})
        with pytest.raises(Unavailable, match=r"^etcd at http://127.*does not answer within 0\.5 s$"):
            store.write(*written)
        for call in (lambda: store.wait(version, 60), lambda: settle(store, *written)):
            with pytest.raises(Unavailable):
                call()
        server.process.send_signal(signal.SIGCONT)
        stores.settled(place, store, written).close()
    with stores.opened(place) as store:
        assert (store.read().value, list(store.history())) == ({"a": 1}, [written[2]])


def test_waiting_ends_when_the_server_does(server):
    with stores.opened(f"etcd {server.url} gone/") as store, ThreadPoolExecutor() as pool:
        waiting = pool.submit(store.wait, store.write({}, 0), 60)
        time.sleep(0.2)
        server.stop()
        with pytest.raises(Unavailable):
            waiting.result(timeout=stores.LONG)


def test_waiting_outlives_a_compaction(server):
    """What etcd forgot of its past is not needed: the version is read before the watch."""
    with stores.opened(f"etcd {server.url} one/") as store, \
            stores.opened(f"etcd {server.url} two/") as other:
        version, newest = store.write({}, 0), 0
        for _ in range(5):
            newest = other.write({}, newest)
        store.compact()
        assert not store.wait(version, 0.2)
        assert store.wait(version - 1, stores.LONG)
        assert store.write({}, version) > newest


def test_an_etcd_without_space_says_what_to_do_and_goes_on_after_it(tmp_path, run):
    """Old values of one key use up its quota. Reads go on, and the error of a write names a cure.

    The write that is answered so may be made nevertheless, as every one whose outcome is unknown.
    """
    server = stores.Etcd(tmp_path, options=["--quota-backend-bytes", str(16 << 20)]).start()
    try:
        with stores.opened(f"etcd {server.url} prgcore/A/") as store, \
                stores.arbiter(f"etcd {server.url} prgcore/A/", 2) as arbiter:
            version, epoch, written = 0, 0, ()
            with pytest.raises(  # noqa: PT012, a few writes fit
                    Unavailable, match=r"NOSPACE.*etcdctl compact.*alarm disarm") as error:
                for epoch in range(1, 1000):
                    written = ({"epoch": epoch, "a": "b" * 400_000}, version, {"epoch": epoch})
                    version = store.write(*written)
            assert str(error.value).isprintable()
            kept = store.read()
            made = kept.value["epoch"] == epoch
            assert made or (kept.value["epoch"], kept.version) == (epoch - 1, version)
            assert len(list(store.history())) == kept.value["epoch"] > 10
            with pytest.raises(Unavailable, match="NOSPACE"):
                arbiter.acquire("node1", 1)
            with pytest.raises(Unavailable, match="NOSPACE"):
                settle(store, *written)
            assert store.read() == kept
            (tmp_path / "g.toml").write_text(
                f'group = "A"\nstore = "etcd:{server.url}"\nsecurity = {{off = true}}\n[node1]\n[node2]\n'
                'service = "127.0.0.1:22002"\nadmin = "127.0.0.1:20076"\n')
            answer = run("log", "--compact", tmp_path / "g.toml", "--revisions")
            assert answer.code == 0, answer.err
            post = store._etcd.call
            post("/maintenance/defragment", {}, dict)
            alarms = post("/maintenance/alarm", {"action": "GET"}, dict)["alarms"]
            for alarm in alarms:
                post("/maintenance/alarm", {"action": "DEACTIVATE", **alarm}, dict)
            now = settle(store, *written)
            assert (now == 0) == made
            assert store.read().value == written[0]
            assert len(list(store.history())) == epoch
            assert arbiter.acquire("node1", 1)
    finally:
        server.stop()


def test_old_entries_are_dropped_from_etcd_and_nothing_else(server):
    from prgcore.stores.keeping import LEAST

    with stores.opened(f"etcd {server.url} Sales/") as store, \
            stores.opened(f"etcd {server.url} Sales/history/") as inside, \
            stores.arbiter(f"etcd {server.url} Sales/", 60) as arbiter:
        assert store.forget(10) == 0
        version, last, other = 0, LEAST + 250, inside.write({}, 0, {"epoch": 1})
        for epoch in range(1, last + 1):
            version = store.write({"epoch": epoch}, version, {"epoch": epoch})
        assert arbiter.acquire("node1", 1)
        assert store.forget(201) == 200
        assert store.forget(201) == 0
        assert store.forget(10**12) == 50
        assert [e["epoch"] for e in store.history()] == list(range(251, last + 1))
        store.compact()
        assert (store.read().version, inside.read().version) == (version, other)
        assert [e["epoch"] for e in inside.history()] == [1]
        assert arbiter.holder() == "node1"
        store.write({}, version, {"epoch": last + 1})


def test_another_server_is_asked_after_one_is_gone(server):
    with stores.opened(f"etcd http://127.0.0.1:9,{server.url}/ next/") as store:
        with pytest.raises(Unavailable, match=r"^no etcd answers at http://127\.0\.0\.1:9: connection refused$"):
            store.read()
        assert store.read() is None


def test_one_server_of_three_may_be_killed(tmp_path):
    """Those that are left go on with all that was decided; one alone decides nothing."""
    servers = [stores.Etcd(tmp_path, name) for name in ("a", "b", "c")]
    try:
        for server in servers[1:]:
            server.launch(servers)
        servers[0].start(servers)
        place = f"etcd {','.join(s.url for s in servers)} three/"
        with stores.opened(place) as store:
            stores.first(store)
        with ThreadPoolExecutor(2) as pool:
            writing = [pool.submit(stores.steps, place, 40, seed) for seed in range(2)]
            time.sleep(0.2)
            servers[0].stop()
            ids = [i for one in writing for i in one.result()]
        last = f"etcd {servers[2].url} three/"
        with stores.opened(last) as store:
            stores.answered(store)
            assert sorted(e["id"] for e in stores.replayed(store)) == sorted(ids)
            kept = store.read()
        servers[1].stop()
        with stores.opened(last, timeout=1) as store:
            for call in (store.read, lambda: store.write({}, kept.version)):
                with pytest.raises(Unavailable):
                    call()
    finally:
        for server in servers:
            if server.process:
                server.stop()


@pytest.mark.parametrize(("url", "says"), [
    ("", "'' is not an address of etcd"), ("127.0.0.1:2379", "is not an address of etcd; expected: http"),
    ("ftp://a:1", "is not an address"), ("http://:1", "is not an address"), ("http://a:99999", "not an address"),
    ("http://a:b", "is not an address"), ("http://[::1", "is not an address"), ("http://a:1,", "not an address"),
    ("http://a/path", "is not an address"), (None, "is not an address"),
])
def test_an_address_that_is_none_is_refused(url, says):
    from prgcore.stores.etcd import EtcdStore

    with pytest.raises(BadInput, match=says):
        EtcdStore(url, "a/")


@pytest.mark.parametrize("prefix", ["", "/", "a\0", "a\n", "\ud800", None, 3])
def test_a_prefix_that_is_none_is_refused(prefix):
    from prgcore.stores.etcd import EtcdStore

    with pytest.raises(BadInput, match="is not a prefix; expected: prgcore/GROUP/"):
        EtcdStore("http://127.0.0.1:1", prefix)


@pytest.mark.parametrize("ttl", [0, -1, 9e9, 10**9, float("nan"), float("inf"), "3", True, None, 10**30])
def test_a_time_that_is_none_is_refused_with_both_ends_of_its_range(ttl):
    from prgcore.stores.etcd import EtcdArbiter, EtcdStore

    range_ = "; a number of seconds above 0 and below 1,000,000,000 is expected"
    with pytest.raises(BadInput) as caught:
        EtcdArbiter("http://127.0.0.1:1", "a/", ttl=ttl)
    assert str(caught.value) == f"the time to live is {str(ttl)[:80]!r}{range_}"
    with pytest.raises(BadInput, match=f"^the timeout of a call is .*{range_}$"):
        EtcdStore("http://127.0.0.1:1", "a/", timeout=ttl)


FOREIGN = "and not as etcd 3.4 or newer does: look at the address, and at proxies on the way"


@pytest.mark.parametrize(("status", "body", "says"), [
    (400, '{"error":"etcdserver: too large lease TTL","message":"etcdserver: too large lease TTL","code":11}',
     "etcd at URL answers 400 Bad Request: etcdserver: too large lease TTL"),
    (503, '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}',
     "etcd at URL answers 503 Service Unavailable: etcdserver: no leader"),
    (200, '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}',
     "etcd at URL answers: etcdserver: no leader"),
    (503, '{"code":14,"message":"etcdserver: request timed out","details":[]}',
     "etcd at URL answers 503 Service Unavailable: etcdserver: request timed out"),
    (503, '{"error":"etcdserver: leader changed"}\n{"error":"again"}',
     "etcd at URL answers 503 Service Unavailable: etcdserver: leader changed"),
    (503, '{"code":14}', "etcd at URL answers 503 Service Unavailable: it gives no reason"),
    (503, '{"code":14,"message":{"a":"b"}}', "etcd at URL answers 503 Service Unavailable: it gives no reason"),
    (429, '{"error":"grpc: received message larger than max (9 vs. 4)","code":8}',
     "etcd at URL answers: grpc: received message larger than max (9 vs. 4)"),
    (503, "[1,2]", f"the server at URL answers 503 Service Unavailable, {FOREIGN}"),
    (503, '{"secret":"x"}', f"the server at URL answers 503 Service Unavailable, {FOREIGN}"),
    (502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
     f"the server at URL answers 502 Bad Gateway, {FOREIGN}"),
    (407, "<html>permission denied", f"the server at URL answers 407 Proxy Authentication Required, {FOREIGN}"),
    (404, "404 page not found\n", f"the server at URL answers 404 Not Found, {FOREIGN}"),
    (500, "", f"the server at URL answers 500 Internal Server Error, {FOREIGN}"),
    (599, "\x1b[31mred", f"the server at URL answers 599, {FOREIGN}"),
    (400, "Client sent an HTTP request to an HTTPS server.\n",
     "the server at URL asks for TLS: write https:// into its address (etcd.ca names who signed its"),
    (200, "<html>hello</html>",
     "the server that answers at URL is not etcd, or its answer was damaged on its way"),
])
def test_an_error_quotes_what_etcd_says_and_nothing_else(status, body, says):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from prgcore.stores.etcd import EtcdArbiter, EtcdStore

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            """Nothing: it is a test."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with EtcdStore(url, "a/") as store, EtcdArbiter(url, "a/", ttl=3) as arbiter:
                for call in (store.read, lambda: list(store.history()), arbiter.holder):
                    with pytest.raises((Unavailable, BadInput)) as caught:
                        call()
                    assert says in str(caught.value).replace(url, "URL")
                    assert not set(str(caught.value)) & set("{}<>\x1b")
        finally:
            server.shutdown()
            thread.join()


def test_a_new_leader_of_etcd_counts_the_time_of_a_grant_again(server):
    """So a hand-over may take twice its time, and the election."""
    place = f"etcd {server.url} hand/"
    with stores.arbiter(place, 2) as lost, stores.arbiter(place, 2) as other:
        assert lost.acquire("node1", 1)
        server.stop()
        time.sleep(2.5)
        began = time.monotonic()
        server.start()
        assert other.holder() == "node1" or time.monotonic() > began + 2, "its time is over, and began again"
        until = time.monotonic() + stores.LONG
        while not other.acquire("node2", 2):
            assert time.monotonic() < until
            time.sleep(0.05)


ENDED = ("etcd at URL ends the connection before its answer is complete; if it uses TLS, write https:// "
         "into its address")


@pytest.mark.parametrize(("answer", "says"), [
    (b"", ENDED),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
     ENDED),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     ENDED),
    (b"SSH-2.0-OpenSSH\r\n", "the server at URL does not speak HTTP: look at the address of etcd"),
    (b"HTTP/1.1 abc\r\n\r\n", "the server at URL does not speak HTTP: look at the address of etcd"),
])
def test_half_an_answer_and_another_protocol_are_named_without_the_words_of_a_library(answer, says):
    import socket

    from prgcore.stores.etcd import EtcdStore

    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            one, _ = server.accept()
            with one:
                one.recv(100_000)
                one.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with EtcdStore(url, "a/") as store, pytest.raises(Unavailable) as caught:
            store.read()
        thread.join()
    assert str(caught.value).replace(url, "URL") == says


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"HTTP/1.1 404 No\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
    b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"header": {"revision": "a\\u00e9"}}',
], ids=ascii)
def test_what_answers_and_is_not_etcd_is_unavailable(answer):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one:
                    one.recv(100_000)
                    one.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            with stores.opened(f"etcd {url} x", timeout=1) as store, \
                    stores.arbiter(f"etcd {url} x", 2, timeout=1) as arbiter:
                for call in (store.read, lambda: store.write({}, 0, {"epoch": 1}),
                             lambda: store.wait(0, 5), lambda: list(store.history()),
                             lambda: arbiter.acquire("node1", 1), lambda: arbiter.keep("node1"),
                             lambda: arbiter.release("node1", 1), arbiter.holder):
                    with pytest.raises(Unavailable, match=r"etcd") as error:
                        call()
                    assert "\n" not in str(error.value)
                    assert len(str(error.value)) < 400
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("name", ["record", "grant", "newest", "history/000000000000001"])
def test_a_value_that_was_damaged_on_its_way_is_no_value(server, name):
    """One byte of another word is still a word: a seat, a token, a node."""
    from base64 import b64decode, b64encode

    place = f"etcd {server.url} sum/"
    with stores.opened(place) as store, stores.arbiter(place, 60) as arbiter:
        store.write({"epoch": 1, "seats": {"node1": "abc"}}, 0, {"epoch": 1, "rule": "X"})
        assert arbiter.acquire("node1", 1)
        call, key = store._etcd.call, store._etcd.key(name)
        kept = b64decode(call("/kv/range", {"key": key}, dict)["kvs"][0]["value"])
        assert store._etcd.range(name).one.text == kept.decode().rpartition("\n")[0]
        for place_of in range(len(kept)):
            for other in {kept[place_of] ^ 1, kept[place_of] ^ 3} - {10}:
                damaged = kept[:place_of] + bytes([other]) + kept[place_of + 1:]
                call("/kv/put", {"key": key, "value": b64encode(damaged).decode()}, dict)
                if kept[place_of:place_of + 1] == b"\n":  # it looks like one without a checksum
                    assert store._etcd.range(name).one.text == damaged.decode()
                else:
                    with pytest.raises(Unavailable, match="damaged on its way"):
                        store._etcd.range(name)
        text = kept.rpartition(b"\n")[0]
        call("/kv/put", {"key": key, "value": b64encode(text).decode()}, dict)
        assert store._etcd.range(name).one.text == text.decode(), "as an older release wrote it"
