"""Fleets stepped in bulk and as a histogram, beside `numpy.take` and the objects of `transitions`.

    .venv/bin/python benchmarks/stepping.py [--quick]

Part of `fleet.py`. Ours and the peer take turns, and each turn gives one ratio of processor times,
so that a busy computer slows both. The *bare* look-up is `numpy.take(row, codes)` with the same row
and codes; the *leanest* one has its indices converted and its result allocated before.
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Callable
from functools import partial
from time import process_time

import numpy as np
from bench import PEER_STEPS, Line, Sample, at_least, at_most, walk, with_transitions

from prgcore.fleet import Counts, Fleet, Histogram, Plan, Table
from prgcore.machine import prg
from prgcore.outage.moves import moves
from prgcore.outage.rates import default
from prgcore.outage.steps import plan, working

PAIRS = 10_000_000
LARGE = 10**9
HOUR, YEAR = 3600.0, 8760
EVENT = "power_off(node1)"
STORM = {"services_down": "every 30 h", "database_down": "every 7 days", "power_off": "every 4 days",
         "manager_stop": "every 40 h", "link_cut": "every 40 h"}


def spent(run: Callable[[], object]) -> float:
    began = process_time()
    run()
    return process_time() - began


def turns(ours: Callable[[], object], peer: Callable[[], object], times: int) -> Sample:
    """The peer's time over ours, in turns; the first turn warms up."""
    spent(peer), spent(ours)
    return Sample(tuple(spent(peer) / spent(ours) for _ in range(times)))


def hourly(table: Table, words: dict[str, str]) -> list[Plan]:
    """The plans of a week, hour by hour."""
    world = default(table.engine, words)
    made = moves(table.engine, world, table.space)
    kinds = {(at_work, turned): plan(table, made, HOUR, working=at_work, turned=turned)
             for at_work in (False, True) for turned in (False, True)}
    return [kinds[working(world.week, hour), bool(hour % 2)] for hour in range(168)]


def after_a_week(table: Table, week: list[Plan], pairs: int) -> Histogram:
    histogram, chance = Histogram.home(table, pairs), np.random.default_rng(0)
    for one in week:
        histogram.step_all(one, chance)
    return histogram


def stepping_fleets(times: int) -> list[Line]:
    """Rows 1 to 4: bulk steps, the peer, a histogram, memory."""
    table = Table.of(prg())
    chance = np.random.default_rng(0)
    calm, storm = hourly(table, {}), hourly(table, STORM)
    met = after_a_week(table, calm, PAIRS)
    stormy = after_a_week(table, storm, PAIRS)
    kinds = {
        "random pairs": chance.integers(0, len(table), PAIRS, np.uint32),
        "pairs after a week": chance.permutation(np.repeat(met.occupied, met.counters[met.occupied])),
        "after a week of storms": chance.permutation(
            np.repeat(stormy.occupied, stormy.counters[stormy.occupied])),
    }
    lines: list[Line] = []
    for kind, codes in kinds.items():
        lines += bulk(table, kind, Fleet(table, codes), times)
    fleet = Fleet(table, kinds["pairs after a week"])
    return [*lines, peer(table, fleet, times), *memory(table, fleet),
            *histograms(table, calm, storm, times)]


