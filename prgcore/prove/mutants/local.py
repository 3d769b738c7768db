"""What a changed edge breaks by itself: the obligations that look at one step at a time.

Law: says only what is true of the mutant, so the given edges must be steps that it really reaches.
An obligation that the whole machine must answer is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

import numpy as np
from attrs import define, field

from prgcore.model import AcceptedOnly, Cube, Duty, Exclusive, Model, OnlyBy, Shown
from prgcore.prove import document
from prgcore.prove.codec import Codes
from prgcore.prove.duties import disorder, may_meet
from prgcore.prove.mutants.edges import Change, Reached, Steps
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Local"]

_FIRST = 512
"""So many pairs are asked first: most that is broken is broken by these."""


@define(eq=False)
class Local:
    """The obligations of a machine that one step can break."""

    reached: Reached
    model: Model = field(init=False)
    duties: tuple[Duty, ...] = field(init=False)
    _printed: dict[Shown | None, set[str]] | None = field(init=False, default=None)
    _kinds: dict[str, Kind] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.model = self.reached.space.model
        self.duties = self.model.duties
        self._kinds = {e.name: e.kind for e in self.model.events}
        if not document.missing(self.model, document.citations):
            self._printed = document.halves(self.model.situations)

    def with_duties(self, duties: tuple[Duty, ...]) -> Local:
        """The same obligations, F9 by other duties."""
        other = copy(self)
        other.duties = duties
        return other

    def notices(self, changes: Iterable[Change], steps: Steps) -> str:
        """The obligation that one of these steps of a mutant breaks; empty if none does."""
        for change in changes:
            found = self._one(change, steps)
            if found:
                return found
        return ""

    def _one(self, change: Change, steps: Steps) -> str:
        if change.event.startswith("-"):
            return ""
        if change.many or (change.rule is None and self._kinds[change.event] is not Kind.COMMAND):
            return "F1" if change.many else "F2"
        codes = self.reached.codes(change.source)
        done = change.rule is not None and change.rule.outcome is Outcome.DONE
        for check in self.model.accepted_only:
            if check.command == change.event and self._accepts(check, codes, steps, done=done):
                return "F5"
        return self._done(change, codes, steps) if done else ""

    def _done(self, change: Change, codes: Codes, steps: Steps) -> str:
        if self._idle(change, codes):
            return "F7"
        return (
            self._breaks(change.target, steps)
            or self._guards(change, codes, steps)
            or self._asks(change, codes, steps)
            or self._prints(change, codes)
        )

    def _idle(self, change: Change, codes: Codes) -> bool:
        """F7: a step that is done and changes nothing."""
        rule = change.rule
        command = self._kinds[change.event] is Kind.COMMAND
        if rule is None or (command and rule.actions and not rule.then):
            return False
        same = np.ones(len(change.source), np.bool_)
        for a, b in zip(codes, change.target, strict=True):
            same &= a == b
        return bool(same.any())

    def _breaks(self, target: Codes, steps: Steps) -> str:
        """An invariant that a next pair breaks; the original reaches none that does."""
        fresh = np.flatnonzero(self.reached.number(target) < 0)
        for some in (fresh[:_FIRST], fresh[_FIRST:]):
            codes = [c[some] for c in target]
            if len(some):
                for invariant in self.model.invariants:
                    if any(len(steps.test(c).where(codes)) for c in invariant.never):
                        return "S"
        return ""

    # ------------------------------------------------------------- guard checks

    def _accepts(self, check: AcceptedOnly, codes: Codes, steps: Steps, *, done: bool) -> bool:
        inside = _in(check.when, codes, steps)
        return bool(not inside.all() if done else check.exactly and inside.any())

    def _guards(self, change: Change, codes: Codes, steps: Steps) -> str:
        broken = any(self._both(x, change.event, codes, steps) for x in self.model.exclusive) or any(
            self._sets(o, change, codes, steps) for o in self.model.only_by)
        return "F5" if broken else ""

    def _both(self, check: Exclusive, event: str, codes: Codes, steps: Steps) -> bool:
        mine = {event, event.partition("(")[0]} & {*check.commands}
        if not mine:
            return False
        if _in(check.never_in, codes, steps).any():
            return True
        others = [
            r for e in self.model.events
            if {e.name, e.name.partition("(")[0]} & ({*check.commands} - mine)
            for r in steps.rules(e.name) if r.outcome is Outcome.DONE
        ]
        return any(len(steps.test(r.when).where(codes)) for r in others)

    def _sets(self, check: OnlyBy, change: Change, codes: Codes, steps: Steps) -> bool:
        allowed = dict(check.when).get(change.event)
        if change.event in check.events and allowed is None:
            return False
        domain = steps.codec.domain[check.column]
        wanted = domain.index(check.value)
        before = steps.codec.value(check.column, codes)
        after = steps.codec.value(check.column, change.target)
        amiss = (before != wanted) & (after == wanted)
        return bool((amiss if allowed is None else amiss & ~steps.test(allowed).mask(codes)).any())

    # ------------------------------------------------------- actions, and citations

    def _asks(self, change: Change, codes: Codes, steps: Steps) -> str:
        """F9, of these steps: a missing or harmful action, or two in disorder."""
        rule = change.rule
        assert rule is not None, "BUG: a step that is done has a rule"
        asks = {*rule.actions}
        for duty in may_meet(self.duties, rule, self.model):
            wrong = not {*duty.asks} <= asks or any(True for _ in disorder(rule.actions, duty))
            if wrong and (steps.test(duty.before).mask(codes)
                          & steps.test(duty.after).mask(change.target)).any():
                return "F9"
        for action in asks:
            harmless = [
                cube for d in self.duties if action in d.asks
                for cube in d.harmless or (d.after,)]
            if harmless and not _in(harmless, change.target, steps).all():
                return "F9"
        return ""

    def _prints(self, change: Change, codes: Codes) -> str:
        """C4, of these steps: a display that another row prints than those that the rule cites."""
        rule = change.rule
        if self._printed is None or rule is None:
            return ""
        rows = {c.removeprefix("table2:") for c in rule.cite if c.startswith("table2:")}
        if not rows:
            return ""
        codec = self.reached.space.codec
        for node in document.NODES:
            state, reason = f"{node}.state", f"{node}.reason"
            after = [codec.value(c, change.target).astype(np.int32) for c in (state, reason)]
            before = [codec.value(c, codes) for c in (state, reason)]
            moved = (after[0] != before[0]) | (after[1] != before[1])
            for code in np.unique((after[0] * 256 + after[1])[moved]).tolist():
                shown = Shown(
                    str(codec.domain[state][code // 256]), str(codec.domain[reason][code % 256]))
                by = self._printed.get(shown, set())
                if by and not by & rows:
                    return "C4"
        return ""

    # ------------------------------------------------------------- derived columns

    def means(self, columns: set[str], steps: Steps, pairs: Codes) -> str:
        """An invariant that pairs break where the meaning of some columns has changed."""
        for invariant in self.model.invariants:
            for cube in invariant.never:
                if columns & {c.column for c in cube} and len(steps.test(cube).where(pairs)):
                    return "S"
        return ""


def _in(cubes: Iterable[Cube], codes: Codes, steps: Steps) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each pair is in one of the cubes."""
    mask = np.zeros(len(codes[0]), np.bool_)
    for cube in cubes:
        mask |= steps.test(cube).mask(codes)
    return mask
