"""Claims about leases: what T10 and T16 say of two nodes that serve the same users.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns. Time
is real time. `lasts` is the longest time that the lease can take. `waits` is the shortest time that
the other node's wait can take. Both numbers allow for clocks that drift. The claims about drift say
how: there `lease` and `wait` are the numbers on the nodes' own clocks.
"""

from __future__ import annotations

from prgcore.prove.claims import Claim, Term, Unknowns, both, implies, no, same
from prgcore.prove.clocks import Clocks
from prgcore.timers import arithmetic

__all__ = [
    "drifted_never_twice", "drifted_twice", "less_drift", "margin", "never_twice", "one_instant",
    "over_in_time", "overlaps", "roughly_tolerated", "strictly_after", "twice",
]


def _given(u: Unknowns) -> tuple[dict[str, Term], Term, Term]:
    """One node reads; the record gives its users to the other, which reads that; both serve."""
    begun, read, lost, seen, serves, starts = map(
        u.number, ("begun", "read", "lost", "seen", "serves", "starts"))
    lasts, pause, stopping, waits = map(u.number, ("lasts", "pause", "stopping", "waits"))
    return {
        "a reading that was begun before it was done still gives the users to the node":
            both(begun <= read, read <= lost),
        "another decision takes them; the other node reads that later": lost <= seen,
        "the node serves by the lease of that reading, which counts from its beginning":
            both(begun <= serves, serves <= arithmetic.serves_until(begun, lasts, pause, stopping)),
        "the other node serves after its wait": starts >= arithmetic.serves_from(seen, waits),
        "nothing takes less than no time":
            both(lasts >= 0, pause >= 0, stopping >= 0, waits >= 0),
    }, serves, starts


def never_twice(u: Unknowns) -> Claim:
    given, serves, starts = _given(u)
    return Claim(
        {**given, "lease + pause + stopping <= wait": arithmetic.fenced(
            u.number("lasts"), u.number("pause"), u.number("stopping"), u.number("waits"))},
        {"the other node starts when the first one has stopped": serves <= starts},
        both(serves > u.number("lost"), u.number("lasts") > 0),
    )


def twice(u: Unknowns) -> Claim:
    """The claim about the worst schedule: the lease is read and lost in one moment, seen at once."""
    lost, lasts, pause, stopping, waits = map(
        u.number, ("lost", "lasts", "pause", "stopping", "waits"))
    serves = arithmetic.serves_until(lost, lasts, pause, stopping)
    starts = arithmetic.serves_from(lost, waits)
    return Claim(
        {
            "nothing takes less than no time":
                both(lasts >= 0, pause >= 0, stopping >= 0, waits >= 0),
            "lease + pause + stopping > wait": waits < lasts + pause + stopping,
        },
        {"the first still serves when the other one has started": starts < serves},
    )


def one_instant(u: Unknowns) -> Claim:
    """The claim about the same schedule where the sum is the wait: they meet in one moment."""
    lost, lasts, pause, stopping, waits = map(
        u.number, ("lost", "lasts", "pause", "stopping", "waits"))
    return Claim(
        {
            "nothing takes less than no time":
                both(lasts >= 0, pause >= 0, stopping >= 0, waits >= 0),
            "lease + pause + stopping = wait": same(waits, lasts + pause + stopping),
        },
        {"the first may still serve in the instant in which the other one starts": same(
            arithmetic.serves_until(lost, lasts, pause, stopping),
            arithmetic.serves_from(lost, waits))},
        lasts > 0,
    )


def strictly_after(u: Unknowns) -> Claim:
    given, serves, starts = _given(u)
    lasts, pause, stopping, waits = map(u.number, ("lasts", "pause", "stopping", "waits"))
    return Claim(
        {**given, "lease + pause + stopping < wait": lasts + pause + stopping < waits},
        {"the other node starts later than the first one has stopped": serves < starts},
        both(serves > u.number("lost"), lasts > 0),
    )


# ------------------------------------------------------------------- step by step


