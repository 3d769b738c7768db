"""From tables written with `me` and `peer` to a machine with two absolute seats.

Law: renaming only; it knows no row of any table. Every relative row becomes one row per seat. A row
of a group event is instantiated once, and must be its own mirror (obligation F3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product

from attrs import evolve, frozen

from prgcore.errors import MalformedMachine, unknown_name
from prgcore.form.chained import flat, knots, ordered
from prgcore.form.mistakes import twice
from prgcore.form.priority import compiled
from prgcore.model import (
    Action,
    ActionKind,
    Adversary,
    Agent,
    By,
    Cell,
    Choices,
    Column,
    Const,
    Copy,
    Cube,
    Decides,
    Derivation,
    Duty,
    Effect,
    Hears,
    Model,
    OnlyBy,
    Possible,
    Rule,
    Serves,
    Table,
    Timer,
    Told,
    Value,
    Values,
    copied,
)

__all__ = [
    "NODES", "Mirror", "instantiate", "mirror_cube", "mirror_name", "mirror_rule", "relative_timer", "seat",
    "seat_actions", "seat_agent", "seat_cube", "seat_event", "seat_rule", "seat_serves", "seen_by",
]

NODES = ("node1", "node2")


@cache
def seat(name: str, me: str) -> str:
    """A name seen from a seat: `me.state` becomes `node1.state`. Names of the group stay."""
    peer = NODES[1 - NODES.index(me)]
    if name in ("me", "peer"):
        return me if name == "me" else peer
    head, dot, tail = name.partition(".")
    return f"{ {'me': me, 'peer': peer}.get(head, head)}{dot}{tail}"


@cache
def _both(name: str) -> tuple[str, ...]:
    return (f"me.{name[5:]}", f"peer.{name[5:]}") if name.startswith("both.") else (name,)


def _seat_word(value: str, me: str) -> str:
    """A value from a seat: `me` and `peer` become nodes, for columns whose values are nodes."""
    return seat(value, me) if value in _SEATED else value


def _seat_words(values: Values, me: str) -> Values:
    return values if _SEATED.isdisjoint(values) else tuple(_seat_word(v, me) for v in values)


_SEATED = frozenset(("me", "peer"))


@cache
def _seat_cell(cell: Cell, me: str) -> tuple[Cell, ...]:
    values = _seat_words(cell.values, me)
    return tuple([Cell(seat(name, me), values) for name in _both(cell.column)])


def seat_cube(cube: Cube, me: str) -> Cube:
    """A cube from a seat; `both.` columns become one cell per node."""
    return Cube(tuple([seated for cell in cube.cells for seated in _seat_cell(cell, me)]))


def seen_by(cube: Cube, pair: Mapping[str, str], me: str) -> bool:
    """Whether a cube that is written from `me` holds in a pair, for this node."""
    return all(pair[cell.column] in cell.values for cell in seat_cube(cube, me))


def _seat_value(value: Value, me: str) -> Value:
    match value:
        case Const(constant):
            return Const(_seat_word(constant, me))
        case Copy(column):
            return Copy(seat(column, me))
        case By(column, table):
            return By(seat(column, me), tuple(
                (_seat_word(key, me), _seat_word(new, me)) for key, new in table))


def _seat_effects(then: Iterable[Effect], me: str) -> tuple[Effect, ...]:
    return tuple(
        Effect(seat(name, me), _seat_value(effect.value, me))
        for effect in then
        for name in _both(effect.target)
    )


def seat_event(name: str, me: str) -> str:
    """An event from a seat: `failover(me)` becomes `failover(node1)`."""
    return name.replace("(me)", f"({me})").replace(
        "(peer)", f"({NODES[1 - NODES.index(me)]})"
    )


def seat_rule(rule: Rule, me: str, *, seated: bool, phase: str = "") -> Rule:
    """A relative rule from a seat; the seat is in its id if its event has one."""
    return Rule(
        f"{rule.id}@{me}" if seated else rule.id,
        f"{rule.event}({me})" if seated else rule.event,
        seat_cube(rule.when, me),
        _seat_effects(rule.then, me),
        rule.outcome,
        seat_actions(rule.actions, me),
        rule.cite, rule.why, rule.evidence, rule.decisions, phase or rule.phase, rule.only,
        rule.priority,
    )


def seat_actions(actions: Iterable[Action], me: str) -> tuple[Action, ...]:
    """Actions for `me` and `peer`, from a seat."""
    return tuple(Action(a.do, a.node and seat(a.node, me)) for a in actions)


def _seat_duty(duty: Duty, me: str) -> Duty:
    return evolve(
        duty,
        asks=seat_actions(duty.asks, me), follows=seat_actions(duty.follows, me),
        before=seat_cube(duty.before, me), after=seat_cube(duty.after, me),
        harmless=tuple(seat_cube(c, me) for c in duty.harmless),
        events=tuple(seat_event(e, me) for e in duty.events),
    )


def _duties(duties: Iterable[Duty]) -> Iterator[Duty]:
    """Yield every duty from both seats, with the seat in its id; once if it names no node."""
    for duty in duties:
        one, two = (_seat_duty(duty, me) for me in NODES)
        if one == two:
            yield one
        else:
            yield from (evolve(d, id=f"{d.id}@{me}") for d, me in ((one, NODES[0]), (two, NODES[1])))


def _seat_adversary(entry: Adversary, me: str, *, seated: bool) -> Adversary:
    return evolve(
        entry,
        event=f"{entry.event}({me})" if seated else entry.event,
        must=tuple(seat_cube(c, me) for c in entry.must),
        may=tuple(seat_cube(c, me) for c in entry.may),
    )


def _seat_timer(timer: Timer, me: str, *, seated: bool) -> Timer:
    return evolve(
        timer,
        event=f"{timer.event}({me})" if seated else timer.event,
        runs=seat_cube(timer.runs, me),
        limits=tuple((seat_cube(cells, me), limit) for cells, limit in timer.limits),
        again_in=None if timer.again_in is None else seat_cube(timer.again_in, me),
    )


def relative_timer(timer: Timer) -> Timer:
    """A timer as a table writes it: from the `me` of its event. If that is an event of the group, it stays."""
    name, _, rest = timer.event.partition("(")
    me = rest.rstrip(")")
    if me not in NODES:
        return timer
    words = {me: "me", NODES[1 - NODES.index(me)]: "peer"}

    def relative(cube: Cube) -> Cube:
        cells = []
        for cell in cube:
            head, dot, tail = cell.column.partition(".")
            cells.append(Cell(f"{words.get(head, head)}{dot}{tail}",
                              tuple(words.get(v, v) for v in cell.values)))
        return Cube(tuple(cells))

    return evolve(
        timer, event=name, runs=relative(timer.runs),
        limits=tuple((relative(cells), limit) for cells, limit in timer.limits),
        again_in=None if timer.again_in is None else relative(timer.again_in))


def _seat_action(kind: ActionKind, me: str) -> ActionKind:
    return evolve(kind, fails=tuple(seat_event(e, me) for e in kind.fails), node=seat(kind.node, me))


def seat_agent(agent: Agent, me: str) -> Agent:
    """An agent from a seat."""
    return evolve(
        agent,
        node=seat(agent.node, me),
        starts=seat_event(agent.starts, me),
        knows=tuple((seat(c, me), _seat_word(v, me)) for c, v in agent.knows),
        stops=seat_event(agent.stops, me),
        watches=tuple((what, tuple(seat_event(e, me) for e in events))
                      for what, events in agent.watches),
        leaves=tuple(seat_cube(c, me) for c in agent.leaves),
        either=tuple(seat_cube(c, me) for c in agent.either),
        holds=tuple(seat_cube(c, me) for c in agent.holds),
        able=seat_cube(agent.able, me),
        roles=tuple((role, seat_cube(c, me)) for role, c in agent.roles),
    )


def seat_serves(serves: Serves, me: str) -> Serves:
    """Where a node serves a group, from a seat."""
    return Serves(seat(serves.node, me), seat(serves.group, me),
                  tuple(seat_cube(c, me) for c in serves.when))


def _seat_hears(hears: Hears, me: str) -> Hears:
    return Hears(
        seat(hears.node, me), seat_cube(hears.when, me), tuple(seat(c, me) for c in hears.learns),
        seat_event(hears.heard, me), seat_event(hears.lost, me), seat(hears.column, me),
        seat_event(hears.clash, me),
    )


def _derive(derivation: Derivation, me: str, domains: Mapping[str, Values]) -> Column:
    """The total table of a derivation: the value of the first row that holds, else `otherwise`."""
    sources = tuple(seat(s, me) for s in derivation.sources)
    rows = [
        ([(sources.index(c.column), c.values) for c in seat_cube(cells, me)], _seat_word(value, me))
        for cells, value in derivation.rows]
    otherwise = _seat_word(derivation.otherwise, me)
    table = []
    for values in product(*(domains[s] for s in sources)):
        hit = (v for tests, v in rows if all(values[i] in some for i, some in tests))
        table.append((values, next(hit, otherwise)))
    order = dict.fromkeys([*(v for _, v in rows), otherwise])
    return _used(Column(seat(f"me.{derivation.name}", me), tuple(order), "derived", sources,
                        tuple(table), derivation.says))


def _used(column: Column) -> Column:
    """A derived column without the values that it never has."""
    found = {value for _, value in column.table}
    return evolve(column, domain=tuple(v for v in column.domain if v in found))


def _derived(table: Table, stored: Sequence[Column], policy: Mapping[str, str]) -> tuple[Column, ...]:
    """The derived columns of both seats, over stored columns.

    Raises:
        MalformedMachine: a derivation reads itself, or its table would be too large.
    """
    written = {seat(f"me.{d.name}", me): (d, me)
               for me in NODES for d in table.derivations if _holds(d.only, policy)}
    plain = tuple(Column(name, (), "derived", tuple(seat(s, me) for s in d.sources))
                  for name, (d, me) in written.items())
    if wrong := [*knots((*stored, *plain))]:
        raise MalformedMachine(wrong)
    columns = {c.name: c for c in stored}
    for column in ordered((*stored, *plain)):
        made = _derive(*written[column.name], {n: c.domain for n, c in columns.items()})
        columns[column.name] = _used(flat(made, columns))
    return tuple(columns[name] for name in written)


def _holds(only: Choices, policy: Mapping[str, str]) -> bool:
    return all(policy.get(name) == choice for name, choice in only)


def _initial(table: Table) -> Iterator[str]:
    """Yield what is wrong with the initial pairs: every stored column needs one of its values."""
    domains = {c.name: c.domain for c in (*table.node_columns, *table.group_columns)}
    for i, start in enumerate(table.initial):
        for name, domain in domains.items():
            if name not in start:
                yield f"initial[{i}]: no value for {name}; it is one of {', '.join(domain)}"
            elif start[name] not in domain:
                yield f"initial[{i}].{name}: {unknown_name('value', start[name], domain)}"
        for name in start:
            if name not in domains:
                yield f"initial[{i}]: {unknown_name('column', name, domains)}"


def _derivations(table: Table, policy: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the sources of derived columns."""
    some = [d for d in table.derivations if _holds(d.only, policy)]
    yield from twice("derivations", (d.name for d in some))
    own = (*(c.name for c in table.node_columns), *(d.name for d in some))
    known = {f"{who}.{name}" for who in ("me", "peer") for name in own}
    known |= {c.name for c in table.group_columns}
    for i, derivation in enumerate(table.derivations):
        at = f"derivations[{i}]"
        if not derivation.sources:
            yield f"{at}.sources: none; {derivation.name} is made of at least one stored column"
        for name in derivation.sources:
            if name not in known:
                yield f"{at}.sources: {unknown_name('column', name, known)}"
        for cells, _ in derivation.rows:
            for name in (n for cell in cells for n in _both(cell.column)):
                if name not in derivation.sources:
                    yield f"{at}.rows: {name} is read, and is not among the sources"


