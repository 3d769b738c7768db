"""Claims about heartbeats, crashes and outages: what T3 to T6 and T9 say.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns.
Moments are moments of true time. The interval is counted by the sender's clock, the time-out by
that of the watching node (`prgcore.prove.clocks`). A heartbeat is sent when it is due, or at most
`late` after. If it is not lost, it arrives after a delay between `shortest` and `longest`. The
jitter is late + longest - shortest.
"""

from __future__ import annotations

from attrs import evolve, frozen

from prgcore.prove.claims import Build, Claim, Term, Unknowns, both, implies, no, same
from prgcore.prove.clocks import Clocks
from prgcore.prove.counts import any_count, observed
from prgcore.timers import arithmetic
from prgcore.timers.arithmetic import Count

__all__ = [
    "Sender", "believed", "fallback_outage", "longest_crash_outage", "mean_is_the_middle",
    "not_too_soon", "noticed_in_time", "service_outage", "shortest_crash_outage", "silent", "suspected",
]


@frozen
class Sender:
    """A peer that sends, its clock, and the network that carries: their bounds."""

    clocks: Clocks
    interval: Term
    late: Term
    shortest: Term
    longest: Term

    @staticmethod
    def of(u: Unknowns) -> Sender:
        return Sender(Clocks.of(u), *map(u.number, ("interval", "late", "shortest", "longest")))

    @property
    def jitter(self) -> Term:
        return self.late + self.longest - self.shortest

    @property
    def sensible(self) -> dict[str, Term]:
        return {
            **self.clocks.sensible,
            "the interval is above zero, lateness and delays are not negative": both(
                self.interval > 0, self.late >= 0, self.shortest >= 0,
                self.longest >= self.shortest),
        }

    def apart(self, due: Term, due_then: Term, intervals: Term) -> Term:
        """The term that says that two heartbeats are due so many intervals apart."""
        return both(due <= due_then, self.clocks.count(due_then - due, intervals * self.interval))

    def sends(self, due: Term, sent: Term) -> Term:
        """The term that says that a heartbeat is sent in time."""
        return both(due <= sent, sent <= due + self.late)

    def carries(self, sent: Term, arrives: Term) -> Term:
        """The term that says that a heartbeat sent at one time arrives at the other."""
        return both(sent + self.shortest <= arrives, arrives <= sent + self.longest)

    def survives(self, lost: Term, timeout: Term) -> Term:
        """The term that says that a live peer survives so many lost heartbeats."""
        return arithmetic.survives(
            lost, self.clocks.at_most(self.interval), self.jitter, self.clocks.at_least(timeout))


def silent(
    u: Unknowns, heard: Term, now: Term, again: Term = False,
) -> tuple[Count, Term]:
    """The count after a heartbeat at `heard` and the next poll, and whether that gives the loss.

    The moments are those that the clock of the watching node shows.
    """
    count, _ = observed(u, any_count(u), heard, again=True, after=u.number("timeout"),
                         possible=False)
    return observed(u, count, now, after=u.number("timeout"), again=again)


def _noticing(u: Unknowns) -> tuple[dict[str, Term], Term]:
    """Two polls after the last heartbeat, and whether the second one gives the loss."""
    sender = Sender.of(u)
    clocks = sender.clocks
    crash, timeout, polling = map(u.number, ("crash", "timeout", "polling"))
    sent, arrives, heard, before, now = map(
        u.number, ("sent", "arrives", "heard", "before", "now"))
    from_start, begins = u.flag("from_start"), u.flag("begins_again")
    count, given_before = silent(
        u, clocks.shown("heard"), clocks.shown("before"), again=begins)
    _, given = observed(u, count, clocks.shown("now"), after=timeout)
    return {
        **sender.sensible,
        "a heartbeat, sent before the crash, was the last one heard (or the start, before the "
        "crash, where none was)": u.choose(
            from_start, heard <= crash, both(sender.carries(sent, arrives), sent <= crash)),
        "it was observed when it arrived": u.choose(from_start, True, same(heard, arrives)),
        "the watching node is not stalled, and does not begin to initialize, in between":
            no(begins),
        "two polls follow each other, at most `polling` apart; the loss is possible, and "
        "neither has given another event":
            both(heard <= before, before <= now, now <= before + polling),
        "the watching node's clock runs meanwhile": clocks.run("heard", "before", "now"),
        "the time-out is not negative": timeout >= 0,
        "nothing was given before": no(given_before),
    }, given


