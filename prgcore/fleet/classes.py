"""Classes: the groups of a fleet by what they need. Each display is explained once.

    class 1   Both Running in Failed Mode (row 18)   12 groups   10,800 users out
    class 2   …

Law: an explanation of a display is `prgcore explain`'s; this only gathers. A class has groups that
are in the same row of Table 2 (or family, or neither), that are advised the same from either seat,
and of which the users of as many nodes are out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen

from prgcore.engine import Engine, Pair
from prgcore.errors import PrgError
from prgcore.explain.answer import Explanation
from prgcore.explain.display import spell, spell_both
from prgcore.explain.explaining import explain, explain_display
from prgcore.explain.names import Names
from prgcore.explain.wording import condition
from prgcore.fleet.shapes import Bad, Group, Reading
from prgcore.form.spelling import Spelling
from prgcore.model import Display, Shown
from prgcore.product.serving import COLUMNS, serving
from prgcore.seats import NODES
from prgcore.vocabulary import Kind
from prgcore.words import listed, one_line

__all__ = ["AFTER", "NOW", "Case", "Class", "Sorted", "alike", "command_for", "sort"]

URGENT = ("never", "out", "moving", "act", "wait", "home")
"""How urgent a class is: no pair is like this, somebody is out and waits for an act, somebody is out
and it goes on by itself, there is something to do, it goes on by itself, all are at home."""
_SAYS = {
    "never": "no pair of the machine is like this", "out": "users are out until somebody acts",
    "moving": "users are out, and this goes on by itself", "act": "there is something to do",
    "wait": "this goes on by itself", "home": "everybody is at home",
}
NOW = "now"
AFTER = "after the steps above"
_SEAT = re.compile(r"\bnode[12]\b")


@frozen(eq=False, repr=False)
class Case:
    """One display, or one pair, explained.

    Attributes:
        display: what the two nodes show.
        explanation: what it means.
        out: whether the users of each node are out in the healthiest pair; None if nobody knows.
        urgency: one of `URGENT`.
        label: its row or its family: `row 18`, `HN1`; "" for neither.
        todo: what to do now, with seats for the names of nodes.
        command: the first command of the way home; "" if there is none.
        when: when to give it: `now`, `after the steps above`, or `if` and a condition.
    """

    display: Display
    explanation: Explanation
    out: tuple[bool, bool] | None
    urgency: str
    label: str
    todo: tuple[str, ...]
    command: str = ""
    when: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """All that the cases of a class have alike."""
        words = tuple(sorted(word for say in self.todo for word in re.findall(r"\w+", alike(say))))
        return self.urgency, self.label, words, None if self.out is None else sum(self.out)

    def users_out(self, group: Group) -> int | None:
        """How many of its users are out, as far as their number is given; None if nobody knows."""
        counts = self._counts(group)
        known = [users for users in counts if users is not None]
        return sum(known) if known or (self.out and not counts) else None

    def unsure(self, group: Group) -> bool:
        """Whether users are out, or may be, and their number is not given."""
        return self.out is None or None in self._counts(group)

    def _counts(self, group: Group) -> list[int | None]:
        """The users of the nodes of which nobody serves the users."""
        return [users for users, out in zip(group.users, self.out or (), strict=False) if out]


@define(eq=False, repr=False)
class Class:
    """Groups that need the same.

    Attributes:
        number: its place in the order of the answer, from 1.
        case: the case of most of its groups.
        groups: its groups, each with its case; most users out first.
        users_out: the users who are out, as far as their number is known.
        unknown: in how many of its groups users are out, and how many is not given.
    """

    case: Case
    number: int = 0
    groups: list[tuple[Group, Case]] = field(factory=list)
    displays: Counter[Display] = field(factory=Counter)
    cases: dict[Display, Case] = field(factory=dict)
    users_out: int = 0
    unknown: int = 0

    def add(self, group: Group, case: Case) -> None:
        """Take a group of this class."""
        self.groups.append((group, case))
        self.displays[case.display] += 1
        self.cases.setdefault(case.display, case)
        self.users_out += case.users_out(group) or 0
        self.unknown += case.unsure(group)

    @property
    def sample(self) -> Group:
        """The first of its groups that shows what most of them show."""
        return next(group for group, case in self.groups if case is self.case)

    @property
    def groups_out(self) -> int:
        """In how many of its groups somebody is out; 0 if nobody knows."""
        return len(self.groups) if self.case.out and any(self.case.out) else 0

    @property
    def since(self) -> str:
        """The earliest `since` of its groups, as text in one order; "" without any."""
        return min((group.since for group, _ in self.groups if group.since), default="")

    @property
    def urgency(self) -> str:
        """Its urgency, as a sentence."""
        return _SAYS[self.case.urgency]

    @property
    def out_says(self) -> str:
        """The nodes whose users are out, in words."""
        if self.case.out is None:
            return "nobody knows who is served"
        return ("nobody is out", "users of one node", "users of both nodes")[sum(self.case.out)]

    def title(self, spelling: Spelling) -> str:
        """What most of its groups show, with its row: `Both Running in Failed Mode (row 18)`."""
        label = f" ({self.case.label})" if self.case.label else ""
        others = len({_turned(display) for display in self.displays}) - 1
        more = "" if self.case.label or not others else f", and {others} more displays" \
            if others > 1 else ", and one more display"
        said = spell_both(self.case.display, " and ", spelling)
        return said[:1].upper() + said[1:] + label + more

    def finish(self) -> None:
        """Put its groups in order, and choose the case that stands for them."""
        most = max(self.displays.values())
        shown = min((d for d, n in self.displays.items() if n == most), key=_order)
        self.case = self.cases[shown]
        self.groups.sort(key=lambda both: (-(both[1].users_out(both[0]) or 0), both[0].since or "~",
                                           both[0].called.casefold()))


@frozen(eq=False, repr=False)
class Sorted:
    """A fleet, explained and in classes.

    Attributes:
        reading: what was read.
        classes: the classes, most users out first, then the most urgent.
        displays: how many groups show each display.
        bad: rows that are not groups, and groups that no rule explains.
        shared: the names that more than one group has, in lower case.
    """

    reading: Reading
    classes: tuple[Class, ...]
    displays: Counter[Display]
    bad: tuple[Bad, ...]
    spelling: Spelling
    users: int | None
    shared: frozenset[str] = frozenset()

    @property
    def explained(self) -> int:
        """The number of groups that are in a class."""
        return sum(len(one.groups) for one in self.classes)

    @property
    def users_out(self) -> int:
        """The users who are out, as far as their number is known."""
        return sum(one.users_out for one in self.classes)

    @property
    def groups_out(self) -> int:
        """The groups in which somebody is out."""
        return sum(one.groups_out for one in self.classes)

    @property
    def counts_users(self) -> bool:
        """Whether any row says how many users it has."""
        return self.users is not None

    @property
    def states(self) -> Counter[str]:
        """How many nodes show each state; "" for those that show nothing."""
        found: Counter[str] = Counter()
        for display, number in self.displays.items():
            for half in display:
                found["" if half is None else str(half.state)] += number
        return found

    def called(self, group: Group) -> str:
        """What people read for a group: as `Group.called`, with the hosts if others have its name."""
        hosts = " and ".join(filter(None, group.hosts))
        if hosts and group.name.casefold() in self.shared:
            return f"{group.called} ({one_line(hosts, 120)})"
        return group.called

    def named(self, name: str) -> list[tuple[Group, Case]]:
        """The groups with this name, or with a host of this name, in any case."""
        said = name.strip().casefold()
        every = [both for one in self.classes for both in one.groups]
        found = [both for both in every if both[0].name.casefold() == said]
        return found or [both for both in every if said in [h.casefold() for h in both[0].hosts]
                         or said in [h.partition(".")[0].casefold() for h in both[0].hosts]]


def sort(
    engine: Engine, reading: Reading, progress: Callable[[str, int, int], None] | None = None,
) -> Sorted:
    """A fleet explained and in classes; each display, and each pair, is explained once.

    Args:
        progress: is called with a word, the explanations done, and all of them.
    """
    wanted: dict[Display | Pair, list[Group]] = {}
    for group in reading.groups:
        wanted.setdefault(group.pair or group.display, []).append(group)
    classes: dict[tuple[Any, ...], Class] = {}
    displays: Counter[Display] = Counter()
    bad = list(reading.bad)
    users: int | None = None
    for number, (shown, groups) in enumerate(wanted.items(), 1):
        if progress and number % 50 == 0:
            progress("displays explained", number, len(wanted))
        try:
            case = _case(engine, shown, groups[0].display)
        except PrgError as error:
            bad += [Bad(g.file, g.place, str(error), g.name) for g in groups]
            continue
        displays[case.display] += len(groups)
        one = classes.setdefault(case.key, Class(case))
        for group in groups:
            one.add(group, case)
            if group.users != (None, None):
                users = (users or 0) + sum(filter(None, group.users))
    for one in classes.values():
        one.finish()
    order = sorted(classes.values(), key=_urgent)
    for number, one in enumerate(order, 1):
        one.number = number
    names = Counter(group.name.casefold() for group in reading.groups if group.name)
    return Sorted(reading, tuple(order), displays, tuple(bad), Spelling.of(engine.model), users,
                  frozenset(name for name, number in names.items() if number > 1))


def _urgent(one: Class) -> tuple[Any, ...]:
    return (-one.users_out, -one.groups_out, URGENT.index(one.case.urgency), -len(one.groups),
            one.case.label, _order(one.case.display))


def _order(display: Display) -> tuple[str, ...]:
    return tuple(spell(half) for half in display)


def alike(say: str) -> str:
    """A sentence that is the same from either seat."""
    return _SEAT.sub("node", say)


def _turned(display: Display) -> Display:
    """The display from the seat from which it comes first."""
    return min(display, display.mirrored(), key=_order)


# -------------------------------------------------------------------------- a case


def _case(engine: Engine, shown: Display | Pair, display: Display) -> Case:
    found = (explain_display(engine, *shown) if isinstance(shown, Display)
             else explain(engine, shown))
    out = _out(engine, found)
    todo = tuple(found.todo())
    return Case(display, found, out, _urgency(found, out), _label(engine, found, display), todo,
                *_command(engine, found))


def _out(engine: Engine, found: Explanation) -> tuple[bool, bool] | None:
    """Whether the users of each node are out in the healthiest pair; None if nobody knows."""
    if found.pair is None or any(name not in engine.columns for name in COLUMNS):
        return None
    served = serving(found.pair)
    return served.node1.by is None, served.node2.by is None


def _urgency(found: Explanation, out: tuple[bool, bool] | None) -> str:
    if found.broken or found.pair is None:
        return "never"
    if found.home:
        return "home"
    somebody = out is not None and any(out)
    if found.waits:
        return "moving" if somebody else "wait"
    return "out" if somebody else "act"


def _label(engine: Engine, found: Explanation, display: Display) -> str:
    """The row or the family of a display, or the promise that it breaks."""
    if found.broken:
        return f"breaks {listed(found.broken, 'and')}"
    if found.rows:
        return f"row{'s' * (len(found.rows) > 1)} {listed(found.rows)}"
    whole = display
    if found.pair is not None:
        whole = Display(*(half and Shown(half.state, found.pair[f"{node}.reason"])
                          for node, half in zip(NODES, display, strict=True)))
    return next((family.id for family in engine.model.families if family.matches(whole)), "")


def _command(engine: Engine, found: Explanation) -> tuple[str, str]:
    """The first command of the advice, else of the way home, and when to give it."""
    planned = found.plan.events[:1] if found.plan else ()  # what comes then is in the next status
    ways: list[Sequence[str]] = [*found.events, planned]
    for way in ways:
        for number, event in enumerate(way):
            if engine.kind(event) is not Kind.COMMAND:
                continue
            if number:
                return event, AFTER
            if event in found.available:
                return event, NOW
            only = next((m for m in found.maybe if m.command == event and m.decides), None)
            when = only and condition(only.when, found.spelling)
            return event, f"if {when}" if when else AFTER
    return "", ""


def command_for(case: Case, names: Names) -> str:
    """The first command of the way home as the product spells it; "" if there is none."""
    return case.command and (names.product(case.command) or names.out(case.command))
