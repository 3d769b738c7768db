"""Programs that are no agents and no administrators of the group: nothing that they do changes it.

They are outside, and they see and record every byte between the agents. What they lack is the key, or
a certificate of the right authority with the right name.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import ssl
import threading
from contextlib import suppress

import pytest

from prgcore.errors import BadInput, Unavailable
from prgcore.machine import PRG
from prgcore.running.asking import Unproved, ask, ask_of
from prgcore.running.certificates import Certificates
from prgcore.running.group import read_group
from prgcore.running.heartbeat import line
from prgcore.running.keyfile import read_key, write_key
from prgcore.running.node import reported
from prgcore.running.seal import challenge_line, challenge_of
from prgcore.running.security import Tls
from prgcore.running.shapes import Heard
from prgcore.running.trust import Trust
from prgcore.seats import NODES
from prgcore.vocabulary import Kind
from tests.agents import CALM, QUICK, Group
from tests.certificates import Authority
from tests.stores import LONG
from tests.waits import once as until

COMMAND = {"do": "tell", "event": "enable_ha"}
TOLD = json.dumps(COMMAND).encode()
BEAT = line("node2", Heard(
    {c: PRG.initial[0][c] for c in reported(PRG, "node2")}, 0, "another", 7, "m", "t")).rstrip()


@pytest.fixture
def group(tmp_path, request):
    made = Group(tmp_path, silence=getattr(request, "param", CALM))
    yield made
    made.close()


def started(group, *names):
    for name in names:
        group.start(name)
    for name in names:
        until(lambda: status(group, name.replace("cup", "node")).get("trouble") == "")  # noqa: B023
    return group


def status(group, node="node1"):
    return group.ask(node, do="status")


def commands(group, node="node1"):
    """The commands that an agent has decided, from its log."""
    with suppress(OSError):
        events = [json.loads(one)["event"] for one in
                  (group.folder / node / "log.jsonl").read_text().splitlines() if '"event"' in one]
        return [e for e in events if PRG.kind(e) is Kind.COMMAND]
    return []


def enabled(group):
    """The group, whose administrator has enabled high availability."""
    until(lambda: "entry" in group.ask("node1", **COMMAND))
    return group


def hears(group, node="node1"):
    return status(group, node).get("known", {}).get(f"{node}.hears_peer")


def spoken(address, *lines, greets=b""):
    """All that is answered to these lines, one after the other, until the end of the connection."""
    said = b""
    with socket.create_connection(address, LONG) as end, suppress(ConnectionError):
        end.settimeout(LONG)
        if greets:
            end.sendall(greets)
            said += end.recv(1 << 16)
        for one in lines:
            end.sendall(one)
        end.shutdown(socket.SHUT_WR)
        while data := end.recv(1 << 16):
            said += data
    return said


class Tap:
    """A proxy that records what goes both ways."""

    def __init__(self, to):
        self.to, self.recorded, self.ends = to, [], []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accepts, daemon=True).start()

    def _accepts(self):
        with suppress(OSError):
            while True:
                end, _ = self.server.accept()
                there = socket.create_connection(self.to)
                sent = bytearray()
                self.recorded.append(sent)
                self.ends += [end, there]
                for one, other, kept in ((end, there, sent), (there, end, bytearray())):
                    threading.Thread(target=self._carries, args=(one, other, kept), daemon=True).start()

    def _carries(self, one, other, kept):
        with suppress(OSError):
            while data := one.recv(1 << 16):
                kept += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def close(self):
        for end in (self.server, *self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


# -------------------------------------------------------------------------- commands


def sealed_with(trust, node="node1", text=TOLD, change=lambda line: line):
    """What an intruder sends who knows how to seal, and lacks something."""
    def talk(address):
        mine = trust.chance()
        with socket.create_connection(address, LONG) as end, suppress(ConnectionError):
            end.settimeout(LONG)
            end.sendall(challenge_line(mine, "hello"))
            theirs = challenge_of(end.recv(1 << 16))
            asks, _ = trust.talk(node, mine, theirs)
            end.sendall(change(asks.seals(text)))
            end.shutdown(socket.SHUT_WR)
            said = b""
            while data := end.recv(1 << 16):
                said += data
            return said
    return talk


def test_no_command_without_the_seal_of_the_group_changes_anything(group):
    started(group, "cup1")
    member = read_group(group.file).nodes["node1"]
    key = read_key(group.folder / "pair.key")
    right, wrong = Trust("Sales", key), Trust("Sales", b"x" * 32)
    intruders = {
        "plain": lambda to: spoken(to, TOLD + b"\n"),
        "plain, after a greeting": lambda to: spoken(to, TOLD + b"\n", greets=challenge_line(b"x" * 16, "hello")),
        "plain, spaced": lambda to: spoken(to, b"  \n" + TOLD + b"\n"),
        "a status": lambda to: spoken(to, b'{"do": "status"}\n'),
        "over HTTP": lambda to: spoken(to, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                                           b"%d\r\n\r\n%s\n" % (len(TOLD) + 1, TOLD)),
        "another key": sealed_with(wrong), "another group": sealed_with(Trust("Other", key)),
        "for the other node": sealed_with(right, "node2"),
        "a flipped bit": sealed_with(right, change=lambda said: said.replace(b"enable", b"disabl")),
        "a flipped bit of the code": sealed_with(
            right, change=lambda said: said[:9] + bytes([said[9] ^ 1]) + said[10:]),
        "another number": sealed_with(right, change=lambda said: b"2" + said[1:]),
        "cut": sealed_with(right, change=lambda said: said[:-9]),
        "without its seal": sealed_with(right, change=lambda said: said.split(b" ", 2)[2]),
        "an answer": lambda to: spoken(
            to, right.talk("node1", b"x" * 16, b"y" * 16)[1].seals(TOLD),
            greets=challenge_line(b"x" * 16, "hello")),
    }
    for what, intrudes in intruders.items():
        for _ in range(3):
            said = intrudes(member.admin)
            assert b'"known"' not in said, what
            assert b'"entry"' not in said, what
    assert commands(group) == []
    until(lambda: status(group).get("known", {}).get("ha") == "off")
    group.says_seldom("cup1", "is refused")
    assert group.said("cup1").count("\n") < 3 * len(intruders)
    until(lambda: b'"entry"' in sealed_with(right)(member.admin))
    until(lambda: commands(group))


def test_a_command_that_was_recorded_is_not_done_again(group):
    """On the same connection, on a new one, and after a restart of the agent."""
    started(group, "cup1")
    real = read_group(group.file)
    tap = Tap(real.nodes["node1"].admin)
    trust = Trust.of(real)
    try:
        until(lambda: "entry" in asyncio.run(
            ask(("127.0.0.1", tap.port), COMMAND, LONG, trust=trust, node="node1")))
        until(lambda: commands(group))
        recorded, before = tap.recorded[-1], commands(group)
        assert before[-1] == "enable_ha"
        hello, question = bytes(recorded).splitlines(keepends=True)
        for _ in range(2):
            for said in (spoken(tap.to, question), spoken(tap.to, hello + question),
                         spoken(tap.to, question, greets=hello)):
                assert b'"entry"' not in said
            group.agents["cup1"].send_signal(signal.SIGTERM)
            started(group, "cup1")
        assert commands(group) == before
        same = Trust.of(real)
        mine = same.chance()
        with socket.create_connection(tap.to, LONG) as end:
            end.sendall(challenge_line(mine, "hello"))
            asks, _ = same.talk("node1", mine, challenge_of(end.recv(1 << 16)))
            twice = asks.seals(json.dumps({"do": "tell", "event": "disable_ha"}).encode())
            end.sendall(twice + twice)
            end.shutdown(socket.SHUT_WR)
            said = b""
            while data := end.recv(1 << 16):
                said += data
        assert (said.count(b'"entry"'), said.count(b"unauthenticated")) == (1, 1)
    finally:
        tap.close()


def test_an_answer_of_a_false_agent_is_not_believed(group, bad):
    started(group, "cup1")
    real = read_group(group.file)
    answer = json.dumps(status(group)).encode()
    for said in (answer, b'{"challenge": "' + b"0" * 32 + b'"}\n' + answer, b"", b"\n", b"{}",
                 b'{"error": "undecided", "message": "use another key"}'):
        server = socket.create_server(("127.0.0.1", 0))

        def lies(server=server, said=said):
            with suppress(OSError):
                while True:
                    end, _ = server.accept()
                    with end:
                        end.recv(1 << 16)
                        end.sendall(said + b"\n")
                        end.recv(1 << 16)

        threading.Thread(target=lies, daemon=True).start()
        with pytest.raises(Unavailable) as caught:
            asyncio.run(ask(server.getsockname(), {"do": "own"}, LONG, trust=Trust.of(real), node="node1"))
        assert "another key" not in str(caught.value)
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_a_reader_without_the_key_gets_one_line(group, bad, run):
    started(group, "cup1")
    assert run("ha", "status", "-s", group.file).code == 0
    key = group.folder / "pair.key"
    kept = key.read_bytes()
    key.chmod(0o644)
    assert "the key of the group is expected in" in bad("ha", "status", "-s", group.file)
    assert bad("ha", "enable", "-s", group.file).endswith("chmod 600 it")
    key.unlink()
    assert "No such file" in bad("ha", "status", "-s", group.file)
    assert "No such file" in bad("agent", group.file, "cup2")
    write_key(key)
    said = bad("ha", "status", "-s", group.file)
    assert "does not answer by the key in pair.key: it has another one, or none" in said
    for code in (kept, key.read_bytes()):
        assert code.decode().strip() not in said + group.said("cup1")
    key.write_bytes(kept)
    assert run("ha", "status", "-s", group.file).code == 0


def test_addresses_that_may_not_command_may_read(tmp_path, run, bad):
    group = Group(tmp_path, silence=CALM, security='{ key = "pair.key", commands_from = ["127.0.0.2", "10.0.0.0/8"] }')
    write_key(tmp_path / "pair.key")
    try:
        started(group, "cup1")
        assert run("ha", "status", "-s", group.file).code == 0
        answer = run("ha", "enable", "-s", group.file)
        assert answer.code == 2
        assert answer.err.endswith("cup1: 127.0.0.1 may not command: security.commands_from does not "
                                   "name it\n")
        for do in ("start_services", "host_lost", "stop"):
            until(lambda: group.ask("node1", do=do).get("error") == "forbidden")  # noqa: B023
        assert commands(group) == []
        group.says_seldom("cup1", "a command from 127.0.0.1 is refused")
    finally:
        group.close()


# ------------------------------------------------------------------------ heartbeats


@pytest.mark.parametrize("group", [QUICK], indirect=True, ids=["quick"])
@pytest.mark.parametrize("part", ["the last", "all"])
def test_heartbeats_that_were_recorded_keep_no_dead_node_alive(group, part):
    """Before, who had recorded a heartbeat could send it for ever: nobody took the users over."""
    real = read_group(group.file)
    tap = Tap(real.nodes["node1"].service)
    text = group.file.read_text()
    two = group.folder / "two.toml"
    two.write_text(text.replace('name = "cup2"\n', f'name = "cup2"\npeer = "127.0.0.1:{tap.port}"\n'))
    try:
        started(group, "cup1")
        first, group.file = group.file, two
        group.start("cup2")
        group.file = first
        enabled(group)
        until(lambda: hears(group) == "yes")
        until(lambda: any(len(one) > 2000 for one in tap.recorded))
        group.agents["cup2"].kill()
        recorded, stopped = [bytes(one) for one in tap.recorded], threading.Event()
        if part == "the last":
            recorded = [recorded[-1][:recorded[-1].rindex(b"\n")].rpartition(b"\n")[2] + b"\n"]

        def repeats():
            while not stopped.wait(0.05):
                for one in recorded:
                    with suppress(OSError), socket.create_connection(tap.to, 5) as end:
                        end.settimeout(5)
                        end.sendall(one)
                        end.shutdown(socket.SHUT_WR)
                        while end.recv(1 << 16):
                            pass

        again = threading.Thread(target=repeats)
        again.start()
        try:
            until(lambda: hears(group) == "no")
        finally:
            stopped.set()
            again.join()
        group.says_seldom("cup1", "something other than a heartbeat came in")
    finally:
        tap.close()


def test_forged_heartbeats_are_not_heard(group):
    started(group, "cup1")
    real = read_group(group.file)
    to, key = real.nodes["node1"].service, read_key(group.folder / "pair.key")
    right = Trust("Sales", key)

    def beat(says, change=lambda line: line):
        with socket.create_connection(to, LONG) as end, suppress(ConnectionError):
            end.settimeout(LONG)
            says.takes(end.recv(1 << 16))
            end.sendall(change(says.seals(BEAT)))
            while end.recv(1 << 16):
                pass

    for says in (Trust("Sales", b"x" * 32).says("node2", "node1"), Trust("Other", key).says("node2", "node1"),
                 right.says("node1", "node2"), right.says("node2", "node2"), right.says("node1", "node1")):
        beat(says)
    for change in (lambda line: line[:20] + bytes((line[20] ^ 1,)) + line[21:], lambda line: line.split(b" ", 2)[2],
                   lambda line: b"0" + line[1:]):
        beat(right.says("node2", "node1"), change)
    assert spoken(to, BEAT + b"\n").count(b"\n") == 1, "only the challenge"
    until(lambda: status(group).get("trouble") == "")
    group.says_seldom("cup1", "something other than a heartbeat came in")
    with socket.create_connection(to, LONG) as end:  # and one who has the key is heard
        says = right.says("node2", "node1")
        says.takes(end.recv(1 << 16))
        end.sendall(says.seals(BEAT))
        until(lambda: "another" in status(group).get("trouble", ""))


# ---------------------------------------------------------------------- certificates

TLS = ('{ tls = { ca = "ca.pem", certificate = "{node}.pem", key = "{node}.key", '
       'administrators = ["ops"] } }')


@pytest.fixture
def certified(tmp_path):
    """Two agents that know each other by certificates."""
    authority = Authority(tmp_path)
    for node, name in zip(NODES, ("cup1", "cup2"), strict=True):
        authority.signs(node, name)
    made = Group(tmp_path, TLS, CALM)
    yield made, authority
    made.close()


def shown(group, authority, certificate, key):
    """The answer to an administrator with this certificate."""
    tls = Tls(authority.file, certificate, key, {"node1": "cup1", "node2": "cup2"})
    trust = Trust("Sales", b"certificates", certificates=Certificates(tls))
    return asyncio.run(ask(read_group(group.file).nodes["node1"].admin, COMMAND, LONG, trust=trust,
                           node="node1"))


def test_two_agents_with_certificates_hear_and_ask_each_other(certified, run):
    group, authority = certified
    enabled(started(group, "cup1", "cup2"))
    until(lambda: hears(group) == "yes" and hears(group, "node2") == "yes")
    until(lambda: status(group).get("peer_answers"))
    before = commands(group)
    authority.signs("node1", "cup1")  # it is renewed
    assert run("ha", "status", "-s", group.file).code == 0
    host, port = read_group(group.file).nodes["node1"].admin
    trusting = ssl.create_default_context(cafile=str(authority.file))
    with socket.create_connection((host, port), LONG) as end, trusting.wrap_socket(
            end, server_hostname="cup1") as wrapped:  # a load balancer needs no certificate to look
        wrapped.sendall(b"GET /healthy HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert wrapped.recv(1 << 16).startswith(b"HTTP/1.")
    with socket.create_connection((host, port), LONG) as end, trusting.wrap_socket(
            end, server_hostname="cup1") as wrapped:  # but to ask
        wrapped.sendall(TOLD + b"\n")
        assert b"unauthenticated" in wrapped.recv(1 << 16)
    assert spoken((host, port), TOLD + b"\n").count(b"entry") == 0
    assert commands(group) == before
    for name in ("cup1", "cup2"):
        assert "Traceback" not in group.said(name)


def test_a_certificate_that_is_not_right_is_refused(certified, tmp_path):
    group, authority = certified
    started(group, "cup1")
    stranger = Authority(tmp_path, "stranger")
    wrong = {
        "foreign": stranger.signs("foreign", "ops"), "expired": authority.signs("expired", "ops", expired=True),
        "of another name": authority.signs("other", "web7"), "of a part": authority.signs("part", "op"),
        "of many": authority.signs("many", "*.ops"), "of an address": authority.signs("address", "127.0.0.1"),
    }
    for what, files in wrong.items():
        with pytest.raises(Unavailable):
            assert not shown(group, authority, *files), what
    assert commands(group) == []
    files = authority.signs("ops", "ops")
    until(lambda: "entry" in shown(group, authority, *files))
    assert "Traceback" not in group.said("cup1")
    assert "no handshake of TLS" in group.said("cup1")
    assert "a question from 127.0.0.1 is refused: its certificate is not" in group.said("cup1")
    assert group.said("cup1").count("\n") < 3 * len(wrong)


def test_an_agent_with_a_wrong_certificate_is_not_heard(certified, tmp_path):
    group, authority = certified
    stranger = Authority(tmp_path, "stranger")
    enabled(started(group, "cup1"))
    for files in (stranger.signs("a", "cup2"), authority.signs("b", "cup1"),
                  authority.signs("c", "cup2", expired=True)):
        for source, to in zip(files, ("node2.pem", "node2.key"), strict=True):
            shutil.copy(source, tmp_path / to)
        group.start("cup2")
        until(lambda: group.said("cup1").count("shows no certificate of the other node"))
        assert hears(group) != "yes"
        group.agents["cup2"].kill()
    said = group.said("cup1")
    assert "Traceback" not in said + group.said("cup2")
    authority.signs("node2", "cup2")
    group.start("cup2")
    until(lambda: hears(group) == "yes")


def test_files_of_certificates_that_cannot_be_used_are_one_line(certified, bad, tmp_path):
    group, _ = certified
    for name, data, says in (
        ("node1.pem", b"", "security.tls.certificate: "), ("node1.key", b"x", "security.tls.certificate: "),
        ("ca.pem", b"no certificate", "security.tls.ca: "), ("node1.key", None, "security.tls.key"),
    ):
        file = tmp_path / name
        kept = file.read_bytes()
        if data is None:
            file.chmod(0o644)
        else:
            file.write_bytes(data)
        assert says in bad("agent", group.file, "cup1")
        file.write_bytes(kept)
        file.chmod(0o600)
    (tmp_path / "node2.key").write_bytes((tmp_path / "node1.key").read_bytes())
    assert "key values mismatch" in bad("agent", group.file, "cup2")
    (tmp_path / "node1.key").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        Trust.of(read_group(group.file), "node1")


def test_a_renewed_certificate_without_its_key_leaves_the_earlier_one(tmp_path):
    """It is written in two steps, or wrongly; connections go on with the earlier one meanwhile."""
    authority = Authority(tmp_path)
    mine, key = authority.signs("node1", "cup1")
    other, _ = authority.signs("other", "cup1")
    certificates = Certificates(Tls(authority.file, mine, key, {"node1": "cup1", "node2": "cup2"}), "node1")
    earlier = _shaken(certificates)
    mine.write_bytes(other.read_bytes())
    with pytest.raises(BadInput, match="key values mismatch"):
        certificates.refresh()
    certificates.refresh()  # it says so once
    assert _shaken(certificates) == earlier
    key.write_bytes(other.with_suffix(".key").read_bytes())
    certificates.refresh()
    assert _shaken(certificates) != earlier


def _shaken(certificates):
    """The certificate of the server that a client gets, both by these contexts, without a network."""
    ins, outs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.service.wrap_bio(ins, outs, server_side=True)
    client = certificates.client.wrap_bio(outs, ins, server_hostname="cup1")
    for _ in range(4):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return client.getpeercert(binary_form=True)


def test_a_false_agent_shows_no_certificate(certified, tmp_path):
    group, _ = certified
    stranger = Authority(tmp_path, "stranger")
    certificate, key = stranger.signs("liar", "cup1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def lies():
        async def answers(reader, writer):
            writer.write(b"{}\n")
            writer.close()

        server = await asyncio.start_server(
            answers, *read_group(group.file).nodes["node1"].admin, ssl=context)
        with pytest.raises(Unproved, match="do not trust each other's certificates: unable to get local"):
            await ask_of(read_group(group.file), "node1", {"do": "status"}, LONG)
        server.close()

    asyncio.run(lies())
