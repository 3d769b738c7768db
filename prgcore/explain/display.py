"""Displays: what the two nodes show, and the pairs that a display stands for.

Law: it reads the machine and its viewpoints, and searches no steps. If the machine has no atlas, it
enumerates the pairs that satisfy the invariants, pruned as early as a cube allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from prgcore.engine import MOST, Engine, Pair
from prgcore.errors import BadInput, BudgetExhausted, unknown_name
from prgcore.explain.pairs import Charted, Listed, Pairs, expanded
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Cell, Cube, Display, Shown, Situation, Values, Viewpoint, cube
from prgcore.seats import NODES, mirror_cube
from prgcore.vocabulary import Reason, State, title, word

__all__ = [
    "also", "candidates", "contradiction", "cubes_of", "denoted", "display_of", "foremost", "in_words",
    "misprint", "parse_shown", "row_display", "row_of", "seen_from", "shows_states", "situation_of", "spell",
    "spell_both", "stored_columns", "turned", "viewpoints",
]

_NOTHING = ("", "-", "down", "none", "nothing", "not displayed")


def parse_shown(text: str, spelling: Spelling = PLAIN) -> Shown | None:
    """The half of a display read from `State / Reason`; no reason is any; None for "down" or "".

    A renamed word of `spelling` is understood, and what it replaces.

    Raises:
        BadInput: a word is not a state or not a reason; the message names the nearest ones.
    """
    if text.strip().lower() in _NOTHING:
        return None
    head, separator, tail = re.sub(r"[/,:;]", "\0", text, count=1).partition("\0")
    state = spelling.read("state", head) if spelling.words else word(head, State)
    if not isinstance(state, State):
        raise BadInput(unknown_name("state", head.strip(), spelling.spellings("state")))
    if not separator:
        return Shown(state)
    reason = spelling.read("reason", tail) if spelling.words else word(tail, Reason)
    if not isinstance(reason, Reason):
        raise BadInput(unknown_name("reason", tail.strip(), spelling.spellings("reason")))
    return Shown(state, reason)


def spell(shown: Shown | None, spelling: Spelling = PLAIN) -> str:
    """State and reason as people read them: `Failed Over / Initialization`."""
    if shown is None:
        return "shows nothing"
    reason = spelling.title("reason", shown.reason) if shown.reason else ""
    return spelling.title("state", shown.state) + (f" / {reason}" if reason else "")


def spell_both(display: Display, between: str = " / ", spelling: Spelling = PLAIN) -> str:
    """Both nodes' states in one phrase: `Idle / Running in Backup Mode`, or `Both Normal`.

    Two equal states are named once, with their reason if it is the same and adds a word.
    """
    one, other = display
    if one is None and other is None:
        return "Both show nothing"
    if one is None or other is None or one.state != other.state:
        return between.join(
            spelling.title("state", half.state) if half else "nothing" for half in display)
    same = one.reason == other.reason and title(one.reason or "") != title(one.state)
    return f"Both {spell(one if same else Shown(one.state), spelling)}"


@lru_cache(maxsize=16)
def shows_states(engine: Engine) -> bool:
    """Whether the machine's nodes show states and reasons in the words of the document."""
    return all(
        f"{n}.{what}" in engine.stored and set(engine.columns[f"{n}.{what}"].domain) <= set(words)
        for n in NODES for what, words in (("state", State), ("reason", Reason))
    )


def also(engine: Engine, known: Mapping[str, str], node: str) -> str:
    """What is known of a node beside its state and reason: `data behind, service up`."""
    spelling = Spelling.of(engine.model)
    shown = {f"{node}.state", f"{node}.reason"}
    return ", ".join(
        f"{spelling.name(name).removeprefix(f'{node}.')} {spelling.value(name, known[name])}"
        for name in engine.stored
        if name.startswith(f"{node}.") and name in known and name not in shown)


