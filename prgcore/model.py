"""The shapes of a machine: frozen records, and no behaviour beyond reading themselves.

Law: data only, no callables, nothing imported but attrs and the vocabulary. A guard is a
conjunction of cells; an effect is a constant, a copy or a finite map of one column. The same
shapes serve twice: *relative* tables are written from `me` and `peer`, an *absolute* machine
from `node1` and `node2` (`prgcore.seats` turns the one into the other).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from attrs import field, fields, frozen

from prgcore.vocabulary import Evidence, Kind, Outcome

__all__ = [
    "AcceptedOnly", "Action", "ActionKind", "Advice", "By", "Cause", "Cell", "Choices",
    "Column", "Const", "Copy", "Cube", "Cubelike", "DecisionRecord", "Derivation", "Display",
    "Duty", "Effect", "Event", "Exclusive", "Family", "Half", "Invariant", "Model", "OnlyBy",
    "Policy", "Possible", "Rule", "Shown", "Situation", "Story", "Table", "Thenlike", "Value",
    "Values", "Viewpoint", "as_values", "by", "copied", "cube", "cubes", "effects",
]

Values: TypeAlias = tuple[str, ...]


def as_values(value: str | Values) -> Values:
    return (str(value),) if isinstance(value, str) else tuple(map(str, value))


class Record:
    """What all shapes share: they are equal by their fields, and show them.

    attrs would write these methods anew for each of them, which is half of what importing costs.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        return bool(_compared(self) == _compared(other))

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __repr__(self) -> str:
        shape: Any = type(self)
        told = (f"{a.name}={getattr(self, a.name)!r}" for a in fields(shape))
        return f"{type(self).__name__}({', '.join(told)})"


def _compared(record: Record) -> Any:
    """The values by which records of a shape are equal."""
    shape: Any = type(record)
    return _picked(shape)(record)


@cache
def _picked(shape: Any) -> Any:
    return attrgetter(*(a.name for a in fields(shape) if a.eq))


@frozen(order=True)
class Cell:
    """This column is one of these values."""

    column: str
    values: Values = field(converter=as_values)


@frozen
class Cube:
    """A conjunction of cells, at most one a column. No cells: every pair."""

    cells: tuple[Cell, ...] = ()

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __and__(self, other: Cube) -> Cube | None:
        """The pairs in both, or None when no pair can be (by the cells alone)."""
        mine = {c.column: c.values for c in self.cells}
        for cell in other.cells:
            old = mine.get(cell.column)
            mine[cell.column] = (
                cell.values if old is None else tuple(v for v in old if v in cell.values)
            )
            if not mine[cell.column]:
                return None
        return Cube(tuple(Cell(k, v) for k, v in mine.items()))


Cubelike: TypeAlias = "Cube | Mapping[str, str | Values]"


def cube(cells: Cubelike) -> Cube:
    """`cube({"me.state": "normal", "ha": ("off", "on")})`."""
    return cells if isinstance(cells, Cube) else Cube(tuple(Cell(k, v) for k, v in cells.items()))


def cubes(many: Cubelike | tuple[Cubelike, ...]) -> tuple[Cube, ...]:
    """One cube or several, as a tuple of cubes."""
    return tuple(cube(c) for c in many) if isinstance(many, tuple) else (cube(many),)


Choices: TypeAlias = tuple[tuple[str, str], ...]


def _choices(only: Choices | Mapping[str, str]) -> Choices:
    return tuple(only.items()) if isinstance(only, Mapping) else only


def _derivation_rows(rows: tuple[tuple[Cubelike, str], ...]) -> tuple[tuple[Cube, str], ...]:
    return tuple((cube(cells), value) for cells, value in rows)


@frozen(eq=False, repr=False)
class Const(Record):
    """The target becomes this value."""

    value: str


@frozen(eq=False, repr=False)
class Copy(Record):
    """The target becomes what this column was before the step."""

    column: str


@frozen(eq=False, repr=False)
class By(Record):
    """The target becomes what the table says of this column's value before the step.

    A value that the table does not name leaves the target as it was.
    """

    column: str
    table: tuple[tuple[str, str], ...]


Value: TypeAlias = Const | Copy | By


