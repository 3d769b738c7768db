"""Displays: what the two nodes show, and the pairs that a display stands for.

Law: reads the machine and its viewpoints; no search of steps. Where the machine has no atlas,
the pairs that satisfy the invariants are enumerated, cut off as early as a cube allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

from prgcore.engine import MOST, Engine, Pair
from prgcore.errors import BadInput, BudgetExhausted, unknown_name
from prgcore.explain.pairs import Charted, Listed, Pairs
from prgcore.form.cubes import Stored
from prgcore.model import Cell, Cube, Situation, Viewpoint, cube
from prgcore.seats import NODES, mirror_cube, seat_cube
from prgcore.vocabulary import ALIASES, Reason, State, title, word

__all__ = [
    "Display", "RowDisplay", "Shown", "candidates", "contradiction", "cubes_of", "denoted",
    "display_of", "foremost", "in_words", "parse_shown", "row_display", "row_of", "seen_from",
    "shows_states", "situation_of", "spell", "stored_columns", "turned", "viewpoints",
]

Shown: TypeAlias = tuple[State, Reason | None]
"""What a node shows; no reason: any."""
Display: TypeAlias = tuple[Shown | None, Shown | None]
"""What both nodes show; None: a node that shows nothing."""
RowDisplay: TypeAlias = tuple[tuple[str, str] | None, tuple[str, str] | None]
"""A row's display: its words, which are states and reasons where the machine has these."""

_NOTHING = ("", "-", "down", "none", "nothing", "not displayed")


def parse_shown(text: str) -> Shown | None:
    """`parse_shown("Failed Over / Initialization")`; no reason: any; "down" or "": nothing.

    Raises:
        BadInput: a word that is no state, or no reason, with the nearest that are.
    """
    if text.strip().lower() in _NOTHING:
        return None
    head, separator, tail = re.sub(r"[/,:;]", "\0", text, count=1).partition("\0")
    state = word(head, State)
    if not isinstance(state, State):
        raise BadInput(unknown_name("state", head.strip(), _spellings(State)))
    if not separator:
        return state, None
    reason = word(tail, Reason)
    if not isinstance(reason, Reason):
        raise BadInput(unknown_name("reason", tail.strip(), _spellings(Reason)))
    return state, reason


def _spellings(known: type[State | Reason]) -> set[str]:
    names = {title(w) for w in known} | {a.title() for a, w in ALIASES.items() if w in set(known)}
    return names - {""}


def spell(shown: Shown | None) -> str:
    """`Failed Over / Initialization`, as the document spells it."""
    if shown is None:
        return "shows nothing"
    state, reason = shown
    return title(state) + (f" / {title(reason)}" if reason and title(reason) else "")


@lru_cache(maxsize=16)
def shows_states(engine: Engine) -> bool:
    """Whether the machine's nodes have states and reasons to show, in the words of the document."""
    domains = {c.name: set(c.domain) for c in engine.model.columns if not c.derived}
    return all(
        f"{n}.{what}" in domains and domains[f"{n}.{what}"] <= set(words)
        for n in NODES for what, words in (("state", State), ("reason", Reason))
    )


def display_of(engine: Engine, pair: Pair) -> Display | None:
    """What the administrator sees, from the machine's first viewpoint."""
    return seen_from(engine, pair, viewpoints(engine)[0]) if shows_states(engine) else None


def viewpoints(engine: Engine) -> tuple[Viewpoint, ...]:
    return engine.model.viewpoints or (Viewpoint("everywhere", Cube(), Cube()),)


def seen_from(engine: Engine, pair: Pair, viewpoint: Viewpoint) -> Display:
    def shown(node: str, visible: Cube) -> Shown | None:
        if not engine.holds(visible, pair):
            return None
        return State(pair[f"{node}.state"]), Reason(pair[f"{node}.reason"])

    return shown(NODES[0], viewpoint.node1), shown(NODES[1], viewpoint.node2)


def situation_of(engine: Engine, seen: Display, pair: Pair) -> tuple[Situation, bool] | None:
    """The row that a display is, and whether from the other seat; causes that fit come first.

    Where the display is of no row, it is looked for as every viewpoint shows the pair.
    """
    listed = _listed(engine)
    for view in chain([seen], (seen_from(engine, pair, v) for v in viewpoints(engine))):
        matches = listed.get(view, ())
        if matches:
            return min(matches, key=lambda one: not engine.holds(
                turned(one[0].fits, mirrored=one[1]), pair))
    return None


@lru_cache(maxsize=16)
def _listed(engine: Engine) -> Mapping[Display | RowDisplay, list[tuple[Situation, bool]]]:
    """The rows that a display is: as they stand, then from the other seat, in their order."""
    found: dict[Display | RowDisplay, list[tuple[Situation, bool]]] = {}
    for mirrored in (False, True):
        for situation in engine.model.situations:
            shown = row_display(situation, mirrored=mirrored)
            found.setdefault(shown, []).append((situation, mirrored))
    return found


def row_of(engine: Engine, pair: Pair) -> str | None:
    """The row of Table 2 that the pair shows, from either seat; None: none, or no states."""
    seen = display_of(engine, pair)
    found = None if seen is None else situation_of(engine, seen, pair)
    return None if found is None else found[0].row


