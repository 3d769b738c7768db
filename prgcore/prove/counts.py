"""Claims about counts and polls: what T1, T2, T7 and T8 say.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns.
"""

from __future__ import annotations

from itertools import combinations

from prgcore.prove.claims import Build, Claim, Term, Unknowns, both, either, implies, no, same
from prgcore.prove.clocks import Clocks
from prgcore.timers import arithmetic
from prgcore.timers.arithmetic import Count
from prgcore.words import counted

__all__ = [
    "COUNTS", "any_count", "at_the_start", "deadline_after_a_change", "deadline_is_enough",
    "exactly_when_due",
    "first_poll", "held_back", "observed", "recovery_resets", "true_time", "unbroken_health",
]


def observed(u: Unknowns, count: Count, now: Term, **more: Term) -> tuple[Count, Term]:
    """A poll. By default it goes on, is not repeated, is possible, and gave no other event."""
    asked = {"goes_on": True, "again": False, "possible": True, "after": u.number("after"),
             "interval": u.number("interval"), **more}
    return arithmetic.poll(count, now, choose=u.choose, **asked)


def any_count(u: Unknowns) -> Count:
    return Count(u.flag("runs"), u.number("since"), u.flag("count_gave"), u.number("count_gave_at"))


def _knows(count: Count, began: Term, gave: Term, gave_at: Term) -> Term:
    """The term that a running count remembers when it began, and when it gave its event.

    No duration is in it: it goes on to hold if the parameters change.
    """
    return implies(count.runs, both(
        same(count.since, began), same(count.gave, gave),
        implies(gave, same(count.gave_at, gave_at))))


def at_the_start(u: Unknowns) -> Claim:
    """The claim about the count with which a monitor starts: the base of the inductions."""
    start = u.number("start")
    count = arithmetic.begun(start, runs=u.flag("runs"))
    return Claim(
        {"the monitor starts": True},
        {
            "the count knows that it began at the start and gave nothing":
                _knows(count, start, gave=False, gave_at=start),
            "and began no sooner than the node was last seen unwell, the start at the latest":
                implies(count.runs, count.since >= start),
        },
        count.runs,
    )


def exactly_when_due(u: Unknowns) -> Claim:
    """The claim about one observation of any sound count: the step of the induction."""
    now, last, after, interval = map(u.number, ("now", "last", "after", "interval"))
    began, gave_at = u.number("began"), u.number("gave_at")
    gave, goes_on, again, possible = map(u.flag, ("gave", "goes_on", "again", "possible"))
    count, free = any_count(u), u.flag("free")

    begins = both(goes_on, either(again, no(count.runs)))
    began_now = u.choose(begins, now, began)
    still_quiet = both(gave, no(begins), now - gave_at < interval)
    is_due = both(goes_on, possible, now - began_now >= after, no(still_quiet))
    following, given = observed(
        u, count, now, goes_on=goes_on, again=again, possible=possible, free=free)
    gave_now = either(given, both(gave, no(begins)))
    return Claim(
        {
            "the count knows when it began and when it last gave its event":
                _knows(count, began, gave, gave_at),
            "time goes on": both(began <= last, gave_at <= last, last <= now),
            "durations are not negative": both(after >= 0, interval > 0),
        },
        {
            "the event is given exactly when the count runs, the event is possible, it is `after` "
            "or more since the count began, it was not given within an interval, and this "
            "observation has given no other event": same(given, both(is_due, free)),
            "and the count still knows":
                both(same(following.runs, goes_on),
                     _knows(following, began_now, gave_now,
                            u.choose(given, now, gave_at))),
        },
        both(given, gave),
    )


def first_poll(u: Unknowns) -> Claim:
    """The claim about a new count and two polls, on one side of the deadline or on both."""
    began, early, late, after = map(u.number, ("began", "early", "late", "after"))
    count, _ = observed(u, any_count(u), began, again=True, possible=False)
    before, first = observed(u, count, early)
    _, second = observed(u, before, late)
    return Claim(
        {
            "the count begins, and is polled twice": both(began <= early, early <= late),
            "durations are not negative": both(after >= 0, u.number("interval") > 0),
            "the first poll is before the deadline": early < began + after,
            "neither has given another event": True,
        },
        {
            "the first poll gives nothing": no(first),
            "the second one gives the event exactly if it is at or after the deadline":
                same(second, late >= began + after),
        },
        second,
    )


