"""The obligations of a network: D1 served once, D2 the record, D3 refinement, D4 rest, D5 a bound.

Law: a search decides each but D5, a bound on time that the solver proves
(`prgcore.prove.timing`). A promise that is empty is not proved. Every story is replayed by the
interpreter of networks, and every step of D3 is asked of the interpreter of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, evolve, field

from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted, PrgError, unknown_name
from prgcore.model import Cube, Invariant
from prgcore.network import Network, Setting, Snapshot
from prgcore.network.facts import Facts
from prgcore.prove.budget import Budget, running
from prgcore.prove.mirrored import symmetry
from prgcore.prove.network.copies import Copies
from prgcore.prove.network.facing import Machine
from prgcore.prove.network.frontier import Networks, joined, search
from prgcore.prove.network.records import Records
from prgcore.prove.network.rows import Each
from prgcore.prove.network.steps import Step
from prgcore.prove.network.tales import tale
from prgcore.prove.progress import Graph, chains
from prgcore.prove.report import Report, Result
from prgcore.prove.table import untruthful
from prgcore.prove.timing import DUAL_SERVICE, dual_service
from prgcore.prove.work import Judgement
from prgcore.prove.work import Work as Asked
from prgcore.vocabulary import Method, Outcome, Verdict
from prgcore.wire.machine_file import digest
from prgcore.words import listed

__all__ = ["OBLIGATIONS", "missing", "prove"]

OBLIGATIONS = {
    "D1": "no group of users is served by two nodes at once",
    "D2": "the first promise about the record holds of the record",
    "D3": "every step is a step of the proved machine by the same rule, or leaves the pair as it "
          "is",
    "D4": "once cuts are healed, time and heartbeats alone lead to equal copies, and to rest",
    "D5": DUAL_SERVICE.title,
}
"""The obligations, each with its sentence."""

_NET = {
    "loss": "heartbeats may be lost", "delay": "delayed", "duplicate": "doubled",
    "reorder": "overtaken", "one-way": "cut one way", "cut": "cut both ways",
}

_SERVING = {
    "cas+lease": (
        ("A-CLK(rho), A-PAUSE(p), A-STOP(s): what a node serves by a lease has ended before its claim "
         "does; D1 does not count time, and T10 says of which lease and wait this is true"),),
    "cas+fence": ("A-CHECK: every effect carries its epoch, and every resource looks at it",),
}
"""What the arbiters assume of those who serve: the verdict on D1 stands or falls with it."""


def missing(engine: Engine) -> tuple[str, ...]:
    """The sections that a machine lacks for a network: who hears, and who serves."""
    wants = {
        "serves": engine.model.serves,
        "hears with heard and lost": all(Facts(engine).heard) and all(Facts(engine).lost),
    }
    return tuple(name for name, there in wants.items() if not there)


def assumptions(setting: Setting, id_: str) -> tuple[str, ...]:
    """The assumptions of an obligation about the world, by the names of the theory."""
    net = listed([says for word, says in _NET.items() if setting.has(word)], "and")
    found = [f"A-NET: {net}" if net else "A-NET: every heartbeat arrives at once"]
    if setting.has("delay"):
        found[0] += "; at most one is in flight each way"
    if setting.recorded:
        found.append("A-LIN: one record, written by compare-and-set, as if by one node at a time")
        found.append("A-PAUSE: a reading of the record may be old, for any time"
                     if setting.has("pause") else "A-PAUSE(0): every write is read at once")
        if setting.has("commands"):
            found.append("A-DEED: what a command orders of a node is done when it is written")
    if id_ == "D1":
        found += _SERVING.get(setting.arbiter, ())
        found.append("A-CRASH: a node whose manager does not run serves nobody")
    if id_ == "D4":
        found.append("A-QUIET: no cut, loss, crash or command comes after")
        found.append("A-FAIR: time, heartbeats and readings that can lead on eventually do")
    return tuple(found)


def prove(
    engine: Engine, setting: Setting, only: Iterable[str] = (), *,
    budget: float | None = None, memory: int | None = None, listen: Any = None,
) -> Report:
    """The report on the networks of a machine under one setting.

    Raises:
        BadInput: there is no such obligation.
    """
    wanted = tuple(only)
    for id_ in wanted:
        if id_ not in OBLIGATIONS:
            raise BadInput(unknown_name("obligation of model D", id_, OBLIGATIONS))
    begun = perf_counter()
    lacking = missing(engine)
    results = []
    with running(Budget(budget, memory, listen)):
        stop = wanted if wanted and {*wanted} <= {"D1", "D2", "D5"} else ()
        work = _Work(engine, setting, stop) if not lacking else None
        for id_, title in OBLIGATIONS.items():
            if wanted and id_ not in wanted:
                continue
            started = perf_counter()
            assumed = assumptions(setting, id_)
            if work is None:
                found = Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {
                    "says": f"the machine lacks {listed(lacking, 'and')}"})
            elif id_ == "D5":
                found, assumed = _bounded(engine, setting)
            else:
                found = work.judged(id_)
            wrong = found.counterexample is not None and not found.counterexample.agrees
            results.append(Result(
                id_, work.title(id_) if work else title,
                Verdict.DISAGREE if wrong else found.verdict, found.method, assumed,
                perf_counter() - started, found.detail, found.counterexample, model="D"))
    return Report(engine.model.name, digest(engine.model), engine.model.policy, tuple(results),
                  perf_counter() - begun)


def _bounded(engine: Engine, setting: Setting) -> tuple[Judgement, tuple[str, ...]]:
    """D5, and what it assumes. With an arbiter there is nothing to bound."""
    bound = dual_service(engine.model)
    if setting.arbiter == "none":
        try:
            return bound.run(Asked(engine)), bound.assumptions
        except BudgetExhausted as error:
            return Judgement(
                Verdict.UNKNOWN, Method.INDUCTION, {"says": str(error)}), bound.assumptions
    return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {
        "says": "it is about two nodes without an arbiter"}), ()


@define(eq=False, slots=False)
class _Work:
    """The search of one setting, and what is asked of it.

    Attributes:
        stop: the promises at whose refutations the search may end.
    """

    engine: Engine
    setting: Setting
    stop: tuple[str, ...] = ()
    found: Networks | None = None
    edges: _Edges | None = None

    def __attrs_post_init__(self) -> None:
        self.machine = Machine(self.engine, Facts(self.engine), symmetry(self.engine.model))
        kind = Records if self.setting.recorded else Copies
        self.system: Any = kind(self.machine, self.setting)
        self.promise = self._promise()
        self.questions = {"D1": self._twice, "moved": self._moved}
        if self.setting.arbiter == "self-fence":
            self.questions["let go"] = self._let_go
        if self.promise:
            self.questions["D2"] = self._broken(self.promise)
            for n in (0, 1):
                self.questions[f"D2 node{n + 1}"] = self._part(self.promise, n)

    def _promise(self) -> Invariant | None:
        """The first promise of the machine that reads only the record, and of both nodes."""
        shared = {self.machine.stored[k] for k in self.machine.facts.shared}
        return next((i for i in self.engine.model.invariants if not i.auxiliary and all(
            {c.column for c in cube} <= shared and all(
                any(c.column.startswith(f"{node}.") for c in cube) for node in ("node1", "node2"))
            for cube in i.never)), None)

    # ------------------------------------------------------------------------ questions

    def _twice(self, state: Any) -> npt.NDArray[Any]:
        mine, peers = self.system.serves(state)
        return np.asarray((mine & peers) > 0)

    def _at_first(self) -> tuple[int, ...]:
        """The groups that each node serves at the start, one bit each."""
        if not hasattr(self, "served"):
            self.served = tuple(int(bits[0]) for bits in self.system.serves(self._start()))
        return self.served

    def _moved(self, state: Any) -> npt.NDArray[Any]:
        """Whether a node serves a group that it did not serve at the start."""
        mine, peers = self.system.serves(state)
        first = self._at_first()
        return np.asarray(((mine & ~first[0]) | (peers & ~first[1])) > 0)

    def _let_go(self, state: Any) -> npt.NDArray[Any]:
        """Whether a node that runs does not serve a group that it served at the start."""
        found = np.zeros(len(state.mine), np.bool_)
        for side, copies, bits, first in zip(
                self.system.sides, (state.mine, state.peers), self.system.serves(state),
                self._at_first(), strict=True):
            found |= side.runs.of(copies) & ((first & ~bits) > 0)
        return found

    def _start(self) -> Any:
        starts = dict(self.engine.model.starts).get("normal", ())
        return self.system.start([
            dict(self.engine.run(pair, *starts).end) for pair in self.engine.initial])

    def _tested(self, cube: Cube, n: int) -> Each:
        """Whether the columns of one node, as that node knows them, are in a cube."""
        mirror, table = self.machine.mirror, self.system.tables[n]
        node = ("node1", "node2")[n]
        half = Cube(tuple(c for c in cube if c.column.startswith(f"{node}.")))
        tested: Each = table.in_cubes([mirror.cube(half) if n and mirror else half])
        return tested

    def _part(self, promise: Invariant, n: int) -> Any:
        tests = [self._tested(cube, n) for cube in promise.never]
        return lambda state: np.any([t.of(state[n]) for t in tests], axis=0)

    def _broken(self, promise: Invariant) -> Any:
        """Whether the record breaks the promise; without one, the nodes' own halves together."""
        if self.setting.recorded:
            known = Each(self.system.records, lambda codes: self.machine.mask(codes, promise.never))
            return lambda state: known.of(state.record)
        tests = [[self._tested(cube, n) for n in (0, 1)] for cube in promise.never]
        return lambda state: np.any([
            one.of(state.mine) & other.of(state.peers) for one, other in tests], axis=0)

    # -------------------------------------------------------------------------- search

    def searched(self) -> Networks:
        """The networks that can be reached, or those on the way to the shortest stories."""
        if self.found is None:
            self.edges = _Edges(self.system) if self.setting.recorded else None
            self.found = search(
                self.system, self._start(), self.questions,
                stop=[id_ for id_ in self.stop if id_ in self.questions],
                watch=self.edges.watch if self.edges else None)
        return self.found

    def closed(self) -> Networks:
        """All networks.

        Raises:
            BudgetExhausted: the budget ended, or there are too many.
        """
        found = self.searched()
        if not found.closed:
            raise BudgetExhausted(found.ended)
        return found

    def title(self, id_: str) -> str:
        """The sentence of an obligation."""
        return self.promise.says if id_ == "D2" and self.promise else OBLIGATIONS[id_]

    def judged(self, id_: str) -> Judgement:
        """The finding of an obligation."""
        asked = {"D1": self._d1, "D2": self._d2, "D3": self._d3, "D4": self._d4}[id_]
        try:
            return asked()
        except BudgetExhausted as error:
            return Judgement(Verdict.UNKNOWN, Method.SEARCH, {"says": str(error)})

    def apart(self, _: Network, at: Snapshot) -> bool:
        """Whether two nodes that run differ in what both know, as the interpreter sees it."""
        facts = self.machine.facts
        known = (*facts.shared, *facts.told[0], *facts.told[1])
        one, other = ([copy[k] for k in known] for copy in at.copies)
        return one != other or not all((*at.current, *at.timely))

    def size(self, found: Networks) -> dict[str, Any]:
        mirrored = {"with mirror images": found.whole} if found.closed and self.system.folded else {}
        return {"networks": len(found), **mirrored, "depth": found.depth,
                **({} if found.closed else {"searched": found.ended or "to the shortest story"})}

    def _depth(self, found: Networks, question: str) -> int:
        return len(found.steps(found.first[question])) - 1

    def _refuted(
        self, found: Networks, question: str, says: str, holds: Any, expected: Any = None,
    ) -> Judgement:
        way = tale(self.engine, found, found.first[question])
        counterexample = way.counterexample(
            self.engine, says, holds, *(expected(way.network, way.after) if expected else ()))
        return Judgement(Verdict.REFUTED, Method.SEARCH, {
            "steps": len(way.moves), **self.size(found)}, counterexample)

    def _d1(self) -> Judgement:
        found = self.searched()
        if "D1" in found.first:
            def served(network: Network, at: Snapshot) -> list[str]:
                return [f"served twice {group}" for group in network.twice(at)]
            return self._refuted(found, "D1", OBLIGATIONS["D1"], lambda network, at: bool(
                network.twice(at)), None if self.setting.arbiter == "cas+fence" else served)
        self.closed()
        if says := self._idle(found):
            return Judgement(Verdict.VACUOUS, Method.SEARCH, {"says": says, **self.size(found)})
        moved = f"after {self._depth(found, 'moved')} steps" if "moved" in found.first else "never"
        return Judgement(Verdict.PROVED, Method.SEARCH, {
            **self.size(found), "a group is served by another node": moved})

    def _idle(self, found: Networks) -> str:
        """Why D1 forbids nothing that could come about; empty: it does.

        Some group is served by one node in one network, and by the other node in another. A
        node that fences itself takes nobody over: there one that runs lets go of a group.
        """
        served = np.zeros(2, np.int64)
        for state in found.levels:
            for view in (state, self.system.turned(state)) if self.system.folded else (state,):
                served |= [np.bitwise_or.reduce(bits) for bits in self.system.serves(view)]
        if not served.any():
            return "nobody is ever served"
        if self.setting.arbiter == "self-fence":
            return "" if "let go" in found.first else "no node that runs ever lets go of a group"
        return "" if served[0] & served[1] else "no group is ever served by one node, then by another"

    def _d2(self) -> Judgement:
        found = self.searched()
        if self.promise is None:
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {
                "says": "no promise of the machine reads the record alone, and of both nodes"})
        if "D2" in found.first:
            promise = self.promise
            return self._refuted(
                found, "D2", promise.says, lambda network, at: any(
                    all(network.pair(at)[c.column] in c.values for c in cube)
                    for cube in promise.never))
        self.closed()
        idle = [node for node in ("node1", "node2") if f"D2 {node}" not in found.first]
        if len(idle) == 2 or (idle and not self.system.folded):
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {
                "says": "no node comes near it without commands; add them to --adversary"})
        return Judgement(Verdict.PROVED, Method.SEARCH, self.size(found))

    def _d3(self) -> Judgement:
        if not self.setting.recorded:
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {
                "says": "without a record there is no pair that a step could change"})
        found = self.searched()
        assert self.edges is not None, "BUG: no step was watched"
        return self.edges.judged(self, found)

    def _d4(self) -> Judgement:
        return _rest(self, self.closed())


