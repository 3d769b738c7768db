"""Claims about heartbeats, crashes and outages: what T3 to T6 and T9 say.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns.
Heartbeat k is sent at phase + k * interval, or at most `late` after. If it is not lost, it arrives
after a delay between `shortest` and `longest`. The jitter is late + longest - shortest.
"""

from __future__ import annotations

from attrs import evolve, frozen

from prgcore.prove.claims import Build, Claim, Term, Unknowns, both, implies, no, same
from prgcore.prove.counts import any_count, observed
from prgcore.timers import arithmetic
from prgcore.timers.arithmetic import Count

__all__ = [
    "Sender", "believed", "fallback_outage", "longest_crash_outage", "mean_is_the_middle",
    "not_too_soon", "noticed_in_time", "service_outage", "shortest_crash_outage", "suspected",
]


@frozen
class Sender:
    """A peer that sends, and the network that carries: their bounds."""

    u: Unknowns
    phase: Term
    interval: Term
    late: Term
    shortest: Term
    longest: Term

    @staticmethod
    def of(u: Unknowns) -> Sender:
        return Sender(u, *map(u.number, ("phase", "interval", "late", "shortest", "longest")))

    @property
    def jitter(self) -> Term:
        return self.late + self.longest - self.shortest

    @property
    def sensible(self) -> dict[str, Term]:
        return {
            "the interval is above zero, lateness and delays are not negative": both(
                self.interval > 0, self.late >= 0, self.shortest >= 0,
                self.longest >= self.shortest),
        }

    def sends(self, k: Term, sent: Term) -> Term:
        """The term that says that heartbeat k is sent in time."""
        nominal = self.phase + k * self.interval
        return both(nominal <= sent, sent <= nominal + self.late)

    def carries(self, sent: Term, arrives: Term) -> Term:
        """The term that says that a heartbeat sent at one time arrives at the other."""
        return both(sent + self.shortest <= arrives, arrives <= sent + self.longest)


def _silent(
    u: Unknowns, heard: Term, now: Term, again: Term = False,
) -> tuple[Count, Term]:
    """The count after a heartbeat at `heard` and the next poll, and whether that gives the loss."""
    count, _ = observed(u, any_count(u), heard, again=True, after=u.number("timeout"),
                         possible=False)
    return observed(u, count, now, after=u.number("timeout"), again=again)


def noticed_in_time(u: Unknowns) -> Claim:
    sender = Sender.of(u)
    crash, timeout, polling = map(u.number, ("crash", "timeout", "polling"))
    sent, arrives, heard, before, now = map(
        u.number, ("sent", "arrives", "heard", "before", "now"))
    k, from_start, begins = u.whole("k"), u.flag("from_start"), u.flag("begins_again")
    count, given_before = _silent(u, heard, before, again=begins)
    _, given = observed(u, count, now, after=timeout)
    return Claim(
        {
            **sender.sensible,
            "heartbeat k, sent before the crash, was the last one heard (or the start, before the "
            "crash, where none was)": u.choose(
                from_start, heard <= crash,
                both(sender.sends(k, sent), sender.carries(sent, arrives), sent <= crash)),
            "it was observed when it arrived": u.choose(from_start, True, same(heard, arrives)),
            "the watching node is not stalled, and does not begin to initialize, in between":
                no(begins),
            "two polls follow each other, at most `polling` apart; the loss is possible, and "
            "neither has given another event":
                both(heard <= before, before <= now, now <= before + polling),
            "the time-out is not negative": timeout >= 0,
            "nothing was given before": no(given_before),
        },
        {
            "if the loss is given now, the crash is at most time-out + latency + polling ago":
                implies(given, now - crash <= arithmetic.noticed_latest(
                    timeout, sender.longest, polling)),
            "and it is given by any poll at or after crash + time-out + latency":
                implies(now >= crash + timeout + sender.longest, given),
        },
        given,
    )


