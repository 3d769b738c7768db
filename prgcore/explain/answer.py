"""Answers: the shapes of an explanation, as JSON and as text of 80 columns for an operator.

Law: shapes and words only; `prgcore.explain.explaining` decides what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from attrs import field, frozen

from prgcore.engine import Pair
from prgcore.errors import Failed
from prgcore.explain.display import spell
from prgcore.explain.names import BUTTONS, UNNAMED, Names
from prgcore.explain.plan import Plan
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Cube, Display
from prgcore.seats import NODES
from prgcore.wire.answers import failed_json
from prgcore.words import counted, listed, wrapped

__all__ = ["Explanation", "Maybe", "Reading", "WhyNot"]

_WAYS = 2


@frozen
class Maybe:
    """A command that only some pairs of a display accept.

    `when` is the smallest conjunction of hidden columns that tells them apart. If there is none,
    `decides` is False, and `when` names the relevant columns with their accepting values.
    """

    command: str
    when: Cube
    decides: bool = True


@frozen
class Reading:
    """One meaning of a display that leaves reasons open.

    Attributes:
        row: the row of Table 2; None if there is none.
        family: the family of displays instead; None if there is none.
        reasons: the reasons of the nodes that show anything, together.
    """

    row: str | None
    family: str | None
    reasons: tuple[tuple[str, ...], ...]

    def text(self, spelling: Spelling = PLAIN) -> str:
        """The row with its reasons: `row 5: Initialization | On Admin Request`."""
        name = f"row {self.row}" if self.row else f"in no row ({self.family or 'on the way'})"
        rights: dict[tuple[str, ...], list[str]] = {}
        for one in self.reasons:
            rights.setdefault(one[:-1], []).append(one[-1])
        both: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for left, right in rights.items():
            both.setdefault(tuple(right), []).append(left)
        if self.row is None and len(both) > _WAYS:
            return f"{name}: other reasons"
        return f"{name}: " + "; ".join(
            " | ".join(listed([spelling.title("reason", r) or "no reason" for r in some])
                       for some in ([r for left in lefts for r in left], right) if some)
            for right, lefts in both.items()
        )


@frozen
class Explanation:
    """An explanation of one pair, or of every pair that a display stands for.

    Attributes:
        display: what the two nodes show; None for a machine that shows no states.
        row: the row of Table 2; None if there is none, or if reasons that are not given decide
            which. `seat` is the first node of the row.
        cause: what happened, in one or two sentences.
        actions: what to do now, best first.
        decision: without a row, a decision that leads here. `nearest` is the nearest row; of
            several possible rows the one that the rest of the answer assumes.
        readings: the meanings of a display that leaves reasons open.
        available: commands that are accepted in every pair; `does` says what each would do.
        maybe: commands that only some pairs accept.
        refused: commands that are refused in every pair, with the cells that fail.
        plan: the way home from the healthiest pair; None if there is none.
        assuming: the hidden columns of that pair that vary between the pairs.
        broken: ids of the broken invariants, if no pair of the machine is like this.
        pairs: the number of pairs considered.
        pair: the healthiest of them, from which the plan starts; None if there is none.
        by_itself: the events of the plan to wait for: timers and completions.
        spelling: what people read for the machine's words; JSON has the words themselves.
    """

    display: Display | None
    row: str | None = None
    seat: str | None = None
    cause: str = ""
    actions: tuple[str, ...] = ()
    decision: str | None = None
    nearest: str | None = None
    readings: tuple[Reading, ...] = ()
    available: tuple[str, ...] = ()
    does: Mapping[str, str] = field(factory=dict)
    maybe: tuple[Maybe, ...] = ()
    refused: Mapping[str, tuple[Failed, ...]] = field(factory=dict)
    plan: Plan | None = None
    assuming: Mapping[str, str] = field(factory=dict)
    broken: tuple[str, ...] = ()
    pairs: int = 1
    pair: Pair | None = None
    by_itself: tuple[str, ...] = ()
    spelling: Spelling = PLAIN

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that show the display: one, none, or several that differ in open reasons."""
        return (self.row,) if self.row else tuple(r.row for r in self.readings if r.row)

    def to_json(self) -> dict[str, Any]:
        """The object of `explain --json`; `decision` and `nearest` only without a single row."""
        answer: dict[str, Any] = {
            "row": self.row, "rows": list(self.rows), "seat": self.seat, "cause": self.cause,
        }
        if self.row is None:
            answer |= {"decision": self.decision, "nearest": self.nearest}
        return answer | {
            "actions": list(self.actions),
            "available": list(self.available),
            "maybe": [
                {"command": m.command, "if": {c.column: list(c.values) for c in m.when}}
                for m in self.maybe
            ],
            "refused": {c: failed_json(failed) for c, failed in self.refused.items()},
            "plan": list(self.plan.events) if self.plan else [],
            "assuming": dict(self.assuming),
            "broken": list(self.broken),
        }

    def text(self, names: Sequence[str] = (), group: str = "") -> str:
        """A text of 80 columns for an operator: the situation, what to do, then the rest.

        Args:
            names: the host names of node1 and node2, if known. They replace the seats, without
                their domains if they still differ, and commands are those of the product's command
                line.
            group: the name of the group, for these.
        """
        hosts = dict(zip(NODES, names, strict=False))
        called = Names(**hosts, group=group)
        lines = [
            line for node, shown in zip(NODES, self.display or (), strict=False)
            for line in wrapped(f"{hosts.get(node) or node}  {spell(shown, self.spelling)}", later="       ")
        ]
        for paragraph in self._paragraphs():
            lines += ["", *wrapped(called.out(paragraph))]
        for head, items in self._sections():
            lines += ["", head, *_items(map(called.out, items))]
        commands = dict(self._commands())
        if commands:
            lines += ["", "Commands", *_items(
                f"{self._product(c, called) or called.out(self.spelling.name(c))}: "
                f"{called.out(commands[c])}"
                for c in sorted(commands, key=lambda c: not c.startswith(BUTTONS))
            )]
        return "\n".join(line.rstrip() for line in lines).lstrip("\n") + "\n"

    def _paragraphs(self) -> Iterator[str]:
        cause = self.spelling.prose(self.cause)
        if self.row:
            yield f"{cause} (Row {self.row} of Table 2; its first node is {self.seat}.)"
        elif self.broken:
            yield f"No pair of the machine is like this. Broken: {', '.join(self.broken)}."
            yield cause
        elif self.rows:
            others = [row for row in self.rows if row != self.nearest]
            some = [f"row{'s' * (len(others) > 1)} {listed(others, 'and')}"] if others else []
            if len(self.readings) > len(self.rows):
                some.append("displays of no row")
            yield (f"{cause} (Row {self.nearest} of Table 2; its first node is {self.seat}. "
                   f"{', and '.join(some).capitalize()} can show these states too: the reasons below "
                   "show which.)")
        else:
            if cause:
                yield cause
            if self.display and self.nearest:
                yield (f"Table 2 has no such row. Nearest: row {self.nearest}."
                       + (f" See decision {self.decision}." if self.decision else ""))

    def _product(self, command: str, names: Names) -> str:
        """A command as the product's command line spells it; "" if it is renamed."""
        return names.product(command) if self.spelling.name(command) == command else ""

    def _sections(self) -> Iterator[tuple[str, list[str]]]:
        todo = [*map(self.spelling.prose, self.actions or self._otherwise())]
        if todo:
            taken = f", if it is row {self.nearest}" if self.rows and not self.row else ""
            yield f"What to do now{taken}", [f"- {say}" for say in todo]
        if len(self.readings) > 1:
            yield "The reasons show which", [r.text(self.spelling) for r in self.readings]
        if self.plan and self.plan.steps and self.actions:
            way = [self.spelling.prose(_way(self.plan, self.by_itself))]
            if self.assuming:
                way.append(f"assuming {_cells(self.assuming, self.spelling)}")
            yield f"The shortest way home: {_steps(self.plan)}", way
        elif self.assuming:
            yield "Taken to be", [_cells(self.assuming, self.spelling)]

    def _otherwise(self) -> tuple[str, ...]:
        """Advice from the plan, if neither the row nor a family has any."""
        if self.plan is None:
            return ()
        if not self.plan.steps:
            return ("Nothing: everybody is at home.",)
        way = _way(self.plan, self.by_itself)
        if set(self.by_itself) >= set(self.plan.events):
            return (f"{way[:1].upper()}{way[1:]}: it goes home by itself.",)
        return (f"{way}.",)

    def _commands(self) -> Iterator[tuple[str, str]]:
        for c in self.available:
            yield c, f"accepted. {self.spelling.prose(self.does.get(c, ''))}"
        for m in self.maybe:
            how = "accepted if" if m.decides else "accepted in some pairs; it depends on"
            cells = ", ".join(_cell(c.column, c.values, self.spelling) for c in m.when)
            yield m.command, f"{how} {cells}"
        for c, failed in self.refused.items():
            yield c, f"refused. {_needs(failed, self.spelling)}"


