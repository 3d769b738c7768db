"""The shapes of a machine: frozen records, which do nothing but read their own fields.

Law: data only, no callables; it imports only attrs and the vocabulary. A guard is a conjunction of
cells; an effect is a constant, a copy or a finite map of one column. The same shapes serve twice.
*Relative* tables are written from `me` and `peer`, *absolute* machines from `node1` and `node2`.
`prgcore.seats` turns the former into the latter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from attrs import field, fields, frozen

from prgcore.vocabulary import Evidence, Kind, Outcome

__all__ = [
    "AGAIN", "DEEDS", "OBSERVATIONS", "SERVICES", "AcceptedOnly", "Action", "ActionKind",
    "Adversary", "Advice", "Agent", "By", "Cause", "Cell", "Choices", "Column", "Const",
    "Convergence", "Copy", "Cube", "Cubelike", "Decides", "DecisionRecord", "Derivation",
    "Display", "Duty", "Effect", "Event", "Exclusive", "Family", "Half", "Hears", "Invariant",
    "Limits", "Model", "Number", "Observation", "OnlyBy", "Parameter", "Policy", "Possible",
    "Rule", "Serves", "Shown", "Situation", "Story", "Table", "Thenlike", "Timer", "Told", "Value",
    "Values", "Viewpoint", "as_values", "by", "copied", "cube", "cubes", "effects",
]

Values: TypeAlias = tuple[str, ...]


def as_values(value: str | Values) -> Values:
    return (str(value),) if isinstance(value, str) else tuple(map(str, value))


class Record:
    """The base class of all shapes: it compares, hashes and prints a record by its fields.

    attrs would generate these methods for each class, which is half of the import time.
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
    """The field values by which two records of one class are compared."""
    shape: Any = type(record)
    return _picked(shape)(record)


@cache
def _picked(shape: Any) -> Any:
    return attrgetter(*(a.name for a in fields(shape) if a.eq))


@frozen(order=True)
class Cell:
    """A condition: the column has one of these values."""

    column: str
    values: Values = field(converter=as_values)


@frozen
class Cube:
    """A conjunction of cells, at most one per column. Without cells it holds in every pair."""

    cells: tuple[Cell, ...] = ()

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __and__(self, other: Cube) -> Cube | None:
        """The intersection; None if the cells show that it is empty."""
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
    """The cube of a mapping: `cube({"me.state": "normal", "ha": ("off", "on")})`."""
    return cells if isinstance(cells, Cube) else Cube(tuple([Cell(k, v) for k, v in cells.items()]))


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
    """An effect's value: this constant."""

    value: str


@frozen(eq=False, repr=False)
class Copy(Record):
    """An effect's value: the value of this column before the step."""

    column: str


@frozen(eq=False, repr=False)
class By(Record):
    """An effect's value: the table maps this column's value before the step to it.

    A value that the table does not name leaves the target as it was.
    """

    column: str
    table: tuple[tuple[str, str], ...]


Value: TypeAlias = Const | Copy | By


def by(column: str, table: Mapping[str, str]) -> By:
    """A map of one column: `by("me.health", {"healthy": "failed_over"})`."""
    return By(column, tuple((str(k), str(v)) for k, v in table.items()))


def copied(column: str, source: Values, target: Values) -> By:
    """A copy as a finite map; values outside the target's domain are left out."""
    return By(column, tuple((v, v) for v in source if v in target))


@frozen(eq=False, repr=False)
class Effect(Record):
    """A new value for one column."""

    target: str
    value: Value


Thenlike: TypeAlias = "tuple[Effect, ...] | Mapping[str, str | Value]"


def effects(then: Thenlike) -> tuple[Effect, ...]:
    """Effects of a mapping: `effects({"me.state": "normal", "peer.reason": Copy("me.reason")})`."""
    if isinstance(then, tuple):
        return then
    return tuple(
        Effect(k, Const(str(v)) if isinstance(v, str) else v) for k, v in then.items()
    )


