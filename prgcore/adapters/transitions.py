"""`transitions` both ways: our table as a machine, and a machine compared with our table.

Law: no rule lives here. States and transitions come from the table, so `get_transitions` and
diagrams show them. Only the engine decides which transition is taken. One machine serves many
models. Each carries its own `pair`, and its `state` is always that of its pair: once a model is
placed, only events move the two, and always together.

The other way, your own machine keeps its states and triggers. `watch` checks every move as it is
made, and `compare` checks all of them at once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from prgcore.adapters.foreign import (
    KEPT,
    STATES,
    Deviation,
    Difference,
    Shadow,
    Shape,
    Translation,
    trigger,
)
from prgcore.diagram.graph import escaped
from prgcore.diagram.mermaid import quoted
from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, MissingExtra
from prgcore.model import Cubelike, Values

try:
    import transitions
except ImportError:
    raise MissingExtra("the transitions adapter", "transitions") from None

__all__ = [
    "OPTIONS", "Deviation", "Difference", "PairMachine", "Watch", "compare", "machine_for",
    "trigger", "watch",
]

OPTIONS = (
    "after_state_change", "before_state_change", "finalize_event", "ignore_invalid_triggers",
    "model_attribute", "model_override", "name", "on_exception", "prepare_event", "queued",
    "send_event",
)
"""The options of `transitions.Machine` that you can give; the table sets the others."""

GRAPH = ("graph_engine", "show_conditions", "show_state_attributes", "title")
"""The further options of a `GraphMachine`."""

WORDS = (
    "as", "class", "classdef", "default", "direction", "end", "note", "state", "style",
    "graph", "digraph", "subgraph", "node", "edge", "strict",
)
"""Words of Mermaid and Graphviz, which are not names of states there."""

LOCKED = ("machine_context",)
"""The further options of a `LockedMachine`."""


class Decided(transitions.core.Condition):
    """A condition that holds if the engine's decision ends in the transition's destination."""

    def check(self, event_data: Any) -> bool:
        """Whether it holds; called by `may_…` and before a transition is taken."""
        machine: PairMachine = event_data.machine
        decision = getattr(event_data, "decision", None)
        if decision is None:
            machine.check(event_data.model, event_data.state.name)
            try:
                decision = machine.decide(event_data.model, event_data.event.name)
            except transitions.MachineError:
                return False
        goal: str = event_data.transition.dest
        return machine.label(decision.pair) == goal


class Move(transitions.Transition):
    """A transition that moves the pair too; it leaves and enters no state if the label stays.

    Callbacks run before the pair moves. If a callback moves the pair, that is a `MachineError`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conditions.insert(0, Decided("the engine"))

    def _change_state(self, event_data: Any) -> None:
        machine, model, moves = event_data.machine, event_data.model, self.dest != self.source
        _unmoved(event_data)
        if moves:
            machine.get_state(self.source).exit(event_data)
            _unmoved(event_data)
        model.pair, model.decision = event_data.decision.pair, event_data.decision
        machine.set_state(self.dest, model)
        if moves:
            event_data.update(self.dest)
            machine.get_state(self.dest).enter(event_data)


def _unmoved(event_data: Any) -> None:
    if event_data.model.pair != event_data.before:
        raise transitions.MachineError(
            f"{event_data.event.name} was decided for a pair that a callback has changed since; "
            "trigger events in after_state_change or on_enter, or give queued=True"
        )


class Arrival(transitions.Event):
    """An event that asks the engine first; a refusal is a `MachineError` with the reason."""

    def _is_valid_source(self, state: Any) -> bool:  # noqa: ARG002
        return True  # the engine decides, and gives the reason

    def _process(self, event_data: Any) -> bool:
        machine, model, state = event_data.machine, event_data.model, event_data.state
        machine.check(model, state.name)
        event_data.before = machine.engine.pair(model.pair)
        try:
            event_data.decision = machine.decide(model, self.name)
        except transitions.MachineError:
            if state.ignore_invalid_triggers:
                return False
            raise
        return super()._process(event_data)


