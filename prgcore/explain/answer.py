"""Answers: the shapes of an explanation, as JSON and as text of 80 columns for an operator.

Law: shapes and words only; `prgcore.explain.explaining` and its neighbours decide what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any

from attrs import field, frozen

from prgcore.engine import Pair
from prgcore.errors import Failed
from prgcore.explain.display import spell
from prgcore.explain.names import BUTTONS, UNNAMED, Names
from prgcore.explain.plan import Plan
from prgcore.explain.wording import cell, command, condition, needed, spelt, until, way
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Cube, Display, Number, Record, Values
from prgcore.seats import NODES
from prgcore.vocabulary import Reason
from prgcore.wire.answers import failed_json
from prgcore.words import counted, listed, wrapped

__all__ = ["Came", "Explanation", "Maybe", "Meaning", "Reading", "WhyNot"]

_WAYS = 2
_MOST_MOVES = 8
"""The most moves of a story that a short answer lists."""
_FAULTS = (Reason.CRITICAL_SERVICE_DOWN, Reason.DATABASE_FAILURE)


@frozen(eq=False, repr=False)
class Maybe(Record):
    """A command that only some pairs of a display accept.

    `when` is the smallest conjunction of hidden columns that tells them apart. If there is none,
    `decides` is False, and `when` names the relevant columns with their accepting values.
    """

    command: str
    when: Cube
    decides: bool = True


@frozen(eq=False, repr=False)
class Reading(Record):
    """One meaning of a display that leaves reasons open.

    Attributes:
        row: the row of Table 2; None if there is none.
        family: the family of displays instead; None if there is none.
        reasons: the reasons of the nodes that show anything, together.
        says: what the family says happened, in a sentence; "" without a family.
    """

    row: str | None
    family: str | None
    reasons: tuple[tuple[str, ...], ...]
    says: str = ""

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


@frozen(eq=False, repr=False)
class Meaning(Record):
    """The meaning of the pairs that show a display.

    Attributes:
        row: the row of Table 2; None if there is none, or if reasons that are not given decide
            which. `seat` is the first node of the row.
        cause: what happened, in one or two sentences. `plainly` says it to an operator in an outage;
            "" if the cause does.
        actions: what to do now, best first. `events` has the events of each recommendation, if they
            have any: of the row's advice for the healthiest pair.
        decision: without a row, a decision that leads here. `nearest` is the nearest row; of
            several possible rows the one that the rest of the answer assumes.
    """

    row: str | None = None
    seat: str | None = None
    cause: str = ""
    actions: tuple[str, ...] = ()
    decision: str | None = None
    nearest: str | None = None
    plainly: str = ""
    events: tuple[Values, ...] = ()


@frozen(eq=False, repr=False)
class Came(Record):
    """How a display comes about that no pair with one record has.

    Attributes:
        moves: the shortest story, as `prgcore simulate` reads its lines.
        says: each move in words; `then`: what has changed after it, or "".
        twice: the groups of users that are served twice now.
        ends: what the nodes can come to when the network is repaired, each with the events that lead
            home from there.
        begins, until: how long after the network is cut users can be served twice at the earliest,
            and how long after it is repaired they can be at the latest, in seconds. None: the
            parameters are not known.
    """

    moves: Values
    says: Values
    then: Values
    twice: Values
    ends: tuple[tuple[Display, Values], ...]
    begins: Number | None = None
    until: Number | None = None

    def to_json(self) -> dict[str, Any]:
        """The object `came_about` of `explain --json`."""
        return {
            "moves": list(self.moves), "says": list(self.says), "then": list(self.then),
            "served_twice": list(self.twice),
            "after_repair": [{
                "rest": [half and {"state": str(half.state), "reason": half.reason and str(half.reason)}
                         for half in rest], "home": list(home)} for rest, home in self.ends],
            "begins": self.begins, "ends": self.until,
        }

    def text(self, names: Names, *, verbose: bool) -> Iterator[str]:
        """Yield the story, who is served twice now, and how long that lasts, as lines."""
        without = "Without one record it comes about"
        if len(self.moves) > _MOST_MOVES and not verbose:
            yield from wrapped(f"{without} in {len(self.moves)} steps, which --verbose lists.")
        else:
            yield f"{without} like this:"
            for number, (said, then) in enumerate(zip(self.says, self.then, strict=True), 1):
                whole = f"{said}; {then}" if then and verbose else said
                yield from wrapped(names.out(whole), f"{number:>3}. ", "     ")
        said = (f"Then users of {listed(self.twice, 'and')} are served twice." if self.twice
                else "So far nobody is served twice.")
        if self.twice and self.begins is not None and self.until is not None:
            said += (f" This can last from {_time(self.begins)} after the network is cut until "
                     f"{_time(self.until)} after it is repaired.")
        yield from wrapped(names.out(said))


def _time(number: Number) -> str:
    return f"{number:,} s"


@frozen(eq=False, repr=False)
class Explanation(Meaning):
    """An explanation of one pair, or of every pair that a display stands for: what it means, and more.

    Attributes:
        display: what the two nodes show; None for a machine that shows no states.
        readings: the meanings of a display that leaves reasons open.
        available: commands that are accepted in every pair; `does` says what each would do.
        maybe: commands that only some pairs accept.
        refused: commands that are refused in every pair, with the cells that fail.
        plan: the way home from the healthiest pair that goes with the actions; a shortest one if
            there are none; None if there is none.
        assuming: the hidden columns of that pair that vary between the pairs.
        broken: ids of the broken invariants, if no pair of the machine is like this.
        pairs: the number of pairs considered.
        pair: the healthiest of them, from which the plan starts; None if there is none.
        by_itself: the events of the plan to wait for: timers and completions.
        spelling: what people read for the machine's words; JSON has the words themselves.
        came: how the display comes about without one record, if no pair has it and this is known.
    """

    display: Display | None = field(kw_only=True)
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
    came: Came | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that show the display: one, none, or several that differ in open reasons."""
        return (self.row,) if self.row else tuple(r.row for r in self.readings if r.row)

    @property
    def home(self) -> bool:
        """Whether the healthiest pair has the machine's goal: nothing is left to do."""
        return self.plan is not None and not self.plan.steps

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
        } | ({"came_about": self.came.to_json()} if self.came else {})

    def text(self, names: Sequence[str] = (), group: str = "", *, verbose: bool = False) -> str:
        """A text of 80 columns for an operator: what happened, what to do, what is on offer.

        For two nodes and their group it has at most 20 lines, beside a story.

        Args:
            names: the host names of node1 and node2, if known. They replace the seats, without
                their domains if they still differ, and commands are those of the product's command
                line.
            group: the name of the group, for these.
            verbose: also everything else: the way home, what it assumes, what is refused and why,
                and the promises that are broken.
        """
        hosts = dict(zip(NODES, names, strict=False))
        called = Names(**hosts, group=group)
        lines = [
            line for node, shown in self._shown().items()
            for line in wrapped(f"{hosts.get(node) or node}  {shown}", later="       ")
        ]
        if happened := self._happened():
            lines += ["", *wrapped(called.out(happened))]
        if self.came:
            lines += self.came.text(called, verbose=verbose)
        if todo := [*self._todo(called)]:
            taken = f", if it is row {self.nearest}" if self.rows and not self.row else ""
            lines += ["", f"What to do now{taken}", *_items(f"- {say}" for say in todo)]
        if not self.broken and self.pairs:
            offer = [*self._offer(called)]
            lines += ["", *(["On offer", *_items(offer)] if offer else [self._nothing()])]
        if verbose:
            for head, items in self._details(called):
                lines += ["", *wrapped(head), *_items(items)]
        return "\n".join(line.rstrip() for line in lines).lstrip("\n") + "\n"

    def todo(self, names: Names = UNNAMED) -> list[str]:
        """What to do now, best first, in sentences with these names for the nodes."""
        return [*self._todo(names)]

    @property
    def waits(self) -> bool:
        """Whether there is nothing to do but to wait: what is under way goes on by itself."""
        return self._waits

    # -------------------------------------------------------------- in short

    def _shown(self) -> dict[str, str]:
        """What each node shows: state and reason, or all its columns in a machine without these."""
        if self.display is not None:
            return {node: spell(shown, self.spelling)
                    for node, shown in zip(NODES, self.display, strict=True)}
        found: dict[str, list[str]] = {}
        for name, value in (self.pair or {}).items():
            node, dot, column = self.spelling.name(name).partition(".")
            if dot:
                found.setdefault(node, []).append(f"{column} {self.spelling.value(name, value)}")
        return {node: ", ".join(cells) for node, cells in found.items()}

    def _happened(self) -> str:
        """The cause in an operator's words, with its row of Table 2."""
        said = self.spelling.prose(self.plainly or self.cause)
        if self.row:
            where = f"(Row {self.row} of Table 2.)"
        elif self.rows:
            where = f"(Row {self.nearest} of Table 2. {self._also()})"
        elif self.nearest and not self.broken and self.pairs:
            where = f"(In no row of Table 2; nearest: row {self.nearest}.)"
        else:
            where = ""
        return f"{said} {where}".strip()

    def _also(self) -> str:
        """The other meanings of the display, whose reasons are open."""
        others = [row for row in self.rows if row != self.nearest]
        some = [f"row {listed(others)}"] if others else []
        unlisted = [r for r in self.readings if r.row is None]
        if unlisted:
            says = [r.says for r in unlisted if r.says]
            which = f" ({says[0]})" if says and len(self.rows) == 1 else ""
            some.append(f"in no row{which}")
        return f"Without the reasons it may also be {', or '.join(some)}."

    def _todo(self, names: Names) -> Iterator[str]:
        """The recommended actions; without any, what the plan says."""
        yield from (names.out(self.spelling.prose(say)) for say in self.actions)
        if self.actions or self.plan is None:
            return
        steps = self.plan.steps
        if not steps:
            yield "Nothing: everybody is at home."
        elif self.display is None:
            yield names.out(f"{_way(self.plan, self.by_itself)}.")
        elif self._waits:
            rest = [*takewhile(lambda step: step.event in self.by_itself, steps)]
            end = f" {until(self.plan.start, rest[-1].pair, self.spelling)}" if self.row else ""
            then = "" if end and len(rest) == len(steps) else " Then read the status again."
            yield names.out(f"Wait{end}: this goes on by itself.{then}")
            yield ("If it does not end: prgcore timing --transitions shows what can end it, and what "
                   "is accepted meanwhile.")
        else:
            blank = tuple(n for n, s in zip(NODES, self.display, strict=True) if s is None)
            said = way(self.plan, self.by_itself, blank, self._unsure(), names, self.spelling)
            if self.nearest and not self.rows:
                said = [*takewhile(lambda say: not say.startswith("wait "), said),
                        "then read the status again"]
            text = "; ".join(said)
            repairs = self._is_repair(steps[0].event)
            yield f"{text[:1].upper()}{text[1:]}." if repairs else f"To bring everybody home: {text}."

    def _unsure(self) -> tuple[str, ...]:
        """The nodes of which nothing says whether the services or the database are down."""
        return tuple(
            node for node, half in zip(NODES, self.display or (), strict=False)
            if half and half.reason not in _FAULTS
            and {f"{node}.services", f"{node}.database"} <= self.assuming.keys())

    def _is_repair(self, event: str) -> bool:
        """Whether an event of the plan is neither a command nor one to wait for."""
        every = (*self.available, *(m.command for m in self.maybe), *self.refused)
        return event not in every and event not in self.by_itself

    @property
    def _waits(self) -> bool:
        """Whether there is nothing to do but to wait."""
        return bool(self.plan and self.plan.steps and self.plan.steps[0].event in self.by_itself
                    and not self.actions)

    def _offer(self, names: Names) -> Iterator[str]:
        """The buttons that are accepted, now or under a condition; the plan's own come last."""
        blank = {f"{n}.state" for n, s in zip(NODES, self.display or (), strict=False) if s is None}
        wanted: Sequence[str] = ()
        if self._buttons:
            wanted = self.plan.events if self.plan and not self._waits else ()
        for event in filter(self._is_button, self.available):
            yield command(event, names, self.spelling)
        later = {*self.refused}
        for some in (m for m in self.maybe if self._is_button(m.command)):
            if not blank.isdisjoint(c.column for c in some.when):
                later.add(some.command)
                continue
            how = "if" if some.decides else "depending on whether"
            yield (f"{command(some.command, names, self.spelling)}, {how} "
                   f"{names.out(condition(some.when, self.spelling))}")
        for event in dict.fromkeys(wanted):
            if self._is_button(event) and event in later:
                yield f"{command(event, names, self.spelling)}, after these steps"

    def _nothing(self) -> str:
        return f"On offer: none of {listed(BUTTONS, 'and')}." if self._buttons else "On offer: no command."

    @property
    def _buttons(self) -> bool:
        """Whether the machine has the buttons of the administrator's window; else all commands are."""
        every = (*self.available, *(m.command for m in self.maybe), *self.refused)
        return {"recover", *(f"fallback({n})" for n in NODES)} <= {*every}

    def _is_button(self, event: str) -> bool:
        return not self._buttons or event.partition("(")[0] in BUTTONS

    # --------------------------------------------------------- in every detail

    def _details(self, names: Names) -> Iterator[tuple[str, list[str]]]:
        """Everything else: a heading or a sentence, and its items."""
        if self.plainly:
            yield names.out(self.spelling.prose(self.cause)), []
        if self.broken:
            yield f"No pair of the machine is like this. Broken: {', '.join(self.broken)}.", []
        if self.rows and self.display != (self.display or ())[::-1]:
            yield names.out(f"The first node of row {self.row or self.nearest} is {self.seat}."), []
        elif self.decision and not self.rows:
            yield f"See decision {self.decision}.", []
        if len(self.readings) > 1:
            yield "The reasons show which", [r.text(self.spelling) for r in self.readings]
        assuming = f"assuming {_cells(self.assuming, self.spelling)}" if self.assuming else ""
        if self.plan and self.plan.steps:
            said = [self.spelling.prose(_way(self.plan, self.by_itself)), assuming]
            yield f"The way home: {_steps(self.plan)}", [names.out(say) for say in said if say]
        elif assuming:
            yield "Taken to be", [names.out(assuming.removeprefix("assuming "))]
        commands = dict(self._commands())
        if commands:
            yield "Commands", [
                f"{command(c, names, self.spelling)}: {names.out(commands[c])}"
                for c in sorted(commands, key=lambda c: not c.startswith(BUTTONS))
            ]

    def _commands(self) -> Iterator[tuple[str, str]]:
        for c in self.available:
            yield c, f"accepted. {self.spelling.prose(self.does.get(c, ''))}"
        for m in self.maybe:
            how = "accepted if" if m.decides else "accepted in some pairs; it depends on"
            cells = ", ".join(cell(c.column, c.values, self.spelling) for c in m.when)
            yield m.command, f"{how} {cells}"
        for c, failed in self.refused.items():
            yield c, f"refused. {needed(failed, self.spelling)}"


@frozen(eq=False, repr=False)
class WhyNot(Record):
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
            f"{cell(f.column, [f.value], spelling)}, and must be "
            f"{listed(spelt(f.column, f.needs, spelling))}" for f in self.failed
        ]
        lines = [names.out(f"{command} is refused:"), *_items(map(names.out, needs))]
        if self.plan:
            lines += [f"What enables it soonest: {_steps(self.plan)}"]
            lines += _items([names.out(spelling.prose(_way(self.plan, self.by_itself)))])
        else:
            lines += ["Repairs, commands, timers and completions do not enable it from here."]
        return "\n".join(lines) + "\n"


def _cells(cells: Mapping[str, str], spelling: Spelling) -> str:
    return ", ".join(cell(name, [value], spelling) for name, value in cells.items())


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
