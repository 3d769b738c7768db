"""Decisions per second of each store: read, step, write with its line of the history.

    .venv/bin/python benchmarks/stores.py [--seconds 3] [--folder DIR]

It measures one writer, and four threads of one store that compete. Every decision is on the disk
before the next, so the disk sets the figure. The first line is for comparison: a bare file that is
synced as often. etcd is measured if it is installed, as one server on the same disk.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from shutil import which
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from prgcore import PRG
from prgcore.errors import Conflict
from prgcore.running.driver import Driver
from prgcore.stores.record import Order
from tests import stores


def synced(folder: Path, seconds: float) -> float:
    """The number of 3,000-byte lines per second that can be appended to a file and synced."""
    times, until = 0, time.perf_counter() + seconds
    with (folder / "bare").open("ab", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(b"x" * 3_000)
            os.fdatasync(file.fileno())
            times += 1
    return times / seconds


def measured(store: Any, seconds: float, writers: int) -> tuple[float, float, int]:
    """Decisions per second, the median milliseconds of one, and the number lost to others."""
    until = time.perf_counter() + seconds
    taken: list[float] = []
    lost: list[int] = []

    def write(seed: int) -> None:
        chance = Random(seed)
        begun = time.perf_counter()
        while begun < until:
            try:
                store.write(*stores.step(store, chance))
            except Conflict:
                lost.append(seed)
                continue
            now = time.perf_counter()
            taken.append(now - begun)
            begun = now

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(taken) / seconds, 1000 * median(taken), len(lost)


def to_first_action(store: Any, times: int = 30) -> float:
    """Median milliseconds from giving a driver a command to its first action."""
    started: list[float] = []

    class Performer:
        def perform(self, _order: Order) -> None:
            started.append(time.perf_counter())

    driver, taken = Driver(PRG, store, Performer()), []
    for event in ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)"):
        driver.send(event)
    for _ in range(times):
        for event in ("failover(node1)", "fallback(node1)"):
            started.clear()
            begun = time.perf_counter()
            driver.send(event)
            taken.append(started[0] - begun)
    return 1000 * median(taken)


def line(what: str, place: str, other: str, seconds: float) -> None:
    with stores.opened(other) as store:
        print(f"{what:8} from an observation to the first action: {to_first_action(store):.1f} ms")
    with stores.opened(place) as store:
        stores.first(store)
        for writers in (1, 4):
            rate, each, lost = measured(store, seconds, writers)
            print(f"{what:8} {writers:>7} {rate:>12,.0f} {each:>10.2f} {lost:>14,}", flush=True)


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--seconds", type=float, default=3)
    told.add_argument("--folder", type=Path, help="a folder on the disk to measure")
    options = told.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        print(f"a bare file, synced: {synced(folder, options.seconds):,.0f} a second")
        print(f"{'store':8} {'writers':>7} {'decisions/s':>12} {'ms each':>10} {'lost to others':>14}")
        line("sqlite", f"sqlite {folder / 'pair.db'}", f"sqlite {folder / 'driver.db'}",
             options.seconds)
        if which("etcd") is None:
            print("etcd is not installed: .ci/programs etcd")
            return
        server = stores.Etcd(folder).start()
        try:
            line("etcd", f"etcd {server.url} bench/", f"etcd {server.url} driver/",
                 options.seconds)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
