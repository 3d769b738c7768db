"""Habits: the reports and deeds of an agent that nobody asks for, for any machine.

Law: pure; reads the sections `agents`, `actions`, `timers`, `hears`, `serves` and `decides`, and knows
no name of any machine. A machine without a section has no such habit. Columns may be a part of a pair, and
every answer says what it means where they are too few.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias

from prgcore.form.knowledge import RECORD
from prgcore.form.telling import serving
from prgcore.model import Agent, Cube, Model, Parameter, Timer

__all__ = ["HEARTBEATS", "INTERVAL", "TIMEOUT", "Habits"]

INTERVAL, TIMEOUT = "keep_alive_interval", "keep_alive_timeout"

HEARTBEATS = (
    Parameter(INTERVAL, default=15, says="how often a heartbeat is sent to the peer"),
    Parameter(TIMEOUT, default=60,
              says="how long heartbeats may be missing before the peer counts as lost"),
)
"""The parameters that every machine has, because its agents send heartbeats."""

_Columns: TypeAlias = Mapping[str, str]


class Habits:
    """The habits of the agents of a machine: `engine.habits`.

    Attributes:
        groups: the groups of users that the record assigns to nodes, by their home node or by a
            name of the machine.
        serving: for every group the nodes whose agents serve it, each with the cubes in which it does.
    """

    groups: tuple[str, ...]
    serving: Mapping[str, tuple[tuple[str, tuple[Cube, ...]], ...]]

    def __init__(self, model: Model) -> None:
        self._model = model
        self._agents = {a.node: a for a in model.agents}
        rows = [(at, cubes) for at, cubes in serving(model).items() if at[0] in self._agents]
        self.groups = tuple(dict.fromkeys(group for (_, group), _ in rows))
        self.serving = {
            group: tuple((node, cubes) for (node, g), cubes in rows if g == group)
            for group in self.groups}

    def agent(self, node: str) -> Agent:
        """What the machine says of the agent of a node; an empty one: nothing."""
        return self._agents.get(node) or Agent(node)

    # ------------------------------------------------------------------ starting, stopping

    def starts(self, node: str) -> tuple[str, Mapping[str, str]]:
        """The event that an agent reports when it starts, and what it knows then; empty: none."""
        agent = self.agent(node)
        return agent.starts, dict(agent.knows)

    def stops(self, node: str) -> str:
        """The event that an agent reports when it is asked to stop; empty: none."""
        return self.agent(node).stops

    # ---------------------------------------------------------------------------- actions

    def deed(self, do: str, node: str) -> str:
        """The deed by which a node's agent carries out an action (`DEEDS`); empty: none."""
        return next((a.does for a in self._model.actions if (a.name, a.node) == (do, node)), "")

    def fails(self, do: str, node: str) -> tuple[str, ...]:
        """The events that may report that an action of a node failed: the first possible one does."""
        return next((a.fails for a in self._model.actions if (a.name, a.node) == (do, node)), ())

    # --------------------------------------------------------------------------- services

    def watches(self, node: str) -> Mapping[str, tuple[str, str]]:
        """For everything that the agent of a node watches, the events of failure and of return."""
        return {what: (events[0], events[1]) for what, events in self.agent(node).watches}

    def leaves(self, columns: _Columns, node: str) -> bool:
        """Whether a node that starts leaves its services stopped; not known: it does not."""
        return any(_holds(cells, columns) for cells in self.agent(node).leaves)

    # -------------------------------------------------------------------------- the record

    def holds(self, columns: _Columns, node: str) -> bool:
        """Whether a node serves only under the take-over grant; not known: it does not."""
        return any(_holds(cells, columns) for cells in self.agent(node).holds)

    def assigned(self, columns: _Columns, group: str) -> str | None:
        """The node that a group of users is assigned to: empty if none is, None if not known."""
        rows = self.serving.get(group, ())
        if not rows or any(
                cell.column not in columns for _, cubes in rows for cube in cubes for cell in cube):
            return None
        return next((n for n, cubes in rows if any(_holds(cells, columns) for cells in cubes)), "")

    def assignment(self, columns: _Columns) -> Mapping[str, str]:
        """The node of every group whose assignment these columns show; empty: nobody serves it."""
        found = {group: self.assigned(columns, group) for group in self.groups}
        return {group: node for group, node in found.items() if node is not None}

    def able(self, columns: _Columns, node: str) -> bool:
        """Whether a node can serve users, as far as these columns show it."""
        return _may_hold(self.agent(node).able, columns)

    def roles(self, node: str) -> tuple[str, ...]:
        """The roles that the service of a node may have; empty: the machine names none."""
        return tuple(role for role, _ in self.agent(node).roles)

    def role(self, columns: _Columns, node: str) -> str:
        """The role that the service of a node should have, as far as these columns show; empty: none."""
        return next((role for role, cells in self.agent(node).roles if _holds(cells, columns)), "")

    def asked(self) -> frozenset[str]:
        """The columns that say whether nodes can serve users."""
        return frozenset(c.column for a in self._model.agents for c in a.able)

    # ------------------------------------------------------------------------ the other node

    def hears(self, columns: _Columns, node: str) -> bool:
        """Whether a node hears its peer, by its own columns. Without `hears`, it always does."""
        gates = [h.when for h in self._model.hears if h.node == node]
        return not gates or any(_holds(cells, columns) for cells in gates)

    def runs(self, columns: _Columns, node: str) -> bool:
        """Whether a node can act, as far as these columns show it.

        It can where the cells of `decides` hold that are not about the record: what the record
        says may forbid its decisions, and not its deeds.
        """
        return all(_may_hold(cells, columns) for cells in self.acts(node))

    def acts(self, node: str) -> tuple[Cube, ...]:
        """The cubes that all hold where a node can act: its part of `decides`, without the record."""
        return self._acts.get(node, ())

    @cached_property
    def _acts(self) -> Mapping[str, tuple[Cube, ...]]:
        shared = {c.name for c in self._model.columns if c.observed_by == RECORD}
        acts: dict[str, list[Cube]] = {}
        for one in self._model.decides:
            acts.setdefault(one.decider, []).append(
                Cube(tuple(cell for cell in one.when if cell.column not in shared)))
        return {node: tuple(cubes) for node, cubes in acts.items()}

    # -------------------------------------------------------------------------------- time

    @cached_property
    def _kept(self) -> Mapping[str, tuple[Timer, ...]]:
        """The timers of every node."""
        deciders = {e.name: e.decider for e in self._model.events}
        kept: dict[str, list[Timer]] = {}
        for timer in self._model.timers:
            kept.setdefault(deciders.get(timer.event, ""), []).append(timer)
        return {node: tuple(timers) for node, timers in kept.items()}

    def timers(self, node: str) -> tuple[Timer, ...]:
        """The timers that a node keeps, in the order in which their events are given."""
        return self._kept.get(node, ())

    @cached_property
    def heartbeats(self) -> tuple[str, ...]:
        """The parameters of heartbeats: their interval, and every time-out of silence."""
        silent = {limit for t in self._model.timers if "heartbeat" in t.again and not t.told
                  for _, limit in t.limits if isinstance(limit, str)}
        return tuple(sorted({INTERVAL, TIMEOUT, *silent}))

    @cached_property
    def hearing(self) -> frozenset[str]:
        """The events that are due at a heartbeat."""
        return frozenset(t.event for t in self._model.timers if t.told == "heartbeat")


def _holds(cells: Cube, columns: _Columns) -> bool:
    """Whether these columns show that a cube holds."""
    return all(columns.get(c.column) in c.values for c in cells)


def _may_hold(cells: Cube, columns: _Columns) -> bool:
    """Whether a cube may hold, as far as these columns show."""
    return all(columns.get(c.column, c.values[0]) in c.values for c in cells)
