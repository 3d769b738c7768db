"""Foreign machines: a table in the form of one, and one compared with a table.

Law: no foreign library and no rule here; the adapters of `transitions` and `statemachine` share it.
`Shape` is our table as states and transitions that a foreign library can draw. `Translation` reads
a foreign machine as ours: its states as values of our columns, its triggers as our events. `Shadow`
follows a foreign machine step by step.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from attrs import define, field, frozen

from prgcore.diagram.states import Reader
from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, ImpossibleEvent, OutsideInvariant, PrgError, unknown_name
from prgcore.form.cubes import Stored
from prgcore.model import By, Cell, Const, Copy, Cube, Cubelike, Rule, Values, cube
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import listed

__all__ = [
    "JOINT", "KEPT", "STATES", "Deviation", "Difference", "Shadow", "Shape", "Translation",
    "check_columns", "trigger",
]

STATES = ("node1.state", "node2.state")
"""The columns that make up a foreign machine's state, unless others are chosen."""

KEPT = 100
"""How many deviations are kept."""

JOINT = "__"
"""The separator of their values, so that a state's name can be part of a method's name."""


def trigger(event: str) -> str:
    """The name of an event as an identifier: `failover(node1)` is `failover_node1`."""
    return re.sub(r"\W+", "_", event).strip("_")


def check_columns(engine: Engine, columns: Values) -> None:
    """Check that these columns can make up the state of a foreign machine.

    Raises:
        BadInput: one of them is not a stored column.
    """
    for column in columns:
        if column not in engine.stored and columns == STATES:
            raise BadInput(
                f"the machine {engine.model.name!r} has no column {column}, so choose the columns of "
                f"a state: columns=({engine.stored[0]!r},); known: {', '.join(engine.stored)}")
        if column not in engine.stored:
            raise BadInput(unknown_name("stored column", column, engine.stored))


@frozen(eq=False)
class Shape:
    """A table as states and transitions; only the engine decides which transition is taken.

    Attributes:
        engine: the machine that decides.
        columns: the stored columns that make up a state.
        arrivals: our event for each trigger.
        states: every state, reachable or not.

    Raises:
        BadInput: there is no such column, or two states or two events have the same name.
    """

    engine: Engine
    columns: Values = STATES
    arrivals: Mapping[str, str] = field(init=False)
    states: Values = field(init=False)

    def __attrs_post_init__(self) -> None:
        check_columns(self.engine, self.columns)
        model, put = self.engine.model, object.__setattr__
        put(self, "arrivals", {trigger(e.name): e.name for e in model.events})
        if "" in self.arrivals:
            raise BadInput(f"the event {self.arrivals['']!r} has no letter or digit, so nothing can "
                           "be named after it; rename it")
        if len(self.arrivals) < len(model.events):
            raise BadInput("two events of this machine have the same name as identifiers")
        domains = model.domains
        values = product(*(domains[c] for c in self.columns))
        put(self, "states", tuple(JOINT.join(v) for v in values))
        if len(set(self.states)) < len(self.states):
            raise BadInput("two states of this machine have the same name; choose other columns=")

    def label(self, pair: Mapping[str, str]) -> str:
        """The state of a pair: `normal__normal`.

        Raises:
            BadInput: not a pair of this machine.
        """
        whole = self.engine.pair(pair)
        return JOINT.join(whole[c] for c in self.columns)

    def edges(self) -> list[tuple[str, str, str]]:
        """Every (trigger, source, destination) that the guards allow, sorted."""
        reader, found = Reader(self.engine.model), set()
        for rule in self.engine.model.rules:
            ways = [_ways(reader, rule, column) for column in self.columns]
            for ends in product(*ways):
                source, dest = zip(*ends, strict=True)
                found.add((trigger(rule.event), JOINT.join(source), JOINT.join(dest)))
        return sorted(found)

    def decide(self, pair: Mapping[str, str], name: str) -> Decision | str:
        """The engine's decision on a trigger; if no transition is taken, the reason.

        Raises:
            OutsideInvariant: the pair breaks a proved invariant.
        """
        return _decide(self.engine, pair, self.arrivals[name])


def _decide(engine: Engine, pair: Mapping[str, str], event: str) -> Decision | str:
    try:
        decision = engine.step(pair, event)
    except ImpossibleEvent as error:
        return str(error)
    if decision.outcome is Outcome.REFUSED:
        return f"{event} is refused: {decision.why}"
    return decision


