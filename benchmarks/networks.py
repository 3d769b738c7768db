"""Model D beside SPIN, in one run: the same networks, the CPU time and the memory of both.

    .venv/bin/python benchmarks/networks.py [--json]

Both search every network breadth first, and ask whether a group is served twice and whether the
record breaks its first promise. SPIN translates the export and has it compiled before it searches,
so its time is given with that and without. Ours is given with the start of Python and the reading
of the table, and without. The goal is the time of whole runs: at most twice that of SPIN.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from attrs import asdict, frozen

from prgcore.exports.promela import FLAGS, OPTIONS
from prgcore.exports.promela_network import FILE, promela_network
from prgcore.machine import PRG
from prgcore.network import Setting
from prgcore.network.setting import DEFAULT

GOAL = 2.0
TIMES = 3
SETTINGS = {
    "none, crash": Setting("none", ["crash"]),
    "none, one-way": Setting("none", ["one-way"]),
    "none, loss": Setting("none", ["loss"]),
    "none, cut and one-way": Setting("none", ["cut", "one-way"]),
    "none, default": Setting("none", DEFAULT),
    "none, crash and boot": Setting("none", ["crash", "boot"]),
    "cas, default": Setting("cas", DEFAULT),
    "cas+lease, default": Setting("cas+lease", DEFAULT),
}
START = """
from prgcore.machine import PRG
from prgcore.network import Setting
from prgcore.prove.network.obligations import _Work
from prgcore.prove.network.frontier import search
"""
SEARCH = START + """
work = _Work(PRG, Setting({!r}, {!r}))
print(search(work.system, work._start(), work.questions).whole)
"""


@frozen
class Run:
    """A process: what it printed, its CPU time in seconds, and its most memory in megabytes."""

    said: str
    seconds: float
    memory: float


@frozen
class Line:
    """A setting, and both searches of it."""

    setting: str
    networks: int
    ours: float
    ours_search: float
    ours_memory: float
    spin: float
    spin_search: float
    spin_memory: float

    @property
    def ratio(self) -> float:
        """Our CPU time to SPIN's, whole runs."""
        return self.ours / self.spin

    @property
    def ratio_search(self) -> float:
        """The same of the searches alone."""
        return self.ours_search / self.spin_search


def run(command: list[str], folder: Path) -> Run:
    """Run a process to its end."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {said[-400:]}")
    return Run(said, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(command: list[str], folder: Path) -> Run:
    """The run with the middle time of several."""
    runs = [run(command, folder) for _ in range(TIMES)]
    return min(runs, key=lambda r: abs(r.seconds - median(r.seconds for r in runs)))


def measured(name: str, setting: Setting) -> Line:
    """Both searches of a setting; they must find the same number of networks."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        (folder / FILE).write_text(promela_network(PRG, setting)[FILE], encoding="utf-8")
        made = [run(["spin", *OPTIONS, FILE], folder),
                run(["cc", *FLAGS, "-DBFS", "-w", "-o", "pan", "pan.c"], folder)]
        theirs = middle(["./pan", "-m10000000", "-c0"], folder)
        code = SEARCH.format(setting.arbiter, sorted(setting.adversary))
        ours = middle([sys.executable, "-c", code], Path.cwd())
        start = middle([sys.executable, "-c", START], Path.cwd())
    found, = re.findall(r"(\d+) states, stored", theirs.said)
    if int(found) != int(ours.said):
        raise SystemExit(f"{name}: SPIN finds {found} networks, and this prover {ours.said.strip()}")
    return Line(name, int(found), ours.seconds, max(ours.seconds - start.seconds, 0.01), ours.memory,
                sum(m.seconds for m in made) + theirs.seconds, max(theirs.seconds, 0.01),
                max(r.memory for r in (*made, theirs)))


def table(lines: list[Line]) -> str:
    """The lines as text."""
    head = (f"{'networks of model D':22} {'found':>9} {'CPU s: ours':>11} {'(search)':>8} "
            f"{'SPIN':>6} {'(search)':>8} {'ratio':>6} {'(search)':>8} {'MB: ours':>8} {'SPIN':>5}")
    rows = [f"{x.setting:22} {x.networks:9,} {x.ours:11.2f} {x.ours_search:8.2f} {x.spin:6.2f} "
            f"{x.spin_search:8.2f} {x.ratio:6.2f} {x.ratio_search:8.2f} {x.ours_memory:8.0f} "
            f"{x.spin_memory:5.0f}" for x in lines]
    missed = [x.setting for x in lines if x.ratio > GOAL]
    return "\n".join((head, *rows, f"goal: a ratio of {GOAL:g} at most, whole runs: "
                      + (f"missed for {'; '.join(missed)}" if missed else "reached")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    lines = [measured(name, setting) for name, setting in SETTINGS.items()]
    print(json.dumps([asdict(x) for x in lines], indent=2) if asked.json else table(lines))


if __name__ == "__main__":
    main()
