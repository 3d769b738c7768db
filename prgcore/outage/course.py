"""Moves, folded for a simulation: pairs in which the same may happen at the same rates are one kind.

Law: read from `Moves` and from the cells of clients; nothing is drawn by chance. A kind is a row of
small tables, so a step of many lanes reads little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prgcore.errors import BadInput
from prgcore.model import Cube, cube
from prgcore.outage.moves import NOBODY, Clock, Mask, Moves, Times
from prgcore.seats import NODES, seat_cube
from prgcore.tables.agents import SERVES
from prgcore.tables.clients import OFFERED, SENT_HOME, TAKING_BACK
from prgcore.vocabulary import Kind

__all__ = ["Course", "course"]

Table: TypeAlias = npt.NDArray[Any]


@frozen(eq=False)
class Course:
    """The tables that a simulation reads. `K` kinds, `F` events that need a draw, `C` clocks, `G` groups.

    Attributes:
        moves: the moves.
        kind: for every pair its kind.
        next: `next[e, pair]`, as in `Moves`.
        clocks: the timers; column c of the tables below.
        event: for every column of candidates its event: clocks first, then F events, of which the
            last ones happen in working hours only.
        working: where the columns of working hours begin, among the F.
        pace: (K, F) the rate per second.
        runs, again, possible: (K, C) the clock runs, begins again, and could move the pair.
        limit: (K, C) how long it counts.
        served: (K, G) the node that serves each group, or `NOBODY`.
        at_home: (K) nothing is amiss.
        serving: (K) how many nodes serve somebody: 0, 1 or 2.
        sound: (K, 2) nothing of the node itself is amiss: host, manager, services, database.
        spare: (K, G) the node beside the one that serves could hold inactive connections.
        keeps: (K, 2) the node can hold inactive connections.
        back: (K, G) a fallback takes the group home, and its inactive connections are lost.
        sent: (K, G) the group came home by a fallback.
        home: (G) the node that serves each group in the first pair.
    """

    moves: Moves
    kind: npt.NDArray[np.int32]
    next: npt.NDArray[np.int32]
    clocks: tuple[Clock, ...]
    event: npt.NDArray[np.int64]
    working: int
    pace: Times
    runs: Mask
    again: Mask
    possible: Mask
    limit: Times
    served: npt.NDArray[np.int8]
    at_home: Mask
    serving: npt.NDArray[np.int8]
    sound: Mask
    spare: Mask
    keeps: Mask
    back: Mask
    sent: Mask
    home: npt.NDArray[np.int8]


@lru_cache(maxsize=2)
def course(moves: Moves) -> Course:
    """The moves, folded; kept, because several blocks of lanes read the same.

    Raises:
        BadInput: nobody serves a group in the first pair, or an attempt has no time.
    """
    served = np.stack(moves.served, 1)
    if (served[0] == NOBODY).any():
        group = moves.groups[int(np.argmax(served[0] == NOBODY))]
        raise BadInput(f"nobody serves {group} where the world begins, so an outage has no beginning")
    home = served[0].copy()
    clocks = list(moves.clocks.items())
    drawn = [e for e in range(len(moves.events)) if e not in moves.clocks]
    drawn.sort(key=lambda e: bool(moves.working[e]))
    working = sum(not moves.working[e] for e in drawn)
    able, offered, back, sent = _clients(moves)
    columns: list[Table] = [
        *(moves.rates[e] for e in drawn),
        *(c.runs if not c.hears else moves.next[e] >= 0 for e, c in clocks),
        *(c.again for _, c in clocks), *(moves.next[e] >= 0 for e, _ in clocks),
        *(np.zeros(len(moves)) if c.hears else c.limit for _, c in clocks),
        *served.T, moves.at_home, *(_sound(moves, node) for node in NODES),
        *able, offered, *back, *sent]
    kind, first = _kinds(columns)
    rows = [c[first] for c in columns]

    def take(number: int) -> Table:
        found = np.stack(rows[:number], 1) if number else np.zeros((len(first), 0))
        del rows[:number]
        return found

    pace = take(len(drawn)).astype(np.float64)
    runs, again, possible = (take(len(clocks)).astype(np.bool_) for _ in range(3))
    limit = take(len(clocks)).astype(np.float64)
    at = take(len(moves.groups)).astype(np.int8)
    at_home = take(1)[:, 0].astype(np.bool_)
    sound, can, offer, backs, sents = take(2), take(2), take(1), take(2), take(2)
    keeps = can.astype(np.bool_) & offer.astype(np.bool_)
    peers = np.where(at == NOBODY, 0, 1 - at)
    return Course(
        moves, kind, np.array(moves.next, np.int32).reshape(-1, len(moves)), tuple(c for _, c in clocks),
        np.array([*(e for e, _ in clocks), *drawn], np.int64), working, pace, runs, again,
        possible, limit, at, at_home,
        np.array([len(set(row) - {NOBODY}) for row in at.tolist()], np.int8), sound.astype(np.bool_),
        np.take_along_axis(keeps, peers, 1) & (at != NOBODY), keeps, backs[:, home].astype(np.bool_),
        (at == home) & sents[:, home].astype(np.bool_), home)


def _kinds(columns: Sequence[Table]) -> tuple[npt.NDArray[np.int32], Table]:
    """The kind of every pair, and of every kind its first pair; kinds are equal in every column."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for number, column in enumerate(columns):
        bits = np.ascontiguousarray(column, np.float64).view(np.uint64)
        mixed ^= (bits + np.uint64(number)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    _, first, kind = np.unique(mixed, return_index=True, return_inverse=True)
    if any((column[first][kind] != column).any() for column in columns):
        raise AssertionError("BUG: two kinds of pairs have one number")
    return kind.astype(np.int32), first


def _clients(moves: Moves) -> tuple[list[Mask], Mask, list[Mask], list[Mask]]:
    """What clients see (D54): able nodes, whether connections are offered, taken back, sent home.

    A machine without these columns offers connections everywhere, and has no fallback that
    disconnects.
    """
    habits, names = moves.engine.habits, set(moves.engine.stored)
    able = [
        moves.where(cells) if cells.cells else np.ones(len(moves), np.bool_)
        for node in NODES for cells in [_seated(SERVES, node, names) or habits.agent(node).able]]
    offered = (moves.where(OFFERED) if _known(OFFERED, names) else np.ones(len(moves), np.bool_))
    nowhere = np.zeros(len(moves), np.bool_)
    back, sent = (
        [moves.where(found) if (found := _seated(cells, node, names)) else nowhere for node in NODES]
        for cells in (TAKING_BACK, SENT_HOME))
    return able, offered, back, sent


def _known(cells: Cube, names: set[str]) -> bool:
    return all(c.column in names for c in cells.cells)


def _seated(cells: Cube, node: str, names: set[str]) -> Cube | None:
    """The cube seen from this node; None if the machine lacks one of its columns."""
    found = seat_cube(cells, node)
    return found if _known(found, names) else None


def _sound(moves: Moves, node: str) -> Mask:
    """Where everything of a node that a fault may break is as it is in the first pair.

    What a node believes of its peer is not of itself: a heartbeat changes it.
    """
    engine, home = moves.engine, moves.pair(0)
    faults = {e.name for e in engine.model.events if e.kind is Kind.FAULT}
    heard = {t.event for t in engine.model.timers if t.told == "heartbeat"}

    def targets(events: set[str]) -> set[str]:
        return {effect.target for rule in engine.model.rules if rule.event in events
                for effect in rule.then}

    broken = targets(faults) - targets(heard)
    return moves.where(cube({
        name: home[name] for name in engine.stored
        if name in broken and name.startswith(f"{node}.")
        and engine.columns[name].observed_by != "record"}))
