"""Hypothesis: pairs, events and traces of a machine, and a test of your implementation against it.

Law: no rule lives here; the engine says what should happen. No draw depends on other examples, so
Hypothesis can repeat and shrink a failure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Protocol

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, BudgetExhausted, MissingExtra, PrgError, unknown_name
from prgcore.explain.pairs import Charted
from prgcore.form.atlas import Region
from prgcore.machine import prg
from prgcore.story.script import as_story
from prgcore.vocabulary import Kind

try:
    import hypothesis
    from hypothesis import stateful
    from hypothesis import strategies as st
except ImportError:
    raise MissingExtra("testing with Hypothesis", "hypothesis") from None

__all__ = [
    "MOST", "AgainstTable", "Implementation", "against", "events", "pairs", "possible",
    "traces",
]

MOST = 100_000
"""The most pairs that are searched in a machine without an atlas."""


class Implementation(Protocol):
    """The code under test: your pair, driven by the events of a machine."""

    def start(self, pair: Mapping[str, str]) -> None:
        """Begin in this pair."""

    def send(self, event: str) -> object:
        """Take an event that can happen. May return the outcome: done, ignored or refused."""

    def pair(self) -> Mapping[str, str]:
        """The pair now: every stored column, or those that you have."""


def pairs(engine: Engine | None = None, rule: str | None = None) -> st.SearchStrategy[Pair]:
    """Reachable pairs, from the atlas; without one by search, initial pairs first.

    Args:
        engine: the machine; `PRG` if not given.
        rule: the id of a rule; the pairs are then only those where it decides.

    Raises:
        BadInput: there is no such rule, or it decides in no reachable pair.
        BudgetExhausted: the machine has no atlas, and more than `MOST` pairs.
    """
    engine = engine or prg()
    found = _searched(engine) if engine.atlas is None else engine.atlas.everything
    if rule is not None:
        found = _where(engine, rule)
        if not len(found):
            raise BadInput(f"{rule} decides in no reachable pair; it is a dead rule")
    return _charted(engine, found) if isinstance(found, Region) else st.sampled_from(found)


@st.composite
def _charted(draw: st.DrawFn, engine: Engine, region: Region) -> Pair:
    """A pair by a way through the diagram of the atlas, one column at a time."""
    node, values = region.root, []
    for domain in region.domains:
        value, node = draw(st.sampled_from(region.nodes.ways[node]))
        values.append(domain[value])
    return engine.at(tuple(values[i] for i in region.order))


@cache
def _where(engine: Engine, rule: str) -> Region | tuple[Pair, ...]:
    """The reachable pairs where a rule decides."""
    rules = {r.id: r for r in engine.model.rules}
    if rule not in rules:
        raise BadInput(unknown_name("rule", rule, rules))
    event, when = rules[rule].event, rules[rule].when
    if engine.atlas is None:
        return tuple(p for p in _searched(engine)
                     if engine.holds(when, p) and engine.possible(p, event))
    ways = [when] if engine.kind(event) is Kind.COMMAND else [
        met for one in engine.model.possible
        if one.event == event and (met := when & one.when) is not None]
    return Charted(engine, engine.atlas.everything).within(*ways).region


@cache
def _searched(engine: Engine) -> tuple[Pair, ...]:
    found = dict.fromkeys(engine.initial)
    queue = deque(found)
    while queue:
        pair = queue.popleft()
        for event in possible(engine, pair):
            try:
                after = engine.step(pair, event).pair
            except PrgError:  # the test finds out whether a machine is total, not this search
                continue
            if after not in found:
                found[after] = None
                queue.append(after)
        if len(found) > MOST:
            raise BudgetExhausted(f"{engine.model.name} has more than {MOST:,} pairs and no atlas; "
                                  "draw traces() from a pair of your own instead")
    return tuple(found)


def possible(engine: Engine, pair: Mapping[str, str]) -> tuple[str, ...]:
    """The events that can happen in a pair, in the machine's order; commands always can."""
    at = engine.pair(pair)
    return tuple(e.name for e in engine.model.events if engine.possible(at, e.name))


def events(
    engine: Engine | None = None, pair: Mapping[str, str] | None = None
) -> st.SearchStrategy[str]:
    """Names of events; with a pair, only those that can happen there."""
    engine = engine or prg()
    if pair is None:
        return st.sampled_from([e.name for e in engine.model.events])
    return st.sampled_from(possible(engine, pair))


@st.composite
def traces(
    draw: st.DrawFn, engine: Engine | None = None, *, start: Mapping[str, str] | None = None,
    min_size: int = 0, max_size: int = 20,
) -> tuple[str, ...]:
    """Names of events that can happen one after another, refused commands among them.

    Args:
        engine: the machine; `PRG` if not given.
        start: the pair in which they begin; the initial pair if not given.
        min_size, max_size: the least and greatest number of events.
    """
    engine = engine or prg()
    names = [e.name for e in engine.model.events]
    pair = engine.initial[0] if start is None else engine.pair(start)
    trace: list[str] = []
    for number in draw(st.lists(st.integers(0, len(names) - 1), min_size=min_size,
                                max_size=max_size)):
        # the next possible event from there, so that it changes least when Hypothesis shrinks
        event = next((name for name in (*names[number:], *names[:number])
                      if engine.possible(pair, name)), None)
        if event is None:
            break
        trace.append(event)
        pair = engine.step(pair, event).pair
    return tuple(trace)