class PairMachine(transitions.Machine):
    """A `transitions.Machine` whose models are pairs; made by `machine_for`.

    Attributes:
        shape: the table as states and transitions.
        engine: the machine that decides.
        columns: the columns that make up a model's `state`.
    """

    event_cls = Arrival
    transition_cls = Move

    more: Values = ()

    def __init__(self, shape: Shape, **options: Any) -> None:
        allowed = (*OPTIONS, *self.more)
        given = sorted(options.keys() - set(allowed))
        if given:
            raise BadInput(
                f"{', '.join(given)} cannot be given: the table sets states and transitions, "
                f"and models are added with their pairs; allowed: {', '.join(allowed)}"
            )
        self.shape, self.engine, self.columns = shape, shape.engine, shape.columns
        _check_names(shape, options.get("model_attribute", "state"))
        super().__init__(
            model=None,
            states=list(shape.states),
            initial=shape.label(shape.engine.initial[0]),
            auto_transitions=False,
            **options,
        )
        for name, source, dest in shape.edges():
            # as states and not by their names: `*` would mean every state, and `=` the same one
            self.add_transition(name, self.get_state(source), self.get_state(dest))

    def label(self, pair: Mapping[str, str]) -> str:
        """The state of a model with this pair: `normal__normal`.

        Raises:
            BadInput: not a pair of this machine.
        """
        return self.shape.label(pair)

    def check(self, model: Any, state: str) -> None:
        """Check that a model's pair has the state of this name.

        Raises:
            MachineError: the pair has another state.
        """
        own = self.label(model.pair)
        if state != own:
            raise transitions.MachineError(
                f"{state} is not the state of the model's pair, which is {own}; "
                "move a model by its events, or place it with add_model(model, pair=…)"
            )

    def set_state(self, state: Any, model: Any = None) -> None:
        """Set the state that a model's pair has, and no other.

        Raises:
            MachineError: the pair has another state; no model is changed.
        """
        for one in self.models if model is None else transitions.core.listify(model):
            self.check(one, getattr(state, "name", state))
        super().set_state(state, model)

    def decide(self, model: Any, name: str) -> Decision:
        """The engine's decision on a trigger in a model's pair.

        Raises:
            MachineError: the command is refused, or the event cannot happen here.
            OutsideInvariant: the pair breaks a proved invariant.
        """
        decided = self.shape.decide(model.pair, name)
        if isinstance(decided, str):
            raise transitions.MachineError(decided)
        return decided

    def add_model(
        self, model: Any, initial: Any = None, *, pair: Mapping[str, str] | None = None
    ) -> None:
        """Add a model, or several, at the given pair, else its own, else the initial one.

        A model that was added before moves to the pair.

        Raises:
            BadInput: it is not a pair of this machine, it is a state without its pair, or the
                model takes no attributes.
        """
        if initial is not None:
            raise BadInput("a state does not determine the pair; pass pair= instead of initial=")
        for one in transitions.core.listify(model):
            own = getattr(one, "pair", None) if pair is None else pair
            at = self.engine.initial[0] if own is None else self.engine.pair(own)
            try:
                one.pair, one.decision = at, None
                if not any(one is other for other in self.models):
                    super().add_model(one, self.label(at))
            except (AttributeError, TypeError) as error:
                raise BadInput(
                    "a model needs room for pair, decision, state and triggers as attributes; "
                    f"this {type(one).__name__} has none: {error}"
                ) from error
            self.set_state(self.label(at), one)
            drawn = getattr(self, "model_graphs", {}).get(id(one))
            if drawn is not None:
                drawn.reset_styling()
                drawn.set_node_style(self.label(at), "active")


def _check_names(shape: Shape, attribute: str) -> None:
    """Check that a model's triggers and its other attributes have different names.

    Raises:
        BadInput: they meet. The library would bind one of the two, and say so in a log only.
    """
    own = {"trigger", "may_trigger", "pair", "decision", "get_graph"}
    if attribute in own:
        raise BadInput(f"a model has an attribute {attribute} of its own; choose another "
                       "model_attribute=")
    infix = "" if attribute == "state" else f"{attribute}_"
    own |= {attribute, *(f"may_{name}" for name in shape.arrivals),
            *(f"is_{infix}{state}" for state in shape.states)}
    taken = sorted(own & set(shape.arrivals))
    if taken:
        raise BadInput(f"{', '.join(taken)}: a model has an attribute of this name of its own; "
                       "rename the event")


