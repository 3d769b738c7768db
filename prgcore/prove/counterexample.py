"""A failed proof as a story that a newcomer understands, and that can be committed.

Law: nothing is shown that the interpreter did not replay. A reachable pair comes with its
shortest trace. A pair that only contradicts induction comes with a clause that would exclude it
and that is true of every reachable pair.
"""

from __future__ import annotations

from itertools import combinations
from textwrap import fill
from typing import Any

import numpy as np
from attrs import evolve, frozen

from prgcore.engine import Engine
from prgcore.errors import NotTotal, PrgError
from prgcore.model import Cell, Cube, Invariant
from prgcore.prove.space import Space
from prgcore.story.script import as_story, run, tell, verbatim
from prgcore.words import WIDTH

__all__ = ["Counterexample", "excluding", "replayed", "unreached"]


@frozen
class Counterexample:
    """The pair before, the rule, the pair after; the way there; and all of it as a story.

    Attributes:
        trace: events from the start, where `reachable`.
        steps: the steps of the story, one line each; empty where the solver names no pair.
        says: the broken promise, one sentence without its full stop.
        notes: further remarks, one sentence each.
        agrees: whether the interpreter replays it as the prover says.
    """

    before: dict[str, str]
    event: str
    rule: str
    after: dict[str, str]
    reachable: bool
    trace: tuple[str, ...]
    steps: str
    says: str
    notes: tuple[str, ...] = ()
    agrees: bool = True

    @property
    def broken(self) -> tuple[str, ...]:
        """The broken promise and the further remarks, one sentence each."""
        return (f"{self.says}.", *self.notes)

    @property
    def story(self) -> str:
        """The text for a person: the steps, then the broken promise."""
        if not self.steps:
            return self.says
        said = "\n".join(fill(line, WIDTH) for line in (f"Broken: {self.says}.", *self.notes))
        return f"{self.steps}\n{said}"

    def to_json(self) -> dict[str, Any]:
        """The shape of the contract."""
        return {
            "before": self.before, "event": self.event, "rule": self.rule, "after": self.after,
            "reachable": self.reachable, "trace": self.trace, "story": self.story,
            "agrees": self.agrees,
        }


def replayed(
    engine: Engine, space: Space, number: int, says: str, event: str = ""
) -> Counterexample:
    """The shortest trace to a reachable pair, followed by the event if one is given.

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
        tuple(events), _steps(trusting, events, pairs[0]), says, agrees=agrees,
    )


def _trusting(engine: Engine) -> Engine:
    """The same machine without its invariants, which answers in pairs that break them."""
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


def _steps(engine: Engine, events: list[str], start: dict[str, str]) -> str:
    text = as_story(engine, events, engine.pair(start))
    return tell(run(engine, verbatim(engine, text)), tally=False)


def unreached(
    engine: Engine,
    space: Space | None,
    pair: dict[str, str],
    event: str,
    says: str,
    invariant: Invariant | None = None,
) -> Counterexample:
    """The story of a pair from a solver: its trace if it is reachable, else a clause against it.

    An empty pair means: the solver found that there is one, but not which.
    """
    number = space.find(pair) if space and pair else None
    if space and number is not None:
        return replayed(engine, space, number, says, event)
    if not pair:
        return Counterexample({}, event, "", {}, False, (), "", says)
    trusting = _trusting(engine)
    after, fired, possible = _answer(trusting, pair, event) if event else (pair, "", True)
    notes = [] if invariant is None else [f"({invariant.id} is not inductive.)"]
    if space:
        clause = excluding(space, pair)
        cells = " and ".join(f"{c.column} = {c.values[0]}" for c in clause or ())
        found = f"; a clause that would exclude it: never {cells}" if cells else ""
        notes.append(f"This pair is not reachable{found}.")
    steps = _steps(trusting, [event] if event else [], pair)
    return Counterexample(
        pair, event, fired, after, False, (), steps, says, tuple(notes), possible)


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
