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

from prgcore.network.setting import Setting
from prgcore.prove.codec import Codes
from prgcore.prove.network.facing import Event, Machine, Table
from prgcore.prove.network.flags import Flags
from prgcore.prove.network.rows import Each, Ids, Lazy, Rows
from prgcore.prove.network.steps import Step, seated
from prgcore.seats import NODES

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


@define(eq=False)
class Copies:
    """The networks of a machine without a record.

    Attributes:
        moves: for every kind of moves, what it is for a node: verb, event, whose.
        twice: see `served`.
    """

    machine: Machine
    setting: Setting
    flags: Flags = field(init=False)
    parts: ClassVar = State._fields
    folded: bool = field(init=False)
    tables: tuple[Table, Table] = field(init=False)
    slots: tuple[Slots, Slots] = field(init=False)
    hears: tuple[Hearing, Hearing] = field(init=False)
    sides: tuple[_Side, _Side] = field(init=False)
    calm: tuple[_Side, _Side] = field(init=False)
    _kinds: dict[tuple[str, str, bool], int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        machine = self.machine
        shared = self.folded = machine.mirror is not None
        first = Table(machine, 0)
        self.tables = (first, first if shared else Table(machine, 1))
        slots = Slots(first)
        self.slots = (slots, slots if shared else Slots(self.tables[1]))
        hears = Hearing(first, self.slots[1])
        self.hears = (hears, hears if shared else Hearing(self.tables[1], slots))
        self.flags = Flags({"cut": 2, "ahead": 2, "silent": self.setting.silence + 1})
        self.sides, self.calm = (
            (sides[0], sides[-1]) for sides in (
                [_Side(self, n, quiet) for n in ((0,) if shared else (0, 1))]
                for quiet in (False, True)))

    @property
    def kinds(self) -> list[tuple[str, str, bool]]:
        """The kinds of moves by their numbers: verb, event or group, again."""
        return list(self._kinds)

    def kind(self, verb: str, event: str = "", *, again: bool = False) -> int:
        """The number of a kind of moves."""
        return self._kinds.setdefault((verb, event, again), len(self._kinds))

    def turned(self, state: State) -> State:
        """The same networks as the other node looks at them."""
        return State(state.peers, state.mine, state.coming, state.sent,
                     self.flags.turned.take(state.flags))

    def start(self, pairs: list[dict[str, str]]) -> State:
        """The networks in which both nodes know the same pair."""
        machine, codec = self.machine, self.machine.codec
        codes = [np.array(block, np.int32) for block in zip(
            *(codec.encode(pair) for pair in pairs), strict=True)]
        ids = []
        for n, code in enumerate((codes, machine.turned(codes))):
            own = [c.copy() for c in code]
            for k in machine.facts.hidden[self.tables[n].node]:
                machine.put(own, k, np.zeros(len(pairs), np.int32))
            ids.append(self.tables[n].rows.ids(own))
        none = np.zeros(len(pairs), np.int32)
        return State(ids[0], ids[1], none, none, none)

    def steps(self, state: State, *, quiet: bool = False) -> Iterator[tuple[int, State, Step]]:
        """All moves from some networks: the node that looks, what it sees, and its moves.

        Args:
            quiet: only those without an adversary or an administrator.
        """
        sides = self.calm if quiet else self.sides
        for n, view in enumerate((state, self.turned(state))):
            for step in sides[n].steps(view):
                yield n, view, step
        yield from ((0, state, step) for step in sides[0].both(state))

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
class _Side:
    """The moves of one node, or of its peer's heartbeats to it."""

    all: Copies
    n: int
    quiet: bool

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
                at = self._silent(state)
            yield self._decided(kind, event, state, at, clash=when == "clash")
        yield from self._talk(state, runs)
        if self.all.setting.has("one-way") and not self.quiet:
            cut = self.all.flags.of(state.flags, "cut", 1)
            none = np.zeros(len(cut), np.int32)
            flags = self.all.flags.put(state.flags, "cut", 1, 1 - cut)
            yield Step(self.all.kind("cut"), np.arange(len(cut)), State(
                state.mine, state.peers, state.sent, np.where(cut, state.coming, none), flags))

    def _silent(self, state: State) -> npt.NDArray[np.intp]:
        """Where this node may count its peer as lost."""
        setting, flags = self.all.setting, self.all.flags
        if setting.silence:
            return np.flatnonzero(flags.of(state.flags, "silent", 0) >= setting.silence)
        if setting.has("loss") and not self.quiet:
            return np.arange(len(state.mine))
        return np.flatnonzero(state.coming == 0)

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

    def _arrives(self, state: State, slots: Ids) -> State:
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

    def _talk(self, state: State, runs: npt.NDArray[np.bool_]) -> Iterator[Step]:
        """What heartbeats of the peer do: they arrive at once, set out, arrive later, are lost."""
        all_, has, loud = self.all, self.all.setting.has, not self.quiet
        flags, slots = all_.flags, all_.slots[1 - self.n]
        empty = state.coming == 0
        joined = flags.of(state.flags, "cut", 1) == 0
        sends = all_.sides[1 - self.n].runs.of(state.peers) & joined & runs
        at = np.flatnonzero(sends if loud and has("reorder") else sends & empty)
        some = state.take(at)
        sent = slots.sends.of(some.peers, flags.of(some.flags, "ahead", 1) * 2
                              + 1 - flags.of(some.flags, "ahead", 0))
        after = self._arrives(some, sent)
        news = np.zeros(len(at), np.bool_)
        for old, new in zip(some, after, strict=True):
            news |= old != new
        changed = np.flatnonzero(news)
        after = after.take(changed)
        after = after._replace(coming=slots.overtaken.of(after.coming))
        yield Step(all_.kind("beat"), at[changed], after)
        if not has("delay"):
            return
        out = np.flatnonzero(news & (some.coming == 0) & loud)
        yield Step(all_.kind("send"), at[out], some.take(out)._replace(coming=sent[out]))
        at = np.flatnonzero(~empty)
        some = state.take(at)
        ran = runs[at]
        gone = some._replace(coming=np.zeros(len(at), np.int32))
        if has("loss") and loud:
            yield Step(all_.kind("lose"), at, gone)
        else:
            yield Step(all_.kind("deliver"), at[~ran], gone.take(np.flatnonzero(~ran)))
        here = np.flatnonzero(ran)
        at, some = at[here], some.take(here)
        after = self._arrives(some, some.coming)
        yield Step(all_.kind("deliver"), at, after._replace(coming=np.zeros(len(at), np.int32)))
        if has("duplicate") and loud:
            yield Step(all_.kind("deliver", again=True), at,
                       after._replace(coming=slots.told.of(after.coming)))

    def both(self, state: State) -> Iterator[Step]:
        """The moves of the network as a whole."""
        if self.all.setting.silence:
            yield from self._ticks(state)
        if self.quiet:
            return
        setting, flags, kind = self.all.setting, self.all.flags, self.all.kind
        mine, peers = flags.of(state.flags, "cut", 0), flags.of(state.flags, "cut", 1)
        none = np.zeros(len(mine), np.int32)
        if setting.has("cut"):
            for verb, at, value in (("cut", mine & peers == 0, 1), ("heal", mine | peers, 0)):
                here = np.flatnonzero(at)
                some = state.take(here)
                new = flags.put(flags.put(some.flags, "cut", 0, value), "cut", 1, value)
                if value:
                    some = some._replace(sent=none[here], coming=none[here])
                yield Step(kind(f"{verb} both"), here, some._replace(flags=new))

    def _ticks(self, state: State) -> Iterator[Step]:
        setting, flags = self.all.setting, self.all.flags
        views = (state, self.all.turned(state))
        runs = [side.runs.of(view.mine) for side, view in zip(self.all.sides, views, strict=True)]
        joined = [flags.of(state.flags, "cut", n) == 0 for n in (0, 1)]
        arrives = [runs[n] & joined[n] for n in (0, 1)]  # what node n sends can arrive
        loses = setting.has("loss") and not self.quiet
        for lost in ((), (0,), (1,), (0, 1)) if loses else ((),):
            able = np.ones(len(state.mine), np.bool_)
            for n in lost:
                able &= arrives[n]
            at = np.flatnonzero(able)
            new = state.flags[at]
            for n in (0, 1):
                count = flags.of(new, "silent", n)
                more = np.minimum(setting.silence, count + 1)
                heard = arrives[1 - n][at] & (1 - n not in lost)
                new = flags.put(new, "silent", n, np.where(heard, 0, more))
            name = "both" if len(lost) > 1 else NODES[lost[0]] if lost else ""
            yield Step(self.all.kind("tick", name), at, state.take(at)._replace(flags=new))