def by(column: str, table: Mapping[str, str]) -> By:
    """`by("me.health", {"healthy": "failed_over"})`."""
    return By(column, tuple((str(k), str(v)) for k, v in table.items()))


def copied(column: str, source: Values, target: Values) -> By:
    """A copy as the finite map that it is: a value that the target does not have is left out."""
    return By(column, tuple((v, v) for v in source if v in target))


@frozen(eq=False, repr=False)
class Effect(Record):
    """What one column becomes."""

    target: str
    value: Value


Thenlike: TypeAlias = "tuple[Effect, ...] | Mapping[str, str | Value]"


def effects(then: Thenlike) -> tuple[Effect, ...]:
    """`effects({"me.state": "normal", "peer.reason": Copy("me.reason")})`."""
    if isinstance(then, tuple):
        return then
    return tuple(
        Effect(k, Const(str(v)) if isinstance(v, str) else v) for k, v in then.items()
    )


@frozen(eq=False, repr=False)
class Column(Record):
    """A question that a rule may ask.

    `observed_by` is `record`, `environment`, or the node that knows it. A derived column has
    `sources` (stored columns) and a total `table` from their values to one of the domain.
    """

    name: str
    domain: Values
    observed_by: str = "record"
    sources: Values = ()
    table: tuple[tuple[Values, str], ...] = ()
    says: str = field(default="", eq=False)

    @property
    def derived(self) -> bool:
        return bool(self.sources)


@frozen(eq=False, repr=False)
class Derivation(Record):
    """A derived column as a person writes it: the first row whose cells hold, else `otherwise`."""

    name: str
    sources: Values
    rows: tuple[tuple[Cube, str], ...] = field(converter=_derivation_rows)
    otherwise: str
    says: str
    only: Choices = field(converter=_choices, default=())


@frozen(eq=False, repr=False)
class Event(Record):
    """Something that arrives. `seated`: one for each node, written `name(node1)`."""

    name: str
    kind: Kind
    decider: str
    says: str = field(default="", eq=False)
    success: bool = True
    seated: bool = True


@frozen(eq=False, repr=False)
class Possible(Record):
    """One way in which an event can physically happen."""

    event: str
    when: Cube = field(converter=cube)


@frozen
class Action:
    """Something asked of the outside world; `node` is where, or none for the group."""

    do: str
    node: str | None = None

    def __str__(self) -> str:
        return f"{self.do}({self.node})" if self.node else self.do


def _actions(many: str | tuple[str | Action, ...]) -> tuple[Action, ...]:
    many = (many,) if isinstance(many, str) else many
    return tuple(a if isinstance(a, Action) else _action(a) for a in many)


def _action(text: str) -> Action:
    do, _, seat = text.partition("(")
    return Action(do, seat.rstrip(")") or None)


@frozen(eq=False, repr=False)
class ActionKind(Record):
    """What performers must do for an action, and what must be true before the next one.

    `fails` are the events that tell the machine that it could not be done: the first that can
    happen is told.
    """

    name: str
    says: str
    duty: str
    fails: Values = ()


@frozen(eq=False, repr=False)
class Rule(Record):
    """One row of the life of a node.

    `when` holds before, `then` holds after, columns not named stay. A rule that is done changes
    something wherever it fires; one without `then` is there for its actions. `cite` names the rows that
    the rule prints (`table2:12`), the rows it leads towards (`towards table2:12`) and headings
    of the document; `decisions` the choices it depends on; `only` the policy choices under
    which the row exists.
    """

    id: str
    event: str
    when: Cube = field(converter=cube, factory=Cube)
    then: tuple[Effect, ...] = field(converter=effects, default=())
    outcome: Outcome = Outcome.DONE
    actions: tuple[Action, ...] = field(converter=_actions, default=())
    cite: Values = field(default=(), converter=as_values)
    why: str = ""
    evidence: Evidence = Evidence.DOCUMENTED
    decisions: Values = field(default=(), converter=as_values)
    phase: str = ""
    only: Choices = field(converter=_choices, default=())


