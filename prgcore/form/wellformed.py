"""Form: mistakes in a machine that reading its table shows, without search and without a solver.

Law: pure; works on any absolute machine, knows no row of any table, changes nothing. `findings`
checks form, `overlaps` checks F1. Places are those of the machine file:
`rules[3].when.node1.state: what is wrong`. The kernel is `prgcore.form.cubes`, and F6 is
`prgcore.form.knowledge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, product
from math import prod
from typing import TypeAlias

from attrs import evolve, frozen

from prgcore.errors import unknown_name
from prgcore.form.chained import flattened, knots
from prgcore.form.cubes import EVERYWHERE, Assignment, Stored, contains, satisfiable
from prgcore.form.exchange import exchanged
from prgcore.form.knowledge import knowledge
from prgcore.form.mistakes import many_wrong, twice, unknown, wrong_cells
from prgcore.form.promised import promised
from prgcore.form.spelling import misspelt
from prgcore.form.timely import timely
from prgcore.model import (
    By,
    Cell,
    Choices,
    Column,
    Const,
    Copy,
    Cube,
    Effect,
    Event,
    Model,
    Possible,
    Rule,
    Situation,
    Values,
)
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import listed

__all__ = [
    "STORY_VERBS", "Overlap", "Stored", "contains", "findings", "knowledge", "overlaps",
    "satisfiable",
]

STORY_VERBS = ("policy", "start", "given", "expect", "refused", "ignored", "impossible")
"""The verbs of a story: the words that begin a line without being an event."""

_Columns: TypeAlias = Mapping[str, Column]


@frozen
class Overlap:
    """Two rules that answer the same event in the same pair: F1 is refuted."""

    event: str
    rule1: str
    rule2: str
    pair: Choices

    def __str__(self) -> str:
        where = ", ".join(f"{column}={value}" for column, value in self.pair) or "every pair"
        return (
            f"{self.rule1} and {self.rule2} both answer {self.event} where {where}; "
            "narrow the cells of one of them"
        )


def overlaps(model: Model, *, anywhere: bool = False) -> tuple[Overlap, ...]:
    """Every two rules of one event that share a stored pair where the event is possible.

    `anywhere`: law 3 to the letter, including pairs where the event cannot happen.
    """
    stored, ways = Stored(model.columns), _ways(model)
    rules: dict[str, list[Rule]] = {}
    for rule in sorted(model.rules, key=lambda r: r.id):
        rules.setdefault(rule.event, []).append(rule)
    found = []
    for event in sorted(rules):
        cubes = (EVERYWHERE,) if anywhere else ways.get(event, ())
        for one, two in combinations(rules[event], 2):
            if stored.find([one.when, two.when]) is None:
                continue
            shared = _first(stored, [one.when, two.when], cubes)
            if shared is not None:
                found.append(Overlap(event, one.id, two.id, tuple(shared.items())))
    return tuple(found)


def _ways(model: Model) -> dict[str, tuple[Cube, ...]]:
    """Where each event can happen, as cubes of which any one suffices."""
    ways: dict[str, tuple[Cube, ...]] = {
        e.name: (EVERYWHERE,) for e in model.events if e.kind is Kind.COMMAND
    }
    for entry in model.possible:
        ways[entry.event] = (*ways.get(entry.event, ()), entry.when)
    return ways


def _first(stored: Stored, cubes: list[Cube], ways: Iterable[Cube]) -> Assignment | None:
    found = (stored.find([*cubes, way]) for way in ways)
    return next((f for f in found if f is not None), None)


# -------------------------------------------------------------------------------- findings


def findings(model: Model) -> tuple[str, ...]:
    """Every mistake in the form of a machine, as `place: what is wrong`, in the file's order."""
    columns = {c.name: c for c in model.columns}
    events = {e.name: e for e in model.events}
    unsound = [*_columns(model.columns, columns)]
    if not unsound:
        model = evolve(model, columns=flattened(model.columns))
        columns = {c.name: c for c in model.columns}
    stored = None if unsound else Stored(model.columns)
    found = [
        *unsound,
        *_initial(model.initial, columns),
        *twice("events", (e.name for e in model.events)),
        *_story_names(model),
        *_possible(model, columns, events),
        *_rules(model, columns, events, stored),
        *promised(model, columns, events),
        *_mirror(model, columns),
        *exchanged(model, columns, events),
        *_rest(model, columns),
        *_stories(model, events),
        *misspelt(model),
        *timely(model, columns, events, stored),
        *(line for i, s in enumerate(model.situations)
          for line in _situation(f"situations[{i}]", s, columns, events)),
    ]
    return tuple(dict.fromkeys(found))


