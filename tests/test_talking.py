"""Heartbeats over TCP: what arrives, what does not, and how a connection ends whose host is gone."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
from attrs import evolve

from prgcore.machine import PRG
from prgcore.running.heartbeat import LONGEST, reader
from prgcore.running.node import reported
from prgcore.running.seal import CHALLENGE, OPEN, challenge_line, challenge_of
from prgcore.running.shapes import Heard
from prgcore.running.talking import PROBE, PROBES, SILENT, Ear, Mouth, _Voice
from prgcore.running.trust import Trust
from tests.stores import LONG
from tests.waits import until

SAID = Heard({c: PRG.initial[0][c] for c in reported(PRG, "node2")}, 1, "record", 3, "mark", "terms")


@pytest.fixture
def talk():
    """Run a conversation: an ear with what it heard, and a mouth that talks to it."""
    def run(conversation):
        async def whole():
            heard, came = [], asyncio.Event()

            def hears(one):
                heard.append(one)
                came.set()

            ear = Ear(reader(PRG, "node2"), hears)
            server = await asyncio.get_running_loop().create_server(ear, "127.0.0.1", 0)
            mouth = Mouth("node2", server.sockets[0].getsockname(), 3)
            try:
                async with asyncio.timeout(LONG):
                    await conversation(ear, server, mouth, heard, came)
            finally:
                mouth.shut()
                ear.hang_up()
                server.close()

        asyncio.run(whole())

    return run


def option(transport, name, level=socket.IPPROTO_TCP):
    return transport.get_extra_info("socket").getsockopt(level, name)


def test_a_connection_whose_host_is_gone_ends_on_both_sides(talk):
    """The sender tries another; the receiver, which only waits, has its system ask."""
    async def conversation(ear, _server, mouth, heard, came):
        mouth.say(SAID, 3)
        await came.wait()
        assert heard == [SAID]
        (transport,) = ear._open
        assert option(transport, socket.SO_KEEPALIVE, socket.SOL_SOCKET) == 1
        assert [option(transport, name) for name in (
            socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)] == [SILENT, PROBE, PROBES]
        assert option(mouth._transport, socket.TCP_USER_TIMEOUT) == 3000

    talk(conversation)


def test_what_is_said_to_nobody_is_not_said_later(talk):
    async def conversation(_ear, server, mouth, heard, came):
        address, mouth.to = mouth.to, ("127.0.0.1", 1)
        mouth.say(SAID, 3)
        await asyncio.wait([mouth._opening])
        mouth.to = address
        newer = evolve(SAID, epoch=4)
        mouth.say(newer, 3)
        await came.wait()
        assert heard == [newer]
        assert len(server.sockets) == 1

    talk(conversation)


# ------------------------------------------------------------------------------- seals


TRUST = Trust("Sales", b"k" * 32, "pair.key")


@pytest.fixture
def sealed():
    """Run a conversation whose heartbeats are sealed: an ear with what it heard, and a mouth."""
    def run(conversation, *, says=TRUST, fresh=lambda: 1e9):
        async def whole():
            heard, came = [], asyncio.Event()

            def hears(one):
                heard.append(one)
                came.set()

            ear = Ear(reader(PRG, "node2"), hears, partial(TRUST.hears, "node2", "node1"), fresh)
            server = await asyncio.get_running_loop().create_server(ear, "127.0.0.1", 0)
            mouth = Mouth("node2", server.sockets[0].getsockname(), 3,
                          partial(says.says, "node2", "node1"))
            try:
                async with asyncio.timeout(LONG):
                    await conversation(ear, mouth, heard, came)
            finally:
                mouth.shut()
                ear.hang_up()
                server.close()
                await until(lambda: not ear._open)
                for _ in range(9):  # until what was closed is gone
                    await asyncio.sleep(0)

        asyncio.run(whole())

    return run


def test_sealed_heartbeats_are_heard(sealed):
    async def conversation(ear, mouth, heard, came):
        for epoch in range(3, 30):
            mouth.say(evolve(SAID, epoch=epoch), 3)
            await until(lambda: heard and heard[-1].epoch == epoch)  # noqa: B023
        assert len(ear._open) == 1
        assert came.is_set()

    sealed(conversation)
    sealed(conversation, fresh=lambda: 0.05)


@pytest.mark.parametrize("says", [
    Trust("Sales"), Trust("Sales", b"l" * 32), Trust("Other", b"k" * 32)], ids=["none", "other", "group"])
def test_heartbeats_without_the_right_seal_are_not_heard_and_said_once(sealed, says, caplog):
    async def conversation(ear, mouth, heard, came):
        for _ in range(3):
            mouth.say(SAID, 3)
            await until(lambda: mouth._transport is not None)
            await until(lambda: mouth._transport.is_closing() and not ear._open)
        assert heard == []
        assert not came.is_set()

    sealed(conversation, says=says)
    assert len(caplog.records) == 1
    assert "something other than a heartbeat came in at the service port: a line is" in caplog.text
    assert "6b6b6b" not in caplog.text


def test_a_heartbeat_that_is_too_late_is_sent_once_more_and_heard(sealed, caplog):
    async def conversation(ear, mouth, heard, came):
        clock = ear.clock
        mouth.say(SAID, LONG)
        await came.wait()
        ear.clock = lambda: clock() + 100  # it slept; what waits for it is old
        mouth.say(evolve(SAID, epoch=4), LONG)
        await until(lambda: heard[-1].epoch == 4)
        assert len(heard) == 2

    sealed(conversation, fresh=lambda: 50)
    assert caplog.text.count("a heartbeat came too late to count") == 1


def test_a_mouth_does_not_speak_to_what_sends_no_challenge(sealed):
    async def conversation(_ear, mouth, heard, _came):
        said = []

        async def other(reader, writer):
            writer.write(b'{"challenge": "no"}\n')
            said.append(await reader.read())
            writer.close()

        server = await asyncio.start_server(other, "127.0.0.1", 0)
        mouth.to = server.sockets[0].getsockname()
        for _ in range(2):
            mouth.say(SAID, 0.2)
            await asyncio.wait([mouth._opening])
        await until(lambda: len(said) == 2)
        assert said == [b"", b""]
        assert heard == []
        server.close()

    sealed(conversation)


def test_recorded_heartbeats_count_for_nothing(sealed, caplog):
    """On the same connection, on a new one, by themselves, and after a restart of either side."""
    recorded = bytearray()

    async def conversation(ear, mouth, heard, came):
        to = mouth.to

        async def middle(reader, writer):
            there, here = await asyncio.open_connection(*to)

            async def back():
                while data := await there.read(1 << 16):
                    writer.write(data)

            task = asyncio.create_task(back())
            while data := await reader.read(1 << 16):
                recorded.extend(data)
                here.write(data)
                if heard:  # the same bytes once more, on the same connection
                    here.write(data)
            task.cancel()
            here.close()
            writer.close()

        proxy = await asyncio.start_server(middle, "127.0.0.1", 0)
        mouth.to = proxy.sockets[0].getsockname()
        mouth.say(SAID, LONG)
        await came.wait()
        mouth.say(evolve(SAID, epoch=4), LONG)
        await until(lambda: len(heard) == 2 and not ear._open)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*to)
            assert challenge_of(await reader.readline())
            writer.write(recorded)
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        assert len(heard) == 2
        proxy.close()

    sealed(conversation)
    assert len(recorded) > 200
    assert caplog.text.count("came in at the service port") == 1


def test_a_long_heartbeat_and_one_in_pieces_are_heard(sealed):
    """A heartbeat has at most 64 kB; a seal adds to that."""
    async def conversation(ear, mouth, heard, came):
        ear.reads = lambda data: data
        reader, writer = await asyncio.open_connection(*mouth.to)
        says = TRUST.says("node2", "node1")
        says.takes(await reader.readline())
        for text in (b"x" * (LONGEST - 1), b"y"):
            line, half = says.seals(text), len(text) // 2
            for part in (line[:half], line[half:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
        await until(lambda: len(heard) == 2)
        writer.write(b"1" * (LONGEST + 200))
        with suppress(ConnectionError):
            await reader.read()
        await until(lambda: not ear._open)
        writer.close()
        assert came.is_set()

    sealed(conversation)


def test_challenges_without_end_take_no_time_from_the_node():
    """One that hears has no more than a few open; each costs a seal, and may ask for a heartbeat."""
    said = []
    seals = Trust("Sales", b"k" * 32).says("node2", "node1")
    voice = _Voice(SimpleNamespace(seal=lambda: seals, again=said.append))
    voice.transport = SimpleNamespace(abort=lambda: said.append("ended"))
    line = challenge_line(bytes(CHALLENGE), "again")
    voice.data_received(line * OPEN)
    assert voice.ready.is_set()
    voice.data_received(line * OPEN)
    assert said == [voice] * OPEN
    voice.data_received(line * (OPEN + 1))
    assert said[OPEN:] == ["ended"]