@frozen(eq=False, repr=False)
class Invariant(Record):
    """Never any of these cubes.

    `premise` is the part of the sentence before the comma: some reachable pair must meet it.
    `exactly` names columns of which every combination that is not ruled out must be reachable.
    """

    id: str
    says: str
    never: tuple[Cube, ...] = field(converter=cubes)
    premise: Cube = field(converter=cube, factory=Cube)
    exactly: Values = ()
    auxiliary: bool = False
    why: str = ""


@frozen(eq=False, repr=False)
class AcceptedOnly(Record):
    """An event is done only in these cubes; `exactly`: and everywhere in them."""

    id: str
    command: str
    when: tuple[Cube, ...] = field(converter=cubes)
    says: str = ""
    exactly: bool = False


@frozen(eq=False, repr=False)
class Exclusive(Record):
    """Of these names of commands, at most one is accepted in a pair, and none in `never_in`."""

    id: str
    commands: Values
    never_in: tuple[Cube, ...] = field(converter=cubes)
    says: str = ""


@frozen(eq=False, repr=False)
class OnlyBy(Record):
    """A column becomes this value only by rules of these events."""

    id: str
    column: str
    value: str
    events: Values
    says: str = ""


@frozen(eq=False, repr=False)
class Duty(Record):
    """What a step must ask for, in which order, and where asking for it does no harm.

    A rule that leads somewhere from a pair in `before` to a pair in `after` asks for all of
    `asks`, in this order, and after those of `follows` that it asks for too. A rule asks for
    nothing that no duty of it asks for, and after every step of it the pair is in `harmless`
    (none: in `after`) of some duty that asks for the action. `events`: only steps of these.
    """

    id: str
    says: str
    asks: tuple[Action, ...] = field(converter=_actions)
    before: Cube = field(converter=cube, factory=Cube)
    after: Cube = field(converter=cube, factory=Cube)
    follows: tuple[Action, ...] = field(converter=_actions, default=())
    harmless: tuple[Cube, ...] = field(converter=cubes, default=())
    events: Values = ()
    why: str = ""


@frozen(eq=False, repr=False)
class Advice(Record):
    """A recommended action: what to do when, as words and as events.

    `when` narrows the hidden columns for which the advice is given; `events` is the sequence
    that carries it out, from there home to Normal. `defect` names who is to blame where it
    does not lead home: `document` or `our decision`; `because` says why. `only` names the
    policy choices under which the advice is given.
    """

    says: str
    when: Cube = field(converter=cube, factory=Cube)
    events: Values = ()
    defect: str = ""
    because: str = ""
    only: Choices = field(converter=_choices, default=())


@frozen(eq=False, repr=False)
class Cause(Record):
    """How a pair comes to show a row, as events from the pair `start` (a name in STARTS)."""

    id: str
    says: str
    events: Values
    start: str = "normal"


@frozen(eq=False, repr=False)
class Story(Record):
    """Documented or decided behaviour, step by step, from the pair `start` (a name in STARTS).

    A step is one line: an event that is accepted; `refused`, `ignored` or `impossible` and an
    event; or what holds now, `expect node1.state = normal`, `expect node1 Idle / Initialization`.
    """

    id: str
    title: str
    steps: Values
    start: str = "normal"
    only: Choices = field(converter=_choices, default=())


class Shown(NamedTuple):
    """What a node shows: its state and its reason; no reason: any."""

    state: str
    reason: str | None = None


class Display(NamedTuple):
    """What an administrator sees of both nodes; None: a node that shows nothing."""

    node1: Shown | None
    node2: Shown | None

    def mirrored(self) -> Display:
        """The same from the other seat."""
        return Display(self.node2, self.node1)


@frozen(eq=False, repr=False)
class Situation(Record):
    """A row of Table 2, seen from one seat.

    `shown` says which of the two nodes shows anything: rows 16 and 17 have a node that is down
    or unreachable, and its half of the display is empty. `literal` is the printed text where
    the document errs, `corrected` says what is meant. `fits` narrows the hidden columns to
    those of the row's cause; the advice is given for these.
    """

    row: str
    cause: str
    display: Display
    shown: tuple[bool, bool] = (True, True)
    advice: tuple[Advice, ...] = ()
    causes: tuple[Cause, ...] = ()
    literal: str = ""
    corrected: str = ""
    fits: Cube = field(converter=cube, factory=Cube)
    seat: str = "node1"


