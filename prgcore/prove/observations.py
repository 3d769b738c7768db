"""Observations and convergences: what is reached, what never is, and what does not last.

Law: both are sections of a machine; no row of any table is known here. An observation is answered
by its shortest trace or by a proof. A convergence is answered by the chains of timers and
completions inside its cubes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prgcore.model import Convergence, Invariant, Observation
from prgcore.prove import vacuity
from prgcore.prove.counterexample import Counterexample
from prgcore.prove.progress import Graph, Numbers, chain, chains
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.vocabulary import Method, Verdict
from prgcore.words import counted

__all__ = ["FAIR", "observations"]

FAIR = ("A-FAIR: a timer or completion that is possible again and again eventually occurs "
        "(strong fairness)")


def observations(
    many: tuple[Observation, ...], converging: tuple[Convergence, ...],
    assumptions: tuple[str, ...],
) -> tuple[Obligation, ...]:
    """The obligations of these sections of a machine, in the order of the file."""
    return (
        *(Obligation(o.id, o.says or o.id, vacuity.under(_observed(o), o), assumptions)
          for o in many),
        *(Obligation(c.id, c.says or c.id, vacuity.under(_converges(c), c), (*assumptions, FAIR))
          for c in converging),
    )


# ------------------------------------------------------------------------ observations


def _observed(observation: Observation) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        space = work.space_or_none
        numbers = () if space is None else [
            int(w[0]) for c in observation.when if len(w := space.where(c))]
        if numbers:
            return _reached(observation, work.at(min(numbers), observation.says))
        proof, _ = work.by_induction(Invariant(observation.id, observation.says, observation.when))
        proof = proof or Judgement(Verdict.PROVED, Method.SEARCH, {"pairs": len(work.space)})
        if observation.expect == "reached":
            return Judgement(Verdict.REFUTED, proof.method, {
                "observed": "never", "says": "no reachable pair is there, and one is expected"})
        return Judgement(
            _good(observation), proof.method, {"observed": "never", **proof.detail})

    return run


def _reached(observation: Observation, shown: Counterexample) -> Judgement:
    steps = len(shown.trace)
    detail = {"observed": "reached", "steps": steps, "trace": list(shown.trace)}
    if not shown.agrees:
        return Judgement(Verdict.DISAGREE, Method.SEARCH, detail, shown)
    if observation.expect == "never":
        says = f"reached in {counted(steps, 'step')}, and expected never"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, **detail}, shown)
    return Judgement(_good(observation), Method.SEARCH, detail)


def _good(observation: Observation) -> Verdict:
    return Verdict.PROVED if observation.expect else Verdict.REPORTED


# ------------------------------------------------------------------------ convergences


def _converges(promise: Convergence) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        space, model = work.space, work.model
        there = np.zeros(len(space), np.bool_)
        for cube in promise.leaves:
            there[space.where(cube)] = True
        leaving, inside = _split(work.by_itself, there)
        moves = np.zeros(len(space), np.bool_)
        moves[leaving] = True
        moves[inside.source] = True
        stuck = np.flatnonzero(there & ~moves)
        if len(stuck):
            says = f"nothing leads out by itself ({counted(len(stuck), 'such pair')})"
            return _refuted(work, int(stuck[0]), says)
        found = chains(space, inside)
        if found.cycle:
            rules = [model.rules[n].id for n in found.cycle]
            says = f"these rules follow one another for ever inside: {', '.join(rules)}"
            return _refuted(work, found.on_cycle, says, rules)
        steps = found.longest + 1
        first = found.first if found.longest else int(there.argmax())
        inner = chain(inside, found) if found.longest else []
        rules = [model.rules[n].id for n in inner]
        if promise.within and steps > promise.within:
            says = f"{counted(steps, 'step')} can pass, and {promise.within} at most are promised"
            return _refuted(work, first, says, rules)
        return Judgement(Verdict.PROVED, Method.SEARCH, {
            "pairs": int(there.sum()), "steps at most": steps,
            **({"longest stay": rules} if rules else {}),
        })

    return run


def _split(edges: Graph, there: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[Numbers, Graph]:
    """The pairs with an edge out of the cubes, and the edges that stay in them."""
    begins, stays = there[edges.source], there[edges.target]
    inside = begins & stays & (edges.source != edges.target)
    return edges.source[begins & ~stays], Graph(
        edges.source[inside], edges.target[inside], edges.rule[inside])


def _refuted(work: Work, number: int, says: str, rules: list[str] | None = None) -> Judgement:
    detail = {"says": says, **({"rules": rules} if rules else {})}
    return Judgement(Verdict.REFUTED, Method.SEARCH, detail, work.at(number, says))
