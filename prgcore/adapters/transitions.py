"""The machine as a `transitions.Machine`: their triggers and callbacks, our decisions.

Law: no rule lives here. States and transitions are read from the table, so that
`get_transitions` and their diagrams show them; which transition is taken is decided by the
engine alone. One machine serves many models; each carries its own `pair`, and its `state` is never
anything but that pair's: once a model is placed, only an event moves the two, and together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from prgcore.diagram.states import Reader
from prgcore.engine import Decision, Engine
from prgcore.errors import BadInput, ImpossibleEvent, MissingExtra, unknown_name
from prgcore.model import Const, Rule, Values
from prgcore.vocabulary import Outcome

try:
    import transitions
except ImportError:
    raise MissingExtra("the transitions adapter", "transitions") from None

STATES = ("node1.state", "node2.state")
"""The columns of which `model.state` is made."""

JOINT = "__"
"""What stands between their values: a state's name can be part of a method's name."""

OPTIONS = (
    "after_state_change", "before_state_change", "finalize_event", "ignore_invalid_triggers",
    "model_attribute", "model_override", "name", "on_exception", "prepare_event", "queued",
    "send_event",
)
"""The options of `transitions.Machine` that can be given; the table settles the others."""


def trigger(event: str) -> str:
    """The name of an event as an identifier: `failover(node1)` is `failover_node1`."""
    return re.sub(r"\W+", "_", event).strip("_")


class Decided(transitions.core.Condition):
    """Holds where the engine's decision ends in the transition's destination."""

    def check(self, event_data: Any) -> bool:
        """Asked by `may_…` and before a transition is taken."""
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
    """Takes the pair along; leaves and enters no state where the label stays the same.

    Callbacks run before the pair moves. One that moves it itself makes this a `MachineError`.
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
    """An event asks the engine first; a refusal is a `MachineError` that says why."""

    def _is_valid_source(self, state: Any) -> bool:  # noqa: ARG002
        return True  # the engine knows better, and says why

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
        engine: who decides.
        columns: the columns of which a model's `state` is made.
        arrivals: our event of each trigger.
    """

    event_cls = Arrival
    transition_cls = Move

    def __init__(self, engine: Engine, columns: Values, **options: Any) -> None:
        given = sorted(options.keys() - set(OPTIONS))
        if given:
            raise BadInput(
                f"{', '.join(given)} cannot be given: states and transitions are the table's, "
                f"models are added with their pairs; allowed: {', '.join(OPTIONS)}"
            )
        self.engine, self.columns = engine, columns
        self.arrivals = {trigger(e.name): e.name for e in engine.model.events}
        if len(self.arrivals) < len(engine.model.events):
            raise BadInput("two events of this machine have one name as identifiers")
        domains = {c.name: c.domain for c in engine.model.columns}
        states = [JOINT.join(values) for values in product(*(domains[c] for c in columns))]
        if len(set(states)) < len(states):
            raise BadInput("two states of this machine have one name; choose other columns=")
        super().__init__(
            model=None,
            states=states,
            initial=self.label(engine.initial[0]),
            auto_transitions=False,
            **options,
        )
        for name, source, dest in sorted(set(self._edges())):
            self.add_transition(name, source, dest)

    def _edges(self) -> Iterator[tuple[str, str, str]]:
        reader = Reader(self.engine.model)
        for rule in self.engine.model.rules:
            ways = [_ways(reader, rule, column) for column in self.columns]
            for ends in product(*ways):
                source, dest = zip(*ends, strict=True)
                yield trigger(rule.event), JOINT.join(source), JOINT.join(dest)

    def label(self, pair: Mapping[str, str]) -> str:
        """The state of a model with this pair: `normal__normal`.

        Raises:
            BadInput: not a pair of this machine.
        """
        pair = self.engine.pair(pair)
        return JOINT.join(pair[c] for c in self.columns)

    def check(self, model: Any, state: str) -> None:
        """Holds a state's name against a model's pair.

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
        """Sets the state that a model's pair has, and no other.

        Raises:
            MachineError: the pair has another state; no model is changed.
        """
        for one in self.models if model is None else transitions.core.listify(model):
            self.check(one, getattr(state, "name", state))
        super().set_state(state, model)

    def decide(self, model: Any, name: str) -> Decision:
        """What the engine decides of a trigger in a model's pair.

        Raises:
            MachineError: the command is refused, or the event cannot happen here.
            OutsideInvariant: the pair breaks a proved invariant.
        """
        event = self.arrivals[name]
        try:
            decision = self.engine.step(model.pair, event)
        except ImpossibleEvent as error:
            raise transitions.MachineError(str(error)) from error
        if decision.outcome is Outcome.REFUSED:
            raise transitions.MachineError(f"{event} is refused: {decision.why}")
        return decision

    def add_model(
        self, model: Any, initial: Any = None, *, pair: Mapping[str, str] | None = None
    ) -> None:
        """Adds a model, or several, at a pair: the given one, its own, else the initial one.

        A model that is there already is placed anew.

        Raises:
            BadInput: not a pair of this machine, a state without its pair, or an object that
                takes no attributes.
        """
        if initial is not None:
            raise BadInput("a state does not tell the pair; pass pair= instead of initial=")
        for one in transitions.core.listify(model):
            own = getattr(one, "pair", None) if pair is None else pair
            at = self.engine.initial[0] if own is None else self.engine.pair(own)
            try:
                one.pair, one.decision = at, None
                super().add_model(one, self.label(at))
            except (AttributeError, TypeError) as error:
                raise BadInput(
                    "a model needs room for pair, decision, state and triggers as attributes; "
                    f"this {type(one).__name__} has none: {error}"
                ) from error
            self.set_state(self.label(at), one)


def _ways(reader: Reader, rule: Rule, column: str) -> Iterable[tuple[str, str]]:
    """What a rule may make of one column, staying included."""
    stays = reader.values(rule, column)
    for effect in rule.then:
        if effect.target == column and isinstance(effect.value, Const):
            stays &= {effect.value.value}
    return sorted({*reader.moves(rule, column), *((value, value) for value in stays)})


def machine_for(
    engine: Engine, *models: Any, columns: Values = STATES, **options: Any
) -> PairMachine:
    """A `transitions.Machine` of the table, with the models added to it.

    A trigger is an event's name as an identifier. Each model gets `state` (the values of
    `columns`, joined by two underscores), `pair`, and after a move `decision` with the actions
    to do. `options` are `OPTIONS` of `transitions.Machine`: callbacks, `queued`, ….

    Raises:
        BadInput: no such column, an option that is not allowed, or a model that cannot be added.
    """
    for column in columns:
        if column not in engine.stored:
            raise BadInput(unknown_name("stored column", column, engine.stored))
    machine = PairMachine(engine, columns, **options)
    for model in models:
        machine.add_model(model)
    return machine