@define(eq=False, slots=False)
class _Edges:
    """The steps of a search, as steps of the pair: each different one once.

    A move by a rule is a step of that rule, even if it leaves the pair as it is: its write may be
    missing.

    Attributes:
        taken: for each event, rule, pair before and after, and whether the network is cut, the
            first move that does it.
    """

    system: Any
    taken: dict[tuple[str, str, int, int, bool], tuple[int, int]] = field(factory=dict)
    rests: int = 0
    steps: int = 0

    def watch(self, view: Any, node: int, step: Step, numbers: npt.NDArray[Any]) -> None:
        """Note the moves of one kind."""
        system = self.system
        before = system.projected(view.take(step.source), node)
        after = system.projected(step.after, node)
        answers, rules = step.by or (None, None)
        rule = np.full(len(before), -1) if rules is None else rules
        names = [r.id for r in answers.rules] if answers else []
        told = np.flatnonzero((before != after) | (rule >= 0))
        changed = int((before != after).sum())
        self.rests += len(before) - changed
        self.steps += changed
        if not len(told):
            return
        flags, codes = system.flags, view.flags[step.source]
        cut = (flags.of(codes, "cut", 0) | flags.of(codes, "cut", 1)) > 0
        key = before.astype(np.int64) * len(system.pairs) + after
        key = (key * (len(names) + 1) + rule + 1) * 2 + cut
        for at in told[np.unique(key[told], return_index=True)[1]]:
            event = answers.event if answers else ""
            name = names[rule[at]] if rule[at] >= 0 else ""
            self.taken.setdefault(
                (event, name, int(before[at]), int(after[at]), bool(cut[at])),
                (int(numbers[at]), step.kind * 4 + node * 2))

    def judged(self, work: _Work, found: Networks) -> Judgement:
        """Ask the interpreter of pairs for every different step."""
        model, setting = work.engine.model, work.setting
        free = setting.silence > 0 or any(setting.has(w) for w in ("loss", "delay", "one-way"))
        engine = Engine(evolve(model, possible=untruthful(model))) if free else work.engine
        rules = set()
        for (event, rule, before, after, cut), (number, via) in self.taken.items():
            pair, other = (self._pair(n, cut=cut) for n in (before, after))
            fired, becomes = _answered(engine, pair, event)
            rules.add(fired)
            if becomes != other or (rule and fired != rule):
                return self._refuted(work, found, engine, event, (number, via))
        work.closed()
        if not self.steps:
            return Judgement(Verdict.VACUOUS, Method.SEARCH, {"says": "no step changes the pair"})
        return Judgement(Verdict.PROVED, Method.SEARCH, {
            "the proved machine": "model P" + (
                " with heartbeats lost at any time (S18)" if free else ""),
            "steps of the machine": self.steps, "steps that leave the pair": self.rests,
            "different ones": len(self.taken), "rules": len(rules),
            **work.size(found)})

    @staticmethod
    def _refuted(
        work: _Work, found: Networks, engine: Engine, event: str, last: tuple[int, int],
    ) -> Judgement:
        """The story of a step that is none of the proved machine, which is asked once more."""
        way = tale(work.engine, found, *last)
        before, after = (dict(way.network.pair(at)) for at in (way.before, way.after))
        fired, becomes = _answered(engine, before, way.moves[-1].event or event)
        says = (f"{way.moves[-1]} is not done by {fired}" if becomes == after else
                f"{way.moves[-1]} changes the pair as no rule of the proved machine does")
        return Judgement(Verdict.REFUTED, Method.SEARCH, {
            "says": says, "steps": len(way.moves), **work.size(found)},
            way.counterexample(work.engine, says, lambda *_: becomes != after))

    def _pair(self, number: int, *, cut: bool) -> dict[str, str]:
        """A pair as the node that looks writes it, with the link as it is."""
        machine = self.system.machine
        codes = tuple(int(code[number]) for code in self.system.pairs.codes)
        links = {machine.stored[k]: of[cut] for k, of in machine.facts.links.items()}
        return {c: str(v) for c, v in machine.codec.decode(codes).items()} | links