def _story_names(model: Model) -> Iterator[str]:
    """Events whose name is a verb of a story: a line with it would mean two things."""
    for i, event in enumerate(model.events):
        if event.name.partition(" ")[0] in STORY_VERBS:
            yield (
                f"events[{i}]: {event.name!r} begins a line of a story with another meaning; "
                f"an event is not called {listed(STORY_VERBS)}"
            )


def _columns(all_columns: tuple[Column, ...], columns: _Columns) -> Iterator[str]:
    if not all_columns:
        yield "columns: none; a machine has at least one"
    yield from twice("columns", (c.name for c in all_columns))
    for i, column in enumerate(all_columns):
        at = f"columns[{i}]"
        if not column.domain:
            yield f"{at}.domain: empty; {column.name} needs at least one value"
        yield from twice(f"{at}.domain", column.domain)
        if column.derived:
            yield from _derived(at, column, columns)
        elif column.table:
            yield f"{at}.table: {column.name} has no sources, so it cannot be derived"
    if all(s in columns for c in all_columns for s in c.sources):
        yield from knots(all_columns)


def _derived(at: str, column: Column, columns: _Columns) -> Iterator[str]:
    known = True
    for j, name in enumerate(column.sources):
        source = columns.get(name)
        if source is None:
            yield f"{at}.from[{j}]: {unknown_name('column', name, columns)}"
        known = known and source is not None
    if len(set(column.sources)) < len(column.sources):
        yield f"{at}.from: a column named twice"
    domains = [dict.fromkeys(columns[s].domain) for s in column.sources] if known else []
    rows: set[Values] = set()
    for j, (values, value) in enumerate(column.table):
        if values in rows:
            yield f"{at}.table[{j}]: {', '.join(values)} has a row already"
        rows.add(values)
        if known and (
            len(values) != len(domains)
            or any(v not in d for v, d in zip(values, domains, strict=True))
        ):
            yield f"{at}.table[{j}]: {', '.join(values)} are not values of its sources"
        yield from unknown(f"{at}.table[{j}]", "value", value, column.domain)
    if known and len(rows) < prod(map(len, domains)):
        missing = next(v for v in product(*domains) if v not in rows)
        yield f"{at}.table: not total; no row for {', '.join(missing)}"


def _initial(initial: tuple[Choices, ...], columns: _Columns) -> Iterator[str]:
    if not initial:
        yield "initial: none; a machine has at least one initial pair"
    stored = [c.name for c in columns.values() if not c.derived]
    for i, pair in enumerate(initial):
        at = f"initial[{i}]"
        yield from wrong_cells(at, (Cell(*item) for item in pair), columns)
        given = {name for name, _ in pair}
        for name in stored:
            if name not in given:
                yield f"{at}: incomplete; no value for {name}"
        for name in sorted(given & {c.name for c in columns.values() if c.derived}):
            yield f"{at}.{name}: derived; an initial pair names stored columns"


