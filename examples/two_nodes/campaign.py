"""Random faults against two real nodes, and what must hold afterwards.

    python campaign.py --schedules 200 --seed 1

A schedule is made from its seed, so a failure can be played again: `--seed N --schedules 1`. After
its faults everything is healed, and the machine's own plan is followed until both nodes are Normal.
Then four things must hold. No node served a user after another one had begun to serve that user. No
decision is lost or there twice. The table allows every step of the log. No order is left. The
report also says how often users asked and their longest pause: a fault between two questions is
not seen.
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pair import NODES, PATIENT, TwoNodes, free_ports

from prgcore.errors import Unavailable
from prgcore.running.log import read as read_log
from prgcore.story.conformance import check

COMMANDS = ("failover(node1)", "failover(node2)", "fallback(node1)", "fallback(node2)", "recover",
            "disable_ha", "enable_ha", "enable_auto_fallback", "add_users")
THIN = 2.0
"""Asks per second; a node that was asked less often was hardly observed."""


def schedule(seed: int, length: int) -> list[tuple[float, str, tuple[str, ...]]]:
    """The faults of a schedule: each the wait before it, its name, and its target."""
    dice = random.Random(seed)
    made = []
    for _ in range(length):
        node = dice.choice(NODES)
        made.append((round(dice.choice((0.0, 0.05, 0.3, 0.7, 1.2)) * dice.uniform(0.5, 1.5), 2),
                     *dice.choice((
                         ("kill", (node, "presence")), ("kill", (node, "database")),
                         ("kill", (node, "agent")), ("kill", (node,)),
                         ("stop_agent", (node,)),
                         ("pause", (node, "agent")), ("pause", (node,)), ("pause", (node, "presence")),
                         ("resume", (node,)), ("start", (node,)), ("start", (node,)),
                         ("cut", ()), ("cut", (node,)), ("repair", ()),
                         ("start_services", (node,)), ("host_lost", (node,)),
                         ("command", (dice.choice(COMMANDS),)),
                     ))))
    return made


@dataclass
class Result:
    """The result of a schedule."""

    seed: int
    store: str
    wrong: list[str] = field(default_factory=list)
    decisions: int = 0
    rules: set[str] = field(default_factory=set)
    answers: int = 0
    late: float = 0.0
    asks: float = 0.0  # per second, of the node that was asked less
    gap: float = 0.0
    seconds: float = 0.0

    @property
    def thin(self) -> bool:
        return self.asks < THIN


def play(pair: TwoNodes, steps: list[tuple[float, str, tuple[str, ...]]]) -> None:
    """Play the faults of a schedule."""
    for wait, what, who in steps:
        time.sleep(wait)
        with suppress(Unavailable):
            if what == "host_lost":
                if not pair.running(NODES[1 - NODES.index(who[0])]):
                    pair.ask(who[0], do="host_lost")
            elif what == "start_services":
                pair.ask(who[0], do="start_services")
            else:
                getattr(pair, what)(*who)


def run(seed: int, store: str, length: int, directory: Path) -> Result:
    """Run one schedule against one pair."""
    result, began = Result(seed, store.partition(":")[0]), time.monotonic()
    pair = TwoNodes(directory, store, **PATIENT)
    try:
        pair.up()
        play(pair, schedule(seed, length))
        if not pair.home():
            result.wrong.append(f"no way home: {pair.status()}")
        else:
            settle(pair, result)
        judge(pair, result)
    except Exception as error:
        result.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        pair.down()
    result.seconds = time.monotonic() - began
    return result


def settle(pair: TwoNodes, result: Result) -> None:
    """Wait until its own node serves every group and no order is left."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        now = time.monotonic()
        time.sleep(0.3)
        status = pair.status()
        if all(pair.users.served(n, now) == n for n in NODES) and not status.get("orders"):
            return
        if pair.states() != ("normal", "normal"):
            pair.home()  # a heartbeat was late on a busy computer
    result.wrong.append(f"at home, and not served there: {pair.status()}")


