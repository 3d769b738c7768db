"""The interpreter: facts in, decision out.

Law: pure and total; reads a machine that it is given, knows no row of any table. Decisions are
remembered per pair (a bounded memory that changes no answer). Errors say what to do next.
"""

# ruff: noqa: SLF001, a pair keeps what its engine remembers of it

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.errors import (
    BadInput,
    BudgetExhausted,
    Failed,
    ImpossibleEvent,
    NotTotal,
    OutsideInvariant,
    PrgError,
    unknown_name,
)
from prgcore.form.atlas import Atlas
from prgcore.form.cubes import Stored
from prgcore.model import Action, By, Column, Const, Copy, Cube, Cubelike, Model, Rule, cube
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import few

__all__ = ["MOST", "REMEMBERED", "Decision", "Engine", "Pair", "Walk"]

REMEMBERED = 1 << 16
"""How many pairs an engine remembers before it forgets them all."""

MOST = 100_000
"""How many pairs `Engine.completions` lists at most, unless told otherwise."""


@frozen(eq=False)
class Pair(Mapping[str, str]):
    """The record of both nodes: an immutable mapping of stored columns to values.

    Derived columns can be asked for by name, but are not listed. Pairs of one machine are equal
    when their stored values are; make one with `Engine.pair`.
    """

    _engine: Engine
    values_: tuple[str, ...]
    _hash: int = field(init=False)
    _row: tuple[str, ...] = field(init=False, default=())
    _broken: tuple[str, ...] | None = field(init=False, default=None)
    _decisions: dict[str, Decision] = field(init=False, factory=dict)

    @_hash.default
    def _hash_of_values(self) -> int:
        return hash(self.values_)

    def __reduce__(self) -> tuple[type[Pair], tuple[Engine, tuple[str, ...]]]:
        return Pair, (self._engine, self.values_)  # a hash is good in one process only

    def __getitem__(self, column: str) -> str:
        return self.row[self._engine.position[column]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._engine.stored)

    def __len__(self) -> int:
        return len(self.values_)

    def items(self) -> ItemsView[str, str]:
        """The stored columns with their values."""
        return dict(zip(self._engine.stored, self.values_, strict=True)).items()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Pair):
            return self.values_ == other.values_ and tuple(self) == tuple(other)
        return Mapping.__eq__(self, other)

    def __repr__(self) -> str:
        return f"Pair({dict(self)!r})"

    @property
    def row(self) -> tuple[str, ...]:
        """Every column's value, stored then derived, in the machine's order."""
        if not self._row:
            object.__setattr__(self, "_row", self._engine.complete(self.values_))
        return self._row


@frozen
class Decision:
    """The answer to one event in one pair.

    Attributes:
        outcome: done, ignored or refused.
        pair: the pair afterwards; the same pair unless done.
        rule: the rule that decided, None for a refusal.
        actions: what to do in the outside world, in this order.
        why: one sentence.
        failed: for a refusal, the cells that failed of the rule that came nearest.
    """

    outcome: Outcome
    pair: Pair
    event: str
    rule: Rule | None = None
    actions: tuple[Action, ...] = ()
    why: str = ""
    failed: tuple[Failed, ...] = ()


