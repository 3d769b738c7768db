"""How a transition state ends, how long that takes, and what is accepted meanwhile.

Law: pure; read from the rules of a machine and from its timers, no step is taken. A completion has
no bound: no document gives one, so nothing here invents one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import asdict, frozen

from prgcore.engine import Engine
from prgcore.form.cubes import Stored
from prgcore.model import By, Const, Cube, Number, Rule, cube
from prgcore.seats import NODES
from prgcore.timers.monitor import watches
from prgcore.timers.parameters import Settings
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Ending", "Transition", "transitions"]

_STATE = ".state"


@frozen
class Ending:
    """An event that ends a transition state.

    Attributes:
        event: its name; node 1 is the node in the state.
        kind: completion, timer, fault or repair.
        success: whether it is the good end: a completion that does not fail.
        to: the states that may follow, sorted.
        limits: for a timer, what it counts, and the seconds: the event comes that long after its
            condition began. Empty: the document gives no bound.
    """

    event: str
    kind: str
    success: bool
    to: tuple[str, ...]
    limits: tuple[tuple[str, Number], ...] = ()


@frozen
class Transition:
    """A transition state of a node, seen from node 1.

    Attributes:
        state: the state.
        endings: the events but commands that end it, the good end first.
        accepted: the commands that are accepted in it, in some pair at least.
        ends_it: those of them that end it.
    """

    state: str
    endings: tuple[Ending, ...]
    accepted: tuple[str, ...]
    ends_it: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {**asdict(self), "endings": [
            {**asdict(e), "limits": [{"counts": name, "seconds": s} for name, s in e.limits]}
            for e in self.endings]}


def transitions(engine: Engine, parameters: Settings) -> tuple[Transition, ...]:
    """Every transition state of a machine, in the order of its column; none without such states.

    A rule ends a state if it can fire in it, outside of what the invariants forbid, and gives the
    node another state.
    """
    column = NODES[0] + _STATE
    states = [v for c in engine.model.transient if c.column == column for v in c.values]
    stored = Stored(engine.model.columns)
    never = tuple(c for invariant in engine.model.invariants for c in invariant.never)
    kinds = {e.name: e for e in engine.model.events}

    def one(state: str) -> Transition:
        found: dict[str, set[str]] = {}
        ended: dict[str, list[Cube]] = {}
        commands: list[str] = []
        for rule in engine.model.rules:
            where = _fires(engine, rule, cube({column: state}))
            if not any(met(w) for w in where):
                continue
            if kinds[rule.event].kind is Kind.COMMAND:
                commands.append(rule.event)
            to = {value for w in where for value in _leads(engine, rule, column, state, w, met)}
            if to - {state}:
                found.setdefault(rule.event, set()).update(to - {state})
                ended.setdefault(rule.event, []).extend(where)
        endings = [
            Ending(event, kinds[event].kind.value,
                   kinds[event].kind is Kind.COMPLETION and kinds[event].success,
                   tuple(sorted(to)), tuple(_limits(engine, event, ended[event], parameters, met)))
            for event, to in found.items()
            if kinds[event].kind is not Kind.COMMAND]
        order = list(Kind)
        endings.sort(key=lambda e: (
            not e.success, NODES[0] not in e.event, order.index(Kind(e.kind)), e.event))
        accepted = tuple(dict.fromkeys(commands))
        return Transition(state, tuple(endings), accepted, tuple(c for c in accepted if c in found))

    def met(where: Cube, *outside: Cube) -> bool:
        return next(stored.every(where, (*never, *outside)), None) is not None

    return tuple(map(one, states))


def _fires(engine: Engine, rule: Rule, here: Cube) -> tuple[Cube, ...]:
    """Where a rule with an outcome can fire in a state, as cubes."""
    both = rule.when & here if rule.outcome is Outcome.DONE else None
    possible = [p.when for p in engine.model.possible if p.event == rule.event] or [Cube()]
    found = [] if both is None else [both & p for p in possible]
    return tuple(w for w in found if w is not None)


def _leads(
    engine: Engine, rule: Rule, column: str, state: str, where: Cube, met: Callable[..., bool],
) -> Iterator[str]:
    """Yield the states that a rule gives to a node in this state, somewhere in a cube."""
    for effect in rule.then:
        if effect.target == column:
            value = effect.value
            if isinstance(value, Const):
                yield value.value
                continue
            table = dict(value.table) if isinstance(value, By) else {}
            for key in engine.model.domains[value.column]:
                some = where & cube({value.column: key})
                if some is not None and met(some):
                    yield table.get(key, state) if isinstance(value, By) else key


def _limits(
    engine: Engine, event: str, ended: Iterable[Cube], parameters: Settings,
    met: Callable[..., bool],
) -> Iterator[tuple[str, Number]]:
    """Yield each parameter that a timer counts, with its seconds, where its event ends the state.

    The first limit whose cells hold is counted, so a limit counts outside of those before it.
    """
    for watch in (w for node in NODES for w in watches(engine, node) if w.event == event):
        earlier: list[Cube] = []
        for cells, limit in watch.timer.limits:
            if any(met(both, *earlier) for w in ended if (both := w & cells) is not None):
                after: Number = getattr(parameters, limit) if isinstance(limit, str) else limit
                yield (limit if isinstance(limit, str) else "seconds"), after
            earlier.append(cells)
