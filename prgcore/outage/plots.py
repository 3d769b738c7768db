"""Plots of a report: figures drawn by matplotlib, without a window, the same on every run.

Law: every number is one of the report. A plot is an SVG or a PNG; a page replaces the colours of
its SVG by those of its own style, and gives its numbers as a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from prgcore.errors import MissingExtra
from prgcore.outage.report import Report
from prgcore.outage.wording import length, number
from prgcore.words import clean, cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "PLOTS", "Plot", "known", "png", "sheet", "svg"]

LONGEST = 34
"""The most characters of a cause's name."""

COLOURS: Mapping[str, tuple[str, str]] = {
    "ink": ("#1a1d23", "#eceae4"), "quiet": ("#565d69", "#a9b0bc"), "grid": ("#d9dbd6", "#3a414c"),
    "paper": ("#fefefe", "#1c1f25"), "unserved": ("#9c3a12", "#ff9d7a"),
    "login": ("#3346b9", "#aab8fe"), "other": ("#00705a", "#62d6b4"),
}
"""The colours of every plot by what they mean: on a light page, and on a dark one."""

WIDE, HIGH = 4.4, 2.8
"""Inches: text of nine points can be read on a phone."""
DAY = 86_400.0

Drawn: TypeAlias = Callable[["Axes", Report], None]


class Plot:
    """A plot of a report: its name, its heading, what it says in words, and how it is drawn."""

    def __init__(
        self, name: str, title: str, has: Callable[[Report], Any], says: Callable[[Report], str],
        draw: Drawn, high: float = HIGH,
    ) -> None:
        self.name, self.title, self.has, self.says, self.draw = name, title, has, says, draw
        self.high = high


def _light(name: str) -> str:
    return COLOURS[name][0]


# ------------------------------------------------------------------------------ drawn


def _lengths(axes: Axes, report: Report) -> None:
    curve = report.curve
    assert curve is not None, "BUG: no curve to draw"
    axes.plot(curve.seconds, [100 * s for s in curve.unserved], color=_light("unserved"), lw=1.6,
              ls="--", label="until a node serves again")
    axes.plot(curve.seconds, [100 * s for s in curve.share], color=_light("login"), lw=2,
              label="until the user is logged in")
    axes.set_xscale("log")
    axes.set_xlim(max(1.0, curve.seconds[0]), curve.seconds[-1])
    axes.set_ylim(0, 132)  # room for the names of the lines
    axes.set_yticks(range(0, 101, 20))
    least, most = axes.get_xlim()
    axes.set_xticks(*_ticks(least, most))
    axes.minorticks_off()
    axes.set_xlabel("an outage lasts at most")
    axes.set_ylabel("% of outages")
    axes.legend(loc="upper left")


def _ticks(least: float, most: float) -> tuple[list[float], list[str]]:
    """Lengths of time between two, with their names."""
    named = {1.0: "1 s", 10.0: "10 s", 60.0: "1 min", 600.0: "10 min", 3600.0: "1 h",
             21_600.0: "6 h", DAY: "1 day", 7 * DAY: "1 week"}
    some = [t for t in named if least <= t <= most]
    return some, [named[t] for t in some]


def _causes(axes: Axes, report: Report) -> None:
    some = [c for c in report.causes if c.outage.value > 0][:8][::-1]
    names = [cut(clean(c.event.replace("_", " ")), LONGEST) for c in some]
    unserved = [c.unserved.value / 60 for c in some]
    login = [c.login.value / 60 for c in some]
    axes.barh(names, unserved, color=_light("unserved"), label="no node serves", height=0.62)
    axes.barh(names, login, left=unserved, color=_light("login"), label="log-in", height=0.62)
    ends = [c.outage.value / 60 for c in some]
    axes.errorbar(
        ends, names, fmt="none", ecolor=_light("ink"), capsize=2.5, lw=1,
        xerr=[[max(0.0, e - c.outage.low / 60) for e, c in zip(ends, some, strict=True)],
              [max(0.0, c.outage.high / 60 - e) for e, c in zip(ends, some, strict=True)]])
    axes.set_xlim(0, 1.08 * max([c.outage.high / 60 for c in some], default=1))
    axes.set_xlabel("minutes a year for a user (95 %)")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower right")