def noticed_in_time(u: Unknowns) -> Claim:
    premises, given = _noticing(u)
    sender = Sender.of(u)
    crash, timeout, polling, now = map(u.number, ("crash", "timeout", "polling", "now"))
    longest = sender.clocks.at_most(timeout)
    return Claim(
        premises,
        {
            "if the loss is given now, the crash is at most time-out / (1 - drift) + latency + "
            "polling ago": implies(given, now - crash <= arithmetic.noticed_latest(
                longest, sender.longest, polling)),
            "and it is given by any poll at or after crash + time-out / (1 - drift) + latency":
                implies(now >= crash + longest + sender.longest, given),
        },
        both(given, sender.clocks.drifts, now - crash > timeout + sender.longest + polling),
    )


def not_too_soon(lost: int | None = None) -> Build:
    def claim(u: Unknowns) -> Claim:
        sender = Sender.of(u)
        clocks, n = sender.clocks, _lost(u, lost)
        crash, timeout, heard, now = map(u.number, ("crash", "timeout", "heard", "now"))
        due, sent, arrives = map(u.number, ("due", "sent", "arrives"))
        due_next, after_crash = map(u.number, ("due_next", "after_crash"))
        _, given = silent(u, clocks.shown("heard"), clocks.shown("now"))
        return Claim(
            {
                **sender.sensible,
                "a heartbeat arrives; the last one heard, the start or a stall is not before that":
                    both(sender.sends(due, sent), sender.carries(sent, arrives), heard >= arrives),
                "none is lost; the next one is due after the crash" if lost == 0
                else "n heartbeats after it are lost; the one after these is due after the crash":
                    both(n >= 0, sender.apart(due, due_next, n + 1),
                         sender.sends(due_next, after_crash), crash < after_crash, sent <= crash),
                "the loss is given": both(given, now >= heard),
                "the watching node's clock runs meanwhile": clocks.run("heard", "now"),
            },
            {
                "more than time-out / (1 + drift) - (n + 1) * interval / (1 - drift) - jitter has "
                "passed since the crash":
                    now - crash > arithmetic.noticed_earliest(
                        n, clocks.at_most(sender.interval), sender.jitter,
                        clocks.at_least(timeout)),
            },
            both(clocks.drifts, now - crash < timeout - (n + 1) * sender.interval - sender.jitter,
                 now > crash),
        )

    return claim


def _lost(u: Unknowns, lost: int | None) -> Term:
    return u.whole("n") if lost is None else lost


def believed(lost: int | None = None) -> Build:
    """The claim about a live peer that loses at most n heartbeats in a row; None: any number."""
    def claim(u: Unknowns) -> Claim:
        sender, n = Sender.of(u), _lost(u, lost)
        clocks, intervals = sender.clocks, u.whole("intervals")
        timeout, heard, heard_next, now = map(
            u.number, ("timeout", "heard", "heard_next", "now"))
        due, sent, arrives = map(u.number, ("due", "sent", "arrives"))
        due_next, sent_next, arrives_next = map(
            u.number, ("due_next", "sent_next", "arrives_next"))
        _, given = silent(u, clocks.shown("heard"), clocks.shown("now"))
        following = "the next one" + ", or of n + 1 the first that is not lost," * (lost != 0)
        return Claim(
            {
                **sender.sensible,
                "a heartbeat has arrived; the last one heard is not before that":
                    both(sender.sends(due, sent), sender.carries(sent, arrives), heard >= arrives),
                f"{following} was not observed, or is in this very moment":
                    both(n >= 0, intervals >= 1, intervals <= n + 1,
                         sender.apart(due, due_next, intervals), sender.sends(due_next, sent_next),
                         sender.carries(sent_next, arrives_next),
                         heard <= now, now <= heard_next),
                "it is observed when it arrives": same(heard_next, arrives_next),
                "the watching node's clock runs meanwhile": clocks.run("heard", "now"),
                "interval / (1 - drift) + jitter < time-out / (1 + drift)" if lost == 0
                else "(n + 1) * interval / (1 - drift) + jitter < time-out / (1 + drift)":
                    sender.survives(n, timeout),
            },
            {"the peer is not declared lost": no(given)},
            both(clocks.drifts, now > heard),
        )

    return claim


