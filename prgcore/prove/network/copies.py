"""Networks without a record: two copies of the pair, heartbeats that carry them, and cuts.

Law: as `prgcore.prove.network`. A network is five numbers: the copy of the node that looks, that of
its peer, the heartbeat that each has sent, and flags. Every move is written once, as the node sees
it that decides or hears; the moves of the other are these, looked at from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.prove.codec import Codes
from prgcore.prove.network.facing import Event, Table
from prgcore.prove.network.flags import Flags
from prgcore.prove.network.rows import Each, Ids, Lazy, Rows
from prgcore.prove.network.steps import Step, seated
from prgcore.prove.network.wires import Side, Sides

__all__ = ["Copies", "State"]


class State(NamedTuple):
    """Networks as one node looks at them: arrays of numbers, one entry a network."""

    mine: Ids
    peers: Ids
    sent: Ids
    coming: Ids
    flags: Ids

    def take(self, at: npt.NDArray[Any]) -> State:
        """Some of them."""
        return State(*(column.take(at) for column in self))


_LATE, _NEWS, _BASED, _NEWEST = 8, 4, 2, 1


@define(eq=False)
class Slots:
    """Heartbeats in flight from one side, in their normal form: what cannot matter is blank.

    Number 0 is an empty slot.
    """

    table: Table
    rows: Rows = field(init=False)
    _keep: list[Codes] = field(init=False)
    sends: Lazy = field(init=False)
    overtaken: Each = field(init=False)
    told: Each = field(init=False)
    unbased: Each = field(init=False)
    older: Each = field(init=False)
    news: Each = field(init=False)
    newest: Each = field(init=False)

    def __attrs_post_init__(self) -> None:
        machine, node = self.table.machine, self.table.node
        facts = machine.facts
        self.rows = Rows((*machine.sizes, 16))
        orders = [k for k in facts.own[1 - node] if facts.ordered[k]]
        told = facts.told[node]
        half = [k for k in facts.shared if facts.half[k] in (node, None)]
        rest = [k for k in facts.shared if facts.half[k] == 1 - node]
        self._keep = [machine.parts(names) for names in (told, half, (*rest, *orders))]
        blank = [np.zeros(1, np.int32) for _ in machine.sizes]
        self.rows.ids([*blank, np.array([15], np.int32)])
        self.sends = Lazy(self.table.rows, 4, lambda ids, which: self._normal(
            self.table.rows.of(ids), (which & 2) * 2 | (which & 1) * _BASED | _NEWEST))
        self.news = Each(self.rows, lambda codes: codes[-1] & _NEWS > 0)
        self.newest = Each(self.rows, lambda codes: codes[-1] & _NEWEST > 0)
        self.overtaken, self.unbased, self.older, self.told = (
            Each(self.rows, partial(self._changed, more=more, less=less))
            for more, less in ((_LATE, _NEWS), (0, _BASED), (0, _NEWEST), (0, _NEWS)))

    def _changed(self, codes: Codes, *, more: int, less: int) -> Ids:
        """The heartbeats with some flags set and some cleared; an empty slot stays empty."""
        return self._normal(codes[:-1], np.where(codes[-1] == 15, 15, codes[-1] & ~less | more))

    def _normal(self, codes: Codes, flags: npt.NDArray[Any]) -> Ids:
        """The numbers of heartbeats with these contents."""
        empty, late = flags == 15, flags & _LATE > 0
        news = (flags & _NEWS > 0) & ~empty
        based = news & (flags & _BASED > 0)
        kept = []
        for b, code in enumerate(codes):
            told, half, rest = (keep[b].take(code) for keep in self._keep)
            kept.append(np.where(late | empty, 0, told) + np.where(news, half, 0)
                        + np.where(based, rest, 0))
        flags = np.where(empty, 15, np.where(news, flags, flags & _LATE))
        return self.rows.ids([*kept, flags])


@define(eq=False)
class Hearing:
    """The copies of one side after heartbeats of the other.

    Attributes:
        slots: the heartbeats, as their sender writes them.
    """

    table: Table
    slots: Slots
    _parts: dict[str, Codes] = field(init=False)
    _group: list[int] = field(init=False)
    _ordered: list[tuple[int, npt.NDArray[Any]]] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        machine, node = self.table.machine, self.table.node
        facts = machine.facts
        half = {n: [k for k in facts.shared if facts.half[k] == n] for n in (node, 1 - node, None)}
        self._parts = {
            "own": machine.parts(facts.own[node]), "told": machine.parts(facts.told[1 - node]),
            "mine": machine.parts(half[node]), "theirs": machine.parts(half[1 - node]),
            "group": machine.parts(half[None]),
        }
        self._group = half[None]
        for k in facts.own[node]:
            if facts.ordered[k]:
                domain = facts.domain[k]
                self._ordered.append((k, np.array([
                    [domain.index(new) if (old, new) in facts.ordered[k] else domain.index(old)
                     for new in domain] for old in domain])))

    def after(self, mine: Ids, slots: Ids) -> Ids:
        """The copies after these heartbeats were taken in, before anything is decided."""
        machine, parts = self.table.machine, self._parts
        rows = self.slots.rows
        codes = self.table.rows.of(mine)
        sent = machine.turned([code.take(slots) for code in rows.codes[:-1]])
        flags = rows.codes[-1].take(slots)
        late, news, based = flags & _LATE > 0, flags & _NEWS > 0, flags & (_NEWS | _BASED) == 6
        found: Codes = []
        for b, (old, new) in enumerate(zip(codes, sent, strict=True)):
            from_sender = (("told", ~late), ("mine", based), ("theirs", news), ("group", based))
            code = parts["own"][b].take(old)
            for name, takes in from_sender:
                code += parts[name][b].take(np.where(takes, new, old))
            found.append(code)
        apart = np.flatnonzero(news & ~based)
        if len(apart):
            self._join(found, sent, apart)
        at = np.flatnonzero(based)
        if len(at):
            some, orders = [c[at] for c in found], [c[at] for c in sent]
            for k, table in self._ordered:
                machine.put(some, k, table[machine.index(some, k), machine.index(orders, k)])
            for code, new in zip(found, some, strict=True):
                code[at] = new
        return self.table.rows.ids(found)

    def _join(self, found: Codes, sent: Codes, at: npt.NDArray[np.intp]) -> None:
        """Of two values of a column of the group the later one, where both nodes wrote."""
        machine = self.table.machine
        some, other = [c[at] for c in found], [c[at] for c in sent]
        for k in self._group:
            machine.put(some, k, np.maximum(machine.index(some, k), machine.index(other, k)))
        for code, new in zip(found, some, strict=True):
            code[at] = new


@define(eq=False, slots=False)
class Copies(Sides):
    """The networks of a machine without a record.

    Attributes:
        slots: for each side the heartbeats that its node sends.
        hears: for each side what a heartbeat does to the copy of its node.
    """

    parts: ClassVar = State._fields
    slots: tuple[Slots, Slots] = field(init=False)
    hears: tuple[Hearing, Hearing] = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.slots = self.each(lambda n: Slots(self.tables[n]))
        self.hears = self.each(lambda n: Hearing(self.tables[n], self.slots[1 - n]))
        self.flags = Flags({"cut": 2, "ahead": 2, "silent": self.setting.silence + 1})
        self.sides = self.each(lambda n: _Side(self, n, quiet=False))
        self.calm = self.each(lambda n: _Side(self, n, quiet=True))

    def turned(self, state: State) -> State:
        """The same networks as the other node looks at them."""
        return State(state.peers, state.mine, state.coming, state.sent,
                     self.flags.turned.take(state.flags))

    def start(self, pairs: list[dict[str, str]]) -> State:
        """The networks in which both nodes know the same pair."""
        _, (mine, peers) = self.encoded(pairs)
        none = np.zeros(len(pairs), np.int32)
        return State(mine, peers, none, none, none)

    def serves(self, state: State) -> tuple[Ids, Ids]:
        """The groups that each node serves, one bit each, as the node that looks names them."""
        return self.sides[0].serves.of(state.mine), self.machine.turned_groups(
            self.sides[1].serves.of(state.peers))

    def equal(self, state: State) -> npt.NDArray[np.bool_]:
        """Whether two nodes that run have one copy of the pair, or at most one of them runs."""
        machine, facts = self.machine, self.machine.facts
        mine = self.tables[0].rows.of(state.mine)
        peers = machine.turned(self.tables[1].rows.of(state.peers))
        same = np.ones(len(state.mine), np.bool_)
        known = machine.parts((*facts.shared, *facts.told[0], *facts.told[1]))
        for table, one, other in zip(known, mine, peers, strict=True):
            same &= table.take(one) == table.take(other)
        runs = self.sides[0].runs.of(state.mine) & self.sides[1].runs.of(state.peers)
        found: npt.NDArray[np.bool_] = same | ~runs
        return found


@define(eq=False, slots=False)
class _Side(Side[Copies]):
    """The moves of one node by its copy."""

    def __attrs_post_init__(self) -> None:
        facts, setting = self.all.machine.facts, self.all.setting
        table = self.table = self.all.tables[self.n]
        node, events = table.node, self.all.machine.model.events
        lost, clash, heard = facts.lost[node], facts.clash[node], facts.heard[node]
        free = setting.silence > 0 or (setting.has("loss") and not self.quiet)
        forced = self.quiet or not setting.has("faults")
        fences = setting.arbiter == "self-fence"
        self.events: list[tuple[int, Event, str]] = []
        for name in seated(self.all.machine, setting, node, quiet=self.quiet):
            event = Event(table, name, hidden=not (name in lost and free),
                          truly=not facts.by_node[name],
                          fences=fences and facts.by_node[name])
            when = "lost" if name in lost else "clash" if name == clash and forced else ""
            self.events.append((self.all.kind("decide", name), event, when))
        for name in (e.name for e in events if facts.power(e) == "commands"
                     and setting.has("commands") and not self.quiet):
            self.events.append((self.all.kind("command", name), Event(table, name), "runs"))
        self.heard = Event(table, heard, fences=fences) if heard else None
        self.shared = table.part(facts.shared)
        self.runs = table.each(lambda codes: self.all.machine.acting(codes, node))
        self.clashes = Lazy(table.rows, 1, lambda ids, _: self.all.machine.clashing(
            table.rows.of(ids), node).astype(np.int32))
        self.serves = table.each(self._serves)
        self.truth: dict[int, Each] = {}

    def _serves(self, codes: Codes) -> npt.NDArray[Any]:
        """The groups that this node serves, one bit each."""
        machine, node = self.all.machine, self.table.node
        fits = machine.able(codes, node)
        if self.all.setting.arbiter == "self-fence":
            fits &= machine.hearing(codes, node)
        return np.where(fits, machine.assigned(codes, node), 0)

    def context(self, event: Event, state: State) -> Any:
        """The true values of what an event reads and its node does not know."""
        which: Any = 0
        facts, flags, other = self.all.machine.facts, self.all.flags, self.all.tables[1 - self.n]
        for k, size in zip(event.context.columns, event.context.sizes, strict=True):
            if k in facts.links:
                value = flags.of(state.flags, "cut", 1)
            else:
                name = self.all.machine.seen_number(k)
                if k not in self.truth:
                    self.truth[k] = other.each(partial(self.all.machine.index, k=name))
                value = self.truth[k].of(state.peers)
            which = which * size + value
        return which

    def steps(self, state: State) -> Iterator[Step]:
        """The moves of this node, and those of heartbeats that come to it."""
        runs = self.runs.of(state.mine)
        for kind, event, when in self.events:
            at = np.arange(len(state.mine))
            if when == "runs":
                at = np.flatnonzero(runs)
            elif when == "lost":
                at = self.silent(state)
            yield self._decided(kind, event, state, at, clash=when == "clash")
        yield from self.talk(state, runs)
        yield from self.cut(state)

    def _decided(
        self, kind: int, event: Event, state: State, at: npt.NDArray[np.intp], *, clash: bool,
    ) -> Step:
        some = state.take(at)
        after = event.of(some.mine, self.context(event, some))
        done = np.flatnonzero(after >= 0)
        if clash:
            done = done[self.clashes.of(some.mine[done]) > 0]
        return Step(kind, at[done], self._wrote(some.take(done), after[done]))

    def _wrote(self, state: State, after: Ids) -> State:
        """The networks after this node changed its copy: whether it wrote, and to what end."""
        flags, (mine, theirs) = self.all.flags, (self.all.slots[self.n], self.all.slots[1 - self.n])
        wrote = self.shared.of(after) != self.shared.of(state.mine)
        return State(
            after, state.peers,
            np.where(wrote, mine.older.of(state.sent), state.sent),
            np.where(wrote, theirs.unbased.of(state.coming), state.coming),
            np.where(wrote, flags.put(state.flags, "ahead", 0, 1), state.flags))

    def carried(self, state: State) -> Ids:
        """The heartbeats that the peer sends now: its copy, and what it knows of this one."""
        flags = self.all.flags
        return self.all.slots[1 - self.n].sends.of(
            state.peers, flags.of(state.flags, "ahead", 1) * 2 + 1 - flags.of(state.flags, "ahead", 0))

    def overtaken(self, slots: Ids) -> Ids:
        """The heartbeats in flight after another one has overtaken them."""
        return self.all.slots[1 - self.n].overtaken.of(slots)

    def delivered(self, slots: Ids) -> Ids:
        """The heartbeats in flight that have arrived already."""
        return self.all.slots[1 - self.n].told.of(slots)

    def arrives(self, state: State, slots: Ids) -> State:
        """The networks after heartbeats of the peer arrived here, where the manager runs."""
        all_, theirs = self.all, self.all.slots[1 - self.n]
        mine = all_.hears[self.n].after(state.mine, slots)
        news = theirs.news.of(slots)
        flags = np.where(news, all_.flags.put(
            state.flags, "ahead", 1, 1 - theirs.newest.of(slots).astype(np.int32)), state.flags)
        flags = all_.flags.put(flags, "silent", 0, 0)
        state = State(mine, state.peers, state.sent, state.coming, flags)
        if self.heard is None:
            return state
        after = self.heard.of(mine, self.context(self.heard, state))
        return self._wrote(state, np.where(after >= 0, after, mine))