def _possible(model: Model, columns: _Columns, events: Mapping[str, Event]) -> Iterator[str]:
    for i, entry in enumerate(model.possible):
        at = f"possible[{i}]"
        yield from unknown(f"{at}.event", "event", entry.event, events)
        if entry.event in events and events[entry.event].kind is Kind.COMMAND:
            yield f"{at}.event: {entry.event} is a command; commands are possible everywhere"
        yield from wrong_cells(f"{at}.when", entry.when, columns)
    placed = {p.event for p in model.possible}
    for i, event in enumerate(model.events):
        if event.kind is not Kind.COMMAND and event.name not in placed:
            yield (
                f"events[{i}]: {event.name} is not a command, and nothing says where it is "
                "possible; add an entry to possible"
            )


def _rules(
    model: Model, columns: _Columns, events: Mapping[str, Event],
    stored: Stored | None,
) -> Iterator[str]:
    yield from twice("rules", (r.id for r in model.rules))
    ways = _ways(model)
    placed = not any(_possible_cells(model.possible, columns))
    rows: dict[str, Rule] = {}
    for i, rule in enumerate(model.rules):
        at = f"rules[{i}]"
        named = [
            *unknown(f"{at}.event", "event", rule.event, events),
            *wrong_cells(f"{at}.when", rule.when, columns),
        ]
        yield from named
        guard = {c.column: c.values for c in rule.when}
        for effect in rule.then:
            yield from _effect(f"{at}.then.{effect.target}", effect, columns, guard)
        targets = [e.target for e in rule.then]
        for target in sorted({t for t in targets if targets.count(t) > 1}):
            yield f"{at}.then.{target}: two effects on one column"
        yield from _outcome(at, rule)
        yield from _row(at, rule, rows)
        if (
            stored is not None and placed and not named and rule.event in ways
            and _first(stored, [rule.when], ways[rule.event]) is None
        ):
            yield f"{at}: {rule.id} is nowhere possible: no pair has its cells and its event"


def _possible_cells(possible: tuple[Possible, ...], columns: _Columns) -> Iterator[str]:
    for entry in possible:
        yield from wrong_cells("", entry.when, columns)


def _row(at: str, rule: Rule, rows: dict[str, Rule]) -> Iterator[str]:
    """Mistakes in the priority of a rule, and in its row: the parts of a row differ in cells alone."""
    if rule.priority < 0:
        yield f"{at}.priority: {rule.priority}; the first priority is 1"
    if not rule.row:
        return
    if not rule.priority:
        yield f"{at}.row: without a priority; only a rule with one is made of parts"
    first = rows.setdefault(rule.row, rule)
    for what in ("event", "outcome", "then", "actions", "priority"):
        if getattr(rule, what) != getattr(first, what):
            yield (f"{at}.{what}: {rule.id} is a part of {rule.row} and differs in {what} from "
                   f"{first.id}; parts of one rule differ in when alone")


def _outcome(at: str, rule: Rule) -> Iterator[str]:
    match rule.outcome:
        case Outcome.REFUSED:
            yield f"{at}.outcome: refusals are not rows; leave the row out"
        case Outcome.IGNORED if rule.then or rule.actions:
            yield f"{at}: {rule.id} is ignored, so it has no effect and asks for no action"
        case Outcome.DONE if not (rule.then or rule.actions):
            yield f"{at}: {rule.id} is done but changes nothing and asks for nothing"
        case _:
            pass


def _effect(
    at: str, effect: Effect, columns: _Columns, guard: Mapping[str, Values]
) -> Iterator[str]:
    target = columns.get(effect.target)
    if target is None:
        yield f"{at}: {unknown_name('column', effect.target, columns)}"
        return
    if target.derived:
        yield f"{at}: {effect.target} is derived; an effect sets stored columns"
    match effect.value:
        case Const(value):
            yield from unknown(at, "value", value, target.domain)
        case Copy(name):
            yield from unknown(at, "column", name, columns)
            source = columns.get(name)
            copied = guard.get(name, source.domain) if source else ()
            alien = [v for v in copied if v not in target.domain]
            if alien:
                yield f"{at}: {name} can be {', '.join(alien)}, which {target.name} cannot"
        case By(name, table):
            yield from unknown(at, "column", name, columns)
            keys = [k for k, _ in table]
            for key in sorted({k for k in keys if keys.count(k) > 1}):
                yield f"{at}.map.{key}: a value named twice"
            for key, value in table:
                if name in columns:
                    yield from unknown(f"{at}.map.{key}", "value", key, columns[name].domain)
                yield from unknown(f"{at}.map.{key}", "value", value, target.domain)