@frozen(eq=False, repr=False)
class Viewpoint(Record):
    """Where somebody looks from: a node shows nothing unless its cube holds."""

    name: str
    node1: Cube = field(converter=cube)
    node2: Cube = field(converter=cube)


Half: TypeAlias = tuple[Values, Values]
"""States and reasons that one node may show; no reasons: any. A blank node's state is ""."""


@frozen(eq=False, repr=False)
class Family(Record):
    """Stable displays that the document does not list, and the decision that leads to them."""

    id: str
    says: str
    displays: tuple[tuple[Half, Half], ...]
    decision: str
    nearest: str
    advice: str

    def matches(self, display: Display) -> bool:
        """Whether the display belongs to the family, in either seat."""
        return any(
            _shows(left, d.node1) and _shows(right, d.node2)
            for d in (display, display.mirrored())
            for left, right in self.displays
        )


def _shows(half: Half, shown: Shown | None) -> bool:
    states, reasons = half
    state, reason = shown or ("", "")
    return state in states and (not reasons or reason in reasons)


@frozen(eq=False, repr=False)
class DecisionRecord(Record):
    """A choice where the document is silent or contradicts itself."""

    id: str
    title: str
    evidence: Evidence
    text: str
    choice: str
    alternatives: str
    changes: str


@frozen(eq=False, repr=False)
class Policy(Record):
    """A choice of which both answers are worth having. The first choice is the default."""

    name: str
    choices: Values
    says: str
    decision: str


@frozen(eq=False, repr=False)
class Model(Record):
    """An absolute machine: all there is to know of it, and nothing that runs.

    `may_wait`: where a node in a transient state may wait for the world (L1). `viewpoints`:
    what each node shows from where (C3). `starts`: names of event sequences from the first
    initial pair, from which causes and stories start.
    """

    name: str
    columns: tuple[Column, ...]
    initial: tuple[tuple[tuple[str, str], ...], ...]
    events: tuple[Event, ...]
    possible: tuple[Possible, ...]
    rules: tuple[Rule, ...]
    invariants: tuple[Invariant, ...] = ()
    accepted_only: tuple[AcceptedOnly, ...] = ()
    exclusive: tuple[Exclusive, ...] = ()
    only_by: tuple[OnlyBy, ...] = ()
    duties: tuple[Duty, ...] = ()
    mirror: tuple[tuple[str, str], ...] = ()
    transient: tuple[Cell, ...] = ()
    may_wait: tuple[Cube, ...] = ()
    viewpoints: tuple[Viewpoint, ...] = ()
    starts: tuple[tuple[str, Values], ...] = ()
    stories: tuple[Story, ...] = ()
    goal: tuple[Cube, ...] = ()
    assumptions: Values = ()
    situations: tuple[Situation, ...] = ()
    families: tuple[Family, ...] = ()
    policy: Choices = ()

    @property
    def domains(self) -> dict[str, Values]:
        """The values of every column, stored then derived, in the machine's order."""
        return {c.name: c.domain for c in self.columns}


@frozen(eq=False, repr=False)
class Table(Record):
    """A machine as a person writes it: from `me` and `peer`, for every choice of policy."""

    name: str
    node_columns: tuple[Column, ...]
    group_columns: tuple[Column, ...]
    derivations: tuple[Derivation, ...]
    initial: tuple[Mapping[str, str], ...]
    events: tuple[Event, ...]
    possible: tuple[Possible, ...]
    phases: tuple[tuple[str, tuple[Rule, ...]], ...]
    invariants: tuple[Invariant, ...] = ()
    accepted_only: tuple[AcceptedOnly, ...] = ()
    exclusive: tuple[Exclusive, ...] = ()
    only_by: tuple[OnlyBy, ...] = ()
    duties: tuple[Duty, ...] = ()
    transient: Values = ()
    may_wait: tuple[Cube, ...] = ()
    viewpoints: tuple[Viewpoint, ...] = ()
    starts: tuple[tuple[str, Values], ...] = ()
    stories: tuple[Story, ...] = ()
    goal: tuple[Cube, ...] = ()
    assumptions: Values = ()
    situations: tuple[Situation, ...] = ()
    families: tuple[Family, ...] = ()
