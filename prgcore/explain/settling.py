"""Steps that happen by themselves: timers and successful completions until the pair is at rest.

Law: pure; every step is a decision of the machine, and the steps end (L1). A lost host comes first,
then the machine's order decides, so the answer is always the same. The real order may differ.
"""

from __future__ import annotations

from prgcore.engine import Decision, Engine, Pair
from prgcore.vocabulary import Kind, Outcome

__all__ = ["FIRST_NOTICED", "NEVER_WAITED_FOR", "until_rest"]

NEVER_WAITED_FOR = "auto_fallback_due"
"""The timer that is not waited for: it needs thirty minutes of health."""
FIRST_NOTICED = "peer_host_lost"
"""The timer that comes first: the loss of a host is reported before its silence is noticed."""


def until_rest(engine: Engine, pair: Pair) -> tuple[Decision, ...]:
    """The steps that follow by themselves; none if the pair is at rest.

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
    for event in sorted(engine.model.events, key=lambda e: not e.name.startswith(FIRST_NOTICED)):
        by_itself = event.kind in (Kind.TIMER, Kind.COMPLETION) and event.success
        if not by_itself or event.name.startswith(NEVER_WAITED_FOR):
            continue
        if engine.possible(pair, event.name):
            step = engine.step(pair, event.name)
            if step.outcome is Outcome.DONE and step.pair != pair:
                return step
    return None
