"""A report as one HTML page: no network, no script, light and dark, on a phone and on paper.

Law: markup only; every figure is one of the report, in a `data` element with its value
as JSON has it. Every plot has its words, and its numbers are in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

from prgcore.outage.plots import COLOURS, Plot, known, svg
from prgcore.outage.report import Against, Estimate, Report, Storm
from prgcore.outage.wording import (
    allowed,
    between,
    causes_say,
    length,
    lengths,
    middle_says,
    number,
    percent,
    percents,
    plus,
    said_nines,
    setting_says,
    storm_says,
)
from prgcore.words import clean, counted

__all__ = ["page"]

Row: TypeAlias = Sequence[str]

_STYLE = """\
:root{color-scheme:light dark;--page:#f6f6f3;--line:#dedfda;$light
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){:root{--page:#14161a;--line:#343a44;$dark}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.25rem;max-width:76rem;color:var(--ink);background:var(--page)}
h1{font-size:1.4rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0 0 .6rem}
p{margin:.4rem 0;max-width:46rem}
.quiet{color:var(--quiet);font-size:.9rem}
section{background:var(--paper);border:1px solid var(--line);border-radius:14px;padding:1.1rem;\
min-width:0}
section{margin:0 0 1rem;break-inside:avoid}
@media (min-width:64rem){main{columns:2;column-gap:1rem}.wide{column-span:all}}
.big{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:.8rem 0 .4rem;padding:0}
.big div{margin:0}
.big dt{color:var(--quiet);font-size:.9rem}
.big dd{margin:0;font-size:1.6rem;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums}
.big dd small{display:block;font-size:.85rem;font-weight:400;color:var(--quiet)}
figure{margin:0}
figure svg{display:block;width:100%;height:auto;max-width:40rem}
.table{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;\
border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tbody th{font-weight:400}
td small,th small{display:block;color:var(--quiet);font-size:.85em}
th.n{white-space:normal}
td{overflow-wrap:break-word}
details{margin-top:.8rem}
summary{cursor:pointer}
code{font-size:.9em;overflow-wrap:break-word}
:focus-visible{outline:3px solid var(--login);outline-offset:2px}
@media (max-width:40rem){table{font-size:.85rem}th,td{padding-right:.4rem}
td.n small{white-space:normal}}
@media print{body{max-width:none;padding:0}}
"""


def page(report: Report) -> str:
    """The whole page.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    title = f"What {_years(report)} cost: {clean(report.machine)}"
    drawn = {plot.name: plot for plot in known(report)}
    body = "\n".join(filter(None, (
        _head(report, title), _users(report),
        _causes(report, drawn), _lengths(report, drawn), _storm(report, drawn),
        _compared(report, drawn), _strip(report, drawn), _others(report), _rates(report))))
    style = _STYLE.replace("$light", _colours(0)).replace("$dark", _colours(1))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n"
        "</main>\n</body>\n</html>\n")


def _years(report: Report) -> str:
    pairs = counted(report.pairs, "pair")
    return f"{number(report.years)} years of {pairs}" if report.years != 1 else f"a year of {pairs}"


def _colours(which: int) -> str:
    return ";".join(f"--{name}:{both[which]}" for name, both in COLOURS.items()) + ";"


# ------------------------------------------------------------------------------ figures


def _data(value: float, told: str) -> str:
    """A figure with its value as JSON has it."""
    return f'<data value="{value!r}">{escape(told)}</data>'


def _cell(e: Estimate, unit: float = 1) -> str:
    """A figure in units of so many seconds, and its interval below it."""
    told = between(e, unit)
    below = f"<small>{escape(told)}</small>" if told else ""
    return _data(e.value, number(e.value / unit)) + below


def _share(e: Estimate) -> str:
    told = percents(e)
    return _data(e.value, percent(e.value)) + (f"<small>{escape(told)}</small>" if told else "")


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[Row], numbers: Iterable[int] = (),
) -> str:
    """A table; cells are markup, the first of a row names it."""
    right = {*numbers}
    kind = [' class="n"' if n in right else "" for n in range(len(heads))]
    head = "".join(f'<th scope="col"{k}>{escape(name)}</th>'
                   for name, k in zip(heads, kind, strict=True))
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{k}>{cell}</td>" for cell, k in zip(row[1:], kind[1:], strict=True))
        + "</tr>\n" for row in rows)
    return (f'<div class="table" tabindex="0" role="region" aria-label="table: {escape(caption)}">\n'
            f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n</div>")


def _section(name: str, heading: str, *parts: str, wide: bool = False) -> str:
    return (f'<section aria-labelledby="{name}"{" class=wide" if wide else ""}>\n'
            f'<h2 id="{name}">{escape(heading)}</h2>\n' + "\n".join(filter(None, parts))
            + "\n</section>")


def _says(text: str) -> str:
    return f"<p>{escape(clean(text))}</p>" if text else ""


def _picture(report: Report, plot: Plot) -> str:
    """The plot with the colours of the page, and with names of its own."""
    made = svg(report, [plot], titled=False)
    made = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", made, count=1)
    for name, (light, _) in COLOURS.items():
        made = made.replace(light, f"var(--{name})")
    made = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{plot.name}-", made)
    return f"<figure>\n{made.strip()}\n</figure>"


# ----------------------------------------------------------------------------- sections


def _head(report: Report, title: str) -> str:
    every = report.users[0]
    big = (
        ("a user can work", _data(every.available.value, percent(every.available.value)),
         f"{said_nines(every.available.value)}; {percents(every.available)}"),
        ("minutes a year that a user is out",
         _data(every.outage.value, number(every.outage.value / 60)), between(every.outage, 60)),
        ("interruptions a year", _data(every.interruptions.value, number(every.interruptions.value)),
         between(every.interruptions)),
        ("failovers of a pair a year", _data(report.failovers.value, number(report.failovers.value)),
         between(report.failovers)),
    )
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}<small>{escape(more)}</small></dd></div>"
                     for name, value, more in big)
    assumed = sum(r.assumed for r in report.rates)
    return (
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f'<p class="quiet">Simulated from the table of the machine, with real timers; seed '
        f"{report.seed}. Small figures are 95 % intervals.</p>\n</header>\n<main>\n"
        + _section("result", "The result", f'<dl class="big">{listed}</dl>',
                   _says(allowed(every)), *(_says(middle_says(m)) for m in report.ranges),
                   _says(f"{assumed} of {len(report.rates)} rates are assumptions of ours, not the "
                         "document's: see the end of the page, and replace them by your own."
                         if assumed else ""), wide=True))


