"""The page of an agent: HTML that a browser gets at its administrator's address.

Law: text from a status, and nothing else. The page reloads itself, without a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from prgcore.explain.display import also
from prgcore.form.spelling import Spelling
from prgcore.running.group import Group
from prgcore.seats import NODES

__all__ = ["page"]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#1c2330;background:#fff;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ccd3dd;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#e6eaf0;background:#14181f}
th,td{border-color:#39424f}}
@media(max-width:40rem){thead{display:none}tr,th,td{display:block;border:0;padding:.1rem 0}
tr{padding:.6rem 0;border-bottom:1px solid #ccd3dd}td::before{content:attr(data-is) ": "}}
"""
_STATE, _REASON, _OWN, _HOLDS = "State", "Reason", "Services", "Holds the users of"
_ALSO = "Also"
"""The heads of the table. A machine without reasons, or without services, has other columns."""


def page(group: Group, status: Mapping[str, Any]) -> bytes:
    """The page of an agent with this status, as UTF-8."""
    known, claims, spelling = status["known"], status["claims"], Spelling.of(group.engine.model)
    names = dict(zip(NODES, status["nodes"], strict=True))
    cells = {n: _cells(group, known, n, spelling) | {_HOLDS: escape(", ".join(
        names.get(h, spelling.name(h)) for h, by in claims.items() if by == n) or "nobody")}
        for n in NODES}
    heads = {what: escape(spelling.words.get(what.lower(), what)) for what in cells[NODES[0]]}
    rows = "".join(_row(tuple(heads.values()), names[n], tuple(cells[n].values())) for n in NODES)
    orders = group.names.out(", ".join(map(spelling.name, status["orders"]))) or "nothing"
    high = f"High availability is {escape(spelling.value('ha', known['ha']))}. " if "ha" in known else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f'content="width=device-width"><meta http-equiv=refresh content=1>'
        f"<title>{escape(group.name)}</title><style>{_STYLE}</style><h1>{escape(group.name)}</h1>"
        f"{_trouble(status, names)}"
        f"<p>{high}Seen from {escape(names[status['node']])}, "
        f"after {status['epoch']} decisions. Still to be done: {escape(orders)}.</p>"
        f"<table><thead><tr><th scope=col>Node{''.join(f'<th scope=col>{c}' for c in heads.values())}"
        f"<tbody>{rows}</table></html>"
    ).encode()


def _row(heads: tuple[str, ...], name: str, cells: tuple[str, ...]) -> str:
    """The row of a node; where the screen is narrow, each cell is a line with its name."""
    return f"<tr><th scope=row>{escape(name)}" + "".join(
        f'<td data-is="{what}">{cell}' for what, cell in zip(heads, cells, strict=True))


def _trouble(status: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A paragraph about the trouble of this agent, if it has some."""
    if not status["trouble"]:
        return ""
    age = "What follows is what it read last" if status["known"] else "It has read nothing yet"
    return (f"<p role=alert><strong>{escape(names[status['node']])} is in trouble:</strong> "
            f"{escape(status['trouble'])}. {age}.</p>")


def _cells(
    group: Group, known: Mapping[str, str], node: str, spelling: Spelling,
) -> dict[str, str]:
    """The cells of a node, by the heads of their columns."""
    columns = group.engine.columns
    found = {what: _cell(known, node, what.lower(), spelling)
             for what in (_STATE, _REASON) if f"{node}.{what.lower()}" in columns}
    if f"{node}.services" in columns:
        return found | {_OWN: _own(known, node, spelling)}
    return found | {_ALSO: escape(also(group.engine, known, node)) or "not known"}


def _cell(known: Mapping[str, str], node: str, column: str, spelling: Spelling) -> str:
    """The value of a column in words; not known before the first reading."""
    value = known.get(f"{node}.{column}")
    return "not known" if value is None else escape(spelling.title(column, value)) or "none"


def _own(known: Mapping[str, str], node: str, spelling: Spelling) -> str:
    """The state of a node's services; not known if the peer has not answered."""
    services, database = known.get(f"{node}.services"), known.get(f"{node}.database")
    if services is None:
        return "not known"
    said = "not known" if database is None else spelling.value("database", database)
    return escape(f"{spelling.value('services', services)}, {spelling.name('database')} {said}")
