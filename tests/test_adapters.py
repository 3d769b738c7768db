"""One conformance suite for all adapters: every story and hundreds of random traces.

After every step the foreign machine's own state, the pair behind it and the answer are the
engine's.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from functools import cache

import pytest
from writer.stories import stories

from prgcore.engine import Engine, Pair
from prgcore.errors import ImpossibleEvent
from prgcore.machine import Machine, prg
from prgcore.model import Values
from prgcore.story.script import Script, parse, run
from tests.adapters import COLUMNS, SUBJECTS, Subject
from tests.planted import LAMPS, reachable
from tests.toys import LAMPS as DERIVED
from tests.toys import TURNSTILE

TOYS = {
    "turnstile": (Machine(TURNSTILE), ("arm",)),
    "planted lamps": (Machine(LAMPS), COLUMNS),
    "lamps": (Machine(DERIVED), ("node1.lamp", "switch")),
}
ALIKE = {"done": "taken", "ignored": "taken", "refused": "left", "impossible": "left"}
subjects = pytest.mark.parametrize("kind", SUBJECTS, ids=lambda k: k.__name__)


@cache
def _subject(kind: type[Subject], engine: Engine, columns: Values) -> Subject:
    return kind(engine, columns)


@cache
def _scripts() -> tuple[tuple[str, Script], ...]:
    return tuple((id_, parse(text)) for id_, text in stories().items())


def _agrees(subject: Subject, pair: Pair, columns: Values, where: str) -> None:
    assert dict(subject.pair) == dict(pair), where
    assert subject.shown == tuple(pair[c] for c in columns), where


def _answer(engine: Engine, pair: Pair, event: str) -> tuple[str, Pair]:
    try:
        decision = engine.step(pair, event)
    except ImpossibleEvent:
        return "impossible", pair
    return str(decision.outcome), decision.pair


def follow(
    subject: Subject, engine: Engine, columns: Values, start: Mapping[str, str],
    events: Iterable[str],
) -> Pair:
    """Take a walk through both; every step of it agrees."""
    pair = engine.pair(start)
    subject.start(pair)
    _agrees(subject, pair, columns, "at the start")
    for number, event in enumerate(events, 1):
        expected, after = _answer(engine, pair, event)
        where = f"step {number}, {event} from {dict(pair)}"
        assert subject.send(event) in (expected, ALIKE[expected]), where
        _agrees(subject, after, columns, where)
        pair = after
    return pair


@subjects
def test_every_story_is_told_the_same(kind: type[Subject]) -> None:
    assert len(_scripts()) > 90
    told = 0
    for name, script in _scripts():
        engine = prg(**script.policy)
        columns = COLUMNS[:1] if script.policy else COLUMNS  # a large chart is slow to make
        subject = _subject(kind, engine, columns)
        for step in run(engine, script).steps:
            assert not step.failed, name
            verb = step.line.verb
            if verb in ("start", "given"):
                subject.start(step.after)
            elif verb not in ("policy", "expect"):
                assert subject.send(step.line.name) in (verb, ALIKE[verb]), (name, step.line.text)
                told += 1
            if verb != "policy":
                _agrees(subject, step.after, columns, f"{name}, {step.line.text}")
    assert told > 700


def _pick(engine: Engine, dice: random.Random, pair: Pair, names: Values) -> str:
    """An event, twice in three times one that can happen."""
    if dice.random() < 1 / 3:
        return dice.choice(names)
    return dice.choice([n for n in names if engine.possible(pair, n)])


@subjects
def test_random_traces_end_in_the_same_pair(kind: type[Subject]) -> None:
    engine, dice, space = prg(), random.Random(2026), reachable()
    names = tuple(e.name for e in engine.model.events)
    subject = _subject(kind, engine, COLUMNS)
    seen = set()
    for number in dice.sample(range(len(space)), 1200):
        pair = engine.pair(space.pair(number))
        trace, at = [], pair
        for _ in range(3):
            trace.append(_pick(engine, dice, at, names))
            at = _answer(engine, at, trace[-1])[1]
        assert follow(subject, engine, COLUMNS, pair, trace) == at
        seen.add(subject.shown)
    assert len(seen) > 60, "the traces visit too few states"


@subjects
@pytest.mark.parametrize("toy", TOYS)
def test_a_machine_of_ones_own(kind: type[Subject], toy: str) -> None:
    (engine, columns), dice = TOYS[toy], random.Random(7)
    names = tuple(e.name for e in engine.model.events)
    subject = _subject(kind, engine, columns)
    for _ in range(5):
        follow(subject, engine, columns, engine.initial[0], dice.choices(names, k=60))


@pytest.mark.parametrize("fault", ["pair", "shown", "answer"])
def test_the_suite_finds_an_adapter_that_is_wrong(fault: str) -> None:
    engine, columns = TOYS["turnstile"]

    class Wrong(SUBJECTS[0]):  # type: ignore[misc, valid-type]
        pushed = False

        def send(self, event: str) -> str:
            self.pushed = event == "push"
            told: str = super().send(event)
            return "refused" if self.pushed and fault == "answer" else told

        @property
        def pair(self) -> Mapping[str, str]:
            return {"arm": "open"} if self.pushed and fault == "pair" else super().pair

        @property
        def shown(self) -> Values:
            return ("open",) if self.pushed and fault == "shown" else super().shown

    with pytest.raises(AssertionError, match="step 2, push from"):
        follow(Wrong(engine, columns), engine, columns, engine.initial[0], ["coin", "push"])
