"""The figures of fleets and outages, measured in one run: ratios against peers on the same work.

    .venv/bin/python benchmarks/fleet.py [--json] [--quick]

Compare ratios and goals, as in `bench.py`: a missed goal is reported, and changes no exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from attrs import asdict
from bench import TEXTS, Line, Sample, at_least, cpu, table, texts
from stepping import stepping_fleets

from prgcore.fleet.blocks import SERIAL, Where
from prgcore.machine import prg
from prgcore.outage.fleets import Worlds
from prgcore.outage.rates import default
from prgcore.outage.spreading import years_of_all

STATUS_TEXTS = 10_000
YEARS, PLAIN = 10_000, 5


def reading(times: int) -> list[Line]:
    """Ten thousand status texts read and explained: processor time a text, against one by one.

    The texts are a thousand different ones, ten times each under other names.
    """
    with tempfile.TemporaryDirectory() as folder:
        some = texts(Path(folder))
        explain = [sys.executable, "-P", "-m", "prgcore", "explain"]
        alone = Sample(tuple(cpu([*explain, file]) for file in some[::max(1, TEXTS // times)]))
        said = [file.read_text("utf-8") for file in some]
        many = Path(folder) / "many"
        many.mkdir()
        for number in range(STATUS_TEXTS):
            text = said[number % len(said)].replace(f"-{number % len(said)}.", f"-{number}.")
            (many / f"{number:05}.txt").write_text(text, "utf-8")
        one = Path(folder) / "one.txt"
        one.write_text("\n".join(
            f"Subcluster Name: g{n}\n{file.read_text('utf-8')}"
            for n, file in enumerate(sorted(many.iterdir()))), "utf-8")
        fleet = [sys.executable, "-P", "-m", "prgcore", "fleet", "explain", "--json"]
        together, whole = (
            Sample(tuple(cpu([*fleet, given]) / STATUS_TEXTS for _ in range(max(2, times // 5))))
            for given in (many, one))
    return [
        at_least("a text of 10,000 : one by one", alone.median / together.median, "times",
                 alone.noise + together.noise, 50),
        Line("a group of one text : one by one", alone.median / whole.median, "times",
             alone.noise + whole.noise),
        Line("a text of 10,000", 1e6 * together.median, "us", together.noise,
             note="read, explained and sorted"),
    ]


LANES, BLOCKS, WARM = 1024, 28, 4
"""Pairs of a block, a second of work; how many there are; how many are done before it is measured."""


def workers(times: int) -> list[Line]:
    """Blocks of a year simulated by two Dask workers, against this process: blocks a second.

    Both are measured once their moves are made; what starting costs is a line of its own.
    """
    worlds = Worlds(prg(), default(prg()))

    def seconds(where: Where) -> tuple[float, float]:
        done = [perf_counter()]
        years_of_all(worlds, [], LANES * BLOCKS, 1.0, 1, where=where, size=LANES,
                     progress=lambda *_: done.append(perf_counter()))
        return (done[-1] - done[WARM]) / (BLOCKS - WARM), done[WARM] - done[0]

    both = [(seconds(SERIAL), seconds(Where(2))) for _ in range(max(3, times // 5))]
    ratio = Sample(tuple(one[0] / two[0] for one, two in both))
    start = Sample(tuple(two[1] for _, two in both))
    return [
        at_least("two Dask workers : one process", ratio.median, "times", ratio.noise, 1.7),
        Line("two Dask workers start", start.median, "s", start.noise,
             note=f"until {WARM} blocks are done"),
    ]


def years(times: int) -> list[Line]:
    """A year of many pairs: processor time a pair, against one pair after another in plain Python.

    The plain years are those of the tests: the engine steps, monitors watch, and what the engine said
    once is remembered. Both have the same draws, so they are the same years.
    """
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from prgcore.outage.course import course
    from prgcore.outage.moves import moves
    from prgcore.outage.year import YEAR, simulate
    from tests.plain_years import Lane

    plain_year: Any = Lane

    engine = prg()
    made, known = moves(engine, default(engine)), dict[Any, Any]()
    course(made)
    fast, plain = [], []
    for number in range(max(3, times // 4)):
        started = process_time()
        steps = simulate(made, range(number * YEARS, (number + 1) * YEARS), 1).moved.sum()
        fast.append((process_time() - started) / YEARS)
        started = process_time()
        for lane in range(number * PLAIN, (number + 1) * PLAIN):
            plain_year(made, 1, lane, known).run(YEAR)
        plain.append((process_time() - started) / PLAIN)
    pairs, alone = Sample(tuple(fast)), Sample(tuple(plain))
    return [
        Line("years of pairs a second", 1 / pairs.median, "/s", pairs.noise, ">= 2000",
             1 / pairs.median >= 2_000, f"{steps / YEARS:.0f} events each, and all figures"),
        at_least("a year of a pair : plain Python", alone.median / pairs.median, "times",
                 pairs.noise + alone.noise, 50),
    ]


MEASURES: tuple[Callable[[int], list[Line]], ...] = (
    stepping_fleets, reading, years, workers)
"""What is measured, in order; each gets how many times."""


def main() -> int:
    """Measure, and print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    prg()
    times = 5 if chosen.quick else 15
    lines = [line for measure in MEASURES for line in measure(times)]
    print(json.dumps([asdict(line) for line in lines], indent=2) if chosen.json else table(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
