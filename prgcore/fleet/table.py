"""The table of a fleet: for every event one row, in which a pair's code finds the pair after.

Law: made from a search and nothing else; it shares no step with the interpreter, with which it
agrees by test. A *code* is the place of a pair in the order of `prgcore.fleet.numbering`. A row
holds one event for all pairs, because a fleet takes one event at a time: a row of the presence
redundancy group is 3.3 MB, and stays in a processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.engine import Engine
from prgcore.errors import BadInput, NotTotal, unknown_name
from prgcore.explain.display import shows_states, viewpoints
from prgcore.fleet.numbering import order
from prgcore.model import Cubelike, Display, Model, Shown, cube
from prgcore.prove.space import Space, search
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Reason, State
from prgcore.wire.machine_file import digest

__all__ = ["IMPOSSIBLE", "REFUSED", "Codes", "Table"]

REFUSED, IMPOSSIBLE = 0xFFFF, 0xFFFE
"""In place of a rule: a command that no rule accepts, and an event that cannot happen."""

Codes = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.integer[Any]]


@define(eq=False, repr=False, slots=False)
class Table:
    """Every step from every reachable pair, by event and code. `Table.of(machine)`.

    Attributes:
        engine: the interpreter of the same machine.
        events: the names of the events; an event's number is its place here.
        rules: the ids of the rules; a rule's number is its place here.
        next: `next[event, code]` is the code after; the same code where nothing changes. uint32,
            read-only, events times pairs.
        answer: `answer[event, code]` is the place in `answers[event]` of what answers. uint8,
            read-only, events times pairs. (uint16 where an event has more than 255 rules.)
        answers: for every event, the rules that answer it, by number; or `REFUSED`, `IMPOSSIBLE`.
        space: the search that it was made from, with numbers of its own.
    """

    engine: Engine
    events: tuple[str, ...]
    rules: tuple[str, ...]
    next: npt.NDArray[np.uint32]
    answer: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    answers: tuple[npt.NDArray[np.uint16], ...]
    space: Space = field(repr=False)
    _order: npt.NDArray[np.int32]
    _code: npt.NDArray[np.uint32]
    _numbers: dict[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._numbers = {name: i for i, name in enumerate(self.events)}

    def __repr__(self) -> str:
        return f"<Table of {self.model.name}: {len(self):,} pairs, {len(self.events)} events>"

    @classmethod
    def of(cls, machine: Engine | Model) -> Table:
        """The table of a machine.

        Raises:
            NotTotal: a possible event is not answered by exactly one rule, so there is no table.
            BudgetExhausted: the machine is too large to search.
        """
        engine = machine if isinstance(machine, Engine) else Engine(machine)
        space = search(engine.model)
        if space.holes:
            number, event = space.holes[0]
            raise NotTotal(f"{event} is not answered by exactly one rule in pair {number}; "
                           "prove F1 and F2 before you make a fleet")
        placed = order(engine, space)
        code = np.empty(len(space), np.uint32)
        code[placed] = np.arange(len(space), dtype=np.uint32)
        after, answer, answers = _rows(space, code)
        return cls(
            engine, tuple(e.name for e in engine.model.events),
            tuple(r.id for r in engine.model.rules), after, answer, answers, space,
            placed, code)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def size(self) -> int:
        """How many pairs there are; codes are below it."""
        return len(self._order)

    @property
    def home(self) -> int:
        """The code of the healthiest pair at home: the first one."""
        return 0

    @property
    def model(self) -> Model:
        """The machine."""
        return self.engine.model

    @cached_property
    def digest(self) -> str:
        """The digest of the machine, in hexadecimal."""
        return digest(self.model)

    # -------------------------------------------------------------------- events

    def event(self, name: str | int) -> int:
        """The number of an event, by its name or number.

        Raises:
            BadInput: no such event.
        """
        if isinstance(name, str):
            if name in self._numbers:
                return self._numbers[name]
            raise BadInput(unknown_name("event", name, self._numbers))
        if isinstance(name, (int, np.integer)) and 0 <= name < len(self.events):
            return int(name)
        raise BadInput(f"event {name!r:.40}: the machine has {len(self.events)} events, from 0")

    def rule(self, event: str | int) -> npt.NDArray[np.uint16]:
        """The number of the rule that answers an event, by code; or `REFUSED`, `IMPOSSIBLE`."""
        number = self.event(event)
        found: npt.NDArray[np.uint16] = self.answers[number].take(self.answer[number])
        return found

    # --------------------------------------------------------------------- pairs

    def number(self, pair: Mapping[str, str]) -> int:
        """The code of a pair, which may name derived columns too.

        Raises:
            BadInput: it is not a pair of this machine, or the machine cannot reach it.
        """
        whole = self.engine.pair(pair)
        found = self.space.find(dict(zip(self.engine.stored, whole.values_, strict=True)))
        if found is None:
            broken = self.engine.broken(whole)
            why = f"it breaks {', '.join(broken)}" if broken else "no steps of the machine lead there"
            raise BadInput(f"this pair is not in the table: {why}")
        return int(self._code[found])

    def codes(self, pairs: Iterable[Mapping[str, str]]) -> Codes:
        """The codes of many pairs; equal pairs are looked up once.

        Raises:
            BadInput: as `number`; the message names the place of the pair, from 1.
        """
        known: dict[tuple[tuple[str, str], ...], int] = {}
        found: list[int] = []
        for place, pair in enumerate(pairs, 1):
            try:
                key = tuple(pair.items())
                if key not in known:
                    known[key] = self.number(pair)
            except (BadInput, AttributeError, TypeError) as error:
                said = error if isinstance(error, BadInput) else "expected columns and their values"
                raise BadInput(f"pair {place:,}: {said}") from None
            found.append(known[key])
        return np.array(found, np.uint32)

    def placed(self, numbers: Integers) -> Codes:
        """The codes of pairs given by their numbers in the search."""
        return self._code[numbers]

    def pair(self, code: int) -> dict[str, str]:
        """The stored columns of a pair.

        Raises:
            BadInput: no such code.
        """
        if not 0 <= code < self.size:
            raise BadInput(f"code {code}: the table has {self.size:,} pairs, from 0")
        return self.space.pair(int(self._order[code]))

    def values(self, codes: Integers) -> list[tuple[str, ...]]:
        """The values of the stored columns, in order, of some pairs."""
        return self.space.values(self._order[codes])

    def column(self, name: str) -> npt.NDArray[np.uint8]:
        """Index in its domain of a column's value, by code; a derived column too.

        Raises:
            BadInput: no such column.
        """
        self.engine.column(name)
        return self.space.column(name)[self._order]

    def where(self, asked: Cubelike) -> Codes:
        """The codes of the pairs in a cube, ascending.

        Raises:
            BadInput: a cell of the cube is not one of this machine.
        """
        self.engine.check(asked)
        return np.sort(self._code[self.space.where(cube(asked))])

    # ------------------------------------------------------------------ displays

    @cached_property
    def _displays(self) -> tuple[npt.NDArray[np.uint16], tuple[Display, ...]]:
        if not shows_states(self.engine):
            return np.zeros(self.size, np.uint16), ()
        key, sizes = np.zeros(self.size, np.int64), []
        seen = viewpoints(self.engine)[0]
        for node, visible in zip(NODES, (seen.node1, seen.node2), strict=True):
            state, reason = (self.engine.columns[f"{node}.{what}"].domain
                             for what in ("state", "reason"))
            half = self.column(f"{node}.state").astype(np.int64) * len(reason)
            half += self.column(f"{node}.reason")
            silent = np.ones(self.size, np.bool_)
            silent[self.where(visible)] = False
            half[silent] = len(state) * len(reason)
            key = key * (len(state) * len(reason) + 1) + half
            sizes.append((state, reason))
        return _named(key, sizes)

    @property
    def shown(self) -> npt.NDArray[np.uint16]:
        """The number of what an administrator sees, by code; a place in `displays`."""
        return self._displays[0]

    @property
    def displays(self) -> tuple[Display, ...]:
        """The displays that an administrator can see, the most usual first; empty without states."""
        return self._displays[1]


def _named(
    key: npt.NDArray[np.int64], sizes: Sequence[tuple[Sequence[str], Sequence[str]]]
) -> tuple[npt.NDArray[np.uint16], tuple[Display, ...]]:
    """Displays numbered in the order in which codes meet them, and the number of every code."""
    keys, first, number = np.unique(key, return_index=True, return_inverse=True)
    by_code = np.argsort(first)
    place = np.empty(len(keys), np.uint16)
    place[by_code] = np.arange(len(keys), dtype=np.uint16)
    displays = []
    for one in keys[by_code].tolist():
        halves: list[Shown | None] = []
        for state, reason in reversed(sizes):
            one, half = divmod(one, len(state) * len(reason) + 1)  # noqa: PLW2901
            s, r = divmod(half, len(reason))
            halves.append(Shown(State(state[s]), Reason(reason[r])) if s < len(state) else None)
        displays.append(Display(*reversed(halves)))
    return place[number], tuple(displays)


def _rows(space: Space, code: Codes) -> tuple[Codes, npt.NDArray[Any], tuple[npt.NDArray[Any], ...]]:
    """The rows of the table: the pair after, and what answers."""
    events, size = space.model.events, len(space)
    answers = [[REFUSED if e.kind is Kind.COMMAND else IMPOSSIBLE] for e in events]
    place = {e.name: i for i, e in enumerate(events)}
    locals_ = []
    for number, rule in enumerate(space.model.rules):
        mine = answers[place[rule.event]]
        locals_.append(len(mine))
        mine.append(number)
    wide = max(map(len, answers), default=0) > 1 << 8
    answer = np.zeros((len(events), size), np.uint16 if wide else np.uint8)
    after = np.empty((len(events), size), np.uint32)
    after[:] = np.arange(size, dtype=np.uint32)
    for number, edges in enumerate(space.edges):
        event = place[edges.rule.event]
        source = code[edges.source]
        after[event][source] = code[edges.target]
        answer[event][source] = locals_[number]
    after.flags.writeable = answer.flags.writeable = False
    return after, answer, tuple(np.array(some, np.uint16) for some in answers)
