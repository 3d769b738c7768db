"""The shortest way from a pair to a goal, by what may be asked for or waited for.

Law: a plan holds repairs, commands, timers and successful completions; never a fault, never a
completion that fails. The way home is read off the machine's atlas where it has one; any other
goal is searched for. The search is A*, so a plan is shortest: its estimate is the sum of exact
distances in two projections of the machine (what the record says, what the nodes and their
surroundings are), and every rule costs a step in one of them only. Among the shortest plans it
takes one with the fewest commands. Reads the machine that it is given; the steps that it
answers are decisions of the engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from heapq import heappop, heappush
from itertools import product
from typing import TypeAlias

from attrs import frozen

from prgcore.engine import Engine, Pair, Walk
from prgcore.errors import BadInput, OutsideInvariant, PrgError
from prgcore.form.atlas import Atlas
from prgcore.model import Column, Const, Copy, Cube, Cubelike, Model, Rule, Value, cubes
from prgcore.vocabulary import Kind, Outcome

__all__ = ["BUDGET", "NoPlan", "Plan", "accepted_in", "plan"]

BUDGET = 200_000
"""How many pairs a search looks at before it gives up."""

_STEP = 1 << 16
"""The cost of a step; a command costs one more, which only decides between equal lengths."""

_LARGEST = 4096
"""How many pairs a projection may have; columns that no longer fit are left out."""

_Row: TypeAlias = tuple[str, ...]
_Allowed: TypeAlias = dict[str, frozenset[str]]


class NoPlan(PrgError):
    """No plan was found.

    Attributes:
        exhausted: True when every pair that can be had was tried: there is no plan at all.
    """

    code = "no_plan"

    def __init__(self, message: str, *, exhausted: bool) -> None:
        super().__init__(message)
        self.exhausted = exhausted


@frozen
class Plan(Walk):
    """A walk to a pair where the goal holds; every step of it is done."""


def plan(
    engine: Engine,
    pair: Mapping[str, str],
    goal: Cubelike | tuple[Cubelike, ...] | None = None,
    *,
    without: Collection[str] = (),
    budget: int = BUDGET,
) -> Plan:
    """The shortest sequence of repairs, commands, timers and successful completions.

    Args:
        engine: the machine.
        pair: where to begin.
        goal: one cube or several, any of which will do; the machine's own goal if not given.
        without: events that the plan must do without.
        budget: how many pairs to look at.

    Raises:
        BadInput: not a pair of this machine, or a goal that names what it does not have.
        OutsideInvariant: the pair breaks a proved invariant; no way out of it is proved.
        NoPlan: the goal cannot be reached, or not within the budget.
    """
    start = engine.pair(pair)
    wanted = _goal(engine, goal)
    broken = engine.broken(start)
    if broken:
        raise OutsideInvariant(
            f"no plan is proved from here: the pair breaks {', '.join(broken)}; "
            "explain(pair) says which assumption has failed",
            broken,
        )
    atlas = engine.atlas
    if goal is None and not without and atlas is not None and start in atlas:
        events = _charted(engine, atlas, start)
    else:
        events = _search(_moves(engine), start.values_, wanted, frozenset(without), budget)
    steps = engine.run(start, *events).steps
    for step in steps:
        assert step.outcome is Outcome.DONE, f"BUG: {step.event} was planned and is {step.outcome}"
    return Plan(start, steps)


def _charted(engine: Engine, atlas: Atlas, pair: Pair) -> list[str]:
    """The way home, read off the atlas."""
    events: list[str] = []
    while event := atlas.next(pair):
        events.append(event)
        pair = engine.step(pair, event).pair
    return events


def _goal(engine: Engine, goal: Cubelike | tuple[Cubelike, ...] | None) -> tuple[Cube, ...]:
    """The goal as cubes, every name checked."""
    if goal is None:
        if not engine.model.goal:
            raise BadInput(f"the machine {engine.model.name!r} has no goal; say which: goal={{…}}")
        return engine.model.goal
    try:
        wanted = cubes(goal)
    except (AttributeError, TypeError):
        wanted = ()
    if not wanted:
        column = engine.model.columns[0]
        raise BadInput(
            "goal: expected columns and their values, such as "
            f"{{'{column.name}': '{column.domain[0]}'}}, or a tuple of such, not {goal!r:.80}"
        )
    for each in wanted:
        engine.check(each, "goal")
    return wanted


# ---------------------------------------------------------------------- moves


@frozen(eq=False)
class _Move:
    """A rule that a plan may use, in one way in which its event is possible."""

    event: str
    rule: Rule
    command: bool
    allowed: _Allowed
    tests: tuple[tuple[int, frozenset[str]], ...]
    sets: tuple[tuple[int, Callable[[_Row], str | None]], ...]


@frozen(eq=False)
class _Moves:
    """Every move of a machine, in the order of its events."""

    engine: Engine
    columns: dict[str, Column]
    all: tuple[_Move, ...]

    def after(self, values: _Row, without: Collection[str]) -> Iterator[tuple[_Move, _Row]]:
        """The pairs one step on, as stored values; pairs that stay as they are left out."""
        row = self.engine.complete(values)
        for move in self.all:
            for i, allowed in move.tests:
                if row[i] not in allowed:
                    break
            else:
                if move.event in without:
                    continue
                new = list(values)
                for i, value in move.sets:
                    new[i] = value(row) or new[i]
                after = tuple(new)
                if after != values:
                    yield move, after


@lru_cache(maxsize=8)
def _moves(engine: Engine) -> _Moves:
    model, position = engine.model, engine.position
    moves = []
    for event in model.events:
        if event.kind is Kind.FAULT or not event.success:
            continue
        ways = [p.when for p in model.possible if p.event == event.name]
        for rule in sorted(model.rules, key=lambda r: r.id):
            if rule.event != event.name or rule.outcome is not Outcome.DONE:
                continue
            for way in ways if event.kind is not Kind.COMMAND else [Cube()]:
                both = rule.when & way
                if both is None:
                    continue
                moves.append(_Move(
                    event.name, rule, event.kind is Kind.COMMAND,
                    {c.column: frozenset(c.values) for c in both},
                    tuple((position[c.column], frozenset(c.values)) for c in both),
                    tuple((position[e.target], _reader(e.value, position)) for e in rule.then),
                ))
    return _Moves(engine, {c.name: c for c in model.columns}, tuple(moves))


def _reader(value: Value, position: Mapping[str, int]) -> Callable[[_Row], str | None]:
    """What an effect makes of a row; None where it leaves its target."""
    match value:
        case Const(constant):
            return lambda _row: constant
        case Copy(column):
            at = position[column]
            return lambda row: row[at]
        case _:
            at, table = position[value.column], dict(value.table)
            return lambda row: table.get(row[at])


# --------------------------------------------------------------------- search


def _search(
    moves: _Moves, start: _Row, goal: tuple[Cube, ...], without: frozenset[str], budget: int
) -> list[str]:
    """A* over stored values."""
    engine = moves.engine
    estimates = [(_Estimate.of(moves, each, record=True), _Estimate.of(moves, each, record=False))
                 for each in goal]

    def ahead(values: _Row) -> int | None:
        sums = [
            _STEP * (one + two) for record, rest in estimates
            if (one := record.far(values)) is not None and (two := rest.far(values)) is not None
        ]
        return min(sums, default=None)

    def there(values: _Row) -> bool:
        pair = engine.complete(values)
        return any(
            all(pair[engine.position[c.column]] in c.values for c in each) for each in goal
        )

    spent: dict[_Row, int] = {start: 0}
    came: dict[_Row, tuple[_Row, str]] = {}
    count, first = 0, ahead(start)
    queue = [] if first is None else [(first, 0, count, start)]
    while queue:
        _, minus, _, values = heappop(queue)
        if spent[values] != -minus:
            continue
        if there(values):
            return _events(came, values)
        for move, after in moves.after(values, without):
            cost = spent[values] + _STEP + move.command
            if cost >= spent.get(after, cost + 1):
                continue
            rest = ahead(after)
            if rest is None:
                continue
            if len(spent) >= budget:
                raise NoPlan(
                    f"no plan within {budget:,} pairs; raise the budget, or ask for a nearer goal",
                    exhausted=False,
                )
            count += 1
            spent[after], came[after] = cost, (values, move.event)
            heappush(queue, (cost + rest, -cost, count, after))
    raise NoPlan(
        "no repairs, commands, timers and completions lead from this pair to the goal; "
        f"all {len(spent):,} pairs that could help were tried",
        exhausted=True,
    )


def _events(came: Mapping[_Row, tuple[_Row, str]], values: _Row) -> list[str]:
    events = []
    while values in came:
        values, event = came[values]
        events.append(event)
    return events[::-1]


@frozen(eq=False)
class _Estimate:
    """Exact distances to a goal in a projection: what some columns can become, never less.

    The record's projection pays for the rules that change it, repairs apart; the other pays for
    the rest. So no step is paid twice and the two distances may be added.
    """

    positions: tuple[int, ...]
    distances: dict[_Row, int]

    def far(self, values: _Row) -> int | None:
        """At least so many steps; None where the goal cannot be reached."""
        return self.distances.get(tuple([values[i] for i in self.positions]))

    @staticmethod
    @lru_cache(maxsize=64)
    def of(moves: _Moves, goal: Cube, *, record: bool) -> _Estimate:
        model = moves.engine.model
        wanted = _on_stored(moves.columns, {c.column: frozenset(c.values) for c in goal})
        on_record, others = _projections(model, wanted)
        names = on_record if record else others
        domains = {n: moves.columns[n].domain for n in names}
        into: dict[_Row, list[tuple[_Row, int]]] = {}
        for move in moves.all:
            repair = moves.engine.kind(move.event) is Kind.REPAIR
            changes = {e.target for e in move.rule.then}
            on_the_record = not repair and not changes.isdisjoint(on_record)
            for before, after in _projected(moves.columns, move, names):
                into.setdefault(after, []).append((before, int(on_the_record == record)))
        ends = product(*(
            [v for v in domains[n] if v in wanted.get(n, domains[n])] for n in names
        ))
        positions = tuple(moves.engine.position[n] for n in names)
        return _Estimate(positions, _distances(into, ends))


def _projections(model: Model, wanted: _Allowed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of the two projections: the record's, and the nodes' with the environment's."""
    partner = dict(model.mirror) | {b: a for a, b in model.mirror}
    record: list[str] = []
    others: list[str] = []
    for column in (c for c in model.columns if not c.derived):
        asked = column.name in wanted
        mirrored = partner.get(column.name) in wanted
        if column.observed_by == "record" and (asked or mirrored):
            record.append(column.name)
        elif column.observed_by == "environment" or asked:
            others.append(column.name)
    return _fitting(model, record), _fitting(model, others)


