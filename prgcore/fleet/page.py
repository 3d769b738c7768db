"""The page of a fleet: one HTML file to show, with its classes, their groups, and a search.

Law: pure; the same fleet gives the same bytes. It asks for nothing (its own policy forbids it), and
without its script only the search is missing. Words from outside are escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from string import Template

from prgcore.explain.display import spell
from prgcore.fleet.classes import Case, Class, Sorted, alike, command_for
from prgcore.fleet.shapes import Group
from prgcore.fleet.written import in_order
from prgcore.words import clean, counted

__all__ = ["page"]

MOST_GROUPS = 20_000
"""The most groups that are listed; all are counted."""
MOST_BAD = 1_000
_MOST_DISPLAYS = 12
_BRIEF = ("wait", "home")
"""Classes of which the names of the groups are enough."""


def page(fleet: Sorted, title: str = "What to do first", about: str = "") -> str:
    """The page of a fleet, as the text of an HTML file.

    Args:
        fleet: the fleet, explained and in classes.
        title: plain text.
        about: a line below it: when it was made, and of what.
    """
    script, style = _part("page.js"), _part("page.css")
    policy = (f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
              "base-uri 'none'; form-action 'none'")
    room = MOST_GROUPS
    classes = []
    for one in fleet.classes:
        classes.append(_class(fleet, one, room))
        room = max(0, room - len(one.groups))
    return Template(_part("page.html")).substitute(
        title=_text(title), policy=escape(policy, quote=False), style=style, script=script,
        about=_text(about), tiles="".join(_tiles(fleet)), lead=_text(_lead(fleet)),
        users_head='<th scope="col" class="number">users out</th>' if fleet.counts_users else "",
        table="".join(_row(fleet, one) for one in fleet.classes), classes="".join(classes),
        bad=_bad(fleet))


def _part(name: str) -> str:
    return files("prgcore.fleet").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return escape(clean(text))


# -------------------------------------------------------------------------- in short


def _tiles(fleet: Sorted) -> Iterator[str]:
    """Yield the figures at the top, each with its word."""
    yield _tile("groups", len(fleet.reading.groups))
    if fleet.counts_users:
        yield _tile("users out", fleet.users_out, bad=True)
    yield _tile("groups with users out", fleet.groups_out, bad=True)
    acts = sum(len(one.groups) for one in fleet.classes if one.case.urgency in ("never", "out", "act"))
    yield _tile("groups to act on", acts)
    if fleet.bad:
        yield _tile("rows not explained", len(fleet.bad), bad=True)


def _tile(word: str, number: int, *, bad: bool = False) -> str:
    kind = ' class="bad"' if bad and number else ""
    return f"<div{kind}><dt>{word}</dt><dd>{number:,}</dd></div>\n"


def _lead(fleet: Sorted) -> str:
    if not fleet.explained:
        return "No row could be explained."
    first = next((one for one in fleet.classes if one.case.urgency in ("never", "out", "act")), None)
    if first is None:
        return "There is nothing to do."
    group, case = first.sample, first.case
    names = group.names
    say = names.out(fleet.spelling.prose(case.todo[0])) if case.todo else ""
    return f"Begin with {fleet.called(group)} (class {first.number}). {say}"


def _row(fleet: Sorted, one: Class) -> str:
    """A class in the table: what it is, a bar of its users or groups, and its numbers."""
    whole = fleet.users_out or fleet.explained
    part = one.users_out if fleet.users_out else len(one.groups)
    width = 100 * part / whole if whole else 0
    users = ""
    if fleet.counts_users:
        unknown = "+" if one.unknown and one.groups_out else ""
        users = f'<td class="number">{one.users_out:,}{unknown}</td>'
    bar = (f'<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
           f'<rect width="100" height="4"/><rect class="part" width="{width:.2f}" height="4"/></svg>')
    return (
        f'<tr class="{one.case.urgency}"><td>{one.number}. <a href="#class-{one.number}">'
        f"{_text(one.title(fleet.spelling))}</a>"
        f'<p class="quiet"><span class="tag">{_text(_upper(one.urgency))}</span></p>{bar}</td>'
        f'<td class="number">{len(one.groups):,}</td>{users}</tr>\n')


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# ------------------------------------------------------------------------ each class


def _class(fleet: Sorted, one: Class, room: int) -> str:
    group, case = one.sample, one.case
    names = group.names
    spelling = fleet.spelling
    out = f", {one.users_out:,} users out" if one.users_out else ""
    head = f"{one.number}. <b>{_text(one.title(spelling))}</b>: {counted(len(one.groups), 'group')}{out}"
    parts = [f'<details id="class-{one.number}" class="{case.urgency}"><summary>{head}</summary>\n']
    parts.append(f'<p class="tag">{_text(_upper(one.urgency))}; {_text(one.out_says)}.</p>\n')
    cause = spelling.prose(case.explanation.plainly or case.explanation.cause)
    if cause and (case.label or len(one.displays) == 1):
        parts.append(f"<p>{_text(names.out(cause))}</p>\n")
    todo = [names.out(spelling.prose(say)) for say in case.todo]
    parts.append(f"<ul>{''.join(f'<li>{_text(say)}</li>' for say in todo)}</ul>\n")
    if any(names.out(say) != say for say in (cause, *case.todo)) and len(one.groups) > 1:
        parts.append(f'<p class="quiet">The nodes named here are those of '
                     f'{_text(fleet.called(group))}.</p>\n')
    if case.command:
        parts.append(f'<p class="quiet">Give the command {_text(names.out(case.when))}.</p>\n')
    listed = one.groups[:room]
    brief = case.urgency in _BRIEF
    parts.append(_names(listed) if brief else _groups(one, listed))
    if len(listed) < len(one.groups):
        parts.append(f'<p class="quiet">and {counted(len(one.groups) - len(listed), "more group")}, '
                     "which the CSV and the JSON list</p>\n")
    return "".join([*parts, *_displays(fleet, one), "</details>\n"])


def _displays(fleet: Sorted, one: Class) -> Iterator[str]:
    """Yield what the groups of a class show, if that is not the same everywhere."""
    if len(one.displays) < 2:
        return
    every = in_order(one.displays)
    lines = "".join(
        f"<li>{number:,}: {_text(spell(display.node1, fleet.spelling))} and "
        f"{_text(spell(display.node2, fleet.spelling))}</li>"
        for display, number in every[:_MOST_DISPLAYS])
    more = len(every) - _MOST_DISPLAYS
    rest = f"<li>and {counted(more, 'more display')}</li>" if more > 0 else ""
    yield f"<h3>What they show</h3><ul>{lines}{rest}</ul>\n"


def _names(groups: list[tuple[Group, Case]]) -> str:
    items = "".join(f"<li data-group={_attribute(group.called)}>{_named(group)}\n"
                    for group, _ in groups)
    return f'<h3>Its groups</h3><ul class="names">{items}</ul>\n'


def _named(group: Group) -> str:
    hosts = " ".join(filter(None, group.hosts))
    said = _text(group.called)
    return f'{said} <span class="quiet">{_text(hosts)}</span>' if hosts and group.name else said


def _groups(one: Class, groups: list[tuple[Group, Case]]) -> str:
    """The groups of a class as a table; a column that says nothing of any of them is left out."""
    heads = {"group": True, "hosts": any(any(g.hosts) for g, _ in groups),
             "users out": any(c.users_out(g) for g, c in groups),
             "since": any(g.since for g, _ in groups),
             "command": any(c.command for _, c in groups)}
    head = "".join(f'<th scope="col"{_number(name)}>{name}</th>' for name, said in heads.items() if said)
    lines = []
    for group, case in groups:
        out = case.users_out(group)
        command = command_for(case, group.names)
        differs = f" {_text(group.names.out(case.when))}" if alike(case.when) != alike(one.case.when) else ""
        cells = {
            "group": f'<th scope="row">{_text(group.called)}',
            "hosts": f"<td>{_text(', '.join(filter(None, group.hosts)))}",
            "users out": f'<td class="number">{"?" if out is None else format(out, ",")}',
            "since": f"<td>{_text(group.since)}",
            "command": f"<td>{f'<code>{_text(command)}</code>{differs}' if command else ''}"}
        lines.append(f"<tr data-group={_attribute(group.called)}>" + "".join(
            cell for name, cell in cells.items() if heads[name]) + "\n")
    return (f'<h3>Its groups</h3><div class="scroll" tabindex="0" role="region" '
            f'aria-label="Groups of class {one.number}"><table class="groups"><thead><tr>{head}</tr>'
            f"</thead><tbody>\n{''.join(lines)}</tbody></table></div>\n")


def _number(name: str) -> str:
    return ' class="number"' if name == "users out" else ""


def _attribute(text: str) -> str:
    return f'"{_text(text)}"'


def _bad(fleet: Sorted) -> str:
    """The rows that are not explained; "" if there are none."""
    if not fleet.bad:
        return ""
    items = "".join(f"<li>{_text(str(one))}</li>\n" for one in fleet.bad[:MOST_BAD])
    more = len(fleet.bad) - MOST_BAD
    rest = f"<li>and {counted(more, 'more row')}, which the JSON lists</li>" if more > 0 else ""
    return (f'<section aria-labelledby="bad-title">\n<h2 id="bad-title">Not explained: '
            f"{counted(len(fleet.bad), 'row')}</h2>\n<ul>{items}{rest}</ul>\n</section>\n")
