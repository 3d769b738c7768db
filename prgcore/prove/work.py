"""The shared work of obligations: the machine, its reachable pairs, the induction, and verdicts.

Law: every search and every proof that several obligations need is done here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import z3
from attrs import define, evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted
from prgcore.model import Invariant, Model
from prgcore.prove import table
from prgcore.prove.budget import searching
from prgcore.prove.counterexample import Counterexample, replayed, unreached
from prgcore.prove.induction import RLIMIT, Proof, breaks, induct
from prgcore.prove.progress import Graph, distances, graph
from prgcore.prove.relation import Relation
from prgcore.prove.space import Space, search
from prgcore.vocabulary import Kind, Method, Verdict

__all__ = ["BY_ITSELF", "HOMEWARD", "Judgement", "Obligation", "Work"]

BY_ITSELF = (Kind.TIMER, Kind.COMPLETION)
HOMEWARD = (*BY_ITSELF, Kind.REPAIR, Kind.COMMAND)


@frozen
class Judgement:
    """The finding of an obligation."""

    verdict: Verdict
    method: Method
    detail: dict[str, Any] = field(factory=dict)
    counterexample: Counterexample | None = None


@frozen
class Obligation:
    """A promise to prove: `run(work)` returns its finding, and `model` is its subject."""

    id: str
    title: str
    run: Callable[[Work], Judgement]
    assumptions: tuple[str, ...] = ()
    model: str = "P"


@define(eq=False)
class Work:
    """The work that obligations share: the machine, its reachable pairs, the induction.

    Attributes:
        known: the result of the induction, if it was worked out before.
        symbolic: whether nothing is searched, so that only induction and tables decide.
    """

    engine: Engine
    progress: Callable[[str, int, int], None] | None = None
    known: Proof | None = None
    symbolic: bool = False
    guards: dict[str, Judgement | None] = field(factory=dict)
    empty: dict[Any, tuple[Any, ...]] = field(factory=dict)

    @property
    def model(self) -> Model:
        return self.engine.model

    @property
    def space(self) -> Space:
        """Every reachable pair.

        Raises:
            BudgetExhausted: the machine is too large, the budget ended, or nothing is searched.
        """
        if isinstance(self._searched, BudgetExhausted):
            raise self._searched
        return self._searched

    @cached_property
    def _searched(self) -> Space | BudgetExhausted:
        if self.symbolic:
            return BudgetExhausted("not searched: --symbolic leaves out every search")
        try:
            with searching():
                return search(self.model)
        except BudgetExhausted as error:
            return error.with_traceback(None)  # which would keep the pairs found in memory

    @cached_property
    def held(self) -> tuple[str, ...]:
        """The invariants that hold of every reachable pair, by induction or by search."""
        held = list(self.proof.proved)
        for invariant in self.model.invariants:
            if invariant.id not in held and self.space_or_none and not any(
                    self.space.meets(c) for c in invariant.never):
                held.append(invariant.id)
        return tuple(held)

    @cached_property
    def relation(self) -> Relation:
        """The machine as Z3 terms."""
        return Relation(self.model)

    @cached_property
    def proof(self) -> Proof:
        """The result of the induction, worked out or already known.

        A proof for timers that fire at any time (S18) holds for other timers too. The stronger
        question is therefore asked first, and the weaker one only if it fails.
        """
        if self.known:
            return self.known
        if self.liar:
            proof = self.liar.proof
            if len(proof.proved) == len(self.model.invariants):
                return proof
        return induct(self.model)

    @cached_property
    def liar(self) -> Work | None:
        """The same machine with failure detectors that need not tell the truth."""
        possible = table.untruthful(self.model)
        if possible == self.model.possible:
            return None
        return Work(Engine(evolve(self.model, possible=possible)), symbolic=self.symbolic)

    def beside(self, model: Model) -> Work:
        """The work on a machine that takes the same steps and promises something else."""
        other = Work(Engine(model), known=self.proof)
        space = copy(self.space)
        space.model = model
        other._searched = space
        return other

    @cached_property
    def by_itself(self) -> Graph:
        return graph(self.space, BY_ITSELF, failing=True)

    @cached_property
    def homeward(self) -> Graph:
        return graph(self.space, HOMEWARD, failing=False)

    def distances(self, *kinds: Kind) -> Any:
        """Steps home from every pair by successful events of these kinds; -1: no way.

        One of every pair and its mirror image is asked about, and the answer is unfolded.
        """
        halves = self.space.halves
        goal = np.concatenate([self.space.where(c) for c in self.model.goal])
        edges = graph(self.space, kinds, failing=False, halved=True)
        edges = evolve(edges, target=edges.target // 2, rule=edges.rule[:0])
        return distances(halves, edges, np.unique(halves.turn[goal] // 2))[halves.turn // 2]

    def refuted(self, method: Method, says: str, witness: table.Witness) -> Judgement:
        """A finding with a pair that the solver or a table found."""
        return Judgement(
            Verdict.REFUTED, method, {"says": says},
            unreached(self.engine, self.space_or_none, witness.pair or {}, witness.event, says),
        )

    def failed(self, witnesses: tuple[table.Witness, ...]) -> Judgement:
        """The finding of a check with witnesses: refuted by a pair, unknown without any."""
        sure = next((w for w in witnesses if w.pair), None)
        if sure is None:
            return Judgement(Verdict.UNKNOWN, Method.TABLE, {"says": "the solver gave up"})
        return self.refuted(Method.TABLE, sure.says, sure)

    def by_induction(self, invariant: Invariant) -> tuple[Judgement | None, Proof]:
        """The proof of an invariant beside those of the machine, without a search; None if none is found.

        It follows from the proved invariants, or is inductive together with them.
        """
        solver = self.relation.solver(RLIMIT)
        solver.add(self.relation.inside(self.proof.proved), self.relation.broken(invariant))
        if solver.check() == z3.unsat:
            says = "follows from the proved invariants"
            return Judgement(Verdict.PROVED, Method.INDUCTION, {"says": says}), Proof()
        held = [i for i in self.model.invariants if i.id in self.proof.proved]
        proof = induct(self.model, [*held, invariant], rules=self.model.rules)
        found = invariant.id in proof.proved
        return Judgement(Verdict.PROVED, Method.INDUCTION) if found else None, proof

    def step(self, proof: Proof, id_: str, invariant: Invariant) -> Counterexample | None:
        """The step that shows that an invariant is not inductive, if the solver found one."""
        step = proof.steps.get(id_)
        if step is None:
            return None
        found = unreached(
            self.engine, self.space_or_none, step.before, step.event, invariant.says, invariant)
        bad = breaks(invariant, found.after, self.model)
        return evolve(found, agrees=found.agrees and found.rule == step.rule and bad)

    @property
    def space_or_none(self) -> Space | None:
        """The reachable pairs, or None where the machine is too large to search."""
        try:
            return self.space
        except BudgetExhausted:
            return None

    def at(self, number: int, says: str, event: str = "") -> Counterexample:
        """A reachable pair as a counterexample: the shortest trace to it, replayed."""
        return replayed(self.engine, self.space, number, says, event)