def _users(report: Report) -> str:
    every = report.users[0]
    rows = [("a node serves them", _share(every.served)), ("they can work", _share(every.available)),
            ("interruptions", _cell(every.interruptions)),
            ("minutes without a server", _cell(every.unserved, 60)),
            ("minutes until they are logged in again", _cell(every.login, 60)),
            ("minutes out, together", _cell(every.outage, 60))]
    homes = [(escape(clean(u.home)) + (f"<small>{u.users:,} users</small>" if u.users else ""),
              _share(u.available), _cell(u.interruptions), _cell(u.outage, 60))
             for u in report.users[1:]]
    return _section(
        "users", "What a user meets in a year",
        _table("all users", ("all users", "a year"), rows, (1,)),
        _table("users by home node", ("home", "can work", "interrup\u00adtions", "minutes out"), homes,
               (1, 2, 3)) if len(homes) > 1 else "")


def _causes(report: Report, drawn: dict[str, Plot]) -> str:
    rows = [[f"<code>{escape(clean(c.event))}</code><small>{escape(clean(c.says))}</small>",
             _cell(c.interruptions), _cell(c.outage, 60), _data(c.share, f"{100 * c.share:.0f} %")]
            for c in report.causes]
    return _section(
        "causes", "Which causes cost most",
        _picture(report, drawn["causes"]) if "causes" in drawn else "",
        _says(causes_say(report)),
        _table("causes", ("cause", "interruptions a year", "minutes a year", "part"), rows, (1, 2, 3)))


def _lengths(report: Report, drawn: dict[str, Plot]) -> str:
    curve = report.curve
    if curve is None or "lengths" not in drawn:
        return ""
    rows = [(f"{name} of outages", _data(value, length(value))) for name, value in (
        ("50 %", curve.median), ("90 %", curve.ninth), ("99 %", curve.last))]
    return _section("lengths", drawn["lengths"].title, _picture(report, drawn["lengths"]),
                    _says(drawn["lengths"].says(report)),
                    _table("lengths of outages", ("part", "last at most"), rows, (1,)))