def display_of(engine: Engine, pair: Pair) -> Display | None:
    """The administrator's view of a pair, from the machine's first viewpoint."""
    return seen_from(engine, pair, viewpoints(engine)[0]) if shows_states(engine) else None


def viewpoints(engine: Engine) -> tuple[Viewpoint, ...]:
    return engine.model.viewpoints or (Viewpoint("everywhere", Cube(), Cube()),)


def seen_from(engine: Engine, pair: Pair, viewpoint: Viewpoint) -> Display:
    def shown(node: str, visible: Cube) -> Shown | None:
        if not engine.holds(visible, pair):
            return None
        return Shown(State(pair[f"{node}.state"]), Reason(pair[f"{node}.reason"]))

    return Display(shown(NODES[0], viewpoint.node1), shown(NODES[1], viewpoint.node2))


def situation_of(engine: Engine, seen: Display, pair: Pair) -> tuple[Situation, bool] | None:
    """The row that shows a display, and whether from the other seat; fitting causes come first.

    If no row shows the display, it tries the views of the pair from the other viewpoints.
    """
    listed = _listed(engine)
    for view in chain([seen], (seen_from(engine, pair, v) for v in viewpoints(engine))):
        matches = listed.get(view, ())
        if matches:
            return min(matches, key=lambda one: not engine.holds(
                turned(one[0].fits, mirrored=one[1]), pair))
    return None


@lru_cache(maxsize=16)
def _listed(engine: Engine) -> Mapping[Display, list[tuple[Situation, bool]]]:
    """The rows that show each display: as printed, then from the other seat, in their order."""
    found: dict[Display, list[tuple[Situation, bool]]] = {}
    for mirrored in (False, True):
        for situation in engine.model.situations:
            shown = row_display(situation, mirrored=mirrored)
            found.setdefault(shown, []).append((situation, mirrored))
    return found


def misprint(engine: Engine, display: Display) -> tuple[Situation, bool] | None:
    """The row that the document prints as this display and means as another; and from which seat."""
    return next(((s, mirrored) for s in engine.model.situations if s.printed
                 for mirrored in (False, True)
                 if display == (s.printed[::-1] if mirrored else s.printed)), None)


def row_of(engine: Engine, pair: Pair) -> str | None:
    """The row of Table 2 that the pair shows, from either seat; None if there is none."""
    seen = display_of(engine, pair)
    found = None if seen is None else situation_of(engine, seen, pair)
    return None if found is None else found[0].row


def row_display(situation: Situation, *, mirrored: bool) -> Display:
    """The display of a row, as printed or from the other seat."""
    return situation.display.mirrored() if mirrored else situation.display


def turned(cube: Cube, *, mirrored: bool) -> Cube:
    """A cube of a row, as printed (from node 1) or from the other seat."""
    return mirror_cube(cube) if mirrored else cube


