"""Mutants of the tables about time: every edit of a timer, a parameter or a rule between these.

Law: one edit each, made from the tables as they are. A mutant is noticed if a theorem differs from
it (`prgcore.prove.timing.broken`), or equivalent if its tables mean the same; else it survives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from attrs import evolve, frozen

from prgcore.form.cubes import Stored
from prgcore.model import Cell, Cube, Limits, Model, Parameter, Timer, Values
from prgcore.prove.assumed import Shipped, same_rule, same_timer
from prgcore.prove.timing import THEOREMS, broken
from prgcore.seats import NODES, seat
from prgcore.timers.sanity import Sanity, Sum

__all__ = ["TimerMutant", "equivalent", "noticed", "timer_mutants"]

_TOLD = ("", "heartbeat", "peer_host_lost", "stall")
_NARROWED = "me.state"
"""The column by which a condition without cells is narrowed."""


@frozen
class TimerMutant:
    """The tables about time with one edit; `what` names the row and the edit."""

    what: str
    shipped: Shipped


def timer_mutants(model: Model) -> Iterator[TimerMutant]:
    """Every edit of one row of the tables about time.

    An edit of a timer is made for both nodes at once.
    """
    shipped = Shipped.of(model)
    domains = {name: model.domains[seat(name, NODES[0])] for t in shipped.timers
               for one in (t.runs, *(c for c, _ in t.limits), Cube((Cell(_NARROWED, ()),)))
               for name in [c.column for c in one]}
    durations = [p.name for p in shipped.parameters if p.unit == "s"]
    timers = shipped.timers
    for n, timer in enumerate(timers):
        for what, changed in _timer(timer, domains, durations):
            rows = (*timers[:n], *changed, *timers[n + 1:])
            yield TimerMutant(f"timer {timer.event}: {what}", evolve(shipped, timers=rows))
    for n, (one, two) in enumerate(pairwise(timers)):
        rows = (*timers[:n], two, one, *timers[n + 2:])
        yield TimerMutant(f"timer {one.event}: exchanged with {two.event}",
                          evolve(shipped, timers=rows))
    parameters = shipped.parameters
    for n, parameter in enumerate(parameters):
        for what, records in _parameter(parameter):
            rows_ = (*parameters[:n], *records, *parameters[n + 1:])
            yield TimerMutant(f"parameter {parameter.name}: {what}",
                              evolve(shipped, parameters=rows_))
    for n, rule in enumerate(shipped.sanity):
        for what, rules in _rule(rule, [p.name for p in parameters]):
            yield TimerMutant(f"rule {rule.id}: {what}", evolve(
                shipped, sanity=(*shipped.sanity[:n], *rules, *shipped.sanity[n + 1:])))


def noticed(mutant: TimerMutant, stored: Stored) -> str:
    """The sentence by which the first theorem notices a mutant; empty: none does.

    Make `Stored(model.columns)` once for all mutants.
    """
    return next((says for t in THEOREMS for says in broken(t, stored, mutant.shipped)), "")


def equivalent(mutant: TimerMutant, stored: Stored, shipped: Shipped) -> bool:
    """Whether the tables of a mutant mean the same; no theorem is asked."""
    other = mutant.shipped
    return (
        [t.event for t in other.timers] == [t.event for t in shipped.timers]
        and all(map(same_timer, other.timers, shipped.timers, [stored] * len(shipped.timers)))
        and other.parameters == shipped.parameters
        and [(r.id, r.kind, r.theorem) for r in other.sanity]
        == [(r.id, r.kind, r.theorem) for r in shipped.sanity]
        and all(map(same_rule, other.sanity, shipped.sanity)))


# ---------------------------------------------------------------------------- timers


def _timer(
    timer: Timer, domains: Mapping[str, Values], durations: list[str],
) -> Iterator[tuple[str, tuple[Timer, ...]]]:
    yield "dropped", ()
    yield "twice", (timer, timer)
    for told in _TOLD:
        if told != timer.told:
            yield f"told: {told or 'nothing'}", (evolve(timer, told=told),)
    for what, runs in _cube(timer.runs, domains):
        yield f"runs: {what}", (evolve(timer, runs=runs),)
    for what, limits in _limits(timer.limits, domains, durations):
        yield f"limits: {what}", (evolve(timer, limits=limits),)
    for observation in _TOLD[1:]:
        left = tuple(a for a in timer.again if a != observation)
        had = len(left) < len(timer.again)
        yield (f"again at {observation}: {'dropped' if had else 'added'}",
               (evolve(timer, again=left if had else (*timer.again, observation)),))
    if timer.again_in is None:
        yield "again_in: added", (evolve(timer, again_in=Cube()),)
        return
    yield "again_in: dropped", (evolve(timer, again_in=None),)
    for what, again_in in _cube(timer.again_in, domains):
        yield f"again_in: {what}", (evolve(timer, again_in=again_in),)


def _cube(one: Cube, domains: Mapping[str, Values]) -> Iterator[tuple[str, Cube]]:
    """A cube with a cell dropped, a value added or dropped; one without cells is narrowed."""
    if not one.cells:
        for value in domains[_NARROWED]:
            others = tuple(v for v in domains[_NARROWED] if v != value)
            yield f"{_NARROWED} without {value}", Cube((Cell(_NARROWED, others),))
    for cell in one:
        rest = tuple(c for c in one if c is not cell)
        yield f"cell {cell.column} dropped", Cube(rest)
        for value in domains[cell.column]:
            left = tuple(v for v in cell.values if v != value)
            if value not in cell.values:
                yield (f"cell {cell.column} widened by {value}",
                       Cube((*rest, Cell(cell.column, (*cell.values, value)))))
            elif left:
                yield (f"cell {cell.column} narrowed by {value}",
                       Cube((*rest, Cell(cell.column, left))))


def _limits(
    limits: Limits, domains: Mapping[str, Values], durations: list[str],
) -> Iterator[tuple[str, Limits]]:
    for n, (cells, limit) in enumerate(limits):
        before, behind = limits[:n], limits[n + 1:]
        yield f"{limit} dropped", (*before, *behind)
        changes = [name for name in durations if name != limit]
        numbers = [0, limit / 10, limit + 1] if not isinstance(limit, str) else [0, 1]
        for other in (*changes, *numbers):
            yield f"{limit} -> {other}", (*before, (cells, other), *behind)
        for what, changed in _cube(cells, domains) if cells.cells else ():
            yield f"{limit}: {what}", (*before, (changed, limit), *behind)
    if len(limits) > 1:
        yield "in reverse", limits[::-1]


# ------------------------------------------------------------- parameters and rules


def _parameter(record: Parameter) -> Iterator[tuple[str, tuple[Parameter, ...]]]:
    yield "dropped", ()
    yield "another one beside it", (record, evolve(record, name=f"{record.name}_too"))
    default = record.default
    for value in (not default,) if isinstance(default, bool) else (default + 1, default / 2, 0):
        yield f"default {default} -> {value}", (evolve(record, default=value),)
    for unit in {"s", "ms", "port", "true or false"} - {record.unit}:
        yield f"unit {record.unit} -> {unit}", (evolve(record, unit=unit),)
    for least in (record.least - 1, record.least + 1, 1 << 50):
        yield f"least {record.least} -> {least}", (evolve(record, least=least),)
    for most in (record.most - 1, record.most + 1, 1 << 50):
        yield f"most {record.most} -> {most}", (evolve(record, most=most),)


def _rule(rule: Sanity, names: list[str]) -> Iterator[tuple[str, tuple[Sanity, ...]]]:
    yield "dropped", ()
    yield "another one beside it", (rule, evolve(rule, id=f"{rule.id}-too"))
    for relation in ("<", "<=", "!="):
        if relation != rule.relation:
            yield f"{rule.relation} -> {relation}", (evolve(rule, relation=relation),)
    yield "inverted", (evolve(rule, less=rule.more, more=rule.less),)
    opposite = {"<": "<=", "<=": "<"}
    if rule.relation in opposite:
        yield "denied", (evolve(
            rule, less=rule.more, relation=opposite[rule.relation], more=rule.less),)
    yield "another kind", (evolve(rule, kind={"error": "warning"}.get(rule.kind, "error")),)
    yield "another theorem", (evolve(rule, theorem="T1"),)
    for what, terms in _sum(rule.less, names):
        yield f"less: {what}", (evolve(rule, less=terms),)
    for what, terms in _sum(rule.more, names):
        yield f"more: {what}", (evolve(rule, more=terms),)


def _sum(terms: Sum, names: list[str]) -> Iterator[tuple[str, Sum]]:
    for n, (times, name) in enumerate(terms):
        before, behind = terms[:n], terms[n + 1:]
        yield f"{name or times} dropped", (*before, *behind)
        for other in (times + 1, times - 1, times / 2):
            if other != times:
                yield f"{times} {name} -> {other}", (*before, (other, name), *behind)
        for other_name in names if name else ():
            if other_name != name:
                yield f"{name} -> {other_name}", (*before, (times, other_name), *behind)