def _storm(report: Report, drawn: dict[str, Plot]) -> str:
    storm = report.storm
    if storm is None or "storm" not in drawn:
        return ""
    return _section("storm", drawn["storm"].title, _picture(report, drawn["storm"]),
                    *map(_says, storm_says(storm)),
                    _table("log-in storms", ("figure", "value"), _storm_rows(storm), (1,)))


def _storm_rows(storm: Storm) -> list[Row]:
    capacity = _data(storm.capacity, number(storm.capacity)) if storm.capacity else "no limit"
    return [
        ("users who log in", _data(storm.users, f"{storm.users:,}")),
        ("log-ins a second", _data(storm.arrivals, number(storm.arrivals))),
        ("capacity of a node, a second", capacity),
        ("the last user is in after", _data(storm.last, length(storm.last))),
        ("storms of a pair a year", _cell(storm.storms)),
        ("of them above the capacity", _cell(storm.over)),
        ("minutes a year that a user waits in a queue", _cell(storm.queue, 60)),
    ]


def _compared(report: Report, drawn: dict[str, Plot]) -> str:
    if not report.against or "compared" not in drawn:
        return ""
    return _section("compared", drawn["compared"].title, _picture(report, drawn["compared"]),
                    *(_against(a) for a in report.against),
                    _says("Both worlds have the same faults at the same moments, so the interval is "
                          "that of the difference."))


def _against(against: Against) -> str:
    rows = []
    for row in against.rows:
        unit = 60.0 if row.unit == "seconds" else 1.0
        told = between(row.difference, unit)
        rows.append((escape(row.name + (", minutes" if unit > 1 else "")),
                     _data(row.this.value, number(row.this.value / unit)),
                     _data(row.other.value, number(row.other.value / unit)),
                     _data(row.difference.value, plus(row.difference.value / unit))
                     + (f"<small>{escape(told)}</small>" if told else "")))
    name = clean(against.name)
    return (f"<p><code>{escape(name)}</code>: {escape(clean(against.says))}.</p>" + _table(
        f"compared with {name}", ("a year", "this world", "with it", "difference"), rows, (1, 2, 3)))


def _strip(report: Report, drawn: dict[str, Plot]) -> str:
    strip = report.strip
    if strip is None or "strip" not in drawn:
        return ""
    rows = [(f"day {_data(s.begins, number(s.begins / 86_400))}", escape(f"users of {clean(s.home)}"),
             f"<code>{escape(clean(s.cause))}</code>", _data(s.unserved, length(s.unserved)),
             _data(s.login, length(s.login))) for s in strip.spans]
    return _section("strip", drawn["strip"].title, _picture(report, drawn["strip"]),
                    _says(f"Pair {strip.lane:,}. {strip.says}"),
                    "<details><summary>Its outages</summary>" + _table(
                        "outages of one pair", ("when", "who", "cause", "unserved", "log-in"), rows,
                        (3, 4)) + "</details>")


def _others(report: Report) -> str:
    rows: list[Row] = [("failovers", _cell(report.failovers)), ("false failovers", _cell(report.false)),
                       ("fallbacks", _cell(report.fallbacks))]
    push = report.push
    if push is not None:
        rows += [
            ("moves of background iPhone and iPad clients", _cell(push.times)),
            (f"minutes without notifications<small>{lengths(push.least, push.most)} after each</small>",
             _cell(push.seconds, 60))]
    return _section(
        "others", "Failovers, and who waits for notifications",
        _table("failovers and notifications", ("of a pair", "a year"), rows, (1,)),
        _says("A failover is false if the node that lost its users could have gone on."))


def _rates(report: Report) -> str:
    rows = [(f"<code>{escape(clean(r.event))}</code>", f"<code>{escape(clean(r.words))}</code>",
             escape(clean(r.says))) for r in report.rates]
    limits = "".join(f"<li>{escape(clean(s))}</li>" for s in report.limits)
    return _section(
        "rates", "What it is counted with",
        *map(_says, setting_says(report)),
        f"<ul>{limits}</ul>" if limits else "",
        "<details open><summary>All rates, and why</summary>"
        + _table("rates", ("event", "rate", "why"), rows) + "</details>", wide=True)
