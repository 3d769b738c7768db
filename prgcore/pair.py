"""An engine's answers: pairs, decisions, and walks of several decisions.

Law: frozen. A pair keeps what its engine remembers about it, and asks the engine for derived
columns. Pairs and decisions are made for every event, so they are written for speed.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import Any, NoReturn

from attrs import fields, frozen
from attrs.exceptions import FrozenInstanceError

from prgcore.errors import Failed
from prgcore.model import Action, Record, Rule
from prgcore.vocabulary import Outcome

__all__ = ["Decision", "Pair", "Walk", "keep_met"]


class Pair(Mapping[str, str]):
    """The record of both nodes: an immutable mapping of stored columns to values.

    A derived column is found by its name, but not listed. Pairs of one machine are equal if their
    stored values are. `Engine.pair` makes one.
    """

    __slots__ = ("_decisions", "_engine", "_hash", "_met", "_row", "values_")
    __match_args__ = ("values_",)

    values_: tuple[str, ...]
    _engine: Any  # the engine that made it
    _decisions: dict[str, Decision]
    _met: int
    _hash: int  # this and the next are worked out when they are first asked for
    _row: tuple[str, ...]

    def __init__(self, engine: Any, values: tuple[str, ...], met: int = 0) -> None:
        _keep_engine(self, engine)
        _keep_values(self, values)
        _keep_decisions(self, {})
        keep_met(self, met)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError

    def __reduce__(self) -> tuple[type[Pair], tuple[Any, tuple[str, ...]]]:
        return Pair, (self._engine, self.values_)  # a hash is good in one process only

    def __getitem__(self, column: str) -> str:
        place: int = self._engine.position[column]
        return self.values_[place] if place < len(self.values_) else self.row[place]

    @property
    def habits(self) -> Any:
        """The habits of the agents of its machine (`Engine.habits`)."""
        return self._engine.habits

    def __iter__(self) -> Iterator[str]:
        return iter(self._engine.stored)

    def __len__(self) -> int:
        return len(self.values_)

    def items(self) -> ItemsView[str, str]:
        """The stored columns with their values."""
        return dict(zip(self._engine.stored, self.values_, strict=True)).items()

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash(self.values_))
            return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Pair):
            return self.values_ == other.values_ and tuple(self) == tuple(other)
        return Mapping.__eq__(self, other)

    def __repr__(self) -> str:
        return f"Pair({ {name: str(value) for name, value in self.items()} })"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """One line for IPython and Hypothesis, which would print the whole engine otherwise."""
        del cycle
        printer.text("Pair(" + ", ".join(f"{n}={v}" for n, v in self.items()) + ")")

    @property
    def row(self) -> tuple[str, ...]:
        """Every column's value, stored then derived, in the machine's order."""
        try:
            return self._row
        except AttributeError:
            object.__setattr__(self, "_row", self._engine.complete(self.values_))
            return self._row


_keep_engine, _keep_values, _keep_decisions, keep_met = (
    vars(Pair)[name].__set__ for name in ("_engine", "values_", "_decisions", "_met"))


@frozen(init=False, eq=False, repr=False)
class Decision(Record):
    """The answer to one event in one pair.

    Attributes:
        outcome: done, ignored or refused.
        pair: the pair afterwards; the same pair unless done.
        rule: the rule that decided; None for a refusal.
        actions: requests to the outside world, in this order.
        why: the reason, in one sentence.
        failed: for a refusal, the failing cells of the rule that came nearest.
    """

    outcome: Outcome
    pair: Pair
    event: str
    rule: Rule | None = None
    actions: tuple[Action, ...] = ()
    why: str = ""
    failed: tuple[Failed, ...] = ()

    def __init__(
        self, outcome: Outcome, pair: Pair, event: str, rule: Rule | None = None,
        actions: tuple[Action, ...] = (), why: str = "", failed: tuple[Failed, ...] = (),
    ) -> None:
        _keep_outcome(self, outcome)
        _keep_after(self, pair)
        _keep_event(self, event)
        _keep_rule(self, rule)
        _keep_actions(self, actions)
        _keep_why(self, why)
        _keep_failed(self, failed)


_keep_outcome, _keep_after, _keep_event, _keep_rule, _keep_actions, _keep_why, _keep_failed = (
    vars(Decision)[a.name].__set__ for a in fields(Decision))


@frozen(eq=False, repr=False)
class Walk(Record):
    """Successive decisions, each in the pair that the previous one led to.

    Attributes:
        start: the pair in which the first event arrives.
        steps: one decision per event, in order.
    """

    start: Pair
    steps: tuple[Decision, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events, in order."""
        return tuple(step.event for step in self.steps)

    @property
    def end(self) -> Pair:
        """The pair after the last event; the start if there is none."""
        return self.steps[-1].pair if self.steps else self.start
