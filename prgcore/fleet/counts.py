"""Counts: how often every rule has decided, and how often none had to.

Law: whole numbers that add up. Counts of parts, in any order, make the counts of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BadInput
from prgcore.fleet.table import IMPOSSIBLE, REFUSED, Table
from prgcore.vocabulary import Outcome

__all__ = ["Counts"]


@define(eq=False, repr=False)
class Counts:
    """Decisions by rule and by outcome. `Counts(table)` counts nothing yet.

    Attributes:
        table: the table whose decisions are counted.
        numbers: int64; first the rules in the order of the machine, then for every event how often
            it was refused, then for every event how often it could not happen.
    """

    table: Table
    numbers: npt.NDArray[np.int64] = field()
    _slots: tuple[npt.NDArray[np.intp], ...] = field(init=False)

    @numbers.default
    def _nothing(self) -> npt.NDArray[np.int64]:
        return np.zeros(_length(self.table), np.int64)

    def __attrs_post_init__(self) -> None:
        rules, events = len(self.table.rules), len(self.table.events)
        if self.numbers.shape != (length := _length(self.table),):
            raise BadInput(f"counts of {len(self.numbers)} numbers: this machine has {length}; "
                           "they are of another machine")
        self._slots = tuple(
            np.where(some == REFUSED, rules + event,
                     np.where(some == IMPOSSIBLE, rules + events + event, some)).astype(np.intp)
            for event, some in enumerate(self.table.answers))

    def __repr__(self) -> str:
        return f"<Counts: {', '.join(f'{n:,} {word}' for word, n in self.outcomes.items())}>"

    def add(self, event: int, answers: npt.NDArray[Any]) -> None:
        """Count decisions about an event.

        Args:
            event: its number.
            answers: how often each entry of the table's `answers[event]` has decided; 0 for entries
                that are missing at the end.
        """
        self.numbers[self._slots[event][:len(answers)]] += answers.astype(np.int64)

    def plus(self, other: Counts) -> Counts:
        """The sum of two counts of one machine.

        Raises:
            BadInput: they are of two machines.
        """
        if other.table is not self.table and other.table.digest != self.table.digest:
            raise BadInput("counts of two machines do not add up; count each machine apart")
        return Counts(self.table, self.numbers + other.numbers)

    @property
    def total(self) -> int:
        """How many events were counted, with those that could not happen."""
        return int(self.numbers.sum())

    @property
    def outcomes(self) -> dict[str, int]:
        """Events by outcome: done, ignored, refused, impossible."""
        rules, events = len(self.table.rules), len(self.table.events)
        done = np.array([r.outcome is Outcome.DONE for r in self.table.model.rules], np.bool_)
        fired = self.numbers[:rules]
        return {
            "done": int(fired[done].sum()), "ignored": int(fired[~done].sum()),
            "refused": int(self.numbers[rules:rules + events].sum()),
            "impossible": int(self.numbers[rules + events:].sum()),
        }

    @property
    def rules(self) -> dict[str, int]:
        """How often each rule has decided, by its id; only those that have, in the table's order."""
        fired = self.numbers[:len(self.table.rules)]
        return {self.table.rules[i]: int(fired[i]) for i in np.flatnonzero(fired).tolist()}

    @property
    def refused(self) -> dict[str, int]:
        """How often each command was refused, by its name; only those that were."""
        return self._by_event(0)

    @property
    def impossible(self) -> dict[str, int]:
        """How often each event could not happen, by its name; only those that could not."""
        return self._by_event(1)

    def _by_event(self, place: int) -> dict[str, int]:
        events = self.table.events
        first = len(self.table.rules) + place * len(events)
        some = self.numbers[first:first + len(events)]
        return {events[i]: int(some[i]) for i in np.flatnonzero(some).tolist()}

    def to_json(self) -> Mapping[str, Any]:
        """The counts as JSON."""
        return {"outcomes": self.outcomes, "rules": self.rules, "refused": self.refused,
                "impossible": self.impossible}


def _length(table: Table) -> int:
    return len(table.rules) + 2 * len(table.events)
