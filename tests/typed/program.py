"""A program as one writes it around the engine: type checkers find nothing wrong with it."""

# pyright: strict

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given

from prgcore import PRG, Decision, Machine, Outcome, Pair, State, prg
from prgcore.adapters.strategies import against, events, pairs
from prgcore.explain import Explanation
from prgcore.running import AsyncDriver, Driver, Keeper
from prgcore.stores import Entry, Order, SQLiteArbiter, SQLiteStore, heard, told
from prgcore.timers import Parameters
from prgcore.wire import load


class Nodes:
    """Carries orders out."""

    def __init__(self) -> None:
        self.done: list[Order] = []

    def perform(self, order: Order) -> None:
        self.done.append(order)


def decide(machine: Machine, pair: Mapping[str, str]) -> Decision:
    decision = machine.step(pair, "failover(node1)")
    if decision.outcome is Outcome.REFUSED:
        print("refused:", *(cell.column for cell in decision.failed))
    return decision


def keep(folder: Path) -> list[Entry]:
    nodes, parameters = Nodes(), Parameters(keep_alive_timeout=20)
    with SQLiteStore(folder / "pair.db", timeout=2) as store, \
            SQLiteArbiter(folder / "pair.db", ttl=10) as arbiter:
        driver = Driver(PRG, store, nodes, parameters=parameters)
        entries = driver.send("enable_ha") + driver.see(heard("node1"))
        print(arbiter.holder() or "nobody", driver.deadline, nodes.done[-1].do)
    return entries


async def beside(store: SQLiteStore) -> Mapping[str, str]:
    driver = AsyncDriver(Keeper(PRG, store), Nodes())
    entries = await driver.see(told("disable_ha"))
    return entries[0].after


class Mine:
    """An implementation of one's own, to be tested against the table."""

    def start(self, pair: Mapping[str, str]) -> None:
        self.at: Pair = PRG.pair(pair)

    def send(self, event: str) -> Outcome:
        decision = PRG.step(self.at, event)
        self.at = decision.pair
        return decision.outcome

    def pair(self) -> Mapping[str, str]:
        return self.at


TestMine = against(Mine).TestCase


@given(pair=pairs(PRG), event=events(PRG))
def test_a_step_stays_in_the_machine(pair: Pair, event: str) -> None:
    assert event
    assert State(pair["node1.state"]) in State


def main(folder: Path) -> None:
    strict = prg(reconnection="keep_serving")
    explained: Explanation = strict.explain(strict.initial[0])
    print(explained.actions[0], decide(PRG, PRG.initial[0]).why, len(keep(folder)))
    with SQLiteStore(folder / "pair.db") as store:
        print(asyncio.run(beside(store))["ha"])
    own = Machine(load(Path("machine.json")))
    print(own.model.name, [event.name for event in own.model.events])
