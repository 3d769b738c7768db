"""A tour of two real nodes: what breaks, what the machine decides, who serves whom.

    python tour.py [--store etcd:http://127.0.0.1:2379] [--work SECONDS]

Two agents, each with real processes as its critical services, share one store. Users of both groups
ask all the time which node serves them. Everything is killed at least once; the tour takes under a
minute. It exits with 1 if a promise is broken, and with 2 if it cannot begin. However it ends, it
leaves no process.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pair import NODES, PATIENT, TwoNodes

from prgcore.errors import PrgError
from prgcore.story.conformance import check
from prgcore.timers.arithmetic import noticed_latest, serves_from
from prgcore.vocabulary import title

NORMAL = ("normal", "normal")
BACKUP = "running_in_backup_mode"
LONG = 60.0
"""How many seconds the tour waits for what must come, on a busy computer."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end the tour."""


class Tour:
    """Does one thing after another, and prints the results."""

    def __init__(self, pair: TwoNodes, work: float) -> None:
        self.pair, self.work, self.epoch, self.wrong = pair, work, 0, 0
        p, lease = pair.group.parameters, pair.group.lease
        self.crash = serves_from(noticed_latest(p.keep_alive_timeout, 0, 0), lease.waits)
        self.sick = serves_from(noticed_latest(p.critical_service_delay, 0, 0), lease.waits)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def told(self) -> None:
        """Print the decisions since the last time."""
        for entry in self.pair.history()[self.epoch:]:
            self.epoch += 1
            after = entry["after"]
            states = " | ".join(f"{title(after[f'{n}.state'])}" for n in NODES)
            self.say(f"    {entry['event']:<30.30} {entry['rule'] or '':<12} {states}")

    def reach(self, *states: str, seconds: float = LONG) -> None:
        """Wait until the nodes are in these states."""
        if not self.pair.wait_for((states[0], states[1]), seconds):
            self.wrong += 1
            self.say(f"  WRONG: expected {states}, got {self.pair.states()}")
        self.told()

    def served_by(self, one: str, two: str) -> None:
        """Wait until `one` serves the users of node1 and `two` those of node2."""
        end, found = time.monotonic() + LONG, None
        while found != (one, two) and time.monotonic() < end:
            since = time.monotonic()
            time.sleep(0.2)
            found = self.pair.users.served("node1", since), self.pair.users.served("node2", since)
        ok = found == (one, two)
        self.wrong += not ok
        self.say(f"  {'' if ok else 'WRONG: '}users of node1 are served by {found[0]}, "
                 f"those of node2 by {found[1]}")

    def out(self, home: str, since: float, bound: float) -> None:
        """Print how long the users of a group were out. On a busy computer a late end is not wrong."""
        took = self.pair.users.outage(home, since)
        if took is None:
            self.wrong += 1
            self.say(f"  WRONG: no outage of the users of {home} was measured")
            return
        late, load = took > bound + self.work, os.getloadavg()[0]
        busy = load > (os.cpu_count() or 1)
        self.wrong += late and not busy
        why = f" (LATE; but this computer is busy: load {load:.1f})" if busy else " (LATE: WRONG)"
        self.say(f"  users of {home} were out for {took:.2f} s; at most {bound:.2f} s, and "
                 f"{self.work:g} s of work for this computer{why * late}")

    def fall_back(self, node: str) -> None:
        """Fall back as soon as both hear each other: a node not heard yet would be lost at once."""
        if not self.pair.hear(LONG):
            self.wrong += 1
            self.say("  WRONG: they do not hear each other")
        self.told()
        end, said = time.monotonic() + LONG, self.pair.command(f"fallback({node})")
        while not (said.startswith("done") or self.pair.states() == NORMAL) and time.monotonic() < end:
            self.pair.hear(1)  # one was not heard for a moment
            said = self.pair.command(f"fallback({node})")
        self.say(f"  fallback({node}): {said}")
        self.reach(*NORMAL)
        self.served_by("node1", "node2")

    # ------------------------------------------------------------------- the stops

    def run(self) -> int:
        pair = self.pair
        self.say("two agents start, high availability is switched on")
        pair.up()
        self.reach(*NORMAL)
        self.served_by("node1", "node2")

        self.say("kill -9 of a critical service of node1")
        now = time.monotonic()
        pair.kill("node1", "presence")
        self.reach("failed_over_with_critical_services_not_running", BACKUP)
        self.served_by("node2", "node2")
        self.out("node1", now, self.sick)
        self.say("  the service is started again")
        pair.ask("node1", do="start_services")
        self.reach("failed_over", BACKUP)
        self.fall_back("node1")

        self.say("kill -9 of the agent of node2; its services are left behind")
        now = time.monotonic()
        pair.kill("node2", "agent")
        self.reach(BACKUP, "failing_over")
        self.served_by("node1", "node1")
        self.out("node2", now, self.crash)
        pair.start("node2")
        self.reach(BACKUP, "failed_over")
        self.fall_back("node2")

        self.say("kill -9 of the host of node1: its agent and all its services")
        now = time.monotonic()
        pair.kill("node1")
        self.reach("failing_over", BACKUP)
        self.served_by("node2", "node2")
        self.out("node1", now, self.crash)
        pair.start("node1")
        self.reach("failed_over", BACKUP)
        self.fall_back("node1")

        self.say("the host of node2 is stopped (SIGSTOP), and goes on when nobody waits for it")
        pair.pause("node2")
        self.reach(BACKUP, "failing_over")
        self.served_by("node1", "node1")
        pair.resume("node2")
        self.reach(BACKUP, "failed_over")
        self.served_by("node1", "node1")
        self.fall_back("node2")

        self.say("the link is cut: both live, neither hears the other")
        pair.cut()
        end = time.monotonic() + LONG
        while BACKUP not in (pair.states() or ()) and time.monotonic() < end:
            time.sleep(0.05)
        self.told()
        if BACKUP in (states := pair.states() or ()):
            winner = NODES[states.index(BACKUP)]
            self.served_by(winner, winner)
        else:
            self.wrong += 1
            self.say(f"  WRONG: nobody took over: {states}")
        pair.repair()
        self.say("  the link is repaired")
        if not pair.home():
            self.wrong += 1
            self.say(f"  WRONG: no way home from {pair.states()}")
        self.told()
        self.served_by("node1", "node2")
        return self.judge()

    def judge(self) -> int:
        """Check the promises about the whole tour, and return how many things are wrong."""
        twice = self.pair.users.twice()
        report = check(self.pair.group.engine, self.pair.history())
        self.say(f"{len(self.pair.users.answers)} answers to users, {len(twice)} by a node after "
                 "another one had begun to serve them")
        self.say(f"{report.lines} decisions, {'all allowed by the table' if report.ok else 'WRONG'}"
                 f"{'' if report.ok else f': {report.finding}'}")
        self.wrong += bool(twice) + (not report.ok)
        self.say("all as it should be" if not self.wrong else f"{self.wrong} things are WRONG")
        return self.wrong


