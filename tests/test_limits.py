"""The limits of the ports: whose place is given up, what is overdue, and a real door."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import textwrap
import tomllib
from contextlib import suppress

import pytest

from prgcore.errors import BadInput
from prgcore.running.door import Door
from prgcore.running.group import read_group
from prgcore.running.limits import LIMIT_KEYS, Limits, room
from prgcore.running.places import SHARE, SILENT, Place, gives_up, overdue
from prgcore.running.seldom import WHILE, Seldom
from tests.agents import group_file, ports
from tests.pages import ROOT
from tests.waits import until

# ------------------------------------------------------------------------ the group file


def test_a_group_file_without_limits_has_sensible_ones(tmp_path):
    assert read_group(group_file(tmp_path)).limits == Limits()


def test_a_group_file_sets_each_limit(tmp_path):
    file = group_file(tmp_path)
    file.write_text(file.read_text() + '[limits]\nconnections = 50\nwhole = 2\nhosts = ["DB.example.org"]\n'
                    "log = 20000\nlogs = 2\n")
    found = read_group(file).limits
    assert found == Limits(50, 50, 2.0, log=20_000, logs=2, hosts=("db.example.org",))


def test_the_page_shows_every_limit_with_its_default():
    page = (ROOT / "docs" / "load-balancers.md").read_text(encoding="utf-8")
    shown = tomllib.loads(textwrap.dedent(re.search(r"^    \[limits\]\n(?:    .*\n)*", page, re.MULTILINE)[0]))
    assert tuple(shown["limits"]) == LIMIT_KEYS
    assert Limits.read(shown["limits"]) == Limits()
    assert (SHARE, WHILE) == (4, 60)
    for said in ("a quarter of them is for newcomers", "the next one comes after a minute"):
        assert said in " ".join(page.split())


@pytest.mark.parametrize(("line", "says"), [
    ("connections = 0", "limits.connections: 0 is not a whole number from 4 to 100000"),
    ("connections = 1.5", "limits.connections: 1.5"), ("connections = true", "limits.connections: True"),
    ("per_address = 900", "limits.per_address: 900"), ("whole = 0", "limits.whole: 0"),
    ("whole = nan", "limits.whole: nan"), ("idle = inf", "limits.idle: inf"), ('idle = "1"', "limits.idle: '1'"),
    ("line = 10", "limits.line: 10"), ("lines = -1", "limits.lines: -1"), ("log = 5", "limits.log: 5 bytes"),
    ("log = -1", "limits.log: -1"), ("logs = 0", "limits.logs: 0"), ("conections = 5", "connections"),
    ('hosts = "a"', "limits.hosts"), ('hosts = ["a:80"]', "limits.hosts"), ('hosts = [""]', "limits.hosts"),
    ('hosts = ["*"]', "limits.hosts"), ("hosts = [1]", "limits.hosts"),
])
def test_a_wrong_limit_is_one_line_with_its_place(tmp_path, line, says):
    file = group_file(tmp_path)
    file.write_text(f"{file.read_text()}[limits]\n{line}\n")
    with pytest.raises(BadInput) as error:
        read_group(file)
    assert says in str(error.value)
    assert str(error.value).startswith("group file group.toml: limits")


def test_limits_that_is_no_table_is_named(tmp_path):
    with pytest.raises(BadInput, match="limits: expected a table"):
        read_group(group_file(tmp_path, more="limits = 5\n"))


# ---------------------------------------------------------------------------- files


def _with_files(soft, hard, limits):
    """What a process with these numbers of open files says, and what it may open then."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        import resource

        with suppress(BaseException):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            _, said = room(limits)
            os.write(write, f"{resource.getrlimit(resource.RLIMIT_NOFILE)[0]}|{said}".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as found:
        now, _, said = found.read().partition("|")
    return int(now), said


def test_the_number_of_open_files_is_raised_where_it_is_low():
    assert _with_files(64, 1024, Limits()) == (500, "")
    assert _with_files(900, 1024, Limits()) == (900, "")


def test_where_the_system_allows_too_few_files_it_is_said():
    now, said = _with_files(64, 128, Limits())
    assert now == 128
    assert said == ("limits.connections: both ports may need 500 open files, and the system allows 128, so each port "
                    "lets in 14: raise it (ulimit -n, LimitNOFILE=), or write fewer connections")


# ---------------------------------------------------------------------------- places


FEW = Limits(connections=4, per_address=3, whole=5, idle=60)


def place(address="a", since=0, last=None, *, proved=False):
    return Place(address, since, since if last is None else last, proved=proved)


def test_where_there_is_room_nobody_gives_up():
    assert gives_up([], "a", FEW) is None
    assert gives_up([place("a"), place("a"), place("b")], "a", FEW) is None


def test_of_too_many_of_one_address_the_oldest_that_has_said_nothing_gives_up():
    one, two, three = place(since=1), place(since=2), place(since=0, last=9, proved=True)
    assert gives_up([place("b"), three, two, one], "a", FEW) is one
    assert gives_up([place("b"), three, two, one], "c", FEW).address == "b", "of all, the oldest"


def test_one_that_has_proved_itself_gives_up_last_and_then_the_most_silent():
    peer = place("a", 0, 100, proved=True)
    assert gives_up([peer, *(place("b", 5 + n) for n in range(3))], "c", FEW).since == 5
    others = [place("b", 5, 20 + n, proved=True) for n in range(3)]
    assert gives_up([peer, *others], "c", FEW) is others[0]


def test_where_nearly_all_have_proved_themselves_newcomers_have_some_places():
    """Else a newcomer would end at once for the next one, and an administrator could not ask."""
    many = Limits(connections=40, per_address=40)
    old = [place(n, 0, 50 + n, proved=True) for n in range(40)]
    assert gives_up(old, "x", many) is old[0]
    for new in range(1, 10):
        young = [place("y", 90 + n) for n in range(new)]
        assert gives_up([*young, *old[new:]], "x", many) is old[new], "one that was silent for longest"
    young = [place("y", 90 + n) for n in range(10)]
    assert gives_up([*young, *old[10:]], "x", many) is young[0]


def test_an_address_at_its_limit_takes_no_place_of_another():
    peer = place("a", 0, 1)
    mine = [place("b", 50 + n, proved=True) for n in range(3)]
    assert gives_up([peer, *mine], "b", FEW) is mine[0]


@pytest.mark.parametrize(("one", "now", "why"), [
    (Place("a", 0, 0), 5, ""), (Place("a", 0, 4), 5.1, "a connection brought no whole line"),
    (Place("a", 0, 50, proved=True), 100, ""), (Place("a", 0, 50, proved=True), 111, SILENT),
    (Place("a", 0, 99, begun=94, proved=True), 100, "a connection did not end a line"),
    (Place("a", 0, 99, begun=96, proved=True), 100, ""),
])
def test_what_is_overdue(one, now, why):
    assert overdue(one, FEW, now) == why


# ------------------------------------------------------------------------------ remarks


def test_each_kind_is_said_once_in_a_while(caplog):
    now = [100.0]
    seldom = Seldom(lambda: now[0])
    for _ in range(1000):
        seldom.warn("a", "too many")
    seldom.warn("b", "too slow")
    now[0] += WHILE
    seldom.warn("a", "too many")
    assert [r.message for r in caplog.records] == [
        "too many", "too slow", "too many (and 999 times more since the last such line)"]


# --------------------------------------------------------------------------------- doors


class _Lines(asyncio.Protocol):
    """Answers each line with its length."""

    def __init__(self):
        self.got, self.lost = b"", False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.got += data
        self.transport.write(b"." * data.count(b"\n"))

    def connection_lost(self, _):
        self.lost = True


class _House:
    """A door in this process, and clients of it."""

    def __init__(self, **limits):
        self.limits, self.made, self.ends = Limits(**limits), [], []
        self.address = "127.0.0.1", ports(1)[0]

    def _makes(self):
        self.made.append(_Lines())
        return self.made[-1]

    async def __aenter__(self):
        self.door = await Door("the port", self.address, self.limits, self._makes, Seldom()).open()
        return self

    async def __aexit__(self, *_):
        for end in self.ends:
            end.close()
        self.door.close()
        await until(lambda: not self.door._guests)

    async def client(self, data=b""):
        end = socket.socket()
        end.setblocking(False)
        self.ends.append(end)
        await asyncio.get_running_loop().sock_connect(end, self.address)
        if data:
            await asyncio.get_running_loop().sock_sendall(end, data)
        return end

    @staticmethod
    async def hears(end, number=1):
        """So many bytes of an answer; fewer where the connection ends."""
        found = b""
        async with asyncio.timeout(30):
            while len(found) < number:
                try:
                    part = await asyncio.get_running_loop().sock_recv(end, 4096)
                except ConnectionError:
                    break
                if not part:
                    break
                found += part
        return found


def test_a_thousand_silent_clients_do_not_keep_out_who_speaks(caplog):
    async def life():
        async with _House(connections=20, per_address=20) as house:
            peer = await house.client(b"one\n")
            assert await house.hears(peer) == b"."
            for _ in range(300):
                await house.client()
            await house.client(b"two\n")
            assert await house.hears(house.ends[-1]) == b"."
            assert len(house.door._guests) <= 20
            await asyncio.get_running_loop().sock_sendall(peer, b"three\n")
            assert await house.hears(peer) == b".", "who has proved itself stays"

    asyncio.run(life())
    assert [r.message.partition(":")[0] for r in caplog.records] == ["the port at 127.0.0.1"]
    assert "too many connections" in caplog.text


@pytest.mark.parametrize("data", [b"", b"half a line", b"{", b"\x16\x03\x01"])
def test_who_brings_nothing_whole_gets_an_end(data, caplog):
    async def life():
        async with _House(whole=0.1) as house:
            end = await house.client(data)
            assert await house.hears(end) == b""

    asyncio.run(life())
    assert "brought no whole line within 0.1 s (limits.whole)" in caplog.text


def test_a_slow_line_gets_an_end_also_after_a_whole_one(caplog):
    async def life():
        async with _House(whole=0.2) as house:
            end = await house.client(b"one\nand a ha")
            assert await house.hears(end, 2) == b"."

    asyncio.run(life())
    assert "did not end a line" in caplog.text


def test_who_is_silent_gets_an_end_without_a_remark(caplog):
    async def life():
        async with _House(whole=0.1, idle=0.2) as house:
            end = await house.client(b"one\n")
            assert await house.hears(end, 2) == b"."

    asyncio.run(life())
    assert not caplog.records


@pytest.mark.parametrize("data", [b"x" * 2000, b"a\n" + b"x" * 2000 + b"\n", b"x\n" * 3 + b"y" * 1025 + b"\n"])
def test_a_line_that_is_too_long_ends_its_connection(data, caplog):
    async def life():
        async with _House(line=1024) as house:
            end = await house.client(data)
            await house.hears(end, 100)
            await until(lambda: house.made and house.made[0].lost)
            assert b"y" not in house.made[0].got

    asyncio.run(life())
    assert "a line has more than 1024 bytes" in caplog.text


def test_many_short_lines_are_not_a_long_one():
    async def life():
        async with _House(line=1024, lines=10_000) as house:
            end = await house.client(b"x" * 900 + b"\n" + b"12345\n" * 1000 + b"y" * 1024 + b"\n")
            assert await house.hears(end, 1002) == b"." * 1002

    asyncio.run(life())


def test_a_flood_of_lines_comes_in_pieces_and_nothing_is_lost():
    async def life():
        async with _House(lines=100) as house:
            end = await house.client(b"".join(b"%d\n" % n for n in range(400)))
            other = await house.client(b"one\n")
            assert await house.hears(other) == b".", "the flood holds up nobody else"
            assert house.made[0].got.count(b"\n") < 400
            end.shutdown(socket.SHUT_WR)
            assert await house.hears(end, 400) == b"." * 400
            assert house.made[0].got == b"".join(b"%d\n" % n for n in range(400))
            await until(lambda: house.made[0].lost)

    asyncio.run(life())


class _Full:
    """A listening socket of a system without files."""

    def __init__(self, real, number):
        self.real, self.number, self.left = real, number, 3

    def accept(self):
        if self.left:
            self.left -= 1
            raise OSError(self.number, "no")
        return self.real.accept()

    def __getattr__(self, name):
        return getattr(self.real, name)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ECONNABORTED])
