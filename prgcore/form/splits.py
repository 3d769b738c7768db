"""Splits: displays that no pair with one record has, each with the shortest story of how it comes about.

Law: records only, read from data; nothing is searched. `prgcore.network.splits` finds them, where
the record travels in heartbeats. Those of the shipped machine are `prgcore.tables.splits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import TypeAlias

from attrs import frozen

from prgcore.model import Display, Shown, Values

__all__ = ["Rows", "Split", "Step", "like", "read", "write"]

_SAME, _NONE = "=", "-"

Rows: TypeAlias = tuple[tuple[str, str, str], ...]
"""Splits as text: of each the steps, where both can come to rest, and the ways home, a line each.

A line is `move | node1 | node2 | groups served twice`. `-` is nothing, `=` is as in the line
before, and so is what the end of a line leaves out.
"""


@frozen
class Step:
    """One move of a story.

    Attributes:
        move: the move, as a story writes it; `start` for the start.
        shown: what each node shows of itself afterwards.
        twice: the groups of users that two nodes serve afterwards.
    """

    move: str
    shown: Display
    twice: Values = ()


@frozen
class Split:
    """A display without a pair, and how it comes about where the record travels in heartbeats.

    Attributes:
        steps: the shortest story, from the start on.
        ends: what the nodes show after the network was repaired, when nothing more follows by
            itself, each with the events that lead home from there. Several: which one comes
            depends on which heartbeat arrives first.
    """

    steps: tuple[Step, ...]
    ends: tuple[tuple[Display, Values], ...]

    @property
    def shown(self) -> Display:
        """The display."""
        return self.steps[-1].shown

    @property
    def twice(self) -> Values:
        """The groups of users that two nodes serve in the end."""
        return self.steps[-1].twice

    @property
    def moves(self) -> Values:
        """The moves of the story."""
        return tuple(step.move for step in self.steps[1:])


def like(splits: Iterable[Split], display: Display) -> Split | None:
    """The split with the shortest story that shows a display; its reasons may be open."""
    def fits(half: Shown | None, asked: Shown | None) -> bool:
        if half is None or asked is None:
            return half is asked
        return half.state == asked.state and asked.reason in (None, half.reason)

    found = [s for s in splits if all(map(fits, s.shown, display))]
    return min(found, key=lambda split: len(split.steps), default=None)


def read(rows: Rows) -> tuple[Split, ...]:
    """The splits of a machine, from their text."""
    return tuple(Split(tuple(_steps(steps)), tuple(
        (_display(*_fields(one)), tuple(way.split()))
        for one, way in zip(rest.split("\n"), home.split("\n"), strict=True))) for steps, rest, home in rows)


def write(splits: Iterable[Split]) -> Rows:
    """Splits as text."""
    return tuple(("\n".join(_lines(split)),
                  "\n".join(" | ".join(map(_half, rest)) for rest, _ in split.ends),
                  "\n".join(" ".join(home) for _, home in split.ends)) for split in splits)


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("|")]


def _steps(text: str) -> Iterator[Step]:
    before = [_NONE] * 3
    for line in text.strip().splitlines():
        move, *fields = _fields(line)
        before = [now if now != _SAME else was
                  for was, now in zip_longest(before, fields, fillvalue=_SAME)]
        yield Step(move, _display(*before[:2]), tuple(before[2].removeprefix(_NONE).split()))


def _lines(split: Split) -> Iterator[str]:
    before = [_NONE] * 3
    for step in split.steps:
        now = [*map(_half, step.shown), " ".join(step.twice) or _NONE]
        fields = [_SAME if new == old else new for old, new in zip(before, now, strict=True)]
        while fields and fields[-1] == _SAME:
            fields.pop()
        yield " | ".join((step.move, *fields))
        before = now


def _display(one: str, other: str) -> Display:
    return Display(_shown(one), _shown(other))


def _shown(half: str) -> Shown | None:
    state, _, reason = half.partition("/")
    return None if half == _NONE else Shown(state, reason or None)


def _half(shown: Shown | None) -> str:
    return f"{shown.state}/{shown.reason or ''}" if shown else _NONE