def left(directory: Path) -> Iterator[int]:
    """The processes that belong to a directory, if the system shows them."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(directory) \
                    or os.fsencode(directory) in (process / "cmdline").read_bytes():
                yield int(process.name)


def stop(pair: TwoNodes) -> None:
    """Kill everything, also processes that an interrupted start left behind."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    pair.down()
    while found := list(left(pair.directory)):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def interrupted(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def tour(directory: Path, store: str, work: float) -> int:
    """Run the tour in a new directory. Its name is the group's, because a server may be shared."""
    try:
        pair = TwoNodes(directory, store, **PATIENT)
    except PrgError as error:
        print(f"tour: {error}", file=sys.stderr)
        return 2
    try:
        for port in pair.group.open_store():
            port.close()
        pair.history()
        return bool(Tour(pair, work).run())
    except PrgError as error:
        print(f"tour: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"WRONG: {error}")
        return 1
    finally:
        stop(pair)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--store", default="sqlite:pair.db", help="as in a group file")
    options.add_argument("--work", type=float, default=0.5, metavar="SECONDS", help=(
        "what the bounds leave out and this computer may need: processes, disk, polls "
        "(default: %(default)s)"))
    asked = options.parse_args()
    if not 0 <= asked.work < float("inf"):
        options.error("--work: expected seconds from 0 on")
    for number in SIGNALS:
        signal.signal(number, interrupted)
    with tempfile.TemporaryDirectory(prefix="tour-") as name:
        return tour(Path(name), asked.store, asked.work)


if __name__ == "__main__":
    sys.exit(main())
