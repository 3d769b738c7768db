"""An agent reads its group file again: what it warns of then, and by what it counts from then on."""

from __future__ import annotations

import asyncio
import re
import resource

import pytest
from attrs import evolve

from prgcore.running.agent import Agent
from prgcore.running.group import read_group
from prgcore.running.state import RUNS
from tests.agents import group_file
from tests.waits import until


@pytest.fixture
def file(tmp_path):
    """A group without services."""
    made = group_file(tmp_path)
    made.write_text(re.sub("^serv(ices|ing) = .*\n", "", made.read_text(), flags=re.MULTILINE)
                    + "[limits]\nconnections = 4\n")
    return made


def with_agent(file, does):
    """Run an agent in this process until `does` is over."""
    async def lives():
        agent = Agent(read_group(file), "node1", new=True)
        runs = asyncio.create_task(agent.run())
        await until(lambda: agent.keeper.state.phase == RUNS)
        try:
            await does(agent)
        finally:
            agent.stop()
            await runs

    asyncio.run(lives())


async def reloads(agent, caplog):
    """The lines that an agent logs while it reads its file again."""
    before = len(caplog.messages)
    agent.reload()
    await until(lambda: any("read again" in says for says in caplog.messages[before:]))
    return caplog.messages[before:]


def test_fewer_connections_than_the_file_asks_for_are_a_warning_once(file, caplog, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (300, 300))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    async def does(agent):
        assert [door.limits.connections for door in agent.doors] == [4, 4]
        file.write_text(file.read_text().replace("connections = 4", "connections = 200"))
        said = await reloads(agent, caplog)
        assert [door.limits.connections for door in agent.doors] == [100, 100]
        assert said[0].startswith("limits.connections: both ports may need 500 open files, and the "
                                  "system allows 300, so each port lets in 100")
        assert await reloads(agent, caplog) == ["group.toml was read again: nothing has changed"]

    with_agent(file, does)


def test_a_heartbeat_is_fresh_for_a_time_out_and_an_interval_on_which_both_nodes_agree(file):
    async def does(agent):
        assert agent.ear.fresh() == pytest.approx(1.5 + 0.1)
        state = agent.keeper.state
        longer = type(state.effective).of({"keep_alive_timeout": 4.0}, state.effective)
        agent.keeper.state = evolve(state, effective=longer)
        assert agent.ear.fresh() == pytest.approx(4 + 0.1)

    with_agent(file, does)
