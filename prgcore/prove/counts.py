"""Claims about counts and polls: what T1, T2, T7 and T8 say.

Law: claims only; the arithmetic in them is `prgcore.counting`, called with unknowns.
"""

from __future__ import annotations

from prgcore import counting
from prgcore.counting import Count
from prgcore.prove.claims import Claim, Term, Unknowns, both, either, implies, no, same
from prgcore.tables.parameters import AUTOMATIC_FALLBACK_AFTER


def observed(u: Unknowns, count: Count, now: Term, **more: Term) -> tuple[Count, Term]:
    """A poll; what is not said: it goes on, does not begin again, and its event is possible."""
    asked = {"goes_on": True, "again": False, "possible": True, "after": u.number("after"),
             "interval": u.number("interval"), **more}
    return counting.poll(count, now, choose=u.choose, **asked)


def any_count(u: Unknowns) -> Count:
    return Count(u.flag("runs"), u.number("since"), u.number("quiet"))


def _knows(u: Unknowns, count: Count, began: Term, gave: Term, gave_at: Term) -> Term:
    """A running count remembers when it began, and until when it is quiet."""
    quiet = u.choose(gave, gave_at + u.number("interval"), began)
    return implies(count.runs, both(same(count.since, began), same(count.quiet, quiet)))


def at_the_start(u: Unknowns) -> Claim:
    """The count with which a monitor starts: the base of the inductions."""
    start = u.number("start")
    count = counting.begun(start, runs=u.flag("runs"))
    return Claim(
        {"the monitor starts, and the interval is above zero": u.number("interval") > 0},
        {
            "the count knows that it began at the start and gave nothing":
                _knows(u, count, start, gave=False, gave_at=start),
            "and began no sooner than the node was last seen unwell, the start at the latest":
                implies(count.runs, count.since >= start),
        },
        count.runs,
    )


def exactly_when_due(u: Unknowns) -> Claim:
    """One observation, from any count that is as it should be: the step of the induction."""
    now, last, after, interval = map(u.number, ("now", "last", "after", "interval"))
    began, gave_at = u.number("began"), u.number("gave_at")
    gave, goes_on, again, possible = map(u.flag, ("gave", "goes_on", "again", "possible"))
    count = any_count(u)

    begins = both(goes_on, either(again, no(count.runs)))
    began_now = u.choose(begins, now, began)
    still_quiet = both(gave, no(begins), now - gave_at < interval)
    is_due = both(goes_on, possible, now - began_now >= after, no(still_quiet))
    following, given = observed(u, count, now, goes_on=goes_on, again=again, possible=possible)
    gave_now = either(given, both(gave, no(begins)))
    return Claim(
        {
            "the count knows when it began and when it last gave its event":
                _knows(u, count, began, gave, gave_at),
            "time goes on": both(began <= last, gave_at <= last, last <= now),
            "durations are not negative": both(after >= 0, interval > 0),
        },
        {
            "the event is given exactly when the count runs, the event is possible, it is `after` "
            "or more since the count began, and it was not given within an interval":
                same(given, is_due),
            "and the count still knows":
                both(same(following.runs, goes_on),
                     _knows(u, following, began_now, gave_now,
                            u.choose(given, now, gave_at))),
        },
        both(given, gave),
    )


def first_poll(u: Unknowns) -> Claim:
    """A count from its beginning; two polls, one on each side of the deadline or both on one."""
    began, early, late, after = map(u.number, ("began", "early", "late", "after"))
    count, _ = observed(u, any_count(u), began, again=True, possible=False)
    before, first = observed(u, count, early)
    _, second = observed(u, before, late)
    return Claim(
        {
            "the count begins, and is polled twice": both(began <= early, early <= late),
            "durations are not negative": both(after >= 0, u.number("interval") > 0),
            "the first poll is before the deadline": early < began + after,
        },
        {
            "the first poll gives nothing": no(first),
            "the second one gives the event exactly if it is at or after the deadline":
                same(second, late >= began + after),
        },
        second,
    )


def recovery_resets(u: Unknowns) -> Claim:
    well, ill, now = map(u.number, ("well", "ill", "now"))
    count, _ = observed(u, any_count(u), well, goes_on=False, possible=u.flag("possible"))
    count, at_once = observed(u, count, ill)
    _, given = observed(u, count, now)
    after = u.number("after")
    return Claim(
        {
            "a service that was down is seen well, then down, then the timer is polled":
                both(well <= ill, ill <= now),
            "the delay is above zero": both(after > 0, u.number("interval") > 0),
        },
        {
            "nothing is given when it is down again": no(at_once),
            "and later only a whole delay after that": same(given, now - ill >= after),
        },
        given,
    )


def unbroken_health(u: Unknowns) -> Claim:
    """Whatever the count was; `unwell` is the last time at which the node was not well."""
    now, last, unwell = map(u.number, ("now", "last", "unwell"))
    well, count = u.flag("well"), any_count(u)
    following, given = observed(u, count, now, goes_on=well, again=False,
                                 possible=u.flag("possible"), after=AUTOMATIC_FALLBACK_AFTER)
    unwell_now = u.choose(well, unwell, now)
    return Claim(
        {
            "a running count began when the node was last seen unwell, or later":
                implies(count.runs, count.since >= unwell),
            "time goes on": both(unwell <= last, last <= now),
        },
        {
            "the fallback is due only where the node was not seen unwell for 1800 s or more":
                implies(given, now - unwell_now >= AUTOMATIC_FALLBACK_AFTER),
            "and a running count began no sooner still":
                implies(following.runs, following.since >= unwell_now),
        },
        given,
    )


def deadline_is_enough(u: Unknowns) -> Claim:
    now, then, interval = map(u.number, ("now", "then", "interval"))
    counts, moments, given_then, sensible = [], [], [], []
    for i in range(3):
        after = u.number(f"after{i}")
        count = Count(u.flag(f"runs{i}"), u.number(f"since{i}"), u.number(f"quiet{i}"))
        count, _ = observed(u, count, now, after=after)
        counts.append(count)
        moments.append(counting.ready(count.since, after, count.quiet, u.choose))
        given_then.append(observed(u, count, then, after=after)[1])
        sensible.append(after >= 0)
    deadline = counting.earliest(moments, u.choose)
    return Claim(
        {
            "three counts were observed, and nothing arrives since": now <= then,
            "the interval is above zero": both(interval > 0, *sensible),
        },
        {
            "the next deadline is later than now": deadline > now,
            "before it nothing is due, from it on something is":
                same(either(*given_then), then >= deadline),
        },
        either(*given_then),
    )