def suspected(lost: int | None = None) -> Build:
    """The claim about the worst schedule: one heartbeat early, n lost, one as late as it can be.

    The sender's clock is the slowest, and that of the watching node the fastest.
    """
    def claim(u: Unknowns) -> Claim:
        sender = Sender.of(u)
        clocks, n, timeout = sender.clocks, _lost(u, lost), u.number("timeout")
        due = sent = u.number("due")
        arrives = sent + sender.shortest
        due_next = due + (n + 1) * clocks.at_most(sender.interval)
        sent_next = due_next + sender.late
        arrives_next = sent_next + sender.longest
        now = arrives + clocks.at_least(timeout)
        heard_shown = clocks.shown("heard")
        now_shown = heard_shown + timeout
        _, given = silent(u, heard_shown, now_shown)
        return Claim(
            {
                **sender.sensible,
                "the time-out is not negative, nor is n": both(timeout >= 0, n >= 0),
                "(n + 1) * interval / (1 - drift) + jitter >= time-out / (1 + drift)":
                    no(sender.survives(n, timeout)),
            },
            {
                "a heartbeat can be sent at once and arrive soonest": both(
                    sender.sends(due, sent), sender.carries(sent, arrives)),
                "the one after the n that are lost can be sent and arrive latest": both(
                    sender.apart(due, due_next, n + 1), sender.sends(due_next, sent_next),
                    sender.carries(sent_next, arrives_next)),
                "and a poll at the time-out, no later than that, declares the live peer lost":
                    both(clocks.count(now - arrives, now_shown - heard_shown),
                         now <= arrives_next, given),
            },
            both(clocks.drifts, timeout > (n + 1) * sender.interval + sender.jitter),
        )

    return claim


# ---------------------------------------------------------------------------- outages


@frozen
class _Move:
    """The waits of a moved user after the failure was noticed, and the printed bounds."""

    u: Unknowns
    clocks: Clocks
    moving: Term
    wait: Term
    waited: Term
    lower: Term
    upper: Term

    @staticmethod
    def of(u: Unknowns) -> _Move:
        return _Move(
            u, Clocks.of(u), *map(u.number, ("moving", "wait", "waited", "lower", "upper")))

    @property
    def times(self) -> Term:
        return self.u.choose(self.u.flag("multiple_device_messaging"), 2, 1)

    @property
    def waits(self) -> Term:
        return self.u.choose(self.u.flag("log_ins_double"), 2, 1)

    @property
    def sensible(self) -> dict[str, Term]:
        return {
            **self.clocks.sensible,
            "the client waits between the limits, by a clock that may drift too": both(
                self.lower >= 0, self.lower <= self.waited, self.waited <= self.upper,
                self.wait >= 0, self.clocks.count(self.wait, self.waited)),
        }

    def _out(self, noticed: Term) -> Term:
        return self.times * noticed + self.moving + self.waits * self.wait

    def at_most(self, noticed: Term, most: Term) -> dict[str, Term]:
        printed = arithmetic.outage(
            most, self.times, self.moving, self.waits * self.clocks.at_most(self.upper))
        return {"the user is out no longer than the printed bound": self._out(noticed) <= printed}

    def at_least(self, noticed: Term, least: Term) -> dict[str, Term]:
        printed = arithmetic.outage(
            least, self.times, self.moving, self.waits * self.clocks.at_least(self.lower))
        return {"the user is out no shorter than the printed bound": self._out(noticed) >= printed}


