"""What a network asks of a machine: what each node knows and reports, and which power each event is.

Law: pure; read from the table once. Columns are numbers, in the order of the stored columns.
"""

from __future__ import annotations

from collections.abc import Mapping

from prgcore.engine import Engine
from prgcore.form import telling
from prgcore.form.knowledge import ENVIRONMENT, RECORD
from prgcore.model import By, Const, Copy, Cube, Event, Rule
from prgcore.seats import NODES
from prgcore.vocabulary import Kind

__all__ = ["Facts"]


class Facts:
    """The facts of one machine.

    Attributes:
        shared: the columns of the record.
        own: for each node the columns that it keeps itself; its process is one.
        told: for each node the columns that its heartbeats carry.
        hidden: for each node the columns that it cannot know or hear: those of the world.
        half: for each shared column the node that it is about; None: the group.
        links: columns of the world about the network: the values of a link and of a cut.
        heard, lost, clash: for each node the event of a heartbeat, those of silence, and the event
            that reports that what it heard contradicts what it knows; empty: none.
        serves: for each node and group, where the node serves the group by its copy.
        by_node: for each event whether a node decides it.
        rules: for each event its rules.
        ordered: for each column the changes that a rule makes of it which the other node decides.
        domain: the values of each column.
    """

    def __init__(self, engine: Engine) -> None:
        model, stored = engine.model, engine.stored
        self._engine = engine
        self._events = {e.name: e for e in model.events}
        at = {name: k for k, name in enumerate(stored)}
        seen_by = {c.name: c.observed_by for c in model.columns}
        self.domain = [engine.columns[c].domain for c in stored]
        self.shared = tuple(k for k, c in enumerate(stored) if seen_by[c] == RECORD)
        self.own = tuple(tuple(
            k for k, c in enumerate(stored) if k not in self.shared and c.startswith(f"{node}."))
            for node in NODES)
        self.told = tuple(tuple(sorted(at[c] for c in telling.told(model, node))) for node in NODES)
        self.hidden = tuple(frozenset(
            k for k, c in enumerate(stored)
            if seen_by[c] == ENVIRONMENT and k not in self.own[i]) for i in (0, 1))
        self.half = {k: next((i for i, n in enumerate(NODES) if stored[k].startswith(f"{n}.")), None)
                     for k in self.shared}
        self.by_node = {e.name: e.decider in NODES for e in model.events}
        self.rules: dict[str, list[Rule]] = {e.name: [] for e in model.events}
        for rule in model.rules:
            self.rules[rule.event].append(rule)
        self._world = {e.name for e in model.events if any(
            seen_by[t.target] == ENVIRONMENT for r in self.rules[e.name] for t in r.then)}
        self.links = self._links(at, seen_by)
        self.heard = tuple(telling.heard(model, n) for n in NODES)
        self.lost = tuple(frozenset(filter(None, [telling.lost(model, n)])) for n in NODES)
        self.clash = tuple(telling.clash(model, n) for n in NODES)
        self.serves = telling.serving(model)
        self._ways: dict[str, tuple[Cube, ...]] = {}
        for way in model.possible:
            self._ways[way.event] = (*self._ways.get(way.event, ()), way.when)
        self._bare = {event: tuple(Cube(tuple(
            c for c in way if seen_by[c.column] != ENVIRONMENT
            or c.column.startswith(f"{self._events[event].decider}."))) for way in ways)
            for event, ways in self._ways.items()}
        self.ordered = {k: self._orders(stored[k]) for own in self.own for k in own}
        self._acts: dict[tuple[str, ...], bool] = {}

    def _links(
        self, at: Mapping[str, int], seen_by: Mapping[str, str],
    ) -> Mapping[int, tuple[str, str]]:
        """The columns of the world that a fault cuts and a repair joins, for the whole group."""
        found: dict[int, dict[Kind, str]] = {}
        for event, rules in self.rules.items():
            for effect in (e for r in rules for e in r.then):
                if seen_by[effect.target] == ENVIRONMENT and isinstance(effect.value, Const) \
                        and "." not in effect.target:
                    found.setdefault(at[effect.target], {})[self._events[event].kind] = \
                        effect.value.value
        return {k: (of[Kind.REPAIR], of[Kind.FAULT]) for k, of in found.items()
                if {Kind.REPAIR, Kind.FAULT} <= of.keys()}

    def _orders(self, column: str) -> frozenset[tuple[str, str]]:
        """The changes of a node's own column by rules of events that the node does not decide."""
        domain, found = self._engine.columns[column].domain, set()
        for rule in (r for rules in self.rules.values() for r in rules):
            if self._events[rule.event].kind is not Kind.COMMAND:
                continue
            for effect in rule.then:
                if effect.target != column:
                    continue
                match effect.value:
                    case Const(value):
                        found |= {(old, value) for old in domain}
                    case By(source, table) if source == column:
                        found |= set(table)
                    case By(_, table):
                        found |= {(old, value) for old in domain for _, value in table}
                    case Copy():
                        found |= {(old, value) for old in domain for value in domain}
        return frozenset(found)

    def seat(self, event: Event) -> int | None:
        """The node that an event happens at; None: the group, or the network."""
        if event.decider in NODES:
            return NODES.index(event.decider)
        return next((i for i, node in enumerate(NODES) if event.name.endswith(f"({node})")
                     and event.kind is not Kind.COMMAND), None)

    def of_world(self, event: str) -> bool:
        """Whether an event changes what only the world knows: a process, a host."""
        return event in self._world

    def power(self, event: Event) -> str:
        """The power of the adversary that an event is; empty: it may always happen."""
        if event.kind is Kind.COMMAND:
            return "commands"
        if event.kind in (Kind.TIMER, Kind.COMPLETION):
            return "" if event.success else "faults"
        if self.seat(event) is None:  # cuts take the place of the network's events
            return "network" if self.of_world(event.name) else "commands"
        if self.of_world(event.name):
            return "crash" if event.kind is Kind.FAULT else "boot"
        return "faults"

    def ways(self, event: str, *, hidden: bool) -> tuple[Cube, ...] | None:
        """Where an event is possible; None: everywhere.

        Args:
            hidden: with the cells about the world; without, those are dropped.
        """
        if self._events[event].kind is Kind.COMMAND:
            return None
        return (self._ways if hidden else self._bare).get(event, ())

    def acts(self, copy: tuple[str, ...], i: int) -> bool:
        """Whether a node can act, by its own columns."""
        own = tuple(copy[k] for k in self.own[i])
        key = (NODES[i], *own)
        if key not in self._acts:
            columns = {self._engine.stored[k]: v for k, v in zip(self.own[i], own, strict=True)}
            self._acts[key] = self._engine.habits.runs(columns, NODES[i])
        return self._acts[key]
