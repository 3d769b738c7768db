"""What happens by itself: timers run out and completions succeed until the pair is at rest.

Law: pure; every step is a decision of the machine. It ends (L1). The event that the machine
lists first comes first, so the answer is always the same; others can come first in the world.
"""

from __future__ import annotations

from prgcore.engine import Decision, Engine, Pair
from prgcore.vocabulary import Kind, Outcome

NOT_WAITED_FOR = "auto_fallback_due"
"""The timer that nobody waits for: it needs thirty minutes of health."""


def until_rest(engine: Engine, pair: Pair) -> tuple[Decision, ...]:
    """The steps that follow by themselves; none where the pair is at rest.

    Raises:
        OutsideInvariant: the pair breaks a proved invariant.
    """
    steps: list[Decision] = []
    seen = {pair}
    while (step := _next(engine, pair)) is not None and step.pair not in seen:
        steps.append(step)
        pair = step.pair
        seen.add(pair)
    return tuple(steps)


def _next(engine: Engine, pair: Pair) -> Decision | None:
    for event in engine.model.events:
        by_itself = event.kind in (Kind.TIMER, Kind.COMPLETION) and event.success
        if not by_itself or event.name.startswith(NOT_WAITED_FOR):
            continue
        if engine.possible(pair, event.name):
            step = engine.step(pair, event.name)
            if step.outcome is Outcome.DONE and step.pair != pair:
                return step
    return None
