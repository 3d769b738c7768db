"""How often every event of a machine happens and how long it takes: a `World`, read from words.

    services_down = "every 120 days"        mean time between two, while it can happen (exponential)
    power_off = "2 per year"                the same
    services_up = "takes 10 to 30 min"      mean time until it happens (exponential); a range
    fallback = "takes 4 h in working hours" the same, and nobody does it outside the working week
    takeover_failed = "1 in 1000 of takeover_done"   the end of an attempt that fails
    heartbeat_lost = "timer"                when the machine's own timer says so (without a word)
    failover = "never"

Law: data and words; no pair is read here, and nothing is drawn by chance. Seconds everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import exp, expm1, isfinite
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.model import Model, Number
from prgcore.seats import NODES
from prgcore.tables.parameters import UNITS
from prgcore.tables.rates import BEGINS, MISSED, RATES
from prgcore.timers.parameters import Settings, parameters_of
from prgcore.vocabulary import Kind

__all__ = [
    "EVERY", "NEVER", "SHARE", "TAKES", "TIMER", "WEEK", "Episode", "Rate", "Week", "World",
    "default", "parse", "read", "words_of",
]

NEVER, EVERY, TAKES, SHARE, TIMER = "never", "every", "takes", "share", "timer"

_DAY = 86_400
_LONG: dict[str, Number] = {
    **UNITS["s"], "day": _DAY, "days": _DAY, "d": _DAY, "week": 7 * _DAY, "weeks": 7 * _DAY,
    "month": 365 * _DAY / 12, "months": 365 * _DAY / 12, "year": 365 * _DAY, "years": 365 * _DAY,
    "y": 365 * _DAY, "decade": 3650 * _DAY, "century": 36_500 * _DAY,
}
_NUMBER = r"(\d{1,15}(?:\.\d{1,15})?(?:e[+-]?\d{1,2})?)"
_TIME = re.compile(rf"{_NUMBER}\s*([a-z]*)(?:\s*(?:to|-|\u2013)\s*{_NUMBER}\s*([a-z]*))?")
_PER = re.compile(rf"{_NUMBER}(?:\s*(?:to|-|\u2013)\s*{_NUMBER})?\s*(?:times\s+)?(?:per|a|an|/)\s*([a-z]+)")
_SHARE = re.compile(rf"(?:{_NUMBER}\s+in\s+{_NUMBER}|{_NUMBER}\s*(%?))\s+of\s+(\S.*)")
_WORKING = " in working hours"
_LEAST, _MOST = 1e-6, 1e15


@frozen
class Week:
    """The working week: so many days from Monday, between two hours of the day."""

    days: int = 5
    begins: Number = 8
    ends: Number = 18

    @property
    def share(self) -> float:
        """The share of all time that is working time."""
        return self.days * (self.ends - self.begins) / 168

    def wait(self, mean: float) -> float:
        """How long an event takes on average that takes an exponential working time.

        It begins at any moment of the week, so it may begin in a night. Hours outside the working
        week only pass.

        Args:
            mean: its mean working time, in seconds.
        """
        hours = [part for day in range(7) for part in self._day(day) if part[0]]
        factor, rest = 1.0, 0.0  # from here to the end of the week: factor * (wait there) + rest
        area, slope = 0.0, 0.0  # the integral over the week of that wait, the same way
        for length, works in reversed([(3600.0 * hours_, works) for hours_, works in hours]):
            if works:
                left, done = exp(-length / mean), -expm1(-length / mean)
                area += mean * length - mean**2 * done + mean * done * rest
                slope += mean * done * factor
                factor, rest = left * factor, mean * done + left * rest
            else:
                area += length**2 / 2 + length * rest
                slope += length * factor
                rest += length
        worked = 7 * _DAY * self.share
        return (area + slope * rest / -expm1(-worked / mean)) / (7 * _DAY)

    def _day(self, day: int) -> tuple[tuple[Number, bool], ...]:
        """The parts of a day: how many hours, and whether they are working hours."""
        if day >= self.days:
            return ((24, False),)
        return (self.begins, False), (self.ends - self.begins, True), (24 - self.ends, False)


WEEK = Week()


@frozen
class Rate:
    """How often an event happens while it can, or how long it takes.

    Attributes:
        event: the event of the machine, with its seat.
        kind: `never`, `every` or `takes` (exponential), `share` (a failing end of an attempt), or
            `timer`: the machine's own timer.
        mean: (every, takes) the mean time until it happens while it can, in seconds.
        share: (share) the share of attempts that end so where the attempt could succeed.
        of: (share) the event by which the same attempt succeeds.
        working: whether it happens in working hours only; the mean counts working time.
        between: the least and the greatest mean (or share), where words gave a range.
        words, says: the words it was read from, and why.
    """

    event: str
    kind: str
    mean: float = 0.0
    share: float = 0.0
    of: str = ""
    working: bool = False
    between: tuple[float, float] | None = None
    words: str = field(default="", eq=False)
    says: str = field(default="", eq=False)

    @property
    def happens(self) -> bool:
        """Whether it can happen at all in this world."""
        return self.kind != NEVER and not (self.kind == SHARE and self.share == 0)


@frozen
class Episode:
    """Several events of the machine at once, one after another, as often as `rate` says.

    It happens where its first event does; events that are not possible on the way are left out.
    """

    name: str
    events: tuple[str, ...]
    rate: Rate


@frozen
class World:
    """The rates of every event of a machine, and what else an outage depends on.

    Attributes:
        rates: for every event of the machine, in its order.
        episodes: several events at once.
        parameters: the service parameters; they time the timers, and the log-in of users.
        begins: columns of the pair that the world begins with.
        week: the working week.
        users: how many users are at home on each node (by group of the machine).
        dual: whether clients keep a second connection to the backup.
        logins: how many users a node can log in each second; 0: as many as come.
    """

    rates: Mapping[str, Rate]
    episodes: tuple[Episode, ...]
    parameters: Settings
    begins: Mapping[str, str] = field(factory=dict)
    week: Week = WEEK
    users: Mapping[str, int] = field(factory=dict)
    dual: bool = False
    logins: float = 0.0

    def rate(self, event: str) -> Rate:
        """The rate of an event, or of an episode.

        Raises:
            BadInput: no such event.
        """
        known = {**self.rates, **{e.name: e.rate for e in self.episodes}}
        if event not in known:
            raise BadInput(unknown_name("event", event, known))
        return known[event]

    def with_rate(self, event: str, rate: Rate) -> World:
        """The same world with another rate of one event or episode."""
        if event in self.rates:
            return evolve(self, rates={**self.rates, event: rate})
        self.rate(event)
        return evolve(self, episodes=tuple(
            evolve(e, rate=rate) if e.name == event else e for e in self.episodes))


# --------------------------------------------------------------------------- words


def parse(event: str, words: object, says: str = "") -> Rate:
    """The rate that words mean; see the head of this module.

    Raises:
        BadInput: they mean none; the error says how to write one.
    """
    if not isinstance(words, str):
        raise _wrong(event, words)
    text = " ".join(words.casefold().split())
    working = text.endswith(_WORKING)
    text = text.removesuffix(_WORKING)
    rate = Rate(event, NEVER, words=words.strip(), says=says)
    if text in (NEVER, TIMER):
        return evolve(rate, kind=text)
    if found := _SHARE.fullmatch(text):
        some, whole, alone, percent, of = found.groups()
        share = float(some) / float(whole) if whole and float(whole) else float(
            alone or "inf") / (100 if percent else 1)
        if not 0 <= share < 1 or working:
            raise _wrong(event, words)
        return evolve(rate, kind=SHARE, share=share, of=of)
    kind, _, rest = text.partition(" ")
    if kind in (EVERY, TAKES) and (both := _time(rest)):
        least, most = both
    elif per := _PER.fullmatch(text):
        kind, unit = EVERY, _LONG.get(per[3], 0)
        numbers = [float(n) for n in per.group(1, 2) if n]
        if not unit or not all(numbers):
            raise _wrong(event, words)
        least, most = unit / numbers[-1], unit / numbers[0]
    else:
        raise _wrong(event, words)
    if not _LEAST <= least <= most <= _MOST:
        raise _wrong(event, words)
    return evolve(rate, kind=kind, mean=(least + most) / 2, working=working,
                  between=(least, most) if most > least else None)


def _time(text: str) -> tuple[float, float] | None:
    """The least and the greatest time that a text means, in seconds; None if it means none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return (_LONG[text],) * 2 if text in _LONG else None  # every year
    one, unit, other, last = found.groups()
    unit = unit or last or ""
    if unit not in _LONG or (last and last not in _LONG):
        return None
    least = float(one) * _LONG[unit]
    return least, least if other is None else float(other) * _LONG[last or unit]