def _storm(axes: Axes, report: Report) -> None:
    storm = report.storm
    assert storm is not None, "BUG: no storm to draw"
    end = max(storm.last, storm.upper, storm.advised) * 1.05
    asked = [(0.0, 0.0), (storm.lower, 0.0), (storm.upper, float(storm.users)), (end, storm.users)]
    axes.plot([t / 60 for t, _ in asked], [n for _, n in asked], color=_light("quiet"), lw=1.5,
              ls="--", label="ask to log in")
    back = [(0.0, 0.0), (storm.lower, 0.0), (storm.last, float(storm.users)), (end, storm.users)]
    axes.plot([t / 60 for t, _ in back], [n for _, n in back], color=_light("login"), lw=2.2,
              label="are logged in")
    if storm.last > storm.upper + 1:
        corners = [(storm.lower, 0.0), (storm.upper, storm.users), (storm.last, storm.users)]
        axes.fill([t / 60 for t, _ in corners], [n for _, n in corners], color=_light("unserved"),
                  alpha=0.18, lw=0, label="wait in a queue")
    axes.set_xlim(0, end / 60)
    axes.set_ylim(0, storm.users * 1.06)
    axes.set_xlabel("minutes after another node serves the users")
    axes.set_ylabel("users")
    axes.legend(loc="lower right")


def _compared(axes: Axes, report: Report) -> None:
    names = ["this world", *(a.name for a in report.against)][::-1]
    outages = [a.rows[0] for a in report.against]
    points = [report.users[0].outage, *(row.other for row in outages)][::-1]
    places = range(len(names))
    middle = [p.value / 60 for p in points]
    axes.errorbar(
        middle, places, fmt="o", color=_light("login"), ecolor=_light("login"), capsize=3, lw=1.6,
        xerr=[[max(0.0, m - p.low / 60) for m, p in zip(middle, points, strict=True)],
              [max(0.0, p.high / 60 - m) for m, p in zip(middle, points, strict=True)]])
    axes.set_yticks(list(places), [_folded(n) for n in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(0, 1.1 * max(p.high for p in points) / 60)
    axes.axvline(report.users[0].outage.value / 60, color=_light("quiet"), lw=0.9, ls=":")
    axes.set_xlabel("minutes a year for a user (95 %)")


def _folded(name: str) -> str:
    return clean(name).replace("=", "\n= ") if len(name) > 18 else clean(name)


def _strip(axes: Axes, report: Report) -> None:
    strip = report.strip
    assert strip is not None, "BUG: no strip to draw"
    homes = [u.home for u in report.users if u.home]
    for home, mark, colour in zip(homes, "os", ("login", "other"), strict=False):
        spans = [s for s in strip.spans if s.home == home]
        if spans:
            days = [s.begins / DAY for s in spans]
            long = [max(1.0, s.unserved + s.login) for s in spans]
            axes.vlines(days, 1, long, color=_light(colour), lw=1.2)
            axes.plot(days, long, mark, color=_light(colour), ms=4, label=f"users of {clean(home)}")
    axes.set_yscale("log")
    top = max([s.unserved + s.login for s in strip.spans], default=60.0)
    axes.set_yticks(*_ticks(1, 3 * top))
    axes.minorticks_off()
    axes.set_ylim(1, 4 * top)
    axes.set_xlim(0, strip.seconds / DAY)
    axes.set_xlabel("day")
    axes.set_ylabel("outage of a user")
    axes.grid(visible=False, axis="x")
    if strip.spans:
        axes.legend(loc="upper right", ncols=2)


def _said_lengths(report: Report) -> str:
    curve = report.curve
    return "" if curve is None else (
        f"Half of the outages of a user last at most {length(curve.median)}, nine in ten at most "
        f"{length(curve.ninth)}, 99 in 100 at most {length(curve.last)}.")


def _said_causes(report: Report) -> str:
    return "; ".join(f"{c.event}: {number(c.outage.value / 60)} minutes a year"
                     for c in report.causes[:8] if c.outage.value > 0)


def _said_storm(report: Report) -> str:
    storm = report.storm
    return "" if storm is None else (
        f"{storm.users:,} users log in between {number(storm.lower)} and {number(storm.upper)} "
        f"seconds after a failover; the last is in after {length(storm.last)}.")


def _said_compared(report: Report) -> str:
    rows = [("this world", report.users[0].outage),
            *((a.name, a.rows[0].other) for a in report.against)]
    return "; ".join(f"{name}: {number(e.value / 60)} minutes a year" for name, e in rows)


def _said_strip(report: Report) -> str:
    strip = report.strip
    return "" if strip is None else f"{len(strip.spans)} outages in the time of one pair. {strip.says}"


PLOTS: Sequence[Plot] = (
    Plot("lengths", "How long a user is out", lambda r: r.curve, _said_lengths, _lengths),
    Plot("causes", "Which causes cost most", lambda r: any(c.outage.value > 0 for c in r.causes),
         _said_causes, _causes),
    Plot("storm", "When users are back after a failover", lambda r: r.storm, _said_storm, _storm),
    Plot("compared", "The same faults with another choice", lambda r: r.against, _said_compared,
         _compared),
    Plot("strip", "The time of one pair", lambda r: r.strip, _said_strip, _strip),
)


def known(report: Report) -> list[Plot]:
    """The plots for which the report has figures, in their order."""
    return [plot for plot in PLOTS if plot.has(report)]


# ------------------------------------------------------------------------- made files


def _style() -> Any:
    ink, quiet, grid, paper = map(_light, ("ink", "quiet", "grid", "paper"))
    return {
        "svg.fonttype": "none", "text.parse_math": False, "font.family": "sans-serif", "font.size": 9,
        "font.sans-serif": ["DejaVu Sans"], "text.color": ink, "axes.labelcolor": ink,
        "axes.edgecolor": quiet, "axes.facecolor": paper, "axes.grid": True, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10,
        "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlecolor": ink,
        "figure.facecolor": paper, "savefig.facecolor": paper, "grid.color": grid,
        "grid.linewidth": 0.7, "xtick.color": quiet, "ytick.color": quiet, "xtick.labelcolor": ink,
        "ytick.labelcolor": ink, "legend.frameon": True, "legend.framealpha": 0.9,
        "legend.facecolor": paper, "legend.edgecolor": paper, "legend.fontsize": 8.5,
        "legend.labelcolor": ink,
    }


def _figure(report: Report, plots: Sequence[Plot], *, titled: bool) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, sum(p.high for p in plots)), layout="constrained")
    grid = figure.subplots(len(plots), 1, squeeze=False, height_ratios=[p.high for p in plots])
    for axes, plot in zip(grid[:, 0], plots, strict=True):
        plot.draw(axes, report)
        if titled:
            axes.set_title(plot.title)
    return figure


