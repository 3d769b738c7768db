"""The page of `simulate-fleet` on a terminal: a report in 80 columns.

Law: figures come from the report, and words from `prgcore.outage.wording`; nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prgcore.cli import output
from prgcore.words import clean, few, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from prgcore.outage.report import Estimate, Report

__all__ = ["parts"]

MOST_RATES = 8
"""How many rates are listed."""


def parts(report: Report) -> Iterator[RenderableType]:
    """The page, part by part."""
    from prgcore.outage.wording import allowed, middle_says, setting_says, simulated

    yield from _lines(simulated(report) + " " + " ".join(setting_says(report)))
    yield ""
    yield from _lines(allowed(report.users[0]))
    yield ""
    yield _figures(report)
    yield ""
    if report.ranges:
        for middle in report.ranges:
            yield from _lines(middle_says(middle))
        yield ""
    yield from _causes(report)
    yield from _storm(report)
    yield from _against(report)
    yield from _counted_with(report)


def _lines(text: str) -> list[str]:
    return wrapped(clean(text), width=output.width())


def _figures(report: Report) -> Table:
    from prgcore.outage.wording import between, number, percent, percents

    table = output.table("", "a year", "95 % interval", right=("a year",))

    def row(name: str, e: Estimate, unit: float = 1) -> None:
        table.add_row(name, number(e.value / unit), between(e, unit))

    every, *homes = report.users
    table.add_row("a node serves a user", percent(every.served.value), percents(every.served))
    table.add_row("a user can work", percent(every.available.value), percents(every.available))
    row("interruptions of a user", every.interruptions)
    row("minutes without a server", every.unserved, 60)
    row("minutes until logged in again", every.login, 60)
    row("minutes out, together", every.outage, 60)
    for one in homes if len(homes) > 1 else ():
        row(f"  users of {clean(one.home)}", one.outage, 60)
    row("failovers of a pair", report.failovers)
    row("  false: the loser could go on", report.false)
    row("fallbacks of a pair", report.fallbacks)
    if report.push is not None:
        row("minutes without notifications *", report.push.seconds, 60)
    return table


def _causes(report: Report) -> Iterator[RenderableType]:
    from prgcore.outage.wording import between, causes_say, length, number

    if not any(c.outage.value for c in report.causes):
        yield from _lines(causes_say(report))
        return
    table = output.table("cause", "interruptions", "95 %", "minutes", "95 % ", "part",
                         right=("interruptions", "minutes", "part"))
    for cause in report.causes:
        table.add_row(clean(cause.event), number(cause.interruptions.value),
                      between(cause.interruptions), number(cause.outage.value / 60),
                      between(cause.outage, 60), f"{100 * cause.share:.0f} %")
    yield table
    if report.curve is not None:
        yield ""
        yield from _lines(
            f"Half of the outages of a user last at most {length(report.curve.median)}, nine in ten "
            f"at most {length(report.curve.ninth)}, 99 in 100 at most {length(report.curve.last)}.")


def _storm(report: Report) -> Iterator[RenderableType]:
    from prgcore.outage.wording import between, number, push_says, storm_says

    if report.storm is not None:
        storm = report.storm
        yield ""
        told = " ".join(storm_says(storm))
        if storm.capacity:
            told += (f" Storms of a pair a year: {number(storm.storms.value)} "
                     f"({between(storm.storms)}); above the capacity: {number(storm.over.value)} "
                     f"({between(storm.over)}).")
        yield from _lines(told)
    if report.push is not None:
        yield ""
        yield from wrapped(push_says(report.push), "* ", "  ", output.width())


def _against(report: Report) -> Iterator[RenderableType]:
    from prgcore.outage.wording import between, number, plus

    for against in report.against:
        yield ""
        yield from _lines(f"With {against.name} under the same faults ({against.says}):")
        table = output.table("a year", "here", "with it", "difference", "95 % interval",
                             right=("here", "with it", "difference"))
        for row in against.rows:
            unit = 60.0 if row.unit == "seconds" else 1.0
            table.add_row(row.name + (", minutes" if unit > 1 else ""), number(row.this.value / unit),
                          number(row.other.value / unit), plus(row.difference.value / unit),
                          between(row.difference, unit))
        yield table


def _counted_with(report: Report) -> Iterator[RenderableType]:
    given = [r for r in report.rates if not r.assumed]
    assumed = [r for r in report.rates if r.assumed and r.words != "never"]
    yield ""
    if given:
        yield from _lines("Rates that you gave: "
                          + ", ".join(f"{r.event} {r.words}" for r in given) + ".")
    if assumed:
        shown = few([f"{r.event} {r.words}" for r in assumed], MOST_RATES, ", ")
        yield from wrapped(clean(
            f"The document gives no rates. Assumed by us: {shown}. Print them with their reasons by "
            "--example, and replace them."), width=output.width())
    for sentence in report.limits:
        yield from wrapped(clean(sentence), "- ", "  ", output.width())