def instantiate(table: Table, policy: Mapping[str, str]) -> Model:
    """The absolute machine of a table under one choice of every policy.

    Rules with a priority become disjoint parts.

    Raises:
        MalformedMachine: an initial pair or a derivation uses a name that the table lacks, or a rule
            with a priority never answers.
    """
    if wrong := [*_initial(table), *_derivations(table, policy)]:
        raise MalformedMachine(wrong)
    stored: tuple[Column, ...] = (
        *(evolve(c, name=f"{me}.{c.name}", observed_by=seat(c.observed_by, me))
          for me in NODES for c in table.node_columns),
        *table.group_columns,
    )
    derived = _derived(table, stored, policy)
    seated = {e.name for e in table.events if e.seated}

    def seats(event: str) -> Values:
        return NODES if event in seated else NODES[:1]

    events = tuple(
        evolve(e, name=f"{e.name}({me})" if e.seated else e.name, decider=seat(e.decider, me))
        for e in table.events for me in seats(e.name)
    )
    possible = tuple(
        Possible(f"{p.event}({me})" if p.event in seated else p.event, seat_cube(p.when, me))
        for p in table.possible for me in seats(p.event)
    )
    rules = tuple(
        seat_rule(r, me, seated=r.event in seated, phase=phase)
        for phase, rows in table.phases for r in rows if _holds(r.only, policy)
        for me in seats(r.event)
    )
    invariants = tuple(
        evolve(
            i, never=tuple(dict.fromkeys(seat_cube(c, me) for me in NODES for c in i.never)),
            premise=seat_cube(i.premise, NODES[0]),
            exactly=tuple(seat(c, NODES[0]) for c in i.exactly),
        )
        for i in table.invariants
    )
    accepted_only = tuple(
        evolve(
            a, command=f"{a.command}({me})" if a.command in seated else a.command,
            when=tuple(seat_cube(c, me) for c in a.when),
        )
        for a in table.accepted_only for me in seats(a.command)
    )
    exclusive = tuple(
        evolve(x, never_in=tuple(seat_cube(c, me) for c in x.never_in for me in NODES))
        for x in table.exclusive
    )
    only_by = tuple(
        OnlyBy(
            o.id, seat(o.column, me), _seat_word(o.value, me),
            tuple(seat_event(e, me) for e in o.events), o.says,
            tuple((seat_event(e, me), seat_cube(c, me)) for e, c in o.when),
        )
        for o in table.only_by for me in NODES
    )
    observations = tuple(
        evolve(o, when=tuple(dict.fromkeys(seat_cube(c, me) for me in NODES for c in o.when)))
        for o in table.observations
    )
    converges = tuple(
        evolve(v, leaves=tuple(dict.fromkeys(seat_cube(c, me) for me in NODES for c in v.leaves)))
        for v in table.converges
    )
    duties = tuple(_duties(table.duties))
    adversary = tuple(
        _seat_adversary(a, me, seated=a.event in seated)
        for a in table.adversary if _holds(a.only, policy) for me in seats(a.event)
    )
    return compiled(Model(
        name=table.name,
        columns=(*stored, *derived),
        initial=tuple(
            tuple(
                (c.name, start[c.name.removeprefix("node1.").removeprefix("node2.")])
                for c in stored
            )
            for start in table.initial
        ),
        events=events, possible=possible, rules=rules, invariants=invariants,
        accepted_only=accepted_only, exclusive=exclusive, only_by=only_by, observations=observations,
        converges=converges, duties=duties, adversary=adversary,
        decides=tuple(dict.fromkeys(
            Decides(seat(d.decider, me), seat_cube(d.when, me))
            for d in table.decides for me in NODES
        )),
        mirror=tuple((f"node1.{c.name}", f"node2.{c.name}") for c in table.node_columns),
        mirror_values=tuple(
            (c.name, (NODES, NODES[::-1])) for c in (*stored, *derived) if {*NODES} <= {*c.domain}),
        told=tuple(
            Told(seat(t.node, me), tuple(seat(c, me) for c in t.columns))
            for t in table.told for me in NODES
        ),
        hears=tuple(_seat_hears(h, me) for h in table.hears for me in NODES),
        serves=tuple(seat_serves(s, me) for me in NODES for s in table.serves),
        transient=tuple(
            Cell(f"{me}.state", table.transient) for me in NODES if table.transient
        ),
        may_wait=tuple(seat_cube(w, me) for w in table.may_wait for me in NODES),
        viewpoints=table.viewpoints,
        starts=table.starts,
        stories=tuple(s for s in table.stories if _holds(s.only, policy)),
        goal=tuple(seat_cube(g, NODES[0]) for g in table.goal),
        assumptions=table.assumptions,
        situations=tuple(
            s if kept == s.advice else evolve(s, advice=kept)
            for s in table.situations
            for kept in [tuple(a for a in s.advice if _holds(a.only, policy))]
        ),
        families=table.families,
        timers=tuple(
            _seat_timer(t, me, seated=t.event in seated)
            for t in table.timers for me in seats(t.event)
        ),
        parameters=table.parameters,
        actions=tuple(_seat_action(a, me) for a in table.actions for me in NODES),
        agents=tuple(seat_agent(a, me) for a in table.agents for me in NODES),
        words=table.words,
        policy=tuple(sorted(policy.items())),
    ))