def held_back(u: Unknowns) -> Claim:
    """The claim about two polls, where the first has given another event already."""
    now, then, count = u.number("now"), u.number("then"), any_count(u)
    _, alone = observed(u, count, now)
    following, given = observed(u, count, now, free=False)
    _, at_last = observed(u, following, then)
    _, anyway = observed(u, count, then)
    return Claim(
        {"an event is due, and another one is given before it": alone,
         "the timer goes on, and is polled again": now <= then},
        {
            "it is not given": no(given),
            "but by the next poll that gives no other": at_last,
            "as it would be if the first poll had not been": same(at_last, anyway),
        },
        now < then,
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
    """The claim about any count; `unwell` is the last time at which the node was not well."""
    now, last, unwell, after = map(u.number, ("now", "last", "unwell", "after"))
    well, count = u.flag("well"), any_count(u)
    following, given = observed(u, count, now, goes_on=well, again=False,
                                possible=u.flag("possible"))
    unwell_now = u.choose(well, unwell, now)
    return Claim(
        {
            "a running count began when the node was last seen unwell, or later":
                implies(count.runs, count.since >= unwell),
            "time goes on": both(unwell <= last, last <= now),
        },
        {
            "the fallback is due only where the node was not seen unwell for `after` or more":
                implies(given, now - unwell_now >= after),
            "and a running count did not begin before that either":
                implies(following.runs, following.since >= unwell_now),
        },
        given,
    )


def true_time(u: Unknowns) -> Claim:
    """The claim about anything that one clock counts, whatever it is."""
    clocks, counted, true = Clocks.of(u), u.number("counted"), u.number("true")
    least, most = clocks.at_least(counted), clocks.at_most(counted)
    return Claim(
        {**clocks.sensible, "a clock counts it while this true time passes":
            both(counted >= 0, true >= 0, clocks.count(true, counted))},
        {
            "it takes from counted / (1 + drift) to counted / (1 - drift)":
                both(least <= true, true <= most),
            "and may take either": both(clocks.count(least, counted), clocks.count(most, counted)),
        },
        both(clocks.drifts, true > counted, counted > 0),
    )


COUNTS = 4
"""As many counts as a node of the document has. A lasting observation counts too, from zero
seconds on."""


def _in_turn(u: Unknowns, counts: list[Count], now: Term) -> tuple[list[Count], list[Term]]:
    """The counts after one observation, and whether each gives its event: the first due does."""
    found: list[Count] = []
    given: list[Term] = []
    for i, count in enumerate(counts):
        following, gives = observed(u, count, now, after=u.number(f"after{i}"),
                                    free=no(either(*given)))
        found.append(following)
        given.append(gives)
    return found, given


def _moments(u: Unknowns, counts: list[Count]) -> list[Term]:
    interval = u.number("interval")
    return [arithmetic.ready(c, after, interval, u.choose) for c, after in _waiting(u, counts)]


def _waiting(u: Unknowns, counts: list[Count]) -> list[tuple[Count, Term]]:
    return [(c, u.number(f"after{i}")) for i, c in enumerate(counts)]


def _running(u: Unknowns, number: int) -> list[Count]:
    """Any counts that run."""
    return [Count(True, u.number(f"since{i}"), u.flag(f"gave{i}"), u.number(f"gave_at{i}"))
            for i in range(number)]


def _durations(u: Unknowns, number: int) -> dict[str, Term]:
    return {"the interval is above zero, and no duration is negative": both(
        u.number("interval") > 0, *(u.number(f"after{i}") >= 0 for i in range(number)))}


def deadline_is_enough(number: int = COUNTS) -> Build:
    """The claim about so many counts that run, observed twice."""
    words = "four counts" if number == COUNTS else counted(number, "count")

    def claim(u: Unknowns) -> Claim:
        now, then, interval = map(u.number, ("now", "then", "interval"))
        counts = _running(u, number)
        following, given = _in_turn(u, counts, now)
        _, given_then = _in_turn(u, following, then)
        before, moments = _moments(u, counts), _moments(u, following)
        deadline = arithmetic.next_deadline(now, _waiting(u, following), interval, u.choose)
        return Claim(
            {
                f"{words} run, their events are possible, and nothing arrives or changes": True,
                "they are observed twice": now <= then,
                **_durations(u, number),
            },
            {
                "an observation gives one event at most": both(*(
                    no(both(one, other)) for one, other in combinations(given, 2))),
                "the next deadline is not before now, and is now only if an event was given":
                    both(deadline >= now, either(deadline > now, *given)),
                "before it nothing is due, from it on something is":
                    same(either(*given_then), then >= deadline),
                "what was given is not due again within an interval":
                    both(*(implies(g, after >= now + interval)
                           for g, after in zip(given, moments, strict=True))),
                "and all else is due as it was, so there are no more events in one moment than counts":
                    both(*(either(g, same(after, was))
                           for g, was, after in zip(given, before, moments, strict=True))),
            },
            both(either(*given), either(*given_then)),
        )

    return claim


def deadline_after_a_change(number: int = COUNTS) -> Build:
    """The claim about any counts, and any parameters that hold from `now` on, whatever was before.

    So it is about a monitor directly after a change: it reads the new parameters and no old one.
    """
    words = "four counts" if number == COUNTS else counted(number, "count")

    def claim(u: Unknowns) -> Claim:
        now, then = map(u.number, ("now", "then"))
        counts = _running(u, number)
        _, given = _in_turn(u, counts, then)
        deadline = arithmetic.next_deadline(now, _waiting(u, counts), u.number("interval"), u.choose)
        return Claim(
            {
                f"{words} run, their events are possible, and nothing arrives or changes": True,
                "the parameters change now, and the next observation is later, or in this moment":
                    now <= then,
                **_durations(u, number),
            },
            {
                "the new deadline is not before now": deadline >= now,
                "before it nothing is due, from it on something is":
                    same(either(*given), then >= deadline),
            },
            both(then > now, either(*given)),
        )

    return claim
