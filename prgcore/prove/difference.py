"""The effects of a change: what a machine reaches, what it proves, what it no longer promises.

Law: compares two searches and two runs of the prover, by name and by value. Parts that only one
machine has are left out and named. The interpreter replays every way before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, BudgetExhausted, unknown_name
from prgcore.explain.display import viewpoints
from prgcore.model import Cube, Model, Values
from prgcore.prove.adversary import weaker
from prgcore.prove.counterexample import replayed
from prgcore.prove.dropped import Dropped, dropped
from prgcore.prove.report import EXIT, Report, Result, listing, prove
from prgcore.prove.space import Space
from prgcore.prove.work import Work
from prgcore.seats import NODES
from prgcore.vocabulary import Verdict
from prgcore.wire.changes import Changes, changes
from prgcore.wire.machine_file import digest

__all__ = ["FIGURES", "Difference", "Figure", "Flip", "Sets", "Side", "Way", "compare"]

FIGURES = ("F4", "L1", "L2", "L3")
"""The obligations whose numbers show how large a machine is and how long its ways home are."""

_LARGEST_KEY = 1 << 62
_WORST = (4, 1, 3, 0)
_Array: TypeAlias = npt.NDArray[Any]
_Part: TypeAlias = tuple[_Array, _Array, int]
"""One column of the two machines as numbers below the third."""


@frozen
class Side:
    """One of the two machines."""

    name: str
    digest: str
    policy: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """`{"name", "digest", "policy"}`."""
        return {"name": self.name, "digest": self.digest, "policy": dict(self.policy)}


@frozen
class Way:
    """A pair or display that only one of the machines reaches, and a shortest way there.

    Attributes:
        shown: a pair, by column; or a display, by node its state and its reason, None where
            it shows nothing.
        trace: the events from an initial pair.
        story: the trace as text.
        either_seat: its mirror image is gained or lost as well, and is not listed.
    """

    shown: dict[str, Any]
    trace: Values
    story: str
    either_seat: bool = False
    agrees: bool = True

    def to_json(self) -> dict[str, Any]:
        """`{"shown", "trace", "either_seat"}`."""
        return {"shown": self.shown, "trace": list(self.trace), "either_seat": self.either_seat}


@frozen
class Sets:
    """The pairs or the displays that the two machines reach, as sets.

    Attributes:
        old, new: how many there are.
        gained, lost: how many there are in one only.
        first_gained, first_lost: ways to these, the shortest first; only one way for pairs.
        columns: the columns compared; `apart`: stored columns that only one of them has.
        says: why nothing was compared, or empty.
    """

    old: int = 0
    new: int = 0
    gained: int = 0
    lost: int = 0
    first_gained: tuple[Way, ...] = ()
    first_lost: tuple[Way, ...] = ()
    columns: Values = ()
    apart: Values = ()
    says: str = ""

    def to_json(self) -> dict[str, Any]:
        """Counts, and the ways."""
        return {
            "old": self.old, "new": self.new,
            "gained": {"count": self.gained, "ways": [w.to_json() for w in self.first_gained]},
            "lost": {"count": self.lost, "ways": [w.to_json() for w in self.first_lost]},
            "columns": list(self.columns), "apart": list(self.apart), "says": self.says,
        }


@frozen
class Flip:
    """An obligation with two verdicts; None stands for a machine that lacks it."""

    id: str
    title: str
    old: Result | None
    new: Result | None

    @property
    def worse(self) -> bool:
        """Whether the new machine fails it in a way in which the old one did not.

        Refuted after vacuous, or after a disagreement, is worse: nothing was shown to break it
        before. Vacuous after refuted is worse too: nothing shows that it is mended.
        """
        return self.new is not None and EXIT[self.new.verdict] in (1, 4) and (
            self.old is None or self.old.verdict != self.new.verdict)

    def to_json(self) -> dict[str, Any]:
        """`{"id", "title", "old", "new", "worse"}`; the failure of the new one is whole."""
        new = self.new and (self.new.to_json() if EXIT[self.new.verdict] else
                            {"verdict": self.new.verdict, "method": self.new.method})
        old = self.old and {"verdict": self.old.verdict, "method": self.old.method}
        return {"id": self.id, "title": self.title, "old": old, "new": new, "worse": self.worse}


@frozen
class Figure:
    """A number that an obligation counts, as the prover found it in both machines."""

    id: str
    counts: str
    old: int
    new: int


@frozen
class Difference:
    """Everything that differs between two machines.

    `pairs`, `displays` and `flips` are None where they were not asked for. They are None also where
    the tables do not differ. `dropped` are the promises that were taken back or weakened.
    `unknown` are the obligations without a verdict.
    """

    old: Side
    new: Side
    table: Changes
    pairs: Sets | None = None
    displays: Sets | None = None
    dropped: tuple[Dropped, ...] = ()
    flips: tuple[Flip, ...] | None = None
    figures: tuple[Figure, ...] = ()
    unknown: Values = ()

    @property
    def exit_code(self) -> int:
        """The exit code: 1 or 4 where a promise newly fails, 3 where something is unknown, else 0.

        It is also 1 where a promise was taken back or weakened and is no longer true. It is also 4
        where the interpreter does not replay a way as it was found.
        """
        codes = {EXIT[f.new.verdict] for f in self.flips or () if f.new and f.worse}
        codes |= {1 if d.broken and d.broken.agrees else 4 for d in self.dropped if d.worse}
        codes |= {3} if self.unknown else set()
        ways = [w for s in (self.pairs, self.displays) if s
                for w in (*s.first_gained, *s.first_lost)]
        codes |= {4} if any(not w.agrees for w in ways) else set()
        return next((code for code in _WORST if code in codes), 0)

    def to_json(self) -> dict[str, Any]:
        """`{"same", "old", "new", "changes", "pairs", "displays", "verdicts", ...}`."""
        return {
            "same": self.table.same,
            "reordered": self.table.reordered,
            "old": self.old.to_json(), "new": self.new.to_json(),
            "changes": [c.to_json() for c in self.table.rows],
            "pairs": self.pairs and self.pairs.to_json(),
            "displays": self.displays and self.displays.to_json(),
            "dropped": [d.to_json() for d in self.dropped],
            "verdicts": None if self.flips is None else [f.to_json() for f in self.flips],
            "figures": [{"id": f.id, "counts": f.counts, "old": f.old, "new": f.new}
                        for f in self.figures],
            "unknown": list(self.unknown),
        }


def compare(
    old: Engine,
    new: Engine,
    *,
    only: Iterable[str] = (),
    proofs: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Difference:
    """The difference of two machines; nothing is searched or proved where no table differs.

    Args:
        only: ids of obligations; all that either machine has if none are given.
        proofs: whether anything is proved.
        progress: called with the name of the step, the number done and the number to do.

    Raises:
        BadInput: neither machine has such an obligation.
    """
    wanted = tuple(only)
    known = [{id_ for id_, _ in listing(m)} - {"M1"} for m in (old, new)]
    for id_ in wanted:
        if id_ not in known[0] | known[1]:
            raise BadInput(unknown_name("obligation", id_, known[0] | known[1]))
    found = Difference(_side(old.model), _side(new.model), changes(old.model, new.model))
    if found.table.same:
        return found
    works = Work(old), Work(new)
    try:
        spaces = works[0].space, works[1].space
    except BudgetExhausted as error:
        found = evolve(found, pairs=Sets(says=str(error)), unknown=("reachable pairs",))
    else:
        found = evolve(found, pairs=_pairs(old, new, *spaces),
                       displays=_displays(old, new, *spaces),
                       dropped=tuple(d for d in (*dropped(old, new, *spaces),
                                                 weaker(old, new, spaces[1]))
                                     if d and (not wanted or d.id in wanted)))
    if not proofs:
        return found
    reports = [
        _report(work, [i for i in wanted if i in ids], bool(wanted), name, progress)
        for work, ids, name in zip(works, known, ("old", "new"), strict=True)
    ]
    return _judged(found, *reports)


def _side(model: Model) -> Side:
    return Side(model.name, digest(model), model.policy)


# ------------------------------------------------------------------------ reached


def _pairs(old: Engine, new: Engine, before: Space, after: Space) -> Sets:
    """The reachable pairs, over the stored columns that both machines have."""
    ours, theirs = ({n: n for n in m.stored} for m in (old, new))
    columns = tuple(n for n in ours if n in theirs)
    apart = tuple(n for n in (*ours, *theirs) if (n in ours) != (n in theirs))
    if not columns:
        return Sets(apart=apart, says="the two machines have no column in common")
    keys = _keys([_part(before, after, name) for name in columns], len(before))
    counts, gained, lost = _apart(*keys)
    return Sets(
        *counts, len(gained), len(lost),
        tuple(_way(new, after, int(n), _pair(after, n)) for n in gained[:1]),
        tuple(_way(old, before, int(n), _pair(before, n)) for n in lost[:1]),
        columns, apart,
    )


def _pair(space: Space, number: Any) -> dict[str, Any]:
    return {name: str(value) for name, value in space.pair(int(number)).items()}


def _displays(old: Engine, new: Engine, before: Space, after: Space) -> Sets:
    """The displays of the two nodes: state and, if there is one, reason; or nothing."""
    shared = set(old.stored) & set(new.stored)
    columns = [f"{n}.{what}" for n in NODES for what in ("state", "reason")
               if {f"{m}.{what}" for m in NODES} <= shared]
    if not any(c.endswith(".state") for c in columns):
        return Sets(says="the two machines do not both have a state of two nodes to show")
    views = [[_visible(m, s, c) for c in columns] for m, s in ((old, before), (new, after))]
    parts = [
        _blanked(_part(before, after, name), one, other)
        for name, one, other in zip(columns, *views, strict=True)
    ]
    counts, gained, lost = _apart(*_keys(parts, len(before)))

    def ways(engine: Engine, space: Space, numbers: _Array, seen: list[_Array]) -> tuple[Way, ...]:
        shown = {int(n): _shown(space, int(n), columns, seen) for n in numbers}
        known = list(shown.values())
        return tuple(
            evolve(_way(engine, space, n, what), either_seat=_turned(what) in known
                   and _turned(what) != what)
            for i, (n, what) in enumerate(shown.items()) if _turned(what) not in known[:i]
        )

    return Sets(
        *counts, len(gained), len(lost), ways(new, after, gained, views[1]),
        ways(old, before, lost, views[0]), tuple(columns),
    )


def _visible(engine: Engine, space: Space, column: str) -> _Array:
    """Whether the node of a column shows anything, from the machine's first viewpoint."""
    view = viewpoints(engine)[0]
    cube: Cube = view.node1 if column.startswith(NODES[0]) else view.node2
    return space.codec.test(cube).mask(space.codes)


