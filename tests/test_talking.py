"""Heartbeats over TCP: what arrives, what does not, and how a connection ends whose host is gone."""

from __future__ import annotations

import asyncio
import socket

import pytest
from attrs import evolve

from prgcore.machine import PRG
from prgcore.running.heartbeat import reader
from prgcore.running.node import reported
from prgcore.running.shapes import Heard
from prgcore.running.talking import PROBE, PROBES, SILENT, Ear, Mouth
from tests.stores import LONG

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