def _fitting(model: Model, names: list[str]) -> tuple[str, ...]:
    sizes = {c.name: len(c.domain) for c in model.columns}
    size, kept = 1, []
    for name in names:
        if size * sizes[name] <= _LARGEST:
            size *= sizes[name]
            kept.append(name)
    return tuple(kept)


def _on_stored(columns: Mapping[str, Column], allowed: _Allowed) -> _Allowed:
    """Cells of derived columns as what they ask of each source; wider, never narrower."""
    found: _Allowed = {}
    for name, values in allowed.items():
        column = columns[name]
        if not column.derived:
            found[name] = found.get(name, values) & values
            continue
        rows = [sources for sources, value in column.table if value in values]
        for i, source in enumerate(column.sources):
            these = frozenset(row[i] for row in rows)
            found[source] = found.get(source, these) & these
    return found


def _projected(
    columns: Mapping[str, Column], move: _Move, names: tuple[str, ...]
) -> Iterator[tuple[_Row, _Row]]:
    """A move as steps of a projection; what it reads elsewhere may be anything it allows."""
    stored = _on_stored(columns, move.allowed)
    effects = {e.target: e.value for e in move.rule.then if e.target in names}
    if not effects:
        return
    for before in product(*(
        [v for v in columns[n].domain if v in stored.get(n, columns[n].domain)] for n in names
    )):
        here = dict(zip(names, before, strict=True))

        def results(name: str, here: dict[str, str] = here) -> set[str]:
            value = effects.get(name)
            match value:
                case None:
                    return {here[name]}
                case Const(constant):
                    return {constant}
            known = here.get(value.column)
            may_be = {known} if known else set(
                move.allowed.get(value.column, columns[value.column].domain)
            )
            if isinstance(value, Copy):
                return may_be
            table = dict(value.table)
            return {table.get(v, here[name]) for v in may_be}

        for after in product(*(results(n) for n in names)):
            if after != before:
                yield before, after


def _distances(into: Mapping[_Row, list[tuple[_Row, int]]], ends: Iterator[_Row]) -> dict[_Row, int]:
    """Backwards from the ends, over edges that cost nothing or one."""
    found: dict[_Row, int] = {}
    queue = deque((end, 0) for end in ends)
    while queue:
        here, distance = queue.popleft()
        if here in found:
            continue
        found[here] = distance
        for before, cost in into.get(here, ()):
            if before not in found:
                (queue.append if cost else queue.appendleft)((before, distance + cost))
    return found


def accepted_in(engine: Engine, command: str) -> tuple[Cube, ...]:
    """Where a command is accepted: the cubes of its rules, as a goal for `plan`."""
    return tuple(
        rule.when for rule in sorted(engine.model.rules, key=lambda r: r.id)
        if rule.event == command and rule.outcome is Outcome.DONE
    )