def _wrong(event: str, words: object) -> BadInput:
    return BadInput(
        f"{event}: {words!r:.60} is not a rate; write 'every 90 days', '4 per year', 'takes 20 min', "
        "'takes 4 h in working hours', '1 in 1000 of takeover_done', 'timer' or 'never'")


# --------------------------------------------------------------------------- a world


def words_of(model: Model) -> dict[str, tuple[str, str]]:
    """The words that are assumed for events of a machine, by event without a seat, each with why.

    They are those of the presence redundancy group; an event of another machine that is called the
    same has the same words.
    """
    names = {_bare(e.name) for e in model.events}
    return {a.event: (a.words, a.says) for a in RATES if a.event in names}


def default(
    engine: Engine, words: Mapping[str, object] | None = None, parameters: Settings | None = None,
    *, assumed: bool = True,
) -> World:
    """A world: words for some events over those that are assumed.

    An event may be named without its seat, for both nodes. Timers count by the parameters; they
    need no words.

    Args:
        words: for events or episodes; those with a seat go before those without.
        assumed: whether the shipped words count where none are given.

    Raises:
        BadInput: an event is unknown, words mean no rate, or an event has none.
    """
    given = dict(words or {})
    model = engine.model
    mine = parameters_of(model)() if parameters is None else parameters
    names = [e.name for e in model.events]
    missed = _episodes(model)
    known = dict.fromkeys([*names, *map(_bare, names), *missed, *map(_bare, missed)])
    for name in given:
        if name not in known:
            raise BadInput(unknown_name("event", name, known))
    shipped = words_of(model) if assumed else {}
    timed = {t.event for t in model.timers}
    rates: dict[str, Rate] = {}
    without = []
    for event in model.events:
        said, says = _said(event.name, given, shipped)
        if said is None and event.name in timed:
            said = TIMER
        if said is None and event.kind is Kind.COMMAND:
            said, says = NEVER, "nobody gives it"
        if said is None:
            without.append(_bare(event.name))
            continue
        rates[event.name] = _checked(model, _seated(parse(event.name, said, says), names), timed)
    if without:
        raise BadInput(
            f"no rate for {', '.join(dict.fromkeys(without))}: give each, as in "
            f'{without[0]} = "every 90 days", "takes 20 s" or "never"')
    episodes = tuple(
        Episode(name, events, _together(_checked(model, parse(
            name, *_said(name, given, {MISSED.name: (MISSED.words, MISSED.says)})), timed)))
        for name, events in missed.items())
    begins = {
        column: off_on[bool(getattr(mine, name))] for column, (name, *off_on) in BEGINS.items()
        if any(c.name == column for c in model.columns) and hasattr(mine, name)}
    return World(rates, episodes, mine, begins)


