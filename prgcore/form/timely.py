"""Form of the sections that run a machine: mistakes in its timers, parameters, actions and agents.

Law: as `prgcore.form.wellformed`, of which this is a part. A timer is kept by the node that decides
its event, so it reads what that node knows. An agent reports what happens to its own node. It needs
the grant by the record, so it reads the record.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations
from keyword import iskeyword
from typing import TypeAlias

from prgcore.errors import unknown_name
from prgcore.form.cubes import Stored
from prgcore.form.habits import HEARTBEATS
from prgcore.form.knowledge import ADMINISTRATOR, ENVIRONMENT, RECORD, knows
from prgcore.form.mistakes import twice, unknown, wrong_cells
from prgcore.model import (
    AGAIN,
    OBSERVATIONS,
    Agent,
    Cell,
    Column,
    Cube,
    Event,
    Model,
    Number,
    Parameter,
    Timer,
)
from prgcore.vocabulary import Kind

__all__ = ["RESERVED", "timely"]

RESERVED = ("bound", "named", "of", "parse", "read", "records", "self", "service_delays", "to_json")
"""Names that no parameter has, because its class of values or its group file has them already."""

_WORD = re.compile("[A-Za-z][A-Za-z0-9_]*")

_Columns: TypeAlias = Mapping[str, Column]
_Events: TypeAlias = Mapping[str, Event]


def timely(
    model: Model, columns: _Columns, events: _Events, stored: Stored | None,
) -> Iterator[str]:
    """Yield every mistake in these sections, as `place: what is wrong`.

    `stored`: the pairs of the machine; None if its columns are unsound.
    """
    nodes = {e.decider for e in model.events} - {ADMINISTRATOR, ENVIRONMENT}
    yield from twice("timers", (t.event for t in model.timers))
    for i, timer in enumerate(model.timers):
        at = f"timers[{i}]"
        mistakes = [*_timer(at, timer, model, columns, events)]
        yield from mistakes
        if stored is not None and not mistakes and timer.limits:
            ways = [entry.when for entry in model.possible if entry.event == timer.event]
            yield from _unlimited(at, timer, ways, stored)
    yield from twice("parameters", (p.name for p in model.parameters))
    for i, parameter in enumerate(model.parameters):
        yield from _parameter(f"parameters[{i}]", parameter)
    yield from twice("actions", (f"{a.name} of {a.node}" for a in model.actions))
    asked = {a.do for rule in model.rules for a in rule.actions}
    for i, kind in enumerate(model.actions):
        yield from unknown(f"actions[{i}].name", "action", kind.name, asked)
        yield from unknown(f"actions[{i}].node", "node", kind.node, nodes)
        for j, name in enumerate(kind.fails):
            yield from _reported(f"actions[{i}].fails[{j}]", name, kind.node, events, nodes)
    yield from twice("agents", (a.node for a in model.agents))
    for i, agent in enumerate(model.agents):
        yield from unknown(f"agents[{i}].node", "node", agent.node, nodes)
        yield from _agent(f"agents[{i}]", agent, columns, events, nodes)


# ---------------------------------------------------------------------------- timers


def _timer(
    at: str, timer: Timer, model: Model, columns: _Columns, events: _Events
) -> Iterator[str]:
    yield from unknown(f"{at}.event", "event", timer.event, events)
    event = events.get(timer.event)
    node = "" if event is None else event.decider
    if event is not None and event.kind is not Kind.TIMER:
        yield f"{at}.event: {timer.event} is a {event.kind}; a timer makes an event of time due"
    elif node in (ADMINISTRATOR, ENVIRONMENT):
        yield (f"{at}.event: {timer.event} is decided by the {node}, which keeps no timer; name an "
               "event that a node decides")
    yield from unknown(f"{at}.told", "observation", timer.told, ("", *OBSERVATIONS))
    if timer.told and (timer.limits or timer.runs.cells):
        yield f"{at}: it is due when {timer.told} is observed, so it has no limits and no runs"
    if not timer.told and not timer.limits:
        yield f"{at}.limits: none; {timer.event} is due after a time, or when something is observed"
    for name in timer.again:
        yield from unknown(f"{at}.again", "observation", name, AGAIN)
    yield from _known(at, timer, node, columns)
    yield from _limits(at, timer, model)


def _known(at: str, timer: Timer, node: str, columns: _Columns) -> Iterator[str]:
    """Mistakes in the cells of a timer: its node must know what it counts by."""
    cubes: list[tuple[str, Cube]] = [("runs", timer.runs)]
    cubes += [(f"limits[{j}].if", cells) for j, (cells, _) in enumerate(timer.limits)]
    cubes += [] if timer.again_in is None else [("again_in", timer.again_in)]
    for where, cube in cubes:
        wrong = [*wrong_cells(f"{at}.{where}", cube, columns)]
        yield from wrong
        if not wrong and node not in ("", ADMINISTRATOR, ENVIRONMENT):
            yield from (f"{at}.{where}.{c.column}: {node} keeps this timer and cannot know it"
                        for c in cube for column in [columns[c.column]]
                        if {*column.sources} <= {*columns} and not knows(node, column, columns))


def _limits(at: str, timer: Timer, model: Model) -> Iterator[str]:
    known = {p.name: p for p in (*HEARTBEATS, *model.parameters)}
    durations = {name for name, p in known.items() if p.unit == "s"}
    for j, (_, limit) in enumerate(timer.limits):
        place = f"{at}.limits[{j}].after"
        if not isinstance(limit, str):
            if limit < 0:
                yield f"{place}: {limit:g} s; a limit is not negative"
        elif limit not in durations:
            yield (f"{place}: {limit} is not in seconds" if limit in known else
                   f"{place}: {unknown_name('parameter', limit, durations)}")
    for j, (cells, _) in enumerate(timer.limits[:-1]):
        if not cells.cells:
            yield f"{at}.limits[{j}].if: holds always, so no later limit is used"


def _unlimited(at: str, timer: Timer, ways: Iterable[Cube], stored: Stored) -> Iterator[str]:
    """Where a timer runs, its event is possible, and no limit fits: it would be due at once."""
    runs = (way & timer.runs for way in ways if not any(wrong_cells("", way, stored.named)))
    limits = tuple(cells for cells, _ in timer.limits)
    found = next((pair for cube in runs if cube is not None and stored.find([cube])
                  for pair in [stored.outside(cube, limits)] if pair is not None), None)
    if found is not None:
        where = ", ".join(f"{column}={value}" for column, value in found.items())
        yield f"{at}.limits: none fits where {where}; write a last one for everywhere else"


# ------------------------------------------------------------------------ parameters


def _parameter(at: str, parameter: Parameter) -> Iterator[str]:
    name = parameter.name
    if not _WORD.fullmatch(name) or iskeyword(name) or name in RESERVED:
        yield (f"{at}.name: a parameter is not called {name[:80]!r}; write another word of letters, "
               "digits and _")
    if name in [p.name for p in HEARTBEATS] and parameter.unit != "s":
        yield f"{at}.unit: {name} is in seconds, because agents send heartbeats by it"
        return
    flag = isinstance(parameter.default, bool)
    if flag is not (parameter.unit == "true or false"):
        yield f"{at}.default: {_shown(parameter.default)} does not fit the unit {parameter.unit!r}"
        return
    if parameter.least > parameter.most:
        yield f"{at}.least: {parameter.least:g} is above the most, {parameter.most:g}"
    elif not flag and not parameter.least <= parameter.default <= parameter.most:
        yield (f"{at}.default: {parameter.default:g} is outside {parameter.least:g} to "
               f"{parameter.most:g}")
    if parameter.unit == "port" and parameter.default != int(parameter.default):
        yield f"{at}.default: {parameter.default:g} is not a whole number, as a port is"
    if parameter.unit == "s" and parameter.least < 0:
        yield f"{at}.least: {parameter.least:g} s; a duration is not negative"


def _shown(value: Number) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


# ---------------------------------------------------------------------------- agents


def _reported(
    at: str, name: str, node: str, events: _Events, nodes: Collection[str],
) -> Iterator[str]:
    """Mistakes in an event that the agent of a node reports by itself."""
    yield from unknown(at, "event", name, events)
    decider = events[name].decider if name in events else ""
    for other in sorted({*nodes} - {node}) if decider else ():
        if decider == other or name.endswith(f"({other})"):
            yield (f"{at}: {name} is about {other}; an agent reports what happens to its own node, "
                   f"{node}")


def _agent(
    at: str, agent: Agent, columns: _Columns, events: _Events, nodes: Collection[str],
) -> Iterator[str]:
    for what, name in (("starts", agent.starts), ("stops", agent.stops)):
        if name:
            yield from _reported(f"{at}.{what}", name, agent.node, events, nodes)
    yield from wrong_cells(f"{at}.knows", (Cell(*cell) for cell in agent.knows), columns)
    for name, _ in agent.knows:
        if name in columns and columns[name].derived:
            yield f"{at}.knows.{name}: derived; an agent knows stored columns"
        elif name in columns and columns[name].observed_by in {*nodes} - {agent.node}:
            yield f"{at}.knows.{name}: {agent.node} cannot know it when it starts"
    if agent.knows and not agent.starts:
        yield f"{at}.knows: without starts, the event that it is known at"
    yield from _watches(at, agent, events, nodes)
    yield from _reads(at, agent, columns)


def _watches(
    at: str, agent: Agent, events: _Events, nodes: Collection[str],
) -> Iterator[str]:
    for what, names in agent.watches:
        yield from _word(f"{at}.watches", "what is watched", what)
        if len(names) != 2:
            yield f"{at}.watches.{what}: two events, of the failure and of the return"
        for j, name in enumerate(names):
            yield from _reported(f"{at}.watches.{what}[{j}]", name, agent.node, events, nodes)


def _reads(at: str, agent: Agent, columns: _Columns) -> Iterator[str]:
    """Mistakes in where an agent leaves its services stopped, needs the grant, has a role."""
    services = [(f"leaves[{j}]", cells) for j, cells in enumerate(agent.leaves)]
    services += [(f"either[{j}]", cells) for j, cells in enumerate(agent.either)]
    for where, cells in services:
        wrong = [*wrong_cells(f"{at}.{where}", cells, columns)]
        yield from wrong
        if not wrong:
            yield from (
                f"{at}.{where}.{c.column}: {agent.node} cannot know it when it starts"
                for c in cells if columns[c.column].observed_by not in (agent.node, RECORD))
    yield from wrong_cells(f"{at}.able", agent.able, columns)
    yield from _roles(at, agent, columns)
    for j, cells in enumerate(agent.holds):
        where = f"{at}.holds[{j}]"
        wrong = [*wrong_cells(where, cells, columns)]
        yield from wrong or (
            f"{where}.{c.column}: not a stored column of the record, by which agents serve"
            for c in cells if columns[c.column].observed_by != RECORD)


def _roles(at: str, agent: Agent, columns: _Columns) -> Iterator[str]:
    """Mistakes in where the service of a node has which role: at most one at a time."""
    sound: dict[str, Cube] = {}
    for role, cells in agent.roles:
        wrong = [*_word(f"{at}.roles", "a role", role),
                 *wrong_cells(f"{at}.roles.{role}", cells, columns)]
        wrong = wrong or [
            f"{at}.roles.{role}.{c.column}: not a stored column of the record or of {agent.node}, by "
            "which its agent acts"
            for c in cells if columns[c.column].derived
            or columns[c.column].observed_by not in (agent.node, RECORD)]
        yield from wrong
        if not wrong:
            sound[role] = cells
    for one, other in combinations(sound, 2):
        if sound[one] & sound[other] is not None:
            yield f"{at}.roles.{other}: may hold where {one} does; a service has one role at a time"


def _word(at: str, what: str, name: str) -> Iterator[str]:
    if not _WORD.fullmatch(name):
        yield f"{at}: {what} is not called {name[:80]!r}; write a word of letters, digits and _"
