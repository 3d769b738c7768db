"""The reachable steps that a mutant changes, found without searching again.

Law: an edge is a pair, an event, the next pair, the actions in their order, and the outcome. Pairs
are numbers of the original machine's space, codes where a step leads out of it. A mutant without a
changed edge reaches the same pairs: it is the same machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from prgcore.model import Cube, Model, Rule
from prgcore.prove.codec import Codec, Codes, Move, Test
from prgcore.prove.space import Space
from prgcore.seats import Mirror
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Change", "Numbers", "Reached", "Steps"]

Numbers: TypeAlias = npt.NDArray[np.int32]
_NONE = np.zeros(0, np.int32)


@frozen(eq=False)
class Change:
    """Changed edges of one event that one rule answers now, or none.

    Attributes:
        rule: the rule that answers in the mutant; None: no rule does.
        source: the pairs, ascending.
        target: the codes of the next pairs, for a rule that is done.
        many: more than one rule answers.
    """

    event: str
    rule: Rule | None
    source: Numbers
    target: Codes = field(factory=list)
    many: bool = False

    def only(self, keep: Any) -> Change:
        """The edges that a mask keeps."""
        return Change(self.event, self.rule, self.source[keep],
                      [c[keep] for c in self.target], self.many)


@define(eq=False)
class Steps:
    """The steps of a machine from some pairs, read with a codec of its own.

    Attributes:
        base: the steps of the original machine. Look-up tables are taken from it where they do not
            read the columns in `changed`.
    """

    model: Model
    codec: Codec
    base: Steps | None = None
    changed: frozenset[str] = frozenset()
    _rules: dict[str, list[Rule]] = field(init=False, factory=dict)
    _ways: dict[str, list[Cube]] = field(init=False, factory=dict)
    _tests: dict[int, tuple[Cube, Test]] = field(init=False, factory=dict)
    _moves: dict[int, tuple[Rule, Move]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for event in self.model.events:
            self._rules[event.name] = []
            if event.kind is not Kind.COMMAND:
                self._ways[event.name] = []
        for rule in self.model.rules:
            self._rules[rule.event].append(rule)
        for entry in self.model.possible:
            self._ways[entry.event].append(entry.when)

    def test(self, cube: Cube) -> Test:
        """A cube as look-up tables, made once."""
        if self.base is not None and not any(c.column in self.changed for c in cube):
            return self.base.test(cube)
        known = self._tests.get(id(cube))
        if known is None or known[0] is not cube:
            known = self._tests[id(cube)] = cube, self.codec.test(cube)
        return known[1]

    def move(self, rule: Rule) -> Move:
        """The effects of a rule as look-up tables, made once."""
        if self.base is not None and not any(
                getattr(e.value, "column", "") in self.changed for e in rule.then):
            return self.base.move(rule)
        known = self._moves.get(id(rule))
        if known is None or known[0] is not rule:
            known = self._moves[id(rule)] = rule, self.codec.move(rule)
        return known[1]

    def is_command(self, event: str) -> bool:
        """Whether the event is possible everywhere."""
        return event not in self._ways

    def happens(self, event: str, codes: Codes) -> npt.NDArray[np.bool_]:
        """Whether the event is possible in each of these pairs."""
        if event not in self._ways:
            return np.ones(len(codes[0]), np.bool_)
        mask = np.zeros(len(codes[0]), np.bool_)
        for cube in self._ways[event]:
            mask |= self.test(cube).mask(codes)
        return mask

    def answers(self, event: str, codes: Codes) -> tuple[npt.NDArray[np.int16], Codes]:
        """For each pair the answer, and the next pair.

        The answer is the number of a rule of the event; -1: no rule; -2: several; -3: impossible.
        """
        count = len(codes[0])
        found = np.full(count, -1, np.int16)
        after = [c.copy() for c in codes]
        happens = self.happens(event, codes)
        for number, rule in enumerate(self._rules[event]):
            at = self.test(rule.when).where(codes)
            at = at[happens[at]]
            if not len(at):
                continue
            found[at] = np.where(found[at] == -1, number, -2)
            if rule.outcome is Outcome.DONE:
                moved = self.move(rule).apply(self.codec, [c[at] for c in codes])
                for whole, part in zip(after, moved, strict=True):
                    whole[at] = part
        found[~happens] = -3
        return found, after

    def rules(self, event: str) -> list[Rule]:
        """The rules of an event, in the machine's order."""
        return self._rules[event]


