"""Form of what a machine promises: mistakes in its promises, duties and the strength of its adversary.

Law: as `prgcore.form.wellformed`, of which this is a part. The prover finds what a search shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from prgcore.form.mistakes import many_wrong, twice, unknown, wrong_cells
from prgcore.model import AcceptedOnly, Column, Cube, Event, Exclusive, Model, OnlyBy
from prgcore.vocabulary import Kind

__all__ = ["BUILT_IN", "promised", "reserved", "taken"]

BUILT_IN = re.compile("[CEFLT][0-9]+|M1|S18")
"""The ids of the prover's own obligations, those to come included; a machine's own are others."""

_Columns: TypeAlias = Mapping[str, Column]


def promised(
    model: Model, columns: _Columns, events: Mapping[str, Event],
) -> Iterator[str]:
    """Yield every mistake in these sections, as `place: what is wrong`."""
    yield from taken(model)
    yield from _promises(model, columns, events)
    yield from _forbids(model)
    yield from _answers(model, columns)
    yield from _duties(model, columns, events)
    yield from _adversary(model, columns, events)


def taken(model: Model) -> tuple[str, ...]:
    """The ids of the machine's own promises that belong to obligations of the prover, as findings."""
    sections: dict[str, tuple[Any, ...]] = {
        "invariants": model.invariants, "accepted_only": model.accepted_only,
        "exclusive": model.exclusive, "only_by": model.only_by,
        "observations": model.observations, "converges": model.converges,
    }
    return tuple(
        f"{section}[{i}].id: {row.id} {reserved(row.id)}"
        for section, rows in sections.items() for i, row in enumerate(rows)
        if BUILT_IN.fullmatch(row.id)
    )


def reserved(id_: str) -> str:
    """Why an id belongs to the prover, in words that follow it."""
    if id_ in ("M1", "S18"):
        return "is the name of an obligation of the prover; choose another"
    return (f"is reserved: {id_[0]} and a number is the prover's own; take another letter, such as "
            "S, V, W or X")


def _promises(model: Model, columns: _Columns, events: Mapping[str, Event]) -> Iterator[str]:
    """Mistakes in invariants, guard checks, exclusive commands, and values that few events set."""
    yield from twice("invariants", (i.id for i in model.invariants))
    for i, invariant in enumerate(model.invariants):
        yield from many_wrong(f"invariants[{i}].never", invariant.never, columns)
        yield from wrong_cells(f"invariants[{i}].premise", invariant.premise, columns)
        for j, name in enumerate(invariant.exactly):
            yield from unknown(f"invariants[{i}].exactly[{j}]", "column", name, columns)
    for i, check in enumerate(model.accepted_only):
        yield from unknown(f"accepted_only[{i}].command", "event", check.command, events)
        yield from many_wrong(f"accepted_only[{i}].when", check.when, columns)
    commands = {
        name for e in model.events if e.kind is Kind.COMMAND
        for name in (e.name, e.name.partition("(")[0])
    }
    yield from twice("exclusive", (x.id for x in model.exclusive))
    for i, exclusive in enumerate(model.exclusive):
        yield from twice(f"exclusive[{i}].commands", exclusive.commands)
        for j, name in enumerate(exclusive.commands):
            yield from unknown(f"exclusive[{i}].commands[{j}]", "command", name, commands)
        yield from many_wrong(f"exclusive[{i}].never_in", exclusive.never_in, columns)
    for i, only in enumerate(model.only_by):
        at = f"only_by[{i}]"
        yield from unknown(f"{at}.column", "column", only.column, columns)
        if only.column in columns:
            yield from unknown(f"{at}.value", "value", only.value, columns[only.column].domain)
        for j, name in enumerate(only.events):
            yield from unknown(f"{at}.events[{j}]", "event", name, events)
        for name, when in only.when:
            yield from unknown(f"{at}.when", "event", name, only.events)
            yield from wrong_cells(f"{at}.when.{name}", when, columns)


