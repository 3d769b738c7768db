"""Answers: the shapes of an explanation, as JSON and as text for an operator, 80 columns.

Law: shapes and words only; what is in them is decided by `prgcore.explain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import TextWrapper
from typing import Any

from attrs import field, frozen

from prgcore.display import Display, in_words, spell
from prgcore.engine import Failed, Pair
from prgcore.model import Cube
from prgcore.plan import Plan
from prgcore.seats import NODES

_WIDTH = 80


@frozen
class Maybe:
    """A command that only some pairs of a display accept.

    `when` is the smallest conjunction of hidden columns that tells them apart; where there is
    none, `decides` is False and `when` names the columns that matter with what accepts.
    """

    command: str
    when: Cube
    decides: bool = True


@frozen
class Explanation:
    """The answer about one pair, or about every pair that a display stands for.

    Attributes:
        display: what the two nodes show, None for a machine that shows no states.
        row: the row of Table 2, None where it lists none; `seat` is that row's first node.
        cause: what happened, one or two sentences.
        actions: what to do now, best first.
        decision: where no row is: a decision that leads here; `nearest`: the nearest row.
        available: commands that are accepted in every pair; `does`: what each would do.
        maybe: commands that are accepted in some.
        refused: commands that are refused in every pair, with the cells that fail.
        plan: the way home from the healthiest pair, None where there is none.
        assuming: hidden columns of that pair that vary between the pairs.
        broken: ids of the invariants broken, where no pair of the machine is like this.
        pairs: how many pairs were considered.
        pair: the healthiest of them, for which the plan is; None where there is none.
    """

    display: Display | None
    row: str | None = None
    seat: str | None = None
    cause: str = ""
    actions: tuple[str, ...] = ()
    decision: str | None = None
    nearest: str | None = None
    available: tuple[str, ...] = ()
    does: Mapping[str, str] = field(factory=dict)
    maybe: tuple[Maybe, ...] = ()
    refused: Mapping[str, tuple[Failed, ...]] = field(factory=dict)
    plan: Plan | None = None
    assuming: Mapping[str, str] = field(factory=dict)
    broken: tuple[str, ...] = ()
    pairs: int = 1
    pair: Pair | None = None

    def to_json(self) -> dict[str, Any]:
        """The shape of `explain --json`; `decision` and `nearest` only where there is no row."""
        answer: dict[str, Any] = {"row": self.row, "seat": self.seat, "cause": self.cause}
        if self.row is None:
            answer |= {"decision": self.decision, "nearest": self.nearest}
        return answer | {
            "actions": list(self.actions),
            "available": list(self.available),
            "maybe": [
                {"command": m.command, "if": {c.column: list(c.values) for c in m.when}}
                for m in self.maybe
            ],
            "refused": {c: _failed_json(failed) for c, failed in self.refused.items()},
            "plan": list(self.plan.events) if self.plan else [],
            "assuming": dict(self.assuming),
            "broken": list(self.broken),
        }

    def text(self) -> str:
        """For an operator, 80 columns."""
        lines: list[str] = []
        for node, shown in zip(NODES, self.display or (), strict=False):
            lines += _wrap(f"{node}  {spell(shown)}", later="       ")
        if self.row:
            lines += ["", f"Row {self.row} of Table 2; its first node is {self.seat}."]
        elif self.broken:
            lines += ["", *_wrap(
                f"No pair of the machine is like this. Broken: {', '.join(self.broken)}."
            )]
        elif self.display and self.nearest:
            lines += ["", *_wrap(
                f"Table 2 has no such row. Nearest: row {self.nearest}."
                + (f" See decision {self.decision}." if self.decision else "")
            )]
        lines += [""] * bool(self.cause and not (self.row or self.broken)) + _wrap(self.cause)
        if self.actions:
            lines += ["", "What to do now"]
            lines += _items(f"- {say}" for say in self.actions)
        if self.plan and self.plan.steps:
            lines += ["", f"The shortest way home: {_steps(self.plan)}"]
            lines += _items([", ".join(self.plan.events)])
        if self.assuming:
            lines += _items([f"assuming {in_words(self.assuming)}"])
        if self.available or self.maybe or self.refused:
            lines += ["", "Commands"]
            lines += _items(f"{c}: accepted. {self.does.get(c, '')}" for c in self.available)
            for m in self.maybe:
                how = "accepted if" if m.decides else "accepted in some pairs; it depends on"
                lines += _items([
                    f"{m.command}: {how} {in_words({c.column: _or(c.values) for c in m.when})}"
                ])
            lines += _items(f"{c}: refused. {_needs(f)}" for c, f in self.refused.items())
        return "\n".join(line.rstrip() for line in lines).lstrip("\n") + "\n"


@frozen
class WhyNot:
    """Why a command is refused, and what enables it.

    Attributes:
        command: the command.
        accepted: True where there is nothing to explain.
        failed: the cells that fail of the rule that comes nearest.
        plan: the shortest way to a pair that accepts it, without using it; None if there is none.
    """

    command: str
    accepted: bool
    failed: tuple[Failed, ...] = ()
    plan: Plan | None = None

    def to_json(self) -> dict[str, Any]:
        """`plan` is null where nothing but a fault, or nothing at all, enables the command."""
        return {
            "command": self.command, "accepted": self.accepted,
            "failed": _failed_json(self.failed),
            "plan": list(self.plan.events) if self.plan else None,
        }

    def text(self) -> str:
        """For an operator, 80 columns."""
        if self.accepted:
            return f"{self.command} is accepted now.\n"
        lines = [f"{self.command} is refused:"]
        lines += _items(
            f"{f.column} is {f.value}, and must be {_or(f.needs)}" for f in self.failed
        )
        if self.plan:
            lines += [f"What enables it soonest: {_steps(self.plan)}"]
            lines += _items([", ".join(self.plan.events)])
        else:
            lines += ["Repairs, commands, timers and completions do not enable it from here."]
        return "\n".join(lines) + "\n"


def _failed_json(failed: Iterable[Failed]) -> list[dict[str, Any]]:
    return [{"column": f.column, "is": f.value, "needs": list(f.needs)} for f in failed]


def _or(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _needs(failed: Iterable[Failed]) -> str:
    return "; ".join(f"{f.column} is {f.value}, needs {_or(f.needs)}" for f in failed)


def _steps(way: Plan) -> str:
    return f"{len(way.steps)} step{'s' if len(way.steps) != 1 else ''}"


def _wrap(text: str, before: str = "", later: str = "") -> list[str]:
    return TextWrapper(
        _WIDTH, initial_indent=before, subsequent_indent=later, break_on_hyphens=False
    ).wrap(text)


def _items(many: Iterable[str]) -> list[str]:
    return [line for item in many for line in _wrap(item, "  ", "    ")]