def _said(
    name: str, given: Mapping[str, object], shipped: Mapping[str, tuple[str, str]]
) -> tuple[Any, str]:
    for one in (name, _bare(name)):
        if one in given:
            return given[one], "given"
    return shipped.get(_bare(name), (None, ""))


def _bare(name: str) -> str:
    """An event without its seat."""
    return name.partition("(")[0]


def _seat(name: str) -> str:
    return name.partition("(")[2].rstrip(")")


def _seated(rate: Rate, names: Iterable[str]) -> Rate:
    """The rate, with the seat of its event where `of` has none."""
    if rate.kind != SHARE:
        return rate
    of = rate.of if rate.of in names else f"{rate.of}({_seat(rate.event)})"
    if of == rate.event:
        raise BadInput(f"{rate.event}: {rate.words!r:.40} is a share of itself; name the event by which "
                       "the same attempt succeeds")
    if of not in names:
        raise BadInput(f"{rate.event}: " + unknown_name("event", rate.of, {_bare(n) for n in names}))
    return evolve(rate, of=of)


def _checked(model: Model, rate: Rate, timed: Iterable[str]) -> Rate:
    if rate.kind == TIMER and rate.event not in timed:
        raise BadInput(f"{rate.event}: no timer of {model.name} makes this event due; write how long "
                       "it takes: 'takes 20 s'")
    return rate