@frozen
class WhyNot:
    """Why a command is refused, and what enables it.

    Attributes:
        command: the command.
        accepted: whether the command is accepted; then there is nothing to explain.
        failed: the failing cells of the rule that comes nearest.
        plan: the shortest way to a pair that accepts it, without it; None if there is none.
        by_itself: the events of the plan to wait for: timers and completions.
        spelling: what people read for the machine's words.
    """

    command: str
    accepted: bool
    failed: tuple[Failed, ...] = ()
    plan: Plan | None = None
    by_itself: tuple[str, ...] = ()
    spelling: Spelling = PLAIN

    def to_json(self) -> dict[str, Any]:
        """The object of `why-not --json`; `plan` is null if at most a fault enables the command."""
        return {
            "command": self.command, "accepted": self.accepted,
            "failed": failed_json(self.failed),
            "plan": list(self.plan.events) if self.plan else None,
        }

    def text(self, names: Names = UNNAMED) -> str:
        """A text of 80 columns for an operator, with host names for seats if they are known."""
        spelling = self.spelling
        command = spelling.name(self.command)
        if self.accepted:
            return names.out(f"{command} is accepted now.\n")
        needs = [
            f"{spelling.name(f.column)} is {spelling.value(f.column, f.value)}, and must be "
            f"{listed(spelling.value(f.column, v) for v in f.needs)}" for f in self.failed
        ]
        lines = [names.out(f"{command} is refused:"), *_items(map(names.out, needs))]
        if self.plan:
            lines += [f"What enables it soonest: {_steps(self.plan)}"]
            lines += _items([names.out(spelling.prose(_way(self.plan, self.by_itself)))])
        else:
            lines += ["Repairs, commands, timers and completions do not enable it from here."]
        return "\n".join(lines) + "\n"