def not_too_soon(lost: int | None = None) -> Build:
    def claim(u: Unknowns) -> Claim:
        sender = Sender.of(u)
        n = _lost(u, lost)
        crash, timeout, heard, now = map(u.number, ("crash", "timeout", "heard", "now"))
        sent, arrives, after_crash = map(u.number, ("sent", "arrives", "after_crash"))
        k = u.whole("k")
        _, given = _silent(u, heard, now)
        return Claim(
            {
                **sender.sensible,
                "heartbeat k arrives; the last one heard, the start or a stall is not before that":
                    both(sender.sends(k, sent), sender.carries(sent, arrives), heard >= arrives),
                "none is lost; the next one is due after the crash" if lost == 0
                else "n heartbeats after it are lost; the one after these is due after the crash":
                    both(n >= 0, sender.sends(k + n + 1, after_crash), crash < after_crash,
                         sent <= crash),
                "the loss is given": both(given, now >= heard),
            },
            {
                "more than time-out - (n + 1) * interval - jitter has passed since the crash":
                    now - crash > arithmetic.noticed_earliest(
                        n, sender.interval, sender.jitter, timeout),
            },
        )

    return claim


def _lost(u: Unknowns, lost: int | None) -> Term:
    return u.whole("n") if lost is None else lost


def believed(lost: int | None = None) -> Build:
    """The claim about a live peer that loses at most n heartbeats in a row; None: any number."""
    def claim(u: Unknowns) -> Claim:
        sender, n = Sender.of(u), _lost(u, lost)
        timeout, heard, heard_next, now = map(
            u.number, ("timeout", "heard", "heard_next", "now"))
        sent, arrives, sent_next, arrives_next = map(
            u.number, ("sent", "arrives", "sent_next", "arrives_next"))
        k, m = u.whole("k"), u.whole("m")
        _, given = _silent(u, heard, now)
        following = "the next one" + ", or of n + 1 the first that is not lost," * (lost != 0)
        return Claim(
            {
                **sender.sensible,
                "heartbeat k has arrived; the last one heard is not before that":
                    both(sender.sends(k, sent), sender.carries(sent, arrives), heard >= arrives),
                f"{following} was not observed, or is in this very moment":
                    both(n >= 0, m > k, m <= k + n + 1, sender.sends(m, sent_next),
                         sender.carries(sent_next, arrives_next),
                         heard <= now, now <= heard_next),
                "it is observed when it arrives": same(heard_next, arrives_next),
                "interval + jitter < time-out" if lost == 0
                else "(n + 1) * interval + jitter < time-out":
                    arithmetic.survives(n, sender.interval, sender.jitter, timeout),
            },
            {"the peer is not declared lost": no(given)},
        )

    return claim


def suspected(lost: int | None = None) -> Build:
    """The claim about the worst schedule: one heartbeat early, n lost, one as late as it can be."""
    def claim(u: Unknowns) -> Claim:
        sender = Sender.of(u)
        n, timeout = _lost(u, lost), u.number("timeout")
        sent = sender.phase
        arrives = sent + sender.shortest
        sent_next = sender.phase + (n + 1) * sender.interval + sender.late
        arrives_next = sent_next + sender.longest
        now = arrives + timeout
        _, given = _silent(u, arrives, now)
        return Claim(
            {
                **sender.sensible,
                "the time-out is not negative, nor is n": both(timeout >= 0, n >= 0),
                "(n + 1) * interval + jitter >= time-out":
                    no(arithmetic.survives(n, sender.interval, sender.jitter, timeout)),
            },
            {
                "heartbeat 0 can be sent at once and arrive soonest": both(
                    sender.sends(0, sent), sender.carries(sent, arrives)),
                "heartbeat n + 1, after n that are lost, can be sent and arrive latest": both(
                    sender.sends(n + 1, sent_next), sender.carries(sent_next, arrives_next)),
                "and a poll at the time-out, no later than that, declares the live peer lost":
                    both(now <= arrives_next, given),
            },
        )

    return claim


# ---------------------------------------------------------------------------- outages