def _shown(
    space: Space, number: int, columns: Sequence[str], seen: list[_Array]
) -> dict[str, Any]:
    pair = space.pair(number)
    shown: dict[str, dict[str, str]] = {node: {} for node in NODES}
    for column, mask in zip(columns, seen, strict=True):
        node, _, what = column.partition(".")
        if mask[number]:
            shown[node][what] = str(pair[column])
    return {node: held or None for node, held in shown.items()}


def _turned(shown: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(shown, reversed(shown.values()), strict=True))


def _part(before: Space, after: Space, name: str) -> _Part:
    """A column of both machines, numbered by the values that either has."""
    domains = [s.codec.domain[name] for s in (before, after)]
    values = list(dict.fromkeys(v for domain in domains for v in domain))
    found = [
        np.array([values.index(v) for v in domain])[space.column(name)]
        for space, domain in zip((before, after), domains, strict=True)
    ]
    return found[0], found[1], len(values)


def _blanked(part: _Part, one: _Array, other: _Array) -> _Part:
    old, new, size = part
    return np.where(one, old, size), np.where(other, new, size), size + 1


def _keys(parts: Iterable[_Part], split: int) -> tuple[_Array, _Array]:
    """One number for all columns of a pair, the same in both machines."""
    key, room = np.zeros(1, np.int64), 1
    for old, new, size in parts:
        if room * size > _LARGEST_KEY:
            _, key = np.unique(key, return_inverse=True)
            room = int(key.max()) + 1
        key, room = key * size + np.concatenate([old, new]), room * size
    return key[:split], key[split:]


