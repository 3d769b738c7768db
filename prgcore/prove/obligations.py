"""The obligations of a machine: for each an id, a sentence, and the function that discharges it.

Law: one function per obligation, from the work done so far to a finding. A search or a proof that
several obligations need is done once, in `Work`. An obligation for which a machine has no section
is *not applicable*, and says why. If the budget ends or the solver gives up, the verdict is
*unknown*, never a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted, MalformedMachine, NotTotal
from prgcore.form.promised import taken
from prgcore.form.wellformed import knowledge, overlaps
from prgcore.model import AcceptedOnly, Cube, Exclusive, Invariant, Model, OnlyBy
from prgcore.prove import (
    adversary,
    agreement,
    document,
    duties,
    levels,
    table,
    timing,
    vacuity,
    views,
)
from prgcore.prove.compiled import sampled
from prgcore.prove.counterexample import unreached
from prgcore.prove.induction import breaks, unmirrored
from prgcore.prove.observations import FAIR, observations
from prgcore.prove.progress import Chains, chains, graph, halved_chain
from prgcore.prove.space import Space
from prgcore.prove.work import BY_ITSELF, HOMEWARD, Judgement, Obligation, Work
from prgcore.vocabulary import Kind, Method, Outcome, Verdict

__all__ = ["COMPILED_SAMPLE", "Guard", "against", "obligations", "rests"]

Guard: TypeAlias = AcceptedOnly | Exclusive | OnlyBy
"""A promise about rules alone."""

_LARGEST_INDEX = 1 << 40
_MOST_MISSING = 1000
COMPILED_SAMPLE = 300
"""The number of pairs on which E1 compares the compiled table, each with every event."""

# ------------------------------------------------------------------- form


def _f1(work: Work) -> Judgement:
    by_table = overlaps(work.model)
    asked = table.overlaps(work.model)
    by_solver = [w for w in asked if w.pair]
    if asked and not by_solver:
        return Judgement(Verdict.UNKNOWN, Method.TABLE, {"says": "the solver gave up"})
    if bool(by_table) != bool(by_solver):
        return Judgement(Verdict.DISAGREE, Method.TABLE, {
            "table": [f"{o.rule1} {o.rule2}" for o in by_table],
            "solver": [w.says for w in by_solver],
        })
    if by_solver:
        return work.refuted(Method.TABLE, "; ".join(w.says for w in by_solver[:5]), by_solver[0])
    return Judgement(Verdict.PROVED, Method.TABLE, {"rules": len(work.model.rules)})


def _f2(work: Work) -> Judgement:
    witnesses = table.holes(work.model, work.held)
    space = work.space_or_none
    if space and space.holes:
        number, event = space.holes[0]
        says = f"{event} is possible, and not exactly one rule answers"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says}, work.at(number, says, event))
    if any(not w.pair for w in witnesses):
        return Judgement(Verdict.UNKNOWN, Method.INDUCTION, {"says": "the solver gave up"})
    if witnesses:
        found = unreached(
            work.engine, space, witnesses[0].pair or {}, witnesses[0].event, witnesses[0].says
        )
        return Judgement(Verdict.REFUTED, Method.INDUCTION, {"says": witnesses[0].says}, found)
    if space is None and overlaps(work.model):
        return Judgement(Verdict.UNKNOWN, Method.INDUCTION, {
            "says": "two rules answer one event somewhere (F1), and no search says where"})
    return Judgement(Verdict.PROVED, Method.INDUCTION, {
        "pairs searched": "none" if space is None else len(space)})


def _f3(work: Work) -> Judgement:
    if not work.model.mirror:
        return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": "the machine has no mirror section"})
    wrong = unmirrored(work.model)
    if wrong is None:
        says = "no two words make every second name of the mirror section out of the first"
        return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": says})
    if wrong:
        return Judgement(Verdict.REFUTED, Method.TABLE, {"says": "; ".join(wrong[:5]), "all": list(wrong)})
    return Judgement(Verdict.PROVED, Method.TABLE, {"rules": len(work.model.rules)})


def _f4(work: Work) -> Judgement:
    fires: dict[str, bool] = {}
    for edges in work.space.edges:  # a rule with a priority is alive if a part of it is
        fires[edges.rule.name] = fires.get(edges.rule.name, False) or len(edges) > 0
    dead = [name for name, alive in fires.items() if not alive]
    if dead:
        says = f"no reachable pair lets these rules fire: {', '.join(dead)}"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, "dead": dead})
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "rules": len(fires), "pairs": len(work.space), "depth": work.space.depth,
        "edges": sum(len(e) for e in work.space.edges),
    })


def _f5(work: Work) -> Judgement:
    ids = sorted({check.id for check in _guards(work.model)}, key=_natural)
    if not ids:
        return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": "the machine has no guard checks"})
    wrong = [found for found in (_guarded(work, id_) for id_ in ids) if found]
    if wrong:
        return wrong[0]
    return vacuity.judged(
        work, Judgement(Verdict.PROVED, Method.TABLE, {"checks": ids}), *_guards(work.model))


def _f6(work: Work) -> Judgement:
    wrong = knowledge(work.model)
    if wrong:
        return Judgement(Verdict.REFUTED, Method.TABLE, {"says": "; ".join(wrong[:3]), "all": list(wrong)})
    return Judgement(Verdict.PROVED, Method.TABLE, {
        "rules": len(work.model.rules), **_learns(work.model)})


def _f7(work: Work) -> Judgement:
    for edges, (half, turn) in zip(work.space.edges, work.space.halves.steps, strict=True):
        rule = edges.rule
        asks = work.engine.kind(rule.event) is Kind.COMMAND and rule.actions and not rule.then
        if rule.outcome is Outcome.DONE and not asks and (half * 2 == turn).any():
            idle = edges.source[edges.source == edges.target]
            if len(idle):
                says = f"{edges.rule.name} is done and changes nothing"
                return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says},
                               work.at(int(idle.min()), says, edges.rule.event))
    return Judgement(Verdict.PROVED, Method.SEARCH)


def _f8(work: Work) -> Judgement:
    model = work.model
    if not views.seated(model):
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": "no node decides anything"})
    if not views.hidden(model):
        says = "nothing is hidden from any node that decides"
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": says})
    found = views.told_apart(model, work.held)
    if found.apart:
        first = next((a for a in found.apart if a.one), found.apart[0])
        verdict = Verdict.REFUTED if first.one else Verdict.UNKNOWN
        pairs = {"one": first.one, "other": first.other} if first.one else {}
        return Judgement(verdict, Method.INDUCTION, {
            "says": first.says, "all": [a.says for a in found.apart], **pairs})
    if not found.asked:
        says = "no event that a node decides can happen"
        return Judgement(Verdict.VACUOUS, Method.INDUCTION, {"says": says})
    if not found.hidden:
        says = "nothing is hidden from a node where an event that it decides can happen"
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": says})
    return Judgement(Verdict.PROVED, Method.INDUCTION, {
        "events": len(found.asked), **_learns(model),
        **({"nothing hidden": open_} if (open_ := sorted({*found.asked} - {*found.hidden})) else {}),
    })


def _learns(model: Model) -> dict[str, list[str]]:
    """The section `hears` in words: F6 and F8 assume it, and say so."""
    told = [
        f"{h.node} learns {', '.join(h.learns)} where "
        + ", ".join(f"{c.column} is {' or '.join(c.values)}" for c in h.when)
        for h in model.hears
    ]
    return {"hears": told} if told else {}


def _guards(model: Model) -> tuple[Guard, ...]:
    return (*model.accepted_only, *model.exclusive, *model.only_by)


def _guarded(work: Work, id_: str) -> Judgement | None:
    """The finding of the first guard check of this id that fails, asked once; None if none does.

    A check that holds where timers fire at any time (S18) holds for other timers too. The stronger
    question is therefore asked first, and the weaker one only if it fails.
    """
    liar = work.liar
    if id_ not in work.guards and liar and len(liar.proof.proved) == len(liar.model.invariants):
        checks = [check for check in _guards(liar.model) if check.id == id_]
        if not any(against(liar, check) for check in checks):
            work.guards[id_] = liar.guards[id_] = None
    if id_ not in work.guards:
        found = (_guard(work, check) for check in _guards(work.model) if check.id == id_)
        work.guards[id_] = next((f for f in found if f), None)
    return work.guards[id_]


def against(work: Work, check: Guard) -> tuple[table.Witness, ...]:
    """The pairs that show that a check fails."""
    match check:
        case AcceptedOnly():
            return table.accepted_only(work.relation, check, work.held)
        case Exclusive():
            return table.exclusive(work.relation, check)
        case _:
            return table.only_by(work.relation, check)


def _guard(work: Work, check: Guard) -> Judgement | None:
    """The finding of a check that fails; None where it holds."""
    witnesses = against(work, check)
    if not witnesses:
        return None
    return work.failed(witnesses)


# ----------------------------------------------------------------- safety


def _safety(id_: str) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        finding = _guarded(work, id_)
        if finding:
            return finding
        promises: list[vacuity.Promise] = [c for c in _guards(work.model) if c.id == id_]
        found = Judgement(Verdict.PROVED, Method.TABLE)
        invariant = next((i for i in work.model.invariants if i.id == id_), None)
        if invariant is not None:
            promises.append(invariant)
            found = vacuity.discharged(
                lambda work: _exactly(work, invariant, _never(work, invariant)), work)
        return vacuity.judged(work, found, *promises)

    return run


def _never(work: Work, invariant: Invariant) -> Judgement:
    """Decide an invariant by induction if that proves it, else by search."""
    if invariant.id in work.proof.proved:
        return Judgement(Verdict.PROVED, Method.INDUCTION, {"seconds": work.proof.seconds[invariant.id]})
    step = work.step(work.proof, invariant.id, invariant)
    try:
        space = work.space
    except BudgetExhausted as error:
        return Judgement(Verdict.UNKNOWN, Method.SEARCH, {"says": str(error)}, step)
    numbers = [int(w[0]) for c in invariant.never if len(w := space.where(c))]
    if numbers:
        found = work.at(min(numbers), invariant.says)
        agrees = found.agrees and breaks(invariant, found.after, work.model)
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": invariant.says},
                       evolve(found, agrees=agrees))
    return Judgement(
        Verdict.PROVED, Method.SEARCH,
        {"says": "not inductive; no reachable pair breaks it", "pairs": len(space)}, step,
    )


def _exactly(work: Work, invariant: Invariant, finding: Judgement) -> Judgement:
    """Require all combinations of `exactly` columns to be reached."""
    if not invariant.exactly or finding.verdict != Verdict.PROVED:
        return finding
    missing = _missing(work.space, invariant)
    if missing:
        says = f"allowed and not reachable: {', '.join(missing[:5])}"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, "all": missing})
    return finding


def _missing(space: Space, invariant: Invariant) -> list[str]:
    index, size = np.zeros(len(space), np.int64), 1
    for name in invariant.exactly:
        size *= len(space.codec.domain[name])
        if size > _LARGEST_INDEX:
            index = np.unique(index, return_inverse=True)[1]
            size = (int(index.max()) + 1) * len(space.codec.domain[name])
        index = index * len(space.codec.domain[name]) + space.column(name)
    one_of_each = np.unique(index, return_index=True)[1]
    values = [
        np.array(space.codec.domain[name], object)[space.column(name)[one_of_each]]
        for name in invariant.exactly
    ]
    shown = set(zip(*values, strict=True))
    allowed = document.combinations(space.model, invariant)
    missing = islice((a for a in allowed if a not in shown), _MOST_MISSING)
    return sorted(" / ".join(map(str, a)) for a in missing)


def _s18(work: Work) -> Judgement:
    """Ask everything again about the machine whose timers fire at any time."""
    if not work.model.invariants:
        says = "the machine has no invariants"
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": says})
    liar = work.liar
    if liar is None:
        says = "no timer depends on the environment elsewhere"
        return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": says})
    findings = [_never(liar, i) for i in liar.model.invariants]
    findings += [
        found for id_ in sorted({check.id for check in _guards(liar.model)})
        if (found := _guarded(liar, id_))
    ]
    for finding in findings:
        if finding.verdict != Verdict.PROVED:
            says = "without a truthful failure detector: " + str(finding.detail.get("says", ""))
            return evolve(finding, detail={**finding.detail, "says": says})
    method = Method.SEARCH if any(f.method == Method.SEARCH for f in findings) else Method.INDUCTION
    witnesses = table.holes(liar.model, liar.held)
    if any(not w.pair for w in witnesses):
        return Judgement(Verdict.UNKNOWN, method, {"says": "the solver gave up"})
    if witnesses:
        return liar.refuted(method, witnesses[0].says, witnesses[0])
    return Judgement(Verdict.PROVED, method, {"invariants": len(liar.held)})


# --------------------------------------------------------------- progress


def _l1(work: Work) -> Judgement:
    model = work.model
    if not any(e.kind in BY_ITSELF for e in model.events):
        return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": "no timers, no completions"})
    space = work.space
    found, longest = rests(space)
    if found.cycle:
        found = chains(space, work.by_itself)
        rules = [model.rules[n].id for n in found.cycle]
        says = f"these rules follow one another for ever: {', '.join(rules)}"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says, "cycle": rules},
                       work.at(found.on_cycle, says, model.rules[found.cycle[0]].event))
    ends = space.halves.whole(found.ends)
    for cell in model.transient:
        stuck = np.intersect1d(ends, space.where(Cube((cell,))), assume_unique=True)
        for cube in model.may_wait:
            if any(c.column == cell.column for c in cube):
                stuck = np.setdiff1d(stuck, space.where(cube), assume_unique=True)
        if len(stuck):
            says = (f"nothing more happens by itself, and {cell.column} is a transition "
                    f"({len(stuck)} such pairs)")
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says}, work.at(int(stuck[0]), says))
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "longest chain": found.longest, "chain": [model.rules[n].id for n in longest],
        "ends": len(ends),
        **({"stuck in a transition": 0} if model.transient else
           {"transitions": "the machine names none"}),
    })


def rests(space: Space) -> tuple[Chains, list[int]]:
    """The chains of what happens by itself, and the rules of a longest one; found once a space."""
    if "rests" not in space.notes:
        halved = graph(space, BY_ITSELF, failing=True, halved=True)
        found = chains(space.halves, evolve(halved, target=halved.target // 2))
        space.notes["rests"] = found, [] if found.cycle else halved_chain(space, halved, found)
    known: tuple[Chains, list[int]] = space.notes["rests"]
    return known


def _l2(work: Work) -> Judgement:
    if not work.model.goal:
        return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": "the machine has no goal section"})
    far = work.distances(*HOMEWARD)
    if far.min() < 0:
        number = int((far < 0).argmax())
        says = f"no way leads home ({int((far < 0).sum())} such pairs)"
        return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says}, work.at(number, says))
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "greatest length": int(far.max()), "pairs": len(work.space),
        "at the greatest length": int((far == far.max()).sum()),
    })


def _l3(work: Work) -> Judgement:
    if not work.model.goal:
        return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": "the machine has no goal section"})
    alone = work.distances(*BY_ITSELF)
    repaired = work.distances(*BY_ITSELF, Kind.REPAIR)
    return Judgement(Verdict.REPORTED, Method.SEARCH, {
        "pairs": len(work.space),
        "heal by themselves": int((alone >= 0).sum()),
        "heal with repairs": int((repaired >= 0).sum()),
    })


# -------------------------------------------------------------- agreement


def _e1(work: Work) -> Judgement:
    wrong, found = agreement.compare(work.engine, work.space)
    counts: dict[str, Any] = {**found, "pairs of the compiled table": COMPILED_SAMPLE}
    try:
        trusting = Engine(evolve(work.model, invariants=()))
        wrong += sampled(trusting, work.space, COMPILED_SAMPLE)
    except NotTotal as error:
        counts["pairs of the compiled table"] = f"none: {error}"
    if wrong:
        return Judgement(Verdict.DISAGREE, Method.TABLE, {"says": wrong[0], "all": wrong[:20]})
    return Judgement(Verdict.PROVED, Method.TABLE, counts)


def _e2(work: Work) -> Judgement:
    wrong, count = agreement.replay(work.engine, work.space)
    if wrong:
        return Judgement(Verdict.DISAGREE, Method.SEARCH, {"says": wrong[0], "all": wrong[:20]})
    return Judgement(Verdict.PROVED, Method.SEARCH, {"traces replayed": count})


# -------------------------------------------------------------- the list


def _document(check: Callable[[Engine, Space], document.Outcome]) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        missing = document.missing(work.model, check)
        if missing:
            return Judgement(Verdict.NOT_APPLICABLE, Method.SEARCH, {"says": missing})
        found = check(work.engine, work.space)
        if found.wrong:
            at = None if found.pair is None else work.at(found.pair, found.wrong[0])
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": found.wrong[0], "all": found.wrong}, at)
        return Judgement(Verdict.PROVED, Method.SEARCH, found.detail)

    return run


_FORM = (
    ("F1", "no two rules answer the same event in the same pair", _f1),
    ("F2", "every possible event is answered, inside the invariants and everywhere reached", _f2),
    ("F3", "the machine is the same from both seats", _f3),
    ("F4", "every rule fires somewhere", _f4),
    ("F5", "every guard check holds of the table alone", _f5),
    ("F6", "every rule reads only what its decider can know", _f6),
    ("F7", "a done rule changes something wherever it fires, or is a command for an action alone",
     _f7),
    ("F8", "what a node decides and writes is the same whatever it cannot know", _f8),
    ("F9", "every rule asks for what its steps need, in their order, and for nothing else",
     duties.f9),
    ("F10", "every event is possible where it must be, and only where it may be",
     adversary.f10),
    ("F11", "every event happens somewhere, in every way in which it can, and something fails",
     vacuity.f11),
)
_OF_THE_TABLE = ("F1", "F3", "F6")
"""Obligations that say nothing of any pair, so they rest on no assumption."""
_S18 = ("S18", "all of this holds even if no failure detector tells the truth", _s18)
_DOCUMENT = (
    ("C1", "every row of Table 2 is reached by its documented cause, in both seats",
     _document(document.causes)),
    ("C2", "every recommended action is accepted and leads home, but for the listed defects",
     _document(document.advice)),
    ("C3", "every stable display is in Table 2 or on the list of documentation holes",
     _document(document.displays)),
    ("C4", "a rule prints the states and reasons of the rows that it cites",
     _document(document.citations)),
    ("C5", "every committed story holds, line by line",
     _document(document.stories)),
)
_PROGRESS = (
    ("L1", "by itself the pair comes to rest, and never in the middle of a transition", _l1),
    ("L2", "from every reachable pair a way leads home", _l2),
    ("L3", "how many pairs heal by themselves, and with repairs", _l3),
)
_AGREEMENT = (
    ("E1", "interpreter, solver and search read the table alike", _e1),
    ("E2", "the shortest trace of every rule replays through the interpreter", _e2),
    ("E3", "orders and desired state agree, after every step and for each node", levels.e3),
)


def obligations(model: Model) -> tuple[Obligation, ...]:
    """The obligations of a machine, in the order in which they are printed.

    Raises:
        MalformedMachine: a promise of the machine has the id of an obligation of the prover.
    """
    if wrong := taken(model):
        raise MalformedMachine(wrong)
    safety = model.assumptions
    fair = (*model.assumptions, FAIR)
    sentences: dict[str, str] = {}
    for guard in _guards(model):
        sentences.setdefault(guard.id, guard.says)
    for invariant in model.invariants:
        sentences[invariant.id] = invariant.says
    order = sorted(sentences, key=_natural)
    main = [i for i in order if not any(v.id == i and v.auxiliary for v in model.invariants)]
    rest = [i for i in order if i not in main]
    s18 = [Obligation(*_S18, safety)]
    return (
        *(vacuity.witnessed(Obligation(*row, () if row[0] in _OF_THE_TABLE else safety))
          for row in _FORM),
        *sorted(
            [*(Obligation(i, sentences[i], _safety(i), safety) for i in main), *s18],
            key=lambda o: _natural(o.id),
        ),
        *(Obligation(i, sentences[i], _safety(i), safety) for i in rest),
        *observations(model.observations, model.converges, safety),
        *(vacuity.witnessed(Obligation(*row, safety)) for row in _DOCUMENT),
        *(vacuity.witnessed(Obligation(*row, safety if row[0] == "L2" else fair))
          for row in _PROGRESS),
        *timing.obligations(model),
        *(vacuity.witnessed(Obligation(*row, safety if row[0] == "E3" else ()))
          for row in _AGREEMENT),
    )


def _natural(id_: str) -> tuple[str, int, str]:
    head = id_.rstrip("0123456789")
    return head, int(id_[len(head):] or 0), id_