def _story(u: Unknowns) -> tuple[dict[str, Term], Term, Term]:
    """A paused owner, step by step: when it serves, and when the other node starts.

    Moments are moments of true time; each node counts by a clock of its own that may drift.
    """
    clocks = Clocks.of(u)
    begun, read, looks, acts, serves = map(
        u.number, ("begun", "read", "looks", "acts", "serves"))
    taken, seen, starts = map(u.number, ("taken", "seen", "starts"))
    age, waited = u.number("age"), u.number("waited")
    lease, pause, stopping, wait = map(u.number, ("lease", "pause", "stopping", "wait"))
    return {
        **clocks.sensible,
        "no number is negative": both(*(n >= 0 for n in (lease, pause, stopping, wait))),
        "node 1 reads that the group is its own": both(begun <= read, read <= taken),
        "a service of it looks at the lease, which by its clock has not ended since the reading "
        "began": both(begun <= looks, clocks.count(looks - begun, age), age <= lease),
        "it acts after a pause, and what it does ends when it stops":
            both(looks <= acts, acts <= looks + pause, acts <= serves, serves <= acts + stopping),
        "node 2 takes the group, by compare-and-set, and knows that then or later": taken <= seen,
        "it starts to serve after its wait, by its clock":
            both(seen <= starts, clocks.count(starts - seen, waited), waited >= wait),
    }, serves, starts


def _tolerated(u: Unknowns) -> Term:
    lease, pause, stopping, wait = map(u.number, ("lease", "pause", "stopping", "wait"))
    return arithmetic.tolerates(lease, pause, stopping, wait, Clocks.of(u).drift)


def over_in_time(u: Unknowns) -> Claim:
    given, serves, starts = _story(u)
    return Claim(
        {**given, "lease / (1 - drift) + pause + stopping <= wait / (1 + drift)": _tolerated(u)},
        {"node 1 does nothing more for a user when node 2 starts": serves <= starts},
        both(Clocks.of(u).drifts, serves > u.number("taken"), u.number("lease") > 0),
    )


def overlaps(u: Unknowns) -> Claim:
    """The claim about the story itself: all the premises of `over_in_time` hold but the last."""
    clocks = Clocks.of(u)
    lease, pause, stopping, wait = map(u.number, ("lease", "pause", "stopping", "wait"))
    zero = u.number("taken")
    looks = zero + clocks.at_most(lease)
    told = {"begun": zero, "read": zero, "looks": looks, "acts": looks + pause,
            "serves": looks + pause + stopping, "taken": zero, "seen": zero,
            "starts": zero + clocks.at_least(wait), "age": lease, "waited": wait}
    happens = {name: same(u.number(name), moment) for name, moment in told.items()}
    given, serves, starts = _story(u)
    premises = dict([*given.items()][:2])
    return Claim(
        {
            **premises,
            "node 1's reading, the take-over and node 2's knowledge of it are one moment; its clock "
            "is the slowest, and node 2's the fastest; it looks and acts as late as it can":
                both(*happens.values()),
            "lease / (1 - drift) + pause + stopping > wait / (1 + drift)": no(_tolerated(u)),
        },
        {
            "all this can happen": both(*given.values()),
            "both serve from node 2's start on, as long as the sum is longer than the wait":
                both(starts < serves, same(serves - starts, told["serves"] - told["starts"])),
        },
        both(clocks.drifts, lease + pause + stopping <= wait),
    )


# ---------------------------------------------------------------------------- drift


def _drifting(u: Unknowns) -> tuple[dict[str, Term], tuple[Term, ...]]:
    """The numbers of a configuration, and the drift of its clocks."""
    numbers = tuple(map(u.number, ("lease", "pause", "stopping", "wait")))
    drift = u.number("drift")
    return {
        "no number is negative": both(*(n >= 0 for n in numbers)),
        "a clock is fast or slow by less than the whole": both(drift >= 0, drift < 1),
    }, (*numbers, drift)


