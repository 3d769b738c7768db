"""Supports: the needs of the induction of a promise, and nothing that it can spare.

Law: reads the table and asks Z3. What is named cannot be left out: without any one of the
invariants and of the cells of the world that are named, the proof of the step fails. There may be
other sets that are enough. A promise that is proved by search needs no other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import combinations

import z3
from attrs import define, evolve, field, frozen

from prgcore.model import Cube, Model, Rule
from prgcore.prove.induction import RLIMIT, half, touched
from prgcore.prove.relation import Relation, Term
from prgcore.vocabulary import Kind, Outcome

__all__ = ["Support", "Supports"]


@frozen
class Support:
    """The needs of one promise.

    Attributes:
        invariants: ids of the other invariants in its hypothesis.
        world: cells of `possible`, as `event: column = values`; of one seat, for a machine that is
            its own mirror.
        closure: ids of all invariants that it needs, and that those need in their turn.
    """

    id: str
    invariants: tuple[str, ...] = ()
    world: tuple[str, ...] = ()
    closure: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """`{"invariants": [ids], "closure": [ids], "world": [cells]}`."""
        return {"invariants": list(self.invariants), "closure": list(self.closure),
                "world": list(self.world)}


@frozen(eq=False)
class _Question:
    """Terms that hold together in no pair, if the hypothesis is strong enough."""

    terms: tuple[Term, ...]
    cells: tuple[tuple[str, Term], ...] = ()


@define(eq=False, slots=False)
class Supports:
    """The supports of the promises of a machine: of its invariants, its guard checks and of F2.

    Attributes:
        proved: ids of the invariants that are inductive together.
    """

    model: Model
    proved: tuple[str, ...]
    _known: dict[str, Support | None] = field(init=False, factory=dict)
    _hardest: _Question | None = field(init=False, default=None)

    @cached_property
    def _relation(self) -> Relation:
        return Relation(self.model)

    @cached_property
    def _literals(self) -> dict[str, Term]:
        """A switch for every proved invariant; the solver holds what each switches on."""
        context = self._relation.context
        return {id_: z3.Bool(f"use {id_}", context) for id_ in self.proved}

    @cached_property
    def _solver(self) -> Term:
        solver = self._relation.solver(RLIMIT)
        for invariant in self.model.invariants:
            if invariant.id in self._literals:
                solver.add(z3.Implies(
                    self._literals[invariant.id], z3.Not(self._relation.broken(invariant))))
        return solver

    def of(self, id_: str) -> Support | None:
        """The needs of a promise, and theirs in turn; None for one that no induction proves."""
        first = self._direct(id_)
        if first is None:
            return None
        found: dict[str, None] = {}
        todo = [*first.invariants]
        while todo:
            one = todo.pop()
            if one not in found:
                found[one] = None
                more = self._direct(one)
                todo += more.invariants if more else ()
        closure = tuple(i for i in self.proved if i in found and i != id_)
        return evolve(first, closure=closure)

    def _direct(self, id_: str) -> Support | None:
        if id_ not in self._known:
            parts = list(self._holes() if id_ == "F2" else self._guards(id_))
            if id_ in self.proved:
                parts += self._steps(id_)
            asked = bool(parts) or id_ in self.proved
            self._known[id_] = self._least(id_, parts) if asked else None
        return self._known[id_]

    # ---------------------------------------------------------------- questions

    def _ways(self, event: str) -> Iterator[tuple[tuple[str, Term], ...]]:
        """For every way of an event its cells, each with its name."""
        kind = next(e.kind for e in self.model.events if e.name == event)
        if kind is Kind.COMMAND:
            yield ()
        for entry in self.model.possible:
            if entry.event == event:
                yield tuple(
                    (f"{event}: {c.column} = {' or '.join(c.values)}",
                     self._relation.holds(Cube((c,)))) for c in entry.when)

    def _steps(self, id_: str) -> Iterator[_Question]:
        """Whether a rule can break the invariant, in every way of its event."""
        relation = self._relation
        invariant = next(i for i in self.model.invariants if i.id == id_)
        columns = {c.column for cube in invariant.never for c in cube}
        kept = z3.Not(relation.broken(invariant))
        for rule in half(self.model):
            if rule.then and touched(rule, self.model) & columns:
                after = relation.after(rule, relation.broken(invariant))
                for way in self._ways(rule.event):
                    yield _Question((kept, relation.holds(rule.when), after), way)

    def _holes(self) -> Iterator[_Question]:
        relation = self._relation
        for event in self.model.events:
            if event.kind is not Kind.COMMAND:
                answers = [relation.holds(r.when) for r in self._rules(event.name)]
                yield _Question((relation.happens(event.name), z3.Not(relation.either(answers))))

    def _rules(self, event: str) -> list[Rule]:
        return [r for r in self.model.rules if r.event == event]

    def _guards(self, id_: str) -> Iterator[_Question]:
        """Whether an event that must be done is not; the other guard checks need no invariant."""
        relation = self._relation
        for check in self.model.accepted_only:
            if check.id == id_ and check.exactly:
                done = relation.either([
                    relation.fires(r) for r in self._rules(check.command)
                    if r.outcome is Outcome.DONE])
                inside = relation.either([relation.holds(c) for c in check.when])
                yield _Question((inside, z3.Not(done)))

    # ---------------------------------------------------------------- the least that is enough

    def _least(self, id_: str, parts: Iterable[_Question]) -> Support | None:
        """Sets that answer every question and cannot spare a name; None: the solver gave up.

        Little of the world comes first, few invariants second. Names are tried in the order of the
        file, so the result is the same for every solver. The cores only save questions.
        """
        asked = list(parts)
        cells = list(dict.fromkeys(name for q in asked for name, _ in q.cells))
        others = [i for i in self.proved if i != id_]
        cores = self._cores(asked, {*cells, *others})
        if cores is None:
            return None
        world, cores = self._spared(asked, cells, {*cells, *others}, cores)
        needed = [
            i for i in others
            if self._cores([q for q, core in zip(asked, cores, strict=True) if i in core],
                           {*world, *others} - {i}) is None]
        rest = [i for i in others if i not in needed]
        for size in range(3):
            for more in combinations(rest, size):
                if self._cores(asked, {*world, *needed, *more}) is not None:
                    return self._support(id_, world, {*needed, *more})
        kept, _ = self._spared(asked, rest[::-1], {*world, *others}, cores)
        return self._support(id_, world, {*needed, *kept})

    def _support(self, id_: str, world: Iterable[str], invariants: set[str]) -> Support:
        return Support(id_, tuple(i for i in self.proved if i in invariants), tuple(world))

    def _spared(
        self, asked: list[_Question], names: list[str], allowed: set[str], cores: list[set[str]],
    ) -> tuple[list[str], list[set[str]]]:
        """Those of the names that cannot be left out, tried one by one, and the cores without the rest."""
        for name in names:
            todo = [n for n, core in enumerate(cores) if name in core]
            fresh = self._cores([asked[n] for n in todo], allowed - {name})
            if fresh is not None:
                allowed = allowed - {name}
                for n, core in zip(todo, fresh, strict=True):
                    cores[n] = core
        return [n for n in names if n in allowed], cores

    def _cores(self, asked: list[_Question], allowed: set[str]) -> list[set[str]] | None:
        """The core of every question; None where one of them has no proof from what is allowed.

        A question that has failed is asked first the next time: it is likely to fail again.
        """
        found: dict[int, set[str]] = {}
        order = sorted(range(len(asked)), key=lambda n: asked[n] is not self._hardest)
        for n in order:
            core = self._core(asked[n], allowed)
            if core is None:
                self._hardest = asked[n]
                return None
            found[n] = core
        return [found[n] for n in range(len(asked))]

    def _core(self, question: _Question, names: Iterable[str]) -> set[str] | None:
        """Those of the names that the answer *no such pair* used; None if that is not the answer."""
        context = self._relation.context
        wanted = set(names)
        solver = self._solver
        solver.push()
        solver.add(*question.terms)
        switches = {str(s): id_ for id_, s in self._literals.items() if id_ in wanted}
        literals = [self._literals[id_] for id_ in switches.values()]
        for name, term in question.cells:
            if name in wanted:
                literals.append(z3.Bool(f"cell {name}", context))
                switches[f"cell {name}"] = name
                solver.add(z3.Implies(literals[-1], term))
        answer = solver.check(*literals)
        used = {switches[str(s)] for s in solver.unsat_core()} if answer == z3.unsat else None
        solver.pop()
        return used
