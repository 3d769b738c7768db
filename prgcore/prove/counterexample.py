"""A failed proof as a story that a newcomer understands, and that can be committed.

Law: nothing is shown that the interpreter did not replay. A reachable pair comes with its
shortest trace; one that is only a counterexample to induction comes with the clause, true of
every reachable pair, that would exclude it.
"""

from __future__ import annotations

from itertools import combinations

from attrs import frozen

from prgcore.engine import Engine
from prgcore.errors import PrgError
from prgcore.model import Cell, Cube, Invariant
from prgcore.prove.space import Space
from prgcore.story import as_story, parse, run, tell
from prgcore.vocabulary import Outcome


@frozen
class Counterexample:
    """The pair before, the rule, the pair after; the way there; and all of it as a story.

    Attributes:
        trace: events from the start, where `reachable`.
        agrees: the interpreter replays it as the prover says.
    """

    before: dict[str, str]
    event: str
    rule: str
    after: dict[str, str]
    reachable: bool
    trace: tuple[str, ...]
    story: str
    agrees: bool = True


def replayed(
    engine: Engine, space: Space, number: int, says: str, event: str = ""
) -> Counterexample:
    """The shortest trace to a reachable pair, and one event more if one is given.

    Without an event the last step of the trace is the counterexample.
    """
    rules = space.trace(number)
    events = [r.event for r in rules] + ([event] if event else [])
    start = space.pair(space.start(number))
    pairs = [start]
    agrees = True
    for name in events:
        after = _move(engine, pairs[-1], name)
        agrees = agrees and after is not None
        pairs.append(pairs[-1] if after is None else after)
    if not event:
        agrees = agrees and pairs[-1] == space.pair(number)
    last = events[-1] if events else ""
    before = pairs[-2] if events else pairs[-1]
    rule = rules[-1].id if rules and not event else _rule(engine, before, last)
    return Counterexample(
        before, last, rule, pairs[-1], True, tuple(events),
        _tell(engine, events, start, says), agrees,
    )


def _trusting(engine: Engine) -> Engine:
    """The same machine without its invariants, so that it answers in pairs that break them."""
    from attrs import evolve

    if not engine.model.invariants:
        return engine
    return Engine(evolve(engine.model, invariants=()))


def _move(engine: Engine, pair: dict[str, str], event: str) -> dict[str, str] | None:
    try:
        return dict(_trusting(engine).step(pair, event).pair)
    except PrgError:
        return None


def _rule(engine: Engine, pair: dict[str, str], event: str) -> str:
    try:
        decision = _trusting(engine).step(pair, event)
    except PrgError:
        return ""
    return decision.rule.id if decision.rule and decision.outcome is not Outcome.REFUSED else ""


def _tell(engine: Engine, events: list[str], start: dict[str, str], says: str) -> str:
    trusting = _trusting(engine)
    text = as_story(trusting, events, trusting.pair(start))
    return f"{tell(run(trusting, parse(text)), tally=False)}\nBroken: {says}."


def unreached(
    engine: Engine,
    space: Space | None,
    pair: dict[str, str],
    event: str,
    says: str,
    invariant: Invariant | None = None,
) -> Counterexample:
    """A pair that a solver found. If it is reachable after all, its trace; else what excludes it."""
    number = space.find(pair) if space and pair else None
    if space and number is not None:
        return replayed(engine, space, number, says, event)
    after = _move(engine, pair, event) if event else None
    story = _tell(engine, [event] if event else [], pair, says) if pair else says
    if invariant is not None:
        story += f"\n({invariant.id} is not inductive.)"
    if space:
        clause = excluding(space, pair)
        if clause:
            cells = " and ".join(f"{c.column} = {c.values[0]}" for c in clause)
            story += f"\nThis pair is not reachable; a clause that would exclude it: never {cells}."
        else:
            story += "\nThis pair is not reachable."
    return Counterexample(
        pair, event, _rule(engine, pair, event) if event else "", after or pair, False, (),
        story, agrees=not event or after is not None,
    )


def excluding(space: Space, pair: dict[str, str]) -> Cube | None:
    """The smallest conjunction of cells of a pair (at most three) that no reachable pair has."""
    cells = [Cell(name, value) for name, value in pair.items()]
    masks = {c.column: space.codec.test(Cube((c,))).mask(space.codes) for c in cells}
    for size in (1, 2, 3):
        for some in combinations(cells, size):
            together = masks[some[0].column]
            for cell in some[1:]:
                together = together & masks[cell.column]
            if not together.any():
                return Cube(some)
    return None