def candidates(
    engine: Engine,
    display: Display,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> list[Pair]:
    """Every pair that shows the display, satisfies the invariants, and passes `reachable`.

    A node shows nothing if some viewpoint cannot see it: it does not run, or is cut off.

    Raises:
        BadInput: an unknown column or value, `known` contradicts the display, or too many pairs.
    """
    views = cubes_of(engine, display, known)
    try:
        found = dict.fromkeys(chain.from_iterable(map(engine.completions, views)))
    except BudgetExhausted:
        raise BadInput(
            f"more than {MOST:,} pairs show this; narrow it with what is known, such as "
            "link=up, node1.process=off or node1.state=normal"
        ) from None
    if not found:
        _check(engine, display, known, views)
    return [p for p in found if reachable is None or reachable(p)]


def denoted(
    engine: Engine,
    display: Display,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> Pairs:
    """The pairs that a display stands for; with an atlas, exactly the reachable ones.

    Raises:
        BadInput: as `candidates`.
    """
    if engine.atlas is None:
        return Listed(engine, candidates(engine, display, known, reachable))
    views = cubes_of(engine, display, known)
    boxes = [box for view in views for box in expanded(engine, view)]
    region = engine.atlas.within(boxes)
    if region.root < 0:
        _check(engine, display, known, views)
    return Charted(engine, region)


def cubes_of(engine: Engine, display: Display, known: Mapping[str, str] | None) -> list[Cube]:
    """A display as cubes, for every viewpoint. Some cubes may hold in no pair.

    A display that the document prints for another (`misprint`) stands for what is meant.

    Raises:
        BadInput: the machine shows no states, or lacks a column or value.
    """
    if not shows_states(engine):
        raise BadInput(f"the machine {engine.model.name!r} shows no states; explain a pair instead")
    if known:
        engine.check(known, "known")
    given = cube(known) if known else Cube()
    if (wrong := misprint(engine, display)) is not None:
        display = row_display(wrong[0], mirrored=wrong[1])
    found: list[Cube] = []
    for one, two in [_ways(engine, display, viewpoint) for viewpoint in viewpoints(engine)]:
        views = [given]
        for ways in ([cube(way) for way in one], [cube(way) for way in two]):
            views = [met for view in views for way in ways if (met := view & way) is not None]
        found += [view for view in views if not any(view & other == view for other in found)]
    return found


def _check(engine: Engine, display: Display, known: Mapping[str, str] | None,
           views: Iterable[Cube]) -> None:
    """Raise an error if the question contradicts itself; called if no pair shows a display.

    Raises:
        BadInput: the known columns contradict themselves, or the display.
    """
    if _empty(engine, cube(known or {})):
        raise BadInput(
            f"{in_words(known or {})}: what is known contradicts itself; no pair can be like this"
        )
    if all(_empty(engine, one) for one in views):
        says = ", ".join(f"{n} {spell(s)}" for n, s in zip(NODES, display, strict=True))
        raise BadInput(f"{in_words(known or {}) or 'the machine'} contradicts what is shown: {says}")


def _ways(engine: Engine, display: Display, viewpoint: Viewpoint) -> list[list[dict[str, Values]]]:
    """For each node the ways to show its half from a viewpoint, as cells that do not overlap."""
    both = []
    for node, shown, where in zip(NODES, display, (viewpoint.node1, viewpoint.node2), strict=True):
        cells = [(cell.column, cell.values) for cell in where.cells]
        if shown is None:
            both.append([
                dict(cells[:i]) | {name: tuple(
                    [v for v in engine.columns[name].domain if v not in values])}
                for i, (name, values) in enumerate(cells)
            ])
            continue
        way = dict(cells) | {f"{node}.state": (str(shown.state),)}
        if shown.reason is not None:
            way[f"{node}.reason"] = (str(shown.reason),)
        both.append([way])
    return both


def _empty(engine: Engine, cells: Cube) -> bool:
    """Whether a cube holds for no stored values at all, ignoring the invariants."""
    from prgcore.form.cubes import Stored  # an atlas answers most questions without it

    return next(Stored(engine.model.columns).every(cells), None) is None


def contradiction(engine: Engine, views: Sequence[Cube]) -> tuple[str, ...]:
    """The invariants that every completion breaks: single ones, else a smallest set together."""
    from prgcore.form.cubes import Stored

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
    """The promises among the invariants; the auxiliary ones only if there are no others."""
    auxiliary = {i.id for i in engine.model.invariants if i.auxiliary}
    return tuple(i for i in ids if i not in auxiliary) or tuple(ids)


def stored_columns(engine: Engine, cells: Iterable[Cell]) -> tuple[str, ...]:
    """The stored columns that decide whether these cells hold, in the machine's order."""
    asked = {s for cell in cells for s in engine.columns[cell.column].sources or (cell.column,)}
    return tuple(n for n in engine.stored if n in asked)


def in_words(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in cells.items())
