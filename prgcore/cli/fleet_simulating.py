"""`fleet simulate`: many pairs, hour by hour: what they show, and which rules decide."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import asdict, frozen

from prgcore.cli import inputs, output, rates_given, spreading
from prgcore.cli.commands import Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from prgcore.fleet.lapse import Lapse
    from prgcore.fleet.table import Table
    from prgcore.machine import Machine
    from prgcore.outage.report import Middle

WEEK = 7 * 24
MOST_HOURS = 5 * 365 * 24
"""Five years: every hour is kept."""
MOST_EACH = 200_000_000
"""So many pairs are simulated one by one at most: four bytes each."""
SHOWN = 12
"""So many displays and rules are on the page; JSON has all."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore fleet simulate --pairs 1000000 --hours 168",
        "prgcore fleet simulate --rate 'power_off=every 30 days' --hours 720",
        "prgcore fleet simulate --each --pairs 10000 -o fleet.parquet",
    ))(simulate)


def simulate(
    world: rates_given.WorldFile = None,
    pairs: Annotated[
        int, Option("--pairs", metavar="N", help="How many pairs; all of them begin at home.")] = 10_000,
    hours: Annotated[
        int, Option("--hours", metavar="H", help="How many hours, from Monday 0:00.")] = WEEK,
    seed: Annotated[int, Option("--seed", metavar="S", help="The seed of chance, from 0.")] = 0,
    each: Annotated[
        bool, Option("--each/--histogram", help="Follow every pair by itself, or count the pairs "
                     "that are alike, which is quicker and the default.")] = False,
    out: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE.parquet", help="With --each: write how "
                            "every pair ends to this file.")] = None,
    rates: rates_given.Rates = None, sets: rates_given.Sets = None,
    workers: spreading.Workers = None, scheduler: spreading.Scheduler = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Let hours pass for many pairs, and show what they show and which rules decide.

    Faults, repairs and people come by chance, as often as the world says. An
    event that takes minutes ends in the hour in which it begins: prgcore
    simulate-fleet keeps the seconds, and counts users that are out. --json has every hour.
    """
    for name, number, least, most in (
            ("--pairs", pairs, 1, MOST_EACH if each else 10**15), ("--hours", hours, 1, MOST_HOURS),
            ("--seed", seed, 0, 2**63)):
        if not least <= number <= most:
            raise BadInput(f"{name} is {number}; expected a number from {least} to {most:,}")
    if out is not None:
        _checked(out, each=each)
    if not each:
        inputs.refuse_beside("--histogram", {"--workers": workers, "--scheduler": scheduler})
    where = spreading.chosen(workers, scheduler)
    engine = inputs.load_machine(machine, policy)
    told = rates_given.given(engine, world, rates, sets)
    from prgcore.outage.hours import counted_hours, followed_hours, hourly
    from prgcore.outage.summary import middles

    with output.progress("simulating") as tell:
        given = hourly(engine, told, hours)
        ticks = None if tell is None else partial(tell, "pairs" if each else "hours")
        if each:
            made, end = followed_hours(given, told, pairs, seed, where=where, progress=ticks)
        else:
            made = counted_hours(given, pairs, seed, ticks)
    if out is not None:
        from prgcore.fleet.parquet import fleet_written

        output.write_file(out, fleet_written(end))
    answer = _Answer(engine, given.table, made, hours, seed, middles([told]))
    if as_json:
        output.write_json(answer.to_json())
        return
    output.show(*answer.page())


def _checked(out: Path, *, each: bool) -> None:
    if not each:
        raise BadInput("-o writes every pair; add --each, which follows them")
    if out.suffix != ".parquet":
        raise BadInput(f"cannot write {quoted(str(out))}: expected a name that ends in .parquet")
    output.writable(out)


@frozen(eq=False)
class _Answer:
    """A lapse, as a page or JSON."""

    engine: Machine
    table: Table
    lapse: Lapse
    hours: int
    seed: int
    ranges: tuple[Middle, ...]

    def _displays(self) -> Iterator[tuple[str, int]]:
        """The displays that were shown, most often first: in words, and by number."""
        from prgcore.explain.display import spell_both
        from prgcore.form.spelling import Spelling

        spelling = Spelling.of(self.engine.model)
        total = self.lapse.shown.sum(axis=0)
        for number in sorted(total.nonzero()[0].tolist(), key=lambda n: (-total[n], n)):
            if self.table.displays:
                yield spell_both(self.table.displays[number], spelling=spelling), number

    def to_json(self) -> dict[str, Any]:
        """The whole answer: every display hour by hour, decisions by rule."""
        return {
            "pairs": self.lapse.pairs, "hours": self.hours, "seed": self.seed,
            "machine": self.table.digest,
            "displays": [
                {"nodes": [half and {"state": half.state, "reason": half.reason}
                           for half in self.table.displays[number]],
                 "pairs": self.lapse.shown[:, number].tolist()}
                for _, number in self._displays()],
            "decisions": self.lapse.counts.to_json(),
            "ranges": [asdict(middle) for middle in self.ranges],
        }

    def page(self) -> Iterator[RenderableType]:
        """Tables for people."""
        done = self.lapse.counts.total
        yield (f"{counted(self.lapse.pairs, 'pair')}, {counted(self.hours, 'hour')}, seed {self.seed}: "
               f"{counted(done, 'decision')} that changed a pair")
        from prgcore.outage.wording import middle_says

        for middle in self.ranges:
            yield from output.wrapped(middle_says(middle), "", "")
        shown = self.lapse.shown
        rows = output.table("pairs on average", "most", "at the end", "both nodes show",
                            right=("pairs on average", "most", "at the end"))
        names: dict[str, list[int]] = {}
        for name, number in self._displays():
            names.setdefault(name, []).append(number)
        series = {name: shown[:, numbers].sum(axis=1) for name, numbers in names.items()}
        often = sorted(series.items(), key=lambda one: -int(one[1].sum()))
        for name, some in often[:SHOWN]:
            mean = some.mean()
            rows.add_row(f"{mean:,.0f}" if mean >= 1000 else f"{mean:,.1f}", f"{some.max():,}", f"{some[-1]:,}", name)
        if names:
            yield ""
            yield rows
        if len(names) > SHOWN:
            yield f"and {len(names) - SHOWN:,} more; --json has all, hour by hour"
        rules = sorted(self.lapse.counts.rules.items(), key=lambda one: (-one[1], one[0]))
        events = {rule.id: rule.event for rule in self.engine.model.rules}
        decided = output.table("decisions", "rule", "event", right=("decisions",))
        for rule, number in rules[:SHOWN]:
            decided.add_row(f"{number:,}", rule, events[rule])
        if rules:
            yield ""
            yield decided
        if len(rules) > SHOWN:
            yield f"and {len(rules) - SHOWN:,} more rules"
