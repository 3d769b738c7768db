"""The document: its causes, its recommended actions, its holes, and what its rows print (C1-C5).

Law: reads situations, families and stories as data. The interpreter runs causes and stories.
Arrays over every reachable pair answer the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.engine import Engine, Pair
from prgcore.errors import PrgError
from prgcore.explain.display import spell
from prgcore.form.cubes import EVERYWHERE, Stored
from prgcore.model import (
    Advice,
    Column,
    Cube,
    Display,
    Family,
    Invariant,
    Model,
    Shown,
    Situation,
    Values,
)
from prgcore.prove.budget import tick
from prgcore.prove.progress import graph
from prgcore.prove.space import Edges, Space
from prgcore.seats import mirror_name
from prgcore.story.script import run
from prgcore.vocabulary import Kind, title
from prgcore.vocabulary import Outcome as Done

__all__ = [
    "NODES", "Numbers", "Outcome", "advice", "causes", "citations", "combinations", "displays",
    "documented", "follow", "halves", "holes", "missing", "shows", "spelt", "stable_displays",
    "stories", "unshown",
]

Numbers = npt.NDArray[np.int32]
NODES = ("node1", "node2")


@define
class Outcome:
    """The faults, one sentence each, figures, and a pair that shows the first fault."""

    wrong: list[str] = field(factory=list)
    detail: dict[str, Any] = field(factory=dict)
    pair: int | None = None

    def add(self, says: str, pair: int | None = None) -> None:
        """Add a fault."""
        if not self.wrong:
            self.pair = pair
        self.wrong.append(says)


def missing(model: Model, check: object) -> str:
    """The section that a machine lacks for a check of this file; empty where it lacks none."""
    if check is stories:
        return "" if model.stories else "the machine has no stories section"
    columns = {c.name for c in model.columns}
    if not {f"{node}.{what}" for node in NODES for what in ("state", "reason")} <= columns:
        return "the nodes of this machine show no state and reason"
    if not model.situations:
        return "the machine has no situations section"
    if not model.viewpoints:
        return "the machine has no viewpoints section"
    if check is advice and not model.goal:
        return "the machine has no goal section"
    return ""


# ------------------------------------------------------------- C1, C5: stories


def shows(engine: Engine, pair: Pair, situation: Situation, *, mirrored: bool = False) -> bool:
    """Whether one viewpoint shows both halves of this row in this pair."""
    display = situation.display.mirrored() if mirrored else situation.display
    return any(
        all(
            (pair[f"{node}.state"], pair[f"{node}.reason"]) == half
            if engine.holds(cube, pair) else half is None
            for node, half, cube in zip(NODES, display, (view.node1, view.node2), strict=True)
        )
        for view in engine.model.viewpoints
    )


def causes(engine: Engine, space: Space | None = None) -> Outcome:
    """C1: from its start, in both seats, every documented cause leads to its row."""
    found, count = Outcome(), 0
    for situation in engine.model.situations:
        if not situation.causes:
            found.add(f"row {situation.row} has no documented cause")
        for cause, mirrored in product(situation.causes, (False, True)):
            events = (*dict(engine.model.starts)[cause.start], *cause.events)
            mine = [mirror_name(e) if mirrored else e for e in events]
            problem = follow(engine, situation, mine, mirrored=mirrored)
            if problem:
                found.add(f"row {situation.row}, cause {cause.id}: {problem}")
            count += 1
    if space is not None:
        shown = _Seen.of(space).displays()
        for situation in engine.model.situations:
            for display in (situation.display, situation.display.mirrored()):
                if display not in shown:
                    found.add(f"row {situation.row} is not reachable: {spelt(display)}")
    found.detail = {"rows": len(engine.model.situations), "stories": count}
    return found


def follow(
    engine: Engine, situation: Situation, events: list[str], *, mirrored: bool
) -> str:
    """The fault on the way to a row; empty if there is none."""
    pair = engine.initial[0]
    for event in events:
        try:
            decision = engine.step(pair, event)
        except PrgError as error:
            return str(error)
        if decision.outcome is not Done.DONE:
            return f"{event} is {decision.outcome}: {decision.why}"
        pair = decision.pair
    if shows(engine, pair, situation, mirrored=mirrored):
        return ""
    return "it ends in " + "; ".join(
        f"{node} {title(pair[f'{node}.state'])} / {title(pair[f'{node}.reason'])}"
        for node in NODES
    )


def stories(engine: Engine, _: Space | None = None) -> Outcome:
    """C5: every story holds, line by line."""
    found = Outcome(detail={"stories": len(engine.model.stories)})
    for story in engine.model.stories:
        try:
            told = run(engine, story, dict(engine.model.starts))
        except PrgError as error:
            found.add(f"story {story.id}: {error}")
            continue
        found.wrong += [
            f"story {story.id}, {step.line.text}: {step.failed}" for step in told.failures
        ]
    return found


# ------------------------------------------------------------- C2: advice


@define(eq=False)
class _Seen:
    """The displays of every reachable pair from every viewpoint, as codes.

    A node has a number for what it shows, 0 for nothing. `size` is one more than the largest for
    node2, and a code is the number of node1 times `size`, plus that of node2.
    """

    space: Space
    size: int = field(init=False)
    codes: list[Numbers] = field(init=False, factory=list)
    _displays: dict[Display, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        one, two = (self._half(node) for node in NODES)
        self.size = int(two.max()) + 1
        for view in self.space.model.viewpoints:
            shows = [self.space.codec.test(c).mask(self.space.codes) for c in (view.node1, view.node2)]
            self.codes.append(one * shows[0] * np.int32(self.size) + two * shows[1])

    @classmethod
    def of(cls, space: Space) -> _Seen:
        """The displays of this space, which are worked out only once."""
        if "seen" not in space.notes:
            space.notes["seen"] = cls(space)
        seen: _Seen = space.notes["seen"]
        return seen

    def _half(self, node: str) -> Numbers:
        state = self.space.column(f"{node}.state").astype(np.int32)
        return state * self._reasons(node) + self.space.column(f"{node}.reason") + np.int32(1)

    def _reasons(self, node: str) -> np.int32:
        return np.int32(len(self.space.codec.domain[f"{node}.reason"]))

    def _code(self, node: str, shown: Shown | None) -> int:
        if shown is None:
            return 0
        domain = self.space.codec.domain
        at = domain[f"{node}.state"].index(shown.state) * int(self._reasons(node))
        return at + domain[f"{node}.reason"].index(str(shown.reason)) + 1

    def where(self, display: Display) -> Numbers:
        """The numbers of the pairs in which some viewpoint shows this."""
        one = self._code("node1", display.node1)
        other = self._code("node2", display.node2)
        mask = np.zeros(len(self.space), np.bool_)
        for codes in self.codes if other < self.size else ():
            mask |= codes == one * self.size + other
        return np.flatnonzero(mask).astype(np.int32)

    def displays(self) -> dict[Display, int]:
        """Every display that some viewpoint shows, and the first pair that shows it."""
        if not self._displays:
            self._displays = self._look()
        return self._displays

    def _look(self) -> dict[Display, int]:
        found: dict[Display, int] = {}
        for codes in self.codes:
            first = np.full(int(codes.max()) + 1, -1, np.int32)
            first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last of several remains
            for code in np.flatnonzero(first >= 0).tolist():
                one, other = divmod(code, self.size)
                display = Display(self._shown("node1", one), self._shown("node2", other))
                number = int(first[code])
                found[display] = min(found.get(display, number), number)
        return found

    def _shown(self, node: str, code: int) -> Shown | None:
        if not code:
            return None
        domain = self.space.codec.domain
        state, reason = divmod(code - 1, int(self._reasons(node)))
        return Shown(str(domain[f"{node}.state"][state]), str(domain[f"{node}.reason"][reason]))


@define(eq=False)
class _Walk:
    """Walks from sets of pairs, by events and by steps that happen by themselves and succeed."""

    space: Space
    first: npt.NDArray[np.int64] = field(init=False)
    target: Numbers = field(init=False)
    moving: npt.NDArray[np.bool_] = field(init=False)
    _next: dict[str, Numbers] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        found = graph(self.space, (Kind.TIMER, Kind.COMPLETION), failing=False, halved=True)
        count = np.bincount(found.source, minlength=len(self.space.halves))
        self.first = np.concatenate([[0], np.cumsum(count)])
        self.target = found.target[np.argsort(found.source, kind="stable")]
        self.moving = count > 0

    def settle(self, pairs: Numbers) -> Numbers:
        """Every pair in which the machine can come to rest."""
        seen = np.zeros(len(self.space), np.bool_)
        seen[pairs] = True
        ends = []
        while len(pairs):
            tick("recommended actions")
            rests = ~self.moving[self.space.halves.turn[pairs] // 2]
            ends.append(pairs[rests])
            to = self._targets(pairs[~rests])
            pairs = np.unique(to[~seen[to]])
            seen[pairs] = True
        return np.concatenate(ends) if ends else pairs

    def _targets(self, pairs: Numbers) -> Numbers:
        """The pairs to which the edges of these pairs lead."""
        halves = self.space.halves
        turn = halves.turn[pairs]
        low = self.first[turn // 2]
        count = self.first[turn // 2 + 1] - low
        ends = np.cumsum(count)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
        to = self.target[np.repeat(low, count) + within] ^ np.repeat(turn % 2, count)
        found: Numbers = halves.number[to]
        return found

    def after(self, pairs: Numbers, event: str) -> Numbers:
        """For each pair, the pair to which an event leads; -1 where it is not accepted."""
        if event not in self._next:
            to: Numbers = np.full(len(self.space), -1, np.int32)
            for edges in self.space.edges:
                if edges.rule.event == event and edges.rule.outcome is Done.DONE:
                    to[edges.source] = edges.target
            self._next[event] = to
        return np.take(self._next[event], pairs)


def advice(engine: Engine, space: Space) -> Outcome:
    """C2: from every fitting pair of its row, every recommended action leads home.

    A listed defect must be one: if it does lead home, that is a fault too.
    """
    found, checked, words, defects = Outcome(), 0, 0, []
    walk, seen = _Walk(space), _Seen.of(space)
    home = np.unique(np.concatenate([space.where(g) for g in engine.model.goal]))
    for situation in engine.model.situations:
        rows = _within(space, seen.where(situation.display), situation.fits)
        for some in situation.advice:
            if not some.events:
                words += 1
                continue
            pairs = _within(space, rows, some.when)
            problem, at = _leads_home(walk, pairs, some, home)
            checked += 1
            if some.defect and len(pairs):
                defects.append(f"row {situation.row}, {some.says} ({some.defect})")
                if not problem:
                    found.add(f"row {situation.row}: {some.says}: listed as a defect, and it "
                              "leads home")
            elif problem:
                found.add(f"row {situation.row}: {some.says}: {problem}", at)
    found.detail = {
        "recommended actions": checked, "without events": words, "defects": defects,
    }
    return found


def _within(space: Space, pairs: Numbers, cube: Cube) -> Numbers:
    """The pairs among these that are in a cube."""
    return pairs[space.codec.test(cube).mask([c[pairs] for c in space.codes])]


def _leads_home(
    walk: _Walk, pairs: Numbers, some: Advice, home: npt.NDArray[np.intp]
) -> tuple[str, int | None]:
    """The fault of a recommendation, and a pair that shows it; nothing where it leads home."""
    if not len(pairs):
        return "no reachable pair of the row fits", None
    for number, event in enumerate(some.events):
        pairs = np.setdiff1d(pairs, home, assume_unique=True) if number else pairs
        after = walk.after(pairs, event)
        if (after < 0).any():
            says = f"step {number + 1}, {event}, is not accepted after this"
            return says, int(pairs[after < 0][0])
        pairs = walk.settle(np.unique(after))
    away = np.setdiff1d(pairs, home, assume_unique=True)
    return ("it ends here, away from home", int(away[0])) if len(away) else ("", None)


# ------------------------------------------------------------- C3: displays


def stable_displays(space: Space) -> dict[Display, int]:
    """Every display that some viewpoint shows and that has no transition, with its first pair.

    A display and its mirror image count as one, the smaller of them.
    """
    transient = {c.column: c.values for c in space.model.transient}
    found: dict[Display, int] = {}
    for display, number in _Seen.of(space).displays().items():
        moving = (shown and shown.state in transient.get(f"{node}.state", ())
                  for node, shown in zip(NODES, display, strict=True))
        if not any(moving):
            least = min(display, display.mirrored(), key=_sorted)
            found[least] = min(found.get(least, number), number)
    return found


def _sorted(display: Display) -> tuple[str, ...]:
    return tuple(str(word) for shown in display for word in shown or ("", ""))


def documented(model: Model) -> dict[Display, str]:
    """The displays of Table 2, in both seats, and their rows."""
    return {
        d: s.row for s in model.situations for d in (s.display, s.display.mirrored())
    }


def holes(space: Space) -> dict[str, list[tuple[Display, int]]]:
    """The stable displays that no row lists, by family; under `""` those of no family."""
    listed = documented(space.model)
    found: dict[str, list[tuple[Display, int]]] = {f.id: [] for f in space.model.families}
    for display, number in sorted(stable_displays(space).items(), key=lambda i: _sorted(i[0])):
        if display not in listed:
            for family in _families(space.model, display) or [""]:
                found.setdefault(family, []).append((display, number))
    return found


def _families(model: Model, display: Display) -> list[str]:
    return [f.id for f in model.families if f.matches(display)]


def unshown(family: Family, shown: Collection[Display]) -> Iterator[str]:
    """The states and reasons that a family names, and that none of these displays has there."""
    for number, pair in enumerate(family.displays):
        met = {d for one in shown for d in family.shown(one, number)}
        for node, half in enumerate(pair):
            for place, words in enumerate(half):
                has = {(d[node] or ("", ""))[place] for d in met}
                yield from (title(w) if w else "nothing" for w in words if w not in has)


def displays(_: Engine, space: Space) -> Outcome:
    """C3: a stable display is in Table 2 or in exactly one family."""
    found, families = Outcome(), holes(space)
    listed = documented(space.model)
    for display, number in families.get("", ()):
        found.add(f"in no row and no family: {spelt(display)}", number)
    shown = stable_displays(space)
    for display, number in shown.items():
        many = _families(space.model, display)
        if display in listed and many:
            found.add(f"in row {listed[display]} and a family: {spelt(display)}", number)
        if len(many) > 1:
            found.add(f"in families {', '.join(many)}: {spelt(display)}", number)
    found.detail = {
        "stable displays": len(shown),
        "not in Table 2": sum(map(len, families.values())),
        "families": sum(1 for f in families.values() if f),
    }
    return found


def spelt(display: Display) -> str:
    """A display in the document's spelling."""
    return " | ".join("(nothing)" if shown is None else spell(shown) for shown in display)