def _mirror(model: Model, columns: _Columns) -> Iterator[str]:
    """Mistakes in the mirror: columns that change places, and values that change."""
    seen: set[str] = set()
    renamed = {name: dict(values) for name, values in model.mirror_values}
    for name, other in model.mirror:
        at = f"mirror.{name}"
        yield from unknown(at, "column", name, columns)
        yield from unknown(at, "column", other, columns)
        if name in columns and other in columns:
            one, two = columns[name], columns[other]
            if one.derived or two.derived:
                yield f"{at}: a mirror exchanges stored columns"
            if {renamed.get(name, {}).get(v, v) for v in one.domain} != {*two.domain}:
                yield f"{at}: {name} and {other} have different domains"
        if {name, other} & seen or name == other:
            yield f"{at}: a mirror pairs each column with one other"
        seen |= {name, other}
    if model.mirror_values and not model.mirror:
        yield "mirror_values: without mirror, which names the columns that change places"
    partner = {**dict(model.mirror), **{other: name for name, other in model.mirror}}
    for name, values in model.mirror_values:
        at, twin = f"mirror_values.{name}", partner.get(name, name)
        yield from unknown(at, "column", name, columns)
        for value, image in values if {name, twin} <= columns.keys() else ():
            yield from unknown(at, "value", value, columns[name].domain)
            if not columns[name].derived:
                yield from unknown(f"{at}.{value}", "value", image, columns[twin].domain)


def _rest(model: Model, columns: _Columns) -> Iterator[str]:
    """Mistakes in the transient states, the viewpoints, the goal, the assumptions."""
    yield from wrong_cells("transient", model.transient, columns)
    yield from many_wrong("may_wait", model.may_wait, columns)
    for i, viewpoint in enumerate(model.viewpoints):
        yield from wrong_cells(f"viewpoints[{i}].node1", viewpoint.node1, columns)
        yield from wrong_cells(f"viewpoints[{i}].node2", viewpoint.node2, columns)
    yield from many_wrong("goal", model.goal, columns)
    yield from twice("assumptions", model.assumptions)
    for i, assumption in enumerate(model.assumptions):
        if not assumption.strip():
            yield f"assumptions[{i}]: empty; an assumption is a sentence"


def _stories(model: Model, events: Mapping[str, Event]) -> Iterator[str]:
    """Mistakes in the starts of causes and stories. `prgcore.story.script` reads their steps."""
    starts = [name for name, _ in model.starts]
    for name, sequence in model.starts:
        for j, event in enumerate(sequence):
            yield from unknown(f"starts.{name}[{j}]", "event", event, events)
    yield from twice("stories", (s.id for s in model.stories))
    for i, story in enumerate(model.stories):
        yield from unknown(f"stories[{i}].start", "start", story.start, starts)
    for i, situation in enumerate(model.situations):
        for j, cause in enumerate(situation.causes):
            yield from unknown(f"situations[{i}].causes[{j}].start", "start", cause.start, starts)


def _situation(
    at: str, situation: Situation, columns: _Columns, events: Mapping[str, Event]
) -> Iterator[str]:
    yield from wrong_cells(f"{at}.fits", situation.fits, columns)
    for i, advice in enumerate(situation.advice):
        yield from wrong_cells(f"{at}.advice[{i}].if", advice.when, columns)
        for j, event in enumerate(advice.events):
            yield from unknown(f"{at}.advice[{i}].events[{j}]", "event", event, events)
    for i, cause in enumerate(situation.causes):
        for j, event in enumerate(cause.events):
            yield from unknown(f"{at}.causes[{i}].events[{j}]", "event", event, events)
