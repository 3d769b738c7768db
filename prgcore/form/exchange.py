"""Form of what two nodes exchange: mistakes in the sections `told`, `hears` and `serves`.

Law: as `prgcore.form.wellformed`, of which this is a part. A node reports what it observes. It learns
what its peer reports, and hears it by events that it decides. It serves by what it knows alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from prgcore.form.knowledge import ADMINISTRATOR, ENVIRONMENT, RECORD, knows
from prgcore.form.mistakes import many_wrong, twice, unknown, wrong_cells
from prgcore.form.telling import told
from prgcore.model import Column, Event, Hears, Model, Serves
from prgcore.words import listed

__all__ = ["exchanged"]

_Columns: TypeAlias = Mapping[str, Column]
_Events: TypeAlias = Mapping[str, Event]


def exchanged(model: Model, columns: _Columns, events: _Events) -> Iterator[str]:
    """Yield every mistake in these sections, as `place: what is wrong`."""
    deciders = {e.decider for e in model.events} - {ADMINISTRATOR, ENVIRONMENT}
    nodes = deciders | {c.observed_by for c in model.columns if not c.derived} - {RECORD, ENVIRONMENT}
    yield from _told(model, columns, nodes)
    for i, hears in enumerate(model.hears):
        at = f"hears[{i}]"
        yield from unknown(f"{at}.node", "node", hears.node, deciders)
        yield from _gate(at, hears, columns)
        yield from _learns(at, hears, model, columns, nodes)
        yield from _hearing(at, hears, model, events)
    yield from twice("serves", (f"{s.group} of {s.node}" for s in model.serves))
    agents = {a.node for a in model.agents}
    for i, serves in enumerate(model.serves):
        yield from unknown(f"serves[{i}].node", "node", serves.node, nodes)
        yield from _serves(f"serves[{i}]", serves, columns, agent=serves.node in agents)


def _told(model: Model, columns: _Columns, nodes: Collection[str]) -> Iterator[str]:
    """Mistakes in what the heartbeats of each node carry."""
    yield from twice("told", (t.node for t in model.told))
    for i, row in enumerate(model.told):
        at = f"told[{i}]"
        yield from unknown(f"{at}.node", "node", row.node, nodes)
        yield from twice(f"{at}.columns", row.columns)
        for j, name in enumerate(row.columns):
            place = f"{at}.columns[{j}]"
            yield from unknown(place, "column", name, columns)
            if name not in columns or row.node not in nodes:
                continue
            if columns[name].derived:
                yield f"{place}: {name} is derived; a heartbeat carries stored columns"
            elif columns[name].observed_by == RECORD:
                yield f"{place}: {name} is in the record, which no heartbeat carries"
            elif columns[name].observed_by != row.node:
                yield (f"{place}: {row.node} cannot know {name} (observed by "
                       f"{columns[name].observed_by}), so it cannot tell it")


def _gate(at: str, hears: Hears, columns: _Columns) -> Iterator[str]:
    """Mistakes in where a node hears its peer: it knows that without its peer, and it can end."""
    wrong = [*wrong_cells(f"{at}.when", hears.when, columns)]
    yield from wrong
    if not wrong:
        yield from (
            f"{at}.when.{c.column}: {hears.node} cannot know it without its peer"
            for c in hears.when if not knows(hears.node, columns[c.column], columns)
        )
        if all({*columns[c.column].domain} <= {*c.values} for c in hears.when):
            yield f"{at}.when: holds in every pair; name the cell that says heard"
    if not hears.column:
        return
    yield from unknown(f"{at}.column", "column", hears.column, columns)
    if hears.column in columns and hears.column not in [c.column for c in hears.when]:
        yield f"{at}.column: {hears.column} is not in when, so it does not say whether it hears"


def _learns(
    at: str, hears: Hears, model: Model, columns: _Columns, nodes: Collection[str],
) -> Iterator[str]:
    """Mistakes in what a node learns: what another node reports, and nothing of the environment."""
    if not (hears.learns or hears.heard or hears.lost):
        yield (f"{at}.learns: nothing; name the columns of the peer that {hears.node} learns, or the "
               "event heard")
    said = {name for node in nodes if node != hears.node for name in told(model, node)}
    for j, name in enumerate(hears.learns):
        place = f"{at}.learns[{j}]"
        yield from unknown(place, "column", name, columns)
        if name not in columns:
            continue
        sources = [s for s in columns[name].sources or (name,) if s in columns]
        observers = {columns[s].observed_by for s in sources}
        if ENVIRONMENT in observers or not observers - {hears.node, RECORD}:
            yield f"{place}: {name} is not what another node observes"
            continue
        untold = [s for s in sources if columns[s].observed_by not in (hears.node, RECORD)
                  and s not in said]
        if untold:
            yield (f"{place}: {name} needs {listed(untold)}, which no heartbeat carries; name it in "
                   "told")


def _hearing(at: str, hears: Hears, model: Model, events: _Events) -> Iterator[str]:
    """Mistakes in the events of hearing: the node decides each, and they are different ones."""
    named = {"heard": hears.heard, "lost": hears.lost, "clash": hears.clash}
    given = {what: name for what, name in named.items() if name}
    for what, name in given.items():
        yield from unknown(f"{at}.{what}", "event", name, events)
        if name in events and events[name].decider != hears.node:
            yield (f"{at}.{what}: {name} is decided by {_the(events[name].decider)}, not by "
                   f"{hears.node}, which hears")
    for what, name in given.items():
        same = [other for other in given if other < what and given[other] == name]
        yield from (f"{at}.{what}: {name} is the event {other} too" for other in same)
    for timer in model.timers:
        if timer.event == hears.heard and timer.told != "heartbeat":
            yield f"{at}.heard: the timer of {hears.heard} is not told of a heartbeat"
        if timer.event == hears.lost and "heartbeat" not in timer.again:
            yield f"{at}.lost: the timer of {hears.lost} does not begin again at a heartbeat"


def _the(decider: str) -> str:
    return f"the {decider}" if decider in (ADMINISTRATOR, ENVIRONMENT) else decider


def _serves(at: str, serves: Serves, columns: _Columns, *, agent: bool) -> Iterator[str]:
    """Mistakes in where a node serves: it knows these columns, and its agent reads the record."""
    yield from many_wrong(f"{at}.when", serves.when, columns)
    known = (RECORD,) if agent else (RECORD, serves.node)
    where = "the record, by which agents serve" if agent else (
        f"the record or of {serves.node}, by which it serves")
    for j, cells in enumerate(serves.when):
        for cell in cells:
            if cell.column in columns and columns[cell.column].observed_by not in known:
                yield f"{at}.when[{j}].{cell.column}: not a stored column of {where}"