@cache
def _exchanged(name: str, one: str, other: str) -> str:
    """A name with these two words exchanged; a word has no letter and no digit beside it."""
    return "".join(
        other if word == one else one if word == other else word
        for word in re.split("([A-Za-z0-9]+)", name)
    )


def mirror_name(name: str) -> str:
    """The same name from the other seat: node1 and node2 exchanged."""
    return _exchanged(name, *NODES)


@frozen(eq=False, repr=False)
class Mirror:
    """The mirror image of everything in a machine whose two seats change places.

    Attributes:
        seats: the two words that names exchange.
        columns: the image of each column of the mirror section.
        values: for each column of `mirror_values`, the image of its values; others stay.
        domains: the values of every column.
    """

    seats: tuple[str, str]
    columns: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    domains: Mapping[str, Values]

    @classmethod
    def of(cls, model: Model) -> Mirror | None:
        """The mirror of a machine; None where no two words make the names of its mirror section."""
        words = {_differ(one, other) for one, other in model.mirror}
        if len(words) != 1 or None in words:
            return None
        (seats,) = words
        assert seats is not None, "BUG: no mirror without two words"
        columns = dict(model.mirror)
        columns |= {other: one for one, other in model.mirror}
        values = {column: dict(renamed) for column, renamed in model.mirror_values}
        return cls(seats, columns, values, model.domains)

    def name(self, name: str) -> str:
        """The image of a column, an event, a rule's id or a node."""
        return self.columns.get(name) or _exchanged(name, *self.seats)

    def value(self, column: str, value: str) -> str:
        """The image of a column's value: a value of the image of the column."""
        return self.values.get(column, {}).get(value, value)

    def pair(self, pair: Mapping[str, str]) -> dict[str, str]:
        """The image of a pair, or of some of its columns."""
        return {self.name(c): self.value(c, v) for c, v in pair.items()}

    def cube(self, cube: Cube) -> Cube:
        """The image of a cube: the images of its pairs."""
        names = [self.name(c.column) for c in cube.cells]
        values = [tuple(self.value(c.column, v) for v in c.values) for c in cube.cells]
        return Cube(tuple(Cell(*cell) for cell in zip(names, values, strict=True)))

    def actions(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """The images of actions, in the same order."""
        return tuple(Action(a.do, a.node and self.name(a.node)) for a in actions)

    def effect(self, effect: Effect) -> Effect:
        """The image of an effect."""
        name, target = effect.target, self.name(effect.target)
        match effect.value:
            case Const(value):
                return Effect(target, Const(self.value(name, value)))
            case Copy(column) if self.values.get(column) == self.values.get(name):
                return Effect(target, Copy(self.name(column)))
            case Copy(column):
                return self.effect(Effect(name, copied(
                    column, self.domains.get(column, ()), self.domains.get(name, ()))))
            case By(column, table):
                return Effect(target, By(self.name(column), tuple(
                    (self.value(column, key), self.value(name, value)) for key, value in table)))

    def rule(self, rule: Rule) -> Rule:
        """The image of a rule, its id included."""
        return evolve(
            rule,
            id=self.name(rule.id), row=self.name(rule.row), event=self.name(rule.event), when=self.cube(rule.when),
            then=tuple(map(self.effect, rule.then)), actions=self.actions(rule.actions),
        )

    def duty(self, duty: Duty) -> Duty:
        """The image of a duty, its id included."""
        return evolve(
            duty,
            id=self.name(duty.id), asks=self.actions(duty.asks), before=self.cube(duty.before),
            after=self.cube(duty.after), follows=self.actions(duty.follows),
            harmless=tuple(map(self.cube, duty.harmless)),
            events=tuple(map(self.name, duty.events)),
        )

    def column(self, column: Column) -> Column:
        """The image of a column: of a derived one, the same function of the images of its sources."""
        return evolve(
            column,
            name=self.name(column.name), observed_by=self.name(column.observed_by),
            domain=tuple(self.value(column.name, v) for v in column.domain),
            sources=tuple(map(self.name, column.sources)),
            table=tuple(
                (tuple(map(self.value, column.sources, values)), self.value(column.name, value))
                for values, value in column.table
            ),
        )


def _differ(one: str, other: str) -> tuple[str, str] | None:
    """The first two words in which two names differ; None if no exchange makes one of the other."""
    words = (re.findall("[A-Za-z0-9]+", name) for name in (one, other))
    pairs = [pair for pair in zip(*words, strict=False) if pair[0] != pair[1]]
    return (min(pairs[0]), max(pairs[0])) if pairs else None


def mirror_rule(rule: Rule) -> Rule:
    """The same rule from the other seat, where only the names of columns change."""
    return _NAMES_ALONE.rule(rule)


def mirror_cube(cube: Cube) -> Cube:
    """The same cells from the other seat, where only the names of columns change."""
    return _NAMES_ALONE.cube(cube)


_NAMES_ALONE = Mirror(NODES, {}, {}, {})