@cache
def _alive(engine: Engine) -> dict[str, str]:
    """The rules that decide in some reachable pair, and their events."""
    return {r.id: r.event for r in engine.model.rules if len(_where(engine, r.id))}


# --------------------------------------------------------------- an implementation


class AgainstTable(stateful.RuleBasedStateMachine):
    """Drives an implementation and the table side by side; made by `against`.

    Attributes:
        covered: the rules that decided in any example so far.
    """

    engine: ClassVar[Engine]
    make: ClassVar[Callable[[], Implementation]]
    refuses: ClassVar[tuple[type[BaseException], ...]]
    covered: ClassVar[set[str]]

    def __init__(self) -> None:
        super().__init__()
        self.mine = type(self).make()
        self.at: Pair = self.engine.initial[0]
        self.begun = self.at
        self.trace: list[str] = []

    @stateful.initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """Start with any rule, in any reachable pair where it decides, and send its event."""
        __tracebackhide__ = True
        alive = _alive(self.engine)
        rule = data.draw(st.sampled_from(list(alive)), label="rule")
        self.at = self.begun = data.draw(pairs(self.engine, rule), label="start")
        self.mine.start(dict(self.at))
        self._compare("the start", self.at)
        self._send(alive[rule])

    @stateful.precondition(lambda self: bool(possible(self.engine, self.at)))
    @stateful.rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Send any event that can happen to both."""
        __tracebackhide__ = True
        self._send(data.draw(events(self.engine, self.at), label="event"))

    def _send(self, event: str) -> None:
        __tracebackhide__ = True
        decision = self.engine.step(self.at, event)
        self.trace.append(event)
        who = decision.rule.id if decision.rule else "no rule"
        hypothesis.event(f"rule {who}")
        if decision.rule:
            self.covered.add(who)
        answer: object = None
        try:
            answer = self.mine.send(event)
        except self.refuses:
            answer = "refused"
        said = f"{event}: {decision.outcome} by {who}"
        if isinstance(answer, str) and answer != decision.outcome:
            self._fail(f"{said}: yours is {answer} ({decision.why})")
        self._compare(said, decision.pair)
        self.at = decision.pair

    def _compare(self, said: str, table: Pair) -> None:
        __tracebackhide__ = True
        mine = self.mine.pair()
        for column, value in mine.items():
            if column not in self.engine.position:
                raise BadInput("your pair(): " + unknown_name(
                    "column", column, self.engine.position))
            if value != table[column]:
                yours = str(value) if isinstance(value, str) else value  # a word, not its enum
                self._fail(f"{said}: {column} is {yours!r} in yours, and "
                           f"{str(table[column])!r} in the table")

    def _fail(self, said: str) -> None:
        __tracebackhide__ = True
        start, trace = (self.at, self.trace[-1:]) if self._alone() else (self.begun, self.trace)
        told = as_story(self.engine, trace, start)
        raise AssertionError(f"{said}\n\nWhat the table does, as a story:\n\n{told}")

    def _alone(self) -> bool:
        """Whether the last step also fails in a fresh implementation, without the steps before."""
        if len(self.trace) < 2:
            return False
        fresh, event = type(self).make(), self.trace[-1]
        decision = self.engine.step(self.at, event)
        fresh.start(dict(self.at))
        try:
            answer = fresh.send(event)
        except self.refuses:
            answer = "refused"
        return (isinstance(answer, str) and answer != decision.outcome) or any(
            decision.pair[column] != value for column, value in fresh.pair().items())

    @classmethod
    def coverage(cls) -> str:
        """The number of rules that decided so far, and the names of the others."""
        rules = {r.id for r in cls.engine.model.rules}
        missed = sorted(rules - cls.covered)
        return f"rules covered {len(rules) - len(missed)} of {len(rules)}" + (
            f"; never: {', '.join(missed)}" if missed else "")


def _run(made: type[AgainstTable], chosen: hypothesis.settings) -> None:
    """Run it; a failure is the story alone, without the way through Hypothesis and what was drawn."""
    __tracebackhide__ = True
    try:
        stateful.run_state_machine_as_test(made, settings=chosen)
    except AssertionError as error:
        if hasattr(error, "__notes__"):
            error.__notes__ = [n for n in error.__notes__ if "reproduce_failure" in n]
        raise error.with_traceback(None) from None


def against(
    make: Callable[[], Implementation], engine: Engine | None = None, *,
    refuses: tuple[type[BaseException], ...] = (),
) -> type[AgainstTable]:
    """A state machine of Hypothesis that tests an implementation; pytest collects its `TestCase`.

    It starts in any reachable pair, equally often for each rule, and sends any event that can
    happen there. After each step, the columns that the implementation names must equal the table's;
    a failure names event, rule and column.

    Args:
        make: makes an implementation; your class works as well.
        engine: the machine; `PRG` if not given.
        refuses: the exception that the implementation raises when it refuses a command.
    """
    made: Any = type("AgainstTable", (AgainstTable,), {
        "engine": engine or prg(), "make": staticmethod(make), "refuses": refuses,
        "covered": set(),
    })
    # The phase `explain` would explain a failure by our own lines.
    phases = [p for p in hypothesis.Phase if p is not hypothesis.Phase.explain]
    made.TestCase.settings = hypothesis.settings(made.TestCase.settings, phases=phases)
    made.TestCase.runTest = lambda test: _run(made, test.settings)
    against_table: type[AgainstTable] = made
    return against_table
