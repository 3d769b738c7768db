"""Finding splits: displays without a pair, as two nodes without an arbiter come to show them.

Law: a plain search in breadth, so that every story is a shortest one. The adversary cuts what a
node sends, and nothing else: of the whole network it is enough (`tests/test_splits.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BudgetExhausted
from prgcore.explain.display import denoted, shows_states
from prgcore.explain.home import by_itself, way_home
from prgcore.form.splits import Split, Step
from prgcore.form.splits import write as text
from prgcore.form.telling import heard, lost
from prgcore.model import Choices, Display
from prgcore.network.interpreter import Network
from prgcore.network.setting import Setting
from prgcore.network.snapshot import Move, Snapshot
from prgcore.network.story import write as story
from prgcore.seats import NODES

__all__ = ["CUTS", "MOST", "served_twice", "splits", "told", "write"]

CUTS = frozenset({"one-way"})
"""The adversary by which splits come about."""

MOST = 200_000
"""The most networks that are looked at."""


def splits(
    engine: Engine, adversary: frozenset[str] = CUTS, most: int = MOST,
) -> tuple[Split, ...]:
    """Every display that the two nodes can show and no pair shows, the shortest story first.

    A machine that shows no states has none, and so has one that does not say what hearing is.

    Raises:
        BudgetExhausted: there are more networks than `most`.
    """
    if not (shows_states(engine) and _says(engine)):
        return ()
    network, before = Network(engine, Setting("none", adversary)), dict[Snapshot, _Came]()
    first: dict[Display, Snapshot] = {}
    for at in _reached(network, before, most):
        first.setdefault(network.shown(at), at)
    return tuple(_split(network, before, at) for display, at in first.items()
                 if not len(denoted(engine, display)))


def served_twice(
    engine: Engine, adversary: frozenset[str] = CUTS, most: int = MOST,
) -> str | None:
    """The text of the shortest story by which two nodes serve one group of users.

    None: there is none, or the machine does not say what hearing is and whom a node serves.

    Raises:
        BudgetExhausted: as `splits`.
    """
    if not _says(engine):
        return None
    network, before = Network(engine, Setting("none", adversary)), dict[Snapshot, _Came]()
    found = next((at for at in _reached(network, before, most) if network.twice(at)), None)
    if found is None:
        return None
    served = [f"served twice {group}" for group in network.twice(found)]
    return story(network.setting, [move for _, move in _way(before, found)], *served)


def told(split: Split) -> str:
    """The story of a split, as text that `prgcore.network.story` reads."""
    return "\n".join(("network none", f"adversary {', '.join(sorted(CUTS))}", *split.moves)) + "\n"


_Came: TypeAlias = tuple[Snapshot, Move] | None
"""Where a network comes from, and by which move; None for a start."""


def _says(engine: Engine) -> bool:
    """Whether a machine says whom its nodes serve, and what hearing and losing their peer is."""
    return bool(engine.model.serves) and all(
        heard(engine.model, node) and lost(engine.model, node) for node in NODES)


def _reached(network: Network, before: dict[Snapshot, _Came], most: int) -> Iterator[Snapshot]:
    """Yield every network, the nearest first; `before` becomes where each comes from."""
    before.update(dict.fromkeys(network.starts))
    layer = [*before]
    while layer:
        yield from layer
        if len(before) > most:
            raise BudgetExhausted(f"more than {most:,} networks", most)
        new = []
        for at in layer:
            for move, after in network.moves(at):
                if after not in before:
                    before[after] = at, move
                    new.append(after)
        layer = new


def _way(before: Mapping[Snapshot, _Came], at: Snapshot) -> list[tuple[Snapshot, Move]]:
    """The moves from a start to a network, each with the network after it."""
    way = list[tuple[Snapshot, Move]]()
    while came := before[at]:
        way.append((at, came[1]))
        at = came[0]
    return way[::-1]


def _split(network: Network, before: Mapping[Snapshot, _Came], at: Snapshot) -> Split:
    """The split that a network shows."""
    steps = [Step(str(move), network.shown(one), network.twice(one)) for one, move in _way(before, at)]
    start = network.starts[0]
    steps.insert(0, Step("start", network.shown(start), network.twice(start)))
    ends = dict[Display, tuple[str, ...]]()
    for rest in _rests(network.engine, at):
        way = way_home(network.engine, network.engine.pair(network.pair(rest)))
        events = way.events if way else ()
        ends[network.shown(rest)] = tuple(e for e in events if not by_itself(network.engine, e))
    return Split(tuple(steps), tuple(ends.items()))


def _rests(engine: Engine, at: Snapshot) -> Iterator[Snapshot]:
    """Yield the networks in which nothing more follows by itself once it is whole again (D4)."""
    network = Network(engine, Setting("none", frozenset()))
    seen = {evolve(at, cuts=(False, False)): None}
    todo = [*seen]
    while todo:
        at = todo.pop()
        afters = [after for _, after in network.moves(at)]
        if not afters:
            yield at
        new = dict.fromkeys(after for after in reversed(afters) if after not in seen)
        seen |= new
        todo.extend(new)


# ------------------------------------------------------------------- as data


def write(found: Mapping[Choices, tuple[Split, ...]]) -> str:
    """The text of `prgcore.tables.splits`, for machines that differ only in their policies."""
    every = list(dict.fromkeys(found.values()))
    return "\n".join((
        '"""The splits of the presence redundancy group: how its two nodes come to contradict each other.',
        "",
        "Law: generated by docs/generate.py from a search of model D without an arbiter, read by",
        "`prgcore.form.splits`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        '__all__ = ["SPLITS", "WHICH"]',
        "",
        "WHICH: dict[tuple[str, ...], int] = {",
        *(f"    {json.dumps([c for _, c in policy])}: {every.index(some)},".replace("[", "(").replace("]", ")")
          for policy, some in found.items()),
        "}",
        '"""The splits of the machine of every choice of policies."""',
        "",
        "SPLITS: tuple[tuple[tuple[str, str, str], ...], ...] = (",
        *(line for some in every for line in ("    (", *map(_row, text(some)), "    ),")),
        ")",
        '"""Of each split its steps, the rest and the way home, as `prgcore.form.splits.Rows` has them."""',
        "",
    ))


def _row(row: tuple[str, str, str]) -> str:
    steps, rest, home = row
    return f'        ("""\n{steps}\n""", {json.dumps(rest)}, {json.dumps(home)}),'