class _Drawn:
    """A machine whose states have names that each drawing program takes as names.

    A name that one of them reads as something else is `escaped`, and is the state's label.
    """

    def __init__(self, machine: Any, label: Callable[[str], str]) -> None:
        self._machine, self._label = machine, label

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_machine"], name)

    @property
    def initial(self) -> str:
        return drawn_name(self._machine.initial)

    def get_markup_config(self) -> dict[str, Any]:
        """States and transitions, as every drawing reads them."""
        kept = self._machine.get_markup_config()
        states = [{**s, "name": drawn_name(s["name"]), "label": self._label(s["name"])}
                  for s in kept["states"]]
        moves = [{**t, **{end: drawn_name(t[end]) for end in ("source", "dest") if end in t}}
                 for t in kept["transitions"]]
        return {**kept, "states": states, "transitions": moves}


def drawn_name(state: str) -> str:
    """The name of a state in a drawing: itself if it is a word and not one of a language."""
    plain = re.fullmatch(r"[A-Za-z0-9_]+", state) and not state.startswith("x___")
    return state if plain and state.lower() not in WORDS else escaped(state)


def _in_mermaid(label: str) -> str:
    """A label without markup; that of a state may have the emphasis of Markdown."""
    return re.sub(r"[*~]|(?<![^\W_])_|_(?![^\W_])", lambda m: f"#{ord(m[0])};", quoted(label))


@cache
def _drawing(theirs: Any) -> Any:
    """The class of a drawing of theirs, for a machine whose states may have any name."""
    label = _in_mermaid if theirs.__module__.endswith("mermaid") else str

    class Drawing(theirs):  # type: ignore[misc]
        def __init__(self, machine: Any) -> None:
            super().__init__(_Drawn(machine, label))

        def set_node_style(self, state: Any, style: str) -> None:
            super().set_node_style(drawn_name(getattr(state, "name", state)), style)

        def set_previous_transition(self, src: str, dst: str) -> None:
            super().set_previous_transition(drawn_name(src), drawn_name(dst))

        def get_graph(self, title: str | None = None, roi_state: Any = None) -> Any:
            return super().get_graph(title, roi_state and drawn_name(roi_state))

    return Drawing


@cache
def _kind(graph: bool, locked: bool) -> type[PairMachine]:
    """The class of the machine: ours first, which chooses transitions, then theirs."""
    if not graph and not locked:
        return PairMachine
    from transitions.extensions import MachineFactory

    theirs = MachineFactory.get_predefined(graph=graph, locked=locked)
    drawn = theirs.transition_cls
    return type(f"Pair{theirs.__name__}", (PairMachine, theirs), {
        "transition_cls": type("Move", (drawn, Move), {}) if graph else Move,
        "event_cls": type("Arrival", (Arrival, theirs.event_cls), {}),
        "more": GRAPH * graph + LOCKED * locked,
        **({"_init_graphviz_engine": _engine} if graph else {}),
    })


def _engine(machine: Any, engine: str) -> Any:
    return _drawing(super(PairMachine, machine)._init_graphviz_engine(engine))


def machine_for(
    engine: Engine, *models: Any, columns: Values = STATES, graph: bool = False,
    locked: bool = False, **options: Any,
) -> PairMachine:
    """A `transitions.Machine` of the table, with the models added to it.

    A trigger is the name of an event as an identifier. Each model gets `state` (the values of
    `columns`, joined by two underscores) and `pair`. After a move it has `decision`, with the
    actions to do.

    Args:
        engine: the machine that decides.
        models: objects that take attributes.
        columns: stored columns; one is enough for a diagram of one node.
        graph: whether to make a `GraphMachine`, whose `get_graph` draws; `show_roi=True` limits
            the picture to the present state.
        locked: whether to make a `LockedMachine`, for triggers from several threads.
        options: `OPTIONS` of `transitions.Machine`, with `graph` also `GRAPH`, with `locked` also
            `LOCKED`.

    Raises:
        BadInput: no such column, an option is not allowed, an event has the name of an attribute
            of a model (`trigger`, `state`, `pair`, `may_…`, `is_…`), or a model cannot be added.
    """
    if graph:
        options = {"title": engine.model.name} | options
    machine = _kind(graph, locked)(Shape(engine, columns), **options)
    for model in models:
        machine.add_model(model)
    return machine


# ------------------------------------------------------------------ the other way


class _Watched(transitions.core.Condition):
    """The last condition of a foreign transition: the table allows it."""

    def __init__(self, watch: Watch, transition: Any) -> None:
        super().__init__("the table")
        self.watch, self.transition = watch, transition

    def check(self, event_data: Any) -> bool:
        name, model = event_data.event.name, event_data.model
        shadow = self.watch.of(model)
        source = self.transition.source
        dest = source if self.transition.dest is None else self.transition.dest
        if event_data.event is not event_data.machine.events.get(name):  # called by may_…
            try:
                shadow.reading.judge(shadow.pair, name, source, dest)
            except Deviation:
                return shadow.report is not None
            return True
        after = shadow.judge(name, source, dest)
        if self.transition.dest is None:
            shadow.pair = after  # an internal transition changes no state
        else:
            self.watch.next[id(model)] = after
        return True


