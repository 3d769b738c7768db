"""What `fleet status` and `fleet explain` print: tables and text of 80 columns.

Law: it words what `prgcore.fleet.classes` has sorted; it reads and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prgcore.cli import output
from prgcore.explain.display import spell
from prgcore.fleet.classes import Class, Sorted, alike, command_for
from prgcore.fleet.written import in_order
from prgcore.vocabulary import title
from prgcore.words import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_CLASSES = 8
"""The most classes that are printed in full."""
MOST_DISPLAYS = 20
MOST_GROUPS = 3
"""Of how many groups of a class the command is printed."""
QUIET = ("moving", "wait", "home")
"""Classes of which one line is enough."""


def head(fleet: Sorted) -> list[str]:
    """The first lines: how many groups, and what of them."""
    groups = counted(len(fleet.reading.groups), "group")
    files = len(fleet.reading.kinds)
    said = f"{groups} in {counted(files, 'file')}" if files > 1 else groups
    if fleet.bad:
        said += f", and {counted(len(fleet.bad), 'row')} not explained"
    if fleet.groups_out and fleet.counts_users:
        said += (f". Users are out in {counted(fleet.groups_out, 'group')}: "
                 f"{fleet.users_out:,} of {fleet.users or 0:,} users")
    elif fleet.groups_out:
        said += f". Users are out in {counted(fleet.groups_out, 'group')}"
    elif fleet.explained:
        said += ". Nobody is out"
    return output.wrapped(f"{said}.")


def status_page(fleet: Sorted) -> Iterator[RenderableType]:
    """Yield the parts of `fleet status`."""
    yield "\n".join(head(fleet))
    shown = output.table("groups", "node 1", "node 2", right=("groups",))
    listed = in_order(fleet.displays)
    for display, number in listed[:MOST_DISPLAYS]:
        shown.add_row(f"{number:,}", *(spell(half, fleet.spelling) for half in display))
    yield from ("", shown)
    if len(listed) > MOST_DISPLAYS:
        rest = sum(number for _, number in listed[MOST_DISPLAYS:])
        yield (f"and {counted(rest, 'group')} with {len(listed) - MOST_DISPLAYS:,} more displays; --json "
               "lists all")
    states = output.table("nodes", "state", right=("nodes",))
    for state, number in fleet.states.most_common():
        said = fleet.spelling.title("state", state) if state else "shows nothing"
        states.add_row(f"{number:,}", said or title(state))
    yield from ("", states)


def explain_page(fleet: Sorted, *, verbose: bool) -> Iterator[str]:
    """Yield the lines of `fleet explain`."""
    yield from head(fleet)
    full, brief = 0, False
    for one in fleet.classes:
        if verbose or (one.case.urgency not in QUIET and full < MOST_CLASSES):
            full, brief = full + 1, False
            yield ""
            yield from _class(fleet, one)
            continue
        if not brief:
            yield ""
        brief = True
        yield from output.wrapped(
            f"{one.number}. {_counts(fleet, one)}: {one.title(fleet.spelling)}; {one.urgency}", "", "   ")


def class_page(fleet: Sorted, one: Class) -> Iterator[str]:
    """Yield the lines of `fleet explain --class N`: the class, and all of its groups."""
    yield from _class(fleet, one, most=0)
    yield ""
    for group, case in one.groups:
        out = case.users_out(group)
        parts = [fleet.called(group), *([f"{out:,} users out"] if out else []),
                 *([f"since {group.since}"] if group.since else [])]
        command = command_for(case, group.names)
        yield from output.wrapped(", ".join(parts) + (f": {command}" if command else ""), "  ", "    ")


def _counts(fleet: Sorted, one: Class) -> str:
    said = counted(len(one.groups), "group")
    if one.groups_out and fleet.counts_users and one.users_out:
        said += f", {one.users_out:,} users out"
    return said


def _class(fleet: Sorted, one: Class, most: int = MOST_GROUPS) -> Iterator[str]:
    """Yield a class in full: how many, what happened, what to do, and the first groups."""
    group, case = one.sample, one.case
    names = group.names
    since = f", since {one.since}" if one.since else ""
    yield from output.wrapped(f"{one.number}. {_counts(fleet, one)}{since}", "", "   ")
    yield from output.wrapped(f"{one.title(fleet.spelling)}: {one.urgency}.", "   ", "   ")
    cause = fleet.spelling.prose(case.explanation.plainly or case.explanation.cause)
    if cause and (one.case.label or len(one.displays) == 1):
        yield from output.wrapped(names.out(cause), "   ", "   ")
    said = [cause, *case.todo, case.when]
    for say in case.todo:
        yield from output.wrapped(names.out(say), "   - ", "     ")
    if most and any(names.out(say) != say for say in said) and len(one.groups) > 1:
        yield from output.wrapped(
            f"(The nodes named here are those of {fleet.called(group)}.)", "   ", "   ")
    if most and case.command:
        yield from output.wrapped(f"The command {names.out(case.when)}:", "   ", "     ")
    for other, its in one.groups[:most]:
        command = command_for(its, other.names)
        out = its.users_out(other)
        line = f"{fleet.called(other)}{f' ({out:,} out)' if out else ''}"
        when = f" {other.names.out(its.when)}" if alike(its.when) != alike(case.when) else ""
        yield from output.wrapped(f"{line}: {command}{when}" if command else line, "     ", "       ")
    more = len(one.groups) - most
    if most and more > 0:
        yield f"     and {more:,} more: --class {one.number}"