# ------------------------------------------------------------- C4: citations


def halves(situations: Iterable[Situation]) -> dict[Shown | None, set[str]]:
    """The displays that the rows print for one node, each with its rows."""
    found: dict[Shown | None, set[str]] = {}
    for s in situations:
        for shown in s.display:
            found.setdefault(shown, set()).add(s.row)
    return found


def citations(engine: Engine, space: Space) -> Outcome:
    """C4: the display that a rule gives a node is in a row that it cites, or in no row at all.

    Every row that a rule cites shows a display that the rule gives. Every row is cited.
    """
    found, printed = Outcome(), halves(engine.model.situations)
    cited: set[str] = set()
    without = 0
    for edges in space.edges:
        rows = {c.removeprefix("table2:") for c in edges.rule.cite if c.startswith("table2:")}
        without += not rows
        shown: set[str] = set()
        tick("the rows that rules cite")
        for made in _made(space, edges):
            by = printed.get(Shown(*made), set())
            shown |= by
            if rows and by and not by & rows:
                found.add(
                    f"{edges.rule.id} makes {title(made[0])} / {title(made[1])}, which row "
                    f"{', '.join(sorted(by))} prints, and cites {', '.join(sorted(rows))}"
                )
        if rows - shown:
            found.add(
                f"{edges.rule.id} cites row {', '.join(sorted(rows - shown))} and never prints it"
            )
        cited |= rows
    uncited = {s.row for s in engine.model.situations} - cited
    if uncited:
        found.add(f"no rule prints row {', '.join(sorted(uncited))}")
    found.detail = {"rows cited": len(cited), "rules that print no row": without}
    return found


def _made(space: Space, edges: Edges) -> Iterator[tuple[str, str]]:
    """The (state, reason) that a node has after a rule, where the rule changed either."""
    targets = {e.target for e in edges.rule.then}
    for node in NODES:
        if not targets & {f"{node}.state", f"{node}.reason"}:
            continue
        state, reason = space.column(f"{node}.state"), space.column(f"{node}.reason")
        source, target = edges.source, edges.target
        changed = (state[source] != state[target]) | (reason[source] != reason[target])
        codes = state[target][changed].astype(np.int32) * 256 + reason[target][changed]
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            yield (
                str(space.codec.domain[f"{node}.state"][code // 256]),
                str(space.codec.domain[f"{node}.reason"][code % 256]),
            )


def combinations(model: Model, invariant: Invariant) -> Iterator[Values]:
    """The combinations of the invariant's `exactly` columns that it does not rule out."""
    columns = tuple(Column(name, model.domains[name]) for name in invariant.exactly)
    cubes = (c for c in invariant.never if {cell.column for cell in c} <= {*invariant.exactly})
    return Stored(columns).every(EVERYWHERE, cubes)
