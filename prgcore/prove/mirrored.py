"""F3: whether a machine is its own mirror, and the half of it that then stands for the whole.

Law: sections are compared by what they mean, without a solver. Cubes are compared as sets of pairs,
tables and effects as functions, actions in their order. No proof may ask about one half of a
machine that fails any of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

from attrs import field, frozen

from prgcore.form.cubes import EVERYWHERE, Stored
from prgcore.form.telling import serving, told
from prgcore.model import (
    Action,
    Agent,
    By,
    Cell,
    Column,
    Const,
    Copy,
    Cube,
    Duty,
    Effect,
    Hears,
    Model,
    Rule,
    Timer,
    Values,
    copied,
)
from prgcore.seats import Mirror

__all__ = ["half", "is_mirrored", "symmetry", "twins", "unmirrored"]

_MOST = 1 << 20
"""The most values on which two effects that are written otherwise are compared; then they differ."""

_Key: TypeAlias = frozenset[tuple[str, frozenset[str]]]
_Cubes: TypeAlias = tuple[Cube, ...]
_Fields: TypeAlias = dict[str, bool]
"""The fields of a row by name, and whether each is the same in another row."""


def half(model: Model) -> tuple[Rule, ...]:
    """One rule of every mirror pair, if the machine is its own mirror; else all of them."""
    if not is_mirrored(model):
        return model.rules
    twins = _found(model).twins
    kept: dict[str, Rule] = {}
    for rule in model.rules:
        if twins[rule.id] not in kept:
            kept[rule.id] = rule
    return tuple(kept.values())


def is_mirrored(model: Model) -> bool:
    """Whether one half of the machine stands for the whole: F3 holds, of every invariant alone too.

    Two invariants that mirror each other are enough for F3. An induction over half of the rules may
    drop one of them and keep the other, so it needs more.
    """
    found = _found(model)
    return found.mirror is not None and not found.wrong and found.alone


def twins(model: Model) -> Mapping[str, str]:
    """For every rule the id of its mirror image, and back; none if one half is not enough."""
    found = _found(model).twins if is_mirrored(model) else {}
    return found if all(found[image] == id_ for id_, image in found.items()) else {}


def unmirrored(model: Model) -> tuple[str, ...] | None:
    """The parts of the machine without a mirror image, each with its place; None: no mirror."""
    found = _found(model)
    return None if found.mirror is None else found.wrong


def symmetry(model: Model) -> Mirror | None:
    """The mirror of a machine for which F3 holds; None for any other machine."""
    found = _found(model)
    return None if found.wrong else found.mirror


@frozen(eq=False)
class _Found:
    """The answer about the mirror of a machine.

    Attributes:
        twins: for every rule that has a mirror image the id of that rule.
        alone: whether every rule has an image, and every invariant is its own.
    """

    mirror: Mirror | None
    wrong: tuple[str, ...] = ()
    twins: Mapping[str, str] = field(factory=dict)
    alone: bool = False


@lru_cache(maxsize=8)
def _found(model: Model) -> _Found:
    mirror = Mirror.of(model)
    return _Found(None) if mirror is None else _Comparison(model, mirror).found()


class _Comparison:
    """A machine beside its mirror image."""

    def __init__(self, model: Model, mirror: Mirror) -> None:
        self.model, self.mirror = model, mirror
        self.stored = Stored(model.columns)
        self.columns = self.stored.named
        self.tables = {c.name: dict(c.table) for c in model.columns if c.derived}
        self.ways: dict[str, list[Cube]] = {e.name: [] for e in model.events}
        for entry in model.possible:
            self.ways.setdefault(entry.event, []).append(entry.when)
        self.rules: dict[str, list[Rule]] = {}
        for rule in model.rules:
            self.rules.setdefault(rule.event, []).append(rule)
        self.twins: dict[str, str] = {}

    def found(self) -> _Found:
        wrong = (
            *self._columns(), *self._events(), *self._possible(), *self._rules(),
            *self._invariants(), *self._checks(), *self._duties(), *self._adversary(),
            *self._exchange(), *self._running(), *self._rest(),
        )
        return _Found(
            self.mirror, wrong, self.twins, len(self.twins) == len(self.model.rules) and all(
                self._same(tuple(map(self.mirror.cube, i.never)), i.never)
                for i in self.model.invariants))

    # ------------------------------------------------------------------ comparing

    def _inside(self, cube: Cube, others: _Cubes) -> bool:
        """Whether a cube is in the union of others, as sets of pairs."""
        named = {c.column for one in (cube, *others) for c in one}
        return named <= self.columns.keys() and self.stored.outside(cube, others) is None

    def _same(self, one: _Cubes, other: _Cubes) -> bool:
        """Whether the same pairs are in some of these cubes and in some of those."""
        return {*map(_key, one)} == {*map(_key, other)} or (
            all(self._inside(c, other) for c in one) and all(self._inside(c, one) for c in other))

    def _twins(self, rules: tuple[Rule, ...], others: tuple[Rule, ...]) -> bool:
        """Whether the parts of a rule fire, do and ask for what the image of a rule does."""
        images = tuple(map(self.mirror.rule, rules))
        one, other = images[0], others[0]
        if one.outcome is not other.outcome or not (
            one.actions == other.actions
            or (rules == others and _by_node(one.actions) == _by_node(other.actions))
        ):
            return False
        if {_key(r.when) for r in images} == {_key(r.when) for r in others} \
                and {*one.then} == {*other.then}:
            return True
        ways = self.ways.get(other.event) or [EVERYWHERE]
        fires = [
            tuple(both for r in some for way in ways if (both := r.when & way) is not None)
            for some in (images, others)
        ]
        first, second = ({e.target: e for e in rule.then} for rule in (one, other))
        return self._same(*fires) and all(
            self._same_effect(first.get(target), second.get(target), target, fires[1])
            for target in {*first, *second}
        )

    def _same_effect(
        self, one: Effect | None, other: Effect | None, target: str, where: _Cubes
    ) -> bool:
        """Whether two effects are the same function of what they read, in these cubes."""
        named = {target, *(e.value.column for e in (one, other) if e and not isinstance(
            e.value, Const))}
        if not named <= self.columns.keys():
            return False
        inputs = sorted({s for n in named for s in self.columns[n].sources or (n,)})
        if prod(len(self.columns[name].domain) for name in inputs) > _MOST:
            return False
        for values in product(*(self.columns[name].domain for name in inputs)):
            pair = dict(zip(inputs, values, strict=True))
            if self._becomes(one, target, pair) != self._becomes(other, target, pair):
                here = Cube(tuple(Cell(name, value) for name, value in pair.items()))
                if any(self.stored.find([cube, here]) is not None for cube in where):
                    return False
        return True

    def _becomes(self, effect: Effect | None, target: str, pair: Mapping[str, str]) -> str:
        """The value of the target after an effect; without one, the value before."""
        if effect is None:
            return pair[target]
        match effect.value:
            case Const(value):
                return value
            case Copy(column):
                source = self.columns[column].domain
                table = copied(column, source, self.columns[target].domain).table
            case By(column, table):
                pass
        sources = self.columns[column].sources
        now = self.tables[column][tuple(pair[s] for s in sources)] if sources else pair[column]
        return dict(table).get(now, pair[target])

    # ------------------------------------------------------------------ sections

    def _columns(self) -> Iterator[str]:
        for column in self.model.columns:
            image = self.mirror.column(column)
            twin = self.columns.get(image.name)
            if twin is None:
                yield f"column {column.name}: there is no {image.name}"
            elif self.mirror.column(image) != column or _function(image) != _function(twin):
                yield f"column {column.name}: its mirror {image.name} differs"

    def _events(self) -> Iterator[str]:
        events = {e.name: (e.kind, e.decider, e.success) for e in self.model.events}
        for name, (kind, decider, success) in events.items():
            image = self.mirror.name(name)
            if image not in events or self.mirror.name(image) != name:
                yield f"event {name}: there is no {image}"
            elif events[image] != (kind, self.mirror.name(decider), success):
                yield f"event {name}: its mirror {image} differs"

    def _possible(self) -> Iterator[str]:
        for event, ways in self.ways.items():
            image = self.mirror.name(event)
            mirrored = tuple(map(self.mirror.cube, ways))
            if not self._same(mirrored, tuple(self.ways.get(image, ()))):
                yield f"possible {event}: its mirror {image} differs"

    def _rules(self) -> Iterator[str]:
        rows: dict[str, tuple[Rule, ...]] = {}
        for rule in self.model.rules:
            rows[rule.name] = (*rows.get(rule.name, ()), rule)
        for rule in self.model.rules:
            id_, event = self.mirror.name(rule.id), self.mirror.name(rule.event)
            likely = sorted(self.rules.get(event, []), key=lambda r: r.id != id_)
            twin = next((r for r in likely if self._twins((rule,), (r,))), None)
            row = rows.get(self.mirror.name(rule.row)) if rule.row else None
            if twin:
                self.twins[rule.id] = twin.id
            elif row and row[0].event == event and self._twins(rows[rule.row], row):
                continue  # the parts together: one of them alone has no image
            elif any(r.id == id_ for r in likely):
                yield f"rule {rule.id}: its mirror {id_} is another rule"
            else:
                yield f"rule {rule.id}: no rule of {event} is its mirror"

    def _invariants(self) -> Iterator[str]:
        everything = [i.never for i in self.model.invariants]
        for invariant in self.model.invariants:
            image = tuple(map(self.mirror.cube, invariant.never))
            if not any(self._same(image, other) for other in (invariant.never, *everything)):
                yield f"invariant {invariant.id}: says more of one seat than of the other"

    def _checks(self) -> Iterator[str]:
        """Guard checks: each needs one that says the same of the other seat."""
        mirror, model = self.mirror, self.model
        for check in model.accepted_only:
            image, command = tuple(map(mirror.cube, check.when)), mirror.name(check.command)
            yield from _amiss(
                f"accepted_only {check.id} {check.command}", mirror.name(check.id),
                ((a.id, {"exactly": a.exactly == check.exactly, "when": self._same(image, a.when)})
                 for a in model.accepted_only if a.command == command))
        for commands in model.exclusive:
            image = tuple(map(mirror.cube, commands.never_in))
            names = {*map(mirror.name, commands.commands)}
            yield from _amiss(
                f"exclusive {commands.id}", mirror.name(commands.id),
                ((x.id, {"commands": names == {*x.commands},
                         "never_in": self._same(image, x.never_in)}) for x in model.exclusive))
        for only in model.only_by:
            column, value = mirror.name(only.column), mirror.value(only.column, only.value)
            events = {*map(mirror.name, only.events)}
            when = {(mirror.name(e), _key(mirror.cube(c))) for e, c in only.when}
            yield from _amiss(
                f"only_by {only.id} {only.column}", mirror.name(only.id),
                ((o.id, {"events": events == {*o.events},
                         "when": when == {(e, _key(c)) for e, c in o.when}})
                 for o in model.only_by if (o.column, o.value) == (column, value)))

    def _adversary(self) -> Iterator[str]:
        """The strength of the adversary, and where a node decides anything."""
        mirror, model = self.mirror, self.model
        entries = {a.event: a for a in model.adversary}
        for entry in model.adversary:
            twin = entries.get(mirror.name(entry.event))
            yield from _amiss(
                f"adversary {entry.event}", mirror.name(entry.event),
                [(twin.event, {"must": self._same(tuple(map(mirror.cube, entry.must)), twin.must),
                               "may": self._same(tuple(map(mirror.cube, entry.may)), twin.may)})]
                if twin else [])
        decides = {d.decider: d.when for d in model.decides}
        for decider, when in decides.items():
            other = decides.get(mirror.name(decider))
            if other is None or not self._same((mirror.cube(when),), (other,)):
                yield f"decides {decider}: its mirror differs"

    def _duties(self) -> Iterator[str]:
        for duty in self.model.duties:
            image = self.mirror.duty(duty)
            yield from _amiss(
                f"duty {duty.id}", self.mirror.name(duty.id),
                ((other.id, self._same_duty(image, other)) for other in self.model.duties))

    def _same_duty(self, one: Duty, other: Duty) -> _Fields:
        return {
            "asks": one.asks == other.asks,
            "follows": {*one.follows} == {*other.follows},
            "events": {*one.events} == {*other.events},
            "before": self._same((one.before,), (other.before,)),
            "after": self._same((one.after,), (other.after,)),
            "harmless": self._same(one.harmless, other.harmless),
        }

    def _exchange(self) -> Iterator[str]:
        """What the nodes tell each other, what they learn by it, and whom each of them serves."""
        mirror, model = self.mirror, self.model
        for node in dict.fromkeys(t.node for t in model.told):
            if {*map(mirror.name, told(model, node))} != {*told(model, mirror.name(node))}:
                yield f"told {node}: its mirror differs"
        for hears in model.hears:
            node, gate = mirror.name(hears.node), mirror.cube(hears.when)
            learns, names = {*map(mirror.name, hears.learns)}, tuple(map(mirror.name, _named(hears)))
            if not any(h.node == node and {*h.learns} == learns and _named(h) == names
                       and self._same((gate,), (h.when,)) for h in model.hears):
                yield f"hears {hears.node}: its mirror differs"
        where = serving(model)
        for (node, group), cubes in where.items():
            twin = where.get((mirror.name(node), mirror.name(group)))
            if twin is None or not self._same(tuple(map(mirror.cube, cubes)), twin):
                yield f"serves {group} of {node}: its mirror differs"

    def _running(self) -> Iterator[str]:
        """The timers, and what agents do."""
        mirror, model = self.mirror, self.model
        for timer in model.timers:
            image = mirror.name(timer.event)
            yield from _amiss(f"timer {timer.event}", image, (
                (t.event, self._same_timer(timer, t)) for t in model.timers if t.event == image))
        for kind in model.actions:
            name, node = mirror.name(kind.name), mirror.name(kind.node)
            fails = tuple(map(mirror.name, kind.fails))
            yield from _amiss(f"action {kind.name} of {kind.node}", f"{name} of {node}", (
                (f"{a.name} of {a.node}", {"fails": a.fails == fails, "does": a.does == kind.does})
                for a in model.actions if (a.name, a.node) == (name, node)))
        for agent in model.agents:
            node = mirror.name(agent.node)
            yield from _amiss(f"agent {agent.node}", node, (
                (a.node, self._same_agent(agent, a)) for a in model.agents if a.node == node))

    def _same_timer(self, one: Timer, other: Timer) -> _Fields:
        cube = self.mirror.cube
        again_in = () if one.again_in is None else (cube(one.again_in),)
        return {
            "told": one.told == other.told,
            "runs": self._same((cube(one.runs),), (other.runs,)),
            "limits": [(_key(cube(c)), after) for c, after in one.limits]
            == [(_key(c), after) for c, after in other.limits],
            "again": {*one.again} == {*other.again},
            "again_in": {*map(_key, again_in)}
            == ({_key(other.again_in)} if other.again_in is not None else set()),
        }

    def _same_agent(self, one: Agent, other: Agent) -> _Fields:
        mirror = self.mirror
        return {
            "starts": mirror.name(one.starts) == other.starts,
            "knows": mirror.pair(dict(one.knows)) == dict(other.knows),
            "stops": mirror.name(one.stops) == other.stops,
            "watches": {what: tuple(map(mirror.name, events)) for what, events in one.watches}
            == dict(other.watches),
            "leaves": self._same(tuple(map(mirror.cube, one.leaves)), other.leaves),
            "either": self._same(tuple(map(mirror.cube, one.either)), other.either),
            "holds": self._same(tuple(map(mirror.cube, one.holds)), other.holds),
            "able": self._same((mirror.cube(one.able),), (other.able,)),
            "roles": {(role, _key(mirror.cube(c))) for role, c in one.roles}
            == {(role, _key(c)) for role, c in other.roles},
        }

    def _rest(self) -> Iterator[str]:
        mirror, model = self.mirror, self.model
        transient = {(c.column, v) for c in model.transient for v in c.values}
        waits = {_key(mirror.cube(cube)) for cube in model.may_wait}
        for place, same in (
            # here it counts which columns are named
            ("transient", {(mirror.name(c), mirror.value(c, v)) for c, v in transient} == transient),
            ("may_wait", waits == {*map(_key, model.may_wait)}),
            ("goal", self._same(tuple(map(mirror.cube, model.goal)), model.goal)),
            ("initial pairs", {frozenset(mirror.pair(dict(pair)).items()) for pair in model.initial}
             == {frozenset(pair) for pair in model.initial}),
        ):
            if not same:
                yield f"{place}: says more of one seat than of the other"


def _named(hears: Hears) -> tuple[str, ...]:
    """The events and the column of hearing."""
    return hears.heard, hears.lost, hears.column, hears.clash


def _amiss(what: str, id_: str, others: Iterable[tuple[str, _Fields]]) -> Iterator[str]:
    """Nothing if one of these rows is the mirror image; else how the one of this id differs."""
    differs: list[str] | None = None
    for other, fields in others:
        if all(fields.values()):
            return
        if other == id_ and differs is None:
            differs = [name for name, same in fields.items() if not same]
    section, _, name = what.partition(" ")
    if differs is None:
        yield f"{what}: no {section} is its mirror"
    elif name == id_:
        yield f"{what}: says more of one seat than of the other in {', '.join(differs)}"
    else:
        yield f"{what}: its mirror {id_} differs in {', '.join(differs)}"


def _key(cube: Cube) -> _Key:
    return frozenset((c.column, frozenset(c.values)) for c in cube)


def _by_node(actions: tuple[Action, ...]) -> dict[str | None, list[Action]]:
    """The actions for each node, each with those for the group, in their order.

    A rule that asks both nodes for the same must ask one of them first, so a rule that is its own
    mirror is compared node by node.
    """
    nodes = {a.node for a in actions}
    return {node: [a for a in actions if a.node in (node, None)] for node in nodes}


def _function(column: Column) -> object:
    """A column by what it says: its sources in the order of their names, its values in none."""
    order = sorted(range(len(column.sources)), key=column.sources.__getitem__)

    def sorted_(values: Values) -> Values:
        return tuple(values[i] for i in order)

    table = frozenset((sorted_(values), value) for values, value in column.table)
    return frozenset(column.domain), column.observed_by, sorted_(column.sources), table