def judge(pair: TwoNodes, result: Result) -> None:
    """Check the promises about the effects and about the log."""
    twice = pair.users.twice()
    result.answers = len(pair.users.answers)
    result.late = max((by for *_, by in twice), default=0.0)
    samples = [pair.users.sample(node) for node in NODES]
    result.asks, result.gap = min(rate for rate, _ in samples), max(gap for _, gap in samples)
    if twice:
        result.wrong.append(f"served twice, {result.late:.3f} s: {twice[0]}")
    history = pair.history()
    result.decisions = len(history)
    result.rules = {str(e["rule"]) for e in history}
    if [e["epoch"] for e in history] != list(range(1, len(history) + 1)):
        result.wrong.append("epochs have gaps")
    kept = {(e["epoch"], e["event"], e["rule"]) for e in history}
    for node in NODES:
        for entry in read_log(pair.directory / node / "log.jsonl"):
            line = (entry.epoch, entry.event, entry.rule)
            if entry.outcome == "done" and line not in kept:
                result.wrong.append(f"a decision is lost: {line}")
    report = check(pair.group.engine, history)
    if not report.ok:
        result.wrong.append(f"the table does not allow the log: {report.finding}")


@contextmanager
def etcd(directory: Path) -> Iterator[str | None]:
    """The address of a private etcd server; None if etcd is not installed."""
    if shutil.which("etcd") is None:
        yield None
        return
    client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    process = subprocess.Popen(
        ["etcd", "--name", "one", "--data-dir", str(directory / "etcd"),
         "--listen-client-urls", client, "--advertise-client-urls", client,
         "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
         "--initial-cluster", f"one={peer}", "--log-level", "error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(
                    ("127.0.0.1", int(client.rpartition(":")[2])), 0.2):
                break
            time.sleep(0.05)
        yield f"etcd:{client}"
    finally:
        process.kill()
        process.wait()


def campaign(
    seeds: range, *, length: int, at_once: int, stores: tuple[str, ...],
    tell: Callable[[Result], None],
) -> list[Result]:
    """Run every schedule, with each store in turn, several pairs at once."""
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="prg") as name, etcd(Path(name)) as server:
        known = {"sqlite": "sqlite:pair.db", "etcd": server}
        chosen = [known[s] for s in stores if known[s]]

        def one(seed: int) -> Result:
            store = chosen[seed % len(chosen)]
            assert store is not None
            result = run(seed, store, length, Path(name) / f"g{seed}")
            with lock:
                tell(result)
            return result

        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(one, seeds))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--schedules", type=int, default=20)
    options.add_argument("--seed", type=int, default=1, help="of the first schedule")
    options.add_argument("--length", type=int, default=8, help="faults of a schedule")
    options.add_argument("--at-once", type=int, default=4, help="pairs that run side by side")
    options.add_argument("--store", choices=("sqlite", "etcd", "both"), default="both")
    asked = options.parse_args()
    stores = ("sqlite", "etcd") if asked.store == "both" else (asked.store,)
    if "etcd" in stores and shutil.which("etcd") is None:
        options.exit(2, f"--store {asked.store} needs the program etcd, which is not installed; "
                        "install it, or say --store sqlite\n")

    def tell(result: Result) -> None:
        print(f"seed {result.seed:4} {result.store:6} {result.seconds:5.1f} s "
              f"{result.decisions:4} decisions {result.answers:6} answers "
              f"{result.asks:5.1f} asks/s, gap {result.gap:.2f} s{', thin' * result.thin}  "
              f"{'; '.join(result.wrong) or 'ok'}", flush=True)
        if result.wrong:
            for step in schedule(result.seed, asked.length):
                print("     ", *step, flush=True)

    results = campaign(range(asked.seed, asked.seed + asked.schedules), length=asked.length,
                       at_once=asked.at_once, stores=stores, tell=tell)
    wrong = [r for r in results if r.wrong]
    rules = set().union(*(r.rules for r in results))
    print(f"{len(results)} schedules, {sum(r.decisions for r in results)} decisions by {len(rules)} "
          f"rules, {sum(r.answers for r in results)} answers to users, at most "
          f"{max((r.gap for r in results), default=0.0):.2f} s between two asks of a node, "
          f"{sum(r.thin for r in results)} thin; {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