def _apart(old: _Array, new: _Array) -> tuple[tuple[int, int], _Array, _Array]:
    """The number of keys, and the first positions of those that the other lacks."""
    (ours, here), (theirs, there) = (np.unique(k, return_index=True) for k in (old, new))
    gained = there[~np.isin(theirs, ours, assume_unique=True)]
    lost = here[~np.isin(ours, theirs, assume_unique=True)]
    return (len(ours), len(theirs)), np.sort(gained), np.sort(lost)


def _way(engine: Engine, space: Space, number: int, shown: dict[str, Any]) -> Way:
    found = replayed(engine, space, number, "")
    return Way(shown, found.trace, found.steps, agrees=found.agrees)


# ----------------------------------------------------------------------- verdicts


def _report(
    work: Work, only: list[str], narrowed: bool, name: str,
    progress: Callable[[str, int, int], None] | None,
) -> tuple[Result, ...]:
    if narrowed and not only:
        return ()

    def tell(id_: str, done: int, total: int) -> None:
        if progress:
            progress(f"{name} {id_}", done, total)

    report: Report = prove(work.engine, only=only, progress=tell, work=work)
    return report.results


def _judged(found: Difference, old: Sequence[Result], new: Sequence[Result]) -> Difference:
    ours, theirs = ({r.id: r for r in results} for results in (old, new))
    both = [(r.id, ours.get(r.id), theirs.get(r.id)) for r in
            (*new, *(r for r in old if r.id not in theirs))]
    flips = tuple(
        Flip(id_, next(r.title for r in (one, other) if r), one, other)
        for id_, one, other in both
        if one is None or other is None or one.verdict != other.verdict
    )
    unknown = [r.id for r in (*old, *new) if r.verdict == Verdict.UNKNOWN]
    figures = tuple(
        Figure(id_, counts, was, is_)
        for id_, one, other in both if id_ in FIGURES and one and other
        for counts, was in one.detail.items() if isinstance(was, int) and counts != "pairs"
        if isinstance(is_ := other.detail.get(counts), int) and is_ != was
    )
    return evolve(found, flips=flips, figures=figures,
                  unknown=(*found.unknown, *dict.fromkeys(unknown)))