@frozen(eq=False, repr=False)
class Column(Record):
    """A column of the record or of the world, which guards may read.

    `observed_by` is `record`, `environment`, or the node that knows the value. A derived column has
    `sources` (stored columns) and a total `table` from their values to a value of `domain`.
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
    """A derived column as it is written: the value of the first row that holds, else `otherwise`."""

    name: str
    sources: Values
    rows: tuple[tuple[Cube, str], ...] = field(converter=_derivation_rows)
    otherwise: str
    says: str
    only: Choices = field(converter=_choices, default=())


@frozen(eq=False, repr=False)
class Event(Record):
    """Something that arrives. A `seated` event exists once per node, written `name(node1)`."""

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


@frozen(eq=False, repr=False)
class Adversary(Record):
    """How strong the environment is in one event: where it must be possible, and where it may be.

    Both are cubes of which any one suffices, and they are written beside `possible` (F10). `may`
    adds where the event may happen although it need not; without it, nowhere else. `only` names
    the policy choices under which the entry exists.
    """

    event: str
    must: tuple[Cube, ...] = field(converter=cubes, default=())
    may: tuple[Cube, ...] = field(converter=cubes, default=())
    why: str = ""
    cite: Values = field(default=(), converter=as_values)
    decisions: Values = field(default=(), converter=as_values)
    only: Choices = field(converter=_choices, default=())


@frozen(eq=False, repr=False)
class Decides(Record):
    """The cells without which a node decides nothing: its events are possible only there (F10)."""

    decider: str
    when: Cube = field(converter=cube)


@frozen
class Action:
    """A request to the outside world; `node` is the node that it is for, None for the group."""

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


DEEDS = ("start", "stop", "disconnect", "move", "acquire", "release", "restart", "promote", "demote",
         "fence")
"""Deeds that an agent can do by itself (`ActionKind.does`): start or stop its services, wait until they
serve nobody else, wait until it may serve, obtain or give back the grant, restart its timers; make its
service the primary, or a replica; shut the peer out, so that it cannot serve."""


@frozen(eq=False, repr=False)
class ActionKind(Record):
    """An action that performers carry out: `says` is the task, `duty` what they must observe.

    `fails` lists the events that may report a failure: the first possible one is used. `does` is
    the deed by which an agent carries it out (`DEEDS`); empty: the agent has nothing to do.
    `node` is the node that carries it out. In a table it is `me`.
    """

    name: str
    says: str = field(default="", eq=False)
    duty: str = field(default="", eq=False)
    fails: Values = field(converter=as_values, default=())
    does: str = ""
    node: str = "me"


@frozen(eq=False, repr=False)
class Rule(Record):
    """One row of the life of a node.

    `when` holds before the step, `then` after it; columns not named keep their values. A rule whose
    outcome is done changes something wherever it fires; without `then` it has actions. `cite` names
    rows that the rule prints (`table2:12`) or leads towards (`towards table2:12`), and headings of
    the document. `decisions` lists the choices it depends on, `only` the policy choices under which
    the rule exists.

    Of the rules of one event that have a `priority`, the first that holds answers: 1 comes before 2.
    `prgcore.form.priority` makes disjoint parts of such a rule, and `row` is its id as it was written.
    Without a priority (0), the order of rules means nothing.
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
    priority: int = 0
    row: str = ""

    @property
    def name(self) -> str:
        """The id of the rule as it was written: many parts of a rule with a priority share it."""
        return self.row or self.id


