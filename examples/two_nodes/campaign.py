"""Random faults against two real nodes, and what must hold afterwards.

    python campaign.py --schedules 200 --seed 1 --store-faults

A schedule is made from its seed, so a failure can be played again: `--seed N --schedules 1`. After
its faults everything is healed, and the machine's own plan is followed until both nodes are Normal.
Then this must hold. No node served a user after another one had begun to serve that user. No
decision is lost or there twice. The table allows every step of the log. No order is left. No agent
ended by itself or met an exception that nobody expected. The report also says how often users asked
and their longest pause: a fault between two questions is not seen.

With `--store-faults` each pair has a store of its own, which is broken too (`faults.py`). If that
takes the record away, both agents are started with `--new`, as they ask; what was decided before
that is lost then. They must ask for it then, and at no other time.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).parent))

from faults import LOSING, MAYBE, Etcd, Faults, SQLite
from pair import NODES, PATIENT, TwoNodes

from prgcore.errors import Unavailable
from prgcore.running.log import read as read_log
from prgcore.story.conformance import check

COMMANDS = ("failover(node1)", "failover(node2)", "fallback(node1)", "fallback(node2)", "recover",
            "disable_ha", "enable_ha", "enable_auto_fallback", "add_users")
THIN = 2.0
"""Asks per second; a node that was asked less often was hardly observed."""


Step: TypeAlias = tuple[float, str, tuple[str, ...]]


def schedule(seed: int, length: int, kinds: Sequence[str] = ()) -> list[Step]:
    """The faults of a schedule: each the wait before it, its name, and its target.

    Args:
        seed: of the dice.
        length: how many faults, without those of the store.
        kinds: the faults of the store; of these, two are begun, and mended sooner or later.
    """
    dice = random.Random(seed)
    made: list[Step] = []
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
    for _ in range(2 * bool(kinds)):
        begins = dice.randrange(length + 1)
        made.insert(begins, (round(dice.uniform(0, 0.5), 2), "store",
                             (dice.choice(kinds), dice.choice(NODES))))
        made.insert(dice.randrange(begins, length + 1) + 1,
                    (round(dice.choice((0.2, 1.0, 3.0)) * dice.uniform(0.5, 1.5), 2), "mend", ()))
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
    kinds: tuple[str, ...] = ()
    cures: int = 0
    home: float = 0.0  # seconds from the repair until both are home

    @property
    def thin(self) -> bool:
        return self.asks < THIN


def play(pair: TwoNodes, steps: list[Step], store: Faults) -> None:
    """Play the faults of a schedule."""
    for wait, what, who in steps:
        time.sleep(wait)
        with suppress(Unavailable):
            if what == "store":
                store.begin(pair, *who)
            elif what == "mend":
                store.mend(pair)
            elif what == "host_lost":
                if not pair.running(NODES[1 - NODES.index(who[0])]):
                    pair.ask(who[0], do="host_lost")
            elif what == "start_services":
                pair.ask(who[0], do="start_services")
            else:
                getattr(pair, what)(*who)


def run(
    seed: int, length: int, directory: Path, store: Faults, *, breaks: bool, alone: bool
) -> Result:
    """Run one schedule against one pair.

    Args:
        seed: of the schedule.
        length: how many faults it has.
        directory: of the pair.
        store: of the pair.
        breaks: whether the store is broken too.
        alone: whether nobody else uses the store.
    """
    result, began = Result(seed, store.address.partition(":")[0]), time.monotonic()
    pair = TwoNodes(directory, store.address, store.addresses, **PATIENT)
    steps = schedule(seed, length, store.kinds if breaks else ())
    result.kinds = tuple(who[0] for _, what, who in steps if what == "store")
    try:
        pair.up()
        store.ready(pair)
        play(pair, steps, store)
        healed = time.monotonic()
        if alone:
            store.mend(pair)
        if not pair.home():
            result.wrong.append(f"no way home: {pair.status()}")
        else:
            settle(pair, result)
        result.home = time.monotonic() - healed
        judge(pair, result)
    except Exception as error:
        result.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        pair.down()
    result.seconds = time.monotonic() - began
    return result


def settle(pair: TwoNodes, result: Result) -> None:
    """Wait until its own node serves every group and no order is left."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        now = time.monotonic()
        time.sleep(0.3)
        status = pair.status()
        if all(pair.users.served(n, now) == n for n in NODES) and not status.get("orders"):
            return
        if pair.states() != ("normal", "normal"):
            pair.home()  # a heartbeat was late on a busy computer
    result.wrong.append(f"at home, and not served there: {pair.status()}")


def lives(pair: TwoNodes, result: Result) -> None:
    """Check that the agents lived on, and asked a person for help exactly if they needed it."""
    result.cures = pair.cures
    if not pair.cures and any(kind in LOSING for kind in result.kinds):
        result.wrong.append("the record was lost, and no agent said so")
    if pair.cures and not any(kind in (*LOSING, *MAYBE) for kind in result.kinds):
        result.wrong.append("an agent asked for --new, but the record was never lost")
    result.wrong += pair.ended
    for node in NODES:
        said = (pair.directory / f"{node}.out").read_text(errors="replace")
        if "Traceback" in said or "BUG" in said:
            result.wrong.append(f"an exception of {node}: {said[-2000:]}")


