"""Words for the figures of a report: times, shares, numbers, and the sentences around them.

Law: figures in, words out. A page, a terminal and a plot use the same words.
"""

from __future__ import annotations

from math import floor, log10

from prgcore.outage.report import NONE_SEEN, Estimate, Middle, Push, Report, Storm, Users, nines
from prgcore.words import clean, counted

__all__ = [
    "NINES", "YEAR", "allowed", "between", "causes_say", "length", "lengths", "middle_says", "minutes",
    "number", "percent", "percents", "plus", "push_says", "said_nines", "setting_says", "simulated", "storm_says",
]

YEAR = 31_536_000.0

NINES = ("no nine", "one nine", "two nines", "three nines", "four nines", "five nines",
         "six nines", "seven nines", "eight nines", "nine nines or more")


def number(value: float, digits: int = 3) -> str:
    """A number with at least so many significant digits, thousands separated: `1,234`, `0.0123`."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    rounded = round(value, places)
    if places and abs(rounded) >= 10 ** (digits - places):  # 9.996 is 10.0
        places -= 1
    return f"{rounded:,.{places}f}"


def plus(value: float, digits: int = 3) -> str:
    """A difference, with its sign."""
    return f"{'+' if value > 0 else ''}{number(value, digits)}".replace("-", "\N{MINUS SIGN}")


def minutes(seconds: float) -> str:
    """Seconds as minutes, without the unit."""
    return number(seconds / 60)


def percent(share: float, more: int = 0) -> str:
    """A share near 1, cut after the digits that differ from nine: `99.9953 %`, never rounded up.

    Args:
        share: from 0 to 1.
        more: how many digits more.
    """
    if share >= 1:
        return "100 %"
    places = max(2, floor(-log10(max(1 - share, 1e-9)) + 1e-6) + 1) + more
    return f"{floor(share * 10 ** (places + 2) + 1e-6) / 10 ** places:.{places}f} %"


def said_nines(share: float) -> str:
    """`99.95 %` is three nines."""
    return NINES[nines(share)]


_UNITS = ((99.5, 1.0, "s"), (99.5 * 60, 60.0, "min"), (47.5 * 3600, 3600.0, "h"))


def length(seconds: float, like: float | None = None) -> str:
    """A length of time in the unit that fits: `45 s`, `8.3 min`, `2.1 h`, `3.5 days`.

    Args:
        seconds: the length.
        like: the length whose unit is taken; by default its own.
    """
    size = abs(seconds if like is None else like)
    unit, name = next(((u, n) for most, u, n in _UNITS if size < most), (86_400.0, "days"))
    return f"{_short(seconds / unit)} {name}"


def _short(value: float) -> str:
    """A number with two or three digits, without a zero after the point."""
    return number(value, 2 if abs(value) < 10 else 3).removesuffix(".0")


def between(estimate: Estimate, unit: float = 1) -> str:
    """The interval of an estimate, `unit` of it each: `4.1 to 4.6`; empty for an exact figure.

    A difference that no pair has is `none seen`.
    """
    if estimate.by in ("exact", NONE_SEEN):
        return NONE_SEEN if estimate.by == NONE_SEEN else ""
    low, high = _apart(estimate.low / unit, estimate.high / unit)
    return f"{low} to {high}"


def percents(estimate: Estimate) -> str:
    """The interval of a share near 1, with so many digits that its ends differ."""
    if estimate.by == "exact":
        return ""
    for more in range(4):
        one, other = percent(estimate.low, more), percent(estimate.high, more)
        if one != other:
            break
    return f"{one.removesuffix(' %')} to {other}"


def _apart(low: float, high: float) -> tuple[str, str]:
    """Both ends with so many digits that they differ."""
    for digits in (3, 4, 5, 6):
        one, other = number(low, digits), number(high, digits)
        if one != other:
            break
    return one.replace("-", "\N{MINUS SIGN}"), other.replace("-", "\N{MINUS SIGN}")


def lengths(least: float, most: float) -> str:
    """A range of times in one unit where both have it: `10 to 20 min`."""
    one, other = length(least), length(most)
    return f"{one.removesuffix(unit)} to {other}" if one.endswith(
        unit := f" {other.split()[-1]}") else f"{one} to {other}"


# --------------------------------------------------------------------------- sentences


def allowed(users: Users) -> str:
    """The availability of users, in nines and in time."""
    share = users.available.value
    most, lost = (1 - users.available.low) * YEAR, (1 - share) * YEAR
    if share >= 1:
        return f"Nobody was out. By the interval a user is out for {length(most)} a year, at most."
    told = (f"A user can work {percent(share)} of the time ({said_nines(share)}), and is out for "
            f"{length(lost)} a year, at most {length(most, lost)} by the interval.")
    if users.served.value > share:
        told += (f" A node serves them {percent(users.served.value)} of the time "
                 f"({said_nines(users.served.value)}); in the rest they log in again.")
    return told


def middle_says(middle: Middle) -> str:
    """The middle of a range, which is simulated, and the command that gives ranges."""
    return (f"{middle.event}: {middle.words} is a range; {length(middle.simulated)}, its middle, is "
            "simulated. prgcore availability gives ranges.")


def causes_say(report: Report) -> str:
    """The most costly cause, and its part."""
    if not report.causes or report.causes[0].outage.value <= 0:
        return "Nobody was out."
    first = report.causes[0]
    return (f"{first.event} costs most: {minutes(first.outage.value)} minutes a year, "
            f"{100 * first.share:.0f} % of all.")


def storm_says(storm: Storm) -> list[str]:
    """The log-ins that come, those that a node can take, and the limits that let everybody in."""
    told = [(f"{counted(storm.users, 'user')} of one node log in at the other, between "
             f"{number(storm.lower)} and {number(storm.upper)} s after it serves them: "
             f"{number(storm.arrivals)} a second.")]
    if not storm.capacity:
        told.append("No log-in capacity is given, so nobody waits in a queue; --logins or --profile "
                    "gives one.")
    elif storm.arrivals > storm.capacity * (1 + 1e-9):
        told.append(f"A node takes {number(storm.capacity)} a second, so the last is in after "
                    f"{length(storm.last)}. An upper limit of {number(storm.advised)} s lets them in "
                    "without a queue.")
    else:
        told.append(f"A node takes {number(storm.capacity)} a second, so the set limits let them in "
                    f"without a queue; {number(storm.advised)} s would be enough.")
    if storm.printed:
        apart = "as set" if storm.printed == storm.upper else f"and {number(storm.upper)} s is set"
        told.append(f"The login profile {storm.profile} gives an upper limit of "
                    f"{number(storm.printed)} s for so many users, {apart}.")
    return told


def setting_says(report: Report) -> list[str]:
    """The choices of the world in sentences: users, clients, fallbacks, parameters."""
    setting = report.setting
    users = setting.get("users") or {}
    told = []
    if users:
        each = ", ".join(f"{n:,} on {home}" for home, n in users.items())
        told.append(f"Users at home: {each}.")
    if setting.get("dual_connections") is not None:
        told.append("Clients keep a second connection to the backup." if setting["dual_connections"]
                    else "Clients keep one connection.")
    automatic = setting.get("automatic_fallback")
    if automatic is not None:
        told.append("A node that is healthy again takes its users back by itself." if automatic else
                    "An administrator sends users home.")
    if changed := setting.get("changed"):
        told.append("Parameters set: " + ", ".join(f"{n} = {v}" for n, v in changed.items()) + ".")
    return told


def simulated(report: Report) -> str:
    """How many pairs were simulated for how long."""
    long = "a year each" if report.years == 1 else f"{number(report.years)} years each"
    return f"{counted(report.pairs, 'pair')} ({clean(report.machine)}), {long}, seed {report.seed}."


def push_says(push: Push) -> str:
    """How long background clients miss notifications, and where the figure is from."""
    return (f"Background iPhone and iPad clients get no notifications for "
            f"{lengths(push.least, push.most)} after each move of their users, "
            f"{number(push.times.value)} times a year ({between(push.times)}): measured by the "
            "document with 15,000 users on two equally loaded nodes.")