@frozen(eq=False, repr=False)
class Invariant(Record):
    """A promise that none of these cubes ever holds.

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
    """A promise that an event is done only in these cubes; `exactly`: and everywhere in them."""

    id: str
    command: str
    when: tuple[Cube, ...] = field(converter=cubes)
    says: str = ""
    exactly: bool = False


@frozen(eq=False, repr=False)
class Exclusive(Record):
    """A promise that a pair accepts at most one of these commands, and none in `never_in`."""

    id: str
    commands: Values
    never_in: tuple[Cube, ...] = field(converter=cubes)
    says: str = ""


def _conditions(
    when: tuple[tuple[str, Cubelike], ...] | Mapping[str, Cubelike]
) -> tuple[tuple[str, Cube], ...]:
    items = when.items() if isinstance(when, Mapping) else when
    return tuple((event, cube(cells)) for event, cells in items)


@frozen(eq=False, repr=False)
class OnlyBy(Record):
    """A promise that only rules of these events give a column this value.

    An event that `when` names gives it only from pairs in its cube.
    """

    id: str
    column: str
    value: str
    events: Values
    says: str = ""
    when: tuple[tuple[str, Cube], ...] = field(converter=_conditions, default=())


@frozen(eq=False, repr=False)
class Observation(Record):
    """A question with a name: whether a reachable pair is in one of these cubes.

    `expect` makes a promise of it: `reached` or `never`. Without it the answer is only reported.
    """

    id: str
    says: str
    when: tuple[Cube, ...] = field(converter=cubes)
    expect: str = ""


@frozen(eq=False, repr=False)
class Convergence(Record):
    """A promise that pairs in these cubes do not last: timers and completions lead out of them.

    `within` is the largest number of steps that this may take; 0 leaves the number open. It is for
    machines that are not safe, but heal: the cubes are reachable, and no run stays there.
    """

    id: str
    says: str
    leaves: tuple[Cube, ...] = field(converter=cubes)
    within: int = 0


@frozen(eq=False, repr=False)
class Duty(Record):
    """A promise about actions: which ones a step asks for, in which order, where they are harmless.

    The duty applies to a rule with a step from a pair in `before` to a pair in `after`. Such a rule
    asks for all of `asks`, in this order. Actions of `follows` that it asks for come before them. A
    rule asks only for actions of its duties. After every step the pair is in `harmless` (if empty,
    in `after`) of a duty with that action. `events` restricts the duty to steps of these events.
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
    """A recommended action, as words and as events.

    `when` narrows the hidden columns for which the advice is given; `events` is the sequence that
    carries it out and leads home to Normal. If it does not lead home, `defect` names what is to
    blame (`document` or `our decision`), and `because` says why. `only` names the policy choices
    under which the advice is given. `either` replaces `says` where a display does not say which
    node is which.
    """

    says: str
    when: Cube = field(converter=cube, factory=Cube)
    events: Values = ()
    defect: str = ""
    because: str = ""
    only: Choices = field(converter=_choices, default=())
    either: str = ""


@frozen(eq=False, repr=False)
class Cause(Record):
    """A way to a pair that shows a row: events from the pair `start` (a name in STARTS)."""

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
    """A node's shown state and reason; without a reason, any reason."""

    state: str
    reason: str | None = None


class Display(NamedTuple):
    """The administrator's view of both nodes; None for a node that shows nothing."""

    node1: Shown | None
    node2: Shown | None

    def mirrored(self) -> Display:
        """The same from the other seat."""
        return Display(self.node2, self.node1)


@frozen(eq=False, repr=False)
class Situation(Record):
    """A row of Table 2, seen from one seat.

    `shown` says which of the two nodes shows anything. In rows 16 and 17 one node is down or
    unreachable, and its half of the display is empty. `literal` is the printed text where the
    document errs, `corrected` the intended one; `printed` is the display with it, if that reads as
    another display. `fits` narrows the hidden columns to those of the row's cause; the advice is
    given for these. `either` replaces `cause` where a display is its own mirror, and nothing says
    which node is which.
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
    either: str = ""
    printed: Display | None = None


@frozen(eq=False, repr=False)
class Viewpoint(Record):
    """A place to look from: a node shows nothing unless its cube holds."""

    name: str
    node1: Cube = field(converter=cube)
    node2: Cube = field(converter=cube)


@frozen(eq=False, repr=False)
class Told(Record):
    """What a heartbeat of a node carries: columns that the node observes.

    Without this record it carries all of them. It may carry none: then it says "I am here".
    """

    node: str
    columns: Values = field(converter=as_values)


@frozen(eq=False, repr=False)
class Hears(Record):
    """What a node learns of its peer: where `when` holds, it knows the columns of `learns`.

    `when` reads only columns that the node knows without its peer. `learns` names columns that
    another node reports, or columns derived from those.

    Attributes:
        heard, lost: the events that a heartbeat and a silence are for the node.
        column: the column of the node that says whether it hears its peer.
        clash: the event by which it reports that what it heard contradicts what it knows.
    """

    node: str
    when: Cube = field(converter=cube)
    learns: Values = field(converter=as_values, default=())
    heard: str = ""
    lost: str = ""
    column: str = ""
    clash: str = ""


@frozen(eq=False, repr=False)
class Serves(Record):
    """Where a node serves a group of users, by its own copy: in any of these cubes.

    A group is named by its home node, or as the machine likes. The cubes read the record. Where
    the machine has no agent for the node, they may also read what the node observes.
    """

    node: str
    group: str
    when: tuple[Cube, ...] = field(converter=cubes)


# ---------------------------------------------------------------- time, and who runs it

Number: TypeAlias = int | float
Limits: TypeAlias = tuple[tuple[Cube, "str | Number"], ...]
"""For each cube a duration: the name of a parameter, or a number of seconds."""

OBSERVATIONS = ("heartbeat", "peer_host_lost")
"""Observations that make an event of a node due at once (`Timer.told`)."""

AGAIN = (*OBSERVATIONS, "stall")
"""Observations that begin a count again (`Timer.again`). A *stall*: the node did not look in time."""

SERVICES = ("services", "database")
"""Parts of its own node that an agent watches through its services: the critical ones, the database.

