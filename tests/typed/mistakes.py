"""Mistakes that type checkers find: one on every marked line, and none elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import prgcore
from prgcore import PRG, Outcome, Pair, prg
from prgcore import Mashine as Misspelt  # mistake
from prgcore.adapters.strategies import against, pairs
from prgcore.model import Cell, Event
from prgcore.running import AsyncDriver, Driver, Keeper
from prgcore.stores import EtcdStore, Fence, Order, SQLiteArbiter, SQLiteStore, heard, told
from prgcore.timers import Parameters
from prgcore.vocabulary import Kind
from prgcore.wire import dumps, load


class Nodes:
    def perform(self, order: Order) -> None:
        order.node = "node2"  # mistake


class Deaf:
    def perform(self, order: str) -> None:
        print(order)


class Half:
    def start(self, pair: Mapping[str, str]) -> None:
        print(pair)


def engine(pair: Pair) -> None:
    PRG.stepp("x", 3)  # mistake
    PRG.step("x", "enable_ha")  # mistake
    PRG.step(pair, 3)  # mistake
    prgcore.PRG.available()  # mistake
    prg(reconnection=True)  # mistake
    pair["node1.state"] = "normal"  # mistake
    after: Pair = PRG.step(pair, "enable_ha")  # mistake
    print(after, PRG.explain(pair).advise)  # mistake
    print(PRG.step(pair, "enable_ha").outcome is Outcome.DECLINED)  # mistake
    print(PRG.plan(pair, "normal").steps)  # mistake
    print(PRG.why_not(pair))  # mistake


def stores() -> None:
    SQLiteArbiter("pair.db", 5)  # mistake
    SQLiteArbiter("pair.db")  # mistake
    SQLiteStore("pair.db", busy=5)  # mistake
    EtcdStore("http://127.0.0.1:2379")  # mistake
    with SQLiteStore("pair.db") as store:
        store.write(0, {})  # mistake
        print(store.read().value)  # mistake
    Fence().check("1")  # mistake


def drivers(store: SQLiteStore) -> None:
    Driver(PRG, store)  # mistake
    Driver(PRG, store, Deaf())  # mistake
    Keeper(PRG, "pair.db")  # mistake
    driver = Driver(PRG, store, Nodes(), parameters=20)  # mistake
    driver.see("enable_ha")  # mistake
    driver.send(told("enable_ha"))  # mistake
    print(driver.see(heard("node1")).epoch)  # mistake
    Parameters(keep_alive=20)  # mistake


async def beside(keeper: Keeper) -> None:
    entries = AsyncDriver(keeper, Nodes()).see(told("enable_ha"))
    print(entries[0])  # mistake


def machines() -> None:
    load(42)  # mistake
    print(dumps(PRG))  # mistake
    print(Cell("node1.state", ("normal",)).value)  # mistake
    Event("press", kind=Kind.COMMANDS)  # mistake
    against(Half)  # mistake
    print(pairs("PRG"), Misspelt)  # mistake