@frozen
class Walk:
    """Decisions one after another, each in the pair that the one before it led to.

    Attributes:
        start: the pair in which the first event arrived.
        steps: a decision for every event, in their order.
    """

    start: Pair
    steps: tuple[Decision, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events, in their order."""
        return tuple(step.event for step in self.steps)

    @property
    def end(self) -> Pair:
        """The pair after the last event; the start if there was none."""
        return self.steps[-1].pair if self.steps else self.start


_LookUps: TypeAlias = tuple[tuple[int, int, dict[str, str]], ...]
"""Position of a target, position of a source, and what a value of the source makes of the target;
a value that is not named leaves it as it was."""


@frozen
class _Test:
    """A cube as positions and sets, ready to be asked of a row."""

    cells: tuple[tuple[int, frozenset[str]], ...]

    def holds(self, row: tuple[str, ...]) -> bool:
        for i, values in self.cells:  # noqa: SIM110, the loop is twice as fast as all()
            if row[i] not in values:
                return False
        return True


@frozen(eq=False)
class Engine:
    """A machine that answers. `Engine(model)`; the model is taken to be well formed.

    Attributes:
        model: the table that it reads.
        columns: every column by its name, in the machine's order.
        stored: the names of the stored columns, in the machine's order.
        position: where a row has each column: stored ones first, as in `Pair.values_`.
    """

    model: Model
    columns: dict[str, Column] = field(init=False)
    stored: tuple[str, ...] = field(init=False)
    position: dict[str, int] = field(init=False)
    _derived: list[tuple[Callable[[tuple[str, ...]], Any], dict[Any, str]]] = field(init=False)
    _rules: dict[str, list[tuple[_Test, Rule, _LookUps]]] = field(init=False)
    _possible: dict[str, list[_Test]] = field(init=False)
    _kinds: dict[str, Kind] = field(init=False)
    _never: list[tuple[str, _Test]] = field(init=False)
    _pairs: dict[tuple[str, ...], Pair] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        columns = self.model.columns
        set_ = object.__setattr__
        derived = [c for c in columns if c.derived]
        set_(self, "columns", {c.name: c for c in columns})
        set_(self, "stored", tuple(c.name for c in columns if not c.derived))
        row = (*self.stored, *(c.name for c in derived))
        set_(self, "position", {name: i for i, name in enumerate(row)})
        set_(self, "_derived", [self._derivation(c) for c in derived])
        set_(self, "_kinds", {e.name: e.kind for e in self.model.events})
        rules: dict[str, list[tuple[_Test, Rule, _LookUps]]] = {e: [] for e in self._kinds}
        for rule in sorted(self.model.rules, key=lambda r: r.id):
            rules[rule.event].append((self._test(rule.when), rule, self._look_ups(rule)))
        set_(self, "_rules", rules)
        possible: dict[str, list[_Test]] = {e: [] for e in self._kinds}
        for entry in self.model.possible:
            possible[entry.event].append(self._test(entry.when))
        set_(self, "_possible", possible)
        set_(self, "_never", [
            (i.id, self._test(c)) for i in self.model.invariants for c in i.never
        ])

    def __repr__(self) -> str:
        policy = "".join(f", {name}={choice}" for name, choice in self.model.policy)
        return f"{type(self).__name__}({self.model.name!r}{policy})"

    @property
    def atlas(self) -> Atlas | None:
        """Its reachable pairs and ways home, where they were worked out before; else None."""
        return None

    # ---------------------------------------------------------------- pairs

    def _derivation(
        self, column: Column
    ) -> tuple[Callable[[tuple[str, ...]], Any], dict[Any, str]]:
        """What picks the sources out of the stored values, and the table to look them up in."""
        get = itemgetter(*(self.position[s] for s in column.sources))
        if len(column.sources) == 1:
            return get, {key[0]: value for key, value in column.table}
        return get, dict(column.table)

    def _test(self, cube: Cube) -> _Test:
        return _Test(tuple((self.position[c.column], frozenset(c.values)) for c in cube))

    def complete(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Stored values followed by the derived ones."""
        return values + tuple([table[get(values)] for get, table in self._derived])

    def _intern(self, values: tuple[str, ...]) -> Pair:
        pair = self._pairs.get(values)
        if pair is None:
            if len(self._pairs) >= REMEMBERED:
                for old in self._pairs.values():
                    old._decisions.clear()
                self._pairs.clear()
            pair = self._pairs[values] = Pair(self, values)
        return pair

    def pair(self, columns: Mapping[str, Any]) -> Pair:
        """A pair from a flat mapping of its stored columns.

        Derived columns are accepted, and checked.

        Raises:
            BadInput: unknown, missing or wrong columns, all of them in one message.
        """
        if isinstance(columns, Pair) and columns._engine is self:
            return columns
        if not isinstance(columns, Mapping):
            raise BadInput(f"a pair is an object of columns, not {type(columns).__name__}")
        missing = [f"missing column {name}" for name in self.stored if name not in columns]
        if wrong := [*self._wrong(columns), *missing]:
            raise BadInput(few(wrong, 5))
        pair = self._intern(tuple(str(columns[name]) for name in self.stored))
        for name, given in columns.items():
            if pair[name] != given:
                raise BadInput(f"{name} is derived and would be {pair[name]!r}, not {given!r}")
        return pair

    def column(self, name: str) -> Column:
        """The column of a name.

        Raises:
            BadInput: no such column.
        """
        try:
            return self.columns[name]
        except (KeyError, TypeError):
            raise BadInput(unknown_name("column", name, self.columns)) from None

    def check(self, cells: Cubelike, where: str = "", *, stored: bool = False) -> None:
        """Whether these are columns of the machine, and these values of theirs.

        Args:
            cells: columns and their values: a cube, or `{"ha": "on", "link": ("up", "down")}`.
            where: what the message begins with.
            stored: whether they must be stored columns.

        Raises:
            BadInput: everything that is not, in one message.
        """
        given = {c.column: c.values for c in cells} if isinstance(cells, Cube) else cells
        if wrong := list(self._wrong(given, stored=stored)):
            raise BadInput((f"{where}: " if where else "") + few(wrong, 5))

    def _wrong(self, given: Mapping[str, Any], *, stored: bool = False) -> Iterator[str]:
        """What is wrong with columns and their values, one or several each."""
        known = self.stored if stored else self.columns
        for name, value in given.items():
            if name not in self.columns:
                yield unknown_name("column", name, known)
                continue
            if stored and name not in known:
                yield f"{name} is derived; name the columns that it comes from"
            domain = self.columns[name].domain
            values = value if isinstance(value, tuple) else (value,)
            if not values:
                yield f"{name}: no value is given, so none will do; known: {', '.join(domain)}"
            for one in values:
                if not (isinstance(one, str) and one in domain):
                    yield f"{name}: " + unknown_name("value", one, sorted(domain))

    def completions(
        self, known: Cubelike, most: int = MOST, *, broken: bool = False
    ) -> tuple[Pair, ...]:
        """Every pair that has these columns, whether or not it can be reached.

        Args:
            known: some columns and their values, one or several each; derived ones too.
            most: how many pairs may have them.
            broken: also pairs that break an invariant.

        Raises:
            BadInput: no such column, or no such value of it.
            BudgetExhausted: more than `most` pairs have them.
        """
        self.check(known)
        never = () if broken else [c for i in self.model.invariants for c in i.never]
        every = Stored(self.model.columns).every(cube(known), never)
        found = tuple(islice(every, most + 1))
        if len(found) > most:
            raise BudgetExhausted(f"more than {most:,} pairs have these columns; name more of them")
        return tuple(self._pairs.get(values) or Pair(self, values) for values in found)

    def at(self, values: tuple[str, ...]) -> Pair:
        """A pair from the values of the stored columns in order, unchecked: for machinery."""
        return self._intern(values)

    @property
    def initial(self) -> tuple[Pair, ...]:
        """The pairs from which everything starts."""
        return tuple(self.pair(dict(start)) for start in self.model.initial)

    def holds(self, cube: Cube, pair: Pair) -> bool:
        """Whether every cell of the cube holds of the pair."""
        return self._test(cube).holds(pair.row)

    def among(self, pairs: Iterable[Pair], cubes: Iterable[Cube]) -> list[Pair]:
        """Those of the pairs for which one of the cubes holds."""
        tests = [self._test(c) for c in cubes]
        return [p for p in pairs if any(t.holds(p.row) for t in tests)]

    def broken(self, pair: Pair) -> tuple[str, ...]:
        """Ids of the invariants that the pair breaks."""
        broken = pair._broken if pair._engine is self else None
        if broken is None:
            row = pair.row
            broken = tuple(dict.fromkeys(id_ for id_, test in self._never if test.holds(row)))
            if pair._engine is self:
                object.__setattr__(pair, "_broken", broken)
        return broken

    # --------------------------------------------------------------- events

    def kind(self, event: str) -> Kind:
        """The kind of an event.

        Raises:
            BadInput: no such event.
        """
        try:
            return self._kinds[event]
        except (KeyError, TypeError):
            raise BadInput(unknown_name("event", event, self._kinds)) from None

    def possible(self, pair: Pair, event: str) -> bool:
        """Whether the event can physically happen; a command always can."""
        if self.kind(event) is Kind.COMMAND:
            return True
        row = pair.row
        return any(test.holds(row) for test in self._possible[event])

    def step(self, pair: Mapping[str, str], event: str) -> Decision:
        """What the machine decides when this event arrives in this pair.

        Raises:
            BadInput: not a pair of this machine, or no such event.
            OutsideInvariant: the pair breaks a proved invariant; no rule is guessed.
            ImpossibleEvent: the event cannot happen in this pair.
            NotTotal: the machine has no single rule for it (refutes F1 or F2).
        """
        if type(pair) is not Pair or pair._engine is not self:
            pair = self.pair(pair)
        try:
            return pair._decisions[event]
        except (KeyError, TypeError):
            decision = self._decide(pair, event)
            pair._decisions[event] = decision
            return decision

    def _decide(self, pair: Pair, event: str) -> Decision:
        kind = self.kind(event)
        broken = self.broken(pair)
        if broken:
            raise OutsideInvariant(
                f"the pair breaks {', '.join(broken)}: an assumption of the proof has failed; "
                "explain(pair) says which",
                broken,
            )
        if not self.possible(pair, event):
            nearest = self._nearest(pair, self._possible[event])
            needs = "; ".join(map(str, nearest))
            raise ImpossibleEvent(
                f"{event} cannot happen here" + (f": {needs}" if needs else ""), nearest
            )
        row = pair.row
        matching = [found for found in self._rules[event] if found[0].holds(row)]
        if len(matching) == 1:
            return self._answer(pair, event, *matching[0][1:])
        if matching:
            ids = ", ".join(rule.id for _, rule, _ in matching)
            raise NotTotal(f"{event} matches {ids}: two rules for one pair (F1)")
        if kind is not Kind.COMMAND:
            raise NotTotal(f"{event} is possible and no rule answers it (F2)")
        failed = self._nearest(pair, [test for test, _, _ in self._rules[event]])
        why = "; ".join(map(str, failed))
        return Decision(Outcome.REFUSED, pair, event, why=why, failed=failed)

    def _answer(self, pair: Pair, event: str, rule: Rule, look_ups: _LookUps) -> Decision:
        if rule.outcome is not Outcome.DONE:
            return Decision(rule.outcome, pair, event, rule, why=rule.why)
        after = self._after(pair, look_ups)
        return Decision(rule.outcome, after, event, rule, rule.actions, rule.why)

    def apply(self, pair: Pair, rule: Rule) -> Pair:
        """The pair after the effects of a rule, whether or not its guard holds."""
        return self._after(pair, self._look_ups(rule))

    def _look_ups(self, rule: Rule) -> _LookUps:
        """The effects of a rule, each as what the value of a source makes of a target."""
        at, found = self.position, []
        for effect in rule.then:
            target = source = effect.target
            match effect.value:
                case Const(constant):
                    table = dict.fromkeys(self.columns[target].domain, constant)
                case Copy(source):
                    table = {value: value for value in self.columns[source].domain}
                case By(source, rows):
                    table = dict(rows)
            found.append((at[target], at[source], table))
        return tuple(found)

    def _after(self, pair: Pair, look_ups: _LookUps) -> Pair:
        row, after = pair.row, list(pair.values_)
        for target, source, table in look_ups:
            after[target] = table.get(row[source], row[target])
        return self._intern(tuple(after))

    def _nearest(self, pair: Pair, tests: list[_Test]) -> tuple[Failed, ...]:
        """The failing cells of the test that comes nearest; earlier tests win ties."""
        row, names = pair.row, tuple(self.position)
        misses = [
            tuple(
                Failed(names[i], row[i], tuple(sorted(values)))
                for i, values in test.cells if row[i] not in values
            )
            for test in tests
        ]
        return min(misses, key=len, default=())

    def run(self, pair: Mapping[str, str], *events: str) -> Walk:
        """What the machine decides of events that arrive one after another.

        A refused or an ignored event leaves the pair as it was, and the next one follows. An
        error of `step` ends the walk; a note on it says at which event.

        Raises:
            BadInput, OutsideInvariant, ImpossibleEvent, NotTotal: as `step`.
        """
        start = at = self.pair(pair)
        steps: list[Decision] = []
        for number, event in enumerate(events, 1):
            try:
                steps.append(self.step(at, event))
            except PrgError as error:
                error.add_note(f"at event {number} of {len(events)}: {event}")
                raise
            at = steps[-1].pair
        return Walk(start, tuple(steps))

    def available(self, pair: Mapping[str, str]) -> tuple[str, ...]:
        """The commands that would be accepted, in the machine's order.

        Raises:
            BadInput, OutsideInvariant: as `step`.
        """
        return tuple(
            e.name for e in self.model.events
            if e.kind is Kind.COMMAND and self.step(pair, e.name).outcome is Outcome.DONE
        )