A machine may give any other word in `Agent.watches`. The agent then needs a check of that name.
"""


def _limits(rows: tuple[tuple[Cubelike, str | Number], ...]) -> Limits:
    return tuple((cube(cells), limit) for cells, limit in rows)


def _cube_or_none(cells: Cubelike | None) -> Cube | None:
    return None if cells is None else cube(cells)


@frozen(eq=False, repr=False)
class Timer(Record):
    """A condition that makes an event due. The node that decides the event keeps the timer.

    A *moment* is due when it is observed: `told` names the observation. A *count* (`limits` is
    not empty) runs while `runs` holds. It is due after the limit of the first cube that holds: a
    parameter, or a number of seconds. It begins again at an observation in `again`, and when
    `again_in` begins to hold. Cubes of a table are written from the `me` of the event.
    """

    event: str
    says: str = field(default="", eq=False)
    cite: str = field(default="", eq=False)
    told: str = ""
    runs: Cube = field(converter=cube, factory=Cube)
    limits: Limits = field(converter=_limits, default=())
    again: Values = field(converter=as_values, default=())
    again_in: Cube | None = field(converter=_cube_or_none, default=None)
    decisions: Values = field(converter=as_values, default=(), eq=False)


@frozen(eq=False, repr=False)
class Parameter(Record):
    """A number, or a truth value, that an administrator may set.

    `title` is its name on a screen. `scope` says whether it is set once for the cluster or for
    every node. `least` and `most` are bounds. `since` is the release that brought it, if it is not
    in all of them.
    """

    name: str
    title: str = field(default="", eq=False)
    default: Number = 0
    unit: str = "s"
    scope: str = field(default="cluster", eq=False)
    says: str = field(default="", eq=False)
    cite: str = field(default="", eq=False)
    least: Number = 0
    most: Number = 86_400
    since: str = field(default="", eq=False)


def _named_values(
    entries: tuple[tuple[str, str | Values], ...] | Mapping[str, str | Values],
) -> tuple[tuple[str, Values], ...]:
    items = entries.items() if isinstance(entries, Mapping) else entries
    return tuple((name, as_values(values)) for name, values in items)


@frozen(eq=False, repr=False)
class Agent(Record):
    """The habits of a node's agent: its reports and deeds that nobody asks for. Each may be missing.

    Attributes:
        node: the node; in a table `me`.
        starts: the event that it reports when it starts.
        knows: the columns that it knows then, with their values.
        stops: the event that it reports when it is asked to stop.
        watches: for `services`, `database` or any other word, the event that it reports when they
            fail, and the event when they work again. Another word is what a check answers.
        leaves: where its services should be stopped, and are not started when it starts. Elsewhere
            they should run.
        holds: where it serves only under the take-over grant. Reads the record alone.
        able: where the node can serve the users that the record assigns to it.
        roles: for each role of its service (`primary`, `replica`), where the node should have it.
            Reads the record and what the node observes. No two of them hold at once.
        either: where its services may run or be stopped, whatever `leaves` says.
    """

    node: str = "me"
    starts: str = ""
    knows: Choices = field(converter=_choices, default=())
    stops: str = ""
    watches: tuple[tuple[str, Values], ...] = field(converter=_named_values, default=())
    leaves: tuple[Cube, ...] = field(converter=cubes, default=())
    holds: tuple[Cube, ...] = field(converter=cubes, default=())
    able: Cube = field(converter=cube, factory=Cube)
    roles: tuple[tuple[str, Cube], ...] = field(converter=_conditions, default=())
    either: tuple[Cube, ...] = field(converter=cubes, default=())


Half: TypeAlias = tuple[Values, Values]
"""States and reasons that one node may show; without reasons, any. A blank node's state is ""."""


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
        """Whether the display belongs to the family, seen from either seat."""
        return any(self.shown(display, number) for number in range(len(self.displays)))

    def shown(self, display: Display, number: int) -> tuple[Display, ...]:
        """The display from each seat in which it belongs to the pair of halves of this number."""
        left, right = self.displays[number]
        return tuple(d for d in (display, display.mirrored())
                     if _shows(left, d.node1) and _shows(right, d.node2))


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
    """A question with more than one useful answer. The first choice is the default."""

    name: str
    choices: Values
    says: str
    decision: str