def judge(pair: TwoNodes, result: Result) -> None:
    """Check the promises about the effects and about the log."""
    twice = pair.users.twice()
    result.answers = len(pair.users.answers)
    result.late = max((by for *_, by in twice), default=0.0)
    samples = [pair.users.sample(node) for node in NODES]
    result.asks, result.gap = min(rate for rate, _ in samples), max(gap for _, gap in samples)
    lives(pair, result)
    if twice:
        result.wrong.append(f"served twice, {result.late:.3f} s: {twice[0]}")
    history = pair.history()
    result.decisions = len(history)
    result.rules = {str(e["rule"]) for e in history}
    if [e["epoch"] for e in history] != list(range(1, len(history) + 1)):
        result.wrong.append("epochs have gaps")
    kept = {(e["epoch"], e["event"], e["rule"]) for e in history}
    for node in NODES:
        for entry in islice(read_log(pair.directory / node / "log.jsonl"), pair.since[node], None):
            line = (entry.epoch, entry.event, entry.rule)
            if entry.outcome == "done" and line not in kept:
                result.wrong.append(f"a decision is lost: {line}")
    report = check(pair.group.engine, history)
    if not report.ok:
        result.wrong.append(f"the table does not allow the log: {report.finding}")


def campaign(
    seeds: range, *, length: int, at_once: int, stores: tuple[str, ...], breaks: bool,
    tell: Callable[[Result, list[Step]], None],
) -> list[Result]:
    """Run every schedule, with each store in turn, several pairs at once.

    Of the pairs that break their stores in etcd, each third one has three servers. Pairs that do
    not break it share one server.
    """
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="prg") as name:
        shared = Etcd(Path(name) / "etcd") if "etcd" in stores and not breaks else None

        def one(seed: int) -> Result:
            directory, kind = Path(name) / f"g{seed}", stores[seed % len(stores)]
            store: Faults
            if kind == "sqlite":
                store = SQLite(directory)
            elif shared is not None:
                store = shared
            else:
                number = seed // len(stores)
                store = Etcd(directory / "etcd", 1 if number % 3 else 3, seed)
            try:
                result = run(seed, length, directory, store, breaks=breaks, alone=store is not shared)
            finally:
                if store is not shared:
                    store.close()
            with lock:
                tell(result, schedule(seed, length, store.kinds if breaks else ()))
            return result

        try:
            with ThreadPoolExecutor(at_once) as pool:
                return list(pool.map(one, seeds))
        finally:
            if shared is not None:
                shared.close()


def table(results: list[Result]) -> str:
    """A line for each kind of fault of a store: how often, how it ended, the longest way home."""
    rows = [("store", "fault", "schedules", "--new", "longest way home", "wrong")]
    for store, kind in sorted({(r.store, kind) for r in results for kind in r.kinds}):
        some = [r for r in results if r.store == store and kind in r.kinds]
        rows.append((store, kind, str(len(some)), str(sum(bool(r.cures) for r in some)),
                     f"{max(r.home for r in some):.1f} s", str(sum(bool(r.wrong) for r in some))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                     .rstrip() for row in rows)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--schedules", type=int, default=20)
    options.add_argument("--seed", type=int, default=1, help="of the first schedule")
    options.add_argument("--length", type=int, default=8, help="faults of a schedule")
    options.add_argument("--at-once", type=int, default=4, help="pairs that run side by side")
    options.add_argument("--store-faults", action="store_true", help=(
        "break the stores too: killed, stopped, slow, full, wiped, locked, deleted, replaced"))
    options.add_argument("--store", choices=("sqlite", "etcd", "both"), default="both")
    asked = options.parse_args()
    stores = ("sqlite", "etcd") if asked.store == "both" else (asked.store,)
    if "etcd" in stores and shutil.which("etcd") is None:
        options.exit(2, f"--store {asked.store} needs the program etcd, which is not installed; "
                        "install it, or say --store sqlite\n")

    def tell(result: Result, steps: list[Step]) -> None:
        print(f"seed {result.seed:4} {result.store:6} {result.seconds:5.1f} s "
              f"{result.decisions:4} decisions {result.answers:6} answers "
              f"{result.asks:5.1f} asks/s, gap {result.gap:.2f} s{', thin' * result.thin}  "
              f"{' '.join(result.kinds)}{' --new' * result.cures}  "
              f"{'; '.join(result.wrong) or 'ok'}", flush=True)
        if result.wrong:
            for step in steps:
                print("     ", *step, flush=True)

    results = campaign(range(asked.seed, asked.seed + asked.schedules), length=asked.length,
                       at_once=asked.at_once, stores=stores, breaks=asked.store_faults, tell=tell)
    wrong = [r for r in results if r.wrong]
    rules = set().union(*(r.rules for r in results))
    if asked.store_faults:
        print(table(results))
        if not os.geteuid():
            print("no file is read-only for root, so that fault was left out")
    print(f"{len(results)} schedules, {sum(r.decisions for r in results)} decisions by {len(rules)} "
          f"rules, {sum(r.answers for r in results)} answers to users, at most "
          f"{max((r.gap for r in results), default=0.0):.2f} s between two asks of a node, "
          f"{sum(r.thin for r in results)} thin; {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
