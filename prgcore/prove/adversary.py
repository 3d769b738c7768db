"""F10: every event is possible where it must be, and only where it may be.

Law: `prgcore.form.strength` decides, without a solver. Here a gap becomes a story, and two machines
are compared: whether the new one still has the adversary that the old one asks for.
"""

from __future__ import annotations

import numpy as np
from attrs import evolve

from prgcore.engine import Engine
from prgcore.form.cubes import EVERYWHERE
from prgcore.form.strength import Gap, exact, gaps
from prgcore.prove.counterexample import Counterexample, replayed, unreached
from prgcore.prove.dropped import Dropped
from prgcore.prove.space import Space
from prgcore.prove.work import Judgement, Work
from prgcore.vocabulary import Method, Verdict

__all__ = ["f10", "shown", "weaker"]


def f10(work: Work) -> Judgement:
    """F10: the finding, with the first gap as a story."""
    model = work.model
    if not (model.adversary or model.decides):
        says = "the machine has no adversary and no decides section"
        return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": says})
    found = gaps(model)
    if found:
        return Judgement(Verdict.REFUTED, Method.TABLE, {
            "says": found[0].says, "all": [gap.says for gap in found], "event": found[0].event,
        }, shown(work.engine, work.space_or_none, found[0]))
    return Judgement(Verdict.PROVED, Method.TABLE, {
        "events": len(model.adversary),
        "possible exactly where they must be": len(exact(model)),
        "deciders": [d.decider for d in model.decides],
    })


def shown(engine: Engine, space: Space | None, gap: Gap) -> Counterexample:
    """The nearest reachable pair of a gap, or else any; and the event, where it is possible."""
    event = "" if gap.must else gap.event
    if space:
        outside = [space.where(cube) for cube in gap.outside]
        numbers = np.setdiff1d(space.where(gap.inside), np.concatenate([*outside, [-1]]))
        if len(numbers):
            return replayed(engine, space, int(numbers[0]), gap.says, event)
    pair = {**dict(engine.model.initial[0]), **gap.pair}
    return unreached(engine, space, pair, event, gap.says)


def weaker(old: Engine, new: Engine, after: Space) -> Dropped | None:
    """F10 as the old machine asks it, where the new machine asks for less; None: it does not.

    Only what must be possible counts, and where nodes decide. A stronger adversary loses nothing. An
    entry is left out if the new machine lacks its event, or has one of its columns otherwise.
    """
    theirs = new.model
    same = {c.name for c in old.model.columns if c in theirs.columns}
    events = {e.name for e in theirs.events}
    kept = {(a.event, a.must) for a in theirs.adversary}
    entries = tuple(
        evolve(a, may=(EVERYWHERE,)) for a in old.model.adversary
        if a.event in events and (a.event, a.must) not in kept
        and {cell.column for cube in a.must for cell in cube} <= same
    )
    decides = tuple(
        d for d in old.model.decides
        if d not in theirs.decides and {c.column for c in d.when} <= same
    )
    if not (entries or decides):
        return None
    before, now = (gaps(evolve(m, adversary=entries, decides=decides)) for m in (old.model, theirs))
    says = now[0].says if now else "every event is possible where it must be, as before"
    return Dropped(
        "F10", says, otherwise=bool(theirs.adversary or theirs.decides), held=not before,
        holds=not now, broken=shown(new, after, now[0]) if now else None,
    )