def _answered(
    engine: Engine, pair: Mapping[str, str], event: str,
) -> tuple[str, dict[str, str] | None]:
    """The rule of the proved machine and the pair after it; None: it takes no such step."""
    try:
        decision = engine.step(pair, event) if event else None
    except PrgError:
        return "", None
    if decision is None or decision.rule is None or decision.outcome is not Outcome.DONE:
        return "", None
    return decision.rule.id, {c: str(decision.pair[c]) for c in engine.stored}


def _rest(work: _Work, found: Networks) -> Judgement:
    """D4: the chains of moves without an adversary, from every network without a cut."""
    system, size = work.system, work.size(found)
    edges, healed = _quiet(found)
    if not len(edges.source):
        return Judgement(Verdict.VACUOUS, Method.SEARCH, {"says": "nothing happens by itself"})
    if (edges.target < 0).any():
        return Judgement(Verdict.DISAGREE, Method.SEARCH, {
            "says": "a quiet move leads where the search has not been"})
    result = chains(found, edges)
    if result.longest < 0:
        kinds = (system.kinds[via // 4] for via in result.cycle)
        says = "for ever by turns: " + ", ".join(dict.fromkeys(
            " ".join(filter(None, (verb, event))) for verb, event, _ in kinds))
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, **size}, tale(
            work.engine, found, result.on_cycle).counterexample(work.engine, says, lambda *_: True))
    rests = np.intersect1d(healed, result.ends)
    apart = rests[~system.equal(joined(found.levels).take(rests))]
    if len(apart):
        return Judgement(Verdict.REFUTED, Method.SEARCH, size, tale(
            work.engine, found, int(apart[0])).counterexample(
                work.engine, "two nodes rest with different copies", work.apart))
    unequal = sum(int((~system.equal(some)).sum()) for some in found.levels)
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "longest way": result.longest, "networks without a cut": len(healed),
        "with different copies": unequal, "at rest": len(rests), **size})


def _quiet(found: Networks) -> tuple[Graph, npt.NDArray[Any]]:
    """The moves without an adversary from every network without a cut, and these networks."""
    system, flags = found.system, found.system.flags
    none = np.zeros(0, np.int32)
    sources, targets, kinds, healed, first = [none], [none], [none], [none], 0
    for state in found.levels:
        cuts = [flags.of(state.flags, "cut", n) for n in (0, 1)]
        at = np.flatnonzero(cuts[0] + cuts[1] == 0)
        for node, view, step in system.steps(state.take(at), quiet=True):
            changed = np.zeros(len(step.source), np.bool_)
            for old, new in zip(view.take(step.source), step.after, strict=True):
                changed |= old != new
            here = np.flatnonzero(changed)
            if len(here):
                after = joined([step.after.take(here)])
                sources.append(first + at[step.source[here]])
                targets.append(found.numbers(system.turned(after) if node else after))
                kinds.append(np.full(len(here), step.kind * 4 + node * 2, np.int32))
        healed.append((first + at).astype(np.int32))
        first += len(state[0])
    source, target = (np.concatenate(some).astype(np.int32) for some in (sources, targets))
    return Graph(source, target, np.concatenate(kinds)), np.concatenate(healed)