def _needs(failed: Iterable[Failed], spelling: Spelling) -> str:
    """Failing cells in words; states as people read them."""
    return "; ".join(
        f"{_cell(f.column, [f.value], spelling)}, needs {listed(_spelt(f.column, f.needs, spelling))}"
        for f in failed
    )


def _cells(cells: Mapping[str, str], spelling: Spelling) -> str:
    return ", ".join(_cell(name, [value], spelling) for name, value in cells.items())


def _cell(column: str, values: Sequence[str], spelling: Spelling) -> str:
    """A cell in words: `node1 is Failed Over or Idle`, `link is up`."""
    head = column.removesuffix(".state")
    return f"{spelling.name(head)} is {listed(_spelt(column, values, spelling))}"


def _spelt(column: str, values: Sequence[str], spelling: Spelling) -> list[str]:
    spelt = spelling.title if column.endswith(".state") else spelling.value
    return [spelt(column, v) for v in values]


def _way(plan: Plan, by_itself: tuple[str, ...]) -> str:
    """A plan in words: `fallback(node1), then wait for takeback_done(node1)`."""
    return ", then ".join(
        ("wait for " if waiting else "") + listed(events, "and")
        for waiting, events in groupby(plan.events, by_itself.__contains__)
    )


def _steps(way: Plan) -> str:
    return counted(len(way.steps), "step")


def _items(many: Iterable[str]) -> list[str]:
    return [line for item in many for line in wrapped(item, "  ", "    ")]