def _ways(reader: Reader, rule: Rule, column: str) -> Iterable[tuple[str, str]]:
    """The changes of one column that a rule may make, each with source and destination."""
    stays = reader.values(rule, column)
    for effect in rule.then:
        if effect.target == column and isinstance(effect.value, Const):
            stays &= {effect.value.value}
    return sorted({*reader.moves(rule, column), *((value, value) for value in stays)})


class Deviation(PrgError):
    """A foreign machine makes a move that no rule allows.

    Attributes:
        trigger: its event; `source` and `dest`: its states before and after.
    """

    code = "deviation"

    def __init__(self, name: str, source: str, dest: str, why: str) -> None:
        super().__init__(f"{name}: {source} -> {dest}: {why}")
        self.trigger, self.source, self.dest = name, source, dest


@frozen(order=True)
class Difference:
    """A difference between a foreign machine and the table.

    Attributes:
        kind: `extra`, a transition that no rule allows, or `missing`, a move that a rule requires.
        trigger: its event; `source` and `dest`: its states before and after.
        why: for an extra one, how the nearest rule fails; for a missing one, the rule.
    """

    kind: str
    trigger: str
    source: str
    dest: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.trigger}: {self.source} -> {self.dest}: {self.why}"


def _cubes(states: Mapping[str, Cubelike]) -> Mapping[str, Cube]:
    try:
        return {name: cube(cells) for name, cells in states.items()}
    except (AttributeError, TypeError):
        raise BadInput(
            "states= needs an object of columns and their values for each state, such as "
            '{"active": {"node1.state": "normal"}}'
        ) from None


def _events(events: Any) -> Mapping[str, str]:
    if not isinstance(events, Mapping):
        kind = type(events).__name__
        raise BadInput(f"events= needs an object with our event for each trigger, not a {kind}")
    return events


