"""The interpreter: facts in, decision out.

Law: pure and total. It reads the machine that it is given and knows no row of any table. It
remembers decisions per pair; this memory is bounded and changes no answer. Errors say what to do
next.
"""

# ruff: noqa: SLF001, a pair keeps what its engine remembers of it

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from prgcore.errors import (
    BadInput,
    BudgetExhausted,
    Failed,
    ImpossibleEvent,
    MalformedMachine,
    NotTotal,
    OutsideInvariant,
    PrgError,
    unknown_name,
)
from prgcore.form.habits import Habits
from prgcore.form.index import Effects, Event, Group, Index, Pick
from prgcore.model import Column, Cube, Cubelike, Model, Rule, cube
from prgcore.pair import Decision, Pair, Walk, keep_met
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import few

__all__ = ["MOST", "REMEMBERED", "Decision", "Engine", "Pair", "Walk"]

if TYPE_CHECKING:
    from prgcore.form.atlas import Atlas
    from prgcore.form.splits import Split

REMEMBERED = 1 << 16
"""The number of pairs that an engine remembers before it forgets them all."""

MOST = 100_000
"""The number of pairs that `Engine.completions` lists at most by default."""


class _Pairs(dict[tuple[str, ...], Pair]):
    """The pairs that an engine remembers; each is made when it is first needed."""

    def __init__(self, engine: Engine, groups: Iterable[tuple[Pick, Group]]) -> None:
        self._engine, self._groups = engine, groups

    def __missing__(self, values: tuple[str, ...]) -> Pair:
        if len(self) >= REMEMBERED:
            for old in list(self.values()):  # another thread may add one meanwhile
                old._decisions.clear()
            self.clear()
        met = -1
        for pick, allowed in self._groups:
            met &= allowed[pick(values)]
        pair = self[values] = Pair(self._engine, values, met)
        return pair