def _together(rate: Rate) -> Rate:
    if rate.kind == SHARE:
        raise BadInput(f"{rate.event}: {rate.words!r:.40} is the end of an attempt, and these are several "
                       "events at once; write '4 per year'")
    return rate


def _episodes(model: Model) -> dict[str, tuple[str, ...]]:
    """The events of the shipped episode, for each node where the machine has all of them."""
    names = {e.name for e in model.events}
    found = {}
    for node in NODES:
        events = tuple(f"{e}({node})" if f"{e}({node})" in names else e for e in MISSED.events)
        if names.issuperset(events):
            found[f"{MISSED.name}({node})"] = events
    return found


_SECTIONS = ("rates", "parameters", "users", "week", "clients")


def read(
    engine: Engine, file: str | Path | Mapping[str, Any] | None, words: Mapping[str, object] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> World:
    """A world from a TOML file, with words and parameters that go before its own.

    The sections, each may be missing: `[rates]` events and words; `[parameters]` service parameters;
    `[users]` a number for each group; `[week]` days, begins, ends; `[clients]` dual_connections
    (true or false) and logins_per_second.

    Raises:
        BadInput: the file cannot be read, or a section, an event, a word or a number is wrong.
    """
    told = _sections(file)
    kind = parameters_of(engine.model)
    mine = kind.parse(parameters or {}, kind.parse(told.get("parameters", {})))
    world = default(engine, {**told.get("rates", {}), **(words or {})}, mine)
    groups = engine.habits.groups
    users = told.get("users", {})
    for group, number in users.items():
        if group not in groups:
            raise BadInput("[users] " + unknown_name("group", group, groups))
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 10**9:
            raise BadInput(f"[users] {group}: {number!r:.40} is not a number of users")
    clients = _known(told.get("clients", {}), "clients", {"dual_connections": bool, "logins_per_second": float})
    week = _known(told.get("week", {}), "week", {"days": int, "begins": float, "ends": float})
    made = Week(**week)
    if not (1 <= made.days <= 7 and 0 <= made.begins < made.ends <= 24):
        raise BadInput("[week]: days are 1 to 7, begins and ends are hours of one day, begins first")
    if clients.get("logins_per_second", 0) < 0:
        raise BadInput("[clients] logins_per_second: expected 0 or more")
    return evolve(
        world, users=dict(users), week=made, dual=bool(clients.get("dual_connections", False)),
        logins=float(clients.get("logins_per_second", 0)))


def _sections(file: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    import tomllib

    if file is None:
        return {}
    if isinstance(file, Mapping):
        told: dict[str, Any] = dict(file)
    else:
        try:
            told = tomllib.loads(Path(file).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            says = getattr(error, "strerror", None) or str(error)
            raise BadInput(f"{file!s:.80}: {says:.200}") from None
    for name, section in told.items():
        if name not in _SECTIONS:
            raise BadInput(unknown_name("section", name, _SECTIONS))
        if not isinstance(section, dict):
            raise BadInput(f"[{name}]: expected a section of names and values")
    return told


def _known(given: Mapping[str, Any], section: str, kinds: Mapping[str, type]) -> dict[str, Any]:
    for name, value in given.items():
        if name not in kinds:
            raise BadInput(f"[{section}] " + unknown_name("setting", name, kinds))
        wanted = kinds[name]
        fits = type(value) is wanted or (wanted is float and type(value) is int)
        if wanted is float and fits:
            fits = isfinite(value)
        if not fits:
            raise BadInput(f"[{section}] {name}: {value!r:.40} is not {_KINDS[wanted]}")
    return dict(given)


_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}