@frozen(eq=False)
class Translation:
    """The reading of a foreign machine as ours.

    Attributes:
        engine: the table to compare it with.
        states: for each of its states, the values of our stored columns:
            `{"active": {"node1.state": ("normal", "running_in_backup_mode")}, "init": {}}`.
        events: our event for each of its triggers. A trigger without one must not change
            any of our columns.

    Raises:
        BadInput: no such column, value or event.
    """

    engine: Engine
    states: Mapping[str, Cube] = field(converter=_cubes)
    events: Mapping[str, str] = field(converter=_events)

    def __attrs_post_init__(self) -> None:
        for name, cells in self.states.items():
            self.engine.check(cells, f"state {name}", stored=True)
        for event in self.events.values():
            self.engine.kind(event)

    def covers(self, states: Iterable[str], triggers: Iterable[str]) -> None:
        """Check that every state is read, and that the reading names only what exists.

        Raises:
            BadInput: a state is not read, or a name does not exist.
        """
        theirs, names = sorted(states), sorted(triggers)
        unread = [s for s in theirs if s not in self.states]
        if unread:
            raise BadInput(
                f"states= lacks {', '.join(unread)}: name columns and values, "
                "or {} for nothing"
            )
        for kind, given, known in (
            ("state", self.states, theirs), ("trigger", self.events, names),
        ):
            for name in given:
                if name not in known:
                    raise BadInput(f"of the machine: {unknown_name(kind, name, known)}")

    def judge(self, pair: Pair, name: str, source: str, dest: str) -> Pair:
        """The pair after a move of the foreign machine.

        Raises:
            Deviation: no rule allows it.
        """
        after = pair
        wrong = self._differs(pair, source)
        if wrong:
            raise Deviation(name, source, dest, f"before it, {wrong}")
        if name in self.events:
            try:
                decided = _decide(self.engine, pair, self.events[name])
            except OutsideInvariant as error:
                decided = str(error)
            if isinstance(decided, str):
                raise Deviation(name, source, dest, decided)
            after = decided.pair
            rule = decided.rule.id if decided.rule else ""
        else:
            rule = f"{name}, which is not an event of the table,"
        wrong = self._differs(after, dest)
        if wrong:
            raise Deviation(name, source, dest, f"after {rule} {wrong}")
        return after

    def _differs(self, pair: Pair, state: str) -> str:
        return "; ".join(
            f"{c.column} is {pair[c.column]}, and {state} means {listed(c.values)}"
            for c in self.states[state] if pair[c.column] not in c.values
        )

    def differences(self, moves: Iterable[tuple[str, str, str]]) -> tuple[Difference, ...]:
        """The differences between its moves (trigger, source, destination) and the table.

        Only guards are read, and these allow more than the reachable pairs. So every extra move is
        really extra, but a missing one may be impossible to reach.
        """
        stored, theirs = Stored(self.engine.model.columns), set(moves)
        found = [
            Difference("extra", *move, why=why)
            for move in theirs for why in [self._against(stored, *move)] if why
        ]
        for name, event in self.events.items():
            for rule in self._rules(event):
                found += [
                    Difference("missing", name, source, dest, f"{rule.id}: {rule.why}".rstrip(": "))
                    for source, dest in product(self.states, repeat=2)
                    if source != dest and rule.outcome is Outcome.DONE
                    and (name, source, dest) not in theirs
                    and self.states[source] & self.states[dest] is None
                    and self._leads(stored, rule, source, dest)
                ]
        return tuple(sorted(found))

    def _rules(self, event: str) -> list[Rule]:
        return [r for r in self.engine.model.rules if r.event == event]

    def _possible(self, event: str) -> list[Cube]:
        if self.engine.kind(event) is Kind.COMMAND:
            return [Cube()]
        return [p.when for p in self.engine.model.possible if p.event == event]

    def _leads(self, stored: Stored, rule: Rule, source: str, dest: str) -> bool:
        """Whether the rule takes some pair of the source to some pair of the destination."""
        return any(
            stored.find([self.states[source], rule.when, way, before]) is not None
            for before in self._before(rule, self.states[dest])
            for way in self._possible(rule.event)
        )

    def _before(self, rule: Rule, dest: Cube) -> Iterator[Cube]:
        """The pairs, as cubes, from which the effects of a rule lead into a cube."""
        effects = {e.target: e.value for e in rule.then}
        domains = self.engine.model.domains
        ways: list[list[Cube]] = []
        for cell in dest:
            match effects.get(cell.column):
                case None:
                    ways.append([Cube((cell,))])
                case Const(value):
                    ways.append([Cube()] if value in cell.values else [])
                case Copy(column):
                    ways.append([Cube((Cell(column, cell.values),))])
                case By(column, table):
                    made = dict(table)
                    fits = tuple(k for k, v in table if v in cell.values)
                    left = tuple(v for v in domains[column] if v not in made)
                    stays = Cube((Cell(column, left),)) & Cube((cell,))
                    ways.append([
                        one for one in (Cube((Cell(column, fits),)), stays)
                        if one is not None and all(c.values for c in one)
                    ])
        for some in product(*ways):
            met: Cube | None = Cube()
            for one in some:
                met = met and met & one
            if met is not None:
                yield met

    def _against(self, stored: Stored, name: str, source: str, dest: str) -> str:
        """The reason why no rule allows a move; empty if one does."""
        event = self.events.get(name)
        if event is None:
            stays = self.states[source] & self.states[dest] is not None
            return "" if stays else "it is not an event of the table, but changes a column"
        misses: list[tuple[int, str]] = []
        for rule in self._rules(event):
            if self._leads(stored, rule, source, dest):
                return ""
            failed = [
                f"needs {c.column} {listed(c.values)}" for c in rule.when
                if stored.find([self.states[source], Cube((c,))]) is None
            ]
            misses.append((len(failed), f"{rule.id} " + ("; ".join(failed) or "leads elsewhere")))
        return f"no rule of {event} leads there" + (f"; nearest {min(misses)[1]}" if misses else "")


@define(eq=False)
class Shadow:
    """A pair that follows one model of a foreign machine.

    Attributes:
        reading: the reading of the machine.
        pair: the present pair of the table.
        report: is called with each deviation. Without it, the deviation is raised, and the move
            does not happen.
        deviations: the last hundred, raised or reported, also those that a handler has swallowed.
    """

    reading: Translation
    pair: Pair
    report: Callable[[Deviation], object] | None = None
    deviations: deque[Deviation] = field(factory=lambda: deque(maxlen=KEPT))

    def tell(self, event: str) -> Decision:
        """Step by an event of ours that the foreign machine does not see.

        Raises:
            BadInput, ImpossibleEvent, OutsideInvariant: as `Engine.step`.
        """
        decision = self.reading.engine.step(self.pair, event)
        self.pair = decision.pair
        return decision

    def judge(self, name: str, source: str, dest: str) -> Pair:
        """The pair after a move; after a move that is only reported, the pair before it.

        Raises:
            Deviation: no rule allows it, and there is no `report`.
        """
        try:
            return self.reading.judge(self.pair, name, source, dest)
        except Deviation as deviation:
            self.deviations.append(deviation)
            if self.report is None:
                raise
            self.report(deviation)
            return self.pair
