"""A failed proof as a story that a newcomer understands, and that can be committed.

Law: nothing is shown that the interpreter did not replay. A reachable pair comes with its
shortest trace; one that is only a counterexample to induction comes with the clause, true of
every reachable pair, that would exclude it.
"""

from __future__ import annotations

from itertools import combinations
from textwrap import fill

import numpy as np
from attrs import evolve, frozen

from prgcore.engine import Engine
from prgcore.errors import NotTotal, PrgError
from prgcore.model import Cell, Cube, Invariant
from prgcore.prove.space import Space
from prgcore.story.script import as_story, parse, run, tell

__all__ = ["Counterexample", "excluding", "replayed", "unreached"]


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
    trusting = _trusting(engine)
    rules = space.trace(number)
    pairs = [space.pair(space.start(number))]
    agrees = True
    for rule in rules:
        after, fired, _ = _answer(trusting, pairs[-1], rule.event)
        agrees = agrees and fired == rule.id
        pairs.append(after)
    agrees = agrees and pairs[-1] == space.pair(number)
    events = [r.event for r in rules]
    fired = rules[-1].id if rules else ""
    if event:
        after, fired, possible = _answer(trusting, pairs[-1], event)
        agrees = agrees and possible
        pairs.append(after)
        events.append(event)
    return Counterexample(
        pairs[-2] if events else pairs[-1], events[-1] if events else "", fired, pairs[-1], True,
        tuple(events), _tell(trusting, events, pairs[0], says), agrees,
    )


def _trusting(engine: Engine) -> Engine:
    """The same machine without its invariants, so that it answers in pairs that break them."""
    return Engine(evolve(engine.model, invariants=()))


def _answer(
    engine: Engine, pair: dict[str, str], event: str
) -> tuple[dict[str, str], str, bool]:
    """The pair afterwards, the rule that fired, and whether the event is possible at all."""
    try:
        decision = engine.step(pair, event)
    except NotTotal:
        return pair, "", True
    except PrgError:
        return pair, "", False
    return dict(decision.pair), decision.rule.id if decision.rule else "", True


def _tell(engine: Engine, events: list[str], start: dict[str, str], says: str) -> str:
    text = as_story(engine, events, engine.pair(start))
    return f"{tell(run(engine, parse(text)), tally=False)}\n{fill(f'Broken: {says}.', 80)}"


def unreached(
    engine: Engine,
    space: Space | None,
    pair: dict[str, str],
    event: str,
    says: str,
    invariant: Invariant | None = None,
) -> Counterexample:
    """A pair that a solver found. If it is reachable after all, its trace; else what excludes it.

    An empty pair: the solver found that there is one and not which.
    """
    number = space.find(pair) if space and pair else None
    if space and number is not None:
        return replayed(engine, space, number, says, event)
    if not pair:
        return Counterexample({}, event, "", {}, False, (), says)
    trusting = _trusting(engine)
    after, fired, possible = _answer(trusting, pair, event) if event else (pair, "", True)
    story = _tell(trusting, [event] if event else [], pair, says)
    if invariant is not None:
        story += f"\n({invariant.id} is not inductive.)"
    if space:
        clause = excluding(space, pair)
        cells = " and ".join(f"{c.column} = {c.values[0]}" for c in clause or ())
        found = f"; a clause that would exclude it: never {cells}" if cells else ""
        story += "\n" + fill(f"This pair is not reachable{found}.", 80)
    return Counterexample(pair, event, fired, after, False, (), story, possible)


def excluding(space: Space, pair: dict[str, str]) -> Cube | None:
    """The smallest conjunction of cells of a pair (at most three) that no reachable pair has."""
    cells = [Cell(name, value) for name, value in pair.items()]
    masks = {
        c.column: np.packbits(space.codec.test(Cube((c,))).mask(space.codes)) for c in cells
    }
    for size in (1, 2, 3):
        for some in combinations(cells, size):
            together = masks[some[0].column]
            for cell in some[1:]:
                together = together & masks[cell.column]
            if not together.any():
                return Cube(some)
    return None