class Watch:
    """A foreign machine whose every move is checked against the table; made by `watch`.

    Attributes:
        reading: the reading of the machine.
        deviations: the last hundred of all models, raised or reported.
    """

    def __init__(
        self, reading: Translation, pair: Pair, report: Callable[[Deviation], object] | None
    ) -> None:
        self.reading, self.report, self.next = reading, report, dict[int, Pair]()
        self.deviations = deque[Deviation](maxlen=KEPT)
        self._start, self._shadows = pair, dict[int, tuple[Any, Shadow]]()

    def of(self, model: Any) -> Shadow:
        """The pair that follows a model; call its `tell` with events it does not see."""
        found = self._shadows.get(id(model))
        if found is None:
            shadow = Shadow(self.reading, self._start, self.report, self.deviations)
            found = self._shadows[id(model)] = model, shadow
        return found[1]

    def moved(self, change: Callable[[Any], None], event_data: Any) -> None:
        """Move the pair too when a model changes its state."""
        self.of(event_data.model).pair = self.next.pop(id(event_data.model))
        change(event_data)


def watch(
    machine: transitions.Machine, engine: Engine, *, states: Mapping[str, Cubelike],
    events: Mapping[str, str], pair: Mapping[str, str] | None = None,
    report: Callable[[Deviation], object] | None = None,
) -> Watch:
    """Check every move of a machine against the table, before its state changes.

    States, triggers, conditions and callbacks stay as they are. A move that no rule allows raises
    `Deviation`, and does not happen; its `may_…` returns False. An `on_exception` of the machine is
    called first, and cannot swallow it.

    Args:
        machine: the machine, with its transitions; later ones are not checked.
        engine: the table.
        states: for each of its states, the values of our stored columns; `{}`: any values.
        events: our event for each trigger. A trigger without one must not change a column.
        pair: the pair in which every model begins; the first initial pair if not given.
        report: is called with a deviation instead; the move then happens, and the pair stays.

    Raises:
        BadInput: a state is not read, a name does not exist, or the machine is nested or
            asynchronous.
    """
    reading = _reading(machine, engine, states, events)
    start = engine.initial[0] if pair is None else engine.pair(pair)
    watched = Watch(reading, start, report)
    for event in machine.events.values():
        vars(event)["_trigger"] = partial(_raised, event._trigger)  # noqa: SLF001
        for transition in (t for some in event.transitions.values() for t in some):
            transition.conditions.append(_Watched(watched, transition))
            change = partial(watched.moved, transition._change_state)  # noqa: SLF001
            vars(transition)["_change_state"] = change
    return watched


def _raised(trigger: Callable[[Any], bool], event_data: Any) -> bool:
    """The answer of a trigger; a deviation that an `on_exception` has swallowed is raised."""
    done = trigger(event_data)
    if isinstance(event_data.error, Deviation):
        raise event_data.error
    return done


def compare(
    machine: transitions.Machine, engine: Engine, *, states: Mapping[str, Cubelike],
    events: Mapping[str, str],
) -> tuple[Difference, ...]:
    """The differences between all transitions of a machine and the table: extra and missing ones.

    Only guards are read, so a missing transition may be impossible to reach. Arguments and errors
    are those of `watch`. Conditions and callbacks are functions, which nothing can read.
    """
    reading = _reading(machine, engine, states, events)
    return reading.differences(
        (name, t.source, t.source if t.dest is None else t.dest)
        for name, event in machine.events.items() if not name.startswith("to_") or name in events
        for some in event.transitions.values() for t in some
    )


def _reading(
    machine: transitions.Machine, engine: Engine, states: Mapping[str, Cubelike],
    events: Mapping[str, str],
) -> Translation:
    from transitions.extensions import AsyncMachine, HierarchicalMachine

    if isinstance(machine, (AsyncMachine, HierarchicalMachine)):
        raise BadInput(f"a {type(machine).__name__} cannot be watched: its states are nested, or "
                       "it is asynchronous; only a flat Machine can")
    reading = Translation(engine, states, events)
    reading.covers(machine.states, machine.events)
    return reading
