"""Pastes: one display as people and programs write it, and what stands around it in a mail or a log.

Law: texts are made here, and nothing is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from prgcore.explain.status import PRODUCT
from prgcore.model import Display, Shown
from prgcore.vocabulary import Reason, State, title

HOSTS = ("imp1.example.com", "imp2.example.com")


def spelt(shown: Shown | None, *, product: bool = False) -> tuple[str, str]:
    """A state and a reason as they are printed; "" for a blank."""
    if shown is None:
        return "", ""
    state = PRODUCT.get(shown.state, title(shown.state)) if product else title(shown.state)
    reason = "" if shown.reason in (None, Reason.NONE) else title(shown.reason)
    return state, "" if product and shown.state == State.NORMAL else reason


def product(display: Display, hosts: Sequence[str] = HOSTS, group: str = "HQ") -> list[str]:
    """The lines of `utils ha status`."""
    lines = [f"Subcluster Name: {group}"]
    for number, (host, shown) in enumerate(zip(hosts, display, strict=True), 1):
        state, reason = spelt(shown, product=True)
        lines.append(f"Node {number} Name : {host}   State: {state}"
                     + (f"   Reason: {reason}" if reason else ""))
    return lines


def rows(display: Display, hosts: Sequence[str] = HOSTS) -> list[tuple[str, str, str]]:
    """Host, state and reason of each node."""
    return [(host, *spelt(shown)) for host, shown in zip(hosts, display, strict=True)]


def wrapped(text: str, width: int = 80) -> str:
    """A text as a terminal of this width breaks it: within words, too."""
    return "\n".join(
        line[at:at + width] for line in text.split("\n") for at in range(0, len(line) or 1, width))


def coloured(text: str) -> str:
    """A text with the labels in bold and the states in colour."""
    return text.replace("State: ", "\x1b[1mState:\x1b[0m \x1b[32m").replace(
        "   Reason: ", "\x1b[0m   \x1b[1mReason:\x1b[0m ").replace("\n", "\x1b[0m\n") + "\x1b[0m"


def _quoted(cell: str) -> str:
    return f'"{cell}"' if " " in cell else cell


def spellings(
    display: Display, hosts: Sequence[str] = HOSTS, group: str = "HQ",
) -> dict[str, str]:
    """One display in the spellings in which it is pasted, by their names.

    Those in `UNNAMED` do not have the name of the group.
    """
    lines = product(display, hosts, group)
    table = rows(display, hosts)
    head = ("Server", "State", "Reason")
    nodes = [dict(zip(("server", "state", "reason"), row, strict=True)) for row in table]
    wide = [max(len(row[n]) for row in (head, *table)) for n in range(3)]
    frame = "+".join(["", *("-" * (w + 2) for w in wide), ""])
    boxed = ["|".join(["", *(f" {c:<{w}} " for c, w in zip(row, wide, strict=True)), ""])
             for row in (head, *table)]
    turned = [*map(list, zip(head, *table, strict=True))]
    cells = [f"<tr><{c}>{f'</{c}><{c}>'.join(row)}</{c}></tr>"
             for c, row in zip(("th", "td", "td"), (head, *table), strict=True)]
    entries = [f"<dt>{title}</dt>\n<dd>{cell}</dd>" for row in table
               for title, cell in zip(head, row, strict=True)]
    blocks = "".join(f"\tName: {host}\n\tState: {state}\n\tReason: {reason}\n"
                     for host, state, reason in table)
    return {
        "product": "\n".join(lines) + "\n",
        "blocks": f"Subcluster Name: {group}\n{blocks}",
        "headings": f"Presence Redundancy Group: {group}\n" + "".join(
            f"Node {n}:\n  Name: {host}\n  State: {state}\n  Reason: {reason}\n"
            for n, (host, state, reason) in enumerate(table, 1)),
        "terminal": "admin:utils ha status\r\r\n"
                    + coloured(wrapped("\n".join(lines))).replace("\n", "\r\r\n") + "\r\r\nadmin:",
        "mail": "".join(f"> {line}\n" for line in lines),
        "equals": f"group = {group}\n" + "".join(
            f"node{n}.name = {host}\nnode{n}.state = {state}\nnode{n}.reason = {reason}\n"
            for n, (host, state, reason) in enumerate(table, 1)),
        "tabs": "\n".join("\t".join(row) for row in (head, *table)) + "\n",
        "csv": "\n".join(",".join(map(_quoted, row)) for row in (head, *table)) + "\n",
        "semicolons": "\r\n".join(";".join(row) for row in (head, *table)) + "\r\n",
        "markdown": "\n".join(f"| {' | '.join(row)} |" for row in (
            head, ("---", ":--", "--:"), *table)) + "\n",
        "box": "\n".join((frame, boxed[0], frame, *boxed[1:], frame)) + "\n",
        "turned tabs": "\n".join("\t".join(row) for row in turned) + "\n",
        "turned csv": "\n".join(",".join(map(_quoted, row)) for row in turned) + "\n",
        "turned markdown": "\n".join(f"| {' | '.join(row)} |" for row in (
            ["", *turned[0][1:]], ["---"] * 3, *turned[1:])) + "\n",
        "html": "<table>" + "".join(cells) + "</table>\n",
        "html list": f"<h3>Subcluster Name: {group}</h3><dl>\n" + "\n".join(entries) + "\n</dl>\n",
        "html turned": "<table border='1'>\n" + "\n".join(
            f"<tr>\n <th>{row[0]}</th>\n <td>{row[1]}</td>\n <td>{row[2] or '&nbsp;'}</td>\n</tr>"
            for row in turned) + "\n</table>\n",
        "html page": (
            "<html><head><style>\ntd { color: red }\n</style><script>\nif (a < b) { state = 'Idle'; }\n"
            f"</script></head>\n<body><p>Presence&nbsp;Redundancy Group: {group}</p>\n<!-- <td>Idle -->\n"
            "<table class=x><tr><td>\n<table>" + "\n".join(cells).replace("</td>", "").replace(
                "<td>", '\n <td class="y">') + "\n</table>\n</table></body></html>\n"),
        "html lines": "<pre>\n" + "\n".join(lines) + "</pre>\n",
        "json": json.dumps({"group": group, "nodes": nodes}, indent=2) + "\n",
        "json list": json.dumps(nodes) + "\n",
        "json lines": "".join(json.dumps(node) + "\n" for node in nodes),
    }


def said(display: Display, hosts: Sequence[str] = HOSTS) -> dict[str, str]:
    """One display as people type it, where nothing else in the text is a status."""
    nodes = [(host, f"{state} / {reason}" if reason else state or "nothing", state, reason)
             for host, state, reason in rows(display, hosts)]
    return {
        "chat": "".join(f"{host}: {both}\n" for host, both, *_ in nodes),
        "chat list": "".join(f"* `{host}` - {both}\n" for host, both, *_ in nodes),
        "chat line": ", ".join(f"{host}: {both}" for host, both, *_ in nodes) + "\n",
        "sentence": " and ".join(
            (f"{host} is {state}" if state else f"{host} shows nothing")
            + (f" ({reason})" if reason else "") for host, _, state, reason in nodes) + ".\n",
        "html terms": "<dl>" + "".join(
            f"<dt>{host}<dd>{both}" for host, both, *_ in nodes) + "</dl>\n",
    }


UNNAMED = frozenset({
    "tabs", "csv", "semicolons", "markdown", "box", "json list", "json lines", "turned tabs", "turned csv",
    "turned markdown", "html", "html turned", "chat", "chat list", "chat line", "sentence", "html terms"})
"""The spellings that do not have the name of the group."""