def bulk(table: Table, kind: str, fleet: Fleet, times: int) -> list[Line]:
    row, out, counts = table.next[table.event(EVENT)], Fleet.home(table, len(fleet)), Counts(table)
    index = fleet.codes.astype(np.intp)
    assert (fleet.step(EVENT, counts).codes == np.take(row, fleet.codes)).all()
    assert counts.total == len(fleet)
    lines = []
    for what, goal, ours in (
        (f"10^7 {kind}: step", 0.6, lambda: fleet.step(EVENT, out=out)),
        (f"10^7 {kind}: counted step", 0.4, lambda: fleet.step(EVENT, counts, out=out)),
    ):
        bare = turns(ours, lambda: np.take(row, fleet.codes), times)
        lean = turns(ours, lambda: np.take(row, index, out=out.codes, mode="clip"), times)
        lines += [at_least(f"{what} : bare take", bare.median, "times", bare.noise, goal),
                  Line(f"{what} : leanest take", lean.median, "times", lean.noise)]
    each = chance_events(table, len(fleet))
    flat, wide = table.next.reshape(-1), each.astype(np.intp) * len(table) + index
    own = turns(lambda: fleet.step(each, out=out), lambda: np.take(flat, wide), max(3, times // 3))
    return [*lines, Line(f"10^7 {kind}: an event each : bare take", own.median, "times", own.noise)]


def chance_events(table: Table, pairs: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, len(table.events), pairs).astype(np.uint8)


def peer(table: Table, fleet: Fleet, times: int) -> Line:
    """Events a second of `transitions` objects on the peers' walk, and of the fleet, each a new event."""
    machine = table.engine
    events = walk(machine, PEER_STEPS)
    theirs, send = with_transitions(machine)

    def objects() -> None:
        theirs.pair = machine.initial[0]
        for event in events:
            send(event)

    numbers = [table.event(event) for event in events]
    own = Fleet(table, fleet.codes.copy())
    at = iter(numbers * times)
    ratio = turns(lambda: own.step(next(at), out=own), objects, times)
    return at_least("events a second, 10^7 pairs : transitions", ratio.median * PAIRS / PEER_STEPS,
                    "times", ratio.noise, 2000)


def memory(table: Table, fleet: Fleet) -> list[Line]:
    """Bytes a pair: of the fleet, and with what a counted step in place allocates."""
    tracemalloc.start()
    one = Fleet(table, fleet.codes.copy())
    held, _ = tracemalloc.get_traced_memory()
    one.step(EVENT, Counts(table), out=one)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held >= one.nbytes
    return [at_most("a fleet of 10^7 pairs", held / PAIRS, "B/pair", 0, 5),
            at_most("and while it takes a counted step", most / PAIRS, "B/pair", 0, 5,
                    f"table: {(table.next.nbytes + table.answer.nbytes) / 1e6:.0f} MB, once")]


def histograms(table: Table, calm: list[Plan], storm: list[Plan], times: int) -> list[Line]:
    """One step of all events, and a year of them, for 10^9 pairs."""
    lines = []
    hours = YEAR if times > 5 else YEAR // 12
    for kind, week, goal in (("usual", calm, True), ("stormy", storm, False)):
        histogram, chance, counts = Histogram.home(table, LARGE), np.random.default_rng(0), Counts(table)
        runs = []
        for hour in range(hours if goal else 500):
            one = partial(histogram.step_all, week[hour % 168], chance, counts)
            runs.append(spent(one))
        step, note = Sample(tuple(1000 * run for run in runs[168:])), f"{len(histogram.occupied):,} codes"
        if not goal:
            lines.append(Line(f"10^9 pairs, {kind} faults: a step of all events", step.median, "ms",
                              step.noise, note=note))
            continue
        lines += [
            at_most(f"10^9 pairs, {kind} faults: a step of all events", step.median, "ms", step.noise,
                    10, note),
            at_most("and a year of hours", sum(runs) * YEAR / hours, "s", 0, 60,
                    "counted by rule" if hours == YEAR else "from a month")]
    exact = Histogram.home(table, LARGE)
    alone = Sample(tuple(1000 * spent(lambda: exact.step(EVENT)) for _ in range(times)))
    return [*lines, Line("10^9 pairs: one event for all, exactly", alone.median, "ms", alone.noise)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, a month of the year")
    for line in stepping_fleets(5 if parser.parse_args().quick else 11):
        met = "" if line.met is None else "  met" if line.met else "  MISSED"
        print(f"{line.what:<56} {line.value:>12,.2f} {line.unit:<6} ±{line.noise:.0f} %  "
              f"{line.goal}{met}  {line.note}".rstrip())


if __name__ == "__main__":
    main()
