"""python-statemachine both ways: our table as a chart, and a chart compared with our table.

Law: no rule lives here. The chart's states and transitions come from the table. The engine decides
which transition is taken, when the event's turn in the queue has come. The model carries the `pair`
and the last `decision`, and the chart's state is always that of the pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from prgcore.adapters.foreign import (
    STATES,
    Deviation,
    Difference,
    Shadow,
    Shape,
    Translation,
    trigger,
)
from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, MissingExtra
from prgcore.model import Cubelike, Values

try:
    import statemachine
    from statemachine.engines.sync import SyncEngine
except ImportError:
    raise MissingExtra("the python-statemachine adapter", "statemachine") from None

__all__ = [
    "Deviation", "Difference", "PairChart", "Refused", "Watch", "chart_for", "compare", "trigger",
    "watch",
]


ATTRIBUTES = ("history_values", "model", "start_configuration_values", "state_field")
"""The attributes of an instance of theirs that its class does not have."""


class Refused(statemachine.exceptions.TransitionNotAllowed):  # type: ignore[misc]
    """The event takes no transition; the message has the engine's reason."""

    def __init__(self, event: Any, configuration: Any, why: str) -> None:
        super().__init__(event, configuration)
        self.args = (why,)


class _Decided(SyncEngine):  # type: ignore[misc]
    """Asks the engine before it looks for a transition; a failing callback moves no pair."""

    def select_transitions(self, trigger_data: Any) -> Any:
        chart = self.sm
        if trigger_data.event in chart.shape.arrivals:
            chart.check()
            decided = chart.shape.decide(chart.pair, trigger_data.event)
            if isinstance(decided, str):
                raise Refused(trigger_data.event, chart.configuration, decided)
        return super().select_transitions(trigger_data)

    def microstep(self, transitions: Any, trigger_data: Any) -> Any:
        model = self.sm.model
        before = model.pair, model.decision
        try:
            return super().microstep(transitions, trigger_data)
        except Exception:
            if self.sm.current_state_value != self.sm.shape.label(model.pair):
                model.pair, model.decision = before
            raise