@frozen
class _Move:
    """The waits of a moved user after the failure was noticed, and the printed bounds."""

    u: Unknowns
    moving: Term
    wait: Term
    lower: Term
    upper: Term

    @staticmethod
    def of(u: Unknowns) -> _Move:
        return _Move(u, *map(u.number, ("moving", "wait", "lower", "upper")))

    @property
    def times(self) -> Term:
        return self.u.choose(self.u.flag("multiple_device_messaging"), 2, 1)

    @property
    def waits(self) -> Term:
        return self.u.choose(self.u.flag("log_ins_double"), 2, 1)

    @property
    def sensible(self) -> dict[str, Term]:
        return {"the client waits between the limits":
                both(self.lower >= 0, self.lower <= self.wait, self.wait <= self.upper)}

    def _out(self, noticed: Term) -> Term:
        return self.times * noticed + self.moving + self.waits * self.wait

    def at_most(self, noticed: Term, most: Term) -> dict[str, Term]:
        printed = arithmetic.outage(most, self.times, self.moving, self.waits * self.upper)
        return {"the user is out no longer than the printed bound": self._out(noticed) <= printed}

    def at_least(self, noticed: Term, least: Term) -> dict[str, Term]:
        printed = arithmetic.outage(least, self.times, self.moving, self.waits * self.lower)
        return {"the user is out no shorter than the printed bound": self._out(noticed) >= printed}


def longest_crash_outage(u: Unknowns) -> Claim:
    """The claim with either time-out: that of a node that runs, or of one that starts."""
    in_time, move = noticed_in_time(u), _Move.of(u)
    crash, timeout, polling, now = map(u.number, ("crash", "timeout", "polling", "now"))
    return Claim(
        {**in_time.given, "the crash is noticed now": in_time.shows, **move.sensible},
        move.at_most(now - crash, arithmetic.noticed_latest(
            timeout, Sender.of(u).longest, polling)),
    )


def shortest_crash_outage(u: Unknowns) -> Claim:
    too_soon, sender, move = not_too_soon()(u), Sender.of(u), _Move.of(u)
    crash, now = u.number("crash"), u.number("now")
    first = arithmetic.noticed_earliest(0, sender.interval, sender.jitter, u.number("timeout"))
    return Claim(
        {
            **too_soon.given, **move.sensible,
            "none is lost before the crash: n = 0": same(u.whole("n"), 0),
            "nor is the loss given before the crash": now >= crash,
        },
        move.at_least(now - crash, u.choose(first > 0, first, 0)),
    )


def service_outage(u: Unknowns) -> Claim:
    fault, before, now, delay, polling = map(
        u.number, ("fault", "before", "now", "delay", "polling"))
    move = _Move.of(u)
    count = evolve(any_count(u), runs=False)
    count, at_once = observed(u, count, fault, after=delay)
    count, given_before = observed(u, count, before, after=delay)
    _, given = observed(u, count, now, after=delay)
    return Claim(
        {
            **move.sensible,
            "a service goes down, and its loss is given now and not before":
                both(given, no(at_once), no(given_before)),
            "two polls follow each other, at most `polling` apart; the event is possible, and "
            "neither has given another one":
                both(fault <= before, before <= now, now <= before + polling),
            "the delay is above zero": both(delay > 0, u.number("interval") > 0),
        },
        {**move.at_most(now - fault, arithmetic.noticed_latest(delay, 0, polling)),
         **move.at_least(now - fault, delay)},
    )


def fallback_outage(u: Unknowns) -> Claim:
    """The claim about an outage that nobody has to notice: a fallback, a manual failover."""
    move = _Move.of(u)
    return Claim(
        {"a fallback or a command disconnects the user at once": True, **move.sensible},
        {**move.at_most(0, 0), **move.at_least(0, 0)},
    )


def mean_is_the_middle(u: Unknowns) -> Claim:
    """The claim about two crashes, mirror images in the interval, polled at the deadline."""
    interval, timeout, x, heard = map(u.number, ("interval", "timeout", "x", "heard"))
    _, given = _silent(u, heard, heard + timeout)
    ago = [heard + timeout - (heard + x), heard + timeout - (heard + interval - x)]
    least = arithmetic.noticed_earliest(0, interval, 0, timeout)
    return Claim(
        {
            "no delay, no jitter, polled at the deadline; a crash comes x after a heartbeat, "
            "another one x before the next": both(x >= 0, x <= interval, interval > 0),
            "the time-out is not negative": timeout >= 0,
        },
        {
            "both are noticed at the time-out": given,
            "and their mean is the middle of the earliest and the latest":
                same(sum(ago), least + arithmetic.noticed_latest(timeout, 0, 0)),
        },
    )
