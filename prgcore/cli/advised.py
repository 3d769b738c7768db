"""A recommendation of time-outs as a page and as JSON: now and then, why, and the curve.

Law: it words figures, and makes none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from prgcore.cli import output
from prgcore.timers.advice import NEGLIGIBLE, NODES
from prgcore.words import counted

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from prgcore.outage.losses import Seen
    from prgcore.timers.advice import Advice, Point

MOST_INTERVALS = 5
"""The most intervals whose false failovers a sentence lists."""


def theorems(found: Advice) -> tuple[tuple[str, str], ...]:
    """What puts each end of the curve where it is: the theorems, and what they say here."""
    best, world, wish = found.advised or found.now, found.world, found.wish
    calls, delay = world.store_call, found.delay.advised
    says = {
        "T3 T9" + " T12" * bool(calls):
            f"A time-out of {_t(best.timeout)} s: a crash is noticed"
            f"{', and users are moved,' * bool(world.take_over)} within {_t(best.outage)} s. The "
            f"bound is {_t(wish.target)} s.",
    }
    if best.survived is None:
        says["T5"] = ("The interval and the jitter are not shorter than the time-out: a live peer "
                      "is declared lost though nothing is lost.")
    else:
        says["T6"] = (f"A live peer survives {counted(best.survived, 'lost heartbeat')} in a row. "
                      "Each longer run may be a false failover.")
        says["T5"] = ("Where nothing is lost there is none: interval and jitter are shorter than "
                      "the time-out.")
    if delay is not None:
        says["T1 T2"] = (f"A critical service that is back within {_t(delay)} s fails nobody over. "
                         f"Otherwise users are out for up to {_t(found.delay.out(delay))} s.")
    if calls:
        says["T12"] = (f"A store call of {_t(calls)} s needs a time-out of {_t(2 * calls)} s or "
                       "more.")
    return tuple(says.items())


@frozen(eq=False)
class Answer:
    """A recommendation, and what a simulation saw of each row of its curve."""

    found: Advice
    seen: Mapping[Point, Seen | None]

    def to_json(self) -> dict[str, Any]:
        f = self.found
        return {
            "ok": not f.impossible, "target": f.wish.target,
            "including_login": f.wish.including_login, "login": f.login,
            "losses": f.losses.to_json(), "now": self._point(f.now),
            "advised": None if f.advised is None else self._point(f.advised),
            "delay": f.delay.to_json(), "changes": dict(f.changes),
            "impossible": list(f.impossible),
            "one_a_year": None if f.rare is None else f.rare.to_json(),
            "if_bursts_kept_their_heartbeats": f.naive,
            "theorems": [{"theorem": by, "says": says} for by, says in theorems(f)],
            "intervals": [p.to_json() for p in f.choices],
            "curve": [p.to_json() for p in f.front],
            "simulated": [self._point(p) for p in self.seen],
        }

    def _point(self, one: Point) -> dict[str, Any]:
        """A point; simulated figures are of the pair: those of a node for each of both."""
        seen = self.seen.get(one)
        return {**one.to_json(), "simulated": seen and {
            "mean": NODES * seen.rate, "least": NODES * seen.least, "most": NODES * seen.most,
            "runs": seen.runs, "false": seen.alarms,
            "years": seen.years if seen.runs else None}}

    def page(self) -> Iterator[RenderableType]:
        from prgcore.outage.losses import RUNS

        f = self.found
        yield self._given()
        yield ""
        yield from (f"error {says}." for says in f.impossible)
        yield _sides(f)
        yield ""
        yield from self._verdict()
        yield ""
        by = output.table("by", "why")
        for theorem, says in theorems(f):
            by.add_row(theorem, says)
        yield by
        if f.rare is not None:
            yield ("One false failover a year would need an outage of up to "
                   f"{_t(f.rare.outage)} s: an interval of {_t(f.rare.interval)} s, a time-out of "
                   f"{_t(f.rare.timeout)} s.")
        if f.naive is not None and f.advised is not None:
            yield ("Bursts are times: a shorter interval sees more heartbeats of one. If they kept "
                   f"{f.losses.run(f.now.interval):.3g} heartbeats at every interval, it would be "
                   f"{_n(f.naive)} a year, not {_n(f.advised.false_failovers)}.")
        yield ""
        yield self._curve()
        yield ""
        yield ("False failovers of both nodes in a year. The simulation skips stretches without a "
               f"loss, and has a range of 95 % (of {RUNS:,} runs, seeded).")

    def _given(self) -> str:
        losses, wish = self.found.losses, self.found.wish
        if not losses.share:
            how = "No heartbeat is lost, so no live peer is declared lost (T5)."
        else:
            how = f"{100 * losses.share:.4g} % of heartbeats are lost, "
            if losses.lasts == 0:
                how += "each for itself."
            else:
                interval = self.found.now.interval
                how += (f"{losses.run(interval):.3g} in a row at an interval of {_t(interval)} s: "
                        f"the network is down for {losses.lasts:.3g} s on average.")
        login = self.found.login
        waits = ", moving users and logging in again" if wish.including_login else (
            " and moving users")
        more = (f" Clients then wait for up to {_t(login)} s before they log in again, with every "
                "time-out.") if login else ""
        return (f"{how} Noticing that a node or a service is down{waits} may take "
                f"{_t(wish.target)} s.{more}")

    def _verdict(self) -> Iterator[str]:
        """What to do, why this setting of those that are equal, and what other intervals cost."""
        f = self.found
        if f.impossible or f.advised is None:
            yield "No setting meets the bound."
            return
        none = f.advised.false_failovers <= NEGLIGIBLE
        equal = ("fewer than one false failover in a thousand years count as none" if none else
                 "a tenth fewer or more false failovers count as equal")
        if not f.changes:
            yield f"Nothing need change: no setting within the bound is better ({equal})."
        else:
            words = " ".join(f"--set {name}={_t(value)}" for name, value in f.changes.items())
            yield f"Check it: prgcore timing {words}"
        if not f.kept:
            yield (f"Of equal settings it is the longest interval, then the shortest time-out: {equal}.")
        if not none and len(f.choices) > 1:
            step = max(1, (len(f.choices) - 1) / (MOST_INTERVALS - 1))
            take = sorted({round(i * step) for i in range(MOST_INTERVALS)} & {*range(len(f.choices))})
            costs = ", ".join(f"{_t(p.interval)} s {_n(p.false_failovers)}" for p in (
                f.choices[i] for i in take))
            yield f"False failovers by interval, at a time-out of {_t(f.choices[0].timeout)} s: {costs}."

    def _curve(self) -> Table:
        table = output.table("outage", "interval", "time-out", "survives", "false a year",
                             "simulated", "", right=("outage", "interval", "time-out", "survives",
                                                     "false a year"))
        f = self.found
        for one, seen in self.seen.items():
            marks = ["now"] * (one == f.now) + ["advised"] * (one == f.advised)
            table.add_row(
                _t(one.outage), _t(one.interval), _t(one.timeout),
                "none" if one.survived is None else str(one.survived), _n(one.false_failovers),
                f"{_n(NODES * seen.least)} to {_n(NODES * seen.most)}" if seen and seen.runs else "",
                ", ".join(marks))
        return table


def _sides(f: Advice) -> Table:
    """Now and advised, side by side."""
    table = output.table("", "now", "advised", right=("now", "advised"))
    advised: Mapping[str, Any] = {**f.parameters.to_json(), **f.changes}
    off = bool(f.impossible)
    for name in ("keep_alive_interval", "keep_alive_timeout", "initialization_keep_alive_timeout",
                 "critical_service_delay"):
        table.add_row(f"{name}, in seconds", _t(f.parameters.to_json()[name]),
                      "" if off else _t(advised[name]))
    points = (f.now, None if off else f.advised)
    delays = (f.delay.now, None if off else f.delay.advised)
    table.add_row("heartbeats lost in a row that are survived", *(
        "" if p is None else "none" if p.survived is None else str(p.survived) for p in points))
    table.add_row("out after a crash, at most, in seconds", *(
        "" if p is None else _t(p.outage) for p in points))
    table.add_row("out after a service failure, at most", *(
        "" if d is None else _t(f.delay.out(d)) for d in delays))
    table.add_row("false failovers a year, by losses", *(
        "" if p is None else _n(p.false_failovers) for p in points))
    if f.world.jitter:
        table.add_row("the mean, if any jitter is as likely", *(
            "" if p is None or p.expected is None else _n(p.expected) for p in points))
    if f.delay.before is not None:
        table.add_row("and by restarts", _n(f.delay.before),
                      "" if off or f.delay.after is None else _n(f.delay.after))
    table.add_row("heartbeats a minute, of each node", *(
        "" if p is None or not p.interval else _n(60 / p.interval) for p in points))
    return table


def _t(value: float) -> str:
    """A time to the millisecond."""
    return f"{round(value, 3):.10g}"


def _n(value: float) -> str:
    """A number of events: three figures, and none where it does not matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else "< 0.001" if value > 0 else "0"
