"""The shortest way from a pair to a goal, by events that an operator causes or waits for.

Law: a plan contains repairs, commands, timers and successful completions; never a fault or a
failing completion. The way home is read off the machine's atlas, if it has one. For any other goal
a breadth-first search steps through the engine. Of the shortest plans it takes one with the fewest
commands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from prgcore.engine import Engine, Pair, Walk
from prgcore.errors import BadInput, OutsideInvariant, PrgError
from prgcore.form.atlas import Atlas
from prgcore.model import Cube, Cubelike, cubes
from prgcore.vocabulary import Kind, Outcome

__all__ = ["BUDGET", "NoPlan", "Plan", "accepted_in", "plan"]

BUDGET = 200_000
"""The number of pairs that a search looks at before it gives up."""


class NoPlan(PrgError):
    """No plan was found.

    Attributes:
        exhausted: True if every obtainable pair was tried, so there is no plan at all.
    """

    code = "no_plan"

    def __init__(self, message: str, *, exhausted: bool) -> None:
        super().__init__(message)
        self.exhausted = exhausted


@frozen(eq=False, repr=False)
class Plan(Walk):
    """A walk to a pair in which the goal holds; the outcome of every step is done."""


def plan(
    engine: Engine,
    pair: Mapping[str, str],
    goal: Cubelike | tuple[Cubelike, ...] | None = None,
    *,
    without: Collection[str] = (),
    budget: int = BUDGET,
) -> Plan:
    """The shortest sequence of repairs, commands, timers and successful completions.

    Args:
        engine: the machine.
        pair: the pair to begin with.
        goal: one cube, or several of which one must hold; by default the machine's own goal.
        without: events that the plan must not contain.
        budget: the number of pairs to look at.

    Raises:
        BadInput: this is not a pair of the machine, or the goal has an unknown column or value.
        OutsideInvariant: the pair breaks a proved invariant; no way out of it is proved.
        NoPlan: the goal cannot be reached, or not within the budget.
    """
    start = engine.pair(pair)
    wanted = _goal(engine, goal)
    broken = engine.broken(start)
    if broken:
        raise OutsideInvariant(
            f"no plan is proved from here: the pair breaks {', '.join(broken)}; "
            "explain(pair) says which assumption has failed",
            broken,
        )
    atlas = engine.atlas
    if goal is None and not without and atlas is not None and start in atlas:
        events = _charted(engine, atlas, start)
    else:
        events = _search(engine, start, wanted, without, budget)
    steps = engine.run(start, *events).steps
    for step in steps:
        assert step.outcome is Outcome.DONE, f"BUG: {step.event} was planned and is {step.outcome}"
    return Plan(start, steps)


def _charted(engine: Engine, atlas: Atlas, pair: Pair) -> list[str]:
    """The way home, read off the atlas."""
    events: list[str] = []
    while event := atlas.next(pair):
        events.append(event)
        pair = engine.step(pair, event).pair
    return events


def _goal(engine: Engine, goal: Cubelike | tuple[Cubelike, ...] | None) -> tuple[Cube, ...]:
    """The goal as cubes, every name checked."""
    if goal is None:
        if not engine.model.goal:
            raise BadInput(f"the machine {engine.model.name!r} has no goal; say which: goal={{…}}")
        return engine.model.goal
    try:
        wanted = cubes(goal)
    except (AttributeError, TypeError):
        wanted = ()
    if not wanted:
        column = engine.model.columns[0]
        raise BadInput(
            "goal: expected columns and their values, such as "
            f"{{'{column.name}': '{column.domain[0]}'}}, or a tuple of such, not {goal!r:.80}"
        )
    for each in wanted:
        engine.check(each, "goal")
    return wanted


# --------------------------------------------------------------------- search


def _search(
    engine: Engine, start: Pair, goal: tuple[Cube, ...], without: Collection[str], budget: int
) -> list[str]:
    """The events of a shortest way; of the shortest ways, one with the fewest commands."""
    events = [
        (e.name, e.kind is Kind.COMMAND) for e in engine.model.events
        if e.kind is not Kind.FAULT and e.success and e.name not in without
    ]
    came: dict[Pair, tuple[Pair, str] | None] = {start: None}
    edge = {start: 0}
    while edge:
        there = engine.among(edge, goal)
        if there:
            return _way(came, min(there, key=edge.__getitem__))
        wider: dict[Pair, int] = {}
        for pair, commands in edge.items():
            for event, command in events:
                after = engine.after(pair, event)
                if after is None or (after in came and after not in wider):
                    continue
                spent = commands + command
                if spent >= wider.get(after, spent + 1):
                    continue
                if len(came) >= budget:
                    raise NoPlan(
                        f"no plan within {budget:,} pairs; raise the budget, or ask for a nearer "
                        "goal", exhausted=False)
                wider[after], came[after] = spent, (pair, event)
        edge = wider
    raise NoPlan(
        "no repairs, commands, timers and completions lead from this pair to the goal; "
        f"all {len(came):,} pairs that can be had were tried",
        exhausted=True,
    )


def _way(came: Mapping[Pair, tuple[Pair, str] | None], pair: Pair) -> list[str]:
    """The events that led to a pair, in order."""
    events = []
    while (before := came[pair]) is not None:
        pair, event = before
        events.append(event)
    return events[::-1]


def accepted_in(engine: Engine, command: str) -> tuple[Cube, ...]:
    """The cubes in which a command is accepted, as a goal for `plan`."""
    return tuple(
        rule.when for rule in sorted(engine.model.rules, key=lambda r: r.id)
        if rule.event == command and rule.outcome is Outcome.DONE
    )