class PairChart(statemachine.StateMachine):  # type: ignore[misc]
    """A `StateMachine` whose model is a pair; `chart_for` makes one from a table.

    Attributes:
        shape: the table as states and transitions.
    """

    shape: Shape

    def __init__(
        self, model: Any = None, *, pair: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Begin at the given pair, else the model's own, else the initial one.

        Args:
            model: an object that gets `state`, `pair` and `decision` as attributes.
            pair: a pair of the machine.
            options: `state_field`, `listeners`, and arguments for callbacks.

        Raises:
            BadInput: it is not a pair of this machine, or the model takes no attributes.
        """
        model = statemachine.model.Model() if model is None else model
        own = getattr(model, "pair", None) if pair is None else pair
        engine = self.shape.engine
        at = engine.initial[0] if own is None else engine.pair(own)
        try:
            model.pair, model.decision = at, None
            setattr(model, options.get("state_field", "state"), None)
        except (AttributeError, TypeError) as error:
            raise BadInput(
                "a model needs room for pair, decision and state as attributes; "
                f"this {type(model).__name__} has none: {error}"
            ) from error
        if "start_value" in options:
            raise BadInput("a state does not determine the pair; pass pair= instead of start_value=")
        super().__init__(model, start_value=self.shape.label(at), **options)

    def _get_engine(self) -> Any:
        if self._callbacks.has_async_callbacks:
            raise BadInput("callbacks of a pair are not asynchronous; act on `decision` instead")
        return _Decided(self)

    @property
    def pair(self) -> Pair:
        """The present pair."""
        found: Pair = self.model.pair
        return found

    @property
    def decision(self) -> Decision | None:
        """The last decision, with the actions to do; None before the first event."""
        found: Decision | None = self.model.decision
        return found

    def check(self) -> None:
        """Check that the chart's state is that of the model's pair.

        Raises:
            BadInput: they differ, so somebody has set one of them.
        """
        own = self.shape.label(self.pair)
        if self.current_state_value != own:
            raise BadInput(
                f"{self.current_state_value} is not the state of the model's pair, which is {own}; "
                "move it by its events, or make a chart with pair=…"
            )

    def decided(self, event: Any, source: Any, target: Any) -> bool:
        """Whether the engine's decision ends in the transition's destination."""
        found = self.shape.decide(self.pair, event)
        return not isinstance(found, str) and self.shape.label(found.pair) == (target or source).id

    def settle(self, event: Any) -> None:
        """Move the pair too: after every exit, before every entry."""
        self.check()
        found = self.shape.decide(self.pair, event)
        assert not isinstance(found, str), "BUG: the engine was asked before"
        self.model.pair, self.model.decision = found.pair, found


def _called(shape: Shape) -> set[str]:
    """The names under which a chart looks for callbacks, and calls an event too."""
    return {
        "prepare_event", "before_transition", "on_transition", "after_transition",
        *(f"on_{when}_{what}" for when in ("enter", "exit", "invoke")
          for what in ("state", *shape.states)),
        *(f"{when}_{name}" for when in ("before", "on", "after") for name in shape.arrivals),
    }


def chart_for(engine: Engine, columns: Values = STATES) -> type[PairChart]:
    """A `StateMachine` class of the table: `chart_for(PRG)(model).send("enable_ha")`.

    The name of an event is spelled as an identifier. A refusal raises `Refused`, a
    `TransitionNotAllowed` of the library, with the reason. An event that changes none of the
    columns leaves and enters no state. `chart.pair` and `chart.decision` show the last decision.

    Args:
        engine: the machine that decides.
        columns: the stored columns that make up the chart's state.

    Raises:
        BadInput: no such column, or a state or event has the name of an attribute or a callback
            of a chart (`send`, `before_coin`).
    """
    shape = Shape(engine, columns)
    given = (*shape.states, *shape.arrivals)
    taken = sorted(n for n in given if n in ATTRIBUTES or hasattr(PairChart, n))
    twice = sorted(set(shape.states) & set(shape.arrivals))
    if called := sorted(_called(shape).intersection(given)):
        raise BadInput(f"{', '.join(called)}: a chart calls what has this name as a callback; "
                       "choose other columns=, or rename the event")
    if taken or twice:
        raise BadInput(f"{', '.join(taken or twice)}: a chart has its own attribute of this name; "
                       "choose other columns=, or rename the event")
    first = shape.label(engine.initial[0])
    states = {s: statemachine.State(s, value=s, initial=s == first) for s in shape.states}
    joined: dict[tuple[str, str], list[str]] = {}
    for name, source, dest in shape.edges():
        joined.setdefault((source, dest), []).append(name)
    for (source, dest), names in joined.items():
        states[source].to(
            states[dest], cond="decided", on="settle", internal=source == dest,
            event=" ".join(names),
        )
    options = dict.fromkeys((
        "validate_disconnected_states", "validate_trap_states", "validate_final_reachability",
    ), False)
    kind: Any = type(PairChart)
    chart: type[PairChart] = kind(f"{engine.model.name.title()}Chart", (PairChart,), {
        "__module__": __name__, "shape": shape, **options, **states,
    })
    return chart


# ------------------------------------------------------------------ the other way


class Watch(Shadow):
    """Listens to a foreign chart, and checks every transition against the table."""

    def before_transition(self, event: Any, source: Any, target: Any) -> None:
        """Check a transition, and raise before anything has changed."""
        self.judge(str(event or ""), source.id, (target or source).id)

    def after_transition(self, event: Any, source: Any, target: Any) -> None:
        """Move the pair too, after a transition."""
        reading = self.reading
        with suppress(Deviation):  # it was reported before
            self.pair = reading.judge(self.pair, str(event or ""), source.id, (target or source).id)


def watch(
    chart: statemachine.StateChart, engine: Engine, *, states: Mapping[str, Cubelike],
    events: Mapping[str, str], pair: Mapping[str, str] | None = None,
    report: Callable[[Deviation], object] | None = None,
) -> Watch:
    """Check every transition of a chart against the table, before its state changes.

    The result follows the chart; call its `tell` with events that the chart does not see. A
    transition that no rule allows raises `Deviation`, and does not happen. A `StateChart` that
    turns exceptions into events gets `error.execution` instead, and without a transition for it
    says nothing: look at `deviations` of the result.

    Args:
        chart: an instance without nested states.
        engine: the table.
        states: for each of its states, the values of our stored columns; `{}`: any values.
        events: our event for each of its events. An event without one must not change a column.
        pair: the present pair; the first initial pair if not given.
        report: is called with a deviation instead; the transition then happens, and the pair
            stays.

    Raises:
        BadInput: a state is not read, a name does not exist, or states are nested.
    """
    reading = _reading(chart, engine, states, events)
    at = engine.initial[0] if pair is None else engine.pair(pair)
    watched = Watch(reading, at, report)
    chart.add_listener(watched)
    return watched


def compare(
    chart: Any, engine: Engine, *, states: Mapping[str, Cubelike], events: Mapping[str, str],
) -> tuple[Difference, ...]:
    """The differences between all transitions of a chart and the table: extra and missing ones.

    Only guards are read, so a missing transition may be impossible to reach. The chart is a class
    or an instance; the other arguments and the errors are those of `watch`.
    """
    reading = _reading(chart, engine, states, events)
    return reading.differences(_moves(chart))


def _moves(chart: Any) -> Iterator[tuple[str, str, str]]:
    for state in chart.states:
        for transition in state.transitions:
            for event in transition.events or ("",):
                yield str(event), state.id, (transition.target or state).id


def _reading(
    chart: Any, engine: Engine, states: Mapping[str, Cubelike], events: Mapping[str, str]
) -> Translation:
    if any(s.states or s.parallel for s in chart.states):
        raise BadInput("a chart with nested states cannot be watched; only a flat one can")
    reading = Translation(engine, states, events)
    reading.covers((s.id for s in chart.states), {name for name, _, _ in _moves(chart)})
    return reading