def test_a_system_without_files_is_one_line_and_it_goes_on(number, caplog):
    async def life():
        async with _House() as house:
            door, loop = house.door, asyncio.get_running_loop()
            real = door._sockets[0]
            loop.remove_reader(real)
            door._sockets[0] = full = _Full(real, number)
            loop.add_reader(full, door._lets_in, full)
            end = await house.client(b"one\n")
            await until(lambda: not full.left)
            if await house.hears(end) != b".":  # it was turned away
                assert await house.hears(await house.client(b"two\n")) == b"."

    asyncio.run(life())
    assert len(caplog.records) == (number != errno.ECONNABORTED)
    assert "Traceback" not in caplog.text


def test_a_door_that_cannot_open_leaves_nothing_open():
    async def life():
        async with _House() as house:
            with pytest.raises(OSError, match="in use"):
                await Door("two", house.address, house.limits, asyncio.Protocol, Seldom()).open()

    asyncio.run(life())


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_an_address_of_a_kind_that_is_not_used_here_is_left_out(monkeypatch, number):
    """Where IPv6 is off, localhost may still have an address of it."""
    real = socket.socket

    def made(family=socket.AF_INET, *rest, **more):
        if family == socket.AF_INET6:
            raise OSError(number, "no")
        return real(family, *rest, **more)

    async def life():
        house, loop = _House(), asyncio.get_running_loop()
        four, six = ((family, socket.SOCK_STREAM, 6, "", (where, house.address[1])) for family, where in (
            (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")))
        monkeypatch.setattr(loop, "getaddrinfo", lambda *_, **__: _soon([six, four]))
        monkeypatch.setattr(socket, "socket", made)
        async with house:
            assert await house.hears(await house.client(b"one\n")) == b"."
        monkeypatch.setattr(loop, "getaddrinfo", lambda *_, **__: _soon([six]))
        with pytest.raises(OSError, match="no"):
            await Door("two", house.address, house.limits, asyncio.Protocol, Seldom()).open()

    asyncio.run(life())


async def _soon(value):
    return value


@pytest.mark.parametrize("where", ["0.0.0.0", "10.0.0.7", "::", "fe80::7%1"])
def test_a_door_without_security_does_not_open_where_its_name_is_elsewhere(monkeypatch, where):
    """A file of names may say that localhost is another address."""
    async def life():
        loop, family = asyncio.get_running_loop(), socket.AF_INET6 if ":" in where else socket.AF_INET
        found = [(one, socket.SOCK_STREAM, 6, "", (at, 0)) for one, at in (
            (socket.AF_INET, "127.0.0.1"), (family, where))]
        monkeypatch.setattr(loop, "getaddrinfo", lambda *_, **__: _soon(found))
        door = Door("one", ("localhost", 7), Limits(), asyncio.Protocol, Seldom(), here=True)
        with pytest.raises(BadInput, match=r"^security\.off: localhost:7 is .*, which other computers can reach"):
            await door.open()
        assert door._sockets == []

    asyncio.run(life())


def test_a_door_listens_at_every_address_of_its_name():
    async def life():
        house = _House()
        house.address = "localhost", house.address[1]
        async with house:
            for one in house.door._sockets:
                end = socket.socket(one.family)
                end.setblocking(False)
                house.ends.append(end)
                await asyncio.get_running_loop().sock_connect(end, one.getsockname())
                await asyncio.get_running_loop().sock_sendall(end, b"one\n")
                assert await house.hears(end) == b"."

    asyncio.run(life())