def row_display(situation: Situation, *, mirrored: bool) -> RowDisplay:
    """What the nodes show in a row, as it stands or from the other seat."""
    d = situation.display
    left, right = (
        (state, reason) if shown else None
        for state, reason, shown in (
            (d.state1, d.reason1, situation.shown[0]), (d.state2, d.reason2, situation.shown[1]),
        )
    )
    return (right, left) if mirrored else (left, right)


def turned(cube: Cube, *, mirrored: bool) -> Cube:
    """A cube of a row, written from node 1, as it stands or from the other seat."""
    here = seat_cube(cube, NODES[0])
    return mirror_cube(here) if mirrored else here


def candidates(
    engine: Engine,
    display: Display,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> list[Pair]:
    """Every pair that shows the display, satisfies the invariants, and is reachable if asked.

    A node that shows nothing cannot be seen from some viewpoint: it does not run, or is cut off.

    Raises:
        BadInput: no such column or value, `known` contradicts the display, or too many pairs.
    """
    try:
        found = dict.fromkeys(chain.from_iterable(map(
            engine.completions, cubes_of(engine, display, known))))
    except BudgetExhausted:
        raise BadInput(
            f"more than {MOST:,} pairs show this; narrow it with what is known, such as "
            "link=up, node1.process=off or node1.state=normal"
        ) from None
    return [p for p in found if reachable is None or reachable(p)]


def denoted(
    engine: Engine,
    display: Display,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> Pairs:
    """The pairs that a display stands for: exactly the reachable ones where there is an atlas.

    Raises:
        BadInput: as `candidates`.
    """
    if engine.atlas is None:
        return Listed(engine, candidates(engine, display, known, reachable))
    return Charted(engine, engine.atlas.everything).within(*cubes_of(engine, display, known))


def cubes_of(engine: Engine, display: Display, known: Mapping[str, str] | None) -> list[Cube]:
    """A display as cubes, for every viewpoint: what each column may be. None of them is empty."""
    if not shows_states(engine):
        raise BadInput(f"the machine {engine.model.name!r} shows no states; explain a pair instead")
    engine.check(known or {}, "known")
    given = cube(known or {})
    if _empty(engine, given):
        raise BadInput(
            f"{in_words(known or {})}: what is known contradicts itself; no pair can be like this"
        )
    found: list[Cube] = []
    for viewpoint in viewpoints(engine):
        views = [given]
        visible = (viewpoint.node1, viewpoint.node2)
        for node, shown, where in zip(NODES, display, visible, strict=True):
            ways = _unseen(engine, where) if shown is None else [_visible(node, shown, where)]
            views = [met for one in views for way in ways if (met := one & way) is not None]
        found += [
            one for one in views
            if not any(one & other == one for other in found) and not _empty(engine, one)
        ]
    if not found:
        says = ", ".join(f"{n} {spell(s)}" for n, s in zip(NODES, display, strict=True))
        raise BadInput(f"{in_words(known or {}) or 'the machine'} contradicts what is shown: {says}")
    return found


def _visible(node: str, shown: Shown, where: Cube) -> Cube:
    cells = {c.column: c.values for c in where} | {f"{node}.state": (str(shown[0]),)}
    return cube(cells if shown[1] is None else cells | {f"{node}.reason": (str(shown[1]),)})


def _unseen(engine: Engine, where: Cube) -> list[Cube]:
    """Where a cube does not hold, as cubes that do not overlap."""
    return [
        Cube((*where.cells[:i], Cell(cell.column, tuple(
            v for v in engine.columns[cell.column].domain if v not in cell.values))))
        for i, cell in enumerate(where)
    ]


def _empty(engine: Engine, cells: Cube) -> bool:
    """Whether no stored values are in a cube, be they within the invariants or not."""
    return next(Stored(engine.model.columns).every(cells), None) is None


def contradiction(engine: Engine, views: Sequence[Cube]) -> tuple[str, ...]:
    """The invariants that every completion breaks: each alone, else a smallest set together."""
    invariants, stored = engine.model.invariants, Stored(engine.model.columns)

    def shown(ids: Iterable[str]) -> bool:
        chosen = set(ids)
        never = tuple(c for i in invariants if i.id in chosen for c in i.never)
        return any(next(stored.every(view, never), None) is not None for view in views)

    alone = tuple(i.id for i in invariants if not shown([i.id]))
    if alone:
        return foremost(engine, alone)
    core = [i.id for i in invariants]
    if shown(core):
        return ()
    for one in sorted(invariants, key=lambda i: not i.auxiliary):
        rest = [i for i in core if i != one.id]
        if not shown(rest):
            core = rest
    return tuple(core)


def foremost(engine: Engine, ids: Sequence[str]) -> tuple[str, ...]:
    """The promises among the invariants; the auxiliary ones only where there is no other."""
    auxiliary = {i.id for i in engine.model.invariants if i.auxiliary}
    return tuple(i for i in ids if i not in auxiliary) or tuple(ids)


def stored_columns(engine: Engine, cells: Iterable[Cell]) -> tuple[str, ...]:
    """The stored columns that decide whether cells hold, in the machine's order."""
    asked = {s for cell in cells for s in engine.columns[cell.column].sources or (cell.column,)}
    return tuple(n for n in engine.stored if n in asked)


def in_words(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in cells.items())
