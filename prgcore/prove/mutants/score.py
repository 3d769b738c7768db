"""M1: every mutant is noticed, or is the same machine; what is not is listed.

Law: counts and lists. An order of actions of which no duty speaks is *unordered*, never equivalent:
weaker duties turn kills into unordered mutants and survivors, so the score falls.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count
from typing import Any

from attrs import define, field

from prgcore.form.cubes import Stored
from prgcore.model import Model
from prgcore.prove.mutants.judge import EQUIVALENT, SURVIVED, UNORDERED, Judge
from prgcore.prove.mutants.kinds import every
from prgcore.prove.mutants.shape import Mutant
from prgcore.prove.theorems import Restated
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.vocabulary import Method, Verdict

__all__ = ["Tally", "fates", "obligation", "sample"]

_CHUNK = 16

_judge: Judge | None = None
_mutants: tuple[Mutant, ...] = ()


def _begin(model: Model, kinds: tuple[str, ...], restated: tuple[Restated, ...]) -> None:
    global _judge, _mutants
    _judge, _mutants = Judge(model, restated), every(model, kinds)


def _fate(number: int) -> str:
    assert _judge is not None, "BUG: a worker without a judge"
    return _judge.fate(_mutants[number])


def fates(
    model: Model, chosen: tuple[int, ...], kinds: tuple[str, ...] = (), workers: int | None = None,
    restated: tuple[Restated, ...] = (),
) -> Iterator[tuple[Mutant, str]]:
    """The fate of each of these mutants of some kinds, in order, worked out on all cores."""
    mutants = every(model, kinds)
    count = min(workers or cpu_count() or 1, max(1, len(chosen) // _CHUNK))
    if count == 1:
        judge = Judge(model, restated)
        for number in chosen:
            yield mutants[number], judge.fate(mutants[number])
        return
    with ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=(model, kinds, restated)
    ) as pool:
        for number, fate in zip(chosen, pool.map(_fate, chosen, chunksize=_CHUNK), strict=True):
            yield mutants[number], fate


def sample(count: int, of: int, seed: int) -> tuple[int, ...]:
    """Some numbers below `of`, the same for the same seed; all of them for a count of 0."""
    if not count or count >= of:
        return tuple(range(of))
    return tuple(sorted(random.Random(seed).sample(range(of), count)))  # noqa: S311


@define
class Tally:
    """The fates of some mutants, by kind.

    Attributes:
        listed: the mutants that may survive, each with its reason.
    """

    by: Counter[str] = field(factory=Counter)
    kinds: dict[str, Counter[str]] = field(factory=dict)
    unordered: list[str] = field(factory=list)
    survivors: list[str] = field(factory=list)
    listed: Mapping[str, str] = field(factory=dict)

    def add(self, mutant: Mutant, fate: str) -> None:
        """Count one mutant."""
        self.by[fate] += 1
        word = fate if fate in (EQUIVALENT, UNORDERED, SURVIVED) else "killed"
        self.kinds.setdefault(mutant.kind, Counter())[word] += 1
        if fate == UNORDERED:
            self.unordered.append(str(mutant))
        if fate == SURVIVED:
            self.survivors.append(str(mutant))

    def count(self, word: str) -> int:
        """So many mutants have this fate; `killed` is any obligation."""
        return sum(kind[word] for kind in self.kinds.values())

    @property
    def score(self) -> float:
        """Killed mutants by those that are another machine; 1 where there is none."""
        different = sum(self.by.values()) - self.count(EQUIVALENT)
        return self.count("killed") / different if different else 1.0

    def detail(self) -> dict[str, Any]:
        """The figures, as a report prints them."""
        return {
            "killed": self.count("killed"), "equivalent": self.count(EQUIVALENT),
            "unordered": self.count(UNORDERED), "surviving": self.count(SURVIVED),
            "score": round(self.score, 4),
            "kinds": {
                name: {word: kind[key] for word, key in (
                    ("killed", "killed"), ("equivalent", EQUIVALENT), ("unordered", UNORDERED),
                    ("surviving", SURVIVED)) if kind[key]}
                for name, kind in self.kinds.items()
            },
            "by": {id_: n for id_, n in sorted(self.by.items())
                   if id_ not in (EQUIVALENT, UNORDERED, SURVIVED)},
            "orders of which no duty speaks": self.unordered, "survivors": self.survivors,
            "listed": {name: why for name, why in self.listed.items() if name in self.survivors},
        }

    def wrong(self, *, whole: bool) -> str:
        """What refutes M1: a survivor that is not listed, or a listed one that is noticed."""
        strange = [s for s in self.survivors if s not in self.listed]
        if strange:
            return "no obligation notices: " + "; ".join(strange[:10])
        noticed = [name for name in self.listed if name not in self.survivors]
        if whole and noticed:
            return "listed as survivors, and noticed or gone: " + "; ".join(noticed[:10])
        return ""


def _untrue(model: Model, restated: tuple[Restated, ...]) -> str:
    """The theorem that the machine itself falls below: it would notice every mutant, and none."""
    stored = Stored(model.columns)
    return next((f"{r.name} notices nothing, because it fails already: {lack}" for r in restated
                 if (lack := r.lacks(model, stored))), "")


def obligation(
    count: int, seed: int, kinds: tuple[str, ...] = (), listed: Mapping[str, str] | None = None,
    restated: tuple[Restated, ...] = (),
) -> Obligation:
    """M1 over a sample, or over all mutants, of some kinds; `listed` may survive."""

    def run(work: Work) -> Judgement:
        refuted = [i.id for i in work.model.invariants if i.id not in work.held]
        if refuted:
            says = f"{', '.join(refuted)} must hold before the machine is broken on purpose"
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": says})
        says = _untrue(work.model, restated)
        if says:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says})
        of = len(every(work.model, kinds))
        chosen = sample(count, of, seed)
        tally = Tally(listed=listed or {})
        for number, (mutant, fate) in enumerate(
                fates(work.model, chosen, kinds, restated=restated)):
            tally.add(mutant, fate)
            if work.progress:
                work.progress("M1", number + 1, len(chosen))
        detail = {"mutants": len(chosen), "of": of, "seed": seed, **tally.detail()}
        says = tally.wrong(whole=len(chosen) == of and not kinds)
        if says:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, **detail})
        return Judgement(Verdict.PROVED, Method.SEARCH, detail)

    return Obligation("M1", "every mutant of the machine is noticed, or is the same machine", run)
