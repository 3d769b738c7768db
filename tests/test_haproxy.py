"""HAProxy before two agents: users reach the primary alone, and go with it when it fails over."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import socketserver
import subprocess
import textwrap
import threading
import time
from contextlib import suppress

import pytest

from prgcore.running import group as read
from prgcore.running.group import read_group
from tests.agents import Group, ports
from tests.pages import ROOT
from tests.stores import LONG
from tests.test_standby_agents import Pair
from tests.waits import stop

NODES = ("node1", "node2")
CONFIG = textwrap.dedent(re.search(
    r"^    defaults\n(?:    .*\n|\n)*", (ROOT / "docs" / "load-balancers.md").read_text("utf-8"), re.MULTILINE)[0])
"""The configuration of the page; everything but addresses stays as it is there."""


def until(true, seconds=2 * LONG):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def group(tmp_path, run):
    """Two agents of the machine that `prgcore init` writes: one node is active."""
    assert run("init", tmp_path).code == 0
    made = Group(tmp_path, silence=4)
    text = made.file.read_text().replace("[parameters]", 'machine = "machine.json"\n[parameters]')
    text = text.replace("initialization_keep_alive_timeout = 8\n", "take_over_after = 0.5\n")
    made.file.write_text(text.replace("critical_service_delay = 0.6\n", "lease_lasts = 1\n"))
    made.start("cup1")
    made.start("cup2")
    try:
        until(lambda: all(asks(made, node, "/healthy") == 200 for node in NODES))
        if not primary(made):
            until(lambda: all(made.ask("node1", do="status").get("known", {}).get(f"{n}.hears") == "yes"
                              for n in NODES))
            until(lambda: primary(made) or (
                run("ha", "event", "promote(cup1)", "-s", made.file).code == 0 and primary(made)))
        until(lambda: primary(made))
        yield made
    finally:
        made.close()


def asks(group, node, path, method="GET", timeout=2, **headers):
    """The number with which a node answers; 0: it does not answer."""
    host, port = (group.nodes if isinstance(group, read.Group) else read_group(group.file).nodes)[node].admin
    end = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        end.request(method, path, headers=headers)
        return end.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        end.close()


def primary(group):
    found = [node for node in NODES if asks(group, node, "/primary") == 200]
    assert len(found) < 2
    return found[0] if found else ""


class _Name(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.server.name.encode())


@pytest.fixture
def balanced(group, tmp_path):
    """Asks HAProxy, for each method of its checks, which node users reach."""
    servers, text, fronts = [], CONFIG.partition("listen primary")[0], {}
    for node in NODES:
        servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Name))
        servers[-1].name = node
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
    members = read_group(group.file).nodes
    for method, port in zip(("GET", "HEAD", "OPTIONS"), ports(3), strict=True):
        fronts[method] = port
        listen = "listen primary" + CONFIG.partition("listen primary")[2]
        listen = listen.replace("listen primary", f"listen {method}").replace("*:5432", f"127.0.0.1:{port}")
        for n, server in enumerate(servers, 1):
            listen = listen.replace(f"10.0.0.{n}:5432 check port 20075",
                                    f"127.0.0.1:{server.server_address[1]} check port {members[f'node{n}'].admin[1]}")
        if method == "OPTIONS":  # the check that HAProxy makes by default, in HTTP/1.0
            listen = re.sub(r"option httpchk\n.*send meth.*\n", "option httpchk OPTIONS /primary\n", listen)
        text += listen.replace("meth GET", f"meth {method}") + "\n"
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    assert "10.0.0." not in text
    assert subprocess.run(["haproxy", "-c", "-f", file], capture_output=True, check=False).returncode == 0
    with (tmp_path / "haproxy.out").open("wb") as out:
        proxy = subprocess.Popen(["haproxy", "-f", file], stdout=out, stderr=out)

    def reached(method="GET"):
        with suppress(OSError), socket.create_connection(("127.0.0.1", fronts[method]), 5) as end:
            end.settimeout(5)
            return end.recv(100).decode()
        return ""

    yield reached
    proxy.kill()
    proxy.wait()
    for server in servers:
        server.shutdown()
        server.server_close()


METHODS = ("GET", "HEAD", "OPTIONS")


def reached(balanced):
    """The nodes that some users reach."""
    return {balanced(method) for method in METHODS for _ in range(4)}


@pytest.mark.haproxy
def test_users_reach_the_primary_and_go_with_it(group, balanced):
    first = primary(group)
    other = "node2" if first == "node1" else "node1"
    until(lambda: asks(group, other, "/replica") == 200)
    until(lambda: reached(balanced) == {first})  # before its first checks, each server counts as up
    assert other not in reached(balanced)
    group.agents[f"cup{first[-1]}"].kill()
    until(lambda: reached(balanced) == {other})
    until(lambda: primary(group) == other)
    group.start(f"cup{first[-1]}")
    until(lambda: asks(group, first, "/replica") == 200)
    assert first not in reached(balanced)


@pytest.mark.haproxy
def test_an_agent_that_is_stopped_answers_nothing_and_its_users_go_on(group, balanced):
    first = primary(group)
    other = "node2" if first == "node1" else "node1"
    until(lambda: balanced() == first)
    agent = group.agents[f"cup{first[-1]}"]
    stop(agent.pid)
    assert asks(group, first, "/primary", timeout=0.5) == 0
    until(lambda: reached(balanced) == {other})
    agent.send_signal(signal.SIGCONT)
    found = {asks(group, first, "/primary") for _ in range(20)}
    assert found <= {503, 0}, "what it served by has ended"
    until(lambda: asks(group, first, "/replica") == 200)


def test_every_endpoint_has_its_number_for_each_method(group):
    first = primary(group)
    other = "node2" if first == "node1" else "node1"
    until(lambda: asks(group, other, "/replica") == 200)
    for method in METHODS:
        for path, at_first, at_other in (
                ("/primary", 200, 503), ("/replica", 503, 200), ("/serves/users", 200, 503), ("/healthy", 200, 200),
                ("/serves/nobody", 404, 404), ("/status.json", 200, 200), ("/metrics", 200, 200), ("/", 200, 200),
                ("/primary?x", 200, 503), ("/serves/%75sers", 200, 503), ("/primary/", 404, 404), ("/x", 404, 404)):
            until(lambda: (asks(group, first, path, method), asks(group, other, path, method))  # noqa: B023
                  == (at_first, at_other))  # noqa: B023
    until(lambda: asks(group, first, "/primary", "POST") == 405)
    until(lambda: asks(group, first, "/", Host="evil.example") == 421)
    until(lambda: asks(group, first, "/metrics", Host="evil.example:80") == 421)


def test_roles_of_a_machine_are_answered(tmp_path):
    """The machine of `prgcore init --from active-standby` names roles."""
    pair = Pair(tmp_path)
    try:
        pair.normal()

        def numbers(node):
            return [asks(pair.group, node, f"/{path}") for path in ("primary", "serves/users", "replica", "healthy")]

        until(lambda: (numbers("node1"), numbers("node2")) == ([200, 200, 503, 200], [503, 503, 200, 200]))
        pair.dies("node1")
        until(lambda: numbers("node2") == [200, 200, 503, 200])
        assert numbers("node1") == [0, 0, 0, 0]
    finally:
        pair.ends()


def test_no_node_is_a_primary_without_a_store(group):
    """The store is gone for both nodes: each says 503 once it knows, and never 200 after that."""
    path, kept = group.folder / "pair.db", group.folder / "kept"
    kept.mkdir()
    for one in group.folder.glob("pair.db*"):
        one.rename(kept / one.name)
    path.mkdir()
    until(lambda: {asks(group, node, "/healthy") for node in NODES} == {503})
    for _ in range(20):
        found = {asks(group, node, f"/{what}") for node in NODES for what in ("primary", "serves/users", "replica")}
        assert found <= {503, 0}
        time.sleep(0.1)
    until(lambda: {asks(group, node, "/status.json") for node in NODES} == {200})
    path.rmdir()
    for one in kept.iterdir():
        one.rename(group.folder / one.name)
    until(lambda: primary(group))