def _saved(report: Report, plots: Sequence[Plot], form: str, *, titled: bool, **how: Any) -> bytes:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise MissingExtra("a plot", "fleet") from None
    out = BytesIO()
    salt = "-".join(p.name for p in plots)
    with mpl.rc_context():
        mpl.rcdefaults()  # a reader's own settings change nothing
        mpl.rcParams.update(_style())
        mpl.rcParams["svg.hashsalt"] = salt
        _figure(report, plots, titled=titled).savefig(out, format=form, **how)
    return out.getvalue()


def svg(report: Report, plots: Sequence[Plot], *, titled: bool = True) -> str:
    """Plots below each other as one SVG: the same text for the same report on every run.

    Args:
        titled: whether each has its heading in the picture.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    none = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    made = _saved(report, plots, "svg", titled=titled, metadata=none).decode()
    made = made[made.index("<svg"):]
    heading = "; ".join(p.title for p in plots)
    says = " ".join(p.says(report) for p in plots)
    head, _, rest = made.partition(">")
    named = f"<title>{escape(heading)}</title>\n<desc>{escape(clean(says))}</desc>"
    return _small(f'{head} role="img">\n{named}{rest}')


def _small(made: str) -> str:
    """The SVG without comments, metadata and the names of groups that nothing refers to."""
    made = re.sub(r"<!--.*?-->\s*", "", made, flags=re.DOTALL)
    made = re.sub(r"\s*<metadata>.*?</metadata>", "", made, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', made))
    return re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", made)


def sheet(report: Report) -> str:
    """All plots of the report as one SVG."""
    return svg(report, known(report))


def png(report: Report, plots: Sequence[Plot] | None = None) -> bytes:
    """Plots below each other as one PNG, 200 dots an inch; all of the report by default."""
    return _saved(report, known(report) if plots is None else plots, "png", titled=True, dpi=200,
                  metadata={"Software": None})
