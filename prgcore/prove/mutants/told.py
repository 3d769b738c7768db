"""Causes and stories (C1, C5): only those that take a changed edge can end otherwise."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from attrs import define, field

from prgcore.engine import Engine, Pair
from prgcore.errors import PrgError
from prgcore.model import Situation, Story
from prgcore.prove import document
from prgcore.prove.mutants.edges import Change, Numbers, Reached
from prgcore.seats import Mirror, mirror_name
from prgcore.story.script import run

__all__ = ["Told"]


@define(eq=False)
class _Takes:
    """The edges that causes and stories take: by event the pair, and the number of the story."""

    reached: Reached
    _pairs: dict[str, list[tuple[int, int]]] = field(init=False, factory=dict)

    def note(self, pair: Pair, event: str, check: int) -> None:
        stored = self.reached.space.model.columns
        number = self.reached.space.find({c.name: pair[c.name] for c in stored if not c.derived})
        if number is not None:
            self._pairs.setdefault(event, []).append((number, check))

    def walk(self, engine: Engine, events: tuple[str, ...], check: int) -> None:
        pair = engine.initial[0]
        for event in events:
            self.note(pair, event, check)
            pair = engine.step(pair, event).pair

    def arrays(self) -> dict[str, tuple[Numbers, Numbers]]:
        return {event: (made[:, 0], made[:, 1]) for event, pairs in self._pairs.items()
                for made in [np.array(pairs, np.int32)]}


@define(eq=False)
class Told:
    """The causes and stories of a machine, and the edges that each of them takes."""

    reached: Reached
    _checks: list[tuple[str, Callable[[Engine], bool]]] = field(init=False, factory=list)
    _takes: dict[str, tuple[Numbers, Numbers]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        model = self.reached.space.model
        engine, takes = Engine(model), _Takes(self.reached)
        starts = {"initial": (), **dict(model.starts)}
        for situation in [] if document.missing(model, document.causes) else model.situations:
            for cause, mirrored in product(situation.causes, (False, True)):
                told = (*starts[cause.start], *cause.events)
                events = tuple(mirror_name(e) if mirrored else e for e in told)
                takes.walk(engine, events, len(self._checks))
                self._checks.append(("C1", _cause(situation, events, mirrored=mirrored)))
        for story in model.stories:
            for step in run(engine, story, dict(model.starts)).steps:
                if step.line.verb == "start":
                    takes.walk(engine, starts[step.line.name], len(self._checks))
                elif step.kind is not None:
                    takes.note(step.before, step.line.name, len(self._checks))
            self._checks.append(("C5", _story(story)))
        self._takes = takes.arrays()

    def notices(
        self, changes: list[Change], machine: Callable[[], Engine], mirror: Mirror | None
    ) -> str:
        """C1 or C5, if a cause or a story that takes a changed edge fails; else empty."""
        touched: set[int] = set()
        for change in changes:
            event = change.event.removeprefix("-")
            seats = [(event, change.source)]
            if mirror:
                seats.append((mirror.name(event), self.reached.image(change.source)))
            for name, numbers in seats:
                if name in self._takes:
                    pairs, checks = self._takes[name]
                    touched |= {*checks[np.isin(pairs, numbers)].tolist()}
        if not touched:
            return ""
        engine = machine()
        return next((id_ for id_, fails in (self._checks[n] for n in sorted(touched))
                     if fails(engine)), "")


def _cause(
    situation: Situation, events: tuple[str, ...], *, mirrored: bool
) -> Callable[[Engine], bool]:
    return lambda engine: bool(document.follow(engine, situation, list(events), mirrored=mirrored))


def _story(story: Story) -> Callable[[Engine], bool]:
    def fails(engine: Engine) -> bool:
        try:
            return not run(engine, story, dict(engine.model.starts)).ok
        except PrgError:
            return True

    return fails