@define(eq=False)
class Reached:
    """The reachable steps of the original machine."""

    space: Space
    steps: Steps = field(init=False)
    _happens: dict[str, Numbers | None] = field(init=False, factory=dict)
    _sources: dict[str, Numbers] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.steps = Steps(self.space.model, self.space.codec)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every rule."""
        return {r.id: n for n, r in enumerate(self.space.model.rules)}

    def image(self, numbers: Numbers) -> Numbers:
        """The mirror images of some pairs, in a machine that is its own mirror."""
        halves = self.space.halves
        turns = halves.turn.take(numbers)
        turned: Numbers = halves.number.take(np.where(halves.alone.take(turns // 2), turns, turns ^ 1))
        return turned

    def source(self, rule: Rule) -> Numbers:
        """The pairs in which a rule fires, ascending."""
        if rule.id not in self._sources:
            self._sources[rule.id] = np.sort(self.space.edges[self.numbers[rule.id]].source)
        return self._sources[rule.id]

    @cached_property
    def _trees(self) -> dict[str, Numbers]:
        """By event the pairs that are first reached by it."""
        rules = self.space.model.rules
        events: dict[str, list[Numbers]] = {}
        order = np.argsort(self.space.via, kind="stable")
        bounds = np.searchsorted(self.space.via[order], np.arange(len(rules) + 1))
        for n, rule in enumerate(rules):
            events.setdefault(rule.event, []).append(
                order[bounds[n]:bounds[n + 1]].astype(np.int32))
        return {event: np.concatenate(parts) for event, parts in events.items()}

    def codes(self, numbers: Any) -> Codes:
        """The codes of some pairs."""
        return [c[numbers] for c in self.space.codes]

    def number(self, codes: Codes) -> Numbers:
        """The numbers of pairs given by codes; -1 for those that the original never reaches."""
        index = self.space._index  # noqa: SLF001, a reader of the same room
        places = [known.take(block).astype(np.int64)
                  for known, block in zip(index.ids, codes, strict=True)]
        met = np.flatnonzero(np.minimum.reduce(places) >= 0)
        turns = index.look(index.key([p[met] for p in places]))
        found = np.full(len(codes[0]), -1, np.int32)
        found[met] = np.where(turns < 0, -1, self.space.halves.number.take(turns))
        return found

    def where(self, event: str, cube: Cube) -> Numbers:
        """The pairs in which the event is possible and the cube holds, ascending."""
        if event not in self._happens:
            self._happens[event] = None if self.steps.is_command(event) else np.flatnonzero(
                self.steps.happens(event, self.space.codes)).astype(np.int32)
        here = self._happens[event]
        test = self.space.codec.test(cube)
        if here is None:
            return test.where(self.space.codes).astype(np.int32)
        return here[test.where(self.codes(here))]

    # ------------------------------------------------------------ what changes

    def of_rule(self, old: Rule, new: Rule | None) -> Iterator[Change]:
        """The edges that change where one rule becomes another one of the same event."""
        before = self.source(old)
        if new is None:
            now = _NONE
        elif new.when is old.when:
            now = before
        else:
            now = self.where(old.event, new.when)
        lost, gained = _without(before, now), _without(now, before)
        if len(lost):
            yield Change(old.event, None, lost)
        if new is not None and len(gained):
            yield Change(old.event, new, gained, self._after(new, gained))
        kept = before if now is before else np.intersect1d(before, now, assume_unique=True)
        if new is not None and len(kept):
            yield from self._differs(old, new, kept)

    def of_two(self, new: Rule, two: Rule) -> Iterator[Change]:
        """The edges that change where a rule answers for another one of its event as well."""
        source = self.source(two)
        if len(source):
            yield from self._differs(two, new, source)

    def _differs(self, old: Rule, new: Rule, source: Numbers) -> Iterator[Change]:
        """The edges from some pairs, in all of which both rules answer, that differ."""
        after = self._after(new, source)
        change = Change(old.event, new, source, after)
        if new.outcome is not old.outcome or new.actions != old.actions:
            yield change
        elif after and new.then != old.then:
            differs = np.zeros(len(source), np.bool_)
            for a, b in zip(self._after(old, source), after, strict=True):
                differs |= a != b
            if differs.any():
                yield change.only(differs)

    def _after(self, rule: Rule, numbers: Numbers) -> Codes:
        if rule.outcome is not Outcome.DONE:
            return []
        return self.space.codec.move(rule).apply(self.space.codec, self.codes(numbers))

    def of_pairs(self, steps: Steps, numbers: Numbers, events: Iterable[str]) -> Iterator[Change]:
        """The edges of some events from some pairs that change in another machine.

        The other machine has the same rules in the same order.
        """
        codes = self.codes(numbers)
        for event in events:
            old, before = self.steps.answers(event, codes)
            new, after = steps.answers(event, codes)
            differs = old != new
            for a, b in zip(before, after, strict=True):
                differs |= a != b
            at = np.flatnonzero(differs)
            if not len(at):
                continue
            rules = steps.rules(event)
            for number in np.unique(new[at]).tolist():
                here = at[new[at] == number]
                rule = rules[number] if number >= 0 else None
                target = ([c[here] for c in after]
                          if rule is not None and rule.outcome is Outcome.DONE else [])
                if number == -3:
                    yield Change(f"-{event}", None, numbers[here])
                else:
                    yield Change(event, rule, numbers[here], target, many=number == -2)

    # -------------------------------------------------------- what stays reachable

    def still(self, changes: list[Change], mirror: Mirror | None) -> npt.NDArray[np.bool_]:
        """The pairs whose shortest trace takes no changed edge: the mutant surely reaches them."""
        broken = np.zeros(len(self.space), np.bool_)
        changed: dict[str, npt.NDArray[np.bool_]] = {}
        for change in changes:
            event = change.event.removeprefix("-")
            mask = changed.setdefault(event, np.zeros(len(self.space), np.bool_))
            mask[change.source] = True
            if mirror:
                other = changed.setdefault(
                    mirror.name(event), np.zeros(len(self.space), np.bool_))
                other[self.image(change.source)] = True
        for event, mask in changed.items():
            pairs = self._trees.get(event, _NONE)
            broken[pairs[mask[self.space.parent[pairs]]]] = True
        alive = ~broken
        level = (*self.space.level, len(self.space))
        first = int(np.argmax(broken)) if broken.any() else len(self.space)
        for low, high in pairwise(level[1:]):
            if high > first:
                alive[low:high] &= alive[self.space.parent[low:high]]
        return alive

    def nearest(self, changes: list[Change]) -> list[Change]:
        """The changed edges from the pairs of least depth: no other changed edge leads there."""
        first = min(int(c.source[0]) for c in changes)
        level = (*self.space.level, len(self.space))
        end = level[int(np.searchsorted(level, first, side="right"))]
        return [c.only(c.source < end) for c in changes if int(c.source[0]) < end]


def _without(these: Numbers, others: Numbers) -> Numbers:
    """The ascending numbers that are not among others."""
    if these is others or not len(these):
        return _NONE
    if not len(others):
        return these
    return np.setdiff1d(these, others, assume_unique=True)
