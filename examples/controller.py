"""A controller: one program that keeps the whole pair, with timers, beside an event loop.

    python controller.py [pair.db]

The two nodes are tasks here. In production they are programs on two hosts, which report to the
controller what they see and carry out its orders. The times are seconds instead of minutes. Moving
users takes a while, and nothing waits for it: the heartbeats go on.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from prgcore import PRG
from prgcore.running import AsyncDriver, Keeper
from prgcore.stores import Entry, Order, SQLiteStore, host_lost, told
from prgcore.timers import Parameters
from prgcore.vocabulary import title

PARAMETERS = Parameters(
    keep_alive_interval=0.1, keep_alive_timeout=3, initialization_keep_alive_timeout=4,
    critical_service_delay=0.5)


class Nodes:
    """Carries the orders out: by a remote call, an agent, a virtual machine's console."""

    def perform(self, order: Order) -> None:
        print(f"    {order.do} on {order.node}")
        if order.do == "move_users":
            time.sleep(0.3)


def log(entry: Entry) -> None:
    """Print every decision that changed something, and every refusal."""
    if entry.outcome != "ignored":
        states = " | ".join(title(entry.after[f"{n}.state"]) for n in ("node1", "node2"))
        print(f"{entry.event}: {entry.rule or entry.why}: {states}", flush=True)


async def heartbeats(driver: AsyncDriver, alive: set[str]) -> None:
    """While both live, each node reports to the controller that it hears the other."""
    while True:
        for node in sorted(alive) if len(alive) == 2 else ():
            driver.arrived(node)
        await asyncio.sleep(PARAMETERS.keep_alive_interval)


async def until(driver: AsyncDriver, node1: str, node2: str) -> None:
    """Wait for two states."""
    async with asyncio.timeout(20):
        while True:
            record, _ = driver.keeper.read()
            if (record.columns["node1.state"], record.columns["node2.state"]) == (node1, node2):
                await driver.see()  # after whatever is being decided now
                return
            await asyncio.sleep(0.05)


async def main(file: Path) -> None:
    keeper = Keeper(PRG, SQLiteStore(file), parameters=PARAMETERS, log=log)
    driver, alive = AsyncDriver(keeper, Nodes()), {"node1", "node2"}
    tasks = [asyncio.create_task(driver.run()), asyncio.create_task(heartbeats(driver, alive))]

    await driver.see(told("enable_ha"))
    await until(driver, "normal", "normal")

    print("\na critical service of node1 dies, and does not come back in time")
    await driver.see(told("services_down(node1)"))
    await until(driver, "failed_over_with_critical_services_not_running", "running_in_backup_mode")

    print("\nit is repaired; the administrator brings the users home")
    await driver.see(told("services_up(node1)"))
    await driver.see(told("fallback(node1)"))
    await until(driver, "normal", "normal")

    print("\nthe host of node1 loses its power, and somebody who knows tells it")
    alive.discard("node1")
    await driver.see(told("power_off(node1)"))
    await driver.see(host_lost("node2"))
    await until(driver, "failing_over", "running_in_backup_mode")

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    kept = f"are kept in {file.name}" if len(sys.argv) > 1 else "were made"
    print(f"\n{len(list(keeper.store.history()))} decisions {kept}")
    keeper.store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "pair.db"
        asyncio.run(main(given))
