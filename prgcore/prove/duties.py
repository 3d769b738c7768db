"""F9: every rule asks for what its steps need, in their order, and for nothing else.

Law: asked of every rule alone, of all its steps inside the invariants at once. The actions of a
rule change no pair, so no other obligation sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import z3
from attrs import define, field, frozen

from prgcore.form.cubes import EVERYWHERE
from prgcore.model import Action, Cell, Const, Cube, Duty, Model, Rule
from prgcore.prove import vacuity
from prgcore.prove.counterexample import unreached
from prgcore.prove.induction import RLIMIT, half, touched
from prgcore.prove.relation import Relation, Term
from prgcore.prove.space import Space
from prgcore.prove.work import Judgement, Work
from prgcore.vocabulary import Method, Outcome, Verdict

__all__ = ["Duties", "Wrong", "disorder", "f9", "may_meet"]


@frozen
class Wrong:
    """An action that a rule lacks, does not need, or asks for in the wrong place or order.

    `pair` is before a step that shows it; it is empty where the solver gave up. Every step of the
    rule from `before` into some cube of `after` shows it too. Where `into` is false, every step
    into none of these cubes does.
    """

    says: str
    rule: Rule
    pair: dict[str, str]
    before: Cube = EVERYWHERE
    after: tuple[Cube, ...] = (EVERYWHERE,)
    into: bool = True


@define(eq=False)
class Duties:
    """The check of the rules of a machine against its duties.

    Attributes:
        solver: holds the invariants that are proved of every pair.
        harmless: for every action that a duty asks for, the cubes in which it does no harm.
    """

    relation: Relation
    solver: Term
    harmless: dict[Action, tuple[Cube, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        duties = self.relation.model.duties
        self.harmless = {
            action: tuple(
                cube for d in duties if action in d.asks for cube in d.harmless or (d.after,))
            for action in dict.fromkeys(a for d in duties for a in d.asks)
        }

    def wrong(self, rule: Rule) -> tuple[Wrong, ...]:
        """Every fault in the actions of a rule that is done."""
        if rule.outcome is not Outcome.DONE:
            return ()
        self.solver.push()
        self.solver.add(self.relation.fires(rule))
        found = tuple(_Steps(self, rule).wrong())
        self.solver.pop()
        return found

    def some(self, terms: list[Term]) -> bool:
        """Whether some pair satisfies one of the terms, or the solver gave up."""
        return bool(terms) and self.pair(self.relation.either(terms), read=False) is not None

    def pair(self, term: Term, *, read: bool = True) -> dict[str, str] | None:
        """A pair that satisfies a term; None if there is none, empty if it is not known."""
        self.solver.push()
        self.solver.add(term)
        answer = self.solver.check()
        known = read and answer == z3.sat
        pair = self.relation.read(self.solver.model()) if known else {}
        self.solver.pop()
        return None if answer == z3.unsat else pair


class _Steps:
    """The steps of one rule, held by the solver, and the duties that they may meet."""

    def __init__(self, duties: Duties, rule: Rule) -> None:
        self.duties, self.rule, self.relation = duties, rule, duties.relation
        self.asks = dict.fromkeys(rule.actions)
        self.effects = self.relation.effects(rule)
        self.met = tuple(
            (duty, self.relation.both([self.relation.holds(duty.before), self._leads(duty.after)]))
            for duty in may_meet(self.relation.model.duties, rule, self.relation.model)
        )

    def _leads(self, *into: Cube) -> Term:
        """The pair after the rule is in some of these cubes."""
        after = self.relation.either(self.relation.holds(cube) for cube in into)
        return self.relation.substituted(after, self.effects)

    def wrong(self) -> Iterator[Wrong]:
        """Every fault, in this order: not asked for, not needed, harmful, in disorder."""
        yield from self._missing()
        for action in self.asks:
            yield from self._needless(action)
        yield from self._harmful()
        for duty, met in self.met:
            for first, then in disorder(self.rule.actions, duty):
                yield from self._meets(duty, met, f"asks for {then} before {first} ({duty.id})")

    def _missing(self) -> Iterator[Wrong]:
        """The missing actions: all duties are asked at once, and each only if that finds a step."""
        unmet = [(duty, met) for duty, met in self.met if not {*duty.asks} <= {*self.asks}]
        if self.duties.some([met for _, met in unmet]):
            for duty, met in unmet:
                missing = ", ".join(str(a) for a in duty.asks if a not in self.asks)
                yield from self._meets(
                    duty, met, f"does not ask for {missing}: {duty.says} ({duty.id})")

    def _needless(self, action: Action) -> Iterator[Wrong]:
        needs = [term for duty, term in self.met if action in duty.asks]
        if action not in self.duties.harmless:
            says = f"asks for {action}, of which no duty speaks"
        elif self.rule.actions.count(action) > 1:
            says = f"asks for {action} twice"
        elif not self.duties.some(needs):
            says = f"asks for {action}, which no step of it needs"
        else:
            return
        pair = self.duties.pair(self.relation.true())
        if pair is not None:
            yield self._wrong(says, pair)

    def _harmful(self) -> Iterator[Wrong]:
        harms = {
            action: z3.Not(self._leads(*self.duties.harmless[action]))
            for action in self.asks if action in self.duties.harmless
        }
        if self.duties.some(list(harms.values())):
            for action, harm in harms.items():
                pair = self.duties.pair(harm)
                if pair is not None:
                    yield self._wrong(
                        f"asks for {action} where it does harm", pair,
                        after=self.duties.harmless[action], into=False)

    def _meets(self, duty: Duty, met: Term, says: str) -> Iterator[Wrong]:
        pair = self.duties.pair(met)
        if pair is not None:
            yield self._wrong(says, pair, before=duty.before, after=(duty.after,))

    def _wrong(
        self, says: str, pair: dict[str, str], before: Cube = EVERYWHERE,
        after: tuple[Cube, ...] = (EVERYWHERE,), *, into: bool = True,
    ) -> Wrong:
        says = says if pair else "the solver gave up"
        return Wrong(f"{self.rule.id} {says}", self.rule, pair, before, after, into)


def may_meet(duties: Iterable[Duty], rule: Rule, model: Model) -> Iterator[Duty]:
    """The duties that a step of a rule can meet, judged by its cells and constants: few remain."""
    changed = touched(rule, model)
    becomes = tuple(
        Cell(e.target, e.value.value) for e in rule.then if isinstance(e.value, Const))
    for duty in duties:
        before = rule.when & duty.before
        if before is not None and (not duty.events or rule.event in duty.events):
            stays = tuple(cell for cell in before if cell.column not in changed)
            if Cube(stays + becomes) & duty.after is not None:
                yield duty


def disorder(actions: tuple[Action, ...], duty: Duty) -> Iterator[tuple[Action, Action]]:
    """Two actions that a rule asks for the wrong way round: the first and the one that follows."""
    place = {action: n for n, action in enumerate(actions)}
    wanted = [(first, then) for then in duty.asks for first in duty.follows]
    wanted += zip(duty.asks, duty.asks[1:], strict=False)
    for first, then in wanted:
        if first in place and then in place and place[first] > place[then]:
            yield first, then


# ------------------------------------------------------------------ the obligation


def f9(work: Work) -> Judgement:
    """Every rule asks for what its steps need, in their order, and for nothing else."""
    if not work.model.duties:
        says = "the machine has no duties, which say what its actions are for"
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": says})
    solver = work.relation.solver(RLIMIT)
    solver.add(work.relation.inside(work.held))
    duties = Duties(work.relation, solver)
    wrong = [w for rule in half(work.model) for w in duties.wrong(rule)]
    if wrong:
        return _refuted(work, wrong)
    return vacuity.judged(work, Judgement(Verdict.PROVED, Method.INDUCTION, {
        "duties": len(work.model.duties),
        "rules that ask": sum(bool(r.actions) for r in work.model.rules),
    }), *work.model.duties)


def _refuted(work: Work, wrong: list[Wrong]) -> Judgement:
    """The finding, with a reachable step if there is one, else with the step of the solver."""
    detail = {"says": wrong[0].says, "all": [w.says for w in wrong]}
    space = work.space_or_none
    for one in wrong:
        number = _reached(space, one) if space else None
        if number is not None:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {**detail, "says": one.says},
                           work.at(number, one.says, one.rule.event))
    sure = next((w for w in wrong if w.pair), None)
    if sure is None:
        return Judgement(Verdict.UNKNOWN, Method.INDUCTION, detail)
    return Judgement(
        Verdict.REFUTED, Method.INDUCTION, {**detail, "says": sure.says},
        unreached(work.engine, space, sure.pair, sure.rule.event, sure.says),
    )


def _reached(space: Space, wrong: Wrong) -> int | None:
    """The first reachable pair before a step that shows it."""
    edges = next(e for e in space.edges if e.rule.id == wrong.rule.id)
    leads = sum(_in(space, cube)[edges.target] for cube in wrong.after) > 0
    shown = edges.source[_in(space, wrong.before)[edges.source] & (leads == wrong.into)]
    return int(shown.min()) if len(shown) else None


def _in(space: Space, cube: Cube) -> Term:
    """Whether each reachable pair is in a cube."""
    return space.codec.test(cube).mask(space.codes)