@frozen(eq=False)
class Engine:
    """A machine that decides: `Engine(model)`. It assumes a well-formed model.

    Raises:
        MalformedMachine: the model refers to a name that it does not define.

    Attributes:
        model: the machine as data.
        columns: the columns by name, in the machine's order.
        stored: the names of the stored columns, in the machine's order.
        position: the index of each column in a row: stored ones first, as in `Pair.values_`.
        habits: the reports and deeds of its agents that nobody asks for.
    """

    model: Model
    columns: dict[str, Column] = field(init=False)
    stored: tuple[str, ...] = field(init=False)
    position: dict[str, int] = field(init=False)
    habits: Habits = field(init=False)
    _index: Index = field(init=False)
    _groups: list[tuple[Pick, Group]] = field(init=False)
    _rules: list[tuple[int, Rule | None, Effects]] = field(init=False)
    _events: dict[str, Event] = field(init=False)
    _never: int = field(init=False)
    _pairs: _Pairs = field(init=False)

    def __attrs_post_init__(self) -> None:
        try:
            index = Index(self.model)
        except (KeyError, TypeError, ValueError) as error:
            from prgcore.form.wellformed import findings

            if found := findings(self.model):
                raise MalformedMachine(found) from error
            raise
        columns = self.model.columns
        for name, value in (
            ("columns", {c.name: c for c in columns}),
            ("stored", tuple(c.name for c in columns if not c.derived)),
            ("position", index.position), ("habits", Habits(self.model)), ("_index", index), ("_groups", index.groups),
            ("_rules", index.rules), ("_events", index.events), ("_never", index.never),
            ("_pairs", _Pairs(self, index.groups)),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        policy = "".join(f", {name}={choice}" for name, choice in self.model.policy)
        return f"{type(self).__name__}({self.model.name!r}{policy})"

    @property
    def atlas(self) -> Atlas | None:
        """The reachable pairs and the ways home, if they were computed before; else None."""
        return None

    @property
    def splits(self) -> tuple[Split, ...]:
        """The displays that only two nodes without one record show, if they were searched before."""
        return ()

    # ---------------------------------------------------------------- pairs

    def complete(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Stored values followed by the derived ones."""
        return values + tuple([table[pick(values)] for pick, table in self._index.derived])

    def pair(self, columns: Mapping[str, Any]) -> Pair:
        """A pair from a flat mapping of its stored columns.

        The mapping may contain derived columns; they are checked.

        Raises:
            BadInput: columns are unknown, missing or wrong; the message lists all of them.
        """
        if isinstance(columns, Pair) and columns._engine is self:
            return columns
        if not isinstance(columns, Mapping):
            raise BadInput(f"a pair is an object of columns, not {type(columns).__name__}")
        missing = [f"missing column {name}" for name in self.stored if name not in columns]
        if wrong := [*self._wrong(columns, several=False), *missing]:
            raise BadInput(few(wrong, 5))
        pair = self._pairs[tuple([str.__str__(columns[name]) for name in self.stored])]
        for name, given in columns.items():
            if pair[name] != given:
                raise BadInput(f"{name} is derived and would be {pair[name]!r}, not {given!r}")
        return pair

    def column(self, name: str) -> Column:
        """The column with this name.

        Raises:
            BadInput: no such column.
        """
        try:
            return self.columns[name]
        except (KeyError, TypeError):
            raise BadInput(unknown_name("column", name, self.columns)) from None

    def check(self, cells: Cubelike, where: str = "", *, stored: bool = False) -> None:
        """Check that these are columns of the machine, with values of their domains.

        Args:
            cells: columns and their values: a cube, or `{"ha": "on", "link": ("up", "down")}`.
            where: the text that the message begins with.
            stored: whether every column must be a stored one.

        Raises:
            BadInput: some are not; the message lists all of them.
        """
        given = {c.column: c.values for c in cells} if isinstance(cells, Cube) else cells
        if not isinstance(given, Mapping):
            raise BadInput(f"expected columns and their values, not {type(given).__name__}")
        if wrong := list(self._wrong(given, stored=stored)):
            raise BadInput((f"{where}: " if where else "") + few(wrong, 5))

    def _wrong(
        self, given: Mapping[str, Any], *, stored: bool = False, several: bool = True
    ) -> Iterator[str]:
        """Yield what is wrong with these columns and their values; `several`: a tuple of values."""
        known = self.stored if stored else self.columns
        for name, value in given.items():
            if name not in self.columns:
                yield unknown_name("column", name, known)
                continue
            if stored and name not in known:
                yield f"{name} is derived; name the columns that it comes from"
            domain = self.columns[name].domain
            values = value if several and isinstance(value, tuple) else (value,)
            if not values:
                yield f"{name}: no value is given, so none will do; known: {', '.join(domain)}"
            for one in values:
                if not (isinstance(one, str) and one in domain):
                    yield f"{name}: " + unknown_name("value", one, sorted(domain))

    def completions(
        self, known: Cubelike, most: int = MOST, *, broken: bool = False
    ) -> tuple[Pair, ...]:
        """Yield every pair with these column values, whether or not it can be reached.

        Args:
            known: some columns, also derived ones, each with one or several values.
            most: the largest number of pairs that may match.
            broken: also pairs that break an invariant.

        Raises:
            BadInput: a column or a value does not exist.
            BudgetExhausted: more than `most` pairs match.
        """
        self.check(known)
        never = () if broken else [c for i in self.model.invariants for c in i.never]
        from prgcore.form.cubes import Stored  # stepping does not need it

        every = Stored(self.model.columns).every(cube(known), never)
        found = tuple(islice(every, most + 1))
        if len(found) > most:
            raise BudgetExhausted(f"more than {most:,} pairs have these columns; name more of them")
        return tuple(self._pairs.get(values) or Pair(self, values) for values in found)

    def at(self, values: tuple[str, ...]) -> Pair:
        """A pair from the values of the stored columns in order, unchecked; for internal use."""
        return self._pairs[values]

    @property
    def initial(self) -> tuple[Pair, ...]:
        """The pairs in which the machine may start."""
        return tuple(self.pair(dict(start)) for start in self.model.initial)

    def holds(self, cube: Cube, pair: Pair) -> bool:
        """Whether every cell of the cube holds in the pair."""
        return bool(self.among([pair], [cube]))

    def among(self, pairs: Iterable[Pair], cubes: Iterable[Cube]) -> list[Pair]:
        """The pairs in which at least one of the cubes holds."""
        at = self.position
        tests = [[(at[c.column], frozenset(c.values)) for c in cube] for cube in cubes]
        found = []
        for pair in pairs:
            row = pair.row
            for test in tests:
                for i, values in test:
                    if row[i] not in values:
                        break
                else:
                    found.append(pair)
                    break
        return found

    def broken(self, pair: Pair) -> tuple[str, ...]:
        """The ids of the invariants that the pair breaks."""
        if not self._meets(pair) & self._never:
            return ()
        return tuple(i.id for i in self.model.invariants if self.among([pair], i.never))

    def _meets(self, pair: Pair) -> int:
        """The cubes of the table that hold in a pair, one bit per cube."""
        if pair._engine is self and pair._met:
            return pair._met
        values, met = pair.values_, -1
        for pick, allowed in self._groups:
            met &= allowed[pick(values)]
        if pair._engine is self:
            keep_met(pair, met)
        return met

    # --------------------------------------------------------------- events

    def kind(self, event: str) -> Kind:
        """The kind of an event.

        Raises:
            BadInput: no such event.
        """
        try:
            return self._events[event].kind
        except (KeyError, TypeError):
            raise BadInput(unknown_name("event", event, self._events)) from None

    def possible(self, pair: Pair, event: str) -> bool:
        """Whether the event can physically happen; a command always can."""
        return (
            self.kind(event) is Kind.COMMAND
            or self._meets(pair) & self._events[event].possible != 0
        )

    def step(self, pair: Mapping[str, str], event: str) -> Decision:
        """The machine's decision when this event arrives in this pair.

        Raises:
            BadInput: this is not a pair of the machine, or the event does not exist.
            OutsideInvariant: the pair breaks a proved invariant; no rule is guessed.
            ImpossibleEvent: the event cannot happen in this pair.
            NotTotal: no rule answers it, or more than one does (refutes F1 or F2).
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
        met = pair._met or self._meets(pair)
        try:
            asked = self._events[event]
        except (KeyError, TypeError):
            raise BadInput(unknown_name("event", event, self._events)) from None
        answers = met & asked.answers
        one, rule, effects = self._rules[answers.bit_length()]
        if rule is None or answers != one or met & self._never or not met & asked.possible:
            return self._unanswered(pair, event, asked, met)
        if rule.outcome is not Outcome.DONE:
            return Decision(rule.outcome, pair, event, rule, why=rule.why)
        after = self._after(pair.values_, effects) if rule.then else pair
        return Decision(rule.outcome, after, event, rule, rule.actions, rule.why)

    def _unanswered(self, pair: Pair, event: str, asked: Event, met: int) -> Decision:
        """A refusal; or raise the error that says why there is no decision."""
        if met & self._never:
            broken = self.broken(pair)
            raise OutsideInvariant(
                f"the pair breaks {', '.join(broken)}: an assumption of the proof has failed; "
                "explain(pair) says which",
                broken,
            )
        if not met & asked.possible:
            nearest = self._nearest(pair, asked.ways)
            needs = "; ".join(map(str, nearest))
            raise ImpossibleEvent(
                f"{event} cannot happen here" + (f": {needs}" if needs else ""), nearest
            )
        matching = [rule.id for rule in asked.rules if self.holds(rule.when, pair)]
        if matching:
            raise NotTotal(f"{event} matches {', '.join(matching)}: two rules for one pair (F1)")
        if asked.kind is not Kind.COMMAND:
            raise NotTotal(f"{event} is possible and no rule answers it (F2)")
        failed = self._nearest(pair, [rule.when for rule in asked.rules])
        why = "; ".join(map(str, failed))
        return Decision(Outcome.REFUSED, pair, event, why=why, failed=failed)

    def after(self, pair: Pair, event: str) -> Pair | None:
        """The pair after an event; None if the event is refused, ignored, impossible or unproved.

        It is for searches: unlike `step`, it remembers nothing and words no answer.
        """
        met, asked = pair._met or self._meets(pair), self._events[event]
        answers = met & asked.answers
        one, rule, effects = self._rules[answers.bit_length()]
        if rule is None or answers != one or met & self._never or not met & asked.possible:
            return None
        return self._after(pair.values_, effects) if rule.outcome is Outcome.DONE else None

    def apply(self, pair: Pair, rule: Rule) -> Pair:
        """The pair after the effects of a rule, whether or not its guard holds."""
        return self._after(pair.values_, self._index.effects(rule))

    def _after(self, values: tuple[str, ...], effects: Effects) -> Pair:
        constants, look_ups = effects
        after = list(values)
        for target, value in constants:
            after[target] = value
        for target, pick, table in look_ups:
            after[target] = table.get(pick(values), values[target])
        return self._pairs[tuple(after)]

    def _nearest(self, pair: Pair, cubes: Iterable[Cube]) -> tuple[Failed, ...]:
        """The failing cells of the cube with the fewest of them; an earlier cube wins a tie."""
        row, at = pair.row, self.position
        misses = [[c for c in one if row[at[c.column]] not in c.values] for one in cubes]
        return tuple(
            Failed(c.column, row[at[c.column]], tuple(sorted(c.values)))
            for c in min(misses, key=len, default=[])
        )

    def run(self, pair: Mapping[str, str], *events: str) -> Walk:
        """The decisions on events that arrive one after another.

        A refused or ignored event leaves the pair as it was, and the walk continues. An error of
        `step` ends the walk; a note on the error names the event.

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
        """The commands that the machine would accept now, in its order.

        Raises:
            BadInput, OutsideInvariant: as `step`.
        """
        return tuple(
            e.name for e in self.model.events
            if e.kind is Kind.COMMAND and self.step(pair, e.name).outcome is Outcome.DONE
        )