@frozen(eq=False, repr=False)
class Model(Record):
    """An absolute machine, entirely as data.

    `mirror`: the stored columns that change places where the two nodes do. `mirror_values`: the
        values that change too, for every column that has such values. `told`: what heartbeats
        carry. `hears`: what each node learns of its peer, and where (F6, F8). `serves`: where each
        node serves each group of users.
    `may_wait`: where a node in a transient state may wait for the world (L1). `viewpoints`: where
        each node shows something (C3). `starts`: named event sequences from the first initial pair;
        causes and stories start after them.
    `timers`: when events of time are due, in the order in which events that are due together are
        given. `parameters`: the numbers that an administrator may set. `actions`, `agents`: what an
        agent does when it runs a node. A machine without them is run without that.
    `words`: what people read for a value, a column, an event, an action or a group (prose).
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
    observations: tuple[Observation, ...] = ()
    converges: tuple[Convergence, ...] = ()
    duties: tuple[Duty, ...] = ()
    adversary: tuple[Adversary, ...] = ()
    decides: tuple[Decides, ...] = ()
    mirror: tuple[tuple[str, str], ...] = ()
    mirror_values: tuple[tuple[str, Choices], ...] = ()
    told: tuple[Told, ...] = ()
    hears: tuple[Hears, ...] = ()
    serves: tuple[Serves, ...] = ()
    transient: tuple[Cell, ...] = ()
    may_wait: tuple[Cube, ...] = ()
    viewpoints: tuple[Viewpoint, ...] = ()
    starts: tuple[tuple[str, Values], ...] = ()
    stories: tuple[Story, ...] = ()
    goal: tuple[Cube, ...] = ()
    assumptions: Values = ()
    situations: tuple[Situation, ...] = ()
    families: tuple[Family, ...] = ()
    timers: tuple[Timer, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    actions: tuple[ActionKind, ...] = ()
    agents: tuple[Agent, ...] = ()
    words: Choices = field(converter=_choices, default=())
    policy: Choices = ()

    @property
    def domains(self) -> dict[str, Values]:
        """The values of every column, stored then derived, in the machine's order."""
        return {c.name: c.domain for c in self.columns}


@frozen(eq=False, repr=False)
class Table(Record):
    """A machine as a person writes it: from `me` and `peer`, for every choice of policy.

    A column whose values are nodes has `node1` and `node2` in its domain. Rules and promises write
    them as `me` and `peer`, too.
    """

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
    observations: tuple[Observation, ...] = ()
    converges: tuple[Convergence, ...] = ()
    duties: tuple[Duty, ...] = ()
    adversary: tuple[Adversary, ...] = ()
    decides: tuple[Decides, ...] = ()
    told: tuple[Told, ...] = ()
    hears: tuple[Hears, ...] = ()
    serves: tuple[Serves, ...] = ()
    transient: Values = ()
    may_wait: tuple[Cube, ...] = ()
    viewpoints: tuple[Viewpoint, ...] = ()
    starts: tuple[tuple[str, Values], ...] = ()
    stories: tuple[Story, ...] = ()
    goal: tuple[Cube, ...] = ()
    assumptions: Values = ()
    situations: tuple[Situation, ...] = ()
    families: tuple[Family, ...] = ()
    timers: tuple[Timer, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    actions: tuple[ActionKind, ...] = ()
    agents: tuple[Agent, ...] = ()
    words: Choices = field(converter=_choices, default=())