def longest_crash_outage(u: Unknowns) -> Claim:
    """The claim with either time-out: that of a node that runs, or of one that starts."""
    (premises, given), move = _noticing(u), _Move.of(u)
    crash, timeout, polling, now = map(u.number, ("crash", "timeout", "polling", "now"))
    most = arithmetic.noticed_latest(move.clocks.at_most(timeout), Sender.of(u).longest, polling)
    return Claim(
        {**premises, "the crash is noticed now": given, **move.sensible},
        move.at_most(now - crash, most),
        both(move.clocks.drifts, now - crash > timeout + polling),
    )


def shortest_crash_outage(u: Unknowns) -> Claim:
    too_soon, sender, move = not_too_soon()(u), Sender.of(u), _Move.of(u)
    crash, now, clocks = u.number("crash"), u.number("now"), move.clocks
    first = arithmetic.noticed_earliest(
        0, clocks.at_most(sender.interval), sender.jitter, clocks.at_least(u.number("timeout")))
    return Claim(
        {
            **too_soon.given, **move.sensible,
            "none is lost before the crash: n = 0": same(u.whole("n"), 0),
            "nor is the loss given before the crash": now >= crash,
        },
        move.at_least(now - crash, u.choose(first > 0, first, 0)),
        both(clocks.drifts, first > 0),
    )


def service_outage(u: Unknowns) -> Claim:
    fault, before, now, delay, polling = map(
        u.number, ("fault", "before", "now", "delay", "polling"))
    move = _Move.of(u)
    clocks = move.clocks
    count = evolve(any_count(u), runs=False)
    count, at_once = observed(u, count, clocks.shown("fault"), after=delay)
    count, given_before = observed(u, count, clocks.shown("before"), after=delay)
    _, given = observed(u, count, clocks.shown("now"), after=delay)
    return Claim(
        {
            **move.sensible,
            "a service goes down, and its loss is given now and not before":
                both(given, no(at_once), no(given_before)),
            "two polls follow each other, at most `polling` apart; the event is possible, and "
            "neither has given another one":
                both(fault <= before, before <= now, now <= before + polling),
            "the node's clock runs meanwhile": clocks.run("fault", "before", "now"),
            "the delay is above zero": both(delay > 0, u.number("interval") > 0),
        },
        {**move.at_most(now - fault, arithmetic.noticed_latest(clocks.at_most(delay), 0, polling)),
         **move.at_least(now - fault, clocks.at_least(delay))},
        both(clocks.drifts, now - fault < delay),
    )


def fallback_outage(u: Unknowns) -> Claim:
    """The claim about an outage that nobody has to notice: a fallback, a manual failover."""
    move = _Move.of(u)
    return Claim(
        {"a fallback or a command disconnects the user at once": True, **move.sensible},
        {**move.at_most(0, 0), **move.at_least(0, 0)},
        move.clocks.drifts,
    )


def mean_is_the_middle(u: Unknowns) -> Claim:
    """The claim about two crashes, mirror images in the interval, polled at the deadline."""
    interval, timeout, x, heard = map(u.number, ("interval", "timeout", "x", "heard"))
    _, given = silent(u, heard, heard + timeout)
    ago = [heard + timeout - (heard + x), heard + timeout - (heard + interval - x)]
    least = arithmetic.noticed_earliest(0, interval, 0, timeout)
    return Claim(
        {
            "no drift, no delay, no jitter, polled at the deadline; a crash comes x after a heartbeat, "
            "another one x before the next": both(x >= 0, x <= interval, interval > 0),
            "the time-out is not negative": timeout >= 0,
        },
        {
            "both are noticed at the time-out": given,
            "and their mean is the middle of the earliest and the latest":
                same(sum(ago), least + arithmetic.noticed_latest(timeout, 0, 0)),
        },
    )
