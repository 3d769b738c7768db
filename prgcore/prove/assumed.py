"""The assumptions of the theorems about time, as data, and where the tables differ from them.

Law: written from the document and the decisions, never read from the tables that it judges. A
timer's conditions are in stored columns here, so a derived column cannot change what they mean.
Conditions are compared as sets of pairs, rules between parameters by a solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from math import lcm
from typing import Protocol, TypeAlias

from attrs import field, frozen

from prgcore.form.cubes import Stored
from prgcore.model import (
    Cube,
    Cubelike,
    Limits,
    Model,
    Number,
    Parameter,
    Timer,
    Values,
    as_values,
    cube,
    cubes,
)
from prgcore.prove.claims import Claim, Numbers, Term, Unknowns, ask, both, no, same
from prgcore.seats import NODES, relative_timer, seat_cube
from prgcore.timers.parameters import LATEST, parameters_of
from prgcore.timers.sanity import RULES, Sanity, Sum
from prgcore.vocabulary import Verdict
from prgcore.words import counted, listed

__all__ = [
    "Assumed", "Closed", "Durations", "ParameterRow", "Premise", "SanityRow",
    "Shipped", "Tables", "TimerCount", "TimerOrder", "TimerRow", "same_rule", "same_timer", "unread",
]

Premise: TypeAlias = Callable[[Unknowns], Term]


@frozen
class Shipped:
    """The tables about time: the timers, the parameters, and the rules between these.

    Timers are written from `me`. If those of two nodes differ, both are here.
    """

    timers: tuple[Timer, ...]
    parameters: tuple[Parameter, ...]
    sanity: tuple[Sanity, ...] = RULES

    @staticmethod
    def of(model: Model) -> Shipped:
        """The tables of a machine."""
        return Shipped(tuple(dict.fromkeys(map(relative_timer, model.timers))),
                       tuple(parameters_of(model).records.values()))

    def limit(self, event: str) -> str:
        """How long a timer counts, in words; empty if there is no such timer."""
        limits = [limit for t in self.timers if t.event == event for _, limit in t.limits]
        return listed(f"{x:g} s" if not isinstance(x, str) else x for x in limits)


class Assumed(Protocol):
    """Something that a theorem assumes of the tables."""

    def says(self) -> Iterator[str]:
        """The assumption, as sentences."""

    def differs(self, shipped: Shipped, stored: Stored) -> Iterator[str]:
        """Where the tables differ: `... is assumed; the table has ...`."""

    def columns(self) -> Iterator[Cube]:
        """The cubes that it reads, written from `me`."""


class Tables:
    """The base of what reads no column."""

    def columns(self) -> Iterator[Cube]:
        return iter(())


# ---------------------------------------------------------------------------- timers


def unread(one: Cube, stored: Stored) -> str:
    """A column or value of a cube, written from `me`, that the machine does not have; or empty."""
    for cell in seat_cube(one, NODES[0]):
        column = stored.named.get(cell.column)
        if column is None:
            return f"the column {cell.column}"
        if more := [v for v in cell.values if v not in column.domain]:
            return f"the value {more[0]} of {cell.column}"
    return ""


def _where(many: tuple[Cube, ...]) -> str:
    if not many:
        return "nowhere"
    if any(not one.cells for one in many):
        return "always"
    return "where " + " or ".join(
        " and ".join(f"{c.column} is {listed(c.values)}" for c in one) for one in many)


def _seated(many: tuple[Cube, ...], node: str) -> tuple[Cube, ...]:
    return tuple(seat_cube(one, node) for one in many)


def _apart(one: tuple[Cube, ...], other: tuple[Cube, ...], stored: Stored) -> str:
    """Stored values, in words, that are in one of two unions of cubes only; empty: none."""
    for node in NODES:
        here, there = _seated(one, node), _seated(other, node)
        for some, rest in ((here, there), (there, here)):
            for cells in some:
                found = stored.outside(cells, rest)
                if found is not None:
                    return _values(found)
    return ""


def _values(found: Mapping[str, str]) -> str:
    return " and ".join(f"{name} is {value}" for name, value in found.items()) or "every pair"


def _counts(
    runs: tuple[Cube, ...], one: Limits, other: Limits, stored: Stored,
) -> tuple[str, str | Number, str | Number] | None:
    """Where two lists of limits say different things while a timer runs, and what each says."""
    whole: Limits = ((Cube(), 0),)
    for node in NODES:
        here, there = ([(seat_cube(c, node), limit) for c, limit in (*many, *whole)]
                       for many in (one, other))
        for i, (cells, limit) in enumerate(here):
            for j, (others, wanted) in enumerate(there):
                before = tuple(c for c, _ in (*here[:i], *there[:j]))
                for start in _seated(runs, node) if limit != wanted else ():
                    both_ = start & cells
                    met = None if both_ is None else both_ & others
                    found = None if met is None else stored.outside(met, before)
                    if found is not None:
                        return _values(found), limit, wanted
    return None


def _limit(limit: str | Number) -> str:
    return limit if isinstance(limit, str) else f"{limit:g} s"


def _limits(rows: tuple[tuple[Cubelike, str | Number], ...]) -> Limits:
    return tuple((cube(cells), limit) for cells, limit in rows)


@frozen
class TimerRow:
    """A timer, as a theorem assumes it; the shape is that of `prgcore.model.Timer`.

    `runs` and `again_in` are alternatives: one cube of them has to hold.
    """

    event: str
    told: str = ""
    runs: tuple[Cube, ...] = field(converter=cubes, default=({},))
    limits: Limits = field(converter=_limits, default=())
    again: Values = field(converter=as_values, default=())
    again_in: tuple[Cube, ...] = field(converter=cubes, default=())

    def says(self) -> Iterator[str]:
        if self.told:
            yield f"{self.event} is due at the report of {self.told}"
            return
        yield f"{self.event} runs {_where(self.runs)}"
        for cells, limit in self.limits:
            where = f"{_where((cells,))}, " if cells.cells else ""
            yield f"{where}{self.event} counts {_limit(limit)}"
        for observation in self.again:
            yield f"{self.event} begins again at each {observation}"
        if self.again_in:
            yield f"{self.event} begins again when it comes {_where(self.again_in)}"

    def columns(self) -> Iterator[Cube]:
        yield from (*self.runs, *self.again_in, *(cells for cells, _ in self.limits))

    def differs(self, shipped: Shipped, stored: Stored) -> Iterator[str]:
        found = [t for t in shipped.timers if t.event == self.event]
        if len(found) != 1:
            yield (f"one timer {self.event} is assumed; the table has "
                   f"{'none' if not found else len(found)}")
            return
        yield from _apart_from(self, found[0], stored)

    def _differs(self, timer: Timer, stored: Stored) -> Iterator[str]:
        name = self.event
        again_in = () if timer.again_in is None else (timer.again_in,)
        for one in (timer.runs, *again_in, *(cells for cells, _ in timer.limits)):
            if says := unread(one, stored):
                yield f"{name} is assumed to read columns of the machine; the table has {says}"
                return
        if timer.told != self.told:
            yield (f"{name} is assumed to need {_report(self.told)}; the table has "
                   f"{_report(timer.told)}")
        if where := _apart(self.runs, (timer.runs,), stored):
            yield (f"{name} is assumed to run {_where(self.runs)}; the table has "
                   f"{_where((timer.runs,))}, which differs if {where}")
        if at := _counts(self.runs, timer.limits, self.limits, stored):
            where, has, wanted = at
            yield (f"{name} is assumed to count {_limit(wanted)} if {where}; the table has "
                   f"{_limit(has)}")
        if set(timer.again) != set(self.again):
            yield (f"{name} is assumed to begin again at {listed(self.again) or 'no observation'}; "
                   f"the table has {listed(timer.again) or 'none'}")
        if where := _apart(self.again_in, again_in, stored):
            yield (f"{name} is assumed to begin again when it comes {_where(self.again_in)}; the "
                   f"table has {_where(again_in)}, which differs if {where}")


def _report(told: str) -> str:
    return f"the report of {told}" if told else "no report"


@cache
def _apart_from(row: TimerRow, timer: Timer, stored: Stored) -> tuple[str, ...]:
    """Where a timer differs from a row; several theorems assume the same one."""
    return tuple(row._differs(timer, stored))  # noqa: SLF001, one cache for all rows


def same_timer(one: Timer, other: Timer, stored: Stored) -> bool:
    """Whether two rows are the same timer, though they may be written differently."""
    again = (() if other.again_in is None else (other.again_in,))
    assumed = TimerRow(other.event, other.told, (other.runs,), other.limits, other.again, again)
    return not any(assumed.differs(Shipped((one,), ()), stored))


@frozen
class TimerOrder(Tables):
    """The timers, in the order in which events that are due together are given."""

    events: Values

    def says(self) -> Iterator[str]:
        yield f"the timers are, in this order, {', '.join(self.events)}"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        found = tuple(t.event for t in shipped.timers)
        if found != self.events:
            yield (f"the timers are assumed to be {', '.join(self.events)}, in this order; the "
                   f"table has {', '.join(found)}")


@frozen
class TimerCount(Tables):
    """As many timers that count: not those that are due in the moment of a heartbeat."""

    number: int

    def says(self) -> Iterator[str]:
        yield f"{counted(self.number, 'timer')} count"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        found = sum(t.told != "heartbeat" for t in shipped.timers)
        if found != self.number:
            yield f"{counted(self.number, 'timer')} are assumed to count; the table has {found}"


# ------------------------------------------------------------------------ parameters


def _record(shipped: Shipped, name: str) -> Parameter | None:
    found = [p for p in shipped.parameters if p.name == name]
    return found[0] if len(found) == 1 else None


@frozen
class Durations(Tables):
    """Parameters that are durations: in seconds, not negative, and not too long for a float."""

    names: Values = field(converter=as_values)

    def says(self) -> Iterator[str]:
        for name in self.names:
            yield f"{name} is in seconds, never below 0"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        for name in self.names:
            record = _record(shipped, name)
            if record is None:
                yield f"one parameter {name} is assumed; the table has none"
                continue
            if record.unit != "s":
                yield f"{name} is assumed to be in seconds; the table has {record.unit}"
            if record.least < 0:
                yield f"{name} is assumed to be 0 or more; the table allows {record.least:g}"
            if record.most > LATEST:
                yield (f"{name} is assumed to be at most {LATEST}, so that no millisecond is lost; "
                       f"the table allows {record.most:g}")


@frozen
class ParameterRow(Tables):
    """A parameter as the document prints it, and the bounds of this library."""

    name: str
    default: Number
    unit: str = "s"
    least: Number = 0
    most: Number = 86_400

    def says(self) -> Iterator[str]:
        yield (f"{self.name} is {_given(self.default)} by default, from {self.least:g} to "
               f"{self.most:g} ({self.unit})")

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        record = _record(shipped, self.name)
        if record is None:
            yield f"one parameter {self.name} is assumed; the table has none"
            return
        for what in ("default", "unit", "least", "most"):
            has, wanted = getattr(record, what), getattr(self, what)
            if has != wanted or isinstance(has, bool) != isinstance(wanted, bool):
                yield (f"the {what} of {self.name} is assumed to be {_given(wanted)}; the table "
                       f"has {_given(has)}")


def _given(value: Number | str) -> str:
    return str(value).lower() if isinstance(value, bool | str) else f"{value:g}"


# -------------------------------------------------------------- rules of good sense


@frozen
class SanityRow(Tables):
    """A rule between parameters that a theorem rests on, and the premise that it has to ask for.

    `words` is the premise in words, `kind` says how grave it is to break it, and `by` is what the
    rule names as its reason.
    """

    id: str
    kind: str
    by: str
    words: str
    premise: Premise = field(repr=False)

    def says(self) -> Iterator[str]:
        yield f"the rule {self.id} ({self.kind}) asks for {self.words}"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        found = [r for r in shipped.sanity if r.id == self.id]
        if len(found) != 1:
            yield (f"one rule {self.id} is assumed, which asks for {self.words}; the table has "
                   f"{'none' if not found else len(found)}")
            return
        rule = found[0]
        if rule.kind != self.kind:
            yield f"the rule {self.id} is assumed to be an {self.kind}; the table has {rule.kind}"
        if rule.theorem != self.by:
            yield (f"the rule {self.id} is assumed to name {self.by or 'nothing'} as its reason; "
                   f"the table has {rule.theorem or 'nothing'}")
        if where := _unlike(self.premise, rule.less, rule.relation, rule.more):
            yield (f"the rule {self.id} is assumed to ask for {self.words}; the table has "
                   f"{_sum(rule.less)} {rule.relation} {_sum(rule.more)}: {where}")


@frozen
class Closed(Tables):
    """The complete lists of parameters and of rules: no other one is there."""

    parameters: Values
    rules: Values

    def says(self) -> Iterator[str]:
        yield f"there are {len(self.parameters)} parameters and {len(self.rules)} rules"

    def differs(self, shipped: Shipped, _: Stored) -> Iterator[str]:
        for what, assumed, has in (
                ("parameters", self.parameters, [p.name for p in shipped.parameters]),
                ("rules", self.rules, [r.id for r in shipped.sanity])):
            if sorted(has) != sorted(assumed):
                more = listed(sorted({*has} ^ {*assumed}), "and")
                yield (f"{len(assumed)} {what} are assumed; the table has {len(has)}, and they "
                       f"differ in {more or 'one that is there twice'}")


def _sum(terms: Sum) -> str:
    return " + ".join(
        f"{times:g}" if not name else name if times == 1 else f"{times:g} * {name}"
        for times, name in terms) or "0"


def same_rule(one: Sanity, other: Sanity) -> bool:
    """Whether two rules ask for the same, of numbers that are not negative."""
    return not _unlike(_premise(other), one.less, one.relation, one.more)


@cache
def _premise(rule: Sanity) -> Premise:
    return lambda u: _holds(u, rule.less, rule.relation, rule.more)


RELATIONS = ("<", "<=", "!=")
"""The relations between parameters that the program reads."""

_SAMPLES: tuple[int | Fraction, ...] = (0, Fraction(1, 1000), 1, 5)
"""Numbers at which most rules that differ do: the solver decides only where none of them does."""


@cache
def _unlike(premise: Premise, less: Sum, relation: str, more: Sum) -> str:
    """Why a rule is not this premise, over all numbers that are not negative; empty: it is."""
    if relation not in RELATIONS:
        return f"no program reads the relation {relation!r}"
    names = sorted({*_named(premise), *(name for _, name in (*less, *more) if name)})

    def alike(u: Unknowns) -> Claim:
        return Claim(
            {"no number is negative": both(*(u.number(name) >= 0 for name in names))},
            {"the rule asks for the premise": same(_holds(u, less, relation, more), premise(u))})

    for values in product(_SAMPLES, repeat=len(names)):
        sample: dict[str, bool | int | Fraction] = dict(zip(names, values, strict=True))
        claim = alike(Numbers(sample))
        if not all(claim.then.values()):
            return f"one of them holds at {_numbers(sample)}"
    answer = ask(alike, "Real")
    if answer.verdict == Verdict.PROVED:
        return ""
    return f"one of them holds at {_numbers(answer.values)}" if answer.values else answer.verdict


@cache
def _named(premise: Premise) -> frozenset[str]:
    read = Unknowns("Real")
    premise(read)
    return frozenset(read.named)


def _numbers(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _holds(u: Unknowns, less: Sum, relation: str, more: Sum) -> Term:
    """A rule as a term, with whole multiples: a decimal such as 0.001 is exact."""
    scale = lcm(*(Fraction(str(times)).denominator for times, _ in (*less, *more)))

    def total(terms: Sum) -> Term:
        return sum((int(Fraction(str(times)) * scale) * (u.number(name) if name else 1)
                    for times, name in terms), 0)

    one, other = total(less), total(more)
    match relation:
        case "<":
            return one < other
        case "<=":
            return one <= other
        case _:
            return no(same(one, other))