def _some(u: Unknowns) -> Term:
    """The term that asks for a witness with a drift of a sixteenth."""
    return both(same(u.number("drift") * 16, 1), same(u.number("lease"), 3))


def drifted_never_twice(u: Unknowns) -> Claim:
    given, (lease, pause, stopping, wait, drift) = _drifting(u)
    lasts, waits = u.number("lasts"), u.number("waits")
    return Claim(
        {
            **given,
            "in real time the lease takes at most lease / (1 - drift)":
                both(lasts >= 0, lasts * (1 - drift) <= lease),
            "in real time the wait takes at least wait / (1 + drift)":
                waits * (1 + drift) >= wait,
            "the drift is tolerated": arithmetic.tolerates(lease, pause, stopping, wait, drift),
        },
        {"in real time, lease + pause + stopping <= wait":
            arithmetic.fenced(lasts, pause, stopping, waits)},
        both(_some(u), lasts > lease, waits < wait),
    )


def drifted_twice(u: Unknowns) -> Claim:
    """The claim about the worst clocks: the lease on the slowest, the wait on the fastest."""
    given, (lease, pause, stopping, wait, drift) = _drifting(u)
    lasts, waits = u.number("lasts"), u.number("waits")
    return Claim(
        {
            **given,
            "in real time the lease takes lease / (1 - drift), and the wait wait / (1 + drift)":
                both(same(lasts * (1 - drift), lease), same(waits * (1 + drift), wait)),
            "the drift is not tolerated":
                no(arithmetic.tolerates(lease, pause, stopping, wait, drift)),
        },
        {"in real time, lease + pause + stopping > wait":
            no(arithmetic.fenced(lasts, pause, stopping, waits))},
        both(_some(u), arithmetic.fenced(lease, pause, stopping, wait)),
    )


def less_drift(u: Unknowns) -> Claim:
    given, (lease, pause, stopping, wait, drift) = _drifting(u)
    less = u.number("less")
    return Claim(
        {**given, "another drift is less": both(less >= 0, less < drift),
         "the drift is tolerated": arithmetic.tolerates(lease, pause, stopping, wait, drift)},
        {"so is the lesser one": arithmetic.tolerates(lease, pause, stopping, wait, less)},
        both(_some(u), same(less * 32, 1)),
    )


def roughly_tolerated(u: Unknowns) -> Claim:
    """The claim about (W - L - p - s) / (W + L), the tolerated drift for a reckoning by hand."""
    given, (lease, pause, stopping, wait, drift) = _drifting(u)
    left = wait - lease - pause - stopping
    tolerated = arithmetic.tolerates(lease, pause, stopping, wait, drift)
    return Claim(
        given,
        {
            "a drift up to (wait - lease - pause - stopping) / (wait + lease) is tolerated":
                implies(drift * (wait + lease) <= left, tolerated),
            "above the same divided by (wait + lease - pause - stopping) none is":
                implies(tolerated, drift * (wait + lease - pause - stopping) <= left),
        },
        both(_some(u), tolerated),
    )


def margin(u: Unknowns) -> Claim:
    """The claim about the margin in real time, with the lease on the slowest clock."""
    given, (lease, pause, stopping, wait, drift) = _drifting(u)
    late, lasts, waits = map(u.number, ("late", "lasts", "waits"))
    left = arithmetic.margin(lease, late, pause, stopping, wait, drift)
    return Claim(
        {
            **given,
            "the holder begins to count late": late >= 0,
            "in real time the lease takes lease / (1 - drift), and the wait wait / (1 + drift)":
                both(same(lasts * (1 - drift), lease), same(waits * (1 + drift), wait)),
        },
        {
            "the margin is the wait without lateness, lease, pause and stopping":
                same(left, waits - late - lasts - pause - stopping),
            "it is not negative exactly if the drift is tolerated, with lateness and pause as one":
                same(left >= 0, arithmetic.tolerates(lease, late + pause, stopping, wait, drift)),
        },
        both(_some(u), left > 0, late > 0),
    )
