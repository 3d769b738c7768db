"""The way home that goes with the advice: its own events carried through, or a shortest plan.

Law: a way home never contradicts the advice beside it, and nothing is searched. It is a shortest
plan if that asks for what the advice asks for; if not, the advice is carried through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prgcore.engine import Decision, Engine, Pair
from prgcore.explain.names import BUTTONS
from prgcore.explain.plan import NoPlan, Plan, plan
from prgcore.explain.settling import until_rest
from prgcore.model import Values
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Outcome

__all__ = ["by_itself", "way_home"]

_REPAIRS = ("link_repair", "power_on", "database_up", "manager_start", "services_up")
"""Every repair of the document's machine, in an operator's order: what others need comes first.

The machine does not say this order: a manager starts without its database.
"""
_THEN = ("fallback", "recover", "enable_ha", "manager_stop")
"""What an operator does once all is repaired and at rest: the button on offer, else a restart."""
_MOST = 30


def way_home(engine: Engine, pair: Pair, advice: Sequence[Values] = ()) -> Plan | None:
    """A way home from a pair; None if there is none.

    Args:
        engine: the machine.
        pair: the pair to begin with.
        advice: the events of the recommendations for it, best first; none, if they have no events.
    """
    if not engine.model.goal:
        return None
    try:
        shortest = plan(engine, pair)
    except NoPlan:
        return None
    asks = tuple(e for e in shortest.events if not by_itself(engine, e))
    if asks in advice:
        return shortest
    carried = filter(None, (_carried(engine, pair, events) for events in advice))
    if (way := next(carried, None)) is not None:
        return way
    if all(engine.kind(e) is not Kind.COMMAND or e.startswith(BUTTONS) for e in asks):
        return shortest
    ways = [way for nodes in (NODES, NODES[::-1]) if (way := _by_hand(engine, pair, nodes))]
    return min(ways, key=lambda way: len(way.steps), default=shortest)


def by_itself(engine: Engine, event: str) -> bool:
    """Whether an event is one to wait for: a timer or a completion."""
    return engine.kind(event) in (Kind.TIMER, Kind.COMPLETION)


def _carried(engine: Engine, pair: Pair, events: Iterable[str]) -> Plan | None:
    """The events of a recommendation, and what follows by itself after each; None if it fails."""
    steps = [*until_rest(engine, pair)]
    for event in events:
        at = steps[-1].pair if steps else pair
        if not engine.possible(at, event):
            return None
        step = engine.step(at, event)
        if step.outcome is not Outcome.DONE:
            return None
        steps += [step, *until_rest(engine, step.pair)]
    return _home(engine, pair, steps)


def _by_hand(engine: Engine, pair: Pair, nodes: Sequence[str]) -> Plan | None:
    """The way of an operator: repair, wait, and click what is on offer; restart a manager last."""
    steps, tried, at = list[Decision](), {pair}, pair
    while len(steps) < _MOST and not engine.among([at], engine.model.goal):
        step = next(_done(engine, at, _REPAIRS, nodes), None)
        more = (step,) if step else until_rest(engine, at)
        if not more:
            more = tuple(s for s in _done(engine, at, _THEN, nodes) if s.pair not in tried)[:1]
            tried.update(s.pair for s in more)
        if not more:
            return None
        steps += more
        at = more[-1].pair
    return _home(engine, pair, steps)


def _done(
    engine: Engine, pair: Pair, heads: Iterable[str], nodes: Iterable[str]
) -> Iterator[Decision]:
    """The decisions on those of these events that an operator can bring about here, in order."""
    known = {e.name for e in engine.model.events}
    for head in heads:
        for event in (head, *(f"{head}({node})" for node in nodes)):
            if event in known and engine.possible(pair, event):
                step = engine.step(pair, event)
                if step.outcome is Outcome.DONE and step.pair != pair:
                    yield step


def _home(engine: Engine, pair: Pair, steps: Sequence[Decision]) -> Plan | None:
    end = steps[-1].pair if steps else pair
    return Plan(pair, tuple(steps)) if engine.among([end], engine.model.goal) else None