def _forbids(model: Model) -> Iterator[str]:
    """Promises that forbid nothing whatever the machine is. The prover finds all others."""
    for i, invariant in enumerate(model.invariants):
        if not (invariant.never or invariant.exactly):
            yield f"invariants[{i}].never: no cube, so {invariant.id} forbids nothing; name one"
    for i, check in enumerate(model.accepted_only):
        if not check.when:
            yield (f"accepted_only[{i}].when: no cube; {check.id} says in which pairs "
                   f"{check.command} is done")
    for i, exclusive in enumerate(model.exclusive):
        if len(exclusive.commands) < 2 and not exclusive.never_in:
            yield (f"exclusive[{i}]: {exclusive.id} forbids nothing; name two commands, or in "
                   "never_in the pairs that accept none")


def _answers(model: Model, columns: _Columns) -> Iterator[str]:
    """Mistakes in observations and convergences."""
    observed = [o.id for o in model.observations]
    leaving = [c.id for c in model.converges]
    guards: tuple[AcceptedOnly | Exclusive | OnlyBy, ...] = (
        *model.accepted_only, *model.exclusive, *model.only_by)
    ids = [*(i.id for i in model.invariants), *{c.id for c in guards}, *observed, *leaving]
    for section, many in (("observations", observed), ("converges", leaving)):
        for i, id_ in enumerate(many):
            if ids.count(id_) > 1:
                yield f"{section}[{i}].id: {id_!r} is the name of another promise already"
    for i, observation in enumerate(model.observations):
        yield from _some(f"observations[{i}].when", observation.when, columns)
    for i, convergence in enumerate(model.converges):
        yield from _some(f"converges[{i}].from", convergence.leaves, columns)


def _some(place: str, many: tuple[Cube, ...], columns: _Columns) -> Iterator[str]:
    if not many:
        yield f"{place}: no cube; it is about no pair"
    yield from many_wrong(place, many, columns)


def _duties(model: Model, columns: _Columns, events: Mapping[str, Event]) -> Iterator[str]:
    """Mistakes in duties. The prover finds an action that no rule asks for."""
    yield from twice("duties", (d.id for d in model.duties))
    for i, duty in enumerate(model.duties):
        at = f"duties[{i}]"
        if not duty.asks:
            yield f"{at}.asks: nothing; {duty.id} asks for at least one action"
        for action in (a for a in duty.asks if a in duty.follows):
            yield f"{at}.follows: {action} cannot come before itself"
        for action in (a for a in dict.fromkeys(duty.asks) if duty.asks.count(a) > 1):
            yield f"{at}.asks: {action} twice"
        yield from wrong_cells(f"{at}.before", duty.before, columns)
        yield from wrong_cells(f"{at}.after", duty.after, columns)
        yield from many_wrong(f"{at}.harmless", duty.harmless, columns)
        for j, name in enumerate(duty.events):
            yield from unknown(f"{at}.events[{j}]", "event", name, events)


def _adversary(model: Model, columns: _Columns, events: Mapping[str, Event]) -> Iterator[str]:
    """Mistakes in the strength of the adversary. The prover compares it with `possible`."""
    yield from twice("adversary", (a.event for a in model.adversary))
    for i, entry in enumerate(model.adversary):
        at = f"adversary[{i}]"
        yield from unknown(f"{at}.event", "event", entry.event, events)
        if entry.event in events and events[entry.event].kind is Kind.COMMAND:
            yield f"{at}.event: {entry.event} is a command; commands are possible everywhere"
        if not (entry.must or entry.may):
            yield f"{at}: neither must nor may, so it says nothing about {entry.event}"
        yield from many_wrong(f"{at}.must", entry.must, columns)
        yield from many_wrong(f"{at}.may", entry.may, columns)
    said = {a.event for a in model.adversary}
    for i, event in enumerate(model.events if said else ()):
        if event.kind is not Kind.COMMAND and event.name not in said:
            yield (
                f"events[{i}]: nothing says where {event.name} must and may be possible; add an "
                "entry to adversary"
            )
    deciders = {e.decider for e in model.events if e.kind is not Kind.COMMAND}
    yield from twice("decides", (d.decider for d in model.decides))
    for i, node in enumerate(model.decides):
        yield from unknown(f"decides[{i}].decider", "decider", node.decider, deciders)
        if not node.when.cells:
            yield f"decides[{i}].when: no cell, so {node.decider} may decide everywhere"
        yield from wrong_cells(f"decides[{i}].when", node.when, columns)
